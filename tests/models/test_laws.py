"""The laws that every memory of the catalogue keeps: a new model is tested by being listed."""

import pickle

import numpy as np
import pytest

import neuromem as nm
from neuromem.core.errors import CapabilityError, CodeError, NeuromemError, ShapeError
from neuromem.core.memory import AssociativeMemory

N, P = 64, 4
CARDS = nm.models.catalog()
CHEAP = {"unlearning": {"dreams": 20}}
"""Choices that shorten learning where it is long; they change no law."""


def patterns_for(memory: AssociativeMemory, p: int = P, rng: int = 0) -> np.ndarray:
    if memory.code == "binary":
        return nm.patterns.low_activity(p, memory.n, memory.parameters["activity"], rng=rng)
    drawn = nm.patterns.random(p, memory.n, rng=rng)
    return drawn.astype(np.float32) if memory.code == "real" else drawn


@pytest.fixture(params=CARDS, ids=lambda card: card.name)
def card(request):
    return request.param


@pytest.fixture
def memory(card):
    return card.make(N, **CHEAP.get(card.name, {}))


def test_card_names_family_paper_and_law(card):
    record = card.record()
    assert {"name", "family", "paper", "capacity", "verbs", "maps"} <= set(record)
    assert all(record[key] for key in ("name", "family", "paper", "capacity", "verbs"))
    assert card["paper"] == card.paper == record["paper"]


def test_one_stored_pattern_is_a_fixed_point(memory):
    pattern = patterns_for(memory, 1)
    seen = memory.store(pattern).recall(pattern)
    np.testing.assert_allclose(seen.patterns, pattern, atol=1e-6)


def test_a_stored_pattern_is_found_from_a_noisy_cue(memory):
    keys = patterns_for(memory)
    memory.store(keys)
    if memory.code == "binary":
        cues = keys.copy()
        for cue in cues:
            cue[np.flatnonzero(cue)[:1]] = 0
    else:
        cues = nm.patterns.flip(nm.patterns.to_bipolar(keys, threshold=0.0), 0.05, rng=1)
        cues = cues.astype(keys.dtype)
    assert memory.recall(cues).success(keys, 0.9).all()


def test_cues_and_keys_are_untouched(memory):
    keys = patterns_for(memory)
    before = keys.copy()
    memory.store(keys)
    cues = keys[::-1].copy()
    memory.recall(cues)
    np.testing.assert_array_equal(keys, before)
    np.testing.assert_array_equal(cues, before[::-1])


def test_a_single_cue_may_come_flat_and_stays_a_batch_of_one(memory):
    keys = patterns_for(memory)
    memory.store(keys)
    np.testing.assert_array_equal(memory.recall(keys[0]).patterns, memory.recall(keys[:1]).patterns)


def test_the_same_seed_gives_the_same_state(card):
    ends = []
    for _ in range(2):
        memory = card.make(N, **CHEAP.get(card.name, {}))
        keys = patterns_for(memory, 12)
        cues = patterns_for(memory, 5, rng=9)
        ends.append(memory.store(keys).recall(cues, rng=3))
    np.testing.assert_array_equal(ends[0].patterns, ends[1].patterns)
    np.testing.assert_array_equal(ends[0].energy, ends[1].energy)


def test_A72_a_batch_in_parts_ends_as_the_whole(memory):
    memory.store(patterns_for(memory, 12))
    cues = patterns_for(memory, 7, rng=9)
    whole = memory.recall(cues, rng=3)
    parts = [memory.recall(part, rng=3) for part in (cues[:1], cues[1:4], cues[4:])]
    np.testing.assert_array_equal(np.concatenate([part.patterns for part in parts]), whole.patterns)


def test_A73_a_pickle_and_a_saved_file_recall_the_same(memory, tmp_path):
    keys = patterns_for(memory, 12)
    cues = patterns_for(memory, 5, rng=9)
    memory.store(keys)
    wanted = memory.recall(cues, rng=3)
    loaded = nm.load(memory.save(tmp_path / "memory.nc"))
    for twin in (pickle.loads(pickle.dumps(memory)), loaded):
        assert twin.parameters == memory.parameters
        assert twin.n_stored == memory.n_stored
        np.testing.assert_array_equal(twin.recall(cues, rng=3).patterns, wanted.patterns)
        np.testing.assert_array_equal(twin.recall(cues, rng=3).energy, wanted.energy)


def test_a_loaded_memory_goes_on_learning(card, tmp_path):
    memory = card.make(N, **CHEAP.get(card.name, {}))
    keys = patterns_for(memory, 8)
    nm.load(memory.store(keys[:5]).save(tmp_path / "memory.nc")).store(keys[5:])
    twin = nm.load(tmp_path / "memory.nc").store(keys[5:])
    memory.store(keys[5:])
    np.testing.assert_array_equal(memory.recall(keys).patterns, twin.recall(keys).patterns)


def test_A73_recall_resumes_where_it_stopped(memory, tmp_path):
    memory.store(patterns_for(memory, 16))
    cues = patterns_for(memory, 9, rng=9)
    whole = memory.recall(cues, rng=3, steps=6)
    half = memory.recall(cues, rng=3, steps=1)
    half = type(half).load(half.save(tmp_path / "half.nc"))
    rest = memory.recall(half, rng=3, steps=5)
    np.testing.assert_array_equal(rest.patterns, whole.patterns)
    np.testing.assert_array_equal(rest.steps, whole.steps)
    np.testing.assert_array_equal(rest.converged, whole.converged)


def test_synapses_are_linear_operators(memory):
    memory.store(patterns_for(memory))
    rng = np.random.default_rng(0)
    for operator in memory.synapses.values():
        n_out, n_in = operator.shape
        x, y = rng.standard_normal(n_in), rng.standard_normal(n_out)
        np.testing.assert_allclose(y @ (operator @ x), x @ (operator.T @ y), rtol=1e-4)


def test_the_memory_says_what_it_weighs(memory):
    assert memory.store(patterns_for(memory)).nbytes > 0


def test_recall_before_store_says_so(memory):
    with pytest.raises(CapabilityError, match=r"nothing is stored yet. Call store\(keys\) first"):
        memory.recall(np.ones((1, N)))


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (lambda keys: keys[:, :-1], ShapeError),
        (lambda keys: keys[:0], ShapeError),
        (lambda keys: keys[None], ShapeError),
        (lambda keys: keys.astype(float) * np.nan, CodeError),
        (lambda keys: keys + 1j, CodeError),
        (lambda keys: [["a"] * N], CodeError),
        (lambda keys: [[1] * N, [1]], ShapeError),
    ],
    ids=["wrong length", "empty", "3-D", "NaN", "complex", "text", "ragged"],
)
def test_bad_input_is_refused_in_one_line(memory, bad, error):
    keys = patterns_for(memory)
    memory.store(keys)
    for verb in (memory.store, memory.recall, memory.energy):
        with pytest.raises(error, match=type(memory).__name__) as caught:
            verb(bad(keys))
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, NeuromemError)
    assert memory.n_stored == P


@pytest.mark.parametrize("n", [1, 0, -3, 2.5, "many", None])
def test_n_must_be_a_whole_number_of_at_least_two(card, n):
    with pytest.raises(ValueError, match="give a whole number >= 2"):
        card.make(n)


def test_negative_steps_are_refused(memory):
    keys = patterns_for(memory)
    with pytest.raises(ValueError, match="steps is -1; give a whole number >= 0"):
        memory.store(keys).recall(keys, steps=-1)


def test_a_wrong_code_says_how_to_convert():
    net = nm.models.Hopfield(8)
    with pytest.raises(CodeError, match=r"keys hold 0 and 1; .* nm\.patterns\.to_bipolar\(x\)"):
        net.store(np.eye(8))


def test_unknown_name_offers_near_ones():
    with pytest.raises(ValueError, match="no model named 'hopfild'; did you mean hopfield"):
        nm.models.find("hopfild")
