"""How fast does a Hopfield memory store and recall, against NumPy and packages from PyPI?

One thread; N = 10,000 units, P = 1,000 random patterns, 100 cues with 10 % of their units flipped.
The NumPy forms are the best plain ones: float32 matrix products over the cues still moving, with
a stop at fixed points and 2-cycles; synchronous once with the N x N matrix W and once in the
low-rank form X^T (X s), which reads P N numbers in the place of N^2. hopfieldnetwork and torchhd
run as their documentation shows. Ends with how far the kernels are from their bound.

Run with: python benchmarks/hopfield_recall.py [--json]
"""

from _timing import dump, one_thread, race, row, timed

one_thread()

import importlib.util  # noqa: E402
import statistics  # noqa: E402

import numpy as np  # noqa: E402

import neuromem as nm  # noqa: E402
from neuromem.core.bitplanes import digits_of  # noqa: E402

N, P, Q = 10_000, 1_000, 100


def numpy_sync(fields, cues):
    """Recall by parallel updates until every cue is at a fixed point or in a 2-cycle."""
    states, previous = cues.astype(np.float32), np.zeros(cues.shape, np.float32)
    active = np.arange(len(states))
    while active.size:
        now = states[active]
        h = fields(now)
        new = np.where(h == 0, now, np.sign(h))
        done = (new == now).all(axis=1) | (new == previous[active]).all(axis=1)
        previous[active], states[active] = now, new
        active = active[~done]
    return states


def numpy_async(weights, cues, orders):
    """Recall one unit after the other, keeping the fields up to date at each flip."""
    states = cues.astype(np.float32)
    for state in states:
        h = weights @ state
        for order in orders:
            flips = 0
            for i in order:
                if h[i] * state[i] < 0:
                    state[i] = -state[i]
                    h += (2 * state[i]) * weights[i]
                    flips += 1
            if flips == 0:
                break
    return states


def main():
    keys = nm.patterns.random(P, N, rng=0)
    cues = nm.patterns.flip(keys[:Q], 0.10, rng=1)
    x = keys.astype(np.float32)
    net = nm.models.Hopfield(N).store(keys)
    results = {}

    def build():
        weights = x.T @ x
        np.fill_diagonal(weights, 0)
        return weights

    weights = build()
    print(f"{'':<58} {'neuromem':>13} {'other':>14} {'ratio':>9}")

    def report(name, result, bar=None):
        results[name] = result
        row(name, result, bar)

    report(
        "store, against building the float32 W",
        race(lambda: nm.models.Hopfield(N).store(keys), build, runs=3),
        50,
    )
    sync = lambda: net.recall(cues, update="sync")  # noqa: E731
    low_rank = lambda s: (s @ x.T) @ x - P * s  # noqa: E731
    assert np.array_equal(numpy_sync(low_rank, cues), sync().patterns)
    report(
        "synchronous recall, NumPy with W",
        race(sync, lambda: numpy_sync(lambda s: s @ weights, cues)),
        12,
    )
    report(
        "synchronous recall, NumPy in the low-rank form",
        race(sync, lambda: numpy_sync(low_rank, cues)),
        12,
    )
    orders = [np.random.default_rng(sweep).permutation(N) for sweep in range(100)]
    few = cues[:10]
    one_by_one = race(lambda: net.recall(cues), lambda: numpy_async(weights, few, orders), runs=3)
    one_by_one = {k: v * (Q / len(few) if k != "ours_s" else 1) for k, v in one_by_one.items()}
    report("asynchronous recall, NumPy loop (10 cues, times 10)", one_by_one, 9)

    if importlib.util.find_spec("torchhd"):
        import torch
        import torchhd

        torch.set_num_threads(1)
        items, queries = torch.from_numpy(x), torch.from_numpy(cues.astype(np.float32))

        reads = int(sync().steps.max())  # torchhd has no loop and no stop of its own

        def torchhd_job():
            memory = torchhd.memory.Hopfield(N)
            memory.write(items)
            states = queries
            for _ in range(reads):
                states = memory.read(states).sign()
            return states

        both = lambda: nm.models.Hopfield(N).store(keys).recall(cues, update="sync")  # noqa: E731
        report("store and recall, torchhd.memory.Hopfield", race(both, torchhd_job, runs=3), 100)
    if importlib.util.find_spec("hopfieldnetwork"):
        from hopfieldnetwork import HopfieldNetwork

        other = HopfieldNetwork(N)
        other.w = weights.astype(np.float64) / N  # its own training takes minutes

        def package():
            for cue in cues[:3]:
                other.set_initial_neurons_state(cue.copy())
                other.update_neurons(iterations=1, mode="sync", run_max=True)

        ratio = race(sync, package, runs=2)
        ratio = {k: v * (Q / 3 if k != "ours_s" else 1) for k, v in ratio.items()}
        report("synchronous recall, hopfieldnetwork (3 cues, times 33)", ratio, 100)
    results["bound"] = bound(net, cues)
    dump(results)


def bound(net, cues):
    """Hold the time of one step's bit products against the same number of plain popcounts."""
    patterns = net.synapses["recurrent"].patterns
    overlaps = patterns.overlaps(cues)
    step = statistics.median(timed(lambda: patterns.fields(overlaps), 9))
    words = np.random.default_rng(0).integers(0, 2**63, 2**15, dtype=np.uint64)  # 256 KiB
    counts = np.empty(words.size, np.uint8)
    plain = statistics.median(timed(lambda: np.bitwise_count(words, out=counts), 99))
    rate = words.size / plain
    planes = digits_of(overlaps.astype(np.int64))[0].planes.shape[1]
    print(
        f"\nOne step's fields take {step * 1e3:.2f} ms for {Q} cues: {N * P * Q / step / 1e12:.2f} "
        f"T multiply-adds/s; NumPy's bitwise_count alone runs at {rate / 1e9:.1f} G words/s.\n"
        "Bound: population counts in first- and second-level cache, "
        f"{planes} bit planes of the overlaps and a list of what lies outside them; see "
        "benchmarks/packed_products.py."
    )
    return {"fields_s": step, "numpy_popcount_words_per_s": rate}


if __name__ == "__main__":
    main()
