"""Ageing: what is left of a memory's recall, a time after it was written into devices."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.errors import ParameterError, one_of, whole_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.results import Variable
from neuromem.hardware.arrays.options import COMPENSATIONS
from neuromem.hardware.chip import Chip
from neuromem.measures._running import Running, checked_axis, memory_attributes
from neuromem.measures._trained import (
    IDEAL,
    OVERLAP,
    RECALLED,
    WEIGHT_ERROR,
    Trained,
    weight_error,
)
from neuromem.sweep import Sweep

COMPENSATE = Variable("compensate", "1", "what makes up for drift")
TIME = Variable("time", "s", "time after programming")

SOURCE = "Joshi et al., Nature Communications 11, 2473 (2020)"

TIMES = (0.0, 1.0, 60.0, 3600.0, 86400.0, 30 * 86400.0, 365.25 * 86400.0, 3652.5 * 86400.0)
"""The times (s) that `ageing` takes by itself, as far as the device is known: up to ten years."""

_AXES = (COMPENSATE.name, TIME.name)
_MEASURES = tuple(replace(one, dims=_AXES) for one in (OVERLAP, RECALLED, WEIGHT_ERROR))


def ageing_trial(
    *,
    trained: Trained,
    on: Chip,
    times: list[float],
    compensate: list[str],
    rng: np.random.SeedSequence,
) -> dict[Variable, Any]:
    """Return how one chip recalls at all times, (policies, times), and how the ideal memory does.

    The devices are written once; each policy finds the same ones, and gets the same cues.
    """
    cues = trained.cues(rng)
    written = trained.written(on, rng)
    seen = np.empty((len(_MEASURES), len(compensate), len(times)))
    for column, seconds in enumerate(times):
        for row, policy in enumerate(compensate):
            now = written.at(seconds, compensate=policy)
            seen[:, row, column] = (*trained.ask(now.memory, cues, rng), weight_error(now))
    ideal = trained.ask(trained.memory, cues, rng)
    return {**dict(zip(_MEASURES, seen, strict=True)), **dict(zip(IDEAL, ideal, strict=True))}


def ageing(
    memory: AssociativeMemory,
    patterns: npt.ArrayLike,
    *,
    on: Chip,
    times: npt.ArrayLike | None = None,
    compensate: str | Sequence[str] = COMPENSATIONS,
    cue_noise: float = 0.1,
    criterion: float = 0.9,
    trials: int = 10,
    seed: int = 0,
    executor: Executor | None = None,
    workers: int | None = None,
    store: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | None = None,
    **recall: Any,
) -> xr.Dataset:
    """Measure how recall fades on a chip after it was programmed, and what compensation saves.

    Protocol: the memory is written into `trials` chips, each once. At every time, and under every
    policy, the same devices are asked for all `patterns`, with exactly ``round(cue_noise * n)``
    units of each flipped; a cue is recalled if the final overlap exceeds `criterion`. The ideal
    memory gets the same cues, drawn anew for each chip. Intervals (95 %) are bootstraps over
    chips, and Wilson's where all chips agree.

    Parameters
    ----------
    memory : AssociativeMemory
        A memory that has stored patterns, with ideal synapses.
    patterns : array_like, shape (P, N)
        The stored patterns, or some of them.
    on : Chip
        What it is written into; its own `compensate` is not used.
    times : array_like, optional
        Seconds after programming. By default 0, 1 s, a minute, an hour, a day, 30 days, a year
        and ten years, as far as the device is known.
    compensate : str or sequence of str
        Policies of `neuromem.hardware.Options`, all three by default: "none"; "global", one
        factor for all outputs; "column", one for each.
    cue_noise : float
        Flipped fraction of each cue, from 0 to 0.5.
    criterion : float
        Overlap that a recalled cue exceeds.
    trials : int
        Chips.
    seed : int
        Root of all randomness; each chip's is keyed by its number.
    executor, workers, store, resume, progress
        As for `nm.sweep.Sweep.run`; a cell is one chip at all times.
    **recall
        Options of the memory's `recall`, such as ``update="sync"``.

    Returns
    -------
    xarray.Dataset
        ``overlap``, ``recalled`` and ``weight_error`` (of the synapses that are off the most,
        after compensation) along compensate, time, trial; ``success`` (compensate, time) with
        ``success_low`` and ``success_high``; of the ideal memory ``ideal_overlap`` and
        ``ideal_recalled`` along trial, and ``ideal_success``.

    Raises
    ------
    ParameterError
        If an argument is out of range, or the device is not known for so long.
    CapabilityError
        If the memory has stored nothing, or does not map onto a chip.
    ShapeError, CodeError
        If the patterns do not fit the memory.

    Notes
    -----
    Compensation multiplies outputs by positive factors. A network that takes nothing but the sign
    of its fields, such as Hopfield's at threshold 0 and temperature 0, is blind to them: it recalls
    the same under every policy. Those that compare fields with anything else are not.

    References
    ----------
    Joshi et al., Nature Communications 11, 2473 (2020): drift, and one factor that makes up for it.

    Examples
    --------
    >>> import neuromem as nm
    >>> keys = nm.patterns.random(3, 64, rng=0)
    >>> net = nm.models.Hopfield(64).store(keys)
    >>> aged = ageing(net, keys, on=nm.hardware.Chip("pcm"), times=[0, 3e7], trials=2)
    >>> error = aged["weight_error"].mean("trial")
    >>> bool(error.sel(compensate="none", time=3e7) > 2 * error.sel(compensate="global", time=3e7))
    True
    """
    where = "ageing"
    trained = Trained.checked(
        where, memory, patterns, cue_noise=cue_noise, criterion=criterion, recall=recall
    )
    if not isinstance(on, Chip):
        raise ParameterError(
            f"{where}: on is {type(on).__name__}, whose devices do not age; give a chip such as "
            'nm.hardware.Chip("pcm").'
        )
    trials, seed = whole_number(where, "trials", trials, least=1), whole_number(where, "seed", seed)
    seconds = _checked_times(where, on, times)
    policies = _checked_policies(where, compensate)
    sweep = Sweep(
        ageing_trial,
        grid={},
        trials=trials,
        seed=seed,
        measures=(*_MEASURES, *IDEAL),
        fixed={"trained": trained, "on": on, "times": seconds, "compensate": policies},
        coords={COMPENSATE: policies, TIME: seconds},
        name=where,
    )
    found = Running(executor, workers, store, resume, progress).run(sweep)
    found = found.transpose(*_AXES, "trial")
    found = found.assign(trained.success(found, seed))
    parameters = {**trained.choices, "on": on, "trials": trials}
    parameters |= {"times": seconds, "compensate": policies}
    source = "; ".join((SOURCE, *on.profile.sources))
    found.attrs = memory_attributes(where, memory, parameters=parameters, seed=seed, source=source)
    found.attrs["device"] = on.profile.name
    return found


def _checked_times(where: str, on: Chip, times: npt.ArrayLike | None) -> list[float]:
    """Return the times, rising; all of them known to the device."""
    if times is None:
        known = on.profile.valid_time
        return [t for t in TIMES if known is None or t <= known]
    chosen = checked_axis(where, "times", times, 0.0, np.inf)
    for seconds in chosen:
        on.profile.check_time(seconds, f"{where}: times")
    return chosen


def _checked_policies(where: str, compensate: str | Iterable[str]) -> list[str]:
    """Return the policies, each once, in the order given."""
    several = isinstance(compensate, Iterable) and not isinstance(compensate, str)
    given = list(compensate) if several else [compensate]
    if not given:
        raise ParameterError(
            f"{where}: compensate is empty; give at least one of: {', '.join(COMPENSATIONS)}."
        )
    return list(dict.fromkeys(one_of(where, "compensate", p, COMPENSATIONS) for p in given))
