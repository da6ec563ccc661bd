"""Loops of the search arrays: content-addressable memories, hypervectors, hard locations.

A ternary cell is two devices: one conducts if the search bit 1 misses, the other if 0 misses. In
bits, `driven` (Q, 2, W) says which of the two search lines of each column a query drives and `on`
(2, W, P) which devices conduct; a word holds 64 columns, padding zero. What is stored (P lines,
M rows) comes last in arrays that every query passes over, so that vector instructions run over it.
"""

from typing import Any, TypeAlias

import numpy as np

from neuromem.kernels._jit import kernel, popcount

Array: TypeAlias = Any

_ONES = 0x0101010101010101  # the lowest bit of each of eight bytes
_GATHER = 0x0102040810204080  # a product with it brings those eight bits to the top byte
_BLOCK = 1024  # sums that stay in first-level cache while the columns pass by

# ------------------------------------------------------------------------------ ternary


@kernel
def pack_ternary(octets: Array, driven: Array) -> None:
    """Write which search lines queries drive: plane 0 where a unit is 1, plane 1 where it is 0.

    octets (Q, N / 8) uint64, eight int8 units of 1, 0 or -1 (neither line) each; driven
    (Q, 2, W) uint64.
    """
    ones, gather, top = np.uint64(_ONES), np.uint64(_GATHER), np.uint64(56)
    for q in range(octets.shape[0]):
        driven[q] = 0
        for k in range(octets.shape[1]):
            units = octets[q, k]
            low, second = units & ones, (units >> np.uint64(1)) & ones  # -1 has both bits set
            place, shift = k >> 3, np.uint64(8 * (k & 7))
            driven[q, 0, place] |= (((low & ~second) * gather) >> top) << shift
            driven[q, 1, place] |= (((low ^ ones) * gather) >> top) << shift


@kernel
def mismatches(
    driven: Array, on: Array, base: Array, gain: Any, first: int, last: int, out: Array
) -> None:
    """Write ``base[q] + gain * (devices on that query q drives)`` for lines first to last.

    driven (Q, 2, W) uint64, on (2, W, P) uint64, base (Q,) and gain of the type of out (Q, P).
    """
    counts = np.empty(_BLOCK, np.uint64)
    for begin in range(first, last, _BLOCK):
        end = min(begin + _BLOCK, last)
        found = counts[: end - begin]
        for q in range(driven.shape[0]):
            found[:] = 0
            for w in range(on.shape[1]):
                one, zero = driven[q, 0, w], driven[q, 1, w]
                if_one, if_zero = on[0, w, begin:end], on[1, w, begin:end]
                for p in range(found.size):
                    # A column drives one line or none: the two terms share no bit.
                    found[p] += popcount((one & if_one[p]) | (zero & if_zero[p]))
            row = out[q, begin:end]
            for p in range(found.size):
                row[p] = base[q] + gain * found[p]


# ------------------------------------------------------------------------------ analog


@kernel
def outside(queries: Array, lower: Array, upper: Array, first: int, last: int, out: Array) -> None:
    """Count the cells whose interval a query misses, for lines first to last.

    queries (Q, N), lower and upper (N, P) of one float type, out (Q, P) int32.
    """
    for begin in range(first, last, _BLOCK):
        end = min(begin + _BLOCK, last)
        for q in range(queries.shape[0]):
            row = out[q, begin:end]
            row[:] = 0
            for j in range(queries.shape[1]):
                x = queries[q, j]
                low, high = lower[j, begin:end], upper[j, begin:end]
                for p in range(row.size):
                    row[p] += (x < low[p]) | (x > high[p])


@kernel
def excess(queries: Array, lower: Array, upper: Array, first: int, last: int, out: Array) -> None:
    """Sum how far a query lies beyond the intervals of each line, for lines first to last.

    queries (Q, N), lower and upper (N, P), out (Q, P), all of one float type.
    """
    zero = out.dtype.type(0)
    for begin in range(first, last, _BLOCK):
        end = min(begin + _BLOCK, last)
        for q in range(queries.shape[0]):
            row = out[q, begin:end]
            row[:] = 0
            for j in range(queries.shape[1]):
                x = queries[q, j]
                low, high = lower[j, begin:end], upper[j, begin:end]
                for p in range(row.size):
                    row[p] += max(low[p] - x, zero) + max(x - high[p], zero)


# ------------------------------------------------------------------------------ hypervectors


@kernel
def bind_and_bundle(
    originals: Array, complements: Array, masks: Array, tuples: Array, starts: Array, counts: Array
) -> None:
    """Add the hypervectors of tuples of symbols to the counts of the samples they belong to.

    The hypervector of a tuple is the OR of its minterms; a minterm is the AND over the places k
    of what array k holds for the symbol there, the complement where bit k of its mask is set.

    originals, complements (K, S, D) uint8 of 0 and 1; masks (n_minterms,) int64; tuples (T, K)
    int64, those of sample b from starts[b] to starts[b + 1]; counts (B, D) int32 to add to.
    """
    n_places, dimension = originals.shape[0], originals.shape[2]
    term, bound = np.empty(dimension, np.uint8), np.empty(dimension, np.uint8)
    for b in range(counts.shape[0]):
        row = counts[b]
        for t in range(starts[b], starts[b + 1]):
            bound[:] = 0
            for m in range(masks.size):
                term[:] = 1
                for k in range(n_places):
                    array = complements if (masks[m] >> k) & 1 else originals
                    bits = array[k, tuples[t, k]]
                    for i in range(dimension):
                        term[i] &= bits[i]
                for i in range(dimension):
                    bound[i] |= term[i]
            for i in range(dimension):
                row[i] += bound[i]


# ------------------------------------------------------------------------------ hard locations


@kernel
def count_rows(counters: Array, rows: Array, data: Array, limit: int) -> None:
    """Add `data` (N,) of +-1 to the counters (M, N) of `rows`, which stop at +-limit; integers."""
    for row in rows:
        counts = counters[row]
        for i in range(data.size):
            counts[i] = min(max(counts[i] + data[i], -limit), limit)


@kernel
def pulse_rows(
    counters: Array, rows: Array, data: Array, leak: Any, limit: Any, steps: Array
) -> None:
    """Move analog counters (M, N) of `rows` by one pulse each in the direction of `data` (N,).

    A pulse moves a state c by (data - leak c) times its step, and stops at +-limit. steps (A, N)
    for the A rows, or (1, N) for all of them; data, leak, limit and steps are of one float type.
    """
    for a in range(rows.size):
        state, step = counters[rows[a]], steps[min(a, steps.shape[0] - 1)]
        for i in range(data.size):
            moved = state[i] + (data[i] - leak * state[i]) * step[i]
            moved = limit if moved > limit else moved
            state[i] = -limit if moved < -limit else moved


@kernel
def sum_rows(counters: Array, rows: Array, starts: Array, out: Array) -> None:
    """Write the sum of the counters (M, N) of rows[starts[q] : starts[q + 1]] to out (Q, N)."""
    for q in range(out.shape[0]):
        total = out[q]
        total[:] = 0
        for k in range(starts[q], starts[q + 1]):
            counts = counters[rows[k]]
            for i in range(total.size):
                total[i] += counts[i]
