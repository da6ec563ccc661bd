"""The protocol that every associative memory keeps, and the checks that all of them share."""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from neuromem.core.codes import Array, Code, as_patterns
from neuromem.core.errors import CapabilityError, ParameterError, ShapeError, whole_number
from neuromem.core.randomness import Rng, seed_sequence
from neuromem.core.recall import Recall, Recorder

Cues: TypeAlias = npt.ArrayLike | Recall


@dataclass
class Task:
    """A checked request to recall: what `recall` hands to the dynamics.

    Attributes
    ----------
    states : ndarray, shape (Q, N)
        A copy of the cues that the dynamics may write to.
    previous : ndarray, shape (Q, N), or None
        The states one step earlier, where a Recall is continued.
    done : ndarray of bool, shape (Q,)
        Cues that need no further step (they had converged or cycled before).
    cycle : ndarray of bool, shape (Q,)
        Those of them that are in a 2-cycle.
    taken : ndarray of int, shape (Q,)
        Steps that each cue has behind it.
    first_step, steps : int
        Number of the first step to make, and how many to make at most.
    seed : numpy.random.SeedSequence
        Root of the streams that are keyed by step and cue.
    recorder : Recorder
        Where the dynamics note each step.
    where : str
        The method that an error names.
    dynamics : str
        What the Recall is to say of how it came about.
    """

    states: Array
    previous: Array | None
    done: Array
    cycle: Array
    taken: Array
    first_step: int
    steps: int
    seed: np.random.SeedSequence
    recorder: Recorder
    where: str
    dynamics: str


class AssociativeMemory(ABC):
    """Stores patterns, gives them back from a cue, and can be measured.

    A subclass sets `code`, keeps each constructor argument in an attribute of the same name
    (files and the catalogue read them back), and writes `_store`, `_recall`, `_energy`,
    `synapses`, `nbytes`, `_arrays` and `_set_arrays`. Shapes and codes are checked here, once.

    Attributes
    ----------
    n : int
        Units of a key or cue.
    n_stored : int
        Patterns stored so far.
    """

    code: Code = "bipolar"
    default_steps: ClassVar[int] = 100
    least_n: ClassVar[int] = 2

    def __init__(self, n: int) -> None:
        self.n = whole_number(self._name, "n", n, least=self.least_n)
        self.n_stored = 0
        self._version = 0

    def store(self, keys: npt.ArrayLike, values: npt.ArrayLike | None = None) -> Self:
        """Store patterns and return the memory; later calls add to what is there.

        Parameters
        ----------
        keys : array_like, shape (P, N) or (N,)
            Patterns in the memory's `code`; their order is their age.
        values : array_like, shape (P, M), optional
            What to give back for each key, in a heteroassociative memory.

        Raises
        ------
        ShapeError, CodeError
            If `keys` or `values` have the wrong length, are empty, or are outside the code.
        CapabilityError
            If `values` are given to an autoassociative memory, or missing in a heteroassociative
            one.
        """
        where = f"{self._name}.store"
        checked = as_patterns(keys, self.code, n=self.n, where=f"{where}: keys")
        if values is None and self.heteroassociative:
            raise CapabilityError(
                f"{where}: no values came, but this memory is heteroassociative: it gives back "
                f"values of {self.n_values} units. Give one value a key."
            )
        if values is None:
            self._store(checked, None)
        elif not self.heteroassociative:
            raise CapabilityError(
                f"{where}: values were given, but this memory is autoassociative: it gives back "
                "the keys themselves. Leave values out."
            )
        else:
            given = as_patterns(values, self.code, n=self.n_values, where=f"{where}: values")
            if len(given) != len(checked):
                raise ShapeError(
                    f"{where}: {len(given)} values came with {len(checked)} keys. "
                    "Give one value a key."
                )
            self._store(checked, given)
        self.n_stored += len(checked)
        self._version += 1
        return self

    def recall(
        self,
        cues: Cues,
        *,
        steps: int | None = None,
        rng: Rng = None,
        record: str | tuple[str, ...] = (),
    ) -> Recall:
        """Run the dynamics from each cue and return where they end.

        Parameters
        ----------
        cues : array_like, shape (Q, N) or (N,), or Recall
            Where to start, in the memory's `code`; left untouched. A Recall is continued.
        steps : int, optional
            Steps at most; the class says its default.
        rng : int, SeedSequence, Generator or None
            Seed of order and noise; None is the seed 0.
        record : str or tuple of str
            What to keep of each step: "state", "energy", "flips".

        Raises
        ------
        ShapeError, CodeError, ParameterError
            If an argument does not fit.
        CapabilityError
            If nothing has been stored yet.
        """
        return self._recall(self._task(cues, steps, rng, record))

    def forget(self, keys: npt.ArrayLike) -> Self:
        """Take stored patterns out again, where the model can.

        Raises
        ------
        CapabilityError
            If this model cannot forget chosen patterns.
        """
        where = f"{self._name}.forget"
        checked = as_patterns(keys, self.code, n=self.n, where=f"{where}: keys")
        if len(checked) > self.n_stored:
            raise ParameterError(
                f"{where}: {len(checked)} keys came, {self.n_stored} patterns are stored. "
                "Forget only what was stored."
            )
        self._forget(checked)
        self.n_stored -= len(checked)
        self._version += 1
        return self

    def energy(self, states: npt.ArrayLike) -> Array:
        """Return the energy of each state, shape (Q,), in the model's own units."""
        where = f"{self._name}.energy: states"
        return self._energy(as_patterns(states, self.code, n=self.n, where=where))

    @property
    @abstractmethod
    def synapses(self) -> dict[str, LinearOperator]:
        """The synapses by name, each a `scipy.sparse.linalg.LinearOperator`."""

    def with_synapses(self, synapses: Mapping[str, LinearOperator]) -> Self:
        """Return the same memory with other operators in the place of its synapses.

        Parameters
        ----------
        synapses : mapping of str to LinearOperator
            One operator for each name to replace, of the same shape.

        Raises
        ------
        ParameterError
            If a name is not one of this memory's.
        ShapeError
            If an operator has another shape.
        """
        where = f"{self._name}.with_synapses"
        here = self.synapses
        for name, operator in synapses.items():
            if name not in here:
                raise ParameterError(
                    f"{where}: no synapses named {name!r}; there are: {', '.join(here)}."
                )
            if tuple(operator.shape) != tuple(here[name].shape):
                raise ShapeError(
                    f"{where}: {name!r} has shape {tuple(operator.shape)}, expected "
                    f"{tuple(here[name].shape)}. Give an operator of the same shape."
                )
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._set_synapses({**here, **synapses})
        return twin

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes that the memory holds for what it stored."""

    def count_at(self, load: float) -> int:
        """Return how many patterns make a load; here ``round(load * n)``, load = P/N.

        A model whose capacity grows otherwise with N overrides it and says how.
        """
        return round(load * self.n)

    @property
    def heteroassociative(self) -> bool:
        """Whether keys come with values, which recall gives back in their place."""
        return False

    @property
    def n_values(self) -> int:
        """Units of a recalled pattern."""
        return self.n

    @property
    def parameters(self) -> dict[str, Any]:
        """The constructor's arguments, from which the memory can be built anew."""
        names = [
            name
            for name, argument in inspect.signature(type(self)).parameters.items()
            if argument.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        return {name: getattr(self, name) for name in names}

    def save(self, path: str | Path) -> Path:
        """Write the trained memory to a NetCDF file that `nm.load` reads; return its path.

        The file is complete or absent: it is written beside its place and then renamed.
        """
        from neuromem.core.files import write_memory

        return write_memory(path, self)

    def __copy__(self) -> Self:
        """Return a full copy: learning changes arrays in place, which no two memories share."""
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{self._name}({arguments})  # {self.n_stored} stored"

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _task(
        self,
        cues: Cues,
        steps: int | None,
        rng: Rng,
        record: str | tuple[str, ...],
        dynamics: str = "",
    ) -> Task:
        """Check a request to recall and make the copy that the dynamics write to.

        `dynamics` names the choices that decide what has settled, such as "sync, T = 0.0".
        """
        where = f"{self._name}.recall"
        if self.n_stored == 0:
            raise CapabilityError(f"{where}: nothing is stored yet. Call store(keys) first.")
        steps = self.default_steps if steps is None else whole_number(where, "steps", steps)
        dynamics = f"{dynamics}; revision {self._version}"
        if isinstance(cues, Recall):
            first, taken = int(cues.steps.max()), cues.steps.copy()
            same = cues.dynamics == dynamics
            previous, cycle = cues.previous if same else None, cues.cycle & same
            done = (cues.converged & same) | cycle
            states = np.array(
                as_patterns(cues.states, self.code, n=self.n, where=f"{where}: a recall's states")
            )
        else:
            first, previous = 0, None
            states = np.array(as_patterns(cues, self.code, n=self.n, where=f"{where}: cues"))
            taken = np.zeros(len(states), np.int64)
            done, cycle = np.zeros((2, len(states)), bool)
        return Task(
            states=states,
            previous=previous,
            done=done,
            cycle=cycle,
            taken=taken,
            first_step=first,
            steps=steps,
            seed=seed_sequence(rng),
            recorder=Recorder(record, where, first),
            where=where,
            dynamics=dynamics,
        )

    def _pending_energy(self, states: Array) -> Any:
        """Return a callable that gives the energy of `states` as long as nothing is stored."""
        version = self._version

        def energy() -> Array:
            if self._version != version:
                raise CapabilityError(
                    f"{self._name}: patterns were stored or forgotten since this recall, so its "
                    "energy is no longer known. Call energy(recall.states) for the new one."
                )
            return self._energy(states)

        return energy

    @abstractmethod
    def _store(self, keys: Array, values: Array | None) -> None:
        """Store checked patterns."""

    @abstractmethod
    def _recall(self, task: Task) -> Recall:
        """Run the dynamics of a checked request."""

    @abstractmethod
    def _energy(self, states: Array) -> Array:
        """Return the energy of checked states, shape (Q,)."""

    @abstractmethod
    def _arrays(self) -> dict[str, Array]:
        """Return what `store` has learned, as arrays for a file."""

    @abstractmethod
    def _set_arrays(self, arrays: Mapping[str, Array]) -> None:
        """Take back what `_arrays` returned."""

    def _set_synapses(self, synapses: dict[str, LinearOperator]) -> None:
        raise CapabilityError(
            f"{self._name}: its synapses cannot be replaced, so that it does not map onto a chip. "
            "Choose a memory whose card says that it maps: nm.models.catalog()."
        )

    def _forget(self, keys: Array) -> None:
        raise CapabilityError(
            f"{self._name}: this model cannot take out chosen patterns. Build it anew without them."
        )
