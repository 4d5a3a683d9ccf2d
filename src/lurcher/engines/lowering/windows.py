"""Functions over rows in order: prev, next, row_number, running sums."""

from __future__ import annotations

from dataclasses import replace

from lurcher.engines.lowering.context import Context
from lurcher.engines.lowering.expressions import Expressions
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import INGESTED, Rel, sealed, select
from lurcher.engines.lowering.relations import cell, uses
from lurcher.plan import nodes as n
from lurcher.sql import tree as t

_RANKS = frozenset({"row_rank_dense", "row_rank_min"})
_RUNNING = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"


@handles(n.Window)
def window(context: Context, plan: n.Window) -> Rel:
    """Rows get their number in the order first: what is equal in the order's keys is then in one order for all functions, and
    for whoever looks at the result."""
    rel = context.relation(plan.input)
    if not rel.order and plan.order:
        rel = sealed(rel)
        rel = replace(rel, order=Expressions(context, rel.columns, context.outer).order(plan.order))
    elif rel.closed or rel.limit is not None or rel.distinct:
        rel = sealed(rel)
    number = f"row {context.fresh()}"
    item = t.SelectItem(t.Call("row_number", over=t.Over(order=rel.order)), number)
    query, names = select(replace(rel, order=()), hidden=(item,))
    order = (t.OrderKey(t.Ident(number)),)
    columns = {name: replace(c, expr=t.Ident(names[name])) for name, c in rel.columns.items()}
    base = Rel(t.QueryFrom(query), columns, order=order)
    for items in _levels(plan.items):
        base = _level(context, base, items)
    shown = [c.name for c in plan.columns] + [INGESTED] * (INGESTED in base.columns)
    return sealed(replace(base, columns={name: base.columns[name] for name in shown}))


def _levels(items: tuple[n.Item, ...]) -> list[list[n.Item]]:
    """The items in groups: one that uses another's value comes after that one's group."""
    levels: list[list[n.Item]] = [[]]
    for name, expr in items:
        used = uses([expr])
        if any(earlier in used for earlier, _ in levels[-1]):
            levels.append([])
        levels[-1].append((name, expr))
    return levels


def _level(context: Context, base: Rel, items: list[n.Item]) -> Rel:
    base, groups = _restarts(context, base, items)
    base, runs = _runs(context, base, items, groups)
    columns = dict(base.columns)
    for name, expr in items:
        if name in runs and isinstance(expr, n.Win) and callable(rank := expr.function.sql):
            over = t.Over((groups[name],) if name in groups else (), base.order)
            columns[name] = cell(rank(*runs[name], over=over), expr.type, False)
            continue
        running = t.Over((groups[name],) if name in groups else (), base.order)
        lowering = Expressions(context, base.columns, context.outer, running)
        if name in groups and isinstance(expr, n.Win):
            expr = replace(expr, args=tuple(a for i, a in enumerate(expr.args) if i != _restart(expr)))
        sql = lowering.value(expr)
        columns[name] = cell(sql.expr, expr.type, sql.nullable)
    return sealed(replace(base, columns=columns, closed=True))


def _restarts(context: Context, base: Rel, items: list[n.Item]) -> tuple[Rel, dict[str, t.SqlExpr]]:
    """A column of group numbers for each function that starts anew where a predicate holds."""
    hidden: list[t.SelectItem] = []
    groups: dict[str, t.SqlExpr] = {}
    over = t.Over(order=base.order, frame=_RUNNING)
    lowering = Expressions(context, base.columns, context.outer)
    for name, expr in items:
        index = _restart(expr) if isinstance(expr, n.Win) else None
        if index is None or not isinstance(expr, n.Win):
            continue
        column = f"group {context.fresh()}"
        begins = t.Case(((lowering.condition(expr.args[index]), t.Literal(1)),), t.Literal(0))
        hidden.append(t.SelectItem(t.Call("sum", (begins,), over=over), column))
        groups[name] = t.Ident(column)
    if not hidden:
        return base, groups
    return replace(base, source=t.QueryFrom(t.Select((t.SelectItem(t.Star()), *hidden), base.source))), groups


def _runs(
    context: Context, base: Rel, items: list[n.Item], groups: dict[str, t.SqlExpr]
) -> tuple[Rel, dict[str, tuple[t.SqlExpr, ...]]]:
    """For each rank, columns about the row's run, the rows in a row with one term: whether it begins here, the first row of
    all with the term; and the row's number."""
    hidden: list[t.SelectItem] = []
    runs: dict[str, tuple[t.SqlExpr, ...]] = {}
    (row,) = (key.expr for key in base.order)
    lowering = Expressions(context, base.columns, context.outer)
    for name, expr in items:
        if not isinstance(expr, n.Win) or expr.function.name not in _RANKS:
            continue
        number = context.fresh()
        term = lowering.value(expr.args[0]).expr
        group = (groups[name],) if name in groups else ()
        over = t.Over(group, base.order)
        same = t.Op("IS NOT DISTINCT FROM", (term, t.Call("lag", (term,), over=over)))
        goes_on = t.Op("AND", (same, t.Op("IS NOT NULL", (t.Call("lag", (row,), over=over),))))
        begins = t.Case(((goes_on, t.Literal(0)),), t.Literal(1))
        first = t.Call("min", (row,), over=t.Over((*group, term)))
        hidden += [t.SelectItem(begins, f"group {number}.1"), t.SelectItem(first, f"group {number}.2")]
        runs[name] = (t.Ident(f"group {number}.1"), t.Ident(f"group {number}.2"), row)
    if not hidden:
        return base, runs
    return replace(base, source=t.QueryFrom(t.Select((t.SelectItem(t.Star()), *hidden), base.source))), runs


def _restart(expr: n.Win) -> int | None:
    """Which argument says where to start anew."""
    for index, (param, _) in enumerate(zip(expr.function.params, expr.args, strict=False)):
        if param.name == "restart":
            return index
    return None
