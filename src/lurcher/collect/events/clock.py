"""Files whose record times are not UTC, though they say so: put right by Sysmon's own time.

Sysmon writes `UtcTime` into an event, the time at which it saw it; the record is written a moment later. A file whose
records are a whole number of quarter hours away from that has local times in it. The median over all its Sysmon events
decides, for the whole file, other providers' events included. Network connections (3) and DNS queries (22) are told late,
and do not count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from lurcher.collect.events.forms.sysmon_text import SYSMON
from lurcher.errors import LurcherError

if TYPE_CHECKING:
    from lurcher.collect.events.event import Alike
    from lurcher.collect.exports.context import ReadContext

SECOND = 1_000_000
QUARTER = 900
#: How far from a whole quarter hour the median may be (seconds): records are written late, and clocks are set.
_SLACK = 120
#: No clock on earth is further from UTC; what is further away is no matter of zones.
_FURTHEST = 26 * 3600
#: Distinct differences that are kept: a file has a few; what has more is told nothing by its median.
_KEPT = 100_000
_LATE = (3, 22)
_OFFSET = re.compile(r"([+-]?)(\d{1,2})(?::?([0-5]\d))?(?:h)?")


def parse_offset(text: str) -> int:
    """How far clocks are ahead of UTC, in microseconds: `+02:00`, `-8h`, `none`. Raises `LurcherError`."""
    if text.strip().lower() in ("none", "0", "z", "utc"):
        return 0
    match = _OFFSET.fullmatch(text.strip())
    seconds = int(match[2]) * 3600 + int(match[3] or 0) * 60 if match else 0
    if match is None or seconds > _FURTHEST:
        raise LurcherError(f"'{text}' is no offset of a clock", "for example: +02:00, -8h, none")
    return (-seconds if match[1] == "-" else seconds) * SECOND


def shown(offset: int) -> str:
    """An offset (microseconds) as `+02:00`."""
    minutes = abs(offset) // SECOND // 60
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


class Clock:
    """The clock of one reading of a file. What it finds out at the end, where it was not known before, makes the file be
    read once more."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._told = context.clock_offset
        self._used: set[int] = set()
        self._seen: Counter[int] = Counter()
        self._told_of: Counter[int] = Counter()
        self._zoneless = 0
        self._events = 0

    def offset(self, groups: Sequence[Alike]) -> int:
        """What is added to the record times of these events, in microseconds."""
        self._look(groups)
        self._events += sum(len(group.places) for group in groups)
        known = self._told if self._told is not None else self._context.clock_known
        ahead = known if known is not None else self._found()
        if groups:
            self._used.add(ahead)
        return -ahead

    def settle(self) -> None:
        """The file is at its end: whether what was used is what all of it says."""
        context, found = self._context, self._found()
        if self._told is not None:
            if self._told and self._events:
                context.note(f"clock: {shown(self._told)} was taken off all times, as told")
            context.clock_known = self._told
            return
        context.clock_known = found
        if self._used - {found}:
            context.dirty = True
            return
        if found:
            count, agree = sum(self._seen.values()), self._agreeing(found)
            by = f"by {count:,} Sysmon events" if count else "as in the earlier part of the file"
            context.note(f"clock: the record times are local times ({shown(found)}), and were made UTC {by}")
            if agree < 0.9 * count:
                context.note(f"clock: only {agree:,} of {count:,} Sysmon events agree on that")
        elif self._zoneless and not self._agreeing(0):
            context.note("clock: times without a zone, taken as UTC; if they are local: --clock-offset")
        elif abs(median := self._median()) > _SLACK:
            context.note(
                f"clock: the record times are {median:,} s away from Sysmon's own, which is no zone: left as they are"
            )

    def learned(self) -> tuple[set[int], Counter[int], int, int]:
        """What was seen since this was last asked."""
        found = self._used, self._seen - self._told_of, self._zoneless, self._events
        self._told_of = self._seen.copy()
        self._used, self._zoneless, self._events = set(), 0, 0
        return found

    def learn(self, learned: tuple[set[int], Counter[int], int, int]) -> None:
        """What another reading of a part of the file has seen."""
        used, seen, zoneless, events = learned
        self._used |= used
        for difference, count in seen.items():
            if difference in self._seen or len(self._seen) < _KEPT:
                self._seen[difference] += count
        self._zoneless += zoneless
        self._events += events

    def _look(self, groups: Sequence[Alike]) -> None:
        seen = self._seen
        same = 0
        for group in groups:
            provider, number = group.system.get("provider"), group.system["event_id"]
            if "UtcTime" not in group.names or provider is None or SYSMON not in provider:
                continue
            own_times = group.values[group.names.index("UtcTime")]
            for by, event_id, own, record in zip(provider, number, own_times, group.system["time"], strict=True):
                if by != SYSMON or event_id in _LATE or type(own) is not str or record is None:
                    continue
                if own[:10] == record[:10] and own[11:16] == record[11:16] and record[-6:-5] not in "+-":
                    same += 1
                    continue
                difference = _difference(record, own)
                if difference is not None and (difference in seen or len(seen) < _KEPT):
                    seen[difference] += 1
        if same:
            seen[0] += same
        if groups:
            first = min(groups, key=lambda group: group.places[0])
            time = first.system["time"][0]
            if time is not None and not _has_zone(time):
                self._zoneless += sum(len(group.places) for group in groups)

    def _median(self) -> int:
        half, count = (sum(self._seen.values()) + 1) // 2, 0
        for difference in sorted(self._seen):
            count += self._seen[difference]
            if count >= half:
                return difference
        return 0

    def _found(self) -> int:
        """How far the clock is ahead of UTC, in microseconds; 0 where it is right, or nothing tells."""
        if not self._seen:
            return self._context.clock_before
        median = self._median()
        quarters = round(median / QUARTER)
        if abs(median - quarters * QUARTER) > _SLACK or abs(median) > _FURTHEST:
            return 0
        return quarters * QUARTER * SECOND

    def _agreeing(self, offset: int) -> int:
        seconds = offset // SECOND
        return sum(n for difference, n in self._seen.items() if abs(difference - seconds) <= _SLACK)


def _has_zone(time: str) -> bool:
    return time[-1:] in "Zz" or time[-6:-5] in ("+", "-") or time.endswith("UTC")


def _difference(record: str, own: str) -> int | None:
    """The record's time less Sysmon's, in seconds (one more or less, by their fractions); None where one cannot be read."""
    zone = record[-6:] if record[-6:-5] in ("+", "-") else ""
    try:
        minutes = _minutes(record[:16] + zone, own[:16])
        return minutes + int(record[17:19] or 0) - int(own[17:19] or 0)
    except ValueError:
        return None


@lru_cache(4096)
def _minutes(record: str, own: str) -> int:
    """The same for whole minutes: few differ within a file's stretch."""
    written, seen = datetime.fromisoformat(record), datetime.fromisoformat(own)
    written = written if written.tzinfo is not None else written.replace(tzinfo=UTC)
    return round((written - seen.replace(tzinfo=UTC)).total_seconds())
