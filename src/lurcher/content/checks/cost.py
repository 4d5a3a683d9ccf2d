"""Checks of what makes a query slow without need."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lurcher.content.checks.registry import Context, check
from lurcher.content.checks.tree import walk
from lurcher.content.codes import declare
from lurcher.content.model import Placed
from lurcher.kql.diagnostics import Severity
from lurcher.kql.syntax import Binary, Literal, Node, Pipe, Script, SearchOp

CONTAINS = declare(
    "LU320", "'contains' looks into every value; 'has' finds the word '{text}' by its index", Severity.NOTE
)
SEARCH_ALL = declare("LU321", "'search' without tables reads every table there is", Severity.WARNING)
LEADING = declare("LU322", "the wildcard at the start of '{text}' reads every value", Severity.WARNING)
REGEX = declare("LU323", "the leading '.*' of a regular expression does nothing but cost time", Severity.NOTE)

_WORD = re.compile(r"[^\W_]{4,}")


@check(
    CONTAINS,
    "`has` finds whole words by an index. They differ (`contains 'rdp'` also finds 'wordpad'): change it where a word is meant.",
)
def contains(ctx: Context) -> Iterator[Placed]:
    for node in ctx.nodes:
        if isinstance(node, Binary) and node.op == "contains" and isinstance(node.right, Literal):
            text = node.right.value
            if isinstance(text, str) and _WORD.fullmatch(text):
                yield ctx.in_query(CONTAINS, node.span, text=text)


@check(SEARCH_ALL, "Name the tables: `search in (DeviceProcessEvents) 'word'`.")
def search_all(ctx: Context) -> Iterator[Placed]:
    script = ctx.compiled.script
    for node in ctx.nodes:
        if script and isinstance(node, SearchOp) and not node.tables and not _piped(script, node):
            yield ctx.in_query(SEARCH_ALL, node.span)


def _piped(script: Script, operator: SearchOp) -> bool:
    """Whether the operator has rows before it: `T | search 'x'`."""
    pipes = (n for n in walk(script) if isinstance(n, Pipe) and any(o is operator for o in n.operators))
    return any(p.source is not None or p.operators[0] is not operator for p in pipes)


@check(LEADING, "`search '*word'` and `has '*word'` cannot use an index; in `has` the star is not even a wildcard.")
def leading(ctx: Context) -> Iterator[Placed]:
    for node in ctx.nodes:
        term: Node | None = None
        if isinstance(node, SearchOp):
            term = node.predicate
        elif isinstance(node, Binary) and node.op == "has":
            term = node.right
        if (
            isinstance(term, Literal)
            and isinstance(term.value, str)
            and term.value.startswith("*")
            and len(term.value) > 1
        ):
            yield ctx.in_query(LEADING, term.span, text=term.value)


@check(REGEX, "`matches regex` looks anywhere in the text: '.*' at its start only makes it slower.")
def regex(ctx: Context) -> Iterator[Placed]:
    for node in ctx.nodes:
        if isinstance(node, Binary) and node.op == "matches regex" and isinstance(node.right, Literal):
            text = node.right.value
            if isinstance(text, str) and text.startswith((".*", "(?i).*")):
                yield ctx.in_query(REGEX, node.right.span)
