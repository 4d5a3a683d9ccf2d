"""What can run queries: looked at, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from lurcher.errors import LurcherError

#: Seconds by which a server's clock may differ before it is told: now() is this machine's in any case.
_CLOCK = 5.0


@dataclass(frozen=True)
class Found:
    """An engine: what is known of it, and why it cannot be used ('' where it can)."""

    problem: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def look(name: str) -> Found:
    """Ask an engine for its version, its time zone, its ANSI mode and its clock."""
    if name == "duckdb":
        import duckdb

        return Found(facts=(("version", duckdb.__version__), ("time zone", "UTC")))
    from lurcher.engines.spark.connect import Connection

    try:
        # Opening it sets what queries need, and looks whether that holds.
        connection = Connection(name)
        session = connection.session()
    except LurcherError as error:
        return Found(error.message + (f" ({error.hint})" if error.hint else ""))
    try:
        return _asked(session)
    except Exception as error:  # noqa: BLE001 - whatever the client raises, it cannot be used
        return Found(" ".join(str(error).split())[:200])
    finally:
        connection.close()


def _asked(session: object) -> Found:
    from typing import Any

    spark: Any = session
    asked = "SELECT version() AS v, current_timezone() AS z, unix_micros(current_timestamp()) AS c"
    row = spark.sql(asked).toArrow().to_pylist()[0]
    here = datetime.now(UTC).timestamp()
    ahead = row["c"] / 1e6 - here
    clock = (
        "as here"
        if abs(ahead) <= _CLOCK
        else f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    )
    ansi = str(spark.conf.get("spark.sql.ansi.enabled")).lower()
    facts = (("version", str(row["v"])), ("time zone", str(row["z"])), ("ANSI mode", "on" if ansi == "true" else "off"),
             ("clock", clock))  # fmt: skip
    return Found("" if row["z"] == "UTC" else f"its time zone is {row['z']}, not UTC", facts)
