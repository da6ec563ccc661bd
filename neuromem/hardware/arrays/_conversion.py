"""Checks and memory layouts that the converters' kernels rely on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from neuromem.core.codes import Array
from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.core.threads import spread
from neuromem.hardware.arrays.ranges import highest_code
from neuromem.kernels import converters as kernels

Kind = type[np.floating[Any]]
Rounding: TypeAlias = Literal["nearest", "stochastic"]

ROUNDING = ("nearest", "stochastic")
SMALLEST, LARGEST = 1e-30, 1e30
"""What full scales and errors may be: their steps are then still normal numbers in float32."""

WORK = 8
"""Word operations that an element of a fused pass is worth when threads are shared out."""


def as_float(where: str, values: npt.ArrayLike) -> Array:
    """Return float32, or float64 where float32 cannot hold the numbers of the dtype given."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise CodeError(f"{where} has dtype {array.dtype}; give real numbers of up to 64 bits.")
    return array.astype(np.result_type(array.dtype, np.float32), copy=False)


def as_matrix(where: str, values: npt.ArrayLike) -> Array:
    """Return the values as floats with two axes, one row a vector."""
    array = as_float(where, values)
    if array.ndim != 2:
        raise ShapeError(
            f"{where} has shape {array.shape}; expected two axes, one row a vector. "
            "Give a single vector as x[None]."
        )
    return array


def per_column(where: str, name: str, value: Any, *, positive: bool = False) -> float | Array:
    """Return a number or a float64 array of one axis, which nobody else writes to."""
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.ndim > 1:
        raise ShapeError(f"{where}: {name} has shape {array.shape}; expected one number or axis.")
    low = SMALLEST if positive else -LARGEST
    if not ((array >= low) & (array <= LARGEST)).all():
        given = repr(value) if array.ndim == 0 else f"from {array.min()} to {array.max()}"
        raise ParameterError(
            f"{where}: {name} is {given}; give finite numbers, from {low:g} to {LARGEST:g}."
        )
    array.flags.writeable = False
    return array if array.ndim else float(array)


def as_row(where: str, name: str, value: float | Array, n: int, kind: Kind) -> Array:
    """Return one value a column (or a cue), of the dtype that the kernel works in."""
    if isinstance(value, np.ndarray) and value.shape != (n,):
        raise ShapeError(
            f"{where}: {name} has shape {value.shape}; expected one number, or ({n},)."
        )
    row: Array = np.empty(n, kind)
    row[:] = value
    return row


def check_places(where: str, into: str, target: Array, of: str, source: Array) -> None:
    """Refuse what a kernel cannot read from or write to."""
    for name, array in ((into, target), (of, source)):
        if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
            kind = getattr(array, "dtype", type(array).__name__)
            raise ShapeError(f"{where}: {name} is of {kind}; give a float32 or float64 array.")
        if array.ndim != 2:
            raise ShapeError(f"{where}: {name} has shape {array.shape}; expected (Q, N).")
    if target.shape != source.shape:
        raise ShapeError(
            f"{where}: {into} has shape {target.shape} and {of} has {source.shape}; expected "
            "the same shape."
        )
    if not target.flags.writeable or not _has_contiguous_rows(target):
        raise ShapeError(
            f"{where}: {into} has strides {target.strides}, writeable: {target.flags.writeable}; "
            "give a writeable array whose rows are contiguous."
        )


def flat(array: Array, *, writeable: bool = False) -> tuple[Array, int]:
    """Return a matrix as one axis, and how far apart its rows begin; a copy if need be."""
    cues, n = array.shape
    if array.flags.c_contiguous or not _has_contiguous_rows(array):
        line, pitch = np.ascontiguousarray(array).reshape(-1), n
    else:
        pitch = array.strides[0] // array.itemsize
        line = as_strided(array, ((cues - 1) * pitch + n,), (array.itemsize,))
    if not writeable:  # so that Numba compiles one kernel for arrays that are and that are not
        line.flags.writeable = False
    return line, pitch


def flat_noise(where: str, noise_sd: Any, shape: tuple[int, int], kind: Kind) -> tuple[Array, int]:
    """Return the standard deviations as one axis and their pitch: 0 if all cues share a row."""
    sd = np.asarray(0.0 if noise_sd is None else noise_sd)
    if sd.dtype.kind not in "biuf" or (sd.size and not 0 <= sd.min() <= sd.max() <= LARGEST):
        given = f"from {sd.min()} to {sd.max()}" if sd.dtype.kind in "biuf" else repr(noise_sd)
        raise ParameterError(
            f"{where}: noise_sd is {given}; give finite numbers, from 0 to {LARGEST:g}."
        )
    if sd.shape not in ((), shape[1:], shape):
        raise ShapeError(
            f"{where}: noise_sd has shape {sd.shape}; expected one number, {shape[1:]} or {shape}."
        )
    if sd.ndim < 2:
        return as_row(where, "noise_sd", sd[()], shape[1], kind), 0
    return flat(sd.astype(kind, copy=False))


def random_words(rng: np.random.Generator | None, shape: tuple[int, int]) -> Array:
    """Draw the words of each row of a matrix, see `neuromem.kernels.converters`."""
    if rng is None:
        return np.empty((0, 0), np.uint64)
    return rng.integers(0, 2**64, (shape[0], (shape[1] + 1) // 2), dtype=np.uint64)


def mode_of(
    where: str, bits: int | None, signed: bool, rounding: str, kind: Kind
) -> tuple[int, Any, Any]:
    """Return how the kernel makes codes, the lowest and the highest of them."""
    if bits is None or (bits == 1 and signed):
        end = np.finfo(kind).max
        return kernels.IDEAL if bits is None else kernels.COMPARATOR, -end, end
    n = kind(highest_code(where, bits, signed))
    mode = kernels.NEAREST if rounding == "nearest" else kernels.STOCHASTIC
    return mode, -n if signed else kind(0), n


def checked_count(where: str, clipped: int, mode: int, values: Array) -> int:
    """Return how many conversions clipped, once it is clear that none of them met a NaN."""
    if clipped == 0:
        return 0
    finite = np.isfinite(values)
    if not finite.all():
        raise CodeError(
            f"{where} holds {int(np.sum(~finite))} NaN or infinite values; every value must be "
            "finite. Look for what made them upstream."
        )
    if mode in (kernels.COMPARATOR, kernels.IDEAL):
        raise CodeError(
            f"{where}: {clipped} values left the range of {values.dtype}. Scale them down."
        )
    return clipped


def over_rows(job: Callable[[int, int], int], cues: int, n: int) -> int:
    """Add up what `job` returns for parts of the rows, in threads if there is much to do."""
    counts = np.zeros(cues + 1, np.int64)

    def part(first: int, last: int) -> None:
        counts[first] = job(first, last)

    spread(part, cues, WORK * cues * n)
    return int(counts.sum())


def _has_contiguous_rows(array: Array) -> bool:
    cues, n = array.shape
    row, item = array.strides
    size = array.itemsize
    in_line = n <= 1 or item == size
    return not array.size or (in_line and (cues <= 1 or (row >= n * size and row % size == 0)))
