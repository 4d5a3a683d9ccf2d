"""Events as Splunk keeps their text: what each label means under its heading, and where an event begins."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from lurcher.collect.events.event import Event, Events
from lurcher.collect.events.forms import form_of
from lurcher.collect.events.rendered import parse
from lurcher.collect.exports import Reject, recognise
from lurcher.collect.exports.leaf import Leaf
from lurcher.collect.exports.readers import win_event_log

AUDITING = "Microsoft Windows security auditing."


def said(
    code: int, message: str, source: str = AUDITING, log: str = "Security", time: str = "02/20/2021 05:41:56 PM"
) -> str:
    return (
        f"{time}\nLogName={log}\nSourceName={source}\nEventCode={code}\nEventType=0\nType=Information\n"
        f"ComputerName=pc.example.org\nTaskCategory=x\nOpCode=Info\nRecordNumber=77\nKeywords=Audit Success\nMessage={message}\n"
    )


LOGON = """An account was successfully logged on.

Subject:
\tSecurity ID:\t\tNT AUTHORITY\\SYSTEM
\tAccount Name:\t\tPC$
\tAccount Domain:\t\tCORP
\tLogon ID:\t\t0x3E7

Logon Information:
\tLogon Type:\t\t10
\tRestricted Admin Mode:\t-

Impersonation Level:\t\tImpersonation

New Logon:
\tSecurity ID:\t\tS-1-5-21-1-2-3-1104
\tAccount Name:\t\tbob
\tAccount Domain:\t\tCORP
\tLogon ID:\t\t0xABC
\tNetwork Account Name:\t-
\tLogon GUID:\t\t{00000000-0000-0000-0000-000000000000}

Process Information:
\tProcess ID:\t\t0x244
\tProcess Name:\t\tC:\\Windows\\System32\\winlogon.exe

Network Information:
\tWorkstation Name:\tWS7
\tSource Network Address:\t203.0.113.9
\tSource Port:\t\t50123

Detailed Authentication Information:
\tLogon Process:\t\tUser32
\tAuthentication Package:\tNegotiate
\tTransited Services:\t-
\tPackage Name (NTLM only):\t-
\tKey Length:\t\t0

This event is generated when a logon session is created. It is generated on the computer that was accessed.

The subject fields indicate the account on the local system which requested the logon.
\t- Key length indicates the length of the generated session key.
"""


def test_a_logon() -> None:
    made = parse(said(4624, LOGON), 3)
    assert made._replace(data={}, message=None) == Event(
        3, "2021-02-20T17:41:56", "Microsoft-Windows-Security-Auditing", 4624, "Security", "pc.example.org", 77, {},
        level=0, opcode=0, keywords="Audit Success",
    )  # fmt: skip
    assert made.data == {
        "SubjectUserName": "PC$", "SubjectDomainName": "CORP", "SubjectLogonId": "0x3E7", "LogonType": "10",
        "TargetUserSid": "S-1-5-21-1-2-3-1104", "TargetUserName": "bob", "TargetDomainName": "CORP", "TargetLogonId": "0xABC",
        "LogonGuid": "{00000000-0000-0000-0000-000000000000}", "ProcessId": "0x244",
        "ProcessName": "C:\\Windows\\System32\\winlogon.exe", "WorkstationName": "WS7", "IpAddress": "203.0.113.9",
        "IpPort": "50123", "LogonProcessName": "User32", "AuthenticationPackageName": "Negotiate", "TransmittedServices": "-",
        "LmPackageName": "-", "KeyLength": "0",
    }  # fmt: skip


PROCESS = """A new process has been created.

Creator Subject:
\tSecurity ID:\t\tS-1-5-18
\tAccount Name:\t\tPC$
\tLogon ID:\t\t0x3E7

Target Subject:
\tSecurity ID:\t\tNULL SID
\tAccount Name:\t\t-

Process Information:
\tNew Process ID:\t\t0x1a4c
\tNew Process Name:\tC:\\a.exe
\tToken Elevation Type:\t%%1936
\tMandatory Label:\t\tMandatory Label\\High Mandatory Level
\tCreator Process ID:\t0xf20
\tCreator Process Name:\tC:\\b.exe
\tProcess Command Line:\ta.exe -c "x
Creator Process Name: C:\\forged.exe
\ty"

Target Subject:
\tAccount Domain:\t\tFORGED

Token Elevation Type indicates the type of token that was assigned to the new process.
"""


def test_a_command_line_forges_nothing() -> None:
    assert parse(said(4688, PROCESS.replace("\n", "\r\n")), 1).data == {
        "SubjectUserSid": "S-1-5-18", "SubjectUserName": "PC$", "SubjectLogonId": "0x3E7", "TargetUserSid": "S-1-0-0",
        "TargetUserName": "-", "NewProcessId": "0x1a4c", "NewProcessName": "C:\\a.exe", "TokenElevationType": "%%1936",
        "MandatoryLabel": "Mandatory Label\\High Mandatory Level", "ProcessId": "0xf20", "ParentProcessName": "C:\\b.exe",
        "CommandLine": 'a.exe -c "x\nCreator Process Name: C:\\forged.exe\n\ty"',
    }  # fmt: skip


def test_labels_without_a_heading_and_values_of_several_lines() -> None:
    rights = (
        "Special privileges assigned to new logon.\n\nSubject:\n\tSecurity ID:\t\tS-1-5-18\n\tAccount Name:\t\tSYSTEM\n\n"
        "Privileges:\t\tSeSecurityPrivilege\n\t\t\tSeBackupPrivilege\n\t\t\tSeDebugPrivilege\n"
    )
    assert parse(said(4672, rights), 1).data == {
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": "SYSTEM",
        "PrivilegeList": "SeSecurityPrivilege\nSeBackupPrivilege\nSeDebugPrivilege",
    }
    service = (
        "A service was installed in the system.\n\nService Name:  Evil\nService File Name:  C:\\e v\\evil.exe -k\n"
        "Service Type:  user mode service\nService Start Type:  demand start\nService Account:  LocalSystem\n"
    )
    assert parse(said(7045, service, "Service Control Manager", "System"), 1).data == {
        "ServiceName": "Evil",
        "ImagePath": "C:\\e v\\evil.exe -k",
        "ServiceType": "user mode service",
        "StartType": "demand start",
        "AccountName": "LocalSystem",
    }
    member = (
        "A member was added to a security-enabled local group.\n\nSubject:\n\tAccount Name:\t\tadmin\n\nMember:\n"
        "\tSecurity ID:\t\tS-1-5-21-1-2-3-1105\n\tAccount Name:\t\t-\n\nGroup:\n\tSecurity ID:\t\tBUILTIN\\Administrators\n"
        "\tGroup Name:\t\tAdministrators\n\tGroup Domain:\t\tBuiltin\n\nAdditional Information:\n\tPrivileges:\t\t-\n"
    )
    assert parse(said(4732, member), 1).data == {
        "SubjectUserName": "admin",
        "MemberSid": "S-1-5-21-1-2-3-1105",
        "MemberName": "-",
        "TargetUserName": "Administrators",
        "TargetDomainName": "Builtin",
    }
    task = (
        "A scheduled task was created.\n\nSubject:\n\tAccount Name:\t\tadmin\n\nTask Information:\n\tTask Name: \t\t\\Evil\n"
        '\tTask Content: \t\t<?xml version="1.0"?>\n<Task>\n\n  <A>b</A>\n</Task>\n\t\n'
    )
    assert parse(said(4698, task), 1).data == {
        "SubjectUserName": "admin",
        "TaskName": "\\Evil",
        "TaskContent": '<?xml version="1.0"?>\n<Task>\n\n  <A>b</A>\n</Task>',
    }
    script = "Creating Scriptblock text (1 of 1):\nGet-X\n\nPath: y\n\nScriptBlock ID: 74be27de\nPath: C:\\a.ps1"
    assert parse(said(4104, script, "Microsoft-Windows-PowerShell"), 1).data == {
        "MessageNumber": "1",
        "MessageTotal": "1",
        "ScriptBlockText": "Get-X\n\nPath: y",
        "ScriptBlockId": "74be27de",
        "Path": "C:\\a.ps1",
    }


def test_sysmon_and_other_languages() -> None:
    sysmon = "Process terminated:\nRuleName: -\nUtcTime: 2021-02-20 17:41:56.000\nImage: C:\\a.exe"
    made = parse(
        said(
            5, sysmon, "Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational", "02/20/2021 12:00:01.250 AM"
        ),
        1,
    )
    assert made.data == {"RuleName": "-", "UtcTime": "2021-02-20 17:41:56.000", "Image": "C:\\a.exe"}
    assert made.time == "2021-02-20T00:00:01.250"
    german = "Ein Konto wurde erfolgreich angemeldet.\n\nAntragsteller:\n\tSicherheits-ID:\t\tS-1-5-18"
    assert parse(said(4624, german), 1).data == {}


@pytest.mark.parametrize("block", [7, 100, 1 << 20])
def test_a_file(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(win_event_log, "BLOCK", block)
    texts = [
        said(4624, LOGON),
        said(4625, "x\n02/20/2021 05:41:56 PM\nFoo=1\n"),
        said(4672, "x").replace("EventCode=4672", "EventCode=soon"),
        said(4688, PROCESS).replace("\n", "\r\n"),
    ]
    data = "".join(texts).encode()
    leaf = Leaf("a.log", Path("a.log"), lambda: io.BytesIO(data))
    kind = recognise(leaf)
    assert kind is not None
    assert kind.name == "win-event-log"
    found: list[Event] = []
    rejects: list[Reject] = []
    for part in win_event_log.events(leaf):
        if isinstance(part, Events):
            found += part.events
            assert part.raw(0).startswith(b"02/20/2021")
        else:
            rejects.append(part)
    assert [(e.position, e.event_id) for e in found] == [(1, 4624), (2, 4625), (4, 4688)]
    assert [(r.position, r.reason) for r in rejects] == [(3, "EventID is 'soon', no number")]


def test_in_an_object_of_a_search() -> None:
    value = json.loads(json.dumps({"_raw": said(4624, LOGON), "host": "x"}))
    form = form_of(value)
    assert form is not None
    assert form.event(value, 1).data["TargetUserName"] == "bob"
    assert form_of({"_raw": "02/20/2021 05:41:56 PM\nsomething else"}) is None
