"""Floating-point arithmetic inside a digital memory array: exact results, counted steps.

The bits of a number lie along a row, and the logic is on the bit line of the row: a step reads two
cells and writes a third, in all rows at once. A full adder takes four steps; everything else is
made of such steps and of searches. The results are those of IEEE 754, bit for bit.

After Wang, Zhao, Li, Wang & Lin, "A New MRAM-based Process In-Memory Accelerator for Efficient
Neural Network Training with Floating Point Precision", ISCAS 2020, arXiv:2003.01551; the baseline
that it is compared with is in `neuromem.hardware.pim.baseline`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import xarray as xr

from neuromem.core.codes import Array
from neuromem.core.errors import CodeError, ParameterError, ShapeError, one_of
from neuromem.core.results import Variable
from neuromem.hardware.cost.converters import positive
from neuromem.hardware.pim._programs import OPERANDS, floating
from neuromem.hardware.pim._steps import Program
from neuromem.hardware.pim.formats import FloatFormat, float_format
from neuromem.kernels import pim as kernels

ENERGY = Variable("energy", "J", "energy of all steps in all rows")
LATENCY = Variable("latency", "s", "time of all steps, one after another")
AREA = Variable("area", "m^2", "area of the cells that the rows need")
OPERATIONS = Variable("operations", "1", "floating-point operations done")


@dataclass(frozen=True)
class Tally:
    """What was done: one after another (steps, searches) and in how many cells (reads, writes).

    Tallies of operations that follow each other are added with ``+``.

    Parameters
    ----------
    operations : int
        Floating-point operations: rows times additions and multiplications.
    steps : int
        Steps that read up to two cells of every row and write one; or copy a field.
    searches : int
        Steps that only read.
    reads, writes : int
        Cells read, and cells written, in all rows. A conditional write counts where it writes.
    moves, moved_columns : int
        Of the steps, those that copy a field; and the columns that they copy.
    """

    operations: int = 0
    steps: int = 0
    searches: int = 0
    reads: int = 0
    writes: int = 0
    moves: int = 0
    moved_columns: int = 0

    def __add__(self, other: Tally) -> Tally:
        if not isinstance(other, Tally):
            return NotImplemented
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def serial_steps(self) -> int:
        """Steps of an array that copies fields column by column."""
        return self.steps - self.moves + self.moved_columns


@dataclass(frozen=True, kw_only=True)
class PimDevice:
    """What steps and cells cost in one memory technology.

    Parameters
    ----------
    name : str
        The technology.
    step_time, search_time : float
        Time of a step that writes, its read included, and of a search; s.
    read_energy, write_energy : float
        Of one cell, J.
    cell_area : float
        Area of one cell with its share of the periphery, m^2.
    source : str
        Where the numbers come from, and which of them are assumed.

    Raises
    ------
    ParameterError
        If a number is not above zero.
    """

    name: str
    step_time: float
    search_time: float
    read_energy: float
    write_energy: float
    cell_area: float
    source: str

    def __post_init__(self) -> None:
        for name in ("step_time", "search_time", "read_energy", "write_energy", "cell_area"):
            positive("PimDevice", name, getattr(self, name))


SOT_MRAM = PimDevice(
    name="SOT-MRAM",
    step_time=2.0e-9,
    search_time=1.5e-9,
    read_energy=1e-15,
    write_energy=12e-15,
    cell_area=9 * (28e-9) ** 2,
    source="all assumed, typical of SOT-MRAM: it switches in 0.2 to 2 ns; one transistor a cell, "
    "9 F^2 at 28 nm",
)
"""Spin-orbit-torque MRAM in typical numbers; arXiv:2003.01551 may have used others."""


class FloatArray:
    """Rows of a memory array that each do one floating-point operation at a time.

    Every result is that of IEEE 754 in round-to-nearest-even, bit for bit: normal and subnormal
    numbers, signed zeros, overflow to infinity. Infinities and NaN go in and come out; every NaN
    comes out as the one quiet NaN, without sign or payload.

    Parameters
    ----------
    fmt : str or FloatFormat
        A name (float16, bfloat16, float32, float64) or a format of your own.

    Attributes
    ----------
    fmt : FloatFormat
        The format.
    tally : Tally
        All that was done so far.
    rows, columns : int
        The largest array that any operation needed so far.

    Raises
    ------
    ParameterError
        If there is no such format.

    Examples
    --------
    >>> array = FloatArray("float32")
    >>> product = array.multiply([0.1, -3.0], [0.2, 1e-40])
    >>> bool((product == np.float32([0.1, -3.0]) * np.float32([0.2, 1e-40])).all())
    True
    >>> array.tally.steps, array.tally.searches
    (2382, 53)
    """

    fmt: FloatFormat

    def __init__(self, fmt: str | FloatFormat = "float32") -> None:
        self.fmt = float_format("FloatArray", fmt)
        self.tally = Tally()
        self.rows = self.columns = 0

    def add(self, a: npt.ArrayLike, b: npt.ArrayLike) -> Array:
        """Return a + b, shapes broadcast.

        Raises
        ------
        CodeError
            If values are not real numbers or exceed the format.
        ShapeError
            If the shapes do not fit.
        """
        return self._values("add", a, b)

    def multiply(self, a: npt.ArrayLike, b: npt.ArrayLike) -> Array:
        """Return a b, shapes broadcast; raises what `add` does."""
        return self._values("multiply", a, b)

    def multiply_accumulate(self, a: npt.ArrayLike, b: npt.ArrayLike, c: npt.ArrayLike) -> Array:
        """Return a b + c, the product rounded before the sum; raises what `add` does."""
        return self._values("multiply_accumulate", a, b, c)

    def run(self, operation: str, *operands: npt.NDArray[np.unsignedinteger]) -> Array:
        """Do an operation on bit patterns.

        Parameters
        ----------
        operation : {"add", "multiply", "multiply_accumulate"}
            What to do.
        *operands : ndarray of unsigned int, all of one shape
            Bit patterns of the format, two or three of them.

        Returns
        -------
        ndarray of uint64
            Bit patterns of the result.

        Raises
        ------
        ParameterError
            If there is no such operation, or it takes another number of operands.
        CodeError
            If an operand is not of unsigned integers or has more bits than the format.
        ShapeError
            If the shapes differ.
        """
        where = f"FloatArray.run({operation!r})"
        wanted = OPERANDS[one_of("FloatArray.run", "operation", operation, OPERANDS)]
        if len(operands) != wanted:
            raise ParameterError(f"{where}: {len(operands)} operands came; give {wanted}.")
        patterns = [self._checked(where, operand) for operand in operands]
        shapes = [pattern.shape for pattern in patterns]
        if len(set(shapes)) > 1:
            raise ShapeError(f"{where}: the operands have shapes {shapes}; give all the same.")
        program = floating(operation, self.fmt.exponent_bits, self.fmt.fraction_bits)
        result, tally = execute(program, [pattern.ravel() for pattern in patterns])
        self.tally += Tally(**{**vars(tally), "operations": (wanted - 1) * tally.operations})
        self.rows = max(self.rows, result.size)
        self.columns = max(self.columns, program.columns)
        return result.reshape(shapes[0])

    def cost(self, device: PimDevice = SOT_MRAM) -> xr.Dataset:
        """Return what everything so far has cost.

        All rows work at once, so the latency does not depend on how many there are.

        Parameters
        ----------
        device : PimDevice
            What a step and a cell cost.

        Returns
        -------
        xarray.Dataset
            ``energy`` (J), ``latency`` (s), ``area`` (m^2) and ``operations``.

        Examples
        --------
        >>> array = FloatArray("float32")
        >>> total = array.add(np.ones(1000), np.ones(1000))
        >>> cost = array.cost()
        >>> round(float(cost.latency) * 1e9), round(float(cost.energy / cost.operations) * 1e12)
        (764, 6)
        """
        t = self.tally
        return xr.Dataset(
            {
                "energy": ENERGY.array(
                    [], t.reads * device.read_energy + t.writes * device.write_energy
                ),
                "latency": LATENCY.array(
                    [], t.steps * device.step_time + t.searches * device.search_time
                ),
                "area": AREA.array([], self.rows * self.columns * device.cell_area),
                "operations": OPERATIONS.array([], t.operations),
            },
            attrs={"format": self.fmt.name, "device": device.name, "source": device.source},
        )

    def _values(self, operation: str, *values: npt.ArrayLike) -> Array:
        """Convert, broadcast, run, convert back."""
        where = f"FloatArray.{operation}"
        names = "abc"
        encoded = [
            self.fmt.encode(value, f"{where}: {name}")
            for name, value in zip(names, values, strict=False)
        ]
        try:
            operands = np.broadcast_arrays(*encoded)
        except ValueError:
            shapes = ", ".join(str(pattern.shape) for pattern in encoded)
            raise ShapeError(
                f"{where}: the operands have shapes {shapes}; give shapes that broadcast."
            ) from None
        return self.fmt.decode(self.run(operation, *operands))

    def _checked(self, where: str, operand: object) -> Array:
        """Return bit patterns as uint64."""
        patterns = np.asarray(operand)
        if patterns.dtype.kind != "u":
            raise CodeError(
                f"{where}: an operand has dtype {patterns.dtype}; give bit patterns as unsigned "
                "integers, or call the method of that name with numbers."
            )
        if patterns.size and int(patterns.max()) >> self.fmt.bits:
            raise CodeError(
                f"{where}: an operand holds {int(patterns.max()):#x}; a {self.fmt.name} has "
                f"{self.fmt.bits} bits."
            )
        return patterns.astype(np.uint64)


def execute(program: Program, operands: list[Array]) -> tuple[Array, Tally]:
    """Run a program on vectors of bit patterns; return its result (uint64) and what was done.

    Each operand fills as many columns as the inputs of the program have to share.
    """
    rows = operands[0].size
    words, width = -(-rows // 64), program.inputs // len(operands)
    inputs = np.empty((program.inputs, words), np.uint64)
    for i, operand in enumerate(operands):
        kernels.pack(np.ascontiguousarray(operand), inputs[i * width : (i + 1) * width])
    outputs = np.empty((len(program.output), words), np.uint64)
    writes = kernels.execute(
        program.code, program.keys, program.columns, inputs, rows, outputs, program.output.start
    )
    result = np.empty(rows, np.uint64)
    kernels.unpack(outputs, result)
    return result, Tally(
        operations=rows,
        steps=program.steps,
        searches=program.searches,
        reads=program.reads * rows,
        writes=writes,
        moves=program.moves,
        moved_columns=program.moved_columns,
    )
