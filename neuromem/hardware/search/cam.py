r"""Content-addressable memories: every stored word is compared with the query at once.

A ternary cell is two devices, of which a search drives one. A match line of n cells with k
mismatches carries the current

.. math:: I = V\,\big(k\,G_{on} + (n - k)\,G_{off}\big)

so that one product of the drive voltages with the conductances gives the Hamming distances of a
query to all words. An analog cell holds an interval in two conductances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, one_of, real_number, whole_number
from neuromem.core.randomness import Rng, stream
from neuromem.core.threads import spread
from neuromem.hardware.arrays.reader import one_blas_thread
from neuromem.hardware.devices.profile import Profile
from neuromem.hardware.search._base import QUERIES, Matches, SearchArray, normals, ternary
from neuromem.kernels import cam as kernels

SENSING = ("replica", "fixed")


@dataclass(frozen=True)
class Margin:
    """How well one mismatch stands out from none, on the cells as they are now.

    Attributes
    ----------
    g_on, g_off : float
        Mean conductance of the good cells in each state, S.
    sigma_on, sigma_off : float
        Spread over these cells and their reads, S.
    columns : int
        Cells of a word.
    max_columns : float
        Most columns with n G_off < G_on, infinite if G_off is 0: the limit of a fixed reference.
    error : float
        Probability that a sense amplifier with a replica line takes one mismatch for none or the
        reverse, both as often; the currents are taken as normal.
    """

    g_on: float
    g_off: float
    sigma_on: float
    sigma_off: float
    columns: int
    max_columns: float
    error: float

    @property
    def resolvable(self) -> bool:
        """Whether one mismatch draws more than a whole line of matches."""
        return self.columns <= self.max_columns


class TernaryCAM(SearchArray):
    r"""Words of 0, 1 and X, all compared with a query in one read of the match lines.

    .. math:: I_p = V \sum_j G_{pj}^{(x_j)}, \qquad G^{(x)} = G_{on} \text{ on a mismatch, else }
              G_{off}

    Parameters
    ----------
    words : array_like of int, shape (P, N)
        Stored words: 0, 1, or -1 for X, which matches everything (both devices at G_off).
    profile : str, Path or Profile
        The device.
    voltage : float, optional
        V on a driven search line, V; by default the profile's read voltage.
    on, off : float, optional
        G_on and G_off, S; by default the ends of the profile's range.
    sensing : {"replica", "fixed"}
        Where the sense amplifiers put the reference for at most t mismatches. "replica": halfway
        between t and t + 1 mismatches on a reference line of the same cells, so that background
        and mean drift cancel. "fixed": (t + 1) V G_on whatever the length of the word, which
        tells one mismatch from none only while N G_off < G_on.
    stuck_low, stuck_high : float, optional
        Share of cells stuck at either end; by default the profile's.
    rng : int, SeedSequence, Generator or None
        Seed of what is random in the cells.
    dtype : {float32, float64}
        Of conductances and currents.

    Raises
    ------
    ShapeError, CodeError, ParameterError
        If an argument does not fit.

    Notes
    -----
    Cells whose profile has no error are kept as bits and searched by counting bits; else the
    currents come from one matrix product, which for single precision and queries without X has
    the two devices of a cell in one term, ``sum G0 + x (G1 - G0)``: half of the work.

    References
    ----------
    Pagiamtzis & Sheikholeslami, IEEE JSSC 41, 712 (2006), doi:10.1109/JSSC.2005.864128 (circuits).
    Li et al., Nature Communications 11, 1638 (2020), doi:10.1038/s41467-020-15254-4.

    Examples
    --------
    >>> cam = TernaryCAM([[0, 1, 1, 0], [0, 1, -1, -1], [1, 0, 0, 1]])
    >>> found = cam.search([[0, 1, 0, 0]])
    >>> found.matched, found.first
    (array([[False,  True, False]]), array([1]))
    >>> cam.distances([[0, 1, 0, 0]])
    array([[1., 0., 3.]], dtype=float32)
    """

    def __init__(
        self,
        words: npt.ArrayLike,
        profile: str | Path | Profile = "ideal",
        *,
        voltage: float | None = None,
        on: float | None = None,
        off: float | None = None,
        sensing: Literal["replica", "fixed"] = "replica",
        stuck_low: float | None = None,
        stuck_high: float | None = None,
        rng: Rng = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self._begin(profile, stuck_low, stuck_high, dtype, rng)
        stored = ternary(words, "TernaryCAM: words")
        self.n_words, self.n_columns = stored.shape
        self.sensing = one_of("TernaryCAM", "sensing", sensing, SENSING)
        p = self.profile
        voltage = p.read_voltage if voltage is None else voltage
        self.voltage = real_number("TernaryCAM", "voltage", voltage, 1e-6)
        self.g_on = real_number("TernaryCAM", "on", p.g_max if on is None else on, p.g_min, p.g_max)
        self.g_off = real_number(
            "TernaryCAM", "off", p.g_min if off is None else off, p.g_min, p.g_max
        )
        if self.g_on <= self.g_off:
            raise ParameterError(
                f"TernaryCAM: on is {self.g_on:g} S and off {self.g_off:g} S; a mismatch must "
                "conduct more than a match. Give on above off."
            )
        if self.ideal:
            self._on = _lines_of(_driven(stored))
        else:
            conducts = np.concatenate([stored.T == 0, stored.T == 1])
            self._program(np.where(conducts, self.g_on, self.g_off))
        self._read_cells()

    def _read_cells(self) -> None:
        """Work out conductances, read noise, and what a replica line would carry."""
        self._folded: dict[str, Array] = {}
        self._variance: Array | None = None
        self._present = (self.g_on, 0.0), (self.g_off, 0.0)
        if self.devices is None:
            return
        self._cells = self.devices.conductance(self.seconds)
        sigma = self.devices.read_sigma(self.seconds)
        self._variance = None if sigma is None else sigma**2
        high = self.devices.target > 0.5 * (self.g_on + self.g_off)
        self._present = self._state(high, self.g_on), self._state(~high, self.g_off)

    def _state(self, cells: Array, nominal: float) -> tuple[float, float]:
        """Return mean and spread of the good ones of cells over devices and reads, S."""
        good = self._good(cells)
        if not good.any():
            return nominal, 0.0
        now = self._cells[good]
        reads = 0.0 if self._variance is None else self._variance[good].mean(dtype=np.float64)
        return float(now.mean(dtype=np.float64)), math.sqrt(now.var(dtype=np.float64) + reads)

    # ------------------------------------------------------------------------ searching

    def search(self, queries: npt.ArrayLike, *, tolerance: int = 0, rng: Rng = None) -> Matches:
        """Compare queries with all words.

        Parameters
        ----------
        queries : array_like of int, shape (Q, N) or (N,)
            0, 1, or -1 for a masked column, in which neither line is driven.
        tolerance : int
            Mismatches up to which a line counts as a match.
        rng : int, SeedSequence, Generator or None
            Seed of the read noise; a Generator gives other noise in each search.

        Returns
        -------
        Matches
            Currents in A, and which lines match.

        Raises
        ------
        ShapeError, CodeError, ParameterError
            If an argument does not fit.
        """
        checked = self._checked(queries, "search")
        allowed = whole_number("TernaryCAM.search", "tolerance", tolerance)
        return Matches(self._currents(checked, rng), self._reference(checked, allowed))

    def distances(self, queries: npt.ArrayLike, *, rng: Rng = None) -> Array:
        """Return the mismatches that the currents stand for, shape (Q, P): whole if ideal.

        The background and the step of one mismatch are those of a replica line.

        Raises
        ------
        ShapeError, CodeError
            If `queries` do not fit.
        """
        checked = self._checked(queries, "distances")
        if self.devices is None:
            return self._count(checked, 0.0, 1.0)
        (on, _), (off, _) = self._present
        currents = self._currents(checked, rng)
        currents /= currents.dtype.type(self.voltage * (on - off))
        background = _active(checked) * (off / (on - off))
        currents -= background[:, None].astype(currents.dtype)
        return currents

    def expected(
        self, queries: npt.ArrayLike, *, tolerance: int = 0
    ) -> tuple[Matches, Array | None]:
        """Return what a search gives on average, and the s.d. of the currents from read to read.

        The s.d. is in A, shape (Q, P), or None where reads are all alike.
        """
        checked = self._checked(queries, "expected")
        allowed = whole_number("TernaryCAM.expected", "tolerance", tolerance)
        found = Matches(self._mean(checked), self._reference(checked, allowed))
        return found, self._spread(checked)

    def energy(self, queries: npt.ArrayLike) -> Array:
        """Return what the cells dissipate in each search, J, shape (Q,): V I t over all lines.

        Search lines, sense amplifiers and priority encoder come on top.
        """
        currents = self._mean(self._checked(queries, "energy"))
        total = currents.sum(axis=1, dtype=np.float64)
        return np.asarray(total * self.voltage * self.profile.read_duration)

    def margin(self) -> Margin:
        """Return how well one mismatch stands out from none now."""
        (on, sigma_on), (off, sigma_off) = self._present
        n = self.n_columns
        matched = math.sqrt(n) * sigma_off
        missed = math.hypot(math.sqrt(n - 1) * sigma_off, sigma_on)
        most = math.ceil(on / off) - 1 if off > 0 else math.inf
        error = 0.5 * (_tail(on - off, matched) + _tail(on - off, missed))
        return Margin(on, off, sigma_on, sigma_off, n, most, error)

    @property
    def nbytes(self) -> int:
        """Bytes that the simulation holds for the cells."""
        if self.devices is None:
            return int(self._on.nbytes)
        held = (self._cells, self._variance, *self._folded.values())
        return self.devices.nbytes + sum(int(a.nbytes) for a in held if a is not None)

    def __repr__(self) -> str:
        return (
            f"<TernaryCAM of {self.n_words} words x {self.n_columns} columns, "
            f"{self.profile.name}, {self.seconds:g} s after programming>"
        )

    def _checked(self, queries: npt.ArrayLike, verb: str) -> Array:
        return ternary(queries, f"TernaryCAM.{verb}: queries", self.n_columns)

    def _reference(self, queries: Array, tolerance: int) -> Array:
        """Return the current below which a line matches, A, shape (Q, 1)."""
        if self.sensing == "fixed":
            return np.full((len(queries), 1), (tolerance + 1.0) * self.g_on * self.voltage)
        (on, _), (off, _) = self._present
        threshold = _active(queries)[:, None] * off + (tolerance + 0.5) * (on - off)
        return np.asarray(self.voltage * threshold)

    def _currents(self, queries: Array, rng: Rng) -> Array:
        """Return one noisy read of all lines for each query, A."""
        currents, sigma = self._mean(queries), self._spread(queries)
        if sigma is not None:
            sigma *= normals(stream(rng, "match lines"), sigma.shape, sigma.dtype)
            currents += sigma
        return currents

    def _mean(self, queries: Array) -> Array:
        """Return the currents without read noise, A."""
        v = self.voltage
        if self.devices is None:
            return self._count(queries, v * self.g_off, v * (self.g_on - self.g_off))
        return self._product(queries, "mean", self._cells, v)

    def _spread(self, queries: Array) -> Array | None:
        """Return the s.d. of the currents from read to read, A: exact for normal cell noise."""
        if self._variance is None:
            return None
        variance = self._product(queries, "variance", self._variance, self.voltage**2)
        np.maximum(variance, 0.0, out=variance)  # rounding of the folded form
        return np.asarray(np.sqrt(variance, out=variance))

    def _product(self, queries: Array, name: str, lines: Array, scale: float) -> Array:
        """Return ``scale * drive @ lines``, a block of queries at a time."""
        out = np.empty((len(queries), self.n_words), self.dtype)
        n = self.n_columns
        if self.dtype == np.float32 and queries.min() >= 0:
            if name not in self._folded:
                ones, zeros = np.split(lines, 2)
                self._folded[name] = np.concatenate([ones - zeros, zeros.sum(axis=0)[None]])
            lines = self._folded[name]

        def multiply(first: int, last: int) -> None:
            part = queries[first:last]
            drive = np.ones((len(part), len(lines)), self.dtype)
            if len(lines) == n + 1:
                drive[:, :n] = part
            else:
                drive[:, :n] = part == 1
                drive[:, n:] = part == 0
            drive *= self.dtype.type(scale)
            np.matmul(drive, lines, out=out[first:last])

        with one_blas_thread():
            spread(multiply, len(queries), len(queries) * lines.size, largest=QUERIES)
        return out

    def _count(self, queries: Array, background: float, gain: float) -> Array:
        """Return ``background * driven columns + gain * mismatches``, from bits."""
        out = np.empty((len(queries), self.n_words), self.dtype)
        base = (_active(queries) * background).astype(self.dtype)
        step, driven = self.dtype.type(gain), _driven(queries)

        def count(first: int, last: int) -> None:
            kernels.mismatches(driven, self._on, base, step, first, last, out)

        spread(count, self.n_words, 2 * driven.size * self.n_words)
        return out


def _active(queries: Array) -> Array:
    """Return how many columns each query drives, shape (Q,)."""
    if queries.min() >= 0:
        return np.full(len(queries), queries.shape[1])
    return np.asarray(np.count_nonzero(queries >= 0, axis=1))


def _driven(values: Array) -> Array:
    """Return which lines rows of 0, 1 and -1 drive, as bits (Q, 2, words)."""
    rows, n = values.shape
    if n % 8:
        padded = np.full((rows, n + -n % 8), -1, np.int8)
        padded[:, :n] = values
        values = padded
    driven = np.empty((rows, 2, (n + 63) // 64), np.uint64)
    kernels.pack_ternary(values.view(np.uint64), driven)
    return driven


def _lines_of(stored: Array) -> Array:
    """Return which cells conduct (2, words, P): those that miss a 1 hold 0, and the reverse."""
    return np.ascontiguousarray(stored[:, ::-1].transpose(1, 2, 0))


def _tail(step: float, sigma: float) -> float:
    """Return the probability that a normal of s.d. `sigma` exceeds half of `step`."""
    from scipy.special import ndtr

    return float(ndtr(-0.5 * step / sigma)) if sigma > 0 else 0.0
