"""Patterns to store: made up, corrupted, and taken from real images.

What users call ``nm.patterns``. All arrays are batch-first: patterns (P, N), images (P, H, W).
"""

from neuromem.core.patterns.convert import to_binary, to_bipolar, to_real
from neuromem.core.patterns.corrupt import erase, flip, jitter, noise, occlude
from neuromem.core.patterns.datasets import data_folder, digits, mnist, omniglot
from neuromem.core.patterns.generate import correlated, factors, low_activity, random, tree
from neuromem.core.patterns.images import (
    binarise,
    decorrelate,
    least_correlated,
    mean_correlation,
    shape_of,
)

__all__ = [
    "binarise",
    "correlated",
    "data_folder",
    "decorrelate",
    "digits",
    "erase",
    "factors",
    "flip",
    "jitter",
    "least_correlated",
    "low_activity",
    "mean_correlation",
    "mnist",
    "noise",
    "occlude",
    "omniglot",
    "random",
    "shape_of",
    "to_binary",
    "to_bipolar",
    "to_real",
    "tree",
]
