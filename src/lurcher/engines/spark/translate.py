"""The tree of a statement in Spark's terms. What it does not know it refuses: no call and no cast gets through unseen.

The lowering says calls as DuckDB spells them; those that Spark has under another name, or with other meaning, are put right here.
Text of templates is Spark's already, or refused: that of the rows' forms for Spark is known.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, NoReturn

from lurcher.engines.spark.regexes import portable
from lurcher.functions.build import refuse
from lurcher.functions.spark import TEXTS, text_of
from lurcher.sql import tree as t

#: Calls that mean the same under the same name.
_SAME = frozenset({"coalesce", "contains", "nullif", "concat", "greatest", "least", "isnan", "count", "translate",
                   "regexp_like", "array_contains", "collect_set", "first", "min", "max", "min_by", "max_by",
                   "startswith", "endswith", "length", "range"})  # fmt: skip
_RENAMED = {"starts_with": "startswith", "ends_with": "endswith"}
_TYPES = frozenset({"", "BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "TIMESTAMP", "UUID", "JSON"})
_OPERATORS = frozenset({"AND", "OR", "NOT", "=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM",
                        "||", "+", "-", "*", "IS NULL", "IS NOT NULL"})  # fmt: skip
#: The two letters whose lower case is more than one character, or another one at a word's end, where all others have one for one.
_FOLDED = (t.Literal("\u0130\u03a3"), t.Literal("i\u03c3"))
#: What the parser of Spark would put a variable's value for.
_VARIABLE = "${"


def spark(node: Any) -> Any:
    """The query, or expression, in Spark's terms. Raises LurcherError for what it has not."""
    if isinstance(node, tuple):
        return tuple(map(spark, node))
    if not is_dataclass(node) or isinstance(node, type):
        return node
    if isinstance(node, t.SqlExpr) and (changed := _changed(node)) is not None:
        return changed
    _checked(node)
    updates = {}
    for each in fields(node):
        old = getattr(node, each.name)
        new = spark(old)
        if new is not old and new != old:
            updates[each.name] = new
    return replace(node, **updates) if updates else node


def _checked(node: Any) -> None:
    """What a query may have, and Spark not."""
    match node:
        case t.Select(qualify=qualify) if qualify is not None:
            _no("QUALIFY")
        case t.SetOp(op) if op not in ("UNION ALL", "UNION"):
            _no(op)
        case t.With(recursive=True):
            _no("a recursion")
        case t.QueryFrom(lateral=True):
            _no("a subquery for each row")
        case t.JoinFrom(kind=kind) if kind.startswith("ASOF"):
            _no("an ASOF join")
        case t.FunctionFrom(call=call) if not isinstance(call, t.Call) or call.name != "range":
            _no("a table function")
        case t.OrderSlot(keys) if keys:
            _no("an aggregate of rows in order")
        case t.OverSlot():
            _no("a function over rows in order")


def _changed(node: t.SqlExpr) -> t.SqlExpr | None:
    """The node in Spark's terms; None where its parts alone may change."""
    match node:
        case t.Literal(value, type_):
            return _literal(node, value, type_)
        case t.Cast(inner, type_, safe):
            if safe or type_ not in _TYPES:
                _no(f"a conversion to {type_}")
            return t.Cast(spark(inner), type_)
        case t.Op(op) if op not in _OPERATORS:
            _no(f"the operator {op}")
        case t.Fragment(parts) if text_of(parts) not in TEXTS:
            _no("a function here")
        case t.Call():
            return _call(node)
    return None


def _literal(node: t.Literal, value: Any, type_: str) -> t.SqlExpr | None:
    if type_ not in _TYPES:
        _no(f"a constant of {type_}")
    if isinstance(value, str):
        if "\0" in value:
            _no("a NUL character in a text")
        if _VARIABLE in value and not type_:
            first, *rest = value.split(_VARIABLE)
            pieces = [t.Literal(first + "$"), *(t.Literal("{" + p + "$") for p in rest[:-1]), t.Literal("{" + rest[-1])]
            return t.Call("concat", tuple(pieces))
    elif not isinstance(value, bool | int | float | None):
        _no("a decimal")
    return node


def _call(node: t.Call) -> t.SqlExpr:
    args = tuple(map(spark, node.args))
    if node.order or node.over is not None:
        _no(f"{node.name}() of rows in order")
    match node.name:
        case "lower":
            (value,) = args
            return t.Call("lower", (value if _is_folded(value) else t.Call("translate", (value, *_FOLDED)),))
        case "regexp_matches":
            text, pattern = args
            return t.Call("regexp_like", (text, _pattern(pattern)))
        case "regexp_extract":
            return t.Call("regexp_extract", (args[0], _pattern(args[1]), args[2]))
        case "count":
            return t.Call("count", args, node.distinct, (), spark(node.filter) if node.filter is not None else None)
    name = _RENAMED.get(node.name, node.name)
    if name not in _SAME or node.distinct or node.filter is not None:
        _no(f"{node.name}()")
    return t.Call(name, args)


def _is_folded(value: t.SqlExpr) -> bool:
    return isinstance(value, t.Call) and value.name == "translate" and value.args[1:] == _FOLDED


def _pattern(pattern: t.SqlExpr) -> t.SqlExpr:
    if not isinstance(pattern, t.Literal) or not isinstance(pattern.value, str):
        _no("a term or expression that is computed from rows")
    return t.Literal(portable(pattern.value))


def _no(what: str) -> NoReturn:
    refuse(f"not on Spark yet: {what}", "run it here: leave out --engine")
