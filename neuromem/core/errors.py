"""The error family: every message names the argument, what came, what was expected, the way out.

Each class is also the builtin that a caller would catch, so ``except ValueError`` works.
"""

import math


class NeuromemError(Exception):
    """Any error that neuromem raises on purpose."""


class ParameterError(NeuromemError, ValueError):
    """A scalar or a choice outside what the method accepts."""


class ShapeError(NeuromemError, ValueError):
    """An array whose number of axes or length does not fit."""


class CodeError(NeuromemError, ValueError):
    """Values outside the code a memory holds: 0/1 for -1/+1, NaN, complex numbers."""


class CapabilityError(NeuromemError, NotImplementedError):
    """A verb that this model, rule or form does not have."""


class DataError(NeuromemError, FileNotFoundError):
    """Real data that are neither in the data folder nor to be downloaded."""


class FileFormatError(NeuromemError, OSError):
    """A file that is truncated, of another kind, or written by something else."""


def one_of(where: str, name: str, value: object, choices: object) -> str:
    """Return `value` if it is one of `choices`, else raise an error that lists them.

    >>> one_of("Hopfield", "rule", "heb", ("hebb", "storkey"))
    Traceback (most recent call last):
        ...
    neuromem.core.errors.ParameterError: Hopfield: rule is 'heb'; choose one of: hebb, storkey.
    """
    options = [str(choice) for choice in choices]  # type: ignore[attr-defined]
    if isinstance(value, str) and value in options:
        return value
    raise ParameterError(f"{where}: {name} is {value!r}; choose one of: {', '.join(options)}.")


def whole_number(where: str, name: str, value: object, least: int = 0) -> int:
    """Return `value` as an int of at least `least`, else raise an error that says so.

    >>> whole_number("capacity", "trials", -3, least=1)
    Traceback (most recent call last):
        ...
    neuromem.core.errors.ParameterError: capacity: trials is -3; give a whole number >= 1.
    """
    whole: int | None = None
    if not isinstance(value, bool):
        try:
            whole = int(value)  # type: ignore[call-overload]
        except (TypeError, ValueError, OverflowError):
            whole = None
    if whole is None or whole != value or whole < least:
        raise ParameterError(f"{where}: {name} is {value!r}; give a whole number >= {least}.")
    return whole


def real_number(
    where: str, name: str, value: object, low: float = -float("inf"), high: float = float("inf")
) -> float:
    """Return `value` as a finite float in the closed interval [low, high], else raise.

    >>> real_number("flip", "fraction", 1.5, 0.0, 1.0)
    Traceback (most recent call last):
        ...
    neuromem.core.errors.ParameterError: flip: fraction is 1.5; give a number from 0.0 to 1.0.
    """
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    if not low <= number <= high or math.isinf(number):
        wanted = f"a number from {low} to {high}"
        if math.isinf(high):
            wanted = "a finite number" if math.isinf(low) else f"a finite number >= {low}"
        raise ParameterError(f"{where}: {name} is {value!r}; give {wanted}.")
    return number
