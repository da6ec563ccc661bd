"""Sparse weights: alpha-entmax of scores, exactly, from blocks of scores.

With z = beta (score - top) <= 0, a weight is ``[1 + (alpha - 1) (z - shift)]_+^(1 / (alpha - 1))``
with the one shift at which all add up to 1 (Peters, Niculae & Martins, ACL 2019, with Tsallis's
exponential written out): softmax for alpha = 1, where the shift is the log-sum-exp of z, sparsemax
for 2.

What is solved for is the *level*, in which the sum of weights falls: the shift itself for
alpha <= 2; beyond, where the shift would lose the digits of nearly equal scores, (alpha - 1) shift
- 1, which is minus the base of the top score's weight.

Scores of a block are (G, n, W): panels of W cues each, as `neuromem.kernels.softmax` makes them.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from neuromem.kernels._jit import kernel

Array = Any


@kernel
def _tsallis(z: float, level: float, alpha: float) -> tuple[float, float]:
    """Return the weight of z and its derivative; zero from `_edge` downward."""
    if alpha == 1.0:
        weight = math.exp(z - level)
        return weight, weight
    part = (alpha - 1.0) * (z - level)
    base = 1.0 + part if alpha <= 2.0 else (alpha - 1.0) * z - level
    if not base > 0.0:
        return 0.0, 0.0
    if alpha == 2.0:
        return base, 1.0
    if alpha == 1.5:
        return base * base, base
    logarithm = math.log1p(part) if alpha < 2.0 else math.log(base)
    weight = math.exp(logarithm / (alpha - 1.0))
    return weight, weight / base


@kernel
def _edge(level: float, alpha: float) -> float:
    """Return the z from which downward patterns weigh nothing."""
    if alpha == 1.0:
        return -math.inf
    return level - 1.0 / (alpha - 1.0) if alpha <= 2.0 else level / (alpha - 1.0)


@kernel
def _floor(top: float, level: float, beta: float, alpha: float) -> float:
    """Return the score up to which a pattern weighs nothing; the top score always weighs."""
    return min(top + _edge(level, alpha) / beta, float(np.nextafter(top, -math.inf)))


@kernel
def lowest_level(alpha: float) -> float:
    """Return the level for a single pattern, than which none is lower."""
    return 0.0 if alpha <= 2.0 else -1.0


@kernel
def highest_level(n: int, alpha: float) -> float:
    """Return the level for n equal scores, than which none is higher."""
    if alpha == 1.0:
        return math.log(n)
    if alpha > 2.0:
        return -max(math.exp((1.0 - alpha) * math.log(n)), 1e-300)
    return -math.expm1((1.0 - alpha) * math.log(n)) / (alpha - 1.0)


@kernel
def shift_of(level: Any, alpha: float) -> Any:
    """Return the shift that a level (or an array of them) stands for."""
    return (level + 1.0) / (alpha - 1.0) if alpha > 2.0 else level * 1.0


@kernel
def _refine(
    alpha: float, total: float, slope: float, bracket: Array, level: float, trial: int
) -> float:
    """Return a better level, at which weights add up to one, and narrow its bracket (2,).

    Newton's step on total^(alpha - 1), which is convex in the level for alpha <= 2 (a norm of
    linear parts) and almost linear: from the left it never oversteps. For larger alpha, bisection
    takes over where it leaves the bracket or does not arrive.
    """
    bracket[0 if total >= 1.0 else 1] = level
    gain = math.log(total) if total > 0.0 else -math.inf
    excess = total * (gain if alpha == 1.0 else math.expm1((1.0 - alpha) * gain) / (1.0 - alpha))
    if alpha > 2.0:
        excess *= alpha - 1.0
    new = level + excess / slope if slope > 0.0 else bracket[1]
    if not bracket[0] <= new <= bracket[1] or trial > 30:
        low, high = bracket
        new = 0.5 * (low + high) if alpha <= 2.0 else -math.sqrt(-low) * math.sqrt(-high)
    tolerance = 1e-16 + 2e-16 * level if alpha <= 2.0 else -2e-16 * level
    return new if abs(new - level) > tolerance else level


@kernel
def _threshold(scores: Array, beta: float, alpha: float) -> tuple[float, float]:
    """Return the largest score and the level at which the weights of all scores add up to 1."""
    top = np.float64(np.max(scores))
    level = lowest_level(alpha)
    bracket = np.array([level, highest_level(scores.size, alpha)])
    for trial in range(100):
        total, slope = 0.0, 0.0
        for score in scores:
            weight, change = _tsallis(beta * (np.float64(score) - top), level, alpha)
            total += weight
            slope += change
        new = _refine(alpha, total, slope, bracket, level, trial)
        if new == level:
            break
        level = new
    return top, level


@kernel
def entmax(scores: Array, beta: float, alpha: float, weights: Array) -> float:
    """Write the alpha-entmax of beta scores (P,) to `weights`, and return their free score.

    The free score is the conjugate of the negative entropy over beta, a soft maximum: for
    alpha = 1 log-sum-exp over beta.
    """
    top, level = _threshold(scores, beta, alpha)
    total, mean = 0.0, 0.0
    for p in range(scores.size):
        z = beta * (np.float64(scores[p]) - top)
        weights[p] = _tsallis(z, level, alpha)[0]
        if weights[p] > 0.0:
            total += weights[p]
            mean += weights[p] * z
    weights /= total
    soft = shift_of(level, alpha) / alpha + (1.0 - 1.0 / alpha) * mean / total
    return top + float(soft) / beta


class Candidates(NamedTuple):
    """Patterns that may weigh something, per cue; Numba takes the record as it is.

    Attributes
    ----------
    top, floor : (Q,) float64
        Largest score so far, and the score up to which a pattern surely weighs nothing.
    count : (Q,) int64
        How many are kept; -1 once more than K / 2 do weigh something.
    index, scores : (Q, K) int64 and the scores' type
        Their places, in the order in which they came, and scores.
    """

    top: Array
    floor: Array
    count: Array
    index: Array
    scores: Array


@kernel
def _compact(found: Candidates, q: int, beta: float, alpha: float) -> None:
    """Drop candidates that weigh nothing, or give the cue up if too many are left.

    The threshold of some patterns is never above that of all: what it drops stays out.
    """
    top, level = _threshold(found.scores[q], beta, alpha)
    floor = max(found.floor[q], _floor(top, level, beta, alpha))
    n = 0
    for i in range(found.scores.shape[1]):
        if found.scores[q, i] > floor:
            found.scores[q, n], found.index[q, n] = found.scores[q, i], found.index[q, i]
            n += 1
    crowded = 2 * n > found.scores.shape[1]
    found.count[q] = -1 if crowded else n
    found.floor[q] = math.inf if crowded else floor


@kernel
def _keep(
    scores: Array, pattern: int, row: int, beta: float, alpha: float, found: Candidates
) -> None:
    """Keep one pattern for the cues from `row` on whose floor its score exceeds."""
    for lane in range(scores.size):
        q = row + lane
        if scores[lane] > found.floor[q] and found.count[q] == found.scores.shape[1]:
            _compact(found, q, beta, alpha)
        if scores[lane] > found.floor[q]:
            place = found.count[q]
            found.index[q, place], found.scores[q, place] = pattern, scores[lane]
            found.count[q] += 1


@kernel
def keep_candidates(
    scores: Array, first: int, n_cues: int, beta: float, alpha: float, found: Candidates
) -> None:
    """Keep what may weigh something among the patterns from `first` on."""
    width = scores.shape[2]
    peaks, floors = np.empty(width, scores.dtype), np.empty(width, scores.dtype)
    for panel in range(len(scores)):
        row = panel * width
        here = scores[panel, :, : min(width, n_cues - row)]
        peaks[: here.shape[1]] = here[0]
        for p in range(len(here)):
            for lane in range(here.shape[1]):
                peaks[lane] = max(peaks[lane], here[p, lane])
        for lane in range(here.shape[1]):
            q = row + lane
            found.top[q] = max(found.top[q], np.float64(peaks[lane]))
            found.floor[q] = max(
                found.floor[q], _floor(found.top[q], lowest_level(alpha), beta, alpha)
            )
            floors[lane] = found.floor[q]
        for p in range(len(here)):
            hits = 0
            for lane in range(here.shape[1]):  # rounding the floor keeps the order
                hits += here[p, lane] >= floors[lane]
            if hits > 0:
                _keep(here[p], first + p, row, beta, alpha, found)


@kernel
def read_candidates(
    found: Candidates, content: Array, beta: float, alpha: float, free: Array, out: Array
) -> None:
    """Weigh the candidates of each cue, read them into `out` (Q, m), write free scores (Q,)."""
    room = np.empty(found.scores.shape[1])
    for q in range(len(free)):
        if found.count[q] < 0:
            continue
        weights = room[: found.count[q]]
        free[q] = entmax(found.scores[q, : found.count[q]], beta, alpha, weights)
        for i in range(weights.size):
            weight = out.dtype.type(weights[i])
            pattern = content[found.index[q, i]]
            for j in range(pattern.size):
                out[q, j] += weight * pattern[j]


@kernel
def weigh_all(
    scores: Array, top: Array, beta: float, alpha: float, level: Array, sums: Array
) -> None:
    """Turn scores into weights at given tops and levels (Q,), in place.

    Adds up per cue, in `sums` (3, Q): weights, their derivatives, and weights times z.
    """
    width = scores.shape[2]
    for q in range(level.size):
        weights = scores[q // width, :, q % width]
        for p in range(weights.size):
            z = beta * (np.float64(weights[p]) - top[q])
            weight, change = _tsallis(z, level[q], alpha)
            weights[p] = weight
            sums[0, q] += weight
            sums[1, q] += change
            sums[2, q] += weight * z if weight > 0.0 else 0.0


@kernel
def refine_all(sums: Array, alpha: float, brackets: Array, levels: Array, trial: int) -> bool:
    """Improve levels (Q,) in their brackets (Q, 2) by what `weigh_all` summed; say if any moved.

    The bracket of a level that rests is closed: what others still need does not move it.
    """
    moved = False
    for q in range(levels.size):
        if brackets[q, 0] < brackets[q, 1]:
            new = _refine(alpha, sums[0, q], sums[1, q], brackets[q], levels[q], trial)
            if new == levels[q]:
                brackets[q] = new
            moved = moved or new != levels[q]
            levels[q] = new
    return moved
