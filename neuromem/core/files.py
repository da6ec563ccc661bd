"""Trained memories in NetCDF files: arrays with a header that says how to build the memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromem.core.codes import Array
from neuromem.core.errors import FileFormatError
from neuromem.core.results import as_json, open_dataset, provenance, save_dataset

if TYPE_CHECKING:
    from neuromem.core.memory import AssociativeMemory


def write_arrays(path: str | Path, arrays: Mapping[str, Array], header: dict[str, Any]) -> Path:
    """Write named arrays and a header of plain values to one NetCDF file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        The file to write; by custom it ends in ``.nc``.
    arrays : mapping of str to ndarray
        Arrays of numbers; bools are kept as int8.
    header : dict
        JSON-able values; ``kind`` says what the file is.
    """
    import xarray as xr

    variables = {}
    for name, array in arrays.items():
        kept = np.asarray(array)
        kept = kept.astype(np.int8) if kept.dtype == bool else kept
        variables[name] = (tuple(f"{name}_{axis}" for axis in range(kept.ndim)), kept)
    dataset = xr.Dataset(variables, attrs={"neuromem": json.dumps(header, sort_keys=True)})
    dataset.attrs |= provenance({}, seed=None)
    return save_dataset(dataset, path)


def read_arrays(path: str | Path, kind: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read the arrays and the header of a file that `write_arrays` wrote.

    Raises
    ------
    FileFormatError
        If the file is truncated, foreign, or of another `kind`.
    """
    dataset = open_dataset(path)
    try:
        header = json.loads(dataset.attrs["neuromem"])
        found = header["kind"]
    except (KeyError, TypeError, ValueError):
        header, found = {}, "no neuromem header"
    if found != kind:
        raise FileFormatError(
            f"{path}: this file holds {found!r}, expected a {kind}. "
            f"Give a file that a {kind}'s save() wrote."
        )
    return {str(name): variable.values for name, variable in dataset.items()}, header


def write_memory(path: str | Path, memory: AssociativeMemory) -> Path:
    """Write a memory: its class, its parameters and what it has learned."""
    header = {
        "kind": "memory",
        "model": type(memory).__name__,
        "parameters": as_json(memory.parameters),
        "n_stored": memory.n_stored,
        "revision": memory._version,
    }
    return write_arrays(path, memory._arrays(), header)


def read_memory(
    path: str | Path, classes: Mapping[str, type[AssociativeMemory]]
) -> AssociativeMemory:
    """Build the memory that a file holds, out of the classes that may be built.

    Raises
    ------
    FileFormatError
        If the file is truncated, foreign, or names a class that is not among `classes`.
    """
    arrays, header = read_arrays(path, kind="memory")
    if header["model"] not in classes:
        raise FileFormatError(
            f"{path}: holds a {header['model']!r}; this version knows: {', '.join(classes)}. "
            "Read it with the version of neuromem that wrote it."
        )
    memory = classes[header["model"]](**header["parameters"])
    memory._set_arrays(arrays)
    memory.n_stored = header["n_stored"]
    memory._version = header["revision"]
    return memory
