"""Functions over rows in order: prev, next, row_number, running sums, ranks.

Source: "Window functions" (Kusto documentation). A `restart` predicate is the lowering's: it makes groups of the rows
first, and these templates then run within each. A rank's template gets what the lowering knows of a run, the rows in a row
with one term, in place of the term.
"""

from __future__ import annotations

from lurcher.functions.registry import Nulls, window
from lurcher.sql import tree as t

_MAYBE = Nulls.MAYBE
_ROWS = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
for _name, _sql, _doc in (("prev", "lag", "The value of an earlier row"), ("next", "lead", "The value of a later row")):
    window(_name, "column: scalar", "arg 0", f"{_doc}, one away.", f"{_sql}({{column}}) {{over}}", nulls=_MAYBE)
    window(
        _name,
        "column: scalar, offset: long",
        "arg 0",
        f"{_doc}, so many away.",
        f"{_sql}({{column}}, {{offset}}) {{over}}",
        nulls=_MAYBE,
    )
    window(
        _name,
        "column: common, offset: long, default_value: common",
        "common",
        f"{_doc}, so many away; where there is none, the default.",
        f"{_sql}({{column}}, {{offset}}, {{default_value}}) {{over}}",
        nulls=_MAYBE,
    )


def _row_number(start: t.SqlExpr | None = None, *, over: t.Over) -> t.SqlExpr:
    number = t.Call("row_number", over=over)
    return number if start is None else t.Op("+", (t.Op("-", (start, t.Literal(1))), number))


window(
    "row_number",
    "startingIndex?: long, restart?: bool",
    "long",
    "The row's number, from 1 or the start given.",
    _row_number,
    nulls=Nulls.NEVER,
)
window(
    "row_cumsum",
    "term: integer, restart?: bool",
    "arg 0",
    "The sum of the values up to this row.",
    f"CAST(sum({{term}}) {{over:{_ROWS}}} AS BIGINT)",
    nulls=_MAYBE,
)
window(
    "row_cumsum",
    "term: real|decimal|timespan, restart?: bool",
    "arg 0",
    "The sum of the values up to this row.",
    f"sum({{term}}) {{over:{_ROWS}}}",
    nulls=_MAYBE,
)


def _rank_dense(begins: t.SqlExpr, first: t.SqlExpr, row: t.SqlExpr, *, over: t.Over) -> t.SqlExpr:
    """How many runs have begun. `begins` is 1 in a run's first row, else 0."""
    return t.Cast(t.Call("sum", (begins,), over=_running(over)), "BIGINT")


def _rank_min(begins: t.SqlExpr, first: t.SqlExpr, row: t.SqlExpr, *, over: t.Over) -> t.SqlExpr:
    """The place of the run's first row. `first` is the first row of all that has the term: where the term comes again in
    another run, the documentation does not say which of the two counts."""
    start = t.Call("max", (t.Case(((t.Op("=", (begins, t.Literal(1))), row),)),), over=_running(over))
    place = t.Op("+", (t.Op("-", (start, t.Call("min", (row,), over=_running(over)))), t.Literal(1)))
    return t.Case(((t.Op("=", (start, first)), place),), t.call("error", t.Literal(_SCATTERED)))


def _running(over: t.Over) -> t.Over:
    return t.Over(over.partition, over.order, _ROWS)


_SCATTERED = (
    "LurcherError: row_rank_min() of a value that comes again after another"
    "\n  hint: sort by what it ranks, so that equal values stand together"
)
window(
    "row_rank_dense",
    "term: not_dynamic, restart?: bool",
    "long",
    "The row's rank, from 1: one more where the term is not that of the row before.",
    _rank_dense,
    nulls=Nulls.NEVER,
)
window(
    "row_rank_min",
    "term: not_dynamic, restart?: bool",
    "long",
    "The number, from 1, of the first of the rows with the row's term.",
    _rank_min,
    nulls=Nulls.NEVER,
)
# The binder makes a machine over the rows of it.
window(
    "row_window_session",
    "expr: datetime, maxDistanceFromFirst: timespan, maxDistanceBetweenNeighbors: timespan, restart?: bool",
    "datetime",
    "When the session began that the row's time is of.",
    None,
    nulls=_MAYBE,
)
