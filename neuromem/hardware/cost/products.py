"""What a matrix-vector product on arrays costs: energy, latency and area of each part.

The arrays are described by plain numbers: lines in use, converters, reads, and the energy that the
caller computed for the cells from their conductances and voltages. Every part adds up over tiles;
only the accumulation of row blocks belongs to several of them.

An operation is a multiplication or an addition, 2 M N of them in a product with an (N, M) matrix;
operations per joule mean nothing without the widths of inputs, weights and outputs, which stand
beside them in every result.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.errors import ParameterError, ShapeError, real_number, whole_number
from neuromem.core.results import Variable
from neuromem.hardware.cost.converters import positive
from neuromem.hardware.cost.parts import (
    Grid,
    Lines,
    part_area,
    part_energy,
    part_latency,
    tile_size,
)
from neuromem.hardware.cost.technology import Technology, technology_of

PARTS = (
    "cells",
    "dac",
    "adc",
    "lines",
    "shift-add",
    "accumulate",
    "buffer",
    "interconnect",
    "control",
)
WRITE_PARTS = ("pulses", "verify", "lines")

ENERGY = Variable("energy", "J", "energy of one product")
LATENCY = Variable("latency", "s", "time that the part adds to one product")
AREA = Variable("area", "m^2", "area of the part in all tiles")
INTERVAL = Variable("interval", "s", "time after which the next product can begin")
OPERATIONS = Variable("operations", "1", "multiplications and additions, 2 M N")
THROUGHPUT = Variable("throughput", "1/s", "operations per second")
POWER = Variable("power", "W", "power while products follow each other")
EFFICIENCY = Variable("efficiency", "1/J", "operations per joule")
DENSITY = Variable("density", "1/(s m^2)", "operations per second and area")


def read_cost(
    rows: Lines,
    columns: Lines,
    *,
    cell_energy: float,
    inputs: int | None = None,
    outputs: int | None = None,
    dac_bits: int | None = None,
    adc_bits: int | None = None,
    cycles: int = 1,
    phases: int = 1,
    duration: float | None = None,
    input_bits: int = 8,
    weight_bits: int | None = None,
    output_bits: int = 8,
    tile: tuple[int, int] | None = None,
    technology: Technology | None = None,
) -> xr.Dataset:
    """Return the energy, latency and area of one matrix-vector product on a grid of arrays.

    Parameters
    ----------
    rows, columns : int or sequence of int
        Physical word and bit lines in use: of the one tile, or of each row block and of each
        column block. The grid has a tile for every pair of them.
    cell_energy : float
        What the cells of all tiles take in all reads of the product, J: the sum of V^2 G t, which
        `cell_energy` gives.
    inputs, outputs : int, optional
        Columns M and rows N of the (N, M) weight matrix; all lines in use if left out. Fewer
        outputs than converted columns are bit slices or digital differences.
    dac_bits, adc_bits : int, optional
        Bits of the converters; None is an ideal one, which costs nothing (and the Dataset says so).
    cycles : int
        Reads for the bits of an input, one after another.
    phases : int
        Repetitions of these: 1, or 2 and 4 where the signs of inputs and weights are read apart.
    duration : float, optional
        Of one read, s; the technology's if left out.
    input_bits, output_bits : int
        Widths in the buffer and on the way to it. They stand in the result's attributes.
    weight_bits : int, optional
        Width of a weight, for the attributes alone; None is an analog weight.
    tile : (int, int), optional
        Physical rows and columns of every array, for areas and wires; the largest blocks if left
        out.
    technology : Technology, optional
        Everything else; the defaults of `Technology` if left out.

    Returns
    -------
    xarray.Dataset
        ``energy`` (J), ``latency`` (s) and ``area`` (m^2) by ``part``: cells, dac, adc, lines,
        shift-add, accumulate, buffer, interconnect, control. ``interval`` (s) is the time after
        which the next product can begin, shorter than the whole latency if reads and conversions
        overlap. ``operations`` is 2 M N.

    Raises
    ------
    ParameterError
        If a number is outside its range, there are more inputs than rows, more outputs than
        converted columns, or a block that is larger than the tile; or if `technology` is something
        else.

    Notes
    -----
    Charging lines takes C V^2 and 0.38 R C per line and read; n conversions into m outputs are
    n - m additions, and r row blocks another (r - 1) N. Every tile reads its inputs from a buffer
    and writes its partial sums to it; buffer, wires and static power are those of the technology.

    Examples
    --------
    >>> cost = read_cost(256, 256, cell_energy=1.4e-9, dac_bits=8, adc_bits=8)
    >>> dict(cost.sizes), int(cost.operations)
    ({'part': 9}, 131072)
    >>> grid = read_cost([256, 256], [256] * 3, cell_energy=6 * 1.4e-9, dac_bits=8, adc_bits=8)
    >>> bool(np.isclose(grid.energy.sel(part="adc"), 6 * cost.energy.sel(part="adc")))
    True
    """
    where = "read_cost"
    technology = technology_of(where, technology)
    grid = Grid.checked(rows, columns, inputs, outputs, cycles, phases, tile, technology)
    cell_energy = real_number(where, "cell_energy", cell_energy, 0.0)
    widths = [
        None if bits is None else whole_number(where, name, bits, least=1)
        for name, bits in (("dac_bits", dac_bits), ("adc_bits", adc_bits))
    ]
    carried = grid.carried(
        whole_number(where, "input_bits", input_bits, least=1),
        whole_number(where, "output_bits", output_bits, least=1),
    )
    if weight_bits is not None:
        weight_bits = whole_number(where, "weight_bits", weight_bits, least=1)
    given = technology.read_duration if duration is None else positive(where, "duration", duration)
    latency, interval = part_latency(grid, technology, given, widths[1])
    energy = part_energy(grid, technology, widths, carried) | {"cells": cell_energy}
    energy["control"] += technology.static_power * interval * grid.tiles
    area = part_area(grid, technology, widths, carried)
    ideal = [name for name, bits in zip(("dac", "adc"), widths, strict=True) if bits is None]
    attrs = {
        "inputs": grid.inputs,
        "outputs": grid.outputs,
        "tiles": grid.tiles,
        "input_bits": input_bits,
        "weight_bits": "analog" if weight_bits is None else weight_bits,
        "output_bits": output_bits,
        "ideal": f"{' and '.join(ideal)} ideal: cost nothing" if ideal else "no part",
        "node": technology.node,
    }
    return xr.Dataset(
        {
            "energy": ENERGY.array(["part"], [energy.get(part, 0.0) for part in PARTS]),
            "latency": LATENCY.array(["part"], [latency.get(part, 0.0) for part in PARTS]),
            "area": AREA.array(["part"], [area.get(part, 0.0) for part in PARTS]),
            "interval": INTERVAL.array([], interval),
            "operations": OPERATIONS.array([], 2 * grid.inputs * grid.outputs),
        },
        {"part": list(PARTS)},
        attrs,
    )


def write_cost(
    cells: int,
    *,
    pulses: float,
    voltage: float,
    pulse: float,
    conductance: float,
    pulse_energy: float | None = None,
    verify_voltage: float = 0.0,
    verify: float = 0.0,
    parallel: int = 1,
    tile: tuple[int, int] = (256, 256),
    technology: Technology | None = None,
) -> xr.Dataset:
    """Return the energy and time of programming cells once.

    Parameters
    ----------
    cells : int
        How many are written.
    pulses : float
        Mean number of pulses a cell needs.
    voltage, pulse : float
        Of a pulse, V and s.
    conductance : float
        Mean conductance during a pulse, S.
    pulse_energy : float, optional
        Of a pulse that does not pass the cell's channel, J; left out, V^2 G t.
    verify_voltage, verify : float
        Of the read after each pulse, V and s; no verify by default.
    parallel : int
        Cells that are written at a time; a row of them only where its lines carry the current.
    tile : (int, int)
        Rows and columns of the array, whose two lines are charged for every pulse of one cell.
    technology : Technology, optional
        For the capacitance of the lines.

    Returns
    -------
    xarray.Dataset
        ``energy`` (J) and ``latency`` (s) by ``part``: pulses, verify, lines.

    Raises
    ------
    ParameterError
        If a number is outside its range.

    Examples
    --------
    >>> cost = write_cost(65536, pulses=8.5, voltage=2.0, pulse=100e-9, conductance=10e-6)
    >>> float(cost.energy.sel(part="pulses"))  # 65536 * 8.5 * 4 V^2 * 10 uS * 100 ns
    2.228...e-06
    """
    where = "write_cost"
    technology = technology_of(where, technology)
    cells = whole_number(where, "cells", cells, least=1)
    parallel = whole_number(where, "parallel", parallel, least=1)
    pulses, voltage = positive(where, "pulses", pulses), positive(where, "voltage", voltage)
    pulse = positive(where, "pulse", pulse)
    conductance = real_number(where, "conductance", conductance, 0.0)
    verify = real_number(where, "verify", verify, 0.0)
    verify_voltage = real_number(where, "verify_voltage", verify_voltage, 0.0)
    count = cells * pulses
    length = sum(tile_size(where, tile)) * technology.pitch
    through = voltage**2 * conductance * pulse
    if pulse_energy is not None:
        through = real_number(where, "pulse_energy", pulse_energy, 0.0)
    energy = [
        count * through,
        count * verify_voltage**2 * conductance * verify,
        count * technology.wire_capacitance * length * voltage**2,
    ]
    turns = math.ceil(cells / parallel) * pulses
    latency = [turns * pulse, turns * verify, 0.0]
    return xr.Dataset(
        {
            "energy": ("part", energy, {"units": "J", "long_name": "energy of writing once"}),
            "latency": ("part", latency, {"units": "s", "long_name": "time of writing once"}),
        },
        {"part": list(WRITE_PARTS)},
        {"cells": cells, "pulses": pulses, "parallel": parallel},
    )


def cell_energy(
    conductances: npt.ArrayLike, voltages: npt.ArrayLike, duration: float
) -> np.float64 | npt.NDArray[np.float64]:
    """Return what the cells of an array take in a read, the sum of V_i^2 G_ij t.

    Parameters
    ----------
    conductances : array_like, shape (R, C)
        S. The sum is exact without wire resistance; with it, the energy is the sum of V_i I_i t
        over the currents I_i that the word lines draw.
    voltages : array_like, shape (R,) or (B, R)
        V; the sign does not matter.
    duration : float
        Of the read, s.

    Returns
    -------
    float or ndarray, shape (B,)
        J.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ParameterError
        If `duration` is not above zero.

    Examples
    --------
    >>> print(cell_energy([[1e-6, 3e-6]], [[-0.5], [1.0]], 1e-7))  # V^2 * 4 uS * 100 ns
    [1.e-13 4.e-13]
    """
    duration = positive("cell_energy", "duration", duration)
    siemens = np.asarray(conductances, dtype=np.float64)
    volts = np.asarray(voltages, dtype=np.float64)
    if siemens.ndim != 2 or volts.ndim not in (1, 2) or volts.shape[-1] != siemens.shape[0]:
        raise ShapeError(
            f"cell_energy: conductances have shape {siemens.shape} and voltages {volts.shape}; "
            "expected (R, C) and (R,) or (B, R). Give one voltage for each row."
        )
    energy: np.float64 | npt.NDArray[np.float64] = volts**2 @ siemens.sum(axis=1) * duration
    return energy


def figures_of_merit(
    cost: xr.Dataset, *, copies: int = 1, extra_power: float = 0.0, extra_area: float = 0.0
) -> xr.Dataset:
    """Return throughput, power, area, and operations per joule and per area of a repeated product.

    Parameters
    ----------
    cost : xarray.Dataset
        Of `read_cost`.
    copies : int
        Such grids that work side by side, such as the tiles of a chip.
    extra_power, extra_area : float
        W and m^2 of what the chip has but once, such as its link to others.

    Returns
    -------
    xarray.Dataset
        ``throughput`` (operations/s), ``power`` (W), ``area`` (m^2), ``efficiency``
        (operations/J) and ``density`` (operations/(s m^2)); the attribute ``precision`` says at
        which bit widths. 1e12 operations/J are a TOPS/W, 1e18 operations/(s m^2) a TOPS/mm^2.

    Raises
    ------
    ParameterError
        If a number is outside its range.

    Examples
    --------
    >>> cost = read_cost(256, 256, cell_energy=1.4e-9, dac_bits=8, adc_bits=8, duration=130e-9)
    >>> figures_of_merit(cost).precision
    '8 b inputs, analog weights, 8 b outputs'
    """
    where = "figures_of_merit"
    copies = whole_number(where, "copies", copies, least=1)
    extra_power = real_number(where, "extra_power", extra_power, 0.0)
    throughput = copies * float(cost.operations) / float(cost.interval)
    power = copies * float(cost.energy.sum()) / float(cost.interval) + extra_power
    area = copies * float(cost.area.sum()) + real_number(where, "extra_area", extra_area, 0.0)
    if power == 0.0 or area == 0.0:
        raise ParameterError(
            f"{where}: the product takes {power:g} W on {area:g} m^2, of which no ratio can be "
            "formed. Give read_cost bits for the converters, and the energy of the cells."
        )
    return xr.Dataset(
        {
            "throughput": THROUGHPUT.array([], throughput),
            "power": POWER.array([], power),
            "area": AREA.array([], area),
            "efficiency": EFFICIENCY.array([], throughput / power),
            "density": DENSITY.array([], throughput / area),
        },
        attrs={"precision": precision(cost), "copies": copies},
    )


def precision(cost: xr.Dataset) -> str:
    """Return the bit widths of a product of `read_cost` in words: say them beside every ratio."""
    weights = cost.attrs["weight_bits"]
    return (
        f"{cost.attrs['input_bits']} b inputs, {weights}{'' if weights == 'analog' else ' b'} "
        f"weights, {cost.attrs['output_bits']} b outputs"
    )
