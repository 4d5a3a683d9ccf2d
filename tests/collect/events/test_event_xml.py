"""Windows events as XML, in the forms that tools write."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lurcher.app.add import add
from lurcher.collect.events.event_xml import Found, is_event_xml, parse_event, read_events
from lurcher.collect.exports.rows import Reject
from lurcher.lake import Lake

_NS = "http://schemas.microsoft.com/win/2004/08/events/event"
# As the Event Viewer shows it in "XML View"; values made up.
SYSMON = (
    f'<Event xmlns="{_NS}"><System>'
    '<Provider Name="Microsoft-Windows-Sysmon" Guid="{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"/>'
    "<EventID>3</EventID><Version>5</Version><Level>4</Level><Task>3</Task><Opcode>0</Opcode>"
    '<Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime="2024-05-06T07:08:09.123456700Z"/>'
    '<EventRecordID>77</EventRecordID><Correlation/><Execution ProcessID="2012" ThreadID="300"/>'
    "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>ws1.corp.example</Computer>"
    '<Security UserID="S-1-5-18"/></System><EventData><Data Name="Image">C:\\a &amp; b\\x.exe</Data>'
    '<Data Name="ProcessId">4711</Data><Data Name="User"/><Data Name="Initiated">true</Data></EventData></Event>'
)
OLD = (
    f"<Event xmlns='{_NS}'><System><Provider Name='Service Control Manager'/>"
    "<EventID Qualifiers='16384'>7036</EventID></System>"
    "<EventData><Data>Print Spooler</Data><Data>running</Data></EventData></Event>"
)
CLEARED = (
    f"<Event xmlns='{_NS}'><System><EventID>1102</EventID></System><UserData>"
    "<LogFileCleared xmlns='http://manifests.microsoft.com/win/2004/08/windows/eventlog'>"
    "<SubjectUserName>eve</SubjectUserName></LogFileCleared></UserData></Event>"
)


def parts(text: bytes) -> list[Found | Reject]:
    return list(read_events(io.BytesIO(text)))


def test_an_event_says_all_that_its_xml_says() -> None:
    event = parse_event(SYSMON.encode(), 1)
    assert (event.event_id, event.version, event.level, event.task, event.opcode) == (3, 5, 4, 3, 0)
    assert event.time == "2024-05-06T07:08:09.123456700Z"
    assert (event.provider, event.provider_guid) == (
        "Microsoft-Windows-Sysmon",
        "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}",
    )
    assert (event.channel, event.computer, event.record_id) == (
        "Microsoft-Windows-Sysmon/Operational",
        "ws1.corp.example",
        77,
    )
    assert (event.process_id, event.thread_id, event.user_sid) == (2012, 300, "S-1-5-18")
    assert event.data == {"Image": "C:\\a & b\\x.exe", "ProcessId": "4711", "User": "", "Initiated": "true"}


def test_unnamed_data_are_a_list_and_user_data_has_its_name() -> None:
    assert parse_event(OLD.encode(), 1).data == {"Data": ["Print Spooler", "running"]}
    assert parse_event(OLD.encode(), 1).event_id == 7036
    cleared = parse_event(CLEARED.encode(), 1)
    assert (cleared.user_data, cleared.data) == ("LogFileCleared", {"SubjectUserName": "eve"})


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(
    "layout",
    [
        '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\r\n<Events>{0}{1}{2}</Events>',
        "{0}\n{1}\r\n{2}\n",
        "<Events xmlns='x'>\n  {0}\n  <!-- between -->{1}\n{2}",
    ],
)
def test_events_in_a_document_or_a_line_each(codec: str, layout: str) -> None:
    text = layout.format(SYSMON, OLD, CLEARED).encode(codec)
    assert is_event_xml(text[:65_536])
    found = parts(text)
    assert [f.event.event_id for f in found if isinstance(f, Found)] == [3, 7036, 1102]
    assert len(found) == 3


def test_a_broken_event_costs_itself_alone() -> None:
    broken = SYSMON.replace("</EventData>", "")
    lost = OLD.removesuffix("</Event>")
    found = parts((SYSMON + "stray text" + broken + lost + CLEARED + SYSMON[:300]).encode())
    assert [(f.event.event_id if isinstance(f, Found) else f.reason.partition(":")[0]) for f in found] == [
        3, "text that is no event", "not XML", "the event has no end", 1102, "cut off",
    ]  # fmt: skip
    assert [f.position if isinstance(f, Reject) else f.event.position for f in found] == [1, 2, 3, 4, 5, 6]


def test_a_document_type_is_refused() -> None:
    bomb = SYSMON.replace("<System>", '<!DOCTYPE x [<!ENTITY a "aaaa">]><System>')
    (found,) = parts(bomb.encode())
    assert isinstance(found, Reject)
    assert "document type" in found.reason


def test_control_characters_are_kept() -> None:
    """Windows writes them, though XML 1.0 has none: event 4739 has numbers as letters."""
    event = parse_event(OLD.replace("running", "a\x03b&#x1F;c&#9;").encode(), 1)
    assert event.data == {"Data": ["Print Spooler", "a\x03b\x1fc\t"]}


def test_an_event_that_never_ends_is_bounded() -> None:
    text = b"<Event xmlns='x'>" + b"a" * (9 << 20) + SYSMON.encode()
    found = parts(text)
    assert isinstance(found[0], Reject)
    assert [f.event.event_id for f in found if isinstance(f, Found)] == [3]


def test_whatever_is_changed_nothing_raises() -> None:
    rng = random.Random(7)
    whole = (f"<Events>{SYSMON}{OLD}{CLEARED}</Events>" * 2).encode()
    for _ in range(2000):
        text = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(text))
            match rng.randrange(3):
                case 0:
                    text[at] = rng.randrange(256)
                case 1:
                    del text[at : at + rng.randint(1, 60)]
                case _:
                    text[at:at] = whole[rng.randrange(len(whole)) :][: rng.randint(1, 60)]
        for found in parts(bytes(text)):
            assert isinstance(found, Found) or found.reason


def test_a_name_twice_is_kept_twice() -> None:
    twice = SYSMON.replace('<Data Name="User"/>', '<Data Name="ProcessId">1</Data><Data Name="ProcessId">2</Data>')
    data = parse_event(twice.encode(), 1).data
    assert (data["ProcessId"], data["ProcessId_1"], data["ProcessId_2"]) == ("4711", "1", "2")


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-le"])
def test_a_saved_log_is_added_whole(tmp_path: Path, codec: str) -> None:
    (tmp_path / "saved.xml").write_text(f"<?xml version='1.0'?><Events>{SYSMON}{SYSMON[:200]}</Events>", codec)
    lake = Lake.create(tmp_path / "case")
    report = add(lake, [tmp_path / "saved.xml"], now=datetime(2026, 1, 1, tzinfo=UTC))
    (outcome,) = report.files
    assert (outcome.format, outcome.rejected) == ("event-xml", 1)
    table = lake.table("DeviceNetworkEvents")
    assert table is not None
    (row,) = table.arrow().to_pylist()
    assert (row["DeviceName"], row["InitiatingProcessFileName"], row["InitiatingProcessId"]) == (
        "ws1.corp.example",
        "x.exe",
        4711,
    )
