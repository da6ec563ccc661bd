"""Populations of cells under write pulses: training in the array, one pulse at a time."""

from __future__ import annotations

import copy
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import (
    CapabilityError,
    CodeError,
    ParameterError,
    ShapeError,
    real_number,
    whole_number,
)
from neuromem.core.randomness import Rng, seed_sequence, stream
from neuromem.core.threads import spread
from neuromem.hardware.devices._update_cells import (
    Cells,
    corrupted,
    draw_cells,
    noise_of,
    shape_of,
    symmetry_points,
)
from neuromem.hardware.devices.update_models import UpdateModel, update_model, update_models
from neuromem.kernels.updates import affine_pulses, coincidences, exponential_pulses

__all__ = ["PulsedDevices", "UpdateModel", "update_model", "update_models"]

Array: TypeAlias = npt.NDArray[Any]

BLOCK = 2**16
"""Cells that share a noise stream; part of what a seed means, so it is no setting."""
DRAWS = 2**20
"""Normal draws held at a time: bounds the memory, changes no result."""
_WORK = 64
"""Word operations of a pulse, for deciding whether threads are worth starting."""


class PulsedDevices:
    """A population of cells whose weights are moved by write pulses.

    Each cell draws its own parameters once and keeps them. The same `rng` and the same calls give
    the same bits for any number of threads.

    Parameters
    ----------
    model : UpdateModel or str
        What the cells are; a name of `update_models`.
    shape : int or tuple of int
        Shape of the population, such as (rows, columns) of an array.
    rng : int, SeedSequence, Generator or None
        Seed of the cells and of all their noise.
    dtype : {float32, float64}
        Of the weights and the parameters.
    initial : float or array_like
        Weights to start with; clipped to each cell's bounds.

    Raises
    ------
    ParameterError, ShapeError
        If the model is unknown, the shape is not positive, or `initial` does not fit.

    Examples
    --------
    >>> cells = PulsedDevices(UpdateModel(kind="soft-bounds", step=0.1), (2, 2), rng=0)
    >>> cells.pulse([[1, 2], [-1, 0]])
    >>> cells.weights
    array([[ 0.1 ,  0.19],
           [-0.1 ,  0.  ]], dtype=float32)
    >>> cells.pulse_counts
    array([[1, 2],
           [1, 0]], dtype=uint32)
    """

    def __init__(
        self,
        model: UpdateModel | str,
        shape: int | tuple[int, ...],
        *,
        rng: Rng = None,
        dtype: npt.DTypeLike = np.float32,
        initial: npt.ArrayLike = 0.0,
    ) -> None:
        self.model = update_model(model)
        sides = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        self.shape = tuple(whole_number("PulsedDevices", "shape", side, least=1) for side in sides)
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise ParameterError(f"PulsedDevices: dtype is {dtype!r}; give float32 or float64.")
        self._seed, self._key, self._calls = seed_sequence(rng), "pulses", 0
        n = int(np.prod(self.shape))
        cells = draw_cells(self.model, n, self._seed, self.dtype)
        self._reference = self._draw_reference(cells)
        self._cells = corrupted(self.model, cells, self._seed)
        self._state = np.clip(self._checked_initial(initial), self._cells.low, self._cells.high)
        self._written = self._draw_written(n)
        self._counts = np.zeros(n, dtype=np.uint32)

    def __repr__(self) -> str:
        return f"<PulsedDevices {self.shape} of {self.model.name}>"

    # ------------------------------------------------------------------------------ what is read

    @property
    def weights(self) -> Array:
        """Weights as they are read: with write noise, the reference subtracted (a new array)."""
        read = self._state.copy()
        for offset, sign in ((self._written, 1), (self._reference, -1)):
            if offset is not None:
                read += sign * offset
        return read.reshape(self.shape)

    @property
    def states(self) -> Array:
        """Weights that the pulses act on, without write noise and reference (a new array)."""
        return self._state.reshape(self.shape).copy()

    @property
    def symmetry_point(self) -> Array:
        """Weights (as read, without write noise) at which an up and a down step are equal.

        A cell whose steps balance nowhere has the bound that alternating pulses drive it to.

        Raises
        ------
        CapabilityError
            If the steps are constant or go up only.
        """
        points = symmetry_points(self.model, self._cells)
        if self._reference is not None:
            points = points - self._reference
        return points.astype(self.dtype).reshape(self.shape)

    @property
    def pulse_counts(self) -> Array:
        """Pulses that each cell has had in its life, for its endurance (a new array)."""
        return self._counts.reshape(self.shape).copy()

    @property
    def nbytes(self) -> int:
        """Bytes held for the population."""
        kept = (*self._cells, self._state, self._counts, self._written, self._reference)
        return sum(part.nbytes for part in kept if part is not None)

    # ----------------------------------------------------------------------------- what moves it

    def pulse(self, counts: npt.ArrayLike) -> None:
        """Give each cell pulses: up where the count is positive, down where it is negative.

        Parameters
        ----------
        counts : array_like of int, of the population's shape

        Raises
        ------
        ShapeError, CodeError
            If the counts are of another shape, or not whole numbers.
        CapabilityError
            If a cell that takes up pulses only is given down pulses.
        """
        self._pulse(self._checked_counts(counts))

    def stochastic_update(
        self, x: npt.ArrayLike, d: npt.ArrayLike, learning_rate: float, pulses: int = 31
    ) -> None:
        r"""Add `learning_rate` times the outer product of x and d, by coincidences of pulses.

        Row i fires in each of `pulses` slots with :math:`p = \sqrt{\eta / (BL\,\Delta w)}\,|x_i|`,
        column j likewise with :math:`|d_j|`; each coincidence is one pulse of the cell, of the
        sign of :math:`x_i d_j`. Up and down pulses take turns, each with the rate that is right
        for the step :math:`\Delta w` that a cell without spread makes in that direction at w = 0
        (or at the bound nearest to it). So :math:`E[\Delta w_{ij}] = \eta x_i d_j` there;
        elsewhere it is as much larger or smaller as the step is. Probabilities end at 1: there the
        update saturates (Gokmen and Vlasov, 2016).

        Parameters
        ----------
        x : array_like, shape (rows,) or (B, rows)
            What comes into the rows; a batch is applied one after the other.
        d : array_like, shape (columns,) or (B, columns)
            What comes into the columns.
        learning_rate : float
            eta, not negative; the sign of an update is that of `x` and `d`.
        pulses : int
            BL, slots of one update.

        Raises
        ------
        ShapeError, CodeError, ParameterError
            If an argument does not fit.
        CapabilityError
            If pulses are asked for in a direction in which the cell takes none, or in which they
            do not move it at w = 0.

        Examples
        --------
        >>> cells = PulsedDevices(UpdateModel(kind="constant", step=0.001), (1, 2), rng=0)
        >>> cells.stochastic_update(np.ones((2000, 1)), np.tile([0.5, -1.0], (2000, 1)), 1e-4)
        >>> (cells.weights / 0.2).round(1)
        array([[ 0.5, -1. ]], dtype=float32)
        """
        rows, columns = self._checked_outer(x, d)
        eta = real_number("stochastic_update", "learning_rate", learning_rate, 0.0)
        slots = whole_number("stochastic_update", "pulses", pulses, least=1)
        up, down = (np.sqrt(eta / (slots * step)) for step in self._steps_at_zero(rows, columns))
        for each_x, each_d in zip(rows, columns, strict=True):
            trains = stream(self._seed, "trains", self._calls)
            draws = [trains.random((side, slots)) for side in self.shape]
            counts = _coincidences(up, each_x, each_d, draws)
            if down != up:
                falling = np.multiply.outer(each_x, each_d) < 0
                np.copyto(counts, _coincidences(down, each_x, each_d, draws), where=falling)
            self._pulse(counts.reshape(-1))

    def leak(self, cycles: float = 1.0) -> None:
        """Let the weights leak toward zero for a number of update cycles.

        Cells of a model without a lifetime keep what they hold.
        """
        passed = real_number("leak", "cycles", cycles, 0.0)
        if self.model.lifetime is None:
            return
        lifetime: Any = self.model.lifetime
        if self.model.lifetime_spread:
            draws = stream(self._seed, "cell", "lifetime").standard_normal(
                self._state.size, np.float32
            )
            spread_out = np.abs(1.0 + self.model.lifetime_spread * draws.astype(np.float64))
            lifetime = np.maximum(lifetime * spread_out, 1.0)
        self._state *= np.exp(-passed / lifetime).astype(self.dtype)
        np.clip(self._state, self._cells.low, self._cells.high, out=self._state)

    def response(self, n_up: int, n_down: int = 0) -> Array:
        """Return what would be read before and after each of up pulses, then down pulses.

        The population itself stays as it is.

        Returns
        -------
        ndarray, shape (1 + n_up + n_down, ...), then that of the population
        """
        ups = whole_number("response", "n_up", n_up)
        downs = whole_number("response", "n_down", n_down)
        self.model.check_sides(downs > 0, "response: n_down")
        twin = copy.copy(self)
        twin._state, twin._counts = self._state.copy(), self._counts.copy()
        twin._written = None if self._written is None else self._written.copy()
        twin._key = "response"
        curve = np.empty((1 + ups + downs, *self.shape), dtype=self.dtype)
        curve[0] = self.weights
        for k in range(ups + downs):
            twin._pulse(np.full(self._state.size, 1 if k < ups else -1, dtype=np.int32))
            curve[k + 1] = twin.weights
        return curve

    # ----------------------------------------------------------------------------------- in parts

    def _steps_at_zero(self, rows: Array, columns: Array) -> tuple[float, float]:
        """Return the nominal steps at w = 0, up and down; one that nobody asks for is the other."""
        least, most = (
            [np.sign(pick(part, axis=1)) for part in (rows, columns)] for pick in (np.min, np.max)
        )
        asked = {
            1: (most[0] * most[1] > 0) | (least[0] * least[1] > 0),
            -1: (least[0] * most[1] < 0) | (most[0] * least[1] < 0),
        }
        steps, origin = {}, np.clip(0.0, *self.model.bounds)
        for direction in (side for side in asked if asked[side].any()):
            self.model.check_sides(direction < 0, "stochastic_update")
            steps[direction] = float(self.model.mean_step([origin], direction)[0])
            if steps[direction] <= 0.0:
                raise CapabilityError(
                    f"stochastic_update: {'up' if direction > 0 else 'down'} pulses do not move "
                    f"{self.model.name!r} at w = {origin:g}, so that no rate of them adds up to x "
                    "d. Give x and d of the other sign, or another model."
                )
        spare = next(iter(steps.values()), self.model.step)
        return steps.get(1, spare), steps.get(-1, spare)

    def _pulse(self, counts: Array) -> None:
        call, self._calls = self._calls, self._calls + 1
        size = np.abs(counts)

        def job(first: int, last: int) -> None:
            for block in range(first, last):
                self._pulse_block(block, call, counts, size)

        spread(job, -(-counts.size // BLOCK), _WORK * int(size.sum(dtype=np.int64)))
        self._counts += size.astype(np.uint32)

    def _pulse_block(self, block: int, call: int, counts: Array, size: Array) -> None:
        """Pulse one block of cells, with noise from its own stream, a piece at a time."""
        begin, end = block * BLOCK, min((block + 1) * BLOCK, counts.size)
        ends = np.cumsum(size[begin:end], dtype=np.int64)
        if ends[-1] == 0:
            return
        noisy = self.model.c2c > 0
        draws = stream(self._seed, self._key, call, block)
        done = begin
        while done < end:
            before = ends[done - begin - 1] if done > begin else 0
            until = end
            if noisy:
                fits = int(np.searchsorted(ends, before + DRAWS, side="right"))
                until = begin + max(fits, done - begin + 1)
            total = int(ends[until - begin - 1] - before) if noisy else 0
            self._move(slice(done, until), counts, draws.standard_normal(total, np.float32))
            done = until
        if self._written is not None:
            touched = begin + np.flatnonzero(size[begin:end])
            fresh = stream(self._seed, self._key, "written", call, block)
            kicks = fresh.standard_normal(touched.size, np.float32)
            self._written[touched] = self.model.write_noise * self.model.step * kicks

    def _move(self, part: slice, counts: Array, noise: Array) -> None:
        cells = Cells(*(values[part] for values in self._cells))
        relative, proportional, absolute = noise_of(self.model)
        state = self._state[part]
        if self.model.kind == "exponential":
            ends = cells.low, cells.high, shape_of(self.model)
            exponential_pulses(
                counts[part], cells.up, cells.down, *ends, relative, proportional, noise, state
            )
        else:
            affine_pulses(counts[part], *cells, relative, proportional, absolute, noise, state)

    def _draw_reference(self, cells: Cells) -> Array | None:
        if self.model.reference_error is None:
            return None
        miss = stream(self._seed, "cell", "reference").standard_normal(cells.low.size, np.float32)
        points = symmetry_points(self.model, cells)
        error = self.model.reference_error * self.model.bounds[1]
        return np.asarray(points + error * miss, dtype=self.dtype)

    def _draw_written(self, n: int) -> Array | None:
        if self.model.write_noise == 0.0:
            return None
        kicks = stream(self._seed, "written").standard_normal(n, np.float32)
        return np.asarray(self.model.write_noise * self.model.step * kicks, dtype=self.dtype)

    # -------------------------------------------------------------------------------- what comes in

    def _checked_initial(self, initial: npt.ArrayLike) -> Array:
        values = np.asarray(initial, dtype=self.dtype)
        if values.ndim > 0 and values.shape != self.shape:
            raise ShapeError(
                f"PulsedDevices: initial has shape {values.shape}; give one number, or an array "
                f"of shape {self.shape}."
            )
        if not np.isfinite(values).all():
            raise CodeError("PulsedDevices: initial holds NaN or infinite values; give numbers.")
        return np.broadcast_to(values, self.shape).reshape(-1)

    def _checked_counts(self, counts: npt.ArrayLike) -> Array:
        values = np.asarray(counts)
        if values.dtype.kind not in "iu":
            raise CodeError(
                f"pulse: counts have dtype {values.dtype}; give whole numbers, one a cell: "
                "positive for up pulses, negative for down pulses."
            )
        if values.shape != self.shape:
            raise ShapeError(
                f"pulse: counts have shape {values.shape}, the population has {self.shape}. "
                "Give one count a cell."
            )
        if np.abs(values.astype(np.float64)).max() >= 2**31:
            raise CodeError("pulse: counts hold 2^31 pulses or more for one cell; give fewer.")
        flat = values.astype(np.int32).reshape(-1)
        self.model.check_sides(bool((flat < 0).any()), "pulse: counts")
        return flat

    def _checked_outer(self, x: npt.ArrayLike, d: npt.ArrayLike) -> tuple[Array, Array]:
        if len(self.shape) != 2:
            raise ShapeError(
                f"stochastic_update: the population has shape {self.shape}; an outer product "
                "needs (rows, columns)."
            )
        parts = []
        for name, value, side in (("x", x, self.shape[0]), ("d", d, self.shape[1])):
            array = np.asarray(value, dtype=np.float64)
            array = array[None] if array.ndim == 1 else array
            if array.ndim != 2 or array.shape[1] != side:
                raise ShapeError(
                    f"stochastic_update: {name} has shape {array.shape}; expected ({side},) or "
                    f"(B, {side}) for a population of shape {self.shape}."
                )
            if not np.isfinite(array).all():
                raise CodeError(f"stochastic_update: {name} holds NaN or infinite values.")
            parts.append(array)
        if len(parts[0]) != len(parts[1]):
            raise ShapeError(
                f"stochastic_update: x has {len(parts[0])} rows of a batch, d has "
                f"{len(parts[1])}. Give as many of each."
            )
        return parts[0], parts[1]


def _coincidences(gain: float, x: Array, d: Array, draws: list[Array]) -> Array:
    """Return the coincidences of rows and columns that fire with gain |x|, gain |d|, signed."""
    counts = np.empty((x.size, d.size), dtype=np.int32)
    rows, columns = _trains(gain * np.abs(x), draws[0]), _trains(gain * np.abs(d), draws[1])
    coincidences(rows, columns, np.sign(x).astype(np.int8), np.sign(d).astype(np.int8), counts)
    return counts


def _trains(probabilities: Array, draws: Array) -> Array:
    """Return Bernoulli trains (n, W) uint64, a bit a slot, from uniform draws (n, slots)."""
    fired = draws < probabilities[:, None]
    octets = np.packbits(fired, axis=1, bitorder="little")
    padded = np.zeros((len(draws), -(-draws.shape[1] // 64) * 8), dtype=np.uint8)
    padded[:, : octets.shape[1]] = octets
    return padded.view(np.uint64)
