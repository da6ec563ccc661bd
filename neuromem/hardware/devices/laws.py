"""Laws: how a device's spread depends on the conductance it was aimed at, written as data.

A law is a list of pieces over the relative target x = G / g_ref, each with one formula; profiles
hold laws, so that a device is a file and no code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError

SMALLEST = 1e-7
"""Logarithms and powers take x from here on: they have no value at zero."""

FORMS = ("polynomial", "log", "power", "saturating", "points")
"""The formulas of a piece; a kernel's table holds their place in this order."""

_LIMITS = ("low", "high", "below")
_SIX = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """One formula and the interval it holds on.

    Parameters
    ----------
    form : {"polynomial", "log", "power", "saturating", "points"}
        c0 + c1 x + ... (up to degree 5); a ln x + b; a x^p; A (1 - exp(-x / B)); straight lines
        between points.
    coefficients : tuple of float
        (c0, c1, ...), (a, b), (a, p), (A, B), or all x of the points and then all y.
    low, high : float
        The value is clipped to them.
    below : float
        Upper end of the piece, itself not part of it.
    """

    form: str
    coefficients: tuple[float, ...]
    low: float = -np.inf
    high: float = np.inf
    below: float = np.inf

    def __call__(self, x: Array) -> Array:
        """Return the value at each x, whether or not it lies in the piece."""
        return np.clip(_FORMULAS[self.form](x, self.coefficients), self.low, self.high)


@dataclass(frozen=True, slots=True)
class Law:
    """A function of the relative target x, made of pieces.

    Parameters
    ----------
    pieces : tuple of Piece
        In order of rising x.

    Examples
    --------
    The programming error of a phase-change cell (Nandakumar et al., ICECS 2019), in uS:

    >>> law = Law((Piece("polynomial", (0.26348, 1.9650, -1.1731), low=0.0),))
    >>> law([0.0, 0.5, 1.0]).round(6)
    array([0.26348 , 0.952705, 1.05538 ])
    """

    pieces: tuple[Piece, ...]

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return the law at each relative target `x`, in float64."""
        values = np.asarray(x, dtype=np.float64)
        ends = [piece.below for piece in self.pieces[:-1]]
        place = np.searchsorted(ends, values, side="right")
        return np.choose(place, [piece(values) for piece in self.pieces])

    def table(self) -> Array:
        """Return the pieces as rows of numbers, which is what a kernel evaluates.

        A row is (form, below, low, high, count, coefficients...), padded with zeros.
        """
        width = 5 + max(_SIX, *(len(piece.coefficients) for piece in self.pieces))
        rows = np.zeros((len(self.pieces), width))
        for row, piece in zip(rows, self.pieces, strict=True):
            count = len(piece.coefficients)
            form = FORMS.index(piece.form)
            row[:5] = form, piece.below, piece.low, piece.high, count
            row[5 : 5 + count] = piece.coefficients
        return rows


def law(entries: object, where: str) -> Law:
    """Read a law from what a TOML file holds: a list of tables, one a piece.

    Parameters
    ----------
    entries : list of dict
        Each has exactly one of the formulas, and optionally `low`, `high` and `below`.
    where : str
        File, section and key, for the error.

    Raises
    ------
    ParameterError
        If the list is empty, a formula is unknown, missing or doubled, its numbers are not as many
        as it takes, or the pieces do not follow each other.

    Examples
    --------
    >>> law([{"log": [-0.0155, 0.0244], "low": 0.049, "high": 0.1}], "pcm.toml")(0.1).round(7)
    np.float64(0.0600901)
    """
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
        raise ParameterError(
            f"{where} is {entries!r}; give a list of pieces, such as [{{ polynomial = [0.5] }}]."
        )
    pieces = tuple(_piece(entry, where) for entry in entries)
    ends = [piece.below for piece in pieces]
    if ends[-1] != np.inf or any(a >= b for a, b in pairwise(ends)):
        raise ParameterError(
            f"{where}: the pieces end at {ends}; give each piece but the last a `below`, rising."
        )
    return Law(pieces)


def _piece(entry: object, where: str) -> Piece:
    keys = list(entry) if isinstance(entry, Mapping) else []
    formulas = [key for key in keys if key not in _LIMITS]
    if not isinstance(entry, Mapping) or len(formulas) != 1 or formulas[0] not in FORMS:
        raise ParameterError(
            f"{where}: a piece is {entry!r}; give exactly one of {', '.join(FORMS)}, "
            f"and optionally {', '.join(_LIMITS)}."
        )
    form = formulas[0]
    limits = {key: _numbers([entry[key]], f"{where}: {key}")[0] for key in keys if key in _LIMITS}
    low, high = limits.get("low", -np.inf), limits.get("high", np.inf)
    if low > high:
        raise ParameterError(f"{where}: low is {low}, above high, {high}; exchange them.")
    return Piece(form, _coefficients(form, entry[form], f"{where}: {form}"), **limits)


def _coefficients(form: str, value: object, where: str) -> tuple[float, ...]:
    if form == "points":
        if not isinstance(value, Sequence) or len(value) != 2:
            raise ParameterError(f"{where} is {value!r}; give [[x, ...], [y, ...]].")
        xs, ys = _numbers(value[0], where), _numbers(value[1], where)
        if len(xs) != len(ys) or len(xs) < 2 or any(a >= b for a, b in pairwise(xs)):
            raise ParameterError(f"{where}: give as many y as x, two or more, with rising x.")
        return xs + ys
    numbers = _numbers(value, where)
    most = _SIX if form == "polynomial" else 2
    least = 1 if form == "polynomial" else 2
    if not least <= len(numbers) <= most:
        wanted = f"{least} to {most}" if least < most else f"{most}"
        raise ParameterError(f"{where} has {len(numbers)} numbers; give {wanted}.")
    if form == "saturating" and numbers[1] <= 0:
        raise ParameterError(f"{where}: the scale is {numbers[1]}; give one above 0.")
    return numbers


def _numbers(values: object, where: str) -> tuple[float, ...]:
    if isinstance(values, Sequence) and not isinstance(values, str):
        real = [isinstance(v, (int, float)) and not isinstance(v, bool) for v in values]
        if all(real) and np.isfinite(np.asarray(values, dtype=np.float64)).all():
            return tuple(float(v) for v in values)
    raise ParameterError(f"{where} is {values!r}; give finite numbers.")


def _polynomial(x: Array, c: tuple[float, ...]) -> Array:
    return np.polynomial.polynomial.polyval(x, c)


def _log(x: Array, c: tuple[float, ...]) -> Array:
    value: Array = c[0] * np.log(np.maximum(x, SMALLEST)) + c[1]
    return value


def _power(x: Array, c: tuple[float, ...]) -> Array:
    value: Array = c[0] * np.maximum(x, SMALLEST) ** c[1]
    return value


def _saturating(x: Array, c: tuple[float, ...]) -> Array:
    return -c[0] * np.expm1(-x / c[1])


def _points(x: Array, c: tuple[float, ...]) -> Array:
    half = len(c) // 2
    return np.interp(x, c[:half], c[half:])


_FORMULAS: dict[str, Callable[[Array, tuple[float, ...]], Array]] = {
    "polynomial": _polynomial,
    "log": _log,
    "power": _power,
    "saturating": _saturating,
    "points": _points,
}
