"""Recall at temperature: the overlap that thermal noise leaves."""

from __future__ import annotations

import inspect
import os
from concurrent.futures import Executor
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core import theory
from neuromem.core.errors import CapabilityError, whole_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.recall import overlap
from neuromem.core.results import Variable
from neuromem.measures._models import OURS, Chip, Maker, Model, PatternSource, Setup
from neuromem.measures._running import (
    LOAD,
    Running,
    attributes,
    cells,
    checked_axis,
    checked_loads,
    counts,
)
from neuromem.measures._theory import HEBB, hebbian_temperature

TEMPERATURE = Variable("temperature", "1", "temperature T in the units of W")
OVERLAP = Variable("overlap", "1", "overlap m with the pattern, mean over sweeps and cues")
THEORY_OVERLAP = Variable("theory_overlap", "1", "overlap by mean-field theory, infinite N")

_OURS = {**OURS, "temperature": "temperatures", "steps": "burn_in and sweeps"}


def thermal_trial(
    *,
    n: int,
    load: float,
    temperature: float,
    setup: Setup,
    burn_in: int,
    sweeps: int,
    rng: np.random.SeedSequence,
) -> float:
    """Return the overlap of one fresh network, averaged over `sweeps` after `burn_in` ones."""
    network = setup.network(n, load, rng)
    memory, targets = network.memory, setup.targets(network, rng)
    options = {**setup.recall, "temperature": temperature, "rng": rng}
    settled = memory.recall(targets, steps=burn_in, **options)
    trace = memory.recall(settled, steps=sweeps, record="state", **options).trace
    assert trace is not None
    # Step 0 is the end of the burn-in; without noise all may stop there or early.
    kept = np.minimum(np.arange(1, sweeps + 1), trace.sizes["step"] - 1)
    states = trace["state"].values
    return float(np.mean([overlap(states[k], targets, memory.code) for k in kept]))


def thermal(
    model: Model,
    *,
    n: int,
    loads: npt.ArrayLike,
    temperatures: npt.ArrayLike,
    burn_in: int = 40,
    sweeps: int = 80,
    trials: int = 5,
    seed: int = 0,
    cues: int = 4,
    patterns: PatternSource | None = None,
    on: Chip | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    store: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | None = None,
    **recall: Any,
) -> xr.Dataset:
    """Measure the overlap that Glauber dynamics keeps with a stored pattern at temperature T.

    Protocol: start at a stored pattern, let `burn_in` sweeps pass, then average the overlap over
    `sweeps` more. At a given load the patterns are lost above T_M (`nm.theory.
    critical_temperature`); near it the burn-in is too short for a large network.

    Parameters
    ----------
    loads : array_like
        Loads to measure.
    temperatures : array_like
        Temperatures T >= 0, in the units of W (the field of a stored pattern is 1).
    burn_in, sweeps : int
        Sweeps that are passed over, and sweeps that are averaged.
    cues : int
        Patterns of a network at most.
    model, n, trials, seed, patterns, on, executor, workers, store, resume, progress
        As for `capacity`.
    **recall
        Further options of the memory's `recall`, such as ``order="cyclic"``.

    Returns
    -------
    xarray.Dataset
        ``overlap`` (load, temperature, trial), ``patterns`` (P) along load, and for Hebb's rule
        ``theory_overlap`` (load, temperature), 0 where theory has no retrieval state.

    Raises
    ------
    ParameterError
        If an argument is out of range, or a load stores no pattern.
    CapabilityError
        If the model has no dynamics at temperature.

    References
    ----------
    Amit, Gutfreund & Sompolinsky, PRL 55, 1530 (1985).

    Examples
    --------
    >>> warm = thermal("hopfield", n=200, loads=[0.01], temperatures=[0.1, 1.5], trials=2)
    >>> warm["overlap"].mean("trial").values.round(1).tolist()
    [[1.0, 0.0]]
    """
    where = "thermal"
    n, trials = whole_number(where, "n", n, least=2), whole_number(where, "trials", trials, least=1)
    check_temperature(where, Maker(where, model)(n))
    setup = Setup.checked(
        where, model, n, patterns=patterns, on=on, cues=cues, recall=recall, ours=_OURS
    )
    chosen = checked_loads(where, setup, n, loads)
    heats = checked_axis(where, "temperatures", temperatures, 0.0, 1e6)
    fixed = {
        "burn_in": whole_number(where, "burn_in", burn_in),
        "sweeps": whole_number(where, "sweeps", sweeps, least=1),
    }
    sweep = cells(
        thermal_trial,
        setup,
        n,
        grid={LOAD: chosen, TEMPERATURE: heats},
        measures=[OVERLAP],
        trials=trials,
        seed=seed,
        fixed=fixed,
    )
    found = Running(executor, workers, store, resume, progress).run(sweep).isel(n=0, drop=True)
    found["patterns"] = counts(setup, n, chosen)
    if patterns is None and hebbian_temperature(setup.model(n), {**recall, "temperature": 1.0}):
        curves = [theory.retrieval_overlap(chosen, heat) for heat in heats]
        found["theory_overlap"] = THEORY_OVERLAP.array(["temperature", "load"], curves).transpose(
            "load", "temperature"
        )
    parameters = {"loads": chosen, "temperatures": heats, "trials": trials, **fixed}
    found.attrs = attributes(where, setup, n, parameters=parameters, seed=seed, source=HEBB)
    return found


def check_temperature(where: str, memory: AssociativeMemory) -> None:
    """Raise unless the memory has dynamics at temperature."""
    if "temperature" not in inspect.signature(memory.recall).parameters:
        raise CapabilityError(
            f"{where}: {type(memory).__name__} has no dynamics at temperature. Give a model whose "
            "recall takes temperature=, such as 'hopfield'."
        )
