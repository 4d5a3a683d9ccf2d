"""parse kind=regex: the texts of the pattern are regular expressions.

They are put together as they stand, a `*` for as little as can be, a string column for as much; a typed column matches what
its type looks like, everywhere in the pattern. Nothing is anchored, and a `.` does not match a line feed unless `flags=s`. The
user's own groups do not capture.

Source: "parse operator" (Kusto documentation); shapes, greediness and anchoring as measured on Microsoft's emulator. What was
not measured is refused: a text with an alternative at its top, an open bracket, or what RE2 does not have.
"""

from __future__ import annotations

import re

from lurcher.kql import syntax as sx
from lurcher.kql.types import ScalarType
from lurcher.plan.binder.context import Context

T = ScalarType
#: The service also has `x`, RE2 does not.
FLAGS = "ismU"
_WHOLE = r"\s*([-+]?\d+)"
_REAL = r"\s*([-+]?\d+(?:\.\d+)?)"
_HEX = r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}"
#: What a column of a type matches. A datetime or timespan is none of these: its shape changes with what follows it.
_SHAPES = {
    T.STRING: "(.*)",
    T.INT: _WHOLE,
    T.LONG: _WHOLE,
    T.REAL: _REAL,
    T.DECIMAL: _REAL,
    T.BOOL: r"\s*((?i:true|false))",
    # Both forms written out: an optional bracket would go lazy under `flags=U`.
    T.GUID: rf"\s*(\{{{_HEX}\}}|{_HEX})",
}
#: Only between other parts of the pattern, and not under `flags=U`: at its end and there the service gives something else.
_TIMES = {
    T.DATETIME: r"\s*((?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}/\d{1,4})"
    r"(?:[Tt ]\s*\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d*)?)?)?(?:[Zz]|[-+]\d{1,2}(?::\d{1,2})?)?)",
    T.TIMESPAN: r"\s*(-?(?:\d+\.\d{1,2}:\d{1,2}:\d{1,2}|\d{1,2}:\d{1,2}(?::\d{1,2})?)(?:\.\d*)?)",
}
_PIECE = re.compile(
    r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\(\?P?<(?![=!])[^>]*>|\(\?[imsU-]*[:)]|\(\?.?|.", re.DOTALL
)


def regex_pattern(cx: Context, op: sx.ParseOp, flags: str) -> tuple[str, list[sx.ParseCapture]]:
    """The regular expression of the whole pattern, a capture group for each column, and the columns in order."""
    unknown = "".join(sorted(set(flags) - set(FLAGS)))
    if unknown:
        cx.refuse(f"parse flags={unknown}", op.span, "the flags i, s, m and U are supported")
    kept = "".join(f for f in FLAGS if f in flags)
    regex = [f"(?{kept})" if kept else ""]
    captures: list[sx.ParseCapture] = []
    for i, part in enumerate(op.pattern):
        follows = op.pattern[i + 1] if i + 1 < len(op.pattern) else None
        if isinstance(part, sx.Literal):
            regex.append(_own(cx, part))
        elif part.skip or part.name is None:
            regex.append(".*?")
        else:
            captures.append(part)
            regex.append(_column(cx, part, follows, "U" in kept))
    return "".join(regex), captures


def _column(cx: Context, part: sx.ParseCapture, follows: sx.Literal | sx.ParseCapture | None, lazy: bool) -> str:
    if part.type is T.STRING and isinstance(follows, sx.ParseCapture):
        cx.refuse("parse with nothing between a string column and what follows", part.span, "put a text between them")
    if part.type in _SHAPES:
        return _SHAPES[part.type]
    if part.type not in _TIMES:
        cx.refuse(f"a column of type {part.type} in parse kind=regex", part.span)
        return "(.*)"
    if follows is None or lazy:
        where = "with flags=U" if lazy else "at the end of the pattern"
        cx.refuse(
            f"a column of type {part.type} in parse kind=regex {where}",
            part.span,
            f"take it as a string, and convert it with to{part.type}()",
        )
    return _TIMES[part.type]


def _own(cx: Context, part: sx.Literal) -> str:
    """A text of the pattern, its groups made to capture nothing; a closing bracket without its opening one is a text."""
    done: list[str] = []
    depth = 0
    text = str(part.value)
    if not text:
        cx.refuse("an empty text in parse", part.span)
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece.startswith("(?") and piece[-1] == ")":
            cx.refuse("a flag inside a text of parse kind=regex", part.span, "flags=i is for the whole pattern")
        elif piece.startswith("(?") and piece[-1] not in ":>":
            cx.refuse(f"{piece} in a regular expression", part.span, "RE2 has no lookaround")
        elif piece[0] == "(":
            depth += 1
            piece = piece if piece[-1] == ":" else "(?:"
        elif piece == ")":
            depth, piece = (depth - 1, ")") if depth else (0, r"\)")
        elif piece == "|" and not depth:
            cx.refuse("an alternative at the top of a text of parse kind=regex", part.span, "write (?:a|b)")
        elif piece == "[":
            cx.refuse("an open [ in a regular expression", part.span)
        elif piece == "\\" or (piece[0] == "\\" and piece[1] in "123456789CQEGZ"):
            cx.refuse(f"{piece} in a regular expression", part.span)
        done.append(piece)
    if depth:
        cx.refuse("an open ( in a text of parse kind=regex", part.span, r"write \( for the character")
    return "".join(done)
