"""Files that come again with more in them."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.collect.events import evtx_made

from lurcher.app.add import FileOutcome, add
from lurcher.lake import Lake, SourceId

NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


def put(lake: Lake, path: Path, content: bytes, **more: Any) -> FileOutcome:
    path.write_bytes(content)
    (outcome,) = add(lake, [path], now=NOW, **more).files
    return outcome


def line(n: int, extra: str = "") -> bytes:
    event = {
        "SourceName": "Microsoft-Windows-Sysmon", "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "pc",
        "TimeCreated": f"2026-01-02T03:{n // 60 % 60:02}:{n % 60:02}.000Z", "EventID": 11, "TargetFilename": f"C:\\{n}{extra}",
    }  # fmt: skip
    return json.dumps(event).encode()


def lines(first: int, last: int) -> bytes:
    return b"".join(line(n) + b"\n" for n in range(first, last + 1))


def names(lake: Lake, table: str = "WindowsEvent") -> list[str]:
    found = lake.table(table)
    assert found is not None
    return sorted(json.loads(d)["TargetFilename"] for d in found.arrow().column("EventData").to_pylist())


def wanted(last: int) -> list[str]:
    return sorted(f"C:\\{n}" for n in range(1, last + 1))


def test_only_what_is_new_is_added(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    put(lake, path, lines(1, 50))
    again = put(lake, path, lines(1, 80))
    assert again.tables["WindowsEvent"] == 30
    assert again.notes == [f"grown: lines 1-50 are in the lake since 2026-01-05, as {path}"]
    third = put(lake, path, lines(1, 90))
    assert third.tables["WindowsEvent"] == 10
    assert names(lake) == wanted(90)
    assert put(lake, path, lines(1, 90)).already
    record = next(r for r in lake.sources() if r.grown_from and r.tables["WindowsEvent"] == 30)
    assert record.notes == again.notes


def test_under_another_name_too(lake: Lake, tmp_path: Path) -> None:
    put(lake, tmp_path / "a.json", lines(1, 60))
    assert put(lake, tmp_path / "b.json", lines(1, 61)).tables["WindowsEvent"] == 1


def test_a_line_that_was_cut_is_read_whole(lake: Lake, tmp_path: Path) -> None:
    path, whole = tmp_path / "log.json", lines(1, 60)
    cut = len(lines(1, 40)) + 30
    first = put(lake, path, whole[:cut])
    assert (first.tables["WindowsEvent"], first.rejected) == (40, 1)
    second = put(lake, path, whole)
    assert (second.tables["WindowsEvent"], second.rejected) == (20, 0)
    assert names(lake) == wanted(60)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"  \n"])
def test_a_last_line_without_an_end_counts_where_it_was_whole(lake: Lake, tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "log.json"
    put(lake, path, lines(1, 39) + line(40))
    again = put(lake, path, lines(1, 39) + line(40) + end + lines(41, 45))
    assert again.tables["WindowsEvent"] == 5
    assert "lines 1-40 are" in again.notes[0]
    assert names(lake) == wanted(45)


def test_rejects_have_their_place_in_the_whole_file(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    put(lake, path, lines(1, 39) + line(40))
    again = put(lake, path, lines(1, 39) + line(40) + b"\n" + line(41) + b"\nno event\n" + line(43))
    assert again.rejected == 1
    assert json.loads(Path(again.rejects).read_text())["line"] == 42


def test_a_line_that_went_on_is_told(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    put(lake, path, lines(1, 39) + line(40))
    again = put(lake, path, lines(1, 39) + line(40) + b"junk\n" + line(41))
    assert (again.tables["WindowsEvent"], again.rejected) == (1, 1)
    assert json.loads(Path(again.rejects).read_text())["line"] == 40


def test_a_short_first_state_of_one_line_with_a_mark(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    put(lake, path, b"\xef\xbb\xbf" + line(1))
    again = put(lake, path, b"\xef\xbb\xbf" + line(1) + b"\n" + line(2) + b"\n")
    assert again.tables["WindowsEvent"] == 1
    assert names(lake) == wanted(2)


def test_another_beginning_is_another_file(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    put(lake, path, lines(1, 60))
    again = put(lake, path, lines(2, 70))
    assert again.tables["WindowsEvent"] == 69
    assert again.notes == []


def test_an_array_that_grew_is_another_file(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    put(lake, path, b"[" + b",".join(line(n) for n in range(1, 51)) + b"]")
    again = put(lake, path, b"[" + b",".join(line(n) for n in range(1, 61)) + b"]")
    assert again.tables["WindowsEvent"] == 60


def test_in_a_gzip(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "log.json.gz"
    put(lake, path, gzip.compress(lines(1, 60)))
    assert put(lake, path, gzip.compress(lines(1, 65))).tables["WindowsEvent"] == 5
    assert names(lake) == wanted(65)


def test_the_clock_of_the_earlier_part_holds_for_the_later(lake: Lake, tmp_path: Path) -> None:
    def timed(n: int, utc: bool) -> bytes:
        value = json.loads(line(n))
        if utc:
            value["UtcTime"] = f"2026-01-02 05:{n // 60:02}:{n % 60:02}.000"
        return json.dumps(value).encode() + b"\n"

    path = tmp_path / "log.json"
    first = b"".join(timed(n, True) for n in range(1, 41))
    put(lake, path, first)
    again = put(lake, path, first + timed(41, False))
    assert again.notes[1] == (
        "clock: the record times are local times (-02:00), and were made UTC as in the earlier part of the file"
    )
    table = lake.table("WindowsEvent")
    assert table is not None
    times = {t.hour for t in table.arrow().column("TimeGenerated").to_pylist()}
    assert times == {5}


def test_the_user_tells_the_clock(lake: Lake, tmp_path: Path) -> None:
    outcome = put(lake, tmp_path / "log.json", lines(1, 3), clock_offset=2 * 3_600_000_000)
    assert outcome.notes == ["clock: +02:00 was taken off all times, as told"]
    table = lake.table("WindowsEvent")
    assert table is not None
    assert {t.hour for t in table.arrow().column("TimeGenerated").to_pylist()} == {1}


def test_what_was_interrupted_is_completed_first(lake: Lake, tmp_path: Path) -> None:
    """A kill between two tables: the earlier state is in one of them and its record says that it is being added."""
    path, other = tmp_path / "log.json", Lake.create(tmp_path / "other")
    put(other, path, lines(1, 40))
    record = next(iter(other.sources()))
    table = other.table("Event")
    assert table is not None
    source = SourceId(record.digest, record.name, record.size, NOW)
    lake.append("Event", table.arrow().to_batches(), source=source, schema=table.schema)
    lake.record(replace(record, tables={}, adding=True))
    put(lake, path, lines(1, 50))
    assert names(lake) == wanted(50)
    event = lake.table("Event")
    assert event is not None
    assert event.row_count == 50
    assert all(not r.adding for r in lake.sources())


# --- event logs ---


def log(first: int, last: int, per_chunk: int = 20) -> bytes:
    numbers = list(range(first, last + 1))
    parts = [numbers[i : i + per_chunk] for i in range(0, len(numbers), per_chunk)]
    made = [
        evtx_made.chunk({n: evtx_made.event_xml(n, 11, data={"TargetFilename": f"C:\\{n}"}) for n in part})
        for part in parts
    ]
    return evtx_made.header(len(made), last + 1) + b"".join(made)


def test_a_log_that_is_copied_again_gives_what_is_new(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "Sysmon.evtx"
    first = put(lake, path, log(1, 30))
    assert (first.tables["WindowsEvent"], first.repeated) == (30, 0)
    again = put(lake, path, log(11, 50))  # rolled: the oldest are gone
    assert again.tables["WindowsEvent"] == 20
    assert names(lake) == wanted(50)
    files = lake.table("DeviceFileEvents")
    assert files is not None
    assert files.row_count == 50


def test_logs_of_other_names_are_not_held_against_each_other(lake: Lake, tmp_path: Path) -> None:
    put(lake, tmp_path / "a.evtx", log(1, 30))
    assert put(lake, tmp_path / "b.evtx", log(1, 31)).tables["WindowsEvent"] == 31


def test_records_that_a_log_has_twice_are_both_kept(lake: Lake, tmp_path: Path) -> None:
    data = log(1, 10)
    assert put(lake, tmp_path / "a.evtx", data + data[4096:]).tables["WindowsEvent"] == 20


def test_copies_are_told_apart_in_files_that_were_merged(lake: Lake, tmp_path: Path) -> None:
    from lurcher.lake.optimize import optimize

    path, other = tmp_path / "Sysmon.evtx", tmp_path / "Other.evtx"
    put(lake, path, log(1, 30))
    put(lake, other, log(5, 45))
    for name in ("WindowsEvent", "DeviceFileEvents", "Event"):
        assert optimize(lake.path, name, now=NOW).files
    again = put(lake, path, log(11, 50))
    assert (again.tables["WindowsEvent"], again.tables["DeviceFileEvents"]) == (20, 20)


def test_the_table_of_a_few_more_rows_is_that_of_the_file(lake: Lake, tmp_path: Path) -> None:
    row = {
        "Timestamp": "2026-01-02T03:04:05Z",
        "DeviceName": "pc",
        "RegistryKey": "HKEY_LOCAL_MACHINE\\x",
        "RegistryValueName": "v",
        "PreviousRegistryKey": "k",
    }
    first = (json.dumps(row).encode() + b"\n") * 60
    path = tmp_path / "rows.json"
    assert put(lake, path, first).tables["DeviceRegistryEvents"] == 60
    again = put(lake, path, first + b'{"Timestamp": "2026-01-02T03:04:06Z", "DeviceName": "pc"}\n')
    assert (again.skipped, again.tables["DeviceRegistryEvents"]) == ("", 1)


# --- XML and text ---


def xml(first: int, last: int) -> bytes:
    return b"".join(
        b'<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
        b'<Provider Name="Microsoft-Windows-Sysmon"/><EventID>11</EventID>'
        b'<TimeCreated SystemTime="2026-01-02T03:04:05Z"/><EventRecordID>%d</EventRecordID>'
        b"<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>pc</Computer></System>"
        b'<EventData><Data Name="TargetFilename">C:\\%d</Data></EventData></Event>\r\n' % (n, n)
        for n in range(first, last + 1)
    )


@pytest.mark.parametrize("cut", [0, 2, 3, 40, 300])
def test_of_events_as_xml_only_the_new_ones_are_added(lake: Lake, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "log.xml"
    first = put(lake, path, xml(1, 20)[: len(xml(1, 20)) - cut])
    have = 20 if cut < 3 else 19
    assert (first.tables["WindowsEvent"], first.rejected) == (have, 20 - have)
    again = put(lake, path, xml(1, 30))
    assert (again.tables["WindowsEvent"], again.rejected) == (30 - have, 0)
    assert again.notes[0] == f"grown: events 1-{have} are in the lake since 2026-01-05, as {path}"
    third = put(lake, path, xml(1, 32) + b"junk" + xml(33, 33))
    assert third.tables["WindowsEvent"] == 3
    assert json.loads(Path(third.rejects).read_text())["event"] == 33
    assert names(lake) == wanted(33)
    files = lake.table("DeviceFileEvents")
    assert files is not None
    assert files.row_count == 33


AGAIN = "where the rest of it begins is not known: the rows of that come a second time"


def test_events_as_xml_that_come_again_are_told(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "log.xml"
    put(lake, path, xml(1, 5) + b"junk" + xml(6, 9))  # what was rejected may not be what was cut
    again = put(lake, path, xml(1, 5) + b"junk" + xml(6, 12))
    assert again.tables["WindowsEvent"] == 12
    assert again.notes == [f"again: the file begins with all of {path}, in the lake since 2026-01-05; {AGAIN}"]
    other = tmp_path / "other.xml"
    put(lake, other, b"\xff\xfe" + xml(1, 3).decode().encode("utf-16-le"))
    assert AGAIN in put(lake, other, b"\xff\xfe" + xml(1, 4).decode().encode("utf-16-le")).notes[1]


def test_events_as_text_that_come_again_are_told(lake: Lake, tmp_path: Path) -> None:
    def text(n: int) -> bytes:
        head = f"01/02/2026 03:04:{n:02} AM\nLogName=System\nSourceName=P\nEventCode=1\nComputerName=pc\n"
        return f"{head}RecordNumber={n}\nMessage=m\n".encode()

    path = tmp_path / "log.txt"
    assert put(lake, path, text(1) + text(2)).tables["WindowsEvent"] == 2
    again = put(lake, path, text(1) + text(2) + text(3))
    assert again.tables["WindowsEvent"] == 3
    assert AGAIN in again.notes[0]


# --- CSV ---


def csv_names(lake: Lake) -> list[Any]:
    found = lake.table("T")
    assert found is not None
    return sorted((r["n"], r["s"]) for r in found.arrow().to_pylist())


HEAD = b"\xef\xbb\xbfn,s\r\n"
ROWS = [f'{n},"a\r\n""{n}"", b"\r\n'.encode() for n in range(1, 31)]
TEXTS = [(n, f'a\r\n"{n}", b') for n in range(1, 31)]


def test_of_a_csv_that_grew_only_the_new_rows_are_added(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    put(lake, path, HEAD + b"".join(ROWS[:20]), table="T")
    again = put(lake, path, HEAD + b"".join(ROWS[:25]) + b"1,2,3\r\n", table="T")
    assert again.tables == {"T": 5}
    assert again.notes == [f"grown: rows 1-20 are in the lake since 2026-01-05, as {path}"]
    assert json.loads(Path(again.rejects).read_text())["row"] == 26
    third = put(lake, path, HEAD + b"".join(ROWS[:25]) + b"1,2,3\r\n" + b"".join(ROWS[25:]), table="T")
    assert third.tables == {"T": 5}
    assert csv_names(lake) == TEXTS


@pytest.mark.parametrize("keep", range(len(ROWS[20])))
def test_a_csv_that_was_cut_anywhere_has_each_row(lake: Lake, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "t.csv"
    put(lake, path, HEAD + b"".join(ROWS[:20]) + ROWS[20][:keep], table="T")
    again = put(lake, path, HEAD + b"".join(ROWS), table="T")
    assert not again.skipped
    seen = {3: "", 8: "a\r\n", 12: 'a\r\n"21'}  # cut so that it looked whole
    assert ("row 21 was cut then" in again.notes[0]) == (keep in seen)
    assert csv_names(lake) == sorted([*TEXTS, *((21, seen[k]) for k in seen if k == keep)])


def test_a_row_that_was_cut_where_nobody_could_see_it_is_told(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    put(lake, path, b"n,s\n1,one\n2,tw", table="T")
    again = put(lake, path, b"n,s\n1,one\n2,two\n3,three\n", table="T")
    assert again.tables == {"T": 2}
    assert "row 2 was cut then: it is there as it was, and now whole" in again.notes[0]
    assert csv_names(lake) == [(1, "one"), (2, "tw"), (2, "two"), (3, "three")]


def test_a_csv_whose_quotes_do_not_tell_where_rows_end_is_not_taken(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    before = b'n,s\n1,"open\n2,x\n3,"y'
    put(lake, path, before, table="T")
    again = put(lake, path, before + b'"\n4,z\n', table="T")
    assert "its quotes do not tell where the rest begins" in again.skipped
    assert csv_names(lake) == [(2, "x")]


def test_a_csv_of_another_encoding_that_grew_is_not_taken(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    put(lake, path, "n,s\n1,é\n".encode("utf-16"), table="T")
    again = put(lake, path, "n,s\n1,é\n2,x\n".encode("utf-16"), table="T")
    assert "in its encoding" in again.skipped


def test_of_events_in_a_csv_that_grew_only_the_new_ones_are_added(lake: Lake, tmp_path: Path) -> None:
    def table(last: int) -> bytes:
        rows = (
            f"{n},1,C,P,pc,2026-01-02T03:04:{n:02}Z,"
            '"{""EventData"":{""Data"":{""@Name"":""TargetFilename"",""#text"":""C:\\\\' + f"{n}"
            '""}}}"\r\n'
            for n in range(1, last + 1)
        )
        return b"RecordNumber,EventId,Channel,Provider,Computer,TimeCreated,Payload\r\n" + "".join(rows).encode()

    path = tmp_path / "evtxecmd.csv"
    assert put(lake, path, table(20)).tables["WindowsEvent"] == 20
    for size in (len(table(31)) - 24, len(table(40))):  # the first time a row is cut
        more = put(lake, path, table(40)[:size])
    assert more.tables["WindowsEvent"] == 10
    assert more.notes[-1] == f"grown: rows 1-30 are in the lake since 2026-01-05, as {path}"
    assert names(lake) == wanted(40)
