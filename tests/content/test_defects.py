"""What is broken in published rules: each class of defect has a code, loads all the same (or says why not), and what `check --fix`
writes is taken by a YAML parser and is the same rule."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from lurcher.app.check import check
from lurcher.app.session import Session
from lurcher.content.loading import load
from lurcher.content.model import Rule

HEAD = "id: 11111111-2222-3333-4444-555555555555\nname: Sample\ndescription: Words.\n"
QUERY = "query: |\n  DeviceProcessEvents\n  | where Timestamp > ago(1h)\n"
KQL = "DeviceProcessEvents\n| where Timestamp > ago(1h)\n"
CONNECTORS = "requiredDataConnectors:\n  - connectorId: X\n    dataTypes:\n      - DeviceProcessEvents\n"
TACTICS = "tactics:\n  - Execution\nrelevantTechniques:\n  - T1059\n"
GOOD = HEAD + CONNECTORS + TACTICS + QUERY

#: Defect -> (file, its code, what the rule is all the same).
MENDED = {
    "dataTypes in the column of the dash": (
        GOOD.replace("    dataTypes:\n      - DeviceProcessEvents", "  dataTypes:\n      - DeviceProcessEvents"),
        "LU103",
        {"tables": ("DeviceProcessEvents",)},
    ),
    "the column of the dash, and the members too": (
        GOOD.replace("    dataTypes:\n      - DeviceProcessEvents", "  dataTypes:\n  - DeviceProcessEvents"),
        "LU103",
        {"tables": ("DeviceProcessEvents",)},
    ),
    "indentation lost": (GOOD.replace("\n  DeviceProcessEvents\n  |", "\nDeviceProcessEvents\n|"), "LU104", {}),
    "tactics are one text": (
        GOOD.replace("tactics:\n  - Execution", "tactics: Execution, Persistence"),
        "LU105",
        {"tactics": ("Execution", "Persistence")},
    ),
    "techniques are one text": (
        GOOD.replace("relevantTechniques:\n  - T1059", "relevantTechniques: T1059.001"),
        "LU105",
        {"techniques": ("T1059.001",)},
    ),
    "techniques for relevantTechniques": (
        GOOD.replace("relevantTechniques:", "techniques:"),
        "LU106",
        {"techniques": ("T1059",)},
    ),
    "byte order mark": ("\ufeff" + GOOD, "LU101", {}),
    "tabs": (GOOD.replace("  - Execution", "\t- Execution"), "LU102", {"tactics": ("Execution",)}),
    "a fence in the query": (
        GOOD.replace(QUERY, "query: |\n  ```kql\n  DeviceProcessEvents\n  | where Timestamp > ago(1h)\n  ```\n"),
        "LU107",
        {},
    ),
    "quotes around the block": (
        GOOD.replace(QUERY, "query: |\n  'DeviceProcessEvents\n  | where Timestamp > ago(1h)'\n"),
        "LU108",
        {},
    ),
    "severity in any case": (GOOD + "severity: MEDIUM\n", "LU109", {"severity": "Medium"}),
    "connectors are a mapping": (
        GOOD.replace("  - connectorId: X\n    dataTypes:\n      -", "  connectorId: X\n  dataTypes:\n    -"),
        "LU110",
        {"tables": ("DeviceProcessEvents",)},
    ),
    "no id": (GOOD.replace(HEAD[:40], "", 1).lstrip("\n"), "LU201", {"id": ""}),
    "an id that is no GUID": (
        GOOD.replace("11111111-2222-3333-4444-555555555555", "rule-1"),
        "LU202",
        {"id": "rule-1"},
    ),
    "connectors of another table": (GOOD.replace("- DeviceProcessEvents", "- DeviceEvents"), "LU303", {}),
}


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(None, datetime(2026, 11, 24, tzinfo=UTC))


def meaning(rule: Rule) -> tuple[object, ...]:
    return (
        rule.id, rule.name, rule.description, rule.tactics, rule.techniques, rule.connectors, rule.query, rule.severity,
        rule.kind, rule.schedule, rule.entity_mappings, rule.custom_details,
    )  # fmt: skip


@pytest.mark.parametrize("defect", MENDED)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_each_defect_is_named_and_mended(defect: str, newline: str, tmp_path: Path, session: Session) -> None:
    text, code, expected = MENDED[defect]
    path = tmp_path / "rule.yaml"
    path.write_bytes(text.replace("\n", newline).encode())
    (rule,) = load(path).rules
    assert rule.runnable
    assert rule.query.split() == KQL.split()
    for name, value in expected.items():
        assert getattr(rule, name) == value
    assert code in [r.code for r in check([tmp_path], session).rows]
    check([tmp_path], session, fix=True)
    again = path.read_bytes()
    data = yaml.safe_load(again.decode("utf-8"))
    assert data["name"] == "Sample"
    (after,) = load(path).rules
    assert meaning(after) == meaning(rule)
    if code in ("LU101", "LU102", "LU103", "LU104", "LU105", "LU106"):
        assert code not in [r.code for r in check([tmp_path], session).rows]
    # A second time there is nothing left to mend.
    assert check([tmp_path], session, fix=True).fixed == []
    assert path.read_bytes() == again


@pytest.mark.parametrize("text", ["1d", "P1D", "1D", "24h", "PT24H"])
def test_durations(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(GOOD + f"queryFrequency: {text}\nqueryPeriod: {text}\n", encoding="utf-8")
    (rule,) = load(path).rules
    assert rule.schedule.query_period is not None
    assert rule.schedule.query_period.total_seconds() == 86400


@pytest.mark.parametrize("text", ["gt", "GreaterThan", "greater than", ">"])
def test_operators(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(GOOD + f"triggerOperator: '{text}'\n", encoding="utf-8")
    assert load(path).rules[0].schedule.trigger_operator == "gt"


@pytest.mark.parametrize("text", ["", "requiredDataConnectors:\n", "requiredDataConnectors: []\n"])
def test_without_connectors_the_tables_are_read_off_the_query(text: str, tmp_path: Path, session: Session) -> None:
    (tmp_path / "rule.yaml").write_text(HEAD + text + TACTICS + QUERY, encoding="utf-8")
    assert check([tmp_path], session).rows == []


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (GOOD.replace(QUERY, "query: |\n"), "LU123", 12),
        (GOOD.replace("name: Sample", "name: '%%NAME%%'"), "LU122", 2),
        (GOOD.replace("name: Sample", "name: %%NAME%%"), "LU122", 2),
        (GOOD + "name: Other\n", "LU126", None),
        (GOOD + "  | where Sha1 == 'x'\n", "KS142", 15),
        (GOOD + "  | where FileName in ('a', 'b',)\n", "KS006", 15),
        (GOOD + "  | FileName in ('a')\n", "KS176", 15),
        (GOOD + "  | where FileName in 'a'\n", "KS005", 15),
        (GOOD + "  | summarize count() by AccountUpnn\n", "KS142", 15),
    ],
)
def test_what_does_not_run_says_where(text: str, code: str, line: int | None, tmp_path: Path, session: Session) -> None:
    (tmp_path / "rule.yaml").write_text(text, encoding="utf-8")
    report = check([tmp_path], session)
    (row,) = [r for r in report.rows if r.severity.value == "error"]
    assert row.code == code
    assert row.line == line or line is None
    assert not any(r.runs for r in report.rules)
    if code in ("KS142", "KS176", "KS005", "KS006"):
        assert row.hint


def test_a_name_that_a_longer_column_ends_in_is_hinted_at(tmp_path: Path, session: Session) -> None:
    text = GOOD.replace("DeviceProcessEvents", "DeviceNetworkEvents") + "  | summarize count() by AccountUpn\n"
    (tmp_path / "rule.yaml").write_text(text, encoding="utf-8")
    (row,) = [r for r in check([tmp_path], session).rows if r.severity.value == "error"]
    assert row.hint == "did you mean InitiatingProcessAccountUpn?"


def test_an_id_of_two_rules(tmp_path: Path, session: Session) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(GOOD, encoding="utf-8")
    rows = check([tmp_path], session).rows
    assert [(r.code, Path(r.file).name, r.line) for r in rows] == [("LU203", "a.yaml", 1), ("LU203", "b.yaml", 1)]
    assert rows[0].message.endswith("b.yaml")
    (tmp_path / "a.yaml").write_text(GOOD + "# lurcher: ignore LU203 one of them goes\n", encoding="utf-8")
    assert [r.silenced for r in check([tmp_path], session).rows] == ["one of them goes", ""]
