"""Bits: tables whose information is known, the bias that is taken off, theory, bytes."""

import functools

import numpy as np
import pytest
import xarray as xr

import neuromem as nm
from neuromem.core.errors import CapabilityError, ParameterError
from neuromem.measures import information, information_capacity
from neuromem.measures.information import Table


def h2(p):
    return -p * np.log2(p) - (1 - p) * np.log2(1 - p)


def test_information_of_a_table_by_hand():
    """40, 10, 5, 45 of 100: H(x) + H(y) - H(x, y) in bits, less 1/(2 n ln 2) as all cells occur."""
    target = np.repeat([False, False, True, True], [40, 10, 5, 45])
    recalled = np.repeat([False, True, False, True], [40, 10, 5, 45])
    table = Table.of(target, recalled)
    assert table.counts.tolist() == [[40, 10], [5, 45]]
    joint = -sum(c * np.log2(c) for c in (0.4, 0.1, 0.05, 0.45))
    expected = h2(0.5) + h2(0.45) - joint - 1 / (200 * np.log(2))
    assert float(table.information()) == pytest.approx(expected)


def test_bias_of_independent_tables_is_taken_off():
    """2000 tables of 50 independent samples: plain 1/(2 n ln 2) = 0.0144 each, corrected 0.

    The sd of n I in nats is that of chi-squared / 2 with one degree of freedom, 0.71: in bits and
    over 2000 tables 0.0005.
    """
    draw = np.random.default_rng(0)
    target, recalled = draw.random((2, 50, 2000)) < 0.5
    found = Table.of(target, recalled).information()
    assert found.mean() == pytest.approx(0.0, abs=4 * 0.0005)
    assert found.mean() + 1 / (100 * np.log(2)) == pytest.approx(0.0144, abs=4 * 0.0005)


def test_perfect_recall_gives_all_bits():
    """40 patterns of 1000 units without an error: P N bits, known to the fluctuation of H(x)."""
    xi = nm.patterns.random(40, 1000, rng=0)
    found = information(nm.models.Hopfield(1000, form="dense").store(xi), xi)
    # Miller-Madow leaves terms of order 1/n^2 = 6e-4 a bit.
    assert found["bits"].item() == pytest.approx(40 * 1000, rel=2e-3)
    assert found["synapses"].item() == 1000 * 999
    assert found["bits_per_synapse"].item() == pytest.approx(0.04, rel=4e-3)
    assert found["nbytes"].item() == 4 * 1000 * 1000
    assert found["bits_per_byte"].item() == pytest.approx(0.01, rel=4e-3)
    assert found["bits_per_int8_byte"].item() == found["bits_per_synapse"].item()
    assert found["bits_per_float32_byte"] == found["bits_per_synapse"] / 4


def test_packed_patterns_hold_more_bits_a_byte_than_weights():
    xi = nm.patterns.random(40, 1000, rng=0)
    packed, dense = (
        information(nm.models.Hopfield(1000, form=form).store(xi), xi)
        for form in ("overlap", "dense")
    )
    assert packed["bits"].item() == dense["bits"].item()
    assert packed["bits_per_byte"].item() > 50 * dense["bits_per_byte"].item()
    assert packed["bits_per_byte"].item() <= 8.02


def test_a_destroyed_recall_gives_no_bits():
    """Cues that are half flipped are no cues: what comes back is independent of the pattern."""
    xi = nm.patterns.random(200, 300, rng=0)
    net = nm.models.Hopfield(300, form="dense").store(xi)
    found = information(net, xi, cue_noise=0.5, steps=0)
    assert abs(found["bits"].item()) < 0.01 * 200 * 300


def test_constant_units_count_for_nothing():
    xi = nm.patterns.random(20, 400, rng=0)
    xi[:, :300] = 1
    net = nm.models.Hopfield(400, rule="pseudo-inverse").store(xi)
    assert information(net, xi)["bits"].item() == pytest.approx(20 * 100, rel=0.01)


def test_information_of_hebb_follows_theory():
    found = information_capacity("hopfield", n=2000, loads=[0.05, 0.10, 0.12], trials=3)
    measured = found["bits_per_synapse"].mean("trial")
    # alpha (1 - H2((1-m)/2)): an error of 0.002 in m = 0.993 is 0.008 of the bits; N/(N-1) more.
    np.testing.assert_allclose(measured, found["theory_bits_per_synapse"], rtol=0.01)
    np.testing.assert_array_equal(found["patterns"], [100, 200, 240])


def test_given_patterns_have_a_table_for_each_unit():
    correlated = functools.partial(nm.patterns.correlated, overlap=0.9)
    choices = {"n": 100, "loads": [0.3], "trials": 2, "cues": 30}
    alike = information_capacity("pseudo-inverse", patterns=correlated, **choices)
    free = information_capacity("pseudo-inverse", **choices)
    assert alike["bits"].mean() < 0.6 * free["bits"].mean()


def test_two_workers_give_the_same_dataset_as_none():
    choices = {"n": 60, "loads": [0.05, 0.1], "trials": 2, "seed": 4}
    alone = information_capacity("hopfield", **choices)
    xr.testing.assert_identical(alone, information_capacity("hopfield", workers=2, **choices))


def test_the_bytes_of_a_memory_on_a_chip_are_its_own(noisy_chip):
    choices = {"n": 60, "loads": [0.1], "trials": 1}
    ideal = information_capacity("hopfield-dense", **choices)
    placed = information_capacity("hopfield-dense", on=noisy_chip(0.0), **choices)
    assert placed["nbytes"].item() == ideal["nbytes"].item()
    assert placed["bits"].item() == ideal["bits"].item()


def test_bad_arguments_are_refused():
    xi = nm.patterns.random(2, 40, rng=0)
    net = nm.models.Hopfield(40).store(xi)
    with pytest.raises(ParameterError, match=r"information: cue_noise is 0\.7"):
        information(net, xi, cue_noise=0.7)
    with pytest.raises(CapabilityError, match=r"information: nothing is stored yet"):
        information(nm.models.Hopfield(40), xi)
    with pytest.raises(ParameterError, match=r"information_capacity: loads has shape \(0,\)"):
        information_capacity("hopfield", n=40, loads=[])


def test_every_number_has_units_a_meaning_and_an_origin():
    xi = nm.patterns.random(2, 40, rng=0)
    found = information(nm.models.Hopfield(40).store(xi), xi)
    for variable in found.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    assert found["bits_per_byte"].attrs["units"] == "bit/byte"


@pytest.mark.parametrize("model", ["dense-memory", "modern-hopfield"])
def test_information_capacity_of_memories_that_keep_their_patterns(model):
    """Their synapses are the stored patterns: none before, P N after."""
    found = information_capacity(model, n=40, loads=[0.05], trials=1)
    assert (found["bits_per_synapse"] > 0).all()
