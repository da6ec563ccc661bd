"""Reservoirs on random conductances: fixed random weights that nobody writes, read by a crossbar.

A liquid state machine or an echo-state network keeps its past in the state of randomly coupled
units; only a linear readout is trained. The random weights are the conductances of an array whose
cells were broken down once (`neuromem.hardware.devices.random_weights`), and need no programming.
"""

from __future__ import annotations

import copy
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError, one_of, real_number, whole_number
from neuromem.core.randomness import Rng, seed_sequence
from neuromem.core.synapses import Synapses
from neuromem.hardware.arrays.crossbar import Crossbar
from neuromem.hardware.arrays.reader import one_blas_thread
from neuromem.hardware.chip import Chip
from neuromem.hardware.devices.profile import Profile
from neuromem.hardware.devices.random_weights import MACRO, Device, random_conductances
from neuromem.hardware.placed import PlacedNetwork

Units = Literal["spiking", "tanh"]
UNITS: tuple[Units, ...] = ("spiking", "tanh")
LEAKS = {"spiking": 0.1, "tanh": 0.2}
"""Lin et al. 2025 keep 0.9 of the potential each step; Wang et al. 2023 let 0.2 leak."""

CHUNK = 256
"""Sequences that `Reservoir.encode` runs side by side."""
SAMPLES = 1024
"""Input vectors that set the ranges of the ADCs."""


class RandomPairs(Synapses):
    r"""Weights in differential pairs of random cells: :math:`y = s\,(G^+ - G^-)\,x`.

    On a crossbar each cell has a bit line of its own, the two of a weight side by side; both are
    converted, and subtracted digitally. The cells are those of the array, not written again, so
    that a weight near zero may be two cells that conduct, with the noise and current of both.

    Parameters
    ----------
    cells : ndarray, shape (2, n_out, n_in)
        Conductances of the positive and the negative cells, S.
    scale : float
        Weight of a siemens, 1/S.
    crossbar : Crossbar, optional
        Holds ``lines(profile)``; left out: the weights are read exactly.
    """

    def __init__(self, cells: Array, scale: float, crossbar: Crossbar | None = None) -> None:
        super().__init__(dtype=cells.dtype, shape=cells.shape[1:])
        self.cells, self.scale, self.crossbar = cells, scale, crossbar
        self._unit = scale
        self._exact: Array = (cells[0] - cells[1]) * cells.dtype.type(scale)
        if crossbar is not None:
            self._unit = scale * _half_range(crossbar.arrays.profile)

    def lines(self, device: Profile) -> Array:
        """Return the conductances as weights of single cells, shape (2 n_out, n_in).

        From -1 at the device's g_min to 1 at its g_max, as the scheme "digital-offset" with
        ``w_max=1`` holds them.
        """
        interleaved = self.cells.transpose(1, 0, 2).reshape(-1, self.shape[1])
        low = interleaved.astype(np.float64) - device.g_min
        return np.asarray(low / _half_range(device) - 1.0)

    def on(self, crossbar: Crossbar) -> RandomPairs:
        """Return these cells as a crossbar reads them."""
        return RandomPairs(self.cells, self.scale, crossbar)

    @property
    def weights(self) -> Array:
        """The weights that the cells stand for now, wires included, shape (n_out, n_in)."""
        if self.crossbar is None:
            return self._exact
        held = self.crossbar.weights
        return np.asarray((held[0::2] - held[1::2]) * held.dtype.type(self._unit))

    def rows(self, indices: npt.ArrayLike) -> Array:
        """Return chosen rows of W, shape (K, n_in), unconverted."""
        return np.asarray(self.weights[np.atleast_1d(np.asarray(indices))])

    @property
    def nbytes(self) -> int:
        """Bytes held for the cells and their weights."""
        read = 0 if self.crossbar is None else self.crossbar.nbytes
        return int(self.cells.nbytes + self._exact.nbytes + read)

    def _matmat(self, x: Array) -> Array:
        if self.crossbar is None:
            with one_blas_thread():
                product: Array = self._exact @ x.astype(self.dtype)
            return product
        currents = self.crossbar @ x
        return np.asarray((currents[0::2] - currents[1::2]) * currents.dtype.type(self._unit))

    def _rmatmat(self, y: Array) -> Array:
        if self.crossbar is None:
            with one_blas_thread():
                product: Array = self._exact.T @ y.astype(self.dtype)
            return product
        both = np.repeat(y, 2, axis=0)
        both[1::2] *= -1
        sums = self.crossbar.T @ both
        return np.asarray(sums * sums.dtype.type(self._unit))


class Reservoir:
    r"""Randomly coupled units with fixed random weights: an untrained memory of recent inputs.

    Spiking units, a liquid state machine (fire at :math:`v > \theta`, then start from zero),

    .. math:: v_t = (1 - a)\, v_{t-1} (1 - s_{t-1}) + W_i u_t + W_r s_{t-1}

    or leaky tanh units, an echo-state network:

    .. math:: x_t = (1 - a)\, x_{t-1} + a \tanh(W_i u_t + W_r x_{t-1})

    Parameters
    ----------
    n_inputs, n_units : int
        Numbers of inputs and units.
    units : {"spiking", "tanh"}
        What the units are.
    leak : float, optional
        a, the share of the state that is lost in a step; left out: 0.1 for spiking units, 0.2
        for tanh.
    threshold : float
        theta, of spiking units.
    input_scale, recurrent_scale : float
        Weight of a siemens, 1/S: 7e4 is 0.07 a microsiemens.
    stop_voltage : float, optional
        Where the ramp ended that broke the cells, V; left out: half of them are broken.
    paired : bool
        Whether the negative cells were broken, too. If not, no weight is negative, as in the
        released simulations of Wang et al. 2023.
    device : str, Path or Profile
        A profile with a [random] section.
    rng : int, SeedSequence, Generator or None
        Seed of the cells.

    Attributes
    ----------
    synapses : dict of str to RandomPairs
        "input", (n_units, n_inputs), and "recurrent", (n_units, n_units).
    placed : PlacedNetwork or None
        What lies on a chip, with `report` and `spent`; None for exact weights.

    References
    ----------
    Lin et al., Nature Computational Science 5, 37 (2025), doi:10.1038/s43588-024-00751-z;
    Wang et al., Nature Machine Intelligence 5, 104 (2023), doi:10.1038/s42256-023-00609-5.

    Examples
    --------
    >>> import neuromem as nm
    >>> spikes = np.random.default_rng(0).integers(0, 2, (30, 16))  # 30 steps of 16 inputs
    >>> liquid = Reservoir(16, 100, rng=1)
    >>> liquid.run(spikes).shape
    (30, 100)
    >>> chip = nm.hardware.Chip("rram-40nm-random", tile=(128, 128), adc_bits=8, dac_bits=1)
    >>> on_chip = liquid.on(chip, inputs=spikes, rng=0)
    >>> on_chip.run(spikes).shape, int(on_chip.placed.report.tiles.sum())
    ((30, 100), 4)
    """

    def __init__(
        self,
        n_inputs: int,
        n_units: int = 200,
        *,
        units: Units = "spiking",
        leak: float | None = None,
        threshold: float = 5.0,
        input_scale: float = 7e4,
        recurrent_scale: float = 7e4,
        stop_voltage: float | None = None,
        paired: bool = True,
        device: Device = MACRO,
        rng: Rng = None,
    ) -> None:
        where = "Reservoir"
        self.n_inputs = whole_number(where, "n_inputs", n_inputs, least=1)
        self.n_units = whole_number(where, "n_units", n_units, least=1)
        self.units = one_of(where, "units", units, UNITS)
        lost = LEAKS[self.units] if leak is None else leak
        self.leak = real_number(where, "leak", lost, 0.0, 1.0)
        self.threshold = real_number(where, "threshold", threshold, 0.0)
        self.placed: PlacedNetwork | None = None
        self.synapses: dict[str, RandomPairs] = {}
        root = seed_sequence(rng)
        scales = {"input": input_scale, "recurrent": recurrent_scale}
        for number, (name, scale) in enumerate(scales.items()):
            seed = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, number))
            shape = (2, self.n_units, self.n_inputs if name == "input" else self.n_units)
            cells = random_conductances(shape, device, stop_voltage, seed)
            if not paired:
                cells[1] = 0.0
            factor = real_number(where, f"{name}_scale", scale)
            self.synapses[name] = RandomPairs(cells, factor)
        self.reset()

    def on(self, chip: Chip, *, inputs: npt.ArrayLike | None = None, rng: Rng = None) -> Self:
        """Return the same reservoir, at rest, with its cells read by the arrays of a chip.

        Parameters
        ----------
        chip : Chip
            Of a device with random cells. Its mapping is given: a bit line for each cell.
        inputs : array_like, shape (T, n_inputs) or (Q, T, n_inputs), optional
            Inputs to be expected. They, and the states of this reservoir under them, set the
            ranges of the ADCs and the energy of a product; left out, see `Crossbar.program`.
        rng : int, SeedSequence, Generator or None
            Seed of noise and faults.

        Raises
        ------
        ParameterError
            If the device has no random cells or writes its cells with an error, or if the chip
            asks for another mapping.
        """
        _check_device(chip)
        given = chip.options.changed()
        for name in ("scheme", "w_max", "g_max", "clip", "verify"):
            if name in given:
                raise ParameterError(
                    f"Reservoir.on: the chip has {name}={given[name]!r}, but the cells of a "
                    "reservoir are what the breakdown left. Leave it out of the Chip."
                )
        lines = Chip(chip.profile, **{**given, "scheme": "digital-offset", "w_max": 1.0})
        matrices = {name: pairs.lines(chip.profile) for name, pairs in self.synapses.items()}
        samples = None if inputs is None else self._samples(inputs)
        placed = lines.map(matrices, rng=rng, inputs=samples)
        assert isinstance(placed, PlacedNetwork)
        other = copy.copy(self)
        other.placed = placed
        other.synapses = {
            name: pairs.on(placed.crossbars[name]) for name, pairs in self.synapses.items()
        }
        return other.reset()

    def reset(self) -> Self:
        """Forget all inputs: the units are at rest again."""
        self._state: Array | None = None
        self._potential: Array | None = None
        return self

    def run(self, inputs: npt.ArrayLike) -> Array:
        """Feed sequences and return the states; goes on from where the last run ended.

        Parameters
        ----------
        inputs : array_like, shape (T, n_inputs) or (Q, T, n_inputs)
            One sequence, or Q of the same length side by side.

        Returns
        -------
        ndarray of float32, shape (T, n_units) or (Q, T, n_units)
            Spikes, 0 or 1, or the states of tanh units.

        Raises
        ------
        ShapeError, ParameterError
            If the inputs are no finite numbers of that shape, or if their number Q differs from
            that of the states to go on from.

        Examples
        --------
        >>> echo = Reservoir(2, 50, units="tanh", recurrent_scale=1e4, rng=0)
        >>> whole = echo.run(np.ones((6, 2)))
        >>> parts = [echo.reset().run(np.ones((4, 2))), echo.run(np.ones((2, 2)))]
        >>> bool(np.allclose(np.concatenate(parts), whole))
        True
        """
        given = self._sequences(inputs, "run")
        single = np.ndim(inputs) == 2
        drives = self.drive(given)
        states = np.empty((*given.shape[:2], self.n_units), np.float32)
        for time in range(given.shape[1]):
            states[:, time] = self.step(drives[:, time])
        return states[0] if single else states

    def encode(self, inputs: npt.ArrayLike, windows: int = 1) -> Array:
        """Return what a readout sees of each sequence: the mean state in windows of time.

        Each sequence starts from rest; with spiking units and one window this is the count of
        spikes (over T), as in Lin et al. 2025.

        Parameters
        ----------
        inputs : array_like, shape (Q, T, n_inputs) or (T, n_inputs)
            Sequences.
        windows : int
            Equal parts of the time, to a step.

        Returns
        -------
        ndarray of float32, shape (Q, windows * n_units)

        Raises
        ------
        ShapeError, ParameterError
            As `run`, and if there are more windows than steps.
        """
        given = self._sequences(inputs, "encode")
        steps = given.shape[1]
        if whole_number("Reservoir.encode", "windows", windows, least=1) > steps:
            raise ParameterError(
                f"Reservoir.encode: windows is {windows}, but the sequences have {steps} steps. "
                "Give no more windows than steps."
            )
        edges = [steps * window // windows for window in range(windows + 1)]
        seen = np.empty((len(given), windows, self.n_units), np.float32)
        for first in range(0, len(given), CHUNK):
            states = self.reset().run(given[first : first + CHUNK])
            for window in range(windows):
                part = states[:, edges[window] : edges[window + 1]]
                seen[first : first + CHUNK, window] = part.mean(axis=1)
        self.reset()
        return seen.reshape(len(given), -1)

    def drive(self, inputs: Array) -> Array:
        """Return the weighted inputs W_i u, shape (..., n_units), of inputs (..., n_inputs)."""
        flat = inputs.reshape(-1, self.n_inputs)
        weighted = (self.synapses["input"] @ flat.T).T
        return np.asarray(weighted, np.float32).reshape(*inputs.shape[:-1], self.n_units)

    def step(self, drive: Array, mixing: Any = None) -> Array:
        """Advance by one step and return the states, shape (Q, n_units).

        Parameters
        ----------
        drive : ndarray, shape (Q, n_units)
            Weighted inputs, from `drive`.
        mixing : ndarray or sparse matrix, shape (Q, Q), optional
            Whose states each of the Q copies is fed back, such as the adjacency matrix of a
            graph with a copy at each node; left out: its own.
        """
        before = self._rest(len(drive))
        fed = np.ascontiguousarray((self.synapses["recurrent"] @ before.T).T, np.float32)
        field = drive + (fed if mixing is None else mixing @ fed)
        keep = np.float32(1.0 - self.leak)
        if self.units == "tanh":
            self._state = keep * before + np.float32(self.leak) * np.tanh(field)
            return self._state
        assert self._potential is not None
        self._potential = keep * self._potential * (1.0 - before) + field
        self._state = (self._potential > self.threshold).astype(np.float32)
        return self._state

    def _rest(self, count: int) -> Array:
        """Return the states to go on from, zeros after a reset."""
        if self._state is None:
            self._state = np.zeros((count, self.n_units), np.float32)
            self._potential = np.zeros_like(self._state)
        if len(self._state) != count:
            raise ShapeError(
                f"Reservoir: {count} sequences came, but the states are those of "
                f"{len(self._state)}. Call reset() before other sequences."
            )
        return self._state

    def _sequences(self, inputs: npt.ArrayLike, verb: str) -> Array:
        """Return checked inputs (Q, T, n_inputs)."""
        given = np.asarray(inputs)
        fits = given.ndim in (2, 3) and given.shape[-1] == self.n_inputs and given.size > 0
        if not fits or given.dtype.kind not in "biuf":
            raise ShapeError(
                f"Reservoir.{verb}: inputs have shape {given.shape} and dtype {given.dtype}; "
                f"expected numbers (T, {self.n_inputs}) or (Q, T, {self.n_inputs})."
            )
        if not np.all(np.isfinite(given)):
            raise ParameterError(
                f"Reservoir.{verb}: inputs hold NaN or infinity; give finite numbers."
            )
        return given if given.ndim == 3 else given[None]

    def _samples(self, inputs: npt.ArrayLike) -> dict[str, Array]:
        """Return input vectors that the two arrays will see: inputs, and states under them."""
        given = self._sequences(inputs, "on")[:CHUNK]
        states = copy.copy(self).reset().run(given)
        flat = {"input": given.reshape(-1, self.n_inputs)}
        flat["recurrent"] = states.reshape(-1, self.n_units)
        return {
            name: rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(int)]
            for name, rows in flat.items()
        }

    def __repr__(self) -> str:
        place = "exact weights" if self.placed is None else repr(self.placed.chip.profile.name)
        return (
            f"<Reservoir: {self.n_inputs} inputs, {self.n_units} {self.units} units, "
            f"leak {self.leak:g}, on {place}>"
        )


def _half_range(device: Profile) -> float:
    return 0.5 * (device.g_max - device.g_min)


def _check_device(chip: Chip) -> None:
    """Refuse devices that would hold something else than the random cells."""
    device = chip.profile
    if device.random is None or device.programming is not None:
        why = "has no random cells" if device.random is None else "writes its cells with an error"
        raise ParameterError(
            f"Reservoir.on: the chip's device {device.name!r} {why}. Give a Chip of a profile with "
            f"a [random] section and no [programming], such as {MACRO!r}."
        )
