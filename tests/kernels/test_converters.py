"""The kernels against NumPy twins, bit for bit where arithmetic is exact, and their normals."""

import numpy as np
import pytest
from scipy import stats

from neuromem.core.randomness import stream
from neuromem.kernels import converters as kernels

NONE = np.empty((0, 0), np.uint64)


def words_for(rows, n, seed=0):
    return stream(seed, "words").integers(0, 2**64, (rows, (n + 1) // 2), dtype=np.uint64)


def uniforms_of(words):
    """The top 24 bits of either half."""
    low, high = words & np.uint64(2**32 - 1), words >> np.uint64(32)
    return np.concatenate([low >> np.uint64(8), high >> np.uint64(8)], axis=-1) / 2.0**24


def normals_of(words):
    """Box and Muller's formula in float64, and the radius."""
    u = ((words & np.uint64(2**32 - 1)).astype(np.float64) + 0.5) / 2**32
    turn = (words >> np.uint64(32)).astype(np.int64).astype(np.int32) / 2**32
    radius, angle = np.sqrt(-2 * np.log(u)), 2 * np.pi * turn
    # sin(2 pi (|t| - 1/4)) = -cos(2 pi t), and sign(t) cos(2 pi (|t| - 1/4)) = sin(2 pi t)
    return np.concatenate([-radius * np.cos(angle), radius * np.sin(angle)]), np.tile(radius, 2)


def codes_of(steps, mode, low, high, chances):
    """Codes and the number that clipped, in the dtype of `steps`."""
    if mode == kernels.COMPARATOR:
        return np.sign(steps), 0
    if mode == kernels.NEAREST:
        steps = np.rint(steps)
    elif mode == kernels.STOCHASTIC:
        floor = np.floor(steps)
        steps = floor + (chances[:, : steps.shape[1]] < steps - floor).astype(steps.dtype)
    return np.clip(steps, low, high), int(np.sum((steps < low) | (steps > high)))


def test_normals_follow_their_formula():
    """Errors: u is rounded by 2^-25 of itself, so r by that over r; sine and cosine by 2e-7."""
    words = words_for(1, 2**18)[0]
    out = np.empty(2 * words.size, np.float32)
    kernels.normals(words, out)
    expected, radius = normals_of(words)
    assert np.all(np.abs(out - expected) <= 2.0**-24 / radius + 4e-7 * (1 + radius))


def test_normals_at_the_ends_of_their_words():
    words = np.array([0, 2**64 - 1, 2**32 - 1, 2**63, 2**31], np.uint64)
    out = np.empty(10, np.float32)
    kernels.normals(words, out)
    assert np.isfinite(out).all()
    largest = np.sqrt(66 * np.log(2))  # u = 2^-33
    np.testing.assert_allclose(out[0], -largest, rtol=1e-6)
    np.testing.assert_allclose(out[3], largest, rtol=1e-6)
    np.testing.assert_allclose(out[4], -np.sqrt(2 * np.log(2)), rtol=1e-6)
    assert out[1] == out[2] == 0  # u = 1


def test_normals_are_the_same_on_every_machine():
    """Sums, products and square roots alone, each rounded as IEEE 754 says: pinned bits."""
    words = np.array([0x0123456789ABCDEF, 0xFEDCBA9876543210], np.uint64)
    out = np.empty(4, np.float32)
    kernels.normals(words, out)
    assert out.view(np.uint32).tolist() == [3213788106, 3214865732, 1023329626, 3171816774]


def test_normals_are_normal():
    """Moments, tail and the independence of the two halves, in 4 standard errors each."""
    words = words_for(1, 2**22, seed=1)[0]
    z = np.empty(2 * words.size, np.float32)
    kernels.normals(words, z)
    z = z.astype(np.float64)
    n = z.size
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs(np.mean(z**power) - moment) < 4 * np.sqrt(variance / n)
    for bar in (1.0, 3.0, 4.5):
        p = 2 * stats.norm.sf(bar)
        assert abs(np.mean(np.abs(z) > bar) - p) < 4 * np.sqrt(p / n)
    assert stats.kstest(z, "norm").pvalue > 1e-4
    first, second = z.reshape(2, -1)
    for f in (lambda v: v, lambda v: v**2, np.abs):
        assert abs(np.corrcoef(f(first), f(second))[0, 1]) < 4 / np.sqrt(n / 2)


def test_uniforms_are_the_top_bits():
    words = words_for(1, 1000)[0]
    words[:2] = 0, 2**64 - 1
    out = np.empty(1000, np.float32)
    kernels.uniforms(words, out)
    np.testing.assert_array_equal(out, uniforms_of(words))
    assert out.max() < 1


MODES = [
    (kernels.NEAREST, -7, 7),
    (kernels.NEAREST, 0, 15),
    (kernels.STOCHASTIC, -7, 7),
    (kernels.COMPARATOR, None, None),
    (kernels.IDEAL, None, None),
]


def ends(low, high, dtype):
    largest = np.finfo(dtype).max
    return (-largest, largest) if low is None else (dtype(low), dtype(high))


@pytest.mark.parametrize("n", [1, 2, 37])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("mode", "low", "high"), MODES)
def test_encode_is_its_formula(mode, low, high, dtype, n):
    rng = np.random.default_rng(n)
    values = rng.normal(0, 4, (6, n + 3)).astype(dtype)
    values[0, :2] = 0.0, 0.5  # a tie goes to the even code
    step = rng.uniform(0.5, 1.5, 6).astype(dtype)
    step[0] = 1
    low, high = ends(low, high, dtype)
    words = words_for(6, n) if mode == kernels.STOCHASTIC else NONE
    out = np.full((6, n + 5), 77, np.float32)
    unit = dtype(0.25)
    clipped = kernels.encode(
        *(values.reshape(-1), n + 3, n, step, unit, mode, low, high, words),
        *(out.reshape(-1), n + 5, 1, 6),
    )
    chances = uniforms_of(words) if words.size else None
    steps = values[:, :n] / step[:, None]
    codes, over = codes_of(steps[1:], mode, low, high, None if chances is None else chances[1:])
    np.testing.assert_array_equal(out[1:, :n], (codes * unit).astype(np.float32))
    assert clipped == over
    assert (out[0] == 77).all()  # rows before `first` and columns after n are not touched
    assert (out[:, n:] == 77).all()


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("dtypes", [(np.float32, np.float32), (np.float64, np.float32)])
@pytest.mark.parametrize(("mode", "low", "high"), MODES)
def test_accumulate_is_its_formula(mode, low, high, dtypes, shared):
    kind = dtypes[1]
    rng = np.random.default_rng(3)
    q, n, pitch = 5, 33, 40
    total = rng.normal(size=(q, pitch)).astype(dtypes[0])
    partial = rng.normal(0, 5, (q, n)).astype(kind)
    sd = rng.uniform(0, 2, (1 if shared else q, n)).astype(kind)
    gain, offset, step = (
        rng.uniform(a, b, n).astype(kind) for a, b in ((0.9, 1.1), (-1, 1), (1, 2))
    )
    weight = rng.choice([0.5, -2.0, 8.0], q).astype(dtypes[0])
    low, high = ends(low, high, kind)
    noise, chances = words_for(q, n, 5), words_for(q, n, 6)
    z = np.empty((q, n + 1), np.float32)
    for row in range(q):
        kernels.normals(noise[row], z[row])
    before = total.copy()
    clipped = kernels.accumulate(
        *(total.reshape(-1), pitch, partial.reshape(-1), n),
        *(sd.reshape(-1), 0 if shared else n, noise, gain, offset, step, mode, low, high),
        *(chances if mode == kernels.STOCHASTIC else NONE, weight, 0, q),
    )
    steps = ((partial + sd * z[:, :n]) * gain + offset) / step
    codes, over = codes_of(steps, mode, low, high, uniforms_of(chances))
    before[:, :n] += codes * step * weight[:, None]
    np.testing.assert_array_equal(total, before)
    assert clipped == over


@pytest.mark.parametrize("mode", [kernels.NEAREST, kernels.COMPARATOR, kernels.IDEAL])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_counts_as_clipped(mode, value):
    low, high = ends(*((-7, 7) if mode == kernels.NEAREST else (None, None)), np.float32)
    ones, out = np.ones(3, np.float32), np.zeros(3, np.float32)
    values = np.array([1, value, 2], np.float32)
    clipped = kernels.encode(values, 3, 3, ones, np.float32(1), mode, low, high, NONE, out, 3, 0, 1)
    assert clipped == 1
