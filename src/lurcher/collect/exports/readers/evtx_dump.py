"""What `evtx_dump` prints by itself: a line `Record 7` before each event, which is XML or an indented object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, cast

from lurcher.collect.events.event_xml import is_event_xml
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.leaf import BLOCK, Leaf
from lurcher.collect.exports.readers import event_json, event_xml
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch

_FIRST = re.compile(rb"\s*Record \d{1,20}\r?\n(?=[{<])")
#: Only what stands before an event: a text within one may have such a line of its own.
_LINE = re.compile(rb"^Record \d{1,20}\r?\n(?=[{<])", re.MULTILINE)
#: More than a heading and its line end.
_LONGER = 40
_HEADING = re.compile(rb"Record \d{1,20}\r?")


def _recognise(head: Head) -> bool:
    return _FIRST.match(head.data.removeprefix(b"\xef\xbb\xbf")) is not None


@source_format("evtx-dump", "Windows events as evtx_dump prints them", 26, _recognise)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    plain = replace(leaf, open=lambda: cast(IO[bytes], _Unheaded(leaf.open())), on_disk=False)
    return event_xml.read(plain, context) if is_event_xml(plain.head()) else event_json.read(plain, context)


class _Unheaded:
    """The stream without the lines between its events."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._rest, self._kept, self._ended = b"", b"\n", False

    def read(self, size: int = BLOCK) -> bytes:
        while not self._ended and (size < 0 or len(self._rest) < size):
            block = self._stream.read(BLOCK)
            self._ended = not block
            # It begins with the character before what is not given out yet, so that it is known where a line begins.
            text = self._kept + block
            cut = len(text) if self._ended else _end_of_lines(text)
            part, self._kept = text[:cut], text[cut - 1 :]
            self._rest += _LINE.sub(b"", part)[1:]
        data = self._rest[:size] if size >= 0 else self._rest
        self._rest = self._rest[len(data) :]
        return data

    def close(self) -> None:
        self._stream.close()


def _end_of_lines(text: bytes) -> int:
    """A place before the end of a line that is no heading: what belongs together is on one side of it."""
    end = text.rfind(b"\n")
    if len(text) - end > _LONGER:  # what was begun is no heading
        return len(text)
    before = text.rfind(b"\n", 0, max(end, 0))
    return max(1, before if _HEADING.fullmatch(text, before + 1, max(end, before + 1)) else end)
