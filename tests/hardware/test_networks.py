"""Networks from elsewhere: NIR graphs and plain matrices, layer by layer."""

import itertools

import numpy as np
import pytest

import neuromem as nm
from neuromem.core.errors import CapabilityError, NeuromemError, ParameterError

nir = pytest.importorskip("nir", reason="nir is not installed: pip install neuromem[spiking]")

draw = np.random.default_rng(0)


def neurons(n):
    ones = np.ones(n)
    return nir.LIF(tau=0.02 * ones, r=ones, v_leak=0 * ones, v_threshold=ones)


@pytest.fixture
def graph():
    """A convolution, a recurrent subgraph as snnTorch writes it, a readout."""
    inner = nir.NIRGraph(
        nodes={
            "input": nir.Input({"input": np.array([32])}),
            "lif": neurons(32),
            "w_rec": nir.Linear(draw.normal(size=(32, 32))),
            "output": nir.Output({"output": np.array([32])}),
        },
        edges=[("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
    )
    nodes = {
        "input": nir.Input({"input": np.array([2, 8, 8])}),
        "conv": nir.Conv2d(
            input_shape=(8, 8),
            weight=draw.normal(size=(4, 2, 3, 3)),
            stride=1,
            padding=1,
            dilation=1,
            groups=1,
            bias=np.zeros(4),
        ),
        "flat": nir.Flatten({"input": np.array([4, 8, 8])}, start_dim=0),
        "fc1": nir.Affine(draw.normal(size=(32, 256)), np.zeros(32)),
        "rec": inner,
        "fc2": nir.Linear(draw.normal(size=(10, 32))),
        "output": nir.Output({"output": np.array([10])}),
    }
    names = list(nodes)
    return nir.NIRGraph(nodes, list(itertools.pairwise(names)), type_check=False)


def test_a_graph_is_mapped_layer_by_layer(graph):
    placed = nm.hardware.Chip("rram-hfo2", tile=(64, 64), adc_bits=8).map(graph, rng=0)
    assert set(placed.layers) == {"conv", "fc1", "rec.w_rec", "fc2"}
    assert placed.layers["conv"].shape == (4, 18)
    report = placed.report
    assert int(report.products.sel(synapses="conv")) == 64  # 8 x 8 positions
    assert int(report.tiles.sel(synapses="fc1")) == 4  # 256 inputs on 64 rows, 32 pairs
    assert float(report.energy.sum()) > 0
    x = draw.uniform(-1, 1, 32)
    close = placed.layers["fc2"] @ x
    np.testing.assert_allclose(close, graph.nodes["fc2"].weight @ x, atol=2.5)


def test_the_graph_with_the_chips_weights_is_a_graph_again(graph, tmp_path):
    ideal = nm.hardware.Chip("ideal", dtype=np.float64).map(graph, rng=0).graph
    for name in ("conv", "fc1", "fc2"):
        np.testing.assert_allclose(ideal.nodes[name].weight, graph.nodes[name].weight, atol=1e-12)
    inner = ideal.nodes["rec"].nodes["w_rec"].weight
    np.testing.assert_allclose(inner, graph.nodes["rec"].nodes["w_rec"].weight, atol=1e-12)
    real = nm.hardware.Chip("pcm").map(graph, rng=0).at(86400.0).graph
    assert not np.allclose(real.nodes["fc1"].weight, graph.nodes["fc1"].weight, atol=0.1)
    nir.write(tmp_path / "on_chip.nir", real)
    back = nir.read(tmp_path / "on_chip.nir")
    np.testing.assert_allclose(back.nodes["fc2"].weight, real.nodes["fc2"].weight)


def test_the_groups_of_a_convolution_are_matrices_of_their_own():
    weight = draw.normal(size=(4, 1, 3, 3))
    conv = nir.Conv2d((8, 8), weight, 1, 0, 1, 2, np.zeros(4))
    graph = nir.NIRGraph({"conv": conv}, [], type_check=False)
    placed = nm.hardware.Chip("ideal", dtype=np.float64).map(graph)
    assert {name: layer.shape for name, layer in placed.layers.items()} == {
        "conv[0]": (2, 9),
        "conv[1]": (2, 9),
    }
    assert placed.report.products.values.tolist() == [36, 36]  # 6 x 6 positions
    np.testing.assert_allclose(placed.graph.nodes["conv"].weight, weight, atol=1e-12)


def test_a_plain_list_and_a_mapping_of_matrices_are_mapped_with_the_same_report():
    matrices = [draw.normal(size=(20, 30)), draw.normal(size=(10, 20))]
    chip = nm.hardware.Chip("ideal", tile=(16, 16), dtype=np.float64)
    placed = chip.map(matrices, rng=0)
    x = draw.normal(size=30)
    hidden = np.maximum(placed.layers["0"] @ x, 0)
    np.testing.assert_allclose(
        placed.layers["1"] @ hidden, matrices[1] @ np.maximum(matrices[0] @ x, 0), atol=1e-12
    )
    named = chip.map({"a": matrices[0], "b": matrices[1]}, rng=0)
    np.testing.assert_array_equal(named.report.tiles, placed.report.tiles)
    with pytest.raises(ParameterError, match="plain matrices were mapped, there is no graph"):
        _ = placed.graph


def test_a_node_that_cannot_be_mapped_is_named():
    class Mystery(nir.NIRNode):
        def __init__(self):
            self.input_type = {"input": np.array([3])}
            self.output_type = {"output": np.array([3])}

    graph = nir.NIRGraph(
        {"input": nir.Input({"input": np.array([3])}), "odd": Mystery()},
        [("input", "odd")],
        type_check=False,
    )
    with pytest.raises(CapabilityError, match="node 'odd' is a Mystery, which cannot be mapped"):
        nm.hardware.Chip("ideal").map(graph)


def test_a_convolution_of_unknown_size_is_named():
    graph = nir.NIRGraph(
        {"conv": nir.Conv1d(None, np.ones((2, 1, 3)), 1, 0, 1, 1, np.zeros(2))},
        [],
        type_check=False,
    )
    with pytest.raises(CapabilityError, match="convolution 'conv' has no input_shape"):
        nm.hardware.Chip("ideal").map(graph)


@pytest.mark.parametrize(
    ("network", "words"),
    [([], "there is no matrix"), ([np.ones(3)], "give a matrix"), ("pcm", "memory is str")],
)
def test_what_is_no_network_is_refused(network, words):
    with pytest.raises(NeuromemError, match=words):
        nm.hardware.Chip("ideal").map(network)
