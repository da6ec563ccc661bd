"""Quantities as people write them, "30 days" or "25 uS", as plain SI floats."""

from __future__ import annotations

import re

from neuromem.core.errors import ParameterError

_PARTS = {"f": 1e15, "p": 1e12, "n": 1e9, "u": 1e6, "µ": 1e6, "m": 1e3}
_MULTIPLES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_TIMES = {"min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0}
_TIMES |= {"week": 7 * 86400.0, "month": 30 * 86400.0, "year": 365.25 * 86400.0}
_NAMED = {"year": _TIMES["year"], "day": 86400.0, "h": 3600.0, "min": 60.0}
_NAMED |= {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_PATTERN = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([^\W\d_]*)\s*")


def quantity(text: str, unit: str, name: str = "quantity") -> float:
    """Return a quantity in SI units; a bare number is taken in `unit` itself.

    Parameters
    ----------
    text : str
        A number and a unit with any prefix from f to G; times also in min, h, days, weeks,
        months of 30 days, years.
    unit : str
        The SI unit, such as "s", "S" or "ohm".
    name : str
        What an error calls it.

    Raises
    ------
    ParameterError
        If the text is no such quantity.

    Examples
    --------
    >>> quantity("30 days", "s")
    2592000.0
    >>> quantity("25 uS", "S")
    2.5e-05
    """
    match = _PATTERN.fullmatch(text)
    if match is not None:
        given = match[2] or unit
        prefix = given.removesuffix(unit) if given.endswith(unit) else None
        factor = None if prefix is None else _MULTIPLES.get(prefix)
        if unit == "s" and factor is None:
            factor = _TIMES.get(given.removesuffix("s"))
        try:
            if factor is not None:
                return float(match[1]) * factor
            if prefix in _PARTS:  # divided, for 1e-6 is no exact float and 1e6 is one
                return float(match[1]) / _PARTS[prefix]
        except ValueError:
            pass
    examples = '"30 days", "90 s" or "1 ms"' if unit == "s" else f'"25 u{unit}" or "1e-6"'
    raise ParameterError(f"{name} is {text!r}; give a number and a unit, such as {examples}.")


def duration(seconds: float) -> str:
    """Return a time as people say it, to three digits, which `quantity` reads back.

    Examples
    --------
    >>> duration(2592000.0), duration(86400.0), duration(5400.0), duration(0.0)
    ('30 days', '1 day', '1.5 h', '0 s')
    """
    for name, length in _NAMED.items():
        if seconds >= length:
            number = f"{seconds / length:.3g}"
            return f"{number} {name}{'s' if name in ('year', 'day') and number != '1' else ''}"
    return f"{seconds:.3g} s"
