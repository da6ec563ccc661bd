"""A population of programmed cells, each of which keeps what is its own.

The vocabulary of the field, which is often mixed up: the *programming error* is made once per
write; *drift*, *relaxation* and *retention loss* follow from numbers that each device draws once,
so that reads at three times lie on one trajectory; *noise* is drawn per reading time or per read;
a *fault* is fixed for life.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.randomness import Rng, seed_sequence, stream
from neuromem.core.threads import spread
from neuromem.hardware.devices.laws import Law
from neuromem.hardware.devices.profile import (
    BOLTZMANN,
    ROOM,
    Noise,
    Profile,
    Relaxation,
    Retention,
)
from neuromem.hardware.devices.profile import profile as find_profile
from neuromem.hardware.devices.sections import Telegraph
from neuromem.hardware.devices.targets import as_reached, as_targets, float_type, stuck_shares
from neuromem.kernels import devices as kernels

BLOCK = kernels.BLOCK
CHUNK = 32
"""Blocks that one call of a kernel takes: 32,768 cells, whose arrays stay in a core's cache."""

Key: TypeAlias = tuple[str | int, ...]
"""Names the stream of an effect."""
Step: TypeAlias = Callable[[slice, Array, Array], object]
"""Changes the conductances of some cells, given their random words, in place."""

_WORK = 64
"""Word operations a cell, by which `spread` judges if threads are worth their while."""
_NOTHING = np.empty(0, np.uint32)
_NO_LAW = np.empty((0, 1))


class Devices:
    """Programmed cells of one profile; `Devices.program` makes them.

    Attributes
    ----------
    profile : Profile
        What the cells are.
    target : ndarray, any shape
        What they were aimed at, in S, on the profile's levels; read-only.
    stuck : ndarray of int8 or None
        0 for a good cell, -1 for one that is stuck at `g_min`, +1 at `g_max`; None: all are good.

    Notes
    -----
    The effects compose in the order of their moments: programming error, faults, drift,
    relaxation, retention loss, temperature, noise. Conductances never fall below zero. A stuck
    cell neither drifts nor relaxes, but its reads are noisy. A cell that has lost its state is at
    `g_min`. One of two levels goes over to the other and back: at each time the share of cells in
    the wrong level is right, at last one half, but a cell that is seen there stays there (it has
    one number for life). Telegraph noise is drawn for each reading time, as for times that lie
    farther apart than the trap's dwells.

    What a device draws depends on the seed and its place alone, and each effect has a stream of
    its own: switching one on leaves the draws of the others as they are.

    Examples
    --------
    >>> import numpy as np
    >>> cells = Devices.program("pcm", np.full((128, 64), 20e-6), rng=1)
    >>> cells.shape, cells.nbytes // cells.target.size  # target, what was written, drift exponent
    ((128, 64), 12)
    >>> day, year = (cells.conductance(t).mean() * 1e6 for t in (86400.0, 3.2e7))
    >>> print(f"{day:.1f} uS after a day, {year:.1f} uS after a year")
    13.3 uS after a day, 10.0 uS after a year
    """

    def __init__(
        self,
        profile: Profile,
        target: Array,
        programmed: Array,
        exponents: Array | None,
        stuck: Array | None,
        seed: np.random.SeedSequence,
        verified: bool = False,
    ) -> None:
        self.profile, self.target, self.stuck = profile, target, stuck
        self._verified = verified
        self._programmed, self._exponents, self._seed = programmed, exponents, seed
        for array in (target, programmed, exponents, stuck):
            if array is not None:
                array.flags.writeable = False

    def __repr__(self) -> str:
        return f"<Devices: {' x '.join(map(str, self.shape))} cells of {self.profile.name}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the population."""
        return self.target.shape

    @property
    def nbytes(self) -> int:
        """Bytes that the simulation holds; each array is there only if the profile needs it."""
        held = (self.target, self._programmed, self._exponents, self.stuck)
        return sum({id(array): array.nbytes for array in held if array is not None}.values())

    # -------------------------------------------------------------------------- writing

    @classmethod
    def program(
        cls,
        profile: str | Profile,
        target: npt.ArrayLike,
        *,
        rng: Rng = None,
        stuck_low: float | None = None,
        stuck_high: float | None = None,
        programmed: npt.ArrayLike | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> Devices:
        """Write conductances to fresh cells.

        Parameters
        ----------
        profile : str or Profile
            What the cells are, see `neuromem.hardware.devices.profile`.
        target : array_like, any shape
            Conductances in S from the profile's `g_min` to its `g_max`. They are rounded to its
            levels, if it has any; cells of two levels take these two alone.
        rng : int, SeedSequence, Generator or None
            Seed of all that is random in these devices for their whole life.
        stuck_low, stuck_high : float, optional
            Fractions of cells that are stuck at `g_min` and at `g_max`; left out: the profile's.
            With the same seed, a higher fraction keeps the stuck cells of a lower one.
        programmed : array_like, shape of `target`, optional
            What a write-verify loop has reached, in S, instead of the profile's programming error;
            also of one that a relaxation with `includes_programming` holds.
        dtype : dtype
            float32, or float64: the same devices to rounding.

        Raises
        ------
        ParameterError
            If a target is outside the range, or not a level of a two-level cell; if there is no
            such profile; if the fractions are not from 0 to 1 in sum; for any other dtype.
        ShapeError
            If `programmed` has another shape than `target`.

        Examples
        --------
        >>> Devices.program("pcm", [10e-6, 40e-6])
        Traceback (most recent call last):
            ...
        neuromem.core.errors.ParameterError: Devices.program: 1 of 2 targets outside the range of \
        'pcm', 0 to 25 uS; the farthest is 40 uS. Rescale the targets, or the profile with \
        profile.scaled(g_max).
        """
        device, seed = find_profile(profile), seed_sequence(rng)
        low, high = stuck_shares(device, stuck_low, stuck_high)
        aim = as_targets(device, target, float_type(dtype))
        goal, held, exponents, stuck = aim.reshape(-1), aim, None, None
        if programmed is not None:
            held = as_reached(programmed, aim)
        elif device.programming is not None:
            held, sigma = np.empty_like(aim), device.programming.sigma.table()

            def write(cells: slice, words: Array, out: Array) -> None:
                kernels.program(goal[cells], device.g_ref, device.law_unit, words, sigma, out)

            _run(held, seed, [(("programming",), write)])
        if device.drift is not None:
            exponents = np.empty_like(aim)
            mean, width = device.drift.mean.table(), device.drift.spread.table()

            def draw(cells: slice, words: Array, out: Array) -> None:
                kernels.exponents(goal[cells], device.g_ref, words, mean, width, out)

            _run(exponents, seed, [(("drift",), draw)])
        if low or high:
            stuck = _stuck(aim.shape, seed, low, high)
            ends = np.where(stuck < 0, device.g_min, device.g_max).astype(aim.dtype)
            held = np.where(stuck == 0, held, ends)
        return cls(device, aim, held, exponents, stuck, seed, programmed is not None)

    @property
    def programmed(self) -> Array:
        """What the cells were left at by the write itself, in S; read-only."""
        view = self._programmed.view()
        view.flags.writeable = False
        return view

    def rewritten(self, conductance: Array, moved: Array) -> Devices:
        """Return the same devices with other conductances in some cells, as pulses left them.

        Parameters
        ----------
        conductance : ndarray, the population's shape
            In S, within the profile's range.
        moved : ndarray of bool, the population's shape
            Which cells were pulsed; a stuck one stays as it is.
        """
        if self.stuck is not None:
            moved = moved & (self.stuck == 0)
        held = conductance.astype(self.target.dtype)
        return Devices(
            self.profile,
            np.where(moved, held, self.target),
            np.where(moved, held, self._programmed),
            self._exponents,
            self.stuck,
            self._seed,
            self._verified,
        )

    # -------------------------------------------------------------------------- reading

    def conductance(
        self, seconds: float = 0.0, *, noise: bool = True, temperature: float | None = None
    ) -> Array:
        """Return what every cell conducts some time after programming.

        Parameters
        ----------
        seconds : float
            Time since programming.
        noise : bool
            Whether to add the noise that a device has once per reading time; the same time gives
            the same noise. What is fresh in every read is left to `read` and `read_sigma`.
        temperature : float, optional
            In K, at which the cells are kept and read; left out: 300 K. Heat speeds up retention
            loss, and conduction that is activated.

        Returns
        -------
        ndarray, the population's shape and dtype
            In S. Read-only where nothing changes with time, for it is what the cells hold.

        Raises
        ------
        ParameterError
            If the profile does not hold at that time or temperature.
        """
        device, where = self.profile, "Devices.conductance"
        seconds = device.check_time(seconds, where)
        kelvin = device.check_temperature(ROOM if temperature is None else temperature, where)
        steps: list[tuple[Key | None, Step]] = []
        if device.drift is not None and self._exponents is not None:
            steps.append((None, self._drift(self._exponents, device.drift.log_time(seconds))))
        if device.relaxation is not None:
            steps.append((("relaxation",), self._relaxation(device.relaxation, seconds)))
        lost = 0.0 if device.retention is None else self._lost(device.retention, seconds, kelvin)
        if lost > 0.0:
            steps.append((("retention",), self._loss(lost)))
        if steps and self.stuck is not None:
            steps.append((None, self._faults(self.stuck)))
        grown = math.exp(-device.activation / BOLTZMANN * (1.0 / kelvin - 1.0 / ROOM))
        if grown != 1.0:
            steps.append((None, _scaling(grown)))
        if noise and device.telegraph is not None:
            key = ("telegraph", _bits_of(seconds))
            steps.append((key, _trapping(device.telegraph)))
        if noise and device.noise is not None and device.noise.per == "time":
            steps.append((("slow noise", _bits_of(seconds)), self._noise(device.noise, seconds)))
        if device.relaxation is not None and device.relaxation.clip:
            steps.append((None, _clipping(grown * device.g_min, grown * device.g_max)))
        if not steps:
            return self._programmed
        return _run(np.empty_like(self.target), self._seed, steps, self._programmed)

    def read_sigma(self, seconds: float = 0.0, *, temperature: float | None = None) -> Array | None:
        """Return the s.d. (S) of the noise that each cell has afresh in every read.

        None where the profile has no such noise. The parameters are those of `conductance`.
        """
        noise, reference = self.profile.noise, self.profile.g_ref
        if noise is None or noise.per != "read":
            return None
        now = self.conductance(seconds, temperature=temperature)
        table, scale = noise.law.table(), self._noise_scale(noise, seconds)

        def turn(cells: slice, words: Array, out: Array) -> None:
            kernels.noise_sigma(self._goal(cells), reference, table, scale, noise.relative, out)

        return _run(np.empty_like(now), self._seed, [(None, turn)], now)

    def read(
        self, seconds: float = 0.0, rng: Rng = None, *, temperature: float | None = None
    ) -> Array:
        """Return one read of every cell, noise included, in S.

        Parameters
        ----------
        seconds : float
            Time since programming.
        rng : int, SeedSequence, Generator or None
            Seed of this read's noise; a Generator gives other noise in each read.
        temperature : float, optional
            In K, as for `conductance`.

        Examples
        --------
        >>> cells, noise = Devices.program("rram-hfo2", [20e-6] * 4), np.random.default_rng(0)
        >>> bool((cells.read(1.0, noise) != cells.read(1.0, noise)).all())
        True
        """
        now = self.conductance(seconds, temperature=temperature)
        noise = self.profile.noise
        if noise is None or noise.per != "read":
            return now
        steps: list[tuple[Key | None, Step]] = [(("read",), self._noise(noise, seconds))]
        return _run(np.empty_like(now), seed_sequence(rng), steps, now)

    # ----------------------------------------------------------- what changes a conductance

    def _drift(self, exponents: Array, log_time: float) -> Step:
        nu = exponents.reshape(-1)
        return lambda cells, words, out: kernels.drift(nu[cells], log_time, out)

    def _relaxation(self, relaxation: Relaxation, seconds: float) -> Step:
        before, after, part, shift, later = relaxation.at(seconds)
        known = self._verified and relaxation.includes_programming
        made = relaxation.at(0.0)[0] if known else None
        laws = before.table(), after.table(), part, _table_of(shift), _table_of(later)
        first, device = _table_of(made), self.profile
        return lambda cells, words, out: kernels.relax(
            self._goal(cells), device.g_ref, device.law_unit, words, *laws, first, out
        )

    def _lost(self, retention: Retention, seconds: float, kelvin: float) -> float:
        """Return the share of cells that do not hold what they were given."""
        count = retention.lost if self.profile.kind == "analog" else retention.flipped
        return count(seconds, kelvin)

    def _loss(self, share: float) -> Step:
        """Let cells fail whose number, drawn once for life, is below the share of the lost."""
        device, limit = self.profile, np.uint64(share * 2**32)
        low, high = (self.target.dtype.type(g) for g in (device.g_min, device.g_max))
        middle = 0.5 * (device.g_min + device.g_max)

        def fall(cells: slice, words: Array, out: Array) -> None:
            lost = words[: out.size] < limit
            falls = device.kind == "analog" or self._goal(cells) > middle
            np.copyto(out, np.where(falls, low, high), where=lost)

        return fall

    def _faults(self, stuck: Array) -> Step:
        held, good = self._programmed.reshape(-1), stuck.reshape(-1) == 0
        return lambda cells, words, out: np.copyto(out, held[cells], where=~good[cells])

    def _noise(self, noise: Noise, seconds: float) -> Step:
        table, scale = noise.law.table(), self._noise_scale(noise, seconds)
        reference = self.profile.g_ref
        return lambda cells, words, out: kernels.fluctuate(
            self._goal(cells), reference, words, table, scale, noise.relative, out
        )

    def _noise_scale(self, noise: Noise, seconds: float) -> float:
        return noise.factor(seconds) * (1.0 if noise.relative else self.profile.law_unit)

    def _goal(self, cells: slice) -> Array:
        """Return what cells are aimed at: stuck ones at the conductance they are stuck at."""
        goal: Array = self.target.reshape(-1)[cells]
        if self.stuck is None:
            return goal
        return np.where(
            self.stuck.reshape(-1)[cells] == 0, goal, self._programmed.reshape(-1)[cells]
        )


def _scaling(factor: float) -> Step:
    """Multiply all conductances."""
    return lambda cells, words, out: np.multiply(out, out.dtype.type(factor), out=out)


def _clipping(low: float, high: float) -> Step:
    """Keep all conductances in a range."""

    def clip(cells: slice, words: Array, out: Array) -> None:
        np.clip(out, out.dtype.type(low), out.dtype.type(high), out=out)

    return clip


def _trapping(telegraph: Telegraph) -> Step:
    """Let a trap take its share from the cells where it is in its lower state at this time."""
    limit, left = np.uint64(telegraph.lower * 2**32), 1.0 - telegraph.amplitude

    def trap(cells: slice, words: Array, out: Array) -> None:
        np.multiply(out, out.dtype.type(left), out=out, where=words[: out.size] < limit)

    return trap


# ---------------------------------------------------------------------------- random words


def _run(
    out: Array,
    seed: np.random.SeedSequence,
    steps: Sequence[tuple[Key | None, Step]],
    start: Array | None = None,
) -> Array:
    """Apply steps to `out`, which begins as `start`, a chunk of cells at a time; return it.

    A step with a key gets `BLOCK` random words of 32 bits for each block of its cells, from the
    stream of that key; a block finds its words by their number, whatever thread asks for them.
    """
    flat = out.reshape(-1)
    source = None if start is None else start.reshape(-1)

    def part(first: int, last: int) -> None:
        draws = [None if key is None else stream(seed, *key) for key, _ in steps]
        for draw in draws:
            if draw is not None:  # Philox counts in four words of 64 bits
                draw.bit_generator.advance(first * BLOCK // 8)  # type: ignore[attr-defined]
        for begin in range(first, last, CHUNK):
            end = min(begin + CHUNK, last)
            cells = slice(begin * BLOCK, min(end * BLOCK, flat.size))
            if source is not None:
                np.copyto(flat[cells], source[cells])
            for draw, (_, step) in zip(draws, steps, strict=True):
                step(cells, _words(draw, end - begin), flat[cells])

    spread(part, -(-flat.size // BLOCK), _WORK * flat.size)
    return out


def _words(draw: np.random.Generator | None, blocks: int) -> Array:
    if draw is None:
        return _NOTHING
    whole = draw.integers(0, 2**64 - 1, blocks * BLOCK // 2, np.uint64, endpoint=True)
    return whole.view(np.uint32)


def _stuck(shape: tuple[int, ...], seed: np.random.SeedSequence, low: float, high: float) -> Array:
    """Return which cells are stuck: those whose number is among the lowest, or the highest."""
    below, above = np.uint64(low * 2**32), np.uint64((1.0 - high) * 2**32)

    def mark(cells: slice, words: Array, out: Array) -> None:
        own = words[: out.size]
        np.subtract(own >= above, own < below, out=out, dtype=np.int8)

    return _run(np.empty(shape, np.int8), seed, [(("stuck",), mark)])


def _bits_of(seconds: float) -> int:
    """Return the 64 bits of a float, which key the noise of that time."""
    return int.from_bytes(struct.pack("<d", seconds), "little")


def _table_of(law: Law | None) -> Array:
    return _NO_LAW if law is None else law.table()
