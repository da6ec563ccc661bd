"""Cells broken down once, and switching by chance: published statistics and closed forms."""

import math

import numpy as np
import pytest
from scipy.stats import kstest

from neuromem.core.errors import ParameterError
from neuromem.hardware.devices.population import Devices
from neuromem.hardware.devices.profile import profile
from neuromem.hardware.devices.random_weights import (
    breakdown_fraction,
    filament_probability,
    random_conductances,
    random_weights,
    stop_voltage_for,
    weibull_probability,
)

MACRO = "rram-40nm-random"


# --- the breakdown source -------------------------------------------------------------------


def test_H43_half_of_the_cells_break_and_conduct_the_published_amount():
    """V_stop = 3.433 V: 50 % zeros; the others 12.34 +- 1.84 uS (Wang et al. 2023), 4 s.e."""
    n = 1_000_000
    g = random_conductances((1000, 1000), MACRO, 3.433, rng=0).astype(np.float64) * 1e6
    assert np.mean(g == 0) == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / n))
    broken = g[g > 0]
    assert broken.mean() == pytest.approx(12.34, abs=4 * 1.84 / math.sqrt(n / 2))
    assert broken.std() == pytest.approx(1.84, rel=4 / math.sqrt(n))


@pytest.mark.parametrize("volts", [3.2, 3.319, 3.547, 3.7])
def test_the_stop_voltage_sets_the_sparsity(volts):
    """Phi((V - 3.433)/0.114): one s.d. to either side is 15.87 and 84.13 %."""
    p = breakdown_fraction(volts)
    g = random_conductances(200_000, stop_voltage=volts, rng=1)
    assert np.mean(g > 0) == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 200_000))
    if volts in (3.319, 3.547):
        assert min(p, 1 - p) == pytest.approx(0.158655, abs=1e-6)


def test_the_voltage_for_a_fraction_is_the_inverse():
    for fraction in (0.01, 0.5, 0.93):
        assert breakdown_fraction(stop_voltage_for(fraction)) == pytest.approx(fraction, rel=1e-9)


def test_a_higher_ramp_breaks_further_cells_and_leaves_the_broken_as_they_are():
    low = random_conductances((100, 100), stop_voltage=3.35, rng=2)
    high = random_conductances((100, 100), stop_voltage=3.5, rng=2)
    was = low > 0
    np.testing.assert_array_equal(high[was], low[was])
    assert (high[~was] > 0).sum() > 1000


def test_left_out_the_ramp_ends_at_the_mean():
    g = random_conductances((50, 50), rng=3)
    np.testing.assert_array_equal(g, random_conductances((50, 50), MACRO, 3.433, 3))
    assert g.dtype == np.float32
    assert random_conductances((2, 2), dtype=np.float64).dtype == np.float64


def test_the_cells_can_be_put_on_devices_and_read_with_the_published_noise():
    """2 % of G in each read; unbroken cells are silent (4 s.e. of 20 000 reads)."""
    g = random_conductances(40_000, rng=4)
    cells = Devices.program(MACRO, g, rng=4)
    np.testing.assert_array_equal(cells.conductance(), g)
    noise = (cells.read(0.0, rng=5) - g)[g > 0] / g[g > 0]
    assert noise.std() == pytest.approx(0.02, rel=4 / math.sqrt(2 * noise.size))
    assert not cells.read(0.0, rng=5)[g == 0].any()


def test_no_cell_leaves_the_range_of_the_profile():
    device = profile(MACRO)
    g = random_conductances((1000, 2000), device, 4.5, rng=6)
    assert g.min() >= device.g_min
    assert g.max() <= np.float32(device.g_max)


def test_a_scaled_profile_gives_scaled_cells():
    device = profile(MACRO)
    scaled = device.scaled(2 * device.g_max)
    np.testing.assert_allclose(
        random_conductances(1000, scaled, rng=7), 2 * random_conductances(1000, rng=7), rtol=1e-6
    )


# --- weights --------------------------------------------------------------------------------


def test_weights_are_symmetric_and_nearly_ternary():
    """p^2 + (1 - p)^2 = 1/2 of the pairs agree, of which half are exactly zero.

    Moments of w = (G+ - G-)/12.34: mean 0, variance 2 (p (1 + s^2) - p^2), s = 1.84/12.34.
    """
    n = 1_000_000
    w = random_weights((1000, 1000), rng=8).astype(np.float64)
    variance = 2 * (0.5 * (1 + (1.84 / 12.34) ** 2) - 0.25)
    assert np.mean(w == 0) == pytest.approx(0.25, abs=4 * math.sqrt(0.1875 / n))
    assert w.mean() == pytest.approx(0.0, abs=4 * math.sqrt(variance / n))
    error = math.sqrt((np.mean(w**4) - variance**2) / n)
    assert w.var() == pytest.approx(variance, abs=4 * error)
    assert np.mean(w**3) == pytest.approx(0.0, abs=4 * math.sqrt(np.mean(w**6) / n))


def test_weights_are_pairs_of_cells_times_the_scale():
    """The published input weights are 0.0016 per uS (Wang et al. 2023)."""
    plus, minus = random_conductances((2, 30, 20), MACRO, 3.5, 9)
    w = random_weights((30, 20), MACRO, 3.5, 9, scale=0.0016e6)
    np.testing.assert_allclose(w, (plus - minus) * 1600.0, rtol=1e-6)


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    w = random_weights((64, 64), rng=10)
    np.testing.assert_array_equal(w, random_weights((64, 64), rng=10))
    assert (w != random_weights((64, 64), rng=11)).mean() > 0.5


# --- switching by chance --------------------------------------------------------------------


def test_switching_is_a_wait_without_memory():
    """P(tau) = 1 - 1/e, and surviving two spans is surviving each of them."""
    tau = 2.0 * math.exp(-3.0 / 0.25)
    assert filament_probability(tau, 3.0, tau0=2.0, v0=0.25) == pytest.approx(1 - 1 / math.e)
    one, two = filament_probability([1e-6, 2e-6], 3.0, tau0=2.0, v0=0.25)
    assert 1 - two == pytest.approx((1 - one) ** 2, rel=1e-12)


def test_each_v0_of_voltage_shortens_the_wait_by_e():
    low = filament_probability(1e-9, 2.0, tau0=1.0, v0=0.2)
    high = filament_probability(1e-9, 2.2, tau0=1.0, v0=0.2)
    assert math.log1p(-high) / math.log1p(-low) == pytest.approx(math.e, rel=1e-9)


def test_switching_at_the_extremes():
    assert filament_probability(0.0, 500.0) == 0.0
    assert filament_probability(1.0, 500.0) == 1.0
    assert 0 < filament_probability(1e-9, 0.0) < 1e-13


def test_weibull_breakdown():
    """63.2 % at the scale, whatever the slope; a straight line in ln(-ln(1 - P))."""
    for slope in (0.5, 1.0, 3.0):
        assert weibull_probability(7.0, 7.0, slope) == pytest.approx(1 - 1 / math.e, rel=1e-12)
    times = np.geomspace(0.1, 10.0, 9)
    plot = np.log(-np.log1p(-weibull_probability(times, 2.0, 1.7)))
    np.testing.assert_allclose(plot, 1.7 * np.log(times / 2.0), rtol=1e-9, atol=1e-9)


def test_weibull_of_slope_one_is_the_wait_without_memory():
    times = np.array([0.0, 0.3, 2.0])
    np.testing.assert_allclose(
        weibull_probability(times, 1.5), filament_probability(times, 0.0, tau0=1.5), rtol=1e-12
    )


def test_weibull_probability_is_that_of_weibull_draws():
    """Kolmogorov-Smirnov over 5000 draws of NumPy's own generator."""
    draws = 3.0 * np.random.default_rng(0).weibull(1.4, 5000)
    assert kstest(draws, lambda t: weibull_probability(t, 3.0, 1.4)).pvalue > 0.01


# --- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: random_conductances((2, 2), "pcm"),
            "random_conductances: the profile 'pcm' says nothing of random weights; those that do: "
            "rram-40nm-random",
        ),
        (
            lambda: random_weights((2, 2), "sonos"),
            "random_weights: the profile 'sonos' says nothing",
        ),
        (lambda: random_conductances((2, 2), "pcmm"), "no device profile 'pcmm'; there are: ideal"),
        (lambda: random_conductances((2, -2)), "shape is -2; give a whole number >= 0"),
        (lambda: random_conductances((2,), stop_voltage=math.nan), "stop_voltage is nan; give"),
        (lambda: random_conductances((2,), dtype=np.int8), "dtype is int8; give a float type"),
        (lambda: random_weights((2,), scale=math.inf), "random_weights: scale is inf; give"),
        (lambda: stop_voltage_for(1.0), "fraction is 1.0; a normal spread .* between 0 and 1"),
        (lambda: stop_voltage_for(-0.1), "stop_voltage_for: fraction is -0.1; give a number from"),
        (lambda: breakdown_fraction(-1.0), "breakdown_fraction: stop_voltage is -1; give"),
        (lambda: filament_probability(-1.0, 2.0), "filament_probability: seconds is -1; give"),
        (lambda: filament_probability(1.0, 2.0, v0=0.0), "filament_probability: v0 is 0.0; give"),
        (lambda: weibull_probability(1.0, 0.0), "weibull_probability: scale is 0.0; give"),
        (
            lambda: weibull_probability(1.0, 1.0, -2.0),
            "weibull_probability: exponent is -2.0; give",
        ),
    ],
)
def test_bad_input_is_named(call, text):
    with pytest.raises(ParameterError, match=text):
        call()
