"""Operators that are bound and typed, and then refused by name: what they mean is not lowered yet."""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, Scope, operator, source
from lurcher.plan.binder.expressions import scalar
from lurcher.plan.binder.rows import environment
from lurcher.plan.binder.tables import operator_name, unknown_table

T = ScalarType


def _refused(cx: Context, rel: Rel, op: sx.Operator, columns: list[Column], hint: str = "") -> Rel:
    cx.refuse(operator_name(op), op.span, hint)
    distinct = {c.name: c for c in columns}
    name = operator_name(op)
    plan = n.TableFunction(input=rel.plan, name=name, args=(), columns=tuple(distinct.values()), span=op.span)
    return Rel(plan, open=rel.open)


@operator(sx.ReduceOp)
def _reduce(cx: Context, scope: Scope, rel: Rel, op: sx.ReduceOp) -> Rel:
    scalar(cx, environment(cx, scope, rel), op.by)
    columns = [Column("Pattern", T.STRING), Column("Count", T.LONG), Column("Representative", T.STRING)]
    hint = (
        "which patterns it finds depends on thresholds that are not documented; summarize by a text without its numbers"
    )
    return _refused(cx, rel, op, columns, hint)


@source(sx.MacroExpandOp)
def _macro_expand(cx: Context, scope: Scope, op: sx.MacroExpandOp) -> Rel:
    cx.refuse("macro-expand", op.span, "a lake is one database: run the query in the parentheses alone")
    return unknown_table(op.span)
