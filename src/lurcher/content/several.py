"""Several queries in one text, a blank line between them, as query editors run them one at a time.

A text that is one query stays one, whatever blank lines it has. It is cut only where every piece is a whole query, with the `let`
statements before it: there is then no other reading.
"""

from __future__ import annotations

import re

from lurcher.kql.parser import parse
from lurcher.kql.source import Source
from lurcher.kql.syntax import QueryStatement

_BLANK = re.compile(r"\n(?:[ \t\r]*\n)+")
#: What goes on with the query before it.
_ON = re.compile(r"[|),\]}=<>+*/.-]|(?:and|or|on|by|in|between|has|contains)\b", re.IGNORECASE)
MAX_PIECES = 200
#: How many characters are read in all while looking for the cuts.
MAX_READ = 400_000


def pieces(text: str) -> list[tuple[int, int]]:
    """Where the queries of a text begin and end; the whole text where it is one, or cannot be cut for certain."""
    whole = [(0, len(text))]
    chunks = _chunks(text)
    if not 1 < len(chunks) <= MAX_PIECES or len(text) > MAX_READ or not _may_end(text, chunks):
        return whole
    if parse(Source(text)).ok:
        return whole
    found: list[tuple[int, int]] = []
    read, start = 0, chunks[0][0]
    for number, (_, end) in enumerate(chunks):
        after = _solid(text[slice(*chunks[number + 1])]) if number + 1 < len(chunks) else ""
        if not _solid(text[start:end]) or _ON.match(after):
            continue
        read += end - start
        if read > MAX_READ:
            return whole
        tree = parse(Source(text[start:end]))
        statements = tree.tree.statements
        if tree.ok and statements and isinstance(statements[-1], QueryStatement):
            found.append((start, end))
            start = chunks[number + 1][0] if number + 1 < len(chunks) else end
    if len(found) < 2:
        return whole
    if start < len(text.rstrip()):
        if _solid(text[start:]):
            return whole
        # Comments behind the last query.
        found[-1] = (found[-1][0], len(text.rstrip()))
    return found


def _chunks(text: str) -> list[tuple[int, int]]:
    found, at = [], 0
    for gap in _BLANK.finditer(text):
        found.append((at, gap.start()))
        at = gap.end()
    found.append((at, len(text.rstrip())))
    return [(start, end) for start, end in found if text[start:end].strip()]


def _may_end(text: str, chunks: list[tuple[int, int]]) -> bool:
    """Whether a query may end before the last blank line: most texts have blank lines behind the `;` of a `let` alone, and need not
    be parsed to see that."""
    before = ""
    for start, end in chunks:
        code = [line for line in text[start:end].split("\n") if line.strip() and not line.lstrip().startswith("//")]
        if not code:
            continue
        if before and not before.endswith((";", "|", ",", "(")) and not _ON.match(code[0].lstrip()):
            return True
        before = code[-1].rstrip()
    return False


def _solid(text: str) -> str:
    """The text from its first line on that is no comment; "" where there is none."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith("//"):
            return "\n".join(lines[number:]).lstrip()
    return ""
