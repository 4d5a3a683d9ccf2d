"""Folders, gzip and zip archives as streams of bytes: nothing is unpacked to disk, and no archive can fill it.

A leaf is one stream of content: a file, what is in a gzip, a member of a zip.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from lurcher.errors import LurcherError

#: Archives in archives in archives: no further.
MAX_DEPTH = 3
MAX_MEMBERS = 100_000
#: What an archive may grow by. Exports shrink to a tenth; a bomb to a thousandth.
MAX_RATIO = 250
#: Below this size no ratio is held against it: short files of one letter are honest.
FREE_BYTES = 64 * 1024 * 1024
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Leaf:
    """A stream of content. `name` is what a user calls it (`export.zip/events.json`), `file` the file on disk that it is in;
    `open` gives it from its start each time."""

    name: str
    file: Path
    open: Callable[[], IO[bytes]]

    def head(self, size: int = 65_536) -> bytes:
        """Its first bytes. Raises `LurcherError` where it cannot be read."""
        with reading(self.name), closing(self.open()) as stream:
            return stream.read(size)

    def digest(self) -> tuple[str, int]:
        """SHA-256 (hex) and size of the content."""
        total, sha = 0, hashlib.sha256()
        with reading(self.name), closing(self.open()) as stream:
            while block := stream.read(_BLOCK):
                total += len(block)
                sha.update(block)
        return sha.hexdigest(), total


class reading:
    """What goes wrong while content is read, as a `LurcherError` that names it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)):
            said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            hint = "unpack it first" if "password" in said or "encrypted" in said else ""
            raise LurcherError(f"cannot be read: {said}", hint, self._name) from error


def leaves(path: Path, problem: Callable[[str, str], None]) -> Iterator[Leaf]:
    """All content at or below `path`, sorted by name. What cannot be entered is told to `problem` (name, reason)."""
    if not path.exists():
        raise LurcherError("there is no such file or folder", path=str(path))
    for file in _walk(path, problem):
        yield from _unwrap(Leaf(str(file), file, _opener(file)), problem, 0)


def _walk(path: Path, problem: Callable[[str, str], None]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    # os.walk does not follow links to folders, so that no loop can be entered.
    for folder, below, files in os.walk(
        path, onerror=lambda e: problem(str(e.filename), f"cannot be read: {e.strerror}")
    ):
        if "lake.toml" in files:
            below.clear()
            problem(folder, "is a lake itself")
            continue
        below.sort()
        for name in sorted(files):
            file = Path(folder) / name
            if not name.startswith(".") and file.is_file():  # no sockets, pipes, devices
                yield file


def _opener(file: Path) -> Callable[[], IO[bytes]]:
    return lambda: file.open("rb")


def _unwrap(leaf: Leaf, problem: Callable[[str, str], None], depth: int) -> Iterator[Leaf]:
    """What is in it, where it is an archive; else itself."""
    try:
        head = leaf.head(4)
        if head[:2] == b"\x1f\x8b":
            if depth >= MAX_DEPTH:
                raise LurcherError(f"archives in archives, more than {MAX_DEPTH} deep", path=leaf.name)
            name = leaf.name.removesuffix(".gz")
            inside = Leaf(name, leaf.file, lambda: cast(IO[bytes], Inflating(leaf)))
            yield from _unwrap(inside, problem, depth + 1)
        elif head == b"PK\x03\x04":
            if depth >= MAX_DEPTH:
                raise LurcherError(f"archives in archives, more than {MAX_DEPTH} deep", path=leaf.name)
            yield from _zip(leaf, problem, depth)
        else:
            yield leaf
    except LurcherError as error:
        problem(leaf.name, error.message)
    except (ValueError, struct.error, AttributeError, IndexError, MemoryError) as error:
        # What zipfile lets through of a broken directory.
        problem(leaf.name, f"not a whole archive ({type(error).__name__}: {error})")


def _zip(leaf: Leaf, problem: Callable[[str, str], None], depth: int) -> Iterator[Leaf]:
    if depth:
        # A zip is read from its end; one inside of another stream would have to be unpacked whole.
        raise LurcherError("a zip inside of another archive: unpack the outer one first", path=leaf.name)
    with reading(leaf.name), zipfile.ZipFile(leaf.file) as archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
    if len(members) > MAX_MEMBERS:
        raise LurcherError(f"{len(members)} members, more than {MAX_MEMBERS}", path=leaf.name)
    for member in sorted(members, key=lambda m: m.filename):
        inside = Leaf(f"{leaf.name}/{member.filename}", leaf.file, _member(leaf, member))
        yield from _unwrap(inside, problem, depth + 1)


def _member(leaf: Leaf, member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        archive = zipfile.ZipFile(leaf.file)
        stream = Limited(archive.open(member), member.compress_size, f"{leaf.name}/{member.filename}", archive)
        return cast(IO[bytes], stream)

    return opened


class Limited:
    """A stream that ends with an error where it grows out of proportion to what it was packed into."""

    def __init__(self, stream: IO[bytes], packed: int, name: str, *owners: Any) -> None:
        self._stream, self._name, self._owners = stream, name, owners
        self._left = max(FREE_BYTES, packed * MAX_RATIO)

    def read(self, size: int = _BLOCK) -> bytes:
        block = self._stream.read(size)
        self._left -= len(block)
        if self._left < 0:
            raise LurcherError(f"unpacks to more than {MAX_RATIO} times its size", "unpack it first", self._name)
        return block

    def close(self) -> None:
        self._stream.close()
        for owner in self._owners:
            owner.close()


class Inflating(Limited):
    """What is in a gzip."""

    def __init__(self, leaf: Leaf) -> None:
        outer = leaf.open()
        super().__init__(cast(IO[bytes], gzip.GzipFile(fileobj=outer)), leaf.file.stat().st_size, leaf.name, outer)
