"""What rows mean in Spark SQL: overrides on the rows of the other modules, which only the Spark engine asks for.

A row without one runs in the workers, as DuckDB's SQL (`engines.spark.stages`): every form below was checked against Spark's
documentation, and runs as a test. Forms that both engines read alike are said by `same`; those that differ have the reason beside
them.

A datetime is Spark's TIMESTAMP in a session of UTC, a timespan a BIGINT of ticks, a guid its text, a dynamic JSON text.
Sources: "Built-in Functions", "ANSI Compliance" (Spark SQL). In a template no literal holds a backslash or a quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import NoReturn

import lurcher.functions  # noqa: F401 - the rows
from lurcher.functions.build import constant, constant_integer, constant_text, fill, refuse
from lurcher.functions.registry import FUNCTIONS, FunctionKind, Lower
from lurcher.functions.snippets import DAY, EPOCH_TICKS
from lurcher.sql import tree as t
from lurcher.sql.template import parse_template

_SCALAR, _OPERATOR, _AGGREGATE = FunctionKind.SCALAR, FunctionKind.OPERATOR, FunctionKind.AGGREGATE
#: What a first parameter may be: of a dynamic and of a decimal nothing is said here.
_PLAIN = frozenset({"bool", "int", "long", "real", "string", "datetime", "timespan", "guid", "scalar", "number", "integer",
                    "orderable", "text", "common", "common_orderable", "not_bool", "not_dynamic", "summable",
                    "common_number"})  # fmt: skip


def on(
    kind: FunctionKind, names: str | tuple[str, ...], sql: Lower | None, types: str = "", count: int | None = None
) -> None:
    """The Spark form of the rows of these names; `types` is what their first parameter must be one of (any plain type where it is
    empty), `count` how many parameters they have. `sql` None: their own."""
    wanted = frozenset(types.split("|")) if types else _PLAIN
    for name in names.split() if isinstance(names, str) else names:
        found = False
        for row in FUNCTIONS[kind, name]:
            first = frozenset(str(x.value) for x in row.params[0].types) if row.params else wanted
            if not first & wanted or (count is not None and len(row.params) != count):
                continue
            if (form := sql if sql is not None else row.sql) is not None and not (sql is None and row.udf):
                row.overrides["spark"] = form
                found = True
        if not found:
            raise ValueError(f"no row {name} of {types or 'any type'}")


def same(kind: FunctionKind, names: str, types: str = "", count: int | None = None) -> None:
    """Both engines read the row's own SQL alike, once the tree's calls are translated (`engines.spark.translate`)."""
    on(kind, names, None, types, count)


#: The texts of all templates above and below, without what stands in their holes: no other text gets into a statement.
TEXTS: set[tuple[str, ...]] = set()


def text_of(parts: Iterable[object]) -> tuple[str, ...]:
    """The text of a filled template; a comma between operands may be that of a repeated one."""
    return tuple(p for p in parts if isinstance(p, str) and p != ", ")


def load() -> None:
    """Put the overrides on the rows, once."""
    if TEXTS:
        return
    for declare in (_operators, _times, _texts, _numbers, _conversions, _aggregates):
        declare()
    for rows in FUNCTIONS.values():
        for row in rows:
            if isinstance(template := row.overrides.get("spark"), str):
                TEXTS.add(text_of(parse_template(template).pieces))


# --- operators ---
_ORDERED = "bool|int|long|real|datetime|timespan"


def _operators() -> None:
    same(_OPERATOR, "and or")
    same(_OPERATOR, "== !=", f"{_ORDERED}|string|guid")
    same(_OPERATOR, "< <= > >=", _ORDERED)
    on(_OPERATOR, "between", "{value} BETWEEN {low} AND {high}", "bool|int|long|timespan")
    on(_OPERATOR, "!between", "{value} NOT BETWEEN {low} AND {high}", "bool|int|long|timespan")
    same(_OPERATOR, "=~ !~ : has !has has_cs !has_cs hasprefix !hasprefix hasprefix_cs !hasprefix_cs", "string")
    same(_OPERATOR, "hassuffix !hassuffix hassuffix_cs !hassuffix_cs", "string")
    same(_OPERATOR, "contains !contains contains_cs !contains_cs startswith !startswith", "string")
    same(_OPERATOR, "startswith_cs !startswith_cs endswith !endswith endswith_cs !endswith_cs", "string")
    on(_OPERATOR, ("matches regex",), None, "string")
    # A long wraps around in KQL; here it does (Sail), or the statement fails (Spark): never another number.
    _pair(("+", "-", "*"), "long", "long", "{left} %s {right}")
    _pair(("+", "-", "*"), "real", "real", "{left} %s {right}")
    _pair(("+", "-"), "timespan", "timespan", "{left} %s {right}")
    # `/` of whole numbers is a real number there; a division by zero stops the statement.
    _pair(("/",), "long", "long", "{left} div nullif({right}, 0)")
    _pair(("/",), "timespan", "long", "{left} div nullif({right}, 0)")
    _pair(("*",), "timespan", "long", "{left} * {right}")
    _pair(("*",), "long", "timespan", "{left} * {right}")
    _pair(("/",), "real", "real", _QUOTIENT.format(left="{left}", right="{right}"))
    _pair(
        ("/",), "timespan", "timespan", _QUOTIENT.format(left="CAST({left} AS DOUBLE)", right="CAST({right} AS DOUBLE)")
    )
    for kind in ("long", "timespan"):
        _pair(("%",), kind, kind, "(({left} % nullif({right}, 0)) + CASE WHEN ({left} % nullif({right}, 0)) < 0"
                                  " THEN abs({right}) ELSE 0 END)")  # fmt: skip
    for row in FUNCTIONS[_OPERATOR, "unary -"]:
        if str(row.params[0].types[0].value) in ("long", "real", "timespan"):
            row.overrides["spark"] = "-{value}"
    _pair(("-",), "datetime", "datetime", "((unix_micros({left}) - unix_micros({right})) * 10)")
    _pair(("+",), "datetime", "timespan", _later)
    _pair(("-",), "datetime", "timespan", lambda moment, span: _later(moment, _negative(span)))
    _pair(("+",), "timespan", "datetime", lambda span, moment: _later(moment, span))
    for row in FUNCTIONS[_OPERATOR, "between"] + FUNCTIONS[_OPERATOR, "!between"]:
        types = tuple(str(p.types[0].value) for p in row.params)
        if types == ("datetime", "datetime", "timespan"):
            row.overrides["spark"] = _within if row.name == "between" else _beyond
        elif types == ("datetime", "datetime", "datetime"):
            row.overrides["spark"] = f"{{value}} {'NOT ' if row.name[0] == '!' else ''}BETWEEN {{low}} AND {{high}}"


#: Infinite where divided by zero, whose sign counts.
_QUOTIENT = (
    "CASE WHEN {right} = 0 THEN CASE WHEN isnan({left}) OR {left} = 0 THEN double('NaN')"
    " WHEN ({left} > 0) = (CAST({right} AS STRING) = '0.0') THEN double('Infinity') ELSE -double('Infinity') END"
    " ELSE {left} / nullif({right}, CAST(0 AS DOUBLE)) END"
)


def _pair(names: Iterable[str], left: str, right: str, sql: Lower) -> None:
    for name in names:
        for row in FUNCTIONS[_OPERATOR, name]:
            types = tuple(str(p.types[0].value) for p in row.params)
            if types == (left, right):
                row.overrides["spark"] = sql % name if isinstance(sql, str) and "%s" in sql else sql
                break
        else:
            raise ValueError(f"no row {left} {name} {right}")


def _micros(ticks: t.SqlExpr) -> t.SqlExpr:
    """Microseconds of ticks, rounded down."""
    if isinstance(ticks, t.Literal) and isinstance(ticks.value, int):
        return t.Literal(ticks.value // 10, "BIGINT")
    return _text("(({x} - pmod({x}, 10)) div 10)", x=ticks)


def _text(template: str, **args: t.SqlExpr) -> t.SqlExpr:
    TEXTS.add(text_of(parse_template(template).pieces))
    return fill(template, **args)


def _negative(ticks: t.SqlExpr) -> t.SqlExpr:
    if isinstance(ticks, t.Literal) and isinstance(ticks.value, int):
        return t.Literal(-ticks.value, ticks.type)
    return t.Op("-", (ticks,))


def _later(moment: t.SqlExpr, span: t.SqlExpr) -> t.SqlExpr:
    return _text("timestamp_micros(unix_micros({moment}) + {span})", moment=moment, span=_micros(span))


def _within(value: t.SqlExpr, low: t.SqlExpr, span: t.SqlExpr) -> t.SqlExpr:
    return t.Op("AND", (t.Op(">=", (value, low)), t.Op("<=", (value, _later(low, span)))))


def _beyond(value: t.SqlExpr, low: t.SqlExpr, span: t.SqlExpr) -> t.SqlExpr:
    return t.Op("OR", (t.Op("<", (value, low)), t.Op(">", (value, _later(low, span)))))


# --- times ---
_TICKS = f"(unix_micros({{x}}) * 10 + {EPOCH_TICKS})"


def _times() -> None:
    ticks = _TICKS.format(x="{value}")
    rounded = f"({ticks} - ({ticks} % nullif({{roundTo}}, 0) + {{roundTo}}) % nullif({{roundTo}}, 0))"
    on(_SCALAR, "bin floor", f"timestamp_micros(({rounded} - {EPOCH_TICKS}) div 10)", "datetime")
    on(
        _SCALAR,
        "bin floor",
        "({value} - ({value} % nullif({roundTo}, 0) + {roundTo}) % nullif({roundTo}, 0))",
        "timespan",
    )
    on(_SCALAR, "bin floor", "(CAST({value} AS BIGINT) - (CAST({value} AS BIGINT) % nullif({roundTo}, 0) + {roundTo})"
                             " % nullif({roundTo}, 0))", "integer")  # fmt: skip
    on(_SCALAR, "startofday", "date_trunc('DAY', {date})", "datetime", 1)
    on(_SCALAR, "startofmonth", "date_trunc('MONTH', {date})", "datetime", 1)
    on(_SCALAR, "startofyear", "date_trunc('YEAR', {date})", "datetime", 1)
    on(
        _SCALAR,
        "endofday",
        f"timestamp_micros(unix_micros(date_trunc('DAY', {{date}})) + {DAY // 10 - 1})",
        "datetime",
        1,
    )
    # Weeks begin on Monday there, on Sunday here.
    week = f"date_trunc('WEEK', timestamp_micros(unix_micros({{date}}) + {DAY // 10}))"
    on(_SCALAR, "startofweek", f"timestamp_micros(unix_micros({week}) - {DAY // 10})", "datetime", 1)
    for name, sql in (("dayofmonth", "day"), ("dayofyear", "dayofyear"), ("hourofday", "hour"), ("monthofyear", "month"),
                      ("getmonth", "month"), ("getyear", "year")):  # fmt: skip
        on(_SCALAR, name, f"CAST({sql}({{date}}) AS BIGINT)", "datetime")
    on(_SCALAR, "dayofweek", f"(CAST(dayofweek({{date}}) - 1 AS BIGINT) * {DAY})", "datetime")


# --- texts ---
#: What RE2 takes for white space.
_SPACE = "[\t\n\f\r ]"


def _texts() -> None:
    for name in ("isempty", "isnotempty", "isnull", "isnotnull", "notempty", "notnull"):
        same(_SCALAR, name)
    # A datetime is made text on the way.
    same(_SCALAR, "strcat")
    on(_SCALAR, "strlen", "CAST(length({string}) AS BIGINT)", "string")
    on(_SCALAR, "string_size", "CAST(octet_length({string}) AS BIGINT)", "string")
    on(_SCALAR, "tolower", lambda value: t.call("lower", value))
    same(_SCALAR, "strcmp")
    # Positions are of 32 bits there.
    start = "CAST(least({start}, 2147483646) + 1 AS INT)"
    back = "CAST(length({string}) + {start} + 1 AS INT)"
    size = "CAST(least(greatest({length}, 0), 2147483647) AS INT)"
    for count, more in ((2, ""), (3, f", {size}")):
        cut = (f"CASE WHEN {{start}} >= 0 THEN substring({{string}}, {start}{more}) WHEN -{{start}} <= length({{string}})"
               f" THEN substring({{string}}, {back}{more}) ELSE '' END")  # fmt: skip
        on(_SCALAR, "substring", cut, count=count)
    on(_SCALAR, "replace_string", "CASE WHEN {lookup} = '' THEN {text} ELSE replace({text}, {lookup}, {rewrite}) END")
    on(_SCALAR, "indexof", "CAST(locate({match}, {string}) - 1 AS BIGINT)", count=2)
    on(_SCALAR, "hash_md5", "CASE WHEN {source} = '' THEN '' ELSE md5({source}) END")
    on(_SCALAR, "hash_sha256", "CASE WHEN {source} = '' THEN '' ELSE sha2({source}, 256) END")
    on(_SCALAR, "extract", _extract, "string", 3)


def _extract(regex: t.SqlExpr, group: t.SqlExpr, source: t.SqlExpr) -> t.SqlExpr:
    from lurcher.functions.regex import re2

    pattern = constant("extract", "regular expression", re2(regex))
    index = constant_integer(group)
    if index is None or index < 0:
        refuse("extract(): its group must be a literal on Spark")
    if index > re.sub(r"\\.", "", pattern).count("("):
        refuse("extract(): a group that the expression has not")
    return t.call("regexp_extract", source, t.Literal(pattern), t.Literal(index))


# --- numbers and choices ---
def _numbers() -> None:
    same(_SCALAR, "not iff iif case isnan", "bool|real")
    same(_SCALAR, "__same", f"{_ORDERED}|string|guid")
    same(_SCALAR, "coalesce")
    on(_SCALAR, "abs", "abs(CAST({number} AS BIGINT))", "integer")
    on(_SCALAR, "abs", "abs({number})", "real|timespan")
    on(_SCALAR, "binary_and", "(CAST({value1} AS BIGINT) & CAST({value2} AS BIGINT))", "integer")
    same(_SCALAR, "gettype")
    on(_SCALAR, "sqrt", "sqrt(CAST({number} AS DOUBLE))")
    on(_SCALAR, "ceiling", "CAST({number} AS DOUBLE)", "integer")


# --- conversions ---
def _conversions() -> None:
    on(_SCALAR, "tostring", "{value}", "string|guid")
    on(_SCALAR, "tostring", "CASE WHEN {value} THEN 'True' WHEN NOT {value} THEN 'False' ELSE '' END", "bool")
    on(_SCALAR, "tostring", "CAST({value} AS STRING)", "int|long")
    text = ("concat(date_format({value}, 'yyyy-MM-dd'), 'T', date_format({value}, 'HH:mm:ss.SSSSSS'),"
            " CASE WHEN pmod(unix_micros({value}), 1000000) = 999999 THEN '9Z' ELSE '0Z' END)")  # fmt: skip
    on(_SCALAR, "tostring", text, "datetime")
    on(_SCALAR, "tostring", _SPAN, "timespan")
    for name, sql in (("tolong", "BIGINT"), ("toint", "INT")):
        on(_SCALAR, name, _whole(sql), "string")
        on(_SCALAR, name, f"CAST({{value}} AS {sql})", "bool|int")
    on(_SCALAR, "tolong", "{value}", "long|timespan")
    on(_SCALAR, "tolong", _TICKS.format(x="{value}"), "datetime")
    on(_SCALAR, "toint", "CAST((({value} & 4294967295) + 2147483648) % 4294967296 - 2147483648 AS INT)", "long")
    on(_SCALAR, "toreal todouble", "CAST({value} AS DOUBLE)", "bool|int|long|timespan")
    on(_SCALAR, "toreal todouble", "{value}", "real")
    on(_SCALAR, "tobool toboolean", "{value} <> 0", "int|long|real")
    on(_SCALAR, "tobool toboolean", "{value}", "bool")
    for name, kind in (
        ("todatetime", "datetime"),
        ("totimespan", "timespan"),
        ("toguid", "guid"),
        ("__box", "dynamic"),
    ):
        on(_SCALAR, name, "{value}", kind)
    on(_SCALAR, "todatetime", _moment, "string")


_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?Z?$", re.ASCII)


def _moment(value: t.SqlExpr) -> t.SqlExpr:
    """Of a text that is known beforehand, and written as ISO 8601 has it; how others are read is written in no engine of SQL."""
    text = constant_text(value)
    if text == "":
        return t.Literal(None, "TIMESTAMP")
    match = _ISO.match(text) if text is not None else None
    if match is None:
        refuse("todatetime() of this text on Spark", "a constant there is written as 2026-01-31T12:00:00Z")
    day, clock, seconds, fraction = match.groups()
    moment = f"{day} {clock or '00:00'}:{seconds or '00'}" + (f".{fraction[:6]}" if fraction else "")
    try:
        datetime.fromisoformat(moment.ljust(26, "0") if fraction else moment)
    except ValueError:
        return t.Literal(None, "TIMESTAMP")
    return t.Literal(moment, "TIMESTAMP")


def _whole(sql: str) -> str:
    return (
        (
            f"CASE WHEN regexp_like({{value}}, '^{_SPACE}*[+-]?[0-9]+{_SPACE}*$')"
            f" THEN TRY_CAST(regexp_replace({{value}}, '{_SPACE}', '') AS {sql})"
            f" WHEN regexp_like({{value}}, '^{_SPACE}*0[xX]0*[0-9a-fA-F]{{{{1,15}}}}{_SPACE}*$')"
            f" THEN TRY_CAST(conv(regexp_extract({{value}}, '[xX]([0-9a-fA-F]+)', 1), 16, 10) AS {sql}) END"
        )
        .replace("{{", "{")
        .replace("}}", "}")
    )


_SPAN = (
    "concat(CASE WHEN {value} < 0 THEN '-' ELSE '' END,"
    f" CASE WHEN abs({{value}} div {DAY}) > 0 THEN concat(CAST(abs({{value}} div {DAY}) AS STRING), '.') ELSE '' END,"
    f" lpad(CAST(abs({{value}} % {DAY}) div 36000000000 AS STRING), 2, '0'), ':',"
    " lpad(CAST(abs({value} % 36000000000) div 600000000 AS STRING), 2, '0'), ':',"
    " lpad(CAST(abs({value} % 600000000) div 10000000 AS STRING), 2, '0'),"
    " CASE WHEN {value} % 10000000 <> 0 THEN concat('.', lpad(CAST(abs({value} % 10000000) AS STRING), 7, '0')) ELSE '' END)"
)


# --- aggregates ---
def _aggregates() -> None:
    same(_AGGREGATE, "count cnt countif")
    on(_AGGREGATE, "dcount count_distinct", "count(DISTINCT {expr})", "scalar|not_dynamic")
    on(
        _AGGREGATE,
        "dcountif count_distinctif",
        "count(DISTINCT {expr}) FILTER (WHERE {predicate})",
        "scalar|not_dynamic",
    )
    for name, only in (("sum", ""), ("sumif", " FILTER (WHERE {predicate})")):
        # In 38 digits: a sum beyond a long fails, where it would wrap around without a word.
        whole = f"CAST(coalesce(sum(CAST({{expr}} AS DECIMAL(38, 0))){only}, 0) AS BIGINT)"
        on(_AGGREGATE, name, whole, "integer|timespan")
        on(_AGGREGATE, name, f"coalesce(sum({{expr}}){only}, CAST(0 AS DOUBLE))", "real")
    for name, only in (("avg", ""), ("avgif", " FILTER (WHERE {predicate})")):
        on(_AGGREGATE, name, f"coalesce(avg(CAST({{expr}} AS DOUBLE)){only}, double('NaN'))", "integer|real")
    same(_AGGREGATE, "min max minif maxif")
    for name, first in (("__arg_max", "max"), ("__arg_min", "min")):
        by = "maximized" if first == "max" else "minimized"
        # Of rows without a value the first. `first` may pass over nulls, and two columns would be of two rows: a struct is none.
        none = "first(named_struct('v', {returned})).v"
        sql = f"CASE WHEN {first}({{{by}}}) IS NULL THEN {none} ELSE {first}_by({{returned}}, {{{by}}}) END"
        on(_AGGREGATE, name, sql)
    made = "string|int|long|bool"
    on(_AGGREGATE, "make_set", "to_json(slice(sort_array(collect_set({expr})), 1, 1048576))", made, 1)
    on(_AGGREGATE, "make_set", "to_json(slice(sort_array(collect_set({expr})), 1, {maxSize}))", made, 2)
    on(_AGGREGATE, "make_list", _list, made, 1)


def _list(expr: t.SqlExpr, order: tuple[t.OrderKey, ...] = ()) -> t.SqlExpr:
    if order:
        _no_order()
    return _text("to_json(slice(collect_list({expr}), 1, 1048576))", expr=expr)


def _no_order() -> NoReturn:
    refuse("make_list() of sorted rows on Spark", "make_set() sorts by itself")
