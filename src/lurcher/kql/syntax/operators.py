"""Tabular operators. One class for each operator of the surface language; obsolete and short spellings are read as the
operator they mean (`order by` is `SortOp`, `limit` is `TakeOp`, `mvexpand` is `MvExpandOp`, `filter` is `WhereOp`)."""

from __future__ import annotations

from lurcher.kql.syntax.base import Expression, Name, Node, Operator, Parameter, Statement, node
from lurcher.kql.syntax.expressions import Call, ColumnDecl, FunctionParam, Literal, NameRef, Ordered
from lurcher.kql.types import ScalarType

Parameters = tuple[Parameter, ...]


@node
class BrokenOp(Operator):
    """What stands where an operator could not be read. No tree with errors is bound."""


# --- rows ---
@node
class WhereOp(Operator):
    predicate: Expression
    parameters: Parameters = ()


@node
class TakeOp(Operator):
    count: Expression
    parameters: Parameters = ()


@node
class SortOp(Operator):
    keys: tuple[Ordered, ...]
    parameters: Parameters = ()


@node
class TopOp(Operator):
    count: Expression
    key: Ordered
    parameters: Parameters = ()


@node
class CountOp(Operator):
    """`count`, or `count as name`."""

    name: Name | None = None


@node
class DistinctOp(Operator):
    """A lone `Star` means every column."""

    columns: tuple[Expression, ...]
    parameters: Parameters = ()


@node
class SampleOp(Operator):
    count: Expression
    parameters: Parameters = ()


@node
class SampleDistinctOp(Operator):
    count: Expression
    of: Expression
    parameters: Parameters = ()


@node
class TopHittersOp(Operator):
    count: Expression
    of: Expression
    by: Expression | None = None


@node
class TopNestedLevel(Node):
    """`top-nested N of column with others = x by aggregate asc`."""

    count: Expression | None
    of: Expression  # a Named where it is given a name
    others: Expression | None
    by: Ordered  # its expression is a Named where it is given a name


@node
class TopNestedOp(Operator):
    levels: tuple[TopNestedLevel, ...]


# --- columns ---
@node
class ExtendOp(Operator):
    columns: tuple[Expression, ...]


@node
class ProjectOp(Operator):
    columns: tuple[Expression, ...]


@node
class ProjectAwayOp(Operator):
    columns: tuple[Expression, ...]


@node
class ProjectKeepOp(Operator):
    columns: tuple[Expression, ...]


@node
class ProjectRenameOp(Operator):
    """Each column a `Named` (or what was written instead, for the binder to refuse)."""

    columns: tuple[Expression, ...]


@node
class ProjectReorderOp(Operator):
    """Columns, wildcards; `descending` None where no order is written, and `granny` the `granny-asc/-desc` orders."""

    columns: tuple[ReorderItem, ...]


@node
class ReorderItem(Node):
    column: Expression
    order: str = ""  # "", asc, desc, granny-asc, granny-desc


@node
class ProjectByNamesOp(Operator):
    columns: tuple[Expression, ...]


@node
class SerializeOp(Operator):
    columns: tuple[Expression, ...] = ()
    parameters: Parameters = ()


@node
class GetSchemaOp(Operator):
    parameters: Parameters = ()


@node
class AsOp(Operator):
    name: Name
    parameters: Parameters = ()


@node
class ExecuteAndCacheOp(Operator):
    """`__executeAndCache`."""


@node
class ConsumeOp(Operator):
    parameters: Parameters = ()


@node
class AssertSchemaOp(Operator):
    columns: tuple[ColumnDecl, ...]


# --- groups ---
@node
class SummarizeOp(Operator):
    aggregates: tuple[Expression, ...]
    by: tuple[Expression, ...] = ()
    parameters: Parameters = ()
    #: `summarize x by` with the word but no key is legal and differs from no word only in print.
    has_by: bool = False


@node
class SeriesAggregate(Node):
    aggregate: Expression  # a Named where it is given a name
    default: Expression | None = None


@node
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


@node
class PartitionOp(Operator):
    """`partition by key ( operators )`, and `partition by key { whole query }` with `braces`. `scope` is always None: the
    service's parser knows the word and takes no text for it.

    `body` is a Pipe with source None for the form in parentheses that starts with an operator."""

    by: Expression
    body: Expression
    scope: Expression | None = None
    braces: bool = False
    parameters: Parameters = ()


@node
class PartitionByOp(Operator):
    """`__partitionby entity id name (subquery)`."""

    entity: Expression
    id: Expression | None
    body: Expression
    parameters: Parameters = ()


@node
class ReduceOp(Operator):
    by: Expression
    options: Parameters = ()
    parameters: Parameters = ()


# --- several tables ---
@node
class JoinOp(Operator):
    """`conditions` are names common to both sides or `$left.a == $right.b`; `where` is the rarer `join ... where` form."""

    right: Expression
    conditions: tuple[Expression, ...] = ()
    where: Expression | None = None
    parameters: Parameters = ()


@node
class LookupOp(Operator):
    right: Expression
    conditions: tuple[Expression, ...] = ()
    where: Expression | None = None
    parameters: Parameters = ()


@node
class UnionOp(Operator):
    tables: tuple[Expression, ...]
    parameters: Parameters = ()


@node
class SearchOp(Operator):
    predicate: Expression
    tables: tuple[Expression, ...] = ()
    parameters: Parameters = ()


@node
class FindColumn(Node):
    """A column of `find ... project`: `name`, `name:type`, `pack_all()` (under that name), or with no name `pack(*)`
    (`pack_all`) or `*` (`star`)."""

    name: Name | None
    type: ScalarType | None = None
    pack_all: bool = False
    star: bool = False


@node
class FindOp(Operator):
    predicate: Expression
    tables: tuple[Expression, ...] = ()
    project: tuple[FindColumn, ...] = ()
    project_smart: bool = False
    project_away: tuple[FindColumn, ...] = ()
    parameters: Parameters = ()


@node
class InvokeOp(Operator):
    function: Expression


@node
class EvaluateOp(Operator):
    """`evaluate plugin(args) : (schema)`; `open_schema` where the schema starts with `*`."""

    call: Call
    schema: tuple[ColumnDecl, ...] | None = None
    open_schema: bool = False
    parameters: Parameters = ()


@node
class ForkBranch(Node):
    name: Name | None
    body: Expression


@node
class ForkOp(Operator):
    branches: tuple[ForkBranch, ...]


@node
class FacetOp(Operator):
    columns: tuple[Expression, ...]
    body: Expression | None = None


@node
class MacroExpandOp(Operator):
    entities: Expression
    scope: Name | None
    statements: tuple[Statement, ...]
    parameters: Parameters = ()


# --- dynamic values ---
@node
class ExpandItem(Node):
    """`x to typeof(long)` of mv-expand and mv-apply; the expression is a Named where it is given a name."""

    expression: Expression
    to: ScalarType | None = None


@node
class MvExpandOp(Operator):
    items: tuple[ExpandItem, ...]
    limit: Expression | None = None
    parameters: Parameters = ()


@node
class MvApplyOp(Operator):
    """`mv-apply x to typeof(t) limit n on ( subquery )`; `body` is a Pipe with source None."""

    items: tuple[ExpandItem, ...]
    body: Expression
    limit: Expression | None = None
    context_id: Expression | None = None
    parameters: Parameters = ()


# --- text ---
@node
class ParseCapture(Node):
    """A column of a parse pattern. `skip` is a `*` on its own."""

    name: Name | None
    type: ScalarType = ScalarType.STRING
    skip: bool = False


@node
class ParseOp(Operator):
    """`parse x with * "text" name:type ...`, `parse-where` where `where` is set. Pattern: literals and captures in turn."""

    expression: Expression
    pattern: tuple[Literal | ParseCapture, ...]
    where: bool = False
    parameters: Parameters = ()


@node
class ParseKvOp(Operator):
    expression: Expression
    keys: tuple[ColumnDecl, ...]
    options: Parameters = ()


# --- first operators ---
@node
class PrintOp(Operator):
    columns: tuple[Expression, ...]


@node
class RangeOp(Operator):
    name: Name
    start: Expression
    stop: Expression
    step: Expression


# --- sequences ---
@node
class ScanAssignment(Node):
    name: Name
    value: Expression


@node
class ScanStep(Node):
    name: Name
    condition: Expression
    assignments: tuple[ScanAssignment, ...] = ()
    optional: bool = False
    output: str = ""  # "", all, last, none


@node
class ScanOp(Operator):
    steps: tuple[ScanStep, ...]
    declare: tuple[FunctionParam, ...] = ()
    order_by: tuple[Ordered, ...] = ()
    partition_by: tuple[Expression, ...] = ()
    parameters: Parameters = ()


# --- graphs ---
@node
class GraphTable(Node):
    """`with nodes on key` of make-graph."""

    table: Expression
    key: Expression


@node
class MakeGraphOp(Operator):
    source: NameRef
    target: NameRef
    tables: tuple[GraphTable, ...] = ()
    node_id: Name | None = None
    partitioned_by: Expression | None = None
    partition_body: Expression | None = None
    directed: bool = True
    parameters: Parameters = ()


@node
class GraphNode(Node):
    name: Name | None = None


@node
class GraphEdge(Node):
    """`-[e]->`, `<-[e]-`, `-[e]-`, `-->`, `-[e*1..3]->`. `direction` is `out`, `in` or `any`."""

    name: Name | None = None
    direction: str = "out"
    low: Expression | None = None
    high: Expression | None = None


GraphPattern = tuple[GraphNode | GraphEdge, ...]


@node
class GraphMatchOp(Operator):
    """`graph-match`, and `graph-shortest-paths` where `shortest` is set."""

    patterns: tuple[GraphPattern, ...]
    where: Expression | None = None
    project: tuple[Expression, ...] = ()
    shortest: bool = False
    parameters: Parameters = ()


@node
class GraphToTableItem(Node):
    kind: str  # nodes or edges
    name: Name | None = None
    parameters: Parameters = ()


@node
class GraphToTableOp(Operator):
    items: tuple[GraphToTableItem, ...]


@node
class GraphMarkComponentsOp(Operator):
    parameters: Parameters = ()


@node
class GraphWhereOp(Operator):
    """`graph-where-nodes`, or `graph-where-edges` where `edges` is set."""

    predicate: Expression
    edges: bool = False


# --- the end of a query ---
@node
class RenderOp(Operator):
    chart: str
    properties: Parameters = ()
    #: Whether the properties were written in `with (...)`.
    with_form: bool = False
