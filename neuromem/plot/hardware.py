"""Figures of chips: their conductances and wires, what they cost, how a memory ages on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.ticker import LogLocator

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, one_of, whole_number
from neuromem.core.units import duration
from neuromem.hardware.arrays import wires
from neuromem.hardware.arrays.crossbar import Crossbar
from neuromem.hardware.placed import Placement
from neuromem.plot._style import COLOURS, axes_of, mean_and_interval, needs, points, styled

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_SHOWN_CELLS = 4000
_BINS = 60
_PART_COLOURS = (*COLOURS, "0.55", "0.8")
_MARKS = ("o", "s", "^")
_TICKS = (1e-9, 1e-6, 1e-3, 1.0, 60.0, 3600.0, 86400.0, 30 * 86400.0, 31557600.0, 315576000.0)


@styled
def conductances(
    chip: Placement | Crossbar,
    *,
    synapses: str | None = None,
    axes: Sequence[Axes] | None = None,
) -> Sequence[Axes]:
    """Draw what the cells were aimed at, what they were after programming, and what they are now.

    On the left each cell against its target (4,000 of them, evenly chosen, where there are more);
    on the right the histogram of all cells. Noise that is fresh in every read is not in it.

    Parameters
    ----------
    chip : Placed, PlacedNetwork or Crossbar
        What `Chip.map` or `Crossbar.program` gave, at any time.
    synapses : str, optional
        Only those of this name; all cells of the chip if left out.
    axes : sequence of two matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.

    Raises
    ------
    ParameterError
        If `chip` is something else, or has no synapses of that name.
    """
    chosen = _crossbars("plot.conductances", chip, synapses)
    stages = _stages(list(chosen.values()))
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(7.0, 3.0), layout="constrained")
    cloud, histogram = axes
    target, top = stages["target"], max(float(values.max()) for values in stages.values())
    some = np.linspace(0, target.size - 1, min(target.size, _SHOWN_CELLS)).astype(int)
    edges = np.linspace(0.0, top or 1.0, _BINS + 1)
    cloud.plot([0.0, top], [0.0, top], color="0.25", lw=0.8, label="as aimed at")
    for number, (name, values) in enumerate(stages.items()):
        tint = ("0.25", *COLOURS)[number]
        shares = np.histogram(values, edges)[0] / values.size
        histogram.stairs(shares, edges, color=tint, label=name, lw=1.0)
        if name != "target":
            cells = target[some], values[some]
            cloud.plot(*cells, ".", color=tint, ms=2, alpha=0.5, label=name, rasterized=True)
    cloud.set(xlabel="target (µS)", ylabel="conductance (µS)")
    histogram.set(xlabel="conductance (µS)", ylabel="share of the cells", yscale="log")
    cloud.legend(markerscale=4)
    histogram.legend()
    return axes


@styled
def ir_drop(
    array: Placement | Crossbar | npt.ArrayLike,
    *,
    tile: tuple[int, int] = (0, 0),
    synapses: str | None = None,
    segment_resistance: wires.Segments | None = None,
    driver_resistance: float | None = None,
    sense_resistance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw which share of the read voltage each cell of a tile sees, all word lines driven alike.

    That is the read that loads the wires the most. Word lines are driven from the left, bit lines
    end in the sense amplifiers below the last row.

    Parameters
    ----------
    array : Placed, PlacedNetwork, Crossbar, or array_like of shape (R, C)
        A chip, whose cells are taken as they are now, or conductances in S.
    tile : (int, int)
        Row block and column block of the tile, on a chip.
    synapses : str, optional
        Which synapses of the chip; the first ones if left out.
    segment_resistance, driver_resistance, sense_resistance : float, optional
        Ohm, as in `neuromem.hardware.arrays.wires.solve`; those of the chip if left out. For plain
        conductances `segment_resistance` must be given.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.

    Raises
    ------
    ParameterError
        If all wires are ideal, or the chip has no such tile or synapses.
    ShapeError
        If plain conductances are no matrix.
    """
    where = "plot.ir_drop"
    segments, driver, sense = segment_resistance, driver_resistance, sense_resistance
    title = "conductances as given"
    if isinstance(array, (Placement, Crossbar)):
        crossbar = next(iter(_crossbars(where, array, synapses).values()))
        cells, title = _tile(where, crossbar, tile)
        options = crossbar.arrays.options
        segments = options.segments if segments is None else segments
        driver = options.driver_resistance if driver is None else driver
        sense = options.sense_resistance if sense is None else sense
    else:
        cells = np.asarray(array)
    segments, driver, sense = segments or 0.0, driver or 0.0, sense or 0.0
    if not np.any([*np.ravel(segments), driver, sense]):
        raise ParameterError(
            f"{where}: no wire has a resistance, so that every cell sees the whole voltage. Give "
            "segment_resistance=, or a chip with wire_resistance=."
        )
    word, bit = wires.node_voltages(
        cells, np.ones(len(cells)), segments, driver_resistance=driver, sense_resistance=sense
    )
    share = word - bit
    ohms = " and ".join(f"{ohm:g}" for ohm in dict.fromkeys(np.ravel(segments)))
    ax = axes_of(ax)
    image = ax.imshow(share, cmap="viridis", vmax=1.0, interpolation="nearest", aspect="auto")
    bar = ax.figure.colorbar(image, ax=ax)
    bar.set_label("share of the read voltage that a cell sees")
    seen = f"mean {share.mean():.1%}, least {share.min():.1%}"
    ax.set_title(f"{title}, {ohms} ohm a segment\n{seen}")
    ax.set(xlabel="bit line", ylabel="word line")
    ax.spines[:].set_visible(True)
    return ax


@styled
def ageing(result: xr.Dataset, *, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Draw recall and the error of the weights against the time after programming.

    Parameters
    ----------
    result : xarray.Dataset
        What `nm.measures.ageing` gave.
    axes : sequence of two matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.
    """
    needs(result, "plot.ageing", "success", "weight_error", "ideal_success", "time", "compensate")
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(7.4, 3.0), layout="constrained")
    recall, error = axes
    times = result["time"].values
    ideal = float(result["ideal_success"])
    recall.axhline(ideal, color="0.25", lw=1, ls=(0, (6, 3)), label="ideal memory")
    for number, policy in enumerate(result["compensate"].values):
        one = result.sel(compensate=policy)
        of_weights = mean_and_interval(one["weight_error"])
        of_recall = one["success"], one["success_low"], one["success_high"]
        for ax, values in ((recall, of_recall), (error, of_weights)):
            _policy(ax, times, values, number, str(policy))
    for ax in axes:
        _time_axis(ax, times)
    recall.set(ylabel="fraction of cues recalled", ylim=(-0.03, 1.03))
    error.set_ylabel("relative error of the weights")
    error.set_ylim(bottom=0.0)
    for ax in axes:
        ax.legend(title="compensation of drift", fontsize="small", alignment="left")
    recall.set_title(_title(result))
    return axes


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
    needs(report, "plot.energy", of, "synapses", "part")
    taken = report[of].transpose("synapses", "part")
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
    needs(result, "plot.front", "success", "energy", "front", "ideal_success", "tile", "adc_bits")
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    mean = result["energy"].mean("trial")
    factor, unit = _prefixed(float(mean.max()), "J")
    for number, tile in enumerate(result["tile"].values):
        one, x = result.sel(tile=tile), mean.sel(tile=tile).values / factor
        low, high = one["success_low"].values, one["success_high"].values
        y, tint = one["success"].values, COLOURS[number % len(COLOURS)]
        points(ax, x, y, low, high, f"tiles of {tile}", tint, line="-")
        for bits, across, up in zip(result["adc_bits"].values, x, y, strict=True):
            _beside(ax, across, up, str(bits), (3, 6), color=tint)
    best = result["front"].values
    # Along the front both rise.
    x, y = np.sort(mean.values[best]) / factor, np.sort(result["success"].values[best])
    ax.plot(x, y, "o", ms=8, mfc="none", mec="0.25", zorder=3)
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
    ax.set_title(_title(result))
    _legend_beside(ax, "numbers: bits of the ADCs")
    return ax


def _crossbars(where: str, chip: object, synapses: str | None) -> dict[str, Crossbar]:
    """Return the crossbars to draw, by name."""
    if isinstance(chip, Crossbar):
        return {"weights": chip}
    if not isinstance(chip, Placement):
        raise ParameterError(
            f"{where}: this is a {type(chip).__name__}; give what chip.map(memory) returned, or a "
            "Crossbar."
        )
    if synapses is None:
        return dict(chip.crossbars)
    name = one_of(where, "synapses", synapses, chip.crossbars)
    return {name: chip.crossbars[name]}


def _stages(crossbars: Sequence[Crossbar]) -> dict[str, Array]:
    """Return the conductances of all cells in µS: aimed at, programmed, and now if later."""
    moments: dict[str, Any] = {"target": None, "programmed": 0.0}
    seconds = crossbars[0].seconds
    if seconds > 0.0:
        moments[f"after {duration(seconds)}"] = seconds
    stages = {}
    for name, moment in moments.items():
        cells = [
            (devices.target if moment is None else each.arrays.conductance(number, moment)).ravel()
            for each in crossbars
            for number, devices in enumerate(each.arrays.devices)
        ]
        stages[name] = np.concatenate(cells).astype(np.float64) * 1e6
    return stages


def _tile(where: str, crossbar: Crossbar, tile: tuple[int, int]) -> tuple[Array, str]:
    """Return what the cells of a tile conduct now, with their transistors, and a title."""
    arrays = crossbar.arrays
    row, column = (whole_number(where, "tile", block) for block in tile)
    rows, columns = arrays.tiling.shape
    if row >= rows or column >= columns:
        raise ParameterError(
            f"{where}: tile is {(row, column)}, there are {rows} x {columns}. Count from (0, 0)."
        )
    number = next(k for k, place in enumerate(arrays.places) if place[:2] == (row, column))
    cells = arrays.conductance(number, crossbar.seconds).astype(np.float64)
    title = f"tile {(row, column)} of {arrays.profile.name!r}"
    return cells / (1.0 + cells * arrays.options.access_resistance), title


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
    ax.margins(x=0.2)
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


def _policy(ax: Axes, times: Array, values: Sequence[Any], number: int, label: str) -> None:
    """Draw one policy; marks differ in size, so that policies that do the same are all seen."""
    mean, low, high = (np.asarray(value) for value in values)
    ax.errorbar(
        times,
        mean,
        yerr=np.maximum([mean - low, high - mean], 0.0),
        color=COLOURS[number % len(COLOURS)],
        marker=_MARKS[number % len(_MARKS)],
        ms=3.0 + 2.5 * number,
        mfc="none",
        ls=("-", "--", ":")[number % 3],
        lw=1,
        capsize=2,
        label=label,
    )


def _time_axis(ax: Axes, times: Array) -> None:
    """Count time in decades, from 0 if there is a 0, with ticks that people would name."""
    later = times[times > 0]
    ax.set_xlabel("time after programming (s)")
    if later.size == 0:
        return
    if later.size == times.size:
        ax.set_xscale("log")
    else:
        ax.set_xscale("symlog", linthresh=float(later.min()), linscale=0.5)
    ticks = [t for t in _TICKS if later.min() <= t <= later.max()]
    if len(ticks) >= 2:
        ticks = ([0.0] if later.size < times.size else []) + ticks
        texts = [duration(t) if t else "0" for t in ticks]
        ax.set_xticks(ticks, texts, rotation=40, ha="right", rotation_mode="anchor")
        ax.set_xticks([], minor=True)
        ax.set_xlabel("time after programming")


def _title(result: xr.Dataset) -> str:
    return f"{result.attrs.get('model', 'memory')} on {result.attrs.get('device', 'a chip')}"


def _prefixed(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and the name of a unit in which `largest` is 1 or more."""
    if unit == "m^2":
        return (1e-6, "mm²") if largest >= 1e-8 else (1e-12, "µm²")
    for prefix, factor in (("m", 1e-3), ("µ", 1e-6), ("n", 1e-9), ("p", 1e-12)):
        if largest >= factor:
            return factor, f"{prefix}{unit}"
    return 1e-15, f"f{unit}"
