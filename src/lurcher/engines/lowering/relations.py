"""The plain nodes: tables, rows, filters, projections, unions, order, limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lurcher.engines.lowering.context import Context, Stored, refuse
from lurcher.engines.lowering.distinct import by_value
from lurcher.engines.lowering.expressions import Expressions
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import INGESTED, Cell, Rel, sealed, settled, stored_names
from lurcher.engines.lowering.types import SQL_TYPES, literal
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.covers import answered
from lurcher.plan.windows import ANY_TIME, window_of
from lurcher.sql import tree as t
from lurcher.sql.walk import is_small, walk


def uses(exprs: Iterable[n.Expr]) -> dict[str, int]:
    """How often each column is used."""
    counts: Counter[str] = Counter()
    stack: list[object] = list(exprs)
    while stack:
        top = stack.pop()
        match top:
            case n.Col(name=name):
                counts[name] += 1
            case n.Call(args=args) | n.Win(args=args):
                stack.extend(args)
            case n.Agg(args=args, order=order):
                stack.extend(args)
                stack.extend(k.expr for k in order)
            case n.Convert(operand=operand):
                stack.append(operand)
            case n.InList(operand=operand, values=values):
                stack.append(operand)
                # A long list tests its operand once for each value.
                stack.extend((*values, operand))
            case n.InQuery(operand=operand):
                stack.append(operand)
            case n.AnyColumn(needle=needle, columns=columns):
                counts.update(c.name for c in columns)
                stack.append(needle)
    return dict(counts)


def over(context: Context, rel: Rel, exprs: Iterable[n.Expr]) -> tuple[Rel, Expressions]:
    """The relation, sealed where these expressions cannot be written over it as it stands, and what lowers them."""
    rel = settled(rel, uses(exprs))
    return rel, expressions(context, rel)


def expressions(context: Context, rel: Rel, over: t.Over | None = None) -> Expressions:
    return Expressions(context, rel.columns, context.outer, over)


def cell(sql: t.SqlExpr, type: ScalarType, nullable: bool) -> Cell:
    return Cell(sql, type, nullable and type is not ScalarType.STRING)


@handles(n.Scan)
def scan(context: Context, plan: n.Scan) -> Rel:
    return _scan(context, plan, ())[0]


def _scan(context: Context, plan: n.Scan, predicates: Sequence[n.Expr]) -> tuple[Rel, Sequence[n.Expr]]:
    """The rows of a table, at least those for which the predicates are true; and what is to be asked of these rows for that."""
    windows = dict(context.windows.get(id(plan), {}))
    for column in plan.columns:
        if column.type is ScalarType.DATETIME:
            # What stands in several places has its own filter in each.
            window = window_of(predicates, column.name).both(windows.get(column.name, ANY_TIME))
            if window != ANY_TIME:
                windows[column.name] = window
    looked_at = context.columns.get(id(plan))
    asked = plan if looked_at is None else replace(plan, columns=tuple(c for c in plan.columns if c.name in looked_at))
    stored = context.tables.stored(asked, windows, predicates)
    return _stored(context, plan, stored), answered(predicates, stored.matched) if stored.matched else predicates


@handles(n.Supplied)
def supplied(context: Context, plan: n.Supplied) -> Rel:
    return _stored(context, plan, context.tables.supplied(plan))


def _stored(context: Context, plan: n.Scan | n.Supplied, stored: Stored) -> Rel:
    columns = {}
    for column in plan.columns:
        if column.name not in stored.physical:
            columns[column.name] = blank(column)
            continue
        expr: t.SqlExpr = t.Ident(stored.physical[column.name])
        if column.name in stored.nullable_strings:
            expr = t.call("coalesce", expr, t.EMPTY)
        columns[column.name] = Cell(expr, column.type, column.type is not ScalarType.STRING)
    if context.ingestion_time:
        columns[INGESTED] = Cell(t.Ident(stored.ingested), ScalarType.DATETIME, True)
    return Rel(t.Table(stored.name, texts=stored.texts), columns)


def blank(column: Column) -> Cell:
    """What stands for a column that is not there since nobody looks at it."""
    if column.type is ScalarType.STRING:
        return Cell(t.EMPTY, column.type, False)
    return Cell(t.Literal(None, SQL_TYPES[column.type]), column.type, True)


@handles(n.Values)
def values(context: Context, plan: n.Values) -> Rel:
    lowering = Expressions(context, {}, context.outer)
    if not plan.columns and len(plan.rows) == 1:
        return Rel(None, {})
    names = stored_names(c.name for c in plan.columns)
    if not plan.rows:
        items = tuple(t.SelectItem(literal(c.type, None), names[c.name]) for c in plan.columns)
        query: t.SqlQuery = t.Select(items or (t.SelectItem(t.Literal(1), "~"),), where=t.FALSE)
        return Rel(t.QueryFrom(query), {c.name: cell(t.Ident(names[c.name]), c.type, True) for c in plan.columns})
    rows = [[lowering.value(v) for v in row] for row in plan.rows]
    # The first row settles the columns' types for the engine.
    sql_rows = [tuple(v.expr for v in row) for row in rows]
    sql_rows[0] = tuple(_typed(e, c.type) for e, c in zip(sql_rows[0], plan.columns, strict=True))
    source = t.QueryFrom(t.ValuesQuery(tuple(sql_rows)), "data", tuple(names[c.name] for c in plan.columns))
    columns = {}
    for i, column in enumerate(plan.columns):
        nullable = any(row[i].nullable for row in rows)
        columns[column.name] = cell(t.Ident(names[column.name]), column.type, nullable)
    return Rel(source, columns)


def _typed(expr: t.SqlExpr, type: ScalarType) -> t.SqlExpr:
    if isinstance(expr, t.Literal) and (expr.type or isinstance(expr.value, bool | float | str)):
        return expr
    return t.Cast(expr, SQL_TYPES[type])


@handles(n.Range)
def range_(context: Context, plan: n.Range) -> Rel:
    lowering = Expressions(context, {}, context.outer)
    column = plan.columns[0]
    name = stored_names([column.name])[column.name]
    if not context.dialect.series:
        return _counted(plan, name)
    start, stop = lowering.value(plan.start).expr, lowering.value(plan.stop).expr
    step = lowering.value(plan.step).expr
    # A table function, not a list: rows come as they are made, however many, and can be interrupted.
    expr: t.SqlExpr = t.Ident(name)
    if column.type is ScalarType.DATETIME:
        series = t.call("generate_series", start, stop, t.call("to_microseconds", t.Op("//", (step, t.Literal(10)))))
    elif column.type in (ScalarType.LONG, ScalarType.INT, ScalarType.TIMESPAN):
        series = t.call("generate_series", *(t.Cast(e, "BIGINT") for e in (start, stop, step)))
        if column.type is ScalarType.INT:
            expr = t.Cast(expr, "INTEGER")
    elif column.type is ScalarType.REAL:
        # Multiples of the step, not running sums: these would drift.
        count = t.call("floor", t.Op("/", (t.Op("-", (stop, start)), step)))
        series = t.call("generate_series", t.Literal(0, "BIGINT"), t.Cast(count, "BIGINT"))
        expr = t.Op("+", (start, t.Op("*", (expr, step))))
    else:
        raise refuse(f"range over {column.type}", plan.span)
    source = t.FunctionFrom(series, "series", (name,))
    return Rel(source, {column.name: Cell(expr, column.type, False)})


def _counted(plan: n.Range, name: str) -> Rel:
    """A range where the engine counts whole numbers up to an end that is none of them: its ends are known beforehand."""
    column = plan.columns[0]
    ends = [e.value for e in (plan.start, plan.stop, plan.step) if isinstance(e, n.Lit) and isinstance(e.value, int)]
    counted = column.type in (ScalarType.LONG, ScalarType.TIMESPAN)
    if len(ends) < 3 or isinstance(ends[2], bool) or not counted or not ends[2]:
        raise refuse(
            "a range that is not of constant whole numbers on Spark", plan.span, "run it here: leave out --engine"
        )
    start, stop, step = ends
    series = t.call("range", t.Literal(start), t.Literal(stop + (1 if step > 0 else -1)), t.Literal(step))
    source = t.FunctionFrom(series, "series", (name,))
    return Rel(source, {column.name: Cell(t.Ident(name), column.type, False)})


@handles(n.Filter)
def filter_(context: Context, plan: n.Filter) -> Rel:
    """Filters in a row are one, so that a scan below them reads the files of their days alone."""
    chain = [plan.predicate]
    below = plan.input
    while isinstance(below, n.Filter) and context.uses.get(id(below), 0) <= 1:
        chain.append(below.predicate)
        below = below.input
    predicates: Sequence[n.Expr] = chain[::-1]
    if isinstance(below, n.Scan):
        rel, predicates = _scan(context, below, predicates)
    else:
        rel = context.relation(below)
    rel, lowering = over(context, rel, predicates)
    conditions = [c for p in predicates for c in lowering.conditions(p)]
    if context.dialect.distinct_first:
        conditions = by_value(rel, conditions)
    return replace(rel, where=(*rel.where, *conditions))


@handles(n.Project)
def project(context: Context, plan: n.Project) -> Rel:
    rel = context.relation(plan.input)
    simple = all(isinstance(e, n.Col) for _, e in plan.items)
    # Leaving out or renaming columns is legal over anything but DISTINCT, whose rows they are.
    if not rel.is_open and (rel.distinct or not simple):
        rel = sealed(rel)
    if not simple:
        rel = settled(rel, uses(e for _, e in plan.items))
    lowering = expressions(context, rel)
    columns = {}
    for name, expr in plan.items:
        if isinstance(expr, n.Col):
            columns[name] = lowering.cell(expr)
        else:
            sql = lowering.value(expr)
            columns[name] = cell(sql.expr, expr.type, sql.nullable)
    if INGESTED in rel.columns:
        columns[INGESTED] = rel.columns[INGESTED]
    return replace(rel, columns=columns)


@handles(n.Sort)
def sort(context: Context, plan: n.Sort) -> Rel:
    rel = context.relation(plan.input)
    if rel.limit is not None or rel.distinct:
        rel = sealed(rel)
    rel = _orderable(rel, plan.keys)
    order = expressions(context, rel).order(plan.keys)
    if rel.group and any(isinstance(node, t.Let) for key in order for node in walk(key.expr)):
        # A bound value is computed below its statement: here of the groups, and not of the rows that they are made of.
        rel = sealed(rel)
        order = expressions(context, rel).order(plan.keys)
    return replace(rel, order=order)


def _orderable(rel: Rel, keys: tuple[n.SortKey, ...]) -> Rel:
    counts = uses(k.expr for k in keys)
    computed = any(not is_small(rel.columns[name].expr) for name in counts)
    return sealed(rel) if computed else rel


@handles(n.Limit)
def limit(context: Context, plan: n.Limit) -> Rel:
    rel = context.relation(plan.input)
    if rel.limit is not None:
        rel = sealed(rel)
    return replace(rel, limit=_count(context, plan.count))


def _count(context: Context, node: n.Expr) -> t.SqlExpr:
    """A number below 0 means no row; to the engine it is an error."""
    count = Expressions(context, {}, context.outer).value(node).expr
    if isinstance(count, t.Literal):
        return t.Literal(max(count.value, 0) if isinstance(count.value, int) else count.value)
    return t.call("greatest", count, t.Literal(0))


@handles(n.Sample)
def sample(context: Context, plan: n.Sample) -> Rel:
    rel = sealed(context.relation(plan.input))
    rel = replace(rel, order=(t.OrderKey(t.call("random")),), limit=_count(context, plan.count))
    return replace(sealed(rel), order=())


@handles(n.Shared)
def shared(context: Context, plan: n.Shared) -> Rel:
    return context.relation(plan.input)
