"""Dates and times: starts and ends of periods, parts, differences, construction, time zones.

Source: "DateTime/timespan functions" (Kusto documentation). Weeks start on Sunday here, on Monday in SQL.
"""

from __future__ import annotations

from lurcher.functions import snippets as s
from lurcher.functions.build import constant, fill, refuse
from lurcher.functions.registry import FunctionKind, Naming, Nulls, alias, scalar
from lurcher.sql import tree as t

_ALIAS = FunctionKind.SCALAR

# --- this moment: the binder puts the run's time in ---
scalar(
    "now",
    "offset?: timespan",
    "datetime",
    "The time at which the run started, plus the offset.",
    None,
    nulls=Nulls.NEVER,
)
scalar("ago", "timespan: timespan", "datetime", "The time at which the run started, less the span.", None)

# --- starts and ends of periods ---
# A week is truncated a day later and moved back: SQL's begins on Monday.
_STARTS = {
    "day": ("date_trunc('day', {date})", "to_days({n})"),
    "week": ("date_trunc('week', {date} + INTERVAL 1 DAY) - INTERVAL 1 DAY", "to_days({n} * 7)"),
    "month": ("date_trunc('month', {date})", "to_months({n})"),
    "year": ("date_trunc('year', {date})", "to_months({n} * 12)"),
}
_EXAMPLE = {
    "day": ("datetime(2017-01-02)", "datetime(2017-01-01 23:59:59.999999)"),
    "week": ("datetime(2017-01-08)", "datetime(2017-01-07 23:59:59.999999)"),
    "month": ("datetime(2017-02-01)", "datetime(2017-01-31 23:59:59.999999)"),
    "year": ("datetime(2018-01-01)", "datetime(2017-12-31 23:59:59.999999)"),
}
for _unit, (_start, _step) in _STARTS.items():
    _naming = Naming.FIRST if _unit == "day" else Naming.NONE
    _doc = f"The start of the {_unit} that the time is in."
    scalar(f"startof{_unit}", "date: datetime", "datetime", _doc, _start, naming=_naming)
    scalar(
        f"startof{_unit}",
        "date: datetime, offset: long",
        "datetime",
        f"The start of the {_unit} that lies `offset` {_unit}s after the time's.",
        f"({_start}) + {_step.replace('{n}', 'CAST({offset} AS INTEGER)')}",
        naming=_naming,
        example=(f"startof{_unit}(datetime(2017-01-01 10:10:17), 1)", _EXAMPLE[_unit][0]),
    )
    # The service's last tick is .9999999; a TIMESTAMP holds microseconds.
    _doc = f"The last moment of the {_unit} that the time is in."
    _next = _step.replace("{n}", "CAST(({offset} + 1) AS INTEGER)")
    scalar(
        f"endof{_unit}",
        "date: datetime",
        "datetime",
        _doc,
        f"({_start}) + {_step.replace('{n}', '1')} - INTERVAL 1 MICROSECOND",
        example=(f"endof{_unit}(datetime(2017-01-01 10:10:17))", _EXAMPLE[_unit][1]),
    )
    scalar(
        f"endof{_unit}",
        "date: datetime, offset: long",
        "datetime",
        f"The last moment of the {_unit} that lies `offset` {_unit}s after the time's.",
        f"({_start}) + {_next} - INTERVAL 1 MICROSECOND",
    )

# --- parts ---
_PARTS = {
    "year": "year({date})",
    "quarter": "quarter({date})",
    "month": "month({date})",
    "week_of_year": "week({date})",
    "day": "day({date})",
    "dayofyear": "dayofyear({date})",
    "hour": "hour({date})",
    "minute": "minute({date})",
    "second": "second({date})",
    "millisecond": "(epoch_ms({date}) % 1000 + 1000) % 1000",
    "microsecond": "(epoch_us({date}) % 1000000 + 1000000) % 1000000",
}


def _unknown_part(function: str, part: str, known: dict[str, str]) -> str:
    if part == "nanosecond":
        refuse(
            f"{function}(): times are kept in microseconds here, nanoseconds would be made up", "ask for microseconds"
        )
    refuse(f"{function}(): there is no part '{part}'", f"it is one of {', '.join(known)}")


def _part(part: t.SqlExpr, date: t.SqlExpr) -> t.SqlExpr:
    name = constant("datetime_part", "part", part).lower().replace("weekofyear", "week_of_year")
    sql = _PARTS.get(name) or _unknown_part("datetime_part", name, _PARTS)
    return t.Cast(fill(sql, date=date), "BIGINT")


# Microsoft's signatures say int of these parts; what the service gives are longs.
scalar(
    "datetime_part",
    "part: literal string, date: datetime",
    "long",
    "A part of a time, named by the first argument.",
    _part,
    examples=(
        ('datetime_part("quarter", datetime(2017-10-30))', "4"),
        ('datetime_part("week_of_year", datetime(2024-03-05))', "10"),
        ('datetime_part("millisecond", datetime(2017-10-30 01:02:03.765))', "765"),
    ),
)
alias(_ALIAS, "datepart", "datetime_part", obsolete=True)
for _name, _sql, _doc, _example in (
    ("dayofmonth", "day", "The day of the month, from 1.", 14),
    ("dayofyear", "dayofyear", "The day of the year, from 1.", 348),
    ("hourofday", "hour", "The hour of the day, from 0.", 18),
    (
        "week_of_year",
        "week",
        "The week of the year (ISO 8601: weeks start on Monday, the first has the year's first Thursday).",
        51,
    ),
    ("monthofyear", "month", "The month of the year, from 1.", 12),
    ("getmonth", "month", "The month of the year, from 1.", 12),
    ("getyear", "year", "The year.", 2015),
):
    scalar(
        _name,
        "date: datetime",
        "long",
        _doc,
        f"CAST({_sql}({{date}}) AS BIGINT)",
        example=(f"{_name}(datetime(2015-12-14 18:54))", str(_example)),
    )
alias(_ALIAS, "weekofyear", "week_of_year", obsolete=True)
scalar(
    "dayofweek",
    "date: datetime",
    "timespan",
    "The days since the last Sunday, as a timespan.",
    f"CAST(dayofweek({{date}}) AS BIGINT) * {s.DAY}",
    examples=(("dayofweek(datetime(1947-11-30 10:00:05))", "0s"), ("dayofweek(datetime(1970-05-11))", "1d")),
)

# --- arithmetic ---
_DIFFS = {
    **{
        u: f"date_diff('{u}', {{earlier}}, {{later}})"
        for u in ("year", "quarter", "month", "day", "hour", "minute", "second")
    },
    # SQL counts whole weeks from Mondays; here the Sundays between count.
    "week": "date_diff('day', date_trunc('week', {earlier} + INTERVAL 1 DAY), date_trunc('week', {later} + INTERVAL 1 DAY)) // 7",
    "millisecond": "date_diff('millisecond', {earlier}, {later})",
    "microsecond": "date_diff('microsecond', {earlier}, {later})",
}


def _diff(part: t.SqlExpr, later: t.SqlExpr, earlier: t.SqlExpr) -> t.SqlExpr:
    name = constant("datetime_diff", "part", part).lower()
    return fill(_DIFFS.get(name) or _unknown_part("datetime_diff", name, _DIFFS), later=later, earlier=earlier)


scalar(
    "datetime_diff",
    "part: literal string, datetime1: datetime, datetime2: datetime",
    "long",
    "How many boundaries of the part lie between the second time and the first; a real for weeks.",
    _diff,
    examples=(
        ("datetime_diff('quarter', datetime(2017-07-01), datetime(2017-03-30))", "2"),
        ("datetime_diff('day', datetime(2017-10-29 00:00), datetime(2017-09-30 23:59))", "29"),
        ("datetime_diff('week', datetime(2017-10-29 00:00), datetime(2017-09-30 23:59))", "5.0"),
    ),
)

_ADDS = {
    "year": "to_months(CAST({n} * 12 AS INTEGER))",
    "quarter": "to_months(CAST({n} * 3 AS INTEGER))",
    "month": "to_months(CAST({n} AS INTEGER))",
    "week": "to_days(CAST({n} * 7 AS INTEGER))",
    "day": "to_days(CAST({n} AS INTEGER))",
    "hour": "to_hours({n})",
    "minute": "to_minutes({n})",
    "second": "to_seconds({n})",
    "millisecond": "to_microseconds({n} * 1000)",
    "microsecond": "to_microseconds({n})",
    "nanosecond": "to_microseconds({n} // 1000)",
}


def _add(part: t.SqlExpr, value: t.SqlExpr, date: t.SqlExpr) -> t.SqlExpr:
    name = constant("datetime_add", "part", part).lower()
    step = _ADDS.get(name) or _unknown_part("datetime_add", name, _ADDS)
    return fill(f"{{date}} + {step}", date=date, n=t.Cast(value, "BIGINT"))


scalar(
    "datetime_add",
    "part: literal string, value: integer, datetime: datetime",
    "datetime",
    "The time with so many of the part added; months end where they must.",
    _add,
    nulls=Nulls.MAYBE,
    examples=(
        ("datetime_add('month', -15, datetime(2017-01-01))", "datetime(2015-10-01)"),
        ("datetime_add('week', 100, datetime(2017-01-01))", "datetime(2018-12-02)"),
    ),
)

# --- construction ---
#: What no clock and no calendar of the years 1 to 9999 shows makes no time; what is finer than a microsecond is cut off.
_MAKE = (
    "CASE WHEN {year} BETWEEN 1 AND 9999 AND %(hour)s BETWEEN 0 AND 23 AND %(minute)s BETWEEN 0 AND 59"
    " AND %(second)s >= 0 AND %(second)s < 60 THEN TRY(make_timestamp(CAST({year} AS BIGINT), TRY_CAST({month} AS BIGINT),"
    " TRY_CAST({day} AS BIGINT), %(hour)s, %(minute)s, 0)"
    " + to_microseconds(CAST(floor(round(%(second)s * 10000000) / 10) AS BIGINT)))"
    " END"
)
_DOC = "The time with these parts; null where there is none."
_YMD = "year: number, month: number, day: number"
# What is no whole number of 64 bits is no hour either.
_HOUR, _MINUTE, _SECOND = "TRY_CAST({hour} AS BIGINT)", "TRY_CAST({minute} AS BIGINT)", "CAST({second} AS DOUBLE)"
scalar(
    "make_datetime",
    _YMD,
    "datetime",
    _DOC,
    _MAKE % {"hour": "0", "minute": "0", "second": "0"},
    nulls=Nulls.MAYBE,
    examples=(
        ("make_datetime(2017, 10, 1)", "datetime(2017-10-01)"),
        ("make_datetime(2017, 13, 1)", "datetime(null)"),
        ("make_datetime(10000, 1, 1)", "datetime(null)"),
    ),
)
scalar(
    "make_datetime",
    f"{_YMD}, hour: number",
    "datetime",
    _DOC,
    _MAKE % {"hour": _HOUR, "minute": "0", "second": "0"},
    nulls=Nulls.MAYBE,
)
scalar(
    "make_datetime",
    f"{_YMD}, hour: number, minute: number",
    "datetime",
    _DOC,
    _MAKE % {"hour": _HOUR, "minute": _MINUTE, "second": "0"},
    nulls=Nulls.MAYBE,
    examples=(
        ("make_datetime(2017, 10, 1, 12, 10)", "datetime(2017-10-01 12:10)"),
        ("make_datetime(2017, 10, 1, 24, 0)", "datetime(null)"),
    ),
)
scalar(
    "make_datetime",
    f"{_YMD}, hour: number, minute: number, second: number",
    "datetime",
    _DOC,
    _MAKE % {"hour": _HOUR, "minute": _MINUTE, "second": _SECOND},
    nulls=Nulls.MAYBE,
    examples=(
        ("make_datetime(2017, 10, 1, 12, 10, 30)", "datetime(2017-10-01 12:10:30)"),
        ("make_datetime(2017, 10, 1, 12, 10, 59.9999999)", "datetime(2017-10-01 12:10:59.9999999)"),
        ("make_datetime(2017, 10, 1, 12, 10, 60)", "datetime(null)"),
    ),
)
_SECONDS = "CAST(round(CAST({seconds} AS DOUBLE) * 10000000) AS BIGINT)"
_HM = "{hours} BETWEEN 0 AND 23 AND {minutes} BETWEEN 0 AND 59"
_HMS = f"{_HM} AND {{seconds}} >= 0 AND {{seconds}} < 60"
_DOC = "A span of these parts; null where one is more than a clock shows."
scalar(
    "make_timespan",
    "hours: integer, minutes: integer",
    "timespan",
    _DOC,
    f"CASE WHEN {_HM} THEN CAST({{hours}} AS BIGINT) * 36000000000 + {{minutes}} * 600000000 END",
    nulls=Nulls.MAYBE,
    examples=(("make_timespan(12, 30)", "12h + 30m"), ("make_timespan(12, 60)", "timespan(null)")),
)
scalar(
    "make_timespan",
    "hours: integer, minutes: integer, seconds: number",
    "timespan",
    _DOC,
    f"CASE WHEN {_HMS} THEN CAST({{hours}} AS BIGINT) * 36000000000 + {{minutes}} * 600000000 + {_SECONDS} END",
    nulls=Nulls.MAYBE,
    example=("make_timespan(12, 30, 55)", "12h + 30m + 55s"),
)
scalar(
    "make_timespan",
    "days: integer, hours: integer, minutes: integer, seconds: number",
    "timespan",
    _DOC,
    # As many days as a long of ticks holds, less the day that the rest may fill.
    f"CASE WHEN {_HMS} AND {{days}} BETWEEN -10675198 AND 10675198 THEN CAST({{days}} AS BIGINT) * {s.DAY}"
    f" + CAST({{hours}} AS BIGINT) * 36000000000 + {{minutes}} * 600000000 + {_SECONDS} END",
    nulls=Nulls.MAYBE,
    examples=(
        ("make_timespan(1, 12, 30, 55.123)", "1d + 12h + 30m + 55123ms"),
        ("make_timespan(1, 24, 0, 0)", "timespan(null)"),
    ),
)
#: Microseconds from 1970 to the first and the last of a datetime.
_FIRST, _LAST = -62135596800000000, 253402300799999999
for _unit, _factor in (("seconds", 1e6), ("milliseconds", 1e3), ("microseconds", 1), ("nanoseconds", 1e-3)):
    _us = f"CAST({{number}} AS BIGINT) * {int(_factor)}" if _factor >= 1 else "CAST({number} AS BIGINT) // 1000"
    _doc = f"The time so many {_unit} after 1970-01-01."
    scalar(
        f"unixtime_{_unit}_todatetime",
        "number: integer",
        "datetime",
        _doc,
        # Every long is nanoseconds of a time between 1677 and 2262.
        f"make_timestamp({_us})"
        if _factor < 1
        else f"CASE WHEN {{number}} BETWEEN {_FIRST // int(_factor)} AND {_LAST // int(_factor)} THEN make_timestamp({_us}) END",
        nulls=Nulls.MAYBE,
        examples=(
            (
                f"unixtime_{_unit}_todatetime({1546300800 * 1_000_000 if _factor == 1 else int(1546300800e6 / _factor)})",
                "datetime(2019-01-01)",
            ),
            *(((f"unixtime_{_unit}_todatetime(9223372036854775807)", "datetime(null)"),) if _factor >= 1 else ()),
        ),
    )
    scalar(
        f"unixtime_{_unit}_todatetime",
        "number: real|decimal",
        "datetime",
        _doc,
        f"CASE WHEN {{number}} * {_factor:g} >= {_FIRST} AND {{number}} * {_factor:g} < {_LAST} + 1"
        f" THEN make_timestamp(CAST(trunc({{number}} * {_factor:g}) AS BIGINT)) END",
        nulls=Nulls.MAYBE,
    )

# --- time zones (IANA names) ---
scalar(
    "datetime_local_to_utc",
    "from: datetime, timezone: string",
    "datetime",
    "A time of that zone, in UTC; one that its clocks skip is taken by the offset after the skip.",
    # The engine takes a skipped time by the offset before: the zone's clock then shows a later time, by as much too late.
    "TRY(timezone('UTC', timezone({timezone}, {from})) - (timezone({timezone}, timezone({timezone}, {from})) - {from}))",
    nulls=Nulls.MAYBE,
    examples=(
        ("datetime_local_to_utc(datetime(2022-01-01 12:00), 'Europe/Oslo')", "datetime(2022-01-01 11:00)"),
        ("datetime_local_to_utc(datetime(2022-03-27 02:00), 'Europe/Brussels')", "datetime(2022-03-27)"),
        ("datetime_local_to_utc(datetime(2022-03-27 03:00), 'Europe/Brussels')", "datetime(2022-03-27 01:00)"),
    ),
)
scalar(
    "datetime_utc_to_local",
    "from: datetime, timezone: string",
    "datetime",
    "A time in UTC, in that zone.",
    "TRY(timezone({timezone}, timezone('UTC', {from})))",
    nulls=Nulls.MAYBE,
    example=("datetime_utc_to_local(datetime(2022-01-01 12:00), 'Europe/Oslo')", "datetime(2022-01-01 13:00)"),
)
