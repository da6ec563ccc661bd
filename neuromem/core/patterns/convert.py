"""Between the codes: -1/+1, 0/1 and real numbers; and how a function here reads its input."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import DTYPES, Array, Code, as_patterns, code_of
from neuromem.core.errors import CodeError, ShapeError


def to_bipolar(patterns: npt.ArrayLike, *, threshold: npt.ArrayLike | None = None) -> Array:
    """Return `patterns` as -1 and +1.

    Parameters
    ----------
    patterns : array_like, shape (P, N) or (N,)
        Binary 0 and 1, bipolar -1 and +1, or, with a `threshold`, any real numbers.
    threshold : float or array_like of shape (N,) or (P, 1), optional
        Values above it become +1, all others -1. Needed for real numbers, where a guess would
        be as good as none; 0 restores the sign of noisy bipolar patterns.

    Returns
    -------
    ndarray of int8, the shape of `patterns`

    Raises
    ------
    CodeError
        If the values are real and no `threshold` is given; if any is NaN or infinite.
    ShapeError
        If `patterns` are empty or ragged, or the `threshold` does not fit their shape.

    Examples
    --------
    >>> to_bipolar([0, 1, 1])
    array([-1,  1,  1], dtype=int8)
    >>> to_bipolar([[0.3, -2.0, 0.0]], threshold=0)
    array([[ 1, -1, -1]], dtype=int8)
    """
    return _to_signs("bipolar", patterns, threshold)


def to_binary(patterns: npt.ArrayLike, *, threshold: npt.ArrayLike | None = None) -> Array:
    """Return `patterns` as 0 and 1.

    Parameters
    ----------
    patterns : array_like, shape (P, N) or (N,)
        Bipolar -1 and +1, binary 0 and 1, or, with a `threshold`, any real numbers.
    threshold : float or array_like of shape (N,) or (P, 1), optional
        Values above it become 1, all others 0. Needed for real numbers.

    Returns
    -------
    ndarray of uint8, the shape of `patterns`

    Raises
    ------
    CodeError
        If the values are real and no `threshold` is given; if any is NaN or infinite.
    ShapeError
        If `patterns` are empty or ragged, or the `threshold` does not fit their shape.

    Examples
    --------
    >>> to_binary([-1, 1, 1])
    array([0, 1, 1], dtype=uint8)
    """
    return _to_signs("binary", patterns, threshold)


def to_real(patterns: npt.ArrayLike) -> Array:
    """Return `patterns` as real numbers of the same values.

    Parameters
    ----------
    patterns : array_like, shape (P, N) or (N,)
        Patterns of any code.

    Returns
    -------
    ndarray of float32 (float64 stays float64), the shape of `patterns`

    Raises
    ------
    CodeError
        If a value is NaN, infinite, complex or text.
    ShapeError
        If `patterns` are empty or ragged.

    Examples
    --------
    >>> to_real([-1, 1])
    array([-1.,  1.], dtype=float32)
    """
    values, _, shape = read("to_real", patterns)
    kept = values.dtype if values.dtype == np.float64 else np.float32
    return values.astype(kept).reshape(shape)


def read(where: str, patterns: npt.ArrayLike) -> tuple[Array, Code, tuple[int, ...]]:
    """Check `patterns` and return a (P, N) view or copy, their code, and the shape they had.

    The dtype stays the caller's, so that a result can be handed back in it. An unsigned or
    boolean array of ones is binary: -1 could not be written into it.

    Raises
    ------
    CodeError
        If a value is NaN, infinite, complex or text.
    ShapeError
        If `patterns` are empty, ragged, or have more than two axes.
    """
    try:
        array = np.asarray(patterns)
    except ValueError:
        array = np.asarray(patterns, dtype=object)
    code: Code = "real"
    if array.dtype.kind in "bu":
        code = "binary" if array.size and array.max() <= 1 else "real"
    elif array.dtype.kind in "if":
        code = code_of(array)
    checked = as_patterns(patterns, code, where=f"{where}: the patterns")
    return array.reshape(checked.shape), code, array.shape


def _to_signs(target: Code, patterns: npt.ArrayLike, threshold: npt.ArrayLike | None) -> Array:
    """Return `patterns` in the two-valued code `target`, cut at `threshold` if there is one."""
    where = f"to_{target}"
    values, code, shape = read(where, patterns)
    if threshold is None:
        if code == "real":
            raise CodeError(
                f"{where}: the patterns hold real numbers from {values.min():g} to "
                f"{values.max():g}; give the threshold above which a unit is +1, or use "
                "nm.patterns.binarise for images."
            )
        threshold = 0
    elif np.isnan(np.asarray(threshold, dtype=float)).any():
        raise CodeError(f"{where}: the threshold holds NaN; give a finite number.")
    try:
        on = np.broadcast_to(values > np.asarray(threshold), values.shape)
    except ValueError:
        raise ShapeError(
            f"{where}: the threshold has shape {np.shape(threshold)}, the patterns "
            f"{values.shape}; give one number, ({values.shape[1]},) or ({values.shape[0]}, 1)."
        ) from None
    signs = on.astype(DTYPES[target])
    if target == "bipolar":
        signs *= 2
        signs -= 1
    return signs.reshape(shape)
