"""Walking through syntax trees and rebuilding them. Trees may be deep (ten thousand `or` in a row), so nothing recurses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, TypeVar

from lurcher.kql.syntax import Binary, DynamicLiteral, Expression, Literal, Node

AnyNode = TypeVar("AnyNode", bound=Node)


_CHILDREN: dict[type[Node], tuple[str, ...]] = {}
#: Fields of data that is not to be looked into: a dynamic value may be long.
_PLAIN = frozenset(("span", "raw", "text", "op", "pattern", "hidden"))


def child_fields(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a node class that may hold nodes, in the order declared."""
    names = _CHILDREN.get(kind)
    if names is None:
        names = () if kind in (Literal, DynamicLiteral) else tuple(f.name for f in fields(kind) if f.name not in _PLAIN)
        _CHILDREN[kind] = names
    return names


def children(node: Node) -> Iterator[Node]:
    """A node's direct children, in the order of their fields."""
    for name in child_fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif type(value) is tuple:
            yield from _in_tuple(value)


def _in_tuple(items: tuple[Any, ...]) -> Iterator[Node]:
    for item in items:
        if isinstance(item, Node):
            yield item
        elif type(item) is tuple:  # graph patterns, properties of externaldata
            yield from _in_tuple(item)


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, each before its children, from left to right."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(list(children(current))))


def transform(node: AnyNode, change: Callable[[Node], Node]) -> AnyNode:
    """The tree rebuilt from below: every node is given to `change`, its children changed before it.

    What is not changed is shared, not copied; spans stay. `change` must give back a node that may stand in the same place."""
    done: dict[int, Node] = {}
    pending: list[tuple[Node, bool]] = [(node, False)]
    while pending:
        current, ready = pending.pop()
        if not ready:
            pending.append((current, True))
            pending.extend((child, False) for child in children(current))
            continue
        done[id(current)] = change(_rebuilt(current, done))
    return done[id(node)]  # type: ignore[return-value]


def _rebuilt(node: Node, done: dict[int, Node]) -> Node:
    changes: dict[str, Any] = {}
    for name in child_fields(type(node)):
        value = getattr(node, name)
        new = _replaced(value, done)
        if new is not value:
            changes[name] = new
    if not changes:
        return node
    kept = {f.name: getattr(node, f.name) for f in fields(node)}
    return type(node)(**{**kept, **changes})


def _replaced(value: Any, done: dict[int, Node]) -> Any:
    if isinstance(value, Node):
        return done.get(id(value), value)
    if type(value) is tuple:
        new = tuple(_replaced(item, done) for item in value)
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    return value


def operands(node: Expression, op: str) -> list[Expression]:
    """What a chain of one operator combines, from left to right: `a or b or c` -> [a, b, c]; [node] where it is no chain."""
    found: list[Expression] = []
    while isinstance(node, Binary) and node.op == op:
        found.append(node.right)
        node = node.left
    found.append(node)
    found.reverse()
    return found


def combine(op: str, items: list[Expression]) -> Expression:
    """The chain of one operator over one or more expressions: the inverse of `operands`."""
    node = items[0]
    for item in items[1:]:
        node = Binary(op, node, item)
    return node
