"""Energy and area of converters: published values, and the exponents of the fits."""

import pytest

from neuromem.core.errors import ParameterError
from neuromem.hardware.cost.converters import (
    driver_area,
    driver_energy,
    murmann_energy,
    survey_area,
    survey_energy,
    walden_energy,
)


@pytest.mark.parametrize(
    ("bits", "node", "rate", "picojoule"),
    [
        (8, 32e-9, 1.28e9, "1.927"),
        (8, 32e-9, 100e6, "1.711"),
        (8, 14e-9, 100e6, "0.362"),
        (6, 32e-9, 100e6, "1.064"),
        (10, 32e-9, 100e6, "3.304"),
        (8, 130e-9, 1e6, "23.9"),
    ],
)
def test_H50_survey_model_of_the_adc(bits, node, rate, picojoule):
    """To 1e-3, or to half of the last digit given."""
    digits = len(picojoule.partition(".")[2])
    expected = pytest.approx(float(picojoule), rel=1e-3, abs=0.5 * 10**-digits)
    assert survey_energy(bits, node, rate) * 1e12 == expected


def test_H50_murmann_model_of_the_adc():
    assert murmann_energy(8) == pytest.approx(0.866e-12, rel=1e-3)
    assert murmann_energy(8) == pytest.approx(8 * 100e-15 + 65536e-18, rel=1e-12)


def test_survey_fit_is_within_a_factor_of_two_of_the_converter_of_isaac():
    """2 mW at 1.28 GS/s: 1.56 pJ."""
    assert 0.5 < 1.5625e-12 / survey_energy(8, 32e-9, 1.28e9) < 2.0


def test_walden_doubles_with_each_bit_and_survey_area_follows_its_exponents():
    assert walden_energy(9) == pytest.approx(2 * walden_energy(8), rel=1e-12)
    assert walden_energy(8, merit=50e-15) == pytest.approx(12.8e-12, rel=1e-12)
    # At 8 bits and low rates the resolution bounds the merit, and energy does not know the rate.
    ratio = survey_area(8, 32e-9, 2e6) / survey_area(8, 32e-9, 1e6)
    assert ratio == pytest.approx(2**0.18071538, rel=1e-9)


def test_fewer_than_four_bits_cost_what_four_do():
    assert survey_energy(1, 32e-9, 1e8) == survey_energy(4, 32e-9, 1e8)


def test_driver_scales_from_the_one_of_isaac():
    assert driver_energy(32e-9, 0.9) == pytest.approx(3.9e-6 * 100e-9, rel=2e-3)
    assert driver_energy(16e-9, 0.45) == pytest.approx(driver_energy(32e-9, 0.9) / 8, rel=1e-12)
    assert driver_area(16e-9) == pytest.approx(driver_area(32e-9) / 4, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: survey_energy(0, 32e-9, 1e8), "survey_energy: bits is 0; give a number from 1.0"),
        (lambda: survey_energy(8, 0, 1e8), "survey_energy: node is 0; give a number above zero"),
        (lambda: murmann_energy(25), "murmann_energy: bits is 25; give a number from 1.0 to 24.0"),
        (lambda: walden_energy(8, -1), "walden_energy: merit is -1; give a finite number >= 0.0"),
    ],
)
def test_converter_models_refuse_what_they_do_not_hold_for(call, message):
    with pytest.raises(ParameterError, match=message):
        call()
