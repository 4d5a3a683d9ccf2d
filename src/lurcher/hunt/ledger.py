"""The ledger: every run and every finding, kept. Nothing in it is ever deleted.

with Ledger.open(lake / "ledger.db") as ledger:
    hunt = ledger.record(runs, started=..., as_of=..., engine="duckdb", data_fingerprint=...)
    ledger.findings(states={State.NEW})
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from lurcher.errors import LurcherError
from lurcher.hunt import ledger_records as records
from lurcher.hunt.answers import as_json, plain
from lurcher.hunt.findings import Closing, EvidenceRow, Finding, Returning, Sighting, State
from lurcher.hunt.ledger_runs import Recording, digest, record_of
from lurcher.hunt.run import RuleRun
from lurcher.hunt.schema import connect

NAME = "ledger.db"
#: What a finding is read from; `findings` is a view that knows the state now.
_FINDINGS = (
    "SELECT f.id, f.rule, r.rule_name, f.entity, f.device, f.state, f.first_seen, f.last_seen, f.first_run, f.last_run, s.total,"
    " s.explained, w.text, s.explained_by, f.closing, f.again, f.back FROM findings f JOIN runs r ON r.id = f.last_run"
    " JOIN spells s ON s.finding = f.id AND s.first_run = f.spell LEFT JOIN result_rows w ON w.id = s.result_row"
)


@dataclass
class Ledger:
    """An open ledger. One connection; not for several threads at once."""

    db: sqlite3.Connection
    path: Path
    #: False for one in memory, beside which nothing is kept.
    kept: bool = field(default=True)

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Make or open, and bring up to date with the records beside it. Raises `LurcherError`."""
        if not path.exists() and records.numbers(path):
            raise LurcherError(
                "the ledger has gone, the records of its hunts are there",
                "lurcher findings rebuild makes it again from them",
                str(path),
            )
        ledger = cls(connect(path), path)
        try:
            records.catch_up(ledger.db, path)
        except sqlite3.DatabaseError as problem:
            ledger.close()
            raise _damaged(problem, path) from None
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def in_memory(cls) -> Ledger:
        return cls(connect(None), Path("ledger"), kept=False)

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(value, sqlite3.DatabaseError):
            raise _damaged(value, self.path) from None

    @contextmanager
    def writing(self, kind: str) -> Iterator[Recording]:
        """A transaction. What it writes is put beside the ledger as a record before it is committed."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            written: Path | None = None
            try:
                recording = Recording(self.db)
                yield recording
                recording.flush()
                written = self._kept(kind, recording)
                self.db.execute("COMMIT")
            except BaseException:
                # An interrupt may come when all is committed.
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                    if written is not None:
                        written.unlink(missing_ok=True)
                raise
        except sqlite3.OperationalError as problem:
            hint = (
                "another hunt has been writing for long; try again" if "locked" in str(problem) else "is the disk full?"
            )
            raise LurcherError(f"the ledger cannot be written: {problem}", hint, str(self.path)) from None
        except sqlite3.DatabaseError as problem:
            raise _damaged(problem, self.path) from None

    def _kept(self, kind: str, recording: Recording) -> Path | None:
        if not self.kept:
            return None
        seq, before = records.last_of(self.db)
        rows: records.Rows = recording.rows()
        if kind == "snapshot" or not seq or not records.file_of(self.path, seq).exists():
            # The first, or the folder was thrown away: one that stands for all before it. Of nothing it is what was written.
            kind, rows = ("snapshot", records.all_rows(self.db)) if seq or kind == "snapshot" else (kind, rows)
        checksum = records.write(self.path, seq + 1, kind, before, rows)
        self.db.execute("INSERT INTO records VALUES (?, ?, ?)", (seq + 1, kind, checksum))
        return records.file_of(self.path, seq + 1)

    def record(
        self,
        runs: Sequence[RuleRun],
        *,
        started: dt.datetime,
        as_of: dt.datetime,
        engine: str,
        data_fingerprint: str,
        sources: Collection[tuple[str, str]] = (),
        since: bool = False,
    ) -> int:
        """Keep a hunt, all of it or nothing; gives its number. `started` and `as_of` are aware datetimes; `sources` are the
        (table, digest) whose rows it saw; `since`: it is one of those that look at all that came since the one before."""
        # What is made of the rows for the ledger is made before others have to wait.
        made = [record_of(run) for run in runs]
        with self.writing("hunt") as recording:
            before = records.last_of(self.db)[1]
            said = [plain(started), plain(as_of), engine, data_fingerprint]
            uid = digest(as_json([before, said, [[r.rule, r.rule_hash, r.status] for r in made]]))
            return recording.hunt((uid, *said), made, sources, since=since)

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
                "f.id IN (SELECT h.finding FROM sightings h WHERE h.run IN (SELECT id FROM rule_runs WHERE hunt = ?))"
            )
            values.append(hunt)
        rows = self.db.execute(f"{_FINDINGS} WHERE {' AND '.join(where)} ORDER BY 8 DESC, f.id", values)
        return [self._finding(r) for r in rows.fetchall()]

    def finding(self, number: int) -> Finding:
        """Raises `LurcherError` where there is none of that number."""
        row = self.db.execute(f"{_FINDINGS} WHERE f.id = ?", (number,)).fetchone() if abs(number) < 1 << 62 else None
        if row is None:
            raise LurcherError(f"there is no finding {number}", "lurcher findings lists them", str(self.path))
        return self._finding(row)

    def _finding(self, r: tuple[Any, ...]) -> Finding:
        by = {e: n for e, (n, _) in sorted(json.loads(r[13]).items())}
        closing = self._closing(r[14]) if r[14] is not None else None
        return Finding(
            id=r[0], rule=r[1], rule_name=r[2], entity=json.loads(r[3]), device=r[4], state=State(r[5]), first_seen=r[6],
            last_seen=r[7], first_run=r[8], last_run=r[9], total=r[10], explained=r[11], by=by,
            row=json.loads(r[12]) if r[12] is not None else {}, closing=closing, again=r[15],
        )  # fmt: skip

    def _closing(self, number: int) -> Closing:
        row = self.db.execute("SELECT at, run, verdict, note, who FROM closings WHERE id = ?", (number,)).fetchone()
        return Closing(*row)

    def closings(self, finding: int) -> list[Closing]:
        """Who closed and reopened a finding, oldest first."""
        rows = self.db.execute(
            "SELECT at, run, verdict, note, who FROM closings WHERE finding = ? ORDER BY id", (finding,)
        )
        return [Closing(*row) for row in rows]

    def history(self, finding: int) -> list[tuple[int, State]]:
        """(run, state) of a finding, oldest first."""
        rows = self.db.execute("SELECT run, state FROM sightings WHERE finding = ? ORDER BY run", (finding,))
        return [(run, State(state)) for run, state in rows]

    def sightings(self, finding: int) -> list[Sighting]:
        """The runs of a finding as stretches in which nothing changed: neither it nor the rule, its exclusions, the data."""
        rows = self.db.execute(
            "SELECT s.run, h.id, h.as_of, s.state, s.total, s.explained, v.rule_hash, v.exclusion_hash, h.data_fingerprint,"
            " h.engine FROM sightings s JOIN rule_runs r ON r.id = s.run JOIN hunts h ON h.id = r.hunt"
            " JOIN versions v ON v.id = r.version WHERE s.finding = ? ORDER BY s.run",
            (finding,),
        )
        found: list[Sighting] = []
        for run, hunt, as_of, state, *rest in rows:
            last = found[-1] if found else None
            if last is not None and last.same(state, *rest):
                found[-1] = last.until(run, hunt, as_of)
            else:
                found.append(Sighting(run, run, hunt, hunt, as_of, as_of, State(state), *rest))
        return found

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

    def knows_exclusion(self, exclusion: str) -> bool:
        """Whether a run of any rule had an exclusion of that name."""
        row = self.db.execute("SELECT 1 FROM run_exclusions WHERE exclusion = ? LIMIT 1", (exclusion,)).fetchone()
        return row is not None

    def not_run(self, hunt: int) -> list[tuple[str, str, str]]:
        """(rule, status, reason) of the rules of a hunt that did not run."""
        return self.db.execute(
            "SELECT rule_name, status, reason FROM runs WHERE hunt = ? AND status <> 'ok' ORDER BY id", (hunt,)
        ).fetchall()


def _damaged(problem: sqlite3.Error, path: Path) -> LurcherError:
    if "locked" in str(problem) or "interrupted" in str(problem):
        return LurcherError(f"the ledger cannot be read: {problem}", "try again", str(path))
    return LurcherError(
        f"the ledger is damaged: {problem}",
        "lurcher findings rebuild makes it again from the records beside it",
        str(path),
    )
