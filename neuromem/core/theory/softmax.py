"""Continuous memories read by softmax or entmax attention: weights, errors, counts, margins."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import expit, wrightomega

from neuromem.core.errors import real_number, whole_number
from neuromem.core.numerics import FAR, Reals, count, elementwise, plain, reals


def softmax_target_weight(
    patterns: npt.ArrayLike, dimension: npt.ArrayLike, beta: npt.ArrayLike
) -> Reals:
    """Return the softmax weight of the target among random unit vectors, the cue being the target.

    The weight is 1/(1 + exp(L - beta)), L the logarithm of the other weights' sum: a random-energy
    estimate, good for ln P much less than d. L = ln(P-1) + beta^2/(2d) below beta = sqrt(2 d ln P),
    and beta sqrt(2 ln P/d) beyond, where the largest of the others alone counts.

    Parameters
    ----------
    patterns : float or array_like
        P, at least 1.
    dimension : float or array_like
        d, at least 1.
    beta : float or array_like
        Inverse temperature, at least 0.

    References
    ----------
    Energy: Ramsauer et al., Int. Conf. Learn. Represent. (2021). Random-energy treatment:
    Lucibello, Mézard, Phys. Rev. Lett. 132, 077301 (2024).

    Examples
    --------
    >>> round(softmax_target_weight(1000, 128, 8.0), 3)
    0.699
    """

    def weight(count: float, d: float, b: float) -> float:
        if count == 1.0:
            return 1.0
        if b < math.sqrt(2.0 * d * math.log(count)):
            others = math.log(max(count - 1.0, 1e-300)) + b * b / (2.0 * d)
        else:
            others = b * math.sqrt(2.0 * math.log(count) / d)
        return float(expit(b - others))

    where = "softmax_target_weight"
    return elementwise(
        weight,
        reals(where, "patterns", patterns, 1.0),
        reals(where, "dimension", dimension, 1.0, FAR),
        reals(where, "beta", beta, 0.0, FAR),
    )


def softmax_error_bound(
    patterns: npt.ArrayLike,
    beta: npt.ArrayLike,
    separation: npt.ArrayLike,
    distance: npt.ArrayLike = 0.0,
    max_norm: npt.ArrayLike = 1.0,
) -> Reals:
    """Return the bound 2 (P-1) M exp(-beta (Delta - 2 M R)) on the error of one softmax update.

    Parameters
    ----------
    patterns : float or array_like
        P, at least 1.
    beta : float or array_like
        Inverse temperature, at least 0.
    separation : float or array_like
        Delta, the least of xi.xi - xi.xi' over the other patterns xi'.
    distance : float or array_like, default 0.0
        R, the larger distance from xi of the cue and of the fixed point near xi, at least 0.
    max_norm : float or array_like, default 1.0
        M, the largest norm of a pattern, at least 0.

    Returns
    -------
    float or ndarray
        Bound on the norm of (update - xi); never above 2 M, the diameter of all that softmax
        can return.

    References
    ----------
    Ramsauer et al., Int. Conf. Learn. Represent. (2021), theorem 5.

    Examples
    --------
    >>> f"{softmax_error_bound(1000, beta=20.0, separation=0.6):.3g}"
    '0.0123'
    """
    where = "softmax_error_bound"
    others = reals(where, "patterns", patterns, 1.0) - 1.0
    b = reals(where, "beta", beta, 0.0, FAR)
    gap = reals(where, "separation", separation, -FAR, FAR)
    norm = reals(where, "max_norm", max_norm, 0.0, FAR)
    gap = gap - 2.0 * norm * reals(where, "distance", distance, 0.0, FAR)
    with np.errstate(divide="ignore"):
        log_factor = np.log(others) - b * gap
    return plain(2.0 * norm * np.exp(np.minimum(log_factor, 0.0)))


def softmax_capacity(
    dimension: int, beta: float = 1.0, *, radius: float = 1.0, failure: float = 0.001
) -> float:
    """Return the random patterns that a softmax memory stores with probability 1 - `failure`.

    At least sqrt(p) c^((d-1)/4), on the sphere of radius K sqrt(d-1), with c = b/W0(exp(a + ln b)),
    a = 2/(d-1) (1 + ln(2 beta K^2 p (d-1))), b = 2 K^2 beta/5 and W0 the Lambert function.

    Parameters
    ----------
    dimension : int
        d, at least 2.
    beta : float, default 1.0
        Inverse temperature, above 0.
    radius : float, default 1.0
        K, above 0: the norm of a pattern over sqrt(d-1).
    failure : float, default 0.001
        p, above 0 and at most 1.

    Returns
    -------
    float
        A lower bound; below 2 it promises nothing.

    Raises
    ------
    ParameterError
        If an argument is not such a number, or the count is beyond the largest float.

    References
    ----------
    Ramsauer et al., Int. Conf. Learn. Represent. (2021), theorem 3.

    Examples
    --------
    >>> round(softmax_capacity(20, radius=3.0), 1)
    7.4
    """
    log_count = log_softmax_capacity(dimension, beta, radius=radius, failure=failure)
    return float(count("softmax_capacity", log_count))


def log_softmax_capacity(
    dimension: int, beta: float = 1.0, *, radius: float = 1.0, failure: float = 0.001
) -> float:
    """Return the natural logarithm of `softmax_capacity`, which never overflows.

    >>> round(log_softmax_capacity(10_000), 1)
    737.9
    """
    where = "softmax_capacity"
    freedom = whole_number(where, "dimension", dimension, least=2) - 1
    beta = real_number(where, "beta", beta, 1.0 / FAR, FAR)
    squared = real_number(where, "radius", radius, 1e-50, 1e50) ** 2
    failure = real_number(where, "failure", failure, 1e-100, 1.0)
    a = 2.0 / freedom * (1.0 + math.log(2.0 * beta * squared * failure * freedom))
    log_b = math.log(2.0 * squared * beta / 5.0)
    # Wright's omega is W0(exp(.)) without the overflow.
    log_c = log_b - math.log(float(wrightomega(a + log_b)))
    return math.log(failure) / 2.0 + freedom / 4.0 * log_c


def entmax_margin(alpha: npt.ArrayLike) -> Reals:
    """Return 1/(alpha - 1): from this margin on, entmax retrieves a pattern exactly in one step.

    The margin is beta (xi.x - max over the other patterns of xi'.x).

    Parameters
    ----------
    alpha : float or array_like
        Entmax parameter, at least 1: 1 is softmax (never exact, infinite margin), 1.5 entmax,
        2 sparsemax.

    References
    ----------
    Hu et al., Adv. Neural Inf. Process. Syst. 36 (2023); Santos et al., Int. Conf. Mach. Learn.
    (2024).

    Examples
    --------
    >>> entmax_margin([1.5, 2.0])
    array([2., 1.])
    """
    excess = reals("entmax_margin", "alpha", alpha, 1.0) - 1.0
    with np.errstate(divide="ignore"):
        return plain(1.0 / excess)
