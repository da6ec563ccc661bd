"""Retention, endurance, magnetic cells and wires against closed forms and published values."""

import math

import numpy as np
import pytest

from neuromem.core.errors import ParameterError
from neuromem.hardware.devices.profile import profile
from neuromem.hardware.devices.reliability import (
    arrhenius_factor,
    endurance_window,
    fail_times,
    failed_fraction,
    retention_failure,
    segment_resistance,
    switching_probability,
    thermal_stability,
    time_to_fail,
    wire_resistivity,
)

YEAR = 3.1557e7
CELSIUS = 273.15


# --- retention ------------------------------------------------------------------------------


def test_H44_arrhenius_factor():
    """1.5 eV, 85 to 150 degrees C: 1747.1."""
    factor = arrhenius_factor(1.5, 85 + CELSIUS, 150 + CELSIUS)
    assert factor == pytest.approx(1747.1, rel=1e-4)


def test_arrhenius_factors_chain_and_are_one_at_the_same_temperature():
    assert arrhenius_factor(1.1, 300.0, 300.0) == 1.0
    whole = arrhenius_factor(1.1, 300.0, 420.0)
    parts = arrhenius_factor(1.1, 300.0, 360.0) * arrhenius_factor(1.1, 360.0, 420.0)
    assert whole == pytest.approx(parts, rel=1e-12)


def test_time_to_fail_is_longer_where_it_is_cooler():
    hours = time_to_fail(3600.0, 1.5, 423.15, [358.15, 423.15, 473.15])
    assert hours[0] == pytest.approx(3600.0 * 1747.1, rel=1e-4)
    assert hours[1] == 3600.0
    assert hours[2] == pytest.approx(3600.0 / arrhenius_factor(1.5, 423.15, 473.15), rel=1e-12)


def test_near_absolute_zero_cells_last_for_ever():
    assert time_to_fail(1.0, 1.5, 400.0, 1.0) == math.inf


def test_failed_fraction_is_log_normal():
    """One s.d. of ln t to either side of the median: 15.87 % and 84.13 %."""
    times = 1e6 * np.exp([-0.8, 0.0, 0.8])
    expected = [0.158655, 0.5, 0.841345]
    np.testing.assert_allclose(failed_fraction(times, 1e6, 0.8), expected, atol=1e-6)
    assert failed_fraction(0.0, 1e6, 0.8) == 0.0


def test_fail_times_follow_their_distribution():
    """Mean and s.d. of ln t within 4 standard errors of 40 000 draws."""
    logs = np.log(fail_times((200, 200), 1e6, 0.8, rng=4) / 1e6)
    assert logs.shape == (200, 200)
    assert logs.mean() == pytest.approx(0.0, abs=4 * 0.8 / 200)
    assert logs.std() == pytest.approx(0.8, rel=4 / math.sqrt(80_000))
    np.testing.assert_array_equal(
        fail_times((3,), 1.0, 0.8, rng=4), fail_times((3,), 1.0, 0.8, rng=4)
    )


def test_endurance_window_closes_from_above():
    window = endurance_window([0.0, 2.5e5, 1e6, 1e9], 1e-6, 5e-6, endurance=1e6, exponent=0.5)
    np.testing.assert_allclose(window, [5e-6, 3e-6, 1e-6, 1e-6], rtol=1e-12)


# --- magnetic cells -------------------------------------------------------------------------


def test_H45_retention_of_a_magnetic_cell():
    """Delta = 40 after 10 years: 1 - exp(-3.1557e17 x 4.2484e-18) = 0.738."""
    found = retention_failure(10 * YEAR, 40.0)
    assert found == pytest.approx(-math.expm1(-3.1557e17 * 4.2484e-18), rel=1e-4)
    assert found == pytest.approx(0.738, rel=1e-2)


def test_small_failure_rates_keep_their_digits():
    """P = (t/tau0) exp(-Delta) to first order: at Delta = 80, a second, 1.8e-26."""
    assert retention_failure(1.0, 80.0) == pytest.approx(1e9 * math.exp(-80), rel=1e-12)
    assert retention_failure(0.0, 40.0) == 0.0
    assert retention_failure(1.0, 1e4) == 0.0


def test_thermal_stability_falls_with_temperature():
    np.testing.assert_allclose(thermal_stability(60.0, [300.0, 400.0]), [60.0, 45.0])


def test_profiles_of_magnetic_cells_agree():
    """The profile's own retention is this law at Delta(T)."""
    for name in ("stt-mram", "sot-mram"):
        retention = profile(name).retention
        for kelvin in (300.0, 358.0, 398.0):
            expected = retention_failure(10 * YEAR, thermal_stability(60.0, kelvin))
            assert retention.lost(10 * YEAR, kelvin) == pytest.approx(expected, rel=1e-9)


def test_switching_at_the_critical_current_waits_for_an_attempt_time():
    """No barrier is left: 1 - exp(-t/tau0)."""
    found = switching_probability([1e-9, 3e-9], 50e-6, 50e-6, 60.0)
    np.testing.assert_allclose(found, [1 - math.exp(-1), 1 - math.exp(-3)], rtol=1e-12)


def test_switching_without_current_is_retention_failure():
    assert switching_probability(YEAR, 0.0, 50e-6, 45.0) == retention_failure(YEAR, 45.0)


def test_switching_rises_with_current_and_with_time():
    currents = np.linspace(40e-6, 50e-6, 50)
    assert (np.diff(switching_probability(10e-9, currents, 50e-6, 60.0)) > 0).all()
    lengths = np.geomspace(1e-10, 1e-6, 50)
    assert (np.diff(switching_probability(lengths, 45e-6, 50e-6, 60.0)) > 0).all()


# --- wires ----------------------------------------------------------------------------------


def test_wire_resistivity_is_linear_in_temperature():
    found = wire_resistivity([250.0, 300.0, 400.0])
    np.testing.assert_allclose(found, 2.97e-8 * np.array([0.7745, 1.0, 1.451]), rtol=1e-12)


def test_segments_at_22_nm_are_the_published_ones():
    """1.56 and 4.69 ohm for 4 F and 12 F (Chen, Peng and Yu 2018)."""
    found = segment_resistance([160e-9, 480e-9], 40e-9)
    np.testing.assert_allclose(found, [1.56, 4.69], rtol=3e-3)


def test_segment_resistance_scales_with_geometry_and_heat():
    one = segment_resistance(100e-9, 50e-9, 2.0)
    assert one == pytest.approx(2.97e-8 * 100e-9 / (50e-9 * 100e-9), rel=1e-12)
    assert segment_resistance(200e-9, 50e-9, 2.0) == pytest.approx(2 * one, rel=1e-12)
    assert segment_resistance(100e-9, 25e-9, 2.0) == pytest.approx(4 * one, rel=1e-12)
    assert segment_resistance(100e-9, 50e-9, 4.0) == pytest.approx(one / 2, rel=1e-12)
    hot = segment_resistance(100e-9, 50e-9, 2.0, temperature=400.0)
    assert hot == pytest.approx(1.451 * one, rel=1e-12)


# --- bad input ------------------------------------------------------------------------------

NAN = math.nan


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: arrhenius_factor(-1.0, 300, 400), "activation_energy is -1.0; give a finite"),
        (
            lambda: arrhenius_factor(1.0, 0.0, 400),
            "use_temperature is 0; give finite numbers from 1",
        ),
        (lambda: arrhenius_factor(1.0, 300, NAN), "stress_temperature is nan; give finite"),
        (lambda: time_to_fail(0.0, 1.0, 300, 400), "time_to_fail: reference_time is 0; give"),
        (lambda: failed_fraction(1.0, 0.0, 1.0), "failed_fraction: median is 0.0; give"),
        (lambda: failed_fraction(-1.0, 1.0, 1.0), "failed_fraction: seconds is -1; give"),
        (lambda: fail_times((2,), 1.0, -0.1), "fail_times: spread is -0.1; give"),
        (lambda: endurance_window(1.0, 2e-6, 1e-6, 1e6), "endurance_window: g_max is 1e-06; give"),
        (lambda: endurance_window(1.0, 0.0, 1e-6, 0.0), "endurance_window: endurance is 0.0; give"),
        (lambda: thermal_stability(60.0, 0.0), "thermal_stability: temperature is 0; give"),
        (lambda: switching_probability(1.0, 2.0, 1.0, 60.0), "current is 2; give .* from 0 to 1"),
        (lambda: retention_failure(NAN, 60.0), "seconds is nan; give finite numbers"),
        (
            lambda: wire_resistivity(50.0),
            r"temperature is 50 K, .* give temperatures above 78.27 K",
        ),
        (lambda: segment_resistance(1e-7, 0.0), "segment_resistance: width is 0; give"),
        (lambda: segment_resistance(-1e-7, 1e-8), "segment_resistance: length is -1e-07; give"),
    ],
)
def test_bad_input_is_named(call, text):
    with pytest.raises(ParameterError, match=text):
        call()
