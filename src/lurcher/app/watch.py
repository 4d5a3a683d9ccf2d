"""Hunting on a schedule: what has come since the last time, again and again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lurcher.app.session import Limits
from lurcher.app.since import SinceReport, hunt_since_last
from lurcher.app.supplies import Asked
from lurcher.errors import LurcherError
from lurcher.hunt.answers import plain
from lurcher.hunt.ledger import NAME, Ledger
from lurcher.lake import Lake

#: At most one lake is watched by one process: `lurcher.lake.locks`.
LOCK = "watch.lock"


@dataclass
class Round:
    """One run of the schedule. `slot`: the time it stands for; `missed`: runs before it that did not take place, and for which this
    one stands as well; `added`: rows that came of the folders, `failed`: files that were not taken, with the reason."""

    slot: datetime
    missed: int
    report: SinceReport
    added: int = 0
    failed: tuple[tuple[str, str], ...] = ()


def slot_of(moment: datetime, every: timedelta) -> datetime:
    """The last time of the schedule: multiples of the interval since 1970 (UTC), so that all watchers mean the same ones."""
    seconds = every.total_seconds()
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


def watch(
    lake_path: Path,
    rules: Sequence[Path],
    *,
    every: timedelta,
    folders: Sequence[Path] = (),
    once: bool = False,
    clock: Callable[[], datetime],
    stop: threading.Event,
    forced: Iterable[str] = (),
    policy: Path | None = None,
    limits: Limits | None = None,
    asked: Asked | None = None,
) -> Iterator[Round]:
    """Run rules at every time of the schedule until `stop` is set; one run at once where the last did not take place. Gives what
    each run brought. Raises `LurcherError` where another process watches this lake."""
    forced = tuple(forced)
    missing = next((p for p in folders if not p.exists()), None)
    if missing is not None:
        raise LurcherError("there is no such file or folder", path=str(missing))
    name = _name(rules, every)
    with _alone(lake_path):
        while not stop.is_set():
            slot = slot_of(clock(), every)
            last = _last(lake_path, name)
            if once or last is None or last < slot:
                missed = 0 if last is None else max(0, round((slot - last) / every) - 1)
                yield _round(lake_path, rules, slot, missed, folders, clock, forced, policy, limits, asked)
                _done(lake_path, name, slot, every)
            if once:
                return
            wait = (slot_of(clock(), every) + every - clock()).total_seconds()
            stop.wait(max(wait, 0.05))


def _round(
    lake_path: Path, rules: Sequence[Path], slot: datetime, missed: int, folders: Sequence[Path], clock: Callable[[], datetime],
    forced: Sequence[str], policy: Path | None, limits: Limits | None, asked: Asked | None,
) -> Round:  # fmt: skip
    from lurcher.app.add import add
    from lurcher.app.query import open_session

    lake = Lake.open(lake_path)
    rows, failed = 0, tuple[tuple[str, str], ...]()
    if folders:
        added = add(lake, folders, now=clock())
        rows = added.rows
        failed = tuple((f.name, f.skipped or "every row of it was rejected") for f in added.failed)
    now = clock()
    session = open_session(lake, now, None, limits=limits, asked=asked)
    report = hunt_since_last(lake, rules, session, started=now, forced=forced, policy=policy)
    return Round(slot, missed, report, rows, failed)


def _name(rules: Sequence[Path], every: timedelta) -> str:
    said = [*sorted(str(p.resolve()) for p in rules), str(every.total_seconds())]
    return hashlib.sha256("\n".join(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@contextmanager
def _alone(lake_path: Path) -> Iterator[None]:
    from lurcher.lake.locks import hold

    try:
        held = hold(lake_path / LOCK)
    except OSError as problem:
        raise LurcherError(f"the lake cannot be watched: {problem.strerror or problem}", path=str(lake_path)) from None
    if held is None:
        raise LurcherError("another process watches this lake", "one is enough: give it all the rules", str(lake_path))
    with held:
        yield


def _last(lake_path: Path, name: str) -> datetime | None:
    with Ledger.open(lake_path / NAME) as ledger:
        row = ledger.db.execute("SELECT slot FROM watches WHERE name = ?", (name,)).fetchone()
    return datetime.fromisoformat(row[0]) if row is not None else None


def _done(lake_path: Path, name: str, slot: datetime, every: timedelta) -> None:
    with Ledger.open(lake_path / NAME) as ledger:
        ledger.db.execute("INSERT OR REPLACE INTO watches VALUES (?, ?, ?)", (name, plain(slot), every.total_seconds()))
