"""What a lake holds."""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.lake import Lake, LakeTable, TableInfo

#: Devices are counted by reading a column: beyond this many rows they are not.
_COUNT_UP_TO = 5_000_000


@dataclass(frozen=True)
class TableLine:
    """A table, and the number of its devices (None: it has none, or too many rows to count them in passing)."""

    info: TableInfo
    devices: int | None


def tables(lake: Lake) -> list[TableLine]:
    """The tables of a lake, by name."""
    lines = []
    for info in lake.tables():
        table = lake.table(info.name)
        lines.append(TableLine(info, _devices(table) if table is not None and info.rows <= _COUNT_UP_TO else None))
    return lines


def _devices(table: LakeTable) -> int | None:
    """Distinct names, without case: exports write a host's name in any."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    column = next((n for n in ("DeviceName", "Computer") if n in table.physical), None)
    if column is None:
        return None
    stored = table.physical[column]
    names: set[str] = set()
    for path in table.file_uris():
        file = pq.ParquetFile(path)
        if stored in file.schema_arrow.names:
            for batch in file.iter_batches(columns=[stored]):
                names.update(n for n in pc.unique(pc.utf8_lower(batch.column(0))).to_pylist() if n)
    return len(names)
