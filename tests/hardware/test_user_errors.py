"""What a user may do wrong with a chip, and what may not be lost in silence."""

import dataclasses

import numpy as np
import pytest

import neuromem as nm
from neuromem.core.errors import NeuromemError, ParameterError, ShapeError
from neuromem.hardware import Chip, Crossbar, profile

W = np.random.default_rng(0).normal(size=(6, 5))


def test_a_chip_of_another_profile_has_another_name(tmp_path):
    """Resumed sweeps compare these: the name alone would mix two devices."""
    pcm = profile("pcm")
    still = dataclasses.replace(pcm, drift=None)
    names = [repr(Chip(one)) for one in (pcm, still, pcm.scaled(5e-6))]
    assert names[0] == "Chip('pcm')"
    assert len(set(names)) == 3
    assert repr(Chip(still)) == names[1]
    keys = nm.patterns.random(3, 40, rng=0)
    net = nm.models.Hopfield(40).store(keys)
    ask = {"times": [0.0, 1e5], "trials": 2, "store": tmp_path / "aged.zarr", "progress": False}
    nm.measures.ageing(net, keys, on=Chip(pcm), **ask)
    with pytest.raises(NeuromemError, match="store"):
        nm.measures.ageing(net, keys, on=Chip(still), resume=True, **ask)


def test_layers_of_the_same_name_are_refused():
    with pytest.raises(ParameterError, match="two layers have the name '1'"):
        Chip("ideal").map({1: W, "1": 2 * W})


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({"conv": W, "fc2": W * np.nan}, "'fc2': the weights hold NaN"),
        ({"bias": np.ones(3)}, r"'bias': weights have shape \(3,\)"),
        ([[[1.0, 2.0], [3.0]]], "'0': a list that is no array"),
    ],
)
def test_errors_name_the_layer(network, words):
    with pytest.raises(NeuromemError, match=words):
        Chip("ideal").map(network)


def test_a_tensor_that_learns_is_a_matrix():
    class Parameter:
        """As torch has it: no array until it is detached."""

        def __array__(self, *_, **__):
            raise RuntimeError("requires grad")

        def detach(self):
            return self

        def cpu(self):
            return W

    placed = Chip("ideal", dtype=np.float64).map([Parameter()])
    np.testing.assert_allclose(placed.layers["0"].weights, W, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"clip": "false"}, "clip is 'false'; give True or False"),
        ({"update": "foo"}, "no update model 'foo'"),
        ({"verify": {}}, "verify has no tolerance"),
        ({"technology": {"node": "x"}}, "node is 'x'"),
    ],
)
def test_bad_options_are_refused_before_anything_is_mapped(options, words):
    with pytest.raises(ParameterError, match=words):
        Chip("pcm", **options)


def test_a_preset_with_a_bad_technology_says_so():
    with pytest.raises(ParameterError, match="technology is 3; give a mapping"):
        Chip.preset("isaac", technology=3)


def test_a_preset_keeps_its_name():
    chip = Chip.preset("isaac")
    assert chip.title.startswith("ISAAC")
    assert chip.parameters["chip"] == "isaac"
    assert "ISAAC" in chip.map([W]).report.attrs["title"]


def test_rows_that_there_are_not_are_refused():
    crossbar = Crossbar.program(W, "ideal")
    np.testing.assert_array_equal(crossbar.rows([-1]), crossbar.rows([5]))
    for call in (crossbar.rows, lambda i: crossbar.outputs(np.ones((1, 5)), i)):
        with pytest.raises(ParameterError, match="give whole numbers from 0 to 5"):
            call([9])
        with pytest.raises(ParameterError, match="give whole numbers from 0 to 5"):
            call([0.5])


def test_inputs_are_real_numbers():
    crossbar = Crossbar.program(W, "ideal")
    with pytest.raises(ParameterError, match="dtype complex128; give real numbers"):
        _ = crossbar @ np.ones(5, complex)
    with pytest.raises(ShapeError, match="inputs have shape"):
        Crossbar.program(W, "ideal", inputs="x")
    with pytest.raises(ShapeError, match="one vector at least"):
        Crossbar.program(W, "ideal", inputs=np.ones((0, 5)))


def test_learning_refuses_what_is_not_finite():
    crossbar = Crossbar.program(W, "ideal", update="rpu-reference")
    with pytest.raises(ParameterError, match="left or right holds NaN"):
        crossbar.add_outer(np.full(6, np.nan), np.ones(5))


def test_time_runs_forward_in_search_arrays_too():
    words = np.random.default_rng(0).integers(0, 2, (4, 8))
    later = nm.hardware.TernaryCAM(words, "pcm", rng=0).at(1000.0)
    with pytest.raises(ParameterError, match=r"last read 1000 s after .* time does not run back"):
        later.at(1.0)
