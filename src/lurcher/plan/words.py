"""A plan in words: a step a line, in the order in which the query writes them. For people who hunt, not for golden files
(`plan.render`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lurcher.kql.source import NOWHERE, Span
from lurcher.plan import nodes as n
from lurcher.plan.machine import Machine
from lurcher.plan.render import text
from lurcher.plan.walk import inputs

#: Columns that are named one by one; of more, their number is told. Values of a list, likewise.
_NAMED, _VALUES = 6, 12
_LONG = 400


@dataclass(frozen=True)
class PlanStep:
    """`depth`: how far it stands inside of another one (the other side of a join, a subquery). `node` is what it is of."""

    text: str
    depth: int
    span: Span
    node: n.Plan


def steps(plan: n.Plan) -> tuple[PlanStep, ...]:
    """The steps of a plan: what a step needs stands before it. Rows that several steps read are told once."""
    found: list[PlanStep] = []
    numbers: dict[int, int] = {}
    # (node, depth, whether its inputs have been told)
    stack: list[tuple[n.Plan, int, bool]] = [(plan, 0, False)]
    while stack:
        node, depth, told = stack.pop()
        shared = not isinstance(node, n.Scan | n.Values)
        if not told and shared and id(node) in numbers:
            found.append(PlanStep(f"the rows of step {numbers[id(node)]} again", depth, NOWHERE, node))
            continue
        if not told:
            below = inputs(node)
            main = _main(node)
            stack.append((node, depth, True))
            # What is popped last is told last: the main input first of all, so that others stand right before their step.
            stack.extend((b, depth if b is main else depth + 1, False) for b in reversed(_ordered(below, main)))
            continue
        said = _said(node)
        if said:
            found.append(PlanStep(said, depth, node.span, node))
        numbers[id(node)] = max(len(found), 1)
    return tuple(found)


def _main(node: n.Plan) -> n.Plan | None:
    match node:
        case n.Join(left=left):
            return left
        case n.Union(inputs=below_all):
            return below_all[0] if below_all else None
    below = getattr(node, "input", None)
    return below if isinstance(below, n.Plan) else None


def _ordered(below: Sequence[n.Plan], main: n.Plan | None) -> list[n.Plan]:
    return sorted(below, key=lambda b: b is not main)


def _columns(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= _NAMED else f"{len(names)} columns"


def _expr(expr: n.Expr) -> str:
    if isinstance(expr, n.InList) and len(expr.values) > _VALUES:
        return f"{_expr(expr.operand)} {expr.op} (one of {len(expr.values):,} values)"
    return _cut(text(expr).replace("::", " as "))


def _cut(said: str) -> str:
    return said if len(said) <= _LONG else said[: _LONG - 3] + "..."


def _given(items: Sequence[n.Item]) -> str:
    return _cut(
        ", ".join(name if isinstance(e, n.Col) and e.name == name else f"{name} = {_expr(e)}" for name, e in items)
    )


def _order(keys: Sequence[n.SortKey]) -> str:
    return ", ".join(f"{_expr(k.expr)} {'descending' if k.descending else 'ascending'}" for k in keys)


def _scan(node: n.Scan) -> str:
    return f"read {node.table}" + (", which a function looks things up in" if node.aside else "")


def _project(node: n.Project) -> str:
    made = [(name, e) for name, e in node.items if not isinstance(e, n.Col)]
    renamed = [(name, e) for name, e in node.items if isinstance(e, n.Col) and e.name != name]
    kept = [name for name, e in node.items if isinstance(e, n.Col) and e.name == name]
    if not made and node.span == NOWHERE:
        # The binder's own: columns of the two sides of a join are told apart by it.
        return ""
    if not made and not renamed:
        return f"keep {_columns(kept)}"
    parts = [f"compute {_given(made)}"] if made else []
    if renamed:
        parts.append(f"rename {_columns([name for name, _ in renamed])}")
    gone = len(node.input.columns) - len(kept) - len(renamed)
    if gone > 0 and node.span != NOWHERE:
        parts.append(f"leave out {gone} of {len(node.input.columns)} columns")
    return ", ".join(parts)


def _aggregate(node: n.Aggregate) -> str:
    what = ", ".join(f"{_expr(e)}" for _, e in node.items)
    keys = _given(node.keys)
    if not keys:
        return f"of all rows together: {_cut(what)}"
    return f"for each {keys}: {_cut(what)}" if what else f"each {keys} once"


def _join(node: n.Join) -> str:
    on = ", ".join(f"{_expr(a)} = {_expr(b)}" for a, b in node.on)
    said = {
        "inner": "join: pairs of rows",
        "leftouter": "join: rows with their partners, those without as well (left outer)",
        "rightouter": "join: the other rows with their partners, those without as well (right outer)",
        "fullouter": "join: pairs, and from both sides what has no partner (full outer)",
        "leftsemi": "keep rows that have a partner (left semi)",
        "leftanti": "keep rows that have no partner (left anti)",
    }[node.kind]
    return f"{said} where {on}" if on else said


def _pick(node: n.Pick) -> str:
    keys = ", ".join(_expr(k) for k in node.keys)
    first = f", the first by {_order(node.order)}" if node.order else ""
    return f"one row for each {keys}{first}" if keys else f"one row{first}"


def _expand(node: n.Expand) -> str:
    return f"a row for each element of {', '.join(_expr(i.expr) for i in node.items)}"


def _series(node: n.Series) -> str:
    keys = f" for each {_given(node.keys)}" if node.keys else ""
    what = ", ".join(_expr(agg) for _, agg, _ in node.items)
    return f"a series of {what} by {_expr(node.axis[1])}{keys}"


_WORDS: dict[type[n.Plan], Callable[[Any], str]] = {
    n.Scan: _scan,
    n.Supplied: lambda p: f"read {p.what} {', '.join(p.names)}",
    n.Values: lambda p: f"{len(p.rows):,} rows of the query's own" if p.columns else "",
    n.Range: lambda p: f"count {p.columns[0].name} from {_expr(p.start)} to {_expr(p.stop)}",
    n.Filter: lambda p: f"keep rows where {_expr(p.predicate)}",
    n.Project: _project,
    n.Aggregate: _aggregate,
    n.Pick: _pick,
    n.Join: _join,
    n.Union: lambda p: f"the rows of {len(p.inputs)} together",
    n.Sort: lambda p: f"sort by {_order(p.keys)}",
    n.Limit: lambda p: (
        f"the first {_expr(p.count)} rows" if isinstance(p.input, n.Sort) else f"any {_expr(p.count)} rows"
    ),
    n.Sample: lambda p: f"{_expr(p.count)} rows at random",
    n.Window: lambda p: f"look at rows in their order: {', '.join(_expr(e) for _, e in p.items)}",
    Machine: lambda p: f"go through rows in their order, in {len(p.steps)} steps (scan)",
    n.Expand: _expand,
    n.Apply: lambda p: "for each row",
    n.Elements: lambda p: f"elements of {', '.join(_expr(i.expr) for i in p.items)}",
    n.Series: _series,
    n.TableFunction: lambda p: f"{p.name}({', '.join(_expr(a) for a in p.args)})",
    n.Paths: lambda p: f"paths of {p.low} to {p.high} edges",
    n.Components: lambda p: "what hangs together",
    n.ProcessTree: lambda p: "the tree of processes",
    # What a union makes of its inputs, and a mark that rows are kept, are no steps of the query's.
    n.Aligned: lambda p: "",
    n.Shared: lambda p: "kept: computed once (materialize)",
}


def _said(node: n.Plan) -> str:
    word = _WORDS.get(type(node))
    return word(node) if word is not None else type(node).__name__.lower()
