"""The parameters that each cell of a population keeps: drawn once, per device, from a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import CapabilityError
from neuromem.core.randomness import stream
from neuromem.hardware.devices.neurosim import LARGEST, curvature_of, curvatures_of
from neuromem.kernels.updates import affine_curve, exponential_curve

if TYPE_CHECKING:
    from neuromem.hardware.devices.update_models import UpdateModel

Array: TypeAlias = npt.NDArray[Any]
Normal: TypeAlias = Callable[[str, float], Any]

_HALVINGS = 60
_TINY = 1e-30


class Cells(NamedTuple):
    """Per-cell parameters, each (n,): steps at w = 0, what they gain per unit weight, bounds.

    A step up is up + up_slope w, one down is down + down_slope w; an exponential cell multiplies
    `up` and `down` by a function of w instead.
    """

    up: Array
    up_slope: Array
    down: Array
    down_slope: Array
    low: Array
    high: Array


def draw_cells(
    model: UpdateModel, n: int, seed: np.random.SeedSequence, dtype: npt.DTypeLike = np.float64
) -> Cells:
    """Draw the parameters of `n` cells, each kind from a stream of its own name."""

    def normal(purpose: str, deviation: float) -> Any:
        if deviation == 0.0:
            return 0.0
        return deviation * stream(seed, "cell", purpose).standard_normal(n, dtype=np.float32)

    low = model.bounds[0] * np.abs(1.0 + normal("low", model.low_spread))
    high = model.bounds[1] * np.abs(1.0 + normal("high", model.high_spread))
    moves = _neurosim(model, low, high, normal) if model.kind == "neurosim" else None
    parts = moves or _stepping(model, low, high, normal)
    return Cells(*(np.broadcast_to(part, n).astype(dtype) for part in (*parts, low, high)))


def corrupted(model: UpdateModel, cells: Cells, seed: np.random.SeedSequence) -> Cells:
    """Return the cells with both bounds of the corrupt ones at the weight they are stuck at."""
    if model.corrupt == 0.0:
        return cells
    n, reach = cells.low.size, model.corrupt_range
    bad = stream(seed, "cell", "corrupt").random(n) < model.corrupt
    value = stream(seed, "cell", "corrupt value").uniform(-reach, reach, n)
    low, high = (np.where(bad, value, end).astype(end.dtype) for end in (cells.low, cells.high))
    return cells._replace(low=low, high=high)


def nominal_cells(model: UpdateModel) -> Cells:
    """Return the one cell that has no spread."""
    even = replace(
        model,
        step_spread=0.0,
        asymmetry_spread=0.0,
        high_spread=0.0,
        low_spread=0.0,
        slope_spread=0.0,
        label_spread=0.0,
    )
    return draw_cells(even, 1, np.random.SeedSequence(0))


def _stepping(model: UpdateModel, low: Any, high: Any, normal: Normal) -> tuple[Any, ...]:
    asymmetry = model.asymmetry + normal("asymmetry", model.asymmetry_spread)
    spread = normal("step", model.step_spread)
    # Folded at zero: a cell whose pulses go the wrong way round is not what a spread means.
    if model.step_log_normal:
        factors = [np.abs(1.0 + d * asymmetry) * np.exp(spread) for d in (1, -1)]
    else:
        factors = [np.abs(1.0 + d * asymmetry + spread) for d in (1, -1)]
    up, down = model.step * factors[0], 0.0 if model.one_sided else model.step * factors[1]
    if model.kind == "soft-bounds":
        # Kept off zero, where the draw of a bound may end: the step falls to nothing there.
        return up, -up / np.maximum(high, _TINY), down, -down / np.minimum(low, -_TINY)
    if model.kind == "linear":
        gammas = [
            np.abs(gamma + normal(f"slope {side}", model.slope_spread))
            for gamma, side in ((model.slope_up, "up"), (model.slope_down, "down"))
        ]
        # The slope counts from the bounds of the model, not from those of the cell.
        return up, -up * gammas[0] / model.bounds[1], down, -down * gammas[1] / model.bounds[0]
    return up, 0.0, down, 0.0


def _neurosim(model: UpdateModel, low: Any, high: Any, normal: Normal) -> tuple[Any, ...]:
    """Return steps of the curves B (1 - exp(-P/A)): the same part of the way to their limit."""
    n, moves = model.pulses, []
    for side, label in (("up", model.label_up), ("down", -model.label_down)):
        curvature: Any = curvature_of(label)
        if model.label_spread:
            labels = label + normal(f"label {side}", model.label_spread)
            curvature = curvatures_of(np.clip(labels, -LARGEST, LARGEST))
        bent = np.where(curvature == 0.0, 1.0, curvature)
        first = np.where(curvature == 0.0, 1.0 / n, np.expm1(-bent / n) / np.expm1(-bent))
        moves.append((first * (high - low), -np.expm1(-curvature / n)))
    (up, up_part), (down, down_part) = moves
    return up + up_part * low, -up_part, down - down_part * high, down_part


def step_of(model: UpdateModel, cells: Cells, weights: Array, direction: int) -> Array:
    """Return the mean step of each cell at `weights`; the readable twin of the kernels."""
    start, slope = (cells.up, cells.up_slope) if direction > 0 else (cells.down, cells.down_slope)
    if model.kind != "exponential":
        value: Array = start + slope * weights
        return value
    amplitude = model.amplitude_up if direction > 0 else model.amplitude_down
    rate = model.rate_up if direction > 0 else model.rate_down
    span = np.where(cells.high > cells.low, cells.high - cells.low, np.inf)
    z = 2.0 * model.tilt * weights / span + model.offset
    value = start * np.maximum(1.0 - amplitude * np.exp(direction * rate * z), 0.0)
    return value


def symmetry_points(model: UpdateModel, cells: Cells) -> Array:
    """Return where up and down steps are equal, or the bound that the cell drifts to."""
    if model.kind == "constant" or model.one_sided:
        what = "has constant steps" if model.kind == "constant" else "takes up pulses only"
        raise CapabilityError(
            f"symmetry_point: {model.name!r} {what}, so there is no weight at which its up and "
            "down steps balance. Ask a model with linear, soft-bounds or exponential steps."
        )
    low, high = cells.low.astype(np.float64), cells.high.astype(np.float64)
    if model.kind != "exponential":
        turn = np.asarray(cells.down_slope, np.float64) - cells.up_slope
        excess = np.asarray(cells.up, np.float64) - cells.down
        drifts = np.where(excess > 0, high, low)
        crossing = np.divide(excess, turn, out=drifts, where=turn > 0)
        balanced: Array = np.clip(crossing, low, high)
        return balanced
    # Steps up fall and steps down grow toward the high bound: one crossing, found by halving.
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        rising = step_of(model, cells, middle, 1) > step_of(model, cells, middle, -1)
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    points: Array = 0.5 * (low + high)
    return points


def mean_curve(model: UpdateModel, start: float, direction: int, n: int) -> Array:
    """Return the weights after 1 ... n pulses of the nominal cell from `start`."""
    cells = nominal_cells(model)
    step, slope = (cells.up, cells.up_slope) if direction > 0 else (cells.down, cells.down_slope)
    out = np.empty(n)
    ends = float(cells.low[0]), float(cells.high[0])
    sign = float(direction)
    if model.kind == "exponential":
        exponential_curve(start, sign, float(step[0]), *ends, shape_of(model), out)
    else:
        affine_curve(start, sign, float(step[0]), float(slope[0]), *ends, out)
    return out


def shape_of(model: UpdateModel) -> Array:
    """Return what the kernels take of an exponential model."""
    return np.array(
        [
            model.amplitude_up,
            model.amplitude_down,
            model.rate_up,
            model.rate_down,
            model.tilt,
            model.offset,
        ]
    )


def noise_of(model: UpdateModel) -> tuple[float, float, float]:
    """Return the C2C s.d. relative to the step, to `up` or `down` of the cell, and absolute."""
    if model.kind == "neurosim":
        return 0.0, 0.0, model.c2c * (model.bounds[1] - model.bounds[0])
    return (0.0, model.c2c, 0.0) if model.additive else (model.c2c, 0.0, 0.0)
