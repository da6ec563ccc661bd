"""How many queries a second do the search arrays take, and how near is that to the processor?

One thread; 4096 queries at a time, best of 15 batches. A ternary array of 128 words x 128 columns
on bits (ideal cells), with device variation (PCM), and with fresh read noise on top (HfO2); beside
it the plain NumPy forms. Bounds are measured: float32 products by the rate of a large square one,
2 n P operations a query; bits by the same logic, popcount and add on registers alone, one for each
64 columns of a line.

Run with: python benchmarks/search_arrays.py [--json]
"""

from _timing import dump, one_thread, timed

one_thread()

import numpy as np  # noqa: E402
from numba import njit  # noqa: E402

from neuromem.core.patterns import digits  # noqa: E402
from neuromem.hardware.search.analog_cam import AnalogCAM  # noqa: E402
from neuromem.hardware.search.cam import TernaryCAM  # noqa: E402
from neuromem.hardware.search.hdc import HDClassifier  # noqa: E402
from neuromem.hardware.search.sdm import SparseDistributedArray  # noqa: E402
from neuromem.kernels import packed as kernels  # noqa: E402

N, P, Q = 128, 128, 4096
ASKED = 1e6


@njit
def registers_only(rounds, words):
    """Do 64 words of logic, popcount and add a round without a load; words (64,) uint64."""
    if_one, lanes = kernels._load(kernels._zeros64(), words, 0), kernels._zeros64()
    for i in range(rounds):
        one, zero = kernels._filled(lanes, np.uint64(i)), kernels._filled(lanes, np.uint64(5 * i))
        missed = kernels._xor(kernels._and(if_one, one), kernels._and(if_one, zero))
        lanes = kernels._add(lanes, kernels._popcounts(missed))
    kernels._store(lanes, words, 0)


def best(job, runs=15):
    return min(timed(job, runs, warmup=2))


def line(name, seconds, queries=Q, bound=0.0, asked=0.0):
    rate = queries / seconds
    share = f"{rate / bound:6.0%} of the bound" if bound else ""
    verdict = f"   asked {asked:.0e}: {'met' if rate >= asked else 'MISSED'}" if asked else ""
    print(f"{name:<58} {rate / 1e6:9.3f} M/s {share}{verdict}", flush=True)
    return {"queries_per_s": rate, "bound_per_s": bound}


def sgemm_rate():
    """Return the operations a second of a float32 product of 1024 x 1024."""
    a = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    return 2 * 1024**3 / best(lambda: a @ a, runs=50)


def popcount_rate():
    """Return words of 64 columns a second on registers."""
    rounds, words = 1_000_000, np.random.default_rng(0).integers(0, 2**64, 64, np.uint64)
    return 64 * rounds / best(lambda: registers_only(rounds, words))


def ternary(words, queries, results):
    """Race the ternary array against NumPy."""
    product, popcounts = sgemm_rate(), popcount_rate()
    print(f"float32 products: {product / 1e9:.0f} GFLOP/s; popcounts: {popcounts / 1e9:.1f} G/s")
    bounds = {
        "ideal": popcounts / (N // 64 * P),
        "pcm": product / (2 * N * P),
        "rram-hfo2": product / (4 * N * P),
    }
    for device, bound in bounds.items():
        array = TernaryCAM(words, device, rng=0)
        assert (array.search(words, rng=1).first == np.arange(P)).mean() > 0.9
        for verb, job in {
            "currents": lambda a=array: a.search(queries, rng=1).readings,
            "best line": lambda a=array: a.search(queries, rng=1).best,
        }.items():
            asked = ASKED if device != "rram-hfo2" else 0.0
            name = f"TCAM {P} x {N}, {device}: {verb}"
            results[name] = line(name, best(job), bound=bound, asked=asked)
    cells = np.ascontiguousarray(TernaryCAM(words, "pcm", rng=0).devices.conductance())
    voltage = np.float32(0.2)

    def by_product():
        drive = np.concatenate([queries == 1, queries == 0], axis=1).astype(np.float32)
        return (drive * voltage) @ cells

    def by_comparison():
        return np.count_nonzero(queries[:, None] != words, axis=2)

    results["NumPy, product"] = line("NumPy: float32 product, 2 n lines", best(by_product))
    seconds = best(by_comparison, runs=3)
    results["NumPy, comparison"] = line("NumPy: comparison of all bits", seconds)


def others(queries, results):
    """Time the analog array, the classifier and the memory of hard locations."""
    rng = np.random.default_rng(1)
    inputs = rng.random((Q, N)).astype(np.float32)
    ends = np.sort(rng.random((2, P, N)), axis=0)
    array = AnalogCAM(*ends, "pcm")
    name = f"analog CAM {P} x {N}, pcm"
    results[name] = line(name, best(lambda: array.search(inputs)))
    low, high = (side.astype(np.float32) for side in array.bounds())

    def in_numpy():
        return ((inputs[:, None] < low) | (inputs[:, None] > high)).sum(axis=2)

    results["NumPy, intervals"] = line("NumPy: all intervals at once", best(in_numpy, runs=3))

    images, labels = digits(labels=True, images=True)
    grey = images.reshape(len(images), 64).astype(int) // 4
    samples = list(np.stack([np.broadcast_to(np.arange(64), grey.shape), 64 + grey], axis=2))
    model = HDClassifier(69, n=2, profile="pcm").fit(samples, labels)
    seconds = best(lambda: model.predict(samples), runs=3)
    name = "HDC, 64 pixels bound and bundled, D = 10 000, pcm"
    results[name] = line(name, seconds, len(samples))

    keys = np.where(rng.random((100, 1000)) < 0.5, 1, -1).astype(np.int8)
    memory = SparseDistributedArray(1000, n_locations=100_000, radius=447).store(keys)
    seconds = best(lambda: memory.recall(keys, steps=1), runs=3)
    name = "SDM, N = 1000, M = 100 000, one read"
    results[name] = line(name, seconds, len(keys), popcount_rate() / (16 * 100_000))


def main():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2, (P, N), dtype=np.int8)
    queries = rng.integers(0, 2, (Q, N), dtype=np.int8)
    results = {}
    ternary(words, queries, results)
    others(queries, results)
    dump(results)


if __name__ == "__main__":
    main()
