"""Randomness that depends on the seed and the place alone, never on threads or batches.

Every draw comes from a Philox stream whose key is ``(seed, purpose, step)``, within which the
draws of cue 7 are found by skipping those of the cues before it: they do not depend on threads, on
how a batch is cut up inside, or on which cues have settled. Philox is counter-based (Salmon et al.,
SC 2011, "Parallel random numbers: as easy as 1, 2, 3").
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np

from neuromem.core.errors import ParameterError

Rng: TypeAlias = int | np.random.SeedSequence | np.random.Generator | None
"""What every ``rng=`` argument takes; ``None`` stands for the seed 0."""


def seed_sequence(rng: Rng) -> np.random.SeedSequence:
    """Return the SeedSequence behind an ``rng`` argument.

    Parameters
    ----------
    rng : int, SeedSequence, Generator or None
        An int and a SeedSequence give the same streams each time they are used. A Generator is
        drawn from, so that a second call with it goes on where the first one ended. ``None``
        is the seed 0: a result is reproducible unless someone asks otherwise.

    Raises
    ------
    ParameterError
        If `rng` is none of these, or a negative int.

    Examples
    --------
    >>> seed_sequence(7).entropy
    7
    """
    if rng is None:
        return np.random.SeedSequence(0)
    if isinstance(rng, np.random.SeedSequence):
        return rng
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence([int(word) for word in rng.integers(0, 2**32, 4)])
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0:
        return np.random.SeedSequence(int(rng))
    raise ParameterError(
        f"rng is {rng!r}; give an int >= 0, a numpy SeedSequence or a numpy Generator."
    )


def stream(rng: Rng, *key: int | str) -> np.random.Generator:
    """Return the generator of one place: the same `rng` and `key` give the same bits.

    Parameters
    ----------
    rng : int, SeedSequence, Generator or None
        The seed, see `seed_sequence`.
    *key : int or str
        The place, such as ``("order", sweep)`` or ``("noise", sweep, cue)``.

    Examples
    --------
    >>> a, b = stream(1, "order", 0), stream(1, "order", 0)
    >>> bool(a.random() == b.random())
    True
    >>> bool(stream(1, "order", 1).random() == stream(1, "order", 2).random())
    False
    """
    root = seed_sequence(rng)
    words = tuple(_word(part) for part in key)
    child = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *words))
    return np.random.Generator(np.random.Philox(child))


def generator(rng: Rng) -> np.random.Generator:
    """Return a Generator for a single draw: a Generator passes through, a seed starts one."""
    if isinstance(rng, np.random.Generator):
        return rng
    return stream(rng)


def _word(part: int | str) -> int:
    """Map a name to 32 bits that are the same on every machine; an int stays as it is."""
    if isinstance(part, str):
        return int.from_bytes(hashlib.blake2s(part.encode(), digest_size=4).digest(), "little")
    return int(part)
