"""Packed patterns against plain NumPy; everything is an integer, so every comparison is exact."""

import copy
import pickle

import numpy as np
import pytest

from neuromem.core import threads as spreading
from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.core.packed import PackedPatterns, asynchronous_sweep


def signs(rows, n, seed):
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (rows, n))


def twin_sweep(x, states, order, thresholds, self_term):
    """The definition of the dynamics, one unit of one cue after the other; x (P, N) int64."""
    states = states.astype(np.int64)
    flips = np.zeros(len(states), np.int64)
    for q, s in enumerate(states):
        overlaps = x @ s
        for i in order:
            field = x[:, i] @ overlaps - self_term * s[i]
            if (field - thresholds[q, i]) * s[i] < 0:
                s[i] = -s[i]
                overlaps += 2 * s[i] * x[:, i]
                flips[q] += 1
    return states, flips


# ------------------------------------------------------------------------------ products


@pytest.mark.parametrize("n", [63, 64, 65, 200, 1000])
@pytest.mark.parametrize("p", [1, 63, 64, 65, 100, 300])
def test_A02_dense_field_is_overlap_field_is_bit_sliced_field(n, p):
    x, states = signs(p, n, seed=p), signs(5, n, seed=n)
    patterns = PackedPatterns(n).append(x)
    wide, s = x.astype(np.int64), states.astype(np.int64)
    overlaps = patterns.overlaps(states)
    np.testing.assert_array_equal(overlaps, s @ wide.T)

    weights = wide.T @ wide
    np.fill_diagonal(weights, 0)
    dense = s @ weights
    np.testing.assert_array_equal((overlaps @ wide) - p * s, dense)
    np.testing.assert_array_equal(patterns.fields(overlaps) - p * s, dense)

    # The bit-sliced form: N h = 2 (2 A1 - N n1) - (2 A - N P) - P s, A in bit planes.
    planes = patterns.counters(states)
    octets = planes.view(np.uint8).reshape(5, n.bit_length(), -1)
    digits = np.unpackbits(octets, axis=2, bitorder="little")[:, :, :p].astype(np.int64)
    counts = (digits << np.arange(n.bit_length())[:, None]).sum(axis=1)
    ones = (x > 0).astype(np.int64)
    a1, n1, a = counts @ ones, ones.sum(axis=0), counts.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(2 * (2 * a1 - n * n1) - (2 * a - n * p) - p * s, dense)


@pytest.mark.parametrize("p", [1, 65, 300])
@pytest.mark.parametrize("scale", [0, 1, 2**20, 2**40, 2**51])
def test_fields_of_any_integers(p, scale):
    """Bulk and outliers, odd and even, far from zero: 300 * 2^51 < 2^60 is near the limit."""
    n, rng = 130, np.random.default_rng(p)
    x = signs(p, n, seed=1)
    patterns = PackedPatterns(n).append(x)
    coefficients = rng.integers(-scale, scale + 1, (6, p))
    coefficients[1] >>= 30
    coefficients[2] *= 2
    coefficients[3] = scale
    coefficients[4, ::7] = -scale
    coefficients[5, 0] = 0
    expected = coefficients @ x.astype(np.int64)
    np.testing.assert_array_equal(patterns.fields(coefficients), expected)
    shifted = expected - 2**33 * x.sum(axis=0, dtype=np.int64)
    np.testing.assert_array_equal(patterns.fields(coefficients - 2**33), shifted)


def test_fields_take_int64_where_int32_would_overflow():
    patterns = PackedPatterns(2).append(np.ones((2, 2), np.int8))
    small, large = np.array([[2**30 - 1, 2**30]]), np.array([[2**30, 2**30]])
    assert patterns.fields(small).dtype == np.int32
    assert patterns.fields(small).tolist() == [[2**31 - 1] * 2]
    assert patterns.fields(large).dtype == np.int64
    assert patterns.fields(large).tolist() == [[2**31] * 2]


def test_binary_patterns_are_read_as_signs():
    x = signs(70, 100, seed=3)
    binary = PackedPatterns(100).append((x > 0).astype(np.uint8))
    np.testing.assert_array_equal(binary.bits, PackedPatterns(100).append(x).bits)
    np.testing.assert_array_equal(binary.unpack(dtype=np.uint8), x > 0)


def test_A72_results_do_not_depend_on_threads(monkeypatch):
    n, p = 500, 130
    patterns = PackedPatterns(n).append(signs(p, n, seed=4))
    cues, order = signs(7, n, seed=5), np.random.default_rng(6).permutation(n)
    monkeypatch.setattr(spreading, "THREADS_FROM", 0)
    results = []
    for threads in (1, 2, 3, 16):
        monkeypatch.setattr(spreading.numba, "get_num_threads", lambda count=threads: count)
        overlaps = patterns.overlaps(cues)
        states, counters = cues.copy(), patterns.counters(cues)
        flips = asynchronous_sweep(patterns, states, counters, order)
        results.append((overlaps, patterns.fields(overlaps), states, counters, flips))
    for other in results[1:]:
        for ours, theirs in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert results[0][4].min() > 0  # all cues moved


# ------------------------------------------------------------------------------ dynamics


@pytest.mark.parametrize("q", [1, 5, 33])
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("kept", [False, True])
def test_A04_sweeps_follow_the_definition(q, noisy, kept):
    n, p = 150, 70
    x, cues = signs(p, n, seed=q), signs(q, n, seed=q + 1)
    patterns, rng = PackedPatterns(n).append(x), np.random.default_rng(7)
    self_term = 0 if kept else p
    states, counters = cues.copy(), patterns.counters(cues)
    expected = cues
    for _ in range(2):
        order = rng.permutation(n)
        thresholds = rng.normal(0, 500, (q, n)) * noisy
        expected, twin_flips = twin_sweep(
            x.astype(np.int64), expected, order, thresholds, self_term
        )
        flips = asynchronous_sweep(
            patterns,
            states,
            counters,
            order,
            thresholds=thresholds if noisy else None,
            self_term=self_term,
        )
        np.testing.assert_array_equal(states, expected)
        np.testing.assert_array_equal(flips, twin_flips)
        np.testing.assert_array_equal(counters, patterns.counters(states))


def test_A04_units_visited_again_within_a_sweep():
    """With replacement, a unit may come twice within the 64 visits whose sums are shared."""
    n, p = 40, 9
    x, cues = signs(p, n, seed=8), signs(4, n, seed=9)
    patterns = PackedPatterns(n).append(x)
    order = np.random.default_rng(10).integers(0, n, 300)
    thresholds = np.random.default_rng(11).normal(0, 100, (4, n))
    states = cues.copy()
    flips = asynchronous_sweep(
        patterns, states, patterns.counters(cues), order, thresholds=thresholds
    )
    expected, twin_flips = twin_sweep(x.astype(np.int64), cues, order, thresholds, p)
    np.testing.assert_array_equal(states, expected)
    np.testing.assert_array_equal(flips, twin_flips)


def test_A03_counters_after_1e4_random_flips_are_those_recomputed():
    """Thresholds of +-infinity flip exactly the units that they name, one visit each."""
    n, p, flips = 200, 65, 10_000
    patterns = PackedPatterns(n).append(signs(p, n, seed=12))
    states = signs(1, n, seed=13)
    counters = patterns.counters(states)
    rng, done = np.random.default_rng(14), 0
    expected = states.copy()
    while done < flips:
        units = rng.permutation(n)[:100]
        thresholds = np.where(states > 0, np.inf, -np.inf)
        done += asynchronous_sweep(patterns, states, counters, units, thresholds=thresholds)[0]
        expected[0, units] *= -1
    assert done == flips
    np.testing.assert_array_equal(states, expected)
    np.testing.assert_array_equal(counters, patterns.counters(states))


def test_a_zero_field_keeps_the_state():
    """Of two opposite overlaps the field at units that agree is 0: P = 2, N = 2, no self-term."""
    patterns = PackedPatterns(2).append(np.array([[1, 1], [1, -1]], np.int8))
    for start in ([1, 1], [-1, 1], [1, -1], [-1, -1]):
        states = np.array([start], np.int8)
        assert asynchronous_sweep(patterns, states, patterns.counters(states), [0, 1]) == [0]
        assert states.tolist() == [start]


def test_only_the_named_cues_move():
    n = 100
    x, cues = signs(5, n, seed=15), signs(6, n, seed=16)
    patterns, order = PackedPatterns(n).append(x), np.arange(n)
    all_states, some_states = cues.copy(), cues.copy()
    all_flips = asynchronous_sweep(patterns, all_states, patterns.counters(cues), order)
    counters = patterns.counters(cues)
    some_flips = asynchronous_sweep(patterns, some_states, counters, order, cues=np.array([4, 1]))
    np.testing.assert_array_equal(some_flips, all_flips[[4, 1]])
    np.testing.assert_array_equal(some_states[[1, 4]], all_states[[1, 4]])
    np.testing.assert_array_equal(some_states[[0, 2, 3, 5]], cues[[0, 2, 3, 5]])
    np.testing.assert_array_equal(counters, patterns.counters(some_states))


# ------------------------------------------------------------------------------ keeping


@pytest.mark.parametrize("chunks", [[1] * 130, [64, 64, 2], [63, 2, 65], [130]])
def test_appending_in_chunks_changes_nothing(chunks):
    x = signs(130, 70, seed=17)
    patterns = PackedPatterns(70)
    for part in np.split(x, np.cumsum(chunks)[:-1]):
        patterns.append(part)
        patterns.fields(np.ones((1, len(patterns)), int))  # fills what append must drop
    np.testing.assert_array_equal(patterns.unpack(), x)
    np.testing.assert_array_equal(patterns.bits, PackedPatterns(70).append(x).bits)
    np.testing.assert_array_equal(patterns.overlaps(x[:3]), x[:3].astype(int) @ x.T.astype(int))
    assert patterns.fields(np.ones((1, 130), int)).tolist() == [x.sum(axis=0, dtype=int).tolist()]


@pytest.mark.parametrize("index", [0, 62, 63, 64, 100, 129])
def test_removing_one_pattern_leaves_the_others(index):
    x = signs(130, 70, seed=18)
    patterns = PackedPatterns(70).append(x)
    before = patterns.fields(np.ones((1, 130), int))
    patterns.remove(index)
    np.testing.assert_array_equal(patterns.unpack(), np.delete(x, index, axis=0))
    np.testing.assert_array_equal(patterns.fields(np.ones((1, 129), int)), before - x[index])
    patterns.append(x[index])
    np.testing.assert_array_equal(patterns.unpack(129), x[index : index + 1])


def test_bits_are_little_endian_words_with_zero_padding():
    x = signs(3, 70, seed=19)
    bits = PackedPatterns(70).append(x).bits
    assert bits.shape == (3, 2)
    assert not bits.flags.writeable
    for pattern, words in zip(x, bits, strict=True):
        number = int(words[0]) + (int(words[1]) << 64)
        assert number == sum(1 << i for i in range(70) if pattern[i] == 1)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_hold_the_same_and_are_their_own(clone):
    x = signs(70, 100, seed=20)
    patterns = PackedPatterns(100).append(x)
    other = clone(patterns)
    other.append(x[:1])
    assert (len(patterns), len(other), other.n) == (70, 71, 100)
    np.testing.assert_array_equal(other.unpack(0, 70), x)
    assert other._tiles.ctypes.data % 64 == 0  # what the kernels' speed depends on


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, bool, np.float32, np.float64, np.int64])
def test_unpacked_rows_and_columns_in_every_dtype(dtype):
    x = signs(130, 70, seed=21)
    patterns = PackedPatterns(70).append(x)
    expected = (x > 0 if np.dtype(dtype).kind in "bu" else x).astype(dtype)
    for got, part in [
        (patterns.unpack(dtype=dtype), expected),
        (patterns.unpack(60, 70, dtype), expected[60:70]),
        (patterns.unpack(-2, None, dtype), expected[-2:]),
        (patterns.rows([69, 0, 64], dtype), expected[:, [69, 0, 64]].T),
        (patterns.rows(5, dtype), expected[:, [5]].T),
    ]:
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, part)


def test_memory_is_a_bit_a_unit_and_layout():
    """1000 patterns fill 16 tiles; both layouts take 16 * 16 tiles of 512 bytes."""
    patterns = PackedPatterns(1024).append(signs(1000, 1024, seed=22))
    assert patterns.nbytes == 16 * 16 * 512
    patterns.fields(np.ones((1, 1000), int))
    assert patterns.nbytes == 16 * 16 * 512
    patterns.append(signs(1, 1024, seed=23))
    assert patterns.nbytes == 16 * 16 * 512


def test_no_patterns_give_no_overlaps_and_zero_fields():
    empty, states = PackedPatterns(65), np.ones((2, 65), np.int8)
    assert len(empty) == 0
    assert empty.overlaps(states).shape == (2, 0)
    assert empty.fields(np.zeros((2, 0), int)).tolist() == [[0] * 65] * 2
    assert empty.unpack().shape == (0, 65)
    assert asynchronous_sweep(empty, states, empty.counters(states), [0, 64]).tolist() == [0, 0]


# ------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize("place", [3, 69])
@pytest.mark.parametrize("row", [0, 66])
def test_an_append_that_is_refused_adds_nothing(place, row):
    patterns = PackedPatterns(70).append(signs(10, 70, seed=24))
    kept, wrong = patterns.bits, signs(80, 70, seed=25)
    wrong[row, place] = 0
    with pytest.raises(CodeError, match=r"append: patterns hold 3 different values"):
        patterns.append(wrong)
    np.testing.assert_array_equal(patterns.bits, kept)
    patterns.append(signs(1, 70, seed=26))
    np.testing.assert_array_equal(patterns.unpack(10), signs(1, 70, seed=26))
    np.testing.assert_array_equal(patterns._tiles[0, :, 11:], 0)


def test_bad_patterns_and_states_are_named():
    patterns = PackedPatterns(4).append(np.ones((1, 4), np.int8))
    with pytest.raises(ShapeError, match=r"append: patterns have 3 units, this memory has 4\."):
        patterns.append(np.ones((2, 3), np.int8))
    with pytest.raises(CodeError, match="append: patterns hold 2; this memory takes binary"):
        patterns.append(np.full((1, 4), 2, np.uint8))
    with pytest.raises(CodeError, match="overlaps: states hold 0; this memory takes bipolar"):
        patterns.overlaps(np.zeros((1, 4), np.int8))
    with pytest.raises(ParameterError, match=r"n is 0; give a whole number >= 1\."):
        PackedPatterns(0)


def test_bad_indices_are_named():
    patterns = PackedPatterns(4).append(np.ones((2, 4), np.int8))
    with pytest.raises(ParameterError, match=r"index is 2; there are 2 patterns\..*below 2\."):
        patterns.remove(2)
    with pytest.raises(ParameterError, match=r"remove: index is -1; give a whole number >= 0\."):
        patterns.remove(-1)
    for units in ([4], [-1, 0]):
        with pytest.raises(ParameterError, match=r"rows: units go from .* from 0 to 3\."):
            patterns.rows(units)


@pytest.mark.parametrize(
    ("coefficients", "error", "text"),
    [
        (np.zeros((1, 3), int), ShapeError, r"have shape \(1, 3\); expected \(Q, 2\)"),
        (np.zeros(2, int), ShapeError, r"have shape \(2,\); expected \(Q, 2\)"),
        (np.zeros((1, 2)), CodeError, "have dtype float64; expected integers"),
        (np.full((1, 2), 2**61), ParameterError, r"add up to 4.61e\+18; expected less than 2\^61"),
        (np.full((1, 2), 2**64 - 1, np.uint64), ParameterError, r"expected less than 2\^61"),
    ],
)
def test_bad_coefficients_are_named(coefficients, error, text):
    patterns = PackedPatterns(4).append(np.ones((2, 4), np.int8))
    with pytest.raises(error, match=f"PackedPatterns.fields: coefficients .*{text}"):
        patterns.fields(coefficients)


@pytest.mark.parametrize(
    ("bits", "error", "text"),
    [
        (np.zeros((1, 1), np.uint64), ShapeError, r"expected \(P, 2\) of uint64 for 70 units"),
        (np.zeros((1, 2), np.int64), ShapeError, "dtype int64; expected"),
        (np.full((1, 2), 2**6, np.uint64), CodeError, "bits are set beyond unit 69"),
    ],
)
def test_bad_bits_are_named(bits, error, text):
    with pytest.raises(error, match=f"PackedPatterns.from_bits: .*{text}"):
        PackedPatterns.from_bits(70, bits)


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        ({"states": np.ones((2, 5), np.int8)}, ShapeError, r"states are int8 of shape \(2, 5\)"),
        ({"states": np.ones((2, 4))}, ShapeError, "states are float64"),
        ({"states": np.ones((4, 2), np.int8).T}, ShapeError, "expected C-contiguous int8"),
        ({"counters": np.zeros((2, 3, 1), np.uint64)}, ShapeError, "counters are uint64 of shape"),
        ({"thresholds": np.zeros((1, 4))}, ShapeError, r"thresholds .* of shape \(2, 4\)"),
        ({"order": np.array([0, 4])}, ParameterError, "order go from 0 to 4; .* from 0 to 3"),
        ({"order": np.array([0.5])}, ShapeError, "order have shape .* float64; expected a flat"),
        ({"cues": np.array([-1])}, ParameterError, "cues go from -1 to -1; .* from 0 to 1"),
        ({"cues": np.array([1, 1])}, ParameterError, "cues name a row twice"),
    ],
)
def test_bad_sweeps_are_named(changed, error, text):
    patterns = PackedPatterns(4).append(np.ones((2, 4), np.int8))
    states = np.ones((2, 4), np.int8)
    arguments = {"states": states, "counters": patterns.counters(states), "order": np.arange(4)}
    with pytest.raises(error, match=f"asynchronous_sweep: .*{text}"):
        asynchronous_sweep(patterns, **(arguments | changed))
