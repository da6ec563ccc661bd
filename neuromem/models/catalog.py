"""The catalogue: every model and preset with its paper, its verbs and its capacity law."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from neuromem.core.errors import ParameterError
from neuromem.core.files import read_memory
from neuromem.core.memory import AssociativeMemory
from neuromem.models.dense import DenseMemory
from neuromem.models.hopfield import Hopfield
from neuromem.models.modern import ModernHopfield


@dataclass(frozen=True)
class Card:
    """One entry of the catalogue: a class, or a preset of one.

    Attributes
    ----------
    name : str
        What ``neuromem capacity NAME`` takes.
    family : str
        Family of models.
    paper : str
        The founding paper.
    model : type
        The class.
    preset : Mapping
        Arguments that make the preset.
    capacity : str
        The law for random patterns, in words.
    maps : bool
        Whether its synapses map onto arrays.
    """

    name: str
    family: str
    paper: str
    model: type[AssociativeMemory]
    capacity: str
    preset: Mapping[str, Any] = field(default_factory=dict)
    maps: bool = True

    def make(self, n: int, **choices: Any) -> AssociativeMemory:
        """Build the memory with `n` units; `choices` override the preset."""
        return self.model(n, **{**self.preset, **choices})

    @property
    def verbs(self) -> tuple[str, ...]:
        """The verbs that this model has."""
        forgets = self.model._forget is not AssociativeMemory._forget
        return ("store", "recall", "energy", "save", *(("forget",) if forgets else ()))

    def __getitem__(self, name: str) -> Any:
        """Return an entry of `record` by its name, such as ``card["paper"]``."""
        return self.record()[name]

    def record(self) -> dict[str, Any]:
        """Return the card as plain values, for JSON."""
        plain = {**asdict(self), "model": self.model.__name__, "preset": dict(self.preset)}
        return {**plain, "verbs": list(self.verbs)}


_HOPFIELD = "Hopfield, PNAS 79, 2554 (1982)"

_CARDS = (
    Card(
        "hopfield",
        "attractor",
        _HOPFIELD,
        Hopfield,
        "0.138 N with 1.6 % wrong bits; N / (4 ln N) without errors",
    ),
    Card(
        "hopfield-dense",
        "attractor",
        _HOPFIELD,
        Hopfield,
        "as hopfield; W is kept as an N x N array",
        {"form": "dense"},
    ),
    Card(
        "storkey",
        "attractor",
        "Storkey, ICANN, LNCS 1327, 451 (1997)",
        Hopfield,
        "N / sqrt(2 ln N)",
        {"rule": "storkey"},
    ),
    Card(
        "pseudo-inverse",
        "attractor",
        "Personnaz, Guyon & Dreyfus, J. Physique Lett. 46, L359 (1985)",
        Hopfield,
        "N - 1 linearly independent patterns as fixed points",
        {"rule": "pseudo-inverse"},
    ),
    Card(
        "delta",
        "attractor",
        "Diederich & Opper, Phys. Rev. Lett. 58, 949 (1987)",
        Hopfield,
        "N - 1 linearly independent patterns as fixed points",
        {"rule": "delta"},
    ),
    Card(
        "dreaming",
        "attractor",
        "Fachechi, Agliari & Barra, Neural Networks 112, 24 (2019)",
        Hopfield,
        "from 0.138 N (no sleep) to N (endless sleep)",
        {"rule": "dreaming"},
    ),
    Card(
        "perceptron",
        "attractor",
        "Gardner, J. Phys. A 21, 257 (1988)",
        Hopfield,
        "2 N fixed points at margin 0",
        {"rule": "perceptron"},
    ),
    Card(
        "unlearning",
        "attractor",
        "Hopfield, Feinstein & Palmer, Nature 304, 158 (1983)",
        Hopfield,
        "above 0.138 N for the right number of dreams",
        {"rule": "unlearning"},
    ),
    Card(
        "low-activity",
        "attractor",
        "Tsodyks & Feigel'man, Europhys. Lett. 6, 101 (1988)",
        Hopfield,
        "0.44 N at activity 0.1; towards 1 / (2 a |ln a|) for a -> 0",
        {"rule": "covariance", "activity": 0.1},
    ),
    Card(
        "dense-memory",
        "attractor",
        "Krotov & Hopfield, NIPS 29 (2016)",
        DenseMemory,
        "N^(n-1) / (2 (2n-3)!! ln N) without errors",
        {"degree": 3},
        maps=False,
    ),
    Card(
        "dense-exponential",
        "attractor",
        "Demircigil et al., J. Stat. Phys. 168, 288 (2017)",
        DenseMemory,
        "2^(N/2) as fixed points",
        {"energy_function": "exponential"},
        maps=False,
    ),
    Card(
        "modern-hopfield",
        "attractor",
        "Ramsauer et al., ICLR (2021)",
        ModernHopfield,
        "exponential in N for well separated patterns",
    ),
    Card(
        "sparse-hopfield",
        "attractor",
        "Hu et al., NeurIPS 36 (2023)",
        ModernHopfield,
        "exponential in N; exact recall at margin 1 / beta",
        {"separation": "sparsemax"},
    ),
    Card(
        "entmax-hopfield",
        "attractor",
        "Wu et al., ICLR (2024); Santos et al., ICML (2024)",
        ModernHopfield,
        "exponential in N; exact recall at margin 1 / (beta (alpha - 1))",
        {"separation": "entmax", "alpha": 1.5},
    ),
)


def catalog() -> list[Card]:
    """Return a card for every model and preset, those of a class together.

    Examples
    --------
    >>> [card.name for card in catalog()][:2]
    ['hopfield', 'hopfield-dense']
    """
    return list(_CARDS)


def find(name: str) -> Card:
    """Return the card of a name.

    Raises
    ------
    ParameterError
        If no model has that name; the error offers near ones.

    Examples
    --------
    >>> find("storkey").make(16).rule
    'storkey'
    """
    cards = {card.name: card for card in _CARDS}
    if name in cards:
        return cards[name]
    near = difflib.get_close_matches(name, cards, n=3)
    hint = f"did you mean {' or '.join(near)}" if near else f"there are: {', '.join(cards)}"
    raise ParameterError(f"no model named {name!r}; {hint}?")


def load(path: str | Path) -> AssociativeMemory:
    """Read a trained memory that `save` wrote; it recalls as the saved one did.

    Parameters
    ----------
    path : str or Path
        A NetCDF file. Classes of your own are found once their module is imported.

    Raises
    ------
    FileFormatError
        If the file is truncated, foreign, or holds an unknown model.
    """
    return read_memory(path, {kind.__name__: kind for kind in _all_kinds(AssociativeMemory)})


def _all_kinds(kind: type[Any]) -> Iterator[type[AssociativeMemory]]:
    for child in kind.__subclasses__():
        yield child
        yield from _all_kinds(child)
