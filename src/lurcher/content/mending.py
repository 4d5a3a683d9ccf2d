"""Repairs of text that no YAML parser takes, line for line, so that every place in the mended text is known in the file.

| repair | what is seen | what is done |
|---|---|---|
| `_tabs` | a line indented with tabs | each becomes four spaces |
| `_flat_blocks` | a block text that does not stand further right than its key | it is indented, up to the next key of Sentinel's |
| `_marks` | a value that begins with `%`, which YAML keeps for itself | the sign is veiled while the text is parsed |
| `_dash_column` | `dataTypes:` in the column of the `-` before it | moved under its connector, with its own members |

Only white space at the start of lines is ever changed.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field

from lurcher.content import codes
from lurcher.content.fields import MEMBER_KEYS, SYNONYMS, TOP_KEYS
from lurcher.content.model import Edit
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Span

_BLOCK = re.compile(r"([A-Za-z][\w-]*) *: *[|>][-+0-9]*\s*(?:#.*)?")
_KEY = re.compile(r"([A-Za-z][\w-]*) *:(?:\s|$)")
_DASH = re.compile(r"- +([A-Za-z]\w*) *:")
_MARK = re.compile(r"%%\w+%%")
_NAMES = frozenset(TOP_KEYS) | frozenset(SYNONYMS)


@dataclass(slots=True)
class Row:
    """A line: the white space it begins with (now, and in the file), the rest, and where it begins in the file."""

    white: str
    body: str
    start: int
    was: str

    @property
    def indent(self) -> int:
        return len(self.white)

    @property
    def blank(self) -> bool:
        return not self.body.strip()

    def move(self, columns: int) -> None:
        if not self.blank:
            self.white = " " * (len(self.white) + columns)


@dataclass
class Mended:
    """A text in rows. `diagnostics` count in the file; after `freeze`, `in_file` says where a mended character stands in it."""

    rows: list[Row]
    diagnostics: list[Diagnostic] = field(default_factory=list)
    #: Edits beside those of white space, added by who parsed the text.
    more_edits: list[Edit] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    def freeze(self) -> str:
        at = 0
        self._starts = []
        for row in self.rows:
            self._starts.append(at)
            at += len(row.white) + len(row.body) + 1
        return "\n".join(row.white + row.body for row in self.rows)

    def in_file(self, offset: int) -> int:
        at = max(0, bisect.bisect_right(self._starts, offset) - 1)
        row = self.rows[at]
        column = offset - self._starts[at]
        if column < len(row.white):
            return row.start + min(column, len(row.was))
        return row.start + len(row.was) + column - len(row.white)

    def span_in_file(self, span: Span) -> Span:
        start = self.in_file(span.start)
        return Span(start, max(start, self.in_file(span.end)))

    def edits(self) -> list[Edit]:
        """What `check --fix` writes for these repairs."""
        changed = (row for row in self.rows if row.white != row.was)
        return [*(Edit(Span(row.start, row.start + len(row.was)), row.white) for row in changed), *self.more_edits]


def rows_of(text: str, start: int = 0) -> Mended:
    """A text in rows, nothing changed. `start` is where it begins in the file."""
    rows = []
    for line in text.split("\n"):
        body = line.lstrip(" \t")
        white = line[: len(line) - len(body)]
        rows.append(Row(white, body, start, white))
        start += len(line) + 1
    return Mended(rows)


def mend(mended: Mended) -> Mended:
    """All repairs, in the order in which they depend on each other."""
    _marks(mended)
    _tabs(mended)
    _flat_blocks(mended)
    _dash_column(mended)
    return mended


#: A character of private use for the `%` of a template's mark: of the same length, so that places stay.
VEIL = "\ue000"


def _marks(mended: Mended) -> None:
    for row in mended.rows:
        row.body = _MARK.sub(lambda m: m[0].replace("%", VEIL), row.body)


def _span(row: Row, length: int) -> Span:
    return Span(row.start + len(row.was), row.start + len(row.was) + length)


def _tabs(mended: Mended) -> None:
    block = -1
    for row in mended.rows:
        if row.blank:
            continue
        if block >= 0 and row.white.startswith(" " * (block + 1)):
            # Inside a block that spaces indent, a tab is text.
            continue
        block = -1
        if "\t" in row.white:
            mended.diagnostics.append(codes.TABS.at(Span(row.start, row.start + len(row.was))))
            row.white = row.white.replace("\t", "    ")
        if _BLOCK.fullmatch(row.body):
            block = row.indent


def _flat_blocks(mended: Mended) -> None:
    rows = mended.rows
    seen: set[str] = set()
    at = 0
    while at < len(rows):
        row = rows[at]
        at += 1
        key = _KEY.match(row.body)
        if not key or row.indent or key[1] not in _NAMES:
            continue
        seen.add(key[1])
        end = _end(rows, at, seen)
        inside = [r for r in rows[at:end] if not r.blank]
        if not inside:
            continue
        if _BLOCK.fullmatch(row.body):
            _indent_block(mended, row, key[1], inside, rows[end] if end < len(rows) else None)
        at = end


def _end(rows: list[Row], at: int, seen: set[str]) -> int:
    """The row of the next key of Sentinel's in the first column. A key that was there already is a line of the block: a
    `datatable` may well have a column `name:`."""
    for i in range(at, len(rows)):
        key = _KEY.match(rows[i].body)
        if key and not rows[i].indent and key[1] in _NAMES and key[1] not in seen:
            return i
    return len(rows)


def _indent_block(mended: Mended, row: Row, key: str, inside: list[Row], after: Row | None) -> None:
    wanted = inside[0].indent or 2
    if inside[0].indent:
        # Where the block began as it should, a line `word: ...` in the first column is a key that we do not know.
        strange = next((i for i, r in enumerate(inside) if not r.indent and _KEY.match(r.body)), len(inside))
        inside = inside[:strange]
    low = [r for r in inside if r.indent < wanted]
    # A comment of YAML's may stand in the first column between two keys; in KQL no line begins with '#'.
    while low and low[-1] is inside[-1] and low[-1].body.startswith("#"):
        low.pop()
        inside.pop()
    if not low:
        return
    for r in inside if len(low) == len(inside) else low:
        r.move(wanted if len(low) == len(inside) else wanted - r.indent)
    until = f"'{after.body.split(':')[0]}'" if after else "the end"
    mended.diagnostics.append(codes.FLAT.at(_span(row, len(key)), key=key, until=until))


def _dash_column(mended: Mended) -> None:
    rows = mended.rows
    owner: tuple[int, str] | None = None
    at = 0
    block = -1
    while at < len(rows):
        row = rows[at]
        at += 1
        if row.blank or (block >= 0 and row.indent > block):
            continue
        block = -1
        if _BLOCK.fullmatch(row.body):
            block = row.indent
        dash = _DASH.match(row.body)
        if dash and dash[1] in MEMBER_KEYS.values():
            owner = (row.indent, dash[1])
            continue
        key = _KEY.match(row.body)
        if not key or owner is None:
            continue
        if MEMBER_KEYS.get(key[1]) == owner[1] and row.indent == owner[0]:
            mended.diagnostics.append(codes.DASH_COLUMN.at(_span(row, len(key[1])), key=key[1], owner=owner[1]))
            _move_under(rows, at - 1, owner[0])
        elif row.indent <= owner[0]:
            owner = None


def _move_under(rows: list[Row], first: int, column: int) -> None:
    """Move a key and its members two columns to the right, members that lost their column too."""
    rows[first].move(2)
    for i in range(first + 1, len(rows)):
        row = rows[i]
        if row.blank:
            continue
        dash = _DASH.match(row.body)
        member = row.body.startswith("- ") and not (dash and dash[1] in MEMBER_KEYS.values())
        if row.indent > column:
            row.move(2)
        elif row.indent == column and member:
            row.move(4)
        else:
            return
