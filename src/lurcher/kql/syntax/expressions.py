"""Scalar and tabular expressions."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from lurcher.kql.syntax.base import Expression, Name, Node, Operator, Parameter, Statement, node
from lurcher.kql.types import ScalarType


@node
class Literal(Expression):
    """A constant of one scalar type.

    `value` is None for a null (`int(null)`), else: bool; int; float (real, also nan and inf); decimal.Decimal; str; an int of
    100 ns ticks for a timespan; an int of 100 ns ticks since 0001-01-01 for a datetime; uuid.UUID for a guid. Adjacent string
    literals are one. `raw` is the text as written, which the formatter keeps; `hidden` marks `h'...'`.
    """

    type: ScalarType
    value: Any
    raw: str = field(default="", compare=False)
    hidden: bool = False


@node
class DynamicLiteral(Expression):
    """`dynamic(...)`: `value` is None, bool, int, float, str, list or dict (in the order written), nested; timespans are
    their ticks, datetimes their ISO text, as the service keeps them."""

    value: Any
    raw: str = field(default="", compare=False)


@node
class TypeOf(Expression):
    """`typeof(string)`, or of a schema: `typeof(a:string, b:long)` and `typeof(*)`, each a column declaration."""

    type: ScalarType | None
    columns: tuple[ColumnDecl, ...] = ()
    star: bool = False


@node
class ColumnDecl(Node):
    """`name:type`."""

    name: Name
    type: ScalarType


@node
class NameRef(Expression):
    """A column, variable, table, or a bare word where one is expected. A wildcard name has `name.pattern` set."""

    name: Name


@node
class Star(Expression):
    """`*` where every column is meant: `arg_max(t, *)`, `* has 'x'`, `project-reorder a, *`."""


@node
class Path(Expression):
    """`base.member`: a property of a dynamic, `$left.x`, `database('d').T`. The member is a name (`d.a`, `d.['a b']`,
    `d.$type`) or a call (`cluster('c').database('d')`)."""

    base: Expression
    member: NameRef | Call


@node
class Index(Expression):
    """`base[index]`: an element of an array or a property of a bag."""

    base: Expression
    index: Expression


@node
class Call(Expression):
    """`name(arguments)`. An argument may be a `Named`, a `Star`, or a whole `Pipe` (`toscalar(T | count)`,
    `materialize(...)`)."""

    name: Name
    arguments: tuple[Expression, ...] = ()
    #: Only of `toscalar kind=nooptimization (...)`.
    parameters: tuple[Parameter, ...] = ()


@node
class Named(Expression):
    """`name = expression` in a list of columns, groups, aggregates or arguments; `(a, b) = expression` has several names
    (and is written with parentheses even for one where `listed` is set)."""

    names: tuple[Name, ...]
    expression: Expression
    listed: bool = False


@node
class Unary(Expression):
    """`-x` and `+x`. `not` is a function."""

    op: str
    operand: Expression


@node
class Binary(Expression):
    """`left op right`. `op` is KQL's own spelling, lower case: `and or == != < <= > >= + - * / % =~ !~ has !has has_cs
    !has_cs hasprefix ... contains ... startswith ... endswith ... matches regex`, and `<>` is written `!=`. In
    `search` and `find`, `column:term` is op `:`."""

    op: str
    left: Expression
    right: Expression


@node
class In(Expression):
    """`left op (right, ...)` with op one of `in !in in~ !in~ has_any has_all`. A tabular expression is the only one in its
    list."""

    op: str
    left: Expression
    right: tuple[Expression, ...]


@node
class Between(Expression):
    """`left between (low .. high)`, `!between` where negated."""

    negated: bool
    left: Expression
    low: Expression
    high: Expression


@node
class Pipe(Expression):
    """A tabular expression with its operators. `source` is None where the first operator brings its own rows (`print`,
    `range`, `union`, `search`, `find`, `evaluate`). A table with no operator is no Pipe but a `NameRef`."""

    source: Expression | None
    operators: tuple[Operator, ...]


@node
class DataTable(Expression):
    """`datatable(a:string, b:long) [ ... ]`, values row by row in one list."""

    columns: tuple[ColumnDecl, ...]
    values: tuple[Expression, ...]


@node
class ExternalData(Expression):
    """`externaldata(a:string) [ 'url', ... ] with (format='csv', ...)`."""

    columns: tuple[ColumnDecl, ...]
    urls: tuple[Expression, ...]
    properties: tuple[tuple[str, Expression], ...] = ()


@node
class EntityGroup(Expression):
    """`entity_group [cluster('a').database('b'), ...]`."""

    members: tuple[Expression, ...]


@node
class Broken(Expression):
    """What the parser could not read, having said so in a diagnostic. No tree with errors is bound."""


@node
class Ordered(Node):
    """`expression asc|desc nulls first|last`; None where not written (`sort` takes desc)."""

    expression: Expression
    descending: bool | None = None
    nulls_first: bool | None = None


@node
class TabularType(Node):
    """The type of a tabular parameter: `(a:string, b:long)`, or `(*)` where `star` is set."""

    columns: tuple[ColumnDecl, ...]
    star: bool = False


@node
class FunctionParam(Node):
    """`name:type` or `name:type=default` of a function; `name:(*)` is tabular."""

    name: Name
    type: ScalarType | TabularType
    default: Expression | None = None


@node
class Function(Expression):
    """`(params) { statements; expression }`, also `view () {...}`. Stands on the right of a `let`."""

    params: tuple[FunctionParam, ...]
    statements: tuple[Statement, ...]
    body: Expression | None
    view: bool = False
