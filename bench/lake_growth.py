"""How a lake grows: 1, 10, 100 million rows, 3,000 days; what opening it, and a hunt of one day, cost then.

    python bench/lake_growth.py [MILLIONS...]        1 10 (100 needs 4 GB of disk and some minutes)

The rows are process events, made by DuckDB straight into Parquet files of a day each, which are committed as one source a day, as
`add` commits what it has staged. Times are those of a process of its own each, the best of three; what is read is measured by the
files that the query's views name.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

DAYS = 60
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = "DeviceProcessEvents"
ONE_DAY = f"{TABLE} | where Timestamp > ago(1d) | where ProcessCommandLine has 'rundll32' | summarize n = count() by DeviceName"
ONE_HOUR = f"{TABLE} | where Timestamp > ago(1h) | where ProcessCommandLine has 'rundll32' | summarize n = count() by DeviceName"
WHOLE = f"{TABLE} | where ProcessCommandLine has 'rundll32' | summarize n = count() by DeviceName"

_ROWS = """
SELECT make_timestamp(epoch_us(TIMESTAMP '{day}') + (i * {step})::BIGINT)::TIMESTAMPTZ AS "Timestamp",
  'host' || (hash(i * 7 + {seed}) % 500) AS "DeviceName", 'ProcessCreated' AS "ActionType",
  CASE WHEN hash(i + {seed}) % 1000 = 0 THEN 'rundll32.exe' ELSE 'program' || (hash(i + {seed}) % 900) || '.exe' END AS "FileName",
  CASE WHEN hash(i + {seed}) % 1000 = 0 THEN 'C:\\Windows\\System32\\rundll32.exe shell32.dll,Control_RunDLL ' || i
    ELSE 'C:\\Program Files\\app' || (hash(i + {seed}) % 900) || '\\program.exe --session ' || (hash(i * 3 + {seed}) % 1000000) END
    AS "ProcessCommandLine",
  (hash(i * 11) % 60000)::BIGINT AS "ProcessId", i AS "ReportId"
FROM range({rows}) t(i)
"""


def make(folder: Path, millions: float, days: int = DAYS) -> float:
    """A lake with so many rows over so many days; the seconds that committing took, all but making the rows."""
    import duckdb
    import pyarrow.parquet as pq

    from lurcher.lake import Lake, SourceId, layout
    from lurcher.lake.commit import commit
    from lurcher.lake.staging import StagedFile, TableStage, open_folder
    from lurcher.schema import known_table

    lake, rows = Lake.create(folder), int(millions * 1e6 / days)
    schema = known_table(TABLE)
    assert schema is not None
    took = 0.0
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        names = [
            r[0] for r in db.execute("DESCRIBE " + _ROWS.format(day="2026-01-01", step=1, seed=0, rows=1)).fetchall()
        ]
        for number in range(days):
            day = (FIRST + timedelta(days=number)).date()
            source = SourceId.of_content(f"day {number}", str(number).encode(), FIRST)
            begin = time.perf_counter()
            scratch, lock = open_folder(lake.path)
            stage = TableStage(TABLE, lake.table(TABLE), scratch, source)
            stage.declare(schema.columns)
            took += time.perf_counter() - begin
            path = scratch / TABLE / "1.parquet"
            query = _ROWS.format(day=day, step=86_400e6 / rows, seed=number * 1_000_003, rows=rows)
            empty = ", ".join(
                f"""{"''" if str(f.type) == "string" else f"NULL::{_sql(str(f.type))}"} AS "{stage.stored[c.name]}\""""
                for c in schema.columns if c.name not in names for f in [_field(c)]
            )  # fmt: skip
            db.execute(
                f"COPY (SELECT * REPLACE (FileName AS FileName), {empty}, '{source.digest}' AS {layout.SOURCE}, "
                f"TIMESTAMPTZ '2026-01-01 00:00:00+00' AS {layout.INGESTED}, NULL::BLOB AS {layout.ROW_HASH} FROM ({query})) "
                f"TO '{path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880)"
            )
            begin = time.perf_counter()
            first = datetime(day.year, day.month, day.day, tzinfo=UTC)
            last = first + timedelta(days=1) - timedelta(microseconds=1)
            stage.files.append(StagedFile(path, day, rows, first, last, frozenset(pq.read_schema(path).names)))
            commit(stage, source, lake, scratch)
            stage.abort()
            took += time.perf_counter() - begin
            shutil.rmtree(scratch)
            lock.close()
    return took


def _field(column: object) -> object:
    import pyarrow as pa

    from lurcher.kql.types import Column
    from lurcher.lake import layout

    assert isinstance(column, Column)
    return pa.field(column.name, layout.arrow_type(column.type))


def _sql(arrow: str) -> str:
    return {
        "bool": "BOOLEAN",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "double": "DOUBLE",
        "timestamp[us, tz=UTC]": "TIMESTAMPTZ",
    }.get(arrow, "DECIMAL(38, 18)")


_OPEN = """
import json, sys, time
import duckdb, deltalake, pyarrow.compute
from lurcher.lake import Lake
begin = time.perf_counter()
table = Lake.open(sys.argv[1]).table(sys.argv[2])
files = table.files
took = time.perf_counter() - begin
begin = time.perf_counter()
Lake.open(sys.argv[1]).tables()
print(json.dumps([took, time.perf_counter() - begin, len(files), table.row_count, sum(f.bytes for f in files)]))
"""
_QUERY = """
import json, re, sys, time
from datetime import datetime
import duckdb, deltalake, pyarrow.compute
from lurcher.app.session import Session
from lurcher.lake import Lake
import lurcher.engines.lowering, lurcher.plan.compile
begin = time.perf_counter()
session = Session.open(Lake.open(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
rows = session.run_table(sys.argv[3])
took = time.perf_counter() - begin
views = [r[0] for r in session.engine._connection.execute("SELECT sql FROM duckdb_views() WHERE NOT internal").fetchall()]
print(json.dumps([took, sum(v.count(".parquet'") for v in views), rows.num_rows]))
"""


def best(script: str, *args: str) -> list[float]:
    found = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", script, *args], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        found.append(json.loads(done.stdout))
    return min(found)


def show(folder: Path, now: date) -> None:
    took, listed, files, rows, size = best(_OPEN, str(folder), TABLE)
    print(f"  opening {took:.3f} s, tables {listed:.3f} s: {files:,.0f} files, {rows:,.0f} rows, {size / 1e6:,.0f} MB")
    for what, query in (("one day", ONE_DAY), ("one hour", ONE_HOUR), ("all days", WHOLE)):
        took, read, _ = best(_QUERY, str(folder), f"{now}T00:00:00+00:00", query)
        print(f"  a hunt of {what}: {took:.3f} s, {read:,.0f} files read", flush=True)


def main() -> None:
    from lurcher.lake.optimize import optimize

    sizes = [float(a) for a in sys.argv[1:]] or [1, 10]
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "lake"
        print("3,000 days of ten rows:")
        copies(lake, 60, 50, 10, apart=True)
        show(lake, (FIRST + timedelta(days=3000)).date())
        shutil.rmtree(lake)
        for millions in sizes:
            took = make(lake, millions)
            print(f"{millions:g} million rows in {DAYS} days: {took / DAYS * 1000:.1f} ms a commit", flush=True)
            show(lake, (FIRST + timedelta(days=DAYS)).date())
            shutil.rmtree(lake)
        # Many small files: what merging is for.
        small = Path(folder) / "small"
        copies(small, 300, 5, 200)
        begin = time.perf_counter()
        done = optimize(small, TABLE, now=datetime.now(UTC))
        print(
            f"optimize: {done.files:,} files became {done.merged} in {time.perf_counter() - begin:.2f} s, "
            f"{done.bytes_before / 1e6:.1f} MB became {done.bytes_after / 1e6:.1f} MB"
        )


def copies(folder: Path, sources: int, days: int, a_day: int, *, apart: bool = False) -> None:
    """Sources of a few days, the same ones or each its own, with so many rows a day."""
    import pyarrow as pa

    from lurcher.lake import Lake, SourceId
    from lurcher.schema import known_table

    lake, schema = Lake.create(folder), known_table(TABLE)
    assert schema is not None
    for number in range(sources):
        first = FIRST + timedelta(seconds=number, days=number * days if apart else 0)
        times = [first + timedelta(days=i // a_day, seconds=i % a_day) for i in range(days * a_day)]
        batch = pa.record_batch(
            {
                "Timestamp": pa.array(times, pa.timestamp("us", "UTC")),
                "DeviceName": [f"host{number}"] * len(times),
                "ProcessCommandLine": [f"program --session {i * number}" for i in range(len(times))],
            }
        )
        lake.append(
            TABLE, [batch], source=SourceId.of_content(f"s{number}", str(number).encode(), FIRST), schema=schema
        )


if __name__ == "__main__":
    main()
