"""A matrix on resistive arrays, as a linear operator: what a memory reads in place of weights."""

from __future__ import annotations

import copy
import struct
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from neuromem.core.codes import Array
from neuromem.core.errors import CapabilityError, ParameterError, ShapeError, one_of
from neuromem.core.randomness import Rng, seed_sequence, stream
from neuromem.core.synapses import DenseSynapses, Synapses
from neuromem.hardware.arrays.matrix import Arrays, as_array, as_matrix
from neuromem.hardware.arrays.options import COMPENSATIONS, Options
from neuromem.hardware.arrays.reader import Reader, Side
from neuromem.hardware.devices.profile import Profile

CALIBRATION, COMPENSATION, FIRST_READ = 0, 1, 2
"""Numbers of the reads: those that set the chip up, and the first one that a user asks for."""


class Crossbar(Synapses):
    r"""Weights in the conductances of one or many arrays: :math:`y = W x`, by physics.

    Built by `Crossbar.program`, or for all synapses of a memory by `Chip.map`. A crossbar is what
    its devices are at one time after they were programmed; `at` gives it at a later one.

    Every read passes the DACs, the arrays with all that is wrong with them, and the ADCs of each
    tile; partial sums of the tiles are added digitally. What happens at which moment: programming
    errors and stuck cells once; drift, relaxation and the noise of long reads when the time
    changes; wires in every array; read noise, converters and their noise in every product.

    Attributes
    ----------
    arrays : Arrays
        The devices, with their profile, options, scheme and tiling.
    seconds : float
        Time since the devices were programmed.
    compensate : str
        What makes up for drift: "none", "global" or "column".
    reads : float
        Products read so far; a read of some outputs only counts as that share.
    turns : int
        Vectors read so far, one after another, of however many outputs.

    Examples
    --------
    >>> W = np.array([[0.5, -1.0], [0.25, 0.75]])
    >>> crossbar = Crossbar.program(W, "ideal", dtype=np.float64)
    >>> crossbar @ np.array([1.0, -1.0])
    array([ 1.5, -0.5])
    """

    def __init__(
        self,
        matrix: Array,
        device: str | Profile,
        options: Options,
        *,
        rng: Rng = None,
        inputs: npt.ArrayLike | None = None,
        progress: bool | None = None,
    ) -> None:
        super().__init__(dtype=options.dtype, shape=matrix.shape[::-1])
        self._seed = seed_sequence(rng)
        self._sample = self._calibrating_inputs(matrix, inputs)
        self.arrays = Arrays(matrix, device, options, self._seed, progress)
        self.compensate = options.compensate
        self._start = self
        self._pulsing: Any = None
        self.reads, self.turns, self._number = 0.0, 0, FIRST_READ
        self._held: DenseSynapses | None = None
        self._begin(0.0)

    @classmethod
    def program(
        cls,
        weights: npt.ArrayLike | LinearOperator,
        profile: str | Profile = "ideal",
        *,
        rng: Rng = None,
        inputs: npt.ArrayLike | None = None,
        progress: bool | None = None,
        **options: Any,
    ) -> Self:
        """Write weights into arrays of a device.

        Parameters
        ----------
        weights : array_like or LinearOperator, shape (n_out, n_in)
            W; an operator is read row by row.
        profile : str or Profile
            Name of a device profile, the path of one, or a Profile.
        rng : int, SeedSequence, Generator or None
            Seed of all that is random in the devices and in their reading.
        inputs : array_like, shape (K, n_in), optional
            Inputs of the size to be expected, for the ranges of the ADCs. Left out: random signs
            and the signs of some rows of W, at full scale.
        progress : bool, optional
            Whether to show a bar; left out: from 256 tiles up.
        **options
            See `Options`.

        Raises
        ------
        ShapeError, ParameterError
            If the weights are no finite matrix or exceed `w_max` without `clip`, or if an option
            is unknown or outside its range.
        """
        checked = make_options(options)
        matrix = as_matrix(weights, checked.dtype)
        return cls(matrix, profile, checked, rng=rng, inputs=inputs, progress=progress)

    def at(self, seconds: float, *, compensate: str | None = None) -> Self:
        """Return the same devices at a later time.

        Parameters
        ----------
        seconds : float
            Since they were programmed.
        compensate : {"none", "global", "column"}, optional
            What makes up for drift from now on; left out: as before.

        Raises
        ------
        ParameterError
            If the time is negative, lies before this crossbar's own, or beyond what the profile
            is known for.
        """
        self.arrays.profile.check_time(seconds, "at")
        if seconds < self.seconds:
            raise ParameterError(
                f"at: seconds is {seconds:g}, but these devices were last read {self.seconds:g} s "
                "after they were programmed, and time does not run back. Ask the crossbar or "
                "the placed memory of an earlier time."
            )
        later = copy.copy(self)
        # A copy, for the start may go on to learn, which later times are to know nothing of.
        later._start = copy.copy(self._start)
        if compensate is not None:
            later.compensate = one_of("at", "compensate", compensate, COMPENSATIONS)
        later._begin(float(seconds))
        return later

    @property
    def weights(self) -> Array:
        """The weights that the arrays hold now, shape (n_out, n_in): drifted, wired, unread."""
        return self.rows(np.arange(self.shape[0]))

    @property
    def held(self) -> DenseSynapses:
        """The same weights as plain synapses: to look at them costs and disturbs nothing."""
        if self._held is None:
            self._held = DenseSynapses(self.weights)
        return self._held

    def rows(self, indices: npt.ArrayLike) -> Array:
        """Return rows of the weights that the arrays hold now, shape (K, n_in), unconverted."""
        chosen = self._indices(indices)
        held = self._forward.side.planes[:, :, chosen].sum(axis=0).T
        return np.asarray(held - self.dtype.type(self.arrays.scheme.digital_offset))

    def outputs(self, states: npt.ArrayLike, indices: npt.ArrayLike) -> Array:
        """Read some outputs only, shape (Q, K), of states (Q, n_in): what one bit line gives."""
        columns = self._indices(indices)
        return self._product("forward", np.atleast_2d(np.asarray(states)), columns)

    def _indices(self, indices: npt.ArrayLike) -> Array:
        chosen = np.atleast_1d(np.asarray(indices))
        n_out = self.shape[0]
        whole = chosen.ndim == 1 and chosen.dtype.kind in "iu"
        if not whole or (chosen.size and not (-n_out <= chosen.min() <= chosen.max() < n_out)):
            raise ParameterError(
                f"Crossbar: indices are {indices!r}; give whole numbers from 0 to {n_out - 1}."
            )
        return np.asarray(chosen % n_out)

    def add_outer(self, left: npt.ArrayLike, right: npt.ArrayLike) -> None:
        """Add ``left right^T`` to the weights by write pulses, in place: learning in the array.

        Parameters
        ----------
        left, right : array_like, shape (n_out,) and (n_in,)
            In units whose products are weights.

        Raises
        ------
        CapabilityError
            If no `update` was chosen, or the scheme holds a weight in several slices, or time
            has passed since the devices were programmed.
        ShapeError
            If the lengths do not fit.
        """
        if self.arrays.options.update is None:
            raise CapabilityError(
                "Crossbar.add_outer: these devices are written once. Choose what a pulse does, "
                "such as update='rram-exponential'; see neuromem.hardware.devices.update_models()."
            )
        if self.seconds > 0.0:
            raise CapabilityError(
                f"Crossbar.add_outer: {self.seconds:g} s have passed since these devices were "
                "programmed. Learn before you let them age."
            )
        self.arrays = copy.copy(self.arrays)
        self.arrays.devices = list(self.arrays.devices)
        if self._pulsing is None:
            from neuromem.hardware.arrays.learning import Pulsing

            self._pulsing = Pulsing(self.arrays, self.arrays.options.update)
        self._pulsing.add_outer(self.arrays, np.asarray(left, float), np.asarray(right, float))
        spent = self.reads, self.turns, self._number
        self._begin(0.0)
        self.reads, self.turns, self._number = spent

    @property
    def nbytes(self) -> int:
        """Bytes that the simulation holds for devices and weights."""
        side = self._forward.side
        held = side.planes.nbytes + (0 if side.variances is None else side.variances.nbytes)
        return int(held + self.arrays.nbytes)

    @property
    def clipped_conversions(self) -> float:
        """Share of the ADC conversions so far that were outside the converter's range."""
        readers = self._readers.values()
        done = sum(reader.conversions for reader in readers)
        return sum(reader.clipped for reader in readers) / done if done else 0.0

    @property
    def weight_error(self) -> float:
        """R.m.s. difference of the weights from those written, over the latter's r.m.s. value.

        After what makes up for drift.
        """
        alpha = self._alpha("forward")
        return self.arrays.weight_error(self._forward.side.planes, 1.0 if alpha is None else alpha)

    @property
    def dissipation(self) -> float:
        """Mean of the sum of x^2 G over all cells and reads of one product, S.

        For the inputs that are to be expected, in full scales. Times V^2 t it is the energy of the
        cells, with wires to first order in the voltage that they take.
        """
        return float(self._forward.mean_squares(self._sample) @ self.row_sums)

    @property
    def row_sums(self) -> Array:
        """What each input's word lines conduct now, behind transistors and wires, S, (n_in,)."""
        held = self._forward.side.conductance
        assert held is not None
        return held

    def _calibrating_inputs(self, matrix: Array, inputs: npt.ArrayLike | None) -> Array:
        """Return inputs (K, n_in) that the ADC ranges are set with."""
        n_in = len(matrix)
        if inputs is None:
            return _probes(self._seed, "forward", matrix)
        given = np.atleast_2d(as_array(inputs, "Chip: inputs"))
        numbers = given.dtype.kind in "biuf"
        fits = given.ndim == 2 and given.shape[1] == n_in and len(given) > 0
        if not (numbers and fits and np.all(np.isfinite(given))):
            raise ShapeError(
                f"Chip: inputs have shape {given.shape} and dtype {given.dtype}; "
                f"expected (K, {n_in}), one vector at least, all finite real numbers."
            )
        return given.astype(self.dtype)

    def _begin(self, seconds: float) -> None:
        """Work out what the arrays hold at this time."""
        self.seconds, self.reads, self.turns, self._number = seconds, 0.0, 0, FIRST_READ
        self._held = None
        self._readers: dict[str, Reader] = {}
        self._alphas: dict[str, Array] = {}
        self._readers["forward"] = self._new_reader("forward", self.arrays.side(seconds))

    @property
    def _forward(self) -> Reader:
        return self._readers["forward"]

    def _reader(self, name: str) -> Reader:
        if name not in self._readers:
            self._readers[name] = self._new_reader(name, self._forward.side.transposed())
        return self._readers[name]

    def _new_reader(self, name: str, side: Side) -> Reader:
        sample = self._sample
        if name == "backward":
            weights = side.planes.sum(axis=0) - side.planes.dtype.type(side.offset)
            sample = _probes(self._seed, name, weights)
        # A chip's ADC ranges are set when it is programmed, not before each later read.
        later = self.seconds > self._start.seconds
        ranges = self._start._reader(name).full_scale if later else None
        moment = struct.unpack("<Q", struct.pack("<d", self.seconds))[0]
        root = self._seed
        noise = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, moment))
        return Reader(side, self.arrays.options, self._seed, noise, name, sample, ranges)

    def _alpha(self, name: str) -> Array | None:
        """Return the factor that makes up for drift, (n,) or a scalar; None where none is.

        Compares the reading of fixed inputs with what it was after programming, with all that a
        read meets (Joshi et al., Nature Communications 11, 2473, 2020).
        """
        if self.compensate == "none" or self.seconds <= self._start.seconds:
            return None
        if name not in self._alphas:
            probes = _signs(self._seed, name, self._reader(name).n_inputs)
            readers = (self._start._reader(name), self._reader(name))
            was, now = (
                np.abs(reader.read(probes.astype(self.dtype), COMPENSATION)).sum(axis=0)
                for reader in readers
            )
            if self.compensate == "global":
                was, now = was.sum(keepdims=True), now.sum(keepdims=True)
            self._alphas[name] = np.divide(was, now, out=np.ones_like(now), where=now > 0)
        return self._alphas[name]

    def _product(self, name: str, vectors: Array, columns: Array | None = None) -> Array:
        reader = self._reader(name)
        if vectors.dtype.kind not in "biuf":
            raise ParameterError(
                f"Crossbar: the inputs have dtype {vectors.dtype}; give real numbers."
            )
        if vectors.ndim != 2 or vectors.shape[1] != reader.n_inputs:
            raise ShapeError(
                f"Crossbar: the inputs have shape {vectors.shape}; "
                f"expected (vectors, {reader.n_inputs})."
            )
        alpha = self._alpha(name)
        product = reader.read(vectors, self._number, columns)
        self.reads += len(vectors) * product.shape[1] / reader.n_outputs
        self.turns += len(vectors)
        self._number += 1
        if alpha is not None:
            product *= alpha if columns is None or alpha.size == 1 else alpha[columns]
        return product

    def _matmat(self, x: Array) -> Array:
        return self._product("forward", np.asarray(x).T).T

    def _rmatmat(self, x: Array) -> Array:
        return self._product("backward", np.asarray(x).T).T

    def _matvec(self, x: Array) -> Array:
        return self._matmat(np.reshape(x, (-1, 1)))

    def _rmatvec(self, x: Array) -> Array:
        return self._rmatmat(np.reshape(x, (-1, 1)))

    def __repr__(self) -> str:
        rows, columns = self.arrays.tiling.shape
        return (
            f"<Crossbar {self.shape[0]} x {self.shape[1]} on {rows} x {columns} tiles of "
            f"{self.arrays.profile.name!r}, {self.arrays.scheme.name}, "
            f"{self.seconds:g} s after programming>"
        )


def make_options(given: dict[str, Any]) -> Options:
    """Return checked options; an unknown name raises an error that lists those there are."""
    known = list(Options.__dataclass_fields__)
    for name in given:
        if name not in known:
            raise ParameterError(
                f"Chip: there is no option {name!r}; there are: {', '.join(known)}."
            )
    return Options(**given)


def _signs(seed: np.random.SeedSequence, name: str, n: int) -> Array:
    """Return 32 vectors of random signs."""
    return np.asarray(stream(seed, "probes", name).integers(0, 2, (32, n)) * 2.0 - 1.0)


def _probes(seed: np.random.SeedSequence, name: str, matrix: Array) -> Array:
    """Return 32 vectors of random signs, and the signs of up to 32 columns of a matrix."""
    chosen = np.linspace(0, matrix.shape[1] - 1, min(32, matrix.shape[1])).astype(int)
    rows = np.where(matrix[:, chosen].T < 0, -1.0, 1.0)
    probes = np.concatenate([_signs(seed, name, len(matrix)), rows])
    return np.asarray(probes.astype(matrix.dtype))
