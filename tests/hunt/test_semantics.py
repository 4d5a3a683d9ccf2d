"""What exclusions explain, on rows small enough to be judged by eye, through the engine."""

from __future__ import annotations

import datetime as dt

import pytest
from hunt_rows import A, B, ask_over, certificate, columns_of, process
from making_rules import SIGNATURES, rule_of

from lurcher.content.exclusions.measures import measure
from lurcher.hunt.run import run_rule

TODAY = dt.date(2026, 3, 10)
UPDATE = 'process.name == "NinjaRMMAgent.exe" and process.command_line contains "update" or "sync"'


def hunt(ask, *whens, query=SIGNATURES, **more):
    run = run_rule(rule_of(query, *whens, **more), ask, columns_of, TODAY)
    assert run.status == "ok", run.reason
    return {s.device: s for s in run.seen}


def test_a_device_whose_agent_only_updates_is_suppressed_and_kept():
    ask = ask_over(
        DeviceFileCertificateInfo=[certificate("d1"), certificate("d1", report=2)],
        DeviceProcessEvents=[
            process("d1", "ninjarmmagent.EXE", "--update"),
            process("d1", "NinjaRMMAgent.exe", "sync now"),
        ],
    )
    found = hunt(ask, UPDATE)["d1.corp"]
    assert (found.shown, found.explained, found.total, dict(found.by)) == (False, 2, 2, {"e1": 2})
    assert {k.report_id for k in found.keys} == {"1", "2"}
    assert all(k.by == ("e1",) for k in found.keys)


def test_one_update_does_not_hide_a_session_of_the_same_binary():
    ask = ask_over(
        DeviceFileCertificateInfo=[certificate("d1")],
        DeviceProcessEvents=[
            process("d1", "NinjaRMMAgent.exe", "--update"),
            process("d1", "NinjaRMMAgent.exe", "--console"),
        ],
    )
    assert hunt(ask, UPDATE)["d1.corp"].shown
    assert not hunt(ask, UPDATE, match="any")["d1.corp"].shown


def test_evidence_without_context_stays():
    ask = ask_over(DeviceFileCertificateInfo=[certificate("d1")])
    assert hunt(ask, UPDATE)["d1.corp"].shown
    # Nor does a negation explain what nothing is known of.
    assert hunt(ask, 'process.name != "evil.exe"')["d1.corp"].shown


@pytest.mark.parametrize("sha1", ["", B])
def test_context_is_of_the_same_hash(sha1):
    ask = ask_over(
        DeviceFileCertificateInfo=[certificate("d1", "" if sha1 == "" else A)],
        DeviceProcessEvents=[process("d1", "NinjaRMMAgent.exe", "update", sha1)],
    )
    assert hunt(ask, UPDATE)["d1.corp"].shown


def test_context_is_of_the_same_device():
    ask = ask_over(
        DeviceFileCertificateInfo=[certificate("d1"), certificate("d2")],
        DeviceProcessEvents=[
            process("d1", "NinjaRMMAgent.exe", "update"),
            process("d2", "NinjaRMMAgent.exe", "console"),
        ],
    )
    found = hunt(ask, UPDATE)
    assert (found["d1.corp"].shown, found["d2.corp"].shown) == (False, True)


def test_context_is_looked_for_a_day_beyond_the_window_and_no_further():
    def shown(day):
        ask = ask_over(
            DeviceFileCertificateInfo=[certificate("d1")],
            DeviceProcessEvents=[process("d1", "NinjaRMMAgent.exe", "update", day=day)],
        )
        return hunt(ask, UPDATE)["d1.corp"].shown

    # The window is the 5th to the 10th.
    assert not shown(4)
    assert shown(3)
    assert not shown(11)
    assert shown(12)


def test_what_the_program_started_is_no_context_but_is_counted():
    ask = ask_over(
        DeviceFileCertificateInfo=[certificate("d1")],
        DeviceProcessEvents=[process("d1", "NinjaRMMAgent.exe", "update", sha1=B, InitiatingProcessSHA1=A)],
    )
    assert hunt(ask, UPDATE)["d1.corp"].shown
    rule = rule_of(SIGNATURES, UPDATE)
    measured = measure(rule, rule.exclusions[0], lambda q: ask(q).rows, columns_of, TODAY)
    assert (measured.explained, measured.started) == (0, 1)


def test_readings_are_counted_side_by_side():
    ask = ask_over(
        DeviceFileCertificateInfo=[certificate("d1"), certificate("d2"), certificate("d3")],
        DeviceProcessEvents=[
            process("d1", "NinjaRMMAgent.exe", "update"),
            process("d2", "evil.exe", "sync to the attacker"),
            process("d3", "evil.exe", "update"),
        ],
    )
    rule = rule_of(SIGNATURES, UPDATE)
    m = measure(rule, rule.exclusions[0], lambda q: ask(q).rows, columns_of, TODAY)
    # Freed from the test on the process, "sync" excuses d2 as well.
    assert (m.total, m.explained, m.loose, m.differing, m.strict) == (3, 1, 2, 1, 3)
    assert m.hidden_devices == ("d1",)


def test_partly_explained_keeps_its_state_and_says_so():
    ask = ask_over(
        DeviceFileCertificateInfo=[
            certificate("d1", A),
            certificate("d1", B, report=2),
            certificate("d1", B, report=3),
        ],
        DeviceProcessEvents=[process("d1", "NinjaRMMAgent.exe", "update", A)],
    )
    found = hunt(ask, UPDATE)["d1.corp"]
    assert (found.shown, found.explained, found.total, found.row["Count"]) == (True, 1, 3, 2)


def test_two_exclusions_and_what_each_explains_alone():
    ask = ask_over(
        DeviceFileCertificateInfo=[certificate("d1", A), certificate("d1", B)],
        DeviceProcessEvents=[process("d1", "a.exe", "update", A), process("d1", "b.exe", "update", B)],
    )
    found = hunt(ask, 'process.command_line has "update"', 'process.name == "a.exe"')["d1.corp"]
    assert (found.shown, dict(found.by), dict(found.alone)) == (False, {"e1": 2, "e2": 1}, {"e1": 1})


def test_a_scope_keeps_other_devices():
    rows = {
        "DeviceFileCertificateInfo": [certificate("d1"), certificate("d2")],
        "DeviceProcessEvents": [process("d1", "a.exe"), process("d2", "a.exe")],
        "DeviceInfo": [
            {"Timestamp": 6, "DeviceId": "d1", "MachineGroup": "Ops"},
            {"Timestamp": 7, "DeviceId": "d1", "MachineGroup": "IT"},
        ],
    }
    for devices in (["D1.corp"], ["d1"], ["group:IT"]):
        found = hunt(ask_over(**rows), 'process.name == "a.exe"', devices=devices)
        assert (found["d1.corp"].shown, found["d2.corp"].shown) == (False, True), devices
    # What the device was before does not count.
    assert hunt(ask_over(**rows), 'process.name == "a.exe"', devices=["group:Ops"])["d1.corp"].shown


def test_a_rule_that_collapses_nothing_marks_its_rows():
    ask = ask_over(DeviceProcessEvents=[process("d1", "a.exe"), process("d2", "b.exe"), process("d2", "b.exe")])
    run = run_rule(
        rule_of("DeviceProcessEvents | project DeviceName, FileName | sort by FileName asc", 'process.name == "A.EXE"'),
        ask,
        columns_of,
        TODAY,
    )
    assert [(s.row, s.shown, s.times) for s in run.seen] == [
        ({"DeviceName": "d1.corp", "FileName": "a.exe"}, False, 1),
        ({"DeviceName": "d2.corp", "FileName": "b.exe"}, True, 2),
    ]


def test_a_row_that_only_the_tuned_rule_gives_is_shown():
    ask = ask_over(DeviceProcessEvents=[process("d1", "a.exe"), process("d1", "b.exe")])
    query = "DeviceProcessEvents | summarize n = count() by DeviceName | where n < 2"
    assert hunt(ask, query=query) == {}
    found = hunt(ask, 'process.name == "a.exe"', query=query)["d1.corp"]
    assert (found.shown, found.explained, found.total) == (True, 1, 2)


def test_the_signer_is_looked_up_for_a_process():
    ask = ask_over(
        DeviceProcessEvents=[process("d1", "a.exe"), process("d2", "a.exe", sha1=B)],
        DeviceFileCertificateInfo=[certificate("d9", A, signer="Good LLC")],
    )
    found = hunt(ask, 'file.signer == "Good LLC"', query="DeviceProcessEvents | summarize by DeviceName")
    assert (found["d1.corp"].shown, found["d2.corp"].shown) == (False, True)


def test_a_refused_rule_is_reported_not_silent():
    run = run_rule(rule_of("DeviceProcessEvents | where Nope == 1"), ask_over(), columns_of, TODAY)
    assert run.status == "refused"
    assert "Nope" in run.reason


def test_the_signer_of_the_program_that_ran_is_the_certificate_s_own():
    ask = ask_over(
        DeviceFileCertificateInfo=[
            certificate("d1", signer="NinjaRMM, LLC"),
            certificate("d2", signer="NinjaRMM Fake"),
        ],
        DeviceProcessEvents=[process("d1", "a.exe"), process("d2", "a.exe")],
    )
    found = hunt(ask, 'process.name == "a.exe" and process.signer == "NinjaRMM, LLC"')
    assert (found["d1.corp"].shown, found["d2.corp"].shown) == (False, True)


def test_a_row_that_cannot_answer_does_not_satisfy_a_negation():
    ask = ask_over(
        DeviceFileCertificateInfo=[certificate("d1")],
        DeviceImageLoadEvents=[
            {"Timestamp": 8, "DeviceId": "d1", "FileName": "a.dll", "SHA1": A, "InitiatingProcessFileName": "evil.exe"}
        ],
    )
    assert hunt(ask, 'process.parent.command_line !has "console"')["d1.corp"].shown
