"""The checks of rules: each with a rule that it must speak of and one that it must leave alone."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from lurcher.content.checking import check_rule, check_rules, exit_code
from lurcher.content.checks.registry import CHECKS, Compiled
from lurcher.content.loading import load_folder, load_text
from lurcher.content.model import Rule
from lurcher.kql.diagnostics import RULES
from lurcher.kql.source import Source, Span
from lurcher.kql.syntax import Binary, Literal, Name, NameRef, Pipe, QueryStatement, Script, WhereOp
from lurcher.kql.types import Column, ScalarType

ROOT = Path(__file__).parents[2]
TODAY = dt.date(2026, 11, 24)
GOOD = """\
id: 11111111-2222-3333-4444-555555555555
name: Sample
description: Words.
kind: Scheduled
version: 1.0.0
severity: Low
requiredDataConnectors:
  - connectorId: MicrosoftThreatProtection
    dataTypes:
      - DeviceProcessEvents
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
tactics:
  - CommandAndControl
relevantTechniques:
  - T1219.002
entityMappings:
  - entityType: Host
    fieldMappings:
      - identifier: FullName
        columnName: DeviceName
query: |
  DeviceProcessEvents
  | where Timestamp > ago(1h)
"""


def rule(text: str, path: str = "rule.yaml") -> Rule:
    result = load_text(path, text.encode())
    assert result is not None
    return result.rules[0]


def found(text: str) -> list[str]:
    return [p.code for p in check_rule(rule(text), today=TODAY)]


def test_a_good_rule_has_no_problem() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("id: 11111111-2222-3333-4444-555555555555", "id: 5", "LU202", 1),
        ("id: 11111111-2222-3333-4444-555555555555\n", "", "LU201", 1),
        ("name: Sample\n", "", "LU204", 1),
        ("name: Sample", "name: " + "x" * 257, "LU205", 2),
        ("description: Words.\n", "", "LU206", 1),
        ("description: Words.", "description: " + "x" * 5001, "LU207", 3),
        ("  | where", "  // " + "x" * 10000 + "\n  | where", "LU208", 24),
        ("severity: Low", "severity: Grave", "LU209", 6),
        ("version: 1.0.0\n", "", "LU210", 1),
        (
            "        columnName: DeviceName\n",
            "        columnName: DeviceName\n" * 1 + "  - entityType: Account\n",
            "LU212",
            24,
        ),
        ("tactics:\n  - CommandAndControl\n", "", "LU220", 1),
        ("  - CommandAndControl", "  - Command and Control", "LU221", 16),
        ("  - T1219.002", "  - T12", "LU222", 18),
        ("  - T1219.002", "  - T1035", "LU223", 18),
        ("  - T1219.002", "  - T9999", "LU224", 18),
        ("  - T1219.002", "  - T1219.900", "LU225", 18),
        ("  - T1219.002", "  - T1003", "LU226", 18),
        ("triggerOperator: gt\n", "", "LU230", 1),
        ("queryPeriod: 1h", "queryPeriod: 15d", "LU231", 12),
        ("queryFrequency: 1h", "queryFrequency: 2h", "LU232", 12),
        ("kind: Scheduled", "kind: NRT", "LU233", 11),
        ("triggerThreshold: 0", "triggerThreshold: 10001", "LU234", 14),
    ],
)
def test_each_metadata_check_speaks_at_its_line(old: str, new: str, code: str, line: int) -> None:
    assert old in GOOD
    problems = [p for p in check_rule(rule(GOOD.replace(old, new)), today=TODAY) if p.code == code]
    assert problems, code
    assert problems[0].placed.position[0] == line


def test_the_hint_names_the_tactic_that_was_meant() -> None:
    (problem,) = check_rule(rule(GOOD.replace("  - CommandAndControl", "  - command-and-control")), today=TODAY)
    assert problem.placed.diagnostic.hint == "did you mean CommandAndControl?"


def test_two_rules_with_one_id() -> None:
    one, two = rule(GOOD, "a.yaml"), rule(GOOD.replace("Sample", "Other"), "b.yaml")
    problems = list(check_rules([one, two], today=TODAY))
    assert [(p.code, p.rule.path) for p in problems] == [("LU203", "a.yaml"), ("LU203", "b.yaml")]
    assert "b.yaml" in problems[0].placed.diagnostic.message


EXCLUSION = "exclusions:\n  - id: a\n    when: x == 1\n    owner: o\n    reason: r\n    expires: 2027-01-01\n"


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        ("", "", []),
        ("2027-01-01", "2026-11-23", ["LU401"]),
        ("2027-01-01", "2026-11-24", []),
        ("    owner: o\n", "", ["LU403"]),
        ("    expires: 2027-01-01\n", "", ["LU404"]),
    ],
)
def test_checks_of_exclusions(old: str, new: str, codes: list[str]) -> None:
    assert found(GOOD + EXCLUSION.replace(old, new)) == codes


def test_a_silence_needs_a_reason_and_never_hides_an_error() -> None:
    text = GOOD.replace("severity: Low", "severity: Grave")
    (problem,) = check_rule(rule(text + "# lurcher: ignore LU209 the service of our own knows it\n"), today=TODAY)
    assert (problem.code, problem.silenced) == ("LU209", "the service of our own knows it")
    assert problem.as_data()["silenced"]
    assert exit_code([problem]) == 0
    codes = {p.code: p.silenced for p in check_rule(rule(text + "# lurcher: ignore LU209\n"), today=TODAY)}
    assert codes == {"LU209": "", "LU132": ""}
    assert {"LU132"} == set(found(GOOD + "# lurcher: ignore LU999 why\n"))
    assert {"LU132"} == set(found(GOOD + "# lurcher: ignore\n"))
    codes = {
        p.code: p.silenced
        for p in check_rule(rule("name: x\nquery: ''\n# lurcher: ignore LU123 it is empty\n"), today=TODAY)
    }
    assert codes["LU123"] == ""
    assert "LU132" in codes


def test_a_problem_as_data_for_json() -> None:
    text = GOOD.replace("tactics:\n  - CommandAndControl", "tactics: CommandAndControl")
    (problem,) = check_rule(rule(text), today=TODAY)
    data = problem.as_data()
    assert (data["code"], data["file"], data["line"], data["column"], data["fixable"]) == (
        "LU105",
        "rule.yaml",
        15,
        10,
        True,
    )
    assert exit_code([problem]) == 1


def compiled(op: str, literal: str, columns: tuple[str, ...] = ("DeviceName",)) -> Compiled:
    """What a compiler gives for `DeviceProcessEvents | where FileName <op> '<literal>'`."""
    term = Literal(ScalarType.STRING, literal, span=Span(30, 35))
    where = WhereOp(Binary(op, NameRef(Name("FileName")), term, span=Span(22, 35)))
    script = Script((QueryStatement(Pipe(NameRef(Name("DeviceProcessEvents")), (where,))),))
    return Compiled((), tuple(Column(c, ScalarType.STRING) for c in columns), ("DeviceProcessEvents",), script)


def with_compiler(text: str, result: Compiled) -> list[str]:
    def compile_(source: Source) -> Compiled:
        return result

    return [p.code for p in check_rule(rule(text), today=TODAY, compile=compile_)]


def test_checks_of_the_query() -> None:
    assert with_compiler(GOOD, compiled("has", "word")) == []
    assert with_compiler(GOOD, compiled("contains", "word")) == ["LU320"]
    assert with_compiler(GOOD, compiled("contains", "a-b")) == []
    assert with_compiler(GOOD, compiled("has", "*word")) == ["LU322"]
    assert with_compiler(GOOD, compiled("matches regex", ".*x")) == ["LU323"]
    assert with_compiler(GOOD, compiled("has", "word", ("Other",))) == ["LU301"]
    assert with_compiler(GOOD.replace("- DeviceProcessEvents", "- DeviceNetworkEvents"), compiled("has", "w")) == [
        "LU303",
        "LU304",
    ]
    assert with_compiler(GOOD.replace("kind: Scheduled", "kind: Hunting"), compiled("has", "word")) == ["LU305"]


def test_every_check_and_every_code_is_documented() -> None:
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| (LU\d{3}) \|", text, re.MULTILINE))
    declared = {c for c in RULES if re.fullmatch(r"LU[12345]\d\d", c)} - {c for c in RULES if c.startswith("LX")}
    assert declared <= documented
    for code, row in CHECKS.items():
        assert row.doc, code
        assert row.doc.replace("|", "\\|") in text, code


def test_the_rules_that_ship() -> None:
    result = load_folder(ROOT / "content")
    assert result.errors == ()
    assert all(r.runnable for r in result.rules)
    by_path = {Path(r.path).name: r for r in result.rules}
    sentinel, page = by_path["ninjarmm-file-signature.yaml"], by_path["ninjarmm-file-signature.page.txt"]
    assert sentinel.id == page.id == "662b8f73-a1f2-48a9-966d-43ffa3555a29"
    assert sentinel.query == page.query
    assert [e.when for e in sentinel.exclusions] == [e.when for e in page.exclusions]
    assert len(sentinel.exclusions) == 5
    own = by_path["ninjaone-file-signature.yaml"]
    assert [p.code for p in check_rule(own, today=TODAY)] == []
