"""Whether a lake is what its logs say: every file there, whole, readable, with the rows and the days that it should have.

Without `deep` only the ends of files are read (their own lists of what they hold); with it every byte, for the checksums that
their names keep, and every value. Nothing is changed. Writers and readers may be at work meanwhile: each table is looked at as
of one version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.kql.types import ScalarType
from lurcher.lake import layout, log, names
from lurcher.lake.commit import open_delta
from lurcher.lake.contents import shares
from lurcher.lake.sources import SourceRecord
from lurcher.lake.table import DataFile, LakeTable
from lurcher.lake.vacuum import unused

if TYPE_CHECKING:
    from lurcher.lake.lake import Lake

_DAMAGED = "restore it from a copy; or make a new lake and add the sources again (lurcher tables, CASE/sources)"
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be. `harmless`: no query is answered wrongly for it."""

    table: str
    path: str
    what: str
    hint: str = ""
    harmless: bool = False


@dataclass(slots=True)
class Looked:
    """What was looked at in a table."""

    table: str
    files: int = 0
    rows: int = 0
    bytes: int = 0
    unsummed: int = 0
    waiting: int = 0


def verify_table(
    lake: Lake, name: str, *, now: datetime, deep: bool, progress: Callable[[int], None] | None = None
) -> tuple[Looked, list[Finding]]:
    """Look at one table. `now` is the disk's clock; `progress` is called with the number of files that were looked at."""
    folder = lake.path / "tables" / name
    looked, found = Looked(name), list(_log(name, folder))
    try:
        table = LakeTable(name, folder, open_delta(folder))
        files = table.files
    except LurcherError as error:
        found.append(Finding(name, str(folder / "_delta_log"), error.message, _DAMAGED))
        return looked, found
    found += _against_commits(table)
    bad: set[str] = set()
    for file in files:
        wrong = list(_file(table, file, deep))
        found += wrong
        if any(not w.harmless for w in wrong):
            bad.add(file.name)
        looked.files += 1
        looked.rows += file.rows
        looked.bytes += file.bytes
        looked.unsummed += not file.checksum
        if progress is not None:
            progress(looked.files)
    if deep:
        found += _counts(lake, table, [f for f in files if f.name not in bad])
    left = unused(lake.path, folder, now=now)
    looked.waiting = len(left.waiting)
    clean = "a writer was killed before its commit; lurcher lake optimize removes it"
    found += [
        Finding(name, str(folder / n), "is in no version of the table", clean, harmless=True) for n, _ in left.removable
    ]
    strange = "no query reads it; if you did not put it there, ask who did, and move it away"
    found += [Finding(name, str(folder / n), "is no file of this table", strange) for n in left.strange]
    return looked, found


def verify_sources(lake: Lake) -> tuple[int, list[Finding]]:
    """Whether the records of what was added can be read, and their tables are there."""
    import orjson

    found: list[Finding] = []
    tables, count = set(lake.table_names()), 0
    for path in sorted((lake.path / "sources").glob("*.json")):
        count += 1
        try:
            record = SourceRecord(**orjson.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            hint = "remove it, and add the source again: no row is doubled"
            found.append(Finding("", str(path), f"cannot be read: {error}", hint, harmless=True))
            continue
        if record.digest != path.stem:
            found.append(
                Finding("", str(path), "speaks of another source than its name", "remove it, and add the source again")
            )
        for name in record.tables:
            if record.tables[name] and name not in tables:
                found.append(Finding(name, str(path), f"says rows of {name}, and there is no such table", _DAMAGED))
    return count, found


# --- the log ---
def _log(name: str, folder: Path) -> Iterator[Finding]:
    """Every commit is there and can be read."""
    files = log.commit_files(folder)
    expected = files[0][0] if files else 0
    if expected and not (folder / "_delta_log" / "_last_checkpoint").exists():
        yield Finding(name, str(folder / "_delta_log"), f"begins with version {expected}", _DAMAGED)
    for version, path in files:
        if version != expected:
            yield Finding(name, str(folder / "_delta_log"), f"version {expected} is missing", _DAMAGED)
        expected = version + 1
        commit = log.read(version, path)
        if commit.wrong:
            yield Finding(name, str(path), f"cannot be read: {commit.wrong}", _DAMAGED)


def _against_commits(table: LakeTable) -> Iterator[Finding]:
    """The commits, one after the other, give the same files as what delta-rs has read (from a checkpoint, where there is one)."""
    files: dict[str, dict[str, Any]] = {}
    first = True
    for commit in log.commits(table.folder):
        if first and commit.version:
            return  # older ones were removed by another program: nothing to compare with
        first = False
        if commit.version > table.version:
            break
        if commit.wrong:
            return  # told already
        # One commit never adds and removes the same path.
        for action in commit.each("remove"):
            files.pop(log.plain(action["path"]), {})
        for action in commit.each("add"):
            files[log.plain(action["path"])] = action
    where = str(table.folder / "_delta_log")
    for file in table.files:
        action = files.pop(log.plain(file.name), {})
        if not action:
            yield Finding(table.name, where, f"the checkpoint has a file that no commit has: {file.name}", _DAMAGED)
        elif action.get("size") != file.bytes:
            yield Finding(table.name, where, f"commits and checkpoint differ about {file.name}", _DAMAGED)
    for path in files:
        yield Finding(table.name, where, f"the checkpoint lacks a file that a commit has: {path}", _DAMAGED)


# --- one file ---
def _file(table: LakeTable, file: DataFile, deep: bool) -> Iterator[Finding]:
    def wrong(what: str, hint: str = _DAMAGED) -> Finding:
        return Finding(table.name, file.path, what, hint)

    path = Path(file.path)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        yield wrong("is missing")
        return
    except OSError as error:
        yield wrong(f"cannot be read: {error.strerror or error}", "look at its owner and permissions")
        return
    if size != file.bytes:
        yield wrong(f"has {size:,} bytes, and the log says {file.bytes:,}")
    if path.parent.name != names.partition(file.day) and names.parse(file.name).ours:
        yield wrong(f"is in the folder {path.parent.name}, and the log says {names.partition(file.day)}")
    if deep and file.checksum:
        try:
            if names.checksum(path) != file.checksum:
                yield wrong("is not what was written: its checksum differs")
        except OSError as error:
            yield wrong(f"cannot be read: {error.strerror or error}")
            return
    yield from _parquet(table, file, deep, wrong)


def _parquet(table: LakeTable, file: DataFile, deep: bool, wrong: Callable[[str], Finding]) -> Iterator[Finding]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file.path) as opened:
            metadata = opened.metadata
            if metadata.num_rows != file.rows:
                yield wrong(f"has {metadata.num_rows:,} rows, and the log says {file.rows:,}")
            have = set(opened.schema_arrow.names)
            needed = [table.physical[c.name] for c in table.schema.columns if c.name not in table.late]
            lacking = [n for n in needed if n not in have] if table.ours else []
            if lacking:
                yield wrong(f"lacks {', '.join(lacking[:5])}")
            if table.ours:
                yield from map(wrong, _statistics(table, file, metadata))
                if deep:
                    yield from map(wrong, _values(table, file, opened))
            elif deep:
                for _ in opened.iter_batches():
                    pass
    except (OSError, ValueError, pa.ArrowException) as error:
        yield wrong(f"is no readable Parquet: {str(error).splitlines()[0][:200]}")


def _statistics(table: LakeTable, file: DataFile, metadata: Any) -> Iterator[str]:
    """What the file itself says of its columns: texts have no null, times are of its day and what the log says."""
    strings = {table.physical[c.name] for c in table.schema.columns if c.type is ScalarType.STRING}
    time = table.physical[table.schema.time_column] if table.schema.time_column else None
    nulls: Counter[str] = Counter()
    lows: list[Any] = []
    highs: list[Any] = []
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for index in range(row_group.num_columns):
            column = row_group.column(index)
            name = column.path_in_schema
            statistics = column.statistics if name in strings or name in (time, layout.SOURCE) else None
            if statistics is None:
                continue
            if statistics.has_null_count:
                nulls[name] += statistics.null_count
            if name == time and statistics.has_min_max:
                lows.append(_microseconds(statistics.min))
                highs.append(_microseconds(statistics.max))
    for name in sorted((strings | {layout.SOURCE}) & set(nulls)):
        if nulls[name]:
            yield f"{name} is null in {nulls[name]:,} rows: no text is"
    if lows:
        yield from _times(file, min(lows), max(highs), nulls[time or ""])


def _times(file: DataFile, low: int, high: int, nulls: int) -> Iterator[str]:
    days = {_EPOCH + timedelta(microseconds // 86_400_000_000) for microseconds in (low, high)}
    if file.day is None:
        yield "has rows with a time, and the log says that none has"
        return
    if days != {file.day}:
        yield f"has rows of {' to '.join(d.isoformat() for d in sorted(days))}, and the log says {file.day}"
    if nulls:
        yield f"has {nulls:,} rows without a time, and the log says {file.day}"
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    # What repeats were dropped from may say more than it holds, never less.
    if file.first is not None and file.first > epoch + timedelta(microseconds=low):
        yield f"has rows before {file.first}, which the log says is the first time"
    if file.last is not None and file.last < epoch + timedelta(microseconds=high):
        yield f"has rows after {file.last}, which the log says is the last time"


def _microseconds(value: Any) -> int:
    if isinstance(value, int):
        return value
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    moment: datetime = value.replace(tzinfo=UTC)
    return (moment - epoch) // timedelta(microseconds=1)


def _values(table: LakeTable, file: DataFile, opened: Any) -> Iterator[str]:
    """The same of the values themselves, all of them read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    strings = {table.physical[c.name] for c in table.schema.columns if c.type is ScalarType.STRING}
    time = table.physical[table.schema.time_column] if table.schema.time_column else None
    nulls: Counter[str] = Counter()
    rows, lows, highs, timeless = 0, [], [], 0
    source = names.parse(file.name).source
    strangers = 0
    for batch in opened.iter_batches():
        rows += batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in strings:
                nulls[name] += column.null_count
                if pa.types.is_string(column.type):
                    column.validate(full=True)
            elif name == time:
                timeless += column.null_count
                ends = pc.min_max(column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())).as_py()
                if ends["min"] is not None:
                    lows.append(ends["min"])
                    highs.append(ends["max"])
            elif name == layout.SOURCE and source:
                same = pc.equal(pc.utf8_slice_codeunits(column, 0, len(source)), source)
                strangers += len(column) - (pc.sum(same).as_py() or 0)
    if rows != file.rows:
        yield f"gives {rows:,} rows, and the log says {file.rows:,}"
    for name, count in nulls.items():
        if count:
            yield f"{name} is null in {count:,} rows: no text is"
    if strangers:
        yield f"has {strangers:,} rows of another source than its name says"
    if lows:
        yield from _times(file, min(lows), max(highs), timeless)


# --- rows by source ---
def _counts(lake: Lake, table: LakeTable, files: list[DataFile]) -> Iterator[Finding]:
    """As many rows of each source as its record says, but for those that were removed for their age."""
    if len(files) < len(table.files):
        return  # files that are damaged are told already, and cannot be counted
    have = {s: share.rows for s, share in shares(table, files, reading=True).items()}
    gone: Counter[str] = Counter()
    for expiration in log.expirations(table.folder):
        gone.update(expiration.rows)
    for record in lake.sources():
        said = record.tables.get(table.name)
        digits = record.digest[: names.SOURCE_DIGITS]
        there = have.get(digits, 0)
        # A record that was written again after rows were removed says what was left then.
        if said is not None and there != said and there + gone[digits] != said:
            what = f"has {there:,} rows of {record.name}, and its record says {said:,}"
            yield Finding(table.name, str(lake.path / "sources" / f"{record.digest}.json"), what, _DAMAGED)
