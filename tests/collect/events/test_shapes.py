"""What a form makes of many objects at once is what it makes of each."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lurcher.collect.events.event import Event, Events, alike
from lurcher.collect.events.forms import FORMS, form_of
from lurcher.collect.events.mapping import ProcessMemory, map_events
from lurcher.collect.events.mapping import kinds as kinds_module
from lurcher.collect.events.mapping.kinds import events_of, kinds_of
from lurcher.collect.events.shapes import BY_VALUES, TOGETHER, alike_of
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.rows import TableBatch
from lurcher.schema import known_table

SYSMON = "Microsoft-Windows-Sysmon"
#: Names that a form has a meaning for -> values, plain ones first: of a column all are plain at times, or any.
VALUES: dict[str, list[Any]] = {
    "EventID": [1, 10, 4688, "4624", 12, 3.0, None, "x", -1, True, {"#text": 5}],
    "EventTime": ["2024-01-02 03:04:05", "2024-01-02T03:04:05.1234567Z", "2024-01-02 03:04:05+02:00", None, "x", 5, ""],
    "EventReceivedTime": ["2024-01-02 03:04:06", "2024-01-02 05:04:06", None, 1],
    "@timestamp": ["2024-01-02T01:04:07.000Z", "2024-01-02T03:04:07Z", None, 1700000000, {"value": "x"}],
    "TimeCreated": ["2024-01-02T03:04:05.123Z", "", None, 1700000000.5, "/Date(1600000000000)/", "/Date(x)/"],
    "SourceName": [SYSMON, "Microsoft-Windows-Security-Auditing", "", None, 5, {"#text": SYSMON}],
    "SourceModuleType": ["im_msvistalog", None],
    "Channel": ["Security", "Microsoft-Windows-Sysmon/Operational", "", None, 7],
    "Hostname": ["pc1", "PC2.contoso.com", "", None, 3, ["x"]],
    "RecordNumber": [1, 2, "3", None, "x", 1.5],
    "EventRecordID": [9, "10", None],
    "Keywords": [-9214364837600034816, "0x8000000000000000", "-5", None, ["a", "b"], 1 << 70, True],
    "ProviderGuid": ["{5770385F-C22A-43E0-BF4C-06F5698FFBD9}", "", None, 4],
    "Level": ["4", "Information", 4, None, "x", True],
    "LevelValue": [4, 0, "2", None, True, 1.0],
    "Task": [1, "2", None, -3, "x"],
    "Version": [5, -5, "2", None],
    "Opcode": ["Info", "Start", 1, None],
    "OpcodeValue": [0, 1, None, "x"],
    "ExecutionProcessID": [4, 5, None, "6"],
    "ProcessID": [6, 7, "8", None, True],
    "ThreadID": [8, 9, None, "10"],
    "ExecutionThreadID": [11, None],
    "UserID": ["S-1-5-18", "", None],
    "AccountName": ["SYSTEM", None],
    "AccountType": ["User"],
    "Domain": ["NT AUTHORITY"],
    "EventType": ["INFO", "AUDIT_SUCCESS", "SetValue", "", None, 4],
    "EventTypeOrignal": ["WARNING", None, 3],
    "Message": ["Process Create:\r\nProcessId: 5\r\nImage: a.exe", "text", "", None, 5],
    "ActivityID": ["{A}", "", None],
    "@version": ["1"],
    "host": ["h"],
    "tags": [["a"], None],
    "Image": ["C:\\a.exe", "", None, 5, {"a": 1}],
    "ProcessId": ["77", 77, None],
    "UtcTime": ["2024-01-02 03:04:05.000"],
    "CommandLine": ['"a" <b> & c', "\x01", "é"],
}


def objects(chance: random.Random) -> list[dict[str, Any]]:
    """Objects of a few shapes, each of one of the forms."""
    found = []
    for _ in range(chance.randrange(1, 4)):
        names = ["EventID", *chance.choice((["EventTime", "SourceName"], ["Hostname", "SourceName", "TimeCreated"]))]
        names += chance.sample(sorted(VALUES.keys() - set(names)), chance.randrange(len(VALUES) - 4))
        chance.shuffle(names)
        dirty = {name for name in names if chance.random() < 0.1}
        plain = {name: chance.choice(VALUES[name][:4]) for name in names}
        for _ in range(chance.randrange(1, 40)):
            found.append(
                {
                    name: chance.choice(VALUES[name] if name in dirty else [plain[name], VALUES[name][0]])
                    for name in names
                }
            )
    chance.shuffle(found)
    return found


def one_by_one(values: list[dict[str, Any]]) -> dict[int, Event]:
    made = {}
    for place, value in enumerate(values):
        form = form_of(value)
        assert form is not None
        try:
            made[place] = form.event(value, place + 1)
        except (ValueError, TypeError, AttributeError, KeyError, IndexError):
            continue
    return made


@pytest.mark.parametrize("seed", range(300))
def test_many_at_once_are_what_each_is(seed: int) -> None:
    values = objects(random.Random(seed))
    expected = one_by_one(values)
    columns, others = alike_of(values, range(1, len(values) + 1))
    made = events_of(columns)
    assert sorted([*made, *others]) == list(range(len(values)))
    for place, event in made.items():
        assert event == expected[place]
        assert list(event.data.items()) == list(expected[place].data.items())
        assert [type(part) for part in event] == [type(part) for part in expected[place]]


def test_both_forms_are_read_so() -> None:
    seen = {name for seed in range(40) for name in _forms(objects(random.Random(seed)))}
    assert seen == set(TOGETHER)


def _forms(values: list[dict[str, Any]]) -> set[str]:
    columns, _ = alike_of(values, range(len(values)))
    return {form.name for group in columns for place in group.places[:1] if (form := form_of(values[place]))}


@pytest.mark.parametrize("seed", range(100))
def test_names_alone_tell_a_form_that_reads_many_at_once(seed: int) -> None:
    """Forms that come before look at values of `BY_VALUES` alone."""
    chance = random.Random(seed)
    known = sorted(VALUES.keys() | {"_raw", "xml", "message", "event", "winlog.channel", "EventData", "Payload", "Id"})
    names = chance.sample(known, chance.randrange(3, len(known)))
    assert BY_VALUES.isdisjoint(names)
    shapes: list[Any] = [
        "<Event xmlns='x'>",
        {"System": {"EventID": 1}},
        1,
        None,
        "x",
        ["y"],
        "12/31/2024 01:02:03 PM\nA=b",
    ]
    last = max(form.rank for form in FORMS if form.name in TOGETHER)
    for form in FORMS:
        if form.rank <= last:
            assert len({bool(form.takes({name: chance.choice(shapes) for name in names})) for _ in range(30)}) == 1


# --- the mapping ---


def rows(events: Events) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for made in map_events(events, ReadContext(known_table, "x"), ProcessMemory()):
        assert isinstance(made, TableBatch)
        found.setdefault(made.schema.name, []).extend(map(repr, made.batch.to_pylist()))
    return {table: sorted(told) for table, told in found.items()}


def sysmon(count: int, own: int) -> list[Event]:
    """Events of one kind, of which each has fields that others do not have."""
    return [
        Event(
            i + 1, "2024-01-02T03:04:05Z", SYSMON, (1, 5)[i % 2], "Microsoft-Windows-Sysmon/Operational", "pc1", i,
            {"Image": f"C:\\{i}.exe", "User": "a\\b", **{f"x{i}-{n}": "<y>" for n in range(own)}},
        )
        for i in range(count)
    ]  # fmt: skip


def test_events_whose_fields_are_ever_others_are_cut_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at stays in proportion to the events: never every name for each of them."""
    events = sysmon(2000, 1)
    kinds = kinds_of(alike(events), lambda _: False)
    assert sum(kind.count for kind in kinds) == 2000
    assert sum(kind.count * len(kind.names) for kind in kinds) <= 2000 * 260
    few = sysmon(40, 2)
    whole = rows(Events(few, lambda _: b"", "line"))
    monkeypatch.setattr(kinds_module, "_MOST_NAMES", 8)
    assert len(kinds_of(alike(few), lambda _: False)) > 4
    assert rows(Events(few, lambda _: b"", "line")) == whole


def test_columns_and_events_may_stand_between_each_other() -> None:
    events = sysmon(60, 0)
    whole = rows(Events(events, lambda _: b"", "line"))
    odd, even = alike(events[1::2], range(1, 60, 2)), events[::2]
    assert rows(Events(even, lambda _: b"", "line", places=range(0, 60, 2), columns=odd)) == whole


def test_a_place_behind_a_reject_is_behind_all_before_it() -> None:
    assert Events(sysmon(3, 0), lambda _: b"", "line", places=[0, 5, 9]).end == 10
    assert Events(sysmon(3, 0), lambda _: b"", "line").end == 3
    assert Events([], lambda _: b"", "line").end == 0
