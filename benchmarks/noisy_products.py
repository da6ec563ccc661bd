"""What do converters and noise add to the time of a matrix product?

One thread; 256 vectors times a 1024 x 1024 array, float32. The plain product is ``x @ W``. With
converters: scale each vector, 8-bit DAC, product, 8-bit ADC, accumulation. Output noise is a fresh
normal per output; noise per cell takes the product of the squares too. Then where the time goes,
and what normals cost by NumPy's ziggurat in place of the kernel's own from Philox words.

Run with: python benchmarks/noisy_products.py [--json]
"""

from _timing import dump, one_thread, race, timed

one_thread()

import numpy as np  # noqa: E402

from neuromem.core.randomness import stream  # noqa: E402
from neuromem.hardware.arrays.converters import (  # noqa: E402
    Columns,
    encode,
    full_scale_for,
    input_scale,
    output_noise,
)
from neuromem.kernels import converters as kernels  # noqa: E402

Q, M, N = 256, 1024, 1024


def product(x, cells, columns, rng, noise_sd=None, variances=None):
    """Return what an array gives out between its converters, noise included."""
    scale = input_scale(x, "max")
    applied, _ = encode(x, 8, scale)
    if variances is not None:
        noise_sd = output_noise(applied, variances)
    total = np.zeros((len(x), cells.shape[1]), np.float32)
    columns.accumulate(total, applied @ cells, weight=scale, noise_sd=noise_sd, rng=rng)
    return total


def compare(x, cells, columns, rng):
    """Time the three kinds of products against the plain one; return and print the ratios."""
    variances = np.square(0.02 * cells)
    cases = {
        "8-bit DAC and ADC": (1.15, {}),
        "and noise at the outputs": (1.6, {"noise_sd": 0.1}),
        "and noise of every cell": (3.0, {"variances": variances}),
    }
    print(f"{'':<34} {'ours':>10} {'x @ W':>10} {'ratio':>7} {'asked':>7}")
    results = {}
    for name, (bar, noise) in cases.items():
        result = race(
            lambda noise=noise: product(x, cells, columns, rng, **noise),
            lambda: x @ cells,
            runs=101,
            warmup=5,
        )
        cost = 1 / result["ratio"]
        results[name] = {**result, "cost": cost, "asked": bar}
        print(
            f"{name:<34} {result['ours_s'] * 1e3:7.2f} ms {result['theirs_s'] * 1e3:7.2f} ms "
            f"{cost:6.2f}x {bar:6.2f}x {'met' if cost <= bar else 'MISSED'}",
            flush=True,
        )
    return results


def parts(x, cells, columns, rng):
    """Time the stages one by one, and other ways to draw the normals."""
    partial, total = x @ cells, np.zeros((Q, N), np.float32)
    variances = np.square(0.02 * cells)
    sd, normals = np.ones((Q, N), np.float32), np.empty((Q, N), np.float32)
    words = rng.integers(0, 2**64, Q * N // 2, dtype=np.uint64)
    fast = np.random.Generator(np.random.SFC64(0))
    jobs = {
        "input_scale": lambda: input_scale(x, "max"),
        "encode": lambda: encode(x, 8, 4.0, out=normals),
        "accumulate": lambda: columns.accumulate(total, partial),
        "accumulate, noise per output": lambda: columns.accumulate(
            total, partial, noise_sd=sd, rng=rng
        ),
        "output_noise": lambda: output_noise(x, variances),
        "words, Philox": lambda: rng.integers(0, 2**64, Q * N // 2, dtype=np.uint64),
        "words to normals": lambda: kernels.normals(words, normals.reshape(-1)),
        "standard_normal, Philox": lambda: rng.standard_normal(dtype=np.float32, out=normals),
        "standard_normal, SFC64": lambda: fast.standard_normal(dtype=np.float32, out=normals),
    }
    print("\nLeast of 30 runs:")
    seconds = {name: min(timed(job, runs=30, warmup=3)) for name, job in jobs.items()}
    for name, least in seconds.items():
        print(f"{name:<34} {least * 1e3:7.3f} ms")
    return seconds


def main():
    rng = stream(0, "benchmark")
    x = rng.standard_normal((Q, M), dtype=np.float32)
    cells = rng.uniform(-1, 1, (M, N)).astype(np.float32)
    applied, _ = encode(x, 8, input_scale(x, "max"))
    columns = Columns(8, full_scale_for(applied @ cells, 8, method="mse"))
    results = compare(x, cells, columns, rng)
    dump({"products": results, "seconds": parts(x, cells, columns, rng)})


if __name__ == "__main__":
    main()
