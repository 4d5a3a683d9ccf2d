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


def test_a_query_of_one_rule_that_fails_does_not_end_the_hunt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    from lurcher.app import hunt as hunting
    from lurcher.app.rules import RuleText
    from lurcher.app.session import Session
    from lurcher.errors import LurcherError
    from lurcher.kql.diagnostics import LU001, Refused
    from lurcher.kql.source import Span

    lake = Lake.create(tmp_path / "case")
    (tmp_path / "p.jsonl").write_text(PROCESS, encoding="utf-8")
    added = ["add", str(tmp_path / "p.jsonl"), "--table", "DeviceProcessEvents", "--lake", str(lake.path)]
    assert main(added) == 0
    now = datetime(2026, 11, 21, tzinfo=UTC)
    texts = [
        RuleText(
            f"id: {i}\nname: r{i}\nquery: |\n  DeviceProcessEvents | where FileName has 'a' | where {i} == {i}\n",
            f"{i}.yaml",
        )
        for i in range(3)
    ]
    session = Session.open(Lake.open(lake.path), now)
    real = session.compile

    def compile_(source, **more):  # type: ignore[no-untyped-def]
        text = getattr(source, "text", source)
        if "1 == 1" in text:
            raise LurcherError("the query took longer than 1 s")
        return real(source, **more)

    def refusing(seen, ask, about, present):  # type: ignore[no-untyped-def]
        raise Refused((LU001.at(Span(0, 0), construct="this on Spark", hint=""),))

    monkeypatch.setattr(session, "compile", compile_)
    monkeypatch.setattr(hunting, "reasons", refusing)
    report = hunting.hunt(Lake.open(lake.path), texts, session, started=now)
    assert [r.run.status for r in report.rules] == ["ok", "failed", "ok"]
    assert report.rules[1].run.reason == "the query took longer than 1 s"
    assert [len(r.findings) for r in report.rules] == [1, 0, 1]
    assert not report.complete
    for one in (report.rules[0], report.rules[2]):
        assert any("stand out was not looked for" in note and "this on Spark" in note for note in one.run.notes)
