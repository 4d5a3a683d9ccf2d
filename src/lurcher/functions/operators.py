"""The operators, one row for each combination of types that the binder converts operands to.

What null does to `==`, `!=`, `and`, `or` depends on where they stand; the lowering adds it to these rows (KQL's own rules, not
SQL's). Times are TIMESTAMP of microseconds, timespans BIGINT of 100 ns ticks.

Source: "Numerical operators", "Logical operators", "Datetime / timespan arithmetic", "String operators" (Kusto documentation);
edge cases checked against Microsoft's emulator.
"""

from __future__ import annotations

from collections.abc import Callable

from lurcher.functions.regex import re2
from lurcher.functions.registry import FunctionKind, Lower, Nulls, alias, operator, scalar
from lurcher.functions.terms import find, guarded, lowered
from lurcher.sql import tree as t

# --- logic ---
operator("and", "left: bool, right: bool", "bool", "True where both are.", "{left} AND {right}")
operator("or", "left: bool, right: bool", "bool", "True where either is.", "{left} OR {right}")

# --- comparison ---
_COMPARABLE = ("bool", "int", "long", "real", "decimal", "string", "datetime", "timespan", "guid")
for _type in _COMPARABLE:
    operator("==", f"left: {_type}, right: {_type}", "bool", "Equal; a text by its characters.", "{left} = {right}")
    operator("!=", f"left: {_type}, right: {_type}", "bool", "Not equal.", "{left} <> {right}")
for _type in _COMPARABLE:
    scalar(
        "__same",
        f"left: {_type}, right: {_type}",
        "bool",
        "Equal, or both null.",
        "{left} IS NOT DISTINCT FROM {right}",
        nulls=Nulls.NEVER,
        hidden=True,
    )
for _type in ("bool", "int", "long", "decimal", "datetime", "timespan"):
    operator("<", f"left: {_type}, right: {_type}", "bool", "Less.", "{left} < {right}")
    operator("<=", f"left: {_type}, right: {_type}", "bool", "Less or equal.", "{left} <= {right}")
    operator(">", f"left: {_type}, right: {_type}", "bool", "Greater.", "{left} > {right}")
    operator(">=", f"left: {_type}, right: {_type}", "bool", "Greater or equal.", "{left} >= {right}")


def _ordered(op: str) -> Callable[[t.SqlExpr, t.SqlExpr], t.SqlExpr]:
    """NaN is neither less nor greater than anything; to the engine it is greater than all."""

    def lower(left: t.SqlExpr, right: t.SqlExpr) -> t.SqlExpr:
        test = t.Op(op, (left, right))
        greater = left if op[0] == ">" else right
        if isinstance(greater, t.Literal):
            return test
        return t.Op("AND", (test, t.Op("NOT", (t.call("isnan", greater),))))

    return lower


for _op, _doc in (("<", "Less."), ("<=", "Less or equal."), (">", "Greater."), (">=", "Greater or equal.")):
    operator(_op, "left: real, right: real", "bool", f"{_doc} NaN is neither.", _ordered(_op))
for _type in ("bool", "int", "long", "real", "decimal", "datetime", "timespan"):
    _range = f"value: {_type}, low: {_type}, high: {_type}"
    operator("between", _range, "bool", "Within both bounds, which belong to it.", "{value} BETWEEN {low} AND {high}")
    operator("!between", _range, "bool", "Outside of the bounds.", "{value} NOT BETWEEN {low} AND {high}")
_span = "value: datetime, low: datetime, high: timespan"


def _until(low: t.SqlExpr, span: t.SqlExpr) -> t.SqlExpr:
    return t.Op("+", (low, _interval(span)))


# --- arithmetic: integers are 64-bit and wrap around ---
_TWO_63, _TWO_64 = t.Literal(2**63), t.Literal(2**64)


def wrapped(op: str) -> Callable[[t.SqlExpr, t.SqlExpr], t.SqlExpr]:
    """The operator in 128 bits, its result taken modulo 2^64: what stands in a statement that has overflown."""

    def lower(left: t.SqlExpr, right: t.SqlExpr) -> t.SqlExpr:
        wide = t.Op(op, (t.Cast(left, "HUGEINT"), t.Cast(right, "HUGEINT")))
        # % takes the sign of its left side: twice, to come out at or above zero.
        once = t.Op("%", (t.Op("+", (wide, _TWO_63)), _TWO_64))
        twice = t.Op("%", (t.Op("+", (once, _TWO_64)), _TWO_64))
        return t.Cast(t.Op("-", (twice, _TWO_63)), "BIGINT")

    return lower


def _integer(op: str, doc: str, template: str) -> None:
    operator(op, "left: long, right: long", "long", doc, template, overrides={"wrapping": wrapped(op)})


_integer("+", "Sum.", "{left} + {right}")
_integer("-", "Difference.", "{left} - {right}")
_integer("*", "Product.", "{left} * {right}")
operator(
    "/",
    "left: long, right: long",
    "long",
    "Quotient without its fraction; null where divided by zero.",
    "{left} // {right}",
    nulls=Nulls.MAYBE,
    # The least integer divided by -1 is the one quotient that overflows.
    overrides={"wrapping": "CASE WHEN {right} = -1 THEN (-({left}::HUGEINT) + 9223372036854775808) % 18446744073709551616"
               " - 9223372036854775808 ELSE {left} // {right} END::BIGINT"},
)  # fmt: skip
operator(
    "%",
    "left: long, right: long",
    "long",
    "Remainder, never negative; null where divided by zero.",
    # The remainder first: adding the divisor to it cannot overflow.
    "({left} % {right} + CASE WHEN {left} % {right} < 0 THEN abs({right}) ELSE 0 END)",
    nulls=Nulls.MAYBE,
    # The least integer by -1: the engine divides first, and that overflows.
    overrides={
        "wrapping": "CASE WHEN {right} = -1 THEN {left} - {left}"
        " ELSE {left} % {right} + CASE WHEN {left} % {right} < 0 THEN abs({right}) ELSE 0 END END"
    },
)
operator("+", "left: real, right: real", "real", "Sum.", "{left} + {right}")
operator("-", "left: real, right: real", "real", "Difference.", "{left} - {right}")
operator("*", "left: real, right: real", "real", "Product.", "{left} * {right}")
operator("/", "left: real, right: real", "real", "Quotient; infinite where divided by zero.", "{left} / {right}")
operator(
    "%",
    "left: real, right: real",
    "real",
    "Remainder, never negative.",
    "({left} % {right} + CASE WHEN {left} % {right} < 0 THEN abs({right}) ELSE 0 END)",
)
operator("+", "left: decimal, right: decimal", "decimal", "Sum.", "{left} + {right}")
operator("-", "left: decimal, right: decimal", "decimal", "Difference.", "{left} - {right}")
for _symbol, _name, _doc in (
    ("*", "product", "Product"),
    ("/", "quotient", "Quotient"),
    ("%", "remainder", "Remainder, never negative"),
):
    operator(
        _symbol,
        "left: decimal, right: decimal",
        "decimal",
        f"{_doc}; what does not fit into 20 digits before and 18 behind the point stops the query.",
        f"CAST(kql_decimal_{_name}(CAST({{left}} AS VARCHAR), CAST({{right}} AS VARCHAR)) AS DECIMAL(38, 18))",
        udf=f"lurcher.functions.udfs.decimals:decimal_{_name}",
    )
operator(
    "unary -",
    "value: long",
    "long",
    "Negated.",
    "-{value}",
    overrides={"wrapping": lambda v: wrapped("-")(t.Literal(0), v)},
)
operator("unary -", "value: real", "real", "Negated.", "-{value}")
operator("unary -", "value: decimal", "decimal", "Negated.", "-{value}")
operator("unary -", "value: timespan", "timespan", "Negated.", "-{value}")
operator("unary +", "value: long|real|decimal|timespan|datetime", "arg 0", "The value itself.", "{value}")


# --- times ---
def _micros(ticks: t.SqlExpr) -> t.SqlExpr:
    """Microseconds of ticks, rounded down: `//` cuts towards zero."""
    if isinstance(ticks, t.Literal) and isinstance(ticks.value, int):
        return t.Literal(ticks.value // 10, "BIGINT")
    below = t.Op("<", (t.Op("%", (ticks, t.Literal(10))), t.Literal(0)))
    return t.Op("-", (t.Op("//", (ticks, t.Literal(10))), t.Cast(below, "BIGINT")))


def _interval(ticks: t.SqlExpr) -> t.SqlExpr:
    return t.call("to_microseconds", _micros(ticks))


def _negative(ticks: t.SqlExpr) -> t.SqlExpr:
    if isinstance(ticks, t.Literal) and isinstance(ticks.value, int):
        return t.Literal(-ticks.value, ticks.type)
    return t.Op("-", (ticks,))


def _later(moment: t.SqlExpr, span: t.SqlExpr) -> t.SqlExpr:
    return t.Op("+", (moment, _interval(span)))


def _earlier(moment: t.SqlExpr, span: t.SqlExpr) -> t.SqlExpr:
    # Not `- interval`: a rest below a microsecond must be cut downwards here too.
    return t.Op("+", (moment, _interval(_negative(span))))


operator("+", "left: datetime, right: timespan", "datetime", "A time so much later.", _later)
operator("+", "left: timespan, right: datetime", "datetime", "A time so much later.", lambda s, d: _later(d, s))
operator("-", "left: datetime, right: timespan", "datetime", "A time so much earlier.", _earlier)
operator(
    "-",
    "left: datetime, right: datetime",
    "timespan",
    "The time between.",
    "(epoch_us({left}) - epoch_us({right})) * 10",
)
operator("+", "left: timespan, right: timespan", "timespan", "Sum.", "{left} + {right}")
operator("-", "left: timespan, right: timespan", "timespan", "Difference.", "{left} - {right}")
operator("*", "left: timespan, right: long", "timespan", "So many times as long.", "{left} * {right}")
operator("*", "left: long, right: timespan", "timespan", "So many times as long.", "{left} * {right}")
operator("*", "left: timespan, right: real", "timespan", "So many times as long.", "trunc({left} * {right})::BIGINT")
operator("*", "left: real, right: timespan", "timespan", "So many times as long.", "trunc({left} * {right})::BIGINT")
operator("/", "left: timespan, right: timespan", "real", "How many times the one holds the other.", "{left} / {right}")
operator("/", "left: timespan, right: long", "timespan", "A part.", "{left} // {right}", nulls=Nulls.MAYBE)
operator("/", "left: timespan, right: real", "timespan", "A part.", "trunc({left} / {right})::BIGINT")
operator(
    "%",
    "left: timespan, right: timespan",
    "timespan",
    "The rest, never negative.",
    "({left} % {right} + CASE WHEN {left} % {right} < 0 THEN abs({right}) ELSE 0 END)",
    nulls=Nulls.MAYBE,
)
operator("between", _span, "bool", "Within a time and a span after it.",
         lambda v, low, s: t.Op("AND", (t.Op(">=", (v, low)), t.Op("<=", (v, _until(low, s))))))  # fmt: skip
operator("!between", _span, "bool", "Outside of a time and a span after it.",
         lambda v, low, s: t.Op("OR", (t.Op("<", (v, low)), t.Op(">", (v, _until(low, s))))))  # fmt: skip


# --- text: the subject and the needle are never null, so neither is the answer ---
def _text(name: str, doc: str, holds: Callable[[t.SqlExpr, t.SqlExpr], t.SqlExpr], *, negated: str = "") -> None:
    params = "text: string, needle: string"
    operator(name, params, "bool", doc, holds, nulls=Nulls.NEVER)
    negative: Lower = lambda text, needle: t.Op("NOT", (guarded(holds(text, needle)),))  # noqa: E731
    operator(negated or "!" + name, params, "bool", f"Not: {doc[0].lower()}{doc[1:]}", negative, nulls=Nulls.NEVER)


def _call(name: str, *, cs: bool) -> Callable[[t.SqlExpr, t.SqlExpr], t.SqlExpr]:
    if cs:
        return lambda text, needle: t.call(name, text, needle)
    return lambda text, needle: t.call(name, lowered(text), lowered(needle))


_text("=~", "Equal but for case.", lambda a, b: t.Op("=", (lowered(a), lowered(b))), negated="!~")
_text("has", "The needle is there as a whole term.", lambda a, b: find(a, b))
alias(FunctionKind.OPERATOR, ":", "has")
_text("has_cs", "The needle is there as a whole term, in this case.", lambda a, b: find(a, b, cs=True))
_text("hasprefix", "A term begins with the needle.", lambda a, b: find(a, b, right=False))
_text("hasprefix_cs", "A term begins with the needle, in this case.", lambda a, b: find(a, b, right=False, cs=True))
_text("hassuffix", "A term ends with the needle.", lambda a, b: find(a, b, left=False))
_text("hassuffix_cs", "A term ends with the needle, in this case.", lambda a, b: find(a, b, left=False, cs=True))
_text("contains", "The needle is somewhere in the text.", _call("contains", cs=False))
_text("contains_cs", "The needle is somewhere in the text, in this case.", _call("contains", cs=True))
_text("startswith", "The text begins with the needle.", _call("starts_with", cs=False))
_text("startswith_cs", "The text begins with the needle, in this case.", _call("starts_with", cs=True))
_text("endswith", "The text ends with the needle.", _call("ends_with", cs=False))
_text("endswith_cs", "The text ends with the needle, in this case.", _call("ends_with", cs=True))


def _matches(text: t.SqlExpr, regex: t.SqlExpr) -> t.SqlExpr:
    return t.call("regexp_matches", text, re2(regex))


operator(
    "matches regex",
    "text: string, regex: string",
    "bool",
    "The expression matches somewhere.",
    _matches,
    nulls=Nulls.NEVER,
)


# --- paths into a dynamic ---
def _pointer(name: str) -> str:
    """A property's name in a JSON path: quoted, as a bare one may hold few characters only."""
    return f'."{name}"'


_PATH = "json_extract"


def step(value: t.SqlExpr, path: str) -> t.SqlExpr:
    """One step further into a dynamic: steps in a row are one path. What is missing, and a JSON null, is NULL."""
    if (
        isinstance(value, t.Call)
        and value.name == "nullif"
        and isinstance(inner := value.args[0], t.Call)
        and inner.name == _PATH
        and isinstance(inner.args[1], t.Literal)
    ):
        value, path = inner.args[0], f"{inner.args[1].value}{path}"
    else:
        path = "$" + path
        if isinstance(value, t.Call) and value.name == "nullif" and value.args[1] == t.Literal("null"):
            # From a JSON null no path leads anywhere.
            value = value.args[0]
    return t.call("nullif", t.call(_PATH, value, t.Literal(path)), t.Literal("null"))


def _member(value: t.SqlExpr, name: t.SqlExpr) -> t.SqlExpr:
    if isinstance(name, t.Literal) and isinstance(name.value, str) and '"' not in name.value and "\\" not in name.value:
        return step(value, _pointer(name.value))
    # A JSON pointer takes any name; on an array it would take a number for an index.
    escaped = t.call(
        "replace", t.call("replace", name, t.Literal("~"), t.Literal("~0")), t.Literal("/"), t.Literal("~1")
    )
    found = t.call(_PATH, value, t.Op("||", (t.Literal("/"), escaped)))
    is_bag = t.Op("=", (t.call("json_type", value), t.Literal("OBJECT")))
    return t.Case(((is_bag, t.call("nullif", found, t.Literal("null"))),))


def _element(value: t.SqlExpr, index: t.SqlExpr) -> t.SqlExpr:
    if isinstance(index, t.Literal) and isinstance(index.value, int):
        return step(value, f"[{index.value}]")
    path = t.Op("||", (t.Literal("$["), t.Cast(index, "VARCHAR"), t.Literal("]")))
    return t.call("nullif", t.call(_PATH, value, path), t.Literal("null"))


operator(".", "value: dynamic, name: string", "dynamic", "A property of a bag.", _member, nulls=Nulls.MAYBE)
operator("[]", "value: dynamic, name: string", "dynamic", "A property of a bag.", _member, nulls=Nulls.MAYBE)
operator(
    "[]",
    "value: dynamic, index: long",
    "dynamic",
    "An element of an array; -1 is the last.",
    _element,
    nulls=Nulls.MAYBE,
)


# --- older spellings ---
for _old, _current in (("notcontains", "!contains"), ("notcontainscs", "!contains_cs"), ("containscs", "contains_cs")):
    alias(FunctionKind.OPERATOR, _old, _current, obsolete=True)
