"""Images as patterns: cut grey levels in two, and make what is stored less alike.

Real images resemble each other, and a Hebbian memory holds far fewer patterns that do. Either
choose some that are less alike, or change them until they are.
"""

from __future__ import annotations

from math import isqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array, Code
from neuromem.core.errors import ParameterError, ShapeError, one_of, real_number, whole_number
from neuromem.core.patterns.convert import read, to_binary, to_bipolar
from neuromem.core.patterns.generate import random
from neuromem.core.randomness import Rng

_BLOCK = 2**24  # numbers of a block of patterns: 64 MB in float32


def shape_of(n: int) -> tuple[int, int]:
    """Return the height and width of a square image of `n` pixels.

    All images of `nm.patterns` are square: 64 pixels are 8 x 8 (digits), 784 are 28 x 28
    (MNIST), 11025 are 105 x 105 (Omniglot).

    Parameters
    ----------
    n : int
        The number of pixels, at least 1.

    Raises
    ------
    ShapeError
        If `n` is no square number.

    Examples
    --------
    >>> shape_of(784)
    (28, 28)
    """
    return image_shape("shape_of", whole_number("shape_of", "n", n, least=1), None)


def image_shape(where: str, n: int, shape: tuple[int, int] | None) -> tuple[int, int]:
    """Return the checked shape of images of `n` pixels: `shape` if given, else the square.

    Raises
    ------
    ShapeError
        If `shape` does not hold `n` pixels, or is missing and `n` is no square number.
    ParameterError
        If an entry of `shape` is not a whole number of at least 1.
    """
    if shape is None:
        side = isqrt(n)
        if side * side != n:
            raise ShapeError(
                f"{where}: {n} units are no square image; give shape=(H, W) with H * W = {n}."
            )
        return side, side
    if np.shape(shape) != (2,):
        raise ShapeError(f"{where}: shape is {shape!r}; give (H, W) with H * W = {n}.")
    height, width = (whole_number(where, "shape", length, least=1) for length in shape)
    if height * width != n:
        raise ShapeError(
            f"{where}: shape is {(height, width)}, {height * width} pixels, but the patterns have "
            f"{n} units; give (H, W) with H * W = {n}."
        )
    return height, width


def binarise(
    images: npt.ArrayLike,
    threshold: float | Literal["median", "otsu"] = "otsu",
    *,
    code: Literal["bipolar", "binary"] = "bipolar",
) -> Array:
    """Cut grey images in two levels: pixels above the threshold are active.

    Parameters
    ----------
    images : array_like, shape (P, H, W) or (P, N)
        Grey levels, any real numbers.
    threshold : {"otsu", "median"} or float
        ``"otsu"``: for each image the level that best parts its pixels in two classes, which
        keeps the shapes. ``"median"``: for each pixel its median over the images, so that each
        unit is active in half of the patterns and what all images share is gone. Units are
        active in fewer where levels tie with the median, as in a dark border. A number: that
        level.
    code : {"bipolar", "binary"}
        What the patterns are written in.

    Returns
    -------
    ndarray of int8 or uint8, shape (P, N)
        Images flattened row after row, N = H * W.

    Raises
    ------
    ParameterError
        If `threshold` or `code` is none of those above, or no level parts the images there.
    CodeError
        If a grey level is NaN, infinite, complex or text.
    ShapeError
        If the images are empty, ragged, or have more than three axes.

    References
    ----------
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Syst. Man
    Cybern. 9, 62 (1979).

    Examples
    --------
    >>> binarise([[[0, 9], [1, 8]]])
    array([[-1,  1, -1,  1]], dtype=int8)
    >>> binarise([[0, 5], [1, 3], [2, 4]], "median")
    array([[-1,  1],
           [-1, -1],
           [ 1, -1]], dtype=int8)
    """
    one_of("binarise", "code", code, ("bipolar", "binary"))
    grey, _, _ = read("binarise", _flattened(images))
    level: npt.ArrayLike
    if isinstance(threshold, str):
        one_of("binarise", "threshold", threshold, ("median", "otsu"))
        level = (
            np.median(grey, axis=0)
            if threshold == "median"
            else np.array([[_otsu(image)] for image in grey])
        )
    else:
        level = real_number("binarise", "threshold", threshold)
        darkest, brightest = float(grey.min()), float(grey.max())
        if darkest < brightest and not darkest <= level < brightest:
            raise ParameterError(
                f"binarise: threshold is {threshold}, the images' levels go from {darkest:g} to "
                f"{brightest:g}, so that all pixels would be alike. Give a level between."
            )
    convert = to_bipolar if code == "bipolar" else to_binary
    return convert(grey, threshold=level)


def mean_correlation(patterns: npt.ArrayLike) -> float:
    r"""Return the mean size of the overlap between two different patterns.

    .. math:: \frac{2}{P (P - 1)} \sum_{\mu < \nu}
              \frac{|x^\mu \cdot x^\nu|}{\lVert x^\mu \rVert \, \lVert x^\nu \rVert}

    For bipolar patterns each term is the overlap; independent ones give
    :math:`\sqrt{2 / (\pi N)}`. A pattern of zeros overlaps no other.

    Parameters
    ----------
    patterns : array_like, shape (P, N)
        At least two patterns of any code.

    Raises
    ------
    ShapeError
        If there is only one pattern, or they are empty or ragged.
    CodeError
        If a value is NaN, infinite, complex or text.

    Examples
    --------
    >>> mean_correlation([[1, 1, 1, 1], [1, 1, 1, -1]])
    0.5
    """
    values, code, _ = read("mean_correlation", patterns)
    p, n = values.shape
    if p < 2:
        raise ShapeError("mean_correlation: there is 1 pattern; give at least 2 to compare.")
    step = max(1, min(1024, _BLOCK // n))
    total = 0.0
    for start in range(0, p, step):
        block = _as_floats(values[start : start + step], code)
        for other in range(start, p, step):
            sizes = _cosines(block, _as_floats(values[other : other + step], code))
            if other == start:
                np.fill_diagonal(sizes, 0.0)
            total += float(sizes.sum()) * (1 if other == start else 2)
    return total / float(p * (p - 1))


def least_correlated(patterns: npt.ArrayLike, keep: int) -> Array:
    """Return the indices of patterns that are little alike, chosen greedily.

    The first is the one that overlaps the mean pattern least; each further one has the smallest
    largest overlap (in size) with those already chosen. Ties go to the lower index.

    Parameters
    ----------
    patterns : array_like, shape (P, N)
        Patterns of any code.
    keep : int
        How many to choose, from 1 to P.

    Returns
    -------
    ndarray of intp, shape (keep,)
        Indices in the order of choice: the first ones of a longer choice are the shorter one.

    Raises
    ------
    ParameterError
        If `keep` is not a whole number from 1 to P.
    CodeError
        If a value is NaN, infinite, complex or text.
    ShapeError
        If the patterns are empty or ragged.

    Examples
    --------
    >>> least_correlated([[1, 1, 1, 1], [1, 1, 1, -1], [1, 1, -1, -1]], 2)
    array([0, 2])
    """
    values, code, _ = read("least_correlated", patterns)
    keep = whole_number("least_correlated", "keep", keep, least=1)
    if keep > len(values):
        raise ParameterError(
            f"least_correlated: keep is {keep}, there are {len(values)} patterns; give at most "
            f"{len(values)}."
        )
    floats = _as_floats(values, code)
    total = floats.sum(axis=0, keepdims=True, dtype=np.float64)
    chosen = [int(np.argmin(_cosines(floats, total)[:, 0]))]
    worst = np.zeros(len(floats))
    while len(chosen) < keep:
        latest = floats[chosen[-1] : chosen[-1] + 1]
        np.maximum(worst, _cosines(floats, latest)[:, 0], out=worst)
        worst[chosen] = np.inf
        chosen.append(int(np.argmin(worst)))
    return np.array(chosen, dtype=np.intp)


def decorrelate(
    patterns: npt.ArrayLike,
    *,
    method: Literal["select", "whiten"] = "select",
    keep: int | None = None,
    rng: Rng = None,
) -> Array:
    r"""Make a set of patterns less alike before it is stored.

    ``"select"`` returns the `keep` patterns that `least_correlated` chooses, unchanged.
    ``"whiten"`` takes the mean over the patterns away and returns the signs of the orthogonal
    set that is nearest to the rest in the least-squares sense: with the singular value
    decomposition :math:`X - \bar{x} = U S V^T` it is :math:`\operatorname{sgn}(U V^T)`, at once
    ZCA whitening over units and symmetric (Löwdin) orthogonalisation over patterns. Nothing is
    left of units that are the same in all patterns, such as an image's dark border; they get
    random signs, or they alone would keep all patterns alike. Forty scikit-learn digits that
    overlap by 0.48 then overlap by 0.09, as random patterns do. Cues must be made from the new
    patterns, too.

    Parameters
    ----------
    patterns : array_like, shape (P, N)
        Patterns of any code.
    method : {"select", "whiten"}
        Choose among the patterns, or change them.
    keep : int, optional
        How many to select, from 1 to P. Needed to select; with ``"whiten"`` the selected ones
        alone are whitened (default: all).
    rng : int, SeedSequence, Generator or None
        The seed of the random signs; None is the seed 0. Used by ``"whiten"``.

    Returns
    -------
    ndarray, shape (keep or P, N)
        Selected: of the dtype of `patterns`. Whitened: int8, bipolar.

    Raises
    ------
    ParameterError
        If `method` is none of those above, or `keep` is missing or not from 1 to P.
    CodeError
        If a value is NaN, infinite, complex or text.
    ShapeError
        If the patterns are empty or ragged, or a single one is to be whitened.

    References
    ----------
    A. J. Bell and T. J. Sejnowski, "The 'independent components' of natural scenes are edge
    filters", Vision Research 37, 3327 (1997), for ZCA.
    P.-O. Löwdin, "On the non-orthogonality problem connected with the use of atomic wave
    functions in the theory of molecules and crystals", J. Chem. Phys. 18, 365 (1950).

    Examples
    --------
    >>> decorrelate([[1, 1, 1, 1], [1, 1, 1, -1], [1, 1, -1, -1]], keep=2)
    array([[ 1,  1,  1,  1],
           [ 1,  1, -1, -1]])
    """
    one_of("decorrelate", "method", method, ("select", "whiten"))
    values, _, _ = read("decorrelate", patterns)
    if keep is not None:
        values = values[least_correlated(values, keep)]
    elif method == "select":
        raise ParameterError(
            "decorrelate: keep is missing; say how many patterns to select, or pass "
            "method='whiten' to change them all."
        )
    return _whitened(values, rng) if method == "whiten" else values


def _whitened(values: Array, rng: Rng) -> Array:
    """Return the signs of the orthogonal set nearest to the centred patterns."""
    if len(values) < 2:
        raise ShapeError("decorrelate: there is 1 pattern; give at least 2 to whiten.")
    centred = values - values.mean(axis=0, dtype=np.float64)
    left, sizes, right = np.linalg.svd(centred, full_matrices=False)
    # Centring leaves one direction, equal patterns leave more, that hold rounding alone.
    rounding = np.linalg.norm(values) * max(values.shape) * np.finfo(np.float64).eps
    held = sizes > rounding
    nearest = left[:, held] @ right[held]
    undecided = np.abs(nearest) < 1e-9
    return np.where(undecided, random(*values.shape, rng=rng), to_bipolar(nearest, threshold=0))


def _flattened(images: npt.ArrayLike) -> npt.ArrayLike:
    """Return images (P, H, W) as (P, H * W); everything else as it is, for `read` to judge."""
    try:
        array = np.asarray(images)
    except ValueError:
        return images
    return array.reshape(len(array), array[0].size) if array.ndim == 3 and array.size else array


def _otsu(image: Array) -> float:
    """Return the level half way between the two classes of largest between-class variance."""
    levels = np.sort(image).astype(np.float64)
    steps = np.flatnonzero(np.diff(levels) > 0) + 1  # sizes of the lower class
    if steps.size == 0:
        return float(levels[0])
    below = np.cumsum(levels)[steps - 1]
    above = levels.sum() - below
    n_above = levels.size - steps
    between = steps * n_above * (above / n_above - below / steps) ** 2
    cut = steps[np.argmax(between)]
    return float(levels[cut - 1] + levels[cut]) / 2.0


def _as_floats(values: Array, code: Code) -> Array:
    """Return patterns as floats; dot products of signs below 2**24 are exact in float32."""
    exact = code != "real" and values.shape[1] < 2**24
    return values.astype(np.float32 if exact else np.float64)


def _cosines(a: Array, b: Array) -> Array:
    """Return the sizes of the cosines between the rows of `a` and of `b`, 0 for zero rows."""
    squares = [np.einsum("ij,ij->i", x, x, dtype=np.float64) for x in (a, b)]
    scale = np.sqrt(np.outer(*squares))
    sizes: Array = np.abs(a @ b.T) / np.where(scale > 0.0, scale, 1.0)
    return sizes
