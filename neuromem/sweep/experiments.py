"""`neuromem run experiments/x.py`: run the sweeps of a script, keep the results and the figure."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import xarray as xr

from neuromem.core.errors import CapabilityError, DataError, ParameterError
from neuromem.core.results import as_json, replacing, save_dataset
from neuromem.sweep.definition import Sweep
from neuromem.sweep.scripts import load_script

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_FIGURE_DPI = 150


@dataclasses.dataclass(frozen=True, eq=False)
class ScriptRun:
    """What came of a script.

    Attributes
    ----------
    datasets : dict of str to xarray.Dataset
        Results by the names of ``SWEEPS``; a lone ``SWEEP`` has the script's name.
    paths : tuple of Path
        The files that were written, stores included.
    summary : dict or None
        What the script's ``summary`` returned, as plain JSON.
    """

    datasets: dict[str, xr.Dataset]
    paths: tuple[Path, ...]
    summary: dict[str, Any] | None


def run_script(
    path: str | os.PathLike[str],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    out: str | os.PathLike[str] = "results",
    trials: int | None = None,
    seed: int | None = None,
    quick: bool = False,
    progress: bool | None = None,
) -> ScriptRun:
    """Run the sweeps of a script and write their results, its figure and its summary.

    The script defines ``SWEEP``, a `Sweep`, or ``SWEEPS``, a dict {name: Sweep}. It may define

    - ``QUICK``: the same in small, for a test of the script: ``SWEEP.replace(trials=2)``,
    - ``figure(results)``: returns a matplotlib Figure,
    - ``summary(results)``: returns a dict of the numbers that answer its question.

    `results` is the Dataset of ``SWEEP``, or the dict of those of ``SWEEPS``.

    Parameters
    ----------
    path : path
        The script.
    workers : int, optional
        Worker processes, see `Sweep.run`.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, whose workers see the
        script under the same path. Needs ``pip install neuromem[cluster]``.
    resume : bool
        Go on with the stores in `out`. With complete stores only the figure is made anew.
    out : path
        Folder of the results: ``<script>.zarr`` while it runs (and to resume from), then
        ``<script>.nc`` and ``<script>.png``; ``<script>-<name>`` for each of ``SWEEPS``, and
        ``<script>-quick`` if `quick`.
    trials, seed : int, optional
        Instead of those that the script gives.
    quick : bool
        Run ``QUICK``.
    progress : bool, optional
        Show progress bars, see `Sweep.run`.

    Returns
    -------
    ScriptRun
        The datasets, the files, and the summary.

    Raises
    ------
    DataError
        If there is no such script, or no scheduler answers.
    ParameterError
        If the script cannot be loaded, or lacks what is asked of it.
    CapabilityError
        If `scheduler` is given and dask.distributed is not installed.
    """
    module = load_script(path)
    stem = Path(path).stem + ("-quick" if quick else "")
    sweeps, alone = _sweeps_of(module, stem, path, quick=quick)
    changes = {k: v for k, v in {"trials": trials, "seed": seed}.items() if v is not None}
    folder = Path(out)
    datasets: dict[str, xr.Dataset] = {}
    paths: list[Path] = []
    with _cluster(scheduler, workers) as executor:
        for name, sweep in sweeps.items():
            file = folder / (stem if alone else f"{stem}-{name}")
            store = file.with_name(f"{file.name}.zarr")
            named = sweep.replace(name=sweep.name or file.name, **changes)
            datasets[name] = named.run(
                workers=workers, executor=executor, store=store, resume=resume, progress=progress
            )
            result = save_dataset(datasets[name], file.with_name(f"{file.name}.nc"))
            paths += (store, result)
    results = datasets[stem] if alone else datasets
    if hasattr(module, "figure"):
        paths.append(_save_figure(module.figure(results), folder / f"{stem}.png", path))
    summary = _summary(module.summary(results), path) if hasattr(module, "summary") else None
    return ScriptRun(datasets, tuple(paths), summary)


def _sweeps_of(
    module: ModuleType, stem: str, path: object, *, quick: bool
) -> tuple[dict[str, Sweep], bool]:
    """Return the sweeps of a script by name, and whether it is a single one."""
    full = [getattr(module, name) for name in ("SWEEP", "SWEEPS") if hasattr(module, name)]
    if len(full) != 1:
        raise ParameterError(
            f"run_script: {path} defines {'both SWEEP and' if full else 'neither SWEEP nor'} "
            "SWEEPS; define one, SWEEP = Sweep(...) or SWEEPS = {name: Sweep(...)}."
        )
    found = getattr(module, "QUICK", None) if quick else full[0]
    if quick and found is None:
        raise ParameterError(
            f"run_script: {path} has no QUICK; define it, for example "
            "QUICK = SWEEP.replace(trials=2), or run it without quick=True."
        )
    if isinstance(found, Sweep) and isinstance(full[0], Sweep):
        return {stem: found}, True
    if not isinstance(found, Mapping) or not all(isinstance(s, Sweep) for s in found.values()):
        raise ParameterError(
            f"run_script: {path}: SWEEP and its QUICK must each be a Sweep, SWEEPS and its QUICK "
            f"a dict of name: Sweep; this is {found!r:.60}."
        )
    for name in found:
        if not _FILE_NAME.fullmatch(str(name)):
            raise ParameterError(
                f"run_script: {path}: the sweep {name!r} names files; use letters, digits, '-'."
            )
    return dict(found), False


@contextmanager
def _cluster(scheduler: str | None, workers: int | None) -> Iterator[Executor | None]:
    """Give the executor of a Dask cluster, or None without a scheduler."""
    if scheduler is None:
        yield None
        return
    if workers is not None:
        raise ParameterError("run_script: workers and scheduler are both given; give one of them.")
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise CapabilityError(
            f"run_script: scheduler {scheduler!r} needs dask.distributed; "
            "pip install 'neuromem[cluster]'."
        ) from None
    try:
        client = distributed.Client(scheduler, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"run_script: no Dask scheduler answers at {scheduler!r} ({error}). Start one with "
            "'dask scheduler' and give the address that it prints."
        ) from error
    with client:
        yield client.get_executor()


def _save_figure(figure: Any, path: Path, script: object) -> Path:
    if not hasattr(figure, "savefig"):
        raise ParameterError(
            f"run_script: figure() of {script} returned a {type(figure).__name__}; return the "
            "matplotlib Figure, such as axes.figure."
        )
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=_FIGURE_DPI, format="png", bbox_inches="tight")
    if "matplotlib.pyplot" in sys.modules:  # it keeps every figure that it made
        sys.modules["matplotlib.pyplot"].close(figure)
    return path


def _summary(found: Any, script: object) -> dict[str, Any]:
    if not isinstance(found, Mapping):
        raise ParameterError(
            f"run_script: summary() of {script} returned a {type(found).__name__}; return a dict."
        )
    summary: dict[str, Any] = json.loads(json.dumps(as_json(found, "run_script: summary()")))
    return summary
