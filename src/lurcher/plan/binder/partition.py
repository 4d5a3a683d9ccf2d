"""partition: a query for each value of a column, over the rows that have it; all that these give together.

The body is bound once, over the rows whose key is that of an outer row: the distinct keys. What it gives has no order. In
braces it is a query of its own, in which the key is a value; null is a key like others.

The service runs at most 64 queries of the strategy `legacy` and fails where there are more keys; here there is no limit.

Source: "partition operator" (Kusto documentation).
"""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS109, KS116
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, ScalarValue, Scope, keep, operator, project
from lurcher.plan.binder.expressions import function, scalar
from lurcher.plan.binder.names import result_name
from lurcher.plan.binder.rows import environment
from lurcher.plan.binder.tables import pipe, table

T = ScalarType


@operator(sx.PartitionOp)
def _partition(cx: Context, scope: Scope, rel: Rel, op: sx.PartitionOp) -> Rel:
    key = scalar(cx, environment(cx, scope, rel), op.by)
    if not isinstance(key, n.Col) and key.type is not T.UNKNOWN:
        cx.say(KS109, op.by.span)
    if key.type is T.DYNAMIC:
        cx.say(KS116, op.by.span, what="a key", actual="dynamic", hint="tostring() of it can be one")
    cx.partitions += 1
    name = f"$partition{cx.partitions}"
    outer = n.Outer(type=key.type, name=name, span=op.by.span)
    rows = n.Shared(input=rel.plan, columns=rel.columns, span=op.span)
    column = (Column(name, key.type),)
    keys = n.Aggregate(input=rows, keys=((name, key),), items=(), columns=column, span=op.span)
    inner = Scope(scope)
    # A name that `as` gives in the body is a part's: nothing outside may read it.
    saved, cx.statement_scope = cx.statement_scope, inner
    try:
        body = _body(cx, inner, rel, rows, key, outer, op)
    finally:
        cx.statement_scope = saved
    columns = (*column, *body.columns)
    plan = n.Apply(input=keys, body=body.plan, columns=columns, span=op.span)
    given = project(Rel(plan, open=body.open), keep(body.columns), op.span)
    return Rel(given.plan, open=body.open)


def _body(cx: Context, scope: Scope, rel: Rel, rows: n.Plan, key: n.Expr, outer: n.Expr, op: sx.PartitionOp) -> Rel:
    if isinstance(op.body, sx.Pipe) and op.body.source is None and not op.braces:
        same = function(cx, "__same", (key, outer), op.by.span)
        one = rel.over(n.Filter(input=rows, predicate=same, columns=rel.columns, span=op.span))
        return pipe(cx, scope, op.body, one)
    scope.names[result_name(op.by)] = ScalarValue(outer)
    return table(cx, scope, op.body)
