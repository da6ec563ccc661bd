"""Programming, drift, relaxation and noise of device populations, a block of cells at a time.

A block of cells passes through all effects while it lies in the first-level cache, so that a
population costs one pass over memory. Everything is additions, multiplications and square roots in
a fixed order, without fused steps: float32 cells get the same bits on every processor.

Shapes: cells (n,), float32 or float64. Random words uint32, `BLOCK` for each block that is begun,
hence (ceil(n / BLOCK) BLOCK,). A law's table is (pieces, columns), float64: form, end of the piece,
low, high, number of coefficients, coefficients; no rows stand for an effect that is off. Laws take
x = g / reference and give S per `unit`.
"""

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from neuromem.kernels._jit import kernel

Array = Any

BLOCK = 1024
"""Cells of a block: what it needs fills half of a first-level cache of 32 KB."""

POLYNOMIAL, LOG, POWER, SATURATING = 0, 1, 2, 3
END, LOW, HIGH, COUNT, FIRST = 1, 2, 3, 4, 5


# ------------------------------------------------------------------- functions of one number


@kernel
def log32(x: Any) -> Any:
    """Return ln(x) in float32 for normal x > 0, to 2e-7 of it or of 1, whichever is larger.

    x = 2^e m with m from sqrt(1/2) to sqrt(2); the polynomial has the least relative error there.
    """
    bits = np.float32(x).view(np.int32)
    e = (bits - np.int32(0x3F3504F3)) >> np.int32(23)
    f = np.int32(bits - np.int32(e << np.int32(23))).view(np.float32) - np.float32(1.0)
    y = np.float32(-0.07633991)
    y = y * f + np.float32(0.12761828)
    y = y * f + np.float32(-0.1316046)
    y = y * f + np.float32(0.1420171)
    y = y * f + np.float32(-0.16623326)
    y = y * f + np.float32(0.20001231)
    y = y * f + np.float32(-0.25000823)
    y = y * f + np.float32(0.3333333)
    z = f * f
    power = np.float32(e)
    y = y * f * z + power * np.float32(-2.12194440e-4)
    return (y - np.float32(0.5) * z) + f + power * np.float32(0.693359375)


@kernel
def exp32(x: Any) -> Any:
    """Return exp(x) in float32 for -80 <= x <= 80, to a relative error of 3e-7."""
    # Adding 1.5 * 2^23 rounds to a whole number, for it leaves no bits for a fraction.
    i = (x * np.float32(1.44269504) + np.float32(12582912.0)) - np.float32(12582912.0)
    r = x - i * np.float32(0.693359375)
    r = r + i * np.float32(2.12194440e-4)
    y = np.float32(0.0013816343)
    y = y * r + np.float32(0.008368741)
    y = y * r + np.float32(0.04166835)
    y = y * r + np.float32(0.1666652)
    y = y * r + np.float32(0.49999994)
    y = (y * r * r + r) + np.float32(1.0)
    exponent = np.int32((np.int32(i) + np.int32(127)) << np.int32(23))
    return y * exponent.view(np.float32)


def _log(x: Any) -> Any:
    """Stand for the logarithm of the argument's type."""
    raise NotImplementedError


def _exp(x: Any) -> Any:
    """Stand for the exponential of the argument's type."""
    raise NotImplementedError


@overload(_log, strict=False)
def _log_of(x: Any) -> Any:
    if x == types.float32:
        return lambda x: log32(x)  # noqa: PLW0108  Numba takes no kernel for a function
    return lambda x: math.log(x)  # noqa: PLW0108  nor a built-in


@overload(_exp, strict=False)
def _exp_of(x: Any) -> Any:
    if x == types.float32:
        return lambda x: exp32(min(max(x, np.float32(-80.0)), np.float32(80.0)))
    return lambda x: math.exp(x)  # noqa: PLW0108


# --------------------------------------------------------------------- functions of one block


@kernel
def _normals(words: Array, z: Array) -> None:
    """Turn a block of random words into as many standard normals (Box and Muller, 1958).

    The first half of the words gives radii, the other half angles: 30 bits for a turn within
    +-pi/4, one that exchanges sine and cosine, one for the sign of both. The largest normal is
    sqrt(66 ln 2) = 6.76.
    """
    half = BLOCK // 2
    for i in range(half):
        u = np.float32(words[i]) * np.float32(2.0**-32) + np.float32(2.0**-33)
        radius = np.sqrt(np.float32(-2.0) * log32(u))
        turn = np.int32(words[half + i])
        r = np.float32(turn >> np.int32(2)) * np.float32(math.pi / 2**31)
        s = r * r
        sine = np.float32(-0.00019517486) * s + np.float32(0.00833218)
        sine = ((sine * s + np.float32(-0.16666655)) * s) * r + r
        cosine = np.float32(2.4435092e-05) * s + np.float32(-0.0013887337)
        cosine = cosine * s + np.float32(0.041666646)
        cosine = (cosine * s * s - np.float32(0.5) * s) + np.float32(1.0)
        radius = radius if turn & np.int32(2) else -radius
        z[i] = radius * (sine if turn & np.int32(1) else cosine)
        z[half + i] = radius * (cosine if turn & np.int32(1) else sine)


@kernel
def _relative(target: Array, reference: float, x: Array, log_x: Array) -> None:
    """Write x = target / reference, guarded against zero, and ln x."""
    kind = x.dtype.type
    scale = kind(1.0 / reference)
    for i in range(target.size):
        x[i] = target[i] * scale
    for i in range(target.size):
        log_x[i] = _log(max(x[i], kind(1e-7)))


@kernel
def _piece(row: Array, x: Array, log_x: Array, out: Array) -> None:
    """Write one piece of a law, before its limits."""
    kind = x.dtype.type
    form, a, b = int(row[0]), kind(row[FIRST]), kind(row[FIRST + 1])
    if form == POLYNOMIAL:
        c2, c3 = kind(row[FIRST + 2]), kind(row[FIRST + 3])
        c4, c5 = kind(row[FIRST + 4]), kind(row[FIRST + 5])
        for i in range(x.size):
            v = x[i]
            out[i] = a + v * (b + v * (c2 + v * (c3 + v * (c4 + v * c5))))
    elif form == LOG:
        for i in range(x.size):
            out[i] = a * log_x[i] + b
    elif form == POWER:
        for i in range(x.size):
            out[i] = a * _exp(b * log_x[i])
    elif form == SATURATING:
        slope = kind(-1.0 / row[FIRST + 1])
        for i in range(x.size):
            out[i] = a - a * _exp(slope * x[i])
    else:
        _lines(row, x, out)


@kernel
def _lines(row: Array, x: Array, out: Array) -> None:
    """Write straight lines between points: their first value and what each stretch adds."""
    kind = x.dtype.type
    points = int(row[COUNT]) // 2
    out[: x.size] = kind(row[FIRST + points])
    for k in range(FIRST, FIRST + points - 1):
        start, length = kind(row[k]), kind(row[k + 1] - row[k])
        slope = kind((row[k + points + 1] - row[k + points]) / (row[k + 1] - row[k]))
        for i in range(x.size):
            out[i] += slope * min(max(x[i] - start, kind(0.0)), length)


@kernel
def _law(table: Array, x: Array, log_x: Array, part: Array, out: Array) -> None:
    """Write the law of a block; `part` is room for one piece."""
    kind = x.dtype.type
    for p in range(len(table)):
        _piece(table[p], x, log_x, part)
        low, high = kind(table[p, LOW]), kind(table[p, HIGH])
        if p == 0:
            for i in range(x.size):
                out[i] = min(max(part[i], low), high)
        else:
            start = kind(table[p - 1, END])
            for i in range(x.size):
                value = min(max(part[i], low), high)
                out[i] = value if x[i] >= start else out[i]


@kernel
def _spread(
    target: Array, reference: float, table: Array, scale: float, room: Array, out: Array
) -> None:
    """Write the s.d. of a block, scale * law(target / reference); `room` is (3, BLOCK)."""
    kind, n = target.dtype.type, target.size
    factor, zero = kind(scale), kind(0.0)
    x, log_x = room[0, :n], room[1, :n]
    _relative(target, reference, x, log_x)
    _law(table, x, log_x, room[2], out)
    for i in range(n):
        out[i] = factor * max(out[i], zero)


# ---------------------------------------------------------------------------- populations


@kernel
def normals(words: Array, out: Array) -> None:
    """Write the standard normals that the effects below use."""
    z = np.empty(BLOCK, out.dtype)
    for first in range(0, out.size, BLOCK):
        last = min(first + BLOCK, out.size)
        _normals(words[first : first + BLOCK], z)
        out[first:last] = z[: last - first]


@kernel
def program(
    target: Array, reference: float, unit: float, words: Array, sigma: Array, out: Array
) -> None:
    """Write what cells hold after one write, max(target + unit sigma(x) N(0, 1), 0)."""
    zero = target.dtype.type(0.0)
    room = np.empty((3, BLOCK), target.dtype)
    width, z = np.empty(BLOCK, target.dtype), np.empty(BLOCK, target.dtype)
    for first in range(0, target.size, BLOCK):
        last = min(first + BLOCK, target.size)
        aim, held = target[first:last], out[first:last]
        _normals(words[first : first + BLOCK], z)
        _spread(aim, reference, sigma, unit, room, width)
        for i in range(last - first):
            held[i] = max(aim[i] + width[i] * z[i], zero)


@kernel
def exponents(
    target: Array, reference: float, words: Array, mean: Array, spread: Array, out: Array
) -> None:
    """Write drift exponents, abs(mean(x) + spread(x) N(0, 1))."""
    room = np.empty((3, BLOCK), target.dtype)
    center, width = np.empty(BLOCK, target.dtype), np.empty(BLOCK, target.dtype)
    z = np.empty(BLOCK, target.dtype)
    for first in range(0, target.size, BLOCK):
        last = min(first + BLOCK, target.size)
        own, n = out[first:last], last - first
        _normals(words[first : first + BLOCK], z)
        _spread(target[first:last], reference, spread, 1.0, room, width)
        _law(mean, room[0, :n], room[1, :n], room[2], center)
        for i in range(n):
            own[i] = abs(center[i] + width[i] * z[i])


@kernel
def drift(nu: Array, log_time: float, out: Array) -> None:
    """Multiply by exp(-nu log_time), with log_time = ln((t + t0) / t0)."""
    slope = nu.dtype.type(-log_time)
    for i in range(nu.size):
        out[i] *= _exp(slope * nu[i])


@kernel
def relax(
    target: Array,
    reference: float,
    unit: float,
    words: Array,
    before: Array,
    after: Array,
    part: float,
    shift_before: Array,
    shift_after: Array,
    made: Array,
    out: Array,
) -> None:
    """Add shift(x) + sigma(x) N(0, 1), none below zero.

    Laws hold `before` and `after`; `part` is how far the time lies between: the variance and the
    shift are linear in it. The variance of the law `made` is taken off, as far as there is any.
    """
    kind = target.dtype.type
    zero, late = kind(0.0), kind(part)
    early = kind(1.0) - late
    scale, shifted = kind(unit), len(shift_before) > 0
    room, z = np.empty((3, BLOCK), target.dtype), np.empty(BLOCK, target.dtype)
    a, b = np.empty(BLOCK, target.dtype), np.empty(BLOCK, target.dtype)
    for first in range(0, target.size, BLOCK):
        last = min(first + BLOCK, target.size)
        held, n = out[first:last], last - first
        x, log_x = room[0, :n], room[1, :n]
        _normals(words[first : first + BLOCK], z)
        _spread(target[first:last], reference, before, 1.0, room, a)
        _law(after, x, log_x, room[2], b)
        for i in range(n):
            b[i] = max(b[i], zero)
            a[i] = early * (a[i] * a[i]) + late * (b[i] * b[i])
        if len(made) > 0:
            _law(made, x, log_x, room[2], b)
            for i in range(n):
                b[i] = max(b[i], zero)
                a[i] = max(a[i] - b[i] * b[i], zero)
        for i in range(n):
            z[i] *= np.sqrt(a[i])
        if shifted:
            _law(shift_before, x, log_x, room[2], a)
            _law(shift_after, x, log_x, room[2], b)
            for i in range(n):
                z[i] += early * a[i] + late * b[i]
        for i in range(n):
            held[i] = max(held[i] + scale * z[i], zero)


@kernel
def fluctuate(
    target: Array,
    reference: float,
    words: Array,
    table: Array,
    scale: float,
    relative: bool,
    out: Array,
) -> None:
    """Add noise of s.d. scale law(x), times the conductance if `relative`; none below zero."""
    zero = target.dtype.type(0.0)
    room = np.empty((3, BLOCK), target.dtype)
    width, z = np.empty(BLOCK, target.dtype), np.empty(BLOCK, target.dtype)
    for first in range(0, target.size, BLOCK):
        last = min(first + BLOCK, target.size)
        held = out[first:last]
        _normals(words[first : first + BLOCK], z)
        _spread(target[first:last], reference, table, scale, room, width)
        if relative:
            for i in range(last - first):
                held[i] = max(held[i] + held[i] * (width[i] * z[i]), zero)
        else:
            for i in range(last - first):
                held[i] = max(held[i] + width[i] * z[i], zero)


@kernel
def noise_sigma(
    target: Array, reference: float, table: Array, scale: float, relative: bool, out: Array
) -> None:
    """Turn present conductances into the s.d. of the noise that `fluctuate` adds to them."""
    room, width = np.empty((3, BLOCK), target.dtype), np.empty(BLOCK, target.dtype)
    for first in range(0, target.size, BLOCK):
        last = min(first + BLOCK, target.size)
        held = out[first:last]
        _spread(target[first:last], reference, table, scale, room, width)
        for i in range(last - first):
            held[i] = width[i] * held[i] if relative else width[i]
