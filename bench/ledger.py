"""A year of daily hunts in a ledger: how large it gets, and what a hunt's book-keeping takes.

    python bench/ledger.py [DAYS [RULES [FINDINGS [KEYS]]]]        365 days, 200 rules, 5,000 findings, 10 rows of evidence each

The findings come up over the year. A day's hunt sees all that have come up; in a twentieth of them something has changed since the
day before (a row of evidence more), in one of a hundred the rule does not find it any more, and five rules in a hundred do not run.
What each day must say is worked out beside the ledger, and compared with its history at the end.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import tempfile
import time
from pathlib import Path

from lurcher.content.loading import load_text
from lurcher.content.model import Rule
from lurcher.hunt.ledger import Ledger
from lurcher.hunt.ledger_records import folder_of
from lurcher.hunt.ledger_upkeep import rebuild, verify
from lurcher.hunt.run import EvidenceKey, RuleRun, Seen

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DEFAULTS = (365, 200, 5000, 10)


def key(number: int, at: dt.datetime) -> EvidenceKey:
    return EvidenceKey(f"{number % 900:040x}", f"{at:%Y-%m-%dT%H:%M:%S}.000000Z", str(number), f"{number % 5000:040x}")


def _rules(name: str, text: str) -> tuple[Rule, ...]:
    loaded = load_text(name, text.encode())
    assert loaded is not None
    return loaded.rules


def main(days: int, rules: int, findings: int, keys: int) -> int:
    dice = random.Random(1)
    text = "id: {0:08}-0000-0000-0000-000000000000\nname: Rule {0}\ndescription: d\nquery: T | take {0}\n"
    loaded = [rule for n in range(rules) for rule in _rules(f"r{n}.yaml", text.format(n))]
    evidence: list[list[EvidenceKey]] = [[] for _ in range(findings)]
    expected: list[list[str]] = [[] for _ in range(findings)]
    slowest, total, last, cpu = 0.0, 0.0, 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        for day in range(days):
            now = START + dt.timedelta(days=day)
            there = findings * (day + 1) // days
            broken = set(dice.sample(range(rules), rules * 5 // 100))
            seen: list[list[Seen]] = [[] for _ in range(rules)]
            for n in range(there):
                if not evidence[n]:
                    evidence[n] = [key(n * 1000 + i, now) for i in range(keys)]
                elif dice.random() < 0.05:
                    evidence[n] = [*evidence[n], key(n * 1000 + len(evidence[n]), now)]
                rule = n % rules
                if rule in broken:
                    continue
                if dice.random() < 0.01:
                    if expected[n] and expected[n][-1] != "gone":
                        expected[n].append("gone")
                    continue
                expected[n].append("known" if any(s != "gone" for s in expected[n]) else "new")
                row = {"DeviceName": f"pc{n % 900}", "Count": len(evidence[n]), "Signer": f"Vendor {n % 40}"}
                times = sorted(k.timestamp for k in evidence[n])
                seen[rule].append(
                    Seen(f'{{"n":{n}}}', f"pc{n % 900}", row, True, len(evidence[n]), 0, first=times[0], last=times[-1],
                         keys=tuple(evidence[n]))
                )  # fmt: skip
            runs = [
                RuleRun(r, "refused", "a table is not there")
                if i in broken
                else RuleRun(r, "ok", "", tuple(seen[i]), window=("", ""))
                for i, r in enumerate(loaded)
            ]
            begun, used = time.perf_counter(), time.process_time()
            with Ledger.open(path) as ledger:
                ledger.record(runs, started=now, as_of=now, engine="duckdb", data_fingerprint=f"{day:064}")
            last = time.perf_counter() - begun
            cpu = max(cpu, time.process_time() - used)
            slowest, total = max(slowest, last), total + last
        with Ledger.open(path) as ledger:
            ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            by_entity = {f.entity["n"]: f.id for f in ledger.findings()}
            wrong = sum(
                [s.value for _, s in ledger.history(by_entity[n])] != said for n, said in enumerate(expected) if said
            )
            begun = time.perf_counter()
            ledger.finding(by_entity[0])
            one = time.perf_counter() - begun
        size = path.stat().st_size / 1e6
        records = sum(p.stat().st_size for p in folder_of(path).iterdir()) / 1e6
        whole = verify(path).wrong
        begun = time.perf_counter()
        rebuild(path)
        again = time.perf_counter() - begun
        print(f"{days} hunts of {rules} rules, {findings} findings, {sum(map(len, evidence)):,} rows of evidence")
        print(f"ledger {size:.1f} MB, records beside it {records:.1f} MB, together {size + records:.1f} MB")
        print(
            f"book-keeping: {total / days:.2f} s a hunt, {slowest:.2f} s at most, {last:.2f} s the last (processor: {cpu:.2f} s)"
        )
        print(f"one finding {one * 1000:.1f} ms; made again from its records in {again:.1f} s")
        print(f"histories that are wrong: {wrong}; {whole or 'whole'}")
        return 1 if wrong or whole or slowest > 1 or size + records > 100 else 0


if __name__ == "__main__":
    given = [int(a) for a in sys.argv[1:]]
    sys.exit(main(*given, *DEFAULTS[len(given) :]))
