"""Axes and cells: seeds follow the coordinates, axes of every kind come back, bad ones do not."""

import re

import numpy as np
import pytest
import xarray as xr

from neuromem.core.errors import ParameterError
from neuromem.core.results import Variable, open_dataset, save_dataset
from neuromem.sweep import Sweep, cell_seed

LEVEL = Variable("level", "V", "what comes out")


def test_grid_points_and_trials_added_later_leave_the_old_cells_as_they_are(sweep):
    old = sweep.replace(grid={"load": [1, 2], "rule": ["hebb"]}, trials=3).run()
    new = sweep.replace(grid={"rule": ["storkey", "hebb"], "load": [2, 0.5, 1]}, trials=5).run()
    for name in ("level", "walk"):
        kept = new[name].sel(load=[1, 2], rule=["hebb"], trial=[0, 1, 2])
        np.testing.assert_array_equal(kept.transpose(*old[name].dims), old[name])
    assert len(np.unique(new.level)) == new.level.size


def test_cell_seeds_are_the_same_on_every_machine_and_in_every_version():
    """These words were written down once; to change them silently changes all results."""
    seed = cell_seed(7, {"load": 0.1, "rule": "hebb", "on": True}, trial=3)
    load, on, rule = (3448961992, 3586556989), (2516430601, 1146774973), (1632212333, 2642537753)
    assert seed.entropy == 7
    assert seed.spawn_key == (*load, *on, *rule, 3)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.5), (1, "1"), (True, 1), (0.1, np.nextafter(0.1, 1)), (1, -1)]
)
def test_different_coordinates_have_different_seeds(one, other):
    assert cell_seed(0, {"x": one}, 0).spawn_key != cell_seed(0, {"x": other}, 0).spawn_key


def test_seeds_depend_on_the_axis_and_the_trial_but_not_on_the_sign_of_zero():
    key = cell_seed(0, {"x": 0}, 0).spawn_key
    assert key == cell_seed(0, {"x": -0.0}, 0).spawn_key
    assert key != cell_seed(0, {"y": 0}, 0).spawn_key
    assert key != cell_seed(0, {"x": 0}, 1).spawn_key


def position(n, beta, rule, on, rng):
    assert [type(x) for x in (n, beta, rule, on)] == [int, float, str, bool]
    return n


def test_axes_of_every_kind_come_back_from_a_store_and_a_file(tmp_path):
    axes = {"n": [3, 1], "beta": [0.5, np.inf], "rule": ["hebb", "storkey"], "on": [True, False]}
    sweep = Sweep(position, measures=LEVEL, grid=axes)
    result = sweep.run(store=tmp_path / "x.zarr")
    xr.testing.assert_identical(result, sweep.run())
    saved = save_dataset(result, tmp_path / "x.nc")
    xr.testing.assert_identical(open_dataset(saved), result)
    assert result.level.sel(n=3, beta=np.inf, rule="storkey", on=False, trial=0) == 3.0


def identity(x, rng):
    return x


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "grid: axis 'x' is empty; give at least one value."),
        ([0.1, 0.2, 0.1], "axis 'x' holds 0.1 twice; give each value once."),
        ([1, 1.0], "axis 'x' holds 1.0 twice"),
        ([1, "2"], "axis 'x' holds number, str; give numbers, or names, or True and False."),
        ([True, 2], "axis 'x' holds bool, number; give"),
        ([None], "axis 'x' holds NoneType; give"),
        ([0.1, np.nan], "every number must be real, and fit 64 bits."),
        ([10**30], "every number must be real, and fit 64 bits."),
        ("0.1", "axis 'x' is '0.1'; give a sequence of numbers or names."),
    ],
)
def test_an_axis_refuses_what_is_no_coordinate(values, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        Sweep(identity, grid={"x": values}, measures=LEVEL)
