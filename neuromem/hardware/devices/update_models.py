"""Models of how a cell's weight moves under write pulses, and the published fits of them.

What is drawn once per device (D2D), once per pulse (C2C) and at the write of a cell (write noise)
are kept apart. Weights are in the units of the model's source; the bounds span the cell's range.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import (
    CapabilityError,
    ParameterError,
    one_of,
    real_number,
    whole_number,
)
from neuromem.hardware.devices._update_cells import mean_curve, nominal_cells, step_of

Array: TypeAlias = npt.NDArray[Any]
Kind = Literal["constant", "linear", "soft-bounds", "exponential", "neurosim"]
KINDS: tuple[Kind, ...] = ("constant", "linear", "soft-bounds", "exponential", "neurosim")


class GoodnessOfFit(NamedTuple):
    """How well a fitted model meets the curves it was fitted to."""

    rms: float
    """Root mean square residual of the mean curves, in weight units."""
    r_squared: float
    """Part of the variance that the mean curves explain."""
    n: int
    """Points fitted."""
    memory: float = 0.0
    """Pulses over which the noise that does not build up is correlated; 0: not at all."""


@dataclass(frozen=True, kw_only=True)
class UpdateModel:
    r"""One kind of cell under write pulses.

    An up pulse (d = +1) or a down pulse (d = -1) moves the weight by :math:`d\,\Delta_d(w)`,

    ============  ===========================================================================
    kind          step :math:`\Delta_d(w)`, with :math:`s_d` = step (1 + d asymmetry)
    ============  ===========================================================================
    constant      :math:`s_d`
    linear        :math:`s_d (1 - \gamma_d w / b_d)`, gamma = slope_up, slope_down
    soft-bounds   :math:`s_d (1 - w / b_d)`: it vanishes at the bound
    exponential   :math:`s_d \max(1 - A_d e^{d \gamma_d z}, 0)`, z = 2 tilt w / (high - low) +
                  offset; A = amplitude, gamma = rate
    neurosim      that of the curves :math:`B (1 - e^{-P/A})`, see `neurosim_curves`
    ============  ===========================================================================

    and is clipped to the bounds (:math:`b_+` = high, :math:`b_-` = low).

    Parameters
    ----------
    kind : {"constant", "linear", "soft-bounds", "exponential", "neurosim"}
        The form of the step.
    bounds : (float, float)
        Low and high end of the weight. Zero must lie between them for "linear", "soft-bounds".
    step : float
        Scale of the steps, see the table: for "constant", "linear" and "soft-bounds" the step at
        w = 0 without asymmetry, for "exponential" what the bracket multiplies (ask `mean_step`
        for the step itself). "neurosim" takes (high - low) / `pulses`, the mean over the range.
    asymmetry : float
        Up steps are larger by this fraction, down steps smaller.
    slope_up, slope_down : float
        "linear": the fraction of the step that is lost between w = 0 and the bound.
    amplitude_up, amplitude_down, rate_up, rate_down, tilt, offset : float
        "exponential": see the table.
    label_up, label_down : float
        "neurosim": nonlinearity labels in [-9, 9]. As in the literature, a curve that saturates
        has a positive label on the way up and a negative one on the way down.
    pulses : int
        "neurosim": pulses from one end of the range to the other.
    step_spread, asymmetry_spread, high_spread, low_spread, slope_spread, label_spread : float
        D2D standard deviations: of step and bounds relative to them, else absolute.
    step_log_normal : bool
        The step of a device is step exp(step_spread xi), not step (1 + step_spread xi).
    c2c : float
        C2C standard deviation of one step, relative to it; for "neurosim" to the range, so that
        n pulses have c2c (high - low) sqrt(n).
    additive : bool
        The C2C noise does not shrink with the step: it is c2c times :math:`s_d`.
    write_noise : float
        Standard deviation, in units of `step`, of what is read about the weight that pulses act
        on, redrawn at each write of the cell.
    lifetime, lifetime_spread : float
        Update cycles in which a weight leaks to 1/e, and its relative D2D spread.
    reference_error : float, optional
        Each cell is read against a reference at its own symmetry point, which misses by this
        fraction of the high bound. Left out: there is no reference.
    corrupt, corrupt_range : float
        Fraction of cells that are stuck, at a weight uniform in +- corrupt_range.
    one_sided : bool
        The cell takes up pulses only.
    name, title, sources, notes
        What it is called, what it is, who measured and fitted it, what is assumed.
    fit : GoodnessOfFit, optional
        Filled in by `neuromem.hardware.devices.fitting.fit_updates`.

    Raises
    ------
    ParameterError
        If a number is outside its range or does not belong to the kind.

    Notes
    -----
    Constant and linear steps: Gokmen and Vlasov, Front. Neurosci. 10, 333 (2016); exponential:
    Gong et al., Nat. Commun. 9, 2102 (2018); NeuroSim: Chen, Peng and Yu, IEEE TCAD 37, 3067
    (2018). Published fits: `update_models`.

    Examples
    --------
    >>> cell = UpdateModel(kind="soft-bounds", step=0.1)
    >>> cell.curve(2, 1, start=0.0).round(3)
    array([0.   , 0.1  , 0.19 , 0.071])
    >>> update_model("ecram-li").bounds
    (-0.8276, 1.1724)
    """

    kind: Kind
    bounds: tuple[float, float] = (-1.0, 1.0)
    step: float = 0.0
    asymmetry: float = 0.0
    slope_up: float = 0.0
    slope_down: float = 0.0
    amplitude_up: float = 0.0
    amplitude_down: float = 0.0
    rate_up: float = 0.0
    rate_down: float = 0.0
    tilt: float = 0.0
    offset: float = 0.0
    label_up: float = 0.0
    label_down: float = 0.0
    pulses: int = 0
    step_spread: float = 0.0
    step_log_normal: bool = False
    asymmetry_spread: float = 0.0
    high_spread: float = 0.0
    low_spread: float = 0.0
    slope_spread: float = 0.0
    label_spread: float = 0.0
    c2c: float = 0.0
    additive: bool = False
    write_noise: float = 0.0
    lifetime: float | None = None
    lifetime_spread: float = 0.0
    reference_error: float | None = None
    corrupt: float = 0.0
    corrupt_range: float = 0.0
    one_sided: bool = False
    name: str = "custom"
    title: str = ""
    sources: tuple[str, ...] = ()
    notes: str = ""
    fit: GoodnessOfFit | None = None

    def __post_init__(self) -> None:
        _check(self)
        if self.kind == "neurosim":
            object.__setattr__(self, "step", (self.bounds[1] - self.bounds[0]) / self.pulses)

    def __repr__(self) -> str:
        low, high = self.bounds
        return (
            f"<UpdateModel {self.name}: {self.kind}, {low:g} to {high:g} in steps of "
            f"{self.step:.3g}>"
        )

    def mean_step(self, weights: npt.ArrayLike, direction: int) -> Array:
        """Return the length of a pulse's step at `weights`, without spread, noise or bounds.

        Parameters
        ----------
        weights : array_like
            Where the cell is.
        direction : {1, -1}
            Up or down.
        """
        w = np.asarray(weights, dtype=np.float64)
        if direction not in (1, -1):
            raise ParameterError(
                f"mean_step: direction is {direction!r}; give 1 (up) or -1 (down)."
            )
        self.check_sides(direction < 0, "mean_step")
        return step_of(self, nominal_cells(self), w, direction)

    def curve(self, n_up: int, n_down: int = 0, *, start: float | None = None) -> Array:
        """Return the weight of a cell without spread or noise, before and after each pulse.

        Parameters
        ----------
        n_up, n_down : int
            Up pulses, and down pulses after them.
        start : float, optional
            Weight before the first pulse; by default the low bound.

        Returns
        -------
        ndarray, shape (1 + n_up + n_down,)
        """
        low, high = self.bounds
        ups, downs = whole_number("curve", "n_up", n_up), whole_number("curve", "n_down", n_down)
        self.check_sides(downs > 0, "curve: n_down")
        first = low if start is None else real_number("curve", "start", start, low, high)
        rise = mean_curve(self, first, 1, ups)
        fall = mean_curve(self, float(rise[-1]) if rise.size else first, -1, downs)
        return np.concatenate([[first], rise, fall])

    def check_sides(self, down: bool, where: str) -> None:
        """Raise if `down` pulses are asked of a cell that takes none."""
        if self.one_sided and down:
            raise CapabilityError(
                f"{where}: down pulses are asked of {self.name!r}, which takes up pulses only. "
                "Use two populations as a pair and subtract their weights."
            )


# --------------------------------------------------------------------------------- published fits


@cache
def _published() -> dict[str, UpdateModel]:
    text = (Path(__file__).parent / "updates.toml").read_text(encoding="utf-8")
    models = {}
    for name, entry in tomllib.loads(text).items():
        entry["bounds"], entry["sources"] = tuple(entry["bounds"]), tuple(entry["sources"])
        models[name] = UpdateModel(name=name, **entry)
    return models


def update_models() -> list[str]:
    """Return the names of the published update models, sorted.

    >>> update_models()[:3]
    ['capacitor', 'ecram-li', 'ecram-metal-oxide']
    """
    return sorted(_published())


def update_model(name: str | UpdateModel) -> UpdateModel:
    """Return the published update model of that name; a model passes through.

    >>> update_model("rram-soft-bounds")
    <UpdateModel rram-soft-bounds: soft-bounds, -0.75 to 1.25 in steps of 0.002>
    >>> update_model("rram")
    Traceback (most recent call last):
        ...
    neuromem.core.errors.ParameterError: no update model 'rram'; there are: capacitor, ecram-li, \
ecram-metal-oxide, pcm-set, rpu-reference, rram-array-hfo2, rram-array-optimised, \
rram-exponential, rram-soft-bounds.
    """
    if isinstance(name, UpdateModel):
        return name
    models = _published()
    if not isinstance(name, str) or name not in models:
        raise ParameterError(f"no update model {name!r}; there are: {', '.join(sorted(models))}.")
    return models[name]


# ----------------------------------------------------------------------------------------- checks

_OF_KIND = {
    "linear": ("slope_up", "slope_down", "slope_spread"),
    "exponential": (
        "amplitude_up",
        "amplitude_down",
        "rate_up",
        "rate_down",
        "tilt",
        "offset",
    ),
    "neurosim": ("label_up", "label_down", "label_spread", "pulses"),
}
_NON_NEGATIVE = (
    "step",
    "slope_up",
    "slope_down",
    "rate_up",
    "rate_down",
    "step_spread",
    "asymmetry_spread",
    "high_spread",
    "low_spread",
    "slope_spread",
    "label_spread",
    "c2c",
    "write_noise",
    "lifetime_spread",
    "corrupt_range",
)
_RANGES = {
    **dict.fromkeys(_NON_NEGATIVE, (0.0, float("inf"))),
    **dict.fromkeys(("amplitude_up", "amplitude_down", "tilt", "offset"), (-1e6, 1e6)),
    **dict.fromkeys(("label_up", "label_down"), (-9.0, 9.0)),
    "asymmetry": (-1.0, 1.0),
    "corrupt": (0.0, 1.0),
}


def _check(model: UpdateModel) -> None:
    """Refuse numbers out of range, and numbers that the kind would leave unused."""
    one_of("UpdateModel", "kind", model.kind, KINDS)
    for name, (least, most) in _RANGES.items():
        real_number("UpdateModel", name, getattr(model, name), least, most)
    _check_bounds(model)
    for kind, names in _OF_KIND.items():
        for name in names:
            if kind != model.kind and getattr(model, name):
                raise ParameterError(
                    f"UpdateModel: {name} is {getattr(model, name)!r}; it belongs to kind "
                    f"{kind!r}, this is {model.kind!r}. Leave it out."
                )
    if model.kind == "neurosim":
        whole_number("UpdateModel", "pulses", model.pulses, least=1)
    elif model.step == 0.0:
        raise ParameterError("UpdateModel: step is 0.0; give the step of a pulse, above 0.")
    for name in ("lifetime", "reference_error"):
        if getattr(model, name) is not None:
            least = 1.0 if name == "lifetime" else 0.0
            real_number("UpdateModel", name, getattr(model, name), least)


def _check_bounds(model: UpdateModel) -> None:
    try:
        low, high = (float(bound) for bound in model.bounds)
    except (TypeError, ValueError):
        low = high = float("nan")
    if not -np.inf < low < high < np.inf:
        raise ParameterError(
            f"UpdateModel: bounds are {model.bounds!r}; give two finite numbers, low < high."
        )
    spreads = model.high_spread > 0 or model.low_spread > 0
    straddles = low < 0 < high
    if model.kind in ("linear", "soft-bounds") and not straddles:
        raise ParameterError(
            f"UpdateModel: bounds are {model.bounds!r}; steps of kind {model.kind!r} are counted "
            "from a zero between them. Shift the weights, for example to -1 ... 1."
        )
    if spreads and not low <= 0 <= high:
        raise ParameterError(
            f"UpdateModel: bounds are {model.bounds!r}; bounds that spread from device to device "
            "must have zero between them. Shift the weights, or leave the spreads out."
        )
