"""How long does a user wait for the first call, with no kernel compiled, and for the import?

Every job runs in a process of its own with an empty kernel cache, then once more with the cache
that the first left; what is shown is the time of the first call alone.

Run with: python benchmarks/first_calls.py [--json]
"""

import os
import statistics
import subprocess
import sys
import tempfile

from _timing import dump

SETUP = """
import time, numpy as np, neuromem as nm
keys = nm.patterns.random(8, 100, rng=0)
real = keys.astype(np.float32)
"""
JOBS = {
    "Hopfield: store": ("net = nm.models.Hopfield(100)", "net.store(keys)"),
    "Hopfield: asynchronous recall": (
        "net = nm.models.Hopfield(100).store(keys)",
        "net.recall(keys)",
    ),
    "Hopfield: synchronous recall": (
        "net = nm.models.Hopfield(100).store(keys)",
        "net.recall(keys, update='sync')",
    ),
    "Hopfield, dense: asynchronous recall": (
        "net = nm.models.Hopfield(100, form='dense').store(keys)",
        "net.recall(keys)",
    ),
    "Hopfield, pseudo-inverse, overlap form: recall": (
        "net = nm.models.Hopfield(100, rule='pseudo-inverse', form='overlap').store(keys)",
        "net.recall(keys)",
    ),
    "Hopfield, Storkey: store": (
        "net = nm.models.Hopfield(100, rule='storkey')",
        "net.store(keys)",
    ),
    "Hopfield, perceptron: store": (
        "net = nm.models.Hopfield(100, rule='perceptron')",
        "net.store(keys)",
    ),
    "DenseMemory: recall": ("net = nm.models.DenseMemory(100).store(keys)", "net.recall(keys)"),
    "DenseMemory, exponential: recall": (
        "net = nm.models.DenseMemory(100, energy_function='exponential').store(keys)",
        "net.recall(keys)",
    ),
    "ModernHopfield, softmax: recall": (
        "net = nm.models.ModernHopfield(100).store(real)",
        "net.recall(real)",
    ),
    "ModernHopfield, sparsemax: recall": (
        "net = nm.models.ModernHopfield(100, separation='sparsemax').store(real)",
        "net.recall(real)",
    ),
    "ModernHopfield, entmax: recall": (
        "net = nm.models.ModernHopfield(100, separation='entmax').store(real)",
        "net.recall(real)",
    ),
}


def first_call(before, job, cache):
    """Return the seconds of `job` in a fresh process that keeps its kernels in `cache`."""
    clock = "time.perf_counter()"
    code = f"{SETUP}{before}\nstart = {clock}\n{job}\nprint({clock} - start)"
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main():
    code = "import time; s = time.perf_counter(); import neuromem; print(time.perf_counter() - s)"
    imports = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(5)
    ]
    results = {"import neuromem": statistics.median(imports)}
    print(f"import neuromem: {results['import neuromem'] * 1e3:.1f} ms   asked under 500 ms")
    print(f"{'':<50} {'compiled':>10} {'cached':>10}   asked under 5 s")
    for name, (before, job) in JOBS.items():
        with tempfile.TemporaryDirectory() as cache:
            cold, warm = first_call(before, job, cache), first_call(before, job, cache)
        results[name] = {"compiled_s": cold, "cached_s": warm}
        print(f"{name:<50} {cold:>8.2f} s {warm:>8.3f} s", flush=True)
    dump(results)


if __name__ == "__main__":
    main()
