"""Bits and ranges of converters: published widths, and closed forms for Gaussian outputs."""

import numpy as np
import pytest
from scipy import optimize, stats

from neuromem.core.errors import CodeError, ParameterError
from neuromem.hardware.arrays.converters import (
    Columns,
    clipped_fraction,
    conversion_error,
    full_scale_for,
    full_scale_granular,
    full_scale_max,
    lossless_bits,
    quantise,
)

GAUSSIAN = np.random.default_rng(0).normal(size=(10**6, 1))


def beyond(r, power):
    """E[(|y| - r)+^power] of a standard normal, power 1 or 2."""
    tail, density = 2 * stats.norm.sf(r), 2 * stats.norm.pdf(r)
    return density - r * tail if power == 1 else (1 + r * r) * tail - r * density


def test_H20_lossless_width_of_isaac():
    """128 rows, 1-bit inputs, 2-bit cells: 9 bits, 8 with complemented columns."""
    assert lossless_bits(128, 1, 2) == 9
    assert lossless_bits(128, 1, 2, complement=True) == 8


@pytest.mark.parametrize("rows", [1, 2, 3, 100, 128, 129])
@pytest.mark.parametrize("v", [1, 2, 4])
@pytest.mark.parametrize("w", [1, 2, 5])
def test_lossless_width_holds_the_largest_sum(rows, v, w):
    """The sum reaches R (2^v - 1)(2^w - 1); complemented columns half of it."""
    largest = rows * (2**v - 1) * (2**w - 1)
    assert largest < 2 ** lossless_bits(rows, v, w)
    assert largest // 2 < 2 ** lossless_bits(rows, v, w, complement=True)


@pytest.mark.parametrize(("bits", "r"), [(4, 2.0), (6, 3.0), (8, 3.5), (6, 1.5)])
def test_error_is_rounding_plus_clipping(bits, r):
    """MSE(r) = D^2 / 12 + E[(|y| - r)+^2] against the Gaussian integral, 4 s.e. at 1e6 draws."""
    n = 2 ** (bits - 1) - 1
    formula = (r / n) ** 2 / 12 + beyond(r, 2)
    fourth = np.mean(np.maximum(np.abs(GAUSSIAN) - r, 0) ** 4)
    allowed = 4 * np.sqrt(fourth / GAUSSIAN.size)
    assert abs(conversion_error(GAUSSIAN, bits, r) - formula) < allowed


@pytest.mark.parametrize(("bits", "r", "signed"), [(6, 3.0, True), (8, 2.5, True), (6, 3.0, False)])
def test_error_is_that_of_the_quantiser(bits, r, signed):
    """Rounding is not uniform where outputs clip: P(|y| > r) of D^2 / 12 too much."""
    actual = np.mean((quantise(GAUSSIAN, bits, r, signed=signed) - GAUSSIAN) ** 2)
    estimate = conversion_error(GAUSSIAN, bits, r, signed=signed)
    step = r / (2 ** (bits - 1) - 1 if signed else 2**bits - 1)
    surplus = clipped_fraction(GAUSSIAN, r, signed=signed) * step**2 / 12
    assert actual == pytest.approx(estimate - surplus, rel=0.01)


def test_error_of_a_comparator_and_of_an_ideal_converter():
    outputs = np.array([-3.0, 0.0, 1.0])
    assert conversion_error(outputs, 1, 2.0) == pytest.approx((1 + 0 + 1) / 3)
    assert conversion_error(outputs, None, 2.0) == 0
    assert conversion_error(outputs, 1, 2.0, signed=False) == pytest.approx(4 / 12 + 9 / 3)


@pytest.mark.parametrize("bits", [3, 4, 6, 8])
def test_range_of_least_error_for_gaussian_outputs(bits):
    """The root of r / (12 n^2) = E[(|y| - r)+], to 1 % at 1e6 draws."""
    n = 2 ** (bits - 1) - 1
    expected = optimize.brentq(lambda r: r / (12 * n * n) - beyond(r, 1), 0.1, 10)
    assert full_scale_for(GAUSSIAN, bits, "mse") == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("size", [1, 2, 500])
def test_range_of_least_error_has_no_better_neighbour(bits, signed, size):
    outputs = np.random.default_rng(size).standard_t(3, (size, 1))
    outputs[0] = 2.0
    best = full_scale_for(outputs, bits, "mse", signed=signed)
    least = conversion_error(outputs, bits, best, signed=signed)
    for factor in (0.5, 0.9, 0.999, 1.001, 1.1, 2.0):
        worse = conversion_error(outputs, bits, best * factor, signed=signed)
        assert least < worse or (bits == 1 and least == worse)


def test_percentile_of_sizes():
    outputs = np.concatenate([np.arange(101.0), [-200.0]])[:, None]
    assert full_scale_for(outputs, 8, percentile=100.0) == 200
    assert full_scale_for(outputs, 8, percentile=100.0, signed=False) == 100
    assert full_scale_for(np.arange(101.0)[:, None], 8, percentile=90.0) == pytest.approx(90)


@pytest.mark.parametrize("method", ["percentile", "mse"])
def test_range_per_column_is_that_of_each_column(method):
    outputs = np.random.default_rng(1).normal(size=(50, 4, 3)) * [1.0, 5.0, 0.0]
    got = full_scale_for(outputs, 6, method, 95.0, per_column=True)
    for j in range(2):
        assert got[j] == pytest.approx(full_scale_for(outputs[..., j], 6, method, 95.0))
    assert got[2] == got.max()  # a silent column
    Columns(6, got)  # is what the read-out takes


def test_largest_and_granular_ranges():
    assert full_scale_max(64, 25e-6, 0.2) == pytest.approx(64 * 25e-6 * 0.2)
    assert full_scale_max(3, 2.0) == 6.0
    assert full_scale_granular(0.5, 3) == 1.5
    steps = np.arange(-3, 4) * 0.5
    np.testing.assert_array_equal(quantise(steps, 3, full_scale_granular(0.5, 3)), steps)


def test_clipped_fraction_counts_what_lies_outside():
    values = np.array([[-3.0, -1.0], [0.5, 2.0]])
    assert clipped_fraction(values, 1.0) == 0.5
    assert clipped_fraction(values, np.array([4.0, 1.5])) == 0.25
    assert clipped_fraction(values, 1.0, signed=False) == 0.75


# ------------------------------------------------------------------------------ bad input


def test_arguments_out_of_range():
    with pytest.raises(ParameterError, match="lossless_bits: rows is 0; give a whole number >= 1"):
        lossless_bits(0, 1, 1)
    with pytest.raises(ParameterError, match=r"lossless_bits: cell_bits is 1.5; give a whole"):
        lossless_bits(8, 1, 1.5)
    with pytest.raises(ParameterError, match=r"full_scale_max: voltage is 0.0; give a finite nu"):
        full_scale_max(8, 1.0, 0.0)
    with pytest.raises(ParameterError, match="full_scale_granular: bits is None; an ideal conver"):
        full_scale_granular(1.0, None)
    with pytest.raises(ParameterError, match="full_scale_granular: step is -1; give a finite"):
        full_scale_granular(-1, 8)
    with pytest.raises(ParameterError, match="conversion_error: bits is 30; give a whole number f"):
        conversion_error([1.0], 30, 1.0)
    with pytest.raises(ParameterError, match=r"conversion_error: full_scale is 0.0; give a finite"):
        conversion_error([1.0], 3, 0.0)
    with pytest.raises(ParameterError, match=r"clipped_fraction: full_scale is -1.0; give finite"):
        clipped_fraction([1.0], -1.0)


def test_calibration_on_nothing():
    with pytest.raises(ParameterError, match="method is 'best'; choose one of: percentile, mse"):
        full_scale_for([1.0], 8, "best")
    with pytest.raises(ParameterError, match=r"percentile is 101; give a number from 0.0 to 100"):
        full_scale_for([1.0], 8, percentile=101)
    with pytest.raises(ParameterError, match="bits is None; the MSE of an ideal converter is 0"):
        full_scale_for([1.0], None, "mse")
    with pytest.raises(ParameterError, match="the range would be 0, as 100 % of the outputs are 0"):
        full_scale_for(np.zeros((3, 2)), 8)
    with pytest.raises(CodeError, match="full_scale_for: there are 0 outputs, 0 of them NaN"):
        full_scale_for(np.zeros((0, 2)), 8)
    with pytest.raises(CodeError, match="there are 2 outputs, 1 of them NaN or infinite"):
        full_scale_for([1.0, np.nan], 8)
