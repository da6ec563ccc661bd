"""The main job in one run: real images stored, damaged, recalled; capacity; a month on a chip."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from neuromem import measures, plot
from neuromem.core import patterns, theory
from neuromem.core.codes import Array
from neuromem.core.errors import one_of
from neuromem.core.memory import AssociativeMemory
from neuromem.core.randomness import stream
from neuromem.core.results import replacing, save_dataset
from neuromem.hardware.chip import Chip
from neuromem.hardware.devices.profile import profile as find_profile
from neuromem.hardware.placed import Placed
from neuromem.models import find
from neuromem.report import Report

MEMORIES = ("hopfield", "storkey", "pseudo-inverse", "dense-exponential", "modern-hopfield")
DATA = ("digits", "mnist", "omniglot")
UNITS = 1000
LOADS = (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18, 0.2, 0.22, 0.25)
"""Size and loads of the capacity curve."""

DEVICE, TILE, ADC_BITS, CHIPS = "pcm", (64, 64), 8, 20
ENOUGH = 0.95
"""Overlap above which an image counts as recalled on a chip: of 64 pixels, one may be wrong."""
DAY = 86400.0
TIMES = {"programmed": 0.0, "a day": DAY, "a month": 30 * DAY}
ON_CHIP = ("pseudo-inverse", "modern-hopfield")
"""The memories that end on a chip: one that reads signs of its fields, one that reads sizes."""
_POLICIES = {"none": ("as it is", "o", -0.1), "global": ("compensated", "s", 0.1)}
"""Policies of compensation: name, mark, and place beside the time in the figure."""


def run_demo(
    out: str | Path, *, data: str = "digits", seed: int = 0, progress: bool = False
) -> dict[str, Any]:
    """Run the demonstration and leave a page, its figures and its numbers in a folder.

    Parameters
    ----------
    out : path
        Folder for ``index.html``, five figures, the measurements (``.nc``) and ``figures.json``.
    data : {"digits", "mnist", "omniglot"}
        Real images; "digits" come with scikit-learn.
    seed : int
        Seed of all that is random.
    progress : bool
        Show progress bars.

    Returns
    -------
    dict
        The figures: which fraction of the images each memory recalled from each kind of cue,
        the measured critical load with its interval, and what is left on a chip, at what cost.
    """
    folder = Path(out)
    keys, shape = _one_of_each(one_of("demo", "data", data, DATA), seed)
    cues = _damage(keys, shape, seed)
    memories = {name: _trained(name, keys) for name in MEMORIES}
    recalled = {
        name: {kind: _exact(memory, cue, keys) for kind, cue in cues.items()}
        for name, memory in memories.items()
    }
    curve = measures.capacity(
        "hopfield", n=UNITS, loads=LOADS, trials=20, seed=seed, progress=progress
    )
    chip, aged, placed = _on_chips(memories, keys, seed, progress)
    figures = {
        "data": data,
        "stored": len(keys),
        "cues": list(cues),
        "recalled": recalled,
        "capacity": {
            "n": UNITS,
            **{name: float(curve[name]) for name in ("alpha_c", "alpha_c_low", "alpha_c_high")},
            "theory": float(theory.finite_size_critical_load(UNITS)),
        },
        "chip": chip,
        "page": str(folder / "index.html"),
    }
    drawn = _figures(keys, shape, cues, memories, curve, seed) | _chip_figures(aged, placed)
    _write(folder, figures, drawn, keys)
    save_dataset(curve, folder / "capacity.nc")
    for name, result in aged.items():
        save_dataset(result, folder / f"ageing-{name}.nc")
    return figures


def _on_chips(
    memories: dict[str, AssociativeMemory], keys: Array, seed: int, progress: bool
) -> tuple[dict[str, Any], dict[str, xr.Dataset], dict[str, Placed]]:
    """Write two of the memories into phase-change arrays and let them age.

    Returns the numbers for people, the measurements, and one chip of each memory after a recall.
    """
    device = find_profile(DEVICE)
    numbers: dict[str, Any] = {"device": device.title, "chips": CHIPS, "memories": {}}
    aged, placed = {}, {}
    for name in ON_CHIP:
        memory = memories[name]
        dac_bits = 1 if memory.code == "bipolar" else ADC_BITS  # a sign takes no more
        chip = Chip(device, tile=TILE, adc_bits=ADC_BITS, dac_bits=dac_bits)
        recall: Any = {"update": "sync"} if memory.code == "bipolar" else {}
        stored = keys.astype(np.float32) if memory.code == "real" else keys
        aged[name] = measures.ageing(
            memory,
            stored,
            on=chip,
            times=list(TIMES.values()),
            compensate=list(_POLICIES),
            criterion=ENOUGH,
            trials=CHIPS,
            seed=seed,
            progress=progress,
            **recall,
        )
        placed[name] = chip.map(memory, rng=seed)
        placed[name].memory.recall(patterns.flip(keys, 0.1, rng=seed).astype(stored.dtype))
        numbers["memories"][name] = _chip_numbers(aged[name], placed[name], len(keys))
    return numbers, aged, placed


def _chip_numbers(aged: xr.Dataset, placed: Placed, recalls: int) -> dict[str, Any]:
    """Return what was recalled when, and what it cost."""
    recalled = {"before": float(aged["ideal_success"])}
    for policy, label in (("none", ""), ("global", ", compensated")):
        kept = aged["success"].sel(compensate=policy).values
        recalled |= {f"{when}{label}": float(v) for when, v in zip(TIMES, kept, strict=True)}
    report, spent = placed.report, placed.spent
    return {
        "recalled": recalled,
        "tiles": int(report.tiles.sum()),
        "cells": int(report.cells.sum()),
        "energy_per_recall": float(spent.energy.sum()) / recalls,
        "time_per_recall": float(spent.time.sum()) / recalls,
        "area": float(report.area.sum()),
        "write_energy": float(report.write_energy.sum()),
        "write_time": float(report.write_time.sum()),
    }


def _one_of_each(data: str, seed: int) -> tuple[Array, tuple[int, int]]:
    """Return one image of each class, at most twelve, and the images' shape."""
    if data == "digits":
        images, labels = patterns.digits(labels=True)
    elif data == "mnist":
        images, labels = patterns.mnist("test", labels=True)
    else:
        images, labels = patterns.omniglot(labels=True, size=(28, 28))
    kinds = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
    draw = stream(seed, "demo", data)
    chosen = [int(draw.choice(np.flatnonzero(kinds == kind))) for kind in range(kinds.max() + 1)]
    keys = images[chosen[:12]]
    return keys, patterns.shape_of(keys.shape[1])


def _damage(keys: Array, shape: tuple[int, int], seed: int) -> dict[str, Array]:
    return {
        "10 % flipped": patterns.flip(keys, 0.10, rng=seed),
        "20 % flipped": patterns.flip(keys, 0.20, rng=seed),
        "40 % occluded": patterns.occlude(keys, 0.40, shape=shape, rng=seed),
    }


def _trained(name: str, keys: Array) -> AssociativeMemory:
    memory = find(name).make(keys.shape[1])
    return memory.store(keys.astype(np.float32) if memory.code == "real" else keys)


def _recalled(memory: AssociativeMemory, cues: Array) -> Array:
    """Return the final patterns as +-1, also of a real-valued memory."""
    given = cues.astype(np.float32) if memory.code == "real" else cues
    return np.where(memory.recall(given).patterns > 0, 1, -1).astype(np.int8)


def _exact(memory: AssociativeMemory, cues: Array, keys: Array) -> float:
    return float(np.mean((_recalled(memory, cues) == keys).all(axis=1)))


def _figures(
    keys: Array,
    shape: tuple[int, int],
    cues: dict[str, Array],
    memories: dict[str, AssociativeMemory],
    curve: Any,
    seed: int,
) -> dict[str, tuple[Any, str]]:
    kind = "20 % flipped"
    rows = {"stored": keys, kind: cues[kind]}
    rows |= {name: _recalled(memory, cues[kind]) for name, memory in memories.items()}
    captions = {
        title: [f"{np.mean(a == b) * 2 - 1:.2f}" for a, b in zip(row, keys, strict=True)]
        for title, row in rows.items()
        if title != "stored"
    }
    return {
        "recall": (
            plot.images(rows, shape=shape, captions=captions),
            f"{len(keys)} stored images, the same with a fifth of their pixels flipped, and what "
            "each memory recalled. Under each image its overlap m with the stored one.",
        ),
        "noise": (
            _noise_figure(keys, memories, seed),
            "How much damage each memory mends: the fraction of images recalled without a wrong "
            "pixel, for 20 damaged copies of each image, against the fraction of pixels flipped.",
        ),
        "capacity": (
            plot.capacity(curve).figure,
            f"Random patterns in a Hopfield network of {UNITS} units: the overlap after recall "
            "from the stored pattern, with 95 % intervals over 20 networks a load, the measured "
            "critical load, and the mean-field solution of Amit, Gutfreund and Sompolinsky for "
            "an infinite network. A finite network goes on a little beyond it, by about "
            "0.8 / sqrt(N).",
        ),
    }


@plot.styled
def _noise_figure(keys: Array, memories: dict[str, AssociativeMemory], seed: int) -> Any:
    fractions = np.linspace(0.0, 0.5, 11)
    copies = np.repeat(keys, 20, axis=0)
    figure, ax = plt.subplots(figsize=(5.8, 3.0), layout="constrained")
    damage: Callable[[float], Array] = lambda f: patterns.flip(copies, f, rng=seed)  # noqa: E731
    for number, (name, memory) in enumerate(memories.items()):
        exact = [_exact(memory, damage(float(f)), copies) for f in fractions]
        ax.plot(fractions, exact, "o-", lw=1, color=plot.COLOURS[number], label=name)
    ax.set_xlabel("flipped fraction of the cue's pixels")
    ax.set_ylabel("fraction recalled exactly")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _chip_figures(
    aged: dict[str, xr.Dataset], placed: dict[str, Placed]
) -> dict[str, tuple[Any, str]]:
    return {
        "ageing": (
            _ageing_figure(aged),
            f"Images recalled (overlap above {ENOUGH}) from cues with a tenth of their pixels "
            f"flipped, on {CHIPS} phase-change chips, against the time since they were programmed, "
            "with 95 % intervals over the chips. "
            "Conductances drift down. A memory that reads the signs of its fields does not notice; "
            "one that compares their sizes forgets, until one digital factor makes up for it.",
        ),
        "energy": (
            plot.energy(placed[ON_CHIP[0]].report).figure,
            f"Where the energy of one product goes: the {ON_CHIP[0]} memory on {DEVICE} arrays of "
            f"{TILE[0]} x {TILE[1]} cells with one-bit drivers and {ADC_BITS}-bit ADCs.",
        ),
    }


@plot.styled
def _ageing_figure(aged: dict[str, xr.Dataset]) -> Any:
    """Draw a panel for each memory; policies stand side by side, so that equal ones are seen."""
    figure, axes = plt.subplots(1, len(aged), figsize=(7.0, 2.9), layout="constrained", sharey=True)
    places = np.arange(len(TIMES))
    for ax, (name, result) in zip(axes, aged.items(), strict=True):
        ideal = float(result["ideal_success"])
        ax.axhline(ideal, color="0.25", lw=1, ls=(0, (6, 3)), label="ideal memory")
        for number, (policy, (label, mark, aside)) in enumerate(_POLICIES.items()):
            one = result.sel(compensate=policy)
            mean = one["success"].values
            interval = mean - one["success_low"].values, one["success_high"].values - mean
            ax.errorbar(
                places + aside,
                mean,
                yerr=np.maximum(interval, 0.0),
                fmt=mark,
                color=plot.COLOURS[number],
                capsize=2,
                lw=1,
                label=label,
            )
        ax.set_title(name)
        ax.set_xticks(places, list(TIMES))
        ax.set(xlabel="time since programming", xlim=(-0.4, len(TIMES) - 0.6), ylim=(-0.03, 1.04))
    axes[0].set_ylabel("fraction recalled")
    axes[0].legend(loc="lower left")
    return figure


def _write(
    folder: Path, figures: dict[str, Any], drawn: dict[str, tuple[Any, str]], keys: Array
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (figure, _) in drawn.items():
        with replacing(folder / f"{name}.png") as unfinished:
            figure.savefig(unfinished, format="png", dpi=150)
    measured = figures["capacity"]
    likeness = patterns.mean_correlation(keys)
    report = (
        Report("What do these memories hold?")
        .heading("Real images from damaged cues")
        .text(
            f"{len(keys)} images of the {figures['data']} data are stored as +-1 patterns of "
            f"{keys.shape[1]} units. They resemble each other (mean overlap {likeness:.2f}), which "
            "Hebb's rule does not bear: its memories blend. Rules that take the correlations "
            "out, or energies that are steeper than quadratic, keep them apart."
        )
        .figure(*drawn["recall"])
        .table(
            ["recalled exactly", *figures["cues"]],
            [
                [name, *(f"{value:.0%}" for value in row.values())]
                for name, row in figures["recalled"].items()
            ],
        )
        .figure(*drawn["noise"])
        .heading("Capacity against theory")
        .text(
            f"Measured critical load of Hebb's rule at N = {measured['n']}: "
            f"{measured['alpha_c']:.3f} (95 % interval {measured['alpha_c_low']:.3f} to "
            f"{measured['alpha_c_high']:.3f}). Mean-field theory: "
            f"{theory.critical_load():.4f} for an infinite network, about "
            f"{measured['theory']:.3f} at this size."
        )
        .figure(*drawn["capacity"])
    )
    _add_chip(report, figures["chip"], drawn)
    report.save(folder / "index.html")
    with replacing(folder / "figures.json") as unfinished:
        unfinished.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    for figure, _ in drawn.values():
        plt.close(figure)


def _add_chip(report: Report, chip: dict[str, Any], drawn: dict[str, tuple[Any, str]]) -> None:
    """Add what is left of the images on a chip, and what it costs."""
    memories = chip["memories"]
    stages = list(next(iter(memories.values()))["recalled"])
    costs: tuple[tuple[str, Callable[[Any], str]], ...] = (
        ("arrays", lambda m: f"{m['tiles']} of {TILE[0]} x {TILE[1]}"),
        ("cells", lambda m: f"{m['cells']:,}"),
        ("energy of one recall", lambda m: f"{m['energy_per_recall'] * 1e9:.2f} nJ"),
        ("time of one recall", lambda m: f"{m['time_per_recall'] * 1e6:.2f} us"),
        ("area", lambda m: f"{m['area'] * 1e6:.3f} mm2"),
        ("writing", lambda m: f"{m['write_energy'] * 1e6:.2f} uJ, {m['write_time'] * 1e3:.1f} ms"),
    )
    (
        report.heading("The same images on a chip")
        .text(
            f"The memories {' and '.join(memories)}, each written into {chip['chips']} chips "
            f"({chip['device']}): programming errors, drift of every device by an exponent of its "
            f"own, 1/f noise, {ADC_BITS}-bit ADCs. Inputs are driven by one-bit drivers where they "
            f"are signs, and by {ADC_BITS}-bit DACs where they are real numbers. Cues have a "
            "tenth of their pixels flipped."
        )
        .table(
            [f"recalled, overlap above {ENOUGH}", *memories],
            [[when, *(f"{m['recalled'][when]:.0%}" for m in memories.values())] for when in stages],
        )
        .figure(*drawn["ageing"])
        .table(
            ["cost", *memories],
            [[name, *(show(m) for m in memories.values())] for name, show in costs],
        )
        .figure(*drawn["energy"])
    )
