"""Writing around known stuck cells: the other cell of a pair, and better places for columns."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError
from neuromem.hardware.arrays.schemes import Scheme


def remapped(
    scheme: Scheme, weights: Array, stuck: Array, *, columns: bool
) -> tuple[Array, Array | None]:
    r"""Return targets that make up for stuck cells, and where each output was moved to.

    The healthy cell of a pair is set so that the difference comes as near to the weight as the
    range allows. With `columns`, outputs are first assigned to places so that the sum of the
    squared errors that remain is least (a linear assignment).

    Parameters
    ----------
    scheme : Scheme
        A pair: "differential" or "two-sided".
    weights : ndarray, shape (m, n)
        Of one tile.
    stuck : ndarray of int, shape (m, 2 n)
        -1 where a cell is stuck at g_min, +1 at g_max, else 0.
    columns : bool
        Whether outputs may move.

    Returns
    -------
    targets : ndarray, shape (m, 2 n)
        Conductances to write, S.
    place : ndarray of int, shape (n,), or None
        Physical place of each output.

    Raises
    ------
    ParameterError
        If the scheme holds a weight otherwise than in one pair of cells.
    """
    if scheme.name not in ("differential", "two-sided"):
        raise ParameterError(
            f"Chip: remap needs a pair of cells a weight, but the scheme is {scheme.name!r}. "
            "Choose 'differential' or 'two-sided', or remap='none'."
        )
    plus, minus = stuck[:, 0::2], stuck[:, 1::2]
    place = None
    placed = weights.astype(np.float64) / scheme.w_max
    if columns:
        _, place = linear_sum_assignment(_costs(placed, plus, minus))
        outputs = np.argsort(place)
        placed = placed[:, outputs]
    return _targets(scheme, placed, plus, minus), place


def _limits(plus: Array, minus: Array) -> tuple[Array, Array]:
    """Return the least and the largest difference, in units of the range, that a pair can hold.

    A stuck cell counts as 0 or 1, a healthy one as anything between.
    """
    low_plus, high_plus = (plus > 0) * 1.0, (plus >= 0) * 1.0
    low_minus, high_minus = (minus > 0) * 1.0, (minus >= 0) * 1.0
    return low_plus - high_minus, high_plus - low_minus


def _costs(u: Array, plus: Array, minus: Array) -> Array:
    """Return the squared error (output, place) of every output in every place.

    A pair's limits are -1, 0 or 1, so that the error beyond them is one of a few forms, each of
    which is a matrix product over the inputs.
    """
    low, high = _limits(plus, minus)
    costs = np.zeros((u.shape[1], u.shape[1]))
    for limit in (0.0, 1.0):
        costs += (np.maximum(limit - u, 0.0) ** 2).T @ (low == limit)
        costs += (np.maximum(u + limit, 0.0) ** 2).T @ (high == -limit)
    return costs


def _targets(scheme: Scheme, u: Array, plus: Array, minus: Array) -> Array:
    """Return the conductances (m, 2 n) nearest to weights u that the stuck cells allow."""
    cells = scheme.encode(u * scheme.w_max)
    span = scheme.g_max - scheme.g_min
    shares = (cells - scheme.g_min) / span
    one, other = (plus != 0) & (minus == 0), (minus != 0) & (plus == 0)
    shares[:, 1::2][one] = np.clip(np.where(plus > 0, 1.0, 0.0) - u, 0.0, 1.0)[one]
    shares[:, 0::2][other] = np.clip(np.where(minus > 0, 1.0, 0.0) + u, 0.0, 1.0)[other]
    return np.asarray(scheme.g_min * (1.0 - shares) + scheme.g_max * shares)
