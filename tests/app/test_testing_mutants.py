"""Changes that no test notices, events made from the plan, and the watch."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest

from lurcher.app.testing import run_tests
from lurcher.app.testing_mutants import mutate, propose
from lurcher.app.testing_watch import changed, concerned, state, watch
from lurcher.cli import main
from lurcher.content.loading import load_text
from lurcher.content.model import Rule
from lurcher.content.testing.mutants import mutants
from lurcher.errors import LurcherError

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
RULE = """\
name: Evil
query: |
  DeviceFileCertificateInfo
  | where Timestamp > ago(7d)
  | where Signer has_any ('Evil', 'Vile') and ReportId < 10
"""
TESTS = """\
now: 2026-11-20T12:00:00Z
tests:
  - name: found
    kind: true positive
    tables:
      DeviceFileCertificateInfo:
        - {Timestamp: 2026-11-19, DeviceId: d1, Signer: Evil, ReportId: 1}
    expect: {rows: 1}
  - name: another
    kind: false positive
    tables:
      DeviceFileCertificateInfo:
        - {Timestamp: 2026-11-19, DeviceId: d1, Signer: Good, ReportId: 1}
"""


def rule_of(text: str) -> Rule:
    loaded = load_text("rule.yaml", text.encode())
    assert loaded is not None
    return loaded.rules[0]


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    path = tmp_path / "rule.yaml"
    path.write_text(RULE, encoding="utf-8")
    path.with_name("rule.test.yaml").write_text(TESTS, encoding="utf-8")
    return path


def test_each_change_is_one_and_has_its_line() -> None:
    found = [(m.line, m.what) for m in mutants(rule_of(RULE), frozenset())]
    assert found == [
        (4, "without the condition Timestamp > ago(7d)"),
        (4, "not(Timestamp > ago(7d))"),
        (5, "without the condition Signer has_any ('Evil', 'Vile')"),
        (5, "not(Signer has_any ('Evil', 'Vile'))"),
        (5, "without the condition ReportId < 10"),
        (5, "not(ReportId < 10)"),
        (4, "Timestamp > ago(7d): >= for >"),
        (4, "7d doubled to 14d"),
        (4, "7d halved to 84h"),
        (5, "Signer has_any ('Evil', 'Vile') and ReportId < 10: or for and"),
        (5, "Signer has_any ('Evil', 'Vile'): has_all for has_any"),
        (5, "'Evil' left out of has_any"),
        (5, "'Vile' left out of has_any"),
        (5, "ReportId < 10: <= for <"),
        (5, "11 for 10"),
        (5, "9 for 10"),
    ]


def test_exclusions_are_left_out_loosened_and_changed() -> None:
    text = RULE + 'exclusions:\n  - id: e\n    scenario: s\n    when: file.signer == "a" and device.name == "b"\n'
    found = {m.what: m.rule for m in mutants(rule_of(text), frozenset({"e"})) if m.exclusion}
    assert found["left out"].exclusions == ()
    assert found["match: any for match: every"].exclusions[0].match == "any"
    assert found['without the condition file.signer == "a"'].exclusions[0].when == 'device.name == "b"'
    assert 'file.signer != "a" and device.name == "b"' in {r.exclusions[0].when for r in found.values() if r.exclusions}
    assert not [m for m in mutants(rule_of(text), frozenset()) if m.exclusion]


def test_the_score_counts_what_tests_notice_and_names_what_they_do_not(rule: Path) -> None:
    (one,), wrong = mutate([rule])
    assert not wrong
    status = {m.what: m.status for m in one.mutants}
    # By hand: the two tests have one event of yesterday each, of number 1; nothing of theirs is near an edge.
    assert {what for what, s in status.items() if s == "killed"} == {
        "not(Timestamp > ago(7d))",
        "without the condition Signer has_any ('Evil', 'Vile')",
        "not(Signer has_any ('Evil', 'Vile'))",
        "not(ReportId < 10)",
        "Signer has_any ('Evil', 'Vile') and ReportId < 10: or for and",
        "Signer has_any ('Evil', 'Vile'): has_all for has_any",
        "'Evil' left out of has_any",
    }
    # Made events stand on the edges, so that these are told apart from the rule itself.
    survived = {m.what: m.event for m in one.mutants if m.status == "survived"}
    assert survived["'Vile' left out of has_any"] == "Signer: the term 'Vile' alone"
    assert "just outside of >" in survived["without the condition Timestamp > ago(7d)"]
    assert "just outside of < 10" in survived["ReportId < 10: <= for <"]
    assert one.score == pytest.approx(7 / (7 + len(survived)))


def test_a_rule_whose_tests_fail_has_no_score(rule: Path) -> None:
    rule.with_name("rule.test.yaml").write_text(TESTS.replace("Signer: Good", "Signer: Evil"), encoding="utf-8")
    (one,), _ = mutate([rule])
    assert (one.score, one.mutants) == (None, ())
    assert "its test 'another' does not pass" in one.why


def test_what_is_proposed_is_true_of_the_rule(rule: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proposed = propose(rule, NOW)
    assert (proposed.tests > 6, proposed.matching > 1, proposed.text) == (True, True, propose(rule, NOW).text)
    rule.with_name("rule.test.yaml").write_text(proposed.text, encoding="utf-8")
    report = run_tests([rule])
    assert not report.wrong
    assert {o.status for o in report.outcomes} == {"passed"}
    assert {o.kind for o in report.outcomes} == {"true positive", "false positive"}
    # On the edges nothing survives but what these events cannot tell.
    (one,), _ = mutate([rule])
    assert {m.what for m in one.mutants if m.status == "survived"} == set()
    assert main(["test", "--propose", str(rule)]) == 0
    assert "as a part of a longer word" in capsys.readouterr().out


def test_nothing_is_proposed_where_no_condition_is_known(tmp_path: Path) -> None:
    path = tmp_path / "r.kql"
    path.write_text("union DeviceInfo, DeviceEvents | take 1", encoding="utf-8")
    with pytest.raises(LurcherError, match="no events can be made"):
        propose(path, NOW)


def test_the_command_for_mutants(rule: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "--mutate", str(rule)]) == 0
    assert f"not noticed: {rule}:5: 'Vile' left out of has_any" in capsys.readouterr().out
    assert main(["test", "--mutate", "--min-score", "90", "--format", "json", str(rule)]) == 1
    assert json.loads(capsys.readouterr().out)["rules"][0]["score"] < 0.9


# --- the watch ---
def test_a_change_concerns_its_rule_alone_and_events_all_tests_of_their_folder(tmp_path: Path) -> None:
    for name in ("a.yaml", "a.test.yaml", "a.exclusions.yaml", "b.yaml", "b.test.yaml"):
        (tmp_path / name).touch()
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "x.ndjson").touch()
    for name in ("a.yaml", "a.test.yaml", "a.exclusions.yaml"):
        assert concerned([tmp_path / name], [tmp_path]) == [tmp_path / "a.yaml"]
    assert concerned([tmp_path / "events" / "x.ndjson"], [tmp_path]) == [
        tmp_path / "a.test.yaml",
        tmp_path / "b.test.yaml",
    ]
    assert concerned([tmp_path / "b.yaml"], [tmp_path / "a.yaml"]) == []
    before = state([tmp_path])
    os.utime(tmp_path / "a.yaml", ns=(1, 1))
    (tmp_path / "b.test.yaml").unlink()
    assert changed(before, state([tmp_path])) == {tmp_path / "a.yaml", tmp_path / "b.test.yaml"}


def test_a_folder_of_too_many_files_is_not_half_watched(rule: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lurcher.app.testing_watch.MAX_FILES", 2)
    assert len(state([rule.parent])) == 2
    (rule.parent / "third.yaml").touch()
    with pytest.raises(LurcherError, match="more than 2 files"):
        state([rule.parent])


def test_the_watch_runs_all_and_then_what_changed(rule: Path) -> None:
    other = rule.with_name("other.yaml")
    other.write_text(RULE, encoding="utf-8")
    ran: list[list[Path]] = []
    edits = iter([lambda: None, lambda: other.write_text(RULE + "# more\n", encoding="utf-8")])
    watch([rule.parent], lambda some: ran.append(list(some)), wait=lambda: next(edits)(), rounds=2)
    assert ran == [[rule.parent], [other]]


def test_ctrl_c_ends_the_watch(rule: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    assert main(["test", "--watch", str(rule)]) == 0
    assert "2 passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "condition",
    [
        "isempty(AccountName)",
        "not(isempty(AccountName)) and not(isnotempty(AccountSid))",
        "isnotempty(ProcessId)",
        "Timestamp >= datetime(0001-01-01) and Timestamp <= datetime(9999-12-31T23:59:59.9999999)",
        "Timestamp between (datetime(0001-01-01) .. datetime(9999-12-31T23:59:59.9999999))",
        "ReportId == 9223372036854775807",
        "Timestamp >= datetime(0001-01-01)",
        "ReportId in (1, 9223372036854775807) or AccountName == ''",
    ],
)
def test_what_is_proposed_passes_at_the_ends_of_types_and_for_empty_values(tmp_path: Path, condition: str) -> None:
    path = tmp_path / "rule.kql"
    path.write_text(f"DeviceProcessEvents | where {condition}", encoding="utf-8")
    proposed = propose(path, NOW)
    path.with_name("rule.test.yaml").write_text(proposed.text, encoding="utf-8")
    report = run_tests([path])
    assert (report.wrong, report.count("passed")) == ((), proposed.tests)
    assert proposed.matching


def test_events_beyond_the_limit_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rule.kql"
    names = ", ".join(f"'n{i}'" for i in range(100))
    path.write_text(f"DeviceProcessEvents | where FileName in ({names})", encoding="utf-8")
    proposed = propose(path, NOW)
    # One for each name, and two that miss: with more behind the first one, and the first in other case.
    assert (proposed.tests, "# 42 more events are not proposed." in proposed.text) == (60, True)
