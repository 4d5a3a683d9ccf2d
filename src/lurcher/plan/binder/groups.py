"""summarize: keys, aggregates, and the aggregates that give several columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lurcher.functions.registry import FunctionKind
from lurcher.functions.resolve import Match, resolve
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS116, KS120, KS171, KS191, LU008
from lurcher.kql.source import Span
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.calls import aggregated
from lurcher.plan.binder.context import Context, Env, FunctionValue, Rel, Scope, col, operator, project
from lurcher.plan.binder.expressions import convert, function, scalar
from lurcher.plan.binder.names import Namer, result_name
from lurcher.plan.binder.rows import named, windowed

T = ScalarType


@dataclass
class Group:
    """A summarize while it is being bound."""

    cx: Context
    rel: Rel
    keys: list[n.Item]
    #: Input columns that are keys as they are.
    plain: set[str]
    env: Env
    namer: Namer
    out: list[n.Item] = field(default_factory=list)

    @property
    def aggs(self) -> list[tuple[str, n.Expr]]:
        assert self.env.aggs is not None
        return self.env.aggs


@operator(sx.SummarizeOp)
def _summarize(cx: Context, scope: Scope, rel: Rel, op: sx.SummarizeOp) -> Rel:
    env = Env(scope, rel, aggs=[], wins=[], outer=cx.outer)
    group = grouped(cx, env, rel, op.by, op.aggregates)
    whole = _whole_row(group, op)
    if whole is not None:
        return whole
    for node in op.aggregates:
        _item(group, node)
    return finished(group, op.span)


def grouped(
    cx: Context, env: Env, rel: Rel, by: tuple[sx.Expression, ...], items: tuple[sx.Expression, ...] = ()
) -> Group:
    """The keys, named; aggregates may follow."""
    explicit = [name.text for node in (*by, *items) if isinstance(node, sx.Named) for name in node.names]
    namer = Namer(explicit, env.types)
    keys: list[n.Item] = []
    plain: set[str] = set()
    aggs, env.aggs = env.aggs, None
    for node in by:
        inner = node.expression if isinstance(node, sx.Named) else node
        if isinstance(inner, sx.Star):
            cx.say(KS191, inner.span)
            continue
        expr = scalar(cx, env, inner)
        if expr.type is T.DYNAMIC:
            cx.say(KS116, inner.span, what="a key", actual="dynamic", hint="tostring() of it can be one")
        if isinstance(inner, sx.NameRef):
            plain.add(inner.name.text)
        if isinstance(node, sx.NameRef) and not isinstance(expr, n.Col) and env.scope.find(node.name.text) is not None:
            # A variable is no column: as a key it has no name.
            keys.append((namer.numbered(), expr))
            continue
        keys.append((named(cx, namer, node, expr), expr))
    env.aggs = aggs
    wide = windowed(cx, rel, env, by[0].span) if by and env.wins else rel
    env.wins = None
    env.grouped = frozenset()
    return Group(cx, wide, keys, plain, env, namer)


def finished(group: Group, span: Span) -> Rel:
    """The Aggregate, and what is computed from its columns."""
    keys, aggs, out = tuple(group.keys), group.aggs, group.out
    of_open = group.rel.open or group.rel.summarized
    if group.rel.sorted and not group.rel.order:
        _unordered(group, span)
    direct = [e.name for _, e in out if isinstance(e, n.Col)]
    temporary = {name for name, _ in aggs}
    simple = len(direct) == len(out) and set(direct) <= temporary and len(set(direct)) == len(direct) == len(aggs)
    if simple:
        by_name = dict(aggs)
        items = tuple((name, by_name[e.name]) for name, e in out if isinstance(e, n.Col))
        columns = tuple(Column(name, e.type) for name, e in (*keys, *items))
        plan = n.Aggregate(input=group.rel.plan, keys=keys, items=items, columns=columns, span=span)
        return Rel(plan, summarized=of_open)
    columns = tuple(Column(name, e.type) for name, e in (*keys, *aggs))
    plan = n.Aggregate(input=group.rel.plan, keys=keys, items=tuple(aggs), columns=columns, span=span)
    inner = Rel(plan, summarized=of_open)
    return project(inner, [*((name, col(name, e.type)) for name, e in keys), *out], span)


_ORDERED = frozenset({"make_list", "make_list_if", "make_list_with_nulls", "makelist"})


def _unordered(group: Group, span: Span) -> None:
    for _, agg in group.aggs:
        if isinstance(agg, n.Agg) and agg.function.name in _ORDERED:
            group.cx.refuse(
                f"{agg.function.name}() of rows whose sort keys are no longer columns",
                agg.span,
                "keep the sort keys until then",
            )


def _item(group: Group, node: sx.Expression) -> None:
    inner = node.expression if isinstance(node, sx.Named) else node
    if isinstance(inner, sx.Call) and not isinstance(group.env.scope.find(inner.name.text), FunctionValue):
        handler = _SEVERAL.get(inner.name.text)
        if handler is not None and handler(
            group, inner, [x.text for x in node.names] if isinstance(node, sx.Named) else []
        ):
            return
    if isinstance(inner, sx.Star):
        group.cx.say(KS191, inner.span)
        return
    expr = scalar(group.cx, group.env, inner)
    if isinstance(node, sx.Named) and len(node.names) > 1:
        group.cx.refuse("several names for one column", node.span)
    if isinstance(inner, sx.NameRef):
        group.out.append((group.namer.derived(inner.name.text), expr))
        return
    group.out.append((named(group.cx, group.namer, node), expr))


# --- aggregates of several columns ---------------------------------------------------------------------------------------------
def _row_env(group: Group) -> Env:
    env = Env(group.env.scope, types=group.env.types, outer=group.env.outer)
    env.open, env.row = group.env.open, group.env.row
    return env


def _extreme(group: Group, call: sx.Call, names: list[str]) -> bool:
    """arg_max, arg_min: the extreme, and columns of the row that has it. A name given renames the extreme alone."""
    cx, env = group.cx, _row_env(group)
    function = call.name.text
    base = {"argmax": "arg_max", "argmin": "arg_min"}.get(function, function)
    if not call.arguments:
        cx.say(KS120, call.name.span, name=function, counts="at least 1 argument", given=0)
        return True
    by = scalar(cx, env, call.arguments[0])
    if by.type is T.DYNAMIC:
        cx.say(KS107, call.arguments[0].span, expected="any type but dynamic", actual="dynamic")
    column = by.name if isinstance(by, n.Col) else ""
    old = function != base
    first = result_name(call.arguments[0])
    prefix = f"{function.removeprefix('arg')}_{first}" if old else ""
    kind = "max" if base == "arg_max" else "min"
    parts: list[tuple[str, n.Expr]] = [(prefix or first, by)]
    for argument in call.arguments[1:]:
        if isinstance(argument, sx.Star):
            skip = group.plain | {column}
            parts += [(f"{prefix}_{c}" if old else c, col(c, t)) for c, t in env.types.items() if c not in skip]
        else:
            name = result_name(argument)
            inner = argument.expression if isinstance(argument, sx.Named) else argument
            parts.append((f"{prefix}_{name}" if old else name, scalar(cx, env, inner)))
    for i, (name, expr) in enumerate(parts):
        agg = _call(cx, kind, (expr,), call.span) if i == 0 else _call(cx, f"__{base}", (expr, by), call.span)
        shown = _given(group, names[i], call) if i < len(names) else group.namer.derived(name)
        group.out.append((shown, aggregated(group.env, agg)))
    return True


def _given(group: Group, name: str, call: sx.Call) -> str:
    found = group.namer.given(name)
    if found is None:
        group.cx.say(KS171, call.span, name=name)
        return group.namer.derived(name)
    return found


def _call(cx: Context, name: str, args: tuple[n.Expr, ...], span: Span) -> n.Expr:
    match = resolve(FunctionKind.AGGREGATE, name, tuple(a.type for a in args))
    if not isinstance(match, Match) or match.overload.sql is None:
        if not any(a.type is T.UNKNOWN for a in args):
            cx.refuse(f"{name.strip('_')} of {args[0].type}", span)
        return n.Lit(type=args[0].type, value=None, span=span)
    done = tuple(convert(a, t) for a, t in zip(args, match.targets, strict=True))
    return n.Agg(type=match.type, function=match.overload, args=done, span=span)


def _any(group: Group, call: sx.Call, names: list[str]) -> bool:
    """take_any of several columns or `*`; of one it is an aggregate like others."""
    cx, env = group.cx, _row_env(group)
    star = any(isinstance(a, sx.Star) for a in call.arguments)
    if len(call.arguments) == 1 and not star:
        return False
    parts: list[tuple[str, n.Expr]] = []
    prefix = "any_" if call.name.text == "any" else ""
    for argument in call.arguments:
        if isinstance(argument, sx.Star):
            parts += [(prefix + c, col(c, t)) for c, t in env.types.items() if c not in group.plain]
        else:
            parts.append((prefix + result_name(argument), scalar(cx, env, argument)))
    for i, (name, expr) in enumerate(parts):
        agg = _call(cx, "take_any", (expr,), call.span)
        shown = _given(group, names[i], call) if i < len(names) else group.namer.derived(name)
        group.out.append((shown, aggregated(group.env, agg)))
    return True


def _percentiles(group: Group, call: sx.Call, names: list[str]) -> bool:
    """percentile(x, 50) is `percentile_x_50`; percentiles one column for each."""
    cx, env = group.cx, _row_env(group)
    first = 2 if call.name.text.endswith("w") else 1
    if len(call.arguments) <= first:
        return False
    ranked = [scalar(cx, env, argument) for argument in call.arguments[:first]]
    base = result_name(call.arguments[0])
    for i, argument in enumerate(call.arguments[first:]):
        rank = scalar(cx, Env(group.env.scope), argument)
        shown = f"percentile_{base}_{_rank(rank)}"
        if not isinstance(rank, n.Lit):
            cx.say(LU008, argument.span, what="a percentile")
            continue
        agg = _ranked(cx, call, ranked, rank)
        name = _given(group, names[i], call) if i < len(names) else group.namer.derived(shown)
        group.out.append((name, aggregated(group.env, agg)))
    return True


def _percentiles_array(group: Group, call: sx.Call, names: list[str]) -> bool:
    """The percentiles in one array; they may be given as an array as well."""
    cx, env = group.cx, _row_env(group)
    first = 2 if call.name.text == "percentilesw_array" else 1
    if len(call.arguments) <= first or len(names) > 1:
        return False
    ranked = [scalar(cx, env, argument) for argument in call.arguments[:first]]
    ranks: list[n.Lit] = []
    for argument in call.arguments[first:]:
        rank = scalar(cx, Env(group.env.scope), argument)
        listed = rank.value if isinstance(rank, n.Lit) and isinstance(rank.value, list) else None
        if not isinstance(rank, n.Lit) or (rank.type is T.DYNAMIC and listed is None):
            cx.say(LU008, argument.span, what="a percentile")
            return True
        for value in [rank.value] if listed is None else listed:
            if isinstance(value, bool) or not isinstance(value, int | float):
                cx.say(KS107, argument.span, expected="number", actual="dynamic")
                return True
            ranks.append(n.Lit(type=T.REAL, value=float(value), span=argument.span))
    found = tuple(aggregated(group.env, _ranked(cx, call, ranked, rank)) for rank in ranks)
    array = function(cx, "pack_array", found, call.span)
    shown = f"percentiles_{result_name(call.arguments[0])}"
    group.out.append((_given(group, names[0], call) if names else group.namer.derived(shown), array))
    return True


def _ranked(cx: Context, call: sx.Call, ranked: list[n.Expr], rank: n.Expr) -> n.Expr:
    return _call(cx, "percentilew" if len(ranked) > 1 else "percentile", (*ranked, rank), call.span)


def _rank(rank: n.Expr) -> str:
    value = rank.value if isinstance(rank, n.Lit) else ""
    text = repr(value) if isinstance(value, float) else str(value)
    return text.removesuffix(".0").replace(".", "_")


_SEVERAL: dict[str, Callable[[Group, sx.Call, list[str]], bool]] = {
    "arg_max": _extreme,
    "arg_min": _extreme,
    "argmax": _extreme,
    "argmin": _extreme,
    "take_any": _any,
    "any": _any,
    "percentile": _percentiles,
    "percentiles": _percentiles,
    "percentilew": _percentiles,
    "percentilesw": _percentiles,
    "percentiles_array": _percentiles_array,
    "percentilesw_array": _percentiles_array,
}


def _whole_row(group: Group, op: sx.SummarizeOp) -> Rel | None:
    """`summarize arg_max(t, *) by k` alone picks whole rows: one pass, where an aggregate a column would be 57.

    Not where there is no key: the service gives a row of nulls for no rows, a Pick gives none."""
    if len(op.aggregates) != 1 or not group.keys:
        return None
    node = op.aggregates[0]
    call = node.expression if isinstance(node, sx.Named) else node
    if not isinstance(call, sx.Call) or isinstance(group.env.scope.find(call.name.text), FunctionValue):
        return None
    if call.name.text not in ("arg_max", "arg_min", "take_any") or not any(
        isinstance(a, sx.Star) for a in call.arguments
    ):
        return None
    _item(group, node)
    order: tuple[n.SortKey, ...] = ()
    if call.name.text != "take_any":
        by = scalar(group.cx, _row_env(group), call.arguments[0])
        order = (n.SortKey(by, call.name.text == "arg_max", nulls_first=False),)
    rel = group.rel
    keys = tuple(expr for _, expr in group.keys)
    picked = Rel(n.Pick(input=rel.plan, keys=keys, order=order, columns=rel.columns, span=op.span))
    by_name = dict(group.aggs)
    items: list[n.Item] = list(group.keys)
    for name, expr in group.out:
        agg = by_name[expr.name] if isinstance(expr, n.Col) else expr
        items.append((name, agg.args[0] if isinstance(agg, n.Agg) else agg))
    return replace(project(picked, items, op.span), order=(), sorted=False)
