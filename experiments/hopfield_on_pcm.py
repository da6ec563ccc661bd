r"""What is left of a Hopfield memory on phase-change memory after a month, and a year?

Two memories lie on three kinds of devices: Hebb's, whose units ask for the *sign* of a field, and
a sparse one, whose units hold it against a *threshold*. Cues have a part of their units wrong; all
columns are read at once, through drivers of 0 and +-1 and 8-bit ADCs whose ranges were set once.
Each chip is asked at six times, and each time without compensation, with one factor for the
array, and with one for each column (Joshi et al., Nature Communications 11, 2473, 2020; Le Gallo
et al., Nature Electronics 6, 680, 2023).

What a positive factor can do follows before any is measured. It never changes sgn(h): at zero
threshold compensation changes no recall (but where a field is zero to rounding). A threshold stays
where it was while the fields fall below it: that is what compensation mends. It cannot mend what
differs from device to device. To a sign unit errors of relative r.m.s. size delta are further
crosstalk, as static synaptic noise is (Sompolinsky, Phys. Rev. A 34, 2571, 1986): the load alpha
feels like alpha (1 + delta^2). The second sweep takes that apart, one part of a device at a time.

Figures reached (N = 512, 20 % of the units of a cue wrong, a month): signs at 0.8 of the critical
load are recalled in 96 to 97 % of all cases, with exact weights in 98 %; errors feel like 4 to 9 %
more load, which leaves 95 to 97 % of the capacity. A memory with thresholds at 0.4 of its critical
load is gone within the hour; one factor brings it back to 98 to 100 %, a factor for each column
to slightly less. At 0.8 one factor brings back 40 to 62 % of what exact weights recall.

Run with: neuromem run experiments/hopfield_on_pcm.py --workers 2
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

import neuromem as nm
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.hardware.devices.laws import Law, Piece

ACTIVITY = 0.1
MONTH = 30 * 86400.0
WRONGS = (0.1, 0.2)
HOW = ("none", "global", "column")
DEVICES = ("pcm", "hermes-1", "hermes")
TIMES = (1.0, 60.0, 3600.0, 86400.0, MONTH, 365.25 * 86400.0)
TIME = Variable("time", "s", "time since programming")
WRONG = Variable("wrong", "1", "wrong fraction of a cue")
FILLING = Variable("filling", "1", "load, in units of the critical one")
OVER = ("device", "compensate", "wrong", "time")
RECALLED = Variable("recalled", "1", "fraction of cues recalled (m > 0.9)", OVER)
OVERLAP = Variable("overlap", "1", "mean overlap with the stored pattern", OVER)
IDEAL = Variable("ideal", "1", "fraction recalled with exact weights", ("wrong",))
EXCESS = Variable("excess", "1", "effective load above that of exact weights")
ERROR = Variable("squared_error", "1", "mean square error of the weights, relative")

PARTS = {
    "all": ("write", "mean", "spread", "noise", "adc"),
    "writing": ("write",),
    "drift, as if one exponent": ("uniform",),
    "drift, exponent by G": ("mean",),
    "drift, spread of exponents": ("uniform", "spread"),
    "1/f noise": ("noise",),
    "8-bit ADC": ("uniform", "adc"),
}
"""Which effects of a device are left, by the name of the bar."""


def memory_of(kind, n, filling, rng):
    """Return a memory filled to a fraction of its critical load, and what it stores."""
    if kind == "signs":
        keys = nm.patterns.random(round(filling * nm.theory.critical_load() * n), n, rng=rng)
        return nm.models.Hopfield(n).store(keys), keys
    most = nm.theory.low_activity_capacity(ACTIVITY).critical_load
    keys = nm.patterns.low_activity(round(filling * most * n), n, ACTIVITY, rng=rng)
    return nm.models.Hopfield(n, rule="covariance", activity=ACTIVITY).store(keys), keys


def cues_of(keys, wrong, rng):
    """Return cues: a fraction of the units flipped, or of the active ones moved elsewhere."""
    if keys.min() < 0:
        return nm.patterns.flip(keys, wrong, rng=rng)
    cues = keys.copy()
    for number, cue in enumerate(cues):
        draw, (on, off) = stream(rng, "moved", number), (np.flatnonzero(cue == s) for s in (1, 0))
        moved = round(wrong * on.size)
        cue[draw.choice(on, moved, replace=False)] = 0
        cue[draw.choice(off, moved, replace=False)] = 1
    return cues


def recalled_in_time(memory, filling, n, devices, times, compensations, wrongs, rng):
    """Ask one chip of each device at each time; all, and exact weights, get the same cues."""
    net, keys = memory_of(memory, n, filling, rng)
    cues = np.concatenate([cues_of(keys, wrong, rng) for wrong in wrongs])
    targets = np.tile(keys, (len(wrongs), 1))

    def overlaps(asked):
        seen = asked.recall(cues, update="sync")
        return seen.overlap(targets).reshape(len(wrongs), -1)

    found = np.empty((len(devices), len(compensations), len(wrongs), len(times), len(keys)))
    for d, device in enumerate(devices):
        chip = nm.hardware.Chip(device, tile=(256, 256), adc_bits=8, dac_bits=1)
        placed = chip.map(net, rng=rng, inputs=keys)
        for c, how in enumerate(compensations):
            for t, seconds in enumerate(times):
                found[d, c, :, t] = overlaps(placed.at(seconds, compensate=how).memory)
    return {
        "recalled": np.mean(found > 0.9, axis=-1),
        "overlap": found.mean(axis=-1),
        "ideal": np.mean(overlaps(net) > 0.9, axis=-1),
    }


def device_with(name, parts):
    """Return a device that has only some of its effects; "uniform" drift has one exponent."""
    whole = nm.hardware.profile(name)
    drift = None
    if {"uniform", "mean"} & set(parts):
        spread = whole.drift.spread if "spread" in parts else constant(0.0)
        mean = whole.drift.mean if "mean" in parts else constant(0.06)
        drift = replace(whole.drift, mean=mean, spread=spread)
    return replace(
        whole,
        programming=whole.programming if "write" in parts else None,
        noise=whole.noise if "noise" in parts else None,
        drift=drift,
    )


def constant(value):
    """Return a law that does not ask for the conductance."""
    return Law((Piece("polynomial", (value,)),))


def effective_load(synapses, keys):
    """Return var(xi h) / mean(xi h)^2 over all units of all patterns: the load they feel."""
    aligned = (synapses @ keys.T.astype(np.float32)).T * keys
    return float(aligned.var() / aligned.mean() ** 2)


def blamed(device, part, n, filling, seconds, rng):
    """Measure how much load one part of the device adds, with global compensation."""
    net, keys = memory_of("signs", n, filling, rng)
    chip = nm.hardware.Chip(
        device_with(device, PARTS[part]),
        tile=(256, 256),
        adc_bits=8 if "adc" in PARTS[part] else None,
        dac_bits=1,
    )
    placed = chip.map(net, rng=rng, inputs=keys).at(seconds, compensate="global")
    crossbar = placed.crossbars["recurrent"]
    exact = effective_load(net.synapses["recurrent"], keys)
    return {
        "excess": effective_load(crossbar, keys) / exact - 1.0,
        "squared_error": crossbar.weight_error**2,
    }


SOURCE = "Joshi et al., Nat. Commun. 11, 2473 (2020); Le Gallo et al., Nat. Electron. 6, 680 (2023)"
TIME_SWEEP = nm.sweep.Sweep(
    recalled_in_time,
    grid={"memory": ["signs", "thresholds"], FILLING: [0.4, 0.8, 1.0]},
    fixed={"n": 512, "devices": DEVICES, "times": TIMES, "compensations": HOW, "wrongs": WRONGS},
    coords={"device": DEVICES, TIME: TIMES, "compensate": HOW, WRONG: WRONGS},
    trials=40,
    measures=(RECALLED, OVERLAP, IDEAL),
    source=SOURCE,
)
BLAME_SWEEP = nm.sweep.Sweep(
    blamed,
    grid={"device": DEVICES, "part": list(PARTS)},
    fixed={"n": 512, "filling": 0.9, "seconds": MONTH},
    trials=20,
    measures=(EXCESS, ERROR),
    source=SOURCE,
)
SWEEPS = {"time": TIME_SWEEP, "blame": BLAME_SWEEP}
QUICK = {
    "time": TIME_SWEEP.replace(
        grid={"memory": ["signs", "thresholds"], FILLING: [0.4, 0.8]},
        fixed={**TIME_SWEEP.fixed, "n": 256},
        trials=2,
    ),
    "blame": BLAME_SWEEP.replace(
        grid={"device": ["pcm", "hermes"], "part": list(PARTS)},
        fixed={**BLAME_SWEEP.fixed, "n": 256},
        trials=3,
    ),
}


def capacity_left(squared_error):
    """Return the critical load with errors of this size over the one without, by mean field."""
    noisy = nm.theory.critical_load_for_noise(lambda c: 1.0 / (1.0 - c) ** 2 + squared_error)
    return noisy / nm.theory.critical_load()


def summary(results):
    """Return what is recalled at the end of a month, the load that errors add, what is left."""
    time, blame = results["time"], results["blame"]
    month = time.sel(time=MONTH).isel(wrong=-1)
    signs = time.recalled.sel(memory="signs")
    return {
        "recalled_after_a_month": {
            f"{kind} at {filling:g} of the capacity": by_device(
                month.sel(memory=kind, filling=filling)
            )
            for kind in month.memory.values
            for filling in month.filling.values
        },
        "largest_change_of_sign_recall_by_compensation": float(
            np.abs(signs - signs.sel(compensate="none")).max()
        ),
        "excess_load_after_a_month": {
            str(device): {
                str(part): interval(blame.excess.sel(device=device, part=part))
                for part in blame.part.values
            }
            for device in blame.device.values
        },
        "capacity_left_after_a_month": {
            str(device): capacity_left(
                float(blame.squared_error.sel(device=device, part="all").mean())
            )
            for device in blame.device.values
        },
    }


def by_device(month):
    """Return recall by device and compensation, and that of exact weights."""
    return {
        "exact weights": interval(month.ideal),
        **{
            f"{device}, {how}": interval(month.recalled.sel(device=device, compensate=how))
            for device in month.device.values
            for how in month.compensate.values
        },
    }


def interval(values):
    """Return the mean over chips and half the width of its 95 % interval."""
    half = 1.96 * float(values.std("trial", ddof=1)) / np.sqrt(values.sizes["trial"])
    return {"mean": float(values.mean()), "+-": half}


@nm.plot.styled
def figure(results):
    """Draw recall in time, of signs and of thresholds, and what adds load to the signs."""
    time = results["time"].isel(wrong=-1)
    drawn, (left, middle, right) = plt.subplots(
        1, 3, figsize=(10.8, 3.7), layout="constrained", width_ratios=(1, 1, 1.25)
    )
    draw_time(
        left,
        time.sel(memory="signs", compensate="none", filling=list(time.filling.values[-2:])),
        "device",
    )
    left.set_title("signs, compensated or not")
    draw_time(
        middle,
        time.sel(memory="thresholds", device="pcm", filling=list(time.filling.values[:2])),
        "compensate",
    )
    middle.set_title("thresholds, on pcm")
    draw_blame(right, results["blame"])
    return drawn


def draw_time(ax, time, by):
    """Draw recall against time: a colour for each value of `by`, a style for each load."""
    for filling, style in zip(time.filling.values, ("-", "--"), strict=True):
        some = time.sel(filling=filling)
        ax.axhline(float(some.ideal.mean()), color="0.25", lw=1, ls=style)
        for number, value in enumerate(some[by].values):
            found = [interval(some.recalled.sel({by: value, "time": t})) for t in TIMES]
            ax.errorbar(
                TIMES,
                [point["mean"] for point in found],
                yerr=[point["+-"] for point in found],
                fmt=f"o{style}",
                color=nm.plot.COLOURS[number],
                label=str(value) if style == "-" else None,
                capsize=2,
                lw=1,
            )
    for filling, style in zip(time.filling.values, ("-", "--"), strict=True):
        ax.plot([], [], style, color="0.25", lw=1, label=f"exact, load {filling:g} of critical")
    ax.axvline(MONTH, color="0.85", lw=1, zorder=0)
    ax.text(MONTH, 0.04, "a month", color="0.5", ha="right", rotation=90, fontsize="x-small")
    ax.set(xscale="log", ylim=(-0.03, 1.03))
    ax.set_xlabel("time since programming (s)")
    ax.set_ylabel("fraction of cues recalled")
    ax.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)


def draw_blame(ax, blame):
    """Draw bars: the load that each part of a device adds after a month."""
    places = np.arange(blame.sizes["part"])
    height = 0.8 / blame.sizes["device"]
    for number, device in enumerate(blame.device.values):
        found = [interval(blame.excess.sel(device=device, part=p)) for p in blame.part.values]
        ax.barh(
            places + (number - (blame.sizes["device"] - 1) / 2) * height,
            [100 * bar["mean"] for bar in found],
            height,
            xerr=[100 * bar["+-"] for bar in found],
            color=nm.plot.COLOURS[number],
            error_kw={"lw": 1, "ecolor": "0.25"},
            label=str(device),
        )
    ax.set_yticks(places, blame.part.values)
    ax.invert_yaxis()
    ax.set_xlabel("effective load above that of exact weights (%)")
    ax.set_title("signs: what a month adds to the crosstalk")
    ax.legend(loc="lower right", fontsize="small")
