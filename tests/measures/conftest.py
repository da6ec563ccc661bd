"""A chip that is no chip: noisy weights in the place of exact ones."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from neuromem.core.randomness import generator
from neuromem.core.synapses import DenseSynapses


@dataclass(frozen=True)
class NoisyChip:
    """Adds Gaussian noise of `sigma` times the weights' standard deviation to each weight."""

    sigma: float

    def map(self, memory, *, rng):
        weights = memory.synapses["recurrent"] @ np.eye(memory.n)
        noise = generator(rng).normal(0.0, self.sigma * weights.std(), weights.shape)
        noisy = DenseSynapses(weights + noise, zero_diagonal=True)
        return SimpleNamespace(memory=memory.with_synapses({"recurrent": noisy}))


@pytest.fixture
def noisy_chip():
    return NoisyChip
