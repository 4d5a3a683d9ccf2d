"""Long lists of terms are sought among a column's distinct values first, then the rows are those with one of the values found.

A table of certificates has thousands of times more rows than signers: three times as fast on Parquet, thirteen on native rows.
Where most values are distinct it would cost more than it saves; the names of such columns are known.
"""

from __future__ import annotations

import re

from lurcher.engines.lowering.rel import Rel
from lurcher.sql import tree as t
from lurcher.sql.walk import has_query, walk

#: From how many alternatives on (measured: `bench/has.py`).
_LONG = 30
_NEVER_REACHED = t.Literal(10**15)
#: Columns whose values hardly repeat.
_UNIQUE = re.compile(
    r"command|url|uri|message|data$|fields|query|description|text|body|subject|properties|payload|id$", re.IGNORECASE
)


def by_value(rel: Rel, conditions: list[t.SqlExpr]) -> list[t.SqlExpr]:
    """The conditions of a filter right above a table, those with long lists put in terms of distinct values."""
    if not isinstance(rel.source, t.Table) or rel.where:
        return conditions
    plain = [c for c in conditions if _long(c) is None and not has_query(c) and not _expensive(c)]
    return [_sought(rel.source, column, c, plain) if (column := _long(c)) is not None else c for c in conditions]


def _sought(source: t.Table, column: t.Ident, condition: t.SqlExpr, others: list[t.SqlExpr]) -> t.SqlExpr:
    # The limit is never reached: it keeps the engine from testing every row after all, before they are made distinct.
    values = t.Select((t.SelectItem(column),), source, t.conjunction(others), limit=_NEVER_REACHED, distinct=True)
    return t.InSelect(column, t.Select((t.SelectItem(column),), t.QueryFrom(values), condition))


def _long(condition: t.SqlExpr) -> t.Ident | None:
    """The column that a long list is sought in; None for any other condition."""
    match condition:
        case t.Call("regexp_matches", (t.Call("lower", (t.Ident(name, "") as column,)), t.Literal(str() as pattern))):
            if pattern.count("|") >= _LONG and not _UNIQUE.search(name):
                return column
    return None


def _expensive(condition: t.SqlExpr) -> bool:
    return any(isinstance(n, t.Call) and n.name.startswith("regexp") for n in walk(condition))
