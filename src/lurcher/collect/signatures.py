"""Files -> rows: DeviceFileCertificateInfo and DeviceFileEvents of every file below some folders that is signed, or could be.

walk -> examine (all cores) -> batches. What is in memory at a time is bounded, however many files there are, and the rows come in
the order of the walk. Nothing is remembered here from one run to the next, and no catalogue vouches for another file: see
`incremental`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.collect.examine import FileFacts, NotPe, Rejected, Settings
from lurcher.collect.linked import once
from lurcher.collect.parallel import examine_files
from lurcher.collect.signature_rows import Row, certificate_batch, file_batch
from lurcher.collect.walk import Found, Unreadable, walk

if TYPE_CHECKING:
    import pyarrow as pa

#: Files in one batch.
BATCH = 4096


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose files they are, for the rows. `drive` ("C:") makes paths below the folder that the user gave those of the machine."""

    device_name: str = ""
    device_id: str = ""
    drive: str = ""

    def folder_path(self, found: Found) -> str:
        """The whole path, as Defender's FolderPath is, in text that is valid Unicode whatever the file's name is."""
        path = self.drive + "\\" + found.relative.replace(os.sep, "\\") if self.drive else found.path
        return readable(path)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is. `files` is what was looked at; of these `pe` gave rows (programs, and other files that can be signed),
    `other` are nothing that is signed, `rejected` could not be examined, `unchanged` were known and not read. `octets` is the
    size of what gave rows."""

    files: int = 0
    pe: int = 0
    other: int = 0
    rejected: int = 0
    octets: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be read of a file or folder. `lost` says that it gave no row at all."""

    path: str
    reason: str
    lost: bool


@dataclass(frozen=True, slots=True)
class SignatureBatch:
    """Rows for two tables, which belong together by DeviceId, ReportId and Timestamp, and, where files were hashed, by DeviceId
    and SHA1. `fingerprint` is a SHA-256 over what was found (not when): the same files give the same one again."""

    certificates: pa.RecordBatch = field(repr=False)
    files: pa.RecordBatch = field(repr=False)
    problems: tuple[Problem, ...]
    progress: Progress
    fingerprint: str


def device_id_of(name: str) -> str:
    """A DeviceId for a device that only has a name: the same as its event logs' rows have."""
    from lurcher.collect.entities import device_id

    return device_id(name)


def readable(path: str) -> str:
    """A path as valid Unicode: octets that are no UTF-8 (names on a Linux disk can be anything) become `\\xNN`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def collect_signatures(
    paths: Sequence[Path],
    *,
    now: datetime,
    device_name: str = "",
    device_id: str = "",
    drive: str = "",
    hashes: bool = True,
    md5: bool = True,
    nested: bool = False,
    trusted_roots: Iterable[bytes] = (),
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Iterator[SignatureBatch]:
    """The signatures and facts of all files at and below `paths` that are signed, or could be.

    `now` (UTC) is the rows' Timestamp and the time at which signatures without a time stamp are judged. Without `hashes` files
    are not read but for their headers and signatures: hashes are empty and nothing is found trusted. `nested` adds a row for each
    further signature. `trusted_roots` are encoded certificates, trusted besides Microsoft's programme (`roots.read_root_file`).
    `workers` is a number of processes, by default as many as there are processors; 1 stays in this process.

    Raises `LurcherError` for a path that is not there, when iteration begins. What cannot be read is a problem in the batch."""
    origin = Origin(device_name, device_id or device_id_of(device_name), drive)
    settings = Settings(now, hashes, md5, nested, tuple(trusted_roots))
    state = _State(origin, now)
    for found, result in once(walk(paths), lambda items: examine_files(items, settings, workers)):
        state.add(found, result)
        if progress is not None and state.files % 64 == 0:
            progress(state.progress())
        if state.full:
            yield state.flush()
    if progress is not None:
        progress(state.progress())
    if not state.empty:
        yield state.flush()


class _State:
    """Counts, and the rows of the batch that is being filled."""

    def __init__(self, origin: Origin, now: datetime) -> None:
        self._origin = origin
        self._now = now
        self._rows: list[Row] = []
        self._problems: list[Problem] = []
        self.files = self._pe = self._other = self._rejected = self._octets = 0

    def add(self, found: Found | Unreadable, result: FileFacts | NotPe | Rejected) -> None:
        self.files += 1
        match found, result:
            case Found(), FileFacts():
                self._pe += 1
                self._octets += result.size
                name = readable(os.path.basename(found.path))
                self._rows.append(Row(self._pe, name, self._origin.folder_path(found), result, self._now))
                self._problems += [Problem(readable(found.path), reason, lost=False) for reason in result.problems]
            case _, Rejected():
                self._rejected += 1
                self._problems.append(Problem(readable(found.path), result.reason, lost=True))
            case _:
                self._other += 1

    def progress(self) -> Progress:
        return Progress(self.files, self._pe, self._other, self._rejected, self._octets)

    @property
    def full(self) -> bool:
        return len(self._rows) >= BATCH or len(self._problems) >= BATCH

    @property
    def empty(self) -> bool:
        return not self._rows and not self._problems

    def flush(self) -> SignatureBatch:
        origin = self._origin
        found = hashlib.sha256(repr((origin, [r[1:4] for r in self._rows], self._problems)).encode())
        batch = SignatureBatch(
            certificate_batch(self._rows, origin.device_name, origin.device_id),
            file_batch(self._rows, origin.device_name, origin.device_id),
            tuple(self._problems),
            self.progress(),
            found.hexdigest(),
        )
        self._rows, self._problems = [], []
        return batch
