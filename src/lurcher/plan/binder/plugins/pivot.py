"""pivot: the values of a column become columns."""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, project
from lurcher.plan.binder.expressions import scalar
from lurcher.plan.binder.plugins.registry import column, declared, plugin

T = ScalarType


@plugin("pivot")
def _pivot(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """Its columns are the values of a column: known only by running."""
    args = op.call.arguments
    pivoted = column(cx, rel, args[0]) if args else None
    keys: list[Column] = []
    used = {pivoted.name} if pivoted is not None else set()
    if len(args) > 1:
        env = Env(scope, rel, aggs=[])
        value = scalar(cx, env, args[1])
        used |= {
            e.name for _, agg in env.aggs or [] if isinstance(agg, n.Agg) for e in agg.args if isinstance(e, n.Col)
        }
        del value
    if len(args) > 2:
        keys = [c for node in args[2:] if (c := column(cx, rel, node)) is not None]
    else:
        keys = [c for c in rel.columns if c.name not in used]
    cx.refuse(
        "evaluate pivot", op.call.span, "summarize countif(...) for each value gives the same where they are known"
    )
    kept = project(rel, [(c.name, col(c.name, c.type)) for c in dict.fromkeys(keys)])
    return declared(op) or Rel(kept.plan, open=True)
