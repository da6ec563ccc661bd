"""The command ``neuromem``: the main job, the catalogue, a capacity curve, a chip."""

from __future__ import annotations

from typing import Annotated

import typer

import neuromem
from neuromem.cli import hardware, memories
from neuromem.cli._app import app
from neuromem.core.errors import NeuromemError

__all__ = ["app", "hardware", "main", "memories"]


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(neuromem.__version__)
        raise typer.Exit


def main() -> None:
    """Run the command; an error on purpose is one line on stderr and exit code 2."""
    import matplotlib as mpl

    mpl.use("Agg")
    try:
        app()
    except NeuromemError as error:
        typer.echo(f"neuromem: {error}", err=True)
        raise SystemExit(2) from None
    except OSError as error:
        typer.echo(f"neuromem: {error}. Give a path that can be read and written.", err=True)
        raise SystemExit(2) from None
