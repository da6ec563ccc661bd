"""Wire resistance against closed forms, published cases, Kirchhoff's laws and a nodal twin."""

import itertools
import math
from fractions import Fraction

import numba
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import spsolve

from neuromem.core import threads
from neuromem.core.errors import ParameterError, ShapeError
from neuromem.hardware.arrays import wires
from neuromem.hardware.arrays.wires import effective, first_order, node_voltages, solve

# ------------------------------------------------------------------------------ closed forms


def one_cell(conductance, voltage, word, bit):
    """I = V / (1/G + r_w + r_b)."""
    return voltage / (1 / conductance + word + bit)


def word_line(n, conductance, voltage, r):
    """Node voltages of one word line of equal cells whose bit lines are at 0 V: W_1 .. W_N.

    With cosh th = 1 + r G / 2: W_j = V cosh((N + 1/2 - j) th) / cosh((N + 1/2) th).
    """
    th = math.acosh(1 + r * conductance / 2)
    j = np.arange(1, n + 1)
    return voltage * np.cosh((n + 0.5 - j) * th) / math.cosh((n + 0.5) * th)


def bit_line(n, conductance, voltage, r):
    """Current of one bit line of equal cells at equal voltage without word line drops.

    I = (V / r) (1 - cosh((N - 1/2) th) / cosh((N + 1/2) th)).
    """
    th = math.acosh(1 + r * conductance / 2)
    return voltage / r * (1 - math.cosh((n - 0.5) * th) / math.cosh((n + 0.5) * th))


def two_by_two(x):
    """Currents of a 2 x 2 array of equal cells at equal voltage, in units of G V; x = G r."""
    below = (3 * x + 1) * (4 * x**2 + 6 * x + 1)
    return np.array([6 * x**2 + 9 * x + 2, 4 * x**2 + 7 * x + 2]) / below


# ------------------------------------------------------------------- an independent solution


def nodal(conductances, voltages, word, bit, driver=0.0, sense=0.0):
    """Return I, W and B from SciPy's sparse elimination over all 2 R C nodes; word, bit > 0."""
    G = np.asarray(conductances, float)
    R, C = G.shape
    w, b = np.arange(2 * R * C).reshape(2, R, C)
    pairs = [
        (w[:, :-1], w[:, 1:], np.full((R, C - 1), 1 / word)),
        (b[:-1], b[1:], np.full((R - 1, C), 1 / bit)),
        (w, b, G),
    ]
    start, end, g = (np.concatenate([np.ravel(p[k]) for p in pairs]) for k in range(3))
    diagonal = np.bincount(start, g, 2 * R * C) + np.bincount(end, g, 2 * R * C)
    diagonal[w[:, 0]] += 1 / (word + driver)
    diagonal[b[-1]] += 1 / (bit + sense)
    right = np.zeros(2 * R * C)
    right[w[:, 0]] = np.asarray(voltages) / (word + driver)
    rows, columns = np.concatenate([start, end]), np.concatenate([end, start])
    links = sp.coo_array((np.concatenate([g, g]), (rows, columns)), shape=(2 * R * C,) * 2)
    x = spsolve((sp.diags_array(diagonal) - links).tocsc(), right)
    W, B = x.reshape(2, R, C)
    return (G * (W - B)).sum(axis=0), W, B


def golden(n, low, high, seed=0):
    """Conductances in S, uniform in [low, high] uS, and voltages uniform in [0, 0.2] V."""
    rng = np.random.default_rng(seed)
    conductances = rng.uniform(low, high, (n, n)) * 1e-6
    return conductances, rng.uniform(0, 0.2, n)


@st.composite
def arrays(draw):
    """Random arrays with open cells, signed voltages and resistances over six decades."""
    rows, columns = draw(st.integers(1, 19)), draw(st.integers(1, 19))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    G = 10 ** rng.uniform(-7, -3, (rows, columns)) * (rng.random((rows, columns)) < 0.8)
    V = rng.uniform(-1, 1, rows)
    segments = 10 ** draw(st.floats(-3, 3)), 10 ** draw(st.floats(-3, 3))
    ends = draw(st.sampled_from([0.0, 1.0, 300.0])), draw(st.sampled_from([0.0, 1.0, 300.0]))
    return G, V, segments, {"driver_resistance": ends[0], "sense_resistance": ends[1]}


@settings(max_examples=60)
@given(arrays())
def test_random_arrays_agree_with_sparse_nodal_analysis(case):
    """Within the tolerance 1e-9 of the sum of outputs.

    The twin's rounding: 1e-16 times a condition number of at most N^2 = 361 and a few operations,
    on currents of the size of the ideal ones: 1e-12 of those.
    """
    G, V, segments, ends = case
    twin, W, B = nodal(G, V, *segments, *ends.values())
    ours = solve(G, V, segments, **ends)
    allowed = 1e-9 * np.abs(twin).sum() + 1e-12 * (np.abs(V) @ G).sum()
    assert np.abs(ours - twin).sum() <= allowed
    word, bit = node_voltages(G, V, segments, tolerance=1e-13, **ends)
    np.testing.assert_allclose(word, W, rtol=0, atol=1e-9 * np.abs(V).max())
    np.testing.assert_allclose(bit, B, rtol=0, atol=1e-9 * np.abs(V).max())


@settings(max_examples=30)
@given(arrays())
def test_the_tolerance_is_a_bound(case):
    """Loose solves stay within what they promise of the tightest one."""
    G, V, segments, ends = case
    exact = solve(G, V, segments, tolerance=1e-13, **ends)
    faint = 1e-6 * solve(np.abs(G), np.abs(V), (segments[0], 0.0), **ends).sum()
    for tolerance in (1e-1, 1e-3, 1e-6):
        loose = solve(G, V, segments, tolerance=tolerance, **ends)
        scale = max(np.abs(loose).sum(), faint)
        assert np.abs(loose - exact).sum() <= 1.001 * tolerance * scale + 1e-300


# ---------------------------------------------------------------------------- numbered checks


def test_H01_single_cell():
    """100 uS behind 5 + 5 ohm at 0.2 V: 1.998002e-5 A."""
    assert one_cell(1e-4, 0.2, 5, 5) == pytest.approx(1.998002e-5, rel=1e-7)
    assert solve([[1e-4]], [0.2], 5.0) == pytest.approx(one_cell(1e-4, 0.2, 5, 5), rel=1e-9)
    uneven = solve([[1e-4]], [0.2], (5.0, 7.0), driver_resistance=100.0, sense_resistance=30.0)
    assert uneven == pytest.approx(one_cell(1e-4, 0.2, 105, 37), rel=1e-12)


def test_H02_without_resistance_a_read_is_the_product():
    G, V = golden(17, 1, 100)
    np.testing.assert_array_equal(solve(G, V, 0.0), (V[None] @ G)[0])
    np.testing.assert_array_equal(effective(G, (0.0, 0.0)), G)
    np.testing.assert_allclose(solve(G, V, 1e-12), V @ G, rtol=1e-12)  # loss ~ r G N^2 = 3e-14
    word, bit = node_voltages(G, V, 0.0)
    np.testing.assert_array_equal(word, np.broadcast_to(V[:, None], G.shape))
    np.testing.assert_array_equal(bit, np.zeros(G.shape))


def test_H03_word_line():
    """N = 8, G = 1 mS, r = 10 ohm, V = 1: W_1 = 0.9358252326, W_8 = 0.7238681890 V."""
    word, bit = node_voltages(np.full((1, 8), 1e-3), [1.0], (10.0, 0.0))
    np.testing.assert_allclose(word[0, [0, 7]], [0.9358252326, 0.7238681890], rtol=1e-9)
    np.testing.assert_allclose(word[0], word_line(8, 1e-3, 1.0, 10.0), rtol=1e-12)
    np.testing.assert_array_equal(bit, np.zeros((1, 8)))


def test_a_long_word_line_conducts_like_the_infinite_one():
    """-G/2 + sqrt(G^2/4 + G/r), seen behind the first segment."""
    G, r = 1e-3, 10.0
    current = solve(np.full((1, 400), G), [1.0], (r, 0.0)).sum()
    behind = -G / 2 + math.sqrt(G**2 / 4 + G / r)
    assert current == pytest.approx(behind, rel=1e-9)


def test_H04_bit_line():
    """The same numbers along a bit line: 6.417476744 mA of the ideal 8 mA."""
    current = solve(np.full((8, 1), 1e-3), np.ones(8), (0.0, 10.0))
    assert current[0] == pytest.approx(6.417476744e-3, rel=1e-9)
    assert current[0] == pytest.approx(bit_line(8, 1e-3, 1.0, 10.0), rel=1e-12)


def test_H05_two_by_two_closed_form():
    """10, 20, 30, 40 ohm, r = 1, V = (1, 2): 6845/53272 and 2163/26636 A."""
    exact = [float(Fraction(6845, 53272)), float(Fraction(2163, 26636))]
    ours = solve(1 / np.array([[10.0, 20.0], [30.0, 40.0]]), [1.0, 2.0], 1.0, tolerance=1e-13)
    np.testing.assert_allclose(ours, exact, rtol=1e-12)


@pytest.mark.parametrize("x", [1e-3, 0.1, 1.0])
def test_H06_two_by_two_equal_cells(x):
    G, V = 1e-4, 0.3
    ours = solve(np.full((2, 2), G), [V, V], x / G, tolerance=1e-13)
    np.testing.assert_allclose(ours, G * V * two_by_two(x), rtol=1e-12)


def test_H07_three_by_five():
    resistances = [[345, 903, 755, 257, 646], [652, 401, 508, 166, 454], [442, 874, 190, 244, 635]]
    expected = [0.011585025422, 0.009190641636, 0.015115681173, 0.025833208221, 0.009811792883]
    ours = solve(1 / np.array(resistances, float), [1.5, 2.3, 1.7], 0.5)
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


@pytest.fixture(scope="module")
def solved():
    """A 40 x 56 array that loses a third of its current: G, V, resistances, W, B."""
    rng = np.random.default_rng(3)
    G = rng.uniform(10, 100, (40, 56)) * 1e-6
    G[rng.random(G.shape) < 0.1] = 0.0
    V = rng.uniform(-0.1, 0.2, 40)
    ends = {"driver_resistance": 20.0, "sense_resistance": 30.0}
    return G, V, (3.0, 5.0), ends, *node_voltages(G, V, (3.0, 5.0), tolerance=1e-13, **ends)


def test_H08_kirchhoff(solved):
    """What a line takes in or gives out is the sum over its cells; every node balances."""
    G, V, (word, bit), ends, W, B = solved
    cells = G * (W - B)
    out = B[-1] / (bit + ends["sense_resistance"])
    into = (V - W[:, 0]) / (word + ends["driver_resistance"])
    scale = np.abs(cells).sum(axis=0).max()
    np.testing.assert_allclose(out, cells.sum(axis=0), rtol=0, atol=1e-9 * scale)
    np.testing.assert_allclose(into, cells.sum(axis=1), rtol=0, atol=1e-9 * scale)
    np.testing.assert_allclose(out, solve(G, V, (word, bit), **ends), rtol=1e-9, atol=1e-9 * scale)
    along = np.diff(W, axis=1) / word  # in from the left less out to the right
    left = np.column_stack([into, -along])
    right = np.column_stack([-along, np.zeros(len(G))])
    np.testing.assert_allclose(left - right, cells, rtol=0, atol=1e-9 * scale)
    down = -np.diff(B, axis=0) / bit
    above = np.vstack([np.zeros(G.shape[1]), down])
    np.testing.assert_allclose(np.vstack([down, out]) - above, cells, rtol=0, atol=1e-9 * scale)


def test_H09_power(solved):
    """The sources give what cells and wires turn into heat."""
    G, V, (word, bit), ends, W, B = solved
    first, last = word + ends["driver_resistance"], bit + ends["sense_resistance"]
    given_power = V @ ((V - W[:, 0]) / first)
    heat = (G * (W - B) ** 2).sum()
    heat += (np.diff(W, axis=1) ** 2).sum() / word + ((V - W[:, 0]) ** 2).sum() / first
    heat += (np.diff(B, axis=0) ** 2).sum() / bit + (B[-1] ** 2).sum() / last
    assert given_power == pytest.approx(heat, rel=1e-9)


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (1, 12), (12, 1), (8, 8)])
def test_H10_reciprocity(shape):
    """Turned round, with the bit lines driven, the array has the transposed matrix.

    Both are solved row by row: `effective` would itself turn an array of more rows than columns.
    """
    rng = np.random.default_rng(4)
    G = rng.uniform(1, 100, shape) * 1e-6
    ends = {"driver_resistance": 5.0, "sense_resistance": 9.0}
    T = solve(G, np.eye(shape[0]), (40.0, 70.0), tolerance=1e-12, **ends)
    ends = {"driver_resistance": 9.0, "sense_resistance": 5.0}
    turned = solve(G.T[::-1, ::-1], np.eye(shape[1]), (70.0, 40.0), tolerance=1e-12, **ends)
    np.testing.assert_allclose(turned[::-1, ::-1].T, T, rtol=1e-9)


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (1, 12), (12, 1), (8, 8)])
def test_effective_is_what_unit_voltages_give(shape):
    G = np.random.default_rng(4).uniform(1, 100, shape) * 1e-6
    ends = {"driver_resistance": 5.0, "sense_resistance": 9.0, "tolerance": 1e-12}
    T = effective(G, (40.0, 70.0), **ends)
    np.testing.assert_allclose(T, solve(G, np.eye(shape[0]), (40.0, 70.0), **ends), rtol=1e-9)


def test_H11_linearity():
    rng = np.random.default_rng(5)
    G = rng.uniform(10, 100, (64, 48)) * 1e-6
    first, second = rng.uniform(-0.2, 0.2, (2, 64))
    a, b = 0.3, -1.7
    parts = a * solve(G, first, 5.0) + b * solve(G, second, 5.0)
    whole = solve(G, a * first + b * second, 5.0)
    np.testing.assert_allclose(whole, parts, rtol=0, atol=1e-9 * np.abs(whole).sum())


@settings(max_examples=40)
@given(arrays(), st.sampled_from(["word", "bit", "driver", "sense", "cell"]), st.floats(1.01, 100))
def test_H12_rayleigh_monotonicity(case, which, factor):
    """At equal voltages the total current falls with every resistance and every opened cell."""
    G, _, (word, bit), ends = case
    assume(G.any())
    before = solve(G, np.ones(len(G)), (word, bit), tolerance=1e-12, **ends).sum()
    if which == "cell":
        i, j = np.argwhere(G)[0]
        G[i, j] /= factor
    word, bit = word * factor ** (which == "word"), bit * factor ** (which == "bit")
    ends["driver_resistance"] += factor * (which == "driver")
    ends["sense_resistance"] += factor * (which == "sense")
    after = solve(G, np.ones(len(G)), (word, bit), tolerance=1e-12, **ends).sum()
    assert after <= before * (1 + 2e-12 + 1e-13)


@settings(max_examples=40)
@given(arrays())
def test_H13_currents_lie_between_nothing_and_the_ideal(case):
    G, _, segments, ends = case
    currents = solve(G, np.full(len(G), 0.2), segments, **ends)
    ideal = 0.2 * G.sum(axis=0)
    assert (-1e-9 * currents.sum() <= currents).all()
    assert (ideal + 1e-9 * ideal.sum() >= currents).all()


@pytest.mark.parametrize("ends", [(0.0, 0.0), (10.0, 20.0)])
def test_H14_first_order_formula_has_an_error_of_second_order(ends):
    """A tenth of the resistance, a hundredth of the error."""
    rng = np.random.default_rng(6)
    G = rng.uniform(1, 10, (24, 32)) * 1e-6
    V = rng.uniform(0, 0.2, 24)

    def error(r):
        names = {"driver_resistance": ends[0] * r, "sense_resistance": ends[1] * r}
        exact = solve(G, V, (r, 2 * r), tolerance=1e-13, **names)
        return np.abs(first_order(G, V, (r, 2 * r), **names) - exact)

    np.testing.assert_allclose(error(0.1) / error(0.01), 100, rtol=0.05)


def test_first_order_matches_the_sum_it_stands_for():
    rng = np.random.default_rng(7)
    (R, C), (rw, rb, d, s) = (4, 3), (2.0, 3.0, 5.0, 7.0)
    G = rng.uniform(10, 100, (R, C)) * 1e-6
    V = rng.uniform(-0.2, 0.2, (2, R))
    expected = np.zeros((2, C))
    for b, i, j in itertools.product(range(2), range(R), range(C)):
        drop = V[b, i] * sum(G[i, k] * (d + rw * min(j + 1, k + 1)) for k in range(C))
        rise = sum(G[k, j] * V[b, k] * (s + rb * (R - max(i, k))) for k in range(R))
        expected[b, j] += G[i, j] * (V[b, i] - drop - rise)
    names = {"driver_resistance": d, "sense_resistance": s}
    np.testing.assert_allclose(first_order(G, V, (rw, rb), **names), expected, rtol=1e-12)
    matrix = first_order(G, None, (rw, rb), **names)
    np.testing.assert_allclose(V @ matrix, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("high", "n", "loss"),
    [
        (10, 64, 0.0148777603),
        (10, 128, 0.0566024198),
        (10, 256, 0.1900811035),
        (10, 512, 0.4758465541),
        (100, 64, 0.1296719777),
        (100, 128, 0.3653416796),
        (100, 256, 0.6798505469),
        (100, 512, 0.8849684633),
    ],
)
def test_H15_golden_losses(high, n, loss):
    """Share of the ideal current that 1 ohm a segment takes, cells of 1-10 or 10-100 uS."""
    G, V = golden(n, high / 10, high)
    assert 1 - solve(G, V, 1.0).sum() / (V @ G).sum() == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("shape", [(24, 40), (40, 24)])
def test_H17_a_batch_is_its_single_reads_and_effective_is_the_solve(shape):
    rng = np.random.default_rng(8)
    G = rng.uniform(10, 100, shape) * 1e-6
    V = rng.uniform(-0.2, 0.2, (5, shape[0]))
    ends = {"driver_resistance": 11.0, "sense_resistance": 13.0}
    batch = solve(G, V, (20.0, 30.0), **ends)
    for one, currents in zip(V, batch, strict=True):
        np.testing.assert_array_equal(solve(G, one, (20.0, 30.0), **ends), currents)
    through = V @ effective(G, (20.0, 30.0), **ends)
    np.testing.assert_allclose(through, batch, rtol=0, atol=1e-9 * np.abs(batch).sum(1).max())


# ------------------------------------------------------------------------------ special arrays


def test_ideal_word_lines_leave_bit_lines_to_themselves():
    """r_w = 0: each bit line is a tridiagonal system of its own."""
    rng = np.random.default_rng(9)
    G, V, r, s = rng.uniform(0, 1e-3, (7, 5)), rng.uniform(-1, 1, 7), 40.0, 60.0
    ladder = (2 * np.eye(7) - np.eye(7, k=1) - np.eye(7, k=-1)) / r
    ladder[0, 0], ladder[-1, -1] = 1 / r, 1 / r + 1 / (r + s)
    expected = [np.linalg.solve(ladder + np.diag(g), g * V)[-1] / (r + s) for g in G.T]
    ours = solve(G, V, (0.0, r), sense_resistance=s)
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_ideal_bit_lines_leave_word_lines_to_themselves():
    rng = np.random.default_rng(10)
    G, V, r, d = rng.uniform(0, 1e-3, (7, 5)), rng.uniform(-1, 1, 7), 40.0, 60.0
    ladder = (2 * np.eye(5) - np.eye(5, k=1) - np.eye(5, k=-1)) / r
    ladder[-1, -1], ladder[0, 0] = 1 / r, 1 / r + 1 / (r + d)
    source = np.eye(5)[0] / (r + d)
    W = np.array(
        [v * np.linalg.solve(ladder + np.diag(g), source) for g, v in zip(G, V, strict=True)]
    )
    ours = solve(G, V, (r, 0.0), driver_resistance=d)
    np.testing.assert_allclose(ours, (G * W).sum(axis=0), rtol=1e-9)


@pytest.mark.parametrize("segments", [(0.0, 0.0), (5.0, 0.0), (0.0, 5.0), (5.0, 5.0)])
def test_ends_alone_are_resistors_in_series(segments):
    """One cell, all eight ways to leave resistances out."""
    for driver, sense in itertools.product((0.0, 50.0), repeat=2):
        ends = {"driver_resistance": driver, "sense_resistance": sense}
        currents = solve([[1e-4]], [0.2], segments, **ends)
        expected = one_cell(1e-4, 0.2, segments[0] + driver, segments[1] + sense)
        assert currents[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("r", [1e4, 1e6, 1e9])
def test_huge_resistances_leave_the_nearest_cell(r):
    """Wires worse than the cells: what flows, flows mostly through the corner; all positive."""
    G, V = golden(24, 10, 100)
    currents = solve(G, V, r)
    twin = nodal(G, V, r, r)[0]
    np.testing.assert_allclose(currents, twin, rtol=0, atol=1e-9 * twin.sum())
    assert currents[0] == currents.max()


def test_open_arrays_and_silent_reads_give_nothing():
    np.testing.assert_array_equal(solve(np.zeros((3, 4)), [1.0, 2.0, 3.0], 5.0), np.zeros(4))
    np.testing.assert_array_equal(solve(np.full((3, 4), 1e-4), np.zeros(3), 5.0), np.zeros(4))
    G = np.full((3, 4), 1e-4)
    G[:, 2] = 0.0
    assert solve(G, [0.1, 0.2, 0.3], 5.0)[2] == 0.0


def test_opposite_voltages_cancel_without_end():
    """Outputs of nothing but rounding: the read ends all the same."""
    G = np.full((2, 3), 1e-4)
    G[1] = G[0]
    currents = solve(G, [0.2, -0.2], (5.0, 0.0))
    assert np.abs(currents).max() < 1e-15 * 0.2 * 1e-4


def test_inputs_stay_as_they_are_and_may_have_any_layout():
    G, V = golden(9, 1, 100)
    held = np.asfortranarray(G, np.float32), V.astype(np.float32)
    kept = held[0].copy(), held[1].copy()
    currents = solve(*held, 5.0)
    assert currents.dtype == np.float64
    for now, then in zip(held, kept, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(currents, solve(np.float64(held[0]), np.float64(held[1]), 5.0))


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr(threads, "THREADS_FROM", 1)
    G, _ = golden(16, 10, 100)
    V = np.random.default_rng(1).uniform(-1, 1, (9, 16))
    results = []
    for count in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        monkeypatch.setattr(numba, "get_num_threads", lambda count=count: count)
        results.append(solve(G, V, 20.0))
    np.testing.assert_array_equal(*results)


# ------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("function", [solve, node_voltages, first_order])
@pytest.mark.parametrize("voltages", [[1.0], [[1.0], [2.0]], np.zeros((0, 2)), 1.0])
def test_voltages_that_do_not_fit(function, voltages):
    with pytest.raises(ShapeError, match=rf"{function.__name__}: the voltages .* 2 word lines"):
        function([[1e-4], [1e-4]], voltages, 1.0)


@pytest.mark.parametrize("cells", [[1e-4], [[[1e-4]]], np.zeros((0, 3))])
def test_conductances_must_be_an_array_of_rows(cells):
    with pytest.raises(ShapeError, match=r"effective: the conductances have shape .* \(R, C\)"):
        effective(cells, 1.0)


@pytest.mark.parametrize("bad", [-1e-6, np.nan, np.inf])
def test_conductances_must_be_finite_and_not_negative(bad):
    with pytest.raises(ParameterError, match=r"solve: conductances is .*; give finite numbers"):
        solve([[1e-4, bad]], [1.0], 1.0)


def test_voltages_must_be_finite():
    with pytest.raises(ParameterError, match="solve: voltages is nan; give finite numbers"):
        solve([[1e-4]], [np.nan], 1.0)


@pytest.mark.parametrize("bad", [(1.0, 2.0, 3.0), [[1.0, 2.0]]])
def test_segments_must_be_one_or_two(bad):
    with pytest.raises(ParameterError, match=r"segment_resistance is .*a pair"):
        solve([[1e-4]], [1.0], bad)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"segment_resistance": -1.0}, "segment_resistance is -1; give finite numbers from 0"),
        ({"driver_resistance": -1.0}, "driver_resistance is -1.0; give a finite number >= 0"),
        ({"sense_resistance": math.inf}, "sense_resistance is inf; give a finite number >= 0"),
        ({"tolerance": 0.0}, "tolerance is 0.0; give a number from 1e-14 to 1.0"),
    ],
)
def test_settings_out_of_range(arguments, text):
    with pytest.raises(ParameterError, match=text):
        solve(
            **({"conductances": [[1e-4]], "voltages": [1.0], "segment_resistance": 1.0} | arguments)
        )


def test_a_read_that_is_not_known_well_enough_says_so(monkeypatch):
    monkeypatch.setattr(wires.Ladders, "_most_steps", lambda self, tolerance: 1)
    G, V = golden(64, 10, 100)
    with pytest.raises(ParameterError, match=r"solve: read 1 is known to .* after 1 steps"):
        solve(G, [0 * V, V], 10.0)
