"""What is kept beside a ledger: damage is found, the ledger made again, older ones are brought on, others merged in."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import random
import signal
import sqlite3
import time

import pytest
from making_rules import SIGNATURES, rule_of
from test_ledger import RULE, WEEK, record, seen, start

from lurcher.errors import LurcherError
from lurcher.hunt import ledger_records as records
from lurcher.hunt.findings import State, Verdict
from lurcher.hunt.ledger import Ledger
from lurcher.hunt.ledger_closing import judge
from lurcher.hunt.ledger_transfer import export_ledger, import_ledger
from lurcher.hunt.ledger_upkeep import rebuild, verify
from lurcher.hunt.run import EvidenceKey, RuleRun

AT = "2026-03-10T09:00:00.000000Z"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


def key(time, sha1="a1", device="d1"):
    return EvidenceKey(device, f"2026-03-{time}T00:00:00Z", time, sha1)


def hunts(path):
    with Ledger.open(path) as ledger:
        record(ledger, seen("ws1", keys=(key("08"),)), seen("ws2", shown=False, total=1, explained=1, by={"e1": 1}))
        record(ledger, seen("ws1", keys=(key("08"), key("09")), count=2))
        judge(ledger, [1], Verdict.BENIGN, note="ours", who="anna", at=AT)
        record(ledger, seen("ws1", keys=(key("08"), key("09")), count=2))
        return records.all_rows(ledger.db)


def rows_of(path):
    with Ledger.open(path) as ledger:
        return records.all_rows(ledger.db)


# --- records ---
def test_a_ledger_is_made_again_as_it_was_from_its_records(path):
    before = hunts(path)
    assert verify(path).wrong == ()
    path.write_bytes(b"\0" * 5000)
    with pytest.raises(LurcherError, match="damaged") as told:
        Ledger.open(path)
    assert "rebuild" in str(told.value)
    made = rebuild(path)
    assert (made.records, made.hunts, made.findings) == (4, 3, 2)
    assert rows_of(path) == before
    assert os.path.getsize(made.kept) == 5000
    with Ledger.open(path) as ledger:
        record(ledger, seen("ws3"))
    assert verify(path).wrong == ()


def test_a_page_that_is_damaged_is_found(path):
    hunts(path)
    with Ledger.open(path) as ledger:
        ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xa5" * 4096
    path.write_bytes(content)
    assert verify(path).wrong


def test_a_ledger_that_says_other_than_its_records_is_found(path):
    hunts(path)
    db = sqlite3.connect(path)
    db.execute("UPDATE found SET state = 'gone' WHERE id = 1")
    db.commit()
    db.close()
    assert any("found" in line for line in verify(path).wrong)


def test_a_ledger_that_has_gone_is_not_begun_anew(path):
    hunts(path)
    for file in path.parent.glob("ledger.db*"):
        file.unlink()
    with pytest.raises(LurcherError, match="gone"):
        Ledger.open(path)
    assert rebuild(path).kept == ""


def test_an_older_copy_catches_up(path):
    with Ledger.open(path) as ledger:
        record(ledger, seen("ws1"))
        ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    old = path.read_bytes()
    with Ledger.open(path) as ledger:
        record(ledger, seen("ws1"), seen("ws2"))
    for file in path.parent.glob("ledger.db*"):
        file.unlink()
    path.write_bytes(old)
    with Ledger.open(path) as ledger:
        assert {f.device: f.state for f in ledger.findings()} == {"ws1": State.KNOWN, "ws2": State.NEW}


@pytest.mark.parametrize("harm", ["cut", "changed", "gone"])
def test_a_record_that_is_damaged_is_named_and_not_passed_over(path, harm):
    hunts(path)
    file = records.file_of(path, 2)
    if harm == "cut":
        file.write_bytes(file.read_bytes()[:-20])
    elif harm == "changed":
        file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(b"ws1", b"ws9")))
    else:
        file.unlink()
    assert any(line.startswith("record 2") for line in verify(path).wrong)
    before = rows_of(path)
    with pytest.raises(LurcherError):
        rebuild(path)
    assert rows_of(path) == before
    made = rebuild(path, partly=True)
    assert (made.records, made.lost) == (1, 2 if harm == "gone" else 3)
    assert verify(path).wrong == ()


def test_unchanged_findings_write_nothing_but_the_run(path):
    rows = [seen(f"ws{n}", keys=(key("08"),), total=1) for n in range(500)]
    with Ledger.open(path) as ledger:
        for _ in range(4):
            record(ledger, *rows)
        sizes = [records.file_of(path, n).stat().st_size for n in (1, 2, 3, 4)]
        assert sizes[0] > 5000
        assert sizes[3] < 1000
        assert ledger.db.execute("SELECT count(*) FROM spells").fetchone()[0] == 1000
        assert [s for _, s in ledger.history(7)] == [State.NEW, State.KNOWN, State.KNOWN, State.KNOWN]
        (first, rest) = ledger.sightings(7)
        assert (first.state, rest.first_hunt, rest.last_hunt) == (State.NEW, 2, 4)


# --- closing ---
def closed(ledger, verdict, **more):
    record(ledger, seen("ws1", keys=(key("08"),), total=1, **more))
    record(ledger, seen("ws1", keys=(key("08"),), total=1, **more))
    return judge(ledger, [1], verdict, note="n", who="anna", at=AT)[0]


def test_closed_stays_closed_where_nothing_is_new(path):
    with Ledger.open(path) as ledger:
        assert closed(ledger, Verdict.TRUE_POSITIVE).state is State.CLOSED
        record(ledger, seen("ws1", keys=(key("08"),), total=1))
        found = ledger.finding(1)
        assert (found.state, found.again) == (State.CLOSED, None)


def test_a_true_positive_with_newer_evidence_is_shown_again(path):
    with Ledger.open(path) as ledger:
        closed(ledger, Verdict.TRUE_POSITIVE, last="2026-03-08T00:00:00Z")
        record(ledger, seen("ws1", keys=(key("08"), key("09")), total=2))
        found = ledger.finding(1)
        assert (found.state, found.again) == (State.KNOWN, 3)
        assert found.remark == "was closed as true-positive, seen again since"


def test_a_benign_one_with_the_same_file_stays_closed_and_says_so(path):
    with Ledger.open(path) as ledger:
        closed(ledger, Verdict.BENIGN, last="2026-03-08T00:00:00Z")
        record(ledger, seen("ws1", keys=(key("08"), key("09")), total=2))
        found = ledger.finding(1)
        assert (found.state, found.again) == (State.CLOSED, 3)


def test_a_benign_one_with_another_file_is_shown_again(path):
    with Ledger.open(path) as ledger:
        closed(ledger, Verdict.BENIGN, last="2026-03-08T00:00:00Z")
        record(ledger, seen("ws1", keys=(key("08"), key("09", "b2")), total=2))
        assert ledger.finding(1).state is State.KNOWN


def test_reopened(path):
    with Ledger.open(path) as ledger:
        closed(ledger, Verdict.BENIGN)
        (found,) = judge(ledger, [1], Verdict.REOPENED, note="", who="bob", at=AT)
        assert (found.state, found.closing) == (State.KNOWN, None)
        assert [(c.verdict, c.who) for c in ledger.closings(1)] == [("benign", "anna"), ("reopened", "bob")]
        with pytest.raises(LurcherError, match="not closed"):
            judge(ledger, [1], Verdict.REOPENED, note="", who="", at=AT)


def test_all_are_closed_or_none(path):
    with Ledger.open(path) as ledger:
        record(ledger, seen("ws1"))
        with pytest.raises(LurcherError, match="no finding 7"):
            judge(ledger, [1, 7], Verdict.BENIGN, note="", who="", at=AT)
        assert ledger.finding(1).state is State.NEW
    assert verify(path).wrong == ()


# --- another case ---
def at(day, ledger, *rows, rule=RULE):
    moment = dt.datetime(2026, 3, day, tzinfo=dt.UTC)
    run = RuleRun(
        rule, "ok", "", tuple(rows), window=(f"2026-03-{day - 7:02}T00:00:00Z", f"2026-03-{day:02}T00:00:00Z")
    )
    return ledger.record([run], started=moment, as_of=moment, engine="duckdb", data_fingerprint="f")


def test_a_merge_is_in_order_of_time_keeps_numbers_and_is_done_once(tmp_path):
    one, two = tmp_path / "a" / "ledger.db", tmp_path / "b" / "ledger.db"
    one.parent.mkdir()
    two.parent.mkdir()
    with Ledger.open(one) as ledger:
        at(12, ledger, seen("ws1"))
        at(14, ledger, seen("ws1"), seen("ws2"))
    with Ledger.open(two) as ledger:
        at(11, ledger, seen("ws3"), seen("ws2"))
        at(13, ledger, seen("ws3"))
        judge(ledger, [1], Verdict.FALSE_POSITIVE, note="lab", who="eva", at="2026-03-13T08:00:00.000000Z")
        export_ledger(ledger, tmp_path / "two.jsonl")
    merged = import_ledger(one, tmp_path / "two.jsonl")
    assert (merged.hunts, merged.closings, merged.findings) == (2, 1, 1)
    with Ledger.open(one) as ledger:
        found = {f.device: f for f in ledger.findings()}
        assert {d: (f.id, f.state.value) for d, f in found.items()} == {
            "ws1": (1, "known"), "ws2": (2, "known"), "ws3": (3, "closed"),
        }  # fmt: skip
        assert [s.value for _, s in ledger.history(1)] == ["new", "gone", "known"]
        assert [s.value for _, s in ledger.history(2)] == ["new", "gone", "known"]
    before = rows_of(one)
    again = import_ledger(one, tmp_path / "two.jsonl")
    assert (again.hunts, again.closings, again.findings) == (0, 0, 0)
    assert rows_of(one) == before
    assert verify(one).wrong == ()


@pytest.mark.parametrize("content", ["", "{}", "x" * 100, '{"what":"lurcher findings","version":2}\n["hunts",1]\n'])
def test_what_is_no_export_is_refused(tmp_path, path, content):
    (tmp_path / "x.jsonl").write_text(content)
    with pytest.raises(LurcherError):
        import_ledger(path, tmp_path / "x.jsonl")


def test_a_cut_export_is_refused(tmp_path, path):
    hunts(path)
    with Ledger.open(path) as ledger:
        export_ledger(ledger, tmp_path / "x.jsonl")
    lines = (tmp_path / "x.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "x.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(LurcherError, match="cut"):
        import_ledger(path, tmp_path / "x.jsonl")


# --- a ledger of version 1 ---
VERSION_1 = """
CREATE TABLE hunts (id INTEGER PRIMARY KEY, started TEXT NOT NULL, as_of TEXT NOT NULL, engine TEXT NOT NULL, data_fingerprint TEXT NOT NULL);
CREATE TABLE runs (id INTEGER PRIMARY KEY, hunt INTEGER NOT NULL REFERENCES hunts, rule TEXT NOT NULL, rule_name TEXT NOT NULL,
 rule_hash TEXT NOT NULL, exclusion_hash TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
 window_low TEXT NOT NULL, window_high TEXT NOT NULL, evidence_total INTEGER, evidence_explained INTEGER NOT NULL);
CREATE INDEX runs_of_rule ON runs (rule, id);
CREATE TABLE run_exclusions (run INTEGER NOT NULL REFERENCES runs, exclusion TEXT NOT NULL, in_force INTEGER NOT NULL, reason TEXT NOT NULL,
 text TEXT NOT NULL, PRIMARY KEY (run, exclusion)) WITHOUT ROWID;
CREATE TABLE result_rows (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE findings (id INTEGER PRIMARY KEY, rule TEXT NOT NULL, entity_hash BLOB NOT NULL, entity TEXT NOT NULL, device TEXT NOT NULL,
 state TEXT NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, first_run INTEGER NOT NULL, last_run INTEGER NOT NULL,
 first_shown_run INTEGER, UNIQUE (rule, entity_hash));
CREATE TABLE sightings (finding INTEGER NOT NULL REFERENCES findings, run INTEGER NOT NULL REFERENCES runs, state TEXT NOT NULL, total INTEGER,
 explained INTEGER NOT NULL, result_row INTEGER REFERENCES result_rows, PRIMARY KEY (finding, run)) WITHOUT ROWID;
CREATE TABLE explanations (finding INTEGER NOT NULL REFERENCES findings, run INTEGER NOT NULL REFERENCES runs, exclusion TEXT NOT NULL,
 explained INTEGER NOT NULL, alone INTEGER NOT NULL, PRIMARY KEY (finding, run, exclusion)) WITHOUT ROWID;
CREATE TABLE evidence (finding INTEGER NOT NULL REFERENCES findings, device_id TEXT NOT NULL, timestamp TEXT NOT NULL, report_id TEXT NOT NULL,
 sha1 TEXT NOT NULL, first_run INTEGER NOT NULL, explained_by TEXT NOT NULL,
 PRIMARY KEY (finding, device_id, timestamp, report_id, sha1)) WITHOUT ROWID;
INSERT INTO hunts VALUES (1,'2026-03-08T00:00:00Z','2026-03-08T00:00:00Z','duckdb','f'),(2,'2026-03-09T00:00:00Z','2026-03-09T00:00:00Z','duckdb','f'),
 (3,'2026-03-10T00:00:00Z','2026-03-10T00:00:00Z','duckdb','g');
INSERT INTO runs VALUES (1,1,'RULE','Rule','h','x','ok','','2026-03-01T00:00:00Z','2026-03-08T00:00:00Z',3,1),
 (2,2,'RULE','Rule','h','x','refused','why','','',NULL,0),(3,3,'RULE','Rule','h','x','ok','','2026-03-03T00:00:00Z','2026-03-10T00:00:00Z',2,1);
INSERT INTO run_exclusions VALUES (1,'e1',1,'','["w","every",[]]'),(3,'e1',1,'','["w","every",[]]');
INSERT INTO result_rows VALUES (1,x'01','{"DeviceName":"ws1","Count":1}'),(2,x'02','{"DeviceName":"ws2","Count":1}');
INSERT INTO findings VALUES (1,'RULE',x'0a','{"DeviceName":"ws1"}','ws1','known','2026-03-07T00:00:00Z','2026-03-09T00:00:00Z',1,3,1),
 (2,'RULE',x'0b','{"DeviceName":"ws2"}','ws2','gone','2026-03-07T00:00:00Z','2026-03-07T00:00:00Z',1,1,NULL);
INSERT INTO sightings VALUES (1,1,'new',2,0,1),(1,3,'known',2,0,1),(2,1,'suppressed',1,1,2),(2,3,'gone',NULL,0,NULL);
INSERT INTO explanations VALUES (2,1,'e1',1,1);
INSERT INTO evidence VALUES (1,'d1','2026-03-07T00:00:00Z','7','ab',1,'[]'),(2,'d2','2026-03-07T00:00:00Z','8','cd',1,'["e1"]');
PRAGMA application_id = 1819636323;
PRAGMA user_version = 1;
"""  # noqa: E501


def test_a_ledger_of_version_1_says_the_same_and_goes_on(path):
    db = sqlite3.connect(path)
    db.executescript(VERSION_1.replace("RULE", RULE.key))
    old = {
        "sightings": db.execute(
            "SELECT finding, run, state, total, explained, result_row FROM sightings ORDER BY 1, 2"
        ).fetchall(),
        "explanations": db.execute("SELECT * FROM explanations").fetchall(),
        "runs": db.execute("SELECT * FROM runs ORDER BY id").fetchall(),
        "run_exclusions": db.execute("SELECT * FROM run_exclusions ORDER BY run").fetchall(),
        "evidence": db.execute("SELECT * FROM evidence ORDER BY 1").fetchall(),
    }
    db.close()
    with Ledger.open(path) as ledger:
        for name, rows in old.items():
            columns = "finding, run, state, total, explained, result_row" if name == "sightings" else "*"
            assert ledger.db.execute(f"SELECT {columns} FROM {name} ORDER BY 1, 2").fetchall() == rows, name
        one, two = ledger.finding(1), ledger.finding(2)
        assert (one.state, one.first_run, one.last_run, one.row["Count"]) == (State.KNOWN, 1, 3, 1)
        assert (two.state, two.last_run, dict(two.by)) == (State.GONE, 1, {"e1": 1})
        record(ledger, seen("ws1", total=2), window=WEEK)
        assert [s.value for _, s in ledger.history(1)] == ["new", "known", "known"]
    copy = sqlite3.connect(path.with_name("ledger.db.version-1"))
    assert copy.execute("PRAGMA user_version").fetchone()[0] == 1
    assert copy.execute("SELECT count(*) FROM sightings").fetchone()[0] == 4
    copy.close()
    assert verify(path).wrong == ()
    before = rows_of(path)
    path.unlink()
    rebuild(path)
    assert rows_of(path) == before


# --- death at any moment ---
def test_killed_thirty_times_ledger_and_records_are_whole_and_say_the_same(path):
    dice = random.Random(7)
    for _ in range(30):
        writer = start(path.parent, "k", 100_000)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(dice.random() * 0.05)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.communicate()
        with Ledger.open(path) as ledger:
            assert ledger.db.execute("PRAGMA quick_check").fetchone()[0] == "ok"
            assert records.last_of(ledger.db)[0] == records.numbers(path)[-1]
    assert verify(path).wrong == ()


def test_two_rules_of_one_id_in_one_hunt(path):
    run = RuleRun(rule_of(SIGNATURES), "ok", "", (seen("ws1"),), window=WEEK)
    moment = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
    with Ledger.open(path) as ledger:
        ledger.record([run, run], started=moment, as_of=moment, engine="duckdb", data_fingerprint="f")
        assert [s.value for _, s in ledger.history(1)] == ["new", "known"]


@pytest.mark.parametrize("value", [1 << 70, "\ud800", ["a"]])
def test_what_no_ledger_can_hold_is_no_export(tmp_path, value):
    import hashlib
    import json

    from lurcher.hunt.schema import VERSION

    row = json.dumps(
        ["rules", value if not isinstance(value, str) else 1, value if isinstance(value, str) else "k", 1, ""]
    )
    ends = json.dumps({"end": True, "sha256": hashlib.sha256(row.encode()).hexdigest()})
    first = json.dumps({"what": "lurcher findings", "version": VERSION})
    (tmp_path / "x.jsonl").write_text(f"{first}\n{row}\n{ends}\n")
    with pytest.raises(LurcherError, match="no exported findings"):
        import_ledger(tmp_path / "ledger.db", tmp_path / "x.jsonl")


def test_records_that_have_no_folder_are_told(tmp_path):
    from lurcher.hunt import ledger_records as records

    records.folder_of(tmp_path / "ledger.db").write_text("a file")
    with pytest.raises(LurcherError, match="record cannot be written"):
        records.write(tmp_path / "ledger.db", 1, "hunt", "", {})
