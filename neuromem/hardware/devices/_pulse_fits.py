"""How `fit_updates` fits: what is varied for each kind of step, and the noise that is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import CodeError, ParameterError, ShapeError, real_number
from neuromem.hardware.devices._update_cells import mean_curve
from neuromem.hardware.devices.neurosim import LARGEST
from neuromem.hardware.devices.update_models import Kind, UpdateModel
from neuromem.kernels.updates import noise_likelihood

Array: TypeAlias = npt.NDArray[Any]
Row: TypeAlias = tuple[float, float, float, float]
"""A fitted parameter: guess, least, most, unit."""

_FEWEST = 8


class Plan(NamedTuple):
    """What is fitted: how parameters make a model and the two starts, and where they may lie."""

    build: Callable[[list[float]], tuple[UpdateModel, float, float]]
    guesses: list[Array]
    low: Array
    high: Array
    unit: Array


def measured_curve(name: str, values: npt.ArrayLike, scale: tuple[float, float] | None) -> Array:
    """Return a measured curve (P,) as weights, or say what is wrong with it."""
    curve = np.asarray(values, dtype=np.float64)
    if curve.ndim != 1 or curve.size < _FEWEST:
        raise ShapeError(
            f"fit_updates: {name} has shape {curve.shape}; give the states after at least "
            f"{_FEWEST} pulses, shape (P,)."
        )
    if not np.isfinite(curve).all():
        raise CodeError(f"fit_updates: {name} holds NaN or infinite values; leave them out.")
    if scale is not None:
        low, high = _ends(scale)
        curve = 2.0 * (curve - low) / (high - low) - 1.0
    return curve


def _ends(scale: tuple[float, float]) -> tuple[float, float]:
    """Return the measured values that become the weights -1 and 1."""
    try:
        low, high = scale
    except (TypeError, ValueError):
        low = high = 0.0
    if real_number("fit_updates", "scale", low) >= real_number("fit_updates", "scale", high):
        raise ParameterError(f"fit_updates: scale is {scale!r}; give (low, high), low < high.")
    return float(low), float(high)


def _range(rise: Array, fall: Array) -> tuple[float, float]:
    """Return the range of the curves without most of their noise; refuse curves that do not move.

    An average over a twentieth of the pulses leaves the form in and the noise out.
    """
    calm = []
    for curve in (rise, fall):
        width = max(curve.size // 20, 1)
        calm.append(np.convolve(curve, np.full(width, 1.0 / width), mode="valid"))
    if calm[0][-1] <= calm[0][0] or calm[1][-1] >= calm[1][0]:
        raise ParameterError(
            "fit_updates: `up` does not rise, or `down` does not fall, over the whole run. Give "
            "the states in the order of the pulses; swap the curves if the device is inverted."
        )
    return float(min(part.min() for part in calm)), float(max(part.max() for part in calm))


def plan_fit(kind: Kind, rise: Array, fall: Array, name: str) -> Plan:
    """Return what to vary, and from where, to fit a kind of step to both curves."""
    low, high = _range(rise, fall)
    span, most = high - low, max(rise.size, fall.size)
    if kind in ("linear", "soft-bounds") and not low < 0 < high:
        raise ParameterError(
            f"fit_updates: the curves run from {low:.4g} to {high:.4g}; steps of kind {kind!r} are "
            f"counted from a zero between. Give scale=({low:.4g}, {high:.4g})."
        )
    rows = _bounds(kind, low, high)
    if kind == "neurosim":
        labels = [(1.0, -LARGEST, LARGEST, 1.0)] * 2
        return _planned(lambda x: _neurosim(x, most, name), [*rows, *labels])
    pace = span / most
    for curve, sign in ((rise, 1.0), (fall, -1.0)):
        first = np.polyfit(np.arange(curve.size // 5 + 2), curve[: curve.size // 5 + 2], 1)[0]
        rows.append((max(sign * float(first), pace), 1e-3 * pace, span, pace))
    others = []
    if kind == "linear":
        rows += [(0.3 / span, 0.0, 5.0 / span, 1.0 / span)] * 2
    if kind == "exponential":
        # Below a rate of 1 the form is the linear one, and its parameters trade.
        rows += [(-0.5, -100.0, 0.99, 1.0)] * 2 + [(3.0, 1.0, 20.0, 1.0)] * 2
        others = [{4: -1.0, 5: -0.1, 6: 5.0, 7: 5.0}, {4: 0.5, 5: -2.0, 6: 2.0, 7: 3.0}]
    if kind == "soft-bounds":
        rows += [(curve[0], low - span, high + span, span) for curve in (rise, fall)]
    else:
        # As a part of the way between the bounds: beyond them a start would have no effect.
        rows += [((curve[0] - low) / span, 0.0, 1.0, 1.0) for curve in (rise, fall)]
    return _planned(lambda x: _stepping(x, kind, span, name), rows, others)


def _bounds(kind: Kind, low: float, high: float) -> list[Row]:
    """Return the rows of the bounds of curves that run from low to high.

    Soft bounds lie beyond the curves, up to where a hundred times the pulses look straight. Hard
    ones begin a little outside, and stay there where the runs do not drive the device to its ends.
    """
    span = high - low
    if kind == "soft-bounds":
        far, room, inner = 100.0 * span, 0.2 * span, 0.0
    else:
        far, room, inner = span, 0.05 * span, 0.3 * span
    least, most = low + inner, high - inner
    if kind == "linear":  # zero stays between them
        least, most = min(least, -1e-6 * span), max(most, 1e-6 * span)
    return [(low - room, low - far, least, span), (high + room, most, high + far, span)]


def _stepping(
    x: list[float], kind: Kind, span: float, name: str
) -> tuple[UpdateModel, float, float]:
    low, high, up, down = x[:4]
    more: dict[str, Any] = {}
    if kind == "linear":
        more = {"slope_up": x[4] * high, "slope_down": -x[5] * low}
    if kind == "exponential":
        # A tilt and an offset of their own would only rescale amplitude and rate: offset as in
        # Gong et al. (2018), and a tilt that makes z count in spans of the curves.
        more = dict(
            zip(("amplitude_up", "amplitude_down", "rate_up", "rate_down"), x[4:8], strict=True)
        )
        more |= {"tilt": -0.5 * (high - low) / span, "offset": -0.5}
    model = UpdateModel(
        name=name,
        kind=kind,
        bounds=(low, high),
        step=0.5 * (up + down),
        asymmetry=(up - down) / (up + down),
        **more,
    )
    if kind == "soft-bounds":
        return model, x[-2], x[-1]
    return model, low + x[-2] * (high - low), low + x[-1] * (high - low)


def _neurosim(x: list[float], pulses: int, name: str) -> tuple[UpdateModel, float, float]:
    low, high, label_up, label_down = x
    model = UpdateModel(
        name=name,
        kind="neurosim",
        bounds=(low, high),
        label_up=label_up,
        label_down=-label_down,
        pulses=pulses,
    )
    return model, low, high


def _planned(
    build: Callable[[list[float]], tuple[UpdateModel, float, float]],
    rows: Sequence[Row],
    others: Sequence[Mapping[int, float]] = (),
) -> Plan:
    guess, low, high, unit = np.array(rows, dtype=np.float64).T
    guesses = [np.clip(guess, low, high)]
    for other in others:
        moved = guesses[0].copy()
        moved[list(other)] = list(other.values())
        guesses.append(moved)
    return Plan(build, guesses, low, high, unit)


def mean_curves(
    model: UpdateModel, starts: tuple[float, float], counts: tuple[int, int]
) -> tuple[Array, Array]:
    """Return the curves up and down without noise, from their own starts."""
    return (
        mean_curve(model, starts[0], 1, counts[0]),
        mean_curve(model, starts[1], -1, counts[1]),
    )


def fitted_noise(
    model: UpdateModel,
    additive: bool,
    starts: tuple[float, float],
    means: tuple[Array, Array],
    measured: tuple[Array, Array],
) -> tuple[float, float, float]:
    """Return C2C noise, write noise (both in steps) and the memory of the latter, in pulses."""
    from scipy.optimize import minimize

    span = model.bounds[1] - model.bounds[0]
    runs = []
    for sign, first, mean, values in zip((1, -1), starts, means, measured, strict=True):
        before = np.concatenate([[first], mean[:-1]])
        ahead, behind = (model.mean_step(before + side * 1e-6 * span, sign) for side in (1, -1))
        kicks = model.mean_step(np.zeros_like(before) if additive else before, sign)
        if model.kind == "neurosim":
            kicks = np.full_like(before, span)
        runs.append((values - mean, 1.0 + sign * (ahead - behind) / (2e-6 * span), kicks))
    variance = float(np.mean(np.concatenate([run[0] for run in runs]) ** 2))
    if variance <= (1e-9 * span) ** 2:
        return 0.0, 0.0, 0.0
    longest = np.log(min(run[0].size for run in runs) / 50.0)
    typical = float(np.mean(np.concatenate([run[2] for run in runs]) ** 2))

    def parts(x: Array) -> tuple[float, float, float, float]:
        shares = np.exp(np.clip(x[:3], -40.0, 5.0)) * variance
        if x.size < 4:
            return float(shares[0]) / typical, float(shares[1]), 0.0, 0.0
        # A memory of a good part of the run would be a random walk by another name.
        length = np.exp(np.clip(x[3], -3.0, longest))
        passing = float(shares[2]), float(np.exp(-1.0 / length))
        return float(shares[0]) / typical, float(shares[1]), *passing

    def cost(x: Array) -> float:
        return float(sum(noise_likelihood(*run, *parts(x)) for run in runs))

    # Noise with a memory would pass for C2C: it is let in where it explains more than its two
    # parameters may by chance (Schwarz's criterion) and its memory is well below the longest.
    options = {"xatol": 1e-3, "fatol": 1e-3, "maxiter": 4000}
    plain = np.array([np.log(0.005), np.log(0.5)])
    with_memory = np.array([np.log(5e-4), np.log(0.4), np.log(0.5), np.log(5.0)])
    short, full = (
        minimize(cost, x, method="Nelder-Mead", options=options) for x in (plain, with_memory)
    )
    chance = 2.0 * np.log(sum(run[0].size for run in runs))
    lasting = short.fun - full.fun > chance and full.x[3] < longest - 0.05
    process, reading, passing, memory = parts(full.x if lasting else short.x)
    length = -1.0 / np.log(memory) if lasting else 0.0
    return float(np.sqrt(process)), float(np.sqrt(reading + passing)) / model.step, float(length)
