"""Dense associative memories: differences of energy from overlaps, by table.

F is the energy function and M the overlap of a pattern with the state. Moving unit i from -1 to +1
gains ``sum_mu F(R + xi_i) - F(R - xi_i)``, R = M - xi_i s_i. As xi_i and s_i are signs, twice that
is ``sum_mu xi_i gain(M) + s_i sum_mu loss(M)`` with gain(M) = F(M+2) - F(M-2) and loss(M) =
2 F(M) - F(M+2) - F(M-2): a visit needs P multiplications, and only a flip looks up the tables.

Tables (2 N + 1,) hold M = -N..N, or M - max M = -2N..0 where `relative`: int64 where sums of them
cannot overflow, else float64. Differences within `tolerance` times the sum of the terms' magnitudes
count as zero: their sign is rounding (0 for integers).
"""

from typing import Any

import numpy as np

from neuromem.kernels._jit import kernel

Array = Any

LANES = 64
"""Partial sums of floats side by side: a fixed order that LLVM may still turn into vectors."""


@kernel
def _look_up(
    overlaps: Array, gains: Array, losses: Array, relative: bool, weights: Array
) -> tuple[Any, float]:
    """Write gain(M) (P,); return the sum of loss(M) and the sum of all terms' magnitudes."""
    offset = gains.size - 1 - np.max(overlaps) if relative else gains.size // 2
    own, mass = gains.dtype.type(0), 0.0
    for m in range(overlaps.size):
        place = overlaps[m] + offset
        weights[m] = gains[place]
        own += losses[place]
        mass += abs(np.float64(gains[place])) + abs(np.float64(losses[place]))
    return own, mass


@kernel
def _signed_sum(weights: Array, signs: Array, exact: bool, parts: Array) -> Any:
    """Return the sum of weights times signs (P,); its order matters only where it is not exact."""
    total = weights.dtype.type(0)
    whole = 0 if exact else weights.size // LANES * LANES
    parts[:] = 0
    for start in range(0, whole, LANES):
        some, their = weights[start : start + LANES], signs[start : start + LANES]
        for lane in range(LANES):
            parts[lane] += some[lane] * their[lane]
    if whole > 0:
        total += np.sum(parts)
    some, their = weights[whole:], signs[whole:]
    for m in range(some.size):
        total += some[m] * their[m]
    return total


@kernel
def table_sweep(
    units: Array,
    order: Array,
    gains: Array,
    losses: Array,
    relative: bool,
    tolerance: float,
    overlaps: Array,
    states: Array,
) -> Array:
    """Visit units in turn and flip each that stands against its gain; return flips per cue (Q,).

    units (K, P) int8: what the patterns hold at the units that `order` (K,) visits; overlaps
    (Q, P) and states (Q, N) are kept up to date.
    """
    flips = np.zeros(len(states), np.int64)
    weights, parts = np.empty(units.shape[1], gains.dtype), np.empty(LANES, gains.dtype)
    for q in range(len(states)):
        own, mass = _look_up(overlaps[q], gains, losses, relative, weights)
        for k in range(order.size):
            state = states[q, order[k]]
            total = _signed_sum(weights, units[k], tolerance == 0.0, parts) + state * own
            if total * state < 0 and abs(total) > tolerance * mass:
                states[q, order[k]] = -state
                flips[q] += 1
                for m in range(units.shape[1]):
                    overlaps[q, m] -= 2 * state * units[k, m]
                own, mass = _look_up(overlaps[q], gains, losses, relative, weights)
    return flips


@kernel
def table_weights(
    overlaps: Array,
    gains: Array,
    losses: Array,
    relative: bool,
    weights: Array,
    own: Array,
    mass: Array,
) -> None:
    """Write gain(M) (Q, P), and per cue what `_look_up` returns."""
    for q in range(len(overlaps)):
        own[q], mass[q] = _look_up(overlaps[q], gains, losses, relative, weights[q])


@kernel
def add_weighted(weights: Array, patterns: Array, fields: Array) -> None:
    """Add weights (Q, B) times patterns (B, N) int8 to `fields` (Q, N), pattern by pattern."""
    for q in range(len(fields)):
        field = fields[q]
        for m in range(len(patterns)):
            weight, pattern = weights[q, m], patterns[m]
            for i in range(field.size):
                field[i] += weight * pattern[i]
