"""One direction of reading a crossbar: encode the inputs, sum in the arrays, convert, add up.

A product is cut into pieces of fixed size (256 inputs vectors, 2,048 outputs), whose noise comes
from streams keyed by the read's number and the piece, so that any number of threads gives the
same bits.
"""

from __future__ import annotations

import itertools
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError
from neuromem.core.randomness import stream
from neuromem.core.threads import spread
from neuromem.hardware.arrays.converters import Columns, encode, input_scale, serial_digits
from neuromem.hardware.arrays.options import Options
from neuromem.hardware.arrays.ranges import full_scale_for

VECTORS, OUTPUTS = 256, 2048
"""Input vectors and outputs in one piece of a product."""

SMALL = 2**13
"""Multiplications of a product below which BLAS starts no thread."""

_blas: list[ThreadpoolController] = []
_local = threading.local()


def one_blas_thread() -> Any:
    """Return a context in which BLAS runs in one thread: its sums then do not depend on more."""
    if not _blas:
        _blas.append(ThreadpoolController())
    return _blas[0].limit(limits=1, user_api="blas")


def _buffer(shape: tuple[int, int], dtype: Any) -> Array:
    """Return an array of this thread's own that is overwritten by the next call."""
    size = VECTORS * OUTPUTS * np.dtype(dtype).itemsize
    held = getattr(_local, "bytes", None)
    if held is None or held.nbytes < size:
        held = _local.bytes = np.empty(size, np.uint8)
    count = shape[0] * shape[1] * np.dtype(dtype).itemsize
    return np.asarray(held[:count].view(dtype).reshape(shape))


@dataclass(frozen=True)
class Side:
    """What the arrays hold, as seen from one side.

    Attributes
    ----------
    planes : ndarray, shape (S, m, n)
        Weights that the slices really hold, from m inputs to n outputs.
    variances : ndarray, shape (S, m, n), or None
        Variance of each weight from read to read.
    shared : ndarray, shape (m, blocks), or None
        Variance of the reference columns, common to all outputs of a block of outputs.
    common : ndarray, shape (n, blocks), or None
        Variance of a reference that is driven together with a block of inputs.
    input_edges, output_edges : ndarray
        Where the tiles begin and end.
    significance : ndarray, shape (S,)
        Weight that the full range of one cell of a slice stands for.
    offset : float
        What is subtracted digitally, per unit of the sum of the inputs.
    reach : float
        Largest weight of one cell in units of its slice's significance; above 1 where a single
        cell of g_min > 0 stands for a weight.
    conductance : ndarray, shape (m,), or None
        Sum of what an input's word lines conduct, S, behind transistors and wires.
    """

    planes: Array
    variances: Array | None
    shared: Array | None
    common: Array | None
    input_edges: Array
    output_edges: Array
    significance: Array
    offset: float
    reach: float = 1.0
    conductance: Array | None = None

    def transposed(self) -> Side:
        """Return the same arrays driven from the bit lines and sensed at the word lines.

        With wires too, for a network of resistors is reciprocal.
        """
        variances = self.variances
        return Side(
            planes=np.ascontiguousarray(self.planes.transpose(0, 2, 1)),
            variances=None
            if variances is None
            else np.ascontiguousarray(variances.transpose(0, 2, 1)),
            shared=self.common,
            common=self.shared,
            input_edges=self.output_edges,
            output_edges=self.input_edges,
            significance=self.significance,
            offset=self.offset,
            reach=self.reach,
        )


class Applied(NamedTuple):
    """Inputs as the arrays get them (cycles, Q, m), and their scales (Q,).

    `sums` of the codes (Q,) are there where a digital offset needs them.
    """

    analog: Array
    scale: Array
    sums: Array


class Piece(NamedTuple):
    """One part of a product: its inputs, and where its outputs go.

    `whole` says that the columns are all there are, in their order; `place` is the number of the
    read and of the first vector, `start` that of the first output.
    """

    applied: Array
    scale: Array
    total: Array
    columns: Any
    whole: bool
    place: tuple[int, int]
    start: int


class Reader:
    """Reads products of one `Side` through the converters of `options`.

    Parameters
    ----------
    side : Side
        What is read.
    options : Options
        The converters and their noise.
    seed, noise : SeedSequence
        Roots of the converters' fixed errors, and of what is fresh in every read.
    name : str
        "forward" or "backward": the two sides have converters of their own.
    sample : ndarray, shape (K, m)
        Inputs of the size to be expected, for calibrated ADC ranges.
    full_scale : ndarray, shape (S, row blocks, n), optional
        Ranges that were set before.
    """

    def __init__(
        self,
        side: Side,
        options: Options,
        seed: np.random.SeedSequence,
        noise: np.random.SeedSequence,
        name: str,
        sample: Array,
        full_scale: Array | None = None,
    ) -> None:
        self.side, self.options, self.name = side, options, name
        self.seed, self.noise = seed, noise
        self.n_inputs, self.n_outputs = side.planes.shape[1:]
        self.conversions, self.clipped = 0, 0
        self._sum = side.planes.sum(axis=0) if self._is_linear() else None
        self.full_scale = full_scale
        if options.adc_bits is not None and full_scale is None:
            self.full_scale = self._ranges(sample)
        noisy = side.variances is not None or options.output_noise > 0
        self._draws = noisy or options.rounding == "stochastic"
        self._readouts = {} if self._sum is not None else self._converters()

    def read(self, x: Array, number: int, columns: Array | None = None) -> Array:
        """Return the outputs (Q, n) of inputs (Q, m); `number` is the number of the read.

        `columns` are the outputs to convert, all if left out.
        """
        x = np.ascontiguousarray(x, dtype=self.options.dtype)
        applied = self._encoded(x, number)
        n = self.n_outputs if columns is None else columns.size
        total = np.zeros((len(x), n), self.options.dtype)
        pieces = [
            (q, slice(first, min(first + OUTPUTS, n)))
            for q in range(0, len(x), VECTORS)
            for first in range(0, n, OUTPUTS)
        ]

        counts = np.zeros((len(pieces), 2), np.int64)

        def job(first: int, last: int) -> None:
            for place in range(first, last):
                q, outputs = pieces[place]
                chosen = outputs if columns is None else columns[outputs]
                piece = Piece(
                    applied.analog[:, q : q + VECTORS],
                    applied.scale[q : q + VECTORS],
                    total[q : q + VECTORS, outputs],
                    chosen,
                    columns is None and n <= OUTPUTS,
                    (number, q),
                    outputs.start,
                )
                counts[place] = self._piece(piece)

        work = len(x) * self.n_inputs * n * len(self.side.planes)
        # OpenBLAS takes one thread for so small a product by itself; asking for it takes longer.
        with one_blas_thread() if work > SMALL else nullcontext():
            spread(job, len(pieces), work, largest=1)
        # Not in the threads, which would lose counts to each other.
        self.clipped += int(counts[:, 0].sum())
        self.conversions += int(counts[:, 1].sum())
        if self.side.offset:
            total -= (self.side.offset * applied.sums)[:, None].astype(total.dtype)
        return total

    def _is_linear(self) -> bool:
        """Whether no stage between input and output is anything but a sum."""
        o = self.options
        errors = (o.output_noise, o.gain_spread, o.offset_spread)
        noisy = self.side.variances is not None or any(value > 0 for value in errors)
        return o.adc_bits is None and not noisy and not o.serial

    def _encoded(self, x: Array, number: int) -> Applied:
        """Return what is applied to the arrays for inputs (Q, m)."""
        o = self.options
        if o.dac_bits is None and self._sum is not None and not o.input_noise:
            if not np.isfinite(x).all():
                raise ParameterError(
                    "Crossbar: the inputs hold NaN or infinity; give finite numbers."
                )
            ones = np.ones(len(x), x.dtype)
            sums = x.sum(axis=1, dtype=np.float64) if self.side.offset else ones
            return Applied(x[None], ones, sums)
        return self._applied(x, number)

    def _applied(self, x: Array, number: int) -> Applied:
        """Return what the DACs make of inputs."""
        o = self.options
        scale = input_scale(x, o.input_range)
        rng = stream(self.noise, self.name, "dac", number) if o.rounding == "stochastic" else None
        coded = np.empty_like(x)
        encode(x, o.dac_bits, scale, out=coded, rounding=o.rounding, rng=rng)
        # Digital logic knows the codes, not what noise made of them on the way to the arrays.
        sums = scale * coded.sum(axis=1, dtype=np.float64) if self.side.offset else scale
        applied = coded[None]
        if o.serial and o.dac_bits is not None:
            whole = np.rint(coded * (2 ** (o.dac_bits - 1) - 1))
            code: Any = o.serial
            applied = serial_digits(whole, o.dac_bits, code=code)[0].astype(x.dtype)
        if o.input_noise:
            rng = stream(self.noise, self.name, "inputs", number)
            drawn = rng.standard_normal(applied.shape, dtype=np.float32)
            applied = applied + applied.dtype.type(o.input_noise) * drawn.astype(applied.dtype)
        return Applied(applied, scale, sums)

    def mean_squares(self, sample: Array) -> Array:
        """Return the mean square of each input in full scales, summed over its reads, (m,)."""
        applied = self._applied(np.ascontiguousarray(sample, dtype=self.options.dtype), 0)
        squares = applied.analog.astype(np.float64) ** 2
        return np.asarray(squares.sum(axis=0).mean(axis=0))

    def _cycle_weights(self) -> Array:
        """Return what each read of a serial input counts for, shape (cycles,)."""
        o = self.options
        if not o.serial or o.dac_bits is None:
            return np.ones(1)
        weights = 2.0 ** np.arange(o.cycles) / (2.0 ** (o.dac_bits - 1) - 1.0)
        if o.serial == "twos-complement":
            weights[-1] *= -1.0
        return np.asarray(weights)

    def _piece(self, piece: Piece) -> tuple[int, int]:
        """Add one piece of a product to its total; return conversions that clipped, and all."""
        if self._sum is not None:
            piece.total[:] = piece.applied[0] @ self._sum[:, piece.columns]
            if self.options.dac_bits is not None or self.options.input_noise:
                piece.total[:] *= piece.scale[:, None]
            return 0, 0
        edges, clipped, done = self.side.input_edges, 0, 0
        for cycle, weight in enumerate(self._cycle_weights()):
            key = ("read", *piece.place, piece.start, cycle)
            rng = stream(self.noise, self.name, *key) if self._draws else None
            for plane in range(len(self.side.planes)):
                for block in range(len(edges) - 1):
                    x = piece.applied[cycle][:, edges[block] : edges[block + 1]]
                    analog, spread_of = self._analog(x, plane, block, piece.columns)
                    if self.side.shared is not None:
                        analog += self._reference_noise(x, block, piece, (cycle, plane))
                    readout = self._readouts[plane, block]
                    clipped += (
                        readout if piece.whole else readout.select(piece.columns)
                    ).accumulate(
                        piece.total,
                        analog,
                        weight=piece.scale * weight,
                        noise_sd=spread_of,
                        rng=rng,
                    )
                    done += analog.size
        return clipped, done

    def _analog(self, x: Array, plane: int, block: int, columns: Any) -> tuple[Array, Any]:
        """Return what one row of tiles of one slice gives out, and the s.d. of its noise."""
        side = self.side
        rows = slice(side.input_edges[block], side.input_edges[block + 1])
        weights = side.planes[plane][rows, columns]
        analog = np.matmul(x, weights, out=_buffer((len(x), weights.shape[1]), x.dtype))
        noise = self.options.output_noise * abs(float(side.significance[plane]))
        spread_of: Any = noise or None
        if side.variances is not None:
            variance = (x * x) @ side.variances[plane][rows, columns]
            if side.common is not None:
                variance += np.outer(x.sum(axis=1) ** 2, side.common[columns, block])
            spread_of = np.sqrt(variance + variance.dtype.type(noise**2))
        return analog, spread_of

    def _reference_noise(self, x: Array, block: int, piece: Piece, turn: tuple[int, int]) -> Array:
        """Return the noise of the reference columns, each common to the outputs of its tile."""
        side = self.side
        assert side.shared is not None
        rows = slice(side.input_edges[block], side.input_edges[block + 1])
        # The same for all pieces of a row of tiles, where a tile may lie in two of them.
        rng = stream(self.noise, self.name, "reference", *piece.place, *turn, block)
        noise = np.sqrt((x * x) @ side.shared[rows])
        noise *= rng.standard_normal(noise.shape, dtype=np.float32)
        owners = np.searchsorted(side.output_edges, np.arange(self.n_outputs), "right") - 1
        return np.asarray(noise[:, owners[piece.columns]])

    def _converters(self) -> dict[tuple[int, int], Columns]:
        """Return the read-out of each row of tiles of each slice, with its errors for life."""
        o, side = self.options, self.side
        shape = (len(side.planes), len(side.input_edges) - 1, self.n_outputs)
        gain, offset = (
            stream(self.seed, self.name, name).standard_normal(shape, dtype=np.float32) * sigma
            if sigma
            else np.zeros((*shape[:2], 1))
            for name, sigma in (("gain", o.gain_spread), ("offset", o.offset_spread))
        )
        offset = offset * np.abs(side.significance)[:, None, None]
        return {
            (plane, block): Columns(
                o.adc_bits,
                1.0 if self.full_scale is None else self.full_scale[plane, block],
                o.rounding,
                gain[plane, block] if o.gain_spread else 0.0,
                offset[plane, block] if o.offset_spread else 0.0,
            )
            for plane in range(shape[0])
            for block in range(shape[1])
        }

    def _ranges(self, sample: Array) -> Array:
        """Return the full scale of each converter, (S, row blocks, n)."""
        o, side = self.options, self.side
        edges = side.input_edges
        scales = np.empty((len(side.planes), len(edges) - 1, self.n_outputs), o.dtype)
        applied = self._encoded(np.ascontiguousarray(sample, dtype=o.dtype), 0)
        sample = applied.analog.reshape(-1, self.n_inputs)
        for plane, most in enumerate(np.abs(side.significance)):
            for block in range(len(edges) - 1):
                rows = slice(edges[block], edges[block + 1])
                largest = float((rows.stop - rows.start) * most * side.reach)
                if o.adc_range == "max":
                    scales[plane, block] = largest
                elif isinstance(o.adc_range, float):
                    scales[plane, block] = o.adc_range * most / np.abs(side.significance).max()
                else:
                    with one_blas_thread():
                        outputs = sample[:, rows] @ side.planes[plane, rows]
                    self._calibrate(scales[plane, block], outputs, largest)
        return scales

    def _calibrate(self, scales: Array, outputs: Array, largest: float) -> None:
        """Write the best full scale of each tile in one row of tiles."""
        assert self.options.adc_bits is not None
        edges = self.side.output_edges
        for first, last in itertools.pairwise(edges):
            seen = outputs[:, first:last]
            empty = not np.any(seen)
            scales[first:last] = (
                largest if empty else full_scale_for(seen, self.options.adc_bits, method="mse")
            )
