"""Looking into a SQL tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from lurcher.sql import tree as t

#: An argument of at most so many nodes is repeated rather than bound: the engine finds common subexpressions itself, and
#: `CASE WHEN x IS NULL THEN ... x ...` reads better than a variable.
_SMALL = 4
_VOLATILE = re.compile(r"\b(?:random|uuid|gen_random_uuid|uuidv4|uuidv7|nextval)\(")


def _within(value: Any) -> Iterator[t.SqlExpr]:
    if isinstance(value, t.SqlExpr):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _within(item)
    elif isinstance(value, t.Slot | t.OrderSlot | t.OverSlot | t.OrderKey | t.Over):
        for part in fields(value):
            yield from _within(getattr(value, part.name))


def children(node: t.SqlExpr) -> Iterator[t.SqlExpr]:
    """The operands of an expression; a subquery inside it is not looked into."""
    for part in fields(node):
        yield from _within(getattr(node, part.name))


def walk(node: t.SqlExpr) -> Iterator[t.SqlExpr]:
    """The expression and all within it, without its subqueries."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(children(top))


def size(node: t.SqlExpr, limit: int = 1_000_000) -> int:
    """How many nodes there are, counted up to the limit."""
    count = 0
    for _ in walk(node):
        count += 1
        if count >= limit:
            break
    return count


def is_volatile(node: t.SqlExpr) -> bool:
    """Whether evaluating it twice may give two answers."""
    for part in walk(node):
        if isinstance(part, t.Call) and _VOLATILE.match(f"{part.name}("):
            return True
        if isinstance(part, t.Fragment) and any(isinstance(p, str) and _VOLATILE.search(p) for p in part.parts):
            return True
    return False


def is_small(node: t.SqlExpr) -> bool:
    """Whether writing it twice is better than binding it once."""
    if isinstance(node, t.Ident | t.Literal):
        return True
    has_query = any(isinstance(n, t.Subquery | t.InSelect | t.Exists | t.Let) for n in walk(node))
    return size(node, _SMALL + 1) <= _SMALL and not has_query and not is_volatile(node)


def has_query(node: t.SqlExpr) -> bool:
    return any(isinstance(n, t.Subquery | t.InSelect | t.Exists) for n in walk(node))


def free_names(node: t.SqlExpr) -> set[str]:
    """Names of bound variables (`..__`: of lambdas and lets) that an expression uses and does not bind itself."""
    match node:
        case t.Ident(name, ""):
            return {name} if name.endswith("__") else set()
        case t.Lambda(params, body):
            return free_names(body) - set(params)
        case t.Let(name, value, body):
            return free_names(value) | (free_names(body) - {name})
    result: set[str] = set()
    for child in children(node):
        result |= free_names(child)
    return result


def rewrite(node: t.SqlExpr, change: Callable[[t.SqlExpr], t.SqlExpr | None]) -> t.SqlExpr:
    """The expression with `change` applied from the outside in: what it gives replaces a node whole, None goes on inside.
    Subqueries are left alone."""
    changed = change(node)
    if changed is not None:
        return changed
    result: t.SqlExpr = _rebuild(node, change)
    return result


def _rebuild(node: Any, change: Callable[[t.SqlExpr], t.SqlExpr | None]) -> Any:
    updates = {}
    for part in fields(node):
        old = getattr(node, part.name)
        new = _change_value(old, change)
        if new is not old:
            updates[part.name] = new
    return replace(node, **updates) if updates else node


def _change_value(value: Any, change: Callable[[t.SqlExpr], t.SqlExpr | None]) -> Any:
    if isinstance(value, t.SqlExpr):
        return rewrite(value, change)
    if isinstance(value, tuple):
        new = tuple(_change_value(v, change) for v in value)
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    if isinstance(value, t.SqlQuery) or not is_dataclass(value):
        return value
    return _rebuild(value, change)
