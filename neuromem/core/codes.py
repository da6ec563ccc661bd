"""The three codes of patterns, and the one check that each array passes on its way in.

============  =========  ======================================================
code          dtype      values
============  =========  ======================================================
``bipolar``   int8       -1, +1 (Hopfield networks; overlap is mean(xi * s))
``binary``    uint8      0, 1 (sparse memories; the mean is the activity)
``real``      float32    any finite number
============  =========  ======================================================
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import CodeError, ShapeError, one_of

Code: TypeAlias = Literal["bipolar", "binary", "real"]
Array: TypeAlias = npt.NDArray[Any]

CODES: tuple[Code, ...] = ("bipolar", "binary", "real")
DTYPES: dict[str, type[np.generic]] = {"bipolar": np.int8, "binary": np.uint8, "real": np.float32}
_MEANING = {"bipolar": "-1 and +1", "binary": "0 and 1", "real": "finite real numbers"}


def as_patterns(
    values: npt.ArrayLike, code: Code, *, n: int | None = None, where: str = "patterns"
) -> Array:
    """Check `values` once and return them as a contiguous (P, N) array of the code's dtype.

    Parameters
    ----------
    values : array_like, shape (P, N) or (N,)
        Patterns; a single one may come without its batch axis. Real input keeps float64.
    code : {"bipolar", "binary", "real"}
        What the numbers may be.
    n : int, optional
        The number of units that the last axis must have.
    where : str
        The method and argument that the error names, such as ``"Hopfield.store: keys"``.

    Raises
    ------
    ShapeError
        If the array is empty, ragged, or not (P, `n`).
    CodeError
        If a value is outside the code: 0/1 for -1/+1, NaN, infinity, a complex number, text.

    Examples
    --------
    >>> as_patterns([1, -1, 1], "bipolar")
    array([[ 1, -1,  1]], dtype=int8)
    >>> as_patterns([[0, 1, 1]], "bipolar", where="Hopfield.store: keys")
    Traceback (most recent call last):
        ...
    neuromem.core.errors.CodeError: Hopfield.store: keys hold 0 and 1; this memory takes \
bipolar values, -1 and +1. Convert with nm.patterns.to_bipolar(x).
    """
    array = _as_array(values, n, where)
    if array.dtype == DTYPES[code] and code != "real":
        # int8 and uint8 are the dtypes of long batches: two passes over bytes and no copy.
        if not _all_in_code(array, code):
            raise _code_error(array, code, where)
        return np.ascontiguousarray(array)
    if array.dtype.kind not in "biuf":
        raise CodeError(
            f"{where} have dtype {array.dtype}; this memory takes {_MEANING[code]}. "
            "Give real numbers."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise CodeError(
            f"{where} hold {int(np.sum(~np.isfinite(array)))} NaN or infinite values; every "
            "value must be finite. Replace them, for example with numpy.nan_to_num."
        )
    if code == "real":
        kept = array.dtype if array.dtype == np.float64 else np.float32
        return np.ascontiguousarray(array, dtype=kept)
    if not _all_in_code(array, code):
        raise _code_error(array, code, where)
    return np.ascontiguousarray(array, dtype=DTYPES[code])


def code_of(values: npt.ArrayLike) -> Code:
    """Return the narrowest code that holds `values` (all ones count as bipolar).

    >>> code_of([[0, 1]]), code_of([[-1, 1]]), code_of([[0.5, 1]])
    ('binary', 'bipolar', 'real')
    """
    array = np.asarray(values)
    for code in ("bipolar", "binary"):
        if _all_in_code(array, code):
            return one_of("code_of", "code", code, CODES)  # type: ignore[return-value]
    return "real"


def _as_array(values: npt.ArrayLike, n: int | None, where: str) -> Array:
    try:
        array = np.asarray(values)
    except ValueError:
        raise ShapeError(
            f"{where} are ragged: the rows have different lengths. Give one (P, N) array."
        ) from None
    width = "N" if n is None else str(n)
    if array.ndim == 1:
        array = array[None, :]
    if array.ndim != 2:
        raise ShapeError(
            f"{where} have shape {array.shape}; expected (P, {width}). "
            "Flatten each pattern with x.reshape(len(x), -1)."
        )
    if array.size == 0:
        raise ShapeError(
            f"{where} are empty, shape {array.shape}; give at least one pattern of {width} units."
        )
    if n is not None and array.shape[1] != n:
        raise ShapeError(
            f"{where} have {array.shape[1]} units, this memory has {n}. "
            f"Give an array whose last axis is {n} long."
        )
    return array


def _all_in_code(array: Array, code: str) -> bool:
    if array.dtype.kind == "b":
        return code == "binary"
    if array.dtype.kind not in "iuf":
        return False
    low = -1 if code == "bipolar" else 0
    # A piece at a time: comparing ten million bytes at once would take three times as long, most
    # of it for fresh memory.
    flat = array.reshape(-1)
    pieces = (flat[start : start + 2**18] for start in range(0, flat.size, 2**18))
    return all(bool(((piece == 1) | (piece == low)).all()) for piece in pieces)


def _code_error(array: Array, code: Code, where: str) -> CodeError:
    found = np.unique(array)
    how = "x, threshold=0.0" if code == "bipolar" else "x, threshold=0.5"
    shown = " and ".join(f"{value:g}" for value in found[:2].astype(float))
    if found.size > 2:
        shown = f"{found.size} different values from {found[0]:g} to {found[-1]:g}"
    return CodeError(
        f"{where} hold {shown}; this memory takes {code} values, {_MEANING[code]}. "
        f"Convert with nm.patterns.to_{code}({'x' if code_of(array) != 'real' else how})."
    )
