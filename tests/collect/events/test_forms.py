"""Each form of an event as JSON, from a sample made after its description; and files of several forms, and of none."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from lurcher.collect.events.event import Event, Events
from lurcher.collect.events.forms import FORMS, form_of, unwrap
from lurcher.collect.exports import Reject, recognise
from lurcher.collect.exports.leaf import Leaf
from lurcher.collect.exports.readers.event_json import events

SYSMON = "Microsoft-Windows-Sysmon"
CHANNEL = "Microsoft-Windows-Sysmon/Operational"


def one(value: dict[str, Any]) -> Event:
    form = form_of(value)
    assert form is not None, value
    return form.event(value, 1)


def leaf(data: bytes, name: str = "a.json") -> Leaf:
    return Leaf(name, Path(name), lambda: io.BytesIO(data))


def read(data: bytes) -> tuple[list[Event], list[Reject]]:
    found: list[Event] = []
    rejects: list[Reject] = []
    for part in events(leaf(data)):
        if isinstance(part, Events):
            found += part.events
            for i in range(len(part.events)):
                part.raw(i)
        else:
            rejects.append(part)
    return found, rejects


SYSTEM = {
    "Provider": {"#attributes": {"Name": SYSMON, "Guid": "5770385F-C22A-43E0-BF4C-06F5698FFBD9"}},
    "EventID": 1,
    "Version": 5,
    "Level": 4,
    "Task": 1,
    "Opcode": 0,
    "Keywords": "0x8000000000000000",
    "TimeCreated": {"#attributes": {"SystemTime": "2026-01-02T03:04:05.123456Z"}},
    "EventRecordID": 77,
    "Correlation": None,
    "Execution": {"#attributes": {"ProcessID": 2012, "ThreadID": 300}},
    "Channel": CHANNEL,
    "Computer": "pc.example.org",
    "Security": {"#attributes": {"UserID": "S-1-5-18"}},
}
DATA = {"Image": "C:\\a.exe", "ProcessId": 4711, "User": "PC\\me"}
WANTED = Event(
    1,
    "2026-01-02T03:04:05.123456Z",
    SYSMON,
    1,
    CHANNEL,
    "pc.example.org",
    77,
    DATA,
    None,
    "5770385F-C22A-43E0-BF4C-06F5698FFBD9",
    5,
    4,
    1,
    0,
    "0x8000000000000000",
    2012,
    300,
    "S-1-5-18",
)


def test_evtx_dump() -> None:
    assert one({"Event": {"#attributes": {"xmlns": "x"}, "System": SYSTEM, "EventData": DATA}}) == WANTED


def test_evtx_dump_with_separate_attributes() -> None:
    system = {}
    for name, value in SYSTEM.items():
        if isinstance(value, dict):
            system[f"{name}_attributes"] = value["#attributes"]
        else:
            system[name] = value
    system |= {"EventID": 1, "EventID_attributes": {"Qualifiers": 0}}
    assert one({"Event_attributes": {"xmlns": "x"}, "Event": {"System": system, "EventData": DATA}}) == WANTED


def test_xmltodict() -> None:
    system: dict[str, Any] = {}
    for name, value in SYSTEM.items():
        if isinstance(value, dict):
            system[name] = {f"@{k}": str(v) for k, v in value["#attributes"].items()}
        else:
            system[name] = None if value is None else str(value)
    data = {"Data": [{"@Name": n, "#text": str(v)} for n, v in DATA.items()]}
    expected = WANTED._replace(data={n: str(v) for n, v in DATA.items()})
    assert one({"Event": {"@xmlns": "x", "System": system, "EventData": data}}) == expected
    # One element is no list there.
    single = one({"Event": {"System": system, "EventData": {"Data": {"@Name": "Image", "#text": "a"}}}})
    assert single.data == {"Image": "a"}
    empty = one(
        {"Event": {"System": system, "EventData": {"Data": [{"@Name": "Image"}, {"@Name": "User", "#text": "u"}]}}}
    )
    assert empty.data == {"Image": "", "User": "u"}


def test_velociraptor() -> None:
    value = {
        "System": {
            "Provider": {"Name": SYSMON, "Guid": "{5770385F}"},
            "EventID": {"Value": 1},
            "TimeCreated": {"SystemTime": 1767323045.25},
            "EventRecordID": 77,
            "Execution": {"ProcessID": 2012, "ThreadID": 300},
            "Channel": CHANNEL,
            "Computer": "pc.example.org",
            "Security": {"UserID": "S-1-5-18"},
        },
        "EventData": DATA,
        "Message": "Process Create",
    }
    made = one(value)
    assert (made.event_id, made.time, made.data, made.message) == (
        1,
        "2026-01-02T03:04:05.250000+00:00",
        DATA,
        "Process Create",
    )
    assert (made.process_id, made.user_sid, made.record_id) == (2012, "S-1-5-18", 77)


@pytest.mark.parametrize(
    "number", [7, "7", "0x7", {"#text": 7}, {"#attributes": {"Qualifiers": 1}, "#text": "7"}, {"Value": 7}, 7.0]
)
def test_the_number_of_an_event_in_whatever_way(number: object) -> None:
    assert one({"Event": {"System": {**SYSTEM, "EventID": number}}}).event_id == 7


@pytest.mark.parametrize("number", [None, "", "soon", -1, True, 1.5, [7], {}, 2**32, "1_0", "９"])
def test_what_is_no_number_of_an_event(number: object) -> None:
    with pytest.raises(ValueError, match="EventID"):
        one({"Event": {"System": {**SYSTEM, "EventID": number}}})


def test_user_data_unnamed_data_and_what_is_in_neither() -> None:
    def event(**parts: Any) -> Event:
        return one({"Event": {"System": SYSTEM, **parts}})

    cleared = {"LogFileCleared": {"#attributes": {"xmlns": "x"}, "SubjectUserName": "me", "BackupPath": None}}
    made = event(UserData=cleared)
    assert (made.user_data, made.data) == ("LogFileCleared", {"SubjectUserName": "me", "BackupPath": None})
    assert event(EventData={"Data": {"#text": ["a", "b"]}, "Binary": None}).data == {"Data": ["a", "b"], "Binary": None}
    assert event(EventData={"Data": {"#text": "a"}}).data == {"Data": ["a"]}
    # The element's own attributes, other than namespaces, are kept apart.
    assert event(EventData={"#attributes": {"Name": "q"}, "a": 1}).data == {"a": 1, "#attributes": {"Name": "q"}}
    assert event(EventData=None).data == {}
    assert event(ProcessingErrorData={"ErrorCode": 15003}).data == {"ErrorCode": 15003}
    assert event(RenderingInfo={"Message": "text"}).message == "text"


SEVEN = {
    "@timestamp": "2026-01-02T03:04:05.123Z",
    "message": "Process Create:",
    "log": {"level": "information"},
    "winlog": {
        "provider_name": SYSMON,
        "provider_guid": "{5770385F}",
        "event_id": "1",
        "version": 5,
        "opcode": "Info",
        "task": "Process Create (rule: ProcessCreate)",
        "record_id": 77,
        "channel": CHANNEL,
        "computer_name": "pc.example.org",
        "process": {"pid": 2012, "thread": {"id": 300}},
        "user": {"identifier": "S-1-5-18", "name": "SYSTEM"},
        "event_data": {"Image": "C:\\a.exe", "ProcessId": "4711"},
    },
}
SEVEN_WANTED = Event(
    1, "2026-01-02T03:04:05.123Z", SYSMON, 1, CHANNEL, "pc.example.org", 77, {"Image": "C:\\a.exe", "ProcessId": "4711"},
    None, "{5770385F}", 5, 4, None, 0, None, 2012, 300, "S-1-5-18", None, "Process Create:",
)  # fmt: skip


def test_winlogbeat_seven() -> None:
    assert one(SEVEN) == SEVEN_WANTED


def test_winlogbeat_with_dotted_names() -> None:
    def flat(value: dict[str, Any], before: str = "") -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, inner in value.items():
            result |= flat(inner, f"{before}{name}.") if isinstance(inner, dict) else {before + name: inner}
        return result

    assert one(flat(SEVEN)) == SEVEN_WANTED
    assert one({k: [v] for k, v in flat(SEVEN).items()}) == SEVEN_WANTED
    odd = one({"winlog.event_id": 1, "winlog.event_data.a.b": "c"})
    assert odd.data == {"a.b": "c"}


def test_winlogbeat_six_and_user_data() -> None:
    inner = SEVEN["winlog"]
    assert isinstance(inner, dict)
    value = {
        "@timestamp": "2026-01-02T03:04:05.123Z", "source_name": SYSMON, "provider_guid": "{5770385F}", "event_id": 1,
        "log_name": CHANNEL, "computer_name": "pc.example.org", "record_number": "77", "process_id": 2012, "thread_id": 300,
        "level": "Information", "opcode": "Info", "version": 5, "user": inner["user"], "event_data": inner["event_data"],
        "message": "Process Create:", "type": "wineventlog",
    }  # fmt: skip
    assert one(value) == SEVEN_WANTED
    value |= {"event_data": {}, "user_data": {"xml_name": "LogFileCleared", "SubjectUserName": "me"}}
    assert (one(value).user_data, one(value).data) == ("LogFileCleared", {"SubjectUserName": "me"})


NXLOG = {
    "EventTime": "2026-01-01 22:04:05", "EventReceivedTime": "2026-01-01 22:04:07", "@timestamp": "2026-01-02T03:04:08.010Z",
    "@version": "1", "host": "collector", "port": 5000, "tags": ["x"], "Hostname": "pc.example.org",
    "Keywords": -9223372036854775808,
    "EventType": "INFO", "SeverityValue": 2, "Severity": "INFO", "EventID": 13, "SourceName": SYSMON, "ProviderGuid": "{5770385F}",
    "Version": 2, "Task": 13, "OpcodeValue": 0, "Opcode": "Info", "RecordNumber": 77, "ThreadID": 300, "Channel": CHANNEL,
    "Domain": "NT AUTHORITY", "AccountName": "SYSTEM", "AccountType": "User", "UserID": "S-1-5-18", "Category": "Registry",
    "SourceModuleName": "eventlog", "SourceModuleType": "im_msvistalog",
    "UtcTime": "2026-01-02 03:04:05.100", "Image": "C:\\a.exe", "TargetObject": "HKLM\\x", "Details": "1",
}  # fmt: skip
MESSAGE = (
    "Registry value set:\r\nRuleName: \r\nEventType: SetValue\r\nUtcTime: 2026-01-02 03:04:05.100\r\nProcessGuid: {1}\r\n"
    "ProcessId: 4711\r\nImage: C:\\a.exe\r\nTargetObject: HKLM\\x\r\nDetails: a: b"
)


def test_nxlog_time_is_made_utc_and_the_level_is_no_event_type() -> None:
    made = one(NXLOG)
    assert made.time == "2026-01-02T03:04:05Z"
    assert made.data == {
        "UtcTime": "2026-01-02 03:04:05.100",
        "Image": "C:\\a.exe",
        "TargetObject": "HKLM\\x",
        "Details": "1",
    }
    assert (made.level, made.keywords, made.user_sid, made.record_id) == (4, "0x8000000000000000", "S-1-5-18", 77)
    assert (made.version, made.task, made.opcode, made.process_id, made.thread_id) == (2, 13, 0, None, 300)


def test_nxlog_gives_what_it_lost_where_the_text_has_it() -> None:
    made = one({**NXLOG, "ProcessID": 2012, "Message": MESSAGE})
    assert made.process_id == 2012
    assert (made.data["EventType"], made.data["ProcessId"], made.data["RuleName"]) == ("SetValue", "4711", "")
    assert made.data["Details"] == "1"  # what is there stays


def test_nxlog_keeps_what_a_pipeline_has_put_right() -> None:
    made = one(
        {**NXLOG, "EventType": "CreateKey", "EventTypeOrignal": "INFO", "ProcessId": "4711", "ExecutionProcessID": 2012}
    )
    assert (made.data["EventType"], made.data["ProcessId"], made.process_id, made.level) == (
        "CreateKey",
        "4711",
        2012,
        4,
    )
    assert "EventTypeOrignal" not in made.data


def test_nxlog_account_is_the_events_own_where_nobody_wrote_it() -> None:
    value = {**NXLOG, "SourceName": "Service Control Manager", "EventID": 7045, "AccountName": "LocalSystem"}
    assert "AccountName" not in one(value).data
    del value["UserID"]
    assert one(value).data["AccountName"] == "LocalSystem"


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        ({"EventTime": "2026-01-01T22:04:05.123456-05:00"}, "2026-01-01T22:04:05.123456-05:00"),
        ({"EventReceivedTime": None}, "2026-01-01 22:04:05"),
        ({"@timestamp": "2026-01-02T03:11:45Z"}, "2026-01-01 22:04:05"),  # 7 min: a queue, no zone
        ({"EventTime": None}, "2026-01-02T03:04:08.010Z"),
        ({"EventTime": "2026-01-01 22:04:05.250"}, "2026-01-02T03:04:05.250Z"),
    ],
)
def test_nxlog_times(times: dict[str, Any], wanted: str) -> None:
    assert one({**NXLOG, **times}).time == wanted


FLAT = {
    "SourceName": "Microsoft-Windows-Security-Auditing", "ProviderGuid": "{54849625}", "Level": "0",
    "Keywords": "0x8020000000000000", "Channel": "Security", "Hostname": "pc.example.org",
    "TimeCreated": "2026-01-02T03:04:05.123Z",
    "@timestamp": "2026-01-02T03:04:05.123Z", "EventID": 5156, "Message": "The Windows Filtering Platform", "Task": "12810",
    "ProcessID": "4711", "Application": "\\device\\a.exe", "Protocol": "6", "Version": "x",
}  # fmt: skip


def test_flat_fields_are_the_events_own() -> None:
    made = one(FLAT)
    assert made.data == {"ProcessID": "4711", "Application": "\\device\\a.exe", "Protocol": "6", "Version": "x"}
    assert (made.level, made.task, made.version, made.process_id) == (0, 12810, None, None)
    assert (made.time, made.computer, made.keywords) == (
        "2026-01-02T03:04:05.123Z",
        "pc.example.org",
        "0x8020000000000000",
    )


def test_rows_of_a_workspace_are_no_events() -> None:
    assert form_of({**FLAT, "TimeGenerated": "2026-01-02T03:04:05Z"}) is None
    assert form_of({"TimeGenerated": "x", "EventID": 1, "Channel": "Security", "EventData": "<EventData/>"}) is None


def test_splunk() -> None:
    xml = (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/>"
        "<EventID>1</EventID><TimeCreated SystemTime='2026-01-02T03:04:05.123456Z'/><Channel>c</Channel><Computer>pc</Computer>"
        "</System><EventData><Data Name='Image'>C:\\a.exe</Data></EventData></Event>"
    )
    found, rejects = read(json.dumps({"preview": False, "result": {"_raw": xml, "EventCode": "1"}}).encode())
    assert rejects == []
    assert found[0].data == {"Image": "C:\\a.exe"}
    assert found[0].event_id == 1


XML = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/>"
    "<EventID>1</EventID><TimeCreated SystemTime='2026-01-02T03:04:05.123456Z'/><Channel>c</Channel><Computer>pc</Computer>"
    "</System><EventData><Data Name='Image'>C:\\a.exe</Data></EventData></Event>"
)


@pytest.mark.parametrize(
    "value",
    [
        {"event": XML, "time": 1767323045, "host": "h", "sourcetype": "XmlWinEventLog"},
        {"@timestamp": "2026-01-02T03:04:06Z", "event": {"original": XML, "code": "1"}},
        {"@timestamp": "2026-01-02T03:04:06Z", "event.original": "<?xml version='1.0'?>\n" + XML},
        {"message": "\n" + XML, "host": "h"},
    ],
)
def test_xml_in_an_object(value: dict[str, Any]) -> None:
    made = one(value)
    assert (made.event_id, made.data, made.computer) == (1, {"Image": "C:\\a.exe"}, "pc")


def test_text_that_only_looks_like_xml_is_no_event() -> None:
    assert form_of({"message": "<Events><Event/></Events>", "host": "h"}) is None
    assert form_of({"event": "logon", "message": "an event"}) is None


def test_data_as_a_list_of_names_and_values() -> None:
    data = [{"Name": "Image", "Text": "C:\\a.exe"}, {"@Name": "User", "#text": "PC\\me"}, "alone"]
    made = one({"Event": {"System": SYSTEM, "EventData": data}})
    assert made.data == {"Image": "C:\\a.exe", "User": "PC\\me", "Data": ["alone"]}
    assert one({"Event": {"System": SYSTEM, "EventData": "alone"}}).data == {"Data": ["alone"]}
    assert one({"Event": {"System": SYSTEM, "EventData": None}}).data == {}


def test_fields_of_a_search_of_elasticsearch() -> None:
    hit = {
        "_index": "winlogbeat", "_id": "1",
        "fields": {"@timestamp": ["2026-01-02T03:04:05.123Z"], "winlog.event_id": [1], "winlog.provider_name": [SYSMON],
                   "winlog.event_data.Image": ["C:\\a.exe"], "winlog.computer_name": ["pc"]},
    }  # fmt: skip
    found, rejects = read(json.dumps(hit).encode())
    assert rejects == []
    assert (found[0].time, found[0].data, found[0].computer) == (
        "2026-01-02T03:04:05.123Z",
        {"Image": "C:\\a.exe"},
        "pc",
    )


def test_fluent_bit() -> None:
    value = {
        "ProviderName": SYSMON, "EventID": 5, "Level": 4, "TimeCreated": "2026-01-02 03:04:05 +0100", "EventRecordID": 7,
        "Channel": CHANNEL, "Computer": "pc", "ProcessID": 1, "UserID": "S-1-5-18", "StringInserts": ["a", "C:\\a.exe"],
        "Message": "Process terminated:\r\nRuleName: a\r\nImage: C:\\a.exe",
    }  # fmt: skip
    made = one(value)
    assert (made.event_id, made.time, made.record_id, made.user_sid) == (5, "2026-01-02 03:04:05 +0100", 7, "S-1-5-18")
    assert made.data == {"RuleName": "a", "Image": "C:\\a.exe"}
    assert one(value | {"Message": ""}).data == {"Data": ["a", "C:\\a.exe"]}


def test_evtxecmd() -> None:
    payload = json.dumps({"EventData": {"Data": [{"@Name": "Image", "#text": "C:\\a.exe"}]}})
    made = one({
        "EventId": 1, "Provider": SYSMON, "Channel": CHANNEL, "Computer": "pc", "TimeCreated": "2026-01-02T03:04:05.1234567+00:00",
        "EventRecordId": "77", "ProcessId": 2012, "ThreadId": 300, "Level": "Info", "UserId": "S-1-5-18", "Payload": payload,
    })  # fmt: skip
    assert (made.data, made.level, made.record_id, made.process_id) == ({"Image": "C:\\a.exe"}, 4, 77, 2012)


def test_get_winevent() -> None:
    value = {
        "Id": 13, "Version": 2, "Level": 4, "Task": 13, "Opcode": 0, "Keywords": -9223372036854775808, "RecordId": 77,
        "ProviderName": SYSMON, "ProviderId": "5770385f", "LogName": CHANNEL, "ProcessId": 2012, "ThreadId": 300,
        "MachineName": "pc",
        "UserId": {"BinaryLength": 12, "Value": "S-1-5-18"}, "TimeCreated": "/Date(1767323045123)/", "Message": MESSAGE,
        "Properties": [{"Value": "x"}],
    }  # fmt: skip
    made = one(value)
    assert made.time == "2026-01-02T03:04:05.123000+00:00"
    assert (made.user_sid, made.data["Details"], made.data["EventType"]) == ("S-1-5-18", "a: b", "SetValue")
    other = one({**value, "ProviderName": "Service Control Manager"})
    assert other.data == {"Data": ["x"]}  # values without names: none is made up


@pytest.mark.parametrize(
    "data",
    [{"Image": "C:\\a.exe"}, '{"Image": "C:\\\\a.exe"}', '<EventData><Data Name="Image">C:\\a.exe</Data></EventData>'],
)
def test_event_data_as_an_object_or_as_text(data: object) -> None:
    value = {
        "EventID": 1,
        "Channel": CHANNEL,
        "ProviderName": SYSMON,
        "Computer": "pc",
        "TimeCreated": "t",
        "EventData": data,
    }
    assert one(value).data == {"Image": "C:\\a.exe"}


def test_a_file_of_several_forms_and_of_what_is_no_event() -> None:
    lines = [
        json.dumps({"Event": {"System": SYSTEM, "EventData": DATA}}),
        "",
        json.dumps(SEVEN),
        '{"a": 1}',
        '{"cut": ',
        json.dumps({"_index": "x", "_source": SEVEN}),
        '{"EventID": 1, "EventID": 2, "Hostname": "x", "Channel": "y", "TimeCreated": "z"}',
        json.dumps({"Event": {"System": {"EventID": "none"}}}),
        "17",
        json.dumps(NXLOG),
    ]
    found, rejects = read("\r\n".join(lines).encode())
    assert [e.position for e in found] == [1, 3, 6, 10]
    assert {r.position: r.reason for r in rejects} == {
        4: "no event of Windows, in no form that is known here",
        5: rejects[[r.position for r in rejects].index(5)].reason,
        7: "the key 'EventID' comes twice in an object",
        8: "EventID is 'none', no number",
        9: "not a JSON object",
    }
    assert all(r.raw for r in rejects)
    assert {r.unit for r in rejects} == {"line"}


@pytest.mark.parametrize(
    "document",
    [
        [{"Event": {"System": SYSTEM, "EventData": DATA}}, SEVEN],
        {"Events": [{"Event": {"System": SYSTEM, "EventData": DATA}}, SEVEN]},
        {"took": 1, "hits": {"total": 2, "hits": [{"_source": {"Event": {"System": SYSTEM}}}, {"_source": SEVEN}]}},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_documents_and_answers(document: object, indent: int | None) -> None:
    data = json.dumps(document, indent=indent).encode()
    kind = recognise(leaf(data))
    assert kind is not None
    assert kind.name == "event-json"
    found, rejects = read(data)
    assert len(found) == 2
    assert rejects == []


@pytest.mark.parametrize(
    "data",
    [
        b'{"category":"AdvancedHunting-DeviceEvents","properties":{"Timestamp":"2026-01-02T03:04:05Z"}}',
        b'[{"Timestamp":"2026-01-02T03:04:05Z","DeviceName":"x"}]',
        b'{"schema":[{"name":"EventID","type":"Int64"}],"results":[{"EventID":1}]}',
        b"EventID,Channel\n1,Security\n",
        b"{}",
        b"",
    ],
)
def test_other_files_are_left_to_others(data: bytes) -> None:
    kind = recognise(leaf(data))
    assert kind is None or kind.name != "event-json"


def test_unwrapping_ends() -> None:
    value: dict[str, Any] = {}
    for _ in range(100):
        value = {"result": value, "hits": value}
    assert list(unwrap(value)) == []


def test_forms_are_told_apart() -> None:
    samples = {"event-xml": {"Event": {"System": SYSTEM}}, "winlogbeat": SEVEN, "nxlog": NXLOG, "event-flat": FLAT}
    for name, sample in samples.items():
        assert next(f.name for f in FORMS if f.takes(sample)) == name


def test_whatever_is_changed_reading_ends_and_nothing_raises() -> None:
    """Some variants of what `bench/fuzz_sources.py` makes ten thousand of."""
    from bench.fuzz_sources import run

    for kind in ("event-json", "event-json-shapes"):
        seen = run(kind, int(os.environ.get("LURCHER_MUTATIONS", "60")))
        assert seen["rows"] > 0
        assert seen["rejects"] > 0


def test_the_end_of_a_process_that_nxlog_has_lost_the_number_of() -> None:
    from lurcher.collect.exports import ReadContext
    from lurcher.collect.exports.readers.event_json import read as rows
    from lurcher.schema import known_table

    value = {**NXLOG, "EventID": 4689, "SourceName": "Microsoft-Windows-Security-Auditing", "Channel": "Security"}
    parts = list(rows(leaf(json.dumps(value).encode()), ReadContext(known_table, "a.json")))
    assert not any(isinstance(part, Reject) for part in parts)


def test_winlogbeat_sysmon_module_is_undone() -> None:
    inner = SEVEN["winlog"]
    assert isinstance(inner, dict)
    value = {
        "@timestamp": "2026-01-02T03:04:05.123Z", "event": {"module": "sysmon"}, "user": {"name": "me", "domain": "PC"},
        "process": {
            "entity_id": "{1}", "pid": 4711, "executable": "C:\\a.exe", "command_line": "a -b", "parent": {"pid": 1},
            "hash": {"md5": "00", "sha1": "11"}, "pe": {"imphash": "22", "company": "c"},
        },
        "winlog": {**inner, "event_data": {"IntegrityLevel": "High"}},
    }  # fmt: skip
    assert one(value).data == {
        "IntegrityLevel": "High", "ProcessGuid": "{1}", "ProcessId": 4711, "Image": "C:\\a.exe", "CommandLine": "a -b",
        "ParentProcessId": 1, "Company": "c", "Hashes": "SHA1=11,MD5=00,IMPHASH=22", "User": "PC\\me",
        "UtcTime": "2026-01-02 03:04:05.123",
    }  # fmt: skip
    del value["event"]
    assert one(value).data == {"IntegrityLevel": "High"}


def test_winlogbeat_security_module_is_undone() -> None:
    inner = SEVEN["winlog"]
    assert isinstance(inner, dict)
    security = {**inner, "provider_name": "Microsoft-Windows-Security-Auditing", "channel": "Security"}
    logon = {
        "@timestamp": "2026-01-02T03:04:05.123Z", "event": {"module": "security"},
        "process": {"pid": 580, "executable": "C:\\w.exe"},
        "source": {"ip": "203.0.113.9", "port": 50123, "domain": "WS7"},
        "winlog": {**security, "event_id": 4624, "event_data": {"TargetUserName": "bob", "IpPort": "1"}},
    }  # fmt: skip
    assert one(logon).data == {
        "TargetUserName": "bob", "ProcessId": 580, "ProcessName": "C:\\w.exe", "IpAddress": "203.0.113.9", "IpPort": "1",
        "WorkstationName": "WS7",
    }  # fmt: skip
    started = {
        **logon, "event": {"dataset": "system.security"},
        "process": {"pid": 7, "executable": "C:\\a.exe", "command_line": "a", "parent": {"executable": "C:\\b.exe", "pid": 6}},
        "winlog": {**security, "event_id": "4688", "event_data": {"TargetUserName": "-"}},
    }  # fmt: skip
    assert one(started).data == {
        "TargetUserName": "-", "NewProcessId": 7, "NewProcessName": "C:\\a.exe", "ParentProcessName": "C:\\b.exe",
        "ProcessId": 6, "CommandLine": "a",
    }  # fmt: skip
    assert one({**started, "event": {"module": "other"}}).data == {"TargetUserName": "-"}


def test_places_tell_the_names_of_values() -> None:
    sid = {"BinaryLength": 12, "AccountDomainSid": None, "Value": "S-1-5-18"}
    group = ["-", "S-1-5-21-1-2-3-1105", "Administrators", "Builtin", "S-1-5-32-544", sid, "PC$", "CORP", 999, "-"]
    event = {
        "Id": 4732, "ProviderName": "Microsoft-Windows-Security-Auditing", "LogName": "Security", "MachineName": "pc",
        "TimeCreated": "/Date(1600000000123)/", "Properties": [{"Value": v} for v in group],
    }  # fmt: skip
    assert one(event).data == {
        "MemberName": "-", "MemberSid": "S-1-5-21-1-2-3-1105", "TargetUserName": "Administrators",
        "TargetDomainName": "Builtin", "TargetSid": "S-1-5-32-544", "SubjectUserSid": "S-1-5-18", "SubjectUserName": "PC$",
        "SubjectDomainName": "CORP", "SubjectLogonId": 999, "PrivilegeList": "-",
    }  # fmt: skip
    # As many values as no version of the event has.
    assert one({**event, "Properties": [{"Value": "a"}, {"Value": 1}]}).data == {"Data": ["a", 1]}
    service = {
        "ProviderName": "Service Control Manager",
        "EventID": 7045,
        "StringInserts": ["s", "C:\\a.exe", "t", "u", "v"],
    }
    assert one(service).data == {
        "ServiceName": "s", "ImagePath": "C:\\a.exe", "ServiceType": "t", "StartType": "u", "AccountName": "v",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (1767323045.25, "2026-01-02T03:04:05.250000+00:00"),
        (1767323045, "2026-01-02T03:04:05+00:00"),
        (1767323045250, "2026-01-02T03:04:05.250000+00:00"),
        ("1767323045250", "2026-01-02T03:04:05.250000+00:00"),
        ("1767323045.5", "2026-01-02T03:04:05.500000+00:00"),
        ("/Date(1767323045250)/", "2026-01-02T03:04:05.250000+00:00"),
        ("/Date(253402300799999)/", "9999-12-31T23:59:59.999000+00:00"),
        ("2026-01-02", "2026-01-02"),
        ("20260102", "20260102"),
    ],
)
def test_times_as_numbers(given: object, wanted: str) -> None:
    value = {"@timestamp": given, "winlog": {"event_id": 1, "provider_name": SYSMON}}
    assert one(value).time == wanted


def test_a_number_beyond_all_times_is_refused() -> None:
    for given in (10**17, -(10**17), 1e300):
        with pytest.raises(ValueError, match="is no time"):
            one({"@timestamp": given, "winlog": {"event_id": 1, "provider_name": SYSMON}})
