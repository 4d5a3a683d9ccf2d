"""What a lake holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lurcher.errors import LurcherError
from lurcher.kql.types import Column
from lurcher.lake import Lake, LakeTable, TableInfo

#: Devices are counted by reading a column: beyond so many rows or files they are not.
_COUNT_UP_TO, _FILES = 5_000_000, 1_000


@dataclass(frozen=True)
class TableLine:
    """A table, and the number of its devices (None: it has none, or too many rows to count them in passing)."""

    info: TableInfo
    devices: int | None


@dataclass(frozen=True)
class SourceLine:
    """What a table has of a source. `name` is what it was added as ('' where no record says it), `added` when (UTC)."""

    name: str
    added: datetime | None
    rows: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class TableDetail:
    """One table: its columns in order, and its sources, those that were added last first."""

    line: TableLine
    columns: tuple[Column, ...]
    sources: list[SourceLine]


def tables(lake: Lake) -> list[TableLine]:
    """The tables of a lake, by name."""
    lines = []
    for name in lake.table_names():
        table = lake.table(name)
        if table is not None:
            lines.append(TableLine(lake.info(table), _devices(table)))
    return lines


def table_detail(lake: Lake, name: str) -> TableDetail:
    """All about one table. Raises `LurcherError` where there is none of that name."""
    from lurcher.lake.contents import shares
    from lurcher.lake.names import SOURCE_DIGITS

    table = lake.table(name)
    if table is None:
        raise LurcherError(f"the lake has no table '{name}'", f"there are: {', '.join(lake.table_names()) or 'none'}")
    records = {r.digest[:SOURCE_DIGITS]: r for r in lake.sources()}
    sources = []
    for digits, share in shares(table).items():
        record = records.get(digits)
        added = datetime.fromisoformat(record.taken) if record is not None else None
        sources.append(SourceLine(record.name if record else "", added, share.rows, share.first, share.last))
    sources.sort(key=lambda s: (s.added is not None, s.added.timestamp() if s.added else 0.0, s.name), reverse=True)
    return TableDetail(TableLine(lake.info(table), _devices(table)), table.schema.columns, sources)


def _devices(table: LakeTable) -> int | None:
    """Distinct names, without case: exports write a host's name in any."""
    from lurcher.lake.contents import distinct_names

    column = next((n for n in ("DeviceName", "Computer") if n in table.physical), None)
    if column is None or table.row_count > _COUNT_UP_TO or len(table.files) > _FILES:
        return None
    return distinct_names(table, column)
