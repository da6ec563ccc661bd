"""The same matrix-vector product in digital logic: arithmetic, and the way of the weights to it.

Energies of 45 nm logic and memories at 0.9 V (Horowitz, ISSCC 2014,
doi:10.1109/ISSCC.2014.6757323), scaled by (node/45 nm) (supply/0.9 V)^2 except for DRAM.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import xarray as xr

from neuromem.core.errors import ParameterError, one_of, whole_number
from neuromem.hardware.cost.products import ENERGY, OPERATIONS
from neuromem.hardware.cost.technology import (
    ADD_ENERGY,
    DRAM_ENERGY,
    MULTIPLY_ENERGY,
    SRAM_ENERGY,
    Technology,
    technology_of,
)

DIGITAL_PARTS = ("multiply", "add", "weights", "activations")
MEMORIES = ("in place", *SRAM_ENERGY, "DRAM")
_CAPACITY = {"8 KB": 8 * 2**10, "32 KB": 32 * 2**10, "1 MB": 2**20}
_MOST_INTEGER_BITS = 64


class Number(NamedTuple):
    """A number format: bits, and J per multiplication and per addition at 45 nm and 0.9 V."""

    bits: int
    multiply: float
    add: float


def number_format(name: str) -> Number:
    """Return the width and the energies of a number format.

    Parameters
    ----------
    name : str
        "fp16", "fp32", or "int" and a width, such as "int8": integers are multiplied at the
        table's 0.2 pJ times (bits/8)^2 (32 bits: 3.2 pJ, measured 3.1) and summed in 32 bits.

    Returns
    -------
    Number
        Bits, J per multiplication, J per addition.

    Raises
    ------
    ParameterError
        If there is no such format.

    Examples
    --------
    >>> number_format("int8")
    Number(bits=8, multiply=2e-13, add=1e-13)
    """
    found = re.fullmatch(r"int(\d+)", name) if isinstance(name, str) else None
    if found and 1 <= int(found[1]) <= _MOST_INTEGER_BITS:
        bits = int(found[1])
        scaled = MULTIPLY_ENERGY["int8"] * (bits / 8) ** 2
        return Number(bits, MULTIPLY_ENERGY.get(name, scaled), ADD_ENERGY["int32"])
    if name in ("fp16", "fp32"):
        return Number(int(name[2:]), MULTIPLY_ENERGY[name], ADD_ENERGY[name])
    raise ParameterError(
        f"number_format: number is {name!r}; give fp16, fp32, or int1 to int{_MOST_INTEGER_BITS}."
    )


def smallest_memory(count: float) -> str:
    """Return the first level of the memory hierarchy that holds `count` bytes.

    Examples
    --------
    >>> smallest_memory(20_000), smallest_memory(2e6)
    ('32 KB', 'DRAM')
    """
    return next((name for name, size in _CAPACITY.items() if count <= size), "DRAM")


def digital_cost(
    inputs: int,
    outputs: int,
    *,
    number: str = "int8",
    memory: str | None = None,
    batch: int = 1,
    technology: Technology | None = None,
) -> xr.Dataset:
    """Return the energy of a matrix-vector product on a processor, or on a digital SRAM macro.

    Parameters
    ----------
    inputs, outputs : int
        Columns M and rows N of the (N, M) weight matrix.
    number : str
        Format of weights and inputs, see `number_format`.
    memory : {"in place", "8 KB", "32 KB", "1 MB", "DRAM"}, optional
        Where the weights lie: "in place" is a digital in-memory macro, whose weights do not move;
        left out, the smallest memory that holds them.
    batch : int
        Products for which weights are fetched once.
    technology : Technology, optional
        Node and supply; the defaults of `Technology` if left out.

    Returns
    -------
    xarray.Dataset
        ``energy`` (J, of one product) by ``part``: multiply, add, weights, activations (inputs
        and outputs, each once through an 8 KB buffer); ``operations``; the attributes name the
        memory and the bit widths.

    Raises
    ------
    ParameterError
        If a size, the format or the memory is not one that there is.

    Examples
    --------
    >>> cost = digital_cost(256, 256, technology=Technology(node=45e-9))
    >>> cost.attrs["memory"], round(float(cost.energy.sum()) * 1e9, 1)  # nJ
    ('1 MB', 839.5)
    """
    where = "digital_cost"
    technology = technology_of(where, technology)
    inputs = whole_number(where, "inputs", inputs, least=1)
    outputs = whole_number(where, "outputs", outputs, least=1)
    batch = whole_number(where, "batch", batch, least=1)
    form = number_format(number)
    bits = inputs * outputs * form.bits
    held = (
        smallest_memory(bits / 8) if memory is None else one_of(where, "memory", memory, MEMORIES)
    )
    logic = technology.digital_scale
    per_bit = {"in place": 0.0, "DRAM": DRAM_ENERGY}
    per_bit |= {name: energy * logic for name, energy in SRAM_ENERGY.items()}
    energy = [
        inputs * outputs * form.multiply * logic,
        inputs * outputs * form.add * logic,
        bits * per_bit[held] / batch,
        (inputs + outputs) * form.bits * per_bit["8 KB"],
    ]
    return xr.Dataset(
        {
            "energy": ENERGY.array(["part"], energy),
            "operations": OPERATIONS.array([], 2 * inputs * outputs),
        },
        {"part": list(DIGITAL_PARTS)},
        {
            "memory": held,
            "batch": batch,
            "precision": f"{number} weights and inputs",
            "node": technology.node,
        },
    )
