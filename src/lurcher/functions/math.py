"""Numbers: rounding, bins, powers, angles, bits; conditionals; comparison of several values.

Source: "Mathematical functions", "Rounding functions", "Binary functions", "Conditional functions" (Kusto documentation).
"""

from __future__ import annotations

from lurcher.functions import snippets as s
from lurcher.functions.build import constant_integer, fill, refuse
from lurcher.functions.registry import Naming, Nulls, scalar
from lurcher.sql import tree as t

_F = Naming.FIRST
_MAYBE, _NEVER, _STRICT = Nulls.MAYBE, Nulls.NEVER, Nulls.STRICT

# --- bins: down to a multiple, toward minus infinity ---
#: SQL's remainder has the sign of the left side; a size of 0 gives null.
_FLOOR = "{value} - ({value} % nullif({roundTo}, 0) + {roundTo}) % nullif({roundTo}, 0)"
_TIME_TICKS = s.ticks("{value}")
for _name in ("bin", "floor"):
    _doc = "The value rounded down to a multiple of the bin's size."
    scalar(
        _name,
        "value: integer, roundTo: integer",
        "long",
        _doc,
        _FLOOR.replace("{value}", "CAST({value} AS BIGINT)"),
        naming=_F,
        nulls=_MAYBE,
        examples=((f"{_name}(-7, 5)", "-10"), (f"{_name}(7, 0)", "long(null)"), (f"{_name}(7, -5)", "10")),
    )
    scalar(
        _name,
        "value: decimal, roundTo: decimal",
        "decimal",
        _doc,
        _FLOOR,
        naming=_F,
        nulls=_MAYBE,
        example=(f"{_name}(decimal(4.5), decimal(1))", "decimal(4)"),
    )
    scalar(
        _name,
        "value: real, roundTo: real",
        "real",
        _doc,
        "CASE WHEN {roundTo} <> 0 THEN floor({value} / {roundTo}) * {roundTo} END",
        naming=_F,
        nulls=_MAYBE,
        example=(f"{_name}(4.5, 1)", "4.0"),
    )
    scalar(
        _name,
        "value: timespan, roundTo: timespan",
        "timespan",
        _doc,
        _FLOOR,
        naming=_F,
        nulls=_MAYBE,
        example=(f"{_name}(75m, 1h)", "1h"),
    )
    scalar(
        _name,
        "value: datetime, roundTo: timespan",
        "datetime",
        _doc + " Bins count from 0001-01-01.",
        s.from_ticks(_FLOOR.replace("{value}", _TIME_TICKS)),
        naming=_F,
        nulls=_MAYBE,
        examples=(
            (f"{_name}(datetime(1970-05-11 13:45:07), 1d)", "datetime(1970-05-11)"),
            (f"{_name}(datetime(2020-01-01), 7d)", "datetime(2019-12-30)"),
        ),
    )
_AT = (
    "{fixed_point} + ({value} - {fixed_point})"
    " - ((({value} - {fixed_point}) % nullif({bin_size}, 0) + {bin_size}) % nullif({bin_size}, 0))"
)
_DOC = "The value rounded down to a bin, where one bin begins at the fixed point."
scalar(
    "bin_at",
    "value: integer, bin_size: integer, fixed_point: integer",
    "long",
    _DOC,
    _AT.replace("{value}", "CAST({value} AS BIGINT)"),
    naming=_F,
    nulls=_MAYBE,
    example=("bin_at(13, 10, 11)", "11"),
)
scalar(
    "bin_at",
    "value: real, bin_size: real, fixed_point: real",
    "real",
    _DOC,
    "CASE WHEN {bin_size} <> 0 THEN {fixed_point} + floor(({value} - {fixed_point}) / {bin_size}) * {bin_size} END",
    naming=_F,
    nulls=_MAYBE,
    example=("bin_at(6.5, 2.5, 7.0)", "4.5"),
)
scalar(
    "bin_at",
    "value: timespan, bin_size: timespan, fixed_point: timespan",
    "timespan",
    _DOC,
    _AT,
    naming=_F,
    nulls=_MAYBE,
    example=("bin_at(time(1h), 1d, 12h)", "-12h"),
)
scalar(
    "bin_at",
    "value: datetime, bin_size: timespan, fixed_point: datetime",
    "datetime",
    _DOC,
    s.from_ticks(_AT.replace("{value}", _TIME_TICKS).replace("{fixed_point}", s.ticks("{fixed_point}"))),
    naming=_F,
    nulls=_MAYBE,
    example=("bin_at(datetime(2018-02-24 15:24), 1d, datetime(2018-02-24 15:14))", "datetime(2018-02-24 15:14)"),
)


# --- rounding ---
def _digits(precision: t.SqlExpr | None) -> t.SqlExpr:
    if precision is not None and constant_integer(precision) is None:
        refuse("round() to null digits")
    return t.Cast(precision or t.Literal(0), "INTEGER")


_DOC = "The number rounded, halves away from zero."
scalar(
    "round",
    "number: integer, precision?: constant long",
    "real",
    _DOC,
    lambda number, precision=None: fill("CAST(round({n}, {p}) AS DOUBLE)", n=number, p=_digits(precision)),
    naming=_F,
    example=("round(1234, -2)", "1200.0"),
)


def _round(number: t.SqlExpr, precision: t.SqlExpr | None = None) -> t.SqlExpr:
    """The number is scaled, rounded and scaled back, as the service does: 2.15, which is a little less in binary, gives 2.2. The
    engine's own round() of two arguments does so in some versions and not in others."""
    if precision is None:
        return t.call("round", number)
    _digits(precision)
    return fill(
        "CASE WHEN isinf({n} * pow(10.0::DOUBLE, {p})) THEN {n}"
        " WHEN {p} < 0 THEN round({n} / pow(10.0::DOUBLE, -({p}))) * pow(10.0::DOUBLE, -({p}))"
        " ELSE round({n} * pow(10.0::DOUBLE, {p})) / pow(10.0::DOUBLE, {p}) END",
        n=number,
        p=precision,
    )


scalar(
    "round",
    "number: real, precision?: constant long",
    "real",
    _DOC,
    _round,
    naming=_F,
    examples=(("round(2.15, 1)", "2.2"), ("round(-2.5)", "-3.0"), ("round(1234.5, -2)", "1200.0")),
)
scalar(
    "round",
    "number: decimal, precision?: constant long",
    "decimal",
    _DOC,
    lambda number, precision=None: fill("round({n}, {p})", n=number, p=_digits(precision)),
    naming=_F,
    example=("round(decimal(2.15), 1)", "decimal(2.2)"),
)
scalar(
    "ceiling",
    "number: integer",
    "real",
    "The least whole number that is not less.",
    "CAST({number} AS DOUBLE)",
    naming=_F,
    example=("ceiling(0)", "0.0"),
)
scalar(
    "ceiling",
    "number: real",
    "real",
    "The least whole number that is not less.",
    "ceil({number})",
    naming=_F,
    example=("ceiling(-1.1)", "-1.0"),
)
_DOC = "The number without its sign."
scalar("abs", "number: integer", "long", _DOC, "abs(CAST({number} AS BIGINT))", naming=_F, example=("abs(-5)", "5"))
scalar("abs", "number: real|decimal", "arg 0", _DOC, "abs({number})", naming=_F, example=("abs(-1.5)", "1.5"))
scalar("abs", "number: timespan", "timespan", _DOC, "abs({number})", naming=_F, example=("abs(-1h)", "1h"))
scalar("sign", "number: number", "real", "-1, 0 or 1.", "CAST(sign({number}) AS DOUBLE)", example=("sign(-4)", "-1.0"))

# --- functions of one real number ---
for _name, _sql, _doc, _example in (
    ("sqrt", "sqrt", "The square root; of a negative number NaN.", "sqrt(16) == 4.0"),
    ("exp", "exp", "e to that power.", "exp(0) == 1.0"),
    ("log", "ln", "The natural logarithm.", "log(1) == 0.0"),
    ("log2", "log2", "The logarithm to base 2.", "log2(8) == 3.0"),
    ("log10", "log10", "The logarithm to base 10.", "log10(100) == 2.0"),
    ("sin", "sin", "The sine of an angle in radians.", "sin(0) == 0.0"),
    ("cos", "cos", "The cosine of an angle in radians.", "cos(0) == 1.0"),
    ("tan", "tan", "The tangent of an angle in radians.", "tan(0) == 0.0"),
    ("asin", "asin", "The angle of a sine, in radians.", "asin(0) == 0.0"),
    ("acos", "acos", "The angle of a cosine, in radians.", "acos(1) == 0.0"),
    ("atan", "atan", "The angle of a tangent, in radians.", "atan(0) == 0.0"),
    ("gamma", "gamma", "The gamma function.", "gamma(5) == 24.0"),
    ("loggamma", "lgamma", "The logarithm of the gamma function.", "round(loggamma(5), 3) == 3.178"),
):
    scalar(
        _name,
        "number: number",
        "real",
        _doc,
        f"{_sql}(CAST({{number}} AS DOUBLE))",
        naming=_F,
        example=(_example, "true"),
    )
scalar(
    "exp2",
    "number: number",
    "real",
    "2 to that power.",
    "pow(2.0::DOUBLE, CAST({number} AS DOUBLE))",
    naming=_F,
    example=("exp2(3)", "8.0"),
)
scalar(
    "exp10",
    "number: number",
    "real",
    "10 to that power.",
    "pow(10.0::DOUBLE, CAST({number} AS DOUBLE))",
    example=("exp10(2)", "100.0"),
)
scalar(
    "pow",
    "base: number, exponent: number",
    "real",
    "The base to that power.",
    "pow(CAST({base} AS DOUBLE), CAST({exponent} AS DOUBLE))",
    example=("pow(2, 3)", "8.0"),
)
scalar(
    "atan2",
    "y: number, x: number",
    "real",
    "The angle of a point, in radians.",
    "atan2(CAST({y} AS DOUBLE), CAST({x} AS DOUBLE))",
    naming=_F,
    example=("atan2(0, 1)", "0.0"),
)
scalar(
    "cot",
    "number: number",
    "real",
    "The cotangent of an angle in radians.",
    "cot(CAST({number} AS DOUBLE))",
    example=("round(cot(1), 4)", "0.6421"),
)
scalar(
    "degrees",
    "radians: number",
    "real",
    "Radians as degrees.",
    "degrees(CAST({radians} AS DOUBLE))",
    example=("degrees(pi() / 4)", "45.0"),
)
scalar(
    "radians",
    "degrees: number",
    "real",
    "Degrees as radians.",
    "radians(CAST({degrees} AS DOUBLE))",
    example=("radians(0)", "0.0"),
)
scalar(
    "pi",
    "",
    "real",
    "The ratio of a circle's circumference to its diameter.",
    "pi()",
    nulls=_NEVER,
    example=("round(pi(), 2)", "3.14"),
)
scalar("rand", "", "real", "A number from 0 up to 1, at random.", "random()", naming=_F, nulls=_NEVER)
scalar(
    "rand",
    "number: integer",
    "real",
    "A whole number from 0 up to the argument, at random.",
    "floor(random() * {number})",
    naming=_F,
)
scalar("new_guid", "", "guid", "A guid at random.", "uuid()", nulls=_NEVER)
for _name, _sql, _doc in (
    ("isnan", "isnan", "Whether the number is NaN."),
    ("isinf", "isinf", "Whether the number is infinite."),
    ("isfinite", "isfinite", "Whether the number is neither infinite nor NaN."),
):
    scalar(
        _name,
        "number: real",
        "bool",
        _doc,
        f"{_sql}({{number}})",
        example=(f"{_name}(1.5)", "true" if _name == "isfinite" else "false"),
    )

# --- bits ---
_L = "CAST({value1} AS BIGINT)"
for _name, _op, _doc, _result in (
    ("binary_and", "&", "The bits set in both.", 2),
    ("binary_or", "|", "The bits set in either.", 7),
):
    scalar(
        _name,
        "value1: integer, value2: integer",
        "long",
        _doc,
        f"{_L} {_op} CAST({{value2}} AS BIGINT)",
        naming=_F,
        example=(f"{_name}(6, 3)", str(_result)),
    )
scalar(
    "binary_xor",
    "value1: integer, value2: integer",
    "long",
    "The bits set in one of the two.",
    f"xor({_L}, CAST({{value2}} AS BIGINT))",
    naming=_F,
    example=("binary_xor(6, 3)", "5"),
)
scalar(
    "binary_not",
    "value: integer",
    "long",
    "The bits turned.",
    "~CAST({value} AS BIGINT)",
    naming=_F,
    example=("binary_not(5)", "-6"),
)
# SQL's shift stops on overflow: what would be shifted out is cut off first, and the sign put in last.
_LEFT = "(CAST({value} AS HUGEINT) & ((1::HUGEINT << (64 - CAST({shift} % 64 AS INTEGER))) - 1)) << CAST({shift} % 64 AS INTEGER)"
scalar(
    "binary_shift_left",
    "value: integer, shift: integer",
    "long",
    "The bits moved to the left; null for a negative shift.",
    f"CASE WHEN {{shift}} >= 0 THEN CAST(((({_LEFT}) + 9223372036854775808)"
    " % 18446744073709551616) - 9223372036854775808 AS BIGINT) END",
    naming=_F,
    nulls=_MAYBE,
    examples=(
        ("binary_shift_left(1, 40)", "1099511627776"),
        ("binary_shift_left(1, 63)", "long(-9223372036854775808)"),
    ),
)
scalar(
    "binary_shift_right",
    "value: integer, shift: integer",
    "long",
    "The bits moved to the right, the sign kept; null for a negative shift.",
    "CASE WHEN {shift} >= 0 THEN CAST({value} AS BIGINT) >> CAST({shift} % 64 AS INTEGER) END",
    naming=_F,
    nulls=_MAYBE,
    example=("binary_shift_right(-8, 1)", "-4"),
)
scalar(
    "bitset_count_ones",
    "value: integer",
    "long",
    "The number of bits set.",
    "CAST(bit_count(CAST({value} AS BIGINT)) AS BIGINT)",
    naming=_F,
    example=("bitset_count_ones(7)", "3"),
)
#: A negative int has 32 bits.
_HEX32 = "lower(to_hex(CAST({value} AS BIGINT) & 4294967295))"
scalar(
    "tohex",
    "value: int",
    "string",
    "The number in hexadecimal.",
    _HEX32,
    naming=_F,
    example=("tohex(toint(-256))", '"ffffff00"'),
)
scalar(
    "tohex",
    "value: int, minLength: integer",
    "string",
    "The number in hexadecimal, zeros in front up to a length of at most 16.",
    f"CASE WHEN length({_HEX32}) >= {{minLength}} THEN {_HEX32}"
    f" ELSE lpad({_HEX32}, CAST(least({{minLength}}, 16) AS INTEGER), '0') END",
    naming=_F,
    nulls=_MAYBE,
    examples=(("tohex(toint(-256), 8)", '"ffffff00"'), ("tohex(toint(5), 3)", '"005"')),
)
scalar(
    "tohex",
    "value: integer",
    "string",
    "The number in hexadecimal.",
    "lower(to_hex(CAST({value} AS BIGINT)))",
    naming=_F,
    examples=(("tohex(256)", '"100"'), ("tohex(-256)", '"ffffffffffffff00"')),
)
scalar(
    "tohex",
    "value: integer, minLength: integer",
    "string",
    "The number in hexadecimal, zeros in front up to a length of at most 16.",
    "CASE WHEN length(to_hex(CAST({value} AS BIGINT))) >= {minLength} THEN lower(to_hex(CAST({value} AS BIGINT)))"
    " ELSE lpad(lower(to_hex(CAST({value} AS BIGINT))), CAST(least({minLength}, 16) AS INTEGER), '0') END",
    naming=_F,
    nulls=_MAYBE,
    examples=(("tohex(256, 10)", '"0000000100"'), ("tohex(256, 20)", '"0000000000000100"')),
)

# --- conditionals ---
scalar(
    "not",
    "expression: bool",
    "bool",
    "True for false, false for true.",
    "NOT {expression}",
    example=("not(false)", "true"),
)
_DOC = "One value where the predicate is true, the other where it is false or null."
for _name in ("iff", "iif"):
    scalar(
        _name,
        "if: bool, then: common, else: common",
        "common",
        _DOC,
        "CASE WHEN {if} THEN {then} ELSE {else} END",
        nulls=_MAYBE,
        examples=((f"{_name}(1 > 0, 'a', 'b')", '"a"'), (f"{_name}(bool(null), 1, 2)", "2")),
    )


def _case(*args: t.SqlExpr) -> t.SqlExpr:
    whens = tuple((args[i], args[i + 1]) for i in range(0, len(args) - 1, 2))
    return t.Case(whens, args[-1])


scalar(
    "case",
    "*predicate: bool, *then: common, else: common",
    "common",
    "The value behind the first predicate that is true, else the last.",
    _case,
    nulls=_MAYBE,
    example=('case(5 <= 3, "Small", 5 <= 10, "Medium", "Large")', '"Medium"'),
)


def _coalesce_text(*args: t.SqlExpr) -> t.SqlExpr:
    return t.call("coalesce", *(t.call("nullif", a, t.EMPTY) for a in args), t.EMPTY)


scalar(
    "coalesce",
    "*arg: string",
    "string",
    "The first text that is not empty.",
    _coalesce_text,
    nulls=_NEVER,
    example=("coalesce('', 'fallback')", '"fallback"'),
)
scalar(
    "coalesce",
    "*arg: common",
    "common",
    "The first value that is not null.",
    "coalesce({arg...})",
    nulls=_MAYBE,
    example=('coalesce(tolong("x"), 42, 33)', "42"),
)
scalar(
    "max_of",
    "*arg: common_orderable",
    "common",
    "The greatest of the values that are not null.",
    "greatest({arg...})",
    nulls=_MAYBE,
    example=("max_of(10, 20)", "20"),
)
scalar(
    "min_of",
    "*arg: common_orderable",
    "common",
    "The least of the values that are not null.",
    "least({arg...})",
    nulls=_MAYBE,
    example=("min_of(1.5, 2)", "1.5"),
)

# --- sizes for people ---
_UNITS = ("Bytes", "KB", "MB", "GB", "TB", "PB", "EB")


def _format_bytes(size: t.SqlExpr, precision: t.SqlExpr | None = None, unit: t.SqlExpr | None = None) -> t.SqlExpr:
    """Whole digits, up to `precision` of a fraction; the unit chosen by size (steps of 1024) or given."""
    from lurcher.functions.build import constant

    digits = 0 if precision is None else constant_integer(precision)
    if digits is None:
        refuse("format_bytes(): its precision must be a literal")
    fixed = constant("format_bytes", "unit", unit) if unit is not None else ""
    if fixed and fixed.lower() not in [u.lower() for u in _UNITS]:
        refuse(f"format_bytes(): there is no unit '{fixed}'", f"it is one of {', '.join(_UNITS)}")
    whens = []
    for power in range(len(_UNITS) - 1, -1, -1):
        number = fill(
            f"regexp_replace(printf('%.{digits}f', CAST({{n}} AS DOUBLE) / {1024**power}), '\\.?0*$', '') || ' {_UNITS[power]}'"
            if digits
            else f"printf('%.0f', CAST({{n}} AS DOUBLE) / {1024**power}) || ' {_UNITS[power]}'",
            n=size,
        )
        if fixed.lower() == _UNITS[power].lower():
            return number
        whens.append((fill(f"abs({{n}}) >= {1024**power}", n=size) if power else t.TRUE, number))
    return t.Case(tuple(whens))


scalar(
    "format_bytes",
    "size: number, precision?: constant number, format?: constant string",
    "string",
    "A number of bytes for people, in the unit that fits or the one given.",
    _format_bytes,
    naming=_F,
    examples=(
        ("format_bytes(564)", '"564 Bytes"'),
        ("format_bytes(10332, 1)", '"10.1 KB"'),
        ("format_bytes(20010332)", '"19 MB"'),
        ("format_bytes(20010332, 2, 'KB')", '"19541.34 KB"'),
    ),
)
