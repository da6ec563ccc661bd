"""Figures of memories, of chips, and of what was measured on them, fit to print.

Every function draws on a matplotlib Axes (its own, if none is given) and returns it. Points are
measurements with their intervals, lines are theory; axes carry their units.
"""

from neuromem.plot._style import COLOURS, STYLE, styled
from neuromem.plot.costs import energy, front
from neuromem.plot.hardware import ageing, conductances, ir_drop
from neuromem.plot.memories import basin, capacity, curves, dynamics, images, phases, trend

__all__ = [
    "COLOURS",
    "STYLE",
    "ageing",
    "basin",
    "capacity",
    "conductances",
    "curves",
    "dynamics",
    "energy",
    "front",
    "images",
    "ir_drop",
    "phases",
    "styled",
    "trend",
]
