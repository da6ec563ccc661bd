"""The array steps against a slow twin on unpacked bits; all results are integers, all exact."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromem.kernels import pim

COLUMNS = 9
GATES = {
    pim.COPY: lambda a, b: a.copy(),
    pim.AND: lambda a, b: a & b,
    pim.OR: lambda a, b: a | b,
    pim.XOR: lambda a, b: a ^ b,
}


def gate(how, a, b):
    value = GATES[how & 3](a, b)
    return ~value if how & pim.COMPLEMENT else value


def twin(code, keys, bits):
    """Do every instruction on `bits` (columns, rows) bool; return the cells written."""
    tag = np.zeros(bits.shape[1], bool)
    writes = 0
    for kind, how, mode, a, b, target, gated in code:
        rows = tag.copy() if gated else np.ones_like(tag)
        if kind == pim.SENSE:
            tag = gate(how, bits[a], bits[b])
        elif kind == pim.SEARCH:
            tag = np.ones_like(tag)
            for column, bit in keys[a:b]:
                tag &= bits[column] == bool(bit)
            tag ^= bool(how)
        elif kind == pim.LOGIC:
            value = gate(how, bits[a], bits[b])
            rows &= {pim.STORE: rows, pim.SET: value, pim.CLEAR: ~value}[mode]
            bits[target] = np.where(rows, value, bits[target])
            writes += rows.sum()
        elif kind == pim.LATCH:
            bits[target] = np.where(rows, gate(how, tag, tag), bits[target])
            writes += rows.sum()
        else:
            to = a if kind == pim.SHIFT else target
            field = np.zeros((b, tag.size), bool)
            if kind == pim.MOVE:
                field = gate(how, bits[a : a + b], None)
            elif kind == pim.FILL:
                field[:] = how
            else:
                for i in range(b):
                    if 0 <= i + target < b:
                        field[i] = bits[a + i + target]
            bits[to : to + b] = np.where(rows, field, bits[to : to + b])
            writes += b * rows.sum()
    return writes


@st.composite
def programs(draw):
    """Return (code, keys) that read all of nine columns and write columns 2 to 8."""
    keys = draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1)), min_size=3, max_size=8))
    column, free = st.integers(0, 8), st.integers(2, 8)
    how = st.integers(0, 7)
    code = []
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.integers(0, 6))
        gated = draw(st.integers(0, 1))
        invert = draw(st.sampled_from([pim.COPY, pim.COPY + pim.COMPLEMENT]))
        if kind in (pim.SENSE, pim.LOGIC):
            mode = draw(st.integers(0, 2))
            line = draw(how), mode, draw(column), draw(column), draw(free)
        elif kind == pim.MOVE:
            line = invert, 0, draw(st.integers(0, 2)), 3, draw(st.integers(5, 6))
        elif kind == pim.SHIFT:
            line = 0, 0, 3, 5, draw(st.integers(-6, 6))
        elif kind == pim.FILL:
            line = draw(st.integers(0, 1)), 0, 0, 4, draw(st.integers(2, 5))
        elif kind == pim.SEARCH:
            start = draw(st.integers(0, len(keys)))
            line = draw(st.integers(0, 1)), 0, start, draw(st.integers(start, len(keys))), 0
        else:
            line = invert, 0, 0, 0, draw(free)
        code.append((kind, *line, gated))
    return np.array(code, np.int64), np.array(keys, np.int64)


@settings(max_examples=300)
@given(
    program=programs(),
    rows=st.sampled_from([1, 5, 63, 64, 65, 2048, 2049, 4500]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_program_does_what_its_twin_does(program, rows, seed):
    code, keys = program
    values = np.random.default_rng(seed).integers(0, 2**6, rows, dtype=np.uint64)
    bits = np.zeros((COLUMNS, rows), bool)
    bits[1] = True
    for i in range(6):
        bits[2 + i] = values >> np.uint64(i) & np.uint64(1)
    words = -(-rows // 64)
    inputs, outputs = np.empty((6, words), np.uint64), np.empty((7, words), np.uint64)
    pim.pack(values, inputs)
    writes = pim.execute(code, keys, COLUMNS, inputs, rows, outputs, 2)
    result = np.empty(rows, np.uint64)
    pim.unpack(outputs, result)
    assert writes == twin(code, keys, bits)
    wanted = sum(bits[2 + i].astype(np.uint64) << np.uint64(i) for i in range(7))
    np.testing.assert_array_equal(result, wanted)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=200), st.integers(1, 64))
def test_pack_and_unpack_are_inverse(values, bits):
    values = np.array(values, np.uint64) & np.uint64(2**bits - 1)
    planes = np.full((bits, -(-values.size // 64)), 2**64 - 1, np.uint64)
    pim.pack(values, planes)
    ones = np.bitwise_count(values).sum(dtype=int)
    assert np.bitwise_count(planes).sum(dtype=int) == ones  # spare rows are 0
    back = np.empty_like(values)
    pim.unpack(planes, back)
    np.testing.assert_array_equal(back, values)
