"""The trade-off of a chip: what recall costs in energy, over tile sizes and bits of the ADCs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, whole_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.results import Variable
from neuromem.hardware.chip import Chip
from neuromem.hardware.devices.profile import Profile
from neuromem.hardware.devices.profile import profile as find_profile
from neuromem.hardware.placed import AREA, LATENCY, TILES
from neuromem.measures._running import Running, memory_attributes
from neuromem.measures._trained import IDEAL, OVERLAP, RECALLED, Trained
from neuromem.sweep import Sweep

TILE = Variable("tile", "1", "word lines x bit lines of an array")
LINES = {
    "rows": Variable("rows", "1", "word lines of an array"),
    "columns": Variable("columns", "1", "bit lines of an array"),
}
ADC_BITS = Variable("adc_bits", "bit", "bits of the ADCs")
ENERGY = Variable("energy", "J", "energy of one product with all synapses")
RECALL_ENERGY = Variable("recall_energy", "J", "energy of one recall, mean over cues")
FRONT = Variable("front", "1", "whether no other design recalls as much for less energy")

_CHOSEN_HERE = {
    "tile": "tiles=[(64, 64)], a list of the sizes to try",
    "profile": "device= instead",
}
"""Options of a chip that go by another name here."""

_AXES = (TILE.name, ADC_BITS.name)
_OF_DESIGNS = (LATENCY, AREA, TILES)
_MEASURES = tuple(
    replace(one, dims=_AXES) for one in (OVERLAP, RECALLED, ENERGY, RECALL_ENERGY, *_OF_DESIGNS)
)


def trade_off_trial(
    *, trained: Trained, designs: list[list[Chip]], rng: np.random.SeedSequence
) -> dict[Variable, Any]:
    """Return how each design recalls and what it takes, (tiles, bits); and the ideal memory.

    All designs have devices from the same seed and get the same cues.
    """
    cues = trained.cues(rng)
    seen = np.empty((len(_MEASURES), len(designs), len(designs[0])))
    for row, of_tile in enumerate(designs):
        for column, chip in enumerate(of_tile):
            seen[:, row, column] = _one(trained, chip, cues, rng)
    ideal = trained.ask(trained.memory, cues, rng)
    return {**dict(zip(_MEASURES, seen, strict=True)), **dict(zip(IDEAL, ideal, strict=True))}


def trade_off(
    memory: AssociativeMemory,
    patterns: npt.ArrayLike,
    *,
    device: str | Path | Profile,
    tiles: Sequence[tuple[int, int]] = ((64, 64), (128, 128), (256, 256)),
    adc_bits: int | Sequence[int] = tuple(range(3, 11)),
    cue_noise: float = 0.1,
    criterion: float = 0.9,
    trials: int = 10,
    seed: int = 0,
    recall: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    store: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | None = None,
    **options: Any,
) -> xr.Dataset:
    """Measure recall and cost of a memory over tile sizes and ADC bits, and mark the best designs.

    Protocol: `trials` times, the memory is written into a chip of every design, with devices of
    one seed, and is asked for all `patterns`, with exactly ``round(cue_noise * n)`` units of each
    flipped; a cue is recalled if the final overlap exceeds `criterion`. The ideal memory gets the
    same cues. Intervals (95 %) are bootstraps over chips, and Wilson's where all chips agree.

    Parameters
    ----------
    memory : AssociativeMemory
        A memory that has stored patterns, with ideal synapses.
    patterns : array_like, shape (P, N)
        The stored patterns, or some of them.
    device : str, Path or Profile
        As of `neuromem.hardware.Chip`.
    tiles : sequence of (int, int)
        Word lines and bit lines of the arrays to try.
    adc_bits : int or sequence of int
        Bits of the ADCs to try.
    cue_noise : float
        Flipped fraction of each cue, from 0 to 0.5.
    criterion : float
        Overlap that a recalled cue exceeds.
    trials : int
        Chips of each design.
    seed : int
        Root of all randomness; that of each trial is keyed by its number.
    recall : mapping, optional
        Options of the memory's `recall`, such as ``{"update": "sync"}``.
    executor, workers, store, resume, progress
        As for `nm.sweep.Sweep.run`; a cell is one trial of all designs.
    **options
        All other choices of the chips, such as ``dac_bits=8``; see `neuromem.hardware.Options`.

    Returns
    -------
    xarray.Dataset
        ``overlap``, ``recalled``, ``energy`` (J, of one product with all synapses) and
        ``recall_energy`` (J, of one whole recall, mean over cues) along tile, adc_bits, trial;
        ``success`` with ``success_low`` and ``success_high``, ``latency`` (s, of one product),
        ``area`` (m^2), ``tiles`` and ``front`` along tile, adc_bits; of the ideal memory
        ``ideal_overlap`` and ``ideal_recalled`` along trial, and ``ideal_success``. On the Pareto
        ``front`` are the designs of which no other has a success as high for less energy, or a
        higher one for the same.

    Raises
    ------
    ParameterError
        If an argument or an option of the chip is out of range.
    CapabilityError
        If the memory has stored nothing, or does not map onto a chip.
    ShapeError, CodeError
        If the patterns do not fit the memory.

    Notes
    -----
    Converters and drivers that are ideal cost nothing: without ``dac_bits`` the inputs are free.

    Examples
    --------
    >>> import neuromem as nm
    >>> keys = nm.patterns.random(3, 64, rng=0)
    >>> net = nm.models.Hopfield(64).store(keys)
    >>> found = trade_off(
    ...     net, keys, device="pcm", tiles=[(64, 64)], adc_bits=[2, 6], trials=2, dac_bits=1)
    >>> bool(found["energy"].sel(adc_bits=6).mean() > found["energy"].sel(adc_bits=2).mean())
    True
    """
    where = "trade_off"
    trained = Trained.checked(
        where, memory, patterns, cue_noise=cue_noise, criterion=criterion, recall=recall or {}
    )
    trials, seed = whole_number(where, "trials", trials, least=1), whole_number(where, "seed", seed)
    for name, instead in _CHOSEN_HERE.items():
        if name in options:
            raise ParameterError(f"{where}: {name} is {options[name]!r}; give {instead}.")
    profile = find_profile(device)
    sizes, bits = _checked_tiles(where, tiles), _checked_bits(where, adc_bits)
    designs = [[Chip(profile, tile, adc_bits=b, **options) for b in bits] for tile in sizes]
    sweep = Sweep(
        trade_off_trial,
        grid={},
        trials=trials,
        seed=seed,
        measures=(*_MEASURES, *IDEAL),
        fixed={"trained": trained, "designs": designs},
        coords={TILE: [f"{rows}x{columns}" for rows, columns in sizes], ADC_BITS: bits},
        name=where,
    )
    found = Running(executor, workers, store, resume, progress).run(sweep)
    found = found.transpose(*_AXES, "trial")
    # What does not depend on the devices is the same in every trial.
    same = {one.name: found[one.name].isel(trial=0, drop=True) for one in _OF_DESIGNS}
    found = found.assign(same).assign(trained.success(found, seed))
    lines = zip(LINES.items(), np.array(sizes).T, strict=True)
    found = found.assign_coords({name: one.array([TILE.name], n) for (name, one), n in lines})
    front = pareto_front(found["energy"].mean("trial").values, found["success"].values)
    found["front"] = FRONT.array(_AXES, front)
    parameters = {**trained.choices, "device": profile.name, "trials": trials, "options": options}
    parameters |= {"tiles": sizes, "adc_bits": bits}
    found.attrs = memory_attributes(
        where, memory, parameters=parameters, seed=seed, source="; ".join(profile.sources)
    )
    found.attrs["device"] = profile.name
    return found


def pareto_front(cost: npt.ArrayLike, gain: npt.ArrayLike) -> Array:
    """Return which points are best: no other gains as much at as little cost, or more.

    Parameters
    ----------
    cost, gain : array_like, one shape
        What is to be low, and what is to be high.

    Returns
    -------
    ndarray of bool
        Along the front gain rises with cost, strictly; of points that are alike the first is on
        it.

    Examples
    --------
    >>> pareto_front([1.0, 2.0, 3.0, 2.0], [0.5, 0.9, 0.9, 0.4])
    array([ True,  True, False, False])
    """
    costs, gains = np.asarray(cost, float), np.asarray(gain, float)
    order = np.lexsort((-gains.ravel(), costs.ravel()))
    rising = gains.ravel()[order]
    before = np.maximum.accumulate(np.concatenate([[-np.inf], rising[:-1]]))
    front = np.zeros(costs.size, bool)
    front[order] = rising > before
    return front.reshape(costs.shape)


def _one(
    trained: Trained, chip: Chip, cues: Array, seed: np.random.SeedSequence
) -> tuple[float, ...]:
    """Return what `_MEASURES` are for one chip."""
    placed = trained.written(chip, seed)
    answer = trained.ask(placed.memory, cues, seed)
    report = placed.report
    energy, latency, area = (float(report[name].sum()) for name in ("energy", "latency", "area"))
    spent = float(placed.spent.energy.sum()) / len(cues)
    return (*answer, energy, spent, latency, area, float(report.tiles.sum()))


def _checked_tiles(where: str, tiles: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the sizes of the arrays, each once."""
    try:
        sizes = [(rows, columns) for rows, columns in tiles]
    except (TypeError, ValueError):
        sizes = []
    if not sizes:
        raise ParameterError(
            f"{where}: tiles is {tiles!r}; give a list of (word lines, bit lines), such as "
            "[(64, 64), (128, 128)]."
        )
    checked = [
        (
            whole_number(where, "tiles", rows, least=1),
            whole_number(where, "tiles", columns, least=1),
        )
        for rows, columns in sizes
    ]
    return list(dict.fromkeys(checked))


def _checked_bits(where: str, adc_bits: int | Sequence[int]) -> list[int]:
    """Return the bits of the converters, rising, each once."""
    given = np.atleast_1d(np.array(adc_bits, dtype=object)).tolist()
    if not given:
        raise ParameterError(f"{where}: adc_bits is empty; give numbers such as [4, 6, 8].")
    return sorted({whole_number(where, "adc_bits", bits, least=1) for bits in given})
