"""Dense associative memories: polynomial and exponential interactions, E = -sum F(xi . s)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import erfc, gammaln, ndtri, xlog1py

from neuromem.core.errors import real_number, whole_number
from neuromem.core.numerics import Reals, count, plain, reals


def _log_double_factorial(degree: int) -> float:
    """Return ln (2n - 3)!! of n = `degree`."""
    k = degree - 1
    return float(gammaln(2 * k + 1) - gammaln(k + 1)) - k * math.log(2.0)


def _log_scale(where: str, n: int, degree: int) -> float:
    """Return ln of N^(n-1)/(2n-3)!!, the squared signal over the crosstalk of one pattern."""
    n = whole_number(where, "n", n, least=2)
    degree = whole_number(where, "degree", degree, least=2)
    return (degree - 1) * math.log(n) - _log_double_factorial(degree)


def dense_capacity(n: int, degree: int) -> float:
    """Return N^(n-1)/(2 (2n-3)!! ln N), the patterns kept without an error by F(x) = x^n.

    Parameters
    ----------
    n : int
        Number of units N, at least 2.
    degree : int
        Degree of F, the n of the formula, at least 2; 2 is the Hopfield network.

    Raises
    ------
    ParameterError
        If an argument is not such a number, or the count is beyond the largest float.

    References
    ----------
    Krotov, Hopfield, Adv. Neural Inf. Process. Syst. 29 (2016).

    Examples
    --------
    >>> [round(dense_capacity(100, degree)) for degree in (2, 3, 4)]
    [11, 362, 7238]
    """
    return float(count("dense_capacity", log_dense_capacity(n, degree)))


def log_dense_capacity(n: int, degree: int) -> float:
    """Return the natural logarithm of `dense_capacity`, which never overflows.

    >>> round(log_dense_capacity(1000, 5), 3)
    20.351
    """
    return _log_scale("dense_capacity", n, degree) - math.log(2.0 * math.log(n))


def dense_flip_probability(n: int, degree: int, patterns: npt.ArrayLike) -> Reals:
    """Return the chance that a bit of a stored pattern flips in the first step of F(x) = x^n.

    It is erfc(sqrt(N^(n-1)/(2 (2n-3)!! P)))/2; at degree 2 that of `flip_probability`.

    Parameters
    ----------
    n, degree : int
        As for `dense_capacity`.
    patterns : float or array_like
        P, at least 0.

    References
    ----------
    Krotov, Hopfield, Adv. Neural Inf. Process. Syst. 29 (2016).

    Examples
    --------
    >>> round(dense_flip_probability(60, 3, 300), 3)
    0.023
    """
    where = "dense_flip_probability"
    counts = reals(where, "patterns", patterns)
    with np.errstate(divide="ignore"):
        log_ratio = _log_scale(where, n, degree) - math.log(2.0) - np.log(counts)
    # erfc(27) is already 0 in floats; the cap keeps exp from overflowing.
    return plain(erfc(np.exp(np.minimum(log_ratio, 100.0) / 2.0)) / 2.0)


def dense_load(degree: int, wrong_bits: float = 0.005) -> float:
    """Return alpha_n = P/N^(n-1) at which a fraction `wrong_bits` flips in the first step.

    Parameters
    ----------
    degree : int
        Degree n of F, at least 2.
    wrong_bits : float, default 0.005
        Tolerated fraction, in (0, 0.5), from 1e-300 on.

    Returns
    -------
    float
        1/(z^2 (2n-3)!!) with z the normal quantile of 1 - `wrong_bits`.

    References
    ----------
    Krotov, Hopfield, Adv. Neural Inf. Process. Syst. 29 (2016).

    Examples
    --------
    >>> [float(f"{dense_load(degree):.3g}") for degree in (2, 3, 4, 5)]
    [0.151, 0.0502, 0.01, 0.00144]
    """
    degree = whole_number("dense_load", "degree", degree, least=2)
    wrong = real_number("dense_load", "wrong_bits", wrong_bits, 1e-300, 0.5 - 1e-9)
    return math.exp(-_log_double_factorial(degree)) / float(ndtri(wrong)) ** 2


def exponential_rate(noise: npt.ArrayLike = 0.0) -> Reals:
    """Return alpha = I(1 - 2 rho)/2: with F = exp, exp(alpha N) patterns mend rho N flips.

    I(a) = [(1+a) ln(1+a) + (1-a) ln(1-a)]/2.

    Parameters
    ----------
    noise : float or array_like, default 0.0
        rho, the fraction of flipped bits in the cue, from 0 to 0.5.

    Returns
    -------
    float or ndarray
        Nats per unit: ln(2)/2 for clean cues, that is 2^(N/2) patterns; 0 at rho = 0.5.

    References
    ----------
    Demircigil, Heusel, Löwe, Upgang, Vermet, J. Stat. Phys. 168, 288 (2017).

    Examples
    --------
    >>> exponential_rate([0.0, 0.1, 0.5]).round(4)
    array([0.3466, 0.184 , 0.    ])
    """
    a = 1.0 - 2.0 * reals("exponential_rate", "noise", noise, 0.0, 0.5)
    return plain((xlog1py(1.0 + a, a) + xlog1py(1.0 - a, -a)) / 4.0)


def exponential_capacity(n: int, noise: npt.ArrayLike = 0.0) -> Reals:
    """Return exp(alpha N), the patterns that F = exp corrects from rho N flips.

    Parameters
    ----------
    n : int
        Number of units N, at least 1.
    noise : float or array_like, default 0.0
        rho, from 0 to 0.5, see `exponential_rate`.

    Raises
    ------
    ParameterError
        If an argument is not such a number, or the count is beyond the largest float.

    References
    ----------
    Demircigil, Heusel, Löwe, Upgang, Vermet, J. Stat. Phys. 168, 288 (2017).

    Examples
    --------
    >>> round(exponential_capacity(20))
    1024
    """
    return count("exponential_capacity", log_exponential_capacity(n, noise))


def log_exponential_capacity(n: int, noise: npt.ArrayLike = 0.0) -> Reals:
    """Return the natural logarithm of `exponential_capacity`, which never overflows.

    >>> round(log_exponential_capacity(10_000, noise=0.1), 1)
    1840.3
    """
    n = whole_number("exponential_capacity", "n", n, least=1)
    return n * exponential_rate(noise)
