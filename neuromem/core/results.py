"""Results that explain themselves: variables with units, where a number came from, files.

A result is an `xarray.Dataset`. Its attributes say what determines the numbers (versions, seed,
parameters, source) and nothing else, so that the same seed gives the same Dataset, attributes
included. When and by which command a *file* was written stands in the file's ``history`` alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
import re
import shlex
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.errors import DataError, FileFormatError, ParameterError

_PACKAGES = ("neuromem", "numpy", "numba", "xarray")
_LONGEST_LIST = 64  # a longer array stands in the parameters as its shape and digest
_LARGEST_NETCDF_INT = 2**63 - 1
_MEMORY_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclasses.dataclass(frozen=True)
class Variable:
    """A result variable, registered once: its name, unit and meaning.

    Parameters
    ----------
    name : str
        A Python identifier, such as ``"overlap"``.
    units : str
        SI unit, ``"1"`` for a pure number.
    doc : str
        What the number is, in a few words; it becomes the attribute ``long_name`` (CF
        conventions), which xarray and matplotlib write on an axis.
    dims : tuple of str
        The variable's own dimensions, beside those that an experiment gives it.
    missing_ok : bool
        Whether NaN is an answer (no spike came, nothing converged) and not a mistake.

    Examples
    --------
    >>> overlap = Variable("overlap", "1", "final overlap m with the stored pattern")
    >>> overlap.array(["trial"], [0.9, 1.0]).attrs["units"]
    '1'
    """

    name: str
    units: str
    doc: str
    dims: tuple[str, ...] = ()
    missing_ok: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ParameterError(
                f"Variable: name is {self.name!r}; give a Python identifier such as 'overlap'."
            )
        if not isinstance(self.units, str) or not self.units.strip():
            raise ParameterError(
                f"Variable {self.name!r}: units is {self.units!r}; give a unit, '1' for none."
            )
        if isinstance(self.dims, str):  # type: ignore[unreachable]
            raise ParameterError(
                f"Variable {self.name!r}: dims is the string {self.dims!r}; give ({self.dims!r},)."
            )
        object.__setattr__(self, "dims", tuple(self.dims))

    @property
    def attrs(self) -> dict[str, str]:
        """The attributes of this variable in a Dataset: ``units`` and ``long_name``."""
        return {"units": self.units, "long_name": self.doc}

    def array(self, dims: Iterable[str], values: npt.ArrayLike) -> xr.Variable:
        """Return `values` with axes `dims` + ``self.dims`` and this variable's attributes."""
        return xr.Variable((*dims, *self.dims), values, self.attrs)


def provenance(
    parameters: Mapping[str, object],
    seed: int | np.random.SeedSequence | None,
    source: str | None = None,
) -> dict[str, str | int]:
    """Return the attributes that say where a Dataset's numbers come from.

    Parameters
    ----------
    parameters : mapping
        Everything that was chosen, kept as JSON (see `as_json`).
    seed : int, SeedSequence or None
        ``None`` is the seed 0. What no NetCDF integer holds is kept as JSON text.
    source : str, optional
        The paper whose experiment this is.

    Returns
    -------
    dict
        Versions of neuromem, Python, numpy, numba and xarray, ``parameters``, ``seed`` and
        ``source``. No time and no command line: the same seed gives identical Datasets.

    Examples
    --------
    >>> provenance({"n": 100, "rule": "hebb"}, seed=3)["parameters"]
    '{"n": 100, "rule": "hebb"}'
    """
    attrs: dict[str, str | int] = {
        "python_version": platform.python_version(),
        **{f"{package}_version": version(package) for package in _PACKAGES},
        "parameters": json.dumps(as_json(parameters, "provenance: parameters"), sort_keys=True),
        "seed": _seed_attribute(seed),
    }
    if source is not None:
        attrs["source"] = source
    return attrs


def as_json(value: object, where: str = "as_json: value") -> Any:
    """Return `value` in numbers, text, lists and dicts; the same value gives the same JSON.

    A class or a function stands as its name, a dataclass as its fields, an array of more than
    64 numbers as its shape and digest, infinity and NaN as text.

    Raises
    ------
    ParameterError
        If an object has no text that is the same in each run.

    Examples
    --------
    >>> as_json({"n": np.int64(3), "betas": np.array([0.5, np.inf]), "rule": Variable})
    {'n': 3, 'betas': [0.5, 'inf'], 'rule': 'neuromem.core.results.Variable'}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, np.ndarray):
        short = value.size <= _LONGEST_LIST or value.dtype.hasobject
        value = value.tolist() if short else _digest(value)
    if isinstance(value, Mapping):
        return {str(key): as_json(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return as_json({"type": type(value).__qualname__, **fields}, where)
    return _text(value, where)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path beside `path`; what is written there takes its place once all went well.

    The old file stays whole until the new one is complete, and nothing half-written is left.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def save_dataset(dataset: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a Dataset as NetCDF, whole or not at all.

    The file's ``history`` gains a line with the time (UTC) and the command.

    Parameters
    ----------
    dataset : xarray.Dataset
        What to write.
    path : path
        The file, by custom ``*.nc``; its folder is made, an old file is replaced.

    Returns
    -------
    Path
        Where the file is.

    Raises
    ------
    ParameterError
        If `dataset` is no Dataset, NetCDF cannot hold it, or `path` is a folder.
    """
    if not isinstance(dataset, xr.Dataset):
        raise ParameterError(
            f"save_dataset: dataset is a {type(dataset).__name__}; give an xarray.Dataset."
        )
    target = Path(path)
    if target.is_dir():
        raise ParameterError(f"save_dataset: path {target} is a folder; give a file such as x.nc.")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    line = f"{now} neuromem {version('neuromem')}: {shlex.join(sys.argv)}"
    history = "\n".join(filter(None, [dataset.encoding.get("history"), line]))
    with replacing(target) as unfinished:
        try:
            dataset.assign_attrs(history=history).to_netcdf(unfinished, engine="h5netcdf")
        except (TypeError, ValueError) as error:
            raise ParameterError(
                f"save_dataset: NetCDF cannot hold this Dataset: {_first_line(error)}. "
                "Give numbers and text, in attributes too."
            ) from error
    return target


def open_dataset(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a Dataset that `save_dataset` wrote: identical to what was saved, in memory.

    The file's ``history`` is in ``dataset.encoding["history"]``, where it takes no part in a
    comparison of results.

    Raises
    ------
    DataError
        If there is no such file (it is a `FileNotFoundError` too).
    FileFormatError
        If the file is truncated or is not NetCDF.
    """
    source = Path(path)
    if not source.exists():
        raise DataError(
            f"open_dataset: there is no file {source}. Give the path of a .nc file; "
            "'neuromem run' writes results/<script>.nc."
        )
    try:
        dataset = xr.load_dataset(source, engine="h5netcdf")
    except Exception as error:  # a damaged file fails anywhere in HDF5, in many ways
        raise FileFormatError(
            f"open_dataset: {source} is truncated or no NetCDF file ({_first_line(error)}). "
            "Give a file of save_dataset, or write it anew."
        ) from error
    attrs = {name: as_json(value) for name, value in dataset.attrs.items()}
    history = attrs.pop("history", None)
    dataset.attrs = attrs
    dataset.encoding["history"] = history
    return dataset


def _digest(array: npt.NDArray[Any]) -> dict[str, object]:
    digest = hashlib.blake2b(array.tobytes(), digest_size=16).hexdigest()
    return {"dtype": str(array.dtype), "shape": array.shape, "blake2b": digest}


def _text(value: object, where: str) -> str:
    """Return the name of a class or function, else an object's repr if it says its value."""
    name = getattr(value, "__qualname__", None)
    if name is not None:
        # A script's module has no dot and is named after the way it was run: it says nothing.
        module = getattr(value, "__module__", None) or ""
        return f"{module}.{name}" if "." in module else str(name)
    text = str(value) if isinstance(value, os.PathLike) else repr(value)
    if _MEMORY_ADDRESS.search(text):
        raise ParameterError(
            f"{where} holds {type(value).__qualname__}, whose repr is a memory address and not a "
            "value. Give numbers, text, arrays, a class, a dataclass, or define its __repr__."
        )
    return text


def _seed_attribute(seed: int | np.random.SeedSequence | None) -> int | str:
    if isinstance(seed, np.random.SeedSequence):
        parts = {"entropy": seed.entropy, "spawn_key": seed.spawn_key}
        return json.dumps(as_json(parts, "provenance: seed"))
    number = 0 if seed is None else int(seed)
    return number if number <= _LARGEST_NETCDF_INT else json.dumps(number)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
