"""Modern Hopfield networks: continuous memories whose update is attention over the patterns."""

from __future__ import annotations

import copy
import math
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from scipy.sparse.linalg import LinearOperator

from neuromem.core.codes import Array, Code
from neuromem.core.errors import (
    CapabilityError,
    ParameterError,
    one_of,
    real_number,
    whole_number,
)
from neuromem.core.memory import AssociativeMemory, Cues, Task
from neuromem.core.randomness import Rng
from neuromem.core.recall import Recall
from neuromem.core.synapses import DenseSynapses, held_by
from neuromem.kernels.entmax import entmax
from neuromem.models._similarity import Similarity

SEPARATIONS = ("softmax", "sparsemax", "entmax")

LARGEST = {"float32": 1e18, "float64": 1e150}
"""Norms of patterns and cues up to which no similarity overflows."""

PART = 2**22
"""Scores that are held at a time where operators stand in for the patterns (32 MB)."""


class ModernHopfield(AssociativeMemory):
    r"""Continuous memory of real patterns: softmax, sparsemax or entmax over similarities.

    .. math:: x \leftarrow X^T p(\beta X x), \qquad
              E(x) = -\tfrac1\beta \Psi^*(\beta X x) + \tfrac12 x^T x
                     + \tfrac1\beta H_{\max} + \tfrac12 M^2

    with the patterns as rows of X, p = alpha-entmax, :math:`\Psi^*` the conjugate of the negative
    Tsallis entropy (log-sum-exp for softmax), :math:`H_{\max}` the entropy of equal weights
    (ln P for softmax) and M the largest norm of a pattern. No update raises E, and
    :math:`0 \le E \le 2 M^2` wherever :math:`|x| \le M`.

    Parameters
    ----------
    n : int
        Number of units N of a pattern.
    separation : {"softmax", "sparsemax", "entmax"}
        How similarities become weights: all positive, or exactly zero for far patterns.
    alpha : float
        Exponent of entmax, at least 1 (1 is softmax, 2 is sparsemax); the others ignore it.
    beta : float, optional
        Inverse temperature, above 0; by default 1 / sqrt(N), as in attention. A large one picks
        the most similar pattern, a tiny one averages over all.
    chunk : int, optional
        Stored patterns that are taken at a time; by default as many as fit the cache. It changes
        speed and the order of sums, that is, rounding.
    n_values : int, optional
        Makes the memory heteroassociative: each key comes with a value of that many units, and
        recall reads values :math:`V^T p(\beta X x)`, which is attention with keys X and values V.

    Raises
    ------
    ParameterError
        If a choice does not exist or a number is out of range.

    Notes
    -----
    Patterns and states are float32, or float64 once patterns in float64 are stored. Recall streams
    over the patterns: beyond its result it takes memory in proportion to cues times `chunk`, never
    to cues times patterns. What a cue becomes does not depend on the other cues of the batch.

    Entmax recalls a pattern exactly in one update once its similarity exceeds that of all others
    by 1 / (beta (alpha - 1)). With alpha > 2 weights rise from zero with infinite slope, so that
    small ones hang on the rounding of similarities. Load is P/N, though capacity grows
    exponentially with N.

    References
    ----------
    Ramsauer et al., "Hopfield networks is all you need", ICLR (2021). Hu et al., "On sparse modern
    Hopfield model", NeurIPS 36 (2023). Wu et al., ICLR (2024). Santos et al., ICML (2024).

    Examples
    --------
    >>> memory = ModernHopfield(3, beta=8.0).store([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> memory.recall([0.9, 0.1, 0.3]).patterns.round(3)
    array([[0.998, 0.002, 0.   ]])
    """

    code: Code = "real"
    default_steps = 1

    def __init__(
        self,
        n: int,
        *,
        separation: Literal["softmax", "sparsemax", "entmax"] = "softmax",
        alpha: float = 1.5,
        beta: float | None = None,
        chunk: int | None = None,
        n_values: int | None = None,
    ) -> None:
        super().__init__(n)
        name = "ModernHopfield"
        self.separation = one_of(name, "separation", separation, SEPARATIONS)
        self.alpha = real_number(name, "alpha", alpha, 1.0, sys.float_info.max)
        self.beta = _positive(beta) if beta is not None else 1.0 / math.sqrt(self.n)
        self.chunk = None if chunk is None else whole_number(name, "chunk", chunk, least=1)
        self._n_values = (
            None if n_values is None else whole_number(name, "n_values", n_values, least=1)
        )
        self._keys = _Rows(self.n)
        self._values = None if self._n_values is None else _Rows(self._n_values)
        self._norm = 0.0
        self._replaced: dict[str, LinearOperator] = {}

    def recall(
        self,
        cues: Cues,
        *,
        steps: int | None = None,
        tolerance: float = 1e-5,
        rng: Rng = None,
        record: str | tuple[str, ...] = (),
    ) -> Recall:
        """Update each cue and return where it ends.

        Parameters
        ----------
        cues : array_like, shape (Q, N) or (N,), or Recall
            Initial states, real; left untouched. A Recall is continued where it stopped.
        steps : int, optional
            Updates at most; default 1, as in attention. In a heteroassociative memory the last
            one reads values, so that the state moves ``steps - 1`` times.
        tolerance : float
            A cue has converged, and is left alone, once an update moves it by no more than this
            fraction of the largest norm of a pattern.
        rng : int, SeedSequence, Generator or None
            Taken as by every memory; nothing is drawn.
        record : str or tuple of str
            What `Recall.trace` keeps of each update: "state", "energy", "flips" (units whose sign
            changed).

        Raises
        ------
        ShapeError, CodeError, ParameterError
            If an argument does not fit.
        CapabilityError
            If nothing is stored yet.
        """
        where = f"{self._name}.recall"
        tolerance = real_number(where, "tolerance", tolerance, 0.0)
        task = self._task(cues, steps, rng, record, f"tolerance {tolerance}")
        if self._values is not None and task.first_step + task.steps == 0:
            raise ParameterError(
                f"{where}: steps is 0; a heteroassociative memory reads its values in the last "
                "step. Give steps >= 1."
            )
        return self._recall(task, tolerance)

    def _recall(self, task: Task, tolerance: float = 1e-5) -> Recall:
        states = task.states = self._states(task.states, f"{self._name}.recall: cues")
        reading = self._values is not None and task.first_step == 0
        flips = np.zeros(len(states), np.int64)
        note = task.recorder.note
        note(state=states, flips=flips, energy=lambda: self._energy(states))
        for _ in range(task.steps - int(reading)):
            active = np.flatnonzero(~task.done)
            if active.size == 0:
                break
            before = states[active]
            after = self._read("keys", before)
            states[active] = after
            task.taken[active] += 1
            moved = np.linalg.norm((after - before).astype(np.float64), axis=1)
            task.done[active] = moved <= tolerance * self._norm
            flips = np.zeros(len(states), np.int64)
            flips[active] = np.count_nonzero((after > 0) != (before > 0), axis=1)
            note(state=states, flips=flips, energy=lambda: self._energy(states))
        task.taken += int(reading)
        return Recall(
            states if self._values is None else self._read("values", states),
            code=self.code,
            steps=task.taken,
            converged=task.done,
            energy=self._pending_energy(states),
            states=states,
            dynamics=task.dynamics,
            trace=task.recorder.trace(),
        )

    @property
    def heteroassociative(self) -> bool:
        """Whether the memory was built with `n_values`."""
        return self._n_values is not None

    @property
    def n_values(self) -> int:
        """Units of a recalled pattern: those of a value, or of a key where there are none."""
        return self.n if self._n_values is None else self._n_values

    @property
    def synapses(self) -> dict[str, LinearOperator]:
        """The patterns X as ``{"keys": X}`` (P, N), and values as ``"values"`` V^T (M, P).

        Scores are ``keys @ x``. Without values, what is recalled is ``keys.T @ p``: an array that
        stands in for the keys is read in both directions.
        """
        own = {"keys": DenseSynapses(self._keys.rows)}
        if self._values is not None:
            own["values"] = DenseSynapses(self._values.rows.T)
        return {**own, **self._replaced}

    @property
    def nbytes(self) -> int:
        """Bytes of patterns and values, room to grow included."""
        return self._keys.nbytes + (0 if self._values is None else self._values.nbytes)

    @property
    def parameters(self) -> dict[str, Any]:
        """The constructor's arguments, from which the memory can be built anew."""
        return {**super().parameters, "n_values": self._n_values}

    def _store(self, keys: Array, values: Array | None) -> None:
        where = f"{self._name}.store"
        self._refuse_if_replaced("store")
        kind = np.result_type(keys, self._keys.rows)
        if values is not None and self._values is not None:
            kind = np.result_type(kind, values)
            _refuse_overflow(values, kind, f"{where}: values")
        _refuse_overflow(keys, kind, f"{where}: keys")
        self._append(keys, values, kind)

    def _append(self, keys: Array, values: Array | None, kind: np.dtype[Any]) -> None:
        self._keys.append(keys, kind)
        if values is not None and self._values is not None:
            self._values.append(values, kind)
        self._norm = max(self._norm, float(_norms(keys).max(initial=0.0)))

    def _forget(self, keys: Array) -> None:
        self._refuse_if_replaced("forget")
        rows = self._keys.rows
        # Adding zero turns -0.0 into 0.0, so that equal numbers have equal bytes.
        wanted = Counter(row.tobytes() for row in keys.astype(rows.dtype) + rows.dtype.type(0))
        gone = np.zeros(len(rows), bool)
        for i, row in enumerate(rows):
            name = (row + row.dtype.type(0)).tobytes()
            if wanted.get(name, 0) > 0:
                wanted[name] -= 1
                gone[i] = True
        if gone.sum() < len(keys):
            raise ParameterError(
                f"{self._name}.forget: {len(keys) - gone.sum()} of {len(keys)} keys are not stored "
                "(so often). Forget keys as they were stored."
            )
        self._keys.keep(~gone)
        if self._values is not None:
            self._values.keep(~gone)
        self._norm = float(_norms(self._keys.rows).max(initial=0.0))

    def _energy(self, states: Array) -> Array:
        states = self._states(states, f"{self._name}.energy: states")
        if self.n_stored == 0:
            raise CapabilityError(
                f"{self._name}.energy: nothing is stored yet. Call store(keys) first."
            )
        if self._replaced:
            looked_at = {name: held_by(each) for name, each in self.synapses.items()}
            free = self._through_operators(states, looked_at)[1]
            soft = free - self._similarity.entropy / self.beta
        else:
            soft = self._similarity.soft_scores(states)
        return np.asarray(0.5 * (_norms(states) ** 2 + self._norm**2) - soft)

    @property
    def _exponent(self) -> float:
        return {"softmax": 1.0, "sparsemax": 2.0}.get(self.separation, self.alpha)

    @property
    def _similarity(self) -> Similarity:
        return Similarity(self._keys.rows, self.beta, self._exponent, self.chunk)

    def _states(self, states: Array, where: str) -> Array:
        """Return the states in the type of the patterns."""
        kind = self._keys.rows.dtype
        _refuse_overflow(states, kind, where)
        return states.astype(kind, copy=False)

    def _read(self, name: Literal["keys", "values"], states: Array) -> Array:
        """Return keys or values averaged by the weights of each state, shape (Q, N or M)."""
        if self._replaced:
            return self._through_operators(states, self.synapses, name)[0].astype(states.dtype)
        content = self._keys if self._values is None or name == "keys" else self._values
        return self._similarity.read(states, content.rows)

    def _through_operators(
        self,
        states: Array,
        operators: Mapping[str, LinearOperator],
        name: Literal["keys", "values"] = "keys",
    ) -> tuple[Array, Array]:
        """Return what is read and the free scores, by the products of whatever stands in."""
        reads, free = [], []
        for part in np.array_split(states, -(-states.shape[0] * self.n_stored // PART)):
            weights = np.array((operators["keys"] @ part.T.astype(np.float64)).T, order="C")
            free += [entmax(row, self.beta, self._exponent, row) for row in weights]
            if name == "keys":
                reads.append(operators["keys"].rmatmat(weights.T).T)
            else:
                reads.append((operators["values"] @ weights.T).T)
        return np.concatenate(reads), np.array(free)

    def _set_synapses(self, synapses: dict[str, LinearOperator]) -> None:
        self._replaced = synapses
        # What the original stores from now on is none of the twin's.
        self._keys, self._values = copy.copy(self._keys), copy.copy(self._values)

    def _refuse_if_replaced(self, verb: str) -> None:
        if self._replaced:
            raise CapabilityError(
                f"{self._name}.{verb}: these synapses stand in for stored patterns and do not "
                f"learn. Call {verb} on the original memory and replace its synapses again."
            )

    def _arrays(self) -> dict[str, Array]:
        self._refuse_if_replaced("save")
        values = {} if self._values is None else {"values": self._values.rows}
        return {"keys": self._keys.rows, **values}

    def _set_arrays(self, arrays: Mapping[str, Array]) -> None:
        self._append(arrays["keys"], arrays.get("values"), arrays["keys"].dtype)


class _Rows:
    """An array of rows that grows: room doubles, so that many small additions stay cheap."""

    def __init__(self, width: int) -> None:
        self._room = np.empty((0, width), np.float32)
        self._count = 0

    @property
    def rows(self) -> Array:
        return np.asarray(self._room[: self._count])

    @property
    def nbytes(self) -> int:
        return int(self._room.nbytes)

    def append(self, rows: Array, kind: np.dtype[Any]) -> None:
        """Add rows, and keep all of them as `kind`."""
        count = self._count + len(rows)
        if count > len(self._room) or kind != self._room.dtype:
            room = np.empty((max(count, 2 * self._count), rows.shape[1]), kind)
            room[: self._count] = self.rows
            self._room = room
        self._room[self._count : count] = rows
        self._count = count

    def keep(self, chosen: Array) -> None:
        """Keep the rows where `chosen` is true, in their order."""
        self._room = self.rows[chosen]
        self._count = len(self._room)


def _norms(rows: Array) -> Array:
    """Return the Euclidean norm of each row, in float64."""
    return np.asarray(np.sqrt(np.einsum("pi,pi->p", rows, rows, dtype=np.float64)))


def _refuse_overflow(rows: Array, kind: np.dtype[Any], where: str) -> None:
    """Raise where similarities would leave the range of `kind`."""
    with np.errstate(over="ignore"):
        largest = float(_norms(rows).max(initial=0.0))
    if not largest <= LARGEST[kind.name]:
        raise ParameterError(
            f"{where} have norms up to {largest:.3g}; similarities overflow beyond "
            f"{LARGEST[kind.name]:g} in {kind.name}. Scale them down."
        )


def _positive(beta: object) -> float:
    try:
        number = real_number("ModernHopfield", "beta", beta, 0.0, sys.float_info.max)
    except ParameterError:
        number = 0.0
    if number == 0.0:
        raise ParameterError(f"ModernHopfield: beta is {beta!r}; give a finite number > 0.")
    return number
