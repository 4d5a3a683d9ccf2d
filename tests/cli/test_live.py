"""query, hunt, compare and pull on a live service, as a user types them. The service is a server on this machine whose rows are
those of the example fleet."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import fleet
import liveserver as live
from lurcher.app.session import Session
from lurcher.kql.types import Column, ScalarType
from lurcher.lake import Lake

SENTINEL = f"sentinel:{live.WORKSPACE}"
TARGETS = (SENTINEL, "defender", "adx:cluster.of.test/Samples")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fleet.make_case(tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def server(case: Path) -> Iterator[live.LiveServer]:
    found = live.LiveServer(Session.open(Lake.open(case), fleet.NOW))
    yield found
    found.close()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return Lake.create(tmp_path / "lake").path


def environment(server: live.LiveServer) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LURCHER_", "AZURE_", "IDENTITY_"))}
    return {**kept, **server.environment, **server.endpoints, "LURCHER_NOW": fleet.NOW.isoformat()}


def lurcher(server: live.LiveServer, *argv: str, lake: Path | None = None) -> subprocess.CompletedProcess[str]:
    where = ["--lake", str(lake)] if lake is not None else []
    done = subprocess.run(
        [sys.executable, "-m", "lurcher", *argv, *where],
        capture_output=True,
        text=True,
        env=environment(server),
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "unforeseen" not in done.stderr
    assert live.TOKEN not in done.stdout + done.stderr
    return done


# --- query ---
@pytest.mark.parametrize("target", TARGETS, ids=["sentinel", "defender", "adx"])
def test_rows_come_in_every_format(server: live.LiveServer, target: str, tmp_path: Path) -> None:
    kql = "DeviceInfo | distinct DeviceName | where DeviceName startswith 'srv-dc' | sort by DeviceName asc"
    done = lurcher(server, "query", kql, "--on", target, "--format", "jsonl")
    assert (done.returncode, done.stdout) == (0, '{"DeviceName": "srv-dc01.corp.example"}\n')
    done = lurcher(server, "query", kql, "--on", target, "-o", str(tmp_path / "rows.parquet"))
    assert done.returncode == 0
    assert (tmp_path / "rows.parquet").exists()


def test_what_did_not_come_is_told_and_ends_with_1(server: live.LiveServer) -> None:
    rows: tuple[tuple[Column, ...], list[list[object]]] = (Column("a", ScalarType.LONG),), [[1]]
    server.always = live.document(live.log_analytics([rows], {"code": "PartialError", "message": "cut \x1b[31mshort"}))
    done = lurcher(server, "query", "print 1", "--on", SENTINEL, "--format", "csv")
    assert (done.returncode, done.stdout) == (1, "a\n1\n")
    assert "not all rows came: cut \\x1b[31mshort" in done.stderr


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("query", "print 1", "--on", "sentinel:contoso"), "no id of a workspace"),
        (("query", "print 1", "--on", "defender", "--endpoint", "http://graph.microsoft.com"), "only https"),
        (("query", "print 1", "--on", "defender", "--as-of", "2026-03-01"), "--as-of"),
        (("query", "print 1", "--on", "defender", "--timespan", "1d"), "no time span"),
        (("query", "print 1", "--timespan", "P1D"), "--on"),
        (("query", "print 1", "--on", "defender", "--sql"), "--sql"),
        (("query", "print 1", "--on", "defender", "--here", "arg"), "not --on a service"),
        (("hunt", str(fleet.OURS), "--on", "defender", "--here", "arg"), "not --on a service"),
        (("query", "", "--on", "defender"), "empty"),
        (("pull", "DeviceEvents; print", "--on", "defender", "--since", "7d"), "cannot name a table"),
        (("pull", "DeviceEvents", "--on", "defender", "--since", "soon"), "no time"),
        (("pull", "DeviceEvents", "--on", "defender", "--since", "1d", "--where", "1==1) | take 5 | where (true"), "no condition"),
        (("pull", "Own", "--on", "adx:c/d", "--since", "1d"), "--time-column"),
        (("compare", "print 1"), "--on"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told_before_anything_is_sent(
    server: live.LiveServer, lake: Path, argv: tuple[str, ...], said: str
) -> None:
    done = lurcher(server, *argv, lake=lake)
    assert done.returncode == 2
    assert said in done.stderr
    assert server.asked == []


def test_how_far_defender_looks_back_is_what_the_query_asks_for(server: live.LiveServer) -> None:
    done = lurcher(server, "query", "DeviceInfo | where Timestamp > ago(60d) | count", "--on", "defender")
    assert done.stderr == ""
    assert server.asked[-1].timespan == "2026-09-22T00:00:00.0000000Z/2026-11-22T00:00:00.0000000Z"
    lurcher(server, "query", "DeviceInfo | where Timestamp > ago(6d) | count", "--on", "defender")
    assert server.asked[-1].timespan == ""
    done = lurcher(server, "query", "DeviceInfo | count", "--on", "defender")
    assert "Defender looks back 30 days" in done.stderr
    done = lurcher(server, "query", "DeviceInfo | count", "--on", "defender", "--timespan", "P90D")
    assert done.stderr == ""


def test_a_lake_has_names_for_targets(server: live.LiveServer, lake: Path) -> None:
    with (lake / "lake.toml").open("a") as file:
        file.write(f'[targets]\nprod = "{SENTINEL}"\nodd = "adx:http://127.0.0.1:1/db"\n')
    assert lurcher(server, "query", "print 1", "--on", "prod", lake=lake).returncode == 0
    assert live.WORKSPACE in server.asked[0].path
    done = lurcher(server, "query", "print 1", "--on", "test", lake=lake)
    assert (done.returncode, "there are: odd, prod" in done.stderr) == (2, True)
    done = lurcher(server, "query", "print 1", "--on", "odd", lake=lake)
    assert (done.returncode, "is an address" in done.stderr) == (2, True)
    assert len(server.asked) == 1


def test_data_explorer_takes_another_now(server: live.LiveServer) -> None:
    lurcher(server, "query", "print now()", "--on", TARGETS[2], "--as-of", "2026-03-01")
    assert json.loads(server.asked[0].body["properties"])["Options"]["query_now"] == "2026-03-01T00:00:00.000000Z"


@pytest.mark.parametrize("target", TARGETS, ids=["sentinel", "defender", "adx"])
def test_ctrl_c_ends_it_within_a_second(server: live.LiveServer, target: str) -> None:
    server.always = live.slow(30)
    process = subprocess.Popen(
        [sys.executable, "-m", "lurcher", "query", "print 1", "--on", target], env=environment(server),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 30
    while not server.asked and time.monotonic() < until:
        time.sleep(0.05)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 2  # one, and what a busy machine takes
    assert (process.returncode, out, err.strip()) == (130, "", "interrupted")


# --- hunt ---
def test_a_rule_finds_the_same_on_a_service(server: live.LiveServer, case: Path, lake: Path) -> None:
    here = lurcher(server, "hunt", str(fleet.OURS), "--format", "json", "--no-triage", lake=case)
    there = lurcher(server, "hunt", str(fleet.OURS), "--format", "json", "--on", SENTINEL, lake=lake)
    assert there.returncode == 0

    def findings(done: subprocess.CompletedProcess[str]) -> list[tuple[object, ...]]:
        (rule,) = json.loads(done.stdout)["rules"]
        return sorted(
            (str(f["entity"]), f["state"], f["total"], f["explained"], f["last_seen"]) for f in rule["findings"]
        )

    assert findings(there) == findings(here)
    assert len(findings(there)) > 5
    with sqlite3.connect(lake / "ledger.db") as db:
        ((engine, data),) = db.execute("SELECT engine, data_fingerprint FROM hunts").fetchall()
    assert engine == SENTINEL
    assert SENTINEL in data


def test_a_hunt_elsewhere_ends_no_finding(server: live.LiveServer, case: Path) -> None:
    lurcher(server, "hunt", str(fleet.OURS), "--no-triage", lake=case)
    before = lurcher(server, "findings", "--format", "json", lake=case).stdout
    server.session = Session.open(None, fleet.NOW)  # a service without any row
    done = lurcher(server, "hunt", str(fleet.OURS), "--on", "defender", lake=case)
    assert done.returncode == 0
    assert lurcher(server, "findings", "--format", "json", lake=case).stdout == before


def test_a_rule_of_which_a_part_came_has_not_run(server: live.LiveServer, lake: Path) -> None:
    rows: tuple[tuple[Column, ...], list[list[object]]] = (Column("DeviceName", ScalarType.STRING),), [["x"]]
    server.always = live.document(live.log_analytics([rows], {"code": "PartialError", "message": "cut"}))
    done = lurcher(server, "hunt", str(fleet.OURS), "--on", SENTINEL, lake=lake)
    assert done.returncode == 1
    assert "not run: only a part of the rows came: cut [PartialError]" in done.stdout


# --- compare ---
@pytest.mark.parametrize("target", TARGETS, ids=["sentinel", "defender", "adx"])
def test_the_same_rows_are_no_difference(server: live.LiveServer, case: Path, target: str) -> None:
    kql = (
        "DeviceProcessEvents | summarize n = count(), since = min(Timestamp), mean = avg(ProcessId), files = make_set(FileName, 3)"
        " by DeviceName"
    )
    done = lurcher(server, "compare", kql, "--on", target, lake=case)
    assert (done.returncode, done.stdout) == (0, "no difference: 40 rows in both places\n")


def test_differences_are_listed(server: live.LiveServer, case: Path) -> None:
    columns = (
        Column("a", ScalarType.LONG),
        Column("c", ScalarType.INT),
        Column("d", ScalarType.LONG),
    )
    server.always = live.document(live.kusto2([(columns, [[1, 1, 1], [2, 1, 1], [2, 1, 1]])]))
    kql = "print a = range(1, 3) | mv-expand a to typeof(long) | extend b = 'x', c = 1"
    done = lurcher(server, "compare", kql, "--on", TARGETS[2], "--format", "json", lake=case)
    assert done.returncode == 1
    (found,) = json.loads(done.stdout)["results"]
    assert found["columns"] == ["only here: b (string)", "only there: d (long)", "c: long here, int there"]
    assert found["here"] == [{"row": [3, 1], "times": 1}]
    assert found["there"] == [{"row": [2, 1], "times": 1}]
    assert (found["only_here"], found["only_there"], found["rows"]) == (1, 1, {"here": 3, "there": 3})


# --- pull ---
def rows_of(lake: Path, table: str) -> int:
    found = Lake.open(lake).table(table)
    return found.row_count if found is not None else 0


def test_rows_are_pulled_once(server: live.LiveServer, case: Path, lake: Path) -> None:
    argv = ("pull", "DeviceProcessEvents", "--on", "defender", "--since", "2026-11-16", "--until", "2026-11-19")
    done = lurcher(server, *argv, "--format", "json", lake=lake)
    assert done.returncode == 0
    first = json.loads(done.stdout)
    assert len(first["pulled"]) == 3
    assert first["added"] == first["rows"] == rows_of(lake, "DeviceProcessEvents") > 500
    # Days that are over are not asked for again; asked for again, with other bounds, they add nothing.
    asked = len(server.asked)
    assert "3 days pulled before" in lurcher(server, *argv, lake=lake).stdout
    assert len(server.asked) == asked
    again = json.loads(lurcher(server, *argv[:-4], "--since", "2026-11-16T07:00:00", "--until", "2026-11-18T15:00:00", "--again",
                               "--format", "json", lake=lake).stdout)  # fmt: skip
    assert again["rows"] > 300
    assert again["added"] == 0
    # And what is in the lake is what is there.
    kql = "DeviceProcessEvents | where Timestamp >= datetime(2026-11-16) and Timestamp < datetime(2026-11-19)"
    assert lurcher(server, "compare", kql, "--on", SENTINEL, lake=lake).returncode == 0


def test_a_day_that_is_too_large_is_pulled_in_parts(server: live.LiveServer, lake: Path) -> None:
    server.most = 50
    done = lurcher(server, "pull", "DeviceProcessEvents", "--on", "defender", "--since", "2026-11-18", "--until", "2026-11-19",
                   "--format", "json", lake=lake)  # fmt: skip
    assert done.returncode == 0
    (day,) = json.loads(done.stdout)["pulled"]
    assert day["parts"] > 7
    assert rows_of(lake, "DeviceProcessEvents") == day["rows"] > 300


def test_a_day_that_failed_is_told_and_pulled_the_next_time(server: live.LiveServer, lake: Path) -> None:
    argv = (
        "pull",
        "DeviceInfo",
        "--on",
        "defender",
        "--since",
        "2026-11-16",
        "--until",
        "2026-11-19",
        "--format",
        "json",
    )
    server.always = live.only(">= datetime(2026-11-17", live.status(400, "no"))
    done = lurcher(server, *argv, lake=lake)
    assert done.returncode == 1
    failures = [p["failure"] for p in json.loads(done.stdout)["pulled"]]
    assert failures[0] == failures[2] == ""
    assert "says 400: no" in failures[1]
    server.always = None
    done = lurcher(server, *argv, lake=lake)
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert [p["span"][:10] for p in found["pulled"]] == ["2026-11-17"]
    assert len(found["had"]) == 2


def test_where_nothing_works_not_every_day_is_tried(server: live.LiveServer, lake: Path) -> None:
    server.always = live.status(403, "forbidden")
    done = lurcher(server, "pull", "DeviceInfo", "--on", "defender", "--since", "30d", lake=lake)
    assert done.returncode == 1
    assert len(server.asked) == 2
    assert done.stdout.count("not asked for, as those before it failed") == 28


def test_equal_rows_are_real_and_new_empty_columns_make_no_new_rows() -> None:
    from collections import Counter

    from lurcher.app.live_pull import row_hashes

    rows = [["a", 1], ["a", 1], ["b", None]]
    first = row_hashes(["x", "y"], iter(rows), Counter())
    assert len(set(first)) == 3
    assert row_hashes(["x", "y"], iter(reversed(rows)), Counter()) == [first[2], first[0], first[1]]
    assert row_hashes(["x", "z", "y"], iter([["a", "", 1], ["a", None, 1], ["b", None, None]]), Counter()) == first
