"""Statements, and the whole of a query text."""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.kql.syntax.base import Expression, Name, Node, Parameter, Statement
from lurcher.kql.syntax.expressions import FunctionParam, Literal


@dataclass(frozen=True, slots=True)
class LetStatement(Statement):
    """`let name = value`: a scalar, a tabular expression or a `Function`."""

    name: Name
    value: Expression


@dataclass(frozen=True, slots=True)
class QueryStatement(Statement):
    """An expression that is a result."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class SetStatement(Statement):
    """`set option = value`, or `set option`."""

    name: Name
    value: Expression | None = None


@dataclass(frozen=True, slots=True)
class ParametersStatement(Statement):
    """`declare query_parameters(name:type = default, ...)`."""

    params: tuple[FunctionParam, ...]


@dataclass(frozen=True, slots=True)
class AliasStatement(Statement):
    """`alias database name = cluster(...).database(...)`."""

    name: Name
    value: Expression


@dataclass(frozen=True, slots=True)
class RestrictStatement(Statement):
    """`restrict access to (table, ...) with (name=value)`."""

    targets: tuple[Expression, ...]
    properties: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class PatternCase(Node):
    """`("a", "b").["path"] = { body }` of a pattern."""

    values: tuple[Literal, ...]
    path: Expression | None
    body: Expression


@dataclass(frozen=True, slots=True)
class PatternStatement(Statement):
    """`declare pattern name = (params)[path] { cases }`; without cases it only names the pattern."""

    name: Name
    params: tuple[FunctionParam, ...] = ()
    path: FunctionParam | None = None
    cases: tuple[PatternCase, ...] = ()


@dataclass(frozen=True, slots=True)
class Script(Node):
    """A whole query text: its statements in order. It has one result for each `QueryStatement`."""

    statements: tuple[Statement, ...]
