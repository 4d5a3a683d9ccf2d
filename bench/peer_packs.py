"""A pack of signer rules, and hunts: lurcher, duckdb-kql, polars and SQL by hand over the same Parquet files.

    python bench/peer_packs.py [MILLIONS OF ROWS, 2] [RULES, 150] [FOLDER FOR THE LAKES]

Needs polars, and the network once (see bench/peers.py). The pack: `has` on the signers of certificate rows of five days, 3,000
signers, grouped by device; each rule's groups and rows have to be the same for all. The hunts: seven of bench/hunts.py that polars
has words for, over as many process events. Told is the CPU time, all threads, of one run in a process of its own, imports and all.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import packs
import peers

KQL = (
    "DeviceFileCertificateInfo | where Timestamp between (datetime(2026-03-01) .. datetime(2026-03-06)) | where Signer has '{}'"
    " | summarize FirstSeen=min(Timestamp), LastSeen=max(Timestamp), Count=count() by DeviceId, DeviceName"
)
#: Each contender is a function from (files, needles) to [(groups, rows)] of each needle; it is alone in its process.
WAYS = r'''
import json, sys, time
task = json.load(sys.stdin)
files, needles, kql = task["files"], task["needles"], task["kql"]
BOUNDARY = r"(^|[^\p{L}\p{N}])%s($|[^\p{L}\p{N}])"

def duckdb_of():
    import duckdb
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute(f"CREATE VIEW c AS SELECT * FROM read_parquet({files!r}, hive_partitioning = false)"
               " WHERE \"Timestamp\" BETWEEN '2026-03-01' AND '2026-03-06'")
    return db

def lurcher(pack):
    from datetime import UTC, datetime
    from pathlib import Path
    from lurcher.app.packs import share_texts
    from lurcher.app.session import Session
    from lurcher.lake import Lake
    session = Session.open(Lake.open(Path(task["lake"])), datetime(2026, 3, 6, tzinfo=UTC))
    if pack:
        share_texts(((str(i), text) for i, text in enumerate(kql)), session)
    found = []
    for text in kql:
        rows = session.run_table(text)
        found.append((rows.num_rows, sum(rows.column("Count").to_pylist())))
    return found

def kql_by_kql():
    import duckdb_kql
    db = duckdb_kql.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute("CREATE VIEW DeviceFileCertificateInfo AS SELECT * REPLACE (timezone('UTC', \"Timestamp\") AS \"Timestamp\")"
               f" FROM read_parquet({files!r}, hive_partitioning = false)")
    return [(len(rows), sum(r[-1] for r in rows)) for rows in (duckdb_kql.query(db, text).fetchall() for text in kql)]

def sql_by_sql():
    db, found = duckdb_of(), []
    for needle in needles:
        low = needle.lower()
        rows = db.execute('SELECT "DeviceId", "DeviceName", min("Timestamp"), max("Timestamp"), count(*) FROM c'
                          ' WHERE contains(lower("Signer"), ?) AND regexp_matches(lower("Signer"), ?) GROUP BY 1, 2',
                          [low, BOUNDARY % low]).fetchall()
        found.append((len(rows), sum(r[-1] for r in rows)))
    return found

def sql_at_once():
    db = duckdb_of()
    db.execute("CREATE TABLE needles AS SELECT * FROM (SELECT unnest(?) AS number, unnest(?) AS needle)",
               [list(range(len(needles))), [n.lower() for n in needles]])
    # The terms are looked for in each distinct signer, once.
    db.execute("""CREATE TABLE matched AS SELECT s.signer, n.number
        FROM (SELECT DISTINCT "Signer" AS signer FROM c) s JOIN needles n ON contains(lower(s.signer), n.needle)
        AND contains(' ' || regexp_replace(lower(s.signer), '[^\\p{L}\\p{N}]', ' ', 'g') || ' ', ' ' || n.needle || ' ')""")
    rows = db.execute('SELECT m.number, c."DeviceId", c."DeviceName", min(c."Timestamp"), max(c."Timestamp"), count(*)'
                      ' FROM c JOIN matched m ON c."Signer" = m.signer GROUP BY 1, 2, 3').fetchall()
    found = [[0, 0] for _ in needles]
    for row in rows:
        found[row[0]][0] += 1
        found[row[0]][1] += row[-1]
    return [tuple(f) for f in found]

def polars_of(at_once):
    import polars as pl
    from datetime import UTC, datetime
    scan = pl.scan_parquet(files, hive_partitioning=False)
    times = pl.col("Timestamp").is_between(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 6, tzinfo=UTC))
    frames = [
        scan.filter(times & pl.col("Signer").str.contains("(?i)" + BOUNDARY % needle))
        .group_by("DeviceId", "DeviceName")
        .agg(pl.col("Timestamp").min().alias("f"), pl.col("Timestamp").max().alias("l"), pl.len().alias("n")) for needle in needles
    ]
    done = pl.collect_all(frames) if at_once else [f.collect() for f in frames]
    return [(f.height, int(f["n"].sum())) for f in done]

ways = {"lurcher, as a pack": lambda: lurcher(True), "lurcher, one by one": lambda: lurcher(False),
        "duckdb-kql, one by one": kql_by_kql, "DuckDB by hand, one by one": sql_by_sql,
        "DuckDB by hand, one statement": sql_at_once,
        "polars, one by one": lambda: polars_of(False), "polars, collect_all": lambda: polars_of(True)}
cpu, wall = time.process_time(), time.perf_counter()
found = ways[task["way"]]()
print("\nanswers " + json.dumps([time.process_time() - cpu, time.perf_counter() - wall, found]))
'''
NAMES = (
    "lurcher, as a pack", "lurcher, one by one", "duckdb-kql, one by one", "DuckDB by hand, one by one",
    "DuckDB by hand, one statement", "polars, one by one", "polars, collect_all",
)  # fmt: skip


def make(folder: Path, millions: float) -> Any:
    """A lake with the certificates of bench/packs.py alone."""
    import duckdb

    from lurcher.lake import Lake, SourceId
    from lurcher.schema import TableSchema, known_table

    if (folder / "lake.toml").exists():
        return Lake.open(folder)
    lake, name = Lake.create(folder), "DeviceFileCertificateInfo"
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        made = db.sql(packs.CERTIFICATES.replace("{rows}", str(int(millions * 1e6))))
        known = known_table(name)
        assert known is not None
        schema = TableSchema(name, tuple(c for c in known.columns if c.name in made.columns), known.platforms)
        source = SourceId.of_content("bench", f"{name} {millions}".encode(), packs.NOW)
        lake.append(name, made.to_arrow_reader(200_000), source=source, schema=schema)
    return lake


def needles(count: int) -> list[str]:
    """The signers that the rules of bench/packs.py hunt."""
    return ["NinjaRMM" if n == 0 else f"Nobody {n}" if n % 20 == 0 else f"Vendor {n}" for n in range(count)]


def run(way: str, task: dict[str, Any]) -> tuple[float, float, list[Any]]:
    python = peers.python() if way.startswith("duckdb-kql") else Path(sys.executable)
    done = subprocess.run(
        [python, "-c", WAYS], input=json.dumps({**task, "way": way}), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{way}: {done.stderr[-2000:]}")
    cpu, wall, found = json.loads(done.stdout.rpartition("answers ")[2])
    return cpu, wall, found


def compare(folder: Path, millions: float, rules: int) -> int:
    lake = make(folder, millions)
    table = lake.table("DeviceFileCertificateInfo")
    wanted = needles(rules)
    task = {
        "lake": str(lake.path), "files": [f.path for f in table.files], "needles": wanted, "kql": [KQL.format(n) for n in wanted]
    }  # fmt: skip
    print(f"{rules} signer rules over {table.row_count:,} certificate rows:")
    first: list[Any] | None = None
    least, wrong = 0.0, 0
    for way in NAMES:
        cpu, wall, found = run(way, task)
        least = least or cpu
        same = first is None or found == first
        first = first or found
        wrong += not same
        print(
            f"  {way:32} {cpu:8.2f} s CPU {wall:8.2f} s {cpu / least:8.1f} times{'' if same else '   ANSWERS DIFFER'}",
            flush=True,
        )
    return wrong


def main(arguments: list[str]) -> int:
    millions = float(arguments[0]) if arguments else 2.0
    rules = int(arguments[1]) if len(arguments) > 1 else 150
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments[2]) if len(arguments) > 2 else Path(temporary)
        wrong = compare(folder / "signers", millions, rules)
        import peer_polars

        return 1 if wrong + peer_polars.compare(folder / "hunts", millions) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
