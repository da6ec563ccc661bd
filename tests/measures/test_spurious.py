"""Spurious states: mixtures by hand, a census whose answer is known, bad input."""

import numpy as np
import pytest

import neuromem as nm
from neuromem.core.errors import CapabilityError, ParameterError
from neuromem.measures import spurious
from neuromem.measures.spurious import KINDS, classify


def kinds(states, patterns):
    return [KINDS[kind] for kind in classify(states, patterns).kind]


def test_A19_three_mixture_is_stable_with_its_overlaps_and_energy():
    """N = 1e4: overlaps 1/2, E = -0.375 N, to 0.02; a fixed point at T = 0 for a small load."""
    n = 10_000
    xi = nm.patterns.random(10, n, rng=3)
    mixture = np.sign(xi[:3].sum(axis=0, dtype=int)).astype(np.int8)
    net = nm.models.Hopfield(n, form="overlap").store(xi)
    seen = net.recall(mixture)
    assert seen.converged.all()
    end = seen.patterns[0]
    np.testing.assert_allclose(xi[:3] @ end.astype(int) / n, 0.5, atol=0.02)
    assert seen.energy[0] / n == pytest.approx(-0.375, abs=0.02)
    assert (end @ mixture.astype(int)) / n > 0.98
    census = classify(seen.patterns, xi)
    assert (KINDS[census.kind[0]], census.mixed[0]) == ("mixture", 3)


def test_states_made_by_hand_are_what_they_are():
    """Overlaps of mixtures of 3, 5, 7: 1/2, 3/8, 5/16, +-0.01 at N = 1e4: all beyond 0.25."""
    xi = nm.patterns.random(20, 10_000, rng=0)
    mixed = [np.sign(xi[:k].sum(axis=0, dtype=int)) for k in (3, 5, 7)]
    opposite = np.sign(xi[0].astype(int) - xi[1] - xi[2])
    random = nm.patterns.random(1, 10_000, rng=9)[0]
    half = np.where(np.arange(10_000) < 7500, xi[4], random)
    states = np.stack([xi[3], -xi[3], *mixed, opposite, random, half]).astype(np.int8)
    expected = ["pattern", "complement", *["mixture"] * 4, "glass", "other"]
    assert kinds(states, xi) == expected
    assert classify(states, xi).mixed.tolist() == [1, 1, 3, 5, 7, 3, 0, 1]
    assert classify(states, xi).nearest[[0, 1, 7]].tolist() == [3, 3, 4]


def test_one_pattern_has_half_of_all_starts_and_its_complement_the_other():
    """Each start has a random sign: 500 +- 16 of 1000."""
    xi = nm.patterns.random(1, 101, rng=0)
    found = spurious(nm.models.Hopfield(101, form="dense").store(xi), xi)
    fraction = found["fraction"].to_series()
    assert fraction["pattern"] + fraction["complement"] == 1.0
    assert fraction["pattern"] == pytest.approx(0.5, abs=4 * 0.016)
    assert found["distinct"].values.tolist() == [1, 1, 0, 0, 0]
    assert found["basin_weight"].item() == fraction["pattern"]
    np.testing.assert_allclose(found["energy"], -(101 - 1) / 2)
    assert found["converged"].all()


def test_three_patterns_end_in_themselves_complements_and_eight_mixtures():
    """N large, P = 3: nothing else is stable than +-xi and the mixtures sgn(+-xi +-xi +-xi)."""
    xi = nm.patterns.random(3, 2000, rng=0)
    found = spurious(nm.models.Hopfield(2000, form="dense").store(xi), xi)
    assert found["fraction"].sel(kinds=["pattern", "complement", "mixture"]).sum() == 1.0
    assert found["distinct"].values.tolist() == [3, 3, 8, 0, 0]
    mixed = found["mixed"].values[found["kind"].values == KINDS.index("mixture")]
    assert (mixed == 3).all()
    # Symmetric: each sign as often as the other, within 4 standard deviations.
    fraction = found["fraction"].values
    assert abs(fraction[0] - fraction[1]) < 4 * np.sqrt(2 * 0.25 / 1000)
    assert found["basin_weight"].sum() == pytest.approx(fraction[0])


def test_random_starts_end_in_glass_above_capacity():
    xi = nm.patterns.random(200, 400, rng=0)
    found = spurious(nm.models.Hopfield(400, form="dense").store(xi), xi, starts=200)
    fraction = found["fraction"].to_series()
    assert fraction["pattern"] == fraction["complement"] == 0.0
    assert fraction["glass"] > 0.5
    low, high = found["fraction_low"].to_series(), found["fraction_high"].to_series()
    assert low["glass"] < fraction["glass"] < high["glass"]
    assert (low["pattern"], high["pattern"]) == (0.0, pytest.approx(3.84 / 203.84, abs=1e-4))


def test_a_census_is_a_function_of_the_seed():
    xi = nm.patterns.random(10, 100, rng=0)
    net = nm.models.Hopfield(100).store(xi)
    first, again = (spurious(net, xi, starts=50, seed=1) for _ in range(2))
    assert first.identical(again)
    assert not np.array_equal(spurious(net, xi, starts=50, seed=2)["overlap"], first["overlap"])
    for variable in first.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)


def test_bad_arguments_are_refused():
    xi = nm.patterns.random(2, 40, rng=0)
    net = nm.models.Hopfield(40).store(xi)
    with pytest.raises(ParameterError, match=r"spurious: starts is 0; give a whole number >= 1"):
        spurious(net, xi, starts=0)
    sparse = nm.models.Hopfield(40, rule="covariance", activity=0.1)
    eta = nm.patterns.low_activity(2, 40, 0.1, rng=0)
    with pytest.raises(CapabilityError, match=r"spurious: Hopfield holds binary patterns"):
        spurious(sparse.store(eta), eta)
