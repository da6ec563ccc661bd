"""Intervals against published values, fits against known curves, coverage by simulation."""

import numpy as np
import pytest
from scipy.special import expit

from neuromem.core.errors import ParameterError
from neuromem.measures import wilson_interval
from neuromem.measures._statistics import crossing, fit_line, fit_logistic, mean_interval

LOADS = np.array([0.05, 0.1, 0.14, 0.15, 0.155, 0.16, 0.17, 0.2])


def networks_of(rng, midpoint, width, networks=20, cues=64):
    """Fractions recalled (load, network) whose mean is a logistic curve, with binomial spread."""
    success = expit((midpoint - LOADS) / width)
    return rng.binomial(cues, success[:, None], (LOADS.size, networks)) / cues


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_is_that_of_newcombe(k, n, low, high):
    """Newcombe, Stat. Med. 17, 857 (1998), table I, method 3."""
    assert np.array(wilson_interval(k, n)) == pytest.approx([low, high], abs=5e-5)


def test_wilson_interval_mirrors_and_ends_at_0_and_1():
    low, high = wilson_interval([0, 3, 20], 20)
    other_low, other_high = wilson_interval([20, 17, 0], 20)
    np.testing.assert_allclose(1.0 - high, other_low, atol=1e-15)
    np.testing.assert_allclose(1.0 - low, other_high, atol=1e-15)
    assert low[0] == 0.0
    assert high[2] == 1.0


@pytest.mark.parametrize(("k", "n"), [(1, 0), (3, 2), (-1, 5), (np.nan, 5)])
def test_wilson_interval_refuses_impossible_counts(k, n):
    with pytest.raises(ParameterError, match=r"give draws >= 1 and 0 <= successes <= draws\."):
        wilson_interval(k, n)


def test_mean_interval_draws_networks_and_not_cues():
    """Half of the networks fail whole: the sd of the mean is sqrt(0.25 / 20) for any cues."""
    fractions = np.repeat([[0.0, 1.0]], 10, axis=0).reshape(1, 20)
    low, high = mean_interval(fractions, [64], rng=0)
    half = 1.96 * np.sqrt(0.25 / 20)
    # Percentiles of 1000 means that are multiples of 1/20.
    np.testing.assert_allclose([low[0], high[0]], [0.5 - half, 0.5 + half], atol=0.051)


def test_mean_interval_of_networks_that_agree_is_wilson():
    low, high = mean_interval(np.array([[1.0] * 5, [0.5] * 5]), [64, 64], rng=0)
    assert (low[0], high[0]) == tuple(map(float, wilson_interval(320, 320)))
    assert (low[1], high[1]) == tuple(map(float, wilson_interval(2.5, 5)))


@pytest.mark.parametrize("width", [0.002, 0.01, 0.05])
def test_logistic_fit_finds_the_curve_it_was_given(width):
    fit = fit_logistic(LOADS, expit((0.1523 - LOADS) / width))
    assert float(fit.midpoint) == pytest.approx(0.1523, abs=2e-5)
    assert float(fit.width) == pytest.approx(width, rel=0.01)


def test_logistic_fit_of_a_step_is_half_way():
    fit = fit_logistic(LOADS, np.where(LOADS < 0.157, 1.0, 0.0))
    assert float(fit.midpoint) == pytest.approx(0.1575, abs=1e-4)
    assert 0.0 < float(fit.width) < 1e-3


def test_logistic_fits_of_many_rows_are_those_of_each():
    rows = networks_of(np.random.default_rng(1), 0.153, 0.01).T
    together = fit_logistic(LOADS, rows)
    alone = [fit_logistic(LOADS, row) for row in rows]
    np.testing.assert_allclose(together.midpoint, [float(f.midpoint) for f in alone], atol=1e-6)
    np.testing.assert_allclose(together.width, [float(f.width) for f in alone], rtol=1e-3)


def test_bootstrap_interval_covers_the_truth():
    """Of 100 experiments 95 intervals should hold the truth; sd sqrt(100 * .95 * .05) = 2.2.

    A percentile bootstrap of 20 draws is a little short: not below 85.
    """
    held = 0
    for seed in range(100):
        fractions = networks_of(np.random.default_rng(seed), 0.153, 0.01)
        found = crossing(LOADS, fractions, rng=seed)
        assert found.low <= found.value <= found.high
        held += found.low <= 0.153 <= found.high
    assert 85 <= held <= 100


def test_paired_networks_are_drawn_whole():
    """Each network has its own midpoint: only a bootstrap of columns sees their spread."""
    shifts = np.random.default_rng(0).normal(0.153, 0.005, 20)
    fractions = expit((shifts - LOADS[:, None]) / 0.004)
    whole = crossing(LOADS, fractions, rng=0, paired=True)
    apart = crossing(LOADS, fractions, rng=0)
    sd = 0.005 / np.sqrt(20)
    assert whole.high - whole.low == pytest.approx(2 * 1.96 * sd, rel=0.4)
    assert apart.high - apart.low < 0.8 * (whole.high - whole.low)


def test_a_curve_that_never_falls_is_a_lower_bound():
    found = crossing(LOADS, np.full((8, 5), 0.9), rng=0)
    assert found == (0.2, 0.2, np.inf, 0.0, 1)


def test_a_curve_that_is_always_below_is_an_upper_bound():
    found = crossing(LOADS, np.full((8, 5), 0.1), rng=0)
    assert found == (0.05, 0.0, 0.05, 0.0, -1)


def test_networks_that_agree_bound_the_crossing_by_the_two_points_around_it():
    fractions = np.where(LOADS < 0.157, 1.0, 0.0)[:, None] * np.ones(5)
    found = crossing(LOADS, fractions, rng=0)
    assert (found.low, found.high) == (0.155, 0.16)


def test_one_network_has_no_interval_but_the_range():
    found = crossing(LOADS, networks_of(np.random.default_rng(0), 0.153, 0.01, 1), rng=0)
    assert (found.low, found.high) == (0.05, 0.2)


def test_weighted_line_is_numpy_polyfit():
    x = np.array([0.01, 0.02, 0.03, 0.05])
    y = np.array([0.147, 0.153, 0.163, 0.179])
    sd = np.array([0.001, 0.002, 0.001, 0.003])
    line = fit_line(x, y, y - 1.959963984540054 * sd, y + 1.959963984540054 * sd)
    (slope, intercept), covariance = np.polyfit(x, y, 1, w=1 / sd, cov="unscaled")
    assert (line.intercept, line.slope) == pytest.approx((intercept, slope))
    np.testing.assert_allclose(line.covariance, covariance[::-1, ::-1], rtol=1e-8)
    (low, high), _ = line.intervals()
    assert high - low == pytest.approx(2 * 1.959963984540054 * np.sqrt(covariance[1, 1]))
