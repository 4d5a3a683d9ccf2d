"""hunt --since-last and watch: nothing is missed, nothing told twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from lurcher.app.add import add
from lurcher.app.query import open_session
from lurcher.app.seen_data import Arrival, fingerprint
from lurcher.app.since import MAX_MOMENTS, Reach, data_of, hunt_since_last, moments_of, reach_of
from lurcher.app.supplies import Asked
from lurcher.app.watch import slot_of, watch
from lurcher.errors import LurcherError
from lurcher.lake import Lake

RULE = """id: 11111111-1111-1111-1111-111111111111
name: Runs of a
description: d
query: |
  DeviceProcessEvents
  | where {window}
  | where FileName == "a.exe"
  | summarize Count = count() by DeviceId, DeviceName
"""
DAY = "Timestamp > ago(1d)"


def at(day, hour=12):
    return datetime(2026, 11, day, hour, tzinfo=UTC)


@pytest.fixture
def case(tmp_path):
    return Case(tmp_path)


class Case:
    def __init__(self, folder):
        self.folder = folder
        self.lake = Lake.create(folder / "case")
        self.rule(DAY)
        self.files = 0

    def rule(self, window):
        self.path = self.folder / "r.yaml"
        self.path.write_text(RULE.format(window=window))

    def events(self, *events, folder=None):
        self.files += 1
        rows = [
            {"Timestamp": f"{t:%Y-%m-%dT%H:%M:%SZ}", "DeviceId": d, "DeviceName": d, "FileName": "a.exe", "SHA1": "a" * 40,
             "ActionType": "ProcessCreated", "ReportId": self.files * 100 + n, "ProcessCommandLine": "a", "AccountName": "bob"}
            for n, (t, d) in enumerate(events)
        ]  # fmt: skip
        file = (folder or self.folder) / f"e{self.files}.ndjson"
        if folder is not None:
            rows = [
                {"time": r["Timestamp"], "category": "AdvancedHunting-DeviceProcessEvents", "properties": r}
                for r in rows
            ]
        file.write_text("".join(json.dumps(r) + "\n" for r in rows))
        if folder is None:
            report = add(self.lake, [file], now=datetime.now(UTC), table="DeviceProcessEvents")
            assert not report.failed, report.failed

    def hunt(self, now, **more):
        self.lake = Lake.open(self.lake.path)
        session = open_session(self.lake, now, None)
        report = hunt_since_last(self.lake, [self.path], session, started=datetime.now(UTC), triage=False, **more)
        assert not report.last.not_run, [r.run.reason for r in report.last.not_run]
        self.report = report
        return sorted((n.what, n.finding.device) for n in report.news)


def test_only_what_is_new_is_told(case):
    case.events((at(20, 8), "pc1"))
    assert case.hunt(at(20)) == [("new", "pc1")]
    assert case.hunt(at(20, 13)) == []
    case.events((at(20, 9), "pc1"), (at(20, 10), "pc2"))
    assert case.hunt(at(20, 14)) == [("changed", "pc1"), ("new", "pc2")]
    assert case.hunt(at(20, 15)) == []


def test_events_between_two_hunts_that_are_far_apart_are_found(case):
    case.rule("Timestamp between (ago(1d) .. now())")
    case.events(*((at(d, 8), f"pc{d}") for d in range(10, 20)))
    assert case.hunt(at(10)) == [("new", "pc10")]
    assert case.hunt(at(19)) == [("new", f"pc{d}") for d in range(11, 20)]
    assert case.hunt(at(19, 13)) == []


def test_an_event_that_comes_late_is_found(case):
    case.events((at(20, 8), "pc1"))
    case.hunt(at(20))
    case.events((at(3, 8), "late"))
    assert case.hunt(at(20, 13)) == [("new", "late")]
    assert case.hunt(at(20, 14)) == []


def test_a_plain_hunt_does_not_use_up_what_came_late(case):
    from lurcher.app.hunt import hunt

    case.events((at(20, 8), "pc1"))
    case.hunt(at(20))
    case.events((at(3, 8), "late"))
    lake = Lake.open(case.lake.path)
    hunt(lake, [case.path], open_session(lake, at(20, 13), None), started=datetime.now(UTC), triage=False)
    assert case.hunt(at(20, 14)) == [("new", "late")]


def test_the_last_thing_that_came_late_is_new_in_the_ledger(case):
    from lurcher.app.findings import findings

    case.events((at(20, 8), "pc1"))
    case.hunt(at(20))
    case.events((at(3, 8), "late"))
    case.hunt(at(20, 13))
    assert {f.device: f.state.value for f in findings(case.lake)} == {"pc1": "known", "late": "new"}


def test_a_window_that_lags_is_looked_at_wholly(case):
    case.rule("Timestamp between (ago(2d) .. ago(1d))")
    case.events(*((at(d, 8), f"pc{d}") for d in range(10, 20)))
    case.hunt(at(12))
    assert case.hunt(at(19)) == [("new", f"pc{d}") for d in range(12, 19)]
    assert case.hunt(at(20)) == [("new", "pc19")]
    assert case.hunt(at(21)) == []


@pytest.mark.parametrize(
    ("window", "reach"),
    [
        (DAY, Reach(timedelta(days=1), timedelta())),
        ("Timestamp between (ago(2d) .. ago(1d))", Reach(timedelta(days=2), timedelta(days=1))),
        ("DeviceId != ''", None),
        ("Timestamp > datetime(2026-01-01)", None),
        ("datetime_diff('hour', now(), Timestamp) < 5", Reach(timedelta(days=1), timedelta(), sure=False)),
    ],
)
def test_how_far_a_rule_looks_back(case, window, reach):
    from lurcher.app.rules import load_rules

    case.rule(window)
    (rule,) = load_rules([case.path]).rules
    assert reach_of(open_session(case.lake, at(20), None), rule) == reach


@pytest.mark.parametrize("hours", range(25, 400, 7))
def test_each_row_lies_in_a_window(hours):
    now = at(20)
    row = now - timedelta(hours=hours)
    for high in (0, 5):
        reach = Reach(timedelta(hours=24 + high), timedelta(hours=high))
        times, enough = moments_of(now, now - timedelta(hours=1), reach, [Arrival("T", "d", row, row)])
        windows = [(t - reach.low, t - reach.high) for t in (*times, now)]
        assert any(low < row <= end for low, end in windows) or row > now - reach.high
        assert enough
        assert all(t < now for t in times)


def test_what_is_too_much_is_said():
    now = at(20)
    reach = Reach(timedelta(minutes=5), timedelta())
    times, enough = moments_of(now, now - timedelta(days=9), reach, [])
    assert (len(times), enough) == (MAX_MOMENTS, False)


# --- the fingerprint ---
def test_merging_files_changes_no_fingerprint_and_a_day_that_expires_does(case):
    from datetime import date

    from lurcher.lake.expire import expire
    from lurcher.lake.optimize import optimize

    for n in range(4):
        case.events((at(20, 8 + n), f"pc{n}"), (at(10, 8 + n), f"old{n}"))

    def now():
        lake = Lake.open(case.lake.path)
        return fingerprint(lake, open_session(lake, at(20), None))

    before = now()
    version = Lake.open(case.lake.path).table("DeviceProcessEvents").version
    optimize(case.lake.path, "DeviceProcessEvents", now=datetime.now(UTC))
    assert Lake.open(case.lake.path).table("DeviceProcessEvents").version > version
    assert now() == before
    expire(case.lake.path, "DeviceProcessEvents", date(2026, 11, 15), now=datetime.now(UTC))
    assert now() != before


def test_what_is_supplied_is_in_the_fingerprint(case):
    file = case.folder / "w.csv"

    def now(asked):
        return fingerprint(case.lake, open_session(case.lake, at(20), None, asked=asked))

    plain = now(None)
    file.write_text("Ip\n1.2.3.4\n")
    with_list = now(Asked(watchlists=(("bad", "Ip", file),)))
    file.write_text("Ip\n1.2.3.5\n")
    changed = now(Asked(watchlists=(("bad", "Ip", file),)))
    mapped = now(Asked(map=(("https://x.example/a", file),)))
    assert len({plain, with_list, changed, mapped}) == 4


# --- watch ---
def rounds(case, clock, **more):
    return list(
        watch(
            case.lake.path, [case.path], every=timedelta(hours=1), once=True, clock=lambda: clock, stop=threading.Event(), **more
        )
    )  # fmt: skip


def test_a_watcher_adds_hunts_and_catches_up_once(case):
    drop = case.folder / "in"
    drop.mkdir()
    case.events((at(20, 8), "pc1"), folder=drop)
    (one,) = rounds(case, at(20, 10), folders=[drop])
    assert (one.added > 0, one.missed, [n.finding.device for n in one.report.news]) == (True, 0, ["pc1"])
    case.events(*((at(21, h), f"pc2{h}") for h in range(8)), folder=drop)
    (two,) = rounds(case, at(23, 10), folders=[drop])
    assert two.missed == 71
    assert len(two.report.news) == 8
    (three,) = rounds(case, at(23, 11), folders=[drop])
    assert (three.added, three.report.news) == (0, [])


def test_slots_are_the_same_for_all():
    assert slot_of(datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC), timedelta(minutes=15)) == datetime(
        2026, 11, 20, 12, 30, tzinfo=UTC
    )


def test_a_second_watcher_is_refused(case):
    stop = threading.Event()
    clock = lambda: at(20, 10)  # noqa: E731
    running = watch(case.lake.path, [case.path], every=timedelta(hours=1), clock=clock, stop=stop)
    next(running)
    with pytest.raises(LurcherError, match="another process"):
        rounds(case, at(20, 10))
    running.close()
    assert rounds(case, at(20, 11))


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_a_second_and_says_only_news(case, sent):
    case.events((at(20, 8), "pc1"))
    process = subprocess.Popen(
        [sys.executable, "-m", "lurcher", "watch", str(case.path), "--lake", str(case.lake.path), "--every", "1h"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "LURCHER_NOW": "2026-11-20T10:00:00Z",
                                                                        "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    lines = [process.stdout.readline(), process.stdout.readline()]
    assert "hunt 1" in lines[0]
    time.sleep(0.3)
    begun = time.monotonic()
    process.send_signal(sent)
    _, errors = process.communicate(timeout=10)
    assert time.monotonic() - begun < 1.5
    assert (process.returncode, errors.strip()) == (0, "stopped")


def test_a_report_has_what_the_hunts_that_caught_up_found(case, tmp_path):
    from lurcher.cli import main

    case.events(*((at(d, 8), f"pc{d}") for d in range(10, 20)))
    case.rule("Timestamp between (ago(1d) .. now())")
    case.hunt(at(10))
    report = tmp_path / "r.csv"
    code = main(
        ["hunt", str(case.path), "--lake", str(case.lake.path), "--as-of", "2026-11-19T12:00:00Z", "--since-last",
         "--report", str(report)],
    )  # fmt: skip
    assert code == 0
    assert all(f"new,pc{d}," in report.read_text() for d in range(11, 20))


def test_a_window_that_is_only_assumed_is_said(case):
    case.rule("datetime_diff('hour', now(), Timestamp) < 5")
    case.events((at(20, 8), "pc1"))
    case.hunt(at(20))
    assert not any(
        "windows" in n for r in case.report.last.rules for n in r.run.notes
    )  # it has looked at all that there is
    case.hunt(at(20, 13))
    (rule,) = case.report.last.rules
    assert [n for n in rule.run.notes if "looked at the last 24 h" in n]
    assert "the last 24 h" in data_of(case.report)["notes"][0]["note"]
    assert case.report.complete


def test_a_moment_at_which_a_rule_failed_is_said(case, monkeypatch):
    from lurcher.app import hunt as module
    from lurcher.hunt.run import RuleRun

    case.events(*((at(d, 8), f"pc{d}") for d in range(10, 20)))
    case.rule("Timestamp between (ago(1d) .. now())")
    case.hunt(at(10))
    run_one = module.run_one

    def fails_once(rule, session, *more, **named):
        if session.now == at(15):
            return RuleRun(rule, "failed", "out of time")
        return run_one(rule, session, *more, **named)

    monkeypatch.setattr(module, "run_one", fails_once)
    case.hunt(at(19))
    assert not case.report.complete
    (line,) = case.report.left_lines
    assert "at 1 of the moments before, the first 2026-11-15T12:00:00Z: out of time" in line
    assert [line] == [n for r in case.report.whole().rules for n in r.run.notes]


def test_watch_once_ends_with_1_where_a_file_is_no_rule(case, tmp_path):
    from lurcher.cli import main

    case.events((at(20, 8), "pc1"))
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "r.yaml").write_text(case.path.read_text())
    words = ["watch", str(folder), "--lake", str(case.lake.path), "--every", "1d", "--once"]
    assert main(words) == 0
    (folder / "z.yaml").write_text("id: [")
    assert main(words) == 1
