"""Pieces of SQL that several families of rows share. Holes are the templates' own: `{name}`.

Ticks are 100 ns. A datetime is a TIMESTAMP of microseconds in UTC, a timespan a BIGINT of ticks, a dynamic JSON text.
"""

from __future__ import annotations

#: Ticks from 0001-01-01 to 1970-01-01, and ticks of a day.
EPOCH_TICKS = 621_355_968_000_000_000
DAY = 864_000_000_000


def ticks(datetime: str) -> str:
    """Ticks since 0001-01-01 of a TIMESTAMP."""
    return f"(epoch_us({datetime}) * 10 + {EPOCH_TICKS})"


def from_ticks(expression: str) -> str:
    """The TIMESTAMP of ticks since 0001-01-01; what is finer than a microsecond is cut off."""
    return f"make_timestamp((({expression}) - {EPOCH_TICKS}) // 10)"


def datetime_text(datetime: str) -> str:
    """`2020-01-01T00:00:00.0000000Z`: seven digits, the last of which a TIMESTAMP does not hold. As rows are shown (see
    `lurcher.engines.values`), so is text: what ends in .999999 is taken for the last moment of something."""
    last = f"CASE WHEN microsecond({datetime}) % 1000000 = 999999 THEN '9Z' ELSE '0Z' END"
    return f"(strftime({datetime}, '%Y-%m-%dT%H:%M:%S.%f') || {last})"


def timespan_text(span: str) -> str:
    """`[-][d.]hh:mm:ss[.fffffff]`. Written so that the least long does not overflow."""
    return (
        f"((CASE WHEN {span} < 0 THEN '-' ELSE '' END)"
        f" || (CASE WHEN abs({span} // {DAY}) > 0 THEN abs({span} // {DAY}) || '.' ELSE '' END)"
        f" || printf('%02d:%02d:%02d', abs({span} % {DAY}) // 36000000000,"
        f" abs({span} % 36000000000) // 600000000, abs({span} % 600000000) // 10000000)"
        f" || (CASE WHEN {span} % 10000000 <> 0 THEN printf('.%07d', abs({span} % 10000000)) ELSE '' END))"
    )


#: Elements of a dynamic array, as a list; of anything else an empty list, of null null.
def elements(value: str) -> str:
    # The cast is for a literal null, of which the engine makes no list.
    return f"CAST(json_extract({value}, '$[*]') AS JSON[])"


#: A list of JSON values as a dynamic array.
def array(values: str) -> str:
    return f"to_json({values})"


#: A JSON null inside an array comes out of json_extract as the text `null`, elsewhere in SQL as NULL.
def is_array(value: str) -> str:
    return f"json_type({value}) = 'ARRAY'"


def text_of(value: str) -> str:
    """The text of a JSON value, as tostring() has it."""
    return f"coalesce(json_extract_string({value}, '$'), '')"
