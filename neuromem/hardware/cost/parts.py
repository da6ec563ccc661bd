"""The parts of a product's cost, over all tiles of a grid; see `neuromem.hardware.read_cost`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import ParameterError, whole_number
from neuromem.hardware.cost.technology import Technology

Lines: TypeAlias = int | Sequence[int] | npt.NDArray[np.integer]
"""Lines in use of one block, or of each block."""


@dataclass(frozen=True)
class Grid:
    """Counts of a product over all tiles: lines, conversions, additions."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    converted: tuple[int, ...]
    inputs: int
    outputs: int
    reads: int
    conversions: int
    tile: tuple[int, int]

    @classmethod
    def checked(
        cls,
        rows: Lines,
        columns: Lines,
        inputs: int | None,
        outputs: int | None,
        cycles: int,
        phases: int,
        tile: tuple[int, int] | None,
        technology: Technology,
    ) -> Grid:
        """Return the grid that `read_cost` was asked about; its errors name that function."""
        where = "read_cost"
        used = _blocks(where, "rows", rows), _blocks(where, "columns", columns)
        joined = technology.columns_per_conversion
        converted = tuple(-(-count // joined) for count in used[1])
        largest = max(used[0]), max(used[1])
        size = largest if tile is None else tile_size(where, tile)
        if size[0] < largest[0] or size[1] < largest[1]:
            raise ParameterError(
                f"{where}: blocks of {largest[0]} rows and {largest[1]} columns are in use on "
                f"tiles of {size}. Give a larger tile, or more and smaller blocks."
            )
        reads = whole_number(where, "cycles", cycles, least=1) * whole_number(
            where, "phases", phases, least=1
        )
        return cls(
            *used,
            converted,
            _at_most(where, "inputs", inputs, sum(used[0]), "rows in use"),
            _at_most(where, "outputs", outputs, sum(converted), "converted columns"),
            reads,
            1 if technology.converts_once else reads,
            size,
        )

    @property
    def tiles(self) -> int:
        """How many arrays work at once."""
        return len(self.rows) * len(self.columns)

    def converters(self, technology: Technology) -> int:
        """Return the ADCs of one tile."""
        lines = -(-self.tile[1] // technology.columns_per_conversion)
        return -(-lines // technology.columns_per_adc)

    def carried(self, input_bits: int, output_bits: int) -> int:
        """Return the bits that all tiles read from and write to their buffers."""
        read = self.inputs * input_bits * len(self.columns)
        return read + self.outputs * output_bits * len(self.rows)

    def additions(self) -> tuple[int, int]:
        """Return the additions that join conversions in a tile, and those that join row blocks."""
        delivered = self.outputs * len(self.rows)
        conversions = sum(self.converted) * len(self.rows) * self.conversions
        return conversions - delivered, delivered - self.outputs


def part_latency(
    grid: Grid, technology: Technology, duration: float, adc_bits: int | None
) -> tuple[dict[str, float], float]:
    """Return the time that each part adds, and the interval between products."""
    settle = technology.line_delay(grid.tile)
    reading = grid.reads * (duration + settle)
    rate = math.inf if adc_bits is None else technology.conversion_rate(adc_bits)
    batch = min(technology.columns_per_adc, max(grid.converted)) / rate
    converting = grid.conversions * batch
    in_tile, across = grid.additions()
    latency = {
        "cells": grid.reads * duration,
        "lines": grid.reads * settle,
        "adc": converting,
        "shift-add": (in_tile > 0) / technology.clock,
        "accumulate": math.ceil(math.log2(len(grid.rows))) / technology.clock if across else 0.0,
    }
    if not technology.pipelined:
        return latency, sum(latency.values())
    # The slower stage sets the pace; the other one shows once, at the start or at the end.
    latency["adc"] = max(batch, converting + reading / grid.reads - reading)
    return latency, max(reading, converting)


def part_energy(
    grid: Grid, technology: Technology, widths: Sequence[int | None], carried: int
) -> dict[str, float]:
    """Return the energy of every part but the cells, without static power."""
    dac_bits, adc_bits = widths
    driven = sum(grid.rows) * len(grid.columns) * grid.reads
    conversions = sum(grid.converted) * len(grid.rows) * grid.conversions
    in_tile, across = grid.additions()
    length = technology.interconnect_length
    if length is None:
        length = math.sqrt(grid.tile[0] * grid.tile[1]) * technology.pitch
    switching = sum(
        technology.switching_energy(rows, columns, grid.tile)
        for rows in grid.rows
        for columns in grid.columns
    )
    return {
        "dac": 0.0 if dac_bits is None else driven * dac_bits * technology.energy_of("driver"),
        "adc": 0.0 if adc_bits is None else conversions * technology.conversion_energy(adc_bits),
        "lines": grid.reads * switching,
        "shift-add": in_tile * technology.energy_of("shift_add"),
        "accumulate": across * technology.energy_of("accumulate"),
        "buffer": carried * technology.energy_of("buffer"),
        "interconnect": carried * length * technology.interconnect_energy,
        "control": grid.tiles * technology.control_energy,
    }


def part_area(
    grid: Grid, technology: Technology, widths: Sequence[int | None], carried: int
) -> dict[str, float]:
    """Return the area of every part in all tiles."""
    dac_bits, adc_bits = widths
    per_tile = grid.converters(technology)
    in_tile, across = grid.additions()
    cell, driver = technology.area_of("cell"), technology.area_of("driver")
    adders = per_tile * technology.area_of("adder")
    adc = 0.0 if adc_bits is None else per_tile * technology.converter_area(adc_bits)
    return {
        "cells": grid.tiles * grid.tile[0] * grid.tile[1] * cell,
        "dac": 0.0 if dac_bits is None else grid.tiles * grid.tile[0] * dac_bits * driver,
        "adc": grid.tiles * adc,
        "shift-add": grid.tiles * adders if in_tile else 0.0,
        "accumulate": (grid.tiles - len(grid.columns)) * adders if across else 0.0,
        "buffer": carried * technology.area_of("buffer"),
        "interconnect": grid.tiles * technology.interconnect_area,
        "control": grid.tiles * technology.control_area,
    }


def _blocks(where: str, name: str, value: Lines) -> tuple[int, ...]:
    blocks = np.atleast_1d(np.array(value, dtype=object)).tolist()
    if not blocks:
        raise ParameterError(f"{where}: {name} is empty; give the lines in use of each block.")
    return tuple(whole_number(where, name, count, least=1) for count in blocks)


def tile_size(where: str, tile: tuple[int, int]) -> tuple[int, int]:
    """Return a tile's rows and columns, checked."""
    try:
        rows, columns = tile
    except (TypeError, ValueError):
        raise ParameterError(
            f"{where}: tile is {tile!r}; give (rows, columns), such as (256, 256)."
        ) from None
    return whole_number(where, "tile", rows, least=1), whole_number(where, "tile", columns, least=1)


def _at_most(where: str, name: str, value: int | None, most: int, what: str) -> int:
    if value is None:
        return most
    count = whole_number(where, name, value, least=1)
    if count > most:
        raise ParameterError(
            f"{where}: {name} is {count}, but there are {most} {what}. Give at most {most}."
        )
    return count
