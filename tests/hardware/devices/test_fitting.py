"""Fits of update models and profiles: synthetic round trips, published measurements, bad input."""

import os
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.hardware.devices.fitting import fit_profile, fit_programming, fit_updates
from neuromem.hardware.devices.laws import law
from neuromem.hardware.devices.profile import profile
from neuromem.hardware.devices.updates import PulsedDevices, UpdateModel, update_model

FOLDER = os.environ.get("NEUROMEM_DATA")
EVEN = dict.fromkeys(("step_spread", "asymmetry_spread", "high_spread", "low_spread"), 0.0)


def needs(path):
    there = FOLDER is not None and Path(FOLDER, path).is_dir()
    return pytest.mark.skipif(not there, reason=f"NEUROMEM_DATA names no folder that holds {path}")


# --- pulse curves: what was put in comes out ------------------------------------------------------

TRUE = {
    "constant": UpdateModel(kind="constant", step=0.01, asymmetry=0.1, bounds=(-0.8, 1.2)),
    "linear": UpdateModel(
        kind="linear", step=0.01, bounds=(-0.8, 1.2), slope_up=0.9, slope_down=0.7
    ),
    "soft-bounds": UpdateModel(kind="soft-bounds", step=0.02, asymmetry=0.2, bounds=(-0.8, 1.2)),
    "neurosim": UpdateModel(
        kind="neurosim", bounds=(-0.8, 1.2), pulses=300, label_up=2.4, label_down=-4.88
    ),
    "exponential": UpdateModel(
        kind="exponential",
        step=0.003,
        asymmetry=0.26,
        amplitude_up=-1.18,
        amplitude_down=-0.08,
        rate_up=5.0,
        rate_down=5.0,
        tilt=-0.5,
        offset=-0.5,
    ),
}


def curves(model, n=300):
    """Return the states after each of n up, then n down pulses, without noise."""
    curve = model.curve(n, n)
    return curve[1 : n + 1], curve[n + 1 :]


@pytest.mark.parametrize("kind", TRUE)
def test_noiseless_curves_are_met(kind):
    """To the optimiser's tolerance, which is 1e-5 where a start lies on a bound."""
    model = fit_updates(*curves(TRUE[kind]), kind=kind, name="mine")
    assert (model.kind, model.name) == (kind, "mine")
    assert model.fit.n == 600
    assert model.fit.rms < 1e-5
    assert model.fit.r_squared > 1 - 1e-9
    for direction in (1, -1):
        w = np.linspace(-0.5, 0.9, 8)
        steps = model.mean_step(w, direction), TRUE[kind].mean_step(w, direction)
        np.testing.assert_allclose(*steps, rtol=1e-3)


def test_parameters_that_the_curves_determine_come_back():
    soft = fit_updates(*curves(TRUE["soft-bounds"]))
    assert (soft.step, soft.asymmetry) == pytest.approx((0.02, 0.2), rel=1e-5)
    assert soft.bounds == pytest.approx((-0.8, 1.2), rel=1e-5)
    labels = fit_updates(*curves(TRUE["neurosim"]), kind="neurosim")
    assert (labels.label_up, labels.label_down) == pytest.approx((2.4, -4.88), rel=1e-6)
    hard = fit_updates(*curves(TRUE["constant"]), kind="constant")  # driven into both bounds
    assert hard.bounds == pytest.approx((-0.8, 1.2), rel=1e-5)


def test_the_scale_turns_conductances_into_weights():
    up, down = curves(TRUE["soft-bounds"])
    siemens = [20e-6 + 10e-6 * part for part in (up, down)]
    scaled = fit_updates(*siemens, scale=(10e-6, 30e-6))
    assert scaled.bounds == pytest.approx((-0.8, 1.2), rel=1e-5)


@pytest.mark.parametrize("additive", [True, False])
def test_c2c_and_write_noise_come_back(additive):
    """Twelve devices of 1000 + 1000 pulses. The s.d. of one estimate of the C2C noise is about a
    quarter where the write noise is 15 steps and the C2C noise 4, that of the mean a third of it.
    """
    truth = UpdateModel(
        kind="soft-bounds",
        step=0.002,
        bounds=(-0.75, 1.25),
        c2c=4.0,
        write_noise=15.0,
        additive=additive,
    )
    run = PulsedDevices(truth, 12, rng=3, dtype=np.float64, initial=-0.75).response(1000, 1000)
    fits = [fit_updates(c[1:1001], c[1001:], additive=additive) for c in run.T]
    c2c = np.array([fit.c2c * fit.step for fit in fits])
    written = np.array([fit.write_noise * fit.step for fit in fits])
    assert c2c.mean() == pytest.approx(4.0 * 0.002, rel=0.25)
    assert written.mean() == pytest.approx(15.0 * 0.002, rel=0.05)
    assert sum(fit.fit.memory == 0 for fit in fits) >= 9
    assert all(fit.additive is additive for fit in fits)


def test_noise_with_a_memory_is_not_taken_for_c2c_noise():
    """AR(1) of 8 pulses about a quiet curve: it passes, so the weight does not diffuse."""
    rng = np.random.default_rng(5)
    kicks = rng.standard_normal((2, 1000))
    passing = np.zeros((2, 1000))
    for k in range(1, 1000):
        passing[:, k] = np.exp(-1 / 8) * passing[:, k - 1] + kicks[:, k]
    passing *= 0.1 / passing.std()
    slow = UpdateModel(kind="soft-bounds", step=0.004)
    up, down = curves(slow, 1000)
    model = fit_updates(up + passing[0], down + passing[1])
    assert model.fit.memory == pytest.approx(8.0, rel=0.4)
    assert model.write_noise * model.step == pytest.approx(0.1, rel=0.15)
    # As a random walk it would be 0.1 sqrt(2 / 8) = 0.05 a pulse.
    assert model.c2c * model.mean_step(0.0, 1) < 0.005


# --- pulse curves: measured -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def gong():
    """Gong et al., Nat. Commun. 9, 2102 (2018): state after 1000 up and 1000 down pulses."""
    return np.loadtxt(Path(FOLDER, "rram_pulse", "gong_et_al.csv"), delimiter=",").T


def published_rms(model, up, down):
    """Return the residual of a published fit with the zero and the starts that suit it best."""
    starts = np.linspace(*model.bounds, 101)
    rises = np.array([model.curve(1000, start=start)[1:] for start in starts])
    falls = np.array([model.curve(0, 1000, start=start)[1:] for start in starts])
    residuals = [
        min(np.mean((rises + zero - up) ** 2, axis=1))
        + min(np.mean((falls + zero - down) ** 2, axis=1))
        for zero in np.linspace(-0.3, 0.3, 61)
    ]
    return np.sqrt(min(residuals) / 2)


@needs("rram_pulse")
@pytest.mark.parametrize(
    ("name", "residual"), [("rram-exponential", 0.1811), ("rram-soft-bounds", 0.2256)]
)
def test_measured_pulses_are_met_better_than_by_the_published_fits(gong, name, residual):
    """The published fits of this device are the yardstick (the soft bounds are called loose).

    A polynomial of degree 8 leaves 0.166: the rest is noise, and no smooth curve meets it.
    """
    published = update_model(name)
    yardstick = published_rms(replace(published, **EVEN), *gong)
    assert yardstick == pytest.approx(residual, abs=0.002)
    model = fit_updates(*gong, kind=published.kind)
    assert model.fit.rms < yardstick - 0.01
    smooth = [
        curve - np.polynomial.Polynomial.fit(range(1000), curve, 8)(np.arange(1000))
        for curve in gong
    ]
    least = np.sqrt(np.mean(np.square(smooth)))
    assert least < model.fit.rms < least + 0.01


@needs("rram_pulse")
def test_measured_pulses_fluctuate_with_a_memory_of_some_ten_pulses(gong):
    """Lag-1 correlation of the residuals 0.5, gone after some 20 pulses: write noise of the fit,
    as large as what the published fit has in C2C and write noise together.
    """
    model = fit_updates(*gong, kind="exponential")
    assert 5 < model.fit.memory < 15
    assert model.write_noise * model.step == pytest.approx(model.fit.rms, rel=0.05)
    run = PulsedDevices(
        replace(model, name="twin"), 20, rng=0, dtype=np.float64, initial=model.bounds[0]
    ).response(1000)
    mean = model.curve(1000)
    assert (run[1:] - mean[1:, None]).std() == pytest.approx(model.fit.rms, rel=0.1)


# --- levels ---------------------------------------------------------------------------------------

GOAL = np.linspace(1e-6, 25e-6, 40)


def test_the_spread_of_programmed_levels_comes_back():
    """4e4 errors with sigma = 0.26 + 1.97 g - 1.17 g^2: a third of them to each coefficient, and
    a s.d. from n errors is known to 1 / sqrt(2 n); at the ends of the range twice worse."""
    g = GOAL / 25e-6
    truth = 0.26 + 1.97 * g - 1.17 * g**2
    errors = truth * np.random.default_rng(0).standard_normal((1000, 40)) * 1e-6
    pieces = fit_programming(GOAL, GOAL + errors, degree=2)
    np.testing.assert_allclose(law(pieces, "fit")(g), truth, rtol=8 / np.sqrt(2 * 4e4 / 3))
    assert pieces[0]["low"] == 0.0


def test_targets_need_not_repeat_and_may_be_relative_to_another_range():
    rng = np.random.default_rng(1)
    goal = rng.uniform(1e-6, 25e-6, 40_000)
    reached = np.maximum(goal + (0.05 + 0.02e6 * goal) * rng.standard_normal(40_000) * 1e-6, 0)
    c = fit_programming(goal, reached, g_ref=50e-6, degree=1)[0]["polynomial"]
    # sigma = 0.05 + 1.0 g with g relative to 50 uS; clipping at 0 S touches none at 1 uS and up.
    assert np.polyval(c[::-1], [0.1, 0.4]) == pytest.approx([0.15, 0.45], rel=0.03)


def test_exact_levels_have_no_spread():
    assert fit_programming(GOAL, np.tile(GOAL, (3, 1))) == [{"polynomial": [0.0], "low": 0.0}]


def measured(n=400, seed=2):
    rng = np.random.default_rng(seed)
    reached = GOAL + 0.5e-6 * rng.standard_normal((n, 40))
    readings = GOAL + 0.1e-6 * rng.standard_normal((n, 40))
    return np.maximum(reached, 0), np.maximum(readings, 0)


ABOUT = {
    "title": 'My "first" device, µS',
    "technology": "RRAM",
    "sources": ["Me, today"],
    "notes": "none\nat all",
}


def test_a_fitted_profile_loads_and_says_what_was_measured(tmp_path):
    """s.d. from 1.6e4 errors by a polynomial of degree 2: below 3 % at 4 s.e. in the middle."""
    reached, readings = measured()
    path = fit_profile(
        tmp_path / "mine.toml",
        GOAL,
        reached,
        **ABOUT,
        reads=(GOAL, readings),
        read=(0.1, 2e-7),
        write=(1.5, 5e-8, 7.0),
        area=(12.0, 40e-9),
    )
    device = profile(path)
    assert (device.name, device.title, device.notes) == ("mine", ABOUT["title"], ABOUT["notes"])
    assert (device.technology, device.sources) == ("RRAM", ("Me, today",))
    assert (device.g_min, device.g_max) == pytest.approx((1e-6, 25e-6))
    assert (device.read_voltage, device.read_duration) == (0.1, 2e-7)
    assert (device.write_voltage, device.write_pulse, device.write_pulses) == (1.5, 5e-8, 7.0)
    assert (device.cell_area, device.node) == (12.0, 40e-9)
    at = np.array([5e-6, 13e-6, 20e-6])
    np.testing.assert_allclose(device.programming_sigma(at), 0.5e-6, rtol=0.04)
    np.testing.assert_allclose(device.noise_sigma(at, at), 0.1e-6, rtol=0.04)
    assert list(tmp_path.iterdir()) == [path]


def test_a_profile_without_reads_has_no_noise(tmp_path):
    path = fit_profile(tmp_path / "quiet.toml", GOAL, measured()[0], **ABOUT, g_range=(0, 50e-6))
    device = profile(str(path))
    assert device.noise is None
    assert (device.g_min, device.g_max) == pytest.approx((0.0, 50e-6))
    np.testing.assert_allclose(device.programming_sigma(13e-6), 0.5e-6, rtol=0.04)


def test_a_profile_that_would_not_load_leaves_the_old_file(tmp_path):
    path = fit_profile(tmp_path / "mine.toml", GOAL, measured()[0], **ABOUT)
    before = path.read_text(encoding="utf-8")
    with pytest.raises(ParameterError, match=r"technology is 'clay'; choose one of: RRAM, P"):
        fit_profile(path, GOAL, measured()[0], **ABOUT | {"technology": "clay"})
    assert path.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [path]
    assert tomllib.loads(before)["name"] == "mine"


@needs("memristor_levels")
def test_measured_memristor_levels_become_a_profile(tmp_path):
    """Hong et al., Nat. Commun. (2025): 64 cells at each of 7 targets, s.d. 2.4 to 3.0 uS about
    the target, 1000 reads of a cell at each, s.d. 0.02 to 0.35 uS."""
    folder = Path(FOLDER, "memristor_levels")
    goal = np.arange(100, 401, 50) * 1e-6
    reached = 1e-6 * np.genfromtxt(
        folder / "fig3c_programmed_conductance_uS.csv", delimiter=",", skip_header=1
    )
    rows = np.loadtxt(folder / "fig3d_read_cycles.csv.gz", delimiter=",", skiprows=1)
    readings = np.stack([1e-6 * rows[rows[:, 1] == 1e6 * g, 2] for g in goal.round(9)], axis=1)
    path = fit_profile(
        tmp_path / "readc.toml", goal, reached, **ABOUT, reads=(goal, readings), degree=1
    )
    device = profile(path)
    found = device.programming_sigma(goal)
    spread = np.sqrt(np.mean((reached - goal) ** 2, axis=0))
    # A level's own s.d. is known to 1 / sqrt(2 64) = 9 %: the line must go through them all.
    np.testing.assert_allclose(found, spread, rtol=4 / np.sqrt(128))
    assert np.mean(found**2) == pytest.approx(np.mean(spread**2), rel=0.02)
    assert np.sqrt(np.mean(device.noise_sigma(goal, goal) ** 2)) == pytest.approx(
        np.sqrt(np.mean(readings.var(axis=0))), rel=0.15
    )


# --- bad input ------------------------------------------------------------------------------------

RISE = np.linspace(-1, 1, 50)


@pytest.mark.parametrize(
    ("up", "down", "change", "error", "message"),
    [
        (
            RISE[:5],
            -RISE,
            {},
            ShapeError,
            r"^fit_updates: up has shape \(5,\); give the states aft",
        ),
        (RISE, -RISE[None], {}, ShapeError, r"^fit_updates: down has shape \(1, 50\); give the st"),
        (RISE, RISE * np.nan, {}, CodeError, r"^fit_updates: down holds NaN or infinite values"),
        (-RISE, RISE, {}, ParameterError, r"`up` does not rise, or `down` does not fall, over"),
        (RISE + 3, 3 - RISE, {}, ParameterError, r"the curves run from 2\.02 to 3\.98; steps of k"),
        (
            RISE,
            -RISE,
            {"kind": "soft"},
            ParameterError,
            r"^fit_updates: kind is 'soft'; choose one",
        ),
        (RISE, -RISE, {"scale": (1, 0)}, ParameterError, r"scale is \(1, 0\); give \(low, high\)"),
        (RISE, -RISE, {"scale": (1,)}, ParameterError, r"scale is \(1,\); give \(low, high\)"),
        (RISE, -RISE, {"scale": 1.0}, ParameterError, r"scale is 1\.0; give \(low, high\)"),
        (RISE, -RISE, {"scale": "ab"}, ParameterError, r"^fit_updates: scale is 'a'; give a fini"),
    ],
)
def test_a_fit_of_pulses_refuses_what_is_no_pulse_curve(up, down, change, error, message):
    with pytest.raises(error, match=message):
        fit_updates(up, down, **change)


@pytest.mark.parametrize(
    ("goal", "reached", "change", "error", "message"),
    [
        (
            GOAL[:3],
            GOAL,
            {},
            ShapeError,
            r"^fit_programming: targets have shape \(3,\), measured \(4",
        ),
        (
            GOAL,
            GOAL * np.nan,
            {},
            CodeError,
            r"measured hold values that are no conductance; give S",
        ),
        (-GOAL, GOAL, {}, CodeError, r"targets hold values that are no conductance; give S\.$"),
        (
            GOAL[:2],
            GOAL[:2],
            {},
            ParameterError,
            r"degree is 2; give at most 5, and less than the 2",
        ),
        (GOAL, GOAL, {"degree": 6}, ParameterError, r"degree is 6; give at most 5"),
        (
            GOAL,
            GOAL,
            {"g_ref": 0.0},
            ParameterError,
            r"g_ref is 0.0; give a conductance above 0, in",
        ),
    ],
)
def test_a_fit_of_levels_refuses_what_is_no_measurement(goal, reached, change, error, message):
    with pytest.raises(error, match=message):
        fit_programming(goal, reached, **change)


def test_a_profile_is_a_toml_file_and_its_reads_are_repeated(tmp_path):
    with pytest.raises(ParameterError, match=r"mine.txt'; give a name that ends in \.toml\.$"):
        fit_profile(tmp_path / "mine.txt", GOAL, GOAL, **ABOUT)
    with pytest.raises(
        ShapeError, match=r"reads have shape \(40,\); give \(n, T\) readings, n >= 2"
    ):
        fit_profile(tmp_path / "a.toml", GOAL, measured()[0], **ABOUT, reads=(GOAL, GOAL))
    assert not list(tmp_path.iterdir())


def test_a_profile_goes_to_the_home_folder_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = fit_profile("~/mine.toml", GOAL, measured()[0], **ABOUT)
    assert path == tmp_path / "mine.toml"
    assert profile("~/mine.toml").name == "mine"


def test_a_profile_goes_into_a_folder_that_is_there(tmp_path):
    with pytest.raises(
        ParameterError, match=r"^fit_profile: path is '.*mine\.toml', but there is"
    ) as e:
        fit_profile(tmp_path / "nowhere" / "mine.toml", GOAL, measured()[0], **ABOUT)
    assert str(e.value).endswith(f"no folder '{tmp_path / 'nowhere'}'; make it first.")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"sources": "Smith et al., 2024"},
            r"^fit_profile: sources is 'Smith et al\., 2024'; give a list of texts, such as \[\"",
        ),
        ({"sources": None}, r"^fit_profile: sources is None; give a list of texts"),
        ({"sources": [2024]}, r"^fit_profile: sources is \[2024\]; give a list of texts"),
        ({"title": None}, r"^fit_profile: title is None; give a text\.$"),
        ({"notes": 3}, r"^fit_profile: notes is 3; give a text\.$"),
        ({"read": 0.2}, r"^fit_profile: read is 0\.2; give \(voltage in V, duration in s\)\.$"),
        ({"read": (0.2, 0.0)}, r"^mine\.toml: \[read\] duration is 0; give a number above 0"),
        (
            {"write": (2.0, 1e-6)},
            r"write is \(2\.0, 1e-06\); give \(voltage in V, pulse in s, pulses a",
        ),
        ({"g_range": (1e-6,)}, r"g_range is \(1e-06,\); give \(lowest in S, highest in S\)\.$"),
        ({"g_range": (-1e-6, 1e-5)}, r"lowest in g_range is -1e-06; give a finite number >= 0"),
        ({"g_range": (1e-5, 1e-5)}, r"g_range is \(1e-05, 1e-05\); give the lower one first"),
        ({"reads": GOAL[:3]}, r"reads is of type ndarray and no pair; give \(targets, rea"),
        ({"reads": 5}, r"^fit_profile: reads is of type int and no pair; give \(targets"),
        ({"area": (30, 130)}, r"^fit_profile: node in area is 130\.0; give a number from 1e-09 to"),
        ({"area": (0, 130e-9)}, r"^mine\.toml: \[area\] cell is 0; give a number above 0"),
        ({"area": 30}, r"^fit_profile: area is 30; give \(cell in F\^2, node in m\)\.$"),
    ],
)
def test_a_profile_refuses_figures_that_no_device_has(tmp_path, change, message):
    with pytest.raises(ParameterError, match=message):
        fit_profile(tmp_path / "mine.toml", GOAL, measured()[0], **ABOUT | change)
    assert not list(tmp_path.iterdir())
