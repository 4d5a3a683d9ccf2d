"""Looking into a SQL tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from lurcher.sql import tree as t

#: An argument of at most so many nodes is repeated rather than bound: the engine finds common subexpressions itself, and
#: `CASE WHEN x IS NULL THEN ... x ...` reads better than a variable.
_SMALL = 4
_QUERIES = (t.Subquery, t.InSelect, t.Exists)
_VOLATILE = re.compile(r"\b(?:random|uuid|gen_random_uuid|uuidv4|uuidv7|nextval)\(")


#: What is no expression and holds some.
_PARTS = (t.Slot, t.OrderSlot, t.OverSlot, t.OrderKey, t.Over)
#: class -> the names of its fields: of those that may hold expressions. Looked up for every node of every statement.
_FIELDS: dict[type, tuple[str, ...]] = {t.Ident: (), t.Literal: (), t.Star: ()}


def _names(kind: type) -> tuple[str, ...]:
    found = _FIELDS.get(kind)
    if found is None:
        found = _FIELDS[kind] = tuple(f.name for f in fields(kind))
    return found


def _collect(value: Any, found: list[t.SqlExpr]) -> None:
    if isinstance(value, t.SqlExpr):
        found.append(value)
    elif value.__class__ is tuple:
        for item in value:
            _collect(item, found)
    elif isinstance(value, _PARTS):
        for name in _names(value.__class__):
            _collect(getattr(value, name), found)


def children(node: t.SqlExpr) -> list[t.SqlExpr]:
    """The operands of an expression; a subquery inside it is not looked into."""
    found: list[t.SqlExpr] = []
    for name in _names(node.__class__):
        _collect(getattr(node, name), found)
    return found


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
    if size(node, _SMALL + 1) > _SMALL:
        return False
    return not any(isinstance(n, (*_QUERIES, t.Let)) for n in walk(node)) and not is_volatile(node)


def is_constant(node: t.SqlExpr) -> bool:
    """Whether it is the same for every row, as far as that can be seen: of literals, without any call. `count(*)` and `sum(1)`
    name no column either, and are none."""
    return all(isinstance(n, (t.Literal, t.Cast, t.Case, t.Op)) for n in walk(node))


def has_query(node: t.SqlExpr) -> bool:
    return any(isinstance(n, _QUERIES) for n in walk(node))


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
    for name in _names(node.__class__):
        old = getattr(node, name)
        new = _change_value(old, change)
        if new is not old:
            updates[name] = new
    return replace(node, **updates) if updates else node


def _change_value(value: Any, change: Callable[[t.SqlExpr], t.SqlExpr | None]) -> Any:
    if isinstance(value, t.SqlExpr):
        return rewrite(value, change)
    if isinstance(value, tuple):
        new = tuple(_change_value(v, change) for v in value)
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return _rebuild(value, change) if isinstance(value, _PARTS) else value
