"""What all laws share: checked real arguments, and the two searches on a retrieval branch.

Every mean-field theory here is solved in the same way. Its equations give the load as an explicit
function of the noise in units of the signal: zero without noise, one hump, then the unstable
states. The top of the hump is the capacity; the retrieval state lies on its near side. No
iteration of the saddle-point equations is needed, so nothing can fail to converge.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize_scalar

from neuromem.core.errors import ParameterError

Curve: TypeAlias = Callable[[float], float]
Reals: TypeAlias = Any
"""A float for numbers, an array for arrays: what NumPy's own functions return."""

FAR = 1e100
"""The largest argument whose square, or product with another, is still a float."""


def reals(
    where: str, name: str, value: npt.ArrayLike, low: float = 0.0, high: float = math.inf
) -> npt.NDArray[np.float64]:
    """Return `value` as finite float64 numbers in [low, high], else raise ParameterError.

    >>> reals("flip_probability", "load", [0.1, float("nan")])
    Traceback (most recent call last):
        ...
    neuromem.core.errors.ParameterError: flip_probability: load is nan; give finite numbers \
from 0 to inf.
    """
    expected = f"give finite numbers from {low:g} to {high:g}."
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"{where}: {name} is {value!r}; {expected}") from None
    wrong = ~((array >= low) & (array <= high) & np.isfinite(array))
    if wrong.any():
        raise ParameterError(f"{where}: {name} is {array[wrong].flat[0]:g}; {expected}")
    return array


def elementwise(function: Callable[..., float], *arrays: npt.NDArray[np.float64]) -> Reals:
    """Apply a function of floats to the broadcast `arrays`; no axes in, a float out.

    >>> elementwise(max, np.array([1.0, 5.0]), np.array(3.0))
    array([3., 5.])
    """
    result = np.vectorize(lambda *row: function(*map(float, row)), otypes=[np.float64])(*arrays)
    return plain(result)


def plain(result: npt.ArrayLike) -> Reals:
    """Return a float where `result` has no axes, else the array.

    >>> plain(np.array(0.5))
    0.5
    """
    array = np.asarray(result)
    return float(array) if array.ndim == 0 else array


def hump(load: Curve, low: float, high: float) -> float:
    """Return the noise in [low, high] at which the one-humped curve `load` is largest.

    >>> round(hump(lambda noise: noise * math.exp(-noise), 1e-3, 1e3), 6)
    1.0
    """
    # On a logarithmic axis one search serves humps at 0.5 and those that only end at infinity.
    found = minimize_scalar(
        lambda u: -load(math.exp(u)),
        bounds=(math.log(low), math.log(high)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return math.exp(found.x)


def near_side(load: Curve, wanted: float, top: float, start: float = 0.0) -> float:
    """Return the noise in [start, top] at which `load` is `wanted`; `load` is 0 at noise 0.

    >>> round(near_side(lambda noise: noise * math.exp(-noise), 0.1, 1.0), 6)
    0.111833
    """

    def excess(noise: float) -> float:
        return (load(noise) if noise > 0.0 else 0.0) - wanted

    if wanted <= 0.0:
        return 0.0
    if excess(top) <= 0.0:
        return top
    return float(brentq(excess, start, top, xtol=1e-15, rtol=1e-14))


def count(where: str, log_count: npt.ArrayLike) -> Reals:
    """Return exp(`log_count`), or raise where a float cannot hold it.

    >>> count("dense_capacity", 1000.0)
    Traceback (most recent call last):
        ...
    neuromem.core.errors.ParameterError: dense_capacity: the count is exp(1000), beyond the \
largest float; use log_dense_capacity, which returns its natural logarithm.
    """
    largest = float(np.max(log_count))
    if largest > math.log(np.finfo(np.float64).max):
        raise ParameterError(
            f"{where}: the count is exp({largest:.6g}), beyond the largest float; "
            f"use log_{where}, which returns its natural logarithm."
        )
    return plain(np.exp(log_count))
