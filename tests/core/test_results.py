"""Result variables, provenance and files: what is saved comes back, or an error says why."""

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr

from neuromem.core.errors import DataError, FileFormatError, ParameterError
from neuromem.core.results import (
    Variable,
    as_json,
    open_dataset,
    provenance,
    replacing,
    save_dataset,
)

OVERLAP = Variable("overlap", "1", "final overlap m with the stored pattern")


@dataclasses.dataclass
class Device:
    name: str
    window: tuple


@pytest.fixture
def dataset():
    return xr.Dataset(
        {
            "overlap": OVERLAP.array(["load", "rule"], [[0.1, np.nan], [np.inf, -0.0]]),
            "count": ("load", np.array([2**40, -3])),
            "converged": ("load", np.array([True, False])),
        },
        {"load": ("load", [0.05, 0.1], {"units": "1"}), "rule": ["hebb", "storkey"]},
        provenance({"n": 100, "rule": "hebb"}, seed=7, source="Hopfield 1982"),
    )


def test_a_variable_gives_its_unit_and_meaning_to_an_array():
    trace = Variable("energy", "J", "energy of a recall", dims=("step",))
    array = trace.array(["trial"], np.zeros((2, 3)))
    assert array.dims == ("trial", "step")
    assert array.attrs == {"units": "J", "long_name": "energy of a recall"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("my overlap", "1", "x"), "name is 'my overlap'; give a Python identifier"),
        (("overlap", " ", "x"), "units is ' '; give a unit, '1' for none"),
        (("overlap", "1", "x", "step"), r"dims is the string 'step'; give \('step',\)"),
    ],
)
def test_a_variable_refuses_what_would_not_explain_it(arguments, message):
    with pytest.raises(ParameterError, match=message):
        Variable(*arguments)


def test_provenance_is_the_same_each_time_and_says_what_was_chosen():
    first = provenance({"n": 5, "betas": np.array([0.5, 1.0])}, seed=3, source="Hopfield 1982")
    assert first == provenance({"n": 5, "betas": np.array([0.5, 1.0])}, 3, "Hopfield 1982")
    assert json.loads(first["parameters"]) == {"n": 5, "betas": [0.5, 1.0]}
    assert first["numpy_version"] == np.__version__
    assert first["xarray_version"] == xr.__version__
    assert (first["seed"], first["source"]) == (3, "Hopfield 1982")


@pytest.mark.parametrize(
    ("seed", "attribute"),
    [
        (None, 0),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        (np.random.SeedSequence(5, spawn_key=(1,)), '{"entropy": 5, "spawn_key": [1]}'),
    ],
)
def test_any_seed_becomes_an_attribute_that_netcdf_holds(seed, attribute):
    assert provenance({}, seed)["seed"] == attribute


def test_json_of_classes_dataclasses_and_long_arrays():
    changed = np.arange(65.0)
    changed[-1] = 0.0
    assert as_json([Variable, len]) == ["neuromem.core.results.Variable", "len"]
    assert as_json(Device("rram", (1, np.float32(2.0)))) == {
        "type": "Device",
        "name": "rram",
        "window": [1, 2.0],
    }
    assert as_json(np.arange(64.0)) == list(range(64))
    assert as_json(np.arange(65.0))["shape"] == [65]
    assert as_json(np.arange(65.0)) == as_json(np.arange(65.0)) != as_json(changed)


def test_json_refuses_an_object_that_shows_its_address_only():
    with pytest.raises(ParameterError, match=r"x\['net'\]\[0\] holds object, whose repr is a mem"):
        as_json({"net": [object()]}, "x")


def test_a_saved_dataset_comes_back_identical(dataset, tmp_path):
    path = save_dataset(dataset, tmp_path / "new" / "x.nc")
    xr.testing.assert_identical(open_dataset(path), dataset)
    assert type(open_dataset(path).attrs["seed"]) is int


def test_the_command_stands_in_the_file_alone_and_is_kept_when_saved_again(dataset, tmp_path):
    path = save_dataset(dataset, tmp_path / "x.nc")
    again = open_dataset(path)
    save_dataset(again, path)
    with xr.open_dataset(path, engine="h5netcdf") as file:
        lines = file.attrs["history"].splitlines()
    assert len(lines) == 2
    assert all(" neuromem " in line for line in lines)
    assert "history" not in again.attrs
    xr.testing.assert_identical(open_dataset(path), dataset)


def test_what_cannot_be_written_leaves_the_old_file_whole_and_nothing_else(dataset, tmp_path):
    path = save_dataset(dataset, tmp_path / "x.nc")
    with pytest.raises(ParameterError, match=r"NetCDF cannot hold this Dataset.*numbers and text"):
        save_dataset(dataset.assign_attrs(parameters={"n": 1}), path)
    assert [file.name for file in tmp_path.iterdir()] == ["x.nc"]
    xr.testing.assert_identical(open_dataset(path), dataset)


def test_an_interrupt_while_writing_leaves_nothing(tmp_path):
    def write_half():
        with replacing(tmp_path / "x.txt") as unfinished:
            unfinished.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused_in_one_line(dataset, tmp_path, fraction):
    path = save_dataset(dataset, tmp_path / "x.nc")
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(FileFormatError, match=r"x.nc is truncated or no NetCDF file") as caught:
        open_dataset(path)
    assert "\n" not in str(caught.value)


def test_a_foreign_file_is_refused(tmp_path):
    (tmp_path / "x.nc").write_text("load,overlap\n0.1,1.0\n" * 100)
    with pytest.raises(FileFormatError, match=r"no NetCDF file .*Give a file of save_dataset"):
        open_dataset(tmp_path / "x.nc")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*nowhere.nc. Give the path of a .nc"):
        open_dataset(tmp_path / "nowhere.nc")
    with pytest.raises(FileNotFoundError):
        open_dataset(tmp_path / "nowhere.nc")


def test_save_refuses_a_folder_and_a_bare_array(dataset, tmp_path):
    with pytest.raises(ParameterError, match="is a folder; give a file"):
        save_dataset(dataset, tmp_path)
    with pytest.raises(ParameterError, match=r"dataset is a ndarray; give an xarray.Dataset"):
        save_dataset(np.zeros(3), tmp_path / "x.nc")
