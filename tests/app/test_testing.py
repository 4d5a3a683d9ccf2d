"""`lurcher test`: rules run on the events of their tests."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lurcher.app.testing import run_tests, session_of
from lurcher.cli import main
from lurcher.content.testing import load_tests
from lurcher.errors import LurcherError

RULE = """\
id: 11111111-2222-3333-4444-555555555555
name: Signed by Evil
query: |
  DeviceFileCertificateInfo
  | where Timestamp > ago(7d)
  | where Signer has 'Evil'
  | summarize Count = count(), Names = make_set(Signer) by DeviceName
exclusions:
  - id: known
    scenario: the managed one
    when: file.signer == "Evil Good Ltd" and device.name startswith "managed-"
  - id: name-alone
    scenario: a program of that name
    when: process.name == "x.exe"
"""
EVENT = "{{Timestamp: 2026-11-19, DeviceId: d1, DeviceName: {0}, SHA1: {2}, Signer: {1}}}"


def event(device: str = "pc1", signer: str = "Evil LLC", sha1: str = "aa") -> str:
    return EVENT.format(device, signer, sha1)


def test_file(*tests: str) -> str:
    return "now: 2026-11-20T12:00:00Z\ntests:\n" + "".join(tests)


test_file.__test__ = False  # type: ignore[attr-defined]


def one(name: str, kind: str, events: list[str], more: str = "") -> str:
    rows = "".join(f"        - {e}\n" for e in events)
    return (
        f"  - name: {name}\n    kind: {kind} positive\n    tables:\n      DeviceFileCertificateInfo:\n{rows}"
        + "".join(f"    {line}\n" for line in more.splitlines())
    )


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    path = tmp_path / "rule.yaml"
    path.write_text(RULE, encoding="utf-8")
    return path


def write(rule: Path, *tests: str) -> Path:
    path = rule.with_name("rule.test.yaml")
    path.write_text(test_file(*tests), encoding="utf-8")
    return path


def differences(rule: Path, *tests: str) -> list[str]:
    write(rule, *tests)
    report = run_tests([rule])
    assert not report.wrong
    return [f"{o.reason}{'; '.join(map(str, o.differences))}" for o in report.outcomes]


def test_what_kind_of_test_it_is_decides_without_expectations(rule: Path) -> None:
    managed, none = event("managed-1", "Evil Good Ltd"), "findings: expected at least 1, got none"
    assert differences(
        rule,
        one("found", "true", [event()]),
        one("not found", "true", [event(signer="Good LLC")]),
        one("harmless", "false", [event(signer="Good LLC")]),
        one("explained", "false", [managed]),
        one("hidden", "true", [managed]),
        one("loud", "false", [event()]),
    ) == ["", none, "", "", none, "findings: expected none, got 1"]


def test_expectations_are_numbers_or_partial_rows(rule: Path) -> None:
    # Two devices; of the managed one's two signatures one is explained.
    events = [event(), event("managed-1", "Evil Good Ltd"), event("managed-1", "Evil LLC", "bb")]
    fine = """\
expect:
  rows: [{DeviceName: managed-1, Count: 2, Names: [Evil LLC, Evil Good Ltd]}, {DeviceName: pc1}]
  findings: [{Count: 1, DeviceName: managed-1, Names: ["Evil LLC"]}, {}]
  suppressed: 0
  explained: {known: 1}
"""
    assert differences(rule, one("a", "true", events, fine)) == [""]
    wrong = (
        fine.replace("Count: 2", "Count: 3").replace("suppressed: 0", "suppressed: 1").replace("known: 1", "known: 2")
    )
    assert differences(rule, one("a", "true", events, wrong)) == [
        "rows: expected 2 rows, got 2 rows, 1 of them not as expected; suppressed: expected 1, got 0; "
        "explained.known: expected 2 rows of evidence, got 1 row of evidence"
    ]


def test_all_evidence_explained_is_suppressed(rule: Path) -> None:
    expect = "expect: {rows: 1, findings: 0, suppressed: [{DeviceName: managed-1}], explained: {known: 1}}"
    assert differences(rule, one("a", "false", [event("managed-1", "Evil Good Ltd")], expect)) == [""]


def test_a_refused_exclusion_holds_only_where_it_is_forced(rule: Path) -> None:
    text = one("a", "false", [event()]) + (
        "      DeviceProcessEvents: [{Timestamp: 2026-11-19, DeviceId: d1, SHA1: aa, FileName: x.exe}]\n"
    )
    write(rule, text)
    (outcome,) = run_tests([rule]).outcomes
    assert outcome.status == "failed"
    assert "name-alone" in outcome.not_in_force
    write(rule, text + "    force: [name-alone]\n    expect: {explained: {name-alone: 1}}\n")
    (outcome,) = run_tests([rule]).outcomes
    assert (outcome.status, outcome.not_in_force) == ("passed", {})


def test_an_unknown_exclusion_is_an_error_with_its_nearest_name(rule: Path) -> None:
    write(rule, one("a", "true", [event()], "force: [knwon]"))
    report = run_tests([rule])
    assert [(p.diagnostic.code, p.diagnostic.hint) for p in report.wrong] == [("LU612", "did you mean known?")]
    assert (report.exit_code(), report.outcomes) == (2, ())


def test_events_come_from_a_file_beside(rule: Path) -> None:
    (rule.parent / "events").mkdir()
    row = {"Timestamp": "2026-11-19T00:00:00Z", "DeviceId": "d", "DeviceName": "pc1", "Signer": "Evil", "SHA1": "aa"}
    (rule.parent / "events" / "c.ndjson").write_text(json.dumps(row) + "\n", encoding="utf-8")
    text = "  - {name: a, kind: true positive, tables: {DeviceFileCertificateInfo: events/c.ndjson}}\n"
    path = write(rule, text)
    assert [o.status for o in run_tests([path]).outcomes] == ["passed"]
    (rule.parent / "events" / "c.ndjson").write_text('{"Timestamp": "never"}\n', encoding="utf-8")
    (outcome,) = run_tests([path]).outcomes
    assert outcome.status == "error"
    assert "'never' is not a time" in outcome.reason


def test_a_rule_that_does_not_run_is_no_passed_test(rule: Path) -> None:
    rule.write_text(RULE.replace("Signer has", "Signr has"), encoding="utf-8")
    write(rule, one("a", "false", []))
    (outcome,) = run_tests([rule]).outcomes
    assert outcome.status == "error"
    assert "Signr" in outcome.reason


def test_tests_of_one_file_do_not_see_each_others_rows(rule: Path) -> None:
    empty = "  - {name: b, kind: false positive, tables: {}}\n"
    assert differences(rule, one("a", "true", [event()]), empty) == ["", ""]


def test_several_rules_in_a_file_are_told_apart(rule: Path) -> None:
    second = RULE.replace("11111111", "21111111").replace("'Evil'", "'Other'").replace("Signed by Evil", "Other")
    rule.write_text(f"{RULE}---\n{second}", encoding="utf-8")
    write(rule, one("a", "true", [event()], "rule: Signed by Evil"), one("b", "false", [event()], "rule: Other"))
    assert [(o.rule, o.status) for o in run_tests([rule]).outcomes] == [
        ("Signed by Evil", "passed"),
        ("Other", "passed"),
    ]
    write(rule, one("a", "true", [event()]))
    assert [p.diagnostic.code for p in run_tests([rule]).wrong] == ["LU613"]


def test_tests_without_a_rule_are_told(tmp_path: Path) -> None:
    (tmp_path / "lost.test.yaml").write_text(test_file("  - {name: a, kind: true positive, tables: {}}\n"))
    assert [p.diagnostic.code for p in run_tests([tmp_path]).wrong] == ["LU611"]
    with pytest.raises(LurcherError):
        run_tests([tmp_path / "nothing.yaml"])


def test_the_session_of_a_test_knows_its_rows_and_its_time(rule: Path) -> None:
    (test,) = load_tests(write(rule, one("a", "true", [event()]))).tests
    table = session_of(test).run_table("DeviceFileCertificateInfo | project DeviceName, At = now(), IsSigned")
    assert table.to_pylist() == [{"DeviceName": "pc1", "At": test.now, "IsSigned": None}]


# --- the command ---
def test_exit_codes_and_what_is_printed(rule: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(rule, one("good", "true", [event()]))
    assert main(["test", str(rule)]) == 0
    out = capsys.readouterr().out
    assert "PASSED  Signed by Evil :: good" in out
    assert "lacks a false positive" in out
    assert main(["test", str(rule), "--require-tests"]) == 1
    assert main(["test", str(rule), "-k", "nothing of that name"]) == 2
    capsys.readouterr()
    write(rule, one("good", "true", [event()]), one("bad", "false", [event()]), one("bad too", "false", [event()]))
    assert main(["test", str(rule.parent), "-x", "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["passed"], data["failed"], data["stopped"]) == (1, 1, True)
    rule.with_name("rule.test.yaml").write_text("tests: 1\n", encoding="utf-8")
    assert main(["test", str(rule)]) == 2
    assert "LU128" in capsys.readouterr().out


def test_junit_has_a_case_for_each_test_and_holds_no_character_that_xml_forbids(rule: Path, tmp_path: Path) -> None:
    write(rule, one("good", "true", [event()]), one("bad", "false", [event('"pc\\u0007<1>"')]))
    file = tmp_path / "out.xml"
    assert main(["test", str(rule), "--junit", str(file)]) == 1
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "0")
    cases = list(root.iter("testcase"))
    assert [(c.get("name"), [e.tag for e in c]) for c in cases] == [("good", []), ("bad", ["failure"])]
    assert "findings: expected none, got 1" in str(cases[1][0].get("message"))


def test_several_processes_give_what_one_gives_in_order(rule: Path) -> None:
    tests = [one(f"t{i}", "true" if i % 3 else "false", [event()]) for i in range(66)]
    write(rule, *tests)
    alone, together = run_tests([rule]), run_tests([rule], jobs=2)
    assert [(o.test, o.status) for o in together.outcomes] == [(o.test, o.status) for o in alone.outcomes]
    assert (together.count("failed"), together.count("passed")) == (22, 44)


def test_files_beside_a_rule_stand_for_it(rule: Path) -> None:
    # What a shell makes of `rules/*.yaml`.
    write(rule, one("a", "true", [event()]))
    beside = rule.with_name("rule.exclusions.yaml")
    beside.write_text("exclusions: []\n", encoding="utf-8")
    report = run_tests(sorted(rule.parent.glob("*.yaml")))
    assert [o.test for o in report.outcomes] == ["a"]
