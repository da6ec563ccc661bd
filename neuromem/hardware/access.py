r"""How cells are reached: with a transistor each (1T1R) or bare (1R), read and written one by one.

In a product all lines are driven and no current strays. Where single cells of a bare array are
read or written, the lines that are not selected float or are held at a part of the voltage, and
other cells conduct too: `select_cell` gives their voltages and currents, `sneak_resistance` the
textbook case, `disturb_probability` what a write means for them. `nodal` solves any array with any
terminals; `solve_nonlinear` a product of cells whose currents are not proportional to the voltage.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError, one_of, real_number, whole_number
from neuromem.hardware.wires import Ladders, Segments, checked_conductances, segment_pair

Scheme: TypeAlias = Literal["floating", "grounded", "V/2", "V/3"]
SCHEMES: tuple[Scheme, ...] = ("floating", "grounded", "V/2", "V/3")

_MOST_ITERATIONS = 500
"""Newton moves a cell of I = G V_0 sinh(V / V_0) by about V_0 an iteration, 300 V_0 at most."""


# ------------------------------------------------------------------------------- current laws


class CurrentLaw(Protocol):
    """Current of a cell as a function of its conductance at 0 V and its voltage."""

    def current(self, conductances: Array, voltages: Array) -> Array:
        """Return the currents in A."""
        ...

    def slope(self, conductances: Array, voltages: Array) -> Array:
        """Return dI/dV in S."""
        ...

    def check(self, conductances: Array, span: float, where: str) -> None:
        """Raise a ParameterError unless the current rises with the voltage within +-`span` V."""
        ...


@dataclass(frozen=True)
class Polynomial:
    r"""Cells with :math:`I = G V + a_2 V^2 + a_3 V^3`.

    Parameters
    ----------
    quadratic, cubic : float or ndarray of shape (R, C)
        :math:`a_2` in A/V^2 and :math:`a_3` in A/V^3.

    Examples
    --------
    >>> round(float(Polynomial(0.0, 1e-4).current(1e-4, 0.5)), 10)
    6.25e-05
    """

    quadratic: float | Array
    cubic: float | Array

    @classmethod
    def hfo2(cls, conductances: npt.ArrayLike) -> Polynomial:
        """Return the law of HfO2 cells of 62.5 to 110 uS at up to 0.5 V.

        Milo et al., IRPS 2021; coefficients as distributed with Xiao et al., IEEE Circuits Syst.
        Mag. (2022), arXiv:2109.01262.

        >>> law = Polynomial.hfo2([[1e-4]])
        >>> law.current(np.array([[1e-4]]), np.array([[0.5]]))
        array([[4.7872...e-05]])
        """
        cells = checked_conductances(conductances, "Polynomial.hfo2")
        if cells.min() < 62.5e-6 or cells.max() > 110e-6:
            raise ParameterError(
                f"Polynomial.hfo2: the conductances go from {cells.min():g} to {cells.max():g} S; "
                "the law was measured from 62.5e-06 to 0.00011 S. Rescale them."
            )
        decades = np.log10(cells)
        quadratic = np.polyval([1.388e-4, 1.541e-3, 5.711e-3, 7.063e-3], decades)
        return cls(quadratic, np.polyval([8.8710e-5, 6.7919e-4, 1.2968e-3], decades))

    def current(self, conductances: Array, voltages: Array) -> Array:
        """Return the currents in A."""
        v = voltages
        return np.asarray(v * (conductances + v * (self.quadratic + v * self.cubic)))

    def slope(self, conductances: Array, voltages: Array) -> Array:
        """Return dI/dV in S."""
        v = voltages
        return np.asarray(conductances + v * (2.0 * self.quadratic + v * (3.0 * self.cubic)))

    def check(self, conductances: Array, span: float, where: str) -> None:
        """Raise a ParameterError unless the current rises with the voltage within +-`span` V."""
        for name in ("quadratic", "cubic"):
            shape = np.shape(getattr(self, name))
            if shape not in {(), conductances.shape}:
                raise ShapeError(
                    f"{where}: the {name} coefficients have shape {shape}, the conductances "
                    f"{conductances.shape}. Give a number or one coefficient a cell."
                )
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = np.nan_to_num(-np.divide(self.quadratic, 3.0 * np.asarray(self.cubic)))
        places = (-span, span, np.clip(turn, -span, span))
        least = min(float(np.min(self.slope(conductances, np.asarray(v)))) for v in places)
        # Closed cells without a polynomial stay flat, which does no harm.
        if least < 0.0 or (least == 0.0 and np.any(self.quadratic) | np.any(self.cubic)):
            raise ParameterError(
                f"{where}: the current of a cell falls with its voltage, dI/dV = {least:g} S "
                f"within +-{span:g} V. Lower the voltages, or check the coefficients."
            )


@dataclass(frozen=True)
class Sinh:
    r"""Cells with :math:`I = G V_0 \sinh(V / V_0)`, as of tunnelling or hopping.

    Parameters
    ----------
    scale : float
        :math:`V_0` in V.

    Examples
    --------
    >>> round(float(Sinh(0.5).current(1e-4, 0.5)), 10)
    5.87601e-05
    """

    scale: float

    def current(self, conductances: Array, voltages: Array) -> Array:
        """Return the currents in A."""
        return np.asarray(conductances * self.scale * np.sinh(voltages / self.scale))

    def slope(self, conductances: Array, voltages: Array) -> Array:
        """Return dI/dV in S."""
        return np.asarray(conductances * np.cosh(voltages / self.scale))

    def check(self, conductances: Array, span: float, where: str) -> None:  # noqa: ARG002
        """Raise a ParameterError unless the current is a number within +-`span` V."""
        if not (math.isfinite(self.scale) and self.scale > 0.0 and span <= 300.0 * self.scale):
            raise ParameterError(
                f"{where}: the scale of Sinh is {self.scale!r} V at voltages up to {span:g} V; "
                f"give a number of at least {span / 300.0:g} V and above 0."
            )


def solve_nonlinear(
    conductances: npt.ArrayLike,
    voltages: npt.ArrayLike,
    segment_resistance: Segments,
    law: CurrentLaw,
    *,
    driver_resistance: float = 0.0,
    sense_resistance: float = 0.0,
    tolerance: float = 1e-9,
) -> Array:
    """Return the bit line currents of an array of nonlinear cells behind wires.

    Newton's method: each iteration replaces every cell by its tangent, a conductance dI/dV in
    series with a voltage, and solves the wires as `neuromem.hardware.wires.solve` does.

    Parameters
    ----------
    conductances : array_like, shape (R, C)
        S, at 0 V.
    voltages : array_like, shape (R,) or (B, R)
        V.
    segment_resistance, driver_resistance, sense_resistance
        Ohm, as in `neuromem.hardware.wires.solve`.
    law : CurrentLaw
        `Polynomial` or `Sinh`, or any object with their methods.
    tolerance : float
        What the tangents leave over, summed over all cells, is at most this share of the outputs.

    Returns
    -------
    ndarray of float64, shape (C,) or (B, C)
        A.

    Raises
    ------
    ShapeError, ParameterError
        As `neuromem.hardware.wires.solve`, and if the law does not rise with the voltage.

    Examples
    --------
    >>> solve_nonlinear([[1e-4]], [0.5], 0.0, Polynomial(0.0, 1e-4))
    array([6.25e-05])
    """
    where = "solve_nonlinear"
    ends = driver_resistance, sense_resistance
    network = Ladders(conductances, segment_resistance, *ends, where=where)
    batch, single = network.voltages(voltages)
    cells = network.conductances
    currents = np.empty((len(batch), network.shape[1]))
    for read, one in enumerate(batch):

        def tangent(slopes: Array, offsets: Array, one: Array = one) -> tuple[Array, Array]:
            linear = Ladders(slopes, segment_resistance, *ends, where=where)
            return linear.nodes(one, 0.1 * tolerance, offsets)

        span = max(one.max(), 0.0) - min(one.min(), 0.0)
        word, bit = _newton(tangent, cells, law, span, tolerance, where)
        currents[read] = law.current(cells, word - bit).sum(axis=0)
    return currents[0] if single else currents


def _newton(
    tangent: Callable[[Array, Array], tuple[Array, Array]],
    cells: Array,
    law: CurrentLaw,
    span: float,
    tolerance: float,
    where: str,
) -> tuple[Array, Array]:
    """Return the node voltages at which cells and wires agree.

    ``tangent(slopes, offsets)`` solves the network with cells I = slope (V - offset). No cell sees
    more than `span` volts: voltages are held to that, so that no tangent leads astray.
    """
    law.check(cells, span, where)
    across = np.zeros(cells.shape)
    for _ in range(_MOST_ITERATIONS):
        slopes = law.slope(cells, across)
        present = law.current(cells, across)
        offsets = across - np.divide(present, slopes, out=across.copy(), where=slopes > 0.0)
        word, bit = tangent(slopes, offsets)
        linear = slopes * (word - bit - offsets)
        across = np.clip(word - bit, -span, span)
        present = law.current(cells, across)
        left = float(np.abs(present - linear).sum())
        if left <= tolerance * float(np.abs(present).sum(axis=0).sum()):
            return word, bit
    raise ParameterError(
        f"{where}: after {_MOST_ITERATIONS} Newton iterations {left:.1e} A are left over. "
        "Raise the tolerance, or check the current law."
    )


# ------------------------------------------------------------------------- arrays and terminals


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
    >>> read.bit_currents
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
    word, bit = _newton(mesh.solve, cells, law, mesh.span, 1e-9, where)
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


# ------------------------------------------------------------------------------ single cells


@dataclass(frozen=True)
class Selected:
    """One selected cell and what all others see meanwhile; see `select_cell`.

    Attributes
    ----------
    row, column : int
        The selected cell.
    nodes : Nodes
        All voltages and currents.
    """

    row: int
    column: int
    nodes: Nodes

    @property
    def current(self) -> float:
        """Current through the selected cell, A."""
        return float(self.nodes.currents[self.row, self.column])

    @property
    def sensed(self) -> float:
        """Current that leaves through the selected bit line, A: the cell's and stray ones."""
        return float(self.nodes.bit_currents[self.column])

    @property
    def disturb(self) -> float:
        """Largest amount of voltage across any other cell, V."""
        others = np.abs(self.nodes.voltages)
        others[self.row, self.column] = 0.0
        return float(others.max())

    @property
    def leakage(self) -> float:
        """Power in all other cells, W."""
        power = self.nodes.voltages * self.nodes.currents
        power[self.row, self.column] = 0.0
        return float(power.sum())


def select_cell(
    conductances: npt.ArrayLike,
    row: int,
    column: int,
    voltage: float,
    *,
    scheme: Scheme = "V/2",
    segment_resistance: Segments = 0.0,
    law: CurrentLaw | None = None,
) -> Selected:
    """Put a voltage across one cell of a bare (1R) array and see what the others get.

    ============  ===================  ==================  ======================================
    scheme        other word lines     other bit lines     what other cells see (ideal wires)
    ============  ===================  ==================  ======================================
    ``floating``  open                 open                sneak paths through three cells
    ``grounded``  0 V                  0 V                 V along the selected word line, else 0
    ``V/2``       V/2                  V/2                 V/2 along the two selected lines, else 0
    ``V/3``       V/3                  2 V/3               V/3 on the selected lines, -V/3 elsewhere
    ============  ===================  ==================  ======================================

    Parameters
    ----------
    conductances : array_like, shape (R, C)
        S.
    row, column : int
        The selected cell, from 0.
    voltage : float
        V, on the selected word line; the selected bit line is at 0 V.
    scheme : {"floating", "grounded", "V/2", "V/3"}
        What the other lines do.
    segment_resistance : float or (float, float)
        Ohm; 0 by default. Word lines are driven at column 0, bit lines below row R - 1.
    law : CurrentLaw, optional
        Nonlinear cells: they make half-selected cells leak less.

    Returns
    -------
    Selected
        Currents, disturb voltage and leakage.

    Raises
    ------
    ShapeError, ParameterError
        As `nodal`, and if there is no such cell or scheme.

    Examples
    --------
    >>> cells = np.full((4, 4), 1e-5)
    >>> write = select_cell(cells, 1, 2, 2.0, scheme="V/2")
    >>> write.current, write.disturb, round(write.leakage, 12)
    (2e-05, 1.0, 6e-05)
    >>> round(select_cell(cells, 1, 2, 2.0, scheme="V/3").disturb, 9)
    0.666666667
    """
    where = "select_cell"
    cells = checked_conductances(conductances, where)
    for name, line, count in (("row", row, cells.shape[0]), ("column", column, cells.shape[1])):
        if whole_number(where, name, line) >= count:
            raise ParameterError(
                f"{where}: {name} is {line}, the array has {count}; give one from 0 to {count - 1}."
            )
    volts = real_number(where, "voltage", voltage)
    word_share, bit_share = {
        "floating": (math.nan, math.nan),
        "grounded": (0.0, 0.0),
        "V/2": (1 / 2, 1 / 2),
        "V/3": (1 / 3, 2 / 3),
    }[one_of(where, "scheme", scheme, SCHEMES)]
    word = np.full(cells.shape[0], word_share * volts)
    bit = np.full(cells.shape[1], bit_share * volts)
    word[row], bit[column] = volts, 0.0
    nodes = nodal(cells, left=word, bottom=bit, segment_resistance=segment_resistance, law=law)
    return Selected(int(row), int(column), nodes)


def sneak_resistance(rows: int, columns: int, resistance: float) -> float:
    r"""Return what lies in parallel to a cell that is read while all other lines float.

    .. math:: R \Bigl(\frac{1}{C - 1} + \frac{1}{(R_n - 1)(C - 1)} + \frac{1}{R_n - 1}\Bigr)

    for :math:`R_n` rows and C columns of other cells of equal resistance R and ideal wires.

    Parameters
    ----------
    rows, columns : int
        At least 2 each: in a single line there is no way round.
    resistance : float
        Ohm, of every other cell.

    Returns
    -------
    float
        Ohm.

    Raises
    ------
    ParameterError
        If a number is out of range.

    Examples
    --------
    >>> sneak_resistance(2, 2, 1e4)
    30000.0
    """
    n = whole_number("sneak_resistance", "rows", rows, 2) - 1
    m = whole_number("sneak_resistance", "columns", columns, 2) - 1
    r = real_number("sneak_resistance", "resistance", resistance, 0.0)
    return r * (n + m + 1) / (n * m)


def with_transistor(conductances: npt.ArrayLike, on_resistance: float) -> Array:
    """Return the conductances of cells in series with their transistors (1T1R).

    Rows whose transistors are off are isolated: such an array has no sneak paths.

    Parameters
    ----------
    conductances : array_like, shape (R, C)
        S.
    on_resistance : float
        Ohm, of a transistor that is on.

    Returns
    -------
    ndarray of float64, shape (R, C)
        S, ``1 / (1 / G + R_on)``.

    Raises
    ------
    ShapeError, ParameterError
        If the conductances or the resistance are out of range.

    Examples
    --------
    >>> with_transistor([[1e-4, 0.0]], 1e4)
    array([[5.e-05, 0.e+00]])
    """
    cells = checked_conductances(conductances, "with_transistor")
    on = real_number("with_transistor", "on_resistance", on_resistance, 0.0)
    return np.asarray(cells / (1.0 + cells * on))


def disturb_probability(
    voltage: npt.ArrayLike,
    duration: float,
    *,
    time_scale: float,
    voltage_scale: float,
    pulses: int = 1,
) -> Array:
    r"""Return how probably a cell switches under a voltage that was meant for another one.

    .. math:: P = 1 - \exp\bigl(-n t / \tau(V)\bigr), \qquad \tau(V) = \tau_0 e^{-|V| / V_0}

    Switching is a Poisson process whose rate rises exponentially with the voltage (Jo, Kim and Lu,
    Nano Letters 9, 496 (2009), doi:10.1021/nl803669s).

    Parameters
    ----------
    voltage : array_like
        V across the cell.
    duration : float
        Of a pulse, s.
    time_scale, voltage_scale : float
        tau_0 in s and V_0 in V.
    pulses : int
        Writes that the cell has to stand, 1 by default.

    Returns
    -------
    ndarray of float64
        Probability, shape of `voltage`.

    Raises
    ------
    ParameterError
        If a number is out of range.

    Examples
    --------
    Half the voltage: the rate falls from once in 10 us to once in 2 s.

    >>> disturb_probability([4.0, 2.0], 1e-5, time_scale=4e5, voltage_scale=0.164).round(6)
    array([6.16...e-01, 5.0e-06])
    """
    where = "disturb_probability"
    times = whole_number(where, "pulses", pulses) * real_number(where, "duration", duration, 0.0)
    tau, scale = (
        real_number(where, name, value, np.finfo(float).tiny)
        for name, value in (("time_scale", time_scale), ("voltage_scale", voltage_scale))
    )
    volts = np.abs(np.asarray(voltage, np.float64))
    if not np.isfinite(volts).all():
        raise ParameterError(f"{where}: voltage is {voltage!r}; give finite numbers in V.")
    with np.errstate(over="ignore"):  # an infinite rate switches for certain
        return np.asarray(-np.expm1(-times / tau * np.exp(volts / scale)))
