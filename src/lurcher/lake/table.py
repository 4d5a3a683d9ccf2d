"""One version of a table, for reading."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.kql.types import ScalarType
from lurcher.lake import layout, names
from lurcher.schema import TableSchema, known_table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file of the table: `name` is its path in the log, `day` None for rows without a time, `first` and `last` (UTC)
    the times of its rows where the log says them."""

    path: str
    name: str
    day: date | None
    rows: int
    bytes: int
    first: datetime | None
    last: datetime | None

    @property
    def source(self) -> str:
        """The first digits of the digest of the source that all its rows came from; '' where they came from several, or it is
        unknown: the column `_source` knows."""
        return names.parse(self.name).source

    @property
    def checksum(self) -> str:
        """The first digits of its SHA-256, as they were when it was written; '' for a file of an older version."""
        return names.parse(self.name).checksum


class LakeTable:
    """A table as of one version of its log: what is added later does not show.

    `schema` has KQL's types and the columns' own names, in order; `physical` says under which name each is stored.
    `nullable_strings` are the string columns that some file lacks (they came later): read as null there, while a string
    that is stored never is.
    """

    def __init__(self, name: str, folder: Path, delta: Any) -> None:
        self.name = name
        self.folder = folder
        self.version: int = delta.version()
        self._delta = delta
        self._fields = list(delta.schema().fields)
        # Taken now: the Delta object is not bound to its version for ever (update_incremental).
        self._actions = delta.get_add_actions(flatten=True)
        self._born = _born(folder)

    def now(self) -> LakeTable | None:
        """The table as it is now: itself where nothing was added. None where that cannot be told: open it anew."""
        if not self.in_place():
            return None
        try:
            self._delta.update_incremental()
        except Exception:  # noqa: BLE001 - whatever is wrong with the log, opening it anew says it
            return None
        return self if self._delta.version() == self.version else LakeTable(self.name, self.folder, self._delta)

    def in_place(self) -> bool:
        """Whether no other table has been made in its place, as far as that can be told."""
        return self._born is not None and _born(self.folder) == self._born

    @cached_property
    def _stored(self) -> list[layout.Stored]:
        return list(map(layout.stored, self._fields))

    @cached_property
    def schema(self) -> TableSchema:
        columns = tuple(s.column for s in self._stored if s.column is not None)
        known = known_table(self.name)
        return TableSchema(
            self.name, columns, known.platforms if known else frozenset(), known.open if known else False
        )

    @cached_property
    def physical(self) -> dict[str, str]:
        return {s.column.name: s.name for s in self._stored if s.column is not None}

    @cached_property
    def ours(self) -> bool:
        """Whether all columns were made here; else another program has made the table, or changed it."""
        return all(s.ours for s in self._stored)

    @cached_property
    def stored_types(self) -> dict[str, str]:
        """The Delta type of each stored column, the hidden ones as well, in order."""
        return {f.name: str(getattr(f.type, "type", f.type)) for f in self._fields}

    @cached_property
    def nullable_strings(self) -> frozenset[str]:
        return frozenset(c.name for c in self.schema.columns if c.type is ScalarType.STRING and c.name in self.late)

    @cached_property
    def late(self) -> frozenset[str]:
        """The columns that some file may lack."""
        return frozenset(s.column.name for s in self._stored if s.late and s.column is not None)

    @cached_property
    def files(self) -> tuple[DataFile, ...]:
        """The files of this version, by day. Their paths are made from the log's relative ones: what delta-rs gives as
        file URIs is percent-encoded and opens nothing where the lake's folder has a space in its name."""
        import pyarrow as pa

        time = self.schema.time_column
        stored = self.physical[time] if time else ""

        # A column at a time: a wide table has a hundred columns of statistics, and each value of a row costs as much as a file.
        def column(name: str) -> list[Any]:
            if name not in known:
                return [None] * self._actions.num_rows
            values = pa.chunked_array(
                self._actions.column(name)
            )  # pa.table() would look whether pandas knows it: a second
            if pa.types.is_timestamp(values.type):
                if values.type.unit != "us":
                    values = values.cast(pa.timestamp("us", "UTC"))
                # Looked at as they are: a cast would import pyarrow.compute, a thirtieth of a second.
                return [moment(v) for chunk in values.chunks for v in chunk.view(pa.int64()).to_pylist()]
            return list(values.to_pylist())

        known = set(self._actions.schema.names)
        root = str(self.folder)
        files = [
            DataFile(os.path.join(root, path), path, day, _counted(root, path) if rows is None else rows, size, first, last)
            for path, day, rows, size, first, last in zip(
                column("path"), column(f"partition.{layout.DAY}"), column("num_records"), column("size_bytes"),
                column(f"min.{stored}"), column(f"max.{stored}"), strict=True,
            )
        ]  # fmt: skip
        files.sort(key=lambda f: (f.day is not None, f.day or date.min, f.name))
        return tuple(files)

    @property
    def delta(self) -> Any:
        """The table as delta-rs has it: of this version until `now` was asked for, and not to be used by two at once."""
        return self._delta

    def has_source(self, digest: str) -> bool:
        """Whether the rows of this source are in the table."""
        return self._delta.transaction_version(digest) is not None

    @property
    def row_count(self) -> int:
        return sum(f.rows for f in self.files)

    def files_of(self, days: tuple[date, date] | None = None) -> list[DataFile]:
        """The files. With `days` (first and last, both included) only those that hold rows of these days: rows without a time
        are in none, as no comparison with a time is true for them."""
        if days is None:
            return list(self.files)
        first, last = days
        return [f for f in self.files if f.day is not None and first <= f.day <= last]

    def file_uris(self, days: tuple[date, date] | None = None) -> list[str]:
        """The paths of the same."""
        return [f.path for f in self.files_of(days)]

    def arrow(self) -> pa.Table:
        """All rows, with the columns' own names: for small tables and tests. Engines read the files."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = [pa.field(c.name, layout.arrow_type(c.type)) for c in self.schema.columns]
        tables = []
        for file in self.files:
            stored = pq.read_table(file.path, partitioning=None)
            columns = []
            for column, arrow_field in zip(self.schema.columns, fields, strict=True):
                name = self.physical[column.name]
                if name in stored.column_names:
                    values = stored.column(name).cast(arrow_field.type)
                else:
                    values = pa.nulls(stored.num_rows, arrow_field.type)
                columns.append(values.fill_null("") if column.type is ScalarType.STRING else values)
            tables.append(pa.Table.from_arrays(columns, schema=pa.schema(fields)))
        return pa.concat_tables(tables) if tables else pa.schema(fields).empty_table()


def _born(folder: Path) -> tuple[int, ...] | None:
    """What tells the table from another one that was made in its place: its first commit; None where that is gone."""
    try:
        stat = (folder / "_delta_log" / f"{0:020}.json").stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(microseconds: int | None) -> datetime | None:
    """A time (UTC) of microseconds since 1970."""
    # Not what Arrow makes of a time: it looks its zone up, in pandas where there is one.
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _counted(root: str, path: str) -> int:
    """The rows of a file that another program has added without saying how many there are."""
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(os.path.join(root, path)).num_rows)
    except (OSError, ValueError):
        return 0
