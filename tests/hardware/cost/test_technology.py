"""The circuit around an array: its defaults, its scaling, and what it refuses."""

import math

import pytest

from neuromem.core.errors import ParameterError
from neuromem.hardware.cost.technology import Technology


def test_wire_of_the_default_is_the_published_segment():
    """Chen, Peng and Yu 2018: 1.56 ohm per 160 nm at 22 nm; delay per R C is 0.38."""
    technology = Technology(node=22e-9, cell_area=(160e-9) ** 2)
    delay = technology.line_delay((1, 0))
    ohm = delay / (0.38 * 0.2e-9 * 160e-9)
    assert ohm == pytest.approx(1.56, rel=5e-3)


def test_digital_defaults_are_horowitz_at_45_nm_and_scale():
    at_45 = Technology(node=45e-9)
    assert at_45.energy_of("shift_add") == pytest.approx(0.1e-12)
    assert at_45.energy_of("buffer") == pytest.approx(10e-12 / 64)
    scaled = Technology(node=22.5e-9, supply=0.45)
    assert scaled.energy_of("accumulate") == pytest.approx(0.1e-12 / 8)
    assert Technology(node=28e-9).volts == 0.9
    assert 0.9 < Technology(node=55e-9).volts < 1.1


def test_measured_adc_energies_are_met_and_interpolated():
    technology = Technology(adc={"4": 1e-12, 6: 4e-12})
    assert technology.adc == ((4, 1e-12), (6, 4e-12))
    assert technology.conversion_energy(4) == pytest.approx(1e-12)
    assert technology.conversion_energy(5) == pytest.approx(2e-12)
    with pytest.raises(ParameterError, match="measured from 4 to 6 bits, not at 8; choose adc_b"):
        technology.conversion_energy(8)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"node": 28}, "Technology: node is 28; give a number from 1e-09 to 1e-05"),
        ({"adc": "murman"}, "adc is 'murman'; give survey, murmann, walden, an energy in J"),
        ({"adc": -1e-12}, "adc is -1e-12; give a finite number >= 0"),
        ({"columns_per_adc": 0}, "columns_per_adc is 0; give a whole number >= 1"),
        ({"adc_rate": 0.0}, "adc_rate is 0; give a number above zero"),
        ({"pipelined": "yes"}, "pipelined is 'yes'; give True or False"),
        ({"static_power": math.nan}, "static_power is nan; give a finite number >= 0"),
    ],
)
def test_technology_refuses_what_no_circuit_is(fields, message):
    with pytest.raises(ParameterError, match=message):
        Technology(**fields)
