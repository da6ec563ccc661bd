"""The ladder kernels against dense linear algebra, and how fast conjugate gradients converge."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromem.kernels import wires

NONE = np.zeros((0, 0))


def prepared(conductances, resistances):
    """Return tiles, and the shares of word and bit lines."""
    rows, columns = conductances.shape
    tiles, words = np.empty((2, -(-rows // wires.LANES), columns, wires.LANES))
    bits = np.empty((rows, columns))
    wires.word_ladders(conductances, resistances, tiles, words)
    wires.bit_ladders(conductances, resistances, bits)
    return tiles, words, bits


def read(conductances, voltages, resistances, most_steps, offsets=NONE, nodes=NONE):
    """Solve reads (B, R) to 1e-13 or for `most_steps`; return currents, bounds and steps."""
    currents = np.empty((len(voltages), conductances.shape[1]))
    errors, steps = np.empty(len(voltages)), np.empty(len(voltages), np.int64)
    lines = (*prepared(conductances, resistances), resistances)
    wires.read(voltages, offsets, *lines, 1e-13, most_steps, currents, errors, steps, nodes)
    return currents, errors, steps


def golden(n, low, high):
    rng = np.random.default_rng(0)
    conductances = rng.uniform(low, high, (n, n)) * 1e-6
    return conductances, rng.uniform(0, 0.2, (1, n))


@st.composite
def arrays(draw):
    """Conductances up to 1 mS, some of them open, and four resistances, some of them zero."""
    rows, columns = draw(st.integers(1, 18)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    conductances = rng.uniform(0, 1e-3, (rows, columns)) * (rng.random((rows, columns)) < 0.8)
    word, bit, driver, sense = draw(st.tuples(*[st.sampled_from([0.0, 1.0, 250.0])] * 4))
    return conductances, np.array([word + driver, word, bit + sense, bit]), rng


def path_resistances(count, end, other):
    """Return (count, count): what the ways of two nodes to the fed end have in common, ohm.

    It is the inverse of T, and exists for r = 0 too.
    """
    to_end = end + other * np.arange(count)
    return np.minimum.outer(to_end, to_end)


def dense(conductances, voltages, resistances, offsets):
    """Solve by dense algebra in cell currents I: (1/G + path resistances) I = V - offsets.

    Returns the currents (R, C) of the cells; open cells are left out of the system.
    """
    R, C = conductances.shape
    word = path_resistances(C, *resistances[:2])
    bit = path_resistances(R, *resistances[2:])[::-1, ::-1]
    paths = np.kron(np.eye(R), word) + np.kron(bit, np.eye(C))
    open_ends = np.flatnonzero(conductances)
    system = paths[np.ix_(open_ends, open_ends)] + np.diag(1 / conductances.ravel()[open_ends])
    drive = (np.broadcast_to(voltages[:, None], (R, C)) - offsets).ravel()[open_ends]
    cells = np.zeros(R * C)
    cells[open_ends] = np.linalg.solve(system, drive)
    return cells.reshape(R, C), word, bit


@settings(max_examples=60)
@given(arrays())
def test_read_against_dense_algebra_with_offsets_and_nodes(case):
    """Rounding: 1e-16 times a condition number of at most 1 + G r N^2 < 1e5."""
    conductances, resistances, rng = case
    voltages = rng.uniform(-1, 1, len(conductances))
    offsets = rng.uniform(-1, 1, conductances.shape)
    cells, _, bit = dense(conductances, voltages, resistances, offsets)
    scale = max(np.abs(cells).sum(), 1e-12)
    nodes = np.full(conductances.shape, np.nan)
    currents, errors, _ = read(conductances, voltages[None], resistances, 500, offsets, nodes)
    assert errors[0] <= 1e-13
    np.testing.assert_allclose(currents[0], cells.sum(axis=0), rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(nodes, bit @ cells, rtol=0, atol=1e-10)


@settings(max_examples=60)
@given(arrays())
def test_ladders_hold_the_inverse_of_each_line(case):
    """The shares passed on, multiplied up, are what reaches the end of a unit current."""
    conductances, resistances, _ = case
    tiles, words, bits = prepared(conductances, resistances)
    R, C = conductances.shape
    for i, row in enumerate(conductances):
        paths = path_resistances(C, *resistances[:2])
        # T + G = T (1 + T^-1 G); a unit voltage at the fed end is 1 everywhere without cells.
        shares = np.linalg.solve(np.eye(C) + paths * row, np.ones(C))
        share = np.prod(words[i // 8, :, i % 8])
        assert share == pytest.approx(shares[-1], rel=1e-9)
        np.testing.assert_array_equal(tiles[i // 8, :, i % 8], row)
    for j, column in enumerate(conductances.T):
        paths = path_resistances(R, *resistances[2:])
        shares = np.linalg.solve(np.eye(R) + paths * column[::-1], np.ones(R))
        assert np.prod(bits[:, j]) == pytest.approx(shares[-1], rel=1e-9)
    assert (tiles.reshape(-1, C, 8)[-1, :, (R - 1) % 8 + 1 :] == 0).all()


@settings(max_examples=30)
@given(arrays())
def test_word_voltages_follow_from_those_of_the_bit_lines(case):
    conductances, resistances, rng = case
    voltages, across = rng.uniform(-1, 1, len(conductances)), rng.uniform(-1, 1, conductances.shape)
    tiles, words, _ = prepared(conductances, resistances)
    out = np.empty(conductances.shape)
    wires.word_voltages(voltages, across, tiles, words, resistances, out)
    paths = path_resistances(conductances.shape[1], *resistances[:2])
    for i, row in enumerate(conductances):
        right = voltages[i] + paths @ (row * across[i])
        expected = np.linalg.solve(np.eye(row.size) + paths * row, right)
        np.testing.assert_allclose(out[i], expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("low", "high", "steps", "bound"),
    [
        (1, 10, 1, 2e-2),
        (1, 10, 2, 3e-5),
        (1, 10, 3, 2e-8),
        (10, 100, 2, 3e-2),
        (10, 100, 4, 8e-6),
        (10, 100, 6, 2e-9),
    ],
)
def test_H16_error_after_few_steps(low, high, steps, bound):
    """Worst output of a 256 x 256 array, 1 ohm a segment; and what the kernel says it knows."""
    conductances, voltages = golden(256, low, high)
    exact = read(conductances, voltages, np.ones(4), 100)[0]
    currents, errors, taken = read(conductances, voltages, np.ones(4), steps)
    assert taken[0] == steps
    assert np.abs(currents / exact - 1).max() <= bound
    assert np.abs(currents - exact).sum() <= errors[0] * np.abs(currents).sum() + 1e-18


def test_conjugate_gradients_gain_on_every_step():
    """The bound falls by more than a half a step where a fifth of the current is lost."""
    conductances, voltages = golden(256, 1, 10)
    errors = [read(conductances, voltages, np.ones(4), k)[1][0] for k in range(5)]
    assert all(later < 0.5 * earlier for earlier, later in pairwise(errors))


def test_ideal_lines_of_one_kind_need_no_step():
    conductances, voltages = golden(20, 10, 100)
    for resistances in ([3.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, 2.0], [0.0] * 4):
        _, errors, steps = read(conductances, voltages, np.array(resistances), 100)
        assert steps[0] == 0
        assert errors[0] == 0.0


def test_reads_of_a_batch_do_not_touch_each_other():
    conductances, _ = golden(19, 10, 100)
    voltages = np.random.default_rng(1).uniform(-1, 1, (4, 19))
    resistances = np.array([30.0, 20.0, 40.0, 10.0])
    together = read(conductances, voltages, resistances, 100)[0]
    for one, currents in zip(voltages, together, strict=True):
        np.testing.assert_array_equal(
            read(conductances, one[None], resistances, 100)[0][0], currents
        )
