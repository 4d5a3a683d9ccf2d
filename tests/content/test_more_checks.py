"""Checks of keys, entities and meanings: each with a rule that it must speak of and one that it must leave alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lurcher.app.check import check
from lurcher.app.rules import RuleText
from lurcher.app.session import Session

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
alertDetailsOverride:
  alertDisplayNameFormat: 'On {{DeviceName}}'
query: |
  DeviceProcessEvents
  | where Timestamp > ago(1h)
"""


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(None, datetime(2026, 11, 24, tzinfo=UTC))


def codes(text: str, session: Session, name: str = "rule.yaml") -> list[str]:
    return [row.code for row in check([RuleText(text, name)], session).rows]


def query(text: str, session: Session) -> list[str]:
    return codes(GOOD.replace("  | where Timestamp > ago(1h)\n", text), session)


def test_a_good_rule_has_no_problem(session: Session) -> None:
    assert codes(GOOD, session) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("entityType: Host", "entityType: Hosts", "LU241"),
        ("identifier: FullName", "identifier: Fulname", "LU242"),
        ("kind: Scheduled", "kind: Schedule", "LU243"),
        ("version: 1.0.0", "version: 1.0", "LU244"),
        ("severity: Low", "severity: Low\ntrigerOperators: gt\neventGroupingSetings: {}", "LU245"),
        ("  - CommandAndControl\n", "  - CommandAndControl\n  - CommandAndControl\n", "LU246"),
        ("{{DeviceName}}", "{{Device}}", "LU331"),
    ],
)
def test_each_check_of_metadata(old: str, new: str, code: str, session: Session) -> None:
    assert old in GOOD
    assert code in codes(GOOD.replace(old, new), session)


def test_names_of_entities_may_be_written_in_any_case(session: Session) -> None:
    assert codes(GOOD.replace("entityType: Host", "entityType: host"), session) == []
    assert codes(GOOD.replace("{{DeviceName}}", "{{AdditionalFields.x}}"), session) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  | where Timestamp > ago(1d)\n", ["LU332"]),
        ("  | where Timestamp > ago(60m)\n", []),
        ("  | where FileName == 'a.exe' or FileName != 'b.exe'\n", []),
        ("  | where FileName != 'a.exe' or FileName != 'b.exe'\n", ["LU335"]),
        ("  | where FileName != 'a.exe' and FileName != 'b.exe'\n", []),
        ("  | where FileName != 'a.exe' or DeviceName != 'b'\n", []),
        ("  | where tolower(FileName) == 'A.exe'\n", ["LU334"]),
        ("  | where 'A.exe' == tolower(FileName)\n", ["LU334"]),
        ("  | where toupper(FileName) == 'A.EXE'\n", ["LU336"]),
        ("  | where tolower(FileName) in ('a.exe', 'B.exe')\n", ["LU334"]),
        ("  | where tolower(FileName) in~ ('a.exe', 'B.exe')\n", []),
        ("  | where tolower(FileName) == 'ä.EXE'\n", []),
        ("  | join (DeviceProcessEvents) on DeviceId\n", ["LU337"]),
        ("  | join kind=inner (DeviceProcessEvents) on DeviceId\n", []),
        ("  | take 10\n", ["LU338"]),
        ("  | where Timestamp > todatetime('{{StartTimeISO}}')\n", ["LU339"]),
    ],
)
def test_each_check_of_meaning(text: str, expected: list[str], session: Session) -> None:
    assert query(text, session) == expected


def test_a_lookback_in_a_variable_is_seen(session: Session) -> None:
    text = GOOD.replace("  DeviceProcessEvents\n", "  let back = 14d;\n  DeviceProcessEvents\n").replace(
        "ago(1h)", "ago(back)"
    )
    (row,) = check([RuleText(text, "rule.yaml")], session).rows
    assert (row.code, row.message) == (
        "LU332",
        "the query looks back P14D, the rule is given PT1H of rows: older ones are never there",
    )
    assert codes(text.replace("queryPeriod: 1h", "queryPeriod: 14d"), session) == []


def test_rules_may_not_search_everywhere(session: Session) -> None:
    text = GOOD[: GOOD.index("query: |")] + "query: |\n  search 'word'\n"
    assert "LU333" in codes(text, session)
    assert "LU333" not in codes(text.replace("kind: Scheduled", "kind: Hunting"), session)


def test_what_only_this_place_lacks_is_a_note(session: Session) -> None:
    for line in ("  | where FileName in ((externaldata(x: string)['https://example.org/x.csv']))\n",
                 "  | where FileName in ((_GetWatchlist('names') | project SearchKey))\n"):  # fmt: skip
        report = check([RuleText(GOOD + line, "rule.yaml")], session)
        assert [r.severity.value for r in report.rows] == ["note"], line
        assert report.exit_code == 0
        assert not report.rules[0].runs


def test_tables_of_a_workspace_of_ones_own(session: Session) -> None:
    report = check([RuleText("Firewall_CL | where x == 1", "rule.kql")], session)
    assert [r.code for r in report.rows if r.severity.value != "note"] == []
    assert "LU330" in [r.code for r in report.rows]
    assert "KS204" in codes("Firewall | where x == 1", session, "rule.kql")
    silenced = check(
        [RuleText("// lurcher: ignore KS204 a parser of ours\nFirewall | where x == 1", "rule.kql")], session
    )
    assert [r.silenced for r in silenced.rows if r.code == "KS204"] == ["a parser of ours"]
    # Syntax is the same everywhere.
    assert "LU132" in codes("// lurcher: ignore KS142 I know better\nDeviceEvents | where x == 1", session, "rule.kql")


def test_a_rule_that_cannot_be_checked_does_not_keep_others_from_it(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import lurcher.app.check as module

    real = module.check_rule

    def broken(rule: object, **rest: object) -> object:
        if getattr(rule, "name", "") == "Sample":
            raise RuntimeError("no such luck")
        return real(rule, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "check_rule", broken)
    report = check([RuleText(GOOD, "a.yaml"), RuleText(GOOD.replace("Sample", "Other"), "b.yaml")], session)
    assert [r.code for r in report.rows if r.code != "LU203"] == ["LU249"]
    assert "no such luck" in report.rows[0].message + report.rows[1].message
