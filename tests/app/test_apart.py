"""A large file that several processes read is added as if one had read it."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.collect.events.evtx_made import log

from lurcher.app import apart
from lurcher.app.add import AddReport, add
from lurcher.collect.exports import csv_table, lines
from lurcher.collect.exports.readers import evtx
from lurcher.lake import Lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIME = "2025-01-02T03:04:05.1234567Z"


def defender(numbers: range, **more: Any) -> str:
    rows = ({"Timestamp": TIME, "DeviceName": "pc1", "ReportId": n, **more} for n in numbers)
    return "".join(
        json.dumps({"time": TIME, "category": "AdvancedHunting-DeviceEvents", "properties": r}) + "\n" for r in rows
    )


def sysmon(numbers: range) -> str:
    """Each process starts the next, and each opens the one that was started five before it."""
    found = []
    for n in numbers:
        system = {
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "SourceName": "Microsoft-Windows-Sysmon",
            "Hostname": "pc1.corp",
            "EventTime": f"2025-01-02 0{n // 3600 % 10}:{n // 60 % 60:02}:{n % 60:02}",
        }
        guid = [f"{{00000000-0000-0000-0000-{i:012}}}" for i in (n, max(n - 1, 0), max(n - 5, 0))]
        start = {"EventID": 1, "ProcessGuid": guid[0], "ParentProcessGuid": guid[1], "Image": f"C:\\p{n}.exe"}
        opened = {"EventID": 10, "SourceProcessGUID": guid[2], "TargetProcessGUID": guid[0], "GrantedAccess": "0x1000"}
        found += [{**system, **start, "CommandLine": f"p{n} -x"}, {**system, **opened}]
    return "".join(json.dumps(e) + "\n" for e in found)


FILES: dict[str, Callable[[], bytes]] = {
    # Repeats, a broken line, a row that does not fit: their places are those in the whole file.
    "stream.json": lambda: (
        defender(range(300)) + "{broken\n" + defender(range(250, 600)) + defender(range(600, 602), ProcessId="x")
    ).encode(),
    # A column that comes late, one whose type is known late, one that is null throughout.
    "rows.json": lambda: "".join(
        json.dumps({"n": i if i < 700 else i + 0.5, "empty": None, **({"late": "x"} if i > 500 else {})}) + "\n"
        for i in range(900)
    ).encode(),
    # Line breaks in cells, rows with too few cells, a quote that is never closed, dates that are told apart late.
    "cells.csv": lambda: (
        "n,when,text\n"
        + "".join(f'{i},01/0{i % 9 + 1}/2025,"a\r\n""{i}"""\n' for i in range(400))
        + "1,2\n"
        + "".join(f"{i},01/25/2025,b\n" for i in range(400))
        + '7,01/25/2025,"open\n'
        + "".join(f"{i},01/26/2025,c\n" for i in range(50))
        + "short\n"
    ).encode(),
    # A process that one part tells of is the initiating process of events in the next.
    "sysmon.json": lambda: (sysmon(range(300)) + "no event\n" + sysmon(range(300, 600))).encode(),
    "log.evtx": lambda: log(400, per_chunk=10),
    "cut.evtx": lambda: log(400, per_chunk=10)[:-100_000] + b"\0" * 17,
}


def state(lake: Lake, report: AddReport) -> Any:
    tables = {}
    for name in lake.table_names():
        table, schema = lake.table(name), lake.schema_of(name)
        assert table is not None
        assert schema is not None
        tables[name] = [(c.name, c.type) for c in schema.columns], sorted(map(str, table.arrow().to_pylist()))
    outcomes = [{k: v for k, v in asdict(f).items() if k != "rejects"} for f in report.files]
    return tables, outcomes, [Path(f.rejects).read_text() for f in report.files if f.rejects]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "WORTH", 1)
    monkeypatch.setattr(lines, "BLOCK", 10_000)
    monkeypatch.setattr(csv_table, "_BLOCK", 2_000)
    monkeypatch.setattr(evtx, "_CHUNKS", 3)


@pytest.mark.parametrize("name", FILES)
def test_the_lake_and_the_report_are_the_same(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / name
    file.write_bytes(FILES[name]())
    sent: list[int] = []
    send = apart._Team.send
    monkeypatch.setattr(apart._Team, "send", lambda self, number, part: (sent.append(number), send(self, number, part)))
    lakes = [Lake.create(tmp_path / each) for each in ("one", "many")]
    alone, by_two = (
        add(lake, [file], now=NOW, table=_table(name), workers=n) for lake, n in zip(lakes, (1, 2), strict=True)
    )
    assert len(sent) > 3
    assert alone.rows > 300
    assert state(lakes[1], by_two) == state(lakes[0], alone)
    assert not list((lakes[1].path / "staging").glob("*"))
    assert add(lakes[1], [file], now=NOW, table=_table(name), workers=2).rows == 0


def _table(name: str) -> str | None:
    return "T" if name in ("rows.json", "cells.csv") else None


def test_a_process_that_one_part_tells_of_is_known_in_the_next(tmp_path: Path) -> None:
    file = tmp_path / "sysmon.json"
    file.write_text(sysmon(range(400)))
    lake = Lake.create(tmp_path / "lake")
    add(lake, [file], now=NOW, workers=2)
    table = lake.table("DeviceEvents")
    assert table is not None
    found = {r["InitiatingProcessCommandLine"] for r in table.arrow().to_pylist()}
    assert {f"p{n} -x" for n in range(395)} <= found


def test_where_a_process_fails_the_file_is_read_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "stream.json"
    file.write_bytes(FILES["stream.json"]())
    receive = apart._Team.receive

    def killed(self: Any, number: int) -> Any:
        if number > 4:
            os.kill(self._processes[0].pid, signal.SIGKILL)
        return receive(self, number)

    monkeypatch.setattr(apart._Team, "receive", killed)
    lakes = [Lake.create(tmp_path / each) for each in ("one", "many")]
    reports = [add(lake, [file], now=NOW, workers=n) for lake, n in zip(lakes, (1, 2), strict=True)]
    assert state(lakes[1], reports[1]) == state(lakes[0], reports[0])


def test_where_no_process_can_be_started_the_file_is_read_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "stream.json"
    file.write_bytes(FILES["stream.json"]())
    processes = type(multiprocessing.get_context("spawn").Process())
    start, started = processes.start, []

    def once(self: Any) -> None:
        if started:
            raise OSError(24, "Too many open files")
        started.append(self)
        start(self)

    monkeypatch.setattr(processes, "start", once)
    lakes = [Lake.create(tmp_path / each) for each in ("one", "many")]
    reports = [add(lake, [file], now=NOW, workers=n) for lake, n in zip(lakes, (1, 2), strict=True)]
    assert len(started) == 1
    assert not started[0].is_alive()
    assert state(lakes[1], reports[1]) == state(lakes[0], reports[0])


def test_a_small_file_is_read_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "stream.json"
    file.write_bytes(FILES["stream.json"]())
    monkeypatch.setattr(apart, "WORTH", file.stat().st_size + 1)
    monkeypatch.setattr(apart, "_Team", None)
    assert add(Lake.create(tmp_path / "lake"), [file], now=NOW, workers=2).rows > 300


def _killed(lake: Lake, file: Path) -> None:
    apart.WORTH = 1
    lines.BLOCK = 2_000
    add(lake, [file], now=NOW, workers=2)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are counted in /proc")
def test_when_the_parent_is_killed_its_processes_end_and_the_lake_is_whole(tmp_path: Path) -> None:
    lake, file = Lake.create(tmp_path / "lake"), tmp_path / "stream.json"
    file.write_text(defender(range(20_000)))
    process = multiprocessing.get_context("spawn").Process(target=_killed, args=(lake, file))
    process.start()
    children: set[int] = set()
    deadline = time.monotonic() + 60
    while len(children) < 2 and time.monotonic() < deadline and process.is_alive():
        children = _children(process.pid)
        time.sleep(0.02)
    process.kill()
    process.join()
    deadline = time.monotonic() + 20
    while any(map(_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_alive, children))
    assert add(lake, [file], now=NOW).files[0].rows in (0, 20_000)
    table = lake.table("DeviceEvents")
    assert table is not None
    assert sorted(r["ReportId"] for r in table.arrow().to_pylist()) == list(range(20_000))


def _children(pid: int | None) -> set[int]:
    try:
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return set()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
