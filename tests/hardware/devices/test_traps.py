"""Random telegraph noise and 1/f noise: variances, spectra and sampled traces."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from neuromem.core.errors import ParameterError
from neuromem.hardware.devices.traps import TelegraphNoise, flicker_trace, flicker_variance

NOISE = TelegraphNoise(2e-6, up_time=3e-3, down_time=1e-3)


# --- random telegraph noise -----------------------------------------------------------------


def test_H45_stationary_variance_of_telegraph_noise():
    """dG^2 p (1 - p) in closed form, and over 40 000 traps at one moment within 4 s.e."""
    assert NOISE.occupancy == 0.75
    assert NOISE.variance == pytest.approx(4e-12 * 0.1875, rel=1e-12)
    last = NOISE.trace(3, 0.2e-3, (40_000,), rng=1)[-1]
    assert last.mean() == pytest.approx(0.75 * 2e-6, abs=4 * math.sqrt(NOISE.variance / 40_000))
    # The fourth moment of a coin about its mean gives the error of its variance.
    p = 0.75
    error = math.sqrt((p * (1 - p) * (1 - 3 * p * (1 - p)) - (p * (1 - p)) ** 2) / 40_000)
    assert last.var() / 4e-12 == pytest.approx(p * (1 - p), abs=4 * error)


@pytest.mark.parametrize("interval", [0.05e-3, 0.75e-3, 5e-3])
def test_autocovariance_falls_with_the_correlation_time(interval):
    """variance exp(-k h/tau), at any sampling interval: the sampled chain is exact."""
    assert NOISE.correlation_time == pytest.approx(0.75e-3, rel=1e-12)
    trace = NOISE.trace(4, interval, (100_000,), rng=2)
    centred = (trace - 1.5e-6) / 2e-6
    for k in (1, 3):
        product = centred[k] * centred[0]
        expected = 0.1875 * math.exp(-k * interval / 0.75e-3)
        assert product.mean() == pytest.approx(expected, abs=4 * product.std() / math.sqrt(100_000))


def test_dwell_times_are_those_asked_for():
    """One trap, sampled every tau/75: runs of samples last h / P(leave) on average (4 s.e.).

    P(leave) = (1 - p)(1 - exp(-h/tau)) from above, which is up_time to within 1 %, and p in
    place of 1 - p from below.
    """
    step = 0.01e-3
    up = NOISE.trace(2_000_000, step, rng=3) > 0
    edges = np.flatnonzero(np.diff(up)) + 1
    runs, states = np.diff(edges) * step, up[edges[:-1]]
    moved = -math.expm1(-step / NOISE.correlation_time)
    for state, share, mean in ((True, 0.25, 3e-3), (False, 0.75, 1e-3)):
        dwell = runs[states == state]
        expected = step / (share * moved)
        assert expected == pytest.approx(mean, rel=0.01)
        assert dwell.mean() == pytest.approx(expected, rel=4 / math.sqrt(dwell.size))


def test_spectrum_is_a_lorentzian_that_integrates_to_the_variance():
    noise = TelegraphNoise(1.0, 3e-3, 1e-3)
    corner = 1 / (2 * math.pi * noise.correlation_time)
    assert noise.spectrum(corner) == pytest.approx(noise.spectrum(0.0) / 2, rel=1e-12)
    total, _ = quad(noise.spectrum, 0, math.inf)
    assert total == pytest.approx(noise.variance, rel=1e-6)


def test_spectrum_of_a_trace_is_the_lorentzian():
    """Averaged periodograms of 2000 traps, 6 lines below a tenth of Nyquist, 4 s.e. each.

    Sampling folds the tail of the Lorentzian onto these lines: under 2 % at h = tau/25.
    """
    noise = TelegraphNoise(1.0, 3e-3, 1e-3)
    n, step = 2048, 0.03e-3
    trace = noise.trace(n, step, (2000,), rng=4)
    power = np.mean(np.abs(np.fft.rfft(trace - trace.mean(), axis=0)) ** 2, axis=1) * 2 * step / n
    lines = np.array([8, 16, 32, 48, 64, 96])
    expected = noise.spectrum(lines / (n * step))
    np.testing.assert_allclose(power[lines], expected, rtol=4 / math.sqrt(2000) + 0.02)


def test_a_trace_has_two_values_and_repeats_with_its_seed():
    trace = NOISE.trace(50, 1e-3, (2, 3), rng=5)
    assert trace.shape == (50, 2, 3)
    assert set(np.unique(trace)) == {0.0, 2e-6}
    np.testing.assert_array_equal(trace, NOISE.trace(50, 1e-3, (2, 3), rng=5))
    assert NOISE.trace(50, 1e-3).shape == (50,)


# --- 1/f noise ------------------------------------------------------------------------------


def test_flicker_variance_counts_decades_alike():
    decade = flicker_variance(1e-5, 1e-4, 1.0, 10.0)
    assert decade == pytest.approx(1e-10 * 1e-4 * math.log(10), rel=1e-12)
    assert flicker_variance(1e-5, 1e-4, 1e3, 1e4) == pytest.approx(decade, rel=1e-12)
    assert flicker_variance(1e-5, 1e-4, 5.0, 5.0) == 0.0


@pytest.mark.parametrize("samples", [2, 7, 64, 1001])
def test_flicker_traces_hold_the_variance_of_their_band(samples):
    """Mean square G^2 Q ln N; over 4000 traces, 4 s.e. of the sum of its lines' squares."""
    q, g = 0.01, 2e-5
    trace = flicker_trace(np.full(4000, g), q, samples, rng=6)
    expected = flicker_variance(g, q, 1 / (2 * samples), 1 / 2)
    assert expected == pytest.approx(g**2 * q * math.log(samples), rel=1e-12)
    square = np.mean(trace**2, axis=0)
    assert square.mean() == pytest.approx(expected, abs=4 * square.std() / math.sqrt(4000))
    np.testing.assert_allclose(trace.mean(axis=0), 0.0, atol=1e-12 * g)


def test_flicker_spectrum_falls_as_one_over_f():
    """Lines 4 to 256 of 3000 traces: the power times the line's number is Q within 4 s.e.

    A line carries the band around it, ln((k + 1/2)/(k - 1/2)) = 1/k (1 + 1/(12 k^2) + ...).
    """
    n, count, q = 1024, 3000, 0.04
    trace = flicker_trace(np.ones(count), q, n, rng=7)
    power = np.mean(np.abs(np.fft.rfft(trace, axis=0)) ** 2, axis=1) * 2 / n**2
    for k in (4, 16, 64, 256):
        assert power[k] * k / q == pytest.approx(1 + 1 / (12 * k**2), rel=4 / math.sqrt(count))


def test_flicker_noise_grows_with_the_conductance():
    trace = flicker_trace([[1e-5, 2e-5]], 0.01, 16, rng=8)
    assert trace.shape == (16, 1, 2)
    alone = flicker_trace([[2e-5, 4e-5]], 0.01, 16, rng=8)
    np.testing.assert_allclose(alone, 2 * trace, rtol=1e-12)
    assert not flicker_trace(0.0, 0.01, 16).any()


# --- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: TelegraphNoise(1.0, 0.0, 1.0), "TelegraphNoise: up_time is 0.0; give"),
        (lambda: TelegraphNoise(1.0, 1.0, -1.0), "TelegraphNoise: down_time is -1.0; give"),
        (lambda: TelegraphNoise(math.nan, 1.0, 1.0), "TelegraphNoise: amplitude is nan; give"),
        (lambda: NOISE.trace(0, 1e-3), "trace: samples is 0; give a whole number >= 1"),
        (lambda: NOISE.trace(5, 0.0), "trace: interval is 0.0; give"),
        (lambda: NOISE.spectrum(-1.0), "spectrum: frequency is -1; give finite numbers from 0"),
        (lambda: flicker_variance(1e-5, 1e-4, 10.0, 1.0), "flicker_variance: high is 1.0; give"),
        (
            lambda: flicker_variance(-1e-5, 1e-4, 1.0, 2.0),
            "flicker_variance: conductance is -1e-05",
        ),
        (lambda: flicker_trace(1e-5, -1.0, 16), "flicker_trace: coefficient is -1; give"),
        (
            lambda: flicker_trace(1e-5, 0.1, 1),
            "flicker_trace: samples is 1; give a whole number >= 2",
        ),
    ],
)
def test_bad_input_is_named(call, text):
    with pytest.raises(ParameterError, match=text):
        call()
