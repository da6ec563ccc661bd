r"""What floating-point arithmetic costs where NOR is the only gate; the two designs compared.

The baseline is FloatPIM (Imani, Gupta, Kim & Rosing, ISCA 2019, doi:10.1145/3307650.3322237):
logic by NOR gates between the resistive cells of a row, one gate a cycle. A full adder takes 12
gates and one cycle that prepares their 12 output cells (Talati et al., IEEE Trans. Nanotechnol.
15, 635 (2016)). With :math:`N_e` exponent and :math:`N_m` fraction bits FloatPIM gives

.. math:: T_{add} &= (3 + 16 N_e + 19 N_m + N_m^2)\,T_{NOR} + (2 N_m + 1)\,T_{search} \\
          T_{mul} &= (12 N_e + 6.5 N_m^2 - 7.5 N_m - 2)\,T_{NOR}

whose quadratic term is the multiplication that keeps half of the digits (Haj-Ali et al., ISCAS
2018; all of them take :math:`13 N^2 - 14 N + 6`): not enough for a correctly rounded product.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import xarray as xr

from neuromem.core.errors import one_of, whole_number
from neuromem.core.randomness import Rng, stream
from neuromem.core.results import Variable
from neuromem.hardware.pim._programs import floating, full_adder
from neuromem.hardware.pim._steps import Program
from neuromem.hardware.pim.formats import FloatFormat, float_format
from neuromem.hardware.pim.machine import SOT_MRAM, PimDevice, Tally, execute

NOR_CYCLES = MappingProxyType(
    {
        "full adder": 13,
        "half adder": 6,
        "xor": 6,
        "xnor": 5,
        "and": 4,
        "or": 3,
        "nor": 2,
        "not": 2,
        "copy": 3,
        "fill": 1,
        "latch": 1,
    }
)
"""Cycles of each part of a program in NOR logic: its gates, and one that prepares their outputs."""

ADDER_CELLS = MappingProxyType({"array": 4, "baseline": 12})
"""Cells that a full adder writes: sum, carry and scratch."""

PUBLISHED = MappingProxyType({"energy": 3.3, "latency": 1.8, "area": 2.5})
"""How many times better than FloatPIM the design of arXiv:2003.01551 is said to be in training."""

NOR_RRAM = PimDevice(
    name="RRAM, NOR logic",
    step_time=1.1e-9,
    search_time=1.5e-9,
    read_energy=1e-18,
    write_energy=6.4e-15,
    cell_area=30.64e-6 / 2**33,
    source="energy of a gate: what AritPIM (IEEE TETC 2023) comes to with the cells of Truong et "
    "al. (MICRO 2021); area: FloatPIM, 30.64 mm^2 for 8 Gbit at 28 nm; times of gate and search "
    "assumed",
)
"""Resistive cells of the baseline; a gate costs the writing of its output."""

RATIO = Variable("ratio", "1", "baseline / array: how many times better the array is")


def floatpim_cycles(operation: str, fmt: str | FloatFormat = "float32") -> tuple[int, int]:
    """Return NOR cycles and searches of an operation as FloatPIM gives them.

    Parameters
    ----------
    operation : {"add", "multiply", "multiply_accumulate"}
        What to do.
    fmt : str or FloatFormat
        The format.

    Returns
    -------
    tuple of int
        Cycles of NOR logic, searches.

    Raises
    ------
    ParameterError
        If there is no such operation or format.

    Examples
    --------
    >>> floatpim_cycles("add"), floatpim_cycles("multiply")
    ((1097, 47), (3360, 0))
    """
    fmt = float_format("floatpim_cycles", fmt)
    e, m = fmt.exponent_bits, fmt.fraction_bits
    add = 3 + 16 * e + 19 * m + m * m, 2 * m + 1
    multiply = (24 * e + 13 * m * m - 15 * m - 4) // 2, 0
    both = add[0] + multiply[0], add[1] + multiply[1]
    table = {"add": add, "multiply": multiply, "multiply_accumulate": both}
    return table[one_of("floatpim_cycles", "operation", operation, table)]


def nor_cycles(program: Program) -> int:
    """Return the cycles of a program whose every part is done in NOR logic.

    A field is copied column by column, two gates each; searches come on top.
    """
    copies = 2 * program.moved_columns + program.moves
    return copies + sum(NOR_CYCLES[part] * count for part, count in program.parts.items())


def compare(
    fmt: str | FloatFormat = "float32",
    *,
    array: PimDevice = SOT_MRAM,
    baseline: PimDevice = NOR_RRAM,
    rows: int = 4096,
    rng: Rng = 0,
) -> xr.Dataset:
    """Return how many times better than the baseline the array is.

    Three scopes: the full adder alone; a multiply-accumulate, exact in both (the same program in
    NOR logic); and FloatPIM's own count for one, which is not exact, against the exact program
    here. Area is that of the cells of the full adder.

    Parameters
    ----------
    fmt : str or FloatFormat
        The format.
    array, baseline : PimDevice
        What steps and cells cost.
    rows : int
        Normally distributed operands over which the energy is averaged.
    rng : int, SeedSequence or Generator
        Seed of these.

    Returns
    -------
    xarray.Dataset
        ``ratio`` by ``scope`` and ``quantity`` (energy, latency, area; NaN where a scope does not
        say). The attributes ``needed_*`` say how many times the cost of a NOR gate (or of a cell)
        that of a step would have to be for the ratios of the paper to follow from the full adder.

    Raises
    ------
    ParameterError
        If there is no such format, or no row.

    Notes
    -----
    Counts of steps and cells are facts of the programs: 13 steps against 4, 12 cells against 4.
    The ratios depend on the devices besides, and of those several numbers are assumed (see
    ``SOT_MRAM`` and ``NOR_RRAM``). With them the full adder gives the paper's 1.8 for latency,
    which rests on the assumed 2.0 ns and 1.1 ns, and neither its 3.3 for energy nor its 2.5 for
    area. FloatPIM's own count is lower than that of the exact program: it keeps half of the digits
    of a product and does not round.

    Examples
    --------
    >>> table = compare()
    >>> [round(float(r), 2) for r in table.ratio.sel(scope="full adder")]
    [1.77, 1.79, 1.52]
    >>> round(table.attrs["needed_latency"], 2)
    1.81
    """
    fmt = float_format("compare", fmt)
    rows = whole_number("compare", "rows", rows, least=1)
    draw = stream(rng, "operands")
    operands = [fmt.encode(draw.standard_normal(rows)) for _ in range(3)]
    exact = floating("multiply_accumulate", fmt.exponent_bits, fmt.fraction_bits)
    bit = np.arange(8, dtype=np.uint64)
    inputs = [bit & np.uint64(1), bit >> np.uint64(1) & np.uint64(1), bit >> np.uint64(2)]
    _, adder = execute(full_adder(), [*inputs, np.zeros(8, np.uint64)])
    _, used = execute(exact, operands)
    mine = [_per_row(array, adder), _per_row(array, used), _per_row(array, used)]
    theirs = [
        _gates(baseline, NOR_CYCLES["full adder"], 0),
        _gates(baseline, nor_cycles(exact), exact.searches),
        _gates(baseline, *floatpim_cycles("multiply_accumulate", fmt)),
    ]
    cells = ADDER_CELLS["baseline"] / ADDER_CELLS["array"]
    areas = [cells * baseline.cell_area / array.cell_area, np.nan, np.nan]
    ratios = [
        [other[0] / own[0], other[1] / own[1], area]
        for own, other, area in zip(mine, theirs, areas, strict=True)
    ]
    steps = NOR_CYCLES["full adder"] / full_adder().steps
    needed = {"energy": steps, "latency": steps, "area": cells}
    return xr.Dataset(
        {"ratio": RATIO.array(["scope", "quantity"], ratios)},
        {
            "scope": ["full adder", "exact", "FloatPIM's count"],
            "quantity": ["energy", "latency", "area"],
        },
        {
            "format": fmt.name,
            **{f"published_{key}": value for key, value in PUBLISHED.items()},
            **{f"needed_{key}": needed[key] / value for key, value in PUBLISHED.items()},
            "source": f"{array.name}: {array.source}; {baseline.name}: {baseline.source}",
        },
    )


def _per_row(device: PimDevice, tally: Tally) -> tuple[float, float]:
    """Return energy (J) per row and latency (s) of a tally."""
    energy = tally.reads * device.read_energy + tally.writes * device.write_energy
    latency = tally.steps * device.step_time + tally.searches * device.search_time
    return energy / tally.operations, latency


def _gates(device: PimDevice, cycles: int, searches: int) -> tuple[float, float]:
    """Return energy (J) per row and latency (s) of NOR cycles, each writing one cell a row."""
    latency = cycles * device.step_time + searches * device.search_time
    return cycles * device.write_energy, latency
