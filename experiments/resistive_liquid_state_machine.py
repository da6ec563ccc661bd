r"""Does a liquid of random resistors see moving digits as well as one of exact weights?

The zero-shot liquid state machine of Lin et al. (Nature Computational Science 5, 37, 2025): 256
pixels of an event camera drive 200 spiking units through fixed random weights, both arrays being
the cells of a 40 nm macro that were broken down once; potentials keep 0.9 a step, fire above 5,
weights are 0.07 a microsiemens, 50 steps. A linear readout (ridge) of the spike counts is trained.

THE EVENTS ARE SIMULATED. The paper's N-MNIST (Orchard et al., Frontiers in Neuroscience 9, 437,
2015) shows MNIST to an event camera that makes three saccades along a triangle; here the same
motion (six pixels wide and high, 100 ms a saccade, seen through the central 16 x 16 pixels) is
computed from MNIST's images, with the pixels' log-intensity threshold, its mismatch, and noise.
MNIST comes from NEUROMEM_DATA; without it, scikit-learn's small digits stand in. The published
accuracies, 89.66 % on resistive memory and 89.11 % in software, are therefore no target that
these numbers must hit; what carries over is the question: how much do the arrays cost?

Counted are the spikes of each unit over the whole time, as in the paper, and apart for each
saccade. A product is read in every step, whether events came or not.

Run with: neuromem run experiments/resistive_liquid_state_machine.py --workers 2
"""

import dataclasses
import functools
import itertools

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import neuromem as nm
from neuromem.core.patterns.datasets import data_folder
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.hardware.devices.laws import Law, Piece
from neuromem.hardware.devices.profile import Noise
from neuromem.hardware.reservoir import Reservoir

STEPS, CROP, FIELD, DURATION = 50, 16, 34, 0.3
CORNERS = np.array([[-3.0, 3.0], [0.0, -3.0], [3.0, 3.0], [-3.0, 3.0]])
"""Where the camera looks at the beginning and after each saccade, pixels right and down."""
THRESHOLD, MISMATCH, CONTRAST, RATE = 0.3, 0.03, 10.0, 1.0
"""Change of ln I an event, its spread over pixels, screen contrast, false events a second."""

PUBLISHED = {"arrays": 0.8966, "exact": 0.8911}
CHIPS = {
    "exact": None,
    "arrays": {},
    "8-bit ADC": {"adc_bits": 8},
    "2 ohm wires": {"adc_bits": 8, "wire_resistance": 2.0},
}
"""Exact weights; cells with read noise; and what is added to that."""
NOISES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
STUCK = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
BITS = (3, 4, 5, 6, 8, 10)
ALPHAS = (1.0, 10.0, 100.0, 1000.0)
READOUTS = ("one count", "a count a saccade")

N_UNITS = Variable("n_units", "1", "units of the reservoir")
ACCURACY = Variable("accuracy", "1", "fraction of test digits recognised", ("weights", "readout"))
EVENT_ENERGY = Variable("energy", "J", "energy per event", ("weights", "part"), missing_ok=True)
BY_NOISE = Variable("by_noise", "1", "fraction recognised", ("read_noise", "readout"))
BY_STUCK = Variable("by_stuck", "1", "fraction recognised", ("stuck", "readout"))
BY_BITS = Variable("by_bits", "1", "fraction recognised", ("adc_bits", "readout"))
PARTS = ("cells", "dac", "adc", "other")


def saccade_events(images, size=CROP, seed=0):
    """Return the ON events of a camera whose saccades move images, uint8 (P, STEPS, size^2).

    images (P, 28, 28) of 0 to 255. At most one event a pixel and step. All calls have the same
    camera; false events follow `seed`.
    """
    margin = (FIELD - images.shape[1]) // 2 + 5
    screen = np.pad(images.astype(np.float32) / 255.0, ((0, 0), (margin, margin), (margin, margin)))
    spread = stream(0, "pixels").standard_normal((2, size, size), dtype=np.float32)
    up, down = np.maximum(THRESHOLD + MISMATCH * spread, 0.1).astype(np.float32)
    path = camera_path()
    seen = log_intensity(screen, path[0], size)
    events = np.empty((len(images), STEPS, size, size), np.uint8)
    for step in range(STEPS):
        change = log_intensity(screen, path[step + 1], size) - seen
        rises = np.floor(np.maximum(change, 0) / up)
        seen += rises * up - np.floor(np.maximum(-change, 0) / down) * down
        events[:, step] = rises > 0
    false = stream(seed, "false events").random(events.shape, dtype=np.float32)
    events |= false < RATE * DURATION / STEPS
    return events.reshape(len(images), STEPS, -1)


def camera_path():
    """Return where the camera looks before each step and after the last, (STEPS + 1, 2)."""
    time = np.arange(STEPS + 1) * 3 / STEPS
    leg = np.minimum(time.astype(int), 2)
    share = (1 - np.cos(np.pi * (time - leg))) / 2  # speeds up and slows down in each saccade
    return CORNERS[leg] + (CORNERS[leg + 1] - CORNERS[leg]) * share[:, None]


def log_intensity(screen, place, size):
    """Return ln I of the central pixels of a camera that looks at a place, interpolated."""
    start = (screen.shape[1] - size) // 2
    right, below = np.floor(place).astype(int)
    x, y = np.float32(place - np.floor(place))

    def shifted(i, j):
        rows, columns = start + below + j, start + right + i
        return screen[:, rows : rows + size, columns : columns + size]

    light = (1 - y) * ((1 - x) * shifted(0, 0) + x * shifted(1, 0))
    light += y * ((1 - x) * shifted(0, 1) + x * shifted(1, 1))
    return np.log(1 / CONTRAST + (1 - 1 / CONTRAST) * light)


def digit_images():
    """Return (train images, labels, test images, labels): MNIST, or digits three times enlarged."""
    if data_folder() is not None:
        train, test = (
            nm.patterns.mnist(split, images=True, labels=True) for split in ("train", "test")
        )
        return *train, *test
    small, labels = nm.patterns.digits(images=True, labels=True)
    large = np.kron(small, np.full((1, 3, 3), 15, np.uint8))
    images, half = np.pad(large, ((0, 0), (2, 2), (2, 2))), len(small) // 2
    return images[:half], labels[:half], images[half:], labels[half:]


@functools.lru_cache(maxsize=1)
def event_digits(n_train, n_test):
    """Return (train events, labels, test events, labels), the same for all trials."""
    train, train_labels, test, test_labels = digit_images()
    images = np.concatenate([train[:n_train], test[:n_test]])
    blocks = range(0, len(images), 2000)
    events = np.concatenate([saccade_events(images[i : i + 2000], seed=i) for i in blocks])
    cut = min(n_train, len(train))
    return events[:cut], train_labels[:n_train], events[cut:], test_labels[:n_test]


def macro_chip(read_noise=0.02, **options):
    """Return the 40 nm macro as a chip whose inputs are spikes, with a relative read noise."""
    law = Law((Piece("polynomial", (read_noise,)),))
    noise = Noise("read", law, relative=True) if read_noise else None
    device = dataclasses.replace(nm.hardware.profile("rram-40nm-random"), noise=noise)
    return nm.hardware.Chip(device, tile=(512, 512), dac_bits=1, **options)


def recognised(liquid, digits):
    """Return the accuracy of both readouts: spike counts over all time, and for each saccade."""
    train, train_labels, test, test_labels = digits
    counts = [liquid.encode(part, windows=3) for part in (train, test)]
    whole = [part.reshape(len(part), 3, -1).mean(axis=1) for part in counts]
    scores = []
    for fit, judge in (whole, counts):
        readout = make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS))
        scores.append(readout.fit(fit, train_labels).score(judge, test_labels))
    return scores


def energy_of(liquid, digits):
    """Return the energy of an event in J by `PARTS`: all products over all events; NaN if exact."""
    if liquid.placed is None:
        return [np.nan] * len(PARTS)
    energy = (liquid.placed.report.energy * liquid.placed.spent.products).sum("synapses")
    named = {part: float(energy.sel(part=part)) for part in PARTS[:-1]}
    named["other"] = float(energy.sum()) - sum(named.values())
    events = sum(int(part.sum()) for part in (digits[0], digits[2]))
    return [named[part] / events for part in PARTS]


def on_arrays(liquid, digits, rng, **options):
    """Return the liquid on the macro, its converters set by some of the training events."""
    return liquid.on(macro_chip(**options), inputs=digits[0][:128], rng=rng)


def trial(n_units, n_train, n_test, few, rng):
    """Judge one reservoir on exact weights, on its arrays, and with ever more that is wrong.

    The last with `few` (train, test) of the digits.
    """
    digits, liquid = event_digits(n_train, n_test), Reservoir(CROP**2, n_units, rng=rng)
    accuracy, energy = [], []
    for options in CHIPS.values():
        tried = liquid if options is None else on_arrays(liquid, digits, rng, **options)
        accuracy.append(recognised(tried, digits))
        energy.append(energy_of(tried, digits))
    some = [part[: few[number // 2]] for number, part in enumerate(digits)]

    def with_fault(**options):
        return recognised(on_arrays(liquid, some, rng, **options), some)

    return {
        "accuracy": accuracy,
        "energy": energy,
        "by_noise": [with_fault(read_noise=noise) for noise in NOISES],
        "by_stuck": [with_fault(stuck_low=share / 2, stuck_high=share / 2) for share in STUCK],
        "by_bits": [with_fault(adc_bits=bits) for bits in BITS],
    }


SWEEP = nm.sweep.Sweep(
    trial,
    grid={N_UNITS: [200]},
    trials=4,
    measures=(ACCURACY, EVENT_ENERGY, BY_NOISE, BY_STUCK, BY_BITS),
    coords={
        "weights": list(CHIPS),
        "readout": READOUTS,
        "part": PARTS,
        Variable("read_noise", "1", "read noise, fraction of G"): NOISES,
        Variable("stuck", "1", "stuck cells, half at either end"): STUCK,
        Variable("adc_bits", "1", "bits of the ADCs"): BITS,
    },
    fixed={"n_train": 20000, "n_test": 10000, "few": (3000, 2000)},
    source="Lin et al., Nature Computational Science 5, 37 (2025)",
)
QUICK = SWEEP.replace(trials=1, fixed={"n_train": 400, "n_test": 250, "few": (150, 100)})


def summary(result):
    """Return accuracies, what the arrays lose against exact weights, and energies."""
    flat = result.squeeze("n_units")
    accuracy = flat.accuracy.mean("trial")
    lost = (flat.accuracy.sel(weights="exact") - flat.accuracy).mean("trial")
    energy = flat.energy.mean("trial").sel(weights="8-bit ADC")
    return {
        "events": "simulated",
        "images": "MNIST" if data_folder() is not None else "scikit-learn's digits",
        "published_on_n_mnist": PUBLISHED,
        "accuracy": {
            str(name): dict(zip(READOUTS, accuracy.sel(weights=name).values.tolist(), strict=True))
            for name in flat.weights.values
        },
        "points_lost": {
            str(name): dict(
                zip(READOUTS, (100 * lost.sel(weights=name)).values.tolist(), strict=True)
            )
            for name in flat.weights.values[1:]
        },
        "joule_per_event": dict(zip(PARTS, energy.values.tolist(), strict=True)),
    }


@nm.plot.styled
def figure(result):
    """Draw the events of a digit, accuracy against what is wrong, and the energy of an event."""
    drawn, axes = plt.subplots(2, 3, figsize=(8.6, 5.2), layout="constrained")
    flat = result.squeeze("n_units", drop=True)
    draw_events(axes[0, 0])
    draw_chips(axes[0, 1], flat.accuracy)
    faults = {"by_noise": "read_noise", "by_stuck": "stuck", "by_bits": "adc_bits"}
    for ax, (name, x) in zip((axes[0, 2], *axes[1, :2]), faults.items(), strict=True):
        nm.plot.curves(flat.transpose("readout", x, ...), name, x=x, by="readout", ax=ax)
        ax.get_legend().remove()
        ax.set_ylim(0.3, 1.0)
    energy = 1e12 * flat.energy.sel(weights="8-bit ADC").mean("trial")
    axes[1, 2].bar(PARTS, energy, 0.6, color=nm.plot.COLOURS[0])
    axes[1, 2].set_ylabel("energy per event (pJ)")
    axes[1, 2].set_title(f"8-bit ADCs: {float(energy.sum()):.0f} pJ")
    return drawn


def draw_events(ax):
    """Draw the ON events of one digit, the three saccades side by side."""
    seen = saccade_events(digit_images()[0][:1])[0].reshape(STEPS, CROP, CROP)
    edges = [STEPS * leg // 3 for leg in range(4)]
    legs = [seen[a:b].sum(axis=0) for a, b in itertools.pairwise(edges)]
    ax.imshow(np.pad(np.hstack([np.pad(leg, 1) for leg in legs]), 1), cmap="Greys")
    ax.set_xticks([9, 27, 45], ["saccade 1", "2", "3"])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.set_title("ON events of a digit, simulated")


def draw_chips(ax, accuracy):
    """Draw accuracy on exact weights and on arrays, one point a reservoir."""
    names = accuracy.weights.values
    for number, readout in enumerate(READOUTS):
        points = accuracy.sel(readout=readout).transpose("weights", "trial").values
        tint = nm.plot.COLOURS[number]
        ax.plot(np.arange(len(names)), points, "o", color=tint, alpha=0.6, ls="none")
        ax.plot([], [], "o", color=tint, label=readout)
    ax.set_xticks(np.arange(len(names)), names, rotation=25)
    ax.set_ylim(0.3, 1.0)
    ax.set_ylabel("fraction of test digits recognised")
    ax.legend(title="spikes of a unit", loc="lower left")
