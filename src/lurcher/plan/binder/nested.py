"""top-nested and top-hitters: the values that count most.

A level of top-nested is a grouping by its own expression and those of the levels above it, of which the first N rows of each
group above are kept; where there is no N, all. A level joins the one above it by the values of its keys, null with null.
Which of several rows with one aggregate are the first N is as open as it is for `top`.

top-hitters is exact here: count or sum, and the first N.

Source: "top-nested operator", "top-hitters operator" (Kusto documentation); the rows of a nested example as measured on
Microsoft's emulator.
"""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS116
from lurcher.kql.source import Span
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, operator, project
from lurcher.plan.binder.expressions import both, convert, function, operator_call, scalar
from lurcher.plan.binder.groups import Group, finished
from lurcher.plan.binder.names import Namer, result_name
from lurcher.plan.binder.nested_others import Level, with_others
from lurcher.plan.binder.rows import count_of, sorted_by

T = ScalarType
#: A value of each type that stands for null, beside the column that says whether it is null.
_ZERO = {T.INT: 0, T.LONG: 0, T.REAL: 0.0, T.BOOL: False, T.TIMESPAN: 0, T.DATETIME: 621_355_968_000_000_000}


@operator(sx.TopNestedOp)
def _top_nested(cx: Context, scope: Scope, rel: Rel, op: sx.TopNestedOp) -> Rel:
    keys: list[tuple[str, n.Expr]] = []
    names: list[tuple[str, str]] = []
    levels: list[Level] = []
    done: Rel | None = None
    for level in op.levels:
        node = level.of.expression if isinstance(level.of, sx.Named) else level.of
        name = result_name(level.of) or "Column1"
        of = _key(cx, scope, rel, node)
        by = level.by.expression
        shown = by.names[0].text if isinstance(by, sx.Named) else f"aggregated_{name}"
        keys.append((f"$key{len(keys)}", of))
        here = _grouped(cx, scope, rel, keys, by.expression if isinstance(by, sx.Named) else by, op.span)
        others = None if level.others is None else _constant(cx, scope, level.others, of.type)
        taken = {x for pair in names for x in pair}
        if name in taken or shown in taken or name == shown:
            cx.refuse(f"top-nested with several columns of the name {name if name in taken else shown}", level.span)
            name, shown = (f"{x}{len(names)}" if x in taken or name == shown else x for x in (name, shown))
        done = _below(cx, done, here, names, name, shown, op.span)
        names.append((name, shown))
        done = _first(cx, scope, done, level, [a for a, _ in names[:-1]], shown, op.span)
        if any(x.others is not None for x in op.levels):
            # Read more than once; which of several rows with one aggregate are the first must be the same each time.
            done = done.over(n.Shared(input=done.plan, columns=done.columns, span=op.span))
        of_rows = by.expression if isinstance(by, sx.Named) else by
        levels.append(Level(of, name, shown, of_rows, others, level.count is not None, done))
    assert done is not None
    if any(x.others is not None for x in op.levels):
        return with_others(cx, scope, rel, levels, op.span)
    return Rel(done.plan, open=rel.open)


def _constant(cx: Context, scope: Scope, node: sx.Expression, type: ScalarType) -> n.Expr:
    """What a level calls the others: of its key's type."""
    value = scalar(cx, Env(scope), node)
    if value.type is type or T.UNKNOWN in (value.type, type):
        return value
    if (value.type, type) not in ((T.INT, T.LONG), (T.LONG, T.INT), (T.LONG, T.REAL), (T.INT, T.REAL)):
        cx.refuse(f"others of type {value.type} for a key of type {type}", node.span)
    return convert(value, type)


def _key(cx: Context, scope: Scope, rel: Rel, node: sx.Expression) -> n.Expr:
    key = scalar(cx, Env(scope, rel, outer=cx.outer), node)
    if key.type is T.DYNAMIC:
        cx.say(KS116, node.span, what="a key", actual="dynamic", hint="tostring() of it can be one")
    return key


def _grouped(cx: Context, scope: Scope, rel: Rel, keys: list[n.Item], by: sx.Expression, span: Span) -> Rel:
    """The aggregate, under `$value`, for each combination of the keys."""
    env = Env(scope, rel, aggs=[], outer=cx.outer)
    env.grouped = frozenset()
    group = Group(cx, rel, list(keys), set(), env, Namer())
    group.out.append(("$value", scalar(cx, env, by)))
    return finished(group, span)


def _below(
    cx: Context, above: Rel | None, here: Rel, names: list[tuple[str, str]], name: str, shown: str, span: Span
) -> Rel:
    """The rows of a level beside what the levels above it have kept."""
    types = {c.name: c.type for c in here.columns}
    own = [(name, col(f"$key{len(names)}", types[f"$key{len(names)}"])), (shown, col("$value", types["$value"]))]
    if above is None:
        return project(here, own, span)
    on = [
        pair
        for i, (key, _) in enumerate(names)
        for pair in same(cx, col(key, types[f"$key{i}"]), col(f"$key{i}", types[f"$key{i}"]), span)
    ]
    columns = (*above.columns, *here.columns)
    joined = Rel(n.Join(left=above.plan, right=here.plan, kind="inner", on=tuple(on), columns=columns, span=span))
    return project(joined, [*((c.name, col(c.name, c.type)) for c in above.columns), *own], span)


def same(cx: Context, left: n.Expr, right: n.Expr, span: Span) -> list[tuple[n.Expr, n.Expr]]:
    """Join keys that are equal where the values are, or both are null. A string is never null."""
    if left.type in (T.STRING, T.UNKNOWN):
        return [(left, right)]
    if left.type is T.GUID:
        return [(function(cx, "tostring", (left,), span), function(cx, "tostring", (right,), span))]
    if left.type not in _ZERO:
        cx.refuse(f"top-nested below a column of type {left.type}", span)
        return [(left, right)]
    zero = n.Lit(type=left.type, value=_ZERO[left.type], span=span)
    pairs = []
    for side in (left, right):
        pairs.append((function(cx, "isnull", (side,), span), function(cx, "coalesce", (side, zero), span)))
    return list(zip(*pairs, strict=True))


def _first(
    cx: Context, scope: Scope, rel: Rel, level: sx.TopNestedLevel, groups: list[str], by: str, span: Span
) -> Rel:
    """The first N rows of each group, by the aggregate; all in order where there is no N."""
    types = {c.name: c.type for c in rel.columns}
    descending = level.by.descending is not False
    nulls_first = level.by.nulls_first if level.by.nulls_first is not None else not descending
    key = n.SortKey(col(by, types[by]), descending, nulls_first)
    if level.count is None:
        return rel
    count = count_of(cx, scope, level.count)
    if not groups:
        ordered = sorted_by(rel, (key,), span)
        return ordered.over(n.Limit(input=ordered.plan, count=count, columns=rel.columns, span=span))
    above = tuple(n.SortKey(col(name, types[name]), False, True) for name in groups)
    return _numbered(cx, sorted_by(rel, (*above, key), span), groups, types, count, span)


def _numbered(cx: Context, rel: Rel, groups: list[str], types: dict[str, ScalarType], count: n.Expr, span: Span) -> Rel:
    """The rows whose number within the group is not above the count. A group begins where a column is unlike the row before's;
    the number starts anew there, so that the first row of all needs no test."""
    from lurcher.functions.registry import FunctionKind
    from lurcher.functions.resolve import Match, resolve

    def window(name: str, *args: n.Expr) -> n.Expr:
        match = resolve(FunctionKind.WINDOW, name, tuple(a.type for a in args))
        assert isinstance(match, Match)
        return n.Win(type=match.type, function=match.overload, args=args, span=span)

    before: list[n.Item] = []
    tests: list[n.Expr] = []
    for i, name in enumerate(groups):
        column = col(name, types[name])
        before.append((f"$win{i}", window("prev", column)))
        previous = col(f"$win{i}", types[name])
        tests.append(operator_call(cx, "!=", (column, previous), T.BOOL, span))
    number = f"$win{len(groups)}"
    start = n.Lit(type=T.LONG, value=1, span=span)
    items = (*before, (number, window("row_number", start, both(cx, "or", tests, span))))
    columns = (*rel.columns, *(Column(name, e.type) for name, e in items))
    wide = rel.over(n.Window(input=rel.plan, items=items, order=rel.order, columns=columns, span=span))
    within = operator_call(cx, "<=", (col(number, T.LONG), count), T.BOOL, span)
    kept = wide.over(n.Filter(input=wide.plan, predicate=within, columns=columns, span=span))
    return project(kept, [(c.name, col(c.name, c.type)) for c in rel.columns], span)


@operator(sx.TopHittersOp)
def _top_hitters(cx: Context, scope: Scope, rel: Rel, op: sx.TopHittersOp) -> Rel:
    of = _key(cx, scope, rel, op.of)
    name = result_name(op.of) or "Column1"
    count = count_of(cx, scope, op.count)
    call = sx.Call(sx.Name("count" if op.by is None else "sum"), () if op.by is None else (op.by,), span=op.span)
    here = _grouped(cx, scope, rel, [("$key0", of)], call, op.span)
    shown = f"approximate_count_{name}"
    if op.by is not None:
        by = scalar(cx, Env(scope, rel, outer=cx.outer), op.by)
        shown = f"approximate_sum_{result_name(op.by)}"
        if here.columns[1].type is not by.type and T.UNKNOWN not in (by.type, here.columns[1].type):
            cx.refuse(
                f"top-hitters by a column of type {by.type}", op.by.span, "summarize sum() and top give the answer"
            )
    found = _below(cx, None, here, [], name, shown, op.span)
    key = n.SortKey(col(shown, found.columns[1].type), True, False)
    ordered = sorted_by(found, (key,), op.span)
    return ordered.over(n.Limit(input=ordered.plan, count=count, columns=found.columns, span=op.span))
