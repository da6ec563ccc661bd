"""Mapping schemes: how a weight becomes the conductances of one or several cells.

A block of weights, (inputs m, outputs n), becomes a block of cells (m, columns): the cells of one
output lie side by side, slice after slice, the positive cell of a pair before the negative one.
Reading back is linear in the conductances, so that whatever the wires make of them is read back
by the same rule. All schemes use the whole range from g_min to g_max for +-w_max.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError


@dataclass(frozen=True)
class Scheme:
    r"""One way to hold weights in [-w_max, w_max] in cells of g_min to g_max.

    Attributes
    ----------
    name : str
        See `neuromem.hardware.Options`.
    g_min, g_max : float
        Conductance range, S.
    w_max : float
        Weight at the end of the range.
    slices : int
        Planes S of different significance, each converted by itself and then added.
    pair : int
        Cells of one slice of one weight: 2 where the sign is a second cell, else 1.
    reference : bool
        Whether each array has one more column, at mid-range, that is subtracted from the others.
    bits, cell_bits : int
        Of a weight and of a cell, in the sliced schemes.
    factors : tuple of float
        Significances of the "weighted" scheme.
    exact_digits : bool
        Digits are read as whole numbers, as in a digital array.

    Notes
    -----
    With ``k = (g_max - g_min) / w_max``, a pair holds ``G+ - G- = k w``; an offset cell
    ``G = g_min + (w + w_max) k / 2``. A sliced weight is the integer ``round(w / delta)``,
    ``delta = w_max / (2^(bits - 1) - 1)``, `cell_bits` bits in a cell (Shafiee et al., ISCA 2016).
    Weighted pairs are filled from the smallest significance up (Le Gallo et al., Nature
    Electronics 6, 680, 2023, hold a weight in several devices a polarity).
    """

    name: str
    g_min: float
    g_max: float
    w_max: float
    bits: int = 8
    cell_bits: int = 2
    factors: tuple[float, ...] = (1.0, 4.0)
    exact_digits: bool = False

    @property
    def sliced(self) -> bool:
        """Whether a weight is a whole number whose digits lie in different cells."""
        return self.name.startswith("sliced")

    @property
    def pair(self) -> int:
        """Cells of one slice of one weight."""
        return 2 if self.name in ("differential", "two-sided", "sliced", "weighted") else 1

    @property
    def reference(self) -> bool:
        """Whether each array has a reference column."""
        return self.name == "offset"

    @property
    def slices(self) -> int:
        """Planes of different significance."""
        if self.name == "weighted":
            return len(self.factors)
        if self.name == "sliced":
            return -(-(self.bits - 1) // self.cell_bits)
        if self.name == "sliced-offset":
            return -(-self.bits // self.cell_bits)
        if self.name == "sliced-complement":
            return 1 + -(-(self.bits - 1) // self.cell_bits)
        return 1

    @property
    def columns_per_weight(self) -> int:
        """Physical columns that one output takes."""
        return self.slices * self.pair

    @property
    def significance(self) -> Array:
        """Weight that the full range of one cell stands for, per slice, shape (S,)."""
        if self.name == "weighted":
            return np.asarray(np.array(self.factors) * (self.w_max / sum(self.factors)))
        if not self.sliced:
            return np.full(1, self.w_max * (1.0 if self.pair == 2 else 2.0))
        digits = 2.0 ** (self.cell_bits * np.arange(self.slices)) * (2**self.cell_bits - 1)
        if self.name == "sliced-complement":
            digits[-1] = -(2.0 ** (self.bits - 1))
        return np.asarray(digits * self.delta)

    @property
    def delta(self) -> float:
        """Weight of the last bit of a sliced weight."""
        return float(self.w_max / (2 ** (self.bits - 1) - 1))

    @property
    def digital_offset(self) -> float:
        """What is subtracted digitally from each output, per unit of the sum of the inputs."""
        span = self.g_max - self.g_min
        if self.name == "digital-offset":
            return 2.0 * self.w_max * (self.g_min + 0.5 * span) / span
        floor = 0.0 if self.exact_digits else self.g_min / span * float(np.sum(self.significance))
        if self.name == "sliced-offset":
            return self.delta * 2.0 ** (self.bits - 1) + floor
        return floor if self.name == "sliced-complement" else 0.0

    def columns(self, n: int) -> int:
        """Return how many physical columns n outputs take in one array."""
        return n * self.columns_per_weight + self.reference

    def outputs(self, columns: int) -> int:
        """Return how many outputs fit into one array of so many physical columns."""
        return (columns - self.reference) // self.columns_per_weight

    def encode(self, weights: Array) -> Array:
        """Return the target conductances (m, columns) of weights (m, n) within +-w_max."""
        m, n = weights.shape
        shares = self._shares(weights.astype(np.float64) / self.w_max)
        cells = shares.reshape(m, n * self.columns_per_weight)
        if self.reference:
            cells = np.concatenate([cells, np.full((m, 1), 0.5)], axis=1)
        # This form, unlike g_min + share (g_max - g_min), ends at g_min and g_max exactly.
        return np.asarray(self.g_min * (1.0 - cells) + self.g_max * cells)

    def decode(self, cells: Array) -> Array:
        """Return the weights of each slice (S, m, n) that conductances (m, columns) stand for.

        Without the digital offset, which is no weight of any cell.
        """
        spans = (self.significance / (self.g_max - self.g_min)).astype(cells.dtype)
        if self.reference:
            return np.asarray((cells[None, :, :-1] - cells[None, :, -1:]) * spans[0])
        by_slice = self._by_slice(cells)
        if self.exact_digits:
            return self._whole_digits(by_slice)
        values = by_slice[..., 0] - by_slice[..., 1] if self.pair == 2 else by_slice[..., 0]
        return np.asarray(np.moveaxis(values * spans, -1, 0))

    def decode_variance(self, variances: Array) -> tuple[Array, Array | None]:
        """Return the variance of each slice's weights (S, m, n), and the reference's (m,).

        The reference column's error is common to all outputs of its array.
        """
        spans = ((self.significance / (self.g_max - self.g_min)) ** 2).astype(variances.dtype)
        if self.reference:
            return variances[None, :, :-1] * spans[0], variances[:, -1] * spans[0]
        values = self._by_slice(variances).sum(axis=-1)
        return np.moveaxis(values * spans, -1, 0), None

    def _by_slice(self, cells: Array) -> Array:
        """View cells (m, columns) as (m, n, S, pair)."""
        return cells.reshape(len(cells), -1, self.slices, self.pair)

    def _whole_digits(self, by_slice: Array) -> Array:
        top = self._top_digits().astype(by_slice.dtype)
        share = (by_slice - self.g_min) / (self.g_max - self.g_min)
        digits = np.rint(share * top[:, None])
        values = digits[..., 0] - digits[..., 1] if self.pair == 2 else digits[..., 0]
        return np.asarray(np.moveaxis(values * (self.significance / top), -1, 0))

    def _top_digits(self) -> Array:
        """Largest digit of each slice, shape (S,)."""
        top = np.full(self.slices, 2.0**self.cell_bits - 1.0)
        if self.name == "sliced-complement":
            top[-1] = 1.0
        return top

    def _shares(self, u: Array) -> Array:
        """Return the share of the range that each cell takes, (m, n, S, pair), of u = w/w_max."""
        if self.name == "differential":
            shares = np.stack([np.maximum(u, 0.0), np.maximum(-u, 0.0)], axis=-1)[:, :, None]
        elif self.name == "two-sided":
            shares = np.stack([0.5 + 0.5 * u, 0.5 - 0.5 * u], axis=-1)[:, :, None]
        elif self.name in ("offset", "digital-offset"):
            shares = (0.5 + 0.5 * u)[:, :, None, None]
        elif self.name == "weighted":
            shares = self._filled(u)
        else:
            shares = self._digits(u)
        return np.asarray(shares)

    def _filled(self, u: Array) -> Array:
        rest = np.abs(u) * sum(self.factors)
        parts = np.empty((*u.shape, self.slices, 2))
        for place, factor in enumerate(self.factors):
            part = np.minimum(rest / factor, 1.0)
            rest = rest - part * factor
            parts[:, :, place, 0] = np.where(u > 0, part, 0.0)
            parts[:, :, place, 1] = np.where(u < 0, part, 0.0)
        return parts

    def _digits(self, u: Array) -> Array:
        q = np.rint(u * (2 ** (self.bits - 1) - 1)).astype(np.int64)
        if self.name == "sliced":
            magnitude = np.stack([np.maximum(q, 0), np.maximum(-q, 0)], axis=-1)
        elif self.name == "sliced-offset":
            magnitude = (q + 2 ** (self.bits - 1))[..., None]
        else:
            magnitude = (q & (2 ** (self.bits - 1) - 1))[..., None]
        shifts = self.cell_bits * np.arange(self.slices)[:, None]
        digits = (magnitude[:, :, None, :] >> shifts) & (2**self.cell_bits - 1)
        if self.name == "sliced-complement":
            digits[:, :, -1, 0] = q < 0
        return np.asarray(digits / self._top_digits()[:, None])


def check_devices(scheme: Scheme, profile_name: str, kind: str) -> None:
    """Raise where cells of two levels are asked to hold more.

    Raises
    ------
    ParameterError
        If devices of two levels come with several bits a cell, or digital ones with a scheme
        that is not sliced.
    """
    if kind == "analog":
        return
    if scheme.sliced and scheme.cell_bits > 1:
        raise ParameterError(
            f"Chip: cell_bits is {scheme.cell_bits}, but a cell of {profile_name!r} has two "
            "levels. Give cell_bits=1, or leave it out."
        )
    if kind == "digital" and not scheme.sliced:
        raise ParameterError(
            f"Chip: scheme is {scheme.name!r}, but {profile_name!r} is a digital array, which "
            "holds the bits of whole numbers. Choose a sliced scheme, or leave it out."
        )
