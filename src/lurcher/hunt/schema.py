"""The ledger's tables, and opening it.

Two hunts may write at once, and either may be killed at any moment: SQLite's write-ahead log keeps the last whole transaction, a
writer waits for the other, and a transaction that is going to write says so at its start (else two that have read would both
fail to go on). A ledger belongs on a local disk: SQLite's locks are not to be trusted on a network share.

What a hunt finds again unchanged is not written again: a *spell* is a finding in one state, with one result row and the same
counts, over consecutive runs of its rule; while it is open it goes on with every run. Each write is of whole rows, so that what a
hunt wrote can be kept beside the ledger and written again (`ledger_records`).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from lurcher.errors import LurcherError

#: `PRAGMA application_id`: "lurc". Tells a ledger from any other SQLite file.
APPLICATION_ID = 0x6C757263
VERSION = 2
WAIT_MS = 30_000

#: Tables whose rows are kept beside the ledger as well, with their columns in order.
COLUMNS: dict[str, tuple[str, ...]] = {
    "hunts": ("id", "uid", "started", "as_of", "engine", "data_fingerprint", "missed"),
    "rules": ("id", "key", "last_ok", "last_as_of"),
    "versions": ("id", "hash", "rule_name", "rule_hash", "exclusion_hash", "exclusions"),
    "rule_runs": (
        "id", "hunt", "rule", "version", "status", "reason", "window_low", "window_high", "evidence_total",
        "evidence_explained",
    ),
    "result_rows": ("id", "hash", "text"),
    "found": (
        "id", "rule", "entity_hash", "entity", "device", "state", "first_seen", "last_seen", "timed", "first_run", "last_run",
        "first_shown_run", "spell", "closing", "again", "back",
    ),
    "spells": (
        "finding", "first_run", "last_run", "state", "total", "explained", "result_row", "explained_by", "keys", "first", "last",
    ),
    "evidence": ("finding", "device_id", "timestamp", "report_id", "sha1", "first_run", "explained_by"),
    "closings": ("id", "uid", "finding", "at", "run", "verdict", "note", "who", "last_seen"),
    "entities": ("kind", "value", "device", "first_seen", "last_seen", "first_run"),
    "arrivals": ("tab", "digest", "hunt"),
}  # fmt: skip

TABLES = """
CREATE TABLE hunts (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, started TEXT NOT NULL, as_of TEXT NOT NULL, engine TEXT NOT NULL,
    data_fingerprint TEXT NOT NULL, missed TEXT NOT NULL
);
CREATE TABLE rules (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, last_ok INTEGER, last_as_of TEXT NOT NULL);
CREATE TABLE versions (
    id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, rule_name TEXT NOT NULL, rule_hash TEXT NOT NULL,
    exclusion_hash TEXT NOT NULL, exclusions TEXT NOT NULL
);
CREATE TABLE rule_runs (
    id INTEGER PRIMARY KEY, hunt INTEGER NOT NULL, rule INTEGER NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, window_low TEXT NOT NULL, window_high TEXT NOT NULL, evidence_total INTEGER,
    evidence_explained INTEGER NOT NULL
);
CREATE INDEX rule_runs_of_rule ON rule_runs (rule, id);
CREATE INDEX rule_runs_of_hunt ON rule_runs (hunt);
CREATE TABLE result_rows (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE found (
    id INTEGER PRIMARY KEY, rule INTEGER NOT NULL, entity_hash TEXT NOT NULL, entity TEXT NOT NULL, device TEXT NOT NULL,
    state TEXT NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, timed INTEGER NOT NULL, first_run INTEGER NOT NULL,
    last_run INTEGER, first_shown_run INTEGER, spell INTEGER NOT NULL, closing INTEGER, again INTEGER, back INTEGER NOT NULL,
    UNIQUE (rule, entity_hash)
);
CREATE TABLE spells (
    finding INTEGER NOT NULL, first_run INTEGER NOT NULL, last_run INTEGER, state TEXT NOT NULL, total INTEGER,
    explained INTEGER NOT NULL, result_row INTEGER, explained_by TEXT NOT NULL, keys TEXT NOT NULL, first TEXT NOT NULL,
    last TEXT NOT NULL, PRIMARY KEY (finding, first_run)
) WITHOUT ROWID;
CREATE TABLE evidence (
    finding INTEGER NOT NULL, device_id TEXT NOT NULL, timestamp TEXT NOT NULL, report_id TEXT NOT NULL,
    sha1 TEXT NOT NULL, first_run INTEGER NOT NULL, explained_by TEXT NOT NULL,
    PRIMARY KEY (finding, device_id, timestamp, report_id, sha1)
) WITHOUT ROWID;
CREATE TABLE closings (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, finding INTEGER NOT NULL, at TEXT NOT NULL, run INTEGER NOT NULL,
    verdict TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, last_seen TEXT NOT NULL
);
CREATE INDEX closings_of_finding ON closings (finding, id);
CREATE TABLE entities (
    kind TEXT NOT NULL, value TEXT NOT NULL, device TEXT NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL,
    first_run INTEGER NOT NULL, PRIMARY KEY (kind, value, device)
) WITHOUT ROWID;
CREATE TABLE arrivals (tab TEXT NOT NULL, digest TEXT NOT NULL, hunt INTEGER NOT NULL, PRIMARY KEY (tab, digest)) WITHOUT ROWID;
CREATE TABLE records (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, checksum TEXT NOT NULL);
CREATE TABLE watches (name TEXT PRIMARY KEY, slot TEXT NOT NULL, every REAL NOT NULL) WITHOUT ROWID;
CREATE VIEW runs AS SELECT r.id, r.hunt, k.key AS rule, v.rule_name, v.rule_hash, v.exclusion_hash, r.status, r.reason,
    r.window_low, r.window_high, r.evidence_total, r.evidence_explained
    FROM rule_runs r JOIN rules k ON k.id = r.rule JOIN versions v ON v.id = r.version;
CREATE VIEW run_exclusions AS SELECT r.id AS run, json_extract(j.value, '$[0]') AS exclusion,
    json_extract(j.value, '$[1]') AS in_force, json_extract(j.value, '$[2]') AS reason, json_extract(j.value, '$[3]') AS text
    FROM rule_runs r JOIN versions v ON v.id = r.version, json_each(v.exclusions) j;
CREATE VIEW sightings AS SELECT s.finding, r.id AS run, s.state, s.total, s.explained, s.result_row, s.explained_by, s.first,
    s.last, s.first_run AS spell
    FROM rule_runs r JOIN found f ON f.rule = r.rule JOIN spells s ON s.finding = f.id AND s.first_run <= r.id
    AND coalesce(s.last_run, 9223372036854775807) >= r.id WHERE r.status = 'ok';
CREATE VIEW explanations AS SELECT s.finding, s.run, j.key AS exclusion, json_extract(j.value, '$[0]') AS explained,
    json_extract(j.value, '$[1]') AS alone FROM sightings s, json_each(s.explained_by) j;
CREATE VIEW findings AS SELECT f.id, k.key AS rule, f.entity_hash, f.entity, f.device,
    CASE WHEN f.closing IS NOT NULL AND NOT f.back THEN 'closed' ELSE f.state END AS state, f.first_seen,
    CASE WHEN f.timed OR f.last_run IS NOT NULL THEN f.last_seen ELSE k.last_as_of END AS last_seen, f.first_run,
    coalesce(f.last_run, k.last_ok) AS last_run, f.first_shown_run, f.spell, f.closing, f.again, f.back
    FROM found f JOIN rules k ON k.id = f.rule
"""


def connect(path: Path | None) -> sqlite3.Connection:
    """Open a ledger, making it where there is none; in memory where no path is given. Raises `LurcherError` for a file that is
    none, is damaged, or is of a newer version than this program knows."""
    where = str(path) if path is not None else ":memory:"
    try:
        db = sqlite3.connect(where, timeout=WAIT_MS / 1000, isolation_level=None)
        db.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
        _prepare(db, path)
    except sqlite3.OperationalError as problem:
        raise LurcherError(
            f"the ledger cannot be opened: {problem}", "is the folder there, and writable?", where
        ) from None
    except sqlite3.DatabaseError as problem:
        raise LurcherError(
            f"this is no ledger, or it is damaged: {problem}",
            "where it was one: lurcher findings rebuild makes it again from the records beside it",
            where,
        ) from None
    return db


def _prepare(db: sqlite3.Connection, path: Path | None) -> None:
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
    if version < VERSION and path is not None:
        from lurcher.hunt.ledger_migrations import migrate

        migrate(db, path, version)


def create(db: sqlite3.Connection) -> None:
    """The tables of this version, within a transaction of the caller's."""
    for statement in TABLES.split(";"):
        if statement.strip():
            db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")


def _make(db: sqlite3.Connection, path: Path | None) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have made it while this one waited.
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise LurcherError("this SQLite file is no ledger", "give another path", str(path))
            create(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
