r"""The Hopfield network with Hebb's rule: replica-symmetric mean field in load and temperature.

.. math::
    m = \int Dz \tanh \beta(m + \sqrt{\alpha r} z), \quad
    q = \int Dz \tanh^2 \beta(m + \sqrt{\alpha r} z), \quad
    r = \frac{q}{(1 - \beta(1 - q))^2}

m is the overlap with the pattern that is recalled, q the Edwards-Anderson order parameter,
alpha r the variance of the crosstalk, beta = 1/T. Glauber dynamics at temperature T (in units of
the field of a stored pattern, k_B = 1) samples these states. Source: Amit, Gutfreund and
Sompolinsky, Phys. Rev. Lett. 55, 1530 (1985); Ann. Phys. 173, 30 (1987).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize_scalar
from scipy.special import erf

from neuromem.core.numerics import Reals, elementwise, hump, near_side, plain, reals
from neuromem.core.theory.networks import critical_load_of, retrieval_overlap_of

# Hotter than this the overlap, of order sqrt(1 - T), is lost in rounding; colder is T = 0.
_HOTTEST = 1.0 - 1e-9
_COLDEST = 1e-12
_NOISE_RANGE = (1e-2, 1e1)

# Trapezoids of 0.04 deviations are exact to 1e-13 while tanh is no steeper than _STEEP a deviation.
_STEEP = 8.0
_Z = np.arange(-8.52, 8.53, 0.04)
_DZ = 0.04 * np.exp(-(_Z**2) / 2.0) / math.sqrt(2.0 * math.pi)

# Steeper ones are a step plus what is left within 20 widths of it.
_T, _DT = np.polynomial.legendre.leggauss(64)
_T, _DT = 10.0 * (_T + 1.0), 10.0 * _DT


def retrieval_overlap(load: npt.ArrayLike, temperature: npt.ArrayLike = 0.0) -> Reals:
    """Return the overlap m(alpha, T) of the retrieval state of a Hebbian Hopfield network.

    At T = 0 the equations shrink to erf(x) = x (sqrt(2 alpha) + 2/sqrt(pi) exp(-x^2)), m = erf(x),
    largest x. The fraction of wrong bits is (1 - m)/2.

    Parameters
    ----------
    load : float or array_like
        alpha = P/N, at least 0.
    temperature : float or array_like, default 0.0
        T, at least 0, in units of the field of a stored pattern; broadcast against `load`.

    Returns
    -------
    float or ndarray
        m of the stable solution with the largest overlap; 0.0 where there is no retrieval state.

    Raises
    ------
    ParameterError
        If a load or temperature is negative or NaN.

    References
    ----------
    Amit, Gutfreund, Sompolinsky, Phys. Rev. Lett. 55, 1530 (1985); Ann. Phys. 173, 30 (1987).

    Examples
    --------
    >>> retrieval_overlap([0.05, 0.10, 0.138]).round(4)
    array([1.   , 0.998, 0.   ])
    >>> round(retrieval_overlap(0.05, temperature=0.5), 4)
    0.9041
    """
    where = "retrieval_overlap"
    return elementwise(
        _overlap, reals(where, "load", load), reals(where, "temperature", temperature)
    )


def critical_load(temperature: npt.ArrayLike = 0.0) -> Reals:
    """Return alpha_c(T), the largest load with a retrieval state; 0.0 from T = 1 on.

    Parameters
    ----------
    temperature : float or array_like, default 0.0
        T, at least 0.

    Notes
    -----
    This is the replica-symmetric value, 0.137906 at T = 0. The line bends back a little: it is
    highest, 0.138189, at T = 0.023 (Naef and Canning, J. Phys. I 2, 247 (1992)); two steps of
    replica-symmetry breaking give 0.138187 at T = 0 (Steffan and Kühn, Z. Phys. B 95, 249
    (1994)). A network of N units goes somewhat further, see `finite_size_critical_load`.

    References
    ----------
    Amit, Gutfreund, Sompolinsky, Phys. Rev. Lett. 55, 1530 (1985); Ann. Phys. 173, 30 (1987).

    Examples
    --------
    >>> round(critical_load(), 6)
    0.137906
    >>> critical_load([0.3, 0.6, 1.0]).round(4)
    array([0.1033, 0.0388, 0.    ])
    """
    return elementwise(_critical_load, reals("critical_load", "temperature", temperature))


def critical_temperature(load: npt.ArrayLike) -> Reals:
    """Return T_M(alpha), below which stored patterns are (at least metastable) states.

    Parameters
    ----------
    load : float or array_like
        alpha = P/N, at least 0.

    Returns
    -------
    float or ndarray
        T_M: 1.0 at no load; 0.0 where no temperature has a retrieval state (alpha > 0.13819).
        Above 0.137906 the states exist only from a small temperature on, see `critical_load`.

    References
    ----------
    Amit, Gutfreund, Sompolinsky, Ann. Phys. 173, 30 (1987).

    Examples
    --------
    >>> critical_temperature([0.0, 0.05, 0.10, 0.14]).round(3)
    array([1.   , 0.542, 0.315, 0.   ])
    """
    return elementwise(_melting, reals("critical_temperature", "load", load))


def coexistence_temperature(load: npt.ArrayLike) -> Reals:
    """Return T_c(alpha), below which stored patterns are the states of lowest free energy.

    There the retrieval state and the spin glass (m = 0) have equal free energies; above it the
    patterns are metastable up to `critical_temperature`.

    Parameters
    ----------
    load : float or array_like
        alpha = P/N, at least 0.

    Returns
    -------
    float or ndarray
        T_c: 1.0 at no load; 0.0 where the patterns are global minima at no temperature.

    Notes
    -----
    In the replica-symmetric solution the line meets T = 0 where 1 + alpha =
    (sqrt(alpha) + sqrt(2/pi))^2, at 0.0519, but bends out to 0.0531 near T = 0.11; in between
    the value is that of its upper branch.

    References
    ----------
    Amit, Gutfreund, Sompolinsky, Ann. Phys. 173, 30 (1987).

    Examples
    --------
    >>> coexistence_temperature([0.01, 0.05, 0.06]).round(3)
    array([0.722, 0.216, 0.   ])
    """
    return elementwise(_coexistence, reals("coexistence_temperature", "load", load))


def spin_glass_temperature(load: npt.ArrayLike) -> Reals:
    """Return T_g = 1 + sqrt(alpha), below which the network freezes into spin-glass states.

    Parameters
    ----------
    load : float or array_like
        alpha = P/N, at least 0.

    References
    ----------
    Amit, Gutfreund, Sompolinsky, Ann. Phys. 173, 30 (1987).

    Examples
    --------
    >>> round(spin_glass_temperature(0.1), 3)
    1.316
    """
    return plain(1.0 + np.sqrt(reals("spin_glass_temperature", "load", load)))


class _Averages(NamedTuple):
    """Gaussian means of functions of the reduced field beta h."""

    tanh: float
    sech2: float
    log_2cosh: float


def _averages(mean: float, deviation: float) -> _Averages:
    """Average over a Gaussian field, to 1e-12 at every steepness; T -> 0 included."""
    if deviation < _STEEP:
        field = mean + deviation * _Z
        decay = np.exp(-2.0 * np.abs(field))  # cosh would overflow
        return _Averages(
            float(_DZ @ np.tanh(field)),
            float(_DZ @ (4.0 * decay / (1.0 + decay) ** 2)),
            float(_DZ @ (np.abs(field) + np.log1p(decay))),
        )
    scale = 1.0 / (math.sqrt(2.0 * math.pi) * deviation)
    ahead = scale * np.exp(-(((_T - mean) / deviation) ** 2) / 2.0)
    behind = scale * np.exp(-(((_T + mean) / deviation) ** 2) / 2.0)
    lead = mean / (math.sqrt(2.0) * deviation)
    step = float(erf(lead))
    distance = mean * step + 2.0 * deviation**2 * scale * math.exp(-lead * lead)
    return _Averages(
        step - float(_DT @ ((1.0 - np.tanh(_T)) * (ahead - behind))),
        float(_DT @ (np.cosh(_T) ** -2.0 * (ahead + behind))),
        distance + float(_DT @ (np.log1p(np.exp(-2.0 * _T)) * (ahead + behind))),
    )


class _State(NamedTuple):
    """One solution of the mean-field equations at a given temperature."""

    load: float
    overlap: float
    free_energy: float


def _solution(temperature: float, mean: float, deviation: float) -> _State:
    """Complete the solution whose reduced field beta h has this `mean` and `deviation`."""
    averages = _averages(mean, deviation)
    q = 1.0 - averages.sech2
    chi = averages.sech2 / temperature  # beta (1 - q), the response to a uniform field
    crosstalk = (temperature * deviation) ** 2  # alpha r
    overlap = temperature * mean
    if chi >= 1.0:  # crosstalk of finite strength from no patterns at all
        return _State(0.0, overlap, math.inf)
    load = crosstalk * (1.0 - chi) ** 2 / q
    free_energy = (
        (load + overlap**2 + crosstalk * chi) / 2.0
        + load * (temperature * math.log(1.0 - chi) - q / (1.0 - chi)) / 2.0
        - temperature * averages.log_2cosh
    )
    return _State(load, overlap, free_energy)


def _retrieval(temperature: float, noise: float) -> _State:
    """Return the retrieval state whose crosstalk has `noise` times the deviation of its signal."""
    # The mean of tanh(b(1 + noise z)) is concave in b: one positive root, which this is below
    # for every noise in _NOISE_RANGE.
    low = 0.03 * math.sqrt(1.0 - temperature)
    mean = brentq(
        lambda b: _averages(b, b * noise).tanh - b * temperature,
        low,
        2.0 / temperature,
        xtol=1e-15,
        rtol=1e-14,
    )
    return _solution(temperature, mean, mean * noise)


def _glass(temperature: float, load: float) -> _State:
    """Return the spin-glass state, m = 0, of a `load` > 0 at a temperature below 1."""
    # At T = 0 the deviation is (0.8 + sqrt(load))/T; heat lowers it.
    top = (2.0 + math.sqrt(load)) / temperature
    deviation = near_side(lambda s: _solution(temperature, 0.0, s).load, load, top)
    return _solution(temperature, 0.0, deviation)


@lru_cache(maxsize=1024)
def _top(temperature: float) -> tuple[float, float]:
    """Return the noise and the load at the capacity of one temperature."""
    noise = hump(lambda y: _retrieval(temperature, y).load, *_NOISE_RANGE)
    return noise, _retrieval(temperature, noise).load


def _state(load: float, temperature: float) -> _State:
    """Return the retrieval state; the one at the capacity if `load` is above it."""
    top = _top(temperature)[0]
    return _retrieval(temperature, near_side(lambda y: _retrieval(temperature, y).load, load, top))


def _critical_load(temperature: float) -> float:
    if temperature < _COLDEST:
        return critical_load_of("hopfield")
    return _top(temperature)[1] if temperature < _HOTTEST else 0.0


def _overlap(load: float, temperature: float) -> float:
    if temperature < _COLDEST:
        return float(retrieval_overlap_of(load, "hopfield"))
    if temperature >= _HOTTEST or load > _top(temperature)[1]:
        return 0.0
    return _state(load, temperature).overlap


@lru_cache(maxsize=1)
def _largest() -> tuple[float, float]:
    """Return the temperature, about 0.02, and the load at the tip of the retrieval region."""
    found = minimize_scalar(
        lambda t: -_critical_load(t), bounds=(1e-3, 0.1), method="bounded", options={"xatol": 1e-7}
    )
    return float(found.x), -float(found.fun)


def _melting(load: float) -> float:
    tip, largest = _largest()
    if load > largest:
        return 0.0
    if load <= _critical_load(1.0 - 1e-8):
        return 1.0
    return float(brentq(lambda t: _critical_load(t) - load, tip, 1.0 - 1e-8, xtol=1e-13))


def _coexistence(load: float) -> float:
    hottest = _melting(load)
    if hottest in (0.0, 1.0):
        return hottest

    def excess(temperature: float) -> float:
        glass = _glass(temperature, load).free_energy
        return _state(load, temperature).free_energy - glass

    coolest = minimize_scalar(excess, bounds=(1e-6, hottest), method="bounded").x
    if excess(coolest) > 0.0:
        return 0.0
    if excess(hottest) <= 0.0:  # loads below 1e-12, where the two energies agree to rounding
        return hottest
    return float(brentq(excess, coolest, hottest, xtol=1e-10))
