r"""Does noise help a Hopfield network on a crossbar to solve max-cut?

Cai et al. (Nature Electronics 3, 409, 2020) cut random graphs of 60 nodes in two so that as many
edges as possible lie between the parts. A Hopfield network with weights -1 along the edges does
it downhill: its energy is the number of edges less twice the cut, but for a constant. Without
noise it stops in the nearest of many minima; with the noise of analogue reading, tuned, it comes
out of them; with too much it wanders. One column is read at a time; the noise is that of the
comparator, added to each field, in units of one edge, and held or lowered to zero in equal steps.

A run succeeds if it is at the best cut after any sweep ("found"), or after the last one ("held").
The best cut is that of 1,000 annealed runs with exact weights; `agreeing` is how many of them
end there.

Figures reached (60 nodes, half of all edges, 100 sweeps, 40 graphs, 95 % intervals): on rram-taox
2.5 +- 0.8 % of all runs find the best cut without noise, 57 +- 5 % with 1.5 edges of it, none
with 4 and more. Noise that is lowered does as well (53 +- 6 % from 3 edges), over a wide range of
starts, and ends there, too. On ideal devices it is 0.7 % and 57 %: errors of writing break ties
and cost nothing here.

Run with: neuromem run experiments/maxcut_noise.py --workers 2
"""

import matplotlib.pyplot as plt
import numpy as np

import neuromem as nm
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.core.synapses import DenseSynapses

SCHEDULES = ("constant", "annealed")
STAGES = 20
SPREAD = np.pi / (2.0 * np.sqrt(3.0))
"""Standard deviation of the heat bath's noise at temperature 1: a logistic law of width 1/2."""

OVER = ("device", "schedule", "noise")
FOUND = Variable("found", "1", "fraction of runs that find the best cut", OVER)
HELD = Variable("held", "1", "fraction of runs that end at the best cut", OVER)
SHARE = Variable("share", "1", "mean cut at the end over the best one", OVER)
AGREEING = Variable("agreeing", "1", "fraction of the reference's runs that end at the best cut")
NOISE = Variable("noise", "1", "noise on a field (edges)")
SIZE = Variable("n", "1", "nodes N")


def random_graph(n, density, rng):
    """Return the adjacency matrix of a random graph with a given mean density of edges."""
    above = np.triu(stream(rng, "graph").random((n, n)) < density, 1)
    return (above | above.T).astype(np.float64)


def cuts(states, graph):
    """Return the edges that states (..., N) of +-1 cut."""
    inside = np.einsum("...i,ij,...j->...", states, graph, states, optimize=True)
    return np.rint((graph.sum() - inside) / 4.0)


def network(synapses):
    """Return a Hopfield network on given weights; what it had stored goes with its own."""
    n = synapses.shape[0]
    return nm.models.Hopfield(n).store(np.ones(n)).with_synapses({"recurrent": synapses})


def run(net, starts, noise, schedule, sweeps, rng):
    """Return the states after each sweep, (sweeps, runs, N)."""
    stages = STAGES if schedule == "annealed" else 1
    steps, path, now = sweeps // stages, [], starts
    for stage in range(stages):
        level = noise if stages == 1 else noise * (1.0 - stage / (stages - 1))
        now = net.recall(now, temperature=level / SPREAD, steps=steps, rng=rng, record="state")
        path.append(now.trace.state.values[1:])
    return np.concatenate(path)


def best_cut(graph, rng, runs=1000, sweeps=400):
    """Return the best cut of many annealed runs with exact weights, and how many end there."""
    net = network(DenseSynapses(-graph))
    starts = nm.patterns.random(runs, len(graph), rng=stream(rng, "reference starts"))
    found = cuts(run(net, starts, 4.0, "annealed", sweeps, rng)[-1].astype(float), graph)
    return found.max(), np.mean(found == found.max())


def trial(n, density, devices, runs, sweeps, noises, schedules, rng):
    """Cut one random graph on each device, with each noise and schedule, from the same starts."""
    graph = random_graph(n, density, rng)
    best, agreeing = best_cut(graph, rng)
    starts = nm.patterns.random(runs, n, rng=stream(rng, "starts"))
    found = np.empty((3, len(devices), len(schedules), len(noises)))
    for d, device in enumerate(devices):
        net = network(nm.hardware.Crossbar.program(-graph, device, rng=rng))
        for s, schedule in enumerate(schedules):
            for k, noise in enumerate(noises):
                path = cuts(run(net, starts, noise, schedule, sweeps, rng).astype(float), graph)
                ever, last = (path == best).any(axis=0), path[-1] == best
                found[:, d, s, k] = ever.mean(), last.mean(), path[-1].mean() / best
    return {"found": found[0], "held": found[1], "share": found[2], "agreeing": agreeing}


NOISES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0, 14.0)
DEVICES = ("ideal", "rram-taox")
SWEEP = nm.sweep.Sweep(
    trial,
    grid={SIZE: [60]},
    fixed={
        "density": 0.5,
        "devices": DEVICES,
        "runs": 100,
        "sweeps": 100,
        "noises": NOISES,
        "schedules": SCHEDULES,
    },
    coords={"device": DEVICES, NOISE: NOISES, "schedule": SCHEDULES},
    trials=40,
    measures=(FOUND, HELD, SHARE, AGREEING),
    source="Cai et al., Nature Electronics 3, 409 (2020), doi:10.1038/s41928-020-0436-6",
)
QUICK = SWEEP.replace(
    fixed={
        **SWEEP.fixed,
        "devices": DEVICES[1:],
        "runs": 50,
        "sweeps": 20,
        "noises": NOISES[::4],
    },
    coords={"device": DEVICES[1:], NOISE: NOISES[::4], "schedule": SCHEDULES},
    trials=2,
)


def summary(result):
    """Return, for each device and schedule, success without, with the best and with most noise."""
    result = result.isel(n=-1)
    found = {
        str(device): {
            schedule: tuned(result.found.sel(device=device, schedule=schedule))
            for schedule in SCHEDULES
        }
        for device in result.device.values
    }
    return {
        "found": found,
        "held_annealed": {
            str(device): tuned(result.held.sel(device=device, schedule="annealed"))
            for device in result.device.values
        },
        "least_agreement_on_the_best_cut": float(result.agreeing.min()),
    }


def tuned(success):
    """Return the success without noise, at the best noise, and at the most, over graphs."""
    best = float(success.noise[int(success.mean("trial").argmax("noise"))])
    return {
        "without_noise": interval(success.isel(noise=0)),
        "best_noise": best,
        "at_best_noise": interval(success.sel(noise=best)),
        "at_most_noise": interval(success.isel(noise=-1)),
    }


def interval(values):
    """Return the mean over graphs and half the width of its 95 % interval."""
    half = 1.96 * float(values.std("trial", ddof=1)) / np.sqrt(values.sizes["trial"])
    return {"mean": float(values.mean()), "+-": half}


@nm.plot.styled
def figure(result):
    """Draw success and the quality of the last cut against noise, for both schedules."""
    shown = result.isel(n=-1, device=-1).transpose("noise", ...)
    drawn, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.1), layout="constrained")
    nm.plot.curves(shown, "found", x="noise", by="schedule", ax=left)
    for number, schedule in enumerate(SCHEDULES):
        held = shown.held.sel(schedule=schedule).mean("trial")
        tint = nm.plot.COLOURS[number]
        left.plot(shown.noise, held, ":", color=tint, lw=1, label=f"{schedule}, last state")
    left.set(ylabel="fraction of runs at the best cut", ylim=(-0.02, None))
    nm.plot.curves(shown, "share", x="noise", by="schedule", ax=right)
    right.set_ylabel("cut at the end / best cut")
    for ax in (left, right):
        ax.set_xlabel("noise on a field, s.d. (edges)")
    left.legend(fontsize="small")
    right.get_legend().remove()
    drawn.suptitle(
        f"max-cut of random graphs of {int(shown.n)} nodes on {str(shown.device.values)!r}",
        fontsize="medium",
    )
    return drawn
