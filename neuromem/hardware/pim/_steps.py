"""Array steps of digital processing in memory, and the assembler that writes programs of them.

A row of the array is one lane; a step does the same in all rows. It reads up to two cells of the
row over its bit line and writes one cell of the row: always, only where what was read is 1, or
only in rows that a search has tagged. A field of columns is copied or shifted in one step, for
each of its columns has a write driver of its own; `Program.moved_columns` says what that saves.

Nothing here touches data: `neuromem.kernels.pim` executes. Fields are `range` objects of columns,
least significant bit first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from neuromem.kernels import pim as kernels

ZERO, ONE = 0, 1
"""Columns that hold nothing but 0 and 1 (`neuromem.kernels.pim.execute` sets them)."""

_GATES = {
    "copy": kernels.COPY,
    "not": kernels.COPY + kernels.COMPLEMENT,
    "and": kernels.AND,
    "or": kernels.OR,
    "nor": kernels.OR + kernels.COMPLEMENT,
    "xor": kernels.XOR,
    "xnor": kernels.XOR + kernels.COMPLEMENT,
}


@dataclass(frozen=True)
class Program:
    """Array steps, ready to execute, and what they cost whatever the data.

    Attributes
    ----------
    code, keys : ndarray of int64, shapes (k, 7) and (q, 2)
        Instructions and search keys, see `neuromem.kernels.pim`.
    columns : int
        Columns of the array: constants, operands, scratch and result.
    inputs : int
        Columns of the operands together, which lie from column 2 on.
    output : range
        Columns of the result.
    steps : int
        Steps that write: each reads up to two cells of a row, then writes.
    searches : int
        Steps that only read: the match of some columns with a key, or a gate of two cells.
    reads : int
        Cells read in each row.
    moves, moved_columns : int
        Steps that copy or shift a whole field, and how many columns they copy together.
    parts : mapping of str to int
        What the program is made of: ``full adder``, ``half adder``, gates (``xor``, ...),
        ``fill`` and ``latch``; moves and searches stand in the attributes above.
    """

    code: npt.NDArray[np.int64]
    keys: npt.NDArray[np.int64]
    columns: int
    inputs: int
    output: range
    steps: int
    searches: int
    reads: int
    moves: int
    moved_columns: int
    parts: Mapping[str, int]


class Builder:
    """Writes a program and hands out columns; `inputs` columns of operands come first."""

    def __init__(self, inputs: int) -> None:
        self.inputs = range(2, 2 + inputs)
        self._half, self._top = 2 + inputs, 5 + inputs
        self._carries = (3 + inputs, 4 + inputs)
        self._code: list[tuple[int, ...]] = []
        self._keys: list[tuple[int, int]] = []
        self._count: Counter[str] = Counter()
        self._parts: Counter[str] = Counter()
        self._columns = self._top

    # ------------------------------------------------------------------ columns

    def take(self, columns: int) -> range:
        """Hand out columns; what they hold is not defined until they are written."""
        self._top += columns
        self._columns = max(self._columns, self._top)
        return range(self._top - columns, self._top)

    def cell(self) -> int:
        """Hand out one column."""
        return self.take(1)[0]

    def release(self, after: int) -> None:
        """Take back all columns from `after` on."""
        self._top = after

    # ------------------------------------------------------------------ single steps

    def gate(self, how: str, sources: Sequence[int], target: int, *, gated: bool = False) -> None:
        """Read one or two cells, write the gate of them into `target`."""
        self._logic(how, sources, target, kernels.STORE, gated)
        self._parts[how] += 1

    def sense(self, how: str, sources: Sequence[int]) -> None:
        """Leave the gate of one or two cells in the tag of each row."""
        a, b = sources[0], sources[-1]
        self._read(kernels.SENSE, _GATES[how], a, b, len(sources))

    def search(self, *fields: tuple[Iterable[int], int], mismatch: bool = False) -> None:
        """Tag the rows whose columns all hold the given bit: ``(columns, bit)``, ..."""
        start = len(self._keys)
        self._keys += [(column, bit) for columns, bit in fields for column in columns]
        stop = len(self._keys)
        self._read(kernels.SEARCH, int(mismatch), start, stop, stop - start)

    def latch(self, target: int, *, complement: bool = False) -> None:
        """Write the tag into a column."""
        how = _GATES["not" if complement else "copy"]
        self._write(kernels.LATCH, how, 0, 0, 0, target, gated=False)
        self._parts["latch"] += 1

    def fill(self, field: range, bit: int, *, gated: bool = False) -> None:
        """Write one bit into all columns of a field."""
        self._write(kernels.FILL, bit, 0, 0, len(field), field.start, gated=gated)
        self._parts["fill"] += 1

    def put(self, cell: int, bit: int, *, gated: bool = False) -> None:
        """Write one bit into one column."""
        self.fill(range(cell, cell + 1), bit, gated=gated)

    def move(
        self, source: range, target: range, *, complement: bool = False, gated: bool = False
    ) -> None:
        """Copy a field; onto itself only to complement it."""
        how = _GATES["not" if complement else "copy"]
        line = (kernels.MOVE, how, 0, source.start, len(source), target.start)
        self._write(*line, gated=gated)
        self._count.update(reads=len(source), moves=1, moved_columns=len(source))

    def shift(self, field: range, places: int, *, gated: bool = False) -> None:
        """Move a field down (up if negative) by some places; zeros come in."""
        width = len(field)
        self._write(kernels.SHIFT, 0, 0, field.start, width, places, gated=gated)
        self._count.update(reads=max(width - abs(places), 0), moves=1, moved_columns=width)

    def _logic(
        self, how: str, sources: Sequence[int], target: int, mode: int, gated: bool = False
    ) -> None:
        a, b = sources[0], sources[-1]
        self._write(kernels.LOGIC, _GATES[how], mode, a, b, target, gated=gated)
        self._count["reads"] += len(sources)

    def _write(self, *line: int, gated: bool) -> None:
        self._code.append((*line, int(gated)))
        self._count["steps"] += 1

    def _read(self, kind: int, how: int, a: int, b: int, cells: int) -> None:
        self._code.append((kind, how, 0, a, b, 0, 0))
        self._count.update(searches=1, reads=cells)

    # ------------------------------------------------------------------ adders

    def full_adder(self, x: int, y: int, carry: int, out: int, *, gated: bool = False) -> None:
        """Four steps: out := majority(x, y, carry), y := x ^ y ^ carry; only y is gated."""
        self._logic("xor", (x, y), self._half, kernels.STORE)
        self._logic("and", (self._half, carry), out, kernels.STORE)
        self._logic("and", (x, y), out, kernels.SET)
        self._logic("xor", (self._half, carry), y, kernels.STORE, gated)
        self._parts["full adder"] += 1

    def half_adder(self, x: int, y: int, out: int, *, gated: bool = False) -> None:
        """Two steps: out := x & y, y := x ^ y; only y is gated."""
        self._logic("and", (x, y), out, kernels.STORE)
        self._logic("xor", (x, y), y, kernels.STORE, gated)
        self._parts["half adder"] += 1

    def ripple(
        self, xs: Sequence[int], ys: Sequence[int], carry: int = ZERO, *, gated: bool = False
    ) -> int:
        """Add xs and a carry into ys; return where the carry out is, until the next ripple."""
        for x, y in zip(xs, ys, strict=True):
            out = self._carries[carry == self._carries[0]]
            if ZERO in {x, carry}:
                self.half_adder(carry if x == ZERO else x, y, out, gated=gated)
            else:
                self.full_adder(x, y, carry, out, gated=gated)
            carry = out
        return carry

    def program(self, output: range) -> Program:
        """Return what was written."""
        count = self._count
        return Program(
            code=np.array(self._code, np.int64).reshape(-1, 7),
            keys=np.array(self._keys, np.int64).reshape(-1, 2),
            columns=self._columns,
            inputs=len(self.inputs),
            output=output,
            steps=count["steps"],
            searches=count["searches"],
            reads=count["reads"],
            moves=count["moves"],
            moved_columns=count["moved_columns"],
            parts=MappingProxyType(dict(self._parts)),
        )
