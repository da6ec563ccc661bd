"""How fast is a population of phase-change cells written, and moved to another time?

One thread; a differential pair of 1024 x 1024 arrays, 2 million cells in float32, profile "pcm": a
programming error and a drift exponent for each cell, then drift to a day and the 1/f noise of that
time. IBM's aihwkit, the peer for this, is not installed here; its stand-in is the same arithmetic
(Nandakumar et al., ICECS 2019) in plain PyTorch, tensor operation by tensor operation, without
the peer's own checks and conversions, which would only add to its time. Ends with what the normal
draws alone take on either side.

Run with: python benchmarks/device_populations.py [--json]
"""

from _timing import dump, one_thread, race, row

one_thread()

import math  # noqa: E402
import sys  # noqa: E402

import numpy as np  # noqa: E402

from neuromem.core.randomness import stream  # noqa: E402
from neuromem.hardware.devices.population import Devices  # noqa: E402
from neuromem.kernels import devices as kernels  # noqa: E402

try:
    import torch
except ModuleNotFoundError:
    sys.exit("device_populations compares with PyTorch: pip install torch")

SHAPE = (2, 1024, 1024)
G_MAX = 25.0  # uS
T0, T_READ, DAY = 20.0, 250e-9, 86400.0


def torch_program(target):
    """Return programmed conductances and drift exponents of targets in uS."""
    g = torch.clamp(target / G_MAX, min=1e-7)
    sigma = (0.26348 + 1.9650 * g - 1.1731 * g**2).clamp(min=0)
    programmed = (target + sigma * torch.randn_like(g)).clamp(min=0)
    log_g = torch.log(g)
    mean = (-0.0155 * log_g + 0.0244).clamp(0.049, 0.1)
    spread = (-0.0125 * log_g - 0.0059).clamp(0.008, 0.045)
    return programmed, torch.abs(mean + spread * torch.randn_like(g))


def torch_move(target, programmed, nu, seconds):
    """Return conductances at a time, with the noise accumulated since programming."""
    g = torch.clamp(target / G_MAX, min=1e-7)
    drifted = programmed * ((seconds + T0) / T0) ** (-nu)
    relative = (0.0088 / g**0.65).clamp(max=0.2)
    grown = math.sqrt(math.log((seconds + T0 + T_READ) / (2 * T_READ)))
    return (drifted + drifted * relative * grown * torch.randn_like(g)).clamp(min=0)


def main():
    torch.set_num_threads(1)
    target = np.random.default_rng(0).random(SHAPE, dtype=np.float32) * np.float32(G_MAX)
    siemens, tensor = target * np.float32(1e-6), torch.from_numpy(target)
    cells = Devices.program("pcm", siemens, rng=0)
    theirs = torch_program(tensor)
    now = cells.conductance(DAY).mean() * 1e6, float(torch_move(tensor, *theirs, DAY).mean())
    np.testing.assert_allclose(*now, rtol=2e-3)  # both simulate the same cells
    results = {}
    print(f"{'2 x 1024 x 1024 cells':<58} {'neuromem':>13} {'torch':>14} {'ratio':>9}")

    def report(name, ours, others, bar=None):
        results[name] = race(ours, others, runs=9)
        row(name, results[name], bar)

    report(
        "write: programming error, drift exponents",
        lambda: Devices.program("pcm", siemens, rng=0),
        lambda: torch_program(tensor),
        bar=1 / 0.8,
    )
    report(
        "move to a day: drift, 1/f noise",
        lambda: cells.conductance(DAY),
        lambda: torch_move(tensor, *theirs, DAY),
        bar=1 / 0.4,
    )
    report(
        "move to a day without noise",
        lambda: cells.conductance(DAY, noise=False),
        lambda: theirs[0] * ((DAY + T0) / T0) ** (-theirs[1]),
    )
    z = np.empty(target.size, np.float32)
    draw = stream(0, "benchmark")

    def ours():
        whole = draw.integers(0, 2**64 - 1, z.size // 2, np.uint64, endpoint=True)
        kernels.normals(whole.view(np.uint32), z)

    report("one normal a cell alone", ours, lambda: torch.randn(SHAPE))
    written, moved, _, alone = results.values()
    for side in ("ours_s", "theirs_s"):
        name = "neuromem" if side == "ours_s" else "torch"
        print(
            f"Normal draws take {2 * alone[side] / written[side]:.0%} of the write and "
            f"{alone[side] / moved[side]:.0%} of the move in {name}."
        )
    dump(results)


if __name__ == "__main__":
    main()
