"""Files into a lake."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from lurcher.app import apart, devices
from lurcher.app import grown as growth
from lurcher.collect.exports import (
    Leaf,
    Passed,
    ReadContext,
    Reject,
    SourceFormat,
    TableBatch,
    recognise,
    recognised,
)
from lurcher.collect.exports.context import DateOrder
from lurcher.collect.exports.encodings import as_text, check_encoding, survey
from lurcher.collect.exports.files import files, leaves_of, shown
from lurcher.collect.exports.foreign import foreign
from lurcher.collect.exports.partwise import NotApartError
from lurcher.collect.exports.rejects import RejectFile
from lurcher.errors import LurcherError
from lurcher.kql.types import Column
from lurcher.lake import Lake, LakeChangedError, SourceId, SourceRecord
from lurcher.lake.failures import failure
from lurcher.lake.layout import check_table_name
from lurcher.schema import TableSchema, known_table

#: Called with the name of a file and the rows read of it so far.
Progress = Callable[[str, int], None]
_RETRIES = 5
#: Formats of events, whose every event is a row of WindowsEvent.
_EVENTS = frozenset({"evtx", "event-json", "event-xml", "event-csv", "evtx-dump", "win-event-log"})


@dataclass
class FileOutcome:
    """What came of one file. `tables`: rows added to each; `repeated`: rows that the lake had (of a source that delivers
    at least once); `skipped`: why nothing of it was taken ('' where it was); `already`: because the lake has it; `harmless`:
    because there was nothing to take; `evidence`: what its format was recognised by; `notes`: what was
    repaired, or read in a way that is not plain; `new_columns`: what tables did not have before."""

    name: str
    format: str = ""
    tables: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    rejected: int = 0
    rejects: str = ""
    reasons: dict[str, int] = field(default_factory=dict)
    new_tables: dict[str, TableSchema] = field(default_factory=dict)
    skipped: str = ""
    hint: str = ""
    already: bool = False
    harmless: bool = False
    notes: list[str] = field(default_factory=list)
    evidence: str = ""
    new_columns: dict[str, tuple[Column, ...]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(self.tables.values())


@dataclass
class AddReport:
    """What came of `add`, file by file."""

    files: list[FileOutcome] = field(default_factory=list)
    dry_run: bool = False

    @property
    def rows(self) -> int:
        return sum(f.rows for f in self.files)

    @property
    def failed(self) -> list[FileOutcome]:
        """Files that were not taken, other than those that the lake has already or that hold nothing, and files of which every
        row was rejected."""
        return [
            f
            for f in self.files
            if not f.already and not f.harmless and (f.skipped or (f.rejected and not f.rows and not f.repeated))
        ]


@dataclass(frozen=True)
class Asked:
    """What the user asked for. See `add`."""

    now: datetime
    table: str | None = None
    dry_run: bool = False
    date_order: DateOrder | None = None
    encoding: str | None = None
    clock_offset: int | None = None
    at: datetime | None = None
    device: str = ""
    #: Processes that may read one large file.
    workers: int = 1
    #: Whether other processes read other files meanwhile, and memory is for all of them.
    shared: bool = False


class Schemas:
    """The columns of tables as they were when they were first asked for."""

    def __init__(self, lake: Lake | None, known: dict[str, TableSchema | None]) -> None:
        self._lake, self.known = lake, known

    def __call__(self, name: str) -> TableSchema | None:
        if name not in self.known:
            self.known[name] = self._lake.schema_of(name) if self._lake is not None else known_table(name)
        return self.known[name]

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process there is no lake: it is told of all tables that the lake has."""
        for name in self._lake.table_names() if self._lake is not None else ():
            self(name)
        return Schemas, (None, self.known)


class Turn:
    """When a file's rows may be put into the lake: where several are read at once, in their order all the same."""

    def come(self) -> bool:
        """Wait for it. Whether there was anything to wait for: what was known of the lake may have changed since."""
        return False


class StaleError(Exception):
    """The lake has changed while the file was read, in what matters to it: read it again."""


def add(
    lake: Lake,
    paths: Iterable[Path | str],
    *,
    now: datetime,
    table: str | None = None,
    dry_run: bool = False,
    date_order: DateOrder | None = None,
    encoding: str | None = None,
    clock_offset: int | None = None,
    at: datetime | None = None,
    device: str = "",
    progress: Progress | None = None,
    workers: int | None = 1,
) -> AddReport:
    """Add files, and what is in folders and archives, to a lake; each content once.

    `table` names the table of files that do not say it, `encoding` what files of text are in (default: UTF-8, UTF-16, or else
    Windows-1252, which is told), `clock_offset` how far the clock of event logs is ahead of UTC (microseconds; default: the
    file tells it), `at` and `device` when and where reports were made that do not say it (sigcheck's; default: when the file
    was last written, which is told, and no device). A file that cannot be taken is told of in its outcome, and the others go
    on; a row that cannot be taken goes to the file's reject file. `workers`: how many processes read files, or the parts
    of a large one (None: as many as there are processors); what comes of it is the same. Raises `LurcherError` for a path that is
    not there or a `table` that cannot be one.
    """
    from lurcher.app import together

    if table is not None:
        check_table_name(table)
    if encoding is not None:
        encoding = check_encoding(encoding)
    report = AddReport(dry_run=dry_run)

    def problem(passed: Passed) -> None:
        report.files.append(passed_over(passed))

    given = [Path(path) for path in paths]
    missing = next((path for path in given if not path.exists()), None)
    if missing is not None:
        raise LurcherError("there is no such file or folder", path=shown(missing))
    asked = Asked(now, table, dry_run, date_order, encoding, clock_offset, at, device, together.processes(workers))
    with lake.scratch() as scratch:
        found = [file for path in given for file in files(path, problem)]
        if together.worth(found, workers):
            together.add_files(lake, found, asked, workers, report, progress)
            return report
        for file in found:
            report.files += file_outcomes(lake, file, asked, scratch, progress)
    return report


def file_outcomes(
    lake: Lake, file: Path, asked: Asked, scratch: Path, progress: Progress | None, turn: Turn | None = None
) -> list[FileOutcome]:
    """What came of a file, and of all that is in it."""
    outcomes: list[FileOutcome] = []

    def problem(passed: Passed) -> None:
        outcomes.append(passed_over(passed))

    with _no_collector():
        for leaf in leaves_of(file, problem, scratch):
            outcomes.append(_outcome(lake, leaf, asked, progress, turn or Turn()))
    return outcomes


def passed_over(passed: Passed) -> FileOutcome:
    return FileOutcome(passed.name, skipped=passed.reason, hint=passed.hint, harmless=passed.harmless)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Without Python's search for cycles: it looks at each of the millions of objects that rows are made of, over and over."""
    import gc

    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _outcome(lake: Lake, leaf: Leaf, asked: Asked, progress: Progress | None, turn: Turn) -> FileOutcome:
    try:
        return _add(lake, leaf, asked, progress, turn)
    except StaleError:
        return _outcome(lake, leaf, asked, progress, Turn())
    except LurcherError as error:
        if turn.come():  # it may have been for what the lake was then
            return _outcome(lake, leaf, asked, progress, Turn())
        return FileOutcome(leaf.name, skipped=error.message, hint=error.hint)
    except OSError as error:
        # Of the source itself `reading` tells; what is left is the disk that the lake, or what is unpacked, is on.
        told = failure(error, "what comes of it cannot be kept", lake.path, "then add it again")
        return FileOutcome(leaf.name, skipped=told.message, hint=told.hint)
    except Exception as error:  # noqa: BLE001
        # Hostile input found a hole in a reader. The other files go on, and the report and the exit code tell of it.
        return FileOutcome(leaf.name, skipped=_defect(error), hint="please report it, with the file if you can")


def _written(file: Path) -> datetime | None:
    """When a file was last written."""
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except (OSError, OverflowError, ValueError):
        return None


def _stamp(file: Path) -> tuple[int, ...]:
    """What changes when the file does."""
    try:
        stat = file.stat()
    except OSError:
        return ()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _defect(error: Exception) -> str:
    return f"lurcher failed on it ({type(error).__name__}: {str(error)[:200]})"


def _add(lake: Lake, leaf: Leaf, asked: Asked, progress: Progress | None, turn: Turn) -> FileOutcome:
    table, encoding = asked.table, asked.encoding
    stamp = _stamp(leaf.file)
    found = survey(leaf)
    digest, size = found.digest, found.size
    if size == 0:
        return FileOutcome(leaf.name, skipped=leaf.damage.cut or "empty", harmless=not leaf.damage.cut)
    known = lake.source(digest)
    # What gave no row is read again: another --table, or another version, may take it.
    if known is not None and known.tables and (table is None or table in known.tables):
        gone = lake.expired_note(digest)
        said = f"is in the lake since {known.taken[:10]}, as {known.name}" + (f"; {gone}" if gone else "")
        return FileOutcome(leaf.name, known.format, skipped=said, already=True)
    raw, leaf = leaf, as_text(leaf, encoding if encoding and found.encoding != "binary" else found.encoding)
    kind, evidence = recognised(leaf)
    if kind is None:
        what, hint = foreign(leaf.head(512))
        return FileOutcome(leaf.name, skipped=what, hint=hint)
    schemas = Schemas(lake, {})
    context = ReadContext(schemas, leaf.name, table, lake.platform, asked.date_order, clock_offset=asked.clock_offset)
    context.made, context.made_told, context.device = (
        asked.at or _written(leaf.file),
        asked.at is not None,
        asked.device,
    )
    context.shared = asked.shared or (asked.workers > 1 and size >= apart.WORTH)
    source = SourceId(digest, leaf.name, size, asked.now)
    state = grown = growth.find(lake, raw, kind.name, size, table)
    if grown is not None and grown.before.adding and not asked.dry_run:
        # An earlier state was being added when lurcher was stopped: first that one, whole.
        part = growth.upto(raw, grown.before)
        if turn.come():
            raise StaleError
        _add(lake, part, asked, progress, turn)
        state = grown = growth.find(lake, raw, kind.name, size, table)
    if grown is not None and (grown.again or (grown.unit == "event" and leaf is not raw)):
        context.note(replace(grown, again=True).note())
        grown = None
    if grown is not None:
        if leaf is not raw or grown.start < 0:
            raise growth.unreadable(grown, leaf.name)
        leaf = growth.behind(leaf, grown)
        context.clock_before = grown.before.clock_offset
        context.table = context.table or grown.table(leaf)
        context.note(grown.note())
    before = growth.Before(growth.head_of(raw), grown, growth.copies_of(lake, kind.name, source))

    def ready() -> None:
        """Before anything is written: wait for this file's turn, and see whether what was known of the lake still holds."""
        if turn.come() and (
            lake.source(digest) != known
            or growth.find(lake, raw, kind.name, size, table) != state
            or growth.copies_of(lake, kind.name, source) != before.copies
            or any(lake.schema_of(name) != schema for name, schema in schemas.known.items())
        ):
            raise StaleError

    workers, start = asked.workers, context.copy()
    for _ in range(_RETRIES):
        read = partial(apart.read, kind, leaf, context, size - (grown.start if grown else 0), workers)
        try:
            done = _once(lake, leaf, kind, read, context, source, before, asked.dry_run, progress, ready)
        except LakeChangedError:
            schemas.known.clear()
            continue
        except NotApartError:
            workers, context = 1, start
            continue
        if done is not None:
            done.evidence = evidence
            if _stamp(leaf.file) != stamp:
                # What is in the lake then is what was read; the file's new content is another source.
                done.hint = "the file changed while it was read: add it again"
            return done
    raise LurcherError("the lake or the file kept changing while it was read", "add it again", leaf.name)


def _once(
    lake: Lake,
    leaf: Leaf,
    kind: SourceFormat,
    read: Callable[[], Generator[TableBatch | Reject]],
    context: ReadContext,
    source: SourceId,
    before: growth.Before,
    dry_run: bool,
    progress: Progress | None,
    ready: Callable[[], None],
) -> FileOutcome | None:
    """Read the file and commit its rows; None where it has to be read again, knowing more of it."""
    outcome = FileOutcome(leaf.name, kind.name)
    seen = devices.Devices(kind.name in _EVENTS)
    with lake.writer(source, memory=0.5 if context.shared else 1.0) as writer:
        rejects = RejectFile(writer.folder / "rejects.jsonl", leaf.name)
        with closing(rejects), closing(read()) as parts:
            for part in parts:
                if context.dirty:
                    continue  # read on to the end, for what the rest of the file says
                if isinstance(part, Reject):
                    rejects.add(before.placed(part))
                    continue
                name = part.schema.name
                if name not in outcome.tables:
                    outcome.tables[name] = 0
                    if context.schema_of(name) is None:
                        outcome.new_tables[name] = part.schema
                outcome.tables[name] += part.batch.num_rows
                if name in outcome.new_tables:
                    outcome.new_tables[name] = part.schema
                if not dry_run:
                    among = before.copies if part.copies else None
                    writer.write(part.schema, part.batch, row_hash=part.row_hash, among=among)
                    seen.see(part)
                if progress is not None:
                    progress(leaf.name, outcome.rows)
            if leaf.damage.cut and not context.dirty:
                rejects.add(Reject("byte", leaf.damage.at, leaf.damage.cut, b""))
        if context.dirty:
            context.settle()
            return None
        context.settle()
        outcome.notes += [*leaf.damage.notes, *([leaf.damage.cut] if leaf.damage.cut else []), *context.notes]
        outcome.rejected, outcome.reasons = rejects.count, dict(rejects.reasons)
        outcome.new_columns = {
            n: c for n in outcome.tables if n not in outcome.new_tables and (c := context.new_columns(n))
        }
        ready()
        if dry_run:
            return outcome
        if outcome.tables and lake.source(source.digest) is None:
            lake.record(_record(lake, outcome, source, {}, before, context, adding=True))
        derived = devices.write(writer, seen, outcome.tables)
        results = writer.commit()
        taken = [r for r in results.values() if r.table not in derived]
        outcome.already = bool(taken) and all(r.already for r in taken)
        outcome.tables = {r.table: r.rows for r in taken}
        outcome.repeated = sum(r.repeated for r in taken)
        if outcome.already:
            gone = lake.expired_note(source.digest)
            outcome.skipped = "is in the lake already" + (f"; {gone}" if gone else "")
        if rejects.count:
            outcome.rejects = _keep(lake, rejects.path, source)
        # A table that has the rows since before a kill says itself how many.
        rows = {name: lake.rows_of(name, source.digest) if r.already else r.rows for name, r in results.items()}
    if rows or rejects.count:
        lake.record(_record(lake, outcome, source, rows, before, context))
    return outcome


def _keep(lake: Lake, path: Path, source: SourceId) -> str:
    """Put the reject file where a user finds it; the same source gives the same file."""
    name = "".join(c if c.isalnum() or c in "._-" else "_" for c in Path(source.name).name)[:80]
    target = lake.path / "rejects" / f"{name}-{source.digest[:12]}.jsonl"
    target.parent.mkdir(exist_ok=True)
    os.replace(path, target)
    return str(target)


def _record(
    lake: Lake,
    outcome: FileOutcome,
    source: SourceId,
    rows: dict[str, int],
    before: growth.Before,
    context: ReadContext,
    *,
    adding: bool = False,
) -> SourceRecord:
    known = lake.source(source.digest)
    tables = {**(known.tables if known else {}), **rows}
    return SourceRecord(
        source.digest,
        source.name,
        source.size,
        source.taken.isoformat(),
        outcome.format,
        tables,
        outcome.repeated,
        outcome.rejected,
        outcome.rejects,
        before.head,
        before.grown.before.digest if before.grown else "",
        context.clock_known or 0,
        list(outcome.notes),
        adding,
    )


def read_parts(
    leaf: Leaf,
    schema_of: Callable[[str], TableSchema | None],
    table: str | None,
    platform: str,
    date_order: DateOrder | None,
) -> Iterator[list[TableBatch | Reject]]:
    """All parts of one file, read as often as it takes to know it."""
    leaf = as_text(leaf, survey(leaf).encoding)
    kind = recognise(leaf)
    if kind is None:
        what, hint = foreign(leaf.head(512))
        raise LurcherError(what, hint, leaf.name)
    context = ReadContext(schema_of, leaf.name, table, platform, date_order)
    for _ in range(_RETRIES):
        parts = []
        for part in kind.read(leaf, context):
            if not context.dirty:
                parts.append(part)
        dirty = context.dirty
        context.settle()
        if not dirty:
            if leaf.damage.cut:
                parts.append(Reject("byte", leaf.damage.at, leaf.damage.cut, b""))
            yield parts
            return
    raise LurcherError("the file changed while it was read", path=leaf.name)
