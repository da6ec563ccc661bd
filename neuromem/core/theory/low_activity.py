r"""Sparse 0/1 patterns, stored by the covariance rule and recalled against a threshold.

.. math::
    m = P_1 - P_0, \quad P_1 = \Phi\!\left(\frac{(1-a) m - \theta}{\sigma}\right), \quad
    P_0 = \Phi\!\left(-\frac{a m + \theta}{\sigma}\right), \quad
    \sigma^2 = \frac{\alpha Q}{(1 - C)^2}

with the activity a, Q = a P1 + (1-a) P0, and C = [a phi + (1-a) phi]/sigma at the two arguments.
The couplings are sum (eta - a)(eta - a)^T/(N a (1-a)), without a diagonal. Source: Tsodyks and
Feigel'man, Europhys. Lett. 6, 101 (1988).

theta is the effective threshold. What a unit sends out comes back to it through the others, a
self-coupling Gamma = alpha C/(1 - C) that holds it active: units that apply the threshold
theta + Gamma/2 are in the state described here (Shiino and Fukai, J. Phys. A 25, L375 (1992)).
Well below the capacity Gamma is negligible.

With ``centred=True`` the states are V - a, and Q is the mean of (V - a)^2: less crosstalk. Patterns
of exactly a N active units each, whose couplings do not see the total activity, behave in the same
way with 0/1 units, that then apply the threshold theta + Gamma/2 - alpha a.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize
from scipy.special import log_ndtr, ndtr

from neuromem.core.errors import real_number
from neuromem.core.numerics import FAR, Reals, hump, near_side, plain, reals
from neuromem.core.theory.information import channel_information

_LEAST, _MOST = 1e-6, 0.999


class LowActivityState(NamedTuple):
    """What `low_activity_state` returns; each field a float or an array."""

    hit_rate: Reals
    """P1, the probability that a unit of the pattern is active."""
    false_rate: Reals
    """P0, the probability that any other unit is active."""
    self_coupling: Reals
    """Gamma = alpha C/(1 - C), which the network feeds from a unit back to itself."""


class LowActivityCapacity(NamedTuple):
    """What `low_activity_capacity` returns: the capacity and the state that is lost there."""

    critical_load: float
    """alpha_c = P/N."""
    hit_rate: float
    """P1, the probability that a unit of the pattern is active."""
    false_rate: float
    """P0, the probability that any other unit is active."""
    threshold: float
    """Effective threshold theta, between the two signals -a m and (1 - a) m."""
    self_coupling: float
    """Gamma at the capacity, see `LowActivityState`."""
    information: float
    """Bit per synapse, of the P N stored bits over the N^2 directed couplings."""


def low_activity_capacity(activity: float, *, centred: bool = False) -> LowActivityCapacity:
    """Return the capacity of the covariance rule for 0/1 patterns, at the best threshold.

    Parameters
    ----------
    activity : float
        a, the fraction of active units, from 1e-6 to 0.999.
    centred : bool, default False
        States V - a, or patterns of exactly a N active units each; see the head of the module.

    Returns
    -------
    LowActivityCapacity
        (critical_load, hit_rate, false_rate, threshold, self_coupling, information). Errors are
        many at the capacity itself; ask `low_activity_state` for those at a lower load.

    Raises
    ------
    ParameterError
        If the activity is outside its range.

    Notes
    -----
    As a -> 0 the load grows like 1/(2 a ln(1/a)) and the information towards 1/(2 ln 2) = 0.72,
    so slowly that neither describes a network of any size.

    References
    ----------
    Tsodyks, Feigel'man, Europhys. Lett. 6, 101 (1988).

    Examples
    --------
    >>> best = low_activity_capacity(0.1)
    >>> round(best.critical_load, 3), round(best.threshold, 2), round(best.information, 3)
    (0.441, 0.51, 0.136)
    """
    a = real_number("low_activity_capacity", "activity", activity, _LEAST, _MOST)
    return _capacity(a, bool(centred))


def low_activity_state(
    load: npt.ArrayLike, activity: float, threshold: float | None = None, *, centred: bool = False
) -> LowActivityState:
    """Return the retrieval state of the covariance rule at a load and an effective threshold.

    Parameters
    ----------
    load : float or array_like
        alpha = P/N, at least 0.
    activity : float
        a, the fraction of active units, from 1e-6 to 0.999.
    threshold : float, optional
        Effective threshold theta; by default that of `low_activity_capacity`.
    centred : bool, default False
        States V - a, or patterns of exactly a N active units each; see the head of the module.

    Returns
    -------
    LowActivityState
        (hit_rate, false_rate, self_coupling), each a float or an array of the shape of `load`.
        All are 0.0 where there is no retrieval state: above the capacity of this threshold, or
        when it is not between -a and 1 - a, the fields of the two kinds of units.

    Raises
    ------
    ParameterError
        If a load is negative or NaN, or the activity outside its range.

    References
    ----------
    Tsodyks, Feigel'man, Europhys. Lett. 6, 101 (1988); self-coupling: Shiino, Fukai,
    J. Phys. A 25, L375 (1992).

    Examples
    --------
    >>> state = low_activity_state([0.3, 0.4, 0.5], 0.1)
    >>> state.hit_rate.round(3), state.false_rate.round(4)
    (array([0.983, 0.94 , 0.   ]), array([0.0003, 0.0026, 0.    ]))
    """
    where = "low_activity_state"
    alphas = reals(where, "load", load)
    a = real_number(where, "activity", activity, _LEAST, _MOST)
    theta = _capacity(a, bool(centred)).threshold if threshold is None else threshold
    theta = real_number(where, "threshold", theta, -FAR, FAR)
    states = [_state(float(alpha), a, theta, bool(centred)) for alpha in alphas.flat]
    return LowActivityState(
        *(plain(np.reshape([state[k] for state in states], alphas.shape)) for k in range(3))
    )


def low_activity_overlap(
    load: npt.ArrayLike, activity: float, threshold: float | None = None, *, centred: bool = False
) -> Reals:
    """Return m = P1 - P0 of `low_activity_state`; 0.0 where there is no retrieval state.

    >>> low_activity_overlap([0.3, 0.5], 0.1).round(3)
    array([0.983, 0.   ])
    """
    state = low_activity_state(load, activity, threshold, centred=centred)
    return state.hit_rate - state.false_rate


def _solution(activity: float, centred: bool, u1: float, u0: float) -> tuple[float, float]:
    """Return load and self-coupling of the state with P1 = Phi(u1) and P0 = Phi(-u0)."""
    hit, false = float(ndtr(u1)), float(ndtr(-u0))
    if hit <= false:
        return 0.0, 0.0
    deviation = (hit - false) / (u1 + u0)
    bells = activity * math.exp(-u1 * u1 / 2.0) + (1.0 - activity) * math.exp(-u0 * u0 / 2.0)
    response = bells / (math.sqrt(2.0 * math.pi) * deviation)
    if response >= 1.0:
        return 0.0, 0.0
    square = activity * hit + (1.0 - activity) * false
    if centred:
        square += activity * (activity - 2.0 * square)
    load = (deviation * (1.0 - response)) ** 2 / square
    return load, load * response / (1.0 - response)


@lru_cache(maxsize=256)
def _capacity(activity: float, centred: bool) -> LowActivityCapacity:
    def cost(u: npt.NDArray[np.float64]) -> float:
        return -_solution(activity, centred, float(u[0]), float(u[1]))[0] * activity

    # Every (u1, u0) is the solution at one load and one threshold: the best needs no more.
    found = minimize(cost, np.array([1.0, 2.5]), method="Nelder-Mead", tol=1e-10)
    u1, u0 = map(float, found.x)
    hit, false = float(ndtr(u1)), float(ndtr(-u0))
    load, self_coupling = _solution(activity, centred, u1, u0)
    return LowActivityCapacity(
        critical_load=load,
        hit_rate=hit,
        false_rate=false,
        threshold=(hit - false) * (u0 / (u1 + u0) - activity),
        self_coupling=self_coupling,
        information=load * channel_information(activity, hit, false),
    )


def _arguments(noise: float, activity: float, threshold: float) -> tuple[float, float] | None:
    """Return (u1, u0) of the state with overlap 1 - exp(-1/noise) at this threshold.

    At a given overlap, P1 and P0 depend only on its ratio to the deviation, and the overlap that
    they give back grows with it: one root. In logarithms, as light loads have errors of 1e-99.
    """
    lost = -1.0 / noise
    relative = threshold / -math.expm1(lost)
    up, down = 1.0 - activity - relative, activity + relative
    if min(up, down) <= 0.0:
        return None

    def excess(ratio: float) -> float:
        return float(np.logaddexp(log_ndtr(-ratio * up), log_ndtr(-ratio * down))) - lost

    # Each tail is below exp(-u^2/2)/2.
    ratio = float(brentq(excess, 0.0, 1.01 * math.sqrt(-2.0 * lost) / min(up, down)))
    return ratio * up, ratio * down


def _load_at(noise: float, activity: float, threshold: float, centred: bool) -> float:
    arguments = _arguments(noise, activity, threshold)
    return 0.0 if arguments is None else _solution(activity, centred, *arguments)[0]


@lru_cache(maxsize=64)
def _branch(activity: float, threshold: float, centred: bool) -> tuple[list[float], list[float]]:
    """Return noises, and the loads there, up to the capacity of one threshold."""
    least = max(threshold / (1.0 - activity), -threshold / activity)
    highest = 10.0 if least < 0.1 else -1.0 / math.log1p(-least)
    # Below an activity of 0.002 there are two humps, so that the branch is sampled first.
    noises = np.geomspace(5e-3, highest, 200).tolist()
    loads = [_load_at(noise, activity, threshold, centred) for noise in noises]
    best = min(max(int(np.argmax(loads)), 1), len(noises) - 2)
    top = hump(
        lambda y: _load_at(y, activity, threshold, centred), noises[best - 1], noises[best + 1]
    )
    return [*noises[:best], top], [*loads[:best], _load_at(top, activity, threshold, centred)]


@lru_cache(maxsize=4096)
def _state(
    load: float, activity: float, threshold: float, centred: bool
) -> tuple[float, float, float]:
    if not -activity < threshold < 1.0 - activity:
        return 0.0, 0.0, 0.0
    noises, loads = _branch(activity, threshold, centred)
    if load > max(loads):
        return 0.0, 0.0, 0.0
    k = next(k for k, reached in enumerate(loads) if reached >= load)
    start = noises[k - 1] if k else 0.0
    noise = near_side(lambda y: _load_at(y, activity, threshold, centred), load, noises[k], start)
    arguments = _arguments(noise, activity, threshold) if noise > 0.0 else None
    if arguments is None:
        return 1.0, 0.0, 0.0
    u1, u0 = arguments
    return float(ndtr(u1)), float(ndtr(-u0)), _solution(activity, centred, u1, u0)[1]
