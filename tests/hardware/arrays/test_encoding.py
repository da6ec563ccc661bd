"""Scales, DACs and digits of inputs."""

import numba
import numpy as np
import pytest

from neuromem.core import threads
from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.hardware.arrays.converters import encode, input_scale, serial_digits

X = np.random.default_rng(0).normal(size=(5, 33)).astype(np.float32)


def test_scale_of_each_vector_is_its_largest_size():
    x = X.copy()
    x[2] = 0
    x[3] *= np.float32(1e-38)
    expected = np.abs(x).max(axis=1)
    expected[2:4] = 1  # a vector of zeros, and one that has died away
    scale = input_scale(x, "max")
    np.testing.assert_array_equal(scale, expected)
    assert np.abs(encode(x, 8, scale)[0][2:4]).max() == 0
    assert scale.dtype == np.float32
    assert input_scale(x.astype(np.float64)).dtype == np.float64
    assert input_scale(np.array([[-128, 5]], np.int8)).tolist() == [128.0]
    assert input_scale(np.zeros((2, 0))).tolist() == [1, 1]
    assert input_scale(x, 2.5).tolist() == [2.5] * 5


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_dac_of_scaled_vectors_reaches_full_scale_and_never_clips(bits):
    n = 2 ** (bits - 1) - 1
    scale = input_scale(X)
    out, clipped = encode(X, bits, scale)
    step = (scale.astype(np.float64) / n).astype(np.float32)
    codes = np.rint(X / step[:, None])
    np.testing.assert_array_equal(out, codes * np.float32(1 / n))
    assert clipped == 0
    np.testing.assert_allclose(np.abs(out).max(axis=1), 1, rtol=1e-6)
    assert np.abs(out - X / scale[:, None]).max() <= 0.5 / n * (1 + 1e-5)


def test_calibrated_scale_clips_and_counts():
    out, clipped = encode(X, 8, 1.0)
    assert clipped == np.sum(np.rint(X * 127) > 127) + np.sum(np.rint(X * 127) < -127) > 0
    assert np.abs(out).max() == 1
    _, of_ideal = encode(X, None, 1.0)
    assert of_ideal == 0


def test_other_dacs():
    x = np.array([[-2.0, 0.0, 0.3, 0.8, 2.0]])
    assert encode(x, 1, 2.0)[0].tolist() == [[-1, 0, 1, 1, 1]]
    out, clipped = encode(x, 1, 1.0, signed=False)
    assert out.tolist() == [[0, 0, 0, 1, 1]]
    assert clipped == 2
    np.testing.assert_allclose(encode(x, None, 2.0)[0], x / 2, rtol=1e-6)
    bipolar = np.array([[-1, 1, 1]], np.int8)
    assert encode(bipolar, 1)[0].tolist() == [[-1, 1, 1]]
    assert encode(bipolar, 1)[0].dtype == np.float32


def test_dac_writes_where_it_is_told_to():
    out = np.full((5, 40), 9.0)
    got, _ = encode(X, 6, 2.0, out=out[:, :33])
    np.testing.assert_array_equal(out[:, :33].astype(np.float32), encode(X, 6, 2.0)[0])
    assert np.shares_memory(got, out)
    assert (out[:, 33:] == 9).all()


def test_stochastic_dac_is_unbiased_and_does_not_depend_on_threads(monkeypatch):
    """4 s.e. of a code's variance, at most 1/4 of a squared step."""
    x = np.repeat(X[:1], 10_000, axis=0)
    one, _ = encode(x, 4, 3.0, rounding="stochastic", rng=1)
    inside = np.abs(X[0]) < 3
    error = one.mean(axis=0) - X[0] / 3
    assert np.all(np.abs(error[inside]) < 4 * 0.5 / 7 / np.sqrt(len(x)) + 1e-6)
    monkeypatch.setattr(threads, "THREADS_FROM", 0)
    monkeypatch.setattr(numba, "get_num_threads", lambda: 3)
    many, _ = encode(x, 4, 3.0, rounding="stochastic", rng=1)
    np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("code", ["twos-complement", "sign-magnitude"])
@pytest.mark.parametrize("bits", [2, 3, 8, 24])
def test_digits_add_up_to_the_number(bits, code):
    top = 2 ** (bits - 1) - 1
    low = -top - (code == "twos-complement")
    x = np.random.default_rng(bits).integers(low, top, (3, 50), endpoint=True)
    x[0, :4] = low, top, 0, -1
    digits, weights = serial_digits(x, bits, code)
    np.testing.assert_array_equal(np.tensordot(weights, digits.astype(np.int64), 1), x)
    allowed = {0, 1} if code == "twos-complement" else {-1, 0, 1}
    assert set(np.unique(digits)) <= allowed
    assert digits.shape == (bits - (code == "sign-magnitude"), 3, 50)
    assert digits.dtype == np.int8
    np.testing.assert_array_equal(serial_digits(x.astype(np.float32), bits, code)[0], digits)


# ------------------------------------------------------------------------------ bad input


def test_scales_that_are_none():
    for mode in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ParameterError, match=r"input_scale: mode is .*; give finite numbers"):
            input_scale(X, mode)
        with pytest.raises(ParameterError, match=r"encode: scale is .*; give finite numbers"):
            encode(X, 8, mode)
    with pytest.raises(ParameterError, match="mode is 'mean'; choose one of: max"):
        input_scale(X, "mean")
    with pytest.raises(ShapeError, match=r"encode: scale has shape \(4,\); expected one .*\(5,\)"):
        encode(X, 8, np.ones(4))


def test_inputs_that_are_no_vectors():
    bad = X.copy()
    bad[1, 1] = np.nan
    with pytest.raises(CodeError, match="input_scale: x holds 1 NaN or infinite values"):
        input_scale(bad)
    for bits in (None, 1, 8):
        with pytest.raises(CodeError, match="encode: x holds 1 NaN or infinite values; every"):
            encode(bad, bits)
    with pytest.raises(ShapeError, match=r"encode: x has shape \(33,\); .* vector as x\[None\]"):
        encode(X[0], 8)
    with pytest.raises(ParameterError, match="encode: bits is 0; give a whole number from 1 to 24"):
        encode(X, 0)
    with pytest.raises(ParameterError, match="encode: rounding is 'down'; choose one of"):
        encode(X, 8, rounding="down")
    with pytest.raises(ShapeError, match=r"encode: out has shape \(5, 32\) and x has \(5, 33\)"):
        encode(X, 8, out=np.zeros((5, 32)))


@pytest.mark.parametrize(
    ("x", "bits", "code", "said"),
    [
        ([4], 3, "twos-complement", "not whole numbers from -4 to 3, which is what 3 bits of twos"),
        ([-4], 3, "sign-magnitude", "not whole numbers from -3 to 3"),
        ([0.5], 8, "twos-complement", "not whole numbers"),
        ([np.nan], 8, "twos-complement", "not whole numbers"),
        (["1"], 8, "twos-complement", "not whole numbers"),
        ([1], 1, "sign-magnitude", "bits is 1; give a whole number >= 2"),
        ([1], 25, "twos-complement", "bits is 25; give a whole number from 1 to 24"),
        ([1], 8, "gray", "code is 'gray'; choose one of: twos-complement, sign-magnitude"),
    ],
)
def test_numbers_that_have_no_digits(x, bits, code, said):
    with pytest.raises(ParameterError, match=said):
        serial_digits(x, bits, code)
