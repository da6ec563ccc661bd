"""What a sweep measures where: the axes, the cells with their seeds, the shape of the result."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.errors import ParameterError
from neuromem.core.randomness import seed_sequence
from neuromem.core.results import Variable, as_json

Coordinate: TypeAlias = bool | int | float | str
Index: TypeAlias = tuple[int, ...]
Floats: TypeAlias = npt.NDArray[np.float64]

TRIAL = Variable("trial", "1", "number of the repetition")


@dataclasses.dataclass(frozen=True, eq=False)
class Axis:
    """One dimension of the result: its name, its values in order, and what they mean.

    Parameters
    ----------
    name : str
        The dimension, and the keyword under which a trial gets the value.
    values : tuple of bool, int, float or str
        Distinct, all of one kind.
    attrs : dict
        ``units`` and ``long_name``, or nothing.
    """

    name: str
    values: tuple[Coordinate, ...]
    attrs: dict[str, str]

    @classmethod
    def of(cls, key: str | Variable, values: Any, where: str) -> Axis:
        """Check what a user gave for one axis; a whole number n stands for 0, 1, ..., n - 1."""
        name = key.name if isinstance(key, Variable) else key
        if not isinstance(name, str) or not name.isidentifier():
            raise ParameterError(
                f"{where}: the axis name {name!r} is no Python identifier; a trial takes it as a "
                "keyword argument."
            )
        if isinstance(values, (int, np.integer)) and not isinstance(values, bool):
            values = range(int(values))
        attrs = key.attrs if isinstance(key, Variable) else {}
        return cls(name, _distinct(f"{where}: axis {name!r}", values), attrs)

    @property
    def coordinate(self) -> xr.Variable:
        """The coordinate variable of this axis."""
        return xr.Variable((self.name,), np.array(self.values), self.attrs)


@dataclasses.dataclass(frozen=True, eq=False)
class Cell:
    """One call of the trial: where it stands, with which arguments and which seed."""

    index: Index
    coordinates: dict[str, Coordinate]
    trial: int
    rng: np.random.SeedSequence

    def __str__(self) -> str:
        """Name the cell by its coordinates, as an error does."""
        return ", ".join(
            f"{name}={value!r}"
            for name, value in (*self.coordinates.items(), ("trial", self.trial))
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """The shape and the meaning of a sweep's result; it knows no trial function.

    Parameters
    ----------
    grid : tuple of Axis
        The axes that are swept.
    extra : dict of str to Axis
        The dimensions of array-valued measures, by name.
    trials : int
        Repetitions of each grid point.
    measures : tuple of Variable
        What each cell gives.
    seed : int
        Root of the seeds of all cells.
    attrs : dict
        Attributes of the Dataset.
    """

    grid: tuple[Axis, ...]
    extra: dict[str, Axis]
    trials: int
    measures: tuple[Variable, ...]
    seed: int
    attrs: dict[str, str | int]

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions that count cells: the grid, then ``trial``."""
        return (*(axis.name for axis in self.grid), TRIAL.name)

    @property
    def shape(self) -> Index:
        """Number of cells along each of `dims`."""
        return (*(len(axis.values) for axis in self.grid), self.trials)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """All dimensions of the Dataset."""
        trial = Axis(TRIAL.name, tuple(range(self.trials)), TRIAL.attrs)
        return (*self.grid, trial, *self.extra.values())

    def value_shape(self, measure: Variable) -> Index:
        """Shape of what one cell gives for `measure`: () for a scalar."""
        return tuple(len(self.extra[dim].values) for dim in measure.dims)

    def cell(self, index: Index) -> Cell:
        """Return the cell at `index`, one number for each of `dims`."""
        coordinates = {axis.name: axis.values[i] for axis, i in zip(self.grid, index, strict=False)}
        trial = index[-1]
        return Cell(index, coordinates, trial, cell_seed(self.seed, coordinates, trial))

    def cells(self, missing: npt.NDArray[np.bool_]) -> Iterator[Cell]:
        """Yield the cells where `missing`, of the shape `shape`, is set; one at a time."""
        return (self.cell(index) for index in np.ndindex(self.shape) if missing[index])

    def dataset(self, values: Mapping[str, Floats]) -> xr.Dataset:
        """Return the result whose measures have the full arrays `values`."""
        return xr.Dataset(
            {m.name: m.array(self.dims, values[m.name]) for m in self.measures},
            {axis.name: axis.coordinate for axis in self.axes},
            self.attrs,
        )

    def identity(self) -> dict[str, Any]:
        """Return, as plain JSON, all that must agree before cells may be added to a store."""
        return {
            **self.attrs,
            "grid": {axis.name: as_json(axis.values) for axis in self.grid},
            "coords": {axis.name: as_json(axis.values) for axis in self.extra.values()},
            "trials": self.trials,
            "measures": {m.name: as_json(m) for m in self.measures},
        }


def cell_seed(
    seed: int, coordinates: Mapping[str, Coordinate], trial: int
) -> np.random.SeedSequence:
    """Return the seed of one cell: a function of its coordinates, not of its place in the grid.

    Grid points and trials may be added later, and axes be given in another order: each old cell
    keeps its numbers. 1 and 1.0 are the same coordinate, because adding 1.5 to (1, 2) turns them
    into floats.

    Examples
    --------
    >>> a = cell_seed(0, {"load": 0.1, "n": 100}, trial=3)
    >>> b = cell_seed(0, {"n": 100.0, "load": 0.1}, trial=3)
    >>> a.spawn_key == b.spawn_key
    True
    """
    root = seed_sequence(seed)
    words: list[int] = []
    for name in sorted(coordinates):
        text = f"{name}={_canonical(coordinates[name])}"
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        words += (int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little"))
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *words, trial))


def _canonical(value: Coordinate) -> str:
    """Write equal coordinates as equal texts, on every machine."""
    if isinstance(value, bool):
        return f"bool {value}"
    if isinstance(value, str):
        return f"text {value}"
    exact = float(value) + 0.0  # -0.0 becomes 0.0
    return f"number {exact.hex()}" if exact == value else f"number {value}"


def _distinct(where: str, values: Any) -> tuple[Coordinate, ...]:
    if isinstance(values, str) or not isinstance(values, (Sequence, np.ndarray, range)):
        raise ParameterError(f"{where} is {values!r}; give a sequence of numbers or names.")
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    if not plain:
        raise ParameterError(f"{where} is empty; give at least one value.")
    kinds = {
        "number" if isinstance(v, (int, float)) and not isinstance(v, bool) else type(v).__name__
        for v in plain
    }
    if len(kinds) > 1 or not kinds <= {"number", "bool", "str"}:
        raise ParameterError(
            f"{where} holds {', '.join(sorted(kinds))}; give numbers, or names, or True and False."
        )
    if kinds == {"number"}:
        plain = _numbers(where, plain)
    seen: set[Coordinate] = set()
    for value in plain:
        if value in seen:
            raise ParameterError(f"{where} holds {value!r} twice; give each value once.")
        seen.add(value)
    return tuple(plain)


def _numbers(where: str, plain: list[Any]) -> list[Coordinate]:
    """Return the numbers as one dtype holds them, all int or all float."""
    array = np.array(plain)
    if array.dtype.kind not in "if" or np.isnan(array).any():
        raise ParameterError(f"{where} is {plain}; every number must be real, and fit 64 bits.")
    numbers: list[Coordinate] = array.tolist()
    return numbers
