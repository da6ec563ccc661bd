"""Intervals and fits: what a few networks say about the load at which recall breaks.

All cues of a network share its weights, so a network counts as one draw, however many cues it
was asked. Bootstraps therefore draw networks, never cues. All intervals cover 95 %.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit

from neuromem.core.errors import ParameterError
from neuromem.core.randomness import Rng, generator

Floats = npt.NDArray[np.float64]

RESAMPLES = 1000
_RIDGE = 1e-7  # keeps a curve that falls from 1 to 0 between two points at a finite slope
_Z = 1.959963984540054  # the normal quantile of 97.5 %
_TAILS = (2.5, 97.5)


def wilson_interval(successes: npt.ArrayLike, draws: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return Wilson's 95 % interval of a success probability; it is never empty or outside [0, 1].

    Parameters
    ----------
    successes : array_like
        Successes k. May be fractional: the sum of the fractions that each of n independent
        networks recalled has at most the variance of n coin tosses.
    draws : array_like
        Independent draws n, at least 1; broadcast against `successes`.

    Returns
    -------
    low, high : ndarray
        ``(k + z^2/2) / (n + z^2) -+ z sqrt(k (n - k) / n + z^2/4) / (n + z^2)``, z = 1.96.

    Raises
    ------
    ParameterError
        If there are no draws, or not 0 <= successes <= draws.

    References
    ----------
    Wilson, J. Am. Stat. Assoc. 22, 209 (1927).

    Examples
    --------
    >>> low, high = wilson_interval(10, 20)
    >>> round(float(low), 4), round(float(high), 4)
    (0.2993, 0.7007)
    """
    k = np.asarray(successes, dtype=np.float64)
    n = np.asarray(draws, dtype=np.float64)
    if not np.all((n >= 1) & (k >= 0) & (k <= n)):
        raise ParameterError(
            f"wilson_interval: successes are {k}, draws {n}; "
            "give draws >= 1 and 0 <= successes <= draws."
        )
    centre = k + _Z**2 / 2
    half = _Z * np.sqrt(k * (n - k) / n + _Z**2 / 4)
    low, high = (centre - half) / (n + _Z**2), (centre + half) / (n + _Z**2)
    # At k = 0 and k = n the exact bound is 0 and 1; rounding would miss it.
    return np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high)


def mean_interval(fractions: Floats, cues: npt.ArrayLike, rng: Rng) -> tuple[Floats, Floats]:
    """Return the 95 % interval of the mean of fractions over the networks that gave them.

    A percentile bootstrap over networks. Where all networks agree it has nothing to resample,
    and Wilson's interval takes its place: over all cues where every one or none was recalled
    (no cue has shown that it goes with the others of its network), else over networks.

    Parameters
    ----------
    fractions : ndarray, shape (..., K)
        The fraction of its cues that each of K networks recalled.
    cues : array_like, shape (...)
        Cues of each network.
    rng : int, SeedSequence, Generator or None
        Seed of the bootstrap.
    """
    networks = fractions.shape[-1]
    chosen = generator(rng).integers(0, networks, (RESAMPLES, networks))
    low, high = np.percentile(fractions[..., chosen].mean(axis=-1), _TAILS, axis=-1)
    mean = fractions.mean(axis=-1).clip(0.0, 1.0)
    draws = np.where((mean == 0.0) | (mean == 1.0), networks * np.asarray(cues), networks)
    wilson = wilson_interval(mean * draws, draws)
    alike = np.ptp(fractions, axis=-1) == 0.0
    return np.where(alike, wilson[0], low), np.where(alike, wilson[1], high)


class Logistic(NamedTuple):
    """Curves ``1 / (1 + exp((x - midpoint) / width))``, one for each row that was fitted."""

    midpoint: Floats
    width: Floats


def fit_logistic(x: Floats, fractions: Floats) -> Logistic:
    """Fit falling logistic curves by maximum likelihood.

    Parameters
    ----------
    x : ndarray, shape (L,)
        Abscissae, at least two different ones.
    fractions : ndarray, shape (..., L)
        Success in [0, 1] at each x; a curve for each row.

    Returns
    -------
    Logistic
        Midpoints, held within the range of x, and widths, of shape (...). A curve that falls
        from 1 to 0 between two points has its midpoint half-way and a small positive width.
    """
    start, reach = float(x.min()), float(np.ptp(x))
    z = (x - start) / reach
    rows = fractions.reshape(-1, x.size)
    steep = 4.0 / max(0.05, float(np.diff(np.unique(z)).min()))
    weights = np.zeros((len(rows), 2))
    weights[:] = _newton(z, rows.mean(axis=0)[None], np.array([[steep / 2, -steep]]))
    weights = _newton(z, rows, weights)
    slope = np.minimum(weights[:, 1], -1e-6)
    middle = np.clip(-weights[:, 0] / slope, 0.0, 1.0)
    shape = fractions.shape[:-1]
    return Logistic((start + reach * middle).reshape(shape), (-reach / slope).reshape(shape))


def _newton(z: Floats, fractions: Floats, weights: Floats) -> Floats:
    """Minimise the logistic loss of each row over (intercept, slope) by damped Newton steps."""
    design = np.stack([np.ones_like(z), z], axis=1)
    weights = weights.copy()

    def loss(trial: Floats) -> Floats:
        u = trial @ design.T
        fit = np.sum(fractions * log_expit(u) + (1.0 - fractions) * log_expit(-u), axis=1)
        return np.asarray(_RIDGE / 2 * np.sum(trial**2, axis=1) - fit)

    best = loss(weights)
    for _ in range(200):
        p = expit(weights @ design.T)
        gradient = (p - fractions) @ design + _RIDGE * weights
        hessian = np.einsum("rl,li,lj->rij", p * (1.0 - p), design, design)
        hessian += _RIDGE * np.eye(2)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        scale = np.ones(len(weights))
        for _ in range(30):
            worse = loss(weights - scale[:, None] * step) > best + 1e-14
            if not worse.any():
                break
            scale[worse] *= 0.5
        scale[worse] = 0.0
        weights -= scale[:, None] * step
        gained = best - loss(weights)
        best -= gained
        if gained.max() < 1e-13:
            break
    return weights


class Crossing(NamedTuple):
    """Where a falling success curve passes one half.

    Attributes
    ----------
    value : float
        The midpoint of the fitted logistic; a bound, if censored.
    low, high : float
        Bootstrap interval over networks; ends at `limits` where no measurement bounds it.
    width : float
        Width of the logistic, 0 if censored.
    censored : int
        0: the curve passes one half. 1: it never falls below, `value` is the largest x and a
        lower bound. -1: it is always below, `value` is the smallest x and an upper bound.
    """

    value: float
    low: float
    high: float
    width: float
    censored: int


def crossing(
    x: Floats,
    fractions: Floats,
    rng: Rng,
    *,
    paired: bool = False,
    limits: tuple[float, float] = (0.0, np.inf),
) -> Crossing:
    """Return where the mean of `fractions` over networks passes one half.

    Parameters
    ----------
    x : ndarray, shape (L,)
        Distinct abscissae, rising.
    fractions : ndarray, shape (L, K)
        The fraction that network k recalled at x.
    rng : int, SeedSequence, Generator or None
        Seed of the bootstrap.
    paired : bool
        Whether column k is the same network at every x, so that columns are drawn whole.
    limits : (float, float)
        The least and the largest value that x can have.
    """
    mean = fractions.mean(axis=1)
    if mean.min() >= 0.5:
        return Crossing(float(x[-1]), float(x[-1]), limits[1], 0.0, 1)
    if mean.max() < 0.5:
        return Crossing(float(x[0]), limits[0], float(x[0]), 0.0, -1)
    count, networks = fractions.shape
    drawn = 1 if paired else count
    chosen = generator(rng).integers(0, networks, (RESAMPLES, drawn, networks))
    resampled = np.take_along_axis(fractions[None], chosen, axis=2).mean(axis=2)
    fit = fit_logistic(x, np.concatenate([mean[None], resampled]))
    low, high = np.percentile(fit.midpoint[1:], _TAILS)
    if np.all((mean == 0.0) | (mean == 1.0)):
        # All networks agree: they say no more than between which two points the curve falls.
        low, high = sorted((x[mean == 1.0].max(), x[mean == 0.0].min()))
    elif networks == 1:
        low, high = x[0], x[-1]  # a single network says nothing of the spread
    return Crossing(float(fit.midpoint[0]), float(low), float(high), float(fit.width[0]), 0)


class Line(NamedTuple):
    """A weighted straight line and the covariance of its two numbers."""

    intercept: float
    slope: float
    covariance: Floats

    def intervals(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the 95 % intervals of intercept and slope."""
        a, b = _Z * np.sqrt(np.diagonal(self.covariance))
        return (
            (self.intercept - a, self.intercept + a),
            (self.slope - b, self.slope + b),
        )


def fit_line(x: Floats, y: Floats, low: Floats, high: Floats) -> Line:
    """Fit ``y = intercept + slope x``, weighted by the 95 % intervals [low, high] of y."""
    deviation = np.maximum((high - low) / (2.0 * _Z), 1e-12)
    design = np.stack([np.ones_like(x), x], axis=1) / deviation[:, None]
    covariance = np.linalg.inv(design.T @ design)
    intercept, slope = covariance @ design.T @ (y / deviation)
    return Line(float(intercept), float(slope), covariance)
