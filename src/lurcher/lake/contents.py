"""Which rows of a table came from which source.

A file of one source says so in its name. In a file that `optimize` has merged each row says it itself, in the column `_source`,
which costs next to nothing to read: a few values, again and again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lurcher.errors import LurcherError
from lurcher.lake import layout, names
from lurcher.lake.table import DataFile, LakeTable, moment
from lurcher.sql.printer import Printer


@dataclass(frozen=True, slots=True)
class Share:
    """What a source has in a table."""

    rows: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def with_(self, rows: int, first: datetime | None, last: datetime | None) -> Share:
        return Share(
            self.rows + rows,
            min(filter(None, (self.first, first)), default=None),
            max(filter(None, (self.last, last)), default=None),
        )


def shares(
    table: LakeTable, files: Iterable[DataFile] | None = None, digest: str | None = None, *, reading: bool = False
) -> dict[str, Share]:
    """The first digits of a source's digest -> what it has in these files (of the whole table), of one source alone where
    `digest` is given. Files of other programs are nobody's. `reading`: what names say is not believed, all files are read."""
    wanted = digest[: names.SOURCE_DIGITS] if digest is not None else None
    found: dict[str, Share] = {}
    merged = []
    for file in table.files if files is None else files:
        name = names.parse(file.name)
        if name.ours and (reading or not name.source):
            merged.append(file)
        elif name.source and wanted in (None, name.source):
            found[name.source] = found.get(name.source, Share()).with_(file.rows, file.first, file.last)
    for source, rows, first, last in _counted(table, merged, wanted):
        found[source] = found.get(source, Share()).with_(rows, moment(first), moment(last))
    return found


def _counted(
    table: LakeTable, files: list[DataFile], wanted: str | None
) -> list[tuple[str, int, int | None, int | None]]:
    time = table.schema.time_column
    quoted = Printer().name(table.physical[time]) if time else ""
    dated = [f.path for f in files if f.day is not None]
    undated = [f.path for f in files if f.day is None]
    rows: list[Any] = []
    for paths, ends in ((dated, f"min(epoch_us({quoted})), max(epoch_us({quoted}))"), (undated, "NULL, NULL")):
        if paths:
            rows += _asked(
                table,
                f'SELECT left({layout.SOURCE}, {names.SOURCE_DIGITS}) AS " source", count(*), {ends} '
                "FROM read_parquet($1, hive_partitioning = false) "
                f"WHERE $2 IS NULL OR left({layout.SOURCE}, {names.SOURCE_DIGITS}) = $2 GROUP BY ALL",
                [paths, wanted],
            )
    return [row for row in rows if row[0]]


def distinct_names(table: LakeTable, column: str) -> int:
    """How many values a text column has, without case and but for the empty one."""
    if not table.files:
        return 0
    quoted = Printer().name(table.physical[column])
    late = "true" if column in table.late else "false"
    query = (
        f"SELECT count(DISTINCT lower({quoted})) FILTER ({quoted} <> '') "
        f"FROM read_parquet($1, hive_partitioning = false, union_by_name = {late})"
    )
    return int(_asked(table, query, [table.file_uris()])[0][0])


def _asked(table: LakeTable, query: str, values: list[Any]) -> list[tuple[Any, ...]]:
    import duckdb

    try:
        with duckdb.connect(":memory:", config={"memory_limit": "512MB", "threads": 2}) as db:
            return db.execute(query, values).fetchall()
    except duckdb.Error as error:
        raise LurcherError(
            f"a file of {table.name} cannot be read: {str(error).splitlines()[0]}", "look: lurcher lake verify"
        ) from None
