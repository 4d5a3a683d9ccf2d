"""Conversions: tostring, toint, tolong, toreal, todecimal, tobool, todatetime, totimespan, toguid, gettype; boxing as dynamic.

There is a row for each type that a value may have. The conversions that a query does not write (`Convert`) are these rows too.
Source: "Conversion functions" (Kusto documentation); the traps as measured on Microsoft's emulator.
"""

from __future__ import annotations

from lurcher.functions import snippets as s
from lurcher.functions.registry import FunctionKind, Naming, Nulls, alias, scalar

_FIRST = Naming.FIRST
#: White space is allowed around a number; digit groups, exponents and fractions are not those of an integer.
_INTEGER = r"'\s*[+-]?[0-9]+\s*'"
_HEX = r"'\s*0[xX][0-9a-fA-F]+\s*'"
_REAL = r"'\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*'"
_SPACE = "E' \\t\\r\\n'"
#: DECIMAL(38, 18): what does not fit is null.
_DECIMAL = "DECIMAL(38, 18)"
#: Without the zeros behind the point. A whole number of parse_version() has no point, and its zeros count.
_DECIMAL_TEXT = r"regexp_replace(regexp_replace(CAST({value} AS VARCHAR), '(\.[0-9]*?)0+$', '\1'), '\.$', '')"


#: function -> the SQL that makes a number of a dynamic.
FROM_DYNAMIC: dict[str, str] = {}


def _to_integer(name: str, sql: str, bits: int) -> None:
    text = (
        f"CASE WHEN regexp_full_match({{value}}, {_INTEGER}) OR regexp_full_match({{value}}, {_HEX})"
        f" THEN TRY_CAST(trim({{value}}, {_SPACE}) AS {sql}) END"
    )
    result = "int" if bits == 32 else "long"
    doc = f"The value as a {bits}-bit integer; a fraction is cut off, what is no number and a text that does not fit give null."
    more = {"naming": _FIRST, "nulls": Nulls.MAYBE}
    scalar(
        name,
        "value: string",
        result,
        doc,
        text,
        examples=(
            (f'{name}(" 7 ")', f"{result}(7)"),
            (f'{name}("5.7")', f"{result}(null)"),
            (f'{name}("0x10")', f"{result}(16)"),
        ),
        **more,
    )
    scalar(
        name, "value: bool", result, doc, f"CAST({{value}} AS {sql})", example=(f"{name}(true)", f"{result}(1)"), **more
    )
    same = "{value}" if name == "toint" else "CAST({value} AS BIGINT)"
    scalar(name, "value: int", result, doc, same, example=(f"{name}(int(5))", f"{result}(5)"), **more)
    # The service keeps the low 32 bits of a long, and the nearest integer there is of a real.
    wrapped = "CAST((({value} & 4294967295) + 2147483648) % 4294967296 - 2147483648 AS INTEGER)"
    wide = wrapped if name == "toint" else "{value}"
    big = 1410065407 if name == "toint" else 9999999999
    scalar(name, "value: long", result, doc, wide, example=(f"{name}(9999999999)", f"{result}({big})"), **more)
    cut = f"TRY_CAST(trunc({{value}}) AS {sql})"
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    nearest = (
        f"CASE WHEN isnan({{value}}) THEN NULL WHEN {{value}} >= {high} THEN CAST({high} AS {sql})"
        f" WHEN {{value}} <= {low} THEN CAST({low} AS {sql}) ELSE CAST(trunc({{value}}) AS {sql}) END"
    )
    scalar(name, "value: real", result, doc, nearest, example=(f"{name}(-2.7)", f"{result}(-2)"), **more)
    scalar(name, "value: decimal", result, doc, cut, example=(f"{name}(decimal(2.7))", f"{result}(2)"), **more)
    if name == "tolong":
        scalar(
            name,
            "value: datetime",
            "long",
            "Ticks of 100 ns since 0001-01-01.",
            s.ticks("{value}"),
            example=("tolong(datetime(0001-01-02))", "864000000000"),
            **more,
        )
        scalar(
            name,
            "value: timespan",
            "long",
            "Ticks of 100 ns.",
            "{value}",
            example=("tolong(1h)", "36000000000"),
            **more,
        )
    boxed = wide.replace("{value}", "TRY_CAST({value} AS BIGINT)")
    dynamic = (
        # What a number in JSON mostly is comes first: the engine asks in this order.
        f"CASE json_type({{value}}) WHEN 'UBIGINT' THEN {boxed} WHEN 'BIGINT' THEN {boxed}"
        f" WHEN 'VARCHAR' THEN {text.replace('{value}', s.text_of('{value}'))}"
        f" WHEN 'BOOLEAN' THEN CAST(CAST({{value}} AS BOOLEAN) AS {sql})"
        f" WHEN 'DOUBLE' THEN TRY_CAST(trunc(CAST({{value}} AS DOUBLE)) AS {sql}) END"
    )
    FROM_DYNAMIC[name] = dynamic
    scalar(name, "value: dynamic", result, doc, dynamic, example=(f'{name}(dynamic("12"))', f"{result}(12)"), **more)


_to_integer("toint", "INTEGER", 32)
_to_integer("tolong", "BIGINT", 64)

_DOC = "The value as a double; what is no number gives null."
_REAL_TEXT = (
    f"CASE WHEN regexp_full_match({{value}}, {_REAL}) THEN TRY_CAST(trim({{value}}, {_SPACE}) AS DOUBLE)"
    " WHEN {value} IN ('NaN', 'Infinity', '-Infinity') THEN CAST({value} AS DOUBLE) END"
)
scalar(
    "toreal",
    "value: string",
    "real",
    _DOC,
    _REAL_TEXT,
    naming=_FIRST,
    nulls=Nulls.MAYBE,
    examples=(('toreal("1e3")', "1000.0"), ('toreal("0x10")', "real(null)")),
)
scalar(
    "toreal",
    "value: bool|int|long",
    "real",
    _DOC,
    "CAST({value} AS DOUBLE)",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("toreal(7) / 2", "3.5"),
)
scalar(
    "toreal",
    "value: decimal",
    "real",
    _DOC,
    "CAST({value} AS DOUBLE)",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("toreal(decimal(1.5))", "1.5"),
)
scalar(
    "toreal", "value: real", "real", _DOC, "{value}", naming=_FIRST, nulls=Nulls.STRICT, example=("toreal(1.5)", "1.5")
)
scalar(
    "toreal",
    "value: timespan",
    "real",
    "Ticks of 100 ns.",
    "CAST({value} AS DOUBLE)",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("toreal(1tick)", "1.0"),
)
FROM_DYNAMIC["toreal"] = (
    "CASE json_type({value}) WHEN 'DOUBLE' THEN CAST({value} AS DOUBLE)"
    " WHEN 'UBIGINT' THEN CAST({value} AS DOUBLE) WHEN 'BIGINT' THEN CAST({value} AS DOUBLE)"
    f" WHEN 'VARCHAR' THEN {_REAL_TEXT.replace('{value}', s.text_of('{value}'))}"
    " WHEN 'BOOLEAN' THEN CAST(CAST({value} AS BOOLEAN) AS DOUBLE) END"
)
scalar(
    "toreal",
    "value: dynamic",
    "real",
    _DOC,
    FROM_DYNAMIC["toreal"],
    naming=_FIRST,
    nulls=Nulls.MAYBE,
    example=("toreal(dynamic(2))", "2.0"),
)
alias(FunctionKind.SCALAR, "todouble", "toreal")

#: A number that the service's decimal holds and DECIMAL(38, 18) does not stops the query: null would be another answer.
_DOC = "The value as a decimal; what is no number gives null."
_TEXT = f"CASE WHEN regexp_full_match({{value}}, {_REAL}) THEN CAST(trim({{value}}, {_SPACE}) AS {_DECIMAL}) END"
scalar(
    "todecimal",
    "value: string",
    "decimal",
    _DOC,
    _TEXT,
    naming=_FIRST,
    nulls=Nulls.MAYBE,
    example=('todecimal("3.14")', "decimal(3.14)"),
)
scalar(
    "todecimal",
    "value: bool|int|long",
    "decimal",
    _DOC,
    f"CAST({{value}} AS {_DECIMAL})",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("todecimal(2)", "decimal(2)"),
)
scalar(
    "todecimal",
    "value: real",
    "decimal",
    _DOC,
    f"CASE WHEN isfinite({{value}}) THEN CAST({{value}} AS {_DECIMAL}) END",
    naming=_FIRST,
    nulls=Nulls.MAYBE,
    example=("todecimal(2.5)", "decimal(2.5)"),
)
scalar(
    "todecimal",
    "value: decimal",
    "decimal",
    _DOC,
    "{value}",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("todecimal(decimal(1.5))", "decimal(1.5)"),
)
scalar(
    "todecimal",
    "value: dynamic",
    "decimal",
    _DOC,
    _TEXT.replace("{value}", s.text_of("{value}")),
    naming=_FIRST,
    nulls=Nulls.MAYBE,
    example=('todecimal(dynamic("1.5"))', "decimal(1.5)"),
)

_DOC = "The value as a bool: a number is true unless it is 0; of texts, true, false and integers; else null."
_TEXT = (
    f"CASE WHEN lower(trim({{value}}, {_SPACE})) = 'true' THEN true WHEN lower(trim({{value}}, {_SPACE})) = 'false' THEN false"
    f" WHEN regexp_full_match({{value}}, {_INTEGER}) THEN TRY_CAST(trim({{value}}, {_SPACE}) AS BIGINT) <> 0 END"
)
scalar(
    "tobool",
    "value: string",
    "bool",
    _DOC,
    _TEXT,
    naming=_FIRST,
    nulls=Nulls.MAYBE,
    examples=(('tobool(" True ")', "true"), ('tobool("-1")', "true"), ('tobool("yes")', "bool(null)")),
)
scalar(
    "tobool",
    "value: bool",
    "bool",
    _DOC,
    "{value}",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("tobool(false)", "false"),
)
scalar(
    "tobool",
    "value: int|long|real|decimal",
    "bool",
    _DOC,
    "{value} <> 0",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("tobool(1.5)", "true"),
)
scalar(
    "tobool",
    "value: dynamic",
    "bool",
    _DOC,
    "CASE json_type({value}) WHEN 'BOOLEAN' THEN CAST({value} AS BOOLEAN)"
    f" WHEN 'VARCHAR' THEN {_TEXT.replace('{value}', s.text_of('{value}'))}"
    " WHEN 'DOUBLE' THEN CAST({value} AS DOUBLE) <> 0 WHEN 'BIGINT' THEN CAST({value} AS DOUBLE) <> 0"
    " WHEN 'UBIGINT' THEN CAST({value} AS DOUBLE) <> 0 END",
    naming=_FIRST,
    nulls=Nulls.MAYBE,
    example=("tobool(dynamic(1))", "true"),
)
alias(FunctionKind.SCALAR, "toboolean", "tobool")

_DOC = "The value as a guid: 32 hexadecimal digits, hyphens anywhere or nowhere; else null."
_TEXT = (
    r"CASE WHEN regexp_full_match(regexp_replace({value}, '[-{}()\s]', '', 'g'), '[0-9a-fA-F]+')"
    r" AND length(regexp_replace({value}, '[-{}()\s]', '', 'g')) = 32"
    r" THEN TRY_CAST(regexp_replace({value}, '[-{}()\s]', '', 'g') AS UUID) END"
)
scalar(
    "toguid",
    "value: string",
    "guid",
    _DOC,
    _TEXT,
    naming=_FIRST,
    nulls=Nulls.MAYBE,
    examples=(
        ('toguid("0123456789abcdef0123456789abcdef")', "guid(01234567-89ab-cdef-0123-456789abcdef)"),
        ('toguid("no guid")', "guid(null)"),
    ),
)
scalar(
    "toguid",
    "value: guid",
    "guid",
    _DOC,
    "{value}",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("toguid(guid(01234567-89ab-cdef-0123-456789abcdef))", "guid(01234567-89ab-cdef-0123-456789abcdef)"),
)
scalar(
    "toguid",
    "value: dynamic",
    "guid",
    _DOC,
    _TEXT.replace("{value}", s.text_of("{value}")),
    naming=_FIRST,
    nulls=Nulls.MAYBE,
    example=("toguid(dynamic(1))", "guid(null)"),
)

# --- text ---
_DOC = "The value as text; null gives the empty string."
scalar(
    "tostring",
    "value: string",
    "string",
    _DOC,
    "{value}",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=('tostring("a")', '"a"'),
)
scalar(
    "tostring",
    "value: bool",
    "string",
    "`True` or `False`.",
    "CASE WHEN {value} THEN 'True' WHEN NOT {value} THEN 'False' ELSE '' END",
    naming=_FIRST,
    nulls=Nulls.NEVER,
    example=("tostring(1 == 1)", '"True"'),
)
scalar(
    "tostring",
    "value: int|long",
    "string",
    _DOC,
    "CAST({value} AS VARCHAR)",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("tostring(42)", '"42"'),
)
scalar(
    "tostring",
    "value: real",
    "string",
    _DOC,
    "CASE WHEN isfinite({value}) THEN CAST({value} AS VARCHAR) WHEN isnan({value}) THEN 'NaN'"
    " WHEN {value} > 0 THEN 'Infinity' WHEN {value} < 0 THEN '-Infinity' END",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    examples=(("tostring(1.5)", '"1.5"'), ("tostring(-1.0 / 0)", '"-Infinity"')),
)
scalar(
    "tostring",
    "value: decimal",
    "string",
    "The digits, without zeros at the end of the fraction.",
    _DECIMAL_TEXT,
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("tostring(decimal(1.50))", '"1.5"'),
)
scalar(
    "tostring",
    "value: datetime",
    "string",
    "ISO 8601 with seven digits and Z.",
    s.datetime_text("{value}"),
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("tostring(datetime(2020-01-01))", '"2020-01-01T00:00:00.0000000Z"'),
)
scalar(
    "tostring",
    "value: timespan",
    "string",
    "`[-][d.]hh:mm:ss[.fffffff]`.",
    s.timespan_text("{value}"),
    naming=_FIRST,
    nulls=Nulls.STRICT,
    examples=(("tostring(1d + 2h + 3m + 4s + 500ms)", '"1.02:03:04.5000000"'), ("tostring(-90s)", '"-00:01:30"')),
)
scalar(
    "tostring",
    "value: guid",
    "string",
    "Lower-case hexadecimal digits in the five groups.",
    "CAST({value} AS VARCHAR)",
    naming=_FIRST,
    nulls=Nulls.STRICT,
    example=("tostring(guid(01234567-89AB-cdef-0123-456789abcdef))", '"01234567-89ab-cdef-0123-456789abcdef"'),
)
scalar(
    "tostring",
    "value: dynamic",
    "string",
    "A string's own text; anything else as JSON.",
    s.text_of("{value}"),
    naming=_FIRST,
    nulls=Nulls.NEVER,
    examples=(('tostring(dynamic({"a": [1, true]}))', "'{\"a\":[1,true]}'"), ('tostring(dynamic("s"))', '"s"')),
)

# --- kinds ---
for _type in ("bool", "int", "long", "real", "decimal", "string", "datetime", "timespan", "guid"):
    scalar(
        "gettype",
        f"value: {_type}",
        "string",
        "The name of the value's type.",
        f"'{_type}'",
        naming=Naming.PREFIX,
        prefix="type",
        nulls=Nulls.NEVER,
        examples=(("gettype(1)", '"long"'), ("gettype(1h)", '"timespan"')) if _type == "bool" else (),
    )
scalar(
    "gettype",
    "value: dynamic",
    "string",
    "The name of the value's type; of a dynamic, of what it holds.",
    "CASE json_type({value}) WHEN 'OBJECT' THEN 'dictionary' WHEN 'ARRAY' THEN 'array' WHEN 'VARCHAR' THEN 'string'"
    " WHEN 'BOOLEAN' THEN 'bool' WHEN 'DOUBLE' THEN 'double' WHEN 'BIGINT' THEN 'long' WHEN 'UBIGINT' THEN 'long'"
    " ELSE 'null' END",
    naming=Naming.PREFIX,
    prefix="type",
    nulls=Nulls.NEVER,
    examples=(("gettype(dynamic([1]))", '"array"'), ("gettype(dynamic(null))", '"null"')),
)

# --- boxing: what a scalar is inside a dynamic ---
_DOC = "The value as a dynamic one."
for _types, _sql in (
    ("bool|int|long|string", "to_json({value})"),
    # JSON has no such numbers: the service writes them as text.
    (
        "real",
        "CASE WHEN isfinite({value}) THEN to_json({value}) WHEN isnan({value}) THEN '\"NaN\"'::JSON"
        " WHEN {value} > 0 THEN '\"Infinity\"'::JSON WHEN {value} < 0 THEN '\"-Infinity\"'::JSON END",
    ),
    ("datetime", f"to_json({s.datetime_text('{value}')})"),
    ("timespan", f"to_json({s.timespan_text('{value}')})"),
    ("guid", "to_json(CAST({value} AS VARCHAR))"),
    ("dynamic", "{value}"),
):
    scalar("__box", f"value: {_types}", "dynamic", _DOC, _sql, hidden=True, nulls=Nulls.STRICT)
