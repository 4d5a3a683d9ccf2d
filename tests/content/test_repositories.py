"""Files as public repositories keep them, in small."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from lurcher.app.check import check
from lurcher.app.query import open_session
from lurcher.content.loading import load, load_folder, load_text
from lurcher.content.model import Rule
from lurcher.content.several import pieces


def rules_of(name: str, text: str) -> tuple[Rule, ...]:
    loaded = load_text(name, text.encode())
    assert loaded is not None
    return loaded.rules


SEVERAL = """\
//Things about sign-ins

//Data connector required for this query - Azure Active Directory

//Users that sign in most
SigninLogs
| where ResultType == 0

| top 20 by UserId

//Places
let known = SigninLogs
    | distinct Location;

SigninLogs
| where Location !in (known)


// the end
"""


def test_queries_with_blank_lines_between_them_are_rules() -> None:
    one, two = rules_of("Stats.kql", SEVERAL)
    assert (one.name, two.name) == ("Stats (1)", "Stats (2)")
    assert one.query == SEVERAL[: SEVERAL.index("\n\n//Places")]
    assert two.query == SEVERAL[SEVERAL.index("//Places") :].rstrip()
    assert (one.description, two.description) == ("Things about sign-ins", "Places")
    # A place in the second counts in the file.
    assert two.query_source.position(two.query.index("SigninLogs")) == (12, 13)


@pytest.mark.parametrize(
    "text",
    [
        "SigninLogs\n\n| take 1\n",
        "let a = 1;\n\nSigninLogs\n| take a\n",
        # The second is no whole query: which mistake it is, is said of the text as it stands.
        "SigninLogs\n| take 1\n\nSigninLogs\n| wher x\n",
        # Names alone, without what they are for.
        "let a = SigninLogs\n\nlet b = SigninLogs\n",
        "\n\n// nothing\n\n// more\n",
    ],
)
def test_what_is_one_query_or_none_for_certain_stays_one(text: str) -> None:
    assert pieces(text) == [(0, len(text))]
    assert len(rules_of("a.kql", text)) == 1


def test_a_query_in_a_text_file() -> None:
    (rule,) = rules_of(
        "Tor.txt",
        "// This query looks for a client.\n// It was seen often.\n// Tags: #Tor\n//\n// See https://attack.mitre.org/techniques/T1090/003\n"
        "DeviceNetworkEvents\n| take 1\n",
    )
    assert rule.format == "kql"
    assert rule.name == "Tor"
    assert rule.description == "This query looks for a client.\nIt was seen often."
    assert rule.techniques == ("T1090.003",)


def test_a_text_that_is_no_query_is_none(tmp_path: Path) -> None:
    (tmp_path / "LICENSE.txt").write_text("Do as you like | or not.\n", encoding="utf-8")
    (tmp_path / "splunk.txt").write_text("index=main\n| where x=1\n| stats count by y\n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("# Notes\n\n```powershell\nGet-Process | where x\n```\n", encoding="utf-8")
    (tmp_path / "list.csv").write_text("a,b\n", encoding="utf-8")
    loaded = load_folder(tmp_path)
    assert not loaded.rules
    assert not loaded.diagnostics
    assert len(loaded.skipped) == 3


def test_comments_with_keys() -> None:
    (rule,) = rules_of(
        "a.kql",
        "// Query Name: An agent\n// Author: someone\n// Description: Looks for\n//              an agent.\n"
        "// Tactics: Initial Access, Command and Control\n// MITRE: T1219, T9999\n// Severity: high\nDeviceEvents\n",
    )
    assert (rule.name, rule.description, rule.severity) == ("An agent", "Looks for an agent.", "High")
    assert rule.tactics == ("InitialAccess", "CommandAndControl")
    assert rule.techniques == ("T1219",)


def test_one_tactic_of_several_words() -> None:
    (rule,) = rules_of("a.kql", "// Tactic: Lateral Movement\nDeviceEvents\n")
    assert rule.tactics == ("LateralMovement",)


def test_a_page_with_metadata_in_tables() -> None:
    (rule,) = rules_of(
        "x.md",
        "# *A connection*\n\n## Metadata\n**ID:** A_Connection-Win\n\n| Tactic | Technique | Subtechnique | Technique Name |\n"
        "|---|---|---| --- |\n| TA0007 - Discovery | T1087 | 002 | Discovery|\n| TA0009 - Collection | T1119 |  | A |\n\n"
        "## Detection description\nSays what.\n\n## Detection\n**Query:**\n```C#\nDeviceEvents\n| take 1\n```\n",
    )
    assert (rule.id, rule.name, rule.description) == ("A_Connection-Win", "A connection", "Says what.")
    assert rule.techniques == ("T1087.002", "T1119")
    assert rule.tactics == ("Discovery", "Collection")


def test_a_page_with_a_table_of_what_is_covered() -> None:
    (rule,) = rules_of(
        "x.md",
        "# Theft\nSeen in the wild.\n\n## Query\nLooks.\n```\nDeviceEvents\n| take 1\n```\n\n## Category\n"
        "| Technique, tactic, or state | Covered? (v=yes) | Notes |\n|-|-|-|\n| Initial access |  |  |\n"
        "| Credential Access | v |  |\n"
        "| Exfiltration | V | T1048 |\n| Vulnerability | v |  |\n",
    )
    assert (rule.name, rule.description) == ("Theft", "Seen in the wild.")
    assert rule.tactics == ("CredentialAccess", "Exfiltration")
    assert rule.techniques == ("T1048",)


def test_a_query_editor_is_told_of_a_rule_by_its_place(tmp_path: Path) -> None:
    file = tmp_path / "two.kql"
    file.write_text("DeviceEvents\n| take 1\n\nDeviceEvents\n| project Nam\n", encoding="utf-8")
    assert [r.query_source.position(0) for r in load(file).rules] == [(1, 1), (4, 1)]


SUMMARY = """\
id: 0b2c6a0e-3f0d-4a3c-9a53-0f2a6f0b7c14
displayName: Sessions by the hour
description: Counts.
destinationTable: Sessions_CL
query: |
  CommonSecurityLog
  | summarize count() by SourceIP, bin(TimeGenerated, 1h)
binSize: 60
version: 1.0.0
"""


def test_a_summary_rule_is_a_query_with_a_name(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(SUMMARY, encoding="utf-8")
    (rule,) = load(file).rules
    assert (rule.name, rule.kind, rule.version) == ("Sessions by the hour", "Summary", "1.0.0")
    assert rule.extra["destinationTable"] == "Sessions_CL"
    report = check([file], open_session(None, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None), fix=True)
    assert not report.rows
    assert file.read_text(encoding="utf-8") == SUMMARY


def test_parsers_and_settings_are_no_rules(tmp_path: Path) -> None:
    (tmp_path / "parser.yaml").write_text(
        "id: e92e447e\nFunctionName: N\nFunctionQuery: union A, B\n", encoding="utf-8"
    )
    (tmp_path / "asim.yaml").write_text("Parser:\n  Title: t\nParserName: N\nParserQuery: |\n  T\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text(
        "schemaVersion: 1.0.0\nruleOverrides:\n  a: {techniques: [T1590]}\n", encoding="utf-8"
    )
    (tmp_path / "ci.yml").write_text("name: ci\non: [push]\njobs:\n  a:\n    runs-on: x\n", encoding="utf-8")
    loaded = load_folder(tmp_path)
    assert not loaded.rules
    assert not loaded.diagnostics
    assert len(loaded.skipped) == 4
