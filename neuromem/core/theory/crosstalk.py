"""Signal against crosstalk in one step of a Hebbian network: errors, exact recall, finite size."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import erfc

from neuromem.core.errors import whole_number
from neuromem.core.numerics import Reals, plain, reals


def recall_snr(load: npt.ArrayLike) -> Reals:
    """Return sqrt(1/alpha), the signal-to-noise ratio of the field at a stored pattern.

    The field of unit i is xi_i (signal 1) plus crosstalk of variance alpha.

    Parameters
    ----------
    load : float or array_like
        alpha = P/N, at least 0; infinite SNR at 0.

    References
    ----------
    Hertz, Krogh, Palmer, Introduction to the Theory of Neural Computation (1991), ch. 2.

    Examples
    --------
    >>> recall_snr(0.25)
    2.0
    """
    alphas = reals("recall_snr", "load", load)
    with np.errstate(divide="ignore"):
        return plain(1.0 / np.sqrt(alphas))


def flip_probability(load: npt.ArrayLike) -> Reals:
    """Return erfc(1/sqrt(2 alpha))/2, the chance that a bit of a stored pattern flips at once.

    Parameters
    ----------
    load : float or array_like
        alpha = P/N, at least 0. It is the first step alone: what follows may mend the error or
        start an avalanche, see `retrieval_overlap`.

    References
    ----------
    Hertz, Krogh, Palmer, Introduction to the Theory of Neural Computation (1991), ch. 2.

    Examples
    --------
    >>> round(flip_probability(0.185), 4)
    0.01
    """
    alphas = reals("flip_probability", "load", load)
    with np.errstate(divide="ignore"):
        return plain(erfc(1.0 / np.sqrt(2.0 * alphas)) / 2.0)


def error_free_capacity(n: int, all_patterns: bool = False) -> float:
    """Return the number of patterns that a Hebbian network of `n` units keeps without an error.

    Parameters
    ----------
    n : int
        Number of units, at least 2.
    all_patterns : bool, default False
        False: a given pattern is a fixed point almost surely, N/(2 ln N). True: every pattern
        is, N/(4 ln N).

    References
    ----------
    McEliece, Posner, Rodemich, Venkatesh, IEEE Trans. Inf. Theory 33, 461 (1987).

    Examples
    --------
    >>> round(error_free_capacity(1000), 1), round(error_free_capacity(1000, all_patterns=True), 1)
    (72.4, 36.2)
    """
    n = whole_number("error_free_capacity", "n", n, least=2)
    return n / ((4.0 if all_patterns else 2.0) * math.log(n))


def storkey_capacity(n: int) -> float:
    """Return N/sqrt(2 ln N), the capacity of a network of `n` units with Storkey's rule.

    Parameters
    ----------
    n : int
        Number of units, at least 2.

    References
    ----------
    Storkey, ICANN'97, Lecture Notes in Computer Science 1327, 451 (1997).

    Examples
    --------
    >>> round(storkey_capacity(200), 1)
    61.4
    """
    n = whole_number("storkey_capacity", "n", n, least=2)
    return n / math.sqrt(2.0 * math.log(n))


def finite_size_critical_load(n: int) -> float:
    """Return 0.138 + 0.8/sqrt(N), the load at which half the recalls in `n` units succeed.

    Empirical, a fit and no theory: Hebbian networks started at a pattern and relaxed
    asynchronously without noise, success being an overlap above 0.9. Measured 0.190, 0.173,
    0.162, 0.154, 0.152 at N = 250, 500, 1000, 2000, 4000; the fit is within 0.003 of each.

    Parameters
    ----------
    n : int
        Number of units, at least 1.

    Examples
    --------
    >>> round(finite_size_critical_load(1000), 3)
    0.163
    """
    return 0.138 + 0.8 / math.sqrt(whole_number("finite_size_critical_load", "n", n, least=1))
