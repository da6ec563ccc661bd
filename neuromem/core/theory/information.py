"""Bits that a recall gives back, and bits per synapse."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from neuromem.core.numerics import Reals, plain, reals
from neuromem.core.theory.mean_field import retrieval_overlap


def _entropy(p: Reals) -> Reals:
    return (entr(p) + entr(1.0 - p)) / np.log(2.0)


def channel_information(
    activity: npt.ArrayLike, hit_rate: npt.ArrayLike, false_rate: npt.ArrayLike
) -> Reals:
    """Return the mutual information, bit per unit, of a binary pattern and what was recalled.

    Parameters
    ----------
    activity : float or array_like
        Probability a that a unit of the pattern is 1.
    hit_rate, false_rate : float or array_like
        Probabilities P1 and P0 that the recalled unit is 1 where the pattern is 1 and 0.

    Returns
    -------
    float or ndarray
        H2(a P1 + (1-a) P0) - a H2(P1) - (1-a) H2(P0), never below 0.

    Raises
    ------
    ParameterError
        If an argument is not a probability.

    References
    ----------
    Shannon, Bell Syst. Tech. J. 27, 379 (1948).

    Examples
    --------
    >>> channel_information(0.5, 1.0, 0.0), channel_information(0.5, 0.3, 0.3)
    (1.0, 0.0)
    """
    where = "channel_information"
    a = reals(where, "activity", activity, 0.0, 1.0)
    hit = reals(where, "hit_rate", hit_rate, 0.0, 1.0)
    false = reals(where, "false_rate", false_rate, 0.0, 1.0)
    given = a * _entropy(hit) + (1.0 - a) * _entropy(false)
    total = _entropy(np.clip(a * hit + (1.0 - a) * false, 0.0, 1.0))
    return plain(np.maximum(total - given, 0.0))


def information_per_synapse(load: npt.ArrayLike, temperature: npt.ArrayLike = 0.0) -> Reals:
    """Return alpha (1 - H2((1 - m)/2)), the bits that a Hebbian network holds per synapse.

    The mutual information of all P N stored bits and their recalls, over the N^2 directed
    couplings. A symmetric W has N(N-1)/2 distinct ones: per distinct coupling it is twice this.

    Parameters
    ----------
    load : float or array_like
        alpha = P/N, at least 0.
    temperature : float or array_like, default 0.0
        T, at least 0.

    Returns
    -------
    float or ndarray
        Bit per synapse, with m of `retrieval_overlap`; 0.0 where there is no retrieval state.

    References
    ----------
    Amit, Gutfreund, Sompolinsky, Ann. Phys. 173, 30 (1987).

    Examples
    --------
    >>> information_per_synapse([0.05, 0.137, 0.2]).round(4)
    array([0.05  , 0.1239, 0.    ])
    """
    alphas = reals("information_per_synapse", "load", load)
    heat = reals("information_per_synapse", "temperature", temperature)
    wrong = (1.0 - np.asarray(retrieval_overlap(alphas, heat))) / 2.0
    return plain(alphas * (1.0 - _entropy(np.clip(wrong, 0.0, 1.0))))
