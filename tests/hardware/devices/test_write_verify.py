"""The write-verify loop: windows, false passes, pulses, energy by a slow twin, bad input."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from neuromem.core import threads
from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.hardware.devices.population import Devices
from neuromem.hardware.devices.profile import profile
from neuromem.hardware.devices.updates import UpdateModel, update_model
from neuromem.hardware.devices.write_verify import BLOCK, CELL, false_pass_rate, write_verify

MICRO = 1e-6
RANGE = (0.0, 40e-6)
QUIET = UpdateModel(kind="soft-bounds", step=0.1)


def targets(n, seed=0, low=1e-6, high=39e-6):
    return np.random.default_rng(seed).uniform(low, high, n)


# --- what it reaches ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [CELL, update_model("ecram-li"), update_model("rram-exponential")]
)
def test_without_read_noise_every_cell_that_passed_is_inside_its_window(model):
    goal = targets(3000)
    cells = write_verify(
        model, goal, tolerance=0.5e-6, g_range=RANGE, max_pulses=300, dtype=np.float64
    )
    inside = np.abs(cells.conductance - goal) <= 0.5e-6
    np.testing.assert_array_equal(inside, ~cells.failed)
    assert not cells.outside.any()
    assert inside.mean() > 0.5
    assert cells.pulses[cells.failed].tolist() == [300] * int(cells.failed.sum())


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.5])
def test_the_false_pass_rate_follows_the_gaussian_formula(noise):
    """2e5 cells, steps wide against the window, so that a cell is read anywhere about it.

    4 s.e. of a binomial, and 5 % for what is left of a slope of that density: the mean distance of
    a cell from its target falls from pulse to pulse, by a few percent over a window this narrow.
    """
    tolerance = 0.5e-6
    cells = write_verify(
        "rram-hfo2", targets(200_000), tolerance=tolerance, read_noise=noise * tolerance, rng=1
    )
    passed = ~cells.failed
    expected = false_pass_rate(1.0, noise)
    found = cells.outside[passed].mean()
    error = 4 * np.sqrt(expected * (1 - expected) / passed.sum())
    assert found == pytest.approx(expected, abs=error + 0.05 * expected)
    # The error reached: uniform over the window, plus the noise of the read that passed.
    spread = (cells.conductance - cells.target)[passed].std() / tolerance
    assert spread == pytest.approx(np.sqrt(1 / 3 + noise**2), rel=0.03)


def test_the_false_pass_rate_is_the_integral_it_stands_for():
    """Uniform true values, weighted with the probability to be read inside."""
    far = np.arange(-20, 20, 1e-4) + 5e-5  # the middles of steps that end at the edges
    for noise in (0.05, 0.7, 4.0):
        passes = norm.cdf((1 - far) / noise) - norm.cdf((-1 - far) / noise)
        outside = passes[np.abs(far) > 1].sum() / passes.sum()
        assert false_pass_rate(1.0, noise) == pytest.approx(outside, rel=1e-3)
    assert false_pass_rate(1.0, 1e-3) == pytest.approx(1e-3 / np.sqrt(2 * np.pi), rel=1e-9)
    assert (false_pass_rate(1.0, 0.0), false_pass_rate(0.0, 1.0)) == (0.0, 1.0)


def test_a_cell_that_does_not_move_passes_by_noise_as_often_as_the_gaussian_says():
    """Off by 1.5 windows with noise of one: p = Phi(-0.5) - Phi(-2.5) at each of n + 1 reads."""
    still = UpdateModel(kind="constant", step=1e-15)
    cells = write_verify(
        still,
        np.full(40_000, 21.5e-6),
        tolerance=1e-6,
        read_noise=1e-6,
        start=20e-6,
        g_range=RANGE,
        max_pulses=3,
        rng=2,
    )
    p = norm.cdf(-0.5) - norm.cdf(-2.5)
    expected = 1 - (1 - p) ** 4
    found = np.mean(~cells.failed)
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 40_000))
    np.testing.assert_array_equal(cells.outside, ~cells.failed)
    given = np.bincount(cells.pulses[~cells.failed], minlength=4) / 40_000
    np.testing.assert_allclose(given, p * (1 - p) ** np.arange(4), atol=4 * 0.5 / 200)


def test_pulses_grow_as_the_window_narrows():
    goal = targets(5000)
    windows = np.array([8.0, 4.0, 2.0, 1.0, 0.5, 0.25]) * MICRO
    runs = [write_verify("rram-hfo2", goal, tolerance=w, rng=3).summary() for w in windows]
    assert (np.diff([run["pulses"] for run in runs]) > 0).all()
    assert (np.diff([run["energy"] for run in runs]) > 0).all()
    assert (np.diff([run["rms_error"] for run in runs]) < 0).all()


def test_hafnium_oxide_cells_take_about_as_many_pulses_as_published():
    """Wan et al., Nature 608, 504 (2022): 1 to 40 uS, +-1 uS, about 8.5 pulses a cell."""
    cells = write_verify("rram-hfo2", targets(20_000, high=40e-6), tolerance=1e-6, rng=4)
    assert cells.pulses.mean() == pytest.approx(8.5, abs=0.5)
    assert cells.failed.mean() < 0.01


# --- what a pulse does ----------------------------------------------------------------------------

KINDS = {
    "constant": UpdateModel(kind="constant", step=0.01, asymmetry=0.3),
    "linear": UpdateModel(kind="linear", step=0.02, slope_up=0.4, slope_down=0.7),
    "soft-bounds": QUIET,
    "neurosim": UpdateModel(kind="neurosim", pulses=50, label_up=2.4, label_down=-4.88),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("start", "aim"), [(0.0, 40e-6), (40e-6, 0.0)])
def test_a_pulse_of_eight_units_does_what_eight_pulses_do(kind, start, aim):
    model = KINDS[kind]
    cells = write_verify(
        model,
        aim,
        tolerance=1e-9,
        g_range=RANGE,
        start=start,
        unit_voltage=1.0,
        voltage_scale=0.3,
        v0=1.0 + 0.3 * np.log(8),
        max_pulses=1,
        dtype=np.float64,
    )
    ups, downs = (8, 0) if aim > start else (0, 8)
    weight = model.curve(ups, downs, start=-1.0 if aim > start else 1.0)[-1]
    assert cells.conductance == pytest.approx(20e-6 * (weight + 1), rel=1e-9, abs=1e-15)
    assert cells.pulses == 1


def test_the_noise_of_a_strong_pulse_is_that_of_its_unit_pulses():
    """Nine units: the s.d. is c2c step sqrt(9), as of nine independent pulses."""
    model = UpdateModel(kind="constant", step=0.01, c2c=0.2)
    cells = write_verify(
        model,
        np.full(50_000, 40e-6),
        tolerance=1e-9,
        g_range=RANGE,
        start=20e-6,
        unit_voltage=1.0,
        voltage_scale=0.1,
        v0=1.0 + 0.1 * np.log(9),
        max_pulses=1,
        rng=5,
        dtype=np.float64,
    )
    moved = (cells.conductance - 20e-6) / 20e-6
    assert moved.mean() == pytest.approx(0.09, abs=4 * 0.006 / np.sqrt(5e4))
    assert moved.std() == pytest.approx(0.006, rel=4 / np.sqrt(1e5))


def slow_twin(goal, window, *, v0, dv, v_max, unit, scale, most, width):
    """Write one quiet soft-bounds cell of 0 to 40 uS, in conductances and unit pulses."""
    g, voltage, sign, energy, pulses = 0.0, None, 0, 0.0, 0
    while abs(goal - g) > window:
        if pulses == most:
            return g, energy, pulses, True
        wanted = 1 if goal > g else -1
        voltage = min(voltage + dv, v_max) if wanted == sign else v0
        sign = wanted
        energy += voltage**2 * g * width
        units = np.exp((voltage - unit) / scale)
        end = 40e-6 if sign > 0 else 0.0
        g = end + (g - end) * 0.9**units  # each unit pulse covers a tenth of what is left
        pulses += 1
    return g, energy, pulses, False


def test_pulses_and_energy_are_those_of_a_slow_twin():
    """Sum of V^2 G t_p, the G before each pulse; V from v0 in steps of dv, back at a turn."""
    goal = targets(300)
    drive = {"v0": 0.8, "dv": 0.1, "v_max": 1.6}
    cells = write_verify(
        QUIET,
        goal,
        tolerance=0.2e-6,
        g_range=RANGE,
        unit_voltage=1.5,
        voltage_scale=0.2,
        max_pulses=40,
        pulse=50e-9,
        verify_time=10e-9,
        dtype=np.float64,
        **drive,
    )
    twin = [slow_twin(g, 0.2e-6, unit=1.5, scale=0.2, most=40, width=50e-9, **drive) for g in goal]
    conductance, energy, pulses, failed = (np.array(column) for column in zip(*twin, strict=True))
    np.testing.assert_allclose(cells.conductance, conductance, rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(cells.energy, energy, rtol=1e-9)
    np.testing.assert_array_equal(cells.pulses, pulses)
    np.testing.assert_array_equal(cells.failed, failed)
    np.testing.assert_allclose(cells.latency, pulses * 60e-9 + 10e-9, rtol=1e-12)
    assert cells.pulses.max() > 10  # several turns were made


@pytest.mark.parametrize(
    ("name", "goal", "joule"), [("ecram", 100e-6, 25e-12), ("sonos", 8e-6, 56e-15)]
)
def test_pulses_on_a_gate_cost_what_the_profile_says(name, goal, joule):
    """No current flows through the channel: V^2 G t would be 5^2 x 46 uS x 0.1 s for ECRAM."""
    goals = goal * np.linspace(0.5, 1.5, 50)
    cells = write_verify(name, goals, tolerance=0.02 * goal, v0=1.0, pulse=1e-3, dtype=np.float64)
    assert cells.pulses.min() > 0
    np.testing.assert_allclose(cells.energy, cells.pulses * joule, rtol=1e-12)
    assert cells.summary()["energy"] == pytest.approx(cells.pulses.sum() * joule)
    free = write_verify(name, [1e-6], tolerance=1e-6, start=1e-6)
    assert free.energy.tolist() == [0.0]


def test_write_noise_of_the_model_is_part_of_what_is_reached():
    """Steps of nothing with write noise of 1 uS: one pulse, and a cell is N(start, 1 uS)."""
    noisy = UpdateModel(kind="constant", step=1e-6, write_noise=5e4)
    once = write_verify(
        noisy, np.full(20_000, 40e-6), tolerance=1e-9, g_range=RANGE, start=20e-6, max_pulses=1
    )
    assert once.conductance.mean() == pytest.approx(20e-6, abs=4e-6 / np.sqrt(2e4))
    assert once.conductance.std() == pytest.approx(1e-6, rel=4 / np.sqrt(4e4))
    lucky = write_verify(
        noisy, np.full(20_000, 21e-6), tolerance=0.2e-6, g_range=RANGE, start=20e-6, rng=6
    )
    assert (np.abs(lucky.conductance - 21e-6)[~lucky.failed] <= 0.20001e-6).all()
    assert not lucky.failed.any()


# --- failures -------------------------------------------------------------------------------------


def test_targets_out_of_reach_fail_after_every_pulse_allowed():
    goal = np.array([20e-6, 45e-6, 100e-6])
    cells = write_verify(CELL, goal, tolerance=1e-6, g_range=RANGE, max_pulses=30)
    assert cells.failed.tolist() == [False, True, True]
    assert cells.pulses[1:].tolist() == [30, 30]
    assert (cells.conductance <= 40.0001e-6).all()
    assert cells.summary()["failed"] == pytest.approx(2 / 3)
    assert not cells.outside.any()


def test_devices_whose_bound_is_too_low_fail_and_the_others_do_not():
    """High bounds of mean 1, s.d. 0.2: a target at w = 1 needs a bound above its window."""
    model = replace(QUIET, high_spread=0.2)
    cells = write_verify(model, np.full(20_000, 40e-6), tolerance=1e-6, g_range=RANGE, rng=7)
    expected = norm.cdf((0.95 - 1.0) / 0.2)
    found = cells.failed.mean()
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 2e4))


def test_overshoot_of_one_sided_cells_cannot_be_taken_back():
    cells = write_verify("ideal", 2e-6, tolerance=0.01e-6, model="pcm-set", max_pulses=60, rng=0)
    assert cells.failed
    assert cells.conductance > 2e-6


def test_no_pulses_allowed_means_read_only():
    cells = write_verify(
        QUIET, [10e-6, 20e-6], tolerance=1e-6, g_range=RANGE, start=10.5e-6, max_pulses=0
    )
    assert cells.failed.tolist() == [False, True]
    assert cells.energy.tolist() == [0.0, 0.0]
    np.testing.assert_allclose(cells.latency, 1e-7)


# --- its place among the others -------------------------------------------------------------------


def test_what_was_reached_is_what_the_devices_hold():
    goal = targets(100, high=25e-6).reshape(10, 10)
    cells = write_verify("ideal", goal, tolerance=0.5e-6, rng=8)
    devices = Devices.program("ideal", goal, programmed=cells.conductance)
    np.testing.assert_array_equal(devices.conductance(), cells.conductance)
    assert cells.conductance.dtype == np.float32
    assert cells.conductance.shape == cells.pulses.shape == cells.latency.shape == (10, 10)


def test_a_profile_lends_its_range_voltage_and_times():
    device = profile("rram-hfo2")
    cells = write_verify(device, np.full(4, 20e-6), tolerance=1e-6, rng=9)
    same = write_verify(
        CELL,
        np.full(4, 20e-6),
        tolerance=1e-6,
        g_range=(device.g_min, device.g_max),
        unit_voltage=device.write_voltage,
        pulse=device.write_pulse,
        verify_time=device.read_duration,
        rng=9,
    )
    for name in ("conductance", "pulses", "energy", "latency"):
        np.testing.assert_array_equal(getattr(cells, name), getattr(same, name))


def test_the_same_seed_gives_the_same_cells_for_any_threads(monkeypatch):
    goal = targets(BLOCK + 5000)
    first = write_verify("rram-hfo2", goal, tolerance=1e-6, read_noise=2e-7, rng=10)
    monkeypatch.setattr(threads, "THREADS_FROM", 0)
    monkeypatch.setattr(threads.numba, "get_num_threads", lambda: 2)
    second = write_verify("rram-hfo2", goal, tolerance=1e-6, read_noise=2e-7, rng=10)
    other = write_verify("rram-hfo2", goal, tolerance=1e-6, read_noise=2e-7, rng=11)
    for name in ("conductance", "pulses", "energy", "failed", "outside"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert (first.conductance != other.conductance).mean() > 0.9


def test_it_says_what_it_did():
    cells = write_verify(QUIET, np.full((2, 2), 20e-6), tolerance=1e-6, g_range=RANGE)
    assert repr(cells).startswith("<Written: 4 cells, ")
    assert " pulses a cell, 0 % failed, " in repr(cells)
    summary = cells.summary()
    assert summary["cells"] == 4
    assert summary["energy"] == pytest.approx(cells.energy.sum())
    assert summary["latency"] == pytest.approx(cells.latency.sum())
    failed = write_verify(QUIET, 20e-6, tolerance=1e-6, g_range=RANGE, max_pulses=0)
    assert failed.summary()["rms_error"] == 0.0


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"target": [1e-6, np.nan]},
            CodeError,
            r"^write_verify: target holds .*nan.*; give finite",
        ),
        ({"target": [-1e-6]}, CodeError, r"target holds .*-1e-06.*; give finite conductances >= 0"),
        ({"target": ["a"]}, CodeError, r"^write_verify: target has dtype <U1; give numbers, in S"),
        ({"target": []}, ShapeError, r"^write_verify: target is empty; give at least one"),
        (
            {"tolerance": [1e-6] * 3},
            ShapeError,
            r"tolerance has shape \(3,\), the targets have \(2",
        ),
        ({"max_pulses": -1}, ParameterError, r"^write_verify: max_pulses is -1; give a whole numb"),
        ({"v0": 9.0}, ParameterError, r"^write_verify: v0 is 9.0, above v_max = 4; start lower"),
        ({"dv": -0.1}, ParameterError, r"^write_verify: dv is -0.1; give a finite number >= 0.0"),
        ({"read_noise": -1e-6}, CodeError, r"^write_verify: read_noise holds .*; give finite"),
        ({"g_range": None}, ParameterError, r"an update model knows no conductances; give g_range"),
        ({"g_range": (2e-6, 1e-6)}, ParameterError, r"g_range is \(2e-06, 1e-06\); give \(low, hi"),
        ({"device": "ideal"}, ParameterError, r"g_range comes with an update model; a profile has"),
        (
            {"device": "x", "g_range": None},
            ParameterError,
            r"^no device profile 'x'; there are: id",
        ),
        (
            {"model": "ecram"},
            ParameterError,
            r"knows no conductances; give g_range=\(low, high\) in",
        ),
    ],
)
def test_it_refuses_what_makes_no_sense(change, error, message):
    given = {"device": QUIET, "target": [1e-6, 2e-6], "tolerance": 1e-6, "g_range": RANGE} | change
    with pytest.raises(error, match=message):
        write_verify(given.pop("device"), given.pop("target"), **given)


def test_the_false_pass_rate_refuses_negative_widths():
    with pytest.raises(ParameterError, match=r"^false_pass_rate: read_noise is -1; give a finite"):
        false_pass_rate(1.0, -1)
