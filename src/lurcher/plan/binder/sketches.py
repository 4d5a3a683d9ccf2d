"""A sketch (hll, tdigest) is not what the service's looks like: a query may hand it to the functions that read it, not show it,
nor make anything else of it; and they read no sketch that the service made."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lurcher.functions.sketches import MAKERS, READERS
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context
from lurcher.plan.walk import walk

#: Readers that are not makers, and take nothing but sketches.
_OF_SKETCHES = frozenset({"__dcount_intersect"})
_NULLS = frozenset({"isnull", "isnotnull"})
_HINT = "hand it to dcount_hll(), percentile_tdigest() or what merges it"


def check(cx: Context, queries: tuple[n.Query, ...]) -> None:
    """Refuse what shows a sketch. Columns are told by their names, wherever in the query: rather too many than too few."""
    plans = [p for query in queries for p in walk(query.plan)]
    items = [item for p in plans if isinstance(p, n.Project | n.Aggregate) for item in _items(p)]
    names: dict[str, n.Expr] = {}
    while True:
        found = {name: expr for name, expr in items if name not in names and _holds(expr, names)}
        if not found:
            break
        names |= found
    for _, expr in items:
        for call in _calls(expr):
            name = call.function.name
            held = [_holds(a, names) for a in call.args]
            if name not in READERS | _NULLS and any(held):
                cx.refuse(f"{name}() of a sketch", call.span, _HINT)
            elif name in READERS and not (all(held) if name in MAKERS or name in _OF_SKETCHES else held[0]):
                cx.refuse(
                    f"{name.removeprefix('__')}() of what this query did not make",
                    call.span,
                    "make it with hll() or tdigest() here",
                )
    for query in queries:
        for column in query.columns:
            shown = names.get(column.name) or names.get(re.sub(r"[0-9]+$", "", column.name))
            if shown is not None and column.type is ScalarType.DYNAMIC:
                cx.refuse(f"a sketch as a result ('{column.name}')", shown.span, _HINT)


def _items(plan: n.Project | n.Aggregate) -> tuple[n.Item, ...]:
    return plan.items if isinstance(plan, n.Project) else (*plan.keys, *plan.items)


def _holds(expr: n.Expr, names: dict[str, n.Expr]) -> bool:
    """Whether an expression gives a sketch."""
    match expr:
        case n.Col(name=name):
            return name in names and expr.type is ScalarType.DYNAMIC
        case n.Call() | n.Agg():
            return expr.function.name in MAKERS
        case n.Lit(value=None):
            return True
        case n.Convert(operand=operand):
            return _holds(operand, names)
        case n.ScalarQuery(plan=plan):
            return bool(plan.columns) and plan.columns[0].name in names
    return False


def _calls(expr: n.Expr) -> Iterator[n.Call | n.Agg]:
    stack, seen = [expr], set()
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, n.Call | n.Agg):
            yield part
            stack += part.args
        elif isinstance(part, n.Convert):
            stack.append(part.operand)
