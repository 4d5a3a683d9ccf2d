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


def of_whole_days(window: TimeWindow) -> bool:
    """Whether each day is asked for as a whole or not at all."""
    return (window.start is None or window.start % TICKS_PER_DAY == 0) and (
        window.stop is None or (window.stop + 1) % TICKS_PER_DAY == 0
    )


def by_days(window: TimeWindow) -> list[TimeWindow]:
    """The window in pieces: what is asked of its first day, whole days, what is asked of its last day."""
    start, stop = window.start, window.stop
    # One day, or no time at all: a rule whose end has gone by before its beginning.
    if start is not None and stop is not None and start // TICKS_PER_DAY >= stop // TICKS_PER_DAY:
        return [window]
    pieces = []
    if start is not None and start % TICKS_PER_DAY:
        end = start - start % TICKS_PER_DAY + TICKS_PER_DAY
        pieces.append(TimeWindow(start, end - 1))
        start = end
    last = None
    if stop is not None and (stop + 1) % TICKS_PER_DAY:
        last = TimeWindow(stop - stop % TICKS_PER_DAY, stop)
        stop = last.start - 1 if last.start is not None else None
    if start is None or stop is None or start <= stop:
        pieces.append(TimeWindow(start, stop))
    return pieces if last is None else [*pieces, last]


def mostly_whole(window: TimeWindow) -> TimeWindow:
    """The window, with those days whole of which it asks for half or more: a day that is read as it is stored costs less than one
    whose rows are asked for their time."""
    start, stop = window.start, window.stop
    if start is not None and start % TICKS_PER_DAY <= TICKS_PER_DAY // 2:
        start -= start % TICKS_PER_DAY
    if stop is not None and (stop + 1) % TICKS_PER_DAY >= TICKS_PER_DAY // 2:
        stop += TICKS_PER_DAY - 1 - stop % TICKS_PER_DAY
    return TimeWindow(start, stop)
