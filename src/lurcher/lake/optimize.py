"""Small files of a day become few, their rows in the order of time.

A source gives a table one file a day. A case of a thousand small exports has a thousand files a day, and a query opens each.
Files are merged in bins of one day; a bin is read, sorted and written by DuckDB in bounded memory; then one commit takes the old
files out and puts the new ones in. It is made upon the version that was read: where another process came first, it is looked at
again whether the table still has all files of a bin. If so the finished work is committed upon the new version; if not (another
`optimize` or `expire` was there) that bin is let go. Rows keep their hidden columns; readers of older versions keep their files
until `vacuum`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lurcher.errors import LurcherError
from lurcher.kql.types import ScalarType
from lurcher.lake import layout, names, staging
from lurcher.lake.actions import added, apply, once, removed
from lurcher.lake.commit import open_delta
from lurcher.lake.failures import told
from lurcher.lake.staging import StagedFile
from lurcher.lake.table import DataFile, LakeTable, moment

#: Bytes of a file that is large enough, and what a merged one is to have.
SMALL, TARGET = 64 << 20, 128 << 20
#: What one commit holds at most: that much work is done again after a kill.
COMMIT_BYTES, COMMIT_BINS = 2 << 30, 512
_MEMORY = "1GB"
_ATTEMPTS = 200


@dataclass(slots=True)
class Optimized:
    """What came of it. `lost`: bins that another process changed meanwhile; `why`: why the table was left as it is."""

    table: str
    files: int = 0
    merged: int = 0
    days: int = 0
    rows: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    lost: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Bin:
    day: date | None
    files: tuple[DataFile, ...]

    @property
    def bytes(self) -> int:
        return sum(f.bytes for f in self.files)


def bins(files: tuple[DataFile, ...]) -> list[_Bin]:
    """Which files become one: small ones of one day, in the order of their times."""
    days: dict[date | None, list[DataFile]] = {}
    for file in files:
        if file.bytes < SMALL:
            days.setdefault(file.day, []).append(file)
    result = []
    for day, small in days.items():
        small.sort(key=lambda f: (f.first is not None, f.first or datetime.min, f.name))
        taken: list[DataFile] = []
        size = 0
        for file in small:
            taken.append(file)
            size += file.bytes
            if size >= TARGET:
                result.append(_Bin(day, tuple(taken)))
                taken, size = [], 0
        if taken:
            result.append(_Bin(day, tuple(taken)))
    return [b for b in result if len(b.files) > 1]


def optimize(lake: Path, name: str, *, now: datetime, progress: Callable[[int, int], None] | None = None) -> Optimized:
    """Merge the small files of a table. `now` is the disk's clock; `progress` is called with the files that are merged and those
    that are to be. Raises `LurcherError` where a file cannot be read, the disk is full, or the table never comes to rest: what was
    committed until then stays, and the rest is as it was."""
    folder = lake / "tables" / name
    table = LakeTable(name, folder, open_delta(folder))
    result = Optimized(name)
    result.why = _refused(table)
    work = bins(table.files) if not result.why else []
    if not work:
        return result
    total = sum(len(b.files) for b in work)
    with told("nothing can be written into the lake", lake):
        scratch, lock = staging.open_folder(lake)
    try:
        with told(f"files of {name} cannot be merged", folder, "then try again; the table is as it was"):
            for batch in _batches(work):
                done = [(b, _merged(table, b, scratch, i)) for i, b in enumerate(batch)]
                _commit(folder, name, done, scratch, now, result)
                if progress is not None:
                    progress(result.files, total)
    finally:
        import shutil

        shutil.rmtree(scratch, ignore_errors=True)
        lock.close()
    return result


def _refused(table: LakeTable) -> str:
    """Why a table is left as it is: what another program has made may hold what is not known here."""
    if not table.ours:
        return "another program has made it"
    if any(not names.parse(f.name).ours for f in table.files):
        return "another program has added files"
    return ""


def _batches(work: list[_Bin]) -> Iterator[list[_Bin]]:
    batch: list[_Bin] = []
    for each in work:
        if batch and (len(batch) >= COMMIT_BINS or sum(b.bytes for b in batch) + each.bytes > COMMIT_BYTES):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _merged(table: LakeTable, work: _Bin, scratch: Path, number: int) -> StagedFile:
    """A file of the rows of all files of a bin, sorted by time (rows of one time in the order in which they were)."""
    import duckdb
    import pyarrow.parquet as pq

    from lurcher.sql.printer import Printer

    printer = Printer()
    paths = [f.path for f in work.files]
    have = {n for p in paths for n in pq.read_schema(p).names}
    strings = {table.physical[c.name] for c in table.schema.columns if c.type is ScalarType.STRING}
    items = []
    for stored, delta in table.stored_types.items():
        if stored == layout.DAY:
            continue
        kind, quoted = layout.DUCKDB_TYPES[delta], printer.name(stored)
        value = f"files.{quoted}" if stored in have else "NULL"
        value = f"coalesce({value}, '')" if stored in strings else value
        items.append(f"{value}::{kind} AS {quoted}")
    time_column = table.schema.time_column
    dated = time_column is not None and work.day is not None
    by = printer.name(table.physical[time_column]) if time_column is not None else ""
    key = f"files.{by}, " if dated else ""
    target = scratch / f"merged-{number}.parquet"
    with duckdb.connect(
        ":memory:", config={"memory_limit": _MEMORY, "threads": 2, "temp_directory": str(scratch / "spill")}
    ) as db:
        db.execute(
            f"COPY (SELECT {', '.join(items)} FROM read_parquet($1, union_by_name = true, hive_partitioning = false, "
            f"filename = ' file', file_row_number = true) AS files "
            f'ORDER BY {key}list_position($1, files." file"), files.file_row_number) '
            f"TO {printer.string(str(target))} "
            f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE {staging.ROW_GROUP})",
            [paths],
        )
        rows, first, last = db.execute(
            f"SELECT count(*), {f'min(epoch_us({by})), max(epoch_us({by}))' if dated else 'NULL, NULL'} FROM read_parquet($1)",
            [str(target)],
        ).fetchall()[0]
    expected = sum(f.rows for f in work.files)
    if rows != expected:
        raise LurcherError(
            f"files of {table.name} hold {rows:,} rows, and the log says {expected:,}",
            "look: lurcher lake verify",
            str(Path(paths[0]).parent),
        )
    return StagedFile(target, work.day, rows, moment(first), moment(last), frozenset(table.stored_types))


def _commit(
    folder: Path, name: str, done: list[tuple[_Bin, StagedFile]], scratch: Path, now: datetime, result: Optimized
) -> None:
    """Put merged files in the place of theirs: those whose files the table still has."""
    from deltalake.exceptions import CommitFailedError

    placed: list[tuple[_Bin, StagedFile]] = []
    for number, (work, file) in enumerate(done):
        path = staging.move(file, folder, names.of_merged(file.path, file.day, number, scratch.name))
        placed.append((work, StagedFile(path, file.day, file.rows, file.first, file.last, file.columns)))
    for attempt in range(_ATTEMPTS):
        delta = open_delta(folder)
        table = LakeTable(name, folder, delta)
        held = {f.name for f in table.files}
        whole = [(w, f) for w, f in placed if all(old.name in held for old in w.files)]
        for _, file in placed:
            if not any(file is f for _, f in whole):
                file.path.unlink(missing_ok=True)
                result.lost += 1
        placed = whole
        if not placed:
            return
        actions: list[Any] = [removed(old, now, data_change=False) for work, _ in placed for old in work.files]
        actions += [added(table, folder, file, data_change=False) for _, file in placed]
        try:
            apply(delta, actions, once(custom_metadata={"lurcher.optimized": len(placed)}))
        except CommitFailedError:
            time.sleep(min(0.002 * attempt, 0.1))
            continue
        result.files += sum(len(w.files) for w, _ in placed)
        result.merged += len(placed)
        result.days += len({w.day for w, _ in placed})
        result.rows += sum(f.rows for _, f in placed)
        result.bytes_before += sum(w.bytes for w, _ in placed)
        result.bytes_after += sum(f.path.stat().st_size for _, f in placed)
        return
    for _, file in placed:
        file.path.unlink(missing_ok=True)
    raise LurcherError(
        f"{name} changed {_ATTEMPTS} times while its files were merged", "try again when less is added", str(folder)
    )
