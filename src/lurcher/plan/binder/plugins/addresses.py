"""ipv4_lookup and ipv6_lookup: rows of a table of networks for addresses."""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import LU009
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope
from lurcher.plan.binder.expressions import scalar
from lurcher.plan.binder.names import Sides
from lurcher.plan.binder.plugins.registry import plugin
from lurcher.plan.binder.tables import table

T = ScalarType


@plugin("ipv4_lookup", "ipv6_lookup")
def _ip_lookup(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    args = op.call.arguments
    if not args:
        cx.say(LU009, op.call.span, name="LookupTable", function=op.call.name.text, problem="missing")
        return Rel(rel.plan, open=True)
    other = table(cx, scope, args[0])
    for node in args[1:2]:
        scalar(cx, Env(scope, rel), node)
    cx.refuse(f"evaluate {op.call.name.text}", op.call.name.span)
    sides = Sides((c.name for c in rel.columns), (c.name for c in other.columns))
    columns = list(rel.columns)
    for column in other.columns:
        columns.append(Column(sides.add(column.name), column.type))
    plan = n.TableFunction(input=rel.plan, name=op.call.name.text, args=(), columns=tuple(columns), span=op.span)
    return Rel(plan, open=rel.open or other.open)
