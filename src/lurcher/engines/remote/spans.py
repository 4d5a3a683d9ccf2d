"""Time spans as users and the services write them: `P1D`, `PT6H`, `START/END`, `START/P1D`, `P1D/END`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lurcher.errors import LurcherError, shown
from lurcher.kql.values import MAX_DATETIME, datetime_text, parse_datetime

_DURATION = re.compile(r"P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})(?:\.\d+)?S)?)?")
_FORMS = "P1D, PT6H, 2026-03-01/2026-03-08, or 2026-03-01T00:00:00Z/PT12H"
_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to before `stop`, in ticks since 0001-01-01. None is open."""

    start: int | None = None
    stop: int | None = None

    @property
    def text(self) -> str:
        """As the services take it; '' where a side is open."""
        if self.start is None or self.stop is None:
            return ""
        return f"{datetime_text(self.start)}/{datetime_text(self.stop)}"

    def shown(self) -> str:
        """As a message has it."""
        ends = (datetime_text(t)[:19].replace("T", " ") if t is not None else "" for t in (self.start, self.stop))
        low, high = ends
        return f"{low or 'the beginning'} to {high or 'now'}"

    def predicate(self, column: str) -> str:
        """In KQL; '' where both sides are open."""
        name = f"['{column}']"
        tests = [f"{name} >= datetime({datetime_text(self.start)})"] if self.start is not None else []
        tests += [f"{name} < datetime({datetime_text(self.stop)})"] if self.stop is not None else []
        return " and ".join(tests)


def ticks_of(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _YEAR_ONE) // timedelta(microseconds=1) * 10


def parse_span(text: str, now: datetime) -> Span:
    """A duration ends now. Raises `LurcherError`."""
    first, slash, second = text.strip().partition("/")
    length = _duration(first)
    if not slash:
        if length is None:
            raise _wrong(text)
        return _checked(ticks_of(now) - length, ticks_of(now), text)
    start, stop, other = parse_datetime(first), parse_datetime(second), _duration(second)
    if length is not None and stop is not None:
        return _checked(stop - length, stop, text)
    if start is not None and other is not None:
        return _checked(start, start + other, text)
    if start is None or stop is None:
        raise _wrong(text)
    return _checked(start, stop, text)


def _checked(start: int, stop: int, text: str) -> Span:
    if not 0 <= start < stop <= MAX_DATETIME:
        raise LurcherError(f"the time span {shown(text)!r} has no time in it", f"for example: {_FORMS}")
    return Span(start, stop)


def _duration(text: str) -> int | None:
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None or not any(match.groups()):
        return None
    weeks, days, hours, minutes, seconds = (int(g or 0) for g in match.groups())
    return ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 10_000_000


def _wrong(text: str) -> LurcherError:
    return LurcherError(f"{shown(text)!r} is no time span", f"for example: {_FORMS}")
