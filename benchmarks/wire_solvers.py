"""How fast is an array solved with its wires, against sparse elimination and badcrossbar?

One thread; cells of 10 to 100 uS, uniform, voltages of 0 to 0.2 V, 1 ohm a segment: a 256 x 256
array loses 68 % of its current, a 512 x 512 array 88 %. SciPy's time is that of `spsolve` alone,
without building the matrix; badcrossbar's is that of a whole call, as is neuromem's, asked for an
error of 1e-6. Ends with the bound: the bytes that a step moves, at the speed of a plain triad.

Run with: python benchmarks/wire_solvers.py [--json]
"""

from _timing import dump, one_thread, race, row, timed

one_thread()

import importlib.util  # noqa: E402
import logging  # noqa: E402
import statistics  # noqa: E402
import warnings  # noqa: E402

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from numba import njit  # noqa: E402
from scipy.sparse.linalg import spsolve  # noqa: E402

from neuromem.hardware.arrays.wires import Ladders, effective, solve  # noqa: E402
from neuromem.kernels import wires as kernels  # noqa: E402

OHM = 1.0
TOLERANCE = 1e-6
BYTES, FLOPS = 96, 24
"""Of a step, per cell: twelve float64 read or written, each array once a pass."""


def array(n):
    rng = np.random.default_rng(0)
    return rng.uniform(10, 100, (n, n)) * 1e-6, rng.uniform(0, 0.2, n)


def nodal(conductances):
    """Return the matrix of all 2 n^2 nodes and where the drivers are."""
    n = len(conductances)
    word, bit = np.arange(2 * n * n).reshape(2, n, n)
    pairs = [
        (word[:, :-1], word[:, 1:], np.full((n, n - 1), 1 / OHM)),
        (bit[:-1], bit[1:], np.full((n - 1, n), 1 / OHM)),
        (word, bit, conductances),
    ]
    start, end, g = (np.concatenate([np.ravel(pair[k]) for pair in pairs]) for k in range(3))
    diagonal = np.bincount(start, g, 2 * n * n) + np.bincount(end, g, 2 * n * n)
    diagonal[word[:, 0]] += 1 / OHM
    diagonal[bit[-1]] += 1 / OHM
    links = sp.coo_array(
        (np.concatenate([g, g]), (np.concatenate([start, end]), np.concatenate([end, start]))),
        shape=(2 * n * n,) * 2,
    )
    return (sp.diags_array(diagonal) - links).tocsc(), word[:, 0], bit[-1]


def direct(n):
    """Return a job that solves the array by SciPy, and its outputs."""
    conductances, voltages = array(n)
    matrix, drivers, outputs = nodal(conductances)
    right = np.zeros(matrix.shape[0])
    right[drivers] = voltages / OHM
    return (lambda: spsolve(matrix, right)), spsolve(matrix, right)[outputs] / OHM


def compared(n, bar, results, runs):
    conductances, voltages = array(n)
    job, exact = direct(n)
    ours = solve(conductances, voltages, OHM, tolerance=TOLERANCE)
    error = np.abs(ours / exact - 1).max()
    loss = 1 - exact.sum() / (voltages @ conductances).sum()
    name = f"{n} x {n}, one read, SciPy spsolve"
    results[name] = race(
        lambda: solve(conductances, voltages, OHM, tolerance=TOLERANCE), job, runs=runs
    )
    row(name, results[name], bar)
    verdict = f"asked {TOLERANCE:g}: {'met' if error <= TOLERANCE else 'MISSED'}"
    print(f"{'':<8}loss {loss:.1%}, worst output off by {error:.1e}   {verdict}")
    results[name] |= {"error": error, "loss": loss}


def badcrossbar(results):
    """Race badcrossbar, where it is installed; without cairo it cannot draw, but it can solve."""
    if importlib.util.find_spec("badcrossbar") is None:
        print("badcrossbar is missing: pip install --no-deps badcrossbar pathvalidate sigfig")
        return
    with warnings.catch_warnings(record=True):
        import badcrossbar as peer
    logging.disable(logging.INFO)
    conductances, voltages = array(256)
    resistances, column = 1 / conductances, voltages[:, None]
    options = {"node_voltages": False, "all_currents": False}
    name = "256 x 256, one read, badcrossbar"
    results[name] = race(
        lambda: solve(conductances, voltages, OHM, tolerance=TOLERANCE),
        lambda: peer.compute(column, resistances, r_i=OHM, **options),
    )
    row(name, results[name], 100)


def many_reads(results):
    """Time `effective`, and reads through it against the product of an ideal array."""
    conductances, _ = array(256)
    build = statistics.median(timed(lambda: effective(conductances, OHM), runs=3))
    verdict = "met" if build <= 1 else "MISSED"
    print(f"effective, 256 x 256, error 1e-9: {build:.2f} s   asked 1 s: {verdict}")
    seen, ideal = (x.astype(np.float32) for x in (effective(conductances, OHM), conductances))
    voltages = np.random.default_rng(1).uniform(0, 0.2, (256, 256)).astype(np.float32)
    name = "256 reads through effective, float32, plain product"
    results[name] = race(lambda: voltages @ seen, lambda: voltages @ ideal, runs=101)
    row(name, results[name], 0.5)
    results["effective_s"] = build


@njit
def triad(a, b, c):
    for i in range(a.size):
        a[i] = b[i] + 0.5 * c[i]


def step_seconds(n):
    """Return the time of one step: that of ten more steps, divided by ten."""
    conductances, voltages = array(n)
    network = Ladders(conductances, OHM)
    none = np.zeros((0, 0))
    lines = (network._tiles, network._words, network._bits, network.resistances)
    out = np.empty((1, n)), np.empty(1), np.empty(1, np.int64), none

    def read(steps):
        job = lambda: kernels.read(voltages[None], none, *lines, 0.0, steps, *out)  # noqa: E731
        return min(timed(job, runs=25, warmup=3))

    return (read(12) - read(2)) / 10


def bound(results):
    """Hold the bytes of a step against a triad over as much memory."""
    for n in (256, 512):
        step, cells = step_seconds(n), n * n
        a, b, c = np.ones((3, 2 * cells))  # as much memory as the six arrays of a step
        speed = 3 * a.nbytes / min(timed(lambda a=a, b=b, c=c: triad(a, b, c), 101, warmup=3))
        rate = BYTES * cells / step
        print(
            f"A step at {n} x {n}: {step * 1e6:.0f} us, {BYTES * cells / 1e6:.1f} MB at "
            f"{rate / 1e9:.0f} GB/s, {rate / speed:.0%} of a triad's {speed / 1e9:.0f} GB/s; "
            f"{FLOPS * cells / step / 1e9:.1f} GFLOP/s."
        )
        results[f"step_{n}"] = {"seconds": step, "bytes_per_s": rate, "triad_bytes_per_s": speed}


def main():
    results = {}
    print(f"{'':<58} {'neuromem':>13} {'other':>14} {'ratio':>9}")
    compared(256, 100, results, runs=5)
    badcrossbar(results)
    compared(512, 200, results, runs=3)
    many_reads(results)
    bound(results)
    dump(results)


if __name__ == "__main__":
    main()
