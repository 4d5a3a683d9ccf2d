"""Adding files to a lake: rows/s and MB/s, against DuckDB alone making Parquet of the same file, in one run.

    python bench/add.py [MB]

DuckDB is told the columns' types, checks no repeats, knows no source and keeps no rejects: it is the floor, not a rival.
The file is the example fleet's DeviceProcessEvents, repeated with other ReportIds until it has that many MB (60). Each way runs in
a process of its own, on as many cores as there are; times are the best of two.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples" / "fleet"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = "DeviceProcessEvents"


def write(folder: Path, size: int) -> tuple[Path, Path, int]:
    """The fleet's rows as JSON lines of about `size` octets, and the same rows as CSV."""
    import orjson
    from make import make

    make(folder / "fleet")
    events = [orjson.loads(line) for line in (folder / "fleet" / "exports" / f"{TABLE}.jsonl").open("rb")]
    names = list(dict.fromkeys(name for event in events for name in event["properties"]))
    lines, cells, number = folder / "events.jsonl", folder / f"{TABLE}.csv", 0
    with lines.open("wb") as out, cells.open("w", newline="", encoding="utf-8") as table:
        rows = csv.DictWriter(table, names)
        rows.writeheader()
        while out.tell() < size:
            for event in events:
                number += 1
                event["properties"]["ReportId"] = 10**9 + number
                out.write(orjson.dumps(event) + b"\n")
                rows.writerow(event["properties"])
    return lines, cells, number


def lurcher(source: Path, folder: Path) -> int:
    from lurcher.app.add import add
    from lurcher.lake import Lake

    report = add(Lake.create(folder / "lake"), [source], now=NOW)
    assert not report.failed, report.failed
    return report.rows


def duckdb(source: Path, folder: Path) -> int:
    import duckdb as db

    from lurcher.schema import known_table

    schema = known_table(TABLE)
    assert schema is not None
    sql = {"datetime": "TIMESTAMP", "long": "BIGINT", "int": "INTEGER", "real": "DOUBLE", "bool": "BOOLEAN"}
    types = {c.name: sql.get(c.type.value, "VARCHAR") for c in schema.columns}
    types = {n: t for i, (n, t) in enumerate(types.items()) if n.lower() not in [m.lower() for m in list(types)[:i]]}
    if source.suffix == ".csv":
        with source.open(encoding="utf-8") as file:
            header = next(csv.reader(file))
        listed = ", ".join(f"'{n}': '{types[n]}'" for n in header)
        read = f"SELECT * FROM read_csv('{source}', header = true, auto_detect = false, columns = {{{listed}}})"
    else:
        fields = ", ".join(f'"{n}" {t}' for n, t in types.items())
        read = (
            f"SELECT unnest(properties) FROM read_json('{source}', format = 'newline_delimited', "
            f"columns = {{properties: 'STRUCT({fields})'}})"
        )
    with db.connect() as connection:
        target = folder / "out.parquet"
        connection.execute(f"COPY ({read}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
        return int(connection.execute(f"SELECT count(*) FROM '{target}'").fetchall()[0][0])


def measured(
    way: Callable[[Path, Path], int], source: Path, rows: int, answer: multiprocessing.SimpleQueue[str]
) -> None:
    with tempfile.TemporaryDirectory() as warm, tempfile.TemporaryDirectory() as folder:
        small = Path(warm) / source.name  # imports, and what is made once a process
        with source.open("rb") as file:
            small.write_bytes(file.readline() + file.readline())
        way(small, Path(warm))
        begin, cpu = time.perf_counter(), time.process_time()
        assert way(source, Path(folder)) == rows
        took, cpu = time.perf_counter() - begin, time.process_time() - cpu
    answer.put(json.dumps([took, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def best(way: Callable[[Path, Path], int], source: Path, rows: int) -> tuple[float, float, float]:
    context, found = multiprocessing.get_context("spawn"), []
    for _ in range(2):
        answer = context.SimpleQueue()
        process = context.Process(target=measured, args=(way, source, rows, answer))
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(f"{way.__name__} failed on {source.name}")
        found.append(tuple(json.loads(answer.get())))
    return min(f[0] for f in found), min(f[1] for f in found), max(f[2] for f in found)


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as folder:
        lines, cells, rows = write(Path(folder), size * 1_000_000)
        for source in (lines, cells):
            octets = source.stat().st_size
            print(f"{source.suffix[1:]}: {rows:,} rows, {octets / 1e6:.0f} MB")
            times = {}
            for way in (lurcher, duckdb):
                took, cpu, memory = best(way, source, rows)
                times[way] = took, cpu
                print(
                    f"  {way.__name__:8} {took:6.2f} s {rows / took:9,.0f} rows/s {octets / took / 1e6:6.0f} MB/s; "
                    f"{cpu:6.2f} CPU s {rows / cpu:9,.0f} rows/CPU s; at most {memory:,.0f} MB"
                )
            took, cpu = (times[lurcher][i] / times[duckdb][i] for i in (0, 1))
            print(f"  {took:.1f} times DuckDB's time, {cpu:.1f} times its CPU")


if __name__ == "__main__":
    main()
