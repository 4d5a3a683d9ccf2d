"""The ledger's tables, and opening it.

Two hunts may write at once, and either may be killed at any moment: SQLite's write-ahead log keeps the last whole transaction, a
writer waits for the other, and a transaction that is going to write says so at its start (else two that have read would both
fail to go on). A ledger belongs on a local disk: SQLite's locks are not to be trusted on a network share.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from lurcher.errors import LurcherError

#: `PRAGMA application_id`: "lurc". Tells a ledger from any other SQLite file.
APPLICATION_ID = 0x6C757263
VERSION = 1
WAIT_MS = 30_000

_TABLES = """
CREATE TABLE hunts (
    id INTEGER PRIMARY KEY, started TEXT NOT NULL, as_of TEXT NOT NULL, engine TEXT NOT NULL, data_fingerprint TEXT NOT NULL
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, hunt INTEGER NOT NULL REFERENCES hunts, rule TEXT NOT NULL, rule_name TEXT NOT NULL,
    rule_hash TEXT NOT NULL, exclusion_hash TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    window_low TEXT NOT NULL, window_high TEXT NOT NULL, evidence_total INTEGER, evidence_explained INTEGER NOT NULL
);
CREATE INDEX runs_of_rule ON runs (rule, id);
CREATE TABLE run_exclusions (
    run INTEGER NOT NULL REFERENCES runs, exclusion TEXT NOT NULL, in_force INTEGER NOT NULL, reason TEXT NOT NULL,
    text TEXT NOT NULL, PRIMARY KEY (run, exclusion)
) WITHOUT ROWID;
CREATE TABLE result_rows (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE findings (
    id INTEGER PRIMARY KEY, rule TEXT NOT NULL, entity_hash BLOB NOT NULL, entity TEXT NOT NULL, device TEXT NOT NULL,
    state TEXT NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, first_run INTEGER NOT NULL, last_run INTEGER NOT NULL,
    first_shown_run INTEGER, UNIQUE (rule, entity_hash)
);
CREATE TABLE sightings (
    finding INTEGER NOT NULL REFERENCES findings, run INTEGER NOT NULL REFERENCES runs, state TEXT NOT NULL, total INTEGER,
    explained INTEGER NOT NULL, result_row INTEGER REFERENCES result_rows, PRIMARY KEY (finding, run)
) WITHOUT ROWID;
CREATE TABLE explanations (
    finding INTEGER NOT NULL REFERENCES findings, run INTEGER NOT NULL REFERENCES runs, exclusion TEXT NOT NULL,
    explained INTEGER NOT NULL, alone INTEGER NOT NULL, PRIMARY KEY (finding, run, exclusion)
) WITHOUT ROWID;
CREATE TABLE evidence (
    finding INTEGER NOT NULL REFERENCES findings, device_id TEXT NOT NULL, timestamp TEXT NOT NULL, report_id TEXT NOT NULL,
    sha1 TEXT NOT NULL, first_run INTEGER NOT NULL, explained_by TEXT NOT NULL,
    PRIMARY KEY (finding, device_id, timestamp, report_id, sha1)
) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open a ledger, making it where there is none. Raises `LurcherError` for a file that is none, is damaged, or is of a newer
    version than this program knows."""
    try:
        db = sqlite3.connect(path, timeout=WAIT_MS / 1000, isolation_level=None)
        db.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
        _prepare(db, path)
    except sqlite3.OperationalError as problem:
        raise LurcherError(
            f"the ledger cannot be opened: {problem}", "is the folder there, and writable?", str(path)
        ) from None
    except sqlite3.DatabaseError as problem:
        raise LurcherError(
            f"this is no ledger, or it is damaged: {problem}",
            "move it away: a new one is made, and hunts can be run again",
            str(path),
        ) from None
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        _make(db, path)
        version = db.execute("PRAGMA user_version").fetchone()[0]
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise LurcherError("this SQLite file is no ledger", "give another path", str(path))
    if version > VERSION:
        raise LurcherError(
            f"the ledger is of version {version}, this program knows {VERSION}", "use a newer lurcher", str(path)
        )
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")


def _make(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have made it while this one waited.
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise LurcherError("this SQLite file is no ledger", "give another path", str(path))
            for statement in _TABLES.split(";"):
                if statement.strip():
                    db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
