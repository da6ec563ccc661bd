"""Inputs of an array: their scale, the DAC, and their digits when they are fed bit by bit."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, one_of, whole_number
from neuromem.core.randomness import Rng, generator
from neuromem.hardware.arrays._conversion import (
    ROUNDING,
    SMALLEST,
    Rounding,
    as_matrix,
    as_row,
    check_places,
    checked_count,
    flat,
    mode_of,
    over_rows,
    per_column,
    random_words,
)
from neuromem.hardware.arrays.ranges import highest_code
from neuromem.kernels import converters as kernels


def input_scale(x: Array, mode: float | Literal["max"] = "max") -> Array:
    """Return the scale s of each input vector, so that x / s fits the DAC's range of -1 to 1.

    Parameters
    ----------
    x : array, shape (Q, M)
        Input vectors.
    mode : float or "max"
        A number is the scale of all vectors: 1.0, or one calibrated beforehand, beyond which
        `encode` clips. "max" takes max|x| of each vector ("noise management"); 1 below 1e-30.

    Returns
    -------
    array, shape (Q,), float32 (float64 for float64 inputs)

    Raises
    ------
    ParameterError
        If `mode` is neither "max" nor a finite number above 0.
    CodeError, ShapeError
        If `x` holds NaN or infinity, or does not have two axes.

    Examples
    --------
    >>> input_scale(np.array([[0.5, -2.0], [0.0, 0.0]], np.float32))
    array([2., 1.], dtype=float32)
    """
    where = "input_scale"
    array = as_matrix("input_scale: x", x)
    if not isinstance(mode, str):
        value = per_column(where, "mode", mode, positive=True)
        return as_row(where, "mode", value, len(array), array.dtype.type)
    one_of(where, "mode", mode, ("max",))
    largest: Array = array.max(axis=1, initial=0)
    np.maximum(largest, -array.min(axis=1, initial=0), out=largest)
    checked_count("input_scale: x", not np.isfinite(largest).all(), kernels.IDEAL, array)
    largest[largest < SMALLEST] = 1  # what has died away is as good as zero
    return largest


def encode(
    x: Array,
    bits: int | None,
    scale: float | Array = 1.0,
    *,
    out: Array | None = None,
    rounding: Rounding = "nearest",
    signed: bool = True,
    rng: Rng = None,
) -> tuple[Array, int]:
    """Return the DAC's outputs for `x`, as fractions of full scale, and how many inputs clipped.

    Parameters
    ----------
    x : array, shape (Q, M)
        Input vectors.
    bits : int or None
        Resolution of the DAC, 1 to 24; None gives x / scale.
    scale : float or array, shape (Q,)
        Input that stands for full scale, see `input_scale`.
    out : array, shape (Q, M), float32 or float64, optional
        Where to write; by default a new float32 array.
    rounding, signed, rng
        As in `quantise`.

    Raises
    ------
    ParameterError, ShapeError, CodeError
        As `quantise`.

    Examples
    --------
    >>> encode(np.array([[0.2, -0.8, 1.4]], np.float32), 3)
    (array([[ 0.33333334, -0.6666667 ,  1.        ]], dtype=float32), 1)
    """
    where = "encode"
    array = as_matrix("encode: x", x)
    one_of(where, "rounding", rounding, ROUNDING)
    cues, n = array.shape
    kind = array.dtype.type
    mode, low, high = mode_of(where, bits, signed, rounding, kind)
    highest = highest_code(where, bits, signed)
    step = per_column(where, "scale", scale, positive=True) / highest
    if out is None:
        out = np.empty(array.shape, np.float32)
    check_places(where, "out", out, "x", array)
    arguments = (
        *(*flat(array), n, as_row(where, "scale", step, cues, kind), kind(1 / highest)),
        *(mode, low, high),
        random_words(generator(rng) if mode == kernels.STOCHASTIC else None, array.shape),
        *flat(out, writeable=True),
    )

    def job(first: int, last: int) -> int:
        return kernels.encode(*arguments, first, last)

    return out, checked_count("encode: x", over_rows(job, cues, n), mode, array)


def serial_digits(
    x: npt.ArrayLike,
    bits: int,
    code: Literal["twos-complement", "sign-magnitude"] = "twos-complement",
) -> tuple[Array, Array]:
    """Return the digits of whole numbers, for arrays that are fed one bit at a time.

    Parameters
    ----------
    x : array_like of whole numbers, any shape (...)
        From -2^(bits-1) to 2^(bits-1) - 1; sign-magnitude has no -2^(bits-1).
    bits : int
        Width of the code with its sign, 1 to 24; at least 2 for sign-magnitude.
    code : {"twos-complement", "sign-magnitude"}
        Digits 0 and 1, the last one of negative weight; or one digit less of -1, 0 and 1.

    Returns
    -------
    digits : array, shape (B, ...), int8
        Least significant first.
    weights : array, shape (B,), int64
        ``sum_b weights[b] digits[b] == x`` exactly.

    Raises
    ------
    ParameterError
        If `bits` or `code` is none of these, or a number is not whole or does not fit.

    Examples
    --------
    >>> digits, weights = serial_digits([3, -4], 3)
    >>> digits.tolist(), weights.tolist()
    ([[1, 0], [1, 0], [0, 1]], [1, 2, -4])
    """
    one_of("serial_digits", "code", code, ("twos-complement", "sign-magnitude"))
    serial = code == "twos-complement"
    width = whole_number("serial_digits", "bits", bits, least=1 if serial else 2)
    highest_code("serial_digits", width, signed=True)
    array = np.asarray(x)
    top = 2 ** (width - 1) - 1
    low = -top - 1 if serial else -top
    fits = np.isin(array.dtype.kind, ("b", "i", "u", "f")) and bool(
        np.all((array >= low) & (array <= top) & (array == np.rint(array)))
    )
    if not fits:
        raise ParameterError(
            f"serial_digits: x holds values that are not whole numbers from {low} to {top}, which "
            f"is what {width} bits of {code} hold. Quantise x first, or give more bits."
        )
    whole = array.astype(np.int64)
    places = np.arange(width if serial else width - 1).reshape(-1, *(1,) * whole.ndim)
    weights = np.left_shift(np.int64(1), places.ravel())
    if serial:
        weights[-1] *= -1
        return ((whole >> places) & 1).astype(np.int8), weights
    return (np.sign(whole) * ((np.abs(whole) >> places) & 1)).astype(np.int8), weights
