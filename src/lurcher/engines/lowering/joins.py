"""Joins."""

from __future__ import annotations

from dataclasses import replace

from lurcher.engines.lowering.context import Context
from lurcher.engines.lowering.expressions import Expressions, Sql
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import Cell, Rel, sealed
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.sql import tree as t

_KINDS: dict[n.JoinKind, t.JoinKind] = {
    "inner": "INNER",
    "leftouter": "LEFT",
    "rightouter": "RIGHT",
    "fullouter": "FULL",
    "leftsemi": "SEMI",
    "leftanti": "ANTI",
}


@handles(n.Join)
def join(context: Context, plan: n.Join) -> Rel:
    left = sealed(replace(_unordered(context.relation(plan.left))), f"l{(number := context.fresh())}")
    right = sealed(_unordered(context.relation(plan.right)), f"r{number}")
    on_left = Expressions(context, left.columns, context.outer)
    on_right = Expressions(context, right.columns, context.outer)
    pairs = [_same(on_left.value(a), on_right.value(b)) for a, b in plan.on]
    kind = _KINDS[plan.kind]
    assert left.source is not None
    assert right.source is not None
    source = t.JoinFrom(kind, left.source, right.source, t.conjunction(pairs) or t.TRUE)
    if kind in ("SEMI", "ANTI"):
        return Rel(source, dict(left.columns))
    columns = {n_: _padded(c) if kind in ("RIGHT", "FULL") else c for n_, c in left.columns.items()}
    columns |= {n_: _padded(c) if kind in ("LEFT", "FULL") else c for n_, c in right.columns.items()}
    return Rel(source, {c.name: columns[c.name] for c in plan.columns})


def _same(left: Sql, right: Sql) -> t.SqlExpr:
    """A key that is null meets a key that is null (measured on the emulator, in every kind of join and in lookup)."""
    return t.Op("IS NOT DISTINCT FROM" if left.nullable and right.nullable else "=", (left.expr, right.expr))


def _unordered(rel: Rel) -> Rel:
    """A join keeps no order; that of a limit stays with it."""
    return rel if rel.limit is not None else replace(rel, order=())


def _padded(cell: Cell) -> Cell:
    """A column of the side that may have no row: a text is empty then, anything else null."""
    if cell.type is ScalarType.STRING:
        return replace(cell, expr=t.call("coalesce", cell.expr, t.EMPTY))
    return replace(cell, nullable=True)
