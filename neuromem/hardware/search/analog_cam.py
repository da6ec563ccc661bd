"""Analog content-addressable memory: cells hold intervals, a bound in each of two devices."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import (
    CodeError,
    ParameterError,
    ShapeError,
    one_of,
    real_number,
    whole_number,
)
from neuromem.core.randomness import Rng, stream
from neuromem.core.threads import spread
from neuromem.hardware.devices.profile import Profile
from neuromem.hardware.search._base import Matches, SearchArray, levels, normals
from neuromem.kernels import cam as kernels

KINDS = ("cells", "excess")

PUBLISHED_COLUMNS = 64
"""Columns of the array whose shift of the bounds was published: up to 20 mV."""


class AnalogCAM(SearchArray):
    r"""Rows of intervals, matched by inputs that lie in all of them.

    .. math:: \text{row } p \text{ matches} \iff l_{pj} \le x_j \le u_{pj} \text{ for all } j,
              \qquad l = \frac{G_l - G_{min}}{G_{max} - G_{min}} (1 + 2 g) - g

    Parameters
    ----------
    lower, upper : array_like, shape (P, N)
        Bounds in [0, 1], the range of the data lines. A lower bound of -inf and an upper one of
        inf leave a side open: it is not driven, and never rejects, whatever becomes of its device.
    profile : str, Path or Profile
        The device; its programming error, noise, drift and number of levels act on the bounds.
    guard : float
        Margin g on both sides of [0, 1] that the range of conductances covers as well, so that
        bounds at 0 and 1 may err to either side.
    window : float
        What [0, 1] is on the data lines, V.
    column_shift : float
        V by which both bounds move outwards (inwards if negative) in an array of 64 columns, in
        proportion to the columns. Published worst case: 0.02 (Li et al., Fig. 5).
    cell_capacitance : float
        Match-line capacitance of a cell, F.
    pull_down : float
        Conductance of a cell that pulls its match line down, S.
    stuck_low, stuck_high : float, optional
        Share of devices stuck at either end; by default the profile's.
    rng : int, SeedSequence, Generator or None
        Seed of what is random in the cells.
    dtype : {float32, float64}
        Of conductances.

    Raises
    ------
    ShapeError, CodeError, ParameterError
        If an argument does not fit.

    Notes
    -----
    The published cell (six transistors, two memristors) maps conductance to bound along a curve;
    here the map is straight, as in later cells with a linear one. The window, capacitance and
    pull-down are typical, not measured: with 0.7 V a shift of 20 mV leaves 4 bits, as published.
    A match line is charged and then discharged by every cell outside its interval, so k of them
    are k times as fast as one: the readings of a search count these cells, and the time for one
    cell, which grows with the columns, is the latency.

    References
    ----------
    Li et al., "Analog content-addressable memories with memristors", Nature Communications 11,
    1638 (2020), doi:10.1038/s41467-020-15254-4.

    Examples
    --------
    >>> cam = AnalogCAM([[0.0, 0.5], [0.2, -np.inf]], [[0.5, 1.0], [0.3, np.inf]])
    >>> cam.search([[0.25, 0.75], [0.25, 0.1]]).matched
    array([[ True,  True],
           [False,  True]])
    """

    def __init__(
        self,
        lower: npt.ArrayLike,
        upper: npt.ArrayLike,
        profile: str | Path | Profile = "ideal",
        *,
        guard: float = 0.1,
        window: float = 0.7,
        column_shift: float = 0.0,
        cell_capacitance: float = 0.5e-15,
        pull_down: float = 50e-6,
        stuck_low: float | None = None,
        stuck_high: float | None = None,
        rng: Rng = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self._begin(profile, stuck_low, stuck_high, dtype, rng)
        name = "AnalogCAM"
        self.guard = real_number(name, "guard", guard, 0.0, 1.0)
        self.window = real_number(name, "window", window, 1e-6)
        self.column_shift = real_number(name, "column_shift", column_shift)
        self.cell_capacitance = real_number(name, "cell_capacitance", cell_capacitance, 1e-21)
        self.pull_down = real_number(name, "pull_down", pull_down, 1e-15)
        bounds = _intervals(lower, upper)
        self.n_words, self.n_columns = bounds.shape[1:]
        self._stored = np.ascontiguousarray(bounds.transpose(0, 2, 1))  # (2, N, P)
        if not self.ideal:
            self._program(self._conductance(self._stored))
        self._read_cells()

    @property
    def latency(self) -> float:
        """Time in which one cell halves the voltage of a match line, s."""
        return float(self.n_columns * self.cell_capacitance * math.log(2.0) / self.pull_down)

    @property
    def shift(self) -> float:
        """How far each bound moves outwards in this array, in units of the inputs."""
        return float(self.column_shift / self.window * self.n_columns / PUBLISHED_COLUMNS)

    def search(
        self,
        queries: npt.ArrayLike,
        *,
        kind: Literal["cells", "excess"] = "cells",
        rng: Rng = None,
    ) -> Matches:
        """Compare inputs with all rows.

        Parameters
        ----------
        queries : array_like, shape (Q, N) or (N,)
            Inputs in [0, 1].
        kind : {"cells", "excess"}
            What a match line is read by: the cells outside their interval, or how far outside
            they are in sum, which tells rows apart that miss in as many cells.
        rng : int, SeedSequence, Generator or None
            Seed of the read noise.

        Raises
        ------
        ShapeError, CodeError, ParameterError
            If an argument does not fit.
        """
        one_of("AnalogCAM.search", "kind", kind, KINDS)
        checked = levels(queries, "AnalogCAM.search: queries", self.n_columns)
        inputs = self._conductance(checked)
        out = np.empty((len(inputs), self.n_words), np.int32 if kind == "cells" else self.dtype)
        compare = kernels.outside if kind == "cells" else kernels.excess

        if self._sigma is None:

            def job(first: int, last: int) -> None:
                compare(inputs, self._bounds[0], self._bounds[1], first, last, out)

            spread(job, self.n_words, 4 * inputs.size * self.n_words)
        else:
            noise = stream(rng, "match lines")
            for q in range(len(inputs)):
                fresh = self._sigma * normals(noise, self._sigma.shape, self.dtype)
                low, high = self._bounds + fresh
                compare(inputs[q : q + 1], low, high, 0, self.n_words, out[q : q + 1])
        if kind == "excess":
            out /= self.dtype.type(self._span)
        smallest = 0.5 if kind == "cells" else np.finfo(self.dtype).tiny
        return Matches(out, np.full((len(out), 1), smallest))

    def energy(self, queries: npt.ArrayLike, supply: float = 0.8) -> Array:
        """Return what charging the discharged match lines again takes, J, shape (Q,).

        A line of capacitance C at `supply` V takes C V^2; a line that matches keeps its charge.
        """
        volts = real_number("AnalogCAM.energy", "supply", supply, 0.0)
        missed = ~self.search(queries).matched
        per_line = self.n_columns * self.cell_capacitance * volts**2
        return np.asarray(missed.sum(axis=1) * per_line)

    def bounds(self) -> tuple[Array, Array]:
        """Return the (lower, upper) bounds that the cells hold now, each (P, N), shift included.

        Open sides are at -inf and inf.
        """
        low, high = (self._bounds - self.profile.g_min) / self._span - self.guard
        return np.ascontiguousarray(low.T), np.ascontiguousarray(high.T)

    def bound_error(self) -> float:
        """Return the r.m.s. error of closed bounds without the shift, in units of the inputs."""
        low, high = self.bounds()
        now = np.stack([low + self.shift, high - self.shift]).transpose(0, 2, 1)
        closed = np.isfinite(self._stored)
        if self.devices is None or not closed.any():
            return 0.0
        error = (now[closed] - self._stored[closed]) ** 2
        if self._sigma is not None:
            error = error + (self._sigma[closed] / self._span) ** 2
        return float(np.sqrt(error.mean(dtype=np.float64)))

    def resolvable_bits(self, sigmas: float = 3.0) -> float:
        """Return the bits of a cell whose levels are told apart: log2 of their number.

        Half a level has to hold the shift of the bounds and `sigmas` times their error; infinite
        without either.
        """
        z = real_number("AnalogCAM.resolvable_bits", "sigmas", sigmas, 0.0)
        lost = abs(self.shift) + z * self.bound_error()
        return math.log2(max(0.5 / lost, 1.0)) if lost > 0 else math.inf

    @property
    def nbytes(self) -> int:
        """Bytes that the simulation holds for the cells."""
        own = self._stored.nbytes + self._bounds.nbytes
        own += 0 if self._sigma is None else self._sigma.nbytes
        return int(own + (0 if self.devices is None else self.devices.nbytes))

    def __repr__(self) -> str:
        return (
            f"<AnalogCAM of {self.n_words} words x {self.n_columns} columns, "
            f"{self.profile.name}, {self.seconds:g} s after programming>"
        )

    @property
    def _span(self) -> float:
        """Conductance that an input of 1 is above one of 0, S."""
        return (self.profile.g_max - self.profile.g_min) / (1.0 + 2.0 * self.guard)

    def _conductance(self, inputs: Array) -> Array:
        """Return the conductance that is in balance with each input, S.

        Bounds and inputs take this one way, so that rounding keeps their order.
        """
        p = self.profile
        siemens = p.g_min + (inputs.astype(np.float64) + self.guard) * self._span
        return np.clip(siemens, p.g_min, p.g_max).astype(self.dtype)

    def _read_cells(self) -> None:
        """Work out the bounds of this time, (2, N, P) in S, and their noise per read."""
        if self.devices is None:
            now, self._sigma = self._conductance(self._stored), None
        else:
            now = self.devices.conductance(self.seconds)
            self._sigma = self.devices.read_sigma(self.seconds)
        outwards = self.dtype.type(self.shift * self._span)
        shifted = np.stack([now[0] - outwards, now[1] + outwards])
        self._bounds = np.where(np.isinf(self._stored), self._stored, shifted).astype(self.dtype)


def level_bounds(codes: npt.ArrayLike, bits: int) -> tuple[Array, Array]:
    """Return the interval of each of 2^bits equal levels of [0, 1], and (-inf, inf) for -1.

    Parameters
    ----------
    codes : array_like of int
        Levels 0 to 2^bits - 1, or -1 for any.
    bits : int
        Bits of a cell.

    Raises
    ------
    CodeError
        If a code is no such level.

    Examples
    --------
    >>> level_bounds([[0, 7, -1]], bits=3)
    (array([[0.   , 0.875,   -inf]]), array([[0.125, 1.   ,   inf]]))
    """
    levels, count = _codes(codes, bits, "level_bounds", least=-1)
    any_level = levels < 0
    return (
        np.where(any_level, -np.inf, levels / count),
        np.where(any_level, np.inf, (levels + 1) / count),
    )


def level_centres(codes: npt.ArrayLike, bits: int) -> Array:
    """Return the input in the middle of each level, see `level_bounds`.

    >>> level_centres([0, 7], bits=3)
    array([0.0625, 0.9375])
    """
    levels, count = _codes(codes, bits, "level_centres", least=0)
    return np.asarray((levels + 0.5) / count)


def _codes(codes: npt.ArrayLike, bits: int, where: str, least: int) -> tuple[Array, int]:
    count = 2 ** whole_number(where, "bits", bits, least=1)
    array = np.asarray(codes)
    if array.dtype.kind not in "iu" or array.size == 0:
        raise CodeError(f"{where}: codes are {array.dtype}; give whole numbers, not empty.")
    if array.min() < least or array.max() >= count:
        raise CodeError(
            f"{where}: codes are from {array.min()} to {array.max()}; a cell of {bits} bits "
            f"holds {least} to {count - 1}. Give more bits."
        )
    return array, count


def _intervals(lower: npt.ArrayLike, upper: npt.ArrayLike) -> Array:
    """Check bounds and return them as (2, P, N), open ones infinite."""
    low, high = (np.atleast_2d(np.asarray(side, dtype=np.float64)) for side in (lower, upper))
    if low.shape != high.shape or low.ndim != 2 or low.size == 0:
        raise ShapeError(
            f"AnalogCAM: lower has shape {low.shape} and upper {high.shape}; expected (P, N) for "
            "both, not empty."
        )
    closed = [np.where(side == end, 0.5, side) for side, end in ((low, -np.inf), (high, np.inf))]
    if not all(((side >= 0) & (side <= 1)).all() for side in closed):
        raise CodeError(
            "AnalogCAM: bounds lie outside 0 to 1, the range of the data lines. Scale them, and "
            "give -inf or inf for an open side."
        )
    if (low > high).any():
        raise ParameterError(
            f"AnalogCAM: {int((low > high).sum())} lower bounds are above their upper ones; such "
            "a cell matches nothing. Exchange them."
        )
    return np.stack([low, high])
