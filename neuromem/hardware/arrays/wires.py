r"""Wire resistance: the currents of an array whose lines drop voltage (IR drop).

Word line i is driven by ``voltages[i]`` before column 0; bit line j ends at 0 V behind row R - 1.
Every segment of a line has the resistance `segment_resistance`, including the one from the driver
to the first cell and the one from the last cell to the ground:

.. math::
    g_w (W_{i,j-1} - W_{ij}) + g_w (W_{i,j+1} - W_{ij}) &= G_{ij} (W_{ij} - B_{ij}), \\
    g_b (B_{i-1,j} - B_{ij}) + g_b (B_{i+1,j} - B_{ij}) &= -G_{ij} (W_{ij} - B_{ij}), \\
    I_j = g_b B_{R-1,j} &= \sum_i G_{ij} (W_{ij} - B_{ij}).

These are Kirchhoff's laws for 2 R C nodes (Chen, IEEE Trans. Electron Devices 60, 1318 (2013),
doi:10.1109/TED.2013.2246791). `solve` is exact to a tolerance that it proves; `effective` gives
the matrix T of the linear map ``I = V @ T``, after which a read costs one product; `first_order`
is the approximation for small drops, and named so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError, real_number
from neuromem.core.numerics import reals
from neuromem.core.threads import spread
from neuromem.kernels import wires as kernels

Segments: TypeAlias = float | Sequence[float]

_NONE = np.zeros((0, 0))
_WORK_PER_CELL = 200
"""Word operations of a read per cell: some 25 in each of about eight steps."""


def solve(
    conductances: npt.ArrayLike,
    voltages: npt.ArrayLike,
    segment_resistance: Segments,
    *,
    driver_resistance: float = 0.0,
    sense_resistance: float = 0.0,
    tolerance: float = 1e-9,
) -> Array:
    r"""Return the currents that leave the bit lines, with the wires solved exactly.

    The word lines are eliminated and what remains is solved by conjugate gradients, preconditioned
    by the bit lines; a step is two sweeps over the cells. The number of steps grows with the loss:
    6 where two thirds of the current are lost, 16 at 96 %.

    Parameters
    ----------
    conductances : array_like, shape (R, C)
        S, at least 0.
    voltages : array_like, shape (R,) or (B, R)
        V; every row of a batch is a read of its own, and gives what it gives alone.
    segment_resistance : float or (float, float)
        Ohm, of a segment of word and bit lines. Where all resistances are 0 the result is
        ``voltages @ conductances``.
    driver_resistance, sense_resistance : float
        Ohm, added to the first word and to the last bit segment.
    tolerance : float
        The errors of a read's outputs add up to at most this share of the sum of their amounts
        (or of a millionth of the current into ideal bit lines, if that is more). A bound, not an
        estimate; rounding comes on top, 1e-13, and up to 1e-11 behind segments of megohms.

    Returns
    -------
    ndarray of float64, shape (C,) or (B, C)
        A.

    Raises
    ------
    ShapeError
        If an array has the wrong number of axes or rows.
    ParameterError
        If a conductance or a resistance is negative or not finite, or `tolerance` is not reached.

    See Also
    --------
    effective : For many reads of one array.

    Examples
    --------
    One cell of 100 uS behind two segments of 5 ohm: V / (1/G + 2 r).

    >>> solve([[100e-6]], [0.2], 5.0)
    array([1.998002e-05])
    """
    network = Ladders(
        conductances, segment_resistance, driver_resistance, sense_resistance, where="solve"
    )
    batch, single = network.voltages(voltages)
    currents = network.currents(batch, tolerance)
    return currents[0] if single else currents


def effective(
    conductances: npt.ArrayLike,
    segment_resistance: Segments,
    *,
    driver_resistance: float = 0.0,
    sense_resistance: float = 0.0,
    tolerance: float = 1e-9,
) -> Array:
    """Return the matrix T with ``I = V @ T``: what the cells amount to behind their wires.

    Costs min(R, C) solves, which share one elimination; then a batch of reads is one product. It
    holds as long as the conductances do not change.

    Parameters
    ----------
    conductances, segment_resistance, driver_resistance, sense_resistance, tolerance
        As in `solve`; the tolerance holds for each row of T, or for each column if R > C.

    Returns
    -------
    ndarray of float64, shape (R, C)
        S.

    Raises
    ------
    ShapeError, ParameterError
        As `solve`.

    Examples
    --------
    >>> T = effective([[1e-4, 2e-4], [3e-4, 4e-4]], 100.0)
    >>> np.allclose([0.1, 0.2] @ T, solve([[1e-4, 2e-4], [3e-4, 4e-4]], [0.1, 0.2], 100.0))
    True
    """
    network = Ladders(
        conductances, segment_resistance, driver_resistance, sense_resistance, where="effective"
    )
    rows, columns = network.shape
    if network.ideal:
        return network.conductances.copy()
    if rows <= columns:
        return network.currents(np.eye(rows), tolerance)
    # Reciprocity: the array turned round, with its bit lines driven, has the transposed matrix.
    word, bit = segment_pair(segment_resistance, "effective")
    cells = network.conductances.T[::-1, ::-1]
    turned = Ladders(cells, (bit, word), sense_resistance, driver_resistance, where="effective")
    transposed = turned.currents(np.eye(columns), tolerance)
    return np.ascontiguousarray(transposed.T[::-1, ::-1])


def first_order(
    conductances: npt.ArrayLike,
    voltages: npt.ArrayLike | None,
    segment_resistance: Segments,
    *,
    driver_resistance: float = 0.0,
    sense_resistance: float = 0.0,
) -> Array:
    r"""Return the currents to first order in the wire resistance, an approximation.

    .. math::
        T_{ij} = G_{ij} \Bigl[1 - r_w \sum_l G_{il} \min(j, l)
                 - r_b \sum_k G_{kj} (R + 1 - \max(i, k))\Bigr]

    with i, j, k, l counted from 1: each cell sees the drops that the ideal currents would cause.
    The error is of second order, about 1 % where the ideal result is off by 10 %; beyond that the
    formula overcorrects and even turns negative. O(R C).

    Parameters
    ----------
    conductances, segment_resistance, driver_resistance, sense_resistance
        As in `solve`.
    voltages : array_like, shape (R,) or (B, R), or None
        V; None for the matrix T itself.

    Returns
    -------
    ndarray of float64
        Currents (C,) or (B, C) in A; without `voltages`, T (R, C) in S.

    Raises
    ------
    ShapeError, ParameterError
        As `solve`.

    Examples
    --------
    >>> first_order([[100e-6]], [0.2], 5.0)  # G V (1 - 2 r G)
    array([1.998e-05])
    """
    network = Ladders(
        conductances, segment_resistance, driver_resistance, sense_resistance, where="first_order"
    )
    cells = network.conductances
    first, word, last, bit = network.resistances
    # sum_l G_l min(j, l) adds up, segment by segment, the current that passes it.
    along = np.cumsum(_tail_sums(cells, 1) * _segments(first, word, cells.shape[1]), axis=1)
    below = _tail_sums(
        np.cumsum(cells, axis=0) * _segments(last, bit, cells.shape[0])[::-1, None], 0
    )
    matrix = cells * (1.0 - along - below)
    if voltages is None:
        return matrix
    batch, single = network.voltages(voltages)
    return batch[0] @ matrix if single else batch @ matrix


def node_voltages(
    conductances: npt.ArrayLike,
    voltages: npt.ArrayLike,
    segment_resistance: Segments,
    *,
    driver_resistance: float = 0.0,
    sense_resistance: float = 0.0,
    tolerance: float = 1e-9,
) -> tuple[Array, Array]:
    """Return the voltages of all word and bit line nodes, for maps of the drop and for power.

    Parameters
    ----------
    conductances, voltages, segment_resistance, driver_resistance, sense_resistance, tolerance
        As in `solve`.

    Returns
    -------
    word, bit : ndarray of float64, each (R, C) or (B, R, C)
        V. The cell (i, j) sees ``word[i, j] - bit[i, j]``.

    Raises
    ------
    ShapeError, ParameterError
        As `solve`.

    Examples
    --------
    >>> word, bit = node_voltages([[100e-6]], [0.2], 5.0)
    >>> word, bit
    (array([[0.1999001]]), array([[9.99000999e-05]]))
    """
    network = Ladders(
        conductances, segment_resistance, driver_resistance, sense_resistance, where="node_voltages"
    )
    batch, single = network.voltages(voltages)
    word, bit = np.empty((2, len(batch), *network.shape))
    for read, one in enumerate(batch):
        word[read], bit[read] = network.nodes(one, tolerance)
    return (word[0], bit[0]) if single else (word, bit)


class Ladders:
    """An array made ready for reads: its lines are eliminated once, which all reads share.

    Parameters
    ----------
    conductances, segment_resistance, driver_resistance, sense_resistance
        As in `solve`.
    where : str
        The function that errors name.

    Attributes
    ----------
    conductances : ndarray of float64, shape (R, C)
        S.
    resistances : ndarray of float64, shape (4,)
        Ohm: of the first and the other word segments, of the last and the other bit segments.
    """

    def __init__(
        self,
        conductances: npt.ArrayLike,
        segment_resistance: Segments,
        driver_resistance: float = 0.0,
        sense_resistance: float = 0.0,
        *,
        where: str = "Ladders",
    ) -> None:
        self.where = where
        self.conductances = checked_conductances(conductances, where)
        word, bit = segment_pair(segment_resistance, where)
        driver = real_number(where, "driver_resistance", driver_resistance, 0.0)
        sense = real_number(where, "sense_resistance", sense_resistance, 0.0)
        self.resistances = np.array([driver + word, word, sense + bit, bit])
        self.shape: tuple[int, int] = self.conductances.shape
        rows, columns = self.shape
        self._tiles, self._words = np.empty((2, -(-rows // kernels.LANES), columns, kernels.LANES))
        self._bits = np.empty(self.shape)
        kernels.word_ladders(self.conductances, self.resistances, self._tiles, self._words)
        kernels.bit_ladders(self.conductances, self.resistances, self._bits)

    @property
    def ideal(self) -> bool:
        """Whether no resistance is left at all."""
        return not self.resistances.any()

    def voltages(self, values: npt.ArrayLike) -> tuple[Array, bool]:
        """Return checked voltages as (B, R) float64, and whether they came as a single read."""
        array = reals(self.where, "voltages", values, -math.inf)
        if array.ndim not in {1, 2} or array.shape[-1] != self.shape[0] or array.size == 0:
            raise ShapeError(
                f"{self.where}: the voltages have shape {array.shape}, the array has "
                f"{self.shape[0]} word lines. Give (R,) or (B, R) with R = {self.shape[0]}."
            )
        return np.ascontiguousarray(np.atleast_2d(array)), array.ndim == 1

    def currents(
        self, voltages: Array, tolerance: float, offsets: Array = _NONE, nodes: Array = _NONE
    ) -> Array:
        """Return the currents (B, C) for checked voltages (B, R).

        offsets (R, C) are voltages in series with the cells; nodes (R, C), with a single read,
        becomes the bit line voltages.
        """
        tolerance = real_number(self.where, "tolerance", tolerance, 1e-14, 1.0)
        if self.ideal and not offsets.size:
            nodes[:] = 0.0
            return np.asarray(voltages @ self.conductances)
        reads, most = len(voltages), self._most_steps(tolerance)
        currents, errors = np.empty((reads, self.shape[1])), np.empty(reads)
        steps = np.empty(reads, np.int64)

        def job(first: int, last: int) -> None:
            part = slice(first, last)
            lines = (self._tiles, self._words, self._bits, self.resistances)
            out = (currents[part], errors[part], steps[part], nodes)
            kernels.read(voltages[part], offsets, *lines, tolerance, most, *out)

        spread(job, reads, reads * self.conductances.size * _WORK_PER_CELL)
        self._check_reached(errors, steps, tolerance)
        return currents

    def nodes(
        self, voltages: Array, tolerance: float, offsets: Array = _NONE
    ) -> tuple[Array, Array]:
        """Return word and bit line voltages (R, C) of a single read with voltages (R,)."""
        bit, word = np.empty(self.shape), np.empty(self.shape)
        self.currents(voltages[None], tolerance, offsets, bit)
        across = bit + offsets if offsets.size else bit
        kernels.word_voltages(voltages, across, self._tiles, self._words, self.resistances, word)
        return word, bit

    def _most_steps(self, tolerance: float) -> int:
        """Return twice the steps, and more, that theory grants conjugate gradients.

        T_w >= G / w and T_b >= G / b, with the largest drops w and b that unit voltages cause in
        first order, bound the spectrum of M^-1 S from below.
        """
        first, word, last, bit = self.resistances
        rows, columns = self.shape
        across = self.conductances @ np.cumsum(_segments(first, word, columns))
        down = np.cumsum(_segments(last, bit, rows))[::-1] @ self.conductances
        w, b = float(across.max()), float(down.max())
        condition = (1.0 + w) * (1.0 + b) / (1.0 + w + b)
        return 50 + math.ceil(math.sqrt(condition) * (20.0 - math.log(tolerance)))

    def _check_reached(self, errors: Array, steps: Array, tolerance: float) -> None:
        if not (errors <= tolerance).all():
            read = int(np.argmax(np.where(errors <= tolerance, -np.inf, errors)))
            raise ParameterError(
                f"{self.where}: read {read} is known to {errors[read]:.1e} after {steps[read]} "
                f"steps, tolerance is {tolerance:.1e}. Raise the tolerance, or check that the "
                f"segment resistance of {self.resistances.max():g} ohm is meant."
            )


def checked_conductances(values: npt.ArrayLike, where: str) -> Array:
    """Return conductances as a contiguous (R, C) float64 array, finite and at least 0."""
    array = reals(where, "conductances", values)
    if array.ndim != 2 or array.size == 0:
        raise ShapeError(
            f"{where}: the conductances have shape {array.shape}; expected (R, C), one row a word "
            "line. Give at least one cell."
        )
    return np.ascontiguousarray(array)


def segment_pair(values: Segments, where: str) -> tuple[float, float]:
    """Return the segment resistances of word and bit lines, checked."""
    array = np.atleast_1d(reals(where, "segment_resistance", values))
    if array.shape not in {(1,), (2,)}:
        raise ParameterError(
            f"{where}: segment_resistance is {values!r}; give a number of ohm or a pair, "
            "(word lines, bit lines)."
        )
    return float(array[0]), float(array[-1])


def _segments(end: float, other: float, count: int) -> Array:
    """Return the resistances along a line, from the fed end."""
    return np.concatenate([[end], np.full(count - 1, other)])


def _tail_sums(values: Array, axis: int) -> Array:
    """Return, at every place, the sum from there to the end."""
    return np.flip(np.cumsum(np.flip(values, axis), axis=axis), axis)
