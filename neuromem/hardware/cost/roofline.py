"""When moving weights costs more than multiplying them: roofline, memory wall, and the way out.

A machine attains ``min(peak, intensity * bandwidth)`` operations per second (Williams, Waterman
and Patterson, *Commun. ACM* 52, 65 (2009), doi:10.1145/1498765.1498785). A dense product streams
its weights once for a whole batch; an array that computes in place moves inputs and outputs alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.errors import ParameterError, real_number, whole_number
from neuromem.core.results import Variable
from neuromem.hardware.cost.converters import positive
from neuromem.hardware.cost.digital import digital_cost, number_format
from neuromem.hardware.cost.products import precision
from neuromem.hardware.cost.technology import Technology

GROWTH = {"compute": 3.0, "memory": 1.6, "interconnect": 1.4}
"""Growth in two years of peak compute, DRAM bandwidth and interconnect bandwidth."""

GROWN = Variable("growth", "1", "growth since the first year")
TIME = Variable("time", "s", "time of the whole batch")
BATCH_ENERGY = Variable("energy", "J", "energy of the whole batch")
CROSSOVER = Variable("crossover_batch", "1", "batch from which on the processor is as fast")
BREAK_EVEN = Variable("break_even", "1", "products that save the energy of programming")


@dataclass(frozen=True)
class Roofline:
    """A machine by its two limits.

    Parameters
    ----------
    peak : float
        Operations per second at best.
    bandwidth : float
        Bytes per second from the memory that holds the weights.

    Raises
    ------
    ParameterError
        If a limit is not above zero.

    Examples
    --------
    >>> machine = Roofline(peak=100e9, bandwidth=20e9)
    >>> machine.ridge
    5.0
    >>> float(machine.attainable(1.0))  # memory-bound
    20000000000.0
    """

    peak: float
    bandwidth: float

    def __post_init__(self) -> None:
        """Check both limits."""
        for name in ("peak", "bandwidth"):
            object.__setattr__(self, name, positive("Roofline", name, getattr(self, name)))

    @property
    def ridge(self) -> float:
        """The intensity from which on the machine is bound by compute, operations per byte."""
        return self.peak / self.bandwidth

    def attainable(self, intensity: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the operations per second at `intensity` (operations per byte)."""
        values = _intensities("Roofline.attainable", intensity)
        return np.minimum(self.peak, values * self.bandwidth)

    def bound(self, intensity: float) -> str:
        """Return "memory" below the ridge, else "compute"."""
        where = "Roofline.bound"
        value = _intensities(where, intensity)
        if value.ndim:
            raise ParameterError(f"{where}: intensity is {intensity!r}; give one number.")
        return "memory" if value < self.ridge else "compute"

    def time(self, operations: float, moved: float) -> float:
        """Return the seconds for `operations` while `moved` bytes come from memory."""
        where = "Roofline.time"
        operations = real_number(where, "operations", operations, 0.0)
        moved = real_number(where, "moved", moved, 0.0)
        return max(operations / self.peak, moved / self.bandwidth)


def dense_intensity(
    batch: int = 1,
    weight_bits: float = 16,
    *,
    shape: tuple[int, int] | None = None,
    io_bits: float | None = None,
) -> float:
    """Return the arithmetic intensity of a dense product, operations per byte.

    Parameters
    ----------
    batch : int
        Vectors for which the weights are read once.
    weight_bits : float
        Bits of a weight.
    shape : (int, int), optional
        Outputs N and inputs M: their bytes count as well. Left out: 2 batch / (weight_bits / 8).
    io_bits : float, optional
        Bits of an input or output; `weight_bits` if left out.

    Raises
    ------
    ParameterError
        If an argument is outside its range.

    Examples
    --------
    >>> dense_intensity(batch=1, weight_bits=16)
    1.0
    """
    where = "dense_intensity"
    batch = whole_number(where, "batch", batch, least=1)
    weight_bytes = positive(where, "weight_bits", weight_bits) / 8
    if shape is None:
        return 2 * batch / weight_bytes
    outputs, inputs = _shape(where, shape)
    io_bytes = weight_bytes if io_bits is None else positive(where, "io_bits", io_bits) / 8
    moved = inputs * outputs * weight_bytes + batch * (inputs + outputs) * io_bytes
    return 2 * inputs * outputs * batch / moved


def in_memory_intensity(inputs: int, outputs: int, io_bits: float = 8) -> float:
    """Return the operations per byte of a product whose weights stay where they are.

    Parameters
    ----------
    inputs, outputs : int
        Columns M and rows N of the matrix.
    io_bits : float
        Bits of an input or output.

    Raises
    ------
    ParameterError
        If an argument is outside its range.

    Examples
    --------
    >>> in_memory_intensity(256, 256)  # 2 M N / (M + N)
    256.0
    """
    outputs, inputs = _shape("in_memory_intensity", (outputs, inputs))
    io_bytes = positive("in_memory_intensity", "io_bits", io_bits) / 8
    return 2 * inputs * outputs / ((inputs + outputs) * io_bytes)


def crossover_batch(
    machine: Roofline,
    weight_bits: float = 16,
    *,
    shape: tuple[int, int] | None = None,
    io_bits: float | None = None,
) -> float:
    """Return the batch from which on a dense product is bound by compute, not by memory.

    Parameters
    ----------
    machine : Roofline
        The machine; its ridge decides.
    weight_bits, shape, io_bits
        As for `dense_intensity`.

    Returns
    -------
    float
        ``ridge * weight_bits / 16`` without `shape`; ``inf`` where inputs and outputs alone keep
        the memory busy.

    Raises
    ------
    ParameterError
        If an argument is outside its range.

    Examples
    --------
    >>> crossover_batch(Roofline(peak=100e9, bandwidth=20e9), weight_bits=16)
    5.0
    """
    where = "crossover_batch"
    _check_machine(where, "machine", machine)
    weight_bytes = positive(where, "weight_bits", weight_bits) / 8
    if shape is None:
        return machine.ridge * weight_bytes / 2
    outputs, inputs = _shape(where, shape)
    io_bytes = weight_bytes if io_bits is None else positive(where, "io_bits", io_bits) / 8
    # 2 M N B = ridge (M N w + B (M + N) io), solved for B.
    spare = 2 * inputs * outputs - machine.ridge * (inputs + outputs) * io_bytes
    return machine.ridge * inputs * outputs * weight_bytes / spare if spare > 0 else math.inf


def memory_wall(years: npt.ArrayLike) -> xr.Dataset:
    """Return how compute, memory and interconnect grow apart.

    Parameters
    ----------
    years : array_like
        Since the start.

    Returns
    -------
    xarray.Dataset
        ``growth`` by ``year`` and ``component`` (compute, memory, interconnect): 3.0, 1.6 and 1.4
        times in two years (Gholami et al. 2024, arXiv:2403.14123).

    Raises
    ------
    ParameterError
        If a year is not a number.

    Examples
    --------
    >>> print(float(memory_wall([20]).growth.sel(component="compute").item()))  # 3^10
    59049.0...
    """
    try:
        since = np.atleast_1d(np.asarray(years, dtype=np.float64))
    except (TypeError, ValueError):
        since = np.array([np.nan])
    if since.ndim != 1 or not np.isfinite(since).all():
        raise ParameterError(f"memory_wall: years is {years!r}; give a list of numbers.")
    growth = np.array(list(GROWTH.values())) ** (since[:, None] / 2)
    return xr.Dataset(
        {"growth": GROWN.array(["year", "component"], growth)},
        {"year": ("year", since, {"units": "year"}), "component": list(GROWTH)},
        {"source": "Gholami et al. (2024), arXiv:2403.14123"},
    )


def against_processor(
    cost: xr.Dataset,
    processor: Roofline,
    *,
    batch: int = 1,
    number: str = "int8",
    memory: str | None = None,
    write: xr.Dataset | None = None,
    technology: Technology | None = None,
) -> xr.Dataset:
    """Compare products on arrays with the same products on a processor.

    Parameters
    ----------
    cost : xarray.Dataset
        One product on arrays, of `neuromem.hardware.read_cost`.
    processor : Roofline
        The processor, which streams its weights once a batch.
    batch : int
        Vectors that are multiplied.
    number, memory, technology
        Of the processor, as for `neuromem.hardware.cost.digital`.
    write : xarray.Dataset, optional
        Of `neuromem.hardware.write_cost`: what programming the arrays took.

    Returns
    -------
    xarray.Dataset
        ``time`` (s) and ``energy`` (J) of the batch by ``where`` ("array", "processor");
        ``crossover_batch``, from which on the processor is as fast (``inf``: never for good);
        ``break_even``, the products after which the energy of programming is saved (0 without
        `write`, ``inf`` if an array's product takes more). ``bound`` says what limits the
        processor.

    Raises
    ------
    ParameterError
        If an argument is outside its range.

    Examples
    --------
    >>> from neuromem.hardware.cost.products import read_cost
    >>> cost = read_cost(256, 256, cell_energy=1.4e-9, dac_bits=8, adc_bits=8)
    >>> both = against_processor(cost, Roofline(peak=100e9, bandwidth=20e9))
    >>> both.attrs["bound"], float(both.crossover_batch)
    ('memory', inf)
    >>> bool(both.energy.sel(where="array") < both.energy.sel(where="processor"))
    True
    """
    where = "against_processor"
    _check_machine(where, "processor", processor)
    if write is not None and "energy" not in getattr(write, "data_vars", ()):
        raise ParameterError(
            f"{where}: write is a {type(write).__name__}; give what write_cost returned, or leave "
            "it out."
        )
    batch = whole_number(where, "batch", batch, least=1)
    inputs, outputs = _matrix_of(where, cost)
    digital = digital_cost(
        inputs, outputs, number=number, memory=memory, batch=batch, technology=technology
    )
    width = number_format(number).bits / 8
    weights = 0.0 if digital.attrs["memory"] == "in place" else inputs * outputs * width
    vectors = (inputs + outputs) * width
    operations, interval = float(cost.operations), float(cost.interval)
    start = float(cost.latency.sum()) - interval
    moved = weights + batch * vectors
    time = [start + batch * interval, processor.time(operations * batch, moved)]
    energy = [float(each.energy.sum()) * batch for each in (cost, digital)]
    # The processor is as fast once both of its limits lie below the array's line.
    limits = (
        (0.0, operations / processor.peak),
        (weights / processor.bandwidth, vectors / processor.bandwidth),
    )
    crossover = max(_first_batch(limit, (start, interval)) for limit in limits)
    written = 0.0 if write is None else float(write.energy.sum())
    return xr.Dataset(
        {
            "time": TIME.array(["where"], time),
            "energy": BATCH_ENERGY.array(["where"], energy),
            "crossover_batch": CROSSOVER.array([], crossover),
            "break_even": BREAK_EVEN.array([], _products(written, (energy[1] - energy[0]) / batch)),
        },
        {"where": ["array", "processor"]},
        {
            "batch": batch,
            "bound": processor.bound(operations * batch / moved),
            "memory": digital.attrs["memory"],
            "precision": f"array: {precision(cost)}; processor: {digital.attrs['precision']}",
        },
    )


def _intensities(where: str, intensity: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return operations per byte, checked."""
    try:
        values = np.asarray(intensity, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if not (values >= 0).all():
        raise ParameterError(f"{where}: intensity is {intensity!r}; give operations per byte >= 0.")
    return values


def _check_machine(where: str, name: str, machine: Roofline) -> None:
    if not isinstance(machine, Roofline):
        raise ParameterError(
            f"{where}: {name} is a {type(machine).__name__}; give a "
            "Roofline(peak=..., bandwidth=...)."
        )


def _first_batch(line: tuple[float, float], array: tuple[float, float]) -> float:
    """Return the batch from which on ``line[0] + line[1] B`` is no more than the array's line."""
    ahead, slower = line[0] - array[0], array[1] - line[1]
    if slower > 0:
        return max(1.0, ahead / slower)
    return 1.0 if slower == 0 and ahead <= 0 else math.inf


def _products(spent: float, saved: float) -> float:
    """Return how many products save what was spent."""
    if spent == 0.0:
        return 0.0
    return spent / saved if saved > 0 else math.inf


def _matrix_of(where: str, cost: xr.Dataset) -> tuple[int, int]:
    try:
        return int(cost.attrs["inputs"]), int(cost.attrs["outputs"])
    except (AttributeError, KeyError):
        raise ParameterError(
            f"{where}: cost has no attributes 'inputs' and 'outputs'; give what read_cost returned."
        ) from None


def _shape(where: str, shape: tuple[int, int]) -> tuple[int, int]:
    try:
        outputs, inputs = shape
    except (TypeError, ValueError):
        raise ParameterError(f"{where}: shape is {shape!r}; give (outputs, inputs).") from None
    return (
        whole_number(where, "outputs", outputs, least=1),
        whole_number(where, "inputs", inputs, least=1),
    )
