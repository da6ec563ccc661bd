"""Profiles: published values of the built-in devices, files of one's own, and what is refused."""

import dataclasses
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from neuromem.core.errors import DataError, ParameterError
from neuromem.hardware.devices.profile import KINDS, TECHNOLOGIES, Profile, profile, profiles
from neuromem.hardware.devices.sections import Retention

DAY = 86400.0
MINE = """
name = "mine"
title = "My device"
technology = "RRAM"
kind = "analog"
sources = ["me"]
notes = "made up"
[conductance]
g_min = 5.0
g_max = 50.0
levels = 10
[valid]
time = 1e4
temperature = [280.0, 320.0]
[read]
voltage = 0.2
duration = 1e-7
[programming]
sigma = [{ polynomial = [0.5, 1.0] }]
[drift]
t0 = 1.0
mean = [{ polynomial = [0.05] }]
spread = [{ polynomial = [0.01] }]
[relaxation]
times = [1.0, 100.0]
sigma = [[{ polynomial = [1.0] }], [{ polynomial = [3.0] }]]
shift = [[{ polynomial = [0.0] }], [{ polynomial = [-2.0] }]]
[noise]
per = "read"
absolute = [{ saturating = [0.2, 0.5] }]
growth = { t0 = 1.0, t_read = 1e-6 }
[faults]
stuck_low = 0.01
stuck_high = 0.02
[write]
voltage = 2.0
pulse = 1e-7
[area]
cell = 25.0
node = 1e-8
[retention]
activation_energy = 1.5
reference_temperature = 358.15
time = 1e6
spread = 0.5
[endurance]
cycles = 1e8
exponent = 2.0
[random]
breakdown_mean = 3.4
breakdown_sigma = 0.1
mean = 12.0
sigma = 2.0
read_noise = 0.02
"""


@pytest.fixture
def write(tmp_path):
    """Write a profile's file, by default that of a made-up device with every section."""

    def file(text=MINE, name="mine"):
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return file


# ------------------------------------------------------------------------- published values


def test_H24_programming_error_of_pcm():
    pcm = profile("pcm")
    g = np.array([0.0, 0.1, 0.5, 1.0]) * 25e-6
    expected = np.array([0.26348, 0.448249, 0.952705, 1.05538]) * 1e-6
    np.testing.assert_allclose(pcm.programming_sigma(g), expected, rtol=1e-6)
    # The parabola's top is at g = 1.9650 / (2 * 1.1731).
    x = np.linspace(0.0, 1.0, 2_000_001)
    curve = pcm.programming_sigma(25e-6 * x)
    assert curve.max() == pytest.approx(1.0863478e-6, rel=1e-6)
    assert x[curve.argmax()] == pytest.approx(0.8375245, abs=1e-6)


def test_H25_drift_exponents_of_pcm():
    pcm = profile("pcm")
    g = np.array([0.1, 0.02]) * 25e-6
    np.testing.assert_allclose(pcm.drift_mean(g), [0.0600901, 0.0850364], rtol=1e-5)
    np.testing.assert_allclose(pcm.drift_spread(g), [0.0228823, 0.0430003], rtol=1e-5)
    assert pcm.drift.t0 == 20.0


def test_H27_relative_read_noise_of_pcm():
    sigma = profile("pcm").noise_sigma(25e-6, 25e-6, DAY)
    assert sigma / 25e-6 == pytest.approx(0.0447639, rel=1e-5)
    # It is relative to the present conductance, from the law of the target.
    assert profile("pcm").noise_sigma(25e-6, 10e-6, DAY) / 10e-6 == pytest.approx(
        0.0447639, rel=1e-5
    )


def test_H33_relaxation_of_hfo2_rram():
    rram = profile("rram-hfo2")
    g = np.array([0.25, 0.5, 0.75, 1.0]) * 40e-6
    for seconds, expected in [
        (0.0, [2.258, 2.023, 1.533, 1.103]),  # constant before the first time
        (1.0, [2.258, 2.023, 1.533, 1.103]),
        (DAY, [3.721, 3.909, 3.366, 2.651]),
        (2 * DAY, [3.664, 3.929, 3.374, 2.677]),
    ]:
        sigma = rram.relaxation_sigma(g, seconds)
        np.testing.assert_allclose(sigma, np.array(expected) * 1e-6, atol=1e-9)
    middle = rram.relaxation_sigma(g, DAY**0.5)  # half way in ln t: the mean of the variances
    ends = rram.relaxation_sigma(g, 1.0), rram.relaxation_sigma(g, DAY)
    np.testing.assert_allclose(middle**2, (ends[0] ** 2 + ends[1] ** 2) / 2, rtol=1e-12)


def test_H34_relative_noise_stays_when_the_range_is_scaled():
    """All that a profile says about g = G / g_max is the same at another g_max."""
    x = np.linspace(0.05, 1.0, 20)
    for name in profiles():
        wide = profile(name)
        narrow = wide.scaled(25e-6)
        assert narrow.g_min / narrow.g_max == pytest.approx(wide.g_min / wide.g_max, rel=1e-12)
        a, b = x * wide.g_max, x * narrow.g_max
        pairs = [
            (wide.programming_sigma(a), narrow.programming_sigma(b)),
            (wide.relaxation_sigma(a, 1e3), narrow.relaxation_sigma(b, 1e3)),
            (wide.relaxation_shift(a, 1e3), narrow.relaxation_shift(b, 1e3)),
            (wide.noise_sigma(a, a, 1e3), narrow.noise_sigma(b, b, 1e3)),
        ]
        for ours, theirs in pairs:
            np.testing.assert_allclose(ours / wide.g_max, theirs / narrow.g_max, rtol=1e-6)
        np.testing.assert_allclose(wide.drift_mean(a), narrow.drift_mean(b), rtol=1e-12)
    random = profile("rram-40nm-random")
    assert random.scaled(2 * random.g_max).random.mean == pytest.approx(2 * random.random.mean)


def test_hermes_polynomials():
    """Le Gallo et al. (2023) at g = 0.1, 0.2 and 1, written out anew."""
    two, one = profile("hermes"), profile("hermes-1")
    g = np.array([0.1, 0.2, 1.0])
    prog = 0.16603222 + 4.71806468 * g - 8.48101252 * g**2 + 4.68961419 * g**3
    np.testing.assert_allclose(two.programming_sigma(20.7e-6 * g), 1e-6 * prog, rtol=1e-12)
    prog = 0.15781817 + 2.32443916 * g - 2.16310839 * g**2 + 0.68841818 * g**3
    np.testing.assert_allclose(one.programming_sigma(10.35e-6 * g), 1e-6 * prog, rtol=1e-12)
    mean = -0.0436 * g**2 - 0.0126 * g + 0.0736
    for device in (two, one):
        np.testing.assert_allclose(device.drift_mean(device.g_max * g), mean, rtol=1e-12)
        assert device.drift_mean(0.01 * device.g_max) == pytest.approx(0.13)
        assert device.drift_mean(0.05 * device.g_max) == pytest.approx(
            -0.0387 * np.log(0.05) - 0.0182
        )
    spread = [-0.0117 * np.log(x) - 0.0057 for x in (0.1, 0.2)] + [0.0048]
    np.testing.assert_allclose(two.drift_spread(20.7e-6 * g), spread, rtol=1e-12)
    spread = [-0.0120 * np.log(x) - 0.0023 for x in (0.1, 0.2)] + [0.0055]
    np.testing.assert_allclose(one.drift_spread(10.35e-6 * g), spread, rtol=1e-12)
    late = np.log((DAY + 300 + 512e-9) / (2 * 512e-9)) ** 0.5
    quality = [
        -0.0117 * np.log(0.1) - 0.0069,
        0.0069 * 0.008 - 0.0280 * 0.04 + 0.0211 * 0.2 + 0.0123,
        0.0069 - 0.0280 + 0.0211 + 0.0123,
    ]
    noise = two.noise_sigma(20.7e-6 * g, 1.0, DAY)
    np.testing.assert_allclose(noise, np.array(quality) * late, rtol=1e-12)


# --------------------------------------------------------------------------------- behaviour


def test_names_are_sorted_with_the_ideal_first():
    names = profiles()
    assert names[0] == "ideal"
    assert names[1:] == sorted(names[1:])
    assert {"pcm", "hermes", "hermes-1", "rram-hfo2"} <= set(names)


@pytest.mark.parametrize("name", profiles())
def test_every_profile_is_a_value_with_sources(name):
    device = profile(name)
    assert device.name == name
    assert device.technology in TECHNOLOGIES
    assert device.kind in KINDS
    assert 0 <= device.g_min < device.g_max < 1.0
    assert profile(name) is device  # read once
    assert profile(device) is device
    assert pickle.loads(pickle.dumps(device)) == device
    assert {device: 1}[pickle.loads(pickle.dumps(device))] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        device.g_max = 1.0
    assert repr(device).startswith(f"<Profile {name}: {device.title}; ")
    assert "\n" not in repr(device)
    page = " ".join(str(device).split())
    for text in (*device.sources, device.notes):
        assert " ".join(text.split()) in page


def test_a_page_tells_every_effect(write):
    page = profile(write()).describe()
    for line in [
        "conductance  5 to 50 uS, 10 levels",
        "programming  s.d. 1.5 uS at g_max",
        "drift        ((t + t0) / t0)^-nu, nu = 0.05 +- 0.01 at g_max, t0 = 1 s",
        "relaxation   s.d. 1 uS at g_max after 1 s",
        "drawn anew per read",
        "lost in 10 years",
        "endurance    1e+08 writes",
        "stuck        1.00% at g_min, 2.00% at g_max",
        "holds        to 1e+04 s after programming",
        "holds        from 280 to 320 K",
        "read         0.2 V for 100 ns",
        "write        2 V, pulses of 100 ns, 1 a cell",
        "cell         25 F^2 at 10 nm",
        "source       me",
        "notes        made up",
    ]:
        assert line in page


def test_a_file_of_ones_own(write):
    path = write()
    mine = profile(path)
    assert mine == profile(str(path))
    assert (mine.g_min, mine.g_max, mine.levels) == (5e-6, 50e-6, 10)
    assert (mine.stuck_low, mine.stuck_high) == (0.01, 0.02)
    assert (mine.write_voltage, mine.write_pulse, mine.write_pulses) == (2.0, 1e-7, 1.0)
    assert (mine.cell_area, mine.node) == (25.0, 1e-8)
    assert (mine.endurance.cycles, mine.endurance.exponent) == (1e8, 2.0)
    assert (mine.random.mean, mine.random.breakdown_mean) == (12e-6, 3.4)
    assert mine.programming_sigma(50e-6) == pytest.approx(1.5e-6)
    assert mine.relaxation_shift(20e-6, 10.0) == pytest.approx(-1e-6)  # half way in ln t
    assert mine.relaxation_sigma(20e-6, 10.0) == pytest.approx(np.sqrt(5.0) * 1e-6)
    assert mine.relaxation_sigma(20e-6, 1e4) == pytest.approx(3e-6)  # constant after the last
    grown = np.sqrt(np.log((10.0 + 1.0 + 1e-6) / 2e-6))
    assert mine.noise_sigma(50e-6, 1.0, 10.0) == pytest.approx(0.2e-6 * (1 - np.exp(-2)) * grown)


def test_a_file_that_changed_is_read_again(write):
    path = write()
    assert profile(path) is profile(path)
    write(MINE.replace("g_max = 50.0", "g_max = 60.0"))
    os.utime(path, ns=(0, 0))
    assert profile(path).g_max == 60e-6


def test_laws_may_be_fitted_at_another_range(write):
    """g_ref = 100 uS: at 50 uS the law is read at x = 0.5, in the uS it was fitted in."""
    wider = profile(write(MINE.replace("g_max = 50.0", "g_max = 50.0\ng_ref = 100.0")))
    assert wider.programming_sigma(50e-6) == pytest.approx(1.0e-6)
    assert wider.scaled(25e-6).programming_sigma(25e-6) == pytest.approx(0.5e-6)


def test_relaxation_by_the_logarithm_of_time(write):
    start, end = MINE.index("[relaxation]"), MINE.index("[noise]")
    table = "[relaxation]\nlog_time = { shift = [-0.1, 0.3], sigma = [0.05, 0.4] }\n"
    mine = profile(write(MINE[:start] + table + MINE[end:]))
    g = np.array([10e-6, 40e-6])
    for seconds, ln_t in [(0.0, 0.0), (1.0, 0.0), (1e4, np.log(1e4))]:
        np.testing.assert_allclose(
            mine.relaxation_shift(g, seconds), 1e-6 * (-0.1 * ln_t + 0.3) * np.ones(2)
        )
        np.testing.assert_allclose(
            mine.relaxation_sigma(g, seconds), 1e-6 * (0.05 * ln_t + 0.4) * np.ones(2)
        )


def test_relaxation_says_what_it_includes_and_whether_it_ends_at_the_range(write):
    plain = profile(write()).relaxation
    assert (plain.includes_programming, plain.clip) == (False, False)
    more = "[relaxation]\nincludes_programming = true\nclip = true"
    mine = profile(write(MINE.replace("[relaxation]", more), "mine"))
    assert (mine.relaxation.includes_programming, mine.relaxation.clip) == (True, True)
    assert "after 1 s, programming included, clipped to the range\n" in mine.describe()
    named = [name for name in profiles() if profile(name).relaxation is not None]
    assert [n for n in named if profile(n).relaxation.includes_programming] == [
        "rram-hfo2",
        "sonos",
    ]
    assert [n for n in named if profile(n).relaxation.clip] == ["rram-cmo-hfox"]


def test_what_a_device_has_not_is_zero():
    ideal, g = profile("ideal"), np.array([0.0, 10e-6])
    for values in [
        ideal.programming_sigma(g),
        ideal.drift_mean(g),
        ideal.drift_spread(g),
        ideal.relaxation_sigma(g, 1.0),
        ideal.relaxation_shift(g, 1.0),
        ideal.noise_sigma(g, g, 1.0),
    ]:
        np.testing.assert_array_equal(values, np.zeros(2))
    assert profile("rram-hfo2").relaxation_shift(10e-6, 1.0) == 0.0


def test_retention_follows_arrhenius():
    """1.5 eV from 85 to 150 degrees C speeds up 1747.1 times; half are lost at the median."""
    retention = Retention(85 + 273.15, activation_energy=1.5, time=1e9, spread=0.8)
    assert retention.lost(1e9, 85 + 273.15) == pytest.approx(0.5)
    assert retention.lost(1e9 / 1747.1, 150 + 273.15) == pytest.approx(0.5, abs=1e-4)
    # One s.d. of ln t before the median: Phi(-1).
    assert retention.lost(1e9 * np.exp(-0.8), 85 + 273.15) == pytest.approx(0.15865525, rel=1e-6)
    assert retention.lost(0.0, 500.0) == 0.0


def test_retention_of_a_magnetic_cell():
    """P = 1 - exp(-t / tau0 exp(-Delta)): 0.738 after ten years at Delta = 40."""
    retention = Retention(300.0, delta=40.0)
    assert retention.lost(3.1557e8) == pytest.approx(0.738, rel=1e-2)
    assert retention.lost(3.1557e8, 330.0) > 0.999  # Delta falls to 36.4


def test_cells_of_two_levels_go_over_and_come_back():
    """(1 - exp(-2 k t)) / 2: as many as fail while few do, one half at last."""
    retention = Retention(300.0, delta=40.0)
    k = np.exp(-40.0) / 1e-9
    for seconds in (1e-3, 1.0, 3.1557e8, 1e10):
        assert retention.flipped(seconds) == pytest.approx(
            -np.expm1(-2 * k * seconds) / 2, rel=1e-9
        )
    assert retention.flipped(1.0) == pytest.approx(retention.lost(1.0), rel=1e-8)
    assert retention.flipped(1e30) == 0.5
    assert retention.flipped(0.0) == 0.0


# ------------------------------------------------------------------------------------ errors


def error(call, kind=ParameterError):
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_unknown_names_list_what_there_is():
    for name in ("pcmm", 3, "../profiles/pcm"):
        message = error(lambda name=name: profile(name))
        assert message.startswith(f"no device profile {name!r}; there are: ideal, ")
        assert ", pcm, " in message
        assert "path of a .toml file of your own" in message


def test_missing_files_are_named(tmp_path):
    message = error(lambda: profile(tmp_path / "none.toml"), DataError)
    assert "there is no file" in message
    assert "none.toml" in message
    assert "there is no file 'none.toml'" in error(lambda: profile("none.toml"), DataError)
    assert "there is no file" in error(lambda: profile(Path("pcm")), DataError)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[faults]", "[fault]", "mine.toml: fault is unknown; there are: area, conductance, "),
        ("stuck_low", "stuck_lo", "mine.toml: [faults] stuck_lo is unknown; there are: stuck_high"),
        ("levels = 10", "level = 10", "mine.toml: [conductance] level is unknown; there are: "),
        ("t_read = 1e-6", "tread = 1e-6", "mine.toml: [noise.growth] t_read is missing; add it."),
        ("voltage = 0.2\n", "", "mine.toml: [read] voltage is missing; add it."),
        ("g_max = 50.0", "", "mine.toml: [conductance] g_max is missing"),
        ('name = "mine"', 'name = "yours"', "mine.toml: name is 'yours'; give 'mine', the name of"),
        ('title = "My device"', "", "mine.toml: title is missing; add it."),
        ('"RRAM"', '"ReRAM"', "technology is 'ReRAM'; choose one of: RRAM, PCM, "),
        ('"analog"', '"analogue"', "kind is 'analogue'; choose one of: analog, binary, digital."),
        ('["me"]', "[]", "mine.toml: sources is []; give a list of texts."),
        ('["me"]', '"me"', "mine.toml: sources is 'me'; give a list of texts."),
        ("g_min = 5.0", "g_min = 50.0", "[conductance] g_max is 50; give one above g_min, 50."),
        ("g_min = 5.0", "g_min = -5.0", "[conductance] g_min is -5.0; give a number >= 0."),
        ("g_min = 5.0", 'g_min = "5"', "[conductance] g_min is '5'; give a number >= 0."),
        ("g_min = 5.0", "g_min = nan", "[conductance] g_min is nan; give a number >= 0."),
        ("levels = 10", "levels = 1", "[conductance] levels is 1; give a whole number from 2 up"),
        ("levels = 10", "levels = 2.5", "[conductance] levels is 2.5; give a whole number"),
        ("node = 1e-8", "node = 0", "[area] node is 0; give a number above 0."),
        ("[280.0, 320.0]", "[320.0, 280.0]", "temperature is [320.0, 280.0]; give rising numbers"),
        ("[280.0, 320.0]", "[280.0]", "temperature is [280.0]; give 2 finite numbers."),
        ("stuck_low = 0.01", "stuck_low = 1.5", "stuck_low is 1.5; give a number from 0 to 1."),
        ("stuck_low = 0.01", "stuck_low = 0.99", "are 0.99 and 0.02; give fractions that sum to 1"),
        ("times = [1.0, 100.0]", "times = [0.0, 100.0]", "times is [0.0, 100.0]; give rising"),
        ("times = [1.0, 100.0]", "times = [1.0]", "give 1 laws, one for each of the times."),
        ('per = "read"', 'per = "product"', "[noise] per is 'product'; choose one of: time, read."),
        ("absolute =", "amount =", "[noise] relative: there are neither of relative and absolute"),
        ("[faults]", 'read = "no"\n[faults]', "[noise] read is unknown"),
        ("[relaxation]", "[relaxation]\nclip = 1", "[relaxation] clip is 1; give true or false."),
        ("cycles = 1e8", "cycles = 0", "[endurance] cycles is 0; give a number above 0."),
        ("spread = 0.5", "", "mine.toml: [retention] spread is missing"),
        ("[0.5, 1.0]", "[0.5, -1.0]", "[programming] sigma is -0.5 at 50 uS; it must be a finite"),
        ("[[{ polynomial = [1.0] }]", "[[{ polynomial = [-1.0] }]", "[relaxation] sigma[0] is -1"),
        ("[{ polynomial = [0.01] }]", "[{ log = [1.0, 0.0] }]", "[drift] spread is -2.3 at 5 uS"),
        ("[{ polynomial = [0.05] }]", "0.05", "mine.toml: [drift] mean is 0.05; give a list of"),
        ("[[{ polynomial = [1.0] }]", "[[]", "mine.toml: [relaxation] sigma[0] is []; give a list"),
        ("[faults]", "[faults", "mine.toml: this is no TOML file: "),
    ],
)
def test_a_file_with_a_mistake_is_refused(write, old, new, message):
    assert old in MINE
    path = write(MINE.replace(old, new, 1))
    assert message in error(lambda: profile(path))


def test_a_section_must_be_a_table(write):
    path = write(
        MINE.replace("[faults]\n", "").replace('kind = "analog"', 'kind = "analog"\nfaults = 3')
    )
    assert "mine.toml: faults is 3; give a table, [faults]." in error(lambda: profile(path))


def test_both_kinds_of_noise_are_too_many(write):
    path = write(MINE.replace('per = "read"', 'per = "read"\nrelative = [{ polynomial = [0.1] }]'))
    assert "there are both of relative and absolute; give one" in error(lambda: profile(path))


def test_times_beyond_the_profile_are_refused():
    rram = profile("rram-hfo2")
    assert rram.check_time(172800, "here") == 172800.0
    message = error(lambda: rram.check_time(1e6, "here"))
    assert message == (
        "here: seconds is 1e+06; profile 'rram-hfo2' holds from 0 to 172800 s after programming. "
        "Ask for an earlier time."
    )
    for wrong in (-1.0, float("nan"), float("inf"), "soon", None):
        assert "here: seconds is" in error(lambda wrong=wrong: rram.check_time(wrong, "here"))
    assert profile("ideal").check_time(1e30) == 1e30
    for call in (rram.relaxation_sigma, rram.relaxation_shift):
        assert "holds from 0 to 172800 s" in error(lambda call=call: call(10e-6, 1e6))
    assert "Profile.noise_sigma" in error(lambda: rram.noise_sigma(10e-6, 10e-6, -1.0))


def test_temperatures_beyond_the_profile_are_refused():
    pcm = profile("pcm")
    assert pcm.check_temperature(300, "here") == 300.0
    message = error(lambda: pcm.check_temperature(400.0, "here"))
    assert message == (
        "here: temperature is 400 K; profile 'pcm' holds from 273 to 358 K. Give one in between."
    )
    for wrong in (0.0, -5.0, float("nan")):
        assert "temperature is" in error(lambda wrong=wrong: pcm.check_temperature(wrong, "here"))
    assert profile("ideal").check_temperature(4.2) == 4.2


@pytest.mark.parametrize("wrong", [0.0, -1e-6, float("nan"), float("inf"), "wide"])
def test_ranges_that_are_none_are_refused(wrong):
    message = error(lambda: profile("pcm").scaled(wrong))
    assert message.startswith(f"Profile.scaled: g_max is {wrong!r}; give a finite number >= 1e-15")


def test_a_profile_is_made_by_keywords_alone():
    with pytest.raises(TypeError):
        Profile("x")
