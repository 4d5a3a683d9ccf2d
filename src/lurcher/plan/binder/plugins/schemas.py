"""schema_merge: what getschema gives of several tables, as one schema. It is small, and looked at while the query is bound.

A column has one type and one place in all schemas. One that has several places is an error in its row, which comes last, or,
where the order need not be preserved, stands at the latest of them. Several types of one column, and several columns in one
place, are refused: how the service settles them is not published.

Source: "schema_merge plugin" (Kusto documentation), an example as measured on Microsoft's emulator.
"""

from __future__ import annotations

from lurcher.errors import shown
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS120
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope
from lurcher.plan.binder.expressions import scalar
from lurcher.plan.binder.plugins.registry import plugin
from lurcher.plan.binder.plugins.written import ask, unknown_columns, written

T = ScalarType
MAX_ROWS = 10_000
_COLUMNS = (
    Column("ColumnName", T.STRING),
    Column("ColumnOrdinal", T.LONG),
    Column("DataType", T.STRING),
    Column("ColumnType", T.STRING),
)
_DISORDER = "ERROR(columns are out of order)"


@plugin("schema_merge")
def _schema_merge(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    preserve = _preserve(cx, scope, op)
    types = {c.name: c.type for c in rel.columns}
    for wanted in _COLUMNS:
        found = types.get(wanted.name)
        if found is not wanted.type and not (wanted.type is T.LONG and found is T.INT) and not rel.open:
            cx.say(KS107, op.call.span, expected=f"{wanted.name} as getschema gives it", actual=found or "none")
            return unknown_columns(cx, op, rel, _COLUMNS)
    text = """T | summarize first = min(ColumnOrdinal), until = max(ColumnOrdinal), kinds = dcount(ColumnType),
        take_any(DataType, ColumnType) by ColumnName"""
    answer = ask(cx, op, written(cx, op, text.replace("first", "['first']"), {"T": rel}), MAX_ROWS)
    if answer is None:
        return unknown_columns(cx, op, rel, _COLUMNS)
    rows = []
    places: set[int] = set()
    for row in sorted(answer.to_pylist(), key=lambda r: (preserve and r["first"] != r["until"], r["until"])):
        name, place = row["ColumnName"], row["until"]
        if row["kinds"] > 1:
            cx.refuse(f"schema_merge of a column of several types, {shown(name)},", op.call.span)
        if preserve and row["first"] != place:
            rows.append((name, -1, f"ERROR(unknown CSL type:{_DISORDER})", _DISORDER))
            continue
        if place in places:
            cx.refuse(f"schema_merge of several columns in place {place}", op.call.span)
        places.add(place)
        rows.append((name, place, row["DataType"], row["ColumnType"]))
    cells = tuple(tuple(n.Lit(type=c.type, value=v) for c, v in zip(_COLUMNS, row, strict=True)) for row in rows)
    return Rel(n.Values(rows=cells, columns=_COLUMNS, span=op.span))


def _preserve(cx: Context, scope: Scope, op: sx.EvaluateOp) -> bool:
    args = op.call.arguments
    if len(args) > 1:
        cx.say(KS120, op.call.name.span, name="schema_merge", counts="0 or 1 arguments", given=len(args))
    if not args:
        return True
    value = scalar(cx, Env(scope), args[0].expression if isinstance(args[0], sx.Named) else args[0])
    if not isinstance(value, n.Lit) or value.type is not T.BOOL:
        cx.say(KS107, args[0].span, expected="true or false", actual=value.type)
        return True
    return bool(value.value)
