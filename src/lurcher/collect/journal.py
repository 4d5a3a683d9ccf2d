"""What is known of the files of a device, below the lake: so that only new and changed ones are read, and none twice after a
kill.

A SQLite file a device. `file` says how each file was (a stamp over size, time, device and number, and over the settings);
`pending` holds what was found of files whose rows are not in the lake yet; `listed` and `member` are the digests of unsigned
files and of what catalogues vouch for. It is written every second or so: a kill costs no more. Paths are octets, as the disk
has them.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from lurcher.collect import facts_json
from lurcher.collect.examine import FileFacts, NotPe, Rejected, SignatureFacts
from lurcher.errors import LurcherError

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value);
CREATE TABLE IF NOT EXISTS folder (id INTEGER PRIMARY KEY, key BLOB UNIQUE NOT NULL, real BLOB, shown TEXT, seen INTEGER);
CREATE TABLE IF NOT EXISTS file (
    folder INTEGER, name BLOB, stamp BLOB, state TEXT, digest BLOB, catalogue BLOB, PRIMARY KEY (folder, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unread ON file (state) WHERE state = 'u';
CREATE INDEX IF NOT EXISTS vouched ON file (folder) WHERE catalogue IS NOT NULL;
CREATE TABLE IF NOT EXISTS pending (
    number INTEGER PRIMARY KEY, folder INTEGER, name BLOB, at TEXT, facts BLOB, problems TEXT, UNIQUE (folder, name)
);
CREATE TABLE IF NOT EXISTS listed (digest BLOB, folder INTEGER, name BLOB, PRIMARY KEY (digest, folder, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS listed_file ON listed (folder, name);
CREATE TABLE IF NOT EXISTS member (digest BLOB, folder INTEGER, name BLOB, PRIMARY KEY (digest, folder, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS member_file ON member (folder, name);
CREATE TABLE IF NOT EXISTS catalogue (folder INTEGER, name BLOB, trusted INTEGER, signature BLOB, PRIMARY KEY (folder, name));
"""

#: Seconds between two commits.
_INTERVAL = 1.0

# States of a file: nothing that is signed; could not be read; signed, or no catalogue can list it; unsigned, and the digests by
# which a catalogue would list it are known, or not yet; not there any more.
OTHER, REJECTED, SETTLED, LISTED, UNLISTED, GONE = "o", "r", "s", "l", "u", "g"


class Place(NamedTuple):
    """Where a file is known to be: the number of its folder, and its name."""

    folder: int
    name: bytes


class Mark(NamedTuple):
    """A file that is looked at: where it is known to be, its stamp, and whether nothing was known of it before."""

    place: Place
    stamp: bytes
    new: bool = False


class Pending(NamedTuple):
    """A row on its way to the lake. `digest` is over all that it says but when; `changed`: the lake has no such row of the
    file."""

    place: Place
    path: str
    at: datetime
    facts: FileFacts
    digest: bytes
    changed: bool


class Journal:
    """Use as a context: what was not committed is, unless an error passes through."""

    def __init__(self, path: Path) -> None:
        from lurcher.lake import locks
        from lurcher.lake.failures import told

        with told("what is found cannot be kept", path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = locks.hold(path.with_suffix(".lock"))
        if lock is None:
            raise LurcherError("another collection of this device is running", "wait for it, or end it", str(path))
        self._lock, self.path = lock, path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_TABLES)
        except sqlite3.OperationalError as error:
            lock.close()
            raise LurcherError(f"what is found cannot be kept: {error}", "see to the disk", str(path)) from None
        except sqlite3.DatabaseError as error:
            lock.close()
            raise LurcherError(
                f"what is known of earlier collections cannot be read: {error}",
                "remove the file, and collect anew",
                str(path),
            ) from None
        self._next = 0.0
        self._open = False
        self.run = int(self._meta("run") or 0)
        self._algorithms: tuple[str, ...] = tuple(str(self._meta("algorithms") or "").split())
        self._vouching = False

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            self.save()
        except sqlite3.Error:
            if error is None:
                raise
        finally:
            self._db.close()
            self._lock.close()

    # --- a run ---

    def begin(self) -> None:
        self.run += 1
        self._put_meta("run", self.run)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The digests by which the catalogues that are known list files."""
        return self._algorithms

    def folder(self, key: bytes, real: str, shown: str) -> tuple[int, bool]:
        """The number of a folder, which is seen now; and whether it was seen in this run before, from another place."""
        path = os.fsencode(real)
        row = self._db.execute("SELECT id, seen, real FROM folder WHERE key = ?", (key,)).fetchone()
        self._write()
        if row is None:
            cursor = self._db.execute(
                "INSERT INTO folder (key, real, shown, seen) VALUES (?, ?, ?, ?)", (key, path, shown, self.run)
            )
            return int(cursor.lastrowid or 0), False
        if row[1] == self.run and row[2] != path:
            return int(row[0]), True
        self._db.execute(
            "UPDATE folder SET real = ?, shown = ?, seen = ? WHERE id = ?", (path, shown, self.run, row[0])
        )
        return int(row[0]), False

    def known(self, folder: int, after: bytes, last: bytes | None) -> dict[bytes, tuple[bytes, str]]:
        """Files of a folder with names beyond `after`, up to `last` (None: all): name -> stamp, state."""
        query = "SELECT name, stamp, state FROM file WHERE folder = ? AND name > ?"
        rows = (
            self._db.execute(query, (folder, after))
            if last is None
            else self._db.execute(query + " AND name <= ?", (folder, after, last))
        )
        return {name: (stamp, state) for name, stamp, state in rows}

    def spare(self, key: bytes) -> None:
        """Nothing is known now of a folder and of what is below it: it is not gone."""
        self._write()
        self._db.execute(
            "UPDATE folder SET seen = ? WHERE key = ? OR (key > ? AND key < ?)", (self.run, key, key + b"/", key + b"0")
        )

    def gone(self, key: bytes) -> Iterator[list[str]]:
        """Files in folders below `key` that were not seen in this run are gone; their paths, as they were shown, folder by
        folder."""
        rows = self._db.execute(
            "SELECT id FROM folder WHERE (key = ? OR (key > ? AND key < ?)) AND seen <> ? AND seen >= 0",
            (key, key + b"/", key + b"0", self.run),
        ).fetchall()
        for (folder,) in rows:
            query = "SELECT name FROM file WHERE folder = ? AND state <> ?"
            names = [n for (n,) in self._db.execute(query, (folder, GONE))]
            yield self.lose(folder, names)
            self._db.execute("UPDATE folder SET seen = -1 WHERE id = ?", (folder,))

    def lose(self, folder: int, names: list[bytes]) -> list[str]:
        """Files that are gone; their shown paths. What is in the lake of them is still known: where they come back (a share
        that was not mounted), they are no news. What was found of them and is not in the lake yet goes there: they were there."""
        self._write()
        for name in names:
            place = Place(folder, name)
            self._db.execute("UPDATE file SET stamp = x'', state = ? WHERE folder = ? AND name = ?", (GONE, *place))
            if not self._is_pending(place):
                self._unlist(place)
        return [self.shown(Place(folder, name)) for name in names]

    def put(self, mark: Mark, result: FileFacts | NotPe | Rejected, at: datetime) -> None:
        """What was found of a file."""
        self._write()
        place, stamp, new = mark
        match result:
            case FileFacts():
                state = LISTED if result.listed else UNLISTED if result.listable else SETTLED
                self._db.execute(
                    "INSERT INTO pending (folder, name, at, facts, problems) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT DO UPDATE SET at = excluded.at, facts = excluded.facts, problems = excluded.problems",
                    (*place, at.isoformat(), facts_json.dump(result), "\n".join(result.problems)),
                )
            case NotPe():
                state = OTHER
            case _:
                state = REJECTED
        self._db.execute(
            "INSERT INTO file (folder, name, stamp, state) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET stamp = excluded.stamp, state = excluded.state",
            (*place, stamp, state),
        )
        if not new:
            self._unlist(place)
        if isinstance(result, FileFacts):
            self._list(place, result)

    # --- catalogues ---

    def _unlist(self, place: Place) -> None:
        self._db.execute("DELETE FROM listed WHERE folder = ? AND name = ?", place)
        if self._db.execute("DELETE FROM catalogue WHERE folder = ? AND name = ?", place).rowcount:
            self._db.execute("DELETE FROM member WHERE folder = ? AND name = ?", place)
            self._vouching = True

    def _list(self, place: Place, facts: FileFacts) -> None:
        if facts.members and facts.is_signed:
            signature = facts.signatures[0]
            self._db.execute(
                "INSERT OR REPLACE INTO catalogue VALUES (?, ?, ?, ?)",
                (*place, bool(signature.is_trusted), _signature(signature)),
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO member VALUES (?, ?, ?)", ((d, *place) for _, d in facts.members)
            )
            kinds = {n for n, _ in facts.members} & {"sha1", "sha256"}
            if not kinds <= set(self._algorithms):
                self._algorithms = tuple(sorted(kinds | set(self._algorithms)))
                self._put_meta("algorithms", " ".join(self._algorithms))
                # Digests of one sort are known of these; now there are two.
                self._db.execute("UPDATE file SET state = ? WHERE state = ?", (UNLISTED, LISTED))
            self._vouching = True
        if facts.listed:
            self._db.executemany(
                "INSERT OR IGNORE INTO listed VALUES (?, ?, ?)",
                ((bytes.fromhex(d), *place) for d in facts.listed.values()),
            )
            self._vouching = True

    def unlisted(self) -> Iterator[Place]:
        """Unsigned files whose digests are wanted now that there are catalogues, and were not computed. The caller may write."""
        if self._algorithms:
            yield from self._in_pieces("SELECT folder, name FROM file WHERE state = 'u' AND (folder, name) > (?, ?)")

    def doubtful(self) -> Iterator[Place]:
        """Files whose rows are in the lake, but which another catalogue vouches for now, or none any more."""
        if not self._vouching:
            return
        for query in (
            "SELECT DISTINCT l.folder, l.name FROM listed l WHERE (l.folder, l.name) > (?, ?) "
            "AND EXISTS (SELECT 1 FROM member m WHERE m.digest = l.digest)",
            "SELECT folder, name FROM file WHERE catalogue IS NOT NULL AND (folder, name) > (?, ?)",
        ):
            for place in self._in_pieces(query):
                row = self._db.execute("SELECT catalogue FROM file WHERE folder = ? AND name = ?", place).fetchone()
                if row is None or self._is_pending(place):
                    continue
                found = self._catalogue_of(place)
                if row[0] != (None if found is None else _mark(found)):
                    yield place

    def _in_pieces(self, query: str) -> Iterator[Place]:
        at: tuple[int, bytes] = (-1, b"")
        while rows := self._db.execute(query + " ORDER BY 1, 2 LIMIT 1000", at).fetchall():
            yield from (Place(*row) for row in rows)
            at = rows[-1]

    def _catalogue_of(self, place: Place) -> tuple[bytes, str] | None:
        """The catalogue that vouches for a file: its signature, and its path; a trusted one before others."""
        row = self._db.execute(
            "SELECT c.signature, f.shown, c.name FROM listed l JOIN member m ON m.digest = l.digest "
            "JOIN catalogue c ON c.folder = m.folder AND c.name = m.name JOIN folder f ON f.id = c.folder "
            "WHERE l.folder = ? AND l.name = ? ORDER BY c.trusted DESC, f.shown, c.name LIMIT 1",
            place,
        ).fetchone()
        return None if row is None else (row[0], _join(row[1], row[2]))

    # --- rows ---

    def waiting(self) -> int:
        """How many files were found whose rows are not in the lake yet."""
        return int(self._db.execute("SELECT count(*) FROM pending").fetchone()[0])

    def pending(self) -> Iterator[Pending]:
        """What goes to the lake, in the order in which it was found."""
        self._db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS outcome (folder INTEGER, name BLOB, digest BLOB, catalogue BLOB, "
            "PRIMARY KEY (folder, name))"
        )
        self._db.execute("DELETE FROM outcome")
        number = -1
        while rows := self._db.execute(
            "SELECT p.number, p.folder, p.name, p.at, p.facts, p.problems, f.digest FROM pending p "
            "LEFT JOIN file f ON f.folder = p.folder AND f.name = p.name WHERE p.number > ? ORDER BY p.number LIMIT 1000",
            (number,),
        ).fetchall():
            outcome = []
            for _, folder, name, at, facts, problems, before in rows:
                place = Place(folder, name)
                path = self.shown(place)
                found = replace(facts_json.load(path, facts), problems=tuple(filter(None, problems.split("\n"))))
                vouched = None if found.is_signed else self._catalogue_of(place)
                mark = None
                if vouched is not None:
                    mark = _mark(vouched)
                    found = _signed_by(found, *vouched)
                digest = hashlib.blake2b(facts + (mark or b""), digest_size=16).digest()
                outcome.append((*place, digest, mark))
                yield Pending(place, path, datetime.fromisoformat(at), found, digest, digest != before)
            self._db.executemany("INSERT INTO outcome VALUES (?, ?, ?, ?)", outcome)
            number = rows[-1][0]

    def done(self, chain: str) -> None:
        """The rows that `pending` gave are in the lake, or need not be."""
        self._write()
        self._db.execute(
            "UPDATE file SET digest = o.digest, catalogue = o.catalogue FROM temp.outcome o "
            "WHERE o.folder = file.folder AND o.name = file.name"
        )
        gone = "SELECT p.folder, p.name FROM pending p JOIN file f ON f.folder = p.folder AND f.name = p.name WHERE f.state = ?"
        for folder, name in self._db.execute(gone, (GONE,)).fetchall():
            self._unlist(Place(folder, name))
        self._db.execute("DELETE FROM pending")
        self._put_meta("chain", chain)
        self._put_meta("committing", "")
        self.save()

    @property
    def chain(self) -> str:
        """The digest of what was put into the lake last; '' before anything was."""
        return str(self._meta("chain") or "")

    @property
    def committing(self) -> str:
        """The digest under which the pending rows were being put into the lake when a run was killed; '' otherwise."""
        return str(self._meta("committing") or "")

    def commits(self, digest: str) -> None:
        self._put_meta("committing", digest)
        self.save()

    # --- the file ---

    def shown(self, place: Place) -> str:
        row = self._db.execute("SELECT shown FROM folder WHERE id = ?", (place.folder,)).fetchone()
        return _join(row[0] if row else "", place.name)

    def real(self, place: Place) -> str:
        row = self._db.execute("SELECT real FROM folder WHERE id = ?", (place.folder,)).fetchone()
        return os.path.join(os.fsdecode(row[0]), os.fsdecode(place.name)) if row else os.fsdecode(place.name)

    def seen_now(self, place: Place) -> bool:
        """Whether the folder was walked in this run."""
        row = self._db.execute("SELECT seen FROM folder WHERE id = ?", (place.folder,)).fetchone()
        return row is not None and row[0] == self.run

    def save(self) -> None:
        if self._open:
            self._open = False
            self._db.execute("COMMIT")

    def _is_pending(self, place: Place) -> bool:
        return self._db.execute("SELECT 1 FROM pending WHERE folder = ? AND name = ?", place).fetchone() is not None

    def _write(self) -> None:
        if self._open and time.monotonic() > self._next:
            self.save()
        if not self._open:
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True
            self._next = time.monotonic() + _INTERVAL

    def _meta(self, key: str) -> Any:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _put_meta(self, key: str, value: object) -> None:
        self._write()
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What goes wrong with the journal's file, in words: a full disk, a file that was damaged."""
    try:
        yield
    except sqlite3.Error as error:
        raise LurcherError(
            f"what was found cannot be kept: {error}",
            "what is in the lake is unharmed; see to the disk, and collect again",
            str(path),
        ) from None


def _signature(signature: SignatureFacts) -> bytes:
    import orjson

    return orjson.dumps(facts_json.dump_signature(signature))


def _mark(vouched: tuple[bytes, str]) -> bytes:
    return hashlib.blake2b(vouched[0] + vouched[1].encode(), digest_size=16).digest()


def _signed_by(facts: FileFacts, signature: bytes, path: str) -> FileFacts:
    """An unsigned file for which a catalogue vouches: the catalogue's signer is its own."""
    import orjson

    found = facts_json.load_signature(orjson.loads(signature))
    status = found.status if found.is_trusted else f"its catalogue: {found.status}"
    vouched = replace(found, signature_type="Catalog", status=status)
    return replace(facts, signatures=(vouched,), details={**facts.details, "Catalog": path})


def _join(folder: str, name: bytes) -> str:
    from lurcher.collect.signatures import readable

    text = readable(os.fsdecode(name))
    posix = folder.startswith("/") or ("\\" not in folder and not folder.endswith(":"))
    separator = "/" if posix else "\\"
    return folder + text if folder.endswith(separator) else f"{folder}{separator}{text}" if folder else text
