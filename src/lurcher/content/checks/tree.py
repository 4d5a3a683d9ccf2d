"""Walking a syntax tree, for checks that look at what a query says rather than what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any

from lurcher.kql.syntax import (
    Call,
    DataTable,
    DynamicLiteral,
    Expression,
    In,
    LetStatement,
    Literal,
    NameRef,
    Node,
    Script,
)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind))


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below one, in the order of the text."""
    kind: Any = type(node)
    for name in _names(kind):
        value = getattr(node, name)
        stack = list(value) if isinstance(value, tuple) else [value]
        for item in stack:
            if isinstance(item, Node):
                yield item
            elif isinstance(item, tuple):
                yield from (inner for inner in item if isinstance(inner, Node))


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it. A loop: a query may nest deeper than Python recurses."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed(list(children(here))))


def walk_positive(node: Node) -> Iterator[Node]:
    """The same without what stands inside `not(...)`."""
    stack = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, Call) and here.name.text == "not":
            continue
        yield here
        stack.extend(reversed(list(children(here))))


def lets(script: Script) -> dict[str, Expression]:
    """Name -> value of the query's own `let` statements."""
    return {s.name.text: s.value for s in script.statements if isinstance(s, LetStatement)}


def texts(expression: Expression, known: dict[str, Expression], depth: int = 0) -> list[tuple[str, Node]]:
    """The string constants that an operand stands for, each with where it is written: a literal, a `dynamic([...])`, a
    `datatable` of one column, or a name that a `let` gave to one of these. Empty where it is none of them."""
    if depth > 8:
        return []
    if isinstance(expression, Literal):
        return [(expression.value, expression)] if isinstance(expression.value, str) else []
    if isinstance(expression, DynamicLiteral):
        values = expression.value if isinstance(expression.value, list) else [expression.value]
        return [(v, expression) for v in values if isinstance(v, str)]
    if isinstance(expression, DataTable) and expression.columns:
        firsts = expression.values[:: len(expression.columns)]
        return [pair for value in firsts for pair in texts(value, known, depth + 1)]
    if isinstance(expression, NameRef):
        value = known.get(expression.name.text)
        return texts(value, known, depth + 1) if value is not None else []
    return []


def operands(node: In, known: dict[str, Expression]) -> list[tuple[str, Node]]:
    return [pair for item in node.right for pair in texts(item, known)]
