"""A stream of bytes as lines, in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

BLOCK = 4 * 1024 * 1024
#: The longest line that is read: a batch of the Event Hub has at most 1 MiB, a storage line is a record.
MAX_LINE = 64 * 1024 * 1024


@dataclass(frozen=True)
class Lines:
    """Lines of a stream without their ends, the first of them having the number `first` (from 1). `overlong`: the beginning
    of one line that was too long to be read, and `lines` is empty."""

    first: int
    lines: list[bytes]
    overlong: bytes | None = None
    #: The lines as they were, in one.
    text: bytes | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self.text is None:
            return Lines, (self.first, self.lines, self.overlong)
        return _of_text, (self.first, self.text)


def _of_text(first: int, text: bytes) -> Lines:
    return Lines(first, text.split(b"\n"), text=text)


def read_lines(stream: IO[bytes], blocks: int = 1) -> Iterator[Lines]:
    """The lines of a stream, so many blocks of them at a time. A line beyond `MAX_LINE` is passed over and told of."""
    number, rest = 1, b""
    pieces: list[bytes] = []
    held = 0
    while block := stream.read(blocks * BLOCK):
        end = block.rfind(b"\n")
        if end < 0:
            pieces.append(block)
            held += len(block)
            if held > MAX_LINE:
                yield Lines(number, [], (rest + b"".join(pieces))[:65_536])
                rest, number = _skip(stream), number + 1
                pieces, held = [], len(rest)
            continue
        whole = rest + b"".join(pieces) + block[:end]
        rest, pieces = block[end + 1 :], []
        held = len(rest)
        lines = whole.split(b"\n")
        yield Lines(number, lines, text=whole)
        number += len(lines)
    rest += b"".join(pieces)
    if rest:
        lines = rest.split(b"\n")
        yield Lines(number, lines)


def _skip(stream: IO[bytes]) -> bytes:
    """Read on to the end of the line; what was read of the next ones."""
    while block := stream.read(BLOCK):
        end = block.find(b"\n")
        if end >= 0:
            return block[end + 1 :]
    return b""
