"""Rule and exclusions -> KQL, as text."""

from __future__ import annotations

import datetime as dt

import pytest
from making_rules import SIGNATURES, columns_of, rule_of

from lurcher.content.exclusions import parsing
from lurcher.content.exclusions.rewrite import Settings, rewrite

TODAY = dt.date(2026, 3, 1)


def rewritten(query, *whens, **more):
    return rewrite(rule_of(query, *whens, **more), columns_of, TODAY)


def test_a_certificate_hunt_looks_its_context_up_by_device_and_hash():
    tuned = rewritten(SIGNATURES, 'process.name == "a.exe" and process.parent.command_line has "b"').tuned
    assert tuned == (
        """let Time_start = now(-5d);
let Time_end = now();
let lurcher_evidence = materialize(
    DeviceFileCertificateInfo
    | where Timestamp between (Time_start .. Time_end)
    | where Signer has 'NinjaRMM'
);
let lurcher_keys_1 = lurcher_evidence
| where isnotempty(DeviceId) and isnotempty(SHA1)
| distinct DeviceId, SHA1;
let lurcher_context_1 = lurcher_keys_1
| join kind=inner (
    union (
        DeviceProcessEvents
        | where Timestamp >= Time_start - 1d and Timestamp <= Time_end + 1d
        | where SHA1 in (lurcher_keys_1 | distinct SHA1)
        | project lurcher_device = DeviceId, lurcher_sha1 = SHA1, lurcher_process_name = FileName, """
        """lurcher_process_parent_command_line = InitiatingProcessCommandLine, """
        """lurcher_process_parent_command_line_known = true
    ), (
        DeviceImageLoadEvents
        | where Timestamp >= Time_start - 1d and Timestamp <= Time_end + 1d
        | where SHA1 in (lurcher_keys_1 | distinct SHA1)
        | project lurcher_device = DeviceId, lurcher_sha1 = SHA1, lurcher_process_name = InitiatingProcessFileName, """
        """lurcher_process_parent_command_line = "", lurcher_process_parent_command_line_known = false
    )
    | distinct lurcher_device, lurcher_sha1, lurcher_process_name, lurcher_process_parent_command_line, """
        """lurcher_process_parent_command_line_known
) on $left.DeviceId == $right.lurcher_device, $left.SHA1 == $right.lurcher_sha1
| summarize lurcher_rows = count(), lurcher_yes_1 = countif(lurcher_process_parent_command_line_known and """
        """(lurcher_process_name =~ "a.exe" and lurcher_process_parent_command_line has "b")) by DeviceId, SHA1
| project lurcher_key_1 = DeviceId, lurcher_key_2 = SHA1, lurcher_of_1 = lurcher_yes_1 == lurcher_rows;
let lurcher_judged = lurcher_evidence
| join kind=leftouter (lurcher_context_1) on $left.DeviceId == $right.lurcher_key_1, $left.SHA1 == $right.lurcher_key_2
| project-away lurcher_key_*
| extend lurcher_by_1 = coalesce(lurcher_of_1, false)
| extend lurcher_explained = lurcher_by_1;
lurcher_judged
| where not(lurcher_explained)
| project-away lurcher_*
| summarize FirstSeen = min(Timestamp), LastSeen = max(Timestamp), Report = make_set(ReportId), Count = count() """
        """by DeviceId, DeviceName
"""
    )


def test_an_event_that_carries_its_context_needs_no_join():
    result = rewritten(
        "DeviceProcessEvents | where FileName has 'x' | count",
        'process.name == "a" and file.hash == "' + "0" * 64 + '"',
    )
    assert "join" not in result.tuned
    assert 'FileName =~ "a" and SHA256 =~ "' in result.tuned
    assert result.tuned.rstrip().endswith("| count")


def test_a_rule_without_exclusions_is_left_as_it_is():
    assert rewritten(SIGNATURES).tuned == rewritten(SIGNATURES).plain


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("union DeviceFileEvents, DeviceProcessEvents | count", "not from one table"),
        ("DeviceFileEvents | summarize by SHA1 | union DeviceProcessEvents", "a union stands behind"),
        ("DeviceFileEvents | summarize by SHA1 | join kind=fullouter DeviceProcessEvents on SHA1", "fullouter"),
        ("DeviceFileEvents | count; DeviceInfo | count", "2 results"),
        ("DeviceFileEvents | extend lurcher_x = 1 | count", "lurcher_x"),
        ("let f = () { DeviceFileEvents }; f() | count", "the function f()"),
        ("let v = view () { let x = 1; DeviceFileEvents }; v | count", "the function v()"),
        ("union Device* | count", "not from one table"),
    ],
)
def test_what_cannot_be_split_safely_is_refused_and_hides_nothing(query, why):
    result = rewritten(query, 'process.name == "a"')
    assert why in result.why
    assert result.in_force == ()
    assert result.tuned == result.plain
    assert [d.code for d, _ in result.diagnostics if d.is_error] == ["LX101"]


def test_a_source_that_is_a_let_is_one_pipeline_with_the_rest():
    result = rewritten(
        "let T = DeviceProcessEvents | where FileName == 'x' | distinct DeviceId, SHA1; T | where SHA1 != ''",
        'process.name == "a"',
    )
    evidence = result.tuned.partition("let lurcher_evidence = ")[2].partition(";")[0]
    assert evidence.split() == ["materialize(DeviceProcessEvents", "|", "where", "FileName", "==", "'x')"]
    assert result.tuned.rstrip().endswith("| distinct DeviceId, SHA1\n| where SHA1 != ''")


def test_columns_that_the_rule_drops_are_carried_past_it():
    result = rewritten(
        "DeviceProcessEvents | project Timestamp, DeviceId | where DeviceId != '' | count", 'process.name == "a"'
    )
    assert "lurcher_c_FileName = FileName" in result.tuned
    assert "| project Timestamp, DeviceId, " in result.tuned
    assert 'lurcher_c_FileName =~ "a"' in result.tuned


def test_a_column_that_the_rule_makes_anew_is_not_taken_for_the_source_s():
    result = rewritten("DeviceProcessEvents | extend FileName = 'a' | count", 'process.name == "a"')
    assert 'lurcher_c_FileName =~ "a"' in result.tuned


def test_expired_is_not_applied_and_says_so():
    result = rewritten(SIGNATURES, 'process.name == "a"', expires="2026-02-28")
    assert result.in_force == ()
    assert "2026-02-28" in result.applied[0].reason
    assert rewritten(SIGNATURES, 'process.name == "a"', expires="2026-03-01").in_force


def test_match_any_asks_for_one_row():
    assert "lurcher_of_1 = lurcher_yes_1 > 0" in rewritten(SIGNATURES, 'process.name == "a"', match="any").tuned


def test_a_scope_limits_to_devices_and_groups():
    assert 'DeviceName in~ ("ws1")' in rewritten(SIGNATURES, 'process.name == "a"', devices=["ws1"]).tuned
    grouped = rewritten(SIGNATURES, 'process.name == "a"', devices=["group:IT"]).tuned
    assert 'lurcher_device_group in~ ("IT")' in grouped
    assert "DeviceInfo" in grouped


def test_a_field_that_the_evidence_has_not_is_not_in_force():
    result = rewritten("SigninLogs | count", 'process.name == "a"')
    assert result.in_force == ()
    assert "LX102" in [d.code for d, _ in result.diagnostics]


def test_the_window_is_the_rule_s_own_whichever_way_it_is_written():
    def filters(where: str) -> str:
        text = rewritten(f"DeviceFileCertificateInfo | {where} | count", 'process.name == "a"').tuned
        return text.partition("DeviceProcessEvents")[2].partition("| where SHA1")[0].strip().removeprefix("| where ")

    assert filters("where Timestamp > ago(7d)") == "Timestamp >= ago(7d) - 1d"
    assert (
        filters("where ago(7d) <= Timestamp and Timestamp < now()")
        == "Timestamp >= ago(7d) - 1d and Timestamp <= now() + 1d"
    )
    assert filters("where TimeGenerated > ago(7d)") == "TimeGenerated >= ago(7d) - 1d"
    assert filters("where Timestamp between (ago(7d) .. 2d)") == (
        "Timestamp >= ago(7d) - 1d and Timestamp <= ago(7d) + 2d + 1d"
    )
    # A bound that hangs on another column is none.
    assert filters("where Timestamp > CertificateCreationTime") == ""


def test_what_verdicts_refuse_is_out_unless_forced():
    rule = rule_of(SIGNATURES, 'process.name == "a"')
    assert rewrite(rule, columns_of, TODAY, refused={"e1": "why"}).applied[0].reason == "why"
    assert rewrite(rule, columns_of, TODAY, Settings(forced=frozenset(("e1",))), {"e1": "why"}).in_force


@pytest.mark.parametrize(
    "when",
    [
        'process.name == "a" and file.signer has "b"',
        'device.os == "Windows11" or device.name == "a"',
        'process.signer == "x"',
        'account.name == "x"',
    ],
)
@pytest.mark.parametrize(
    "query",
    [
        SIGNATURES,
        "DeviceProcessEvents | project FileName | sort by FileName",
        "DeviceNetworkEvents | where RemoteIP == '' | summarize count() by bin(Timestamp, 1d)",
    ],
)
def test_every_text_that_is_made_parses(query, when):
    result = rewritten(query, when)
    # A network event has no file, so nothing is known of a file's signer.
    assert bool(result.in_force) == ("Network" not in query or "file.signer" not in when)
    for text in (result.tuned, result.judged, result.counts, result.keys, result.window_query):
        assert [d for d in parsing.script(text)[1] if d.is_error] == []
