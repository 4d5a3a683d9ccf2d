"""Texts of dates and spans -> 100 ns ticks, as literals and conversions read them.

Source: "The datetime data type", "The timespan data type" (Kusto documentation); forms beyond those are refused (None), not
guessed at.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
MAX_TICKS = 2**63 - 1
#: 9999-12-31T23:59:59.9999999
MAX_DATETIME = 3_155_378_975_999_999_999

#: Unit of a timespan literal -> its ticks.
UNITS: dict[str, Decimal] = {
    **dict.fromkeys(("d", "day", "days"), Decimal(TICKS_PER_DAY)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), Decimal(3600 * TICKS_PER_SECOND)),
    **dict.fromkeys(("m", "min", "minute", "minutes"), Decimal(60 * TICKS_PER_SECOND)),
    **dict.fromkeys(("s", "sec", "second", "seconds"), Decimal(TICKS_PER_SECOND)),
    **dict.fromkeys(("ms", "milli", "millis", "millisecond", "milliseconds"), Decimal(10_000)),
    **dict.fromkeys(("micro", "micros", "microsecond", "microseconds"), Decimal(10)),
    **dict.fromkeys(("nano", "nanos", "nanosecond", "nanoseconds"), Decimal("0.01")),
    **dict.fromkeys(("tick", "ticks"), Decimal(1)),
}

_WITH_UNIT = re.compile(r"([+-]?)\s*([0-9]+(?:\.[0-9]*)?)\s*([a-z]+)\Z")
_CLOCK = re.compile(r"(-?)(?:([0-9]{1,8})\.)?([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{1,7}))?)?\Z")

_ISO = re.compile(
    r"([0-9]{4})-([0-9]{1,2})(?:-([0-9]{1,2}))?"
    r"(?:(?:[Tt]|\s+)([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?\s*(Z|z|[+-][0-9]{2}:?[0-9]{2}|UTC|GMT)?\Z"
)
#: A date with other separators than hyphens, and with spaces around them.
_SPACED = re.compile(r"([0-9]{4})\s*([-/,])\s*([0-9]{1,2})\s*\2\s*([0-9]{1,2})(?![0-9])")
_AMERICAN = re.compile(
    r"([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})(?:\s+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,7}))?)?\s*([AaPp][Mm])?)?\Z"
)
_MAIL = re.compile(
    r"(?:[A-Za-z]{3,9}, )?([0-9]{1,2})([ -])([A-Za-z]{3})\2([0-9]{4}|[0-9]{2})"
    r"(?: ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?(?: (GMT|UTC|Z))?)?\Z"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH = datetime.datetime(1, 1, 1)


def parse_timespan(text: str) -> int | None:
    """`1.5h`, `1.02:03:04.5`, a bare number of days -> ticks; None where it is none of these or does not fit."""
    text = text.strip()
    if match := _WITH_UNIT.match(text):
        unit = UNITS.get(match[3])
        if unit is None:
            return None
        return _fitting(int(Decimal(match[1] + match[2]) * unit))
    if match := _CLOCK.match(text):
        sign, days, hours, minutes, seconds, fraction = match.groups()
        if int(hours) > 23 or int(minutes) > 59 or int(seconds or 0) > 59:
            return None
        total = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds or 0)
        ticks = total * TICKS_PER_SECOND + int((fraction or "").ljust(7, "0"))
        return _fitting(-ticks if sign else ticks)
    if re.match(r"[+-]?[0-9]{1,9}\Z", text):
        return _fitting(int(text) * TICKS_PER_DAY)
    return None


def parse_datetime(text: str) -> int | None:
    """ISO 8601, `month/day/year`, RFC 822 and 850, a bare year -> ticks since 0001-01-01 UTC; None where it is none of these."""
    text = text.strip()
    if match := _SPACED.match(text):
        text = f"{match[1]}-{match[3]}-{match[4]}{text[match.end() :]}"
    if match := _ISO.match(text):
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        ticks = _ticks(int(year), int(month), int(day or 1), hour, minute, second, fraction)
        return None if ticks is None else _in_range(ticks - _offset(zone))
    if match := _AMERICAN.match(text):
        month, day, year, hour, minute, second, fraction, half = match.groups()
        if half:
            if not 1 <= int(hour) <= 12:
                return None
            hour = str(int(hour) % 12 + (12 if half in ("PM", "pm", "Pm", "pM") else 0))
        return _ticks(int(year), int(month), int(day), hour, minute, second, fraction)
    if match := _MAIL.match(text):
        day, _, name, year, hour, minute, second, _ = match.groups()
        if name.lower() not in _MONTHS:
            return None
        # The service's century for two digits is that of .NET: 2049 is the last year of the window.
        full = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 50 else 1900)
        return _ticks(full, _MONTHS.index(name.lower()) + 1, int(day), hour, minute, second, None)
    if re.match(r"[0-9]{4}\Z", text):
        return _ticks(int(text), 1, 1, None, None, None, None)
    return None


def _ticks(
    year: int, month: int, day: int, hour: str | None, minute: str | None, second: str | None, fraction: str | None
) -> int | None:
    try:
        moment = datetime.datetime(year, month, day, int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    delta = moment - _EPOCH
    # Digits past the tick are cut, as ticks are all that there is.
    return (delta.days * 86_400 + delta.seconds) * TICKS_PER_SECOND + int((fraction or "")[:7].ljust(7, "0"))


def _offset(zone: str | None) -> int:
    if not zone or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return (-minutes if zone[0] == "-" else minutes) * 60 * TICKS_PER_SECOND


def _in_range(ticks: int) -> int | None:
    return ticks if 0 <= ticks <= MAX_DATETIME else None


def _fitting(ticks: int) -> int | None:
    return ticks if -MAX_TICKS - 1 <= ticks <= MAX_TICKS else None


def datetime_text(ticks: int) -> str:
    """Ticks since 0001-01-01 -> `2020-01-01T00:00:00.0000000Z`."""
    moment = _EPOCH + datetime.timedelta(seconds=ticks // TICKS_PER_SECOND)
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f".{ticks % TICKS_PER_SECOND:07d}Z"


def timespan_text(ticks: int) -> str:
    """Ticks -> `1.02:03:04.5000000`, without days or fraction where they are nought."""
    sign, ticks = ("-", -ticks) if ticks < 0 else ("", ticks)
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    days, seconds = divmod(seconds, 86_400)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{sign}{f'{days}.' if days else ''}{text}{f'.{fraction:07d}' if fraction else ''}"
