"""Mutated exports and archives: a reader gives rows and rejects, or says what is wrong, and never anything else.

    python bench/fuzz_exports.py [VARIANTS] [SEED] [NAME...]

Each sample is changed in a few places (bytes flipped, cut, doubled, swapped, numbers and marks put in) and read through
recognition, unpacking and every format, without a lake. A variant that raises anything but `LurcherError`, or takes longer
than ten seconds, is printed with its number and kept in the folder for temporary files.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import signal
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from lurcher.app.add import read_parts
from lurcher.collect.exports import Reject
from lurcher.collect.exports.files import leaves_of
from lurcher.errors import LurcherError
from lurcher.schema import known_table

TIME = "2025-01-02T03:04:05.1234567Z"
_LIMIT = 10


def samples() -> dict[str, bytes]:
    rows = [
        {
            "Timestamp": TIME,
            "DeviceName": f"pc{i}",
            "ReportId": i,
            "AdditionalFields": '{"a":[1,"é"]}',
            "FileName": 'x "y", z',
        }
        for i in range(6)
    ]
    stream = "\r\n".join(
        json.dumps({"time": TIME, "category": "AdvancedHunting-DeviceEvents", "properties": r}) for r in rows
    ).encode()
    la = [{"TimeGenerated": TIME, "Type": "SecurityEvent", "EventID": 4624, "_ItemId": str(i)} for i in range(5)]
    names = list(rows[0])
    csv = (
        ",".join(names)
        + "\r\n"
        + "".join(",".join('"' + str(v).replace('"', '""') + '"' for v in r.values()) + "\r\n" for r in rows)
    )
    portal = (
        'TimeGenerated [UTC],Computer,Type\r\n"1/13/2025, 12:00:00.000 AM",pc,Heartbeat\r\n'
        '"1/2/2025, 3:04:05.1 PM",é,Heartbeat\r\n'
    )
    answer = {"Schema": [{"Name": n, "Type": "String"} for n in names], "Results": rows}
    tables = {
        "tables": [
            {"name": "PrimaryResult", "columns": [{"name": n, "type": "string"} for n in names],
             "rows": [list(r.values()) for r in rows]}
        ]
    }  # fmt: skip
    table = pa.Table.from_pylist(rows)
    held, feather = io.BytesIO(), io.BytesIO()
    pq.write_table(table, held)
    with pa.ipc.new_file(feather, table.schema) as writer:
        writer.write_table(table)
    archive, tar = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a.json", stream)
        z.writestr("b.csv", csv)
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, data in (("a.json", stream), ("ä/b.csv", csv.encode()), ("c.zip", archive.getvalue())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return {
        "defender-streaming": stream,
        "records": json.dumps({"records": [json.loads(line) for line in stream.splitlines()]}).encode(),
        "log-analytics-export": "\n".join(map(json.dumps, la)).encode(),
        "json-array": json.dumps(rows, indent=1).encode(),
        "api-json": json.dumps(answer).encode(),
        "table-json": json.dumps(tables, indent=1).encode(),
        "csv": csv.encode(),
        "csv-portal": portal.encode(),
        "csv-utf16": csv.encode("utf-16"),
        "csv-1252": portal.encode("cp1252"),
        "parquet": held.getvalue(),
        "arrow": feather.getvalue(),
        "zip": archive.getvalue(),
        "tar": tar.getvalue(),
        "tgz": gzip.compress(tar.getvalue()),
        "zst": zstandard.ZstdCompressor().compress(stream),
        "bz2": bz2.compress(stream),
        "xz": lzma.compress(stream),
    }


_MARKS = [
    b'"', b"'", b",", b"\n", b"\r", b"\0", b"{", b"}", b"[", b"]", b":", b"\\", b"\xff", b"\xef\xbb\xbf", b"null", b"1e999", b"-1",
    b"9" * 30, b"\\u0000", b"\\ud800", b'"":', b"NaN", b"{}" * 40, b"[" * 300, b"PK\x03\x04", b"\x1f\x8b\x08", b"PAR1",
]  # fmt: skip


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(7):
            case 0 if changed:
                changed[at % len(changed)] ^= 1 << chance.randrange(8)
            case 1 if changed:
                changed[at % len(changed)] = chance.randrange(256)
            case 2:
                del changed[at : at + chance.choice((1, 1, 2, 8, 100))]
            case 3:
                changed[at:at] = changed[at : at + chance.choice((1, 4, 40, 400))]
            case 4:
                changed[at:at] = chance.choice(_MARKS)
            case 5:
                del changed[at:]
            case _:
                other = chance.randrange(len(changed) + 1)
                changed[at : at + 4] = changed[other : other + 4]
    return bytes(changed)


def read(path: Path, table: str | None) -> str:
    """Read a file as `add` does; what came of it, in a word."""
    told: list[str] = []
    rows = 0
    for leaf in leaves_of(path, lambda passed: told.append(passed.reason)):
        try:
            for parts in read_parts(leaf, known_table, table, "defender", None):
                for part in parts:
                    if isinstance(part, Reject):
                        assert part.reason, part
                        assert part.position >= 0, part
                        told.append(part.reason)
                    else:
                        part.batch.validate(full=True)
                        rows += part.batch.num_rows
        except LurcherError as error:
            told.append(error.message or "nothing")
    if any("not a whole archive (" in t and "Error" in t for t in told):
        return "not a whole archive"
    return f"{'rows' if rows else 'no rows'}, {'told' if told else 'nothing told'}"


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"more than {_LIMIT} s")


def main() -> None:
    variants = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    wanted = sys.argv[3:]
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    failed = 0
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _too_long)
    for name, data in samples().items():
        if wanted and name not in wanted:
            continue
        outcomes: Counter[str] = Counter()
        begin, path = time.perf_counter(), folder / "x"
        for number in range(variants):
            chance = random.Random(f"{seed} {name} {number}")
            content = mutated(data, chance)
            path.write_bytes(content)
            if hasattr(signal, "SIGALRM"):
                signal.alarm(_LIMIT)
            try:
                outcomes[read(path, chance.choice((None, "DeviceEvents", "Own")))] += 1
            except Exception as error:  # noqa: BLE001 - this is what is sought
                failed += 1
                kept = folder / f"{name}-{number}"
                kept.write_bytes(content)
                print(f"{name} {number}: {type(error).__name__}: {str(error)[:200]} ({kept})", flush=True)
            finally:
                if hasattr(signal, "SIGALRM"):
                    signal.alarm(0)
        took = time.perf_counter() - begin
        told = ", ".join(f"{n:,} {what}" for what, n in outcomes.most_common())
        print(f"{name}: {variants:,} variants in {took:.0f} s: {told}", flush=True)
    if failed:
        sys.exit(f"{failed} variants failed")


if __name__ == "__main__":
    main()
