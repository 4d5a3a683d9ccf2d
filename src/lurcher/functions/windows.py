"""Functions over rows in order: prev, next, row_number, running sums, ranks.

Source: "Window functions" (Kusto documentation). A `restart` predicate is the lowering's: it makes groups of the rows
first, and these templates then run within each.
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
