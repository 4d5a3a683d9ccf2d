"""The published page on Spark: the fleet, a hunt, an exclusion, the ledger, as on DuckDB. And a lake that grows meanwhile."""

from __future__ import annotations

import re
import shutil
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

import fleet
from lurcher.app.session import Session
from lurcher.cli import main
from lurcher.lake import Lake

PAGE = "ninjarmm-file-signature.page.txt"
DEVICE = "ws-022.corp.example"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    case = fleet.make_case(folder)
    assert main(["collect", "signatures", str(folder / "fleet" / "files"), "--device", DEVICE, "--at", "latest",
                 "--lake", str(case)]) == 0  # fmt: skip
    return case


def _ledger(case: Path) -> list[tuple[object, ...]]:
    """What it holds of findings, but for where they were found."""
    with sqlite3.connect(case / "ledger.db") as ledger:
        return ledger.execute("SELECT entity, state, first_seen, last_seen FROM findings ORDER BY entity").fetchall()


def _said(text: str, case: Path) -> list[str]:
    """What is told, but for the numbers of findings: rows have no order, and findings are numbered as they come."""
    numbers = dict(_numbers(case))
    lines = []
    for line in text.splitlines():
        found = re.match(r" *(\d+) .*\.corp\.example", line)
        lines.append(line if found is None else line.replace(found[1], str(numbers.get(int(found[1]))), 1).strip())
    return sorted(lines)


def _numbers(case: Path) -> list[tuple[int, str]]:
    with sqlite3.connect(case / "ledger.db") as ledger:
        return ledger.execute("SELECT id, entity FROM findings").fetchall()


def _exclusions(rules: Path) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in rules.glob("*.exclusions.yaml")}


def test_the_page_as_on_duckdb(
    made: Path, tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: dict[str, list[str]] = {}
    excluded: dict[Path, str] | None = None
    for name in ("duckdb", engine):
        # The same place for both: what is told names it.
        case = Path(shutil.copytree(made, tmp_path / "case"))
        rules = Path(shutil.copytree(fleet.CONTENT, tmp_path / "rmm"))
        monkeypatch.setenv("LURCHER_LAKE", str(case))
        capsys.readouterr()
        hunt = ["hunt", str(rules / PAGE), "--as-of", "latest", "--engine", name]
        assert main(hunt) == 0
        found = capsys.readouterr().out
        assert "findings: 5 new, 1 suppressed" in found
        if excluded is None:
            number = next(str(n) for n, entity in sorted(_numbers(case)) if "srv-file01" in entity)
            propose = ["exclude", number, "--rule", str(rules / PAGE), "--as-of", "latest"]
            assert main([*propose, "--write", "1", "--scenario", "ours"]) == 0
            excluded = _exclusions(rules)
        else:
            for path, text in excluded.items():
                path.write_text(text, encoding="utf-8")
        capsys.readouterr()
        assert main(hunt) == 0
        again = capsys.readouterr().out
        assert "findings: 4 known, 2 suppressed" in again
        told[name] = [*_said(found, case), *_said(again, case), *map(str, _ledger(case))]
        for folder in (case, rules):
            shutil.rmtree(folder)
    assert told[engine] == told["duckdb"]


def test_a_reader_sees_whole_commits_of_a_lake_that_grows(tmp_path: Path, engine: str) -> None:
    """Each commit has one row more than the one before, all with its number: a reader of half a commit would see it. A session
    stays with the version that it has begun with."""
    import pyarrow as pa

    from lurcher.kql.types import Column, ScalarType
    from lurcher.lake.sources import SourceId
    from lurcher.schema import TableSchema

    lake = Lake.create(tmp_path / "lake")
    schema = TableSchema("My_CL", (Column("Timestamp", ScalarType.DATETIME), Column("N", ScalarType.LONG)))

    def append(number: int) -> None:
        # Of two days, so of two files.
        times = [datetime(2026, 1, 1 + i % 2, tzinfo=UTC) for i in range(number + 1)]
        rows = pa.table({"Timestamp": pa.array(times, pa.timestamp("us", "UTC")), "N": pa.array([number] * len(times))})
        source = SourceId.of_content(str(number), str(number).encode(), times[0])
        lake.append("My_CL", rows.to_batches(), source=source, schema=schema)

    append(0)
    done = threading.Event()
    failed: list[BaseException] = []

    def grow() -> None:
        try:
            for number in range(1, 40):
                append(number)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)
        done.set()

    writer = threading.Thread(target=grow)
    writer.start()
    seen = []
    try:
        while not done.is_set() or not seen:
            session = Session.open(Lake.open(lake.path), datetime(2026, 1, 3, tzinfo=UTC), engine=engine)
            try:
                query = "My_CL | summarize Rows = count() by N | sort by N asc"
                rows = session.run_table(query).to_pylist()
                assert rows == [{"N": n, "Rows": n + 1} for n in range(len(rows))]
                # What was added meanwhile does not show in the rest of the session.
                again = session.run_table(
                    "My_CL | where Timestamp >= datetime(2026-01-01) | summarize max(N)"
                ).to_pylist()
                assert again == [{"max_N": len(rows) - 1}]
            finally:
                session.runner.close()  # type: ignore[attr-defined]
            seen.append(len(rows))
    finally:
        writer.join()
    assert not failed
    assert seen == sorted(seen)
