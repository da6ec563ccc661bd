"""What measures share: recipes of memories, patterns that fit them, cues, chips, bad input."""

import functools
import pickle

import numpy as np
import pytest

import neuromem as nm
from neuromem.core.errors import CapabilityError, ParameterError, ShapeError
from neuromem.measures._models import Maker, Setup, corrupted, random_patterns, stored_patterns
from neuromem.models import Hopfield

SEED = np.random.SeedSequence(0)


def setup_of(model="hopfield", n=50, patterns=None, on=None, cues=5, **recall):
    return Setup.checked("capacity", model, n, patterns=patterns, on=on, cues=cues, recall=recall)


def two_networks(n):
    return [Hopfield(n), Hopfield(n)]


@pytest.mark.parametrize(
    ("model", "name", "rule"),
    [
        ("storkey", "storkey", "storkey"),
        (Hopfield, "Hopfield", "hebb"),
        (functools.partial(Hopfield, rule="storkey"), "Hopfield(rule='storkey')", "storkey"),
    ],
)
def test_a_model_is_a_name_a_class_or_a_callable(model, name, rule):
    maker = pickle.loads(pickle.dumps(Maker("capacity", model)))
    assert maker.name == repr(maker) == name
    assert maker(10).rule == rule


def test_an_unknown_name_offers_near_ones():
    with pytest.raises(ParameterError, match=r"no model named 'hopfeild'; did you mean hopfield"):
        Maker("capacity", "hopfeild")


def test_a_memory_is_no_model():
    with pytest.raises(ParameterError, match=r"capacity: model is a Hopfield; give a class"):
        Maker("capacity", Hopfield(10))


def test_a_callable_must_give_a_memory():
    with pytest.raises(ParameterError, match=r"capacity: model\(10\) gave a list; give a callable"):
        Maker("capacity", two_networks)(10)


@pytest.mark.parametrize(
    ("model", "dtype", "values"),
    [("hopfield", np.int8, {-1, 1}), ("low-activity", np.uint8, {0, 1})],
)
def test_random_patterns_are_in_the_memory_s_code(model, dtype, values):
    memory = Maker("capacity", model)(200)
    drawn = random_patterns("capacity", memory, 30, np.random.default_rng(0))
    assert drawn.dtype == dtype
    assert set(np.unique(drawn)) == values
    expected = 0.1 if model == "low-activity" else 0.0
    # The sd of the mean of 6000 signs is 0.013; the activity is exact.
    assert drawn.mean() == pytest.approx(expected, abs=0.05 if expected == 0.0 else 1e-12)


def test_random_patterns_of_a_real_memory_are_signs_in_float32():
    memory = nm.models.ModernHopfield(50)
    drawn = random_patterns("capacity", memory, 3, np.random.default_rng(0))
    assert drawn.dtype == np.float32
    assert set(np.unique(drawn)) == {-1.0, 1.0}


@pytest.mark.parametrize("code", ["bipolar", "binary", "real"])
def test_cue_noise_flips_exactly_its_share_of_each_pattern(code):
    patterns = nm.patterns.random(4, 200, rng=0)
    if code == "binary":
        patterns = nm.patterns.to_binary(patterns)
    elif code == "real":
        patterns = patterns * np.linspace(0.5, 2.0, 200, dtype=np.float32)
    cues = corrupted(patterns, code, 0.15, SEED)
    assert np.sum(cues != patterns, axis=1).tolist() == [30] * 4
    if code == "real":
        np.testing.assert_array_equal(np.abs(cues), np.abs(patterns))
    assert cues.dtype == patterns.dtype


def test_a_network_stores_the_load_and_is_asked_for_some_of_it():
    setup = setup_of(n=100, cues=7)
    network = setup.network(100, 0.12, SEED)
    assert len(network.patterns) == network.memory.n_stored == 12
    targets = setup.targets(network, SEED)
    assert targets.shape == (7, 100)
    # Rows of the stored patterns, in their order.
    places = [int(np.flatnonzero((network.patterns == row).all(axis=1))[0]) for row in targets]
    assert places == sorted(set(places))


def test_patterns_of_one_s_own_come_from_a_callable_or_an_array():
    digits = nm.patterns.digits()[:20]
    n = digits.shape[1]
    stored = setup_of(n=n, patterns=digits).network(n, 5 / n, SEED).patterns
    np.testing.assert_array_equal(stored, digits[:5])
    drawn = setup_of(patterns=functools.partial(nm.patterns.correlated, overlap=0.5))
    stored = drawn.network(50, 0.2, SEED).patterns
    assert stored.shape == (10, 50)
    gram = stored.astype(int) @ stored.T / 50
    # 45 pairs that overlap by 0.5: the sd of their mean is at most 1 / sqrt(50) = 0.14.
    assert gram[np.triu_indices(10, 1)].mean() == pytest.approx(0.5, abs=0.3)


def test_more_patterns_than_were_given_are_refused():
    digits = nm.patterns.digits()[:6]
    with pytest.raises(
        ParameterError, match=r"capacity: load 0\.11 stores 7 patterns at n=64, only 6 were given"
    ):
        setup_of(n=64, patterns=digits).count(64, 0.11)


def test_a_callable_that_gives_too_few_patterns_is_refused():
    def two(p, n, rng):
        return nm.patterns.random(2, n, rng=rng)

    with pytest.raises(ShapeError, match=r"gave 2 patterns, 10 were asked for"):
        setup_of(patterns=two).network(50, 0.2, SEED)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"updat": "sync"}, r"Hopfield\.recall has no option 'updat'; it has: update, temperature"),
        ({"rng": 3}, r"rng is set by the measure itself; use seed instead"),
        ({"record": "energy"}, r"record is set by the measure itself; use nm\.measures\.dynamics"),
        ({"on": 5}, r"on is int, which has no map\(memory, rng=\)"),
        ({"cues": 0}, r"cues is 0; give a whole number >= 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, text):
    with pytest.raises(ParameterError, match=f"capacity: {text}"):
        setup_of(**options)


def test_a_load_without_a_pattern_names_one_that_has_some():
    with pytest.raises(ParameterError, match=r"load 0\.001 stores no pattern at n=50; give a load"):
        setup_of().count(50, 0.001)


def test_an_untrained_memory_and_things_that_are_none_are_refused():
    with pytest.raises(CapabilityError, match=r"snr: nothing is stored yet"):
        stored_patterns("snr", Hopfield(4), [[1, 1, 1, 1]])
    with pytest.raises(ParameterError, match=r"snr: memory is the class Hopfield; give a memory"):
        stored_patterns("snr", Hopfield, [[1, 1, 1, 1]])
