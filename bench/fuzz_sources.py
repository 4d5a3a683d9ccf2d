"""Damaged sources: variants of small files of each kind, read to the end. No exception, no variant that takes longer than a
few seconds; what is not taken is a reject with a reason, or a `LurcherError`.

    python bench/fuzz_sources.py [COUNT] [KIND ...]
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from lurcher.collect.exports import ReadContext, Reject, recognise
from lurcher.collect.exports.leaf import Leaf
from lurcher.collect.exports.registry import FORMATS
from lurcher.errors import LurcherError
from lurcher.schema import known_table

#: Seconds that a variant may take.
LIMIT = 10


def event_log(chance: random.Random) -> bytes:
    from tests.collect.events import evtx_made

    return evtx_made.log(chance.choice((3, 25, 60)), flags=chance.choice((0, 1)))


def real_log(chance: random.Random) -> bytes:
    """A published log, where LURCHER_TELEMETRY names a folder of some: its records have templates, which ours do not."""
    folder = os.environ.get("LURCHER_TELEMETRY", "")
    found = sorted(p for p in Path(folder).rglob("*.evtx") if p.stat().st_size < 100_000) if folder else []
    return chance.choice(found).read_bytes() if found else event_log(chance)


def event_lines(chance: random.Random) -> bytes:
    from tests.collect.events import test_forms as forms

    xml = {"Event": {"System": forms.SYSTEM, "EventData": forms.DATA}}
    some: list[dict[str, Any]] = [
        xml,
        forms.SEVEN,
        forms.NXLOG,
        {**forms.NXLOG, "Message": forms.MESSAGE, "ProcessID": 1},
        forms.FLAT,
    ]
    text = "\n".join(json.dumps(chance.choice(some)) for _ in range(chance.randint(1, 12)))
    return (
        text.encode()
        if chance.random() < 0.8
        else json.dumps([chance.choice(some) for _ in range(3)], indent=1).encode()
    )


def event_shapes(chance: random.Random) -> bytes:
    """Events whose values are of other types and shapes than any writer's."""
    from tests.collect.events import test_forms as forms

    values = [
        None,
        True,
        0,
        -1,
        2**63,
        1.5,
        1e300,
        "",
        "x",
        "\x00",
        "😀",
        [],
        {},
        [None],
        {"#text": None},
        {"@Name": "a"},
        [{"Name": []}],
    ]

    def bent(value: Any) -> Any:
        if chance.random() < 0.05:
            return chance.choice(values)
        if isinstance(value, dict):
            return {
                (chance.choice(["", "Data", "@x", n]) if chance.random() < 0.02 else n): bent(v)
                for n, v in value.items()
            }
        return [bent(v) for v in value] if isinstance(value, list) else value

    some = [{"Event": {"System": forms.SYSTEM, "EventData": forms.DATA}}, forms.SEVEN, forms.NXLOG, forms.FLAT]
    return "\n".join(json.dumps(bent(chance.choice(some))) for _ in range(8)).encode()


def event_texts(chance: random.Random) -> bytes:
    """Splunk's text of events."""
    from tests.collect.events import test_rendered as texts

    some = [
        (4624, texts.LOGON),
        (4688, texts.PROCESS),
        (4672, "x\n\nPrivileges:\t\tA\n\t\t\tB"),
        (4698, "x\n\nTask Information:\n"),
    ]
    return "".join(texts.said(*chance.choice(some)) for _ in range(chance.randint(1, 8))).encode()


def event_csv(chance: random.Random) -> bytes:
    from tests.collect.events import test_event_csv as tables

    kibana = {
        "winlog.event_id": "1",
        "winlog.event_data.Image": "a",
        "@timestamp": "2026-01-02T03:04:05Z",
        "host.name": "-",
    }
    row = chance.choice((tables.EVTXECMD, {"_time": "x", "_raw": tables.XML}, kibana))
    return tables.written(*[row] * chance.randint(1, 6))


def event_dump(chance: random.Random) -> bytes:
    from tests.collect.events import test_event_csv as tables

    one = chance.choice((json.dumps(tables.OBJECT, indent=2), f"<?xml version='1.0'?>\n{tables.XML}"))
    return "".join(f"Record {n}\n{one}\n" for n in range(chance.randint(1, 6))).encode()


def event_xml(chance: random.Random) -> bytes:
    from tests.collect.events import test_event_csv as tables

    return f"<Events>{tables.XML * chance.randint(1, 6)}</Events>".encode()


#: Kind -> (what makes a whole file, the format that its variants are read as).
KINDS: dict[str, tuple[Callable[[random.Random], bytes], str]] = {
    "evtx": (event_log, "evtx"),
    "evtx-published": (real_log, "evtx"),
    "event-json": (event_lines, "event-json"),
    "event-json-shapes": (event_shapes, "event-json"),
    "event-xml": (event_xml, "event-xml"),
    "event-csv": (event_csv, "event-csv"),
    "evtx-dump": (event_dump, "evtx-dump"),
    "win-event-log": (event_texts, "win-event-log"),
}


def mutate(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((0, 1, 1, 2, 4, 16))):
        if not data:
            break
        at = chance.randrange(len(data))
        match chance.randrange(8):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice(b'\x00\xff\n\r"\\{}[],:09\x80')
            case 2:
                data[at : at + 4] = chance.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(data), 28)).to_bytes(4, "little")
            case 3:
                data[at : at + chance.randrange(1, 64)] = chance.randbytes(chance.randrange(64))
            case 4:
                del data[at : at + chance.randrange(1, 4096)]
            case 5:
                data[at:at] = data[at : at + chance.randrange(1, 4096)]
            case 6:
                other = chance.randrange(len(data))
                size = chance.randrange(1, 256)
                data[at : at + size] = data[other : other + size]
            case _:
                if chance.random() < 0.2:
                    del data[at:]
    return bytes(data)


def read(data: bytes, kind: str) -> Counter[str]:
    """What comes of a file: rows and rejects, by table and reason."""
    leaf = Leaf("fuzz", Path("fuzz"), lambda: io.BytesIO(data))
    recognise(leaf)
    context = ReadContext(known_table, "fuzz")
    seen: Counter[str] = Counter()
    try:
        for _ in range(3):
            seen.clear()
            context.dirty = False
            for part in FORMATS[kind].read(leaf, context):
                if isinstance(part, Reject):
                    assert part.reason, part
                    seen["rejects"] += 1
                else:
                    part.batch.validate()
                    seen["rows"] += part.batch.num_rows
            if not context.dirty:
                break
            context.settle()
    except LurcherError:
        seen["refused"] += 1
    return seen


class TooLongError(BaseException):
    pass


def _late(*_: object) -> None:
    raise TooLongError


def run(name: str, count: int, seed: int = 0) -> Counter[str]:
    """Read so many variants of a kind; raises with the variant's seed where one is not read to its end."""
    make, kind = KINDS[name]
    total: Counter[str] = Counter()
    signal.signal(signal.SIGALRM, _late)
    for i in range(seed, seed + count):
        chance = random.Random(f"{name}{i}")
        data = mutate(make(chance), chance)
        signal.alarm(LIMIT)
        try:
            total += read(data, kind)
        except BaseException as error:
            Path("/tmp/fuzz_sources_failed").write_bytes(data)
            raise AssertionError(f"{name}, variant {i}: {type(error).__name__}: {error}") from error
        finally:
            signal.alarm(0)
    return total


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for name in sys.argv[2:] or KINDS:
        begin = time.perf_counter()
        total = run(name, count)
        took = time.perf_counter() - begin
        print(f"{name}: {count:,} variants in {took:.0f} s: {dict(total)}", flush=True)


if __name__ == "__main__":
    main()
