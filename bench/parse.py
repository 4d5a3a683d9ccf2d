"""How long the lexer and the parser take for a query.

    python bench/parse.py [FILE.json | FOLDER ...]

Without arguments: the collection of hunting queries beside the project where there is one, else the rules that ship and the
queries of the tests' case files. A JSON file is a list of objects with a `query`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORPUS = ROOT.parent / "shared" / "corpus" / "hunting_queries.json"


def queries(paths: list[Path]) -> list[str]:
    found: list[str] = []
    for path in paths:
        if path.suffix == ".json":
            found += [entry["query"] for entry in json.loads(path.read_text(encoding="utf-8"))]
            continue
        found += [p.read_text(encoding="utf-8") for p in sorted(path.rglob("*.kql"))]
        for file in sorted(path.rglob("*.txt")):
            found += [
                block.partition("\n")[2].partition("\n----")[0] for block in file.read_text("utf-8").split("\n====\n")
            ]
    return found


def main(arguments: list[str]) -> None:
    start = time.perf_counter()
    from lurcher.kql.lexer import tokenize
    from lurcher.kql.parser import parse

    print(f"import {1000 * (time.perf_counter() - start):.0f} ms")
    default = [CORPUS] if CORPUS.exists() else [ROOT / "content", ROOT / "tests" / "cases"]
    texts = queries([Path(a) for a in arguments] or default)
    for name, work in (("lexer", tokenize), ("lexer and parser", parse)):
        times = []
        for text in texts:
            best = min(_timed(work, text) for _ in range(3))
            times.append(1000 * best)
        cuts = statistics.quantiles(times, n=100)
        print(f"{name}: {len(texts)} queries, median {cuts[49]:.2f} ms, p95 {cuts[94]:.2f} ms, max {max(times):.1f} ms")
    big = "T\n" + "| where Column has 'text' and Other == 12.5 or f(x, 1d) > 3\n" * 16_000
    print(f"{len(big) / 1e6:.1f} MB: {_timed(parse, big):.1f} s")


def _timed(work: object, text: str) -> float:
    start = time.perf_counter()
    work(text)  # type: ignore[operator]
    return time.perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1:])
