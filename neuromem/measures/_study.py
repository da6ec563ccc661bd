"""Recall against load: what one network gives, which loads to try, what they say together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from neuromem.core import theory
from neuromem.core.errors import real_number, whole_number
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.measures._models import Chip, Model, PatternSource, Setup
from neuromem.measures._running import FLAGS, LOAD, Running, attributes, cells, counts
from neuromem.measures._statistics import Crossing, Floats, crossing, fit_logistic, mean_interval
from neuromem.measures._theory import HEBB, hebbian_temperature
from neuromem.sweep.layout import TRIAL

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
"""The lowest and the highest load that a search tries by itself."""
MOST_VALUES = 2**24
"""What a search stores at most by itself, in units of patterns; 3.2 N patterns if more."""

_FIRST_LOAD = 0.05
_MOST_HALVINGS = 8
_REFINED = np.array([0.9, 0.7, 0.5, 0.3, 0.1])  # success at the loads of the last stage


def recall_trial(
    *,
    n: int,
    load: float,
    setup: Setup,
    cue_noise: float,
    criterion: float,
    rng: np.random.SeedSequence,
) -> dict[Variable, float]:
    """Return how well one fresh network recalls: what `capacity` measures in each cell."""
    network = setup.network(n, load, rng)
    seen, targets = setup.ask(network, cue_noise, rng)
    overlap = seen.overlap(targets)
    return {OVERLAP: float(overlap.mean()), RECALLED: float(np.mean(overlap > criterion))}


@dataclass
class Study:
    """The loads measured so far on one model, and the search for its critical load.

    Attributes
    ----------
    setup : Setup
        How networks are made and asked.
    n, trials, seed : int
        Units, networks at each load, and the root of all randomness.
    cue_noise, criterion : float
        Flipped fraction of a cue; overlap that a recalled cue exceeds.
    points : dict
        By load: overlap and fraction recalled, each (trials,).
    """

    setup: Setup
    n: int
    trials: int
    seed: int
    cue_noise: float
    criterion: float
    points: dict[float, dict[str, Floats]] = field(default_factory=dict)

    @classmethod
    def checked(
        cls,
        where: str,
        model: Model,
        n: int,
        *,
        trials: int,
        seed: int,
        cue_noise: float,
        criterion: float,
        cues: int,
        patterns: PatternSource | None,
        on: Chip | None,
        recall: Mapping[str, Any],
    ) -> Study:
        """Check the arguments that all measures of recall against load share."""
        n = whole_number(where, "n", n, least=2)
        return cls(
            Setup.checked(where, model, n, patterns=patterns, on=on, cues=cues, recall=recall),
            n,
            whole_number(where, "trials", trials, least=1),
            whole_number(where, "seed", seed),
            real_number(where, "cue_noise", cue_noise, 0.0, 0.5),
            real_number(where, "criterion", criterion, 0.0, 1.0),
        )

    @property
    def loads(self) -> list[float]:
        """The loads measured so far, rising."""
        return sorted(self.points)

    def measure(self, loads: Iterable[float], running: Running, stage: str | None = None) -> None:
        """Measure fresh networks at `loads`."""
        sweep = cells(
            recall_trial,
            self.setup,
            self.n,
            grid={LOAD: list(loads)},
            measures=(OVERLAP, RECALLED),
            trials=self.trials,
            seed=self.seed,
            fixed={"cue_noise": self.cue_noise, "criterion": self.criterion},
        )
        found = running.run(sweep, stage).isel(n=0)
        for load in found["load"].values:
            at = found.sel(load=load)
            names = (OVERLAP.name, RECALLED.name)
            self.points[float(load)] = {name: at[name].values for name in names}

    def search(self, bracket: tuple[float, float] | None, running: Running) -> None:
        """Choose and measure loads around the critical load, within `bracket` if one is given."""
        lowest, highest = self._ends(bracket)
        with running.one_pool(self.setup.model.where, self.setup) as pooled:
            if self._bracket(lowest, highest, pooled):
                self._bisect(pooled)
                self._refine(lowest, highest, pooled)

    def crossing(self) -> Crossing:
        """Return the critical load that the measured points give."""
        recalled = self._stacked(RECALLED)
        return crossing(np.array(self.loads), recalled, stream(self.seed, "alpha_c"))

    def result(self, parameters: Mapping[str, Any]) -> xr.Dataset:
        """Return all points and what they say together as the measure's Dataset."""
        recalled = self._stacked(RECALLED)
        patterns = counts(self.setup, self.n, self.loads)
        asked = np.minimum(patterns.values, self.setup.cues)
        low, high = mean_interval(recalled, asked, stream(self.seed, "success"))
        found = self.crossing()
        variables = {
            "overlap": OVERLAP.array(["load", "trial"], self._stacked(OVERLAP)),
            "recalled": RECALLED.array(["load", "trial"], recalled),
            "patterns": patterns,
            "success": SUCCESS.array(["load"], recalled.mean(axis=1)),
            "success_low": SUCCESS.array(["load"], low),
            "success_high": SUCCESS.array(["load"], high),
            "alpha_c": ALPHA_C.array([], found.value),
            "alpha_c_low": ALPHA_C.array([], found.low),
            "alpha_c_high": ALPHA_C.array([], found.high),
            "alpha_c_width": WIDTH.array([], found.width),
            "censored": CENSORED.array([], found.censored),
            **self._theory(),
        }
        variables["censored"].attrs |= FLAGS
        chosen = {
            "trials": self.trials,
            "cue_noise": self.cue_noise,
            "criterion": self.criterion,
            **parameters,
        }
        where = self.setup.model.where
        return xr.Dataset(
            variables,
            {
                "load": LOAD.array(["load"], self.loads),
                "trial": TRIAL.array(["trial"], np.arange(self.trials)),
            },
            attributes(where, self.setup, self.n, parameters=chosen, seed=self.seed, source=HEBB),
        )

    def _stacked(self, variable: Variable) -> Floats:
        return np.stack([self.points[load][variable.name] for load in self.loads])

    def _mean(self, load: float) -> float:
        return float(self.points[load][RECALLED.name].mean())

    def _count(self, load: float) -> int:
        return self.setup.model(self.n).count_at(load)

    def _ends(self, bracket: tuple[float, float] | None) -> tuple[float, float]:
        """Return the lowest and the highest load to try: one pattern at least, none too many."""
        lowest, highest = bracket or BRACKET
        if bracket is None:
            # Exponential memories hold more than fits into any machine: they end at a bound.
            most = max(BRACKET[1] * self.n, MOST_VALUES / self.n)
            highest = min(highest, self._load_of(int(most)))
        if isinstance(self.setup.patterns, np.ndarray):
            highest = min(highest, self._load_of(len(self.setup.patterns)))
        return max(min(lowest, highest), self._load_of(1)), max(highest, self._load_of(1))

    def _load_of(self, count: int) -> float:
        """Return P/N for `count` patterns, or the least load that stores them if load is no P/N."""
        low, high = 0.0, 1e-6
        while self._count(high) < count:
            low, high = high, 2.0 * high
        for _ in range(60):
            middle = (low + high) / 2.0
            low, high = (low, middle) if self._count(middle) >= count else (middle, high)
        exact = count / self.n
        return exact if abs(exact - high) <= 0.501 / self.n else high

    def _snapped(self, load: float) -> float:
        """Return the exact load of the patterns that `load` stores, where load is P/N."""
        exact = self._count(load) / self.n
        return exact if abs(exact - load) <= 0.5 / self.n else float(f"{load:.5g}")

    def _new(self, loads: Iterable[float]) -> list[float]:
        """Return the loads, snapped, whose number of patterns has not been measured yet."""
        known = {self._count(load) for load in self.loads}
        new = {self._count(load): load for load in map(self._snapped, loads)}
        return sorted(load for count, load in new.items() if count not in known)

    def _bracket(self, lowest: float, highest: float, running: Running) -> bool:
        """Double or halve the load until success has passed one half; return whether it has."""
        load = self._snapped(min(max(_FIRST_LOAD, lowest), highest))
        self.measure([load], running, "bracket-0")
        rising = self._mean(load) >= 0.5
        for step in range(1, 100):
            load = load * 2.0 if rising else load / 2.0
            new = self._new([min(max(load, lowest), highest)])
            if not new:
                return False
            self.measure(new, running, f"bracket-{step}")
            if (self._mean(new[0]) >= 0.5) != rising:
                return True
        return False

    def _bisect(self, running: Running) -> None:
        """Halve the bracket as long as the interval of the success excludes one half."""
        for step in range(_MOST_HALVINGS):
            above = max(load for load in self.loads if self._mean(load) >= 0.5)
            below = min(load for load in self.loads if self._mean(load) < 0.5)
            new = self._new([(above + below) / 2.0])
            if not new:
                return
            self.measure(new, running, f"bisect-{step}")
            recalled = self.points[new[0]][RECALLED.name]
            asked = min(self._count(new[0]), self.setup.cues)
            low, high = mean_interval(recalled, asked, stream(self.seed, "bisect", step))
            if low <= 0.5 <= high:
                return

    def _refine(self, lowest: float, highest: float, running: Running) -> None:
        """Spread loads over the transition that the points so far suggest."""
        fit = fit_logistic(np.array(self.loads), self._stacked(RECALLED).mean(axis=1))
        loads = fit.midpoint - fit.width * np.log(_REFINED / (1.0 - _REFINED))
        new = self._new(np.clip(loads, lowest, highest))
        if new:
            self.measure(new, running, "refine")

    def _theory(self) -> dict[str, xr.Variable]:
        """Return the theory of Hebb's rule, where it is what was measured."""
        memory = self.setup.model(self.n)
        temperature = hebbian_temperature(memory, self.setup.recall)
        if temperature is None or self.setup.patterns is not None:
            return {}
        overlap = theory.retrieval_overlap(self.loads, temperature)
        laws = {
            "theory_overlap": THEORY_OVERLAP.array(["load"], overlap),
            "theory_alpha_c": THEORY_ALPHA_C.array([], theory.critical_load(temperature)),
        }
        asynchronous = self.setup.recall.get("update", "async") == "async"
        usual = asynchronous and self.setup.recall.keys() <= {"update", "temperature"}
        protocol = (temperature, self.cue_noise, self.criterion) == (0.0, 0.0, 0.9)
        if usual and protocol and self.setup.on is None:
            expected = theory.finite_size_critical_load(self.n)
            laws["expected_alpha_c"] = EXPECTED_ALPHA_C.array([], expected)
        return laws
