"""Random patterns: their laws, known in closed form, within five standard deviations."""

from math import asin, comb, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromem.core.errors import ParameterError
from neuromem.core.patterns import correlated, factors, low_activity, random, tree
from neuromem.core.randomness import stream

SIGMAS = 5.0  # a true law fails one such check in 1.7 million


def overlaps(patterns):
    x = patterns.astype(np.float64)
    return x @ x.T / x.shape[1]


def pairs(patterns):
    q = overlaps(patterns)
    return q[np.triu_indices(len(q), 1)]


GENERATORS = {
    "random": lambda p, n, rng: random(p, n, rng=rng),
    "random binary": lambda p, n, rng: random(p, n, rng=rng, code="binary"),
    "random real": lambda p, n, rng: random(p, n, rng=rng, code="real"),
    "low_activity": lambda p, n, rng: low_activity(p, n, 0.5, rng=rng),
    "low_activity any": lambda p, n, rng: low_activity(p, n, 0.5, rng=rng, exact=False),
    "correlated": lambda p, n, rng: correlated(p, n, overlap=0.4, rng=rng),
    "tree": lambda p, n, rng: tree(p, n, 2, overlaps=(0.1, 0.3, 0.6), rng=rng),
    "factors": lambda p, n, rng: factors(p, n, 3, rng=rng),
    "factors noisy": lambda p, n, rng: factors(p, n, 3, noise=0.7, rng=rng),
}


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
@settings(max_examples=25)
@given(p=st.integers(1, 12), more=st.integers(0, 12), n=st.integers(2, 130), seed=st.integers(0, 9))
def test_shape_code_seed_and_prefix(make, p, more, n, seed):
    x = make(p, n, seed)
    assert x.shape == (p, n)
    if x.dtype != np.float32:
        allowed = (-1, 1) if x.dtype == np.int8 else (0, 1)
        assert np.isin(x, allowed).all()
    np.testing.assert_array_equal(make(p + more, n, seed)[:p], x)
    np.testing.assert_array_equal(make(p, n, np.random.SeedSequence(seed)), x)


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_another_seed_and_a_used_generator_give_other_patterns(make):
    x = make(4, 200, 1)
    assert (make(4, 200, 2) != x).any()
    draw = np.random.default_rng(0)
    first, second = make(4, 200, draw), make(4, 200, draw)
    assert (first != second).any()


@pytest.mark.parametrize(("code", "dtype"), [("bipolar", np.int8), ("binary", np.uint8)])
def test_random_bits_are_fair_in_every_place(code, dtype):
    """Each unit's count of active states is Bin(P, 1/2): chi-square over N units has mean N."""
    p, n = 400, 1003  # 1003 units: the last word of a pattern is used in part
    x = random(p, n, rng=3, code=code)
    assert x.dtype == dtype
    counts = (x > 0).sum(axis=0)
    chi2 = ((counts - p / 2) ** 2 / (p / 4)).sum()
    assert abs(chi2 - n) < SIGMAS * sqrt(2 * n)


def test_random_patterns_overlap_by_one_over_root_n():
    """N q^2 of a pair has mean 1 and variance 2 - 2/N; pairs are uncorrelated in square."""
    p, n = 100, 1000
    squares = n * pairs(random(p, n, rng=5)) ** 2
    assert abs(squares.mean() - 1) < SIGMAS * sqrt(2 / squares.size)


def test_random_across_blocks_equals_one_word_stream():
    """Patterns larger than a block: the bits are those of the plain word stream."""
    n = 300_000
    words = stream(4).integers(0, 2**64, (3, -(-n // 64)), dtype=np.uint64)
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1)[:, :n]
    np.testing.assert_array_equal(random(3, n, rng=4), 2 * bits.astype(np.int8) - 1)


def test_random_real_patterns_are_standard_normal():
    x = random(50, 4000, rng=1, code="real")
    assert x.dtype == np.float32
    size = x.size
    assert abs(x.mean(dtype=np.float64)) < SIGMAS / sqrt(size)
    assert abs(x.var(dtype=np.float64) - 1) < SIGMAS * sqrt(2 / size)


@settings(max_examples=40)
@given(n=st.integers(1, 300), activity=st.floats(0.01, 1.0), seed=st.integers(0, 99))
def test_exact_activity_is_exact(n, activity, seed):
    k = round(activity * n)
    if k == 0:
        with pytest.raises(ParameterError, match="no unit would be active"):
            low_activity(3, n, activity, rng=seed)
        return
    x = low_activity(3, n, activity, rng=seed)
    assert x.dtype == np.uint8
    np.testing.assert_array_equal(x.sum(axis=1), [k] * 3)


def test_active_units_fall_on_every_place_alike():
    """Counts per unit have mean P a and variance P a (1 - a), negatively correlated: chi-square
    over N units has mean N (1 - a) N / (N - 1) / (1 - a) = N in units of P a (1 - a)."""
    p, n, a = 4000, 200, 0.05
    counts = low_activity(p, n, a, rng=2).sum(axis=0, dtype=int)
    assert counts.sum() == p * n * a
    chi2 = ((counts - p * a) ** 2).sum() / (p * a * (1 - a))
    assert abs(chi2 - n) < SIGMAS * sqrt(2 * n)


def test_shared_active_units_are_hypergeometric():
    """Two patterns of k active units share k^2/N on average, with the hypergeometric variance."""
    p, n, k = 200, 500, 25
    x = low_activity(p, n, k / n, rng=8).astype(float)
    shared = (x @ x.T)[np.triu_indices(p, 1)]
    variance = k * (k / n) * (1 - k / n) * (n - k) / (n - 1)
    assert abs(shared.mean() - k * k / n) < SIGMAS * sqrt(variance / shared.size)


def test_inexact_activity_is_one_draw_per_unit():
    """Counts per pattern are Bin(N, a): mean N a and variance N a (1 - a)."""
    p, n, a = 4000, 100, 0.1
    counts = low_activity(p, n, a, rng=6, exact=False).sum(axis=1, dtype=float)
    variance = n * a * (1 - a)
    assert abs(counts.mean() - n * a) < SIGMAS * sqrt(variance / p)
    # The variance of a sample variance is (kurtosis - 1 + 2/(P-1)) v^2 / P, kurtosis ~ 3.05.
    assert abs(counts.var() - variance) < SIGMAS * variance * sqrt(2.1 / p)


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.5, 0.9])
def test_correlated_patterns_overlap_as_stated(overlap):
    """The mean over pairs at one unit lies in [-1/(P-1), 1] with mean q, so its variance is at
    most (1 - q)(q + 1/(P-1)) (Bhatia and Davis 2000); N units are independent."""
    p, n = 20, 40_000
    bound = sqrt((1 - overlap) * (overlap + 1 / (p - 1)) / n)
    assert abs(pairs(correlated(p, n, overlap=overlap, rng=3)).mean() - overlap) < SIGMAS * bound


def test_correlated_ends():
    equal = correlated(5, 100, overlap=1.0, rng=0)
    assert (equal == equal[0]).all()
    # One pair of independent patterns: sd of the overlap is 1 / sqrt(N).
    assert abs(pairs(correlated(2, 10_000, overlap=0.0, rng=0))[0]) < SIGMAS / 100


def test_tree_overlaps_are_ultrametric():
    """12 leaves, families of 2 in clans of 4: q by depth of the last common ancestor.

    A pair's overlap is a mean of N independent signs: variance (1 - q^2)/N.
    """
    n, q = 60_000, (0.1, 0.35, 0.7)
    found = overlaps(tree(12, n, 2, overlaps=q, rng=1))
    for a in range(12):
        for b in range(a):
            expected = q[2] if a // 2 == b // 2 else q[1] if a // 4 == b // 4 else q[0]
            assert abs(found[a, b] - expected) < SIGMAS * sqrt((1 - expected**2) / n)


def test_tree_of_unrelated_families():
    n = 40_000
    found = overlaps(tree(9, n, 3, overlaps=(0.0, 0.0, 0.5), rng=2))
    for a in range(9):
        for b in range(a):
            expected = 0.5 if a // 3 == b // 3 else 0.0
            assert abs(found[a, b] - expected) < SIGMAS * sqrt((1 - expected**2) / n)


def test_tree_of_one_level_is_a_common_parent():
    n = 40_000
    found = pairs(tree(6, n, overlaps=(0.4,), rng=2))
    assert (np.abs(found - 0.4) < SIGMAS * sqrt((1 - 0.4**2) / n)).all()


def test_tree_of_equal_siblings():
    x = tree(4, 500, 2, overlaps=(0.0, 1.0), rng=0)
    np.testing.assert_array_equal(x[0], x[1])
    assert (x[1] != x[2]).any()


@pytest.mark.parametrize("noise", [0.0, 0.8])
def test_factor_overlaps_follow_the_arcsine(noise):
    """E q^2 over patterns: rho = (D - 2k)/D with k ~ Bin(D, 1/2), m = (2/pi) asin(rho/(1+s^2)),
    E q^2 = sum_k Bin(k) (m^2 + (1 - m^2)/N); q^2 of pairs is uncorrelated by symmetry of c up to
    pairs that share a pattern, whose factor vectors are pairwise independent, too."""
    p, n, d = 120, 400, 6
    m = [2 / pi * asin((d - 2 * k) / d / (1 + noise**2)) for k in range(d + 1)]
    weight = [comb(d, k) / 2**d for k in range(d + 1)]
    expected = sum(w * (x**2 + (1 - x**2) / n) for w, x in zip(weight, m, strict=True))
    # The loadings are shared by all pairs: average over draws and take the sd from them.
    draws = np.array(
        [np.mean(pairs(factors(p, n, d, noise=noise, rng=seed)) ** 2) for seed in range(30)]
    )
    assert abs(draws.mean() - expected) < SIGMAS * draws.std(ddof=1) / sqrt(len(draws))


def test_patterns_of_one_factor_are_equal_or_opposite():
    q = pairs(factors(10, 50, 1, rng=0))
    assert set(np.abs(q)) == {1.0}
    assert set(np.sign(q)) == {-1.0, 1.0}


def test_many_factors_give_independent_patterns():
    """For D >> N the law is that of random patterns: N E q^2 = 1 + N (2/pi)^2 / D."""
    p, n, d = 60, 50, 20_000
    squares = n * pairs(factors(p, n, d, rng=0)) ** 2
    assert abs(squares.mean() - (1 + n * (2 / pi) ** 2 / d)) < SIGMAS * sqrt(2 / squares.size)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: random(0, 10), r"random: p is 0; give a whole number >= 1\."),
        (lambda: random(-2, 10), r"random: p is -2; give a whole number >= 1\."),
        (lambda: random(2, 0), r"random: n is 0; give a whole number >= 1\."),
        (lambda: random(2, 1.5), r"random: n is 1\.5; give a whole number >= 1\."),
        (lambda: random(2, 3, code="ternary"), "random: code is 'ternary'; choose one of: bipolar"),
        (lambda: random(2, 3, rng=-1), "rng is -1; give an int >= 0"),
        (lambda: low_activity(0, 10, 0.1), "low_activity: p is 0"),
        (lambda: low_activity(1, 10, 1.1), r"low_activity: activity is 1\.1; give a number from"),
        (lambda: low_activity(1, 10, float("nan")), "low_activity: activity is nan"),
        (
            lambda: low_activity(1, 100, 0.004),
            r"low_activity: activity is 0\.004, 0\.4 of 100 units: no unit would be active\. "
            r"Give at least 0\.01, or more units\.",
        ),
        (lambda: low_activity(1, 10, 0, exact=False), "low_activity: activity is 0.0, 0 of 10"),
        (lambda: correlated(2, 0), "correlated: n is 0"),
        (lambda: correlated(2, 9, overlap=-0.1), r"correlated: overlap is -0\.1; give a number"),
        (lambda: tree(2, 0), "tree: n is 0"),
        (lambda: tree(2, 9, 0), "tree: branching is 0; give a whole number >= 1"),
        (lambda: tree(2, 9, overlaps=(0.5, 1.5)), r"tree: overlaps is 1\.5; give a number"),
        (lambda: tree(2, 9, overlaps=()), r"tree: overlaps are \(\); give at least one, in rising"),
        (lambda: tree(2, 9, overlaps=(0.5, 0.1)), r"tree: overlaps are \(0\.5, 0\.1\); give at"),
        (lambda: factors(2, 9, 0), "factors: n_factors is 0; give a whole number >= 1"),
        (lambda: factors(2, 9, 3, noise=-1), r"factors: noise is -1; give a number from 0\.0"),
        (lambda: factors(0, 9, 3), "factors: p is 0"),
    ],
)
def test_bad_parameters_are_named(call, text):
    with pytest.raises(ParameterError, match=f"^{text}"):
        call()
