"""An experiment in small, as a user would write it; the tests of sweeps run it by its path."""

import os
import time

from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.sweep import Sweep

LOAD = Variable("load", "1", "patterns per unit")
LEVEL = Variable("level", "V", "mean of the draws")
WALK = Variable("walk", "1", "cumulated draws", dims=("step",))


class Scale:
    """A class that lives in the script alone, as an argument of the trial."""

    factor = 2.0


def trial(load, rule, scale, n, rng):
    """Draw `n` numbers; with SWEEP_LOG set, take some time and append a line when finished."""
    draws = scale.factor * stream(rng, "draws").normal(size=n)
    log = os.environ.get("SWEEP_LOG")
    if log:
        time.sleep(0.02)
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{load} {rule} {float(draws[0]).hex()}\n".encode())
        os.close(handle)
    return {"level": draws.mean() + load, WALK: draws.cumsum()[:3]}


SWEEP = Sweep(
    trial,
    grid={LOAD: [0.1, 0.2], "rule": ["hebb", "storkey"]},
    trials=10,
    measures=(LEVEL, WALK),
    coords={"step": [0.0, 0.5, 1.0]},
    fixed={"scale": Scale, "n": 4},
    seed=5,
    source="Hebb 1949",
)
