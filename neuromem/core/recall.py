"""What a recall gives back, and how it is held against the patterns that were meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array, Code, as_patterns
from neuromem.core.errors import ParameterError, ShapeError, one_of, real_number

if TYPE_CHECKING:
    import xarray as xr

RECORDS = ("state", "energy", "flips")
"""What ``record=`` may name: each becomes a variable of `Recall.trace`."""


class Recall:
    """The end of a recall: final patterns, how they were reached, and optionally the way there.

    Parameters
    ----------
    patterns : ndarray, shape (Q, M)
        The final patterns, one row a cue, in the memory's code.
    code : {"bipolar", "binary", "real"}
        The code of `patterns`.
    steps : ndarray of int, shape (Q,)
        Sweeps or parallel steps that each cue took, those before a resumption included.
    converged : ndarray of bool, shape (Q,)
        Whether the state had stopped changing. A 2-cycle and a run at temperature > 0 are not
        converged.
    energy : ndarray, shape (Q,), or callable giving one
        Energy of the final states; a callable is asked when `energy` is first read.
    cycle : ndarray of bool, shape (Q,), optional
        Whether the cue ended in a 2-cycle of the synchronous dynamics.
    previous : ndarray, shape (Q, N), optional
        The states one step before the last, which a resumed synchronous run needs.
    states : ndarray, shape (Q, N), optional
        Final internal states where they differ from `patterns` (heteroassociation).
    dynamics : str
        What led here (update, temperature, the memory's revision). A continuation under the same
        dynamics leaves alone what has settled; under others, every cue moves again.
    trace : xarray.Dataset, optional
        What was recorded, dims (step, cue[, unit]); see ``record=`` of the memory.

    Notes
    -----
    Given to `recall` in the place of cues, a Recall is continued: steps 1-4 and then 5-10 give
    the same bits as steps 1-10.
    """

    def __init__(
        self,
        patterns: Array,
        *,
        code: Code,
        steps: Array,
        converged: Array,
        energy: Array | Callable[[], Array],
        cycle: Array | None = None,
        previous: Array | None = None,
        states: Array | None = None,
        dynamics: str = "",
        trace: xr.Dataset | None = None,
    ) -> None:
        self.patterns = patterns
        self.code: Code = code
        self.steps = steps
        self.converged = converged
        self.cycle = np.zeros(len(patterns), bool) if cycle is None else cycle
        self.previous = previous
        self.states = patterns if states is None else states
        self.dynamics = dynamics
        self.trace = trace
        self._energy = energy

    @property
    def energy(self) -> Array:
        """Energy of the final states, shape (Q,), in the units of the memory's energy."""
        if callable(self._energy):
            self._energy = self._energy()
        return self._energy

    def overlap(self, targets: npt.ArrayLike) -> Array:
        r"""Return the overlap of each final pattern with its target, shape (Q,).

        Bipolar and real: :math:`m = \xi \cdot s / (|\xi| |s|)`, which is
        :math:`\frac1N \sum_i \xi_i s_i` for +-1. Binary: hit rate minus false-alarm rate.

        Parameters
        ----------
        targets : array_like, shape (Q, M) or (M,)
            The patterns that were meant, in the code of `patterns`; one serves all cues.

        Raises
        ------
        ShapeError, CodeError
            If `targets` do not fit.

        Examples
        --------
        >>> seen = Recall(np.array([[1, -1, 1, 1]], np.int8), code="bipolar",
        ...     steps=np.array([1]), converged=np.array([True]), energy=np.array([0.0]))
        >>> seen.overlap([[1, -1, 1, -1]])
        array([0.5])
        """
        wanted = self._targets(targets, "overlap")
        return overlap(self.patterns, wanted, self.code)

    def bit_error(self, targets: npt.ArrayLike) -> Array:
        """Return the fraction of units that differ from the target, shape (Q,).

        Real patterns are compared by sign.
        """
        wanted = self._targets(targets, "bit_error")
        if self.code == "real":
            return np.asarray(np.mean((self.patterns > 0) != (wanted > 0), axis=1))
        return np.asarray(np.mean(self.patterns != wanted, axis=1))

    def success(self, targets: npt.ArrayLike, threshold: float = 0.95) -> Array:
        """Return whether each cue reached an overlap above `threshold`, shape (Q,), bool.

        Raises
        ------
        ParameterError
            If `threshold` is not from 0 to 1.
        """
        real_number("Recall.success", "threshold", threshold, 0.0, 1.0)
        return self.overlap(targets) > threshold

    def save(self, path: str | Path) -> Path:
        """Write the recall to a NetCDF file, from which `Recall.load` resumes it."""
        from neuromem.core.files import write_arrays

        arrays = {
            "patterns": self.patterns,
            "states": self.states,
            "steps": self.steps,
            "converged": self.converged,
            "cycle": self.cycle,
            "energy": self.energy,
        }
        if self.previous is not None:
            arrays["previous"] = self.previous
        return write_arrays(
            path, arrays, {"kind": "recall", "code": self.code, "dynamics": self.dynamics}
        )

    @classmethod
    def load(cls, path: str | Path) -> Recall:
        """Read a recall that `save` wrote (without its trace).

        Raises
        ------
        FileFormatError
            If the file is truncated or holds something else.
        """
        from neuromem.core.files import read_arrays

        arrays, attributes = read_arrays(path, kind="recall")
        return cls(
            arrays["patterns"],
            code=attributes["code"],
            steps=arrays["steps"],
            converged=arrays["converged"].astype(bool),
            cycle=arrays["cycle"].astype(bool),
            energy=arrays["energy"],
            previous=arrays.get("previous"),
            states=arrays["states"],
            dynamics=attributes["dynamics"],
        )

    def __len__(self) -> int:
        return len(self.patterns)

    def __repr__(self) -> str:
        return (
            f"Recall({len(self)} cues, {int(np.sum(self.converged))} converged, "
            f"{int(np.sum(self.cycle))} in 2-cycles, at most {int(self.steps.max())} steps)"
        )

    def __getstate__(self) -> dict[str, Any]:
        _ = self.energy  # a pending energy would drag its whole memory into the pickle
        return self.__dict__

    def _targets(self, targets: npt.ArrayLike, verb: str) -> Array:
        where = f"Recall.{verb}: targets"
        wanted = as_patterns(targets, self.code, n=self.patterns.shape[1], where=where)
        if len(wanted) not in (1, len(self)):
            raise ShapeError(
                f"{where} are {len(wanted)}, the recall has {len(self)} cues. "
                "Give one target a cue, or a single one for all."
            )
        return wanted


def overlap(patterns: Array, targets: Array, code: Code) -> Array:
    """Return the overlap of rows, shape (Q,), as `Recall.overlap` defines it for each code."""
    if code == "bipolar":
        different = np.count_nonzero(patterns != targets, axis=1)
        return np.asarray(1.0 - 2.0 * different / patterns.shape[1])
    if code == "binary":
        active = np.broadcast_to(targets, patterns.shape) == 1
        n_active = active.sum(axis=1)
        n_silent = active.shape[1] - n_active
        hits = np.sum((patterns == 1) & active, axis=1) / np.maximum(n_active, 1)
        alarms = np.sum((patterns == 1) & ~active, axis=1) / np.maximum(n_silent, 1)
        return np.asarray(hits - alarms)
    a, b = patterns.astype(np.float64), targets.astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray(np.sum(a * b, axis=1) / np.where(norms > 0, norms, 1.0))


class Recorder:
    """Collects what ``record=`` asked for, step by step, and makes the trace of it.

    Parameters
    ----------
    record : str or sequence of str
        Names out of `RECORDS`; empty records nothing and costs nothing.
    where : str
        The method that an error names.
    first_step : int
        The step that the first call of `note` shows.
    """

    def __init__(self, record: str | tuple[str, ...], where: str, first_step: int = 0) -> None:
        names = (record,) if isinstance(record, str) else tuple(record)
        for name in names:
            one_of(where, "record", name, RECORDS)
        if len(set(names)) != len(names):
            raise ParameterError(f"{where}: record names {names} hold one twice; name each once.")
        self.names = names
        self.first_step = first_step
        self._rows: dict[str, list[Array]] = {name: [] for name in names}

    def note(self, **values: Array | Callable[[], Array]) -> None:
        """Keep a copy of the named values; a callable is asked only if its name is recorded."""
        for name in self.names:
            value = values[name]
            self._rows[name].append(np.array(value() if callable(value) else value))

    def trace(self) -> xr.Dataset | None:
        """Return the Dataset with dims (step, cue[, unit]), or None if nothing was asked."""
        if not self.names:
            return None
        import xarray as xr

        dims = {"state": ("step", "cue", "unit")}
        variables = {
            name: (dims.get(name, ("step", "cue")), np.stack(rows), {"units": "1"})
            for name, rows in self._rows.items()
        }
        count = len(next(iter(self._rows.values())))
        steps = np.arange(self.first_step, self.first_step + count)
        return xr.Dataset(variables, coords={"step": ("step", steps, {"units": "1"})})
