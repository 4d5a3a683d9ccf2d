"""Ledgers of older versions, brought to this one: a step a version, all in one transaction, after a copy is made."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lurcher.errors import LurcherError
from lurcher.hunt import ledger_records as records
from lurcher.hunt.answers import as_json
from lurcher.hunt.findings import State
from lurcher.hunt.ledger_runs import digest
from lurcher.hunt.schema import VERSION, create

_TABLES_1 = ("hunts", "runs", "run_exclusions", "result_rows", "findings", "sightings", "explanations", "evidence")


def migrate(db: sqlite3.Connection, path: Path, version: int) -> None:
    """Raises `LurcherError` where there is no room for the copy, or no way from that version."""
    copy = path.with_name(f"{path.name}.version-{version}")
    if not copy.exists():
        partial = copy.with_name(f"{copy.name}.{os.getpid()}.part")
        try:
            target = sqlite3.connect(partial)
            db.backup(target)
            target.close()
            os.replace(partial, copy)
        except (sqlite3.Error, OSError) as problem:
            partial.unlink(missing_ok=True)
            raise LurcherError(
                f"no copy of the ledger can be made before it is brought to version {VERSION}: {problem}",
                "is the disk full?", str(copy),
            ) from None  # fmt: skip
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited.
        version = db.execute("PRAGMA user_version").fetchone()[0]
        while version < VERSION:
            version = _STEPS[version](db)
            db.execute(f"PRAGMA user_version = {version}")
        if not db.execute("SELECT 1 FROM records").fetchone():
            rows = records.all_rows(db)
            db.execute("INSERT INTO records VALUES (1, 'snapshot', ?)", (records.write(path, 1, "snapshot", "", rows),))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _to_2(db: sqlite3.Connection) -> int:
    """Sightings become spells; what many runs share stands once; entities are read out of the rows."""
    for name in (
        r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    ):
        db.execute(f"DROP INDEX {name}")
    for table in _TABLES_1:
        db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    create(db)
    rules: dict[str, int] = {}
    last_ok: dict[int, tuple[int, str]] = {}
    before: dict[int, int | None] = {}
    rows: dict[str, list[Any]] = {"versions": [], "rule_runs": [], "found": [], "spells": [], "entities": []}
    rows["hunts"] = [
        (h[0], digest(as_json(list(h))), *h[1:], "")
        for h in db.execute("SELECT id, started, as_of, engine, data_fingerprint FROM old_hunts ORDER BY id")
    ]
    as_of = {h[0]: h[3] for h in rows["hunts"]}
    exclusions: dict[int, list[Any]] = {}
    for run, *one in db.execute(
        "SELECT run, exclusion, in_force, reason, text FROM old_run_exclusions ORDER BY run, exclusion"
    ):
        exclusions.setdefault(run, []).append(one)
    versions: dict[str, int] = {}
    for run in db.execute(
        "SELECT id, hunt, rule, rule_name, rule_hash, exclusion_hash, status, reason, window_low, window_high, evidence_total,"
        " evidence_explained FROM old_runs ORDER BY id"
    ).fetchall():
        rule = rules.setdefault(run[2], len(rules) + 1)
        said = (run[3], run[4], run[5], as_json(exclusions.get(run[0], [])))
        if (hash_ := digest(as_json(said))) not in versions:
            versions[hash_] = len(versions) + 1
            rows["versions"].append((versions[hash_], hash_, *said))
        rows["rule_runs"].append((run[0], run[1], rule, versions[hash_], *run[6:]))
        if run[6] == "ok":
            before[run[0]] = last_ok[rule][0] if rule in last_ok else None
            last_ok[rule] = (run[0], as_of[run[1]])
    rows["rules"] = [(n, key, *last_ok.get(n, (None, ""))) for key, n in rules.items()]
    rows["result_rows"] = [
        (id_, digest(text), text) for id_, text in db.execute("SELECT id, text FROM old_result_rows")
    ]
    by: dict[tuple[int, int], dict[str, list[int]]] = {}
    for finding, seen_in, exclusion, explained, alone in db.execute(
        "SELECT finding, run, exclusion, explained, alone FROM old_explanations ORDER BY exclusion"
    ):
        by.setdefault((finding, seen_in), {})[exclusion] = [explained, alone]
    for f in db.execute(
        "SELECT id, rule, entity_hash, entity, device, state, first_seen, last_seen, first_run, last_run, first_shown_run"
        " FROM old_findings ORDER BY id"
    ).fetchall():
        spells = _spells(db, f, by, before)
        seen = [s for s in spells if s[3] != State.GONE]
        rule = rules[f[1]]
        spell = seen[-1]
        going_on = spell[2] == last_ok[rule][0]
        if going_on:
            spell[2] = None
        rows["found"].append(
            (f[0], rule, digest(f[3]), f[3], f[4], f[5], f[6], f[7], 1, f[8], None if going_on else f[9], f[10], spell[1], None,
             None, 0)
        )  # fmt: skip
        rows["spells"] += [tuple(s) for s in spells]
    rows["evidence"] = db.execute(
        "SELECT finding, device_id, timestamp, report_id, sha1, first_run, explained_by FROM old_evidence"
    ).fetchall()
    rows["entities"] = _entities(db, rows)
    records.put(db, rows)
    for table in reversed(_TABLES_1):
        db.execute(f"DROP TABLE old_{table}")
    return 2


def _spells(db: sqlite3.Connection, f: tuple[Any, ...], by: Any, before: dict[int, int | None]) -> list[list[Any]]:
    """A finding's sightings as spells: [finding, first_run, last_run, state, ...]."""
    spells: list[list[Any]] = []
    for run, state, total, explained, row in db.execute(
        "SELECT run, state, total, explained, result_row FROM old_sightings WHERE finding = ? ORDER BY run", (f[0],)
    ):
        said = [state, total, explained, row, as_json(by.get((f[0], run), {}))]
        if spells and state != State.GONE and spells[-1][2] == before.get(run) and spells[-1][3:8] == said:
            spells[-1][2] = run
        else:
            # Of what the evidence was then nothing is known but its ends; the next run keeps it anew.
            ends = ("", "") if state == State.GONE else (f[6], f[7])
            spells.append([f[0], run, run, *said, "" if state == State.GONE else "?", *ends])
    return spells


def _entities(db: sqlite3.Connection, rows: dict[str, list[Any]]) -> list[Any]:
    from lurcher.hunt.baselines import entities_of
    from lurcher.hunt.run import Seen

    texts = {r[0]: r[2] for r in rows["result_rows"]}
    spells = {(s[0], s[1]): s for s in rows["spells"]}
    found: dict[tuple[str, str, str], list[Any]] = {}
    for f in rows["found"]:
        row = json.loads(texts.get(spells[f[0], f[12]][6], "{}"))
        for known in entities_of(Seen(f[3], f[4], row, True), {}):
            key = (known.kind, known.value, known.device)
            there = found.setdefault(key, [*key, f[6], f[7], f[9]])
            there[3], there[4], there[5] = min(there[3], f[6]), max(there[4], f[7]), min(there[5], f[9])
    return list(found.values())


#: From which version -> what brings it on; each gives the version that it comes to.
_STEPS: dict[int, Callable[[sqlite3.Connection], int]] = {1: _to_2}
