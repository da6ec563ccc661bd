"""Models from measurements: pulse curves to update models, programmed levels to profiles."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import (
    CodeError,
    ParameterError,
    ShapeError,
    one_of,
    real_number,
    whole_number,
)
from neuromem.hardware.devices._pulse_fits import (
    fitted_noise,
    mean_curves,
    measured_curve,
    plan_fit,
)
from neuromem.hardware.devices.update_models import KINDS, GoodnessOfFit, Kind, UpdateModel

Array: TypeAlias = npt.NDArray[Any]
MICRO = 1e-6
"""Siemens in a microsiemens, the unit of conductances in profiles."""
_ROUNDS = 200
_NODES = (1e-9, 1e-5)
_WRITE = {"voltage": "in V", "pulse": "in s", "pulses": "a cell"}


def fit_updates(
    up: npt.ArrayLike,
    down: npt.ArrayLike,
    *,
    kind: Kind = "soft-bounds",
    scale: tuple[float, float] | None = None,
    additive: bool = False,
    name: str = "fitted",
) -> UpdateModel:
    r"""Fit an update model to the measured pulse response of one device.

    The mean curve is fitted by least squares. Its residuals then give the noise by maximum
    likelihood (a Kalman filter): C2C noise is what builds up from pulse to pulse, write noise is
    what does not. Some devices fluctuate with a memory of a few pulses; that does not build up
    either, counts as write noise, and `fit.memory` says how long it is.

    Parameters
    ----------
    up, down : array_like, shape (P,)
        State after each pulse of a run of up pulses, and of a run of down pulses.
    kind : {"constant", "linear", "soft-bounds", "exponential", "neurosim"}
        The form of the step, see `UpdateModel`. Bounds that the runs do not reach stay
        a little outside of them.
    scale : (float, float), optional
        Measured values that become the weights -1 and 1. Left out: weights are the values
        themselves, which for "linear" and "soft-bounds" must have zero between them.
    additive : bool
        Take the C2C noise as the same at all weights.
    name : str
        What the model is called.

    Returns
    -------
    UpdateModel
        With `c2c`, `write_noise` and `fit`, the goodness of fit of the mean curves.

    Raises
    ------
    ParameterError, ShapeError, CodeError
        If a curve is too short or not finite, does not move its way, or zero is not in the range.

    Examples
    --------
    >>> truth = UpdateModel(kind="soft-bounds", step=0.02, bounds=(-0.8, 1.2))
    >>> curve = truth.curve(100, 100)
    >>> model = fit_updates(curve[1:101], curve[101:], kind="soft-bounds")
    >>> round(model.step, 4), [round(bound, 3) for bound in model.bounds]
    (0.02, [-0.8, 1.2])
    >>> model.fit.rms < 1e-6
    True
    """
    from scipy.optimize import least_squares
    from threadpoolctl import threadpool_limits

    one_of("fit_updates", "kind", kind, KINDS)
    rise, fall = measured_curve("up", up, scale), measured_curve("down", down, scale)
    plan = plan_fit(kind, rise, fall, name)
    measured = np.concatenate([rise, fall])

    def residuals(x: Array) -> Array:
        model, first_up, first_down = plan.build(x.tolist())
        parts = mean_curves(model, (first_up, first_down), (rise.size, fall.size))
        value: Array = np.concatenate(parts) - measured
        return value

    # One thread: the optimiser's matrices are thin, and threads that wait for each other cost more
    # than they save.
    with threadpool_limits(limits=1, user_api="blas"):
        fits = [
            least_squares(
                residuals,
                guess,
                bounds=(plan.low, plan.high),
                x_scale=plan.unit,
                ftol=1e-10,
                xtol=1e-10,
            )
            for guess in plan.guesses
        ]
    found = min(fits, key=lambda fit: float(fit.cost))
    model, *firsts = plan.build(found.x.tolist())
    means = mean_curves(model, (firsts[0], firsts[1]), (rise.size, fall.size))
    rms = float(np.sqrt(np.mean(found.fun**2)))
    c2c, write_noise, memory = fitted_noise(
        model, additive, (firsts[0], firsts[1]), means, (rise, fall)
    )
    fit = GoodnessOfFit(rms, 1.0 - rms**2 / float(np.var(measured)), measured.size, memory)
    return replace(model, additive=additive, c2c=c2c, write_noise=write_noise, fit=fit)


def fit_programming(
    targets: npt.ArrayLike, measured: npt.ArrayLike, *, g_ref: float | None = None, degree: int = 2
) -> list[dict[str, Any]]:
    """Fit the spread of programmed conductances as a polynomial of the relative target.

    Maximum likelihood for normal errors about the target, whose s.d. is the polynomial; targets
    need not repeat. What the cells miss on average is part of the error.

    Parameters
    ----------
    targets : array_like
        Targets in S, of the shape of `measured` or of its last axis.
    measured : array_like
        Conductances reached, in S.
    g_ref : float, optional
        Conductance that targets are relative to, in S; default the largest target.
    degree : int
        Of the polynomial, 0 to 5.

    Returns
    -------
    list of dict
        The law as a profile's ``[programming]`` holds it, in uS.

    Raises
    ------
    ParameterError, ShapeError, CodeError
        If there are not more targets than `degree`, or the arrays do not fit or are not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> goal = np.linspace(1e-6, 25e-6, 50)
    >>> reached = goal + 1e-6 * (0.2 + 0.04e6 * goal) * rng.standard_normal((200, 50))
    >>> [round(float(c), 2) for c in fit_programming(goal, reached, degree=1)[0]["polynomial"]]
    [0.2, 1.01]
    """
    aims, values = _levels("fit_programming", targets, measured)
    ref = float(aims.max()) if g_ref is None else _positive("fit_programming", "g_ref", g_ref)
    return _law(aims / ref, values - aims, degree)


def fit_profile(
    path: str | Path,
    targets: npt.ArrayLike,
    measured: npt.ArrayLike,
    *,
    title: str,
    technology: str,
    sources: Sequence[str],
    notes: str = "",
    reads: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    degree: int = 2,
    g_range: tuple[float, float] | None = None,
    read: tuple[float, float] = (0.2, 1e-7),
    write: tuple[float, float, float] = (2.0, 1e-6, 10.0),
    area: tuple[float, float] = (30.0, 130e-9),
) -> Path:
    """Write a device profile that is fitted to measurements; `profile(path)` loads it.

    The file is checked before it takes its place, in one go: it never stands there half written.

    Parameters
    ----------
    path : str or Path
        The file to write, ``<name>.toml``, in a folder that is there; an older one is replaced.
    targets, measured : array_like
        Targets and conductances reached, in S, as in `fit_programming`.
    title, technology, sources, notes : str, str, sequence of str, str
        What the device is, its kind ("RRAM", "PCM", ...), who measured it, what is assumed.
    reads : (array_like, array_like), optional
        Targets and repeated readings of a cell at each, in S: shapes (T,) and (n, T). They give
        the noise of a read; left out, the profile has none.
    degree : int
        Of the polynomials.
    g_range : (float, float), optional
        Range of the profile, in S; default the smallest and the largest target.
    read : (float, float)
        Read voltage (V) and duration (s).
    write : (float, float, float)
        Write voltage (V), pulse (s), pulses a cell.
    area : (float, float)
        Cell area (F^2) and node (m; 1 nm to 10 um).

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ParameterError, ShapeError, CodeError
        If measurements or figures do not fit, there is no such folder, or the profile would not
        load.
    """
    from neuromem.hardware.devices.profile import profile

    place = _place(path)
    aims, values = _levels("fit_profile", targets, measured)
    ends = (float(aims.min()), float(aims.max())) if g_range is None else g_range
    low, high = _figures("g_range", ends, {"lowest": "in S", "highest": "in S"}).values()
    if not low < high:
        raise ParameterError(
            f"fit_profile: g_range is {(low, high)}; give the lower one first, or more targets."
        )
    size = _figures("area", area, {"cell": "in F^2", "node": "in m"})
    real_number("fit_profile", "node in area", size["node"], *_NODES)
    text = _toml(
        {
            "name": place.stem,
            **_texts(title=title, technology=technology, notes=notes),
            "kind": "analog",
            "sources": _sources(sources),
        },
        {
            "conductance": {"g_min": low / MICRO, "g_max": high / MICRO},
            "read": _figures("read", read, {"voltage": "in V", "duration": "in s"}),
            "programming": {"sigma": _law(aims / high, values - aims, degree)},
            "noise": _read_noise(reads, high, degree),
            "write": _figures("write", write, _WRITE),
            "area": size,
        },
    )
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.stem}-") as scratch:
        draft = Path(scratch) / place.name
        draft.write_text(text, encoding="utf-8")
        profile(draft)
        draft.replace(place)
    return place


# --------------------------------------------------------------------------------------- levels


def _levels(where: str, targets: npt.ArrayLike, measured: npt.ArrayLike) -> tuple[Array, Array]:
    values = np.asarray(measured, dtype=np.float64)
    aims = np.asarray(targets, dtype=np.float64)
    if aims.shape not in (values.shape, values.shape[-1:]) or values.size == 0:
        raise ShapeError(
            f"{where}: targets have shape {aims.shape}, measured {values.shape}; give targets of "
            "the same shape or of its last axis."
        )
    # Readings about zero may be negative; targets may not.
    for name, array, least in (("targets", aims, 0.0), ("measured", values, -np.inf)):
        if not (np.isfinite(array) & (array >= least)).all():
            raise CodeError(f"{where}: {name} hold values that are no conductance; give S.")
    return np.broadcast_to(aims, values.shape), values


def _positive(where: str, name: str, value: float) -> float:
    if not 0 < value < np.inf:
        raise ParameterError(f"{where}: {name} is {value!r}; give a conductance above 0, in S.")
    return float(value)


def _law(x: Array, errors: Array, degree: int) -> list[dict[str, Any]]:
    """Return the s.d. of `errors` (S) as a polynomial of x, by Fisher scoring; in uS."""
    order = whole_number("fit", "degree", degree)
    distinct = np.unique(x).size
    if order > 5 or order >= distinct:
        raise ParameterError(
            f"fit: degree is {degree}; give at most 5, and less than the {distinct} targets."
        )
    flat, powers = errors.reshape(-1) / MICRO, np.vander(x.reshape(-1), order + 1, increasing=True)
    whole = float(np.sqrt(np.mean(flat**2)))
    if whole == 0.0:
        return [{"polynomial": [0.0], "low": 0.0}]
    sigma = np.full(flat.size, whole)
    for _ in range(_ROUNDS):
        aim = sigma + (flat**2 - sigma**2) / (2.0 * sigma)
        coefficients = np.linalg.lstsq(powers / sigma[:, None], aim / sigma, rcond=None)[0]
        moved = np.maximum(powers @ coefficients, 0.02 * whole)
        if np.abs(moved - sigma).max() < 1e-9 * whole:
            break
        sigma = moved
    return [{"polynomial": [float(c) for c in coefficients], "low": 0.0}]


def _read_noise(
    reads: tuple[npt.ArrayLike, npt.ArrayLike] | None, g_ref: float, degree: int
) -> dict[str, Any]:
    if reads is None:
        return {}
    try:
        goals, readings = reads
    except (TypeError, ValueError):
        raise ParameterError(
            f"fit_profile: reads is of type {type(reads).__name__} and no pair; give "
            "(targets, readings), two arrays in S."
        ) from None
    aims, values = _levels("fit_profile: reads", goals, readings)
    if values.ndim != 2 or len(values) < 2:
        raise ShapeError(
            f"fit_profile: reads have shape {values.shape}; give (n, T) readings, n >= 2."
        )
    # The mean of n readings takes a degree of freedom from each cell.
    errors = (values - values.mean(axis=0)) * np.sqrt(len(values) / (len(values) - 1))
    return {"per": "read", "absolute": _law(aims / g_ref, errors, degree)}


# ---------------------------------------------------------------------------------- the file


def _place(path: str | Path) -> Path:
    """Return the file to write, in a folder that is there."""
    place = Path(path).expanduser()
    if place.suffix != ".toml":
        raise ParameterError(f"fit_profile: path is {str(path)!r}; give a name that ends in .toml.")
    if not place.parent.is_dir():
        raise ParameterError(
            f"fit_profile: path is {str(path)!r}, but there is no folder {str(place.parent)!r}; "
            "make it first."
        )
    return place


def _figures(name: str, values: Sequence[float], units: dict[str, str]) -> dict[str, float]:
    """Return a finite number >= 0 for each of `units`; which may be 0, the profile knows."""
    given = list(values) if isinstance(values, Iterable) else []
    if len(given) != len(units):
        wanted = ", ".join(f"{part} {unit}" for part, unit in units.items())
        raise ParameterError(f"fit_profile: {name} is {values!r}; give ({wanted}).")
    return {
        part: real_number("fit_profile", f"{part} in {name}", value, 0.0)
        for part, value in zip(units, given, strict=True)
    }


def _texts(**texts: str) -> dict[str, str]:
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ParameterError(f"fit_profile: {name} is {text!r}; give a text.")
    return texts


def _sources(sources: Sequence[str]) -> list[str]:
    # A text is a sequence as well, of its letters.
    given = list(sources) if isinstance(sources, Iterable) and not isinstance(sources, str) else []
    if not given or not all(isinstance(source, str) for source in given):
        raise ParameterError(
            f"fit_profile: sources is {sources!r}; give a list of texts, such as "
            '["Smith et al., 2024"].'
        )
    return given


def _toml(top: dict[str, Any], sections: dict[str, dict[str, Any]]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in top.items()]
    for section, entries in sections.items():
        if entries:
            unit = "  # uS" if section in ("conductance", "programming", "noise") else ""
            lines += ["", f"[{section}]{unit}"]
            lines += [f"{key} = {_value(value)}" for key, value in entries.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    return repr(float(value))
