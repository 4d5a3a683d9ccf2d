"""The typed relational algebra that every query becomes.

Surface sugar ends here: `top`, `count`, `distinct`, `project-*`, `lookup`, `parse`, ... are made of these nodes by the binder,
and no engine ever sees an operator of the surface language. Every node says its columns, every expression its type; names
refer to the columns of the node's input, are case-sensitive and distinct within a relation. Nodes are frozen data: a `let`
table that is used twice is the same object in two places, which is how the lowering knows to compute it once.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, field
from typing import Any, Literal

from lurcher.functions.registry import Overload
from lurcher.kql.source import NOWHERE, Span
from lurcher.kql.types import Column, Columns, ScalarType
from lurcher.sql.node import node


# --- expressions ---------------------------------------------------------------------------------------------------------
@node
class Expr:
    """A scalar expression of a known KQL type."""

    _: KW_ONLY
    type: ScalarType
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@node
class Lit(Expr):
    """A constant, its value in the form of `lurcher.kql.syntax.Literal` (ticks for times; None for null); for a dynamic the
    plain JSON-like value."""

    value: Any


@node
class Col(Expr):
    """A column of the input; in `Join.condition`, of either side (their names are distinct)."""

    name: str


@node
class Outer(Expr):
    """Inside the body of an `Apply`: a column of the row that it is applied to."""

    name: str


@node
class Call(Expr):
    """A scalar function or operator over its arguments. An omitted optional argument is absent at the end."""

    function: Overload
    args: tuple[Expr, ...]


@node
class Convert(Expr):
    """A conversion that the text does not write: widening of numbers, dynamic to a scalar (as toint, tostring, ... do)."""

    operand: Expr


@node
class InList(Expr):
    """`operand op (values)`: op is `in !in in~ !in~ has_any has_all`; the values are scalars, or one dynamic array. Literal arrays
    come as their elements; the operand is no dynamic, and scalars are of its type, all strings for the last four."""

    op: str
    operand: Expr
    values: tuple[Expr, ...]


@node
class InQuery(Expr):
    """`operand op (tabular expression)`: its first column are the values."""

    op: str
    operand: Expr
    plan: Plan


@node
class AnyColumn(Expr):
    """Whether any of the columns, as text, fulfils `function` (a string operator that no empty text fulfils) with the needle.
    One node for what would be thousands: a search over all tables has as many columns."""

    function: Overload
    needle: Expr
    columns: Columns


@node
class ScalarQuery(Expr):
    """`toscalar(...)`: first column of the first row, null where there is none. It never refers to an outer row."""

    plan: Plan


@node
class Agg(Expr):
    """An aggregate of `Aggregate.items`. `order` is the order of the rows where the input has one (make_list keeps it)."""

    function: Overload
    args: tuple[Expr, ...]
    order: tuple[SortKey, ...] = ()


@node
class Win(Expr):
    """A window function of `Window.items` (row_number, prev, next, row_cumsum, ...)."""

    function: Overload
    args: tuple[Expr, ...]


Item = tuple[str, Expr]


@node
class SortKey:
    expr: Expr
    descending: bool
    nulls_first: bool


# --- relations -----------------------------------------------------------------------------------------------------------
@node
class Plan:
    """A relation. `columns` are what it gives, in order."""

    _: KW_ONLY
    columns: Columns
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@node
class Scan(Plan):
    """A table of the catalogue. `columns` are those of its schema. `aside`: what a function of the services looks up; the query
    itself does not ask for this table."""

    table: str
    aside: bool = False


@node
class Supplied(Plan):
    """Rows that are no table of the catalogue: what the user allowed to be fetched, or laid beside the lake (`externaldata`, a
    watchlist). `what` is the sort of thing, `names` which (URLs, an alias), `options` how it is read. Whoever has the tables
    has these rows too; they are asked for when the query runs. As for their types, see `lurcher.plan.supplies`."""

    what: str
    names: tuple[str, ...]
    options: tuple[tuple[str, str | bool], ...] = ()


@node
class Values(Plan):
    """Constant rows (`datatable`; `print` is a `Project` over one row of no columns)."""

    rows: tuple[tuple[Expr, ...], ...]


@node
class Range(Plan):
    """`range name from start to stop step step`: one column; start, stop and step are constant."""

    start: Expr
    stop: Expr
    step: Expr


@node
class Filter(Plan):
    """The rows for which the predicate is true (not null)."""

    input: Plan
    predicate: Expr


@node
class Project(Plan):
    """Columns computed from the input's: `extend`, `project`, `project-away`, renames. All see the input's columns."""

    input: Plan
    items: tuple[Item, ...]


@node
class Aggregate(Plan):
    """Group by the keys (none: one row, always; some: no row where the input has none). Columns: keys, then items. Every item
    is an `Agg`: what is computed from aggregates stands in a `Project` above, the aggregates under `$agg0`, `$agg1`, ..."""

    input: Plan
    keys: tuple[Item, ...]
    items: tuple[Item, ...]


@node
class Pick(Plan):
    """One whole row for each value of the keys, any of them (`innerunique`, `sample-distinct`), or the one that comes first
    in `order` (`arg_max(t, *)`, a row with null keys last)."""

    input: Plan
    keys: tuple[Expr, ...]
    order: tuple[SortKey, ...] = ()


JoinKind = Literal["inner", "leftouter", "rightouter", "fullouter", "leftsemi", "leftanti"]


@node
class Join(Plan):
    """Rows of left and right whose keys are equal. Column names of the two sides are distinct (the binder renames the right
    side's); `columns` are the left's, then the right's; the left's alone for semi and anti. Null keys match nothing. After
    an outer join a missing string is `""`, anything else null."""

    left: Plan
    right: Plan
    kind: JoinKind
    on: tuple[tuple[Expr, Expr], ...]


@node
class Aligned(Plan):
    """The input's rows under the columns of a union: `given` says which of the input's columns stands for which of the union's.
    All others are empty (a string) or null; with a `label` the first column is that text."""

    input: Plan
    given: dict[str, str] = field(hash=False)
    label: str | None = None
    #: Columns of the input that the union has no place for, being of another type: a query that reads them of rows fails.
    dropped: tuple[str, ...] = ()


@node
class Union(Plan):
    """All rows of the inputs, which have the same columns."""

    inputs: tuple[Plan, ...]


@node
class Sort(Plan):
    """The rows in order. Filters, projections and limits above keep it; the result of a query shows it."""

    input: Plan
    keys: tuple[SortKey, ...]


@node
class Limit(Plan):
    """The first rows: of a `Sort` the first in order (`top`), of others any (`take`)."""

    input: Plan
    count: Expr


@node
class Sample(Plan):
    """Rows at random."""

    input: Plan
    count: Expr


@node
class Window(Plan):
    """The input's columns and the items (`$win0`, ..., each a `Win`), computed over the rows in the input's order. `order` repeats
    that order's keys where a `Sort` below set one (else the rows are taken as they come); keys that are no longer columns
    are refused by the binder."""

    input: Plan
    items: tuple[Item, ...]
    order: tuple[SortKey, ...] = ()


@node
class ExpandItem:
    """An array or bag to be taken apart: the column that its elements go into, and their type (`to typeof`)."""

    name: str
    expr: Expr
    type: ScalarType


@node
class Expand(Plan):
    """`mv-expand`: a row for each element. Several items go in step, the shorter padded with null; an empty array gives no
    row, a null one row of null, a bag one-key bags (`kind=array`: [key, value] pairs). `columns`: the input's, an item of the
    same name in place, else at the end; then the index column where asked for."""

    input: Plan
    items: tuple[ExpandItem, ...]
    index: str | None = None
    limit: Expr | None = None
    as_array: bool = False


@node
class Apply(Plan):
    """For each row of the input, the rows of the body (`mv-apply`, `partition`): the body reads the row's columns as
    `Outer`. Columns: the input's, then the body's."""

    input: Plan
    body: Plan


@node
class Elements(Plan):
    """Inside the body of an `Apply`: the elements of the outer row's arrays, in step, as `Expand` has them."""

    items: tuple[ExpandItem, ...]
    index: str | None = None
    limit: Expr | None = None


@node
class Series(Plan):
    """`make-series`: for each value of the keys one row, an array for each item with one element a step of the axis, and the
    axis itself as an array. Empty steps hold the item's default. Where there is no start or stop, each series begins or ends
    with its own rows. `in_range`: the steps are those of bin(), and `stop` belongs to them. `always`: a series of defaults
    where there is no row (`kind=nonempty`)."""

    input: Plan
    keys: tuple[Item, ...]
    items: tuple[tuple[str, Expr, Expr], ...]  # name, aggregate, default
    axis: Item
    start: Expr | None
    stop: Expr | None
    step: Expr
    in_range: bool = False
    always: bool = False


@node
class TableFunction(Plan):
    """A plugin or another function from rows to rows, by name, with constant arguments and column arguments."""

    input: Plan | None
    name: str
    args: tuple[Expr, ...]


PathKind = Literal["walk", "trail", "simple", "reach"]


@node
class Paths(Plan):
    """The paths of `low` to `high` edges along `edges` (columns `$edge`, `$source`, `$target`, then values). A `walk` may use
    an edge again, a `trail` may not; a `simple` path meets no node twice; `reach` keeps one such path, of the shortest, for
    each pair of ends. `inner`: the nodes that may be inside (`$node`, then values), `starts`: those that it may start from
    (`$node`); None for any. `direction` is how an edge is gone along; `backward`: `starts` are the right ends. `within`
    says of `$left` and `$right` how many `$hops` a path between them has, and so each beginning of a path.

    Columns: `$left` and `$right` (nodes), `$edges` and `$nodes` (lists, from left to right), then lists of the values of
    `edges`, of `inner`."""

    edges: Plan
    inner: Plan | None
    starts: Plan | None
    direction: str
    low: int
    high: int
    kind: PathKind
    backward: bool = False
    within: Plan | None = None


@node
class Components(Plan):
    """`$node` and the number of its component: weak ones, or strong. Numbered from 0 in the order of the nodes."""

    nodes: Plan
    edges: Plan
    strong: bool = False


@node
class ProcessTree(Plan):
    """Starts of processes, each with its place in the tree of its device. What the columns of `input` are called is how a parent
    is known, the surest first: `$own 1` to `$own 3` against `$parent 1` to `$parent 3` (texts, '' for nothing); where the start has
    none of those, `$own number` against `$parent number`, the latest before it that has the name `$parent name`. A parent comes
    before its child, by `$start` and then `$report`. `$name` is what a path is made of, `$above` what stands before it at a root.

    Columns: those of `input`, then `Node`, `ParentNode` (null at a root), `Depth`, `Path`, `ParentBy` (which of the ways, 0 for
    none), and the parent's `$name`, `$id`, `$command` and `$created` as `$parent's ...`."""

    input: Plan


@node
class Shared(Plan):
    """`materialize(...)`: computed once however often it is used."""

    input: Plan


# --- the end of a query ----------------------------------------------------------------------------------------------------
@node
class Render:
    """What `render` asks for: a hint, no change to the rows."""

    chart: str
    properties: tuple[tuple[str, Any], ...] = ()

    def named(self) -> dict[str, Any]:
        """The properties by name, in lower case; lists of columns as lists. `by x` is an old form of `series=x`."""
        found: dict[str, Any] = {}
        for name, value in self.properties:
            key = {"by": "series"}.get(name.lower(), name.lower())
            if key in ("series", "ycolumns", "anomalycolumns"):
                found.setdefault(key, []).append(value)
            else:
                found[key] = value
        return found


@node
class Query:
    """One result of a text: a plan, and how to show it."""

    plan: Plan
    render: Render | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.plan.columns
