"""format_datetime and format_timespan: a format that is known before the query runs becomes pieces of SQL.

Source: "format_datetime()", "format_timespan()" (Kusto documentation): their specifiers and delimiters, and no others.
"""

from __future__ import annotations

import re
from itertools import groupby

from lurcher.functions import snippets as s
from lurcher.functions.build import constant, fill, refuse
from lurcher.functions.registry import Naming, scalar
from lurcher.sql import tree as t

_DELIMITERS = frozenset(" /-:,._[]TZ")
_STRFTIME = {
    "d": "%-d",
    "dd": "%d",
    "h": "%-I",
    "hh": "%I",
    "H": "%-H",
    "HH": "%H",
    "m": "%-M",
    "mm": "%M",
    "M": "%-m",
    "MM": "%m",
    "s": "%-S",
    "ss": "%S",
    "yyyy": "%Y",
    "yy": "%y",
    "tt": "%p",
}


def _joined(pieces: list[t.SqlExpr]) -> t.SqlExpr:
    """Null where the time is null (`concat` would leave the delimiters)."""
    if not pieces:
        refuse("an empty format of a time", "leave the format out, or say one: 'yyyy-MM-dd'")
    return pieces[0] if len(pieces) == 1 else t.Op("||", tuple(pieces))


def _format_datetime(date: t.SqlExpr, format: t.SqlExpr) -> t.SqlExpr:
    text = constant("format_datetime", "format", format)
    pieces: list[t.SqlExpr] = []
    for char, run in groupby(text):
        token = char * len(list(run))
        if token == "y":
            pieces.append(fill("CAST(year({date}) % 100 AS VARCHAR)", date=date))
        elif token in _STRFTIME:
            pieces.append(fill(f"strftime({{date}}, '{_STRFTIME[token]}')", date=date))
        elif char in "fF" and len(token) <= 7:
            digits = fill(
                # The last moment of a period is .9999999 (see snippets.datetime_text).
                "CASE WHEN microsecond({date}) % 1000000 = 999999 THEN '9999999' ELSE strftime({date}, '%f0') END"
                if len(token) == 7
                else f"substring(strftime({{date}}, '%f0'), 1, {len(token)})",
                date=date,
            )
            # F leaves zeros at the end out.
            pieces.append(fill("rtrim({x}, '0')", x=digits) if char == "F" else digits)
        elif char in _DELIMITERS:
            pieces.append(t.Literal(token))
        else:
            refuse(
                f"format_datetime(): '{token}' is no format specifier of KQL",
                "y yy yyyy M MM d dd h hh H HH m mm s ss f..fffffff tt and / - : , . _ [ ]",
            )
    return _joined(pieces)


scalar(
    "format_datetime",
    "date: datetime, format: literal string",
    "string",
    "The time in the given format.",
    _format_datetime,
    naming=Naming.FIRST,
    examples=(
        ("format_datetime(datetime(null), 'yyyy-MM-dd')", '""'),
        ("format_datetime(datetime(2017-01-29 09:00:05), 'yy-MM-dd [HH:mm:ss]')", '"17-01-29 [09:00:05]"'),
        ("format_datetime(datetime(2017-01-29 21:00:05), 'yyyy-M-dd [h:mm:ss tt]')", '"2017-1-29 [9:00:05 PM]"'),
        ("format_datetime(datetime(2017-01-29 09:00:05.12), 'ss.fff')", '"05.120"'),
        ("format_datetime(datetime(2009-06-15), 'y/M')", '"9/6"'),
    ),
)

_SPAN = {
    "d": f"abs({{t}} // {s.DAY})",
    "h": "abs({t} % 864000000000) // 36000000000",
    "H": "abs({t} % 864000000000) // 36000000000",
    "m": "abs({t} % 36000000000) // 600000000",
    "s": "abs({t} % 600000000) // 10000000",
}


def _format_timespan(timespan: t.SqlExpr, format: t.SqlExpr) -> t.SqlExpr:
    text = constant("format_timespan", "format", format)
    pieces: list[t.SqlExpr] = []
    for token in (m[0] for m in re.finditer(r"(.)\1*", text, re.DOTALL)):
        char = token[0]
        if char in _SPAN and len(token) <= (8 if char == "d" else 2):
            pieces.append(fill(f"printf('%0{len(token)}d', {_SPAN[char]})", t=timespan))
        elif char in "fF" and len(token) <= 7:
            pieces.append(fill(f"substring(printf('%07d', abs({{t}} % 10000000)), 1, {len(token)})", t=timespan))
            if char == "F":
                pieces[-1] = fill("rtrim({x}, '0')", x=pieces[-1])
        elif char in _DELIMITERS:
            pieces.append(t.Literal(token))
        else:
            refuse(
                f"format_timespan(): '{token}' is no format specifier of KQL",
                "d..dddddddd h hh H HH m mm s ss f..fffffff and / - : , . _ [ ]",
            )
    return _joined(pieces)


scalar(
    "format_timespan",
    "timespan: timespan, format: literal string",
    "string",
    "The span in the given format.",
    _format_timespan,
    naming=Naming.FIRST,
    examples=(
        ("format_timespan(time(29.09:00:05.12345), 'dd.hh:mm:ss:FF')", '"29.09:00:05:12"'),
        ("format_timespan(time(29.09:00:05.12345), 'ddd.h:mm:ss [fffffff]')", '"029.9:00:05 [1234500]"'),
    ),
)
