"""The kernels against plain NumPy in float64, and the normals against the normal distribution."""

import numpy as np
import pytest
from scipy import stats

from neuromem.hardware.devices.laws import Law, Piece
from neuromem.kernels import devices as kernels

BLOCK = kernels.BLOCK
UNIT = 1e-6
REFERENCE = 25e-6
SIZE = 3 * BLOCK + 17  # the last block is not full
LAWS = {
    "polynomial": Law((Piece("polynomial", (0.3, 2.0, -1.2, 0.5, -0.1, 0.02)),)),
    "log": Law((Piece("log", (-0.0155, 0.0244), low=0.049, high=0.1),)),
    "power": Law((Piece("power", (0.0088, -0.65), high=0.2),)),
    "saturating": Law((Piece("saturating", (0.2, 0.11)),)),
    "points": Law((Piece("points", (0.1, 0.3, 0.8, 0.5, 0.1, 0.9)),)),
    "pieces": Law(
        (
            Piece("log", (-0.04, -0.02), low=0.07, high=0.13, below=0.1),
            Piece("points", (0.0, 0.4, 0.6, 0.06, 0.05, 0.08), below=0.6),
            Piece("polynomial", (0.1, -0.05)),
        )
    ),
}
NONE = np.empty((0, 1))
TOLERANCE = {np.float32: 2e-6, np.float64: 1e-14}
"""Twenty roundings of the dtype: the longest law takes about that many operations."""


def words_of(seed, size=SIZE):
    blocks = -(-size // BLOCK)
    return np.random.default_rng(seed).integers(0, 2**32, blocks * BLOCK, np.uint32)


def twin_normals(words, size=SIZE):
    """Box and Muller's normals in float64, a block of words after another."""
    radii, turns = np.split(words.reshape(-1, BLOCK), 2, axis=1)
    radius = np.sqrt(-2.0 * np.log(radii * 2.0**-32 + 2.0**-33))
    turns = turns.astype(np.int64) - 2**32 * (turns >= 2**31)
    angle = (turns >> 2) * np.pi / 2**31
    swap, sign = (turns & 1).astype(bool), np.where(turns & 2, 1, -1)
    pair = np.where(swap, [np.sin(angle), np.cos(angle)], [np.cos(angle), np.sin(angle)])
    return (sign * radius * pair).transpose(1, 0, 2).reshape(-1)[:size]


def targets(dtype, size=SIZE):
    g = np.random.default_rng(5).random(size) * REFERENCE
    g[:2] = 0.0, REFERENCE
    return g.astype(dtype)


def test_normals_are_those_of_box_and_muller():
    """Rounding of u near 1 moves the radius r by 2^-24 / r, which ends at 2^-12 where r is 0."""
    words, z = words_of(0), np.empty(SIZE, np.float32)
    kernels.normals(words, z)
    expected = twin_normals(words)
    radius = np.hypot(*np.split(twin_normals(words, 3 * BLOCK).reshape(-1, BLOCK), 2, axis=1))
    radius = np.concatenate([radius, radius], axis=1).reshape(-1)[: 3 * BLOCK]
    allowed = 1e-6 * np.abs(expected[: 3 * BLOCK]) + 2.0**-22 / np.maximum(radius, 2.0**-12)
    assert (np.abs(z - expected)[: 3 * BLOCK] <= allowed).all()
    np.testing.assert_allclose(z[3 * BLOCK :], expected[3 * BLOCK :], rtol=1e-6, atol=1e-5)


def test_normals_of_extreme_words():
    words = np.zeros(BLOCK, np.uint32)
    words[BLOCK // 4 : BLOCK // 2] = 2**32 - 1
    words[BLOCK // 2 :: 2] = 2**32 - 1
    z = np.empty(BLOCK, np.float32)
    kernels.normals(words, z)
    assert np.isfinite(z).all()
    assert np.abs(z).max() == pytest.approx(np.sqrt(66 * np.log(2)), rel=1e-6)
    assert np.abs(z[BLOCK // 4 : BLOCK // 2]).max() == 0.0


def test_normals_are_normal_and_independent():
    """Moments of n normals have the s.e. 1, sqrt(2), sqrt(15), sqrt(96) over sqrt(n)."""
    n = 2**21
    z = np.empty(n, np.float32)
    kernels.normals(words_of(1, n), z)
    x = z.astype(np.float64)
    for power, (moment, error) in enumerate([(0, 1), (1, 2), (0, 15), (3, 96)], start=1):
        assert np.mean(x**power) == pytest.approx(moment, abs=4 * np.sqrt(error / n))
    assert stats.kstest(x, "norm").pvalue > 1e-3
    halves = x.reshape(-1, 2, BLOCK // 2)
    for a, b in [
        (x[:-1], x[1:]),  # neighbours
        (halves[:, 0].ravel(), halves[:, 1].ravel()),  # sine and cosine of a turn
        (halves[:, 0].ravel() ** 2, halves[:, 1].ravel() ** 2),
    ]:
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(a.size)
    tail = np.mean(np.abs(x) > 4)
    expected = 2 * stats.norm.sf(4)
    assert tail == pytest.approx(expected, abs=4 * np.sqrt(expected / n))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAWS)
def test_laws_in_a_kernel_are_those_of_numpy(name, dtype):
    g, out = targets(dtype), np.empty(SIZE, dtype)
    kernels.noise_sigma(g, REFERENCE, LAWS[name].table(), 1.0, False, out)
    expected = LAWS[name](g.astype(np.float64) / REFERENCE)
    # A law with a jump may round to its other side.
    away = np.abs(g / REFERENCE - 0.1) > 1e-6
    away &= np.abs(g / REFERENCE - 0.6) > 1e-6
    np.testing.assert_allclose(out[away], expected[away], rtol=0, atol=3 * TOLERANCE[dtype])


def test_a_negative_law_spreads_nothing():
    g, out = targets(np.float32), np.ones(SIZE, np.float32)
    table = Law((Piece("polynomial", (-1.0,)),)).table()
    kernels.noise_sigma(g, REFERENCE, table, 1.0, False, out)
    assert (out == 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_program_is_its_numpy_twin(dtype):
    g, words, out = targets(dtype), words_of(2), np.empty(SIZE, dtype)
    law = LAWS["polynomial"]
    kernels.program(g, REFERENCE, UNIT, words, law.table(), out)
    spread = UNIT * law(g.astype(np.float64) / REFERENCE)
    expected = np.maximum(g + spread * twin_normals(words), 0.0)
    np.testing.assert_allclose(out, expected, rtol=0, atol=2e-6 * 25 * UNIT)
    assert out.min() == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponents_are_their_numpy_twin(dtype):
    g, words, out = targets(dtype), words_of(3), np.empty(SIZE, dtype)
    mean, spread = LAWS["log"], LAWS["saturating"]
    kernels.exponents(g, REFERENCE, words, mean.table(), spread.table(), out)
    x = g.astype(np.float64) / REFERENCE
    expected = np.abs(mean(x) + spread(x) * twin_normals(words))
    np.testing.assert_allclose(out, expected, rtol=0, atol=5e-6)
    assert out.min() >= 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_drift_is_its_numpy_twin(dtype):
    g, nu = targets(dtype), np.random.default_rng(4).random(SIZE).astype(dtype)
    out = g.copy()
    kernels.drift(nu, 12.5, out)
    np.testing.assert_allclose(out, g * np.exp(-12.5 * nu.astype(np.float64)), rtol=3e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_relax_is_its_numpy_twin(dtype, shifted, known):
    g, words = targets(dtype), words_of(6)
    x, part = g.astype(np.float64) / REFERENCE, 0.3
    before, after = LAWS["polynomial"], LAWS["saturating"]
    line, bent = Piece("polynomial", (-0.6, 0.4)), Piece("points", (0.0, 0.5, 1.0, -0.2, 0.1, -0.9))
    shifts = (Law((line,)), Law((bent,))) if shifted else ()
    tables = [law.table() for law in shifts] or [NONE, NONE]
    made = Law((Piece("polynomial", (0.1, 0.3)),))
    tables.append(made.table() if known else NONE)
    out = g.copy()
    kernels.relax(g, REFERENCE, UNIT, words, before.table(), after.table(), part, *tables, out)
    variance = (1 - part) * before(x) ** 2 + part * after(x) ** 2
    if known:
        variance -= made(x) ** 2
        assert variance.min() > 0.02  # near zero a root would magnify what float32 rounds
    spread = np.sqrt(variance)
    shift = (1 - part) * shifts[0](x) + part * shifts[1](x) if shifts else 0.0
    expected = np.maximum(g + UNIT * (shift + spread * twin_normals(words)), 0.0)
    np.testing.assert_allclose(out, expected, rtol=0, atol=2e-6 * 25 * UNIT)
    assert out.min() == 0.0


def test_relax_takes_off_no_more_variance_than_there_is():
    g, words, out = targets(np.float64), words_of(6), np.empty(SIZE)
    some, more = (Law((Piece("polynomial", (s,)),)).table() for s in (0.5, 0.6))
    for made, spread in ((more, 0.0), (some, 0.0), (NONE, 0.5)):
        out[:] = g
        kernels.relax(g, REFERENCE, UNIT, words, some, some, 0.0, NONE, NONE, made, out)
        expected = np.maximum(g + UNIT * spread * twin_normals(words), 0.0)
        np.testing.assert_allclose(out, expected, rtol=0, atol=2e-6 * 25 * UNIT)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("relative", [False, True])
def test_fluctuate_is_its_numpy_twin(dtype, relative):
    g, words, law = targets(dtype), words_of(7), LAWS["power"]
    now = g[::-1].copy()
    out, sigma = now.copy(), now.copy()
    scale = 3.0 if relative else UNIT
    kernels.fluctuate(g, REFERENCE, words, law.table(), scale, relative, out)
    spread = scale * law(g.astype(np.float64) / REFERENCE) * (now if relative else 1.0)
    expected = np.maximum(now + spread * twin_normals(words), 0.0)
    np.testing.assert_allclose(out, expected, rtol=0, atol=2e-6 * 25 * UNIT)
    kernels.noise_sigma(g, REFERENCE, law.table(), scale, relative, sigma)
    np.testing.assert_allclose(sigma, spread, rtol=1e-5, atol=0)


def test_float32_functions_keep_what_they_promise():
    x = np.concatenate([np.geomspace(1e-37, 1e37, 20001), np.linspace(0.9, 1.1, 20001)])
    x = x.astype(np.float32)
    exact = np.log(x.astype(np.float64))
    ours = np.array([kernels.log32(v) for v in x])
    assert (np.abs(ours - exact) <= 2e-7 * np.maximum(np.abs(exact), 1.0)).all()
    x = np.linspace(-80, 80, 40001).astype(np.float32)
    ours = np.array([kernels.exp32(v) for v in x], dtype=np.float64)
    np.testing.assert_allclose(ours, np.exp(x.astype(np.float64)), rtol=3e-7)
