"""The Gardner bound: what any rule at all can store, each unit a perceptron of its inputs."""

from __future__ import annotations

import math

import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr

from neuromem.core.numerics import FAR, Reals, elementwise, reals


def _density(t: float) -> float:
    return math.exp(-t * t / 2.0) / math.sqrt(2.0 * math.pi)


def _cost(margin: float) -> float:
    """Return the integral of Dt (t + margin)^2 over t > -margin."""
    return (1.0 + margin**2) * float(ndtr(margin)) + margin * _density(margin)


def _slope(margin: float) -> float:
    """Return half the derivative of `_cost`."""
    return margin * float(ndtr(margin)) + _density(margin)


def _capacity(margin: float, activity: float) -> float:
    scaled = margin / (2.0 * math.sqrt(activity * (1.0 - activity)))

    def pull(threshold: float) -> float:
        up, down = _slope(scaled - threshold), _slope(scaled + threshold)
        return activity * up - (1.0 - activity) * down

    # Past these ends one of the two terms is smaller than exp(-50) of the other.
    threshold = brentq(pull, -scaled - 10.0, scaled + 10.0, xtol=1e-14)
    up, down = _cost(scaled - threshold), _cost(scaled + threshold)
    return 1.0 / (activity * up + (1.0 - activity) * down)


def gardner_capacity(margin: npt.ArrayLike = 0.0, activity: npt.ArrayLike = 0.5) -> Reals:
    r"""Return the largest load alpha_c = P/N at which couplings of margin kappa exist.

    .. math::
        \alpha_c^{-1} = \min_v \; f \, G(\kappa' - v) + (1 - f) \, G(\kappa' + v), \quad
        G(k) = \int_{-k}^\infty Dt \, (t + k)^2, \quad
        \kappa' = \frac{\kappa}{2 \sqrt{f (1 - f)}}

    With f = 1/2 this is 1/G(kappa), 2 at no margin; as f -> 0 it grows like 1/(f \|ln f\|).

    Parameters
    ----------
    margin : float or array_like, default 0.0
        kappa, at least 0: the field of every unit, over the norm of its incoming couplings, is
        to point the right way by at least kappa.
    activity : float or array_like, default 0.5
        f, the probability that a unit is +1, from 1e-6 to 1 - 1e-6; f and 1 - f are alike.

    Returns
    -------
    float or ndarray
        Patterns per input of a unit, the couplings of each unit being free of the others'.

    Raises
    ------
    ParameterError
        If the margin is negative or the activity outside its range.

    References
    ----------
    Gardner, J. Phys. A 21, 257 (1988).

    Examples
    --------
    >>> round(gardner_capacity(), 3), round(gardner_capacity(margin=1.0), 3)
    (2.0, 0.52)
    >>> gardner_capacity(activity=[0.1, 0.01]).round(3)
    array([ 3.913, 19.197])
    """
    where = "gardner_capacity"
    margins = reals(where, "margin", margin, 0.0, FAR)
    return elementwise(_capacity, margins, reals(where, "activity", activity, 1e-6, 1.0 - 1e-6))
