r"""Which of our memories survives 10 % of stuck cells?

Every model of the catalogue that maps stores the same number of patterns and is asked for each of
them by a cue with 10 % of its units wrong, while ever more cells of its arrays are stuck: all at
the low end of their range, or half of them at either end. Cells are ideal but for that. Known
stuck cells are left alone (``remap="none"``), made up for by the other cell of the pair
("pair"), or columns are moved, too, to where their weights suffer least ("columns").

Rates are those of published arrays and beyond: 0.2 % (Li et al., Nature Electronics 1, 52, 2018)
to about 11 % (Chen et al., IEEE Trans. Computers 64, 180, 2015). The stuck cells of a low rate
stay stuck at a higher one.

A cell stuck at the low end takes a weight away; one at the high end puts the largest weight of
all in its place. How much harm that is tells ``squared_error``, the mean square change of the
weights in units of their mean square, delta^2: an attractor feels a load alpha as
alpha (1 + delta^2), see hopfield_on_pcm.py.

Figures reached (N = 256, 26 patterns, 10 % stuck, 20 chips): with all stuck cells at the low end
delta^2 = 0.1, and every attractor recalls 99 to 100 %. With half at the high end it is 1.3 to 1.6
(4.5 for sparse patterns): rules that take crosstalk out keep 72 to 90 %, Hebb, the perceptron and
sparse patterns 12 to 18 %. The pair brings it to 0.2, and all of these recall 94 to 100 %; moving
columns, 98 to 100 %. Memories that hold a pattern in one row, as attention does, have nothing to
mend it from: half of the pixels with a stuck cell come back wrong, 4 to 5 % of all, whatever the
load; the pair is of no use, for their weights need its whole range, and moving columns helps.

Run with: neuromem run experiments/stuck_cells.py --workers 2
"""

import matplotlib.pyplot as plt
import numpy as np

import neuromem as nm
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.core.synapses import rows_of

RATES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
REMAPS = ("none", "pair", "columns")
ENDS = {"low": (1.0, 0.0), "both": (0.5, 0.5)}
"""Shares of the stuck cells at the low and at the high end."""
CHOICES = {"perceptron": {"margin": 1.0}}
"""Without a margin the perceptron's patterns are fixed points that attract next to nothing."""

OVER = ("remap", "stuck")
RECALLED = Variable("recalled", "1", "fraction recalled: 5 % wrong or less, sparse m > 0.9", OVER)
WRONG = Variable("wrong", "1", "mean fraction of wrong units", OVER)
ERROR = Variable("squared_error", "1", "mean square change of the weights, relative", OVER)
STUCK = Variable("stuck", "1", "fraction of stuck cells")
STORED = Variable("stored", "1", "patterns stored P")


def trial(model, stored, ends, n, rates, remaps, rng):
    """Store random patterns and recall them from arrays with ever more stuck cells."""
    card = next(card for card in nm.models.catalog() if card.name == model)
    memory = card.make(n, **CHOICES.get(model, {}))
    activity = card.preset.get("activity", 0.1)
    sparse = memory.code == "binary"
    keys = (
        nm.patterns.low_activity(stored, n, activity, rng=rng)
        if sparse
        else nm.patterns.random(stored, n, rng=rng)
    )
    cues = moved(keys, 0.1, rng) if sparse else nm.patterns.flip(keys, 0.1, rng=rng)
    memory.store(keys)
    exact = {name: rows_of(w, np.arange(w.shape[0])) for name, w in memory.synapses.items()}
    low, high = ENDS[ends]
    found = np.empty((3, len(remaps), len(rates)))
    for r, remap in enumerate(remaps):
        for s, rate in enumerate(rates):
            chip = nm.hardware.Chip(
                "ideal", stuck_low=low * rate, stuck_high=high * rate, remap=remap
            )
            placed = chip.map(memory, rng=rng)
            success, wrong = recalled(placed.memory, cues, keys)
            found[:, r, s] = success.mean(), wrong.mean(), change(placed.crossbars, exact)
    return dict(zip(("recalled", "wrong", "squared_error"), found, strict=True))


def moved(keys, wrong, rng):
    """Return cues in which a fraction of the active units are others than the pattern's."""
    cues = keys.copy()
    for number, cue in enumerate(cues):
        draw, (on, off) = stream(rng, "moved", number), (np.flatnonzero(cue == s) for s in (1, 0))
        count = round(wrong * on.size)
        cue[draw.choice(on, count, replace=False)] = 0
        cue[draw.choice(off, count, replace=False)] = 1
    return cues


def recalled(memory, cues, keys):
    """Return which patterns come back, and the wrong fraction of the units of each."""
    at_once = {"update": "sync"} if isinstance(memory, nm.models.Hopfield) else {}
    seen = memory.recall(cues, **at_once)
    wrong = seen.bit_error(keys)
    return (seen.overlap(keys) > 0.9 if memory.code == "binary" else wrong <= 0.05), wrong


def change(crossbars, exact):
    """Return the mean square difference of all weights over their mean square."""
    wrong = sum(float(((crossbars[name].weights - w) ** 2).sum()) for name, w in exact.items())
    return wrong / sum(float((w**2).sum()) for w in exact.values())


SWEEP = nm.sweep.Sweep(
    trial,
    grid={
        "model": [card.name for card in nm.models.catalog() if card.maps],
        STORED: [13, 26, 52],
        "ends": list(ENDS),
    },
    fixed={"n": 256, "rates": RATES, "remaps": REMAPS},
    coords={STUCK: RATES, "remap": REMAPS},
    trials=20,
    measures=(RECALLED, WRONG, ERROR),
    source="Chen et al., IEEE Trans. Computers 64, 180 (2015); Li et al., Nat. Electron. 1, 52",
)
QUICK = SWEEP.replace(
    grid={**SWEEP.grid, STORED: [13], "ends": ["both"]},
    fixed={"n": 128, "rates": RATES[::3], "remaps": REMAPS},
    coords={STUCK: RATES[::3], "remap": REMAPS},
    trials=2,
)


def summary(result):
    """Return recall at 10 % by model and remedy, and up to which rate half is recalled."""
    chosen = middle_load(result)
    at_ten = chosen.recalled.sel(stuck=0.1)
    half = chosen.recalled.mean("trial") >= 0.5
    return {
        "patterns_stored": int(chosen.stored),
        "recalled_at_10_percent": {
            str(model): {str(how): interval(at_ten.sel(model=model, remap=how)) for how in REMAPS}
            for model in result.model.values
        },
        "largest_rate_at_which_half_is_recalled": {
            str(model): {
                str(how): float(
                    result.stuck.where(half.sel(model=model, remap=how)).max(skipna=True)
                )
                for how in REMAPS
            }
            for model in result.model.values
        },
        "wrong_units_at_10_percent_left_alone": {
            str(model): float(chosen.wrong.sel(model=model, stuck=0.1, remap="none").mean())
            for model in result.model.values
        },
        "squared_error_at_10_percent_left_alone": {
            str(model): float(chosen.squared_error.sel(model=model, stuck=0.1, remap="none").mean())
            for model in result.model.values
        },
    }


def middle_load(result):
    """Return the part with the middle load and cells stuck at both ends."""
    return result.isel(stored=result.sizes["stored"] // 2, ends=-1)


def interval(values):
    """Return the mean over chips and half the width of its 95 % interval."""
    half = 1.96 * float(values.std("trial", ddof=1)) / np.sqrt(values.sizes["trial"])
    return {"mean": float(values.mean()), "+-": half}


@nm.plot.styled
def figure(result):
    """Draw, for each remedy, what every model recalls as more cells are stuck at both ends."""
    chosen = middle_load(result)
    mean = chosen.recalled.mean("trial")
    rows, rates = result.sizes["model"], result.stuck.values
    drawn, axes = plt.subplots(
        1, 3, figsize=(9.6, 0.28 * rows + 1.2), sharey=True, layout="constrained"
    )
    titles = {"none": "left alone", "pair": "the pair makes up", "columns": "columns are moved"}
    for ax, how in zip(axes, REMAPS, strict=True):
        shares = mean.sel(remap=how).transpose("model", "stuck").values
        image = ax.imshow(shares, vmin=0.0, vmax=1.0, cmap="cividis", aspect="auto")
        for (row, column), share in np.ndenumerate(shares):
            ax.text(
                column,
                row,
                f"{100 * share:.0f}",
                ha="center",
                va="center",
                fontsize="x-small",
                color="white" if share < 0.5 else "black",
            )
        ax.set_xticks(range(len(rates)), [f"{100 * rate:g}" for rate in rates])
        ax.set_xlabel("stuck cells (%)")
        ax.set_title(titles[how])
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    axes[0].set_yticks(range(rows), mean.model.values)
    drawn.colorbar(image, ax=axes, label="fraction of cues recalled", pad=0.01)
    drawn.suptitle(
        f"{int(chosen.stored)} patterns, half of the stuck cells at either end; numbers in %",
        fontsize="small",
    )
    return drawn
