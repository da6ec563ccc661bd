"""The application of the command ``neuromem``, and what its commands share."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from neuromem.core.errors import ParameterError


class _Commands(typer.core.TyperGroup):
    """The commands; an interrupt says what was kept, which typer by itself would swallow."""

    def invoke(self, context: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt as stop:
            typer.echo(f"neuromem: {str(stop) or 'interrupted'}", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    name="neuromem",
    cls=_Commands,
    help=(
        "What can a memory hold, for how long, and per byte?\n\n"
        "Start with: neuromem demo, which stores real digits in several memories, "
        "recalls them from damaged cues, measures a capacity curve against theory, "
        "and leaves a page to look at."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a script to read.")]
Seed = Annotated[int, typer.Option(help="Seed of all that is random.")]
Workers = Annotated[
    int | None, typer.Option(help="Worker processes; by default all runs in this one.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the results; made if it is missing.")]


def print_json(figures: Any) -> None:
    typer.echo(json.dumps(_finite(figures), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    """Put null where a number is infinite: JSON has no word for it."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


_WORDS = {"true": True, "false": False, "none": None}


def choices_of(pairs: list[str]) -> dict[str, Any]:
    """Read NAME=VALUE pairs: numbers, true, false and none as such, all else as text."""
    chosen: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ParameterError(f"--set is {pair!r}; give NAME=VALUE, such as rule=storkey.")
        if value.lower() in _WORDS:
            chosen[name] = _WORDS[value.lower()]
            continue
        try:
            chosen[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            chosen[name] = value
    return chosen
