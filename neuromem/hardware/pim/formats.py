"""Binary floating-point formats: widths, bit patterns, rounding of values to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import CodeError, ParameterError, one_of, whole_number

_SURPLUS = 52 - 7
"""Bits of the fraction that a float64 has and a bfloat16 has not."""
_WORDS = {16: np.uint16, 32: np.uint32, 64: np.uint64}
_DTYPES = {(5, 10): "float16", (8, 7): "float32", (8, 23): "float32", (11, 52): "float64"}


@dataclass(frozen=True)
class FloatFormat:
    """A binary floating-point format: sign, exponent, fraction.

    Parameters
    ----------
    exponent_bits, fraction_bits : int
        Widths as stored; 64 bits at most with the sign. The exponent must be able to say how far
        a significand can move: at least ``(fraction_bits + 3).bit_length()`` bits.
    name : str, optional
        What results call it.

    Raises
    ------
    ParameterError
        If a width is outside these limits.

    Examples
    --------
    >>> FORMATS["bfloat16"]
    FloatFormat(exponent_bits=8, fraction_bits=7, name='bfloat16')
    """

    exponent_bits: int
    fraction_bits: int
    name: str = "custom"

    def __post_init__(self) -> None:
        whole_number("FloatFormat", "fraction_bits", self.fraction_bits, least=2)
        least = (self.fraction_bits + 3).bit_length()
        whole_number("FloatFormat", "exponent_bits", self.exponent_bits, least=least)
        if self.bits > 64:
            raise ParameterError(
                f"FloatFormat: 1 + {self.exponent_bits} + {self.fraction_bits} bits are "
                f"{self.bits}; give exponent_bits and fraction_bits that sum to at most 63."
            )

    @property
    def bits(self) -> int:
        """Bits of one number."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The NumPy dtype that holds the values; float32 for bfloat16.

        Raises
        ------
        ParameterError
            If there is none.
        """
        widths = (self.exponent_bits, self.fraction_bits)
        if widths not in _DTYPES:
            raise ParameterError(
                f"FloatFormat: no NumPy dtype for {self.exponent_bits} exponent and "
                f"{self.fraction_bits} fraction bits; use FloatArray.run with bit patterns."
            )
        return np.dtype(_DTYPES[widths])

    def encode(self, values: npt.ArrayLike, where: str = "FloatFormat.encode: values") -> Array:
        """Return the bit patterns (uint64) of `values`, rounded to the format to nearest even.

        Raises
        ------
        CodeError
            If values are not real numbers, or finite ones exceed the format.

        Examples
        --------
        >>> [hex(bits) for bits in FORMATS["float16"].encode([1.0, -0.0])]
        ['0x3c00', '0x8000']
        """
        given = np.asarray(values)
        if given.dtype.kind not in "biuf":
            raise CodeError(f"{where} have dtype {given.dtype}; give real numbers.")
        narrow = self.bits < 8 * self.dtype.itemsize
        with np.errstate(over="ignore", under="ignore"):
            rounded = (_to_bfloat16(given) if narrow else given).astype(self.dtype)
        lost = int(np.sum(np.isinf(rounded) & np.isfinite(given)))
        if lost:
            raise CodeError(
                f"{where} hold {lost} finite numbers beyond the largest {self.name}; scale them."
            )
        bits = rounded.view(_WORDS[8 * rounded.itemsize]).astype(np.uint64)
        return bits >> np.uint64(8 * rounded.itemsize - self.bits)

    def decode(self, bits: npt.ArrayLike) -> Array:
        """Return the values of bit patterns.

        Examples
        --------
        >>> FORMATS["bfloat16"].decode([0x3F81])
        array([1.0078125], dtype=float32)
        """
        dtype = self.dtype
        spare = np.uint64(8 * dtype.itemsize - self.bits)
        words = np.asarray(bits, np.uint64) << spare
        return np.asarray(words.astype(_WORDS[8 * dtype.itemsize])).view(dtype)


FORMATS: dict[str, FloatFormat] = {
    name: FloatFormat(exponent, fraction, name)
    for name, exponent, fraction in (
        ("float16", 5, 10),
        ("bfloat16", 8, 7),
        ("float32", 8, 23),
        ("float64", 11, 52),
    )
}
"""The formats that have a name."""


def float_format(where: str, fmt: str | FloatFormat) -> FloatFormat:
    """Return a format by its name, or as it is.

    Raises
    ------
    ParameterError
        If there is no such format; `where` says who asked.

    Examples
    --------
    >>> float_format("FloatArray", "float8")
    Traceback (most recent call last):
        ...
    neuromem.core.errors.ParameterError: FloatArray: fmt is 'float8'; choose one of: float16, \
bfloat16, float32, float64.
    """
    if isinstance(fmt, FloatFormat):
        return fmt
    return FORMATS[one_of(where, "fmt", fmt, FORMATS)]


def _to_bfloat16(given: Array) -> Array:
    """Round real numbers once, to the nearest bfloat16, ties to even; float64, NaN stays NaN."""
    values = _exactly(given)
    bits = values.view(np.uint64)
    even = (bits >> np.uint64(_SURPLUS)) & np.uint64(1)
    kept = np.uint64(2**64 - 2**_SURPLUS)
    normal = ((bits + np.uint64(2 ** (_SURPLUS - 1) - 1) + even) & kept).view(np.float64)
    subnormal = np.rint(values * 2.0**133) * 2.0**-133
    rounded = np.where(np.abs(values) < 2.0**-126, subnormal, normal)
    return np.where(np.isnan(values), np.nan, rounded)


def _exactly(given: Array) -> Array:
    """Return numbers as float64 that round to bfloat16 as they would themselves.

    Whole numbers from 2^53 on do not all fit. Their last bits are put into one that says whether
    there are any: what is halfway between two bfloat16 and what is not stay apart.
    """
    if given.dtype.kind in "iu" and given.dtype.itemsize == 8:
        low = (given & 0xFFF) != 0
        given = np.where(np.abs(given) < 2**53, given, ((given >> 12) | low) << 12)
    return np.ascontiguousarray(given, dtype=np.float64).reshape(given.shape)
