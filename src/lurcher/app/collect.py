"""Signatures of files into a lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from lurcher.collect.signatures import Problem, Progress, collect_signatures
from lurcher.errors import LurcherError
from lurcher.lake import Lake, SourceId, SourceRecord
from lurcher.schema import TableSchema, known_table

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

    `device` is whose files they are (a mounted image does not say). Files are taken in batches, each of which is in the lake whole
    or not at all, and a batch that is in it already is not added again: collecting the same files twice adds nothing.
    Raises `LurcherError` for a path or a root certificate that is not there.
    """
    from lurcher.collect.roots import read_root_file

    for path in paths:
        if not path.exists():
            raise LurcherError("there is no such file or folder", path=str(path))
    roots = [root for path in trust_roots for root in read_root_file(path)]
    report, totals = CollectReport(), Counter[str]()
    tables = tuple(schema for name in (CERTIFICATES, FILES) if (schema := known_table(name)) is not None)
    name = "signatures of " + ", ".join(str(p) for p in paths) + (f" ({device})" if device else "")
    rejected: list[str] = []
    for batch in collect_signatures(
        paths, now=now, device_name=device, drive=drive, hashes=hashes, nested=nested, trusted_roots=roots, workers=workers,
        progress=progress,
    ):  # fmt: skip
        report.progress = batch.progress
        source = SourceId(batch.fingerprint, name, batch.certificates.num_rows, now)
        if lake.source(source.digest) is not None:
            report.known += batch.files.num_rows
        else:
            totals.update(_add(lake, source, tables, (batch.certificates, batch.files)))
        for problem in batch.problems:
            report.lost += problem.lost
            report.partly += not problem.lost
            if len(report.problems) < _SHOWN:
                report.problems.append(problem)
            rejected.append(_line(problem))
    report.rows = dict(totals)
    if rejected:
        report.rejects = _keep(lake, rejected)
    return report


def _add(lake: Lake, source: SourceId, schemas: tuple[TableSchema, ...], batches: tuple[object, ...]) -> dict[str, int]:
    with lake.writer(source) as writer:
        for schema, batch in zip(schemas, batches, strict=True):
            writer.write(schema, batch)
        results = writer.commit()
    rows = {r.table: r.rows for r in results.values()}
    lake.record(
        SourceRecord(source.digest, source.name, source.size, source.taken.isoformat(), "signatures of files", rows)
    )
    return rows


def _line(problem: Problem) -> str:
    import json

    return json.dumps({"file": problem.path, "reason": problem.reason, "lost": problem.lost}, ensure_ascii=False)


def _keep(lake: Lake, lines: list[str]) -> str:
    """The problems of a collection, a file named by its content: collecting again writes the same one."""
    import hashlib

    content = "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")
    path = lake.path / "rejects" / f"signatures-{hashlib.sha256(content).hexdigest()[:12]}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return str(path)
