"""A table's log as it is on disk: what happened to the table, and which files it has let go of.

What a table holds now is for delta-rs to say (`LakeTable`). Here is what only the commits themselves tell: they are JSON, a
file a version, and none is ever thrown away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

#: In the commitInfo of a commit that removed what was too old (`lake.expire`).
EXPIRED = "lurcher.expired"

_COMMIT = re.compile(r"(\d{20})\.json")


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table. `actions` are the objects of its lines; `wrong` says what is no JSON in it."""

    version: int
    path: Path
    actions: tuple[dict[str, Any], ...]
    wrong: str = ""

    def each(self, kind: str) -> Iterator[dict[str, Any]]:
        for action in self.actions:
            found = action.get(kind)
            if isinstance(found, dict):
                yield found


@dataclass(frozen=True, slots=True)
class Expiration:
    """Rows that were removed for their age. `before`: the first day that stayed (ISO), `on`: when it was done; `rows`: how many of
    each source (the first digits of its digest)."""

    before: str
    on: datetime
    rows: dict[str, int]


def commit_files(folder: Path) -> list[tuple[int, Path]]:
    """The commits of the table in `folder`, in order."""
    try:
        names = [(m, p) for p in (folder / "_delta_log").iterdir() if (m := _COMMIT.fullmatch(p.name))]
    except OSError:
        return []
    return sorted((int(m[1]), p) for m, p in names)


def read(version: int, path: Path) -> Commit:
    import orjson

    try:
        lines = path.read_bytes().splitlines()
        actions = tuple(orjson.loads(line) for line in lines if line.strip())
    except (OSError, ValueError) as error:
        return Commit(version, path, (), str(error))
    if not all(isinstance(a, dict) for a in actions):
        return Commit(version, path, (), "a line is no object")
    return Commit(version, path, actions)


def commits(folder: Path, containing: bytes = b"") -> Iterator[Commit]:
    """The commits, in order; only those in whose text `containing` is."""
    for version, path in commit_files(folder):
        if containing:
            try:
                if containing not in path.read_bytes():
                    continue
            except OSError:
                continue
        yield read(version, path)


def expirations(folder: Path) -> list[Expiration]:
    """What was removed from a table for its age, in order."""
    found = []
    for commit in commits(folder, EXPIRED.encode()):
        for info in commit.each("commitInfo"):
            what = info.get(EXPIRED)
            if isinstance(what, dict) and isinstance(what.get("rows"), dict):
                on = datetime.fromtimestamp(info.get("timestamp", 0) / 1000, UTC)
                found.append(Expiration(str(what.get("before", "")), on, what["rows"]))
    return found


def let_go(folder: Path, since: datetime) -> set[str]:
    """The files (paths in the log) that the table has let go of after `since`: a reader may still have them open."""
    stamp = since.timestamp() * 1000
    names: set[str] = set()
    for commit in commits(folder, b'"remove"'):
        names.update(plain(r["path"]) for r in commit.each("remove") if (r.get("deletionTimestamp") or 0) > stamp)
    return names


def plain(path: str) -> str:
    """A path as it is on disk: the log has it percent-encoded."""
    return unquote(path)
