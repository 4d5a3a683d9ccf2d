"""Small tables in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import IO

from lurcher.report.text import visible


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), out: IO[str] | None = None
) -> int:
    """Columns under a header, those of `right` aligned to the right. In a terminal long cells are wrapped; where nobody looks,
    every row is one line and nothing is cut. Returns the number of rows."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = out or sys.stdout
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
