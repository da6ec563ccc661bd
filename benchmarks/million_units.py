"""Can a million units recall on a laptop? N = 1,000,000, P = 1,000, in the overlap form.

A dense float32 W would take 4 TB. The patterns are handed in by chunks, as from a file, and peak
memory is what the process gains beyond its start and one chunk.

Run with: python benchmarks/million_units.py [--json]
"""

from _timing import dump, one_thread

one_thread()

import resource  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402

import neuromem as nm  # noqa: E402

N, P, CHUNK = 1_000_000, 1_000, 50


def resident_gb():
    """Return the peak resident memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def seconds(job):
    """Return what `job` gave and the seconds it took."""
    start = time.perf_counter()
    return job(), time.perf_counter() - start


def main():
    warm = nm.models.Hopfield(128).store(nm.patterns.random(3, 128, rng=0))
    for update in ("async", "sync"):
        warm.recall(nm.patterns.random(1, 128, rng=1), update=update)
    first = nm.patterns.random(CHUNK, N, rng=0)
    start = resident_gb()
    net = nm.models.Hopfield(N)
    spent = seconds(lambda: net.store(first))[1]
    for part in range(1, P // CHUNK):
        chunk = nm.patterns.random(CHUNK, N, rng=part)
        spent += seconds(lambda chunk=chunk: net.store(chunk))[1]
    cue = nm.patterns.flip(first[:1], 0.10, rng=1)
    results = {"n": N, "p": P, "store_s": spent, "nbytes": net.nbytes}
    print(f"store {P} patterns of {N} units in chunks of {CHUNK}: {spent:.2f} s")
    for update in ("async", "sync"):
        seen, took = seconds(lambda update=update: net.recall(cue, update=update))
        overlap = float(seen.overlap(first[:1])[0])
        results[f"{update}_s"] = took
        print(
            f"{update:>5} recall of one cue with 10 % flipped: {took:.2f} s, "
            f"{int(seen.steps[0])} steps, overlap {overlap:.4f}   asked under 10 s"
        )
        assert np.isclose(overlap, 1.0)
    gained = resident_gb() - start
    results["gained_gb"] = gained
    print(
        f"peak memory gained: {gained:.2f} GB (one chunk is {CHUNK * N / 1e9:.2f} GB)   asked 1 GB"
    )
    dump(results)


if __name__ == "__main__":
    main()
