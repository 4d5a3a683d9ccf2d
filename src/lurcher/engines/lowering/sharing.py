"""Which plans a statement uses more than once: the same object in several places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from lurcher.plan import nodes as n

#: Not worth a name of their own.
_TRIVIAL = (n.Scan, n.Supplied, n.Values, n.Range, n.Elements)


#: class -> the names of those fields that may hold plans. Looked up for every node of every plan.
_FIELDS: dict[type, tuple[str, ...]] = {n.Col: (), n.Lit: (), n.Outer: ()}
_HOLDERS = (n.Expr, n.SortKey, n.ExpandItem)
_NODES = (n.Plan, *_HOLDERS)
_NO_PLANS = frozenset(("type", "span", "function", "value", "columns"))


def _names(kind: type) -> tuple[str, ...]:
    found = _FIELDS.get(kind)
    if found is None:
        found = _FIELDS[kind] = tuple(f.name for f in fields(kind) if f.name not in _NO_PLANS)
    return found


def plans_in(value: Any) -> Iterator[n.Plan]:
    """The plans right inside of a node, those of its expressions' subqueries among them."""
    if isinstance(value, n.Plan):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            if item.__class__ is not str and item.__class__ is not n.Col:
                yield from plans_in(item)
    elif isinstance(value, _HOLDERS):
        for name in _names(value.__class__):
            yield from plans_in(getattr(value, name))


def children(plan: n.Plan) -> Iterator[n.Plan]:
    for name in _names(plan.__class__):
        yield from plans_in(getattr(plan, name))


def count_uses(plan: n.Plan) -> dict[int, int]:
    """id(plan) -> in how many places it stands, for those that are worth sharing. A plan is looked into once: what stands in it
    is used by it, however often it is used itself."""
    counts: dict[int, int] = {}
    stack = [plan]
    while stack:
        node = stack.pop()
        counts[id(node)] = counts.get(id(node), 0) + (not isinstance(node, _TRIVIAL))
        if counts[id(node)] <= 1:
            stack.extend(children(node))
    return counts


def calls(plan: n.Plan, name: str) -> bool:
    """Whether a function is called anywhere in a plan."""
    stack: list[Any] = [plan]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack.extend(node)
        elif isinstance(node, _NODES) and node.__class__ is not n.Col and id(node) not in seen:
            seen.add(id(node))
            if isinstance(node, n.Call) and node.function.name == name:
                return True
            stack.extend(getattr(node, field) for field in _names(node.__class__))
    return False
