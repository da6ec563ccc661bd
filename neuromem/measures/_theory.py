"""Which solved theory, if any, describes what is being measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuromem.core.memory import AssociativeMemory
from neuromem.models.hopfield import Hopfield

HEBB = "Amit, Gutfreund & Sompolinsky, PRL 55, 1530 (1985)"


def is_hebbian(memory: AssociativeMemory) -> bool:
    """Return whether mean-field theory of Hebb's rule covers this memory.

    It does for the plain rule: zero diagonal, zero threshold.
    """
    return (
        isinstance(memory, Hopfield)
        and memory.rule == "hebb"
        and memory.diagonal == "zero"
        and not memory.threshold
    )


def hebbian_temperature(memory: AssociativeMemory, recall: Mapping[str, Any]) -> float | None:
    """Return the temperature of a Hebbian recall, or None where the theory says nothing.

    With parallel updates it holds at T = 0 only: above, Little's dynamics has other states.
    """
    temperature = float(recall.get("temperature", 0.0))
    parallel = recall.get("update", "async") == "sync"
    if not is_hebbian(memory) or (parallel and temperature > 0.0):
        return None
    return temperature
