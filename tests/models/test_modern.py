"""Modern Hopfield networks: attention, sparse weights, energies, and memory that stays small."""

import math
import pickle
import tracemalloc

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import aslinearoperator
from scipy.special import logsumexp, softmax

import neuromem as nm
from neuromem.core import threads as spreading
from neuromem.core.errors import CapabilityError, CodeError, ParameterError, ShapeError
from neuromem.core.theory import softmax_error_bound, softmax_target_weight
from neuromem.kernels.softmax import exp32
from neuromem.models import _similarity, modern

ModernHopfield = nm.models.ModernHopfield
LAWS = [
    {"separation": "softmax"},
    {"separation": "sparsemax"},
    {"separation": "entmax", "alpha": 1.5},
    {"separation": "entmax", "alpha": 1.2},
    {"separation": "entmax", "alpha": 3.0},
]


@pytest.fixture(params=LAWS, ids=lambda law: f"{law['separation']}-{law.get('alpha', '')}")
def law(request):
    return request.param


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def unit(p, d, seed=0, dtype=np.float64):
    x = normal(p, d, seed=seed)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(dtype)


def exponent(law):
    return {"softmax": 1.0, "sparsemax": 2.0}.get(law["separation"], law.get("alpha"))


def slow_entmax(z, alpha):
    """Rows of alpha-entmax by bisection of the threshold: the slow twin of every solver."""
    if alpha == 1.0:
        return softmax(z, axis=1)
    z = (alpha - 1.0) * (z - z.max(axis=1, keepdims=True))
    low, high = np.full((len(z), 1), -1.0), np.zeros((len(z), 1))
    for _ in range(300):
        middle = 0.5 * (low + high)
        above = np.sum(np.maximum(z - middle, 0.0) ** (1.0 / (alpha - 1.0)), axis=1) >= 1.0
        low[above], high[~above] = middle[above], middle[~above]
    p = np.maximum(z - low, 0.0) ** (1.0 / (alpha - 1.0))
    return p / p.sum(axis=1, keepdims=True)


def slow_energy(x, states, beta, alpha):
    """The energy by its definition: the conjugate as a supremum, attained at the weights."""
    z = beta * states @ x.T
    p, n = slow_entmax(z, alpha), len(x)
    if alpha == 1.0:
        conjugate, entropy = logsumexp(z, axis=1), math.log(n)
    else:
        factor = 1.0 / (alpha * (alpha - 1.0))
        conjugate = np.sum(p * z, axis=1) + factor * (1.0 - np.sum(p**alpha, axis=1))
        entropy = factor * (1.0 - n ** (1.0 - alpha))
    largest = np.linalg.norm(x, axis=1).max()
    return 0.5 * np.sum(states**2, axis=1) + 0.5 * largest**2 + (entropy - conjugate) / beta


@given(
    separation=st.sampled_from(["softmax", "sparsemax", "entmax"]),
    alpha=st.floats(1.0, 5.0),
    log_beta=st.floats(-14.0, 14.0),
    p=st.integers(1, 40),
    d=st.integers(2, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_A34_energy_never_rises_and_lies_between_0_and_2_m_squared(
    separation, alpha, log_beta, p, d, seed
):
    x = unit(p, d, seed=seed)  # M = 1
    memory = ModernHopfield(d, separation=separation, alpha=alpha, beta=math.exp(log_beta))
    cues = unit(5, d, seed=seed + 1)
    seen = memory.store(x).recall(cues, steps=4, tolerance=0.0, record="energy")
    energies = seen.trace["energy"].values
    assert np.all(np.diff(energies, axis=0) <= 1e-9)
    assert energies.min() >= -1e-9
    assert energies.max() <= 2.0 + 1e-9


@pytest.mark.parametrize("beta", [1e-30, 1e-6, 1e-3, 1.0, 100.0, 1e30, 1e300])
def test_A34_energy_of_float32_holds_to_its_rounding(law, beta):
    x = unit(700, 16, dtype=np.float32)
    cues = unit(9, 16, seed=1, dtype=np.float32)
    memory = ModernHopfield(16, beta=beta, **law).store(x)
    energies = memory.recall(cues, steps=5, record="energy").trace["energy"].values
    assert np.all(np.diff(energies, axis=0) <= 1e-6)
    assert energies.min() >= -1e-6
    assert energies.max() <= 2.0 + 1e-6


@pytest.mark.parametrize("p", [1, 30, 1500])
def test_energies_are_those_of_the_definition(law, p):
    x, cues = normal(p, 12), normal(7, 12, seed=1)
    for beta in (0.01, 0.4, 5.0):
        memory = ModernHopfield(12, beta=beta, **law).store(x)
        wanted = slow_energy(x, cues, beta, exponent(law))
        np.testing.assert_allclose(memory.energy(cues), wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("p", "beta", "solved"), [(1000, 8.0, 0.699), (20_000, 12.0, 0.823)])
def test_A35_softmax_weight_on_the_target(p, beta, solved):
    """Weights show in one-hot values of the first 64 patterns, whose mean has an sd of 0.002."""
    x = unit(p, 128, dtype=np.float32)
    values = np.zeros((p, 64), np.float32)
    values[:64] = np.eye(64)
    memory = ModernHopfield(128, beta=beta, n_values=64).store(x, values)
    weights = np.diagonal(memory.recall(x[:64]).patterns)
    assert weights.mean() == pytest.approx(solved, abs=0.01)
    assert weights.mean() == pytest.approx(softmax_target_weight(p, 128, beta), abs=0.01)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_A36_large_beta_finds_the_nearest_and_tiny_beta_averages(law, dtype):
    x, cues = normal(3000, 20, dtype=dtype), normal(40, 20, seed=1, dtype=dtype)
    nearest = x[np.argmax(cues.astype(np.float64) @ x.T.astype(np.float64), axis=1)]
    for beta in (1e6, 1e30, 1e300):
        seen = ModernHopfield(20, beta=beta, **law).store(x).recall(cues).patterns
        np.testing.assert_allclose(seen, nearest, atol=1e-6)
    for beta in (1e-30, 1e-300):
        seen = ModernHopfield(20, beta=beta, **law).store(x).recall(cues).patterns
        np.testing.assert_allclose(seen - x.mean(axis=0), 0.0, atol=1e-6)


@pytest.mark.parametrize("beta", [1e-3, 0.05, 0.3, 3.0, 300.0])
@pytest.mark.parametrize("shape", [(1, 2), (7, 3), (8, 16), (33, 31), (300, 64), (1201, 65)])
def test_A37_streaming_equals_direct(law, shape, beta):
    (p, d), alpha = shape, exponent(law)
    x, cues, values = normal(p, d), normal(37, d, seed=1), normal(p, 11, seed=2)
    weights = slow_entmax(beta * cues @ x.T, alpha)
    memory = ModernHopfield(d, beta=beta, n_values=11, **law).store(x, values)
    # Where alpha = 3, a weight near zero is the square root of an exponent's rounding.
    tolerance = 1e-7 if alpha > 2.0 else 1e-9
    np.testing.assert_allclose(memory.recall(cues).patterns, weights @ values, atol=tolerance)
    alone = ModernHopfield(d, beta=beta, **law).store(x)
    np.testing.assert_allclose(alone.recall(cues).patterns, weights @ x, atol=tolerance)
    short = ModernHopfield(d, beta=beta, **law).store(x.astype(np.float32))
    seen = short.recall(cues.astype(np.float32)).patterns
    assert seen.dtype == np.float32
    # A score of size |x||cue| < 150 rounds by 1e-5, which beta makes a relative error of weights;
    # beyond beta = 1 one pattern takes all and the error falls again.
    tolerance = 1e-4 * max(1.0, 10.0 * beta) if alpha > 2.0 else 1e-4
    np.testing.assert_allclose(seen, weights @ x, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_A37_chunks_change_rounding_alone(law, dtype):
    x, cues = unit(1500, 24, dtype=dtype), unit(33, 24, seed=1, dtype=dtype)
    for beta in (0.1, 4.0, 60.0):
        whole = ModernHopfield(24, beta=beta, **law).store(x).recall(cues).patterns
        for chunk in (1, 7, 8, 101, 1024, 1499, 10**6):
            memory = ModernHopfield(24, beta=beta, chunk=chunk, **law).store(x)
            tolerance = 2e-6 if dtype == np.float32 else 1e-13
            np.testing.assert_allclose(memory.recall(cues).patterns, whole, atol=tolerance)


def test_A38_sparse_recall_is_exact_at_its_margin_and_not_just_below():
    """Scores 0 and -margin: one-hot from 1 / (alpha - 1) on, beta times over."""
    x, beta = np.array([[1.0, 0.0], [0.0, 1.0]]), 2.0
    for separation, alpha, margin in (
        ("sparsemax", 2.0, 1.0),
        ("entmax", 1.5, 2.0),
        ("entmax", 1.25, 4.0),
        ("entmax", 3.0, 0.5),
    ):
        memory = ModernHopfield(2, separation=separation, alpha=alpha, beta=beta).store(x)
        exact, below = memory.recall([[margin / beta, 0.0], [0.99 * margin / beta, 0.0]]).patterns
        np.testing.assert_allclose(exact, x[0], rtol=0, atol=1e-12)
        assert below[1] > 1e-12
        if margin <= beta:  # the pattern itself has a margin of beta
            assert memory.recall([[margin / beta, 0.0]], steps=3).converged.all()


def test_A38_exact_one_step_recall_of_many_patterns():
    """Unit patterns have margin beta (1 - max overlap): the cue's noise takes little of it."""
    x = unit(2000, 200)
    gap = 1.0 - np.sort(x @ x.T, axis=1)[:, -2].max()
    for separation, reach in (("sparsemax", 1.0), ("entmax", 2.0)):
        memory = ModernHopfield(200, separation=separation, beta=1.01 * reach / gap).store(x)
        np.testing.assert_allclose(memory.recall(x).patterns, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_A39_one_update_is_attention(dtype):
    queries, keys = normal(30, 48, dtype=dtype), normal(500, 48, seed=1, dtype=dtype)
    values = normal(500, 20, seed=2, dtype=dtype)
    beta = 1.0 / math.sqrt(48)
    weights = softmax(beta * queries.astype(np.float64) @ keys.T.astype(np.float64), axis=1)
    itself = ModernHopfield(48).store(keys)
    assert itself.beta == beta
    other = ModernHopfield(48, n_values=20).store(keys, values)
    np.testing.assert_allclose(itself.recall(queries).patterns, weights @ keys, atol=1e-6)
    np.testing.assert_allclose(other.recall(queries).patterns, weights @ values, atol=1e-6)


def test_alpha_one_is_softmax_and_alpha_two_sparsemax():
    x, cues = normal(1300, 30), normal(20, 30, seed=1)
    for beta in (0.01, 0.2, 2.0):
        for separation, alpha in (("softmax", 1.0), ("sparsemax", 2.0)):
            named = ModernHopfield(30, beta=beta, separation=separation).store(x)
            general = ModernHopfield(30, beta=beta, separation="entmax", alpha=alpha).store(x)
            near = ModernHopfield(30, beta=beta, separation="entmax", alpha=alpha + 1e-9).store(x)
            wanted = named.recall(cues).patterns
            np.testing.assert_allclose(general.recall(cues).patterns, wanted, atol=1e-8)
            np.testing.assert_allclose(near.recall(cues).patterns, wanted, atol=1e-7)
            np.testing.assert_allclose(near.energy(cues), named.energy(cues), atol=1e-6)


@pytest.mark.parametrize("alpha", [1.0001, 1.01, 1.3, 1.7, 2.0, 2.5, 4.0])
def test_entmax_is_its_slow_twin_with_few_and_with_crowded_candidates(alpha):
    x, cues = normal(2500, 10), normal(6, 10, seed=1)
    for beta in (1e-4, 0.02, 0.5, 20.0):
        memory = ModernHopfield(10, beta=beta, separation="entmax", alpha=alpha).store(x)
        wanted = slow_entmax(beta * cues @ x.T, alpha) @ x
        np.testing.assert_allclose(memory.recall(cues).patterns, wanted, atol=2e-8)


def test_candidates_that_fill_their_places_are_compacted(monkeypatch):
    """Scores that rise with the pattern's place replace all candidates again and again."""
    monkeypatch.setattr(_similarity, "CANDIDATES", 16)
    x = np.linspace(0.0, 1.0, 1000)[:, None] * np.array([[1.0, 0.0]])
    cue = np.array([[1.0, 0.3]])
    for beta in (3.0, 30.0, 300.0, 3000.0):
        for alpha in (1.5, 2.0):
            memory = ModernHopfield(2, beta=beta, separation="entmax", alpha=alpha).store(x)
            wanted = slow_entmax(beta * cue @ x.T, alpha) @ x
            np.testing.assert_allclose(memory.recall(cue).patterns, wanted, atol=1e-10)


def test_equal_scores_share_the_weight(law):
    x = np.repeat(unit(1, 6), 1500, axis=0)
    memory = ModernHopfield(6, beta=5.0, **law).store(x)
    np.testing.assert_allclose(memory.recall(x[:1]).patterns, x[:1], atol=1e-12)


def test_exp32_is_within_2e_7():
    """Each of 2e6 arguments; float64 is the reference."""
    x = np.linspace(-80.0, 80.0, 2_000_001).astype(np.float32)

    @numba.njit
    def all_of(values):
        out = np.empty_like(values)
        for i in range(values.size):
            out[i] = exp32(values[i])
        return out

    exact = np.exp(x.astype(np.float64))
    assert np.max(np.abs(all_of(x) - exact) / exact) <= 2e-7
    assert all_of(np.zeros(1, np.float32))[0] == 1.0


def test_retrieval_error_keeps_below_the_bound_of_ramsauer():
    """Theorem 5, with the fixed point by iteration; P, d and beta make the bound meaningful."""
    x = unit(50, 64)
    overlaps = x @ x.T - 2.0 * np.eye(50)
    gaps = 1.0 - overlaps.max(axis=1)
    cues = x + 0.05 * unit(50, 64, seed=1)
    for beta in (15.0, 25.0, 40.0):
        memory = ModernHopfield(64, beta=beta).store(x)
        fixed = memory.recall(cues, steps=200, tolerance=1e-14)
        errors = np.linalg.norm(memory.recall(cues).patterns - x, axis=1)
        distance = np.maximum(0.05, np.linalg.norm(fixed.patterns - x, axis=1))
        bounds = softmax_error_bound(50, beta, gaps, distance)
        assert np.all(errors <= bounds)
        assert fixed.converged.all()
    assert np.all(bounds < 1e-3)  # the last: far from the trivial bound 2


def test_iteration_stops_where_it_no_longer_moves():
    x = unit(40, 32)
    memory = ModernHopfield(32, beta=20.0).store(x)
    cues = x + 0.2 * unit(40, 32, seed=1)
    one = memory.recall(cues)
    assert one.steps.tolist() == [1] * 40
    many = memory.recall(cues, steps=50)
    assert many.converged.all()
    assert many.steps.max() < 50
    again = memory.recall(many.patterns)
    assert np.linalg.norm(again.patterns - many.patterns, axis=1).max() <= 1e-5
    strict = memory.recall(cues, steps=200, tolerance=0.0)
    assert (strict.steps > many.steps).all()
    np.testing.assert_allclose(strict.patterns, many.patterns, atol=1e-5)


def test_recording_shows_each_update():
    x, cues = unit(30, 16), unit(4, 16, seed=1)
    memory = ModernHopfield(16, beta=3.0).store(x)
    trace = memory.recall(cues, steps=3, tolerance=0.0, record=("state", "energy", "flips")).trace
    assert dict(trace.sizes) == {"step": 4, "cue": 4, "unit": 16}
    np.testing.assert_array_equal(trace["state"][0], cues)
    state = cues
    for step in range(1, 4):
        after = memory.recall(state).patterns
        np.testing.assert_array_equal(trace["state"][step], after)
        np.testing.assert_array_equal(trace["flips"][step], ((after > 0) != (state > 0)).sum(1))
        np.testing.assert_array_equal(trace["energy"][step], memory.energy(after))
        state = after


@pytest.mark.parametrize("n_values", [None, 9])
def test_A73_steps_in_two_parts_are_steps_in_one(law, n_values, tmp_path):
    x, cues = unit(300, 24), unit(20, 24, seed=1)
    values = None if n_values is None else normal(300, n_values)
    memory = ModernHopfield(24, beta=9.0, n_values=n_values, **law).store(x, values)
    whole = memory.recall(cues, steps=10)
    part = memory.recall(cues, steps=4)
    part = type(part).load(part.save(tmp_path / "part.nc"))
    rest = memory.recall(part, steps=6)
    for name in ("patterns", "states", "steps", "converged", "energy"):
        np.testing.assert_array_equal(getattr(rest, name), getattr(whole, name))


def test_values_are_read_by_the_last_weights():
    x, values, cues = normal(60, 12), normal(60, 5, seed=1), normal(8, 12, seed=2)
    memory = ModernHopfield(12, n_values=5).store(x, values)
    states = cues
    for steps in (1, 2, 3):
        seen = memory.recall(cues, steps=steps, tolerance=0.0)
        np.testing.assert_allclose(
            seen.patterns, softmax(memory.beta * states @ x.T, axis=1) @ values, atol=1e-12
        )
        np.testing.assert_allclose(seen.states, states, atol=1e-12)
        assert seen.steps.tolist() == [steps] * 8
        states = softmax(memory.beta * states @ x.T, axis=1) @ x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_A72_no_bit_depends_on_the_batch(law, dtype):
    """Lone cues take narrower panels, sparse reads and other groups, and come out the same.

    A quarter of the cues are so short that all patterns weigh much: where they are, panels are read
    whole, and one by one where they are not.
    """
    x, cues = unit(3000, 40, dtype=dtype), unit(300, 40, seed=1, dtype=dtype)
    cues[::4] *= 1e-3
    for beta in (0.5, 20.0, 300.0):
        memory = ModernHopfield(40, beta=beta, **law).store(x)
        whole = memory.recall(cues)
        for part in (slice(0, 1), slice(1, 4), slice(5, 22), slice(200, 300)):
            seen = memory.recall(cues[part])
            np.testing.assert_array_equal(seen.patterns, whole.patterns[part])
            np.testing.assert_array_equal(seen.energy, whole.energy[part])


def test_A72_no_bit_depends_on_threads(law, monkeypatch):
    x, cues = unit(500, 20, dtype=np.float32), unit(100, 20, seed=1, dtype=np.float32)
    memory = ModernHopfield(20, beta=20.0, **law).store(x)
    one = memory.recall(cues)
    wanted = one.patterns, one.energy
    monkeypatch.setattr(spreading, "THREADS_FROM", 0)
    monkeypatch.setattr(numba, "get_num_threads", lambda: 3)
    several = memory.recall(cues)
    np.testing.assert_array_equal(several.patterns, wanted[0])
    np.testing.assert_array_equal(several.energy, wanted[1])


@pytest.mark.parametrize(
    "law",
    [
        {"separation": "softmax"},
        {"separation": "softmax", "beta": 1e4},
        {"separation": "sparsemax"},
        {"separation": "entmax", "alpha": 1.5, "beta": 1e-4},
    ],
)
def test_peak_memory_is_below_a_tenth_of_the_scores(law):
    """100 MB of scores for 256 cues and 1e5 patterns; the result itself counts in."""
    p, d, q = 100_000, 16, 256
    memory = ModernHopfield(d, **law).store(unit(p, d, dtype=np.float32))
    cues = unit(q, d, seed=1, dtype=np.float32)
    memory.recall(cues[:1])  # compiles
    tracemalloc.start()
    try:
        memory.recall(cues)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.1 * p * q * 4


def test_operators_that_stand_in_are_used(law, monkeypatch):
    monkeypatch.setattr(modern, "PART", 500)  # two cues at a time
    x, values, cues = normal(200, 15), normal(200, 4, seed=1), normal(6, 15, seed=2)
    for v in (None, values):
        n_values = None if v is None else 4
        memory = ModernHopfield(15, beta=0.7, n_values=n_values, **law).store(x, v)
        wanted = memory.recall(cues)
        twin = memory.with_synapses(memory.synapses)
        np.testing.assert_allclose(twin.recall(cues).patterns, wanted.patterns, atol=1e-7)
        np.testing.assert_allclose(twin.energy(cues), memory.energy(cues), atol=1e-7)
        noisy = memory.with_synapses({"keys": aslinearoperator(x + 0.1 * normal(200, 15, seed=3))})
        assert np.abs(noisy.recall(cues).patterns - wanted.patterns).max() > 1e-3
        np.testing.assert_array_equal(memory.recall(cues).patterns, wanted.patterns)
        memory.store(x, v)
        np.testing.assert_allclose(twin.recall(cues).patterns, wanted.patterns, atol=1e-7)
        with pytest.raises(CapabilityError, match=r"ModernHopfield.store: these synapses stand in"):
            twin.store(x, v)
        with pytest.raises(CapabilityError, match=r"ModernHopfield.save: these synapses stand in"):
            twin.save("never.nc")


def test_many_stores_equal_one():
    x, cues = normal(57, 8), normal(5, 8, seed=1)
    wanted = ModernHopfield(8).store(x).recall(cues)
    grown = ModernHopfield(8)
    for row in x:
        grown.store(row)
    np.testing.assert_array_equal(grown.recall(cues).patterns, wanted.patterns)
    assert grown.n_stored == 57
    assert 57 * 8 * 8 <= grown.nbytes <= 2 * 57 * 8 * 8


def test_float64_is_kept_and_float32_gives_way_to_it():
    x = normal(9, 6)
    memory = ModernHopfield(6).store(x.astype(np.float32))
    assert memory.recall(x[0]).patterns.dtype == np.float32
    memory.store(x)
    assert memory.recall(x[0].astype(np.float32)).patterns.dtype == np.float64
    np.testing.assert_array_equal(memory.synapses["keys"].weights[9:], x)


def test_what_was_stored_is_a_copy():
    x = normal(9, 6, dtype=np.float32)
    memory = ModernHopfield(6, beta=9.0).store(x)
    wanted = memory.recall(x).patterns
    x[:] = 0.0
    np.testing.assert_array_equal(memory.recall(normal(9, 6, dtype=np.float32)).patterns, wanted)


def test_forget_takes_the_oldest_equal_rows():
    x, values = normal(20, 8), normal(20, 3, seed=1)
    x[0, 0] = 0.0
    x[5] = x[2]
    memory = ModernHopfield(8, n_values=3).store(x, values)
    minus_zero = x[0].copy()
    minus_zero[0] = -0.0
    memory.forget(np.stack([x[2], minus_zero]))
    kept = np.delete(np.arange(20), [0, 2])
    assert memory.n_stored == 18
    wanted = ModernHopfield(8, n_values=3).store(x[kept], values[kept])
    np.testing.assert_array_equal(memory.recall(x).patterns, wanted.recall(x).patterns)
    np.testing.assert_array_equal(memory.energy(x), wanted.energy(x))
    with pytest.raises(ParameterError, match=r"forget: 2 of 3 keys are not stored \(so often\)"):
        memory.forget(x[[5, 2, 0]])
    assert memory.n_stored == 18


@pytest.mark.parametrize("n_values", [None, 3])
def test_file_and_pickle_recall_the_same(law, n_values, tmp_path):
    x, cues = normal(40, 8), normal(5, 8, seed=1)
    memory = ModernHopfield(8, chunk=16, n_values=n_values, **law)
    memory.store(x, None if n_values is None else normal(40, n_values, seed=2))
    wanted = memory.recall(cues)
    for twin in (
        nm.load(memory.save(tmp_path / "memory.nc")),
        pickle.loads(pickle.dumps(memory)),
    ):
        assert twin.parameters == memory.parameters
        np.testing.assert_array_equal(twin.recall(cues).patterns, wanted.patterns)
        np.testing.assert_array_equal(twin.recall(cues).energy, wanted.energy)


def test_a_resting_recall_knows_when_patterns_have_changed():
    x = normal(10, 8)
    memory = ModernHopfield(8).store(x)
    seen = memory.recall(x)
    memory.store(x)
    with pytest.raises(CapabilityError, match="patterns were stored or forgotten since this recal"):
        _ = seen.energy


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"separation": "max"}, "separation is 'max'; choose one of: softmax, sparsemax, entmax"),
        ({"alpha": 0.99}, r"alpha is 0.99; give a number from 1.0 to"),
        ({"alpha": math.nan}, r"alpha is nan; give a number from 1.0 to"),
        ({"beta": 0.0}, r"beta is 0.0; give a finite number > 0"),
        ({"beta": -1.0}, r"beta is -1.0; give a finite number > 0"),
        ({"beta": math.inf}, r"beta is inf; give a finite number > 0"),
        ({"beta": "warm"}, r"beta is 'warm'; give a finite number > 0"),
        ({"chunk": 0}, "chunk is 0; give a whole number >= 1"),
        ({"n_values": 2.5}, "n_values is 2.5; give a whole number >= 1"),
    ],
)
def test_bad_choices_say_what_is_meant(options, text):
    with pytest.raises(ParameterError, match=rf"^ModernHopfield: {text}"):
        ModernHopfield(8, **options)


def test_bad_patterns_and_values_say_what_is_meant():
    x = normal(4, 8)
    alone, pairs = ModernHopfield(8), ModernHopfield(8, n_values=3)
    with pytest.raises(CapabilityError, match=r"autoassociative: it gives back the keys"):
        alone.store(x, x[:, :3])
    with pytest.raises(
        CapabilityError, match=r"no values came, .* of 3 units. Give one value a key"
    ):
        pairs.store(x)
    with pytest.raises(ShapeError, match=r"store: values have 4 units, this memory has 3"):
        pairs.store(x, x[:, :4])
    with pytest.raises(ShapeError, match=r"store: 3 values came with 4 keys. Give one value a key"):
        pairs.store(x, x[:3, :3])
    with pytest.raises(ShapeError, match=r"store: keys have 7 units, this memory has 8"):
        alone.store(x[:, :7])
    with pytest.raises(CodeError, match=r"store: keys hold 1 NaN or infinite values"):
        alone.store(np.where(np.arange(32).reshape(4, 8) == 5, np.nan, x))
    with pytest.raises(CodeError, match=r"keys have dtype complex128; this memory takes finite re"):
        alone.store(x + 1j)
    assert alone.n_stored == pairs.n_stored == 0


def test_similarities_that_would_overflow_are_refused():
    x = normal(4, 8, dtype=np.float32)
    memory = ModernHopfield(8).store(x)
    with pytest.raises(
        ParameterError, match=r"cues have norms up to .*e\+30; .* beyond 1e\+18 in float32. Scale"
    ):
        memory.recall(x * np.float32(1e30))
    with pytest.raises(ParameterError, match=r"store: keys have norms .* beyond 1e\+18 in float32"):
        memory.store(x * np.float32(1e30))
    with pytest.raises(ParameterError, match=r"energy: states have norms .* beyond 1e\+18"):
        memory.energy(x * np.float32(1e30))
    assert memory.n_stored == 4
    large = ModernHopfield(8).store(x.astype(np.float64) * 1e149)
    assert np.isfinite(large.recall(x).patterns).all()


def test_bad_requests_say_what_is_meant():
    x = normal(4, 8)
    memory = ModernHopfield(8, n_values=8)
    with pytest.raises(CapabilityError, match=r"ModernHopfield.energy: nothing is stored yet"):
        memory.energy(x)
    memory.store(x, x)
    with pytest.raises(ParameterError, match=r"steps is 0; a heteroassociative .* Give steps >= 1"):
        memory.recall(x, steps=0)
    with pytest.raises(ParameterError, match=r"tolerance is -1; give a finite number >= 0.0"):
        memory.recall(x, tolerance=-1)
    with pytest.raises(CodeError, match="cues hold 32 NaN or infinite values"):
        memory.recall(x * math.inf)


@pytest.mark.parametrize("alpha", [50.0, 1e3, 1e6])
@pytest.mark.parametrize("count", [2, 100])
def test_equal_scores_share_the_weight_at_any_alpha(alpha, count):
    x = unit(count, 6, seed=3)
    memory = ModernHopfield(6, separation="entmax", alpha=alpha, beta=1.0).store(x)
    seen = memory.recall(np.zeros((1, 6)))
    np.testing.assert_allclose(seen.patterns[0], x.mean(axis=0), atol=1e-12)
    assert np.isfinite(seen.energy).all()
