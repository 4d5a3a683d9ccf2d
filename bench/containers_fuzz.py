"""Damaged installers, cabinets, packages, scripts, catalogues, and reports of other programs: a result each, in bounded time.

    python bench/containers_fuzz.py [COUNT [SEED]]

COUNT variants of each kind (10,000).
"""

from __future__ import annotations

import io
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.collect import containers, made  # noqa: E402
from tests.collect.test_containers import SIGNER, samples  # noqa: E402
from tests.collect.test_hostile import mutate  # noqa: E402

from lurcher.collect.examine import Examiner, FileFacts, Settings  # noqa: E402
from lurcher.collect.exports import ReadContext, Reject, recognise  # noqa: E402
from lurcher.collect.exports.leaf import Leaf  # noqa: E402
from lurcher.errors import LurcherError  # noqa: E402
from lurcher.schema import known_table  # noqa: E402

HEADER = (
    "Path,Verified,Date,Publisher,Company,Description,Product,Product Version,File Version,Machine Type,MD5,SHA1,SHA256"
)
SIGCHECK = (
    HEADER + "\r\n" + '"C:\\a ""x"".exe",Signed,"11:45 AM 6/21/2024","NinjaOne, LLC",C,D,P,1,2,64-bit,aa,bb,cc\r\n' * 3
).encode()
PROCESS = {
    "Pid": 1,
    "Exe": "C:\\a.exe",
    "Hash": {"SHA1": "a" * 40},
    "Authenticode": {
        "SubjectName": 'C=US, O="Datto, Inc", CN=Datto\\, Inc',
        "IssuerName": "CN=x",
        "SerialNumber": "01",
        "Timestamp": "2024-05-06 07:08:09 +0000 UTC",
        "Trusted": "trusted",
    },
}
VELOCIRAPTOR = (json.dumps(PROCESS) + "\n").encode() * 3


def main(count: int, seed: int) -> int:
    bad = 0
    kinds = {**samples(), "a.vbs": ("VBScript", containers.sign_script(SIGNER, "x = 1", ".vbs"))}
    with tempfile.TemporaryDirectory() as folder:
        examiner = Examiner(Settings(made.NOW, trusted=made.ROOTS, nested=True))
        for name, (_, content) in kinds.items():
            path = Path(folder) / name

            def examine(data: bytes, path: Path = path) -> str:
                path.write_bytes(data)
                found = examiner.examine(str(path), ("sha1", "sha256"))
                if not isinstance(found, FileFacts):
                    return type(found).__name__
                first = found.signatures[0]
                return "trusted" if first.is_trusted else "signed" if first.is_signed else "not signed"

            bad += run(name, content, examine, count, seed)
        for name, content in {"sigcheck.csv": SIGCHECK, "Windows.System.Pslist.json": VELOCIRAPTOR}.items():
            bad += run(name, content, lambda data, name=name: add(name, data), count, seed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MiB")
    return 1 if bad or peak > 400 else 0


def run(name: str, content: bytes, examine: Callable[[bytes], str], count: int, seed: int) -> int:
    chance = random.Random(f"{seed} {name}")
    said: Counter[str] = Counter()
    slowest, failures = 0.0, 0
    for _ in range(count):
        data = mutate(content, chance)
        began = time.perf_counter()
        try:
            said[examine(data)] += 1
        except Exception as error:  # noqa: BLE001
            failures += 1
            if failures < 4:
                keep = Path(tempfile.gettempdir()) / f"fuzz-{failures}-{name}"
                keep.write_bytes(data)
                print(f"  {name}: {type(error).__name__}: {error} ({keep})")
        slowest = max(slowest, time.perf_counter() - began)
    print(
        f"{name:28} {dict(said)}; the slowest took {slowest * 1000:.0f} ms"
        + (f"; {failures} FAILED" if failures else ""),
        flush=True,
    )
    return failures + (slowest > 2)


def add(name: str, data: bytes) -> str:
    leaf = Leaf(name, Path(name), lambda: cast(IO[bytes], io.BytesIO(data)))
    kind = recognise(leaf)
    if kind is None:
        return "not recognised"
    context = ReadContext(known_table, name, "Other" if kind.name in ("csv", "json") else None)
    try:
        rejects = sum(isinstance(part, Reject) for part in kind.read(leaf, context))
    except LurcherError:
        return "refused"
    return f"{kind.name}, rejects" if rejects else kind.name


if __name__ == "__main__":
    given = [int(a) for a in sys.argv[1:]]
    sys.exit(main(given[0] if given else 10_000, given[1] if len(given) > 1 else 1))
