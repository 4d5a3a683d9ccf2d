"""What an object shows of itself: a table as text and as HTML, the first rows of it.

Every cell may have been written by an intruder: control characters and direction overrides are written out, HTML is escaped, a
long text is cut. The page's own colours are kept, so that it reads on light and dark.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lurcher.report.text import counted, visible

#: Rows, columns and characters of a cell that are shown.
ROWS, COLUMNS, CELL = 20, 80, 300
_CELL = (
    "text-align:{align};vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere;max-width:40em;padding:.2em .6em"
)


@dataclass(frozen=True)
class View:
    """A table to show. `rows` are the first ones, of `total`; `what` is what a row is; `kinds` the types below the header, where
    there are; `right` the columns of numbers. `notes` stand below it; so does `chart`, as lines of text or as an SVG picture."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: int
    what: str = "row"
    kinds: Sequence[str] = ()
    right: frozenset[int] = frozenset()
    title: str = ""
    notes: Sequence[str] = ()
    chart: str = ""
    picture: bytes = field(default=b"", repr=False)

    @property
    def tail(self) -> str:
        """`1,203 rows`, `the first 20 of 1,203 rows`; and the columns that are left out."""
        shown = len(self.rows)
        text = counted(self.total, self.what, "processes" if self.what == "process" else "")
        if shown < self.total:
            text = f"\u2026 the first {shown:,} of {text}"
        left = len(self.header) - COLUMNS
        return text + (f", {counted(left, 'column')} more" if left > 0 else "")


class Shown:
    """An object that shows itself: in a terminal as text, in a notebook as HTML."""

    def _view(self, pictures: bool) -> View:
        raise NotImplementedError

    def __repr__(self) -> str:
        return as_text(self._view(False))

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        return as_html(self._view(True))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def cut(text: str) -> str:
    return text if len(text) <= CELL else text[: CELL - 1] + "\u2026"


def as_text(view: View) -> str:
    from lurcher.report.tables import print_table

    out = io.StringIO()
    if view.title:
        out.write(visible(view.title) + "\n")
    if view.header:
        rows = ([cut(c) for c in row[:COLUMNS]] for row in view.rows)
        print_table(view.header[:COLUMNS], rows, right=sorted(view.right), out=out)
    if view.chart:
        out.write("\n" + view.chart.rstrip("\n") + "\n")
    text = "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())
    return text + "\n".join((view.tail, *(_lines(n) for n in view.notes)))


def as_html(view: View) -> str:
    parts = ["<div>"]
    if view.title:
        parts.append(f"<p>{_escaped(view.title)}</p>")
    if view.header:
        parts.append('<div style="overflow-x:auto"><table><thead><tr>')
        kinds = [*view.kinds, *[""] * (len(view.header) - len(view.kinds))]
        for i, (name, kind) in enumerate(zip(view.header[:COLUMNS], kinds, strict=False)):
            small = f'<br><span style="font-weight:normal;opacity:.6">{_escaped(kind)}</span>' if kind else ""
            parts.append(f'<th style="{_style(i, view)}">{_escaped(name)}{small}</th>')
        parts.append("</tr></thead><tbody>")
        for row in view.rows:
            cells = (f'<td style="{_style(i, view)}">{_escaped(c)}</td>' for i, c in enumerate(row[:COLUMNS]))
            parts.append(f"<tr>{''.join(cells)}</tr>")
        parts.append("</tbody></table></div>")
    parts.append(f'<p style="opacity:.6">{_escaped(view.tail)}</p>')
    if view.picture:
        # As an image, nothing in it can run.
        data = base64.b64encode(view.picture).decode()
        parts.append(
            f'<img style="background:white;max-width:100%" alt="chart" src="data:image/svg+xml;base64,{data}">'
        )
    parts += (f'<pre style="white-space:pre-wrap">{html.escape(_lines(note))}</pre>' for note in view.notes)
    return "".join([*parts, "</div>"])


def _style(index: int, view: View) -> str:
    return _CELL.format(align="right" if index in view.right else "left")


def _escaped(text: str) -> str:
    return html.escape(visible(cut(text)))


def _lines(text: str) -> str:
    """A note may have several lines (a place in a query, with its caret)."""
    return "\n".join(visible(line.replace("\t", " ")) for line in text.split("\n"))


def first(rows: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    """As many as are shown."""
    found: list[Sequence[str]] = []
    for row in rows:
        if len(found) == ROWS:
            break
        found.append(row)
    return found
