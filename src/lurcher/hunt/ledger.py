"""The ledger: every run and every finding, kept. Nothing in it is ever deleted.

with Ledger.open(lake / "ledger.db") as ledger:
    hunt = ledger.record(runs, started=..., as_of=..., engine="duckdb", data_fingerprint=...)
    ledger.findings(states={State.NEW})
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from lurcher.errors import LurcherError
from lurcher.hunt.answers import as_json, plain
from lurcher.hunt.findings import EvidenceRow, Finding, Returning, State
from lurcher.hunt.run import RuleRun, Seen
from lurcher.hunt.schema import connect

NAME = "ledger.db"


@dataclass
class Ledger:
    """An open ledger. One connection; not for several threads at once."""

    db: sqlite3.Connection
    path: Path

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Make or open. Raises `LurcherError`."""
        return cls(connect(path), path)

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")
        except sqlite3.OperationalError as problem:
            hint = (
                "another hunt has been writing for long; try again" if "locked" in str(problem) else "is the disk full?"
            )
            raise LurcherError(f"the ledger cannot be written: {problem}", hint, str(self.path)) from None
        except sqlite3.DatabaseError as problem:
            raise LurcherError(
                f"the ledger is damaged: {problem}", "move it away and hunt again", str(self.path)
            ) from None

    def record(
        self, runs: Sequence[RuleRun], *, started: dt.datetime, as_of: dt.datetime, engine: str, data_fingerprint: str
    ) -> int:
        """Keep a hunt, all of it or nothing; gives its number. `started` and `as_of` are aware datetimes."""
        with self._writing():
            cursor = self.db.execute(
                "INSERT INTO hunts (started, as_of, engine, data_fingerprint) VALUES (?, ?, ?, ?)",
                (plain(started), plain(as_of), engine, data_fingerprint),
            )
            hunt = _row_id(cursor)
            for run in runs:
                self._record_run(hunt, run, plain(as_of))
        return hunt

    # --- writing one run ---
    def _record_run(self, hunt: int, run: RuleRun, as_of: str) -> None:
        rule = run.rule
        number = _row_id(
            self.db.execute(
                "INSERT INTO runs (hunt, rule, rule_name, rule_hash, exclusion_hash, status, reason, window_low, window_high,"
                " evidence_total, evidence_explained) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    hunt,
                    rule.key,
                    rule.name,
                    run.rule_hash,
                    run.exclusion_hash,
                    run.status,
                    run.reason,
                    *run.window,
                    run.evidence_total,
                    run.evidence_explained,
                ),
            )
        )
        self.db.executemany(
            "INSERT OR REPLACE INTO run_exclusions (run, exclusion, in_force, reason, text) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    number,
                    a.exclusion.id,
                    a.in_force,
                    a.reason,
                    as_json([a.exclusion.when, a.exclusion.match, a.exclusion.devices]),
                )
                for a in run.applied
            ],
        )
        if run.status != "ok":
            # A rule that did not run says nothing of its findings.
            return
        for seen in run.seen:
            self._see(rule.key, number, seen, as_of)
        self._let_go(rule.key, number, run.window, as_of)

    def _see(self, rule: str, run: int, seen: Seen, as_of: str) -> None:
        digest = hashlib.sha256(seen.entity.encode()).digest()[:16]
        first, last = seen.first or as_of, seen.last or as_of
        found = self.db.execute(
            "SELECT id, first_seen, last_seen, first_shown_run, last_run, state FROM findings WHERE rule = ? AND entity_hash = ?",
            (rule, digest),
        ).fetchone()
        if not seen.shown:
            state = State.SUPPRESSED
        elif found is None or found[3] is None:
            state = State.NEW
        else:
            state = State.KNOWN
        shown = run if seen.shown else None
        if found is None:
            finding = _row_id(
                self.db.execute(
                    "INSERT INTO findings (rule, entity_hash, entity, device, state, first_seen, last_seen, first_run, last_run,"
                    " first_shown_run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (rule, digest, seen.entity, seen.device, state, first, last, run, run, shown),
                )
            )
        else:
            finding = found[0]
            self.db.execute(
                "UPDATE findings SET state = ?, device = ?, first_seen = ?, last_seen = ?, last_run = ?,"
                " first_shown_run = coalesce(first_shown_run, ?) WHERE id = ?",
                (state, seen.device, min(found[1], first), max(found[2], last), run, shown, finding),
            )
        self.db.execute(
            "INSERT INTO sightings (finding, run, state, total, explained, result_row) VALUES (?, ?, ?, ?, ?, ?)",
            (finding, run, state, seen.total, seen.explained, self._row(as_json(seen.row))),
        )
        self.db.executemany(
            "INSERT INTO explanations (finding, run, exclusion, explained, alone) VALUES (?, ?, ?, ?, ?)",
            [(finding, run, id_, n, seen.alone.get(id_, 0)) for id_, n in seen.by.items()],
        )
        self.db.executemany(
            "INSERT INTO evidence (finding, device_id, timestamp, report_id, sha1, first_run, explained_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET explained_by = excluded.explained_by",
            [(finding, k.device_id, k.timestamp, k.report_id, k.sha1, run, as_json(k.by)) for k in seen.keys],
        )

    def _row(self, text: str) -> int:
        digest = hashlib.sha256(text.encode()).digest()[:16]
        self.db.execute("INSERT INTO result_rows (hash, text) VALUES (?, ?) ON CONFLICT DO NOTHING", (digest, text))
        return int(self.db.execute("SELECT id FROM result_rows WHERE hash = ?", (digest,)).fetchone()[0])

    def _let_go(self, rule: str, run: int, window: tuple[str, str], as_of: str) -> None:
        """What this run could have seen and did not: its last evidence lies inside of the run's window. An open end of the window
        is the beginning of time and the moment that the run stands for."""
        low, high = window[0], window[1] or as_of
        gone = self.db.execute(
            "SELECT id FROM findings WHERE rule = ? AND last_run < ? AND state <> ? AND last_seen >= ? AND last_seen <= ?"
            # A hunt on a live service says nothing of what the lake has, nor the other way round.
            " AND (SELECT h.engine FROM runs r JOIN hunts h ON h.id = r.hunt WHERE r.id = findings.last_run)"
            " = (SELECT h.engine FROM runs r JOIN hunts h ON h.id = r.hunt WHERE r.id = ?)",
            (rule, run, State.GONE, low, high, run),
        ).fetchall()
        for (finding,) in gone:
            self.db.execute("UPDATE findings SET state = ? WHERE id = ?", (State.GONE, finding))
            self.db.execute(
                "INSERT INTO sightings (finding, run, state, total, explained, result_row) VALUES (?, ?, ?, NULL, 0, NULL)",
                (finding, run, State.GONE),
            )

    # --- reading ---
    def findings(
        self, states: Collection[State] | None = None, rule: str | None = None, hunt: int | None = None
    ) -> list[Finding]:
        """Findings with their state now, newest first; those that a hunt had something to say of, where `hunt` is given."""
        where, values = ["1"], list[object]()
        if states is not None:
            where.append(f"f.state IN ({', '.join('?' * len(states))})")
            values += [str(s) for s in states]
        if rule is not None:
            where.append("f.rule = ?")
            values.append(rule)
        if hunt is not None:
            where.append(
                "EXISTS (SELECT 1 FROM sightings h JOIN runs r ON r.id = h.run WHERE h.finding = f.id AND r.hunt = ?)"
            )
            values.append(hunt)
        rows = self.db.execute(
            "SELECT f.id, f.rule, r.rule_name, f.entity, f.device, f.state, f.first_seen, f.last_seen, f.first_run, f.last_run,"
            " s.total, s.explained, w.text FROM findings f JOIN runs r ON r.id = f.last_run"
            " JOIN sightings s ON s.finding = f.id AND s.run = f.last_run LEFT JOIN result_rows w ON w.id = s.result_row"
            f" WHERE {' AND '.join(where)} ORDER BY f.last_seen DESC, f.id",
            values,
        ).fetchall()
        return [self._finding(r) for r in rows]

    def finding(self, number: int) -> Finding:
        """Raises `LurcherError` where there is none of that number."""
        for f in self.findings():
            if f.id == number:
                return f
        raise LurcherError(f"there is no finding {number}", "lurcher findings lists them", str(self.path))

    def _finding(self, r: tuple[object, ...]) -> Finding:
        by = dict(
            self.db.execute(
                "SELECT exclusion, explained FROM explanations WHERE finding = ? AND run = ? ORDER BY exclusion",
                (r[0], r[9]),
            ).fetchall()
        )
        return Finding(
            id=_int(r[0]), rule=str(r[1]), rule_name=str(r[2]), entity=json.loads(str(r[3])), device=str(r[4]),
            state=State(str(r[5])), first_seen=str(r[6]), last_seen=str(r[7]), first_run=_int(r[8]), last_run=_int(r[9]),
            total=None if r[10] is None else _int(r[10]), explained=_int(r[11]), by=by,
            row=json.loads(str(r[12])) if r[12] is not None else {},
        )  # fmt: skip

    def history(self, finding: int) -> list[tuple[int, State]]:
        """(run, state) of a finding, oldest first."""
        rows = self.db.execute("SELECT run, state FROM sightings WHERE finding = ? ORDER BY run", (finding,))
        return [(run, State(state)) for run, state in rows]

    def evidence(self, finding: int) -> list[EvidenceRow]:
        rows = self.db.execute(
            "SELECT device_id, timestamp, report_id, sha1, explained_by, first_run FROM evidence WHERE finding = ?"
            " ORDER BY timestamp, device_id, report_id, sha1",
            (finding,),
        )
        return [EvidenceRow(d, t, r, s, tuple(json.loads(by)), run) for d, t, r, s, by, run in rows]

    def would_return(self, exclusion: str, rule: str | None = None) -> list[Returning]:
        """What would come back if this exclusion ended today: the suppressed findings with evidence that nothing else explains.
        A rule whose tail has a threshold may still not show all of them."""
        found: list[Returning] = []
        for f in self.findings({State.SUPPRESSED}, rule):
            row = self.db.execute(
                "SELECT alone FROM explanations WHERE finding = ? AND run = ? AND exclusion = ?",
                (f.id, f.last_run, exclusion),
            ).fetchone()
            if row is not None and row[0] > 0:
                found.append(Returning(f, row[0]))
        return found

    def not_run(self, hunt: int) -> list[tuple[str, str, str]]:
        """(rule, status, reason) of the rules of a hunt that did not run."""
        return self.db.execute(
            "SELECT rule_name, status, reason FROM runs WHERE hunt = ? AND status <> 'ok' ORDER BY id", (hunt,)
        ).fetchall()


def _row_id(cursor: sqlite3.Cursor) -> int:
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
