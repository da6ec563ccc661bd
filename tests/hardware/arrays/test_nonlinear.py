"""Cells with curved I-V characteristics against root finding, order and the linear limit."""

import numpy as np
import pytest
from scipy.optimize import brentq

from neuromem.core.errors import ParameterError, ShapeError
from neuromem.hardware.arrays.nodal import nodal
from neuromem.hardware.arrays.nonlinear import Polynomial, Sinh, solve_nonlinear
from neuromem.hardware.arrays.wires import solve

LAWS = {
    "cubic": Polynomial(0.0, 2e-3),
    "skewed": Polynomial(5e-5, 1e-3),
    "sinh": Sinh(0.1),
    "steep": Sinh(0.02),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("voltage", [0.9, -0.6])
def test_one_cell_behind_a_resistor(law, voltage):
    """V = v + (r_w + r_b) I(v), by bracketing."""
    G, r = np.array([[1e-3]]), 300.0
    v = brentq(lambda v: v + 2 * r * law.current(G, np.array(v))[0, 0] - voltage, -1, 1, xtol=1e-15)
    expected = law.current(G, np.array(v))[0, 0]
    assert solve_nonlinear(G, [voltage], r, law)[0] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_ideal_wires_give_each_cell_its_row_voltage(law):
    rng = np.random.default_rng(0)
    G, V = rng.uniform(1e-4, 1e-3, (6, 5)), rng.uniform(-0.5, 0.5, (3, 6))
    expected = [law.current(G, np.broadcast_to(one[:, None], G.shape)).sum(axis=0) for one in V]
    ours = solve_nonlinear(G, V, 0.0, law)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12 * np.abs(expected).sum())


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_each_cell_may_be_replaced_by_the_resistor_that_it_amounts_to(law):
    """With G_eff = I / V of the solution the linear solver gives the same currents."""
    rng = np.random.default_rng(1)
    G, V = rng.uniform(1e-5, 1e-4, (20, 30)), rng.uniform(0.1, 0.5, 20)
    ours = solve_nonlinear(G, V, 20.0, law)
    nodes = nodal(G, left=V, bottom=0.0, segment_resistance=20.0, law=law)
    linear = solve(nodes.currents / nodes.voltages, V, 20.0)
    np.testing.assert_allclose(nodes.bit_currents, linear, rtol=0, atol=1e-8 * ours.sum())
    np.testing.assert_allclose(ours, linear, rtol=0, atol=1e-8 * ours.sum())


@pytest.mark.parametrize("law", [Polynomial(0.0, 0.0), Sinh(1e6)])
def test_straight_laws_are_linear_cells(law):
    rng = np.random.default_rng(2)
    G, V = rng.uniform(0, 1e-3, (9, 7)) * (rng.random((9, 7)) < 0.7), rng.uniform(-1, 1, (2, 9))
    ends = {"driver_resistance": 10.0, "sense_resistance": 20.0}
    ours = solve_nonlinear(G, V, (3.0, 4.0), law, **ends)
    linear = solve(G, V, (3.0, 4.0), **ends)
    np.testing.assert_allclose(ours, linear, rtol=0, atol=3e-9 * np.abs(linear).sum())


def test_steep_cells_lose_less_in_the_wires_at_low_voltage():
    """Sinh cells are G at 0 V and far more at high voltage: the share lost grows with V."""
    G = np.full((32, 32), 1e-5)
    for law, grows in ((Sinh(0.1), True), (Polynomial(0.0, 0.0), False)):
        losses = []
        for volts in (0.01, 0.4):
            ideal = solve_nonlinear(G, np.full(32, volts), 0.0, law).sum()
            losses.append(1 - solve_nonlinear(G, np.full(32, volts), 5.0, law).sum() / ideal)
        assert bool(losses[1] > 1.5 * losses[0]) is grows


def test_coefficients_per_cell():
    G = np.array([[1e-4, 1e-4]])
    law = Polynomial(np.array([[0.0, 1e-5]]), np.array([[1e-4, 0.0]]))
    currents = solve_nonlinear(G, [0.5], 0.0, law)
    np.testing.assert_allclose(currents, [1e-4 * 0.5 + 1e-4 / 8, 1e-4 * 0.5 + 1e-5 / 4], rtol=1e-12)


def test_the_published_law_is_nearly_straight_at_read_voltages():
    """At 0.2 V within a tenth of G V over the measured range; a2 and a3 at 100 uS by hand."""
    G = np.linspace(62.5e-6, 110e-6, 9)[None]
    law = Polynomial.hfo2(G)
    straight = law.current(G, np.asarray(0.2)) / (0.2 * G)
    assert np.abs(straight - 1).max() < 0.1
    by_hand = Polynomial.hfo2([[1e-4]])
    assert by_hand.quadratic[0, 0] == pytest.approx(
        -64 * 1.388e-4 + 16 * 1.541e-3 - 4 * 5.711e-3 + 7.063e-3, rel=1e-6
    )
    assert by_hand.cubic[0, 0] == pytest.approx(
        16 * 8.8710e-5 - 4 * 6.7919e-4 + 1.2968e-3, rel=1e-6
    )


def test_laws_that_do_not_rise_are_refused():
    with pytest.raises(ParameterError, match=r"falls with its voltage, dI/dV = -0\.0002 S"):
        solve_nonlinear([[1e-4]], [1.0], 1.0, Polynomial(0.0, -1e-4))
    with pytest.raises(ParameterError, match="solve_nonlinear: the current of a cell falls"):
        solve_nonlinear([[1e-4]], [-1.0], 1.0, Polynomial(1e-4, 0.0))
    with pytest.raises(ParameterError, match="falls"):  # between the ends, where a2^2 > 3 G a3
        solve_nonlinear([[1e-4]], [1.0], 1.0, Polynomial(3e-4, 2e-4))
    with pytest.raises(ParameterError, match="falls"):  # an open cell cannot follow a parabola
        solve_nonlinear([[0.0]], [1.0], 1.0, Polynomial(1e-4, 0.0))


@pytest.mark.parametrize("G", [[[0.0, 1e-4], [1e-4, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
def test_open_cells_follow_a_cubic(G):
    """I = a3 V^3 rises, though it is flat at 0 V: the currents without wires, and one by hand."""
    G, law, V = np.array(G), Polynomial(0.0, 1e-4), np.array([0.5, -0.3])
    expected = G.T @ V + 1e-4 * (V**3).sum()
    np.testing.assert_allclose(solve_nonlinear(G, V, 0.0, law), expected, rtol=1e-9, atol=1e-18)
    v = brentq(lambda v: v + 2 * 300.0 * 1e-4 * v**3 - 0.5, 0, 1, xtol=1e-15)
    alone = solve_nonlinear([[0.0]], [0.5], 300.0, law)
    assert alone[0] == pytest.approx(1e-4 * v**3, rel=1e-8)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, 1e-3])
def test_sinh_scales_out_of_range(scale):
    with pytest.raises(ParameterError, match=r"the scale of Sinh is .* at voltages up to 1 V"):
        solve_nonlinear([[1e-4]], [1.0], 1.0, Sinh(scale))


def test_coefficients_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"cubic coefficients have shape \(3,\), the conductances"):
        solve_nonlinear([[1e-4]], [1.0], 1.0, Polynomial(0.0, np.ones(3)))


def test_the_published_law_knows_its_range():
    with pytest.raises(ParameterError, match=r"measured from 62\.5e-06 to"):
        Polynomial.hfo2([[1e-5]])


def test_an_unreachable_tolerance_is_reported(monkeypatch):
    monkeypatch.setattr("neuromem.hardware.arrays.nonlinear._MOST_ITERATIONS", 1)
    with pytest.raises(ParameterError, match=r"after 1 Newton iterations .* A are left over"):
        solve_nonlinear([[1e-4]], [1.0], 1.0, Sinh(0.1))
