"""Array steps of digital processing in memory, on bit planes.

A *plane* is one column of the array for all rows (lanes): bit j of word w is row 64 w + j. A step
acts on whole columns, so on all rows at once, and here on 64 rows per machine word. Rows beyond
the last one are computed along and never counted.

An instruction is seven integers, ``(kind, how, mode, a, b, target, gated)``:

======  ==========================================================================================
SENSE   tag := gate(a, b), the gate being `how`: a read whose result stays in the row's latch
LOGIC   read a and b; column `target` := gate(a, b), or is set where that is 1 (`mode` SET), or
        cleared where that is 0 (CLEAR)
MOVE    b columns from a are copied to b columns from `target`; `how` is COPY or its complement
SHIFT   b columns from a move `target` places down (up if negative), zeros come in
FILL    b columns from `target` are written with the bit `how`
SEARCH  tag := keys a .. b - 1 all match; inverted if `how` is 1
LATCH   column `target` := tag; `how` is COPY or its complement
======  ==========================================================================================

A *gated* instruction writes only in rows whose tag is 1.
"""

from typing import Any, TypeAlias

import numpy as np

from neuromem.kernels._jit import kernel, popcount

Array: TypeAlias = Any

SENSE, LOGIC, MOVE, SHIFT, FILL, SEARCH, LATCH = range(7)
COPY, AND, OR, XOR = range(4)
COMPLEMENT = 4  # added to a gate
STORE, SET, CLEAR = range(3)

_BLOCK = 32  # words: some 200 columns of it stay in second-level cache through a whole program
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)
_NONE = np.uint64(0)


@kernel
def pack(values: Array, planes: Array) -> None:
    """Spread `values` (n,) uint64 over `planes` (bits, words) uint64, bit i of a value to plane i.

    Both may be longer than needed: bits beyond the planes are dropped, spare rows become 0.
    """
    planes[:] = _NONE
    for lane in range(values.size):
        word, place = lane >> 6, np.uint64(lane & 63)
        for bit in range(planes.shape[0]):
            planes[bit, word] |= ((values[lane] >> np.uint64(bit)) & np.uint64(1)) << place


@kernel
def unpack(planes: Array, values: Array) -> None:
    """Undo `pack`: read `values` (n,) uint64 from `planes` (bits, words) uint64."""
    for lane in range(values.size):
        word, place = lane >> 6, np.uint64(lane & 63)
        value = _NONE
        for bit in range(planes.shape[0]):
            value |= ((planes[bit, word] >> place) & np.uint64(1)) << np.uint64(bit)
        values[lane] = value


@kernel
def _sensed(how: int, a: Array, b: Array, out: Array) -> None:
    """Read one cell or two of each row: out := gate(a, b)."""
    gate = how & 3
    flip = _FULL if how & COMPLEMENT else _NONE
    for w in range(out.size):
        if gate == COPY:
            value = a[w]
        elif gate == AND:
            value = a[w] & b[w]
        elif gate == OR:
            value = a[w] | b[w]
        else:
            value = a[w] ^ b[w]
        out[w] = value ^ flip


@kernel
def _written(mode: int, value: Array, rows: Array, column: Array) -> None:
    """Write `value` into `column` in the rows of the mask `rows`; leave there where to write."""
    for w in range(column.size):
        if mode == SET:
            rows[w] &= value[w]
        elif mode == CLEAR:
            rows[w] &= ~value[w]
        column[w] ^= (column[w] ^ value[w]) & rows[w]


@kernel
def _matched(keys: Array, planes: Array, invert: int, tag: Array) -> None:
    """Compare the columns ``keys[:, 0]`` of each row with the bits ``keys[:, 1]``."""
    tag[:] = _FULL
    for k in range(keys.shape[0]):
        column = planes[keys[k, 0]]
        flip = _NONE if keys[k, 1] == 1 else _FULL
        for w in range(tag.size):
            tag[w] &= column[w] ^ flip
    if invert == 1:
        for w in range(tag.size):
            tag[w] = ~tag[w]


@kernel
def _shifted(planes: Array, start: int, width: int, places: int, rows: Array) -> None:
    """Move a field down by `places` columns (up if negative) in the rows of the mask."""
    for i in range(width):
        # The end that the field moves to comes first, so that no column is lost before it is read.
        at = i if places > 0 else width - 1 - i
        source = at + places
        column = planes[start + at]
        for w in range(rows.size):
            new = planes[start + source, w] if 0 <= source < width else _NONE
            column[w] ^= (column[w] ^ new) & rows[w]


@kernel
def _step(line: Array, keys: Array, planes: Array, tag: Array, rows: Array, value: Array) -> int:
    """Do one instruction on one block; return how many columns `rows` was written in."""
    kind, how, mode, a, b, target = line[0], line[1], line[2], line[3], line[4], line[5]
    for w in range(rows.size):
        rows[w] = tag[w] if line[6] == 1 else _FULL
    if kind == SENSE:
        _sensed(how, planes[a], planes[b], tag)
        return 0
    if kind == SEARCH:
        _matched(keys[a:b], planes, how, tag)
        return 0
    if kind == LOGIC:
        _sensed(how, planes[a], planes[b], value)
        _written(mode, value, rows, planes[target])
        return 1
    if kind == LATCH:
        _sensed(how, tag, tag, value)
        _written(STORE, value, rows, planes[target])
        return 1
    if kind == SHIFT:
        _shifted(planes, a, b, target, rows)
        return int(b)
    for i in range(b):
        if kind == FILL:
            value[:] = _FULL if how == 1 else _NONE
        else:
            _sensed(how, planes[a + i], planes[a + i], value)
        _written(STORE, value, rows, planes[target + i])
    return int(b)


@kernel
def execute(
    code: Array, keys: Array, columns: int, inputs: Array, lanes: int, outputs: Array, first: int
) -> int:
    """Run a program on all rows; return the number of cells that were written.

    code (k, 7) int64, keys (q, 2) int64: see the module. The array has `columns` columns: column 0
    holds 0, column 1 holds 1, and the `inputs` (c, words) uint64 lie from column 2 on. At the end
    the `outputs` (r, words) uint64 are read from column `first` on. Conditional writes count where
    they write, whether or not the cell changes.
    """
    words = inputs.shape[1]
    writes = 0
    for start in range(0, words, _BLOCK):
        size = min(_BLOCK, words - start)
        planes = np.zeros((columns, size), np.uint64)
        planes[1] = _FULL
        planes[2 : 2 + inputs.shape[0]] = inputs[:, start : start + size]
        tag, rows, value = planes[0].copy(), planes[0].copy(), planes[0].copy()
        used = np.full(size, _FULL, np.uint64)
        if lanes < 64 * (start + size):
            used[size - 1] = (np.uint64(1) << np.uint64(lanes & 63)) - np.uint64(1)
        for k in range(code.shape[0]):
            wide = _step(code[k], keys, planes, tag, rows, value)
            if wide > 0:
                for w in range(size):
                    writes += int(wide * popcount(rows[w] & used[w]))
        outputs[:, start : start + size] = planes[first : first + outputs.shape[0]]
    return writes
