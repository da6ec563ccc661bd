"""What every measure does first: build memories by a recipe, draw patterns that fit, make cues."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array, as_patterns
from neuromem.core.errors import CapabilityError, ParameterError, ShapeError, whole_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.patterns import flip, low_activity, random
from neuromem.core.randomness import stream
from neuromem.core.recall import Recall
from neuromem.models.catalog import find
from neuromem.models.rules import LearningWarning

Model: TypeAlias = str | Callable[[int], AssociativeMemory]
"""A name of the catalogue, a class, or any picklable callable from n to a memory."""

PatternSource: TypeAlias = Callable[..., npt.ArrayLike] | npt.ArrayLike
"""``source(p, n, rng=generator)``, or an array of which the first P patterns are stored."""

OURS = {
    "rng": "seed",
    "record": "nm.measures.dynamics",
    "first_cue": "seed",
}
"""Options of `recall` that a measure sets itself, and what to use in their place."""


class Chip(Protocol):
    """What ``on=`` takes: it places a memory's synapses on devices."""

    def map(self, memory: AssociativeMemory, *, rng: Any) -> Any:
        """Return an object whose ``memory`` is the same memory on devices."""


class Maker:
    """Builds memories of a given size, and says in a stable text which ones.

    Examples
    --------
    >>> Maker("capacity", "storkey")
    storkey
    >>> Maker("capacity", functools.partial(find("hopfield").model, rule="storkey"))
    Hopfield(rule='storkey')
    """

    def __init__(self, where: str, model: Model) -> None:
        if not isinstance(model, str) and not callable(model):
            raise ParameterError(
                f"{where}: model is a {type(model).__name__}; give a class such as "
                "nm.models.Hopfield, a name such as 'hopfield', or a callable from n to a memory."
            )
        self.where = where
        self.make = find(model).make if isinstance(model, str) else model
        self.name = _describe(model)

    def __call__(self, n: int) -> AssociativeMemory:
        """Return a new memory of `n` units."""
        memory = self.make(n)
        if not isinstance(memory, AssociativeMemory):
            raise ParameterError(
                f"{self.where}: model({n}) gave a {type(memory).__name__}; "
                "give a callable from n to an associative memory."
            )
        return memory

    def __repr__(self) -> str:
        return self.name


class Source:
    """Draws patterns with a function of the user's, and says in a stable text with which one."""

    def __init__(self, draw: Callable[..., npt.ArrayLike]) -> None:
        self.draw = draw

    def __call__(self, p: int, n: int, rng: np.random.Generator) -> npt.ArrayLike:
        """Return `p` patterns of `n` units."""
        return self.draw(p, n, rng=rng)

    def __repr__(self) -> str:
        return _describe(self.draw)


class Network(NamedTuple):
    """A memory, on a chip if one was given; the same one off it; the patterns that it stored."""

    memory: AssociativeMemory
    ideal: AssociativeMemory
    patterns: Array


@dataclass(frozen=True, eq=False)
class Setup:
    """The choices that all measures of a model share; `checked` makes one.

    Attributes
    ----------
    model : Maker
        Builds the memory.
    patterns : Source, ndarray or None
        Where patterns come from; None draws random ones in the memory's code.
    on : Chip or None
        The chip that each memory is placed on.
    cues : int
        Patterns that each network is asked for at most.
    recall : dict
        Keyword arguments of `recall`.
    """

    model: Maker
    patterns: Source | Array | None = None
    on: Chip | None = None
    cues: int = 64
    recall: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def checked(
        cls,
        where: str,
        model: Model,
        n: int,
        *,
        patterns: PatternSource | None,
        on: Chip | None,
        cues: int,
        recall: Mapping[str, Any],
        ours: Mapping[str, str] = OURS,
    ) -> Setup:
        """Return the setup of a memory of `n` units, or raise for whatever does not fit.

        `ours` are options of `recall` that the measure sets itself.
        """
        maker = Maker(where, model)
        memory = maker(n)
        if memory.heteroassociative:
            raise CapabilityError(
                f"{where}: this memory gives back values of {memory.n_values} units in the place "
                "of its keys; the measure stores keys alone. Build it without n_values."
            )
        check_chip(where, on)
        check_options(where, memory, recall, ours)
        if patterns is None:
            random_patterns(where, memory, 1, np.random.default_rng(0))
        elif callable(patterns):
            patterns = Source(patterns)
        else:
            patterns = as_patterns(patterns, memory.code, n=memory.n, where=f"{where}: patterns")
        least = whole_number(where, "cues", cues, least=1)
        return cls(maker, patterns, on, least, dict(recall))

    def count(self, n: int, load: float) -> int:
        """Return how many patterns make `load`, or raise where there are none or too few."""
        memory, where = self.model(n), self.model.where
        count = memory.count_at(load)
        if count < 1:
            least = next(k for k in range(1, 64) if memory.count_at(load * 2.0**k) >= 1)
            raise ParameterError(
                f"{where}: load {load:g} stores no pattern at n={n}; "
                f"give a load of {load * 2.0**least:g} or more."
            )
        if isinstance(self.patterns, np.ndarray) and count > len(self.patterns):
            raise ParameterError(
                f"{where}: load {load:g} stores {count} patterns at n={n}, only "
                f"{len(self.patterns)} were given. Give lower loads or more patterns."
            )
        return count

    def network(self, n: int, load: float, seed: np.random.SeedSequence) -> Network:
        """Build a memory of `n` units, store `load` in it, and place it on the chip if any.

        That a rule stopped before all was learned shows in the recall; a warning from each of a
        hundred networks beyond capacity would say no more.
        """
        memory = self.model(n)
        keys = self._draw(memory, memory.count_at(load), stream(seed, "patterns"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LearningWarning)
            memory.store(keys)
        return Network(placed(memory, self.on, seed), memory, keys)

    def ask(
        self, network: Network, fraction: float, seed: np.random.SeedSequence
    ) -> tuple[Recall, Array]:
        """Recall up to `cues` of the patterns, a `fraction` of each cue flipped; with targets."""
        targets = self.targets(network, seed)
        cues = corrupted(targets, network.memory.code, fraction, seed)
        return network.memory.recall(cues, rng=seed, **self.recall), targets

    def targets(self, network: Network, seed: np.random.SeedSequence) -> Array:
        """Return up to `cues` of the stored patterns, of all ages alike."""
        keys = network.patterns
        if len(keys) <= self.cues:
            return keys
        chosen = stream(seed, "cues").choice(len(keys), self.cues, replace=False)
        return np.asarray(keys[np.sort(chosen)])

    def _draw(self, memory: AssociativeMemory, p: int, draw: np.random.Generator) -> Array:
        if self.patterns is None:
            return random_patterns(self.model.where, memory, p, draw)
        if isinstance(self.patterns, np.ndarray):
            return self.patterns[:p]
        where = f"{self.model.where}: patterns(p, n, rng=)"
        keys = as_patterns(self.patterns(p, memory.n, draw), memory.code, n=memory.n, where=where)
        if len(keys) != p:
            raise ShapeError(f"{where} gave {len(keys)} patterns, {p} were asked for.")
        return keys


def random_patterns(
    where: str, memory: AssociativeMemory, p: int, draw: np.random.Generator
) -> Array:
    """Draw unbiased random patterns in the code of `memory`.

    Bipolar: +-1 with equal odds. Binary: of the activity that the memory is made for. Real: +-1
    with equal odds as float32.
    """
    if memory.code == "binary":
        activity = memory.parameters.get("activity")
        if activity is None:
            raise ParameterError(
                f"{where}: {type(memory).__name__} takes 0/1 patterns and has no activity; "
                "give patterns=, such as functools.partial(nm.patterns.low_activity, activity=0.1)."
            )
        return low_activity(p, memory.n, activity, rng=draw)
    keys = random(p, memory.n, rng=draw)
    return keys.astype(np.float32) if memory.code == "real" else keys


def corrupted(patterns: Array, code: str, fraction: float, seed: np.random.SeedSequence) -> Array:
    """Flip exactly ``round(fraction * N)`` units of each pattern; of real ones the sign."""
    if fraction == 0.0:
        return patterns
    draw = stream(seed, "cue noise", round(fraction * 1e9))
    if code == "real":
        return patterns * flip(np.ones(patterns.shape, np.int8), fraction, rng=draw)
    return flip(patterns, fraction, rng=draw)


def placed(
    memory: AssociativeMemory, on: Chip | None, seed: np.random.SeedSequence
) -> AssociativeMemory:
    """Return the memory, with its synapses on the chip `on` if one is given."""
    if on is None:
        return memory
    on_chip: AssociativeMemory = on.map(memory, rng=stream(seed, "chip")).memory
    return on_chip


def check_chip(where: str, on: Any) -> None:
    """Raise unless `on` is None or can map a memory."""
    if on is not None and not callable(getattr(on, "map", None)):
        raise ParameterError(
            f"{where}: on is {type(on).__name__}, which has no map(memory, rng=); "
            "give a chip such as nm.hardware.Chip(...)."
        )


def check_options(
    where: str,
    memory: AssociativeMemory,
    options: Iterable[str],
    ours: Mapping[str, str] = OURS,
) -> None:
    """Raise if `options` has a name that `memory.recall` lacks, or one of `ours`."""
    has = list(inspect.signature(memory.recall).parameters)
    known = [name for name in has if name != "cues" and name not in ours]
    for name in options:
        if name in ours:
            raise ParameterError(
                f"{where}: {name} is set by the measure itself; use {ours[name]} instead."
            )
        if name not in known:
            raise ParameterError(
                f"{where}: {type(memory).__name__}.recall has no option {name!r}; "
                f"it has: {', '.join(known)}."
            )


def stored_patterns(where: str, memory: Any, patterns: npt.ArrayLike) -> Array:
    """Check a trained memory and the patterns it is measured with; return these as (P, N)."""
    if not isinstance(memory, AssociativeMemory):
        came = f"the class {memory.__name__}" if isinstance(memory, type) else type(memory).__name__
        raise ParameterError(f"{where}: memory is {came}; give a memory that has stored patterns.")
    if memory.n_stored == 0:
        raise CapabilityError(f"{where}: nothing is stored yet. Call store(keys) first.")
    return as_patterns(patterns, memory.code, n=memory.n, where=f"{where}: patterns")


def _describe(model: Any) -> str:
    if isinstance(model, str):
        return model
    if isinstance(model, functools.partial):
        choices = [repr(value) for value in model.args]
        choices += [f"{name}={value!r}" for name, value in model.keywords.items()]
        return f"{_describe(model.func)}({', '.join(choices)})"
    name = getattr(model, "__qualname__", None)
    return str(name) if name is not None else repr(model)
