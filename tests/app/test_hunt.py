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


def test_an_exclusion_to_force_must_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, rules = str(Lake.create(tmp_path / "case").path), tmp_path / "rules"
    rules.mkdir()
    excluded = "exclusions:\n  - id: e1\n    reason: r\n    when: device.name == 'pc'\n"
    (rules / "r.yaml").write_text(RULE + excluded, encoding="utf-8")
    assert main(["hunt", str(rules), "--lake", case, "--force", "e1", "--force", "e2"]) == 2
    assert "no rule here has an exclusion 'e2'" in capsys.readouterr().err
    assert not (tmp_path / "case" / "ledger.db").exists()
    assert main(["hunt", str(rules), "--lake", case, "--force", "e1"]) == 0
    # A file that cannot be read may be the one that has it: it is told of, and the others are hunted.
    (rules / "s.yaml").write_text("name: [", encoding="utf-8")
    assert main(["hunt", str(rules), "--lake", case, "--force", "e2"]) == 1
    said = capsys.readouterr().out
    assert "s.yaml" in said
    assert "findings: none" in said


def test_a_finding_of_which_a_part_is_looked_into_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lurcher.hunt import triage

    case, rule = str(Lake.create(tmp_path / "case").path), tmp_path / "r.yaml"
    rows = "".join(PROCESS.replace('"ReportId": 1', f'"ReportId": {i}, "SHA1": "{i:040}"') for i in range(3))
    (tmp_path / "p.jsonl").write_text(rows, encoding="utf-8")
    assert main(["add", str(tmp_path / "p.jsonl"), "--table", "DeviceProcessEvents", "--lake", case]) == 0
    rule.write_text("name: r\nquery: |\n  DeviceProcessEvents | summarize count() by DeviceId\n", encoding="utf-8")
    for most, told in ((3, False), (2, True)):
        monkeypatch.setattr(triage, "MAX_HASHES", most)
        capsys.readouterr()
        assert main(["hunt", str(rule), "--lake", case]) == 0
        said = capsys.readouterr().out
        assert ("what makes 1 of its findings stand out was looked for in a part of their evidence" in said) == told
