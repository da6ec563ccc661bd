r"""Between numbers and analog signals: DACs, ADCs, and the noise at an array's outputs.

One product of an array runs through

.. math::
   \hat x = \mathrm{dac}(x / s), \qquad y = \hat x G + \sigma \xi, \qquad
   z \mathrel{+}= \mathrm{adc}\bigl(y (1 + g_j) + o_j\bigr)

with the scale s of the inputs (`input_scale`, `encode`), noise of standard deviation sigma, and
the gain and offset errors of each column (`Columns`); Rasch et al., AICAS 2021, arXiv:2104.02184,
and Xiao et al., IEEE Circuits and Systems Magazine (2022), arXiv:2109.01262.

The codes of a converter are told in `neuromem.hardware.arrays.ranges`. A signed converter of one
bit is a comparator: the sign of the value times the full scale, and 0 stays 0. ``bits=None`` is the
ideal converter. Codes of more than 22 bits are off by one at times, unless values are float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError, one_of
from neuromem.core.randomness import Rng, generator
from neuromem.hardware.arrays._conversion import (
    ROUNDING,
    Rounding,
    as_float,
    as_matrix,
    as_row,
    check_places,
    checked_count,
    flat,
    flat_noise,
    mode_of,
    over_rows,
    per_column,
    random_words,
)
from neuromem.hardware.arrays.encoding import encode, input_scale, serial_digits
from neuromem.hardware.arrays.ranges import (
    MOST_BITS,
    clipped_fraction,
    conversion_error,
    full_scale_for,
    full_scale_granular,
    full_scale_max,
    highest_code,
    lossless_bits,
)
from neuromem.kernels import converters as kernels

__all__ = [
    "MOST_BITS",
    "Columns",
    "clipped_fraction",
    "conversion_error",
    "encode",
    "full_scale_for",
    "full_scale_granular",
    "full_scale_max",
    "input_scale",
    "lossless_bits",
    "output_noise",
    "quantise",
    "serial_digits",
]


@dataclass(frozen=True, eq=False)
class Columns:
    """The read-out of an array's columns: noise, gain and offset errors, conversion, summation.

    Parameters
    ----------
    bits : int or None
        Resolution of the ADCs, 1 to 24; None is the ideal converter.
    full_scale : float or array, shape (N,)
        Largest output that is converted, in the unit of the outputs; one for all or one a column.
        See `full_scale_max`, `full_scale_for` and `full_scale_granular`.
    rounding : {"nearest", "stochastic"}
        To the nearest code, ties to even; or up or down at random, so that the mean is the value.
    gain_error, offset : float or array, shape (N,)
        g_j and o_j of the value that is converted, ``y (1 + g_j) + o_j``; o_j in the unit of y.
    signed : bool
        Whether outputs have both signs. An array of one conductance a weight has not: its
        converters span 0 to full_scale.

    Raises
    ------
    ParameterError
        If `bits` lies outside 1 to 24, `full_scale` is not above 0, or a number is not finite.
    ShapeError
        If an array has more than one axis.

    Examples
    --------
    >>> columns = Columns(bits=4, full_scale=7.0)
    >>> total = np.zeros((1, 4), np.float32)
    >>> columns.accumulate(total, np.array([[0.4, -2.6, 6.9, 11.0]], np.float32))
    1
    >>> total
    array([[ 0., -3.,  7.,  7.]], dtype=float32)
    """

    bits: int | None = None
    full_scale: float | Array = 1.0
    rounding: Rounding = "nearest"
    gain_error: float | Array = 0.0
    offset: float | Array = 0.0
    signed: bool = True

    def __post_init__(self) -> None:
        highest_code("Columns", self.bits, self.signed)
        one_of("Columns", "rounding", self.rounding, ROUNDING)
        for name in ("full_scale", "gain_error", "offset"):
            value = per_column("Columns", name, getattr(self, name), positive=name == "full_scale")
            object.__setattr__(self, name, value)

    @property
    def step(self) -> float | Array:
        """D, from one code to the next, in the unit of the outputs; 0 if the ADCs are ideal."""
        if self.bits is None:
            return 0.0
        return self.full_scale / highest_code("Columns", self.bits, self.signed)

    def select(self, columns: Any) -> Columns:
        """Return the read-out of some columns: an index array, a slice or a mask.

        Examples
        --------
        >>> Columns(8, full_scale=np.array([1.0, 2.0, 3.0])).select(slice(1, 3)).full_scale
        array([2., 3.])
        """
        full_scale, gain_error, offset = (
            value[columns] if isinstance(value, np.ndarray) else value
            for value in (self.full_scale, self.gain_error, self.offset)
        )
        return Columns(self.bits, full_scale, self.rounding, gain_error, offset, self.signed)

    def accumulate(
        self,
        total: Array,
        partial: Array,
        *,
        weight: float | Array = 1.0,
        noise_sd: float | Array | None = None,
        rng: Rng = None,
    ) -> int:
        """Read the outputs of one array and add them to `total`, in one pass.

        Parameters
        ----------
        total : array, shape (Q, N), float32 or float64
            What the outputs are added to, in place; a block of columns of a larger array will do.
        partial : array, shape (Q, N), float32 or float64
            Analog outputs of Q cues. It is not changed.
        weight : float or array, shape (Q,)
            What an output counts in `total`: the place value of a digit, the scale of an input.
        noise_sd : float or array, shape (N,) or (Q, N), optional
            Standard deviation of normal noise on each output, in its unit. See `output_noise`.
        rng : int, SeedSequence, Generator or None
            Where noise and stochastic rounding are drawn from, in this order. Give a Generator, or
            a seed of its own to each call: one seed used twice gives the same noise twice.

        Returns
        -------
        int
            How many conversions ran into the end of their range; 0 if ideal or a comparator.

        Raises
        ------
        ShapeError
            If shapes do not fit, or `total` cannot be written in place.
        CodeError
            If `partial` holds NaN or infinity; `total` is then of no more use.
        ParameterError
            If `noise_sd` is negative or not finite, or `weight` is not finite.

        Notes
        -----
        Noise takes a 64-bit word for two outputs of one cue, whatever the values, and is exact to
        float32. Results do not depend on the number of threads.
        """
        return self._accumulate("Columns.accumulate", total, partial, weight, noise_sd, rng)

    def _accumulate(
        self, where: str, total: Array, partial: Array, weight: Any, noise_sd: Any, rng: Rng
    ) -> int:
        check_places(where, "total", total, "partial", partial)
        cues, n = partial.shape
        kind = partial.dtype.type
        mode, low, high = mode_of(where, self.bits, self.signed, self.rounding, kind)
        rounds = mode == kernels.STOCHASTIC
        draws = generator(rng) if rounds or noise_sd is not None else None
        noise = random_words(draws if noise_sd is not None else None, partial.shape)
        chances = random_words(draws if rounds else None, partial.shape)
        factors = as_row(
            where, "weight", per_column(where, "weight", weight), cues, total.dtype.type
        )
        sums, sums_pitch = flat(total, writeable=True)
        arguments = (
            *(*flat(partial), *flat_noise(where, noise_sd, partial.shape, kind), noise),
            as_row(where, "gain_error", 1.0 + self.gain_error, n, kind),
            as_row(where, "offset", self.offset, n, kind),
            as_row(where, "full_scale", 1.0 if self.bits is None else self.step, n, kind),
            *(mode, low, high, chances, factors),
        )

        def job(first: int, last: int) -> int:
            return kernels.accumulate(sums, sums_pitch, *arguments, first, last)

        return checked_count(f"{where}: partial", over_rows(job, cues, n), mode, partial)


def quantise(
    values: npt.ArrayLike,
    bits: int | None,
    full_scale: float | Array,
    *,
    rounding: Rounding = "nearest",
    signed: bool = True,
    rng: Rng = None,
    out: Array | None = None,
) -> Array:
    """Return what a converter of `bits` makes of `values`.

    Parameters
    ----------
    values : array_like, shape (..., N)
        Any unit. float64 and wide integers give float64, all else gives float32.
    bits : int or None
        Resolution, 1 to 24; None returns the values as they are.
    full_scale : float or array, shape (N,)
        End of the range, in the unit of the values; one for all or one per last axis.
    rounding : {"nearest", "stochastic"}
        To the nearest code, ties to even; or at random with the value as the mean.
    signed : bool
        Whether the range begins at -full_scale or at 0.
    rng : int, SeedSequence, Generator or None
        Where stochastic rounding is drawn from.
    out : array, optional
        Where to write, C-contiguous, of the shape of `values`; may be `values` itself.

    Raises
    ------
    ParameterError, ShapeError, CodeError
        As `Columns` and `Columns.accumulate`.

    Examples
    --------
    >>> quantise(np.array([0.2, -0.4, 0.9, 3.0], np.float32), 2, 1.0)
    array([0., 0., 1., 1.], dtype=float32)
    >>> quantise([-0.3, 0.0, 0.1], 1, 0.5)
    array([-0.5,  0. ,  0.5])
    """
    where = "quantise"
    array = as_float("quantise: values", values)
    highest_code(where, bits, signed)
    one_of(where, "rounding", rounding, ROUNDING)
    columns = Columns(
        bits, per_column(where, "full_scale", full_scale, positive=True), rounding, signed=signed
    )
    if out is None:
        out = np.empty(array.shape, array.dtype)
    elif out.shape != array.shape or not out.flags.c_contiguous:
        raise ShapeError(
            f"{where}: out has shape {out.shape} and strides {out.strides}; expected a "
            f"C-contiguous array of shape {array.shape}. Leave out away to get a new one."
        )
    if array.size:
        n = array.shape[-1] if array.ndim else 1
        partial = (array.copy() if np.may_share_memory(array, out) else array).reshape(-1, n)
        out[...] = 0
        columns._accumulate(where, out.reshape(-1, n), partial, 1.0, None, rng)
    return out


def output_noise(inputs: Array, cell_variances: Array) -> Array:
    r"""Return the standard deviation of each output that noise of the cells gives rise to.

    If the noise of every cell is normal, independent, and drawn anew in each read, then the sum
    :math:`\sum_i \sigma_{ij} \xi_{ij} x_i` is exactly :math:`N(0, \sum_i \sigma_{ij}^2 x_i^2)`:
    one more product stands for a draw per cell and cue. It does not hold for what stays from one
    read to the next.

    Parameters
    ----------
    inputs : array, shape (Q, M)
        What the array is fed with.
    cell_variances : array, shape (M, N)
        sigma_ij^2, in the square of the unit of the cells.

    Returns
    -------
    array, shape (Q, N)
        For `Columns.accumulate`, in the unit of the outputs.

    Raises
    ------
    ShapeError
        If the arrays are not matrices that can be multiplied.
    ParameterError
        If a variance is negative or not a number.

    Examples
    --------
    >>> output_noise(np.array([[3.0, 4.0]]), np.ones((2, 1)))
    array([[5.]])
    """
    x = as_matrix("output_noise: inputs", inputs)
    variances = as_matrix("output_noise: cell_variances", cell_variances)
    if x.shape[1] != variances.shape[0]:
        raise ShapeError(
            f"output_noise: inputs have shape {x.shape} and cell_variances {variances.shape}; "
            f"expected (Q, M) and (M, N). Give one variance for each of {x.shape[1]} inputs."
        )
    squares: Array = np.square(x) @ variances
    if squares.size and not 0 <= squares.min() <= squares.max() < np.inf:
        raise ParameterError(
            f"output_noise: the variances of the outputs run from {squares.min()} to "
            f"{squares.max()}; cell_variances must be finite and >= 0. Give the square of each "
            "cell's standard deviation."
        )
    return np.sqrt(squares, out=squares)
