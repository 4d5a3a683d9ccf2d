"""Plugins on the columns of a row: bag_unpack, narrow."""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, Scope, col, project
from lurcher.plan.binder.expressions import constant_text, convert, operator_call
from lurcher.plan.binder.plugins.registry import column, declared, plugin

T = ScalarType


@plugin("bag_unpack")
def _bag_unpack(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """With a schema the columns are known; without one they depend on the rows."""
    args = op.call.arguments
    bag = column(cx, rel, args[0]) if args else None
    if bag is None:
        return declared(op) or Rel(rel.plan, open=True)
    if bag.type not in (T.DYNAMIC, T.UNKNOWN):
        cx.say(KS107, args[0].span, expected="dynamic", actual=bag.type)
    prefix = ""
    if len(args) > 1:
        node = args[1].expression if isinstance(args[1], sx.Named) else args[1]
        prefix = constant_text(cx, scope, node, "the prefix") or ""
    rest = [c for c in rel.columns if c.name != bag.name]
    if op.schema is None or len(args) > 2:
        hint = "say the columns: evaluate bag_unpack(x) : (a:string, b:long)"
        cx.refuse("evaluate bag_unpack without a schema", op.call.span, hint)
        kept = project(rel, [(c.name, col(c.name, c.type)) for c in rest])
        return declared(op) or Rel(kept.plan, open=True)
    types = {c.name: c.type for c in rest}
    items: list[n.Item] = [(c.name, col(c.name, c.type)) for c in rest] if op.open_schema else []
    listed = {name for name, _ in items}
    for decl in op.schema:
        name = decl.name.text
        if name in listed:
            continue
        if name in types:
            items.append((name, convert(col(name, types[name]), decl.type)))
            continue
        key = n.Lit(type=T.STRING, value=name.removeprefix(prefix), span=decl.span)
        member = operator_call(cx, ".", (col(bag.name, T.DYNAMIC), key), T.DYNAMIC, decl.span)
        items.append((name, convert(member, decl.type)))
    return project(rel, items, op.span)


@plugin("narrow")
def _narrow(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    cx.refuse("evaluate narrow", op.call.name.span)
    columns = (Column("Row", T.LONG), Column("Column", T.STRING), Column("Value", T.STRING))
    return Rel(n.TableFunction(input=rel.plan, name="narrow", args=(), columns=columns, span=op.span))
