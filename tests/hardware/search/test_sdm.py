"""Sparse distributed memory on arrays: an exact NumPy twin, Kanerva's numbers, blur and bounds."""

import copy
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from neuromem.core.errors import (
    CapabilityError,
    CodeError,
    NeuromemError,
    ParameterError,
    ShapeError,
)
from neuromem.core.files import read_memory
from neuromem.hardware.devices.laws import law
from neuromem.hardware.devices.profile import profile
from neuromem.hardware.devices.sections import Drift, Noise
from neuromem.hardware.search.activation import (
    activation_fraction,
    activation_probability,
    standard_radius,
)
from neuromem.hardware.search.sdm import SparseDistributedArray


def constant(value):
    return law([{"polynomial": [value]}], "test")


def noisy(sigma):
    """Return cells of 1 to 25 uS that err by `sigma` uS afresh in each read."""
    noise = Noise(per="read", law=constant(sigma), relative=False)
    return replace(profile("ideal"), g_min=1e-6, g_ref=25e-6, noise=noise)


def random_keys(count, n, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (count, n))


def flipped(keys, count):
    cues = keys.copy()
    cues[:, :count] *= -1
    return cues


class Exact:
    """Kanerva's memory in a few lines of NumPy: integers, no arrays of devices."""

    def __init__(self, addresses, n_values, radius, limit):
        self.addresses = addresses.astype(int)
        self.counters = np.zeros((len(addresses), n_values), int)
        self.radius, self.limit = radius, limit

    def active(self, state):
        return (self.addresses != state).sum(axis=1) <= self.radius

    def store(self, keys, values):
        for key, value in zip(keys, values, strict=True):
            rows = self.active(key)
            moved = self.counters[rows] + value
            self.counters[rows] = (
                moved if self.limit is None else moved.clip(-self.limit, self.limit)
            )

    def sums(self, state):
        return self.counters[self.active(state)].sum(axis=0)

    def recall(self, cue, steps):
        state = cue.astype(int)
        for taken in range(1, steps + 1):
            sums = self.sums(state)
            after = np.where(sums == 0, state, np.sign(sums))
            if (after == state).all():
                return after, taken, True
            state = after
        return state, steps, False


# ------------------------------------------------------------------------------ exact


@pytest.mark.parametrize(
    ("counters", "limit", "n_values"),
    [("digital", None, None), ("hard", 127, None), ("hard", 2, None), ("digital", None, 17)],
)
def test_ideal_devices_are_the_exact_memory_bit_for_bit(counters, limit, n_values):
    """Counters, sums, patterns, steps and ends; a limit of 2 saturates, 127 does not."""
    keys = random_keys(40, 64)
    values = keys if n_values is None else random_keys(40, n_values, seed=1)
    memory = SparseDistributedArray(
        64, n_locations=300, radius=28, n_values=n_values, counters=counters, limit=limit or 127
    )
    twin = Exact(memory.synapses["addresses"].weights, values.shape[1], 28, limit)
    for part in (slice(0, 15), slice(15, 40)):
        memory.store(keys[part], None if n_values is None else values[part])
        twin.store(keys[part], values[part])
    np.testing.assert_array_equal(memory.synapses["counters"].weights.T, twin.counters)
    assert np.abs(twin.counters).max() > 2 or limit == 2
    cues = flipped(keys, 5)
    np.testing.assert_array_equal(memory.active(cues), [twin.active(cue) for cue in cues])
    seen = memory.recall(cues, steps=6)
    if n_values is None:
        wanted, taken, done = zip(*(twin.recall(cue, 6) for cue in cues), strict=True)
        np.testing.assert_array_equal(seen.patterns, wanted)
        np.testing.assert_array_equal(seen.steps, taken)
        np.testing.assert_array_equal(seen.converged, done)
    else:
        wanted = np.where(np.array([twin.sums(cue) for cue in cues]) > 0, 1, -1)
        np.testing.assert_array_equal(seen.patterns, wanted)
        assert seen.converged.all()
    energy = [-np.abs(twin.sums(cue)).mean() for cue in cues]
    np.testing.assert_allclose(memory.energy(cues), energy, rtol=1e-12)


def test_a_radius_of_n_reads_the_majority_of_all_that_was_stored():
    keys = random_keys(9, 30)
    memory = SparseDistributedArray(30, n_locations=12, radius=30).store(keys)
    assert memory.active(keys).all()
    majority = np.sign(keys.sum(axis=0))
    assert (memory.recall(random_keys(4, 30, seed=2)).patterns == majority).all()


def test_stored_patterns_come_back_from_noisy_cues():
    keys = random_keys(30, 256)
    memory = SparseDistributedArray(256, n_locations=4000).store(keys)
    seen = memory.recall(flipped(keys, 25), record=("state", "flips", "energy"))
    assert seen.success(keys).all()
    assert seen.converged.all()
    assert dict(seen.trace.sizes) == {"step": int(seen.steps.max()) + 1, "cue": 30, "unit": 256}
    assert (seen.energy < memory.energy(flipped(keys, 25))).all()


# ------------------------------------------------------------------------------ activation


def test_kanervas_numbers():
    """N = 1000, r = 451: p = 0.00107185, 1071.9 of 10^6; neighbours as solved from the binomial."""
    assert activation_fraction(1000, 451) == pytest.approx(1.07185e-3, rel=1e-5)
    wanted = {447: 445.0, 449: 695.9, 450: 865.3, 452: 1322.8, 453: 1626.3}
    for radius, count in wanted.items():
        assert 1e6 * activation_fraction(1000, radius) == pytest.approx(count, abs=0.05)
    assert standard_radius(1000, 10**6) == 451
    assert activation_fraction(256, 103) == pytest.approx(1.067e-3, abs=5e-7)


def test_locations_are_activated_as_often_as_the_binomial_says():
    """20 000 locations of 1000 bits, 100 cues, p = 0.00107185: 2144 expected, 4 s.e."""
    memory = SparseDistributedArray(1000, n_locations=20_000, radius=451, n_values=2)
    active = memory.active(random_keys(100, 1000, seed=3)).sum()
    wanted = 2e6 * 1.07185e-3
    assert active == pytest.approx(wanted, abs=4 * math.sqrt(wanted))


def test_read_noise_blurs_the_radius():
    """p(active | d) = Phi((r + 1/2 - d) / sigma_d) in 200 reads at each distance, 4 s.e."""
    n, sigma = 100, 6.0
    memory = SparseDistributedArray(n, n_locations=2000, radius=50, profile=noisy(sigma), seed=2)
    wanted_sigma = sigma * math.sqrt(n) / 24.0
    assert memory.distance_sigma == pytest.approx(wanted_sigma, rel=1e-4)
    cue = random_keys(1, n, seed=4)
    distances = (memory.synapses["addresses"].weights != cue).sum(axis=1)
    reads = np.zeros(2000)
    for number in range(200):
        root = np.random.SeedSequence(number)
        rows, _ = memory._activated(cue, root, np.arange(1), 0)
        reads[rows] += 1
    for d in range(44, 58):
        at = reads[distances == d]
        wanted = float(activation_probability(d, 50, wanted_sigma))
        assert wanted == pytest.approx(float(ndtr((50.5 - d) / wanted_sigma)))
        error = math.sqrt(wanted * (1 - wanted) / (200 * at.size))
        assert at.mean() / 200 == pytest.approx(wanted, abs=4 * error)


def test_a_distance_on_the_radius_of_an_exact_read_is_a_coin():
    np.testing.assert_array_equal(activation_probability([451.5], 451), [0.5])
    np.testing.assert_array_equal(
        activation_probability([451, 451.5, 452], 451, [0.0, 0.0, 0.0]), [1.0, 0.5, 0.0]
    )
    assert activation_probability(451.5, 451, 2.0) == 0.5


def test_blur_lets_in_more_than_it_shuts_out():
    """The tail of the binomial rises: sigma_d = 5 bits at r = 451 activates more than exact."""
    exact, blurred = (activation_fraction(1000, 451, sigma) for sigma in (0.0, 5.0))
    distances = np.random.default_rng(0).binomial(1000, 0.5, 400_000)
    noise = np.random.default_rng(1).normal(0, 5.0, 400_000)
    measured = np.mean(distances + noise <= 451.5)
    assert blurred == pytest.approx(measured, abs=4 * math.sqrt(blurred / 400_000))
    assert blurred > 1.2 * exact
    np.testing.assert_array_equal(activation_probability([3, 4], 3), [1.0, 0.0])


# ------------------------------------------------------------------------------ counters


def test_soft_bounds_leak_as_the_closed_form_says():
    """n equal writes: c = L (1 - (1 - 1/L)^n); then an opposite one takes 1 + c/L."""
    key = random_keys(1, 20)
    memory = SparseDistributedArray(20, n_locations=5, radius=20, counters="soft", limit=10)
    memory.store(np.repeat(key, 7, axis=0))
    after = 10 * (1 - 0.9**7)
    counters = memory.synapses["counters"].weights.T
    np.testing.assert_allclose(counters, np.broadcast_to(after * key, (5, 20)), rtol=1e-5)
    memory.store(-key)
    counters = memory.synapses["counters"].weights.T
    wanted = np.broadcast_to((after - 1 - after / 10) * key, (5, 20))
    np.testing.assert_allclose(counters, wanted, rtol=1e-5)


def test_soft_bounds_forget_the_old_and_hard_bounds_saturate():
    """600 patterns, bounds of 4 steps: soft counters keep the last ones, exact ones keep all."""
    keys = random_keys(600, 128)

    def errors(kind, limit=4):
        memory = SparseDistributedArray(128, n_locations=2000, counters=kind, limit=limit)
        seen = memory.store(keys).recall(flipped(keys, 6), steps=1)
        wrong = seen.bit_error(keys)
        return wrong[:50].mean(), wrong[-50:].mean()

    old, new = errors("soft")
    assert new < 0.03
    assert old > 5 * new
    exact_old, exact_new = errors("digital")
    assert exact_old == pytest.approx(exact_new, abs=0.02)
    assert old > 2 * exact_old
    saturated_old, _ = errors("hard", limit=1)
    assert saturated_old > exact_old


def test_steps_scatter_as_asked():
    """16 writes with s = 0.5: mean 16, s.d. 0.5 sqrt(16) = 2 over 20 000 counters, 4 s.e."""
    key = random_keys(1, 100)
    memory = SparseDistributedArray(100, n_locations=200, radius=100, step_noise=0.5, seed=6)
    memory.store(np.repeat(key, 16, axis=0))
    along = memory.synapses["counters"].weights.T * key
    assert along.mean() == pytest.approx(16, abs=4 * 2 / math.sqrt(20_000))
    assert along.std() == pytest.approx(2, rel=4 / math.sqrt(40_000))


# ------------------------------------------------------------------------------ devices


def test_drift_that_all_devices_share_changes_nothing():
    """Pairs of counters and the replica of the distances shrink alike: the same recall."""
    drift = Drift(t0=20.0, mean=constant(0.1), spread=constant(0.0))
    steady = replace(profile("ideal"), g_min=1e-6, drift=drift)
    keys = random_keys(60, 128)
    ideal, real = (
        SparseDistributedArray(128, n_locations=1000, profile=device).store(keys)
        for device in ("ideal", steady)
    )
    cues = flipped(keys, 12)
    for memory in (real, real.at(1e6)):
        np.testing.assert_array_equal(memory.active(cues), ideal.active(cues))
        np.testing.assert_array_equal(memory.recall(cues).patterns, ideal.recall(cues).patterns)


def test_counters_are_read_with_the_noise_of_their_pairs():
    """Sums of A active counters scatter by sqrt(2 A) sigma limit / 24 uS; 2000 reads, 4 s.e."""
    key = random_keys(1, 40)
    memory = SparseDistributedArray(
        40, n_locations=50, radius=40, profile=noisy(0.5), limit=10, seed=1
    ).store(key)
    reads = np.array(
        [memory._sums(key, np.random.SeedSequence(k), np.arange(1))[0] for k in range(50)]
    )  # 50 reads of 40 bits
    error = reads - 50.0 * key
    wanted = math.sqrt(2 * 50) * 0.5 * 10 / 12.0 / 2
    assert error.std() == pytest.approx(wanted, rel=4 / math.sqrt(2 * 2000))
    assert abs(error.mean()) < 4 * wanted / math.sqrt(2000)
    np.testing.assert_allclose(memory._sums(key), 50 * key, rtol=1e-4)


@pytest.mark.parametrize("device", ["pcm", "rram-hfo2"])
@pytest.mark.parametrize("counters", ["digital", "hard", "soft"])
def test_real_devices_recall_and_age(device, counters):
    """A step of a quarter of the half range stands out from errors of 5 % of the range."""
    keys = random_keys(25, 256)
    memory = SparseDistributedArray(
        256, n_locations=2000, profile=device, counters=counters, limit=4
    ).store(keys)
    for at in (memory, memory.at(86400.0)):
        seen = at.recall(flipped(keys, 20), rng=1)
        assert seen.success(keys).all()
        np.testing.assert_array_equal(at.recall(flipped(keys, 20), rng=1).patterns, seen.patterns)


@pytest.mark.parametrize("device", ["stt-mram", "sram-cim"])
def test_two_levels_hold_addresses_beside_digital_counters(device):
    keys = random_keys(10, 128)
    memory = SparseDistributedArray(128, n_locations=1000, profile=device, counters="digital")
    assert memory.store(keys).recall(flipped(keys, 10), rng=1).success(keys).all()


def test_stuck_cells_and_wider_blur_cost_recall():
    keys = random_keys(60, 128)
    quiet, loud = (
        SparseDistributedArray(128, n_locations=1000, profile=noisy(sigma)).store(keys)
        for sigma in (0.1, 20.0)
    )
    cues = flipped(keys, 12)
    assert loud.distance_sigma > 9
    assert loud.recall(cues).bit_error(keys).mean() > quiet.recall(cues).bit_error(keys).mean()


# ------------------------------------------------------------------------------ house laws


@pytest.mark.parametrize("options", [{}, {"profile": "rram-hfo2"}, {"counters": "soft"},
                                     {"profile": "pcm", "step_noise": 0.1}])  # fmt: skip
def test_A73_pickle_file_and_later_learning(options, tmp_path):
    keys = random_keys(20, 64)
    memory = SparseDistributedArray(64, n_locations=200, **options).store(keys[:12])
    path = memory.save(tmp_path / "memory.nc")
    known = {"SparseDistributedArray": SparseDistributedArray}
    for twin in (pickle.loads(pickle.dumps(memory)), read_memory(path, known), copy.copy(memory)):
        assert twin.parameters == memory.parameters
        np.testing.assert_array_equal(twin.recall(keys, rng=2).patterns,
                                      memory.recall(keys, rng=2).patterns)  # fmt: skip
        twin.store(keys[12:])
    before = memory.recall(keys, rng=2)
    memory.store(keys[12:])
    np.testing.assert_array_equal(memory.recall(keys, rng=2).patterns,
                                  twin.recall(keys, rng=2).patterns)  # fmt: skip
    with pytest.raises(CapabilityError, match="stored or forgotten since this recall"):
        _ = before.energy


@pytest.mark.parametrize("device", ["ideal", noisy(1.0)], ids=["ideal", "noisy"])
def test_A73_recall_resumes_where_it_stopped(device):
    keys = random_keys(40, 64)
    memory = SparseDistributedArray(64, n_locations=300, profile=device).store(keys)
    cues = flipped(keys, 12)
    whole = memory.recall(cues, rng=3, steps=5)
    rest = memory.recall(memory.recall(cues, rng=3, steps=2), rng=3, steps=3)
    np.testing.assert_array_equal(rest.patterns, whole.patterns)
    np.testing.assert_array_equal(rest.steps, whole.steps)


def test_A72_a_batch_in_parts_ends_as_the_whole():
    keys = random_keys(12, 64)
    memory = SparseDistributedArray(64, n_locations=300).store(keys)
    whole = memory.recall(keys[:, ::-1]).patterns
    parts = [memory.recall(keys[part, ::-1]).patterns for part in (slice(0, 5), slice(5, 12))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_keys_stay_untouched_and_the_memory_weighs_what_it_holds():
    keys = random_keys(5, 64)
    before = keys.copy()
    memory = SparseDistributedArray(64, n_locations=100).store(keys)
    memory.recall(keys)
    np.testing.assert_array_equal(keys, before)
    # Two bits a cell of the addresses, two bytes a counter.
    assert memory.nbytes == 100 * 64 * 2 // 8 + 100 * 64 * 2
    assert memory.count_at(0.02) == 2
    assert SparseDistributedArray(64, n_locations=100, profile="pcm").nbytes > 100 * 64 * 24


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: SparseDistributedArray(1), ParameterError, "n is 1; give a whole number >= 2"),
        (lambda: SparseDistributedArray(9, n_locations=0), ParameterError, "n_locations is 0"),
        (lambda: SparseDistributedArray(9, radius=-1), ParameterError, "radius is -1"),
        (lambda: SparseDistributedArray(9, counters="soff"), ParameterError, "digital, hard, soft"),
        (lambda: SparseDistributedArray(9, limit=40_000), ParameterError, "at most 32766 steps"),
        (
            lambda: SparseDistributedArray(9, counters="digital", step_noise=0.1),
            ParameterError,
            "digital counters are exact",
        ),
        (lambda: SparseDistributedArray(9, profile="pcmm"), ParameterError, "no device profile"),
        (
            lambda: SparseDistributedArray(9, profile="stt-mram"),
            ParameterError,
            "'stt-mram' has cells of two levels.* no counters of the kind 'hard'. Take counters='d",
        ),
        (lambda: SparseDistributedArray(9).recall([1] * 9), CapabilityError, "nothing is stored"),
        (lambda: SparseDistributedArray(9).energy([1] * 9), CapabilityError, "nothing is stored"),
        (lambda: SparseDistributedArray(9).store([[0] * 9]), CodeError, "keys hold"),
        (lambda: SparseDistributedArray(9).store([[1] * 8]), ShapeError, "keys have 8 units"),
        (lambda: SparseDistributedArray(9).active([1] * 8), ShapeError, "active: states have 8"),
        (
            lambda: SparseDistributedArray(9, profile="pcm").at(60.0).store([[1] * 9]),
            CapabilityError,
            "read 60 s after they were written",
        ),
        (
            lambda: SparseDistributedArray(9, n_values=2).store([[1] * 9]),
            CapabilityError,
            "no values came",
        ),
        (
            lambda: (
                SparseDistributedArray(9, n_values=2)
                .store([[1] * 9], [[1, -1]])
                .recall([1] * 9, steps=0)
            ),
            ParameterError,
            "Give steps >= 1",
        ),
        (lambda: activation_probability(3, 3, -1.0), ParameterError, "sigma is -1.0"),
        (lambda: activation_fraction(0, 3), ParameterError, "n is 0; give a whole number >= 1"),
    ],
)
def test_bad_input_is_refused_in_one_line(make, error, text):
    with pytest.raises(error, match=text) as caught:
        make()
    assert isinstance(caught.value, NeuromemError)
    assert "\n" not in str(caught.value)
