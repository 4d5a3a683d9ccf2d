"""The known tables: Defender XDR's and Sentinel's, with the types of their columns.

`data/tables.tsv` has one line a table. It is read when a table is first asked for, and a line is only split into columns
when its own table is: a query names two tables, the services have 943.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lurcher.kql.types import Column, Columns, ScalarType


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A table's name and columns. `platforms` holds `defender`, `sentinel`, both, or is empty for a user's own table;
    an `open` table may have more columns in a workspace than are listed here."""

    name: str
    columns: Columns
    platforms: frozenset[str] = frozenset()
    open: bool = False

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    @property
    def time_column(self) -> str | None:
        """The column that says when a row happened: `Timestamp` in Defender's tables, `TimeGenerated` in Sentinel's."""
        names = {c.name for c in self.columns if c.type is ScalarType.DATETIME}
        return next((n for n in ("Timestamp", "TimeGenerated") if n in names), None)


@cache
def _lines() -> dict[str, str]:
    # Not by importlib.resources, which imports more than all the rest of a query's language.
    text = (Path(__file__).parent / "data" / "tables.tsv").read_text(encoding="utf-8")
    return {line.partition("\t")[0]: line for line in text.splitlines() if line and not line.startswith("#")}


def table_names() -> list[str]:
    """The names of all known tables, sorted."""
    return sorted(_lines())


@cache
def known_table(name: str) -> TableSchema | None:
    """The schema of a table of the services; None where there is none of that (case-sensitive) name."""
    line = _lines().get(name)
    if line is None:
        return None
    _, platforms, columns = line.split("\t")
    pairs = (c.split(":") for c in columns.split(" "))
    return TableSchema(
        name,
        tuple(Column(n, ScalarType(t)) for n, t in pairs),
        frozenset(platforms.rstrip("*").split(",")),
        platforms.endswith("*"),
    )
