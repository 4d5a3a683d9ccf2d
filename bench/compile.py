"""How long a query's text takes to SQL, and the first query of a process from the shell.

    python bench/compile.py [FILE.json | FOLDER ...]

Texts as in bench/parse.py. Every text is compiled anew, three times, the best counts; the tables are the services', empty. Queries
whose columns are found in the rows (`evaluate pivot`) count as refused: they run a query first.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import parse

ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> None:
    from lurcher.app.session import Session
    from lurcher.errors import LurcherError
    from lurcher.kql.diagnostics import Refused
    from lurcher.plan.compile import compile_text

    default = [parse.CORPUS] if parse.CORPUS.exists() else [ROOT / "content", ROOT / "tests" / "cases"]
    texts = parse.queries([Path(a) for a in arguments] or default)
    session = Session.open(None, datetime(2026, 3, 31, tzinfo=UTC))
    times = []
    refused = 0
    for text in texts:
        best = float("inf")
        try:
            for _ in range(3):
                start = time.perf_counter()
                for query in compile_text(text, session.tables, session.now).checked().queries:
                    session.engine.sql(query.plan)
                best = min(best, time.perf_counter() - start)
        except (LurcherError, Refused):
            refused += 1
            continue
        times.append(1000 * best)
    cuts = statistics.quantiles(times, n=100)
    print(
        f"text to SQL: {len(times)} queries ({refused} refused), median {cuts[49]:.2f} ms, p95 {cuts[94]:.2f} ms,"
        f" max {max(times):.1f} ms"
    )
    command = [
        str(Path(sys.executable).parent / "lurcher"),
        "query",
        "DeviceProcessEvents | summarize count() by DeviceName",
    ]
    floor = min(_seconds([sys.executable, "-c", "import duckdb, pyarrow"]) for _ in range(5))
    first = min(_seconds(command) for _ in range(5))
    print(f"first query from the shell: {first:.2f} s; python with duckdb and pyarrow alone: {floor:.2f} s")


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1:])
