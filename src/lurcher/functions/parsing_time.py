"""Texts to times: todatetime and totimespan.

Source: "todatetime()", "totimespan()" (Kusto documentation); the formats as measured on Microsoft's emulator. Where a day and
a month could be either, the month comes first. What is no time gives null.
"""

from __future__ import annotations

from lurcher.functions import snippets as s
from lurcher.functions.registry import FunctionKind, Naming, Nulls, alias, scalar

_SPACE = "E' \\t\\r\\n'"
#: ISO 8601 as exports have it. SQL's cast reads it, its offset included, once the T is a space and the slashes are hyphens.
_ISO = (
    r"'[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[T ]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
    r"\s*(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?'"
)
_FORMATS = ", ".join(
    f"'{date}{time}'"
    for date in (
        "%Y/%m/%d",
        "%m/%d/%Y",
        "%m-%d-%Y",
        "%Y%m%d",
        "%d %b %Y",
        "%d %B %Y",
        "%b %d, %Y",
        "%B %d, %Y",
        "%b %d %Y",
        "%B %d %Y",
        "%d-%b-%Y",
        "%a, %d-%b-%Y",
        "%A, %d-%b-%Y",
        "%a, %d %b %Y",
        "%A, %d %B %Y",
        "%A, %B %d, %Y",
        "%m.%d.%Y",
    )
    for time in (
        "",
        " %H:%M",
        " %H:%M:%S",
        " %H:%M:%S.%f",
        " %I:%M %p",
        " %I:%M:%S %p",
        " %I:%M:%S.%f %p",
        "T%H:%M:%S",
        "T%H:%M:%S.%f",
    )
)
#: The offset, Z or zone name at the end is taken off first: these formats have none but UTC's.
_BARE = r"regexp_replace(regexp_replace({value}, '\s*(?:Z|GMT|UTC)\s*$', ''), '(\.[0-9]{6})[0-9]+', '\1')"
_BEFORE_YEAR = (
    r"'^((?:[A-Za-z]+, *)?"
    r"(?:[0-9]{1,2}[ -][A-Za-z]{3,9}[ -]|[A-Za-z]{3,9} [0-9]{1,2},? |[0-9]{1,2}[/.-][0-9]{1,2}[/.-]))"
)
#: A year of two digits, after a day and a month: 2049 is the last that it can mean, as in literals.
_WHOLE_YEAR = (
    rf"regexp_replace(regexp_replace(trim({_BARE}, {_SPACE}), {_BEFORE_YEAR}([0-4][0-9])($|[ T])', '\120\2\3'),"
    rf" {_BEFORE_YEAR}([5-9][0-9])($|[ T])', '\119\2\3')"
)
#: A cast to TIMESTAMP drops an offset without a word; only one to TIMESTAMPTZ reckons with it.
_TEXT = (
    f"CASE WHEN regexp_full_match(trim({{value}}, {_SPACE}), {_ISO}) THEN"
    r" (CASE WHEN regexp_matches(trim({value}, E' \t\r\n'), '[0-9:. ][+-][0-9]{2}:?[0-9]{2}$') AND contains({value}, ':')"
    r" THEN timezone('UTC', TRY_CAST(regexp_replace(regexp_replace(trim({value}, E' \t\r\n'), '\s+', ' ', 'g'),"
    r" '([+-][0-9]{2})([0-9]{2})$', '\1:\2') AS TIMESTAMPTZ))"
    r" ELSE TRY_CAST(regexp_replace(regexp_replace(trim({value}, E' \t\r\n'), '\s*(?:Z|UTC|GMT)$', ''),"
    r" '\s+', ' ', 'g') AS TIMESTAMP) END)"
    f" ELSE try_strptime({_WHOLE_YEAR}, [{_FORMATS}]) END"
)
_DOC = "The time that the value says; null where it says none."
_MORE = {"naming": Naming.FIRST, "nulls": Nulls.MAYBE}

scalar(
    "todatetime",
    "value: string",
    "datetime",
    _DOC,
    _TEXT,
    examples=(
        ('todatetime("2015-12-31 23:59:59.9")', "datetime(2015-12-31 23:59:59.9)"),
        ('todatetime("2022-12-02T13:45:56+02:00")', "datetime(2022-12-02 11:45:56)"),
        ('todatetime("2024-01-01 10:00:00 UTC")', "datetime(2024-01-01 10:00)"),
        ('todatetime("1/2/2024 1:45:10 PM")', "datetime(2024-01-02 13:45:10)"),
        ('todatetime("2/3/2022")', "datetime(2022-02-03)"),
        ('todatetime("Fri, 02 Dec 2022 13:45:56 GMT")', "datetime(2022-12-02 13:45:56)"),
        ('todatetime("Sat, 8 Nov 14 15:05:02 GMT")', "datetime(2014-11-08 15:05:02)"),
        ('todatetime("Saturday, 08-Nov-14 15:05")', "datetime(2014-11-08 15:05)"),
        ('todatetime("11/8/96 3:05 PM")', "datetime(1996-11-08 15:05)"),
        ('todatetime("14/11/08")', "datetime(null)"),
        ('todatetime("garbage")', "datetime(null)"),
    ),
    **_MORE,
)
scalar(
    "todatetime",
    "value: datetime",
    "datetime",
    _DOC,
    "{value}",
    example=("todatetime(datetime(2020-01-01))", "datetime(2020-01-01)"),
    **_MORE,
)
scalar(
    "todatetime",
    "value: long",
    "datetime",
    "The time of so many ticks of 100 ns since 0001-01-01.",
    f"TRY({s.from_ticks('{value}')})",
    example=("todatetime(637134336000000000)", "datetime(2020-01-01)"),
    **_MORE,
)
scalar(
    "todatetime",
    "value: dynamic",
    "datetime",
    _DOC,
    "CASE WHEN json_type({value}) = 'VARCHAR' THEN " + _TEXT.replace("{value}", s.text_of("{value}")) + " END",
    example=('todatetime(dynamic("2022-12-02"))', "datetime(2022-12-02)"),
    **_MORE,
)

_SPAN = r"'(-?)(?:([0-9]{1,8})\.)?([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]+))?)?'"
#: Hours beyond 23 and minutes beyond 59 are no time. An eighth digit of the fraction is dropped.


def _span(value: str) -> str:
    part = [f"regexp_extract(trim({value}, {_SPACE}), {_SPAN}, {i})" for i in range(7)]
    number = [f"coalesce(TRY_CAST({p} AS BIGINT), 0)" for p in part]
    return (
        f"CASE WHEN regexp_full_match(trim({value}, {_SPACE}), {_SPAN})"
        f" AND {number[3]} < 24 AND {number[4]} < 60 AND {number[5]} < 60"
        f" THEN (CASE WHEN {part[1]} = '-' THEN -1 ELSE 1 END) * ({number[2]} * {s.DAY} + {number[3]} * 36000000000"
        f" + {number[4]} * 600000000 + {number[5]} * 10000000 + CAST(rpad(substring({part[6]}, 1, 7), 7, '0') AS BIGINT)) END"
    )


_DOC = "The span that the value says (`[-][d.]hh:mm[:ss[.fffffff]]`); null where it says none."
_INT = "The span of so many ticks of 100 ns."
scalar(
    "totimespan",
    "value: string",
    "timespan",
    _DOC,
    _span("{value}"),
    examples=(
        ('totimespan("1.02:03:04")', "1d + 2h + 3m + 4s"),
        ('totimespan("0.00:03:00")', "3m"),
        ('totimespan("10")', "timespan(null)"),
        ('totimespan("00:00:00.00000009")', "0s"),
    ),
    **_MORE,
)
scalar("totimespan", "value: timespan", "timespan", _DOC, "{value}", example=("totimespan(1h)", "1h"), **_MORE)
scalar(
    "totimespan",
    "value: bool|int|long",
    "timespan",
    _INT,
    "CAST({value} AS BIGINT)",
    example=("totimespan(1230)", "1230tick"),
    **_MORE,
)
scalar(
    "totimespan",
    "value: real",
    "timespan",
    _INT,
    "TRY_CAST(trunc({value}) AS BIGINT)",
    example=("totimespan(36000000000.0)", "1h"),
    **_MORE,
)
scalar(
    "totimespan",
    "value: datetime",
    "timespan",
    "The time since 0001-01-01.",
    s.ticks("{value}"),
    example=("totimespan(datetime(0001-01-02))", "1d"),
    **_MORE,
)
scalar(
    "totimespan",
    "value: dynamic",
    "timespan",
    _DOC,
    "CASE json_type({value}) WHEN 'VARCHAR' THEN "
    + _span(s.text_of("{value}"))
    + " WHEN 'BIGINT' THEN TRY_CAST({value} AS BIGINT) WHEN 'UBIGINT' THEN TRY_CAST({value} AS BIGINT)"
    " WHEN 'DOUBLE' THEN TRY_CAST(trunc(CAST({value} AS DOUBLE)) AS BIGINT) END",
    example=('totimespan(dynamic("1.00:00:00"))', "1d"),
    **_MORE,
)
alias(FunctionKind.SCALAR, "totime", "totimespan", obsolete=True)
scalar(
    "make_datetime",
    "value: string",
    "datetime",
    "The time that the text says; null where it says none.",
    _TEXT,
    nulls=Nulls.MAYBE,
    example=('make_datetime("2022-12-02")', "datetime(2022-12-02)"),
)
scalar(
    "make_timespan",
    "value: string",
    "timespan",
    _DOC,
    _span("{value}"),
    nulls=Nulls.MAYBE,
    example=('make_timespan("1:30")', "1h + 30m"),
)
