"""Integer vectors in bit planes, and their products with bit matrices."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.threads import spread
from neuromem.kernels import packed as kernels

Ints: TypeAlias = npt.NDArray[Any]


class Matrix(NamedTuple):
    """A bit matrix in tiles and the number of ones in each of its rows."""

    tiles: Array
    ones: Array


class Digits(NamedTuple):
    """Integer vectors in bit planes, with a list of what the planes do not hold."""

    planes: Array
    starts: Array
    places: Array
    excess: Array


def matrix_of(tiles: Array, n_rows: int) -> Matrix:
    """Count the ones in each of the `n_rows` rows of tiles (T, words, 64)."""
    ones = np.zeros((len(tiles), 64), np.int64)
    for tile, words in enumerate(tiles):
        ones[tile] = np.bitwise_count(words).sum(axis=0, dtype=np.int64)
    return Matrix(tiles, ones.reshape(-1)[:n_rows])


def product(
    matrix: Matrix,
    digits: Digits,
    *,
    gain: int,
    slopes: Array,
    bases: Array,
    bound: float,
    out: Ints | None = None,
) -> Ints:
    """Return what `kernels.products` computes, added to `out` if that is given.

    `bound` is the largest magnitude that a result of its own can have.
    """
    if out is None:
        dtype = np.int32 if bound < 2**31 else np.int64
        out = np.zeros((len(slopes), len(matrix.ones)), dtype)

    def multiply(first: int, last: int) -> None:
        kernels.products(matrix.tiles, *digits, gain, slopes, matrix.ones, bases, first, last, out)

    words = matrix.tiles.size * digits.planes.shape[0] * digits.planes.shape[1]
    spread(multiply, len(matrix.tiles), words)
    return out


def digits_of(values: Ints) -> tuple[Digits, Array, int]:
    """Write integers (Q, P) as ``offset + step * u``, with as few planes for u as are worth it.

    The step is the power of two that all differences share: overlaps have the parity of N, and
    their changes often more. A sample decides the rest; the result is exact whatever it says.
    """
    common = int(np.bitwise_or.reduce(values ^ values[:, :1], axis=None))
    shift = max((common & -common).bit_length() - 1, 0)
    sample = values[:, :: max(1, values.shape[1] // 63)]
    middle = sample.shape[1] // 2
    centres = np.partition(sample, middle, axis=1)[:, middle].copy()
    sizes = np.frexp(np.abs(sample - centres[:, None], dtype=np.float64))[1] - shift
    within = np.cumsum(np.bincount(np.maximum(sizes, 0).reshape(-1), minlength=63))[:62]
    # An entry outside the range costs about as much as one word of a plane.
    n_words = (values.shape[1] + 63) // 64
    share = 1.0 - within / sample.size
    best = int(np.argmin(np.arange(62) * n_words + share * values.shape[1]))
    offsets = centres - ((1 << best) << shift)
    return encode(values, offsets, shift, best + 1), offsets, 1 << shift


def encode(values: Ints, offsets: Array, shift: int, n_planes: int) -> Digits:
    """Write ``(value - offset) >> shift`` of values (Q, P), offsets (Q,), in `n_planes` planes."""
    digits = Digits(
        aligned((len(values), n_planes, counter_words(values.shape[1]))),
        np.empty(len(values) + 1, np.int64),
        np.empty(values.size, np.int64),
        np.empty(values.size, np.int64),
    )
    kernels.encode(values, offsets, shift, *digits)
    return digits


def counter_words(count: int) -> int:
    """Return the words of a plane: the sweep's ripple carries take eight at a time."""
    return (count + 511) // 512 * 8


def aligned(shape: tuple[int, ...]) -> Array:
    """Return zeros (uint64) that start on a cache line: loads that straddle two take twice."""
    size = math.prod(shape)
    words = np.zeros(size + 8, np.uint64)
    start = -(words.ctypes.data // 8) % 8
    return words[start : start + size].reshape(shape)
