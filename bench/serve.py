"""Tables that are asked again, kept in memory, against the lake's files: what the first questions cost, what the next ones gain.

    python bench/serve.py [MILLIONS OF ROWS, 5]

Process events of 60 days in a lake, asked through `lurcher.open`, in CPU time of the process (user and system), with the cache and
without (`cache=0`), taking turns; then rows are added by another process, and the same is asked again; then over HTTP, by
`lurcher serve`, as the time that an asker waits. All answers are compared.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from lake_growth import DAYS, FIRST, TABLE, make

import lurcher

AT = (FIRST + timedelta(days=DAYS)).isoformat()
_WEEK, _HAS = "Timestamp > ago(7d)", "ProcessCommandLine has 'rundll32'"
QUERIES = {
    "`has` on command lines, all days": f"{TABLE} | where {_HAS} | summarize n = count() by DeviceName",
    "`has`, seven days": f"{TABLE} | where {_WEEK} | where {_HAS} | summarize n = count() by DeviceName",
    "names that hardly vary": f"{TABLE} | where {_WEEK} | where FileName has 'program7' | summarize n = count() by FileName",
    "an hour": f"{TABLE} | where Timestamp > ago(1h) | summarize n = count(), p = max(ProcessId) by DeviceName",
    "counts by day": f"{TABLE} | where Timestamp > ago(30d) | summarize n = count() by bin(Timestamp, 1d)",
    "one process": f"{TABLE} | where DeviceName == 'host7' and ProcessId == 4711 | project Timestamp, ProcessCommandLine",
}
_TIMES = 5
#: Questions after which nothing is copied any more.
_MOST = 40


def _cpu() -> float:
    times = os.times()
    return times.user + times.system


def _asked(case: lurcher.Case, query: str) -> tuple[float, list[Any]]:
    begun = _cpu()
    rows = list(case.query(query).rows())
    return _cpu() - begun, sorted(rows, key=repr)


def _table(title: str, header: list[str], lines: list[list[str]]) -> None:
    print(f"\n{title}\n\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for line in lines:
        print(f"| {' | '.join(line)} |")


def in_python(folder: Path) -> None:
    lines = []
    for name, query in QUERIES.items():
        # A cache of its own for each: what it costs to fill it is seen.
        with_, without = lurcher.open(folder, as_of=AT), lurcher.open(folder, as_of=AT, cache=0)
        _asked(without, query)  # what Python and the engine load once
        first, expected = _asked(with_, query)
        hot, asked, copying = with_._kept(), 1, 0.0
        assert hot is not None
        while not hot.stats()["tables"] and asked < _MOST:
            copying, rows = _asked(with_, query)
            assert rows == expected
            asked += 1
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(_TIMES):
            for case, into in zip((with_, without), times, strict=True):
                took, rows = _asked(case, query)
                assert rows == expected
                into.append(took)
        kept = hot.stats()
        warm, cold = min(times[0]), min(times[1])
        took = (f"{seconds:.3f} s" for seconds in (cold, first, copying, warm))
        copied = f"{asked}." if kept["tables"] else "none"
        lines.append([name, *took, copied, f"{cold / warm:.1f}", f"{kept['bytes'] / 1e6:.0f} MB"])
        hot.close()
    head = ["", "without", "first", "that copies", "from then on", "which copies", "times faster", "kept"]
    _table("CPU time of a query in Python", head, lines)


def after_append(folder: Path) -> None:
    """Rows of one more day, added by another process, which are in no copy."""
    query = QUERIES["`has` on command lines, all days"]
    with_, without = lurcher.open(folder, as_of=AT), lurcher.open(folder, as_of=AT, cache=0)
    for _ in range(8):
        _asked(with_, query)
    warm = min(_asked(with_, query)[0] for _ in range(_TIMES))
    export = folder.parent / "more.json"
    with export.open("w") as file:
        for i in range(20_000):
            row = {
                "Timestamp": (FIRST + timedelta(days=DAYS - 1, seconds=i)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "DeviceId": "d",
                "DeviceName": f"new{i % 50}", "ActionType": "ProcessCreated", "FileName": "rundll32.exe",
                "ProcessCommandLine": f"rundll32.exe x.dll,{i}", "ProcessId": i, "ReportId": i,
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")
    command = [sys.executable, "-m", "lurcher", "add", "--lake", str(folder), "--table", TABLE, str(export)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = []
    for word in ("first", "second", "third"):
        took, rows = _asked(with_, query)
        cold, expected = _asked(without, query)
        assert rows == expected
        assert any("new" in repr(row) for row in rows)
        lines.append([word, f"{took:.3f} s", f"{cold:.3f} s"])
    _table(
        f"After 20,000 rows were added by another process (before: {warm:.3f} s from memory)",
        ["question", "with the cache", "without"],
        lines,
    )


def over_http(folder: Path) -> None:
    lines = []
    found: dict[str, list[tuple[float, Any]]] = {}
    for options in ((), ("--cache", "0")):
        words = [
            sys.executable,
            "-m",
            "lurcher",
            "serve",
            str(folder),
            "--listen",
            "127.0.0.1:0",
            "--as-of",
            AT,
            *options,
        ]
        service = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        assert service.stderr is not None
        url = re.search(r"http://\S+", service.stderr.readline())
        assert url is not None
        try:
            for name, query in QUERIES.items():
                best, rows = 1e9, None
                for _ in range(_TIMES):
                    begun = time.perf_counter()
                    rows = _post(f"{url[0]}/v2/rest/query", query)
                    best = min(best, time.perf_counter() - begun)
                found.setdefault(name, []).append((best, sorted(map(repr, rows or []))))
        finally:
            service.terminate()
            service.wait()
    for name, ((warm, one), (cold, other)) in found.items():
        assert one == other, name
        lines.append([name, f"{cold:.3f} s", f"{warm:.3f} s", f"{cold / warm:.1f}"])
    _table(
        "Time that an asker of `lurcher serve` waits, the least of five",
        ["", "--cache 0", "with it", "times faster"],
        lines,
    )


def _post(url: str, query: str) -> list[Any]:
    body = json.dumps({"db": "", "csl": query}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as response:
        frames = json.load(response)
    return next(f["Rows"] for f in frames if f.get("TableKind") == "PrimaryResult")


def main() -> None:
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "lake"
        make(folder, millions)
        print(f"{millions:g} million process events, {DAYS} days, {os.cpu_count()} cores")
        in_python(folder)
        over_http(folder)
        after_append(folder)


if __name__ == "__main__":
    main()
