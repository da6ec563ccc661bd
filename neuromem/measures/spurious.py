"""Census of attractors: where random states end that nobody stored."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.codes import Array
from neuromem.core.errors import CapabilityError, whole_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.patterns import random
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.measures._models import (
    Chip,
    check_chip,
    check_options,
    placed,
    stored_patterns,
)
from neuromem.measures._running import memory_attributes
from neuromem.measures._statistics import wilson_interval

KINDS = ("pattern", "complement", "mixture", "glass", "other")
"""What an end state can be, in the order in which the definitions are tried."""

FRACTION = Variable("fraction", "1", "fraction of the starts that ended so")
DISTINCT = Variable("distinct", "1", "number of different end states")
KIND = Variable("kind", "1", "kind of the end state: index into KINDS")
LARGEST = Variable("overlap", "1", "overlap with the pattern that is nearest or most opposite")
MIXED = Variable("mixed", "1", "number of patterns with an overlap beyond 0.25 in magnitude")
ENERGY = Variable("energy", "1", "energy E of the end state, in the model's units")
CONVERGED = Variable("converged", "1", "whether the end state is a fixed point")
BASIN_WEIGHT = Variable("basin_weight", "1", "fraction of the starts that ended at the pattern")
KIND_AXIS = Variable("kinds", "1", "kind of end state")
START = Variable("start", "1", "number of the random start")
PATTERN = Variable("pattern", "1", "number of the pattern")

SOURCE = "Amit, Gutfreund & Sompolinsky, PRA 32, 1007 (1985)"

_RECALLED = 0.9  # retrieval states have overlaps above 0.967
_MIXED = 0.25  # 3-, 5- and 7-mixtures have overlaps of 1/2, 3/8 and 5/16
_GLASS = 0.4


class Census(NamedTuple):
    """What `classify` says of each state.

    Attributes
    ----------
    kind : ndarray of int, shape (Q,)
        Index into `KINDS`.
    nearest : ndarray of int, shape (Q,)
        The pattern whose overlap has the largest magnitude.
    overlap : ndarray, shape (Q,)
        That overlap, with its sign.
    mixed : ndarray of int, shape (Q,)
        Number of overlaps beyond 0.25 in magnitude.
    """

    kind: Array
    nearest: Array
    overlap: Array
    mixed: Array


def classify(states: Array, patterns: Array) -> Census:
    """Say of each bipolar state (Q, N) what it is in terms of the patterns (P, N).

    In this order: *pattern*, an overlap above 0.9; *complement*, one below -0.9; *mixture*, at
    least three overlaps beyond 0.25 in magnitude (of either sign); *glass*, no overlap beyond 0.4
    in magnitude; *other*, the rest.

    Examples
    --------
    >>> import neuromem as nm
    >>> xi = nm.patterns.random(3, 1001, rng=0)
    >>> states = np.stack([xi[0], -xi[1], np.sign(xi.sum(axis=0, dtype=int))])
    >>> [KINDS[kind] for kind in classify(states, xi).kind]
    ['pattern', 'complement', 'mixture']
    """
    overlaps = states.astype(np.float32) @ patterns.T.astype(np.float32) / states.shape[1]
    nearest = np.abs(overlaps).argmax(axis=1)
    overlap = overlaps[np.arange(len(states)), nearest].astype(np.float64)
    mixed = np.sum(np.abs(overlaps) > _MIXED, axis=1)
    cases = [
        overlap > _RECALLED,
        overlap < -_RECALLED,
        mixed >= 3,
        np.abs(overlap) < _GLASS,
    ]
    kind = np.select(cases, range(len(cases)), default=len(cases))
    return Census(kind, nearest, overlap, mixed)


def spurious(
    memory: AssociativeMemory,
    patterns: npt.ArrayLike,
    *,
    starts: int = 1000,
    seed: int = 0,
    on: Chip | None = None,
    **recall: Any,
) -> xr.Dataset:
    """Let random states relax and count at what kinds of states they end.

    Protocol: `starts` independent random +-1 states are relaxed; `classify` says of each end
    state whether it is a pattern, a complement, a mixture of patterns, a spin-glass state, or
    none of these. The starts are independent draws: intervals (95 %) are Wilson's. They hold for
    this memory; other patterns are another draw.

    Parameters
    ----------
    memory : AssociativeMemory
        A bipolar memory that has stored the patterns.
    patterns : array_like, shape (P, N)
        All stored patterns.
    starts : int
        Number of random starts.
    seed : int
        Seed of the starts and of the recalls.
    on : chip, optional
        Place the memory on this chip first.
    **recall
        Options of the memory's `recall`, such as ``update="sync"``.

    Returns
    -------
    xarray.Dataset
        ``fraction``, ``fraction_low``, ``fraction_high`` and ``distinct`` (number of different
        end states) along kinds; ``kind``, ``overlap``, ``mixed``, ``energy`` and ``converged``
        along start; ``basin_weight`` along pattern.

    Raises
    ------
    CapabilityError
        If the memory is not bipolar or has stored nothing.
    ParameterError, ShapeError, CodeError
        If an argument does not fit.

    References
    ----------
    Amit, Gutfreund & Sompolinsky, Phys. Rev. A 32, 1007 (1985).

    Examples
    --------
    >>> import neuromem as nm
    >>> xi = nm.patterns.random(1, 100, rng=0)
    >>> found = spurious(nm.models.Hopfield(100).store(xi), xi, starts=20)
    >>> float(found["fraction"].sel(kinds=["pattern", "complement"]).sum())
    1.0
    """
    where = "spurious"
    stored = stored_patterns(where, memory, patterns)
    if memory.code != "bipolar":
        raise CapabilityError(
            f"{where}: {type(memory).__name__} holds {memory.code} patterns; complements and "
            "mixtures are states of bipolar memories. Give one with +-1 patterns."
        )
    check_chip(where, on)
    check_options(where, memory, recall)
    starts = whole_number(where, "starts", starts, least=1)
    seed = whole_number(where, "seed", seed)
    asked = placed(memory, on, np.random.SeedSequence(seed))
    begin = random(starts, memory.n, rng=stream(seed, "starts"))
    seen = asked.recall(begin, rng=seed, **recall)
    census = classify(seen.patterns, stored)
    counts = np.bincount(census.kind, minlength=len(KINDS))
    low, high = wilson_interval(counts, starts)
    recalled = census.nearest[census.kind == 0]
    weight = np.bincount(recalled, minlength=len(stored)) / starts
    parameters = {"starts": starts, "recall": recall, "on": on, "patterns": stored}
    return xr.Dataset(
        {
            "fraction": FRACTION.array(["kinds"], counts / starts),
            "fraction_low": FRACTION.array(["kinds"], low),
            "fraction_high": FRACTION.array(["kinds"], high),
            "distinct": DISTINCT.array(["kinds"], _distinct(seen.patterns, census.kind)),
            "kind": KIND.array(["start"], census.kind),
            "overlap": LARGEST.array(["start"], census.overlap),
            "mixed": MIXED.array(["start"], census.mixed),
            "energy": ENERGY.array(["start"], seen.energy),
            "converged": CONVERGED.array(["start"], seen.converged),
            "basin_weight": BASIN_WEIGHT.array(["pattern"], weight),
        },
        {
            "kinds": KIND_AXIS.array(["kinds"], list(KINDS)),
            "start": START.array(["start"], np.arange(starts)),
            "pattern": PATTERN.array(["pattern"], np.arange(len(stored))),
        },
        memory_attributes(where, memory, parameters=parameters, seed=seed, source=SOURCE),
    )


def _distinct(states: Array, kind: Array) -> list[int]:
    """Return how many different states there are of each kind."""
    bits = np.packbits(states > 0, axis=1)
    return [len(np.unique(bits[kind == index], axis=0)) for index in range(len(KINDS))]
