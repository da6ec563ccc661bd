"""Noise of charge traps in a cell: random telegraph noise of one, 1/f noise of many.

The profile of a device holds the noise of its reads as a standard deviation; here are its spectra
and sampled traces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import real_number, whole_number
from neuromem.core.numerics import Reals, plain, reals
from neuromem.core.randomness import Rng, stream

Array = npt.NDArray[Any]

LEAST = 1e-30
"""The smallest time or frequency that counts as above zero."""


@dataclass(frozen=True)
class TelegraphNoise:
    """Random telegraph noise: one trap, a Markov chain of two states.

    Parameters
    ----------
    amplitude : float
        What the conductance gains in the upper state, S (or relative to G).
    up_time, down_time : float
        Mean dwell in the upper and in the lower state, s.

    Raises
    ------
    ParameterError
        If a time is not above 0.

    References
    ----------
    Machlup, J. Appl. Phys. 25, 341 (1954).

    Examples
    --------
    >>> noise = TelegraphNoise(1e-6, up_time=3e-3, down_time=1e-3)
    >>> noise.occupancy, round(noise.variance * 1e12, 4)
    (0.75, 0.1875)
    """

    amplitude: float
    up_time: float
    down_time: float

    def __post_init__(self) -> None:
        """Check the three numbers."""
        real_number("TelegraphNoise", "amplitude", self.amplitude)
        for name in ("up_time", "down_time"):
            real_number("TelegraphNoise", name, getattr(self, name), LEAST)

    @property
    def occupancy(self) -> float:
        """The fraction of time in the upper state, p."""
        return self.up_time / (self.up_time + self.down_time)

    @property
    def variance(self) -> float:
        """The stationary variance, amplitude^2 p (1 - p)."""
        return self.amplitude**2 * self.occupancy * (1.0 - self.occupancy)

    @property
    def correlation_time(self) -> float:
        """The time (s) in which the autocovariance falls by e, 1/(1/up_time + 1/down_time)."""
        return 1.0 / (1.0 / self.up_time + 1.0 / self.down_time)

    def spectrum(self, frequency: npt.ArrayLike) -> Reals:
        """Return the one-sided power density at `frequency` (Hz): a Lorentzian.

        4 variance tau / (1 + (2 pi f tau)^2); from 0 on it integrates to the variance.
        """
        tau = self.correlation_time
        hertz = reals("TelegraphNoise.spectrum", "frequency", frequency)
        return plain(4.0 * self.variance * tau / (1.0 + (2.0 * math.pi * hertz * tau) ** 2))

    def trace(
        self, samples: int, interval: float, shape: tuple[int, ...] = (), *, rng: Rng = None
    ) -> Array:
        """Return the chain as seen every `interval` s, from its stationary state.

        Parameters
        ----------
        samples : int
            How many, at least 1.
        interval : float
            Seconds between them; of any length, the sampled chain is exact.
        shape : tuple of int
            Of an array of independent traps; one trap if left out.
        rng : int, SeedSequence, Generator or None
            The seed; None is 0.

        Returns
        -------
        ndarray
            Of 0 and `amplitude`: (samples,) and then `shape`.
        """
        where = "TelegraphNoise.trace"
        samples = whole_number(where, "samples", samples, least=1)
        interval = real_number(where, "interval", interval, LEAST)
        draws = stream(rng, "telegraph").random((2, samples, *shape))
        # A chain of two states forgets its past at the rate 1/tau: it is then drawn afresh, up
        # with chance p. Between two such moments it stands still, which is all a sample sees.
        renewed = draws[0] < -math.expm1(-interval / self.correlation_time)
        renewed[0] = True
        steps = np.arange(samples).reshape(-1, *(1,) * len(shape))
        latest = np.maximum.accumulate(np.where(renewed, steps, 0), axis=0)
        up = np.take_along_axis(draws[1] < self.occupancy, latest, axis=0)
        return np.where(up, self.amplitude, 0.0)


def flicker_variance(
    conductance: npt.ArrayLike, coefficient: npt.ArrayLike, low: float, high: float
) -> Reals:
    """Return G^2 Q ln(f_high/f_low), the variance (S^2) of 1/f noise in a band.

    Parameters
    ----------
    conductance : float or array_like
        S.
    coefficient : float or array_like
        Q of the power density S_G/G^2 = Q/f.
    low, high : float
        The band, Hz.

    Examples
    --------
    >>> round(flicker_variance(1e-5, 1e-4, 1.0, 1e6) ** 0.5 * 1e6, 4)
    0.3717
    """
    where = "flicker_variance"
    low = real_number(where, "low", low, LEAST)
    high = real_number(where, "high", high, low)
    g = reals(where, "conductance", conductance)
    q = reals(where, "coefficient", coefficient)
    return plain(g**2 * q * math.log(high / low))


def flicker_trace(
    conductance: npt.ArrayLike, coefficient: npt.ArrayLike, samples: int, *, rng: Rng = None
) -> Array:
    """Return Gaussian 1/f noise of cells, sampled evenly.

    1/f noise has no scale: the interval between samples drops out. N samples an interval h apart
    hold the band from 1/(2 N h) to 1/(2 h), so the mean of the squares is G^2 Q ln N.

    Parameters
    ----------
    conductance : float or array_like
        S, of any shape.
    coefficient : float or array_like
        Q, broadcast against it.
    samples : int
        N, at least 2.
    rng : int, SeedSequence, Generator or None
        The seed; None is 0.

    Returns
    -------
    ndarray
        (samples, ...), the deviation from `conductance` in S; periodic in N samples, mean 0.

    Examples
    --------
    >>> flicker_trace([1e-5, 2e-5], 1e-4, 64, rng=0).shape
    (64, 2)
    """
    where = "flicker_trace"
    samples = whole_number(where, "samples", samples, least=2)
    g = reals(where, "conductance", conductance)
    scale = g * np.sqrt(reals(where, "coefficient", coefficient))
    lines = np.arange(1, samples // 2 + 1)
    # The line k stands for the band around it, so that together they fill it without gaps; at
    # the Nyquist frequency (even N) half of that band is left, and one real number to hold it.
    power = np.log(np.minimum(lines + 0.5, samples / 2.0) / (lines - 0.5))
    parts = stream(rng, "flicker").standard_normal((2, lines.size, *scale.shape))
    if samples % 2 == 0:
        parts[0, -1] *= 2.0
        parts[1, -1] = 0.0
    spectrum = np.zeros((lines.size + 1, *scale.shape), dtype=np.complex128)
    across = np.sqrt(power).reshape(-1, *(1,) * scale.ndim)
    spectrum[1:] = (parts[0] + 1j * parts[1]) * across * (samples / 2.0)
    trace: Array = np.fft.irfft(spectrum, samples, axis=0) * scale
    return trace
