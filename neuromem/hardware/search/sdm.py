"""Sparse distributed memory on arrays: hard locations that are found by one analog read."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from neuromem.core.codes import Array, Code, as_patterns
from neuromem.core.errors import CapabilityError, ParameterError, one_of, real_number, whole_number
from neuromem.core.memory import AssociativeMemory, Task
from neuromem.core.randomness import seed_sequence, stream
from neuromem.core.recall import Recall
from neuromem.core.synapses import DenseSynapses
from neuromem.hardware.devices.population import Devices
from neuromem.hardware.devices.profile import Profile, profiles
from neuromem.hardware.devices.profile import profile as find_profile
from neuromem.hardware.search._base import normals
from neuromem.hardware.search.activation import standard_radius
from neuromem.hardware.search.cam import TernaryCAM
from neuromem.kernels.cam import count_rows, pulse_rows, sum_rows

COUNTERS = ("digital", "hard", "soft")

ROUNDING = 1e-6
"""Sums of analog counters below this part of their bounds are ties: they hold single precision."""

AT_A_TIME = 2**22
"""Distances that are worked out at a time: it bounds the memory of a long batch."""


class SparseDistributedArray(AssociativeMemory):
    r"""Sparse distributed memory whose addresses and counters lie on resistive arrays.

    .. math:: \text{location } m \text{ is active} \iff d(a_m, x) \le r, \qquad
              c_m \mathrel{+}= v \ (\text{write}), \qquad
              y = \mathrm{sgn} \sum_{m\ \text{active}} c_m \ (\text{read})

    Addresses a (M, N) are random; each of their bits is a pair of devices at G_on and G_off, so
    that one read of all match lines gives the Hamming distances d. Recalled patterns become the
    next address until nothing changes; with values, they are read once.

    Parameters
    ----------
    n : int
        Bits N of an address.
    n_locations : int
        Hard locations M.
    radius : int, optional
        r; by default the one that activates a share of locations nearest to 1 / sqrt(M), see
        `neuromem.hardware.search.activation.standard_radius`.
    n_values : int, optional
        Bits of a value; left out, the memory is autoassociative.
    profile : str, Path or Profile
        The device of addresses and analog counters; one of two levels takes digital counters
        only. Its read noise blurs the radius, see `neuromem.hardware.search.activation`.
    counters : {"digital", "hard", "soft"}
        "digital": exact counters beside the array. "hard": pairs of devices that move by one step
        a write and stop at `limit`. "soft": steps that shrink towards the bounds,
        c += v - c / limit, which forget what is old.
    limit : int
        Steps from the middle to a bound of the analog counters.
    step_noise : float
        S.d. of a step of an analog counter, in steps.
    seed : int
        Seed of the addresses, of the devices and of the writes.

    Raises
    ------
    ParameterError
        If an argument does not fit.

    Notes
    -----
    Errors of writing the counters are `step_noise`; drift, relaxation, noise and stuck cells are
    the profile's. `at` reads the same devices later. A sum of exactly zero keeps the bit of the
    address, and reads as -1 in a value. With ideal devices all numbers are whole and exact.

    Load is P / M; with M = 10^6, N = 1000, r = 451 (p = 0.00107) the memory holds some 10^4
    patterns. The energy is minus the mean magnitude of the sums: what is stored lies deep, but
    reads need not descend.

    References
    ----------
    Kanerva, Sparse Distributed Memory, MIT Press (1988).

    Examples
    --------
    >>> keys = np.where(np.random.default_rng(0).random((5, 100)) < 0.5, 1, -1)
    >>> memory = SparseDistributedArray(100, n_locations=2000).store(keys)
    >>> cue = keys[0].copy()
    >>> cue[:10] *= -1
    >>> bool((memory.recall(cue).patterns == keys[0]).all())
    True
    """

    code: Code = "bipolar"
    default_steps = 20

    def __init__(
        self,
        n: int,
        *,
        n_locations: int = 1000,
        radius: int | None = None,
        n_values: int | None = None,
        profile: str | Path | Profile = "ideal",
        counters: Literal["digital", "hard", "soft"] = "hard",
        limit: int = 127,
        step_noise: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(n)
        name = self._name
        self.n_locations = whole_number(name, "n_locations", n_locations, least=1)
        self.radius = standard_radius(self.n, self.n_locations)
        if radius is not None:
            self.radius = whole_number(name, "radius", radius)
        self._n_values = None if n_values is None else whole_number(name, "n_values", n_values, 1)
        self.profile = _nameable(profile)
        self.counters = one_of(name, "counters", counters, COUNTERS)
        self.limit = whole_number(name, "limit", limit, least=1)
        self.step_noise = real_number(name, "step_noise", step_noise, 0.0)
        self.seed = whole_number(name, "seed", seed)
        if self.limit > 32766:
            raise ParameterError(
                f"{name}: limit is {limit}; devices hold at most 32766 steps. Give less, or take "
                "counters='digital'."
            )
        if counters == "digital" and self.step_noise:
            raise ParameterError(
                f"{name}: step_noise is {step_noise}, but digital counters are exact. Leave it "
                "out, or take counters='hard' or 'soft'."
            )
        device = find_profile(profile)
        if counters != "digital" and device.kind != "analog":
            raise ParameterError(
                f"{name}: profile {device.name!r} has cells of two levels, which hold addresses "
                f"but no counters of the kind {counters!r}. Take counters='digital', or an analog "
                "profile."
            )
        self.addresses = TernaryCAM(self._bits(), device, rng=self._branch("addresses"))
        analog = counters == "soft" or self.step_noise > 0.0
        kind = np.int32 if counters == "digital" else np.float32 if analog else np.int16
        self._counts = np.zeros((self.n_locations, self.n_values), kind)
        self._cells: tuple[Array, Array | None] | None = None
        self._written = 0
        self.seconds = 0.0

    @property
    def heteroassociative(self) -> bool:
        """Whether the memory was built with `n_values`."""
        return self._n_values is not None

    @property
    def n_values(self) -> int:
        """Bits of a recalled pattern."""
        return self.n if self._n_values is None else self._n_values

    @property
    def parameters(self) -> dict[str, Any]:
        """The constructor's arguments, from which the memory can be built anew."""
        return {**super().parameters, "n_values": self._n_values}

    @property
    def synapses(self) -> dict[str, LinearOperator]:
        """Addresses (M, N) as +-1 and counters (N or values, M), as written; copies to read."""
        addresses = 2.0 * self._bits().astype(np.float32) - 1.0
        return {
            "addresses": DenseSynapses(addresses),
            "counters": DenseSynapses(self._counts.T.astype(np.float32)),
        }

    @property
    def nbytes(self) -> int:
        """Bytes that the simulation holds for addresses and counters."""
        cells = () if self._cells is None else [a for a in self._cells if a is not None]
        return self.addresses.nbytes + self._counts.nbytes + sum(int(a.nbytes) for a in cells)

    @property
    def distance_sigma(self) -> float:
        """S.d. of a distance near the radius, over devices and reads, in bits."""
        margin, missed = self.addresses.margin(), min(self.radius, self.n)
        variance = missed * margin.sigma_on**2 + (self.n - missed) * margin.sigma_off**2
        return float(np.sqrt(variance) / (margin.g_on - margin.g_off))

    def count_at(self, load: float) -> int:
        """Return how many patterns make a load, ``round(load * M)``: load is P / M."""
        return round(load * self.n_locations)

    def at(self, seconds: float) -> Self:
        """Return the same devices, `seconds` after they were written, to be recalled from.

        Raises
        ------
        ParameterError
            If the profile does not hold then.
        """
        later = copy.copy(self)
        later.addresses = self.addresses.at(seconds)
        later.seconds, later._cells = later.addresses.seconds, None
        return later

    def active(self, states: npt.ArrayLike) -> Array:
        """Return which locations states activate on average over reads, bool (Q, M)."""
        checked = as_patterns(states, self.code, n=self.n, where=f"{self._name}.active: states")
        found, _ = self.addresses.expected(checked > 0, tolerance=self.radius)
        return found.matched

    def __copy__(self) -> Self:
        """Return a copy with counters of its own; devices are never changed, and shared."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._counts = self._counts.copy()
        return twin

    def _store(self, keys: Array, values: Array | None) -> None:
        if self.seconds:
            raise CapabilityError(
                f"{self._name}.store: these devices are read {self.seconds:g} s after they were "
                "written. Store in the memory that at() was called on."
            )
        data = keys if values is None else values
        seed = self._branch("writes")
        rows, starts = self._activated(keys, seed, range(self._written, self._written + len(keys)))
        for p in range(len(keys)):
            self._write(rows[starts[p] : starts[p + 1]], data[p], seed, self._written + p)
        self._written += len(keys)
        self._cells = None

    def _write(self, rows: Array, data: Array, seed: np.random.SeedSequence, number: int) -> None:
        """Move the counters of the active rows by one step each."""
        kind = self._counts.dtype
        if kind != np.float32:
            limit = 2**31 - 2 if self.counters == "digital" else self.limit
            count_rows(self._counts, rows, data, limit)
            return
        steps = np.ones((1, data.size), np.float32)
        if self.step_noise:
            drawn = normals(stream(seed, "steps", number), (rows.size, data.size), kind)
            steps = np.float32(1.0) + np.float32(self.step_noise) * drawn
        leak = np.float32(1.0 / self.limit if self.counters == "soft" else 0.0)
        pulse_rows(self._counts, rows, data.astype(kind), leak, kind.type(self.limit), steps)

    def _recall(self, task: Task) -> Recall:
        if self.heteroassociative:
            return self._look_up(task)
        states, flips = task.states, np.zeros(len(task.states), np.int64)
        note = task.recorder.note
        note(state=states, flips=flips, energy=lambda: self._energy(states))
        for step in range(task.first_step, task.first_step + task.steps):
            cues = np.flatnonzero(~task.done)
            if cues.size == 0:
                break
            sums = self._sums(states[cues], task.seed, cues, step)
            read = np.where(sums == 0, states[cues], np.where(sums > 0, 1, -1)).astype(np.int8)
            flips = np.zeros(len(states), np.int64)
            flips[cues] = np.count_nonzero(read != states[cues], axis=1)
            states[cues] = read
            task.taken[cues] += 1
            task.done[cues] = flips[cues] == 0
            note(state=states, flips=flips, energy=lambda: self._energy(states))
        return self._ended(task, states)

    def _look_up(self, task: Task) -> Recall:
        """Read the values at the cues, once."""
        if task.first_step + task.steps == 0:
            raise ParameterError(
                f"{task.where}: steps is 0; a heteroassociative memory reads its values in one "
                "step. Give steps >= 1."
            )
        task.recorder.note(
            state=task.states,
            flips=np.zeros(len(task.states), np.int64),
            energy=lambda: self._energy(task.states),
        )
        sums = self._sums(task.states, task.seed, np.arange(len(task.states)), 0)
        task.taken[:], task.done[:] = 1, True
        return self._ended(task, np.where(sums > 0, 1, -1).astype(np.int8))

    def _ended(self, task: Task, patterns: Array) -> Recall:
        return Recall(
            patterns,
            code=self.code,
            steps=task.taken,
            converged=task.done,
            energy=self._pending_energy(task.states),
            states=task.states,
            dynamics=task.dynamics,
            trace=task.recorder.trace(),
        )

    def _energy(self, states: Array) -> Array:
        if self.n_stored == 0:
            raise CapabilityError(
                f"{self._name}.energy: nothing is stored yet. Call store(keys) first."
            )
        return np.asarray(-np.abs(self._sums(states)).mean(axis=1, dtype=np.float64))

    def _sums(
        self,
        states: Array,
        seed: np.random.SeedSequence | None = None,
        cues: Array | None = None,
        step: int = 0,
    ) -> Array:
        """Return the sums of the counters that states activate; with a seed, as one noisy read."""
        rows, starts = self._activated(states, seed, cues, step)
        weights, variance = self._weights()
        exact = weights.dtype.kind == "i"
        sums = np.empty((len(states), self.n_values), np.int64 if exact else np.float64)
        sum_rows(weights, rows, starts, sums)
        if variance is not None and seed is not None and cues is not None:
            spread = np.empty_like(sums)
            sum_rows(variance, rows, starts, spread)
            for row, cue in enumerate(cues):
                noise = normals(stream(seed, "counters", step, cue), spread.shape[1:], float)
                sums[row] += np.sqrt(spread[row]) * noise
        if not exact:
            sums[np.abs(sums) <= ROUNDING * self.limit * np.diff(starts)[:, None]] = 0.0
        return sums

    def _activated(
        self,
        states: Array,
        seed: np.random.SeedSequence | None = None,
        cues: Any = None,
        step: int = 0,
    ) -> tuple[Array, Array]:
        """Return the active locations of all states, and where those of each begin."""
        found = []
        height = max(1, AT_A_TIME // self.n_locations)
        for first in range(0, len(states), height):
            part = states[first : first + height] > 0
            lines, spread = self.addresses.expected(part, tolerance=self.radius)
            if spread is not None and seed is not None:
                for row, cue in enumerate(cues[first : first + height]):
                    noise = stream(seed, "lines", step, int(cue))
                    spread[row] *= normals(noise, spread.shape[1:], spread.dtype)
                np.add(lines.readings, spread, out=lines.readings)
            found += [np.flatnonzero(row) for row in lines.matched]
        starts = np.cumsum([0, *(rows.size for rows in found)])
        return np.concatenate(found), starts

    def _weights(self) -> tuple[Array, Array | None]:
        """Return the counters as they are read now, (M, values) in steps, and their variance."""
        if self.counters == "digital" or self.addresses.ideal:
            return self._counts, None
        if self._cells is None:
            p = self.addresses.profile
            half, middle = 0.5 * (p.g_max - p.g_min), 0.5 * (p.g_max + p.g_min)
            part = self._counts.astype(np.float32) * np.float32(half / self.limit)
            target = np.stack([middle + part, middle - part])
            devices = Devices.program(p, target, programmed=target, rng=self._branch("counters"))
            plus, minus = devices.conductance(self.seconds)
            sigma, unit = devices.read_sigma(self.seconds), 2.0 * half / self.limit
            variance = None if sigma is None else (sigma**2).sum(axis=0) / np.float32(unit**2)
            self._cells = (plus - minus) / np.float32(unit), variance
        return self._cells

    def _bits(self) -> Array:
        """Return the addresses as 0 and 1, int8 (M, N)."""
        shape = (self.n_locations, self.n)
        return stream(self._branch("draw")).integers(0, 2, shape, dtype=np.int8)

    def _branch(self, purpose: str) -> np.random.SeedSequence:
        words = stream(seed_sequence(self.seed), purpose).integers(0, 2**32, 4)
        return np.random.SeedSequence([int(word) for word in words])

    def _arrays(self) -> dict[str, Array]:
        place = {"written": np.array(self._written), "seconds": np.array(self.seconds)}
        return {"counts": self._counts, **place}

    def _set_arrays(self, arrays: Mapping[str, Array]) -> None:
        self._counts = np.array(arrays["counts"], dtype=self._counts.dtype)
        self._written = int(arrays["written"])
        self.seconds, self._cells = float(arrays["seconds"]), None
        self.addresses = self.addresses.at(self.seconds)


def _nameable(profile: str | Path | Profile) -> Any:
    """Return what a file can hold of the profile: a name or a path, where there is one."""
    if isinstance(profile, Profile):
        known = profile.name in profiles() and find_profile(profile.name) == profile
        return profile.name if known else profile
    return str(profile)
