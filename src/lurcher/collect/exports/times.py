"""Times as the services and their portals write them -> microseconds since 1970, UTC.

Fractions of a second have up to seven digits (100 ns); microseconds are kept and the rest is cut off, never rounded: a
rounded time could pass over into the next second. A time without a zone is UTC, as in KQL.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.collect.exports.context import ReadContext

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(?:([Zz]|UTC)|([+-])(\d\d):?(\d\d))?"
)
_CLOCK = r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?: ?([AaPp])\.? ?[Mm]\.?)?"
_SLASH = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})(?:,? +" + _CLOCK + ")?")
_DOTS = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,? +" + _CLOCK + ")?")
_YEAR_FIRST = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2}),? +" + _CLOCK)
_NAMED = re.compile(r"([A-Z][a-z]{2})[a-z]* (\d{1,2}),? (\d{4}),? (?:at )?" + _CLOCK)
_MONTHS = {"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * i : 3 * i + 3]: i + 1 for i in range(12)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def iso_array(texts: pa.Array) -> pa.Array:
    """Times in ISO form, all at once. Raises `pyarrow.ArrowInvalid` where any is of another form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    services = pc.match_substring_regex(texts, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,7}Z$")
    if pc.all(services).as_py():  # as the services write it
        naive = pc.utf8_slice_codeunits(texts, 0, 26).cast(pa.timestamp("us"))
        return naive.cast(pa.int64()).cast(pa.timestamp("us", "UTC"))
    cut = pc.replace_substring_regex(texts, r"(\.\d{6})\d{1,3}", r"\1")
    try:
        return cut.cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        # All of them without a zone: what is left over here is mixed, and read one by one.
        return cut.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.timestamp("us", "UTC"))


def parse(text: str, context: ReadContext) -> int:
    """One time in any form that is taken. Raises `ValueError` with the reason."""
    text = text.strip().replace("\u202f", " ").replace("\xa0", " ")  # ICU puts such spaces before AM and PM
    if match := _ISO.fullmatch(text):
        y, mo, d, h, mi, s, fraction, _, sign, zh, zm = match.groups()
        offset = timedelta(hours=int(zh), minutes=int(zm)) * (-1 if sign == "-" else 1) if sign else timedelta()
        return _micros(int(y), int(mo), int(d), int(h or 0), int(mi or 0), int(s or 0), fraction, offset)
    if match := _SLASH.fullmatch(text):
        a, _, b, y, *clock = match.groups()
        context.saw_date(int(a), int(b))
        month, day = (int(a), int(b)) if context.order() == "mdy" else (int(b), int(a))
        return _micros(int(y), month, day, *_clock(*clock), timedelta())
    if match := _DOTS.fullmatch(text):  # where dates have dots the day comes first
        d, mo, y, *clock = match.groups()
        return _micros(int(y), int(mo), int(d), *_clock(*clock), timedelta())
    if match := _YEAR_FIRST.fullmatch(text):
        y, mo, d, *clock = match.groups()
        return _micros(int(y), int(mo), int(d), *_clock(*clock), timedelta())
    if (match := _NAMED.fullmatch(text)) and match[1] in _MONTHS:
        name, d, y, *clock = match.groups()
        return _micros(int(y), _MONTHS[name], int(d), *_clock(*clock), timedelta())
    raise ValueError(f"'{text[:60]}' is not a time")


def _clock(
    hour: str | None, minute: str | None, second: str | None, fraction: str | None, half: str | None
) -> tuple[int, int, int, str | None]:
    h = int(hour or 0)
    if half:
        if not 1 <= h <= 12:
            raise ValueError(f"{h} is no hour of a 12-hour clock")
        h = h % 12 + (12 if half.lower() == "p" else 0)
    return h, int(minute or 0), int(second or 0), fraction


def _micros(
    year: int, month: int, day: int, hour: int, minute: int, second: int, fraction: str | None, offset: timedelta
) -> int:
    micro = int((fraction or "0").ljust(6, "0")[:6])
    local = datetime(year, month, day, hour, minute, second, micro, tzinfo=timezone(offset) if offset else UTC)
    return (local - _EPOCH) // _MICROSECOND
