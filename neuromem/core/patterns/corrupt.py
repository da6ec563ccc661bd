"""Cues from patterns: flip, erase, occlude, shift, or add noise.

Each function takes patterns (P, N) or one pattern (N,), leaves them as they are, and returns a
new array of their dtype and shape. Pattern `i` draws from a stream of its own, keyed by the seed
and by `i`: the cues of a part of the batch are the first cues of the whole batch.

Bipolar and binary cues stay in their code; the *blank* of a code is its resting value, -1 for
bipolar and 0 for binary and real patterns.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array, Code
from neuromem.core.errors import CodeError, ParameterError, one_of, real_number, whole_number
from neuromem.core.patterns.convert import read
from neuromem.core.patterns.images import image_shape
from neuromem.core.randomness import Rng, seed_sequence, stream

Fill = float | Literal["blank", "random"]
Side = Literal["top", "bottom", "left", "right", "random"]

_VALUES: dict[Code, tuple[int, int]] = {"bipolar": (-1, 1), "binary": (0, 1)}


def flip(patterns: npt.ArrayLike, fraction: float, *, rng: Rng = None) -> Array:
    """Flip exactly ``round(fraction * N)`` distinct units of each pattern.

    A bipolar cue then overlaps its pattern by ``1 - 2 * round(fraction * N) / N``. In a sparse
    pattern most of the flipped units were silent; see `erase` to remove active ones alone.

    Parameters
    ----------
    patterns : array_like, shape (P, N) or (N,)
        Bipolar or binary patterns.
    fraction : float
        The share of units to flip, in [0, 1].
    rng : int, SeedSequence, Generator or None
        The seed; None is the seed 0.

    Returns
    -------
    ndarray, the shape and dtype of `patterns`

    Raises
    ------
    ParameterError
        If `fraction` is outside [0, 1].
    CodeError
        If the patterns are neither bipolar nor binary.
    ShapeError
        If they are empty, ragged, or have more than two axes.

    Examples
    --------
    >>> import numpy as np
    >>> pattern = np.ones(100, np.int8)
    >>> int((flip(pattern, 0.15, rng=0) != pattern).sum())
    15
    """
    fraction = real_number("flip", "fraction", fraction, 0.0, 1.0)
    values, code, shape = read("flip", patterns)
    if code == "real":
        raise CodeError(
            f"flip: the patterns hold real numbers from {values.min():g} to {values.max():g}, "
            "which have no opposite; convert with nm.patterns.to_bipolar(x, threshold=...), or "
            "corrupt them with nm.patterns.noise."
        )
    out = values.copy()
    both = sum(_VALUES[code])  # value + opposite value
    n = out.shape[1]
    count = round(fraction * n)
    seed = seed_sequence(rng)
    for index, cue in enumerate(out):
        chosen = stream(seed, "flip", index).choice(n, count, replace=False, shuffle=False)
        cue[chosen] = both - cue[chosen]
    return out.reshape(shape)


def erase(
    patterns: npt.ArrayLike, fraction: float, *, fill: Fill = "blank", rng: Rng = None
) -> Array:
    """Erase exactly ``round(fraction * N)`` distinct units of each pattern.

    Parameters
    ----------
    patterns : array_like, shape (P, N) or (N,)
        Bipolar, binary or real patterns.
    fraction : float
        The share of units to erase, in [0, 1].
    fill : {"blank", "random"} or float
        What stands in an erased unit. ``"blank"``: the resting value, -1 (bipolar) or 0 (binary,
        real), so that a sparse pattern only loses active units. ``"random"``: either value of
        the code with equal odds, so that half of the erased units are right by chance. A number:
        that value, which must be in the code.
    rng : int, SeedSequence, Generator or None
        The seed; None is the seed 0.

    Returns
    -------
    ndarray, the shape and dtype of `patterns`

    Raises
    ------
    ParameterError
        If `fraction` is outside [0, 1], or `fill` is outside the code of the patterns.
    CodeError
        If a value is NaN, infinite, complex or text.
    ShapeError
        If the patterns are empty, ragged, or have more than two axes.

    Examples
    --------
    >>> import numpy as np
    >>> int(erase(np.ones(100, np.uint8), 0.3, rng=0).sum())
    70
    """
    fraction = real_number("erase", "fraction", fraction, 0.0, 1.0)
    values, code, shape = read("erase", patterns)
    filler = _filler("erase", fill, code, values.dtype)
    out = values.copy()
    n = out.shape[1]
    count = round(fraction * n)
    seed = seed_sequence(rng)
    for index, cue in enumerate(out):
        draw = stream(seed, "erase", index)
        chosen = draw.choice(n, count, replace=False, shuffle=False)
        cue[chosen] = _random_values(draw, code, count) if filler is None else filler
    return out.reshape(shape)


def occlude(
    patterns: npt.ArrayLike,
    fraction: float,
    *,
    shape: tuple[int, int] | None = None,
    side: Side = "bottom",
    fill: Fill = "blank",
    rng: Rng = None,
) -> Array:
    """Cover one connected part of each image.

    Parameters
    ----------
    patterns : array_like, shape (P, H * W) or (H * W,)
        Flattened images, row after row: bipolar, binary or real.
    fraction : float
        The share of the image to cover, in [0, 1], to the nearest whole row, column or
        rectangle.
    shape : tuple of int (H, W), optional
        The shape of the images; without it they are taken as square. ``(1, N)`` covers a run of
        units of a pattern that is no image.
    side : {"bottom", "top", "left", "right", "random"}
        From which side whole rows or columns are covered; ``"random"`` covers a rectangle of
        the image's proportions at a random place of each image.
    fill : {"blank", "random"} or float
        What stands in a covered unit, see `erase`.
    rng : int, SeedSequence, Generator or None
        The seed; None is the seed 0. Used if `side` or `fill` is ``"random"``.

    Returns
    -------
    ndarray, the shape and dtype of `patterns`

    Raises
    ------
    ParameterError
        If `fraction` is outside [0, 1], `side` is none of those above, or `fill` is outside the
        code of the patterns.
    CodeError
        If a value is NaN, infinite, complex or text.
    ShapeError
        If the patterns do not have H * W units, or are not square and `shape` is missing.

    Examples
    --------
    >>> import numpy as np
    >>> occlude(np.ones(9, np.int8), 1 / 3, side="left").reshape(3, 3)
    array([[-1,  1,  1],
           [-1,  1,  1],
           [-1,  1,  1]], dtype=int8)
    """
    fraction = real_number("occlude", "fraction", fraction, 0.0, 1.0)
    one_of("occlude", "side", side, ("bottom", "top", "left", "right", "random"))
    values, code, old_shape = read("occlude", patterns)
    filler = _filler("occlude", fill, code, values.dtype)
    height, width = image_shape("occlude", values.shape[1], shape)
    out = values.copy()
    seed = seed_sequence(rng)
    for index, image in enumerate(out.reshape(-1, height, width)):
        draw = stream(seed, "occlude", index)
        part = image[_covered(height, width, fraction, side, draw)]
        part[...] = (
            _random_values(draw, code, part.size).reshape(part.shape) if filler is None else filler
        )
    return out.reshape(old_shape)


def noise(patterns: npt.ArrayLike, sigma: float, *, rng: Rng = None) -> Array:
    """Add independent Gaussian noise to each unit.

    The result is real; ``to_bipolar(noise(x, sigma), threshold=0)`` is bipolar again, with each
    unit flipped with probability ``erfc(1 / (sqrt(2) * sigma)) / 2``.

    Parameters
    ----------
    patterns : array_like, shape (P, N) or (N,)
        Patterns of any code.
    sigma : float
        The standard deviation of the noise, from 0, in the units of the patterns.
    rng : int, SeedSequence, Generator or None
        The seed; None is the seed 0.

    Returns
    -------
    ndarray of float32 (float64 if the patterns are), the shape of `patterns`

    Raises
    ------
    ParameterError
        If `sigma` is negative, NaN or above 1e30.
    CodeError
        If a value is NaN, infinite, complex or text.
    ShapeError
        If the patterns are empty, ragged, or have more than two axes.

    Examples
    --------
    >>> noise([1, -1], 0.0)
    array([ 1., -1.], dtype=float32)
    """
    sigma = real_number("noise", "sigma", sigma, 0.0, 1e30)
    values, _, shape = read("noise", patterns)
    out = values.astype(np.float64 if values.dtype == np.float64 else np.float32)
    n = out.shape[1]
    seed = seed_sequence(rng)
    for index, cue in enumerate(out):
        np.add(cue, sigma * stream(seed, "noise", index).standard_normal(n), out=cue)
    return out.reshape(shape)


def jitter(
    patterns: npt.ArrayLike,
    pixels: int,
    *,
    shape: tuple[int, int] | None = None,
    fill: float | Literal["blank"] = "blank",
    rng: Rng = None,
) -> Array:
    """Shift each image by a random number of pixels in both directions.

    Both shifts are uniform on the whole numbers from ``-pixels`` to ``pixels``. What leaves the
    image is lost, and background comes in on the other side.

    Parameters
    ----------
    patterns : array_like, shape (P, H * W) or (H * W,)
        Flattened images, row after row: bipolar, binary or real.
    pixels : int
        The largest shift, from 0.
    shape : tuple of int (H, W), optional
        The shape of the images; without it they are taken as square.
    fill : "blank" or float
        The background: the resting value of the code, or a number in the code.
    rng : int, SeedSequence, Generator or None
        The seed; None is the seed 0.

    Returns
    -------
    ndarray, the shape and dtype of `patterns`

    Raises
    ------
    ParameterError
        If `pixels` is negative or not whole, or `fill` is outside the code of the patterns.
    CodeError
        If a value is NaN, infinite, complex or text.
    ShapeError
        If the patterns do not have H * W units, or are not square and `shape` is missing.

    Examples
    --------
    >>> jitter([0, 0, 0, 0, 1, 0, 0, 0, 0], 1, rng=1).reshape(3, 3)
    array([[0, 0, 1],
           [0, 0, 0],
           [0, 0, 0]])
    """
    pixels = whole_number("jitter", "pixels", pixels)
    values, code, old_shape = read("jitter", patterns)
    height, width = image_shape("jitter", values.shape[1], shape)
    if isinstance(fill, str):
        one_of("jitter", "fill", fill, ("blank",))
    background = _filler("jitter", fill, code, values.dtype)
    images = values.reshape(-1, height, width)
    out = np.full_like(images, background)
    seed = seed_sequence(rng)
    for index, image in enumerate(images):
        down, right = stream(seed, "jitter", index).integers(-pixels, pixels, 2, endpoint=True)
        to_rows, from_rows = _overlap(height, int(down))
        to_columns, from_columns = _overlap(width, int(right))
        out[index, to_rows, to_columns] = image[from_rows, from_columns]
    return out.reshape(old_shape)


def _filler(where: str, fill: Fill, code: Code, dtype: np.dtype[np.generic]) -> Array | None:
    """Return the value to write as an array of the cue's dtype, or None for random values."""
    if isinstance(fill, str):
        one_of(where, "fill", fill, ("blank", "random"))
        if fill == "blank":
            return np.asarray(-1 if code == "bipolar" else 0).astype(dtype)
        if code == "real":
            raise ParameterError(
                f"{where}: fill is 'random', but the patterns are real numbers, which have no two "
                "values to choose from; give a number, or add nm.patterns.noise afterwards."
            )
        return None
    value = real_number(where, "fill", fill)
    with np.errstate(invalid="ignore", over="ignore"):
        written = np.asarray(value).astype(dtype)
    if code in _VALUES:
        fits = value in _VALUES[code]
    else:
        fits = bool(np.isfinite(written)) and (dtype.kind == "f" or bool(written == value))
    if not fits:
        raise ParameterError(
            f"{where}: fill is {fill!r}, the patterns are {code} of dtype {dtype}; give 'blank' "
            f"or {_choices(code, dtype)}."
        )
    return written


def _choices(code: Code, dtype: np.dtype[np.generic]) -> str:
    if code in _VALUES:
        return "'random' or {} or {}".format(*_VALUES[code])
    return "a whole number that fits" if dtype.kind in "biu" else "a finite number"


def _random_values(draw: np.random.Generator, code: Code, count: int) -> Array:
    low, high = _VALUES[code]
    return low + (high - low) * draw.integers(0, 2, count, dtype=np.int8)


def _covered(
    height: int, width: int, fraction: float, side: Side, draw: np.random.Generator
) -> tuple[slice, slice]:
    """Return the rows and columns that an occlusion covers."""
    rows, columns = round(fraction * height), round(fraction * width)
    if side == "top":
        return slice(0, rows), slice(None)
    if side == "bottom":
        return slice(height - rows, height), slice(None)
    if side == "left":
        return slice(None), slice(0, columns)
    if side == "right":
        return slice(None), slice(width - columns, width)
    area = fraction * height * width
    if round(area) == 0:
        return slice(0, 0), slice(0, 0)
    # Each length makes up for the rounding of the one before: the area is right to half a line.
    rows = max(1, round(fraction**0.5 * height))
    columns = min(width, max(1, round(area / rows)))
    rows = min(height, max(1, round(area / columns)))
    top = int(draw.integers(0, height - rows, endpoint=True))
    left = int(draw.integers(0, width - columns, endpoint=True))
    return slice(top, top + rows), slice(left, left + columns)


def _overlap(length: int, shift: int) -> tuple[slice, slice]:
    """Return where a shifted axis is written to and where it is read from."""
    kept = max(0, length - abs(shift))
    to, source = max(0, shift), max(0, -shift)
    return slice(to, to + kept), slice(source, source + kept)
