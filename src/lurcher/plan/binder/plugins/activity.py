"""Plugins that count who was active when."""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, Scope
from lurcher.plan.binder.plugins.registry import column, plugin

T = ScalarType


@plugin("activity_counts_metrics")
def _activity_counts(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    args = op.call.arguments
    cx.refuse(f"evaluate {op.call.name.text}", op.call.name.span)
    axis = column(cx, rel, args[1]) if len(args) > 1 else None
    dimensions = [c for node in args[5:] if (c := column(cx, rel, node)) is not None]
    columns = [axis] if axis is not None else []
    columns += dimensions
    columns += [Column(x, T.LONG) for x in ("count", "dcount", "new_dcount", "aggregated_dcount")]
    plan = n.TableFunction(input=rel.plan, name=op.call.name.text, args=(), columns=tuple(columns), span=op.span)
    return Rel(plan)


@plugin("sliding_window_counts")
def _sliding_window(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    args = op.call.arguments
    cx.refuse(f"evaluate {op.call.name.text}", op.call.name.span)
    axis = column(cx, rel, args[1]) if len(args) > 1 else None
    dimensions = [c for node in args[6:] if (c := column(cx, rel, node)) is not None]
    columns = [axis] if axis is not None else []
    columns += [*dimensions, Column("Count", T.LONG), Column("Dcount", T.LONG)]
    plan = n.TableFunction(input=rel.plan, name=op.call.name.text, args=(), columns=tuple(columns), span=op.span)
    return Rel(plan)
