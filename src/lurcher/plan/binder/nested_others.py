"""top-nested ... with others: rows for what is not among the first.

What falls out at a level, below one path of the levels above, is one row: the level's own name for it and its aggregate, and
so for each level below; a level without `others` has nothing there. The documentation shows such rows where the last level has
`others`; what there is where it has none, or where nothing falls out, is not said, and refused.

Source: "top-nested operator" (Kusto documentation), the example of two levels with others out of three.
"""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.functions.registry import Nulls, scalar
from lurcher.kql import syntax as sx
from lurcher.kql.source import Span
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, keep, null, project
from lurcher.plan.binder.expressions import function
from lurcher.plan.binder.expressions import scalar as bound
from lurcher.plan.binder.groups import Group, finished
from lurcher.plan.binder.names import Namer
from lurcher.sql import tree as t

T = ScalarType


@dataclass(frozen=True, slots=True)
class Level:
    """A level that is bound: its key over the input, its columns' names, its aggregate, the rows up to it."""

    key: n.Expr
    name: str
    shown: str
    by: sx.Expression
    others: n.Expr | None
    limited: bool
    done: Rel


def with_others(cx: Context, scope: Scope, rel: Rel, levels: list[Level], span: Span) -> Rel:
    """The rows of all levels, and those for what fell out at each."""
    done = levels[-1].done
    if levels[-1].others is None:
        cx.refuse("top-nested whose last level has no others, and a level above it has", span)
        return done
    parts = [done.plan, *(_fallen(cx, scope, rel, levels, i, span).plan for i, x in enumerate(levels) if x.limited)]
    return Rel(n.Union(inputs=tuple(parts), columns=done.columns, span=span), open=rel.open)


def _fallen(cx: Context, scope: Scope, rel: Rel, levels: list[Level], at: int, span: Span) -> Rel:
    """A row for what falls out at a level, of each path of the levels above it."""
    above = levels[at - 1].done if at else None
    rest = _not_among(cx, rel, levels[: at + 1], span)
    env = Env(scope, rest, aggs=[], outer=cx.outer)
    env.grouped = frozenset()
    group = Group(cx, rest, [(f"$key{i}", x.key) for i, x in enumerate(levels[:at])], set(), env, Namer())
    group.out.append(("$count", bound(cx, env, sx.Call(sx.Name("count"), (), span=span))))
    for i, level in enumerate(levels[at:], at):
        if level.others is not None:
            group.out.append((f"$value{i}", bound(cx, env, level.by)))
    found = finished(group, span)
    if above is not None:
        on = _pairs(cx, above, [x.name for x in levels[:at]], found, [f"$key{i}" for i in range(at)], span)
        columns = (*above.columns, *found.columns)
        found = Rel(n.Join(left=above.plan, right=found.plan, kind="leftouter", on=on, columns=columns, span=span))
    some = function(cx, "__others", (col("$count", T.LONG),), span)
    found = found.over(n.Filter(input=found.plan, predicate=some, columns=found.columns, span=span))
    types = {c.name: c.type for c in found.columns}
    wanted = {c.name: c.type for c in levels[-1].done.columns}
    items: list[n.Item] = []
    for i, level in enumerate(levels):
        if i < at:
            items += [(x, col(x, types[x])) for x in (level.name, level.shown)]
        elif level.others is not None:
            items += [(level.name, level.others), (level.shown, col(f"$value{i}", types[f"$value{i}"]))]
        else:
            items += [(x, null(wanted[x])) for x in (level.name, level.shown)]
    return project(found, items, span)


def _not_among(cx: Context, rel: Rel, levels: list[Level], span: Span) -> Rel:
    """The input's rows whose path is not among those that the last of these levels has kept."""
    keys = [f"$path{i}" for i in range(len(levels))]
    wide = project(rel, [*keep(rel.columns), *((k, x.key) for k, x in zip(keys, levels, strict=True))], span)
    done = levels[-1].done
    types = {c.name: c.type for c in done.columns}
    kept = project(done, [(f"$kept{i}", col(x.name, types[x.name])) for i, x in enumerate(levels)], span)
    on = _pairs(cx, wide, keys, kept, [f"$kept{i}" for i in range(len(levels))], span)
    plan = n.Join(left=wide.plan, right=kept.plan, kind="leftanti", on=on, columns=wide.columns, span=span)
    return project(wide.over(plan), keep(rel.columns), span)


def _pairs(
    cx: Context, left: Rel, lefts: list[str], right: Rel, rights: list[str], span: Span
) -> tuple[tuple[n.Expr, n.Expr], ...]:
    from lurcher.plan.binder.nested import same

    types = {c.name: c.type for c in (*left.columns, *right.columns)}
    pairs: list[tuple[n.Expr, n.Expr]] = []
    for a, b in zip(lefts, rights, strict=True):
        pairs += same(cx, col(a, types[a]), col(b, types[b]), span)
    return tuple(pairs)


def _others(count: t.SqlExpr) -> t.SqlExpr:
    some = t.Op(">", (count, t.Literal(0)))
    return t.Case(((some, t.TRUE),), t.call("error", t.Literal(_NOTHING)))


_NOTHING = (
    "LurcherError: top-nested ... with others, where all values are among the first"
    "\n  hint: what the service gives there is not documented; leave out the others"
)
scalar("__others", "count: long", "bool", "Whether there are others.", _others, nulls=Nulls.NEVER, hidden=True)
