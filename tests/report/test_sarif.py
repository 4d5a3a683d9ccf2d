"""SARIF as the standard has it, and runs that are compared by it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lurcher.app.check import check
from lurcher.app.checked import against, outputs, read_baseline_file, sarif_document
from lurcher.app.session import Session
from lurcher.errors import LurcherError
from lurcher.report.problems import github_lines
from lurcher.report.sarif import SarifDocument, SarifPlace, SarifResult, SarifRule, read_baseline, relative, sarif

#: The parts of SARIF 2.1.0 that are written, after the standard's text (3.13 to 3.49).
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
ARTIFACT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["uri"],
    "properties": {"uri": {"type": "string", "pattern": r"^[^\s\\]+$"}, "uriBaseId": {"type": "string"}},
}
COUNT = {"type": "integer", "minimum": 1}
LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": ARTIFACT,
                "region": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["startLine"],
                    "properties": {
                        "startLine": COUNT, "startColumn": COUNT, "endLine": COUNT, "endColumn": COUNT,
                        "snippet": {"type": "object", "required": ["text"]},
                    },
                },
            },
        }
    },
}  # fmt: skip
LEVEL = {"enum": ["none", "note", "warning", "error"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["tool"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["name"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "semanticVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
                                    "informationUri": {"type": "string", "pattern": "^https://"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "additionalProperties": False,
                                            "required": ["id"],
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": MESSAGE,
                                                "fullDescription": MESSAGE,
                                                "help": MESSAGE,
                                                "helpUri": {"type": "string", "pattern": "^https://"},
                                                "defaultConfiguration": {
                                                    "type": "object",
                                                    "properties": {"level": LEVEL},
                                                },
                                                "properties": {"type": "object"},
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "originalUriBaseIds": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "properties": {"uri": {"type": "string", "pattern": "^file:///(.*/)?$"}},
                        },
                    },
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "properties": {
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["message"],
                                        "properties": {
                                            "level": LEVEL,
                                            "message": MESSAGE,
                                            "locations": {"type": "array", "items": LOCATION},
                                        },
                                    },
                                }
                            },
                        },
                    },
                    "artifacts": {
                        "type": "array",
                        "uniqueItems": True,
                        "items": {"type": "object", "properties": {"location": ARTIFACT}},
                    },
                    "properties": {"type": "object"},
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["message", "ruleId"],
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": LEVEL,
                                "message": MESSAGE,
                                "locations": {"type": "array", "items": LOCATION},
                                "partialFingerprints": {
                                    "type": "object",
                                    "additionalProperties": {"type": "string"},
                                },
                                "suppressions": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["kind"],
                                        "additionalProperties": False,
                                        "properties": {
                                            "kind": {"enum": ["inSource", "external"]},
                                            "status": {"enum": ["accepted", "underReview", "rejected"]},
                                            "justification": {"type": "string"},
                                        },
                                    },
                                },
                                "baselineState": {"enum": ["new", "unchanged", "updated", "absent"]},
                                "properties": {"type": "object"},
                            },
                        },
                    },
                },
            },
        },
    },
}

RULE = """\
id: 11111111-2222-3333-4444-555555555555
name: 'Sämple, "one": 100%'
description: Words.
tactics: [CommandAndControl]
relevantTechniques: [T1035]
query: |
  DeviceProcessEvents
  | where Timestamp > ago(1h) and FileNme has 'x'
# lurcher: ignore LU226 the tactic is right
"""


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(None, datetime(2026, 11, 24, tzinfo=UTC))


def valid(data: dict[str, Any]) -> list[dict[str, Any]]:
    jsonschema.validate(data, SCHEMA)
    (run,) = data["runs"]
    for result in run["results"]:
        rules = run["tool"]["driver"]["rules"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    results: list[dict[str, Any]] = run["results"]
    return results


def made(folder: Path, session: Session) -> dict[str, Any]:
    data: dict[str, Any] = sarif(sarif_document(check([folder], session), folder))
    return data


def test_results_stand_at_their_characters(tmp_path: Path, session: Session) -> None:
    (tmp_path / "a b.yaml").write_text(RULE, encoding="utf-8")
    by = {r["ruleId"]: r for r in valid(made(tmp_path, session))}
    wrong = by["KS142"]
    place = wrong["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b.yaml", "uriBaseId": "ROOT"}
    # `  | where Timestamp > ago(1h) and FileNme`: the name begins in column 35 of line 8.
    assert {k: v for k, v in place["region"].items() if k != "snippet"} == {
        "startLine": 8, "startColumn": 35, "endLine": 8, "endColumn": 42,
    }  # fmt: skip
    assert wrong["level"] == "error"
    assert by["LU223"]["properties"]["rule"] == "11111111-2222-3333-4444-555555555555"


def test_silenced_problems_are_there_with_their_reason(tmp_path: Path, session: Session) -> None:
    text = RULE.replace("T1035", "T1003")
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    (silenced,) = [r for r in valid(made(tmp_path, session)) if r["ruleId"] == "LU226"]
    assert silenced["suppressions"] == [
        {"kind": "inSource", "status": "accepted", "justification": "the tactic is right"}
    ]


def states(baseline: Path, folder: Path, session: Session) -> dict[str, str]:
    known = read_baseline_file(baseline)
    data = sarif(sarif_document(check([folder], session), folder), known)
    return {r["ruleId"]: r["baselineState"] for r in valid(data)}


def test_a_baseline_survives_moved_lines_and_files(tmp_path: Path, session: Session) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    file = rules / "a.yaml"
    file.write_text(RULE, encoding="utf-8")
    baseline = tmp_path / "base.sarif"
    baseline.write_text(json.dumps(made(rules, session)), encoding="utf-8")
    assert set(states(baseline, rules, session).values()) == {"unchanged"}
    file.write_text("# a comment\n\n" + RULE, encoding="utf-8")
    assert set(states(baseline, rules, session).values()) == {"unchanged"}
    (rules / "sub").mkdir()
    moved = file.rename(rules / "sub" / "b.yaml")
    assert set(states(baseline, rules, session).values()) == {"unchanged"}
    # The column is put right, the technique goes, another problem comes.
    moved.write_text(RULE.replace("FileNme", "FileName").replace("name: ", "#name: "), encoding="utf-8")
    found = states(baseline, rules, session)
    assert (found["LU204"], found["LU223"]) == ("new", "unchanged")


def test_what_is_gone_is_told(tmp_path: Path, session: Session) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    file = rules / "a.yaml"
    file.write_text(RULE, encoding="utf-8")
    baseline = tmp_path / "base.sarif"
    baseline.write_text(json.dumps(made(rules, session)), encoding="utf-8")
    file.write_text(RULE.replace("FileNme", "FileName"), encoding="utf-8")
    found = states(baseline, rules, session)
    assert (found["KS142"], found["LU223"]) == ("absent", "unchanged")
    report = check([rules], session)
    assert against(report, read_baseline_file(baseline), rules) == 1
    assert report.exit_code == 0
    assert (
        "known from the baseline, 1 of it gone" in outputs(report, rules, read_baseline_file(baseline), 1).last_line()
    )
    # A problem that comes to it fails the run.
    file.write_text(RULE + "severity: Grave\n", encoding="utf-8")
    report = check([rules], session)
    against(report, read_baseline_file(baseline), rules)
    assert report.exit_code == 1
    assert [r.code for r in report.rows if r.state == "new"] == ["LU209"]


def test_notes_that_are_not_shown_are_not_gone(tmp_path: Path, session: Session) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nquery: DeviceInfo | where nosuch == 1\n", encoding="utf-8")
    baseline = tmp_path / "base.sarif"
    data = made(tmp_path, session)
    assert "note" in {r["level"] for r in valid(data)}
    baseline.write_text(json.dumps(data), encoding="utf-8")
    report, known = check([tmp_path], session), read_baseline_file(baseline)
    shown = valid(json.loads(outputs(report, tmp_path, known, against(report, known, tmp_path), notes=False).sarif()))
    assert {(r["level"] == "note", r["baselineState"]) for r in shown} == {(False, "unchanged")}


def test_of_files_that_were_not_looked_at_nothing_is_missed(tmp_path: Path, session: Session) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(RULE.replace("11111111", "1111111" + name[0]), encoding="utf-8")
    baseline = tmp_path / "base.sarif"
    baseline.write_text(json.dumps(made(tmp_path, session)), encoding="utf-8")
    report = check([tmp_path / "a.yaml"], session)
    assert against(report, read_baseline_file(baseline), tmp_path) == 0


def test_a_result_that_says_something_else_is_updated() -> None:
    def document(message: str, reason: str | None = None) -> SarifDocument:
        place = SarifPlace("a.yaml", 3, 1, 3, 5, "text")
        result = SarifResult("LU1", "warning", message, place, "rule", reason)
        return SarifDocument((SarifRule("LU1", "m", "warning"),), (result, result), "1.0.0")

    first = read_baseline(json.dumps(sarif(document("a"))).encode(), "b.sarif")
    assert [r["baselineState"] for r in valid(sarif(document("a"), first))] == ["unchanged", "unchanged"]
    assert [r["baselineState"] for r in valid(sarif(document("b"), first))] == ["updated", "updated"]
    assert [r["baselineState"] for r in valid(sarif(document("a", "why"), first))] == ["updated", "updated"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b'{"version": "2.0.0", "runs": []}', b'{"version": "2.1.0", "runs": []}', b"\xff\xfe", b"[" * 100_000,
        b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "lurcher"}}, "results": [{}]}]}',
        b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "other"}}, "results": []}]}',
    ],
)  # fmt: skip
def test_what_is_no_baseline_is_refused(content: bytes) -> None:
    with pytest.raises(LurcherError):
        read_baseline(content, "b.sarif")


def test_paths_are_relative_to_the_base(tmp_path: Path) -> None:
    inside, outside = str(tmp_path / "x" / "a.yaml"), "/elsewhere/b.yaml"
    assert relative([inside, outside], str(tmp_path)) == {inside: "x/a.yaml", outside: outside}


def test_annotations_do_not_steer_a_terminal(tmp_path: Path, session: Session) -> None:
    (tmp_path / "a.yaml").write_text('name: "a\\e[31m"\nquery: DeviceInfo | where nosuch == 1\n', encoding="utf-8")
    lines = list(github_lines(check([tmp_path], session).rows, ()))
    assert any(r"a\x1b[31m" in line for line in lines)
    assert "\x1b" not in "".join(lines)


def test_annotations_are_escaped(tmp_path: Path, session: Session) -> None:
    (tmp_path / "a,b.yaml").write_text(RULE, encoding="utf-8")
    report = check([tmp_path], session)
    lines = list(github_lines(report.rows, tuple(relative([str(tmp_path / "a,b.yaml")], str(tmp_path)).items())))
    (wrong,) = [line for line in lines if "KS142" in line]
    assert wrong.startswith(
        '::error file=a%2Cb.yaml,line=8,endLine=8,title=KS142 Sämple%2C "one"%3A 100%25,col=35,endColumn=42::the name'
    )
    assert "%0Ahint: did you mean" in wrong
    # A silenced problem is none to tell.
    assert all(re.fullmatch(r"::(error|warning|notice) file=[^:\n]+::[^\n]+", line) for line in lines)
    assert not any("LU226" in line for line in lines)
