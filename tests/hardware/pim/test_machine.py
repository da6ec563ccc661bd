"""Arithmetic in the array: every bit against IEEE 754, every count against a closed formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromem.core.errors import CodeError, ParameterError, ShapeError
from neuromem.hardware.pim._programs import OPERANDS, floating, full_adder
from neuromem.hardware.pim.formats import FORMATS, FloatFormat
from neuromem.hardware.pim.machine import (
    SOT_MRAM,
    FloatArray,
    PimDevice,
    Tally,
    execute,
)

SMALL = [FloatFormat(4, 3), FloatFormat(5, 2), FloatFormat(3, 3), FloatFormat(3, 2)]
SEVERAL = [*FORMATS.values(), *SMALL, FloatFormat(8, 10)]


# ------------------------------------------------------------------------------ references


def numbers(bits, fmt):
    """Return what bit patterns of at most 32 bits mean, in float64, without the array's code."""
    bits = bits.astype(np.int64)
    fraction = bits & (2**fmt.fraction_bits - 1)
    exponent = bits >> fmt.fraction_bits & (2**fmt.exponent_bits - 1)
    top, bias = 2**fmt.exponent_bits - 1, 2 ** (fmt.exponent_bits - 1) - 1
    significand = fraction + np.where(exponent > 0, 2**fmt.fraction_bits, 0)
    value = np.ldexp(significand, np.maximum(exponent, 1) - bias - fmt.fraction_bits)
    value = np.where(exponent == top, np.where(fraction > 0, np.nan, np.inf), value)
    return np.where(bits >> (fmt.bits - 1), -value, value)


def rounded(values, fmt):
    """Round float64 to a narrower format, to nearest even."""
    bias = 2 ** (fmt.exponent_bits - 1) - 1
    _, exponent = np.frexp(values)
    quantum = np.ldexp(1.0, np.maximum(exponent - 1, 1 - bias) - fmt.fraction_bits)
    result = np.copysign(np.rint(values / quantum) * quantum, values)
    return np.where(np.abs(result) >= 2.0 ** (bias + 1), np.copysign(np.inf, values), result)


def by_rounding(operation, fmt, operands):
    """Compute in float64, which is exact enough (53 >= 2 p + 2 digits), and round each result."""
    a, b, *c = (numbers(operand, fmt) for operand in operands)
    with np.errstate(invalid="ignore"):
        if operation == "add":
            return rounded(a + b, fmt)
        product = rounded(a * b, fmt)
        return rounded(product + c[0], fmt) if c else product


def by_numpy(operation, fmt, operands):
    word = {16: np.uint16, 32: np.uint32, 64: np.uint64}[fmt.bits]
    a, b, *c = (operand.astype(word).view(fmt.dtype) for operand in operands)
    with np.errstate(all="ignore"):
        if operation == "add":
            return a + b
        return a * b + c[0] if c else a * b


def assert_exact(operation, fmt, operands, reference):
    """Every result is the reference's, sign of zero included; every NaN the quiet one."""
    got = FloatArray(fmt).run(operation, *operands)
    wanted = reference(operation, fmt, operands)
    values = numbers(got, fmt) if fmt.bits < 64 else got.view(np.float64)
    quiet = (2 ** (fmt.exponent_bits + 1) - 1) << (fmt.fraction_bits - 1)
    nan = np.isnan(wanted)
    np.testing.assert_array_equal(got[nan], quiet)
    np.testing.assert_array_equal(values[~nan], wanted[~nan])
    np.testing.assert_array_equal(np.signbit(values[~nan]), np.signbit(wanted[~nan]))


# ------------------------------------------------------------------------------ exact results


def patterns(fmt):
    """Bit patterns: any at all, and the neighbourhoods where rounding and exponents are hard."""
    e, m = fmt.exponent_bits, fmt.fraction_bits
    bias = 2 ** (e - 1) - 1
    near = st.integers(-m - 3, m + 3)
    exponent = st.one_of(
        st.integers(0, 2**e - 1),
        st.integers(0, min(m + 3, 2**e - 1)),
        st.integers(2**e - 3, 2**e - 1),
        near.map(lambda d: min(max(bias + d, 0), 2**e - 1)),
        near.map(lambda d: min(max(bias // 2 + d, 0), 2**e - 1)),
    )
    fraction = st.one_of(
        st.integers(0, 2**m - 1),
        st.sampled_from([0, 1, 2**m - 1, 2**m - 2, 2 ** (m - 1), 2 ** (m - 1) + 1]),
        st.integers(0, m).map(lambda k: 2**m - 2**k),
        st.integers(0, m - 1).map(lambda k: 2**k),
    )
    return st.builds(
        lambda sign, exponent, fraction: (sign << e + m) | (exponent << m) | fraction,
        st.integers(0, 1),
        exponent,
        fraction,
    )


@pytest.mark.parametrize("operation", OPERANDS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_bit_is_that_of_ieee_754(name, operation):
    fmt = FORMATS[name]
    reference = by_rounding if name == "bfloat16" else by_numpy
    several = st.lists(st.tuples(*[patterns(fmt)] * OPERANDS[operation]), min_size=1, max_size=80)

    @settings(max_examples=150)
    @given(several)
    def check(rows):
        operands = list(np.array(rows, np.uint64).T)
        assert_exact(operation, fmt, operands, reference)

    check()


@pytest.mark.parametrize("operation", ["add", "multiply"])
@pytest.mark.parametrize("fmt", SMALL, ids=str)
def test_all_pairs_of_a_small_format(fmt, operation):
    every = np.arange(2**fmt.bits, dtype=np.uint64)
    operands = [grid.ravel() for grid in np.meshgrid(every, every)]
    assert_exact(operation, fmt, operands, by_rounding)


@pytest.mark.parametrize("operation", OPERANDS)
@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_ten_thousand_random_patterns(name, operation):
    fmt = FORMATS[name]
    rng = np.random.default_rng(3)
    operands = [
        rng.integers(0, 2**64 - 1, 10_000, np.uint64, endpoint=True) >> np.uint64(64 - fmt.bits)
        for _ in range(OPERANDS[operation])
    ]
    assert_exact(operation, fmt, operands, by_numpy)


def test_the_reference_rounds_as_numpy_does():
    """float16 through float64 and `rounded`, against NumPy's own float16."""
    rng = np.random.default_rng(0)
    operands = [rng.integers(0, 2**16, 20_000).astype(np.uint64) for _ in range(3)]
    for operation in OPERANDS:
        mine = by_rounding(operation, FORMATS["float16"], operands)
        theirs = by_numpy(operation, FORMATS["float16"], operands)
        np.testing.assert_array_equal(mine, theirs.astype(np.float64))


SPECIAL = [
    ("add", np.inf, -np.inf, np.nan),
    ("add", np.inf, -1.0, np.inf),
    ("add", -np.inf, -np.inf, -np.inf),
    ("add", np.nan, np.inf, np.nan),
    ("add", 1.5, -1.5, 0.0),
    ("add", -0.0, 0.0, 0.0),
    ("add", -0.0, -0.0, -0.0),
    ("add", 3.4028235e38, 3.4028235e38, np.inf),
    ("add", 3.4028235e38, 1.0141205e31, np.inf),  # half a unit in the last place: even is up
    ("add", 3.4028235e38, 1.014120e31, 3.4028235e38),
    ("add", 1e-45, -2.8e-45, -1e-45),
    ("add", 1.0, 5.9604645e-08, 1.0),  # a tie goes to the even neighbour
    ("multiply", np.inf, 0.0, np.nan),
    ("multiply", -0.0, np.inf, np.nan),
    ("multiply", -np.inf, 2.0, -np.inf),
    ("multiply", np.nan, 0.0, np.nan),
    ("multiply", -0.0, 3.0, -0.0),
    ("multiply", 1e-45, 0.5, 0.0),
    ("multiply", 1e-45, 0.75, 1e-45),
    ("multiply", 1e20, -1e20, -np.inf),
    ("multiply", 1.1754944e-38, 0.99999994, 1.1754944e-38),
]


@pytest.mark.parametrize(("operation", "a", "b", "wanted"), SPECIAL)
def test_special_values(operation, a, b, wanted):
    for x, y in ((a, b), (b, a)):
        got = getattr(FloatArray("float32"), operation)(x, y)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, np.float32(wanted))
        assert np.isnan(wanted) or np.signbit(got) == np.signbit(wanted)


def test_multiply_accumulate_rounds_the_product_first():
    """(1 + u)^2 - (1 + 2 u) is 0 after rounding, u^2 without."""
    x = np.float32(1 + 2**-23)
    assert FloatArray().multiply_accumulate(x, x, -np.float32(1 + 2**-22)) == 0.0


def test_a_dot_product_is_numpys_loop():
    rng = np.random.default_rng(5)
    weights, inputs = rng.standard_normal((20, 7), np.float32), rng.standard_normal(20, np.float32)
    array, total = FloatArray(), np.zeros(7, np.float32)
    wanted = np.zeros(7, np.float32)
    for row, x in zip(weights, inputs, strict=True):
        total = array.multiply_accumulate(row, x, total)
        wanted = row * x + wanted
    np.testing.assert_array_equal(total, wanted)
    assert array.tally.operations == 2 * 20 * 7
    assert array.tally.steps == 20 * (333 + 2382)


# ------------------------------------------------------------------------------ counts


def test_full_adder_truth_table_in_four_steps():
    bit = np.arange(8, dtype=np.uint64)
    x, carry, y = bit & 1, bit >> 1 & 1, bit >> 2
    result, tally = execute(full_adder(), [x, carry, y, 0 * bit])
    np.testing.assert_array_equal(result, (x + y + carry & 1) + 2 * (x + y + carry >> 1))
    # x ^ y, p & carry, sum: everywhere; the carry is set in the two rows where x and y are 1
    assert tally == Tally(operations=8, steps=4, searches=0, reads=8 * 8, writes=3 * 8 + 2)


def places(fmt, window):
    """Stages of the alignment (J) and of a normalisation over a window."""
    return (fmt.fraction_bits + 3).bit_length(), (window - 1).bit_length()


@pytest.mark.parametrize("fmt", SEVERAL, ids=str)
def test_addition_is_linear_in_the_fraction(fmt):
    """11 N_e + 7 N_m steps, N_e + N_m searches, and what grows like a logarithm."""
    e, m = fmt.exponent_bits, fmt.fraction_bits
    j, p = places(fmt, m + 5)
    far = int(e > j)  # whether an exponent can say more than J bits
    program = floating("add", e, m)
    assert program.steps == 11 * e + 7 * m + 2 * j + 2 * p + 63 + far
    assert program.searches == e + m + 2 * j + p + 18 + far


@pytest.mark.parametrize("fmt", SEVERAL, ids=str)
def test_multiplication_is_quadratic_in_the_fraction(fmt):
    """4 N_m (N_m + 1) steps of full adders are most of it."""
    e, m = fmt.exponent_bits, fmt.fraction_bits
    j, p = places(fmt, 2 * m + 2)
    program = floating("multiply", e, m)
    assert program.steps == 4 * m * m + 5 * m + 10 * e + j + 2 * p + 54
    assert program.searches == m + j + p + 19
    assert program.parts["full adder"] == m * m + 2 * e + 3


def test_multiply_accumulate_is_both():
    for fmt in SEVERAL:
        add, multiply, both = (
            floating(operation, fmt.exponent_bits, fmt.fraction_bits)
            for operation in ("add", "multiply", "multiply_accumulate")
        )
        for count in ("steps", "searches", "reads", "moves", "moved_columns"):
            assert getattr(both, count) == getattr(add, count) + getattr(multiply, count)
        assert max(add.columns, multiply.columns) < both.columns < 1024


def test_steps_know_nothing_of_the_data():
    """The counts that are not of cells are the same for any operands and any number of rows."""
    rng = np.random.default_rng(0)
    steps = set()
    for rows in (1, 64, 1000):
        array = FloatArray("float16")
        array.add(rng.standard_normal(rows), rng.standard_normal(rows))
        steps.add((array.tally.steps, array.tally.searches, array.tally.reads // rows))
    assert len(steps) == 1


@given(st.lists(patterns(FORMATS["float16"]), min_size=2, max_size=150), st.integers(1, 149))
def test_cells_add_up_over_rows_and_operations(bits, cut):
    whole, parts = FloatArray("float16"), FloatArray("float16")
    bits = np.array(bits, np.uint64)
    whole.run("multiply", bits, bits[::-1])
    before = whole.tally
    parts.run("multiply", bits[:cut], bits[::-1][:cut])
    parts.run("multiply", bits[cut:], bits[::-1][cut:])
    for count in ("operations", "reads", "writes"):
        assert getattr(parts.tally, count) == getattr(whole.tally, count)
    assert parts.tally.steps == 2 * whole.tally.steps
    whole.run("multiply", bits, bits[::-1])
    assert whole.tally == before + before


def test_serial_steps_count_every_column_of_a_copy():
    program = floating("add", 8, 23)
    array = FloatArray()
    array.add(1.0, 2.0)
    assert array.tally.serial_steps == program.steps - program.moves + program.moved_columns == 1111


def test_tallies_add_to_tallies_only():
    assert Tally(1, 2, 3) + Tally(reads=4) == Tally(1, 2, 3, 4)
    with pytest.raises(TypeError, match="unsupported operand"):
        Tally() + 1


# ------------------------------------------------------------------------------ cost


def test_cost_is_counts_times_device():
    array = FloatArray("bfloat16")
    array.multiply(np.arange(500.0), 3.0)
    tally, cost = array.tally, array.cost()
    assert float(cost.latency) == pytest.approx(2e-9 * tally.steps + 1.5e-9 * tally.searches)
    assert float(cost.energy) == pytest.approx(1e-15 * tally.reads + 12e-15 * tally.writes)
    columns = floating("multiply", 8, 7).columns
    assert float(cost.area) == pytest.approx(500 * columns * SOT_MRAM.cell_area)
    assert int(cost.operations) == 500
    assert cost.energy.attrs["units"] == "J"
    assert cost.attrs["device"] == "SOT-MRAM"


def test_latency_does_not_depend_on_rows_and_area_is_that_of_the_largest():
    few, many = FloatArray(), FloatArray()
    few.add(1.0, 2.0)
    many.add(np.ones(3000), 2.0)
    assert float(few.cost().latency) == float(many.cost().latency)
    many.add(np.ones(3), 2.0)
    assert float(many.cost().area) == pytest.approx(3000 * float(few.cost().area))


# ------------------------------------------------------------------------------ errors


def test_shapes_broadcast_and_nothing_is_an_answer():
    array = FloatArray()
    assert array.add(np.zeros((3, 1)), np.ones(4)).shape == (3, 4)
    assert array.multiply(2.0, 3.0).shape == ()
    assert array.add([], []).shape == (0,)


def test_errors_say_what_to_do():
    array = FloatArray("float16")
    with pytest.raises(ParameterError, match=r"FloatArray: fmt is 'half'; choose one of: float16"):
        FloatArray("half")
    with pytest.raises(ParameterError, match=r"no NumPy dtype for 4 exponent and 3 fraction bits"):
        FloatArray(FloatFormat(4, 3)).add(1.0, 1.0)
    with pytest.raises(
        CodeError, match=r"FloatArray.add: b hold 1 finite numbers beyond .*float16"
    ):
        array.add(1.0, [1.0, 7e4])
    with pytest.raises(CodeError, match=r"FloatArray.add: a have dtype complex128; give real"):
        array.add(1j, 1.0)
    with pytest.raises(ShapeError, match=r"operands have shapes \(2,\), \(3,\); give shapes that"):
        array.multiply([1, 2], [1, 2, 3])
    ones = np.ones(3, np.uint64)
    with pytest.raises(ParameterError, match=r"operation is 'divide'; choose one of: add, mult"):
        array.run("divide", ones, ones)
    with pytest.raises(ParameterError, match=r"run\('add'\): 3 operands came; give 2"):
        array.run("add", ones, ones, ones)
    with pytest.raises(ShapeError, match=r"the operands have shapes \[\(3,\), \(2,\)\]; give all"):
        array.run("add", ones, ones[:2])
    with pytest.raises(CodeError, match=r"an operand has dtype float64; give bit patterns"):
        array.run("add", ones, np.ones(3))
    with pytest.raises(CodeError, match=r"an operand holds 0x10000; a float16 has 16 bits"):
        array.run("add", ones, ones << np.uint64(16))
    with pytest.raises(ParameterError, match=r"PimDevice: step_time is 0"):
        PimDevice(
            name="none", step_time=0, search_time=1, read_energy=1, write_energy=1, cell_area=1,
            source="",
        )  # fmt: skip
    assert array.tally == Tally()
