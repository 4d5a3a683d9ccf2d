"""Plans in another form that gives the same rows: filters as near to the tables as they may be, sorts as far from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lurcher.engines.lowering.sharing import calls
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.used import used_columns
from lurcher.plan.walk import inputs, parts, walk
from lurcher.plan.windows import operands, parents_first

_HOLDERS = (n.Expr, n.SortKey, n.ExpandItem)
#: Functions that give another answer each time.
_VOLATILE = ("rand", "new_guid")


def with_inputs(plan: n.Plan, change: Callable[[n.Plan], n.Plan]) -> n.Plan:
    """The plan with each plan right inside of it changed, those of its expressions' subqueries among them."""
    changed: n.Plan = _changed(plan, change) if inputs(plan) else plan
    return changed


def _changed(holder: Any, change: Callable[[n.Plan], n.Plan]) -> Any:
    updates = {}
    for part in parts(holder.__class__):
        old = getattr(holder, part)
        new = _swapped(old, change)
        if new is not old:
            updates[part] = new
    return replace(holder, **updates) if updates else holder


def _swapped(value: Any, change: Callable[[n.Plan], n.Plan]) -> Any:
    if isinstance(value, n.Plan):
        return change(value)
    if isinstance(value, tuple):
        new = tuple(_swapped(v, change) for v in value)
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    if isinstance(value, _HOLDERS) and not isinstance(value, n.Col | n.Lit):
        return _changed(value, change)
    return value


class Rewriting:
    """A plan rewritten from its tables up. What stands in several places is rewritten once, and stays one object."""

    def __init__(self, plan: n.Plan, visit: Callable[[n.Plan, Rewriting], n.Plan]) -> None:
        self._visit = visit
        self._done: dict[int, n.Plan] = {}
        #: In how many places a plan of the new form stands; those that are not here stand in one.
        self._places: dict[int, int] = {}
        self._kept: list[n.Plan] = []
        self._counted = places(plan)
        self.plan = self._of(plan)

    def once(self, plan: n.Plan) -> bool:
        return self._places.get(id(plan), 1) <= 1

    def _of(self, plan: n.Plan) -> n.Plan:
        found = self._done.get(id(plan))
        if found is None:
            found = self._visit(with_inputs(plan, self._of), self)
            self._done[id(plan)] = found
            # Both live on: another plan must not get the identity of one that is gone.
            self._kept += [plan, found]
            self._places[id(found)] = max(self._places.get(id(found), 1), self._counted.get(id(plan), 1))
        return found


def places(plan: n.Plan) -> dict[int, int]:
    """id(plan) -> in how many places it stands."""
    counts = {id(plan): 1}
    for _, below in parents_first(plan):
        for child in below:
            counts[id(child)] = counts.get(id(child), 0) + 1
    return counts


def named(expr: Any) -> set[str]:
    """The columns that expressions name."""
    found: set[str] = set()
    stack = [expr]
    while stack:
        top = stack.pop()
        match top:
            case tuple():
                stack.extend(top)
            case n.Col(name=name):
                found.add(name)
            case n.AnyColumn(columns=columns):
                found.update(c.name for c in columns)
                stack.append(top.needle)
            case n.Expr() | n.SortKey() | n.ExpandItem():
                stack.extend(getattr(top, part) for part in parts(top.__class__))
    return found


def renamed(expr: Any, names: dict[str, str]) -> Any:
    """Expressions with columns under other names."""
    if isinstance(expr, n.Col):
        return replace(expr, name=names[expr.name]) if names[expr.name] != expr.name else expr
    if isinstance(expr, tuple):
        return tuple(renamed(e, names) for e in expr)
    if isinstance(expr, n.AnyColumn):
        columns = tuple(replace(c, name=names[c.name]) for c in expr.columns)
        return replace(expr, columns=columns, needle=renamed(expr.needle, names))
    if isinstance(expr, _HOLDERS) and not isinstance(expr, n.Lit):
        return replace(expr, **{part: renamed(getattr(expr, part), names) for part in parts(expr.__class__)})
    return expr


def is_volatile(value: Any) -> bool:
    """Whether an expression, or a plan, computes something at random."""
    probe = n.Filter(n.Values((), columns=()), value, columns=()) if isinstance(value, n.Expr) else value
    return any(calls(probe, name) for name in _VOLATILE)


def normal(plan: n.Plan) -> n.Plan:
    dated = Rewriting(plan, _dated).plan if calls(plan, _WHEN) else plan
    return Rewriting(_pruned(dated), _visit).plan


_WHEN = "ingestion_time"
#: The column that carries when a row was added.
_ADDED = "$added"


def _dated(node: n.Plan, rewriting: Rewriting) -> n.Plan:
    """When rows were added as a column, from the table on: what a worker sees of a row are its columns."""
    if not isinstance(node, n.Project | n.Filter):
        return node
    value = node.items if isinstance(node, n.Project) else node.predicate
    found = _first_call(value)
    if found is None or (below := _carrying(node.input, found, rewriting)) is None:
        return node
    said = _put_column(value)
    if isinstance(node, n.Project):
        return replace(node, input=below, items=said)
    kept = n.Filter(below, said, columns=below.columns, span=node.span)
    items = tuple((c.name, n.Col(c.name, type=c.type)) for c in node.columns)
    return n.Project(kept, items, columns=node.columns, span=node.span)


def _first_call(value: Any) -> n.Call | None:
    stack = [value]
    while stack:
        top = stack.pop()
        if isinstance(top, n.Call) and top.function.name == _WHEN:
            return top
        if isinstance(top, tuple):
            stack.extend(top)
        elif isinstance(top, _HOLDERS):
            stack.extend(getattr(top, part) for part in parts(top.__class__))
    return None


def _put_column(value: Any) -> Any:
    if isinstance(value, n.Call) and value.function.name == _WHEN:
        return n.Col(_ADDED, type=value.type, span=value.span)
    if isinstance(value, tuple):
        return tuple(_put_column(v) for v in value)
    if isinstance(value, _HOLDERS) and not isinstance(value, n.Col | n.Lit):
        return replace(value, **{part: _put_column(getattr(value, part)) for part in parts(value.__class__)})
    return value


def _carrying(plan: n.Plan, call: n.Call, rewriting: Rewriting) -> n.Plan | None:
    """The plan with the column; None where nobody knows it any more."""
    if _ADDED in {c.name for c in plan.columns}:
        return plan
    columns = (*plan.columns, Column(_ADDED, call.type))
    if isinstance(plan, n.Scan):
        items = (*((c.name, n.Col(c.name, type=c.type)) for c in plan.columns), (_ADDED, call))
        return n.Project(plan, items, columns=columns, span=plan.span)
    if not isinstance(plan, n.Filter | n.Project | n.Sort | n.Limit) or not rewriting.once(plan):
        return None
    below = _carrying(plan.input, call, rewriting)
    if below is None:
        return None
    if isinstance(plan, n.Project):
        return replace(plan, input=below, items=(*plan.items, (_ADDED, n.Col(_ADDED, type=call.type))), columns=columns)
    return replace(plan, input=below, columns=below.columns)


#: What stands for a union while it is asked which of its columns are read.
_ASKED = "\x01union"


def _pruned(plan: n.Plan) -> n.Plan:
    """Unions of tables with those columns alone that anybody reads: of all tables they have thousands."""
    for node in [p for p in walk(plan) if isinstance(p, n.Union)]:
        if not all(isinstance(part, n.Aligned) for part in node.inputs):
            continue
        asked = n.Scan(_ASKED, columns=node.columns)
        used = used_columns(_put(plan, node, asked)).get(_ASKED, set())
        if any(isinstance(part, n.Aligned) and part.label is not None for part in node.inputs):
            used = used | {node.columns[0].name}
        if len(used) < len(node.columns):
            plan = _put(plan, node, _only(node, used))
    return plan


def _put(plan: n.Plan, old: n.Plan, new: n.Plan) -> n.Plan:
    """The plan with another in place of one of its own."""
    done: dict[int, n.Plan] = {id(old): new}

    def put(node: n.Plan) -> n.Plan:
        found = done.get(id(node))
        if found is None:
            found = done[id(node)] = with_inputs(node, put)
        return found

    return put(plan)


def _only(node: n.Union, used: set[str]) -> n.Plan:
    """The union with some of its columns; the others, which nobody reads, are null."""
    columns = tuple(c for c in node.columns if c.name in used)
    aligned = tuple(
        replace(
            part,
            given={name: source for name, source in part.given.items() if name in used},
            dropped=tuple(name for name in part.dropped if name in used),
            columns=columns,
        )
        for part in node.inputs
        if isinstance(part, n.Aligned)
    )
    items = tuple(
        (c.name, n.Col(c.name, type=c.type) if c.name in used else n.Lit(None, type=ScalarType.LONG))
        for c in node.columns
    )
    return n.Project(replace(node, inputs=aligned, columns=columns), items, columns=node.columns, span=node.span)


def _visit(node: n.Plan, rewriting: Rewriting) -> n.Plan:
    match node:
        case n.Filter():
            return _sunk(node, rewriting)
        case n.Project(input=n.Sort() as sort) if rewriting.once(sort):
            return _floated(node, sort)
    return node


def _floated(node: n.Project, sort: n.Sort) -> n.Plan:
    """A projection that keeps the keys of a sort, below it."""
    kept = {expr.name: name for name, expr in reversed(node.items) if isinstance(expr, n.Col)}
    if not all(name in kept for name in named(sort.keys)):
        return node
    return replace(sort, input=replace(node, input=sort.input), keys=renamed(sort.keys, kept), columns=node.columns)


def conjunction(span: Any, operator: n.Call | None, conjuncts: list[n.Expr]) -> n.Expr:
    first, *rest = conjuncts
    for part in rest:
        assert operator is not None
        first = replace(operator, args=(first, part), span=span)
    return first


def split(node: n.Filter, test: Callable[[n.Expr], bool]) -> tuple[n.Expr | None, n.Expr | None]:
    """The conjuncts of a filter for which a test holds, and the others."""
    conjuncts = operands(node.predicate, "and")
    both = node.predicate if isinstance(node.predicate, n.Call) and len(conjuncts) > 1 else None
    yes: list[n.Expr] = []
    no: list[n.Expr] = []
    for part in conjuncts:
        (yes if test(part) else no).append(part)
    if not yes:
        return None, node.predicate
    if not no:
        return node.predicate, None
    span = node.predicate.span
    return conjunction(span, both, yes), conjunction(span, both, no)


def _sunk(node: n.Filter, rewriting: Rewriting) -> n.Plan:
    """The filter, or those of its conjuncts that may go there, below what is below it."""
    below = node.input
    if not rewriting.once(below):
        return node
    if isinstance(below, n.Sort):
        within = replace(node, input=below.input, columns=below.input.columns)
        return replace(below, input=_sunk(within, rewriting))
    if isinstance(below, n.Project):
        if _ADDED in {c.name for c in below.columns} and isinstance(below.input, n.Scan):
            # Below it only the table itself may be.
            return node
        kept = {name: expr.name for name, expr in below.items if isinstance(expr, n.Col)}
        low, high = split(node, lambda e: named(e) <= kept.keys() and not is_volatile(e))
        if low is None:
            return node
        within = n.Filter(below.input, renamed(low, kept), columns=below.input.columns, span=node.span)
        moved: n.Plan = replace(below, input=_sunk(within, rewriting))
    elif isinstance(below, n.Expand):
        made = {item.name for item in below.items} | {below.index}
        low, high = split(node, lambda e: not named(e) & made and not is_volatile(e))
        if low is None:
            return node
        within = n.Filter(below.input, low, columns=below.input.columns, span=node.span)
        moved = replace(below, input=_sunk(within, rewriting))
    else:
        return node
    return moved if high is None else replace(node, input=moved, predicate=high)


def reads_outer(node: n.Plan) -> bool:
    """Whether its expressions read the row of an `Apply` around it."""
    stack: list[object] = [getattr(node, part) for part in parts(node.__class__)]
    while stack:
        top = stack.pop()
        if isinstance(top, n.Outer):
            return True
        if isinstance(top, tuple):
            stack.extend(top)
        elif isinstance(top, n.Expr | n.SortKey | n.ExpandItem):
            stack.extend(getattr(top, part) for part in parts(top.__class__))
    return False
