"""Figures of memories, of chips, and of what was measured on them, fit to print.

Every function draws on a matplotlib Axes (its own, if none is given) and returns it. Points are
measurements with their intervals, lines are theory; axes carry their units.
"""

from neuromem.plot._style import COLOURS, STYLE, styled
from neuromem.plot.memories import basin, capacity, curves, dynamics, images, phases, trend

__all__ = [
    "COLOURS",
    "STYLE",
    "basin",
    "capacity",
    "curves",
    "dynamics",
    "images",
    "phases",
    "styled",
    "trend",
]
