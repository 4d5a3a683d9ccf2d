"""Who started whom: by ids, by numbers and times, over files and days, whatever the rows were made to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lurcher
from lurcher.api import Case

GUID = "{{747F3D96-E2F1-5F81-0000-{:012d}}}"


def start(
    time: str, number: int | None, name: str, parent: int | None = None, of: str = "", **more: Any
) -> dict[str, Any]:
    row = {
        "Timestamp": time, "DeviceId": "d1", "DeviceName": "WS01.corp.local", "ActionType": "ProcessCreated", "FileName": name,
        "ProcessId": number, "ProcessCreationTime": time, "ProcessCommandLine": f"{name} -x", "InitiatingProcessId": parent,
        "InitiatingProcessFileName": of,
    }  # fmt: skip
    return {**row, **more}


def sysmon(time: str, guid: int, name: str, parent: int, number: int = 7, **more: Any) -> dict[str, Any]:
    bag = {"Source": "Sysmon", "EventID": 1, "ProcessGuid": GUID.format(guid), "ParentProcessGuid": GUID.format(parent)}
    return start(time, number, name, 7, AdditionalFields=bag, **more)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return lurcher.init(tmp_path / "case")


def add(case: Case, *rows: dict[str, Any], name: str = "a") -> None:
    file = case.path.parent / f"{name}.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    assert case.add(file, table="DeviceProcessEvents").rows == len(rows)


def paths(case: Case, call: str = "ProcessTree('ws01')") -> list[tuple[int, str, str]]:
    rows = case.query(f"{call} | sort by Timestamp asc, ReportId asc | project Depth, Path, ParentBy")
    return list(rows.rows())


def test_by_number_and_start_over_midnight_and_files_in_any_order(case: Case) -> None:
    eight = "2026-03-02T08:00:00Z"
    add(
        case,
        start(eight, 300, "whoami.exe", 200, "cmd.exe", InitiatingProcessCreationTime="2026-03-01T23:59:30Z"),
        name="later",
    )
    add(
        case,
        start(
            "2026-03-01T23:59:00Z",
            100,
            "explorer.exe",
            50,
            "userinit.exe",
            InitiatingProcessParentFileName="winlogon.exe",
        ),
        start(
            "2026-03-01T23:59:30Z",
            200,
            "cmd.exe",
            100,
            "explorer.exe",
            InitiatingProcessCreationTime="2026-03-01T23:59:00Z",
        ),
        name="earlier",
    )
    above = "winlogon.exe > userinit.exe > explorer.exe"
    assert paths(case) == [
        (0, above, ""),
        (1, f"{above} > cmd.exe", "start time"),
        (2, f"{above} > cmd.exe > whoami.exe", "start time"),
    ]
    # Of one day: the path goes on over the other's.
    assert paths(case, f"ProcessTree('d1', datetime({eight}))") == [
        (2, f"{above} > cmd.exe > whoami.exe", "start time")
    ]
    assert len(paths(case, f"ProcessTree('d1', datetime(null), datetime({eight}) - 1h)")) == 2


def test_a_number_that_is_used_again(case: Case) -> None:
    add(
        case,
        start("2026-03-01T01:00:00Z", 200, "cmd.exe"),
        start("2026-03-01T02:00:00Z", 300, "a.exe", 200, "cmd.exe"),
        start("2026-03-01T03:00:00Z", 200, "notepad.exe"),
        # Told with the first one's start: it is the first one's, though it has ended.
        start(
            "2026-03-01T04:00:00Z", 301, "b.exe", 200, "cmd.exe", InitiatingProcessCreationTime="2026-03-01T01:00:00Z"
        ),
        # The latest with the number is a notepad: whose child this is, nobody knows.
        start("2026-03-01T05:00:00Z", 302, "c.exe", 200, "cmd.exe"),
        start("2026-03-01T06:00:00Z", 303, "d.exe", 200, "NOTEPAD.EXE"),
        # A start that nobody logged: not that of the number's latest.
        start(
            "2026-03-01T07:00:00Z",
            304,
            "e.exe",
            200,
            "notepad.exe",
            InitiatingProcessCreationTime="2026-03-01T06:30:00Z",
        ),
    )
    assert paths(case) == [
        (0, "cmd.exe", ""),
        (1, "cmd.exe > a.exe", "number"),
        (0, "notepad.exe", ""),
        (1, "cmd.exe > b.exe", "start time"),
        (0, "cmd.exe > c.exe", ""),
        (1, "notepad.exe > d.exe", "number"),
        (0, "notepad.exe > e.exe", ""),
    ]


def test_by_guid_and_what_the_parent_tells_of_itself(case: Case) -> None:
    add(case, sysmon("2026-03-02T01:00:00Z", 2, "b.exe", 1), name="child")
    add(case, sysmon("2026-03-01T01:00:00Z", 1, "a.exe", 0), name="parent")
    child = case.query("ProcessTree('WS01') | where FileName == 'b.exe'")[0]
    assert (child["Path"], child["Depth"], child["ParentBy"]) == ("a.exe > b.exe", 1, "guid")
    # The child's own row said neither.
    assert child["InitiatingProcessFileName"] == "a.exe"
    assert child["InitiatingProcessCommandLine"] == "a.exe -x"
    assert child["InitiatingProcessCreationTime"].isoformat() == "2026-03-01T01:00:00+00:00"
    assert child["ProcessUniqueId"] == GUID.format(2)
    # A GUID of zeros is none: two such are not each other's.
    nothing = "{00000000-0000-0000-0000-000000000000}"
    bag = {"Source": "Sysmon", "ProcessGuid": nothing, "ParentProcessGuid": nothing}
    add(
        case,
        *(start(f"2026-03-03T0{i}:00:00Z", 40 + i, f"z{i}.exe", AdditionalFields=bag) for i in (1, 2)),
        name="zero",
    )
    assert [d for d, p, _ in paths(case) if p.startswith("z")] == [0, 0]


def test_by_unique_id_of_the_same_device_only(case: Case) -> None:
    one = start("2026-03-01T01:00:00Z", 1, "a.exe", ProcessUniqueId="844424930132005")
    two = start("2026-03-01T02:00:00Z", 2, "b.exe", InitiatingProcessUniqueId="844424930132005")
    other = {**two, "DeviceId": "d2", "FileName": "c.exe"}
    add(case, one, two, other)
    assert paths(case) == [(0, "a.exe", ""), (1, "a.exe > b.exe", "id"), (0, "c.exe", "")]


def test_sources_are_trees_of_their_own(case: Case) -> None:
    security = {"Source": "Security", "EventID": 4688}
    add(
        case,
        sysmon("2026-03-01T01:00:00Z", 1, "a.exe", 0, number=5),
        start("2026-03-01T01:00:00.010Z", 5, "a.exe", AdditionalFields=security),
        start("2026-03-01T02:00:00Z", 6, "b.exe", 5, "a.exe", AdditionalFields=security),
    )
    rows = case.query("ProcessTree('ws01') | sort by Timestamp asc | project Source, Node, ParentNode")
    assert list(rows.rows()) == [("Sysmon", 1, None), ("Security", 2, None), ("Security", 3, 2)]


def test_whoever_comes_later_is_no_parent(case: Case) -> None:
    add(
        case,
        sysmon("2026-03-01T01:00:00Z", 1, "a.exe", 2),
        sysmon("2026-03-01T02:00:00Z", 2, "b.exe", 1),
        sysmon("2026-03-01T03:00:00Z", 3, "own.exe", 3),
    )
    assert paths(case) == [(0, "a.exe", ""), (1, "a.exe > b.exe", "guid"), (0, "own.exe", "")]


def test_the_same_start_twice_is_one(case: Case) -> None:
    row = start("2026-03-01T01:00:00Z", 1, "a.exe")
    add(case, row, row, row)
    assert paths(case) == [(0, "a.exe", "")]


def test_rows_that_say_nearly_nothing_are_kept(case: Case) -> None:
    add(case, {"Timestamp": "2026-03-01T01:00:00Z", "DeviceName": "ws01", "FileName": "a.exe"},
        {"Timestamp": None, "DeviceName": "ws01", "FileName": "b.exe"})  # fmt: skip
    assert sorted(p for _, p, _ in paths(case)) == ["a.exe", "b.exe"]


@pytest.mark.parametrize("device", ["ws01", "WS01", "ws01.CORP.local", "D1", "ws01.corp.local"])
def test_a_device_by_any_of_its_names(case: Case, device: str) -> None:
    add(case, start("2026-03-01T01:00:00Z", 1, "a.exe"))
    assert len(paths(case, f"ProcessTree('{device}')")) == 1


@pytest.mark.parametrize("device", ["", "ws0", "corp", "ws01.corp", "d"])
def test_no_other_device(case: Case, device: str) -> None:
    add(case, start("2026-03-01T01:00:00Z", 1, "a.exe"))
    assert paths(case, f"ProcessTree('{device}')") == []


def test_deep_trees(case: Case) -> None:
    def chain(count: int) -> list[dict[str, Any]]:
        stamp = "2026-03-01T{:02d}:{:02d}:{:02d}Z"
        times = [stamp.format(i // 3600, i // 60 % 60, i % 60) for i in range(count)]
        return [sysmon(t, i + 1, "x", i) for i, t in enumerate(times)]

    add(case, *chain(600))
    assert case.query("ProcessTree('ws01') | summarize max(Depth)").value() == 599
    add(case, *chain(1100)[600:], name="more")
    with pytest.raises(lurcher.LurcherError, match="more than 1,000 generations"):
        case.query("ProcessTree('ws01') | count")


def test_what_it_is_given(case: Case) -> None:
    assert case.query("ProcessTree('nobody') | count").value() == 0
    assert "it is lurcher's own" in case.query("ProcessTree('nobody') | count").notes[0]
    with pytest.raises(lurcher.Refused, match="KS120"):
        case.query("ProcessTree()")
    with pytest.raises(lurcher.Refused, match="expected a value of type datetime"):
        case.query("ProcessTree('x', 5)")
    with pytest.raises(lurcher.Refused, match="it brings its own rows"):
        case.query("DeviceInfo | invoke ProcessTree('x')")
    # A table of a query's own under the name wins.
    assert case.query("let ProcessTree = (x:string) { print x }; ProcessTree('y')").value() == "y"
