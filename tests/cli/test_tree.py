"""`lurcher tree` and `case.tree`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import lurcher
from lurcher.api import Case


@pytest.fixture
def case(tmp_path: Path) -> Case:
    def start(time: str, number: int, name: str, parent: int, of: str, since: str | None) -> str:
        return json.dumps({
            "Timestamp": f"2026-03-01T{time}Z", "DeviceName": "ws01.corp.local", "ActionType": "ProcessCreated", "FileName": name,
            "ProcessId": number, "ProcessCreationTime": f"2026-03-01T{time}Z", "ProcessCommandLine": name,
            "InitiatingProcessId": parent,
            "InitiatingProcessFileName": of, "InitiatingProcessCreationTime": since and f"2026-03-01T{since}Z",
        })  # fmt: skip

    rows = [
        start("01:00:00", 10, "explorer.exe", 5, "userinit.exe", "00:59:00"),
        start("02:00:00", 20, "cmd.exe", 10, "explorer.exe", "01:00:00"),
        start("03:00:00", 30, "evil\x1b[2J.exe", 20, "cmd.exe", "02:00:00"),
        start("04:00:00", 20, "notepad.exe", 10, "explorer.exe", "01:00:00"),
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(rows))
    case = lurcher.init(tmp_path / "case")
    case.add(file, table="DeviceProcessEvents")
    return case


def run(case: Case, *args: str) -> Result:
    from lurcher.cli import cli

    return CliRunner().invoke(cli, ["tree", "--lake", str(case.path), *args])


def test_the_tree(case: Case) -> None:
    assert run(case, "WS01").output.splitlines() == [
        "(userinit.exe)",
        "explorer.exe  10  2026-03-01 01:00:00",
        "├─ cmd.exe  20  2026-03-01 02:00:00",
        "│  └─ evil\\x1b[2J.exe  30  2026-03-01 03:00:00",
        "└─ notepad.exe  20  2026-03-01 04:00:00",
    ]
    assert run(case, "ws01", "--limit", "1").output.splitlines()[-1] == "… 3 more: --limit, or --pid NUMBER"


def test_one_process_and_its_kin(case: Case) -> None:
    assert run(case, "ws01", "--pid", "20", "--at", "2026-03-01T03:30:00").output.splitlines()[1:] == [
        "explorer.exe  10  2026-03-01 01:00:00",
        "└─ > cmd.exe  20  2026-03-01 02:00:00",
        "   └─ evil\\x1b[2J.exe  30  2026-03-01 03:00:00",
    ]
    found = json.loads(run(case, "ws01", "--pid", "30", "--format", "json").output)
    assert [(f["name"], f["depth"], f["asked"]) for f in found] == [
        ("explorer.exe", 0, False),
        ("cmd.exe", 1, False),
        ("evil\x1b[2J.exe", 2, True),
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("ws02",), "no start of a process of 'ws02'"),
        (("x') | union DeviceInfo //",), "no start of a process"),
        (("ws01", "--pid", "99"), "no process of 'ws01' with the number 99"),
        (("ws01", "--pid", "20", "--at", "2026-03-01"), "was started by 2026-03-01 00:00:00"),
        (("ws01", "--at", "2026-03-01"), "a time chooses among the processes with one number"),
        (("ws01", "--source", "Sysmon"), "no start of a process of 'ws01' from 'Sysmon'"),
        (("ws01", "--guid", "{0}"), "no process of 'ws01' with the id {0}"),
    ],
)
def test_what_there_is_not(case: Case, args: tuple[str, ...], said: str) -> None:
    result = run(case, *args)
    assert isinstance(result.exception, lurcher.LurcherError)
    assert said in str(result.exception)


def test_in_python(case: Case) -> None:
    tree = case.tree("ws01", pid=30)
    assert [line.name for line in tree] == ["explorer.exe", "cmd.exe", "evil\x1b[2J.exe"]
    assert "\x1b" not in repr(tree)
    assert "3 processes" in repr(tree)
    assert "└─" in tree._repr_html_()
