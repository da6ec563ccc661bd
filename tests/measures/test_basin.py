"""Basins: the critical cue noise of Hebb's rule, exact flips, ends of the curve, bad input."""

import numpy as np
import pytest
import xarray as xr

from neuromem.core.errors import ParameterError
from neuromem.measures import basin


@pytest.fixture(scope="module")
def hebb():
    fractions = np.arange(0.25, 0.49, 0.02)
    return basin("hopfield", n=2000, loads=[0.05, 0.10], fractions=fractions, trials=5, cues=32)


def test_A20_critical_cue_noise(hebb):
    """N = 2000: f50 = 0.410 and 0.312 at load 0.05 and 0.10, to 0.02.

    Success falls over 0.015; of 160 cues at 12 fractions the midpoint is known to about 0.002.
    """
    np.testing.assert_allclose(hebb["f50"], [0.410, 0.312], atol=0.02)
    assert (hebb["censored"] == 0).all()
    width = (hebb["f50_high"] - hebb["f50_low"]).values
    assert (width > 0).all()
    assert (width < 0.02).all()


def test_success_falls_and_the_search_takes_longer_towards_the_edge(hebb):
    success = hebb["success"].values
    assert (success[:, 0] > 0.85).all()
    assert (success[:, -1] < 0.05).all()
    assert (hebb["success_low"] <= hebb["success"]).all()
    assert (hebb["success"] <= hebb["success_high"]).all()
    steps = hebb["steps"].mean("trial").values
    assert (steps[:, -1] > 1.5 * steps[:, 0]).all()


def test_cues_have_exactly_their_share_of_flipped_units():
    """No step is made: the overlap is 1 - 2 round(f N) / N."""
    result = basin("hopfield", n=100, loads=[0.05], fractions=[0.0, 0.104, 0.3], trials=2, steps=0)
    assert result["overlap"].dims == ("load", "trial", "fraction")
    np.testing.assert_allclose(result["overlap"][0], [[1.0, 0.8, 0.4]] * 2)


def test_a_load_beyond_capacity_has_no_basin_and_a_light_one_no_edge():
    heavy = basin("hopfield", n=100, loads=[1.0], fractions=[0.0, 0.1], trials=2)
    light = basin("hopfield", n=100, loads=[0.01], fractions=[0.0, 0.1], trials=2)
    assert (heavy["censored"].item(), heavy["f50"].item(), heavy["f50_low"].item()) == (-1, 0, 0)
    assert (light["censored"].item(), light["f50"].item(), light["f50_high"].item()) == (1, 0.1, 1)


def test_two_workers_give_the_same_dataset_as_none():
    choices = {"n": 60, "loads": [0.05, 0.1], "fractions": [0.1, 0.3, 0.45], "trials": 2}
    alone = basin("hopfield", **choices)
    xr.testing.assert_identical(alone, basin("hopfield", workers=2, **choices))


def test_every_number_has_units_a_meaning_and_an_origin(hebb):
    for variable in hebb.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    assert hebb.attrs["model"] == "hopfield"
    assert "Forrest" in hebb.attrs["source"]


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"fractions": [0.2, 1.2]}, r"basin: fractions holds 1\.2; give numbers from 0 to 1"),
        ({"fractions": []}, r"basin: fractions has shape \(0,\)"),
        ({"loads": [0.001]}, r"basin: load 0\.001 stores no pattern at n=50"),
        ({"trials": 0}, r"basin: trials is 0"),
        ({"criterion": -1}, r"basin: criterion is -1"),
    ],
)
def test_bad_arguments_are_refused(choices, text):
    with pytest.raises(ParameterError, match=text):
        basin("hopfield", **{"n": 50, "loads": [0.1], "trials": 1, **choices})
