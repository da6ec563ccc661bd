"""Laws as data: each formula against its closed form, and the errors of what is no law."""

import pickle

import numpy as np
import pytest

from neuromem.core.errors import ParameterError
from neuromem.hardware.devices.laws import FORMS, SMALLEST, Law, Piece, law

X = np.array([0.0, 0.02, 0.1, 0.5, 1.0])
CLOSED = {
    "polynomial": ([1.0, -2.0, 3.0, 0.5, -0.25, 2.0], np.polyval([2, -0.25, 0.5, 3, -2, 1], X)),
    "log": ([-0.0155, 0.0244], -0.0155 * np.log(np.maximum(X, 1e-7)) + 0.0244),
    "power": ([0.0088, -0.65], 0.0088 / np.maximum(X, 1e-7) ** 0.65),
    "saturating": ([0.2, 0.11], 0.2 * (1 - np.exp(-X / 0.11))),
    "points": ([[0.1, 0.5], [2.0, 4.0]], [2.0, 2.0, 2.0, 4.0, 4.0]),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_its_formula(form):
    numbers, expected = CLOSED[form]
    np.testing.assert_allclose(law([{form: numbers}], "here")(X), expected, rtol=1e-13)


def test_a_piece_is_clipped_to_its_limits():
    clipped = law([{"polynomial": [0.0, 10.0], "low": 1.0, "high": 4.0}], "here")
    np.testing.assert_array_equal(clipped(X), [1.0, 1.0, 1.0, 4.0, 4.0])


def test_a_piece_ends_below_its_end():
    """At the end itself the next piece holds."""
    steps = law(
        [
            {"polynomial": [1.0], "below": 0.1},
            {"polynomial": [2.0], "below": 0.5},
            {"polynomial": [3.0]},
        ],
        "here",
    )
    np.testing.assert_array_equal(steps([0.0, 0.0999, 0.1, 0.4999, 0.5, 1.0]), [1, 1, 2, 2, 3, 3])


def test_a_law_takes_any_shape_and_gives_float64():
    line = law([{"polynomial": [0.0, 1.0]}], "here")
    values = line(np.ones((2, 3, 4), np.float32))
    assert values.shape == (2, 3, 4)
    assert values.dtype == np.float64
    assert line(0.25) == 0.25


def test_smallest_x_keeps_logarithms_and_powers_finite():
    assert law([{"log": [1.0, 0.0]}], "here")(0.0) == np.log(SMALLEST)
    assert law([{"power": [1.0, -1.0]}], "here")(0.0) == pytest.approx(1 / SMALLEST)


def test_tables_hold_the_pieces_in_order():
    pieces = (
        Piece("log", (3.0, 4.0), low=-1.0, below=0.2),
        Piece("points", (0.0, 0.3, 0.6, 1.0, 9.0, 8.0, 7.0, 6.0), high=2.0),
    )
    table = Law(pieces).table()
    inf = np.inf
    np.testing.assert_array_equal(table[0, :7], [1, 0.2, -1.0, inf, 2, 3.0, 4.0])
    np.testing.assert_array_equal(table[1], [4, inf, -inf, 2.0, 8, *pieces[1].coefficients])
    assert not table[0, 7:].any()
    assert Law((Piece("polynomial", (1.0,)),)).table().shape == (1, 11)  # room for degree 5


def test_laws_are_values():
    same = [law([{"log": [1.0, 2.0], "low": 0.0}], "a"), law([{"log": [1, 2], "low": 0}], "b")]
    assert same[0] == same[1]
    assert len(set(same)) == 1
    assert pickle.loads(pickle.dumps(same[0])) == same[0]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "x.toml: [drift] mean is []; give a list of pieces"),
        (0.5, "mean is 0.5; give a list of pieces, such as [{ polynomial = [0.5] }]."),
        ([{"low": 0.0}], "a piece is {'low': 0.0}; give exactly one of polynomial, log, power"),
        ([{"cubic": [1.0]}], "a piece is {'cubic': [1.0]}; give exactly one of polynomial"),
        ([{"log": [1.0, 2.0], "power": [1.0, 2.0]}], "give exactly one of polynomial, log"),
        ([{"log": [1.0, 2.0], "lowest": 0.0}], "optionally low, high, below"),
        ([[1.0, 2.0]], "a piece is [1.0, 2.0]; give exactly one of"),
        ([{"log": [1.0]}], "mean: log has 1 numbers; give 2."),
        ([{"polynomial": []}], "polynomial has 0 numbers; give 1 to 6."),
        ([{"polynomial": [1.0] * 7}], "polynomial has 7 numbers; give 1 to 6."),
        ([{"power": 3.0}], "mean: power is 3.0; give finite numbers."),
        ([{"power": [1.0, float("nan")]}], "mean: power is [1.0, nan]; give finite numbers."),
        ([{"power": ["1", 2.0]}], "give finite numbers."),
        ([{"log": [1.0, 2.0], "low": True}], "mean: low is [True]; give finite numbers."),
        ([{"log": [1.0, 2.0], "low": 2.0, "high": 1.0}], "low is 2.0, above high, 1.0"),
        ([{"saturating": [1.0, 0.0]}], "saturating: the scale is 0.0; give one above 0."),
        ([{"points": [1.0, 2.0, 3.0]}], "points is [1.0, 2.0, 3.0]; give [[x, ...], [y, ...]]."),
        ([{"points": [[0.0, 1.0], [1.0]]}], "as many y as x, two or more, with rising x"),
        ([{"points": [[1.0, 1.0], [1.0, 2.0]]}], "with rising x"),
        ([{"log": [1.0, 2.0], "below": 0.5}], "the pieces end at [0.5]; give each piece but the"),
        ([{"log": [1.0, 2.0]}, {"log": [1.0, 2.0]}], "the pieces end at [inf, inf]"),
        (
            [
                {"log": [1.0, 2.0], "below": 0.5},
                {"log": [1.0, 2.0], "below": 0.4},
                {"log": [1.0, 2.0]},
            ],
            "the pieces end at [0.5, 0.4, inf]; give each piece but the last a `below`, rising.",
        ),
    ],
)
def test_what_is_no_law_is_refused(entries, message):
    with pytest.raises(ParameterError) as caught:
        law(entries, "x.toml: [drift] mean")
    assert message in str(caught.value)
    assert str(caught.value).startswith("x.toml: [drift] mean")
