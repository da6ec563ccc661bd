"""Quantities as people write them."""

import pytest

from neuromem.core.errors import ParameterError
from neuromem.core.units import duration, quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("1 ms", "s", 1e-3),
        ("250ns", "s", 250e-9),
        ("2 min", "s", 120.0),
        ("1 day", "s", 86400.0),
        ("30 days", "s", 30 * 86400.0),
        ("1 year", "s", 31557600.0),
        ("5 s", "s", 5.0),
        ("1e3", "s", 1000.0),
        ("25 uS", "S", 25e-6),
        ("25 µS", "S", 25e-6),
        ("1.5 kohm", "ohm", 1500.0),
        ("2", "ohm", 2.0),
    ],
)
def test_a_quantity_becomes_a_plain_float(text, unit, value):
    assert quantity(text, unit) == value


@pytest.mark.parametrize("text", ["", "soon", "3 apples", "days", "1..2 s", "5 uS", "1 2 s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ParameterError, match=r'--at is .*; give a number and a unit, such as "30'):
        quantity(text, "s", "--at")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (250e-9, "250 ns"),
        (2e-3, "2 ms"),
        (90.0, "1.5 min"),
        (172800.0, "2 days"),
        (31557600.0, "1 year"),
        (315576000.0, "10 years"),
    ],
)
def test_a_time_is_said_in_words_that_are_read_back(seconds, text):
    assert duration(seconds) == text
    assert quantity(text, "s") == pytest.approx(seconds, rel=1e-12)
