"""The kernels of write pulses against plain NumPy twins that take one step at a time."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from neuromem.kernels import updates

SHAPE = np.array([-1.2, -0.08, 5.0, 4.0, -0.5, -0.4])


def cells(n, rng):
    """Return up, up_slope, down, down_slope, low, high of n different cells."""
    up, down = rng.uniform(0.01, 0.2, (2, n))
    low, high = rng.uniform(-1.5, -0.5, n), rng.uniform(0.5, 1.5, n)
    return up, -up / high, down, -down / low, low, high


def growth(w, sign, low, high):
    """Return the factor of an exponential step, written as in Gong et al. (2018)."""
    place = 0 if sign > 0 else 1
    z = 2 * SHAPE[4] * w / (high - low) + SHAPE[5]
    return max(1 - SHAPE[place] * np.exp(sign * SHAPE[2 + place] * z), 0.0)


def pulsed(counts, parts, spreads, noise, weights, exponential):
    up, up_slope, down, down_slope, low, high = parts
    relative, proportional, absolute = spreads
    draws = iter(noise)
    result = weights.copy()
    for i, count in enumerate(counts):
        sign = int(np.sign(count))
        for _ in range(abs(count)):
            start = up[i] if sign > 0 else down[i]
            slope = up_slope[i] if sign > 0 else down_slope[i]
            step = start + slope * result[i]
            if exponential:
                step = start * growth(result[i], sign, low[i], high[i])
            if noise.size:
                step += (relative * step + proportional * start + absolute) * next(draws)
            result[i] = np.clip(result[i] + sign * step, low[i], high[i])
    return result


@pytest.mark.parametrize("exponential", [False, True])
@pytest.mark.parametrize("spreads", [(0.0, 0.0, 0.0), (0.7, 0.0, 0.0), (0.1, 0.4, 0.02)])
def test_pulses_are_the_steps_one_by_one(exponential, spreads):
    rng = np.random.default_rng(0)
    n = 200
    parts = cells(n, rng)
    spreads = spreads if not exponential else (*spreads[:2], 0.0)
    counts = rng.integers(-12, 13, n).astype(np.int32)
    noise = rng.standard_normal(np.abs(counts).sum()) if any(spreads) else np.empty(0)
    weights = np.clip(rng.uniform(-1, 1, n), parts[4], parts[5])
    expected = pulsed(counts, parts, spreads, noise, weights, exponential)
    if exponential:
        ends = (parts[0], parts[2], *parts[4:])
        updates.exponential_pulses(counts, *ends, SHAPE, *spreads[:2], noise, weights)
    else:
        updates.affine_pulses(counts, *parts, *spreads, noise, weights)
    np.testing.assert_allclose(weights, expected, rtol=1e-12, atol=1e-14)


def test_pulses_of_float32_cells_agree_with_float64_to_rounding():
    """Each pulse is computed in float64; the weight is rounded once, after the last one."""
    rng = np.random.default_rng(1)
    parts = tuple(part.astype(np.float32) for part in cells(50, rng))
    counts, weights = np.full(50, 30, np.int32), np.zeros(50, np.float32)
    updates.affine_pulses(counts, *parts, 0.0, 0.0, 0.0, np.empty(0, np.float32), weights)
    wide = tuple(part.astype(np.float64) for part in parts)
    expected = pulsed(counts, wide, (0, 0, 0), np.empty(0), np.zeros(50), False)
    np.testing.assert_array_equal(weights, expected.astype(np.float32))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_curves_are_the_pulses(sign):
    rng = np.random.default_rng(2)
    parts = tuple(float(part[0]) for part in cells(1, rng))
    low, high = parts[4:]
    out = np.empty(40)
    step, slope = parts[:2] if sign > 0 else parts[2:4]
    for exponential in (False, True):
        if exponential:
            updates.exponential_curve(0.1, sign, step, low, high, SHAPE, out)
        else:
            updates.affine_curve(0.1, sign, step, slope, low, high, out)
        w = 0.1
        for value in out:
            move = step * growth(w, sign, low, high) if exponential else step + slope * w
            w = np.clip(w + sign * move, low, high)
            assert value == pytest.approx(w, rel=1e-12)


@pytest.mark.parametrize("slots", [1, 31, 64, 100])
def test_coincidences_are_counted_with_their_sign(slots):
    rng = np.random.default_rng(slots)
    fired = [rng.random((n, slots)) < 0.4 for n in (5, 7)]
    signs = [rng.integers(-1, 2, n).astype(np.int8) for n in (5, 7)]
    words = []
    for bits in fired:
        padded = np.zeros((len(bits), -(-slots // 64) * 64), np.uint8)
        padded[:, :slots] = bits
        words.append(np.packbits(padded, axis=1, bitorder="little").view(np.uint64))
    counts = np.empty((5, 7), np.int32)
    updates.coincidences(*words, *signs, counts)
    both = fired[0].astype(int) @ fired[1].T.astype(int)
    np.testing.assert_array_equal(counts, both * np.outer(*signs))


def one_pulse(gap, w, written, voltage, polarity, cell, kick, exponential):
    """Return weight, voltage and polarity after one verify pulse: the loop's rule in words."""
    up, up_slope, down, down_slope, low, high = cell
    v0, dv, v_max, v_unit, v_scale = DRIVE
    sign = 1 if gap > 0 else -1
    voltage = min(voltage + dv if sign == polarity else v0, v_max)
    units = np.exp((voltage - v_unit) / v_scale)
    start, slope = (up, up_slope) if sign > 0 else (down, down_slope)
    step = start + slope * w
    if exponential:
        h = 1e-6
        step = start * growth(w, sign, low, high)
        ahead, behind = (growth(w + side * h, sign, low, high) for side in (1, -1))
        slope = start * (ahead - behind) / (2 * h)
    # n unit pulses pull w to where the step is zero by r each; noise of each fades by r as well.
    r = 1 + sign * slope
    gain = (1 - r**units) / (1 - r)
    variance = (1 - r ** (2 * units)) / (1 - r**2)
    spread = (C2C[0] * step + C2C[1] * start + C2C[2]) * np.sqrt(variance)
    return np.clip(w + sign * (step * gain + spread * kick), low, high), voltage, sign


DRIVE = np.array([1.0, 0.2, 1.5, 1.1, 0.3])
C2C = np.array([0.3, 0.1, 0.01])


@pytest.mark.parametrize("exponential", [False, True])
def test_a_verify_round_reads_and_pulses_each_cell_by_the_rule(exponential):
    rng = np.random.default_rng(3)
    n, scale = 120, np.array([5.0, 4.0])
    parts = np.stack(cells(n, rng))
    state = {
        "weights": rng.uniform(-0.4, 0.4, n),
        "written": 0.01 * rng.standard_normal(n),
        "voltage": rng.uniform(1.0, 1.5, n),
        "polarity": rng.integers(-1, 2, n).astype(np.int8),
        "dose": np.zeros(n),
        "pulses": np.zeros(n, np.int32),
    }
    before = {key: value.copy() for key, value in state.items()}
    target, window = rng.uniform(3.0, 7.0, n), np.full(n, 0.3)
    active = np.flatnonzero(rng.random(n) < 0.8)
    listed = active.copy()
    reading, kicks, rewrites = 0.2 * rng.standard_normal((3, listed.size))
    kept = updates.verify_round(
        active,
        target,
        window,
        reading,
        kicks,
        rewrites,
        False,
        parts,
        SHAPE,
        exponential,
        C2C,
        scale,
        DRIVE,
        *state.values(),
    )
    remaining = []
    for a, i in enumerate(listed):
        g = max(scale[0] + scale[1] * (before["weights"][i] + before["written"][i]), 0.0)
        gap = target[i] - (g + reading[a])
        if abs(gap) <= window[i]:
            assert state["pulses"][i] == 0
            assert state["weights"][i] == before["weights"][i]
            continue
        remaining.append(i)
        moving = (before[key][i] for key in ("weights", "written", "voltage", "polarity"))
        w, voltage, sign = one_pulse(gap, *moving, parts[:, i], kicks[a], exponential)
        # The twin's slope of an exponential step is a difference quotient, good to 1e-9.
        assert state["weights"][i] == pytest.approx(w, rel=1e-7 if exponential else 1e-10)
        assert (state["voltage"][i], state["polarity"][i]) == (pytest.approx(voltage), sign)
        assert state["dose"][i] == pytest.approx(voltage**2 * g, rel=1e-12)
        assert (state["pulses"][i], state["written"][i]) == (1, rewrites[a])
    assert active[:kept].tolist() == remaining
    assert 20 < kept < listed.size  # both branches were taken
    untouched = np.setdiff1d(np.arange(n), listed)
    for key, value in state.items():
        np.testing.assert_array_equal(value[untouched], before[key][untouched])


@pytest.mark.parametrize("slope", [-1.0, -1.7])
def test_a_cell_that_one_pulse_takes_all_the_way_lands_on_its_bound(slope):
    """r <= 0: one unit pulse already reaches the end; stronger ones do not overshoot it."""
    parts = np.array([[-slope], [slope], [0.1], [0.1], [-1.0], [1.0]])
    weights = np.array([0.2])
    arrays = (
        np.zeros(1),
        np.array([2.0]),
        np.array([1], np.int8),
        np.zeros(1),
        np.zeros(1, np.int32),
    )
    fields = np.array([9.0]), np.array([0.1]), np.zeros(1), np.zeros(1), np.empty(0)
    tail = SHAPE, False, np.zeros(3), np.array([0.0, 1.0]), np.array([1.0, 1.0, 9.0, 1.0, 0.5])
    updates.verify_round(np.arange(1), *fields, False, parts, *tail, weights, *arrays)
    assert weights[0] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("passing", "memory"), [(0.0, 0.0), (0.4, 0.8)])
def test_the_noise_likelihood_is_that_of_the_joint_normal_distribution(passing, memory):
    """u_k = r_k u_(k-1) + kicks, v stationary AR(1), white reading noise: build the covariance."""
    rng = np.random.default_rng(4)
    n, process, reading = 25, 0.3, 0.5
    ratios, kicks = rng.uniform(0.8, 1.0, n), rng.uniform(0.5, 1.5, n)
    spread = np.zeros((n, n))  # u = spread @ xi
    for k in range(n):
        if k:
            spread[k] = ratios[k] * spread[k - 1]
        spread[k, k] = np.sqrt(process) * kicks[k]
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    stationary = passing * memory**apart if memory else np.zeros((n, n))
    covariance = spread @ spread.T + stationary + reading * np.eye(n)
    residuals = rng.multivariate_normal(np.zeros(n), covariance)
    expected = -2 * multivariate_normal(cov=covariance).logpdf(residuals) - n * np.log(2 * np.pi)
    found = updates.noise_likelihood(residuals, ratios, kicks, process, reading, passing, memory)
    assert found == pytest.approx(expected, rel=1e-10)
