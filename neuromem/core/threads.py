"""Threads for kernels, which release the GIL: parts of a batch side by side, same results."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numba

THREADS_FROM = 2**27
"""Word operations from which a call is worth several threads (a few ms on one core)."""


def spread(
    job: Callable[[int, int], None], count: int, work: int, largest: int | None = None
) -> None:
    """Call ``job(first, last)`` over parts of a range, in threads if the work is worth them.

    Parameters
    ----------
    job : callable
        Works on ``first`` to ``last``; parts must not touch the same memory.
    count : int
        Length of the range.
    work : int
        Word operations of the whole range; below `THREADS_FROM` no thread is started.
    largest : int, optional
        Longest part; by default the range is cut into as many parts as there are threads,
        ``numba.get_num_threads()``.
    """
    threads = min(numba.get_num_threads(), count) if work >= THREADS_FROM else 1
    parts = max(threads, 1 if largest is None else -(-count // largest))
    edges = [count * part // parts for part in range(parts + 1)]
    if threads <= 1:
        for first, last in pairwise(edges):
            job(first, last)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(job, *pair) for pair in pairwise(edges)]:
            done.result()
