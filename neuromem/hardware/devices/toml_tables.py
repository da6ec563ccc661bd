"""Tables of a TOML file that know their place, so that errors name file, section and key."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from neuromem.core.errors import ParameterError
from neuromem.hardware.devices.laws import Law, law


class Table:
    """A table of a TOML file that knows its place, and which of its keys were asked for.

    Parameters
    ----------
    file, section : str
        Where the table stands; the section of the top is empty.
    data : mapping
        What the file holds there.
    """

    def __init__(self, file: str, section: str, data: Mapping[str, Any]) -> None:
        self.file, self.section, self._data = file, section, data
        self._asked: set[str] = set()

    def where(self, key: str) -> str:
        """Return file, section and key, as errors name them."""
        return f"{self.file}: [{self.section}] {key}" if self.section else f"{self.file}: {key}"

    def has(self, key: str) -> bool:
        """Return whether there is such a key."""
        self._asked.add(key)
        return key in self._data

    def get(self, key: str) -> Any:
        """Return what a key holds; raise ParameterError where it is missing."""
        if not self.has(key):
            raise ParameterError(f"{self.where(key)} is missing; add it.")
        return self._data[key]

    def text(self, key: str, choices: tuple[str, ...] = ()) -> str:
        """Return a text, one of `choices` if there are any."""
        value = self.get(key)
        if not isinstance(value, str) or (choices and value not in choices):
            wanted = f"choose one of: {', '.join(choices)}" if choices else "give a text"
            raise ParameterError(f"{self.where(key)} is {value!r}; {wanted}.")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of one text or more."""
        values = self.get(key)
        if not isinstance(values, list) or not values or not all(map(_is_text, values)):
            raise ParameterError(f"{self.where(key)} is {values!r}; give a list of texts.")
        return tuple(values)

    def number(self, key: str, default: float | None = None, most: float = math.inf) -> float:
        """Return a number from 0 to `most`."""
        if default is not None and not self.has(key):
            return default
        value = self.get(key)
        if not _is_number(value) or not 0 <= value <= most:
            wanted = f"a number from 0 to {most:g}" if math.isfinite(most) else "a number >= 0"
            raise ParameterError(f"{self.where(key)} is {value!r}; give {wanted}.")
        return float(value)

    def positive(self, key: str, default: float | None = None) -> float:
        """Return a number above 0."""
        value = self.number(key, default)
        if value == 0:
            raise ParameterError(f"{self.where(key)} is 0; give a number above 0.")
        return value

    def flag(self, key: str) -> bool:
        """Return true or false; false where the key is left out."""
        value = self.get(key) if self.has(key) else False
        if not isinstance(value, bool):
            raise ParameterError(f"{self.where(key)} is {value!r}; give true or false.")
        return value

    def numbers(self, key: str, count: int | None = None) -> tuple[float, ...]:
        """Return a list of `count` finite numbers, or of one or more."""
        values = self.get(key)
        good = isinstance(values, list) and values and all(map(_is_number, values))
        if not good or (count is not None and len(values) != count):
            many = "" if count is None else f"{count} "
            raise ParameterError(f"{self.where(key)} is {values!r}; give {many}finite numbers.")
        return tuple(float(value) for value in values)

    def rising(self, key: str, count: int | None = None) -> tuple[float, ...]:
        """Return numbers above 0, each larger than the one before it."""
        values = self.numbers(key, count)
        if values[0] <= 0 or any(a >= b for a, b in pairwise(values)):
            raise ParameterError(f"{self.where(key)} is {list(values)}; give rising numbers > 0.")
        return values

    def law(self, key: str) -> Law:
        """Return a law."""
        return law(self.get(key), self.where(key))

    def laws(self, key: str, count: int) -> tuple[Law, ...]:
        """Return a list of `count` laws."""
        values = self.get(key)
        if not isinstance(values, list) or len(values) != count:
            raise ParameterError(
                f"{self.where(key)} is {values!r}; give {count} laws, one for each of the times."
            )
        return tuple(law(value, f"{self.where(key)}[{k}]") for k, value in enumerate(values))

    def table(self, key: str) -> Table:
        """Return the table that a key holds."""
        data = self.get(key)
        section = f"{self.section}.{key}" if self.section else key
        if not isinstance(data, Mapping):
            raise ParameterError(f"{self.where(key)} is {data!r}; give a table, [{section}].")
        return Table(self.file, section, data)

    def done(self) -> None:
        """Raise ParameterError where the file holds keys that nobody asked for."""
        for key in self._data:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                raise ParameterError(f"{self.where(key)} is unknown; there are: {known}.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)
