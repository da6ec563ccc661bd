"""Sweeps of two-valued networks over explicit fields. Packed patterns have kernels of their own.

All take a threshold per cue and unit, shape (Q, N), or one row for all cues, shape (1, N). A unit
goes up where its field exceeds the threshold, down where it falls below, and keeps its state in
between: fixed points stay fixed. Heat-bath noise enters as a random threshold.
"""

from typing import Any

import numpy as np

from neuromem.kernels._jit import kernel

Array = Any


@kernel
def dense_sweep(
    columns: Array,
    zero_diagonal: bool,
    fields: Array,
    states: Array,
    order: Array,
    thresholds: Array,
    tolerance: float,
    low: int,
) -> Array:
    """Visit the units in `order`, keep `fields` up to date, and return flips per cue (Q,).

    columns (N, N): columns[i] is the column W[:, i]; fields (Q, N) of the same dtype;
    states (Q, N) int8 of `low` and 1; order (K,) int64. Writes `fields` and `states`.
    """
    n_cues, n = states.shape
    flips = np.zeros(n_cues, np.int64)
    shared = thresholds.shape[0] == 1
    for q in range(n_cues):
        threshold = thresholds[0] if shared else thresholds[q]
        field = fields[q]
        for i in order:
            excess = field[i] - threshold[i]
            new = states[q, i]
            if excess > tolerance:
                new = np.int8(1)
            elif excess < -tolerance:
                new = np.int8(low)
            change = new - states[q, i]
            if change != 0:
                states[q, i] = new
                flips[q] += 1
                column = columns[i]
                step = columns.dtype.type(change)
                own = field[i]
                for j in range(n):
                    field[j] += step * column[j]
                if zero_diagonal:
                    field[i] = own
    return flips


@kernel
def mixed_sweep(
    units: Array,
    mixing: Array,
    diagonal: Array,
    coefficients: Array,
    states: Array,
    order: Array,
    thresholds: Array,
    tolerance: float,
) -> Array:
    """Sweep over W = X^T G X - diag without building W; return flips per cue (Q,).

    units (K, P) int8: the bits of the units that `order` (K,) visits; mixing (P, P) float64 = G;
    diagonal (N,); coefficients (Q, P) = G X s, kept up to date; states (Q, N) int8 of +-1.
    """
    n_cues, n_patterns = coefficients.shape
    flips = np.zeros(n_cues, np.int64)
    shared = thresholds.shape[0] == 1
    for q in range(n_cues):
        threshold = thresholds[0] if shared else thresholds[q]
        mixed = coefficients[q]
        for k in range(order.size):
            i = order[k]
            excess = -threshold[i] - diagonal[i] * states[q, i]
            for m in range(n_patterns):
                excess += mixed[m] * units[k, m]
            if abs(excess) > tolerance and excess * states[q, i] < 0.0:
                states[q, i] = -states[q, i]
                flips[q] += 1
                for m in range(n_patterns):
                    total = 0.0
                    for o in range(n_patterns):
                        total += mixing[m, o] * units[k, o]
                    mixed[m] += 2.0 * states[q, i] * total
    return flips


@kernel
def parallel_step(
    fields: Array,
    own: float,
    states: Array,
    previous: Array,
    thresholds: Array,
    tolerance: float,
    low: int,
    new: Array,
) -> tuple[Array, Array]:
    """Set every unit at once by its field; write `new` (Q, N) and compare it with the past.

    `own` times the state is taken from each of `fields` (Q, N) first. Returns the number of units
    per cue that differ from `states` and from `previous`, both (Q,): zero in the first is a fixed
    point, zero in the second a 2-cycle.
    """
    n_cues, n = states.shape
    changed = np.zeros(n_cues, np.int64)
    older = np.zeros(n_cues, np.int64)
    shared = thresholds.shape[0] == 1
    high = np.int8(1)
    for q in range(n_cues):
        # Rows by name, selects in the place of branches and counts in a loop of their own: so
        # LLVM runs over units with vector instructions (30 times faster than one plain loop).
        field, state, before, after = fields[q], states[q], previous[q], new[q]
        threshold = thresholds[0] if shared else thresholds[q]
        for i in range(n):
            excess = np.float64(field[i] - own * state[i]) - threshold[i]
            value = high if excess > tolerance else state[i]
            after[i] = np.int8(low) if excess < -tolerance else value
        moved, back = np.int32(0), np.int32(0)
        for i in range(n):
            moved += np.int32(after[i] != state[i])
            back += np.int32(after[i] != before[i])
        changed[q], older[q] = moved, back
    return changed, older
