"""Hopfield networks: binary attractor memories, fully connected."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from neuromem.core.codes import Array, Code
from neuromem.core.errors import (
    CapabilityError,
    ParameterError,
    one_of,
    real_number,
    whole_number,
)
from neuromem.core.memory import AssociativeMemory, Cues, Task
from neuromem.core.packed import PackedPatterns
from neuromem.core.randomness import Rng
from neuromem.core.recall import Recall
from neuromem.core.synapses import DenseSynapses, OverlapSynapses, held_by
from neuromem.core.theory import low_activity_capacity
from neuromem.models._dynamics import (
    DenseSweeper,
    MixedSweeper,
    OperatorFields,
    OperatorSweeper,
    PackedFields,
    PackedSweeper,
    Sweeper,
    Threshold,
    asynchronous,
    refuse_order_if_parallel,
    synchronous,
)
from neuromem.models.rules import RULES, Covariance, Rule

FORMS = ("auto", "dense", "overlap")


class Hopfield(AssociativeMemory):
    r"""Autoassociative attractor memory of two-valued patterns.

    .. math:: E = -\tfrac12 s^T W s + \theta \sum_i s_i, \qquad
              s_i \leftarrow \mathrm{sgn}\Big(\sum_j W_{ij} s_j - \theta\Big)

    A unit whose field equals the threshold keeps its state.

    Parameters
    ----------
    n : int
        Number of units N.
    rule : str
        How patterns become weights: "hebb", "covariance" (0/1 patterns, needs ``activity``),
        "storkey", "pseudo-inverse", "delta", "dreaming" (``time``), "perceptron" (``margin``,
        ``epochs``), "unlearning" (``dreams``, ``rate``). See `neuromem.models.rules`.
    form : {"auto", "dense", "overlap"}
        "dense" keeps W (N x N). "overlap" keeps the patterns as bits and never builds W: P N bits
        in the place of N^2 weights, and the same dynamics (bit for bit for Hebb, whose fields
        are integers; to rounding for the pseudo-inverse and dreaming rules). "auto" takes
        the overlap form for Hebb and the dense one else.
    diagonal : {"zero", "kept"}
        Whether units act on themselves. Zero gives larger basins.
    threshold : float, optional
        Threshold theta in the units of W. By default 0, and for the covariance rule the
        threshold that is optimal at capacity (Tsodyks & Feigel'man).
    **rule_options
        The rule's own choices, such as ``activity=0.1``.

    Raises
    ------
    ParameterError
        If a choice does not exist, or the rule has no such option.
    CapabilityError
        If the rule has no overlap form.

    Notes
    -----
    The dense form keeps no patterns: `forget` takes away what it is given, and cannot tell whether
    that was ever stored. The overlap form can.

    Load is alpha = P/N. Hebb recalls with few errors up to 0.138 N random patterns (Amit,
    Gutfreund & Sompolinsky 1985), without errors up to N / (4 ln N) (McEliece et al. 1987);
    the pseudo-inverse has N - 1 fixed points; perceptron rows reach 2 N.

    References
    ----------
    Hopfield, PNAS 79, 2554 (1982). Amit, Gutfreund & Sompolinsky, PRL 55, 1530 (1985).

    Examples
    --------
    >>> net = Hopfield(4).store([[1, -1, 1, -1]])
    >>> net.recall([[1, -1, 1, 1]]).patterns
    array([[ 1, -1,  1, -1]], dtype=int8)
    """

    def __init__(
        self,
        n: int,
        *,
        rule: str = "hebb",
        form: Literal["auto", "dense", "overlap"] = "auto",
        diagonal: Literal["zero", "kept"] = "zero",
        threshold: float | None = None,
        **rule_options: Any,
    ) -> None:
        super().__init__(n)
        self.rule = one_of("Hopfield", "rule", rule, RULES)
        self.form = one_of("Hopfield", "form", form, FORMS)
        self.diagonal = one_of("Hopfield", "diagonal", diagonal, ("zero", "kept"))
        self._rule = _make_rule(rule, rule_options)
        self.code: Code = self._rule.code
        self._packed_form = form == "overlap" or (form == "auto" and rule == "hebb")
        if self._packed_form and not self._rule.overlap:
            having = ", ".join(name for name, kind in RULES.items() if kind.overlap)
            raise CapabilityError(
                f"Hopfield: rule {rule!r} has no overlap form (these have: {having}). "
                "Use form='dense'."
            )
        self.threshold = (
            threshold if threshold is None else real_number("Hopfield", "threshold", threshold)
        )
        self._theta = self._default_threshold() if threshold is None else float(self.threshold or 0)
        keeps_patterns = self._packed_form or self._rule.whole
        self._patterns = PackedPatterns(self.n) if keeps_patterns else None
        self._synapses: LinearOperator | None = None
        self._replaced = False
        self._lent = False

    def recall(
        self,
        cues: Cues,
        *,
        update: Literal["async", "sync"] = "async",
        temperature: float = 0.0,
        order: str | npt.ArrayLike = "random",
        steps: int | None = None,
        rng: Rng = None,
        record: str | tuple[str, ...] = (),
        first_cue: int = 0,
    ) -> Recall:
        """Run the network from each cue and return where it ends.

        Parameters
        ----------
        cues : array_like, shape (Q, N) or (N,), or Recall
            Initial states; left untouched. A Recall is continued where it stopped.
        update : {"async", "sync"}
            "async": one unit after the other, a step is a sweep over all units; it ends in a
            fixed point if W is symmetric. "sync": all units at once; it ends in a fixed point or
            a 2-cycle, which `Recall.cycle` reports.
        temperature : float
            Glauber heat bath at temperature T in the units of W (Boltzmann's constant 1). Above
            zero all `steps` are made and nothing counts as converged.
        order : {"random", "cyclic"} or array_like of int
            Units that a sweep visits: a fresh permutation a sweep (the same for all cues), in
            turn, or as given.
        steps : int, optional
            Sweeps or parallel steps at most; default 100.
        rng : int, SeedSequence, Generator or None
            Seed of orders and noise, which are keyed by step and cue.
        record : str or tuple of str
            What `Recall.trace` keeps of each step: "state", "energy", "flips".
        first_cue : int
            Number of the first cue: a batch recalled in parts draws the same noise as whole.

        Raises
        ------
        ShapeError, CodeError, ParameterError
            If an argument does not fit.
        CapabilityError
            If nothing is stored yet.
        """
        one_of("Hopfield.recall", "update", update, ("async", "sync"))
        refuse_order_if_parallel(update, order, "Hopfield.recall")
        temperature = real_number("Hopfield.recall", "temperature", temperature, 0.0, 1e300)
        first_cue = whole_number("Hopfield.recall", "first_cue", first_cue)
        return self._recall(
            self._task(cues, steps, rng, record, f"{update}, T = {temperature}"),
            update,
            temperature,
            order,
            first_cue,
        )

    def _recall(
        self,
        task: Task,
        update: str = "async",
        temperature: float = 0.0,
        order: str | npt.ArrayLike = "random",
        first_cue: int = 0,
    ) -> Recall:
        synapses = self._operator()
        own_fields = getattr(synapses, "fields", None) is not None
        scale = float(getattr(synapses, "scale", 1.0)) if own_fields else 1.0
        threshold = Threshold(
            low=-1 if self.code == "bipolar" else 0,
            level=self._theta,
            temperature=temperature,
            scale=scale,
            tolerance=self._tolerance(synapses) / scale,
            first_cue=first_cue,
        )
        dtype = task.states.dtype
        task.states = task.states.astype(np.int8, copy=False)
        cycles = np.zeros(len(task.states), bool)
        if update == "sync":
            packed = isinstance(synapses, OverlapSynapses) and synapses.mixing is None
            source = PackedFields(synapses) if packed else OperatorFields(synapses)
            cycles = synchronous(task, source, threshold, self._energy)
        else:
            task.previous = None
            asynchronous(task, _sweeper(synapses, threshold), threshold, order, self._energy)
        states = task.states.astype(dtype, copy=False)
        return Recall(
            states,
            code=self.code,
            steps=task.taken,
            converged=task.done & ~cycles,
            cycle=cycles,
            energy=self._pending_energy(states),
            previous=task.previous,
            dynamics=task.dynamics,
            trace=task.recorder.trace(),
        )

    @property
    def synapses(self) -> dict[str, LinearOperator]:
        """The recurrent synapses: ``{"recurrent": W}``, which later learning leaves as they are."""
        self._lent = True
        return {"recurrent": self._operator()}

    @property
    def nbytes(self) -> int:
        """Bytes of weights or packed patterns."""
        weights = 0 if self._synapses is None else int(getattr(self._synapses, "nbytes", 0))
        if self._patterns is None or isinstance(self._synapses, OverlapSynapses):
            return weights
        return weights + self._patterns.nbytes

    @property
    def parameters(self) -> dict[str, Any]:
        """The constructor's arguments, the rule's options among them."""
        return {**super().parameters, **self._rule.options}

    def _store(self, keys: Array, values: Array | None) -> None:
        self._refuse_if_replaced("store")
        self._part_from_lent()
        if not self._packed_form:
            learned = keys
            if self._rule.whole and self._patterns is not None:
                learned = np.concatenate([self._patterns.unpack(), keys])
            weights = self._rule.learn(self._weights(), learned, self.n_stored)
            self._synapses = self._dense(weights)
        else:
            self._synapses = None  # made anew when first read, with all patterns at once
        if self._patterns is not None:
            self._patterns.append(keys)

    def _forget(self, keys: Array) -> None:
        self._refuse_if_replaced("forget")
        self._part_from_lent()
        if self._packed_form and self._rule.integer and self._patterns is not None:
            for place in sorted(self._patterns.places_of(keys, "Hopfield.forget"), reverse=True):
                self._patterns.remove(place)
            self._synapses = None
        else:
            self._synapses = self._dense(self._rule.unlearn(self._weights(), keys))

    def _part_from_lent(self) -> None:
        """Leave operators that were handed out as they are, and learn on in copies."""
        if self._lent:
            self._patterns, self._synapses = copy.deepcopy((self._patterns, self._synapses))
            self._lent = False

    def _tolerance(self, synapses: LinearOperator) -> float:
        """Return how near to the threshold a field counts as a tie, in the units of W.

        Integer fields are exact. Else it is rounding in the operator's own precision.
        """
        if self._rule.integer and not self._replaced:
            return 0.0
        single = self._replaced and synapses.dtype == np.float32
        return 1e-5 if single else 1e-9

    def _energy(self, states: Array) -> Array:
        if self.n_stored == 0:
            raise CapabilityError("Hopfield.energy: nothing is stored yet. Call store(keys) first.")
        synapses = held_by(self._operator())
        own = getattr(synapses, "fields", None)
        if own is None:
            field, scale = (synapses @ states.T.astype(np.float64)).T, 1.0
        else:
            field, scale = own(states), float(getattr(synapses, "scale", 1.0))
        aligned = np.einsum("qi,qi->q", field.astype(np.float64, copy=False), states)
        return np.asarray(-0.5 * scale * aligned + self._theta * states.sum(axis=1, dtype=float))

    def _operator(self) -> LinearOperator:
        """Return the synapses, building the overlap form's operator when it is first read."""
        if self._synapses is None and self._packed_form and self._patterns is not None:
            x = self._patterns
            # Hebb's G is the identity: no Gram matrix is built for it, nor for no patterns.
            plain = self._rule.integer or len(x) == 0
            mixing = None if plain else self._rule.mixing(x.overlaps(x.unpack()), self.n)
            self._synapses = OverlapSynapses(
                x, self._rule.scale(self.n), mixing, zero_diagonal=self.diagonal == "zero"
            )
        elif self._synapses is None:
            self._synapses = self._dense(self._weights())
        return self._synapses

    def _weights(self) -> Array:
        if isinstance(self._synapses, DenseSynapses):
            return self._synapses.weights
        return np.zeros((self.n, self.n), np.float32 if self._rule.integer else np.float64)

    def _dense(self, weights: Array) -> DenseSynapses:
        return DenseSynapses(
            weights, self._rule.scale(self.n), zero_diagonal=self.diagonal == "zero"
        )

    def _default_threshold(self) -> float:
        if isinstance(self._rule, Covariance):
            return float(low_activity_capacity(self._rule.activity).threshold)
        return 0.0

    def _set_synapses(self, synapses: dict[str, LinearOperator]) -> None:
        self._synapses = synapses["recurrent"]
        self._replaced = True

    def _refuse_if_replaced(self, verb: str) -> None:
        if self._replaced:
            raise CapabilityError(
                f"Hopfield.{verb}: these synapses stand in for learned ones and do not learn. "
                f"Call {verb} on the original memory and replace its synapses again."
            )

    def _arrays(self) -> dict[str, Array]:
        self._refuse_if_replaced("save")
        arrays = {}
        if self._patterns is not None:
            arrays["bits"] = self._patterns.bits
        if not self._packed_form:
            arrays["weights"] = self._weights()
        return arrays

    def _set_arrays(self, arrays: Mapping[str, Array]) -> None:
        if "bits" in arrays:
            self._patterns = PackedPatterns.from_bits(self.n, arrays["bits"])
        if "weights" in arrays:
            self._synapses = self._dense(arrays["weights"])


def _make_rule(rule: str, options: dict[str, Any]) -> Rule:
    kind = RULES[rule]
    known = [choice.name for choice in fields(kind)]
    for name in options:
        if name not in known:
            has = f"has: {', '.join(known)}" if known else "has no options"
            raise ParameterError(f"Hopfield: no option {name!r}; rule {rule!r} {has}.")
    if kind is Covariance and "activity" not in options:
        raise ParameterError(
            "Hopfield: rule 'covariance' needs the patterns' mean activity. Give activity=0.1."
        )
    # NumPy's scalars become plain numbers, which a file's header can hold.
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in options.items()}
    return kind(**plain)


def _sweeper(synapses: LinearOperator, threshold: Threshold) -> Sweeper:
    """Choose the fastest exact way to sweep over these synapses."""
    if isinstance(synapses, DenseSynapses):
        return DenseSweeper(synapses, threshold)
    if isinstance(synapses, OverlapSynapses):
        kind = PackedSweeper if synapses.mixing is None else MixedSweeper
        return kind(synapses, threshold)
    return OperatorSweeper(synapses, threshold)
