"""Statements, and the whole of a query text."""

from __future__ import annotations

from lurcher.kql.syntax.base import Expression, Name, Node, Parameter, Statement, node
from lurcher.kql.syntax.expressions import FunctionParam, Literal


@node
class LetStatement(Statement):
    """`let name = value`: a scalar, a tabular expression or a `Function`."""

    name: Name
    value: Expression


@node
class QueryStatement(Statement):
    """An expression that is a result."""

    expression: Expression


@node
class SetStatement(Statement):
    """`set option = value`, or `set option`."""

    name: Name
    value: Expression | None = None


@node
class ParametersStatement(Statement):
    """`declare query_parameters(name:type = default, ...)`."""

    params: tuple[FunctionParam, ...]


@node
class AliasStatement(Statement):
    """`alias database name = cluster(...).database(...)`."""

    name: Name
    value: Expression


@node
class RestrictStatement(Statement):
    """`restrict access to (table, ...) with (name=value)`."""

    targets: tuple[Expression, ...]
    properties: tuple[Parameter, ...] = ()


@node
class PatternCase(Node):
    """`("a", "b").["path"] = { body }` of a pattern."""

    values: tuple[Literal, ...]
    path: Expression | None
    body: Expression


@node
class PatternStatement(Statement):
    """`declare pattern name = (params)[path] { cases }`; without cases it only names the pattern."""

    name: Name
    params: tuple[FunctionParam, ...] = ()
    path: FunctionParam | None = None
    cases: tuple[PatternCase, ...] = ()


@node
class Script(Node):
    """A whole query text: its statements in order. It has one result for each `QueryStatement`."""

    statements: tuple[Statement, ...]
