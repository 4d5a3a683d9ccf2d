"""What a hunt says of a rule besides its findings."""

from pathlib import Path

import pytest

from lurcher.cli import main
from lurcher.lake import Lake

RULE = "name: r\nquery: |\n  DeviceProcessEvents\n  | join kind=leftouter DeviceInfo on DeviceId\n"
PROCESS = (
    '{"Timestamp": "2026-11-20T10:00:00Z", "DeviceId": "d", "DeviceName": "pc", "FileName": "a.exe", "ReportId": 1}\n'
)


def hunted(case: Path, rule: Path, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["hunt", str(rule), "--lake", str(case), "--no-triage"]) == 0
    return capsys.readouterr().out


def test_tables_without_rows_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Lake.create(tmp_path / "case")
    rule = tmp_path / "r.yaml"
    rule.write_text(RULE, encoding="utf-8")
    said = hunted(tmp_path / "case", rule, capsys)
    assert "findings: none" in said
    assert "there are no data for DeviceProcessEvents, DeviceInfo: what is not found there was not looked for" in said
    (tmp_path / "p.jsonl").write_text(PROCESS, encoding="utf-8")
    assert (
        main(["add", str(tmp_path / "p.jsonl"), "--table", "DeviceProcessEvents", "--lake", str(tmp_path / "case")])
        == 0
    )
    said = hunted(tmp_path / "case", rule, capsys)
    assert "findings: 1 new" in said
    assert "there are no data for DeviceInfo:" in said
