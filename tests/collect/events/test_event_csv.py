"""Events in the columns of a CSV: told by their first rows, and read as the objects that the rows are."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from lurcher.collect.events.event import Event, Events
from lurcher.collect.exports import ReadContext, Reject, TableBatch, recognise
from lurcher.collect.exports.leaf import Leaf
from lurcher.collect.exports.readers import evtx_dump
from lurcher.collect.exports.readers.event_csv import events
from lurcher.schema import known_table

SYSMON = "Microsoft-Windows-Sysmon"
CHANNEL = "Microsoft-Windows-Sysmon/Operational"
XML = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/>"
    "<EventID>1</EventID><TimeCreated SystemTime='2026-01-02T03:04:05.123456Z'/><Channel>c</Channel><Computer>pc</Computer>"
    "</System><EventData><Data Name='Image'>C:\\a.exe</Data></EventData></Event>"
)


def written(*rows: dict[str, object], separator: str = ",") -> bytes:
    text = io.StringIO()
    made = csv.DictWriter(text, list(rows[0]), delimiter=separator)
    made.writeheader()
    made.writerows(rows)
    return text.getvalue().encode()


def leaf(data: bytes, name: str = "a.csv") -> Leaf:
    return Leaf(name, Path(name), lambda: io.BytesIO(data))


def read(data: bytes) -> tuple[list[Event], list[Reject]]:
    kind = recognise(leaf(data))
    assert kind is not None
    assert kind.name == "event-csv"
    found: list[Event] = []
    rejects: list[Reject] = []
    for part in events(leaf(data)):
        if isinstance(part, Events):
            found += part.events
            for i in range(len(part.events)):
                assert part.raw(i)
        else:
            rejects.append(part)
    return found, rejects


EVTXECMD = {
    "RecordNumber": 1, "EventRecordId": 77, "TimeCreated": "2026-01-02 03:04:05.1234567", "EventId": 1, "Level": "Info",
    "Provider": SYSMON, "Channel": CHANNEL, "ProcessId": 2012, "ThreadId": 300, "Computer": "pc", "ChunkNumber": 0,
    "UserId": "S-1-5-18", "MapDescription": "", "UserName": "", "RemoteHost": "", "PayloadData1": "", "ExecutableInfo": "",
    "HiddenRecord": "False", "SourceFile": "x", "Keywords": "Classic", "ExtraDataOffset": 0,
    "Payload": json.dumps({"EventData": {"Data": [{"@Name": "Image", "#text": 'C:\\a "b".exe'}, {"@Name": "User"}]}}),
}  # fmt: skip


def test_evtxecmd() -> None:
    for separator in (",", ";"):
        found, rejects = read(written(EVTXECMD, EVTXECMD | {"EventId": "x"}, separator=separator))
        made = found[0]
        assert (made.event_id, made.record_id, made.time) == (1, 77, "2026-01-02 03:04:05.1234567")
        assert (made.provider, made.channel, made.computer, made.process_id) == (SYSMON, CHANNEL, "pc", 2012)
        assert made.data == {"Image": 'C:\\a "b".exe', "User": ""}
        assert [(r.unit, r.position, r.reason) for r in rejects] == [("row", 2, "EventID is 'x', no number")]


def test_splunk() -> None:
    rows = [{"_serial": n, "_time": "2026-01-02", "source": "x", "_raw": XML} for n in range(3)]
    found, rejects = read(written(*rows, {"_serial": 4, "_time": "", "source": "x", "_raw": "other"}))
    assert [e.data for e in found] == [{"Image": "C:\\a.exe"}] * 3
    assert [e.position for e in found] == [1, 2, 3]
    assert [r.reason for r in rejects] == ["no event of Windows, in no form that is known here"]


def test_kibana_leaves_out_what_an_event_does_not_have() -> None:
    row = {
        "@timestamp": "2026-01-02T03:04:05.123Z", "winlog.event_id": "1", "winlog.provider_name": SYSMON,
        "winlog.computer_name": "pc", "winlog.event_data.Image": "C:\\a.exe", "winlog.event_data.LogonType": "-",
        "winlog.event_data.User": "",
    }  # fmt: skip
    found, _ = read(written(row))
    assert found[0].data == {"Image": "C:\\a.exe"}


def test_rows_of_a_workspace_and_other_tables_are_no_events() -> None:
    for header in (
        "TimeGenerated [UTC],EventID,Channel,Computer,EventData",
        "Timestamp,DeviceName,ActionType,ReportId",
        "EventID,Channel,Computer,EventData",
        "Id,Name",
        "_raw,_time",
    ):
        kind = recognise(leaf((header + "\n" + ",".join("1" for _ in header.split(","))).encode()))
        assert kind is None or kind.name == "csv"


OBJECT = {
    "Event": {
        "System": {
            "Provider": {"#attributes": {"Name": SYSMON}}, "EventID": 1, "Channel": CHANNEL, "Computer": "pc",
            "TimeCreated": {"#attributes": {"SystemTime": "2026-01-02T03:04:05.123456Z"}}, "EventRecordID": 7,
        },
        "EventData": {"Image": "C:\\a.exe"},
    }
}  # fmt: skip


def rows_of(data: bytes) -> dict[str, int]:
    kind = recognise(leaf(data, "a.json"))
    assert kind is not None
    assert kind.name == "evtx-dump"
    found: dict[str, int] = {}
    for part in kind.read(leaf(data, "a.json"), ReadContext(known_table, "a.json")):
        assert isinstance(part, TableBatch), part
        found[part.schema.name] = found.get(part.schema.name, 0) + part.batch.num_rows
    return found


def test_evtx_dump_with_its_headings() -> None:
    objects = "".join(f"Record {n}\n{json.dumps(OBJECT, indent=2)}\n" for n in range(1, 4))
    # A text of an event may have a line that looks like a heading.
    xml = "".join(
        f"Record {n}\n<?xml version='1.0'?>\n{XML.replace('a.exe', 'a' + chr(10) + 'Record 2' + chr(10) + 'b')}\n"
        for n in (1, 2)
    )
    assert rows_of(objects.encode()) == {"DeviceProcessEvents": 3, "Event": 3, "WindowsEvent": 3}
    assert rows_of(xml.encode())["WindowsEvent"] == 2


def test_headings_are_found_wherever_a_block_ends(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    text = b"".join(b'Record %d\r\n{\n "a": "Record 5",\n "b": %d\n}\n' % (n, n) for n in range(1, 40))
    wanted = b"".join(b'{\n "a": "Record 5",\n "b": %d\n}\n' % n for n in range(1, 40))
    for block in (1, 2, 7, 33, 41, 1000):
        monkeypatch.setattr(evtx_dump, "BLOCK", block)
        stream, got = evtx_dump._Unheaded(io.BytesIO(text)), b""
        while part := stream.read(17):
            got += part
        assert got == wanted
