"""make-series."""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS005_VALUE, KS107
from lurcher.kql.types import NUMERIC_TYPES, Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, operator
from lurcher.plan.binder.expressions import convert, scalar
from lurcher.plan.binder.groups import grouped
from lurcher.plan.binder.joins import parameter
from lurcher.plan.binder.rows import named

T = ScalarType


@operator(sx.MakeSeriesOp)
def _make_series(cx: Context, scope: Scope, rel: Rel, op: sx.MakeSeriesOp) -> Rel:
    env = Env(scope, rel, aggs=[], wins=[], outer=cx.outer)
    group = grouped(cx, env, rel, op.by, tuple(a.aggregate for a in op.aggregates))
    items: list[tuple[str, n.Expr, n.Expr]] = []
    for item in op.aggregates:
        node = item.aggregate.expression if isinstance(item.aggregate, sx.Named) else item.aggregate
        before = len(group.aggs)
        expr = scalar(cx, env, node)
        name = named(cx, group.namer, item.aggregate)
        agg: n.Expr = expr
        if isinstance(expr, n.Col) and group.aggs and expr.name == group.aggs[-1][0] and len(group.aggs) == before + 1:
            agg = group.aggs[-1][1]
        elif expr.type is not T.UNKNOWN:
            found = dict(group.aggs).get(expr.name) if isinstance(expr, n.Col) else None
            if found is None:
                cx.refuse("make-series of an expression over aggregates", node.span)
            else:
                agg = found
        default: n.Expr = n.Lit(type=T.LONG, value=0, span=item.span)
        if item.default is not None:
            default = scalar(cx, Env(scope), item.default)
        items.append((name, agg, convert(default, agg.type) if agg.type in NUMERIC_TYPES else default))
    row = Env(scope, rel, outer=cx.outer)
    axis_node = op.on.expression if isinstance(op.on, sx.Named) else op.on
    axis = scalar(cx, row, axis_node)
    if axis.type not in (*NUMERIC_TYPES, T.DATETIME, T.TIMESPAN, T.UNKNOWN):
        cx.say(KS107, op.on.span, expected="number, datetime or timespan", actual=axis.type)
    axis_name = named(cx, group.namer, op.on)
    start, stop = (scalar(cx, Env(scope), x) if x is not None else None for x in (op.start, op.stop))
    step = scalar(cx, Env(scope), op.step)
    kind = parameter(op, "kind")
    if kind and kind != "nonempty":
        cx.say(KS005_VALUE, op.span, expected="nonempty", hint=f"there is no make-series kind '{kind}'")
    if kind == "nonempty" and (op.by or start is None or stop is None):
        cx.refuse("make-series kind=nonempty with keys, or without from and to", op.span)
    columns = (
        *(Column(name, e.type) for name, e in group.keys),
        *(Column(name, T.DYNAMIC) for name, _, _ in items),
        Column(axis_name, T.DYNAMIC),
    )
    plan = n.Series(
        input=group.rel.plan,
        keys=tuple(group.keys),
        items=tuple(items),
        axis=(axis_name, axis),
        start=start,
        stop=stop,
        step=step,
        in_range=op.in_range,
        always=kind == "nonempty",
        columns=columns,
        span=op.span,
    )
    return Rel(plan)
