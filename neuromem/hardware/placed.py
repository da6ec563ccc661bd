"""What lies on a chip: the same memory on other synapses, its report, and its later times."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr
from scipy.sparse.linalg import LinearOperator

from neuromem.core.errors import ParameterError
from neuromem.core.memory import AssociativeMemory
from neuromem.core.results import Variable, provenance
from neuromem.hardware.arrays.crossbar import Crossbar
from neuromem.hardware.cost.products import read_cost, write_cost
from neuromem.hardware.cost.roofline import Roofline, against_processor
from neuromem.hardware.cost.technology import Technology
from neuromem.hardware.networks import Layer, with_weights

if TYPE_CHECKING:
    from neuromem.hardware.chip import Chip

TILES = Variable("tiles", "1", "arrays")
CELLS = Variable("cells", "1", "cells that hold something")
UTILISATION = Variable("utilisation", "1", "share of all cells that hold weights")
WEIGHT_ERROR = Variable("weight_error", "1", "r.m.s. error of the weights over their r.m.s. value")
ROUNDING_ERROR = Variable(
    "rounding_error", "1", "r.m.s. rounding of the weights to digits and levels, relative"
)
CLIPPED_WEIGHTS = Variable("clipped_weights", "1", "share of the weights cut to the range")
STUCK_CELLS = Variable("stuck_cells", "1", "cells stuck at either end of their range")
CLIPPED = Variable("clipped_conversions", "1", "share of the ADC conversions out of range")
FAILED = Variable("failed_writes", "1", "cells that a write-verify loop gave up")
ENERGY = Variable("energy", "J", "energy of one product with these synapses")
LATENCY = Variable("latency", "s", "time of one product")
AREA = Variable("area", "m^2", "area of the arrays and their circuits")
WRITE_ENERGY = Variable("write_energy", "J", "energy of programming all cells once")
WRITE_TIME = Variable("write_time", "s", "time of programming, one cell of each tile at a time")
PRODUCTS = Variable("products", "1", "products for one input; positions of a convolution")
OPERATIONS = Variable("operations", "1", "multiplications and additions of one product")


class Placement:
    """Matrices on a chip at one time after they were programmed.

    Attributes
    ----------
    chip : Chip
        What they lie on.
    crossbars : dict of str to Crossbar
        The arrays of each matrix.
    seconds : float
        Time since they were programmed.
    """

    def __init__(
        self, chip: Chip, crossbars: dict[str, Crossbar], seed: np.random.SeedSequence
    ) -> None:
        self.chip, self.crossbars, self.seed = chip, crossbars, seed
        self.seconds = 0.0

    def at(self, seconds: float, *, compensate: str | None = None) -> Self:
        """Return the same devices at a later time.

        Parameters
        ----------
        seconds : float
            Since they were programmed.
        compensate : {"none", "global", "column"}, optional
            What makes up for drift from now on; left out: as before.

        Raises
        ------
        ParameterError
            If the time is negative, lies before this placement's own, or beyond what the
            profile is known for.
        """
        later = copy.copy(self)
        later.crossbars = {
            name: crossbar.at(seconds, compensate=compensate)
            for name, crossbar in self.crossbars.items()
        }
        later.seconds = float(seconds)
        return later

    @property
    def technology(self) -> Technology:
        """What the cost is computed with: the profile's node and read time, unless given."""
        profile = self.chip.profile
        pair = next(iter(self.crossbars.values())).arrays.scheme.pair
        given = {
            "node": profile.node,
            "read_duration": profile.read_duration,
            "columns_per_conversion": pair,
        }
        chosen = {**given, **self.chip.options.technology}
        chosen.setdefault("cell_area", profile.cell_area * chosen["node"] ** 2)
        return Technology(**chosen)

    @property
    def report(self) -> xr.Dataset:
        """What the arrays take and cost, by ``synapses`` and ``part``, in SI units.

        ``tiles``, ``cells``, ``utilisation``, ``weight_error`` of the devices and
        ``rounding_error`` of digits and levels, ``clipped_weights``,
        ``stuck_cells``, ``clipped_conversions``, ``failed_writes``; ``energy`` and ``latency`` of
        one product and ``area``, each by part; ``write_energy`` and ``write_time``;
        ``operations``; ``products`` that one input takes. One step of a memory reads each of its
        synapses once or twice; what a recall really took is in `spent`.
        """
        described = [self._described(name) for name in self.crossbars]
        report = xr.concat(described, xr.Variable("synapses", list(self.crossbars)))
        report.attrs = {
            "title": f"{self._title} on {self.chip.title}",
            "seconds": self.seconds,
            **provenance(self.chip.parameters, self.seed, "; ".join(self.chip.profile.sources)),
        }
        return report

    def against(self, processor: Roofline, **choices: Any) -> xr.Dataset:
        """Compare the products of each synapses with the same ones on a processor.

        Parameters
        ----------
        processor : Roofline
            Its peak and bandwidth.
        **choices
            ``batch``, ``number``, ``memory``, ``technology`` of
            `neuromem.hardware.against_processor`.

        Returns
        -------
        xarray.Dataset
            By ``synapses``: ``time`` and ``energy`` by ``where``, ``crossover_batch``, and
            ``break_even``, the products after which the energy of programming is saved.

        Raises
        ------
        ParameterError
            If an argument is outside its range.
        """
        compared = [
            against_processor(
                self._cost(crossbar), processor, write=self._writing(crossbar), **choices
            )
            for crossbar in self.crossbars.values()
        ]
        names = xr.Variable("synapses", list(self.crossbars))
        return xr.concat(compared, names, combine_attrs="drop_conflicts")

    @property
    def spent(self) -> xr.Dataset:
        """Energy (J) and time (s) of all reads since this placement was made, by ``synapses``.

        A read of some outputs only counts as that share of a product.
        """
        report = self.report
        count, turns = (
            xr.DataArray([getattr(each, name) for each in self.crossbars.values()], dims="synapses")
            for name in ("reads", "turns")
        )
        spent = xr.Dataset(
            {
                "products": count.assign_attrs(units="1", long_name="products read"),
                "energy": (report.energy.sum("part") * count).assign_attrs(
                    units="J", long_name="energy of all products"
                ),
                "time": (report.latency.sum("part") * turns).assign_attrs(
                    units="s", long_name="time of all products"
                ),
            }
        )
        return spent.assign_attrs(report.attrs)

    def _described(self, name: str) -> xr.Dataset:
        """Return one synapses' part of the report."""
        crossbar = self.crossbars[name]
        arrays = crossbar.arrays
        cost = self._cost(crossbar)
        writing = self._writing(crossbar)
        single = (
            (TILES, arrays.tiling.count),
            (CELLS, arrays.tiling.cells),
            (UTILISATION, arrays.tiling.utilisation),
            (WEIGHT_ERROR, crossbar.weight_error),
            (ROUNDING_ERROR, arrays.rounding_error),
            (CLIPPED_WEIGHTS, arrays.clipped),
            (STUCK_CELLS, arrays.stuck),
            (CLIPPED, crossbar.clipped_conversions),
            (FAILED, sum(int(loop.failed.sum()) for loop in arrays.written)),
            (WRITE_ENERGY, float(writing.energy.sum())),
            (WRITE_TIME, float(writing.latency.sum())),
            (OPERATIONS, int(cost.operations)),
            (PRODUCTS, self._products(name)),
        )
        by_part = ((ENERGY, "energy"), (LATENCY, "latency"), (AREA, "area"))
        return xr.Dataset(
            {
                **{variable.name: variable.array([], value) for variable, value in single},
                **{v.name: v.array(["part"], cost[source].values) for v, source in by_part},
            },
            {"part": cost.part.values},
        )

    def _cost(self, crossbar: Crossbar) -> xr.Dataset:
        o, arrays, profile = self.chip.options, crossbar.arrays, self.chip.profile
        tiling, scheme = arrays.tiling, arrays.scheme
        technology = self.technology
        volts = profile.read_voltage**2 * technology.read_duration
        return read_cost(
            [int(n) for n in np.diff(tiling.row_edges)],
            [scheme.columns(int(n)) for n in np.diff(tiling.column_edges)],
            cell_energy=volts * crossbar.dissipation,
            inputs=tiling.inputs,
            outputs=tiling.outputs,
            dac_bits=1 if o.serial else o.dac_bits,
            adc_bits=o.adc_bits,
            cycles=o.cycles,
            duration=technology.read_duration,
            input_bits=o.dac_bits or 8,
            weight_bits=o.weight_bits if scheme.sliced else None,
            output_bits=o.adc_bits or 8,
            tile=o.tile,
            technology=technology,
        )

    def _writing(self, crossbar: Crossbar) -> xr.Dataset:
        """Return what it took to program the cells, whatever they conduct by now."""
        arrays, profile = crossbar.arrays, self.chip.profile
        cells, loops = arrays.tiling.cells, arrays.written
        pulses, pulse_energy = profile.write_pulses, profile.write_energy
        if loops:
            given = sum(int(loop.pulses.sum()) for loop in loops)
            spent = sum(float(loop.energy.sum(dtype=np.float64)) for loop in loops)
            # What the loop counted; a cell that was right at once took no pulse at all.
            pulses, pulse_energy = max(given / cells, 1e-12), spent / max(given, 1)
        return write_cost(
            cells,
            pulses=pulses,
            voltage=profile.write_voltage,
            pulse=loops[0].pulse if loops else profile.write_pulse,
            conductance=arrays.mean_target,
            pulse_energy=pulse_energy,
            verify=loops[0].verify_time if loops else 0.0,
            verify_voltage=profile.read_voltage if loops else 0.0,
            parallel=arrays.tiling.count,
            tile=self.chip.options.tile,
            technology=self.technology,
        )

    def _products(self, name: str) -> int:
        return 1

    @property
    def _title(self) -> str:
        return "matrices"

    def __repr__(self) -> str:
        tiles = sum(crossbar.arrays.tiling.count for crossbar in self.crossbars.values())
        return (
            f"<{type(self).__name__}: {self._title} on {tiles} tiles of "
            f"{self.chip.profile.name!r}, {self.seconds:g} s after programming>"
        )


class Placed(Placement):
    """A memory on a chip.

    Attributes
    ----------
    memory : AssociativeMemory
        The same memory; its synapses are crossbars. Recall, energy and measures work as before.
    """

    def __init__(
        self,
        chip: Chip,
        crossbars: dict[str, Crossbar],
        seed: np.random.SeedSequence,
        memory: AssociativeMemory,
    ) -> None:
        super().__init__(chip, crossbars, seed)
        self.memory = memory.with_synapses(crossbars)

    def at(self, seconds: float, *, compensate: str | None = None) -> Self:
        """Return the same memory on the same devices at a later time; see `Placement.at`."""
        later = super().at(seconds, compensate=compensate)
        later.memory = self.memory.with_synapses(later.crossbars)
        return later

    @property
    def _title(self) -> str:
        return type(self.memory).__name__


class PlacedNetwork(Placement):
    """The layers of a network on a chip.

    Attributes
    ----------
    layers : dict of str to Crossbar
        A linear operator for each matrix, by its node's name or its place in the list.
    """

    def __init__(
        self,
        chip: Chip,
        crossbars: dict[str, Crossbar],
        seed: np.random.SeedSequence,
        origin: Mapping[str, Layer],
        graph: Any = None,
    ) -> None:
        super().__init__(chip, crossbars, seed)
        self._origin, self._graph = origin, graph

    @property
    def layers(self) -> dict[str, LinearOperator]:
        """The crossbars, by layer."""
        return dict(self.crossbars)

    @property
    def graph(self) -> Any:
        """A copy of the NIR graph with the weights that the arrays hold now.

        Raises
        ------
        ParameterError
            If plain matrices were mapped.
        """
        if self._graph is None:
            raise ParameterError(
                "PlacedNetwork.graph: plain matrices were mapped, there is no graph; "
                "see layers[name].weights."
            )
        held = {name: crossbar.weights for name, crossbar in self.crossbars.items()}
        return with_weights(self._graph, self._origin, held)

    def _products(self, name: str) -> int:
        return self._origin[name].products

    @property
    def _title(self) -> str:
        return "network" if self._graph is None else "NIR graph"
