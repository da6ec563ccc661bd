r"""Bits and ranges: what width and what full scale a converter needs for what it has to convert.

A converter of b bits has the codes -n to n with n = 2^(b-1) - 1, or 0 to n = 2^b - 1 if it is not
signed. They stand one step D = full_scale / n apart, so a range r costs the mean squared error

.. math:: \mathrm{MSE}(r) = \frac{D(r)^2}{12} + E\bigl[(|y| - r)_+^2\bigr]

in resolution and in clipping: too wide wastes bits, too narrow clips.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import CodeError, ParameterError, one_of, real_number, whole_number

MOST_BITS = 24
"""Codes of wider converters are no longer whole numbers in float32."""


def highest_code(where: str, bits: int | None, signed: bool = True) -> int:
    """Return n, the highest code of a converter; 1 for a comparator and for the ideal one.

    Raises
    ------
    ParameterError
        If `bits` is neither None nor a whole number from 1 to 24.

    Examples
    --------
    >>> highest_code("Columns", 8), highest_code("Columns", 8, signed=False)
    (127, 255)
    """
    if bits is None:
        return 1
    try:
        width = whole_number(where, "bits", bits, least=1)
    except ParameterError:
        width = MOST_BITS + 1
    if width > MOST_BITS:
        raise ParameterError(
            f"{where}: bits is {bits!r}; give a whole number from 1 to {MOST_BITS}, or None for "
            "an ideal converter."
        )
    return max((1 << (width - signed)) - 1, 1)


def lossless_bits(rows: int, input_bits: int, cell_bits: int, complement: bool = False) -> int:
    r"""Return the ADC width that loses nothing of a column of digits.

    :math:`\lceil \log_2 R \rceil + v + w`, one less if v or w is 1 (Shafiee et al., ISCA 2016,
    doi:10.1109/ISCA.2016.12), for inputs and cells that hold 0 to 2^v - 1 and 0 to 2^w - 1:
    their sums need a converter that is not signed.

    Parameters
    ----------
    rows : int
        R, how many cells a column adds up.
    input_bits, cell_bits : int
        v bits that the DAC gives at a time, w bits that a cell holds.
    complement : bool
        Whether columns whose digits add up to more than half of what they could store 2^w - 1
        less each digit, which saves one bit.

    Raises
    ------
    ParameterError
        If a number is not whole or below 1.

    Examples
    --------
    >>> lossless_bits(128, 1, 2), lossless_bits(128, 1, 2, complement=True)
    (9, 8)
    """
    where = "lossless_bits"
    rows = whole_number(where, "rows", rows, least=1)
    v = whole_number(where, "input_bits", input_bits, least=1)
    w = whole_number(where, "cell_bits", cell_bits, least=1)
    return max((rows - 1).bit_length() + v + w - (v == 1 or w == 1) - complement, 1)


def full_scale_max(rows: int, conductance: float, voltage: float = 1.0) -> float:
    """Return the range that no output can leave: all cells at their most, all inputs full.

    Parameters
    ----------
    rows : int
        Cells of a column.
    conductance, voltage : float
        The largest of a cell (S) and of an input (V); or both in units of the weights.

    Returns
    -------
    float
        rows * conductance * voltage (A).

    Raises
    ------
    ParameterError
        If a number is not above 0.

    Examples
    --------
    >>> full_scale_max(128, 25e-6, 0.2)
    0.00064
    """
    where = "full_scale_max"
    product = float(whole_number(where, "rows", rows, least=1))
    for name, value in (("conductance", conductance), ("voltage", voltage)):
        product *= _positive(where, name, value)
    return product


def full_scale_granular(step: float, bits: int, *, signed: bool = True) -> float:
    """Return the range whose codes are the smallest steps of the output.

    The conversion is exact if every output is a multiple of `step` and none lies outside.

    Parameters
    ----------
    step : float
        Smallest difference between two outputs, such as 1 for a sum of digits.
    bits : int
        Width of the converter, 1 to 24.
    signed : bool
        Whether outputs have both signs.

    Raises
    ------
    ParameterError
        If `step` is not above 0, or `bits` lies outside 1 to 24.

    Examples
    --------
    >>> full_scale_granular(1.0, 8), full_scale_granular(1.0, 8, signed=False)
    (127.0, 255.0)
    """
    where = "full_scale_granular"
    if bits is None:
        raise ParameterError(f"{where}: bits is None; an ideal converter has no range.")
    return _positive(where, "step", step) * highest_code(where, bits, signed)


def full_scale_for(
    outputs: npt.ArrayLike,
    bits: int | None,
    method: Literal["percentile", "mse"] = "percentile",
    percentile: float = 99.99,
    *,
    per_column: bool = False,
    signed: bool = True,
) -> Any:
    """Return the range calibrated on sampled outputs.

    Parameters
    ----------
    outputs : array_like, shape (..., N)
        What the columns gave for typical inputs.
    bits : int or None
        Width of the converter; only "mse" asks for it.
    method : {"percentile", "mse"}
        A percentile of the sizes of the outputs; or the range of least MSE(r), found exactly.
    percentile : float
        Share of the outputs, in percent, that the range takes in.
    per_column : bool
        Whether each column gets its own range.
    signed : bool
        Whether outputs have both signs; if not, those below 0 do not count.

    Returns
    -------
    float, or array of shape (N,) if `per_column`
        In the unit of the outputs. A column that was silent takes the largest range of the others.

    Raises
    ------
    ParameterError
        If an argument is out of its range, or no output differs from 0.
    CodeError
        If there are no outputs, or NaN or infinity among them.

    Examples
    --------
    >>> full_scale_for(np.array([[1.0, -2.0], [3.0, 4.0]]), 8, percentile=100.0, per_column=True)
    array([3., 4.])
    """
    where = "full_scale_for"
    one_of(where, "method", method, ("percentile", "mse"))
    share = real_number(where, "percentile", percentile, 0.0, 100.0)
    highest_code(where, bits, signed)
    if method == "mse" and bits is None:
        raise ParameterError(
            f"{where}: bits is None; the MSE of an ideal converter is 0 for any range. Give bits, "
            'or method="percentile".'
        )
    sizes = _sizes(where, outputs, signed)
    sizes = sizes.reshape(-1, sizes.shape[-1] if per_column else 1)
    if method == "percentile":
        ranges = np.percentile(sizes, share, axis=0)
    else:
        ranges = np.array([_least_error(column, bits, signed) for column in sizes.T])
    if not ranges.any():
        raise ParameterError(
            f"{where}: the range would be 0, as {100 * np.mean(sizes == 0):.4g} % of the outputs "
            "are 0. Sample outputs of inputs that drive the columns, or raise percentile."
        )
    ranges[ranges == 0] = ranges.max()
    return ranges if per_column else float(ranges[0])


def conversion_error(
    outputs: npt.ArrayLike, bits: int | None, full_scale: float, *, signed: bool = True
) -> float:
    r"""Return MSE(r), the mean squared error that conversion adds to `outputs`.

    Rounding counts as uniform, :math:`D^2 / 12`; clipping is averaged over the outputs. For a
    comparator the sum is over its two levels.

    Parameters
    ----------
    outputs : array_like
        Samples; in the unit of `full_scale`.
    bits : int
        Width, 1 to 24.
    full_scale : float
        r, the end of the range.
    signed : bool
        Whether the range begins at -r or at 0.

    Raises
    ------
    ParameterError, CodeError
        If an argument is out of its range, or the outputs are none or not finite.

    Examples
    --------
    >>> round(conversion_error([0.5, -2.0], 2, 1.5), 6)  # D = 1.5: 0.1875 of rounding
    0.3125
    """
    where = "conversion_error"
    n = highest_code(where, bits, signed)
    r = _positive(where, "full_scale", full_scale)
    if bits is None:
        return 0.0
    values = np.asarray(outputs, np.float64)
    sizes = _sizes(where, outputs, signed)
    if signed and bits == 1:
        return float(np.mean(np.where(sizes > 0, (sizes - r) ** 2, 0.0)))
    below = 0.0 if signed else float(np.mean(np.minimum(values, 0.0) ** 2))
    return (r / n) ** 2 / 12 + float(np.mean(np.maximum(sizes - r, 0.0) ** 2)) + below


def clipped_fraction(
    values: npt.ArrayLike, full_scale: float | Array, *, signed: bool = True
) -> float:
    """Return the fraction of values beyond the range; full_scale is one number or one a column.

    Raises
    ------
    ParameterError, CodeError
        If `full_scale` is not above 0, or there are no values or some are not finite.

    Examples
    --------
    >>> clipped_fraction([0.5, -2.0, 1.0, 3.0], 1.0)
    0.5
    """
    where = "clipped_fraction"
    sizes = _sizes(where, values, signed)
    limits = np.asarray(full_scale, np.float64)
    if not (np.isfinite(limits) & (limits > 0)).all():
        raise ParameterError(f"{where}: full_scale is {full_scale!r}; give finite numbers > 0.")
    outside = sizes > limits
    if not signed:
        outside |= np.asarray(values) < 0
    return float(np.mean(outside))


def _least_error(sizes: Array, bits: int | None, signed: bool) -> float:
    """Return the r that makes MSE(r) least over `sizes` >= 0.

    Its derivative vanishes where r / (12 n^2) = E[(y - r)+], whose two sides rise and fall: with
    the k largest outputs beyond r, r = sum of the k / (m / (12 n^2) + k).
    """
    largest = np.sort(sizes)[::-1]
    if signed and bits == 1:  # two levels: the mean of what they stand for
        driven = largest[largest > 0]
        return float(driven.mean()) if driven.size else 0.0
    n = highest_code("full_scale_for", bits, signed)
    count, sums = np.arange(1, largest.size + 1), np.cumsum(largest)
    candidates = sums / (largest.size / (12 * n**2) + count)
    # The k-th candidate must leave the next output inside; the first one that does is the root.
    following = np.append(largest[1:], 0.0)
    return float(candidates[np.argmax(candidates >= following)])


def _sizes(where: str, outputs: npt.ArrayLike, signed: bool) -> Array:
    """Return how far outputs reach towards the ends of the range, as float64."""
    values = np.asarray(outputs, np.float64)
    if values.size == 0 or not np.isfinite(values).all():
        raise CodeError(
            f"{where}: there are {values.size} outputs, {int(np.sum(~np.isfinite(values)))} of "
            "them NaN or infinite; give at least one, all of them finite."
        )
    return np.abs(values) if signed else np.maximum(values, 0.0)


def _positive(where: str, name: str, value: float) -> float:
    number = real_number(where, name, value)
    if number <= 0:
        raise ParameterError(f"{where}: {name} is {value!r}; give a finite number > 0.")
    return number
