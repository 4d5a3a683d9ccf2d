"""What rules and findings cover of ATT&CK, and the layer of it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lurcher.app.coverage import coverage, coverage_of
from lurcher.app.rules import RuleText, load_rules
from lurcher.app.session import Session
from lurcher.cli import main
from lurcher.content import attack
from lurcher.errors import LurcherError
from lurcher.report.coverage import CoverageDocument, remarks
from lurcher.report.navigator import layer, slug

RULE = "id: {id}\nname: {id}\ntactics: [{tactics}]\nrelevantTechniques: [{techniques}]\nquery: |\n  DeviceEvents | where {where}\n"


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(None, datetime(2026, 11, 24, tzinfo=UTC))


def of(
    session: Session, *rules: tuple[str, str, str], where: str = "true", findings: dict[str, int] | None = None
) -> CoverageDocument:
    texts = [
        RuleText(RULE.format(id=id_, tactics=tactics, techniques=techniques, where=where), f"{id_}.yaml")
        for id_, tactics, techniques in rules
    ]
    return coverage_of(load_rules(texts).rules, session, findings)


def places(doc: CoverageDocument) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(t.tactic, t.id): t.rules for t in doc.techniques}


def test_a_technique_counts_under_the_tactics_that_the_rule_names(session: Session) -> None:
    # T1078 serves four tactics.
    doc = of(session, ("a", "Persistence", "T1078"), ("b", "", "T1078"), ("c", "Exfiltration", "T1078"))
    assert places(doc) == {
        ("Persistence", "T1078"): ("a", "b", "c"),
        ("InitialAccess", "T1078"): ("b", "c"),
        ("PrivilegeEscalation", "T1078"): ("b", "c"),
        ("DefenseEvasion", "T1078"): ("b", "c"),
    }
    by = {t.tactic: t for t in doc.tactics}
    assert (by["Persistence"].covered, by["Persistence"].rules) == (1, 3)
    assert by["Exfiltration"].covered == 0
    assert ("T1078", "Valid Accounts") not in by["Persistence"].missing


def test_a_sub_technique_covers_its_technique(session: Session) -> None:
    doc = of(session, ("a", "CommandAndControl", "T1219.002"))
    assert [(t.id, t.name) for t in doc.techniques] == [("T1219.002", "Remote Access Tools: Remote Desktop Software")]
    (line,) = [t for t in doc.tactics if t.tactic == "CommandAndControl"]
    assert (line.covered, line.total) == (1, len(line.missing) + 1)


def test_revoked_and_unknown_ids(session: Session) -> None:
    doc = of(session, ("a", "", "T1035, t1219, T9999, T1219.999"))
    assert {t.id for t in doc.techniques} == {"T1569.002", "T1219"}
    assert ("T1035", "T1569.002", "Service Execution") in doc.moved
    assert doc.unknown == ("T9999",)
    assert "T1035 is now T1569.002 (Service Execution); counted there" in list(remarks(doc))


def test_a_rule_that_does_not_stand_covers_nothing(session: Session) -> None:
    doc = of(session, ("a", "", "T1219"), where="Nme == 'x'")
    assert (doc.techniques, [r for r, _ in doc.not_counted]) == ((), ["a"])
    # What only this place lacks is on the service.
    doc = of(session, ("a", "", "T1219"), where="FileName in ((_GetWatchlist('x') | project SearchKey))")
    assert [t.id for t in doc.techniques] == ["T1219"]
    assert of(session, ("a", "Execution", "")).untagged == ("a",)


def test_findings_are_counted_by_rule(session: Session) -> None:
    doc = of(
        session, ("a", "", "T1219"), ("b", "", "T1219, T1572"), ("c", "", "T1048"), findings={"a": 2, "b": 3, "z": 7}
    )
    assert {t.id: t.findings for t in doc.techniques} == {"T1219": 5, "T1572": 3, "T1048": 0}
    by = {t.tactic: t.findings for t in doc.tactics}
    assert (by["CommandAndControl"], by["Exfiltration"], doc.findings_of_others) == (5, 0, 7)


def test_the_list_of_techniques() -> None:
    assert attack.full_name("T1219") == "Remote Access Tools"
    assert [attack.full_name(f"T1219.00{i}").partition(": ")[2] for i in (1, 2, 3)] == [
        "IDE Tunneling", "Remote Desktop Software", "Remote Access Hardware",
    ]  # fmt: skip
    every = {row.id for row in attack.techniques()}
    for id_ in ("T1035", "T1086", "T1073", "T1574.002", "T1150", "T1166"):
        row = attack.today(id_)
        assert row is not None, id_
        assert row.id in every
        assert row.id != id_
    assert all(set(row.tactics) <= set(attack.ORDER) for row in attack.techniques())


#: After "ATT&CK Navigator Layer File Format Definition", version 4.5.
METADATA = {
    "type": "array",
    "items": {"type": "object", "required": ["name", "value"], "additionalProperties": {"type": "string"}},
}
COLOR = {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}
LAYER: dict[str, Any] = {
    "type": "object",
    "required": ["name", "domain", "versions"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "domain": {"enum": ["enterprise-attack", "mobile-attack", "ics-attack"]},
        "versions": {
            "type": "object",
            "required": ["navigator", "layer"],
            "properties": {
                "attack": {"type": "string", "pattern": r"^\d+$"},
                "navigator": {"type": "string", "pattern": r"^(4\.9|[5-9]\.)"},
                "layer": {"const": "4.5"},
            },
        },
        "filters": {"type": "object"},
        "sorting": {"enum": [0, 1, 2, 3]},
        "layout": {"type": "object"},
        "hideDisabled": {"type": "boolean"},
        "techniques": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["techniqueID"],
                "additionalProperties": False,
                "properties": {
                    "techniqueID": {"type": "string", "pattern": r"^T\d{4}(\.\d{3})?$"},
                    "tactic": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$"},
                    "score": {"type": "number"},
                    "comment": {"type": "string"},
                    "enabled": {"type": "boolean"},
                    "color": COLOR,
                    "metadata": METADATA,
                    "links": {"type": "array"},
                    "showSubtechniques": {"type": "boolean"},
                },
            },
        },
        "gradient": {
            "type": "object",
            "required": ["colors", "minValue", "maxValue"],
            "properties": {"colors": {"type": "array", "minItems": 2, "items": COLOR}},
        },
        "legendItems": {
            "type": "array",
            "items": {"type": "object", "required": ["label", "color"], "properties": {"color": COLOR}},
        },
        "showTacticRowBackground": {"type": "boolean"},
        "tacticRowBackground": COLOR,
        "selectTechniquesAcrossTactics": {"type": "boolean"},
        "selectSubtechniquesWithParent": {"type": "boolean"},
        "selectVisibleTechniques": {"type": "boolean"},
        "metadata": METADATA,
        "links": {"type": "array"},
    },
}


def test_the_layer_is_of_format_4_5(session: Session) -> None:
    doc = of(session, ("a", "", "T1219"), ("b", "", "T1219.002, T1219"), findings={"b": 4})
    for by_findings in (False, True):
        data = layer(doc, "x", by_findings=by_findings)
        jsonschema.validate(data, LAYER)
        assert data["gradient"]["maxValue"] > data["gradient"]["minValue"]
    scores = {t["techniqueID"]: (t["tactic"], t["score"], t["comment"]) for t in layer(doc)["techniques"]}
    assert scores == {
        "T1219": ("command-and-control", 2, "a\nb"),
        "T1219.002": ("command-and-control", 1, "b"),
    }
    found = {t["techniqueID"]: t["score"] for t in layer(doc, by_findings=True)["techniques"]}
    assert found == {"T1219": 4, "T1219.002": 4}
    empty = layer(of(session, ("a", "", "")))
    jsonschema.validate(empty, LAYER)
    assert [slug(t) for t in ("Impact", "CommandAndControl")] == ["impact", "command-and-control"]


def test_the_command(tmp_path: Path) -> None:
    text = RULE.format(id="a", tactics="CommandAndControl", techniques="T1219", where="true")
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lurcher", "coverage", *argv]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("a.yaml", "--navigator", "layer.json", "--gaps")
    assert (done.returncode, done.stderr) == (0, "")
    assert "CommandAndControl" in done.stdout
    assert "Remote Access Tools" in done.stdout
    jsonschema.validate(json.loads((tmp_path / "layer.json").read_text(encoding="utf-8")), LAYER)
    data = json.loads(run("a.yaml", "--format", "json").stdout)
    assert [t["id"] for t in data["techniques"]] == ["T1219"]
    assert run("a.yaml", "--findings").returncode == 2
    (tmp_path / "empty").mkdir()
    assert run("empty").returncode == 2


def test_a_folder_without_rules_is_refused(tmp_path: Path, session: Session) -> None:
    with pytest.raises(LurcherError):
        coverage([tmp_path], session)


def test_a_file_that_became_no_rule_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nquery: DeviceInfo\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("name: [broken\n", encoding="utf-8")
    assert main(["coverage", str(tmp_path)]) == 0
    assert "b.yaml is not read, not counted: not YAML" in capsys.readouterr().out
