"""What all figures share: colours, settings, axes, points with intervals."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import matplotlib.pyplot as plt
import numpy as np

from neuromem.core.errors import ParameterError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "font.size": 9.0,
    "legend.frameon": False,
    "lines.markersize": 4.0,
    "savefig.dpi": 150,
}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind readers can tell apart."""


P = ParamSpec("P")
T = TypeVar("T")


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Draw in neuromem's style and leave matplotlib's settings as they were."""

    @functools.wraps(draw)
    def drawn(*arguments: P.args, **choices: P.kwargs) -> T:
        # Not plt.rc_context: it restores every setting, and with them the "interactive" that a
        # notebook's backend switches on at the first figure, so that no later one would show.
        before = {name: plt.rcParams[name] for name in STYLE}
        plt.rcParams.update(STYLE)
        try:
            return draw(*arguments, **choices)
        finally:
            plt.rcParams.update(before)

    return drawn


def axes_of(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    _, new = plt.subplots(figsize=(4.8, 3.2), layout="constrained")
    return new


def points(
    ax: Axes,
    x: Any,
    mean: Any,
    low: Any,
    high: Any,
    label: str,
    tint: str,
    line: str = "",
) -> None:
    errors = np.maximum([mean - low, high - mean], 0.0)
    ax.errorbar(x, mean, yerr=errors, fmt=f"o{line}", color=tint, label=label, capsize=2, lw=1)


def mean_and_interval(values: xr.DataArray) -> tuple[Any, Any, Any]:
    """Return mean and 95 % interval over trials (normal law of the mean), by the first dim."""
    others = [dim for dim in values.dims[1:] if dim != "trial"]
    values = values.mean(others) if others else values
    if "trial" not in values.dims:
        flat = values.values
        return flat, flat, flat
    mean = values.mean("trial")
    count = max(values.sizes["trial"], 1)
    half = 1.96 * values.std("trial", ddof=1 if count > 1 else 0) / np.sqrt(count)
    return mean.values, (mean - half).values, (mean + half).values


def title_of(dataset: xr.Dataset) -> str:
    model, n = dataset.attrs.get("model", "measured"), dataset.attrs.get("n")
    return f"{model}, N = {n}{on_device(dataset)}" if n else f"{model}{on_device(dataset)}"


def on_device(dataset: xr.Dataset) -> str:
    """Return " on pcm" where memories were measured on chips of that device, else nothing."""
    device = dataset.attrs.get("device")
    return f" on {device}" if device else ""


def chip_title(result: xr.Dataset) -> str:
    return f"{result.attrs.get('model', 'memory')} on {result.attrs.get('device', 'a chip')}"


def axis_label(values: xr.DataArray) -> str:
    name = str(values.attrs.get("long_name", values.name)).replace("_", " ")
    units = values.attrs.get("units", "1")
    return name if units in ("1", "") else f"{name} ({units})"


def needs(dataset: xr.Dataset, where: str, *names: str) -> None:
    variables = getattr(dataset, "variables", None)
    if variables is None:
        raise ParameterError(
            f"{where}: came {type(dataset).__name__}; give the Dataset of the measure that this "
            "figure is named after."
        )
    missing = [name for name in names if name not in variables]
    if missing:
        raise ParameterError(
            f"{where}: the dataset has no {', '.join(missing)}; it holds "
            f"{', '.join(map(str, dataset.variables))}. Give the result of the measure "
            "that this figure is named after."
        )


def along(dataset: xr.Dataset, where: str, dims: Sequence[str], *names: str) -> xr.Dataset:
    """Return variables along `dims`, in this order, before their trials.

    A dimension of which one value was chosen, as by ``isel(tile=0)``, is one of length one.
    """
    needs(dataset, where, *names, *dims)
    shown = dataset[list(names)]
    others = [str(dim) for dim in shown.dims if dim not in (*dims, "trial")]
    if others:
        raise ParameterError(
            f"{where}: the dataset has the dimensions {', '.join(others)} besides "
            f"{', '.join(dims)}; choose one value of each, as by .isel({others[0]}=0)."
        )
    chosen = [dim for dim in dims if dim not in shown.dims]
    return shown.expand_dims(chosen).transpose(*dims, ...)
