"""The regular files below folders, in a stable order, whatever the folders are like.

Links are not followed (a mounted image's lead out of the image, and round in circles); a folder that was seen under another name
already (a bind mount, a junction) is not entered twice. What cannot be read is told, and the walk goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lurcher.errors import LurcherError


@dataclass(frozen=True, slots=True)
class Found:
    """A file. `path` is absolute, `relative` what of it is below the path that the user gave, `size` in octets."""

    path: str
    relative: str
    size: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder or file that could not be looked at, and why."""

    path: str
    reason: str


def walk(paths: Sequence[Path]) -> Iterator[Found | Unreadable]:
    """All regular files at and below these paths. Raises `LurcherError` for a path that is not there, before anything else."""
    for path in paths:
        if not os.path.lexists(path):
            raise LurcherError("there is no such file or folder", path=str(path))
    return _walk(paths)


def _walk(paths: Sequence[Path]) -> Iterator[Found | Unreadable]:
    entered: set[tuple[int, int]] = set()
    for path in paths:
        top = os.path.abspath(path)
        try:
            status = os.stat(top)  # A link that the user names is followed.
        except OSError as error:
            yield Unreadable(top, error.strerror or str(error))
            continue
        if os.path.isdir(top):
            yield from _below(top, entered)
        elif os.path.isfile(top):
            yield Found(top, os.path.basename(top), status.st_size)
        else:
            yield Unreadable(top, "neither a file nor a folder")


def _below(top: str, entered: set[tuple[int, int]]) -> Iterator[Found | Unreadable]:
    # Folders that are still to be entered, the next one last. A stack, as folders can be nested deeper than Python calls.
    waiting = [top]
    prefix = top if top.endswith(os.sep) else top + os.sep
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(folder)
            identity = (status.st_dev, status.st_ino)
            if identity in entered:
                continue
            entered.add(identity)
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda e: e.name)
        except OSError as error:
            yield Unreadable(folder, error.strerror or str(error))
            continue
        folders: list[str] = []
        for entry in listed:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield Found(entry.path, entry.path[len(prefix) :], entry.stat(follow_symlinks=False).st_size)
            except OSError as error:
                yield Unreadable(entry.path, error.strerror or str(error))
        waiting += reversed(folders)
