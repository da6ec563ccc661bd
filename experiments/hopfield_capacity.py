"""Does a Hopfield memory hold what theory says? Overlap and recall against load, for four sizes.

Random +-1 patterns, Hebb's rule; every cue is a stored pattern, relaxed one unit at a time. The
mean overlap is to follow the mean field below the critical load, and the critical load is to fall
to 0.138 as about 0.8 / sqrt(N) (Amit, Gutfreund & Sompolinsky, PRL 55, 1530, 1985).

Run with: neuromem run experiments/hopfield_capacity.py --workers 2
"""

import matplotlib.pyplot as plt
import numpy as np

import neuromem as nm
from neuromem.core.results import Variable

OVERLAP = Variable("overlap", "1", "final overlap m with the stored pattern")
RECALLED = Variable("recalled", "1", "fraction of cues with m > 0.9")
LOAD = Variable("load", "1", "load P / N")
SIZE = Variable("n", "1", "units N")


def trial(n, load, rng):
    """Store P = load * N patterns in a fresh network and relax up to 64 of them."""
    keys = nm.patterns.random(round(load * n), n, rng=rng)
    cues = keys[:64]
    m = nm.models.Hopfield(n).store(keys).recall(cues, rng=rng).overlap(cues)
    return {"overlap": m.mean(), "recalled": np.mean(m > 0.9)}


SWEEP = nm.sweep.Sweep(
    trial,
    grid={
        SIZE: [500, 1000, 2000, 4000],
        LOAD: [0.04, 0.06, 0.08, 0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18, 0.2],
    },
    trials=20,
    measures=(OVERLAP, RECALLED),
    source="Amit, Gutfreund & Sompolinsky, PRL 55, 1530 (1985)",
)
QUICK = SWEEP.replace(grid={SIZE: [250, 500], LOAD: [0.05, 0.1, 0.2]}, trials=3)


def half_load(result):
    """Return the load at which half of the cues are recalled, for each size, by interpolation."""
    recalled = result.recalled.mean("trial").values
    return [float(np.interp(-0.5, -row, result["load"].values)) for row in recalled]


def summary(result):
    """Return the critical loads, their limit for N to infinity, and the largest misfit of m."""
    loads = half_load(result)
    slope, limit = np.polyfit(result.n.values**-0.5, loads, 1)
    largest = result.overlap.mean("trial").isel(n=-1)
    below = largest.where(largest["load"] <= 0.11, drop=True)
    misfit = np.abs(below.values - nm.theory.retrieval_overlap(below["load"].values)).max()
    return {
        "critical_load": dict(zip(map(str, result.n.values), loads, strict=True)),
        "limit": limit,
        "slope": slope,
        "largest_misfit_of_m_up_to_0.11": misfit,
    }


@nm.plot.styled
def figure(result):
    """Draw overlap with its theory, and recall with the critical loads."""
    drawn, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
    nm.plot.curves(result, "overlap", x="load", by="n", ax=left)
    fine = np.linspace(0.001, float(result["load"].max()), 500)
    left.plot(fine, nm.theory.retrieval_overlap(fine), color="0.25", label="mean field, N → ∞")
    left.legend(title="units N")
    nm.plot.curves(result, "recalled", x="load", by="n", ax=right)
    right.axvline(nm.theory.critical_load(), color="0.25", lw=1, label=r"mean-field $\alpha_c$")
    right.legend(title="units N")
    return drawn
