"""How fast does a modern Hopfield memory read, against NumPy's and PyTorch's attention?

One thread; d = 512, P = 100,000 patterns, 256 cues, float32, one update by softmax. The direct
forms hold all 256 x 100,000 scores (102 MB); neuromem streams over the patterns. Ends with the
bound: two matrix products, and the rates at which NumPy and this memory do them.

Run with: python benchmarks/softmax_retrieval.py [--json]
"""

from _timing import dump, one_thread, race, row, timed

one_thread()

import importlib.util  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
import tracemalloc  # noqa: E402

import numpy as np  # noqa: E402

import neuromem as nm  # noqa: E402

D, P, Q = 512, 100_000, 256
FLOPS = 4 * Q * P * D
BETA = 1.0 / D**0.5


def numpy_direct(x, cues, beta=BETA):
    """Read by softmax with the whole score matrix, in place wherever NumPy can."""
    scores = cues @ x.T
    scores *= np.float32(beta)
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores @ x


def memory_used(job):
    """Return the peak of NumPy's allocations in a call, and the growth of the process, in bytes."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    job()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    tracemalloc.start()
    job()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, grown


def main():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((P, D), dtype=np.float32)
    cues = x[:Q] + 0.5 * rng.standard_normal((Q, D), dtype=np.float32)
    memory = nm.models.ModernHopfield(D).store(x)
    memory.recall(cues[:17])  # compiles
    results = {}
    peak, grown = memory_used(lambda: memory.recall(cues))
    results["peak_bytes"], results["grown_bytes"] = peak, grown
    np.testing.assert_allclose(memory.recall(cues).patterns, numpy_direct(x, cues), atol=1e-4)
    print(f"{'':<58} {'neuromem':>13} {'other':>14} {'ratio':>9}")

    def report(name, theirs, ours=lambda: memory.recall(cues), bar=None):
        results[name] = race(ours, theirs)
        row(name, results[name], bar)

    report("256 cues, NumPy direct", lambda: numpy_direct(x, cues), bar=1)
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        tx, tq = torch.from_numpy(x), torch.from_numpy(cues)
        attend = torch.nn.functional.scaled_dot_product_attention
        report("256 cues, torch direct", lambda: torch.softmax(BETA * (tq @ tx.T), 1) @ tx, bar=1)
        report(
            "256 cues, torch scaled_dot_product_attention",
            lambda: attend(tq[None, None], tx[None, None], tx[None, None], scale=BETA),
            bar=1,
        )
    sharp = nm.models.ModernHopfield(D, beta=1.0).store(x)
    report(
        "256 cues, beta = 1, NumPy direct",
        lambda: numpy_direct(x, cues, 1.0),
        lambda: sharp.recall(cues),
    )
    for n in (1, 16):
        report(
            f"{n} cue{'s' * (n > 1)}, NumPy direct",
            lambda n=n: numpy_direct(x, cues[:n]),
            lambda n=n: memory.recall(cues[:n]),
        )
    for separation in ("sparsemax", "entmax"):
        sparse = nm.models.ModernHopfield(D, separation=separation).store(x)
        report(
            f"256 cues, {separation}, against softmax by NumPy direct",
            lambda: numpy_direct(x, cues),
            lambda sparse=sparse: sparse.recall(cues),
        )
    full = 4 * P * Q
    print(
        f"\nExtra memory: peak {peak / 1e6:.1f} MB of NumPy's allocations, process grown by "
        f"{grown / 1e6:.1f} MB; the score matrix has {full / 1e6:.0f} MB "
        f"({'below' if max(peak, grown) < 0.1 * full else 'NOT below'} a tenth)."
    )
    results["bound"] = bound(x, cues, statistics.median(timed(lambda: memory.recall(cues))))
    dump(results)


def bound(x, cues, ours):
    """Hold the rate of the whole read against that of NumPy's matrix products alone."""
    scores = np.empty((Q, P), np.float32)
    read = np.empty((Q, D), np.float32)
    first = statistics.median(timed(lambda: np.matmul(cues, x.T, out=scores)))
    second = statistics.median(timed(lambda: np.matmul(scores, x, out=read)))
    rates = {
        "neuromem": FLOPS / ours,
        "numpy_scores": FLOPS / 2 / first,
        "numpy_read": FLOPS / 2 / second,
    }
    print(
        f"Two products take {FLOPS / 1e9:.1f} GFLOP. NumPy's BLAS does them at "
        f"{rates['numpy_scores'] / 1e9:.0f} and {rates['numpy_read'] / 1e9:.0f} GFLOP/s without "
        f"the softmax between them; the whole read runs at {rates['neuromem'] / 1e9:.0f} GFLOP/s.\n"
        "Bound: fused multiply-adds, two vectors a cycle where the processor can."
    )
    return rates


if __name__ == "__main__":
    main()
