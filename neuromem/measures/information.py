"""Information capacity: the bits that come back, per synapse and per byte that holds them."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import entr

from neuromem.core import theory
from neuromem.core.codes import Array
from neuromem.core.errors import CapabilityError, real_number, whole_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.results import Variable
from neuromem.measures._models import (
    Chip,
    Model,
    PatternSource,
    Setup,
    check_chip,
    check_options,
    corrupted,
    placed,
    stored_patterns,
)
from neuromem.measures._running import (
    LOAD,
    Running,
    attributes,
    cells,
    checked_loads,
    counts,
    memory_attributes,
)
from neuromem.measures._theory import hebbian_temperature

BITS = Variable("bits", "bit", "information I that recall gives back about all stored patterns")
PER_SYNAPSE = Variable("bits_per_synapse", "bit", "I per directed synapse")
PER_BYTE = Variable("bits_per_byte", "bit/byte", "I per byte that the memory holds")
PER_INT8_BYTE = Variable("bits_per_int8_byte", "bit/byte", "I per byte, were each synapse an int8")
PER_FLOAT32_BYTE = Variable(
    "bits_per_float32_byte", "bit/byte", "I per byte, were each synapse a float32"
)
SYNAPSES = Variable("synapses", "1", "number of directed synapses")
NBYTES = Variable("nbytes", "byte", "bytes that the memory holds")
THEORY_BITS = Variable("theory_bits_per_synapse", "bit", "alpha (1 - H2((1 - m)/2)), infinite N")

MEASURES = (BITS, PER_SYNAPSE, PER_BYTE, PER_INT8_BYTE, PER_FLOAT32_BYTE, SYNAPSES, NBYTES)

SOURCE = (
    "Palm, Biol. Cybern. 36, 19 (1980); bias: Miller, in Information Theory in Psychology (1955)"
)


class Table(NamedTuple):
    """How often pattern unit and recalled unit were 1 together, (..., 2, 2) counts."""

    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, targets: Array, recalled: Array) -> Table:
        """Count over the first axis of two arrays of bools."""
        both = np.sum(targets & recalled, axis=0)
        only = np.sum(targets & ~recalled, axis=0)
        false = np.sum(~targets & recalled, axis=0)
        rest = len(targets) - both - only - false
        return cls(np.stack([np.stack([rest, false], -1), np.stack([only, both], -1)], -2))

    def information(self) -> npt.NDArray[np.float64]:
        """Return the mutual information of row and column in bits, less its Miller-Madow bias.

        The plain estimate H(x) + H(y) - H(x, y) is too large by (K_xy - K_x - K_y + 1) / (2 n)
        nats, where K counts the cells that occur and n the samples; the corrected one can be
        slightly negative.
        """
        n = self.counts.sum(axis=(-2, -1))
        cells = self.counts.reshape(*self.counts.shape[:-2], 4)
        entropies = [_entropy(self.counts.sum(axis=axis)) for axis in (-1, -2)]
        entropies.append(-_entropy(cells))
        occupied = [np.sum(self.counts.sum(axis=axis) > 0, axis=-1) for axis in (-1, -2)]
        excess = np.sum(cells > 0, axis=-1) - occupied[0] - occupied[1] + 1
        return np.asarray((sum(entropies) - excess / (2.0 * n)) / np.log(2.0))


def information(
    memory: AssociativeMemory,
    patterns: npt.ArrayLike,
    *,
    cue_noise: float = 0.0,
    seed: int = 0,
    on: Chip | None = None,
    **recall: Any,
) -> xr.Dataset:
    """Measure how many bits a trained memory gives back about the patterns that it stored.

    Protocol: I = P * sum over units of I(xi; s), the mutual information of a unit's value in the
    pattern and in the recalled state, from its 2x2 table over the patterns and less its
    Miller-Madow bias. Every unit has its own table, so that units that are the same in all
    patterns, as the margin of images, count for nothing. Real states are read by their sign. The
    bits that the cue itself holds are not taken off.

    Parameters
    ----------
    memory : AssociativeMemory
        A memory that has stored the patterns.
    patterns : array_like, shape (P, N)
        The stored patterns, or a sample of them; I is scaled up to all that are stored.
    cue_noise : float
        Flipped fraction of each cue, from 0 to 0.5.
    seed : int
        Seed of cues and recall.
    on : chip, optional
        Place the memory on this chip first.
    **recall
        Options of the memory's `recall`.

    Returns
    -------
    xarray.Dataset
        Numbers: ``bits`` (I); ``bits_per_synapse``, per directed synapse, of which a recurrent
        network without self-coupling has N (N - 1) (per distinct one of a symmetric W it is
        twice that); ``bits_per_byte`` of the `nbytes` really held (packed patterns or weights,
        as the memory's form is), and what a synapse of one byte or four would give,
        ``bits_per_int8_byte``, ``bits_per_float32_byte``; ``synapses`` and ``nbytes``.

    Raises
    ------
    CapabilityError
        If nothing is stored, or the memory has no synapses.
    ShapeError, CodeError, ParameterError
        If an argument does not fit.

    References
    ----------
    Palm, Biol. Cybern. 36, 19 (1980).

    Examples
    --------
    >>> import neuromem as nm
    >>> xi = nm.patterns.random(40, 1000, rng=0)
    >>> found = information(nm.models.Hopfield(1000).store(xi), xi)
    >>> round(float(found["bits_per_synapse"]), 3), round(float(found["bits_per_byte"]), 1)
    (0.04, 4.9)
    """
    where = "information"
    stored = stored_patterns(where, memory, patterns)
    check_chip(where, on)
    check_options(where, memory, recall)
    _synapses(where, memory)
    noise = real_number(where, "cue_noise", cue_noise, 0.0, 0.5)
    root = np.random.SeedSequence(whole_number(where, "seed", seed))
    asked = placed(memory, on, root)
    seen = asked.recall(corrupted(stored, memory.code, noise, root), rng=root, **recall)
    per_unit = Table.of(stored > 0, seen.patterns > 0).information()
    values = _report(memory, memory.n_stored * float(per_unit.sum()))
    variables = {variable.name: variable.array([], value) for variable, value in values.items()}
    parameters = {"cue_noise": noise, "recall": recall, "on": on, "patterns": stored}
    return xr.Dataset(
        variables,
        attrs=memory_attributes(where, memory, parameters=parameters, seed=seed, source=SOURCE),
    )


def information_trial(
    n: int, load: float, setup: Setup, cue_noise: float, rng: np.random.SeedSequence
) -> dict[Variable, float]:
    """Return the information that one fresh network gives back."""
    network = setup.network(n, load, rng)
    seen, targets = setup.ask(network, cue_noise, rng)
    wanted, found = targets > 0, seen.patterns > 0
    if setup.patterns is None:
        # Units of random patterns are alike: one table of all has next to no bias.
        total = n * float(Table.of(wanted.ravel(), found.ravel()).information())
    else:
        total = float(Table.of(wanted, found).information().sum())
    return _report(network.ideal, len(network.patterns) * total)


def information_capacity(
    model: Model,
    *,
    n: int,
    loads: npt.ArrayLike,
    cue_noise: float = 0.0,
    trials: int = 10,
    seed: int = 0,
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
    """Measure the bits that recall gives back against load: their maximum is the capacity.

    Protocol: as of `information`, on fresh networks, each asked for up to `cues` of its patterns.
    The units of random patterns are alike and share one 2x2 table; with `patterns` given every
    unit has its own, which takes many cues.

    Parameters
    ----------
    loads : array_like
        Loads to measure.
    cue_noise : float
        Flipped fraction of each cue, from 0 to 0.5.
    model, n, trials, seed, cues, patterns, on, executor, workers, store, resume, progress
        As for `capacity`.
    **recall
        Options of the memory's `recall`.

    Returns
    -------
    xarray.Dataset
        The numbers of `information` along (load, trial); ``patterns`` (P) along load; for Hebb's
        rule ``theory_bits_per_synapse`` (load).

    Raises
    ------
    ParameterError, CapabilityError
        If an argument is out of range, or the model has no synapses.

    References
    ----------
    Palm, Biol. Cybern. 36, 19 (1980). Amit, Gutfreund & Sompolinsky, Ann. Phys. 173, 30 (1987).

    Examples
    --------
    >>> bits = information_capacity("hopfield", n=500, loads=[0.05, 0.1], trials=2)
    >>> bits["bits_per_synapse"].mean("trial").values.round(2).tolist()
    [0.05, 0.1]
    """
    where = "information_capacity"
    n, trials = whole_number(where, "n", n, least=2), whole_number(where, "trials", trials, least=1)
    setup = Setup.checked(where, model, n, patterns=patterns, on=on, cues=cues, recall=recall)
    chosen = checked_loads(where, setup, n, loads)
    fixed = {"cue_noise": real_number(where, "cue_noise", cue_noise, 0.0, 0.5)}
    sweep = cells(
        information_trial,
        setup,
        n,
        grid={LOAD: chosen},
        measures=MEASURES,
        trials=trials,
        seed=seed,
        fixed=fixed,
    )
    found = Running(executor, workers, store, resume, progress).run(sweep).isel(n=0, drop=True)
    found["patterns"] = counts(setup, n, chosen)
    temperature = hebbian_temperature(setup.model(n), recall)
    if temperature is not None and patterns is None:
        law = theory.information_per_synapse(chosen, temperature)
        found["theory_bits_per_synapse"] = THEORY_BITS.array(["load"], law)
    parameters = {"loads": chosen, "trials": trials, **fixed}
    found.attrs = attributes(where, setup, n, parameters=parameters, seed=seed, source=SOURCE)
    return found


def _report(memory: AssociativeMemory, bits: float) -> dict[Variable, float]:
    """Return all that is said of `bits` in a memory."""
    synapses = _synapses("information", memory)
    return {
        BITS: bits,
        PER_SYNAPSE: bits / synapses,
        PER_BYTE: bits / memory.nbytes,
        PER_INT8_BYTE: bits / synapses,
        PER_FLOAT32_BYTE: bits / (4.0 * synapses),
        SYNAPSES: float(synapses),
        NBYTES: float(memory.nbytes),
    }


def _synapses(where: str, memory: AssociativeMemory) -> int:
    """Return the number of directed synapses; a unit has none to itself."""
    count = sum(
        rows * columns - (rows if name == "recurrent" else 0)
        for name, (rows, columns) in ((k, w.shape) for k, w in memory.synapses.items())
    )
    if count == 0:
        raise CapabilityError(
            f"{where}: {type(memory).__name__} has no synapses to count bits per. "
            "Give a memory such as nm.models.Hopfield."
        )
    return int(count)


def _entropy(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the plain estimate of the entropy over the last axis, in nats."""
    p = counts / counts.sum(axis=-1, keepdims=True)
    return np.asarray(entr(p).sum(axis=-1))
