"""Capacity: how much a memory holds before recall breaks, and where exactly it breaks."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core import theory
from neuromem.core.errors import ParameterError, whole_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.results import Variable, provenance
from neuromem.measures._models import Chip, Maker, Model, PatternSource, Source
from neuromem.measures._running import SIZE, Running, checked_axis, checked_loads
from neuromem.measures._statistics import fit_line
from neuromem.measures._study import ALPHA_C, THEORY_ALPHA_C, Study
from neuromem.measures._theory import HEBB, hebbian_temperature

INFINITE = Variable("alpha_infinity", "1", "critical load extrapolated to infinite N")
SLOPE = Variable("slope", "1", "slope of alpha_c in 1/sqrt(N)")


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
        half, ``censored`` is 1 and ``alpha_c`` the highest load tested, a lower bound, with
        ``alpha_c_high`` infinite (-1: the lowest, an upper bound, with ``alpha_c_low`` 0). For
        Hebb's rule
        ``theory_overlap`` (load), ``theory_alpha_c`` and, for the protocol it was fitted to,
        ``expected_alpha_c``.

    Raises
    ------
    ParameterError
        If an argument is out of range, or a load stores no pattern.

    Notes
    -----
    Without cue noise the question is whether patterns are (near) fixed points. Where all fields
    vanish every state is one: the projection rule with zero diagonal keeps any pattern at
    P >= N. Give `cue_noise` to ask for patterns that attract.

    Never hold the capacity of a finite network against that of an infinite one, 0.138 for Hebb;
    see `finite_size_trend`. Intervals from fewer than about 10 networks are too short.

    References
    ----------
    Amit, Gutfreund & Sompolinsky, PRL 55, 1530 (1985).

    Examples
    --------
    >>> curve = capacity("hopfield", n=100, loads=[0.05, 0.4], trials=3, cues=5)
    >>> curve["success"].values.round(1).tolist()
    [1.0, 0.0]
    """
    study = Study.checked(
        "capacity",
        model,
        n,
        trials=trials,
        seed=seed,
        cue_noise=cue_noise,
        criterion=criterion,
        cues=cues,
        patterns=patterns,
        on=on,
        recall=recall,
    )
    running = Running(executor, workers, store, resume, progress)
    if loads is None:
        study.search(None, running)
        return study.result({"bracket": None})
    chosen = checked_loads("capacity", study.setup, study.n, loads)
    study.measure(chosen, running)
    return study.result({"loads": chosen})


def critical_load(
    model: Model,
    *,
    n: int,
    bracket: tuple[float, float] | None = None,
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
    bracket : (float, float), optional
        The lowest and the highest load to try. By default 0.0125 and 3.2, or less where that
        would be more than 3.2 n patterns and 2**24 stored units.
    model, n, trials, seed, cue_noise, criterion, cues, patterns, on, recall
        As for `capacity`.
    executor, workers, store, resume, progress
        As for `capacity`; each stage of the search has its own folder in the store.

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
    study = Study.checked(
        "critical_load",
        model,
        n,
        trials=trials,
        seed=seed,
        cue_noise=cue_noise,
        criterion=criterion,
        cues=cues,
        patterns=patterns,
        on=on,
        recall=recall,
    )
    ends = None if bracket is None else _checked_bracket(bracket)
    study.search(ends, Running(executor, workers, store, resume, progress))
    return study.result({"bracket": ends})


def finite_size_trend(
    model: Model,
    sizes: npt.ArrayLike = (500, 1000, 2000, 4000),
    *,
    trials: int = 20,
    seed: int = 0,
    store: str | os.PathLike[str] | None = None,
    **choices: Any,
) -> xr.Dataset:
    """Extrapolate the critical load to infinitely many units.

    Fits ``alpha_c(N) = alpha_infinity + slope / sqrt(N)``, each size weighted by its interval:
    a finite network goes further than the theory of infinitely many units (Hebb: 0.162 at
    N = 1000, 0.138 at N = infinity). The intervals of the fit are statistical; what a straight
    line leaves out comes on top.

    Parameters
    ----------
    model, trials, seed
        As for `capacity`.
    sizes : array_like of int
        Numbers of units, at least two.
    store : path, optional
        A Zarr folder, with a folder for each size in it.
    **choices
        Further arguments of `critical_load`, such as ``workers=2``.

    Returns
    -------
    xarray.Dataset
        ``alpha_c``, ``alpha_c_low``, ``alpha_c_high`` along n; the numbers ``alpha_infinity`` and
        ``slope`` with the ends of their 95 % intervals, ``..._low`` and ``..._high``; for Hebb's
        rule ``theory_alpha_c``.

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
    where = "finite_size_trend"
    numbers = [whole_number(where, "sizes", n, least=2) for n in np.atleast_1d(np.asarray(sizes))]
    if len(set(numbers)) < 2:
        raise ParameterError(f"{where}: sizes is {sizes!r}; give at least two different sizes.")
    numbers = sorted(set(numbers))
    found = []
    for n in numbers:
        folder = None if store is None else Path(store) / f"n-{n}"
        curve = critical_load(model, n=n, trials=trials, seed=seed, store=folder, **choices)
        if curve["censored"]:
            raise ParameterError(
                f"{where}: at n={n} success never passes one half from load "
                f"{float(curve['load'][0]):g} to {float(curve['load'][-1]):g}. "
                "Give bracket=(low, high) around the critical load."
            )
        found.append([float(curve[name]) for name in ("alpha_c", "alpha_c_low", "alpha_c_high")])
    maker = Maker(where, model)
    kept = {name: value for name, value in choices.items() if name not in _HOW_IT_RAN}
    if callable(kept.get("patterns")):
        kept["patterns"] = Source(kept["patterns"])
    parameters = {"sizes": numbers, "trials": trials, "model": maker, **kept}
    trend = _trend(numbers, np.array(found)).assign(_limit(maker(numbers[0]), choices))
    return trend.assign_attrs(title=where, model=maker.name, **provenance(parameters, seed, HEBB))


def _checked_bracket(bracket: tuple[float, float]) -> tuple[float, float]:
    ends = checked_axis("critical_load", "bracket", bracket, 1e-9, 1e9)
    if len(ends) != 2:
        raise ParameterError(
            f"critical_load: bracket has {len(ends)} loads; give the lowest and the highest."
        )
    return ends[0], ends[1]


def _trend(sizes: list[int], measured: npt.NDArray[np.float64]) -> xr.Dataset:
    """Fit the line through the critical loads, `measured` (sizes, 3) with low and high."""
    line = fit_line(1.0 / np.sqrt(sizes), *measured.T)
    variables = _with_ends(ALPHA_C, ["n"], measured.T)
    fitted = zip((INFINITE, SLOPE), (line.intercept, line.slope), line.intervals(), strict=True)
    for variable, value, interval in fitted:
        variables |= _with_ends(variable, [], (value, *interval))
    return xr.Dataset(variables, {"n": SIZE.array(["n"], sizes)})


def _with_ends(variable: Variable, dims: list[str], values: Iterable[Any]) -> dict[str, Any]:
    """Return a variable and the two ends of its interval."""
    names = (variable.name, f"{variable.name}_low", f"{variable.name}_high")
    return {k: variable.array(dims, value) for k, value in zip(names, values, strict=True)}


def _limit(memory: AssociativeMemory, choices: dict[str, Any]) -> dict[str, xr.Variable]:
    """Return what theory says of infinitely many units, where it covers the choices."""
    temperature = hebbian_temperature(memory, choices)
    if temperature is None or choices.get("patterns") is not None:
        return {}
    return {"theory_alpha_c": THEORY_ALPHA_C.array([], theory.critical_load(temperature))}


_HOW_IT_RAN = ("executor", "workers", "resume", "progress")
