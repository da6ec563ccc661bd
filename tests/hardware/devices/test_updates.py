"""Cells under write pulses: closed forms, published fits, what is drawn when, bad input."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from neuromem.core import threads
from neuromem.core.errors import CapabilityError, CodeError, ParameterError, ShapeError
from neuromem.hardware.devices import updates
from neuromem.hardware.devices.neurosim import (
    curvatures_of,
    neurosim_curves,
    neurosim_label,
    neurosim_rate,
)
from neuromem.hardware.devices.updates import (
    PulsedDevices,
    UpdateModel,
    update_model,
    update_models,
)

SOFT = UpdateModel(kind="soft-bounds", step=0.02, asymmetry=0.2, bounds=(-0.6, 1.4))
EXPONENTIAL = replace(
    update_model("rram-exponential"), step_spread=0.0, high_spread=0.0, low_spread=0.0
)
EVEN = dict.fromkeys(("step_spread", "asymmetry_spread", "high_spread", "low_spread"), 0.0)


# --- NeuroSim -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "rate"),
    [(1, 1.251653), (2, 0.609035), (2.4, 0.499181), (4.88, 0.200303), (5, 0.192406)],
)
def test_H36_label_to_rate_is_the_published_table(label, rate):
    """Chen, Peng and Yu (2018): A / P_max of the lookup table."""
    assert neurosim_rate(label) == pytest.approx(rate, abs=1e-5 * rate)
    assert neurosim_rate(-label) == -neurosim_rate(label)
    assert neurosim_label(neurosim_rate(label)) == pytest.approx(label, rel=1e-12)


@pytest.mark.parametrize("label", [0.3, 1.0, 4.88, 9.0])
def test_H36_a_unit_label_is_a_distance_of_seven_hundredths_from_the_diagonal(label):
    """What defines the label, measured on the curve itself: the largest gap is at most half a
    grid step from a grid point, an error of second order, below 1e-7 for 20000 points.
    """
    up, down = neurosim_curves(20000, label, -label)
    line = np.linspace(0, 1, 20001)
    assert np.max(up - line) / np.sqrt(2) == pytest.approx(0.07 * label, abs=1e-6)
    assert np.max(1 - line - down) / np.sqrt(2) == pytest.approx(0.07 * label, abs=1e-6)


@pytest.mark.parametrize("labels", [(2.4, -4.88), (9.0, -9.0), (-3.0, 2.0), (0.0, 0.0)])
def test_H37_curves_end_exactly_at_the_ends_of_the_range(labels):
    up, down = neurosim_curves(97, *labels, g_min=3.1e-9, g_max=3.84e-8)
    assert (up[0], up[-1], down[0], down[-1]) == (3.1e-9, 3.84e-8, 3.84e-8, 3.1e-9)
    assert (np.diff(up) >= 0).all()
    assert (np.diff(down) <= 0).all()


@pytest.mark.parametrize("label", [0.0, 1e-9, -1e-9])
def test_H37_a_vanishing_label_is_the_straight_line(label):
    up, down = neurosim_curves(64, label, -label)
    np.testing.assert_allclose(up, np.linspace(0, 1, 65), atol=1e-9)
    np.testing.assert_allclose(down, np.linspace(1, 0, 65), atol=1e-9)


@pytest.mark.parametrize("labels", [(2.4, -4.88), (-2.0, 3.0), (0.0, 1.0)])
def test_the_neurosim_model_pulse_by_pulse_runs_along_its_curves(labels):
    model = UpdateModel(
        kind="neurosim",
        bounds=(1e-6, 5e-5),
        pulses=64,
        label_up=labels[0],
        label_down=labels[1],
    )
    assert model.step == pytest.approx(4.9e-5 / 64)
    up, down = neurosim_curves(64, *labels, g_min=1e-6, g_max=5e-5)
    np.testing.assert_allclose(model.curve(64, 64), [*up, *down[1:]], rtol=1e-9)


def test_labels_that_spread_are_looked_up_finely_enough():
    labels = np.linspace(-9, 9, 101)
    exact = [1 / neurosim_rate(label) if label else 0.0 for label in labels]
    np.testing.assert_allclose(curvatures_of(labels), exact, rtol=1e-4)


def test_neurosim_noise_adds_up_with_the_root_of_the_pulses():
    """sigma (G_max - G_min) sqrt(n) a write; s.d. of 4e4 normals: 4 s.e. = 4 / sqrt(8e4)."""
    model = UpdateModel(kind="neurosim", bounds=(-50.0, 50.0), pulses=1000, c2c=0.001)
    cells = PulsedDevices(model, 40000, rng=1, dtype=np.float64)
    cells.pulse(np.full(40000, 25))
    assert cells.weights.mean() == pytest.approx(25 * 0.1, abs=4 * 0.5 / 200)
    assert cells.weights.std() == pytest.approx(0.001 * 100 * 5, rel=4 / np.sqrt(8e4))


# --- closed forms ---------------------------------------------------------------------------------


def test_H38_soft_bounds_after_n_pulses():
    """w_n = b_max - (b_max - w_0) (1 - a_up / b_max)^n; down likewise with b_min."""
    n = np.arange(1, 301)
    up, down = 0.02 * 1.2, 0.02 * 0.8
    cells = PulsedDevices(SOFT, 1, dtype=np.float64, initial=0.1)
    curve = cells.response(300, 300)[:, 0]
    rising = 1.4 - (1.4 - 0.1) * (1 - up / 1.4) ** n
    falling = -0.6 + (rising[-1] + 0.6) * (1 - down / 0.6) ** n
    np.testing.assert_allclose(curve, [0.1, *rising, *falling], rtol=1e-9)
    np.testing.assert_allclose(SOFT.curve(300, 300, start=0.1), curve, rtol=1e-12)


@pytest.mark.parametrize("start", [-0.6, 0.0, 1.4])
def test_H38_alternating_pulses_converge_to_the_symmetry_point(start):
    """From any start, to within one step there."""
    up, down = 0.02 * 1.2, 0.02 * 0.8
    point = (up - down) / (up / 1.4 + down / 0.6)
    cells = PulsedDevices(SOFT, 1, dtype=np.float64, initial=start)
    assert cells.symmetry_point[0] == pytest.approx(point, rel=1e-9)
    for k in range(2000):
        cells.pulse([1 if k % 2 == 0 else -1])
    assert abs(cells.weights[0] - point) < SOFT.mean_step(point, 1)


@pytest.mark.parametrize(
    "name", [n for n in update_models() if n not in ("pcm-set", "rpu-reference")]
)
def test_up_and_down_steps_are_equal_at_the_symmetry_point(name):
    model = replace(update_model(name), **EVEN, reference_error=None)
    point = PulsedDevices(model, 1, dtype=np.float64).symmetry_point[0]
    assert model.bounds[0] < point < model.bounds[1]
    assert model.mean_step(point, 1) == pytest.approx(model.mean_step(point, -1), rel=1e-9)


def test_linear_and_constant_steps_by_their_formulas():
    linear = UpdateModel(
        kind="linear", step=0.1, bounds=(-0.5, 2.0), asymmetry=0.1, slope_up=0.4, slope_down=0.6
    )
    w = np.array([-0.5, 0.0, 1.0, 2.0])
    np.testing.assert_allclose(linear.mean_step(w, 1), 0.11 * (1 - 0.4 * w / 2.0))
    np.testing.assert_allclose(linear.mean_step(w, -1), 0.09 * (1 + 0.6 * w / 0.5))
    constant = UpdateModel(kind="constant", step=0.1, asymmetry=-0.5)
    np.testing.assert_allclose(constant.curve(3, 1, start=0.0), [0, 0.05, 0.1, 0.15, 0.0])
    np.testing.assert_allclose(constant.curve(99, 0)[-1], 1.0)


def test_the_exponential_step_by_its_formula():
    """Gong et al. (2018): 1 - A e^(d gamma z), z = 2 a w / (b_max - b_min) + b."""
    w = np.array([-1.0, 0.0, 1.0])
    z = -0.5 * w - 0.5
    up = 0.00135 * 1.259359 * (1 + 1.18445 * np.exp(5 * z))
    down = 0.00135 * 0.740641 * (1 + 0.081404 * np.exp(-5 * z))
    np.testing.assert_allclose(EXPONENTIAL.mean_step(w, 1), up, rtol=1e-12)
    np.testing.assert_allclose(EXPONENTIAL.mean_step(w, -1), down, rtol=1e-12)
    blocked = replace(EXPONENTIAL, amplitude_up=4.0)  # 1 - 4 e^(5 z) < 0 at w = -1
    assert blocked.mean_step(-1.0, 1) == 0.0


# --- published fits -------------------------------------------------------------------------------

PUBLISHED = {
    "rpu-reference": ("constant", 0.0016, (-1, 1), (0.3, 0.3, 0.3), 0.3, 0),
    "rram-exponential": ("exponential", 0.00135, (-1, 1), (0.2, 0.3, 0.3), 5, 75),
    "rram-soft-bounds": ("soft-bounds", 0.002, (-0.75, 1.25), (0.3, 0.24, 0.4), 3.75, 56),
    "rram-array-hfo2": ("soft-bounds", 0.4622, (-1, 1), (0.7125, 0.4295, 0.599), 0.2174, 0.5841),
    "rram-array-optimised": (
        "soft-bounds",
        0.0949,
        (-1, 1),
        (0.7829, 0.3499, 0.5695),
        0.4158,
        1.4113,
    ),
    "ecram-li": ("linear", 0.002, (-0.8276, 1.1724), (0.1, 0.05, 0.05), 0.3, 0),
    "ecram-metal-oxide": ("linear", 2.8214e-4, (-0.8286, 1.1714), (0.1, 0.05, 0.05), 2, 0),
    "capacitor": ("linear", 0.005, (-1, 1), (0.1, 0.07, 0.07), 0.3, 0),
    "pcm-set": ("exponential", 0.01, (0, 2), (0.2, 0.1, 0), 0.6, 0),
}


def test_every_published_fit_is_there_and_no_other():
    assert update_models() == sorted(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_numbers(name):
    """The table of fits: kind, step, bounds, spreads of step, high, low, C2C, write noise."""
    kind, step, bounds, spreads, c2c, write_noise = PUBLISHED[name]
    model = update_model(name)
    assert (model.name, model.kind, model.step, model.bounds) == (name, kind, step, bounds)
    assert (model.step_spread, model.high_spread, model.low_spread) == spreads
    assert (model.c2c, model.write_noise) == (c2c, write_noise)
    assert model.sources
    assert all(source.strip() for source in model.sources)
    assert model.title


def test_published_numbers_of_single_models():
    fit = update_model("rram-exponential")
    assert (fit.asymmetry, fit.amplitude_up, fit.amplitude_down) == (0.259359, -1.18445, -0.081404)
    assert (fit.rate_up, fit.rate_down, fit.tilt, fit.offset) == (5, 5, -0.5, -0.5)
    assert [update_model(n).slope_up for n in ("ecram-li", "ecram-metal-oxide")] == [0.1153, 0.4152]
    assert [update_model(n).slope_down for n in ("ecram-li", "capacitor")] == [0.5085, 0.05]
    arrays = [update_model(n) for n in ("rram-array-hfo2", "rram-array-optimised")]
    assert [model.corrupt for model in arrays] == [0.0977, 0.1348]
    assert all(model.step_log_normal and model.reference_error == 0.05 for model in arrays)
    pcm = update_model("pcm-set")
    assert (pcm.amplitude_up, pcm.rate_up, pcm.tilt, pcm.one_sided) == (-27.235, 2.5, -1.0, True)


def test_an_unknown_model_lists_the_names():
    with pytest.raises(ParameterError, match=r"^no update model 'pcm'; there are: capacitor, ecra"):
        update_model("pcm")


# --- what is drawn when ---------------------------------------------------------------------------


def test_parameters_spread_from_device_to_device_as_the_model_says():
    """Normal, n = 1e5: 4 s.e. of the mean and of the s.d.; fold at zero below 1e-3 of s.d. 0.3."""
    model = UpdateModel(kind="constant", step=0.01, step_spread=0.2, high_spread=0.1)
    cells = PulsedDevices(model, 100_000, rng=2)
    cells.pulse(np.ones(100_000, int))
    first = cells.weights / 0.01
    assert first.mean() == pytest.approx(1.0, abs=4 * 0.2 / np.sqrt(1e5))
    assert first.std() == pytest.approx(0.2, rel=4 / np.sqrt(2e5))
    cells.pulse(np.full(100_000, 1000))
    high = cells.weights  # every device at its own bound
    assert high.mean() == pytest.approx(1.0, abs=4 * 0.1 / np.sqrt(1e5))
    assert high.std() == pytest.approx(0.1, rel=4 / np.sqrt(2e5))
    assert np.corrcoef(first, high)[0, 1] == pytest.approx(0.0, abs=4 / np.sqrt(1e5))


def test_a_log_normal_step_has_the_step_as_its_median():
    model = UpdateModel(kind="constant", step=0.001, step_spread=0.7, step_log_normal=True)
    cells = PulsedDevices(model, 100_000, rng=3)
    cells.pulse(np.ones(100_000, int))
    logs = np.log(cells.weights / 0.001)
    assert np.median(logs) == pytest.approx(0.0, abs=4 * 0.7 * 1.2533 / np.sqrt(1e5))
    assert logs.std() == pytest.approx(0.7, rel=4 / np.sqrt(2e5))


@pytest.mark.parametrize(("additive", "expected"), [(False, 0.5), (True, 1.0)])
def test_c2c_noise_shrinks_with_the_step_unless_it_is_additive(additive, expected):
    """At half of the high bound a soft step is half of that at zero; so is its noise."""
    model = UpdateModel(kind="soft-bounds", step=0.01, c2c=0.3, additive=additive)
    cells = PulsedDevices(model, 100_000, rng=4, dtype=np.float64, initial=0.5)
    cells.pulse(np.ones(100_000, int))
    assert cells.weights.mean() == pytest.approx(0.505, abs=4 * 0.003 / np.sqrt(1e5))
    assert cells.weights.std() == pytest.approx(0.003 * expected, rel=4 / np.sqrt(2e5))


def test_write_noise_is_read_and_redrawn_only_where_a_cell_is_written():
    model = UpdateModel(kind="constant", step=0.001, write_noise=50.0)
    cells = PulsedDevices(model, 100_000, rng=5)
    before = cells.weights
    assert before.std() == pytest.approx(0.05, rel=4 / np.sqrt(2e5))
    np.testing.assert_array_equal(cells.weights, before)
    counts = np.zeros(100_000, int)
    counts[::2] = 1
    cells.pulse(counts)
    np.testing.assert_array_equal(cells.weights[1::2], before[1::2])
    np.testing.assert_allclose(cells.states[::2], 0.001, rtol=1e-6)
    fresh = cells.weights[::2]
    assert fresh.std() == pytest.approx(0.05, rel=4 / np.sqrt(1e5))
    assert np.corrcoef(fresh, before[::2])[0, 1] == pytest.approx(0.0, abs=4 / np.sqrt(5e4))


def test_a_reference_moves_the_symmetry_point_to_zero_up_to_its_error():
    model = replace(update_model("rram-array-optimised"), corrupt=0.0)
    points = PulsedDevices(model, 20_000, rng=6).symmetry_point
    assert points.mean() == pytest.approx(0.0, abs=4 * 0.05 / np.sqrt(2e4))
    assert points.std() == pytest.approx(0.05, rel=4 / np.sqrt(4e4))


def test_corrupt_cells_stay_where_they_are():
    model = UpdateModel(kind="constant", step=0.01, corrupt=0.3, corrupt_range=0.02)
    cells = PulsedDevices(model, 20_000, rng=7)
    start = cells.weights
    cells.pulse(np.full(20_000, 30))
    cells.leak(5)
    stuck = cells.weights == start
    assert stuck.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 2e4))
    assert np.abs(start[stuck]).max() <= 0.02
    for kind in ("soft-bounds", "exponential"):
        bad = PulsedDevices(replace(model, kind=kind, corrupt=1.0), 5, rng=7)
        there = bad.weights
        bad.pulse([3, -3, 1, -1, 100])
        np.testing.assert_array_equal(bad.weights, there)


def test_leak_is_exponential_in_the_cycles_and_keeps_its_spread():
    model = UpdateModel(kind="constant", step=0.01, lifetime=100.0, lifetime_spread=0.1)
    cells = PulsedDevices(model, 20_000, rng=8, dtype=np.float64, initial=0.8)
    cells.leak(30)
    once = cells.weights
    cells.leak(20)
    lifetimes = -50 / np.log(cells.weights / 0.8)
    np.testing.assert_allclose(lifetimes, -30 / np.log(once / 0.8), rtol=1e-9)
    assert lifetimes.mean() == pytest.approx(100, abs=4 * 10 / np.sqrt(2e4))
    assert lifetimes.std() == pytest.approx(10, rel=4 / np.sqrt(4e4))
    still = PulsedDevices(SOFT, 3, initial=0.5)
    still.leak(1e6)
    assert still.weights.tolist() == [0.5, 0.5, 0.5]


def test_response_leaves_the_population_as_it_is():
    cells = PulsedDevices("rram-soft-bounds", (3, 4), rng=9)
    twin = PulsedDevices("rram-soft-bounds", (3, 4), rng=9)
    curve = cells.response(5, 4)
    assert curve.shape == (10, 3, 4)
    np.testing.assert_array_equal(curve[0], twin.weights)
    np.testing.assert_array_equal(cells.response(5, 4), curve)
    for each in (cells, twin):
        each.pulse(np.full((3, 4), 2))
    np.testing.assert_array_equal(cells.weights, twin.weights)
    assert cells.pulse_counts.tolist() == [[2] * 4] * 3


# --- the stochastic update ------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "d"), [(0.6, 0.3), (-0.5, 0.9), (-0.2, -0.4)])
def test_H39_the_mean_of_stochastic_updates_is_the_outer_product(x, d):
    """1e5 updates of 50 cells that share no row and no column: 2000 of the diagonal.

    Each slot fires with p = p_x p_d = eta |x d| / (BL step): the count of one update has the
    variance BL p (1 - p). Off the diagonal rows or columns are zero, and no cell moves.
    """
    model = UpdateModel(kind="constant", step=1e-4, bounds=(-100.0, 100.0))
    cells = PulsedDevices(model, (50, 50), rng=10, dtype=np.float64)
    eta, slots, n = 0.001, 31, 2000
    cells.stochastic_update(np.full((n, 50), x), np.full((n, 50), d), eta, slots)
    p = eta * abs(x * d) / (slots * model.step)
    moved = np.diagonal(cells.weights) / n
    error = model.step * np.sqrt(slots * p * (1 - p) / (50 * n))
    assert moved.mean() == pytest.approx(eta * x * d, abs=4 * error)
    # Every cell, not only those of the diagonal, has that mean.
    assert cells.weights.mean() / n == pytest.approx(eta * x * d, abs=4 * error)


TILTED = {"step": 0.002, "asymmetry": 0.3}
KINDS = {
    "constant": UpdateModel(kind="constant", **TILTED),
    "linear": UpdateModel(kind="linear", slope_up=0.5, slope_down=0.9, **TILTED),
    "soft-bounds": UpdateModel(kind="soft-bounds", bounds=(-0.6, 1.4), **TILTED),
    "exponential": replace(EXPONENTIAL, c2c=0.0, write_noise=0.0, asymmetry_spread=0.0),
    "pcm-set": replace(update_model("pcm-set"), c2c=0.0, **EVEN),
    "neurosim": UpdateModel(
        kind="neurosim", bounds=(-1.0, 1.0), pulses=500, label_up=2.4, label_down=-4.88
    ),
    "neurosim from above 0": UpdateModel(
        kind="neurosim", bounds=(1e-6, 5e-5), pulses=100, label_up=4.0, label_down=-4.0
    ),
}


@pytest.mark.parametrize(
    ("kind", "x", "d"),
    [
        (kind, x, d)
        for kind, model in KINDS.items()
        for x, d in ((0.6, 0.3), (-0.5, 0.9))
        # There is no way down from the low bound, nor with up pulses alone.
        if x * d > 0 or not (model.one_sided or model.bounds[0] > 0)
    ],
)
def test_H39_the_mean_at_zero_is_the_outer_product_for_every_kind(kind, x, d):
    """One update of fresh cells, 200 to a population that share no row and no column, 100 times.

    Each is 0.05 pulses on average, so that 4 s.e. of their sum are 4 / sqrt(2e4 x 0.05) = 13 %;
    that a second pulse starts elsewhere makes 2 % at most. (The prefactor of the step is 1.3 to 28
    times too small or too large for these.)
    """
    model, direction = KINDS[kind], 1 if x * d > 0 else -1
    start = max(0.0, model.bounds[0])
    step = float(model.mean_step([start], direction)[0])
    eta = 0.05 * step / abs(x * d)
    moved = []
    for seed in range(100):
        cells = PulsedDevices(model, (200, 200), rng=seed, dtype=np.float64, initial=start)
        cells.stochastic_update(np.full(200, x), np.full(200, d), eta)
        moved.append(np.diagonal(cells.weights) - start)
    assert np.mean(moved) == pytest.approx(eta * x * d, rel=4 / np.sqrt(2e4 * 0.05))


def test_up_and_down_pulses_of_one_update_have_rates_of_their_own():
    """With steps of 1.3 and 0.7, both move by eta x d: 4 s.e. of 4000 x 0.2 pulses are 14 %."""
    model, eta = KINDS["constant"], 0.2 * 0.002 * 0.7
    total = np.zeros((2, 2))
    for seed in range(4000):
        cells = PulsedDevices(model, (2, 2), rng=seed, dtype=np.float64)
        cells.stochastic_update([1.0, -1.0], [1.0, 0.5], eta)
        total += cells.weights
    np.testing.assert_allclose(total / 4000 / eta, [[1.0, 0.5], [-1.0, -0.5]], rtol=0.2)


def test_pulses_that_do_not_move_a_cell_are_refused():
    stiff = UpdateModel(kind="constant", step=0.01, asymmetry=1.0, name="stiff")
    cells = PulsedDevices(stiff, (1, 1))
    cells.stochastic_update([1.0], [1.0], 0.1)
    with pytest.raises(
        CapabilityError, match=r"^stochastic_update: down pulses do not move 'stiff' at w = 0, so"
    ):
        cells.stochastic_update([1.0], [-1.0], 0.1)


def test_a_zero_row_or_column_moves_nothing():
    cells = PulsedDevices(UpdateModel(kind="constant", step=0.01), (2, 3), rng=11)
    cells.stochastic_update([0.0, 1.0], [1.0, 0.0, -1.0], 0.5)
    assert (cells.weights != 0).tolist() == [[False] * 3, [True, False, True]]
    assert cells.weights[1, 0] > 0 > cells.weights[1, 2]


def test_the_stochastic_update_saturates_at_a_pulse_a_slot():
    """p_x and p_d end at 1: however large x and d, BL pulses are all there is."""
    cells = PulsedDevices(UpdateModel(kind="constant", step=0.001), (1, 2), rng=12)
    cells.stochastic_update([1e6], [1e6, -1e6], 1.0, pulses=100)
    assert cells.pulse_counts.tolist() == [[100, 100]]
    np.testing.assert_allclose(cells.weights, [[0.1, -0.1]], rtol=1e-5)


# --- the same bits --------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bits_for_any_threads_and_pieces(monkeypatch):
    """More cells than a block, so that blocks are there to share out."""

    def run():
        cells = PulsedDevices("rram-array-hfo2", (300, 300), rng=13)
        rng = np.random.default_rng(0)
        for _ in range(2):
            cells.pulse(rng.integers(-4, 5, (300, 300)))
        cells.stochastic_update(np.ones(300), np.ones(300), 0.5)
        return cells.weights

    assert updates.BLOCK < 300 * 300
    once = run()
    monkeypatch.setattr(threads, "THREADS_FROM", 0)
    monkeypatch.setattr(threads.numba, "get_num_threads", lambda: 3)
    np.testing.assert_array_equal(run(), once)
    monkeypatch.setattr(updates, "DRAWS", 1000)
    np.testing.assert_array_equal(run(), once)


def test_another_seed_gives_other_cells():
    first, second = (PulsedDevices("rram-soft-bounds", 4, rng=seed).weights for seed in (1, 2))
    assert (first != second).all()


def test_an_effect_switched_on_leaves_the_draws_of_the_others():
    """Streams have names: corrupt cells and write noise change nothing about steps or C2C."""
    model = UpdateModel(kind="soft-bounds", step=0.01, step_spread=0.3, c2c=0.5)
    more = replace(model, write_noise=10.0, corrupt=0.2, lifetime=10.0, high_spread=0.0)
    plain, rich = (PulsedDevices(m, 1000, rng=14) for m in (model, more))
    for cells in (plain, rich):
        cells.pulse(np.full(1000, 5))
    good = rich.states != 0.0
    np.testing.assert_array_equal(rich.states[good], plain.states[good])
    assert good.mean() == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / 1000))


def test_a_pickled_population_goes_on_as_the_original():
    cells = PulsedDevices("rram-exponential", (4, 4), rng=15)
    cells.pulse(np.full((4, 4), 3))
    twin = pickle.loads(pickle.dumps(cells))
    for each in (cells, twin):
        each.pulse(np.full((4, 4), -2))
    np.testing.assert_array_equal(cells.weights, twin.weights)


def test_dtypes_sizes_and_names():
    small, large = (PulsedDevices(SOFT, (10, 10), dtype=d) for d in (np.float32, np.float64))
    assert (small.weights.dtype, large.weights.dtype) == (np.float32, np.float64)
    assert (small.nbytes, large.nbytes) == (100 * (7 * 4 + 4), 100 * (7 * 8 + 4))
    assert repr(small) == "<PulsedDevices (10, 10) of custom>"
    assert PulsedDevices(SOFT, 3).shape == (3,)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "soft"}, r"^UpdateModel: kind is 'soft'; choose one of: constant, linear, soft-"),
        ({"step": 0.0}, r"^UpdateModel: step is 0.0; give the step of a pulse, above 0\.$"),
        ({"step": float("nan")}, r"^UpdateModel: step is nan; give a finite number >= 0.0\.$"),
        ({"c2c": -0.1}, r"^UpdateModel: c2c is -0.1; give a finite number >= 0.0\.$"),
        ({"asymmetry": 2.0}, r"^UpdateModel: asymmetry is 2.0; give a number from -1.0 to 1.0\.$"),
        ({"bounds": (1.0, -1.0)}, r"^UpdateModel: bounds are \(1.0, -1.0\); give two finite num"),
        ({"bounds": (1.0,)}, r"^UpdateModel: bounds are \(1.0,\); give two finite numbers, low <"),
        ({"bounds": (0.5, 1.0)}, r"steps of kind 'soft-bounds' are counted from a zero between"),
        ({"slope_up": 0.3}, r"^UpdateModel: slope_up is 0.3; it belongs to kind 'linear', this i"),
        ({"label_up": 2.0}, r"^UpdateModel: label_up is 2.0; it belongs to kind 'neurosim', this"),
        ({"kind": "neurosim"}, r"^UpdateModel: pulses is 0; give a whole number >= 1\.$"),
        ({"lifetime": 0.5}, r"^UpdateModel: lifetime is 0.5; give a finite number >= 1.0\.$"),
        (
            {"kind": "constant", "bounds": (0.5, 1.0), "high_spread": 0.1},
            r"bounds that spread from device to device must have zero between them",
        ),
    ],
)
def test_a_model_refuses_numbers_that_make_no_sense(fields, message):
    with pytest.raises(ParameterError, match=message):
        UpdateModel(**({"kind": "soft-bounds", "step": 0.1} | fields))


def test_neurosim_refuses_labels_and_rates_outside_the_table():
    with pytest.raises(ParameterError, match=r"label is 9.5; give a number from -9.0 to 9.0"):
        neurosim_rate(9.5)
    with pytest.raises(ParameterError, match=r"^neurosim_label: rate is 0.01; labels end at 9, wh"):
        neurosim_label(0.01)
    with pytest.raises(ParameterError, match=r"^neurosim_label: rate is 0; give A / P_max, not 0"):
        neurosim_label(0)
    with pytest.raises(ParameterError, match=r"g_max is 1.0; give one above g_min = 2.0"):
        neurosim_curves(4, 1, -1, g_min=2.0, g_max=1.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.pulse([1.0, 2.0]), CodeError, r"^pulse: counts have dtype float64; give who"),
        (lambda c: c.pulse([1, 2, 3]), ShapeError, r"^pulse: counts have shape \(3,\), the popula"),
        (lambda c: c.pulse([2**40, 0]), CodeError, r"^pulse: counts hold 2\^31 pulses or more"),
        (
            lambda c: c.stochastic_update([1], [1], 0.1),
            ShapeError,
            r"^stochastic_update: the population has shape \(2,\); an outer product needs",
        ),
        (lambda c: c.leak(-1), ParameterError, r"^leak: cycles is -1; give a finite number >= 0"),
        (lambda c: c.response(-1), ParameterError, r"^response: n_up is -1; give a whole number"),
    ],
)
def test_a_population_refuses_what_it_cannot_do(call, error, message):
    with pytest.raises(error, match=message):
        call(PulsedDevices(SOFT, 2))


@pytest.mark.parametrize(
    ("x", "d", "message"),
    [
        ([1, 2, 3], [1, 2, 3], r"^stochastic_update: x has shape \(1, 3\); expected \(2,\) or \(B"),
        ([1, 2], [[1, 2, 3], [1, 2, 3]], r"^stochastic_update: x has 1 rows of a batch, d has 2\."),
        ([1, np.nan], [1, 2, 3], r"^stochastic_update: x holds NaN or infinite values"),
    ],
)
def test_a_stochastic_update_refuses_vectors_that_do_not_fit(x, d, message):
    with pytest.raises((ShapeError, CodeError), match=message):
        PulsedDevices(SOFT, (2, 3)).stochastic_update(x, d, 0.1)


def test_a_population_refuses_a_bad_start():
    with pytest.raises(ShapeError, match=r"initial has shape \(3,\); give one number, or an array"):
        PulsedDevices(SOFT, (2, 2), initial=[1, 2, 3])
    with pytest.raises(CodeError, match=r"initial holds NaN or infinite values"):
        PulsedDevices(SOFT, 2, initial=np.inf)
    with pytest.raises(ParameterError, match=r"dtype is 'int8'; give float32 or float64"):
        PulsedDevices(SOFT, 2, dtype="int8")
    with pytest.raises(ParameterError, match=r"^PulsedDevices: shape is 0; give a whole number"):
        PulsedDevices(SOFT, (2, 0))


def test_one_sided_cells_refuse_down_pulses():
    cells = PulsedDevices("pcm-set", (1, 2), rng=0)
    cells.stochastic_update([1.0], [1.0, 0.0], 0.1)  # only up: taken
    message = r"down pulses are asked of 'pcm-set', which takes up pulses only\. Use two popul"
    for call in (
        lambda: cells.pulse([[1, -1]]),
        lambda: cells.stochastic_update([1.0], [1.0, -1.0], 0.1),
        lambda: cells.response(1, 1),
        lambda: cells.model.curve(1, 1),
        lambda: cells.model.mean_step(0.0, -1),
    ):
        with pytest.raises(CapabilityError, match=message):
            call()


@pytest.mark.parametrize(
    ("name", "what"), [("rpu-reference", "has constant steps"), ("pcm-set", "takes up pulses only")]
)
def test_models_without_a_balance_have_no_symmetry_point(name, what):
    with pytest.raises(CapabilityError, match=rf"^symmetry_point: '{name}' {what}, so there is"):
        _ = PulsedDevices(name, 2).symmetry_point


def test_a_direction_is_up_or_down():
    with pytest.raises(
        ParameterError, match=r"^mean_step: direction is 0; give 1 \(up\) or -1 \(down\)\.$"
    ):
        SOFT.mean_step(0.0, 0)
