"""Checks of what is to be written to devices: every conductance is one that they can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neuromem.core.codes import Array
from neuromem.core.errors import ParameterError, ShapeError, real_number
from neuromem.hardware.devices.profile import Profile

SLACK = 1e-6
"""Part of `g_max` by which rounding may carry a target out of the range."""


def float_type(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return the dtype of a population, float32 or float64.

    Raises
    ------
    ParameterError
        For any other dtype.
    """
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ParameterError(f"Devices.program: dtype is {kind}; give float32 or float64.")
    return kind


def stuck_shares(device: Profile, low: float | None, high: float | None) -> tuple[float, float]:
    """Return the fractions of stuck cells, the profile's where they are None.

    Raises
    ------
    ParameterError
        If they are not from 0 to 1, or their sum is above 1.
    """
    where = "Devices.program"
    share = real_number(where, "stuck_low", device.stuck_low if low is None else low, 0.0, 1.0)
    other = real_number(where, "stuck_high", device.stuck_high if high is None else high, 0.0, 1.0)
    if share + other > 1.0:
        raise ParameterError(
            f"{where}: stuck_low and stuck_high are {share:g} and {other:g}; give fractions that "
            "sum to 1 at most."
        )
    return share, other


def as_targets(device: Profile, target: npt.ArrayLike, kind: np.dtype[Any]) -> Array:
    """Return a copy of the targets, in S, on the profile's levels.

    Raises
    ------
    ParameterError
        If a target is no finite number in the range, or between the levels of a two-level cell.
    """
    aim = _numbers("target", target, kind)
    low, high = device.g_min, device.g_max
    slack = SLACK * high
    if aim.size and not (aim.min() >= low - slack and aim.max() <= high + slack):
        raise _outside(device, aim, slack)
    if device.kind != "analog":
        upper = aim > 0.5 * (low + high)
        ends = np.where(upper, high, low)
        if aim.size and np.abs(aim - ends).max() > slack:
            wrong = int(np.count_nonzero(np.abs(aim - ends) > slack))
            raise ParameterError(
                f"Devices.program: {wrong} of {aim.size} targets between the two levels of "
                f"{device.name!r}, {_micro(low)} and {_micro(high)} uS. Give one of these."
            )
        return ends.astype(kind)
    if device.levels is not None:
        step = (high - low) / (device.levels - 1)
        aim -= kind.type(low)
        aim *= kind.type(1.0 / step)
        np.rint(aim, out=aim)
        aim *= kind.type(step)
        aim += kind.type(low)
    return np.clip(aim, kind.type(low), kind.type(high), out=aim)


def _outside(device: Profile, aim: Array, slack: float) -> ParameterError:
    low, high = device.g_min, device.g_max
    if not np.isfinite(aim).all():
        wrong = int(np.count_nonzero(~np.isfinite(aim)))
        return ParameterError(
            f"Devices.program: {wrong} of {aim.size} targets NaN or infinite. Give conductances "
            "in S."
        )
    beyond = np.maximum(low - aim, aim - high)
    wrong, worst = int(np.count_nonzero(beyond > slack)), aim.reshape(-1)[int(beyond.argmax())]
    return ParameterError(
        f"Devices.program: {wrong} of {aim.size} targets outside the range of "
        f"{device.name!r}, {_micro(low)} to {_micro(high)} uS; the farthest is {_micro(worst)} uS. "
        "Rescale the targets, or the profile with profile.scaled(g_max)."
    )


def as_reached(programmed: npt.ArrayLike, aim: Array) -> Array:
    """Return a copy of what a write-verify loop has reached for the targets `aim`, in S.

    Raises
    ------
    ParameterError
        If it holds anything but finite numbers from 0 up.
    ShapeError
        If its shape is not that of the targets.
    """
    held = _numbers("programmed", programmed, aim.dtype)
    if held.shape != aim.shape:
        raise ShapeError(
            f"Devices.program: programmed has shape {held.shape}, the targets have {aim.shape}. "
            "Give a conductance for each cell."
        )
    if held.size and not (held.min() >= 0 and np.isfinite(held.max())):
        raise ParameterError(
            "Devices.program: programmed holds NaN, infinite or negative values; give "
            "conductances in S."
        )
    return held


def _numbers(name: str, values: npt.ArrayLike, kind: np.dtype[Any]) -> Array:
    try:
        array = np.asarray(values)
    except ValueError:
        raise ShapeError(
            f"Devices.program: {name} is ragged: its rows have different lengths."
        ) from None
    if array.dtype.kind not in "biuf":
        raise ParameterError(
            f"Devices.program: {name} has dtype {array.dtype}; give real conductances in S."
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused as infinite
        return np.array(array, dtype=kind, order="C")


def _micro(siemens: float) -> str:
    return f"{siemens * 1e6:.6g}"
