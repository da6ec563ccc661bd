"""Published chips as data: how they map weights, what their circuits cost, what was reported.

A chip is a TOML file of `neuromem/hardware/chips`, with sections ``chip`` (name, title, sources,
notes), ``options`` (of `neuromem.hardware.Chip`), ``technology`` (of `Technology`), ``points``
(products at which figures were reported) and ``published`` (further figures).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from neuromem.core.errors import ParameterError, one_of
from neuromem.hardware.cost.products import (
    AREA,
    ENERGY,
    INTERVAL,
    figures_of_merit,
    precision,
    read_cost,
)
from neuromem.hardware.cost.technology import Technology

FOLDER = Path(__file__).parent / "chips"
_BESIDE = ("tiles", "copies", "extra_power", "extra_area", "reported")


@dataclass(frozen=True)
class ChipPreset:
    """A published chip; `chip_preset` reads one.

    Parameters
    ----------
    name, title : str
        The file's name, and what the chip is.
    sources : tuple of str
        Papers, and where in them.
    notes : str
        What is assumed, left out or fitted.
    options : dict
        Profile and options of `neuromem.hardware.Chip`, those that the sources give.
    technology : dict
        Fields of `Technology`.
    points : dict
        By name, a product of which figures were reported: arguments of `read_cost`, ``tiles``
        (row blocks, column blocks), ``copies``, ``extra_power`` (W), ``extra_area`` (m^2), and
        what was ``reported``.
    published : dict
        Other reported figures.

    Examples
    --------
    >>> chip = chip_preset("isaac")
    >>> figures = chip.figures("chip")
    >>> round(float(figures.power), 1), figures.precision
    (65.8, '16 b inputs, 16 b weights, 16 b outputs')
    """

    name: str
    title: str
    sources: tuple[str, ...]
    notes: str
    options: Mapping[str, Any]
    technology: Mapping[str, Any]
    points: Mapping[str, Mapping[str, Any]]
    published: Mapping[str, Any]

    @property
    def circuit(self) -> Technology:
        """The chip's `Technology`."""
        return Technology(**self.technology)

    def read_cost(self, point: str | None = None) -> xr.Dataset:
        """Return what one product at a point costs, see `neuromem.hardware.read_cost`.

        Parameters
        ----------
        point : str, optional
            A name of `points`; the first one if left out.

        Raises
        ------
        ParameterError
            If there is no such point.
        """
        given = self._point(point)
        across, along = given.get("tiles", (1, 1))
        rows, columns = [given["rows"]] * across, [given["columns"]] * along
        used = ("rows", "columns", *_BESIDE)
        numbers = {name: value for name, value in given.items() if name not in used}
        return read_cost(rows, columns, technology=self.circuit, **numbers)

    def figures(self, point: str | None = None) -> xr.Dataset:
        """Return throughput, power, area and their ratios at a point, of the whole chip.

        See `neuromem.hardware.figures_of_merit`; raises as `read_cost` does.
        """
        given = self._point(point)
        beside = {name: given[name] for name in _BESIDE[1:4] if name in given}
        return figures_of_merit(self.read_cost(point), **beside)

    def reported(self, point: str | None = None) -> dict[str, float]:
        """Return the figures that the authors give at a point, in the units of `figures`."""
        return dict(self._point(point).get("reported", {}))

    def measured(self, point: str | None = None) -> xr.Dataset:
        """Return what one product took by the reported figures, where the cost model is a model.

        Returns
        -------
        xarray.Dataset
            ``interval`` (s), reported or else of the model, and by the reported ratios ``energy``
            (J) and ``area`` (m^2) of one product on one of the chip's copies.

        Raises
        ------
        ParameterError
            If there is no such point.

        Examples
        --------
        >>> core = chip_preset("hermes-core").measured()
        >>> round(float(core.energy) * 1e9, 2), round(float(core.area) * 1e6, 2)  # nJ, mm^2
        (12.48, 0.63)
        """
        reported, cost = self.reported(point), self.read_cost(point)
        copies = self._point(point).get("copies", 1)
        operations, interval = float(cost.operations), float(cost.interval)
        if "throughput" in reported:
            interval = copies * operations / reported["throughput"]
        values = {"interval": INTERVAL.array([], interval)}
        if "efficiency" in reported:
            values["energy"] = ENERGY.array([], operations / reported["efficiency"])
        if "density" in reported:
            values["area"] = AREA.array([], operations / interval / reported["density"])
        return xr.Dataset(values, attrs={"precision": precision(cost)})

    def _point(self, name: str | None) -> Mapping[str, Any]:
        if not self.points:
            raise ParameterError(
                f"chip {self.name!r}: no product is described; map a memory on it with "
                "Chip.preset, or give the numbers to read_cost."
            )
        first = next(iter(self.points)) if name is None else name
        return self.points[one_of(f"chip {self.name!r}", "point", first, self.points)]


def chips() -> list[str]:
    """Return the names of all published chips, sorted.

    Examples
    --------
    >>> "isaac" in chips()
    True
    """
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def chip_preset(name: str) -> ChipPreset:
    """Return a published chip.

    Parameters
    ----------
    name : str
        One of `chips`.

    Raises
    ------
    ParameterError
        If the name is unknown; the message lists those there are.

    Examples
    --------
    >>> chip_preset("isaac").options["tile"]
    (128, 128)
    """
    if name not in chips():
        raise ParameterError(f"no chip {name!r}; there are: {', '.join(chips())}.")
    with (FOLDER / f"{name}.toml").open("rb") as file:
        data = tomllib.load(file)
    about, options = data["chip"], data.get("options", {})
    if "tile" in options:
        options["tile"] = tuple(options["tile"])
    return ChipPreset(
        name=about["name"],
        title=about["title"],
        sources=tuple(about["sources"]),
        notes=about["notes"],
        options=options,
        technology=data.get("technology", {}),
        points=data.get("points", {}),
        published=data.get("published", {}),
    )
