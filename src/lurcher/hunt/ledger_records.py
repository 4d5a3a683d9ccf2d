"""What each hunt and each closing wrote, kept in files beside the ledger: `ledger/00000012.json.gz`.

A record is two lines of JSON: what it is, with the SHA-256 of the second line and of the record before it; and the rows that were
written, by table. It is on the disk before the ledger's transaction is committed. So a ledger that is a record behind (a process
was killed in between, or the file came from a backup) is brought up to date when it is opened, and one that is damaged is made
again from all of them.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lurcher.errors import LurcherError
from lurcher.hunt.schema import COLUMNS

#: Rows by table, as they are written.
Rows = Mapping[str, Sequence[Sequence[Any]]]
_WHAT = "lurcher ledger record"
#: A record that is larger is none of ours.
_MAX_BYTES = 4 << 30
#: What comes of reading a file that is damaged.
_UNREADABLE = (OSError, EOFError, ValueError, zlib.error)


@dataclass(frozen=True)
class Record:
    """`kind`: `hunt`, `closing`, or `snapshot`, which holds all rows there are."""

    seq: int
    kind: str
    checksum: str
    before: str
    rows: Rows


def folder_of(path: Path) -> Path:
    return path.with_suffix("")


def file_of(path: Path, seq: int) -> Path:
    return folder_of(path) / f"{seq:08}.json.gz"


def write(path: Path, seq: int, kind: str, before: str, rows: Rows) -> str:
    """Put a record beside the ledger at `path`, whole or not at all; gives its checksum."""
    body = json.dumps({k: v for k, v in rows.items() if v}, ensure_ascii=False, separators=(",", ":")).encode()
    checksum = hashlib.sha256(before.encode() + body).hexdigest()
    head = json.dumps({"what": _WHAT, "seq": seq, "kind": kind, "before": before, "checksum": checksum}).encode()
    folder = folder_of(path)
    target = file_of(path, seq)
    partial = target.with_suffix(f".{os.getpid()}.part")
    try:
        folder.mkdir(exist_ok=True)
        with partial.open("wb") as file:
            file.write(gzip.compress(head + b"\n" + body + b"\n", 6, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
        _sync(folder)
    except OSError as problem:
        if folder.is_dir():
            partial.unlink(missing_ok=True)
        raise LurcherError(
            f"the ledger's record cannot be written: {problem.strerror or problem}", "is the disk full?", str(target)
        ) from None
    return checksum


def _sync(folder: Path) -> None:
    if os.name != "posix":  # pragma: no cover
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path, seq: int) -> Record:
    """Raises `LurcherError` for a record that is damaged or missing."""
    return read_file(file_of(path, seq), seq)


def read_file(file: Path, seq: int | None = None) -> Record:
    def damaged(why: str) -> LurcherError:
        return LurcherError(f"a record of the ledger is damaged: {why}", path=str(file))

    try:
        with gzip.open(file) as stream:
            content = stream.read(_MAX_BYTES)
    except FileNotFoundError:
        raise LurcherError("a record of the ledger is missing", path=str(file)) from None
    except (*_UNREADABLE, MemoryError) as problem:
        raise damaged(str(problem)) from None
    first, _, body = content.removesuffix(b"\n").partition(b"\n")
    try:
        head = json.loads(first)
        rows = json.loads(body)
        if head["what"] != _WHAT or (seq is not None and head["seq"] != seq):
            raise damaged("it is another one")
        if hashlib.sha256(str(head["before"]).encode() + body).hexdigest() != head["checksum"]:
            raise damaged("its checksum is another")
        check(rows)
        return Record(int(head["seq"]), str(head["kind"]), str(head["checksum"]), str(head["before"]), rows)
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise damaged(f"{type(problem).__name__}") from None


def check(rows: Any) -> None:
    """Only rows of the tables there are, of their width, made of what a database takes. Raises `ValueError`, `KeyError` or
    `TypeError`."""
    for table, given in rows.items():
        width = len(COLUMNS[table])
        for row in given:
            if len(row) != width or not all(map(_storable, row)):
                raise ValueError(table)


def _storable(value: Any) -> bool:
    if isinstance(value, str):
        # Half of a surrogate pair is in no encoding.
        return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)
    return -(1 << 63) <= value < 1 << 63 if isinstance(value, int) else isinstance(value, float | None)


def apply(db: sqlite3.Connection, record: Record) -> None:
    """Write a record's rows, within a transaction of the caller's."""
    if record.kind == "snapshot":
        for table in COLUMNS:
            db.execute(f"DELETE FROM {table}")
    put(db, record.rows)
    db.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (record.seq, record.kind, record.checksum))


def put(db: sqlite3.Connection, rows: Rows) -> None:
    for table in COLUMNS:
        if given := rows.get(table):
            marks = ", ".join("?" * len(COLUMNS[table]))
            db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", given)


def all_rows(db: sqlite3.Connection) -> dict[str, list[Any]]:
    """All that a ledger holds, as a snapshot has it."""
    return {t: db.execute(f"SELECT {', '.join(c)} FROM {t} ORDER BY 1, 2").fetchall() for t, c in COLUMNS.items()}


def numbers(path: Path) -> list[int]:
    """The records that there are, in order."""
    names = (p.name.partition(".")[0] for p in folder_of(path).glob("*.json.gz"))
    return sorted(int(n) for n in names if n.isdigit())


def last_of(db: sqlite3.Connection) -> tuple[int, str]:
    """(number, checksum) of the last record that a ledger has."""
    row = db.execute("SELECT seq, checksum FROM records ORDER BY seq DESC LIMIT 1").fetchone()
    return (row[0], row[1]) if row is not None else (0, "")


def catch_up(db: sqlite3.Connection, path: Path) -> int:
    """Write what records have that the ledger does not; how many there were. Raises `LurcherError`."""
    if not file_of(path, last_of(db)[0] + 1).exists():
        return 0
    db.execute("BEGIN IMMEDIATE")
    try:
        done = 0
        seq, checksum = last_of(db)
        while file_of(path, seq + 1).exists():
            record = read(path, seq + 1)
            if record.before != checksum and record.kind != "snapshot":
                raise LurcherError(
                    f"the ledger and record {seq + 1} beside it do not belong together",
                    "lurcher findings rebuild makes the ledger again from the records",
                    str(path),
                )
            apply(db, record)
            seq, checksum, done = record.seq, record.checksum, done + 1
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return done


def chain(path: Path) -> Iterator[Record]:
    """The records, in order, from the last snapshot on. Raises `LurcherError` at the first that is damaged or missing."""
    there = numbers(path)
    if not there:
        return
    start = _start(path, there)
    before: str | None = None
    for seq in range(start, there[-1] + 1):
        record = read(path, seq)
        if before is not None and record.before != before and record.kind != "snapshot":
            raise LurcherError("a record does not follow the one before it", path=str(file_of(path, seq)))
        before = record.checksum
        yield record


def _start(path: Path, there: Sequence[int]) -> int:
    """The last snapshot, or the first record of all."""
    for seq in reversed(there):
        try:
            with gzip.open(file_of(path, seq)) as stream:
                head = json.loads(stream.readline(4096))
            if head["kind"] == "snapshot":
                return seq
        except (*_UNREADABLE, KeyError, TypeError, RecursionError):
            continue  # it is told when the record is read
    return 1
