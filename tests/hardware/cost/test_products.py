"""The cost of a product: converters, the sum over parts and tiles, writing, digital logic."""

import math

import numpy as np
import pytest

from neuromem.core.errors import ParameterError, ShapeError
from neuromem.hardware.cost.converters import driver_energy
from neuromem.hardware.cost.products import (
    PARTS,
    cell_energy,
    figures_of_merit,
    precision,
    read_cost,
    write_cost,
)
from neuromem.hardware.cost.technology import Technology

PLAIN = Technology(
    node=45e-9,
    supply=0.9,
    clock=1e9,
    read_duration=100e-9,
    adc=2e-12,
    adc_rate=1e8,
    adc_area=1e-9,
    columns_per_adc=8,
    line_energy=1e-15,
    wire_resistance=0.0,
    interconnect_length=1e-4,
    control_energy=3e-12,
    control_area=5e-10,
    static_power=1e-3,
)


def energy(cost, part):
    return float(cost.energy.sel(part=part))


def test_H51_energy_of_the_cells_of_a_hermes_sized_array():
    """65536 * 12.5 uS * (0.2^2 / 3) * 130 ns = 1.42 nJ; 1000 inputs: 0.18 % standard error."""
    rng = np.random.default_rng(0)
    conductances = rng.uniform(0.0, 25e-6, (256, 256))
    voltages = rng.uniform(-0.2, 0.2, (1000, 256))
    mean = cell_energy(conductances, voltages, 130e-9).mean()
    assert mean == pytest.approx(65536 * 12.5e-6 * 0.04 / 3 * 130e-9, rel=0.02)
    assert mean == pytest.approx(1.42e-9, rel=0.02)


def test_H53_cell_energy_is_the_double_sum_even_in_the_sign_and_linear_in_time():
    rng = np.random.default_rng(1)
    conductances, voltages = rng.uniform(1e-6, 4e-5, (5, 7)), rng.normal(0, 0.2, (3, 5))
    slow = [
        sum(v[i] ** 2 * conductances[i, j] * 1e-7 for i in range(5) for j in range(7))
        for v in voltages
    ]
    given = cell_energy(conductances, voltages, 1e-7)
    np.testing.assert_allclose(given, slow, rtol=1e-12)
    np.testing.assert_allclose(cell_energy(conductances, -voltages, 1e-7), given, rtol=1e-9)
    np.testing.assert_allclose(cell_energy(conductances, 3 * voltages, 1e-7), 9 * given, rtol=1e-9)
    np.testing.assert_allclose(cell_energy(conductances, voltages, 5e-7), 5 * given, rtol=1e-9)


def test_H53_cell_energy_adds_up_over_tiles():
    rng = np.random.default_rng(2)
    conductances, voltages = rng.uniform(1e-6, 4e-5, (60, 50)), rng.normal(0, 0.2, 60)
    tiles = [
        cell_energy(conductances[r : r + 32, c : c + 16], voltages[r : r + 32], 1e-7)
        for r in (0, 32)
        for c in range(0, 50, 16)
    ]
    assert sum(tiles) == pytest.approx(cell_energy(conductances, voltages, 1e-7), rel=1e-9)


def test_H53_every_part_adds_up_over_tiles():
    """A grid of 3 x 2 unequal blocks is its six tiles, and the additions across row blocks."""
    rows, columns = [128, 128, 44], [128, 72]
    numbers = {"dac_bits": 1, "adc_bits": 8, "cycles": 4, "phases": 2, "tile": (128, 128)}
    outputs = {128: 32, 72: 18}  # four bit slices each
    whole = read_cost(rows, columns, cell_energy=6e-9, outputs=50, technology=PLAIN, **numbers)
    tiles = [
        read_cost(r, c, cell_energy=1e-9, outputs=outputs[c], technology=PLAIN, **numbers)
        for r in rows
        for c in columns
    ]
    # Static power acts for as long as the whole grid takes, which is a little longer.
    assert float(whole.interval - tiles[0].interval) == pytest.approx(2e-9, rel=1e-6)
    for part in set(PARTS) - {"accumulate", "control"}:
        for name in ("energy", "area"):
            parts = sum(float(tile[name].sel(part=part)) for tile in tiles)
            assert float(whole[name].sel(part=part)) == pytest.approx(parts, rel=1e-9), part
    # (3 - 1) * 50 additions of 0.1 pJ
    assert energy(whole, "accumulate") == pytest.approx(100 * 0.1e-12, rel=1e-9)
    assert energy(whole, "control") == pytest.approx(6 * (3e-12 + 1e-3 * float(whole.interval)))
    assert whole.attrs["tiles"] == 6


def test_parts_of_one_array_by_hand():
    """128 x 64 cells, 16 outputs of four slices, 8 one-bit reads, ADCs shared by 8 columns."""
    cost = read_cost(
        128,
        64,
        cell_energy=1e-9,
        outputs=16,
        dac_bits=1,
        adc_bits=8,
        cycles=8,
        input_bits=8,
        output_bits=16,
        technology=PLAIN,
    )
    moved = 128 * 8 + 16 * 16
    assert energy(cost, "cells") == 1e-9
    assert energy(cost, "dac") == pytest.approx(8 * 128 * driver_energy(45e-9, 0.9), rel=1e-12)
    assert energy(cost, "adc") == pytest.approx(8 * 64 * 2e-12, rel=1e-12)
    assert energy(cost, "lines") == pytest.approx(8 * 128 * 1e-15, rel=1e-12)
    assert energy(cost, "shift-add") == pytest.approx((8 * 64 - 16) * 0.1e-12, rel=1e-12)
    assert energy(cost, "accumulate") == 0.0
    assert energy(cost, "buffer") == pytest.approx(moved * 10e-12 / 64, rel=1e-12)
    assert energy(cost, "interconnect") == pytest.approx(moved * 1.5e-10 * 1e-4, rel=1e-12)
    assert float(cost.operations) == 2 * 128 * 16
    # eight reads of 100 ns, each followed by eight conversions of 10 ns, and a last addition
    assert float(cost.latency.sum()) == pytest.approx(8 * 180e-9 + 1e-9, rel=1e-9)
    assert float(cost.interval) == pytest.approx(float(cost.latency.sum()), rel=1e-12)
    assert float(cost.area.sel(part="adc")) == pytest.approx(8 * 1e-9, rel=1e-12)
    assert float(cost.area.sel(part="cells")) == pytest.approx(128 * 64 * 12 * 45e-9**2, rel=1e-12)


@pytest.mark.parametrize(
    ("rate", "interval", "latency"),
    [
        (1e8, 8 * 100e-9, 8 * 100e-9 + 80e-9),  # conversions of 80 ns hide, but for the last
        (4e7, 8 * 200e-9, 100e-9 + 8 * 200e-9),  # reads of 100 ns hide, but for the first
        (math.inf, 8 * 100e-9, 8 * 100e-9),  # the ADC counts during the read
    ],
)
def test_pipelined_stages_overlap(rate, interval, latency):
    technology = Technology(
        read_duration=100e-9,
        pipelined=True,
        adc=1e-12,
        adc_area=1e-9,
        adc_rate=rate,
        columns_per_adc=8,
        wire_resistance=0.0,
    )
    cost = read_cost(64, 64, cell_energy=0.0, adc_bits=8, cycles=8, technology=technology)
    assert float(cost.interval) == pytest.approx(interval, rel=1e-9)
    shift_add = 1e-9
    assert float(cost.latency.sum()) == pytest.approx(latency + shift_add, rel=1e-9)


def test_integrating_neurons_and_subtracted_pairs_convert_less():
    every = read_cost(64, 64, cell_energy=0, adc_bits=8, cycles=4, technology=PLAIN)
    integrated = {"converts_once": True, "adc": 2e-12, "adc_rate": 1e8, "adc_area": 1e-9}
    once = Technology(**integrated)
    pairs = Technology(columns_per_conversion=2, **integrated)
    assert energy(every, "adc") == pytest.approx(4 * 64 * 2e-12)
    cost = read_cost(64, 64, cell_energy=0, adc_bits=8, cycles=4, technology=once)
    assert energy(cost, "adc") == pytest.approx(64 * 2e-12)
    assert energy(cost, "shift-add") == 0.0
    cost = read_cost(64, 64, cell_energy=0, adc_bits=8, cycles=4, technology=pairs)
    assert energy(cost, "adc") == pytest.approx(32 * 2e-12)
    assert cost.attrs["outputs"] == 32


def test_phases_repeat_all_but_what_the_cells_take():
    one = read_cost(64, 64, cell_energy=1e-9, dac_bits=8, adc_bits=8, technology=PLAIN)
    four = read_cost(64, 64, cell_energy=1e-9, dac_bits=8, adc_bits=8, phases=4, technology=PLAIN)
    for part in ("dac", "adc", "lines"):
        assert energy(four, part) == pytest.approx(4 * energy(one, part))
    assert energy(four, "cells") == energy(one, "cells")
    assert float(four.latency.sel(part="cells")) == pytest.approx(400e-9)


def test_ideal_converters_cost_nothing_and_say_so():
    cost = read_cost(64, 64, cell_energy=1e-9)
    for name in ("energy", "latency", "area"):
        assert float(cost[name].sel(part="adc")) == 0.0
        assert float(cost[name].sel(part="dac")) == 0.0
    assert cost.attrs["ideal"] == "dac and adc ideal: cost nothing"
    assert read_cost(4, 4, cell_energy=0, dac_bits=1, adc_bits=8).attrs["ideal"] == "no part"


def test_every_variable_has_its_unit():
    cost = read_cost(64, 64, cell_energy=1e-9, adc_bits=8)
    units = {name: cost[name].attrs["units"] for name in cost}
    assert units == {
        "energy": "J",
        "latency": "s",
        "area": "m^2",
        "interval": "s",
        "operations": "1",
    }
    assert list(cost.part.values) == list(PARTS)


def test_line_charge_and_delay_grow_with_the_length():
    """256 rows of 512 cells and 512 columns of 256 cells, pitch sqrt(12) F, C V^2 a line."""
    technology = Technology(node=22e-9, supply=0.8)
    pitch = math.sqrt(12) * 22e-9
    cost = read_cost(256, 512, cell_energy=0.0, cycles=3, technology=technology)
    length = 2 * 256 * 512 * pitch
    assert energy(cost, "lines") == pytest.approx(3 * 0.2e-9 * length * 0.64, rel=1e-12)
    resistance = 2.97e-8 / (40e-9 * 76e-9)
    squares = (256 * pitch) ** 2 + (512 * pitch) ** 2
    delay = 3 * 0.38 * resistance * 0.2e-9 * squares
    assert float(cost.latency.sel(part="lines")) == pytest.approx(delay, rel=1e-12)


def test_survey_is_not_asked_about_an_adc_without_a_rate():
    technology = Technology(adc_rate=math.inf)
    with pytest.raises(ParameterError, match=r"adc_rate is inf, for which the survey .* give adc"):
        read_cost(64, 64, cell_energy=0.0, adc_bits=8, technology=technology)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 0}, "read_cost: rows is 0; give a whole number >= 1"),
        ({"columns": []}, "columns is empty; give the lines in use of each block"),
        ({"columns": [[8, 8], [8]]}, r"columns is \[8, 8\]; give a whole number"),
        ({"inputs": 65}, "inputs is 65, but there are 64 rows in use. Give at most 64"),
        ({"outputs": 100}, "outputs is 100, but there are 64 converted columns"),
        ({"tile": (32, 64)}, r"blocks of 64 rows and 64 columns are in use on tiles of \(32, 64\)"),
        ({"tile": 64}, r"tile is 64; give \(rows, columns\), such as \(256, 256\)"),
        ({"cell_energy": math.nan}, "cell_energy is nan; give a finite number >= 0"),
        ({"adc_bits": 0}, "adc_bits is 0; give a whole number >= 1"),
        ({"duration": -1.0}, "duration is -1.0; give a finite number >= 0"),
        ({"technology": {}}, r"read_cost: technology is a dict; give a .*Technology\(\.\.\.\), or"),
    ],
)
def test_read_cost_refuses_what_is_no_product(arguments, message):
    numbers = {"rows": 64, "columns": 64, "cell_energy": 1e-9} | arguments
    with pytest.raises(ParameterError, match=message):
        read_cost(**numbers)


def test_cell_energy_refuses_what_does_not_fit():
    with pytest.raises(ShapeError, match=r"conductances have shape \(2, 3\) and voltages \(3,\)"):
        cell_energy(np.ones((2, 3)), np.ones(3), 1e-9)
    with pytest.raises(ParameterError, match="cell_energy: duration is 0; give a number above"):
        cell_energy(np.ones((2, 3)), np.ones(2), 0.0)


def test_figures_are_ratios_of_the_cost_and_name_their_precision():
    cost = read_cost(64, 64, cell_energy=1e-9, dac_bits=4, adc_bits=6, weight_bits=4)
    one = figures_of_merit(cost)
    joule, seconds = float(cost.energy.sum()), float(cost.interval)
    assert float(one.efficiency) == pytest.approx(2 * 64 * 64 / joule, rel=1e-12)
    assert float(one.density) == pytest.approx(8192 / seconds / float(cost.area.sum()), rel=1e-12)
    assert precision(cost) == one.precision == "8 b inputs, 4 b weights, 8 b outputs"
    many = figures_of_merit(cost, copies=10, extra_power=1.0, extra_area=1e-6)
    assert float(many.throughput) == pytest.approx(10 * float(one.throughput), rel=1e-12)
    assert float(many.power) == pytest.approx(10 * joule / seconds + 1.0, rel=1e-12)
    assert float(many.area) == pytest.approx(10 * float(one.area) + 1e-6, rel=1e-12)


def test_figures_of_a_product_that_costs_nothing_are_refused():
    free = Technology(line_energy=0.0, buffer_energy=0.0, interconnect_energy=0.0)
    cost = read_cost(8, 8, cell_energy=0.0, technology=free)
    with pytest.raises(ParameterError, match=r"takes 0 W on .* of which no ratio can be formed"):
        figures_of_merit(cost)


def test_writing_by_hand():
    """100 cells, 8.5 pulses of 2 V, 100 ns at 10 uS, each verified at 0.2 V for 50 ns."""
    cost = write_cost(
        100,
        pulses=8.5,
        voltage=2.0,
        pulse=100e-9,
        conductance=10e-6,
        verify_voltage=0.2,
        verify=50e-9,
        parallel=8,
        tile=(10, 10),
        technology=Technology(cell_area=1e-12),
    )
    assert energy(cost, "pulses") == pytest.approx(850 * 4.0 * 10e-6 * 100e-9, rel=1e-12)
    assert energy(cost, "verify") == pytest.approx(850 * 0.04 * 10e-6 * 50e-9, rel=1e-12)
    assert energy(cost, "lines") == pytest.approx(850 * 0.2e-9 * 20e-6 * 4.0, rel=1e-12)
    # 13 turns of eight cells
    assert float(cost.latency.sum()) == pytest.approx(13 * 8.5 * 150e-9, rel=1e-12)
    with pytest.raises(ParameterError, match="write_cost: pulses is 0; give a number above zero"):
        write_cost(1, pulses=0, voltage=1.0, pulse=1e-9, conductance=1e-6)
    with pytest.raises(ParameterError, match="write_cost: technology is a str; give a"):
        write_cost(1, pulses=1, voltage=1.0, pulse=1e-9, conductance=1e-6, technology="28 nm")
