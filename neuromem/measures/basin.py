"""Basin of attraction: how wrong a cue may be and still be recalled."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.errors import real_number, whole_number
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.measures._models import Chip, Model, PatternSource, Setup
from neuromem.measures._running import (
    FLAGS,
    LOAD,
    Running,
    attributes,
    cells,
    checked_axis,
    checked_loads,
    counts,
)
from neuromem.measures._statistics import crossing, mean_interval

FRACTION = Variable("fraction", "1", "flipped fraction of the cue")
OVERLAP = Variable("overlap", "1", "final overlap with the pattern, mean over cues", ("fraction",))
RECALLED = Variable("recalled", "1", "fraction of a network's cues recalled", ("fraction",))
STEPS = Variable("steps", "1", "steps until the end, mean over cues", ("fraction",))
SUCCESS = Variable("success", "1", "fraction of cues recalled, mean over networks", ("fraction",))
F50 = Variable("f50", "1", "critical cue noise: flipped fraction at which half are recalled")
CENSORED = Variable("censored", "1", "whether f50 is only a bound")

SOURCE = "Forrest, J. Phys. A 21, 245 (1988)"

FRACTIONS = np.linspace(0.0, 0.5, 21)
"""The flipped fractions that `basin` takes by itself."""


def basin_trial(
    *,
    n: int,
    load: float,
    setup: Setup,
    fractions: list[float],
    criterion: float,
    rng: np.random.SeedSequence,
) -> dict[Variable, npt.NDArray[np.float64]]:
    """Return how well one fresh network recalls from ever worse cues, each (len(fractions),)."""
    network = setup.network(n, load, rng)
    rows = []
    for fraction in fractions:
        seen, targets = setup.ask(network, fraction, rng)
        overlap = seen.overlap(targets)
        rows.append((overlap.mean(), np.mean(overlap > criterion), seen.steps.mean()))
    return dict(zip((OVERLAP, RECALLED, STEPS), np.array(rows).T, strict=True))


def basin(
    model: Model,
    *,
    n: int,
    loads: npt.ArrayLike,
    fractions: npt.ArrayLike | None = None,
    trials: int = 20,
    seed: int = 0,
    criterion: float = 0.95,
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
    """Measure recall against the noise of the cue, and the critical cue noise of each load.

    Protocol: each of `trials` networks a load is asked for up to `cues` of its patterns, with
    exactly ``round(f * n)`` units flipped, for every fraction f; the initial overlap of a bipolar
    cue is 1 - 2 f. A cue is recalled if the final overlap exceeds `criterion`. A logistic curve
    in f, fitted to the fraction recalled, gives `f50`; its interval (95 %) is a bootstrap over
    networks.

    Parameters
    ----------
    loads : array_like
        Loads to measure.
    fractions : array_like, optional
        Flipped fractions from 0 to 1; by default 0, 0.025, ..., 0.5.
    criterion : float
        Overlap that a recalled cue exceeds.
    model, n, trials, seed, cues, patterns, on, executor, workers, store, resume, progress
        As for `capacity`.
    **recall
        Options of the memory's `recall`.

    Returns
    -------
    xarray.Dataset
        ``overlap``, ``recalled`` and ``steps`` (load, trial, fraction); ``success`` (load,
        fraction) with ``success_low`` and ``success_high``; ``patterns`` (P), ``f50``,
        ``f50_low``, ``f50_high`` and ``censored`` along load. Where success never passes one
        half, ``censored`` is 1 and ``f50`` the largest fraction, a lower bound (-1: the
        smallest, an upper bound).

    Raises
    ------
    ParameterError
        If an argument is out of range, or a load stores no pattern.

    References
    ----------
    Forrest, J. Phys. A 21, 245 (1988).

    Examples
    --------
    >>> result = basin("hopfield", n=100, loads=[0.03], fractions=[0.0, 0.25, 0.5], trials=3)
    >>> result["success"].values.round(1)[0, [0, -1]].tolist()
    [1.0, 0.1]
    """
    where = "basin"
    n, trials = whole_number(where, "n", n, least=2), whole_number(where, "trials", trials, least=1)
    setup = Setup.checked(where, model, n, patterns=patterns, on=on, cues=cues, recall=recall)
    chosen = checked_loads(where, setup, n, loads)
    given = FRACTIONS if fractions is None else fractions
    tried = checked_axis(where, "fractions", given, 0.0, 1.0)
    fixed = {"criterion": real_number(where, "criterion", criterion, 0.0, 1.0), "fractions": tried}
    sweep = cells(
        basin_trial,
        setup,
        n,
        grid={LOAD: chosen},
        measures=(OVERLAP, RECALLED, STEPS),
        trials=trials,
        seed=seed,
        fixed=fixed,
        coords={FRACTION: tried},
    )
    found = Running(executor, workers, store, resume, progress).run(sweep).isel(n=0, drop=True)
    found["patterns"] = counts(setup, n, chosen)
    recalled = found["recalled"].values
    asked = np.minimum(found["patterns"].values, cues)[:, None]
    success = {"success": SUCCESS.array(["load"], recalled.mean(axis=1))}
    low, high = mean_interval(recalled.swapaxes(1, 2), asked, stream(seed, "success"))
    success |= {"success_low": SUCCESS.array(["load"], low)}
    success |= {"success_high": SUCCESS.array(["load"], high)}
    found = found.assign(success).assign(_critical_noise(recalled, np.array(tried), seed))
    parameters = {"loads": chosen, "trials": trials, **fixed}
    found.attrs = attributes(where, setup, n, parameters=parameters, seed=seed, source=SOURCE)
    return found


def _critical_noise(
    recalled: npt.NDArray[np.float64], fractions: npt.NDArray[np.float64], seed: int
) -> dict[str, xr.Variable]:
    """Return f50 with its interval for `recalled` (load, trial, fraction)."""
    rows = [
        crossing(fractions, row.T, stream(seed, "f50"), paired=True, limits=(0.0, 1.0))
        for row in recalled
    ]
    censored = CENSORED.array(["load"], [row.censored for row in rows])
    censored.attrs |= FLAGS
    return {
        "f50": F50.array(["load"], [row.value for row in rows]),
        "f50_low": F50.array(["load"], [row.low for row in rows]),
        "f50_high": F50.array(["load"], [row.high for row in rows]),
        "censored": censored,
    }
