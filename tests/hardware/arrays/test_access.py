"""Single cells of bare arrays: sneak paths, half-selected cells, transistors."""

import numpy as np
import pytest

from neuromem.core.errors import ParameterError
from neuromem.hardware.arrays.access import select_cell, sneak_resistance, with_transistor
from neuromem.hardware.arrays.nonlinear import Sinh
from neuromem.hardware.devices.random_weights import filament_probability


def test_H42_floating_two_by_two_read_has_a_sneak_path_of_3R():
    """Target 5 kohm, others 20 kohm: 60 kohm in parallel; wires of 1 mohm change the 7th digit."""
    cells = np.full((2, 2), 1 / 20e3)
    cells[0, 1] = 1 / 5e3
    for wires, accuracy in ((0.0, 1e-9), (1e-3, 2e-6)):
        read = select_cell(cells, 0, 1, 0.3, scheme="floating", segment_resistance=wires)
        assert read.sensed == pytest.approx(0.3 * (1 / 5e3 + 1 / 60e3), rel=accuracy)
        assert read.current == pytest.approx(0.3 / 5e3, rel=accuracy)


@pytest.mark.parametrize("shape", [(2, 2), (2, 5), (5, 2), (4, 7), (16, 16)])
def test_floating_reads_follow_the_closed_form(shape):
    cells = np.full(shape, 1e-5)
    cells[1, 0] = 3e-5
    read = select_cell(cells, 1, 0, 1.0, scheme="floating")
    assert read.sensed == pytest.approx(3e-5 + 1 / sneak_resistance(*shape, 1e5), rel=1e-9)


def test_sneak_currents_bury_the_cell_in_a_large_array():
    """On/off 100, all others on: open and closed cells read nearly the same beyond a few lines."""

    def ratio(n):
        cells = np.full((n, n), 1e-4)
        on = select_cell(cells, 0, 0, 0.2, scheme="floating").sensed
        cells[0, 0] = 1e-6
        return on / select_cell(cells, 0, 0, 0.2, scheme="floating").sensed

    assert ratio(2) == pytest.approx((1 + 1 / 3) / (0.01 + 1 / 3), rel=1e-9)
    assert ratio(64) < 1.05


def test_grounded_lines_leave_no_sneak_path():
    rng = np.random.default_rng(0)
    cells = rng.uniform(1e-6, 1e-4, (5, 4))
    read = select_cell(cells, 2, 3, 0.2, scheme="grounded")
    assert read.sensed == pytest.approx(0.2 * cells[2, 3], rel=1e-12)
    assert read.disturb == pytest.approx(0.2)
    assert read.leakage == pytest.approx(0.04 * cells[2, :3].sum(), rel=1e-12)


def test_half_voltage_scheme():
    """V/2 on the 3 + 5 cells that share a line, nothing on the others."""
    rng = np.random.default_rng(1)
    cells = rng.uniform(1e-6, 1e-4, (6, 4))
    write = select_cell(cells, 1, 2, 2.0, scheme="V/2")
    expected = np.zeros((6, 4))
    expected[1], expected[:, 2] = 1.0, 1.0
    expected[1, 2] = 2.0
    np.testing.assert_allclose(write.nodes.voltages, expected, rtol=0, atol=1e-15)
    assert write.disturb == 1.0
    half_selected = cells[1].sum() + cells[:, 2].sum() - 2 * cells[1, 2]
    assert write.leakage == pytest.approx(half_selected * 1.0, rel=1e-12)


def test_third_voltage_scheme():
    """V/3 on the selected lines, -V/3 on all others: less disturb, more cells that leak."""
    rng = np.random.default_rng(2)
    cells = rng.uniform(1e-6, 1e-4, (6, 4))
    write = select_cell(cells, 1, 2, 2.0, scheme="V/3")
    expected = np.full((6, 4), -2 / 3)
    expected[1], expected[:, 2] = 2 / 3, 2 / 3
    expected[1, 2] = 2.0
    np.testing.assert_allclose(write.nodes.voltages, expected, rtol=0, atol=1e-15)
    others = cells.sum() - cells[1, 2]
    assert write.leakage == pytest.approx(others * 4 / 9, rel=1e-12)
    assert write.current == pytest.approx(2.0 * cells[1, 2], rel=1e-12)


def test_the_sign_of_a_write_turns_all_signs():
    cells = np.random.default_rng(3).uniform(1e-6, 1e-4, (3, 5))
    up, down = (select_cell(cells, 2, 4, v, scheme="V/3") for v in (1.5, -1.5))
    np.testing.assert_allclose(down.nodes.voltages, -up.nodes.voltages, rtol=0, atol=1e-15)
    assert down.disturb == up.disturb


def test_wires_take_most_from_the_far_corner():
    """The cell at the near end of both lines keeps the most of its write voltage."""
    cells = np.full((16, 16), 1e-4)
    near, far = (
        select_cell(cells, *at, 2.0, scheme="V/2", segment_resistance=5.0).current
        for at in ((15, 0), (0, 15))
    )
    assert far < near < 2.0 * 1e-4


def test_nonlinear_cells_leak_less_when_half_selected():
    """sinh(1/2 x) / sinh(x): the reason for selectors."""
    cells = np.full((8, 8), 1e-6)
    straight = select_cell(cells, 0, 0, 2.0)
    curved = select_cell(cells, 0, 0, 2.0, law=Sinh(0.2))
    assert curved.current == pytest.approx(1e-6 * 0.2 * np.sinh(10.0), rel=1e-9)
    relative = curved.leakage / curved.current / (straight.leakage / straight.current)
    assert relative == pytest.approx(2 * np.sinh(5.0) / np.sinh(10.0), rel=1e-9)


def test_what_half_a_voltage_means_for_a_filament():
    """The rate is exp(V / V_0): a hundred pulses at V/2 do less than one at V."""
    write = select_cell(np.full((4, 4), 1e-6), 0, 0, 4.0, scheme="V/2")
    meant = filament_probability(1e-5, 4.0)
    disturbed = filament_probability(100 * 1e-5, write.disturb)
    assert meant > 0.99
    assert disturbed < 0.01


def test_transistor_in_series():
    cells = np.array([[0.0, 1e-5, 1e-3]])
    expected = [[0.0, 1 / (1e5 + 5e3), 1 / (1e3 + 5e3)]]
    np.testing.assert_allclose(with_transistor(cells, 5e3), expected, rtol=1e-14)
    np.testing.assert_array_equal(with_transistor(cells, 0.0), cells)


@pytest.mark.parametrize(
    ("row", "column", "text"),
    [
        (2, 0, "select_cell: row is 2, the array has 2; give one from 0 to 1"),
        (0, 3, "select_cell: column is 3, the array has 3; give one from 0 to 2"),
        (-1, 0, "select_cell: row is -1; give a whole number >= 0"),
    ],
)
def test_cells_that_are_not_there(row, column, text):
    with pytest.raises(ParameterError, match=text):
        select_cell(np.full((2, 3), 1e-6), row, column, 1.0)


def test_schemes_are_listed():
    with pytest.raises(ParameterError, match="scheme is 'V/4'; choose one of: floating, grounded"):
        select_cell(np.full((2, 3), 1e-6), 0, 0, 1.0, scheme="V/4")


def test_numbers_out_of_range():
    with pytest.raises(ParameterError, match="sneak_resistance: rows is 1; give a whole"):
        sneak_resistance(1, 4, 1e4)
    with pytest.raises(ParameterError, match="with_transistor: on_resistance is"):
        with_transistor([[1e-4]], -1.0)
    with pytest.raises(ParameterError, match="select_cell: voltage is nan"):
        select_cell([[1e-4]], 0, 0, np.nan)
