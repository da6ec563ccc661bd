"""A chip that is no chip: noisy weights in the place of exact ones."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from neuromem.core.randomness import generator
from neuromem.core.synapses import DenseSynapses


@dataclass(frozen=True)
class NoisyChip:
    """Adds Gaussian noise to each weight: `sigma` times the standard deviation of the weights.

    Weights are counts of 1/n, as Hebb's are, so that a chip without noise is exact.
    """

    sigma: float

    def map(self, memory, *, rng):
        weights = np.rint(memory.n * (memory.synapses["recurrent"] @ np.eye(memory.n)))
        noise = generator(rng).normal(0.0, self.sigma * weights.std(), weights.shape)
        noisy = DenseSynapses(weights + noise, 1.0 / memory.n, zero_diagonal=True)
        return SimpleNamespace(memory=memory.with_synapses({"recurrent": noisy}))


@pytest.fixture
def noisy_chip():
    return NoisyChip
