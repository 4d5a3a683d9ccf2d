"""Where the characters of a text that was cut out of a file stand in that file.

A query in a YAML block loses its indentation, a folded one its line ends, a quoted one its escapes. `Marked` keeps, for
every stretch that was copied, where the copy came from, so that a diagnostic of the query points into the file.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field
from functools import cached_property

from lurcher.kql.source import Source


@dataclass(frozen=True)
class Marked(Source):
    """`marks` are pairs (offset in `text`, offset in `file`), ascending: from each on, the two run in step."""

    file: Source = field(default_factory=lambda: Source(""))
    marks: tuple[tuple[int, int], ...] = ((0, 0),)

    @cached_property
    def _offsets(self) -> list[int]:
        return [m[0] for m in self.marks]

    def in_file(self, offset: int) -> int:
        """The offset in the file of a character of the text."""
        at = max(0, bisect.bisect_right(self._offsets, offset) - 1)
        here, there = self.marks[at]
        return min(there + offset - here, len(self.file.text))

    def position(self, offset: int) -> tuple[int, int]:
        return self.file.position(self.in_file(offset))


def cut(file: Source, text: str, marks: list[tuple[int, int]]) -> Marked:
    """A text out of a file. The plain fields of `Source` are set as well: they are exact for a block of even indentation."""
    if not marks:
        marks = [(0, 0)]
    line, column = file.position(min(marks[0][1], len(file.text)))
    indent = file.position(min(marks[1][1], len(file.text)))[1] - 1 if len(marks) > 1 else column - 1
    return Marked(text, file.name, line, column, indent, file, tuple(marks))


_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)


def align(value: str, raw: str, start: int, quote: str = "") -> list[tuple[int, int]]:
    """Marks for a scalar's value against the characters that it was read from.

    `raw` begins at offset `start`. `quote` is the scalar's style: `"` has escapes, `'` doubles its quotes. What folds (a
    line end and the indentation after it become a space or nothing) is skipped over. Where the two fall out of step the
    last mark stands: a position is then right up to where the scalar was still understood.
    """
    marks: list[tuple[int, int]] = []
    at, in_step = 0, False
    for offset, char in enumerate(value):
        width = 1
        if char.isspace() and at < len(raw) and raw[at].isspace():
            # One white character of the value may stand for a whole run in the file; the next solid one resynchronises.
            while at < len(raw) and raw[at] != char and raw[at].isspace() and raw[at] != "\n":
                at, in_step = at + 1, False
        elif not char.isspace():
            while at < len(raw) and raw[at].isspace():
                at, in_step = at + 1, False
        if quote == '"' and at < len(raw) and raw[at] == "\\":
            escape = _ESCAPE.match(raw, at)
            width = len(escape.group()) if escape else 1
            if escape and escape.group()[1] in "\r\n":
                at += width
                while at < len(raw) and raw[at].isspace():
                    at += 1
                in_step, width = False, 1
        elif quote == "'" and raw.startswith("''", at) and char == "'":
            width = 2
        elif not char.isspace() and (at >= len(raw) or raw[at] != char):
            break
        if not in_step:
            marks.append((offset, start + at))
        in_step = width == 1
        at += width
    return marks or [(0, start)]
