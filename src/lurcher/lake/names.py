"""How the Parquet files of a table are called: what they came from, who wrote them, and what is in them.

    day=2026-01-02/part-<source>-<n>-<writer>-<checksum>.parquet     rows of one source
    day=2026-01-02/merged-<n>-<writer>-<checksum>.parquet            rows of any number of sources, merged by `optimize`

`source` is the beginning of the digest of the source; `writer` that of the name of the writer's folder below `staging/`, so
that a file that is in no log can be told from one that is about to be committed; `checksum` the beginning of the SHA-256 of the
file. The checksum is part of the path, so every log, checkpoint and copy of the table keeps it, whatever program makes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from lurcher.lake import layout

SOURCE_DIGITS, WRITER_DIGITS, SUM_DIGITS = 16, 12, 40

# Files of older versions have no checksum: a whole UUID stood where now the writer does.
_NAME = re.compile(
    rf"(?:part-(?P<source>[0-9a-f]{{{SOURCE_DIGITS}}})|(?P<merged>merged))-\d+-"
    rf"(?P<writer>[0-9a-f]{{{WRITER_DIGITS}}}(?:[0-9a-f]{{20}})?)(?:-(?P<sum>[0-9a-f]{{{SUM_DIGITS}}}))?\.parquet"
)
_NO_DAY = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class FileName:
    """What a file's name says. All are '' for a file that another program has named."""

    source: str = ""
    writer: str = ""
    checksum: str = ""
    ours: bool = False


def parse(path: str) -> FileName:
    found = _NAME.fullmatch(path.replace("\\", "/").rpartition("/")[2])
    if found is None:
        return FileName()
    return FileName(found["source"] or "", found["writer"][:WRITER_DIGITS], found["sum"] or "", True)


def partition(day: date | None) -> str:
    """The folder of a day's files."""
    return f"{layout.DAY}={day.isoformat() if day else _NO_DAY}"


def of_source(file: Path, day: date | None, digest: str, number: int, writer: str) -> str:
    """The path, below the table's folder, of a file of rows of one source. Reads the file for its checksum."""
    return f"{partition(day)}/part-{digest[:SOURCE_DIGITS]}-{number}-{writer[:WRITER_DIGITS]}-{checksum(file)}.parquet"


def of_merged(file: Path, day: date | None, number: int, writer: str) -> str:
    return f"{partition(day)}/merged-{number}-{writer[:WRITER_DIGITS]}-{checksum(file)}.parquet"


def checksum(file: Path) -> str:
    import hashlib

    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:SUM_DIGITS]
