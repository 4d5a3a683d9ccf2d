"""A small tree of SQL: what the lowering builds and the printer writes.

Nodes are frozen data and know nothing of KQL. Names and values are kept as they are; quoting, escaping and parentheses are the
printer's alone. Types are spelled as DuckDB spells them (`BIGINT`, `DECIMAL(38, 18)`); a dialect maps them to its own.
"""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal
from typing import Literal as OneOf

from lurcher.sql.node import node

#: What a literal may hold. None is NULL; text with a type is printed as that type's literal (`TIMESTAMP '...'`).
Value = bool | int | float | Decimal | str | None


@node
class SqlExpr:
    """A scalar SQL expression."""


@node
class Ident(SqlExpr):
    """A column, qualified by a table alias where that is not empty."""

    name: str
    table: str = ""


@node
class Literal(SqlExpr):
    """A constant. With a `type` it is printed so that it has exactly that type; without, as the engine reads it."""

    value: Value
    type: str = ""


@node
class Op(SqlExpr):
    """An infix, prefix (`NOT`, `-`) or postfix (`IS NULL`, `IS NOT NULL`) operator. `AND`, `OR` and `||` take any number."""

    op: str
    args: tuple[SqlExpr, ...]


@node
class OrderKey:
    expr: SqlExpr
    descending: bool = False
    nulls_first: bool = False


@node
class Over:
    """What stands in OVER (...)."""

    partition: tuple[SqlExpr, ...] = ()
    order: tuple[OrderKey, ...] = ()
    frame: str = ""


@node
class Call(SqlExpr):
    """`name(args)`, an aggregate with its ORDER BY and FILTER, a window function with its OVER."""

    name: str
    args: tuple[SqlExpr, ...] = ()
    distinct: bool = False
    order: tuple[OrderKey, ...] = ()
    filter: SqlExpr | None = None
    over: Over | None = None


@node
class Star(SqlExpr):
    """`*`, as in `count(*)`."""


@node
class Cast(SqlExpr):
    expr: SqlExpr
    type: str
    safe: bool = False  # TRY_CAST: null instead of an error


@node
class Case(SqlExpr):
    whens: tuple[tuple[SqlExpr, SqlExpr], ...]
    otherwise: SqlExpr | None = None


@node
class Lambda(SqlExpr):
    """Parameter names end in `__`: no column of a relation does, so that no argument is captured."""

    params: tuple[str, ...]
    body: SqlExpr


@node
class InValues(SqlExpr):
    expr: SqlExpr
    values: tuple[SqlExpr, ...]
    negated: bool = False


@node
class InSelect(SqlExpr):
    expr: SqlExpr
    query: SqlQuery
    negated: bool = False


@node
class Subquery(SqlExpr):
    """A scalar subquery."""

    query: SqlQuery


@node
class Exists(SqlExpr):
    query: SqlQuery
    negated: bool = False


@node
class ListOf(SqlExpr):
    """`[a, b]`."""

    items: tuple[SqlExpr, ...]


@node
class Struct(SqlExpr):
    """A struct value with named fields."""

    fields: tuple[tuple[str, SqlExpr], ...]


@node
class Field(SqlExpr):
    """`expr.name`: a field of a struct."""

    expr: SqlExpr
    name: str


@node
class Slot:
    """An operand inside a fragment; `bare` where it stands alone between brackets, commas or keywords."""

    expr: SqlExpr
    bare: bool


@node
class OrderSlot:
    """Inside an aggregate's fragment: ORDER BY with these keys, or nothing."""

    keys: tuple[OrderKey, ...]


@node
class OverSlot:
    """Inside a window function's fragment: the OVER clause, with `frame` in place of the window's own where it is given."""

    over: Over
    frame: str = ""


@node
class Fragment(SqlExpr):
    """SQL text of a template (the project's own, never a user's) with operands in it."""

    parts: tuple[str | Slot | OrderSlot | OverSlot, ...]
    atomic: bool


@node
class Let(SqlExpr):
    """`body` with `Ident(name)` standing for `value`, computed once. The name ends in `__`. The lowering hoists it into an
    inner projection where it can; elsewhere the printer writes it as a lambda over a list of one."""

    name: str
    value: SqlExpr
    body: SqlExpr


# --- queries -------------------------------------------------------------------------------------------------------------
@node
class SqlQuery:
    """Something that gives rows."""


@node
class FromItem:
    """Something that stands in FROM."""


@node
class Table(FromItem):
    """A table, view or CTE by name."""

    name: str
    alias: str = ""
    #: Columns beside which their text stands, in a column of its own.
    texts: frozenset[str] = frozenset()


@node
class FunctionFrom(FromItem):
    """A table function; `lateral` where its arguments are columns of what stands left of it."""

    call: SqlExpr
    alias: str
    columns: tuple[str, ...] = ()
    lateral: bool = False


@node
class QueryFrom(FromItem):
    query: SqlQuery
    alias: str = ""
    columns: tuple[str, ...] = ()
    lateral: bool = False


JoinKind = OneOf["INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI", "CROSS", "ASOF LEFT"]


@node
class JoinFrom(FromItem):
    kind: JoinKind
    left: FromItem
    right: FromItem
    on: SqlExpr | None = None


@node
class SelectItem:
    expr: SqlExpr
    alias: str = ""


@node
class Select(SqlQuery):
    items: tuple[SelectItem, ...]
    source: FromItem | None = None
    where: SqlExpr | None = None
    group: tuple[SqlExpr, ...] = ()
    having: SqlExpr | None = None
    qualify: SqlExpr | None = None
    order: tuple[OrderKey, ...] = ()
    limit: SqlExpr | None = None
    distinct: bool = False


@node
class ValuesQuery(SqlQuery):
    """`VALUES (..), (..)`; at least one row."""

    rows: tuple[tuple[SqlExpr, ...], ...]


@node
class SetOp(SqlQuery):
    """`UNION ALL`, `UNION`, `INTERSECT` or `EXCEPT` of two or more queries."""

    op: str
    inputs: tuple[SqlQuery, ...]


@node
class Cte:
    name: str
    query: SqlQuery
    #: None leaves it to the engine whether the CTE is computed once or inlined.
    materialized: bool | None = None


@node
class With(SqlQuery):
    ctes: tuple[Cte, ...]
    body: SqlQuery
    recursive: bool = field(default=False)


NULL = Literal(None)
TRUE = Literal(True)
FALSE = Literal(False)
EMPTY = Literal("")


def call(name: str, *args: SqlExpr) -> Call:
    """A plain call."""
    return Call(name, args)


def conjunction(parts: list[SqlExpr]) -> SqlExpr | None:
    """The parts joined by AND; None where there is none."""
    flat = [a for p in parts for a in (p.args if isinstance(p, Op) and p.op == "AND" else (p,))]
    return None if not flat else flat[0] if len(flat) == 1 else Op("AND", tuple(flat))
