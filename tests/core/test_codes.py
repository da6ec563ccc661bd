"""The one check of arrays: what passes, in which dtype, and what the errors say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuromem.core.codes import CODES, DTYPES, as_patterns, code_of
from neuromem.core.errors import CodeError, ShapeError


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float32, np.float64])
def test_values_of_a_code_come_back_in_its_dtype(dtype):
    given_values = np.array([[1, -1], [-1, -1]], dtype)
    checked = as_patterns(given_values, "bipolar")
    assert checked.dtype == np.int8
    np.testing.assert_array_equal(checked, given_values)
    assert as_patterns(np.array([[True, False]]), "binary").dtype == np.uint8


def test_real_patterns_keep_double_precision_and_are_single_otherwise():
    assert as_patterns(np.array([[0.5]]), "real").dtype == np.float64
    assert as_patterns([[1, 2]], "real").dtype == np.float32


@given(
    values=hnp.arrays(np.int8, (3, 17), elements=st.integers(-2, 2)), code=st.sampled_from(CODES)
)
def test_what_passes_is_what_the_code_allows(values, code):
    allowed = {"bipolar": {-1, 1}, "binary": {0, 1}, "real": {-2, -1, 0, 1, 2}}[code]
    if set(values.ravel().tolist()) <= allowed:
        checked = as_patterns(values, code)
        np.testing.assert_array_equal(checked, values)
        assert checked.dtype == DTYPES[code]
    else:
        with pytest.raises(CodeError, match=f"{code} values"):
            as_patterns(values, code)


@pytest.mark.parametrize(
    ("values", "error", "text"),
    [
        ([[0, 1]], CodeError, r"hold 0 and 1; .* -1 and \+1. Convert with nm.patterns.to_bipolar"),
        ([[3, 4, 5]], CodeError, "hold 3 different values from 3 to 5"),
        ([[np.nan, 1]], CodeError, "hold 1 NaN or infinite values"),
        ([[np.inf, 1]], CodeError, "hold 1 NaN or infinite values"),
        ([[1j, 1]], CodeError, "dtype complex128"),
        ([["a", "b"]], CodeError, "dtype <U1"),
        ([], ShapeError, "are empty"),
        ([[]], ShapeError, "are empty"),
        (3, ShapeError, r"have shape \(\); expected \(P, 2\)"),
        (np.ones((1, 1, 2)), ShapeError, "Flatten each pattern"),
        ([[1, 1, 1]], ShapeError, "have 3 units, this memory has 2. Give an array .* 2 long"),
        ([[1, 1], [1]], ShapeError, "ragged"),
    ],
)
def test_errors_say_what_came_and_the_way_out(values, error, text):
    n = None if error is CodeError else 2
    with pytest.raises(error, match=text) as caught:
        as_patterns(values, "bipolar", n=n, where="Here.store: keys")
    assert str(caught.value).startswith("Here.store: keys")
    assert "\n" not in str(caught.value)


def test_code_of_names_the_narrowest():
    assert code_of([[1, 1]]) == "bipolar" or code_of([[1, 1]]) == "binary"
    assert code_of([[0.2]]) == "real"
