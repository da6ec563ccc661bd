"""The baseline's published counts, and what follows from them for the comparison."""

import itertools

import numpy as np
import pytest

from neuromem.core.errors import ParameterError
from neuromem.hardware.pim._programs import floating, full_adder
from neuromem.hardware.pim.baseline import (
    ADDER_CELLS,
    NOR_CYCLES,
    NOR_RRAM,
    PUBLISHED,
    compare,
    floatpim_cycles,
    nor_cycles,
)
from neuromem.hardware.pim.formats import FORMATS, FloatFormat
from neuromem.hardware.pim.machine import SOT_MRAM


def nor(*bits):
    return 1 - max(bits)


def test_a_full_adder_is_twelve_nor_gates():
    """Talati et al. 2016: every gate writes a cell, one more cycle prepares them: 12 + 1."""
    for a, b, c in itertools.product((0, 1), repeat=3):
        cells = [nor(a, b), nor(b, c), nor(a, c)]
        cells.append(nor(*cells))  # carry
        cells += [nor(a), nor(b), nor(c)]
        cells.append(nor(*cells[4:7]))  # all three
        cells.append(nor(a, b, c))  # none
        cells.append(nor(cells[8], cells[3]))  # just one
        cells.append(nor(cells[7], cells[9]))
        cells.append(nor(cells[10]))
        assert (cells[3], cells[11]) == divmod(a + b + c, 2)
        assert len(cells) == ADDER_CELLS["baseline"] == NOR_CYCLES["full adder"] - 1


def test_the_other_parts_in_nor_logic():
    """The shortest circuits of NOR gates with two inputs; a cycle more for their outputs."""
    for a, b in itertools.product((0, 1), repeat=2):
        either, both = nor(a, b), nor(nor(a), nor(b))
        assert (both, nor(either, both)) == divmod(a + b, 2)  # half adder: 5 gates; xor is its sum
        same = nor(nor(a, either), nor(b, either))
        assert same == (a == b)  # 4 gates
    assert NOR_CYCLES["half adder"] == NOR_CYCLES["xor"] == 6  # FloatPIM: 6 cycles for the sign
    assert (NOR_CYCLES["xnor"], NOR_CYCLES["and"], NOR_CYCLES["or"]) == (5, 4, 3)


def test_published_counts_of_floatpim():
    """Imani et al. 2019, N_e = 8 and N_m = 23."""
    assert floatpim_cycles("add") == (3 + 16 * 8 + 19 * 23 + 23**2, 2 * 23 + 1)
    assert floatpim_cycles("multiply") == (12 * 8 + 6.5 * 23**2 - 7.5 * 23 - 2, 0)
    assert floatpim_cycles("multiply_accumulate") == (1097 + 3360, 47)
    assert all(isinstance(count, int) for count in floatpim_cycles("multiply", FloatFormat(4, 2)))


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_an_exact_product_takes_at_least_all_digits(fmt):
    """NOR cycles of the exact program against Haj-Ali et al. 2018: 13 N^2 - 14 N + 6, all digits.

    Theirs overlaps the cycles that prepare cells, ours adds rounding, exponent and subnormals.
    """
    n = fmt.fraction_bits + 1
    digits = 13 * n * n - 14 * n + 6
    cycles = nor_cycles(floating("multiply", fmt.exponent_bits, fmt.fraction_bits))
    assert digits < cycles
    assert cycles < 1.4 * digits + 1000  # the rest is linear: moves of the window, rounding
    assert floatpim_cycles("multiply", fmt)[0] < digits + 12 * fmt.exponent_bits


def test_exact_nor_arithmetic_is_where_others_found_it():
    """AritPIM (Leitersdorf et al., IEEE TETC 11, 720, 2023): exact float32 in NOR gates.

    Sum 3997 cycles, product 11586, each gate with a cycle of its own to prepare its output; with
    those cycles shared about half. Ours shares them within each part.
    """
    for operation, published in (("add", 3997), ("multiply", 11586)):
        assert published / 2 < nor_cycles(floating(operation, 8, 23)) < published


def test_step_and_cell_counts_of_the_full_adder():
    assert (NOR_CYCLES["full adder"], full_adder().steps) == (13, 4)
    # beside x the adder has sum, carry in, carry out and x ^ y
    assert (ADDER_CELLS["baseline"], ADDER_CELLS["array"]) == (12, 4)


def test_what_the_published_ratios_need():
    """13/4 steps and 12/4 cells leave what a step and a cell may cost, in NOR gates and cells."""
    attrs = compare(rows=64).attrs
    assert attrs["needed_energy"] == pytest.approx(13 / 4 / 3.3)
    assert attrs["needed_latency"] == pytest.approx(13 / 4 / 1.8)
    assert attrs["needed_area"] == pytest.approx(12 / 4 / 2.5)


def test_ratios_of_the_full_adder_follow_from_counts_and_devices():
    """Energy by hand: 8 reads and 3.25 writes a row against 13 gates."""
    ratio = compare(rows=64).ratio.sel(scope="full adder")
    energy = 13 * 6.4 / (8 * 1.0 + 3.25 * 12.0)
    assert float(ratio.sel(quantity="energy")) == pytest.approx(energy)
    assert float(ratio.sel(quantity="latency")) == pytest.approx(13 * 1.1 / (4 * 2.0))
    area = 3 * (30.64e-6 / 2**33) / (9 * 28e-9**2)
    assert float(ratio.sel(quantity="area")) == pytest.approx(area)


def test_only_the_latency_of_the_paper_follows_with_assumed_device_times():
    """1.1 ns a gate and 2.0 ns a step give 1.79; energy 3.3 and area 2.5 do not come out."""
    ratio = compare(rows=64).ratio.sel(scope="full adder")
    assert float(ratio.sel(quantity="latency")) == pytest.approx(PUBLISHED["latency"], abs=0.05)
    assert float(ratio.sel(quantity="energy")) < 0.6 * PUBLISHED["energy"]
    assert float(ratio.sel(quantity="area")) < 0.7 * PUBLISHED["area"]
    assert "assumed" in SOT_MRAM.source
    assert "assumed" in NOR_RRAM.source


def test_exact_multiply_accumulate_by_scope():
    table = compare()
    exact = table.ratio.sel(scope="exact")
    latency = (11805 * 1.1 + 118 * 1.5) / (2715 * 2.0 + 118 * 1.5)
    assert float(exact.sel(quantity="latency")) == pytest.approx(latency)
    theirs = table.ratio.sel(scope="FloatPIM's count", quantity="latency")
    assert float(theirs) == pytest.approx((4457 * 1.1 + 47 * 1.5) / (2715 * 2.0 + 118 * 1.5))
    assert np.isnan(exact.sel(quantity="area"))
    assert table.identical(compare())


def test_errors_say_what_to_do():
    with pytest.raises(ParameterError, match=r"compare: fmt is 'int8'; choose one of: float16"):
        compare("int8")
    with pytest.raises(ParameterError, match=r"compare: rows is 0; give a whole number >= 1"):
        compare(rows=0)
    with pytest.raises(ParameterError, match=r"floatpim_cycles: operation is 'divide'; choose"):
        floatpim_cycles("divide")
