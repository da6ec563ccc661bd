"""A matrix written into arrays: the devices of every tile, and what they conduct at any time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse.linalg import LinearOperator

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError
from neuromem.core.progress import progress_bar
from neuromem.core.synapses import rows_of
from neuromem.core.threads import spread
from neuromem.hardware.arrays.options import Options
from neuromem.hardware.arrays.reader import Side
from neuromem.hardware.arrays.remap import remapped
from neuromem.hardware.arrays.schemes import Scheme, check_devices
from neuromem.hardware.arrays.tiles import Tiling
from neuromem.hardware.devices.population import Devices
from neuromem.hardware.devices.profile import Profile, profile
from neuromem.hardware.devices.reliability import wire_resistivity
from neuromem.hardware.devices.write_verify import Written, write_verify


class Tile(NamedTuple):
    """One array as it was written.

    `moved` says where its outputs were moved to, `wanted` what they should have conducted, both
    around stuck cells only; `loop` is what a write-verify loop did. `rounding` are the sums of
    the squares of what rounding to digits and levels changed, and of the weights.
    """

    devices: Devices
    rounding: tuple[float, float]
    moved: Array | None = None
    wanted: Array | None = None
    loop: Written | None = None


BAR_FROM = 256
"""Tiles from which mapping shows a progress bar."""


class Arrays:
    """All devices that hold one matrix; shared by its crossbars at different times.

    Parameters
    ----------
    matrix : ndarray, shape (n_in, n_out)
        W.T, finite; cut to the range in place.
    device : str or Profile
        What the cells are.
    options : Options
        All other choices.
    seed : SeedSequence
        Of all that is random in the devices.
    progress : bool, optional
        Whether to show a bar; left out: from 256 tiles up.

    Attributes
    ----------
    profile, options, scheme, tiling
        The choices, resolved.
    w_max : float
        Weight that takes the whole conductance range.
    clipped : float
        Share of the weights that were cut to `w_max`.
    devices : list of Devices
        One population a tile, in the order of ``tiling.places()``.
    written : list of Written
        What the write-verify loop did in each tile, where one was asked for.
    rounding_error : float
        R.m.s. of what rounding to digits and levels changed, over that of the weights.
    moved : list of ndarray or None
        Where the outputs of each tile were moved to, around its stuck cells.
    """

    def __init__(
        self,
        matrix: Array,
        device: str | Profile,
        options: Options,
        seed: np.random.SeedSequence,
        progress: bool | None = None,
    ) -> None:
        self.options, self.seed, self.progress = options, seed, progress
        known = profile(device)
        self.profile = known if options.g_max is None else known.scaled(options.g_max)
        self.profile.check_temperature(options.temperature, "Chip: temperature")
        self.w_max, self.clipped = self._range(matrix)
        self.scheme = self._chosen_scheme()
        inputs, outputs = matrix.shape
        self.tiling = Tiling(inputs, outputs, *options.tile, self.scheme, options.split)
        self.places = self.tiling.places()
        tiles = self._write(matrix)
        self.devices = [tile.devices for tile in tiles]
        self.moved = [tile.moved for tile in tiles]
        self.wanted = [tile.wanted for tile in tiles]
        wrong, total = np.sum([tile.rounding for tile in tiles], axis=0)
        self.rounding_error = float(np.sqrt(wrong / total)) if total else 0.0
        self.written = [tile.loop for tile in tiles if tile.loop is not None]

    @property
    def nbytes(self) -> int:
        """Bytes that the simulation holds for the devices."""
        return sum(devices.nbytes for devices in self.devices)

    @property
    def stuck(self) -> int:
        """Cells that are stuck at either end."""
        masks = (devices.stuck for devices in self.devices)
        return sum(int(np.count_nonzero(mask)) for mask in masks if mask is not None)

    @property
    def mean_target(self) -> float:
        """Mean conductance that the cells were aimed at, S."""
        total = sum(float(devices.target.sum(dtype=np.float64)) for devices in self.devices)
        return total / self.tiling.cells

    def conductance(self, number: int, seconds: float) -> Array:
        """Return what the cells of one tile conduct, S, shape (inputs, columns), without wires."""
        return self.devices[number].conductance(seconds, temperature=self.options.temperature)

    def weight_error(self, planes: Array, factor: Array | float = 1.0) -> float:
        """Return the r.m.s. difference of weights (S, m, n) from those aimed at, relative.

        The weights count times `factor`, a number or one for each output.
        """
        wrong, total = 0.0, 0.0
        factors = np.broadcast_to(np.asarray(factor, planes.dtype), self.tiling.outputs)
        offset = planes.dtype.type(self.scheme.digital_offset)
        for number, (_, _, inputs, outputs) in enumerate(self.places):
            # Around stuck cells other targets are written than the weights that are wanted.
            wanted = self.wanted[number]
            target = self.devices[number].target if wanted is None else wanted
            written = self.scheme.decode(target).sum(axis=0)
            held = (planes[:, inputs, outputs].sum(axis=0) - offset) * factors[outputs]
            written = written - offset
            wrong += float(np.sum((held - written) ** 2, dtype=np.float64))
            total += float(np.sum(written**2, dtype=np.float64))
        return float(np.sqrt(wrong / total)) if total else 0.0

    def side(self, seconds: float) -> Side:
        """Return the weights that the arrays hold at a time, as read from the word lines."""
        tiling, scheme = self.tiling, self.scheme
        planes = np.empty((scheme.slices, tiling.inputs, tiling.outputs), self.options.dtype)
        noisy = self.devices[0].read_sigma(seconds) is not None
        variances = np.zeros_like(planes) if noisy else None
        shared = (
            np.zeros((tiling.inputs, tiling.shape[1]), planes.dtype)
            if noisy and scheme.reference
            else None
        )

        drawn = np.zeros((tiling.shape[1], tiling.inputs))

        def job(first: int, last: int) -> None:
            for number in range(first, last):
                _, column, inputs, outputs = self.places[number]
                back = slice(None) if self.moved[number] is None else self.moved[number]
                now, variance = self._tile_now(number, seconds)
                drawn[column, inputs] = now.sum(axis=1, dtype=np.float64)
                planes[:, inputs, outputs] = scheme.decode(now)[:, :, back]
                if variances is not None and variance is not None:
                    own, common = scheme.decode_variance(variance)
                    variances[:, inputs, outputs] = own[:, :, back]
                    if shared is not None and common is not None:
                        shared[inputs, column] = common
                advance()

        exact = self.options.wired and self.options.wires == "exact"
        with self._bar("solving the wires", shown=exact) as advance:
            spread(job, tiling.count, 16 * tiling.cells, largest=1)
        return Side(
            planes,
            variances,
            shared,
            None,
            tiling.row_edges,
            tiling.column_edges,
            scheme.significance,
            scheme.digital_offset,
            self._reach(),
            drawn.sum(axis=0),
        )

    def _reach(self) -> float:
        """Return the largest weight of one cell in units of its slice's significance."""
        scheme = self.scheme
        if scheme.pair == 2 or scheme.reference or scheme.exact_digits:
            return 1.0
        return scheme.g_max / (scheme.g_max - scheme.g_min)

    def _range(self, matrix: Array) -> tuple[float, float]:
        """Return the unit of weight and the share of weights that were cut to it."""
        o, device = self.options, self.profile
        largest = float(np.abs(matrix).max(initial=0.0))
        w_max = o.w_max if o.w_max is not None else (largest or 1.0)
        if largest <= matrix.dtype.type(w_max):
            # Rounded to the matrix's type, the largest weight may exceed w_max by a last digit.
            return max(w_max, largest), 0.0
        if not o.clip:
            needed = device.g_min + (device.g_max - device.g_min) * largest / w_max
            raise ParameterError(
                f"Chip: weight {largest:.4g} needs {needed * 1e6:.4g} uS, {device.name!r} ends at "
                f"{device.g_max * 1e6:.4g} uS (w_max is {w_max:.4g}). Rescale the weights, raise "
                "w_max, or pass clip=True."
            )
        clipped = float(np.mean(np.abs(matrix) > w_max))
        np.clip(matrix, -w_max, w_max, out=matrix)
        return w_max, clipped

    def _chosen_scheme(self) -> Scheme:
        o, device = self.options, self.profile
        two_levels = device.kind != "analog"
        scheme = Scheme(
            name=o.scheme or ("sliced" if two_levels else "differential"),
            g_min=device.g_min,
            g_max=device.g_max,
            w_max=self.w_max,
            bits=o.weight_bits,
            cell_bits=o.cell_bits or (1 if two_levels else 2),
            factors=o.factors,
            exact_digits=device.kind == "digital",
        )
        check_devices(scheme, device.name, device.kind)
        return scheme

    def _write(self, matrix: Array) -> list[Tile]:
        """Program every tile."""
        written: list[Any] = [None] * self.tiling.count

        def job(first: int, last: int) -> None:
            for number in range(first, last):
                _, _, inputs, outputs = self.places[number]
                written[number] = self._program_tile(matrix[inputs, outputs], number)
                advance()

        with self._bar("programming") as advance:
            spread(job, self.tiling.count, 32 * self.tiling.cells, largest=1)
        return written

    def tile_seed(self, number: int) -> np.random.SeedSequence:
        """Return the seed of one tile, which hangs on its place alone."""
        root, (row, column, *_) = self.seed, self.places[number]
        return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, row, column))

    def _program_tile(self, block: Array, number: int) -> Tile:
        """Write one tile; a second time around its stuck cells."""
        seed = self.tile_seed(number)
        wanted = self.scheme.encode(block)
        devices, loop = self._program(wanted, seed)
        rounding = self._rounding(devices, block)
        if self.options.remap == "none" or devices.stuck is None or not devices.stuck.any():
            return Tile(devices, rounding, loop=loop)
        columns = self.options.remap == "columns"
        targets, moved = remapped(self.scheme, block, devices.stuck, columns=columns)
        devices, loop = self._program(targets, seed)
        return Tile(devices, rounding, moved, wanted.astype(self.options.dtype), loop)

    def _rounding(self, devices: Devices, block: Array) -> tuple[float, float]:
        """Return the sums of squares of the rounding of a tile's weights, and of the weights."""
        aimed = self.scheme.decode(devices.target.astype(np.float64)).sum(axis=0)
        wrong = aimed - self.scheme.digital_offset - block
        return float(np.sum(wrong**2)), float(np.sum(block.astype(np.float64) ** 2))

    def _program(
        self, targets: Array, seed: np.random.SeedSequence
    ) -> tuple[Devices, Written | None]:
        o, loop = self.options, None
        if o.verify is not None:
            loop = write_verify(self.profile, targets, rng=seed, dtype=o.dtype, **o.verify)
        devices = Devices.program(
            self.profile,
            targets,
            rng=seed,
            stuck_low=o.stuck_low,
            stuck_high=o.stuck_high,
            programmed=None if loop is None else loop.conductance,
            dtype=o.dtype,
        )
        return devices, loop

    def _tile_now(self, number: int, seconds: float) -> tuple[Array, Array | None]:
        """Return what a tile's cells conduct, wires included, and the variance of their noise.

        The noise of a cell behind wires is scaled by the share of its conductance that is seen,
        of one behind a transistor by the slope of the two in series.
        """
        o = self.options
        now = self.conductance(number, seconds)
        sigma = self.devices[number].read_sigma(seconds, temperature=o.temperature)
        variance = None if sigma is None else sigma.astype(o.dtype) ** 2
        if not o.wired and not o.access_resistance:
            return now, variance
        cells = now.astype(np.float64)
        seen = behind = cells / (1.0 + cells * o.access_resistance)
        if o.wired:
            from neuromem.hardware.arrays import (
                wires,  # its kernels are needed by wired arrays only
            )

            ends = {
                "driver_resistance": o.driver_resistance,
                "sense_resistance": o.sense_resistance,
            }
            hotter = float(wire_resistivity(o.temperature) / wire_resistivity(300.0))
            segments = (hotter * o.segments[0], hotter * o.segments[1])
            if o.wires == "exact":
                seen = wires.effective(seen, segments, **ends)
            else:
                seen = wires.first_order(seen, None, segments, **ends)
        if variance is not None:
            share = np.divide(seen, behind, out=np.zeros_like(cells), where=behind > 0)
            # d/dG of a cell in series with its transistor, G / (1 + G R).
            share /= (1.0 + cells * o.access_resistance) ** 2
            share *= 1.0 - np.minimum(seen * self._paths(*seen.shape), 1.0)
            variance = (variance * share**2).astype(o.dtype)
        return seen.astype(o.dtype), variance

    def _paths(self, rows: int, columns: int) -> Array:
        """Return the resistance of wires in series with each cell, ohm, (rows, columns).

        What a cell itself takes from the voltage across it, whose change counts twice.
        """
        o, (word, bit) = self.options, self.options.segments
        along = word * np.arange(1, columns + 1) + o.driver_resistance
        down = bit * np.arange(rows, 0, -1)[:, None] + o.sense_resistance
        return np.asarray(along + down)

    def _bar(self, what: str, shown: bool = True) -> AbstractContextManager[Callable[[], None]]:
        """Return a context that gives the call to make after each tile."""
        wanted = self.tiling.count >= BAR_FROM if self.progress is None else self.progress
        if not (shown and wanted):
            return nullcontext(lambda: None)
        return progress_bar(f"{what} {self.profile.name}", self.tiling.count, unit="tiles")


def as_matrix(weights: Any, dtype: Any, where: str = "Chip") -> Array:
    """Return W.T, (n_in, n_out), as a new array of finite numbers; `where` names it in errors.

    Raises
    ------
    ShapeError, ParameterError
        If the weights are no matrix, are empty, or not finite.
    """
    if isinstance(weights, LinearOperator):
        n_out, n_in = weights.shape
        matrix = np.empty((n_in, n_out), dtype)
        for first in range(0, n_out, 1024):
            last = min(first + 1024, n_out)
            matrix[:, first:last] = rows_of(weights, np.arange(first, last)).T
    else:
        given = as_array(weights, where)
        if given.ndim != 2 or given.size == 0 or given.dtype.kind not in "biuf":
            raise ShapeError(
                f"{where}: weights have shape {given.shape} and dtype {given.dtype}; "
                "give a matrix of real numbers (n_out, n_in) that is not empty."
            )
        matrix = np.array(given.T, dtype=dtype, order="C")
    if not np.all(np.isfinite(matrix)):
        raise ParameterError(f"{where}: the weights hold NaN or infinity; give finite numbers.")
    return matrix


def as_array(values: Any, where: str) -> Array:
    """Return anything array-like as an array, a tensor that learns among them.

    Raises
    ------
    ShapeError
        If rows have different lengths, or it is nothing of numbers at all.
    """
    detach = getattr(values, "detach", None)
    try:
        return np.asarray(values if detach is None else detach().cpu())
    except (TypeError, ValueError):
        raise ShapeError(
            f"{where}: a {type(values).__name__} that is no array; give rows of numbers, all of "
            "the same length."
        ) from None
