r"""Can learning that knows which cells are stuck make up for them?

He et al. (Nature Communications 2026, doi:10.1038/s41467-026-69958-0, arXiv:2505.12960) store
MNIST digits in a Hopfield network on a memristor crossbar half of whose cells are stuck at the
low end, and report three times the capacity of the pseudo-inverse: 115 patterns against 35 at
400 units (their Fig. 3j). The criterion is theirs: the largest number of patterns that come back
with a mean overlap of 0.99 or more, from cues with 5 % of the units flipped, in at most 10
parallel steps.

The pseudo-inverse (its diagonal kept, which serves it better here) is written as if all cells
were healthy. For learning the array is scanned first: what it holds when every weight is written
as +w_max, and as -w_max, are the limits between which each weight can be set; a pair of dead
cells has both at zero. Within these limits, all rows at once, learn

* "as published": the mean square of x - tanh(W x) by RMSprop, at the rate 1e-3 (at the published
  3e-2 many units saturate on the wrong side and stay there);
* "convex": the mean of ln(1 + exp(-2 x W x)) by accelerated projected gradients (Beck and
  Teboulle, SIAM J. Imaging Sci. 2, 183, 2009), which ends near the largest margin there is.

Figures reached (400 units, half of the cells stuck, 10 chips, 95 % intervals): MNIST digits, 32
[30, 33] by the pseudo-inverse, 105 [103, 108] by the published learning, 126 [124, 128] by the
convex one: 3.3 [3.2, 3.5] and 3.9 [3.8, 4.1] times as many. The factor is no constant of nature:
random patterns give 2.3 and 2.7, and at 64 units it is 1.8 for digits and 2.1 for random ones.
Without stuck cells learning holds more than twice as many digits, as they report.

Run with: neuromem run experiments/learning_around_stuck_cells.py --workers 2
"""

import functools

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import zoom

import neuromem as nm
from neuromem.core.randomness import stream
from neuromem.core.results import Variable

CRITERION = 0.99
METHODS = ("pseudo-inverse", "as published", "convex")
OVERLAP = Variable("overlap", "1", "mean overlap with the stored pattern", ("learning",))
LOAD = Variable("load", "1", "load P / N")
SIZE = Variable("n", "1", "units N")
STUCK = Variable("stuck", "1", "fraction of cells stuck at the low end")


@functools.cache
def images(side):
    """Return digits of side x side pixels: of MNIST where it is at hand, else scikit-learn's."""
    if nm.patterns.data_folder() is None:
        grey, top = nm.patterns.digits(images=True), 16
    else:
        grey, top = nm.patterns.mnist("test", images=True)[:3000, 2:26, 2:26], 255
    scale = side / grey.shape[1]
    small = zoom(grey.astype(np.float32) / top, (1, scale, scale), order=3)
    return np.where(small.reshape(len(small), -1) > 0.5, 1, -1).astype(np.int8)


def keys_of(patterns, count, n, rng):
    """Return different patterns to store: random bits or digits."""
    if patterns == "random":
        return nm.patterns.random(count, n, rng=rng)
    some = images(round(np.sqrt(n)))
    return some[stream(rng, "images").choice(len(some), count, replace=False)]


def limits(n, chip):
    """Scan an array: return the least and the largest weight that each of its pairs can hold."""
    held = (nm.hardware.Crossbar.program(np.full((n, n), w), **chip).weights for w in (-1.0, 1.0))
    return tuple(held)


def learn_as_published(keys, low, high, steps=2000, rate=1e-3):
    """Return weights within limits by RMSprop on the mean square of x - tanh(W x)."""
    x = keys.astype(np.float32).T
    weights = np.zeros_like(low)
    squares = np.zeros_like(low)
    for _ in range(steps):
        seen = np.tanh(weights @ x)
        missing = x - seen
        if np.sum(missing**2) < 1e-8 * len(keys):
            break
        gradient = (missing * (1.0 - seen**2)) @ x.T * np.float32(-2.0 / len(keys))
        squares += np.float32(0.01) * (gradient**2 - squares)
        weights -= np.float32(rate) * gradient / (np.sqrt(squares) + np.float32(1e-8))
        np.clip(weights, low, high, out=weights)
    return weights


def learn_convex(keys, low, high, steps=500):
    """Return weights within limits by accelerated projected gradients on the logistic loss."""
    x = keys.astype(np.float32).T
    curvature = np.linalg.norm(x, 2) ** 2 / len(keys)
    weights = ahead = np.zeros_like(low)
    pace = 1.0
    for _ in range(steps):
        doubt = 1.0 / (1.0 + np.exp(np.minimum(2.0 * x * (ahead @ x), 80.0)))
        uphill = (x * doubt) @ x.T * np.float32(2.0 / (len(keys) * curvature))
        moved = np.clip(ahead + uphill, low, high)
        faster = (1.0 + np.sqrt(1.0 + 4.0 * pace**2)) / 2.0
        ahead = moved + np.float32((pace - 1.0) / faster) * (moved - weights)
        weights, pace = moved, faster
    return weights


def weights_of(method, keys, chip):
    """Return the weights (N, N) to be written so that `keys` are stored in a given array."""
    n = keys.shape[1]
    if method == "pseudo-inverse":
        net = nm.models.Hopfield(n, rule=method, form="dense", diagonal="kept").store(keys)
        return net.synapses["recurrent"]
    learn = {"as published": learn_as_published, "convex": learn_convex}[method]
    return learn(keys, *limits(n, chip))


def overlap_on_chip(method, keys, stuck, rng):
    """Store by one method in an array with stuck cells; return the mean overlap recalled."""
    chip = {"profile": "ideal", "stuck_low": stuck, "w_max": 1.0, "rng": rng}
    crossbar = nm.hardware.Crossbar.program(weights_of(method, keys, chip), **chip)
    net = nm.models.Hopfield(keys.shape[1]).store(keys).with_synapses({"recurrent": crossbar})
    seen = net.recall(nm.patterns.flip(keys, 0.05, rng=rng), update="sync", steps=10)
    return seen.overlap(keys).mean()


def trial(patterns, n, stuck, load, rng):
    """Store the same patterns in the same array by each method."""
    keys = keys_of(patterns, round(load * n), n, rng)
    return {"overlap": [overlap_on_chip(method, keys, stuck, rng) for method in METHODS]}


SWEEP = nm.sweep.Sweep(
    trial,
    grid={
        "patterns": ["digits", "random"],
        SIZE: [64, 400],
        STUCK: [0.0, 0.25, 0.5],
        LOAD: [0.03, 0.05, 0.065, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5],
    },
    coords={"learning": METHODS},
    trials=10,
    measures=OVERLAP,
    source="He et al., Nat. Commun. (2026), doi:10.1038/s41467-026-69958-0, Fig. 3j",
)
QUICK = SWEEP.replace(
    grid={
        "patterns": ["digits", "random"],
        SIZE: [64],
        STUCK: [0.0, 0.5],
        LOAD: [0.05, 0.1, 0.2, 0.35, 0.5],
    },
    trials=2,
)


def crossings(overlap):
    """Return the load at which the overlap, (..., load), first falls below the criterion.

    Straight lines between the loads; the first or the last load where it never, or always, does.
    """
    loads, curves = overlap["load"].values, overlap.transpose(..., "load").values
    below = curves < CRITERION
    after = np.where(below.any(-1), below.argmax(-1), len(loads) - 1)
    before = np.maximum(after - 1, 0)
    high, low = (np.take_along_axis(curves, i[..., None], -1)[..., 0] for i in (before, after))
    share = np.clip((high - CRITERION) / np.maximum(high - low, 1e-12), 0.0, 1.0)
    return loads[before] + share * (loads[after] - loads[before])


def resampled(overlap, count=500):
    """Return the mean overlap of bootstrap samples of the chips, along "sample"; [0] is all."""
    chips = overlap.sizes["trial"]
    chosen = stream(0, "bootstrap").integers(0, chips, (count, chips))
    chosen[0] = np.arange(chips)
    picked = overlap.isel(trial=(("sample", "draw"), chosen))
    return picked.mean("draw")


def with_interval(samples, most=np.inf):
    """Return the first sample and the 95 % interval of the others; `most` is a lower bound."""
    low, high = np.percentile(samples[1:], (2.5, 97.5))
    found = {"value": float(samples[0]), "low": float(low), "high": float(high)}
    return {**found, "at_least": True} if samples[0] >= most else found


def summary(result):
    """Return capacities in patterns, and those of learning over that of the pseudo-inverse.

    "at_least" marks capacities beyond the largest load.
    """
    capacity, ratio = {}, {}
    end = float(result["load"][-1])
    for patterns in result.patterns.values:
        for n in result.n.values:
            for stuck in result.stuck.values:
                cell = resampled(result.overlap.sel(patterns=patterns, n=n, stuck=stuck))
                found = {how: crossings(cell.sel(learning=how)) for how in METHODS}
                name = f"{patterns}, N = {n}, {100 * stuck:g} % stuck"
                capacity[name] = {how: with_interval(n * c, n * end) for how, c in found.items()}
                base = found["pseudo-inverse"]
                ratio[name] = {
                    how: with_interval(found[how] / base, end / base[0]) for how in METHODS[1:]
                }
    return {"capacity": capacity, "over_pseudo_inverse": ratio}


@nm.plot.styled
def figure(result):
    """Draw overlap against load at the most stuck cells, and capacity against stuck cells."""
    worst, n = result.isel(stuck=-1, n=-1), int(result.n[-1])
    kinds = result.patterns.values
    drawn, axes = plt.subplots(
        1, len(kinds) + 1, figsize=(3.4 * len(kinds) + 3.4, 3.1), layout="constrained"
    )
    for ax, patterns in zip(axes, kinds, strict=False):
        nm.plot.curves(worst.sel(patterns=patterns), "overlap", x="load", by="learning", ax=ax)
        ax.axhline(CRITERION, color="0.25", lw=0.8, ls=":")
        ax.set(title=f"{patterns}, N = {n}, {100 * float(worst.stuck):g} % stuck", ylim=(0, 1.03))
    axes[0].legend(title=None, loc="lower left")
    axes[1].get_legend().remove()
    draw_capacities(axes[-1], result.sel(patterns=kinds[0], n=n))
    return drawn


def draw_capacities(ax, result):
    """Draw capacity against the fraction of stuck cells, with the published pair of points."""
    n, rates = int(result.n), result.stuck.values
    most = n * float(result["load"][-1])
    for number, method in enumerate(METHODS):
        samples = [resampled(result.overlap.sel(stuck=r, learning=method)) for r in rates]
        found = [with_interval(n * crossings(s), most) for s in samples]
        values, low, high = (np.array([p[k] for p in found]) for k in ("value", "low", "high"))
        tint = nm.plot.COLOURS[number]
        errors = np.maximum([values - low, high - values], 0.0)
        ax.errorbar(rates, values, yerr=errors, fmt="o-", color=tint, label=method, capsize=2, lw=1)
        beyond = values >= most
        ax.plot(rates[beyond], values[beyond] + 0.04 * most, "^", color=tint)
    if n == 400:
        ax.plot([0.5, 0.5], [35, 115], "x", color="0.25", label="He et al., Fig. 3j")
    ax.set(xlabel="fraction of stuck cells", ylabel="capacity (patterns)", ylim=(0, None))
    ax.set_title(f"{result.patterns.item()}, N = {n} (▲: at least)")
    ax.legend(fontsize="small")
