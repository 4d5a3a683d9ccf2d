"""Where one space stands between two tokens of a line, and where none.

What is certain from the tree or the signs is set by rule. Elsewhere the author's choice stands, one space at most: of some signs
it depends on the spaces what they are (`Device*` is a wildcard, `Device * 2` a product).
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

from lurcher.kql import syntax as s
from lurcher.kql.formatter.comments import Gap
from lurcher.kql.rewrite import walk
from lurcher.kql.tokens import LITERAL_TYPES, TokenKind, Tokens

#: What stands before a `{` that opens a property bag, not a body.
_BEFORE_BAG = frozenset(("(", "[", ",", ":", "{"))


@dataclass
class Spacing:
    """Token indexes: `spaced` has one space on either side, `tight` none; `joined` touches what is before it, `leading` what is
    after."""

    tokens: Tokens
    gaps: list[Gap]
    spaced: set[int] = field(default_factory=set)
    tight: set[int] = field(default_factory=set)
    joined: set[int] = field(default_factory=set)
    leading: set[int] = field(default_factory=set)
    #: Braces of property bags, both of a pair.
    bags: set[int] = field(default_factory=set)
    #: The colons in them.
    colons: set[int] = field(default_factory=set)
    #: The words `and` and `or` between two conditions.
    connectives: set[int] = field(default_factory=set)

    def space(self, index: int) -> bool:
        """Whether a space stands before this token, where both are in one line."""
        left, right = self.tokens.texts[index - 1], self.tokens.texts[index]
        if right in (",", ";", ")", "]") or left in ("(", "["):
            return False
        if left in (",", ";") or index - 1 in self.colons:
            return True
        if left == "{" or right == "}":
            return not (left + right == "{}" or index - 1 in self.bags or index in self.bags)
        if index in self.joined or index in self.tight or index - 1 in self.tight or index - 1 in self.leading:
            return False
        if index in self.spaced or index - 1 in self.spaced or left == "|" or right in ("|", "{"):
            return True
        return self.gaps[index].space


def spacing(tokens: Tokens, gaps: list[Gap], tree: s.Script) -> Spacing:
    found = Spacing(tokens, gaps)
    open_: list[int] = []
    for index in range(len(tokens)):
        text = tokens.texts[index]
        if tokens.kinds[index] != TokenKind.SIGN:
            continue
        if text in ("(", "[", "{"):
            open_.append(index)
            if text == "{" and index and tokens.texts[index - 1] in _BEFORE_BAG:
                found.bags.add(index)
        elif text in (")", "]", "}") and open_:
            if open_.pop() in found.bags:
                found.bags.add(index)
        elif text == ":" and open_ and open_[-1] in found.bags:
            found.colons.add(index)
            found.joined.add(index)
    for node in walk(tree):
        _node(found, node)
    return found


def _node(found: Spacing, node: s.Node) -> None:
    match node:
        case s.Binary(op=op, left=left, right=right) if op != ":":
            at = _between(found.tokens, left.span.end, right.span.start, ("!=", "<>") if op == "!=" else (op,))
            if at is not None:
                found.spaced.add(at)
                if op in ("and", "or"):
                    found.connectives.add(at)
        case s.In(left=left):
            _spaced_after(found, left, (node.op,))
        case s.Between(left=left, low=low, high=high):
            _spaced_after(found, left, ("between", "!between"))
            at = _between(found.tokens, low.span.end, high.span.start, ("..",))
            if at is not None:
                found.spaced.add(at)
        case s.Named(names=(*_, name), expression=value):
            at = _between(found.tokens, name.span.end, value.span.start, ("=",))
            if at is not None:
                found.spaced.add(at)
        case s.LetStatement(name=name, value=value) | s.ScanAssignment(name=name, value=value):
            at = _between(found.tokens, name.span.end, value.span.start, ("=",))
            if at is not None:
                found.spaced.add(at)
        case s.Parameter(value=value):
            at = _between(found.tokens, node.span.start, value.span.start, ("=",))
            if at is not None:
                found.tight.add(at)
        case s.ColumnDecl(name=name) | s.FunctionParam(name=name):
            at = _token(found.tokens, name.span.end)
            if found.tokens.texts[at] == ":":
                found.tight.add(at)
        case s.Unary():
            found.leading.add(_token(found.tokens, node.span.start))
        case s.Path(base=base, member=member):
            at = _between(found.tokens, base.span.end, member.span.start, (".",))
            if at is not None:
                found.tight.add(at)
        case s.Index(base=base, index=index):
            at = _between(found.tokens, base.span.end, index.span.start, ("[",))
            if at is not None:
                found.joined.add(at)
        case s.Call(name=name, parameters=()):
            at = _token(found.tokens, name.span.end)
            # `datetime (x)` is a call and `datetime(x)` a literal.
            if found.tokens.texts[at] == "(" and name.text not in LITERAL_TYPES:
                found.joined.add(at)
        case _:
            pass


def _token(tokens: Tokens, offset: int) -> int:
    """The first token that starts at an offset or after it."""
    return bisect.bisect_left(tokens.starts, offset, 0, len(tokens))


def _between(tokens: Tokens, start: int, end: int, texts: tuple[str, ...]) -> int | None:
    """The token with one of the texts that stands between two offsets, with nothing but brackets beside it."""
    for index in range(_token(tokens, start), len(tokens)):
        if tokens.starts[index] >= end:
            return None
        if tokens.texts[index] in texts:
            return index
    return None


def _spaced_after(found: Spacing, left: s.Expression, texts: tuple[str, ...]) -> None:
    at = _token(found.tokens, left.span.end)
    while found.tokens.texts[at] == ")":
        at += 1
    if found.tokens.texts[at] in texts:
        found.spaced.add(at)
