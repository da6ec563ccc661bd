"""Figures of chips: their conductances and wires, what they cost, how a memory ages on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, one_of, whole_number
from neuromem.core.units import duration
from neuromem.hardware import wires
from neuromem.hardware.crossbar import Crossbar
from neuromem.hardware.placed import Placement
from neuromem.plot._style import COLOURS, axes_of, needs, points, styled

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
    cloud.set(xlabel="target (uS)", ylabel="conductance (uS)")
    histogram.set(xlabel="conductance (uS)", ylabel="share of the cells", yscale="log")
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
        Ohm, as in `neuromem.hardware.wires.solve`; those of the chip if left out. For plain
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
    if isinstance(array, (Placement, Crossbar)):
        crossbar = next(iter(_crossbars(where, array, synapses).values()))
        cells, title = _tile(where, crossbar, tile)
        options = crossbar.arrays.options
        known: tuple[Any, ...] = (
            options.segments,
            options.driver_resistance,
            options.sense_resistance,
        )
    else:
        cells, title, known = np.asarray(array), "conductances as given", (0.0, 0.0, 0.0)
    given = segment_resistance, driver_resistance, sense_resistance
    segments, driver, sense = (k if g is None else g for g, k in zip(given, known, strict=True))
    if not np.any([*np.atleast_1d(segments), driver, sense]):
        raise ParameterError(
            f"{where}: no wire has a resistance, so that every cell sees the whole voltage. Give "
            "segment_resistance=, or a chip with wire_resistance=."
        )
    word, bit = wires.node_voltages(
        cells, np.ones(len(cells)), segments, driver_resistance=driver, sense_resistance=sense
    )
    share = word - bit
    ax = axes_of(ax)
    image = ax.imshow(share, cmap="viridis", vmax=1.0, interpolation="nearest", aspect="auto")
    bar = ax.figure.colorbar(image, ax=ax)
    bar.set_label("share of the read voltage that a cell sees")
    ax.set_title(f"{title}\nmean {share.mean():.1%}, least {share.min():.1%}")
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
    spread = result["weight_error"].quantile([0.025, 0.975], "trial")
    for number, policy in enumerate(result["compensate"].values):
        one, ends = result.sel(compensate=policy), spread.sel(compensate=policy)
        of_weights = one["weight_error"].mean("trial"), *ends
        of_recall = one["success"], one["success_low"], one["success_high"]
        for ax, values in ((recall, of_recall), (error, of_weights)):
            _policy(ax, times, values, number, str(policy))
    for ax in axes:
        _time_axis(ax, times)
    recall.set(ylabel="fraction of cues recalled", ylim=(-0.03, 1.03))
    error.set_ylabel("r.m.s. error of the weights, relative")
    error.set_ylim(bottom=0.0)
    recall.legend(title="compensation of drift", fontsize="small")
    error.legend(title="compensation of drift", fontsize="small")
    if "device" in result.attrs:
        recall.set_title(f"{result.attrs.get('model', 'memory')} on {result.attrs['device']!r}")
    return axes


@styled
def energy(report: xr.Dataset, *, of: str = "energy", ax: Axes | None = None) -> Axes:
    """Draw what one product takes, part by part, a bar for each of the synapses.

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
    names = [str(name) for name in taken["synapses"].values]
    if ax is None:
        height = 1.9 + 0.28 * len(names)
        _, ax = plt.subplots(figsize=(6.2, height), layout="constrained")
    totals = taken.sum("part").values
    factor, unit = _prefixed(float(totals.max()), taken.attrs.get("units", ""))
    values, left = taken.values / factor, np.zeros(len(names))
    places = np.arange(len(names))
    whole = float(totals.sum()) or 1.0
    for number, part in enumerate(taken["part"].values):
        share = float(taken.values[:, number].sum()) / whole
        if share > 0.0:
            tint = _PART_COLOURS[number % len(_PART_COLOURS)]
            label = f"{part} {'<1 %' if share < 0.01 else f'{share:.0%}'}"
            ax.barh(places, values[:, number], 0.7, left, color=tint, label=label)
        left += values[:, number]
    for place, total in zip(places, left, strict=True):
        ax.annotate(
            f"{total:.3g} {unit}",
            (total, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.margins(x=0.18)
    ax.set_xlabel(f"{of if of == 'area' else f'{of} of one product'} ({unit})")
    ax.legend(title="part, share", loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
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
    ax = axes_of(ax)
    mean = result["energy"].mean("trial")
    factor, unit = _prefixed(float(mean.max()), "J")
    for number, tile in enumerate(result["tile"].values):
        one, x = result.sel(tile=tile), mean.sel(tile=tile).values / factor
        interval = (one[name].values for name in ("success", "success_low", "success_high"))
        tint = COLOURS[number % len(COLOURS)]
        points(ax, x, *interval, f"tiles of {tile}", tint, line="-")
        for bits, across, up in zip(result["adc_bits"].values, x, one["success"].values):
            ax.annotate(
                f"{bits}", (across, up), (3, 4), textcoords="offset points", fontsize=6, color=tint
            )
    best = result["front"].values
    x, y = mean.values[best] / factor, result["success"].values[best]
    order = np.argsort(x)
    ends = np.append(x[order], float(mean.max()) / factor), np.append(y[order], y.max())
    ax.plot(*ends, color="0.25", lw=1.2, drawstyle="steps-post", label="Pareto front", zorder=3)
    ax.plot(x, y, "o", ms=8, mfc="none", mec="0.25", zorder=3)
    ideal = float(result["ideal_success"])
    ax.axhline(ideal, color="0.25", lw=1, ls=(0, (6, 3)), label="ideal memory")
    ax.set_xscale("log")
    ax.set(xlabel=f"energy of one product ({unit})", ylabel="fraction of cues recalled")
    ax.legend(fontsize="small", title="numbers: ADC bits")
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
    """Return the conductances of all cells in uS: aimed at, programmed, and now if later."""
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
    ohms = "{:g} and {:g}".format(*arrays.options.segments)
    title = f"tile {(row, column)} of {arrays.profile.name!r}"
    return cells / (1.0 + cells * arrays.options.access_resistance), title


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
        ax.set_xticks(ticks, [duration(t) for t in ticks], rotation=40, ha="right")
        ax.set_xticks([], minor=True)
        ax.set_xlabel("time after programming")


def _prefixed(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and the name of a unit in which `largest` is 1 or more."""
    if unit == "m^2":
        return (1e-6, "mm$^2$") if largest >= 1e-8 else (1e-12, "um$^2$")
    for prefix, factor in (("m", 1e-3), ("u", 1e-6), ("n", 1e-9), ("p", 1e-12)):
        if largest >= factor:
            return factor, f"{prefix}{unit}"
    return 1e-15, f"f{unit}"
