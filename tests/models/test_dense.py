"""Dense associative memories: exact differences of energy, twins in whole numbers, capacities."""

import itertools
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neuromem as nm
from neuromem.core.errors import CapabilityError, ParameterError, ShapeError
from neuromem.core.theory import dense_flip_probability, exponential_rate
from neuromem.models import dense

DenseMemory = nm.models.DenseMemory
Hopfield = nm.models.Hopfield

KINDS = [
    ("polynomial", 2),
    ("polynomial", 3),
    ("polynomial", 4),
    ("polynomial", 30),
    ("rectified", 2),
    ("rectified", 3),
    ("rectified", 25),
    ("exponential", 2),
]
"""Functions and degrees; 30 and 25 leave the range of int64 for the sizes below."""


def function(kind, degree):
    """F as whole numbers of Python, or as a fraction that orders exponentials exactly enough."""
    if kind == "exponential":
        return lambda x: Fraction(math.exp(x))  # exact for the float, which has 53 bits
    if kind == "rectified":
        return lambda x: max(x, 0) ** degree
    return lambda x: x**degree


def difference(keys, state, i, f):
    """What the +1 state of unit i has over the -1 state, straight from the definition."""
    rest = [int(key @ state) - int(key[i] * state[i]) for key in keys]
    return sum(f(int(key[i]) + r) - f(-int(key[i]) + r) for key, r in zip(keys, rest, strict=True))


def plain_async(keys, state, orders, f):
    """The slow twin: one unit after the other, by definition, ties kept."""
    keys, state = keys.astype(int), state.astype(int)
    for order in orders:
        for i in order:
            d = difference(keys, state, i, f)
            if d * int(state[i]) < 0:
                state[i] = -state[i]
    return state


@pytest.mark.parametrize(
    ("update", "order"),
    [("async", "random"), ("async", "cyclic"), ("async", [5, 3, 3, 100, 0]), ("sync", "random")],
)
def test_A32_degree_two_is_hebb_with_zero_diagonal_bit_for_bit(update, order):
    n, p = 130, 30
    keys = nm.patterns.random(p, n, rng=0)
    cues = nm.patterns.random(40, n, rng=1)
    seen, hebb = (
        memory.store(keys).recall(
            cues, update=update, order=order, steps=20, rng=5, record=("state", "flips")
        )
        for memory in (DenseMemory(n, degree=2), Hopfield(n))
    )
    for name in ("state", "flips"):
        np.testing.assert_array_equal(seen.trace[name], hebb.trace[name])
    for name in ("patterns", "steps", "converged", "cycle"):
        np.testing.assert_array_equal(getattr(seen, name), getattr(hebb, name))
    if update == "sync":
        assert seen.cycle.any()
    # E = -sum M^2 = 2 N E_Hebb - N P
    np.testing.assert_allclose(seen.energy, 2 * n * hebb.energy - n * p, rtol=1e-14)


@pytest.mark.parametrize(
    ("degree", "p", "simulated", "tolerance"), [(3, 300, 0.025, 0.006), (4, 3000, 0.0156, 0.004)]
)
def test_A33_one_flip_error(degree, p, simulated, tolerance):
    """Units of a stored pattern that stand against the others; 5e4 draws put sd below 0.001."""
    n = 60
    errors = []
    for seed in range(3):
        keys = nm.patterns.random(p, n, rng=seed)
        memory = DenseMemory(n, degree=degree).store(keys)
        ends = memory.recall(keys[:300], update="sync", steps=1)
        errors.append(ends.bit_error(keys[:300]).mean())
    assert np.mean(errors) == pytest.approx(simulated, abs=tolerance)
    assert np.mean(errors) == pytest.approx(dense_flip_probability(n, degree, p), abs=tolerance)


@pytest.mark.parametrize(("kind", "degree"), KINDS)
def test_trajectories_are_those_of_the_definition(kind, degree):
    n, p = 23, 9
    keys = nm.patterns.random(p, n, rng=3)
    cues = nm.patterns.random(12, n, rng=4)
    memory = DenseMemory(n, energy_function=kind, degree=degree).store(keys)
    orders = [np.random.default_rng(sweep).permutation(n) for sweep in range(3)]
    f = function(kind, degree)
    wanted = [plain_async(keys, cue, orders, f) for cue in cues]
    seen = memory.recall(cues, order=np.concatenate(orders), steps=1)
    np.testing.assert_array_equal(seen.patterns, wanted)
    once = memory.recall(cues, update="sync", steps=1).patterns
    for cue, state in zip(cues.astype(int), once, strict=True):
        d = [difference(keys.astype(int), cue, i, f) for i in range(n)]
        np.testing.assert_array_equal(
            state, [s if x == 0 else (1 if x > 0 else -1) for s, x in zip(cue, d, strict=True)]
        )


@pytest.mark.parametrize(("kind", "degree"), KINDS)
def test_a_tie_keeps_the_state(kind, degree):
    """Two patterns differ in unit 0 alone: it has no field, whatever else the state is."""
    n = 17
    keys = nm.patterns.random(1, n, rng=0).repeat(2, axis=0)
    keys[1, 0] = -keys[1, 0]
    memory = DenseMemory(n, energy_function=kind, degree=degree).store(keys)
    cues = nm.patterns.random(30, n, rng=1)
    for options in ({"order": [0]}, {"update": "sync", "steps": 1}):
        np.testing.assert_array_equal(memory.recall(cues, **options).patterns[:, 0], cues[:, 0])


@pytest.mark.parametrize("degree", [2, 4, 30])
def test_even_degrees_treat_complements_alike(degree):
    n = 40
    memory = DenseMemory(n, degree=degree).store(nm.patterns.random(12, n, rng=0))
    cues = nm.patterns.random(20, n, rng=1)
    for update in ("async", "sync"):
        ends = [memory.recall(sign * cues, update=update, rng=2).patterns for sign in (1, -1)]
        np.testing.assert_array_equal(ends[0], -ends[1])


@given(
    kind=st.sampled_from(["polynomial", "rectified", "exponential"]),
    degree=st.integers(2, 40),
    n=st.integers(2, 70),
    p=st.integers(1, 90),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_flip_raises_the_energy_and_async_ends_at_a_fixed_point(kind, degree, n, p, seed):
    memory = DenseMemory(n, energy_function=kind, degree=degree)
    memory.store(nm.patterns.random(p, n, rng=seed))
    ends = memory.recall(nm.patterns.random(5, n, rng=seed + 1), rng=seed, record="energy")
    energies = ends.trace["energy"].values
    # Sums of P float64 terms where int64 does not hold: an ulp each.
    assert np.all(np.diff(energies, axis=0) <= 1e-15 * p * np.abs(energies[:-1]))
    assert ends.converged.all()
    again = memory.recall(ends.patterns, update="sync", steps=1)
    np.testing.assert_array_equal(again.patterns, ends.patterns)


def test_a_flip_changes_the_energy_by_its_difference():
    n, p = 50, 40
    keys = nm.patterns.random(p, n, rng=0)
    state = nm.patterns.random(1, n, rng=1)
    memory = DenseMemory(n, degree=3).store(keys)
    before = memory.energy(state)[0]
    for i in range(n):
        d = difference(keys.astype(int), state[0].astype(int), i, lambda x: x**3)
        state = memory.recall(state, order=[i], steps=1).patterns
        after = memory.energy(state)[0]
        assert after - before == (-abs(d) if d * int(state[0, i]) > 0 and after != before else 0)
        before = after


def test_energies_of_a_single_pattern():
    """-N^n, and its logarithm for the exponential; no overlap at all gives 0 and -ln P."""
    pattern = np.ones((1, 8), np.int8)
    half = np.array([[1, 1, 1, 1, -1, -1, -1, -1]], np.int8)
    for degree in (2, 3, 5):
        memory = DenseMemory(8, degree=degree).store(pattern)
        assert memory.energy(np.vstack([pattern, -pattern, half])).tolist() == [
            -(8.0**degree),
            -((-8.0) ** degree),
            0.0,
        ]
    rectified = DenseMemory(8, energy_function="rectified", degree=3).store(pattern)
    assert rectified.energy(-pattern).tolist() == [0.0]
    exponential = DenseMemory(8, energy_function="exponential").store(np.vstack([pattern] * 3))
    np.testing.assert_allclose(exponential.energy(pattern), [-8 - math.log(3)], rtol=1e-14)


def test_the_exponential_does_not_overflow():
    n = 3000
    keys = nm.patterns.random(20, n, rng=0)
    memory = DenseMemory(n, energy_function="exponential").store(keys)
    ends = memory.recall(nm.patterns.flip(keys, 0.3, rng=1))
    np.testing.assert_array_equal(ends.patterns, keys)
    np.testing.assert_allclose(ends.energy, -n, rtol=1e-12)


@pytest.mark.parametrize(("noise", "solved"), [(0.0, 0.3466), (0.05, 0.247), (0.1, 0.184)])
def test_exponential_memory_mends_rho_n_flips_below_its_rate(noise, solved):
    """Demircigil et al.: alpha < I(1 - 2 rho)/2 suffices, and 2^(N/2) is the end for rho = 0."""
    n = 40
    assert exponential_rate(noise) == pytest.approx(solved, abs=5e-4)
    memory = DenseMemory(n, energy_function="exponential")
    keys = nm.patterns.random(memory.count_at(0.7 * solved), n, rng=1)
    cues = nm.patterns.flip(keys[:200], noise, rng=2)
    ends = memory.store(keys).recall(cues, update="sync", steps=1)
    np.testing.assert_array_equal(ends.patterns, keys[:200])


def test_exponential_memory_fails_far_above_its_rate():
    n = 16
    memory = DenseMemory(n, energy_function="exponential")
    keys = nm.patterns.random(memory.count_at(0.65), n, rng=1)
    ends = memory.store(keys).recall(keys[:200], update="sync", steps=1)
    assert ends.success(keys[:200], 0.99).mean() < 0.5


@pytest.mark.parametrize("degree", [3, 30])
def test_synchronous_two_cycles_are_reported(degree):
    n = 6
    memory = DenseMemory(n, degree=degree).store(nm.patterns.random(5, n, rng=0))
    cues = np.array(list(itertools.product([-1, 1], repeat=n)), np.int8)
    ends = memory.recall(cues, update="sync")
    assert ends.cycle.any()
    assert not (ends.cycle & ends.converged).any()
    odd = memory.recall(ends, update="sync", steps=1).patterns
    np.testing.assert_array_equal(odd, ends.patterns)  # what has ended stays where it is
    fresh = memory.recall(ends.patterns[ends.cycle], update="sync", steps=2)
    assert fresh.cycle.all()


@pytest.mark.parametrize(("kind", "degree"), KINDS)
def test_blocks_of_unpacked_signs_change_nothing(kind, degree, monkeypatch):
    n, p = 70, 90
    memory = DenseMemory(n, energy_function=kind, degree=degree)
    memory.store(nm.patterns.random(p, n, rng=0))
    cues = nm.patterns.random(5, n, rng=1)
    whole = [memory.recall(cues, update=update, steps=2) for update in ("async", "sync")]
    monkeypatch.setattr(dense, "UNPACKED", 7 * p)
    for update, seen in zip(("async", "sync"), whole, strict=True):
        again = memory.recall(cues, update=update, steps=2)
        np.testing.assert_array_equal(again.patterns, seen.patterns)


def test_store_twice_and_forget_equal_one_store():
    keys = nm.patterns.random(30, 65, rng=0)
    cues = nm.patterns.random(9, 65, rng=1)
    wanted = DenseMemory(65).store(keys).recall(cues, rng=2)
    memory = DenseMemory(65).store(keys[:7])
    memory.store(nm.patterns.random(4, 65, rng=5)).store(keys[7:])
    memory.forget(nm.patterns.random(4, 65, rng=5)[::-1])
    assert memory.n_stored == 30
    seen = memory.recall(cues, rng=2)
    np.testing.assert_array_equal(seen.patterns, wanted.patterns)
    np.testing.assert_array_equal(seen.energy, wanted.energy)


def test_forget_refuses_what_is_not_stored():
    keys = nm.patterns.random(3, 65, rng=0)
    memory = DenseMemory(65).store(keys)
    with pytest.raises(ParameterError, match=r"DenseMemory.forget: a key is not among the stored"):
        memory.forget(keys[[0, 0]])
    assert memory.n_stored == 3
    assert len(memory.synapses["keys"].weights) == 3


@pytest.mark.parametrize(("kind", "degree"), KINDS)
def test_file_and_pickle_recall_the_same(kind, degree, tmp_path):
    memory = DenseMemory(33, energy_function=kind, degree=degree)
    memory.store(nm.patterns.random(20, 33, rng=0))
    cues = nm.patterns.random(6, 33, rng=1)
    wanted = memory.recall(cues)
    for twin in (
        nm.load(memory.save(tmp_path / "memory.nc")),
        pickle.loads(pickle.dumps(memory)),
    ):
        assert twin.parameters == memory.parameters
        np.testing.assert_array_equal(twin.recall(cues).patterns, wanted.patterns)
        np.testing.assert_array_equal(twin.recall(cues).energy, wanted.energy)


def test_keys_are_bits_and_their_products_the_overlaps():
    keys = nm.patterns.random(20, 130, rng=0)
    memory = DenseMemory(130).store(keys)
    states = nm.patterns.random(3, 130, rng=1)
    np.testing.assert_array_equal(
        memory.synapses["keys"] @ states.T.astype(float), keys.astype(int) @ states.T.astype(int)
    )
    assert memory.nbytes < 20 * 130


def test_counts_of_loads():
    assert DenseMemory(100, degree=3).count_at(0.05) == 500
    assert DenseMemory(100, degree=2).count_at(0.138) == 14
    assert DenseMemory(100, energy_function="rectified", degree=4).count_at(0.01) == 10_000
    assert DenseMemory(60, energy_function="exponential").count_at(0.1) == round(math.exp(6))
    with pytest.raises(ParameterError, match=r"load is 1; exp\(load \* 1000\) patterns are too"):
        DenseMemory(1000, energy_function="exponential").count_at(1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"energy_function": "cubic"}, "energy_function is 'cubic'; choose one of: polynomial, re"),
        ({"degree": 1}, "degree is 1; give a whole number >= 2"),
        ({"degree": 2.5}, "degree is 2.5; give a whole number >= 2"),
        (
            {"degree": 200},
            r"degree is 200; \(N \+ 2\)\^degree must not exceed 1e300 for N = 100. "
            r"Give at most 149",
        ),
    ],
)
def test_bad_choices_say_what_is_meant(options, text):
    with pytest.raises(ParameterError, match=rf"^DenseMemory: {text}"):
        DenseMemory(100, **options)


def test_the_highest_degree_that_is_allowed_works():
    keys = nm.patterns.random(5, 100, rng=0)
    memory = DenseMemory(100, degree=149).store(keys)
    seen = memory.recall(nm.patterns.flip(keys, 0.2, rng=1))
    np.testing.assert_array_equal(seen.patterns, keys)
    assert np.isfinite(seen.energy).all()


def test_bad_requests_say_what_is_meant():
    memory = DenseMemory(4)
    with pytest.raises(
        CapabilityError, match=r"DenseMemory.energy: nothing is stored yet. Call st"
    ):
        memory.energy([[1, 1, 1, 1]])
    memory.store([[1, 1, -1, -1]])
    with pytest.raises(ParameterError, match="update is 'both'; choose one of: async, sync"):
        memory.recall([[1, 1, 1, 1]], update="both")
    with pytest.raises(ParameterError, match="order is 'odd'; give 'random', 'cyclic' or an array"):
        memory.recall([[1, 1, 1, 1]], order="odd")
    with pytest.raises(ParameterError, match=r"order visits units 0 to 4; .* units 0 to 3"):
        memory.recall([[1, 1, 1, 1]], order=[0, 4])
    with pytest.raises(ShapeError, match="cues have 5 units, this memory has 4"):
        memory.recall([[1, 1, 1, 1, 1]])
    with pytest.raises(CapabilityError, match="values were given, but this memory is autoassoc"):
        memory.store([[1, 1, 1, 1]], [[1, 1, 1, 1]])
    with pytest.raises(CapabilityError, match="DenseMemory: its synapses cannot be replaced"):
        memory.with_synapses(memory.synapses)
