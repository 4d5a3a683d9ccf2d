"""Mappings that stand in no file, made of values that do."""

from __future__ import annotations

from collections.abc import Sequence

from lurcher.content.yamltree import Node
from lurcher.kql.source import Span


def mapping(like: Node) -> Node:
    """An empty one in the place of another."""
    return Node("mapping", Span(like.span.start, like.span.start + 1))


def text(value: str, like: Node) -> Node:
    return Node("scalar", like.span, value, "!")


def listed(items: Sequence[Node], like: Node) -> Node:
    return Node("sequence", like.span, items=list(items))


def put(into: Node, key: str | Node, value: Node) -> None:
    """A key and its value; a key that is there already keeps its first value."""
    name = Node("scalar", value.span, key, "!") if isinstance(key, str) else key
    if name.value not in into.names:
        into.names.add(name.value)
        into.pairs.append((name, value))


def value(node: Node | None) -> str:
    """A scalar's text; "" for anything else."""
    return node.value if node is not None and node.kind == "scalar" and not node.is_null else ""
