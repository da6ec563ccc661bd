"""What a crossbar counts, shares and keeps apart: reads, copies, threads, references."""

import copy

import numba
import numpy as np
import pytest

import neuromem as nm
from neuromem.core import threads
from neuromem.core.errors import ShapeError
from neuromem.hardware import Chip, Crossbar
from neuromem.hardware.devices.updates import UpdateModel

DAY = 86400.0
FINE = UpdateModel(kind="constant", bounds=(0.0, 1.0), step=1e-4)


@pytest.fixture
def weights():
    return np.random.default_rng(0).normal(size=(60, 90))


@pytest.fixture
def signs():
    return np.random.default_rng(1).choice([-1.0, 1.0], size=(90, 8))


def test_clipped_conversions_are_the_same_for_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(threads, "THREADS_FROM", 1)
    weights = np.random.default_rng(0).normal(size=(64, 64))
    x = np.random.default_rng(1).choice([-1.0, 1.0], size=(64, 2048))
    seen, before = [], numba.get_num_threads()
    try:
        for count in (1, 2, 2):
            numba.set_num_threads(count)
            crossbar = Crossbar.program(weights, "ideal", adc_bits=8, adc_range=4.0, dtype=float)
            _ = crossbar @ x
            seen.append(crossbar.clipped_conversions)
    finally:
        numba.set_num_threads(before)
    assert seen[0] == pytest.approx(np.mean(np.abs(weights @ x) > 4.0), abs=0.01)
    assert seen == [seen[0]] * 3


def test_w_max_may_be_the_largest_weight_in_any_type():
    for seed in range(20):
        weights = np.random.default_rng(seed).normal(size=(5, 7))
        crossbar = Crossbar.program(weights, "pcm", w_max=float(np.abs(weights).max()))
        assert crossbar.arrays.clipped == 0.0


@pytest.mark.parametrize(
    ("device", "scheme"),
    [
        ("stt-mram", "sliced-offset"),
        ("stt-mram", "sliced-complement"),
        ("rram-cmo-hfox", "digital-offset"),
    ],
)
def test_no_column_exceeds_the_largest_range(device, scheme):
    ones = np.ones((16, 16))
    crossbar = Crossbar.program(ones, device, scheme=scheme, adc_bits=12, adc_range="max", rng=0)
    # All cells are at the end of the range, so that those that came out above it clip.
    np.testing.assert_allclose(crossbar @ np.ones(16), 16.0, rtol=0.1)


@pytest.mark.parametrize("device", ["rram-hfo2", "sonos", "pcm", "rram-cmo-hfox"])
def test_learning_nothing_changes_nothing(device, weights):
    crossbar = Crossbar.program(weights, device, scheme="two-sided", update=FINE, rng=0)
    before, error = crossbar.weights, crossbar.weight_error
    crossbar.add_outer(np.zeros(60), np.zeros(90))
    np.testing.assert_array_equal(crossbar.weights, before)
    assert crossbar.weight_error == error > 0.001


def test_learning_neither_repeats_noise_nor_forgets_what_was_read(weights, signs):
    crossbar = Crossbar.program(
        weights, "ideal", scheme="two-sided", update=FINE, output_noise=0.1, rng=0
    )
    first = crossbar @ signs
    crossbar.add_outer(np.zeros(60), np.zeros(90))
    assert not np.array_equal(crossbar @ signs, first)
    assert crossbar.reads == 16


def test_later_times_know_nothing_of_what_the_start_learns_afterwards(weights, signs):
    start = Crossbar.program(
        weights, "pcm", scheme="two-sided", update=FINE, compensate="global", rng=0
    )
    one, two = start.at(DAY), start.at(DAY)
    before, error = one @ signs, one.weight_error
    start.add_outer(np.ones(60), np.ones(90))
    np.testing.assert_array_equal(two @ signs, before)
    assert one.weight_error == error


def test_outputs_keep_their_converters_in_any_order(weights, signs):
    crossbar = Crossbar.program(
        weights, "pcm", tile=(32, 40), adc_bits=6, gain_spread=0.3, dac_bits=2, rng=0
    )
    whole = crossbar @ signs
    for order in (np.random.default_rng(2).permutation(60), np.r_[np.arange(59), 3], [5, 5, 7]):
        np.testing.assert_array_equal(crossbar.outputs(signs.T, order), whole[order].T)


def test_inputs_of_another_width_are_refused(weights):
    crossbar = Crossbar.program(weights, "ideal", adc_bits=8)
    with pytest.raises(ShapeError, match=r"inputs have shape \(3, 50\); expected \(vectors, 90\)"):
        crossbar.outputs(np.ones((3, 50)), [0])


@pytest.mark.parametrize("remap", ["none", "pair", "columns"])
def test_the_weight_error_is_that_of_the_weights(remap, weights):
    crossbar = Crossbar.program(
        weights, "ideal", remap=remap, stuck_low=0.05, stuck_high=0.05, rng=0, dtype=float
    )
    true = np.sqrt(np.mean((crossbar.weights - weights) ** 2) / np.mean(weights**2))
    assert crossbar.weight_error == pytest.approx(true, rel=1e-9)


@pytest.mark.parametrize("update", ["sync", "async"])
def test_looking_at_the_energy_neither_disturbs_nor_costs(update):
    keys = nm.patterns.random(8, 100, rng=0)
    net = nm.models.Hopfield(100).store(keys)
    cues = nm.patterns.flip(keys, 0.2, rng=1)
    placed = Chip("rram-hfo2", adc_bits=6, dac_bits=1).map(net, rng=0)
    looked = copy.deepcopy(placed)
    plain = placed.memory.recall(cues, update=update, rng=0)
    seen = looked.memory.recall(cues, update=update, rng=0, record="energy")
    np.testing.assert_array_equal(seen.patterns, plain.patterns)
    assert float(looked.spent.products.sum()) == float(placed.spent.products.sum())
    held = placed.crossbars["recurrent"].weights.astype(float)
    expected = -0.5 * np.einsum("qi,ij,qj->q", plain.patterns, held, plain.patterns)
    np.testing.assert_allclose(plain.energy, expected, rtol=1e-4)


def test_single_outputs_are_read_one_after_another():
    keys = nm.patterns.random(3, 64, rng=0)
    net = nm.models.Hopfield(64).store(keys)
    chip = Chip("ideal", adc_bits=8, dac_bits=1)
    spent = {}
    for update in ("sync", "async"):
        placed = chip.map(net, rng=0)
        steps = placed.memory.recall(keys, update=update, rng=0).steps.sum()
        time = float(placed.report.latency.sum())
        spent[update] = float(placed.spent.time.sum()) / (time * steps)
    assert spent["sync"] == pytest.approx(1.0)
    assert spent["async"] == pytest.approx(64.0)


def test_both_directions_are_calibrated_alike_for_symmetric_weights():
    half = np.random.default_rng(0).normal(size=(64, 64))
    symmetric = half + half.T
    crossbar = Crossbar.program(symmetric, "ideal", scheme="digital-offset", adc_bits=6)
    x = np.random.default_rng(1).choice([-1.0, 1.0], size=(64, 100))
    errors = [np.std(y - symmetric @ x) for y in (crossbar @ x, crossbar.T @ x)]
    assert errors[1] == pytest.approx(errors[0], rel=0.3)


def test_digital_offsets_do_not_undo_the_noise_of_the_inputs():
    """W = 0 in offset cells at half range: the array sums the inputs' noise, s.d. sigma sqrt(n)."""
    crossbar = Crossbar.program(
        np.zeros((4, 64)), "ideal", scheme="digital-offset", w_max=1.0, input_noise=0.1, rng=0
    )
    product = crossbar @ np.ones((64, 4000))
    # 4,000 draws give the s.d. to 1.1 %.
    assert product.std() == pytest.approx(0.1 * np.sqrt(64), rel=0.045)


def test_noise_behind_a_resistance_falls_with_the_square():
    """G/(1 + G R): the slope in G is (1 + G R)^-2, for one cell behind its driver exactly."""
    x = np.ones((1, 20000))
    quiet, loud = (
        Crossbar.program([[1.0]], "rram-hfo2", driver_resistance=r, rng=0) for r in (10e3, 0.0)
    )
    g = loud.arrays.conductance(0, 0.0)[0, 0].astype(float)
    ratio = (quiet @ x).std() / (loud @ x).std()
    # The negative cell of the pair, at g_min, adds little; 20,000 reads give a s.d. to 0.5 %.
    assert ratio == pytest.approx((1 + g * 10e3) ** -2, rel=0.04)


def test_a_reference_column_is_common_to_all_outputs_of_its_tile():
    """Also where a tile crosses the edge of two pieces of a product."""
    crossbar = Crossbar.program(
        np.zeros((2100, 8)), "rram-hfo2", scheme="offset", w_max=1.0, tile=(8, 2101), rng=0
    )
    y = crossbar @ np.ones((8, 4000))
    together = np.corrcoef(y[[0, 2047, 2048, 2099]])
    others = together[np.triu_indices(4, 1)]
    # Own and reference cells are alike: correlation about one half, s.e. 0.012.
    assert (others > 0.35).all()
