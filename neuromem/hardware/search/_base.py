"""What all arrays that are searched share: cells of one device, read at one time."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import CodeError, ParameterError, ShapeError, real_number
from neuromem.core.randomness import Rng, seed_sequence
from neuromem.hardware.devices.population import Devices
from neuromem.hardware.devices.profile import Profile
from neuromem.hardware.devices.profile import profile as find_profile
from neuromem.kernels import devices as kernels

QUERIES = 4096
"""Queries that are searched at a time, which bounds the memory of a long batch."""

_EFFECTS = ("programming", "drift", "relaxation", "noise", "telegraph", "retention")
"""Activated conduction is none of them: cells are searched at 300 K, where it changes nothing."""


@dataclass(frozen=True, eq=False)
class Matches:
    """What the match lines say to a batch of queries.

    Attributes
    ----------
    readings : ndarray, shape (Q, P)
        What each line is sensed by, the less the better the match: its current in A (ternary),
        the cells that pull it down or how far the query lies outside (analog).
    threshold : ndarray, shape (Q, 1)
        The reference of the sense amplifiers: lines that read less match.
    """

    readings: Array
    threshold: Array

    @property
    def matched(self) -> Array:
        """Whether each line matches, shape (Q, P), bool."""
        return np.asarray(self.readings < self.threshold)

    @property
    def best(self) -> Array:
        """The line that reads least for each query, the first of equal ones, shape (Q,)."""
        return np.asarray(self.readings.argmin(axis=1))

    @property
    def first(self) -> Array:
        """The first matching line (priority encoder), -1 where none matches, shape (Q,)."""
        matched = self.matched
        return np.where(matched.any(axis=1), matched.argmax(axis=1), -1)


class SearchArray(ABC):
    """Cells of one device, sensed at one time after they were programmed.

    Attributes
    ----------
    profile : Profile
        The device.
    devices : Devices or None
        The population of cells; None where they are ideal and what is stored says all.
    seconds : float
        Time since the cells were programmed.
    """

    profile: Profile
    devices: Devices | None
    seconds: float

    def _begin(
        self,
        profile: str | Path | Profile,
        stuck_low: float | None,
        stuck_high: float | None,
        dtype: npt.DTypeLike,
        rng: Rng,
    ) -> None:
        """Take the arguments that all search arrays have."""
        self.profile = find_profile(profile)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise ParameterError(
                f"{type(self).__name__}: dtype is {self.dtype}; give float32 or float64."
            )
        self.seconds = 0.0
        self.devices = None
        self._seed = seed_sequence(rng)
        self._stuck = {"stuck_low": stuck_low, "stuck_high": stuck_high}
        for name, share in self._stuck.items():
            if share is not None:
                real_number(type(self).__name__, name, share, 0.0, 1.0)

    @property
    def ideal(self) -> bool:
        """Whether each cell reads what was written, always: nothing needs to be simulated."""
        p = self.profile
        stuck = [getattr(p, name) if own is None else own for name, own in self._stuck.items()]
        return (
            p.levels is None
            and not any(stuck)
            and all(getattr(p, effect) is None for effect in _EFFECTS)
        )

    def _program(self, target: Array) -> None:
        """Write `target` (S) to fresh cells."""
        self.devices = Devices.program(
            self.profile, target, rng=self._seed, dtype=self.dtype, **self._stuck
        )

    def _good(self, cells: Array) -> Array:
        """Return which of the chosen cells are not stuck."""
        stuck = None if self.devices is None else self.devices.stuck
        return cells if stuck is None else cells & (stuck == 0)

    def at(self, seconds: float) -> Self:
        """Return the same cells, `seconds` after they were programmed: drifted and relaxed.

        Raises
        ------
        ParameterError
            If the profile does not hold then, or the time lies before these cells' own.
        """
        where = f"{type(self).__name__}.at"
        later = copy.copy(self)
        later.seconds = self.profile.check_time(seconds, where)
        if later.seconds < self.seconds:
            raise ParameterError(
                f"{where}: seconds is {seconds:g}, but these cells were last read "
                f"{self.seconds:g} s after they were programmed, and time does not run back. Ask "
                "the array of an earlier time."
            )
        later._read_cells()
        return later

    @abstractmethod
    def _read_cells(self) -> None:
        """Work out what the cells conduct at this time."""


def ternary(values: npt.ArrayLike, where: str, n: int | None = None) -> Array:
    """Check words or queries of 0, 1 and -1 (any) and return them as int8 (P, N).

    Raises
    ------
    ShapeError
        If they are empty, ragged or not (P, `n`).
    CodeError
        If a value is something else.
    """
    array = _matrix(values, where, n)
    small = array.dtype.kind in "biu" and array.min() >= -1 and array.max() <= 1
    if not small and not (array.dtype.kind in "iuf" and np.isin(array, (-1, 0, 1)).all()):
        raise CodeError(
            f"{where} hold other values than 0, 1 and -1, which stands for X (any). Convert +-1 "
            "patterns with nm.patterns.to_binary(x)."
        )
    return np.ascontiguousarray(array, dtype=np.int8)


def levels(values: npt.ArrayLike, where: str, n: int | None = None) -> Array:
    """Check real inputs in [0, 1] and return them as an array (P, N).

    Raises
    ------
    ShapeError
        If they are empty, ragged or not (P, `n`).
    CodeError
        If a value is outside.
    """
    array = _matrix(values, where, n)
    if array.dtype.kind not in "biuf" or not (array.min() >= 0 and array.max() <= 1):
        raise CodeError(
            f"{where} hold values outside 0 to 1, the range of the data lines. Scale them."
        )
    return array


def _matrix(values: npt.ArrayLike, where: str, n: int | None) -> Array:
    try:
        array = np.asarray(values)
    except ValueError:
        raise ShapeError(f"{where} are ragged; give one array, all rows equally long.") from None
    array = array[None] if array.ndim == 1 else array
    if array.ndim != 2 or array.size == 0 or n not in (None, array.shape[1]):
        width = "N" if n is None else n
        raise ShapeError(
            f"{where} have shape {np.shape(values)}; expected (P, {width}), not empty."
        )
    return array


def normals(rng: np.random.Generator, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Draw standard normals as the devices do: twice as fast as NumPy's own."""
    out = np.empty(shape, dtype)
    flat = out.reshape(-1)
    blocks = -(-flat.size // kernels.BLOCK)
    words = rng.integers(0, 2**64 - 1, blocks * kernels.BLOCK // 2, np.uint64, endpoint=True)
    kernels.normals(words.view(np.uint32), flat)
    return out
