"""Dense associative memories: binary attractor networks of high capacity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator
from scipy.special import logsumexp

from neuromem.core.codes import Array, Code
from neuromem.core.errors import CapabilityError, ParameterError, one_of, whole_number
from neuromem.core.memory import AssociativeMemory, Cues, Task
from neuromem.core.packed import PackedPatterns
from neuromem.core.randomness import Rng
from neuromem.core.recall import Recall
from neuromem.core.synapses import DenseSynapses
from neuromem.kernels.dense import add_weighted, table_sweep, table_weights
from neuromem.models._dynamics import (
    Threshold,
    asynchronous,
    refuse_order_if_parallel,
    synchronous,
)

FUNCTIONS = ("polynomial", "rectified", "exponential")

UNPACKED = 2**22
"""Signs that are unpacked at a time, a byte each."""


class DenseMemory(AssociativeMemory):
    r"""Autoassociative memory of +-1 patterns with an energy steeper than quadratic.

    .. math:: E = -\sum_\mu F(\xi^\mu \cdot s), \qquad
              s_i \leftarrow \mathrm{sgn} \sum_\mu
              \big[F(\xi_i^\mu + R_i^\mu) - F(-\xi_i^\mu + R_i^\mu)\big],
              \quad R_i^\mu = \sum_{j \ne i} \xi_j^\mu s_j

    with F(x) = x^n, max(x, 0)^n or exp(x). A unit for which both states have the same energy keeps
    its own.

    Parameters
    ----------
    n : int
        Number of units N.
    energy_function : {"polynomial", "rectified", "exponential"}
        F. With "polynomial" and degree 2 this is the Hopfield network with Hebb's rule and zero
        diagonal, trajectory by trajectory.
    degree : int
        n of the polynomials, at least 2; the exponential ignores it.

    Raises
    ------
    ParameterError
        If there is no such function, or (N + 2)^degree exceeds 1e300.

    Notes
    -----
    The patterns are kept as bits and their overlaps with the state are kept up to date: a visit
    costs P multiplications, a flip 2 P look-ups. Differences of energy are exact integers while
    8 P (N + 2)^degree < 2^63; beyond that, and for the exponential (relative to the largest
    overlap), they are float64, and what is within rounding of zero counts as zero.

    Random patterns are recalled without errors up to N^(n-1) / (2 (2n-3)!! ln N) of them
    (Krotov & Hopfield), and are fixed points up to 2^(N/2) with the exponential (Demircigil et
    al.); see `neuromem.core.theory.dense_capacity` and `exponential_capacity`.

    References
    ----------
    Krotov & Hopfield, "Dense associative memory for pattern recognition", NIPS 29 (2016).
    Demircigil et al., J. Stat. Phys. 168, 288 (2017).

    Examples
    --------
    >>> memory = DenseMemory(4, degree=3).store([[1, -1, 1, -1], [1, 1, 1, 1]])
    >>> memory.recall([[1, -1, 1, 1]], order="cyclic").patterns
    array([[1, 1, 1, 1]], dtype=int8)
    """

    code: Code = "bipolar"

    def __init__(
        self,
        n: int,
        *,
        energy_function: Literal["polynomial", "rectified", "exponential"] = "polynomial",
        degree: int = 3,
    ) -> None:
        super().__init__(n)
        name = self._name
        self.energy_function = one_of(name, "energy_function", energy_function, FUNCTIONS)
        self.degree = whole_number(name, "degree", degree, least=2)
        if energy_function != "exponential" and self.degree * math.log10(self.n + 2) > 300:
            raise ParameterError(
                f"{name}: degree is {degree}; (N + 2)^degree must not exceed 1e300 for N = "
                f"{self.n}. Give at most {int(300 / math.log10(self.n + 2))}."
            )
        self._patterns = PackedPatterns(self.n)

    def recall(
        self,
        cues: Cues,
        *,
        update: Literal["async", "sync"] = "async",
        order: str | npt.ArrayLike = "random",
        steps: int | None = None,
        rng: Rng = None,
        record: str | tuple[str, ...] = (),
    ) -> Recall:
        """Run the network from each cue and return where it ends.

        Parameters
        ----------
        cues : array_like, shape (Q, N) or (N,), or Recall
            Initial states; left untouched. A Recall is continued where it stopped.
        update : {"async", "sync"}
            "async": one unit after the other, a step is a sweep over all units; no flip raises
            the energy, and it ends in a fixed point. "sync": all units at once; a 2-cycle ends it
            too, and `Recall.cycle` reports it.
        order : {"random", "cyclic"} or array_like of int
            Units that a sweep visits: a fresh permutation a sweep (the same for all cues), in
            turn, or as given.
        steps : int, optional
            Sweeps or parallel steps at most; default 100.
        rng : int, SeedSequence, Generator or None
            Seed of the orders.
        record : str or tuple of str
            What `Recall.trace` keeps of each step: "state", "energy", "flips".

        Raises
        ------
        ShapeError, CodeError, ParameterError
            If an argument does not fit.
        CapabilityError
            If nothing is stored yet.
        """
        one_of(f"{self._name}.recall", "update", update, ("async", "sync"))
        refuse_order_if_parallel(update, order, f"{self._name}.recall")
        return self._recall(self._task(cues, steps, rng, record, update), update, order)

    def _recall(
        self, task: Task, update: str = "async", order: str | npt.ArrayLike = "random"
    ) -> Recall:
        task.states = task.states.astype(np.int8, copy=False)
        tables = self._tables()
        cycles = np.zeros(len(task.states), bool)
        if update == "sync":
            fields = _Fields(self._patterns, tables)
            threshold = Threshold(tolerance=tables.tolerance)
            cycles = synchronous(task, fields, threshold, self._energy)
        else:
            task.previous = None
            sweeper = _Sweeper(self._patterns, tables)
            asynchronous(task, sweeper, Threshold(), order, self._energy)
        return Recall(
            task.states,
            code=self.code,
            steps=task.taken,
            converged=task.done & ~cycles,
            cycle=cycles,
            energy=self._pending_energy(task.states),
            previous=task.previous,
            dynamics=task.dynamics,
            trace=task.recorder.trace(),
        )

    def energy(self, states: npt.ArrayLike) -> Array:
        r"""Return the energy of each state, shape (Q,).

        :math:`-\sum_\mu F(\xi^\mu \cdot s)`; with the exponential, which would overflow,
        :math:`-\ln \sum_\mu \exp(\xi^\mu \cdot s)`, which orders states alike.

        Raises
        ------
        ShapeError, CodeError
            If `states` do not fit.
        CapabilityError
            If nothing is stored yet.
        """
        return super().energy(states)

    @property
    def synapses(self) -> dict[str, LinearOperator]:
        """The patterns as ``{"keys": X}`` (P, N), whose products with a state are the overlaps.

        They are for reading: the energy function acts on exact overlaps, so that nothing can stand
        in for them.
        """
        return {"keys": DenseSynapses(self._patterns.unpack(dtype=np.float32))}

    @property
    def nbytes(self) -> int:
        """Bytes of the packed patterns."""
        return self._patterns.nbytes

    def count_at(self, load: float) -> int:
        """Return how many patterns make a load.

        ``round(load * n**(degree - 1))`` for the polynomials, whose load is P / N^(n-1), and
        ``round(exp(load * n))`` for the exponential, whose load is ln(P) / N.

        Raises
        ------
        ParameterError
            If that many patterns have no finite number.
        """
        if self.energy_function != "exponential":
            return round(load * float(self.n) ** (self.degree - 1))
        if load * self.n > 700.0:
            raise ParameterError(
                f"{self._name}.count_at: load is {load}; exp(load * {self.n}) patterns are too "
                "many to count. The exponential's load is ln(P) / N."
            )
        return round(math.exp(load * self.n))

    def _store(self, keys: Array, values: Array | None) -> None:
        self._patterns.append(keys)

    def _forget(self, keys: Array) -> None:
        places = self._patterns.places_of(keys, f"{self._name}.forget")
        for place in sorted(places, reverse=True):
            self._patterns.remove(place)

    def _energy(self, states: Array) -> Array:
        if self.n_stored == 0:
            raise CapabilityError(
                f"{self._name}.energy: nothing is stored yet. Call store(keys) first."
            )
        overlaps = self._patterns.overlaps(states)
        if self.energy_function == "exponential":
            return -np.asarray(logsumexp(overlaps, axis=1))
        values = self._function(np.arange(-self.n, self.n + 1))
        if len(overlaps[0]) * max(map(abs, values)) >= 2**63:
            values = values.astype(np.float64)
        else:
            values = values.astype(np.int64)
        return np.asarray(-values[overlaps + self.n].sum(axis=1), np.float64)

    def _function(self, x: Array) -> Array:
        """Return F of whole numbers, exactly, as Python's integers."""
        base = np.maximum(x, 0) if self.energy_function == "rectified" else x
        return np.asarray(base.astype(object) ** self.degree)

    def _tables(self) -> _Tables:
        """Return gain and loss of every overlap, see `neuromem.kernels.dense`."""
        rounding = (self.n_stored + 4) * 2.0**-52
        if self.energy_function == "exponential":
            # exp(M - max M), the common factor left out: nothing overflows.
            base = np.exp(np.arange(-2.0 * self.n, 1.0))
            up, down = math.exp(2.0), math.exp(-2.0)
            return _Tables(base * (up - down), base * (2.0 - up - down), True, rounding)
        f = self._function(np.arange(-self.n - 2, self.n + 3))
        gains, losses = f[4:] - f[:-4], 2 * f[2:-2] - f[4:] - f[:-4]
        if 8 * self.n_stored * (self.n + 2) ** self.degree < 2**63:
            return _Tables(gains.astype(np.int64), losses.astype(np.int64), False, 0.0)
        scale = self.n**self.degree
        return _Tables(
            (gains / scale).astype(np.float64), (losses / scale).astype(np.float64), False, rounding
        )

    def _arrays(self) -> dict[str, Array]:
        return {"bits": self._patterns.bits}

    def _set_arrays(self, arrays: Mapping[str, Array]) -> None:
        self._patterns = PackedPatterns.from_bits(self.n, arrays["bits"])


@dataclass(frozen=True)
class _Tables:
    """What overlaps contribute to a difference of energy, and what counts as none."""

    gains: Array
    losses: Array
    relative: bool
    tolerance: float


class _Sweeper:
    """One unit after the other, by the tables; a flip changes all overlaps."""

    def __init__(self, patterns: PackedPatterns, tables: _Tables) -> None:
        self.patterns = patterns
        self.tables = tables

    def start(self, states: Array) -> None:
        """Compute the overlaps of all cues."""
        self.states = states
        self.overlaps = self.patterns.overlaps(states)

    def sweep(self, active: Array, order: Array, thresholds: Array) -> Array:
        """Run the kernel on a block of unpacked units after the other."""
        states, overlaps = self.states[active], self.overlaps[active]
        flips = np.zeros(len(active), np.int64)
        height = max(1, UNPACKED // len(self.patterns))
        tables = self.tables
        for first in range(0, order.size, height):
            visited = order[first : first + height]
            flips += table_sweep(
                self.patterns.rows(visited),
                visited,
                tables.gains,
                tables.losses,
                tables.relative,
                tables.tolerance,
                overlaps,
                states,
            )
        self.states[active], self.overlaps[active] = states, overlaps
        return flips


class _Fields:
    """The differences of all units at once, by the tables."""

    own = 0.0

    def batch(self, n_cues: int) -> int:
        """Return all: the patterns are unpacked once for them."""
        return n_cues

    def __init__(self, patterns: PackedPatterns, tables: _Tables) -> None:
        self.patterns = patterns
        self.tables = tables

    def start(self, states: Array) -> Array:
        """Return the differences (Q, N); those of float64 relative to what they are summed from."""
        tables, kind = self.tables, self.tables.gains.dtype
        overlaps = self.patterns.overlaps(states)
        weights, own = np.empty(overlaps.shape, kind), np.empty((len(states), 1), kind)
        mass = np.empty((len(states), 1))
        table_weights(
            overlaps, tables.gains, tables.losses, tables.relative, weights, own[:, 0], mass[:, 0]
        )
        fields = own * states
        for start, patterns in self._blocks():
            add_weighted(weights[:, start : start + len(patterns)], patterns, fields)
        # No mass, no difference: every rectified overlap is negative.
        return np.asarray(fields if kind == np.int64 else fields / np.where(mass > 0, mass, 1.0))

    def advance(self, states: Array, kept: Array) -> Array:
        """Return the differences of the states that the `kept` rows have moved to."""
        return self.start(states)

    def _blocks(self) -> Iterator[tuple[int, Array]]:
        height = max(1, UNPACKED // self.patterns.n)
        for start in range(0, len(self.patterns), height):
            yield start, self.patterns.unpack(start, min(start + height, len(self.patterns)))
