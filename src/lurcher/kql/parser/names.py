"""Names with wildcards, where they count: `project-away Device*`, `union *Events`, `database('d').*`."""

from __future__ import annotations

from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.syntax import Expression, Name, NameRef, Star
from lurcher.kql.tokens import NOT_REFERABLE, TokenKind

_PIECES = frozenset((TokenKind.WORD, TokenKind.LONG))


def wildcard_name(p: Cursor, *, in_path: bool = False) -> Name | None:
    """`Device*`, `*Id`, `a*b`: words and stars that touch; None, with nothing taken, where it is no pattern.

    In a path a star may also multiply (`d.a*2`): there a pattern ends with its star, or starts with one."""
    start = index = p.pos
    stars = 0
    while p.texts[index] == "*" or p.kinds[index] in _PIECES:
        if index > start and not p.touches(index):
            break
        stars += p.texts[index] == "*"
        index += 1
    if stars == 0 or (index == start + 1 and not in_path):
        return None
    if (
        in_path
        and p.texts[start] != "*"
        and (p.texts[index - 1] != "*" or p.texts[index] not in (",", ")", "|", ";", ""))
    ):
        return None
    p.pos = index
    return Name("".join(p.texts[start:index]), pattern=True, span=p.span(start))


def wildcard(p: Cursor, what: str = "a column") -> Expression:
    """A column or table that may be a pattern, or `*` alone."""
    start = p.pos
    name = wildcard_name(p) or _bracketed_pattern(p)
    if name is not None:
        return NameRef(name, span=p.span(start))
    if p.accept("*"):
        return Star(span=p.span(start))
    if p.texts[start] in NOT_REFERABLE and p.texts[start + 1] in ("", "|", ";"):
        p.check_name()
    return NameRef(p.name(what), span=p.span(start))


def wildcards(p: Cursor) -> tuple[Expression, ...]:
    items = [wildcard(p)]
    while p.accept(","):
        items.append(wildcard(p))
    return tuple(items)


def _bracketed_pattern(p: Cursor) -> Name | None:
    """`[Device*]`: brackets without quotes around a pattern."""
    start = p.pos
    if p.texts[start] != "[":
        return None
    p.pos += 1
    name = wildcard_name(p)
    if name is None or not p.accept("]"):
        p.pos = start
        return None
    return name
