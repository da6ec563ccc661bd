"""The kernels against NumPy twins on unpacked bits; all results are integers, all tests exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromem.kernels import packed

SIZES = [1, 7, 63, 64, 65, 128, 200]


def bits_of(words, n):
    """Return what words (R, W) hold as 0 and 1, shape (R, n)."""
    octets = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :n]


def tiled(bits):
    """Return the tiles of a matrix of 0 and 1, built without any kernel."""
    rows, columns = bits.shape
    padded = np.zeros((-(-rows // 64) * 64, -(-columns // 64) * 64), np.uint8)
    padded[:rows, :columns] = bits
    words = np.packbits(padded, axis=1, bitorder="little").view(np.uint64)
    tiles = words.reshape(len(padded) // 64, 64, -1).transpose(0, 2, 1)
    return np.ascontiguousarray(tiles)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 5), n=st.integers(1, 200), seed=st.integers(0, 2**32 - 1))
def test_pack_and_unpack_are_inverse(rows, n, seed):
    values = np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (rows, n))
    words = np.full((rows, (n + 63) // 64), 2**64 - 1, np.uint64)  # padding must be overwritten
    assert packed.pack(values, np.int8(-1), words) == 0
    np.testing.assert_array_equal(bits_of(words, n), values > 0)
    assert bits_of(words, 64 * words.shape[1]).sum() == (values > 0).sum()
    back = np.empty_like(values)
    packed.unpack(words, np.int8(-1), back)
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("n", [64, 65, 130])
@pytest.mark.parametrize(("low", "wrong"), [(-1, 0), (-1, 2), (0, -1), (0, 3)])
def test_pack_reports_a_single_value_outside_the_code(n, low, wrong):
    for place in (0, n - 1):
        values = np.full((2, n), low, np.int8)
        words = np.zeros((2, (n + 63) // 64), np.uint64)
        assert packed.pack(values, np.int8(low), words) == 0
        values[1, place] = wrong
        assert packed.pack(values, np.int8(low), words) > 0


def test_pack_writes_into_strided_words():
    values = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (5, 130))
    tile = np.zeros((3, 64), np.uint64)
    packed.pack(values, np.int8(-1), tile.T[10:15])
    np.testing.assert_array_equal(bits_of(tile.T, 130)[10:15], values > 0)
    assert not tile[:, :10].any()
    assert not tile[:, 15:].any()


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (65, 200), (200, 65), (1, 1)])
def test_transpose_tiles_is_the_transpose(rows, columns):
    bits = np.random.default_rng(1).integers(0, 2, (rows, columns), np.uint8)
    tiles = tiled(bits)
    out = np.zeros((tiles.shape[1], tiles.shape[0], 64), np.uint64)
    packed.transpose_tiles(tiles, out)
    np.testing.assert_array_equal(out, tiled(bits.T))


def encoded(values, offsets, shift, n_planes, n_words):
    digits = (
        np.zeros((len(values), n_planes, n_words), np.uint64),
        np.zeros(len(values) + 1, np.int64),
        np.zeros(values.size, np.int64),
        np.zeros(values.size, np.int64),
    )
    packed.encode(values, offsets, shift, *digits)
    return digits


@pytest.mark.parametrize("n_planes", [1, 4, 9])
@pytest.mark.parametrize("shift", [0, 3])
def test_encode_loses_nothing(n_planes, shift):
    """The value is offset + 2^shift (planes + excess), however few planes there are."""
    rng = np.random.default_rng(2)
    values = rng.integers(-300, 300, (3, 130)) << shift
    values[0, :5] = (-(2**40), 2**40, 0, -1 << shift, 1 << shift)
    offsets = np.array([0, -64, 17]) << shift
    planes, starts, places, excess = encoded(values, offsets, shift, n_planes, 3)
    for q in range(3):
        u = (bits_of(planes[q], 130).astype(np.int64) << np.arange(n_planes)[:, None]).sum(axis=0)
        assert not bits_of(planes[q], 192)[:, 130:].any()
        mine = slice(starts[q], starts[q + 1])
        u[places[mine]] += excess[mine]
        np.testing.assert_array_equal(offsets[q] + (u << shift), values[q])
    u = (values - offsets[:, None]) >> shift
    assert starts[3] == np.sum((u < 0) | (u >= 2**n_planes))  # only what lies outside is listed


@pytest.mark.parametrize("columns", [1, 64, 65, 48 * 64 + 1])  # the last needs a second slab
@pytest.mark.parametrize("rows", [1, 63, 64, 130])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_products_are_the_matrix_product(rows, columns, dtype):
    rng = np.random.default_rng(rows + columns)
    bits = rng.integers(0, 2, (rows, columns), np.uint8)
    values = rng.integers(-100, 101, (4, columns))
    values[:, 0] = 5000  # outside the planes
    offsets = np.full(4, -64)
    tiles = tiled(bits)
    digits = encoded(values, offsets, 0, 7, tiles.shape[1] + 2)
    ones = bits.sum(axis=1, dtype=np.int64)
    slopes, bases = rng.integers(-9, 10, (2, 4))
    out = np.full((4, rows), 77, dtype)
    packed.products(tiles, *digits, 3, slopes, ones, bases, 0, len(tiles), out)
    u = values - offsets[:, None]
    expected = 3 * (u @ bits.T.astype(np.int64)) + slopes[:, None] * ones + bases[:, None]
    np.testing.assert_array_equal(out, 77 + expected)  # added to what was there


def test_products_write_the_tiles_they_are_asked_for():
    bits = np.ones((192, 64), np.uint8)
    digits = encoded(np.ones((1, 64), np.int64), np.zeros(1, np.int64), 0, 1, 1)
    zero = np.zeros(1, np.int64)
    out = np.zeros((1, 192), np.int32)
    packed.products(tiled(bits), *digits, 1, zero, np.full(192, 64), zero, 1, 2, out)
    np.testing.assert_array_equal(out[0], np.repeat([0, 64, 0], 64))
