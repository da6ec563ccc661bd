r"""Do random resistors tell which molecules are mutagenic?

The echo-state graph network of Wang et al. (Nature Machine Intelligence 5, 104, 2023): each node
of a graph holds 50 leaky tanh units; in 4 iterations the nodes exchange their states along the
edges through one fixed random matrix, and add what another one makes of the node's label,

.. math:: x_v \leftarrow (1 - a)\, x_v + a \tanh\Bigl(W_i u_v + \sum_{w \sim v} W_r x_w\Bigr),

a = 0.2. The states are summed over the graph, rectified, and read out linearly (ridge, 1e-3). Both
matrices are conductances of a 40 nm macro whose cells were broken down once, 0.0016 and 0.01 a
microsiemens; reads are 2 % noisy, inputs are coded in 4 bits and a sign. Published on MUTAG (188
molecules): 92.11 % on the macro, 92.13 % in software, mean of the ten folds of one partition,
which is not given here: folds are drawn anew in each trial.

The released simulation has weights of one sign and no unbroken cells ("all, one sign" here); the
released conductance map of the macro has half of them unbroken ("half, one sign"); "pairs" are
differential pairs of such cells.

MUTAG is read from the folder mutag/ of NEUROMEM_DATA, in the text format of the TU collection
(MUTAG_A.txt, ..., Morris et al., arXiv:2007.08663). WITHOUT THAT FOLDER THE PUBLISHED FIGURE IS
NOT TRIED. Two made-up tasks with known answers run anyway, their sums standardised. "branches": a
ring of six with three branches, or with one branch three nodes long; nodes, edges and labels are
as many, and the sum of squared degrees, the first thing that differs, is two steps away: solvable
from three iterations on, a coin's toss with one or none. "rings": one ring of twelve against two
of six, where each node sees the same at any depth, so that no network of this kind can do better
than a coin (Xu et al., ICLR 2019).

Run with: neuromem run experiments/echo_state_graph_network.py --workers 2
"""

import dataclasses
import functools

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import neuromem as nm
from neuromem.core.errors import FileFormatError
from neuromem.core.patterns.datasets import data_folder
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.hardware.devices.laws import Law, Piece
from neuromem.hardware.devices.profile import Noise
from neuromem.hardware.reservoir import Reservoir

PUBLISHED = {"arrays": 0.9211, "exact": 0.9213}
CELLS = {
    "all, one sign": {"stop_voltage": 3.75, "paired": False},
    "half, one sign": {"paired": False},
    "half, pairs": {},
}
"""Which cells are broken, and whether they are paired; 3.75 V breaks 99.7 % of them."""
NOISES = (0.0, 0.02, 0.05, 0.1, 0.2)
DEPTHS = (0, 1, 2, 3, 4, 6)

ACCURACY = Variable("accuracy", "1", "mean accuracy of ten folds", ("weights",))
FOLDS = Variable("folds", "1", "accuracy of each fold, on arrays", ("fold",))
BY_NOISE = Variable("by_noise", "1", "mean accuracy of ten folds", ("read_noise",))
BY_DEPTH = Variable("by_depth", "1", "mean accuracy of ten folds, exact weights", ("iterations",))


@dataclasses.dataclass(frozen=True)
class Graphs:
    """Graphs side by side as one: labels (nodes, F), edges (nodes, nodes), sums, and classes.

    `pooling` (graphs, nodes) adds up over the nodes of each graph; `standardised` asks for sums
    of zero mean and unit variance.
    """

    labels: np.ndarray
    edges: csr_array
    pooling: csr_array
    classes: np.ndarray
    standardised: bool = False


def graphs_of(labels, edges, owners, classes):
    """Return `Graphs` of node labels (0, 1, ...), directed edges (E, 2), and nodes' graphs."""
    count = len(labels)
    one_hot = np.zeros((count, labels.max() + 1), np.float32)
    one_hot[np.arange(count), labels] = 1.0
    ones = np.ones(len(edges), np.float32)
    adjacency = csr_array((ones, (edges[:, 0], edges[:, 1])), shape=(count, count))
    sums = (np.ones(count, np.float32), (owners, np.arange(count)))
    pooling = csr_array(sums, shape=(len(classes), count))
    return Graphs(np.c_[one_hot, np.ones(count, np.float32)], adjacency, pooling, classes)


@functools.lru_cache(maxsize=4)
def load(task):
    """Return the graphs of a task."""
    return mutag() if task == "mutag" else made_up(task)


def has_mutag():
    """Tell whether the data folder holds MUTAG."""
    folder = data_folder()
    return folder is not None and (folder / "mutag" / "MUTAG_A.txt").is_file()


def mutag():
    """Read MUTAG: 188 nitroaromatic compounds, 125 of them mutagenic (Debnath et al. 1991)."""
    stem = data_folder() / "mutag" / "MUTAG_"
    edges, owners, labels, classes = (
        np.loadtxt(f"{stem}{part}.txt", dtype=int, delimiter=",")
        for part in ("A", "graph_indicator", "node_labels", "graph_labels")
    )
    counts = (len(classes), len(labels), len(edges), int(np.sum(classes == 1)))
    if counts != (188, 3371, 7442, 125):
        raise FileFormatError(
            f"mutag: {stem}*.txt hold {counts[0]} graphs, {counts[1]} nodes, {counts[2]} directed "
            f"edges and {counts[3]} positives; MUTAG has 188, 3371, 7442 and 125. Fetch it again."
        )
    return graphs_of(labels, edges - 1, owners - 1, classes)


def made_up(task, count=120):
    """Return graphs of a task with a known answer, each with a chain of random length beside it."""
    rng = stream(0, task)
    edges, owners, first = [], [], 0
    classes = np.repeat([-1, 1], count // 2)
    for graph, wanted in enumerate(classes):
        links, size = branched_ring(wanted) if task == "branches" else even_rings(wanted)
        chain = int(rng.integers(1, 8))
        links += [(size + i, size + i + 1) for i in range(chain - 1)]
        edges += [(first + a, first + b) for a, b in links]
        owners += [graph] * (size + chain)
        first += size + chain
    both = np.array(edges + [(b, a) for a, b in edges])
    graphs = graphs_of(np.zeros(first, int), both, np.array(owners), classes)
    return dataclasses.replace(graphs, standardised=True)


def branched_ring(wanted):
    """Return edges and size of a ring of six with three branches, or with a long one."""
    ring = [(i, (i + 1) % 6) for i in range(6)]
    branches = [(0, 6), (2, 7), (4, 8)] if wanted > 0 else [(0, 6), (6, 7), (7, 8)]
    return ring + branches, 9


def even_rings(wanted):
    """Return edges and size of one ring of twelve, or of two of six."""
    lengths = (12,) if wanted > 0 else (6, 6)
    starts = np.cumsum((0, *lengths))
    return [
        (start + i, start + (i + 1) % length)
        for start, length in zip(starts, lengths, strict=False)
        for i in range(length)
    ], 12


def embedded(network, graphs, iterations=4):
    """Return the summed, rectified states of each graph, shape (graphs, units)."""
    network.reset()
    drive = network.drive(graphs.labels)
    states = np.zeros_like(drive)
    for _ in range(iterations):
        states = network.step(drive, mixing=graphs.edges)
    return np.maximum(graphs.pooling @ states, 0.0)


def folds_of(network, graphs, rng, iterations=4):
    """Return the accuracy of a linear readout in each of ten folds."""
    seen = embedded(network, graphs, iterations).astype(np.float64)
    cut = StratifiedKFold(10, shuffle=True, random_state=int(stream(rng, "folds").integers(2**31)))
    steps = [StandardScaler()] if graphs.standardised else []
    readout = make_pipeline(*steps, RidgeClassifier(alpha=1e-3, solver="svd"))
    return [
        readout.fit(seen[fit], graphs.classes[fit]).score(seen[judge], graphs.classes[judge])
        for fit, judge in cut.split(seen, graphs.classes)
    ]


def on_arrays(network, graphs, rng, read_noise=0.02):
    """Return the network on the macro, inputs fed bit by bit: 4 bits and a sign."""
    law = Law((Piece("polynomial", (read_noise,)),))
    noise = Noise("read", law, relative=True) if read_noise else None
    device = dataclasses.replace(nm.hardware.profile("rram-40nm-random"), noise=noise)
    chip = nm.hardware.Chip(device, tile=(512, 512), dac_bits=5, serial="sign-magnitude")
    return network.on(chip, inputs=graphs.labels, rng=rng)


def trial(task, cells, n_units, rng):
    """Judge one random network, exact and on arrays."""
    graphs = load(task)
    network = Reservoir(
        graphs.labels.shape[1],
        n_units,
        units="tanh",
        input_scale=1.6e3,
        recurrent_scale=1e4,
        rng=rng,
        **CELLS[cells],
    )
    noisy = [folds_of(on_arrays(network, graphs, rng, noise), graphs, rng) for noise in NOISES]
    folds = noisy[NOISES.index(0.02)]
    return {
        "accuracy": [np.mean(folds_of(network, graphs, rng)), np.mean(folds)],
        "folds": folds,
        "by_noise": np.mean(noisy, axis=1),
        "by_depth": [np.mean(folds_of(network, graphs, rng, depth)) for depth in DEPTHS],
    }


TASKS = ["mutag", "branches", "rings"] if has_mutag() else ["branches", "rings"]
SWEEP = nm.sweep.Sweep(
    trial,
    grid={
        "task": TASKS,
        "cells": list(CELLS),
        Variable("n_units", "1", "units a node"): [50],
    },
    trials=20,
    measures=(ACCURACY, FOLDS, BY_NOISE, BY_DEPTH),
    coords={
        "weights": ["exact", "arrays"],
        "fold": 10,
        Variable("read_noise", "1", "read noise, fraction of G"): NOISES,
        Variable("iterations", "1", "iterations"): DEPTHS,
    },
    source="Wang et al., Nature Machine Intelligence 5, 104 (2023)",
)
QUICK = SWEEP.replace(trials=1)


def summary(result):
    """Return mean accuracies with their s.d. over networks and partitions, and MUTAG's folds."""
    flat = result.squeeze("n_units")
    found = {
        f"{task}, {cells}": {
            str(weights): [float(part.mean()), float(part.std())]
            for weights, part in flat.accuracy.sel(task=task, cells=cells).groupby("weights")
        }
        for task in flat.task.values
        for cells in flat.cells.values
    }
    told: dict = {"published_on_mutag": PUBLISHED, "accuracy_mean_and_sd": found}
    if "mutag" in flat.task.values:
        folds = flat.folds.sel(task="mutag")
        told["mutag_folds"] = {
            str(cells): np.quantile(folds.sel(cells=cells), [0.05, 0.95]).tolist()
            for cells in flat.cells.values
        }
    else:
        told["mutag"] = "not tried: NEUROMEM_DATA holds no folder mutag"
    return told


@nm.plot.styled
def figure(result):
    """Draw accuracy against read noise and iterations, a column for each task."""
    flat = result.squeeze("n_units", drop=True)
    tasks, rows = flat.task.values, {"by_noise": "read_noise", "by_depth": "iterations"}
    drawn, axes = plt.subplots(
        2, len(tasks), figsize=(2.9 * len(tasks), 4.8), sharey=True, layout="constrained"
    )
    for column, task in zip(axes.T, tasks, strict=True):
        for ax, (name, x) in zip(column, rows.items(), strict=True):
            part = flat.sel(task=task).transpose("cells", x, ...)
            nm.plot.curves(part, name, x=x, by="cells", ax=ax)
            ax.get_legend().remove()
            ax.set_ylabel("accuracy, mean of ten folds" if task == tasks[0] else "")
            ax.axhline(0.5, color="0.8", lw=1, zorder=0)
        column[0].set_title(task)
        if task == "mutag":
            column[0].axhline(PUBLISHED["arrays"], color="0.25", lw=1, ls="--")
            column[0].annotate("published", (0.2, PUBLISHED["arrays"]), ha="right", va="bottom")
    axes[1, -1].legend(title="broken cells", loc="upper right", fontsize=7)
    return drawn
