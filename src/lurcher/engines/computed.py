"""Parts of plans that several askers have in common, computed once: inputs of joins, tables of `let`, lists behind `in`.

Only what has one answer is: no `take`, no `any`, no order in which rows come, no sum of fractions. Two parts are the same where
they are written alike, to the last constant; each is kept as a table of the engine's own, and the lowering reads it in place of
the part (`Views.computed`). What is kept for many by its texts (`lurcher.engines.narrowing`) costs too little to be kept again.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from lurcher.engines.deep import deep_recursion
from lurcher.engines.lowering.computed import Computed, written
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.covers import uses
from lurcher.plan.walk import inputs, parts, walk
from lurcher.sql.printer import Printer

if TYPE_CHECKING:
    from lurcher.engines.duckdb import DuckDBEngine
    from lurcher.engines.narrowing import Costs

quote = Printer().name

#: Nodes that give the same rows each time, in no order that matters.
_NODES = (n.Scan, n.Values, n.Filter, n.Project, n.Aggregate, n.Join, n.Union, n.Aligned, n.Shared)
_AGGREGATES = frozenset(
    f"{name}{case}" for name in ("count", "sum", "min", "max", "dcount", "count_distinct") for case in ("", "if")
) | {"make_set", "make_set_if"}
_NOT = frozenset(("rand", "new_guid", "ingestion_time"))
#: Nodes of a plan that is looked into. A search over all tables has thousands.
_MOST = 500


@dataclass
class Part:
    """A part that was computed once. `what`: the tables that it is of; `asked` by how many; `read`, how often."""

    what: tuple[str, ...]
    asked: tuple[str, ...]
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    made: Computed | None = None

    @property
    def read(self) -> int:
        return self.made.read if self.made is not None else 0


@dataclass
class _Found:
    plan: n.Plan
    who: dict[str, None] = field(default_factory=dict)
    #: The parts that it stands in.
    within: set[str] = field(default_factory=set)


def compute(engine: DuckDBEngine, plans: Iterable[tuple[str, n.Plan]], costs: Costs) -> list[Part]:
    """Compute what at least two askers have in common, as far as it fits. What fails is left to each of them."""
    from lurcher.errors import LurcherError
    from lurcher.kql.diagnostics import Refused

    left, made = costs.bytes, []
    with deep_recursion():
        for one in _common(plans):
            if left <= 0 or not _costly(engine, one.plan, costs):
                continue
            try:
                part = _computed(engine, one, min(left, costs.bytes // 4))
            except (LurcherError, Refused):
                continue
            if part is not None:
                left -= part.bytes
                made.append(part)
    return made


def _common(plans: Iterable[tuple[str, n.Plan]]) -> list[_Found]:
    """What several have in common, the smallest first; of what stands in something else that is common to the same, the whole."""
    found: dict[str, _Found] = {}
    for who, plan in plans:
        if len(list(islice(walk(plan), _MOST + 1))) > _MOST:
            continue
        keys: dict[int, str | None] = {}
        for node in _candidates(plan):
            key = keys.setdefault(id(node), _key(node))
            if key is None:
                continue
            one = found.setdefault(key, _Found(node))
            one.who[who] = None
            for inner in _candidates(node):
                if inner is not node and (inner_key := keys.setdefault(id(inner), _key(inner))) is not None:
                    found.setdefault(inner_key, _Found(inner)).within.add(key)
    several = {key: one for key, one in found.items() if len(one.who) > 1}
    outermost = [
        one
        for one in several.values()
        if not any(len(several[o].who) >= len(one.who) for o in one.within if o in several)
    ]
    return sorted(outermost, key=lambda one: sum(1 for _ in walk(one.plan)))


def _candidates(plan: n.Plan) -> list[n.Plan]:
    """Where parts of a plan begin that may be worth it."""
    found: dict[int, n.Plan] = {}
    places: dict[int, int] = {}
    for node in walk(plan):
        for below in inputs(node):
            places[id(below)] = places.get(id(below), 0) + 1
            begins = isinstance(node, n.Join | n.Shared) or isinstance(below, n.Aggregate | n.Join)
            if begins or places[id(below)] > 1 or not _is_input(node, below):
                found[id(below)] = below
    return [p for p in found.values() if _computes(p)]


def _computes(plan: n.Plan) -> bool:
    """Whether there is something to compute; a copy of a table is nothing gained."""
    nodes = list(walk(plan))
    return any(isinstance(p, n.Scan) for p in nodes) and any(
        isinstance(p, n.Filter | n.Aggregate | n.Join) for p in nodes
    )


def _is_input(node: n.Plan, below: n.Plan) -> bool:
    """Whether it stands right in a node, and not in an expression of it."""
    values: list[Any] = [getattr(node, name) for name in parts(node.__class__)]
    return any(v is below or (isinstance(v, tuple) and any(x is below for x in v)) for v in values)


def _key(plan: n.Plan) -> str | None:
    """What a part means, written out; None where it may have another answer the next time."""
    return written(plan) if all(isinstance(node, _NODES) and _settled(node) for node in walk(plan)) else None


def _settled(node: n.Plan) -> bool:
    stack: list[Any] = [getattr(node, name) for name in parts(node.__class__)]
    while stack:
        top = stack.pop()
        if isinstance(top, tuple):
            stack.extend(top)
        elif isinstance(top, n.Agg):
            fractions = top.type in (ScalarType.REAL, ScalarType.DECIMAL) and top.function.name.startswith("sum")
            if top.function.name not in _AGGREGATES or fractions:
                return False
            stack.extend(top.args)
        elif isinstance(top, n.Win | n.Outer):
            return False
        elif isinstance(top, n.Expr):
            if isinstance(top, n.Call) and top.function.name in _NOT:
                return False
            stack.extend(getattr(top, name) for name in parts(top.__class__))
    return True


def _costly(engine: DuckDBEngine, plan: n.Plan, costs: Costs) -> bool:
    """Whether it reads a large table that is not read for many already."""
    return any(engine.rows_read(u.scan, u.windows, u.predicates, u.columns) >= costs.rows for u in uses(plan))


def _computed(engine: DuckDBEngine, one: _Found, budget: int) -> Part | None:
    columns = one.plan.columns
    texts = sum(c.type in (ScalarType.STRING, ScalarType.DYNAMIC) for c in columns)
    # What a text takes is not known before; it is looked at afterwards.
    most = budget // (16 * len(columns) + 16 * texts + 8)
    name = f"part in common #{engine.fresh()}"
    begun = clock.monotonic()
    text = engine.sql_of(one.plan)
    engine.execute(f"CREATE TABLE {quote(name)} AS SELECT * FROM ({text}) LIMIT {most + 1}")
    try:
        made = Computed(name, one.plan)
        lengths = " + ".join(
            f"coalesce(strlen({quote(made.physical[c.name])}::VARCHAR), 0)"
            for c in columns
            if c.type in (ScalarType.STRING, ScalarType.DYNAMIC)
        )
        rows, size = engine.execute(f"SELECT count(*), coalesce(sum({lengths or '0'}), 0)::BIGINT FROM {quote(name)}")[
            0
        ]
        size = int(size) + rows * (16 * len(columns) + 8)
        if rows > most or size > budget:
            engine.execute(f"DROP TABLE {quote(name)}")
            return None
    except BaseException:
        engine.execute(f"DROP TABLE IF EXISTS {quote(name)}")
        raise
    engine.use_computed(made)
    tables = tuple(dict.fromkeys(s.table for s in walk(one.plan) if isinstance(s, n.Scan)))
    return Part(tables, tuple(one.who), rows, size, clock.monotonic() - begun, made)
