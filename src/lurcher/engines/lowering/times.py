"""Which days the rows of a scan can be of: a lake keeps a day a partition."""

from __future__ import annotations

from datetime import date, timedelta

from lurcher.kql.values import TICKS_PER_DAY
from lurcher.plan.windows import TimeWindow

_MAX_DAY = date.max.toordinal() - 1


#: Ticks (of 100 ns since 0001) of 1970.
_EPOCH = 621_355_968_000_000_000


def day_range(window: TimeWindow) -> tuple[date, date]:
    """The first and last day (both included) of a window. A row without a time is in none."""
    first = _day(window.start) if window.start is not None else date.min
    last = _day(window.stop) if window.stop is not None else date.max
    return first, last


def _day(ticks: int) -> date:
    return date.min + timedelta(days=max(0, min(ticks // TICKS_PER_DAY, _MAX_DAY)))


def microseconds(window: TimeWindow) -> tuple[int | None, int | None]:
    """The window's ends in microseconds since 1970. The seventh digit is cut off, as it is of every constant and at rest."""
    return (
        None if window.start is None else (window.start - _EPOCH) // 10,
        None if window.stop is None else (window.stop - _EPOCH) // 10,
    )
