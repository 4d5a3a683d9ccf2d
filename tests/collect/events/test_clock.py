"""Clocks of event logs: what is off by whole quarter hours is put right, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from lurcher.collect.events.clock import Clock, parse_offset, shown
from lurcher.collect.events.event import Event, alike
from lurcher.collect.exports import ReadContext
from lurcher.errors import LurcherError

SYSMON = "Microsoft-Windows-Sysmon"
HOUR = 3_600_000_000
START = datetime(2026, 1, 2, 3, 4, 5)


def events(ahead: float, count: int = 10, event_id: int = 1, provider: str = SYSMON, zone: str = "Z") -> list[Event]:
    """Events whose record is so many seconds ahead of what Sysmon says."""
    made = []
    for i in range(count):
        utc = START + timedelta(seconds=i)
        time = (utc + timedelta(seconds=ahead)).isoformat(timespec="milliseconds") + zone
        data = {"UtcTime": utc.isoformat(" ", timespec="milliseconds")}
        made.append(Event(i + 1, time, provider, event_id, None, None, None, data))
    return made


def run(parts: list[list[Event]], **more: object) -> tuple[list[int], ReadContext]:
    """What is added to the times of each part by the last reading, and the context."""
    context = ReadContext(lambda _: None, "x", **more)  # type: ignore[arg-type]
    for _ in range(3):
        clock = Clock(context)
        offsets = [clock.offset(alike(part)) for part in parts]
        context.dirty = False
        clock.settle()
        if not context.dirty:
            return offsets, context
    raise AssertionError("it does not settle")


def test_a_right_clock_is_left_alone() -> None:
    assert run([events(0.3)])[0] == [0]
    assert list(run([events(45)])[1].notes) == []


def test_local_times_are_made_utc() -> None:
    offsets, context = run([events(-4 * 3600 + 0.02)])
    assert offsets == [4 * HOUR]
    assert list(context.notes) == [
        "clock: the record times are local times (-04:00), and were made UTC by 10 Sysmon events"
    ]
    assert context.clock_known == -4 * HOUR


def test_quarter_hours() -> None:
    assert run([events(5.75 * 3600)])[0] == [-int(5.75 * HOUR)]


def test_what_is_told_late_does_not_count() -> None:
    assert run([events(3600, event_id=3), events(3600, event_id=22)])[0] == [0, 0]


def test_the_whole_file_decides_and_is_read_again_where_it_contradicts() -> None:
    other = events(0, provider="Other")
    offsets, context = run([other, events(0, count=3), events(7200, count=40)])
    assert offsets == [-2 * HOUR] * 3
    assert "clock: only 40 of 43 Sysmon events agree on that" not in context.notes
    offsets, context = run([events(0, count=15), events(7200, count=40)])
    assert offsets == [-2 * HOUR] * 2
    assert "clock: only 40 of 55 Sysmon events agree on that" in context.notes


def test_what_is_no_zone_is_told_and_left() -> None:
    offsets, context = run([events(7 * 60)])
    assert offsets == [0]
    assert list(context.notes) == [
        "clock: the record times are 420 s away from Sysmon's own, which is no zone: left as they are"
    ]
    assert run([events(40 * 3600)])[0] == [0]


def test_the_user_says_it() -> None:
    offsets, context = run([events(0)], clock_offset=2 * HOUR)
    assert offsets == [-2 * HOUR]
    assert list(context.notes) == ["clock: +02:00 was taken off all times, as told"]
    offsets, context = run([events(7200)], clock_offset=0)
    assert offsets == [0]
    assert not context.notes


def test_an_earlier_part_of_the_file_says_it_where_nothing_else_does() -> None:
    offsets, context = run([events(0, provider="Other")], clock_before=2 * HOUR)
    assert offsets == [-2 * HOUR]
    assert context.clock_known == 2 * HOUR
    assert run([events(0)], clock_before=2 * HOUR)[0] == [0]


def test_times_without_a_zone_are_told() -> None:
    _, context = run([events(0, provider="Other", zone="")])
    assert list(context.notes) == ["clock: times without a zone, taken as UTC; if they are local: --clock-offset"]
    assert not run([events(0, zone="")])[1].notes  # Sysmon says that they are UTC


def test_an_offset_in_the_record_counts() -> None:
    assert run([events(7200, zone="+02:00")])[0] == [0]


@pytest.mark.parametrize(
    ("text", "hours"), [("+02:00", 2), ("-8h", -8), ("none", 0), ("2", 2), ("+0530", 5.5), ("-03:30", -3.5)]
)
def test_offsets_as_users_write_them(text: str, hours: float) -> None:
    assert parse_offset(text) == int(hours * HOUR)


@pytest.mark.parametrize("text", ["", "two", "+99:00", "1:2", "+02:75", "--2"])
def test_what_is_no_offset(text: str) -> None:
    with pytest.raises(LurcherError, match="no offset"):
        parse_offset(text)


def test_offsets_are_shown() -> None:
    assert (shown(int(-3.5 * HOUR)), shown(0)) == ("-03:30", "+00:00")
