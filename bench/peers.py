"""The twelve hunts of bench/hunts.py, and queries on empty tables, text to rows: lurcher and duckdb-kql (KQL on DuckDB, too).

    python bench/peers.py [MILLIONS OF PROCESS EVENTS, 2] [FOLDER FOR THE LAKE] [QUERIES.json]

Needs the network once: it makes a virtual environment of its own in bench/.peers and installs duckdb-kql there with pip. Both read
the same Parquet files; each figure is the best of three in a process that is warm. QUERIES.json is a list of objects with a
`query`; without it the collection beside the project is taken where there is one. Those run on empty tables: what is timed is the
way from text to SQL.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import hunts

HERE = Path(__file__).parent
PEERS = HERE / ".peers"
CORPUS = HERE.parents[1] / "shared" / "corpus" / "hunting_queries.json"

#: Runs in the other environment: files and queries come in, the best time of each (null where it fails) and its rows go out.
WORKER = r"""
import json, sys, time
import duckdb_kql
task = json.load(sys.stdin)
con = duckdb_kql.connect()
con.execute("SET TimeZone = 'UTC'")
for name, (columns, files) in task["tables"].items():
    if files:
        plain = 'SELECT * REPLACE (timezone(\'UTC\', "Timestamp") AS "Timestamp") FROM'
        con.execute(f'CREATE VIEW "{name}" AS {plain} read_parquet({files!r})')
    else:
        con.execute(f'CREATE TABLE "{name}" ({", ".join(columns)})')
answers = []
for text in task["queries"]:
    best, rows = None, 0
    try:
        for _ in range(3):
            start = time.perf_counter()
            result = duckdb_kql.query(con, text)
            rows = len(result.fetchall())
            seconds = time.perf_counter() - start
            best = seconds if best is None else min(best, seconds)
    except Exception:
        best = None
    answers.append((best, rows))
print("\nanswers " + json.dumps(answers))
"""
_SQL = {
    "bool": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
}


def python(*packages: str) -> Path:
    """The interpreter of the other environment, with duckdb-kql or what else is named from PyPI in it."""
    home = PEERS / packages[0] if packages else PEERS
    found = home / "bin" / "python"
    if not found.exists():
        wanted = packages or ("duckdb-kql[duckdb,arrow]",)
        print(f"installing {', '.join(wanted)} into {home} ...")
        venv.create(home, with_pip=True)
        subprocess.run([found, "-m", "pip", "install", "-q", *wanted], check=True)
    return found


def peer(tables: dict[str, Any], queries: list[str]) -> list[tuple[float | None, int]]:
    task = json.dumps({"tables": tables, "queries": queries})
    done = subprocess.run([python(), "-c", WORKER], input=task, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return [(seconds, rows) for seconds, rows in json.loads(done.stdout.rpartition("answers ")[2])]


def own(session: Any, queries: list[str]) -> list[tuple[float | None, int]]:
    from lurcher.errors import LurcherError
    from lurcher.kql.diagnostics import Refused

    answers: list[tuple[float | None, int]] = []
    for text in queries:
        best, rows = None, 0
        try:
            for _ in range(3):
                start = time.perf_counter()
                rows = len(session.run_table(text).to_pylist())
                seconds = time.perf_counter() - start
                best = seconds if best is None else min(best, seconds)
        except (LurcherError, Refused):
            best = None
        answers.append((best, rows))
    return answers


def compare_hunts(session: Any, lake: Any) -> None:
    files = {
        n: ([], [str(f.path) for f in lake.table(n).files]) for n in ("DeviceProcessEvents", "DeviceNetworkEvents")
    }
    texts = [h.kql for h in hunts.HUNTS]
    print(f"{'':44} {'lurcher':>9} {'duckdb-kql':>11}  times faster")
    for hunt, (ours, rows), (theirs, others) in zip(hunts.HUNTS, own(session, texts), peer(files, texts), strict=True):
        if ours is None or theirs is None:
            print(
                f"{hunt.name:44} {'refused' if ours is None else f'{ours:8.3f}s'} {'fails' if theirs is None else ''}"
            )
            continue
        note = "" if rows == others else f"  ROWS DIFFER: {rows}, {others}"
        print(f"{hunt.name:44} {ours:8.3f}s {theirs:10.3f}s {theirs / ours:8.1f}{note}")


def compare_texts(session: Any, path: Path) -> None:
    from lurcher.schema import known_table, table_names

    texts = [entry["query"] for entry in json.loads(path.read_text(encoding="utf-8"))][::10]
    tables = {}
    for name in table_names():
        known = known_table(name)
        assert known is not None
        seen: set[str] = set()
        columns = [c for c in known.columns if not (c.name.lower() in seen or seen.add(c.name.lower()))]
        tables[name] = ([f'"{c.name}" {_SQL.get(c.type.value, "VARCHAR")}' for c in columns], [])
    ours, theirs = own(session, texts), peer(tables, texts)
    both = [(a, b) for (a, _), (b, _) in zip(ours, theirs, strict=True) if a is not None and b is not None]
    print(
        f"{len(texts)} queries on empty tables: lurcher runs {sum(a is not None for a, _ in ours)},"
        f" duckdb-kql {sum(b is not None for b, _ in theirs)}, both {len(both)}"
    )
    if both:
        print(
            f"of those: lurcher median {1000 * statistics.median(a for a, _ in both):.1f} ms,"
            f" duckdb-kql {1000 * statistics.median(b for _, b in both):.1f} ms;"
            f" lurcher is faster on {sum(a < b for a, b in both)} of {len(both)}"
        )


def main(arguments: list[str]) -> None:
    from lurcher.app.session import Session

    millions = float(arguments[0]) if arguments else 2.0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments[1]) if len(arguments) > 1 else Path(temporary) / "lake"
        lake = hunts.make(folder, millions)
        compare_hunts(Session.open(lake, hunts.NOW), lake)
    path = Path(arguments[2]) if len(arguments) > 2 else CORPUS
    if path.exists():
        compare_texts(Session.open(None, hunts.NOW), path)


if __name__ == "__main__":
    main(sys.argv[1:])
