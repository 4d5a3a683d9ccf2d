"""Files that are read at once are added as if they had been read one after the other."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import time
import zipfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lurcher.app import together
from lurcher.app.add import AddReport, add
from lurcher.lake import Lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIME = "2025-01-02T03:04:05.1234567Z"


def events(*numbers: int) -> str:
    rows = ({"Timestamp": TIME, "DeviceName": "pc1", "ReportId": n} for n in numbers)
    return "".join(
        json.dumps({"time": TIME, "category": "AdvancedHunting-DeviceEvents", "properties": r}) + "\n" for r in rows
    )


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    texts = {
        "01.json": events(*range(500)),
        "02-grown.json": events(*range(700)),
        "03-same.json": events(*range(500)),
        "04-repeats.json": events(*range(690, 710)),
        "05.csv": "n,s\n" + "".join(f"{i},x\n" for i in range(300)),
        "06-fits.csv": "n,s,more\n7,y,1\n",
        "07-fits-not.csv": "n,s\nword,y\n",
        "08-broken.csv": 'n,s\n1,"x"y\n2,z\n',
        "09.txt": "nothing",
        "10-empty.json": "",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "11.json.gz").write_bytes(gzip.compress(events(*range(900, 950)).encode())[:-20])
    with zipfile.ZipFile(folder / "12.zip", "w") as archive:
        archive.writestr("a.json", events(1000))
        archive.writestr("b.json", events(1001, 0))
    return folder


def state(lake: Lake, report: AddReport) -> Any:
    tables = {}
    for name in lake.table_names():
        table = lake.table(name)
        assert table is not None
        tables[name] = sorted(map(str, table.arrow().to_pylist()))
    outcomes = [{k: v for k, v in asdict(f).items() if k != "rejects"} for f in report.files]
    return tables, outcomes, sorted(Path(f.rejects).read_text() for f in report.files if f.rejects)


def test_the_lake_and_the_report_are_the_same(tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_WORTH", 0)
    lakes = [Lake.create(tmp_path / name) for name in ("one", "many")]
    seen: list[int] = []
    alone, at_once = (
        add(lake, [logs], now=NOW, table="T", workers=n, progress=lambda name, rows: seen.append(rows))
        for lake, n in zip(lakes, (1, 2), strict=True)
    )
    assert state(lakes[1], at_once) == state(lakes[0], alone)
    names = [Path(f.name).name for f in at_once.files]
    assert names == [*sorted(names[:-2]), "a.json", "b.json"]
    assert at_once.rows == sum(alone.files[i].rows for i in range(len(names)))
    assert not list((lakes[1].path / "staging").glob("*"))
    again = add(lakes[1], [logs], now=NOW, table="T", workers=2)
    assert again.rows == 0


def test_a_dry_run_of_many_adds_nothing(tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_WORTH", 0)
    lake = Lake.create(tmp_path / "lake")
    assert add(lake, [logs], now=NOW, table="T", workers=2, dry_run=True).rows > 500
    assert lake.table_names() == []


def _killed(lake: Lake, logs: Path) -> None:
    together._WORTH = 0  # type: ignore[attr-defined]
    add(lake, [logs], now=NOW, table="T", workers=2)


def _children(parent: int | None) -> list[int]:
    """The processes that a process has started, where the system tells of them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, after = stat.read_text().rpartition(") ")
        except OSError:
            continue
        if int(after.split()[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def _lives(pid: int) -> bool:
    try:
        _, _, after = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")
    except OSError:
        return False
    return not after.startswith("Z")


def test_when_the_parent_is_killed_its_processes_stop_and_the_lake_is_whole(tmp_path: Path, logs: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    process = multiprocessing.get_context("spawn").Process(target=_killed, args=(lake, logs))
    process.start()
    deadline = time.monotonic() + 60
    while not lake.table_names() and time.monotonic() < deadline:
        time.sleep(0.02)
    children = _children(process.pid)
    process.kill()
    process.join()
    report = add(lake, [logs], now=NOW, table="T")
    assert [Path(f.name).name for f in report.failed] == ["07-fits-not.csv", "09.txt"]
    deadline = time.monotonic() + 30
    while (left := [pid for pid in children if _lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
    table = lake.table("DeviceEvents")
    assert table is not None
    found = sorted(r["ReportId"] for r in table.arrow().to_pylist())
    assert found[:710] == list(range(710))
    assert len(found) == len(set(found))
