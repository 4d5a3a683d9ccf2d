"""The same Sigma rules over the same process events: lurcher, and zargunlite (Python and SQLite, the way of Zircolite).

    python bench/peer_sigma.py [EVENTS, 200000] [RULES, 40]

Needs the extra `sigma`, and the network once: zargunlite and pySigma's SQLite backend come from PyPI into an environment of their
own. Zircolite itself is not on PyPI and was not run; zargunlite executes the rules that it executes, in the same SQLite. Hayabusa
and Chainsaw are on no registry of packages, and were not run either. The events are those of bench/scale.py, as JSON lines with
Defender's names; zargunlite is given them under Sysmon's. The rules are of the category process_creation: ends, parts, several
parts, a parent with an exception. How many events each rule matches must be the same. CPU time, and the most memory, of a process
each, from its start.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import peers
import scale

NAMES = {
    "FolderPath": "Image", "ProcessCommandLine": "CommandLine", "InitiatingProcessFolderPath": "ParentImage",
    "ProcessVersionInfoOriginalFileName": "OriginalFileName", "InitiatingProcessCommandLine": "ParentCommandLine",
}  # fmt: skip
_DETECTIONS = (
    "selection:\n    Image|endswith: '\\program{n}.exe'\n  condition: selection",
    "selection:\n    CommandLine|contains|all:\n      - '--task 1{n}'\n      - '/quiet'\n  condition: selection",
    "selection:\n    CommandLine|contains:\n      - 'ProgramData\\{n}'\n      - 'ProgramData\\1{n}'\n      - 'sekurlsa'\n"
    "  condition: selection",
    "selection:\n    ParentImage|endswith: '\\program{n}.exe'\n  filter:\n    CommandLine|contains: '--task 2'\n"
    "  condition: selection and not filter",
)
_RULE = """title: Rule {number}
id: 00000000-0000-4000-8000-{number:012}
status: test
description: made up
logsource:
  category: process_creation
  product: windows
detection:
  {detection}
level: medium
"""
LURCHER = r"""
import json, resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
task = json.load(sys.stdin)
from lurcher.app.add import add
from lurcher.app.packs import share
from lurcher.app.rules import load_rules
from lurcher.app.session import Session
from lurcher.lake import Lake
now = datetime(2026, 4, 1, tzinfo=UTC)
lake = Lake.create(Path(task["lake"]))
report = add(lake, [Path(task["events"])], now=now, table="DeviceProcessEvents", workers=1)
loaded = time.process_time()
rules = load_rules([Path(task["rules"])]).rules
session = Session.open(lake, now)
share(rules, session)
found = {rule.name: session.run_table(rule.query_source).num_rows for rule in rules}
hunted = time.process_time() - loaded
print("\nanswers " + json.dumps([loaded, hunted, memory(), found]))
"""
OTHER = r"""
import json, resource, sys, time
from pathlib import Path
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
task = json.load(sys.stdin)
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from zargunlite.core import ZargunCore
from zargunlite.model import ZircoliteRule
names = task["names"]
events = []
with open(task["events"], encoding="utf-8") as file:
    for line in file:
        event = json.loads(line)
        events.append({names[k]: v for k, v in event.items() if k in names})
core = ZargunCore()
core.load_data(events)
loaded = time.process_time()
found = {}
for path in sorted(Path(task["rules"]).glob("*.yml")):
    rules = SigmaCollection.from_yaml(path.read_text(encoding="utf-8"))
    sql = sqliteBackend().convert(rules)
    sql = [q.replace("<TABLE_NAME>", "logs") for q in sql]
    done = core.execute_zircolite_rule(ZircoliteRule(title=rules.rules[0].title, rule=sql))
    found[done.title] = done.count
hunted = time.process_time() - loaded
print("\nanswers " + json.dumps([loaded, hunted, memory(), found]))
"""


def make(folder: Path, events: int, rules: int) -> None:
    import duckdb

    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(scale._DIMENSIONS.format(devices=100))
        made = f"SELECT {scale.SELECTS['DeviceProcessEvents']} FROM ({scale._ROWS})".format(
            devices=100, programs=scale.PROGRAMS, day="2026-03-01", step=86_400e6 / events, seed=1, rows=events
        )
        db.execute(f"COPY ({made}) TO '{folder / 'events.json'}' (FORMAT json)")
    (folder / "rules").mkdir()
    for number in range(rules):
        detection = _DETECTIONS[number % len(_DETECTIONS)].format(n=100 + number * 13 % 900)
        (folder / "rules" / f"rule{number:03}.yml").write_text(
            _RULE.format(number=number, detection=detection), encoding="utf-8"
        )


def run(python: Path, script: str, task: dict[str, Any]) -> list[Any]:
    done = subprocess.run([python, "-c", script], input=json.dumps(task), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    answer: list[Any] = json.loads(done.stdout.rpartition("answers ")[2])
    return answer


def main(arguments: list[str]) -> int:
    events = int(arguments[0]) if arguments else 200_000
    rules = int(arguments[1]) if len(arguments) > 1 else 40
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder, events, rules)
        size = (folder / "events.json").stat().st_size
        print(f"{rules} Sigma rules over {events:,} process events ({size / 1e6:,.0f} MB of JSON lines):")
        task = {
            "events": str(folder / "events.json"), "rules": str(folder / "rules"), "lake": str(folder / "lake"), "names": NAMES
        }  # fmt: skip
        ours = run(Path(sys.executable), LURCHER, task)
        theirs = run(peers.python("zargunlite", "pysigma-backend-sqlite"), OTHER, task)
        for name, (loading, hunting, memory, found) in (("lurcher", ours), ("zargunlite", theirs)):
            total = sum(found.values())
            print(
                f"  {name:12} loading {loading:7.2f} s CPU, rules {hunting:7.2f} s CPU, at most {memory:6.0f} MB,"
                f" {total:,} matches"
            )
        different = {k for k in ours[3].keys() | theirs[3].keys() if ours[3].get(k) != theirs[3].get(k)}
        for name in sorted(different):
            print(f"  ANSWERS DIFFER: {name}: {ours[3].get(name)}, {theirs[3].get(name)}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
