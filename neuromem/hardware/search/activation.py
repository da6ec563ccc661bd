"""How often a hard location of a sparse distributed memory is active, by an exact or blurred read.

Kanerva, Sparse Distributed Memory, MIT Press (1988).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, ndtr

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, real_number, whole_number


def activation_probability(
    distance: npt.ArrayLike, radius: int, sigma: npt.ArrayLike = 0.0
) -> Array:
    r"""Return the probability that a location at a distance is active, with a blurred radius.

    .. math:: p(\text{active} \mid d) = \Phi\!\left(\frac{r + 1/2 - d}{\sigma_d}\right)

    Parameters
    ----------
    distance : array_like
        Hamming distance d, bits.
    radius : int
        r.
    sigma : array_like
        S.d. of a read distance, bits; 0 gives the exact radius, with 1/2 at r + 1/2 itself.

    Examples
    --------
    >>> activation_probability([451, 452], 451, sigma=0.5).round(3)
    array([0.841, 0.159])
    """
    room = radius + 0.5 - np.asarray(distance, dtype=np.float64)
    spread = np.asarray(sigma, dtype=np.float64)
    if np.any(spread < 0):
        raise ParameterError(f"activation_probability: sigma is {sigma!r}; give numbers >= 0.")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(ndtr(np.where(room == 0.0, 0.0, room / spread)))


def activation_fraction(n: int, radius: int, sigma: float = 0.0) -> float:
    """Return the expected share of active locations for random addresses.

    Parameters
    ----------
    n : int
        Bits N of an address; distances to a random one are binomial, B(N, 1/2).
    radius : int
        r.
    sigma : float
        S.d. of a read distance, bits.

    Examples
    --------
    >>> round(activation_fraction(1000, 451), 8)  # Kanerva's choice
    0.00107185
    """
    where = "activation_fraction"
    chances = _binomial(whole_number(where, "n", n, least=1))
    real_number(where, "sigma", sigma, 0.0)
    return float(chances @ activation_probability(np.arange(n + 1), radius, sigma))


def standard_radius(n: int, n_locations: int) -> int:
    """Return the radius whose share of active locations is nearest to 1 / sqrt(M).

    Parameters
    ----------
    n : int
        Bits N of an address.
    n_locations : int
        Locations M.

    Examples
    --------
    Kanerva's choice for M = 10^6 and N = 1000 is of this kind:

    >>> standard_radius(1000, 10**6)
    451
    """
    shares = np.cumsum(_binomial(n))
    return int(np.abs(shares - n_locations**-0.5).argmin())


def _binomial(n: int) -> Array:
    """Return the probabilities of 0 to n heads of n fair coins."""
    k = np.arange(n + 1)
    choices = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.asarray(np.exp(choices - n * np.log(2.0)))
