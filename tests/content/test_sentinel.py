"""Sentinel YAML: what is read, what is mended, and where it says so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml

from lurcher.content.loading import load, load_text, write_fixed
from lurcher.content.model import Connector, Loaded, Presence, Rule
from lurcher.errors import LurcherError

GOOD = """\
id: 11111111-2222-3333-4444-555555555555
name: Sample
description: |
  Two lines
  of text.
severity: Medium
kind: Scheduled
requiredDataConnectors:
  - connectorId: MicrosoftThreatProtection
    dataTypes:
      - DeviceProcessEvents
queryFrequency: 1h
queryPeriod: P1DT12H
triggerOperator: GreaterThan
triggerThreshold: 0
tactics:
  - CommandAndControl
relevantTechniques:
  - T1219.002
query: |
  DeviceProcessEvents
  | where FileName =~ "a.exe"
    and AccountName != "ü"
entityMappings:
  - entityType: Host
    fieldMappings:
      - identifier: FullName
        columnName: DeviceName
customDetails:
  Seen: FileName
version: 1.0.0
somethingNew: {a: [1, null]}
"""


def loaded(text: str, path: str = "rule.yaml") -> Loaded:
    result = load_text(path, text.encode())
    assert result is not None
    return result


def one(text: str, path: str = "rule.yaml") -> Rule:
    result = loaded(text, path)
    assert len(result.rules) == 1, [p.render() for p in result.diagnostics]
    return result.rules[0]


def codes(text: str) -> list[str]:
    return [p.diagnostic.code for p in loaded(text).diagnostics]


def test_every_field_is_read_and_unknown_keys_are_kept() -> None:
    rule = one(GOOD)
    assert rule.id == "11111111-2222-3333-4444-555555555555"
    assert (rule.name, rule.severity, rule.kind, rule.version) == ("Sample", "Medium", "Scheduled", "1.0.0")
    assert rule.description == "Two lines\nof text."
    assert rule.connectors == (Connector("MicrosoftThreatProtection", ("DeviceProcessEvents",)),)
    assert rule.tactics == ("CommandAndControl",)
    assert rule.techniques == ("T1219.002",)
    assert rule.schedule.query_frequency == dt.timedelta(hours=1)
    assert rule.schedule.query_period == dt.timedelta(days=1, hours=12)
    assert (rule.schedule.trigger_operator, rule.schedule.trigger_threshold) == ("gt", 0)
    assert rule.entity_mappings[0].entity_type == "Host"
    assert rule.entity_mappings[0].fields == (("FullName", "DeviceName"),)
    assert rule.custom_details == (("Seen", "FileName"),)
    assert rule.extra == {"somethingNew": {"a": [1, None]}}
    assert rule.query == 'DeviceProcessEvents\n| where FileName =~ "a.exe"\n  and AccountName != "ü"\n'
    assert rule.repairs == ()
    assert rule.problems == ()
    assert rule.runnable
    assert write_fixed(rule) == GOOD.encode()


@pytest.mark.parametrize(
    ("query", "needle"),
    [
        ("query: |\n  T\n  | where A == 1\n    | take 5\n", "take"),
        ("query: |-\n\n      T\n      | take 5\n", "take"),
        ("query: >\n  T\n  | where A == 1\n  | take 5\n", "take"),
        ("query: T | where A == 1 | take 5\n", "take"),
        ("query: T | where A == 1\n  | take 5\n", "take"),
        ('query: "T\\n| where A == \\"x\\"\\n| take 5"\n', "take"),
        ("query: 'T | where A == ''x'' | take 5'\n", "take"),
        ('query: "\\u0054 | where A == 1 \\\n  | take 5"\n', "take"),
        ("query: |\n  T\n  | where A == 'DWSNET OÜ' and B == '上海'\n  | take 5\n", "take"),
    ],
)
def test_a_place_in_the_query_is_its_place_in_the_file(query: str, needle: str) -> None:
    text = "name: x\n" + query + "version: 1.0.0\n"
    for newline in ("\n", "\r\n"):
        written = text.replace("\n", newline)
        rule = one(written)
        line, column = rule.query_source.position(rule.query.index(needle))
        assert written.split("\n")[line - 1][column - 1 :].startswith(needle)


def test_missing_null_and_empty_are_three_things() -> None:
    rule = one("name: x\nquery: T\ntactics:\nrelevantTechniques: []\n")
    assert rule.presence("tactics") is Presence.NULL
    assert rule.presence("relevantTechniques") is Presence.EMPTY
    assert rule.presence("severity") is Presence.MISSING
    assert rule.presence("query") is Presence.GIVEN
    assert rule.tactics == rule.techniques == ()


DASH = """\
name: x
requiredDataConnectors:
    - connectorId: MicrosoftThreatProtection
    dataTypes:
        - DeviceProcessEvents
    - connectorId: Other
    dataTypes:
        - DeviceNetworkEvents
tactics: CommandAndControl
relevantTechniques: T1219, T1105
query: |
  T
"""


def test_data_types_in_the_column_of_the_dash() -> None:
    rule = one(DASH)
    assert rule.connectors == (
        Connector("MicrosoftThreatProtection", ("DeviceProcessEvents",)),
        Connector("Other", ("DeviceNetworkEvents",)),
    )
    assert [(d.code, rule.file.position(d.span.start)) for d in rule.repairs] == [
        ("LU103", (4, 5)),
        ("LU103", (7, 5)),
        ("LU105", (9, 10)),
        ("LU105", (10, 21)),
    ]


def test_the_fixed_file_is_yaml_and_differs_only_where_it_was_mended() -> None:
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(DASH)
    for newline in ("\n", "\r\n"):
        fixed = write_fixed(one(DASH.replace("\n", newline))).decode()
        assert fixed == newline.join(
            [
                "name: x",
                "requiredDataConnectors:",
                "    - connectorId: MicrosoftThreatProtection",
                "      dataTypes:",
                "          - DeviceProcessEvents",
                "    - connectorId: Other",
                "      dataTypes:",
                "          - DeviceNetworkEvents",
                "tactics:",
                "  - CommandAndControl",
                "relevantTechniques:",
                "  - T1219",
                "  - T1105",
                "query: |",
                "  T",
                "",
            ]
        )
        read = yaml.safe_load(fixed)
        assert read["requiredDataConnectors"][1] == {"connectorId": "Other", "dataTypes": ["DeviceNetworkEvents"]}
        assert write_fixed(one(fixed)).decode() == fixed


def test_all_indentation_lost() -> None:
    rule = one(
        "id: 5\nname: x\ndescription: |\nSome words.\nrequiredDataConnectors:\n- connectorId: C\ndataTypes:\n- A\n- B\n"
        "query: |\nlet t = datatable(a: long,\nname: string)[1, 'x'];\nt\n| take 1\nversion: 1.0.0\n"
    )
    assert rule.description == "Some words."
    assert rule.connectors == (Connector("C", ("A", "B")),)
    assert rule.query == "let t = datatable(a: long,\nname: string)[1, 'x'];\nt\n| take 1\n"
    assert rule.version == "1.0.0"
    line, column = rule.query_source.position(rule.query.index("take"))
    assert (line, column) == (14, 3)
    assert {d.code for d in rule.repairs} == {"LU103", "LU104"}


def test_one_line_of_a_query_lost_its_indentation() -> None:
    rule = one("name: x\nquery: |\n    T\n| where a == 1\n    | take 1\nunknownKey: y\nversion: 1.0.0\n")
    assert rule.query == "T\n| where a == 1\n| take 1\n"
    assert rule.query_source.position(rule.query.index("| where")) == (4, 1)
    assert rule.extra == {"unknownKey": "y"}


def test_a_good_file_with_an_unknown_key_after_a_block_is_left_alone() -> None:
    assert codes("name: x\nquery: |\n  T\nunknown: y\n") == []


def test_tabs() -> None:
    text = "name: x\nrequiredDataConnectors:\n\t- connectorId: C\n\t  dataTypes:\n\t\t- T\nquery: |\n\tT\n\t| take 1\n"
    rule = one(text)
    assert rule.connectors == (Connector("C", ("T",)),)
    assert rule.query == "T\n| take 1\n"
    assert rule.query_source.position(rule.query.index("take")) == (8, 4)
    assert yaml.safe_load(write_fixed(rule))["query"] == "T\n| take 1\n"


def test_a_byte_order_mark_and_utf16() -> None:
    text = "name: DWSNET OÜ\nquery: T\n"
    for raw in (b"\xef\xbb\xbf" + text.encode(), b"\xff\xfe" + text.encode("utf-16-le")):
        result = load_text("r.yaml", raw)
        assert result is not None
        rule = result.rules[0]
        assert rule.name == "DWSNET OÜ"
        assert [d.code for d in rule.repairs] == ["LU101"]
        assert rule.original == raw
        assert write_fixed(rule) == text.encode()


def test_fences_and_quotes_around_the_query() -> None:
    rule = one("name: x\nquery: |\n  ```kusto\n  T\n  | take 1\n  ```\n")
    assert rule.query == "T\n| take 1"
    assert rule.query_source.position(rule.query.index("take")) == (5, 5)
    assert [d.code for d in rule.repairs] == ["LU107"]
    rule = one("name: x\nquery: |\n  'T\n  | take 1'\n")
    assert rule.query == "T\n| take 1"
    assert [d.code for d in rule.repairs] == ["LU108"]
    # A query that merely begins and ends with a quote is none of these.
    assert one("name: x\nquery: |\n  'a' | T 'b'\n").query == "'a' | T 'b'\n"


def test_synonyms_and_spellings() -> None:
    rule = one("name: x\nquery: T\ntechniques: [T1219]\nseverity: mEDIUM\nkind: nrt\n")
    assert rule.techniques == ("T1219",)
    assert (rule.severity, rule.kind) == ("Medium", "NRT")
    assert sorted(d.code for d in rule.repairs) == ["LU106", "LU109", "LU109"]
    assert b"relevantTechniques: [T1219]" in write_fixed(rule)


def test_connectors_as_a_mapping_missing_and_empty() -> None:
    rule = one("name: x\nquery: T\nrequiredDataConnectors:\n  connectorId: C\n  dataTypes: [A]\n")
    assert rule.connectors == (Connector("C", ("A",)),)
    assert [d.code for d in rule.repairs] == ["LU110"]
    assert one("name: x\nquery: T\nrequiredDataConnectors: []\n").connectors == ()


@pytest.mark.parametrize(
    ("text", "code", "line", "says"),
    [
        ("id: %%GUID%%\nname: Tool - %%NAME%%\nquery: |\n", "LU122", 1, "%%GUID%% and %%NAME%%"),
        ("name: x\nquery: ''\n", "LU123", 2, "empty"),
        ("name: x\nquery: |\n  \nversion: 1\n", "LU123", 2, "empty"),
        ("name: x\nquery:\n  a: 1\n", "LU124", 3, "a mapping"),
        ("name: x\n", "LU124", 1, "query"),
    ],
)
def test_a_rule_without_a_query_says_so_and_does_not_run(text: str, code: str, line: int, says: str) -> None:
    result = loaded(text)
    assert [p.diagnostic.code for p in result.errors] == [code]
    assert result.errors[0].position[0] == line
    assert says in result.errors[0].diagnostic.message
    assert not result.rules[0].runnable


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("name: x\nname: y\nquery: T\n", "LU126", 2),
        ("name: x\nquery: [T\n", "LU120", 3),
        ("- a\n- b\n", "LU124", 1),
        ("just words\n", "LU124", 1),
        ("", "LU124", 1),
        ("# nothing\n", "LU124", 1),
        ("a: &a {b: 1}\nc:\n  <<: *a\nquery: T\n", "LU127", 3),
        ("a: " + "[" * 100 + "]" * 100 + "\n", "LU121", 1),
        ("a: \x01\n", "LU120", 1),
    ],
)
def test_what_is_no_rule_is_an_error_with_its_line(text: str, code: str, line: int) -> None:
    result = loaded(text)
    assert result.rules == ()
    assert [p.diagnostic.code for p in result.errors] == [code]
    assert result.errors[0].position[0] == line


def test_a_bomb_of_aliases_is_refused() -> None:
    text = (
        "a0: &a0 [x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
        + "query: T\n"
    )
    result = loaded(text)
    assert [p.diagnostic.code for p in result.errors] == ["LU121"]


def test_not_text_and_too_large() -> None:
    result = load_text("r.yaml", b"name: x\nquery: \xff\n")
    assert result is not None
    assert "line 2" in result.diagnostics[0].diagnostic.message
    result = load_text("r.yaml", b"x" * (5 * 1024 * 1024))
    assert result is not None
    assert [p.diagnostic.code for p in result.errors] == ["LU121"]


def test_several_documents_are_several_rules() -> None:
    result = loaded("name: a\nquery: T\n---\nname: b\nquery: U\n")
    assert [(r.name, r.query) for r in result.rules] == [("a", "T"), ("b", "U")]


def test_a_bad_duration_names_the_key_and_the_rule_still_runs() -> None:
    result = loaded("name: x\nquery: T\nqueryPeriod: soon\ntriggerThreshold: many\n")
    assert [(p.diagnostic.code, p.position) for p in result.errors] == [("LU128", (3, 14)), ("LU128", (4, 19))]
    assert result.rules[0].runnable


def test_a_file_that_is_not_there_or_has_no_format(tmp_path: Path) -> None:
    with pytest.raises(LurcherError, match="no such file"):
        load(tmp_path / "nothing.yaml")
    other = tmp_path / "a.docx"
    other.write_bytes(b"x")
    with pytest.raises(LurcherError, match="no format"):
        load(other)
