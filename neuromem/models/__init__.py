"""Memories that users name, one file a family, and the catalogue that lists them."""

from neuromem.models.catalog import Card, catalog, find, load
from neuromem.models.dense import DenseMemory
from neuromem.models.hopfield import Hopfield
from neuromem.models.modern import ModernHopfield
from neuromem.models.rules import LearningWarning

__all__ = [
    "Card",
    "DenseMemory",
    "Hopfield",
    "LearningWarning",
    "ModernHopfield",
    "catalog",
    "find",
    "load",
]
