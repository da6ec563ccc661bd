"""What converters cost: energy and area of one ADC or DAC from published fits.

Three models of an analog-to-digital converter, from the simplest to the one that knows the most:

* Walden: a figure of merit in joule per level.
* Murmann: a part that grows with the bits and a thermal part that grows with 4^bits.
* Survey: a fit to the published survey of converters, by resolution, rate and node; it is an
  optimistic bound, what good designs reach.

References
----------
Walden, *IEEE J. Sel. Areas Commun.* 17, 539 (1999), doi:10.1109/49.761034.
Murmann, *IEEE Trans. VLSI Syst.* 29, 3 (2021), doi:10.1109/TVLSI.2020.3020286.
Andrulis et al. (2024), arXiv:2404.06553.
Shafiee et al., ISCA 2016, doi:10.1109/ISCA.2016.12: the one-bit driver of ISAAC.
"""

from __future__ import annotations

import math

from neuromem.core.errors import ParameterError, real_number

MOST_BITS = 24.0
_SURVEY_LEAST_BITS = 4.0
_ISAAC_NODE, _ISAAC_SUPPLY = 32e-9, 0.9
_ISAAC_DRIVER_ENERGY = 4e-3 / (8 * 128) * 100e-9  # 4 mW in 8 x 128 drivers, 100 ns a cycle
_ISAAC_DRIVER_AREA = 0.00017e-6 / (8 * 128)


def walden_energy(bits: float, merit: float = 10e-15) -> float:
    """Return the energy of one conversion, `merit` times 2^bits.

    Parameters
    ----------
    bits : float
        Effective bits, 1 to 24.
    merit : float
        Figure of merit in J per level; 1 to 50 fJ is typical.

    Returns
    -------
    float
        J per conversion.

    Raises
    ------
    ParameterError
        If `bits` or `merit` is outside its range.

    Examples
    --------
    >>> walden_energy(8)
    2.56e-12
    """
    merit = positive("walden_energy", "merit", merit)
    return merit * math.pow(2.0, _bits("walden_energy", bits))


def murmann_energy(bits: float, linear: float = 100e-15, thermal: float = 1e-18) -> float:
    """Return the energy of one conversion, ``linear * bits + thermal * 4**bits``.

    Parameters
    ----------
    bits : float
        Effective bits, 1 to 24.
    linear : float
        J per bit: the comparator and the logic.
    thermal : float
        J: charging the capacitance that keeps thermal noise below the last bit.

    Returns
    -------
    float
        J per conversion.

    Raises
    ------
    ParameterError
        If an argument is outside its range.

    Examples
    --------
    >>> round(murmann_energy(8) * 1e12, 3)
    0.866
    """
    bits = _bits("murmann_energy", bits)
    linear = positive("murmann_energy", "linear", linear)
    thermal = real_number("murmann_energy", "thermal", thermal, 0.0)
    return linear * bits + thermal * math.pow(4.0, bits)


def survey_energy(bits: float, node: float, rate: float) -> float:
    """Return the energy of one conversion by the fit to the converter survey.

    Parameters
    ----------
    bits : float
        Effective bits, 1 to 24. The fit begins at 4; fewer are taken as 4, an upper bound.
    node : float
        Technology node, m.
    rate : float
        Conversions per second of the one converter.

    Returns
    -------
    float
        J per conversion.

    Raises
    ------
    ParameterError
        If an argument is outside its range.

    Examples
    --------
    >>> round(survey_energy(8, 32e-9, 100e6) * 1e12, 3)
    1.711
    """
    where = "survey_energy"
    bits = max(_bits(where, bits), _SURVEY_LEAST_BITS)
    node, rate = positive(where, "node", node), positive(where, "rate", rate)
    # Schreier's figure of merit in dB: one bound by speed, one by resolution.
    merit = min(213.78067 - 2.87190304 * math.log(rate), 128.30684 + 3.2205115 * math.ceil(bits))
    logarithm = (
        26.04962 + 1.88003692 * math.log(node * 1e9) - 2.82912561 * math.log(bits) - 1.47020222
    )
    picojoule = math.exp(logarithm) / (2.0 * math.pow(10.0, (merit - 6.02 * bits - 1.76) / 10.0))
    return picojoule * 1e-12


def survey_area(bits: float, node: float, rate: float) -> float:
    """Return the area of one converter by the fit to the converter survey.

    Parameters
    ----------
    bits, node, rate : float
        As for `survey_energy`.

    Returns
    -------
    float
        m^2 per converter.

    Raises
    ------
    ParameterError
        If an argument is outside its range.

    Examples
    --------
    >>> round(survey_area(8, 32e-9, 100e6) * 1e12)  # um^2
    3937
    """
    picojoule = survey_energy(bits, node, rate) * 1e12
    logarithm = (
        1.34619164
        + 0.99327947 * math.log(node * 1e9)
        + 0.18071538 * math.log(rate)
        + 0.29912426 * math.log(picojoule)
    )
    return math.exp(logarithm) * 1e-12


def driver_energy(node: float, supply: float) -> float:
    """Return the energy of a one-bit word-line driver (DAC) per cycle, in J.

    ISAAC's driver, 0.39 pJ at 32 nm, scaled by node and supply squared.

    Parameters
    ----------
    node : float
        Technology node, m.
    supply : float
        Supply voltage, V.

    Raises
    ------
    ParameterError
        If an argument is not above zero.

    Examples
    --------
    >>> round(driver_energy(32e-9, 0.9) * 1e12, 2)
    0.39
    """
    node = positive("driver_energy", "node", node)
    supply = positive("driver_energy", "supply", supply)
    return _ISAAC_DRIVER_ENERGY * (node / _ISAAC_NODE) * (supply / _ISAAC_SUPPLY) ** 2


def driver_area(node: float) -> float:
    """Return the area of a one-bit word-line driver in m^2: ISAAC's, scaled by the node squared.

    Examples
    --------
    >>> round(driver_area(32e-9) * 1e12, 3)  # um^2
    0.166
    """
    return _ISAAC_DRIVER_AREA * (positive("driver_area", "node", node) / _ISAAC_NODE) ** 2


def positive(where: str, name: str, value: object) -> float:
    """Return `value` as a float above zero, else raise an error that says so."""
    number = real_number(where, name, value, 0.0)
    if number == 0.0:
        raise ParameterError(f"{where}: {name} is 0; give a number above zero.")
    return number


def _bits(where: str, bits: float) -> float:
    return real_number(where, "bits", bits, 1.0, MOST_BITS)
