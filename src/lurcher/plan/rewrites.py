"""Plan -> plan, in order, and what is read off a plan. Each rewrite says in which case it would be wrong.

Constants are computed while the plan is built (`folding`), so that no pass is needed for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace

from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n

Rewrite = Callable[[n.Plan], n.Plan]


#: In this order. What an engine's own optimiser does as well (merging filters, dropping columns) is not repeated here: a
#: rewrite that rebuilds a relation which is used twice would hide from the lowering that it is one.
REWRITES: tuple[Rewrite, ...] = ()


def rewrite(query: n.Query) -> n.Query:
    plan = query.plan
    for step in REWRITES:
        plan = step(plan)
    return query if plan is query.plan else replace(query, plan=plan)


# --- windows of time -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class TimeWindow:
    """From when to when (ticks since 0001-01-01, both included) rows of a table can matter; None: open on that side."""

    start: int | None = None
    stop: int | None = None

    def union(self, other: TimeWindow) -> TimeWindow:
        """What either needs."""
        start = None if self.start is None or other.start is None else min(self.start, other.start)
        stop = None if self.stop is None or other.stop is None else max(self.stop, other.stop)
        return TimeWindow(start, stop)

    def narrowed(self, op: str, ticks: int) -> TimeWindow:
        if op in (">", ">=", "=="):
            start = ticks if self.start is None else max(self.start, ticks)
            stop = self.stop if op != "==" else (ticks if self.stop is None else min(self.stop, ticks))
            return TimeWindow(start, stop)
        if op in ("<", "<="):
            return TimeWindow(self.start, ticks if self.stop is None else min(self.stop, ticks))
        return self


#: Columns that say when a row happened.
TIME_COLUMNS = ("Timestamp", "TimeGenerated")


def time_window(plan: n.Plan) -> dict[str, TimeWindow]:
    """For each table that a plan reads: the window that all of its reads lie in.

    Only filters directly above a scan count, through projections that keep the time column; whatever else stands between
    leaves the window open, which is never wrong."""
    found: dict[str, TimeWindow] = {}
    _walk(plan, [], found, set())
    return found


def _walk(node: object, filters: list[n.Expr], found: dict[str, TimeWindow], seen: set[tuple[int, int]]) -> None:
    if isinstance(node, tuple):
        for part in node:
            _walk(part, [], found, seen)
        return
    if not is_dataclass(node) or not isinstance(node, (n.Plan, n.Expr, n.SortKey, n.ExpandItem)):
        return
    if isinstance(node, n.Scan):
        window = _window(node, filters)
        found[node.table] = found[node.table].union(window) if node.table in found else window
        return
    if isinstance(node, n.Filter):
        _walk(node.predicate, [], found, seen)
        _walk(node.input, [*filters, node.predicate], found, seen)
        return
    if isinstance(node, n.Project) and _keeps_time(node):
        for _, expr in node.items:
            _walk(expr, [], found, seen)
        _walk(node.input, filters, found, seen)
        return
    key = (id(node), 0)
    if key in seen:
        return
    seen.add(key)
    for f in fields(node):
        if f.name not in ("columns", "span", "function", "type"):
            _walk(getattr(node, f.name), [], found, seen)


def _keeps_time(node: n.Project) -> bool:
    """Whether a time column above is that of below."""
    return all(isinstance(e, n.Col) and e.name == name for name, e in node.items if name in TIME_COLUMNS)


def _window(scan: n.Scan, filters: list[n.Expr]) -> TimeWindow:
    types = {c.name: c.type for c in scan.columns}
    column = next((c for c in TIME_COLUMNS if types.get(c) is ScalarType.DATETIME), None)
    window = TimeWindow()
    stack = list(filters)
    while stack:
        expr = stack.pop()
        if not isinstance(expr, n.Call) or len(expr.args) != 2:
            continue
        op, (left, right) = expr.function.name, expr.args
        if op == "and":
            stack += (left, right)
            continue
        if isinstance(left, n.Lit):
            left, right = right, left
            op = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)
        if not (isinstance(left, n.Col) and left.name == column and isinstance(right, n.Lit)):
            continue
        if right.type is ScalarType.DATETIME and isinstance(right.value, int):
            window = window.narrowed(op, right.value)
    return window
