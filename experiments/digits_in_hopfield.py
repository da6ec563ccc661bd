"""What do real digits do to a Hopfield memory?

Real images resemble each other; random patterns do not. The same number of patterns is stored,
once as random bits, once as digits, once as digits of which each pixel is on in half of the
images, and each is recalled from cues with 10 % of the pixels flipped. Hebb's rule loses digits
at a small fraction of the load that it bears at random; the pseudo-inverse, which takes
correlations out, does not (Personnaz, Guyon & Dreyfus, J. Physique Lett. 46, L359, 1985).

Run with: neuromem run experiments/digits_in_hopfield.py
"""

import matplotlib.pyplot as plt
import numpy as np

import neuromem as nm
from neuromem.core.randomness import stream
from neuromem.core.results import Variable

OVERLAP = Variable("overlap", "1", "overlap with the stored pattern")
EXACT = Variable("exact", "1", "fraction of cues recalled without a wrong pixel")
LIKENESS = Variable("likeness", "1", "mean absolute overlap between stored patterns")


def keys_of(kind, count, rng):
    """Return `count` patterns of 64 units: random bits, digits, or digits with balanced pixels."""
    if kind == "random":
        return nm.patterns.random(count, 64, rng=rng)
    images = nm.patterns.digits(binarise="median" if kind == "digits, balanced" else 8)
    chosen = stream(rng, "images").choice(len(images), count, replace=False)
    return images[chosen]


def trial(patterns, rule, stored, rng):
    """Store patterns of a kind by a rule and recall each from a cue with 10 % flips."""
    keys = keys_of(patterns, stored, rng)
    net = nm.models.Hopfield(64, rule=rule).store(keys)
    seen = net.recall(nm.patterns.flip(keys, 0.10, rng=rng), rng=rng)
    likeness = nm.patterns.mean_correlation(keys) if stored > 1 else 0.0
    return {
        "overlap": seen.overlap(keys).mean(),
        "exact": np.mean(seen.bit_error(keys) == 0),
        "likeness": likeness,
    }


SWEEP = nm.sweep.Sweep(
    trial,
    grid={
        "patterns": ["random", "digits, balanced", "digits"],
        "rule": ["hebb", "storkey", "pseudo-inverse"],
        Variable("stored", "1", "patterns stored P"): [1, 2, 3, 4, 6, 8, 12, 16, 24, 32],
    },
    trials=50,
    measures=(OVERLAP, EXACT, LIKENESS),
    source="Personnaz, Guyon & Dreyfus, J. Physique Lett. 46, L359 (1985)",
)
QUICK = SWEEP.replace(
    grid={
        "patterns": ["random", "digits"],
        "rule": ["hebb", "pseudo-inverse"],
        Variable("stored", "1", "patterns stored P"): [2, 6, 12],
    },
    trials=10,
)


def summary(result):
    """Return the mean likeness of each kind and how many patterns are half recalled exactly."""
    exact = result.exact.mean("trial")
    held = {
        str(kind): {
            str(rule): int(
                exact.stored.where(exact.sel(patterns=kind, rule=rule) >= 0.5).max(skipna=True)
            )
            for rule in result.rule.values
        }
        for kind in result.patterns.values
    }
    likeness = result.likeness.isel(stored=slice(1, None)).mean(("rule", "stored", "trial"))
    return {
        "largest_P_of_which_half_are_recalled_exactly": held,
        "mean_likeness": dict(
            zip(map(str, result.patterns.values), likeness.values.tolist(), strict=True)
        ),
    }


@nm.plot.styled
def figure(result):
    """Draw, for each rule, exact recall against the number stored."""
    rules = result.rule.values
    drawn, axes = plt.subplots(
        1, len(rules), figsize=(2.7 * len(rules), 2.8), sharey=True, layout="constrained"
    )
    for ax, rule in zip(axes, rules, strict=True):
        nm.plot.curves(result.sel(rule=rule), "exact", x="stored", by="patterns", ax=ax)
        ax.set_title(str(rule))
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_ylabel("fraction recalled exactly" if ax is axes[0] else "")
        ax.get_legend().remove()
    axes[-1].legend(loc="lower left")
    return drawn
