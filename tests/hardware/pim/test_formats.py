"""Bit patterns and rounding of the formats, against NumPy and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromem.core.errors import CodeError, ParameterError
from neuromem.hardware.pim.formats import FORMATS, FloatFormat, float_format

BFLOAT16 = FORMATS["bfloat16"]


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_patterns_are_those_of_numpy(name):
    values = np.random.default_rng(0).standard_normal(100).astype(name)
    word = np.dtype(f"u{values.itemsize}")
    np.testing.assert_array_equal(FORMATS[name].encode(values), values.view(word))


@pytest.mark.parametrize("name", FORMATS)
def test_decode_undoes_encode(name):
    values = np.array([0.0, -0.0, 1.5, -np.inf, np.inf, 2.0**-14, -(2.0**-15)])
    got = FORMATS[name].decode(FORMATS[name].encode(values))
    np.testing.assert_array_equal(got, values)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(values))
    assert np.isnan(FORMATS[name].decode(FORMATS[name].encode([np.nan]))).all()


@given(st.floats(-(2.0**127), 2.0**127, width=32))
def test_encode_rounds_to_the_nearest_bfloat16(x):
    """Eight significant digits, ties to even: what rint does at that scale."""
    _, exponent = np.frexp(x)
    quantum = np.ldexp(1.0, max(exponent, -125) - 8)
    (got,) = BFLOAT16.decode(BFLOAT16.encode([x]))
    assert got == np.rint(x / quantum) * quantum
    np.testing.assert_array_equal(BFLOAT16.encode([got]), BFLOAT16.encode([x]))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (1 + 2**-8 + 2**-40, 1.0078125),  # above the tie between 1 and 1 + 2^-7
        (1 + 2**-8, 1.0),
        (-(1 + 2**-8 + 2**-40), -1.0078125),
        (2**40 + 2**32 + 1, 2**40 + 2**33),
        (2**62 + 2**54, 2**62),
        (2**62 + 2**54 + 1, 2**62 + 2**55),  # which float64 does not tell from the tie
        (-(2**62) - 2**54 - 1, -(2**62) - 2**55),
        (2**62 + 3 * 2**54 - 1, 2**62 + 2**55),
        (-(2**63), -(2**63)),
        (2.0**-134 * (1 + 2**-40), 2.0**-133),  # subnormal: multiples of 2^-133
        (2.0**-134, 0.0),
        (-(2.0**-1074), -0.0),
        (2.0**-126 * (1 - 2**-30), 2.0**-126),
    ],
)
def test_encode_rounds_to_bfloat16_once(given, wanted):
    """Not to float32 or float64 on the way, which would make ties of what is beside them."""
    (got,) = BFLOAT16.decode(BFLOAT16.encode([given]))
    assert got == wanted
    assert np.signbit(got) == np.signbit(wanted)
    (scalar,) = BFLOAT16.decode(BFLOAT16.encode(given)).reshape(1)
    assert scalar == got


def test_a_format_of_known_widths_has_its_dtype_under_any_name():
    assert FloatFormat(8, 7).encode([1.0]) == BFLOAT16.encode([1.0]) == 0x3F80
    assert FloatFormat(11, 52).dtype == np.float64
    assert float_format("here", BFLOAT16) is BFLOAT16


def test_errors_say_what_to_do():
    with pytest.raises(ParameterError, match=r"here: fmt is 'half'; choose one of: float16"):
        float_format("here", "half")
    with pytest.raises(ParameterError, match=r"exponent_bits is 4; give a whole number >= 5"):
        FloatFormat(4, 23)
    with pytest.raises(ParameterError, match=r"fraction_bits is 1; give a whole number >= 2"):
        FloatFormat(4, 1)
    with pytest.raises(ParameterError, match=r"1 \+ 12 \+ 52 bits are 65; give .* at most 63"):
        FloatFormat(12, 52)
    with pytest.raises(ParameterError, match=r"no NumPy dtype for 4 exponent and 3 fraction bits"):
        FloatFormat(4, 3).encode([1.0])
    with pytest.raises(CodeError, match=r"values hold 1 finite numbers beyond .*bfloat16; scale"):
        BFLOAT16.encode([1.0, 3.4e38])
    with pytest.raises(CodeError, match=r"values have dtype <U1; give real numbers"):
        BFLOAT16.encode(["a"])
