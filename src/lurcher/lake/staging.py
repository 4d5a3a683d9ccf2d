"""Rows on their way into a table: Parquet files, a day each, that no reader sees yet.

They are written below `staging/` and moved into the table when they are committed. A killed process leaves its folder
there; the next writer finds that nobody holds its lock and removes it.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.kql.types import Column, ScalarType
from lurcher.lake import layout, locks
from lurcher.lake.sources import SourceId
from lurcher.lake.table import LakeTable
from lurcher.schema import TableSchema

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows of one row group: what DuckDB reads with one thread.
ROW_GROUP = 122_880
#: Bytes of Arrow data that wait for full row groups, over all tables of a source (an event log feeds a dozen) and their days.
BUFFER_BYTES = 96 * 1024 * 1024
#: Files that are open at once; more days than this at a time cost more, smaller files.
MAX_OPEN = 64
#: Threads that write at once: each has its own days.
LANES = 2
#: Days of one source: eleven years. More means that the time column holds something else.
MAX_DAYS = 4000


@dataclass(frozen=True)
class StagedFile:
    """A closed Parquet file of rows of one day. `columns` are the stored names of what it holds."""

    path: Path
    day: date | None
    rows: int
    first: datetime | None
    last: datetime | None
    columns: frozenset[str]


def open_folder(lake: Path) -> tuple[Path, Any]:
    """A folder of this writer's own below `staging/`, with the lock that shows that it is in use."""
    parent = lake / "staging"
    parent.mkdir(exist_ok=True)
    _sweep(parent)
    while True:
        folder = parent / uuid.uuid4().hex
        folder.mkdir()
        # Another writer's sweep may come at any moment until the lock is held, and take the folder for a dead one.
        try:
            lock = locks.hold(folder / "lock")
        except FileNotFoundError:
            continue
        if lock is not None and locks.same_file(lock, folder / "lock"):
            return folder, lock
        if lock is not None:
            lock.close()


def _sweep(parent: Path) -> None:
    """Remove what killed writers left."""
    for folder in parent.iterdir():
        try:
            lock = locks.hold(folder / "lock")
        except OSError:
            continue
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            lock.close()


class _DayFile:
    """The open Parquet file of a day. Used on one writing thread alone."""

    def __init__(self, path: Path, schema: pa.Schema, bare: frozenset[str]) -> None:
        import pyarrow.parquet as pq

        self.path, self.schema, self.bare = path, schema, bare
        random = layout.ROW_HASH  # neither a dictionary nor a compressor finds anything in it
        packed = [n for n in schema.names if n != random and n not in bare]
        self._writer = pq.ParquetWriter(
            path,
            schema,
            # A compressor costs as much to begin as a small page to write, and most columns of a wide table hold nothing.
            compression={n: "zstd" if n in packed else "none" for n in schema.names},
            compression_level=dict.fromkeys(packed, 1),
            use_dictionary=[n for n in schema.names if n != random],
            store_schema=False,
        )
        self.rows = 0
        self.first: datetime | None = None
        self.last: datetime | None = None

    def write(self, table: pa.Table, time: str | None) -> None:
        import pyarrow.compute as pc

        self._writer.write_table(table, row_group_size=ROW_GROUP)
        self.rows += table.num_rows
        if time is not None:
            bounds = pc.min_max(table.column(time)).as_py()
            self.first = min(filter(None, (self.first, bounds["min"])), default=None)
            self.last = max(filter(None, (self.last, bounds["max"])), default=None)

    def close(self, day: date | None) -> StagedFile:
        self._writer.close()
        return StagedFile(self.path, day, self.rows, self.first, self.last, frozenset(self.schema.names))


class _Lane:
    """A thread that writes the files of some days. What is here is its own."""

    def __init__(self, folder: Path) -> None:
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="parquet")
        self.files: list[StagedFile] = []
        self._folder = folder
        self._open: dict[date | None, _DayFile] = {}

    def write(self, day: date | None, table: pa.Table, bare: frozenset[str], time: str | None, part: int) -> None:
        """Rows of a day. `bare`: columns in which nothing is."""
        file = self._open.get(day)
        if file is not None and (file.schema != table.schema or not file.bare <= bare):  # a column has come since
            self._shut(day)
            file = None
        if file is None:
            if len(self._open) >= MAX_OPEN // LANES:
                self._shut(next(iter(self._open)))
            file = self._open[day] = _DayFile(self._folder / f"{part}.parquet", table.schema, bare)
        file.write(table, time)

    def shut_all(self) -> None:
        for day in list(self._open):
            self._shut(day)

    def _shut(self, day: date | None) -> None:
        file = self._open.pop(day, None)
        if file is not None:
            self.files.append(file.close(day))


class TableStage:
    """The staged rows of one table, from one source.

    `base` is the table as it was when the first row came, None for a new one. Columns are only ever added.
    """

    def __init__(self, name: str, base: LakeTable | None, folder: Path, source: SourceId, fresh: bool = False) -> None:
        layout.check_table_name(name)
        self._source = source
        #: The table has this source: its rows are counted and let go. `fresh`: it cannot have it; the commit looks all the same.
        self.already = base is not None and not fresh and base.has_source(source.digest)
        self.name, self.base = name, base
        self.columns: list[Column] = list(base.schema.columns) if base else []
        self.stored: dict[str, str] = dict(base.physical) if base else {}
        self.late: set[str] = set()
        self.rows = 0
        self.hashed = False
        #: The sources whose rows a hash is held against (digests); None: all, and this one itself.
        self.among: frozenset[str] | None = None
        self.files: list[StagedFile] = []
        self._folder = folder / name
        self._folder.mkdir()
        self._buffers: dict[date | None, list[pa.RecordBatch]] = {}
        self._days: set[date | None] = set()
        self._buffered = 0
        self._parts = 0
        self._lanes = [_Lane(self._folder) for _ in range(LANES)]
        self._lane_of: dict[date | None, _Lane] = {}
        self._pending: deque[Future[None]] = deque()

    @property
    def time(self) -> str | None:
        return TableSchema(self.name, tuple(self.columns)).time_column

    def declare(self, columns: tuple[Column, ...]) -> None:
        """The columns of what comes next. Raises `LurcherError` where one has another type than it had."""
        types = {c.name: c.type for c in self.columns}
        time = self.time
        for column in columns:
            if column.name not in types:
                if self.base is not None or self._days:
                    self.late.add(column.name)
                self.columns.append(column)
                types[column.name] = column.type
            elif types[column.name] is not column.type:
                raise LurcherError(
                    f"the column {column.name} of {self.name} is {types[column.name]}, the new rows have {column.type}",
                    "name another table, or mend the values",
                )
        if self._days and self.time != time:
            # Days are cut by the time column: where it comes late, the rows before it have none.
            raise LurcherError(f"the column {self.time} of {self.name} comes after rows that do not have it")
        self.stored = {**layout.stored_names(self.columns), **self.stored}

    def write(self, batch: pa.RecordBatch, row_hash: pa.Array | None) -> None:
        """Take rows, in logical names."""
        import pyarrow as pa

        self.rows += batch.num_rows
        if batch.num_rows == 0 or self.already:
            return
        # Until it is written, a column goes by a name that no hidden one can have.
        names = [f"c:{n}" for n in batch.schema.names]
        columns = list(batch.columns)
        if row_hash is not None:
            self.hashed = True
            names.append(layout.ROW_HASH)
            columns.append(row_hash)
        batch = pa.RecordBatch.from_arrays(columns, names)
        time = self.time
        for day, rows in _by_day(batch, f"c:{time}" if time and f"c:{time}" in batch.schema.names else None):
            self._days.add(day)
            if len(self._days) > MAX_DAYS:
                raise LurcherError(
                    f"the times of {self.name} are spread over more than {MAX_DAYS} days",
                    f"is {time} the time at which things happened?",
                )
            held = self._buffers.setdefault(day, [])
            held.append(rows)
            self._buffered += _nbytes(rows)
            if sum(b.num_rows for b in held) >= ROW_GROUP:
                self._flush(day)

    @property
    def buffered(self) -> int:
        """Bytes that wait for a full row group."""
        return self._buffered

    def flush(self) -> None:
        """Write what waits."""
        for day in list(self._buffers):
            self._flush(day)

    def close(self) -> None:
        """Write what waits, and close all files."""
        for day in list(self._buffers):
            self._flush(day)
        self._pending += [lane.pool.submit(lane.shut_all) for lane in self._lanes]
        while self._pending:
            self._pending.popleft().result()
        for lane in self._lanes:
            lane.pool.shutdown()
            self.files += lane.files
        self.files.sort(key=lambda f: int(f.path.stem))

    def abort(self) -> None:
        """Stop writing; the folder is removed by its owner."""
        for lane in self._lanes:
            lane.pool.shutdown(cancel_futures=True)

    # --- on the way to the file ---

    def _flush(self, day: date | None) -> None:
        import pyarrow as pa

        batches = self._buffers.pop(day)
        self._buffered -= sum(map(_nbytes, batches))
        # Once for all batches: most columns of a wide table are not in a file, and each costs as much for one row as for many.
        table, bare = self._stored_form(pa.concat_tables(map(pa.table, batches), promote_options="default"))
        time = self.time
        while len(self._pending) > LANES:
            self._pending.popleft().result()
        lane = self._lane_of.setdefault(day, self._lanes[len(self._lane_of) % LANES])
        self._parts += 1
        self._pending.append(
            lane.pool.submit(lane.write, day, table, bare, self.stored[time] if time else None, self._parts)
        )

    def _stored_form(self, batch: pa.Table) -> tuple[pa.Table, frozenset[str]]:
        """The rows with all columns of the table, in order, under the names and with the types at rest; and those columns that the
        rows do not have."""
        import pyarrow as pa

        names = batch.schema.names
        have = {name: batch.column(i) for i, name in enumerate(names)}
        blank = pa.repeat("", batch.num_rows)
        arrays, fields = [], []
        for column in self.columns:
            target = layout.arrow_type(column.type)
            values = have.get(f"c:{column.name}")
            if values is None:
                empty = column.type is ScalarType.STRING
                values = blank if empty else pa.nulls(batch.num_rows, target)
            elif values.type != target:
                values = values.cast(target)
            if column.type is ScalarType.STRING and values.null_count:
                values = values.fill_null("")
            arrays.append(values)
            fields.append(pa.field(self.stored[column.name], target))
        n = batch.num_rows
        hidden = {
            layout.SOURCE: pa.repeat(self._source.digest, n),
            layout.INGESTED: pa.repeat(pa.scalar(self._source.taken, pa.timestamp("us", "UTC")), n),
            layout.ROW_HASH: have.get(layout.ROW_HASH, pa.nulls(n, pa.binary())),
        }
        arrays += hidden.values()
        fields += [pa.field(name, values.type) for name, values in hidden.items()]
        bare = frozenset(self.stored[c.name] for c in self.columns if f"c:{c.name}" not in have)
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields)), bare


def _nbytes(batch: pa.RecordBatch) -> int:
    # `nbytes` counts a slice's own share; what the slice keeps alive is its batch, which its siblings share.
    return int(batch.nbytes)


def _by_day(batch: pa.RecordBatch, time: str | None) -> list[tuple[date | None, pa.RecordBatch]]:
    """The rows of each day (UTC), in their order; those without a time under None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if time is None:
        return [(None, batch)]
    days = batch.column(time).cast(pa.date32())
    bounds = pc.min_max(days).as_py()
    if days.null_count == 0 and bounds["min"] == bounds["max"]:
        return [(bounds["min"], batch)]
    order = pc.sort_indices(days)  # stable: rows of a day stay in their order; nulls come last
    batch, days = batch.take(order), days.take(order)
    runs = pc.run_end_encode(days)
    parts, start = [], 0
    for end, day in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
        parts.append((day, batch.slice(start, end - start)))
        start = end
    return parts


def move(file: StagedFile, folder: Path, name: str) -> Path:
    """Put a staged file where the table's files are; its age starts anew, so that it is not taken for an orphan."""
    target = folder / name
    os.utime(file.path)
    for attempt in range(20):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(file.path, target)
        except FileNotFoundError:
            # `vacuum` removes the folders of days that have no file, and may come between the two lines above.
            if attempt == 19 or not file.path.exists():
                raise
        else:
            break
    return target


def in_use(lake: Path) -> set[str]:
    """The names of the folders below `staging/` whose writers are alive: what they have written may be committed yet."""
    try:
        folders = list((lake / "staging").iterdir())
    except FileNotFoundError:
        return set()
    alive = set()
    for folder in folders:
        try:
            lock = locks.hold(folder / "lock")
        except OSError:
            # Made this moment, without a lock yet; or gone. A folder that cannot be looked at counts as used.
            if folder.exists():
                alive.add(folder.name)
            continue
        if lock is None:
            alive.add(folder.name)
        else:
            lock.close()
    return alive
