r"""Cells whose current is not proportional to the voltage, alone and in an array behind wires."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError
from neuromem.hardware.arrays.wires import Ladders, Segments, checked_conductances
from neuromem.kernels.wires import FAINT

_ROUNDING = 1e-13
"""Of the voltages that a solve of the wires gives, as a share of the span."""

_MOST_ITERATIONS = 500
"""Newton moves a cell of I = G V_0 sinh(V / V_0) by about V_0 an iteration, 300 V_0 at most."""


class CurrentLaw(Protocol):
    """Current of a cell as a function of its conductance at 0 V and its voltage."""

    def current(self, conductances: Array, voltages: Array) -> Array:
        """Return the currents in A."""
        ...

    def slope(self, conductances: Array, voltages: Array) -> Array:
        """Return dI/dV in S."""
        ...

    def check(self, conductances: Array, span: float, where: str) -> None:
        """Raise a ParameterError if the current falls with the voltage within +-`span` V."""
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
        array([[4.7875e-05]])
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
        """Raise a ParameterError if the current falls with the voltage within +-`span` V."""
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
        # Flat at a voltage, as a cell of G = 0 with a cubic is at 0 V, does no harm.
        if least < 0.0:
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

    def check(self, conductances: Array, span: float, where: str) -> None:
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
    series with a voltage, and solves the wires as `neuromem.hardware.arrays.wires.solve` does.

    Parameters
    ----------
    conductances : array_like, shape (R, C)
        S, at 0 V.
    voltages : array_like, shape (R,) or (B, R)
        V.
    segment_resistance, driver_resistance, sense_resistance
        Ohm, as in `neuromem.hardware.arrays.wires.solve`.
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
        As `neuromem.hardware.arrays.wires.solve`, and if the current of a cell falls with its
        voltage.

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
        word, bit = agree(tangent, cells, law, span, tolerance, where)
        currents[read] = law.current(cells, word - bit).sum(axis=0)
    return currents[0] if single else currents


def agree(
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
        left = np.abs(present - linear).sum()
        scale = max(np.abs(present.sum(axis=0)).sum(), FAINT * np.abs(present).sum())
        if left <= tolerance * scale + _ROUNDING * span * slopes.sum():
            return word, bit
    raise ParameterError(
        f"{where}: after {_MOST_ITERATIONS} Newton iterations {left:.1e} A are left over. "
        "Raise the tolerance, or check the current law."
    )
