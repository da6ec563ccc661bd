"""Device profiles: what one kind of memory cell does, as data with its sources.

A profile is a TOML file: one of ``neuromem/hardware/profiles``, or your own. It says who measured
what, states the range where it holds, and refuses the rest.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import DataError, ParameterError, real_number
from neuromem.hardware.devices.laws import Law
from neuromem.hardware.devices.sections import (
    BOLTZMANN,
    KINDS,
    MICRO,
    ROOM,
    TECHNOLOGIES,
    Drift,
    Endurance,
    Noise,
    Programming,
    RandomWeights,
    Relaxation,
    Retention,
    Telegraph,
    parts_of,
)

__all__ = [
    "BOLTZMANN",
    "KINDS",
    "ROOM",
    "TECHNOLOGIES",
    "Drift",
    "Endurance",
    "Noise",
    "Profile",
    "Programming",
    "RandomWeights",
    "Relaxation",
    "Retention",
    "profile",
    "profiles",
]

_FOLDER = Path(__file__).parents[1] / "profiles"


@dataclass(frozen=True, repr=False, kw_only=True)
class Profile:
    """One kind of memory cell: its range, errors, changes in time, costs, and who measured them.

    Read one with `profile`; it is immutable, hashable and may be pickled. Conductances are in S.

    Attributes
    ----------
    name, title, technology, notes : str
        The short name, what it is, one of `TECHNOLOGIES`, and what is assumed.
    kind : {"analog", "binary", "digital"}
        What a cell holds; binary and digital cells are at `g_min` or `g_max`.
    sources : tuple of str
        Papers and figures.
    g_min, g_max : float
        Range in S.
    g_ref, law_unit : float
        Laws take the relative target G / `g_ref` and give S per `law_unit` where they are not
        relative.
    levels : int or None
        Levels that can be programmed, evenly spaced; None: any conductance.
    valid_time, valid_temperature : float, (float, float) or None
        Last time in s and range in K where the profile holds; None: no limit.
    read_voltage, read_duration : float
        Full scale in V, and s.
    activation : float
        Activation energy of the conduction in eV: at T, G times exp(-E/k (1/T - 1/300 K)).
    write_voltage, write_pulse, write_pulses : float
        V, s, and pulses a cell, with those that a verify loop needs.
    write_energy : float or None
        J a pulse, where it does not pass the cell's channel; None: V^2 G t.
    cell_area, node : float
        Area in F^2, and F in m.
    stuck_low, stuck_high : float
        Fractions of cells fixed at `g_min` and at `g_max`.
    programming, drift, relaxation, noise, telegraph, retention, endurance, random
        The effects (see `neuromem.hardware.devices.sections`); None where the device has none, or
        where nobody measured it.

    Examples
    --------
    >>> pcm = profile("pcm")
    >>> pcm.g_max, pcm.drift.t0
    (2.5e-05, 20.0)
    >>> float(pcm.programming_sigma(25e-6).round(12))
    1.05538e-06
    """

    name: str
    title: str
    technology: str
    kind: str
    sources: tuple[str, ...]
    notes: str = ""
    g_min: float
    g_max: float
    g_ref: float
    law_unit: float
    levels: int | None = None
    valid_time: float | None = None
    valid_temperature: tuple[float, float] | None = None
    read_voltage: float
    read_duration: float
    write_voltage: float
    write_pulse: float
    write_pulses: float
    write_energy: float | None = None
    cell_area: float
    node: float
    stuck_low: float = 0.0
    stuck_high: float = 0.0
    programming: Programming | None = None
    drift: Drift | None = None
    relaxation: Relaxation | None = None
    noise: Noise | None = None
    retention: Retention | None = None
    endurance: Endurance | None = None
    telegraph: Telegraph | None = None
    activation: float = 0.0
    random: RandomWeights | None = None

    def __repr__(self) -> str:
        return f"<Profile {self.name}: {self.title}; {self._range()}>"

    def __str__(self) -> str:
        return self.describe()

    # ------------------------------------------------------------------------------ range

    def scaled(self, g_max: float) -> Profile:
        """Return the same device with another range: relative behaviour stays as it is.

        Parameters
        ----------
        g_max : float
            New end of the range in S; `g_min` and all spreads in S change in proportion.

        Raises
        ------
        ParameterError
            If `g_max` is not a finite number above zero.

        Examples
        --------
        >>> rram, small = profile("rram-hfo2"), profile("rram-hfo2").scaled(25e-6)
        >>> float((rram.relaxation_sigma(40e-6, 1.0) / small.relaxation_sigma(25e-6, 1.0)).round(9))
        1.6
        """
        factor = real_number("Profile.scaled", "g_max", g_max, 1e-15) / self.g_max
        random = self.random
        if random is not None:
            random = replace(random, mean=random.mean * factor, sigma=random.sigma * factor)
        return replace(
            self,
            g_min=self.g_min * factor,
            g_max=float(g_max),
            g_ref=self.g_ref * factor,
            law_unit=self.law_unit * factor,
            random=random,
        )

    def check_time(self, seconds: float, where: str = "Profile") -> float:
        """Return `seconds` since programming as a float, if the profile holds then.

        Raises
        ------
        ParameterError
            If the time is negative, not finite, or later than `valid_time`; named as of `where`.
        """
        number = real_number(where, "seconds", seconds, 0.0)
        if self.valid_time is not None and number > self.valid_time:
            raise ParameterError(
                f"{where}: seconds is {number:g}; profile {self.name!r} holds from 0 to "
                f"{self.valid_time:g} s after programming. Ask for an earlier time."
            )
        return number

    def check_temperature(self, kelvin: float, where: str = "Profile") -> float:
        """Return a temperature in K as a float, if the profile holds there.

        Raises
        ------
        ParameterError
            If it is not a number above 0, or outside `valid_temperature`; named as of `where`.
        """
        number = real_number(where, "temperature", kelvin, 1.0)
        low, high = self.valid_temperature or (0.0, np.inf)
        if not low <= number <= high:
            raise ParameterError(
                f"{where}: temperature is {number:g} K; profile {self.name!r} holds from "
                f"{low:g} to {high:g} K. Give one in between."
            )
        return number

    # ------------------------------------------------------------------------------- laws

    def programming_sigma(self, conductance: npt.ArrayLike) -> Array:
        """Return the s.d. (S) of what one write leaves, at targets `conductance` (S)."""
        x = self._relative(conductance)
        return (
            np.zeros_like(x)
            if self.programming is None
            else self._spread(self.programming.sigma, x)
        )

    def drift_mean(self, conductance: npt.ArrayLike) -> Array:
        """Return the mean drift exponent of cells aimed at `conductance` (S)."""
        x = self._relative(conductance)
        return np.zeros_like(x) if self.drift is None else self.drift.mean(x)

    def drift_spread(self, conductance: npt.ArrayLike) -> Array:
        """Return the s.d. of the drift exponents of cells aimed at `conductance` (S)."""
        x = self._relative(conductance)
        return np.zeros_like(x) if self.drift is None else np.maximum(self.drift.spread(x), 0.0)

    def relaxation_sigma(self, target: npt.ArrayLike, seconds: float) -> Array:
        """Return the s.d. (S) that relaxation has reached in cells aimed at `target` (S)."""
        seconds = self.check_time(seconds, "Profile.relaxation_sigma")
        x = self._relative(target)
        if self.relaxation is None:
            return np.zeros_like(x)
        before, after, part, _, _ = self.relaxation.at(seconds)
        early, late = self._spread(before, x), self._spread(after, x)
        return np.sqrt((1.0 - part) * early**2 + part * late**2)

    def relaxation_shift(self, target: npt.ArrayLike, seconds: float) -> Array:
        """Return the mean change (S) that relaxation has made to cells aimed at `target` (S)."""
        seconds = self.check_time(seconds, "Profile.relaxation_shift")
        x = self._relative(target)
        if self.relaxation is None:
            return np.zeros_like(x)
        _, _, part, before, after = self.relaxation.at(seconds)
        if before is None or after is None:
            return np.zeros_like(x)
        return self.law_unit * ((1.0 - part) * before(x) + part * after(x))

    def noise_sigma(
        self, target: npt.ArrayLike, present: npt.ArrayLike, seconds: float = 0.0
    ) -> Array:
        """Return the s.d. (S) of the noise of cells aimed at `target` and now at `present` (S)."""
        seconds = self.check_time(seconds, "Profile.noise_sigma")
        now = np.asarray(present, np.float64)
        x, now = np.broadcast_arrays(self._relative(target), now)
        if self.noise is None:
            return np.zeros_like(x)
        scale = now if self.noise.relative else self.law_unit
        return np.maximum(self.noise.law(x), 0.0) * self.noise.factor(seconds) * scale

    def _relative(self, conductance: npt.ArrayLike) -> Array:
        return np.asarray(conductance, dtype=np.float64) / self.g_ref

    def _spread(self, law: Law, x: Array) -> Array:
        return self.law_unit * np.maximum(law(x), 0.0)

    # -------------------------------------------------------------------------- for people

    def describe(self) -> str:
        """Return a page on the device: range, effects, limits, costs, sources.

        >>> print(profile("ideal").describe())
        ideal: Ideal device, what is written is what is read, for ever (ideal, analog)
          conductance  0 to 25 uS, any value
          read         0.2 V for 100 ns
          write        2 V, pulses of 100 ns, 1 a cell
          cell         25 F^2 at 45 nm
          source       none: the limit that every other device is held against
          notes        Range, voltages, durations and area are stand-ins, so that costs are
                       finite.
        """
        page = [f"{self.name}: {self.title} ({self.technology}, {self.kind})"]
        for key, text in [*self._effects(), *self._limits()]:
            first, later = f"  {key:<13}", 15 * " "
            # Not within words: a DOI is to be copied.
            page += textwrap.wrap(
                text,
                90,
                initial_indent=first,
                subsequent_indent=later,
                break_on_hyphens=False,
                break_long_words=False,
            )
        return "\n".join(page)

    def _range(self) -> str:
        return f"{self.g_min / MICRO:.4g} to {self.g_max / MICRO:.4g} uS"

    def _effects(self) -> Iterator[tuple[str, str]]:
        """Give what happens to conductances, line by line."""
        top, levels = self.g_max, f"{self.levels} levels" if self.levels else "any value"
        yield "conductance", f"{self._range()}, {levels}"
        if self.programming is not None:
            yield "programming", f"s.d. {self.programming_sigma(top) / MICRO:.3g} uS at g_max"
        if self.drift is not None:
            nu = f"{self.drift_mean(top):.3g} +- {self.drift_spread(top):.2g}"
            yield "drift", f"((t + t0) / t0)^-nu, nu = {nu} at g_max, t0 = {self.drift.t0:g} s"
        if self.relaxation is not None:
            start = self.relaxation.times[0] if self.relaxation.times else 1.0
            spread = self.relaxation_sigma(top, start) / MICRO
            held = ", programming included" * self.relaxation.includes_programming
            ends = ", clipped to the range" * self.relaxation.clip
            yield "relaxation", f"s.d. {spread:.3g} uS at g_max after {start:g} s{held}{ends}"
        if self.noise is not None:
            share = self.noise_sigma(top, top, 1.0) / top
            yield "noise", f"s.d. {share:.3%} at g_max after 1 s, drawn anew per {self.noise.per}"
        if self.retention is not None:
            years = 10 * 3.15576e7
            yield "retention", f"{self.retention.lost(years):.2g} of the cells lost in 10 years"
        if self.telegraph is not None:
            noise = self.telegraph
            yield "telegraph", f"{noise.amplitude:g} of G lost {noise.lower:.0%} of the time"
        if self.activation:
            yield "conduction", f"activated by {self.activation:g} eV"
        if self.endurance is not None:
            yield "endurance", f"{self.endurance.cycles:g} writes"
        if self.stuck_low or self.stuck_high:
            yield "stuck", f"{self.stuck_low:.2%} at g_min, {self.stuck_high:.2%} at g_max"

    def _limits(self) -> Iterator[tuple[str, str]]:
        """Give where the profile holds, what reads and writes take, and who says so."""
        if self.valid_time is not None:
            yield "holds", f"to {self.valid_time:.4g} s after programming"
        if self.valid_temperature is not None:
            yield "holds", "from {:g} to {:g} K".format(*self.valid_temperature)
        yield "read", f"{self.read_voltage:g} V for {_amount(self.read_duration, 's')}"
        pulses = f"pulses of {_amount(self.write_pulse, 's')}, {self.write_pulses:g} a cell"
        yield "write", f"{self.write_voltage:g} V, {pulses}"
        yield "cell", f"{self.cell_area:g} F^2 at {_amount(self.node, 'm')}"
        for source in self.sources:
            yield "source", source
        if self.notes:
            yield "notes", self.notes


def profiles() -> list[str]:
    """Return the names of all device profiles, sorted, the ideal device first.

    >>> profiles()[0]
    'ideal'
    """
    names = (path.stem for path in _FOLDER.glob("*.toml"))
    return sorted(names, key=lambda name: (name != "ideal", name))


def profile(name: str | Path | Profile) -> Profile:
    """Return a device profile.

    Parameters
    ----------
    name : str, Path or Profile
        One of `profiles`, or the path of a TOML file of your own (a Path, or a text that ends in
        ``.toml``). A profile passes through.

    Raises
    ------
    ParameterError
        If there is no profile of that name, or the file says something that is unknown, missing
        or impossible; the error names file, section and key.
    DataError
        If there is no such file.

    Examples
    --------
    >>> profile("pcm")
    <Profile pcm: Phase-change memory, doped Ge2Sb2Te5 mushroom cells; 0 to 25 uS>
    >>> profile("pcmm")
    Traceback (most recent call last):
        ...
    neuromem.core.errors.ParameterError: no device profile 'pcmm'; there are: ideal, ...
    """
    if isinstance(name, Profile):
        return name
    if isinstance(name, Path) or (isinstance(name, str) and name.endswith(".toml")):
        path = Path(name).expanduser()
        if not path.is_file():
            raise DataError(f"profile: there is no file {str(path)!r}; give the path of one.")
        return _read(path.resolve(), path.stat().st_mtime_ns)
    if isinstance(name, str) and name in profiles():
        return _read(_FOLDER / f"{name}.toml", 0)
    raise ParameterError(
        f"no device profile {name!r}; there are: {', '.join(profiles())}. "
        "Or give the path of a .toml file of your own."
    )


@lru_cache(maxsize=64)
def _read(path: Path, stamp: int) -> Profile:
    """Read a file, once for each `stamp` of its last change."""
    made = Profile(**parts_of(path))
    _check_spreads(made, path.name)
    return made


def _check_spreads(made: Profile, file: str) -> None:
    """Raise where a law that must be >= 0 is negative or not finite in the range."""
    x = np.linspace(made.g_min, made.g_max, 257) / made.g_ref
    for key, law in _spreads(made):
        with np.errstate(over="ignore"):
            values = law(x)
        worst = int(np.argmin(np.where(np.isfinite(values), values, -np.inf)))
        if not values[worst] >= 0:
            at = x[worst] * made.g_ref / MICRO
            raise ParameterError(
                f"{file}: {key} is {values[worst]:.3g} at {at:.4g} uS; it must be a finite "
                "number >= 0. Give the piece `low = 0.0`, or correct its numbers."
            )


def _spreads(made: Profile) -> Iterator[tuple[str, Law]]:
    if made.programming is not None:
        yield "[programming] sigma", made.programming.sigma
    if made.drift is not None:
        yield "[drift] mean", made.drift.mean  # a negative one would be folded: nu = |...|
        yield "[drift] spread", made.drift.spread
    if made.relaxation is not None:
        for k, law in enumerate(made.relaxation.sigma):
            yield f"[relaxation] sigma[{k}]", law
    if made.noise is not None:
        yield f"[noise] {'relative' if made.noise.relative else 'absolute'}", made.noise.law


def _amount(value: float, unit: str) -> str:
    """Return a number with the prefix that leaves 1 to 999 before the point."""
    for prefix, size in (("n", 1e-9), ("u", 1e-6), ("m", 1e-3)):
        if value < 999.5 * size:
            return f"{value / size:.4g} {prefix}{unit}"
    return f"{value:.4g} {unit}"
