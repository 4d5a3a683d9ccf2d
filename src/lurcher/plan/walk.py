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


#: class -> the names of those fields that may hold plans or expressions. Looked up for every node of every plan.
_PARTS: dict[type[Any], tuple[str, ...]] = {n.Col: (), n.Lit: (), n.Outer: ()}
#: What hides no plan; most of what a node has is of these.
_PLAIN = (str, n.Col, n.Lit)
_HOLDERS = (n.Expr, n.SortKey, n.ExpandItem)


def parts(kind: type[Any]) -> tuple[str, ...]:
    """The names of the fields of a class of nodes that may hold plans or expressions."""
    found = _PARTS.get(kind)
    if found is None:
        found = _PARTS[kind] = tuple(f.name for f in fields(kind) if f.name not in _FLAT)
    return found


def _within(value: Any, found: list[n.Plan]) -> None:
    if isinstance(value, n.Plan):
        found.append(value)
    elif isinstance(value, tuple):
        for item in value:
            if item.__class__ not in _PLAIN:
                _within(item, found)
    elif isinstance(value, _HOLDERS):
        for part in parts(value.__class__):
            _within(getattr(value, part), found)


def inputs(plan: n.Plan) -> list[n.Plan]:
    """The plans right inside of a plan, those of its expressions' subqueries among them."""
    found: list[n.Plan] = []
    for part in parts(plan.__class__):
        _within(getattr(plan, part), found)
    return found


def walk(plan: n.Plan) -> Iterator[n.Plan]:
    """The plan and all in it, each object once: a shared one is looked into where it is met first."""
    seen: set[int] = set()
    stack = [plan]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(reversed(inputs(node)))


def scanned_tables(plan: n.Plan) -> tuple[str, ...]:
    """The tables that a plan asks for, each once, in the order in which it names them."""
    return tuple(dict.fromkeys(node.table for node in walk(plan) if isinstance(node, n.Scan) and not node.aside))
