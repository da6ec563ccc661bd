r"""How cells are reached: with a transistor each (1T1R) or bare (1R), read and written one by one.

In a product all lines are driven and no current strays. Where single cells of a bare array are
read or written, the lines that are not selected float or are held at a part of the voltage, and
other cells conduct too: `select_cell` gives their voltages and currents, `sneak_resistance` the
textbook case. What a voltage that was meant for another cell does to them, after so many pulses,
is `neuromem.hardware.devices.random_weights.filament_probability` for filaments of metal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, one_of, real_number, whole_number
from neuromem.hardware.arrays.nodal import Nodes, nodal
from neuromem.hardware.arrays.nonlinear import CurrentLaw
from neuromem.hardware.arrays.wires import Segments, checked_conductances

Scheme: TypeAlias = Literal["floating", "grounded", "V/2", "V/3"]
SCHEMES: tuple[Scheme, ...] = ("floating", "grounded", "V/2", "V/3")


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
