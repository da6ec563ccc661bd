"""Reservoirs on random cells: exact cells, known dynamics, the noise of pairs, clear errors."""

import dataclasses
import math

import numpy as np
import pytest

import neuromem as nm
from neuromem.core.errors import ParameterError, ShapeError
from neuromem.hardware.devices.profile import Programming
from neuromem.hardware.devices.random_weights import random_conductances
from neuromem.hardware.reservoir import RandomPairs, Reservoir

MACRO = nm.hardware.profile("rram-40nm-random")
QUIET = dataclasses.replace(MACRO, noise=None)


def spikes(*shape, rate=0.2, seed=0):
    return (np.random.default_rng(seed).random(shape) < rate).astype(np.uint8)


# --- dynamics -------------------------------------------------------------------------------


def test_spiking_units_follow_the_equation_step_by_step():
    """v = 0.9 v (1 - s) + W_i u + W_r s, s = v > 5, unit by unit in float64."""
    liquid = Reservoir(12, 30, rng=3)
    w_in, w_rec = (pairs.weights.astype(float) for pairs in liquid.synapses.values())
    inputs = spikes(40, 12, rate=0.4)
    v, s, seen = np.zeros(30), np.zeros(30), []
    for u in inputs:
        new = [
            0.9 * v[i] * (1 - s[i])
            + sum(w_in[i, j] * u[j] for j in range(12))
            + sum(w_rec[i, j] * s[j] for j in range(30))
            for i in range(30)
        ]
        v = np.array(new)
        s = (v > 5.0).astype(float)
        seen.append(s)
    np.testing.assert_array_equal(liquid.run(inputs), seen)
    assert 0.02 < np.mean(seen) < 0.6


def test_tanh_units_follow_the_equation_step_by_step():
    """x = 0.8 x + 0.2 tanh(W_i u + W_r x), Wang et al. 2023."""
    echo = Reservoir(3, 20, units="tanh", input_scale=2e4, recurrent_scale=1e4, rng=1)
    w_in, w_rec = (pairs.weights.astype(float) for pairs in echo.synapses.values())
    inputs = np.random.default_rng(0).standard_normal((25, 3))
    x, seen = np.zeros(20), []
    for u in inputs:
        x = 0.8 * x + 0.2 * np.tanh(w_in @ u + w_rec @ x)
        seen.append(x)
    np.testing.assert_allclose(echo.run(inputs), seen, atol=2e-6)


def test_a_driven_unit_fires_with_the_period_of_the_leaky_integrator():
    """A constant drive w reaches w (1 - 0.9^k) / 0.1 in k steps from reset, and fires above 5."""
    liquid = Reservoir(1, 200, recurrent_scale=0.0, rng=0)
    weights = liquid.synapses["input"].weights[:, 0].astype(float)
    fired = liquid.run(np.ones((60, 1)))
    assert np.all(fired[:, weights <= 0.5] == 0)  # at most w / 0.1 is reached
    driven = np.flatnonzero(weights > 0.55)
    assert driven.size > 20
    for unit in driven:
        period = next(k for k in range(1, 60) if weights[unit] * (1 - 0.9**k) / 0.1 > 5.0)
        np.testing.assert_array_equal(np.flatnonzero(fired[:, unit]) + 1, range(period, 61, period))


@pytest.mark.parametrize("units", ["spiking", "tanh"])
def test_a_run_goes_on_until_reset(units):
    liquid = Reservoir(8, 40, units=units, recurrent_scale=1e4, rng=0)
    inputs = spikes(3, 20, 8, rate=0.5)
    whole = liquid.run(inputs)
    parts = [liquid.reset().run(inputs[:, :7]), liquid.run(inputs[:, 7:])]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)
    np.testing.assert_allclose(liquid.reset().run(inputs[1]), whole[1], atol=1e-6)


def test_tanh_states_forget_where_they_began():
    """Spectral radius 0.09 sqrt(100) = 0.9 and a leak: the echo-state property."""
    echo = Reservoir(2, 100, units="tanh", input_scale=2e4, recurrent_scale=1e4, rng=0)
    later = np.random.default_rng(1).standard_normal((300, 2))
    ends = []
    for first in (np.full((20, 2), 3.0), np.full((20, 2), -3.0)):
        echo.reset().run(first)
        ends.append(echo.run(later))
    apart = np.abs(ends[0] - ends[1]).max(axis=1)
    assert apart[0] > 0.1
    assert apart[-1] < 1e-4


def test_mixing_feeds_back_what_the_neighbours_send():
    echo = Reservoir(4, 16, units="tanh", recurrent_scale=1e4, rng=2)
    adjacency = np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]], np.float32)
    w_rec = echo.synapses["recurrent"].weights
    drive = echo.drive(np.eye(4)[[0, 1, 1]])
    first = echo.step(drive, mixing=adjacency)
    np.testing.assert_allclose(first, 0.2 * np.tanh(drive), atol=1e-6)
    second = echo.step(drive, mixing=adjacency)
    wanted = 0.8 * first + 0.2 * np.tanh(drive + adjacency @ (first @ w_rec.T))
    np.testing.assert_allclose(second, wanted, atol=1e-6)


def test_encoded_sequences_are_mean_states_from_rest():
    liquid = Reservoir(8, 40, rng=0)
    inputs = spikes(300, 10, 8, rate=0.5)  # more than one chunk
    states = np.concatenate([liquid.reset().run(one[None]) for one in inputs])
    liquid.reset().run(inputs[:2])  # what came before does not matter
    np.testing.assert_allclose(liquid.encode(inputs), states.mean(axis=1), atol=1e-6)
    parts = [states[:, :3], states[:, 3:6], states[:, 6:]]
    wanted = np.concatenate([part.mean(axis=1) for part in parts], axis=1)
    np.testing.assert_allclose(liquid.encode(inputs, windows=3), wanted, atol=1e-6)


# --- cells ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_arrays_hold_exactly_the_cells_that_the_breakdown_left(dtype):
    liquid = Reservoir(40, 50, rng=5)
    chip = nm.hardware.Chip(MACRO, tile=(32, 64), dtype=dtype)
    placed = liquid.on(chip, rng=1).placed
    cells = liquid.synapses["recurrent"].cells
    arrays = placed.crossbars["recurrent"].arrays
    held = np.zeros((50, 100))
    for number, (_, _, inputs, outputs) in enumerate(arrays.places):
        held[inputs, outputs] = arrays.conductance(number, 0.0)
    assert arrays.tiling.count == 4
    unbroken = cells == 0
    assert 0.4 < unbroken.mean() < 0.6
    for sign in (0, 1):
        np.testing.assert_array_equal(held[:, sign::2].T == 0, unbroken[sign])
        np.testing.assert_allclose(
            held[:, sign::2].T, cells[sign], rtol=1e-12 if dtype is np.float64 else 2e-7
        )


def test_cells_are_those_of_random_conductances_and_half_weights_are_one_sided():
    """The pairs follow P(+-) = 1/4, P(0, 0) = 1/4; unpaired weights have no negative cell."""
    pairs = Reservoir(200, 200, rng=0).synapses["input"]
    seed = np.random.SeedSequence(0, spawn_key=(0,))
    np.testing.assert_array_equal(pairs.cells, random_conductances((2, 200, 200), rng=seed))
    np.testing.assert_allclose(pairs.weights, 7e4 * (pairs.cells[0] - pairs.cells[1]), rtol=1e-6)
    assert np.mean(pairs.weights == 0) == pytest.approx(0.25, abs=4 * math.sqrt(0.1875 / 40000))
    single = Reservoir(200, 200, paired=False, stop_voltage=3.433, rng=0).synapses["input"]
    assert single.weights.min() == 0.0
    assert np.mean(single.weights > 0) == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 40000))


@pytest.mark.parametrize("units", ["spiking", "tanh"])
def test_without_noise_the_arrays_do_what_exact_weights_do(units):
    liquid = Reservoir(40, 50, units=units, recurrent_scale=1e4, rng=0)
    inputs = spikes(4, 30, 40)
    placed = liquid.on(nm.hardware.Chip(QUIET, tile=(32, 64), dtype=np.float64))
    np.testing.assert_allclose(placed.run(inputs), liquid.run(inputs), atol=1e-6)
    x, y = np.random.default_rng(0).standard_normal((2, 50))
    recurrent = placed.synapses["recurrent"]
    assert y @ (recurrent @ x) == pytest.approx((recurrent.T @ y) @ x, rel=1e-9)
    np.testing.assert_allclose(
        recurrent.rows([3, 7]), liquid.synapses["recurrent"].weights[[3, 7]], atol=1e-6
    )


def test_read_noise_is_that_of_both_cells_of_a_pair():
    """s.d. 0.02 s sqrt(sum (G+^2 + G-^2) x^2); written one-sided it would be a third less."""
    liquid = Reservoir(30, 20, rng=0)
    pairs = liquid.on(nm.hardware.Chip(MACRO), rng=1).synapses["input"]
    x, reads = np.random.default_rng(0).standard_normal(30), 4000
    seen = pairs @ np.repeat(x[:, None], reads, axis=1)
    cells = pairs.cells.astype(float)
    sigma = 0.02 * 7e4 * np.sqrt((cells**2).sum(axis=0) @ x**2)
    one_sided = 0.02 * 7e4 * np.sqrt((cells[0] - cells[1]) ** 2 @ x**2)
    assert np.mean(sigma / one_sided) > 1.3
    np.testing.assert_allclose(seen.std(axis=1), sigma, rtol=4 / math.sqrt(2 * reads))
    exact = liquid.synapses["input"] @ x
    np.testing.assert_allclose(
        seen.mean(axis=1), exact, atol=4 * sigma.max() / math.sqrt(reads) + 1e-4
    )


def test_stuck_cells_wires_and_converters_apply():
    liquid = Reservoir(64, 40, rng=0)
    exact = liquid.synapses["input"].weights
    inputs = spikes(20, 30, 64)

    def weights_on(**options):
        return liquid.on(nm.hardware.Chip(QUIET, **options), inputs=inputs)

    stuck = weights_on(stuck_high=0.1).synapses["input"]
    changed = np.abs(stuck.weights - exact) > 1e-4  # 7e4 * 25 uS = 1.75 in place of the cell
    share = 1 - 0.9**2
    assert changed.mean() == pytest.approx(share, abs=4 * math.sqrt(share / exact.size))
    wired = weights_on(wire_resistance=5.0).synapses["input"].weights
    assert np.all(np.abs(wired[exact != 0]) < np.abs(exact[exact != 0]) + 0.05)
    assert np.abs(wired).mean() < 0.999 * np.abs(exact).mean()
    drive = liquid.drive(inputs)
    errors = [np.std(weights_on(adc_bits=b, dac_bits=1).drive(inputs) - drive) for b in (4, 6, 8)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2] > 0  # a factor of 4 for two bits


def test_the_same_seeds_give_the_same_states_and_the_report_counts_the_reads():
    inputs = spikes(5, 12, 16, rate=0.5)
    chip = nm.hardware.Chip(MACRO, tile=(128, 128), adc_bits=8, dac_bits=1)
    runs = []
    for seed in (7, 7, 8):
        placed = Reservoir(16, 60, rng=2).on(chip, inputs=inputs, rng=seed)
        runs.append(placed.run(inputs))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.any(runs[0] != runs[2])
    assert placed.placed.spent.products.values.tolist() == [60.0, 60.0]  # 5 sequences, 12 steps
    report = placed.placed.report
    assert report.cells.values.tolist() == [2 * 16 * 60, 2 * 60 * 60]
    assert float(report.energy.sel(part="adc").min()) > 0
    assert "leak 0.1, on 'rram-40nm-random'" in repr(placed)


# --- errors ---------------------------------------------------------------------------------


def test_errors_name_the_place_what_came_and_the_way_out():
    liquid = Reservoir(4, 10, rng=0)
    with pytest.raises(ShapeError, match=r"Reservoir.run: inputs have shape \(5, 3\) and dtype fl"):
        liquid.run(np.ones((5, 3)))
    with pytest.raises(ShapeError, match=r"expected numbers \(T, 4\) or \(Q, T, 4\)"):
        liquid.encode(np.empty((0, 4)))
    with pytest.raises(ParameterError, match="inputs hold NaN or infinity; give finite"):
        liquid.run(np.full((5, 4), np.nan))
    with pytest.raises(ParameterError, match="windows is 6, but the sequences have 5 steps"):
        liquid.encode(np.ones((5, 4)), windows=6)
    liquid.run(np.ones((2, 5, 4)))
    with pytest.raises(ShapeError, match=r"3 sequences came, .* those of 2. Call reset\(\)"):
        liquid.run(np.ones((3, 5, 4)))
    with pytest.raises(ParameterError, match="units is 'lif'; choose one of: spiking, tanh"):
        Reservoir(4, 10, units="lif")
    with pytest.raises(ParameterError, match=r"leak is 1\.5; give a number from 0\.0"):
        Reservoir(4, 10, leak=1.5)
    with pytest.raises(ParameterError, match="those that do: rram-40nm-random"):
        Reservoir(4, 10, device="pcm")


def test_a_chip_must_take_the_cells_as_they_are():
    liquid = Reservoir(4, 10, rng=0)
    with pytest.raises(ParameterError, match=r"the chip's device 'pcm' has no random cells\. Give"):
        liquid.on(nm.hardware.Chip("pcm"))
    with pytest.raises(ParameterError, match="the chip has scheme='offset', but the cells of a"):
        liquid.on(nm.hardware.Chip(MACRO, scheme="offset"))
    law = nm.hardware.profile("pcm").programming
    assert isinstance(law, Programming)
    written = dataclasses.replace(MACRO, programming=law)
    with pytest.raises(ParameterError, match="writes its cells with an error"):
        liquid.on(nm.hardware.Chip(written))


def test_pairs_say_what_they_weigh():
    cells = random_conductances((2, 3, 5), rng=0)
    assert RandomPairs(cells, 1e5).nbytes == 2 * 15 * 4 + 15 * 4
