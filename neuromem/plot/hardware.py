"""Figures of chips: their conductances and wires, and how a memory ages on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, one_of, whole_number
from neuromem.core.units import duration
from neuromem.hardware.arrays import wires
from neuromem.hardware.arrays.crossbar import Crossbar
from neuromem.hardware.placed import Placement
from neuromem.plot._style import (
    COLOURS,
    along,
    axes_of,
    chip_title,
    mean_and_interval,
    needs,
    styled,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_SHOWN_CELLS = 4000
_BINS = 60
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
    where, measured = "plot.ageing", ("success", "success_low", "success_high", "weight_error")
    shown = along(result, where, ("compensate", "time"), *measured)
    needs(result, where, "ideal_success")
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(7.4, 3.0), layout="constrained")
    recall, error = axes
    times = shown["time"].values
    ideal = float(result["ideal_success"])
    recall.axhline(ideal, color="0.25", lw=1, ls=(0, (6, 3)), label="ideal memory")
    for number, policy in enumerate(shown["compensate"].values):
        one = shown.sel(compensate=policy)
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
    recall.set_title(chip_title(result))
    return axes


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
    row, column = _blocks(where, tile)
    rows, columns = arrays.tiling.shape
    if row >= rows or column >= columns:
        raise ParameterError(
            f"{where}: tile is {(row, column)}, there are {rows} x {columns}. Count from (0, 0)."
        )
    number = next(k for k, place in enumerate(arrays.places) if place[:2] == (row, column))
    cells = arrays.conductance(number, crossbar.seconds).astype(np.float64)
    title = f"tile {(row, column)} of {arrays.profile.name!r}"
    return cells / (1.0 + cells * arrays.options.access_resistance), title


def _blocks(where: str, tile: tuple[int, int]) -> tuple[int, int]:
    """Return the row block and the column block of a tile."""
    try:
        row, column = tile
    except (TypeError, ValueError):
        raise ParameterError(
            f"{where}: tile is {tile!r}; give (row block, column block), such as (0, 0)."
        ) from None
    return whole_number(where, "tile", row), whole_number(where, "tile", column)


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
