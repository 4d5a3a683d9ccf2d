"""Signatures of files into a lake."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.collect.signatures import Problem, Progress, collect_signatures
from lurcher.errors import LurcherError
from lurcher.lake import Lake, SourceId, SourceRecord
from lurcher.schema import TableSchema, known_table

if TYPE_CHECKING:
    import pyarrow as pa

CERTIFICATES = "DeviceFileCertificateInfo"
FILES = "DeviceFileEvents"
#: How many problems a report keeps in full; the rest are in the reject file alone.
_SHOWN = 20


@dataclass
class CollectReport:
    """What came of a collection. `known` files were in the lake as they are; `problems` are files that could not be examined, or
    not wholly, all of them written to `rejects` (a path, where there are any)."""

    progress: Progress = field(default_factory=Progress)
    rows: dict[str, int] = field(default_factory=dict)
    known: int = 0
    problems: list[Problem] = field(default_factory=list)
    lost: int = 0
    partly: int = 0
    rejects: str = ""


def collect(
    lake: Lake,
    paths: Sequence[Path],
    *,
    now: datetime,
    device: str = "",
    drive: str = "",
    hashes: bool = True,
    nested: bool = False,
    trust_roots: Sequence[Path] = (),
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> CollectReport:
    """Read the signatures of all PE files below `paths` and add them to the lake: rows of DeviceFileCertificateInfo and of
    DeviceFileEvents.

    `device` is whose files they are (a mounted image does not say). What was found is one source, by its content: each table has
    all of it or nothing, and collecting the same files twice adds nothing. Batches wait on disk meanwhile.
    Raises `LurcherError` for a path or a root certificate that is not there.
    """
    from lurcher.collect.roots import read_root_file

    for path in paths:
        if not path.exists():
            raise LurcherError("there is no such file or folder", path=str(path))
    roots = [root for path in trust_roots for root in read_root_file(path)]
    report = CollectReport()
    tables = tuple(schema for name in (CERTIFICATES, FILES) if (schema := known_table(name)) is not None)
    name = "signatures of " + ", ".join(str(p) for p in paths) + (f" ({device})" if device else "")
    rejected: list[str] = []
    digest, size = hashlib.sha256(), 0
    with lake.scratch() as folder, _Spool(folder) as spool:
        for batch in collect_signatures(
            paths, now=now, device_name=device, drive=drive, hashes=hashes, nested=nested, trusted_roots=roots,
            workers=workers, progress=progress,
        ):  # fmt: skip
            report.progress = batch.progress
            digest.update(batch.fingerprint.encode())
            size += batch.files.num_rows
            for schema, rows in zip(tables, (batch.certificates, batch.files), strict=True):
                if rows.num_rows:
                    spool.put(schema, rows)
            for problem in batch.problems:
                report.lost += problem.lost
                report.partly += not problem.lost
                if len(report.problems) < _SHOWN:
                    report.problems.append(problem)
                rejected.append(_line(problem))
        if rejected:
            report.rejects = _keep(lake, rejected)
        source = SourceId(digest.hexdigest(), name, size, now)
        if size and lake.source(source.digest) is not None:
            report.known = size
        elif size:
            report.rows = _add(lake, source, spool, len(rejected), report.rejects)
            report.known = 0 if report.rows.get(FILES) else size
    return report


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


def _add(lake: Lake, source: SourceId, spool: _Spool, rejected: int, rejects: str) -> dict[str, int]:
    """Put it into the lake. Rows of the two tables belong together by their Timestamp too: where a run was killed between the
    tables, those that are added now have the time of those that are there."""
    earlier = next((t for name in spool.schemas if (t := lake.time_of(name, source.digest)) is not None), None)
    with lake.writer(source) as writer:
        for name, schema in spool.schemas.items():
            for batch in spool.batches(name):
                writer.write(schema, batch if earlier is None else _at(batch, earlier))
        results = writer.commit()
    rows = {name: lake.rows_of(name, source.digest) if r.already else r.rows for name, r in results.items()}
    lake.record(
        SourceRecord(
            source.digest, source.name, source.size, source.taken.isoformat(), "signatures of files", rows, 0,
            rejected, rejects,
        )
    )  # fmt: skip
    return {r.table: r.rows for r in results.values()}


def _at(batch: pa.RecordBatch, when: datetime) -> pa.RecordBatch:
    import pyarrow as pa

    place = batch.schema.get_field_index("Timestamp")
    kind = batch.schema.field(place).type
    return batch.set_column(place, batch.schema.field(place), pa.repeat(pa.scalar(when, kind), batch.num_rows))


def _line(problem: Problem) -> str:
    import json

    return json.dumps({"file": problem.path, "reason": problem.reason, "lost": problem.lost}, ensure_ascii=False)


def _keep(lake: Lake, lines: list[str]) -> str:
    """The problems of a collection, a file named by its content: collecting again writes the same one."""
    content = "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")
    path = lake.path / "rejects" / f"signatures-{hashlib.sha256(content).hexdigest()[:12]}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return str(path)
