"""Which files of a device are new or changed, what is found of them, and what of it becomes rows.

walk -> what the journal does not know -> examine (all cores) -> journal -> rows. A run that is killed has kept what it found;
the next one goes on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from pathlib import Path

from lurcher.collect import facts_json
from lurcher.collect.examine import FileFacts, NotPe, Rejected, Settings
from lurcher.collect.filters import Filters
from lurcher.collect.journal import GONE, REJECTED, Journal, Mark, Place
from lurcher.collect.linked import once
from lurcher.collect.parallel import examine_files
from lurcher.collect.signatures import Origin, Problem, Progress, readable
from lurcher.collect.walk import Found, Slice, Unreadable, Unseen, slices


@dataclass
class Findings:
    """What a run has seen. `gone`: files that an earlier run knew and that are not there any more."""

    files: int = 0
    unchanged: int = 0
    rows: int = 0
    other: int = 0
    rejected: int = 0
    octets: int = 0
    gone: int = 0
    gone_paths: list[str] = field(default_factory=list)

    def progress(self) -> Progress:
        return Progress(self.files, self.rows, self.other, self.rejected, self.octets, self.unchanged)

    def lose(self, paths: Sequence[str]) -> None:
        self.gone += len(paths)
        self.gone_paths += paths[: 20 - len(self.gone_paths)] if len(self.gone_paths) < 20 else []


def look(
    journal: Journal,
    paths: Sequence[Path],
    *,
    origin: Origin,
    settings: Settings,
    filters: Filters,
    full: bool,
    workers: int | None,
    progress: Callable[[Progress], None] | None,
    findings: Findings,
) -> Iterator[Problem]:
    """Bring the journal up to date with the files; what could not be examined comes out."""
    marked = _digest(settings)
    tell = _Ticker(progress, findings)
    listed: Callable[[], tuple[str, ...]] = (lambda: journal.algorithms) if settings.hashes else tuple
    new = _changed(journal, paths, origin, filters, marked, full, findings, tell)
    for item, result in once(new, lambda items: examine_files(items, settings, workers, listed)):
        yield from _take(journal, item, result, settings.now, findings)
        tell()
    for path in paths:
        top = os.path.abspath(path)
        if os.path.isdir(top):
            for lost in journal.gone(_key(origin, top, "")):
                findings.lose(lost)
    if settings.hashes:
        again = _again(journal, marked)
        for item, result in examine_files(again, settings, workers, listed):
            if isinstance(item, Found) and isinstance(result, FileFacts):
                journal.put(item.mark, result, settings.now)
            tell()
    if progress is not None:
        progress(findings.progress())


def _changed(
    journal: Journal,
    paths: Sequence[Path],
    origin: Origin,
    filters: Filters,
    marked: bytes,
    full: bool,
    findings: Findings,
    tell: Callable[[], None],
) -> Iterator[Found | Unreadable]:
    for part in slices(paths, filters):
        match part:
            case Slice():
                folder, known = _known(journal, part, origin, findings)
                findings.files += len(part.files)
                for found in part.files:
                    name = os.fsencode(os.path.basename(found.path))
                    stamp = _stamp(marked, found.stamp)
                    before = known.get(name)
                    if not full and before is not None and before[0] == stamp and before[1] != REJECTED:
                        findings.unchanged += 1
                    else:
                        mark = Mark(Place(folder, name), stamp, before is None)
                        yield replace(found, mark=mark)
                tell()
            case Unseen():
                journal.spare(_key(origin, part.top, part.relative))
                if part.reason:
                    findings.files += 1
                    yield Unreadable(part.path, part.reason)
            case Unreadable():
                findings.files += 1
                yield part


def _known(
    journal: Journal, part: Slice, origin: Origin, findings: Findings
) -> tuple[int, dict[bytes, tuple[bytes, str]]]:
    """The number of the slice's folder, and what is known of its files; those that are gone are told."""
    real = os.path.join(part.top, part.relative) if part.relative else part.top
    shown = origin.folder_path(Found(real, part.relative, 0)) if part.relative else origin.drive or readable(part.top)
    key = _key(origin, part.top, part.relative)
    folder, taken = journal.folder(key, real, shown)
    if taken:  # two folders are shown as one
        folder, _ = journal.folder(key + b"\0" + os.fsencode(real), real, shown)
    if part.alone:
        name = part.names[0]
        known = journal.known(folder, name[:-1], name)
        return folder, {name: known[name]} if name in known else {}
    if not part.last and not part.names:
        return folder, {}
    known = journal.known(folder, part.after, None if part.last else part.names[-1])
    gone = {name for name, (_, state) in known.items() if state != GONE} - set(part.names)
    if gone:
        findings.lose(journal.lose(folder, sorted(gone)))
    return folder, known


def _take(
    journal: Journal, item: Found | Unreadable, result: FileFacts | NotPe | Rejected, now: datetime, findings: Findings
) -> Iterator[Problem]:
    if isinstance(item, Found):
        journal.put(item.mark, result, now)
    match result:
        case FileFacts():
            findings.rows += 1
            findings.octets += result.size
        case Rejected():
            findings.rejected += 1
            yield Problem(readable(item.path), result.reason, lost=True)
        case _:
            findings.other += 1


def _again(journal: Journal, marked: bytes) -> Iterator[Found]:
    """Files for which the catalogues make a difference that could not be known when they were read, or were not read now."""
    for place in chain(journal.unlisted(), journal.doubtful()):
        if not journal.seen_now(place):
            continue
        path = journal.real(place)
        try:
            status = os.stat(path, follow_symlinks=False)
        except OSError:
            continue
        stamp = (status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino)
        yield Found(path, path, status.st_size, stamp, Mark(place, _stamp(marked, stamp)))


def _key(origin: Origin, top: str, relative: str) -> bytes:
    """What a folder is known by: the path on the machine where a drive is given, so that it is the same on any mount."""
    base = origin.drive.lower().encode() if origin.drive else os.fsencode(top).replace(os.fsencode(os.sep), b"/")
    below = os.fsencode(relative).replace(os.fsencode(os.sep), b"/")
    return base.rstrip(b"/") + (b"/" + below if below else b"")


def _digest(settings: Settings) -> bytes:
    """Of what a run was asked to find: with other settings, files are read again."""
    wanted = (facts_json.VERSION, settings.hashes, settings.md5, settings.nested, sorted(settings.trusted))
    return hashlib.blake2b(repr(wanted).encode(), digest_size=8).digest()


def _stamp(marked: bytes, stamp: tuple[int, int, int, int]) -> bytes:
    return hashlib.blake2b(repr(stamp).encode(), key=marked, digest_size=12).digest()


class _Ticker:
    """Tells progress now and then."""

    def __init__(self, progress: Callable[[Progress], None] | None, findings: Findings) -> None:
        self._progress, self._findings, self._calls = progress, findings, 0

    def __call__(self) -> None:
        self._calls += 1
        if self._progress is not None and self._calls % 32 == 0:
            self._progress(self._findings.progress())
