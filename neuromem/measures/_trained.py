"""One trained memory on many chips: what it is asked, and how it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.codes import Array
from neuromem.core.errors import CapabilityError, real_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.hardware.chip import Chip
from neuromem.hardware.placed import Placed
from neuromem.measures._models import check_options, corrupted, stored_patterns
from neuromem.measures._statistics import mean_interval

OVERLAP = Variable("overlap", "1", "overlap m with the stored pattern, mean over cues")
RECALLED = Variable("recalled", "1", "fraction of the cues that one chip recalled")
SUCCESS = Variable("success", "1", "fraction of cues recalled, mean over chips")
WEIGHT_ERROR = Variable("weight_error", "1", "r.m.s. error of the weights over their r.m.s. value")
IDEAL_OVERLAP = Variable("ideal_overlap", "1", "overlap of the ideal memory, for the same cues")
IDEAL_RECALLED = Variable("ideal_recalled", "1", "fraction of the same cues, by the ideal memory")
IDEAL_SUCCESS = Variable("ideal_success", "1", "fraction of cues that the ideal memory recalls")
IDEAL = (IDEAL_OVERLAP, IDEAL_RECALLED)


@dataclass(frozen=True, eq=False)
class Trained:
    """A memory that has stored patterns, and the questions it is asked; `checked` makes one.

    Attributes
    ----------
    memory : AssociativeMemory
        With ideal synapses.
    patterns : ndarray, shape (P, N)
        The targets of the cues.
    cue_noise, criterion : float
        Flipped fraction of a cue; overlap that a recalled cue exceeds.
    recall : dict
        Keyword arguments of `recall`.
    """

    memory: AssociativeMemory
    patterns: Array
    cue_noise: float
    criterion: float
    recall: dict[str, Any]

    @classmethod
    def checked(
        cls,
        where: str,
        memory: AssociativeMemory,
        patterns: npt.ArrayLike,
        *,
        cue_noise: float,
        criterion: float,
        recall: Mapping[str, Any],
    ) -> Self:
        """Check the arguments that all measures of a trained memory on chips share."""
        targets = stored_patterns(where, memory, patterns)
        if memory.heteroassociative:
            raise CapabilityError(
                f"{where}: this {type(memory).__name__} gives back values in the place of its "
                "keys. Give a memory that completes patterns."
            )
        memory.with_synapses({})  # refuses at once where a memory has no operators to replace
        check_options(where, memory, recall)
        return cls(
            memory,
            targets,
            real_number(where, "cue_noise", cue_noise, 0.0, 0.5),
            real_number(where, "criterion", criterion, 0.0, 1.0),
            dict(recall),
        )

    @property
    def choices(self) -> dict[str, Any]:
        """What was chosen, for provenance."""
        return {
            "patterns": self.patterns,
            "cue_noise": self.cue_noise,
            "criterion": self.criterion,
            "recall": self.recall,
        }

    def cues(self, seed: np.random.SeedSequence) -> Array:
        """Return a damaged cue of each pattern, shape (P, N)."""
        return corrupted(self.patterns, self.memory.code, self.cue_noise, seed)

    def written(self, chip: Chip, seed: np.random.SeedSequence) -> Placed:
        """Return the memory in new devices of `chip`."""
        placed = chip.map(self.memory, rng=stream(seed, "chip"))
        assert isinstance(placed, Placed)  # a memory was mapped, not a list of matrices
        return placed

    def ask(
        self, memory: AssociativeMemory, cues: Array, seed: np.random.SeedSequence
    ) -> tuple[float, float]:
        """Return the mean overlap that `memory` reaches, and the fraction of cues it recalls."""
        overlap = memory.recall(cues, rng=seed, **self.recall).overlap(self.patterns)
        return float(overlap.mean()), float(np.mean(overlap > self.criterion))

    def success(self, found: xr.Dataset, seed: int) -> dict[str, xr.Variable]:
        """Return ``success`` with its interval, and that of the ideal memory.

        `found` holds ``recalled``, whose last dimension is ``trial``, and ``ideal_recalled``.
        """
        recalled = found["recalled"]
        dims = [str(dim) for dim in recalled.dims[:-1]]
        interval = mean_interval(recalled.values, len(self.patterns), stream(seed, "success"))
        return {
            "success": SUCCESS.array(dims, recalled.values.mean(axis=-1)),
            "success_low": SUCCESS.array(dims, interval[0]),
            "success_high": SUCCESS.array(dims, interval[1]),
            "ideal_success": IDEAL_SUCCESS.array([], float(found["ideal_recalled"].mean())),
        }


def weight_error(placed: Placed) -> float:
    """Return the error of the weights of those synapses that are off the most."""
    return max(crossbar.weight_error for crossbar in placed.crossbars.values())
