"""Files into a lake: what is taken, what is told of, and what a kill leaves."""

from __future__ import annotations

import gzip
import io
import json
import multiprocessing
import random
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from lurcher.app.add import add
from lurcher.app.load import load_files
from lurcher.kql.types import ScalarType
from lurcher.lake import Lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIME = "2025-01-02T03:04:05.1234567Z"


def event(table: str = "DeviceProcessEvents", **properties: Any) -> str:
    row = {"Timestamp": TIME, "DeviceName": "pc1", **properties}
    return json.dumps({"time": TIME, "category": f"AdvancedHunting-{table}", "properties": row})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "case #1 100% é")


def put(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(lake: Lake, table: str) -> list[dict[str, Any]]:
    found = lake.table(table)
    return found.arrow().to_pylist() if found else []


def test_streamed_values_keep_their_digits_and_their_types(lake: Lake, tmp_path: Path) -> None:
    line = event(
        ReportId=9007199254740993, AdditionalFields='{"a":1}', LogonId=1, LogonID=2, FileName=None, BrandNew=[1]
    )
    path = put(tmp_path, "x.json", line + "\r\n")
    outcome = add(lake, [path], now=NOW).files[0]
    assert (outcome.format, outcome.tables, outcome.rejected) == ("defender-streaming", {"DeviceProcessEvents": 1}, 0)
    row = rows(lake, "DeviceProcessEvents")[0]
    assert row["ReportId"] == 9007199254740993
    assert (row["LogonId"], row["LogonID"]) == (1, 2)
    assert row["Timestamp"] == datetime(2025, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)
    assert (row["AdditionalFields"], row["FileName"], row["BrandNew"]) == ('{"a":1}', "", "[1]")
    table = lake.table("DeviceProcessEvents")
    assert table is not None
    column = table.schema.column("BrandNew")
    assert column is not None
    assert column.type is ScalarType.DYNAMIC


def test_the_same_content_is_added_once_under_any_name(lake: Lake, tmp_path: Path) -> None:
    text = event(ReportId=1)
    add(lake, [put(tmp_path, "a.json", text)], now=NOW)
    again = add(
        lake, [put(tmp_path, "b.json", text), put(tmp_path, "c.json.gz", gzip.compress(text.encode()))], now=NOW
    )
    assert [f.already for f in again.files] == [True, True]
    assert "is in the lake since 2026-01-01" in again.files[0].skipped
    assert len(rows(lake, "DeviceProcessEvents")) == 1


def test_repeats_of_a_stream_are_dropped_within_a_file_and_against_the_lake(lake: Lake, tmp_path: Path) -> None:
    one, two, three = (event(ReportId=i) for i in (1, 2, 3))
    first = add(lake, [put(tmp_path, "a.json", f"{one}\n{two}\n{one}\n")], now=NOW).files[0]
    assert (first.rows, first.repeated) == (2, 1)
    wrapped = json.dumps({"records": [json.loads(two), json.loads(three)]})
    second = add(lake, [put(tmp_path, "b.json", wrapped)], now=NOW).files[0]
    assert (second.rows, second.repeated) == (1, 1)
    assert sorted(r["ReportId"] for r in rows(lake, "DeviceProcessEvents")) == [1, 2, 3]


def test_a_bad_value_rejects_its_row_and_says_where(lake: Lake, tmp_path: Path) -> None:
    lines = [
        event(ReportId=1),
        event(ReportId="x"),
        "{bad",
        event(ReportId=1.5),
        event(ReportId=2**64),
        event(Timestamp=5),
    ]
    outcome = add(lake, [put(tmp_path, "a.json", "\n".join(lines))], now=NOW).files[0]
    assert (outcome.rows, outcome.rejected) == (1, 5)
    told = [json.loads(line) for line in Path(outcome.rejects).read_text().splitlines()]
    assert sorted(r["line"] for r in told) == [2, 3, 4, 5, 6]
    assert any(r["reason"] == "ReportId: 'x' is not of type long" and r["raw"] == lines[1] for r in told)


def test_portal_csv_in_us_locale(lake: Lake, tmp_path: Path) -> None:
    text = (
        "Timestamp,DeviceName,ActionType,InitiatingProcessParentFileName,ProcessCommandLine,IsProcessRemoteSession,ReportId\r\n"
        '"1/13/2025 1:02:03 PM",pc1,ProcessCreated,x.exe,"say ""hi"",\nthere",True,5\r\n'
        '"1/2/2025 12:00:00 AM",pc1,ProcessCreated,x.exe,,,\r\n'
    )
    outcome = add(lake, [put(tmp_path, "DeviceProcessEvents-export.csv", text)], now=NOW).files[0]
    assert outcome.tables == {"DeviceProcessEvents": 2}, outcome
    first, second = sorted(rows(lake, "DeviceProcessEvents"), key=lambda r: r["Timestamp"], reverse=True)
    assert first["Timestamp"] == datetime(2025, 1, 13, 13, 2, 3, tzinfo=UTC)
    assert first["ProcessCommandLine"] == 'say "hi",\nthere'
    assert second["Timestamp"] == datetime(2025, 1, 2, tzinfo=UTC)
    assert (second["IsProcessRemoteSession"], second["ReportId"]) == (None, None)


def test_dates_that_could_be_either_are_refused(lake: Lake, tmp_path: Path) -> None:
    path = put(tmp_path, "x.csv", "Timestamp,DeviceName\n1/2/2025 1:00:00 AM,x\n")
    assert "which is the day" in add(lake, [path], now=NOW, table="DeviceEvents").files[0].skipped
    assert lake.table_names() == []
    assert add(lake, [path], now=NOW, table="DeviceEvents", date_order="dmy").rows == 1
    assert rows(lake, "DeviceEvents")[0]["Timestamp"] == datetime(2025, 2, 1, 1, tzinfo=UTC)


def test_api_answer(lake: Lake, tmp_path: Path) -> None:
    answer = {
        "Schema": [{"Name": "Timestamp", "Type": "DateTime"}, {"Name": "Extra", "Type": "Int64"}],
        "Results": [{"Timestamp": "2025-01-02T03:04:05Z", "Extra": None}],
    }
    path = put(tmp_path, "x.json", json.dumps(answer, indent=2))
    assert "--table" in add(lake, [path], now=NOW).files[0].hint
    assert add(lake, [path], now=NOW, table="DeviceEvents").rows == 1
    table = lake.table("DeviceEvents")
    assert table is not None
    extra = table.schema.column("Extra")
    assert extra is not None
    assert extra.type is ScalarType.LONG


def test_an_inferred_type_fits_the_whole_file(lake: Lake, tmp_path: Path) -> None:
    lines = [json.dumps({"n": i, "t": "x"}) for i in range(300_000)] + [json.dumps({"n": "many", "t": "y"})]
    assert add(lake, [put(tmp_path, "x.json", "\n".join(lines))], now=NOW, table="T").rows == 300_001
    assert {"n": "many", "t": "y"} in rows(lake, "T")


def test_a_table_grows_and_old_rows_have_nothing_there(lake: Lake, tmp_path: Path) -> None:
    add(lake, [put(tmp_path, "a.csv", "a,b\n1,x\n")], now=NOW, table="T")
    add(lake, [put(tmp_path, "b.csv", "a,B,d\n2,y,z\n")], now=NOW, table="T")
    table = lake.table("T")
    assert table is not None
    assert [c.name for c in table.schema.columns] == ["a", "b", "B", "d"]
    assert table.nullable_strings == {"B", "d"}
    assert sorted(rows(lake, "T"), key=lambda r: r["a"]) == [
        {"a": 1, "b": "x", "B": "", "d": ""},
        {"a": 2, "b": "", "B": "y", "d": "z"},
    ]


def test_broken_csv_rows_are_told_of_and_the_others_taken(lake: Lake, tmp_path: Path) -> None:
    data = b'a,b\n1,ok\n2\n3,"x"y\n4,\x81\n5,5" disk\n6,"open\n7,last\n'
    outcome = add(lake, [put(tmp_path, "x.csv", data)], now=NOW, table="T").files[0]
    assert sorted(r["b"] for r in rows(lake, "T")) == ['5" disk', "last", "ok"]
    assert outcome.rejected == 4


@pytest.mark.parametrize(
    "content",
    [
        b"\0" * 1000,
        b"[" * 100_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"category":"AdvancedHunting-DeviceEvents","properties":' + b'{"a":' * 600 + b"1" + b"}" * 601,
        b'{"category":"AdvancedHunting-X","properties":{"a":"\x81"}}\n' * 3,
        b"PAR1 and no more",
        b"PK\x03\x04 and no more",
        b"\x1f\x8b\x08\0 cut",
        b'a,b\n"' + b"x\n" * 1000,
        b"MZ\x90\0",
    ],
)
def test_hostile_files_are_told_of_and_nothing_is_raised(lake: Lake, tmp_path: Path, content: bytes) -> None:
    report = add(lake, [put(tmp_path, "x", content)], now=NOW, table=None)
    assert report.rows == 0
    assert report.files[0].skipped or report.files[0].rejected
    assert not list((lake.path / "staging").glob("*"))


def test_a_zip_bomb_is_refused_and_a_zip_is_read(lake: Lake, tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.json", b"\n" * (100 * 1024 * 1024))
        archive.writestr("good.json", event(ReportId=1))
    bomb, good = add(lake, [put(tmp_path, "x.zip", held.getvalue())], now=NOW).files
    assert "more than 250 times its size" in bomb.skipped
    assert good.rows == 1


def test_load_files_gives_the_rows_of_a_lake(tmp_path: Path) -> None:
    path = put(tmp_path, "x.json", f"{event(ReportId=1)}\n{event(ReportId=1)}\n")
    schema, table = load_files([path]).tables["DeviceProcessEvents"]
    assert table.num_rows == 1
    assert table.column_names == [c.name for c in schema.columns]
    assert table["FileName"].to_pylist() == [""]


_ADD = """
import sys; from datetime import UTC, datetime; from lurcher.app.add import add; from lurcher.lake import Lake
print("ready", flush=True); sys.stdin.readline()
r = add(Lake.open(sys.argv[1]), sys.argv[2:], now=datetime(2026, 1, 1, tzinfo=UTC))
sys.exit(0 if not r.failed else 1)
"""


def _start(lake: Lake, *paths: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _ADD, str(lake.path), *map(str, paths)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _go(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdout.readline()
    process.stdin.write(b"\n")
    process.stdin.flush()


def test_three_processes_add_at_once_and_repeats_between_them_are_dropped(lake: Lake, tmp_path: Path) -> None:
    files = []
    for n in range(3):
        text = "\n".join([event(ReportId=n * 100 + i) for i in range(50)] + [event(ReportId=-1)])
        files.append(put(tmp_path, f"{n}.json", text))
    processes = [_start(lake, f) for f in files]
    for p in processes:
        _go(p)
    assert [p.wait(60) for p in processes] == [0, 0, 0]
    found = [r["ReportId"] for r in rows(lake, "DeviceProcessEvents")]
    assert len(found) == len(set(found)) == 151


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_a_kill_at_any_moment_leaves_whole_states(lake: Lake, tmp_path: Path) -> None:
    names = ("DeviceProcessEvents", "DeviceEvents")
    lines = [event(names[i % 2], ReportId=i, pad="x" * 50) for i in range(400)]
    path = put(tmp_path, "x.json", "\n".join(lines))
    # Children are copies of a server that has all modules loaded, so that a kill meets the work and not the start.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["lurcher.app.collect", "lurcher.app.add", "lurcher.lake.writer", "deltalake", "duckdb"]
    )

    def start(lake: Lake) -> BaseProcess:
        process = context.Process(target=add, args=(lake, [path]), kwargs={"now": NOW})
        process.start()
        return process

    took = 0.0
    for name in ("first", "timed"):
        begin = time.monotonic()
        start(Lake.create(tmp_path / name)).join(60)
        took = time.monotonic() - begin
    chance = random.Random(7)
    seen = set()
    for n in range(50):
        target = lake if n == 0 else Lake.create(tmp_path / f"l{n}")
        process = start(target)
        time.sleep((0.2 + 0.8 * chance.random()) * took)
        process.kill()
        process.join()
        state = tuple(len(rows(target, name)) for name in names)
        assert set(state) <= {0, 200}
        seen.add(state)
        add(target, [path], now=NOW)
        assert [sorted(r["ReportId"] for r in rows(target, name)) for name in names] == [
            list(range(0, 400, 2)),
            list(range(1, 400, 2)),
        ]
        assert not list((target.path / "staging").glob("*"))
    assert len(seen) > 1, "the kills all came too early or too late"
