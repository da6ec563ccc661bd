"""The cochlea: the ERB scale, gammatone filters with published widths, hair cells, spikes."""

import math

import numpy as np
import pytest

from neuromem.core.cochlea import (
    centre_frequencies,
    cochleagram,
    erb_number,
    erb_width,
    filter_bank,
    spikes_of,
)
from neuromem.core.errors import ParameterError, ShapeError

RATE = 16000.0


def tone(frequency, seconds=0.5, rate=RATE):
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


# --- the ERB scale --------------------------------------------------------------------------


def test_widths_and_numbers_are_those_of_glasberg_and_moore():
    """ERB(1 kHz) = 24.7 * 5.37 = 132.639 Hz; 15.62 filters lie below 1 kHz."""
    assert erb_width(1000.0) == pytest.approx(132.639)
    assert erb_number(1000.0) == pytest.approx(21.4 * math.log10(5.37))
    f = np.array([100.0, 1000.0, 5000.0])
    slope = (erb_number(f + 0.5) - erb_number(f - 0.5)) * erb_width(f)
    np.testing.assert_allclose(slope, 21.4 * 4.37e-3 * 24.7 / math.log(10), rtol=1e-6)  # 1.003


def test_centres_are_equally_far_apart_on_the_erb_scale():
    centres = centre_frequencies(64, 100.0, 3600.0)
    assert centres[[0, -1]].tolist() == pytest.approx([100.0, 3600.0])
    gaps = np.diff(erb_number(centres))
    np.testing.assert_allclose(gaps, gaps[0], rtol=1e-9)
    assert np.all(np.diff(centres, 2) > 0)  # in Hz they grow apart


# --- filters --------------------------------------------------------------------------------


@pytest.mark.parametrize("centre", [300.0, 1000.0, 3000.0])
def test_a_filter_has_unit_gain_and_the_equivalent_rectangular_bandwidth(centre):
    """Integral of |H|^2 over f, over |H(f_c)|^2, is the ERB: that is what 1.019 is for."""
    impulse = np.zeros(32000)
    impulse[0] = 1.0
    gain = np.abs(np.fft.rfft(filter_bank(impulse, 32000.0, [centre])[0]))
    frequency = np.fft.rfftfreq(32000, 1 / 32000.0)
    assert gain[np.searchsorted(frequency, centre)] == pytest.approx(1.0, abs=0.005)
    assert frequency[gain.argmax()] == pytest.approx(centre, abs=0.03 * erb_width(centre))
    width = np.sum(gain**2) / gain.max() ** 2  # 1 Hz apart
    assert width == pytest.approx(erb_width(centre), rel=0.01)


def test_an_impulse_peaks_when_the_gammatone_does():
    """The envelope t^3 exp(-2 pi b t) peaks at 3 / (2 pi b), b = 1.019 ERB."""
    impulse = np.zeros(3200)
    impulse[0] = 1.0
    response = np.abs(filter_bank(impulse, 32000.0, [4000.0])[0])
    peak = 3 / (2 * math.pi * 1.019 * erb_width(4000.0))
    assert response.argmax() / 32000.0 == pytest.approx(peak, abs=1 / 4000.0)  # to a period


def test_each_place_answers_most_to_its_own_frequency():
    centres = centre_frequencies(24, 150.0, 6000.0)
    for place, centre in enumerate(centres):
        power = filter_bank(tone(centre), RATE, centres)[:, 4000:].std(axis=1)
        assert power.argmax() == place
        assert power[place] == pytest.approx(1 / math.sqrt(2), rel=0.02)
        away = np.abs(erb_number(centres) - erb_number(centre)) > 4
        assert power[away].max() < 0.1 * power[place]


# --- hair cells -----------------------------------------------------------------------------


def test_a_cochleagram_follows_the_tone_that_sounds():
    sound = np.concatenate([tone(400.0), tone(2000.0)])
    seen = cochleagram(sound, RATE, frames=40, channels=30, low=100.0, high=5000.0)
    assert seen.shape == (40, 30)
    assert seen.dtype == np.float32
    assert (seen.min() >= 0, seen.max()) == (True, 1.0)
    centres = centre_frequencies(30, 100.0, 5000.0)
    for frames, frequency in ((seen[5:19], 400.0), (seen[25:], 2000.0)):
        nearest = np.abs(erb_number(centres) - erb_number(frequency)).argmin()
        assert np.all(np.abs(frames.argmax(axis=1) - nearest) <= 1)


def test_rectified_tones_have_the_mean_of_half_a_sine():
    """Half-wave rectified, a tone of amplitude A has the mean A / pi."""
    sound = np.concatenate([tone(1000.0, 1.0), 0.1 * tone(1000.0, 1.0)])
    fixed = {"frames": 20, "channels": 2, "low": 999.9, "high": 1000.1}
    loud, soft = cochleagram(sound, RATE, exponent=1.0, **fixed)[[5, 15], 0]
    assert soft / loud == pytest.approx(0.1, rel=0.01)
    loud, soft = cochleagram(sound, RATE, **fixed)[[5, 15], 0]
    assert soft / loud == pytest.approx(0.1 ** (1 / 3), rel=0.01)
    heard = np.maximum(filter_bank(tone(1003.0), RATE, [1003.0])[0, 4000:], 0).mean()
    assert heard == pytest.approx(1 / math.pi, rel=0.01)


def test_loudness_does_not_matter_and_silence_is_silent():
    sound = np.random.default_rng(0).standard_normal(4000)
    quiet, loud = (cochleagram(k * sound, RATE, frames=17, channels=8) for k in (1e-3, 1e3))
    np.testing.assert_allclose(quiet, loud, rtol=1e-5)
    assert not cochleagram(np.zeros(500, np.int16), RATE, frames=5).any()


# --- spikes ---------------------------------------------------------------------------------


def test_integrate_and_fire_spikes_count_the_activity():
    """With an activity of at most one threshold a step, floor(sum / threshold) spikes came."""
    activity = np.random.default_rng(0).random((3, 200, 5)) * 0.7
    spikes = spikes_of(activity, threshold=0.7)
    assert spikes.shape == activity.shape
    sums = np.cumsum(activity, axis=1) / 0.7
    np.testing.assert_array_equal(np.cumsum(spikes, axis=1), np.floor(sums + 1e-9))


def test_level_crossings_rebuild_the_signal_to_one_level():
    time = np.arange(300)[:, None]
    signal = 0.5 + 0.5 * np.sin(2 * np.pi * time / np.array([150.0, 97.0]))
    spikes = spikes_of(signal, code="level-crossing", threshold=0.05).astype(int)
    assert spikes.shape == (300, 4)
    rebuilt = signal[0] + 0.05 * np.cumsum(spikes[:, :2] - spikes[:, 2:], axis=0)
    assert np.abs(rebuilt - signal).max() < 0.05
    assert spikes[:, :2].sum() > 20
    assert not np.any(spikes[:, :2] & spikes[:, 2:])


# --- errors ---------------------------------------------------------------------------------


def test_errors_name_the_place_what_came_and_the_way_out():
    with pytest.raises(ShapeError, match=r"cochleagram: sound has shape \(2, 50\) .* one channel"):
        cochleagram(np.ones((2, 50)), RATE, frames=5)
    with pytest.raises(ParameterError, match="filter_bank: sound holds NaN or infinity"):
        filter_bank([1.0, np.nan], RATE, [100.0])
    with pytest.raises(ParameterError, match="frames is 9, but the sound has 4 samples"):
        cochleagram(np.ones(4), RATE, frames=9)
    with pytest.raises(
        ParameterError, match=r"centres are 9000 to 9000 Hz, .* above 0 and below 8"
    ):
        filter_bank(np.ones(4), RATE, [9000.0])
    with pytest.raises(ParameterError, match=r"high is 50\.0, low is 100\.0; give high"):
        centre_frequencies(4, 100.0, 50.0)
    with pytest.raises(ParameterError, match="code is 'rate'; choose one of: fire, level-crossing"):
        spikes_of(np.ones((3, 2)), code="rate")
    with pytest.raises(ShapeError, match=r"activity has shape \(3,\); expected \(T, channels\)"):
        spikes_of(np.ones(3))
    with pytest.raises(ParameterError, match="for the code 'fire', values below 0"):
        spikes_of(-np.ones((3, 2)))
    with pytest.raises(ParameterError, match="threshold is 0; give"):
        spikes_of(np.ones((3, 2)), threshold=0)
