"""Modern Hopfield networks: continuous memories whose update is attention over the patterns."""

from __future__ import annotations

import copy
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numba
import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from neuromem.core.codes import Array, Code
from neuromem.core.errors import (
    CapabilityError,
    ParameterError,
    ShapeError,
    one_of,
    real_number,
    whole_number,
)
from neuromem.core.memory import AssociativeMemory, Cues, Task
from neuromem.core.randomness import Rng
from neuromem.core.recall import Recall
from neuromem.core.synapses import DenseSynapses
from neuromem.kernels import entmax as sparse
from neuromem.kernels import softmax as dense

SEPARATIONS = ("softmax", "sparsemax", "entmax")

GROUP = 256
"""Cues that stream over the patterns together; more would only take more memory."""

CANDIDATES = 1024
"""Patterns kept per cue while entmax looks for its support."""

THREADS_FROM = 2**27
"""Multiply-adds from which a call is worth several threads (about 1 ms on one core)."""


class ModernHopfield(AssociativeMemory):
    r"""Continuous memory of real patterns: softmax, sparsemax or entmax over similarities.

    .. math:: x \leftarrow X^T p(\beta X x), \qquad
              E(x) = -\tfrac1\beta \Psi^*(\beta X x) + \tfrac12 x^T x
                     + \tfrac1\beta H_{\max} + \tfrac12 M^2

    with the patterns as rows of X, p = alpha-entmax, :math:`\Psi^*` the conjugate of the negative
    Tsallis entropy (log-sum-exp for softmax), :math:`H_{\max}` the entropy of equal weights
    (ln P for softmax) and M the largest norm of a pattern. No update raises E, and
    :math:`0 \le E \le 2 M^2` wherever :math:`|x| \le M`.

    Parameters
    ----------
    n : int
        Number of units N of a pattern.
    separation : {"softmax", "sparsemax", "entmax"}
        How similarities become weights: all positive, or exactly zero for far patterns.
    alpha : float
        Exponent of entmax, at least 1 (1 is softmax, 2 is sparsemax); the others ignore it.
    beta : float, optional
        Inverse temperature, above 0; by default 1 / sqrt(N), as in attention. A large one picks
        the most similar pattern, a tiny one averages over all.
    chunk : int, optional
        Stored patterns that are taken at a time; by default as many as fit the cache. It changes
        speed and the order of sums, that is, rounding.
    n_values : int, optional
        Makes the memory heteroassociative: each key comes with a value of that many units, and
        recall reads values :math:`V^T p(\beta X x)`, which is attention with keys X and values V.

    Raises
    ------
    ParameterError
        If a choice does not exist or a number is out of range.

    Notes
    -----
    Patterns and states are float32, or float64 once patterns in float64 are stored. Recall streams
    over the patterns: beyond its result it takes memory in proportion to cues times `chunk`, never
    to cues times patterns. What a cue becomes does not depend on the other cues of the batch.

    Entmax recalls a pattern exactly in one update once its similarity exceeds that of all others
    by 1 / (beta (alpha - 1)). Load is P/N, though capacity grows exponentially with N. Energies
    hold to rounding of the similarities, and to about 1e-15 / beta.

    References
    ----------
    Ramsauer et al., "Hopfield networks is all you need", ICLR (2021). Hu et al., "On sparse modern
    Hopfield model", NeurIPS 36 (2023). Wu et al., ICLR (2024). Santos et al., ICML (2024).

    Examples
    --------
    >>> memory = ModernHopfield(3, beta=8.0).store([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> memory.recall([0.9, 0.1, 0.3]).patterns.round(3)
    array([[0.998, 0.002, 0.   ]])
    """

    code: Code = "real"
    heteroassociative = True
    default_steps = 1

    def __init__(
        self,
        n: int,
        *,
        separation: Literal["softmax", "sparsemax", "entmax"] = "softmax",
        alpha: float = 1.5,
        beta: float | None = None,
        chunk: int | None = None,
        n_values: int | None = None,
    ) -> None:
        super().__init__(n)
        name = "ModernHopfield"
        self.separation = one_of(name, "separation", separation, SEPARATIONS)
        self.alpha = real_number(name, "alpha", alpha, 1.0, sys.float_info.max)
        self.beta = _positive(beta) if beta is not None else 1.0 / math.sqrt(self.n)
        self.chunk = None if chunk is None else whole_number(name, "chunk", chunk, least=1)
        self._n_values = (
            None if n_values is None else whole_number(name, "n_values", n_values, least=1)
        )
        self._keys = _Rows(self.n)
        self._values = None if self._n_values is None else _Rows(self._n_values)
        self._norm = 0.0
        self._replaced: dict[str, LinearOperator] | None = None
