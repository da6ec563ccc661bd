"""Conversions between the codes, and the reading of input that all of nm.patterns shares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuromem.core.codes import as_patterns
from neuromem.core.errors import CodeError, ShapeError
from neuromem.core.patterns import to_binary, to_bipolar, to_real
from neuromem.core.patterns.convert import read

BITS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=2), elements=st.integers(0, 1))


@given(BITS)
def test_codes_convert_there_and_back(bits):
    signs = to_bipolar(bits)
    assert signs.dtype == np.int8
    assert signs.shape == bits.shape
    np.testing.assert_array_equal(signs, 2 * bits.astype(int) - 1)
    back = to_binary(signs)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, bits)


@given(BITS)
def test_what_is_in_the_code_already_stays_and_is_a_copy(bits):
    for convert, values in ((to_binary, bits), (to_bipolar, to_bipolar(bits))):
        result = convert(values)
        np.testing.assert_array_equal(result, values)
        assert not np.shares_memory(result, values)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_bits_of_any_dtype_become_signs(dtype):
    np.testing.assert_array_equal(to_bipolar(np.array([[0, 1, 1]], dtype)), [[-1, 1, 1]])


def test_a_threshold_cuts_real_numbers_and_a_tie_is_below():
    x = [[0.2, 0.5, 0.9], [-3.0, 0.6, 0.4]]
    np.testing.assert_array_equal(to_bipolar(x, threshold=0.5), [[-1, -1, 1], [-1, 1, -1]])
    np.testing.assert_array_equal(to_binary(x, threshold=[0.1, 0.55, 0.4]), [[1, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(to_binary(x, threshold=[[0.8], [0.3]]), [[0, 0, 1], [0, 1, 1]])


def test_to_real_keeps_values_and_double_precision():
    assert to_real([-1, 1]).dtype == np.float32
    assert to_real(np.array([0.1, 0.2])).dtype == np.float64
    np.testing.assert_array_equal(to_real(np.array([[0, 255]], np.uint8)), [[0.0, 255.0]])


@pytest.mark.parametrize("convert", [to_bipolar, to_binary])
def test_real_numbers_without_a_threshold_are_refused(convert):
    with pytest.raises(
        CodeError,
        match=rf"^{convert.__name__}: the patterns hold real numbers from 0 to 7; give the "
        r"threshold above which a unit is \+1, or use nm.patterns.binarise for images\.$",
    ):
        convert([[0, 3, 7]])


def test_a_threshold_that_does_not_fit_is_refused():
    with pytest.raises(
        ShapeError,
        match=r"^to_bipolar: the threshold has shape \(2,\), the patterns \(1, 3\); give one "
        r"number, \(3,\) or \(1, 1\)\.$",
    ):
        to_bipolar([0.0, 1.5, 2.0], threshold=[1.0, 2.0])
    with pytest.raises(CodeError, match=r"^to_binary: the threshold holds NaN; give a finite"):
        to_binary([0.0, 1.5], threshold=float("nan"))
    with pytest.raises(ShapeError, match=r"threshold has shape \(2, 3\), the patterns \(1, 3\)"):
        to_bipolar([0.0, 1.5, 2.0], threshold=np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("bad", "error", "text"),
    [
        ([[1, 2], [3]], ShapeError, "to_real: the patterns are ragged"),
        ([], ShapeError, "to_real: the patterns are empty"),
        (np.zeros((2, 2, 2)), ShapeError, r"to_real: the patterns have shape \(2, 2, 2\)"),
        ([1.0, np.nan], CodeError, "to_real: the patterns hold 1 NaN or infinite values"),
        ([1j], CodeError, "to_real: the patterns have dtype complex128"),
        (["a"], CodeError, "to_real: the patterns have dtype <U1"),
    ],
)
def test_bad_input_is_named(bad, error, text):
    with pytest.raises(error, match=f"^{text}"):
        to_real(bad)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (np.ones((1, 3), np.uint8), "binary"),
        (np.ones((1, 3), np.int8), "bipolar"),
        (np.array([[0, 1]], np.int8), "binary"),
        (np.array([[True, False]]), "binary"),
        (np.array([[0, 16]], np.uint8), "real"),
        (np.array([[-1.0, 1.0]]), "bipolar"),
        (np.array([[-1, 0, 1]]), "real"),
    ],
)
def test_the_code_of_the_input_is_recognised(values, code):
    array, found, shape = read("test", values)
    assert found == code
    assert array.dtype == values.dtype
    assert shape == values.shape
    assert as_patterns(array, code).shape == values.shape
