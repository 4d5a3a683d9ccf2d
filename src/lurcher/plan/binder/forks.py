"""fork and facet: several results of one pipe. consume: none. assert-schema.

They end a query: what the service would make of them within one is no single table, and refused.

Source: "fork operator", "facet operator", "consume operator" (Kusto documentation).
"""

from __future__ import annotations

from lurcher.functions.registry import FunctionKind, overloads
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS109, KS116
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, Scope, operator
from lurcher.plan.binder.expressions import scalar
from lurcher.plan.binder.rows import environment
from lurcher.plan.binder.tables import pipe, table

T = ScalarType


def _at_the_end(cx: Context, op: sx.Operator, what: str) -> None:
    if op is not cx.last:
        cx.refuse(f"{what} within a query", op.span, "it gives several tables: let it be the last operator of all")


@operator(sx.ForkOp)
def _fork(cx: Context, scope: Scope, rel: Rel, op: sx.ForkOp) -> Rel:
    _at_the_end(cx, op, "fork")
    found: list[Rel] = []
    for branch in op.branches:
        # A branch's name is its result's; nothing reads it.
        body = branch.body
        found.append(pipe(cx, Scope(scope), body, rel) if isinstance(body, sx.Pipe) else table(cx, scope, body))
    cx.extra += [f.plan for f in found[1:]]
    return found[0]


@operator(sx.FacetOp)
def _facet(cx: Context, scope: Scope, rel: Rel, op: sx.FacetOp) -> Rel:
    _at_the_end(cx, op, "facet")
    env = environment(cx, scope, rel)
    env.wins = None
    found: list[Rel] = []
    if isinstance(op.body, sx.Pipe):
        found.append(pipe(cx, Scope(scope), op.body, rel))
    for node in op.columns:
        key = scalar(cx, env, node)
        if not isinstance(key, n.Col):
            if key.type is not T.UNKNOWN:
                cx.say(KS109, node.span)
            continue
        if key.type is T.DYNAMIC:
            cx.say(KS116, node.span, what="a key", actual="dynamic", hint="tostring() of it can be one")
        count = n.Agg(type=T.LONG, function=overloads(FunctionKind.AGGREGATE, "count")[0], args=(), span=op.span)
        name = f"count_{key.name}"
        columns = (Column(key.name, key.type), Column(name, T.LONG))
        plan = n.Aggregate(
            input=rel.plan, keys=((key.name, key),), items=((name, count),), columns=columns, span=op.span
        )
        found.append(Rel(plan))
    cx.extra += [f.plan for f in found[1:]]
    return found[0] if found else rel


@operator(sx.ConsumeOp)
def _consume(cx: Context, scope: Scope, rel: Rel, op: sx.ConsumeOp) -> Rel:
    if op is not cx.last:
        cx.refuse("consume within a query", op.span, "it gives nothing: let it be the last operator of all")
    return Rel(n.Values(rows=(), columns=(), span=op.span))


@operator(sx.AssertSchemaOp)
def _assert_schema(cx: Context, scope: Scope, rel: Rel, op: sx.AssertSchemaOp) -> Rel:
    wanted = [(c.name.text, c.type) for c in op.columns]
    if rel.open or wanted != [(c.name, c.type) for c in rel.columns]:
        there = ", ".join(f"{c.name}:{c.type}" for c in rel.columns)
        cx.refuse("assert-schema of other columns than there are", op.span, f"there are {there}")
    return rel
