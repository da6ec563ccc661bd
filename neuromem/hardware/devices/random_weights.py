"""Random weights that nobody writes: cells broken down once, and switching by chance.

A voltage ramp breaks some cells of a fresh array and leaves the others; which ones, and what they
then conduct, is random and stays. Such an array is a random projection or reservoir that needs no
programming of single weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from neuromem.core.errors import ParameterError, real_number, whole_number
from neuromem.core.numerics import Reals, plain, reals
from neuromem.core.randomness import Rng, stream
from neuromem.hardware.devices.profile import Profile, RandomWeights, profile, profiles

Array = npt.NDArray[Any]
Device = str | Path | Profile

MACRO = "rram-40nm-random"


def breakdown_fraction(stop_voltage: npt.ArrayLike, device: Device = MACRO) -> Reals:
    """Return the fraction of cells that a ramp up to `stop_voltage` breaks down.

    Phi((V - mean)/sigma), the breakdown voltages being normal.

    Parameters
    ----------
    stop_voltage : float or array_like
        Where the ramp ends, V.
    device : str, Path or Profile
        A profile with a [random] section.

    References
    ----------
    Wang et al., Nature Machine Intelligence 5, 104 (2023), doi:10.1038/s42256-023-00609-5.

    Examples
    --------
    >>> breakdown_fraction(3.433)
    0.5
    """
    source = _source(device, "breakdown_fraction")
    volts = reals("breakdown_fraction", "stop_voltage", stop_voltage)
    return plain(ndtr((volts - source.breakdown_mean) / source.breakdown_sigma))


def stop_voltage_for(fraction: float, device: Device = MACRO) -> float:
    """Return where (V) to end the ramp so that `fraction` of the cells break down.

    Parameters
    ----------
    fraction : float
        Above 0 and below 1; one minus it is the sparsity of the weights.
    device : str, Path or Profile
        A profile with a [random] section.

    Examples
    --------
    >>> round(stop_voltage_for(0.9), 3)
    3.579
    """
    source = _source(device, "stop_voltage_for")
    part = real_number("stop_voltage_for", "fraction", fraction, 0.0, 1.0)
    if part in (0.0, 1.0):
        raise ParameterError(
            f"stop_voltage_for: fraction is {fraction!r}; a normal spread of breakdown voltages "
            "reaches none and all of the cells only in the limit. Give a number between 0 and 1."
        )
    return source.breakdown_mean + source.breakdown_sigma * float(ndtri(part))


def random_conductances(
    shape: int | tuple[int, ...],
    device: Device = MACRO,
    stop_voltage: float | None = None,
    rng: Rng = None,
    *,
    dtype: npt.DTypeLike = np.float32,
) -> Array:
    """Return the conductances (S) of an array of cells after the ramp.

    A cell breaks down with the chance `breakdown_fraction`, and then conducts a normal amount; the
    others conduct nothing. A higher ramp breaks further cells of the same array and leaves the
    conductance of those that were broken before.

    Parameters
    ----------
    shape : int or tuple of int
        Of the array.
    device : str, Path or Profile
        A profile with a [random] section.
    stop_voltage : float, optional
        Where the ramp ends, V; left out: the mean breakdown voltage, so that half of them break.
    rng : int, SeedSequence, Generator or None
        The seed; None is 0.
    dtype : dtype, default float32
        Of the result.

    Returns
    -------
    ndarray
        `shape`, within the range of the profile.

    Raises
    ------
    ParameterError
        If the profile says nothing of random weights, a number is out of range, or the dtype is
        no float.

    References
    ----------
    Wang et al., Nature Machine Intelligence 5, 104 (2023), doi:10.1038/s42256-023-00609-5;
    Lin et al., Nature Computational Science 5, 37 (2025), doi:10.1038/s43588-024-00751-z.

    Examples
    --------
    >>> g = random_conductances((1000, 100), stop_voltage=3.433, rng=0)
    >>> bool(abs((g == 0).mean() - 0.5) < 0.01)
    True
    """
    where = "random_conductances"
    cell = profile(device)
    source = _source(cell, where)
    extent = _shape(shape, where)
    kind = np.dtype(dtype)
    if kind.kind != "f":
        raise ParameterError(f"{where}: dtype is {kind}; give a float type, such as float32.")
    if stop_voltage is None:
        stop_voltage = source.breakdown_mean
    ramp = real_number(where, "stop_voltage", stop_voltage, 0.0)
    volts = stream(rng, "breakdown").standard_normal(extent, dtype=np.float32)
    siemens = stream(rng, "conductance").standard_normal(extent, dtype=np.float32)
    broken = volts < (ramp - source.breakdown_mean) / source.breakdown_sigma
    conductance = source.mean + source.sigma * siemens.astype(kind)
    return np.where(broken, np.clip(conductance, cell.g_min, cell.g_max), 0.0).astype(kind)


def random_weights(
    shape: int | tuple[int, ...],
    device: Device = MACRO,
    stop_voltage: float | None = None,
    rng: Rng = None,
    *,
    scale: float | None = None,
    dtype: npt.DTypeLike = np.float32,
) -> Array:
    """Return weights of differential pairs of random cells: symmetric about 0, nearly ternary.

    Parameters
    ----------
    shape : int or tuple of int
        Of the weights; the two cells of each are those of ``random_conductances((2, *shape))``.
    device : str, Path or Profile
        A profile with a [random] section.
    stop_voltage : float, optional
        Where the ramp ends, V; left out: the mean breakdown voltage.
    rng : int, SeedSequence, Generator or None
        The seed; None is 0.
    scale : float, optional
        Weight of a siemens, 1/S; left out: 1 over the mean conductance of a broken cell, so that
        weights lie about -1, 0 and 1.
    dtype : dtype, default float32
        Of the result.

    Returns
    -------
    ndarray
        `shape`, scale (G+ - G-).

    Examples
    --------
    >>> w = random_weights((200, 100), rng=0)
    >>> bool(abs(w.mean()) < 0.02)
    True
    """
    where = "random_weights"
    source = _source(device, where)
    factor = 1.0 / source.mean if scale is None else real_number(where, "scale", scale)
    extent = (2, *_shape(shape, where))
    plus, minus = random_conductances(extent, device, stop_voltage, rng, dtype=dtype)
    return np.asarray((plus - minus) * factor, dtype=dtype)


def filament_probability(
    seconds: npt.ArrayLike, voltage: npt.ArrayLike, *, tau0: float = 2.85e5, v0: float = 0.156
) -> Reals:
    """Return 1 - exp(-t/tau(V)): the chance that a filament has formed after `seconds`.

    The wait is exponential with tau(V) = tau0 exp(-V/v0), so that pulses are a source of random
    bits whose bias their length and voltage set.

    Parameters
    ----------
    seconds : float or array_like
        Length of the pulse.
    voltage : float or array_like
        Its height, V.
    tau0, v0 : float
        In s and V; the defaults are those usually quoted for cells of silver in amorphous
        silicon, an order of magnitude for others.

    References
    ----------
    Jo, Kim, Lu, Nano Letters 9, 496 (2009).

    Examples
    --------
    >>> filament_probability(0.0, 3.0)
    0.0
    """
    where = "filament_probability"
    times = reals(where, "seconds", seconds)
    volts = reals(where, "voltage", voltage)
    tau0 = real_number(where, "tau0", tau0, 1e-30)
    v0 = real_number(where, "v0", v0, 1e-6)
    with np.errstate(divide="ignore", over="ignore"):  # never, and at once
        waits = np.exp(np.log(times) - np.log(tau0) + volts / v0)
    return plain(-np.expm1(-waits))


def weibull_probability(seconds: npt.ArrayLike, scale: float, exponent: float = 1.0) -> Reals:
    """Return 1 - exp(-(t/scale)^exponent): the chance that a dielectric has broken down.

    Parameters
    ----------
    seconds : float or array_like
        Under the stress.
    scale : float
        Time (s) by which 63 % have broken down.
    exponent : float, default 1
        Weibull slope; 1 is the memoryless wait of `filament_probability`.

    Examples
    --------
    >>> weibull_probability([0.0, 1.0, 2.0], scale=1.0, exponent=2.0).round(4)
    array([0.    , 0.6321, 0.9817])
    """
    where = "weibull_probability"
    times = reals(where, "seconds", seconds)
    scale = real_number(where, "scale", scale, 1e-30)
    slope = real_number(where, "exponent", exponent, 1e-6)
    with np.errstate(over="ignore"):
        return plain(-np.expm1(-((times / scale) ** slope)))


def _source(device: Device, where: str) -> RandomWeights:
    cell = profile(device)
    if cell.random is None:
        able = [name for name in profiles() if profile(name).random is not None]
        raise ParameterError(
            f"{where}: the profile {cell.name!r} says nothing of random weights; "
            f"those that do: {', '.join(able)}."
        )
    return cell.random


def _shape(shape: int | tuple[int, ...], where: str) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return tuple(whole_number(where, "shape", size) for size in sizes)
