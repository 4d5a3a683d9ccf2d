"""Texts and places in them."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters (not bytes) of a source text: `start <= position < end`."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """From where this one starts to where `other` ends."""
        return Span(self.start, other.end)

    @property
    def length(self) -> int:
        return self.end - self.start


#: For nodes that no text stands behind (made by a rewrite).
NOWHERE = Span(0, 0)


@dataclass(frozen=True)
class Source:
    """A text with a name for messages (a path, `<query>`), and where it starts in a larger file.

    `first_line` and `first_column` (both 1-based) place a query that stands inside another file, such as the `query` block
    of a Sentinel YAML: `indent` is how many columns were cut off every line after the first.
    """

    text: str
    name: str = "<query>"
    first_line: int = 1
    first_column: int = 1
    indent: int = 0

    @cached_property
    def line_starts(self) -> list[int]:
        starts = [0]
        starts.extend(i + 1 for i, c in enumerate(self.text) if c == "\n")
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both 1-based, in the file that the text comes from."""
        row = bisect.bisect_right(self.line_starts, offset) - 1
        column = offset - self.line_starts[row]
        return self.first_line + row, column + (self.first_column if row == 0 else 1 + self.indent)

    def line_at(self, offset: int) -> str:
        """The whole line that a character stands in, without its end."""
        row = bisect.bisect_right(self.line_starts, offset) - 1
        end = self.line_starts[row + 1] - 1 if row + 1 < len(self.line_starts) else len(self.text)
        return self.text[self.line_starts[row] : end].rstrip("\r")
