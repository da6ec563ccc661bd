"""Networks from elsewhere: the matrices of a NIR graph or of a plain list, layer by layer.

NIR (Pedersen et al., Nature Communications 15, 8122, 2024) is what snnTorch, Norse, Lava and
others exchange. Its linear and convolution nodes go onto arrays; neurons, delays, scales and
pooling stay digital.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuromem.core.codes import Array
from neuromem.core.errors import CapabilityError, ParameterError
from neuromem.hardware.arrays.matrix import as_array

WEIGHTED = ("Affine", "Linear", "Conv1d", "Conv2d")
DIGITAL = (
    "Input",
    "Output",
    "LIF",
    "IF",
    "LI",
    "I",
    "CubaLIF",
    "CubaLI",
    "Threshold",
    "Flatten",
    "Scale",
    "Delay",
    "SumPool2d",
    "AvgPool2d",
)


@dataclass(frozen=True)
class Layer:
    """One matrix of a network.

    Attributes
    ----------
    weights : ndarray, shape (n_out, n_in)
        Of a convolution: a row for each output channel, a column for each weight of its kernel.
    products : int
        Products for one input: the output positions of a convolution, else 1.
    node : tuple of str
        Where the node stands in a graph: names of the subgraphs, then its own.
    group : int
        Which group of a convolution's channels.
    """

    weights: Array
    products: int = 1
    node: tuple[str, ...] = ()
    group: int = 0


def layers_of(network: Any) -> tuple[dict[str, Layer], Any]:
    """Return the layers of a network by name, and its graph (None for plain matrices).

    Raises
    ------
    CapabilityError
        If a node cannot be mapped; the message names it.
    ParameterError
        If `network` is neither a graph nor matrices, or there is no matrix in it.
    """
    layers: dict[str, Layer] = {}
    graph = None
    if isinstance(network, Mapping):
        for name, matrix in network.items():
            _add(layers, str(name), Layer(as_array(matrix, f"Chip.map: {name!r}")))
    elif isinstance(network, Sequence) and not isinstance(network, str):
        for place, matrix in enumerate(network):
            _add(layers, str(place), Layer(as_array(matrix, f"Chip.map: {str(place)!r}")))
    elif _kind(network) == "NIRGraph":
        layers, graph = _graph_layers(network, ()), network
    else:
        raise ParameterError(
            f"Chip.map: memory is {type(network).__name__}; give a memory that has stored "
            "patterns, a nir.NIRGraph, or a list or mapping of matrices."
        )
    if not layers:
        raise ParameterError(
            "Chip.map: there is no matrix in this network. Give at least one layer with weights."
        )
    return layers, graph


def with_weights(graph: Any, layers: Mapping[str, Layer], weights: Mapping[str, Array]) -> Any:
    """Return a copy of a NIR graph with other weights in the nodes of its layers."""
    changed = copy.deepcopy(graph)
    for name, layer in layers.items():
        node = changed
        for step in layer.node:
            node = node.nodes[step]
        whole = np.array(node.weight)
        height = len(layer.weights)
        channels = slice(layer.group * height, (layer.group + 1) * height)
        whole[channels] = weights[name].reshape(whole[channels].shape)
        node.weight = whole
    return changed


def _add(layers: dict[str, Layer], name: str, layer: Layer) -> None:
    """Add a layer; raise if there is one of its name, which would be lost."""
    if name in layers:
        raise ParameterError(
            f"Chip.map: two layers have the name {name!r}. Give them names of their own."
        )
    layers[name] = layer


def _kind(node: Any) -> str:
    """Return the name of a NIR node's class, so that nir itself need not be installed."""
    return type(node).__name__


def _graph_layers(graph: Any, path: tuple[str, ...]) -> dict[str, Layer]:
    layers: dict[str, Layer] = {}
    for name, node in graph.nodes.items():
        place = (*path, str(name))
        kind = _kind(node)
        if kind == "NIRGraph":
            for inner, layer in _graph_layers(node, place).items():
                _add(layers, inner, layer)
        elif kind in WEIGHTED:
            for inner, layer in _node_layers(node, kind, place).items():
                _add(layers, inner, layer)
        elif kind not in DIGITAL:
            raise CapabilityError(
                f"Chip.map: node {'.'.join(place)!r} is a {kind}, which cannot be mapped. "
                f"On arrays go {', '.join(WEIGHTED)}; beside them stay {', '.join(DIGITAL)}."
            )
    return layers


def _node_layers(node: Any, kind: str, place: tuple[str, ...]) -> dict[str, Layer]:
    """Return the matrices of one node: one, or one for each group of a convolution."""
    name = ".".join(place)
    weights = as_array(node.weight, f"Chip.map: node {name!r}")
    if kind in ("Affine", "Linear"):
        if weights.ndim != 2:
            raise CapabilityError(
                f"Chip.map: node {name!r} has weights of shape {weights.shape}; "
                "only matrices (n_out, n_in) can be mapped."
            )
        return {name: Layer(weights, node=place)}
    positions = _positions(node, name)
    groups = int(node.groups)
    kernels = weights.reshape(groups, weights.shape[0] // groups, -1)
    names = [name] if groups == 1 else [f"{name}[{group}]" for group in range(groups)]
    return {
        one: Layer(kernel, positions, place, group)
        for group, (one, kernel) in enumerate(zip(names, kernels, strict=True))
    }


def _positions(node: Any, name: str) -> int:
    """Return how many positions a convolution's kernel is read at."""
    shape = (node.output_type or {}).get("output")
    if node.input_shape is None or shape is None:
        raise CapabilityError(
            f"Chip.map: the convolution {name!r} has no input_shape, so that the number of its "
            "products is unknown. Give the node an input_shape."
        )
    return int(np.prod(np.asarray(shape)[1:]))
