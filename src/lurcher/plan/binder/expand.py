"""mv-expand and mv-apply: arrays and bags taken apart."""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, Scope, col, operator, project
from lurcher.plan.binder.expressions import scalar
from lurcher.plan.binder.joins import parameter
from lurcher.plan.binder.names import Namer, unique
from lurcher.plan.binder.rows import count_of, environment, named
from lurcher.plan.binder.tables import pipe

T = ScalarType


def _items(cx: Context, scope: Scope, rel: Rel, nodes: tuple[sx.ExpandItem, ...]) -> tuple[n.ExpandItem, ...]:
    env = environment(cx, scope, rel)
    env.wins = None
    namer = Namer((i.expression.names[0].text for i in nodes if isinstance(i.expression, sx.Named)), env.types)
    found = []
    for item in nodes:
        node = item.expression
        expr = scalar(cx, env, node.expression if isinstance(node, sx.Named) else node)
        if expr.type not in (T.DYNAMIC, T.UNKNOWN):
            cx.say(
                KS107,
                node.span,
                expected="dynamic",
                actual=expr.type,
                hint="parse_json() or split() makes one of a text",
            )
        found.append(n.ExpandItem(named(cx, namer, node), expr, item.to or T.DYNAMIC))
    return tuple(found)


@operator(sx.MvExpandOp)
def _mv_expand(cx: Context, scope: Scope, rel: Rel, op: sx.MvExpandOp) -> Rel:
    items = _items(cx, scope, rel, op.items)
    index = parameter(op, "with_itemindex") or None
    limit = count_of(cx, scope, op.limit) if op.limit is not None else None
    types = {i.name: i.type for i in items}
    columns = [Column(c.name, types.pop(c.name, c.type)) for c in rel.columns]
    columns += [Column(name, type) for name, type in types.items()]
    if index is not None:
        index = unique(index, {c.name for c in columns})
        columns.append(Column(index, T.LONG))
    kind = parameter(op, "kind") or parameter(op, "bagexpansion")
    plan = n.Expand(
        input=rel.plan,
        items=items,
        index=index,
        limit=limit,
        as_array=kind == "array",
        columns=tuple(columns),
        span=op.span,
    )
    # The row number of an element keeps the order; keys that are taken apart are no keys of it any more.
    gone = {i.name for i in items}
    order = rel.order if not any(isinstance(k.expr, n.Col) and k.expr.name in gone for k in rel.order) else ()
    return Rel(plan, order=order, sorted=rel.sorted, open=rel.open)


@operator(sx.MvApplyOp)
def _mv_apply(cx: Context, scope: Scope, rel: Rel, op: sx.MvApplyOp) -> Rel:
    """The body is bound over the elements; the columns of the row are read from it as `Outer`."""
    if op.context_id is not None:
        cx.refuse("mv-apply ... id", op.context_id.span, "what it does is not documented; leave it out")
    items = _items(cx, scope, rel, op.items)
    index = parameter(op, "with_itemindex") or None
    limit = count_of(cx, scope, op.limit) if op.limit is not None else None
    columns = [Column(i.name, i.type) for i in items]
    if index is not None:
        columns.append(Column(index, T.LONG))
    elements = n.Elements(items=items, index=index, limit=limit, columns=tuple(columns), span=op.span)
    gone = {c.name for c in columns}
    saved = cx.outer
    # One in the body of another: the row has what it has itself, and what the row around it has.
    cx.outer = {**(saved or {}), **{c.name: c.type for c in rel.columns}}
    cx.outer = {name: type for name, type in cx.outer.items() if name not in gone}
    try:
        assert isinstance(op.body, sx.Pipe)
        body = pipe(cx, scope, op.body, Rel(elements, open=rel.open))
    finally:
        cx.outer = saved
    return _applied(rel, body, op)


def _applied(rel: Rel, body: Rel, op: sx.MvApplyOp) -> Rel:
    """The row's columns, those that the body gives again in place, then the body's others."""
    given = {c.name: c for c in body.columns}
    taken = {c.name for c in rel.columns}
    names: dict[str, str] = {}
    for i, column in enumerate(body.columns):
        names[column.name] = f"$body{i}" if column.name in taken else column.name
    renamed = project(body, [(names[c.name], col(c.name, c.type)) for c in body.columns])
    columns = (*rel.columns, *renamed.columns)
    plan = n.Apply(input=rel.plan, body=renamed.plan, columns=columns, span=op.span)
    applied = Rel(plan, open=rel.open)
    if not any(name in taken for name in given):
        return applied
    items: list[n.Item] = []
    for c in rel.columns:
        source = given.get(c.name)
        items.append((c.name, col(names[c.name], source.type) if source is not None else col(c.name, c.type)))
    items += [(c.name, col(c.name, c.type)) for c in body.columns if c.name not in taken]
    return project(applied, items, op.span)
