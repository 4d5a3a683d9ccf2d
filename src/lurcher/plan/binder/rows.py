"""Operators on rows: where, take, sort, top, count, distinct, sample, print, range."""

from __future__ import annotations

from dataclasses import replace

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS116, KS232, LU008
from lurcher.kql.source import Span
from lurcher.kql.types import INTEGER_TYPES, NUMERIC_TYPES, Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder import sessions
from lurcher.plan.binder.calls import reads_row
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, keep, operator, project, source
from lurcher.plan.binder.expressions import convert, predicate, scalar
from lurcher.plan.binder.names import Namer, bound_name
from lurcher.plan.binder.tables import NO_ROWS
from lurcher.plan.binder.tuples import several

T = ScalarType


def environment(cx: Context, scope: Scope, rel: Rel) -> Env:
    """Where an operator's expressions stand: over the relation's columns, window functions allowed."""
    return Env(scope, rel, wins=[], outer=cx.outer)


def windowed(cx: Context, rel: Rel, env: Env, span: Span) -> Rel:
    """The relation with the window functions that its expressions were found to hold, each in a column of its own."""
    if not env.wins:
        return rel
    if rel.sorted and not rel.order:
        cx.refuse(
            "a function over rows in order whose sort keys are no longer columns", span, "keep the sort keys until then"
        )
    return sessions.computed(cx, rel, env.wins, span)


def without_temporaries(rel: Rel, columns: tuple[Column, ...]) -> Rel:
    return project(rel, keep(columns)) if len(rel.columns) != len(columns) else rel


@operator(sx.WhereOp)
def _where(cx: Context, scope: Scope, rel: Rel, op: sx.WhereOp) -> Rel:
    env = environment(cx, scope, rel)
    condition = predicate(cx, env, op.predicate)
    wide = windowed(cx, rel, env, op.span)
    filtered = wide.over(n.Filter(input=wide.plan, predicate=condition, columns=wide.columns, span=op.span))
    return without_temporaries(filtered, rel.columns)


def count_of(cx: Context, scope: Scope, node: sx.Expression, what: str = "the number of rows") -> n.Expr:
    expr = scalar(cx, Env(scope), node)
    if expr.type is T.DYNAMIC or expr.type in NUMERIC_TYPES:
        return convert(expr, T.LONG)
    if expr.type is not T.UNKNOWN:
        cx.say(KS107, node.span, expected="long", actual=expr.type)
    return expr


@operator(sx.TakeOp)
def _take(cx: Context, scope: Scope, rel: Rel, op: sx.TakeOp) -> Rel:
    count = count_of(cx, scope, op.count)
    return rel.over(n.Limit(input=rel.plan, count=count, columns=rel.columns, span=op.span))


@operator(sx.SampleOp)
def _sample(cx: Context, scope: Scope, rel: Rel, op: sx.SampleOp) -> Rel:
    count = count_of(cx, scope, op.count)
    return Rel(n.Sample(input=rel.plan, count=count, columns=rel.columns, span=op.span), open=rel.open)


@operator(sx.SampleDistinctOp)
def _sample_distinct(cx: Context, scope: Scope, rel: Rel, op: sx.SampleDistinctOp) -> Rel:
    found = distinct(cx, scope, rel, (op.of,), op.span)
    count = count_of(cx, scope, op.count)
    return Rel(n.Sample(input=found.plan, count=count, columns=found.columns, span=op.span))


def sort_key(cx: Context, env: Env, ordered: sx.Ordered) -> n.SortKey:
    node = ordered.expression
    expr = scalar(cx, env, node.expression if isinstance(node, sx.Named) else node)
    if expr.type is T.DYNAMIC:
        cx.say(
            KS116, node.span, what="a sort key", actual="dynamic", hint="tostring() or tolong() of it can be sorted by"
        )
    descending = ordered.descending is not False
    # The service puts nulls last in descending order, first in ascending.
    nulls_first = ordered.nulls_first if ordered.nulls_first is not None else not descending
    return n.SortKey(expr, descending, nulls_first)


@operator(sx.SortOp)
def _sort(cx: Context, scope: Scope, rel: Rel, op: sx.SortOp) -> Rel:
    env = environment(cx, scope, rel)
    keys = tuple(sort_key(cx, env, key) for key in op.keys)
    wide = windowed(cx, rel, env, op.span)
    return without_temporaries(sorted_by(wide, keys, op.span), rel.columns)


def sorted_by(rel: Rel, keys: tuple[n.SortKey, ...], span: Span) -> Rel:
    """The rows in order. Keys that are no columns go with the rows' order only as far as the next projection."""
    order = keys if all(isinstance(k.expr, n.Col) for k in keys) else ()
    return replace(
        rel, plan=n.Sort(input=rel.plan, keys=keys, columns=rel.columns, span=span), order=order, sorted=True
    )


@operator(sx.TopOp)
def _top(cx: Context, scope: Scope, rel: Rel, op: sx.TopOp) -> Rel:
    env = environment(cx, scope, rel)
    key = sort_key(cx, env, op.key)
    count = count_of(cx, scope, op.count)
    wide = sorted_by(windowed(cx, rel, env, op.span), (key,), op.span)
    limited = wide.over(n.Limit(input=wide.plan, count=count, columns=wide.columns, span=op.span))
    return without_temporaries(limited, rel.columns)


@operator(sx.CountOp)
def _count(cx: Context, scope: Scope, rel: Rel, op: sx.CountOp) -> Rel:
    from lurcher.functions.registry import FunctionKind, overloads

    name = op.name.text if op.name is not None else "Count"
    agg = n.Agg(type=T.LONG, function=overloads(FunctionKind.AGGREGATE, "count")[0], args=(), span=op.span)
    columns = (Column(name, T.LONG),)
    return Rel(n.Aggregate(input=rel.plan, keys=(), items=((name, agg),), columns=columns, span=op.span))


@operator(sx.DistinctOp)
def _distinct(cx: Context, scope: Scope, rel: Rel, op: sx.DistinctOp) -> Rel:
    return distinct(cx, scope, rel, op.columns, op.span)


def distinct(cx: Context, scope: Scope, rel: Rel, nodes: tuple[sx.Expression, ...], span: Span) -> Rel:
    env = environment(cx, scope, rel)
    keys: list[n.Item] = []
    explicit = [node.names[0].text for node in nodes if isinstance(node, sx.Named)]
    namer = Namer(explicit, env.types)
    for node in nodes:
        if isinstance(node, sx.Star):
            for column in rel.columns:
                _no_dynamic(cx, column.type, node.span)
                keys.append((namer.derived(column.name), col(column.name, column.type)))
            continue
        inner = node.expression if isinstance(node, sx.Named) else node
        expr = scalar(cx, env, inner)
        _no_dynamic(cx, expr.type, node.span)
        keys.append((named(cx, namer, node, expr), expr))
    wide = windowed(cx, rel, env, span)
    columns = tuple(Column(name, e.type) for name, e in keys)
    return Rel(n.Aggregate(input=wide.plan, keys=tuple(keys), items=(), columns=columns, span=span))


def _no_dynamic(cx: Context, type: ScalarType, span: Span) -> None:
    if type is T.DYNAMIC:
        cx.say(KS116, span, what="a key", actual="dynamic", hint="tostring() of it can be one")


def named(cx: Context, namer: Namer, node: sx.Expression, expr: n.Expr | None = None) -> str:
    """The name of the column that an expression makes in a list; KS171 for one that is written twice."""
    from lurcher.kql.diagnostics import KS171

    if isinstance(node, sx.Named):
        text = node.names[0].text
        name = namer.given(text)
        if name is None:
            cx.say(KS171, node.names[0].span, name=text)
            return namer.derived(text)
        return name
    if isinstance(node, sx.NameRef):
        text = node.name.text
        name = namer.given(text)
        if name is None:
            cx.say(KS171, node.span, name=text)
            return namer.derived(text)
        return name
    return namer.derived(bound_name(node, expr))


@source(sx.PrintOp)
def _print(cx: Context, scope: Scope, op: sx.PrintOp) -> Rel:
    env = Env(scope)
    items: list[n.Item] = []
    namer = Namer([c.names[0].text for c in op.columns if isinstance(c, sx.Named)])
    for position, node in enumerate(op.columns):
        tuple_items = several(cx, env, node)
        if tuple_items is not None:
            items += [(namer.derived(name), expr) for name, expr in tuple_items]
        elif isinstance(node, sx.Named):
            name = named(cx, namer, node)
            items.append((name, scalar(cx, env, node.expression)))
        else:
            items.append((namer.derived(f"print_{position}"), scalar(cx, env, node)))
    columns = tuple(Column(name, e.type) for name, e in items)
    return Rel(n.Project(input=NO_ROWS, items=tuple(items), columns=columns, span=op.span))


@source(sx.RangeOp)
def _range(cx: Context, scope: Scope, op: sx.RangeOp) -> Rel:
    env = Env(scope)
    start, stop, step = (scalar(cx, env, x) for x in (op.start, op.stop, op.step))
    type = _range_type(cx, (start, stop, step), op)
    if type in NUMERIC_TYPES:
        start, stop, step = convert(start, type), convert(stop, type), convert(step, type)
    for part, what in ((start, "from"), (stop, "to"), (step, "step")):
        if reads_row(part):
            cx.say(LU008, part.span, what=f"what range goes {what}")
    plan = n.Range(start=start, stop=stop, step=step, columns=(Column(op.name.text, type),), span=op.span)
    return Rel(plan)


def _range_type(cx: Context, parts: tuple[n.Expr, n.Expr, n.Expr], op: sx.RangeOp) -> ScalarType:
    types = [p.type for p in parts]
    if T.UNKNOWN in types:
        return next((t for t in types if t is not T.UNKNOWN and t is not T.TIMESPAN), T.UNKNOWN)
    if all(t in NUMERIC_TYPES or t is T.DYNAMIC for t in types):
        wide = [t for t in types if t in NUMERIC_TYPES]
        return T.LONG if all(t in INTEGER_TYPES for t in wide) else T.REAL if T.DECIMAL not in wide else T.DECIMAL
    if types[0] in (T.DATETIME, T.TIMESPAN) and types[1] is types[0] and types[2] is T.TIMESPAN:
        return types[0]
    cx.say(KS232, op.span, types=", ".join(types))
    return T.UNKNOWN


@operator(sx.RenderOp)
def _render(cx: Context, scope: Scope, rel: Rel, op: sx.RenderOp) -> Rel:
    found = []
    for prop in op.properties:
        value = prop.value
        if isinstance(value, sx.NameRef):
            found.append((prop.name, value.name.text))
        elif isinstance(value, sx.Literal):
            found.append((prop.name, value.value))
    cx.render = n.Render(op.chart, tuple(found))
    return rel


@operator(sx.AsOp)
def _as(cx: Context, scope: Scope, rel: Rel, op: sx.AsOp) -> Rel:
    from lurcher.plan.binder.context import TableValue

    shared = rel.over(n.Shared(input=rel.plan, columns=rel.columns, span=op.span))
    cx.statement_scope.names[op.name.text] = TableValue(shared)
    # The name is also seen by what follows in this pipe, which may stand in a body of its own.
    scope.names[op.name.text] = TableValue(shared)
    return shared
