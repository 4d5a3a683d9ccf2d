"""Which plans a statement uses more than once: the same object in several places."""

from __future__ import annotations

from typing import Any

from lurcher.plan import nodes as n
from lurcher.plan.walk import inputs, parts

#: Not worth a name of their own.
_TRIVIAL = (n.Scan, n.Supplied, n.Values, n.Range, n.Elements)


_NODES = (n.Plan, n.Expr, n.SortKey, n.ExpandItem)


def count_uses(plan: n.Plan) -> dict[int, int]:
    """id(plan) -> in how many places it stands, for those that are worth sharing. A plan is looked into once: what stands in it
    is used by it, however often it is used itself."""
    counts: dict[int, int] = {}
    stack = [plan]
    while stack:
        node = stack.pop()
        counts[id(node)] = counts.get(id(node), 0) + (not isinstance(node, _TRIVIAL))
        if counts[id(node)] <= 1:
            stack.extend(inputs(node))
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
            stack.extend(getattr(node, field) for field in parts(node.__class__))
    return False
