"""The kernels of the search arrays against slow NumPy twins; all results are exact."""

import numpy as np
import pytest

from neuromem.kernels import cam

SIZES = [8, 56, 64, 72, 128, 200]


def packed(values):
    """Return the driven lines (Q, 2, W) of values (Q, N) of 0, 1 and -1, without any kernel."""
    rows, n = values.shape
    bits = np.zeros((rows, 2, -(-n // 64) * 64), np.uint8)
    bits[:, 0, :n], bits[:, 1, :n] = values == 1, values == 0
    return np.packbits(bits, axis=2, bitorder="little").view(np.uint64)


@pytest.mark.parametrize("n", SIZES)
def test_pack_ternary_sets_one_line_or_none_in_each_column(n):
    values = np.random.default_rng(n).integers(-1, 2, (5, n)).astype(np.int8)
    driven = np.full((5, 2, (n + 63) // 64), 2**64 - 1, np.uint64)  # padding must be overwritten
    cam.pack_ternary(values.view(np.uint64), driven)
    np.testing.assert_array_equal(driven, packed(values))


@pytest.mark.parametrize(("n", "n_words"), [(8, 3), (64, 1024), (130, 1500), (200, 7)])
def test_mismatches_count_the_columns_that_differ(n, n_words):
    rng = np.random.default_rng(n)
    words, queries = (rng.integers(-1, 2, (rows, n)).astype(np.int8) for rows in (n_words, 6))
    differ = (queries[:, None] != words) & (queries[:, None] >= 0) & (words >= 0)
    on = np.ascontiguousarray(packed(words)[:, ::-1].transpose(1, 2, 0))
    base = rng.integers(0, 100, 6)
    out = np.full((6, n_words), -7)
    cam.mismatches(packed(queries), on, base, 3, 1, n_words, out)
    np.testing.assert_array_equal(out[:, 1:], base[:, None] + 3 * differ.sum(axis=2)[:, 1:])
    assert (out[:, 0] == -7).all()


@pytest.mark.parametrize("n_words", [5, 1024, 1100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_intervals_are_compared_cell_by_cell(n_words, dtype):
    rng = np.random.default_rng(n_words)
    lower = rng.random((17, n_words), dtype=dtype)
    upper = lower + rng.random((17, n_words), dtype=dtype)
    queries = (2 * rng.random((4, 17))).astype(dtype)
    x = queries.T[:, :, None]  # (N, Q, 1), for the order in which the kernel adds
    missed = ((x < lower[:, None]) | (x > upper[:, None])).sum(axis=0)
    beyond = np.zeros((4, n_words), dtype)
    for j in range(17):
        beyond += np.maximum(lower[j] - x[j], 0) + np.maximum(x[j] - upper[j], 0)
    counts, sums = np.full((4, n_words), -7, np.int32), np.full((4, n_words), -7, dtype)
    cam.outside(queries, lower, upper, 0, n_words - 1, counts)
    cam.excess(queries, lower, upper, 1, n_words, sums)
    np.testing.assert_array_equal(counts[:, :-1], missed[:, :-1])
    np.testing.assert_array_equal(sums[:, 1:], beyond[:, 1:])
    assert (counts[:, -1] == -7).all()
    assert (sums[:, 0] == -7).all()


@pytest.mark.parametrize("masks", [[0, 7], [0, 3, 5, 6], [0]])
def test_tuples_are_bound_by_minterms_and_counted_for_their_sample(masks):
    rng = np.random.default_rng(0)
    originals, complements = rng.integers(0, 2, (2, 3, 6, 37), dtype=np.uint8)
    tuples, starts = rng.integers(0, 6, (20, 3)), np.array([0, 4, 4, 20])
    counts = np.ones((3, 37), np.int32)
    cam.bind_and_bundle(originals, complements, np.array(masks), tuples, starts, counts)
    wanted = np.ones((3, 37), int)
    for sample in range(3):
        for chosen in tuples[starts[sample] : starts[sample + 1]]:
            terms = [
                np.all(
                    [
                        (complements if m >> k & 1 else originals)[k, s]
                        for k, s in enumerate(chosen)
                    ],
                    axis=0,
                )
                for m in masks
            ]
            wanted[sample] += np.any(terms, axis=0)
    np.testing.assert_array_equal(counts, wanted)


@pytest.mark.parametrize("kind", [np.int16, np.int32])
def test_counters_add_and_stop_at_their_limit(kind):
    rng = np.random.default_rng(0)
    counters = rng.integers(-3, 4, (9, 11)).astype(kind)
    data = rng.choice(np.array([-1, 1], np.int8), 11)
    wanted = counters.astype(int)
    rows = np.array([1, 4, 8])
    wanted[rows] = np.clip(wanted[rows] + data, -3, 3)
    cam.count_rows(counters, rows, data, 3)
    np.testing.assert_array_equal(counters, wanted)
    assert counters.dtype == kind


@pytest.mark.parametrize("alike", [True, False])
def test_pulses_shrink_by_the_leak_and_stop_at_the_bound(alike):
    rng = np.random.default_rng(1)
    counters = rng.normal(0, 2, (9, 11)).clip(-4, 4)
    data = rng.choice([-1.0, 1.0], 11)
    rows = np.array([0, 5, 8])
    steps = rng.normal(1, 2, (1 if alike else 3, 11))
    wanted = counters.copy()
    wanted[rows] = np.clip(wanted[rows] + (data - 0.25 * wanted[rows]) * steps, -4, 4)
    assert np.any(np.abs(wanted[rows]) == 4)
    cam.pulse_rows(counters, rows, data, 0.25, 4.0, steps)
    np.testing.assert_array_equal(counters, wanted)


def test_rows_are_summed_for_each_query():
    counters = np.random.default_rng(2).integers(-9, 10, (7, 5)).astype(np.int16)
    rows, starts = np.array([0, 3, 6, 2]), np.array([0, 3, 3, 4])
    sums = np.full((3, 5), -7, np.int64)
    cam.sum_rows(counters, rows, starts, sums)
    wanted = [counters[[0, 3, 6]].sum(axis=0), np.zeros(5), counters[2]]
    np.testing.assert_array_equal(sums, wanted)
