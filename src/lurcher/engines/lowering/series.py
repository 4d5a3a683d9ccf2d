"""`make-series`: groups become arrays along an axis.

The rows within `from` and `to` (which does not belong to it) are grouped by the keys and by the step that they fall into; then
each group's steps are laid out in order, a step without rows holding the default. Without `from` the steps are those of bin()
and a series begins with the first that has rows; without `to` it ends with the last.

`in range(start, stop, step)` has the steps of bin() and its stop belongs to it. What becomes of a start that is no such
step, and of rows after the stop in its step, is not documented: the statement fails where there are rows.

Source: "make-series operator" (Kusto documentation), with its "alternate syntax".
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
from lurcher.sql.template import parse_template

#: More steps than this are no series: the service cuts the array or fails.
_MOST = 1_048_576
#: Where bin() of a datetime counts from, 0001-01-01, in microseconds.
_ORIGIN = -62_135_596_800_000_000
_WHOLE = (ScalarType.LONG, ScalarType.INT)

_FLOOR = "({x} - (({x} % {step} + {step}) % {step})) // {step}"
_REAL_FLOOR = "CAST(floor({x} / {step}) AS BIGINT)"
_WITHIN = (
    "CASE WHEN {x} < {start} THEN false WHEN ({start} - {origin}) % {step} <> 0"
    " THEN CAST(error('LurcherError: make-series in range(), whose start is no multiple of its step: where the first step"
    " begins is not documented\n  hint: write: | where t between (start .. stop) | make-series ... on t from bin(start, step)"
    " to stop step step') AS BOOLEAN)"
    " WHEN {x} <= {stop} THEN true WHEN {x} - ({x} - {origin}) % {step} <= {stop}"
    " THEN CAST(error('LurcherError: make-series in range(), and rows after its stop in the step of the stop: whether they"
    " count is not documented\n  hint: write: on t from start to stop step step, or filter before: where t <= stop') AS BOOLEAN)"
    " ELSE false END"
)
_THERE = (
    "CASE WHEN {x} IS NULL THEN CAST(error('LurcherError: make-series without from and to, over rows without a value on the"
    " axis: what becomes of them is not documented\n  hint: filter before: where isnotnull(t)') AS BOOLEAN) ELSE true END"
)
_FEW = (
    f"CASE WHEN {{last}} - {{first}} >= {_MOST} THEN CAST(error('LurcherError: a series of more than {_MOST:,} steps\n"
    "  hint: make the step larger or the range smaller') AS BIGINT) ELSE {last} + 1 END"
)


@dataclass(frozen=True, slots=True)
class _Axis:
    """The axis in whole numbers (microseconds for times) or, for reals, as it is. `start` is where step 0 begins."""

    start: t.SqlExpr
    step: t.SqlExpr
    value: t.SqlExpr  # of the row
    stop: t.SqlExpr | None
    #: The step that is the last; None where the rows say it.
    last: t.SqlExpr | None


@handles(n.Series)
def series(context: Context, plan: n.Series) -> Rel:
    axis_expr = plan.axis[1]
    rel, lowering = over(
        context,
        context.relation(plan.input),
        [axis_expr, axis_expr, *(e for _, e in plan.keys), *(e for _, e, _ in plan.items)],
    )
    constant = Expressions(context, {}, context.outer)
    axis = _axis(context, plan, lowering.value(axis_expr).expr, constant)
    columns: dict[str, Cell] = {}
    for key_name, key in plan.keys:
        sql = lowering.value(key)
        columns[key_name] = cell(sql.expr, key.type, sql.nullable)
    group = tuple(c.expr for c in columns.values())
    offset = t.Op("-", (axis.value, axis.start))
    text = _REAL_FLOOR if axis_expr.type is ScalarType.REAL else _FLOOR
    step = parse_template(text).fill({"x": offset, "step": axis.step}, context.fresh)
    values = [Cell(lowering.value(agg).expr, agg.type, True) for _, agg, _ in plan.items]
    stepped = replace(
        rel,
        columns={
            **columns,
            "$step": Cell(step, ScalarType.LONG, False),
            **{f"$value{i}": v for i, v in enumerate(values)},
        },
        where=(*rel.where, *_bounds(context, plan, axis)),
        group=(*group, step),
        closed=True,
        order=(),
    )
    query, names = select(stepped)
    return _laid_out(context, plan, query, names, stepped, axis, constant)


def _bounds(context: Context, plan: n.Series, axis: _Axis) -> list[t.SqlExpr]:
    """The conditions for a row to be in a series."""
    if plan.in_range:
        assert axis.stop is not None
        operands = {"x": axis.value, "start": axis.start, "stop": axis.stop, "step": axis.step, "origin": _origin(plan)}
        return [parse_template(_WITHIN).fill(operands, context.fresh)]
    bounds: list[t.SqlExpr] = []
    if plan.start is not None:
        bounds.append(t.Op(">=", (axis.value, axis.start)))
    if axis.stop is not None:
        bounds.append(t.Op("<", (axis.value, axis.stop)))
    return bounds or [parse_template(_THERE).fill({"x": axis.value}, context.fresh)]


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
    items = [t.SelectItem(c.expr) for c in keys.values()]
    for i, _ in enumerate(plan.items):
        lists = (t.Call("list", (x,), order=(t.OrderKey(position),)) for x in (position, t.Ident(names[f"$value{i}"])))
        items.append(t.SelectItem(t.call("map", *lists), f"values {i}"))
    first: t.SqlExpr = t.Literal(0, "BIGINT")
    last = axis.last
    if plan.start is None:
        items.append(t.SelectItem(t.call("min", position), "row 1"))
        first = t.Ident("row 1")
    if last is None:
        items.append(t.SelectItem(t.call("max", position), "row 2"))
        last = t.Ident("row 2")
    group = tuple(c.expr for c in keys.values())
    # Without keys and without rows there is no series at all.
    some = bool(group) or plan.always
    having = None if some else t.Op(">", (t.Call("count", (t.Star(),)), t.Literal(0)))
    inner = t.Select(tuple(items) or (t.SelectItem(t.Literal(1), "~"),), t.QueryFrom(query), group=group, having=having)
    end = parse_template(_FEW).fill({"first": first, "last": last}, context.fresh)
    numbers = t.call("range", first, end)
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


def _axis(context: Context, plan: n.Series, value: t.SqlExpr, constant: Expressions) -> _Axis:
    kind = plan.axis[1].type
    if not isinstance(plan.step, n.Lit) or not isinstance(plan.step.value, int | float) or not plan.step.value > 0:
        raise refuse("make-series with a step that is no positive constant", plan.step.span)
    start, stop = (constant.value(e).expr if e is not None else None for e in (plan.start, plan.stop))
    step = constant.value(plan.step).expr
    if kind is ScalarType.DATETIME:
        if plan.step.type is not ScalarType.TIMESPAN or plan.step.value % 10:
            raise refuse("make-series with a step that is no whole number of microseconds", plan.span)
        start, stop = (t.call("epoch_us", e) if e is not None else None for e in (start, stop))
        value = t.call("epoch_us", value)
        step = t.Literal(plan.step.value // 10, "BIGINT")
    elif kind not in (*_WHOLE, ScalarType.TIMESPAN, ScalarType.REAL):
        raise refuse(f"make-series over {kind}", plan.span)
    for part in (plan.start, plan.stop, plan.step):
        if kind in _WHOLE and part is not None and part.type not in _WHOLE:
            raise refuse(f"make-series over {kind} with steps or bounds of type {part.type}", part.span)
    if start is None:
        start = _origin(plan)
    if stop is None:
        return _Axis(start, step, value, None, None)
    steps: t.SqlExpr
    if plan.in_range:
        steps = t.call("floor", t.Op("/", (t.Cast(t.Op("-", (stop, start)), "DOUBLE"), step)))
        steps = t.Op("+", (t.Cast(steps, "BIGINT"), t.Literal(1)))
    else:
        steps = t.Cast(t.call("ceil", t.Op("/", (t.Cast(t.Op("-", (stop, start)), "DOUBLE"), step))), "BIGINT")
    return _Axis(start, step, value, stop, t.Op("-", (steps, t.Literal(1))))


def _origin(plan: n.Series) -> t.SqlExpr:
    return t.Literal(_ORIGIN if plan.axis[1].type is ScalarType.DATETIME else 0, "BIGINT")


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
