"""Where the values of finished cells are kept: in memory, or in a Zarr store that outlives us."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import FileFormatError, ParameterError
from neuromem.sweep.layout import Cell, Floats, Layout

DONE = "done"
_IDENTITY = "neuromem_sweep"
_LONGEST_VALUE = 60  # characters of a differing item that an error shows


class Store(Protocol):
    """What a running sweep needs of the place where its cells are kept."""

    place: str

    def missing(self) -> npt.NDArray[np.bool_]:
        """Return which cells are not recorded, in the layout's shape."""

    def record(self, cell: Cell, values: dict[str, Floats]) -> None:
        """Keep the values of one finished cell."""

    def values(self) -> dict[str, Floats]:
        """Return the full array of each measure, once no cell is missing."""


class MemoryStore:
    """Keeps the cells in arrays of this process; a kill loses them."""

    place = "memory"

    def __init__(self, layout: Layout) -> None:
        self._missing = np.ones(layout.shape, dtype=bool)
        self._values = {
            m.name: np.full((*layout.shape, *layout.value_shape(m)), np.nan)
            for m in layout.measures
        }

    def missing(self) -> npt.NDArray[np.bool_]:
        """Return which cells are not recorded, in the layout's shape."""
        return self._missing.copy()

    def record(self, cell: Cell, values: dict[str, Floats]) -> None:
        """Keep the values of one finished cell."""
        for name, value in values.items():
            self._values[name][cell.index] = value
        self._missing[cell.index] = False

    def values(self) -> dict[str, Floats]:
        """Return the full array of each measure."""
        return self._values


class ZarrStore:
    """Keeps each cell as files of its own in a Zarr v3 folder; a kill at any moment loses none.

    A cell's values are written before its flag in the array ``done``, and each file comes to its
    name by a rename, so that a flag that can be read has whole values behind it. Files are not
    forced to the disk: what a power failure may lose is found by the values' CRC-32C, or by the
    NaN of absent ones. While it grows, ``xarray.open_zarr(path, consolidated=False)`` reads it.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        import zarr

        self.place = str(path)
        self._layout = layout
        try:
            group = zarr.open_group(path, mode="r+", zarr_format=3)
            found = dict(json.loads(str(group.attrs[_IDENTITY])))
            self._arrays = {name: _array(group, name) for name in (*_names(layout), DONE)}
            self._missing = ~np.asarray(self._arrays[DONE][...], dtype=bool)
        except Exception as error:  # damage shows as any of a dozen exceptions
            raise self._damaged(error) from error
        _check_same(self.place, found, layout.identity())
        for name, shape in _shapes(layout).items():
            if self._arrays[name].shape != shape:
                raise self._damaged(f"{name} has shape {self._arrays[name].shape}, not {shape}")

    @classmethod
    def open(cls, path: str | os.PathLike[str], layout: Layout, *, resume: bool) -> ZarrStore:
        """Open the store to go on, or make it if there is none.

        Raises
        ------
        ParameterError
            If there is a store and `resume` is false, or it is the store of another sweep.
        FileFormatError
            If what is there cannot be read as the store of a sweep.
        """
        folder = Path(path)
        if not folder.exists():
            _create(folder, layout)
        elif not resume:
            raise ParameterError(
                f"Sweep.run: store {folder} exists already. Pass resume=True (--resume) to run "
                "what is missing there, or give another path."
            )
        return cls(folder, layout)

    def missing(self) -> npt.NDArray[np.bool_]:
        """Return which cells are not recorded, in the layout's shape."""
        return self._missing.copy()

    def record(self, cell: Cell, values: dict[str, Floats]) -> None:
        """Keep the values of one finished cell: the values first, then the flag."""
        for name, value in values.items():
            self._arrays[name][cell.index] = value
        self._arrays[DONE][cell.index] = True
        self._missing[cell.index] = False

    def values(self) -> dict[str, Floats]:
        """Return the full array of each measure.

        Raises
        ------
        FileFormatError
            If the file of a recorded cell is damaged or gone.
        """
        values: dict[str, Floats] = {}
        for measure in self._layout.measures:
            try:
                values[measure.name] = np.asarray(self._arrays[measure.name][...])
            except Exception as error:  # whatever the codec of a damaged chunk raises
                raise self._damaged(error) from error
            if np.isnan(values[measure.name]).any() and not measure.missing_ok:
                raise self._damaged(f"values of {measure.name} are gone")
        return values

    def _damaged(self, reason: object) -> FileFormatError:
        text = (str(reason) or type(reason).__name__).splitlines()[0].rstrip(".")
        return FileFormatError(
            f"Sweep.run: store {self.place} is damaged or no store of a sweep ({text}). "
            "Delete it, or give another path."
        )


def _names(layout: Layout) -> list[str]:
    return [measure.name for measure in layout.measures]


def _shapes(layout: Layout) -> dict[str, tuple[int, ...]]:
    values = {m.name: (*layout.shape, *layout.value_shape(m)) for m in layout.measures}
    return {**values, DONE: layout.shape}


def _array(group: Any, name: str) -> Any:
    if name not in group:
        raise KeyError(f"the array {name} is missing")
    return group[name]


def _create(path: Path, layout: Layout) -> None:
    """Build the whole empty store beside `path`, then rename it: it is there whole or not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        _fill(unfinished, layout)
        unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _fill(path: Path, layout: Layout) -> None:
    import zarr
    from zarr.codecs import Crc32cCodec

    identity = json.dumps(layout.identity(), sort_keys=True)
    group = zarr.create_group(path, attributes={**layout.attrs, _IDENTITY: identity})
    for axis in layout.axes:
        values = np.array(axis.values)
        text = values.dtype.kind == "U"
        coordinate = group.create_array(
            axis.name,
            shape=values.shape,
            dtype=str if text else values.dtype,
            dimension_names=(axis.name,),
            attributes=dict(axis.attrs),
        )
        coordinate[:] = values.astype(object) if text else values
    cell = (1,) * len(layout.shape)
    for measure in layout.measures:
        own = layout.value_shape(measure)
        group.create_array(
            measure.name,
            shape=(*layout.shape, *own),
            chunks=(*cell, *own),
            dtype="float64",
            fill_value=np.nan,
            compressors=[Crc32cCodec()],
            dimension_names=(*layout.dims, *measure.dims),
            attributes=dict(measure.attrs),
        )
    group.create_array(
        DONE,
        shape=layout.shape,
        chunks=cell,
        dtype="bool",
        fill_value=False,
        compressors=None,
        dimension_names=layout.dims,
    )


def _check_same(place: str, found: Any, wanted: dict[str, Any]) -> None:
    """Raise, naming the first item in which the store is of another sweep."""
    item = _difference(found, json.loads(json.dumps(wanted)))
    if item is None:
        return
    name, there, here = item
    raise ParameterError(
        f"Sweep.run: store {place} holds another sweep: {name} is {_short(there)} there and "
        f"{_short(here)} here. Give another path, or run the sweep that was begun."
    )


def _difference(there: Any, here: Any, name: str = "") -> tuple[str, Any, Any] | None:
    """Return the dotted name and both sides of the first item that differs."""
    if there == here:
        return None
    if name == "parameters":  # a Dataset keeps them as one text
        there, here = json.loads(there), json.loads(here)
    if not (isinstance(there, dict) and isinstance(here, dict)):
        return name, there, here
    for key in sorted(there.keys() | here.keys()):
        item = _difference(
            there.get(key, "absent"), here.get(key, "absent"), f"{name}.{key}".lstrip(".")
        )
        if item is not None:
            return item
    return None


def _short(value: Any) -> str:
    text = value if value == "absent" else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
