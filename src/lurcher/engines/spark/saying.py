"""What Spark's own SQL says of a plan."""

from __future__ import annotations

from dataclasses import replace

from lurcher.engines.lowering import lower
from lurcher.engines.lowering.context import Stored, Tables
from lurcher.engines.spark.rebuild import named, reads_outer
from lurcher.engines.spark.translate import spark
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import LU001, Refused
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.windows import Windows
from lurcher.sql.dialect import SPARK
from lurcher.sql.printer import to_sql

#: The operators that have a form there.
_NODES: frozenset[type] = frozenset(
    {
        n.Scan,
        n.Supplied,
        n.Values,
        n.Range,
        n.Filter,
        n.Project,
        n.Sort,
        n.Limit,
        n.Aggregate,
        n.Join,
        n.Union,
        n.Aligned,
        n.Shared,
        n.Pick,
    }
)


def say(plan: n.Plan, tables: Tables) -> str:
    """The statement that gives a plan's rows. Raises `Refused` for what has no form that was looked at."""
    try:
        lowered = lower(plan, tables, dialect=SPARK, check=spark, nodes=_NODES)
        if lowered.udfs:
            raise LurcherError("not on Spark yet: a function in Python", kind="unsupported")
        return to_sql(spark(lowered.query), SPARK)
    except LurcherError as error:
        if error.kind != "unsupported" or isinstance(error, Refused):
            raise
        raise Refused((LU001.at(plan.span, construct=error.message, hint=error.hint),)) from None


def says(node: n.Plan) -> bool:
    """Whether a node over tables has a form."""
    if type(node) not in _NODES or reads_outer(node):
        return False
    decimal = any(c.type is ScalarType.DECIMAL for c in node.columns)
    match node:
        case n.Scan() | n.Supplied() | n.Shared():
            return True
        case n.Union() | n.Aligned() if not decimal:
            return not getattr(node, "dropped", ())
        case n.Values() | n.Range() if decimal:
            return False
        case n.Project(items=items):
            if any(e.type is ScalarType.DECIMAL and not isinstance(e, n.Col) for _, e in items):
                return False
            if all(isinstance(e, n.Col) for _, e in items):
                return True
    try:
        say(_lean(node), _ANY)
    except (LurcherError, Refused):
        return False
    return True


def _lean(node: n.Plan) -> n.Plan:
    """The node with no more columns than matter: a table has some, a search over all of them has thousands."""
    match node:
        case n.Filter(input=n.Scan() as below, predicate=predicate):
            few = _few(below, named(predicate))
            return replace(node, input=few, columns=few.columns)
        case n.Sort(input=n.Scan() as below, keys=keys):
            few = _few(below, named(keys))
            return replace(node, input=few, columns=few.columns)
        case n.Limit(input=n.Scan() as below):
            few = _few(below, set())
            return replace(node, input=few, columns=few.columns)
        case n.Project(input=n.Scan() as below, items=items):
            computed = tuple((name, e) for name, e in items if not isinstance(e, n.Col))
            columns = tuple(c for c, (_, e) in zip(node.columns, items, strict=True) if not isinstance(e, n.Col))
            return replace(
                node, input=_few(below, named(tuple(e for _, e in computed))), items=computed, columns=columns
            )
    return node


def _few(table: n.Scan, names: set[str]) -> n.Scan:
    return replace(table, columns=tuple(c for c in table.columns if c.name in names))


def reads(node: n.Plan) -> bool:
    """Whether a node reads a table, or leaves out rows of one by a condition that has a form."""
    return isinstance(node, n.Scan | n.Supplied | n.Filter) and says(node)


def scans(node: n.Plan) -> bool:
    """Whether a node reads a table, and no more."""
    return isinstance(node, n.Scan | n.Supplied)


class _Any:
    """Tables that are all there. Implements `lowering.Tables`."""

    def stored(self, table: n.Scan, windows: Windows, predicates: object = ()) -> Stored:
        return Stored("t", {c.name: f"c{i}" for i, c in enumerate(table.columns)})

    def is_empty(self, table: n.Scan) -> bool:
        return False

    def supplied(self, rows: n.Supplied) -> Stored:
        return Stored("t", {c.name: f"c{i}" for i, c in enumerate(rows.columns)})


_ANY = _Any()
