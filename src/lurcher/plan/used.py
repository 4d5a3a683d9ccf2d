"""Which columns of its tables a plan reads.

Down from the result: a node asks its inputs for what is asked of it and for what its own expressions name. Where a node has
a meaning of its own for columns that nobody names (plugins, graphs, `Apply`), all of its inputs' columns count; so they do of what
stands in several places, which an engine computes once and whole. It may name more than is read, never less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from lurcher.plan import nodes as n
from lurcher.plan.walk import parts
from lurcher.plan.windows import parents_first


def used_columns(plan: n.Plan) -> dict[str, set[str]]:
    """Table -> the names of its columns that the plan reads, in any of the places where it scans it."""
    found: dict[str, set[str]] = {}
    for scan, names in _by_scan(plan, True):
        found.setdefault(scan.table, set()).update(names)
    return found


def wanted_columns(plan: n.Plan) -> dict[int, frozenset[str]]:
    """id(scan) -> the names of its columns that the plan's rows depend on. Others may be read, and may have any value that is no
    error: of what stands in several places all is computed, whoever needs what of it."""
    return {id(scan): frozenset(names) for scan, names in _by_scan(plan, False)}


def _by_scan(plan: n.Plan, whole: bool) -> list[tuple[n.Scan, set[str]]]:
    """Every scan with what is read of it. `whole`: what stands in several places is."""
    wanted: dict[int, set[str]] = {id(plan): _names(plan)}
    found: list[tuple[n.Scan, set[str]]] = []
    order = parents_first(plan)
    places = Counter(id(child) for _, below in order for child in below)
    for node, below in order:
        asked = wanted[id(node)]
        if whole and (isinstance(node, n.Shared) or places[id(node)] > 1):
            asked = asked | _names(node)
        if isinstance(node, n.Scan):
            found.append((node, asked & _names(node)))
        passed = {id(child): names for child, names in _passed(node, asked, whole)}
        for child in below:
            names = passed.get(id(child))
            wanted.setdefault(id(child), set()).update(_names(child) if names is None else names)
    return found


def _names(plan: n.Plan) -> set[str]:
    return {c.name for c in plan.columns}


def _passed(node: n.Plan, asked: set[str], whole: bool) -> list[tuple[n.Plan, set[str]]]:
    """What a node asks of its inputs; of an input that is not here it asks everything."""
    match node:
        case n.Filter(input=below, predicate=predicate):
            return [(below, asked | _columns((predicate,)))]
        case n.Project(input=below, items=items):
            # What is computed and asked for by nobody may be computed all the same: then of the values that it is of.
            computed = not whole
            return [
                (below, _columns(e for name, e in items if name in asked or (computed and not isinstance(e, n.Col))))
            ]
        case n.Aggregate(input=below, keys=keys, items=items):
            return [(below, _columns(expr for _, expr in (*keys, *items)))]
        case n.Pick(input=below):
            # An engine picks rows whole.
            return [(below, _names(below))]
        case n.Sort(input=below, keys=keys):
            return [(below, asked | _columns(keys))]
        case n.Limit(input=below) | n.Sample(input=below) | n.Shared(input=below):
            return [(below, asked)]
        case n.Window(input=below, items=items, order=order):
            return [(below, asked | _columns((*(expr for _, expr in items), *order)))]
        case n.Expand(input=below, items=items):
            # A column that an item takes the place of counts, too: it costs nothing to say so.
            return [(below, (asked | _columns(items)) & _names(below))]
        case n.Join(left=left, right=right, on=on):
            every = asked | _columns(expr for pair in on for expr in pair)
            return [(side, every & _names(side)) for side in (left, right)]
        case n.Aligned(input=below, given=given, dropped=dropped):
            # Of those that the union has no place for, the engine is told to fail where they are read.
            return [(below, {given[name] for name in asked if name in given} | (set() if whole else set(dropped)))]
        case n.Union(inputs=inputs):
            return [(below, set(asked)) for below in inputs]
    return []


def _columns(exprs: Iterable[Any]) -> set[str]:
    """The columns that expressions name, not those inside of their subqueries. Without recursion, as they are deep."""
    found: set[str] = set()
    stack = list(exprs)
    while stack:
        top = stack.pop()
        match top:
            case n.Col(name=name):
                found.add(name)
            case n.AnyColumn():
                found.update(c.name for c in top.columns)
                stack.append(top.needle)
            case tuple():
                stack.extend(top)
            case n.Expr() | n.SortKey() | n.ExpandItem():
                stack.extend(getattr(top, part) for part in parts(type(top)))
    return found
