"""Which days the rows of a scan can be of: a lake keeps a day a partition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from lurcher.kql.values import TICKS_PER_DAY
from lurcher.plan import nodes as n
from lurcher.plan.windows import window_of

_MAX_DAY = date.max.toordinal() - 1


def day_range(predicates: Sequence[n.Expr], column: str) -> tuple[date, date] | None:
    """The first and last day (both included) on which a row for which all predicates are true can be; None where nothing is said.
    A row without a time is in no range."""
    window = window_of(predicates, column)
    if window.start is None and window.stop is None:
        return None
    first = _day(window.start) if window.start is not None else date.min
    last = _day(window.stop) if window.stop is not None else date.max
    return first, last


def _day(ticks: int) -> date:
    return date.min + timedelta(days=max(0, min(ticks // TICKS_PER_DAY, _MAX_DAY)))
