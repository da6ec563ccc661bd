"""Content-addressable memories: closed forms of the match line, published limits, brute force."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.hardware.devices.laws import law
from neuromem.hardware.devices.profile import profile
from neuromem.hardware.devices.sections import Drift, Noise, Programming, Telegraph
from neuromem.hardware.search.analog_cam import AnalogCAM, level_bounds, level_centres
from neuromem.hardware.search.cam import TernaryCAM

IDEAL = replace(profile("ideal"), g_min=1e-6)  # 1 to 25 uS
IN_STEPS = replace(IDEAL, levels=49)  # of 0.5 uS: as exact, but kept as a population of devices
YEAR = 3.1536e7


def constant(value):
    return law([{"polynomial": [value]}], "test")


def with_programming(sigma):
    """Return cells of 1 to 25 uS whose programming error is `sigma` uS."""
    return replace(IDEAL, g_ref=25e-6, programming=Programming(constant(sigma)))


def with_read_noise(sigma):
    """Return cells of 1 to 25 uS that err by `sigma` uS afresh in each read."""
    return replace(IDEAL, g_ref=25e-6, noise=Noise(per="read", law=constant(sigma), relative=False))


def random_words(n_words, n, seed=0, low=0):
    return np.random.default_rng(seed).integers(low, 2, (n_words, n)).astype(np.int8)


def mismatches(words, queries):
    return ((queries[:, None] != words) & (queries[:, None] >= 0) & (words >= 0)).sum(axis=2)


# ------------------------------------------------------------------------------ ternary


@pytest.mark.parametrize("cells", [IDEAL, IN_STEPS], ids=["bits", "devices"])
def test_H54_match_line_current(cells):
    """I = V (k G_on + (n - k) G_off) for every k of n = 37, to 1e-12 in float64."""
    n, word = 37, random_words(1, 37)
    queries = np.where(np.tri(n + 1, n, -1, dtype=bool), 1 - word, word)
    array = TernaryCAM(word, cells, voltage=0.3, dtype=np.float64)
    assert (array.devices is None) == (cells is IDEAL)
    k = np.arange(n + 1)
    wanted = 0.3 * (k * 25e-6 + (n - k) * 1e-6)
    np.testing.assert_allclose(array.search(queries).readings[:, 0], wanted, rtol=1e-12)
    np.testing.assert_allclose(array.distances(queries)[:, 0], k, atol=1e-10)
    single = TernaryCAM(word, cells, voltage=0.3).search(queries).readings
    assert single.dtype == np.float32
    # The folded product takes 25 uS away from sums of up to 37 x 25 uS: 37 float32 roundings.
    np.testing.assert_allclose(single[:, 0], wanted, atol=37 * 2**-24 * wanted.max())


@pytest.mark.parametrize("cells", [IDEAL, IN_STEPS], ids=["bits", "devices"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wildcards_and_masked_columns_carry_what_the_circuit_says(cells, dtype):
    """X cells draw G_off whichever line is driven; a masked column draws nothing."""
    words, queries = random_words(50, 70, low=-1), random_words(20, 70, seed=1, low=-1)
    array = TernaryCAM(words, cells, on=20e-6, off=2e-6, dtype=dtype)
    k, active = mismatches(words, queries), (queries >= 0).sum(axis=1)[:, None]
    wanted = array.voltage * (k * 20e-6 + (active - k) * 2e-6)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(array.search(queries).readings, wanted, rtol=tolerance)
    np.testing.assert_allclose(array.distances(queries), k, atol=1e-4)
    # Padding of the words to 64 columns must not count: X everywhere matches everything.
    assert TernaryCAM(np.full((1, 70), -1), cells).search(queries).matched.all()


def test_matches_name_all_lines_the_best_and_the_first():
    words = [[0, 0, 1, 1], [1, 1, -1, -1], [1, 1, 0, -1], [1, 1, 0, 0]]
    found = TernaryCAM(words).search([[1, 1, 0, 1], [0, 0, 0, 1], [1, 0, 1, 0]])
    wanted = [[False, True, True, False], [False] * 4, [False] * 4]
    np.testing.assert_array_equal(found.matched, wanted)
    np.testing.assert_array_equal(found.first, [1, -1, -1])
    np.testing.assert_array_equal(found.best, [1, 0, 1])
    near = TernaryCAM(words).search([[0, 0, 0, 1]], tolerance=1)
    np.testing.assert_array_equal(near.matched, [[True, False, False, False]])


@pytest.mark.parametrize("cells", [IDEAL, IN_STEPS], ids=["bits", "devices"])
def test_one_mismatch_is_resolved_by_a_fixed_reference_iff_n_off_is_below_on(cells):
    """With G_on = 24.5 G_off up to 24 columns; a replica line has no such limit."""
    for n in (2, 10, 23, 24, 25, 26, 60, 200):
        word = random_words(1, n, seed=n)
        query = word.copy()
        query[0, 0] ^= 1
        both = np.concatenate([word, query])
        fixed = TernaryCAM(word, cells, on=24.5e-6, off=1e-6, sensing="fixed")
        np.testing.assert_array_equal(fixed.search(both).matched[:, 0], [n <= 24, False])
        assert fixed.margin().max_columns == 24
        assert fixed.margin().resolvable == (n <= 24)
        replica = TernaryCAM(word, cells, on=24.5e-6, off=1e-6)
        np.testing.assert_array_equal(replica.search(both).matched[:, 0], [True, False])


def test_variation_confuses_one_mismatch_with_none_as_often_as_the_margin_says():
    """20 000 words of 16 cells, s.d. of a line 12 uS against a step of 12: within 4 s.e."""
    array = TernaryCAM(np.zeros((20_000, 16)), with_programming(3.0), on=25e-6, off=13e-6, rng=5)
    missed = np.zeros(16, int)
    missed[3] = 1
    found = array.search(np.stack([np.zeros(16, int), missed])).matched
    wrong = 0.5 * (np.mean(~found[0]) + np.mean(found[1]))
    margin = array.margin()
    assert margin.error == pytest.approx(float(ndtr(-6.0 / 12.0)), rel=0.02)
    assert wrong == pytest.approx(margin.error, abs=4 * math.sqrt(0.3 * 0.7 / 40_000))


@pytest.mark.parametrize("masked", [False, True])
def test_read_noise_is_the_sum_of_that_of_the_driven_cells(masked):
    """Mean and s.d. over 4000 reads within 4 s.e.; the formula is V sigma sqrt(n driven)."""
    word, n = random_words(1, 50), 50
    query = word.copy()
    query[0, :4] ^= 1
    if masked:
        query[0, 40:], n = -1, 40
    array = TernaryCAM(word, with_read_noise(2.0))
    reads = array.search(np.repeat(query, 4000, axis=0), rng=3).readings[:, 0]
    mean, sigma = 0.2 * (4 * 25e-6 + (n - 4) * 1e-6), 0.2 * 2e-6 * math.sqrt(n)
    assert reads.mean() == pytest.approx(mean, abs=4 * sigma / math.sqrt(4000))
    assert reads.std() == pytest.approx(sigma, rel=4 / math.sqrt(8000))
    again = array.search(np.repeat(query, 4000, axis=0), rng=3).readings[:, 0]
    np.testing.assert_array_equal(again, reads)
    assert (array.search(query, rng=4).readings != reads[0]).all()
    found, spread = array.expected(query)
    np.testing.assert_allclose(found.readings, mean, rtol=1e-5)
    np.testing.assert_allclose(spread, sigma, rtol=1e-5)


def test_drift_fools_a_fixed_reference_and_not_a_replica_line():
    """After a year a PCM cell has lost half of its conductance: one mismatch draws too little."""
    words = random_words(200, 16)
    queries = words.copy()
    queries[np.arange(200), np.arange(200) % 16] ^= 1
    right = mismatches(words, queries) == 0
    replica = TernaryCAM(words, "pcm", rng=1).at(YEAR)
    fixed = TernaryCAM(words, "pcm", rng=1, sensing="fixed").at(YEAR)
    assert np.diagonal(fixed.search(queries).matched).mean() > 0.95
    assert np.mean(replica.search(queries).matched != right) < 1e-3
    assert replica.search(words).matched.diagonal().mean() > 0.99
    assert replica.margin().g_on < 0.6 * TernaryCAM(words, "pcm", rng=1).margin().g_on


def test_trapped_cells_are_no_ideal_ones():
    """Telegraph noise takes half of G from half of the cells: 20 of 40 mismatches, s.d. 1.6."""
    trapped = replace(IDEAL, telegraph=Telegraph(1.0, 1e-3, 1e-3))
    words = np.zeros((3000, 40), np.int8)
    array = TernaryCAM(words, trapped, rng=1, dtype=np.float64)
    assert not array.ideal
    currents = array.search(np.ones((1, 40), np.int8)).readings / (0.2 * 25e-6)
    assert currents.mean() == pytest.approx(20.0, abs=4 * np.sqrt(10 / 3000))
    assert not AnalogCAM(words, words, trapped).ideal


def test_common_drift_scales_all_currents():
    """With one exponent 0.1 and t0 = 20 s, currents at 980 s are 50^-0.1 of those at 0."""
    steady = replace(IDEAL, drift=Drift(t0=20.0, mean=constant(0.1), spread=constant(0.0)))
    words = random_words(30, 20)
    array = TernaryCAM(words, steady, dtype=np.float64)
    later = array.at(980.0)
    factor = later.search(words).readings / array.search(words).readings
    np.testing.assert_allclose(factor, 50**-0.1, rtol=1e-9)
    assert later.seconds == 980.0
    assert array.seconds == 0.0
    np.testing.assert_allclose(later.distances(words), array.distances(words), atol=1e-9)


def test_stuck_cells_conduct_or_block_whatever_was_stored():
    words = random_words(5, 9)
    high = TernaryCAM(words, IDEAL, stuck_high=1.0, dtype=np.float64)
    np.testing.assert_allclose(high.search(words).readings, 9 * 0.2 * 25e-6, rtol=1e-12)
    low = TernaryCAM(words, IDEAL, stuck_low=1.0, dtype=np.float64)
    np.testing.assert_allclose(low.search(1 - words).readings, 9 * 0.2 * 1e-6, rtol=1e-12)


def test_energy_is_that_of_the_driven_cells():
    """E = V^2 t sum of the driven conductances, over all lines."""
    words, queries = random_words(6, 11), random_words(3, 11, seed=2)
    array = TernaryCAM(words, IN_STEPS, voltage=0.5)
    driven = np.where(queries[:, None] != words, 25e-6, 1e-6)
    wanted = 0.25 * 100e-9 * driven.sum(axis=(1, 2))
    np.testing.assert_allclose(array.energy(queries), wanted, rtol=1e-5)


def test_the_same_seed_gives_the_same_array_and_another_seed_another():
    words = random_words(40, 30)
    arrays = [TernaryCAM(words, "pcm", rng=seed) for seed in (7, 7, 8)]
    first, second, other = (array.search(words).readings for array in arrays)
    np.testing.assert_array_equal(first, second)
    assert np.mean(first != other) > 0.99
    copy = pickle.loads(pickle.dumps(arrays[0]))
    np.testing.assert_array_equal(copy.at(100.0).search(words).readings,
                                  arrays[0].at(100.0).search(words).readings)  # fmt: skip


def test_a_long_batch_is_searched_in_parts_with_the_same_result():
    words, queries = random_words(9, 33), random_words(9000, 33, seed=1)
    for cells in (IDEAL, IN_STEPS):
        whole = TernaryCAM(words, cells).distances(queries)
        np.testing.assert_allclose(whole, mismatches(words, queries), atol=1e-4)


def test_an_ideal_array_takes_two_bits_a_cell():
    assert TernaryCAM(random_words(640, 128)).nbytes == 640 * 128 * 2 // 8
    assert TernaryCAM(random_words(640, 128), "pcm").nbytes >= 640 * 128 * 2 * 12


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: TernaryCAM([[0, 2]]), CodeError, "words hold other values than 0, 1 and -1"),
        (lambda: TernaryCAM([[0, 0.5]]), CodeError, "words hold other values"),
        (lambda: TernaryCAM([["a"]]), CodeError, "words hold other values"),
        (lambda: TernaryCAM(np.array([[255, 0]], np.uint8)), CodeError, "other values"),
        (lambda: TernaryCAM([[0, np.nan]]), CodeError, "words hold other values"),
        (lambda: TernaryCAM([]), ShapeError, r"shape \(0,\); expected \(P, N\), not empty"),
        (lambda: TernaryCAM([[1], [0, 1]]), ShapeError, "words are ragged"),
        (lambda: TernaryCAM([[1]], on=5e-6, off=5e-6), ParameterError, "Give on above off"),
        (lambda: TernaryCAM([[1]], on=1.0), ParameterError, "on is 1.0; give a number from 0.0"),
        (lambda: TernaryCAM([[1]], voltage=0.0), ParameterError, "voltage is 0.0"),
        (lambda: TernaryCAM([[1]], sensing="auto"), ParameterError, "choose one of: replica"),
        (lambda: TernaryCAM([[1]], dtype=np.int8), ParameterError, "give float32 or float64"),
        (lambda: TernaryCAM([[1]], stuck_low=2), ParameterError, "stuck_low is 2"),
        (lambda: TernaryCAM([[1]], "pcmm"), ParameterError, "no device profile 'pcmm'"),
        (lambda: TernaryCAM([[1, 0]]).search([1]), ShapeError, r"expected \(P, 2\)"),
        (lambda: TernaryCAM([[1, 0]]).distances([3, 0]), CodeError, "distances: queries hold"),
        (lambda: TernaryCAM([[1]]).search([1], tolerance=-1), ParameterError, "tolerance is -1"),
        (lambda: TernaryCAM([[1]], "pcm").at(1e12), ParameterError, "seconds"),
    ],
)
def test_bad_input_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()


# ------------------------------------------------------------------------------ analog


def intervals(n_words, n, seed=0):
    """Return bounds on a grid of sixteenths, which inputs on the grid touch."""
    ends = np.sort(np.random.default_rng(seed).integers(0, 17, (2, n_words, n)), axis=0) / 16
    return ends[0], ends[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cells", [IDEAL, replace(IDEAL, levels=2**20)], ids=["ideal", "devices"])
def test_a_row_matches_iff_all_inputs_lie_in_its_intervals_bounds_included(dtype, cells):
    lower, upper = intervals(300, 3)
    if cells is not IDEAL:  # levels of 1e-6 would cut off inputs that touch a bound
        lower, upper = lower - 1e-5 * (lower > 0), upper + 1e-5 * (upper < 1)
    queries = np.random.default_rng(1).integers(0, 17, (200, 3)) / 16
    inside = (lower <= queries[:, None]) & (queries[:, None] <= upper)
    array = AnalogCAM(lower, upper, cells, dtype=dtype)
    found = array.search(queries)
    np.testing.assert_array_equal(found.matched, inside.all(axis=2))
    np.testing.assert_array_equal(found.readings, (~inside).sum(axis=2))
    assert found.matched.any()
    np.testing.assert_array_equal(array.search(queries, kind="excess").matched, inside.all(axis=2))


def test_the_best_row_is_the_nearest_where_none_matches():
    lower, upper = intervals(40, 6)
    queries = np.random.default_rng(1).random((100, 6))
    x = queries[:, None]
    beyond = (np.maximum(lower - x, 0) + np.maximum(x - upper, 0)).sum(axis=2)
    found = AnalogCAM(lower, upper, dtype=np.float64).search(queries, kind="excess")
    np.testing.assert_allclose(found.readings, beyond, atol=1e-9)
    np.testing.assert_array_equal(found.best, beyond.argmin(axis=1))


@pytest.mark.parametrize("shift", [0.02, -0.02])
@pytest.mark.parametrize("bits", [3, 4, 5])
def test_published_shift_of_64_columns_leaves_four_bits(bits, shift):
    """Li et al. 2020, Fig. 5: up to 20 mV at 64 columns; 3 bits shown, 4 possible, 5 not."""
    codes = np.repeat(np.arange(2**bits)[:, None], 64, axis=1)
    array = AnalogCAM(*level_bounds(codes, bits), column_shift=shift)
    matched = array.search(level_centres(codes, bits)).matched
    assert np.array_equal(matched, np.eye(2**bits, dtype=bool)) == (bits <= 4)
    assert int(array.resolvable_bits()) == 4


def test_shift_and_latency_grow_with_the_columns():
    """The shift is 20 mV of 0.7 V at 64 columns; one cell halves a line in n C ln 2 / G."""
    wide, narrow = (AnalogCAM(np.zeros((1, n)), np.ones((1, n)), column_shift=0.02, pull_down=1e-4,
                              cell_capacitance=1e-15) for n in (64, 16))  # fmt: skip
    assert wide.shift == pytest.approx(0.02 / 0.7)
    assert narrow.shift == pytest.approx(wide.shift / 4)
    assert wide.latency == pytest.approx(64 * 1e-15 * math.log(2) / 1e-4)
    assert narrow.latency == pytest.approx(wide.latency / 4)
    low, high = wide.bounds()
    np.testing.assert_allclose(low, -0.02 / 0.7, atol=1e-6)
    np.testing.assert_allclose(high, 1 + 0.02 / 0.7, atol=1e-6)
    # Charging a line that one cell discharged takes n C V^2.
    energy = AnalogCAM([[0.5] * 4] * 3, [[0.6] * 4] * 3).energy([[0.0] * 4, [0.55] * 4], supply=1.0)
    np.testing.assert_allclose(energy, [3 * 4 * 0.5e-15, 0.0])


def test_programming_noise_moves_bounds_by_its_share_of_the_range():
    """s.d. sigma (1 + 2 g) / (G_max - G_min) over 2 x 20 000 bounds, within 4 s.e."""
    cells = with_programming(0.6)
    array = AnalogCAM(np.full((200, 100), 0.4), np.full((200, 100), 0.6), cells, rng=2)
    wanted = 0.6 / 24.0 * 1.2
    assert array.bound_error() == pytest.approx(wanted, rel=4 / math.sqrt(2 * 40_000))
    low, high = array.bounds()
    assert low.mean() == pytest.approx(0.4, abs=4 * wanted / math.sqrt(20_000))
    assert high.mean() == pytest.approx(0.6, abs=4 * wanted / math.sqrt(20_000))
    assert array.resolvable_bits(2.0) == pytest.approx(math.log2(0.25 / array.bound_error()))


def test_read_noise_blurs_a_bound():
    """An input at d above a bound matches with probability Phi(d / sigma), within 4 s.e."""
    sigma = 0.6 / 24.0 * 1.2
    array = AnalogCAM([[0.5]], [[np.inf]], with_read_noise(0.6))
    for distance in (-sigma, 0.0, 0.5 * sigma):
        queries = np.full((3000, 1), 0.5 + distance)
        share = array.search(queries, rng=1).matched.mean()
        wanted = float(ndtr(distance / sigma))
        assert share == pytest.approx(wanted, abs=4 * math.sqrt(wanted * (1 - wanted) / 3000))


@pytest.mark.parametrize("kind", ["cells", "excess"])
@pytest.mark.parametrize(
    "cells", [with_programming(5.0), with_read_noise(5.0), IDEAL], ids=["write", "read", "ideal"]
)
def test_open_bounds_stay_open_under_noise(cells, kind):
    """Errors of a fifth of the range: none of 2000 open cells rejects either end, or reads wide."""
    n_words = 2000
    array = AnalogCAM(np.full((n_words, 1), -np.inf), np.full((n_words, 1), np.inf), cells,
                      rng=1, guard=0.0, stuck_low=0.1, stuck_high=0.1)  # fmt: skip
    found = array.search([[0.0], [1.0]], kind=kind, rng=2)
    assert found.matched.all()
    assert not found.readings.any()
    low, high = array.bounds()
    assert (low == -np.inf).all()
    assert (high == np.inf).all()
    assert array.bound_error() == 0.0


def test_drift_does_not_close_an_open_bound():
    """After a day PCM has lost a third of G, bounds at the end of the range with it; not open ones.

    The closed sides of the same cells drift: an interval up to 1 loses the input 1.
    """
    n_words = 5000
    low = np.full((n_words, 1), -np.inf)
    aged = AnalogCAM(low, np.full((n_words, 1), np.inf), "pcm", rng=1).at(86400.0)
    assert aged.search([[0.0], [0.5], [1.0]]).matched.all()
    half = AnalogCAM(low, np.ones((n_words, 1)), "pcm", rng=1).at(86400.0)
    assert half.search([[0.0]]).matched.all()
    assert half.search([[1.0]]).matched.mean() < 0.01


def test_levels_of_a_device_round_the_bounds():
    """With 13 levels from -0.1 to 1.1, bounds lie on multiples of 0.1."""
    array = AnalogCAM([[0.33]], [[0.58]], replace(IDEAL, levels=13))
    low, high = array.bounds()
    assert (float(low[0, 0]), float(high[0, 0])) == pytest.approx((0.3, 0.6), abs=1e-5)


def test_drift_lowers_both_bounds():
    array = AnalogCAM([[0.4]], [[0.8]], "pcm", rng=0)
    assert all((late < early).all() for late, early in
               zip(array.at(YEAR).bounds(), array.bounds(), strict=True))  # fmt: skip


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: AnalogCAM([[0.5]], [[0.4]]), ParameterError, "1 lower bounds are above"),
        (lambda: AnalogCAM([[0.5]], [[1.4]]), CodeError, "bounds lie outside 0 to 1"),
        (lambda: AnalogCAM([[np.nan]], [[1.0]]), CodeError, "bounds lie outside 0 to 1"),
        (lambda: AnalogCAM([[np.inf]], [[np.inf]]), CodeError, "bounds lie outside 0 to 1"),
        (lambda: AnalogCAM([[0.1, 0.2]], [[1.0]]), ShapeError, r"lower has shape \(1, 2\)"),
        (lambda: AnalogCAM([[0]], [[1]], guard=-1), ParameterError, "guard is -1"),
        (lambda: AnalogCAM([[0]], [[1]]).search([[1.5]]), CodeError, "outside 0 to 1"),
        (lambda: AnalogCAM([[0]], [[1]]).search([[np.nan]]), CodeError, "outside 0 to 1"),
        (lambda: AnalogCAM([[0]], [[1]]).search([[0.1, 0.2]]), ShapeError, r"expected \(P, 1\)"),
        (lambda: AnalogCAM([[0]], [[1]]).search([[0.1]], kind="all"), ParameterError, "kind is"),
        (lambda: level_bounds([[8]], 3), CodeError, "codes are from 8 to 8; a cell of 3 bits"),
        (lambda: level_centres([[-1]], 3), CodeError, "holds 0 to 7"),
        (lambda: level_bounds([[0.5]], 3), CodeError, "give whole numbers"),
    ],
)
def test_bad_intervals_and_inputs_are_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()
