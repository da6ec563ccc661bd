"""Potentiation and depression curves as NeuroSim labels them (Chen, Peng and Yu 2018).

A curve between two conductances is 1 - exp(-P/A) over the pulse number P, scaled to its ends. Its
nonlinearity label counts, in units of 0.07, the largest distance from the straight line.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import ParameterError, real_number, whole_number

Array: TypeAlias = npt.NDArray[Any]

UNIT = 0.07 * math.sqrt(2.0)
"""Vertical distance from the diagonal of a unit label: 0.07 across it."""
LARGEST = 9.0
"""Largest label in magnitude, as in the literature."""
_STEEPEST = 100.0
_SERIES = 0.1


def neurosim_rate(label: float) -> float:
    r"""Return A / P_max of the curve with a nonlinearity label.

    With :math:`a = A/P_{max}` and :math:`E = 1 - e^{-1/a}`, the largest distance of the normalised
    curve from the straight line is :math:`1/E - a + a \ln(a E)`; it equals
    :math:`0.07 \sqrt{2}\,|NL|` (Chen, Peng and Yu, IEEE TCAD 37, 3067 (2018)).

    Parameters
    ----------
    label : float
        From -9 to 9; the sign goes over to the result, 0 is the straight line (infinite A).

    Examples
    --------
    >>> round(neurosim_rate(1.0), 6), round(neurosim_rate(-5.0), 6), neurosim_rate(0.0)
    (1.251653, -0.192406, inf)
    """
    curvature = curvature_of(real_number("neurosim_rate", "label", label, -LARGEST, LARGEST))
    return math.inf if curvature == 0.0 else 1.0 / curvature


def neurosim_label(rate: float) -> float:
    """Return the nonlinearity label of a curve with A / P_max = `rate`; inverse of `neurosim_rate`.

    >>> round(neurosim_label(0.609035), 4)
    2.0
    """
    if not isinstance(rate, (int, float, np.floating)) or math.isnan(rate) or rate == 0:
        raise ParameterError(f"neurosim_label: rate is {rate!r}; give A / P_max, not 0.")
    curvature = 1.0 / float(rate)
    if abs(curvature) > curvature_of(LARGEST):
        least = 1.0 / curvature_of(LARGEST)
        raise ParameterError(
            f"neurosim_label: rate is {rate!r}; labels end at {LARGEST:g}, where A / P_max is "
            f"{least:.4g}. Give a rate of at least that magnitude."
        )
    return float(label_of(np.float64(curvature)))


def neurosim_curves(
    pulses: int,
    label_up: float,
    label_down: float,
    *,
    g_min: float = 0.0,
    g_max: float = 1.0,
) -> tuple[Array, Array]:
    r"""Return the conductance before and after each of P_max up, and P_max down pulses.

    .. math:: G_{LTP}(P) = G_{min} + B (1 - e^{-P/A}), \quad
              G_{LTD}(P) = G_{max} - B (1 - e^{(P - P_{max})/A}), \quad
              B = (G_{max} - G_{min}) / (1 - e^{-P_{max}/A})

    Parameters
    ----------
    pulses : int
        P_max, from one end of the range to the other.
    label_up, label_down : float
        Nonlinearity labels; a curve that saturates has a positive label on the way up, a negative
        one on the way down.
    g_min, g_max : float
        Ends of the range, S (or any unit).

    Returns
    -------
    up, down : ndarray, shape (pulses + 1,)
        After 0, 1, ... pulses: `up` from `g_min` to `g_max`, `down` back again (P counts down).

    Examples
    --------
    >>> up, down = neurosim_curves(4, 2.4, -4.88)
    >>> up.round(3), down.round(3)
    (array([0.   , 0.455, 0.731, 0.899, 1.   ]), array([1.   , 0.282, 0.076, 0.017, 0.   ]))
    """
    n = whole_number("neurosim_curves", "pulses", pulses, least=1)
    low = real_number("neurosim_curves", "g_min", g_min)
    high = real_number("neurosim_curves", "g_max", g_max)
    if low >= high:
        raise ParameterError(f"neurosim_curves: g_max is {g_max!r}; give one above g_min = {low}.")
    parts = []
    for name, label in (("label_up", label_up), ("label_down", -label_down)):
        checked = real_number("neurosim_curves", name, label, -LARGEST, LARGEST)
        parts.append(_normalised(np.arange(n + 1) / n, curvature_of(checked)))
    # Weighted ends, not a sum: both come out exactly.
    rise, fall = parts
    return low * (1.0 - rise) + high * rise, high * (1.0 - fall) + low * fall


def curvature_of(label: float) -> float:
    """Return P_max / A of a label: 0 for the straight line, of the label's sign."""
    from scipy.optimize import brentq

    size = abs(label)
    if size == 0.0:
        return 0.0
    # The label rises with the curvature x and is at most x / (8 UNIT): the root is above this.
    least = 4.0 * UNIT * size
    root = brentq(lambda x: float(label_of(np.float64(x))) - size, least, _STEEPEST, rtol=1e-15)
    return math.copysign(float(root), label)


def curvatures_of(labels: Array) -> Array:
    """Return P_max / A of many labels, from a table (to 1e-4): for spreads from cell to cell."""
    grid = np.linspace(0.0, _STEEPEST, 20001)
    found: Array = np.copysign(np.interp(np.abs(labels), label_of(grid), grid), labels)
    return found


def label_of(curvature: Array | np.float64) -> Array | np.float64:
    """Return the label of P_max / A: 1/E - a + a ln(a E) over 0.07 sqrt(2)."""
    x = np.asarray(curvature, dtype=np.float64)
    size = np.abs(x)
    small = size < _SERIES
    # The closed form cancels near 0; its series there has its next term at 1e-6 x^7.
    series = size / 8 - size**3 / 576 + size**5 / 25920
    safe = np.where(small, 1.0, size)
    fall = -np.expm1(-safe)
    closed = 1.0 / fall - 1.0 / safe + np.log(fall / safe) / safe
    value: Array = np.copysign(np.where(small, series, closed), x) / UNIT
    return value


def _normalised(part: Array, curvature: float) -> Array:
    if curvature == 0.0:
        return part
    value: Array = np.expm1(-part * curvature) / np.expm1(-curvature)
    return value
