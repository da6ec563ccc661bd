"""Read-out of columns: exact sums with lossless ADCs, quantisation error, and noise."""

import math

import numba
import numpy as np
import pytest
from scipy import stats

from neuromem.core import threads
from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.core.randomness import stream
from neuromem.hardware.arrays.converters import (
    Columns,
    full_scale_granular,
    lossless_bits,
    output_noise,
    quantise,
    serial_digits,
)

# --------------------------------------------------------------------- exact integers (H-19)

ROWS, COLUMNS, CUES = 128, 20, 9


def integers(seed=0, input_bits=6, weight_bits=8):
    """Weights and inputs over their whole ranges; one column and one cue at their ends."""
    rng = np.random.default_rng(seed)
    top, most = 2 ** (input_bits - 1), 2 ** (weight_bits - 1)
    w = rng.integers(-most + 1, most, (ROWS, COLUMNS))
    x = rng.integers(-top + 1, top, (CUES, ROWS))
    w[:, 0], w[:, 1], x[0] = most - 1, -most + 1, top - 1
    return x, w


def slices_of(values, slice_bits, count):
    return [(values >> (slice_bits * s)) & (2**slice_bits - 1) for s in range(count)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_H19_offset_binary_slices_and_serial_inputs_give_exact_integers(dtype):
    """Cells of 2 bits, inputs of 1 bit, ADCs of 9: every partial sum is 0 to 384 < 512."""
    x, w = integers()
    digits, places = serial_digits(x, 6)
    bits = lossless_bits(ROWS, 1, 2)
    columns = Columns(bits, full_scale_granular(1.0, bits, signed=False), signed=False)
    total = np.zeros((CUES, COLUMNS), dtype)
    clipped = 0
    for s, cells in enumerate(slices_of(w + 128, 2, 4)):
        for digit, place in zip(digits, places, strict=True):
            partial = digit.astype(np.float32) @ cells.astype(np.float32)
            clipped += columns.accumulate(total, partial, weight=float(place * 4**s))
    total -= 128 * x.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(total, x @ w)
    assert clipped == 0


def test_H19_signed_slices_and_sign_magnitude_inputs_give_exact_integers():
    """Pairs of cells hold -3 to 3 and inputs are -1, 0, 1: a signed ADC takes one bit more."""
    x, w = integers(seed=1)
    digits, places = serial_digits(x, 6, "sign-magnitude")
    bits = lossless_bits(ROWS, 1, 2) + 1
    columns = Columns(bits, full_scale_granular(1.0, bits))
    total = np.zeros((CUES, COLUMNS), np.float32)
    clipped = 0
    for s, sizes in enumerate(slices_of(np.abs(w), 2, 4)):
        cells = (np.sign(w) * sizes).astype(np.float32)
        for digit, place in zip(digits, places, strict=True):
            clipped += columns.accumulate(
                total, digit.astype(np.float32) @ cells, weight=float(place * 4**s)
            )
    np.testing.assert_array_equal(total, x @ w)
    assert clipped == 0


@pytest.mark.parametrize(("bits", "exact"), [(8, True), (7, False)])
def test_H19_complemented_columns_save_a_bit(bits, exact):
    """Columns whose digits sum to more than half store 3 - digit: y = 3 sum(x) - y' (ISAAC)."""
    x, w = integers(seed=2)
    digits, places = serial_digits(x, 6)
    assert lossless_bits(ROWS, 1, 2, complement=True) == 8
    columns = Columns(bits, full_scale_granular(1.0, bits, signed=False), signed=False)
    total = np.zeros((CUES, COLUMNS), np.float64)
    clipped = 0
    for s, cells in enumerate(slices_of(w + 128, 2, 4)):
        flip = cells.sum(axis=0) > 1.5 * ROWS
        stored = np.where(flip, 3 - cells, cells).astype(np.float32)
        for digit, place in zip(digits.astype(np.float32), places, strict=True):
            part = np.zeros((CUES, COLUMNS), np.float32)
            clipped += columns.accumulate(part, digit @ stored)
            part = np.where(flip, 3 * digit.sum(axis=1, keepdims=True) - part, part)
            total += float(place * 4**s) * part
    total -= 128 * x.sum(axis=1, keepdims=True)
    assert (clipped == 0) == exact
    assert np.array_equal(total, x @ w) == exact


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_granular_codes_are_exact_at_full_width(dtype):
    """Whole numbers up to 2^23 - 1, the ends of 24 bits, come through unchanged."""
    n = 2**23 - 1
    values = np.array([-n, -n + 1, -1, 0, 1, 12345, n - 1, n], dtype)
    np.testing.assert_array_equal(quantise(values, 24, float(n)), values)


# ---------------------------------------------------------------------- quantisation (H-21)


@pytest.mark.parametrize("bits", [3, 8])
@pytest.mark.parametrize("signed", [True, False])
def test_H21_error_inside_the_range_is_uniform(bits, signed):
    """s.d. D / sqrt(12), mean 0 and never more than half a step; 1 % at 1e6 draws."""
    r = 2.5
    values = np.random.default_rng(0).uniform(-r if signed else 0.0, r, 10**6)
    step = r / (2 ** (bits - 1) - 1 if signed else 2**bits - 1)
    error = quantise(values, bits, r, signed=signed) - values
    assert np.std(error) == pytest.approx(step / math.sqrt(12), rel=0.01)
    assert abs(error.mean()) < 4 * step / math.sqrt(12 * error.size)
    assert np.abs(error).max() <= step / 2 * (1 + 1e-9)


@pytest.mark.parametrize("value", [0.3, -0.71, 0.02, -0.9999, 1.0])
def test_H21_stochastic_rounding_has_the_value_as_mean(value):
    """Mean v and variance f (1 - f) D^2, f the fraction between two codes; 4 s.e.

    A Bernoulli variable of variance p = f (1 - f) has the fourth central moment p (1 - 3 p).
    """
    n, step = 10**6, 1 / 7
    drawn = quantise(np.full(n, value), 4, 1.0, rounding="stochastic", rng=3)
    f = (value / step) % 1.0
    p = f * (1 - f)
    assert abs(drawn.mean() - value) <= 4 * step * math.sqrt(p / n) + 1e-9
    allowed = 4 * math.sqrt(max(p * (1 - 4 * p), 1 / n) / n) + 1e-9
    assert abs(drawn.var() / step**2 - p) <= allowed
    assert np.unique(np.rint(drawn / step)).size == (1 if f < 1e-9 else 2)


@pytest.mark.parametrize("blocks", [1, 5])
def test_errors_of_partial_sums_add_up(blocks):
    """Variance D^2 / 12 of each tile and digit: 5 (1 + 4 + 16) D^2 / 12 for weights 1, 2, 4."""
    rng = np.random.default_rng(1)
    columns = Columns(6, 1.0)
    total, exact = np.zeros((500, 400)), np.zeros((500, 400))
    for weight in (1.0, 2.0, 4.0):
        for _ in range(blocks):
            partial = rng.uniform(-1, 1, total.shape)
            columns.accumulate(total, partial, weight=weight)
            exact += weight * partial
    assert np.var(total - exact) == pytest.approx(blocks * 21 / 31**2 / 12, rel=0.02)


def test_codes_of_a_few_values():
    values = [-9.0, -1.0, -0.5, -0.2, 0.0, 0.5, 1.5, 2.5, 3.4, 3.6, 9.0]
    kept = quantise(values, 3, 3.0)  # n = 3, D = 1; ties to even
    assert kept.tolist() == [-3, -1, 0, 0, 0, 0, 2, 2, 3, 3, 3]
    assert quantise(values, 2, 3.0, signed=False).tolist() == [0, 0, 0, 0, 0, 0, 2, 2, 3, 3, 3]
    assert quantise(values, 1, 3.0).tolist() == [-3, -3, -3, -3, 0, 3, 3, 3, 3, 3, 3]
    assert quantise(values, 1, 3.0, signed=False).tolist() == [0] * 6 + [0, 3, 3, 3, 3]
    assert quantise(values, None, 3.0).tolist() == values


def test_quantise_takes_a_range_per_column_and_any_shape():
    values = np.random.default_rng(2).normal(size=(2, 3, 4)).astype(np.float32)
    ranges = np.array([0.5, 1.0, 2.0, 4.0])
    step = (ranges / 7).astype(np.float32)
    expected = np.clip(np.rint(values / step), -7, 7) * step
    got = quantise(values, 4, ranges)
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == np.float32
    assert quantise(0.4, 2, 1.0).shape == ()
    assert quantise(np.zeros((0, 3)), 2, 1.0).shape == (0, 3)
    assert quantise(np.array([3, -9], np.int8), 3, 3.0).tolist() == [3.0, -3.0]


def test_quantise_writes_where_it_is_told_to():
    values = np.linspace(-2, 2, 6, dtype=np.float32)
    expected = quantise(values, 3, 1.5)
    out = np.full(6, 9, np.float32)
    assert quantise(values, 3, 1.5, out=out) is out
    np.testing.assert_array_equal(out, expected)
    quantise(values, 3, 1.5, out=values)
    np.testing.assert_array_equal(values, expected)


# ------------------------------------------------------------------------------ noise (H-41)


def cell_by_cell(x, weights, sigma, draws, seed):
    """Outputs of `draws` reads of one cue, each cell with a normal of its own in each read."""
    rng = np.random.default_rng(seed)
    out = np.empty((draws, weights.shape[1]))
    for first in range(0, draws, 5000):
        noise = rng.standard_normal((5000, *weights.shape))
        out[first : first + 5000] = np.einsum("i,kij->kj", x, weights + sigma * noise)
    return out


def assert_normal(sample, mean, variance):
    """Moments within 4 standard errors, and no correlation between columns."""
    n = len(sample)
    assert np.all(np.abs(sample.mean(axis=0) - mean) < 4 * np.sqrt(variance / n))
    assert np.all(np.abs(sample.var(axis=0) / variance - 1) < 4 * np.sqrt(2 / n))
    assert np.all(np.abs(stats.skew(sample)) < 4 * np.sqrt(6 / n))
    assert np.all(np.abs(stats.kurtosis(sample)) < 4 * np.sqrt(24 / n))
    between = np.corrcoef(sample.T)[np.triu_indices(len(mean), 1)]
    assert np.all(np.abs(between) < 4 / np.sqrt(n))


@pytest.mark.parametrize("cue", [0, 1])
def test_H41_noise_of_cells_is_noise_of_outputs(cue):
    """sum_i sigma_ij xi_ij x_i is N(0, sum_i sigma_ij^2 x_i^2), independent between columns."""
    rng = np.random.default_rng(4)
    weights, sigma = rng.normal(size=(12, 4)), rng.uniform(0.1, 0.5, (12, 4))
    x = rng.normal(size=(2, 12))[cue]
    draws = 40_000
    mean, variance = x @ weights, x**2 @ sigma**2
    by_cell = cell_by_cell(x, weights, sigma, draws, seed=cue)

    sd = output_noise(x[None], sigma**2)
    np.testing.assert_allclose(sd[0] ** 2, variance, rtol=1e-12)
    outputs = np.zeros((draws, 4))
    partial = np.broadcast_to(mean, outputs.shape)
    Columns().accumulate(outputs, partial, noise_sd=sd[0], rng=stream(5, cue))

    for sample in (by_cell, outputs):
        assert_normal(sample, mean, variance)
    for j in range(4):
        assert stats.ks_2samp(by_cell[:, j], outputs[:, j]).pvalue > 1e-4


def test_noise_is_scalar_per_column_or_per_output():
    partial = np.zeros((2000, 3), np.float32)
    per_column = np.array([0.5, 0.0, 2.0])
    per_output = np.repeat([[1.0], [3.0]], 1000, axis=0) * per_column
    for sd in (1.5, per_column, per_output, per_output.astype(np.float32)):
        total = np.zeros_like(partial)
        Columns().accumulate(total, partial, noise_sd=sd, rng=1)
        one = np.zeros_like(partial)
        Columns().accumulate(one, partial, noise_sd=1.0, rng=1)
        np.testing.assert_array_equal(total, one * np.broadcast_to(sd, one.shape).astype("f4"))


def test_noise_acts_before_gain_offset_and_conversion():
    """y = adc((partial + noise) (1 + g) + o): the twin in float32, stage by stage."""
    rng = np.random.default_rng(6)
    partial = rng.normal(0, 2, (40, 7)).astype(np.float32)
    gain_error, offset = rng.normal(0, 0.05, 7), rng.normal(0, 0.2, 7)
    full_scale = rng.uniform(2, 4, 7)
    columns = Columns(5, full_scale, "nearest", gain_error, offset)
    total = np.zeros((40, 7), np.float32)
    clipped = columns.accumulate(total, partial, noise_sd=0.3, rng=8, weight=2.0)

    noisy = np.array(partial)
    Columns().accumulate(noisy, np.zeros_like(partial), noise_sd=0.3, rng=8)
    step = (full_scale / 15).astype(np.float32)
    np.testing.assert_array_equal(columns.step, full_scale / 15)
    analog = noisy * (1 + gain_error).astype(np.float32) + offset.astype(np.float32)
    codes = np.rint(analog / step)
    assert clipped == np.sum(np.abs(codes) > 15) > 0
    np.testing.assert_array_equal(total, 2 * np.clip(codes, -15, 15) * step)


def test_a_comparator_and_an_ideal_converter_do_not_clip():
    partial = np.array([[-50.0, 0.0, 50.0]])
    for bits, expected in ((1, [-2, 0, 2]), (None, [-50, 0, 50])):
        total = np.zeros((1, 3))
        columns = Columns(bits, 2.0)
        assert columns.accumulate(total, partial) == 0
        assert total.tolist() == [expected]
        assert columns.step == (2.0 if bits else 0.0)


# ------------------------------------------------- the same bits, however the work is cut up


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, workers):
    partial = np.random.default_rng(0).normal(size=(29, 65)).astype(np.float32)
    columns = Columns(4, 1.0, "stochastic")
    alone, together = np.zeros((2, 29, 65))
    first = columns.accumulate(alone, partial, noise_sd=0.2, rng=1)
    monkeypatch.setattr(threads, "THREADS_FROM", 0)
    monkeypatch.setattr(numba, "get_num_threads", lambda: workers)
    second = columns.accumulate(together, partial, noise_sd=0.2, rng=1)
    np.testing.assert_array_equal(alone, together)
    assert first == second > 0


def test_cues_read_in_two_parts_meet_the_noise_of_one_read():
    partial = np.zeros((10, 5))
    whole, parts = np.zeros((2, 10, 5))
    Columns().accumulate(whole, partial, noise_sd=1.0, rng=stream(2, "read"))
    rng = stream(2, "read")
    for rows in (slice(0, 4), slice(4, 10)):
        Columns().accumulate(parts[rows], partial[rows], noise_sd=1.0, rng=rng)
    np.testing.assert_array_equal(whole, parts)
    assert np.unique(whole).size == 50


def test_blocks_of_columns_and_any_layout_of_outputs():
    values = np.random.default_rng(3).normal(size=(6, 9)).astype(np.float32)
    expected = np.array(quantise(values, 3, 1.0))
    block = values[:, 2:6]
    layouts = [
        block,
        np.asfortranarray(block),
        block[::-1][::-1],
        np.broadcast_to(block[0], (6, 4)),
    ]
    for partial in layouts:
        total = np.zeros((6, 9), np.float32)
        Columns(3, 1.0).accumulate(total[:, 2:6], partial)
        kept = expected[:, 2:6] if partial.strides[0] else expected[[0] * 6, 2:6]
        np.testing.assert_array_equal(total[:, 2:6], kept)
        assert not total[:, :2].any()
        assert not total[:, 6:].any()
    partial = values.copy()
    partial.flags.writeable = False
    total = np.zeros((6, 9))
    Columns(3, 1.0).accumulate(total[::2], partial[::2], weight=np.array([1.0, 0.0, -1.0]))
    np.testing.assert_array_equal(total[::2], expected[::2] * [[1], [0], [-1]])
    assert not total[1::2].any()
    assert Columns(3, 1.0).accumulate(np.zeros((0, 4)), np.zeros((0, 4)), noise_sd=1.0) == 0


def test_selected_columns_are_read_as_among_the_others():
    rng = np.random.default_rng(7)
    columns = Columns(6, rng.uniform(1, 2, 8), "nearest", rng.normal(0, 0.1, 8), 0.25)
    partial = rng.normal(size=(3, 8))
    whole, some = np.zeros((3, 8)), np.zeros((3, 2))
    columns.accumulate(whole, partial)
    columns.select(np.array([6, 1])).accumulate(some, partial[:, [6, 1]])
    np.testing.assert_array_equal(some, whole[:, [6, 1]])


# ------------------------------------------------------------------------------ bad input

ONES = np.ones((2, 3), np.float32)


@pytest.mark.parametrize("bits", [0, 25, -1, 2.5, "eight", True])
def test_bits_outside_their_range(bits):
    said = r"bits is .*; give a whole number from 1 to 24, or None for an ideal converter\."
    with pytest.raises(ParameterError, match="Columns: " + said):
        Columns(bits, 1.0)
    with pytest.raises(ParameterError, match="quantise: " + said):
        quantise(ONES, bits, 1.0)


@pytest.mark.parametrize("full_scale", [0.0, -1.0, np.nan, np.inf, "wide", 1e-40, 1e39])
def test_full_scale_that_is_no_range(full_scale):
    said = "full_scale is .*; give finite numbers, from 1e-30 to 1e[+]30"
    with pytest.raises(ParameterError, match="Columns: " + said):
        Columns(8, full_scale)
    with pytest.raises(ParameterError, match="quantise: " + said):
        quantise(ONES, 8, full_scale)
    with pytest.raises(ParameterError, match=r"full_scale is from 0.0 to 1.0; give"):
        Columns(8, np.array([1.0, 0.0]))


def test_other_arguments_of_columns():
    with pytest.raises(ParameterError, match="rounding is 'up'; choose one of: nearest, stochast"):
        Columns(8, 1.0, "up")
    with pytest.raises(ParameterError, match="Columns: gain_error is nan; give finite numbers, f"):
        Columns(8, 1.0, gain_error=np.nan)
    with pytest.raises(ShapeError, match=r"Columns: offset has shape \(1, 2\); expected one num"):
        Columns(8, 1.0, offset=np.ones((1, 2)))
    with pytest.raises(ShapeError, match=r"accumulate: full_scale has shape \(2,\); .*or \(3,\)"):
        Columns(8, np.ones(2)).accumulate(ONES.copy(), ONES)


@pytest.mark.parametrize("bits", [None, 1, 8])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_not_finite(bits, value):
    partial = ONES.copy()
    partial[1, 1] = value
    said = "partial holds 1 NaN or infinite values; every value must be finite"
    with pytest.raises(CodeError, match="Columns.accumulate: " + said):
        Columns(bits, 1.0).accumulate(np.zeros((2, 3)), partial)
    with pytest.raises(CodeError, match=said):
        quantise(partial, bits, 1.0)


def test_outputs_that_overflow():
    with pytest.raises(CodeError, match=r"partial: 6 values left the range of float32\. Scale"):
        Columns(gain_error=9.0).accumulate(np.zeros((2, 3)), ONES * np.float32(3e38))


@pytest.mark.parametrize("noise_sd", [-1.0, np.nan, [0.1, -0.1, 0.1], np.inf, "loud"])
def test_noise_that_is_no_deviation(noise_sd):
    with pytest.raises(ParameterError, match=r"accumulate: noise_sd is .*; give finite numbers"):
        Columns().accumulate(np.zeros((2, 3)), ONES, noise_sd=noise_sd)


def test_arrays_that_do_not_fit():
    columns, read = Columns(8, 1.0), "Columns.accumulate: "
    with pytest.raises(ShapeError, match=read + r"total has shape \(2, 4\) and partial has \(2, 3"):
        columns.accumulate(np.zeros((2, 4)), ONES)
    with pytest.raises(ShapeError, match=read + r"partial has shape \(3,\); expected \(Q, N\)"):
        columns.accumulate(np.zeros((2, 3)), ONES[0])
    with pytest.raises(ShapeError, match=read + "partial is of int64; give a float32 or float64"):
        columns.accumulate(np.zeros((2, 3)), np.ones((2, 3), np.int64))
    with pytest.raises(ShapeError, match=read + "total is of list; give a float32"):
        columns.accumulate([[0.0]], ONES)
    for total in (np.zeros((3, 2)).T, np.zeros((2, 3))[::-1], np.broadcast_to(0.0, (2, 3))):
        with pytest.raises(ShapeError, match="give a writeable array whose rows are contiguous"):
            columns.accumulate(total, ONES)
    with pytest.raises(ShapeError, match=r"noise_sd has shape \(2,\); expected one number, \(3,\)"):
        columns.accumulate(np.zeros((2, 3)), ONES, noise_sd=np.ones(2))
    with pytest.raises(ShapeError, match=r"weight has shape \(3,\); expected one number, or \(2,"):
        columns.accumulate(np.zeros((2, 3)), ONES, weight=np.ones(3))
    with pytest.raises(ShapeError, match=r"quantise: out has shape \(3, 2\) .* of shape \(2, 3\)"):
        quantise(ONES, 8, 1.0, out=np.zeros((3, 2)))
    with pytest.raises(CodeError, match="quantise: values has dtype complex128; give real numbers"):
        quantise([1j], 8, 1.0)


def test_output_noise_of_bad_arrays():
    with pytest.raises(ShapeError, match=r"inputs have shape \(2, 3\) and cell_variances \(2, 3\)"):
        output_noise(ONES, ONES)
    with pytest.raises(ShapeError, match=r"inputs has shape \(3,\); expected two axes"):
        output_noise(ONES[0], ONES)
    with pytest.raises(ParameterError, match=r"run from -2.0 to -2.0; cell_variances must be fin"):
        output_noise(ONES[:, :2], -ONES)
    with pytest.raises(ParameterError, match=r"run from nan to nan; cell_variances must be finit"):
        output_noise(ONES[:, :2], ONES * np.nan)
