"""Stores outlive kills and interrupts, go on where they ended, and refuse what is not theirs.

Where a test compares Datasets, `identical` compares names, values, coordinates and attributes.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from neuromem.core.errors import FileFormatError, ParameterError
from neuromem.core.results import Variable

identical = xr.testing.assert_identical
posix = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")

RUN = """
import sys
from neuromem.sweep import load_script

if __name__ == "__main__":
    script, store, workers = sys.argv[1:]
    load_script(script).SWEEP.run(store=store, workers=int(workers), resume=True)
"""


@pytest.fixture
def start(walks, write_script, tmp_path):
    """Return a function that runs the script elsewhere until its log has some lines."""
    log = tmp_path / "log"

    def started(workers, lines):
        process = subprocess.Popen(
            [sys.executable, write_script(RUN), walks, tmp_path / "x.zarr", str(workers)],
            env={**os.environ, "SWEEP_LOG": str(log)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        while process.poll() is None:
            if log.exists() and len(log.read_text().splitlines()) >= lines:
                break
            time.sleep(0.001)
        return process

    return started


def recorded(store):
    """Return the lines of the log for the cells that the store holds as done."""
    group = zarr.open_group(store, mode="r")
    loads, rules, walk = (group[name][...] for name in ("load", "rule", "walk"))
    return {
        f"{loads[i]} {rules[j]} {float(walk[i, j, k, 0]).hex()}"
        for i, j, k in np.argwhere(group["done"][...])
    }


@posix
@pytest.mark.parametrize("moment", [(1, 1), (1, 17), (2, 9)], ids=str)  # (workers, cells)
def test_a_kill_loses_no_recorded_cell_and_resume_runs_the_missing_ones_alone(
    sweep, start, tmp_path, monkeypatch, moment
):
    workers, _ = moment
    store, log = tmp_path / "x.zarr", tmp_path / "log"
    process = start(*moment)
    process.kill()
    # Workers hold the same pipes: their end of file comes when the last worker has ended, too.
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    first, before = log.read_text().splitlines(), recorded(store)
    assert before <= set(first)
    if workers == 1:  # the one cell that was being recorded; from workers, more may be on the way
        assert len(first) - len(before) <= 1

    log.unlink()
    undisturbed = sweep.run()
    monkeypatch.setenv("SWEEP_LOG", str(log))
    result = sweep.run(store=store, resume=True)
    second = log.read_text().splitlines()
    assert before.isdisjoint(second)
    assert len(second) == len(set(second)) == 40 - len(before)
    identical(result, undisturbed)


@posix
def test_ctrl_c_stops_the_workers_and_says_how_to_go_on(sweep, start, tmp_path):
    store = tmp_path / "x.zarr"
    process = start(workers=2, lines=1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    _, errors = process.communicate(timeout=30)
    kept = len(recorded(store))
    assert errors.splitlines()[-1] == (
        f"KeyboardInterrupt: Sweep.run: interrupted. {kept} of 40 cells are kept in {store}; "
        "run again with resume=True (--resume) to go on."
    )
    assert errors.count("Traceback") == 1  # the workers say nothing
    assert kept < 40
    identical(sweep.run(store=store, resume=True), sweep.run())


def test_an_end_at_any_write_of_the_store_leaves_it_whole(sweep, tmp_path, monkeypatch):
    """Each of the 2 x 3 writes of two cells (level, walk, done) is once the first undone."""
    sweep = sweep.replace(grid={"load": [0.5], "rule": ["hebb"]}, trials=2)
    undisturbed = sweep.run()
    write = zarr.Array.__setitem__
    for undone in range(6):
        store = tmp_path / f"{undone}.zarr"
        calls = iter(range(-4, 6))  # making the store writes the four coordinates

        def until(array, index, value, calls=calls, undone=undone):
            if next(calls) == undone:
                raise KeyboardInterrupt
            write(array, index, value)

        with monkeypatch.context() as patch:
            patch.setattr(zarr.Array, "__setitem__", until)
            with pytest.raises(KeyboardInterrupt, match=f"{undone // 3} of 2 cells are kept in"):
                sweep.run(store=store)
        assert zarr.open_group(store)["done"][...].sum() == undone // 3
        identical(sweep.run(store=store, resume=True), undisturbed)


def test_a_failure_while_the_store_is_made_leaves_nothing(sweep, tmp_path, monkeypatch):
    def fail(array, index, value):
        raise OSError("no space left on device")

    monkeypatch.setattr(zarr.Array, "__setitem__", fail)
    with pytest.raises(OSError, match="no space left"):
        sweep.run(store=tmp_path / "x.zarr")
    assert list(tmp_path.iterdir()) == []


def test_resume_starts_a_store_that_is_not_there_and_reads_one_that_is_complete(sweep, tmp_path):
    store = tmp_path / "new" / "x.zarr"
    first = sweep.run(store=store, resume=True)
    identical(first, sweep.run())
    identical(sweep.run(store=store, resume=True, workers=2), first)
    assert [path.name for path in store.parent.iterdir()] == ["x.zarr"]
    with xr.open_zarr(store, consolidated=False, chunks=None) as opened:
        np.testing.assert_array_equal(opened.walk, first.walk)
        assert opened.level.attrs["units"] == "V"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "seed is 5 there and 1 here"),
        ({"trials": 4}, "trials is 10 there and 4 here"),
        ({"fixed": {"n": 9, "scale": float}}, "parameters.n is 4 there and 9 here"),
        ({"fixed": {"n": 4, "scale": int}}, 'parameters.scale is "Scale" there and "int" here'),
        (
            {"grid": {"load": [0.1], "rule": ["hebb", "storkey"]}},
            "grid.load is [0.1, 0.2] there and [0.1] here",
        ),
        ({"coords": {"step": 3}}, "coords.step is [0.0, 0.5, 1.0] there and [0, 1, 2] here"),
        ({"source": None}, 'source is "Hebb 1949" there and absent here'),
        (
            {"measures": (Variable("level", "mV", "mean of the draws"),), "coords": {}},
            "coords.step is [0.0, 0.5, 1.0] there and absent here",
        ),
    ],
)
def test_the_store_of_another_sweep_is_refused_and_the_difference_named(
    sweep, tmp_path, changes, message
):
    sweep.run(store=tmp_path / "x.zarr")
    text = re.escape(f"holds another sweep: {message}. Give another path, or run the sweep that")
    with pytest.raises(ParameterError, match=text):
        sweep.replace(**changes).run(store=tmp_path / "x.zarr", resume=True)


def test_an_existing_store_is_not_touched_without_resume(sweep, tmp_path):
    sweep.run(store=tmp_path / "x.zarr")
    with pytest.raises(ParameterError, match=r"exists already\. Pass resume=True \(--resume\)"):
        sweep.run(store=tmp_path / "x.zarr")


def cut(path):
    path.write_bytes(path.read_bytes()[:-3])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("zarr.json", Path.unlink),
        ("zarr.json", cut),
        ("zarr.json", lambda path: path.write_text('{"zarr_format": 3, "node_type": "group"}')),
        ("walk/zarr.json", Path.unlink),
        ("level/zarr.json", cut),
        ("level/c/0/0/0", cut),
        ("level/c/1/1/2", flip_a_bit),
        ("walk/c/0/0/0/0", Path.unlink),
        ("done/c/0/0/0", lambda path: path.write_bytes(b"")),
    ],
)
def test_a_damaged_store_is_refused_in_one_line(sweep, tmp_path, name, damage):
    store = tmp_path / "x.zarr"
    sweep.run(store=store)
    damage(store / name)
    with pytest.raises(FileFormatError, match="is damaged or no store of a sweep") as caught:
        sweep.run(store=store, resume=True)
    assert "\n" not in str(caught.value)


def test_a_file_and_a_foreign_folder_are_no_stores(sweep, tmp_path):
    (tmp_path / "file.zarr").write_text("load,overlap")
    zarr.create_group(tmp_path / "foreign.zarr")
    for name in ("file.zarr", "foreign.zarr"):
        with pytest.raises(FileFormatError, match=rf"{name} is damaged or no store .*Delete it"):
            sweep.run(store=tmp_path / name, resume=True)
