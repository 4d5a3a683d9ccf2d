"""Sysmon's events as rows of Defender's tables. Expected values are worked out from the events' documentation ("Sysmon",
Microsoft Learn) and the schema reference of Microsoft Defender XDR."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.collect.events.mapping.mapped import TIME, made, mapped, row, sysmon

from lurcher.collect.events.mapping import ProcessMemory

POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
SHA1 = "A" * 40
SHA256 = "B" * 64
MD5 = "C" * 32
PARENT = "{22d8bf06-7f61-6a31-0100-000000001500}"
CHILD = "{22D8BF06-7F61-6A31-0200-000000001500}"

PROCESS = {
    "RuleName": "-",
    "UtcTime": "2024-03-01 11:59:59.987",
    "ProcessGuid": CHILD,
    "ProcessId": "4321",
    "Image": POWERSHELL,
    "FileVersion": "10.0.1",
    "Description": "Windows PowerShell",
    "Product": "Microsoft Windows",
    "Company": "Microsoft Corporation",
    "OriginalFileName": "?",
    "CommandLine": "powershell -enc AAAA",
    "CurrentDirectory": "C:\\",
    "User": "CONTOSO\\alice",
    "LogonGuid": "{22d8bf06-7f61-6a31-b302-000000001500}",
    "LogonId": "0x3e7",
    "TerminalSessionId": "2",
    "IntegrityLevel": "High",
    "Hashes": f"SHA1={SHA1},MD5={MD5},SHA256={SHA256},IMPHASH={MD5}",
    "ParentProcessGuid": PARENT,
    "ParentProcessId": "1111",
    "ParentImage": "C:\\Windows\\explorer.exe",
    "ParentCommandLine": "explorer",
    "ParentUser": "NT AUTHORITY\\SYSTEM",
}


def test_a_process_that_was_created() -> None:
    found = row(sysmon(1, **PROCESS), "DeviceProcessEvents")
    bag = found.pop("AdditionalFields")
    assert found == {
        "ActionType": "ProcessCreated",
        "FileName": "powershell.exe",
        "FolderPath": POWERSHELL,
        "SHA1": SHA1.lower(),
        "SHA256": SHA256.lower(),
        "MD5": MD5.lower(),
        "ProcessVersionInfoCompanyName": "Microsoft Corporation",
        "ProcessVersionInfoProductName": "Microsoft Windows",
        "ProcessVersionInfoFileDescription": "Windows PowerShell",
        "ProcessId": 4321,
        "ProcessCommandLine": "powershell -enc AAAA",
        "ProcessIntegrityLevel": "High",
        "ProcessCreationTime": datetime(2024, 3, 1, 11, 59, 59, 987000, UTC),
        "AccountDomain": "CONTOSO",
        "AccountName": "alice",
        "LogonId": 999,
        "CreatedProcessSessionId": 2,
        "InitiatingProcessFileName": "explorer.exe",
        "InitiatingProcessFolderPath": "C:\\Windows\\explorer.exe",
        "InitiatingProcessId": 1111,
        "InitiatingProcessCommandLine": "explorer",
        "InitiatingProcessAccountDomain": "NT AUTHORITY",
        "InitiatingProcessAccountName": "SYSTEM",
    }
    assert list(bag.items())[:2] == [("Source", "Sysmon"), ("EventID", 1)]
    assert bag["FileVersion"] == "10.0.1"
    assert bag["Hashes"] == PROCESS["Hashes"]
    assert bag["ProcessGuid"] == CHILD
    assert bag["CurrentDirectory"] == "C:\\"
    assert "CommandLine" not in bag


def test_what_all_rows_have() -> None:
    tables, _ = mapped([sysmon(1, **PROCESS)])
    found = tables["DeviceProcessEvents"][0]
    assert found["Timestamp"] == found["TimeGenerated"] == datetime(2024, 3, 1, 12, 0, 0, 123456, UTC)
    assert (found["DeviceName"], found["ReportId"]) == ("PC1.contoso.com", 7)
    assert found["Type"] == "DeviceProcessEvents"
    assert "MachineGroup" not in found


@pytest.mark.parametrize(
    ("computer", "same"),
    [
        ("pc1", True),
        ("PC1.Contoso.com", True),
        ("pc1.other.net", True),
        ("pc2.contoso.com", False),
        ("10.0.0.1", False),
    ],
)
def test_a_device_is_the_same_with_and_without_its_domain(computer: str, same: bool) -> None:
    tables, _ = mapped([sysmon(1, **PROCESS), sysmon(1, **PROCESS)._replace(computer=computer)])
    first, second = (r["DeviceId"] for r in tables["DeviceProcessEvents"])
    assert (first == second) is same
    assert len(first) == 40


def test_addresses_are_no_domain_names() -> None:
    tables, _ = mapped([sysmon(1, **PROCESS)._replace(computer=name) for name in ("10.0.0.1", "10.0.0.2", "10")])
    assert len({r["DeviceId"] for r in tables["DeviceProcessEvents"]}) == 3


@pytest.mark.parametrize(
    ("fields", "sha1", "md5"),
    [
        ({"Hashes": f"MD5={MD5}"}, None, MD5.lower()),
        ({"Hashes": f"SHA1={SHA1}"}, SHA1.lower(), None),
        ({"Hashes": "-"}, None, None),
        ({"Hashes": "SHA1=XYZ"}, None, None),
        ({"Hashes": "SHA1=" + "A" * 39}, None, None),
        ({"Hashes": f" sha1={SHA1} , md5={MD5} "}, SHA1.lower(), MD5.lower()),
        ({"HashType": "SHA1", "Hash": SHA1}, SHA1.lower(), None),
        ({"Hashes": f"IMPHASH={MD5}"}, None, None),
    ],
)
def test_hashes_in_all_their_forms(fields: dict[str, Any], sha1: str | None, md5: str | None) -> None:
    found = row(sysmon(1, Image="a.exe", **fields), "DeviceProcessEvents")
    assert (found.get("SHA1"), found.get("MD5")) == (sha1, md5)


def test_a_number_that_is_none_is_null_and_stays_where_it_can_be_seen() -> None:
    found = row(sysmon(1, Image="a.exe", ProcessId="4x", ParentProcessId="0x10"), "DeviceProcessEvents")
    assert "ProcessId" not in found
    assert found["InitiatingProcessId"] == 16
    assert found["AdditionalFields"] == {"Source": "Sysmon", "EventID": 1, "ProcessId": "4x"}


def test_numbers_and_truth_as_a_form_has_them_are_the_providers_text() -> None:
    found = row(
        sysmon(3, Initiated=True, SourcePort=49152, DestinationPort=443, ProcessId=12, SourceIsIpv6=False),
        "DeviceNetworkEvents",
    )
    assert (found["LocalPort"], found["RemotePort"], found["InitiatingProcessId"]) == (49152, 443, 12)
    assert found["AdditionalFields"]["SourceIsIpv6"] == "false"
    assert found["AdditionalFields"]["Initiated"] == "true"


CONNECTION = {
    "ProcessGuid": CHILD,
    "ProcessId": "4321",
    "Image": POWERSHELL,
    "User": "CONTOSO\\alice",
    "Protocol": "tcp",
    "SourceIp": "192.168.1.5",
    "SourcePort": "50000",
    "DestinationIp": "8.8.8.8",
    "DestinationHostname": "dns.google",
    "DestinationPort": "443",
}


def test_a_connection_out() -> None:
    found = row(sysmon(3, Initiated="true", **CONNECTION), "DeviceNetworkEvents")
    bag = found.pop("AdditionalFields")
    assert found == {
        "ActionType": "ConnectionSuccess",
        "RemoteIP": "8.8.8.8",
        "RemotePort": 443,
        "RemoteIPType": "Public",
        "LocalIP": "192.168.1.5",
        "LocalPort": 50000,
        "LocalIPType": "Private",
        "Protocol": "Tcp",
        "InitiatingProcessFileName": "powershell.exe",
        "InitiatingProcessFolderPath": POWERSHELL,
        "InitiatingProcessId": 4321,
        "InitiatingProcessAccountDomain": "CONTOSO",
        "InitiatingProcessAccountName": "alice",
    }
    assert bag["DestinationHostname"] == "dns.google"


def test_a_connection_in_and_one_of_which_nobody_says_who_began() -> None:
    found = row(sysmon(3, Initiated="false", **CONNECTION), "DeviceNetworkEvents")
    assert (found["ActionType"], found["RemoteIP"], found["LocalPort"]) == (
        "InboundConnectionAccepted",
        "192.168.1.5",
        443,
    )
    tables, _ = mapped([sysmon(3, **CONNECTION), sysmon(3, Initiated="-", **CONNECTION)])
    assert "DeviceNetworkEvents" not in tables
    assert len(tables["Event"]) == 2


@pytest.mark.parametrize(
    ("address", "canonical", "kind"),
    [
        ("0:0:0:0:0:0:0:1", "::1", "Loopback"),
        ("127.0.0.1", "127.0.0.1", "Loopback"),
        ("fe80::1%4", "fe80::1", "LinkLocal"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1", "FourToSixMapping"),
        ("2001:0:53aa:64c:0:0:0:1", "2001:0:53aa:64c::1", "Teredo"),
        ("255.255.255.255", "255.255.255.255", "Broadcast"),
        ("172.31.0.1", "172.31.0.1", "Private"),
        ("172.32.0.1", "172.32.0.1", "Public"),
        ("100.64.0.1", "100.64.0.1", "CarrierGradeNat"),
        ("fd00::1", "fd00::1", "Private"),
        ("2606:4700::1", "2606:4700::1", "Public"),
        ("239.255.255.250", "239.255.255.250", None),
        ("240.0.0.1", "240.0.0.1", "Reserved"),
        ("-", None, None),
        ("host", None, None),
    ],
)
def test_addresses_and_their_kinds(address: str, canonical: str | None, kind: str | None) -> None:
    found = row(sysmon(3, Initiated="true", DestinationIp=address), "DeviceNetworkEvents")
    assert (found.get("RemoteIP"), found.get("RemoteIPType")) == (canonical, kind)


def test_a_driver_and_a_library_with_their_signatures() -> None:
    data = {
        "ProcessGuid": CHILD,
        "Image": POWERSHELL,
        "ImageLoaded": "C:\\Windows\\System32\\a.dll",
        "Hashes": f"SHA1={SHA1}",
        "Signed": "true",
        "Signature": "Contoso",
        "SignatureStatus": "Valid",
    }
    tables, _ = mapped([sysmon(7, **data), sysmon(6, **{**data, "Signed": "false", "SignatureStatus": "Expired"})])
    assert tables["DeviceImageLoadEvents"][0]["ActionType"] == "ImageLoaded"
    assert tables["DeviceImageLoadEvents"][0]["FolderPath"] == "C:\\Windows\\System32\\a.dll"
    assert tables["DeviceEvents"][0]["ActionType"] == "DriverLoad"
    assert [(r["SHA1"], r["IsSigned"], r["Signer"], r["IsTrusted"]) for r in tables["DeviceFileCertificateInfo"]] == [
        (SHA1.lower(), True, "Contoso", True),
        (SHA1.lower(), False, "Contoso", False),
    ]


def test_one_process_opens_another() -> None:
    found = row(
        sysmon(
            10,
            SourceProcessGUID=PARENT,
            SourceProcessId="1111",
            SourceThreadId="9",
            SourceImage="C:\\a.exe",
            TargetProcessGUID=CHILD,
            TargetProcessId="700",
            TargetImage="C:\\Windows\\system32\\lsass.exe",
            GrantedAccess="0x1fffff",
            CallTrace="C:\\ntdll.dll+1",
        ),
        "DeviceEvents",
    )
    bag = found.pop("AdditionalFields")
    assert found == {
        "ActionType": "OpenProcessApiCall",
        "FileName": "lsass.exe",
        "FolderPath": "C:\\Windows\\system32\\lsass.exe",
        "ProcessId": 700,
        "InitiatingProcessFileName": "a.exe",
        "InitiatingProcessFolderPath": "C:\\a.exe",
        "InitiatingProcessId": 1111,
    }
    assert bag["DesiredAccess"] == 0x1FFFFF
    assert bag["GrantedAccess"] == "0x1fffff"
    assert bag["CallTrace"] == "C:\\ntdll.dll+1"


@pytest.mark.parametrize(
    ("event_id", "kind", "target", "expected"),
    [
        (12, "CreateKey", "HKLM\\SOFTWARE\\X", ("RegistryKeyCreated", "HKEY_LOCAL_MACHINE\\SOFTWARE\\X", None)),
        (12, "DeleteKey", "HKU\\S-1-5-21\\X", ("RegistryKeyDeleted", "HKEY_USERS\\S-1-5-21\\X", None)),
        (12, "DeleteValue", "HKCR\\.x\\v", ("RegistryValueDeleted", "HKEY_CLASSES_ROOT\\.x", "v")),
        (13, "SetValue", "\\REGISTRY\\MACHINE\\A\\v", ("RegistryValueSet", "HKEY_LOCAL_MACHINE\\A", "v")),
        (13, "INFO", "HKLM\\A\\(Default)", ("RegistryValueSet", "HKEY_LOCAL_MACHINE\\A", "(Default)")),
    ],
)
def test_registry(event_id: int, kind: str, target: str, expected: tuple[str | None, ...]) -> None:
    found = row(sysmon(event_id, EventType=kind, TargetObject=target), "DeviceRegistryEvents")
    assert (found["ActionType"], found["RegistryKey"], found.get("RegistryValueName")) == expected


@pytest.mark.parametrize(
    ("details", "data", "kind"),
    [
        ("DWORD (0x00000001)", "1", "Dword"),
        ("DWORD (0xffffffff)", "4294967295", "Dword"),
        ("QWORD (0x00000001-0x00000002)", "4294967298", "Qword"),
        ("Binary Data", None, "Binary"),
        ("(Empty)", None, None),
        ("C:\\a.exe", "C:\\a.exe", None),
        ("DWORD (1)", "DWORD (1)", None),
    ],
)
def test_registry_values(details: str, data: str | None, kind: str | None) -> None:
    found = row(sysmon(13, TargetObject="HKLM\\A\\v", Details=details), "DeviceRegistryEvents")
    assert (found.get("RegistryValueData"), found.get("RegistryValueType")) == (data, kind)


def test_what_was_done_to_a_key_is_not_guessed_where_the_form_lost_it() -> None:
    event = sysmon(12, EventType="INFO", TargetObject="HKLM\\A\\v")
    tables, _ = mapped([event])
    assert "DeviceRegistryEvents" not in tables
    told = event._replace(message="Registry object added or deleted:\r\nEventType: DeleteValue\r\nImage: a")
    found = row(told, "DeviceRegistryEvents")
    assert (found["ActionType"], found["RegistryValueName"]) == ("RegistryValueDeleted", "v")


def test_a_key_that_was_renamed() -> None:
    found = row(
        sysmon(14, EventType="RenameKey", TargetObject="HKLM\\A\\old", NewName="HKLM\\A\\new"), "DeviceRegistryEvents"
    )
    assert (found["ActionType"], found["RegistryKey"], found["PreviousRegistryKey"]) == (
        "RegistryKeyRenamed",
        "HKEY_LOCAL_MACHINE\\A\\new",
        "HKEY_LOCAL_MACHINE\\A\\old",
    )


@pytest.mark.parametrize(
    ("event_id", "table", "action"),
    [
        (2, "DeviceEvents", "FileTimestampModificationEvent"),
        (11, "DeviceFileEvents", "FileCreated"),
        (23, "DeviceFileEvents", "FileDeleted"),
        (26, "DeviceFileEvents", "FileDeleted"),
        (29, "DeviceFileEvents", "FileCreated"),
    ],
)
def test_files(event_id: int, table: str, action: str) -> None:
    found = row(
        sysmon(
            event_id, Image="C:\\x.exe", TargetFilename="C:\\d\\f.txt", Hashes=f"SHA256={SHA256}", IsExecutable="false"
        ),
        table,
    )
    assert (found["ActionType"], found["FileName"], found["FolderPath"]) == (action, "f.txt", "C:\\d\\f.txt")
    assert found["InitiatingProcessFileName"] == "x.exe"
    assert found["AdditionalFields"]["IsExecutable"] == "false"


def test_where_a_file_came_from() -> None:
    contents = "[ZoneTransfer]  ZoneId=3  ReferrerUrl=https://contoso.com/  HostUrl=https://contoso.com/a.exe "
    found = row(
        sysmon(15, TargetFilename="C:\\a.exe:Zone.Identifier", Hash=f"SHA1={SHA1}", Contents=contents),
        "DeviceFileEvents",
    )
    assert found["FileOriginUrl"] == "https://contoso.com/a.exe"
    assert found["FileOriginReferrerUrl"] == "https://contoso.com/"
    assert (found["SHA1"], found["FolderPath"]) == (SHA1.lower(), "C:\\a.exe:Zone.Identifier")


def test_pipes_and_names() -> None:
    found = row(sysmon(17, PipeName="\\msagent_1", Image="C:\\a.exe"), "DeviceEvents")["AdditionalFields"]
    assert (found["PipeName"], found["FileOperation"]) == ("\\Device\\NamedPipe\\msagent_1", "File created")
    found = row(sysmon(18, PipeName="<Anonymous Pipe>", Image="C:\\a.exe"), "DeviceEvents")["AdditionalFields"]
    assert (found["PipeName"], found["FileOperation"]) == ("<Anonymous Pipe>", "File opened")
    found = row(sysmon(22, QueryName="contoso.com", QueryStatus="0", QueryResults="1.2.3.4;"), "DeviceEvents")
    assert found["ActionType"] == "DnsQueryResponse"
    bag = found["AdditionalFields"]
    assert (bag["DnsQueryString"], bag["DnsQueryResult"], bag["QueryName"]) == (
        "contoso.com",
        "1.2.3.4;",
        "contoso.com",
    )


def test_the_parts_of_a_wmi_persistence_have_one_action() -> None:
    tables, _ = mapped(
        [sysmon(19, User="A\\b"), sysmon(20, User="A\\b"), sysmon(21, User="A\\b", Consumer="c", Filter="f")]
    )
    assert [(r["ActionType"], r["AdditionalFields"]["EventID"]) for r in tables["DeviceEvents"]] == [
        ("WmiBindEventFilterToConsumer", number) for number in (19, 20, 21)
    ]
    assert tables["DeviceEvents"][2]["AdditionalFields"]["Filter"] == "f"


@pytest.mark.parametrize("event_id", [4, 5, 9, 16, 24, 25, 27, 28, 255])
def test_what_has_no_action_type_is_in_sentinels_tables_alone(event_id: int) -> None:
    tables, _ = mapped([sysmon(event_id, Image="C:\\a.exe")])
    assert set(tables) == {"Event", "WindowsEvent"}


# --- what a file tells of processes ---


def test_an_event_is_filled_from_the_process_that_did_it() -> None:
    parent = sysmon(
        1,
        **{
            **PROCESS,
            "ProcessGuid": PARENT,
            "ProcessId": "1111",
            "ParentProcessGuid": "{00000000-0000-0000-0000-000000000001}",
            "ParentImage": "C:\\userinit.exe",
            "ParentProcessId": "55",
        },
    )
    tables, _ = mapped([parent, sysmon(1, **PROCESS), sysmon(3, Initiated="true", **CONNECTION)])
    created, connected = tables["DeviceProcessEvents"][1], tables["DeviceNetworkEvents"][0]
    assert created["InitiatingProcessSHA1"] == SHA1.lower()
    assert created["InitiatingProcessParentId"] == 55
    assert created["InitiatingProcessParentFileName"] == "userinit.exe"
    assert created["InitiatingProcessCommandLine"] == "explorer"  # what the event itself says comes first
    assert created["InitiatingProcessCreationTime"] == datetime(2024, 3, 1, 11, 59, 59, 987000, UTC)
    assert connected["InitiatingProcessCommandLine"] == "powershell -enc AAAA"
    assert connected["InitiatingProcessVersionInfoCompanyName"] == "Microsoft Corporation"
    assert connected["InitiatingProcessParentFileName"] == "explorer.exe"
    assert connected["InitiatingProcessParentCreationTime"] == datetime(2024, 3, 1, 11, 59, 59, 987000, UTC)
    assert connected["InitiatingProcessIntegrityLevel"] == "High"


def test_only_what_stands_earlier_counts_however_the_file_is_cut() -> None:
    events = [
        sysmon(3, Initiated="true", **CONNECTION),
        sysmon(1, **PROCESS),
        sysmon(3, Initiated="true", **CONNECTION),
    ]
    whole = [r.get("InitiatingProcessSHA1") for r in mapped(events)[0]["DeviceNetworkEvents"]]
    memory = ProcessMemory()
    one_by_one = [
        r.get("InitiatingProcessSHA1") for e in events for r in mapped([e], memory)[0].get("DeviceNetworkEvents", [])
    ]
    assert whole == one_by_one == [None, SHA1.lower()]


def test_another_computers_process_is_another() -> None:
    elsewhere = sysmon(1, **PROCESS)._replace(computer="PC2")
    tables, _ = mapped([elsewhere, sysmon(3, Initiated="true", **CONNECTION)])
    assert "InitiatingProcessSHA1" not in tables["DeviceNetworkEvents"][0]


def test_a_target_is_filled_as_well() -> None:
    opened = sysmon(10, SourceProcessGuid=PARENT, TargetProcessGuid=CHILD, TargetImage=POWERSHELL, GrantedAccess="0x1")
    found = row(opened, "DeviceEvents", sysmon(1, **PROCESS))
    assert (found["ProcessCommandLine"], found["SHA1"]) == ("powershell -enc AAAA", SHA1.lower())
    assert "InitiatingProcessSHA1" not in found


def test_memory_is_bounded() -> None:
    memory = ProcessMemory(limit=2)
    for number in range(5):
        mapped([sysmon(1, **{**PROCESS, "ProcessGuid": f"{{00000000-0000-0000-0000-00000000000{number}}}"})], memory)
    assert len(memory._by_guid) == 2


# --- forms ---


def test_names_are_compared_without_case_and_events_need_not_agree() -> None:
    first = sysmon(10, SourceProcessGUID=PARENT, SOURCEIMAGE="C:\\a.exe", TargetImage="C:\\b.exe")
    second = sysmon(10, SourceProcessGuid=PARENT, SourceImage="C:\\c.exe", More=None)
    tables, _ = mapped([first, second])
    assert [r["InitiatingProcessFileName"] for r in tables["DeviceEvents"]] == ["a.exe", "c.exe"]
    assert [r.get("FileName") for r in tables["DeviceEvents"]] == ["b.exe", None]
    assert tables["DeviceEvents"][1]["AdditionalFields"]["More"] == ""
    assert "More" not in tables["DeviceEvents"][0]["AdditionalFields"]


def test_the_clock_is_repaired_and_sysmons_own_time_is_not_touched() -> None:
    tables, _ = mapped([sysmon(1, **PROCESS)], clock_offset=3_600_000_000)
    found = tables["DeviceProcessEvents"][0]
    assert found["Timestamp"] == datetime(2024, 3, 1, 13, 0, 0, 123456, UTC)
    assert found["ProcessCreationTime"] == datetime(2024, 3, 1, 11, 59, 59, 987000, UTC)


def test_linux_has_other_paths() -> None:
    event = made("Linux-Sysmon/Operational", 1, {"Image": "/usr/bin/a\\b", "ProcessId": "5"}, computer="web1")
    found = row(event._replace(provider="Linux-Sysmon"), "DeviceProcessEvents")
    assert (found["FileName"], found["FolderPath"]) == ("a\\b", "/usr/bin/a\\b")


def test_events_without_a_time_or_an_id_are_rejected_and_no_others() -> None:
    good = sysmon(1, **PROCESS)
    odd = [
        good._replace(time=None, position=2),
        good._replace(time="yesterday", position=3),
        good._replace(event_id=None, position=4),  # type: ignore[arg-type]
    ]
    tables, rejects = mapped([good, *odd, good._replace(time=TIME.replace("Z", "+01:00"))])
    assert [(r.unit, r.position, r.reason, r.raw) for r in rejects] == [
        ("line", 2, "the event has no time", b"raw 1"),
        ("line", 3, "'yesterday' is not a time", b"raw 2"),
        ("line", 4, "the event has no id", b"raw 3"),
    ]
    assert [r["Timestamp"].hour for r in tables["DeviceProcessEvents"]] == [12, 11]


def test_half_a_character_is_written_as_what_it_is() -> None:
    tables, rejects = mapped([sysmon(1, Image="C:\\\udc80.exe", CommandLine="ok")])
    assert not rejects
    assert tables["DeviceProcessEvents"][0]["FolderPath"] == "C:\\\\udc80.exe"


def test_slashes_in_paths_and_in_names_of_values() -> None:
    found = row(sysmon(11, TargetFilename="C:\\Users\\a/b.sys"), "DeviceFileEvents")
    assert found["FileName"] == "b.sys"
    found = row(sysmon(13, TargetObject="HKLM\\A\\http://contoso.com/"), "DeviceRegistryEvents")
    assert found["RegistryValueName"] == "http://contoso.com/"
