"""Learning rules that visit pattern after pattern."""

from typing import Any

import numpy as np

from neuromem.kernels._jit import kernel

Array = Any


@kernel
def storkey(weights: Array, keys: Array) -> None:
    """Add patterns by Storkey's rule; weights (N, N) float64 with zero diagonal, in place.

    w_ij += (x_i x_j - x_i h_ji - h_ij x_j) / N with h_ij = sum over k != i, j of w_ik x_k.
    """
    n = weights.shape[0]
    for m in range(keys.shape[0]):
        x = keys[m].astype(np.float64)
        local = weights @ x
        for i in range(n):
            for j in range(i):
                h_ij = local[i] - weights[i, j] * x[j]
                h_ji = local[j] - weights[j, i] * x[i]
                change = (x[i] * x[j] - x[i] * h_ji - h_ij * x[j]) / n
                weights[i, j] += change
                weights[j, i] = weights[i, j]


@kernel
def perceptron(weights: Array, keys: Array, margin: float, epochs: int) -> Array:
    """Train every row as a perceptron; return the epochs that each row took (N,).

    weights (N, N) int32, N times the couplings, in place; keys (P, N) int8. A row that still
    errs after `epochs` passes returns -1. Row i learns x_i x_j wherever its stability
    x_i h_i / |w_i| is not above `margin`.
    """
    n_patterns, n = keys.shape
    taken = np.full(n, -1, np.int64)
    for i in range(n):
        row = weights[i]
        square = 0.0
        for j in range(n):
            square += float(row[j]) * float(row[j])
        for epoch in range(epochs):
            errors = 0
            for m in range(n_patterns):
                x = keys[m]
                field = np.int32(0)
                for j in range(n):
                    field += row[j] * np.int32(x[j])
                aligned = np.float64(field) * x[i]
                if aligned <= margin * np.sqrt(square):
                    errors += 1
                    for j in range(n):
                        row[j] += np.int32(x[i]) * np.int32(x[j])
                    row[i] = 0
                    square += 2.0 * aligned + (n - 1)
            if errors == 0:
                taken[i] = epoch
                break
    return taken
