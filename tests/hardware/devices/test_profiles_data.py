"""Every shipped profile: laws that all obey, and the published numbers of each."""

import gzip
import importlib.resources
import math
import os
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import kstest

from neuromem.core.errors import ParameterError
from neuromem.hardware.devices.population import Devices
from neuromem.hardware.devices.profile import profile, profiles

MICRO = 1e-6
DAY = 86400.0
SHIPPED = [
    "ideal",
    "ecram",
    "fefet",
    "hermes",
    "hermes-1",
    "memristor-hong",
    "pcm",
    "rram-40nm-random",
    "rram-cmo-hfox",
    "rram-hfo2",
    "rram-hfo2-milo",
    "rram-taox",
    "sonos",
    "sot-mram",
    "sram-cim",
    "stt-mram",
]


def test_the_shipped_profiles_are_these():
    assert profiles() == SHIPPED


def test_each_profile_is_a_file_of_the_package():
    folder = importlib.resources.files("neuromem.hardware") / "profiles"
    assert sorted(entry.name for entry in folder.iterdir()) == sorted(f"{n}.toml" for n in SHIPPED)


# --- laws that every profile obeys ------------------------------------------------------------


@pytest.fixture(params=SHIPPED)
def device(request):
    return profile(request.param)


def targets(device, count=257):
    """Conductances over the whole range, in S; of two-level cells, either level."""
    places = np.linspace(0.0, 1.0, count)
    if device.kind != "analog":
        places = np.round(places)
    return device.g_min + places * (device.g_max - device.g_min)


def times(device):
    """From the write to the last moment at which the profile holds (or a century), in s."""
    last = 3.2e9 if device.valid_time is None else device.valid_time
    return [0.0, 1e-3, 1.0, last / 3, last]


def test_its_name_is_the_name_of_its_file(device):
    text = (
        importlib.resources.files("neuromem.hardware") / "profiles" / f"{device.name}.toml"
    ).read_text()
    assert tomllib.loads(text)["name"] == device.name


def test_it_cites_where_it_comes_from_and_says_what_is_assumed(device):
    assert device.notes.endswith(".")
    if device.name != "ideal":
        assert any(re.search(r"doi:10\.\d{4,9}/\S+|arXiv:\d{4}\.\d{5}", s) for s in device.sources)
        assert all(re.search(r"\b20\d\d\b", source) for source in device.sources)


def test_a_row_of_cells_conducts_finite_non_negative_amounts_at_all_times(device):
    cells = Devices.program(device, targets(device), rng=1)
    for seconds in times(device):
        for g in (cells.conductance(seconds), cells.read(seconds, rng=2)):
            assert g.shape == (257,)
            assert np.isfinite(g).all()
            assert (g >= 0).all()


def test_it_holds_at_both_ends_of_its_temperatures(device):
    low, high = device.valid_temperature or (250.0, 400.0)
    cells = Devices.program(device, targets(device), rng=1)
    for kelvin in (low, 300.0, high):
        g = cells.conductance(times(device)[-1], temperature=kelvin)
        assert np.isfinite(g).all()
        assert (g >= 0).all()


def test_every_spread_is_finite_and_non_negative(device):
    g = targets(device)
    for seconds in times(device):
        spreads = [
            device.programming_sigma(g),
            device.relaxation_sigma(g, seconds),
            device.noise_sigma(g, g, seconds),
        ]
        for spread in spreads:
            assert np.isfinite(spread).all()
            assert (spread >= 0).all()
            assert spread.max() < 0.2 * device.g_max  # a memory, not a source of noise
        assert np.isfinite(device.relaxation_shift(g, seconds)).all()


def test_levels_are_reached_and_are_as_many_as_it_says(device):
    if device.levels is None:
        assert device.kind == "analog"
        return
    held = Devices.program(device, targets(device, 30_011)).target
    assert np.unique(held).size == device.levels
    np.testing.assert_allclose([held.min(), held.max()], [device.g_min, device.g_max], rtol=1e-6)


@pytest.mark.parametrize("name", ["stt-mram", "sot-mram", "sram-cim"])
def test_binary_and_digital_cells_have_two_levels(name):
    device = profile(name)
    assert device.levels == 2
    with pytest.raises(ParameterError, match=f"between the two levels of '{name}'"):
        Devices.program(device, [0.5 * (device.g_min + device.g_max)])


def test_costs_can_be_computed_from_it(device):
    for amount in ("read_voltage", "read_duration", "write_voltage", "write_pulse", "write_pulses"):
        assert 0 < getattr(device, amount) < 1000
    assert 4 <= device.cell_area < 1e4
    assert 5e-9 <= device.node <= 250e-9


def test_it_refuses_what_lies_beyond_its_data(device):
    cells = Devices.program(device, [device.g_max])
    if device.valid_time is not None:
        with pytest.raises(ParameterError, match=rf"{device.name}.* holds from 0 to .* s after"):
            cells.conductance(1.01 * device.valid_time)
    if device.valid_temperature is not None:
        low, high = device.valid_temperature
        for kelvin in (low - 1, high + 1):
            with pytest.raises(ParameterError, match=rf"{device.name}.* holds from .* K"):
                cells.conductance(0.0, temperature=kelvin)
    with pytest.raises(ParameterError, match="outside"):
        Devices.program(device, [1.1 * device.g_max])
    with pytest.raises(ParameterError, match="finite"):
        cells.conductance(math.nan)


# --- the published numbers --------------------------------------------------------------------


def saturating(current, a, b):
    """Agrawal et al. 2022: a (1 - exp(-I/b)) nA of a current in nA, as uS at 0.1 V."""
    return a * (1.0 - math.exp(-current / b)) / 100.0


# name, target (uS), s.d. (uS) of a write; of a closed form or as published.
PROGRAMMING = [
    ("pcm", 2.5, 0.448249),
    ("pcm", 25.0, 1.05538),
    ("hermes", 0.0, 0.16603222),
    ("hermes", 20.7, 1.09269857),
    ("hermes-1", 0.0, 0.15781817),
    ("hermes-1", 10.35, 1.00758713),
    ("rram-hfo2-milo", 50.0, 4.782321 - 0.009107 * 50),
    ("rram-hfo2-milo", 225.0, 4.782321 - 0.009107 * 225),
    ("rram-cmo-hfox", 9.0, 0.0112185391 + 0.01129027418 * 9),
    ("rram-cmo-hfox", 88.2, 0.0112185391 + 0.01129027418 * 88.2),
    ("rram-taox", 50.0, 2.0 / math.sqrt(12)),
    ("rram-taox", 4144.0, 2.0 / math.sqrt(12)),
    ("fefet", 0.0397, 0.005 * (1.788 - 1.788 / 45)),
    ("fefet", 1.788, 0.005 * (1.788 - 1.788 / 45)),
    ("ecram", 1.0, 0.3),
    ("ecram", 100.0, 1.0),
    ("stt-mram", 1e6 / 9199.2, 1e6 / 9199.2 * 480.7 / 9199.2),
    ("stt-mram", 1e6 / 3363.7, 1e6 / 3363.7 * 171.8 / 3363.7),
    ("sot-mram", 40.0, 4.0),
    ("sot-mram", 100.0, 10.0),
    ("memristor-hong", 100.0, 2.76),
    ("memristor-hong", 400.0, 2.76),
    ("sram-cim", 0.0, 0.0),
    ("sram-cim", 1.0, 0.0),
    ("rram-40nm-random", 5.0, 0.0),
    ("rram-40nm-random", 20.0, 0.0),
    ("ideal", 0.0, 0.0),
    ("ideal", 25.0, 0.0),
]


@pytest.mark.parametrize(("name", "target", "sigma"), PROGRAMMING)
def test_programming_spread_is_the_published_one(name, target, sigma):
    """To 5 digits: what the files round their coefficients to."""
    found = profile(name).programming_sigma(target * MICRO) / MICRO
    assert found == pytest.approx(sigma, rel=5e-5, abs=1e-12)


# name, target (uS), seconds, s.d. (uS) of what relaxation adds.
RELAXATION = [
    ("rram-hfo2", 10.0, 1.0, 2.258),
    ("rram-hfo2", 40.0, 2 * DAY, 2.677),
    ("rram-cmo-hfox", 20.0, 1.0, 0.41183342),
    ("rram-cmo-hfox", 50.0, DAY, 0.889366),
    ("sonos", 1.0, 0.0, saturating(100, 19.88665, 176.3115)),
    ("sonos", 4.0, DAY, saturating(400, 25.59102, 186.85544)),
    ("sonos", 16.0, 5 * DAY, saturating(1600, 34.57909, 207.34309)),
    ("pcm", 10.0, DAY, 0.0),
]


@pytest.mark.parametrize(("name", "target", "seconds", "sigma"), RELAXATION)
def test_relaxation_spread_is_the_published_one(name, target, seconds, sigma):
    found = profile(name).relaxation_sigma(target * MICRO, seconds) / MICRO
    assert found == pytest.approx(sigma, rel=5e-4, abs=1e-12)


# name, target (uS), seconds, s.d. (uS) of one read, from the closed form.
READS = [
    ("rram-cmo-hfox", 50.0, 1.0, 0.0277316483 * math.log10(50) * math.sqrt(math.log(5e5 + 0.5))),
    ("rram-cmo-hfox", 88.2, DAY, 0.0277316483 * math.log10(88.2) * math.sqrt(math.log(DAY / 2e-6))),
    ("sonos", 1.0, 0.0, saturating(100, 12.58037, 215.36557)),
    ("sonos", 16.0, DAY, saturating(1600, 12.58037, 215.36557)),
    ("rram-40nm-random", 12.34, DAY, 0.02 * 12.34),
    ("rram-40nm-random", 5.0, 0.0, 0.02 * 5.0),
    ("memristor-hong", 250.0, 0.0, 0.174),
]


@pytest.mark.parametrize(("name", "target", "seconds", "sigma"), READS)
def test_read_noise_is_the_published_one(name, target, seconds, sigma):
    found = profile(name).noise_sigma(target * MICRO, target * MICRO, seconds) / MICRO
    assert found == pytest.approx(sigma, rel=1e-5)


def test_H35_cmo_hfox_spread_shift_and_decay():
    device = profile("rram-cmo-hfox")
    assert device.programming_sigma(50 * MICRO) / MICRO == pytest.approx(0.575732, rel=1e-5)
    assert device.relaxation_sigma(50 * MICRO, DAY) / MICRO == pytest.approx(0.889366, rel=1e-5)
    shift = device.relaxation_shift(50 * MICRO, DAY) / MICRO
    assert shift == pytest.approx(-0.08900206 * math.log(DAY), rel=1e-9)
    assert shift == pytest.approx(-1.011664, rel=1e-5)


@pytest.mark.parametrize(
    ("day", "nanoampere"),
    [
        (1, [0.2, 1.7, 1.7, 1.0, 0.6, -3.8, -7.3, -11.5]),
        (5, [0.3, 3.6, 4.1, 2.6, -1.5, -15.2, -28.5, -40.7]),
    ],
)
def test_sonos_mean_shift_is_the_published_one(day, nanoampere):
    """Fig. 10b of Agrawal et al. 2022, read off at eight currents to 0.1 nA."""
    current = np.array([0.0, 50, 100, 200, 400, 800, 1200, 1600])
    shift = profile("sonos").relaxation_shift(current / 100 * MICRO, day * DAY) / MICRO * 100
    np.testing.assert_allclose(shift, nanoampere, atol=0.06)


def test_sonos_does_not_shift_before_its_first_measurement():
    assert not profile("sonos").relaxation_shift(targets(profile("sonos")), 3600.0).any()


def test_fefet_window_and_taox_spacing():
    """45 between the ends (Jerry et al. 2017); 2 uS between 2048 levels (Rao et al. 2023)."""
    fefet, taox = profile("fefet"), profile("rram-taox")
    assert fefet.g_max / fefet.g_min == pytest.approx(45, rel=1e-3)
    assert (taox.g_max - taox.g_min) / (taox.levels - 1) == pytest.approx(2 * MICRO, rel=1e-12)


def test_magnetic_cells_have_the_published_ratio_of_resistances():
    """(R_AP - R_P)/R_P: 173.5 % (mean of the cells' own, s.d. 3.9 %) and 150 %."""
    stt, sot = profile("stt-mram"), profile("sot-mram")
    assert stt.g_max / stt.g_min - 1 == pytest.approx(1.735, abs=0.003)
    assert sot.g_max / sot.g_min - 1 == pytest.approx(1.5, rel=1e-9)


# name, target (uS), seconds, what adds up: each spread of the two tables drawn on its own.
POPULATIONS = [
    ("rram-hfo2-milo", 150.0, 0.0),
    ("rram-cmo-hfox", 50.0, 0.0),
    ("rram-cmo-hfox", 50.0, 3.2e8),
    ("rram-taox", 2096.0, DAY),
    ("fefet", 1.788, 1e6),
    ("ecram", 230.0, 10.0),
    ("sonos", 8.0, 5 * DAY),
    ("stt-mram", 297.291, 0.0),
    ("sot-mram", 40.0, 0.0),
    ("memristor-hong", 300.0, 0.0),
]


@pytest.mark.parametrize(("name", "target", "seconds"), POPULATIONS)
def test_a_population_has_the_spread_and_the_mean_of_its_profile(name, target, seconds):
    """4 standard errors of 40 000 normal draws; no target is within 5 s.d. of zero."""
    device, n = profile(name), 40_000
    cells = Devices.program(device, np.full(n, target * MICRO), rng=5)
    aim = float(cells.target[0])
    sigma = math.hypot(device.programming_sigma(aim), device.relaxation_sigma(aim, seconds))
    g = cells.conductance(seconds, noise=False).astype(np.float64)
    mean = aim + float(device.relaxation_shift(aim, seconds))
    assert g.mean() == pytest.approx(mean, abs=4 * sigma / math.sqrt(n))
    assert g.std() == pytest.approx(sigma, rel=4 / math.sqrt(2 * n))


# --- measured data ----------------------------------------------------------------------------

DATA = Path(os.environ.get("NEUROMEM_DATA", "nowhere"), "memristor_levels")
measured = pytest.mark.skipif(
    not DATA.is_dir(), reason="NEUROMEM_DATA names no folder that holds memristor_levels"
)
LEVELS = np.arange(100.0, 401.0, 50.0)


def programmed():
    """64 conductances (uS) after programming to each of the seven levels: (64, 7)."""
    path = DATA / "fig3c_programmed_conductance_uS.csv"
    return np.genfromtxt(path, delimiter=",", skip_header=1)


def series():
    """The conductances (uS) of 1000 reads at each of the seven levels: (1000, 7)."""
    with gzip.open(DATA / "fig3d_read_cycles.csv.gz", "rt") as file:
        _, target, value = np.loadtxt(file, delimiter=",", skiprows=1).T
    return np.stack([value[target == level] for level in LEVELS], axis=1)


@measured
def test_the_profile_has_the_spread_of_the_measured_writes():
    """One s.d. for all levels: a level of 64 errors, uniform, has it within 4 x 5.6 %."""
    errors = programmed() - LEVELS
    assert errors.shape == (64, 7)
    sigma = profile("memristor-hong").programming_sigma(LEVELS * MICRO) / MICRO
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(sigma[0], rel=2e-3)
    # The variance of the variance of a uniform value is (9/5 - 1)/n of its square.
    relative_error = math.sqrt((9 / 5 - 1) / 64) / 2
    np.testing.assert_allclose(
        np.sqrt(np.mean(errors**2, axis=0)) / sigma, 1, atol=4 * relative_error
    )


@measured
def test_the_measured_writes_are_uniform_in_their_window_and_not_normal():
    """Why the profile's notes name a verify loop: the normal law is right in its spread alone."""
    errors = (programmed() - LEVELS).ravel()
    sigma = float(profile("memristor-hong").programming_sigma(250 * MICRO)) / MICRO
    assert np.abs(errors).max() < 5.0
    assert 2 * ndtr(-5.0 / sigma) == pytest.approx(0.07, abs=0.002)  # the law's tails
    assert kstest(errors, "norm", args=(0.0, sigma)).pvalue < 1e-3
    assert kstest(errors - errors.mean(), "uniform", args=(-5.0, 10.0)).pvalue > 0.01
    z = (errors - errors.mean()) / errors.std()
    assert np.mean(z**4) == pytest.approx(9 / 5, abs=0.25)  # normal: 3


@measured
def test_simulated_writes_are_as_good_as_the_measured_ones():
    """Both are 64 x 7 errors with the same s.d.: it comes out within 4 standard errors."""
    cells = Devices.program("memristor-hong", np.tile(LEVELS, (64, 1)) * MICRO, rng=3)
    simulated = cells.conductance(noise=False) / MICRO - LEVELS
    real = programmed() - LEVELS
    error = math.sqrt(1 / (2 * 448) + 0.8 / (4 * 448))
    assert simulated.std() / real.std() == pytest.approx(1, abs=4 * error)


@measured
def test_the_profile_has_the_average_noise_of_the_measured_reads():
    noise = series().std(axis=0)
    sigma = float(profile("memristor-hong").noise_sigma(250 * MICRO, 250 * MICRO)) / MICRO
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(sigma, rel=3e-3)
    # No smooth law of the level: of two neighbours, one is nine times as quiet.
    assert noise[2] / noise[3] > 8


@measured
def test_some_of_the_measured_noise_wanders_which_the_law_does_not():
    """Fresh draws have no correlation (s.e. 0.03); the cell at 150 uS keeps 0.9 of it."""
    reads = series() - series().mean(axis=0)
    lag = np.mean(reads[1:] * reads[:-1], axis=0) / np.mean(reads**2, axis=0)
    assert lag[1] > 0.8
    assert lag[6] == pytest.approx(0, abs=4 / math.sqrt(1000))
    cells = Devices.program(
        "memristor-hong", np.full(1000, 150 * MICRO), programmed=np.full(1000, 150 * MICRO)
    )
    fresh = cells.read(0.0, rng=0).astype(np.float64) / MICRO - 150
    assert np.mean(fresh[1:] * fresh[:-1]) / np.mean(fresh**2) == pytest.approx(
        0, abs=4 / math.sqrt(1000)
    )
