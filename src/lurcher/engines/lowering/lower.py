"""The driver: a plan becomes one statement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

# These declare how their nodes are lowered.
from lurcher.engines.lowering import (  # noqa: F401
    aggregates,
    expanding,
    graphs,
    joins,
    machine,
    processes,
    relations,
    series,
    unions,
    windows,
)
from lurcher.engines.lowering.context import Context, Tables, refuse
from lurcher.engines.lowering.nodes import HANDLERS
from lurcher.engines.lowering.rel import INGESTED, Cell, Rel, sealed, select
from lurcher.engines.lowering.sharing import calls, count_uses
from lurcher.engines.lowering.types import SQL_TYPES
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.used import wanted_columns
from lurcher.plan.windows import scan_windows
from lurcher.sql import tree as t
from lurcher.sql.dialect import DUCKDB, Dialect

#: Rows that are no table's: ingestion_time() "must be used in the context of a table, otherwise it produces null values".
_OF_NO_TABLE = (n.Values, n.Range, n.Aggregate, n.Pick, n.Series)
_NEVER = t.Literal(None, SQL_TYPES[ScalarType.DATETIME])


@dataclass(frozen=True, slots=True)
class Lowered:
    """A statement, and the paths of the Python functions that it calls."""

    query: t.SqlQuery
    udfs: frozenset[str]


def lower(
    plan: n.Plan,
    tables: Tables,
    *,
    dialect: Dialect = DUCKDB,
    wrapping: bool = False,
    check: Callable[[t.SqlExpr], object] | None = None,
    nodes: frozenset[type] | None = None,
) -> Lowered:
    """The statement that gives the plan's rows, its columns in order (their names are the engine's own).

    `check` and `nodes`: what an engine has that has not all (see `Context`). Raises `Refused` for what has no exact form in SQL."""
    context = Context(tables, dialect, wrapping, check=check, nodes=nodes)
    context.uses = count_uses(plan)
    context.windows = scan_windows(plan)
    context.computed = getattr(tables, "computed", ())
    if getattr(tables, "narrowed", None):
        context.columns = wanted_columns(plan)
    context.relation = lambda p: _relation(context, p)
    context.ingestion_time = calls(plan, "ingestion_time")
    rel = context.relation(plan)
    query, _ = select(replace(rel, columns={c.name: rel.columns[c.name] for c in plan.columns}), final=True)
    if context.ctes:
        query = t.With(tuple(context.ctes), query)
    return Lowered(query, frozenset(context.udfs))


def _relation(context: Context, plan: n.Plan) -> Rel:
    if context.computed and not context.ingestion_time and not context.outer:
        for known in context.computed:
            if known.is_of(plan):
                return known.rel()
    # What is inside the body of an Apply is lowered for its outer row, and so no CTE; one from without may be read there.
    if isinstance(plan, n.Shared) and id(plan) in context.shared:
        return context.shared[id(plan)]
    if not context.outer and (isinstance(plan, n.Shared) or context.uses.get(id(plan), 0) > 1):
        return _shared(context, plan)
    return _node(context, plan)


def _node(context: Context, plan: n.Plan) -> Rel:
    handler = HANDLERS.get(type(plan))
    if handler is None or (context.nodes is not None and type(plan) not in context.nodes):
        name = plan.name if isinstance(plan, n.TableFunction) else type(plan).__name__
        if handler is not None:
            raise refuse(f"{name} on Spark", plan.span, "run it here: leave out --engine")
        raise refuse(name, plan.span)
    rel = handler(context, plan)
    if context.ingestion_time and isinstance(plan, _OF_NO_TABLE):
        if not rel.is_open:
            rel = sealed(rel)
        return replace(rel, columns={**rel.columns, INGESTED: Cell(_NEVER, ScalarType.DATETIME)})
    return rel


def _shared(context: Context, plan: n.Plan) -> Rel:
    """A plan that stands in several places is a CTE; its order is kept for each of them."""
    found = context.shared.get(id(plan))
    if found is None:
        inner = sealed(_node(context, plan))
        if isinstance(inner.source, t.Table):
            context.shared[id(plan)] = inner
            return inner
        assert isinstance(inner.source, t.QueryFrom)
        once = True if isinstance(plan, n.Shared) else None
        query = inner.source.query
        if inner.source.columns:
            query, names = select(inner)
            inner = replace(inner, columns={k: replace(c, expr=t.Ident(names[k])) for k, c in inner.columns.items()})
        # After what it reads itself, which may have added CTEs of its own.
        name = f"shared {len(context.ctes) + 1}"
        context.ctes.append(t.Cte(name, query, once))
        found = context.shared[id(plan)] = Rel(t.Table(name), inner.columns, order=inner.order)
    return found
