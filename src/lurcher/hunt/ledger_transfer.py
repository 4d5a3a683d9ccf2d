"""A ledger as a file of JSON lines, and merging one into another.

Merging puts the hunts of both in the order of time and lets the states follow from them anew. Findings keep their numbers; hunts
and runs are numbered by time. What a hunt or a closing is, its `uid` says, so what is there already is not taken again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial as bound
from pathlib import Path
from typing import Any

from lurcher.errors import LurcherError
from lurcher.hunt import ledger_records as records
from lurcher.hunt.ledger import Ledger
from lurcher.hunt.ledger_closing import mark
from lurcher.hunt.ledger_runs import Recording, RunRecord, SeenRecord
from lurcher.hunt.run import EvidenceKey, Seen
from lurcher.hunt.schema import COLUMNS, VERSION

_WHAT = "lurcher findings"


@dataclass(frozen=True)
class Merged:
    """What a merge brought: hunts, closings, findings that were not there."""

    hunts: int
    closings: int
    findings: int


def export_ledger(ledger: Ledger, path: Path) -> int:
    """Write all of a ledger, whole or not at all; gives the number of findings."""
    ledger.db.execute("BEGIN")
    try:
        rows = records.all_rows(ledger.db)
    finally:
        ledger.db.execute("COMMIT")
    sha = hashlib.sha256()
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps({"what": _WHAT, "version": VERSION}) + "\n")
            for table in COLUMNS:
                for row in rows[table]:
                    line = json.dumps([table, *row], ensure_ascii=True, separators=(",", ":"))
                    sha.update(line.encode())
                    file.write(line + "\n")
            file.write(json.dumps({"end": True, "sha256": sha.hexdigest()}) + "\n")
        os.replace(partial, path)
    except OSError as problem:
        partial.unlink(missing_ok=True)
        raise LurcherError(f"it cannot be written: {problem.strerror or problem}", path=str(path)) from None
    return len(rows["found"])


def _read(path: Path) -> dict[str, list[list[Any]]]:
    rows: dict[str, list[list[Any]]] = {t: [] for t in COLUMNS}
    sha = hashlib.sha256()
    ended = False
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.rstrip("\n")
                data = json.loads(line)
                if number == 1:
                    if data["what"] != _WHAT:
                        raise ValueError
                    if data["version"] != VERSION:
                        raise LurcherError(
                            f"it is of version {data['version']}, this program knows {VERSION}", "", str(path)
                        )
                elif isinstance(data, dict):
                    ended = data["sha256"] == sha.hexdigest()
                    break
                else:
                    table, *row = data
                    records.check({table: [row]})
                    sha.update(line.encode())
                    rows[table].append(row)
    except OSError as problem:
        raise LurcherError(f"it cannot be read: {problem.strerror or problem}", path=str(path)) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise LurcherError(
            "these are no exported findings", "lurcher findings export FILE writes them", str(path), number
        ) from None
    if not ended:
        raise LurcherError("the file is cut, or was changed", "export it again", str(path))
    return rows


def import_ledger(path: Path, file: Path) -> Merged:
    """Merge an exported ledger into the one at `path`; all of it or nothing. Raises `LurcherError`."""
    rows = _read(file)
    with Ledger.in_memory() as other, Ledger.open(path) as ledger:
        try:
            records.put(other.db, rows)
        except sqlite3.Error as problem:
            raise LurcherError(f"these are no exported findings: {problem}", path=str(file)) from None
        if all(theirs <= ours for theirs, ours in zip(_uids(other), _uids(ledger), strict=True)):
            return Merged(0, 0, 0)
        with ledger.writing("snapshot") as recording:
            ours, theirs = _uids(ledger), _uids(other)
            new = [theirs[n] - ours[n] for n in (0, 1)]
            before = ledger.db.execute("SELECT count(*) FROM found").fetchone()[0]
            _merge(ledger, other, new[0], new[1], recording)
            after = ledger.db.execute("SELECT count(*) FROM found").fetchone()[0]
    return Merged(len(new[0]), len(new[1]), after - before)


def _uids(ledger: Ledger) -> tuple[set[str], set[str]]:
    hunts, closings = ({r[0] for r in ledger.db.execute(f"SELECT uid FROM {t}")} for t in ("hunts", "closings"))
    return hunts, closings


def _merge(ledger: Ledger, other: Ledger, hunts: set[str], closings: set[str], recording: Recording) -> None:
    made = Ledger.in_memory()
    numbers = {
        (key, entity): id_
        for key, entity, id_ in ledger.db.execute(
            "SELECT k.key, f.entity_hash, f.id FROM found f JOIN rules k ON k.id = f.rule"
        )
    }
    highest = max(numbers.values(), default=0)
    events: list[tuple[str, int, str, Ledger, Any]] = []
    for source, wanted, judged in ((ledger, None, None), (other, hunts, closings)):
        for hunt in source.db.execute("SELECT id, uid, started, as_of, engine, data_fingerprint FROM hunts").fetchall():
            if wanted is None or hunt[1] in wanted:
                events.append((hunt[2], 0, hunt[1], source, hunt))
        for closing in source.db.execute(
            "SELECT c.uid, k.key, f.entity_hash, c.at, c.verdict, c.note, c.who FROM closings c JOIN found f ON f.id = c.finding"
            " JOIN rules k ON k.id = f.rule ORDER BY c.id"
        ).fetchall():
            if judged is None or closing[0] in judged:
                events.append((closing[3], 1, closing[0], source, closing))
    with made:
        new_number: dict[str, int] = {}
        made.db.execute("BEGIN")
        for _, kind, uid, source, event in sorted(events, key=lambda e: e[:3]):
            step = Recording(made.db, numbers, _next={"found": max(highest, _highest(made))})
            if kind == 0:
                new_number[uid] = step.hunt(event[1:], list(_runs(source, event[0])), ())
            else:
                _judge(made, step, event)
            step.flush()
        made.db.execute("COMMIT")
        rows = records.all_rows(made.db)
    ids = {n: new_number[uid] for n, uid in ledger.db.execute("SELECT id, uid FROM hunts")}
    missed = {new_number[uid]: text for uid, text in ledger.db.execute("SELECT uid, missed FROM hunts")}
    rows["hunts"] = [(*h[:6], missed.get(h[0], "")) for h in rows["hunts"]]
    # What has come into this lake is not what came into the other.
    rows["arrivals"] = [
        (tab, source, ids[hunt]) for tab, source, hunt in ledger.db.execute("SELECT tab, digest, hunt FROM arrivals")
    ]
    for table in COLUMNS:
        ledger.db.execute(f"DELETE FROM {table}")
    records.put(ledger.db, rows)


def _highest(ledger: Ledger) -> int:
    return int(ledger.db.execute("SELECT coalesce(max(id), 0) FROM found").fetchone()[0])


def _judge(made: Ledger, step: Recording, closing: tuple[Any, ...]) -> None:
    uid, key, entity, at, verdict, note, who = closing
    row = made.db.execute(
        "SELECT f.id, f.last_seen FROM findings f WHERE f.rule = ? AND f.entity_hash = ?", (key, entity)
    ).fetchone()
    if row is None:
        return
    run = made.db.execute("SELECT coalesce(max(id), 0) FROM rule_runs").fetchone()[0]
    id_ = step.number("closings")
    step.put("closings", (id_, uid, row[0], at, run, verdict, note, who, row[1]))
    mark(made, step, row[0], None if verdict == "reopened" else id_)


def _runs(source: Ledger, hunt: int) -> Iterator[RunRecord]:
    """The runs of a hunt as they were recorded."""
    from lurcher.hunt.baselines import entities_of

    for run in source.db.execute(
        "SELECT r.id, k.key, v.rule_name, v.rule_hash, v.exclusion_hash, v.exclusions, r.status, r.reason, r.window_low,"
        " r.window_high, r.evidence_total, r.evidence_explained FROM rule_runs r JOIN rules k ON k.id = r.rule"
        " JOIN versions v ON v.id = r.version WHERE r.hunt = ? ORDER BY r.id",
        (hunt,),
    ).fetchall():
        seen = []
        for finding, entity, device, state, total, explained, text, by, first, last, keys_hash in source.db.execute(
            "SELECT s.finding, f.entity, f.device, s.state, s.total, s.explained, w.text, s.explained_by, s.first, s.last,"
            " p.keys FROM sightings s JOIN found f ON f.id = s.finding JOIN spells p ON p.finding = s.finding"
            " AND p.first_run = s.spell LEFT JOIN result_rows w ON w.id = s.result_row"
            " WHERE s.run = ? AND s.state <> 'gone' ORDER BY s.finding",
            (run[0],),
        ).fetchall():
            keys = tuple(
                EvidenceKey(d, t, r, s, tuple(json.loads(b)))
                for d, t, r, s, b in source.db.execute(
                    "SELECT device_id, timestamp, report_id, sha1, explained_by FROM evidence WHERE finding = ?"
                    " AND first_run = ?",
                    (finding, run[0]),
                )
            )
            row = json.loads(text) if text is not None else {}
            one = Seen(entity, device, row, True, keys=keys)
            seen.append(
                SeenRecord(
                    entity, device, text, state in ("new", "known"), total, explained, by, first, last, keys, keys_hash,
                    bound(entities_of, one, {}),
                )
            )  # fmt: skip
        yield RunRecord(
            run[1], run[2], run[3], run[4], run[5], run[6], run[7], (run[8], run[9]), run[10], run[11], tuple(seen)
        )  # fmt: skip
