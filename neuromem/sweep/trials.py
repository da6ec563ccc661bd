"""One call of a trial, in any process: its arguments, its answer checked, its failure named."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np

from neuromem.core.errors import NeuromemError, ParameterError
from neuromem.core.results import Variable
from neuromem.sweep.layout import Cell, Floats, Index
from neuromem.sweep.scripts import load_script, script_of

Trial: TypeAlias = Callable[..., Any]
Shapes: TypeAlias = tuple[tuple[Variable, Index], ...]


class TrialError(NeuromemError, RuntimeError):
    """A cell that failed: the trial raised, or what it gave does not fit the sweep."""


class Work:
    """The call that an executor makes for each cell; it pickles wherever its trial was defined.

    Parameters
    ----------
    trial : callable
        ``trial(**coordinates, **fixed, rng=SeedSequence)``.
    fixed : mapping
        Arguments that are the same in every cell.
    shapes : tuple of (Variable, tuple of int)
        What the trial gives, and the shape of each.
    """

    def __init__(self, trial: Trial, fixed: Mapping[str, Any], shapes: Shapes) -> None:
        self.trial = trial
        self.fixed = fixed
        self.shapes = shapes

    def __call__(self, cell: Cell) -> dict[str, Floats]:
        """Run one cell and return its values as float64 arrays."""
        try:
            answer = self.trial(**cell.coordinates, **self.fixed, rng=cell.rng)
        except Exception as error:
            cause = f"{type(error).__name__}: {error}".rstrip(".: ")
            raise TrialError(f"the trial failed at {cell}: {cause}.") from error
        return checked(answer, self.shapes, f"the trial at {cell}")

    @cached_property
    def _pickled(self) -> bytes:
        return pickle.dumps((self.trial, self.fixed, self.shapes))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by reference; what a script defines travels with the path of the script."""
        script = script_of(self.trial)
        if script is None:
            return Work, (self.trial, self.fixed, self.shapes)
        return _revive, (script, self._pickled)


def checked(answer: Any, shapes: Shapes, where: str) -> dict[str, Floats]:
    """Return a trial's answer as {name: float64 array}; numbers and booleans become float64.

    Raises
    ------
    TrialError
        If a measure is missing, unknown, no number, of another shape, or NaN.
    """
    if not isinstance(answer, Mapping):
        if len(shapes) > 1:
            raise TrialError(
                f"{where} gave a {type(answer).__name__}; the sweep has {len(shapes)} measures, "
                f"give a dict with {', '.join(measure.name for measure, _ in shapes)}."
            )
        answer = {shapes[0][0].name: answer}
    named = {k.name if isinstance(k, Variable) else str(k): v for k, v in answer.items()}
    wanted = {measure.name for measure, _ in shapes}
    if named.keys() != wanted:
        raise TrialError(
            f"{where} gave the measures {', '.join(sorted(named)) or 'none'}; "
            f"the sweep declares {', '.join(sorted(wanted))}."
        )
    return {m.name: _floats(m, shape, named[m.name], where) for m, shape in shapes}


def check_signature(trial: Any, arguments: Mapping[str, object], where: str) -> None:
    """Raise unless `trial` is a named function that takes `arguments` and ``rng``.

    Raises
    ------
    ParameterError
        If it is no function (a partial has no name to record), or its arguments are others.
    """
    if not callable(trial) or not hasattr(trial, "__qualname__"):
        raise ParameterError(
            f"{where}: trial is {trial!r}; give a function, and what it always takes as fixed={{}}."
        )
    try:
        inspect.signature(trial).bind(**arguments, rng=None)
    except TypeError as error:
        raise ParameterError(
            f"{where}: trial {trial.__qualname__!r} cannot be called with "
            f"{', '.join((*arguments, 'rng'))}: {error}. Name its arguments as the grid and fixed."
        ) from None


def check_pickles(work: Work, where: str) -> None:
    """Raise unless `work` can be sent to another process.

    Raises
    ------
    ParameterError
        If the trial or a fixed argument does not pickle.
    """
    try:
        pickle.dumps(work)
    except Exception as error:  # pickle raises whatever an object's own __reduce__ raises
        raise ParameterError(
            f"{where}: the trial {work.trial.__qualname__!r} or a fixed argument cannot be sent to "
            f"another process ({error}). Define the trial at the top level of a file, or leave "
            "workers out."
        ) from error


def _floats(measure: Variable, shape: Index, value: Any, where: str) -> Floats:
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise TrialError(f"{where} gave {measure.name} = {value!r}; a measure is real numbers.")
    if array.shape != shape:
        axes = f" with the axes {', '.join(measure.dims)}" if measure.dims else ", one number"
        raise TrialError(
            f"{where} gave {measure.name} of shape {array.shape}; expected {shape}{axes}."
        )
    floats = np.array(array, dtype=np.float64)
    if np.isnan(floats).any() and not measure.missing_ok:
        raise TrialError(
            f"{where} gave {measure.name} = NaN; mend the trial, or declare the Variable with "
            "missing_ok=True."
        )
    return floats


@lru_cache(maxsize=8)
def _revive(script: str, pickled: bytes) -> Work:
    """Load the script, then what refers to it; once in each worker."""
    load_script(script)
    return Work(*pickle.loads(pickled))
