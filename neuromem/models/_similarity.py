"""Reading by similarity: cues in panels, patterns in blocks, and the work over threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neuromem.core.codes import Array
from neuromem.core.threads import spread
from neuromem.kernels import entmax as sparse
from neuromem.kernels import softmax as dense

GROUP = 256
"""Cues that stream over the patterns together: more would only take more memory."""

CANDIDATES = 1024
"""Patterns kept per cue while entmax looks for its support."""

FLAT = 1e-8
"""Exponents up to which a soft maximum is the mean: its own digits are lost in the entropy's."""


@dataclass(frozen=True)
class Similarity:
    """Patterns, and how similarity to them becomes weights.

    Attributes
    ----------
    keys : ndarray, shape (P, d)
        Stored patterns, float32 or float64.
    beta, alpha : float
        Weights are the alpha-entmax of beta times the scores ``keys @ cue``.
    chunk : int, optional
        Patterns that are taken at a time.
    """

    keys: Array
    beta: float
    alpha: float
    chunk: int | None = None

    def read(self, cues: Array, content: Array) -> Array:
        """Return what the patterns hold (P, m), averaged by each cue's weights, shape (Q, m)."""
        out = np.empty((len(cues), content.shape[1]), content.dtype)

        def group(first: int, last: int) -> None:
            if self.alpha == 1.0:
                out[first:last] = self._read_softmax(cues[first:last], content)
            else:
                out[first:last] = self._read_entmax(cues[first:last], content)[0]

        spread(group, len(cues), len(cues) * (self.keys.size + content.size), largest=GROUP)
        return out

    def soft_scores(self, cues: Array) -> Array:
        """Return a soft maximum of each cue's scores, shape (Q,) float64, between mean and largest.

        It is the conjugate of the negative Tsallis entropy, less the entropy of equal weights, over
        beta: for softmax the logarithm of the mean exponential, over beta.
        """
        out = np.empty(len(cues))
        nothing = np.empty((len(self.keys), 0), self.keys.dtype)

        def group(first: int, last: int) -> None:
            if self.alpha == 1.0:
                out[first:last] = self._log_sum_exp(cues[first:last], nothing)
            else:
                out[first:last] = self._read_entmax(cues[first:last], nothing)[1]

        spread(group, len(cues), len(cues) * self.keys.size, largest=GROUP)
        out -= self.entropy / self.beta
        largest = max(float(self.keys.max()), -float(self.keys.min())) * self.keys.shape[1]
        flat = self.beta * largest * np.abs(cues).max(axis=1).astype(np.float64) < FLAT
        if flat.any():
            mean = self.keys.mean(axis=0, dtype=np.float64)
            out[flat] = np.einsum("qi,i->q", cues[flat], mean)
        return out

    @property
    def entropy(self) -> float:
        """Tsallis entropy of equal weights; ln P for softmax."""
        highest = sparse.highest_level(len(self.keys), self.alpha)
        return float(sparse.shift_of(highest, self.alpha)) / self.alpha

    @property
    def block(self) -> int:
        """Patterns of a block; by default they take 384 KB in float32, to stay in the cache."""
        fitting = 3 * 2**15 // self.keys.shape[1] // 8 * 8
        return min(self.chunk or min(max(fitting, 32), 512), len(self.keys))

    def _read_softmax(self, cues: Array, content: Array) -> Array:
        _, total, out = self._stream(cues, content)
        out /= total[:, None].astype(cues.dtype)
        return out

    def _log_sum_exp(self, cues: Array, nothing: Array) -> Array:
        """Return the free scores of softmax, in float64 whatever the scores: a second pass."""
        top, total, _ = self._stream(cues, nothing)
        top, level, sums = top.astype(np.float64), np.log(total), np.zeros((3, len(cues)))
        for _, scores in self._scored(_panels(cues)):
            sparse.weigh_all(scores, top, self.beta, 1.0, level, sums)
        return np.asarray(top + (level + np.log(sums[0])) / self.beta)

    def _stream(self, cues: Array, content: Array) -> tuple[Array, Array, Array]:
        """Return top scores, sums of weights and of what they read, per cue."""
        n = len(cues)
        panels = _panels(cues)
        n_rows = len(panels) * panels.shape[2]
        top, total = np.full(n_rows, -np.inf, cues.dtype), np.zeros(n_rows)
        out = np.zeros((n_rows, content.shape[1]), cues.dtype)
        # Two scores of float32 that differ do so by 1e-7 of what they are: that much is enough.
        steep = min(self.beta, 1e38) if cues.dtype == np.float32 else self.beta
        cutoff = np.log(len(self.keys)) - np.log(np.finfo(cues.dtype).epsneg)
        room = np.empty((self.block, panels.shape[2]), cues.dtype)
        dense.softmax_stream(self.keys, content, panels, n, steep, cutoff, room, top, total, out)
        return top[:n], total[:n], out[:n]

    def _read_entmax(self, cues: Array, content: Array) -> tuple[Array, Array]:
        """Return what is read and the free scores: from candidates where those suffice."""
        n = len(cues)
        panels = _panels(cues)
        places = min(CANDIDATES, len(self.keys))
        found = sparse.Candidates(
            top=np.full(n, -np.inf),
            floor=np.full(n, -np.inf),
            count=np.zeros(n, np.int64),
            index=np.empty((n, places), np.int64),
            scores=np.empty((n, places), cues.dtype),
        )
        for first, scores in self._scored(panels):
            sparse.keep_candidates(scores, first, n, self.beta, self.alpha, found)
        out, free = np.zeros((n, content.shape[1]), cues.dtype), np.empty(n)
        sparse.read_candidates(found, content, self.beta, self.alpha, free, out)
        crowded = np.flatnonzero(found.count < 0)
        if crowded.size:
            out[crowded], free[crowded] = self._read_crowd(
                cues[crowded], content, found.top[crowded]
            )
        return out, free

    def _read_crowd(self, cues: Array, content: Array, top: Array) -> tuple[Array, Array]:
        """Do the same where most patterns weigh something: a pass for each trial of the level."""
        n, alpha = len(cues), self.alpha
        panels = _panels(cues)
        level = np.full(n, sparse.lowest_level(alpha))
        brackets = np.column_stack([level, np.full(n, sparse.highest_level(len(self.keys), alpha))])
        for trial in range(100):
            sums = np.zeros((3, n))
            for _, scores in self._scored(panels):
                sparse.weigh_all(scores, top, self.beta, alpha, level, sums)
            if not sparse.refine_all(sums, alpha, brackets, level, trial):
                break
        sums = np.zeros((3, n))
        out = np.zeros((len(panels) * panels.shape[2], content.shape[1]), cues.dtype)
        for first, scores in self._scored(panels):
            sparse.weigh_all(scores, top, self.beta, alpha, level, sums)
            dense.read_block(scores, content[first : first + scores.shape[1]], n, out)
        total, mean = sums[0], sums[2] / sums[0]
        soft = sparse.shift_of(level, alpha) / alpha + (1.0 - 1.0 / alpha) * mean
        return out[:n] / total[:, None].astype(cues.dtype), top + soft / self.beta

    def _scored(self, panels: Array) -> Iterator[tuple[int, Array]]:
        """Yield the first pattern of each block and its scores (G, n, W), in the same room."""
        n_panels, _, width = panels.shape
        room = np.empty(n_panels * self.block * width, panels.dtype)
        for first in range(0, len(self.keys), self.block):
            keys = self.keys[first : first + self.block]
            scores = room[: n_panels * len(keys) * width].reshape(n_panels, len(keys), width)
            dense.score_block(keys, panels, scores)
            yield first, scores


def _panels(cues: Array) -> Array:
    """Lay cues (Q, d) side by side, shape (G, d, W), with zeros after the last."""
    width = dense.panel_width(cues.itemsize, len(cues))
    padded = np.zeros((-(-len(cues) // width) * width, cues.shape[1]), cues.dtype)
    padded[: len(cues)] = cues
    return np.ascontiguousarray(padded.reshape(-1, width, cues.shape[1]).transpose(0, 2, 1))
