"""Windows events as JSON lines to a lake: events a second and core, against a floor, in one run.

    python bench/events.py [EVENTS]

The events are made up: processes, connections, loaded libraries, registry values of Sysmon, logons and handles of the Security log,
as NXLog and as a script of PowerShell write them, in one day; their share and their size (2 KB each) are those of public sets.
The floor is what no reader of these lines in Python goes without: each line parsed by orjson, and the rows that lurcher made
of them written to Parquet by pyarrow as the lake has them. Each way runs in a process of its own; times are CPU time, the least
of three.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2026, 1, 2, tzinfo=UTC)
_SYSMON = ("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational", "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}")
_SECURITY = ("Microsoft-Windows-Security-Auditing", "Security", "{54849625-5478-4994-A5BA-3E3B0328C30D}")
#: Event -> how many of a hundred there are.
_SHARES = {1: 2, 3: 4, 7: 20, 10: 24, 12: 12, 13: 12, 4624: 4, 4656: 8, 4663: 8, 5156: 6}


def data(chance: random.Random, number: int, time_text: str) -> dict[str, str]:
    """The fields of an event."""
    image = rf"C:\Windows\System32\{chance.choice(('svchost', 'lsass', 'WmiPrvSE', 'powershell', 'taskhostw'))}.exe"
    guid = f"{{{uuid.UUID(int=chance.getrandbits(9))}}}"
    number_of = str(chance.randrange(300, 9000, 4))
    if number >= 4000:
        subject = {
            "SubjectUserSid": "S-1-5-18", "SubjectUserName": "PC1$", "SubjectDomainName": "CONTOSO", "SubjectLogonId": "0x3e7",
        }  # fmt: skip
        target = {
            "TargetUserSid": "S-1-5-21-1-2-3-1105", "TargetUserName": f"user{chance.randrange(40)}",
            "TargetDomainName": "CONTOSO", "TargetLogonId": hex(chance.getrandbits(24)), "LogonType": "3",
            "LogonProcessName": "Kerberos", "AuthenticationPackageName": "Kerberos", "IpAddress": "::1", "IpPort": number_of,
        }  # fmt: skip
        handle = {
            "ObjectServer": "Security", "ObjectType": "Key", "ObjectName": rf"\REGISTRY\MACHINE\SYSTEM\{guid}",
            "HandleId": hex(chance.getrandbits(10)), "AccessList": "%%4435\n\t\t\t\t%%4432\n", "AccessMask": "0x20019",
            "ProcessName": image,
        }  # fmt: skip
        wire = {
            "Application": image, "Direction": "%%14593", "SourceAddress": "10.0.0.5", "SourcePort": number_of,
            "DestAddress": f"10.0.{chance.randrange(9)}.{chance.randrange(250)}", "DestPort": "443", "Protocol": "6",
        }  # fmt: skip
        return wire if number == 5156 else {**subject, **(target if number == 4624 else handle)}
    own = {
        "RuleName": "-",
        "UtcTime": time_text[:-4].replace("T", " "),
        "ProcessGuid": guid,
        "ProcessId": number_of,
        "Image": image,
    }
    hashes = f"SHA1={chance.getrandbits(9):040X},MD5={chance.getrandbits(9):032X},SHA256={chance.getrandbits(9):064X}"
    file = {
        "FileVersion": "10.0.1",
        "Description": "Host",
        "Product": "Windows",
        "Company": "Microsoft",
        "Hashes": hashes,
    }
    if number == 1:
        parent = {
            "ParentProcessGuid": guid,
            "ParentProcessId": "4",
            "ParentImage": image,
            "ParentCommandLine": f"{image} -k",
        }
        return {
            **own,
            **file,
            "CommandLine": f'"{image}" -k {number_of} <x>',
            "User": "CONTOSO\\user",
            "LogonId": "0x3e7",
            **parent,
        }
    if number == 3:
        return {**own, "User": "CONTOSO\\user", "Protocol": "tcp", "SourceIp": "10.0.0.5", "DestinationIp": "10.0.0.9"}
    if number == 7:
        library = rf"C:\Windows\System32\lib{chance.randrange(400)}.dll"
        return {
            **own,
            "ImageLoaded": library,
            **file,
            "Signed": "true",
            "Signature": "Microsoft",
            "SignatureStatus": "Valid",
        }
    if number == 10:
        trace = "|".join(rf"C:\Windows\SYSTEM32\ntdll.dll+{chance.getrandbits(20):x}" for _ in range(12))
        kept = {"RuleName": "-", "UtcTime": own["UtcTime"], "SourceProcessGUID": guid, "SourceImage": image}
        return {**kept, "TargetProcessGUID": guid, "TargetImage": image, "GrantedAccess": "0x1410", "CallTrace": trace}
    key = {**own, "EventType": "CreateKey", "TargetObject": rf"HKLM\System\CurrentControlSet\Services\{guid}"}
    return key if number == 12 else {**key, "EventType": "SetValue", "Details": "DWORD (0x00000001)"}


def write(path: Path, count: int, form: str) -> None:
    """So many events as JSON lines of a form."""
    import orjson

    chance = random.Random(count)
    numbers = chance.choices(list(_SHARES), list(_SHARES.values()), k=count)
    with path.open("wb") as out:
        for i, number in enumerate(numbers):
            when = (START + timedelta(seconds=86_000 * i / count)).isoformat(timespec="microseconds")[:-6] + "0Z"
            provider, channel, guid = _SYSMON if number < 4000 else _SECURITY
            fields = data(chance, number, when)
            text = f"What happened:\r\n{chr(10).join(f'{k}: {v}' for k, v in fields.items())}"
            event: dict[str, Any] = {
                "@timestamp": when,
                "Hostname": "pc1.contoso.com",
                "EventID": number,
                "Task": number % 100,
            }
            event |= {"Channel": channel, "SourceName": provider, "ProviderGuid": guid, "Message": text}
            if form == "nxlog":
                event |= {"EventTime": when, "Keywords": -9223372036854775808, "Severity": "INFO", "SeverityValue": 2}
                event |= {
                    "RecordNumber": i + 1,
                    "ExecutionProcessID": 4,
                    "ThreadID": 8,
                    "Opcode": "Info",
                    "OpcodeValue": 0,
                }
                event |= {"Version": 5, "EventReceivedTime": when, "SourceModuleName": "eventlog", "@version": "1"}
                event |= {"SourceModuleType": "im_msvistalog", "host": "wec", "port": 60_000, "tags": ["mordor"]}
            else:
                event |= {"TimeCreated": when, "Level": "4", "Keywords": "0x8000000000000000"}
            out.write(orjson.dumps(event | fields) + b"\n")


def lurcher(source: Path, folder: Path) -> int:
    from lurcher.app.add import add
    from lurcher.lake import Lake

    report = add(Lake.create(folder / "lake"), [source], now=START)
    assert not report.failed, report.failed
    return report.files[0].tables["WindowsEvent"]


def floor(source: Path, folder: Path) -> int:
    """`folder` has the rows, as `tables/*.arrow`."""
    import orjson
    import pyarrow as pa
    import pyarrow.parquet as pq

    with source.open("rb") as lines:
        count = sum(1 for _ in map(orjson.loads, lines))
    for i, file in enumerate(sorted(source.parent.glob("tables/*.arrow"))):
        with pa.memory_map(str(file)) as stream:
            table = pa.ipc.open_file(stream).read_all()
            pq.write_table(table, folder / f"{i}.parquet", compression="zstd", compression_level=1, store_schema=False)
    return count


def rows_of(source: Path, folder: Path) -> int:
    """The rows that lurcher makes of the source, beside it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lurcher(source, folder)
    target = source.parent / "tables"
    target.mkdir(exist_ok=True)
    total = 0
    for table in sorted((folder / "lake" / "tables").iterdir()):
        rows = pa.concat_tables(
            [pq.ParquetFile(f).read() for f in sorted(table.rglob("*.parquet"))], promote_options="default"
        )
        total += rows.num_rows
        with pa.ipc.new_file(target / f"{table.name}.arrow", rows.schema) as out:
            out.write_table(rows)
    return total


def run(way: Callable[[Path, Path], int], source: Path, answer: multiprocessing.SimpleQueue[Any], times: int) -> None:
    found = []
    for _ in range(times):
        with tempfile.TemporaryDirectory(dir=source.parent) as folder:
            begin = time.process_time()
            count = way(source, Path(folder))
            found.append(time.process_time() - begin)
    answer.put((count, min(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def apart(way: Callable[[Path, Path], int], source: Path, times: int) -> tuple[int, float, float]:
    context = multiprocessing.get_context("spawn")
    answer = context.SimpleQueue()
    process = context.Process(target=run, args=(way, source, answer, times))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{way.__name__} failed on {source.name}")
    found: tuple[int, float, float] = answer.get()
    return found


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    for form in ("nxlog", "flat"):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / f"{form}.json"
            write(source, count, form)
            made, _, _ = apart(rows_of, source, 1)
            print(f"{form}: {count:,} events, {source.stat().st_size / 1e6:.0f} MB; {made:,} rows of them")
            ours, least = apart(lurcher, source, 3), apart(floor, source, 3)
            assert ours[0] == least[0] == count
            for name, (_, cpu, memory) in (("lurcher", ours), ("floor", least)):
                print(
                    f"  {name:8} {cpu:5.2f} CPU s, {count / cpu:9,.0f} events a second and core; at most {memory:,.0f} MB"
                )
            print(f"  {ours[1] / least[1]:.1f} times the floor's CPU time")


if __name__ == "__main__":
    main()
