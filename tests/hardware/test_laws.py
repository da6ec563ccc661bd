"""With ideal devices and converters every mapping gives the ideal answer: one suite for all."""

import numpy as np
import pytest

import neuromem as nm
from neuromem.hardware.arrays.options import SCHEMES

N, P = 48, 4
WIDE = {"weight_bits": 24, "cell_bits": 5}
"""Bits of a sliced weight in this suite: the error of the last one is 6e-8 of the range."""
TILES = [(256, 256), (16, 40), (7, 25), (48, 96)]
MAPPED = [card for card in nm.models.catalog() if card.maps]
CHEAP = {"unlearning": {"dreams": 20}}


def choices(scheme):
    return WIDE if scheme.startswith("sliced") else {}


@pytest.fixture(params=SCHEMES)
def scheme(request):
    return request.param


@pytest.fixture(params=TILES, ids=lambda tile: "x".join(map(str, tile)))
def tile(request):
    return request.param


@pytest.fixture(params=["fill", "equal"])
def split(request):
    return request.param


def wide_enough(scheme, tile):
    """Return the tile, or one in which a single output of the scheme fits."""
    needed = {"sliced": 10, "sliced-offset": 5, "sliced-complement": 6}.get(scheme, 4)
    return tile[0], max(tile[1], needed)


@pytest.fixture
def crossbar(scheme, tile, split):
    weights = np.random.default_rng(0).normal(size=(31, 45))
    chip = nm.hardware.Chip(
        "ideal",
        wide_enough(scheme, tile),
        scheme=scheme,
        split=split,
        dtype=np.float64,
        **choices(scheme),
    )
    return weights, chip.map([weights]).layers["0"]


def tolerance(scheme):
    # 45 inputs, each weight off by at most half of the last of 24 bits; else rounding alone.
    return 45 * 4.0 * 2.0**-23 if scheme.startswith("sliced") else 1e-12


def test_products_are_ideal_forward_and_backward(crossbar, scheme):
    weights, operator = crossbar
    draw = np.random.default_rng(1)
    x, y = draw.uniform(-1, 1, (45, 6)), draw.uniform(-1, 1, (31, 3))
    np.testing.assert_allclose(operator @ x, weights @ x, atol=tolerance(scheme))
    np.testing.assert_allclose(operator.T @ y, weights.T @ y, atol=tolerance(scheme))
    np.testing.assert_allclose(operator @ x[:, 0], weights @ x[:, 0], atol=tolerance(scheme))


def test_H18_map_and_read_back_in_float64(crossbar, scheme):
    weights, operator = crossbar
    bound = np.abs(weights).max() * (2.0**-23 if scheme.startswith("sliced") else 1e-12)
    np.testing.assert_allclose(operator.weights, weights, atol=bound)


def test_H18_map_and_read_back_in_float32(scheme):
    weights = np.random.default_rng(0).normal(size=(31, 45))
    operator = nm.hardware.Crossbar.program(weights, "ideal", scheme=scheme, **choices(scheme))
    largest = np.abs(weights).max()
    np.testing.assert_allclose(operator.weights, weights, atol=1e-6 * largest)


@pytest.mark.parametrize("card", MAPPED, ids=lambda card: card.name)
def test_every_memory_that_maps_recalls_as_it_does_without_a_chip(card, scheme):
    memory = card.make(N, **CHEAP.get(card.name, {}))
    keys = keys_for(memory)
    memory.store(keys)
    cues = cues_for(memory, keys)
    chip = nm.hardware.Chip("ideal", (16, 60), scheme=scheme, dtype=np.float64, **choices(scheme))
    placed = chip.map(memory, rng=0).memory
    here, there = memory.recall(cues, rng=1), placed.recall(cues, rng=1)
    bound = 1e-4 if scheme.startswith("sliced") else 1e-6
    np.testing.assert_allclose(there.patterns, here.patterns, atol=bound)
    np.testing.assert_allclose(there.energy, here.energy, rtol=bound, atol=bound)


def keys_for(memory):
    if memory.code == "binary":
        return nm.patterns.low_activity(P, memory.n, memory.parameters["activity"], rng=0)
    drawn = nm.patterns.random(P, memory.n, rng=0)
    return drawn.astype(np.float32) if memory.code == "real" else drawn


def cues_for(memory, keys):
    if memory.code == "binary":
        cues = keys.copy()
        for cue in cues:
            cue[np.flatnonzero(cue)[0]] = 0
        return cues
    if memory.code == "real":
        return keys * nm.patterns.flip(np.ones(keys.shape, np.int8), 0.1, rng=1)
    return nm.patterns.flip(keys, 0.1, rng=1)
