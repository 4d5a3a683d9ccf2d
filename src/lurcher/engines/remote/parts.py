"""Whether a query over a long time may be asked as several over shorter ones, and how.

Only where a row of the result comes of one row of the table at the head of the query: then the rows of the parts are the rows of
the whole. Whatever counts, groups, picks or compares rows would give something else for each part. The plan says what the operators
come to; the part's time is written right behind the table's name, so that what the query looks up beside it (`in (...)`, the right
side of a join) is asked for whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.engines.remote.spans import Span
from lurcher.kql import syntax as sx
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.compile import Compiled
from lurcher.plan.walk import scanned_tables
from lurcher.plan.windows import ANY_TIME, scan_windows

_WHY: dict[type[n.Plan], str] = {
    n.Aggregate: "it groups or counts rows (summarize, count, distinct)",
    n.Pick: "it keeps one row of several (arg_max, join of kind innerunique)",
    n.Limit: "it takes only the first rows (take, top)",
    n.Sample: "it takes rows at random",
    n.Window: "it compares rows with those before (prev, row_number)",
    n.Series: "it makes series of rows",
    n.Union: "it takes several tables together",
    n.Apply: "it works on partitions of the rows",
    n.TableFunction: "its plugin sees all rows at once",
}  # fmt: skip
_LEFT_KINDS = ("inner", "leftouter", "leftsemi", "leftanti")


@dataclass(frozen=True, slots=True)
class Splittable:
    """`at`: the place in `kql` behind the table's name. `span`: what the query's own filters leave of `column`. `descending`: how
    the rows are ordered by it, None where they are in no order."""

    kql: str
    at: int
    column: str
    span: Span
    descending: bool | None = None

    def part(self, span: Span) -> str:
        return f"{self.kql[: self.at]}\n| where {span.predicate(self.column)}\n{self.kql[self.at :]}"


def splittable(compiled: Compiled | None, prefer: str) -> Splittable | str:
    """How to, or why not. `prefer`: the column of time that the service keeps by (TimeGenerated, Timestamp)."""
    if compiled is None or not compiled.ok:
        return "lurcher does not understand it, so that it cannot tell"
    if len(compiled.queries) != 1:
        return "it has several results"
    query = compiled.queries[0]
    source = _source(compiled.script)
    found = _spine(query.plan)
    if isinstance(found, str):
        return found
    scan, order = found
    if source is None or source.name.text != scan.table:
        return "it does not begin with its table"
    times = [c.name for c in scan.columns if c.type is ScalarType.DATETIME]
    windows = scan_windows(query.plan)[id(scan)]
    columns = [c for c in (prefer, "Timestamp", "TimeGenerated", *times) if c in times]
    if not columns:
        return "its table has no time"
    # Where the query filters by a time, rows without one are not wanted.
    column = next((c for c in columns if windows.get(c, ANY_TIME).start is not None), columns[0])
    if order is not None and order[0] != column:
        return "its rows are in another order than that of their time"
    window = windows.get(column, ANY_TIME)
    span = Span(window.start, None if window.stop is None else window.stop + 1)
    return Splittable(
        compiled.source.text, source.span.end, column, span, order[1] if order is not None else None
    )  # fmt: skip


def _source(script: sx.Script) -> sx.NameRef | None:
    """The table at the head of the query, if it is one by name, and none that the text makes itself."""
    lets = {s.name.text for s in script.statements if isinstance(s, sx.LetStatement)}
    last = script.statements[-1] if script.statements else None
    head = last.expression if isinstance(last, sx.QueryStatement) else None
    while isinstance(head, sx.Pipe) and head.source is not None:
        head = head.source
    return head if isinstance(head, sx.NameRef) and head.name.text not in lets else None


def _spine(plan: n.Plan) -> tuple[n.Scan, tuple[str, bool] | None] | str:
    """From the result to the scan that each of its rows comes of: the scan, and the column of it that orders the rows. Or what
    is between."""
    order: tuple[str, bool] | None = None
    sorted_ = False
    node = plan
    while not isinstance(node, n.Scan):
        match node:
            case n.Filter(input=below) | n.Shared(input=below) | n.Expand(input=below):
                if isinstance(node, n.Expand) and order is not None and order[0] not in {c.name for c in below.columns}:
                    return "its rows are in another order than that of their time"
                node = below
            case n.Project(input=below, items=items):
                if order is not None:
                    expr = dict(items).get(order[0])
                    if not isinstance(expr, n.Col):
                        return "its rows are in another order than that of their time"
                    order = (expr.name, order[1])
                node = below
            case n.Sort(input=below, keys=keys):
                if not sorted_:
                    key = keys[0]
                    if not isinstance(key.expr, n.Col):
                        return "its rows are in another order than that of their time"
                    order, sorted_ = (key.expr.name, key.descending), True
                node = below
            case n.Join(left=left, right=right, kind=kind) if kind in _LEFT_KINDS:
                if order is not None and order[0] not in {c.name for c in left.columns}:
                    return "its rows are in another order than that of their time"
                head = _head(left)
                if head is not None and head in scanned_tables(right):
                    return "it joins its table with itself"
                node = left
            case _:
                return _WHY.get(type(node), "its rows do not each come of one row of its table")
    return node, order


def _head(plan: n.Plan) -> str | None:
    found = _spine(plan)
    return None if isinstance(found, str) else found[0].table
