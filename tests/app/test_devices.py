"""DeviceInfo of devices that only their events tell of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lurcher
from lurcher.api import Case
from lurcher.collect.entities import device_id


def event(time: str, computer: str, record: int, event_id: int = 4624, **more: Any) -> str:
    return json.dumps({
        "@timestamp": time, "log": {"level": "information"},
        "winlog": {
            "provider_name": "Microsoft-Windows-Security-Auditing", "channel": "Security", "computer_name": computer,
            "event_id": event_id, "record_id": record, "event_data": {"TargetUserName": "anna", "LogonType": "3"}, **more,
        },
    })  # fmt: skip


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return lurcher.init(tmp_path / "case")


def add(case: Case, name: str, *lines: str) -> Any:
    file = case.path.parent / name
    file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    report = case.add(file)
    assert not report.failed, repr(report)
    return report


def seen(case: Case) -> list[tuple[Any, ...]]:
    kql = (
        "DeviceInfo | sort by DeviceName asc, Timestamp asc | project DeviceName, DeviceId, Time = tostring(Timestamp)"
    )
    return [(name, id_, time[:19]) for name, id_, time in case.query(kql).rows()]


def test_first_and_last(case: Case) -> None:
    report = add(
        case,
        "a.json",
        event("2026-03-01T10:00:00Z", "WS01.corp.local", 1),
        event("2026-03-02T10:00:00Z", "WS01.corp.local", 2),
        event("2026-03-01T11:00:00Z", "ws01.corp.local", 3),
        event("2026-03-01T12:00:00Z", "WS02", 4, 9999),
    )
    # They are not counted as what the file holds.
    assert "DeviceInfo" not in report[0].tables
    one, two = device_id("ws01"), device_id("ws02")
    assert seen(case) == [
        ("WS01.corp.local", one, "2026-03-01T10:00:00"),
        ("WS01.corp.local", one, "2026-03-02T10:00:00"),
        ("WS02", two, "2026-03-01T12:00:00"),
    ]
    latest = case.query(
        "DeviceInfo | summarize arg_max(Timestamp, *) by DeviceId | where DeviceName == 'WS01.corp.local'"
    )[0]
    assert latest["AdditionalFields"] == {
        "Source": "derived",
        "FirstSeen": "2026-03-01T10:00:00.000000Z",
        "LastSeen": "2026-03-02T10:00:00.000000Z",
    }
    assert case.query("DeviceLogonEvents | join kind=leftanti DeviceInfo on DeviceId | count").value() == 0


def test_adding_again_adds_nothing_and_other_files_widen(case: Case) -> None:
    line = event("2026-03-01T10:00:00Z", "WS01", 1)
    add(case, "a.json", line)
    before = seen(case)
    assert case.add(case.path.parent / "a.json").rows == 0
    assert seen(case) == before
    add(case, "b.json", event("2026-04-01T10:00:00Z", "ws01.corp.local", 2))
    bounds = case.query("DeviceInfo | summarize min(Timestamp), max(Timestamp) by DeviceId").dicts()
    assert len(bounds) == 1
    assert [str(bounds[0][f"{m}_Timestamp"])[:10] for m in ("min", "max")] == ["2026-03-01", "2026-04-01"]


def test_what_has_ids_of_the_service_is_left_alone(case: Case) -> None:
    row = {
        "Timestamp": "2026-03-01T10:00:00Z",
        "DeviceId": "a" * 40,
        "DeviceName": "ws01",
        "ActionType": "ProcessCreated",
    }
    stream = {"time": row["Timestamp"], "category": "AdvancedHunting-DeviceProcessEvents", "properties": row}
    add(case, "defender.json", json.dumps(stream))
    assert "DeviceInfo" not in {line.info.name for line in case.tables()}
    named = {"Timestamp": "2026-03-01T10:00:00Z", "DeviceId": "b" * 40, "DeviceName": "ws02", "OSPlatform": "Windows11"}
    add(case, "info.json", json.dumps({**stream, "category": "AdvancedHunting-DeviceInfo", "properties": named}))
    assert [name for name, *_ in seen(case)] == ["ws02"]


def test_a_dry_run_derives_nothing(case: Case) -> None:
    file = case.path.parent / "a.json"
    file.write_text(event("2026-03-01T10:00:00Z", "WS01", 1) + "\n")
    case.add(file, dry_run=True)
    assert len(case.tables()) == 0


def test_the_version_of_windows_where_an_event_tells_it(case: Case) -> None:
    start = {
        "provider_name": "EventLog", "channel": "System",
        "event_data": {"Data": ["10.00.", "19041", "", "Multiprocessor Free", "0"]},
    }  # fmt: skip
    add(
        case,
        "a.json",
        event("2026-03-01T10:00:00Z", "WS01", 1),
        event("2026-03-01T11:00:00Z", "WS01", 2, 6009, **start),
    )
    rows = case.query("DeviceInfo | project OSVersion, OSBuild, OSPlatform").rows()
    assert list(rows) == [("10.0", 19041, "")] * 2


def test_a_device_is_told_by_its_events_in_every_format(case: Case) -> None:
    """By one that only a table of Sentinel's has a row for."""
    xml = (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4672</EventID>"
        "<TimeCreated SystemTime='2026-01-02T03:04:05Z'/><Channel>Security</Channel><Computer>{}</Computer></System></Event>"
    )
    add(case, "a.xml", xml.format("of-xml"))
    add(case, "b.txt", "Record 1\n" + xml.format("of-dump"))
    add(case, "c.csv", "_time,_raw", f'x,"{xml.format("of-csv")}"')
    add(case, "d.json", event("2026-01-02T03:04:05Z", "of-json", 1, 4672))
    time = "2026-01-02T03:04:05"
    assert [(name, at) for name, _, at in seen(case)] == [
        ("of-csv", time),
        ("of-dump", time),
        ("of-json", time),
        ("of-xml", time),
    ]
