"""The sections of a device profile: what each holds and how it is read from a file.

Units in the files: conductances and spreads in uS, the rest in SI. Spreads in uS hold for the
range that a device was measured at; `Profile.law_unit` turns them into S.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuromem.core.errors import ParameterError
from neuromem.hardware.devices.laws import Law, Piece
from neuromem.hardware.devices.toml_tables import Table

BOLTZMANN = 8.617333262e-5
"""Boltzmann's constant in eV / K."""
MICRO = 1e-6
"""Siemens in a microsiemens, in which the files give conductances."""
ROOM = 300.0
"""Temperature in K where none is given."""

KINDS = ("analog", "binary", "digital")
"""Any conductance in the range; one of two; one of two and read without error."""
TECHNOLOGIES = ("RRAM", "PCM", "FeFET", "ECRAM", "SONOS", "MRAM", "SRAM", "ideal")


@dataclass(frozen=True, slots=True)
class Programming:
    """Error of one write, normal: `sigma` in uS, a law of the relative target."""

    sigma: Law

    @classmethod
    def read(cls, table: Table) -> Programming:
        """Return what a [programming] table says."""
        return cls(table.law("sigma"))


@dataclass(frozen=True, slots=True)
class Drift:
    r"""Power law in time, with an exponent for each device.

    .. math:: G(t) = G(0) \left(\frac{t + t_0}{t_0}\right)^{-\nu}, \quad
              \nu = |\text{mean} + \text{spread} \cdot N(0, 1)|

    `mean` and `spread` are laws of the relative target, `t0` is in s.
    """

    t0: float
    mean: Law
    spread: Law

    @classmethod
    def read(cls, table: Table) -> Drift:
        """Return what a [drift] table says."""
        return cls(table.positive("t0"), table.law("mean"), table.law("spread"))

    def log_time(self, seconds: float) -> float:
        """Return ln((t + t0) / t0), whose product with -nu is the change of ln G."""
        return math.log1p(seconds / self.t0)


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Additive change after programming, shift(t) + sigma(t) N(0, 1) with one normal a device.

    Attributes
    ----------
    times : tuple of float
        In s. Between them sigma^2 and shift are linear in ln t, before and after them constant.
    sigma, shift : tuple of Law
        For each time, in uS of the relative target; `shift` may be empty.
    log_sigma, log_shift : (float, float) or None
        Instead: (a, b) of a ln t + b in uS, whatever the target, for t >= 1 s.
    includes_programming : bool
        The spread at the first time holds the error of programming. Of cells that a verify loop
        has written, whose error is known, the relaxation is then sigma^2(t) - sigma^2(first).
    clip : bool
        Relaxation, and slow noise on top of it, end at `g_min` and `g_max`.
    """

    times: tuple[float, ...] = ()
    sigma: tuple[Law, ...] = ()
    shift: tuple[Law, ...] = ()
    log_sigma: tuple[float, float] | None = None
    log_shift: tuple[float, float] | None = None
    includes_programming: bool = False
    clip: bool = False

    @classmethod
    def read(cls, table: Table) -> Relaxation:
        """Return what a [relaxation] table says."""
        included, clip = table.flag("includes_programming"), table.flag("clip")
        if table.has("log_time"):
            inner = table.table("log_time")
            (a, b), (c, d) = inner.numbers("sigma", 2), inner.numbers("shift", 2)
            inner.done()
            return cls(log_sigma=(a, b), log_shift=(c, d), includes_programming=included, clip=clip)
        times = table.rising("times")
        shift = table.laws("shift", len(times)) if table.has("shift") else ()
        sigma = table.laws("sigma", len(times))
        return cls(times, sigma, shift, includes_programming=included, clip=clip)

    def at(self, seconds: float) -> tuple[Law, Law, float, Law | None, Law | None]:
        """Return sigma before and after, how far `seconds` lies between, and both shifts."""
        if self.log_sigma is not None and self.log_shift is not None:
            ln_t = math.log(max(seconds, 1.0))
            sigma = _constant(max(self.log_sigma[0] * ln_t + self.log_sigma[1], 0.0))
            shift = _constant(self.log_shift[0] * ln_t + self.log_shift[1])
            return sigma, sigma, 0.0, shift, shift
        times, last = self.times, len(self.times) - 1
        ln_t = math.log(max(seconds, times[0]))
        place = float(np.interp(ln_t, np.log(times), np.arange(last + 1)))
        k = int(place)
        after = min(k + 1, last)
        shifts = (self.shift[k], self.shift[after]) if self.shift else (None, None)
        return self.sigma[k], self.sigma[after], place - k, *shifts


@dataclass(frozen=True, slots=True)
class Noise:
    """Fluctuation of a cell as it is read, normal.

    Attributes
    ----------
    per : {"time", "read"}
        One draw for each reading time (1/f noise since programming), or fresh in every product.
    law : Law
        The s.d. of the relative target: a fraction of the present conductance, or uS.
    relative : bool
        Which of them.
    growth : (float, float) or None
        (t0, t_read) in s: the s.d. is multiplied by sqrt(ln((t + t0 + t_read) / (2 t_read))).
    """

    per: str
    law: Law
    relative: bool
    growth: tuple[float, float] | None = None

    @classmethod
    def read(cls, table: Table) -> Noise:
        """Return what a [noise] table says."""
        relative, absolute = table.has("relative"), table.has("absolute")
        if relative == absolute:
            raise ParameterError(
                f"{table.where('relative')}: there are {'both' if relative else 'neither'} of "
                "relative and absolute; give one of them."
            )
        growth = None
        if table.has("growth"):
            inner = table.table("growth")
            growth = inner.number("t0"), inner.positive("t_read")
            inner.done()
        spread = table.law("relative" if relative else "absolute")
        return cls(table.text("per", ("time", "read")), spread, relative, growth)

    def factor(self, seconds: float) -> float:
        """Return what the growth multiplies the s.d. by."""
        if self.growth is None:
            return 1.0
        t0, t_read = self.growth
        return math.sqrt(max(math.log((seconds + t0 + t_read) / (2.0 * t_read)), 0.0))


@dataclass(frozen=True, slots=True)
class Retention:
    r"""When a cell loses what it holds, by thermal activation.

    Log-normal about `time` (s at `reference_temperature`), with s.d. `spread` of ln t, faster when
    hot by :math:`\exp(E_a / k (1 / T_{ref} - 1 / T))`; or, for magnetic cells with the barrier
    `delta` at `reference_temperature`, exponential at the rate
    :math:`\exp(-\Delta T_{ref} / T) / \tau_0`.
    """

    reference_temperature: float
    activation_energy: float = 0.0
    time: float = math.inf
    spread: float = 0.0
    delta: float | None = None
    tau0: float = 1e-9

    @classmethod
    def read(cls, table: Table) -> Retention:
        """Return what a [retention] table says."""
        if table.has("delta"):
            kelvin = table.positive("reference_temperature", ROOM)
            return cls(kelvin, delta=table.positive("delta"), tau0=table.positive("tau0", 1e-9))
        names = ("reference_temperature", "activation_energy", "time", "spread")
        return cls(**{name: table.positive(name) for name in names})

    def flipped(self, seconds: float, temperature: float = ROOM) -> float:
        r"""Return the fraction of two-level cells that are in the other level then.

        A cell goes over as easily as it comes back. With F the fraction that has gone over at
        least once, F (1 - F / 2), at last one half: of magnetic cells, which go over at the rate
        k, :math:`(1 - e^{-2 k t}) / 2`.
        """
        once = self.lost(seconds, temperature)
        return once * (1.0 - 0.5 * once)

    def lost(self, seconds: float, temperature: float = ROOM) -> float:
        """Return the fraction of cells that have failed by `seconds` at `temperature` (K)."""
        if seconds <= 0:
            return 0.0
        if self.delta is not None:
            barrier = self.delta * self.reference_temperature / temperature
            return -math.expm1(-seconds / self.tau0 * math.exp(-barrier))
        pace = 1.0 / self.reference_temperature - 1.0 / temperature
        late = math.log(seconds / self.time) + self.activation_energy / BOLTZMANN * pace
        return 0.5 * math.erfc(-late / self.spread / math.sqrt(2.0))


@dataclass(frozen=True, slots=True)
class Telegraph:
    """Random telegraph noise of one trap a cell: share of G it takes, mean dwells (s).

    A cell conducts G while the trap is in its upper state, and G (1 - amplitude) in its lower.
    """

    amplitude: float
    up_time: float
    down_time: float

    @classmethod
    def read(cls, table: Table) -> Telegraph:
        """Return what a [telegraph] table says."""
        amplitude = table.number("amplitude", most=1.0)
        return cls(amplitude, table.positive("up_time"), table.positive("down_time"))

    @property
    def lower(self) -> float:
        """The fraction of time in the lower state."""
        return self.down_time / (self.up_time + self.down_time)


@dataclass(frozen=True, slots=True)
class Endurance:
    """Writes until the window is closed, and the exponent with which it closes."""

    cycles: float
    exponent: float

    @classmethod
    def read(cls, table: Table) -> Endurance:
        """Return what an [endurance] table says."""
        return cls(table.positive("cycles"), table.positive("exponent", 1.0))


@dataclass(frozen=True, slots=True)
class RandomWeights:
    """Cells as a source of random weights.

    Breakdown voltage (V) of fresh cells, conductance (S) of those broken down, relative noise of
    a read.
    """

    breakdown_mean: float
    breakdown_sigma: float
    mean: float
    sigma: float
    read_noise: float

    @classmethod
    def read(cls, table: Table) -> RandomWeights:
        """Return what a [random] table says."""
        return cls(
            table.positive("breakdown_mean"),
            table.positive("breakdown_sigma"),
            _siemens(table.positive("mean")),
            _siemens(table.number("sigma")),
            table.number("read_noise"),
        )


def parts_of(path: Path) -> dict[str, Any]:
    """Read a profile's file into the arguments of `Profile`.

    Raises
    ------
    ParameterError
        If the file says something that is unknown, missing or impossible.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path.name}: this is no TOML file: {error}.") from None
    top = Table(path.name, "", data)
    parts: dict[str, Any] = {"name": top.text("name"), "title": top.text("title")}
    if parts["name"] != path.stem:
        raise ParameterError(
            f"{top.where('name')} is {parts['name']!r}; give {path.stem!r}, the name of the file."
        )
    parts["technology"] = top.text("technology", TECHNOLOGIES)
    parts["kind"] = top.text("kind", KINDS)
    parts["sources"] = top.texts("sources")
    if top.has("notes"):
        parts["notes"] = top.text("notes")
    for name, read in _PLAIN.items():
        if top.has(name) or name not in _MAY_BE_LEFT_OUT:
            section = top.table(name)
            parts |= read(section)
            section.done()
    for name, build in _EFFECTS.items():
        if top.has(name):
            section = top.table(name)
            parts[name] = build(section)
            section.done()
    top.done()
    return parts


def _conductance(table: Table) -> dict[str, Any]:
    low, high = table.number("g_min"), table.positive("g_max")
    if low >= high:
        raise ParameterError(f"{table.where('g_max')} is {high:g}; give one above g_min, {low:g}.")
    parts = {"g_min": _siemens(low), "g_max": _siemens(high), "law_unit": MICRO}
    parts["g_ref"] = _siemens(table.positive("g_ref", high))
    parts["activation"] = table.number("activation", 0.0)
    if not table.has("levels"):
        return parts
    levels = table.number("levels")
    if levels < 2 or levels != int(levels):
        raise ParameterError(
            f"{table.where('levels')} is {levels:g}; give a whole number from 2 up, or none."
        )
    return parts | {"levels": int(levels)}


def _valid(table: Table) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if table.has("time"):
        parts["valid_time"] = table.positive("time")
    if table.has("temperature"):
        parts["valid_temperature"] = table.rising("temperature", 2)
    return parts


def _faults(table: Table) -> dict[str, Any]:
    low, high = (table.number(key, 0.0, most=1.0) for key in ("stuck_low", "stuck_high"))
    if low + high > 1:
        raise ParameterError(
            f"{table.where('stuck_low')} and stuck_high are {low:g} and {high:g}; give fractions "
            "that sum to 1 at most."
        )
    return {"stuck_low": low, "stuck_high": high}


def _area(table: Table) -> dict[str, Any]:
    node = table.positive("node")
    if not 1e-9 <= node <= 1e-5:
        raise ParameterError(
            f"{table.where('node')} is {node:g}; give metres from 1e-9 to 1e-5, such as 90e-9."
        )
    return {"cell_area": table.positive("cell"), "node": node}


_PLAIN: dict[str, Callable[[Table], dict[str, Any]]] = {
    "conductance": _conductance,
    "valid": _valid,
    "faults": _faults,
    "read": lambda table: {
        "read_voltage": table.positive("voltage"),
        "read_duration": table.positive("duration"),
    },
    "write": lambda table: {
        "write_voltage": table.positive("voltage"),
        "write_pulse": table.positive("pulse"),
        "write_pulses": table.positive("pulses", 1.0),
        "write_energy": table.positive("energy") if table.has("energy") else None,
    },
    "area": _area,
}
_MAY_BE_LEFT_OUT = ("valid", "faults")
_EFFECTS: dict[str, Callable[[Table], Any]] = {
    "programming": Programming.read,
    "drift": Drift.read,
    "relaxation": Relaxation.read,
    "noise": Noise.read,
    "telegraph": Telegraph.read,
    "retention": Retention.read,
    "endurance": Endurance.read,
    "random": RandomWeights.read,
}


def _constant(value: float) -> Law:
    return Law((Piece("polynomial", (value,)),))


def _siemens(micro: float) -> float:
    """Convert, rounded only once: 25 * 1e-6 is not 2.5e-05."""
    return micro / 1e6
