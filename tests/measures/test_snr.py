"""Recall SNR against sqrt(1/alpha)."""

import numpy as np
import pytest

import neuromem as nm
from neuromem.core.errors import CapabilityError, ParameterError
from neuromem.measures import snr


@pytest.mark.parametrize("p", [50, 200, 500])
def test_snr_of_hebb_is_the_root_of_the_inverse_load(p):
    """The noise, over P N fields, has a relative error of about 1/sqrt(2 N) (fields of a unit
    share its weights): 2.2 % at N = 1000; the diagonal takes away 1/N of the signal.
    """
    xi = nm.patterns.random(p, 1000, rng=p)
    found = snr(nm.models.Hopfield(1000, form="dense").store(xi), xi)
    assert found["theory_snr"].item() == pytest.approx(np.sqrt(1000 / p))
    assert found["snr"].item() == pytest.approx(np.sqrt(1000 / p), rel=0.04)
    assert found["signal"].item() == pytest.approx(1.0, abs=0.01)
    assert found["pattern_snr"].mean().item() == pytest.approx(np.sqrt(1000 / p), rel=0.05)


def test_it_is_mean_over_deviation_of_the_aligned_field():
    xi = nm.patterns.random(5, 40, rng=0)
    net = nm.models.Hopfield(40, form="dense").store(xi)
    weights = xi.T.astype(float) @ xi / 40
    np.fill_diagonal(weights, 0.0)
    aligned = xi * (xi @ weights)
    found = snr(net, xi)
    assert found["snr"].item() == pytest.approx(aligned.mean() / aligned.std())
    np.testing.assert_allclose(found["pattern_signal"], aligned.mean(axis=1))
    np.testing.assert_allclose(found["pattern_noise"], aligned.std(axis=1))


def test_a_projection_has_no_noise_but_its_diagonal():
    xi = nm.patterns.random(10, 100, rng=0)
    net = nm.models.Hopfield(100, rule="pseudo-inverse", diagonal="kept").store(xi)
    assert snr(net, xi)["snr"].item() > 1e6


def test_sparse_patterns_are_told_apart_by_half_the_distance_of_their_fields():
    """Covariance rule: fields 1 - a and -a, crosstalk of variance alpha a: SNR 1/sqrt(4 alpha a).

    The tolerance is that of Hebb's rule, at N = 1000.
    """
    xi = nm.patterns.low_activity(100, 1000, 0.1, rng=0)
    net = nm.models.Hopfield(1000, rule="covariance", activity=0.1).store(xi)
    assert snr(net, xi)["snr"].item() == pytest.approx(1 / np.sqrt(4 * 0.1 * 0.1), rel=0.05)


def test_noise_of_a_chip_adds_to_crosstalk(noisy_chip):
    """A chip whose noise is as large as the weights' spread halves the squared SNR."""
    xi = nm.patterns.random(100, 500, rng=0)
    net = nm.models.Hopfield(500, form="dense").store(xi)
    ideal, noisy = snr(net, xi), snr(net, xi, on=noisy_chip(1.0))
    assert (noisy["snr"] / ideal["snr"]).item() == pytest.approx(np.sqrt(0.5), rel=0.05)


def test_memories_without_recurrent_synapses_are_refused():
    real = nm.models.ModernHopfield(4).store([[1.0, -1.0, 1.0, -1.0]])
    with pytest.raises(CapabilityError, match=r"snr: ModernHopfield has no recurrent synapses"):
        snr(real, [[1.0, -1.0, 1.0, -1.0]])


def test_patterns_without_contrast_are_refused():
    net = nm.models.Hopfield(20, rule="covariance", activity=0.1).store(np.zeros(20))
    with pytest.raises(ParameterError, match=r"snr: the patterns are all 0 or all 1"):
        snr(net, np.zeros(20))


def test_every_number_has_units_a_meaning_and_an_origin():
    xi = nm.patterns.random(5, 40, rng=0)
    found = snr(nm.models.Hopfield(40).store(xi), xi)
    for variable in found.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    assert '"n_stored": 5' in found.attrs["parameters"]
