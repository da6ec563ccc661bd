"""The reservoirs of two papers, in small: on arrays they do what exact weights do (H-55, H-56)."""

from pathlib import Path

import numpy as np
import pytest

from neuromem.core.errors import FileFormatError
from neuromem.core.patterns.datasets import data_folder
from neuromem.hardware.reservoir import Reservoir
from neuromem.sweep.scripts import load_script

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@pytest.fixture(scope="module")
def events():
    return load_script(EXPERIMENTS / "resistive_liquid_state_machine.py")


@pytest.fixture(scope="module")
def graphs():
    return load_script(EXPERIMENTS / "echo_state_graph_network.py")


@pytest.fixture(scope="module")
def words():
    return load_script(EXPERIMENTS / "spoken_digits_liquid.py")


def network(graphs, cells, task, rng):
    labels = graphs.load(task).labels.shape[1]
    scales = {"input_scale": 1.6e3, "recurrent_scale": 1e4}
    return Reservoir(labels, 50, units="tanh", rng=rng, **scales, **graphs.CELLS[cells])


# --- graphs ---------------------------------------------------------------------------------


def test_H55_random_weights_on_arrays_reach_the_published_accuracy_on_mutag(graphs):
    """Published: 92.1 % in ten folds of one partition (folds 84 to 100 %); +-3 points.

    Here the mean of 8 networks with a partition each, on noisy arrays; s.e. about 0.3 points.
    """
    if not graphs.has_mutag():
        pytest.skip("NEUROMEM_DATA holds no folder mutag with MUTAG_A.txt, ...: real data missing")
    mutag = graphs.load("mutag")
    folds = []
    for seed in range(8):
        made = network(graphs, "all, one sign", "mutag", seed)
        folds += graphs.folds_of(graphs.on_arrays(made, mutag, seed), mutag, seed)
    assert np.mean(folds) == pytest.approx(0.921, abs=0.03)
    assert np.mean(np.array(folds) >= 0.75) > 0.9
    atoms_alone = [
        np.mean(graphs.folds_of(network(graphs, "all, one sign", "mutag", seed), mutag, seed, 1))
        for seed in range(8)
    ]
    assert np.mean(folds) > np.mean(atoms_alone) + 0.015


def test_H55_branches_are_told_apart_from_three_iterations_on(graphs):
    """The first difference, the sum of squared degrees, is two steps away from each node.

    One or no iteration sees nodes, labels and edges only, which are as many: a coin's toss, of
    which 120 graphs give 50 +- 4 x 4.6 %.
    """
    branches = graphs.load("branches")
    made = network(graphs, "half, pairs", "branches", 1)
    for depth in (0, 1):
        assert abs(np.mean(graphs.folds_of(made, branches, 0, depth)) - 0.5) < 0.18
    for depth in (3, 4, 6):
        assert np.mean(graphs.folds_of(made, branches, 0, depth)) == 1.0
    arrays = graphs.on_arrays(made, branches, 0)
    assert np.mean(graphs.folds_of(arrays, branches, 0, 4)) > 0.9


def test_H55_no_depth_tells_one_ring_of_twelve_from_two_of_six(graphs):
    """Every node has two neighbours like itself: the states are the same to rounding."""
    rings = graphs.load("rings")
    for cells in graphs.CELLS:
        made = network(graphs, cells, "rings", 2)
        made.reset()
        drive = made.drive(rings.labels)
        for _ in range(6):
            states = made.step(drive, mixing=rings.edges)
        ringed = np.asarray(rings.edges.sum(axis=1)) == 2
        first = np.flatnonzero(ringed)[0]
        owners = rings.pooling.T.nonzero()[1]
        inside = np.zeros(len(states), bool)  # the first twelve nodes of each graph
        for graph in range(len(rings.classes)):
            inside[np.flatnonzero(owners == graph)[:12]] = True
        np.testing.assert_allclose(states[inside] - states[first], 0.0, atol=1e-6)
        assert abs(np.mean(graphs.folds_of(made, rings, 0)) - 0.5) < 0.18


def test_mutag_of_another_size_is_refused(graphs, tmp_path, monkeypatch):
    folder = tmp_path / "mutag"
    folder.mkdir()
    small = {"A": "1, 2\n2, 1\n", "graph_indicator": "1\n1\n", "node_labels": "0\n2\n"}
    for part, text in {**small, "graph_labels": "1\n-1\n"}.items():
        (folder / f"MUTAG_{part}.txt").write_text(text)
    monkeypatch.setenv("NEUROMEM_DATA", str(tmp_path))
    assert graphs.has_mutag()
    with pytest.raises(FileFormatError, match="hold 2 graphs, 2 nodes, 2 directed edges and 1 pos"):
        graphs.mutag()


# --- events ---------------------------------------------------------------------------------


def test_the_camera_returns_and_sees_only_what_changes(events):
    path = events.camera_path()
    np.testing.assert_allclose(path[0], path[-1], atol=1e-12)
    assert np.ptp(path, axis=0).tolist() == pytest.approx([6.0, 6.0], abs=0.05)
    blank = events.saccade_events(np.zeros((40, 28, 28), np.uint8))
    expected = 40 * 256 * events.RATE * events.DURATION  # false events alone
    assert blank.shape == (40, 50, 256)
    assert blank.sum() == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_an_edge_gives_the_events_of_its_contrast(events, monkeypatch):
    """ON events a pixel that an edge sweeps over once: ln(contrast) / threshold, rounded down."""
    monkeypatch.setattr(events, "RATE", 0.0)
    monkeypatch.setattr(events, "MISMATCH", 0.0)
    monkeypatch.setattr(events, "STEPS", 3000)  # so slow that no two events share a step
    edge = np.zeros((1, 28, 28), np.uint8)
    edge[:, :, 14:] = 255
    seen = events.saccade_events(edge).reshape(3000, 16, 16)[:, 8]
    rises = int(np.log(10.0) / 0.3)
    assert set(seen.sum(axis=0)) <= {0, *range(rises + 1)}
    assert np.sum(seen.sum(axis=0) == rises) >= 4  # six columns, less those at the turning points


def test_H56_the_arrays_lose_less_than_two_points_against_exact_weights(events):
    """Published on N-MNIST: 89.66 % on arrays, 89.11 % in software; here simulated events.

    So the accuracies are not compared, but their difference: with 8-bit ADCs and 2 % read noise,
    the mean over 4 liquids and both readouts; s.e. about 0.5 points.
    """
    digits = events.event_digits(800, 800)
    lost = []
    for seed in range(4):
        liquid = Reservoir(256, 200, rng=seed)
        exact = events.recognised(liquid, digits)
        arrays = events.on_arrays(liquid, digits, seed, adc_bits=8)
        lost.append(np.subtract(exact, events.recognised(arrays, digits)))
    floor = (0.6, 0.75) if data_folder() is not None else (0.75, 0.8)
    assert np.all(np.array(exact) > floor)
    assert np.mean(lost) < 0.02
    energy = dict(zip(events.PARTS, events.energy_of(arrays, digits), strict=True))
    assert 1e-12 < sum(energy.values()) < 1e-9  # J an event
    assert energy["adc"] == max(energy.values())


def test_H56_few_bits_and_much_noise_do_cost(events):
    digits = events.event_digits(400, 300)
    liquid = Reservoir(256, 200, rng=0)
    good = np.mean(events.recognised(events.on_arrays(liquid, digits, 0), digits))
    for fault in ({"adc_bits": 2}, {"read_noise": 1.0}):
        bad = np.mean(events.recognised(events.on_arrays(liquid, digits, 0, **fault), digits))
        assert bad < good - 0.05


# --- words ----------------------------------------------------------------------------------


def test_spoken_digits_are_recognised_on_arrays_as_with_exact_weights(words):
    """One speaker, 15 recordings of each word to learn from, 50 words to judge."""
    found = words.trial(recordings=15, n_units=200, n_speakers=1, rng=0)
    accuracy = np.array(found["accuracy"])  # (weights, readout)
    assert accuracy[:, 1].min() > 0.85
    assert np.mean(accuracy[0] - accuracy[1:4]) < 0.05  # s.e. about 2.5 points
    assert words.heard(1, 15)[0].shape == (150, 100, 64)
