"""A small tree of SQL: what the lowering builds and the printer writes.

Nodes are frozen data and know nothing of KQL. Names and values are kept as they are; quoting, escaping and parentheses are the
printer's alone. Types are spelled as DuckDB spells them (`BIGINT`, `DECIMAL(38, 18)`); a dialect maps them to its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal as OneOf

#: What a literal may hold. None is NULL; text with a type is printed as that type's literal (`TIMESTAMP '...'`).
Value = bool | int | float | Decimal | str | None


@dataclass(frozen=True, slots=True)
class SqlExpr:
    """A scalar SQL expression."""


@dataclass(frozen=True, slots=True)
class Ident(SqlExpr):
    """A column, qualified by a table alias where that is not empty."""

    name: str
    table: str = ""


@dataclass(frozen=True, slots=True)
class Literal(SqlExpr):
    """A constant. With a `type` it is printed so that it has exactly that type; without, as the engine reads it."""

    value: Value
    type: str = ""


@dataclass(frozen=True, slots=True)
class Op(SqlExpr):
    """An infix, prefix (`NOT`, `-`) or postfix (`IS NULL`, `IS NOT NULL`) operator. `AND`, `OR` and `||` take any number."""

    op: str
    args: tuple[SqlExpr, ...]


@dataclass(frozen=True, slots=True)
class OrderKey:
    expr: SqlExpr
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class Over:
    """What stands in OVER (...)."""

    partition: tuple[SqlExpr, ...] = ()
    order: tuple[OrderKey, ...] = ()
    frame: str = ""


@dataclass(frozen=True, slots=True)
class Call(SqlExpr):
    """`name(args)`, an aggregate with its ORDER BY and FILTER, a window function with its OVER."""

    name: str
    args: tuple[SqlExpr, ...] = ()
    distinct: bool = False
    order: tuple[OrderKey, ...] = ()
    filter: SqlExpr | None = None
    over: Over | None = None


@dataclass(frozen=True, slots=True)
class Star(SqlExpr):
    """`*`, as in `count(*)`."""


@dataclass(frozen=True, slots=True)
class Cast(SqlExpr):
    expr: SqlExpr
    type: str
    safe: bool = False  # TRY_CAST: null instead of an error


@dataclass(frozen=True, slots=True)
class Case(SqlExpr):
    whens: tuple[tuple[SqlExpr, SqlExpr], ...]
    otherwise: SqlExpr | None = None


@dataclass(frozen=True, slots=True)
class Lambda(SqlExpr):
    """Parameter names end in `__`: no column of a relation does, so that no argument is captured."""

    params: tuple[str, ...]
    body: SqlExpr


@dataclass(frozen=True, slots=True)
class InValues(SqlExpr):
    expr: SqlExpr
    values: tuple[SqlExpr, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class InSelect(SqlExpr):
    expr: SqlExpr
    query: SqlQuery
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Subquery(SqlExpr):
    """A scalar subquery."""

    query: SqlQuery


@dataclass(frozen=True, slots=True)
class Exists(SqlExpr):
    query: SqlQuery
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ListOf(SqlExpr):
    """`[a, b]`."""

    items: tuple[SqlExpr, ...]


@dataclass(frozen=True, slots=True)
class Struct(SqlExpr):
    """A struct value with named fields."""

    fields: tuple[tuple[str, SqlExpr], ...]


@dataclass(frozen=True, slots=True)
class Field(SqlExpr):
    """`expr.name`: a field of a struct."""

    expr: SqlExpr
    name: str


@dataclass(frozen=True, slots=True)
class Slot:
    """An operand inside a fragment; `bare` where it stands alone between brackets, commas or keywords."""

    expr: SqlExpr
    bare: bool


@dataclass(frozen=True, slots=True)
class OrderSlot:
    """Inside an aggregate's fragment: ORDER BY with these keys, or nothing."""

    keys: tuple[OrderKey, ...]


@dataclass(frozen=True, slots=True)
class OverSlot:
    """Inside a window function's fragment: the OVER clause, with `frame` in place of the window's own where it is given."""

    over: Over
    frame: str = ""


@dataclass(frozen=True, slots=True)
class Fragment(SqlExpr):
    """SQL text of a template (the project's own, never a user's) with operands in it."""

    parts: tuple[str | Slot | OrderSlot | OverSlot, ...]
    atomic: bool


@dataclass(frozen=True, slots=True)
class Let(SqlExpr):
    """`body` with `Ident(name)` standing for `value`, computed once. The name ends in `__`. The lowering hoists it into an
    inner projection where it can; elsewhere the printer writes it as a lambda over a list of one."""

    name: str
    value: SqlExpr
    body: SqlExpr


# --- queries -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class SqlQuery:
    """Something that gives rows."""


@dataclass(frozen=True, slots=True)
class FromItem:
    """Something that stands in FROM."""


@dataclass(frozen=True, slots=True)
class Table(FromItem):
    """A table, view or CTE by name."""

    name: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class FunctionFrom(FromItem):
    """A table function; `lateral` where its arguments are columns of what stands left of it."""

    call: SqlExpr
    alias: str
    columns: tuple[str, ...] = ()
    lateral: bool = False


@dataclass(frozen=True, slots=True)
class QueryFrom(FromItem):
    query: SqlQuery
    alias: str = ""
    columns: tuple[str, ...] = ()
    lateral: bool = False


JoinKind = OneOf["INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI", "CROSS", "ASOF LEFT"]


@dataclass(frozen=True, slots=True)
class JoinFrom(FromItem):
    kind: JoinKind
    left: FromItem
    right: FromItem
    on: SqlExpr | None = None


@dataclass(frozen=True, slots=True)
class SelectItem:
    expr: SqlExpr
    alias: str = ""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class ValuesQuery(SqlQuery):
    """`VALUES (..), (..)`; at least one row."""

    rows: tuple[tuple[SqlExpr, ...], ...]


@dataclass(frozen=True, slots=True)
class SetOp(SqlQuery):
    """`UNION ALL`, `UNION`, `INTERSECT` or `EXCEPT` of two or more queries."""

    op: str
    inputs: tuple[SqlQuery, ...]


@dataclass(frozen=True, slots=True)
class Cte:
    name: str
    query: SqlQuery
    #: None leaves it to the engine whether the CTE is computed once or inlined.
    materialized: bool | None = None


@dataclass(frozen=True, slots=True)
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
