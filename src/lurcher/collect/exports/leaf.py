"""One stream of content, wherever it is: a file, what is in a gzip, a member of an archive."""

from __future__ import annotations

import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from lurcher.errors import LurcherError

BLOCK = 1 << 20


@dataclass
class Damage:
    """What was found out about a stream while it was read. `cut`: what ended before its end; `at`: after how many bytes of
    content; `notes`: what a user is told beside that."""

    cut: str = ""
    at: int = 0
    notes: dict[str, None] = field(default_factory=dict)

    def ends(self, what: str, at: int) -> None:
        if not self.cut:
            self.cut, self.at = f"cut: {what} ends before its end", at


@dataclass(frozen=True)
class Leaf:
    """A stream of content. `name` is what a user calls it (`export.zip/events.json`), `file` the file on disk that it is in;
    `open` gives it from its start each time. A stream that is cut ends where the cut is, and `damage` says so."""

    name: str
    file: Path
    open: Callable[[], IO[bytes]]
    damage: Damage = field(default_factory=Damage, compare=False)
    #: Whether the content is that of `file` itself, not of something in it.
    on_disk: bool = False

    def head(self, size: int = 65_536) -> bytes:
        """Its first bytes. Raises `LurcherError` where it cannot be read."""
        with reading(self.name), closing(self.open()) as stream:
            return stream.read(size)

    def digest(self) -> tuple[str, int]:
        """SHA-256 (hex) and size of the content."""
        total, sha = 0, hashlib.sha256()
        with reading(self.name), closing(self.open()) as stream:
            while block := stream.read(BLOCK):
                total += len(block)
                sha.update(block)
        return sha.hexdigest(), total


@dataclass(frozen=True)
class Passed:
    """What was passed over, and why. `harmless`: nothing that a user could have wanted was lost by it."""

    name: str
    reason: str
    hint: str = ""
    harmless: bool = False


#: Told of everything that is passed over.
Problem = Callable[[Passed], None]


class reading:
    """What goes wrong while content is read, as a `LurcherError` that names it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(
            error,
            (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, NotImplementedError),
        ):
            said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise LurcherError(f"cannot be read: {said}", path=self._name) from error


def shown(path: Path | str) -> str:
    """A path as text that can be written anywhere: a byte of a name that is no UTF-8 as `\\xff`."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
