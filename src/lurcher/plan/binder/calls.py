"""Calls: functions of the language, aggregates, window functions, and functions that the query itself declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lurcher.functions.registry import FunctionKind, names, overloads
from lurcher.functions.resolve import ArgType, Match, Special, counted, known, resolve
from lurcher.functions.signature import Param
from lurcher.functions.sketches import MAKERS, READERS
from lurcher.functions.unsupported import UNSUPPORTED
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS120, KS144, KS211, KS232, LU003, LU005, LU006, LU007, LU008, LU009
from lurcher.kql.source import Span
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, FunctionValue, Rel, ScalarValue, Scope, TableValue, near, null
from lurcher.plan.binder.expressions import convert, scalar, unknown
from lurcher.plan.binder.nulltexts import ASKING, asked

T = ScalarType
_SCALAR, _AGGREGATE, _WINDOW = FunctionKind.SCALAR, FunctionKind.AGGREGATE, FunctionKind.WINDOW
#: Functions in functions, before a query is called too large.
MAX_CALLS = 48
#: Calls of functions of a query, those in functions counted each time that they are called.
MAX_INLINED = 5_000
#: Parts of an expression when all variables and functions in it are written out.
MAX_SIZE = 200_000

#: The old spelling of parse_json() takes no value that is known to be a bag; parse_json() does (Microsoft's binder).
_OF_TEXT = frozenset(("todynamic",))
_BAGS = frozenset(("parse_user_agent",))
#: name -> how the binder itself makes an expression of the call.
SPECIAL: dict[str, Callable[[Context, Env, sx.Call], n.Expr]] = {}


def call_scalar(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    """Bind a call where a value is expected."""
    name = node.name.text
    declared = env.scope.find(name)
    if isinstance(declared, FunctionValue):
        result = call_user(cx, env, declared, node.arguments, node.span)
        if isinstance(result, n.Expr):
            return result
        cx.say(LU005, node.span, hint=f"toscalar({name}(...)) takes one value of a table")
        return unknown(node.span)
    if env.graph is not None and (found := env.graph.call(cx, env, node)) is not None:
        return found
    special = SPECIAL.get(name)
    if special is not None:
        return special(cx, env, node)
    kind = _kind(cx, env, name)
    if kind is None:
        return _no_such(cx, env, node)
    inner = env if kind is _SCALAR else _inside(env, kind)
    args, types = arguments(cx, inner, node)
    args, types = _structured(name, args, types)
    match = resolve(kind, name, types)
    if not isinstance(match, Match):
        if match.rule is KS232 and (name in _BRANCHES or name in ("prev", "next")):
            # Microsoft's binder lets branches, and defaults, of different types pass.
            cx.refuse(f"{name}() of values of different types", node.name.span, "convert them to one type")
            return n.Lit(type=T.UNKNOWN, value=None, span=node.span)
        at = node.arguments[match.argument].span if match.argument is not None else node.name.span
        cx.say(match.rule, at, **dict(match.data))
        return n.Lit(type=_likely(kind, name), value=None, span=node.span)
    if name in _OF_TEXT and isinstance(args[0], n.Call) and args[0].function.name in _BAGS:
        cx.say(KS107, node.arguments[0].span, expected="string", actual=T.DYNAMIC, hint="it is a bag already")
    exprs = tuple(_given(a, p, t) for a, p, t in zip(args, match.params, match.targets, strict=True))
    _check_constants(cx, node, match, exprs)
    cx.sketched = cx.sketched or name in MAKERS or name in READERS
    if kind is _SCALAR and name in ASKING and (found := asked(cx, name, exprs, node.span)) is not None:
        return found
    if name in _OF_TIMES and (found := nanosecond(exprs, node.span)) is not None:
        return found
    if kind is _AGGREGATE:
        return _aggregate(cx, env, match, exprs, node.span)
    if kind is _WINDOW:
        return _window(cx, env, match, exprs, node)
    return n.Call(type=match.type, function=match.overload, args=exprs, span=node.span)


_OF_TIMES = frozenset({"datetime_part", "datepart"})


def nanosecond(args: tuple[n.Expr, ...], span: Span) -> n.Expr | None:
    """Of a time that is written in the query the ticks are known; those of rows are kept in microseconds."""
    match args:
        case (n.Lit(value=str() as part), n.Lit(type=T.DATETIME, value=int() as ticks)) if part.lower() == "nanosecond":
            return n.Lit(type=T.LONG, value=ticks % 10_000_000 * 100, span=span)
        case (
            n.Lit(value=str() as part),
            n.Lit(type=T.DATETIME, value=int() as one),
            n.Lit(type=T.DATETIME, value=int() as other),
        ) if part.lower() == "nanosecond":
            return n.Lit(type=T.LONG, value=(one - other) * 100, span=span)
    return None


#: Their values are of one type, to which dynamic gives way, but for arrays and bags: those make the others dynamic.
_BRANCHES = frozenset({"iff", "iif", "case"})


def _structured(
    name: str, args: tuple[n.Expr, ...], types: tuple[ArgType, ...]
) -> tuple[tuple[n.Expr, ...], tuple[ArgType, ...]]:
    if name not in _BRANCHES and name != "coalesce":
        return args, types
    if not any(isinstance(a, n.Lit) and isinstance(a.value, (list, dict)) for a in args):
        return args, types
    last = len(args) - 1
    value = [name == "coalesce" or (i > 0 and (i == last or i % 2 == 1 or name != "case")) for i in range(len(args))]
    done = tuple(convert(a, T.DYNAMIC) if v else a for a, v in zip(args, value, strict=True))
    return done, tuple(T.DYNAMIC if v else t for t, v in zip(types, value, strict=True))


def hidden(cx: Context, name: str) -> bool:
    """Whether a name is one of those that plans are made with, and no user's text knows."""
    return name.startswith("__") and not cx.ours


def _kind(cx: Context, env: Env, name: str) -> FunctionKind | None:
    if hidden(cx, name):
        return None
    if env.aggs is not None and known(_AGGREGATE, name):
        return _AGGREGATE
    if known(_SCALAR, name):
        return _SCALAR
    if known(_WINDOW, name):
        return _WINDOW
    return None


def _given(arg: n.Expr, param: Param, target: ScalarType | None) -> n.Expr:
    """An argument as the row takes it: of a column whose type nobody knows there is only the null of the type asked for."""
    if arg.type is T.UNKNOWN and isinstance(arg, n.Col):
        return null(next((t for t in param.types if isinstance(t, ScalarType)), T.STRING))
    return convert(arg, target)


def _no_such(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    name = node.name.text
    if name in LANGUAGE and not known(_AGGREGATE, name):
        # Whether it would take a table, or is an aggregate, is not known: nothing is said of its arguments.
        cx.refuse(f"the function {name}", node.name.span, UNSUPPORTED.get(name, ""))
        return unknown(node.span)
    declared = env.scope.find(name)
    if isinstance(declared, TableValue) and declared.rel.open:
        # A pattern or an alias: that it is not supported has been said where it is declared.
        return unknown(node.span)
    for argument in node.arguments:
        _quietly(cx, env, argument)
    if known(_AGGREGATE, name) and not hidden(cx, name):
        cx.say(KS144, node.name.span, name=name, hint=f"write: summarize {name}(...) by ...")
    else:
        pool = [*names(_SCALAR), *names(_AGGREGATE), *env.scope.all()]
        pool = [p for p in pool if not hidden(cx, p) or env.scope.find(p) is not None]
        cx.say(KS211, node.name.span, name=name, hint=near(name, pool))
    return unknown(node.span)


def _quietly(cx: Context, env: Env, node: sx.Expression) -> None:
    """Bind an argument of a call that failed: for the errors in it."""
    if isinstance(node, sx.Named):
        node = node.expression
    if not isinstance(node, (sx.Star, sx.TypeOf, sx.Pipe, sx.DataTable)):
        scalar(cx, env, node)


def _likely(kind: FunctionKind, name: str) -> ScalarType:
    """The type that a call would have were its arguments right: so that one mistake gives one diagnostic."""
    found = {row.returns.type for row in overloads(kind, name) if row.returns.rule == "type"}
    return (found.pop() or T.UNKNOWN) if len(found) == 1 else T.UNKNOWN


def _inside(env: Env, kind: FunctionKind) -> Env:
    """Inside an aggregate's arguments every column may be named, and no other aggregate."""
    inner = Env(env.scope, types=env.types, wins=env.wins, outer=env.outer)
    inner.open, inner.order, inner.row = env.open, env.order, env.row
    if kind is _WINDOW:
        inner.aggs, inner.grouped = env.aggs, env.grouped
    return inner


def arguments(cx: Context, env: Env, node: sx.Call) -> tuple[tuple[n.Expr, ...], tuple[ArgType, ...]]:
    """The arguments of a call and what they are; a `*` and a `typeof` are no values."""
    exprs: list[n.Expr] = []
    types: list[ArgType] = []
    for argument in node.arguments:
        if isinstance(argument, sx.Star):
            exprs.append(unknown(argument.span))
            types.append(Special.STAR)
        elif isinstance(argument, sx.TypeOf):
            exprs.append(n.Lit(type=argument.type or T.UNKNOWN, value=None, span=argument.span))
            types.append(Special.TYPE)
        else:
            if isinstance(argument, sx.Named):
                _check_name(cx, node, argument, len(exprs))
                argument = argument.expression
            expr = scalar(cx, env, argument)
            exprs.append(expr)
            types.append(expr.type)
    return tuple(exprs), tuple(types)


def _check_name(cx: Context, node: sx.Call, argument: sx.Named, position: int) -> None:
    """An argument with a name, of a function that the query does not declare. The service's binder takes any name there
    (`case(a == 1, x = "one", "other")`); one that is a parameter's in another place would move the argument."""
    name, called = argument.names[0].text, node.name.text
    rows = overloads(_SCALAR, called)
    apart = any(p.name == name and i != position for row in rows for i, p in enumerate(row.params))
    if not rows or argument.listed or apart or (name[:3] == "arg" and name[3:].isdigit()):
        cx.refuse(
            "an argument by name, of a function that the query does not declare", argument.span, "leave the name out"
        )


def _check_constants(cx: Context, node: sx.Call, match: Match, args: tuple[n.Expr, ...]) -> None:
    for param, arg, written in zip(match.params, args, node.arguments, strict=True):
        if param.argument in ("literal", "constant") and arg.type is not T.UNKNOWN and reads_row(arg):
            cx.say(LU008, written.span, what=f"'{param.name}' of {node.name.text}")


def reads_row(expr: n.Expr) -> bool:
    """Whether an expression depends on the row that it is computed over."""
    stack, seen = [expr], set()
    while stack:
        part = stack.pop()
        if isinstance(part, (n.Col, n.Outer)):
            return True
        # A variable that is used twice is one object in two places: walked once.
        if id(part) not in seen:
            seen.add(id(part))
            stack.extend(parts(part))
    return False


def bounded(cx: Context, expr: n.Expr, span: Span) -> n.Expr:
    """The expression, refused where it would be too large written out: `let b = a + a` doubles what `a` is."""
    if weight(cx, expr) <= MAX_SIZE:
        return expr
    cx.say(LU003, span, what="a value written out", limit=f"{MAX_SIZE} parts")
    return unknown(span)


def weight(cx: Context, expr: n.Expr) -> int:
    """How many parts an expression has when nothing in it is shared."""
    weights = cx.weights
    stack = [expr]
    while stack:
        top = stack[-1]
        if id(top) in weights:
            stack.pop()
            continue
        below = list(parts(top))
        missing = [part for part in below if id(part) not in weights]
        if missing:
            stack += missing
            continue
        # The expression is kept beside its weight, so that no other takes its id.
        weights[id(top)] = (top, 1 + sum(weights[id(part)][1] for part in below))
        stack.pop()
    return weights[id(expr)][1]


def parts(expr: n.Expr) -> Iterator[n.Expr]:
    """The expressions that an expression is made of."""
    if isinstance(expr, (n.Call, n.Agg, n.Win)):
        yield from expr.args
    elif isinstance(expr, n.Convert):
        yield expr.operand
    elif isinstance(expr, n.InList):
        yield expr.operand
        yield from expr.values
    elif isinstance(expr, n.InQuery):
        yield expr.operand


def _aggregate(cx: Context, env: Env, match: Match, args: tuple[n.Expr, ...], span: Span) -> n.Expr:
    aggs = env.aggs
    assert aggs is not None
    if match.overload.sql is None:
        cx.refuse(f"the aggregate {match.overload.name} here", span, "give it an item of its own")
        return n.Lit(type=match.type, value=None, span=span)
    return aggregated(env, n.Agg(type=match.type, function=match.overload, args=args, order=env.order, span=span))


def aggregated(env: Env, agg: n.Expr) -> n.Col:
    """What stands for an aggregate in the expression around it: a column that the Aggregate gives."""
    assert env.aggs is not None
    for name, seen in env.aggs:
        if seen == agg:
            return n.Col(type=agg.type, name=name, span=agg.span)
    name = f"$agg{len(env.aggs)}"
    env.aggs.append((name, agg))
    return n.Col(type=agg.type, name=name, span=agg.span)


def _window(cx: Context, env: Env, match: Match, args: tuple[n.Expr, ...], node: sx.Call) -> n.Expr:
    span = node.span
    if env.wins is None:
        cx.refuse(f"{match.overload.name}() here", span, "compute it with extend first")
        return n.Lit(type=match.type, value=None, span=span)
    name = f"$win{len(env.wins)}"
    env.wins.append((name, n.Win(type=match.type, function=match.overload, args=args, span=span)))
    return n.Col(type=match.type, name=name, span=span)


# --- functions of the query ------------------------------------------------------------------------------------------------
def call_user(
    cx: Context,
    env: Env,
    function: FunctionValue,
    arguments: tuple[sx.Expression, ...],
    span: Span,
    piped: Rel | None = None,
) -> n.Expr | Rel:
    """Inline a function that the query declares. `piped` is the table in front of `invoke`."""
    from lurcher.plan.binder.statements import function_body

    cx.called.add(id(function.node))
    if function.name in cx.calls and cx.calls.count(function.name) > 8:
        cx.say(LU007, span, name=function.name)
        return unknown(span)
    if len(cx.calls) >= MAX_CALLS:
        cx.say(LU003, span, what="functions that call functions", limit=MAX_CALLS)
        return unknown(span)
    cx.inlined += 1
    if cx.inlined > MAX_INLINED:
        if cx.inlined == MAX_INLINED + 1:
            cx.say(LU003, span, what="calls of functions that the query declares", limit=MAX_INLINED)
        return unknown(span)
    scope = _bound_parameters(cx, env, function, arguments, span, piped)
    if scope is None:
        return unknown(span)
    cx.calls.append(function.name)
    saved, cx.row = cx.row, env.row
    try:
        result = function_body(cx, scope, function.node)
        return bounded(cx, result, span) if isinstance(result, n.Expr) else result
    finally:
        cx.row = saved
        cx.calls.pop()


def _bound_parameters(
    cx: Context,
    env: Env,
    function: FunctionValue,
    arguments: tuple[sx.Expression, ...],
    span: Span,
    piped: Rel | None,
) -> Scope | None:
    params = function.node.params
    given: dict[str, sx.Expression | Rel] = {}
    position = 0
    if piped is not None:
        if not params or not isinstance(params[0].type, sx.TabularType):
            cx.say(LU009, span, name=params[0].name.text if params else "", function=function.name, problem="no table")
            return None
        given[params[0].name.text] = piped
        position = 1
    for argument in arguments:
        if isinstance(argument, sx.Named) and not argument.listed:
            name = argument.names[0].text
            if name not in {p.name.text for p in params}:
                cx.say(LU009, argument.span, name=name, function=function.name, problem="not declared",
                       hint=near(name, [p.name.text for p in params], "there is"))  # fmt: skip
                return None
            given[name] = argument.expression
            if position < len(params) and params[position].name.text == name:
                # In its own place, it may stand before arguments without a name.
                position += 1
            continue
        if position >= len(params):
            _wrong_count(cx, function, len(arguments) + (piped is not None), span)
            return None
        given[params[position].name.text] = argument
        position += 1
    scope = Scope(function.scope)
    for param in params:
        value = given.get(param.name.text, param.default)
        if value is None:
            _wrong_count(cx, function, len(arguments) + (piped is not None), span)
            return None
        if isinstance(param.type, sx.TabularType):
            scope.names[param.name.text] = _table_argument(cx, env, function, param, param.type, value)
        else:
            where = env if param.name.text in given else Env(function.scope)
            scope.names[param.name.text] = _scalar_argument(cx, where, param, param.type, value)
    return scope


def _wrong_count(cx: Context, function: FunctionValue, given: int, span: Span) -> None:
    params = function.node.params
    low = sum(1 for p in params if p.default is None)
    cx.say(KS120, span, name=function.name, counts=counted(low, len(params)), given=given)


def _table_argument(
    cx: Context, env: Env, function: FunctionValue, param: sx.FunctionParam, type: sx.TabularType, value: Any
) -> TableValue:
    from lurcher.plan.binder.tables import table

    rel = value if isinstance(value, Rel) else table(cx, env.scope, value)
    have = {c.name: c.type for c in rel.columns}
    for wanted in type.columns:
        name = wanted.name.text
        if name not in have and not rel.open:
            span = param.span if isinstance(value, Rel) else value.span
            problem = f"a table without the column '{name}'"
            cx.say(LU009, span, name=param.name.text, function=function.name, problem=problem)
            rel = _with_column(rel, Column(name, wanted.type))
        elif have.get(name, T.UNKNOWN) not in (wanted.type, T.UNKNOWN):
            span = param.span if isinstance(value, Rel) else value.span
            problem = f"a table whose column '{name}' is {have[name]}, not {wanted.type}"
            cx.say(LU009, span, name=param.name.text, function=function.name, problem=problem)
    return TableValue(rel)


def _with_column(rel: Rel, column: Column) -> Rel:
    from lurcher.plan.binder.context import keep, null, project

    return project(rel, [*keep(rel.columns), (column.name, null(column.type))])


def _scalar_argument(cx: Context, env: Env, param: sx.FunctionParam, type: ScalarType, value: Any) -> ScalarValue:
    if isinstance(value, Rel):
        cx.say(LU005, param.span)
        return ScalarValue(unknown(param.span))
    expr = scalar(cx, env, value)
    if expr.type is T.UNKNOWN:
        return ScalarValue(n.Lit(type=type, value=None, span=expr.span))
    if not _coerces(expr.type, type):
        cx.say(KS107, value.span, expected=type, actual=expr.type)
        return ScalarValue(n.Lit(type=type, value=None, span=expr.span))
    expr = convert(expr, type)
    return ScalarValue(expr, env.row if reads_row(expr) else None)


def _coerces(given: ScalarType, wanted: ScalarType) -> bool:
    from lurcher.functions.resolve import WIDTH

    return given is wanted or (given in WIDTH and wanted in WIDTH) or T.DYNAMIC in (given, wanted)


def as_table(cx: Context, result: n.Expr | Rel, span: Span) -> Rel:
    """A result that must be a table."""
    if isinstance(result, Rel):
        return result
    if result.type is not T.UNKNOWN:
        cx.say(LU006, span)
    return Rel(n.Values(rows=(), columns=(), span=span), open=True)


#: Names of Microsoft's that have no row yet: known to be missing, not misspelt.
LANGUAGE: frozenset[str] = frozenset()


def _load_language() -> frozenset[str]:
    from importlib import resources

    text = (resources.files("lurcher.plan") / "data" / "language.txt").read_text(encoding="utf-8")
    return frozenset(w for line in text.splitlines() if not line.startswith("#") for w in line.split())


LANGUAGE = _load_language()
