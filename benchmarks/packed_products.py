"""Measure how near the bit kernels come to what the processor can do.

One thread; N = 10,000 units, P = 1,000 random patterns, 100 cues with 10 % of their units flipped.
The bound is measured: the same and, popcount and add on registers alone, with no memory in the
way. A word operation is one pattern word and one digit of one plane. NumPy's step is the low-rank
form X^T (X S) in float32, by the BLAS that it came with.

Run with: python benchmarks/packed_products.py
"""

from _timing import one_thread, timed

one_thread()

import numpy as np  # noqa: E402
from numba import njit  # noqa: E402

from neuromem.core.bitplanes import digits_of  # noqa: E402
from neuromem.core.packed import PackedPatterns, asynchronous_sweep  # noqa: E402
from neuromem.kernels import packed as kernels  # noqa: E402

N, P, Q = 10_000, 1_000, 100


@njit
def registers_only(rounds, words):
    """Do 64 word operations a round without a load; words (64,) uint64."""
    x = kernels._load(kernels._zeros64(), words, 0)
    lanes = kernels._zeros64()
    for i in range(rounds):
        digit = kernels._filled(lanes, np.uint64(i))
        lanes = kernels._add(lanes, kernels._popcounts(kernels._and(x, digit)))
    kernels._store(lanes, words, 0)


def best(job, runs=15):
    return min(timed(job, runs, warmup=2))


def line(name, seconds, words=0.0, bound=0.0):
    rate = f"{words / seconds / 1e9:8.1f} Gwords/s {words / seconds / bound:6.0%}" if words else ""
    print(f"{name:<52} {seconds * 1e3:9.3f} ms {rate}", flush=True)


def flipped(patterns, rng):
    cues = patterns.copy()
    cues[rng.random(cues.shape) < 0.1] *= -1
    return cues


def products(patterns, cues, bound):
    """Time the overlaps, the fields and the two kinds of steps."""
    overlaps = patterns.overlaps(cues)
    fields = patterns.fields(overlaps)
    moved = np.where(fields - P * cues.astype(np.int32) >= 0, 1, -1).astype(np.int8)
    change = patterns.overlaps(moved) - overlaps
    tiles = patterns._unit_matrix().tiles.size
    line("overlaps M", best(lambda: patterns.overlaps(cues)), Q * tiles, bound)
    for name, values in (("fields of M", overlaps), ("fields of the change of M", change)):
        planes = digits_of(values.astype(np.int64))[0].planes.shape[1]
        seconds = best(lambda v=values: patterns.fields(v))
        line(f"{name} ({planes} planes)", seconds, Q * tiles * planes, bound)
    line("step from scratch", best(lambda: patterns.fields(patterns.overlaps(cues))))
    line(
        "later step, on the change",
        best(lambda: patterns.fields(patterns.overlaps(moved) - overlaps)),
    )


def sweeps(patterns, cues, bound):
    """Time sweeps one after the other, from the noisy cues on."""
    order = np.random.default_rng(1).permutation(N)
    words = N * len(cues) * ((P + 63) // 64) * N.bit_length()
    states, counters = cues.copy(), patterns.counters(cues)
    start = states.copy(), counters.copy()
    seconds, flips = [], []
    for _ in range(5):
        states[:], counters[:] = start
        for sweep in range(3):
            taken = timed(
                lambda: flips.append(asynchronous_sweep(patterns, states, counters, order)),
                runs=1,
                warmup=0,
            )
            seconds.append((sweep, taken[0]))
    for sweep in range(3):
        fastest = min(taken for number, taken in seconds if number == sweep)
        name = f"sweep {sweep + 1} of {len(cues)} cues, {flips[sweep].mean():.1f} flips a cue"
        line(name, fastest, words, bound)


def main():
    rng = np.random.default_rng(0)
    x = rng.choice(np.array([-1, 1], np.int8), (P, N))
    cues = flipped(x[:Q], rng)
    patterns = PackedPatterns(N).append(x)

    rounds, words = 1_000_000, rng.integers(0, 2**64, 64, np.uint64)
    seconds = best(lambda: registers_only(rounds, words))
    bound = 64 * rounds / seconds
    line("bound: and, popcount, add on registers", seconds, 64 * rounds, bound)
    products(patterns, cues, bound)
    sweeps(patterns, cues, bound)
    sweeps(patterns, cues[:1], bound)

    columns, floats = cues.T.astype(np.float32), x.astype(np.float32)
    line("NumPy: float32 X^T (X S)", best(lambda: floats.T @ (floats @ columns), runs=5))
    line("pack int8 patterns", best(lambda: PackedPatterns(N).append(x)))
    line("unpack to int8", best(patterns.unpack))
    units = np.empty_like(patterns._unit_matrix().tiles)
    line("transpose bits", best(lambda: kernels.transpose_tiles(patterns._tiles, units)))


if __name__ == "__main__":
    main()
