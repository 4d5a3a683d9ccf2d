"""Signatures into a lake: one source a run, whole or not at all."""

from __future__ import annotations

import multiprocessing
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from lurcher.app.collect import CERTIFICATES, FILES, collect
from lurcher.lake import Lake

sys.path.insert(0, str(Path(__file__).parents[1] / "collect"))

import made

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image")
    signed = made.sign(made.PROGRAM, made.CA.signer("NinjaOne LLC"), timestamp=made.STAMPED)
    for i in range(6):
        (path / f"{i}.exe").write_bytes(signed + bytes([i]))
    (path / "broken.exe").write_bytes(b"MZ" + b"\xff" * 200)
    (path / "notes.txt").write_text("no program")
    return path


def state(lake: Lake) -> tuple[int, int]:
    counts = [t.row_count if (t := lake.table(name)) is not None else 0 for name in (CERTIFICATES, FILES)]
    return counts[0], counts[1]


def pairs(lake: Lake) -> set[tuple[datetime, int]]:
    """Timestamp and ReportId of the rows; the same in both tables."""
    found = []
    for name in (CERTIFICATES, FILES):
        table = lake.table(name)
        assert table is not None
        found.append({(r["Timestamp"], r["ReportId"]) for r in table.arrow().to_pylist()})
    assert found[0] == found[1]
    return found[0]


def test_the_same_files_are_collected_once(tmp_path: Path, folder: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    first = collect(lake, [folder], now=NOW, workers=1)
    whole = state(lake)
    assert (first.rows, first.known, whole) == ({CERTIFICATES: whole[0], FILES: whole[1]}, 0, (6, 6))
    again = collect(lake, [folder], now=LATER, workers=1)
    assert (again.rows, again.known, again.progress.unchanged, state(lake)) == ({}, 0, 8, whole)
    read = collect(lake, [folder], now=LATER, workers=1, full=True)
    assert (read.rows, read.known, read.progress.unchanged, state(lake)) == ({}, 6, 0, whole)
    assert [r.tables for r in lake.sources()] == [first.rows]
    assert len(lake.table(FILES).files) == 1  # type: ignore[union-attr]


def test_a_run_that_was_killed_between_the_tables_is_completed_with_its_own_time(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lurcher.lake import writer

    lake = Lake.create(tmp_path / "lake")
    real = writer.commit

    def dies(stage: object, *rest: object) -> object:
        if getattr(stage, "name", "") == FILES:
            raise KeyboardInterrupt
        return real(stage, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(writer, "commit", dies)
    with pytest.raises(KeyboardInterrupt):
        collect(lake, [folder], now=NOW, workers=1)
    monkeypatch.setattr(writer, "commit", real)
    assert state(lake) == (6, 0)
    assert collect(lake, [folder], now=LATER, workers=1).rows == {CERTIFICATES: 0, FILES: 6}
    assert pairs(lake) == {(NOW, i) for i in range(1, 7)}
    assert [r.tables for r in lake.sources()] == [{CERTIFICATES: 6, FILES: 6}]
    assert not list((lake.path / "staging").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_a_kill_at_any_moment_leaves_whole_states(tmp_path: Path, folder: Path) -> None:
    # Children are copies of a server that has all modules loaded, so that a kill meets the work and not the start.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "lurcher.app.collect",
            "lurcher.lake.writer",
            "deltalake",
            "pyarrow.parquet",
            "pyarrow.compute",
            "cryptography.x509",
        ]
    )

    def start(lake: Lake) -> BaseProcess:
        process = context.Process(target=collect, args=(lake, [folder]), kwargs={"now": NOW, "workers": 1})
        process.start()
        return process

    chance = random.Random(3)
    took = 0.0
    for name in ("first", "timed"):
        begin = time.monotonic()
        start(Lake.create(tmp_path / name)).join(60)
        took = time.monotonic() - begin
    seen = set()
    for n in range(50):
        lake = Lake.create(tmp_path / f"l{n}")
        process = start(lake)
        time.sleep((0.2 + 0.8 * chance.random()) * took)
        process.kill()
        process.join()
        counts = state(lake)
        assert set(counts) <= {0, 6}
        seen.add(counts)
        # A machine that is busier, or less, than while it was timed: the kills move to where the work ends.
        took *= 1.1 if counts == (0, 0) else 0.95
        collect(lake, [folder], now=LATER, workers=1)
        assert state(lake) == (6, 6)
        assert len(pairs(lake)) == 6
        assert not list((lake.path / "staging").iterdir())
    assert len(seen) > 1, "the kills all came too early or too late"
