"""Binarised and decorrelated images, against slow twins and the overlaps of real digits."""

from math import pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.core.patterns import (
    binarise,
    decorrelate,
    digits,
    least_correlated,
    mean_correlation,
    random,
    shape_of,
    to_binary,
)


@pytest.fixture(scope="module")
def ink():
    return digits()


# --- shapes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "shape"), [(1, (1, 1)), (64, (8, 8)), (784, (28, 28))])
def test_shape_of_a_square_image(n, shape):
    assert shape_of(n) == shape


def test_shape_of_no_square_is_refused():
    with pytest.raises(ShapeError, match=r"^shape_of: 12 units are no square image; give shape="):
        shape_of(12)
    with pytest.raises(ParameterError, match=r"^shape_of: n is 0; give a whole number >= 1"):
        shape_of(0)


# --- binarise -------------------------------------------------------------------------------


def otsu_by_hand(image):
    """Least within-class variance over all cuts between two neighbouring levels."""
    levels = np.unique(image).astype(float)
    cuts = (levels[:-1] + levels[1:]) / 2
    within = [
        sum(part.size * part.var() for part in (image[image <= cut], image[image > cut]))
        for cut in cuts
    ]
    return cuts, np.array(within)


@settings(max_examples=60)
@given(hnp.arrays(np.uint8, st.integers(2, 40), elements=st.integers(0, 16)))
def test_otsu_has_the_least_within_class_variance(image):
    active = binarise(image, code="binary")[0]
    if np.unique(image).size == 1:
        assert not active.any()  # nothing to part
        return
    cuts, within = otsu_by_hand(image)
    rank = [np.array_equal(active, image > cut) for cut in cuts].index(True)
    assert within[rank] == pytest.approx(within.min(), rel=1e-9, abs=1e-9)


def test_otsu_parts_each_image_by_itself():
    dark, bright = [[0, 1], [0, 1]], [[90, 200], [90, 210]]
    np.testing.assert_array_equal(binarise([dark, bright]), [[-1, 1, -1, 1]] * 2)


def test_the_median_makes_each_unit_active_in_half_of_the_patterns():
    grey = np.random.default_rng(0).permuted(np.tile(np.arange(40.0)[:, None], (1, 25)), axis=0)
    active = binarise(grey, "median", code="binary")
    np.testing.assert_array_equal(active.sum(axis=0), [20] * 25)


def test_a_level_is_taken_as_it_is():
    np.testing.assert_array_equal(binarise([[1.0, 2.0, 3.0]], 2.0), [[-1, -1, 1]])
    assert binarise(np.zeros((3, 4, 5)), 0.5).shape == (3, 20)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: binarise([[1, 2]], "mean"), ParameterError, "binarise: threshold is 'mean'; choo"),
        (lambda: binarise([[1, 2]], np.nan), ParameterError, "binarise: threshold is nan; give a"),
        (lambda: binarise([[1, 2]], 1, code="real"), ParameterError, "binarise: code is 'real'; "),
        (lambda: binarise(np.ones((0, 2, 2)), 1), ShapeError, "binarise: the patterns"),
        (lambda: binarise(np.ones((2, 2, 2, 2)), 1), ShapeError, "binarise: the patterns have sha"),
        (lambda: binarise([[1, 2], [3]], 1), ShapeError, "binarise: the patterns are ragged"),
        (lambda: binarise([[1, np.nan]], 1), CodeError, "binarise: the patterns hold 1 NaN"),
    ],
)
def test_binarise_refuses(call, error, text):
    with pytest.raises(error, match=f"^{text}"):
        call()


# --- mean correlation -----------------------------------------------------------------------


def mean_correlation_by_hand(x):
    sizes = []
    for a in range(len(x)):
        for b in range(a):
            norm = np.linalg.norm(x[a].astype(float)) * np.linalg.norm(x[b].astype(float))
            sizes.append(abs(float(x[a].astype(float) @ x[b])) / norm if norm else 0.0)
    return np.mean(sizes)


@settings(max_examples=40)
@given(
    st.sampled_from(["bipolar", "binary", "real"]),
    st.integers(2, 9),
    st.integers(1, 30),
    st.integers(0, 9),
)
def test_mean_correlation_equals_the_double_loop(code, p, n, seed):
    x = random(p, n, rng=seed, code=code)
    assert mean_correlation(x) == pytest.approx(mean_correlation_by_hand(x), rel=1e-6)


def test_mean_correlation_across_blocks():
    """More patterns than one block of 1024: all pairs once, checked by sum_i (sum_mu x)^2."""
    x = np.ones((1500, 3), np.int8)
    x[700:] = -1  # overlaps are +-1: all sizes 1
    assert mean_correlation(x) == 1.0
    y = np.zeros((1500, 2), np.uint8)
    y[:600, 0] = 1  # two groups that share nothing: 600 of 599 and 900 of 899 pairs
    y[600:, 1] = 1
    assert mean_correlation(y) == pytest.approx((600 * 599 + 900 * 899) / (1500 * 1499), rel=1e-12)


def test_mean_correlation_of_random_patterns():
    """E|q| = sqrt(2/(pi N)); var |q| = (1 - 2/pi)/N; pairs are uncorrelated; 5 sd."""
    p, n = 150, 900
    sd = sqrt((1 - 2 / pi) / n / (p * (p - 1) / 2))
    assert abs(mean_correlation(random(p, n, rng=0)) - sqrt(2 / (pi * n))) < 5 * sd + 1e-3 / n


def test_mean_correlation_needs_two():
    with pytest.raises(ShapeError, match=r"^mean_correlation: there is 1 pattern; give at least 2"):
        mean_correlation([1, -1])


# --- decorrelate ----------------------------------------------------------------------------


def least_correlated_by_hand(x, keep):
    """Exact in integers: bipolar overlaps have one common norm."""
    x = x.astype(int)
    q = np.abs(x @ x.T)
    # The norm of the mean is common to all, so |x . sum| ranks as the cosine does.
    chosen = [int(np.argmin(np.abs(x @ x.sum(axis=0))))]
    while len(chosen) < keep:
        others = [i for i in range(len(x)) if i not in chosen]
        chosen.append(min(others, key=lambda i: q[i, chosen].max()))
    return chosen


@settings(max_examples=30)
@given(st.integers(2, 20), st.integers(1, 40), st.integers(0, 99), st.data())
def test_greedy_choice_equals_the_slow_twin(p, n, seed, data):
    x = random(p, n, rng=seed)
    keep = data.draw(st.integers(1, p))
    assert least_correlated(x, keep).tolist() == least_correlated_by_hand(x, keep)


def test_selected_digits_are_digits_and_overlap_less(ink):
    chosen = decorrelate(ink, keep=20)
    np.testing.assert_array_equal(chosen, ink[least_correlated(ink, 20)])
    # 10 random choices of 20 digits: the greedy one is below all of them.
    draw = np.random.default_rng(0)
    others = [mean_correlation(ink[draw.choice(len(ink), 20, False)]) for _ in range(10)]
    assert mean_correlation(chosen) < min(others)


def test_whitened_digits_overlap_no_more_than_random_patterns(ink):
    """Random patterns of 64 units overlap by sqrt(2/(64 pi)) = 0.0997 in size."""
    assert mean_correlation(ink[:40]) > 0.4
    assert mean_correlation(decorrelate(ink[:40], method="whiten")) < sqrt(2 / (64 * pi))


def test_whitening_helps_a_hebbian_memory(ink):
    """Fewer of the stored bits have a field against them (crosstalk)."""

    def unstable(x):
        x = x.astype(np.float64)
        field = x @ (x.T @ x) / x.shape[1] - x * len(x) / x.shape[1]  # zero diagonal
        return np.mean(field * x < 0)

    # 20 of 64 units: alpha = 0.31 gives erfc(sqrt(1/(2 alpha)))/2 = 3.7 % for random patterns.
    assert unstable(ink[:20]) > 0.15
    assert unstable(decorrelate(ink[:20], method="whiten")) < 0.05


def test_whitening_equals_inverse_root_of_the_covariance(ink):
    """The polar factor by eigenvectors: (C C^T)^(-1/2) C on its P - 1 directions."""
    x = ink[:12].astype(np.float64)
    centred = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    root = (vectors[:, 1:] / np.sqrt(values[1:])) @ vectors[:, 1:].T  # the smallest is zero
    expected = root @ centred
    clear = np.abs(expected) > 1e-6
    white = decorrelate(ink[:12], method="whiten")
    assert white.dtype == np.int8
    np.testing.assert_array_equal(white[clear], np.sign(expected[clear]))
    constant = (ink[:12] == ink[0]).all(axis=0)
    assert constant.mean() > 0.2
    assert set(np.unique(white[:, constant])) == {-1, 1}  # random signs, not all dark


def test_whitening_is_keyed_by_the_seed_and_takes_any_code(ink):
    a = decorrelate(ink[:10], method="whiten", rng=1)
    np.testing.assert_array_equal(a, decorrelate(to_binary(ink[:10]), method="whiten", rng=1))
    np.testing.assert_array_equal(a, decorrelate(1e-12 * ink[:10], method="whiten", rng=1))
    assert (a != decorrelate(ink[:10], method="whiten", rng=2)).any()
    np.testing.assert_array_equal(
        decorrelate(ink, method="whiten", keep=6),
        decorrelate(ink[least_correlated(ink, 6)], method="whiten"),
    )


def test_equal_patterns_whiten_to_random_signs():
    same = np.full((3, 50), 0.1)
    np.testing.assert_array_equal(decorrelate(same, method="whiten", rng=4), random(3, 50, rng=4))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (decorrelate, ParameterError, "decorrelate: keep is missing; say how many"),
        (
            lambda x: decorrelate(x, method="pca"),
            ParameterError,
            "decorrelate: method is 'pca'; ch",
        ),
        (
            lambda x: decorrelate(x, keep=9),
            ParameterError,
            "least_correlated: keep is 9, there are 3 patterns; give at most 3",
        ),
        (lambda x: least_correlated(x, 0), ParameterError, "least_correlated: keep is 0"),
        (
            lambda x: decorrelate(x[:1], method="whiten"),
            ShapeError,
            "decorrelate: there is 1 pattern; give at least 2 to whiten",
        ),
    ],
)
def test_decorrelate_refuses(call, error, text):
    with pytest.raises(error, match=f"^{text}"):
        call(random(3, 8, rng=0))


@pytest.mark.parametrize("level", [-1, 9, 300])
def test_a_level_that_parts_no_pixels_is_refused(level):
    with pytest.raises(ParameterError, match=f"threshold is {level}, the images' levels go from 0"):
        binarise([[[0, 9], [1, 8]]], level)
