"""Digital-to-analog and analog-to-digital conversion, a row at a time.

A row is worked on in a buffer that stays in the cache: one pass over memory, and each stage is a
loop that compiles to vector instructions (``np.rint`` and ``np.floor`` are one of them each).
Arrays of two axes come flat with a pitch, the elements from one row to the next, so that a block
of columns of a larger array is worked on in place; a pitch of 0 repeats one row.

Random numbers come as 64-bit words (Q, (N + 1) // 2), drawn outside: a word serves two elements of
its own row, so what a row gets does not depend on the others. No row of words: not wanted.
"""

import math
from typing import Any

import numpy as np

from neuromem.kernels._jit import kernel

Array = Any

NEAREST, STOCHASTIC, COMPARATOR, IDEAL = range(4)
"""How a value becomes a code: ties to even; up with the fraction's probability; the sign; as is."""

LOW_HALF = np.uint64(0xFFFFFFFF)
HALF_BITS = np.uint64(32)
TWO_TO_MINUS_32 = np.float32(2.0**-32)
TWO_TO_MINUS_24 = np.float32(2.0**-24)
TAU = np.float32(2 * math.pi)
LN_2 = np.float32(math.log(2))
TWO_THIRDS = np.int32(np.float32(2 / 3).view(np.int32))
ZERO, QUARTER, HALF, ONE, MINUS_TWO = (np.float32(v) for v in (0.0, 0.25, 0.5, 1.0, -2.0))

# Minimax fits, relative or absolute errors below 1e-7: (ln(1 + f) - f) / f^2 for f in [-1/3, 1/3],
# sin(a) / a and cos(a) in a^2 for |a| <= pi / 2, lowest power first.
L0, L1, L2, L3, L4, L5, L6 = (
    np.float32(c)
    for c in (
        -0.49999909,
        0.33336748,
        -0.25010555,
        0.19817846,
        -0.16360645,
        0.16992518,
        -0.15690638,
    )
)
S0, S1, S2, S3, S4 = (
    np.float32(c) for c in (1.0, -0.166666567, 8.33302514e-3, -1.98074187e-4, 2.60190306e-6)
)
C0, C1, C2, C3, C4 = (
    np.float32(c) for c in (1.0, -0.499999053, 4.16635847e-2, -1.38537043e-3, 2.31539316e-5)
)


@kernel
def normals(words: Array, out: Array) -> None:
    """Turn uniform bits into standard normals: words (H,) uint64, out (2 H,) float32.

    Box and Muller (Ann. Math. Stat. 29, 610, 1958): the low half of a word gives the radius, the
    high half the angle. Words of fixed number and no branch, so that it vectorises; the largest
    value is 6.8, which 33 bits of the radius allow.
    """
    half = words.size
    for i in range(half):
        u = (np.float32(np.int64(words[i] & LOW_HALF)) + HALF) * TWO_TO_MINUS_32  # in (0, 1]
        # u = 2^exponent (1 + f) with f from -1/3 to 1/3, read off the bits of the float.
        bits = np.float32(u).view(np.int32)
        exponent = np.int32(bits - TWO_THIRDS) >> 23
        f = np.int32(bits - (exponent << 23)).view(np.float32) - ONE
        tail = (((((L6 * f + L5) * f + L4) * f + L3) * f + L2) * f + L1) * f + L0
        log = (f * f * tail + f) + np.float32(exponent) * LN_2
        radius = np.sqrt(max(MINUS_TWO * log, ZERO))
        turn = np.float32(np.int32(words[i] >> HALF_BITS)) * TWO_TO_MINUS_32  # -1/2 to 1/2
        angle = (abs(turn) - QUARTER) * TAU
        square = angle * angle
        sine = ((((S4 * square + S3) * square + S2) * square + S1) * square + S0) * angle
        cosine = (((C4 * square + C3) * square + C2) * square + C1) * square + C0
        out[i] = radius * sine
        out[half + i] = radius * (cosine if turn > ZERO else -cosine)


@kernel
def uniforms(words: Array, out: Array) -> None:
    """Turn bits into multiples of 2^-24 in [0, 1): words (H,) uint64, out (2 H,) float32."""
    half = words.size
    for i in range(half):
        out[i] = np.float32(np.int64((words[i] & LOW_HALF) >> np.uint64(8))) * TWO_TO_MINUS_24
        out[half + i] = np.float32(np.int64(words[i] >> np.uint64(40))) * TWO_TO_MINUS_24


@kernel
def _digitise(row: Array, mode: int, low: Any, high: Any, chances: Array) -> int:
    """Replace a row of values, in steps, by codes from `low` to `high`; return how many clipped.

    NaN counts as clipped; with COMPARATOR and IDEAL `low` and `high` are the largest floats, so
    that infinity does too.
    """
    clipped = 0
    if mode == COMPARATOR:
        for j in range(row.size):
            value = row[j]
            clipped += not (low <= value <= high)
            row[j] = np.sign(value)
        return clipped
    if mode == NEAREST:
        for j in range(row.size):
            row[j] = np.rint(row[j])
    elif mode == STOCHASTIC:
        for j in range(row.size):
            floor = np.floor(row[j])
            # The fraction is exact, where adding the chance before the floor would round.
            row[j] = floor + (ONE if chances[j] < row[j] - floor else ZERO)
    for j in range(row.size):
        code = row[j]
        clipped += not (low <= code <= high)
        row[j] = min(max(code, low), high)
    return clipped


@kernel
def encode(
    values: Array,
    pitch: int,
    n: int,
    step: Array,
    unit: Any,
    mode: int,
    low: Any,
    high: Any,
    words: Array,
    out: Array,
    out_pitch: int,
    first: int,
    last: int,
) -> int:
    """Write the codes of values / step[q] times `unit` to `out`; return how many clipped.

    values and out flat (Q rows of n), step (Q,), words (Q, (n + 1) // 2) uint64 if STOCHASTIC;
    rows from `first` to `last`. step, unit, low and high are of the dtype of the values.
    """
    row = np.empty(n, values.dtype)
    chances = np.empty(n + 1 if mode == STOCHASTIC else 0, np.float32)
    clipped = 0
    for q in range(first, last):
        source = values[q * pitch : q * pitch + n]
        target = out[q * out_pitch : q * out_pitch + n]
        for j in range(n):
            row[j] = source[j] / step[q]
        if mode == STOCHASTIC:
            uniforms(words[q], chances)
        clipped += _digitise(row, mode, low, high, chances)
        for j in range(n):
            target[j] = row[j] * unit
    return clipped


@kernel
def accumulate(
    total: Array,
    total_pitch: int,
    partial: Array,
    partial_pitch: int,
    noise_sd: Array,
    noise_pitch: int,
    noise_words: Array,
    gain: Array,
    offset: Array,
    step: Array,
    mode: int,
    low: Any,
    high: Any,
    rounding_words: Array,
    weight: Array,
    first: int,
    last: int,
) -> int:
    """Read analog outputs and add them to `total`; return how many conversions clipped.

    total += weight code(((partial + noise_sd N(0, 1)) gain + offset) / step) step

    total, partial and noise_sd flat; gain, offset, step (N,); weight (Q,); noise_words and
    rounding_words (Q or 0, (N + 1) // 2) uint64; rows from `first` to `last`. weight is of the
    dtype of total, all other floats of that of partial.
    """
    n = step.size
    row = np.empty(n, partial.dtype)
    draws = np.empty(n + 1, np.float32)
    clipped = 0
    for q in range(first, last):
        source = partial[q * partial_pitch : q * partial_pitch + n]
        target = total[q * total_pitch : q * total_pitch + n]
        row[:] = source
        if noise_words.shape[0] > 0:
            normals(noise_words[q], draws[: 2 * noise_words.shape[1]])
            sd = noise_sd[q * noise_pitch : q * noise_pitch + n]
            for j in range(n):
                row[j] += sd[j] * draws[j]
        for j in range(n):
            row[j] = (row[j] * gain[j] + offset[j]) / step[j]
        if rounding_words.shape[0] > 0:
            uniforms(rounding_words[q], draws[: 2 * rounding_words.shape[1]])
        clipped += _digitise(row, mode, low, high, draws)
        for j in range(n):
            target[j] += row[j] * step[j] * weight[q]
    return clipped
