"""What has been added to a lake: each source by the digest of its content.

The truth about whether a table has a source's rows is in the table itself: the source's digest is an application id of the
Delta transaction that added them, so that rows and book-keeping are one commit. The records here are what a user asks
about (what was added, when, from where), and let a file that is wholly in the lake be passed over without reading it. A
record is written before the first table has its rows (`adding`), and again when all have them; where that is missing after
a kill, the next `add` writes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

#: What of a file's beginning is kept as a digest.
HEAD = 4096


@dataclass(frozen=True, slots=True)
class SourceId:
    """Where rows came from: `digest` is the SHA-256 of the content (hex), `name` what a user knows it by (a path, with
    `archive.zip/member` for what is in an archive), `taken` the time (UTC) at which it is added."""

    digest: str
    name: str
    size: int
    taken: datetime

    @classmethod
    def of_content(cls, name: str, content: bytes, taken: datetime) -> SourceId:
        """The id of a source that is no file: of the bytes that make it what it is."""
        import hashlib

        return cls(hashlib.sha256(content).hexdigest(), name, len(content), taken)


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One source that is in the lake. `tables`: rows that it gave each table."""

    digest: str
    name: str
    size: int
    taken: str
    format: str
    tables: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    rejected: int = 0
    rejects: str = ""
    #: SHA-256 of the first `HEAD` bytes (of all, where there are fewer): what a longer state of the file has, too.
    head: str = ""
    #: The digest of the earlier state, where only what had been added to the file since then was read.
    grown_from: str = ""
    #: How far the record times were ahead of UTC, in microseconds: what was taken off them.
    clock_offset: int = 0
    notes: list[str] = field(default_factory=list)
    #: The rows are being added: whether they are there, each table knows.
    adding: bool = False

    @property
    def base_name(self) -> str:
        """The file's own name, comparable."""
        return PurePath(self.name.replace("\\", "/")).name.casefold()


class Sources:
    """The records below `sources/`, a small JSON file each: two processes never write the same one with other content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, SourceRecord] = {}
        self._stamp = 0

    def get(self, digest: str) -> SourceRecord | None:
        return _read(self._folder / f"{digest}.json")

    def put(self, record: SourceRecord) -> None:
        import orjson

        self._folder.mkdir(exist_ok=True)
        current = self._changed() == self._stamp
        path = self._folder / f"{record.digest}.json"
        partial = path.with_suffix(f".{os.getpid()}.part")
        partial.write_bytes(orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2))
        os.replace(partial, path)
        self._known[record.digest] = record
        if current:
            self._stamp = self._changed()

    def _changed(self) -> int:
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return 0

    def known(self) -> Iterable[SourceRecord]:
        """All records, those of sources that are being added, too; from memory where nothing was added since they were read."""
        stamp = self._changed()
        if stamp != self._stamp:
            names = {path.stem for path in self._folder.glob("*.json")}
            fresh = {n for n in names if n not in self._known or self._known[n].adding}
            read = {n: record for n in fresh if (record := _read(self._folder / f"{n}.json")) is not None}
            self._known = {n: r for n, r in {**self._known, **read}.items() if n in names}
            self._stamp = stamp
        return self._known.values()

    def all(self) -> Iterator[SourceRecord]:
        for path in sorted(self._folder.glob("*.json")):
            record = _read(path)
            if record is not None and not record.adding:
                yield record


def _read(path: Path) -> SourceRecord | None:
    """A record that cannot be read is as good as none: the source is read again, and the tables know what they have."""
    import orjson

    try:
        data: dict[str, Any] = orjson.loads(path.read_bytes())
        return SourceRecord(**data)
    except (OSError, ValueError, TypeError):
        return None
