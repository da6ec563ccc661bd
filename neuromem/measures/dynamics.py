"""Retrieval dynamics: overlap, energy and flips, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.codes import as_patterns
from neuromem.core.errors import ShapeError, whole_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.recall import overlap
from neuromem.core.results import Variable
from neuromem.measures._models import (
    OURS,
    Chip,
    check_chip,
    check_options,
    placed,
    stored_patterns,
)
from neuromem.measures._running import memory_attributes

OVERLAP = Variable("overlap", "1", "overlap m with the target")
ENERGY = Variable("energy", "1", "energy E, in the model's units")
FLIPS = Variable("flips", "1", "units that changed in the step")
STEPS = Variable("steps", "1", "steps until the end")
CONVERGED = Variable("converged", "1", "whether the state has stopped changing")
STEP = Variable("step", "1", "step: a sweep over all units, or a parallel update")
CUE = Variable("cue", "1", "number of the cue")

SOURCE = "Hopfield, PNAS 79, 2554 (1982)"

_OURS = {**OURS, "record": "the returned Dataset"}


def dynamics(
    memory: AssociativeMemory,
    patterns: npt.ArrayLike,
    cues: npt.ArrayLike,
    *,
    seed: int = 0,
    on: Chip | None = None,
    **recall: Any,
) -> xr.Dataset:
    """Follow each recall step by step: overlap with the target, energy, and units that flipped.

    Parameters
    ----------
    memory : AssociativeMemory
        A memory that has stored patterns.
    patterns : array_like, shape (Q, N) or (N,)
        The target of each cue, or one for all.
    cues : array_like, shape (Q, N) or (N,)
        Where the recalls start.
    seed : int
        Seed of the recall; ``memory.recall(cues, rng=seed)`` goes the same way.
    on : chip, optional
        Place the memory on this chip first.
    **recall
        Options of the memory's `recall`, such as ``update="sync"``.

    Returns
    -------
    xarray.Dataset
        ``overlap``, ``energy`` and ``flips`` (step, cue), where step 0 is the cue itself;
        ``steps`` and ``converged`` along cue.

    Raises
    ------
    ShapeError, CodeError
        If patterns or cues do not fit the memory or each other.
    ParameterError
        If an option of `recall` does not exist.

    Notes
    -----
    With symmetric weights the energy of asynchronous recall at T = 0 never rises (Hopfield,
    PNAS 79, 2554 (1982)).

    Examples
    --------
    >>> import neuromem as nm
    >>> xi = nm.patterns.random(3, 100, rng=0)
    >>> net = nm.models.Hopfield(100).store(xi)
    >>> seen = dynamics(net, xi, nm.patterns.flip(xi, 0.2, rng=0))
    >>> seen["overlap"][[0, -1], 0].values.round(2).tolist()
    [0.6, 1.0]
    """
    where = "dynamics"
    targets = stored_patterns(where, memory, patterns)
    starts = as_patterns(cues, memory.code, n=memory.n, where=f"{where}: cues")
    if len(targets) not in (1, len(starts)):
        raise ShapeError(
            f"{where}: {len(targets)} patterns came with {len(starts)} cues. "
            "Give one pattern a cue, or a single one for all."
        )
    check_chip(where, on)
    check_options(where, memory, recall, _OURS)
    seed = whole_number(where, "seed", seed)
    asked = placed(memory, on, np.random.SeedSequence(seed))
    seen = asked.recall(starts, rng=seed, record=("state", "energy", "flips"), **recall)
    trace = seen.trace
    assert trace is not None
    curve = np.stack([overlap(state, targets, memory.code) for state in trace["state"].values])
    dims = ["step", "cue"]
    parameters = {"recall": recall, "on": on, "patterns": targets, "cues": starts}
    return xr.Dataset(
        {
            "overlap": OVERLAP.array(dims, curve),
            "energy": ENERGY.array(dims, trace["energy"].values),
            "flips": FLIPS.array(dims, trace["flips"].values),
            "steps": STEPS.array(["cue"], seen.steps),
            "converged": CONVERGED.array(["cue"], seen.converged),
        },
        {
            "step": STEP.array(["step"], trace["step"].values),
            "cue": CUE.array(["cue"], np.arange(len(starts))),
        },
        memory_attributes(where, memory, parameters=parameters, seed=seed, source=SOURCE),
    )
