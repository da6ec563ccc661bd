"""A sweep: one trial function over a grid of parameters, many times, into one Dataset."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.errors import NeuromemError, ParameterError, whole_number
from neuromem.core.results import Variable, provenance
from neuromem.sweep.executors import completed, interrupt_deferred, one_compute_thread, process_pool
from neuromem.sweep.layout import TRIAL, Axis, Layout
from neuromem.sweep.stores import DONE, MemoryStore, Store, ZarrStore
from neuromem.sweep.trials import Trial, TrialError, Work, check_pickles, check_signature

_RESERVED = (TRIAL.name, "rng", DONE)


@dataclasses.dataclass(frozen=True, eq=False)
class Sweep:
    """A trial function over a grid of parameters: what runs, and what is measured.

    Parameters
    ----------
    trial : callable
        A pure function at the top level of a file, ``trial(**coordinates, **fixed, rng)``: the
        same arguments give the same numbers in any process. `rng` is a SeedSequence of the cell's
        own, which every ``rng=`` of neuromem takes. It returns a dict {measure: number or array},
        or the bare value of a single measure.
    grid : mapping
        Axis name (or a `Variable`, which gives the axis its unit) to the values along it.
    trials : int
        Repetitions of each grid point, with different seeds.
    seed : int
        Root of all seeds, see `seed_of`.
    measures : Variable or sequence of Variable
        What the trial returns; stored as float64.
    fixed : mapping
        Arguments that are the same in each cell; they stand in the Dataset's ``parameters``.
    coords : mapping
        Values along the dimensions of array-valued measures, or their length.
    name : str
        The Dataset's ``title``; the trial's name by default.
    source : str
        The paper whose experiment this is.

    Raises
    ------
    ParameterError
        If an axis is empty, holds a value twice or a reserved name, if a measure has a dimension
        that `coords` lacks, or if the trial cannot be called with these arguments.

    Examples
    --------
    >>> def power(base, exponent, rng):
    ...     return base**exponent
    >>> value = Variable("value", "1", "base to the exponent")
    >>> sweep = Sweep(power, grid={"base": [2, 3]}, fixed={"exponent": 2}, measures=value)
    >>> sweep.run().value.values.tolist()
    [[4.0], [9.0]]
    """

    trial: Trial
    _: dataclasses.KW_ONLY
    grid: Mapping[str | Variable, Any]
    measures: Variable | Sequence[Variable]
    trials: int = 1
    seed: int = 0
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    coords: Mapping[str | Variable, Any] = dataclasses.field(default_factory=dict)
    name: str | None = None
    source: str | None = None
    layout: Layout = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        where = "Sweep"
        measures = _measures(where, self.measures)
        grid = tuple(Axis.of(key, values, f"{where}: grid") for key, values in self.grid.items())
        extra = [Axis.of(key, values, f"{where}: coords") for key, values in self.coords.items()]
        _check_names(where, grid, extra, measures, self.fixed)
        arguments = {**{axis.name: axis.values[0] for axis in grid}, **self.fixed}
        check_signature(self.trial, arguments, where)
        seed = whole_number(where, "seed", self.seed)
        layout = Layout(
            grid=grid,
            extra={axis.name: axis for axis in extra},
            trials=whole_number(where, "trials", self.trials, least=1),
            measures=measures,
            seed=seed,
            attrs={
                "title": self.name or self.trial.__qualname__,
                "trial_function": self.trial.__qualname__,
                **provenance(self.fixed, seed, self.source),
            },
        )
        object.__setattr__(self, "layout", layout)

    @property
    def shape(self) -> dict[str, int]:
        """Number of cells along each axis of the grid, and along ``trial``."""
        return dict(zip(self.layout.dims, self.layout.shape, strict=True))

    def replace(self, **changes: Any) -> Sweep:
        """Return this sweep with other arguments, such as ``trials=2`` for a quick look."""
        return dataclasses.replace(self, **changes)

    def seed_of(self, *, trial: int = 0, **coordinates: Any) -> np.random.SeedSequence:
        """Return the `rng` that the cell at these coordinates gets, to run it once more by hand.

        It depends on `seed`, the coordinates and the trial's number alone: grid points and trials
        that are added later leave the numbers of the old cells as they are.

        Raises
        ------
        ParameterError
            If the grid has no such cell.
        """
        axes = {axis.name: axis for axis in self.layout.grid}
        if coordinates.keys() != axes.keys():
            raise ParameterError(
                f"Sweep.seed_of: got {', '.join(coordinates) or 'no coordinates'}; "
                f"give a value of each of: {', '.join(axes)}."
            )
        for name, value in coordinates.items():
            if value not in axes[name].values:
                raise ParameterError(
                    f"Sweep.seed_of: {name} = {value!r} is not on the grid; "
                    f"there are: {', '.join(map(str, axes[name].values))}."
                )
        index = [axis.values.index(coordinates[name]) for name, axis in axes.items()]
        return self.layout.cell((*index, whole_number("Sweep.seed_of", "trial", trial))).rng

    def run(
        self,
        *,
        workers: int | None = None,
        executor: Executor | None = None,
        store: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: bool | None = None,
    ) -> xr.Dataset:
        """Run every cell and return the result.

        The Dataset is identical, attributes included, for any executor, number of workers and
        order of completion, in memory or stored, at a stretch or resumed. BLAS is held to one
        thread while cells run, because the rounding of its sums depends on their number.

        Parameters
        ----------
        workers : int, optional
            Processes to run cells in, each with one compute thread. By default, and for 1, cells
            run one after the other in this process. A script that calls this needs the usual
            ``if __name__ == "__main__":``.
        executor : concurrent.futures.Executor, optional
            Run cells there instead, for example on ``dask.distributed.Client().get_executor()``.
            It is not shut down.
        store : path, optional
            A Zarr folder to which each finished cell is written at once.
        resume : bool
            Go on with the store, if it is there: only its missing cells are run.
        progress : bool, optional
            Show a progress bar; by default if stderr is a terminal.

        Returns
        -------
        xarray.Dataset
            The measures over the grid's axes, ``trial`` and their own dimensions, as float64 with
            ``units`` and ``long_name``; attributes as of `neuromem.core.results.provenance`.

        Raises
        ------
        TrialError
            If a cell fails; the error names it, and finished cells stay in the store.
        ParameterError
            If the arguments contradict each other, or the store is there without `resume` or
            holds another sweep.
        FileFormatError
            If the store is damaged.
        KeyboardInterrupt
            If interrupted: cells not started are cancelled, finished ones stay in the store.
        """
        where = "Sweep.run"
        work = Work(self.trial, self.fixed, self._shapes())
        processes = _processes(where, work, workers, executor)
        if resume and store is None:
            raise ParameterError(f"{where}: resume=True, but no store; give store=path.")
        kept = _open(store, self.layout, resume)
        missing = kept.missing()
        processes = min(processes, int(missing.sum()))
        pool = process_pool(processes) if processes > 1 else nullcontext(executor)
        bar = _progress(progress, str(self.layout.attrs["title"]), missing)
        with (
            _explained(where, kept),
            one_compute_thread(),
            pool as runner,
            bar as advance,
            closing(completed(runner, work, self.layout.cells(missing))) as finished,
        ):
            for cell, values in finished:
                with interrupt_deferred():
                    kept.record(cell, values)
                advance()
        return self.layout.dataset(kept.values())

    def _shapes(self) -> tuple[tuple[Variable, tuple[int, ...]], ...]:
        return tuple((m, self.layout.value_shape(m)) for m in self.layout.measures)


def _open(store: str | os.PathLike[str] | None, layout: Layout, resume: bool) -> Store:
    if store is None:
        return MemoryStore(layout)
    return ZarrStore.open(store, layout, resume=resume)


def _processes(where: str, work: Work, workers: int | None, executor: Executor | None) -> int:
    """Check what is to run the cells, before a store is made; return the number of processes."""
    if executor is not None and workers is not None:
        raise ParameterError(f"{where}: workers and executor are both given; give one of them.")
    if executor is not None and not isinstance(executor, Executor):
        raise ParameterError(
            f"{where}: executor is a {type(executor).__name__}; give a "
            "concurrent.futures.Executor, for Dask client.get_executor()."
        )
    processes = 1 if workers is None else whole_number(where, "workers", workers, least=1)
    if processes > 1:
        check_pickles(work, where)
    return processes


def _progress(
    progress: bool | None, name: str, missing: npt.NDArray[np.bool_]
) -> AbstractContextManager[Callable[[], None]]:
    if progress is False or (progress is None and not sys.stderr.isatty()):
        return nullcontext(lambda: None)
    from neuromem.core.progress import progress_bar

    return progress_bar(name, missing.size, missing.size - int(missing.sum()))


@contextmanager
def _explained(where: str, kept: Store) -> Iterator[None]:
    """Add to whatever stops the sweep how much is kept, and how to go on."""
    try:
        yield
    except TrialError as error:
        raise TrialError(f"{where}: {error} {_what_is_kept(kept)}") from error.__cause__
    except (BrokenExecutor, CancelledError) as error:
        raise NeuromemError(
            f"{where}: a worker process ended ({type(error).__name__}): killed, out of memory, or "
            'started by a script without if __name__ == "__main__". '
            f"{_what_is_kept(kept)}"
        ) from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{where}: interrupted. {_what_is_kept(kept)}") from None


def _what_is_kept(kept: Store) -> str:
    missing = kept.missing()
    cells = f"{missing.size - int(missing.sum())} of {missing.size} cells"
    if isinstance(kept, MemoryStore):
        return f"{cells} were done and are lost; give store=path to keep them."
    return f"{cells} are kept in {kept.place}; run again with resume=True (--resume) to go on."


def _measures(where: str, given: Variable | Sequence[Variable]) -> tuple[Variable, ...]:
    measures = (given,) if isinstance(given, Variable) else tuple(given)
    if not measures or not all(isinstance(measure, Variable) for measure in measures):
        raise ParameterError(
            f"{where}: measures is {given!r}; give a Variable or several, such as "
            "Variable('overlap', '1', 'final overlap')."
        )
    return measures


def _check_names(
    where: str,
    grid: Sequence[Axis],
    extra: Sequence[Axis],
    measures: Sequence[Variable],
    fixed: Mapping[str, Any],
) -> None:
    """Raise if a name stands for two things, or a measure's dimension for nothing."""
    axes = [axis.name for axis in (*grid, *extra)]
    names = [*_RESERVED, *axes, *(measure.name for measure in measures)]
    clash = next((name for name in names if names.count(name) > 1), None)
    if clash is None:
        clash = next((axis.name for axis in grid if axis.name in fixed), None)
    if clash is not None:
        raise ParameterError(
            f"{where}: the name {clash!r} is given twice or is taken ({', '.join(_RESERVED)} are "
            "the sweep's own); rename an axis, a measure or a fixed argument."
        )
    own = {axis.name for axis in extra}
    for measure in measures:
        for dim in measure.dims:
            if dim not in own:
                raise ParameterError(
                    f"{where}: measure {measure.name!r} has the dimension {dim!r}, of which the "
                    f"length is unknown; give coords={{{dim!r}: values or length}}."
                )
    unused = own - {dim for measure in measures for dim in measure.dims}
    if unused:
        raise ParameterError(
            f"{where}: coords has {', '.join(sorted(unused))}, which no measure has among its "
            "dims; leave it out, or declare it in the Variable."
        )
