"""Merging files, removing old days, finding damage; with other processes at work."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lurcher.app.lake import expirable_tables, expire, optimize, verify
from lurcher.app.session import Session
from lurcher.cli import main
from lurcher.errors import LurcherError
from lurcher.kql.types import Column, ScalarType
from lurcher.lake import Lake, SourceId, SourceRecord
from lurcher.lake.contents import shares
from lurcher.lake.layout import arrow_type
from lurcher.lake.vacuum import unused
from lurcher.schema import TableSchema

NOW = datetime(2026, 1, 1, tzinfo=UTC)
T0 = datetime(2025, 1, 2, 23, tzinfo=UTC)
KINDS = {
    "Timestamp": ScalarType.DATETIME, "Device": ScalarType.STRING, "day": ScalarType.STRING, "g": ScalarType.GUID,
    "d": ScalarType.DYNAMIC, "i": ScalarType.INT, "r": ScalarType.REAL, "t": ScalarType.TIMESPAN, "m": ScalarType.DECIMAL,
    "b": ScalarType.BOOL,
}  # fmt: skip
GUID = "74be27de-1e4e-49d9-b579-fe0b331d3642"
LATER = {**KINDS, "text": ScalarType.STRING, "number": ScalarType.LONG}


def clock() -> datetime:
    return datetime.now(UTC)


def source(number: int) -> SourceId:
    return SourceId.of_content(f"source {number}", str(number).encode(), NOW)


def add(lake: Lake, number: int, kinds: dict[str, ScalarType] = KINDS, name: str = "T") -> SourceId:
    """Three rows of two days, later ones first, and one without a time."""
    rows: list[list[Any]] = [
        [T0 + timedelta(hours=2, minutes=-number), f"h{number}", "Monday", None, "[1]", number, 0.5, 7, 3, True],
        [T0 - timedelta(minutes=number), f"H{number}", "", GUID, None, None, None, None, None, None],
        [T0, "h", "", None, None, 1, None, None, None, False],
        [None, "none", "", None, None, number, None, None, None, None],
    ]  # fmt: skip
    for row in rows:
        row += ["late", number][: len(kinds) - len(row)]
    arrays = [pa.array([r[i] for r in rows], arrow_type(kind)) for i, kind in enumerate(kinds.values())]
    columns = tuple(Column(n, k) for n, k in kinds.items())
    batch, id_ = pa.RecordBatch.from_arrays(arrays, list(kinds)), source(number)
    result = lake.append(name, [batch], source=id_, schema=TableSchema(name, columns))
    if not result.already:
        lake.record(SourceRecord(id_.digest, id_.name, id_.size, NOW.isoformat(), "test", {name: result.rows}))
    return id_


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "a case")
    for number in range(5):
        add(lake, number)
    add(lake, 5, LATER)
    return lake


def answer(lake: Lake, query: str) -> list[Any]:
    return sorted(map(repr, Session.open(lake, NOW).run(query)[0].table().to_pylist()))


def names(lake: Lake, name: str = "T") -> list[str]:
    table = lake.table(name)
    assert table is not None
    return [f.name for f in table.files]


def problems(lake: Lake, *, deep: bool = True) -> list[str]:
    return [f"{Path(p.path).name}: {p.what}" for p in verify(lake, now=clock(), deep=deep).problems]


# --- merging ---
def test_merged_files_hold_the_same_rows_with_their_hidden_columns(lake: Lake) -> None:
    hidden = "T | extend _i = ingestion_time()"
    before = answer(lake, "T"), answer(lake, hidden), lake.tables()[0]
    (care,) = optimize(lake, now=clock())
    merged = care.merged
    assert (merged.files, merged.merged, merged.days, merged.rows) == (18, 3, 3, 24)
    assert (answer(lake, "T"), answer(lake, hidden)) == before[:2]
    after = lake.tables()[0]
    assert (after.rows, after.first, after.last, after.sources) == (24, before[2].first, before[2].last, 6)
    assert (after.files, after.days, before[2].files) == (3, 2, 18)
    assert problems(lake) == []
    assert all(n.partition("/")[2].startswith("merged-") for n in names(lake))


def test_what_is_merged_is_left_alone_the_next_time(lake: Lake) -> None:
    optimize(lake, now=clock())
    before = names(lake)
    assert [c.merged.files for c in optimize(lake, now=clock())] == [0]
    assert names(lake) == before


def test_rows_of_a_day_are_in_the_order_of_time(lake: Lake) -> None:
    optimize(lake, now=clock())
    table = lake.table("T")
    assert table is not None
    for file in table.files:
        if file.day is not None:
            times = pq.read_table(file.path, partitioning=None)["Timestamp"].to_pylist()
            assert times == sorted(times)
            assert (file.first, file.last) == (times[0], times[-1])


def test_a_source_that_was_merged_is_still_known(lake: Lake) -> None:
    optimize(lake, now=clock())
    for number in range(6):
        assert lake.rows_of("T", source(number).digest) == 4
        assert lake.time_of("T", source(number).digest) == T0 - timedelta(minutes=number)
    add(lake, 3)
    assert lake.tables()[0].rows == 24
    assert (lake.rows_of("T", "0" * 64), lake.time_of("T", "0" * 64)) == (0, None)
    assert {s.rows for s in shares(lake.table("T")).values()} == {4}  # type: ignore[arg-type]


def test_repeats_are_found_in_merged_files(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "case")
    schema = TableSchema("T", (Column("Timestamp", ScalarType.DATETIME), Column("n", ScalarType.LONG)))

    def deliver(number: int, *values: int) -> int:
        batch = pa.RecordBatch.from_arrays(
            [pa.array([T0] * len(values), arrow_type(ScalarType.DATETIME)), pa.array(values, pa.int64())],
            ["Timestamp", "n"],
        )
        with lake.writer(source(number)) as writer:
            writer.write(schema, batch, row_hash=pa.array([v.to_bytes(16, "big") for v in values], pa.binary()))
            return writer.commit()["T"].rows

    assert [deliver(1, 1, 2), deliver(2, 2, 3)] == [2, 1]
    optimize(lake, now=clock(), keep=timedelta())
    assert [deliver(3, 1, 2, 3), deliver(4, 3, 4)] == [0, 1]
    assert answer(lake, "T | project n") == [f"{{'n': {n}}}" for n in (1, 2, 3, 4)]


def test_what_readers_have_open_stays(lake: Lake) -> None:
    before = lake.table("T")
    assert before is not None
    optimize(lake, now=clock())
    assert before.arrow().num_rows == 24
    later = clock() + timedelta(hours=25)
    (care,) = optimize(lake, now=later)
    assert (len(care.removed.removable), len(care.removed.waiting)) == (18, 0)
    assert not any(Path(f.path).exists() for f in before.files)
    assert len(answer(lake, "T")) == 24
    assert problems(lake) == []


def test_an_append_in_the_middle_of_a_merge_is_not_lost(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from lurcher.lake import optimize as module

    real, others = module.apply, iter((6, 7))

    def late(*args: Any) -> None:
        number = next(others, None)
        if number is not None:
            add(lake, number, LATER)
        real(*args)

    monkeypatch.setattr(module, "apply", late)
    (care,) = optimize(lake, now=clock())
    assert (care.merged.files, care.merged.lost) == (18, 0)
    assert lake.tables()[0].rows == 32
    assert problems(lake) == []


def test_a_merge_of_days_that_expire_meanwhile_does_not_bring_them_back(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lurcher.lake import optimize as module

    real, done = module.apply, []

    def late(*args: Any) -> None:
        if not done:
            done.append(expire(lake, date(2025, 1, 3), now=clock()))
        real(*args)

    monkeypatch.setattr(module, "apply", late)
    (care,) = optimize(lake, now=clock())
    assert (care.merged.merged, care.merged.lost) == (2, 1)
    assert lake.tables()[0].rows == 12
    assert problems(lake) == []


def test_what_another_program_has_made_is_left_as_it_is(lake: Lake) -> None:
    from deltalake import write_deltalake

    for _ in range(2):
        write_deltalake(lake.path / "tables" / "Theirs", pa.table({"n": [1, 2]}), mode="append")
    theirs = next(c for c in optimize(lake, now=clock()) if c.merged.table == "Theirs")
    assert theirs.merged.why == "another program has made it"
    assert len(names(lake, "Theirs")) == 2
    assert problems(lake) == []


# --- what nobody needs ---
def orphan(lake: Lake, *, writer: str = "0" * 12, hours: float = 0) -> Path:
    path = lake.path / "tables" / "T" / "day=2025-01-02" / f"part-{'a' * 16}-0-{writer}-{'b' * 40}.parquet"
    path.write_bytes(b"PAR1 and no more")
    os.utime(path, (time.time() - hours * 3600,) * 2)
    return path


def test_the_file_of_a_killed_writer_goes_when_it_is_old(lake: Lake) -> None:
    young = orphan(lake)
    assert unused(lake.path, lake.path / "tables" / "T", now=clock()).removable == []
    optimize(lake, now=clock())
    assert young.exists()
    old = orphan(lake, hours=25)
    assert [f.what for f in verify(lake, now=clock()).findings] == ["is in no version of the table"]
    assert problems(lake) == []
    optimize(lake, now=clock())
    assert not old.exists()


def test_the_file_of_a_living_writer_stays_however_old(lake: Lake) -> None:
    with lake.writer(source(99)) as writer:
        path = orphan(lake, writer=writer.folder.name[:12], hours=100)
        optimize(lake, now=clock(), keep=timedelta())
        assert path.exists()
    optimize(lake, now=clock(), keep=timedelta())
    assert not path.exists()


def test_files_of_strangers_are_told_and_never_removed(lake: Lake) -> None:
    path = lake.path / "tables" / "T" / "notes.txt"
    path.write_text("mine")
    optimize(lake, now=clock(), keep=timedelta())
    assert path.exists()
    assert problems(lake) == ["notes.txt: is no file of this table"]


# --- old days ---
def test_old_days_go_at_once_and_are_told(lake: Lake) -> None:
    before = lake.table("T")
    old, lost = expirable_tables(lake, date(2025, 1, 3))
    assert [(e.table, e.rows, e.days, e.kept, e.undated, e.first, e.last) for e in old] == [
        ("T", 12, 1, 12, 6, date(2025, 1, 2), date(2025, 1, 2))
    ]
    assert (lost.evidence, lost.findings) == (0, 0)
    done = expire(lake, date(2025, 1, 3), now=clock())
    assert [(e.rows, e.sources) for e, _ in done] == [(12, {source(n).digest[:16]: 2 for n in range(6)})]
    assert answer(lake, "T | summarize n = count() by day = format_datetime(Timestamp, 'yyyy-MM-dd')") == [
        "{'day': '', 'n': 6}",
        "{'day': '2025-01-03', 'n': 6}",
    ]
    assert before is not None
    assert before.arrow().num_rows == 24
    assert problems(lake) == []
    assert expire(lake, date(2025, 1, 3), now=clock()) == []


@pytest.mark.parametrize("merged", [False, True])
def test_a_source_whose_rows_expired_adds_nothing_again_and_it_is_known_why(lake: Lake, merged: bool) -> None:
    if merged:
        optimize(lake, now=clock(), keep=timedelta())
    expire(lake, date(2025, 1, 3), now=clock())
    add(lake, 3)
    assert lake.rows_of("T", source(3).digest) == 2
    expiration = lake.expired(source(3).digest)["T"]
    assert (expiration.before, expiration.rows[source(3).digest[:16]]) == ("2025-01-03", 2)
    assert lake.expired("0" * 64) == {}
    assert problems(lake) == []


def test_a_table_whose_rows_all_expired(lake: Lake) -> None:
    schema = TableSchema("U", (Column("Timestamp", ScalarType.DATETIME),))
    batch = pa.RecordBatch.from_arrays([pa.array([T0], arrow_type(ScalarType.DATETIME))], ["Timestamp"])
    lake.append("U", [batch], source=source(1), schema=schema)
    expire(lake, date(2026, 1, 1), ["U"], now=clock(), keep=timedelta())
    assert (answer(lake, "U | count"), answer(lake, "T | count")) == (["{'Count': 0}"], ["{'Count': 24}"])
    assert problems(lake) == []


def test_evidence_that_would_lose_its_rows_is_counted(lake: Lake) -> None:
    from lurcher.hunt.ledger import NAME, Ledger

    with Ledger.open(lake.path / NAME) as ledger:
        for number, when in enumerate(("2025-01-02T23:59:59.999999Z", "2025-01-03T00:00:00.000000Z", "")):
            ledger.db.execute("INSERT INTO evidence VALUES (1, 'd', ?, ?, '', 1, '')", (when, str(number)))
    _, lost = expirable_tables(lake, date(2025, 1, 3))
    assert (lost.evidence, lost.findings) == (1, 1)


# --- damage ---
def file_of(lake: Lake) -> Path:
    table = lake.table("T")
    assert table is not None
    return Path(table.files[-1].path)


def flipped(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)


def log_of(lake: Lake) -> Path:
    return lake.path / "tables" / "T" / "_delta_log"


def logged(lake: Lake, old: str, new: str) -> None:
    """Change the newest commit that has `old` in it."""
    path = max(p for p in (lake.path / "tables" / "T" / "_delta_log").glob("*.json") if old in p.read_text())
    path.write_text(path.read_text().replace(old, new, 1))


def rewritten(lake: Lake, change: Callable[[pa.Table], pa.Table]) -> None:
    """Another content of a file, with the size that the log says where that can be."""
    path = file_of(lake)
    pq.write_table(change(pq.read_table(path, partitioning=None)), path)


def nulled(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("Device")
    return table.set_column(place, "Device", pa.nulls(table.num_rows, pa.string()))


def moved(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("Timestamp")
    return table.set_column(place, "Timestamp", pa.array([NOW] * table.num_rows, pa.timestamp("us", "UTC")))


DAMAGE: dict[str, tuple[Callable[[Lake], Any], bool, str]] = {
    "a file that is gone": (lambda lake: file_of(lake).unlink(), False, "is missing"),
    "a file that is cut": (lambda lake: os.truncate(file_of(lake), 500), False, "has 500 bytes"),
    "an empty file": (lambda lake: file_of(lake).write_bytes(b""), False, "is no readable Parquet"),
    "a bit in the rows": (lambda lake: flipped(file_of(lake), 40), True, "its checksum differs"),
    "a bit in the end": (lambda lake: flipped(file_of(lake), -6), False, "is no readable Parquet"),
    "rows that are gone": (lambda lake: rewritten(lake, lambda t: t.slice(1)), False, "has 0 rows, and the log says 1"),
    "a text that is null": (lambda lake: rewritten(lake, nulled), False, "Device is null in 1 rows"),
    "rows of another day": (lambda lake: rewritten(lake, moved), False, "has rows of 2026-01-01, and the log says 2025-01-03"),
    "a column that is gone": (lambda lake: rewritten(lake, lambda t: t.drop_columns(["Device"])), False, "lacks Device"),
    "a log with other rows": (lambda lake: logged(lake, '\\"numRecords\\": 1', '\\"numRecords\\": 7'), False, "the log says 7"),
    "a log with another size": (lambda lake: logged(lake, '"size":', '"size":1'), False, "and the log says 1"),
    "a log that is cut": (lambda lake: logged(lake, '"}}\n', ""), False, "cannot be read"),
    "a log with a gap": (lambda lake: (log_of(lake) / f"{3:020}.json").unlink(), False, "version 3 is missing"),
    "a ledger that is none": (lambda lake: (lake.path / "ledger.db").write_bytes(b"x" * 5000), False, "no ledger"),
    "a record of more rows": (
        lambda lake: lake.record(SourceRecord(source(1).digest, "s", 1, "", "test", {"T": 5})), True,
        "has 4 rows of s, and its record says 5",
    ),
    "a record of no table": (
        lambda lake: lake.record(SourceRecord(source(1).digest, "s", 1, "", "test", {"V": 5})), False, "there is no such table",
    ),
}  # fmt: skip


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_and_named(lake: Lake, what: str, merged: bool, capsys: pytest.CaptureFixture[str]) -> None:
    if merged:
        optimize(lake, now=clock(), keep=timedelta())
        if what in ("rows that are gone", "a text that is null", "a log with other rows", "a log with another size"):
            pytest.skip("other numbers")
    damage, deep, said = DAMAGE[what]
    damage(lake)
    found = problems(lake, deep=False)
    if not deep:
        assert any(said in f for f in found), found
    found = problems(lake)
    assert any(said in f for f in found), found
    assert main(["lake", "verify", "--deep", "--lake", str(lake.path)]) == 1
    assert "problem: " in capsys.readouterr().out


def test_a_commit_that_was_taken_out_of_its_line(lake: Lake) -> None:
    """The file is then in no version, and its source lacks rows."""
    path = lake.path / "tables" / "T" / "_delta_log" / f"{3:020}.json"
    lines = [line for line in path.read_text().splitlines() if "day=2025-01-03" not in line]
    path.write_text("\n".join(lines) + "\n")
    report = verify(lake, now=clock() + timedelta(hours=25), deep=True)
    assert "is in no version of the table" in [f.what for f in report.findings]
    assert [f.what for f in report.problems] == ["has 3 rows of source 2, and its record says 4"]


def test_files_of_older_versions_have_no_checksum_and_that_is_said(
    lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    table = lake.table("T")
    assert table is not None
    for file in table.files:
        old = file.name.rpartition("-")[0] + "0" * 20 + ".parquet"
        os.rename(file.path, table.folder / old)
        for log in (table.folder / "_delta_log").glob("*.json"):
            log.write_text(log.read_text().replace(file.name, old))
    lake = Lake.open(lake.path)  # a log is only ever added to: who has a table open does not read again what it said
    assert problems(lake) == []
    assert main(["lake", "verify", "--deep", "--lake", str(lake.path)]) == 0
    assert "18 files of an older version or another program: without a checksum" in capsys.readouterr().out
    assert [c.merged.merged for c in optimize(lake, now=clock())] == [3]
    assert lake.rows_of("T", source(1).digest) == 4


# --- others can read it ---
def test_the_table_is_plain_delta_for_other_programs(lake: Lake) -> None:
    import duckdb
    from deltalake import DeltaTable

    for step in (
        lambda: None,
        lambda: optimize(lake, now=clock()),
        lambda: expire(lake, date(2025, 1, 3), now=clock()),
    ):
        step()
        expected = lake.tables()[0].rows
        folder = lake.path / "tables" / "T"
        delta = DeltaTable(folder)
        table = delta.to_pyarrow_table()
        assert table.num_rows == expected
        assert {"Timestamp", "Device", "day~2", "text", "day", "_source", "_ingested", "_row_hash"} <= set(
            table.column_names
        )
        days = zip(table["Timestamp"].to_pylist(), table["day"].to_pylist(), strict=True)
        assert all(day == (when.date() if when else None) for when, day in days)
        paths = lake.table("T").file_uris()  # type: ignore[union-attr]
        assert duckdb.sql("SELECT count(*) FROM read_parquet($1)", params=[paths]).fetchall() == [(expected,)]
        actions = pa.table(delta.get_add_actions(flatten=True))
        for row in actions.to_pylist():
            stored = pq.read_table(folder / row["path"], partitioning=None)
            assert row["num_records"] == stored.num_rows
            if row["partition.day"] is not None:
                times = stored["Timestamp"].to_pylist()
                assert (row["min.Timestamp"], row["max.Timestamp"], row["null_count.Timestamp"]) == (
                    min(times),
                    max(times),
                    0,
                )


# --- the commands ---
def test_commands(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*args: str) -> tuple[int, str, str]:
        code = main(["lake", *args, "--lake", str(lake.path)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    assert run("verify")[0] == 0
    code, out, _ = run("optimize")
    assert code == 0
    assert out.startswith("T: 18 files became 3, ")
    assert "18 unused files" in out
    code, _, err = run("optimize", "U")
    assert (code, "the lake has no table 'U'" in err) == (2, True)
    code, out, err = run("expire", "--before", "2025-01-03")
    assert (code, "add --yes" in err, answer(lake, "T | count")) == (2, True, ["{'Count': 24}"])
    assert run("expire", "--before", "2025-01-03", "--dry-run")[1].endswith("12 rows would be removed\n")
    code, out, err = run("expire", "--before", "2025-01-03", "--yes", "--keep-hours", "0")
    assert (code, "12 rows removed from 1 table" in out, err.startswith("warning: ")) == (0, True, True)
    assert run("expire", "--before", "2025-01-03", "--yes")[1] == "nothing is older than 2025-01-03\n"
    assert run("expire", "--before", "yesterday")[0] == 2
    assert run("verify", "--deep")[1].endswith("whole\n")


# --- disks ---
EXPIRE = ["lake", "expire", "--before", "2025-01-03", "--yes"]


def test_a_full_disk_is_told_and_nothing_is_changed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLIMIT_FSIZE says of a file what a full disk says of all."""
    resource = pytest.importorskip("resource")
    import subprocess
    import sys

    before = answer(lake, "T")
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "import duckdb, deltalake, pyarrow.parquet\n"
        "from lurcher.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    export = lake.path.parent / "U.csv"
    export.write_text("n,s\n" + "\n".join(f"{i},{'x' * (i % 50)}" for i in range(5000)))
    assert resource.RLIMIT_FSIZE
    for args in (
        ["add", str(export), "--table", "U"],
        ["lake", "optimize"],
        ["lake", "expire", "--before", "2025-01-03", "--yes"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", script, *args, "--lake", str(lake.path)], capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        if "expire" in args and done.returncode == 0:
            continue  # its commit is smaller than that
        assert done.returncode in (1, 2), said
        assert "the disk is full, or its quota is used up" in said
        assert "Traceback" not in said
        assert "unforeseen" not in said
        assert answer(lake, "T") == before
        assert lake.table("U") is None
    assert problems(lake) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_a_lake_that_may_not_be_written_is_told(lake: Lake) -> None:
    import subprocess
    import sys

    for place, folders, _ in os.walk(lake.path):
        os.chmod(place, 0o755)
        for folder in folders:
            os.chmod(Path(place) / folder, 0o755)
    parents = [lake.path.parent, *lake.path.parent.parents]
    modes = [p.stat().st_mode for p in parents]
    for parent in parents:
        if parent != Path("/"):
            os.chmod(parent, parent.stat().st_mode | 0o055)
    script = (
        "import duckdb, deltalake, pyarrow.parquet, os, sys\n"
        "from lurcher.cli import main\n"
        "import lurcher.cli.commands.add, lurcher.cli.commands.lake, lurcher.app.lake, lurcher.app.add, lurcher.cli.progress\n"
        "os.setuid(65534)\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    export = lake.path.parent / "U.csv"
    export.write_text("n\n1\n")
    try:
        for args in (["add", str(export), "--table", "U"], ["lake", "optimize"], EXPIRE):
            done = subprocess.run(
                [sys.executable, "-c", script, *args, "--lake", str(lake.path)],
                capture_output=True,
                text=True,
                check=False,
            )
            said = done.stdout + done.stderr
            if "No module named" in said or "can't open" in said:
                pytest.skip("the package cannot be read by others")
            assert done.returncode in (1, 2), said
            assert "may not be written by this user" in said
            assert "Traceback" not in said
    finally:
        for parent, mode in zip(parents, modes, strict=True):
            if parent != Path("/"):
                os.chmod(parent, mode)
    assert problems(lake) == []
    assert len(answer(lake, "T")) == 24


# --- several at once ---
def test_writers_merging_and_readers_at_once(lake: Lake) -> None:
    """Readers see whole states alone: every source has four rows or none."""
    failed: list[BaseException] = []
    stop = threading.Event()

    def guarded(work: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001
                failed.append(error)

        return run

    def write(first: int) -> None:
        for number in range(first, first + 6):
            add(Lake.open(lake.path), number, LATER if number % 2 else KINDS)

    def merge() -> None:
        while not stop.is_set():
            optimize(Lake.open(lake.path), now=clock())

    def read() -> None:
        while not stop.is_set():
            table = Lake.open(lake.path).table("T")
            assert table is not None
            assert {s.rows for s in shares(table, reading=True).values()} == {4}
            assert table.arrow().num_rows % 4 == 0

    writers = [threading.Thread(target=guarded(lambda n=n: write(100 * n))) for n in (1, 2)]
    others = [threading.Thread(target=guarded(work)) for work in (merge, read)]
    for thread in (*writers, *others):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in others:
        thread.join()
    assert failed == []
    assert lake.tables()[0].rows == 24 + 12 * 4
    assert problems(lake) == []


def test_a_table_that_never_rests_is_told_and_whole(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from deltalake.exceptions import CommitFailedError

    from lurcher.lake import optimize as module

    def busy(*_: Any) -> None:
        raise CommitFailedError("somebody else")

    monkeypatch.setattr(module, "apply", busy)
    monkeypatch.setattr(module, "_ATTEMPTS", 3)
    before = names(lake)
    with pytest.raises(LurcherError, match="changed 3 times while its files were merged"):
        optimize(lake, now=clock())
    assert names(lake) == before
    assert problems(lake) == []
    assert json.dumps([f.what for f in verify(lake, now=clock() + timedelta(days=9)).findings]) == "[]"


def test_adding_a_file_again_whose_rows_expired_says_so(
    tmp_path: Path, lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    export = tmp_path / "events.csv"
    export.write_text("Timestamp,n\n2025-01-02T00:00:00Z,1\n2025-02-02T00:00:00Z,2\n")
    args = ["add", str(export), "--table", "Events", "--lake", str(lake.path)]
    assert main(args) == 0
    assert (
        main(["lake", "expire", "--before", "2025-02-01", "--table", "Events", "--yes", "--lake", str(lake.path)]) == 0
    )
    capsys.readouterr()
    for _ in range(2):
        assert main(args) == 0
        assert "its rows of Events from before 2025-02-01 were removed on " in capsys.readouterr().out
        assert answer(lake, "Events | project n") == ["{'n': 2}"]
        # The record of it may be lost, the table knows all the same.
        for record in lake.sources():
            if record.name.endswith("events.csv"):
                (lake.path / "sources" / f"{record.digest}.json").unlink()
    assert problems(lake) == []
