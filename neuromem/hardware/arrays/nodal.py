"""Arrays with any terminals, solved node by node: slower than `wires`, and general."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError, real_number
from neuromem.hardware.arrays.nonlinear import CurrentLaw, agree
from neuromem.hardware.arrays.wires import Segments, checked_conductances, segment_pair


@dataclass(frozen=True)
class Nodes:
    """Solution of `nodal`: voltages in V and currents in A, all (R, C).

    Attributes
    ----------
    word, bit : ndarray
        Voltages of the word and bit line nodes; parts that no terminal reaches are at 0 V.
    currents : ndarray
        Through the cells, from word to bit line.
    """

    word: Array
    bit: Array
    currents: Array

    @property
    def voltages(self) -> Array:
        """Voltages across the cells, V."""
        return np.asarray(self.word - self.bit)

    @property
    def word_currents(self) -> Array:
        """Currents that enter the array through the word lines (R,), A."""
        return np.asarray(self.currents.sum(axis=1))

    @property
    def bit_currents(self) -> Array:
        """Currents that leave the array through the bit lines (C,), A."""
        return np.asarray(self.currents.sum(axis=0))


def nodal(
    conductances: npt.ArrayLike,
    *,
    left: npt.ArrayLike | None = None,
    right: npt.ArrayLike | None = None,
    top: npt.ArrayLike | None = None,
    bottom: npt.ArrayLike | None = None,
    segment_resistance: Segments = 0.0,
    terminal_resistance: float = 0.0,
    law: CurrentLaw | None = None,
) -> Nodes:
    """Solve an array with any terminals by sparse elimination.

    Slower than `neuromem.hardware.wires.solve` by two orders of magnitude, and general: a line may
    be driven from either end or both, or float.

    Parameters
    ----------
    conductances : array_like, shape (R, C)
        S, at least 0.
    left, right : array_like, shape () or (R,), optional
        Voltages that word lines are driven with at column 0 and at column C - 1. NaN, and None
        for a whole side, is an open end.
    top, bottom : array_like, shape () or (C,), optional
        The same for bit lines, at row 0 and at row R - 1.
    segment_resistance : float or (float, float)
        Ohm, of word and bit lines; terminals are one segment away from the first cell. 0, the
        default, is an ideal line: one node.
    terminal_resistance : float
        Ohm, added at each terminal.
    law : CurrentLaw, optional
        Nonlinear cells, solved to 1e-9 by Newton's method; by default I = G V.

    Returns
    -------
    Nodes
        Voltages and currents.

    Raises
    ------
    ShapeError, ParameterError
        If arrays do not fit, values are negative, or ideal lines join terminals of different
        voltages.

    Examples
    --------
    A 2 x 2 array of 1 kohm cells with two floating lines: the other three are in series.

    >>> read = nodal(np.full((2, 2), 1e-3), left=[1.0, np.nan], bottom=[0.0, np.nan])
    >>> read.bit_currents.round(9)
    array([0.00133333, 0.        ])
    """
    where = "nodal"
    cells = checked_conductances(conductances, where)
    mesh = _Mesh(cells.shape, segment_pair(segment_resistance, where), where)
    extra = real_number(where, "terminal_resistance", terminal_resistance, 0.0)
    for side, values in (("left", left), ("right", right), ("top", top), ("bottom", bottom)):
        if values is not None:
            mesh.connect(side, values, extra)
    mesh.join()
    if law is None:
        word, bit = mesh.solve(cells, np.zeros(cells.shape))
        return Nodes(word, bit, cells * (word - bit))
    word, bit = agree(mesh.solve, cells, law, mesh.span, 1e-9, where)
    return Nodes(word, bit, law.current(cells, word - bit))


class _Mesh:
    """Nodes and segments of an array; ideal segments join nodes into one."""

    def __init__(self, shape: tuple[int, int], segments: tuple[float, float], where: str) -> None:
        self.where, self.segments = where, segments
        self.word, self.bit = np.arange(2 * shape[0] * shape[1]).reshape(2, *shape)
        self.known = np.full(self.bit[-1, -1] + 1, np.nan)
        self.edges: list[tuple[Array, Array, float]] = [
            (self.word[:, :-1].ravel(), self.word[:, 1:].ravel(), segments[0]),
            (self.bit[:-1].ravel(), self.bit[1:].ravel(), segments[1]),
        ]

    def connect(self, side: str, values: npt.ArrayLike, extra: float) -> None:
        """Add the terminals of one side, as far as they are driven."""
        lines = {
            "left": self.word[:, 0],
            "right": self.word[:, -1],
            "top": self.bit[0],
            "bottom": self.bit[-1],
        }[side]
        array = np.asarray(values, np.float64)
        if array.shape not in {(), lines.shape} or np.isinf(array).any():
            raise ShapeError(
                f"{self.where}: {side} has shape {array.shape}; give one finite voltage, or one "
                f"for each of the {len(lines)} lines, NaN where a line is open."
            )
        array = np.broadcast_to(array, lines.shape)
        driven = ~np.isnan(array)
        terminals = len(self.known) + np.arange(driven.sum())
        self.known = np.concatenate([self.known, array[driven]])
        segment = self.segments[0 if side in {"left", "right"} else 1]
        self.edges.append((lines[driven], terminals, segment + extra))

    def join(self) -> None:
        """Make one node of all that ideal segments connect."""
        joined = [edge for edge in self.edges if edge[2] == 0.0]
        count, self.label = _components(joined, len(self.known))
        potentials = np.full(count, np.nan)
        driven = ~np.isnan(self.known)
        potentials[self.label[driven]] = self.known[driven]
        if (potentials[self.label[driven]] != self.known[driven]).any():
            raise ParameterError(
                f"{self.where}: ideal lines join terminals of different voltages. Give a segment "
                "or a terminal resistance, or leave one end open."
            )
        self.span = float(np.ptp(self.known[driven])) if driven.any() else 0.0
        self.known = potentials
        self.edges = [
            (self.label[a], self.label[b], r) for a, b, r in self.edges if r > 0.0 and a.size
        ]
        self.word, self.bit = self.label[self.word], self.label[self.bit]

    def solve(self, slopes: Array, offsets: Array) -> tuple[Array, Array]:
        """Return word and bit voltages for cells I = slope (V - offset)."""
        count, a, b = len(self.known), self.word.ravel(), self.bit.ravel()
        g = slopes.ravel()
        pushed = g * offsets.ravel()
        injected = np.bincount(a, pushed, count) - np.bincount(b, pushed, count)
        starts = np.concatenate([a, *(edge[0] for edge in self.edges)])
        ends = np.concatenate([b, *(edge[1] for edge in self.edges)])
        weights = np.concatenate([g, *(np.full(e[0].size, 1.0 / e[2]) for e in self.edges)])
        links = sp.coo_array((weights, (starts, ends)), shape=(count, count)).tocsr()
        links += links.T
        laplacian = sp.diags_array(links.sum(axis=1)) - links
        voltages = self._reached(links)
        free = np.flatnonzero(np.isnan(voltages))
        fixed = np.flatnonzero(~np.isnan(voltages))
        if free.size:
            right = injected[free] - laplacian[free][:, fixed] @ voltages[fixed]
            voltages[free] = spsolve(laplacian[free][:, free].tocsc(), right)
        return voltages[self.word], voltages[self.bit]

    def _reached(self, links: sp.csr_array) -> Array:
        """Return the known voltages, with 0 V for what no terminal reaches."""
        links.eliminate_zeros()
        count, part = connected_components(links, directed=False)
        reached = np.zeros(count, bool)
        reached[part[~np.isnan(self.known)]] = True
        return np.where(reached[part], self.known, 0.0)


def _components(edges: list[tuple[Array, Array, float]], count: int) -> tuple[int, Array]:
    """Return the number of connected parts and the part of every node."""
    starts = np.concatenate([np.zeros(0, np.int64), *(edge[0] for edge in edges)])
    ends = np.concatenate([np.zeros(0, np.int64), *(edge[1] for edge in edges)])
    links = sp.coo_array((np.ones(starts.size), (starts, ends)), shape=(count, count))
    parts, label = connected_components(links, directed=False)
    return int(parts), label
