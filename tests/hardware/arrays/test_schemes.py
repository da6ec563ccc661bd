"""How weights become cells: each scheme's own formula, and what does not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromem.core.errors import ParameterError
from neuromem.hardware import Crossbar
from neuromem.hardware.arrays.schemes import Scheme
from neuromem.hardware.arrays.tiles import Tiling

LOW, HIGH = 2e-6, 42e-6
K = HIGH - LOW  # conductance per unit of weight, w_max = 1
W = np.array([[0.25, -1.0, 0.0]])


def scheme(name, **choices):
    return Scheme(name, LOW, HIGH, 1.0, **choices)


def test_a_one_sided_pair_holds_each_sign_in_a_cell_of_its_own():
    cells = scheme("differential").encode(W)
    expected = [[LOW + K / 4, LOW, LOW, HIGH, LOW, LOW]]
    np.testing.assert_allclose(cells, expected, rtol=1e-15)


def test_a_two_sided_pair_has_a_constant_sum():
    cells = scheme("two-sided").encode(W)
    np.testing.assert_allclose(cells[:, 0::2] + cells[:, 1::2], LOW + HIGH, rtol=1e-15)
    np.testing.assert_allclose(cells[:, 0::2] - cells[:, 1::2], K * W, atol=1e-20)


def test_an_offset_array_has_a_reference_column_at_mid_range():
    cells = scheme("offset").encode(W)
    np.testing.assert_allclose(cells[0], LOW + K * np.array([0.625, 0.0, 0.5, 0.5]), rtol=1e-14)


def test_slices_are_the_digits_of_whole_numbers():
    # 5 bits with sign, 2 in a cell: -11 is 11 = 3 + 4 * 2 in the negative cells.
    three = scheme("sliced", bits=5, cell_bits=2)
    cells = three.encode(np.array([[-11 / 15]]))
    digits = np.rint((cells - LOW) / K * 3).reshape(2, 2)
    np.testing.assert_array_equal(digits, [[0, 3], [0, 2]])
    np.testing.assert_allclose(three.decode(cells).sum(axis=0), -11 / 15, rtol=1e-13)


def test_pairs_of_several_significances_fill_the_smallest_first():
    cells = scheme("weighted", factors=(1.0, 4.0)).encode(np.array([[0.5]]))
    shares = ((cells - LOW) / K).reshape(2, 2)
    np.testing.assert_allclose(shares, [[1.0, 0.0], [0.375, 0.0]], atol=1e-12)  # 1 + 4 * 0.375


def test_the_ends_of_the_range_are_met_exactly():
    for name in ("differential", "two-sided", "digital-offset", "sliced"):
        cells = scheme(name).encode(np.array([[1.0, -1.0]]))
        assert cells.min() == LOW
        assert cells.max() == HIGH


@given(
    name=st.sampled_from(["differential", "two-sided", "digital-offset", "offset", "weighted"]),
    values=st.lists(st.floats(-1, 1), min_size=1, max_size=6),
)
def test_any_weight_is_read_back(name, values):
    weights = np.array([values])
    one = scheme(name)
    back = one.decode(one.encode(weights)).sum(axis=0) - one.digital_offset
    np.testing.assert_allclose(back, weights, atol=1e-12)


@pytest.mark.parametrize("name", ["sliced", "sliced-offset", "sliced-complement"])
@pytest.mark.parametrize("cell_bits", [1, 2, 3])
def test_H19_sliced_whole_numbers_with_serial_inputs_and_lossless_converters_are_exact(
    name, cell_bits
):
    """128 rows, 5-bit inputs bit by bit, 7-bit weights in cells: whole numbers come back."""
    draw = np.random.default_rng(0)
    weights = draw.integers(-63, 64, (20, 128))
    weights[0, 0] = 63  # so that the last bit stands for one
    x = draw.integers(-15, 16, (128, 9))
    x[0] = 15
    largest = np.abs(Scheme(name, LOW, HIGH, 63.0, bits=7, cell_bits=cell_bits).significance).max()
    crossbar = Crossbar.program(
        weights,
        "ideal",
        scheme=name,
        weight_bits=7,
        cell_bits=cell_bits,
        dac_bits=5,
        serial=True,
        # The step of a slice's converter is one unit of its digit: full scale = codes in steps.
        adc_bits=12,
        adc_range=2047 * largest / (2**cell_bits - 1),
        dtype=np.float64,
    )
    product = crossbar @ x
    np.testing.assert_allclose(product, np.rint(product), atol=1e-9)
    np.testing.assert_array_equal(np.rint(product), weights @ x)


def test_H22_tiling_of_300_by_500_on_128_by_128():
    tiling = Tiling(300, 500, 128, 128, scheme("differential"))
    assert tiling.shape == (3, 8)
    assert tiling.count == 24
    assert tiling.utilisation == pytest.approx(300 * 1000 / (24 * 16384), rel=1e-15)


@given(
    inputs=st.integers(1, 60),
    outputs=st.integers(1, 60),
    rows=st.integers(1, 20),
    columns=st.integers(4, 30),
    split=st.sampled_from(["fill", "equal"]),
    name=st.sampled_from(["differential", "offset", "weighted", "digital-offset"]),
)
def test_tiles_cover_the_matrix_once_and_fit(inputs, outputs, rows, columns, split, name):
    tiling = Tiling(inputs, outputs, rows, columns, scheme(name), split)
    covered = np.zeros((inputs, outputs), int)
    for _, _, over, across in tiling.places():
        covered[over, across] += 1
        height, width = covered[over, across].shape
        assert 1 <= height <= rows
        assert tiling.scheme.columns(width) <= columns
    assert (covered == 1).all()
    assert 0 < tiling.utilisation <= 1


def test_a_tile_too_narrow_for_one_output_is_refused():
    with pytest.raises(ParameterError, match=r"tile has 3 columns, but one output takes 4"):
        Tiling(4, 4, 8, 3, scheme("weighted"))


def test_cells_of_two_levels_hold_one_bit():
    with pytest.raises(ParameterError, match=r"cell_bits is 3, but a cell of 'stt-mram' has two"):
        Crossbar.program(np.eye(4), "stt-mram", cell_bits=3)
    with pytest.raises(ParameterError, match="digital array, which holds the bits"):
        Crossbar.program(np.eye(4), "sram-cim", scheme="differential")
