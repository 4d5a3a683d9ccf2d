"""What every node of the syntax tree has in common.

Nodes are frozen data. Two trees are equal when they mean the same text: spans do not count, so `parse(format(tree)) == tree`
can be tested with `==`. The parser keeps no parentheses; the formatter puts them where precedence needs them.

Naming: expressions have no suffix, every tabular operator ends in `Op`, every statement in `Statement`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lurcher.kql.source import NOWHERE, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node, with the half-open range of text that it was read from (`NOWHERE` for nodes that a rewrite made)."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name as it is declared or referred to, without its brackets and quotes. `pattern` is set where the text holds
    wildcards that count (`project-away Device*`); a bracketed `['Device*']` is a plain name."""

    text: str
    pattern: bool = False


@dataclass(frozen=True, slots=True)
class Expression(Node):
    """Anything that has a value, scalar or tabular."""


@dataclass(frozen=True, slots=True)
class Operator(Node):
    """A tabular operator: what stands between two pipes."""


@dataclass(frozen=True, slots=True)
class Statement(Node):
    """What stands between two semicolons."""


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """A `name=value` in front of an operator's operands: `kind=inner`, `hint.strategy=shuffle`, `withsource=T`.

    A bare word as value (`inner`) is a `NameRef`."""

    name: str
    value: Expression
