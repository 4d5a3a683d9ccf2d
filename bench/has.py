"""How fast signers are found: `has` and a long `has_any` over certificate rows, held against a plain regular expression and
against counting the rows, in one run.

    python bench/has.py [MILLIONS OF ROWS, 5] [FOLDER FOR THE LAKE]

The rows are made up (3,000 signers, 30 days) and stored as a lake stores them. Each figure is the best of three.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NOW = datetime(2026, 3, 31, tzinfo=UTC)
SIGNERS = 3_000
_WINDOW = "DeviceFileCertificateInfo | where Timestamp between (datetime(2026-03-05) .. datetime(2026-03-28))"


def make(folder: Path, millions: float) -> Any:
    """A lake with so many rows of DeviceFileCertificateInfo; the one that is there where there is one."""
    import duckdb

    from lurcher.lake import Lake, SourceId
    from lurcher.schema import TableSchema, known_table

    if (folder / "lake.toml").exists():
        return Lake.open(folder)
    lake = Lake.create(folder)
    known = known_table("DeviceFileCertificateInfo")
    assert known is not None
    names = ("Timestamp", "DeviceId", "DeviceName", "SHA1", "IsSigned", "Signer", "Issuer")
    schema = TableSchema(known.name, tuple(c for c in known.columns if c.name in names), known.platforms)
    db = duckdb.connect()
    rows = db.sql(f"""
        SELECT (TIMESTAMP '2026-03-01' + to_milliseconds((i * 2592000000 // {int(millions * 1e6)})::BIGINT))::TIMESTAMPTZ
                AS "Timestamp",
            md5((i % 4000)::VARCHAR) AS "DeviceId", 'pc' || (i % 4000) AS "DeviceName", sha1(i::VARCHAR) AS "SHA1",
            (i % 2)::BOOLEAN AS "IsSigned",
            CASE s WHEN 17 THEN 'NinjaRMM, LLC' WHEN 18 THEN 'DWSNET OÜ' WHEN 19 THEN '上海贝锐信息科技股份有限公司'
                ELSE 'Vendor ' || s || ' Software ' || (s % 97) || ', Inc.' END AS "Signer",
            'DigiCert Trusted G4 Code Signing RSA4096 SHA384 2021 CA' || (s % 9) AS "Issuer"
        FROM (SELECT i, (hash(i) % {SIGNERS})::INTEGER AS s FROM range({int(millions * 1e6)}) t(i))
    """)
    source = SourceId.of_content("bench", str(millions).encode(), NOW)
    lake.append("DeviceFileCertificateInfo", rows.to_arrow_reader(200_000), source=source, schema=schema)
    return lake


def best(work: Callable[[], Any]) -> tuple[float, Any]:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def main(arguments: list[str]) -> None:
    from lurcher.app.session import Session

    millions = float(arguments[0]) if arguments else 5.0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments[1]) if len(arguments) > 1 else Path(temporary) / "lake"
        start = time.perf_counter()
        lake = make(folder, millions)
        print(f"lake: {time.perf_counter() - start:.1f} s")
        session = Session.open(lake, NOW)
        # Half of the needles are of signers that there are.
        needles = [f"Vendor {n * 17} Software" for n in range(150)] + [f"Nobody {n} Ltd" for n in range(150)]
        listed = ", ".join(f'"{n}"' for n in needles)
        plain = "(?i)(^|[^\\\\p{L}\\\\p{N}])%s($|[^\\\\p{L}\\\\p{N}])"
        either = "|".join(needles)
        queries = {
            "count(*) in the window": f"{_WINDOW} | count",
            "has": f'{_WINDOW} | where Signer has "NinjaRMM, LLC" | count',
            "the same as a regular expression": f'{_WINDOW} | where Signer matches regex "{plain % "NinjaRMM, LLC"}" | count',
            "has, another script": f'{_WINDOW} | where Signer has "dwsnet oü" | count',
            "!has": f'{_WINDOW} | where Signer !has "NinjaRMM, LLC" | count',
            "has_any, 300": f"{_WINDOW} | where Signer has_any ({listed}) | count",
            "the same as one regular expression": f'{_WINDOW} | where Signer matches regex "{plain % f"({either})"}" | count',
            "has_any, 300, per device": f"{_WINDOW} | where Signer has_any ({listed}) | summarize count() by DeviceName | count",
        }
        answers = {}
        floor = 0.0
        for name, text in queries.items():
            seconds, rows = best(lambda text=text: session.run_table(text).to_pylist())  # type: ignore[misc]
            floor = floor or seconds
            answers[name] = rows
            print(f"{name:38} {seconds:7.3f} s  {seconds / floor:5.1f} x  {rows[0]['Count']:>10,} rows")
        assert answers["has"] == answers["the same as a regular expression"]
        assert answers["has_any, 300"] == answers["the same as one regular expression"]


if __name__ == "__main__":
    main(sys.argv[1:])
