"""An estate of devices in a lake, at several sizes: what a row takes, and what hunts of a day, of 30 days and packs of them cost.

    python bench/scale.py [--millions 1,10] [--folder FOLDER] [--keep] [--seconds 200] [--step make|add|hunts|packs]

The rows are made up and the same on every run: thirty days, eight tables in the proportions of `SHARES`, one device for each
`A_DAY` rows of a day; processes, their parents and their hashes are drawn from 3,000 programs, some of them common and most of them
rare. They are written straight into Parquet files of a day each, sorted by time, which are committed as `add` commits what it has
staged. Hunts run as `lurcher query` and `lurcher hunt` in a process of their own, with two threads and 4 GB; told is the CPU time
of the process with all it does, without what `print 1` takes (the least of three; of packs of two, at 50 million rows and more of
one), and the most memory that it had.

`--millions 100` takes 8 GB of disk and ten minutes to make: `--step make --seconds 200` makes a part and ends with 3 while there
is more to make. Figures of docs/scale.md are of this script.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DAYS = 30
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
NOW = FIRST + timedelta(days=DAYS)
#: Rows of one device and day, of all tables: an estimate (docs/scale.md).
A_DAY = 12_000
#: Which part of all rows is of a table: an estimate.
SHARES = {
    "DeviceNetworkEvents": 0.32,
    "DeviceFileEvents": 0.24,
    "DeviceEvents": 0.15,
    "DeviceProcessEvents": 0.12,
    "DeviceImageLoadEvents": 0.08,
    "DeviceRegistryEvents": 0.06,
    "DeviceLogonEvents": 0.02,
    "DeviceFileCertificateInfo": 0.01,
}
PROGRAMS = 3_000
_DIMENSIONS = f"""
CREATE TABLE programs AS SELECT n AS p,
    CASE n WHEN 0 THEN 'svchost.exe' WHEN 1 THEN 'chrome.exe' WHEN 2 THEN 'powershell.exe' WHEN 2900 THEN 'AnyDesk.exe'
        WHEN 2950 THEN 'mimikatz.exe' ELSE 'program' || n || '.exe' END AS name,
    CASE WHEN n % 3 = 0 THEN 'C:\\Windows\\System32\\'
        ELSE 'C:\\Program Files\\Vendor ' || (n % 700) || '\\App ' || n || '\\' END AS folder,
    sha1('1' || n) AS s1, sha256('2' || n) AS s2, md5('3' || n) AS m, 40000 + n * 977 AS size,
    CASE WHEN n % 3 = 0 THEN 'Microsoft Corporation' ELSE 'Vendor ' || (n % 700) || ' GmbH' END AS company,
    'Product ' || n AS product, (n % 12) || '.' || (n % 7) || '.' || n || '.0' AS version,
    CASE WHEN n % 3 = 0 THEN 'Microsoft Windows' ELSE 'Vendor ' || (n % 700) || ' GmbH' END AS signer
FROM range({PROGRAMS}) t(n);
CREATE TABLE devices AS SELECT n AS d, sha1('device ' || n) AS id, 'ws-' || n || '.corp.example' AS name,
    'S-1-5-21-3623811015-3361044348-30300820-' || (1000 + n % 90000) AS sid, 'user' || n AS account
FROM range({{devices}}) t(n);
"""
#: Each row: its device, its own program (p), the one that did it (q), and numbers of its own (h, g).
_ROWS = """
SELECT r.*, d.id AS "DeviceId", d.name AS "DeviceName", d.sid, d.account,
    p.name AS pn, p.folder AS pf, p.s1 AS p1, p.s2 AS p2, p.m AS pm, p.size AS ps, p.company AS pc, p.product AS pp,
    p.version AS pv, p.signer, q.name AS qn, q.folder AS qf, q.s1 AS q1, q.s2 AS q2, q.m AS qm, q.size AS qs, q.company AS qc,
    q.product AS qp, q.version AS qv
FROM (SELECT i, h, g, h % {devices} AS d, least(h // 7 % {programs}, h // 23 % {programs}, h // 41 % {programs}) AS p,
        least(g // 7 % {programs}, g // 23 % {programs}, g // 41 % {programs}, g // 59 % {programs}) AS q,
        (TIMESTAMP '{day}' + to_microseconds((i * {step})::BIGINT))::TIMESTAMPTZ AS ts
    FROM (SELECT i, (hash(i + {seed}) >> 2)::BIGINT AS h, (hash(i + {seed} + 7777777) >> 2)::BIGINT AS g FROM range({rows}) t(i))) r
JOIN devices d ON d.d = r.d JOIN programs p ON p.p = r.p JOIN programs q ON q.p = r.q
"""
_TIME = 'ts AS "Timestamp", "DeviceId", "DeviceName", i AS "ReportId"'
_INITIATING = """'CORP' AS "InitiatingProcessAccountDomain", account AS "InitiatingProcessAccountName",
    sid AS "InitiatingProcessAccountSid", account || '@corp.example' AS "InitiatingProcessAccountUpn",
    q1 AS "InitiatingProcessSHA1", q2 AS "InitiatingProcessSHA256",
    qm AS "InitiatingProcessMD5", qn AS "InitiatingProcessFileName", qs AS "InitiatingProcessFileSize",
    qc AS "InitiatingProcessVersionInfoCompanyName", qp AS "InitiatingProcessVersionInfoProductName",
    qv AS "InitiatingProcessVersionInfoProductVersion", qn AS "InitiatingProcessVersionInfoOriginalFileName",
    g % 60000 AS "InitiatingProcessId", '"' || qf || qn || '" --profile ' || (g % 400) || ' /session:' || (g % 9000)
        AS "InitiatingProcessCommandLine", ts - to_milliseconds(g % 86400000) AS "InitiatingProcessCreationTime",
    lower(qf || qn) AS "InitiatingProcessFolderPath", g // 3 % 60000 AS "InitiatingProcessParentId",
    'explorer.exe' AS "InitiatingProcessParentFileName",
    ts - to_milliseconds(g % 864000000) AS "InitiatingProcessParentCreationTime",
    CASE WHEN g % 5 = 0 THEN 'System' ELSE 'Medium' END AS "InitiatingProcessIntegrityLevel",
    'TokenElevationTypeDefault' AS "InitiatingProcessTokenElevation\""""
_FILE = 'pn AS "FileName", pf || pn AS "FolderPath", p1 AS "SHA1", p2 AS "SHA256", pm AS "MD5", ps AS "FileSize"'
_KEY = """'HKEY_LOCAL_MACHINE\\SOFTWARE\\Vendor ' || (h % 700) || '\\App ' || (h // 11 % 4000) AS "RegistryKey",
    'Value' || (h % 90) AS "RegistryValueName", (h % 100000)::VARCHAR AS "RegistryValueData\""""
_ADDRESS = """concat_ws('.', 10 + h % 90, h // 3 % 256, h // 5 % 256, h // 9 % 256) AS "RemoteIP\""""
SELECTS = {
    "DeviceProcessEvents": f"""{_TIME}, 'ProcessCreated' AS "ActionType", {_FILE}, pc AS "ProcessVersionInfoCompanyName",
        pp AS "ProcessVersionInfoProductName", pv AS "ProcessVersionInfoProductVersion", pn AS "ProcessVersionInfoOriginalFileName",
        h % 60000 AS "ProcessId", '"' || pf || pn || '" --config C:\\ProgramData\\' || (h % 65536) || '.json --task '
            || (h // 13 % 100000) || CASE WHEN h % 1000003 = 0 THEN ' sekurlsa::logonpasswords' ELSE ' /quiet' END
            AS "ProcessCommandLine",
        CASE WHEN h % 5 = 0 THEN 'System' ELSE 'Medium' END AS "ProcessIntegrityLevel", ts AS "ProcessCreationTime",
        'CORP' AS "AccountDomain", account AS "AccountName", sid AS "AccountSid", h % 10000000 AS "LogonId", {_INITIATING}""",
    "DeviceNetworkEvents": f"""{_TIME}, CASE WHEN h % 9 = 0 THEN 'ConnectionFailed' ELSE 'ConnectionSuccess' END AS "ActionType",
        {_ADDRESS}, (CASE WHEN h % 20 = 0 THEN 8443 ELSE 443 END)::INTEGER AS "RemotePort",
        CASE WHEN h % 100003 = 0 THEN 'relay' || (h % 7) || '.net.anydesk.com'
            ELSE 'host' || (least(h // 7 % 50000, h // 19 % 50000)) || '.example.net' END AS "RemoteUrl",
        concat_ws('.', 10, 1, d % 256, d // 256 % 256) AS "LocalIP", (49152 + h // 5 % 16000)::INTEGER AS "LocalPort",
        'Tcp' AS "Protocol", 'Private' AS "LocalIPType", 'Public' AS "RemoteIPType", {_INITIATING}""",
    "DeviceFileEvents": f"""{_TIME}, CASE WHEN h % 3 = 0 THEN 'FileModified' ELSE 'FileCreated' END AS "ActionType",
        'file' || (h // 3 % 400000) || '.tmp' AS "FileName", 'C:\\Users\\' || account || '\\AppData\\Local\\' || pp || '\\file'
            || (h // 3 % 400000) || '.tmp' AS "FolderPath", sha1((h // 3 % 400000)::VARCHAR) AS "SHA1",
        md5((h // 3 % 400000)::VARCHAR) AS "MD5", h % 5000000 AS "FileSize", {_INITIATING}""",
    "DeviceEvents": f"""{_TIME}, CASE h % 6 WHEN 0 THEN 'PowerShellCommand' WHEN 1 THEN 'DnsQueryResponse'
        WHEN 2 THEN 'NamedPipeEvent' WHEN 3 THEN 'OpenProcessApiCall' ELSE 'GetAsyncKeyStateApiCall' END AS "ActionType", {_FILE},
        '{{{{"Count":' || (h % 50) || ',"Name":"pipe'
            || (h // 7 % 3000) || '","First":"2026-03-01T00:00:00Z"}}}}' AS "AdditionalFields",
        {_INITIATING}""",
    "DeviceImageLoadEvents": f"""{_TIME}, 'ImageLoaded' AS "ActionType", {_FILE}, {_INITIATING}""",
    "DeviceRegistryEvents": f"""{_TIME}, 'RegistryValueSet' AS "ActionType", {_KEY}, 'String' AS "RegistryValueType",
        {_INITIATING}""",
    "DeviceLogonEvents": f"""{_TIME}, CASE WHEN h % 15 = 0 THEN 'LogonFailed' ELSE 'LogonSuccess' END AS "ActionType",
        CASE WHEN h % 3 = 0 THEN 'Network' ELSE 'Interactive' END AS "LogonType", 'CORP' AS "AccountDomain",
        account AS "AccountName", sid AS "AccountSid", 'Kerberos' AS "Protocol", h % 10000000 AS "LogonId",
        {_ADDRESS}, {_INITIATING}""",
    "DeviceFileCertificateInfo": f"""{_TIME}, p1 AS "SHA1", true AS "IsSigned", 'Embedded' AS "SignatureType", signer AS "Signer",
        sha1(signer) AS "SignerHash", 'Issuer ' || (h % 60) AS "Issuer", sha1((h % 60)::VARCHAR) AS "IssuerHash",
        h % 100 < 97 AS "IsTrusted", signer = 'Microsoft Windows' AS "IsRootSignerMicrosoft\"""",
}
_PROCESSES = "DeviceProcessEvents | where Timestamp"
_HAS = "ProcessCommandLine has 'sekurlsa' | summarize n = count() by DeviceName"
HUNTS = (
    ("a word in command lines, 1 day", "DeviceProcessEvents", 1, f"{_PROCESSES} > ago(1d) | where {_HAS}"),
    ("a word in command lines, 30 days", "DeviceProcessEvents", 30, f"{_PROCESSES} > ago(30d) | where {_HAS}"),
    (
        "who speaks to few, 30 days", "DeviceNetworkEvents", 30,
        "DeviceNetworkEvents | where Timestamp > ago(30d) | summarize Devices = dcount(DeviceId) by RemoteUrl"
        " | where Devices < 2 | count",
    ),
    (
        "a tool and its connections, 30 days", "DeviceNetworkEvents", 30,
        "DeviceProcessEvents | where Timestamp > ago(30d) | where FileName =~ 'anydesk.exe' | project DeviceId, Started = Timestamp"
        " | join kind=inner (DeviceNetworkEvents | where Timestamp > ago(30d) | where InitiatingProcessFileName =~ 'anydesk.exe'"
        " | project DeviceId, RemoteUrl, Timestamp) on DeviceId | where Timestamp between (Started .. 1h)"
        " | summarize count() by RemoteUrl",
    ),
)  # fmt: skip
_RULE = """id: 00000000-0000-4000-8000-{number:012}
name: Rule {number}
description: A program that is hunted.
query: |
  {table}
  | where Timestamp > ago({days}d)
  | where {test}
  | summarize FirstSeen = min(Timestamp), LastSeen = max(Timestamp), Count = count() by DeviceId, DeviceName
"""


# --- making ------------------------------------------------------------------------------------------------------------
def make(folder: Path, millions: float, until: float) -> bool:
    """The lake, as far as it is made before `until` (of `time.monotonic()`); whether it is whole."""
    import duckdb

    from lurcher.lake import Lake

    lake = Lake.open(folder) if (folder / "lake.toml").exists() else Lake.create(folder)
    have = {name: len(table.files) for name in SHARES if (table := lake.table(name)) is not None}
    a_day = millions * 1e6 / DAYS
    devices = max(1, round(a_day / A_DAY))
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("SET enable_progress_bar = false")
        db.execute("SET memory_limit = '6GB'")
        # Rows stay in the order in which range() gives them: that of their times.
        db.execute("SET preserve_insertion_order = true")
        db.execute(_DIMENSIONS.format(devices=devices))
        for number in range(DAYS):
            for index, (name, share) in enumerate(SHARES.items()):
                if have.get(name, 0) > number:
                    continue
                if time.monotonic() > until:
                    return False
                _put(
                    db,
                    lake,
                    name,
                    number,
                    max(1, round(a_day * share)),
                    devices,
                    (number * 100 + index) * 1_000_000_007,
                )
    return True


def _put(db: Any, lake: Any, name: str, number: int, rows: int, devices: int, seed: int) -> None:
    """One day of one table: a file that DuckDB writes, committed as what `add` has staged."""
    import pyarrow.parquet as pq
    from lake_growth import _field, _sql

    from lurcher.lake import SourceId, layout
    from lurcher.lake.staging import StagedFile
    from lurcher.schema import known_table

    schema = known_table(name)
    assert schema is not None
    day = (FIRST + timedelta(days=number)).date()
    source = SourceId.of_content(f"{name} {day}", f"{name} {day} {rows}".encode(), FIRST)
    made = f"SELECT {SELECTS[name]} FROM ({_ROWS})".format(
        devices=devices, programs=PROGRAMS, day=day, step=86_400e6 / rows, seed=seed, rows=rows
    )
    have = {r[0]: r[1] for r in db.execute("DESCRIBE " + made).fetchall()}
    with lake.writer(source) as writer:
        writer.declare(schema)
        stage = writer._stages[name]
        items = []
        for column in schema.columns:
            arrow = str(getattr(_field(column), "type", ""))
            stored = stage.stored[column.name]
            if column.name in have:
                items.append(f'"{column.name}"::{"VARCHAR" if arrow == "string" else _sql(arrow)} AS "{stored}"')
            else:
                items.append(f"""{"''" if arrow == "string" else f"NULL::{_sql(arrow)}"} AS "{stored}\"""")
        items.append(f"'{source.digest}' AS {layout.SOURCE}")
        items.append(f"TIMESTAMPTZ '{day} 00:00:00+00' AS {layout.INGESTED}, NULL::BLOB AS {layout.ROW_HASH}")
        path = writer.folder / name / "1.parquet"
        db.execute(
            f"COPY (SELECT {', '.join(items)} FROM ({made})) TO '{path}'"
            " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880)"
        )
        first = datetime(day.year, day.month, day.day, tzinfo=UTC)
        last = first + timedelta(days=1) - timedelta(microseconds=1)
        # As if it had been written row by row.
        file = StagedFile(path, day, rows, first, last, frozenset(pq.read_schema(path).names))
        close = stage.close
        stage.close = lambda: (close(), stage.files.append(file))
        writer.commit()


# --- measuring ---------------------------------------------------------------------------------------------------------
#: Runs a command and says its CPU seconds and its most memory (MB). What is forked of a large process would count as large.
_LAUNCH = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.returncode)
print(done.stderr[-500:])
"""


def run(arguments: list[str], times: int = 1) -> tuple[float, float]:
    """The least CPU seconds of some runs of `lurcher ...`, and the most memory (MB) of one."""
    least, most = float("inf"), 0.0
    for _ in range(times):
        command = [sys.executable, "-c", _LAUNCH, sys.executable, "-m", "lurcher", *arguments]
        told, _, said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("\n")
        cpu, memory, code = told.split()
        if code not in ("0", "1"):
            raise SystemExit(f"lurcher {' '.join(arguments)}: {said}")
        least, most = min(least, float(cpu)), max(most, float(memory))
    return least, most


def describe(folder: Path) -> dict[str, int]:
    """What is in the lake, a line a table; the rows of each."""
    from lurcher.lake import Lake

    lake = Lake.open(folder)
    rows, total = {}, 0
    print(f"  {'table':28} {'rows':>12} {'MB':>9} {'bytes/row':>10}")
    for name in SHARES:
        table = lake.table(name)
        assert table is not None
        size = sum(f.bytes for f in table.files)
        rows[name], total = table.row_count, total + size
        print(f"  {name:28} {table.row_count:12,} {size / 1e6:9,.1f} {size / table.row_count:10.1f}")
    count = sum(rows.values())
    print(f"  {'together':28} {count:12,} {total / 1e6:9,.1f} {total / count:10.1f}", flush=True)
    return rows


def adding(folder: Path, most: int = 40_000) -> None:
    """A sample of each table as JSON lines, as the service exports it (what is empty is left out), added to a lake of its own."""
    import duckdb

    from lurcher.lake import Lake

    lake = Lake.open(folder)
    base, _ = run(["query", "print 1"], 3)
    print(f"  {'table':28} {'JSON bytes/row':>14} {'CPU us/row':>11} {'MB/s of CPU':>12} {'lake bytes/row':>15}")
    with tempfile.TemporaryDirectory() as temporary, duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        for name in SHARES:
            table = lake.table(name)
            assert table is not None
            sample = Path(temporary) / f"{name}.json"
            names = [c.name for c in table.schema.columns if f'"{c.name}"' in SELECTS[name]]
            columns = ", ".join(f'"{table.physical[n]}" AS "{n}"' for n in names)
            files = [f.path for f in table.files]
            first = f"SELECT {columns} FROM read_parquet({files!r}, hive_partitioning = false) LIMIT {most}"
            db.execute(f"COPY ({first}) TO '{sample}' (FORMAT json)")
            rows = min(most, table.row_count)
            other = Path(temporary) / name
            run(["init", str(other)])
            cpu, _ = run(["add", "--lake", str(other), "--table", name, "--workers", "1", str(sample)])
            put = Lake.open(other).table(name)
            assert put is not None
            assert put.row_count == rows, (put.row_count, rows)
            size, cpu = sample.stat().st_size, cpu - base
            stored = sum(f.bytes for f in put.files)
            print(
                f"  {name:28} {size / rows:14.0f} {cpu / rows * 1e6:11.1f} {size / 1e6 / cpu:12.1f} {stored / rows:15.1f}",
                flush=True,
            )


def write_rules(folder: Path, count: int, days: int) -> Path:
    """Rules over three tables, each for one program, name or signer."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        program = 2000 + number * 7 % 990
        table, test = (
            ("DeviceProcessEvents", f"FileName =~ 'program{program}.exe'"),
            ("DeviceNetworkEvents", f"InitiatingProcessFileName =~ 'program{program}.exe'"),
            ("DeviceFileCertificateInfo", f"Signer has 'Vendor {number}'"),
        )[number % 3]
        (folder / f"rule{number}.yaml").write_text(
            _RULE.format(number=number, table=table, test=test, days=days), encoding="utf-8"
        )
    return folder


def limits(folder: Path) -> list[str]:
    return ["--memory-limit", "4GB", "--threads", "2", "--lake", str(folder), "--as-of", NOW.isoformat()]


def head(folder: Path) -> float:
    """What a query takes that asks nothing."""
    base, memory = run(["query", "print 1", *limits(folder)], 3)
    print(
        f"  {'':38} {'rows looked at':>14} {'CPU s':>8} {'s/million':>10} {'MB':>7}   (print 1: {base:.2f} s, {memory:.0f} MB)"
    )
    return base


def hunting(folder: Path, rows: dict[str, int]) -> None:
    base = head(folder)
    for name, table, days, kql in HUNTS:
        cpu, memory = run(["query", kql, *limits(folder)], 3)
        looked = rows[table] * days // DAYS + (rows["DeviceProcessEvents"] if "join" in kql else 0)
        line(name, looked, cpu - base, memory)


def packing(folder: Path, rows: dict[str, int], sizes: list[int]) -> None:
    base = head(folder)
    for days in (1, 30):
        for count in sizes:
            with tempfile.TemporaryDirectory() as temporary:
                rules = write_rules(Path(temporary), count, days)
                measured = []
                for _ in range(2 if sum(rows.values()) < 50e6 else 1):
                    forget(folder)
                    measured.append(run(["hunt", str(rules), "--no-triage", *limits(folder)]))
                cpu, memory = min(measured)[0], max(m for _, m in measured)
            tables = ("DeviceProcessEvents", "DeviceNetworkEvents", "DeviceFileCertificateInfo")[:count]
            name = f"{count} rule{'s' * (count > 1)}, {days} day{'s' * (days > 1)}"
            line(name, sum(rows[t] for t in tables) * days // DAYS, cpu - base, memory)
    forget(folder)


def line(name: str, looked: int, cpu: float, memory: float) -> None:
    print(f"  {name:38} {looked:14,} {cpu:8.2f} {cpu / looked * 1e6:10.3f} {memory:7.0f}", flush=True)


def forget(folder: Path) -> None:
    """A new ledger for the next hunt."""
    from lurcher.hunt.ledger import NAME

    for old in (folder / "ledger", *folder.glob(NAME + "*")):
        if old.is_dir():
            shutil.rmtree(old)
        elif old.exists():
            old.unlink()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--millions", default="1,10")
    parser.add_argument("--folder", type=Path, help="where the lakes are made; those that are there are used")
    parser.add_argument("--seconds", type=float, default=1e9, help="for making")
    parser.add_argument("--step", choices=("make", "add", "hunts", "packs"))
    parser.add_argument("--packs", default="1,30,120", help="rules of a pack")
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args(arguments)
    sys.path.insert(0, str(Path(__file__).parent))
    until = time.monotonic() + asked.seconds
    with tempfile.TemporaryDirectory() as temporary:
        for millions in map(float, asked.millions.split(",")):
            folder = (asked.folder or Path(temporary)) / f"lake-{millions:g}"
            folder.parent.mkdir(parents=True, exist_ok=True)
            begun = time.perf_counter()
            if not make(folder, millions, until):
                print(f"{millions:g} million rows: not whole yet", flush=True)
                return 3
            print(f"{millions:g} million rows, {DAYS} days: made in {time.perf_counter() - begun:.0f} s", flush=True)
            if asked.step == "make":
                continue
            rows = describe(folder)
            if asked.step in (None, "add"):
                adding(folder)
            if asked.step in (None, "hunts"):
                hunting(folder, rows)
            if asked.step in (None, "packs"):
                packing(folder, rows, [int(n) for n in asked.packs.split(",")])
            if not asked.keep and asked.folder is None:
                shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
