"""Unions. Of a union of many tables only those that have rows are read, and only the columns that one of them has.

A union of all tables is nearly a thousand tables and nearly ten thousand columns; few have rows anywhere. What no table that
is read can give is a constant above the union."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lurcher.engines.lowering.context import Context
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import INGESTED, Cell, Rel, sealed, select, stored_names
from lurcher.engines.lowering.types import SQL_TYPES, literal
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.sql import tree as t

#: A union of more inputs is read without its empty tables; of fewer, people who look at the SQL want to see all.
_FEW = 8


@handles(n.Aligned)
def aligned(context: Context, plan: n.Aligned) -> Rel:
    return _aligned(context, plan, plan.columns)


def _aligned(context: Context, plan: n.Aligned, wanted: Iterable[Column]) -> Rel:
    rel = context.relation(plan.input)
    if not rel.is_open:
        rel = sealed(rel)
    missing = {type: _missing(type) for type in ScalarType}
    label = plan.columns[0].name if plan.label is not None else None
    dropped = frozenset(plan.dropped)
    columns: dict[str, Cell] = {}
    for column in wanted:
        name = column.name
        if name == label:
            columns[name] = Cell(t.Literal(plan.label), ScalarType.STRING, False)
        elif name in dropped:
            columns[name] = _clash(plan.label or "a table", column)
        elif name in plan.given:
            columns[name] = rel.columns[plan.given[name]]
        else:
            columns[name] = missing[column.type]
    if INGESTED in rel.columns:
        columns[INGESTED] = rel.columns[INGESTED]
    return replace(rel, columns=columns)


def _clash(table: str, column: Column) -> Cell:
    """A column that a table with rows has as another type than the union: whoever reads it is told."""
    what = f"LurcherError: {table} has rows, and {column.name} as another type than others of so many tables\n"
    what += "  hint: project the columns that you want, or name the tables"
    return Cell(t.Cast(t.call("error", t.Literal(what)), SQL_TYPES[column.type]), column.type, True)


def _missing(type: ScalarType) -> Cell:
    if type is ScalarType.STRING:
        return Cell(t.EMPTY, type, False)
    return Cell(literal(type, None), type, True)


@handles(n.Union)
def union(context: Context, plan: n.Union) -> Rel:
    inputs = plan.inputs
    if len(inputs) > _FEW:
        inputs = tuple(part for part in inputs if not _is_empty(context, part))
    wanted = _given(inputs, plan.columns)
    parts = [_aligned(context, p, wanted) if isinstance(p, n.Aligned) else context.relation(p) for p in inputs]
    given = wanted
    if context.ingestion_time and all(INGESTED in rel.columns for rel in parts):
        # Rows of tables stay what they are; where one part cannot say when its rows were added, none does.
        given = (*given, Column(INGESTED, ScalarType.DATETIME))
    columns: dict[str, Cell] = {c.name: _missing(c.type) for c in plan.columns}
    if not parts:
        if context.ingestion_time:
            columns[INGESTED] = _missing(ScalarType.DATETIME)
        return Rel(t.QueryFrom(t.Select((t.SelectItem(t.Literal(1), "~"),), where=t.FALSE)), columns)
    names = stored_names(c.name for c in given)
    nullable = dict.fromkeys(names, False)
    queries = []
    for rel in parts:
        for column in given:
            nullable[column.name] |= rel.columns[column.name].nullable
        query, _ = select(replace(rel, columns={c.name: rel.columns[c.name] for c in given}))
        queries.append(query)
    source = t.QueryFrom(t.SetOp("UNION ALL", tuple(queries)) if len(queries) > 1 else queries[0])
    for c in given:
        columns[c.name] = Cell(t.Ident(names[c.name]), c.type, nullable[c.name] and c.type is not ScalarType.STRING)
    return Rel(source, columns)


def _given(inputs: tuple[n.Plan, ...], columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns that some input has."""
    found: set[str] = set()
    for part in inputs:
        if not isinstance(part, n.Aligned):
            return columns
        found.update(part.given, part.dropped)
        if part.label is not None:
            found.add(columns[0].name)
    return tuple(c for c in columns if c.name in found)


def _is_empty(context: Context, plan: n.Plan) -> bool:
    """A table without rows. What else has none is lowered all the same, for what it may be refused for."""
    while isinstance(plan, n.Aligned | n.Filter) or (isinstance(plan, n.Project) and _is_plain(plan)):
        plan = plan.input
    return isinstance(plan, n.Scan) and context.tables.is_empty(plan)


def _is_plain(plan: n.Project) -> bool:
    """Columns, converted or not, constants and bags of columns: nothing that is refused of a table without rows."""
    return all(_is_plain_cell(expr) for _, expr in plan.items)


def _is_plain_cell(expr: n.Expr) -> bool:
    if isinstance(expr, n.Call):
        return expr.function.name in ("bag_pack", "__untold_pack") and all(map(_is_plain_cell, expr.args))
    return isinstance(expr.operand if isinstance(expr, n.Convert) else expr, n.Col | n.Lit)
