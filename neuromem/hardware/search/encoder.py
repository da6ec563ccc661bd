"""In-memory encoder of hypervectors: symbols are bound by AND of what sense amplifiers read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError, one_of, whole_number
from neuromem.core.randomness import Rng, stream
from neuromem.hardware.devices.profile import Profile
from neuromem.hardware.search._base import SearchArray, normals
from neuromem.kernels import cam as kernels

MINTERMS = ("two", "all")

SURE = 6.0
"""Standard deviations of read noise from which a bit is taken as sure: 1e-9 of reads are wrong."""


class MintermEncoder(SearchArray):
    r"""Binds n symbols to a hypervector by AND in memory, and bundles many of them.

    .. math:: v = \bigwedge_{k=1}^{n} \rho^{n-k} s_k \;\vee\; \bigwedge_{k=1}^{n}
              \overline{\rho^{n-k} s_k}

    with rho the cyclic shift by one place: the two minterms of the n-fold XNOR that need least
    control. With n = 2 they are all of it.

    Parameters
    ----------
    n_symbols : int
        Symbols in the item memory.
    dimension : int
        Bits D of a hypervector.
    n : int
        Symbols that are bound to one.
    profile : str, Path or Profile
        The device.
    minterms : {"two", "all"}
        "all" takes the 2^(n - 1) minterms with an even number of complements, the exact XNOR.
    stuck_low, stuck_high : float, optional
        Share of cells stuck at either end; by default the profile's.
    rng : int, SeedSequence, Generator or None
        Seed of the hypervectors and of the cells.

    Raises
    ------
    ParameterError
        If an argument does not fit.

    Notes
    -----
    A sense amplifier compares a cell with halfway between the present means of both states. Bits
    that read noise of a profile can change are drawn anew in each read.

    References
    ----------
    Karunaratne et al., Nature Electronics 3, 327 (2020), doi:10.1038/s41928-020-0410-3.

    Examples
    --------
    >>> encoder = MintermEncoder(26, dimension=1000, n=2)
    >>> pair = encoder.bind([[0, 1]])
    >>> a, b = np.roll(encoder.items[0], 1), encoder.items[1]
    >>> bool((pair[0] == (a == b)).all())
    True
    """

    def __init__(
        self,
        n_symbols: int,
        *,
        dimension: int = 10_000,
        n: int = 3,
        profile: str | Path | Profile = "ideal",
        minterms: Literal["two", "all"] = "two",
        stuck_low: float | None = None,
        stuck_high: float | None = None,
        rng: Rng = None,
    ) -> None:
        self._begin(profile, stuck_low, stuck_high, np.float32, rng)
        name = "MintermEncoder"
        self.n_symbols = whole_number(name, "n_symbols", n_symbols, least=1)
        self.dimension = whole_number(name, "dimension", dimension, least=1)
        self.n = whole_number(name, "n", n, least=1)
        self.minterms = one_of(name, "minterms", minterms, MINTERMS)
        if self.n > 16:
            raise ParameterError(f"{name}: n is {n}; give at most 16 symbols to bind.")
        shape = (self.n_symbols, self.dimension)
        self.items = stream(self._seed, "items").integers(0, 2, shape, dtype=np.uint8)
        every = np.arange(2**self.n)
        even = np.bitwise_count(every) % 2 == 0
        # A single symbol is its own hypervector: with its complement it would be all ones.
        self._masks = every[even] if minterms == "all" or self.n == 1 else every[[0, -1]]
        if not self.ideal:
            p = self.profile
            both = np.stack([self.items, 1 - self.items])
            self._program(np.where(both == 1, p.g_max, p.g_min))
        self._read_cells()

    @property
    def density(self) -> float:
        """Expected share of ones in a bound hypervector."""
        return len(self._masks) / 2.0**self.n

    def bind(self, tuples: npt.ArrayLike, rng: Rng = None) -> Array:
        """Return the hypervector of each tuple of symbols, uint8 (T, D).

        Parameters
        ----------
        tuples : array_like of int, shape (T, n)
            Symbols to bind.
        rng : int, SeedSequence, Generator or None
            Seed of the read noise.

        Raises
        ------
        ShapeError, ParameterError
            If `tuples` do not fit.
        """
        checked = self._tuples(tuples, "bind")
        return self._count(checked, np.arange(len(checked) + 1), rng).astype(np.uint8)

    def bundle(self, samples: Sequence[npt.ArrayLike], rng: Rng = None) -> tuple[Array, Array]:
        """Count the bound hypervectors of each sample.

        Parameters
        ----------
        samples : sequence of array_like of int
            Each either a sequence of symbols (L,), taken as its L - n + 1 overlapping n-grams, or
            tuples (T, n), such as the place and the level of each pixel.
        rng : int, SeedSequence, Generator or None
            Seed of the read noise.

        Returns
        -------
        counts : ndarray of int32, shape (B, D)
        lengths : ndarray of int, shape (B,)
            Tuples of each sample.

        Raises
        ------
        ShapeError, ParameterError
            If a sample does not fit.
        """
        grams = [self._grams(sample, place) for place, sample in enumerate(samples)]
        if not grams:
            raise ShapeError("MintermEncoder.bundle: there are no samples; give at least one.")
        lengths = np.array([len(gram) for gram in grams])
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return self._count(np.concatenate(grams), starts, rng), lengths

    def encode(self, samples: Sequence[npt.ArrayLike], rng: Rng = None) -> Array:
        """Return the hypervector of each sample, uint8 (B, D): its counts above their expectation.

        Raises
        ------
        ShapeError, ParameterError
            If a sample does not fit.
        """
        counts, lengths = self.bundle(samples, rng)
        return (counts > self.density * lengths[:, None]).astype(np.uint8)

    def _read_cells(self) -> None:
        """Work out the bits that the sense amplifiers read at this time, for each place."""
        self._noisy: tuple[Array, Array] | None = None
        bits = np.stack([self.items, 1 - self.items])
        if self.devices is not None:
            now = self.devices.conductance(self.seconds)
            low, top = self.profile.g_min, self.profile.g_max
            high = self.devices.target > 0.5 * (low + top)
            ends = (self._good(~high), low), (self._good(high), top)
            means = [now[good].mean() if good.any() else end for good, end in ends]
            reference = now.dtype.type(0.5 * sum(means))
            bits = (now > reference).astype(np.uint8)
            sigma = self.devices.read_sigma(self.seconds)
            if sigma is not None and np.any(np.abs(now - reference) < SURE * sigma):
                self._noisy = (now - reference), sigma
        self._bits = self._shifted(bits)

    def _shifted(self, arrays: Array) -> Array:
        """Return (2, S, D) arrays as (2, n, S, D), shifted by n - 1 at place 0, ..., 0 at n - 1."""
        places = range(self.n - 1, -1, -1)
        return np.stack([np.roll(arrays, shift, axis=2) for shift in places], axis=1)

    def _count(self, tuples: Array, starts: Array, rng: Rng) -> Array:
        """Return the counts (B, D) of the tuples of each sample."""
        counts = np.zeros((len(starts) - 1, self.dimension), np.int32)
        if self._noisy is None:
            originals, complements = self._bits
            kernels.bind_and_bundle(originals, complements, self._masks, tuples, starts, counts)
            return counts
        level, sigma = (self._shifted(array) for array in self._noisy)
        noise, places = stream(rng, "sense"), np.arange(self.n)
        owners = np.repeat(np.arange(len(counts)), np.diff(starts))
        alone, one = np.zeros((1, self.n), np.int64), np.array([0, 1])
        for row, chosen in zip(owners, tuples, strict=True):
            seen, spread = level[:, places, chosen], sigma[:, places, chosen]
            read = seen + spread * normals(noise, seen.shape, seen.dtype)
            # One tuple a time, from an item memory of what was read: a single symbol at each place.
            original, complement = (read > 0).astype(np.uint8)[:, :, None]
            own = counts[row : row + 1]
            kernels.bind_and_bundle(original, complement, self._masks, alone, one, own)
        return counts

    def _grams(self, sample: npt.ArrayLike, place: int) -> Array:
        """Return the tuples of one sample."""
        symbols = np.asarray(sample)
        where = f"bundle: sample {place}"
        if symbols.ndim == 1:
            if symbols.size < self.n:
                raise ShapeError(
                    f"MintermEncoder.{where} has {symbols.size} symbols; an n-gram takes {self.n}. "
                    "Give longer samples."
                )
            symbols = np.lib.stride_tricks.sliding_window_view(symbols, self.n)
        return self._tuples(symbols, where)

    def _tuples(self, tuples: npt.ArrayLike, where: str) -> Array:
        array = np.asarray(tuples)
        if array.ndim != 2 or array.shape[1] != self.n or array.size == 0:
            raise ShapeError(
                f"MintermEncoder.{where} has shape {array.shape}; expected (T, {self.n}), not "
                "empty."
            )
        if array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= self.n_symbols:
            raise ParameterError(
                f"MintermEncoder.{where} holds {array.min()} to {array.max()} ({array.dtype}); "
                f"symbols are whole numbers from 0 to {self.n_symbols - 1}."
            )
        return np.ascontiguousarray(array, dtype=np.int64)
