"""The progress bar of a sweep: cells done, cells per second, time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class RateColumn(ProgressColumn):
    """Cells per second, over the last half minute."""

    def render(self, task: Task) -> Text:
        """Return the rate as text, empty before the second cell."""
        return Text("" if task.speed is None else f"{task.speed:.3g} cells/s")


@contextmanager
def progress_bar(name: str, total: int, done: int) -> Iterator[Callable[[], None]]:
    """Show a bar on stderr while the block runs; yield the call that counts one more cell."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        task = bar.add_task(name, total=total, completed=done)
        yield lambda: bar.advance(task)
