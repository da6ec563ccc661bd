"""Capacity: numbered checks, theory, identity over executors and interruptions, bad input."""

import functools

import numpy as np
import pytest
import xarray as xr

import neuromem as nm
from neuromem.core.errors import ParameterError
from neuromem.measures import capacity, critical_load, finite_size_trend


@pytest.fixture(scope="module")
def found_1000():
    return capacity("hopfield", n=1000, trials=10, seed=0)


def test_A13_overlap_after_relaxation_from_the_pattern():
    """N = 5000: >0.9999, 0.998, 0.993 at load 0.05, 0.10, 0.12, to 0.002.

    Two networks of 64 cues: wrong bits of a cue are at most 17 +- 5 of 5000, its overlap has an
    sd of 0.002, and the mean one well below 0.001.
    """
    curve = capacity("hopfield", n=5000, loads=[0.05, 0.10, 0.12], trials=2)
    overlap = curve["overlap"].mean("trial").values
    assert overlap[0] > 0.9999  # 4e-6 wrong bits by theory
    np.testing.assert_allclose(overlap[1:], [0.998, 0.993], atol=0.002)


def test_A14_critical_load_of_1000_units(found_1000):
    assert float(found_1000["alpha_c"]) == pytest.approx(0.162, abs=0.008)
    assert not found_1000["censored"]
    assert float(found_1000["alpha_c_low"]) < float(found_1000["alpha_c"])
    # 10 networks of 64 cues: an interval that is no wider than the tolerance it is held to.
    assert 0 < float(found_1000["alpha_c_high"] - found_1000["alpha_c_low"]) < 0.008


def test_A14_critical_load_of_4000_units():
    found = critical_load("hopfield", n=4000, trials=3, bracket=(0.1, 0.2), cues=32)
    assert float(found["alpha_c"]) == pytest.approx(0.152, abs=0.008)


def test_A15_all_patterns_are_fixed_at_n_over_4_ln_n():
    """One parallel step from a pattern leaves it: no overlap may fall to 1 - 2/N = 0.998."""
    load = nm.theory.error_free_capacity(1000, all_patterns=True) / 1000
    curve = capacity(
        "hopfield", n=1000, loads=[load], trials=20, update="sync", steps=1, criterion=0.999
    )
    assert curve["patterns"].item() == 36
    assert curve["success"].item() >= 0.999


def test_overlap_below_alpha_c_follows_mean_field_theory():
    """The solved table of m(alpha) to 0.01, up to a load where small networks still hold."""
    curve = capacity("hopfield", n=2000, loads=[0.04, 0.06, 0.08, 0.10, 0.11, 0.12], trials=4)
    table = [0.999999, 0.999955, 0.999557, 0.997999, 0.996264, 0.993223]
    np.testing.assert_allclose(curve["overlap"].mean("trial"), table, atol=0.01)
    np.testing.assert_allclose(curve["theory_overlap"], table, atol=1e-5)


def test_critical_load_goes_to_0138_with_size():
    """alpha_c(N) = 0.138 + 0.8/sqrt(N).

    With about 0.001 of error at each size the intercept is uncertain by 0.003: held to 0.008.
    """
    trend = finite_size_trend("hopfield", (250, 500, 1000, 2000), trials=6)
    assert trend["alpha_c"].values == pytest.approx([0.190, 0.173, 0.162, 0.154], abs=0.008)
    assert float(trend["alpha_infinity"]) == pytest.approx(0.138, abs=0.008)
    assert float(trend["alpha_infinity_low"]) < float(trend["alpha_infinity_high"])
    assert float(trend["slope"]) == pytest.approx(0.8, abs=0.2)
    assert float(trend["theory_alpha_c"]) == pytest.approx(0.137906, abs=1e-6)


def test_a_search_is_a_function_of_the_seed(found_1000):
    again = capacity("hopfield", n=1000, trials=10, seed=0)
    xr.testing.assert_identical(found_1000, again)
    other = capacity("hopfield", n=1000, trials=10, seed=1)
    assert not np.array_equal(other["overlap"], found_1000["overlap"])


def test_loads_of_a_search_surround_the_transition(found_1000):
    loads, success = found_1000["load"].values, found_1000["success"].values
    assert (np.diff(loads) > 0).all()
    assert success[0] > 0.95
    assert success[-1] < 0.05
    assert np.sum((success > 0.1) & (success < 0.9)) >= 4
    np.testing.assert_array_equal(found_1000["patterns"], np.rint(loads * 1000))


def test_every_number_has_units_a_meaning_and_an_origin(found_1000):
    for variable in found_1000.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    assert found_1000.attrs["model"] == "hopfield"
    assert found_1000.attrs["n"] == 1000
    assert '"criterion": 0.9' in found_1000.attrs["parameters"]
    assert "Amit" in found_1000.attrs["source"]
    assert found_1000["expected_alpha_c"].item() == nm.theory.finite_size_critical_load(1000)


def test_two_workers_give_the_same_dataset_as_none():
    choices = {"n": 100, "trials": 3, "cues": 8, "seed": 5}
    alone = capacity("hopfield", **choices)
    xr.testing.assert_identical(alone, capacity("hopfield", workers=2, **choices))


def test_an_interrupted_search_is_resumed_with_the_same_result(tmp_path):
    """The chip fails in the middle of the second stage; the cells before it are not run again."""
    choices = {"n": 60, "trials": 3, "cues": 8, "seed": 2}
    whole = critical_load("hopfield", **choices, on=Faulty(10**9))
    with pytest.raises(RuntimeError, match=r"5 of 9 cells|2 of 3 cells"):
        critical_load("hopfield", **choices, on=Faulty(5), store=tmp_path / "cells")
    counted = Faulty(10**9)
    resumed = critical_load(
        "hopfield", **choices, on=counted, store=tmp_path / "cells", resume=True
    )
    xr.testing.assert_identical(whole, resumed)
    assert counted.calls == whole["overlap"].size - 5


def test_a_memory_that_never_fails_gives_a_lower_bound():
    curve = capacity("pseudo-inverse", n=60, loads=[0.2, 0.5, 0.9], trials=3, cues=8)
    assert curve["success"].values.tolist() == [1.0, 1.0, 1.0]
    assert curve["censored"].item() == 1
    assert curve["alpha_c"].item() == curve["alpha_c_low"].item() == 0.9
    assert curve["alpha_c_high"].item() == np.inf
    assert "theory_overlap" not in curve


def test_a_memory_that_always_fails_gives_an_upper_bound():
    curve = capacity("hopfield", n=60, loads=[1.0, 1.5], trials=3, cues=8)
    assert curve["censored"].item() == -1
    assert curve["alpha_c"].item() == curve["alpha_c_high"].item() == 1.0
    assert curve["alpha_c_low"].item() == 0.0


def test_a_rule_beyond_its_capacity_shows_in_the_recall():
    """Not in a warning from each network, which would be an error here."""
    model = functools.partial(nm.models.Hopfield, rule="perceptron", epochs=50)
    curve = capacity(model, n=40, loads=[0.5, 3.0], trials=2, criterion=0.999)
    assert curve["success"].values.tolist() == [1.0, 0.0]


def test_a_load_is_counted_as_the_model_counts_it():
    """Degree 3: load P / N^2; the search goes to the solved capacity, within its finite size."""
    curve = capacity("dense-memory", n=60, trials=3, cues=16)
    np.testing.assert_array_equal(curve["patterns"], np.rint(curve["load"] * 60**2))
    assert curve["censored"].item() == 0
    assert 0.05 < curve["alpha_c"].item() < 0.2


def test_a_search_for_an_exponential_capacity_ends_at_a_bound_that_fits_into_memory():
    curve = capacity("dense-exponential", n=1000, trials=1, cues=2)
    assert curve["censored"].item() == 1
    assert curve["patterns"].max().item() == pytest.approx(2**24 / 1000, rel=1e-3)
    assert curve["alpha_c"].item() == pytest.approx(np.log(2**24 / 1000) / 1000, rel=1e-3)


def test_a_search_stops_at_the_patterns_that_there_are():
    digits = nm.patterns.digits()[:10]
    curve = critical_load("pseudo-inverse", n=digits.shape[1], trials=2, patterns=digits)
    assert curve["patterns"].max() == 10
    assert curve["censored"].item() == 1


def test_noise_on_a_chip_costs_capacity(noisy_chip):
    choices = {"n": 200, "loads": [0.1, 0.14, 0.18], "trials": 6, "seed": 1}
    ideal = capacity("hopfield", **choices)
    noisy = capacity("hopfield", on=noisy_chip(1.0), **choices)
    exact = capacity("hopfield", on=noisy_chip(0.0), **choices)
    # As much noise as crosstalk: sqrt(2) of the deviation, the success of twice the load.
    assert noisy["success"][0] < ideal["success"][0] - 0.2
    np.testing.assert_array_equal(exact["overlap"], ideal["overlap"])
    assert "NoisyChip" in noisy.attrs["parameters"]


def test_cue_noise_and_options_of_recall_are_handed_on():
    choices = {"n": 200, "loads": [0.1], "trials": 4}
    clean = capacity("hopfield", **choices)["success"].item()
    assert capacity("hopfield", cue_noise=0.35, **choices)["success"].item() < clean - 0.3
    assert capacity("hopfield", cue_noise=0.2, steps=0, **choices)[
        "overlap"
    ].values == pytest.approx(0.6)
    model = functools.partial(nm.models.Hopfield, rule="storkey")
    curve = capacity(model, update="sync", **choices)
    assert curve.attrs["model"] == "Hopfield(rule='storkey')"
    assert '"recall": {"update": "sync"}' in curve.attrs["parameters"]


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"trials": -3}, r"capacity: trials is -3; give a whole number >= 1"),
        ({"trials": 0}, r"capacity: trials is 0; give a whole number >= 1"),
        ({"n": 1}, r"capacity: n is 1; give a whole number >= 2"),
        ({"loads": []}, r"capacity: loads has shape \(0,\); give a flat list"),
        ({"loads": [0.1, 0.1]}, r"capacity: loads holds a number twice"),
        ({"loads": [0.1, -0.2]}, r"capacity: loads holds -0\.2; give numbers from 0 to inf"),
        ({"loads": [0.0]}, r"capacity: loads holds 0; give finite loads above 0"),
        ({"loads": [np.nan]}, r"capacity: loads holds nan"),
        ({"loads": "many"}, r"capacity: loads is 'many'; give a list of numbers"),
        ({"loads": [0.004]}, r"capacity: load 0\.004 stores no pattern at n=100; give a load of"),
        ({"cue_noise": 0.6}, r"capacity: cue_noise is 0\.6; give a number from 0\.0 to 0\.5"),
        ({"criterion": 2}, r"capacity: criterion is 2; give a number from 0\.0 to 1\.0"),
        ({"seed": -1}, r"capacity: seed is -1; give a whole number >= 0"),
        ({"workers": 0}, r"workers is 0; give a whole number >= 1"),
    ],
)
def test_bad_arguments_are_refused(choices, text):
    with pytest.raises(ParameterError, match=text):
        capacity("hopfield", **{"n": 100, "loads": [0.1], "trials": 1, **choices})


def test_a_bracket_of_one_load_is_refused():
    with pytest.raises(
        ParameterError, match=r"critical_load: bracket has 3 loads; give the lowest"
    ):
        critical_load("hopfield", n=50, bracket=(0.1, 0.2, 0.3))


def test_what_cannot_be_sent_to_a_worker_is_refused():
    def local(n):
        return nm.models.Hopfield(n)

    with pytest.raises(ParameterError, match=r"capacity: the model cannot be sent to another proc"):
        capacity(local, n=50, trials=1, workers=2)


def test_a_trend_needs_two_sizes_and_two_critical_loads():
    with pytest.raises(ParameterError, match=r"give at least two different sizes"):
        finite_size_trend("hopfield", [100])
    with pytest.raises(ParameterError, match=r"at n=20 success never passes one half"):
        finite_size_trend("pseudo-inverse", (20, 30), trials=1, cues=4)


class Faulty:
    """A chip that lets every memory through and breaks after so many."""

    def __init__(self, lasts):
        self.lasts, self.calls = lasts, 0

    def __repr__(self):
        return "Faulty()"

    def map(self, memory, *, rng):
        self.calls += 1
        if self.calls > self.lasts:
            raise OSError("it broke")
        return Placed(memory)


class Placed:
    def __init__(self, memory):
        self.memory = memory


THEORY = ("theory_overlap", "theory_alpha_c", "expected_alpha_c")


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({}, (True, True, True)),
        ({"update": "sync"}, (True, True, False)),
        ({"temperature": 0.4, "steps": 5}, (True, True, False)),
        ({"steps": 1}, (True, True, False)),
        ({"cue_noise": 0.1}, (True, True, False)),
        ({"criterion": 0.8}, (True, True, False)),
        ({"patterns": nm.patterns.random}, (False, False, False)),
    ],
    ids=["usual", "sync", "warm", "one step", "noisy cues", "criterion", "own patterns"],
)
def test_theory_stands_beside_what_it_covers_alone(choices, expected):
    curve = capacity("hopfield", n=60, loads=[0.05, 0.1], trials=1, cues=2, **choices)
    assert tuple(name in curve for name in THEORY) == expected
    if expected[1]:
        limit = nm.theory.critical_load(choices.get("temperature", 0.0))
        assert float(curve["theory_alpha_c"]) == pytest.approx(limit)


@pytest.mark.parametrize(
    "model",
    [
        functools.partial(nm.models.Hopfield, diagonal="kept"),
        functools.partial(nm.models.Hopfield, threshold=0.1),
        functools.partial(nm.models.Hopfield, rule="storkey"),
    ],
)
def test_other_networks_have_no_theory_of_hebbs_rule(model):
    curve = capacity(model, n=60, loads=[0.05, 0.1], trials=1, cues=2)
    assert not any(name in curve for name in THEORY)


def test_a_chip_is_not_expected_to_reach_what_exact_weights_do(noisy_chip):
    curve = capacity("hopfield", n=60, loads=[0.05, 0.1], trials=1, cues=2, on=noisy_chip(0.0))
    assert tuple(name in curve for name in THEORY) == (True, True, False)
