"""One self-contained HTML page: headings, words, tables and figures, in a single file."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neuromem.core.results import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 54rem; padding: 0 1rem;
       color: #222; background: #fff; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: .9rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .92rem; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
code { background: #f4f4f4; padding: 0 .25rem; } footer { color: #777; font-size: .85rem; }
"""


class Report:
    """Collects sections in order and writes them to one page.

    Parameters
    ----------
    title : str
        Heading of the page.

    Examples
    --------
    >>> report = Report("A memory").text("It recalls.").table(["load"], [["0.1"]])
    >>> report.html().count("<td>")
    1
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._parts: list[str] = []

    def heading(self, words: str) -> Report:
        """Add a section heading."""
        self._parts.append(f"<h2>{html.escape(words)}</h2>")
        return self

    def text(self, words: str) -> Report:
        """Add a paragraph of plain words."""
        self._parts.append(f"<p>{html.escape(words)}</p>")
        return self

    def figure(self, figure: Figure, caption: str) -> Report:
        """Add a figure as an embedded picture; the caption is its alternative text as well."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150)
        picture = base64.b64encode(buffer.getvalue()).decode("ascii")
        words = html.escape(caption)
        self._parts.append(
            f'<figure><img alt="{words}" src="data:image/png;base64,{picture}">'
            f"<figcaption>{words}</figcaption></figure>"
        )
        return self

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Report:
        """Add a table; every cell is text, numbers already rounded by the caller."""
        top = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        self._parts.append(f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>")
        return self

    def html(self) -> str:
        """Return the page."""
        title = html.escape(self.title)
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
            + "\n".join(self._parts)
            + "</body></html>\n"
        )

    def save(self, path: str | Path) -> Path:
        """Write the page, whole or not at all, and return its path."""
        with replacing(path) as unfinished:
            unfinished.write_text(self.html(), encoding="utf-8")
        return Path(path)
