"""Cutting a matrix into arrays: how many tiles, which part lies where, how much stays empty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError
from neuromem.hardware.arrays.schemes import Scheme


@dataclass(frozen=True)
class Tiling:
    """A matrix of `inputs` x `outputs` weights on arrays of `rows` x `columns` cells.

    Parameters
    ----------
    inputs, outputs : int
        Of the matrix: M and N.
    rows, columns : int
        Word lines and bit lines of an array.
    scheme : Scheme
        Says how many columns an output takes.
    split : {"fill", "equal"}
        "fill" fills arrays one after another, so that the last ones are small; "equal" cuts the
        matrix into as many parts of equal size, which lowers the worst IR drop and ADC range.

    Raises
    ------
    ParameterError
        If not even one output fits into an array.
    """

    inputs: int
    outputs: int
    rows: int
    columns: int
    scheme: Scheme
    split: str = "fill"

    def __post_init__(self) -> None:
        """Refuse arrays that are too narrow for a single output."""
        if self.scheme.outputs(self.columns) < 1:
            needed = self.scheme.columns(1)
            raise ParameterError(
                f"Chip: tile has {self.columns} columns, but one output takes {needed} of them in "
                f"the scheme {self.scheme.name!r}. Give tile=(rows, {needed}) or wider."
            )

    @property
    def row_edges(self) -> Array:
        """Where the inputs are cut, shape (row blocks + 1,)."""
        return self._edges(self.inputs, self.rows)

    @property
    def column_edges(self) -> Array:
        """Where the outputs are cut, shape (column blocks + 1,)."""
        return self._edges(self.outputs, self.scheme.outputs(self.columns))

    @property
    def shape(self) -> tuple[int, int]:
        """Tiles along the inputs and along the outputs."""
        return len(self.row_edges) - 1, len(self.column_edges) - 1

    @property
    def count(self) -> int:
        """Number of tiles."""
        return self.shape[0] * self.shape[1]

    @property
    def cells(self) -> int:
        """Cells that hold something, reference columns included."""
        widths = np.diff(self.column_edges)
        return self.inputs * int(sum(self.scheme.columns(int(n)) for n in widths))

    @property
    def utilisation(self) -> float:
        """Share of all cells of all tiles that hold weights."""
        weights = self.inputs * self.outputs * self.scheme.columns_per_weight
        return weights / (self.count * self.rows * self.columns)

    def places(self) -> list[tuple[int, int, slice, slice]]:
        """Return (row block, column block, inputs, outputs) of each tile, column block first."""
        rows, columns = self.row_edges, self.column_edges
        return [
            (r, c, slice(rows[r], rows[r + 1]), slice(columns[c], columns[c + 1]))
            for c in range(self.shape[1])
            for r in range(self.shape[0])
        ]

    def _edges(self, total: int, most: int) -> Array:
        blocks = -(-total // most)
        if self.split == "equal":
            return np.array([total * block // blocks for block in range(blocks + 1)])
        return np.asarray(np.minimum(np.arange(blocks + 1) * most, total))
