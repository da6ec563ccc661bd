"""Arrays with any terminals against closed forms and the solver of driven arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromem.core.errors import ParameterError, ShapeError
from neuromem.hardware.arrays.nodal import nodal
from neuromem.hardware.arrays.nonlinear import Sinh, solve_nonlinear
from neuromem.hardware.arrays.wires import node_voltages

OPEN = np.nan


@settings(max_examples=30)
@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([0.0, 1.0, 100.0]),
    st.sampled_from([0.0, 1.0, 100.0]),
    st.sampled_from([0.0, 20.0]),
    st.integers(0, 2**32 - 1),
)
def test_driven_arrays_agree_with_the_ladder_solver(rows, columns, word, bit, ends, seed):
    rng = np.random.default_rng(seed)
    G = rng.uniform(0, 1e-3, (rows, columns)) * (rng.random((rows, columns)) < 0.8)
    V = rng.uniform(-1, 1, rows)
    nodes = nodal(G, left=V, bottom=0.0, segment_resistance=(word, bit), terminal_resistance=ends)
    W, B = node_voltages(
        G, V, (word, bit), driver_resistance=ends, sense_resistance=ends, tolerance=1e-13
    )
    np.testing.assert_allclose(nodes.word, W, rtol=0, atol=1e-10)
    np.testing.assert_allclose(nodes.bit, B, rtol=0, atol=1e-10)
    np.testing.assert_allclose(nodes.currents, G * (W - B), rtol=0, atol=1e-13)


def test_a_line_driven_from_both_ends_is_two_halves():
    """By symmetry nothing crosses the middle of a word line of 2 N equal cells."""
    both = nodal(np.full((1, 8), 1e-3), left=1.0, right=1.0, bottom=0.0, segment_resistance=(9, 0))
    half = nodal(np.full((1, 4), 1e-3), left=1.0, bottom=0.0, segment_resistance=(9.0, 0.0))
    np.testing.assert_allclose(both.word[0, :4], half.word[0], rtol=1e-12)
    np.testing.assert_allclose(both.word[0, 4:], half.word[0, ::-1], rtol=1e-12)


def test_turning_the_array_turns_the_solution():
    rng = np.random.default_rng(0)
    G, V, U = rng.uniform(0, 1e-3, (4, 6)), rng.uniform(-1, 1, 4), rng.uniform(-1, 1, 6)
    there = nodal(G, left=V, bottom=U, segment_resistance=(3.0, 5.0))
    back = nodal(G[::-1, ::-1], right=V[::-1], top=U[::-1], segment_resistance=(3.0, 5.0))
    np.testing.assert_allclose(back.voltages[::-1, ::-1], there.voltages, rtol=0, atol=1e-13)


def test_floating_lines_carry_nothing_and_settle_between_their_neighbours():
    rng = np.random.default_rng(1)
    nodes = nodal(rng.uniform(1e-5, 1e-3, (3, 4)), left=[1.0, OPEN, 0.0], segment_resistance=2.0)
    assert nodes.word_currents[1] == pytest.approx(0.0, abs=1e-15)  # 1e-16 of 0.5 S
    np.testing.assert_allclose(nodes.bit_currents, 0.0, rtol=0, atol=1e-15)
    assert 0.0 < nodes.bit.min() <= nodes.bit.max() < 1.0


def test_what_no_terminal_reaches_is_at_zero():
    """Open cells cut the last line off; an array without any terminal is dead."""
    G = np.array([[1e-3, 0.0], [1e-3, 0.0]])
    nodes = nodal(G, left=[1.0, OPEN], bottom=[0.0, OPEN])
    assert nodes.bit[:, 1].tolist() == [0.0, 0.0]
    assert nodes.word[1].tolist() == [0.0, 0.0]  # joined to the grounded bit line alone
    dead = nodal(G)
    assert not dead.word.any()
    assert not dead.currents.any()


def test_nonlinear_cells_agree_with_the_ladder_solver():
    rng = np.random.default_rng(2)
    G, V = rng.uniform(1e-5, 1e-3, (5, 4)), rng.uniform(-1, 1, 5)
    nodes = nodal(G, left=V, bottom=0.0, segment_resistance=50.0, law=Sinh(0.2))
    ours = solve_nonlinear(G, V, 50.0, Sinh(0.2))
    np.testing.assert_allclose(nodes.bit_currents, ours, rtol=0, atol=1e-8 * np.abs(ours).sum())


def test_nonlinear_cells_with_floating_lines():
    """One floating line: the others drive it through two cells in series, half the voltage each."""
    G = np.array([[1e-4], [1e-4]])
    nodes = nodal(G, left=[1.0, 0.0], law=Sinh(0.1))
    assert nodes.bit[0, 0] == pytest.approx(0.5, abs=1e-9)
    assert nodes.word_currents[0] == pytest.approx(1e-4 * 0.1 * np.sinh(5.0), rel=1e-8)
    still = nodal(G, left=1.0, law=Sinh(0.1))
    np.testing.assert_allclose(still.bit, 1.0, rtol=1e-9)


def test_ideal_lines_cannot_join_two_voltages():
    with pytest.raises(ParameterError, match="nodal: ideal lines join terminals of different"):
        nodal(np.full((2, 2), 1e-3), left=[1.0, 0.0], right=[0.5, 0.0], bottom=0.0)
    equal = nodal(np.full((2, 2), 1e-3), left=1.0, right=1.0, bottom=0.0)
    np.testing.assert_array_equal(equal.word, np.ones((2, 2)))


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_terminals_that_do_not_fit(side):
    count = 2 if side in {"left", "right"} else 3
    text = rf"nodal: {side} has shape \(4,\).* each of the {count} lines"
    with pytest.raises(ShapeError, match=text):
        nodal(np.full((2, 3), 1e-3), **{side: np.ones(4)})
    with pytest.raises(ShapeError, match=rf"nodal: {side} .* finite voltage"):
        nodal(np.full((2, 3), 1e-3), **{side: np.inf})
