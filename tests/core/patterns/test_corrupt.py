"""Corrupted cues: exact counts, laws of the random parts, and nothing else changed."""

from math import erfc, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.core.patterns import erase, flip, jitter, noise, occlude, random, to_bipolar

SIGMAS = 5.0

CORRUPTIONS = {
    "flip": lambda x, rng: flip(x, 0.3, rng=rng),
    "erase": lambda x, rng: erase(x, 0.3, rng=rng),
    "erase random": lambda x, rng: erase(x, 0.3, fill="random", rng=rng),
    "occlude": lambda x, rng: occlude(x, 0.5, rng=rng),
    "occlude left": lambda x, rng: occlude(x, 0.5, side="left", fill="random", rng=rng),
    "occlude random": lambda x, rng: occlude(x, 0.3, side="random", rng=rng),
    "noise": lambda x, rng: noise(x, 0.4, rng=rng),
    "jitter": lambda x, rng: jitter(x, 1, rng=rng),
}
SQUARES = st.sampled_from([4, 9, 16, 49])


@st.composite
def batches(draw):
    """Signs or bits of square images, of a dtype that decides their code."""
    dtype = draw(st.sampled_from([np.int8, np.uint8, np.bool_, np.float32]))
    shape = (draw(st.integers(1, 6)), draw(SQUARES))
    low = -1 if dtype in (np.int8, np.float32) else 0
    return draw(hnp.arrays(dtype, shape, elements=st.sampled_from([dtype(low), dtype(1)])))


@pytest.mark.parametrize("corrupt", CORRUPTIONS.values(), ids=CORRUPTIONS)
@settings(max_examples=30)
@given(x=batches(), seed=st.integers(0, 9))
def test_the_laws_of_every_corruption(corrupt, x, seed):
    before = x.copy()
    cue = corrupt(x, seed)
    np.testing.assert_array_equal(x, before)
    assert not np.shares_memory(cue, x)
    assert cue.shape == x.shape
    if cue.dtype != np.float32:
        assert cue.dtype == x.dtype
        assert np.isin(cue, (-1, 1) if x.dtype == np.int8 else (0, 1)).all()
    np.testing.assert_array_equal(corrupt(x, seed), cue)  # the same seed, the same bits
    np.testing.assert_array_equal(corrupt(x[:1], seed), cue[:1])  # any part of the batch
    np.testing.assert_array_equal(corrupt(x[0], seed), cue[0])  # a single pattern


@pytest.mark.parametrize("corrupt", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_patterns_and_seeds_have_streams_of_their_own(corrupt):
    x = np.repeat(random(1, 400, rng=1), 20, axis=0)
    a, b = corrupt(x, 1), corrupt(x, 2)
    deterministic = corrupt is CORRUPTIONS["occlude"]
    assert (a == b).all() == deterministic
    assert (a == a[0]).all() == deterministic
    draw = np.random.default_rng(0)
    assert (corrupt(x, draw) == corrupt(x, draw)).all() == deterministic


# --- flip -----------------------------------------------------------------------------------


@settings(max_examples=60)
@given(x=batches(), fraction=st.floats(0, 1), seed=st.integers(0, 99))
def test_flip_changes_exactly_the_stated_count(x, fraction, seed):
    changed = flip(x, fraction, rng=seed) != x
    np.testing.assert_array_equal(changed.sum(axis=1), [round(fraction * x.shape[1])] * len(x))


@given(x=batches())
def test_flip_of_all_units_is_the_complement(x):
    np.testing.assert_array_equal(to_bipolar(flip(x, 1.0)), -to_bipolar(x))


def test_flip_of_ones_in_unsigned_bits_stays_in_the_code():
    """All ones could be either code; -1 written into uint8 would be 255."""
    assert sorted(flip(np.ones(4, np.uint8), 0.5)) == [0, 0, 1, 1]
    assert sorted(flip(np.ones(4, np.int8), 0.5)) == [-1, -1, 1, 1]


def test_flip_reaches_every_unit_alike():
    """Counts per unit over Q cues: chi-square in units of Q f (1 - f) has mean N, see
    test_active_units_fall_on_every_place_alike."""
    q, n, f = 2000, 100, 0.2
    x = np.repeat(random(1, n, rng=0), q, axis=0)
    counts = (flip(x, f, rng=4) != x).sum(axis=0)
    chi2 = ((counts - q * f) ** 2).sum() / (q * f * (1 - f))
    assert abs(chi2 - n) < SIGMAS * sqrt(2 * n)


def test_flip_of_real_numbers_is_refused():
    with pytest.raises(
        CodeError,
        match=r"^flip: the patterns hold real numbers from 0 to 0\.5, which have no opposite; "
        r"convert with nm\.patterns\.to_bipolar\(x, threshold=\.\.\.\), or corrupt them with "
        r"nm\.patterns\.noise\.$",
    ):
        flip([[0.0, 0.5]], 0.1)


# --- erase ----------------------------------------------------------------------------------


@settings(max_examples=60)
@given(x=batches(), fraction=st.floats(0, 1), seed=st.integers(0, 99))
def test_erased_units_are_blank_and_the_others_stay(x, fraction, seed):
    count = round(fraction * x.shape[1])
    low, high = erase(x, fraction, rng=seed), erase(x, fraction, fill=1, rng=seed)
    erased = low != high  # the same units: the same seed
    np.testing.assert_array_equal(erased.sum(axis=1), [count] * len(x))
    np.testing.assert_array_equal(low[~erased], x[~erased])
    blank = -1 if to_bipolar(x).min() == -1 and x.min() < 0 else 0
    if x.dtype in (np.uint8, np.bool_) or x.min() < 0:
        assert (low[erased] == blank).all()
    assert (high[erased] == 1).all()


def test_erase_blank_only_removes_active_bits():
    x = random(5, 200, rng=0, code="binary")
    cue = erase(x, 0.5)
    assert (cue <= x).all()


def test_random_filling_is_right_by_chance_in_half_of_the_units():
    """Q cues of k erased units: the count of changes is Bin(Q k, 1/2)."""
    q, n, k = 100, 1000, 300
    x = random(q, n, rng=1)
    changed = int((erase(x, k / n, fill="random", rng=2) != x).sum())
    assert abs(changed - q * k / 2) < SIGMAS * sqrt(q * k / 4)


def test_real_patterns_are_blanked_with_zero_or_a_number():
    x = np.full((1, 10), 0.7)
    assert sorted(erase(x, 0.2)[0]) == [0.0] * 2 + [0.7] * 8
    assert sorted(erase(x, 0.2, fill=0.25)[0]) == [0.25] * 2 + [0.7] * 8
    grey = np.full((1, 10), 200, np.uint8)
    assert erase(grey, 0.5, fill=255).max() == 255
    assert erase(grey, 0.5).dtype == np.uint8


@pytest.mark.parametrize(
    ("values", "fill", "text"),
    [
        (
            np.array([[-1, 1]], np.int8),
            0,
            r"fill is 0, the patterns are bipolar of dtype int8; give 'blank' or 'random' or -1 "
            r"or 1\.$",
        ),
        (np.array([[0, 1]]), -1, r"fill is -1, .* binary of dtype int64; .* 'random' or 0 or 1\.$"),
        (np.array([[0, 9]], np.uint8), 0.5, r"fill is 0\.5, .* or a whole number that fits\.$"),
        (np.array([[0, 9]], np.uint8), 256, r"fill is 256, .* or a whole number that fits\.$"),
        (np.array([[0.0, 9.0]]), np.inf, "fill is inf; give a finite number"),
        (np.array([[0.0, 9.0]]), "random", "fill is 'random', but the patterns are real numbers"),
        (np.array([[0, 1]]), "black", "fill is 'black'; choose one of: blank, random"),
        (np.array([[0, 1]]), np.nan, "fill is nan; give a finite number"),
    ],
)
@pytest.mark.parametrize(
    "function", [erase, lambda x, f, fill: occlude(x, f, shape=(1, 2), fill=fill)]
)
def test_a_filling_outside_the_code_is_refused(function, values, fill, text):
    with pytest.raises(ParameterError, match=f"^(erase|occlude): {text}"):
        function(values, 0.5, fill=fill)


# --- occlude --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "rows", "columns"),
    [
        ("top", slice(0, 2), slice(None)),
        ("bottom", slice(3, 5), slice(None)),
        ("left", slice(None), slice(0, 3)),
        ("right", slice(None), slice(4, 7)),
    ],
)
def test_occlusion_covers_whole_rows_or_columns(side, rows, columns):
    """0.4 of 5 rows are 2, of 7 columns 2.8, so 3."""
    cue = occlude(np.ones((2, 35), np.int8), 0.4, shape=(5, 7), side=side).reshape(2, 5, 7)
    expected = np.ones((2, 5, 7), np.int8)
    expected[:, rows, columns] = -1
    np.testing.assert_array_equal(cue, expected)


@settings(max_examples=80)
@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    fraction=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_a_random_occlusion_is_one_full_rectangle_of_the_stated_area(height, width, fraction, seed):
    n = height * width
    images = occlude(
        np.ones((3, n), np.uint8), fraction, shape=(height, width), side="random", rng=seed
    ).reshape(3, height, width)
    for image in images:
        covered = image == 0
        area = int(covered.sum())
        rows, columns = covered.any(axis=1), covered.any(axis=0)
        assert area == rows.sum() * columns.sum()  # full
        for axis in (rows, columns):
            places = np.flatnonzero(axis)
            assert area == 0 or places[-1] - places[0] + 1 == places.size  # connected
        # The last length is rounded: half a line of the rectangle, along or across.
        assert abs(area - fraction * n) <= max(1, rows.sum(), columns.sum()) / 2 + 1e-9
        if round(fraction * n) == 0:
            assert area == 0


def test_a_random_occlusion_of_a_row_has_the_exact_count_and_moves():
    x = np.ones((200, 40), np.uint8)
    covered = occlude(x, 0.25, shape=(1, 40), side="random", rng=3) == 0
    assert (covered.sum(axis=1) == 10).all()
    first = covered.argmax(axis=1)
    assert first.min() == 0  # 31 places, 200 draws: one place is missed with odds of 0.14 %
    assert first.max() == 30


def test_occlusion_of_all_and_of_nothing():
    x = random(3, 16, rng=0)
    for side in ("top", "bottom", "left", "right", "random"):
        assert (occlude(x, 1.0, side=side) == -1).all()
        np.testing.assert_array_equal(occlude(x, 0.0, side=side), x)


# --- noise ----------------------------------------------------------------------------------


def test_noise_is_gaussian():
    """Mean, variance and the share of wrong signs erfc(1/(sqrt 2 sigma))/2, all in 5 sd."""
    x, sigma = random(50, 4000, rng=1), 0.8
    cue = noise(x, sigma, rng=2)
    assert cue.dtype == np.float32
    added = cue.astype(np.float64) - x
    assert abs(added.mean()) < SIGMAS * sigma / sqrt(x.size)
    assert abs(added.var() - sigma**2) < SIGMAS * sigma**2 * sqrt(2 / x.size)
    wrong = erfc(1 / (sqrt(2) * sigma)) / 2
    found = np.mean(to_bipolar(cue, threshold=0) != x)
    assert abs(found - wrong) < SIGMAS * sqrt(wrong * (1 - wrong) / x.size)


def test_noise_keeps_double_precision():
    assert noise(np.array([0.1, 0.2]), 0.0).tolist() == [0.1, 0.2]
    assert noise(np.array([0, 200], np.uint8), 0.0).dtype == np.float32


# --- jitter ---------------------------------------------------------------------------------


def shifted(image, down, right, background):
    """Shift by hand, pixel by pixel."""
    height, width = image.shape
    out = np.full_like(image, background)
    for row in range(height):
        for column in range(width):
            if 0 <= row + down < height and 0 <= column + right < width:
                out[row + down, column + right] = image[row, column]
    return out


@settings(max_examples=40)
@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    pixels=st.integers(0, 7),
    seed=st.integers(0, 9),
)
def test_jitter_is_one_of_the_allowed_shifts(height, width, pixels, seed):
    image = random(1, height * width, rng=seed)
    cue = jitter(image, pixels, shape=(height, width), rng=seed).reshape(height, width)
    shifts = range(-pixels, pixels + 1)
    assert any(
        np.array_equal(cue, shifted(image.reshape(height, width), down, right, -1))
        for down in shifts
        for right in shifts
    )


def test_jitter_reaches_all_shifts_alike():
    """A dot in the middle of 7 x 7 shows the shift: 25 of them, each Bin(Q, 1/25)."""
    q = 5000
    dots = np.zeros((q, 49), np.uint8)
    dots[:, 24] = 1
    counts = jitter(dots, 2, rng=6).sum(axis=0, dtype=int).reshape(7, 7)
    inner = counts[1:6, 1:6]
    assert inner.sum() == q
    chi2 = ((inner - q / 25) ** 2 / (q / 25)).sum()  # 24 degrees of freedom
    assert chi2 < 24 + SIGMAS * sqrt(2 * 24)


def test_the_background_may_be_given():
    cue = jitter(np.full((20, 4), 0.5, np.float32), 2, fill=0.25, rng=0)
    assert set(np.unique(cue)) == {0.25, 0.5}
    np.testing.assert_array_equal(jitter([[1, -1, 1, 1]], 0), [[1, -1, 1, 1]])


# --- bad input ------------------------------------------------------------------------------

SIGNS = np.ones((2, 12), np.int8)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: flip(SIGNS, 1.2), ParameterError, r"flip: fraction is 1\.2; give a number from"),
        (lambda: flip(SIGNS, -0.1), ParameterError, r"flip: fraction is -0\.1"),
        (lambda: flip(SIGNS, np.nan), ParameterError, "flip: fraction is nan"),
        (lambda: flip([], 0.1), ShapeError, "flip: the patterns are empty"),
        (lambda: flip(SIGNS, 0.1, rng="x"), ParameterError, "rng is 'x'"),
        (lambda: erase(SIGNS, 2), ParameterError, "erase: fraction is 2"),
        (lambda: erase([[1.0, np.nan]], 0.5), CodeError, "erase: the patterns hold 1 NaN"),
        (lambda: occlude(SIGNS, 2), ParameterError, "occlude: fraction is 2"),
        (
            lambda: occlude(SIGNS, 0.5),
            ShapeError,
            r"occlude: 12 units are no square image; give shape=\(H, W\) with H \* W = 12\.$",
        ),
        (
            lambda: occlude(SIGNS, 0.5, shape=(3, 5)),
            ShapeError,
            r"occlude: shape is \(3, 5\), 15 pixels, but the patterns have 12 units",
        ),
        (
            lambda: occlude(SIGNS, 0.5, shape=(3, 4), side="middle"),
            ParameterError,
            "occlude: side is 'middle'; choose one of: bottom, top, left, right, random",
        ),
        (lambda: noise(SIGNS, -1), ParameterError, r"noise: sigma is -1; give a number from 0\.0"),
        (lambda: noise(SIGNS, np.inf), ParameterError, "noise: sigma is inf"),
        (lambda: jitter(SIGNS, -1), ParameterError, "jitter: pixels is -1; give a whole number"),
        (lambda: jitter(SIGNS, 0.5), ParameterError, r"jitter: pixels is 0\.5"),
        (lambda: jitter(SIGNS, 1), ShapeError, "jitter: 12 units are no square image"),
        (
            lambda: jitter(SIGNS, 1, shape=(3, 4), fill="random"),
            ParameterError,
            r"jitter: fill is 'random'; choose one of: blank\.$",
        ),
    ],
)
def test_bad_input_is_named(call, error, text):
    with pytest.raises(error, match=f"^{text}"):
        call()
