"""Recall signal-to-noise ratio: how far the field of a stored pattern stands out of crosstalk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core import theory
from neuromem.core.codes import Array
from neuromem.core.errors import CapabilityError, ParameterError, whole_number
from neuromem.core.memory import AssociativeMemory
from neuromem.core.results import Variable
from neuromem.measures._models import Chip, check_chip, placed, stored_patterns
from neuromem.measures._running import memory_attributes
from neuromem.measures._theory import is_hebbian

SIGNAL = Variable("signal", "1", "mean aligned field, in the units of W")
NOISE = Variable("noise", "1", "standard deviation of the aligned field, in the units of W")
SNR = Variable("snr", "1", "signal over noise of the field at a stored pattern")
THEORY_SNR = Variable("theory_snr", "1", "sqrt(1/alpha), infinite N")
PATTERN = Variable("pattern", "1", "number of the pattern")

SOURCE = "Hertz, Krogh & Palmer, Introduction to the Theory of Neural Computation (1991), ch. 2"


def snr(
    memory: AssociativeMemory,
    patterns: npt.ArrayLike,
    *,
    seed: int = 0,
    on: Chip | None = None,
) -> xr.Dataset:
    r"""Measure signal and noise of the fields at stored patterns.

    Protocol: with h = W xi at each stored pattern, the signal is the mean and the noise the
    standard deviation of :math:`\xi_i h_i` over units; for all patterns together and for each.
    For 0/1 patterns xi_i is +1 at active and -1 at silent units, and h is taken from the middle
    between the mean fields of the two, so that the ratio again says how well they are told apart.

    Parameters
    ----------
    memory : AssociativeMemory
        A memory with recurrent synapses that has stored the patterns.
    patterns : array_like, shape (P, N)
        The stored patterns, or some of them.
    seed : int
        Seed of the chip's devices; without `on` nothing is drawn.
    on : chip, optional
        Place the memory on this chip first.

    Returns
    -------
    xarray.Dataset
        ``signal``, ``noise``, ``snr`` over all patterns; ``pattern_signal``, ``pattern_noise``
        and ``pattern_snr`` along pattern; for Hebb's rule ``theory_snr`` = sqrt(1/alpha).

    Raises
    ------
    CapabilityError
        If the memory has no recurrent synapses, or takes real patterns.
    ShapeError, CodeError
        If the patterns do not fit the memory.

    References
    ----------
    Hertz, Krogh & Palmer, Introduction to the Theory of Neural Computation (1991), ch. 2.

    Examples
    --------
    >>> import neuromem as nm
    >>> xi = nm.patterns.random(50, 1000, rng=0)
    >>> found = snr(nm.models.Hopfield(1000).store(xi), xi)
    >>> round(float(found["snr"]), 1), round(float(found["theory_snr"]), 1)
    (4.4, 4.5)
    """
    where = "snr"
    stored = stored_patterns(where, memory, patterns)
    check_chip(where, on)
    if memory.code == "real" or "recurrent" not in memory.synapses:
        raise CapabilityError(
            f"{where}: {type(memory).__name__} has no recurrent synapses between two-valued "
            "units. Give a memory such as nm.models.Hopfield."
        )
    seed = whole_number(where, "seed", seed)
    operator = placed(memory, on, np.random.SeedSequence(seed)).synapses["recurrent"]
    aligned = _aligned(stored, np.asarray(operator @ stored.T.astype(np.float64)).T)
    variables = _ratio("", [], aligned.mean(), aligned.std())
    variables |= _ratio("pattern_", ["pattern"], aligned.mean(axis=1), aligned.std(axis=1))
    if is_hebbian(memory):
        expected = theory.recall_snr(memory.n_stored / memory.n)
        variables["theory_snr"] = THEORY_SNR.array([], expected)
    numbers = PATTERN.array(["pattern"], np.arange(len(stored)))
    parameters = {"on": on, "patterns": stored}
    attrs = memory_attributes(where, memory, parameters=parameters, seed=seed, source=SOURCE)
    return xr.Dataset(variables, {"pattern": numbers}, attrs)


def _aligned(patterns: Array, fields: Array) -> Array:
    """Return each unit's field, positive where it supports the pattern, shape (P, N)."""
    up = patterns > 0
    if np.array_equal(np.abs(patterns), np.ones_like(patterns)):
        return np.asarray(patterns * fields)
    if up.all() or not up.any():
        raise ParameterError("snr: the patterns are all 0 or all 1; give some of both.")
    middle = (fields[up].mean() + fields[~up].mean()) / 2.0
    return np.asarray(np.where(up, 1.0, -1.0) * (fields - middle))


def _ratio(
    prefix: str, dims: list[str], signal: npt.ArrayLike, noise: npt.ArrayLike
) -> dict[str, xr.Variable]:
    """Return signal, noise and their ratio; without noise the ratio is infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(np.asarray(noise) > 0, np.divide(signal, noise), np.inf)
    return {
        f"{prefix}signal": SIGNAL.array(dims, signal),
        f"{prefix}noise": NOISE.array(dims, noise),
        f"{prefix}snr": SNR.array(dims, ratio),
    }
