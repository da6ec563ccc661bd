"""Write pulses on populations of cells: the loops behind training in the array and write-verify.

Every kind of cell but the exponential one moves by a step that is affine in its weight, up by
``up + up_slope w`` and down by ``down + down_slope w``; per-cell arrays are flat, of length n. The
exponential cell multiplies `up` and `down` by ``max(1 - A exp(d gamma z), 0)``, with ``z = 2 tilt
w / (high - low) + offset`` and ``shape = (A_up, A_down, gamma_up, gamma_down, tilt, offset)``.
"""

from typing import Any

import numpy as np

from neuromem.kernels._jit import kernel, popcount

Array = Any


@kernel
def affine_pulses(
    counts: Array,
    up: Array,
    up_slope: Array,
    down: Array,
    down_slope: Array,
    low: Array,
    high: Array,
    relative: float,
    proportional: float,
    absolute: float,
    noise: Array,
    weights: Array,
) -> None:
    """Give cell i abs(counts[i]) pulses, up where the count is positive; weights in place.

    The s.d. of a pulse is relative x its step + proportional x the step at w = 0 + absolute;
    noise holds one standard normal a pulse, cell by cell, or is empty where there is none.
    """
    used = 0
    for i in range(counts.size):
        if counts[i] == 0:
            continue
        rising = counts[i] > 0
        sign = 1.0 if rising else -1.0
        start = np.float64(up[i]) if rising else np.float64(down[i])
        slope = np.float64(up_slope[i]) if rising else np.float64(down_slope[i])
        w = np.float64(weights[i])
        for _ in range(abs(counts[i])):
            step = start + slope * w
            if noise.size > 0:
                spread = relative * step + proportional * start + absolute
                step += spread * np.float64(noise[used])
                used += 1
            w = min(max(w + sign * step, np.float64(low[i])), np.float64(high[i]))
        weights[i] = w


@kernel
def _growth(w: float, sign: float, low: float, high: float, shape: Array) -> tuple[float, float]:
    """Return what multiplies an exponential cell's step at weight w, and its derivative."""
    if high <= low:  # a corrupt cell: it has no range to place w in
        return 0.0, 0.0
    place = 0 if sign > 0 else 1
    amplitude, rate = shape[place], shape[2 + place]
    tilt = 2.0 * shape[4] / (high - low)
    grown = amplitude * np.exp(sign * rate * (tilt * w + shape[5]))
    if grown >= 1.0:
        return 0.0, 0.0
    return 1.0 - grown, -sign * rate * tilt * grown


@kernel
def exponential_pulses(
    counts: Array,
    up: Array,
    down: Array,
    low: Array,
    high: Array,
    shape: Array,
    relative: float,
    proportional: float,
    noise: Array,
    weights: Array,
) -> None:
    """Give cell i abs(counts[i]) pulses, as `affine_pulses` does; weights in place."""
    used = 0
    for i in range(counts.size):
        if counts[i] == 0:
            continue
        sign = 1.0 if counts[i] > 0 else -1.0
        start = np.float64(up[i]) if counts[i] > 0 else np.float64(down[i])
        bottom, top = np.float64(low[i]), np.float64(high[i])
        w = np.float64(weights[i])
        for _ in range(abs(counts[i])):
            step = start * _growth(w, sign, bottom, top, shape)[0]
            if noise.size > 0:
                step += (relative * step + proportional * start) * np.float64(noise[used])
                used += 1
            w = min(max(w + sign * step, bottom), top)
        weights[i] = w


@kernel
def affine_curve(
    start: float, sign: float, step: float, slope: float, low: float, high: float, out: Array
) -> None:
    """Write the weights after 1, 2, ... pulses of one noiseless affine cell, out (P,)."""
    w = start
    for k in range(out.size):
        w = min(max(w + sign * (step + slope * w), low), high)
        out[k] = w


@kernel
def exponential_curve(
    start: float, sign: float, step: float, low: float, high: float, shape: Array, out: Array
) -> None:
    """Write the weights after 1, 2, ... pulses of one noiseless exponential cell, out (P,)."""
    w = start
    for k in range(out.size):
        w = min(max(w + sign * step * _growth(w, sign, low, high, shape)[0], low), high)
        out[k] = w


@kernel
def coincidences(
    row_trains: Array, column_trains: Array, row_signs: Array, column_signs: Array, counts: Array
) -> None:
    """Count the slots in which a row and a column fire together, with the sign of the product.

    row_trains (R, W) and column_trains (C, W) uint64 hold a bit a slot; counts (R, C) int32.
    """
    for i in range(row_trains.shape[0]):
        for j in range(column_trains.shape[0]):
            both = np.int64(0)
            for word in range(row_trains.shape[1]):
                both += np.int64(popcount(row_trains[i, word] & column_trains[j, word]))
            counts[i, j] = both * row_signs[i] * column_signs[j]


@kernel
def verify_round(
    active: Array,
    target: Array,
    tolerance: Array,
    reading: Array,
    kicks: Array,
    rewrites: Array,
    last: bool,
    cells: Array,
    shape: Array,
    exponential: bool,
    c2c: Array,
    scale: Array,
    drive: Array,
    weights: Array,
    written: Array,
    voltage: Array,
    polarity: Array,
    dose: Array,
    pulses: Array,
) -> int:
    """Read each active cell, drop it if it is in its window, else give it one pulse.

    Returns how many remain, their places moved to the front of active (A,). reading (A,) is the
    error of the read in S, kicks (A,) a standard normal a pulse; rewrites (A,) is the write noise
    that a pulse would leave in written (n,), or empty. `last`: read, give no pulse. cells (6, n):
    up, up_slope, down, down_slope, low, high in weight units. c2c: relative, proportional,
    absolute. scale: S at w = 0, S per unit weight. drive: first voltage, increment, largest,
    voltage of a unit pulse, volts per factor e. dose (n,) is the sum of V^2 G in W.

    A pulse of m units does what m unit pulses do: the cell relaxes by r^m, r = 1 +- slope, and
    the variance of its C2C errors adds up, for steps whose slope is that at the present weight.
    """
    kept = 0
    for a in range(active.size):
        i = active[a]
        conductance = max(scale[0] + scale[1] * (weights[i] + written[i]), 0.0)
        gap = target[i] - (conductance + reading[a])
        if abs(gap) <= tolerance[i]:
            continue
        active[kept] = i
        kept += 1
        if last:
            continue
        rising = gap > 0
        sign = 1 if rising else -1
        voltage[i] = min(voltage[i] + drive[1] if polarity[i] == sign else drive[0], drive[2])
        polarity[i] = sign
        units = np.exp((voltage[i] - drive[3]) / drive[4])
        start = cells[0, i] if rising else cells[2, i]
        slope = cells[1, i] if rising else cells[3, i]
        low, high = cells[4, i], cells[5, i]
        if exponential:
            factor, derivative = _growth(weights[i], np.float64(sign), low, high, shape)
            step, slope = start * factor, start * derivative
        else:
            step = start + slope * weights[i]
        gain = units
        variance = units
        ratio = 1.0 + sign * slope
        if 0.0 < ratio < 1.0:
            gain = (1.0 - ratio**units) / (1.0 - ratio)
            variance = (1.0 - ratio ** (2.0 * units)) / (1.0 - ratio * ratio)
        elif ratio <= 0.0:  # one pulse takes the cell all the way
            gain, variance = min(units, 1.0 / (1.0 - ratio)), min(units, 1.0)
        spread = (c2c[0] * step + c2c[1] * start + c2c[2]) * np.sqrt(variance)
        moved = weights[i] + sign * (step * gain + spread * kicks[a])
        dose[i] += voltage[i] * voltage[i] * conductance
        pulses[i] += 1
        weights[i] = min(max(moved, low), high)
        if rewrites.size > 0:
            written[i] = rewrites[a]
    return kept


@kernel
def noise_likelihood(
    residuals: Array,
    ratios: Array,
    kicks: Array,
    process: float,
    reading: float,
    passing: float,
    memory: float,
) -> float:
    """Return -2 ln L of a measured curve's residuals about its mean curve, up to a constant.

    A Kalman filter of two states. What the cell keeps: u' = ratios[k] u + sqrt(process) kicks[k]
    xi, 0 before the first pulse. What passes: v' = memory v + noise, of variance `passing`. Their
    sum is read with variance `reading`; residuals, ratios, kicks (P,).
    """
    u, v, total = 0.0, 0.0, 0.0
    uu, uv, vv = 0.0, 0.0, passing
    fresh = passing * (1.0 - memory * memory)
    for k in range(residuals.size):
        r = ratios[k]
        u, v = r * u, memory * v
        uu = r * r * uu + process * kicks[k] * kicks[k]
        uv *= r * memory
        vv = memory * memory * vv + fresh
        whole = uu + 2.0 * uv + vv + reading
        surprise = residuals[k] - u - v
        total += np.log(whole) + surprise * surprise / whole
        to_u, to_v = (uu + uv) / whole, (uv + vv) / whole
        u += to_u * surprise
        v += to_v * surprise
        uu, uv, vv = uu - to_u * (uu + uv), uv - to_u * (uv + vv), vv - to_v * (uv + vv)
    return total
