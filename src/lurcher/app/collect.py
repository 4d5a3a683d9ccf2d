"""Signatures of files into a lake."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lurcher.collect.signatures import Problem, Progress
from lurcher.errors import LurcherError
from lurcher.lake import Lake, SourceId, SourceRecord
from lurcher.schema import TableSchema, known_table

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.collect.filters import Filters
    from lurcher.collect.journal import Journal
    from lurcher.collect.signatures import Origin

CERTIFICATES = "DeviceFileCertificateInfo"
FILES = "DeviceFileEvents"
#: How many problems a report keeps in full; the rest are in the reject file alone.
_SHOWN = 20


@dataclass
class CollectReport:
    """What came of a collection. `known`: files whose rows are in the lake as they are, though they were read; `gone`: files
    that were there last time (some of them in `gone_paths`); `resumed`: files that an earlier, killed run had read. `problems`
    are files that could not be examined, or not wholly, all of them written to `rejects` (a path, where there are any).
    `filters` has what was left out."""

    progress: Progress = field(default_factory=Progress)
    rows: dict[str, int] = field(default_factory=dict)
    known: int = 0
    gone: int = 0
    gone_paths: list[str] = field(default_factory=list)
    resumed: int = 0
    problems: list[Problem] = field(default_factory=list)
    lost: int = 0
    partly: int = 0
    rejects: str = ""
    filters: Filters | None = None


def collect(
    lake: Lake,
    paths: Sequence[Path],
    *,
    now: datetime,
    device: str = "",
    drive: str = "",
    hashes: bool = True,
    md5: bool = True,
    nested: bool = False,
    trust_roots: Sequence[Path] = (),
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    max_size: int | None = None,
    full: bool = False,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> CollectReport:
    """Read the signatures of the new and changed files below `paths` and add them to the lake: rows of
    DeviceFileCertificateInfo and of DeviceFileEvents.

    `device` is whose files they are (a mounted image does not say), `drive` what the folder is on that machine (`C:`). Files that
    are as an earlier run has seen them are not read, but with `full`; rows are added where they say something new. What a
    killed run had found is kept, and added with the time at which it was found. `include`, `exclude`, `max_size`: see `Filters`.
    Raises `LurcherError` for a path or a root certificate that is not there.
    """
    from lurcher.collect.examine import Settings
    from lurcher.collect.filters import Filters
    from lurcher.collect.incremental import Findings, look
    from lurcher.collect.journal import Journal, told
    from lurcher.collect.roots import read_root_file
    from lurcher.collect.signatures import Origin, device_id_of

    for path in paths:
        if not path.exists():
            raise LurcherError("there is no such file or folder", path=str(path))
    drive = _drive(drive)
    roots = tuple(root for path in trust_roots for root in read_root_file(path))
    filters = Filters(tuple(include), tuple(exclude), max_size, drive)
    origin = Origin(device, device_id_of(device), drive)
    settings = Settings(now, hashes, md5, nested, roots)
    name = "signatures of " + ", ".join(str(p) for p in paths) + (f" ({device})" if device else "")
    report, findings = CollectReport(filters=filters), Findings()
    state = lake.path / "collected" / f"{_slug(device)}.sqlite"
    with told(state), Journal(state) as journal:
        if journal.committing:
            _commit(lake, journal, origin, name, now, report, None, journal.committing)
        report.resumed = journal.waiting()
        journal.begin()
        with lake.scratch() as folder, _Problems(folder / "problems", report) as problems:
            for problem in look(
                journal, paths, origin=origin, settings=settings, filters=filters, full=full, workers=workers,
                progress=progress, findings=findings,
            ):  # fmt: skip
                problems.add(problem)
            report.progress = findings.progress()
            report.gone, report.gone_paths = findings.gone, findings.gone_paths
            _commit(lake, journal, origin, name, now, report, problems, "")
            report.rejects = problems.keep(lake)
    return report


def _commit(
    lake: Lake, journal: Journal, origin: Origin, name: str, now: datetime, report: CollectReport, problems: _Problems | None,
    earlier: str,
) -> None:  # fmt: skip
    """Put what the journal holds into the lake, as one source. `earlier`: the digest under which a run that was killed
    meanwhile had begun to."""
    from lurcher.collect.signature_rows import Row, certificate_batch, file_batch
    from lurcher.collect.signatures import BATCH, readable

    tables = [schema for table in (CERTIFICATES, FILES) if (schema := known_table(table)) is not None]
    digest = hashlib.sha256(repr((origin.device_name, journal.chain)).encode())
    count = same = 0
    rows: list[Row] = []
    with lake.scratch() as folder, _Spool(folder) as spool:

        def flush() -> None:
            batches = (make(rows, origin.device_name, origin.device_id) for make in (certificate_batch, file_batch))
            for schema, batch in zip(tables, batches, strict=True):
                spool.put(schema, batch)
            rows.clear()

        for row in journal.pending():
            if problems is not None:
                for reason in row.facts.problems:
                    problems.add(Problem(row.path, reason, lost=False))
            if not row.changed:
                same += 1
                continue
            count += 1
            digest.update(repr((row.path, row.digest)).encode())
            rows.append(Row(count, readable(os.fsdecode(row.place.name)), row.path, row.facts, row.at))
            if len(rows) >= BATCH:
                flush()
        if rows:
            flush()
        source = SourceId(earlier or digest.hexdigest(), name, count, now)
        known = lake.source(source.digest) is not None
        if count and not known:
            journal.commits(source.digest)
            added = _add(lake, source, spool)
            report.rows = {t: report.rows.get(t, 0) + n for t, n in added.items()}
        elif known:
            same += count
        report.known += same
        journal.done(source.digest if count else journal.chain)


class _Spool:
    """Batches on disk, a file a table: what they are together is known after the last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, Any] = {}
        self.schemas: dict[str, TableSchema] = {}

    def put(self, schema: TableSchema, batch: pa.RecordBatch) -> None:
        import pyarrow as pa

        if schema.name not in self._writers:
            self.schemas[schema.name] = schema
            self._writers[schema.name] = pa.ipc.new_stream(self._folder / schema.name, batch.schema)
        self._writers[schema.name].write_batch(batch)

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        self._writers[table].close()
        with pa.memory_map(str(self._folder / table)) as file:
            yield from pa.ipc.open_stream(file)

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *error: object) -> None:
        for writer in self._writers.values():
            writer.close()


def _add(lake: Lake, source: SourceId, spool: _Spool) -> dict[str, int]:
    """Put it into the lake, a table at a time; one that has the rows of this source already is left alone."""
    with lake.writer(source) as writer:
        for name, schema in spool.schemas.items():
            for batch in spool.batches(name):
                writer.write(schema, batch)
        results = writer.commit()
    rows = {name: lake.rows_of(name, source.digest) if r.already else r.rows for name, r in results.items()}
    lake.record(
        SourceRecord(source.digest, source.name, source.size, source.taken.isoformat(), "signatures of files", rows)
    )
    return {r.table: r.rows for r in results.values()}


class _Problems:
    """What could not be examined, on disk as it comes: there may be as many as files."""

    def __init__(self, path: Path, report: CollectReport) -> None:
        self._path, self._report = path, report
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()

    def add(self, problem: Problem) -> None:
        import json

        report = self._report
        report.lost += problem.lost
        report.partly += not problem.lost
        if len(report.problems) < _SHOWN:
            report.problems.append(problem)
        said = json.dumps({"file": problem.path, "reason": problem.reason, "lost": problem.lost}, ensure_ascii=False)
        line = (said + "\n").encode("utf-8", "backslashreplace")
        self._digest.update(line)
        if self._file is None:
            self._file = self._path.open("wb")
        self._file.write(line)

    def keep(self, lake: Lake) -> str:
        """Put the file among the rejects, named by its content: collecting again writes the same one. '' where there is none."""
        if self._file is None:
            return ""
        self._file.close()
        target = lake.path / "rejects" / f"signatures-{self._digest.hexdigest()[:12]}.jsonl"
        target.parent.mkdir(exist_ok=True)
        os.replace(self._path, target)
        return str(target)

    def __enter__(self) -> _Problems:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()


def _slug(device: str) -> str:
    """A file's name for a device: the same for the same name in any case."""
    name = device.lower()
    plain = re.sub(r"[^a-z0-9._-]+", "_", name)[:60] or "files"
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _drive(text: str) -> str:
    r"""`C:`, `C:\Users` or `\\server\share`, without a backslash at the end."""
    drive = text.strip().replace("/", "\\").rstrip("\\")
    if drive and not re.fullmatch(r"[A-Za-z]:(\\[^\\]+)*|\\\\[^\\]+(\\[^\\]+)+", drive):
        raise LurcherError(
            f"'{text}' is no drive or folder of Windows", r"for example: C: or D:\Data or \\server\share"
        )
    return drive
