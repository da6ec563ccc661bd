"""How a matrix is put on arrays and read from them: every choice of a chip, checked once."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from neuromem.core.errors import ParameterError, one_of, real_number, whole_number
from neuromem.hardware.cost.technology import Technology

SCHEMES = (
    "differential",
    "two-sided",
    "offset",
    "digital-offset",
    "sliced",
    "sliced-offset",
    "sliced-complement",
    "weighted",
)
COMPENSATIONS = ("none", "global", "column")
MOST_BITS = 24


@dataclass(frozen=True)
class Options:
    """The choices of a chip beside its device; each has a default under which it is ideal.

    Parameters
    ----------
    tile : (int, int)
        Word lines and bit lines (physical columns) of one array.
    scheme : str, optional
        How a weight becomes conductances: "differential" (a one-sided pair), "two-sided",
        "offset" (a reference column in each array), "digital-offset", "sliced" (bit slices, a
        differential pair each), "sliced-offset" (offset binary), "sliced-complement" (two's
        complement), "weighted" (pairs of several significances). Left out: "differential" for
        analog devices, "sliced" for those of two levels.
    w_max : float, optional
        Weight that takes the whole conductance range; the largest of the matrix if left out.
    clip : bool
        Cut weights beyond `w_max` instead of refusing them.
    weight_bits : int
        Bits of a weight in the sliced schemes, its sign included.
    cell_bits : int, optional
        Bits in one cell of the sliced schemes; left out: 1 for devices of two levels, else 2.
    factors : tuple of float
        Significances of the "weighted" scheme, smallest first.
    split : {"fill", "equal"}
        Whether tiles are filled one after another or the matrix is cut into equal parts.
    dac_bits, adc_bits : int, optional
        Bits of the converters, 1 to 24; None is a converter without error or cost. One bit is
        a driver of +-full scale (0 stays 0), and a comparator.
    input_range : float or "max"
        Input that takes the DAC's full scale; "max" scales each vector by its largest magnitude.
    adc_range : float or {"calibrated", "max"}
        Full scale of an ADC: given, in units of weight times an input at full scale (smaller
        slices get their share of it); the best for sample inputs; or what no column of perfect
        cells can exceed.
    rounding : {"nearest", "stochastic"}
        How converters round.
    serial : {"", "sign-magnitude", "twos-complement"} or bool
        Inputs are applied bit after bit, each read converted and then shifted and added: the
        bits of the magnitude with the sign of the input (True), `dac_bits` - 1 reads a product;
        or those of the two's complement, `dac_bits` reads.
    input_noise, output_noise : float
        Standard deviation of the noise on an input in units of full scale, and on a column's
        output in units of what one cell over its whole range gives at full scale (the weight
        `w_max` in a pair, twice that with an offset); fresh in every read.
    gain_spread, offset_spread : float
        Spread of the columns' gain errors, and of their offsets in the units of `output_noise`;
        fixed for life.
    wire_resistance : float or (float, float)
        Resistance in ohm of a wire segment from cell to cell: word and bit lines alike, or each.
    driver_resistance, sense_resistance : float
        Further resistance in ohm before the first cell and behind the last one.
    wires : {"exact", "first-order"}
        The nodal solution, or its first-order approximation in the segment resistance.
    access_resistance : float
        Resistance in ohm of a cell's transistor in its on state (1T1R), in series with the device.
    stuck_low, stuck_high : float, optional
        Fractions of cells stuck at either end; left out: the profile's.
    remap : {"none", "pair", "columns"}
        What is done about known stuck cells: nothing, the healthy cell of a pair makes up for
        the stuck one, or columns are moved as well to where their weights suffer least.
    update : str or UpdateModel, optional
        What a write pulse does, for learning in the array (`Crossbar.add_outer`); a name of
        `neuromem.hardware.devices.update_models`.
    compensate : {"none", "global", "column"}
        Factor on the digital outputs that makes up for drift.
    temperature : float
        Of the chip, in K: of its cells, and of its wires, whose resistance grows by 0.45 % a
        kelvin from the values given at 300 K.
    g_max : float, optional
        Largest conductance in S; the profile is scaled to it.
    verify : mapping, optional
        Write with the incremental-pulse loop instead of the profile's programming statistics;
        holds the arguments of `neuromem.hardware.devices.write_verify`.
    dtype : dtype
        float32, or float64 where rounding matters more than memory.
    technology : mapping
        What the cost of a read is computed with: fields of `neuromem.hardware.Technology`.
    """

    tile: tuple[int, int] = (256, 256)
    scheme: str | None = None
    w_max: float | None = None
    clip: bool = False
    weight_bits: int = 8
    cell_bits: int | None = None
    factors: tuple[float, ...] = (1.0, 4.0)
    split: str = "fill"
    dac_bits: int | None = None
    adc_bits: int | None = None
    input_range: float | Literal["max"] = "max"
    adc_range: float | Literal["calibrated", "max"] = "calibrated"
    rounding: Literal["nearest", "stochastic"] = "nearest"
    serial: str | bool = ""
    input_noise: float = 0.0
    output_noise: float = 0.0
    gain_spread: float = 0.0
    offset_spread: float = 0.0
    wire_resistance: float | tuple[float, float] = 0.0
    driver_resistance: float = 0.0
    sense_resistance: float = 0.0
    wires: str = "exact"
    access_resistance: float = 0.0
    stuck_low: float | None = None
    stuck_high: float | None = None
    remap: str = "none"
    update: Any = None
    compensate: str = "none"
    temperature: float = 300.0
    g_max: float | None = None
    verify: Mapping[str, Any] | None = None
    dtype: Any = np.float32
    technology: Mapping[str, Any] = field(default_factory=dict)

    where = "Chip"

    def __post_init__(self) -> None:
        """Check every choice; the errors name it."""
        put = self._put
        put("tile", self._pair_of_lines())
        if self.scheme is not None:
            one_of(self.where, "scheme", self.scheme, SCHEMES)
        if self.w_max is not None:
            put("w_max", self._positive("w_max", self.w_max))
        put("weight_bits", self._bits("weight_bits", self.weight_bits, least=2))
        if self.cell_bits is not None:
            put("cell_bits", self._bits("cell_bits", self.cell_bits, most=8))
        put("factors", self._numbers("factors"))
        if not self.factors or list(self.factors) != sorted(self.factors):
            raise ParameterError(
                f"{self.where}: factors are {self.factors}; give significances, smallest first."
            )
        for name in ("dac_bits", "adc_bits"):
            if getattr(self, name) is not None:
                put(name, self._bits(name, getattr(self, name)))
        for name, words in (("input_range", ("max",)), ("adc_range", ("calibrated", "max"))):
            value = getattr(self, name)
            if isinstance(value, str):
                one_of(self.where, name, value, words)
            else:
                put(name, self._positive(name, value))
        if isinstance(self.serial, bool):
            put("serial", "sign-magnitude" if self.serial else "")
        one_of(self.where, "serial", self.serial, ("", "sign-magnitude", "twos-complement"))
        if self.serial and (self.dac_bits is None or self.dac_bits < 2):
            raise ParameterError(
                f"{self.where}: dac_bits is {self.dac_bits}, but serial inputs have a sign and at "
                "least one bit. Give dac_bits of 2 or more."
            )
        self._check_words_and_numbers()

    def _check_words_and_numbers(self) -> None:
        if not isinstance(self.clip, bool):
            raise ParameterError(f"{self.where}: clip is {self.clip!r}; give True or False.")
        if self.update is not None:
            from neuromem.hardware.devices.updates import update_model

            self._put("update", update_model(self.update))
        one_of(self.where, "split", self.split, ("fill", "equal"))
        one_of(self.where, "rounding", self.rounding, ("nearest", "stochastic"))
        one_of(self.where, "wires", self.wires, ("exact", "first-order"))
        one_of(self.where, "remap", self.remap, ("none", "pair", "columns"))
        one_of(self.where, "compensate", self.compensate, COMPENSATIONS)
        for name in (
            "input_noise",
            "output_noise",
            "gain_spread",
            "offset_spread",
            "driver_resistance",
            "sense_resistance",
            "access_resistance",
        ):
            self._put(name, real_number(self.where, name, getattr(self, name), 0.0))
        pair = self.wire_resistance if isinstance(self.wire_resistance, (tuple, list)) else None
        if pair is not None and len(pair) != 2:
            raise ParameterError(
                f"{self.where}: wire_resistance is {pair!r}; give one number in ohm, or two for "
                "word and bit lines."
            )
        ohms = tuple(
            real_number(self.where, "wire_resistance", value, 0.0)
            for value in (pair or (self.wire_resistance,) * 2)
        )
        self._put("wire_resistance", ohms)
        for name in ("stuck_low", "stuck_high"):
            if getattr(self, name) is not None:
                self._put(name, real_number(self.where, name, getattr(self, name), 0.0, 1.0))
        self._put("temperature", self._positive("temperature", self.temperature))
        if self.g_max is not None:
            self._put("g_max", self._positive("g_max", self.g_max))
        self._put("dtype", self._float_type())
        self._put("technology", self._keywords("technology", Technology))
        Technology(**self.technology)  # its own checks, before anything is mapped
        if self.verify is not None:
            from neuromem.hardware.devices.write_verify import write_verify

            self._put("verify", self._keywords("verify", write_verify))
            if "tolerance" not in self.verify:
                raise ParameterError(
                    f"{self.where}: verify has no tolerance; give the half width of the window "
                    "in S, such as verify={'tolerance': 1e-6}."
                )

    @property
    def cycles(self) -> int:
        """Reads that one product takes: one for each bit of a serial input."""
        if not self.serial or self.dac_bits is None:
            return 1
        return self.dac_bits - (self.serial == "sign-magnitude")

    @property
    def segments(self) -> tuple[float, float]:
        """Resistance of a word-line and of a bit-line segment, ohm."""
        assert isinstance(self.wire_resistance, tuple)
        return self.wire_resistance

    @property
    def wired(self) -> bool:
        """Whether any wire, driver or transistor resistance is above zero."""
        others = (self.driver_resistance, self.sense_resistance)
        return any(value > 0 for value in (*self.segments, *others))

    def changed(self) -> dict[str, Any]:
        """Return the choices that differ from the defaults, for provenance and `repr`."""
        fields = list(dataclasses.fields(self))
        given: dict[str, Any] = {}
        for each in fields:
            value = getattr(self, each.name)
            default = {} if each.name == "technology" else each.default
            if each.name == "wire_resistance":
                value, default = value if value[0] != value[1] else value[0], 0.0
            if value != default:
                given[each.name] = value.name if each.name == "dtype" else value
        return given

    def _float_type(self) -> np.dtype[Any]:
        try:
            name = np.dtype(self.dtype).name
        except TypeError:
            name = ""
        if name not in ("float32", "float64"):
            raise ParameterError(f"{self.where}: dtype is {self.dtype!r}; give float32 or float64.")
        return np.dtype(np.float32 if name == "float32" else np.float64)

    def _numbers(self, name: str) -> tuple[float, ...]:
        values = getattr(self, name)
        if not isinstance(values, (tuple, list)):
            raise ParameterError(f"{self.where}: {name} is {values!r}; give a tuple of numbers.")
        return tuple(self._positive(name, value) for value in values)

    def _keywords(self, name: str, call: Callable[..., Any]) -> dict[str, Any]:
        """Return the keyword arguments for `call` that an option holds, none of them unknown."""
        given = getattr(self, name)
        known = [
            key
            for key, one in inspect.signature(call).parameters.items()
            if one.kind is inspect.Parameter.KEYWORD_ONLY and key not in ("rng", "dtype")
        ]
        if not isinstance(given, Mapping):
            raise ParameterError(
                f"{self.where}: {name} is {given!r}; give a mapping with any of: "
                f"{', '.join(known)}."
            )
        for key in given:
            if key not in known:
                raise ParameterError(
                    f"{self.where}: {name} has no {key!r}; it has: {', '.join(known)}."
                )
        return dict(given)

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _positive(self, name: str, value: object) -> float:
        number = real_number(self.where, name, value, 0.0)
        if number == 0.0:
            raise ParameterError(f"{self.where}: {name} is 0; give a number above zero.")
        return number

    def _bits(self, name: str, value: object, least: int = 1, most: int = MOST_BITS) -> int:
        bits = whole_number(self.where, name, value, least=0)
        if not least <= bits <= most:
            way_out = " (or None for an ideal converter)" if name.endswith("c_bits") else ""
            raise ParameterError(
                f"{self.where}: {name} is {bits}; give {least} to {most} bits{way_out}."
            )
        return bits

    def _pair_of_lines(self) -> tuple[int, int]:
        try:
            rows, columns = self.tile
        except (TypeError, ValueError):
            raise ParameterError(
                f"{self.where}: tile is {self.tile!r}; give (word lines, bit lines), "
                "such as (256, 256)."
            ) from None
        lines = tuple(whole_number(self.where, "tile", n, least=1) for n in (rows, columns))
        return lines[0], lines[1]
