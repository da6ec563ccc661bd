"""Capacity: how much a memory holds before recall breaks, and where exactly it breaks."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core import theory
from neuromem.core.errors import ParameterError, real_number, whole_number
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.measures._models import Chip, Model, PatternSource, Setup
from neuromem.measures._running import (
    LOAD,
    SIZE,
    Running,
    attributes,
    cells,
    checked_axis,
    checked_loads,
    counts,
)
from neuromem.measures._statistics import (
    Floats,
    crossing,
    fit_line,
    fit_logistic,
    mean_interval,
    wilson_interval,
)
from neuromem.measures._theory import HEBB, hebbian_temperature

OVERLAP = Variable("overlap", "1", "overlap m with the stored pattern, mean over cues")
RECALLED = Variable("recalled", "1", "fraction of a network's cues recalled")
SUCCESS = Variable("success", "1", "fraction of cues recalled, mean over networks")
ALPHA_C = Variable("alpha_c", "1", "critical load: half of the cues are recalled")
WIDTH = Variable("alpha_c_width", "1", "load over which success falls from 0.73 to 0.5")
CENSORED = Variable("censored", "1", "whether alpha_c is only a bound")
THEORY_OVERLAP = Variable("theory_overlap", "1", "overlap by mean-field theory, infinite N")
THEORY_ALPHA_C = Variable("theory_alpha_c", "1", "critical load by mean-field theory, infinite N")
EXPECTED_ALPHA_C = Variable("expected_alpha_c", "1", "0.138 + 0.8/sqrt(N), usual at this N")

BRACKET = (0.0125, 3.2)
_FIRST_LOAD = 0.05
_MOST_HALVINGS = 8
_REFINED = (0.9, 0.7, 0.5, 0.3, 0.1)  # success at the loads of the last stage


def capacity(
    model: Model,
    *,
    n: int,
    loads: npt.ArrayLike | None = None,
    trials: int = 20,
    seed: int = 0,
    cue_noise: float = 0.0,
    criterion: float = 0.9,
    cues: int = 64,
    patterns: PatternSource | None = None,
    on: Chip | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    store: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | None = None,
    **recall: Any,
) -> xr.Dataset:
    """Measure recall against load, and the critical load at which half of the cues are recalled.

    Protocol: for each load, `trials` fresh networks store P random patterns each; up to `cues` of
    these, with exactly ``round(cue_noise * n)`` units flipped, are the cues. A cue is recalled if
    the final overlap with its pattern exceeds `criterion`. A logistic curve in the load, fitted
    to the fraction recalled, gives `alpha_c`. Intervals (95 %) are bootstraps over networks: the
    cues of one network share its weights and are no independent draws.

    Parameters
    ----------
    model : class, str or callable
        `nm.models.Hopfield`, a name of the catalogue, or any picklable callable from n to a
        memory, such as ``functools.partial(Hopfield, rule="storkey")``.
    n : int
        Number of units N.
    loads : array_like, optional
        Loads to measure. By default they are found as by `critical_load`.
    trials : int
        Networks at each load.
    seed : int
        Root of all randomness; each network's is keyed by n, load and trial.
    cue_noise : float
        Flipped fraction of each cue, from 0 to 0.5.
    criterion : float
        Overlap that a recalled cue exceeds.
    cues : int
        Cues of a network at most.
    patterns : callable or array_like, optional
        ``patterns(p, n, rng=generator)``, or an array of which the first P are stored by every
        network. By default random patterns in the memory's code: +-1 (as float32 for a real
        code), or 0/1 of the memory's activity.
    on : chip, optional
        Place each memory on this chip before it is asked.
    executor, workers, store, resume, progress
        As for `nm.sweep.Sweep.run`.
    **recall
        Options of the memory's `recall`, such as ``update="sync"``.

    Returns
    -------
    xarray.Dataset
        ``overlap``, ``recalled`` (load, trial); ``success`` with ``success_low`` and
        ``success_high``, and ``patterns`` (P) along load; the numbers ``alpha_c``,
        ``alpha_c_low``, ``alpha_c_high`` and ``alpha_c_width``. If success never passes one
        half, ``censored`` is 1 and ``alpha_c`` the highest load tested, a lower bound (-1: the
        lowest, an upper bound), with an infinite end of the interval. For Hebb's rule
        ``theory_overlap`` (load), ``theory_alpha_c`` and, for the protocol it was fitted to,
        ``expected_alpha_c``.

    Raises
    ------
    ParameterError
        If an argument is out of range, or a load stores no pattern.

    References
    ----------
    Amit, Gutfreund & Sompolinsky, PRL 55, 1530 (1985).

    Examples
    --------
    >>> curve = capacity("hopfield", n=100, loads=[0.05, 0.4], trials=3, cues=5)
    >>> curve["success"].values.round(1).tolist()
    [1.0, 0.0]
    """
    study = _Study.checked(
        "capacity", model, n, trials, seed, cue_noise, criterion, cues, patterns, on, recall
    )
    running = Running(executor, workers, store, resume, progress)
    if loads is None:
        return _adaptive(study, running, BRACKET)
    study.measure(checked_loads("capacity", study.setup, study.n, loads), running)
    return study.result({"loads": study.loads})


def critical_load(
    model: Model,
    *,
    n: int,
    bracket: tuple[float, float] = BRACKET,
    trials: int = 20,
    seed: int = 0,
    cue_noise: float = 0.0,
    criterion: float = 0.9,
    cues: int = 64,
    patterns: PatternSource | None = None,
    on: Chip | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    store: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | None = None,
    **recall: Any,
) -> xr.Dataset:
    """Find the load at which half of the cues are recalled, by bisection.

    From load 0.05 the load is doubled or halved until success passes one half. Bisection then
    goes on while the 95 % interval of the success excludes one half; a load at which it does not
    lies within the transition, and five more loads are spread over it. Loads are chosen from
    what was measured before and nothing else, so the same seed gives the same loads.

    Parameters
    ----------
    bracket : (float, float)
        The lowest and the highest load to try.
    model, n, trials, seed, cue_noise, criterion, cues, patterns, on, recall
        As for `capacity`.
    executor, workers, store, resume, progress
        As for `capacity`; each stage has its own folder in the store.

    Returns
    -------
    xarray.Dataset
        As of `capacity`, over the loads that were tried.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> found = critical_load("hopfield", n=100, trials=4, cues=5)
    >>> bool(0.15 < found["alpha_c"] < 0.35)
    True
    """
    study = _Study.checked(
        "critical_load", model, n, trials, seed, cue_noise, criterion, cues, patterns, on, recall
    )
    low, high = checked_axis("critical_load", "bracket", bracket, 1e-9, 1e9)[:: len(bracket) - 1]
    return _adaptive(study, Running(executor, workers, store, resume, progress), (low, high))


def finite_size_trend(
    model: Model,
    sizes: npt.ArrayLike = (500, 1000, 2000, 4000),
    *,
    trials: int = 20,
    seed: int = 0,
    **choices: Any,
) -> xr.Dataset:
    """Extrapolate the critical load to infinitely many units.

    Fits ``alpha_c(N) = alpha_infinity + slope / sqrt(N)``, each size weighted by its interval. A
    finite network goes further than theory says (Hebb: 0.162 at N = 1000, 0.138 at N = infinity),
    because in a small network recall is lost over a range of loads.

    Parameters
    ----------
    model, trials, seed
        As for `capacity`.
    sizes : array_like of int
        Numbers of units, at least two.
    **choices
        Further arguments of `critical_load`, such as ``workers=2``.

    Returns
    -------
    xarray.Dataset
        ``alpha_c``, ``alpha_c_low``, ``alpha_c_high`` along n; the numbers ``alpha_infinity`` and
        ``slope`` with their 95 % intervals ``..._low`` and ``..._high``; for Hebb's rule
        ``theory_alpha_c``.

    Raises
    ------
    ParameterError
        If there are fewer than two sizes, or the critical load of one is only a bound.

    Examples
    --------
    >>> trend = finite_size_trend("hopfield", (60, 240), trials=4, cues=8)
    >>> bool(trend["slope"] > 0)
    True
    """
