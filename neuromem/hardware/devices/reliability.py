"""What time, heat and cycles do to a cell, and heat and geometry to a wire.

Closed forms over plain numbers and arrays in SI units (energies in eV, temperatures in K), beside
the statistics of a device that stand in its profile.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from neuromem.core.errors import ParameterError, real_number
from neuromem.core.numerics import Reals, plain, reals
from neuromem.core.randomness import Rng, stream
from neuromem.hardware.devices.profile import BOLTZMANN

Array = npt.NDArray[Any]

LEAST = 1e-30
"""The smallest time, length or resistivity that counts as above zero."""


# --- retention ------------------------------------------------------------------------------


def arrhenius_factor(
    activation_energy: float, use_temperature: npt.ArrayLike, stress_temperature: npt.ArrayLike
) -> Reals:
    """Return exp(E_a/k (1/T_use - 1/T_stress)): how much faster cells fail in the oven.

    Parameters
    ----------
    activation_energy : float
        In eV. Usual: filaments in HfO2 1.1 to 1.6, crystallisation of GST 2.2 to 3.0, flash 1.1.
    use_temperature, stress_temperature : float or array_like
        In K, at least 1.

    Raises
    ------
    ParameterError
        If a number is not finite or out of its range.

    Examples
    --------
    >>> round(arrhenius_factor(1.5, 85 + 273.15, 150 + 273.15), 1)
    1747.1
    """
    where = "arrhenius_factor"
    energy = real_number(where, "activation_energy", activation_energy, 0.0)
    use = reals(where, "use_temperature", use_temperature, 1.0)
    stress = reals(where, "stress_temperature", stress_temperature, 1.0)
    with np.errstate(over="ignore"):  # near absolute zero nothing ever fails: infinity
        return plain(np.exp(energy / BOLTZMANN * (1.0 / use - 1.0 / stress)))


def time_to_fail(
    reference_time: npt.ArrayLike,
    activation_energy: float,
    reference_temperature: npt.ArrayLike,
    temperature: npt.ArrayLike,
) -> Reals:
    """Return t_ref exp(E_a/k (1/T - 1/T_ref)), the time to fail at `temperature`, in s.

    Parameters
    ----------
    reference_time : float or array_like
        Time to fail (s) at `reference_temperature`.
    activation_energy : float
        In eV.
    reference_temperature, temperature : float or array_like
        In K, at least 1.

    Examples
    --------
    An hour in the oven at 150 degrees C stands for 73 days at 85 degrees C:

    >>> round(time_to_fail(3600.0, 1.5, 423.15, 358.15) / 86400.0, 1)
    72.8
    """
    reference = reals("time_to_fail", "reference_time", reference_time, LEAST)
    factor = arrhenius_factor(activation_energy, temperature, reference_temperature)
    return plain(reference * factor)


def failed_fraction(seconds: npt.ArrayLike, median: float, spread: float) -> Reals:
    """Return Phi(ln(t/t_50)/spread), the fraction of cells that have failed by `seconds`.

    Parameters
    ----------
    seconds : float or array_like
        At least 0.
    median : float
        Time (s) by which half of the cells have failed.
    spread : float
        Standard deviation of ln t.

    Examples
    --------
    >>> failed_fraction(1e6, median=1e6, spread=0.8)
    0.5
    """
    where = "failed_fraction"
    times = reals(where, "seconds", seconds)
    median = real_number(where, "median", median, LEAST)
    spread = real_number(where, "spread", spread, LEAST)
    with np.errstate(divide="ignore"):
        return plain(ndtr((np.log(times) - math.log(median)) / spread))


def fail_times(shape: tuple[int, ...], median: float, spread: float, *, rng: Rng = None) -> Array:
    """Return log-normal times to fail (s) of `shape` cells, a draw for each.

    Parameters
    ----------
    shape : tuple of int
        Of the array of cells.
    median, spread : float
        As in `failed_fraction`.
    rng : int, SeedSequence, Generator or None
        The seed; None is 0.

    Examples
    --------
    >>> bool((fail_times((3, 4), 1e6, 0.8, rng=1) > 0).all())
    True
    """
    median = real_number("fail_times", "median", median, LEAST)
    spread = real_number("fail_times", "spread", spread, 0.0)
    return median * np.exp(spread * stream(rng, "fail times").standard_normal(shape))


def endurance_window(
    cycles: npt.ArrayLike, g_min: float, g_max: float, endurance: float, exponent: float = 1.0
) -> Reals:
    """Return the largest conductance (S) left after `cycles` writes.

    The window closes from above, G_min + (G_max - G_min)(1 - (n/n_end)^p), and is shut from
    n_end on.

    Parameters
    ----------
    cycles : float or array_like
        Writes so far, n.
    g_min, g_max : float
        Ends of the fresh window, S.
    endurance : float
        n_end, at which nothing of the window is left; at least 1.
    exponent : float, default 1
        p.

    Examples
    --------
    >>> endurance_window([0, 5e5, 1e6, 2e6], 1e-6, 41e-6, endurance=1e6).round(9)
    array([4.1e-05, 2.1e-05, 1.0e-06, 1.0e-06])
    """
    where = "endurance_window"
    counts = reals(where, "cycles", cycles)
    low = real_number(where, "g_min", g_min, 0.0)
    high = real_number(where, "g_max", g_max, low)
    end = real_number(where, "endurance", endurance, 1.0)
    power = real_number(where, "exponent", exponent, LEAST)
    used = np.minimum(counts / end, 1.0) ** power
    return plain(low + (high - low) * (1.0 - used))


# --- magnetic cells -------------------------------------------------------------------------


def thermal_stability(
    delta: float, temperature: npt.ArrayLike, reference_temperature: float = 300.0
) -> Reals:
    """Return Delta T_ref/T: the barrier of a magnetic cell over kT at `temperature` (K).

    Parameters
    ----------
    delta : float
        Thermal stability at `reference_temperature`, usually 40 to 80.
    temperature : float or array_like
        In K.
    reference_temperature : float, default 300
        In K.

    Examples
    --------
    >>> thermal_stability(60.0, 360.0)
    50.0
    """
    where = "thermal_stability"
    barrier = real_number(where, "delta", delta, 0.0)
    reference = real_number(where, "reference_temperature", reference_temperature, 1.0)
    return plain(barrier * reference / reals(where, "temperature", temperature, 1.0))


def retention_failure(
    seconds: npt.ArrayLike, delta: npt.ArrayLike, attempt_time: float = 1e-9
) -> Reals:
    """Return 1 - exp(-(t/tau_0) exp(-Delta)): the chance that a magnetic cell has flipped.

    Parameters
    ----------
    seconds : float or array_like
        Since the cell was written.
    delta : float or array_like
        Thermal stability at the cell's temperature, see `thermal_stability`.
    attempt_time : float, default 1e-9
        tau_0, s.

    Examples
    --------
    >>> round(retention_failure(10 * 365.25 * 86400.0, 40.0), 3)
    0.738
    """
    return switching_probability(seconds, 0.0, 1.0, delta, attempt_time)


def switching_probability(
    seconds: npt.ArrayLike,
    current: npt.ArrayLike,
    critical_current: float,
    delta: npt.ArrayLike,
    attempt_time: float = 1e-9,
) -> Reals:
    """Return the chance that a pulse below the critical current flips a magnetic cell.

    Thermally activated: P = 1 - exp(-(t/tau_0) exp(-Delta (1 - I/I_c0))). A source of random bits
    whose bias the current sets.

    Parameters
    ----------
    seconds : float or array_like
        Length of the pulse.
    current : float or array_like
        From 0 to `critical_current`, A; above it the law does not hold.
    critical_current : float
        I_c0, A.
    delta : float or array_like
        Thermal stability at the cell's temperature.
    attempt_time : float, default 1e-9
        tau_0, s.

    Examples
    --------
    >>> round(switching_probability(10e-9, 48e-6, 50e-6, delta=60.0), 3)
    0.596
    """
    where = "switching_probability"
    times = reals(where, "seconds", seconds)
    critical = real_number(where, "critical_current", critical_current, LEAST)
    part = reals(where, "current", current, 0.0, critical) / critical
    barrier = reals(where, "delta", delta)
    attempt = real_number(where, "attempt_time", attempt_time, LEAST)
    with np.errstate(divide="ignore", over="ignore"):  # never, and at once
        attempts = np.exp(np.log(times) - math.log(attempt) - barrier * (1.0 - part))
    return plain(-np.expm1(-attempts))


# --- wires ----------------------------------------------------------------------------------


def wire_resistivity(
    temperature: npt.ArrayLike, at_300: float = 2.97e-8, coefficient: float = 0.00451
) -> Reals:
    """Return rho_300 (1 + a (T - 300 K)), the resistivity (ohm m) of a metal at `temperature`.

    Parameters
    ----------
    temperature : float or array_like
        In K; from where the line is above zero, 79 K with the default coefficient.
    at_300 : float, default 2.97e-8
        Resistivity at 300 K; the default is that of a 22 nm node's copper lines.
    coefficient : float, default 0.00451
        a, 1/K.

    Examples
    --------
    >>> round(wire_resistivity(400.0) / wire_resistivity(300.0), 3)
    1.451
    """
    where = "wire_resistivity"
    slope = real_number(where, "coefficient", coefficient, 0.0)
    rho = real_number(where, "at_300", at_300, LEAST)
    kelvin = reals(where, "temperature", temperature, 1.0)
    factor = 1.0 + slope * (kelvin - 300.0)
    if (factor <= 0.0).any():
        raise ParameterError(
            f"{where}: temperature is {kelvin.min():g} K, where the line through 300 K gives no "
            f"positive resistivity; give temperatures above {300.0 - 1.0 / slope:.4g} K."
        )
    return plain(rho * factor)


def segment_resistance(
    length: npt.ArrayLike,
    width: npt.ArrayLike,
    aspect_ratio: float = 1.9,
    *,
    temperature: npt.ArrayLike = 300.0,
    resistivity: float = 2.97e-8,
) -> Reals:
    """Return rho L/(w h), the resistance (ohm) of a wire from one cell to the next; h = AR w.

    Parameters
    ----------
    length, width : float or array_like
        m; the length is the pitch of the cells, the width that of the line.
    aspect_ratio : float, default 1.9
        Height over width, AR.
    temperature : float or array_like, default 300
        In K, see `wire_resistivity`.
    resistivity : float, default 2.97e-8
        At 300 K, ohm m.

    References
    ----------
    Chen, Peng, Yu, IEEE TCAD 37, 3067 (2018), doi:10.1109/TCAD.2018.2789723.

    Examples
    --------
    At 22 nm, cells of 4 F and of 12 F:

    >>> segment_resistance([160e-9, 480e-9], 40e-9).round(2)
    array([1.56, 4.69])
    """
    where = "segment_resistance"
    run = reals(where, "length", length)
    across = reals(where, "width", width, LEAST)
    ratio = real_number(where, "aspect_ratio", aspect_ratio, LEAST)
    return plain(wire_resistivity(temperature, resistivity) * run / (across**2 * ratio))
