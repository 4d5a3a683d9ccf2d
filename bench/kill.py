"""kill -9 at random moments of add, collect, optimize and expire, while readers ask: is a row lost, doubled, or seen in part?

    python bench/kill.py [KILLS [SEED]]        200 kills

Each round one or two processes work on the same lake, and are killed after a random part of the time that the work takes. Two
readers open the lake again and again meanwhile, and look whether what they see is one of the whole states:
- an export's rows (three a day, over six days) are all there or none of them, but for days that have expired, wholly;
- no row of a source that delivers at least once is there twice;
- a collection's rows are all there or none.
At the end everything is done once more to its end, and the lake must hold each row once, and be found whole.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "collect"))

START = datetime(2025, 1, 1, 12, tzinfo=UTC)
DAYS, PER_DAY = 6, 3
EVENTS, STREAM, CERTIFICATES = "Events", "DeviceProcessEvents", "DeviceFileCertificateInfo"
#: Imported before processes are forked, so that a kill meets the work and not the start.
PRELOAD = (
    "lurcher.cli.commands.add", "lurcher.cli.commands.collect", "lurcher.cli.commands.lake", "lurcher.app.add", "lurcher.app.lake",
    "lurcher.app.collect", "lurcher.lake.writer", "lurcher.lake.contents", "lurcher.engines.duckdb", "deltalake",
    "pyarrow.parquet", "pyarrow.compute", "duckdb", "orjson", "cryptography.x509",
)  # fmt: skip


@dataclass
class Tally:
    """What came of it. `whole`: kills that came after the work was done."""

    kills: int = 0
    whole: int = 0
    looks: int = 0
    wrong: list[str] = field(default_factory=list)


class Case:
    """A lake in a folder, the files that are added to it, and what it must hold in the end."""

    def __init__(self, folder: Path) -> None:
        from lurcher.lake import Lake

        self.folder = folder
        self.lake = folder / "lake"
        self.exports, self.programs = folder / "exports", folder / "programs"
        self.exports.mkdir()
        self.programs.mkdir()
        Lake.create(self.lake)
        self.written = self.expired = self.collected = 0

    def export(self) -> list[str]:
        """One more file of each kind. What `add` is told is the folder: it completes what was killed before."""
        number = self.written = self.written + 1
        rows = [
            f"{(START + timedelta(days=d, minutes=m)).isoformat()},s{number},{m}" for d in range(DAYS) for m in range(PER_DAY)
        ]  # fmt: skip
        # A column that comes later: the schema grows while others read and write.
        more, extra = ("", "") if number % 3 else (f",more{number % 7}", ",x")
        lines = [f"Timestamp,Source,n{more}", *(row + extra for row in rows)]
        (self.exports / f"{number}.csv").write_text("\n".join(lines) + "\n")
        # The last two of the delivery before come again.
        ids = range(4 * number - 2, 4 * number + 4)
        events = [
            {
                "time": "2025-01-01T00:00:00Z", "operationName": "Publish", "tenantId": "t",
                "category": f"AdvancedHunting-{STREAM}",
                "properties": {"Timestamp": (START + timedelta(hours=7 * (i % 9))).isoformat(), "ReportId": i, "DeviceName": "h"},
            }
            for i in ids
        ]  # fmt: skip
        (self.exports / f"{number}.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
        return ["add", str(self.exports), "--table", EVENTS]

    def collection(self) -> list[str]:
        import made

        number = self.collected = self.collected + 1
        (self.programs / f"{number}.exe").write_bytes(made.PROGRAM + number.to_bytes(4, "big"))
        return ["collect", "signatures", str(self.programs), "--workers", "1", "--no-hash"]

    def expiration(self) -> list[str]:
        self.expired = min(self.expired + 1, DAYS - 2)
        return ["lake", "expire", "--table", EVENTS, "--before", str(self.first()), "--yes"]

    def first(self) -> date:
        return (START + timedelta(days=self.expired)).date()

    def run(self, args: list[str]) -> int:
        """In this process. `collect` has a time of its own each round, which tells its rows from others."""
        from lurcher.cli import main

        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
            code = main([*args, "--lake", str(self.lake)])
        if code:
            (self.folder / "failed.txt").write_text(f"{' '.join(args)}: {said.getvalue()}")
        return code


def look(path: Path) -> str:
    """What is wrong with the lake as a reader finds it at this moment."""
    from lurcher.app.session import Session
    from lurcher.lake import Lake

    session = Session.open(Lake.open(path), START)
    try:
        return _looked(session)
    finally:
        session.engine.close()


def _looked(session: Any) -> str:
    if session.tables.data(EVENTS) is not None:
        query = f"{EVENTS} | summarize n = count(), k = dcount(n) by Source, day = startofday(Timestamp)"
        sources: dict[str, list[int]] = {}
        for row in session.run_table(query).to_pylist():
            if row["n"] != PER_DAY or row["k"] != PER_DAY:
                return f"{row['Source']} has {row['n']} rows of {row['day']}"
            sources.setdefault(row["Source"], []).append((row["day"].date() - START.date()).days)
        for source, days in sources.items():
            if sorted(days) != list(range(min(days), DAYS)):
                return f"{source} has days {sorted(days)}"
    if session.tables.data(STREAM) is not None:
        rows = session.run_table(f"{STREAM} | summarize n = count() by ReportId | where n > 1").to_pylist()
        if rows:
            return f"doubled: {rows[:3]}"
    if session.tables.data(CERTIFICATES) is not None:
        rows = session.run_table(
            f"{CERTIFICATES} | summarize n = count(), k = dcount(ReportId) by Timestamp"
        ).to_pylist()
        torn = [r for r in rows if r["n"] != r["k"]]
        if torn:
            return f"collections in part: {torn[:3]}"
    return ""


def forked(work: Callable[[], int]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(work())
        except BaseException as error:  # noqa: BLE001
            print(repr(error), file=sys.stderr)
            os._exit(99)
    return pid


def readers(path: Path, count: int) -> tuple[list[Any], Any, Any]:
    context = multiprocessing.get_context("fork")
    stop, said = context.Event(), context.SimpleQueue()

    def read() -> None:
        looks, wrong = 0, ""
        while not stop.is_set() and not wrong:
            try:
                wrong = look(path)
            except Exception as error:  # noqa: BLE001
                wrong = f"{type(error).__name__}: {error}"
            # A lake without tables is soon looked at.
            looks += (path / "tables" / EVENTS).exists()
        said.put((looks, wrong))

    processes = [context.Process(target=read) for _ in range(count)]
    for process in processes:
        process.start()
    return processes, stop, said


def torture(
    folder: Path, kills: int, seed: int, *, watching: int = 2, show: Callable[[str], None] = lambda _: None
) -> Tally:
    """Kill so often, and say what came of it."""
    import importlib

    for module in PRELOAD:
        importlib.import_module(module)
    chance, tally = random.Random(seed), Tally()
    case = Case(folder)
    took: dict[str, float] = {}
    # No Arrow, Delta or DuckDB thread may run in this process before it forks: all work is done in children.
    processes, stop, said = readers(case.lake, watching)
    try:
        while tally.kills < kills and not tally.wrong:
            works = [_chosen(case, chance) for _ in range(1 + (chance.random() < 0.4))]
            if len(works) > 1 and works[0][0] == works[1][0] == "collect":
                del works[1]  # two at once are refused
            pids = [(w, forked(lambda w=w: case.run(w))) for w in works]
            begin = time.monotonic()
            waits = sorted((chance.random() * 1.1 * took.setdefault(w[0] + w[1][:8], 0.5), pid, w) for w, pid in pids)
            for wait, pid, work in waits:
                time.sleep(max(0.0, begin + wait - time.monotonic()))
                os.kill(pid, signal.SIGKILL)
                _, status = os.waitpid(pid, 0)
                name = work[0] + work[1][:8]
                tally.kills += 1
                if os.WIFEXITED(status):
                    tally.whole += 1
                    if os.WEXITSTATUS(status):
                        tally.wrong.append(
                            (folder / "failed.txt").read_text()
                            if (folder / "failed.txt").exists()
                            else f"{work} failed"
                        )
                    took[name] *= 0.9
                else:
                    # Where the work ends moves with the load of the machine: the kills move with it.
                    took[name] = min(took[name] * 1.05, 20.0)
            if tally.kills % 20 < len(works):
                show(f"{tally.kills} kills, {tally.whole} after the work was done")
    finally:
        stop.set()
        for process in processes:
            looks, wrong = said.get()
            tally.looks += looks
            if wrong:
                tally.wrong.append(f"a reader: {wrong}")
            process.join()
    if not tally.wrong:
        context = multiprocessing.get_context("fork")
        answer = context.SimpleQueue()
        process = context.Process(target=lambda: answer.put(finished(case)))
        process.start()
        tally.wrong += answer.get()
        process.join()
    return tally


def _chosen(case: Case, chance: random.Random) -> list[str]:
    kind = chance.choices(("add", "collect", "optimize", "expire"), (5, 2, 4, 1))[0]
    if kind == "add":
        return case.export()
    if kind == "collect":
        return case.collection()
    if kind == "expire" and case.written > 3 and (case.lake / "tables" / EVENTS).exists():
        return case.expiration()
    return ["lake", "optimize"]


def finished(case: Case) -> list[str]:
    """Do everything to its end; what is wrong with what the lake holds then."""
    from lurcher.app.lake import verify
    from lurcher.app.session import Session
    from lurcher.lake import Lake
    from lurcher.lake.vacuum import unused

    wrong = []
    # What is unused must go at once here: nobody reads any more.
    for args in (case.export(), case.collection(), ["lake", "optimize", "--keep-hours", "0"], case.expiration(),
                 ["lake", "optimize", "--keep-hours", "0"]):  # fmt: skip
        if case.run(args):
            wrong.append((case.folder / "failed.txt").read_text())
    lake = Lake.open(case.lake)
    session = Session.open(lake, START)
    rows = session.run_table(f"{EVENTS} | summarize n = count() by Source, day = startofday(Timestamp)").to_pylist()
    have = {(r["Source"], r["day"].date()): r["n"] for r in rows}
    kept = [case.first() + timedelta(days=d) for d in range(DAYS - case.expired)]
    wrong += [f"s{n} of {day}: {have.get((f's{n}', day))}" for n in range(1, case.written + 1) for day in kept
              if have.get((f"s{n}", day)) != PER_DAY]  # fmt: skip
    if len(have) != case.written * len(kept):
        wrong.append(f"{len(have)} groups, not {case.written * len(kept)}")
    ids = [r["ReportId"] for r in session.run_table(f"{STREAM} | project ReportId").to_pylist()]
    if sorted(ids) != list(range(2, 4 * case.written + 4)):
        wrong.append(f"{STREAM}: {len(ids)} rows, {len(set(ids))} distinct of {4 * case.written + 2}")
    report = verify(lake, now=datetime.now(UTC), deep=True)
    wrong += [f"verify: {f.path}: {f.what}" for f in report.findings]
    left = [
        n
        for name in lake.table_names()
        for n, _ in unused(lake.path, lake.path / "tables" / name, now=datetime.now(UTC)).waiting
    ]
    wrong += [f"left: {n}" for n in left if not n.startswith("_delta_log/")]
    wrong += [f"staging has {p.name}" for p in (lake.path / "staging").iterdir()]
    return wrong


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        tally = torture(Path(folder), kills, seed, show=lambda text: print(text, flush=True))
    print(
        f"{tally.kills} kills ({tally.whole} after the work was done) in {time.monotonic() - begin:.0f} s; "
        f"{tally.looks:,} looks of readers: {'; '.join(tally.wrong) or 'every state was whole, no row lost, none doubled'}"
    )
    sys.exit(bool(tally.wrong))


if __name__ == "__main__":
    main()
