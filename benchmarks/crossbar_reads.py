"""What does reading through a simulated array cost, and how long does mapping take?

One thread. Reads: 256 vectors times a 1024 x 1024 matrix on one array, a whole ``crossbar @ x``
against the plain float32 product; 8-bit converters, noise at the outputs, noise of every cell
(SONOS), 256 x 256 tiles; then a 256 x 256 array with exact wires, whose build is timed apart.
Mapping: a Hopfield memory of 10,000 units onto 256 x 256 tiles of PCM, its seconds and its memory.

Run with: python benchmarks/crossbar_reads.py [--json]
"""

from _timing import dump, one_thread, race, timed

one_thread()

import resource  # noqa: E402
import statistics  # noqa: E402

import numpy as np  # noqa: E402

import neuromem as nm  # noqa: E402

CONVERTERS = {"adc_bits": 8, "dac_bits": 8}
CASES = {
    "8-bit DAC and ADC": ("pcm", 1.15, {"tile": (1024, 2048), **CONVERTERS}),
    "and noise at the outputs": (
        "pcm",
        1.6,
        {"tile": (1024, 2048), "output_noise": 0.1, **CONVERTERS},
    ),
    "and noise of every cell": ("sonos", 3.0, {"tile": (1024, 2048), **CONVERTERS}),
    "8-bit, on 4 x 8 tiles of 256 x 256": ("pcm", None, {"tile": (256, 256), **CONVERTERS}),
}


def show(name, result, bar):
    """Print how many plain products a read costs."""
    cost = 1 / result["ratio"]
    verdict = "" if bar is None else f"{bar:6.2f}x {'met' if cost <= bar else 'MISSED'}"
    ours, theirs = result["ours_s"] * 1e3, result["theirs_s"] * 1e3
    print(f"{name:<38} {ours:7.2f} ms {theirs:7.2f} ms {cost:6.2f}x {verdict}", flush=True)
    return {**result, "cost": cost, "asked": bar}


def reads(draw):
    """Race reads of 256 vectors against the plain product."""
    weights = draw.standard_normal((1024, 1024), dtype=np.float32)
    x = np.asfortranarray(draw.choice([-1.0, 1.0], size=(1024, 256)).astype(np.float32))
    print(f"{'':<38} {'ours':>10} {'W @ x':>10} {'ratio':>7} {'asked':>7}")
    results = {}
    for name, (device, bar, options) in CASES.items():
        crossbar = nm.hardware.Crossbar.program(weights, device, rng=0, **options)
        result = race(lambda c=crossbar: c @ x, lambda: weights @ x, runs=61, warmup=5)
        results[name] = show(name, result, bar)
    return results


def wired(draw):
    """Time the build of one array with exact wires, then 256 reads of it."""
    weights = draw.uniform(-1, 1, (128, 256)).astype(np.float32)
    x = np.asfortranarray(draw.choice([-1.0, 1.0], size=(256, 256)).astype(np.float32))
    options = {"wire_resistance": 1.0, "g_max": 100e-6}
    build = statistics.median(
        timed(lambda: nm.hardware.Crossbar.program(weights, "ideal", rng=0, **options), runs=5)
    )
    crossbar = nm.hardware.Crossbar.program(weights, "ideal", rng=0, **options)
    result = race(lambda: crossbar @ x, lambda: weights @ x, runs=201, warmup=20)
    shown = show("256 reads, 256 x 256, exact wires", result, 2.0)
    print(f"{'their build':<38} {build * 1e3:7.1f} ms, asked 1000 ms or less")
    return {**shown, "build_s": build}


def mapping():
    """Time mapping 10,000 units onto 256 x 256 tiles."""
    net = nm.models.Hopfield(10_000).store(nm.patterns.random(1_000, 10_000, rng=0))
    chip = nm.hardware.Chip("pcm", adc_bits=8)
    seconds = timed(lambda: chip.map(net, rng=0, progress=False), runs=1, warmup=0)[0]
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{'10,000 units onto 3,160 tiles':<38} {seconds:7.1f} s, asked 60; {gigabytes:.1f} GB")
    return {"seconds": seconds, "peak_gb": gigabytes}


def main():
    draw = np.random.default_rng(0)
    dump({"reads": reads(draw), "wired": wired(draw), "mapping": mapping()})


if __name__ == "__main__":
    main()
