"""Ten thousand damaged files: no exception, no hang, and memory that stays where it was.

    python bench/signatures_fuzz.py [COUNT [SEED]]

Damages real signed files (bench/signatures.py downloads them; those up to 512 KiB) and the made ones.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from signatures import download, pe_files  # noqa: E402
from tests.collect import made  # noqa: E402
from tests.collect.test_hostile import mutate  # noqa: E402

from lurcher.collect.examine import Examiner, FileFacts, Settings  # noqa: E402


def main(count: int, seed: int) -> int:
    chance = random.Random(seed)
    contents = [p.read_bytes() for p in pe_files(download()) if p.stat().st_size <= 512 * 1024]
    contents += made.files().values()
    examiner = Examiner(Settings(datetime.now(UTC), nested=True, trusted=made.ROOTS))
    kinds: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.exe"
        for _ in range(count):
            path.write_bytes(mutate(chance.choice(contents), chance))
            began = time.perf_counter()
            result = examiner.examine(str(path))
            slowest = max(slowest, time.perf_counter() - began)
            if isinstance(result, FileFacts):
                primary = result.signatures[0]
                kinds[
                    "row: trusted" if primary.is_trusted else "row: signed" if primary.is_signed else "row: not signed"
                ] += 1
            else:
                kinds[type(result).__name__] += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} damaged files from {len(contents)} (seed {seed}): {dict(kinds)}")
    print(f"no exception; the slowest took {slowest * 1000:.0f} ms; peak memory {peak:.0f} MiB")
    return 0 if peak <= 200 and slowest < 2 else 1


if __name__ == "__main__":
    given = [int(a) for a in sys.argv[1:]]
    sys.exit(main(given[0] if given else 10_000, given[1] if len(given) > 1 else 1))
