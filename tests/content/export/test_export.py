"""Rules as the services take them; what they cannot take is refused or listed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

import lurcher
from content.export.bicep_reader import Reader
from content.export.bicep_reader import resources as bicep_resources
from lurcher.app.export import ExportReport, export
from lurcher.app.query import open_session
from lurcher.content.export import arm, bicep, limits
from lurcher.content.loading import load
from lurcher.errors import LurcherError

CONTENT = Path(lurcher.__file__).parents[2] / "content" / "rmm"
NOW = datetime(2026, 11, 20, tzinfo=UTC)
GUID = "0d5f2c1a-7b1e-4a57-9a4b-2b5c2f0e6c11"

SCHEDULED = f"""id: {GUID}
name: It's a "rule" — ${{not}} interpolated
description: |
  First line.
  [second] line
severity: high
kind: Scheduled
version: 1.2.0
requiredDataConnectors:
  - connectorId: MicrosoftThreatProtection
    dataTypes:
      - DeviceProcessEvents
queryFrequency: 1h
queryPeriod: 4h
triggerOperator: gt
triggerThreshold: 0
tactics:
  - Execution
  - CommandAndControl
relevantTechniques:
  - T1219.002
  - T1059
query: |
  // it's here: '''
  DeviceProcessEvents
  | where FileName =~ 'a.exe' and ProcessCommandLine has "\\\\x"
  | project Timestamp, ReportId, DeviceId, DeviceName, AccountName, b = "${{x}}"
entityMappings:
  - entityType: Host
    fieldMappings:
      - identifier: FullName
        columnName: DeviceName
      - identifier: HostName
        columnName: DeviceName
  - entityType: Account
    fieldMappings:
      - identifier: Name
        columnName: AccountName
customDetails:
  Made up: AccountName
alertDetailsOverride:
  alertDisplayNameFormat: On {{{{DeviceName}}}}
eventGroupingSettings:
  aggregationKind: AlertPerResult
incidentConfiguration:
  createIncident: true
  groupingConfiguration:
    enabled: true
    reopenClosedIncident: false
    lookbackDuration: 5h
    matchingMethod: AllEntities
suppressionEnabled: true
suppressionDuration: 2h
metadata:
  source: ours
"""


def run(folder: Path, text: str, target: str, name: str = "r.yaml", **options: Any) -> ExportReport:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return export([path], open_session(None, NOW, None), target, **options)


def one(report: ExportReport) -> Any:
    assert report.converted[0].ok, [d.message for d in report.converted[0].said]
    (file,) = report.files
    return json.loads(file.text)


def codes(report: ExportReport) -> list[str]:
    return [d.code for d in report.converted[0].said]


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


# --- Azure ---
def test_an_analytics_rule_has_the_fields_of_the_api(tmp_path: Path) -> None:
    report = run(tmp_path, SCHEDULED, "sentinel-arm")
    template = one(report)
    assert template["$schema"].endswith("2019-04-01/deploymentTemplate.json#")
    assert template["contentVersion"] == "1.0.0.0"
    assert template["parameters"]["workspace"]["type"] == "string"
    (resource,) = template["resources"]
    assert resource["type"] == "Microsoft.OperationalInsights/workspaces/providers/alertRules"
    assert (resource["apiVersion"], resource["kind"]) == ("2024-09-01", "Scheduled")
    assert resource["name"] == f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/{GUID}')]"
    rule = load(tmp_path / "r.yaml").rules[0]
    assert resource["properties"] == {
        "displayName": 'It\'s a "rule" — ${not} interpolated',
        "description": rule.description,
        "severity": "High",
        "enabled": True,
        "query": rule.query,
        "queryFrequency": "PT1H",
        "queryPeriod": "PT4H",
        "triggerOperator": "GreaterThan",
        "triggerThreshold": 0,
        "suppressionDuration": "PT2H",
        "suppressionEnabled": True,
        "tactics": ["Execution", "CommandAndControl"],
        "techniques": ["T1219", "T1059"],
        "subTechniques": ["T1219.002"],
        "alertRuleTemplateName": GUID,
        "templateVersion": "1.2.0",
        "entityMappings": [
            {
                "entityType": "Host",
                "fieldMappings": [
                    {"identifier": "FullName", "columnName": "DeviceName"},
                    {"identifier": "HostName", "columnName": "DeviceName"},
                ],
            },
            {"entityType": "Account", "fieldMappings": [{"identifier": "Name", "columnName": "AccountName"}]},
        ],
        "customDetails": {"Made up": "AccountName"},
        "alertDetailsOverride": {"alertDisplayNameFormat": "On {{DeviceName}}"},
        "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
        "incidentConfiguration": {
            "createIncident": True,
            "groupingConfiguration": {
                "enabled": True, "reopenClosedIncident": False, "lookbackDuration": "PT5H", "matchingMethod": "AllEntities",
            },
        },
    }  # fmt: skip
    assert [d.what for d in report.converted[0].dropped] == ["requiredDataConnectors", "metadata"]


def test_bicep_says_the_same_as_the_template(tmp_path: Path) -> None:
    (resource,) = one(run(tmp_path, SCHEDULED, "sentinel-arm"))["resources"]
    made = bicep_resources(run(tmp_path, SCHEDULED, "sentinel-bicep").files[0].text)
    ((kind, body),) = made.values()
    assert kind == "Microsoft.SecurityInsights/alertRules@2024-09-01"
    assert body["scope"] == ("symbol", "sentinelWorkspace")
    assert (body["name"], body["kind"]) == (GUID, "Scheduled")
    assert body["properties"] == resource["properties"]


def test_a_near_real_time_rule_has_no_schedule(tmp_path: Path) -> None:
    properties = one(run(tmp_path, changed(SCHEDULED, "kind: Scheduled", "kind: NRT"), "sentinel-arm"))["resources"][0]
    assert properties["kind"] == "NRT"
    assert not properties["properties"].keys() & {
        "queryFrequency",
        "queryPeriod",
        "triggerOperator",
        "triggerThreshold",
    }


HUNTING = f"""id: {GUID}
name: Hunt
description: What it finds
tactics:
  - Command and Control
relevantTechniques:
  - T1219
  - T1219.002
query: |
  DeviceInfo
  | where Timestamp > ago(1d)
"""


def test_a_hunting_query_is_a_saved_search(tmp_path: Path) -> None:
    (resource,) = one(run(tmp_path, HUNTING, "sentinel-arm"))["resources"]
    assert resource == {
        "type": "Microsoft.OperationalInsights/workspaces/savedSearches",
        "apiVersion": "2020-08-01",
        "name": f"[concat(parameters('workspace'), '/{GUID}')]",
        "properties": {
            "category": "Hunting Queries",
            "displayName": "Hunt",
            "query": "DeviceInfo\n| where Timestamp > ago(1d)\n",
            "version": 2,
            "tags": [
                {"name": "description", "value": "What it finds"},
                {"name": "tactics", "value": "CommandAndControl"},
                {"name": "techniques", "value": "T1219,T1219.002"},
            ],
        },
    }
    ((kind, body),) = bicep_resources(run(tmp_path, HUNTING, "sentinel-bicep").files[0].text).values()
    assert kind == "Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01"
    assert (body["parent"], body["properties"]) == (("symbol", "sentinelWorkspace"), resource["properties"])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("[a]", "[[a]"),
        ("[[a]", "[[[a]"),
        ("[concat('x')]", "[[concat('x')]"),
        ("[a] b", "[a] b"),
        ("['My Table']\n| take 1\n", "['My Table']\n| take 1\n"),
        ("a]", "a]"),
        ("", ""),
    ],
)
def test_no_text_of_a_rule_is_an_expression(text: str, written: str) -> None:
    assert arm.literal({"k": [text]}) == {"k": [written]}


@pytest.mark.parametrize(
    "text",
    [
        "a", "it's", "${x}", "$", "$${x}", "\\${x}", "a\nb", "a\nb\n", "\n", "\n\na", "'''", "a\n'''b", "a\nb'", "a\nb''", "a\\n",
        "tab\there\nx", "cr\rlf\r\n", "\x00\x1b", "\u202eevil", "\u2028", "DWSNET OÜ", "株式会社", "😀", "a\n${x}\n\\n", "",
        "a\n\u200fb",
    ],
)  # fmt: skip
def test_a_bicep_text_reads_back_to_the_character(text: str) -> None:
    written = bicep.text(text)
    reader = Reader(written + "\n")
    assert reader.string() == text
    assert reader.at == len(written)
    assert all(c.isprintable() or c in "\n\t" for c in written)


def test_plain_data_of_any_form_reads_back() -> None:
    data = {"a": [], "b": {}, "c": [1, True, None, -2, [{"d e": "f"}]], "if": 1.5, "$x": "y"}
    assert Reader(bicep.value(data, 0) + "\n").value() == data


# --- YAML and KQL ---
def test_as_published_is_the_file_itself(tmp_path: Path) -> None:
    text = "# ours\n" + SCHEDULED
    assert run(tmp_path, text, "sentinel-yaml").files[0].text == text


def test_as_published_carries_the_repairs(tmp_path: Path) -> None:
    broken = changed(HUNTING, "tactics:\n  - Command and Control\n", "tactics: CommandAndControl\n")
    text = run(tmp_path, broken, "sentinel-yaml").files[0].text
    assert yaml.safe_load(text)["tactics"] == ["CommandAndControl"]


EXCLUSION = """exclusions:
  - id: ours
    scenario: our own program
    when: device.name == "pc-1" and device.id == "0123"
    owner: us
    reason: CHG-1
    expires: 2027-01-01
  - id: old
    scenario: one that has ended
    when: device.name == "pc-2" and device.id == "0124"
    owner: us
    reason: CHG-2
    expires: 2026-01-01
"""


def test_a_tuned_yaml_differs_in_the_query_alone(tmp_path: Path) -> None:
    (tmp_path / "r.exclusions.yaml").write_text(EXCLUSION)
    text = "# ours\n" + HUNTING + "version: 1.0.0 # the first\n"
    report = run(tmp_path, text, "sentinel-yaml", out=tmp_path / "out")
    assert report.converted[0].deploy.applied == ("ours",)
    assert dict(report.converted[0].deploy.left_out) == {"old": "it ended on 2026-01-01"}
    made = (tmp_path / "out" / "r.yaml").read_text()
    assert made.startswith("# ours\n" + HUNTING.partition("query: |\n")[0])
    assert made.endswith("version: 1.0.0 # the first\n")
    loaded = load(tmp_path / "out" / "r.yaml")
    assert loaded.diagnostics == ()
    assert loaded.rules[0].query == report.converted[0].deploy.query == yaml.safe_load(made)["query"]
    assert '"pc-1"' in made


def test_as_published_leaves_the_exclusions_out_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "r.exclusions.yaml").write_text(EXCLUSION)
    report = run(tmp_path, HUNTING, "sentinel-arm", tuned=False)
    assert one(report)["resources"][0]["properties"]["query"] == "DeviceInfo\n| where Timestamp > ago(1d)\n"
    assert dict(report.converted[0].deploy.left_out).keys() == {"ours", "old"}


def test_a_rule_with_exclusions_of_its_own_is_written_without_them(tmp_path: Path) -> None:
    report = run(tmp_path, HUNTING + EXCLUSION, "sentinel-yaml")
    made = yaml.safe_load(report.files[0].text)
    assert "exclusions" not in made
    assert "pc-1" in made["query"]
    assert codes(report) == ["LU827"]
    assert list(made) == ["id", "name", "description", "tactics", "relevantTechniques", "query"]


@pytest.mark.parametrize("target", ["sentinel-yaml", "kql"])
def test_what_lurcher_loads_is_the_rule_again(tmp_path: Path, target: str) -> None:
    report = run(tmp_path, SCHEDULED, target, out=tmp_path / "out")
    rule, again = load(tmp_path / "r.yaml").rules[0], load(Path(report.files[0].path)).rules[0]
    assert (again.id, again.name, again.severity, again.tactics) == (rule.id, rule.name, rule.severity, rule.tactics)
    assert again.query.endswith(rule.query)
    assert all(line.startswith("// ") for line in again.query.removesuffix(rule.query).splitlines())


def test_a_kql_file_becomes_yaml_and_stays_itself(tmp_path: Path) -> None:
    text = "// Name: A hunt\n// Tactics: Execution\nDeviceInfo\n| take 1"
    assert run(tmp_path, text, "kql", "q.kql").files[0].text == text + "\n"
    made = yaml.safe_load(run(tmp_path, text, "sentinel-yaml", "q.kql").files[0].text)
    assert made == {"name": "A hunt", "tactics": ["Execution"], "query": text}


def test_a_name_cannot_leave_its_comment(tmp_path: Path) -> None:
    text = changed(HUNTING, "name: Hunt", 'name: "x\\nDeviceEvents | take 1\\u2028y"')
    first, second, *_ = run(tmp_path, text, "kql").files[0].text.split("\n")
    assert (first, second) == (f"// Id: {GUID}", "// Name: x DeviceEvents | take 1 y")


# --- limits ---
@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("kind: Scheduled", "kind: Fusion", "LU812"),
        ("severity: high", "severity: grave", "LU809"),
        ("severity: high\n", "", "LU808"),
        ("queryFrequency: 1h\n", "", "LU808"),
        ("queryFrequency: 1h", "queryFrequency: 1m", "LU807"),
        ("queryPeriod: 4h", "queryPeriod: 15d", "LU807"),
        ("queryPeriod: 4h", "queryPeriod: 30m", "LU807"),
        ("queryFrequency: 1h\nqueryPeriod: 4h", "queryFrequency: 30m\nqueryPeriod: 2d", "LU807"),
        ("triggerThreshold: 0", "triggerThreshold: 10001", "LU807"),
        ("  - Execution\n", "  - Hacking\n", "LU809"),
        ("  - T1059\n", "  - Txyz\n", "LU809"),
        ("suppressionDuration: 2h", "suppressionDuration: soon", "LU809"),
        ("suppressionEnabled: true", "suppressionEnabled: perhaps", "LU809"),
        ("aggregationKind: AlertPerResult", "aggregationKind: PerRow", "LU809"),
        ("entityType: Host", "entityType: host", "LU809"),
        ("entityType: Account", "entityType: Person", "LU809"),
        ("  // it's here: '''\n", "  // " + "x" * 10_000 + "\n", "LU801"),
        ("  First line.\n", "  " + "x" * 5_001 + "\n", "LU803"),
        ("name: It's", "name: " + "x" * 257, "LU802"),
        ("  Made up: AccountName\n", "".join(f"  D{n}: AccountName\n" for n in range(21)), "LU806"),
        ("  // it's here: '''\n", "  |\n", "LU813"),
        ("AccountName, b =", "NoSuchColumn, b =", "LU813"),
        ("query: |\n", "query: ''\nnote: |\n", "LU813"),
    ],
)
def test_what_the_service_would_refuse_is_not_exported(tmp_path: Path, old: str, new: str, code: str) -> None:
    for target in ("sentinel-arm", "sentinel-bicep"):
        report = run(tmp_path, changed(SCHEDULED, old, new), target)
        assert code in codes(report)
        assert not report.converted[0].ok
        assert report.files == []
        assert report.exit_code == 2


def test_too_many_entities(tmp_path: Path) -> None:
    entity = "  - entityType: IP\n    fieldMappings:\n      - identifier: Address\n        columnName: AccountName\n"
    report = run(tmp_path, changed(SCHEDULED, "customDetails:\n", entity * 9 + "customDetails:\n"), "sentinel-arm")
    assert [d.message for d in report.converted[0].said] == ["11 entity mappings; Sentinel takes 10"]
    four = "      - identifier: FullName\n        columnName: DeviceName\n" * 3
    report = run(
        tmp_path,
        changed(SCHEDULED, "      - identifier: HostName\n", four + "      - identifier: HostName\n"),
        "sentinel-arm",
    )
    assert codes(report) == ["LU805"]


def test_a_query_that_only_the_portal_takes_is_told(tmp_path: Path) -> None:
    report = run(tmp_path, changed(SCHEDULED, "  // it's here: '''\n", "  // " + "x" * 10_000 + "\n"), "sentinel-arm")
    assert "15,000" in report.converted[0].said[0].hint


def test_a_workspaces_own_table_is_no_reason_to_refuse(tmp_path: Path) -> None:
    report = run(tmp_path, changed(HUNTING, "  DeviceInfo\n", "  Ours_CL\n"), "sentinel-arm")
    assert report.exit_code == 0
    assert codes(report) == ["LU823"]


def test_a_rule_without_guid_gets_the_same_one_each_time(tmp_path: Path) -> None:
    text = changed(HUNTING, f"id: {GUID}", "id: mine")
    first, second = run(tmp_path, text, "sentinel-arm"), run(tmp_path, text, "sentinel-arm", "other.yaml")
    assert codes(first) == ["LU820"]
    assert first.converted[0].deploy.id == second.converted[0].deploy.id != GUID


def test_context_that_the_services_window_cuts_off_is_told(tmp_path: Path) -> None:
    started, signed = (
        "DeviceProcessEvents\n  | where FileName =~ 'a.exe' and ProcessCommandLine has",
        "DeviceFileCertificateInfo\n  | where Signer has",
    )
    rule = changed(SCHEDULED, started, signed)
    rule = rule.replace("DeviceName, AccountName, b", "DeviceName, AccountName = Signer, SHA1, b")
    (tmp_path / "r.exclusions.yaml").write_text(
        "exclusions:\n  - id: e\n    scenario: s\n    owner: o\n    reason: r\n    expires: 2027-01-01\n"
        '    when: process.path startswith @"C:\\Program Files\\x" and file.signer == "Us"\n'
    )
    report = run(tmp_path, rule, "sentinel-arm")
    assert report.converted[0].deploy.applied == ("e",)
    assert codes(report) == ["LU825"]


# --- Defender ---
def test_a_detection_has_the_shape_of_2026(tmp_path: Path) -> None:
    report = run(tmp_path, SCHEDULED, "defender")
    made = one(report)
    rule = load(tmp_path / "r.yaml").rules[0]
    assert made == {
        "displayName": rule.name,
        "status": "enabled",
        "queryCondition": {"queryText": rule.query},
        "schedule": {"frequency": "PT1H"},
        "detectionAction": {
            "alertTemplate": {
                "title": rule.name,
                "description": rule.description,
                "severity": "high",
                "tactics": [{"tactic": "Execution", "techniques": [{"technique": "T1059"}]}],
                "entityMappings": {"hosts": [{"deviceIdColumn": "DeviceId", "nameColumn": "DeviceName"}]},
                "customDetails": {"Made up": "AccountName"},
            }
        },
    }
    assert not {"isEnabled", "period", "mitreTechniques", "impactedAssets", "category"} & set(_keys(made))
    assert [d.what for d in report.converted[0].dropped] == [
        "requiredDataConnectors", "version", "queryPeriod", "triggerOperator", "triggerThreshold", "alertDetailsOverride",
        "eventGroupingSettings", "incidentConfiguration", "suppressionEnabled", "suppressionDuration", "metadata",
        "tactics CommandAndControl", "relevantTechniques T1219", "entityMappings Host.FullName", "entityMappings Account", "id",
    ]  # fmt: skip


def _keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(k for v in value.values() for k in _keys(v))]
    return [k for v in value for k in _keys(v)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        (
            "Timestamp, ReportId, DeviceId, ",
            "",
            "LU810",
            "no Timestamp (or TimeGenerated) and no DeviceId and no ReportId",
        ),
        ("Timestamp, ReportId, ", "Timestamp, ", "LU810", "no ReportId"),
        ("triggerThreshold: 0", "triggerThreshold: 5", "LU811", "threshold (gt 5)"),
        ("triggerOperator: gt", "triggerOperator: lt", "LU811", "threshold (lt 0)"),
        ("queryFrequency: 1h", "queryFrequency: 2h", "LU807", "PT1H, PT3H, PT12H, P1D for Defender's tables"),
        ("queryPeriod: 4h", "queryPeriod: 5h", "LU807", "PT4H at most with a run every PT1H"),
        ("kind: Scheduled", "kind: Fusion", "LU812", "kind Fusion"),
    ],
)
def test_what_defender_would_refuse_or_read_otherwise(
    tmp_path: Path, old: str, new: str, code: str, words: str
) -> None:
    report = run(tmp_path, changed(SCHEDULED, old, new), "defender")
    said = {d.code: d.message for d in report.converted[0].said}
    assert words in said[code]
    assert report.exit_code == 2


def mapped(folder: Path, columns: str, *mappings: tuple[str, dict[str, str]]) -> ExportReport:
    """A detection over a made-up result, with these entities."""
    written = "".join(
        f"  - entityType: {kind}\n    fieldMappings:\n"
        + "".join(f"      - identifier: {i}\n        columnName: {c}\n" for i, c in pairs.items())
        for kind, pairs in mappings
    )
    query = f"print Timestamp = now(), {', '.join(c + ' = 1' for c in columns.split())}"
    text = f"id: {GUID}\nname: n\nseverity: Low\nkind: NRT\nquery: {query}\n" + (
        f"entityMappings:\n{written}" if written else ""
    )
    return run(folder, text, "defender")


@pytest.mark.parametrize(
    ("columns", "mappings", "made"),
    [
        ("A", [("IP", {"Address": "A"})], {"ips": [{"addressColumn": "A"}]}),
        ("A", [("Host", {"FullName": "A"})], {"hosts": [{"nameColumn": "A"}]}),
        ("A B", [("Account", {"Name": "A", "NTDomain": "B"})], {"accounts": [{"nameColumn": "A", "ntDomainColumn": "B"}]}),
        ("A B", [("IP", {"Address": "A"}), ("Account", {"Name": "B"})], {"ips": [{"addressColumn": "A"}]}),
        ("A B", [("IP", {"Address": "A"}), ("IP", {"Address": "B"})], {"ips": [{"addressColumn": "A"}, {"addressColumn": "B"}]}),
        ("A B", [("IP", {"Address": "A"}), ("File", {"Name": "B"})], {"ips": [{"addressColumn": "A"}]}),
        (
            "A B SHA1", [("IP", {"Address": "A"}), ("File", {"Name": "B"})],
            {"ips": [{"addressColumn": "A"}], "files": [{"nameColumn": "B", "sha1Column": "SHA1"}]},
        ),
        (
            "A MySha256", [("IP", {"Address": "A"}), ("FileHash", {"Value": "MySha256"})],
            {"ips": [{"addressColumn": "A"}], "files": [{"sha256Column": "MySha256"}]},
        ),
        (
            "A K V", [("IP", {"Address": "A"}), ("RegistryKey", {"Key": "K"}), ("RegistryValue", {"Name": "V"})],
            {"ips": [{"addressColumn": "A"}], "registryValues": [{"keyColumn": "K", "valueNameColumn": "V"}]},
        ),
        ("A K", [("IP", {"Address": "A"}), ("RegistryKey", {"Key": "K"})], {"ips": [{"addressColumn": "A"}]}),
        ("AccountUpn", [], {"accounts": [{"upnColumn": "AccountUpn"}]}),
        (
            "DeviceId AccountSid", [("Host", {"NetBiosName": "DeviceId"})],
            {"hosts": [{"deviceIdColumn": "DeviceId", "netBiosNameColumn": "DeviceId"}], "accounts": [{"sidColumn": "AccountSid"}]},
        ),
    ],
)  # fmt: skip
def test_entities_are_mapped_where_they_name_one(
    tmp_path: Path, columns: str, mappings: list[tuple[str, dict[str, str]]], made: dict[str, Any]
) -> None:
    assert one(mapped(tmp_path, columns, *mappings))["detectionAction"]["alertTemplate"]["entityMappings"] == made


def test_an_alert_wants_something_that_it_happened_on(tmp_path: Path) -> None:
    for mappings in ([], [("URL", {"Url": "A"})], [("Account", {"Name": "A"})]):
        report = mapped(tmp_path, "A", *mappings)
        assert codes(report) == ["LU810"]
        assert "column that names a host, an account, a mailbox or an address" in report.converted[0].said[0].message
    report = mapped(tmp_path, "A DeviceId", ("IP", {"Address": "B"}))
    assert [d.message for d in report.converted[0].said] == [
        "the result has no column 'B' for IP.Address, which Defender needs"
    ]


def test_a_detection_has_the_tactic_of_most_techniques(tmp_path: Path) -> None:
    text = changed(SCHEDULED, "  - T1059\n", "  - T1071.001\n  - T1059\n")
    report = run(tmp_path, text, "defender")
    assert one(report)["detectionAction"]["alertTemplate"]["tactics"] == [
        {
            "tactic": "CommandAndControl",
            "techniques": [
                {"technique": "T1219", "subTechniques": ["T1219.002"]},
                {"technique": "T1071", "subTechniques": ["T1071.001"]},
            ],
        }
    ]
    lost = [d.what for d in report.converted[0].dropped]
    assert {"tactics Execution", "relevantTechniques T1059"} <= set(lost)


def test_a_hunt_as_a_detection_says_what_it_fills_in(tmp_path: Path) -> None:
    text = changed(HUNTING, "ago(1d)", "ago(1d)\n  | summarize arg_max(Timestamp, ReportId) by DeviceId")
    report = run(tmp_path, text, "defender")
    made = one(report)
    assert made["schedule"] == {"frequency": "P1D"}
    assert made["detectionAction"]["alertTemplate"]["severity"] == "medium"
    assert made["detectionAction"]["alertTemplate"]["entityMappings"] == {"hosts": [{"deviceIdColumn": "DeviceId"}]}
    assert codes(report) == ["LU822", "LU822"]


def test_a_continuous_detection(tmp_path: Path) -> None:
    assert one(run(tmp_path, changed(SCHEDULED, "kind: Scheduled", "kind: NRT"), "defender"))["schedule"] == {
        "frequency": "PT0S"
    }


def test_sentinels_time_on_a_table_of_defenders_is_told(tmp_path: Path) -> None:
    text = changed(
        HUNTING,
        "DeviceInfo\n  | where Timestamp > ago(1d)",
        "DeviceProcessEvents\n  | where TimeGenerated > ago(1d)\n  | project TimeGenerated, ReportId, DeviceId",
    )
    assert "LU821" in codes(run(tmp_path, text, "defender"))


def test_a_table_of_sentinels_is_told(tmp_path: Path) -> None:
    text = changed(
        HUNTING,
        "DeviceInfo\n  | where Timestamp > ago(1d)",
        "SecurityEvent\n  | project TimeGenerated, AccountUpn = Account",
    )
    assert "LU826" in codes(run(tmp_path, text, "defender"))


# --- files ---
def test_two_rules_of_one_id_are_not_deployed_over_each_other(tmp_path: Path) -> None:
    for name, id_, query in (("a", GUID, "DeviceInfo | take 1"), ("b", GUID.upper(), "DeviceInfo | take 2")):
        (tmp_path / f"{name}.yaml").write_text(f"id: {id_}\nname: {name}\nquery: {query}\n")
    report = export([tmp_path], open_session(None, NOW, None), "sentinel-arm", out=tmp_path / "o")
    assert [[d.code for d in c.said] for c in report.converted] == [[], ["LU814"]]
    assert (len(report.files), report.exit_code) == (1, 1)


def test_a_version_that_is_none_to_the_api_is_dropped(tmp_path: Path) -> None:
    report = run(tmp_path, changed(SCHEDULED, "version: 1.2.0", "version: v1"), "sentinel-arm")
    assert "templateVersion" not in one(report)["resources"][0]["properties"]
    assert "version" in [d.what for d in report.converted[0].dropped]


def many(folder: Path, count: int, size: int = 0) -> Path:
    rules = folder / "rules"
    rules.mkdir()
    for n in range(count):
        body = HUNTING.replace(GUID, f"{n:08d}-7b1e-4a57-9a4b-2b5c2f0e6c11") + (f"  // {'x' * size}\n" if size else "")
        (rules / f"r{n:04d}.yaml").write_text(body)
    return rules


def test_a_folder_gets_a_file_for_each_rule(tmp_path: Path) -> None:
    rules = many(tmp_path, 3)
    (rules / "sub").mkdir()
    (rules / "sub" / "R0001.kql").write_text("DeviceInfo | take 1")
    (rules / "CON.kql").write_text("DeviceInfo | take 2")
    out = tmp_path / "deploy" / "here"
    report = export([rules], open_session(None, NOW, None), "sentinel-arm", out=out)
    assert sorted(p.name for p in out.iterdir()) == [
        "r0000.json", "r0001-2.json", "r0001.json", "r0002.json", "rule-con.json",
    ]  # fmt: skip
    assert len(report.files) == 5


def test_one_file_holds_as_many_as_a_template_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_RESOURCES", 3)
    monkeypatch.setattr(limits, "MAX_DEPLOYMENTS", 5)
    rules = many(tmp_path, 7)
    session = open_session(None, NOW, None)
    for out, stem in ((tmp_path / "all.json", "all"), (tmp_path / "folder", "folder/rules")):
        report = export([rules], session, "sentinel-arm", out=out)
        paths = [tmp_path / f"{stem}-{n}.json" for n in (1, 2, 3)]
        assert [f.path for f in report.files] == [str(p) for p in paths]
        assert [len(json.loads(p.read_text())["resources"]) for p in paths] == [3, 3, 1]
        assert any("split into 3 files" in n for n in report.notes)
    assert "Azure keeps 5 deployments" in report.notes[0]
    symbols = bicep_resources(export([rules], session, "sentinel-bicep", out=tmp_path / "a.bicep").files[0].text)
    assert list(symbols) == ["rule_r0000", "rule_r0001", "rule_r0002"]


def test_a_template_of_four_megabytes_is_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TEMPLATE", 20_000)
    report = export([many(tmp_path, 4, 8_000)], open_session(None, NOW, None), "sentinel-arm", out=tmp_path / "a.json")
    assert [len(f.rules) for f in report.files] == [2, 2]
    assert all(len(f.text) < 20_000 for f in report.files)


def test_detections_of_several_rules_want_a_folder(tmp_path: Path) -> None:
    with pytest.raises(LurcherError, match="2 rules do not go into one file"):
        export([many(tmp_path, 2)], open_session(None, NOW, None), "kql", out=tmp_path / "a.kql")


def test_a_broken_rule_does_not_keep_the_others(tmp_path: Path) -> None:
    rules = many(tmp_path, 2)
    (rules / "bad.yaml").write_text(changed(HUNTING, "DeviceInfo", "DeviceInfo |"))
    report = export([rules], open_session(None, NOW, None), "sentinel-arm", out=tmp_path / "o")
    assert (len(report.files), report.exit_code) == (2, 1)


def test_a_layer_counts_the_rules_of_a_technique(tmp_path: Path) -> None:
    rules = many(tmp_path, 3)
    (rules / "bad.yaml").write_text(changed(HUNTING, "DeviceInfo", "DeviceInfo |"))
    (rules / "none.kql").write_text("DeviceInfo | take 1")
    report = export([rules], open_session(None, NOW, None), "navigator", out=tmp_path / "o")
    assert [f.path for f in report.files] == [str(tmp_path / "o" / "navigator.json")]
    made = json.loads((tmp_path / "o" / "navigator.json").read_text())
    assert {t["techniqueID"]: t["score"] for t in made["techniques"]}["T1219"] == 3
    assert report.exit_code == 1
    assert report.notes == ["none: names no technique"]


# --- the command ---
def lurcher_(*argv: str) -> Result:
    from lurcher.cli import cli

    return CliRunner().invoke(cli, argv, catch_exceptions=False)


def test_the_command_prints_the_file_and_tells_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LURCHER_NOW", "2026-11-20T00:00:00Z")
    path = tmp_path / "r.yaml"
    path.write_text(SCHEDULED)
    done = lurcher_("export", str(path), "--to", "sentinel-arm")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["contentVersion"] == "1.0.0.0"
    assert "dropped: requiredDataConnectors, metadata" in done.stderr
    done = lurcher_("export", str(path), "--to", "defender", "--out", str(tmp_path / "d"), "--format", "json")
    data = json.loads(done.stdout)
    assert data["rules"][0]["exported"] is True
    assert {"what": "version", "why": ""} in data["rules"][0]["dropped"]
    assert Path(data["files"][0]["path"]).is_file()


def test_the_shipped_rule_is_exported_with_its_exclusions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LURCHER_NOW", "2026-11-20T00:00:00Z")
    done = lurcher_("export", str(CONTENT / "ninjaone-file-signature.yaml"), "--to", "sentinel-bicep")
    assert done.exit_code == 0
    assert "exclusions in the query: managed-agent-service, managed-agent-patcher" in done.stderr
    ((_, body),) = bicep_resources(done.stdout).values()
    assert "NinjaRMMAgentPatcher.exe" in body["properties"]["query"]
    done = lurcher_("export", str(CONTENT / "ninjaone-file-signature.yaml"), "--to", "defender")
    assert done.exit_code == 2
    assert "arg_max(Timestamp, ReportId" in done.stderr


@pytest.mark.parametrize(
    ("target", "name"), [("sentinel-yaml", "to.yml"), ("sentinel-bicep", "to.json"), ("kql", "to.yaml")]
)
def test_a_file_of_another_sort_is_no_folder(tmp_path: Path, target: str, name: str) -> None:
    text = "id: 11111111-1111-1111-1111-111111111111\nname: a\nquery: DeviceEvents\n"
    with pytest.raises(LurcherError, match="ends in"):
        run(tmp_path, text, target, out=tmp_path / name)
    assert not (tmp_path / name).exists()
