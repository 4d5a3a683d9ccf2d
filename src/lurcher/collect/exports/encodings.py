"""Which encoding a file of text has: UTF-8, or read as such by whoever reads it.

UTF-16 shows in a file's first bytes. A file is of UTF-8 where its lines are, a few broken ones aside; where those beyond ASCII
are not, it is Windows-1252, and a note says so: of one-byte encodings no file tells which it is. `--encoding` does.
"""

from __future__ import annotations

import codecs
import hashlib
from contextlib import closing
from dataclasses import dataclass, replace
from typing import IO, cast

from lurcher.collect.exports.leaf import BLOCK, Leaf, reading
from lurcher.errors import LurcherError

_LEADS = bytes(range(0xC2))
#: Longer lines than this are weighed in pieces.
_HELD = 8 * 1024 * 1024


@dataclass(frozen=True)
class Survey:
    """What one reading of a whole file tells: SHA-256 (hex), size, and which encoding it is to be read in."""

    digest: str
    size: int
    encoding: str


def survey(leaf: Leaf) -> Survey:
    """Raises `LurcherError` where the file cannot be read."""
    total, sha = 0, hashlib.sha256()
    encoding = of_head(leaf.head())
    rest, good, bad = b"", 0, 0
    with reading(leaf.name), closing(leaf.open()) as stream:
        while block := stream.read(BLOCK):
            total += len(block)
            sha.update(block)
            if encoding != "utf-8" or (not rest and block.isascii()):
                continue
            block = rest + block
            end = block.rfind(b"\n") + 1
            if not end and len(block) > _HELD:
                end = len(block)
            rest = b"" if block[end:].isascii() else block[end:]
            more = _weigh(block[:end])
            good, bad = good + more[0], bad + more[1]
    if rest:
        more = _weigh(rest, last=True)
        good, bad = good + more[0], bad + more[1]
    return Survey(sha.hexdigest(), total, "cp1252" if bad > good else encoding)


def of_head(head: bytes) -> str:
    """`utf-16-le`, `utf-16-be`, `binary`, or `utf-8` for what may be text of another kind."""
    if head[:2] == b"\xff\xfe" and head[2:4] != b"\0\0":
        return "utf-16-le"
    if head[:2] == b"\xfe\xff":
        return "utf-16-be"
    nulls = head.count(0)
    if not nulls:
        return "utf-8"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if nulls * 3 > len(head) and len(head) > 3 and head[0:1].isascii() and 0x09 <= max(head[0], head[1]) < 0x7F:
        # Text that is mostly ASCII has a zero in every other place, and in no other.
        if even == 0 and head[0] != 0:
            return "utf-16-le"
        if odd == 0 and head[0] == 0:
            return "utf-16-be"
    return "utf-8" if nulls < len(head) // 64 and _texty(head) else "binary"


def _texty(head: bytes) -> bool:
    return head[:1] in b"{[\"'\xef#" or head[:64].decode("latin-1").isprintable()


def _weigh(text: bytes, last: bool = False) -> tuple[int, int]:
    """How many characters beyond ASCII are there as UTF-8 has them, and how many lines are not UTF-8."""
    if text.isascii():
        return 0, 0
    good = bad = 0
    try:
        text.decode()
        return len(text.translate(None, _LEADS)), 0
    except UnicodeDecodeError:
        pass
    for line in text.split(b"\n"):
        if line.isascii():
            continue
        try:
            line.decode()
            good += len(line.translate(None, _LEADS))
        except UnicodeDecodeError as error:
            # What ends within a character may be a file that was cut.
            bad += not (last and error.reason == "unexpected end of data")
    return good, bad


def as_text(leaf: Leaf, encoding: str) -> Leaf:
    """The leaf in UTF-8, as readers take it."""
    if encoding in ("utf-8", "binary"):
        return leaf
    said = {"cp1252": "it is not UTF-8, and was read as Windows-1252 (--encoding says another)"}
    leaf.damage.notes[said.get(encoding, f"it was read as {encoding.upper()}")] = None
    return replace(leaf, open=lambda: cast(IO[bytes], Recoded(leaf.open(), encoding, leaf.damage.notes)), on_disk=False)


def check_encoding(name: str) -> str:
    """The name of an encoding of text. Raises `LurcherError` where it is none."""
    try:
        info = codecs.lookup(name)
        "".encode(info.name)
    except (LookupError, ValueError, TypeError):
        raise LurcherError(f"there is no encoding '{name[:40]}'", "one of: utf-8, utf-16, cp1252, cp850, ...") from None
    return info.name


class Recoded:
    """A stream of text in another encoding, as UTF-8. What cannot be read stays as it is, where that is no UTF-8: the row that
    holds it is rejected; in UTF-16 and UTF-32 it is U+FFFD, and that is noted."""

    def __init__(self, stream: IO[bytes], encoding: str, notes: dict[str, None] | None = None) -> None:
        self._notes = notes if notes is not None else {}
        errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        self._stream, self._errors = stream, errors
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._rest, self._start, self._ended = b"", True, False

    def read(self, size: int = BLOCK) -> bytes:
        blocks, have = [self._rest], len(self._rest)
        while not self._ended and (size < 0 or have < size):
            block = self._stream.read(BLOCK)
            self._ended = not block
            text = self._decoder.decode(block, self._ended)
            if self._start and text:
                text, self._start = text.removeprefix("\ufeff"), False
            if self._errors == "replace" and "\ufffd" in text:
                self._notes["it holds what is no character: that is U+FFFD in the rows"] = None
            data = text.encode("utf-8", self._errors)
            blocks.append(data)
            have += len(data)
        data = b"".join(blocks)
        self._rest = data[size:] if size >= 0 else b""
        return data[:size] if size >= 0 else data

    def close(self) -> None:
        self._stream.close()
