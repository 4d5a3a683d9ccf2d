"""Small tables in a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import IO

from lurcher.report.text import visible


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), out: IO[str] | None = None
) -> int:
    """Columns under a header, those of `right` aligned to the right. In a terminal long cells are wrapped; where nobody looks,
    every row is one line and nothing is cut. Returns the number of rows."""
    out = out or sys.stdout
    if not out.isatty() and not os.environ.get("FORCE_COLOR"):
        return _plain(header, rows, frozenset(right), out)
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(header):
        table.add_column(Text(visible(name)), justify="right" if index in right else "left", overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
        count += 1
    terminal = out.isatty()
    console = Console(file=out, width=None if terminal else 10_000_000, highlight=False, soft_wrap=not terminal)
    console.print(table)
    return count


def _plain(header: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int], out: IO[str]) -> int:
    """The same lines, without loading what draws in a terminal: that takes a tenth of the time to a small answer."""
    lines = [[visible(cell) for cell in row] for row in (header, *rows)]
    wide = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for line in lines if wide else [[]]:
        cells = []
        for index, (cell, width) in enumerate(zip(line, wide, strict=True)):
            space = " " * (width - _width(cell))
            cells.append(space + cell if index in right else cell + space)
        out.write("  ".join(cells) + "\n")
    return len(lines) - 1


def _width(text: str) -> int:
    """The places that a text takes on a line."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
