"""Seven of the twelve hunts of bench/hunts.py as a person writes them for polars' lazy frames; run by bench/peer_packs.py.

The other five have no words there that say the same: an alternation of 300 terms is one more regular expression as in `has`, and
`mv-expand`, `top-nested`, `make-series` and decoding base64 inside of a column take several steps or a function in Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import hunts

WORKER = r"""
import json, sys, time
from datetime import UTC, datetime, timedelta
task = json.load(sys.stdin)
import polars as pl
def at(day): return datetime(2026, 3, day, tzinfo=UTC)
p = pl.scan_parquet(task["p"], hive_partitioning=False)
n = pl.scan_parquet(task["n"], hive_partitioning=False)
window = pl.col("Timestamp").is_between(at(5), at(28))
word = r"(?i)(^|[^\p{L}\p{N}])mimikatz($|[^\p{L}\p{N}])"
def has(): return p.filter(window & pl.col("ProcessCommandLine").str.contains(word)).group_by("DeviceName").len()
def names():
    low = pl.col("FolderPath").str.to_lowercase()
    ours = pl.col("FileName").str.to_lowercase().is_in(task["names"])
    return (p.filter(window & ours & ~low.str.starts_with("c:\\program files\\vendor 1"))
            .group_by("FileName").agg(pl.len(), pl.col("DeviceId").n_unique().alias("d")))
def join():
    a = p.filter(pl.col("FileName").str.to_lowercase() == "anydesk.exe").select("DeviceId", "ProcessId", Started="Timestamp")
    b = n.filter(pl.col("RemotePort") == 443).select("DeviceId", "RemoteIP", "Timestamp", ProcessId="InitiatingProcessId")
    return (a.join(b, on=["DeviceId", "ProcessId"]).filter((pl.col("Timestamp") >= pl.col("Started"))
            & (pl.col("Timestamp") <= pl.col("Started") + timedelta(days=1))).group_by("RemoteIP").len())
def anti():
    keys = ["FileName", "DeviceName"]
    return (p.filter(pl.col("Timestamp") >= at(30)).select(keys).unique()
            .join(p.filter(pl.col("Timestamp") < at(30)).select(keys).unique(), on=keys, how="anti").select(pl.len()))
def newest():
    best = pl.col("ReportId").arg_max()
    return (p.filter(window).group_by("DeviceId")
            .agg(pl.col("ReportId").max(), pl.col("FileName").get(best), pl.col("AccountName").get(best)))
def hours():
    return (n.filter(window).group_by(pl.col("Timestamp").dt.truncate("1h"), "ActionType")
            .agg(pl.len(), pl.col("DeviceId").n_unique().alias("d")))
def many():
    return (n.filter(window & (pl.col("RemotePort") == 8443)).group_by("DeviceName")
            .agg(pl.len(), pl.col("RemoteUrl").n_unique().alias("m")).filter(pl.col("m") > 100))
found = {}
for name, frame in (("has", has), ("in~ with 50 names, not in a folder", names), ("processes joined with their connections", join),
                    ("seen today and on no day before (leftanti)", anti), ("arg_max of whole rows", newest),
                    ("counts by hour and name", hours), ("who speaks to many (make_set)", many)):
    best = 1e9
    for _ in range(3):
        cpu = time.process_time()
        rows = frame().collect()
        best = min(best, time.process_time() - cpu)
    # A count is a row of its own; elsewhere the rows are counted, and what is counted in them summed up.
    counted = "len" if "len" in rows.columns else None
    found[name] = (best, rows.height, int(rows[counted].sum()) if counted else None)
print("\nanswers " + json.dumps(found))
"""


def compare(folder: Path, millions: float) -> int:
    """Prints a line for each hunt; how many answers differ."""
    import time

    from lurcher.app.session import Session

    lake = hunts.make(folder, millions)
    files = {
        k: [f.path for f in lake.table(n).files]
        for k, n in (("p", "DeviceProcessEvents"), ("n", "DeviceNetworkEvents"))
    }
    task = json.dumps({**files, "names": [n.lower() for n in hunts._NAMES]})
    done = subprocess.run([sys.executable, "-c", WORKER], input=task, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    theirs = json.loads(done.stdout.rpartition("answers ")[2])
    session = Session.open(lake, hunts.NOW)
    wrong = 0
    print(f"hunts over {millions:g} million process events, CPU time (the least of three):")
    print(f"  {'':44} {'lurcher':>9} {'polars':>9}  times")
    for hunt in hunts.HUNTS:
        if hunt.name not in theirs:
            continue
        best = float("inf")
        for _ in range(3):
            cpu = time.process_time()
            rows = session.run_table(hunt.kql)
            best = min(best, time.process_time() - cpu)
        cpu, height, total = theirs[hunt.name]
        name = next((c for c in ("n", "Count") if c in rows.column_names), None)
        ours = (rows.num_rows, sum(rows.column(name).to_pylist()) if name and total is not None else None)
        same = ours == (height, total)
        wrong += not same
        said = "" if same else f"   ANSWERS DIFFER: {ours}, {(height, total)}"
        print(f"  {hunt.name:44} {best:8.3f}s {cpu:8.3f}s {cpu / best:6.1f}{said}")
    return wrong
