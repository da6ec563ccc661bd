"""The circuit around an array in plain numbers: what `neuromem.hardware.read_cost` reckons with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from neuromem.core.errors import ParameterError, real_number, whole_number
from neuromem.hardware.cost.converters import (
    driver_area,
    driver_energy,
    murmann_energy,
    positive,
    survey_area,
    survey_energy,
    walden_energy,
)

ADC_MODELS = ("survey", "murmann", "walden")

# Horowitz, ISSCC 2014, doi:10.1109/ISSCC.2014.6757323: 45 nm at 0.9 V.
_TABLE_NODE, _TABLE_SUPPLY = 45e-9, 0.9
ADD_ENERGY = {"int8": 0.03e-12, "int32": 0.1e-12, "fp16": 0.4e-12, "fp32": 0.9e-12}
"""J per addition at 45 nm and 0.9 V."""
MULTIPLY_ENERGY = {"int8": 0.2e-12, "int32": 3.1e-12, "fp16": 1.1e-12, "fp32": 3.7e-12}
"""J per multiplication at 45 nm and 0.9 V."""
SRAM_ENERGY = {"8 KB": 10e-12 / 64, "32 KB": 20e-12 / 64, "1 MB": 100e-12 / 64}
"""J per bit read from on-chip memory of that size at 45 nm and 0.9 V."""
DRAM_ENERGY = 1300e-12 / 64
"""J per bit from DRAM: the low end of 1.3 to 2.6 nJ a word, so that comparisons favour DRAM."""
_ADDER_AREA = 137e-12  # m^2, a 32-bit adder in the same talk's 45 nm process

# Typical logic supplies, V at nm; between them linear in the logarithm of the node.
_SUPPLIES = {7: 0.7, 14: 0.8, 22: 0.8, 28: 0.9, 45: 0.9, 65: 1.1, 90: 1.2, 130: 1.3, 180: 1.8}
# Copper of 2.97e-8 ohm m, 40 nm wide and 1.9 times as high at 22 nm (Chen, Peng and Yu 2018).
_WIRE_AT_22_NM = 2.97e-8 / (40e-9 * 76e-9)

_ABOVE_ZERO = ("supply", "clock", "read_duration", "adc_merit", "adc_rate")
_NOT_NEGATIVE = (
    "adc_area",
    "driver_energy",
    "driver_area",
    "cell_area",
    "wire_capacitance",
    "wire_resistance",
    "line_energy",
    "shift_add_energy",
    "accumulate_energy",
    "adder_area",
    "buffer_energy",
    "buffer_area",
    "interconnect_energy",
    "interconnect_length",
    "interconnect_area",
    "control_energy",
    "control_area",
    "static_power",
)


@dataclass(frozen=True, kw_only=True)
class Technology:
    """Node, converters and digital parts of an array, each by what it costs.

    Every field that is left out has a default that follows from the node; figures of a given chip
    replace them (see `neuromem.hardware.chip_preset`). "Typical" marks a value that is common in
    the literature without being anyone's measurement.

    Parameters
    ----------
    node : float
        Technology node, m; 1 nm to 10 um.
    supply : float, optional
        Logic supply, V; typical of the node if left out (0.9 V at 45 nm).
    clock : float
        Of the digital part and of the successive-approximation ADC, Hz.
    read_duration : float
        How long the cells are read, s, where a caller of `read_cost` does not say.
    pipelined : bool
        The ADCs convert one read (held by a sample-and-hold) while the next one runs.
    adc : {"survey", "murmann", "walden"}, float or mapping
        Energy of a conversion: a model of `converters_cost`, a number in J, or measured energies
        {bits: J}, between which the logarithm is interpolated.
    adc_merit : float
        Figure of merit of the "walden" model, J per level.
    adc_rate : float, optional
        Conversions per second of one ADC; ``clock / (bits + 1)``, successive approximation, if
        left out. ``inf`` for an ADC that counts while the cells are read.
    adc_area : float, optional
        m^2 per ADC; the survey fit if left out.
    columns_per_adc : int
        Columns (or pairs) that share an ADC, one after another.
    columns_per_conversion : int
        Physical columns whose currents are joined before the ADC; 2 for pairs that are subtracted
        in the array's periphery.
    converts_once : bool
        The charge of all reads of one product is gathered before a single conversion, instead of
        one conversion a read.
    driver_energy, driver_area : float, optional
        J per row, read and DAC bit, and m^2 per row and DAC bit; ISAAC's driver, scaled.
    cell_area : float, optional
        m^2; 12 F^2, a transistor and a resistive cell, if left out.
    wire_capacitance : float
        F/m; typical.
    wire_resistance : float, optional
        ohm/m; copper that scales with the node if left out.
    line_energy : float, optional
        J to switch one word line once; left out, the wires of rows and columns are charged to the
        supply in every read, C V^2 each.
    shift_add_energy, accumulate_energy : float, optional
        J to add a converted value into an output, and to add the outputs of two tiles; a 32-bit
        addition of Horowitz's table, scaled by (node/45 nm) (supply/0.9 V)^2.
    adder_area : float, optional
        m^2 per adder; 137 um^2 at 45 nm, scaled by the node squared.
    buffer_energy : float, optional
        J per bit; an 8 KB SRAM of the same table.
    buffer_area : float, optional
        m^2 per bit; 150 F^2, typical of SRAM.
    interconnect_energy : float
        J per bit and metre; 0.15 pJ/bit/mm is typical.
    interconnect_length : float, optional
        m from a tile to its buffer; the side of the tile's cells if left out.
    interconnect_area, control_area : float
        m^2 per tile.
    control_energy : float
        J per tile and product.
    static_power : float
        W per tile while a product lasts.

    Raises
    ------
    ParameterError
        If a field is outside its range.

    Examples
    --------
    >>> technology = Technology(node=32e-9, adc_rate=100e6)
    >>> round(technology.conversion_energy(8) * 1e12, 3)
    1.711
    >>> Technology(adc="murman")
    Traceback (most recent call last):
        ...
    neuromem.core.errors.ParameterError: Technology: adc is 'murman'; give survey, murmann, \
walden, an energy in J, or measured energies {bits: J}.
    """

    node: float = 28e-9
    supply: float | None = None
    clock: float = 1e9
    read_duration: float = 100e-9
    pipelined: bool = False
    adc: str | float | Mapping[int, float] | tuple[tuple[int, float], ...] = "survey"
    adc_merit: float = 10e-15
    adc_rate: float | None = None
    adc_area: float | None = None
    columns_per_adc: int = 1
    columns_per_conversion: int = 1
    converts_once: bool = False
    driver_energy: float | None = None
    driver_area: float | None = None
    cell_area: float | None = None
    wire_capacitance: float = 0.2e-9
    wire_resistance: float | None = None
    line_energy: float | None = None
    shift_add_energy: float | None = None
    accumulate_energy: float | None = None
    adder_area: float | None = None
    buffer_energy: float | None = None
    buffer_area: float | None = None
    interconnect_energy: float = 1.5e-10
    interconnect_length: float | None = None
    interconnect_area: float = 0.0
    control_energy: float = 0.0
    control_area: float = 0.0
    static_power: float = 0.0

    def __post_init__(self) -> None:
        """Check every field; the errors name it."""
        where = "Technology"
        self._put("node", real_number(where, "node", self.node, 1e-9, 1e-5))
        self._put("adc", _adc(self.adc))
        for name in ("columns_per_adc", "columns_per_conversion"):
            self._put(name, whole_number(where, name, getattr(self, name), least=1))
        for name in ("pipelined", "converts_once"):
            if not isinstance(getattr(self, name), bool):
                raise ParameterError(
                    f"{where}: {name} is {getattr(self, name)!r}; give True or False."
                )
        for name in _ABOVE_ZERO:
            value = getattr(self, name)
            if value is not None and not (name == "adc_rate" and value == math.inf):
                self._put(name, positive(where, name, value))
        for name in _NOT_NEGATIVE:
            if getattr(self, name) is not None:
                self._put(name, real_number(where, name, getattr(self, name), 0.0))

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @property
    def volts(self) -> float:
        """The logic supply, V."""
        if self.supply is not None:
            return self.supply
        nodes = [math.log(nm * 1e-9) for nm in _SUPPLIES]
        return float(np.interp(math.log(self.node), nodes, list(_SUPPLIES.values())))

    @property
    def digital_scale(self) -> float:
        """What Horowitz's energies are multiplied by: (node/45 nm) (supply/0.9 V)^2."""
        return self.node / _TABLE_NODE * (self.volts / _TABLE_SUPPLY) ** 2

    @property
    def pitch(self) -> float:
        """The side of a cell, m."""
        return math.sqrt(self.area_of("cell"))

    def conversion_rate(self, bits: int) -> float:
        """Return the conversions per second of one ADC (``inf``: it counts during the read)."""
        return self.clock / (bits + 1) if self.adc_rate is None else self.adc_rate

    def conversion_energy(self, bits: int) -> float:
        """Return the energy of one conversion, J.

        Raises
        ------
        ParameterError
            If `bits` lies outside measured energies, or the survey is asked about a rate of inf.
        """
        if isinstance(self.adc, tuple):
            return _interpolated(self.adc, bits)
        if not isinstance(self.adc, str):
            return float(self.adc)  # type: ignore[arg-type]
        if self.adc == "murmann":
            return murmann_energy(bits)
        if self.adc == "walden":
            return walden_energy(bits, self.adc_merit)
        return survey_energy(bits, self.node, self._finite_rate(bits))

    def converter_area(self, bits: int) -> float:
        """Return the area of one ADC, m^2; see `conversion_energy` for what it refuses."""
        if self.adc_area is not None:
            return self.adc_area
        return survey_area(bits, self.node, self._finite_rate(bits))

    def area_of(self, part: str) -> float:
        """Return m^2 of one "cell", of a "driver" per bit, an "adder", or a "buffer" per bit."""
        given = getattr(self, f"{part}_area")
        if given is not None:
            return float(given)
        squares = {"cell": 12 * self.node**2, "buffer": 150 * self.node**2}
        if part == "driver":
            return driver_area(self.node)
        if part == "adder":
            return _ADDER_AREA * (self.node / _TABLE_NODE) ** 2
        return squares[part]

    def energy_of(self, part: str) -> float:
        """Return J of the "driver" per bit, a "shift_add", an "accumulate", a "buffer" bit."""
        given = getattr(self, f"{part}_energy")
        if given is not None:
            return float(given)
        if part == "driver":
            return driver_energy(self.node, self.volts)
        if part == "buffer":
            return SRAM_ENERGY["8 KB"] * self.digital_scale
        return ADD_ENERGY["int32"] * self.digital_scale

    def switching_energy(self, rows: int, columns: int, tile: tuple[int, int]) -> float:
        """Return J to switch the lines in use of one array once.

        Parameters
        ----------
        rows, columns : int
            Lines in use.
        tile : (int, int)
            Rows and columns that there are: a line crosses all of them.
        """
        if self.line_energy is not None:
            return rows * self.line_energy
        length = (rows * tile[1] + columns * tile[0]) * self.pitch
        return self.wire_capacitance * length * self.volts**2

    def line_delay(self, tile: tuple[int, int]) -> float:
        """Return the RC delay of a word and a bit line, 0.38 R C each, s."""
        per_metre = self.wire_resistance
        if per_metre is None:
            per_metre = _WIRE_AT_22_NM * (22e-9 / self.node) ** 2
        lengths = sum((lines * self.pitch) ** 2 for lines in tile)
        return 0.38 * per_metre * self.wire_capacitance * lengths

    def _finite_rate(self, bits: int) -> float:
        rate = self.conversion_rate(bits)
        if math.isinf(rate):
            raise ParameterError(
                "Technology: adc_rate is inf, for which the survey of converters has no figures; "
                "give adc (J per conversion) and adc_area (m^2), or a finite adc_rate."
            )
        return rate


def technology_of(where: str, technology: Technology | None) -> Technology:
    """Return `technology`, the defaults if it is None; raise ParameterError for anything else."""
    if technology is None:
        return Technology()
    if not isinstance(technology, Technology):
        raise ParameterError(
            f"{where}: technology is a {type(technology).__name__}; give a "
            "nm.hardware.Technology(...), or leave it out."
        )
    return technology


def _adc(value: object) -> str | float | tuple[tuple[int, float], ...]:
    """Return the checked ADC model; a table becomes pairs, sorted by bits, that hash."""
    if isinstance(value, str) and value in ADC_MODELS:
        return value
    if isinstance(value, (Mapping, tuple)) and value:
        pairs = value.items() if isinstance(value, Mapping) else value
        table = sorted(
            (_whole_bits(bits), positive("Technology", f"adc of {bits} bits", energy))
            for bits, energy in pairs
        )
        if all(left < right for (left, _), (right, _) in pairwise(table)):
            return tuple(table)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return real_number("Technology", "adc", value, 0.0)
    raise ParameterError(
        f"Technology: adc is {value!r}; give survey, murmann, walden, an energy in J, or measured "
        "energies {bits: J}."
    )


def _whole_bits(bits: object) -> int:
    """Return a table's key as a number of bits; a TOML file's keys are text."""
    number = int(bits) if isinstance(bits, str) and bits.isdecimal() else bits
    return whole_number("Technology", "adc bits", number, least=1)


def _interpolated(table: tuple[tuple[int, float], ...], bits: int) -> float:
    widths = [width for width, _ in table]
    if not widths[0] <= bits <= widths[-1]:
        raise ParameterError(
            f"Technology: the ADC is measured from {widths[0]} to {widths[-1]} bits, not at "
            f"{bits}; choose adc_bits in that range, or an adc model."
        )
    return math.exp(float(np.interp(bits, widths, [math.log(energy) for _, energy in table])))
