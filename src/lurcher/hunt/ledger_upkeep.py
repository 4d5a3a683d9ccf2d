"""Looking whether a ledger is whole, and making it again from the records beside it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from lurcher.errors import LurcherError
from lurcher.hunt import ledger_records as records
from lurcher.hunt.schema import connect


@dataclass(frozen=True)
class Verified:
    """`wrong`: what is not as it should be, in words."""

    records: int
    findings: int
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Rebuilt:
    """`kept`: where the ledger that was there has gone, "" where there was none. `lost`: records that could not be used."""

    records: int
    hunts: int
    findings: int
    kept: str
    lost: int = 0
    why: str = ""


def verify(path: Path) -> Verified:
    """Read all of a ledger and of its records. Raises `LurcherError` only where there is neither."""
    if not path.exists() and not records.numbers(path):
        raise LurcherError("nothing has been hunted here yet", "lurcher hunt RULE...", str(path))
    wrong: list[str] = []
    findings = 0
    there: dict[int, str] = {}
    try:
        if not path.exists():
            raise LurcherError("the ledger has gone, its records are there")
        with contextlib.closing(connect(path)) as db:
            wrong += [f"ledger: {r[0]}" for r in db.execute("PRAGMA integrity_check(5)").fetchall() if r[0] != "ok"]
            there = dict(db.execute("SELECT seq, checksum FROM records ORDER BY seq").fetchall())
            findings = db.execute("SELECT count(*) FROM findings").fetchone()[0]
            wrong += _against(db, path)
    except LurcherError as problem:
        wrong.append(f"ledger: {problem.message}")
    except sqlite3.DatabaseError as problem:
        wrong.append(f"ledger: {problem}")
    numbers = records.numbers(path)
    for seq in sorted({*numbers, *there}):
        try:
            record = records.read(path, seq)
            if seq in there and record.checksum != there[seq]:
                wrong.append(f"record {seq}: the ledger knows it with other content")
        except LurcherError as problem:
            wrong.append(f"record {seq}: {problem.message}")
    return Verified(len(numbers), findings, tuple(wrong))


def _against(db: sqlite3.Connection, path: Path) -> list[str]:
    """Whether the ledger holds what its records say."""
    try:
        made = _made(path, None)
    except LurcherError:
        return []  # told record by record
    if made is None:
        return []
    with contextlib.closing(made[0]) as other:
        if records.last_of(other) != records.last_of(db):
            return []
        mine, theirs = records.all_rows(db), records.all_rows(other)
        return [f"ledger: {t} differ from what the records say" for t in mine if mine[t] != theirs[t]]


def _made(path: Path, target: Path | None, *, partly: bool = False) -> tuple[sqlite3.Connection, int, str] | None:
    """A ledger out of the records: (the ledger, records used, why no more)."""
    if not records.numbers(path):
        return None
    db = connect(target)
    used, why = 0, ""
    db.execute("BEGIN")
    try:
        for record in records.chain(path):
            records.apply(db, record)
            used += 1
    except LurcherError as problem:
        if not partly or not used:
            db.close()
            raise
        why = str(problem)
    except sqlite3.Error as problem:
        db.close()
        raise LurcherError(
            f"the records cannot be put together: {problem}", path=str(records.folder_of(path))
        ) from None
    db.execute("COMMIT")
    return db, used, why


def rebuild(path: Path, *, partly: bool = False) -> Rebuilt:
    """Make the ledger again from its records; the one that was there is kept beside it. With `partly` what stands before a
    damaged record is enough. Raises `LurcherError`, and then all is as it was."""
    there = records.numbers(path)
    if not there:
        raise LurcherError(
            "there are no records beside the ledger to make it from",
            "restore a copy of both",
            str(records.folder_of(path)),
        )
    target = path.with_name(f"{path.name}.rebuilt")
    for name in _with_logs(target):
        name.unlink(missing_ok=True)
    try:
        made = _made(path, target, partly=partly)
    except LurcherError as problem:
        for name in _with_logs(target):
            name.unlink(missing_ok=True)
        hint = "lurcher findings rebuild --partly takes what stands before it; a copy of the folder may have it whole"
        raise LurcherError(problem.message, hint, problem.path) from None
    assert made is not None
    db, used, why = made
    hunts = db.execute("SELECT count(*) FROM hunts").fetchone()[0]
    findings = db.execute("SELECT count(*) FROM found").fetchone()[0]
    last = records.last_of(db)[0]
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()
    kept = _aside(path)
    os.replace(target, path)
    lost = [n for n in there if n > last]
    for n in lost:
        # Out of the way of the records to come; not deleted.
        os.replace(records.file_of(path, n), records.file_of(path, n).with_suffix(".lost"))
    return Rebuilt(used, hunts, findings, kept, len(lost), why)


def _with_logs(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal"))


def _aside(path: Path) -> str:
    """Move the ledger that is there, with its logs, out of the way."""
    if not path.exists():
        for log in _with_logs(path)[1:]:
            log.unlink(missing_ok=True)
        return ""
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for old, new in zip(_with_logs(path), _with_logs(kept), strict=True):
        if old.exists():
            os.replace(old, new)
    return str(kept)
