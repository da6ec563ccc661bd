"""Retrieval dynamics: the recorded way agrees with the recall and with the laws of energy."""

import numpy as np
import pytest

import neuromem as nm
from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.measures import dynamics

N = 300
XI = nm.patterns.random(24, N, rng=1)
CUES = nm.patterns.flip(XI[:6], 0.25, rng=2)


@pytest.fixture(scope="module")
def net():
    return nm.models.Hopfield(N, form="dense").store(XI)


@pytest.mark.parametrize("update", ["async", "sync"])
def test_it_is_the_way_of_the_recall_with_the_same_seed(net, update):
    way = dynamics(net, XI[:6], CUES, seed=4, update=update)
    seen = net.recall(CUES, rng=4, update=update)
    np.testing.assert_array_equal(way["overlap"][-1], seen.overlap(XI[:6]))
    np.testing.assert_array_equal(way["energy"][-1], seen.energy)
    np.testing.assert_array_equal(way["steps"], seen.steps)
    np.testing.assert_array_equal(way["converged"], seen.converged)
    assert way.sizes["step"] == seen.steps.max() + 1


def test_it_starts_at_the_cue(net):
    way = dynamics(net, XI[:6], CUES)
    np.testing.assert_allclose(way["overlap"][0], 0.5)
    np.testing.assert_array_equal(way["energy"][0], net.energy(CUES))
    np.testing.assert_array_equal(way["flips"][0], 0)


def test_energy_never_rises_and_overlaps_change_by_the_flips(net):
    way = dynamics(net, XI[:6], CUES)
    assert (way["energy"].diff("step") <= 1e-9).all()
    # Each flip moves the overlap by 2/N at most.
    moved = np.abs(way["overlap"].diff("step")) * N / 2
    assert (moved <= way["flips"][1:] + 1e-9).all()


def test_one_target_serves_all_cues(net):
    cues = nm.patterns.flip(np.repeat(XI[:1], 4, axis=0), 0.1, rng=0)
    assert (dynamics(net, XI[0], cues)["overlap"][-1] > 0.95).all()


def test_a_chip_without_noise_goes_the_same_way(net, noisy_chip):
    ideal = dynamics(net, XI[:6], CUES)
    same = dynamics(net, XI[:6], CUES, on=noisy_chip(0.0))
    np.testing.assert_array_equal(ideal["overlap"], same["overlap"])
    other = dynamics(net, XI[:6], CUES, on=noisy_chip(1.0))
    assert not np.array_equal(ideal["overlap"][1], other["overlap"][1])


def test_bad_arguments_are_refused(net):
    with pytest.raises(ShapeError, match=r"dynamics: 6 patterns came with 2 cues"):
        dynamics(net, XI[:6], CUES[:2])
    with pytest.raises(CodeError, match=r"dynamics: cues hold 0 and 1"):
        dynamics(net, XI[:6], nm.patterns.to_binary(CUES))
    with pytest.raises(ParameterError, match=r"record is set by the measure itself; use the retur"):
        dynamics(net, XI[:6], CUES, record="state")
    with pytest.raises(ParameterError, match=r"has no option 'speed'; it has: update"):
        dynamics(net, XI[:6], CUES, speed=3)


def test_every_number_has_units_a_meaning_and_an_origin(net):
    way = dynamics(net, XI[:6], CUES)
    for variable in way.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    assert way.attrs["model"] == "Hopfield"
    assert "blake2b" in way.attrs["parameters"]
