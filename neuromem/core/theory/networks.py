r"""Loads that networks without thermal noise can carry: one equation, many networks.

The field of a unit is a signal, the overlap m, plus Gaussian crosstalk of variance
sigma\ :sup:`2` = alpha R(C). R is what recurrence makes of the crosstalk: C is the mean response of
a unit to a small field, and every stored pattern hears the echo of its own crosstalk. Domany,
Kinzel and Meir, J. Phys. A 22, 2081 (1989), derive the family.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import erf, i0e, i1e, ndtr

from neuromem.core.errors import ParameterError, one_of, whole_number
from neuromem.core.numerics import Reals, elementwise, hump, near_side, reals

# The maximum of the dilute network lies at infinite noise: at 1e5 its load is 2/pi - 2e-11.
_NOISE_RANGE = (1e-2, 1e5)


class _Point(NamedTuple):
    """One solution of the mean-field equations."""

    load: float
    overlap: float


def _recurrent(response: float) -> float:
    return 1.0 / (1.0 - response) ** 2


def _layered(response: float) -> float:
    return 1.0 / (1.0 - response**2)


def _bidirectional(response: float) -> float:
    return (1.0 + response**2) / (1.0 - response**2) ** 2


def _dilute(response: float) -> float:
    return 1.0


_SIGN_UNITS: dict[str, Callable[[float], float]] = {
    "hopfield": _recurrent,
    "sequence": _layered,
    "bam": _bidirectional,
    "dilute": _dilute,
}
NETWORKS = (*_SIGN_UNITS, "phasor", "potts")


def _sign_point(noise: float, amplification: Callable[[float], float]) -> _Point:
    """Units of sign(h): m = erf(x), C = (2/sqrt(pi)) x exp(-x^2)/m, x = 1/(sqrt(2) noise)."""
    x = 1.0 / (math.sqrt(2.0) * noise)
    overlap = float(erf(x))
    response = 2.0 / math.sqrt(math.pi) * x * math.exp(-x * x) / overlap
    return _Point((noise * overlap) ** 2 / amplification(response), overlap)


def _phasor_point(noise: float) -> _Point:
    """Units of h/|h| in the complex plane: both means over a Rice-distributed field."""
    x = 1.0 / noise
    still, moving = float(i0e(x * x / 2.0)), float(i1e(x * x / 2.0))
    overlap = math.sqrt(math.pi) / 2.0 * x * (still + moving)
    response = math.sqrt(math.pi) / 2.0 * x * still / overlap
    return _Point((noise * overlap) ** 2 * (1.0 - response) ** 2, overlap)


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
_WEIGHTS = _WEIGHTS / math.sqrt(2.0 * math.pi)


def _potts_point(noise: float, states: int) -> _Point:
    """Units that take the largest of Q fields; the right one leads by 1/noise deviations.

    By Stein's lemma the response, the mean of dP_a/dh_a over a, is the winner's mean noise.
    """
    lead, others = 1.0 / noise, states - 1
    right = ndtr(_NODES + lead) ** others
    wrong = others * ndtr(_NODES - lead) * ndtr(_NODES) ** (others - 1)
    excess = float(_WEIGHTS @ right) - 1.0 / states
    deviation = noise * excess
    response = float(_WEIGHTS @ (_NODES * (right + wrong))) / (states * deviation)
    load = (deviation * (1.0 - response)) ** 2 * states**3 / others
    return _Point(load, excess * states / others)


def _points(network: str, states: int) -> Callable[[float], _Point]:
    if network == "phasor":
        return _phasor_point
    if network == "potts":
        return lambda noise: _potts_point(noise, states)
    return lambda noise: _sign_point(noise, _SIGN_UNITS[network])


@lru_cache(maxsize=64)
def _top(network: str, states: int) -> tuple[float, float]:
    """Return the noise and the load at the capacity."""
    points = _points(network, states)
    noise = hump(lambda noise: points(noise).load, *_NOISE_RANGE)
    return noise, points(noise).load


def critical_load_of(network: str, *, states: int = 2) -> float:
    r"""Return the load at which a network without thermal noise loses its stored patterns.

    ============== ===================== ============================================= =======
    network        R(C)                  load                                          alpha_c
    ============== ===================== ============================================= =======
    ``hopfield``   1/(1-C)^2             P/N                                           0.1379
    ``sequence``   1/(1-C^2)             P/N, parallel updates; also layers in a row   0.2691
    ``bam``        (1+C^2)/(1-C^2)^2     P/N of one of two equal layers                0.1998
    ``dilute``     1                     P/K, K inputs a unit, K much less than ln N   2/pi
    ``phasor``     1/(1-C)^2             P/N, complex units of modulus 1               0.0377
    ``potts``      1/(1-C)^2             P/N, units of Q states; 3 of them here        0.4144
    ============== ===================== ============================================= =======

    Parameters
    ----------
    network : str
        One of the names above; for ``potts`` alpha_c is close to 0.138 Q (Q - 1)/2.
    states : int, default 2
        Q, for ``potts`` alone.

    Returns
    -------
    float
        alpha_c, for random unbiased patterns and the Hebbian rule of that network.

    Raises
    ------
    ParameterError
        If the network has no name here, `states` is less than 2, or it is given to another
        network than ``potts``.

    References
    ----------
    Hopfield: Amit, Gutfreund, Sompolinsky, Phys. Rev. Lett. 55, 1530 (1985). Sequence: Düring,
    Coolen, Sherrington, J. Phys. A 31, 8607 (1998). BAM: Kurchan, Peliti, Saber, J. Phys. I 4,
    1627 (1994). Dilute: Derrida, Gardner, Zippelius, Europhys. Lett. 4, 167 (1987). Phasor:
    Cook, J. Phys. A 22, 2057 (1989). Potts: Kanter, Phys. Rev. A 37, 2739 (1988).

    Examples
    --------
    >>> round(critical_load_of("sequence"), 4)
    0.2691
    >>> round(critical_load_of("potts", states=3), 4)
    0.4144
    """
    return _top(*_checked("critical_load_of", network, states))[1]


def retrieval_overlap_of(load: npt.ArrayLike, network: str, *, states: int = 2) -> Reals:
    """Return the overlap of the retrieval state of a network without thermal noise.

    Parameters
    ----------
    load : float or array_like
        alpha >= 0, counted as `critical_load_of` says.
    network : str
        A name that `critical_load_of` takes.
    states : int, default 2
        Q, for ``potts`` alone; its overlap is (correct - 1/Q)/(1 - 1/Q).

    Returns
    -------
    float or ndarray
        m of the largest, stable solution; 0.0 above the capacity, where there is none.

    Raises
    ------
    ParameterError
        If a load is negative or NaN, or as for `critical_load_of`.

    Examples
    --------
    >>> retrieval_overlap_of([0.0, 0.19, 0.21], "bam").round(3)
    array([1.   , 0.963, 0.   ])
    """
    where = "retrieval_overlap_of"
    alphas = reals(where, "load", load)
    key = _checked(where, network, states)
    points, (noise, capacity) = _points(*key), _top(*key)

    def overlap(alpha: float) -> float:
        if alpha > capacity:
            return 0.0
        found = near_side(lambda y: points(y).load, alpha, noise)
        return points(found).overlap if found > 0.0 else 1.0

    return elementwise(overlap, alphas)


def critical_load_for_noise(amplification: Callable[[float], float]) -> float:
    """Return the capacity of sign units whose crosstalk variance is alpha R(C).

    Parameters
    ----------
    amplification : callable
        R, a positive function of the response C in (0, 1). The network may be one of your own.

    Returns
    -------
    float
        The largest load with a solution of m = erf(m/sqrt(2 alpha R(C))).

    References
    ----------
    Domany, Kinzel, Meir, J. Phys. A 22, 2081 (1989).

    Examples
    --------
    >>> round(critical_load_for_noise(lambda c: 1.0 / (1.0 - c) ** 2), 6)
    0.137906
    """
    noise = hump(lambda noise: _sign_point(noise, amplification).load, *_NOISE_RANGE)
    return _sign_point(noise, amplification).load


def _checked(where: str, network: str, states: int) -> tuple[str, int]:
    one_of(where, "network", network, NETWORKS)
    states = whole_number(where, "states", states, least=2)
    if network != "potts" and states != 2:
        raise ParameterError(
            f"{where}: states is {states}, but the units of {network!r} have no such choice; "
            "leave it out, or take 'potts'."
        )
    return network, states
