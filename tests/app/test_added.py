"""The report of `lurcher add`: for people, for programs, and before anything is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lurcher.cli import cli
from lurcher.lake import Lake

TIME = "2025-01-02T03:04:05.1234567Z"


def event(**properties: Any) -> str:
    row = {"Timestamp": TIME, "DeviceName": "pc1", **properties}
    return json.dumps({"time": TIME, "category": "AdvancedHunting-DeviceEvents", "properties": row})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Lake.create(tmp_path / "case")
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.json").write_text(
        "\n".join([event(ReportId=1, New=1.5), event(ReportId=1, New=1.5), event(ReportId="x")])
    )
    (folder / "b.csv").write_text("n,s\n1,x\n")
    (folder / "c.bin").write_bytes(b"\0\1\2")
    (folder / "d.empty").touch()
    return folder


def run(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["add", str(folder), "--lake", str(folder.parent / "case"), *options])


def state(folder: Path) -> set[str]:
    case = folder.parent / "case"
    return {str(p.relative_to(case)) for p in case.rglob("*") if p.name != "staging"}


def test_a_dry_run_says_what_would_become_of_each_file_and_why(folder: Path) -> None:
    before = state(folder)
    result = run(folder, "--table", "T", "--dry-run")
    assert result.output.replace(f"{folder}/", "").splitlines() == [
        "a.json: defender-streaming, 2 rows to DeviceEvents (1 rejected)",
        "  recognised by category AdvancedHunting-DeviceEvents in line 1",
        "  rejected 1: ReportId: 'x' is not of type long",
        "  columns that DeviceEvents did not have: New:real",
        "b.csv: csv, 1 row to T",
        "  recognised by a header of 2 columns (commas)",
        "  a new table, types as inferred: T(n:long, s:string)",
        "c.bin: of no format that is known here",
        "d.empty: empty",
        "3 rows would be added from 2 of 4 files; 1 rejected, 1 file not taken",
    ]
    assert result.exit_code == 1
    assert state(folder) == before


def test_a_run_counts_what_was_added_repeated_and_rejected(folder: Path) -> None:
    result = run(folder, "--table", "T")
    assert "a.json: defender-streaming, 1 row to DeviceEvents (1 repeated, 1 rejected)" in result.output
    assert result.output.splitlines()[-1] == (
        "2 rows added from 2 of 4 files; 1 repeated, 1 rejected, 1 file not taken"
    )
    again = run(folder, "--table", "T")
    assert (
        again.output.splitlines()[-1] == "0 rows added from 0 of 4 files; 2 files in the lake already, 1 file not taken"
    )


def test_the_report_as_json(folder: Path) -> None:
    lines = [json.loads(line) for line in run(folder, "--table", "T", "--json").output.splitlines()]
    first = {k: v for k, v in lines[0].items() if k not in ("file", "rejects")}
    assert first == {
        "status": "taken",
        "format": "defender-streaming",
        "recognised_by": "category AdvancedHunting-DeviceEvents in line 1",
        "tables": {"DeviceEvents": 1},
        "new_columns": {"DeviceEvents": {"New": "real"}},
        "added": 1,
        "repeated": 1,
        "rejected": 1,
        "reasons": {"ReportId: 'x' is not of type long": 1},
    }
    assert [(Path(d["file"]).name, d["status"]) for d in lines[:4]] == [
        ("a.json", "taken"),
        ("b.csv", "taken"),
        ("c.bin", "skipped"),
        ("d.empty", "skipped"),
    ]
    assert lines[4] == {
        "total": {
            "files": 4, "taken": 2, "already": 0, "skipped": 2, "failed": 1, "added": 2, "repeated": 1, "repaired": 0,
            "rejected": 1, "dry_run": False,
        }
    }  # fmt: skip


def test_files_that_are_alike_are_told_together(folder: Path) -> None:
    for i in range(20):
        (folder / f"n{i:02}.bin").write_bytes(b"\0\1%d" % i)
        (folder / f"o{i:02}.csv").write_text(f"n,s\n{i},y\n")
    run(folder, "--table", "T", "--dry-run")
    output = run(folder, "--table", "T").output.replace(f"{folder}/", "")
    assert (
        "21 files: of no format that is known here (c.bin, n00.bin, n01.bin, ...; --verbose names them all)\n" in output
    )
    assert "20 files: csv, 20 rows to T\n" in output
    assert "22 files: in the lake already" in run(folder, "--table", "T").output
    assert run(folder, "--table", "T", "-v").output.count("of no format that is known here") == 21


def test_names_that_would_steer_a_terminal_are_written_out(folder: Path) -> None:
    (folder / "x\x1b[2J.bin").write_bytes(b"\0")
    output = run(folder, "--dry-run").output
    assert "\x1b" not in output
    assert "x\\x1b[2J.bin: of no format" in output
