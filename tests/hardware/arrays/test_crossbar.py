"""Crossbars: converters, time, compensation, faults, reproducibility, and what is refused."""

import copy
import pickle

import numba
import numpy as np
import pytest

from neuromem.core.errors import NeuromemError, ParameterError, ShapeError
from neuromem.hardware import Crossbar, profile
from neuromem.hardware.arrays.options import SCHEMES

DAY = 86400.0


@pytest.fixture
def weights():
    return np.random.default_rng(0).normal(size=(60, 90))


@pytest.fixture
def signs():
    return np.random.default_rng(1).choice([-1.0, 1.0], size=(90, 8))


def test_H23_tiled_is_untiled_where_the_converters_are_ideal(weights, signs):
    whole = Crossbar.program(weights, "ideal", tile=(128, 256)) @ signs
    tiled = Crossbar.program(weights, "ideal", tile=(16, 32)) @ signs
    np.testing.assert_allclose(tiled, whole, atol=1e-6 * np.abs(whole).max())


def test_partial_sums_of_tiles_are_quantised_before_they_are_added(signs):
    """Each of n_row tiles adds D^2/12: with D per tile, the variance is n_row D^2 / 12."""
    weights = np.random.default_rng(2).uniform(-1, 1, (400, 90))
    signs = np.random.default_rng(3).choice([-1.0, 1.0], size=(90, 200))
    for rows, blocks in ((90, 1), (30, 3), (10, 9)):
        crossbar = Crossbar.program(
            weights, "ideal", tile=(rows, 800), adc_bits=8, adc_range=60.0, dtype=np.float64
        )
        error = crossbar @ signs - weights @ signs
        step = 60.0 / 127
        # 80,000 errors, uniform ones: the relative s.e. of a variance is sqrt(0.8 / 80,000).
        assert np.var(error) == pytest.approx(blocks * step**2 / 12, rel=4 * np.sqrt(0.8 / 8e4))


def test_a_one_bit_driver_and_signs_lose_nothing(weights, signs):
    crossbar = Crossbar.program(weights, "ideal", dac_bits=1, dtype=np.float64)
    np.testing.assert_allclose(crossbar @ signs, weights @ signs, atol=1e-12)
    signs[3] = 0.0
    np.testing.assert_allclose(crossbar @ signs, weights @ signs, atol=1e-12)


def test_serial_inputs_equal_parallel_ones_with_ideal_converters_of_outputs(weights):
    x = np.random.default_rng(4).integers(-7, 8, (90, 5)) / 7.0
    x[0] = 1.0
    parallel = Crossbar.program(weights, "ideal", dac_bits=4, dtype=np.float64)
    serial = Crossbar.program(weights, "ideal", dac_bits=4, serial=True, dtype=np.float64)
    complement = Crossbar.program(
        weights, "ideal", dac_bits=4, serial="twos-complement", dtype=np.float64
    )
    assert (serial.arrays.options.cycles, complement.arrays.options.cycles) == (3, 4)
    for crossbar in (parallel, serial, complement):
        np.testing.assert_allclose(crossbar @ x, weights @ x, atol=1e-12)


def test_some_outputs_are_the_same_columns_of_all(weights, signs):
    crossbar = Crossbar.program(weights, "pcm", tile=(32, 40), adc_bits=6, dac_bits=2)
    some = crossbar.outputs(signs.T, [3, 17, 59])
    np.testing.assert_array_equal(some, (crossbar @ signs)[[3, 17, 59]].T)
    assert crossbar.reads == pytest.approx(8 + 8 * 3 / 60)


def test_H31_compensation_restores_a_drift_that_all_devices_share(weights, signs, tmp_path):
    """One exponent for all: every output shrinks by the same factor, which alpha undoes."""
    path = tmp_path / "one-nu.toml"
    path.write_text(
        """
        name = "one-nu"
        title = "One drift exponent for all"
        technology = "PCM"
        kind = "analog"
        sources = ["a test"]
        [conductance]
        g_min = 0.0
        g_max = 25.0
        [read]
        voltage = 0.2
        duration = 100e-9
        [write]
        voltage = 1.0
        pulse = 100e-9
        pulses = 1.0
        [area]
        cell = 25.0
        node = 90e-9
        [drift]
        t0 = 20.0
        mean = [{ polynomial = [0.06] }]
        spread = [{ polynomial = [0.0] }]
        """
    )
    for policy in ("global", "column"):
        fresh = Crossbar.program(weights, path, compensate=policy, dtype=np.float64)
        before = fresh @ signs
        later = fresh.at(30 * DAY)
        np.testing.assert_allclose(later @ signs, before, rtol=1e-6)
        lost = fresh.at(30 * DAY, compensate="none") @ signs
        factor = ((30 * DAY + 20.0) / 20.0) ** -0.06
        np.testing.assert_allclose(lost, factor * before, rtol=1e-6)


def test_compensation_leaves_the_spread_of_the_exponents(weights):
    later = Crossbar.program(weights, "pcm", rng=0).at(DAY)
    mended = Crossbar.program(weights, "pcm", rng=0, compensate="global").at(DAY)
    by_column = Crossbar.program(weights, "pcm", rng=0, compensate="column").at(DAY)
    assert mended.weight_error < 0.6 * later.weight_error
    assert by_column.weight_error < 0.6 * later.weight_error
    assert mended.weight_error > 0.05


@pytest.mark.parametrize("scheme", ["differential", "two-sided", "offset", "digital-offset"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_read_noise_has_the_variance_of_its_cells(weights, scheme, direction):
    """Columns' noise by one product equals cells drawn one by one, in both directions.

    var(y_j) = sum_i x_i^2 var(w_ij), and of an offset array the reference's, common to all.
    """
    crossbar = Crossbar.program(weights, "sonos", scheme=scheme, rng=0, tile=(45, 300))
    x = np.random.default_rng(5).uniform(-1, 1, 90 if direction == "forward" else 60)
    many = np.repeat(x[:, None], 4000, axis=1)
    product = crossbar @ many if direction == "forward" else crossbar.T @ many
    arrays = crossbar.arrays
    span = arrays.profile.g_max - arrays.profile.g_min
    unit = arrays.w_max / span * (1.0 if arrays.scheme.pair == 2 else 2.0)
    expected = np.zeros(len(product))
    for number, (_, _, inputs, outputs) in enumerate(arrays.places):
        cells = (arrays.devices[number].read_sigma(0.0).astype(float) * unit) ** 2
        reference = cells[:, -1] if scheme == "offset" else np.zeros(len(cells))
        own = cells[:, :-1] if scheme == "offset" else cells
        own = own.reshape(len(cells), -1, arrays.scheme.pair).sum(axis=2)
        if direction == "forward":
            expected[outputs] += x[inputs] ** 2 @ own + x[inputs] ** 2 @ reference
        else:
            expected[inputs] += own @ x[outputs] ** 2 + reference * x[outputs].sum() ** 2
    measured = product.var(axis=1, dtype=np.float64)
    # The relative s.e. of a variance of 4,000 normal draws is sqrt(2 / 4,000) = 2.2 %; of 60 or
    # 90 outputs the largest may lie 4.5 of them off.
    np.testing.assert_allclose(measured, expected, rtol=4.5 * np.sqrt(2 / 4000))


def test_stuck_cells_are_mended_by_the_other_cell_of_their_pair_and_by_moving(weights):
    errors = {}
    for remap in ("none", "pair", "columns"):
        crossbar = Crossbar.program(
            weights, "ideal", remap=remap, stuck_low=0.05, stuck_high=0.05, rng=0
        )
        errors[remap] = crossbar.weight_error
        assert crossbar.arrays.stuck == pytest.approx(0.1 * 60 * 90 * 2, abs=4 * np.sqrt(972))
        assert np.abs(crossbar.weights).max() <= crossbar.arrays.w_max * (1 + 1e-6)
    assert errors["columns"] < errors["pair"] < errors["none"]
    assert errors["pair"] < 0.75 * errors["none"]


def test_remapping_by_moving_columns_is_at_least_as_good_as_any_of_many_random_moves():
    from neuromem.hardware.arrays.remap import _costs

    draw = np.random.default_rng(0)
    u = draw.uniform(-1, 1, (12, 6))
    stuck = draw.choice([-1, 0, 0, 1], size=(12, 12))
    costs = _costs(u, stuck[:, 0::2], stuck[:, 1::2])
    low = np.where(stuck[:, 0::2] > 0, 1.0, 0.0) - np.where(stuck[:, 1::2] < 0, 0.0, 1.0)
    high = np.where(stuck[:, 0::2] < 0, 0.0, 1.0) - np.where(stuck[:, 1::2] > 0, 1.0, 0.0)
    slow = [
        [np.sum((u[:, j] - np.clip(u[:, j], low[:, c], high[:, c])) ** 2) for c in range(6)]
        for j in range(6)
    ]
    np.testing.assert_allclose(costs, slow, atol=1e-12)


def test_remap_needs_pairs(weights):
    with pytest.raises(ParameterError, match="remap needs a pair of cells a weight"):
        Crossbar.program(weights, "ideal", scheme="offset", remap="pair", stuck_low=0.1)


def test_a_binary_array_reads_its_digits_and_a_digital_one_exactly(weights, signs):
    analog = Crossbar.program(weights, "stt-mram", rng=0)
    digital = Crossbar.program(weights, "sram-cim", rng=0)
    assert analog.arrays.scheme.cell_bits == digital.arrays.scheme.cell_bits == 1
    delta = digital.arrays.scheme.delta
    whole = np.rint(weights / delta) * delta
    np.testing.assert_allclose(digital @ signs, whole @ signs, rtol=1e-4, atol=1e-4)
    assert 0.01 < analog.weight_error < 0.3
    assert digital.weight_error < 1e-6


@pytest.mark.parametrize("device", ["pcm", "rram-hfo2", "sonos"])
def test_H59_the_same_seed_gives_the_same_bits_for_any_number_of_threads(device):
    weights = np.random.default_rng(0).normal(size=(700, 600))
    signs = np.random.default_rng(1).choice([-1.0, 1.0], size=(600, 300))
    before = numba.get_num_threads()
    seen = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            crossbar = Crossbar.program(
                weights, device, tile=(64, 128), adc_bits=8, output_noise=0.1, rng=5
            )
            later = crossbar.at(1000.0)
            seen.append([crossbar @ signs, later @ signs, later.T @ signs[:300].repeat(3, 0)[:700]])
            held = [later.arrays.conductance(k, 1000.0) for k in range(later.arrays.tiling.count)]
            seen[-1] += held
    finally:
        numba.set_num_threads(before)
    for one, two in zip(*seen, strict=True):
        np.testing.assert_array_equal(one, two)


def test_H59_a_tile_is_the_same_whichever_tiles_are_programmed_beside_it(weights):
    """A tile's bits hang on its place alone: the first block of a larger matrix is the same."""
    options = {"tile": (30, 40), "w_max": float(np.abs(weights).max()), "rng": 3}
    whole = Crossbar.program(weights, "pcm", **options)
    part = Crossbar.program(weights[:20, :30], "pcm", **options)
    np.testing.assert_array_equal(part.arrays.conductance(0, 0.0), whole.arrays.conductance(0, 0.0))


def test_reads_differ_from_each_other_and_a_fresh_crossbar_repeats_them(weights, signs):
    one, two = (Crossbar.program(weights, "ideal", output_noise=0.1, rng=7) for _ in range(2))
    first = one @ signs
    assert not np.array_equal(one @ signs, first)
    np.testing.assert_array_equal(two @ signs, first)


def test_a_copy_and_a_pickle_read_the_same(weights, signs):
    crossbar = Crossbar.program(weights, "sonos", adc_bits=8, tile=(32, 64), rng=0).at(DAY)
    copies = copy.deepcopy(crossbar), pickle.loads(pickle.dumps(crossbar))
    expected = crossbar @ signs
    for other in copies:
        np.testing.assert_array_equal(other @ signs, expected)


def test_a_wide_range_wastes_bits_and_the_calibrated_one_does_not(weights, signs):
    errors = {}
    for policy in ("max", "calibrated"):
        crossbar = Crossbar.program(weights, "ideal", adc_bits=6, adc_range=policy)
        errors[policy] = np.std(crossbar @ signs - weights @ signs)
    assert errors["calibrated"] < 0.5 * errors["max"]


def test_clipped_conversions_are_counted(weights, signs):
    narrow = Crossbar.program(weights, "ideal", adc_bits=8, adc_range=5.0, dtype=np.float64)
    _ = narrow @ signs
    assert narrow.clipped_conversions == pytest.approx(
        np.mean(np.abs(weights @ signs) > 5.0), abs=0.01
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_holds_weights_on_a_real_device(scheme, weights):
    crossbar = Crossbar.program(weights, "rram-cmo-hfox", scheme=scheme, tile=(64, 128), rng=0)
    assert 0.0 < crossbar.weight_error < 0.6


def test_wires_lower_the_currents_and_first_order_is_asked_for_by_name(weights, signs):
    options = {"tile": (64, 128), "wire_resistance": 1.0, "dtype": np.float64}
    ideal = Crossbar.program(weights, "ideal", tile=(64, 128), dtype=np.float64)
    exact = Crossbar.program(weights, "ideal", **options)
    approximate = Crossbar.program(weights, "ideal", wires="first-order", **options)
    drop = 1 - np.abs(exact.weights).sum() / np.abs(ideal.weights).sum()
    assert 0.005 < drop < 0.2
    np.testing.assert_allclose(approximate.weights, exact.weights, atol=0.02)
    y = np.random.default_rng(6).normal(size=(60, 3))
    np.testing.assert_allclose(exact.T @ y, exact.weights.T @ y, atol=1e-9)


def test_hot_wires_lose_more(weights):
    options = {"tile": (64, 128), "dtype": np.float64}
    hot = Crossbar.program(weights, "ideal", wire_resistance=1.0, temperature=400.0, **options)
    scaled = Crossbar.program(weights, "ideal", wire_resistance=1.451, **options)
    np.testing.assert_allclose(hot.weights, scaled.weights, rtol=1e-9)


def test_access_transistors_are_in_series(weights):
    crossbar = Crossbar.program(weights, "ideal", access_resistance=5e3, dtype=np.float64)
    g = np.abs(weights) / np.abs(weights).max() * 25e-6
    expected = np.sign(weights) * g / (1 + g * 5e3) / 25e-6 * np.abs(weights).max()
    np.testing.assert_allclose(crossbar.weights, expected, atol=1e-12)


def test_a_profile_at_another_range_reads_the_same_relative_to_it(weights):
    one = Crossbar.program(weights, "rram-hfo2", rng=0)
    two = Crossbar.program(weights, "rram-hfo2", rng=0, g_max=20e-6)
    assert two.arrays.profile.g_max == pytest.approx(20e-6)
    assert two.weight_error == pytest.approx(one.weight_error, rel=1e-4)


def test_zero_weights_and_a_single_weight_are_fine():
    zeros = Crossbar.program(np.zeros((3, 4)), "ideal", adc_bits=8)
    np.testing.assert_array_equal(zeros @ np.ones(4), 0.0)
    one = Crossbar.program([[-2.5]], "ideal", dtype=np.float64)
    assert (one @ [2.0])[0] == pytest.approx(-5.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"adc_bits": 0}, "adc_bits is 0; give 1 to 24 bits"),
        ({"adc_bits": 40}, "adc_bits is 40; give 1 to 24 bits"),
        ({"dac_bits": 2.5}, "dac_bits is 2.5; give a whole number"),
        ({"tile": (0, 8)}, "tile is 0; give a whole number >= 1"),
        ({"tile": 64}, r"tile is 64; give \(word lines, bit lines\)"),
        ({"scheme": "differntial"}, "scheme is 'differntial'; choose one of: differential"),
        ({"wire_resistance": -1.0}, "wire_resistance is -1.0; give a finite number >= 0"),
        ({"wire_resistance": (1, 2, 3)}, "give one number in ohm, or two"),
        ({"stuck_low": 1.5}, "stuck_low is 1.5; give a number from 0.0 to 1.0"),
        ({"temperature": 0}, "temperature is 0; give a number above zero"),
        ({"w_max": 0.1}, r"weight 3.\d+ needs \d+.* uS, 'ideal' ends at 25 uS .* clip=True"),
        ({"serial": True}, "dac_bits is None, but serial inputs have a sign"),
        ({"adcbits": 8}, "there is no option 'adcbits'; there are: tile, scheme"),
        ({"dtype": "int8"}, "give float32 or float64"),
        ({"factors": (4.0, 1.0)}, "give significances, smallest first"),
        ({"inputs": np.ones((2, 5))}, r"inputs have shape \(2, 5\) .* expected \(K, 90\)"),
        ({"g_max": -1.0}, "g_max is -1.0"),
    ],
)
def test_bad_options_are_named(weights, options, words):
    with pytest.raises(NeuromemError, match=words):
        Crossbar.program(weights, "ideal", **options)


def test_weights_beyond_the_range_are_cut_where_that_is_asked_for(weights):
    crossbar = Crossbar.program(weights, "ideal", w_max=1.0, clip=True, dtype=np.float64)
    np.testing.assert_allclose(crossbar.weights, np.clip(weights, -1, 1), atol=1e-12)
    assert crossbar.arrays.clipped == np.mean(np.abs(weights) > 1)


@pytest.mark.parametrize(
    "bad", [np.ones(3), np.ones((2, 0)), np.array([["a"]]), np.ones((2, 2), complex)]
)
def test_what_is_no_matrix_is_refused(bad):
    with pytest.raises(ShapeError, match="give a matrix of real numbers"):
        Crossbar.program(bad, "ideal")


def test_infinite_weights_and_inputs_are_refused(weights):
    with pytest.raises(ParameterError, match="weights hold NaN or infinity"):
        Crossbar.program(np.array([[np.nan]]), "ideal")
    with pytest.raises(ParameterError, match="inputs hold NaN or infinity"):
        Crossbar.program(weights, "ideal") @ np.full(90, np.inf)


def test_time_does_not_run_back(weights):
    later = Crossbar.program(weights, "pcm").at(100.0)
    with pytest.raises(ParameterError, match="seconds is 50, but these devices were last read 100"):
        later.at(50.0)
    with pytest.raises(ParameterError, match="seconds is -1"):
        later.at(-1.0)


def test_an_unknown_profile_is_answered_with_those_there_are():
    with pytest.raises(ParameterError, match=r"'pcmm'; there are: ideal, .*pcm"):
        profile("pcmm")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"technology": 3}, "technology is 3; give a mapping with any of: node, supply"),
        ({"technology": {"nodes": 1e-8}}, "technology has no 'nodes'; it has: node"),
        ({"verify": {"tol": 1e-6}}, "verify has no 'tol'; it has: tolerance"),
        ({"verify": 1}, "verify is 1; give a mapping"),
        ({"factors": 3.0}, "factors is 3.0; give a tuple of numbers"),
        ({"dtype": "flout"}, "dtype is 'flout'; give float32 or float64"),
    ],
)
def test_bad_mappings_are_named(weights, options, words):
    with pytest.raises(ParameterError, match=words):
        Crossbar.program(weights, "ideal", **options)


def test_a_verify_loop_writes_within_its_window_and_is_reported(weights):
    from neuromem.hardware import Chip

    chip = Chip("rram-hfo2", verify={"tolerance": 2e-6})
    placed = chip.map([weights], rng=0)
    arrays = placed.crossbars["0"].arrays
    devices = arrays.devices[0]
    held = arrays.written[0]
    good = ~held.failed & ~held.outside
    reached = np.abs(held.conductance - devices.target)[good]
    assert reached.max() <= 2e-6 * (1 + 1e-5)
    report = placed.report
    assert int(report.failed_writes.sum()) == int(held.failed.sum())
    lines = float(placed._writing(placed.crossbars["0"]).energy.sel(part=["lines", "verify"]).sum())
    expected = float(held.energy.sum(dtype=float)) + lines
    assert float(report.write_energy.sum()) == pytest.approx(expected, rel=1e-6)


def test_the_energy_of_writing_does_not_age(weights):
    from neuromem.hardware import Chip

    placed = Chip("pcm").map([weights], rng=0)
    later = placed.at(1e6)
    assert float(later.report.write_energy.sum()) == float(placed.report.write_energy.sum())


def test_the_wires_module_is_at_hand():
    import neuromem as nm

    current = nm.hardware.wires.solve(np.array([[1e-4]]), np.array([0.2]), 5.0)
    np.testing.assert_allclose(current, [1.998002e-5], rtol=1e-6)


def test_the_energy_of_the_cells_is_that_of_the_inputs_that_are_expected(weights):
    """The sum of V^2 G t: inputs of a tenth of full scale, serial bits, transistors in series."""
    from neuromem.hardware import Chip

    x = np.random.default_rng(8).uniform(-1, 1, (50, 90))
    x[0] = 1.0

    def cells(inputs, **options):
        placed = Chip("ideal", **options).map([weights], rng=0, inputs=inputs)
        crossbar = placed.crossbars["0"]
        volts = placed.chip.profile.read_voltage**2 * placed.technology.read_duration
        energy = float(placed.report.energy.sel(part="cells").sum())
        return energy / volts, crossbar.row_sums

    signs = np.sign(x)
    whole, sums = cells(signs, input_range=1.0)
    assert whole == pytest.approx(sums.sum(), rel=1e-6)
    tenth, _ = cells(0.1 * signs, input_range=1.0)
    assert tenth == pytest.approx(0.01 * whole, rel=1e-5)
    magnitude, sums = cells(x, input_range=1.0, dac_bits=8, serial=True)
    bits = (np.rint(np.abs(x) * 127).astype(int)[:, :, None] >> np.arange(7)) & 1
    assert magnitude == pytest.approx(float(bits.sum(axis=2).mean(axis=0) @ sums), rel=1e-6)
    complement, sums = cells(x, input_range=1.0, dac_bits=8, serial="twos-complement")
    bits = ((np.rint(x * 127).astype(int) & 255)[:, :, None] >> np.arange(8)) & 1
    assert complement == pytest.approx(float(bits.sum(axis=2).mean(axis=0) @ sums), rel=1e-6)
    behind, _ = cells(signs, input_range=1.0, access_resistance=1e5)
    g = np.abs(weights) / np.abs(weights).max() * 25e-6
    assert behind == pytest.approx((g / (1 + g * 1e5)).sum(), rel=1e-5)
    wired, _ = cells(signs, input_range=1.0, wire_resistance=50.0)
    assert wired < 0.95 * whole


def test_a_transistor_in_series_quiets_the_noise_of_its_cell():
    """d/dG of G/(1 + G R) is (1 + G R)^-2: relative noise falls by 1 + G R."""
    ones = np.ones((1, 400))
    x = np.ones((400, 4000))
    relative = {}
    for resistance in (0.0, 25e3):
        crossbar = Crossbar.program(ones, "rram-hfo2", access_resistance=resistance, rng=0)
        y = (crossbar @ x)[0]
        relative[resistance] = y.std() / y.mean()
    # Cells of 30 to 40 uS: 1 + G R is near 1.9; 4,000 reads give a s.d. to 1.1 %.
    g = Crossbar.program(ones, "rram-hfo2", rng=0).arrays.conductance(0, 0.0)[:, 0].astype(float)
    slope = 1 / (1 + g * 25e3)
    expected = np.sqrt(np.sum((g * slope**2) ** 2)) / np.sum(g * slope)
    expected /= np.sqrt(np.sum(g**2)) / np.sum(g)
    assert relative[25e3] / relative[0.0] == pytest.approx(expected, rel=0.06)
