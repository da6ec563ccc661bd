"""How a measure runs as a sweep: cells of networks, stage by stage, into one Dataset."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.errors import ParameterError, whole_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.results import Variable, provenance
from neuromem.measures._models import Setup
from neuromem.sweep import Sweep
from neuromem.sweep.executors import process_pool
from neuromem.sweep.trials import Trial

LOAD = Variable("load", "1", "load: P/N, or as the model counts it")
SIZE = Variable("n", "1", "number of units N")
PATTERNS = Variable("patterns", "1", "number of patterns stored P")
FLAGS = {"flag_values": [-1, 0, 1], "flag_meanings": "upper_bound estimate lower_bound"}
"""Attributes of a variable that says whether a critical value is only a bound."""


@dataclass(frozen=True)
class Running:
    """Where and how cells are run; the arguments of `Sweep.run`."""

    executor: Executor | None = None
    workers: int | None = None
    store: str | os.PathLike[str] | None = None
    resume: bool = False
    progress: bool | None = None

    def run(self, sweep: Sweep, stage: str | None = None) -> xr.Dataset:
        """Run a sweep; a `stage` of several has a folder of its own in the store."""
        store = self.store if self.store is None or stage is None else Path(self.store) / stage
        return sweep.run(
            executor=self.executor,
            workers=self.workers,
            store=store,
            resume=self.resume,
            progress=self.progress,
        )

    @contextmanager
    def one_pool(self, where: str, sent: object) -> Iterator[Running]:
        """Give the same Running with one pool of processes for all stages, if it needs one."""
        if self.workers is None or self.executor is not None:
            yield self
            return
        workers = whole_number(where, "workers", self.workers, least=1)
        if workers == 1:
            yield self
            return
        try:
            pickle.dumps(sent)
        except Exception as error:  # pickle raises whatever an object's own __reduce__ raises
            raise ParameterError(
                f"{where}: the model cannot be sent to another process ({error}). Give a class, a "
                "name or a functools.partial of one, or leave workers out."
            ) from error
        with process_pool(workers) as pool:
            yield Running(pool, None, self.store, self.resume, self.progress)


def cells(
    trial: Trial,
    setup: Setup,
    n: int,
    *,
    grid: dict[str | Variable, Any],
    measures: Sequence[Variable],
    trials: int,
    seed: int,
    fixed: Mapping[str, Any],
    coords: dict[str | Variable, Any] | None = None,
) -> Sweep:
    """Return the sweep of one measure.

    The size is an axis of length one, so that networks of different sizes share no random stream.
    """
    return Sweep(
        trial,
        grid={SIZE: [n], **grid},
        trials=trials,
        seed=seed,
        measures=measures,
        fixed={"setup": setup, **fixed},
        coords=coords or {},
        name=setup.model.where,
    )


def attributes(
    where: str, setup: Setup, n: int, *, parameters: Mapping[str, Any], seed: int, source: str
) -> dict[str, str | int]:
    """Return the attributes of a measure of a model: the same for any executor.

    ``device`` is among them where the memories lie on a chip.
    """
    chosen = {
        "memory": setup.model(n).parameters,
        "patterns": setup.patterns,
        "on": setup.on,
        "cues": setup.cues,
        "recall": setup.recall,
        **parameters,
    }
    origin = provenance(chosen, seed, source)
    device = {} if setup.on is None else {"device": _device(setup.on)}
    return {"title": where, "model": setup.model.name, "n": n, **device, **origin}


def memory_attributes(
    where: str, memory: AssociativeMemory, *, parameters: Mapping[str, Any], seed: int, source: str
) -> dict[str, str | int]:
    """Return the attributes of a measure of one trained memory."""
    chosen = {"memory": memory.parameters, "n_stored": memory.n_stored, **parameters}
    origin = provenance(chosen, seed, source)
    return {"title": where, "model": type(memory).__name__, "n": memory.n, **origin}


def _device(chip: object) -> str:
    """Return the name of a chip's device; of a chip of one's own that has no profile, its type."""
    return str(getattr(getattr(chip, "profile", None), "name", type(chip).__name__))


def checked_axis(
    where: str, name: str, values: npt.ArrayLike, low: float, high: float
) -> list[float]:
    """Return the values of an axis, rising; they must be distinct numbers in [low, high].

    Raises
    ------
    ParameterError
        If there are none, or one is out of range or given twice.
    """
    try:
        array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise ParameterError(f"{where}: {name} is {values!r}; give a list of numbers.") from None
    if array.ndim != 1 or array.size == 0:
        raise ParameterError(
            f"{where}: {name} has shape {array.shape}; give a flat list with at least one number."
        )
    wrong = array[~((array >= low) & (array <= high))]
    if wrong.size:
        raise ParameterError(
            f"{where}: {name} holds {wrong[0]:g}; give numbers from {low:g} to {high:g}."
        )
    if np.unique(array).size != array.size:
        raise ParameterError(f"{where}: {name} holds a number twice; give each once.")
    return [float(value) for value in np.sort(array)]


def checked_loads(where: str, setup: Setup, n: int, loads: npt.ArrayLike) -> list[float]:
    """Return the loads, rising, each of which stores at least one pattern."""
    checked = checked_axis(where, "loads", loads, 0.0, np.inf)
    for load in checked:
        if load in (0.0, np.inf):
            raise ParameterError(f"{where}: loads holds {load:g}; give finite loads above 0.")
        setup.count(n, load)
    return checked


def counts(setup: Setup, n: int, loads: Iterable[float]) -> xr.Variable:
    """Return the number of patterns stored at each load, as a variable of the result."""
    memory = setup.model(n)
    return PATTERNS.array(["load"], [memory.count_at(load) for load in loads])
