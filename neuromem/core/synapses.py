"""Synapses as linear operators: the seam between a memory and what carries it.

A memory reads its synapses as ``W @ x``, ``W.T @ x`` and single rows, and changes them by outer
products. Whatever offers these can stand in for them: exact weights here, a crossbar on a chip.
Each is a `scipy.sparse.linalg.LinearOperator` of shape (n_out, n_in).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator

from neuromem.core.codes import Array
from neuromem.core.errors import ShapeError
from neuromem.core.packed import PackedPatterns

EXACT_FLOAT32 = 2**24
"""Integers up to this magnitude are exact in float32, and so are sums that stay below it."""


class Synapses(LinearOperator):  # type: ignore[misc]
    """A linear operator that also gives single rows and says what it weighs."""

    def rows(self, indices: npt.ArrayLike) -> Array:
        """Return chosen rows of W, shape (K, n_in)."""
        return rows_of(self, indices)

    def outputs(self, states: Array, indices: npt.ArrayLike) -> Array:
        """Return some outputs of W x only, shape (Q, K), of states (Q, n_in)."""
        return np.asarray(states @ self.rows(indices).T)

    @property
    def nbytes(self) -> int:
        """Bytes held for the weights."""
        raise NotImplementedError


class DenseSynapses(Synapses):
    r"""All weights in one array: :math:`y = s\,(W - \mathrm{diag})\,x`.

    Parameters
    ----------
    weights : ndarray, shape (n_out, n_in)
        Weights before scaling; kept, not copied. Integer weights in a float array stay exact as
        long as their sums do, so that Hebb's rule has exact fields.
    scale : float
        Factor on every weight, such as 1/N.
    zero_diagonal : bool
        Read the diagonal as zero, whatever the array holds there.

    Examples
    --------
    >>> W = DenseSynapses(np.array([[1.0, 2.0], [3.0, 4.0]]), zero_diagonal=True)
    >>> W @ np.array([1.0, 1.0])
    array([2., 3.])
    """

    def __init__(self, weights: Array, scale: float = 1.0, *, zero_diagonal: bool = False) -> None:
        if weights.ndim != 2:
            raise ShapeError(
                f"DenseSynapses: weights have shape {weights.shape}; expected (n_out, n_in)."
            )
        super().__init__(dtype=weights.dtype, shape=weights.shape)
        self.weights = weights
        self.scale = scale
        self.zero_diagonal = zero_diagonal

    def fields(self, states: Array) -> Array:
        """Return the unscaled fields (Q, n_out) of a batch of states (Q, n_in)."""
        x = np.asarray(states, dtype=self.weights.dtype)
        fields = x @ self.weights.T
        if self.zero_diagonal:
            fields -= np.diagonal(self.weights) * x
        return np.asarray(fields)

    def rows(self, indices: npt.ArrayLike) -> Array:
        """Return chosen rows of W, shape (K, n_in)."""
        chosen = np.atleast_1d(np.asarray(indices))
        rows = self.weights[chosen].copy()
        if self.zero_diagonal:
            rows[np.arange(chosen.size), chosen] = 0
        return np.asarray(rows * self.weights.dtype.type(self.scale))

    def add_outer(self, left: Array, right: Array) -> None:
        """Add the outer product ``left right^T`` to W, in the units of W."""
        self.weights += np.outer(left, right / self.scale).astype(self.weights.dtype)

    @property
    def nbytes(self) -> int:
        """Bytes held for the weights."""
        return int(self.weights.nbytes)

    def _matmat(self, x: Array) -> Array:
        return self.fields(x.T).T.astype(np.float64) * self.scale

    def _rmatmat(self, x: Array) -> Array:
        y = self.weights.T @ x.astype(self.weights.dtype)
        if self.zero_diagonal:
            y = y - np.diagonal(self.weights)[:, None] * x
        return np.asarray(y, dtype=np.float64) * self.scale


class SparseSynapses(Synapses):
    """Weights where there are connections: compressed sparse rows.

    Parameters
    ----------
    weights : scipy.sparse array, shape (n_out, n_in)
        Converted to CSR; explicit zeros are connections of weight zero.
    scale : float
        Factor on every weight.
    """

    def __init__(self, weights: Any, scale: float = 1.0) -> None:
        self.weights = csr_array(weights)
        self.scale = scale
        super().__init__(dtype=self.weights.dtype, shape=self.weights.shape)

    def fields(self, states: Array) -> Array:
        """Return the unscaled fields (Q, n_out) of a batch of states (Q, n_in)."""
        x = np.ascontiguousarray(np.asarray(states, dtype=self.weights.dtype).T)
        return np.ascontiguousarray((self.weights @ x).T)

    def rows(self, indices: npt.ArrayLike) -> Array:
        """Return chosen rows of W, shape (K, n_in), dense."""
        chosen = np.atleast_1d(np.asarray(indices))
        return np.asarray(self.weights[chosen].toarray() * self.scale)

    @property
    def nbytes(self) -> int:
        """Bytes held for the weights and their places."""
        w = self.weights
        return int(w.data.nbytes + w.indices.nbytes + w.indptr.nbytes)

    def _matmat(self, x: Array) -> Array:
        return np.asarray(self.weights @ x, dtype=np.float64) * self.scale

    def _rmatmat(self, x: Array) -> Array:
        return np.asarray(self.weights.T @ x, dtype=np.float64) * self.scale


class OverlapSynapses(Synapses):
    r"""Low-rank synapses kept as packed patterns: the overlap form, never N x N.

    .. math:: W = s\, X^T G X - \mathrm{diag}, \qquad X \in \{-1, +1\}^{P \times N}

    With G the identity (Hebb) the fields come out as exact integers from bit operations; the
    store takes P N bits where a dense float32 matrix takes 32 N^2.

    Parameters
    ----------
    patterns : PackedPatterns
        The rows of X.
    scale : float
        Factor on every weight, 1/N for Hebb.
    mixing : ndarray, shape (P, P), optional
        G; the identity if left out.
    zero_diagonal : bool
        Read the diagonal as zero.
    """

    def __init__(
        self,
        patterns: PackedPatterns,
        scale: float,
        mixing: Array | None = None,
        *,
        zero_diagonal: bool = True,
    ) -> None:
        super().__init__(dtype=np.float64, shape=(patterns.n, patterns.n))
        self.patterns = patterns
        self.scale = scale
        self.mixing = mixing
        self.zero_diagonal = zero_diagonal
        self._diagonal: Array | None = None

    @property
    def diagonal(self) -> Array | int:
        """The unscaled diagonal of ``X^T G X``: P for Hebb, else an array (N,)."""
        if self.mixing is None:
            return len(self.patterns)
        if self._diagonal is None:
            self._diagonal = np.zeros(self.patterns.n)
            for start, block in self._blocks():
                for begin, other in self._blocks():
                    g = self.mixing[start : start + len(block), begin : begin + len(other)]
                    self._diagonal += np.sum(block * (g @ other), axis=0)
        return self._diagonal

    def fields(self, states: Array) -> Array:
        """Return the unscaled fields (Q, N) of +-1 states (Q, N): exact integers for Hebb."""
        overlaps = self.patterns.overlaps(states)
        if self.mixing is None:
            fields = self.patterns.fields(overlaps)
        else:
            fields = self.expand(overlaps @ self.mixing.T)
        if self.zero_diagonal:
            fields = fields - np.multiply(states, self.diagonal, dtype=fields.dtype)
        return np.asarray(fields)

    def expand(self, coefficients: Array) -> Array:
        """Return ``coefficients @ X``, shape (Q, N), unpacking a block of patterns at a time."""
        total = np.zeros((len(coefficients), self.patterns.n))
        for start, block in self._blocks():
            total += coefficients[:, start : start + len(block)] @ block
        return total

    def rows(self, indices: npt.ArrayLike) -> Array:
        """Return chosen rows of W, shape (K, N), computed from the patterns."""
        chosen = np.atleast_1d(np.asarray(indices))
        x = self.patterns.rows(chosen).astype(np.float64)
        rows = self.expand(x if self.mixing is None else x @ self.mixing)
        if self.zero_diagonal:
            rows[np.arange(chosen.size), chosen] = 0.0
        return rows * self.scale

    @property
    def nbytes(self) -> int:
        """Bytes held for patterns and mixing matrix."""
        return int(self.patterns.nbytes + (0 if self.mixing is None else self.mixing.nbytes))

    def _matmat(self, x: Array) -> Array:
        return self._product(np.asarray(x, dtype=np.float64), self.mixing)

    def _rmatmat(self, x: Array) -> Array:
        mixing = None if self.mixing is None else self.mixing.T
        return self._product(np.asarray(x, dtype=np.float64), mixing)

    def _product(self, x: Array, mixing: Array | None) -> Array:
        """Multiply by real vectors (N, Q), for which there are no bit operations."""
        overlaps = np.zeros((x.shape[1], len(self.patterns)))
        for start, block in self._blocks():
            overlaps[:, start : start + len(block)] = (block @ x).T
        y = self.expand(overlaps if mixing is None else overlaps @ mixing.T).T
        if self.zero_diagonal:
            diagonal = self.diagonal
            y -= (diagonal if np.isscalar(diagonal) else np.asarray(diagonal)[:, None]) * x
        return y * self.scale

    def _blocks(self) -> Any:
        """Yield (start, X block as float64) so that no more than about 32 MB are unpacked."""
        height = max(1, 2**22 // self.patterns.n)
        for start in range(0, len(self.patterns), height):
            stop = min(start + height, len(self.patterns))
            yield start, self.patterns.unpack(start, stop, np.float64)


def rows_of(operator: LinearOperator, indices: npt.ArrayLike) -> Array:
    """Return rows of any operator, shape (K, n_in), by its own `rows` or by unit vectors.

    A row is read as ``W.T @ e_i``: what a chip does when it drives a single word line.
    """
    own = getattr(operator, "rows", None)
    if own is not None and type(operator).rows is not Synapses.rows:
        return np.asarray(own(indices))
    chosen = np.atleast_1d(np.asarray(indices))
    units = np.zeros((operator.shape[0], chosen.size))
    units[chosen, np.arange(chosen.size)] = 1.0
    return np.asarray(operator.rmatmat(units)).T


def held_by(operator: LinearOperator) -> LinearOperator:
    """Return the weights that an operator holds, to be looked at without being read.

    A chip's reads take energy and meet noise, which looking at an energy function must not.
    """
    held = getattr(operator, "held", None)
    return operator if held is None else held


def outputs_of(operator: LinearOperator, states: Array, indices: npt.ArrayLike) -> Array:
    """Return some outputs of W x, shape (Q, K), by the operator's own `outputs` or its rows.

    What single units read in an asynchronous sweep: a chip converts one bit line.
    """
    own = getattr(operator, "outputs", None)
    if own is not None:
        return np.asarray(own(states, indices))
    return np.asarray(states @ rows_of(operator, indices).T)
