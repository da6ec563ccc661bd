"""Recall at temperature against mean-field theory."""

import numpy as np
import pytest
import xarray as xr

import neuromem as nm
from neuromem.core.errors import CapabilityError, ParameterError
from neuromem.measures import thermal


@pytest.fixture(scope="module")
def warm():
    return thermal(
        "hopfield", n=2000, loads=[0.02, 0.05], temperatures=[0.3, 0.5, 0.6, 0.7], trials=3
    )


@pytest.mark.parametrize(
    ("load", "temperature", "overlap", "tolerance"),
    [(0.05, 0.3, 0.991, 0.01), (0.05, 0.5, 0.904, 0.02), (0.02, 0.6, 0.879, 0.02)],
)
def test_A16_glauber_overlap(warm, load, temperature, overlap, tolerance):
    at = warm.sel(load=load, temperature=temperature)
    assert float(at["overlap"].mean()) == pytest.approx(overlap, abs=tolerance)
    assert float(at["theory_overlap"]) == pytest.approx(overlap, abs=1e-3)


def test_A17_patterns_melt_above_t_m(warm):
    """T_M(0.05) = 0.542: at 0.7 the overlap decays to what is left by chance."""
    at = warm.sel(load=0.05, temperature=0.7)
    assert float(at["overlap"].mean()) < 0.2
    assert float(at["theory_overlap"]) == 0.0


def test_without_noise_it_is_the_overlap_of_plain_recall():
    cold = thermal(
        "hopfield", n=200, loads=[0.1], temperatures=[0.0], trials=2, burn_in=60, sweeps=3
    )
    assert (cold["overlap"] > 0.95).all()
    assert cold["theory_overlap"].item() == pytest.approx(0.997999, abs=1e-6)


def test_a_longer_average_contains_the_shorter_one():
    """Noise is keyed by sweep: 1 sweep after 9 is the last of 10 that are all averaged."""
    choices = {"n": 100, "loads": [0.05], "temperatures": [0.4], "trials": 1, "seed": 3}
    sums = [
        thermal("hopfield", burn_in=0, sweeps=k, **choices)["overlap"].item() * k for k in (9, 10)
    ]
    last = thermal("hopfield", burn_in=9, sweeps=1, **choices)["overlap"].item()
    assert last == pytest.approx(sums[1] - sums[0])


def test_two_workers_give_the_same_dataset_as_none():
    choices = {"n": 60, "loads": [0.05], "temperatures": [0.2, 0.8], "trials": 2, "sweeps": 5}
    alone = thermal("hopfield", **choices)
    xr.testing.assert_identical(alone, thermal("hopfield", workers=2, **choices))


def test_parallel_dynamics_and_other_rules_have_no_theory():
    choices = {"n": 60, "loads": [0.05], "temperatures": [0.2], "trials": 1, "sweeps": 2}
    assert "theory_overlap" in thermal("hopfield", **choices)
    assert "theory_overlap" not in thermal("hopfield", update="sync", **choices)
    assert "theory_overlap" not in thermal("storkey", **choices)
    patterns = nm.patterns.random(5, 60, rng=0)
    assert "theory_overlap" not in thermal("hopfield", patterns=patterns, **choices)


@pytest.mark.parametrize(
    ("choices", "error", "text"),
    [
        ({"temperatures": [-0.1]}, ParameterError, r"thermal: temperatures holds -0\.1"),
        ({"temperature": 0.1}, ParameterError, r"set by the measure itself; use temperatures"),
        ({"steps": 5}, ParameterError, r"set by the measure itself; use burn_in and sweeps"),
        ({"sweeps": 0}, ParameterError, r"thermal: sweeps is 0; give a whole number >= 1"),
        ({"model": "modern-hopfield"}, CapabilityError, r"thermal: ModernHopfield has no dynamics"),
    ],
)
def test_bad_arguments_are_refused(choices, error, text):
    given = {"model": "hopfield", "n": 50, "loads": [0.1], "temperatures": [0.1], **choices}
    with pytest.raises(error, match=text):
        thermal(given.pop("model"), **given)


def test_every_number_has_units_a_meaning_and_an_origin(warm):
    for variable in warm.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    assert np.array_equal(warm["patterns"], [40, 100])
    assert '"burn_in": 40' in warm.attrs["parameters"]
