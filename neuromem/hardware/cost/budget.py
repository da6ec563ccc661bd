"""Does a memory fit into a microcontroller: bytes of weights, activations and state against it.

References
----------
Bravin et al. (2025), arXiv:2502.10001: a language model, weights and activations together, within
the 2 MB of a tiny device, and in 781 kB at 8 bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import xarray as xr

from neuromem.core.errors import ParameterError, ShapeError, one_of, whole_number
from neuromem.core.results import Variable

Shapes: TypeAlias = Mapping[str, int | Sequence[int]]
Bits: TypeAlias = int | Mapping[str, int]

BYTES = Variable("bytes", "byte", "bytes of the item")
COUNT = Variable("count", "1", "numbers in the item")
WIDTH = Variable("bits", "bit", "bits of one number")
NEEDED = Variable("needed", "byte", "bytes needed in the region")
AVAILABLE = Variable("available", "byte", "bytes that the target has")
MARGIN = Variable("margin", "byte", "bytes left over; negative where they do not suffice")

KINDS = ("weights", "activations", "state")


@dataclass(frozen=True)
class Target:
    """A device by its bytes.

    Parameters
    ----------
    name : str
        What it is called in results.
    total : int, optional
        Bytes for everything, where weights, activations and state share one memory.
    flash, sram : int, optional
        Bytes for weights, and bytes for activations and state, where they are apart. Give either
        `total` or both of these.

    Raises
    ------
    ParameterError
        If neither or both are given, or a number is not a whole number of bytes.

    Examples
    --------
    >>> Target("board", flash=1_000_000, sram=256_000).regions
    {'flash': 1000000, 'sram': 256000}
    """

    name: str
    total: int | None = None
    flash: int | None = None
    sram: int | None = None

    def __post_init__(self) -> None:
        """Check the bytes."""
        apart = (self.flash is not None, self.sram is not None)
        if (self.total is not None) == any(apart) or any(apart) != all(apart):
            raise ParameterError(
                f"Target {self.name!r}: total is {self.total}, flash {self.flash}, sram "
                f"{self.sram}; give total, or flash and sram, in bytes."
            )
        for region, size in self.regions.items():
            whole_number(f"Target {self.name!r}", region, size, least=1)

    @property
    def regions(self) -> dict[str, int]:
        """Bytes by region: total, or flash and sram."""
        named = {"total": self.total, "flash": self.flash, "sram": self.sram}
        return {region: size for region, size in named.items() if size is not None}

    def region_of(self, kind: str) -> str:
        """Return where "weights", "activations" or "state" lie."""
        if self.total is not None:
            return "total"
        return "flash" if kind == "weights" else "sram"


TARGETS = {
    target.name: target
    for target in (
        Target("embbert-2mb", total=2_000_000),
        Target("embbert-q", total=781_000),
    )
}
"""Targets by name: the budget of EmbBERT (2 MB), and what its 8-bit form takes (781 kB)."""


def memory_budget(
    weights: Shapes,
    target: str | Target = "embbert-2mb",
    *,
    activations: Shapes | None = None,
    state: Shapes | None = None,
    weight_bits: Bits = 8,
    activation_bits: Bits = 8,
    state_bits: Bits = 32,
) -> xr.Dataset:
    """Return what a memory needs, item by item, and whether a target holds it.

    Parameters
    ----------
    weights : mapping of str to shape
        Matrices (outputs, inputs), or any other shapes of numbers that do not change.
    target : str or Target
        A name of `TARGETS`, or a device of one's own.
    activations : mapping of str to shape, optional
        Buffers that are in use at the same moment. Left out, the largest of the matrices' inputs
        and outputs together: one matrix after another.
    state : mapping of str to shape, optional
        What stays between calls: unit states, traces, counters.
    weight_bits, activation_bits, state_bits : int or mapping of str to int
        Bits of a number, for all items or by item; an item's bytes are rounded up.

    Returns
    -------
    xarray.Dataset
        ``count``, ``bits`` and ``bytes`` by ``item`` (coordinate ``kind``: weights, activations,
        state); ``needed``, ``available`` and ``margin`` (bytes) by ``region``. The attribute
        ``fits`` is 1 or 0, and ``answer`` says it in words. `budget_table` prints it.

    Raises
    ------
    ParameterError
        If the target is unknown, there are no weights or shapes have no names, or bits are missing
        or no whole number.
    ShapeError
        If a shape holds anything but positive whole numbers, or a matrix is needed and not given.

    Examples
    --------
    >>> budget = memory_budget({"synapses": (883, 883)}, "embbert-q", state={"units": 883},
    ...                        state_bits=1)
    >>> budget.attrs["answer"]
    'does not fit embbert-q: 566 bytes too many in total'
    """
    device = _target(target)
    for kind, given in (("weights", weights), ("activations", activations), ("state", state)):
        if given is not None and not isinstance(given, Mapping):
            raise ParameterError(
                f"memory_budget: {kind} is {given!r}; give shapes by name, such as "
                '{"synapses": (10, 20)}.'
            )
    if not weights:
        raise ParameterError("memory_budget: weights is empty; give at least one shape.")
    shapes = {
        "weights": weights,
        "activations": _largest_product(weights) if activations is None else activations,
        "state": {} if state is None else state,
    }
    widths: dict[str, Bits] = {
        "weights": weight_bits,
        "activations": activation_bits,
        "state": state_bits,
    }
    items = [
        (name, kind, _count(name, shape), _width(kind, widths[kind], name))
        for kind in KINDS
        for name, shape in shapes[kind].items()
    ]
    sizes = [-(-count * bits // 8) for _, _, count, bits in items]
    needed = dict.fromkeys(device.regions, 0)
    for (_, kind, _, _), size in zip(items, sizes, strict=True):
        needed[device.region_of(kind)] += size
    margin = {region: device.regions[region] - size for region, size in needed.items()}
    return xr.Dataset(
        {
            "count": COUNT.array(["item"], [count for _, _, count, _ in items]),
            "bits": WIDTH.array(["item"], [bits for *_, bits in items]),
            "bytes": BYTES.array(["item"], sizes),
            "needed": NEEDED.array(["region"], list(needed.values())),
            "available": AVAILABLE.array(["region"], list(device.regions.values())),
            "margin": MARGIN.array(["region"], list(margin.values())),
        },
        {
            "item": [name for name, *_ in items],
            "kind": ("item", [kind for _, kind, _, _ in items]),
            "region": list(needed),
        },
        {
            "target": device.name,
            "fits": int(min(margin.values()) >= 0),
            "answer": _answer(device.name, margin),
        },
    )


def budget_table(budget: xr.Dataset) -> str:
    """Return a budget as text: a line an item, a line a region, and the answer.

    Examples
    --------
    >>> print(budget_table(memory_budget({"synapses": (500, 1000)})))
    item       kind           count  bits      bytes
    synapses   weights       500000     8     500000
    buffers    activations     1500     8       1500
    total                                     501500  of 2000000
    fits embbert-2mb: 1498500 bytes left in total
    """
    wide = max(10, *(len(str(name)) for name in budget["item"].values))
    lines = [f"{'item':<{wide}} {'kind':<11} {'count':>8} {'bits':>5} {'bytes':>10}"]
    for name, kind, count, bits, size in zip(
        *(budget[each].values for each in ("item", "kind", "count", "bits", "bytes")), strict=True
    ):
        lines.append(f"{name:<{wide}} {kind:<11} {count:>8} {bits:>5} {size:>10}")
    for region, needed, available in zip(
        *(budget[each].values for each in ("region", "needed", "available")), strict=True
    ):
        lines.append(f"{region:<{wide}} {'':<11} {'':>8} {'':>5} {needed:>10}  of {available}")
    return "\n".join([*lines, budget.attrs["answer"]])


def _target(target: str | Target) -> Target:
    if isinstance(target, Target):
        return target
    return TARGETS[one_of("memory_budget", "target", target, TARGETS)]


def _shape(name: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    try:
        return tuple(whole_number(name, "size", size, least=1) for size in sizes)
    except ParameterError:
        raise ShapeError(
            f"memory_budget: {name!r} has shape {shape!r}; give whole numbers >= 1, such as "
            "(outputs, inputs)."
        ) from None


def _count(name: str, shape: int | Sequence[int]) -> int:
    return math.prod(_shape(name, shape))


def _largest_product(weights: Shapes) -> Shapes:
    """Return one buffer: the inputs and outputs of the matrix that has most of both."""
    ends = []
    for name, shape in weights.items():
        sizes = _shape(name, shape)
        if len(sizes) != 2:
            raise ShapeError(
                f"memory_budget: {name!r} has shape {shape!r}, from which its activations do not "
                "follow; give (outputs, inputs), or the activations."
            )
        ends.append(sum(sizes))
    return {"buffers": max(ends)}


def _width(kind: str, bits: Bits, name: str) -> int:
    if isinstance(bits, Mapping):
        if name not in bits:
            raise ParameterError(
                f"memory_budget: bits of the {kind} have no entry for {name!r}; there are: "
                f"{', '.join(bits)}. Give one for each item, or one number for all."
            )
        bits = bits[name]
    return whole_number("memory_budget", f"bits of {name!r}", bits, least=1)


def _answer(name: str, margin: Mapping[str, int]) -> str:
    if min(margin.values()) >= 0:
        left = ", ".join(f"{size} bytes left in {region}" for region, size in margin.items())
        return f"fits {name}: {left}"
    over = {region: -size for region, size in margin.items() if size < 0}
    much = ", ".join(f"{size} bytes too many in {region}" for region, size in over.items())
    return f"does not fit {name}: {much}"
