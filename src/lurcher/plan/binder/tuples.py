"""Functions that give several columns at once (`extend (a, b) = series_fit_line(y)`): their columns. Where the function has a
row, that makes a bag, and each column is taken out of it.

Source: the functions' pages (Kusto documentation); names checked against Microsoft's parser.
"""

from __future__ import annotations

from lurcher.functions.registry import FunctionKind, overloads
from lurcher.functions.resolve import Match, known, resolve
from lurcher.functions.unsupported import UNSUPPORTED
from lurcher.kql import syntax as sx
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.calls import SPECIAL, _check_constants, arguments
from lurcher.plan.binder.context import Context, Env, FunctionValue
from lurcher.plan.binder.expressions import convert, function, scalar, unknown
from lurcher.plan.binder.names import result_name

T = ScalarType
_R, _D, _L = T.REAL, T.DYNAMIC, T.LONG

#: function -> what is put behind `function_argument_`, and its type.
_COLUMNS: dict[str, tuple[tuple[str, ScalarType], ...]] = {
    "series_fit_line": (
        ("rsquare", _R),
        ("slope", _R),
        ("variance", _R),
        ("rvariance", _R),
        ("interception", _R),
        ("line_fit", _D),
    ),
    "series_fit_2lines": (
        ("rsquare", _R),
        ("split_idx", _L),
        ("variance", _R),
        ("rvariance", _R),
        ("line_fit", _D),
        ("right_rsquare", _R),
        ("right_slope", _R),
        ("right_interception", _R),
        ("right_variance", _R),
        ("right_rvariance", _R),
        ("left_rsquare", _R),
        ("left_slope", _R),
        ("left_interception", _R),
        ("left_variance", _R),
        ("left_rvariance", _R),
    ),
    "series_fit_poly": (
        ("rsquare", _R),
        ("coefficients", _D),
        ("variance", _R),
        ("rvariance", _R),
        ("poly_fit", _D),
    ),
    "series_stats": (
        ("min", _R),
        ("min_idx", _L),
        ("max", _R),
        ("max_idx", _L),
        ("avg", _R),
        ("stdev", _R),
        ("variance", _R),
    ),
    "series_decompose": (("baseline", _D), ("seasonal", _D), ("trend", _D), ("residual", _D)),
    "series_decompose_anomalies": (("ad_flag", _D), ("ad_score", _D), ("baseline", _D)),
    "series_decompose_forecast": (("forecast", _D), ("seasonal", _D), ("trend", _D), ("residual", _D)),
    "series_periods_detect": (("periods", _D), ("scores", _D)),
    "series_periods_validate": (("periods", _D), ("scores", _D)),
}
#: These give arrays side by side under their arguments' names where they are given several.
_SORTS = frozenset({"array_sort_asc", "array_sort_desc"})


def several(cx: Context, env: Env, node: sx.Expression) -> list[n.Item] | None:
    """The columns of a call that gives several; None for every other expression."""
    call = node.expression if isinstance(node, sx.Named) else node
    if not isinstance(call, sx.Call):
        return _listed(cx, env, node)
    name = call.name.text
    columns = _COLUMNS.get(name)
    arrays = _arrays(call)
    if name in _SORTS and len(arrays) > 1:
        columns = tuple((f"{result_name(a)}_sorted", _D) for a in arrays)
        if not all(result_name(a) for a in arrays) and not (isinstance(node, sx.Named) and node.listed):
            cx.refuse(f"{name}() of arrays without a name", call.span, "name the columns: extend (a, b) = ...")
    if columns is None or isinstance(env.scope.find(name), FunctionValue):
        return _listed(cx, env, node)
    bag = sorted_arrays(cx, env, call) if name in _SORTS else _bag(cx, env, call)
    prefix = f"{name}_{result_name(call.arguments[0]) if call.arguments else ''}"
    names = [suffix if name in _SORTS else f"{prefix}_{suffix}" for suffix, _ in columns]
    if isinstance(node, sx.Named):
        written = [x.text for x in node.names]
        if not node.listed and len(written) == 1:
            written = [written[0], *(f"{written[0]}_{suffix}" for suffix, _ in columns[1:])]
            names = [written[0], *names[1:]]
        else:
            # Fewer names than columns: only so many columns.
            names = written[: len(columns)]
    if name in _SORTS:
        columns = tuple((f"[{i}]", _D) for i in range(len(arrays)))
    return [(x, _column(bag, key, type)) for x, (key, type) in zip(names, columns, strict=False)]


def _arrays(call: sx.Call) -> list[sx.Expression]:
    return [a for a in call.arguments if not (isinstance(a, sx.Literal) and a.type is T.BOOL)]


def sorts_several(env: Env, node: sx.Expression) -> bool:
    """Whether a call sorts several arrays: `array_sort_asc(a, b)[1]` is the second of them."""
    return (
        isinstance(node, sx.Call)
        and node.name.text in _SORTS
        and len(_arrays(node)) > 1
        and not isinstance(env.scope.find(node.name.text), FunctionValue)
    )


def sorted_arrays(cx: Context, env: Env, call: sx.Call) -> n.Expr:
    """An array of the arrays."""
    args, types = arguments(cx, env, call)
    match = resolve(FunctionKind.SCALAR, call.name.text, types)
    if not isinstance(match, Match):
        at = call.arguments[match.argument].span if match.argument is not None else call.name.span
        cx.say(match.rule, at, **dict(match.data))
        return unknown(call.span)
    last: n.Expr = n.Lit(type=T.BOOL, value=True, span=call.span)
    if args[-1].type is T.BOOL:
        *args, last = args  # type: ignore[assignment]
    descending = n.Lit(type=T.BOOL, value=call.name.text == "array_sort_desc", span=call.span)
    return function(cx, "__sort_arrays", (descending, last, *args), call.span)


def _bag(cx: Context, env: Env, call: sx.Call) -> n.Expr:
    """The call as the row of its function has it; unknown where there is none, or not for these arguments."""
    name = call.name.text
    if not known(FunctionKind.SCALAR, name):
        for argument in call.arguments:
            scalar(cx, env, argument)
        cx.refuse(f"the function {name}", call.name.span, UNSUPPORTED.get(name, ""))
        return unknown(call.span)
    args, types = arguments(cx, env, call)
    match = resolve(FunctionKind.SCALAR, name, types)
    if not isinstance(match, Match):
        at = call.arguments[match.argument].span if match.argument is not None else call.name.span
        cx.say(match.rule, at, **dict(match.data))
        return unknown(call.span)
    exprs = tuple(convert(a, t) for a, t in zip(args, match.targets, strict=True))
    _check_constants(cx, call, match, exprs)
    return n.Call(type=T.DYNAMIC, function=match.overload, args=exprs, span=call.span)


def _column(bag: n.Expr, key: str, type: ScalarType) -> n.Expr:
    if bag.type is T.UNKNOWN:
        return n.Lit(type=type, value=None, span=bag.span)
    (row,) = overloads(FunctionKind.SCALAR, f"__series_{type.value}")
    path = n.Lit(type=T.STRING, value=f"${key}" if key.startswith("[") else f"$.{key}", span=bag.span)
    return n.Call(type=type, function=row, args=(bag, path), span=bag.span)


def _alone(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    """Several columns are no argument of another function."""
    _bag(cx, env, node)
    name = node.name.text
    cx.refuse(f"{name}() within an expression", node.name.span, "give its columns names first: extend (a, b) = ...")
    return unknown(node.span)


SPECIAL.update({name: _alone for name in _COLUMNS if known(FunctionKind.SCALAR, name)})


def _listed(cx: Context, env: Env, node: sx.Expression) -> list[n.Item] | None:
    """`(a, b) = x` of an expression that has one column only."""
    if not (isinstance(node, sx.Named) and len(node.names) > 1):
        return None
    expr = scalar(cx, env, node.expression)
    cx.refuse("several names for one column", node.span)
    return [(name.text, n.Lit(type=expr.type, value=None, span=node.span)) for name in node.names]
