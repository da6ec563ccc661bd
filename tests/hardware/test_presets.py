"""Published chips: reported figures come out of the cost model from the parts."""

import dataclasses

import numpy as np
import pytest

from neuromem.core.errors import ParameterError
from neuromem.hardware.arrays.options import Options
from neuromem.hardware.cost.digital import digital_cost
from neuromem.hardware.cost.products import PARTS, read_cost
from neuromem.hardware.cost.technology import Technology
from neuromem.hardware.devices.profile import profile
from neuromem.hardware.presets import FOLDER, chip_preset, chips

POINTS = [(name, point) for name in chips() for point in chip_preset(name).points]
# Four phases are predicted from one: notes of hermes-64.
LOOSE = {
    ("hermes-64", "four-phase", "throughput"): 0.025,
    ("hermes-64", "four-phase", "efficiency"): 0.075,
}


def watts(cost, part):
    return float(cost.energy.sel(part=part) / cost.interval)


def test_H46_arithmetic_of_the_hermes_core():
    core = chip_preset("hermes-core")
    figures, measured = core.figures(), core.measured()
    assert float(figures.throughput) == pytest.approx(1.008e12, rel=0.02)
    assert float(measured.area) == pytest.approx(0.634e-6, rel=0.02)
    assert float(measured.energy) == pytest.approx(12.48e-9, rel=0.02)
    assert float(core.read_cost().energy.sum()) == pytest.approx(12.48e-9, rel=0.02)
    assert figures.precision == "8 b inputs, analog weights, 8 b outputs"


def test_H46_arithmetic_of_the_64_core_chip():
    figures = chip_preset("hermes-64").figures("one-phase")
    assert float(figures.throughput) / 64 == pytest.approx(0.986e12, rel=0.02)
    assert float(figures.power) == pytest.approx(6.47, rel=0.02)


def test_H47_isaac_throughput_from_its_structure():
    """168 tiles of 96 arrays: 16128 arrays of 128 x 16 weights of 16 bits in 1.6 us."""
    chip = chip_preset("isaac")
    figures = chip.figures("chip")
    assert chip.read_cost("chip").attrs["tiles"] * 168 == 16128
    assert float(figures.throughput) == pytest.approx(41.3e12, rel=0.02)
    assert float(figures.throughput) == pytest.approx(478.95e15 * 85.4e-6, rel=0.02)
    assert float(figures.efficiency) == pytest.approx(0.627e12, rel=0.02)


def test_H48_isaac_power_from_its_parts():
    cost = chip_preset("isaac").read_cost("tile")
    total = sum(watts(cost, part) for part in PARTS)
    assert total == pytest.approx(12 * 24.07e-3 + 40.85e-3, rel=0.01)
    assert float(chip_preset("isaac").figures("chip").power) == pytest.approx(65.8, rel=0.01)
    # Table I, 12 IMAs: ADC 16, DAC 4, arrays 2.4, shift-and-add 0.2 mW each
    for part, milliwatts in (("adc", 192), ("dac", 48), ("cells", 28.8), ("shift-add", 2.4)):
        assert watts(cost, part) == pytest.approx(milliwatts * 1e-3, rel=1e-4)


def test_H48_isaac_ima_without_the_parts_of_the_tile():
    """An IMA of 8 arrays takes 24.07 mW, of which registers are 1.47 mW."""
    chip = chip_preset("isaac")
    cost = read_cost(
        128,
        [128] * 8,
        cell_energy=8 * 0.3e-3 * 1.6e-6,
        outputs=128,
        dac_bits=1,
        adc_bits=8,
        cycles=16,
        technology=chip.circuit,
    )
    registers = 1.24e-3 + 0.23e-3
    arrays = sum(watts(cost, part) for part in ("adc", "dac", "cells", "shift-add"))
    assert arrays + registers == pytest.approx(chip.published["ima_power"], rel=0.01)


@pytest.mark.parametrize(
    ("point", "expected", "reported"),
    [
        ("1b-3b", 43.4, 43.1),
        ("2b-4b", 40.6, 40.3),
        ("3b-5b", 23.1, 23.1),
        ("4b-6b", 16.0, 16.0),
    ],
)
def test_H49_neurram_efficiency_from_its_events(point, expected, reported):
    chip = chip_preset("neurram")
    efficiency = float(chip.figures(point).efficiency)
    assert efficiency == pytest.approx(expected * 1e12, rel=0.02)
    assert chip.reported(point)["efficiency"] == reported * 1e12


@pytest.mark.parametrize("number", range(5))
def test_neurram_parts_are_those_measured(number):
    """fJ an operation of 65536: pulses within 10 %, neurons as measured, all within 1.3 %."""
    chip = chip_preset("neurram")
    cost = chip.read_cost(list(chip.points)[number])
    per_operation = cost.energy / cost.operations * 1e15
    lines = float(per_operation.sel(part=["lines", "control"]).sum())
    published = [chip.published[name][number] for name in ("word_lines", "neurons", "input_pulses")]
    assert lines == pytest.approx(published[0], rel=0.05)
    assert float(per_operation.sel(part="adc")) == pytest.approx(published[1], rel=1e-4)
    assert float(per_operation.sel(part="dac")) == pytest.approx(published[2], rel=0.10)
    assert float(per_operation.sum()) == pytest.approx(sum(published), rel=0.013)


@pytest.mark.parametrize(("name", "point"), POINTS)
def test_every_reported_figure_comes_out_of_the_model(name, point):
    chip = chip_preset(name)
    figures = chip.figures(point)
    assert chip.reported(point)
    for figure, value in chip.reported(point).items():
        tolerance = LOOSE.get((name, point, figure), 0.02)
        assert float(figures[figure]) == pytest.approx(value, rel=tolerance), figure


def test_digital_macro_takes_less_than_words_of_32_bits_would():
    """Chih et al. 2021: 22.5 fJ a multiplication and addition of 4 bits. Horowitz, scaled to

    22 nm and 0.72 V, with 32-bit additions, is an upper estimate of the same order.
    """
    measured = float(chip_preset("sram-cim-22").measured().energy)
    technology = Technology(node=22e-9, supply=0.72)
    model = digital_cost(256, 64, number="int4", memory="in place", technology=technology)
    assert 1.0 < float(model.energy.sum()) / measured < 3.0


@pytest.mark.parametrize("name", chips())
def test_a_chip_names_itself_its_sources_and_a_known_device(name):
    chip = chip_preset(name)
    assert chip.name == name
    assert chip.title
    assert chip.notes
    assert all("doi:" in source for source in chip.sources)
    profile(chip.options["profile"])
    assert isinstance(chip.circuit, Technology)
    options = {key: value for key, value in chip.options.items() if key != "profile"}
    Options(**options, technology=chip.technology)


def test_folder_holds_the_chips_that_are_listed():
    assert chips() == sorted(path.stem for path in FOLDER.iterdir())
    assert {"isaac", "prime", "neurram", "hermes-core", "hermes-64", "rram-40nm"} <= set(chips())


def test_measured_interval_is_that_of_the_reported_throughput():
    measured = chip_preset("hermes-64").measured("four-phase")
    assert float(measured.interval) == pytest.approx(64 * 131072 / 16.1e12, rel=1e-12)
    assert "area" not in measured
    np.testing.assert_allclose(measured.energy, 131072 / 2.48e12)


def test_a_preset_is_a_value_that_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        chip_preset("isaac").name = "x"
    assert chip_preset("isaac") == chip_preset("isaac")


def test_unknown_chips_and_points_are_refused_with_the_names():
    with pytest.raises(ParameterError, match=r"no chip 'isac'; there are: hermes-64, .*isaac, "):
        chip_preset("isac")
    with pytest.raises(ParameterError, match="point is 'x'; choose one of: tile, chip"):
        chip_preset("isaac").read_cost("x")
    with pytest.raises(ParameterError, match=r"chip 'prime': no product is described; map a mem"):
        chip_preset("prime").figures()
