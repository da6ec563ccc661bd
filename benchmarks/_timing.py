"""Fair timing: one thread, warm-up first, contestants in turn, medians and the ratios of pairs."""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def one_thread() -> None:
    """Start this script anew with one thread a library, which they read when they load."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.environ.update(dict.fromkeys(THREADS, "1"))
        os.execv(sys.executable, [sys.executable, *sys.argv])


def timed(job: Callable[[], object], runs: int = 5, warmup: int = 1) -> list[float]:
    """Return the seconds of each run after the warm-up."""
    for _ in range(warmup):
        job()
    return [_seconds(job) for _ in range(runs)]


def race(
    ours: Callable[[], object], theirs: Callable[[], object], runs: int = 5, warmup: int = 1
) -> dict[str, float]:
    """Run both in turn and return their median seconds and the median of theirs / ours."""
    for _ in range(warmup):
        ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(runs)]
    return {
        "ours_s": statistics.median(a for a, _ in pairs),
        "theirs_s": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(b / a for a, b in pairs),
    }


def row(name: str, result: dict[str, float], bar: float | None = None) -> None:
    """Print one comparison as a line for people; the last word says whether a bar was met."""
    verdict = "met" if bar is not None and result["ratio"] >= bar else "MISSED"
    asked = "" if bar is None else f"   asked {bar:g}x: {verdict}"
    print(
        f"{name:<58} {result['ours_s'] * 1e3:10.2f} ms {result['theirs_s'] * 1e3:11.2f} ms "
        f"{result['ratio']:8.1f}x{asked}",
        flush=True,
    )


def dump(results: dict[str, object]) -> None:
    """Print all figures as JSON if ``--json`` was given."""
    if "--json" in sys.argv:
        print(json.dumps(results, indent=2))


def _seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start
