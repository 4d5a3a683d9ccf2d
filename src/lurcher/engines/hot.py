"""Tables that are asked again and again, kept in memory as the engine's own.

A long-lived session (a notebook, `lurcher serve`) asks the same days of the same tables. What was asked before is copied, those
columns and those files of the lake alone, into tables that DuckDB reads faster than Parquet; not before the questions have taken
half of the time that copying takes, so that it never costs much more than it has cost to go without. A copy is of *files*: a
file of a Delta table never changes, so a copy is right for every version of the table that has all of its files. What was added
since is read beside it, from the lake; a copy of files that are no longer there (compacted, expired) is not used any more. So no
answer is older than the lake, whoever wrote to it.

A column that is not kept stands in the copy's view as an expression that fails when it is computed (`MISSING`): if a statement
reads more than `plan.used` says, it runs again without the copy.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.sql.printer import Printer

if TYPE_CHECKING:
    from lurcher.engines.views import Tables, Views
    from lurcher.lake.table import DataFile, LakeTable
    from lurcher.plan import nodes as n

#: How what is said of a column begins that is read, and is not kept.
MISSING = "this column is not kept in memory: "
#: Questions for which a table is left alone of which more was read than was known.
_MISSED = 1000
#: Seconds for a value that is copied, before that was ever measured.
_PACE = 1.5e-7
#: Bytes that a copy takes at least.
_LEAST = 64 << 10
#: The one table of the database that each copy is.
ROWS = "rows"
_quote = Printer().name


@dataclass(frozen=True)
class Worth:
    """When a copy pays. `asks`: how often files and columns were asked for, this time included; `share` of the time that copying
    takes, as far as that can be told, which questions have taken without a copy; `rows` that it has at least (a few
    `files`, each opened anew, count as much); `chunk`: rows that are copied at once, `first` the first time; `idle`: after how
    many questions that it has not answered another may have its place; `pieces`: copies of one table that become one; `seconds`:
    how long a question may wait for what is copied (half of its own time at most)."""

    asks: int = 2
    share: float = 0.5
    rows: int = 20_000
    files: int = 16
    chunk: int = 2_000_000
    first: int = 250_000
    idle: int = 8
    pieces: int = 6
    seconds: float = 20.0


@dataclass(eq=False)
class Kept:
    """A copy: the rows of some files of a table, some of their columns (as they are stored). `database` holds it."""

    table: str
    database: str
    types: dict[str, str]
    version: int
    files: set[str] = field(default_factory=set)
    rows: int = 0
    bytes: int = _LEAST
    #: Of the questions that were asked, the last that it answered.
    used: int = 0
    leases: int = 0


@dataclass
class _Seen:
    """What was asked of a table: how often each file, each column."""

    files: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    #: Questions (by their number) before which nothing is copied again: it did not fit, or took too long.
    not_before: int = 0
    #: Seconds that questions took which read the lake's files of it.
    seconds: float = 0.0
    #: And before which it is not read from memory: more of it was read than was known.
    missed: int = 0


class Hot:
    """The copies of one lake's tables, within `budget` bytes, and the database that they are in. Engines with the same limits share
    it; safe for threads."""

    def __init__(
        self, budget: int, *, memory_limit: str | None = None, threads: int | None = None, worth: Worth | None = None
    ) -> None:
        self.budget = budget
        self.limits = memory_limit, threads
        self.worth = worth or Worth()
        #: Python functions that the database has.
        self.functions: set[str] = set()
        self.lock = threading.RLock()
        self._loading = threading.Lock()
        self._connection: Any = None
        self._kept: list[Kept] = []
        self._seen: dict[str, _Seen] = {}
        self._questions = self._answered = self._names = 0
        #: Seconds for a value that is copied: what it was last.
        self._pace = _PACE

    # --- the database ---
    def connection(self, make: Callable[[], Any]) -> Any:
        """A connection of an engine's own to the database, which `make` opens the first time."""
        with self.lock:
            if self._connection is None:
                self._connection = make()
                atexit.register(_close, weakref.ref(self))
            return self._connection.cursor()

    def fresh(self) -> int:
        with self.lock:
            self._names += 1
            return self._names

    def close(self) -> None:
        with self.lock:
            if self._connection is not None:
                self._connection.close()
            self._connection, self._kept, self._seen, self.functions = None, [], {}, set()

    # --- what there is ---
    @property
    def bytes(self) -> int:
        return sum(k.bytes for k in self._kept)

    def stats(self) -> dict[str, int]:
        """Copies, their rows and bytes, the questions asked, and of these the ones that copies helped to answer."""
        with self.lock:
            return {
                "tables": len(self._kept), "rows": sum(k.rows for k in self._kept), "bytes": self.bytes,
                "questions": self._questions, "answered": self._answered,
            }  # fmt: skip

    # --- one question ---
    def lease(
        self, plan: n.Plan, tables: Tables, views: Views, run: Run, until: float | None
    ) -> tuple[dict[str, list[Kept]], list[str]]:
        """Table -> the copies that a statement of this plan may read, until they are given back by `release`; and the tables that
        it reads from the lake, or a part of them. What is asked often enough is copied first, through `run`. Fails for nothing."""
        found: dict[str, list[Kept]] = {}
        waiting: list[str] = []
        with self.lock:
            self._questions += 1
        now = time.monotonic()
        copying = now + self.worth.seconds if until is None else min(now + self.worth.seconds, now + (until - now) / 2)
        for table, files, columns in _asked(plan, tables):
            seen = self._note(table.name, files, columns)
            if self._questions < seen.missed:
                continue
            self._drop_stale(table)
            if self._pays(table, files, columns, seen, copying):
                self._load(table, files, columns, seen, views, run, copying)
            with self.lock:
                usable = self._usable(table, columns, {f.name for f in files})
                for kept in usable:
                    kept.leases += 1
                    kept.used = self._questions
            if usable:
                found[table.name] = usable
            if not {f.name for f in files} <= set[str]().union(*(k.files for k in usable)):
                waiting.append(table.name)
        if found:
            with self.lock:
                self._answered += 1
        return found, waiting

    def spent(self, tables: Iterable[str], seconds: float) -> None:
        """How long a statement took that read the lake's files of these tables."""
        with self.lock:
            for table in tables:
                self._seen.setdefault(table, _Seen()).seconds += seconds

    def release(self, leased: Iterable[Kept]) -> None:
        with self.lock:
            for kept in leased:
                kept.leases -= 1

    def missed(self, table: str) -> None:
        """A statement has read a column that is not kept: its table is left alone for a while."""
        with self.lock:
            seen = self._seen.setdefault(table, _Seen())
            seen.missed = self._questions + _MISSED
            for kept in [k for k in self._kept if k.table == table]:
                if not kept.leases:
                    self._drop(kept)

    def _note(self, table: str, files: list[DataFile], columns: set[str]) -> _Seen:
        with self.lock:
            seen = self._seen.setdefault(table, _Seen())
            seen.columns.update(columns)
            seen.files.update(f.name for f in files)
            if len(seen.files) > 2 * len(files) + 10_000:
                # Files that were compacted away.
                seen.files = Counter({f.name: seen.files[f.name] for f in files})
            return seen

    def _usable(self, table: LakeTable, columns: set[str], names: set[str]) -> list[Kept]:
        """Copies with all of these columns, of files that are still of the table, no file twice, and of one at least that is asked
        for. The largest first."""
        now = {f.name for f in table.files}
        chosen: list[Kept] = []
        have: set[str] = set()
        for kept in sorted(self._kept, key=lambda k: -k.rows):
            if kept.table != table.name or not columns <= kept.types.keys() or not kept.files <= now:
                continue
            if any(table.stored_types.get(c) != kind for c, kind in kept.types.items()):
                continue
            if kept.files & names and not kept.files & have:
                chosen.append(kept)
                have |= kept.files
        return chosen

    def _drop_stale(self, table: LakeTable) -> None:
        """Copies of files that a later version of the table does not have any more, and those that a later copy is all of."""
        now = {f.name for f in table.files}
        with self.lock:
            for kept in [k for k in self._kept if k.table == table.name and k.version < table.version]:
                if kept.files <= now:
                    kept.version = table.version
                elif not kept.leases:
                    self._drop(kept)
            mine = [k for k in self._kept if k.table == table.name]
            for place, kept in enumerate(mine):
                # Made anew with more, while somebody was reading it.
                if not kept.leases and any(
                    kept.files <= o.files and kept.types.keys() <= o.types.keys() for o in mine[place + 1 :]
                ):
                    self._drop(kept)

    def _drop(self, kept: Kept) -> None:
        """Whoever is reading it reads on: the engine lets go of it after that."""
        self._kept.remove(kept)
        self._detach(kept.database)

    def _detach(self, database: str) -> None:
        import duckdb

        if self._connection is not None:
            try:
                self._connection.execute(f"DETACH DATABASE IF EXISTS {_quote(database)}")
            except duckdb.Error:
                # A statement that nobody waits for is still writing to it: it goes with the connection.
                return

    # --- copying ---
    def _pays(self, table: LakeTable, files: list[DataFile], columns: set[str], seen: _Seen, until: float) -> bool:
        with self.lock:
            missing = self._missing(table, files, columns, seen)
            rows = sum(f.rows for f in missing)
            return (
                self._questions >= seen.not_before
                and bool(columns)
                and time.monotonic() < until
                and all(seen.columns[c] >= self.worth.asks for c in columns)
                and (rows >= self.worth.rows or len(missing) >= self.worth.files)
                and seen.seconds >= self.worth.share * rows * len(columns) * self._pace
            )

    def _missing(self, table: LakeTable, files: list[DataFile], columns: set[str], seen: _Seen) -> list[DataFile]:
        """Files that were asked for often enough, and are in no copy with these columns."""
        usable = self._usable(table, columns, {f.name for f in files})
        have = set().union(*(k.files for k in usable)) if len(usable) < self.worth.pieces else set()
        return [f for f in files if f.name not in have and seen.files[f.name] >= self.worth.asks]

    def _load(
        self,
        table: LakeTable,
        files: list[DataFile],
        columns: set[str],
        seen: _Seen,
        views: Views,
        run: Run,
        until: float,
    ) -> None:
        # One at a time; whoever comes meanwhile reads the lake.
        if not self._loading.acquire(blocking=False):
            return
        try:
            with self.lock:
                missing = self._missing(table, files, columns, seen)
                # What is asked for beside these columns, and what is kept already, is copied along: one copy serves all of them.
                more = {c for c, times in seen.columns.items() if times >= self.worth.asks}
                superseded = [k for k in self._kept if k.table == table.name and k.files <= {f.name for f in missing}]
                wanted = columns | {c for c in more.union(*(k.types for k in superseded)) if c in table.stored_types}
                wanted &= set(table.stored_types)
                kept = Kept(
                    table.name,
                    f"kept in memory {self.fresh()}",
                    {c: table.stored_types[c] for c in table.stored_types if c in wanted},
                    table.version,
                    used=self._questions,
                )
            whole, begun = False, time.monotonic()
            try:
                whole = self._copy(kept, table, missing, views, run, until, superseded)
            except LurcherError:
                # Too little time or memory. The chunks that are whole are kept.
                pass
            finally:
                with self.lock:
                    seen.seconds = 0.0
                    if kept.rows >= self.worth.first:
                        self._pace = (time.monotonic() - begun) / (kept.rows * len(kept.types))
                    if not whole:
                        seen.not_before = self._questions + 20
                    if not kept.files or self.bytes + kept.bytes > self.budget:
                        self._detach(kept.database)
                    else:
                        for old in superseded:
                            if old in self._kept and not old.leases and old.files <= kept.files:
                                self._drop(old)
                        self._kept.append(kept)
        finally:
            self._loading.release()

    def _copy(
        self,
        kept: Kept,
        table: LakeTable,
        files: list[DataFile],
        views: Views,
        run: Run,
        until: float,
        superseded: list[Kept],
    ) -> bool:
        """Whether all of the files were copied: else the budget is used up."""
        database, into = _quote(kept.database), f"{_quote(kept.database)}.{_quote(ROWS)}"
        run(f"ATTACH ':memory:' AS {database} (COMPRESS)", until)
        names = ", ".join(map(_quote, kept.types))
        start, size = 0, self.worth.first
        while start < len(files):
            end, rows = start, 0
            while end < len(files) and (end == start or rows + files[end].rows <= size):
                rows += files[end].rows
                end += 1
            more = kept.bytes * rows // kept.rows if kept.rows else 0
            if not self._room(kept.bytes + more, superseded):
                return False
            chunk = files[start:end]
            source = views.source(table, [f.path for f in chunk])
            before = _memory(run, until)
            verb = f"INSERT INTO {into}" if kept.files else f"CREATE TABLE {into} AS"
            run(f"{verb} SELECT {names} FROM {source}", until)
            # This is when they are compressed.
            run(f"CHECKPOINT {database}", until)
            kept.files.update(f.name for f in chunk)
            kept.rows += rows
            kept.bytes += max(0, _memory(run, until) - before)
            start, size = end, self.worth.chunk
        return True

    def _room(self, size: int, superseded: list[Kept]) -> bool:
        """Whether so many bytes have a place beside what is kept; what was not asked for lately makes room."""
        with self.lock:
            others = sorted(
                (k for k in self._kept if not k.leases),
                key=lambda k: (k not in superseded, k.used),
            )
            for old in others:
                if self.bytes + size <= self.budget:
                    break
                if old in superseded or old.used <= self._questions - self.worth.idle:
                    self._drop(old)
            return self.bytes + size <= self.budget


def _close(hot: weakref.ref[Hot]) -> None:
    found = hot()
    if found is not None:
        found.close()


#: Runs a statement of the engine's own, until some time. Raises `LurcherError`.
Run = Callable[[str, float | None], list[Any]]


def _memory(run: Run, until: float | None) -> int:
    (row,) = run(
        "SELECT coalesce(sum(memory_usage_bytes), 0)::BIGINT FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'", until
    )
    return int(row[0])


def _asked(plan: n.Plan, tables: Tables) -> list[tuple[LakeTable, list[DataFile], set[str]]]:
    """The lake's tables that a plan reads: which of their files, which columns of them (as they are stored)."""
    from lurcher.engines.lowering.times import day_range
    from lurcher.lake import LakeTable, layout
    from lurcher.plan import nodes as n
    from lurcher.plan.used import used_columns
    from lurcher.plan.walk import walk
    from lurcher.plan.windows import ANY_TIME, scan_windows

    windows, looked_at = scan_windows(plan), getattr(tables, "window", None)
    found: dict[str, dict[str, DataFile]] = {}
    lake: dict[str, LakeTable] = {}
    for scan in walk(plan):
        if not isinstance(scan, n.Scan):
            continue
        data = tables.data(scan.table)
        if not isinstance(data, LakeTable) or not data.ours:
            continue
        lake[scan.table] = data
        window = windows.get(id(scan), {}).get(data.schema.time_column or "")
        if looked_at is not None and data.schema.time_column is not None:
            window = looked_at.both(window or ANY_TIME)
        days = day_range(window) if window is not None else None
        files = data.files_of(days)
        found.setdefault(scan.table, {}).update((f.name, f) for f in files)
    used = used_columns(plan)
    asked = []
    for name, data in lake.items():
        columns = {data.physical[c] for c in used.get(name, ()) if c in data.physical}
        columns |= {layout.INGESTED} & data.stored_types.keys()
        if found[name] and columns:
            asked.append((data, list(found[name].values()), columns))
    return asked
