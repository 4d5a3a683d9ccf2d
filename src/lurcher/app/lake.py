"""Looking after a lake: fewer and larger files, what is too old, what is damaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from lurcher.errors import LurcherError
from lurcher.hunt.ledger import NAME, Ledger
from lurcher.lake import Lake
from lurcher.lake.expire import Expired, expirable
from lurcher.lake.expire import expire as expire_table
from lurcher.lake.optimize import Optimized
from lurcher.lake.optimize import optimize as optimize_table
from lurcher.lake.vacuum import KEEP, Unused, vacuum
from lurcher.lake.verify import Finding, Looked, verify_sources, verify_table


@dataclass(frozen=True)
class TableCare:
    """What `optimize` did with a table: files merged, and files removed that nobody needs."""

    merged: Optimized
    removed: Unused


@dataclass(frozen=True)
class Lost:
    """What the ledger has from before a day: `evidence` rows of `findings`. They stay in the ledger, and the rows that they point
    at are no longer there to be looked at."""

    evidence: int = 0
    findings: int = 0


@dataclass
class Verified:
    """What was looked at, and what is not as it should be."""

    tables: list[Looked] = field(default_factory=list)
    sources: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def problems(self) -> list[Finding]:
        return [f for f in self.findings if not f.harmless]


def optimize(
    lake: Lake,
    names: Sequence[str] = (),
    *,
    now: datetime,
    keep: timedelta = KEEP,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[TableCare]:
    """Merge small files of the named tables (none: of all), and remove what has been unused for `keep`. `now` is the disk's
    clock: the age of files is measured by it. Others may add and query meanwhile. Raises `LurcherError`."""
    result = []
    for name in _tables(lake, names):

        def show(done: int, total: int, name: str = name) -> None:
            if progress is not None:
                progress(name, done, total)

        merged = optimize_table(lake.path, name, now=now, progress=show)
        removed = vacuum(lake.path, lake.path / "tables" / name, now=now, keep=keep)
        result.append(TableCare(merged, removed))
    return result


def expirable_tables(lake: Lake, before: date, names: Sequence[str] = ()) -> tuple[list[Expired], Lost]:
    """What `expire` would remove, and what the ledger has of it. Changes nothing."""
    found = [expirable(table, before) for name in _tables(lake, names) if (table := lake.table(name)) is not None]
    return [e for e in found if e.rows], _evidence(lake, before)


def expire(
    lake: Lake, before: date, names: Sequence[str] = (), *, now: datetime, keep: timedelta = KEEP
) -> list[tuple[Expired, Unused]]:
    """Remove the days before `before` from the named tables (none: from all), each table's in one commit. Their files go when
    they have been unused for `keep`. `now` is the disk's clock. Raises `LurcherError`; tables done before stay done."""
    result = []
    for name in _tables(lake, names):
        expired = expire_table(lake.path, name, before, now=now)
        if expired.rows:
            result.append((expired, vacuum(lake.path, lake.path / "tables" / name, now=now, keep=keep)))
    return result


def verify(
    lake: Lake, *, now: datetime, deep: bool = False, progress: Callable[[str, int], None] | None = None
) -> Verified:
    """Look whether the lake is what its logs say. With `deep` every byte is read. `now` is the disk's clock."""
    result = Verified()
    for name in lake.table_names():

        def show(files: int, name: str = name) -> None:
            if progress is not None:
                progress(name, files)

        looked, found = verify_table(lake, name, now=now, deep=deep, progress=show)
        result.tables.append(looked)
        result.findings += found
    result.sources, found = verify_sources(lake)
    result.findings += found
    result.findings += _ledger(lake)
    return result


def _tables(lake: Lake, names: Sequence[str]) -> list[str]:
    there = lake.table_names()
    missing = next((n for n in names if n not in there), None)
    if missing is not None:
        raise LurcherError(f"the lake has no table '{missing}'", f"there are: {', '.join(there) or 'none'}")
    return list(dict.fromkeys(names)) or there


def _evidence(lake: Lake, before: date) -> Lost:
    path = lake.path / NAME
    if not path.exists():
        return Lost()
    with Ledger.open(path) as ledger:
        # Times in the ledger are ISO texts, which sort as they are.
        rows, findings = ledger.db.execute(
            "SELECT count(*), count(DISTINCT finding) FROM evidence WHERE timestamp <> '' AND timestamp < ?",
            (before.isoformat(),),
        ).fetchall()[0]
    return Lost(rows, findings)


def _ledger(lake: Lake) -> list[Finding]:
    import sqlite3

    path = lake.path / NAME
    if not path.exists():
        return []
    hint = "lurcher findings rebuild makes it again from the records beside it"
    try:
        with Ledger.open(path) as ledger:
            said = [str(row[0]) for row in ledger.db.execute("PRAGMA quick_check(5)").fetchall()]
    except (LurcherError, sqlite3.Error) as error:
        return [Finding("", str(path), error.message if isinstance(error, LurcherError) else str(error), hint)]
    return [] if said == ["ok"] else [Finding("", str(path), f"the ledger is damaged: {said[0]}", hint)]
