"""Writing cells to conductances: read, compare, pulse, until each cell is in its window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import CodeError, ParameterError, ShapeError, real_number, whole_number
from neuromem.core.randomness import Rng, seed_sequence, stream
from neuromem.core.threads import spread
from neuromem.hardware.devices._update_cells import Cells, corrupted, draw_cells, noise_of, shape_of
from neuromem.hardware.devices.update_models import UpdateModel, update_model
from neuromem.kernels.updates import verify_round

if TYPE_CHECKING:
    from neuromem.hardware.devices.profile import Profile

Array: TypeAlias = npt.NDArray[Any]

BLOCK = 2**16
"""Cells that share a noise stream; part of what a seed means, so it is no setting."""
_WORK = 2**10
"""Word operations of a cell's loop, for deciding whether threads are worth starting."""

CELL = UpdateModel(
    name="generic",
    kind="soft-bounds",
    step=0.2,
    step_spread=0.3,
    step_log_normal=True,
    c2c=0.5,
    notes="Typical of a filamentary cell: a pulse at the unit voltage goes a fifth of the way to "
    "the bound, give or take half of that.",
)
"""How the cells of a profile move under pulses, where nothing else is said.

With the default voltages, cells of 1 to 40 uS take 8.6 pulses on average to be within 1 uS; Wan et
al. (2022) report about 8.5 for such cells.
"""


@dataclass(frozen=True, eq=False, repr=False)
class Written:
    """What a write-verify loop did to each cell; arrays have the shape of the targets.

    Parameters
    ----------
    target, tolerance : ndarray
        What was aimed at, and the half width of the window, in S.
    conductance : ndarray
        True conductance reached, in S, without the read noise of the verify reads. Hand it to
        ``Devices.program(..., programmed=...)``.
    pulses : ndarray of int32
        Write pulses given.
    energy : ndarray
        Sum of V^2 G t_p over the pulses, in J, with the conductance before each pulse; of a
        profile with a `write_energy`, that times the pulses, whatever their voltage and duration.
    failed : ndarray of bool
        Cells that were not read inside the window after the last pulse allowed.
    outside : ndarray of bool
        Cells that passed by read noise: their true conductance is outside the window.
    pulse, verify_time : float
        Duration of a pulse and of a read, in s.
    """

    target: Array
    tolerance: Array
    conductance: Array
    pulses: Array
    energy: Array
    failed: Array
    outside: Array
    pulse: float
    verify_time: float

    @property
    def latency(self) -> Array:
        """Time that each cell takes by itself, in s: pulses, a read after each, and a first one."""
        value: Array = self.pulses * (self.pulse + self.verify_time) + self.verify_time
        return value

    def summary(self) -> dict[str, float]:
        """Return the figures of the whole array.

        Returns
        -------
        dict
            cells; failed and outside (fractions); pulses (mean per cell); rms_error (S, of cells
            that passed); energy (J, all cells); latency (s, cell after cell).

        Examples
        --------
        >>> cells = write_verify(CELL, [20e-6, 30e-6], tolerance=1e-6, g_range=(0.0, 40e-6), rng=0)
        >>> sorted(cells.summary())
        ['cells', 'energy', 'failed', 'latency', 'outside', 'pulses', 'rms_error']
        """
        error = (self.conductance - self.target)[~self.failed].astype(np.float64)
        return {
            "cells": float(self.target.size),
            "failed": float(self.failed.mean()),
            "outside": float(self.outside.mean()),
            "pulses": float(self.pulses.mean()),
            "rms_error": float(np.sqrt(np.mean(error**2))) if error.size else 0.0,
            "energy": float(self.energy.sum(dtype=np.float64)),
            "latency": float(self.latency.sum(dtype=np.float64)),
        }

    def __repr__(self) -> str:
        s = self.summary()
        return (
            f"<Written: {s['cells']:g} cells, {s['pulses']:.3g} pulses a cell, "
            f"{100 * s['failed']:.3g} % failed, {s['energy']:.3g} J>"
        )


def write_verify(
    device: UpdateModel | Profile | str | Path,
    target: npt.ArrayLike,
    *,
    tolerance: npt.ArrayLike,
    v0: float | None = None,
    dv: float | None = None,
    max_pulses: int = 100,
    pulse: float | None = None,
    read_noise: npt.ArrayLike = 0.0,
    rng: Rng = None,
    start: npt.ArrayLike | None = None,
    model: UpdateModel | str | None = None,
    g_range: tuple[float, float] | None = None,
    unit_voltage: float | None = None,
    voltage_scale: float | None = None,
    v_max: float | None = None,
    verify_time: float | None = None,
    dtype: npt.DTypeLike = np.float32,
) -> Written:
    r"""Write cells with pulses of rising voltage until each is read inside its window.

    Each cell is read; it is done when :math:`|G_{read} - G_T| \le tol`. Otherwise it gets a SET
    pulse if it is too low, a RESET pulse if too high: the first of a polarity at `v0`, each further
    one of the same polarity `dv` higher, back to `v0` when the polarity changes (Wan et al., Nature
    608, 504 (2022)). After `max_pulses` a cell outside its window has failed.

    A pulse of V volts moves the cell as

    .. math:: m(V) = e^{(V - V_{unit}) / V_{scale}}

    unit pulses of the update model would, with as much C2C noise: filaments switch at a rate that
    is exponential in the voltage (Jo, Kim and Lu, Nano Lett. 9, 496 (2009)). A fraction of a pulse
    is a step as much smaller. Many are compounded with the slope that the step has at the present
    weight, which is exact where steps are linear in the weight.

    Parameters
    ----------
    device : UpdateModel, Profile, str or Path
        What is written: an update model (with `g_range`), or a device profile or its name, whose
        cells move as `model` says.
    target : array_like
        Conductances to reach, in S. Targets that no pulse can reach come back as failed.
    tolerance : float or array_like
        Half width of the window, in S.
    v0, dv : float, optional
        First voltage and increment, in V; default 0.7 and 0.05 of `unit_voltage`.
    max_pulses : int
        Pulses a cell may take.
    pulse : float, optional
        Duration of a pulse, in s; default the profile's, else 1 us.
    read_noise : float or array_like
        Standard deviation of a verify read, in S, drawn anew at each read.
    rng : int, SeedSequence, Generator or None
        Seed of the cells, of their pulses and of the reads.
    start : float or array_like, optional
        Conductances before, in S; default the low end of the range.
    model : UpdateModel or str, optional
        With a profile: how its cells move; default `CELL`, soft bounds of typical values.
    g_range : (float, float), optional
        With an update model: the conductances of its bounds, in S.
    unit_voltage : float, optional
        V at which a pulse is one pulse of the update model; default the profile's, else 2 V.
    voltage_scale : float, optional
        V per factor e; default 0.15 of `unit_voltage`.
    v_max : float, optional
        Largest voltage of the driver, in V; default twice `unit_voltage`.
    verify_time : float, optional
        Duration of a read, in s; default the profile's, else 100 ns.
    dtype : {float32, float64}
        Of the conductances and energies returned.

    Returns
    -------
    Written

    Raises
    ------
    ParameterError, ShapeError, CodeError
        If a number is outside its range, an array does not fit the targets or is not finite.

    Notes
    -----
    A read reference of the update model is not part of the cell, and takes no part; its write
    noise is part of the conductance until the next pulse.

    Examples
    --------
    >>> goal = np.linspace(5e-6, 35e-6, 1000)
    >>> cells = write_verify("rram-hfo2", goal, tolerance=1e-6, rng=0)
    >>> bool((abs(cells.conductance - goal) <= 1e-6).all()), int(cells.failed.sum())
    (True, 0)
    """
    setup = _setup(device, model, g_range)
    aim = _conductances("target", target, None)
    if aim.size == 0:
        raise ShapeError("write_verify: target is empty; give at least one conductance.")
    unit = _positive("unit_voltage", unit_voltage, setup.voltage)
    first = _positive("v0", v0, 0.7 * unit)
    most = _positive("v_max", v_max, 2.0 * unit)
    if first > most:
        raise ParameterError(f"write_verify: v0 is {first!r}, above v_max = {most:g}; start lower.")
    drive = np.array(
        [
            first,
            0.05 * unit if dv is None else real_number("write_verify", "dv", dv, 0.0),
            most,
            unit,
            _positive("voltage_scale", voltage_scale, 0.15 * unit),
        ]
    )
    loop = _Loop(
        setup=setup,
        target=aim.reshape(-1),
        window=_conductances("tolerance", tolerance, aim.shape).reshape(-1),
        noise=_conductances("read_noise", read_noise, aim.shape).reshape(-1),
        start=_conductances("start", setup.ends[0] if start is None else start, aim.shape),
        drive=drive,
        max_pulses=whole_number("write_verify", "max_pulses", max_pulses),
        seed=seed_sequence(rng),
    )
    conductance, pulses, dose, failed, outside = loop.run(np.dtype(dtype))
    width = _positive("pulse", pulse, setup.pulse)
    energy = dose * width if setup.energy is None else pulses * setup.energy
    return Written(
        target=aim,
        tolerance=loop.window.reshape(aim.shape),
        conductance=conductance.reshape(aim.shape),
        pulses=pulses.reshape(aim.shape),
        energy=energy.astype(dtype).reshape(aim.shape),
        failed=failed.reshape(aim.shape),
        outside=outside.reshape(aim.shape),
        pulse=width,
        verify_time=_positive("verify_time", verify_time, setup.verify_time),
    )


def false_pass_rate(tolerance: float, read_noise: float) -> float:
    r"""Return the fraction of accepted cells whose true conductance is outside the window.

    For cells that are read anywhere about the window with equal density, with Gaussian read noise,

    .. math:: \frac{\sigma}{tol} \int_0^x \Phi(-u)\,du =
              \frac{\sigma}{tol} \left[\varphi(0) - \varphi(x) + x \Phi(-x)\right], \quad
              x = 2 tol / \sigma

    with the normal density and distribution: :math:`\sigma / (\sqrt{2 \pi}\, tol)` while the noise
    is small against the window.

    Parameters
    ----------
    tolerance : float
        Half width of the window.
    read_noise : float
        Standard deviation of a read, in the same unit.

    Examples
    --------
    >>> round(false_pass_rate(1.0, 0.1), 4)
    0.0399
    """
    from scipy.special import ndtr

    half = real_number("false_pass_rate", "tolerance", tolerance, 0.0)
    sigma = real_number("false_pass_rate", "read_noise", read_noise, 0.0)
    if sigma == 0.0:
        return 0.0
    if half == 0.0:
        return 1.0
    x = 2.0 * half / sigma
    inside = (1.0 - math.exp(-0.5 * x * x)) / math.sqrt(2.0 * math.pi) + x * float(ndtr(-x))
    return sigma / half * inside


@dataclass(frozen=True)
class _Setup:
    """A cell to be written: its model, the conductances of its bounds, how it is written."""

    model: UpdateModel
    ends: tuple[float, float]
    voltage: float
    pulse: float
    verify_time: float
    energy: float | None = None
    """J a pulse, where it does not pass the cell's channel."""


def _setup(
    device: UpdateModel | Profile | str | Path,
    model: UpdateModel | str | None,
    g_range: tuple[float, float] | None,
) -> _Setup:
    if isinstance(device, UpdateModel):
        if model is not None or g_range is None:
            raise ParameterError(
                "write_verify: an update model knows no conductances; give g_range=(low, high) in "
                "S, and leave `model` out."
            )
        low, high = (_positive("g_range", end, None, least=0.0) for end in g_range)
        if low >= high:
            raise ParameterError(f"write_verify: g_range is {g_range!r}; give (low, high) in S.")
        return _Setup(device, (low, high), 2.0, 1e-6, 1e-7)
    if g_range is not None:
        raise ParameterError(
            "write_verify: g_range comes with an update model; a profile has its own range. "
            "Leave it out, or use profile.scaled(g_max)."
        )
    from neuromem.hardware.devices.profile import profile

    cell = profile(device)
    moves = CELL if model is None else update_model(model)
    return _Setup(
        moves,
        (cell.g_min, cell.g_max),
        cell.write_voltage,
        cell.write_pulse,
        cell.read_duration,
        cell.write_energy,
    )


@dataclass(frozen=True)
class _Loop:
    """The loop over all cells, block by block, each block with noise of its own."""

    setup: _Setup
    target: Array
    window: Array
    noise: Array
    start: Array
    drive: Array
    max_pulses: int
    seed: np.random.SeedSequence

    def run(self, dtype: np.dtype[Any]) -> tuple[Array, ...]:
        """Return conductance (S), pulses, dose (sum of V^2 G, W), failed, outside of each cell."""
        n, model = self.target.size, self.setup.model
        cells = corrupted(model, draw_cells(model, n, self.seed, dtype), self.seed)
        kinds = (dtype, np.int32, np.float64, bool, bool)
        out = tuple(np.empty(n, kind) for kind in kinds)

        def job(first: int, last: int) -> None:
            for block in range(first, last):
                part = slice(block * BLOCK, min((block + 1) * BLOCK, n))
                for array, value in zip(out, self._block(block, part, cells), strict=True):
                    array[part] = value

        spread(job, -(-n // BLOCK), _WORK * n)
        return out

    def _block(self, block: int, part: slice, cells: Cells) -> tuple[Array, ...]:
        model, (g_min, g_max) = self.setup.model, self.setup.ends
        own = np.stack([values[part].astype(np.float64) for values in cells])
        n, (low, high) = own.shape[1], model.bounds
        scale = np.array([0.0, (g_max - g_min) / (high - low)])
        scale[0] = g_min - scale[1] * low
        weights = np.clip((self.start.reshape(-1)[part] - scale[0]) / scale[1], own[4], own[5])
        written, dose, voltage = np.zeros(n), np.zeros(n), np.zeros(n)
        polarity, pulses, active = np.zeros(n, np.int8), np.zeros(n, np.int32), np.arange(n)
        shape, c2c = shape_of(model), np.array(noise_of(model))
        draws = {key: stream(self.seed, "verify", key, block) for key in ("read", "pulse", "write")}
        for k in range(self.max_pulses + 1):
            size = active.size
            kept = verify_round(
                active,
                self.target[part],
                self.window[part],
                self.noise[part][active] * draws["read"].standard_normal(size, np.float32),
                draws["pulse"].standard_normal(size, np.float32),
                _rewrites(model, draws["write"], size),
                k == self.max_pulses,
                own,
                shape,
                model.kind == "exponential",
                c2c,
                scale,
                self.drive,
                weights,
                written,
                voltage,
                polarity,
                dose,
                pulses,
            )
            active = active[:kept]
            if kept == 0:
                break
        failed = np.zeros(n, bool)
        failed[active] = True
        reached = np.maximum(scale[0] + scale[1] * (weights + written), 0.0)
        # In float64, so that rounding to the dtype asked for moves no cell across the edge.
        outside = ~failed & (np.abs(self.target[part] - reached) > self.window[part])
        return reached, pulses, dose, failed, outside


def _rewrites(model: UpdateModel, draws: np.random.Generator, size: int) -> Array:
    if model.write_noise == 0.0:
        return np.empty(0)
    kicks = draws.standard_normal(size, np.float32)
    return model.write_noise * model.step * kicks.astype(np.float64)


def _positive(name: str, value: float | None, default: float | None, least: float = 1e-30) -> float:
    return real_number("write_verify", name, default if value is None else value, least)


def _conductances(name: str, values: npt.ArrayLike, shape: tuple[int, ...] | None) -> Array:
    """Return finite conductances >= 0 in float64, spread over `shape`."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise CodeError(f"write_verify: {name} has dtype {array.dtype}; give numbers, in S.")
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        raise CodeError(
            f"write_verify: {name} holds {array[bad].flat[0]!r}; give finite conductances >= 0, "
            "in S."
        )
    array = array.astype(np.float64)
    if shape is None:
        return array
    if array.ndim > 0 and array.shape != shape:
        raise ShapeError(
            f"write_verify: {name} has shape {array.shape}, the targets have {shape}. Give one "
            "number or one a target."
        )
    return np.broadcast_to(array, shape)
