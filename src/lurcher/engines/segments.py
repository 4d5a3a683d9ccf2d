"""From when to when which tests are asked: stretches of days, so that each day is read once, for those who ask for it alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise

from lurcher.engines.lowering.times import mostly_whole
from lurcher.kql.values import TICKS_PER_DAY
from lurcher.plan.covers import Test
from lurcher.plan.windows import ANY_TIME, TimeWindow

#: Stretches that are worth a statement each.
_MOST = 12


def hulls(asked: Iterable[tuple[TimeWindow, Collection[Test]]]) -> dict[Test, TimeWindow]:
    """Test -> the window of all that ask by it."""
    found: dict[Test, TimeWindow] = {}
    for window, tests in asked:
        for test in tests:
            found[test] = found[test].hull(window) if test in found else window
    return found


def segments(used: Mapping[Test, TimeWindow], time: str | None) -> list[tuple[TimeWindow, set[Test]]]:
    """Windows, in order of time, with the tests that are asked in each. They hold all rows of the tests' windows; no two read the
    same day."""
    windows = {test: mostly_whole(window) for test, window in used.items()}
    whole = None
    for window in windows.values():
        whole = window if whole is None else whole.hull(window)
    if whole is None:
        return []
    # Rows without a time are of no day: who asks for all rows asks for them as well.
    if time is None or ANY_TIME in windows.values():
        return [(ANY_TIME, set(windows))]
    windows = {test: window for test, window in windows.items() if not _empty(window)}
    if not windows:
        return [(whole, set(used))]
    days = {test: (_day(w.start, 0), _day(w.stop, _LAST)) for test, w in windows.items()}
    # Where a stretch may begin: the first day of a window, the day after its last.
    cuts = sorted({d for first, last in days.values() for d in (first, last + 1)})
    found: list[tuple[int, int, set[Test]]] = []
    for first, after in pairwise(cuts):
        here = {test for test, (begin, end) in days.items() if begin <= first and after - 1 <= end}
        if here and found and found[-1][2] == here and found[-1][1] == first:
            found[-1] = (found[-1][0], after, here)
        elif here:
            found.append((first, after, here))
    if len(found) > _MOST:
        return [(whole, set(used))]
    return [(_clipped(first, after, [windows[t] for t in here]), here) for first, after, here in found]


#: After every day.
_LAST = 10_000_000


def _day(ticks: int | None, otherwise: int) -> int:
    return otherwise if ticks is None else ticks // TICKS_PER_DAY


def _empty(window: TimeWindow) -> bool:
    return window.start is not None and window.stop is not None and window.start > window.stop


def _clipped(first: int, after: int, windows: list[TimeWindow]) -> TimeWindow:
    """These days, but for times of them at which none of the windows is."""
    hull = windows[0]
    for window in windows[1:]:
        hull = hull.hull(window)
    days = TimeWindow(first * TICKS_PER_DAY if first else None, after * TICKS_PER_DAY - 1 if after <= _LAST else None)
    return days.both(hull)
