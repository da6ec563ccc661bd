"""Patterns drawn at random: independent, sparse, with a common parent, in a tree, of few factors.

Every function draws pattern after pattern, so that the first patterns of a long list are the
short list of the same seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuromem.core.codes import CODES, DTYPES, Array, Code
from neuromem.core.errors import ParameterError, one_of, real_number, whole_number
from neuromem.core.randomness import Rng, generator, seed_sequence, stream

_BLOCK = 2**18  # random bits or numbers made at a time: they stay in the second-level cache


def random(p: int, n: int, *, rng: Rng = None, code: Code = "bipolar") -> Array:
    r"""Draw independent patterns without any structure, the standard of capacity theory.

    Two different bipolar patterns overlap by :math:`0 \pm 1/\sqrt{N}`.

    Parameters
    ----------
    p, n : int
        The number of patterns and of units, both at least 1.
    rng : int, SeedSequence, Generator or None
        The seed; None is the seed 0.
    code : {"bipolar", "binary", "real"}
        -1 and +1 with equal odds, 0 and 1 with equal odds, or standard normal numbers.

    Returns
    -------
    ndarray of int8, uint8 or float32, shape (p, n)

    Raises
    ------
    ParameterError
        If `p` or `n` is below 1, or `code` or `rng` is none of those above.

    Examples
    --------
    >>> patterns = random(3, 1000, rng=1)
    >>> patterns.shape, patterns.dtype
    ((3, 1000), dtype('int8'))
    """
    p, n = _size("random", p, n)
    one_of("random", "code", code, CODES)
    draw = generator(rng)
    out = np.empty((p, n), DTYPES[code])
    # Whole 64-bit words per pattern, so that a pattern does not depend on how many follow it.
    n_words = -(-n // 64)
    step = max(1, _BLOCK // n)
    for start in range(0, p, step):
        block = out[start : start + step]
        if code == "real":
            draw.standard_normal(dtype=np.float32, out=block)
            continue
        words = draw.integers(0, 2**64, (len(block), n_words), dtype=np.uint64)
        block[:] = np.unpackbits(words.astype("<u8", copy=False).view(np.uint8), axis=1, count=n)
        if code == "bipolar":
            block *= 2
            block -= 1
    return out


def low_activity(p: int, n: int, activity: float, *, rng: Rng = None, exact: bool = True) -> Array:
    r"""Draw independent sparse patterns of 0 and 1, in which few units are active.

    Two different patterns share :math:`a^2 N` active units on average.

    Parameters
    ----------
    p, n : int
        The number of patterns and of units, both at least 1.
    activity : float
        The fraction `a` of active units, in (0, 1].
    rng : int, SeedSequence, Generator or None
        The seed; None is the seed 0.
    exact : bool
        True: each pattern has exactly ``round(activity * n)`` active units. False: each unit is
        active on its own with probability `activity`, and a pattern may be empty.

    Returns
    -------
    ndarray of uint8, shape (p, n)

    Raises
    ------
    ParameterError
        If `p` or `n` is below 1, or `activity` is outside (0, 1] or, with `exact`, makes less
        than half a unit active.

    Examples
    --------
    >>> low_activity(3, 100, 0.05, rng=0).sum(axis=1)
    array([5, 5, 5], dtype=uint64)
    """
    p, n = _size("low_activity", p, n)
    activity = real_number("low_activity", "activity", activity, 0.0, 1.0)
    k = round(activity * n)
    if activity == 0.0 or (exact and k == 0):
        raise ParameterError(
            f"low_activity: activity is {activity!r}, {activity * n:g} of {n} units: no unit "
            f"would be active. Give at least {1 / n:g}, or more units."
        )
    draw = generator(rng)
    out = np.zeros((p, n), np.uint8)
    for pattern in out:
        # A binomial count at distinct places has the law of one draw per unit, and costs less.
        count = k if exact else draw.binomial(n, activity)
        pattern[draw.choice(n, count, replace=False, shuffle=False)] = 1
    return out


def correlated(p: int, n: int, *, overlap: float = 0.5, rng: Rng = None) -> Array:
    r"""Draw bipolar patterns around one common parent.

    Each unit copies the random parent with probability :math:`(1 + \sqrt{q}) / 2`, else it takes
    the opposite sign. So each pattern overlaps the parent by :math:`\sqrt{q}`, and two patterns
    overlap by :math:`q` = `overlap` on average.

    Parameters
    ----------
    p, n : int
        The number of patterns and of units, both at least 1.
    overlap : float
        The expected overlap :math:`q` of two different patterns, from 0 (independent) to 1
        (equal).
    rng : int, SeedSequence, Generator or None
        The seed; None is the seed 0.

    Returns
    -------
    ndarray of int8, shape (p, n)

    Raises
    ------
    ParameterError
        If `p` or `n` is below 1, or `overlap` is outside [0, 1].

    Examples
    --------
    >>> a, b = correlated(2, 100_000, overlap=0.3, rng=0).astype(float)
    >>> round(float(a @ b) / 100_000, 2)
    0.3
    """
    p, n = _size("correlated", p, n)
    q = real_number("correlated", "overlap", overlap, 0.0, 1.0)
    draw = generator(rng)
    parent = random(1, n, rng=draw)
    out = np.repeat(parent, p, axis=0)
    for pattern in out:
        _mutate(draw, pattern, q)
    return out


def tree(
    p: int,
    n: int,
    branching: int = 3,
    *,
    overlaps: Sequence[float] = (0.0, 0.5),
    rng: Rng = None,
) -> Array:
    r"""Draw the leaves of a family tree: bipolar patterns whose overlaps are ultrametric.

    The tree has one level of branches for each entry of `overlaps`. A child copies each unit of
    its parent with probability :math:`(1 + r) / 2`, so that overlaps multiply along the edges:
    with :math:`r_k^2 = q_k / q_{k+1}` and :math:`q_L = 1`, two leaves whose last common ancestor
    stands at depth `k` overlap by :math:`q_k` on average. Leaves come in the order of the
    tree: ``leaf // branching`` is the number of the family of siblings.

    Parameters
    ----------
    p, n : int
        The number of patterns (leaves) and of units, both at least 1.
    branching : int
        The number of children of each node below the root, at least 1; the root has as many
        as `p` leaves need.
    overlaps : sequence of float
        The expected overlaps :math:`q_0 \le \dots \le q_{L-1}` in [0, 1], from leaves that share
        only the root to siblings.
    rng : int, SeedSequence, Generator or None
        The seed; None is the seed 0.

    Returns
    -------
    ndarray of int8, shape (p, n)

    Raises
    ------
    ParameterError
        If a size is below 1, or `overlaps` are empty, outside [0, 1] or not in rising order.

    References
    ----------
    N. Parga and M. A. Virasoro, "The ultrametric organization of memories in a neural network",
    J. Physique 47, 1857 (1986).

    Examples
    --------
    >>> x = tree(6, 50_000, branching=3, overlaps=(0.1, 0.6), rng=0).astype(float)
    >>> (x @ x.T / 50_000).round(1)[0]  # itself, two siblings, three cousins
    array([1. , 0.6, 0.6, 0.1, 0.1, 0.1])
    """
    p, n = _size("tree", p, n)
    branching = whole_number("tree", "branching", branching, least=1)
    levels = [real_number("tree", "overlaps", q, 0.0, 1.0) for q in overlaps]
    if not levels or levels != sorted(levels):
        raise ParameterError(
            f"tree: overlaps are {tuple(overlaps)!r}; give at least one, in rising order: "
            "siblings are at least as alike as cousins."
        )
    root = seed_sequence(rng)
    nodes = random(1, n, rng=stream(root, "root"))
    for depth, (q, below) in enumerate(zip(levels, [*levels[1:], 1.0], strict=True)):
        leaves_each = branching ** (len(levels) - 1 - depth)
        n_nodes = -(-p // leaves_each)
        parents = np.arange(n_nodes) // (branching if depth else n_nodes)
        nodes = nodes[parents]
        # 0 / 0: all leaves are independent from here up, whatever the edge keeps.
        squared = q / below if below else 0.0
        for index, node in enumerate(nodes):
            _mutate(stream(root, "node", depth, index), node, squared)
    return nodes


def factors(p: int, n: int, n_factors: int, *, noise: float = 0.0, rng: Rng = None) -> Array:
    r"""Draw bipolar patterns that are mixtures of a few hidden factors.

    .. math:: \xi_i^\mu = \operatorname{sgn}\Big(\frac{1}{\sqrt{D}} \sum_{k=1}^{D}
              c_k^\mu f_{ki} + \sigma \eta_i^\mu\Big)

    with fair signs :math:`c`, standard normal loadings :math:`f` and noise :math:`\eta`. Two
    patterns whose factors overlap by :math:`\rho = c^\mu \cdot c^\nu / D` overlap by
    :math:`\frac{2}{\pi} \arcsin\big(\rho / (1 + \sigma^2)\big)` on average, so by about
    :math:`\frac{2}{\pi} D^{-1/2} / (1 + \sigma^2)` in size: however many units there are, the
    patterns keep overlaps as large as those of random patterns of about
    :math:`(\pi / 2)^2 D` units.

    Parameters
    ----------
    p, n : int
        The number of patterns and of units, both at least 1.
    n_factors : int
        The number `D` of factors, at least 1.
    noise : float
        The standard deviation :math:`\sigma` of the part that is each pattern's own, from 0,
        where the factors' part has 1.
    rng : int, SeedSequence, Generator or None
        The seed; None is the seed 0.

    Returns
    -------
    ndarray of int8, shape (p, n)

    Raises
    ------
    ParameterError
        If a size is below 1 or `noise` is outside [0, 1000].

    References
    ----------
    S. Goldt, M. Mezard, F. Krzakala and L. Zdeborova, "Modeling the influence of data structure
    on learning in neural networks: the hidden manifold model", Phys. Rev. X 10, 041044 (2020).
    M. Negri, C. Lauditi, G. Perugini, C. Lucibello and E. Malatesta, "Storage and learning phase
    transitions in the random-features Hopfield model", Phys. Rev. Lett. 131, 257301 (2023).

    Examples
    --------
    >>> x = factors(2, 1000, n_factors=1, rng=0).astype(int)
    >>> abs(int(x[0] @ x[1]))  # one factor: the patterns are equal or opposite
    1000
    """
    p, n = _size("factors", p, n)
    n_factors = whole_number("factors", "n_factors", n_factors, least=1)
    sigma = real_number("factors", "noise", noise, 0.0, 1000.0) * np.sqrt(n_factors)
    root = seed_sequence(rng)
    latent = random(p, n_factors, rng=stream(root, "latent")).astype(np.float64)
    loadings = _whole(stream(root, "loadings").standard_normal((n_factors, n)))
    eta = stream(root, "noise")
    out = np.empty((p, n), np.int8)
    step = max(1, _BLOCK // n)
    for start in range(0, p, step):
        field = latent[start : start + step] @ loadings
        if sigma > 0.0:
            field += _whole(sigma * eta.standard_normal(field.shape))
        out[start : start + step] = np.where(field >= 0.0, 1, -1)
    return out


def _whole(values: Array) -> Array:
    """Round to multiples of 2**-30, written as whole numbers in float64.

    Their sums are exact in any order, so that the signs are the same bits in every BLAS.
    """
    return np.rint(values * 2.0**30)


def _mutate(draw: np.random.Generator, pattern: Array, squared: float) -> None:
    """Flip units of `pattern` in place, so that it overlaps its old self by ``sqrt(squared)``."""
    count = draw.binomial(pattern.size, (1.0 - squared**0.5) / 2.0)
    pattern[draw.choice(pattern.size, count, replace=False, shuffle=False)] *= -1


def _size(where: str, p: int, n: int) -> tuple[int, int]:
    return whole_number(where, "p", p, least=1), whole_number(where, "n", n, least=1)
