"""Groups: `summarize`, `distinct`, and one row of each group."""

from __future__ import annotations

from dataclasses import replace

from lurcher.engines.lowering.context import Context, refuse
from lurcher.engines.lowering.expressions import Expressions
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import Cell, Rel, hoisted, sealed, stored_names
from lurcher.engines.lowering.relations import cell, expressions, over
from lurcher.plan import nodes as n
from lurcher.sql import tree as t
from lurcher.sql.walk import is_volatile, walk


@handles(n.Aggregate)
def aggregate(context: Context, plan: n.Aggregate) -> Rel:
    rel = context.relation(plan.input)
    if rel.limit is None:
        rel = replace(rel, order=())
    rel, lowering = over(context, rel, [e for _, e in (*plan.keys, *plan.items)])
    if plan.keys and not plan.items:
        columns = {}
        for name, key in plan.keys:
            sql = lowering.value(key)
            columns[name] = cell(sql.expr, key.type, sql.nullable)
        return replace(rel, columns=columns, distinct=True, closed=True, order=())
    columns = _cells(lowering, (*plan.keys, *plan.items))
    outer = {c.expr for c in context.outer.values()}
    if any(_is_all_outer(columns[name].expr, outer) for name, _ in plan.items):
        rel, lowering = _with_outer(context, rel)
        columns = _cells(lowering, (*plan.keys, *plan.items))
    if any(is_volatile(columns[name].expr) for name, _ in plan.keys):
        raise refuse("grouping by a random value", plan.span)
    group = tuple(columns[name].expr for name, _ in plan.keys)
    return replace(rel, columns=columns, group=group, closed=True, order=())


def _cells(lowering: Expressions, items: tuple[n.Item, ...]) -> dict[str, Cell]:
    found = {}
    for name, expr in items:
        sql = lowering.value(expr)
        found[name] = cell(sql.expr, expr.type, sql.nullable)
    return found


def _is_all_outer(expr: t.SqlExpr, outer: set[t.SqlExpr]) -> bool:
    """Whether an aggregate reads nothing but the row of an `Apply`: SQL takes it for one of the query around, then."""
    read = [e for e in walk(expr) if isinstance(e, t.Ident) and not e.name.endswith("__")]
    return bool(read) and all(e in outer for e in read)


def _with_outer(context: Context, rel: Rel) -> tuple[Rel, Expressions]:
    """The relation with the outer row's values as columns of its own."""
    names = {name: f"$outer {name}" for name in context.outer}
    columns = {**rel.columns, **{names[name]: c for name, c in context.outer.items()}}
    # A condition, so that it is a query of its own.
    own = sealed(replace(rel, columns=columns, where=(*rel.where, t.TRUE)))
    outer = {name: own.columns[column] for name, column in names.items()}
    return own, Expressions(context, own.columns, outer)


def _extreme(plan: n.Pick, row: t.SqlExpr, order: tuple[t.OrderKey, ...]) -> t.SqlExpr:
    """The first row in an order, where an aggregate has no ORDER BY: that with the largest or least key, nulls last."""
    if not order:
        return t.call("first", row)
    if len(order) > 1 or order[0].nulls_first:
        raise refuse("the first row by keys of this kind on Spark", plan.span, "run it here: leave out --engine")
    key, name = order[0].expr, "max" if order[0].descending else "min"
    return t.Case(((t.Op("IS NULL", (t.call(name, key),)), t.call("first", row)),), t.call(f"{name}_by", row, key))


@handles(n.Pick)
def pick(context: Context, plan: n.Pick) -> Rel:
    """The row as a struct, the first of its group: one aggregate, where a window function would sort the whole table."""
    rel = sealed(context.relation(plan.input))
    lowering = expressions(context, rel)
    names = stored_names(rel.columns)
    row = t.Struct(tuple((names[name], c.expr) for name, c in rel.columns.items()))
    # any_value and first over a struct: a row whose cells are all null is a row too.
    order = lowering.order(plan.order)
    first = t.Call("first", (row,), order=order) if context.dialect.ordered_first else _extreme(plan, row, order)
    keys = tuple(lowering.value(k).expr for k in plan.keys)
    query = hoisted(
        t.Select(
            (t.SelectItem(first, "row"),),
            rel.source,
            t.conjunction(list(rel.where)),
            keys,
            # Without keys there is one group, of no rows too.
            having=None if keys else t.Op(">", (t.Call("count", (t.Star(),)), t.Literal(0))),
        )
    )
    columns = {name: Cell(t.Field(t.Ident("row"), names[name]), c.type, c.nullable) for name, c in rel.columns.items()}
    return sealed(Rel(t.QueryFrom(query), columns, where=()))
