"""`make-series`: groups become arrays along an axis.

The rows within `from` and `to` (which does not belong to it) are grouped by the keys and by the step that they fall into; then
each group's steps are laid out in order, a step without rows holding the default.

Source: "make-series operator" (Kusto documentation).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lurcher.engines.lowering.context import Context, refuse
from lurcher.engines.lowering.expressions import Expressions, Sql
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import Cell, Rel, select
from lurcher.engines.lowering.relations import cell, expressions, over
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.sql import tree as t

#: More steps than this are no series: the service stops here too.
_MOST = 1_048_576


@dataclass(frozen=True, slots=True)
class _Axis:
    """The axis in whole numbers (microseconds for times) or, for reals, as it is."""

    start: t.SqlExpr
    step: t.SqlExpr
    count: t.SqlExpr
    value: t.SqlExpr  # of the row


@handles(n.Series)
def series(context: Context, plan: n.Series) -> Rel:
    if plan.start is None or plan.stop is None:
        raise refuse(
            "make-series without from and to", plan.span, "give the axis its bounds: from ago(7d) to now() step 1d"
        )
    axis_expr = plan.axis[1]
    rel, lowering = over(
        context,
        context.relation(plan.input),
        [axis_expr, axis_expr, *(e for _, e in plan.keys), *(e for _, e, _ in plan.items)],
    )
    constant = Expressions(context, {}, context.outer)
    axis_value = lowering.value(axis_expr).expr
    axis = _axis(plan, axis_value, constant)
    bounds = [
        _at_least(axis_value, constant.value(plan.start).expr),
        _below(axis_value, constant.value(plan.stop).expr),
    ]
    columns: dict[str, Cell] = {}
    for key_name, key in plan.keys:
        sql = lowering.value(key)
        columns[key_name] = cell(sql.expr, key.type, sql.nullable)
    group = tuple(c.expr for c in columns.values())
    offset = t.Op("-", (axis.value, axis.start))
    step: t.SqlExpr = t.Op("//", (offset, axis.step))
    if axis_expr.type is ScalarType.REAL:
        step = t.Cast(t.call("floor", t.Op("/", (offset, axis.step))), "BIGINT")
    values = [Cell(lowering.value(agg).expr, agg.type, True) for _, agg, _ in plan.items]
    stepped = replace(
        rel,
        columns={
            **columns,
            "$step": Cell(step, ScalarType.LONG, False),
            **{f"$value{i}": v for i, v in enumerate(values)},
        },
        where=(*rel.where, *bounds),
        group=(*group, step),
        closed=True,
        order=(),
    )
    query, names = select(stepped)
    return _laid_out(context, plan, query, names, stepped, axis, constant)


def _laid_out(
    context: Context,
    plan: n.Series,
    query: t.SqlQuery,
    names: dict[str, str],
    stepped: Rel,
    axis: _Axis,
    constant: Expressions,
) -> Rel:
    """The groups' steps in order: for each item a map from step to value, looked up for every step of the axis."""
    keys = {n_: replace(stepped.columns[n_], expr=t.Ident(names[n_])) for n_, _ in plan.keys}
    position = t.Ident(names["$step"])
    maps = []
    for i, _ in enumerate(plan.items):
        lists = (t.Call("list", (x,), order=(t.OrderKey(position),)) for x in (position, t.Ident(names[f"$value{i}"])))
        maps.append(t.SelectItem(t.call("map", *lists), f"values {i}"))
    group = tuple(c.expr for c in keys.values())
    items = (*(t.SelectItem(e) for e in group), *maps)
    # Without keys and without rows there is no series at all.
    having = None if group else t.Op(">", (t.Call("count", (t.Star(),)), t.Literal(0)))
    inner = t.Select(items or (t.SelectItem(t.Literal(1), "~"),), t.QueryFrom(query), group=group, having=having)
    numbers = t.call("range", axis.count)
    lowering = expressions(context, Rel(None, {}))
    columns = dict(keys)
    for i, (name, agg, default) in enumerate(plan.items):
        variable = f"i{context.fresh()}__"
        found, step = t.Ident(f"values {i}"), t.Ident(variable)
        held = t.Fragment((t.Slot(t.call("map_extract", found, step), False), "[1]"), True)
        default_sql = lowering.converted(constant.value(default), default.type, ScalarType.DYNAMIC, default).expr
        boxed = lowering.converted(Sql(held, True), agg.type, ScalarType.DYNAMIC, agg).expr
        value = t.Case(((t.call("map_contains", found, step), boxed),), default_sql)
        array = t.call("to_json", t.call("list_transform", numbers, t.Lambda((variable,), value)))
        columns[name] = Cell(array, ScalarType.DYNAMIC, False)
    columns[plan.axis[0]] = Cell(_axis_array(context, plan, axis, numbers, lowering), ScalarType.DYNAMIC, False)
    return Rel(t.QueryFrom(inner), {c.name: columns[c.name] for c in plan.columns})


def _axis(plan: n.Series, value: t.SqlExpr, constant: Expressions) -> _Axis:
    assert plan.start is not None
    assert plan.stop is not None
    start, stop, step = (constant.value(e).expr for e in (plan.start, plan.stop, plan.step))
    kind = plan.axis[1].type
    if kind is ScalarType.DATETIME:
        if not isinstance(plan.step, n.Lit) or not isinstance(plan.step.value, int) or plan.step.value % 10:
            raise refuse("make-series with a step that is no whole number of microseconds", plan.span)
        start, stop, value = (t.call("epoch_us", e) for e in (start, stop, value))
        step = t.Literal(plan.step.value // 10, "BIGINT")
    elif kind not in (ScalarType.LONG, ScalarType.INT, ScalarType.TIMESPAN, ScalarType.REAL):
        raise refuse(f"make-series over {kind}", plan.span)
    steps = t.call("ceil", t.Op("/", (t.Cast(t.Op("-", (stop, start)), "DOUBLE"), step)))
    count = t.call("least", t.call("greatest", t.Cast(steps, "BIGINT"), t.Literal(0)), t.Literal(_MOST))
    return _Axis(start, step, count, value)


def _axis_array(context: Context, plan: n.Series, axis: _Axis, numbers: t.SqlExpr, lowering: Expressions) -> t.SqlExpr:
    variable = f"i{context.fresh()}__"
    kind = plan.axis[1].type
    at: t.SqlExpr = t.Op("+", (axis.start, t.Op("*", (t.Ident(variable), axis.step))))
    if kind is ScalarType.DATETIME:
        at = t.call("make_timestamp", at)
    boxed = lowering.converted(
        Sql(at, False), ScalarType.LONG if kind is ScalarType.INT else kind, ScalarType.DYNAMIC, plan.axis[1]
    )
    return t.call("to_json", t.call("list_transform", numbers, t.Lambda((variable,), boxed.expr)))


def _at_least(value: t.SqlExpr, bound: t.SqlExpr) -> t.SqlExpr:
    return t.Op(">=", (value, bound))


def _below(value: t.SqlExpr, bound: t.SqlExpr) -> t.SqlExpr:
    return t.Op("<", (value, bound))
