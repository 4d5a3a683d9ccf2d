"""Pages pasted as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from lurcher.content.loading import load, load_text, write_fixed
from lurcher.content.model import Loaded

SEED = Path(__file__).parents[3] / "shared" / "seed" / "ninjarmm-file-signature.txt"

PAGE = """\
What it is about.
KQL Query
DeviceFileCertificateInfo
| where Signer has 'Tool'
id: 11111111-2222-3333-4444-555555555555
name: Tool
description: |
Words.
requiredDataConnectors:
- connectorId: MicrosoftThreatProtection
dataTypes:
- DeviceFileCertificateInfo
tactics: CommandAndControl
relevantTechniques: T1219
query: |
DeviceFileCertificateInfo
| where Signer has 'Tool'
Scenario: The agent’s update
Description: It updates itself,
every night.
Filter/Exclusion: process.name == "a.exe" and
  process.command_line contains "update"
Scenario: Another
Filter: file.hash == "x"
"""


def page(text: str) -> Loaded:
    result = load_text("tool.txt", text.encode())
    assert result is not None
    return result


def test_all_parts_of_a_page() -> None:
    for text in (PAGE, PAGE.replace("\n", "\r\n")):
        rule = page(text).rules[0]
        assert rule.format == "page"
        assert (rule.id, rule.name) == ("11111111-2222-3333-4444-555555555555", "Tool")
        assert rule.description == "Words."
        assert rule.extra == {"page": "What it is about."}
        assert rule.query == "DeviceFileCertificateInfo\n| where Signer has 'Tool'\n"
        assert rule.query_source.position(rule.query.index("Signer")) == (17, 9)
        assert rule.connectors[0].data_types == ("DeviceFileCertificateInfo",)
        first, second = rule.exclusions
        assert first.scenario == "The agent’s update"
        assert first.id == "the-agent-s-update"
        assert first.description.splitlines() == ["It updates itself,", "every night."]
        assert first.when.split() == [
            "process.name",
            "==",
            '"a.exe"',
            "and",
            "process.command_line",
            "contains",
            '"update"',
        ]
        assert first.when_source.position(first.when.index("process.command_line")) == (22, 3)
        assert (second.when, second.when_source.position(0)) == ('file.hash == "x"', (24, 9))
        assert write_fixed(rule) == text.encode()


def test_the_two_queries_of_a_page_differ() -> None:
    result = page(PAGE.replace("has 'Tool'\nid:", "has 'Other'\nid:"))
    (found,) = [p for p in result.diagnostics if p.diagnostic.code == "LU130"]
    assert found.position == (4, 1)
    assert result.rules[0].query == "DeviceFileCertificateInfo\n| where Signer has 'Tool'\n"
    result = page(PAGE.replace("has 'Tool'\nScenario: The", "has 'Tool'\n| take 1\nScenario: The"))
    (found,) = [p for p in result.diagnostics if p.diagnostic.code == "LU130"]
    assert "| take 1" in found.diagnostic.hint
    assert [p.diagnostic.code for p in page(PAGE).diagnostics if p.diagnostic.code == "LU130"] == []


def test_a_page_with_a_bare_query_alone() -> None:
    rule = page("About.\n\n## KQL Query\n```kql\nT\n| take 1\n```\nScenario: s\nFilter/Exclusion: a == 1\n").rules[0]
    assert (rule.query, rule.description, rule.name) == ("T\n| take 1", "About.", "tool")
    assert rule.query_source.position(rule.query.index("take")) == (6, 3)
    assert [e.when for e in rule.exclusions] == ["a == 1"]


def test_a_scenario_without_a_filter_is_not_in_force() -> None:
    result = page("KQL Query\nT\nScenario: one\nDescription: d\nScenario: one\nFilter/Exclusion:\n")
    assert [(e.id, bool(e.errors)) for e in result.rules[0].exclusions] == [("one", True), ("one-2", True)]
    assert [p.position[0] for p in result.errors] == [3, 5]
    assert result.rules[0].runnable


def test_a_label_given_twice_in_one_scenario() -> None:
    result = page("KQL Query\nT\nScenario: one\nFilter: a == 1\nFilter: b == 2\n")
    assert [(p.diagnostic.code, p.position[0]) for p in result.errors] == [("LU126", 5)]


def test_prose_alone_is_no_rule() -> None:
    result = page("Only words here.\nAnd more.\n")
    assert result.rules == ()
    assert [p.diagnostic.code for p in result.errors] == ["LU124"]


@pytest.mark.skipif(not SEED.exists(), reason="the published page is not here")
def test_the_published_page_as_it_is() -> None:
    result = load(SEED)
    (rule,) = result.rules
    assert rule.id == "662b8f73-a1f2-48a9-966d-43ffa3555a29"
    assert rule.name == "Remote Management and Monitoring tool - NinjaRMM - File Signature"
    assert rule.tactics == ("CommandAndControl",)
    assert rule.techniques == ("T1219",)
    assert rule.tables == ("DeviceFileCertificateInfo",)
    assert rule.query.splitlines() == [
        "let Time_start = now(-5d);",
        "let Time_end = now();",
        "//",
        "DeviceFileCertificateInfo",
        "| where Timestamp between (Time_start..Time_end)",
        "| where Signer has 'NinjaRMM'",
        "| summarize FirstSeen=min(Timestamp), LastSeen=max(Timestamp),",
        "Report=make_set(ReportId), Count=count() by DeviceId, DeviceName",
    ]
    assert [e.when for e in rule.exclusions] == [
        'process.parent_process_name == "ninjaRMM.exe" or process.name == "CleanupTask.exe"',
        'process.name == "ninjaRMM.exe" and file.hash == "known_legit_script_hash"',
        'process.name == "ninjaRMM.exe" and process.command_line contains "rdp"',
        'process.name == "ninjaRMM.exe" and process.command_line contains "update" or "sync"',
        'process.name == "ninjaRMM.exe" and file.name contains "patch" or "update"',
    ]
    assert [e.when_source.position(0) for e in rule.exclusions] == [(33, 19), (36, 19), (39, 19), (42, 19), (45, 19)]
    # The page has the query twice, the same both times.
    assert {d.code for d in rule.repairs} == {"LU103", "LU104", "LU105"}
    assert result.errors == ()
    assert rule.original == SEED.read_bytes()
