"""Folders and archives as streams of bytes: nothing is unpacked to disk whole, and no archive can fill it.

A leaf is one stream of content: a file, what is in a gzip, a member of a zip or a tar.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from lurcher.collect.exports import limits
from lurcher.collect.exports.archives import Shelf, is_tar, is_zip, tar_members, zip_members
from lurcher.collect.exports.leaf import Damage, Leaf, Passed, Problem, reading, shown
from lurcher.collect.exports.limits import Budget, Meter
from lurcher.collect.exports.packed import Codec, Unpacked, codec_of
from lurcher.errors import LurcherError

__all__ = ["Leaf", "Passed", "Problem", "leaves", "reading", "shown"]

#: What systems leave in folders and archives, by content and by name.
_OF_THE_SYSTEM = {b"\0\x05\x16\x07": "macOS", b"\0\0\0\x01Bud1": "macOS"}
_NAMES = {"thumbs.db": "Windows", "desktop.ini": "Windows", ".ds_store": "macOS"}


def leaves(path: Path, problem: Problem, scratch: Path | None = None) -> Iterator[Leaf]:
    """All content at or below `path`, sorted by name. What cannot be entered, or is nothing to read, is told to `problem`.

    A leaf is to be read before the next one is asked for. `scratch`: a folder for what has to wait (the system's, if none)."""
    if not path.exists():
        raise LurcherError("there is no such file or folder", path=shown(path))
    for file in files(path, problem):
        yield from leaves_of(file, problem, scratch)


def leaves_of(file: Path, problem: Problem, scratch: Path | None = None) -> Iterator[Leaf]:
    """All content of one file."""
    name = shown(file)
    try:
        size = file.stat().st_size
    except OSError as error:
        problem(Passed(name, f"cannot be read: {error.strerror}"))
        return
    leaf = Leaf(name, file, lambda: file.open("rb"), on_disk=True)
    shelf = Shelf(scratch, Budget(size))
    try:
        yield from _unwrap(leaf, name, problem, shelf, 0)
    finally:
        shelf.clear()


def files(path: Path, problem: Problem) -> Iterator[Path]:
    """The files at or below a path, sorted by name."""
    if not path.is_dir():
        if not path.is_file():
            problem(Passed(shown(path), f"{_kind(path)}, which is not opened", "write what it gives to a file first"))
        else:
            yield path
        return
    # os.walk does not follow links to folders, so that no loop can be entered.
    for folder, below, names in os.walk(path, onerror=lambda e: problem(_unread(e))):
        if "lake.toml" in names:
            below.clear()
            problem(Passed(shown(folder), "is a lake itself", harmless=True))
            continue
        for name in sorted(below):
            if Path(folder, name).is_symlink():
                problem(
                    Passed(shown(Path(folder, name)), "a link to a folder, which is not entered", "name it by itself")
                )
        below.sort()
        for name in sorted(names):
            file = Path(folder) / name
            if file.is_file():
                yield file
            else:
                problem(Passed(shown(file), f"{_kind(file)}, which is not opened"))


def _unread(error: OSError) -> Passed:
    return Passed(shown(error.filename), f"cannot be read: {error.strerror}")


def _kind(path: Path) -> str:
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return f"not to be read ({error.strerror})"
    tests = {stat.S_ISLNK: "a link to nothing", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    if path.is_symlink() and path.exists():
        mode = path.stat().st_mode
    return next((kind for test, kind in tests.items() if test(mode)), "a device")


def _unwrap(leaf: Leaf, name: str, problem: Problem, shelf: Shelf, depth: int) -> Iterator[Leaf]:
    """What is in it, where it is packed or an archive; else itself. `name`: what its members are named after."""
    try:
        head = leaf.head(512)
        codec = codec_of(head)
        archive = codec is not None or is_zip(head) or is_tar(head)
        if archive and depth >= limits.MAX_DEPTH * 2:
            raise LurcherError(f"archives in archives, more than {limits.MAX_DEPTH} deep", path=leaf.name)
        if (system := _system(leaf.name, head)) is not None:
            problem(Passed(leaf.name, f"of {system} itself, no telemetry", harmless=True))
        elif codec is not None:
            yield from _unwrap(_unpacked(leaf, codec, shelf.budget), name, problem, shelf, depth + 1)
        elif archive:
            members = zip_members if is_zip(head) else tar_members
            for member in members(leaf, name, shelf, problem):
                if shelf.budget.spent:
                    raise LurcherError(
                        f"{shelf.budget.spent}: the rest of it is not read", "unpack it first", leaf.name
                    )
                yield from _unwrap(member, member.name, problem, shelf, depth + 2)
        else:
            yield leaf
    except LurcherError as error:
        problem(Passed(leaf.name, error.message, error.hint))
    except Exception as error:  # noqa: BLE001 - what is let through of a broken directory; the other files go on
        problem(Passed(leaf.name, f"not a whole archive ({type(error).__name__}: {error})"))


def _system(name: str, head: bytes) -> str | None:
    for start, system in _OF_THE_SYSTEM.items():
        if head.startswith(start):
            return system
    return _NAMES.get(name.rpartition("/")[2].lower())


def _unpacked(leaf: Leaf, codec: Codec, budget: Budget) -> Leaf:
    size = leaf.file.stat().st_size
    meter = Meter(size, budget, leaf.name)
    # What it is in may be cut as well: then it is, too.
    damage = leaf.damage if leaf.damage.cut else Damage()
    opened: Callable[[], IO[bytes]] = lambda: cast(  # noqa: E731
        IO[bytes], Unpacked(leaf.open(), codec, meter, damage, leaf.name)
    )
    return Leaf(codec.unpacked_name(leaf.name), leaf.file, opened, damage)
