r"""Patterns kept as bits, with exact overlaps, fields and asynchronous dynamics on them.

Hebb's rule needs no N x N weights: with :math:`M^\mu = \sum_j \xi_j^\mu s_j` the fields are
:math:`N h_i = \sum_\mu \xi_i^\mu M^\mu - P s_i` (Hopfield, PNAS 79, 2554, 1982, with the weights
multiplied out), all of them integers. Here the patterns take N P / 8 bytes, and sums run over 64
units at a time by counting bits.
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from neuromem.core.bitplanes import (
    Digits,
    Ints,
    Matrix,
    aligned,
    counter_words,
    digits_of,
    encode,
    matrix_of,
    product,
)
from neuromem.core.codes import Array, as_patterns
from neuromem.core.errors import CodeError, ParameterError, ShapeError, whole_number
from neuromem.core.threads import spread
from neuromem.kernels import packed as kernels


class PackedPatterns:
    r"""P patterns of N units each as bits: 1 for +1, 0 for -1 (or for 0, if they are binary).

    Parameters
    ----------
    n : int
        Number of units N of each pattern.

    Notes
    -----
    Bits are kept in tiles of 64 patterns by 64 units. A second copy, with rows and columns
    exchanged, is made when fields are first asked for and dropped when the patterns change.
    All results are exact integers and do not depend on the number of threads; calls with much
    work are split over ``numba.get_num_threads()`` threads.

    Examples
    --------
    >>> patterns = PackedPatterns(4).append(np.array([[1, -1, 1, 1], [1, 1, -1, 1]], np.int8))
    >>> overlaps = patterns.overlaps(np.array([[1, -1, 1, -1]], np.int8))
    >>> overlaps
    array([[ 2, -2]], dtype=int32)
    >>> patterns.fields(overlaps)
    array([[ 0, -4,  4,  0]], dtype=int32)
    """

    def __init__(self, n: int) -> None:
        self.n = whole_number("PackedPatterns", "n", n, least=1)
        self._count = 0
        self._tiles = aligned((0, self.n_words, 64))
        self._by_pattern: Matrix | None = None
        self._by_unit: Matrix | None = None

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"PackedPatterns(n={self.n}): {len(self)} patterns, {self.nbytes} bytes"

    def __getstate__(self) -> dict[str, Any]:
        return {"n": self.n, "bits": self.bits}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(vars(PackedPatterns.from_bits(**state)))

    @classmethod
    def from_bits(cls, n: int, bits: Array) -> Self:
        """Return the patterns whose `bits` a file holds: uint64 (P, n_words), see `bits`.

        Raises
        ------
        ShapeError, CodeError
            If `bits` do not fit `n`, or have bits set beyond unit n - 1.

        Examples
        --------
        >>> PackedPatterns.from_bits(3, np.array([[0b101]], np.uint64)).unpack()
        array([[ 1, -1,  1]], dtype=int8)
        """
        patterns = cls(n)
        words = np.asarray(bits)
        if words.ndim != 2 or words.shape[1] != patterns.n_words or words.dtype != np.uint64:
            raise ShapeError(
                f"PackedPatterns.from_bits: bits have shape {words.shape} and dtype "
                f"{words.dtype}; expected (P, {patterns.n_words}) of uint64 for {n} units. "
                "Give what PackedPatterns.bits returned."
            )
        if n % 64 and np.any(words[:, -1] >> np.uint64(n % 64)):
            raise CodeError(
                f"PackedPatterns.from_bits: bits are set beyond unit {n - 1}; padding must be "
                "zero. Give what PackedPatterns.bits returned."
            )
        patterns._reserve(len(words))
        patterns._count = len(words)
        for tile, begin, end in _tiles_between(0, len(words)):
            patterns._words(tile, begin, end)[:] = words[begin:end]
        return patterns

    @property
    def n_words(self) -> int:
        """Words of 64 units in a pattern."""
        return (self.n + 63) // 64

    @property
    def nbytes(self) -> int:
        """Bytes that the stored bits take, room for growth included.

        The copy with rows and columns exchanged, which fields make and a change drops, is working
        memory of the same size and is not counted: a memory weighs the same before and after it
        is asked.
        """
        return int(self._tiles.nbytes)

    @property
    def bits(self) -> Array:
        """All patterns as (P, n_words) uint64, unit i in bit i % 64 of word i // 64; a copy."""
        words = self._tiles.transpose(0, 2, 1).reshape(-1, self.n_words)
        bits = np.ascontiguousarray(words[: self._count])
        bits.flags.writeable = False
        return bits

    def append(self, patterns: Array) -> Self:
        """Add patterns (P, N), -1 and +1 as int8 or 0 and 1 as uint8; call as often as wanted.

        Raises
        ------
        ShapeError, CodeError
            If `patterns` are not of N units, or hold other values; nothing is added then.

        Examples
        --------
        >>> len(PackedPatterns(3).append(np.array([[1, -1, 1]], np.int8)))
        1
        """
        where = "PackedPatterns.append: patterns"
        rows = _signs(patterns, self.n, where)
        first, last = self._count, self._count + len(rows)
        self._by_pattern = self._by_unit = None
        self._reserve(last)
        try:
            for tile, begin, end in _tiles_between(first, last):
                _pack(rows[begin - first : end - first], self._words(tile, begin, end), where)
        except CodeError:
            for tile, begin, end in _tiles_between(first, last):
                self._words(tile, begin, end)[:] = 0
            raise
        self._count = last
        return self

    def remove(self, index: int) -> None:
        """Take out one pattern; later ones move up.

        Raises
        ------
        ParameterError
            If there is no pattern `index`.
        """
        place = whole_number("PackedPatterns.remove", "index", index)
        if place >= self._count:
            raise ParameterError(
                f"PackedPatterns.remove: index is {place}; there are {self._count} patterns. "
                f"Give an index below {self._count}."
            )
        self._by_pattern = self._by_unit = None
        for tile, begin, end in _tiles_between(place, self._count):
            words = self._words(tile, begin, end)
            words[:-1] = words[1:].copy()
            words[-1] = self._tiles[tile + 1, :, 0] if end < self._count else 0
        self._count -= 1

    def places_of(self, patterns: Array, where: str = "PackedPatterns.places_of") -> list[int]:
        """Return where each pattern stands: its oldest copy that is not taken by one before it.

        Raises
        ------
        ParameterError
            If a pattern is not there, or not so often.

        Examples
        --------
        >>> twice = PackedPatterns(2).append(np.array([[1, -1], [1, 1], [1, -1]], np.int8))
        >>> twice.places_of(np.array([[1, -1], [1, -1]], np.int8))
        [0, 2]
        """
        places: list[int] = []
        for same in self.overlaps(patterns) == self.n:
            free = [int(place) for place in np.flatnonzero(same) if place not in places]
            if not free:
                raise ParameterError(
                    f"{where}: a key is not among the stored patterns, or not so often. "
                    "Forget only what was stored."
                )
            places.append(free[0])
        return places

    def unpack(
        self, start: int = 0, stop: int | None = None, dtype: npt.DTypeLike = np.int8
    ) -> Array:
        """Return patterns `start` to `stop`, shape (stop - start, N).

        A bit 0 reads as -1, or as 0 if `dtype` is unsigned or bool.

        Examples
        --------
        >>> PackedPatterns(3).append(np.array([[1, -1, 1]], np.int8)).unpack(dtype=np.uint8)
        array([[1, 0, 1]], dtype=uint8)
        """
        first, last, _ = slice(start, stop).indices(self._count)
        values = np.empty((max(last - first, 0), self.n), dtype)
        for tile, begin, end in _tiles_between(first, last):
            part = values[begin - first : end - first]
            kernels.unpack(self._words(tile, begin, end), _low(values.dtype), part)
        return values

    def rows(self, units: npt.ArrayLike, dtype: npt.DTypeLike = np.int8) -> Array:
        """Return what all patterns hold at chosen units, shape (K, P), coded as by `unpack`.

        Raises
        ------
        ShapeError, ParameterError
            If `units` are not a flat list of unit numbers.
        """
        chosen = _indices("PackedPatterns.rows: units", np.atleast_1d(units), self.n)
        words = self._tiles[: (self._count + 63) // 64, chosen >> 6].transpose(1, 0, 2)
        shifts = (chosen & 63).astype(np.uint64)[:, None]
        bits = (words.reshape(chosen.size, -1)[:, : self._count] >> shifts) & np.uint64(1)
        return np.where(bits, np.ones((), dtype), _low(np.dtype(dtype)))

    def overlaps(self, states: Array) -> Ints:
        r"""Return :math:`M^\mu = \sum_j \xi_j^\mu s_j` of states (Q, N) of +-1, shape (Q, P).

        Exact; int32, or int64 if N reaches 2^31.
        """
        where = "PackedPatterns.overlaps: states"
        rows = _signs(states, self.n, where)
        planes = aligned((len(rows), 1, self.n_words))
        _pack(rows, planes[:, 0], where)
        active = np.bitwise_count(planes[:, 0]).sum(axis=1, dtype=np.int64)
        none = np.zeros(0, np.int64)
        digits = Digits(planes, np.zeros(len(rows) + 1, np.int64), none, none)
        # sum (2x - 1)(2y - 1) over units = 4 sum xy - 2 sum x - 2 sum y + N
        slopes = np.full(len(rows), -2)
        matrix, bases = self._pattern_matrix(), self.n - 2 * active
        return product(matrix, digits, gain=4, slopes=slopes, bases=bases, bound=self.n)

    def fields(self, coefficients: Ints, out: Ints | None = None) -> Ints:
        r"""Return :math:`\sum_\mu \xi_i^\mu c^\mu` of integers (Q, P), shape (Q, N).

        With the overlaps as coefficients this is :math:`N h_i + P s_i` of Hebb's rule without
        self-coupling. It costs word operations in proportion to the bits that hold the bulk of
        the coefficients of a cue around their median: a *change* of the overlaps is cheaper
        than the overlaps, and can be added to the fields of before.

        Parameters
        ----------
        coefficients : ndarray of int, shape (Q, P)
            A number for each pattern.
        out : ndarray of int32 or int64, shape (Q, N), optional
            Add the result to this array, which has to hold the sum, and return it.

        Raises
        ------
        ShapeError, CodeError, ParameterError
            If `coefficients` are not (Q, P), no integers, or so large that int64 may overflow.
        """
        where = "PackedPatterns.fields: coefficients"
        values, bound = _integers(coefficients, self._count, where)
        if values.size == 0:
            return np.zeros((len(values), self.n), np.int32) if out is None else out
        digits, offsets, step = digits_of(values)
        # sum (2x - 1)(offset + step u) = 2 step sum xu + 2 offset sum x - sum c
        matrix, bases = self._unit_matrix(), -values.sum(axis=1)
        return product(
            matrix, digits, gain=2 * step, slopes=2 * offsets, bases=bases, bound=bound, out=out
        )

    def counters(self, states: Array) -> Array:
        """Return agreement counts of states with all patterns, for `asynchronous_sweep`.

        Bit planes (Q, B, words) uint64 of (N + M) / 2, with B the bits of N and the words padded
        to a multiple of 8.
        """
        agreements = (self.overlaps(states).astype(np.int64) + self.n) // 2
        offsets = np.zeros(len(agreements), np.int64)
        return encode(agreements, offsets, 0, self.n.bit_length()).planes

    def _words(self, tile: int, begin: int, end: int) -> Array:
        """Return patterns `begin` to `end`, all in one tile, as a (patterns, words) view."""
        words: Array = self._tiles[tile].T[begin - 64 * tile : end - 64 * tile]
        return words

    def _reserve(self, count: int) -> None:
        """Make room for `count` patterns; an eighth to spare keeps repeated appends linear."""
        needed = (count + 63) // 64
        if needed > len(self._tiles):
            old, spare = self._tiles, len(self._tiles) // 8
            self._tiles = aligned((max(needed, len(old) + spare), self.n_words, 64))
            self._tiles[: len(old)] = old

    def _pattern_matrix(self) -> Matrix:
        """Return the bits with patterns as rows."""
        if self._by_pattern is None:
            self._by_pattern = matrix_of(self._tiles[: (self._count + 63) // 64], self._count)
        return self._by_pattern

    def _unit_matrix(self) -> Matrix:
        """Return the bits with units as rows."""
        if self._by_unit is None:
            tiles = self._tiles[: (self._count + 63) // 64]
            units = aligned((self.n_words, len(tiles), 64))
            kernels.transpose_tiles(tiles, units)
            self._by_unit = matrix_of(units, self.n)
        return self._by_unit


def asynchronous_sweep(
    patterns: PackedPatterns,
    states: Array,
    counters: Array,
    order: Array,
    *,
    cues: Array | None = None,
    thresholds: Array | None = None,
    self_term: int | None = None,
) -> Array:
    r"""Visit units one after another and flip each that stands against its field.

    .. math:: N h_i = \sum_\mu \xi_i^\mu M^\mu - s_i\,\mathrm{self\_term}, \qquad
              s_i \leftarrow -s_i \ \text{if}\ (N h_i - \theta_i)\, s_i < 0

    A tie keeps the state. All cues are visited in the same order; the result of one does not
    depend on the others.

    Parameters
    ----------
    patterns : PackedPatterns
        The stored patterns.
    states : ndarray of int8, shape (Q, N)
        States of -1 and +1, written in place.
    counters : ndarray of uint64
        ``patterns.counters(states)``; kept up to date in place, so that it serves all sweeps.
    order : ndarray of int64, shape (V,)
        The units to visit.
    cues : ndarray of int64, shape (K,), optional
        The rows of `states` still to be moved, each once; all if left out.
    thresholds : ndarray of float64, shape (K, N), optional
        :math:`\theta` in units of N h, such as logistic noise for Glauber dynamics; 0 if left
        out.
    self_term : int, optional
        P (if left out) takes the self-coupling out of the field, 0 keeps it.

    Returns
    -------
    ndarray of int64, shape (K,)
        Flips of each cue.

    Raises
    ------
    ShapeError, ParameterError
        If arrays do not have the dtype, the shape or the C order that the kernel needs, or if
        `order` or `cues` go beyond what there is.

    Examples
    --------
    >>> patterns = PackedPatterns(4).append(np.array([[1, -1, 1, 1]], np.int8))
    >>> states = np.array([[1, -1, 1, -1]], np.int8)
    >>> asynchronous_sweep(patterns, states, patterns.counters(states), np.arange(4))
    array([1])
    >>> states
    array([[ 1, -1,  1,  1]], dtype=int8)
    """
    visits = _indices("asynchronous_sweep: order", order, patterns.n)
    chosen = _indices(
        "asynchronous_sweep: cues", np.arange(len(states)) if cues is None else cues, len(states)
    )
    noise = np.zeros((0, 0)) if thresholds is None else thresholds
    _check_sweep(patterns, states, counters, chosen, thresholds)
    diagonal = len(patterns) if self_term is None else self_term
    units = patterns._unit_matrix().tiles
    flips = np.zeros(chosen.size, np.int64)

    def visit(first: int, last: int) -> None:
        kernels.asynchronous_sweep(
            units,
            len(patterns),
            counters,
            states,
            chosen[first:last],
            visits,
            noise[first:last],
            diagonal,
            aligned((units.shape[1], 64)),
            flips[first:last],
        )

    spread(visit, chosen.size, visits.size * chosen.size * math.prod(counters.shape[1:]))
    return flips


# ------------------------------------------------------------------------------ inside


def _check_sweep(
    patterns: PackedPatterns, states: Array, counters: Array, cues: Array, thresholds: Array | None
) -> None:
    """Refuse what would make the kernel read or write outside its arrays, or a row twice."""
    n, n_words = patterns.n, counter_words(len(patterns))
    wanted: list[tuple[str, Array, type[np.generic], tuple[int, ...]]] = [
        ("states", states, np.int8, (len(states), n)),
        ("counters", counters, np.uint64, (len(states), n.bit_length(), n_words)),
    ]
    if thresholds is not None:
        wanted.append(("thresholds", thresholds, np.float64, (cues.size, n)))
    for name, array, dtype, shape in wanted:
        if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
            raise ShapeError(
                f"asynchronous_sweep: {name} are {array.dtype} of shape {array.shape}; expected "
                f"C-contiguous {np.dtype(dtype)} of shape {shape}. Take counters from "
                "patterns.counters(states), and new ones when the patterns have changed."
            )
    if np.unique(cues).size != cues.size:
        raise ParameterError(
            "asynchronous_sweep: cues name a row twice; a sweep moves a row once. "
            "Give numpy.unique(cues)."
        )


def _indices(where: str, values: Array, end: int) -> Array:
    """Return a flat int64 array whose entries are all from 0 to end - 1, or raise."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ShapeError(
            f"{where} have shape {array.shape} and dtype {array.dtype}; "
            "expected a flat array of integers."
        )
    if array.size and (array.min() < 0 or array.max() >= end):
        raise ParameterError(
            f"{where} go from {array.min()} to {array.max()}; give indices from 0 to {end - 1}."
        )
    return np.ascontiguousarray(array, np.int64)


def _pack(rows: Array, words: Array, where: str) -> None:
    """Write rows of int8 -1/+1 or uint8 0/1 as bits, or raise the error of their code."""
    if kernels.pack(rows.view(np.int8), np.int8(_low(rows.dtype)), words):
        as_patterns(rows, "binary" if rows.dtype == np.uint8 else "bipolar", where=where)


def _signs(values: Array, n: int, where: str) -> Array:
    """Return values as contiguous int8 or uint8 (rows, n); their codes are checked by `_pack`."""
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == n and array.dtype in (np.int8, np.uint8):
        return np.ascontiguousarray(array)
    return as_patterns(array, "binary" if array.dtype.kind in "bu" else "bipolar", n=n, where=where)


def _integers(values: Ints, n: int, where: str) -> tuple[Ints, float]:
    """Return values as int64 (Q, n) and a bound on the sums of their magnitudes."""
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[1] != n:
        raise ShapeError(
            f"{where} have shape {array.shape}; expected (Q, {n}), one for each pattern. "
            "Give one row per cue, as overlaps() does."
        )
    if array.dtype.kind not in "iu":
        raise CodeError(
            f"{where} have dtype {array.dtype}; expected integers. "
            "Unpack the patterns for real coefficients."
        )
    largest = max(abs(int(array.max(initial=0))), abs(int(array.min(initial=0))))
    bound = float(largest * n)
    if bound >= 2.0**31:  # too coarse a bound to tell; the sums themselves take a copy
        bound = float(np.abs(array, dtype=np.float64).sum(axis=1).max(initial=0.0))
    if bound >= 2.0**61:
        raise ParameterError(
            f"{where} have magnitudes that add up to {bound:.3g}; expected less than 2^61, "
            "or sums may overflow. Scale them down."
        )
    return np.ascontiguousarray(array, dtype=np.int64), bound


def _low(dtype: np.dtype[Any]) -> Any:
    """Return what a bit 0 stands for in `dtype`, as a scalar of it."""
    return dtype.type(0 if dtype.kind in "bu" else -1)


def _tiles_between(first: int, last: int) -> list[tuple[int, int, int]]:
    """Return (tile, begin, end) of the parts of `first` to `last` in each tile of 64."""
    return [
        (tile, max(first, 64 * tile), min(last, 64 * tile + 64))
        for tile in range(first // 64, (last + 63) // 64)
    ]
