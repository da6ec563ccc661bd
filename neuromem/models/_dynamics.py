"""Dynamics of two-valued networks: who moves when, when it stops, and with what noise.

What a unit does is the same everywhere: up above its threshold, down below, else stay. Noise at
temperature T (Glauber's heat bath) is a random threshold, so that T = 0 is no special case. Here
the sweeps are driven; what a sweep does stands in the kernels, one for each kind of synapses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError
from neuromem.core.memory import Task
from neuromem.core.packed import asynchronous_sweep
from neuromem.core.randomness import stream
from neuromem.core.synapses import DenseSynapses, OverlapSynapses, outputs_of
from neuromem.kernels.hopfield import dense_sweep, mixed_sweep, parallel_step

Place: TypeAlias = tuple[int, ...]
"""A step, and where a unit is visited again in it, how often it was before."""


@dataclass(frozen=True)
class Threshold:
    """When a unit goes up or down, in the units of the fields that the sources give.

    Attributes
    ----------
    low : int
        The lower state: -1 (bipolar) or 0 (binary).
    level : float
        Threshold theta, in the units of W.
    temperature : float
        T, in the units of W.
    scale : float
        Factor that turns a source's fields into the units of W.
    tolerance : float
        Fields closer to the threshold than this leave the unit as it is (0 where exact).
    first_cue : int
        Number of the first cue, for the streams of noise.
    """

    low: int = -1
    level: float = 0.0
    temperature: float = 0.0
    scale: float = 1.0
    tolerance: float = 0.0
    first_cue: int = 0

    def draw(self, seed: np.random.SeedSequence, place: Place, n_cues: int, n: int) -> Array:
        """Return the thresholds of one place in time: (1, N) where all cues have the same.

        With u uniform, a unit goes up iff its field exceeds theta + T logit(u) / (1 - low),
        which happens with the heat bath's probability.
        """
        level = self.level / self.scale
        if abs(level - round(level)) <= 1e-12 * abs(level):
            level = float(round(level))  # k / N over 1 / N is k, whatever rounding made of it
        if self.temperature == 0.0:
            return np.full((1, n), level)
        # Philox makes four words a count: rows are padded to whole counts, so that the draws of
        # a cue can be found by skipping those of the cues before it.
        padded = -(-n // 4) * 4
        draws = stream(seed, "noise", *place)
        draws.bit_generator.advance(self.first_cue * (padded // 4))  # type: ignore[attr-defined]
        u = draws.random((n_cues, padded))[:, :n]
        u = np.maximum(u, 2.0**-54)
        noise = self.temperature / (1 - self.low) * (np.log(u) - np.log1p(-u))
        return np.asarray(level + noise / self.scale)


class Sweeper(Protocol):
    """One kind of synapses under asynchronous updates."""

    def start(self, states: Array) -> None:
        """Take the cues (Q, N), which `sweep` then changes in place."""

    def sweep(self, active: Array, order: Array, thresholds: Array) -> Array:
        """Visit the units in `order` for the cues in `active`; return flips (len(active),)."""


class DenseSweeper:
    """Explicit weights: fields are kept up to date, a flip adds a column of W."""

    def __init__(self, synapses: DenseSynapses, threshold: Threshold) -> None:
        self.synapses = synapses
        self.threshold = threshold
        self.columns = np.ascontiguousarray(synapses.weights.T)

    def start(self, states: Array) -> None:
        """Compute the fields of all cues by one product."""
        self.states = states
        self.fields = self.synapses.fields(states)

    def sweep(self, active: Array, order: Array, thresholds: Array) -> Array:
        """Run the kernel on the active rows."""
        states, fields = self.states[active], self.fields[active]
        flips = dense_sweep(
            self.columns,
            self.synapses.zero_diagonal,
            fields,
            states,
            order,
            thresholds,
            self.threshold.tolerance,
            self.threshold.low,
        )
        self.states[active], self.fields[active] = states, fields
        return np.asarray(flips)


class PackedSweeper:
    """Hebb's overlap form: fields by counting bits, a flip adds one to all counters."""

    def __init__(self, synapses: OverlapSynapses, threshold: Threshold) -> None:
        self.patterns = synapses.patterns
        self.own = len(synapses.patterns) if synapses.zero_diagonal else 0

    def start(self, states: Array) -> None:
        """Count the agreements of all cues with all patterns."""
        self.states = states
        self.counters = self.patterns.counters(states)

    def sweep(self, active: Array, order: Array, thresholds: Array) -> Array:
        """Run the kernel on the active rows."""
        noise = None
        if thresholds.any():
            shape = (len(active), self.patterns.n)
            noise = np.ascontiguousarray(np.broadcast_to(thresholds, shape))
        return asynchronous_sweep(
            self.patterns,
            self.states,
            self.counters,
            order,
            cues=active,
            thresholds=noise,
            self_term=self.own,
        )


class MixedSweeper:
    """Overlap form with a mixing matrix: a visit costs P, a flip P^2, never N^2."""

    def __init__(self, synapses: OverlapSynapses, threshold: Threshold) -> None:
        self.synapses = synapses
        self.threshold = threshold
        n = synapses.patterns.n
        self.diagonal = (
            np.broadcast_to(np.asarray(synapses.diagonal, np.float64), n)
            if synapses.zero_diagonal
            else np.zeros(n)
        )

    def start(self, states: Array) -> None:
        """Compute the mixed overlaps of all cues."""
        self.states = states
        assert self.synapses.mixing is not None
        self.coefficients = self.synapses.patterns.overlaps(states) @ self.synapses.mixing.T

    def sweep(self, active: Array, order: Array, thresholds: Array) -> Array:
        """Run the kernel on a block of unpacked units after the other."""
        states, coefficients = self.states[active], self.coefficients[active]
        flips = np.zeros(len(active), np.int64)
        for start in range(0, order.size, 4096):
            visited = order[start : start + 4096]
            flips += mixed_sweep(
                self.synapses.patterns.rows(visited),
                self.synapses.mixing,
                self.diagonal,
                coefficients,
                states,
                visited,
                thresholds,
                self.threshold.tolerance,
            )
        self.states[active], self.coefficients[active] = states, coefficients
        return flips


class OperatorSweeper:
    """Any linear operator: each visit reads one output of it for all cues."""

    def __init__(self, synapses: LinearOperator, threshold: Threshold) -> None:
        self.synapses = synapses
        self.threshold = threshold

    def start(self, states: Array) -> None:
        """Keep the cues."""
        self.states = states

    def sweep(self, active: Array, order: Array, thresholds: Array) -> Array:
        """Visit unit after unit, all cues at once."""
        states = self.states[active]
        flips = np.zeros(len(active), np.int64)
        for i in order:
            fields = outputs_of(self.synapses, states, [i])[:, 0] / self.threshold.scale
            excess = fields - thresholds[:, i]
            new = states[:, i].copy()
            new[excess > self.threshold.tolerance] = 1
            new[excess < -self.threshold.tolerance] = self.threshold.low
            flips += new != states[:, i]
            states[:, i] = new
        self.states[active] = states
        return flips


class Fields(Protocol):
    """One kind of synapses under parallel updates.

    What a unit's own state adds to its field is `own` times the state, to be taken away.
    """

    own: float

    def batch(self, n_cues: int) -> int:
        """Return how many cues to run together: at least 1, at most `n_cues`."""

    def start(self, states: Array) -> Array:
        """Return the fields (Q, N) of the states (Q, N)."""

    def advance(self, states: Array, kept: Array) -> Array:
        """Return the fields of the states that the rows `kept` of the last call moved to."""


class OperatorFields:
    """Fields of any linear operator for parallel updates, by one product a step."""

    own = 0.0

    def __init__(self, synapses: LinearOperator) -> None:
        self.synapses = synapses
        self.fields = getattr(synapses, "fields", None)

    def batch(self, n_cues: int) -> int:
        """Return all: a product reads the whole of W, however many cues there are."""
        return n_cues

    def start(self, states: Array) -> Array:
        """Return the fields (Q, N) of the states (Q, N)."""
        if self.fields is not None:
            return np.asarray(self.fields(states))
        return np.ascontiguousarray((self.synapses @ states.T.astype(np.float64)).T)

    def advance(self, states: Array, kept: Array) -> Array:
        """Return the fields of the states that the `kept` rows have moved to."""
        return self.start(states)


class PackedFields:
    """Exact integer fields of packed patterns; later steps compute what has changed only."""

    def __init__(self, synapses: OverlapSynapses) -> None:
        self.patterns = synapses.patterns
        self.own: float = len(synapses.patterns) if synapses.zero_diagonal else 0

    def batch(self, n_cues: int) -> int:
        """Return as many cues as have fields of about 16 MB, so that a million units fit."""
        return min(n_cues, max(16, 2**22 // self.patterns.n))

    def start(self, states: Array) -> Array:
        """Return the fields (Q, N) of the states (Q, N), from scratch."""
        largest = self.patterns.n * len(self.patterns)
        self.fields = np.zeros(states.shape, np.int32 if largest < 2**31 else np.int64)
        self.overlaps = self.patterns.overlaps(states)
        return self.patterns.fields(self.overlaps, out=self.fields)

    def advance(self, states: Array, kept: Array) -> Array:
        """Add the fields of the change in overlap: small numbers, which take few bit planes."""
        if kept.size < len(self.fields):
            self.fields, self.overlaps = self.fields[kept], self.overlaps[kept]
        overlaps = self.patterns.overlaps(states)
        change, self.overlaps = overlaps - self.overlaps, overlaps
        return self.patterns.fields(change, out=self.fields)


def visiting_order(
    order: str | npt.ArrayLike, n: int, seed: np.random.SeedSequence, where: str
) -> tuple[Callable[[int], Array], bool]:
    """Return a function from the sweep's number to the units it visits, and if it visits all.

    Parameters
    ----------
    order : {"random", "cyclic"} or array_like of int, shape (K,)
        A fresh permutation for each sweep, 0..N-1, or the units to visit, as they stand.
    n : int
        Number of units.
    seed : SeedSequence
        Root of the permutations: sweep t has the same order for every cue of every batch.
    where : str
        The method that an error names.
    """
    if isinstance(order, str):
        if order == "random":
            return lambda step: stream(seed, "order", step).permutation(n), True
        if order == "cyclic":
            units = np.arange(n)
            return lambda step: units, True
        raise ParameterError(
            f"{where}: order is {order!r}; give 'random', 'cyclic' or an array of units."
        )
    given = np.asarray(order)
    if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "iu":
        raise ShapeError(
            f"{where}: order has shape {given.shape} and dtype {given.dtype}; "
            "give a flat array of unit numbers."
        )
    if given.min() < 0 or given.max() >= n:
        raise ParameterError(
            f"{where}: order visits units {given.min()} to {given.max()}; "
            f"this memory has units 0 to {n - 1}."
        )
    units = np.ascontiguousarray(given, dtype=np.int64)
    return lambda step: units, np.unique(units).size == n


def refuse_order_if_parallel(update: str, order: str | npt.ArrayLike, where: str) -> None:
    """Raise if an order was given for updates that have none."""
    if update == "sync" and not (isinstance(order, str) and order == "random"):
        raise ParameterError(
            f"{where}: order is for update='async'; parallel updates have none. Leave it out."
        )


def _without_repeats(units: Array) -> list[Array]:
    """Cut a visiting order wherever a unit comes again, which is to meet fresh noise."""
    if np.unique(units).size == units.size:
        return [units]
    rounds, seen, first = [], set[int](), 0
    for place, unit in enumerate(units.tolist()):
        if unit in seen:
            rounds.append(units[first:place])
            seen, first = set(), place
        seen.add(unit)
    return [*rounds, units[first:]]


def asynchronous(
    task: Task,
    sweeper: Sweeper,
    threshold: Threshold,
    order: str | npt.ArrayLike,
    energy: Callable[[Array], Array],
) -> None:
    """Sweep until no unit of a cue has moved in a whole sweep, or the steps are used up.

    At a temperature above zero every cue runs all steps. Writes the task's states, counts and
    `done` flags; `done` means a fixed point.
    """
    states = task.states
    visit, all_units = visiting_order(order, states.shape[1], task.seed, task.where)
    may_stop = threshold.temperature == 0.0 and all_units
    sweeper.start(states)
    flips = np.zeros(len(states), np.int64)
    task.recorder.note(state=states, flips=flips, energy=lambda: energy(states))
    for step in range(task.first_step, task.first_step + task.steps):
        active = np.flatnonzero(~task.done)
        if active.size == 0:
            break
        flips = np.zeros(len(states), np.int64)
        visits = visit(step)
        rounds = [visits] if threshold.temperature == 0.0 else _without_repeats(visits)
        for again, units in enumerate(rounds):
            place = (step, again) if again else (step,)
            drawn = threshold.draw(task.seed, place, *states.shape)
            thresholds = drawn if len(drawn) == 1 else drawn[active]
            flips[active] += sweeper.sweep(active, units, thresholds)
        task.taken[active] += 1
        if may_stop:
            task.done[active] = flips[active] == 0
        task.recorder.note(state=states, flips=flips, energy=lambda: energy(states))


def synchronous(
    task: Task,
    source: Fields,
    threshold: Threshold,
    energy: Callable[[Array], Array],
) -> Array:
    """Step all units at once until a fixed point or a 2-cycle; return which cues cycle (Q,).

    Symmetric weights allow no other end (Goles, Fogelman & Pellegrin, Discrete Appl. Math. 12,
    261, 1985). Finished cues leave the batch. Writes the task's states, previous states, counts
    and `done` flags; `done` here means a fixed point or a cycle.
    """
    states = task.states
    task.previous = np.full_like(states, 2) if task.previous is None else task.previous.copy()
    cycles = task.cycle.copy()
    flips = np.zeros(len(states), np.int64)
    task.recorder.note(state=states, flips=flips, energy=lambda: energy(states))
    # A step is recorded for all cues, so that only an unrecorded run may go batch after batch.
    batch = len(states) if task.recorder.names else source.batch(len(states))
    for first in range(0, len(states), batch):
        rows = np.arange(first, min(first + batch, len(states)))
        _settle(task, task.previous, rows, source, threshold, energy, cycles)
    return cycles


def _settle(
    task: Task,
    previous: Array,
    rows: Array,
    source: Fields,
    threshold: Threshold,
    energy: Callable[[Array], Array],
    cycles: Array,
) -> None:
    """Run the parallel updates of the cues in `rows`."""
    states = task.states
    threshold = replace(threshold, first_cue=threshold.first_cue + int(rows[0]))
    active = rows[~task.done[rows]]
    now, before = states[active], previous[active]
    kept = np.arange(active.size)
    for step in range(task.first_step, task.first_step + task.steps):
        if active.size == 0:
            break
        first = step == task.first_step
        fields = source.start(now) if first else source.advance(now, kept)
        drawn = threshold.draw(task.seed, (step,), rows.size, states.shape[1])
        thresholds = drawn if len(drawn) == 1 else drawn[active - rows[0]]
        new = np.empty_like(now)
        own = fields.dtype.type(source.own)
        changed, older = parallel_step(
            fields, own, now, before, thresholds, threshold.tolerance, threshold.low, new
        )
        task.taken[active] += 1
        states[active], previous[active] = new, now
        if threshold.temperature == 0.0:
            task.done[active] = (changed == 0) | (older == 0)
            cycles[active] = (changed > 0) & (older == 0)
        flips = np.zeros(len(states), np.int64)
        flips[active] = changed
        task.recorder.note(state=states, flips=flips, energy=lambda: energy(states))
        kept = np.flatnonzero(~task.done[active])
        if kept.size < active.size:
            active, now, new = active[kept], now[kept], new[kept]
        before, now = now, new
