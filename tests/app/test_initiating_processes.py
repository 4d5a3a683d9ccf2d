"""What a row does not say of its initiating process, from a start that another file told of, on another day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lurcher
from lurcher.api import Case

GUID = "{747F3D96-E2F1-5F81-0000-001053B22400}"
OTHER = "747f3d96-e2f1-5f81-0000-001053b22499"


def add(case: Case, table: str, *rows: dict[str, Any]) -> None:
    file = case.path.parent / f"{table}.{len(case.tables())}.jsonl"
    file.write_text("".join(json.dumps({"DeviceId": "d1", "DeviceName": "ws01", **r}) + "\n" for r in rows))
    assert case.add(file, table=table).rows == len(rows)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """The rows first, the starts later: the order of adding is no matter."""
    case = lurcher.init(tmp_path / "case")

    def row(remote: str, bag: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
        return {"Timestamp": "2026-03-02T01:00:00Z", "RemoteUrl": remote, "AdditionalFields": bag, **more}

    add(
        case,
        "DeviceNetworkEvents",
        row("guid", {"Source": "Sysmon", "ProcessGuid": GUID.lower()}, InitiatingProcessFileName="A.EXE"),
        row("other guid", {"Source": "Sysmon", "ProcessGuid": OTHER}, InitiatingProcessFileName="a.exe"),
        row("start", None, InitiatingProcessId=200, InitiatingProcessCreationTime="2026-03-01T02:00:00Z"),
        row("other start", None, InitiatingProcessId=200, InitiatingProcessCreationTime="2026-03-01T02:00:01Z"),
        row(
            "other device",
            None,
            InitiatingProcessId=200,
            InitiatingProcessCreationTime="2026-03-01T02:00:00Z",
            DeviceId="d2",
        ),
        row("number alone", None, InitiatingProcessId=200),
        row("id", None, InitiatingProcessUniqueId="77"),
        row("nothing", None),
    )
    add(case, "DeviceEvents", {
        "Timestamp": "2026-03-02T01:00:00Z", "ActionType": "OpenProcessApiCall",
        "AdditionalFields": {"Source": "Sysmon", "SourceProcessGUID": GUID, "TargetProcessGUID": "{" + OTHER + "}"},
    })  # fmt: skip

    def start(name: str, number: int, time: str, **more: Any) -> dict[str, Any]:
        return {
            "Timestamp": time, "ActionType": "ProcessCreated", "FileName": name, "ProcessId": number, "ProcessCreationTime": time,
            "ProcessCommandLine": f"{name} -x", "SHA1": "ab" * 20, "AccountName": "anna", "InitiatingProcessFileName": "cmd.exe",
            "InitiatingProcessId": 5, **more,
        }  # fmt: skip

    add(
        case,
        "DeviceProcessEvents",
        start("a.exe", 100, "2026-03-01T01:00:00Z", AdditionalFields={"Source": "Sysmon", "ProcessGuid": GUID}),
        start("b.exe", 200, "2026-03-01T02:00:00Z"),
        start("c.exe", 300, "2026-03-01T03:00:00Z", ProcessUniqueId="77"),
    )
    return case


def test_by_the_surest_sign_that_the_row_has(case: Case) -> None:
    rows = case.query(
        "DeviceNetworkEvents | invoke InitiatingProcesses()"
        "| project RemoteUrl, InitiatingProcessFileName, InitiatingProcessCommandLine"
    ).rows()
    assert {name: (file, line) for name, file, line in rows} == {
        "guid": ("A.EXE", "a.exe -x"),  # what the row says stays
        "other guid": ("a.exe", ""),
        "start": ("b.exe", "b.exe -x"),
        "other start": ("", ""),
        "other device": ("", ""),
        "number alone": ("", ""),
        "id": ("c.exe", "c.exe -x"),
        "nothing": ("", ""),
    }


def test_all_that_a_start_tells(case: Case) -> None:
    found = case.query("DeviceEvents | invoke InitiatingProcesses()")[0]
    assert found["InitiatingProcessSHA1"] == "ab" * 20
    assert found["InitiatingProcessAccountName"] == "anna"
    assert found["InitiatingProcessId"] == 100
    assert found["InitiatingProcessCreationTime"].isoformat() == "2026-03-01T01:00:00+00:00"
    assert (found["InitiatingProcessParentFileName"], found["InitiatingProcessParentId"]) == ("cmd.exe", 5)


def test_no_row_and_no_column_comes_or_goes(case: Case) -> None:
    plain = case.query("DeviceNetworkEvents | getschema").dicts()
    assert case.query("DeviceNetworkEvents | invoke InitiatingProcesses() | getschema").dicts() == plain
    assert case.query("DeviceNetworkEvents | invoke InitiatingProcesses() | count").value() == 8
    assert case.query("print a = 1 | invoke InitiatingProcesses()").dicts() == [{"a": 1}]
    odd = "DeviceNetworkEvents | project DeviceId, InitiatingProcessFileName = 5 | invoke InitiatingProcesses() | count"
    assert case.query(odd).value() == 8


def test_what_it_does_not_take(case: Case) -> None:
    with pytest.raises(lurcher.Refused, match="begins with"):
        case.query("print ['$id'] = 1 | invoke InitiatingProcesses()")
    with pytest.raises(lurcher.Refused, match="KS120"):
        case.query("DeviceNetworkEvents | invoke InitiatingProcesses(1)")
