"""JSON of Azure and Graph, and custom detections in YAML, read as rules."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from lurcher.app.check import check
from lurcher.app.export import export
from lurcher.app.query import open_session
from lurcher.content import jsontree
from lurcher.content.loading import load, load_folder, load_text
from lurcher.content.model import Rule, Schedule
from lurcher.content.yamltree import Broken, plain

RULE = """\
id: 0b2c6a0e-3f0d-4a3c-9a53-0f2a6f0b7c11
name: A tool [lab]
description: |
  First line
  second
severity: Medium
kind: Scheduled
queryFrequency: PT1H
queryPeriod: PT4H
triggerOperator: gt
triggerThreshold: 0
tactics:
  - Execution
relevantTechniques:
  - T1059.001
  - T1203
query: |
  // "in quotes", ü, 😀, a back\\slash
  DeviceProcessEvents
  | where FileName =~ "a.exe"
  | project Timestamp, DeviceId, DeviceName, ReportId
entityMappings:
  - entityType: Host
    fieldMappings:
      - identifier: HostName
        columnName: DeviceName
customDetails:
  Who: DeviceName
alertDetailsOverride:
  alertDisplayNameFormat: "[x]"
version: 1.0.0
"""
HUNT = """\
id: 0b2c6a0e-3f0d-4a3c-9a53-0f2a6f0b7c12
name: A hunt
description: Looks
tactics:
  - Execution
  - Persistence
relevantTechniques:
  - T1203
query: |
  DeviceEvents
  | take 1
"""


def said(rule: Rule, *without: str) -> dict[str, Any]:
    names = (
        "id", "name", "description", "tactics", "techniques", "query", "severity", "kind", "version", "schedule",
        "custom_details", "extra",
    )  # fmt: skip
    found = {name: getattr(rule, name) for name in names if name not in without}
    return found | {"entities": [(m.entity_type, m.fields) for m in rule.entity_mappings]}


def there_and_back(tmp_path: Path, text: str, target: Any) -> tuple[Rule, Rule]:
    (tmp_path / "rule.yaml").write_text(text, encoding="utf-8")
    session = open_session(None, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None)
    report = export([tmp_path / "rule.yaml"], session, target)
    (file,) = report.files
    (tmp_path / "out.json").write_text(file.text, encoding="utf-8")
    (before,), (after,) = load(tmp_path / "rule.yaml").rules, load(tmp_path / "out.json").rules
    return before, after


@pytest.mark.parametrize("text", [RULE, HUNT])
def test_a_template_that_was_exported_is_the_rule_again(tmp_path: Path, text: str) -> None:
    before, after = there_and_back(tmp_path, text, "sentinel-arm")
    assert said(after) == said(before)
    assert after.format == "azure"
    assert not after.repairs
    assert not after.problems


def test_a_detection_that_was_exported_is_the_rule_again(tmp_path: Path) -> None:
    before, after = there_and_back(tmp_path, RULE, "defender")
    # Defender gives its own ids, and has neither versions nor names of alerts made of columns.
    lost = ("id", "version", "extra")
    assert said(after, *lost) == said(before, *lost)
    assert (after.id, after.version, after.extra) == ("", "", {})
    assert after.format == "detection"
    assert not after.repairs
    assert not after.problems


def test_a_mistake_in_a_query_is_shown_where_it_stands_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    resource = {
        "type": "Microsoft.SecurityInsights/alertRules", "kind": "NRT", "name": "0b2c6a0e-3f0d-4a3c-9a53-0f2a6f0b7c11",
        "properties": {"displayName": "n", "description": "d", "severity": "Low", "tactics": ["Execution"],
                       "query": 'DeviceEvents\n| where FileName == "x"\n| project Fil'},
    }  # fmt: skip
    file.write_text(json.dumps(resource), encoding="utf-8")
    report = check([file], open_session(None, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None))
    (row,) = [r for r in report.problems if r.code == "KS142"]
    assert (row.line, row.column) == (1, file.read_text().index("Fil", file.read_text().index("project")) + 1)
    assert not [r for r in report.rows if r.code != "KS142" and r.severity.name != "NOTE"]


def test_what_the_portal_exports() -> None:
    properties = {
        "displayName": "Own", "description": "", "severity": "High", "enabled": False, "query": "[[1]]",
        "queryFrequency": "PT5H", "queryPeriod": "PT5H", "triggerOperator": "GreaterThan", "triggerThreshold": 2,
        "suppressionDuration": "PT5H", "suppressionEnabled": False, "tactics": ["InitialAccess"], "techniques": ["T1190"],
        "subTechniques": [], "alertRuleTemplateName": None, "entityMappings": None, "customDetails": None,
        "incidentConfiguration": {"createIncident": True},
    }  # fmt: skip
    name = "[concat(parameters('workspace'),'/Microsoft.SecurityInsights/0B2C6A0E-3F0D-4A3C-9A53-0F2A6F0B7C11')]"
    type_ = "Microsoft.OperationalInsights/workspaces/providers/alertRules"
    other = {"type": "Microsoft.Insights/workbooks", "properties": {"query": "x"}}
    text = json.dumps(
        {"resources": [other, {"type": type_, "name": name, "kind": "Scheduled", "properties": properties}]}
    )
    loaded = load_text("export.json", text.encode())
    assert loaded is not None
    (rule,) = loaded.rules
    assert rule.id == "0B2C6A0E-3F0D-4A3C-9A53-0F2A6F0B7C11"
    assert rule.query == "[1]]"
    assert rule.schedule == Schedule(dt.timedelta(hours=5), dt.timedelta(hours=5), "gt", 2)
    assert (rule.tactics, rule.techniques) == (("InitialAccess",), ("T1190",))
    assert rule.extra == {"enabled": False, "incidentConfiguration": {"createIncident": True}}


def test_values_that_a_template_names_are_looked_up() -> None:
    text = json.dumps(
        {
            "parameters": {"q": {"type": "string", "defaultValue": "DeviceEvents"}},
            "variables": {"n": "A name"},
            "resources": [
                {
                    "type": "Microsoft.SecurityInsights/alertRules", "kind": "NRT", "name": "[guid('a')]",
                    "properties": {"displayName": "[variables('n')]", "query": "[parameters('q')]"},
                }
            ],
        }
    )  # fmt: skip
    loaded = load_text("t.json", text.encode())
    assert loaded is not None
    assert [(r.name, r.query, r.id) for r in loaded.rules] == [("A name", "DeviceEvents", "")]


def test_a_function_of_the_workspace_is_no_hunting_query() -> None:
    search = {"type": "Microsoft.OperationalInsights/workspaces/savedSearches", "name": "a/b"}
    text = json.dumps({"resources": [search | {"properties": {"query": "T", "functionAlias": "f"}}]})
    loaded = load_text("t.json", text.encode())
    assert loaded is not None
    assert not loaded.rules
    assert [p.diagnostic.code for p in loaded.diagnostics] == ["LU124"]


def test_a_detection_of_the_beta() -> None:
    beta = {
        "id": "7506", "displayName": "Old shape", "isEnabled": True, "queryCondition": {"queryText": "DeviceEvents"},
        "schedule": {"period": "12H"},
        "detectionAction": {"alertTemplate": {
            "title": "t", "severity": "medium", "category": "Impact", "mitreTechniques": ["T1490"],
            "impactedAssets": [{"identifier": "deviceId"}]}},
    }  # fmt: skip
    loaded = load_text("all.json", json.dumps({"value": [beta, beta | {"schedule": {"period": "0"}}]}).encode())
    assert loaded is not None
    one, two = loaded.rules
    assert (one.name, one.severity, one.tactics, one.techniques) == ("Old shape", "Medium", ("Impact",), ("T1490",))
    assert one.schedule == Schedule(dt.timedelta(hours=12), dt.timedelta(hours=48), "gt", 0)
    assert (one.kind, two.kind) == ("Scheduled", "NRT")


def test_a_detection_in_yaml(tmp_path: Path) -> None:
    file = tmp_path / "d.yaml"
    file.write_text(
        "schemaVersion: 1.0.0\nkind: CustomDetection\nresourceType: Microsoft.Security/detectionRules\nversion: 3.1.0\n"
        "properties:\n  id: xdr-agent\n  displayName: An agent runs\n  status: disabled\n  queryCondition:\n    queryText: |\n"
        "      DeviceProcessEvents\n      | project Timestamp, DeviceId, ReportId, FileNam\n  schedule:\n    frequency: PT1H\n"
        "  detectionAction:\n    alertTemplate:\n      title: An agent runs\n      description: d\n      severity: low\n"
        "      tactics:\n        - tactic: Execution\n          techniques:\n            - technique: T1203\n"
        "      entityMappings:\n        hosts:\n          - nameColumn: DeviceId\n",
        encoding="utf-8",
    )
    (rule,) = load(file).rules
    assert (rule.id, rule.name, rule.version, rule.severity) == ("xdr-agent", "An agent runs", "3.1.0", "Low")
    assert rule.extra == {"enabled": False}
    report = check([file], open_session(None, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None), fix=True)
    assert [(r.code, r.line) for r in report.rows if r.severity.name != "NOTE"] == [("KS142", 12)]
    assert not report.fixed


def test_a_folder_has_much_json_that_is_no_rule(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x"}', encoding="utf-8")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "data.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "mainTemplate.json").write_text(
        '{"resources": [{"type": "a/contentTemplates", "properties": {"mainTemplate": {"resources": [{"type": "x/alertRules",'
        '"properties": {"query": "T"}}]}}}]}',
        encoding="utf-8",
    )
    loaded = load_folder(tmp_path)
    assert not loaded.rules
    assert not loaded.errors
    assert {Path(p).name for p, _ in loaded.skipped} == {
        "package.json",
        "broken.json",
        "data.json",
        "mainTemplate.json",
    }
    # Who names the package means the rules in it.
    assert len(load(tmp_path / "mainTemplate.json").rules) == 1


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"a":[1,{"b":"c\\n\\ud83d\\ude00\\/"},[],{}],"d":null, "e":true}',
        "[1, -2]\n",
        '"x"',
        '\t{\t"a":\t1}\r\n',
    ],
)
def test_json_as_nodes_is_what_json_says(text: str) -> None:
    assert plain(jsontree.parse(text)) == json.loads(text)


@pytest.mark.parametrize(
    "text", ["", "{", '{"a":1,}', "[1 2]", '{"a" 1}', "[1]]", '{"a":[}', "'x'", '"\\ud8', "{1:2}", "nul"]
)
def test_what_is_no_json_is_told_with_its_place(text: str) -> None:
    with pytest.raises(ValueError):
        json.loads(text)
    with pytest.raises(Broken) as broken:
        jsontree.parse(text)
    assert broken.value.diagnostic.code == "LU133"
    assert 0 <= broken.value.diagnostic.span.start <= len(text)


def test_json_without_end_is_bounded() -> None:
    for text, code in (("[" * 100_000, "LU121"), ("[" + "1," * 300_000 + "1]", "LU121"), ('{"a":1,"a":2}', "LU126")):
        with pytest.raises(Broken) as broken:
            jsontree.parse(text)
        assert broken.value.diagnostic.code == code
