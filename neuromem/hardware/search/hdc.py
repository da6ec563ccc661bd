r"""In-memory hyperdimensional computing: encoder and associative search on arrays of devices.

Symbols have random hypervectors of D bits, kept with their complements in two arrays. Symbols are
bound by AND of what the sense amplifiers read, place by place; the bound hypervectors of a sample
are counted (bundled) digitally, and the class whose prototype agrees best with a query is found by
one read of a second pair of arrays (Karunaratne et al., Nature Electronics 3, 327 (2020),
doi:10.1038/s41928-020-0410-3).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array, as_patterns
from neuromem.core.errors import CapabilityError, ShapeError, one_of, real_number, whole_number
from neuromem.core.randomness import Rng, seed_sequence
from neuromem.hardware.devices.profile import Profile
from neuromem.hardware.search.cam import TernaryCAM
from neuromem.hardware.search.encoder import MintermEncoder

METRICS = ("hamming", "dot")


class AssociativeSearch:
    r"""Prototypes on arrays: how well each agrees with a query, in one read.

    .. math:: s_k = \sum_i q_i p_{ki} + \bar q_i \bar p_{ki} \quad (\text{hamming}), \qquad
              s_k = \sum_i q_i p_{ki} \quad (\text{dot})

    Parameters
    ----------
    prototypes : array_like of 0 and 1, shape (K, D)
        One row a class.
    profile : str, Path or Profile
        The device.
    metric : {"hamming", "dot"}
        Whether the complements are read, too, which makes the sum D minus the Hamming distance.
    rng : int, SeedSequence, Generator or None
        Seed of the cells.
    **options
        Of the arrays, see `neuromem.hardware.search.cam.TernaryCAM`.

    Raises
    ------
    ShapeError, CodeError, ParameterError
        If an argument does not fit.

    Notes
    -----
    The same two arrays as a ternary content-addressable memory of the inverted prototypes, whose
    mismatches are agreements. The best of K random prototypes is found if noise does not close
    the margin `search_margin`, see `search_accuracy`.

    Examples
    --------
    >>> search = AssociativeSearch([[1, 1, 0, 0], [0, 1, 1, 0]])
    >>> search.similarities([[1, 1, 1, 0]])
    array([[3., 3.]], dtype=float32)
    >>> search.classify([[1, 1, 0, 1]])
    array([0])
    """

    def __init__(
        self,
        prototypes: npt.ArrayLike,
        profile: str | Path | Profile = "ideal",
        *,
        metric: Literal["hamming", "dot"] = "hamming",
        rng: Rng = None,
        **options: Any,
    ) -> None:
        bits = as_patterns(prototypes, "binary", where="AssociativeSearch: prototypes")
        self.metric = one_of("AssociativeSearch", "metric", metric, METRICS)
        self.cam = TernaryCAM(1 - bits.astype(np.int8), profile, rng=rng, **options)

    def similarities(self, queries: npt.ArrayLike, rng: Rng = None) -> Array:
        """Return the agreements that the currents stand for, shape (Q, K).

        Raises
        ------
        ShapeError, CodeError
            If `queries` are not 0 and 1, D each.
        """
        return self.cam.distances(self._driven(queries), rng=rng)

    def classify(self, queries: npt.ArrayLike, rng: Rng = None) -> Array:
        """Return the class that each query agrees with best, shape (Q,)."""
        return np.asarray(self.similarities(queries, rng).argmax(axis=1))

    def energy(self, queries: npt.ArrayLike) -> Array:
        """Return what the cells dissipate in each search, J, shape (Q,)."""
        return self.cam.energy(self._driven(queries))

    def at(self, seconds: float) -> Self:
        """Return the same arrays, `seconds` after they were programmed."""
        later = copy.copy(self)
        later.cam = self.cam.at(seconds)
        return later

    def _driven(self, queries: npt.ArrayLike) -> Array:
        where = "AssociativeSearch: queries"
        bits = as_patterns(queries, "binary", n=self.cam.n_columns, where=where).astype(np.int8)
        return bits if self.metric == "hamming" else np.where(bits == 1, bits, np.int8(-1))


class HDClassifier:
    """Learns classes from samples in one pass and recognises them, on simulated arrays.

    Parameters
    ----------
    n_symbols : int
        Symbols of the samples.
    dimension, n, minterms
        Of the encoder, see `MintermEncoder`.
    metric : {"hamming", "dot"}
        Of the search, see `AssociativeSearch`.
    profile : str, Path or Profile
        The device of encoder and search; "ideal" is the software baseline of the same seed.
    rng : int, SeedSequence, Generator or None
        Seed of hypervectors and cells.

    Attributes
    ----------
    encoder : MintermEncoder
        The item memory.
    classes : ndarray, shape (K,)
        Labels, in the order of the prototypes.
    prototypes : ndarray of uint8, shape (K, D)
        What `fit` learned, before it was written to devices.
    search : AssociativeSearch
        The prototypes on devices.

    References
    ----------
    Karunaratne et al., Nature Electronics 3, 327 (2020), doi:10.1038/s41928-020-0410-3.

    Examples
    --------
    >>> texts = ["the cat sat on the mat", "el gato en la alfombra"]
    >>> samples = [np.frombuffer(text.encode(), np.uint8) for text in texts]
    >>> model = HDClassifier(128, dimension=1000).fit(samples, ["en", "es"])
    >>> model.predict([np.frombuffer(b"a cat on a mat", np.uint8)])
    array(['en'], dtype='<U2')
    """

    def __init__(
        self,
        n_symbols: int,
        *,
        dimension: int = 10_000,
        n: int = 3,
        minterms: Literal["two", "all"] = "two",
        metric: Literal["hamming", "dot"] = "hamming",
        profile: str | Path | Profile = "ideal",
        rng: Rng = None,
    ) -> None:
        seed = seed_sequence(rng)
        self.encoder = MintermEncoder(
            n_symbols, dimension=dimension, n=n, profile=profile, minterms=minterms, rng=seed
        )
        one_of("HDClassifier", "metric", metric, METRICS)
        self.metric = metric
        self._seed = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 1))
        self.search: AssociativeSearch | None = None

    def fit(self, samples: Sequence[npt.ArrayLike], labels: npt.ArrayLike) -> Self:
        """Learn one prototype a class: the majority of the hypervectors of its samples.

        Parameters
        ----------
        samples : sequence of array_like of int
            As for `MintermEncoder.bundle`.
        labels : array_like, shape (B,)
            The class of each sample.

        Raises
        ------
        ShapeError, ParameterError
            If the samples or labels do not fit.
        """
        of_samples = np.asarray(labels)
        if of_samples.shape != (len(samples),):
            raise ShapeError(
                f"HDClassifier.fit: labels have shape {of_samples.shape} for {len(samples)} "
                "samples. Give one label a sample."
            )
        encoded = self.encoder.encode(samples, rng=self._seed)
        self.classes, owners = np.unique(of_samples, return_inverse=True)
        votes = np.zeros((len(self.classes), self.encoder.dimension))
        np.add.at(votes, owners, encoded)
        self.prototypes = (votes > 0.5 * np.bincount(owners)[:, None]).astype(np.uint8)
        self.search = AssociativeSearch(
            self.prototypes, self.encoder.profile, metric=self.metric, rng=self._seed
        )
        return self

    def predict(self, samples: Sequence[npt.ArrayLike], rng: Rng = None) -> Array:
        """Return the label of the best prototype for each sample, shape (B,).

        Raises
        ------
        CapabilityError
            If nothing has been learned.
        ShapeError, ParameterError
            If a sample does not fit.
        """
        if self.search is None:
            raise CapabilityError(
                "HDClassifier.predict: nothing is learned yet. Call fit(samples, labels) first."
            )
        queries = self.encoder.encode(samples, rng)
        return np.asarray(self.classes[self.search.classify(queries, rng)])

    def at(self, seconds: float) -> Self:
        """Return the same arrays, `seconds` after they were programmed."""
        later = copy.copy(self)
        later.encoder = self.encoder.at(seconds)
        later.search = None if self.search is None else self.search.at(seconds)
        return later


def search_margin(dimension: int, separation: float = 1.0) -> float:
    """Return by how many agreements the right prototype leads on average.

    Parameters
    ----------
    dimension : int
        Bits D of a hypervector.
    separation : float
        1 - 2 e for a query with a share e of wrong bits; other prototypes are random.

    Returns
    -------
    float
        ``separation * D / 2``, to be held against noise of s.d. sigma sqrt(D).

    Examples
    --------
    >>> search_margin(10_000, 0.5)
    2500.0
    """
    d = whole_number("search_margin", "dimension", dimension, least=1)
    return 0.5 * d * real_number("search_margin", "separation", separation, -1.0, 1.0)


def search_accuracy(
    dimension: int, n_classes: int, separation: float = 1.0, sigma: float = 0.0
) -> float:
    r"""Return the probability that associative search finds the right one of random prototypes.

    .. math:: P = \int \phi(z)\, \Phi\!\left(\frac{s D / 2 + z \sqrt{D (1 - s^2)/4 + D \sigma^2}}
              {\sqrt{D/4 + D \sigma^2}}\right)^{K - 1} dz

    Parameters
    ----------
    dimension : int
        Bits D of a hypervector.
    n_classes : int
        Prototypes K, of independent random bits.
    separation : float
        s = 1 - 2 e for a query with a share e of wrong bits.
    sigma : float
        Noise of one cell in units of the step G_on - G_off, r.m.s. over both states.

    Examples
    --------
    >>> search_accuracy(10_000, 21, separation=0.05)
    0.996...
    """
    from scipy.integrate import quad
    from scipy.special import ndtr

    margin = search_margin(dimension, separation)
    others = whole_number("search_accuracy", "n_classes", n_classes, least=1) - 1
    noise = real_number("search_accuracy", "sigma", sigma, 0.0) ** 2
    own = math.sqrt(dimension * (0.25 * (1.0 - separation**2) + noise))
    other = math.sqrt(dimension * (0.25 + noise))

    def integrand(z: float) -> float:
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        return float(density * ndtr((margin + own * z) / other) ** others)

    return float(quad(integrand, -9.0, 9.0, epsabs=1e-12)[0])
