r"""Sound as the ear sends it on: a gammatone filter bank, hair cells, and spikes.

The filters have the widths and the spacing of human hearing, the ERB scale of Glasberg & Moore
(Hearing Research 47, 103, 1990); each is a cascade of four complex one-pole filters (Hohmann, Acta
Acustica 88, 433, 2002). A hair cell passes the positive half of what its place on the membrane
does, and smooths it; what it gives out is compressed and turned into spikes.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError, one_of, real_number, whole_number

SpikeCode = Literal["fire", "level-crossing"]

ORDER = 4
WIDTH = 1.019
"""Bandwidth of a gammatone filter of order 4, in ERB (Patterson et al. 1987)."""


def erb_width(frequency: npt.ArrayLike) -> Array:
    """Return the equivalent rectangular bandwidth (Hz) of the auditory filter at a frequency.

    24.7 (4.37 f/kHz + 1).

    Examples
    --------
    >>> erb_width([0.0, 1000.0])
    array([ 24.7  , 132.639])
    """
    return np.asarray(24.7 * (4.37e-3 * np.asarray(frequency, float) + 1.0))


def erb_number(frequency: npt.ArrayLike) -> Array:
    """Return how many auditory filters lie side by side below a frequency (Hz).

    21.4 log10(4.37 f/kHz + 1).

    Examples
    --------
    >>> erb_number([0.0, 1000.0]).round(3)
    array([ 0.   , 15.621])
    """
    return np.asarray(21.4 * np.log10(4.37e-3 * np.asarray(frequency, float) + 1.0))


def centre_frequencies(channels: int, low: float, high: float) -> Array:
    """Return frequencies (Hz) that are equally far apart on the ERB scale.

    Parameters
    ----------
    channels : int
        How many.
    low, high : float
        The first and the last one, Hz.

    Returns
    -------
    ndarray, shape (channels,)
        Rising.

    Raises
    ------
    ParameterError
        If there is no channel, or `high` is not above `low`.

    Examples
    --------
    >>> centre_frequencies(4, 100.0, 4000.0).round()
    array([ 100.,  542., 1576., 4000.])
    """
    where = "centre_frequencies"
    count = whole_number(where, "channels", channels, least=1)
    first = real_number(where, "low", low, 1.0)
    last = real_number(where, "high", high)
    if last <= first:
        raise ParameterError(f"{where}: high is {high!r}, low is {low!r}; give high above low.")
    places = np.linspace(erb_number(first), erb_number(last), count)
    return np.asarray((10.0 ** (places / 21.4) - 1.0) / 4.37e-3)


def filter_bank(sound: npt.ArrayLike, rate: float, centres: npt.ArrayLike) -> Array:
    r"""Return what each place on the basilar membrane does under a sound.

    Gammatone filters of order 4,

    .. math:: h(t) \propto t^3 e^{-2\pi b t} \cos(2\pi f_c t), \qquad b = 1.019\,\mathrm{ERB}(f_c)

    with gain 1 at their centre frequencies.

    Parameters
    ----------
    sound : array_like, shape (samples,)
        Pressure, any unit.
    rate : float
        Samples a second.
    centres : array_like, shape (channels,)
        Centre frequencies, Hz, below half of `rate`.

    Returns
    -------
    ndarray of float64, shape (channels, samples)

    Raises
    ------
    ShapeError, ParameterError
        If the sound is no finite sequence, or a frequency is not between 0 and half of `rate`.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 500.0 * np.arange(8000) / 8000.0)
    >>> filter_bank(tone, 8000.0, [250.0, 500.0, 1000.0])[:, 4000:].std(axis=1).round(3)
    array([0.001, 0.707, 0.003])
    """
    where = "filter_bank"
    pressure = _sound(where, sound)
    samples = real_number(where, "rate", rate, 1.0)
    tuned = np.atleast_1d(np.asarray(centres, float))
    if tuned.ndim != 1 or not np.all((tuned > 0) & (tuned < samples / 2)):
        raise ParameterError(
            f"{where}: centres are {tuned.min():g} to {tuned.max():g} Hz, but a sound of "
            f"{samples:g} samples a second holds frequencies above 0 and below {samples / 2:g} Hz. "
            "Give centres in between."
        )
    moved = np.empty((tuned.size, pressure.size))
    for channel, centre in enumerate(tuned):
        decay = 2.0 * np.pi * WIDTH * erb_width(centre) / samples
        pole = np.exp(-decay + 2j * np.pi * centre / samples)
        analytic = pressure.astype(complex)
        for _ in range(ORDER):
            analytic = lfilter([1.0 - np.abs(pole)], [1.0, -pole], analytic)
        moved[channel] = 2.0 * analytic.real
    return moved


def cochleagram(
    sound: npt.ArrayLike,
    rate: float,
    *,
    frames: int,
    channels: int = 64,
    low: float = 100.0,
    high: float | None = None,
    smoothing: float = 8e-3,
    exponent: float = 1.0 / 3.0,
) -> Array:
    """Return the activity of hair cells along the cochlea, in frames of time.

    The filters' output, its positive half alone (half-wave rectification), smoothed by a leaky
    integrator, averaged over each frame, compressed by a power law, and scaled so that the
    largest value is 1.

    Parameters
    ----------
    sound : array_like, shape (samples,)
        Pressure, any unit.
    rate : float
        Samples a second.
    frames : int
        T; the sound is cut into so many parts of equal length, to a sample.
    channels : int
        Hair cells, tuned from `low` to `high` on the ERB scale.
    low, high : float
        Hz; `high` is 0.45 of `rate` if left out.
    smoothing : float
        Time constant of the leaky integrator, s.
    exponent : float
        Of the compression; 1 is none.

    Returns
    -------
    ndarray of float32, shape (frames, channels)
        From 0 to 1; all 0 for silence.

    Raises
    ------
    ShapeError, ParameterError
        As `filter_bank`, and if there are more frames than samples or a number is out of range.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 500.0 * np.arange(4000) / 8000.0)
    >>> seen = cochleagram(tone, 8000.0, frames=50, channels=32)
    >>> seen.shape, centre_frequencies(32, 100.0, 3600.0)[seen.mean(axis=0).argmax()].round()
    ((50, 32), np.float64(497.0))
    """
    where = "cochleagram"
    pressure = _sound(where, sound)
    parts = whole_number(where, "frames", frames, least=1)
    if parts > pressure.size:
        raise ParameterError(
            f"{where}: frames is {parts}, but the sound has {pressure.size} samples. "
            "Give no more frames than samples."
        )
    top = 0.45 * rate if high is None else high
    tuned = centre_frequencies(channels, low, top)
    heard = np.maximum(filter_bank(pressure, rate, tuned), 0.0)
    keep = np.exp(-1.0 / (rate * real_number(where, "smoothing", smoothing, 1e-6)))
    heard = lfilter([1.0 - keep], [1.0, -keep], heard, axis=1)
    edges = np.arange(parts) * pressure.size // parts
    lengths = np.diff(np.append(edges, pressure.size))
    activity = np.add.reduceat(heard, edges, axis=1) / lengths
    activity **= real_number(where, "exponent", exponent, 1e-3)
    largest = activity.max()
    return np.asarray((activity / (largest if largest > 0 else 1.0)).T, dtype=np.float32)


def spikes_of(
    activity: npt.ArrayLike, *, code: SpikeCode = "fire", threshold: float = 1.0
) -> Array:
    """Return spikes that stand for activities: at most one a step, channel and line.

    Parameters
    ----------
    activity : array_like, shape (T, channels) or (Q, T, channels)
        At least 0 for "fire".
    code : {"fire", "level-crossing"}
        "fire": each channel adds up its activity and fires at `threshold`, which is then taken
        off, so that the rate follows the activity. "level-crossing": a spike on one line when the
        activity has risen by `threshold` since the last spike, on another when it has fallen.
    threshold : float
        Above 0.

    Returns
    -------
    ndarray of uint8, shape (..., T, channels), twice the channels for "level-crossing"
        0 or 1; lines of rising levels before those of falling ones.

    Raises
    ------
    ShapeError, ParameterError
        If the activities have another shape, are not finite or negative, or for another code.

    Examples
    --------
    >>> spikes_of(np.full((6, 1), 0.5)).ravel()
    array([0, 1, 0, 1, 0, 1], dtype=uint8)
    >>> spikes_of([[0.0], [0.4], [0.4], [0.0]], code="level-crossing", threshold=0.3).T
    array([[0, 1, 0, 0],
           [0, 0, 0, 1]], dtype=uint8)
    """
    where = "spikes_of"
    one_of(where, "code", code, ("fire", "level-crossing"))
    level = real_number(where, "threshold", threshold, 1e-12)
    given = np.asarray(activity, dtype=float)
    if given.ndim not in (2, 3) or given.size == 0:
        raise ShapeError(
            f"{where}: activity has shape {given.shape}; expected (T, channels) or "
            "(Q, T, channels)."
        )
    if not np.all(np.isfinite(given)) or (code == "fire" and given.min() < 0):
        raise ParameterError(
            f"{where}: activity holds NaN, infinity or, for the code 'fire', values below 0. "
            "Give what cochleagram returns."
        )
    steps = np.moveaxis(given, -2, 0)
    emit = _fired if code == "fire" else _crossed
    return np.moveaxis(emit(steps, level), 0, -2)


def _fired(steps: Array, level: float) -> Array:
    potential = np.zeros(steps.shape[1:])
    spikes = np.empty(steps.shape, np.uint8)
    for time, drive in enumerate(steps):
        potential += drive
        spikes[time] = potential >= level
        potential -= level * spikes[time]
    return spikes


def _crossed(steps: Array, level: float) -> Array:
    """Send on delta: the reference moves by one level a spike."""
    reference = steps[0].copy()
    lines = steps.shape[-1]
    spikes = np.zeros((*steps.shape[:-1], 2 * lines), np.uint8)
    for time, value in enumerate(steps):
        spikes[time, ..., :lines] = value - reference >= level
        spikes[time, ..., lines:] = reference - value >= level
        rise = spikes[time, ..., :lines].astype(float) - spikes[time, ..., lines:]
        reference += level * rise
    return spikes


def _sound(where: str, sound: npt.ArrayLike) -> Array:
    """Return a checked sound, shape (samples,), as float64."""
    given = np.asarray(sound)
    if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "biuf":
        raise ShapeError(
            f"{where}: sound has shape {given.shape} and dtype {given.dtype}; expected real "
            "numbers (samples,). Give one channel of a recording."
        )
    pressure = given.astype(np.float64)
    if not np.all(np.isfinite(pressure)):
        raise ParameterError(f"{where}: sound holds NaN or infinity; give finite numbers.")
    return pressure
