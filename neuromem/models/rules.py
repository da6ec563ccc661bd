"""Learning rules of two-valued attractor networks: how patterns become weights.

A rule is a small frozen record of its choices. In the dense form `learn` changes the weights by
new keys; a rule with an overlap form gives the mixing matrix G of W = X^T G X / N instead.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.linalg

from neuromem.core.codes import Array, Code
from neuromem.core.errors import CapabilityError, ParameterError, real_number, whole_number
from neuromem.core.randomness import stream
from neuromem.core.synapses import EXACT_FLOAT32
from neuromem.kernels.hopfield import dense_sweep
from neuromem.kernels.learning import perceptron, storkey


class LearningWarning(UserWarning):
    """A rule stopped before every pattern was learned."""


@dataclass(frozen=True)
class Rule:
    """What all rules have in common; the subclasses are the rules.

    Attributes
    ----------
    name, paper : str
        The name that ``Hopfield(rule=...)`` takes, and the source.
    code : {"bipolar", "binary"}
        The code of the patterns it learns.
    integer : bool
        Whether unscaled weights and fields are exact integers.
    overlap : bool
        Whether it has an overlap form.
    whole : bool
        Whether it needs all patterns again at each `store`.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    code: ClassVar[Code] = "bipolar"
    integer: ClassVar[bool] = False
    overlap: ClassVar[bool] = False
    whole: ClassVar[bool] = False

    @property
    def options(self) -> dict[str, Any]:
        """The rule's choices by name."""
        return asdict(self)

    def scale(self, n: int) -> float:
        """Return the factor between learned weights and couplings."""
        return 1.0

    def learn(self, weights: Array, keys: Array, known: int) -> Array:
        """Return the weights (N, N) after `keys` (P, N) joined the `known` patterns before.

        A rule that is `whole` gets all patterns as `keys` and the weights of before.
        """
        raise NotImplementedError

    def unlearn(self, weights: Array, keys: Array) -> Array:
        """Return the weights without `keys`, where the rule is a sum over patterns."""
        raise CapabilityError(
            f"forget: rule {self.name!r} mixes its patterns, so one cannot be taken out. "
            "Use rule='hebb' or 'covariance', or store the others anew."
        )

    def mixing(self, gram: Array, n: int) -> Array | None:
        """Return G of W = scale X^T G X for the products X X^T (P, P); None is the identity."""
        raise NotImplementedError


@dataclass(frozen=True)
class Hebb(Rule):
    r"""Outer products, :math:`W = \frac1N \sum_\mu \xi^\mu \xi^{\mu T}`."""

    name = "hebb"
    paper = "Hopfield, PNAS 79, 2554 (1982)"
    integer = True
    overlap = True

    def scale(self, n: int) -> float:
        """Return 1/N: the weights are kept as integer counts."""
        return 1.0 / n

    def learn(self, weights: Array, keys: Array, known: int) -> Array:
        """Add the outer products of `keys`, as integers."""
        n = keys.shape[1]
        # A field sums N weights of at most P: beyond 2^24 float32 would round it.
        exact32 = (known + len(keys)) * n < EXACT_FLOAT32
        dtype: type[np.floating[Any]] = np.float32 if exact32 else np.float64
        x: Array = keys.astype(dtype)
        weights = weights.astype(dtype, copy=False)
        weights += np.matmul(x.T, x)
        return weights

    def unlearn(self, weights: Array, keys: Array) -> Array:
        """Take the outer products of `keys` away again."""
        x = keys.astype(weights.dtype)
        weights -= x.T @ x
        return weights

    def mixing(self, gram: Array, n: int) -> Array | None:
        """Return None: Hebb's G is the identity."""
        return None


@dataclass(frozen=True)
class Covariance(Rule):
    r"""Covariance rule for 0/1 patterns of activity a.

    .. math:: W = \frac{1}{N a (1 - a)} \sum_\mu (\eta^\mu - a)(\eta^\mu - a)^T

    Parameters
    ----------
    activity : float
        Mean activity a of the patterns, between 0 and 1.
    """

    name = "covariance"
    paper = "Tsodyks & Feigel'man, Europhys. Lett. 6, 101 (1988)"
    code = "binary"
    activity: float = 0.1

    def __post_init__(self) -> None:
        a = real_number("Hopfield", "activity", self.activity, 0.0, 1.0)
        if a in (0.0, 1.0):
            raise ParameterError(
                f"Hopfield: activity is {a}; the covariance rule needs 0 < activity < 1."
            )

    def scale(self, n: int) -> float:
        """Return 1 / (N a (1 - a))."""
        return 1.0 / (n * self.activity * (1.0 - self.activity))

    def learn(self, weights: Array, keys: Array, known: int) -> Array:
        """Add the outer products of the deviations from the activity."""
        x = keys - self.activity
        weights += x.T @ x
        return weights

    def unlearn(self, weights: Array, keys: Array) -> Array:
        """Take the outer products of `keys` away again (to rounding)."""
        x = keys - self.activity
        weights -= x.T @ x
        return weights


@dataclass(frozen=True)
class Storkey(Rule):
    r"""Storkey's local, incremental rule, which takes the fields of both units into account.

    .. math:: \Delta w_{ij} = \frac1N (\xi_i \xi_j - \xi_i h_{ji} - h_{ij} \xi_j)
    """

    name = "storkey"
    paper = "Storkey, ICANN, LNCS 1327, 451 (1997)"

    def learn(self, weights: Array, keys: Array, known: int) -> Array:
        """Add `keys` one after the other: their order matters."""
        storkey(weights, keys)
        return weights


@dataclass(frozen=True)
class PseudoInverse(Rule):
    r"""Projection onto the span of the patterns: all linearly independent ones are fixed points.

    .. math:: W = \frac1N \sum_{\mu\nu} \xi^\mu (C^{-1})_{\mu\nu} \xi^{\nu T}

    Learning is incremental: what a new key adds is its residual outside the span so far, made
    orthonormal. A key inside the span (a repeated one) adds nothing.
    """

    name = "pseudo-inverse"
    paper = "Personnaz, Guyon & Dreyfus, J. Physique Lett. 46, L359 (1985)"
    overlap = True

    def learn(self, weights: Array, keys: Array, known: int) -> Array:
        """Project onto the span enlarged by `keys`."""
        x = keys.astype(np.float64)
        residual = (x - x @ weights).T
        basis, triangle, _ = scipy.linalg.qr(residual, mode="economic", pivoting=True)
        new = np.abs(np.diagonal(triangle)) > 1e-9 * np.sqrt(keys.shape[1])
        # A second projection takes out the rounding that the first one left in the span.
        basis = basis[:, : int(new.sum())]
        basis -= weights @ basis
        basis, _ = np.linalg.qr(basis)
        weights += basis @ basis.T
        return weights

    def mixing(self, gram: Array, n: int) -> Array | None:
        """Return the (pseudo-)inverse of X X^T: repeated keys count once."""
        return np.asarray(scipy.linalg.pinvh(gram.astype(np.float64), rtol=1e-10))


@dataclass(frozen=True)
class Delta(Rule):
    r"""Widrow-Hoff: :math:`W \mathrel{+}= \frac{\eta}{N} (\xi - W \xi) \xi^T`, again and again.

    Converges to the projection of the keys of one `store` call for 0 < rate < 2.

    Parameters
    ----------
    rate : float
        Learning rate eta.
    epochs : int
        Presentations of all keys at most.
    tolerance : float
        Ends when no residual of a unit exceeds it.
    """

    name = "delta"
    paper = "Diederich & Opper, Phys. Rev. Lett. 58, 949 (1987)"
    rate: float = 1.0
    epochs: int = 1000
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        if not 0.0 < real_number("Hopfield", "rate", self.rate, 0.0, 2.0) < 2.0:
            raise ParameterError(
                f"Hopfield: rate is {self.rate}; the delta rule needs 0 < rate < 2."
            )
        whole_number("Hopfield", "epochs", self.epochs, least=1)

    def learn(self, weights: Array, keys: Array, known: int) -> Array:
        """Present `keys` in turn until they are fixed to `tolerance`."""
        patterns = keys.astype(np.float64)
        step = self.rate / keys.shape[1]
        for _ in range(self.epochs):
            worst = 0.0
            for x in patterns:
                residual = x - weights @ x
                worst = max(worst, float(np.abs(residual).max()))
                weights += np.outer(step * residual, x)
            if worst < self.tolerance:
                return weights
        _warn(f"the delta rule left a residual of {worst:.1e} after {self.epochs} epochs")
        return weights


@dataclass(frozen=True)
class Dreaming(Rule):
    r"""Dreaming kernel, from Hebb (t = 0) to the projection (t to infinity).

    .. math:: W(t) = \frac1N \sum_{\mu\nu} \xi^\mu [(1 + t)(1 + t C)^{-1}]_{\mu\nu} \xi^{\nu T}

    Parameters
    ----------
    time : float
        Sleep time t >= 0.
    """

    name = "dreaming"
    paper = "Fachechi, Agliari & Barra, Neural Networks 112, 24 (2019)"
    overlap = True
    whole = True
    time: float = 10.0

    def __post_init__(self) -> None:
        real_number("Hopfield", "time", self.time, 0.0, 1e300)

    def learn(self, weights: Array, keys: Array, known: int) -> Array:
        """Build the weights anew from all keys."""
        x = keys.astype(np.float64)
        mixing: Array = self.mixing(x @ x.T, x.shape[1])
        return np.asarray(x.T @ mixing @ x)

    def scale(self, n: int) -> float:
        """Return 1/N."""
        return 1.0 / n

    def mixing(self, gram: Array, n: int) -> Array:
        """Return (1 + t)(1 + t C)^-1 with C = X X^T / N."""
        values, vectors = scipy.linalg.eigh(gram / n)
        # Directions in which the patterns depend on each other carry no weight, at any t.
        kept = values > 1e-10 * values[-1]
        gains = (1.0 + self.time) / (1.0 + self.time * values[kept])
        return np.asarray((vectors[:, kept] * gains) @ vectors[:, kept].T)


@dataclass(frozen=True)
class Perceptron(Rule):
    r"""Every row a perceptron with stability above a margin: up to Gardner's bound.

    .. math:: \Delta w_{ij} = \frac1N \xi_i \xi_j \quad \text{while} \quad
              \xi_i h_i / |w_i| \le \kappa

    Couplings are asymmetric, so that asynchronous dynamics need not end. All patterns are
    presented again at each `store`; a row that does not get there warns `LearningWarning`.

    Parameters
    ----------
    margin : float
        Stability kappa that each unit of each pattern must exceed.
    epochs : int
        Presentations of all patterns at most.
    """

    name = "perceptron"
    paper = "Gardner, J. Phys. A 21, 257 (1988); Krauth & Mezard, J. Phys. A 20, L745 (1987)"
    whole = True
    margin: float = 0.0
    epochs: int = 1000

    def __post_init__(self) -> None:
        real_number("Hopfield", "margin", self.margin, 0.0)
        whole_number("Hopfield", "epochs", self.epochs, least=1)

    def scale(self, n: int) -> float:
        """Return 1/N."""
        return 1.0 / n

    def learn(self, weights: Array, keys: Array, known: int) -> Array:
        """Go on from the weights of before until all `keys` have their margin."""
        counts = np.rint(weights).astype(np.int32)
        taken = perceptron(counts, keys, float(self.margin), self.epochs)
        if np.any(taken < 0):
            _warn(
                f"{int(np.sum(taken < 0))} of {taken.size} perceptron rows have not converged "
                f"after {self.epochs} epochs; the load may exceed Gardner's bound"
            )
        return counts.astype(np.float64)


@dataclass(frozen=True)
class Unlearning(Rule):
    r"""Hebb, then dreams that take away what noise relaxes to.

    .. math:: W \mathrel{-}= \frac{\epsilon}{N} s s^T, \quad s \text{ relaxed from a random state}

    Too many dreams destroy the memories: measure the curve over `dreams`.

    Parameters
    ----------
    dreams : int, optional
        Dreams after each `store`; by default 0.3 / rate for each new pattern, where the published
        curve (N = 200, load 0.2) has just reached its top.
    rate : float
        Unlearning rate epsilon of one dream.
    seed : int
        Seed of the dreams' starts.
    """

    name = "unlearning"
    paper = "Hopfield, Feinstein & Palmer, Nature 304, 158 (1983)"
    dreams: int | None = None
    rate: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dreams is not None:
            whole_number("Hopfield", "dreams", self.dreams)
        if real_number("Hopfield", "rate", self.rate, 0.0) == 0.0:
            raise ParameterError("Hopfield: rate is 0; unlearning needs a rate above 0.")

    def scale(self, n: int) -> float:
        """Return 1/N."""
        return 1.0 / n

    def learn(self, weights: Array, keys: Array, known: int) -> Array:
        """Add the outer products of `keys`, then dream."""
        x = keys.astype(np.float64)
        weights += x.T @ x
        n = weights.shape[0]
        still = np.zeros((1, n))
        draws = stream(self.seed, "dreams", known)
        dreams = round(0.3 * len(keys) / self.rate) if self.dreams is None else self.dreams
        for _ in range(dreams):
            state = draws.choice(np.array([-1, 1], np.int8), (1, n))
            fields = state @ weights - np.diagonal(weights) * state
            order = draws.permutation(n)
            while dense_sweep(weights, True, fields, state, order, still, 1e-9 * n, -1)[0]:
                pass
            weights -= self.rate * np.outer(state[0], state[0])
        return weights


RULES: dict[str, type[Rule]] = {
    rule.name: rule
    for rule in (
        Hebb,
        Covariance,
        Storkey,
        PseudoInverse,
        Delta,
        Dreaming,
        Perceptron,
        Unlearning,
    )
}
"""The rules by the names that ``Hopfield(rule=...)`` takes."""


def _warn(text: str) -> None:
    warnings.warn(f"Hopfield.store: {text}.", LearningWarning, stacklevel=5)
