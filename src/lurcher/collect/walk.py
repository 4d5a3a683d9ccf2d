"""The regular files below folders, in a stable order, whatever the folders are like.

Links are not followed (a mounted image's lead out of the image, and round in circles); a folder that was seen under another name
already (a bind mount, a junction) is not entered twice. What cannot be read is told, and the walk goes on. Windows' own
catalogues come first, so that what they vouch for is known when the files are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lurcher.collect.filters import Filters
from lurcher.errors import LurcherError

#: Files of one slice.
SLICE = 1024

_CATALOGUES = (("windows", "system32", "catroot"), ("system32", "catroot"), ("catroot",))


@dataclass(frozen=True, slots=True)
class Found:
    """A file. `path` is absolute, `relative` what of it is below the path that the user gave, `size` in octets. `stamp` changes
    when the file does: size, time of change, device, number. `mark` is what a caller wants to know it by."""

    path: str
    relative: str
    size: int
    stamp: tuple[int, int, int, int] = (0, 0, 0, 0)
    mark: Any = None
    #: How many names the file has.
    links: int = 1


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder or file that could not be looked at, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Slice:
    """Some files of one folder, in the order of their names (as octets). `top` is the path that the user gave, `relative` the
    folder below it ('' for itself). `names` are all files from `after` (b'' at the beginning) up to the last of them, wanted or
    not; `last` says that the folder has no more. `alone`: the user named the one file; nothing is known about the rest."""

    top: str
    relative: str
    after: bytes
    names: list[bytes]
    files: list[Found]
    last: bool
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Unseen:
    """A folder of which nothing is known now: it could not be read (`reason`), or is excluded ('')."""

    top: str
    relative: str
    path: str
    reason: str


def walk(paths: Sequence[Path]) -> Iterator[Found | Unreadable]:
    """All regular files at and below these paths. Raises `LurcherError` for a path that is not there, before anything else."""
    check(paths)
    return _files(paths)


def _files(paths: Sequence[Path]) -> Iterator[Found | Unreadable]:
    for part in slices(paths, Filters()):
        match part:
            case Slice():
                yield from part.files
            case Unseen():
                yield Unreadable(part.path, part.reason)
            case Unreadable():
                yield part


def check(paths: Sequence[Path]) -> None:
    for path in paths:
        if not os.path.lexists(path):
            raise LurcherError("there is no such file or folder", path=str(path))


def slices(paths: Sequence[Path], filters: Filters) -> Iterator[Slice | Unseen | Unreadable]:
    """The same, folder by folder. Files that the filters leave out are counted there."""
    entered: set[tuple[int, int]] = set()
    for path in paths:
        top = os.path.abspath(path)
        try:
            status = os.stat(top)  # A link that the user names is followed.
        except OSError as error:
            yield Unseen(top, "", top, error.strerror or str(error))
            continue
        if os.path.isdir(top):
            catalogues = _catalogues(top)
            if catalogues:
                yield from _below(top, catalogues, entered, filters)
            yield from _below(top, top, entered, filters)
        elif os.path.isfile(top):
            name = os.path.basename(top)
            wanted = filters.wanted(name, status.st_size)
            files = [Found(top, name, status.st_size, _stamp(status))] if wanted else []
            yield Slice(os.path.dirname(top), "", b"", [os.fsencode(name)], files, last=False, alone=True)
        else:
            yield Unreadable(top, "neither a file nor a folder")


def _stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino


def _catalogues(top: str) -> str:
    """Where Windows keeps its catalogues below the folder, in whatever case; '' where it does not."""
    for names in _CATALOGUES:
        at = top
        for name in names:
            try:
                with os.scandir(at) as entries:
                    at = next(
                        (e.path for e in entries if e.name.lower() == name and e.is_dir(follow_symlinks=False)), ""
                    )
            except OSError:
                at = ""
            if not at:
                break
        if at:
            return at
    return ""


def _below(
    top: str, start: str, entered: set[tuple[int, int]], filters: Filters
) -> Iterator[Slice | Unseen | Unreadable]:
    # Folders that are still to be entered, the next one last. A stack, as folders can be nested deeper than Python calls.
    waiting = [start]
    prefix = len(top if top.endswith(os.sep) else top + os.sep)
    while waiting:
        folder = waiting.pop()
        relative = folder[prefix:]
        if relative and not filters.entered(relative):
            yield Unseen(top, relative, folder, "")
            continue
        try:
            status = os.stat(folder)
            identity = (status.st_dev, status.st_ino)
            # Some network file systems number nothing: what has no number is not told apart by it.
            if status.st_ino:
                if identity in entered:
                    continue
                entered.add(identity)
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda e: os.fsencode(e.name))
        except OSError as error:
            yield Unseen(top, relative, folder, error.strerror or str(error))
            continue
        folders: list[str] = []
        files: list[os.DirEntry[str]] = []
        for entry in listed:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry)
            except OSError:
                files.append(entry)  # what is wrong with it is told where it is looked at
        del listed
        yield from _sliced(top, relative, prefix, files, filters)
        waiting += reversed(folders)


def _sliced(
    top: str, relative: str, prefix: int, files: list[os.DirEntry[str]], filters: Filters
) -> Iterator[Slice | Unreadable]:
    after = b""
    for start in range(0, max(len(files), 1), SLICE):
        names: list[bytes] = []
        found: list[Found] = []
        for entry in files[start : start + SLICE]:
            names.append(os.fsencode(entry.name))
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                names.pop()  # it went while it was listed
                continue
            except OSError as error:
                yield Unreadable(entry.path, error.strerror or str(error))
                continue
            below = entry.path[prefix:]
            if filters.wanted(below, status.st_size):
                found.append(Found(entry.path, below, status.st_size, _stamp(status), links=status.st_nlink))
        yield Slice(top, relative, after, names, found, last=start + SLICE >= len(files))
        after = names[-1] if names else after
