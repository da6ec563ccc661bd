"""A sweep as its user sees it: what it refuses, what the Dataset holds, what is shown."""

import re
import subprocess
import sys

import numpy as np
import pytest

from neuromem.core.errors import ParameterError
from neuromem.core.results import Variable
from neuromem.sweep import Sweep, cell_seed

LEVEL = Variable("level", "V", "what comes out")
GAP = Variable("gap", "s", "time between two spikes, if there were two", missing_ok=True)


def given(x, rng):
    return x


def test_the_result_holds_what_the_trial_returns_with_names_units_and_provenance(sweep):
    result = sweep.replace(seed=4, name="walks", source="Hebb 1949").run()
    assert result.level.dims == ("load", "rule", "trial")
    assert result.walk.dims == ("load", "rule", "trial", "step")
    assert result.step.values.tolist() == [0.0, 0.5, 1.0]
    assert result.level.attrs == {"units": "V", "long_name": "mean of the draws"}
    assert result["load"].attrs == {"units": "1", "long_name": "patterns per unit"}
    assert (result.attrs["title"], result.attrs["trial_function"]) == ("walks", "trial")
    assert (result.attrs["seed"], result.attrs["source"]) == (4, "Hebb 1949")
    assert result.attrs["parameters"] == '{"n": 4, "scale": "Scale"}'
    place = {"load": 0.2, "rule": "hebb"}
    alone = sweep.trial(**place, **sweep.fixed, rng=cell_seed(4, place, trial=2))
    assert result.level.sel(**place, trial=2) == alone["level"]
    np.testing.assert_array_equal(result.walk.sel(**place, trial=2), list(alone.values())[1])


def test_seed_of_gives_the_seed_that_a_cell_had(sweep):
    place = {"load": 0.1, "rule": "storkey"}
    again = sweep.trial(**place, **sweep.fixed, rng=sweep.seed_of(**place, trial=1))
    assert sweep.run().level.sel(**place, trial=1) == again["level"]
    with pytest.raises(ParameterError, match=r"load = 0\.7 is not on the grid; there are: 0\.1, 0"):
        sweep.seed_of(load=0.7, rule="hebb")
    with pytest.raises(ParameterError, match="got load; give a value of each of: load, rule"):
        sweep.seed_of(load=0.1)


def test_shape_and_replace(sweep):
    assert sweep.shape == {"load": 2, "rule": 2, "trial": 10}
    assert sweep.replace(trials=1).shape == {"load": 2, "rule": 2, "trial": 1}


def test_a_sweep_without_axes_repeats_its_trial():
    result = Sweep(given, grid={}, fixed={"x": 2}, trials=3, measures=LEVEL).run()
    assert result.level.values.tolist() == [2.0, 2.0, 2.0]


def no_spikes(x, rng):
    return float("nan")


def test_a_variable_that_may_be_missing_holds_nan_in_memory_and_in_a_store(tmp_path):
    sweep = Sweep(no_spikes, grid={"x": [0, 1]}, measures=GAP)
    assert np.isnan(sweep.run().gap).all()
    assert np.isnan(sweep.run(store=tmp_path / "x.zarr").gap).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": -1}, "Sweep: trials is -1; give a whole number >= 1."),
        ({"trials": 2.5}, "Sweep: trials is 2.5; give a whole number >= 1."),
        ({"seed": -1}, "Sweep: seed is -1; give a whole number >= 0."),
        ({"grid": {"a load": [1]}}, "the axis name 'a load' is no Python identifier"),
        ({"grid": {"load": [1], "n": [1]}}, "the name 'n' is given twice or is taken"),
        ({"grid": {"load": [1], "trial": [1]}}, "the name 'trial' is given twice or is taken"),
        ({"grid": {"load": [1], "level": [1]}}, "the name 'level' is given twice or is taken"),
        ({"grid": {"load": [1]}}, "cannot be called with load, scale, n, rng: missing a required"),
        ({"fixed": {"n": 8}}, "cannot be called with load, rule, n, rng: missing a required"),
        ({"coords": {}}, "'walk' has the dimension 'step', of which the length is unknown; give"),
        ({"measures": LEVEL}, "coords has step, which no measure has among its dims"),
        ({"measures": ()}, "measures is (); give a Variable or several, such as Variable('ov"),
        ({"measures": ["level"]}, "measures is ['level']; give a Variable or several"),
        (
            {"fixed": {"n": 4, "scale": object()}},
            "parameters['scale'] holds object, whose repr is a memory add",
        ),
        ({"trial": "trial"}, "trial is 'trial'; give a function, and what it always takes as fix"),
    ],
)
def test_a_sweep_refuses_what_it_cannot_run(sweep, changes, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        sweep.replace(**changes)


def test_run_refuses_contradictions(sweep):
    with pytest.raises(ParameterError, match="workers is 0; give a whole number >= 1"):
        sweep.run(workers=0)
    with pytest.raises(ParameterError, match="resume=True, but no store; give store=path"):
        sweep.run(resume=True)


def test_progress_is_shown_when_asked_for(capsys):
    sweep = Sweep(given, grid={"x": [1, 2]}, measures=LEVEL, name="loads")
    sweep.run(progress=True)
    shown = capsys.readouterr().err
    assert shown.startswith("loads")
    assert "2/2" in shown
    sweep.run()  # stderr is no terminal here
    assert capsys.readouterr().err == ""


def test_importing_sweeps_loads_no_cluster_no_store_and_no_bar():
    listing = "import sys, neuromem.sweep; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", listing], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert "xarray" in loaded
    assert loaded.isdisjoint({"dask", "distributed", "zarr", "rich", "numba", "scipy"})
