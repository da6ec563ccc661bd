"""`neuromem run`: a script leaves its store, its result, its figure and its summary."""

import sys

import pytest
import xarray as xr

from neuromem.core.errors import CapabilityError, ParameterError
from neuromem.core.results import open_dataset
from neuromem.sweep import run_script

identical = xr.testing.assert_identical

FIGURE = """
QUICK = SWEEP.replace(trials=1)

def figure(result):
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots()
    axes.plot(result["load"], result.level.mean(["rule", "trial"]))
    return figure

def summary(result):
    return {"level": result.level.mean().values[()], "cells": result.level.size}
"""

SEVERAL = """
SWEEPS = {"a": one.replace(trials=1), "b": one.replace(trials=2)}

def summary(results):
    return {name: result.sizes["trial"] for name, result in results.items()}
"""


@pytest.fixture
def text(walks):
    return walks.read_text()


def test_a_script_leaves_its_store_its_result_its_figure_and_its_summary(
    text, write_script, tmp_path
):
    run = run_script(write_script(text + FIGURE), out=tmp_path / "out", trials=2, seed=9)
    result = run.datasets["script"]
    assert dict(result.sizes) == {"load": 2, "rule": 2, "trial": 2, "step": 3}
    assert (result.attrs["seed"], result.attrs["title"]) == (9, "script")
    assert [path.name for path in run.paths] == ["script.zarr", "script.nc", "script.png"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {p.name for p in run.paths}
    identical(open_dataset(run.paths[1]), result)
    assert run.paths[2].read_bytes().startswith(b"\x89PNG")
    assert run.summary == {"level": float(result.level.mean()), "cells": 8}
    assert type(run.summary["level"]) is float
    assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_quick_runs_the_small_sweep_beside_the_full_one(text, write_script, tmp_path):
    run = run_script(write_script(text + FIGURE), out=tmp_path, quick=True)
    assert run.datasets["script-quick"].sizes["trial"] == 1
    names = ["script-quick.zarr", "script-quick.nc", "script-quick.png"]
    assert [path.name for path in run.paths] == names


def test_a_script_may_hold_several_sweeps(text, write_script, tmp_path):
    run = run_script(write_script(text.replace("SWEEP =", "one =") + SEVERAL), out=tmp_path)
    assert run.summary == {"a": 1, "b": 2}
    names = ["script-a.zarr", "script-a.nc", "script-b.zarr", "script-b.nc"]
    assert [path.name for path in run.paths] == names


def test_a_finished_script_runs_again_from_its_store_with_resume_alone(
    walks, tmp_path, monkeypatch
):
    first = run_script(walks, out=tmp_path / "out")
    monkeypatch.setenv("SWEEP_LOG", str(tmp_path / "log"))
    with pytest.raises(ParameterError, match=r"walks\.zarr exists already\. Pass resume=True"):
        run_script(walks, out=tmp_path / "out")
    again = run_script(walks, out=tmp_path / "out", resume=True)
    identical(again.datasets["walks"], first.datasets["walks"])
    assert not (tmp_path / "log").exists()
    assert first.summary is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "x = 1\n", "defines neither SWEEP nor SWEEPS; define one, SWEEP = Sweep"),
        (lambda text: "SWEEP = 1\n", "must each be a Sweep, .* this is 1"),
        (lambda text: text + "SWEEPS = {}\n", "defines both SWEEP and SWEEPS"),
        (lambda text: text + "SWEEPS = {'a/b': SWEEP}\ndel SWEEP\n", "'a/b' names files; use lett"),
        (
            lambda text: text + "def figure(r):\n    return r\n",
            "returned a Dataset; return the mat",
        ),
        (lambda text: text + "def summary(r):\n    return 1\n", "returned a int; return a dict"),
    ],
)
def test_a_script_that_cannot_run_says_why_in_one_line(
    text, write_script, tmp_path, change, message
):
    with pytest.raises(ParameterError, match=message) as caught:
        run_script(write_script(change(text)), out=tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_quick_needs_a_small_sweep(walks, tmp_path):
    with pytest.raises(ParameterError, match=r"walks\.py has no QUICK; define it, for example"):
        run_script(walks, out=tmp_path, quick=True)


def test_a_scheduler_needs_the_extra_and_excludes_workers(walks, tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match="workers and scheduler are both given; give one"):
        run_script(walks, out=tmp_path, scheduler="tcp://localhost:8786", workers=2)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CapabilityError, match=r"needs dask\.distributed; pip install 'neuromem\["):
        run_script(walks, out=tmp_path, scheduler="tcp://localhost:8786")
