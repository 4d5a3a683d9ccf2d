"""Tabular operators. One class for each operator of the surface language; obsolete and short spellings are read as the
operator they mean (`order by` is `SortOp`, `limit` is `TakeOp`, `mvexpand` is `MvExpandOp`, `filter` is `WhereOp`)."""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.kql.syntax.base import Expression, Name, Node, Operator, Parameter, Statement
from lurcher.kql.syntax.expressions import Call, ColumnDecl, FunctionParam, Literal, NameRef, Ordered
from lurcher.kql.types import ScalarType

Parameters = tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class BrokenOp(Operator):
    """What stands where an operator could not be read. No tree with errors is bound."""


# --- rows ---
@dataclass(frozen=True, slots=True)
class WhereOp(Operator):
    predicate: Expression
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class TakeOp(Operator):
    count: Expression
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class SortOp(Operator):
    keys: tuple[Ordered, ...]
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class TopOp(Operator):
    count: Expression
    key: Ordered
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class CountOp(Operator):
    """`count`, or `count as name`."""

    name: Name | None = None


@dataclass(frozen=True, slots=True)
class DistinctOp(Operator):
    """A lone `Star` means every column."""

    columns: tuple[Expression, ...]
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class SampleOp(Operator):
    count: Expression
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class SampleDistinctOp(Operator):
    count: Expression
    of: Expression
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class TopHittersOp(Operator):
    count: Expression
    of: Expression
    by: Expression | None = None


@dataclass(frozen=True, slots=True)
class TopNestedLevel(Node):
    """`top-nested N of column with others = x by aggregate asc`."""

    count: Expression | None
    of: Expression  # a Named where it is given a name
    others: Expression | None
    by: Ordered  # its expression is a Named where it is given a name


@dataclass(frozen=True, slots=True)
class TopNestedOp(Operator):
    levels: tuple[TopNestedLevel, ...]


# --- columns ---
@dataclass(frozen=True, slots=True)
class ExtendOp(Operator):
    columns: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ProjectOp(Operator):
    columns: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ProjectAwayOp(Operator):
    columns: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ProjectKeepOp(Operator):
    columns: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ProjectRenameOp(Operator):
    """Each column a `Named` (or what was written instead, for the binder to refuse)."""

    columns: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ProjectReorderOp(Operator):
    """Columns, wildcards; `descending` None where no order is written, and `granny` the `granny-asc/-desc` orders."""

    columns: tuple[ReorderItem, ...]


@dataclass(frozen=True, slots=True)
class ReorderItem(Node):
    column: Expression
    order: str = ""  # "", asc, desc, granny-asc, granny-desc


@dataclass(frozen=True, slots=True)
class ProjectByNamesOp(Operator):
    columns: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class SerializeOp(Operator):
    columns: tuple[Expression, ...] = ()
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class GetSchemaOp(Operator):
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class AsOp(Operator):
    name: Name
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class ExecuteAndCacheOp(Operator):
    """`__executeAndCache`."""


@dataclass(frozen=True, slots=True)
class ConsumeOp(Operator):
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class AssertSchemaOp(Operator):
    columns: tuple[ColumnDecl, ...]


# --- groups ---
@dataclass(frozen=True, slots=True)
class SummarizeOp(Operator):
    aggregates: tuple[Expression, ...]
    by: tuple[Expression, ...] = ()
    parameters: Parameters = ()
    #: `summarize x by` with the word but no key is legal and differs from no word only in print.
    has_by: bool = False


@dataclass(frozen=True, slots=True)
class SeriesAggregate(Node):
    aggregate: Expression  # a Named where it is given a name
    default: Expression | None = None


@dataclass(frozen=True, slots=True)
class MakeSeriesOp(Operator):
    """`make-series a=count() default=0 on t from x to y step z by k`; `in range(x, y, z)` is the same with `in_range`."""

    aggregates: tuple[SeriesAggregate, ...]
    on: Expression
    start: Expression | None
    stop: Expression | None
    step: Expression
    by: tuple[Expression, ...] = ()
    in_range: bool = False
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class PartitionOp(Operator):
    """`partition by key ( | operators )` (`scope` none), `partition by key { whole query }`, `partition by key in (scope) (...)`.

    `body` is a Pipe with source None for the form in parentheses that starts with an operator."""

    by: Expression
    body: Expression
    scope: Expression | None = None
    braces: bool = False
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class PartitionByOp(Operator):
    """`__partitionby entity id name (subquery)`."""

    entity: Expression
    id: Expression | None
    body: Expression
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class ReduceOp(Operator):
    by: Expression
    options: Parameters = ()
    parameters: Parameters = ()


# --- several tables ---
@dataclass(frozen=True, slots=True)
class JoinOp(Operator):
    """`conditions` are names common to both sides or `$left.a == $right.b`; `where` is the rarer `join ... where` form."""

    right: Expression
    conditions: tuple[Expression, ...] = ()
    where: Expression | None = None
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class LookupOp(Operator):
    right: Expression
    conditions: tuple[Expression, ...] = ()
    where: Expression | None = None
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class UnionOp(Operator):
    tables: tuple[Expression, ...]
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class SearchOp(Operator):
    predicate: Expression
    tables: tuple[Expression, ...] = ()
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class FindColumn(Node):
    """A column of `find ... project`: `name`, `name:type`, or with no name `pack(*)` (`pack_all`) or `*` (`star`)."""

    name: Name | None
    type: ScalarType | None = None
    pack_all: bool = False
    star: bool = False


@dataclass(frozen=True, slots=True)
class FindOp(Operator):
    predicate: Expression
    tables: tuple[Expression, ...] = ()
    project: tuple[FindColumn, ...] = ()
    project_smart: bool = False
    project_away: tuple[FindColumn, ...] = ()
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class InvokeOp(Operator):
    function: Expression


@dataclass(frozen=True, slots=True)
class EvaluateOp(Operator):
    """`evaluate plugin(args) : (schema)`; `open_schema` where the schema starts with `*`."""

    call: Call
    schema: tuple[ColumnDecl, ...] | None = None
    open_schema: bool = False
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class ForkBranch(Node):
    name: Name | None
    body: Expression


@dataclass(frozen=True, slots=True)
class ForkOp(Operator):
    branches: tuple[ForkBranch, ...]


@dataclass(frozen=True, slots=True)
class FacetOp(Operator):
    columns: tuple[Expression, ...]
    body: Expression | None = None


@dataclass(frozen=True, slots=True)
class MacroExpandOp(Operator):
    entities: Expression
    scope: Name | None
    statements: tuple[Statement, ...]
    parameters: Parameters = ()


# --- dynamic values ---
@dataclass(frozen=True, slots=True)
class ExpandItem(Node):
    """`x to typeof(long)` of mv-expand and mv-apply; the expression is a Named where it is given a name."""

    expression: Expression
    to: ScalarType | None = None


@dataclass(frozen=True, slots=True)
class MvExpandOp(Operator):
    items: tuple[ExpandItem, ...]
    limit: Expression | None = None
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class MvApplyOp(Operator):
    """`mv-apply x to typeof(t) limit n on ( subquery )`; `body` is a Pipe with source None."""

    items: tuple[ExpandItem, ...]
    body: Expression
    limit: Expression | None = None
    context_id: Expression | None = None
    parameters: Parameters = ()


# --- text ---
@dataclass(frozen=True, slots=True)
class ParseCapture(Node):
    """A column of a parse pattern. `skip` is a `*` on its own."""

    name: Name | None
    type: ScalarType = ScalarType.STRING
    skip: bool = False


@dataclass(frozen=True, slots=True)
class ParseOp(Operator):
    """`parse x with * "text" name:type ...`, `parse-where` where `where` is set. Pattern: literals and captures in turn."""

    expression: Expression
    pattern: tuple[Literal | ParseCapture, ...]
    where: bool = False
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class ParseKvOp(Operator):
    expression: Expression
    keys: tuple[ColumnDecl, ...]
    options: Parameters = ()


# --- first operators ---
@dataclass(frozen=True, slots=True)
class PrintOp(Operator):
    columns: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class RangeOp(Operator):
    name: Name
    start: Expression
    stop: Expression
    step: Expression


# --- sequences ---
@dataclass(frozen=True, slots=True)
class ScanAssignment(Node):
    name: Name
    value: Expression


@dataclass(frozen=True, slots=True)
class ScanStep(Node):
    name: Name
    condition: Expression
    assignments: tuple[ScanAssignment, ...] = ()
    optional: bool = False
    output: str = ""  # "", all, last, none


@dataclass(frozen=True, slots=True)
class ScanOp(Operator):
    steps: tuple[ScanStep, ...]
    declare: tuple[FunctionParam, ...] = ()
    order_by: tuple[Ordered, ...] = ()
    partition_by: tuple[Expression, ...] = ()
    parameters: Parameters = ()


# --- graphs ---
@dataclass(frozen=True, slots=True)
class GraphTable(Node):
    """`with nodes on key` of make-graph."""

    table: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class MakeGraphOp(Operator):
    source: NameRef
    target: NameRef
    tables: tuple[GraphTable, ...] = ()
    node_id: Name | None = None
    partitioned_by: Expression | None = None
    partition_body: Expression | None = None
    directed: bool = True
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class GraphNode(Node):
    name: Name | None = None


@dataclass(frozen=True, slots=True)
class GraphEdge(Node):
    """`-[e]->`, `<-[e]-`, `-[e]-`, `-->`, `-[e*1..3]->`. `direction` is `out`, `in` or `any`."""

    name: Name | None = None
    direction: str = "out"
    low: Expression | None = None
    high: Expression | None = None


GraphPattern = tuple[GraphNode | GraphEdge, ...]


@dataclass(frozen=True, slots=True)
class GraphMatchOp(Operator):
    """`graph-match`, and `graph-shortest-paths` where `shortest` is set."""

    patterns: tuple[GraphPattern, ...]
    where: Expression | None = None
    project: tuple[Expression, ...] = ()
    shortest: bool = False
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class GraphToTableItem(Node):
    kind: str  # nodes or edges
    name: Name | None = None
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class GraphToTableOp(Operator):
    items: tuple[GraphToTableItem, ...]


@dataclass(frozen=True, slots=True)
class GraphMarkComponentsOp(Operator):
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class GraphWhereOp(Operator):
    """`graph-where-nodes`, or `graph-where-edges` where `edges` is set."""

    predicate: Expression
    edges: bool = False


# --- the end of a query ---
@dataclass(frozen=True, slots=True)
class RenderOp(Operator):
    chart: str
    properties: Parameters = ()
    #: Whether the properties were written in `with (...)`.
    with_form: bool = False
