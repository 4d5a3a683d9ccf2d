"""Looking into a plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from lurcher.plan import nodes as n

#: Fields that hold no plan and no expression.
_FLAT = frozenset(
    {"columns", "span", "type", "function", "value", "name", "table", "aside", "what", "names", "options"}
)


_PARTS: dict[type[Any], tuple[str, ...]] = {}


def _parts(kind: type[Any]) -> tuple[str, ...]:
    found = _PARTS.get(kind)
    if found is None:
        found = _PARTS[kind] = tuple(f.name for f in fields(kind) if f.name not in _FLAT)
    return found


def _within(value: Any) -> Iterator[n.Plan]:
    if isinstance(value, n.Plan):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _within(item)
    elif isinstance(value, n.Expr | n.SortKey | n.ExpandItem):
        for part in _parts(type(value)):
            yield from _within(getattr(value, part))


def inputs(plan: n.Plan) -> Iterator[n.Plan]:
    """The plans right inside of a plan, those of its expressions' subqueries among them."""
    for part in _parts(type(plan)):
        yield from _within(getattr(plan, part))


def walk(plan: n.Plan) -> Iterator[n.Plan]:
    """The plan and all in it, each object once: a shared one is looked into where it is met first."""
    seen: set[int] = set()
    stack = [plan]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(reversed(list(inputs(node))))


def scanned_tables(plan: n.Plan) -> tuple[str, ...]:
    """The tables that a plan asks for, each once, in the order in which it names them."""
    return tuple(dict.fromkeys(node.table for node in walk(plan) if isinstance(node, n.Scan) and not node.aside))
