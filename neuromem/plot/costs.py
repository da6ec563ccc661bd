"""Figures of what chips cost: part by part, and against what their memories recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator

from neuromem.core.codes import Array
from neuromem.core.errors import one_of
from neuromem.plot._style import COLOURS, along, axes_of, chip_title, needs, points, styled

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_PART_COLOURS = (*COLOURS, "0.55", "0.8")


@styled
def energy(report: xr.Dataset, *, of: str = "energy", ax: Axes | None = None) -> Axes:
    """Draw what one product takes, part by part; a bar for each of the synapses, if several.

    Parameters
    ----------
    report : xarray.Dataset
        What `Placed.report` gave.
    of : {"energy", "latency", "area"}
        What to break down.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.

    Raises
    ------
    ParameterError
        If `of` or the report is something else.
    """
    of = one_of("plot.energy", "of", of, ("energy", "latency", "area"))
    taken = along(report, "plot.energy", ("synapses", "part"), of)[of]
    parts = [str(part) for part in taken["part"].values]
    names = [str(name) for name in taken["synapses"].values]
    largest = float(taken.sum("part").max())
    factor, unit = _prefixed(largest, taken.attrs.get("units", ""))
    values = taken.values / factor
    if len(names) == 1:
        ax = _of_parts(ax, parts, values[0], unit)
        ax.set_title(f"{names[0]}: {values.sum():.3g} {unit}")
    else:
        ax = _of_synapses(ax, names, parts, values, unit)
    ax.set_xlabel(f"{of if of == 'area' else f'{of} of one product'} ({unit})")
    return ax


@styled
def front(result: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw recall against energy for every design, numbered by ADC bits, and the Pareto front.

    Parameters
    ----------
    result : xarray.Dataset
        What `nm.measures.trade_off` gave.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.
    """
    where, measured = "plot.front", ("success", "success_low", "success_high", "energy", "front")
    shown = along(result, where, ("tile", "adc_bits"), *measured)
    needs(result, where, "ideal_success")
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    mean = shown["energy"].mean([dim for dim in shown["energy"].dims if dim == "trial"])
    factor, unit = _prefixed(float(mean.max()), "J")
    for number, tile in enumerate(shown["tile"].values):
        one, x = shown.sel(tile=tile), mean.sel(tile=tile).values / factor
        low, high = one["success_low"].values, one["success_high"].values
        y, tint = one["success"].values, COLOURS[number % len(COLOURS)]
        points(ax, x, y, low, high, f"tiles of {tile}", tint, line="-")
        for bits, across, up in zip(shown["adc_bits"].values, x, y, strict=True):
            _beside(ax, across, up, str(bits), (3, 6), color=tint)
    best = shown["front"].values
    # Along the front both rise.
    x, y = np.sort(mean.values[best]) / factor, np.sort(shown["success"].values[best])
    ax.plot(x, y, "o", ms=8, mfc="none", mec="0.25", zorder=3)
    if best.any():  # none of it may be among chosen designs
        ends = np.append(x, float(mean.max()) / factor), np.append(y, y[-1])
        ax.plot(*ends, color="0.25", lw=1.2, drawstyle="steps-post", label="Pareto front", zorder=3)
    ideal = float(result["ideal_success"])
    ax.axhline(ideal, color="0.25", lw=1, ls=(0, (6, 3)), label="ideal memory")
    ax.set_xscale("log")
    near = float(mean.max()) < 20.0 * float(mean.min())
    ax.xaxis.set_major_locator(
        LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0) if near else (1.0, 3.0))
    )
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")
    ax.set(xlabel=f"energy of one product ({unit})", ylabel="fraction of cues recalled")
    ax.set_title(chip_title(result))
    _legend_beside(ax, "numbers: bits of the ADCs")
    return ax


def _of_parts(ax: Axes | None, parts: Sequence[str], values: Array, unit: str) -> Axes:
    """Draw a bar for each part that takes anything, with its amount and share."""
    ax = axes_of(ax)
    taking = [k for k, value in enumerate(values) if value > 0.0]
    ax.barh([parts[k] for k in taking], values[taking], color=[_PART_COLOURS[k] for k in taking])
    whole = float(values.sum()) or 1.0
    for row, k in enumerate(taking):
        _beside(ax, values[k], row, f"{values[k]:.3g} {unit}, {_percent(values[k] / whole)}")
    ax.invert_yaxis()
    ax.margins(x=0.3)
    return ax


def _of_synapses(
    ax: Axes | None, names: Sequence[str], parts: Sequence[str], values: Array, unit: str
) -> Axes:
    """Draw a bar for each of the synapses, stacked by part, with its sum."""
    if ax is None:
        _, ax = plt.subplots(figsize=(6.2, 1.4 + 0.28 * len(names)), layout="constrained")
    rows, sums = np.arange(len(names)), np.cumsum(values, axis=1)
    shares = values.sum(axis=0) / (values.sum() or 1.0)
    for k, part in enumerate(parts):
        if shares[k] > 0.0:
            label = f"{part} {_percent(shares[k])}"
            left = sums[:, k] - values[:, k]
            ax.barh(rows, values[:, k], 0.7, left, color=_PART_COLOURS[k], label=label)
    for row, total in enumerate(sums[:, -1]):
        _beside(ax, total, row, f"{total:.3g} {unit}")
    ax.set_yticks(rows, names)
    ax.invert_yaxis()
    # Not a margin: bars that begin at the end of the longest one, of parts without any width,
    # would allow none.
    ax.set_xlim(0.0, 1.25 * (float(sums.max()) or 1.0))
    _legend_beside(ax, "share of each part")
    return ax


def _beside(
    ax: Axes, x: float, y: float, text: str, by: tuple[int, int] = (3, 0), color: str = "black"
) -> None:
    """Write beside a point, `by` so many printer's points from it."""
    ax.annotate(
        text, (x, y), by, textcoords="offset points", va="center", fontsize="small", color=color
    )


def _legend_beside(ax: Axes, title: str) -> None:
    """Put the legend to the right of the axes."""
    ax.legend(
        title=title,
        fontsize="small",
        alignment="left",
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
    )


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "<1%"


def _prefixed(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and the name of a unit in which `largest` is 1 or more."""
    if unit == "m^2":
        return (1e-6, "mm²") if largest >= 1e-8 else (1e-12, "µm²")
    for prefix, factor in (("m", 1e-3), ("µ", 1e-6), ("n", 1e-9), ("p", 1e-12)):
        if largest >= factor:
            return factor, f"{prefix}{unit}"
    return 1e-15, f"f{unit}"
