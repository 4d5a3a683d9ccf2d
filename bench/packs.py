"""Packs of hunts planned together against the same hunts one by one, in one run.

    python bench/packs.py [MILLIONS OF CERTIFICATE ROWS, 20] [--lake FOLDER] [--rules FOLDER] [--packs 1,150,500] [--others 30]

The rows are made up: five days, 500 devices, 3,000 signers; as many process events, and a quarter as many connections. Rules are
written to a folder and run as `lurcher hunt --no-triage` runs them, each time with a new ledger. Ratios are of CPU time, which
other work on the machine disturbs least. `--rules` names a folder of rules of one's own (the published RMM rules, for instance),
run shared and not. `--others`: as many rules each that look for words on command lines, for signers on days of their own, and that
join starts of programs with what the same devices have been signed by. The findings of both ways must be equal.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NOW = datetime(2026, 3, 6, tzinfo=UTC)
_SPAN = "(TIMESTAMP '2026-03-01 01:00' + to_microseconds((i::HUGEINT * 424800000000 // {rows})::BIGINT))::TIMESTAMPTZ"
_DEVICE = """md5((h % 500)::VARCHAR) AS "DeviceId", 'pc' || (h % 500) || '.corp.example' AS "DeviceName","""
# A third of all rows are of the commonest signer; what is hunted is rare.
_SIGNER = """CASE WHEN h % 3 = 0 THEN 'Microsoft Windows' WHEN h % 500 = 1 THEN 'Vendor ' || (h // 503 % 400) || ' Tools Ltd'
    WHEN h % 20011 = 2 THEN 'NinjaRMM, LLC' ELSE 'Maker ' || (h // 7 % 2600) || ' GmbH & Co' END"""
CERTIFICATES = f"""
    SELECT {_SPAN} AS "Timestamp", {_DEVICE} sha1((h // 11 % 200000)::VARCHAR) AS "SHA1", true AS "IsSigned",
        'Embedded' AS "SignatureType", {_SIGNER} AS "Signer", sha1((h // 7 % 2600)::VARCHAR) AS "SignerHash",
        'Issuer ' || (h // 7 % 60) AS "Issuer", h % 100 < 97 AS "IsTrusted", false AS "IsRootSignerMicrosoft", i AS "ReportId"
    FROM (SELECT i, (hash(i) % 1000000007)::BIGINT AS h FROM range({{rows}}) t(i))"""
PROCESSES = f"""
    SELECT {_SPAN} AS "Timestamp", {_DEVICE} 'ProcessCreated' AS "ActionType",
        CASE WHEN h % 9973 = 0 THEN 'AnyDesk.exe' ELSE 'tool' || (h // 7 % 800) || '.exe' END AS "FileName",
        'C:\\Program Files\\vendor ' || (h // 7 % 800) || '\\' AS "FolderPath",
        CASE WHEN h % 9973 = 0 THEN 'AnyDesk Software GmbH' ELSE 'Maker ' || (h // 7 % 800) || ' GmbH' END
            AS "ProcessVersionInfoCompanyName",
        CASE WHEN h % 9973 = 0 THEN 'AnyDesk' ELSE 'Product ' || (h // 7 % 800) END AS "ProcessVersionInfoProductName",
        'tool' || (h // 7 % 800) || ' --config C:\\data\\' || (h % 65536) || '.json /quiet' AS "ProcessCommandLine",
        'user' || (h // 11 % 900) || '@corp.example' AS "AccountUpn", 'user' || (h // 11 % 900) AS "AccountName",
        'parent' || (h // 13 % 60) || '.exe' AS "InitiatingProcessFileName", i AS "ReportId"
    FROM (SELECT i, (hash(i + 7) % 1000000007)::BIGINT AS h FROM range({{rows}}) t(i))"""
CONNECTIONS = f"""
    SELECT {_SPAN} AS "Timestamp", {_DEVICE} 'ConnectionSuccess' AS "ActionType",
        concat_ws('.', 10 + h % 90, h // 3 % 256, h // 5 % 256, h // 9 % 256) AS "RemoteIP", 443::INTEGER AS "RemotePort",
        CASE WHEN h % 9973 = 0 THEN 'relay' || (h % 7) || '.net.anydesk.com' ELSE 'host' || (h // 7 % 5000) || '.example.net' END
            AS "RemoteUrl",
        CASE WHEN h % 9973 = 0 THEN 'AnyDesk.exe' ELSE 'tool' || (h // 7 % 800) || '.exe' END AS "InitiatingProcessFileName",
        CASE WHEN h % 9973 = 0 THEN 'AnyDesk Software GmbH' ELSE 'Maker ' || (h // 7 % 800) || ' GmbH' END
            AS "InitiatingProcessVersionInfoCompanyName",
        'user' || (h // 11 % 900) || '@corp.example' AS "InitiatingProcessAccountUpn", i AS "ReportId"
    FROM (SELECT i, (hash(i + 77) % 1000000007)::BIGINT AS h FROM range({{rows}}) t(i))"""

_RULE = """id: 00000000-0000-4000-8000-{number:012}
name: Signed by {signer}
description: A signer that is hunted.
tactics: [CommandAndControl]
relevantTechniques: [T1219]
query: |
  DeviceFileCertificateInfo
  | where Timestamp between (ago(5d) .. now())
  | where Signer has '{signer}'
  | summarize FirstSeen=min(Timestamp), LastSeen=max(Timestamp), Report=make_set(ReportId), Count=count() by DeviceId, DeviceName
"""


_OTHER = """id: 00000000-0000-4000-8000-{number:012}
name: Rule {number}
description: What is hunted.
tactics: [CommandAndControl]
relevantTechniques: [T1219]
query: |
  {query}
"""
#: Words on command lines, of texts that hardly repeat; signers on days of their own; the same other side of a join.
OTHERS = {
    "words": "DeviceProcessEvents | where Timestamp > ago(5d)"
    " | where ProcessCommandLine has 'data\\\\{number}31.json' | summarize n = count() by DeviceId, FileName",
    "days": "DeviceFileCertificateInfo | where Timestamp between (ago({days}d) .. 1d)"
    " | where Signer has 'Vendor {number}' | summarize n = count() by DeviceId",
    "joins": "DeviceProcessEvents | where Timestamp > ago(5d) | where FileName == 'tool{number}.exe' | distinct DeviceId"
    " | join kind=inner (DeviceFileCertificateInfo | where Timestamp > ago(5d)"
    " | summarize signers = dcount(Signer), files = dcount(SHA1) by DeviceId) on DeviceId | where signers > 2000",
}


def write_others(folder: Path, kind: str, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        query = OTHERS[kind].replace("{number}", str(number)).replace("{days}", str(1 + number % 5))
        (folder / f"rule{number}.yaml").write_text(_OTHER.format(number=number, query=query), encoding="utf-8")
    return folder


def make(folder: Path, millions: float) -> Any:
    """The lake; the one that is there where there is one."""
    import duckdb

    from lurcher.lake import Lake, SourceId
    from lurcher.schema import TableSchema, known_table

    if (folder / "lake.toml").exists():
        return Lake.open(folder)
    lake = Lake.create(folder)
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute("SET enable_progress_bar = false")
    total = int(millions * 1e6)
    for name, text, rows in (
        ("DeviceFileCertificateInfo", CERTIFICATES, total),
        ("DeviceProcessEvents", PROCESSES, total),
        ("DeviceNetworkEvents", CONNECTIONS, total // 4),
    ):
        made = db.sql(text.replace("{rows}", str(max(rows, 1))))
        known = known_table(name)
        assert known is not None
        schema = TableSchema(name, tuple(c for c in known.columns if c.name in made.columns), known.platforms)
        source = SourceId.of_content("bench", f"{name} {millions}".encode(), NOW)
        lake.append(name, made.to_arrow_reader(200_000), source=source, schema=schema)
    return lake


def write_rules(folder: Path, count: int) -> Path:
    """So many rules, each for one of the made-up signers; the first finds what is rare, and each twentieth nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        signer = "NinjaRMM" if number == 0 else f"Nobody {number}" if number % 20 == 0 else f"Vendor {number}"
        (folder / f"rule{number}.yaml").write_text(_RULE.format(number=number, signer=signer), encoding="utf-8")
    return folder


@dataclass
class Measure:
    cpu: float
    wall: float
    found: list[Any]
    rules: int
    sharing: Any = None


def hunted(lake_path: Path, rules: Path, sharing: bool, triage: bool = False) -> Measure:
    """One hunt, in this process, with a ledger that is new; what it found is for comparing."""
    from lurcher.app.hunt import hunt
    from lurcher.app.session import Session
    from lurcher.hunt.ledger import NAME
    from lurcher.lake import Lake

    for old in (lake_path / "ledger", *lake_path.glob(NAME + "*")):
        if old.is_dir():
            shutil.rmtree(old)
        elif old.exists():
            old.unlink()
    cpu, wall = time.process_time(), time.perf_counter()
    lake = Lake.open(lake_path)
    session = Session.open(lake, NOW)
    report = hunt(lake, [rules], session, started=NOW, sharing=sharing, triage=triage)
    session.engine.close()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    ran = [one for one in report.rules if one.run.status == "ok"]
    found = [
        (
            one.run.rule.key,
            one.run.status,
            sorted(repr((f.entity, f.state, f.device)) for f in one.findings),
            # Rows of evidence come in any order.
            sorted(
                repr((s.row, s.shown, s.total, s.explained, s.first, s.last, sorted(map(repr, s.keys))))
                for s in one.run.seen
            ),
        )
        for one in report.rules
    ]
    return Measure(cpu, wall, found, len(ran), report.sharing)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("millions", nargs="?", type=float, default=20.0)
    parser.add_argument("--lake", type=Path)
    parser.add_argument("--rules", type=Path)
    parser.add_argument("--packs", default="1,150,500", help="sizes of the packs")
    parser.add_argument("--alone", type=int, default=150, help="the largest pack that is run one by one as well")
    parser.add_argument("--others", type=int, default=0, help="rules of each other kind")
    asked = parser.parse_args(arguments)
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.lake or Path(temporary) / "lake"
        begun = time.perf_counter()
        make(folder, asked.millions)
        print(f"lake of {asked.millions:g} million certificate rows: {time.perf_counter() - begun:.0f} s")
        sizes = [int(s) for s in asked.packs.split(",") if s]
        packs = [(f"{n} signer rules", write_rules(Path(temporary) / f"rules{n}", n)) for n in sizes]
        for kind in OTHERS if asked.others else ():
            packs.append((f"{asked.others} rules: {kind}", write_others(Path(temporary) / kind, kind, asked.others)))
        if asked.rules:
            packs.append((f"rules of {asked.rules.name}", asked.rules))
        hunted(folder, write_rules(Path(temporary) / "warm", 1), True)
        one: Measure | None = None
        for name, rules in packs:
            shared = hunted(folder, rules, True)
            line = f"{name:24} together {shared.cpu:7.2f} s CPU {shared.wall:7.2f} s"
            count = len(os.listdir(rules))
            if rules == asked.rules or count <= asked.alone or rules.name in OTHERS:
                apart = hunted(folder, rules, False)
                line += (
                    f"   one by one {apart.cpu:7.2f} s CPU {apart.wall:7.2f} s   {apart.cpu / shared.cpu:5.1f} times"
                )
                if apart.found != shared.found:
                    line += "   FINDINGS DIFFER"
                    wrong += 1
                if count == 1:
                    # One rule's time is what it takes alone, without any preparation.
                    one = min(apart, shared, key=lambda m: m.cpu)
            if one is not None and rules.name.startswith("rules") and rules != asked.rules:
                line += f"   {shared.cpu / one.cpu:5.2f} of one rule"
            print(line, flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
