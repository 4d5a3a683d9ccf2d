"""Every event as rows of Sentinel's tables."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.collect.events.mapping.mapped import made, mapped, security, sysmon
from tests.collect.events.mapping.test_security import CREATED, LOGON

from lurcher.collect.events.event import Event


def _one(event: Event, table: str) -> dict[str, Any]:
    tables, rejects = mapped([event])
    assert not rejects
    return tables[table][0]


def test_windows_event() -> None:
    event = sysmon(1, Image="C:\\a.exe", ProcessId=5, Signed=True, None_=None)._replace(
        version=5,
        level=4,
        task=1,
        opcode=0,
        keywords="0x8000000000000000",
        process_id=100,
        thread_id=200,
        user_sid="S-1-5-18",
        activity_id="{22d8bf06-7f61-6a31-0100-000000001500}",
    )
    assert _one(event, "WindowsEvent") == {
        "TimeGenerated": datetime(2024, 3, 1, 12, 0, 0, 123456, UTC),
        "Provider": "Microsoft-Windows-Sysmon",
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Computer": "PC1.contoso.com",
        "Task": 1,
        "EventLevel": 4,
        "EventLevelName": "Information",
        "EventID": 1,
        "SystemUserId": "S-1-5-18",
        "Version": 5,
        "Opcode": "0",
        "Keywords": "0x8000000000000000",
        "Correlation": "{22d8bf06-7f61-6a31-0100-000000001500}",
        "SystemProcessId": 100,
        "SystemThreadId": 200,
        "EventRecordId": "7",
        "EventData": '{"Image":"C:\\\\a.exe","ProcessId":"5","Signed":"true","None_":""}',
        "Type": "WindowsEvent",
    }


def test_event_as_log_analytics_has_it() -> None:
    event = sysmon(11, Image="C:\\a&b.exe", Text="<x>\x01", Empty="")._replace(
        level=4, task=11, user_sid="S-1-5-18", message="File created"
    )
    found = _one(event, "Event")
    assert found == {
        "TimeGenerated": datetime(2024, 3, 1, 12, 0, 0, 123456, UTC),
        "Source": "Microsoft-Windows-Sysmon",
        "EventLog": "Microsoft-Windows-Sysmon/Operational",
        "Computer": "PC1.contoso.com",
        "EventLevel": 4,
        "EventLevelName": "Information",
        "EventID": 11,
        "RenderedDescription": "File created",
        "EventCategory": 11,
        "UserName": "NT AUTHORITY\\SYSTEM",
        "Type": "Event",
        "EventData": '<DataItem Type="System.XmlData" time="2024-03-01T12:00:00.1234560Z">'
        '<EventData xmlns="http://schemas.microsoft.com/win/2004/08/events/event">'
        '<Data Name="Image">C:\\a&amp;b.exe</Data><Data Name="Text">&lt;x&gt;\ufffd</Data><Data Name="Empty"></Data>'
        "</EventData></DataItem>",
        "ParameterXml": "<Param>C:\\a&amp;b.exe</Param><Param>&lt;x&gt;\ufffd</Param><Param></Param>",
    }


def test_data_without_names_and_user_data() -> None:
    plain = _one(made("Application", 1000, {"Data": ["a", "<b>"]}), "Event")
    assert "<Data>a</Data><Data>&lt;b&gt;</Data>" in plain["EventData"]
    assert plain["ParameterXml"] == "<Param>a</Param><Param>&lt;b&gt;</Param>"
    nested = _one(made("X", 1, {"A": "1", "B": {"C": ["x", "<y>"]}}, user_data="Thing"), "Event")
    assert "<Thing><A>1</A><B><C>x</C><C>&lt;y&gt;</C></B></Thing></UserData>" in nested["EventData"]
    for found in (plain, nested):
        ElementTree.fromstring(found["EventData"])
    assert json.loads(_one(made("X", 1, {"B": {"C": [1]}}), "WindowsEvent")["EventData"]) == {"B": {"C": [1]}}
    assert "EventData" not in _one(made("X", 1, {}), "Event")


def test_security_event_of_a_process() -> None:
    found = _one(security(4688, **CREATED)._replace(level=0), "SecurityEvent")
    data = ElementTree.fromstring(found.pop("EventData"))
    assert [child.get("Name") for child in data] == list(CREATED)
    assert found == CREATED | {
        "TimeGenerated": datetime(2024, 3, 1, 12, 0, 0, 123456, UTC),
        "Account": "CONTOSO\\PC1$",
        "AccountType": "Machine",
        "SubjectAccount": "CONTOSO\\PC1$",
        "TargetAccount": "-\\-",
        "Computer": "PC1.contoso.com",
        "EventSourceName": "Microsoft-Windows-Security-Auditing",
        "Channel": "Security",
        "Level": "0",
        "EventLevelName": "LogAlways",
        "EventID": 4688,
        "Activity": "4688 - A new process has been created.",
        "Process": "svchost.exe",
        "EventRecordId": "7",
        "Type": "SecurityEvent",
    }


def test_security_event_of_a_logon() -> None:
    guid = "{48451EB7-0C2C-BE45-780E-6CC0237C940C}"
    found = _one(security(4624, **LOGON, LogonGuid=guid), "SecurityEvent")
    assert (found["Account"], found["AccountType"]) == ("CONTOSO\\alice", "User")
    assert (found["LogonType"], found["LogonTypeName"]) == (3, "3 - Network")
    assert (found["IpAddress"], found["LogonGuid"]) == ("10.0.0.9", "48451eb7-0c2c-be45-780e-6cc0237c940c")
    odd = _one(security(4624, LogonType="x"), "SecurityEvent")
    assert "LogonType" not in odd
    assert '<Data Name="LogonType">x</Data>' in odd["EventData"]


@pytest.mark.parametrize("channel", ["Security", "security", "SECURITY"])
def test_the_security_log_has_its_own_table(channel: str) -> None:
    tables, _ = mapped([security(4720, TargetUserName="x")._replace(channel=channel)])
    assert "Event" not in tables
    assert tables["SecurityEvent"][0]["Channel"] == channel


def test_numbers_that_columns_cannot_hold() -> None:
    found = _one(sysmon(1)._replace(record_id=1 << 64, process_id=1 << 40, version=-1), "WindowsEvent")
    assert "EventRecordId" not in found
    assert "SystemProcessId" not in found
    assert found["Version"] == -1


def test_each_event_is_one_row_in_each_of_sentinels_tables() -> None:
    """Whatever events come, in whatever order: nothing is lost, nothing is doubled, and every row has its own data."""
    chance = random.Random(4)
    kinds = [("Microsoft-Windows-Sysmon/Operational", n) for n in range(1, 30)]
    kinds += [("Security", n) for n in (1102, 4624, 4625, 4688, 4689, 4697, 4698, 4720, 4732, 5145, 5156, 9999)]
    kinds += [("System", 7045), ("System", 104), ("Application", 1), (None, 5)]
    names = [
        "Image",
        "ProcessId",
        "ProcessGuid",
        "User",
        "TargetFilename",
        "Initiated",
        "EventType",
        "ParentImage",
        "Hashes",
    ]
    odd = ["", "-", "?", None, 5, True, 1.5, "{}", ["a"], {"b": None}, "A\\b", "0xffffffffffffffffff", "\x00", "%s%%"]
    events = []
    for number in range(2000):
        channel, event_id = chance.choice(kinds)
        data = {name: chance.choice(odd) for name in chance.sample(names, chance.randrange(len(names)))}
        data["Number"] = str(number)
        time = None if chance.random() < 0.01 else "2024-03-01T12:00:00Z"
        events.append(made(channel, event_id, data, time=time, record_id=number))  # type: ignore[arg-type]
    tables, rejects = mapped(events)
    taken = len(events) - len(rejects)
    assert sum(e.time is None for e in events) == len(rejects)
    assert len(tables["WindowsEvent"]) == len(tables["SecurityEvent"]) + len(tables["Event"]) == taken
    for found in tables["WindowsEvent"]:
        number = json.loads(found["EventData"])["Number"]
        assert (found["EventRecordId"], found["EventID"]) == (number, events[int(number)].event_id)
    for found in [*tables["SecurityEvent"], *tables["Event"]]:
        data = ElementTree.fromstring(found["EventData"])
        number = next(e.text for e in data.iter() if e.get("Name") == "Number")
        assert found["EventID"] == events[int(number or "")].event_id
    for table in ("DeviceProcessEvents", "DeviceEvents", "DeviceFileEvents", "DeviceNetworkEvents"):
        for found in tables[table]:
            assert found["AdditionalFields"]["Number"] == str(found["ReportId"])
            assert found["AdditionalFields"]["EventID"] == events[found["ReportId"]].event_id
