"""Figures of memories and of what was measured on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from neuromem.core import theory
from neuromem.core.errors import ShapeError
from neuromem.core.patterns import shape_of
from neuromem.plot._style import (
    COLOURS,
    along,
    axes_of,
    axis_label,
    mean_and_interval,
    needs,
    on_device,
    points,
    styled,
    title_of,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def capacity(
    curve: xr.Dataset, *, ax: Axes | None = None, label: str | None = None, colour: int = 0
) -> Axes:
    """Draw overlap against load: measured points, their intervals, and the theory line.

    Parameters
    ----------
    curve : xarray.Dataset
        What `nm.measures.capacity` gave.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.
    label : str, optional
        Name of the measured points; by default the model and N.
    colour : int
        Index into `COLOURS`.
    """
    ax = axes_of(ax)
    needs(curve, "plot.capacity", "overlap", "load")
    mean, low, high = mean_and_interval(curve["overlap"])
    tint = COLOURS[colour % len(COLOURS)]
    name = label or title_of(curve)
    points(ax, curve["load"].values, mean, low, high, name, tint)
    alpha_c = float(curve["alpha_c"]) if "alpha_c" in curve else np.nan
    if np.isfinite(alpha_c):
        low_c, high_c = float(curve["alpha_c_low"]), float(curve["alpha_c_high"])
        text = rf"measured $\alpha_c$ = {alpha_c:.3f} [{low_c:.3f}, {high_c:.3f}]"
        if np.isfinite([low_c, high_c]).all():
            ax.axvspan(low_c, high_c, color=tint, alpha=0.15, lw=0)
        ax.axvline(alpha_c, color=tint, lw=1, ls=":", label=text)
    if "theory_overlap" in curve:
        loads, line, label = _mean_field(curve)
        ax.plot(loads, line, color="0.25", lw=1.2, label=label)
        ax.set_xlabel(r"load $\alpha = P / N$ (patterns per unit)")
    else:
        ax.set_xlabel(axis_label(curve["load"]))
    ax.set_ylabel("overlap m with the stored pattern")
    ax.set_ylim(min(0.0, float(low.min())) - 0.02, 1.03)
    ax.legend(loc="lower left", fontsize="small")
    return ax


@styled
def basin(result: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the fraction of cues recalled against the fraction of their units flipped."""
    ax = axes_of(ax)
    measured = ("success", "success_low", "success_high")
    shown = along(result, "plot.basin", ("load", "fraction"), *measured)
    critical = along(result, "plot.basin", ("load",), "f50", "censored")
    fractions = shown["fraction"].values
    for number, load in enumerate(shown["load"].values):
        one, noise = shown.sel(load=load), critical.sel(load=load)
        tint = COLOURS[number % len(COLOURS)]
        name = rf"$\alpha$ = {load:g}{on_device(result)}"
        ax.plot(fractions, one["success"], "o-", color=tint, lw=1, label=name)
        ax.fill_between(
            fractions, one["success_low"], one["success_high"], color=tint, alpha=0.2, lw=0
        )
        if not noise["censored"]:
            ax.axvline(float(noise["f50"]), color=tint, lw=0.8, ls=":")
    ax.axhline(0.5, color="0.7", lw=0.6)
    ax.set_xlabel("flipped fraction of the cue")
    ax.set_ylabel("fraction of cues recalled")
    ax.legend(title="load", loc="best")
    return ax


@styled
def dynamics(result: xr.Dataset, *, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Draw overlap and energy of each cue against the step of its recall."""
    needs(result, "plot.dynamics", "overlap", "energy", "step")
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(6.4, 2.6), layout="constrained")
    names = (("overlap", "overlap m with the target"), ("energy", "energy E"))
    for ax, (name, title) in zip(axes, names, strict=True):
        ax.plot(result["step"], result[name], color=COLOURS[0], alpha=0.4, lw=0.8)
        ax.plot(result["step"], result[name].mean("cue"), "o-", color=COLOURS[1], label="mean")
        ax.set_xlabel("step")
        ax.set_ylabel(title)
        ax.legend()
    return axes


@styled
def images(
    rows: Mapping[str, npt.ArrayLike],
    *,
    shape: tuple[int, int] | None = None,
    captions: Mapping[str, Sequence[str]] | None = None,
    limit: int = 12,
) -> Figure:
    """Draw rows of patterns as images: what was stored, the cues, what each memory recalled.

    Parameters
    ----------
    rows : mapping of str to array_like, shape (K, H * W)
        Patterns of each row by the row's title.
    shape : (int, int), optional
        Height and width of an image; guessed for known image sizes.
    captions : mapping of str to sequence of str, optional
        A text under each image of a row, such as its overlap.
    limit : int
        Images a row at most.

    Raises
    ------
    ShapeError
        If the rows differ in length or width.
    """
    arrays = {title: np.atleast_2d(np.asarray(row)) for title, row in rows.items()}
    if not arrays or len({array.shape for array in arrays.values()}) != 1:
        raise ShapeError(
            f"plot.images: rows have shapes {[a.shape for a in arrays.values()]}; "
            "give at least one row, all of the same (K, H * W)."
        )
    first = next(iter(arrays.values()))
    shape = shape or shape_of(first.shape[1])
    columns = min(len(first), limit)
    figure, axes = plt.subplots(
        len(arrays),
        columns,
        figsize=(0.62 * columns + 1.5, 0.74 * len(arrays) + 0.2),
        squeeze=False,
        layout="constrained",
    )
    for line, (title, array) in zip(axes, arrays.items(), strict=True):
        top = max(abs(float(array.min())), abs(float(array.max())), 1e-9)
        for column, ax in enumerate(line):
            image = array[column].reshape(shape)
            ax.imshow(image, cmap="gray_r", vmin=-top, vmax=top, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(True)
            ax.spines[:].set(color="0.8", linewidth=0.5)
            if captions and title in captions:
                ax.set_xlabel(captions[title][column], fontsize=7, labelpad=1)
        line[0].set_ylabel(title, rotation=0, ha="right", va="center", labelpad=8)
    return figure


@styled
def curves(
    result: xr.Dataset,
    variable: str,
    *,
    x: str,
    by: str,
    ax: Axes | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> Axes:
    """Draw one variable of any sweep against `x`, a line for each value of `by`.

    The mean over the remaining dimensions, with a 95 % interval over trials if there are any.
    """
    ax = axes_of(ax)
    needs(result, "plot.curves", variable, x, by)
    for number, value in enumerate(result[by].values):
        mean, low, high = mean_and_interval(result[variable].sel({by: value}).transpose(x, ...))
        tint = COLOURS[number % len(COLOURS)]
        points(ax, result[x].values, mean, low, high, str(value), tint, line="-")
    ax.set_xlabel(xlabel or axis_label(result[x]))
    ax.set_ylabel(ylabel or axis_label(result[variable]))
    ax.legend(title=by.replace("_", " "))
    return ax


@styled
def trend(result: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw critical loads against N^(-1/2) with the line that extrapolates them to N = oo."""
    ax = axes_of(ax)
    needs(result, "plot.trend", "alpha_c", "n")
    x = 1.0 / np.sqrt(result["n"].values)
    measured = result["alpha_c"].values
    interval = result["alpha_c_low"].values, result["alpha_c_high"].values
    points(ax, x, measured, *interval, "measured, 95 % interval", COLOURS[0])
    end, slope = float(result["alpha_infinity"]), float(result["slope"])
    line = np.array([0.0, x.max() * 1.05])
    fit = rf"fit: {end:.4f} + {slope:.2f} / $\sqrt{{N}}$"
    ax.plot(line, end + slope * line, color=COLOURS[0], lw=1, label=fit)
    exact = theory.critical_load()
    ax.axhline(exact, color="0.25", lw=1, ls="--", label=rf"mean field $\alpha_c$ = {exact:.4f}")
    ax.set_xlim(left=0)
    ax.set_xlabel(r"$1 / \sqrt{N}$")
    ax.set_ylabel(r"critical load $\alpha_c$ (patterns per unit)")
    ax.legend()
    return ax


@styled
def phases(*, ax: Axes | None = None, loads: npt.ArrayLike | None = None) -> Axes:
    """Draw the phase diagram of Hebb's rule: T_g, T_M and T_c against the load.

    Amit, Gutfreund & Sompolinsky, Ann. Phys. 173, 30 (1987).
    """
    ax = axes_of(ax)
    alpha = np.linspace(0.001, 0.1375, 60) if loads is None else np.asarray(loads, float)
    lines = (
        (r"$T_g$: spin glass below", theory.spin_glass_temperature, "0.25"),
        (r"$T_M$: memories below", theory.critical_temperature, COLOURS[0]),
        (r"$T_c$: memories are global minima below", theory.coexistence_temperature, COLOURS[1]),
    )
    for label, law, tint in lines:
        values = np.array([float(law(float(a))) for a in alpha])
        seen = values > 0
        ax.plot(alpha[seen], values[seen], color=tint, label=label)
    ax.set_xlabel(r"load $\alpha = P / N$ (patterns per unit)")
    ax.set_ylabel("temperature T (units of W)")
    ax.set_ylim(bottom=0)
    ax.legend()
    return ax


def _mean_field(curve: xr.Dataset) -> tuple[Any, Any, str]:
    """Return loads, overlaps and name of the theory line: smooth at T = 0, else as measured at."""
    loads, line = curve["load"].values, curve["theory_overlap"].values
    label = r"mean field, $N \to \infty$"
    if not np.allclose(line, theory.retrieval_overlap(loads)):
        return loads, line, label
    fine = np.linspace(1e-4, float(loads.max()), 600)
    return fine, theory.retrieval_overlap(fine), f"{label}, T = 0"
