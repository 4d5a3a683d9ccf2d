"""States across runs, two writers at once, and death at any moment."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from making_rules import SIGNATURES, rule_of

from lurcher.errors import LurcherError
from lurcher.hunt.findings import State
from lurcher.hunt.ledger import Ledger
from lurcher.hunt.run import EvidenceKey, RuleRun, Seen

RULE = rule_of(SIGNATURES)
AS_OF = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
WEEK = ("2026-03-03T00:00:00Z", "2026-03-10T00:00:00Z")


def seen(device="ws1", shown=True, last="2026-03-09T00:00:00Z", **more):
    row = {"DeviceName": device, "Count": more.pop("count", 1)}
    return Seen(f'{{"DeviceName":"{device}"}}', device, row, shown, first=last, last=last, **more)


def record(ledger, *rows, status="ok", window=WEEK, rule=RULE):
    run = RuleRun(rule, status, "why" if status != "ok" else "", tuple(rows), window=window)
    return ledger.record([run], started=AS_OF, as_of=AS_OF, engine="duckdb", data_fingerprint="f")


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def states(ledger):
    return {f.device: f.state for f in ledger.findings()}


def test_new_then_known(ledger):
    record(ledger, seen())
    assert states(ledger) == {"ws1": State.NEW}
    record(ledger, seen())
    assert states(ledger) == {"ws1": State.KNOWN}


def test_suppressed_then_shown_is_new_for_it_was_never_shown(ledger):
    record(ledger, seen(shown=False))
    assert states(ledger) == {"ws1": State.SUPPRESSED}
    record(ledger, seen())
    assert states(ledger) == {"ws1": State.NEW}


def test_gone_where_the_window_covers_its_last_evidence_and_back_again(ledger):
    record(ledger, seen("ws1"), seen("ws2"))
    record(ledger, seen("ws2"))
    assert states(ledger) == {"ws1": State.GONE, "ws2": State.KNOWN}
    record(ledger, seen("ws1"), seen("ws2"))
    assert states(ledger)["ws1"] is State.KNOWN
    assert [s for _, s in ledger.history(1)] == [State.NEW, State.GONE, State.KNOWN]


def test_what_has_aged_out_of_the_window_is_not_gone(ledger):
    record(ledger, seen(last="2026-02-01T00:00:00Z"))
    record(ledger)
    assert states(ledger) == {"ws1": State.NEW}


def test_an_open_window_covers_all_up_to_the_run(ledger):
    record(ledger, seen(last="2026-02-01T00:00:00Z"))
    record(ledger, window=("", ""))
    assert states(ledger) == {"ws1": State.GONE}


def test_a_rule_that_did_not_run_says_nothing_and_is_listed(ledger):
    record(ledger, seen())
    hunt = record(ledger, status="refused")
    assert states(ledger) == {"ws1": State.NEW}
    assert ledger.not_run(hunt) == [(RULE.name, "refused", "why")]


def test_first_and_last_seen_widen(ledger):
    record(ledger, seen(last="2026-03-08T00:00:00Z"))
    record(ledger, seen(last="2026-03-05T00:00:00Z"))
    (f,) = ledger.findings()
    assert (f.first_seen, f.last_seen) == ("2026-03-05T00:00:00Z", "2026-03-08T00:00:00Z")


def test_counts_rows_and_evidence_are_kept(ledger):
    keys = (
        EvidenceKey("d1", "2026-03-09T00:00:00Z", "7", "ab", ("e1",)),
        EvidenceKey("d1", "2026-03-09T01:00:00Z", "8", "ab"),
    )
    hunt = record(ledger, seen(total=2, explained=1, by={"e1": 1}, alone={"e1": 1}, keys=keys))
    record(ledger, seen(total=2, explained=1, by={"e1": 1}, alone={"e1": 1}, keys=keys))
    (f,) = ledger.findings(hunt=hunt)
    assert (f.explained, f.total, dict(f.by), f.row["DeviceName"]) == (1, 2, {"e1": 1}, "ws1")
    assert [(e.report_id, e.explained_by) for e in ledger.evidence(f.id)] == [("7", ("e1",)), ("8", ())]


def test_what_would_come_back(ledger):
    record(
        ledger,
        seen("ws1", shown=False, total=3, explained=3, by={"e1": 3, "e2": 1}, alone={"e1": 2}),
        seen("ws2", shown=False, total=1, explained=1, by={"e1": 1, "e2": 1}),
    )
    assert [(r.finding.device, r.alone) for r in ledger.would_return("e1")] == [("ws1", 2)]
    assert ledger.would_return("e2") == []


def test_two_rules_have_findings_of_their_own(ledger):
    import dataclasses

    record(ledger, seen())
    record(ledger, seen(), rule=dataclasses.replace(RULE, id="another"))
    assert [f.state for f in ledger.findings()] == [State.NEW, State.NEW]


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be read as one" * 20, None])
def test_what_is_no_ledger_is_refused(tmp_path, content):
    path = tmp_path / "other.db"
    if content is None:
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE t (x)")
        db.commit()
        db.close()
    else:
        path.write_bytes(content)
    with pytest.raises(LurcherError, match="ledger"):
        Ledger.open(path)
    assert path.exists()


def test_a_newer_ledger_is_refused(tmp_path):
    path = tmp_path / "ledger.db"
    Ledger.open(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LurcherError, match="99"):
        Ledger.open(path)


_WRITER = """
import sys, pathlib, datetime as dt
sys.path[:0] = {path!r}
import test_ledger as t
from lurcher.hunt.ledger import Ledger
who, count = sys.argv[2], int(sys.argv[3])
with Ledger.open(pathlib.Path(sys.argv[1])) as ledger:
    for n in range(count):
        t.record(ledger, *(t.seen(f"{{who}}-{{i}}", count=n) for i in range(20)), t.seen("both", count=n))
        print(n, flush=True)
"""


def start(tmp_path, who, count):
    from pathlib import Path

    here = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "content" / "exclusions")]
    code = _WRITER.format(path=here)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "ledger.db"), who, str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path):
    writers = [start(tmp_path, who, 15) for who in "ab"]
    for w in writers:
        _, errors = w.communicate(timeout=60)
        assert w.returncode == 0, errors
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert ledger.db.execute("SELECT count(*) FROM runs").fetchone()[0] == 30
        assert len(ledger.findings()) == 41
        (both,) = [f for f in ledger.findings() if f.device == "both"]
        assert len(ledger.history(both.id)) == 30


def test_killed_at_any_moment_the_ledger_is_whole(tmp_path):
    for attempt in range(6):
        writer = start(tmp_path, "k", 100_000)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.004 * attempt)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.communicate()
        with Ledger.open(tmp_path / "ledger.db") as ledger:
            assert ledger.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            runs = ledger.db.execute("SELECT count(*) FROM runs").fetchone()[0]
            # A run is there with all of its 21 sightings, or not at all.
            sightings = ledger.db.execute("SELECT count(*) FROM sightings WHERE state <> 'gone'").fetchone()[0]
            assert runs > attempt
            assert sightings == 21 * runs
