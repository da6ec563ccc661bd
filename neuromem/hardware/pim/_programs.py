"""Floating-point addition and multiplication as programs of array steps.

Rounded to nearest even as IEEE 754 demands, with subnormal numbers, signed zeros and infinities;
every NaN comes out as the one quiet NaN. All lanes go the same way: what depends on the data are
the rows that a search tags, never which steps are done.

Wang, Zhao, Li, Wang & Lin, ISCAS 2020 (arXiv:2003.01551) gave the idea: aligning by search and
multiplying by gated addition inside the array. The programs are our own, and exact.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

from neuromem.hardware.pim._steps import ONE, ZERO, Builder, Program

OPERANDS = {"add": 2, "multiply": 2, "multiply_accumulate": 3}


class Number(NamedTuple):
    """A float in its columns: fraction, exponent, sign, in the order of IEEE 754."""

    fraction: range
    exponent: range
    sign: int

    @classmethod
    def at(cls, columns: range, fraction_bits: int) -> Number:
        """Read a number of ``len(columns)`` bits."""
        return cls(columns[:fraction_bits], columns[fraction_bits:-1], columns[-1])


def reach(significand: int) -> int:
    """Return J such that a shift by 2**J - 1 leaves nothing of a significand but its sticky bit."""
    return (significand + 2).bit_length()


def _decode(to: Builder, number: Number) -> tuple[list[int], list[int]]:
    """Return the columns of significand and exponent; a subnormal has hidden bit 0, exponent 1."""
    hidden, lowest = to.cell(), to.cell()
    to.search((number.exponent, 0))
    to.latch(hidden, complement=True)
    to.latch(lowest)
    to.gate("or", (lowest, number.exponent[0]), lowest)
    return [*number.fraction, hidden], [lowest, *number.exponent[1:]]


def _ordered(to: Builder, a: Number, b: Number) -> tuple[Number, Number]:
    """Return copies of a and b, the one of larger magnitude first."""
    less = to.cell()
    to.put(less, 0)
    for x, y in zip([*a.fraction, *a.exponent], [*b.fraction, *b.exponent], strict=True):
        to.sense("xor", (x, y))  # the highest bit that differs has the last word
        to.gate("copy", (y,), less, gated=True)
    originals = [range(number.fraction.start, number.sign + 1) for number in (a, b)]
    copies = [to.take(len(originals[0])) for _ in originals]
    to.move(originals[0], copies[0])
    to.move(originals[1], copies[1])
    to.sense("copy", (less,))
    to.move(originals[1], copies[0], gated=True)
    to.move(originals[0], copies[1], gated=True)
    bits = len(a.fraction)
    return Number.at(copies[0], bits), Number.at(copies[1], bits)


def _aligned(to: Builder, number: Number, hidden: int, gap: range) -> range:
    """Shift a significand down by `gap`; return sticky, round, guard, significand, a free column.

    What is shifted out stays beside the field until one search makes the sticky bit of it.
    """
    n = len(number.fraction) + 1
    places = reach(n)
    field = to.take(2**places - 1 + n)
    to.fill(field[:-n], 0)
    to.move(number.fraction, field[-n:-1])
    to.gate("copy", (hidden,), field[-1])
    if len(gap) > places:
        to.search((gap[places:], 0), mismatch=True)
        to.fill(gap[:places], 1, gated=True)  # farther than J bits can say: the farthest
    for j in range(places):
        to.sense("copy", (gap[j],))
        to.shift(field, 2**j, gated=True)
    to.search((field[: -n - 2], 0), mismatch=True)
    to.latch(field[-n - 3])
    return range(field[-n - 3], to.cell() + 1)


def _normalised(to: Builder, window: range, exponent: Sequence[int]) -> tuple[range, int]:
    """Shift the leading one to the top; return exponent - places, and where nothing was left.

    Binary search: are the top 16 bits zero? The top 8? ... A window of zeros moves 2**J - 1.
    The exponent is in two's complement, its last column the sign.
    """
    nothing, left = to.cell(), to.take(len(exponent))
    to.search((window, 0))
    to.latch(nothing)
    to.fill(left, 1)  # the complement of how far it went
    for j in reversed(range((len(window) - 1).bit_length())):
        to.search((window[-(2**j) :], 0))
        to.latch(left[j], complement=True)
        to.shift(window, -(2**j), gated=True)
    to.ripple(exponent, left, ONE)
    return left, nothing


def _denormalised(to: Builder, field: range, exponent: range, significand: int) -> None:
    """Where the exponent is negative, shift the field down until it is 0, at most 2**J places."""
    places, sign = reach(significand), exponent[-1]
    back = to.take(places)
    to.move(exponent[:places], back)
    to.search((exponent[places:], 1), mismatch=True)
    to.fill(back, 0, gated=True)  # farther than J bits can say: the farthest
    to.sense("copy", (sign,))
    to.shift(field, 1, gated=True)  # -e is the complement of e, plus 1
    to.fill(exponent[:-1], 0, gated=True)
    for j in range(places):
        to.search(([sign], 1), ([back[j]], 0))
        to.shift(field, 2**j, gated=True)


def _rounded(to: Builder, field: range, exponent: range, out: Number) -> None:
    """Round the top of a field to nearest even and write it out.

    The exponent comes one too small for a normal number: adding the hidden bit corrects it and
    leaves 0 to a subnormal one. A carry of the rounding goes the same way.
    """
    n, e = len(out.fraction) + 1, len(out.exponent)
    fraction, hidden, half, rest = field[-n:-1], field[-1], field[-n - 1], field[: -n - 1]
    up = to.cell()
    to.search((rest, 0), mismatch=True)
    to.latch(up)
    to.gate("or", (up, fraction[0]), up)
    to.gate("and", (up, half), up)
    carry = to.ripple([ZERO] * len(fraction), fraction, up)
    to.ripple([hidden] + [ZERO] * e, exponent[: e + 1], carry)
    to.sense("copy", (exponent[e],))
    to.fill(exponent[:e], 1, gated=True)
    to.search((exponent[:e], 1))
    to.fill(fraction, 0, gated=True)  # overflow: infinity
    to.move(fraction, out.fraction)
    to.move(exponent[:e], out.exponent)


def _finish(to: Builder, field: range, window: range, exponent: Sequence[int], out: Number) -> None:
    """Normalise the window at the top of a field, round it, write fraction and exponent."""
    left, nothing = _normalised(to, window, exponent)
    _denormalised(to, field, left, len(out.fraction) + 1)
    to.sense("copy", (nothing,))
    to.fill(left, 0, gated=True)
    _rounded(to, field, left, out)


def _infinite(to: Builder, number: Number, out: Number) -> None:
    """Make the result infinite where `number` is infinite or NaN."""
    to.search((number.exponent, 1))
    to.fill(out.exponent, 1, gated=True)
    to.fill(out.fraction, 0, gated=True)


def _mark_nan(to: Builder, number: Number, nan: int) -> None:
    """Set column `nan` where `number` is NaN."""
    some = to.cell()
    to.search((number.fraction, 0), mismatch=True)
    to.latch(some)
    to.search((number.exponent, 1), ([some], 1))
    to.put(nan, 1, gated=True)


def _quiet(to: Builder, nan: int, out: Number) -> None:
    """Make the one quiet NaN where column `nan` is 1; the exponent is all ones already."""
    to.sense("copy", (nan,))
    to.fill(out.fraction[-1:], 1, gated=True)
    to.put(out.sign, 0, gated=True)


def add_into(to: Builder, a: Number, b: Number, out: Number) -> None:
    """Write the steps of out := a + b."""
    large, small = _ordered(to, a, b)
    significand, exponent = _decode(to, large)
    other, (lowest, *_) = _decode(to, small)
    apart = to.cell()
    to.gate("xor", (large.sign, small.sign), apart)

    gap = to.take(len(exponent))
    to.gate("not", (lowest,), gap[0])
    to.move(small.exponent[1:], gap[1:], complement=True)
    to.ripple(exponent, gap, ONE)
    window = _aligned(to, small, other[-1], gap)

    to.sense("copy", (apart,))
    to.move(window[:-1], window[:-1], complement=True, gated=True)
    carry = to.ripple([ZERO] * 3 + significand, window[:-1], apart)
    to.gate("copy", (carry,), window[-1])
    to.put(window[-1], 0, gated=True)  # the carry of a difference only says: not negative

    to.gate("copy", (large.sign,), out.sign)
    to.search((window, 0), ([apart], 1))
    to.put(out.sign, 0, gated=True)  # x - x = +0
    _finish(to, window, window, [*exponent, ZERO, ZERO], out)

    nan = to.cell()
    to.put(nan, 0)
    _infinite(to, large, out)
    _mark_nan(to, large, nan)  # a NaN is the larger of two
    to.search((large.exponent, 1), (small.exponent, 1), ([apart], 1))
    to.put(nan, 1, gated=True)  # infinity - infinity
    _quiet(to, nan, out)


def _product_exponent(to: Builder, xs: Sequence[int], ys: Sequence[int]) -> range:
    """Return x + y - bias in two's complement, two columns wider than x and y."""
    e = len(xs)
    total = to.take(e + 2)
    to.gate("copy", ys[:1], total[0])
    to.move(range(ys[1], ys[-1] + 1), total[1:e])
    carry = to.ripple(xs, total[:e], ONE)
    # bias = 2**(e-1) - 1: the carry that went in was its one, now 2**(e-1) comes off the top
    to.gate("nor", (carry, total[e - 1]), total[e + 1])
    to.gate("xnor", (carry, total[e - 1]), total[e])
    to.gate("not", (total[e - 1],), total[e - 1])
    return total


def multiply_into(to: Builder, a: Number, b: Number, out: Number) -> None:
    """Write the steps of out := a * b."""
    multiplicand, exponent_a = _decode(to, a)
    multiplier, exponent_b = _decode(to, b)
    to.gate("xor", (a.sign, b.sign), out.sign)

    n = len(multiplicand)
    field = to.take(2 ** reach(n) + 2 * n)
    product = field[-2 * n :]
    to.fill(field, 0)
    to.sense("copy", multiplier[:1])
    to.move(a.fraction, product[: n - 1], gated=True)
    to.gate("copy", multiplicand[-1:], product[n - 1], gated=True)
    for j in range(1, n):
        to.sense("copy", multiplier[j : j + 1])
        carry = to.ripple(multiplicand, product[j : j + n], gated=True)
        to.gate("copy", (carry,), product[j + n], gated=True)
    _finish(to, field, product, _product_exponent(to, exponent_a, exponent_b), out)

    nan = to.cell()
    to.put(nan, 0)
    for one, two in ((a, b), (b, a)):
        _infinite(to, one, out)
        _mark_nan(to, one, nan)
        to.search((one.exponent, 1), ([*two.exponent, *two.fraction], 0))
        to.put(nan, 1, gated=True)  # infinity times zero
    _quiet(to, nan, out)


# ------------------------------------------------------------------------------ whole programs


@functools.cache
def floating(operation: str, exponent_bits: int, fraction_bits: int) -> Program:
    """Return the program of ``"add"``, ``"multiply"`` or ``"multiply_accumulate"`` (a b + c)."""
    bits = 1 + exponent_bits + fraction_bits
    operands = OPERANDS[operation]
    to = Builder(operands * bits)
    a, b, *rest = (
        Number.at(to.inputs[i * bits : (i + 1) * bits], fraction_bits) for i in range(operands)
    )
    result = to.take(bits)
    out = Number.at(result, fraction_bits)
    if operation == "add":
        add_into(to, a, b, out)
    else:
        multiply_into(to, a, b, out)
    if rest:
        to.release(result.stop)
        total = to.take(bits)
        add_into(to, out, rest[0], Number.at(total, fraction_bits))
        return to.program(total)
    return to.program(result)


@functools.cache
def full_adder() -> Program:
    """Return the full adder alone: columns x, carry, y, unused; result sum and carry."""
    to = Builder(4)
    x, carry, y, out = to.inputs
    to.full_adder(x, y, carry, out)
    return to.program(to.inputs[2:])
