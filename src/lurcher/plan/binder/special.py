"""Calls that the binder takes away: time, conditional columns, bags of columns, values of queries."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from lurcher.errors import LurcherError
from lurcher.functions.registry import FunctionKind
from lurcher.functions.resolve import Match, counted, resolve
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS109, KS120, LU002, LU005, LU011, LU023, LU025
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.calls import SPECIAL, arguments, nanosecond
from lurcher.plan.binder.context import Context, Env, col
from lurcher.plan.binder.expressions import binary, constant_text, convert, function, scalar, unknown
from lurcher.plan.binder.names import result_name
from lurcher.plan.binder.tables import table, tabular
from lurcher.plan.supplies import supplies_of

T = ScalarType


def _count(cx: Context, node: sx.Call, low: int, high: int) -> bool:
    if low <= len(node.arguments) <= high:
        return True
    cx.say(KS120, node.name.span, name=node.name.text, counts=counted(low, high), given=len(node.arguments))
    return False


def _now(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    now = n.Lit(type=T.DATETIME, value=cx.now, span=node.span)
    if not _count(cx, node, 0, 1) or not node.arguments:
        return now
    offset = _timespan(cx, env, node.arguments[0])
    return binary(cx, "+", now, offset, node.span) if offset is not None else now


def _ago(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    now = n.Lit(type=T.DATETIME, value=cx.now, span=node.span)
    if not _count(cx, node, 1, 1):
        return n.Lit(type=T.DATETIME, value=None, span=node.span)
    offset = _timespan(cx, env, node.arguments[0])
    return binary(cx, "-", now, offset, node.span) if offset is not None else now


def _timespan(cx: Context, env: Env, node: sx.Expression) -> n.Expr | None:
    expr = scalar(cx, env, node)
    if expr.type is T.DYNAMIC:
        expr = convert(expr, T.TIMESPAN)
    if expr.type is T.TIMESPAN:
        return expr
    if expr.type is not T.UNKNOWN:
        hint = "a time span is written 7d, 12h, 30m" if expr.type in (T.STRING, T.LONG) else ""
        cx.say(KS107, node.span, expected="timespan", actual=expr.type, hint=hint)
    return None


def _toscalar(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    if not _count(cx, node, 1, 1):
        return unknown(node.span)
    from lurcher.plan.binder.tables import bind_any

    bound = bind_any(cx, Env(env.scope), node.arguments[0])
    if isinstance(bound, n.Expr):
        return bound
    bound = tabular(cx, bound, node.span)
    if not bound.columns:
        return n.Lit(type=T.UNKNOWN, value=None, span=node.span)
    return n.ScalarQuery(type=bound.columns[0].type, plan=bound.plan, span=node.span)


def _column_if_exists(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    if not _count(cx, node, 2, 2):
        return unknown(node.span)
    name = constant_text(cx, env.scope, node.arguments[0], "the name of the column")
    default = scalar(cx, env, node.arguments[1])
    type = env.types.get(name or "")
    if name is None or type is None:
        if env.open and name is not None and cx.unasked:
            return n.Col(type=T.UNKNOWN, name=name, span=node.span)
        if env.open and name is not None:
            cx.refuse("column_ifexists over a table whose columns are not known", node.span)
        return default
    found = col(name, type, node.span)
    if type is default.type or T.UNKNOWN in (type, default.type):
        return found
    return found


def _is_column(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    if not _count(cx, node, 1, 1):
        return unknown(node.span)
    name = constant_text(cx, env.scope, node.arguments[0], "the name of the column")
    if env.open and name not in env.types:
        cx.refuse(f"{node.name.text}() over a table whose columns are not known", node.span)
    return n.Lit(type=T.BOOL, value=name in env.types, span=node.span)


def _column_names(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    if not _count(cx, node, 1, 1):
        return unknown(node.span)
    rel = table(cx, env.scope, node.arguments[0])
    if rel.open:
        cx.refuse("column_names_of() a table whose columns are not known", node.span)
    return n.Lit(type=T.DYNAMIC, value=[c.name for c in rel.columns], span=node.span)


def _around(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    """`value between (center - delta .. center + delta)`."""
    if not _count(cx, node, 3, 3):
        return unknown(node.span)
    value, center, delta = (scalar(cx, env, argument) for argument in node.arguments)
    low, high = binary(cx, "-", center, delta, node.span), binary(cx, "+", center, delta, node.span)
    return binary(
        cx, "and", binary(cx, ">=", value, low, node.span), binary(cx, "<=", value, high, node.span), node.span
    )


def _bin_auto(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    """bin_at() with the size and the point that the query's options say."""
    if not _count(cx, node, 1, 1):
        return unknown(node.span)
    value = scalar(cx, env, node.arguments[0])
    size = cx.options.get("query_bin_auto_size")
    if size is None:
        cx.refuse("bin_auto() without a size", node.span, "set query_bin_auto_size=1h;")
        return n.Lit(type=value.type, value=None, span=node.span)
    point = cx.options.get("query_bin_auto_at")
    if point is None:
        return function(cx, "bin", (value, size), node.span)
    return function(cx, "bin_at", (value, size, point), node.span)


def _assert(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    """Known before the query runs, or refused."""
    if not _count(cx, node, 2, 2):
        return unknown(node.span)
    predicate = scalar(cx, env, node.arguments[0])
    message = constant_text(cx, env.scope, node.arguments[1], "the message")
    if predicate.type not in (T.BOOL, T.UNKNOWN):
        cx.say(KS107, node.arguments[0].span, expected="bool", actual=predicate.type)
    elif predicate.type is T.BOOL and (truth := _truth(predicate)) is not True:
        if truth is None:
            cx.refuse("assert() of what is not known before the query runs", node.span)
        else:
            cx.say(LU011, node.span, message=f"assert() has failed with message: '{message or ''}'")
    return n.Lit(type=T.BOOL, value=True, span=node.span)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _truth(expr: n.Expr) -> bool | None:
    """What a condition over constants comes to; None where that is not known here."""
    match expr:
        case n.Lit(value=bool() as value):
            return value
        case n.Call(args=(one,)) if expr.function.name == "not":
            inner = _truth(one)
            return None if inner is None else not inner
        case n.Call(args=(left, right)) if expr.function.name in ("and", "or"):
            sides = (_truth(left), _truth(right))
            decisive = expr.function.name == "or"
            return decisive if decisive in sides else None if None in sides else not decisive
        case n.Call(args=(n.Lit(value=int() | float() | str() as a), n.Lit(value=int() | float() | str() as b))):
            compare = _COMPARISONS.get(expr.function.name)
            return compare(a, b) if compare is not None and isinstance(a, str) == isinstance(b, str) else None
    return None


def _pack_all(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    if not _count(cx, node, 0, 1):
        return unknown(node.span)
    name = "bag_pack"
    if node.arguments:
        flag = scalar(cx, env, node.arguments[0])
        if not isinstance(flag, n.Lit):
            cx.refuse("pack_all() with an argument that is no constant", node.span)
        elif flag.value:
            name = "__bag_pack_nonempty"
    pairs: list[tuple[str, n.Expr]] = [(column, col(column, type)) for column, type in env.types.items()]
    return _bag(cx, name, pairs, node)


def _bag_pack_columns(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    pairs: list[tuple[str, n.Expr]] = []
    for argument in node.arguments:
        name = result_name(argument)
        expr = scalar(cx, env, argument)
        if not name:
            cx.say(KS109, argument.span)
        pairs.append((name, expr))
    return _bag(cx, "bag_pack", pairs, node)


def _bag(cx: Context, name: str, pairs: list[tuple[str, n.Expr]], node: sx.Call) -> n.Expr:
    if not pairs:
        return n.Lit(type=T.DYNAMIC, value={}, span=node.span)
    args: list[n.Expr] = []
    for key, value in pairs:
        args += (n.Lit(type=T.STRING, value=key, span=node.span), value)
    match = resolve(FunctionKind.SCALAR, name, tuple(a.type for a in args))
    if not isinstance(match, Match):
        cx.refuse(node.name.text, node.span)
        return n.Lit(type=T.DYNAMIC, value=None, span=node.span)
    done = tuple(convert(a, t) for a, t in zip(args, match.targets, strict=True))
    return n.Call(type=T.DYNAMIC, function=match.overload, args=done, span=node.span)


def _typed_extract(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    """`extract(regex, group, text, typeof(T))` is the text that is found, converted."""
    last = node.arguments[-1] if node.arguments else None
    if not isinstance(last, sx.TypeOf) or last.type is None:
        return _plain(cx, env, node)
    short = sx.Call(node.name, node.arguments[:-1], span=node.span)
    found = _plain(cx, env, short)
    if last.type is T.DYNAMIC and found.type is T.STRING:
        return function(cx, "parse_json", (found,), node.span)  # what the text says, not the text
    return convert(found, last.type)


def _typed_percentile(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    cx.sketched = True
    return _typed_extract(cx, env, node)


def _datetime_diff(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    """Weeks alone are counted as a real, by the engine; the library says long of every part."""
    found = _plain(cx, env, node)
    if isinstance(found, n.Call) and (known := nanosecond(found.args, node.span)) is not None:
        return known
    part = found.args[0] if isinstance(found, n.Call) else None
    weeks = isinstance(part, n.Lit) and str(part.value).lower() == "week"
    return convert(found, T.REAL) if weeks else found


def _user_agent(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    found = _plain(cx, env, node)
    how = "by the rules of uap-core, which may be newer than the service's"
    cx.say(LU025, node.name.span, what="parse_user_agent()", how=how)
    return found


def _plain(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    args, types = arguments(cx, env, node)
    match = resolve(FunctionKind.SCALAR, node.name.text, types)
    if not isinstance(match, Match):
        at = node.arguments[match.argument].span if match.argument is not None else node.name.span
        cx.say(match.rule, at, **dict(match.data))
        return n.Lit(type=T.STRING, value=None, span=node.span)
    exprs = tuple(convert(a, t) for a, t in zip(args, match.targets, strict=True))
    return n.Call(type=match.type, function=match.overload, args=exprs, span=node.span)


def _geo(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    """A place, where the user has a file of places."""
    nowhere = n.Lit(type=T.DYNAMIC, value=None, span=node.span)
    if not _count(cx, node, 1, 1):
        return nowhere
    address = scalar(cx, env, node.arguments[0])
    if address.type not in (T.STRING, T.DYNAMIC, T.UNKNOWN):
        cx.say(KS107, node.arguments[0].span, expected="string", actual=address.type)
        return nowhere
    try:
        path = supplies_of(cx.catalog).places()
    except LurcherError as error:
        why = f"{error.path}: {error.message}" if error.path else error.message
        cx.say(LU023, node.name.span, what="geo_info_from_ip_address()", why=why, hint=error.hint)
        return nowhere
    if not path:
        hint = "it needs a file of places in MaxMind's format, such as GeoLite2-City.mmdb: --geo FILE, or in the lake's folder geo"
        cx.say(LU002, node.name.span, what="geo_info_from_ip_address()", hint=hint)
        return nowhere
    file = n.Lit(type=T.STRING, value=path, span=node.span)
    match = resolve(FunctionKind.SCALAR, "__geo_info", (T.STRING, T.STRING))
    assert isinstance(match, Match)
    return n.Call(type=T.DYNAMIC, function=match.overload, args=(convert(address, T.STRING), file), span=node.span)


def _table_as_value(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    table(cx, env.scope, node)
    cx.say(LU005, node.span, hint="toscalar(...) takes one value of a table")
    return unknown(node.span)


SPECIAL.update(
    {
        "now": _now,
        "ago": _ago,
        "toscalar": _toscalar,
        "column_ifexists": _column_if_exists,
        "columnifexists": _column_if_exists,
        "iscolumnexists": _is_column,
        "column_names_of": _column_names,
        "around": _around,
        "bin_auto": _bin_auto,
        "assert": _assert,
        "pack_all": _pack_all,
        "bag_pack_columns": _bag_pack_columns,
        "extract": _typed_extract,
        "extract_json": _typed_extract,
        "datetime_diff": _datetime_diff,
        "percentile_tdigest": _typed_percentile,
        "extractjson": _typed_extract,
        "parse_user_agent": _user_agent,
        "geo_info_from_ip_address": _geo,
        "materialize": _table_as_value,
        "table": _table_as_value,
    }
)
