"""What every node of the syntax tree has in common.

Nodes are frozen data. Two trees are equal when they mean the same text: spans do not count, so `parse(format(tree)) == tree`
can be tested with `==`. Comparing and hashing are written once, here: without recursion, as a chain of ten thousand `or` is
a tree as deep, and not generated for each class, which would take most of the time that `import` takes. The parser keeps no
parentheses; the formatter puts them where precedence needs them.

Naming: expressions have no suffix, every tabular operator ends in `Op`, every statement in `Statement`.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, field, fields
from typing import Any, TypeVar, dataclass_transform

from lurcher.kql.records import record
from lurcher.kql.source import NOWHERE, Span

AnyClass = TypeVar("AnyClass")


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def node(cls: type[AnyClass]) -> type[AnyClass]:
    """Declare a class of nodes: a dataclass with slots. That it is frozen is for the type checker to see: to generate what
    forbids it in each class takes two thirds of the time that `import` takes, and makes every node slower to build."""
    return record(cls)


@node
class Node:
    """A node, with the half-open range of text that it was read from (`NOWHERE` for nodes that a rewrite made)."""

    _: KW_ONLY
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Node):
            return NotImplemented
        pending: list[tuple[Any, Any]] = [(self, other)]
        while pending:
            left, right = pending.pop()
            if left is right:
                continue
            if type(left) is not type(right):
                return False
            if isinstance(left, Node):
                pending.extend((getattr(left, name), getattr(right, name)) for name in meaning_fields(type(left)))
            elif type(left) is tuple:
                if len(left) != len(right):
                    return False
                pending.extend(zip(left, right, strict=True))
            # Of a dynamic value the order counts, and 1 is not true.
            elif left != right or (isinstance(left, list | dict) and repr(left) != repr(right)):
                return False
        return True

    def __hash__(self) -> int:
        parts: list[Any] = []
        pending: list[Any] = [self]
        while pending:
            value = pending.pop()
            if isinstance(value, Node):
                parts.append(type(value).__name__)
                pending.extend(getattr(value, name) for name in meaning_fields(type(value)))
            elif type(value) is tuple:
                parts.append(len(value))
                pending.extend(value)
            else:
                parts.append(repr(value) if isinstance(value, list | dict) else value)
        return hash(tuple(parts))

    def __repr__(self) -> str:
        shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
        return f"{type(self).__name__}({shown})"


_MEANING: dict[type[Node], tuple[str, ...]] = {}


def meaning_fields(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a node class that count when two nodes are compared: all but where and how it was written."""
    names = _MEANING.get(kind)
    if names is None:
        _MEANING[kind] = names = tuple(f.name for f in fields(kind) if f.compare)
    return names


@node
class Name(Node):
    """A name as it is declared or referred to, without its brackets and quotes. `pattern` is set where the text holds
    wildcards that count (`project-away Device*`); a bracketed `['Device*']` is a plain name."""

    text: str
    pattern: bool = False


@node
class Expression(Node):
    """Anything that has a value, scalar or tabular."""


@node
class Operator(Node):
    """A tabular operator: what stands between two pipes."""


@node
class Statement(Node):
    """What stands between two semicolons."""


@node
class Parameter(Node):
    """A `name=value` in front of an operator's operands: `kind=inner`, `hint.strategy=shuffle`, `withsource=T`.

    A bare word as value (`inner`) is a `NameRef`."""

    name: str
    value: Expression
