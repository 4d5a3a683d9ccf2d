"""The Security log, services and PowerShell as rows of Defender's tables. Expected values are worked out from "Advanced security
audit policy settings" (Microsoft Learn) and the schema reference of Microsoft Defender XDR."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.collect.events.mapping.mapped import made, mapped, row, security

from lurcher.collect.events.event import Event

SUBJECT = {
    "SubjectUserSid": "S-1-5-18",
    "SubjectUserName": "PC1$",
    "SubjectDomainName": "CONTOSO",
    "SubjectLogonId": "0x3e7",
}
CREATED = {
    **SUBJECT,
    "NewProcessId": "0x1efc",
    "NewProcessName": "C:\\Windows\\System32\\svchost.exe",
    "TokenElevationType": "%%1936",
    "ProcessId": "0x344",
    "CommandLine": "svchost -k netsvcs",
    "TargetUserSid": "S-1-0-0",
    "TargetUserName": "-",
    "TargetDomainName": "-",
    "TargetLogonId": "0x0",
    "ParentProcessName": "C:\\Windows\\System32\\services.exe",
    "MandatoryLabel": "S-1-16-16384",
}


def test_a_process_that_was_created() -> None:
    found = row(security(4688, **CREATED), "DeviceProcessEvents")
    assert found.pop("AdditionalFields") == {"Source": "Security", "EventID": 4688} | {
        k: CREATED[k] for k in ("TokenElevationType", "MandatoryLabel")
    }
    assert found == {
        "ActionType": "ProcessCreated",
        "FileName": "svchost.exe",
        "FolderPath": "C:\\Windows\\System32\\svchost.exe",
        "ProcessId": 7932,
        "ProcessCommandLine": "svchost -k netsvcs",
        "ProcessTokenElevation": "TokenElevationTypeDefault",
        "ProcessIntegrityLevel": "System",
        "ProcessCreationTime": datetime(2024, 3, 1, 12, 0, 0, 123456, UTC),
        "AccountDomain": "CONTOSO",
        "AccountName": "PC1$",
        "AccountSid": "S-1-5-18",
        "LogonId": 999,
        "InitiatingProcessId": 836,
        "InitiatingProcessFileName": "services.exe",
        "InitiatingProcessFolderPath": "C:\\Windows\\System32\\services.exe",
        "InitiatingProcessAccountDomain": "CONTOSO",
        "InitiatingProcessAccountName": "PC1$",
        "InitiatingProcessAccountSid": "S-1-5-18",
        "InitiatingProcessLogonId": 999,
    }


def test_a_process_under_another_account_than_its_creators() -> None:
    target = {"TargetUserSid": "S-1-5-21-1", "TargetUserName": "bob", "TargetDomainName": "X", "TargetLogonId": "0xff"}
    found = row(security(4688, **CREATED | target), "DeviceProcessEvents")
    assert [found[k] for k in ("AccountDomain", "AccountName", "AccountSid", "LogonId")] == [
        "X",
        "bob",
        "S-1-5-21-1",
        255,
    ]
    assert found["InitiatingProcessAccountName"] == "PC1$"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("%%1936", "TokenElevationTypeDefault"),
        ("%%1937", "TokenElevationTypeFull"),
        ("%%1938", "TokenElevationTypeLimited"),
        ("TokenElevationTypeLimited (3)", "TokenElevationTypeLimited"),
        ("%%9999", None),
    ],
)
def test_elevation(code: str, kind: str | None) -> None:
    assert row(security(4688, TokenElevationType=code), "DeviceProcessEvents").get("ProcessTokenElevation") == kind


@pytest.mark.parametrize(
    ("label", "level"),
    [
        ("S-1-16-4096", "Low"),
        ("S-1-16-8192", "Medium"),
        ("S-1-16-12288", "High"),
        ("Mandatory Label\\High Mandatory Level", "High"),
        ("S-1-16-77", None),
    ],
)
def test_integrity(label: str, level: str | None) -> None:
    assert row(security(4688, MandatoryLabel=label), "DeviceProcessEvents").get("ProcessIntegrityLevel") == level


LOGON = {
    **SUBJECT,
    "TargetUserSid": "S-1-5-21-1-500",
    "TargetUserName": "alice",
    "TargetDomainName": "CONTOSO",
    "TargetLogonId": "0x1f",
    "LogonType": "3",
    "AuthenticationPackageName": "NTLM",
    "WorkstationName": "PC9",
    "IpAddress": "10.0.0.9",
    "IpPort": "50001",
    "ProcessId": "0x0",
    "ProcessName": "-",
    "ElevatedToken": "%%1842",
}


def test_a_logon() -> None:
    found = row(security(4624, **LOGON), "DeviceLogonEvents")
    bag = found.pop("AdditionalFields")
    assert found == {
        "ActionType": "LogonSuccess",
        "LogonType": "Network",
        "AccountDomain": "CONTOSO",
        "AccountName": "alice",
        "AccountSid": "S-1-5-21-1-500",
        "Protocol": "NTLM",
        "LogonId": 31,
        "RemoteDeviceName": "PC9",
        "RemoteIP": "10.0.0.9",
        "RemoteIPType": "Private",
        "RemotePort": 50001,
        "InitiatingProcessId": 0,
        "InitiatingProcessAccountDomain": "CONTOSO",
        "InitiatingProcessAccountName": "PC1$",
        "InitiatingProcessAccountSid": "S-1-5-18",
    }
    assert bag["ElevatedToken"] == "%%1842"
    assert bag["LogonType"] == "3"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%%2313", "InvalidUserNameOrPassword"),
        ("%%2308", "UnauthorizedLogonType"),
        ("%%2310", "Account currently disabled."),
        ("%%9999", None),
        ("Unknown user name or bad password.", "Unknown user name or bad password."),
    ],
)
def test_a_logon_that_failed(code: str, words: str | None) -> None:
    found = row(security(4625, **LOGON, FailureReason=code), "DeviceLogonEvents")
    assert (found["ActionType"], found.get("FailureReason")) == ("LogonFailed", words)
    assert found["AdditionalFields"]["FailureReason"] == code


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("2", "Interactive"),
        ("10", "RemoteInteractive"),
        ("5", "Service"),
        ("11", "CachedInteractive"),
        ("6", None),
        ("x", None),
    ],
)
def test_logon_types(number: str, name: str | None) -> None:
    assert row(security(4624, LogonType=number), "DeviceLogonEvents").get("LogonType") == name


def _filtered(event_id: int, direction: str) -> Event:
    return security(
        event_id,
        ProcessID="1000",
        Application="\\device\\harddiskvolume2\\windows\\system32\\svchost.exe",
        Direction=direction,
        SourceAddress="172.18.39.5",
        SourcePort="50000",
        DestAddress="172.18.38.5",
        DestPort="135",
        Protocol="6",
    )


def test_the_filtering_platform() -> None:
    out = row(_filtered(5156, "%%14593"), "DeviceNetworkEvents")
    assert [out[k] for k in ("ActionType", "RemoteIP", "RemotePort", "LocalIP", "LocalPort", "Protocol")] == [
        "ConnectionSuccess",
        "172.18.38.5",
        135,
        "172.18.39.5",
        50000,
        "Tcp",
    ]
    assert out["InitiatingProcessFileName"] == "svchost.exe"
    assert out["InitiatingProcessId"] == 1000
    into = row(_filtered(5156, "%%14592"), "DeviceNetworkEvents")
    assert [into[k] for k in ("ActionType", "RemoteIP", "LocalPort")] == [
        "InboundConnectionAccepted",
        "172.18.39.5",
        135,
    ]
    assert row(_filtered(5157, "%%14593"), "DeviceEvents")["ActionType"] == "FirewallOutboundConnectionBlocked"
    assert row(_filtered(5157, "%%14592"), "DeviceEvents")["ActionType"] == "FirewallInboundConnectionBlocked"
    assert "DeviceNetworkEvents" not in mapped([_filtered(5156, "?")])[0]


@pytest.mark.parametrize(
    ("command", "folder", "name"),
    [
        ("C:\\Program Files\\X\\x.exe -k a", "C:\\Program Files\\X\\x.exe", "x.exe"),
        ('"C:\\Program Files\\X\\x" -k', "C:\\Program Files\\X\\x", "x"),
        ("\\SystemRoot\\System32\\drivers\\a.sys", "\\SystemRoot\\System32\\drivers\\a.sys", "a.sys"),
        ("%COMSPEC% /C echo", None, None),
        ("C:\\plain", "C:\\plain", "plain"),
    ],
)
def test_services(command: str, folder: str | None, name: str | None) -> None:
    found = row(
        security(4697, **SUBJECT, ServiceName="s", ServiceFileName=command, ServiceType="0x10", ServiceStartType="2"),
        "DeviceEvents",
    )
    assert (found["ActionType"], found.get("FolderPath"), found.get("FileName")) == ("ServiceInstalled", folder, name)
    bag = found["AdditionalFields"]
    assert (bag["ServiceName"], bag["ServiceFileName"], bag["ServiceStartType"]) == ("s", command, "2")
    assert found["InitiatingProcessAccountName"] == "PC1$"
    system = made(
        "System", 7045, {"ServiceName": "s", "ImagePath": command, "AccountName": "LocalSystem", "StartType": "auto"}
    )
    found = row(system, "DeviceEvents")
    assert (found["ActionType"], found.get("FolderPath")) == ("ServiceInstalled", folder)
    assert found["AdditionalFields"]["ServiceAccount"] == "LocalSystem"


def test_another_providers_7045_is_no_service() -> None:
    event = made("System", 7045, {"ServiceName": "s"})._replace(provider="Another")
    assert set(mapped([event])[0]) == {"Event", "WindowsEvent"}
    other = security(4688, **CREATED)._replace(provider="MSSQLSERVER$AUDIT")
    assert set(mapped([other])[0]) == {"SecurityEvent", "WindowsEvent"}


TASK = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers><LogonTrigger/><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>
  <Actions Context="Author"><Exec><Command>C:\\a.exe</Command></Exec></Actions>
</Task>"""


@pytest.mark.parametrize(
    ("event_id", "field", "action"),
    [
        (4698, "TaskContent", "ScheduledTaskCreated"),
        (4699, "TaskContent", "ScheduledTaskDeleted"),
        (4700, "TaskContent", "ScheduledTaskEnabled"),
        (4701, "TaskContent", "ScheduledTaskDisabled"),
        (4702, "TaskContentNew", "ScheduledTaskUpdated"),
    ],
)
def test_tasks(event_id: int, field: str, action: str) -> None:
    found = row(security(event_id, **SUBJECT, TaskName="\\t", **{field: TASK}), "DeviceEvents")
    bag = found["AdditionalFields"]
    assert (found["ActionType"], bag["TaskName"]) == (action, "\\t")
    assert json.loads(bag["TaskContent"]) == {
        "Task": {
            "@version": "1.2",
            "Triggers": {"LogonTrigger": ["", {"Enabled": "true"}]},
            "Actions": {"@Context": "Author", "Exec": {"Command": "C:\\a.exe"}},
        }
    }


@pytest.mark.parametrize(
    "content",
    ["<Task", "no xml", '<!DOCTYPE t [<!ENTITY a "b">]><Task>&a;</Task>', "<a>" * 5000 + "</a>" * 5000],
)
def test_a_task_that_is_no_task_is_kept_as_it_is(content: str) -> None:
    bag = row(security(4698, TaskName="t", TaskContent=content), "DeviceEvents")["AdditionalFields"]
    assert bag["TaskContent"] == content
    tables, _ = mapped([security(4698, TaskName="t", TaskContent=content)])
    assert json.loads(tables["WindowsEvent"][0]["EventData"])["TaskContent"] == content


GROUP = {
    **SUBJECT,
    "MemberName": "-",
    "MemberSid": "S-1-5-21-9",
    "TargetUserName": "Administrators",
    "TargetDomainName": "Builtin",
    "TargetSid": "S-1-5-32-544",
}


@pytest.mark.parametrize(
    ("event_id", "action"),
    [
        (4720, "UserAccountCreated"),
        (4726, "UserAccountDeleted"),
        (4738, "UserAccountModified"),
        (4723, "PasswordChangeAttempt"),
        (4731, "SecurityGroupCreated"),
        (4734, "SecurityGroupDeleted"),
        (4732, "UserAccountAddedToLocalGroup"),
        (4733, "UserAccountRemovedFromLocalGroup"),
    ],
)
def test_accounts_and_groups(event_id: int, action: str) -> None:
    found = row(security(event_id, **GROUP), "DeviceEvents")
    bag = found.pop("AdditionalFields")
    assert found == {
        "ActionType": action,
        "AccountDomain": "Builtin",
        "AccountName": "Administrators",
        "AccountSid": "S-1-5-32-544",
        "InitiatingProcessAccountDomain": "CONTOSO",
        "InitiatingProcessAccountName": "PC1$",
        "InitiatingProcessAccountSid": "S-1-5-18",
    }
    assert bag["MemberSid"] == "S-1-5-21-9"
    assert bag.get("GroupSid") == ("S-1-5-32-544" if event_id in (4731, 4732, 4733, 4734) else None)


@pytest.mark.parametrize(
    ("event_id", "action"),
    [
        (1102, "SecurityLogCleared"),
        (4719, "AuditPolicyModification"),
        (5142, "NetworkShareObjectAdded"),
        (5143, "NetworkShareObjectModified"),
        (5144, "NetworkShareObjectDeleted"),
        (5136, "DirectoryServiceObjectModified"),
        (6416, "PnpDeviceConnected"),
    ],
)
def test_who_did_it(event_id: int, action: str) -> None:
    found = row(security(event_id, **SUBJECT, ShareName="\\\\*\\x"), "DeviceEvents")
    assert (found["ActionType"], found["InitiatingProcessAccountName"]) == (action, "PC1$")
    assert found["AdditionalFields"]["ShareName"] == "\\\\*\\x"


def test_a_cleared_log_is_told_by_the_log_itself() -> None:
    event = made("Security", 1102, SUBJECT, user_data="LogFileCleared")._replace(provider="Microsoft-Windows-Eventlog")
    assert row(event, "DeviceEvents")["ActionType"] == "SecurityLogCleared"
    other = event._replace(channel="System", event_id=104)
    assert set(mapped([other])[0]) == {"Event", "WindowsEvent"}


def test_a_share_that_was_looked_at() -> None:
    found = row(
        security(
            5145, **SUBJECT, IpAddress="10.0.0.9", IpPort="50001", ShareName="\\\\*\\C$", RelativeTargetName="a.exe"
        ),
        "DeviceEvents",
    )
    assert (found["ActionType"], found["RemoteIP"], found["AccountName"]) == (
        "NetworkShareObjectAccessChecked",
        "10.0.0.9",
        "PC1$",
    )
    assert found["AdditionalFields"]["RelativeTargetName"] == "a.exe"


@pytest.mark.parametrize(
    "event_id", [4634, 4647, 4648, 4672, 4689, 4722, 4724, 4725, 4728, 4740, 4756, 4768, 4769, 4771, 4776, 5140]
)
def test_what_has_no_action_type_is_in_sentinels_tables_alone(event_id: int) -> None:
    assert set(mapped([security(event_id, **SUBJECT, ProcessId="0x1")])[0]) == {"SecurityEvent", "WindowsEvent"}


def test_a_command_of_powershell() -> None:
    channel = "Microsoft-Windows-PowerShell/Operational"
    data: dict[str, Any] = {
        "ContextInfo": "        Severity = Informational\n        Host Application = powershell.exe -nop\n",
        "UserData": None,
        "Payload": 'CommandInvocation(Get-Date): "Get-Date"\nCommandInvocation(Out-Null): "Out-Null"\n',
    }
    found = row(made(channel, 4103, data, process_id=77, user_sid="S-1-5-21-1"), "DeviceEvents")
    assert (found["ActionType"], found["AdditionalFields"]["Command"]) == ("PowerShellCommand", "Get-Date")
    assert (found["InitiatingProcessId"], found["InitiatingProcessAccountSid"]) == (77, "S-1-5-21-1")
    assert found["InitiatingProcessCommandLine"] == "powershell.exe -nop"
    assert "DeviceEvents" not in mapped([made(channel, 4103, {**data, "Payload": "x"})])[0]
    assert set(mapped([made(channel, 4104, {"ScriptBlockText": "x"})])[0]) == {"Event", "WindowsEvent"}


# --- what a file tells of processes ---


def _starts(number: str, name: str, second: int, **more: str) -> Event:
    event = security(4688, **CREATED | {"NewProcessId": number, "NewProcessName": name} | more)
    return event._replace(time=f"2024-03-01T12:00:{second:02}Z")


def test_a_number_is_its_last_owners_until_that_ends() -> None:
    logon = security(4624, **LOGON | {"ProcessId": "0x10", "ProcessName": "C:\\a.exe"})
    tables, _ = mapped(
        [
            logon,
            _starts("0x10", "C:\\a.exe", 1, CommandLine="first"),
            logon,
            security(4689, ProcessId="0x10", ProcessName="C:\\a.exe"),
            logon,
            _starts("0x10", "C:\\a.exe", 2, CommandLine="second"),
            logon,
            _starts("0x10", "C:\\b.exe", 3, CommandLine="another"),
            logon,
        ]
    )
    assert [r.get("InitiatingProcessCommandLine") for r in tables["DeviceLogonEvents"]] == [
        None,
        "first",
        None,
        "second",
        None,
    ]
    assert tables["DeviceLogonEvents"][3]["InitiatingProcessCreationTime"] == datetime(2024, 3, 1, 12, 0, 2, tzinfo=UTC)


def test_a_child_knows_its_parent() -> None:
    parent = _starts("0x344", "C:\\Windows\\System32\\services.exe", 1, CommandLine="services", ProcessId="0x9")
    tables, _ = mapped([parent, _starts("0x2", "C:\\x.exe", 2)])
    child = tables["DeviceProcessEvents"][1]
    assert (child["InitiatingProcessCommandLine"], child["InitiatingProcessParentId"]) == ("services", 9)
    assert child["InitiatingProcessCreationTime"] == datetime(2024, 3, 1, 12, 0, 1, tzinfo=UTC)
