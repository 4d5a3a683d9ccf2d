"""What can run queries: looked at, one by one."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lurcher.errors import LurcherError

#: Seconds by which a server's clock may differ before it is told: now() is this machine's in any case.
_CLOCK = 5.0


@dataclass(frozen=True)
class Found:
    """An engine: what is known of it, and why it cannot be used ('' where it can). `asked`: it was running, and has answered."""

    problem: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    asked: bool = True


def listed(name: str) -> Found:
    """What is installed of an engine, looked at without starting it."""
    from importlib.metadata import PackageNotFoundError, version
    from importlib.util import find_spec

    from lurcher.engines.spark.connect import LOCAL, SAIL

    if name == LOCAL:
        from lurcher.engines.spark.local import installed

        try:
            found = installed()
        except LurcherError as error:
            return _told(error)
        return Found(facts=(("version", found.spark_version), ("Java", found.java_version)), asked=False)
    if name == SAIL:
        if find_spec("pyspark") is None:
            return Found('the client of Spark Connect is not installed (install it: pip install "lurcher[spark]")')
        try:
            return Found(facts=(("version", version("pysail")),), asked=False)
        except PackageNotFoundError:
            return Found("Sail is not installed (install it: pip install pysail)")
    return look(name)


def look(name: str) -> Found:
    """Ask an engine for its version, its time zone, its ANSI mode, its clock, the Python of its workers and Delta."""
    if name == "duckdb":
        import duckdb

        return Found(facts=(("version", duckdb.__version__), ("time zone", "UTC")))
    from lurcher.engines.spark.connect import Connection

    try:
        # Opening it sets what queries need, and looks whether that holds.
        connection = Connection(name)
        session = connection.session()
    except LurcherError as error:
        return _told(error)
    try:
        return _asked(session)
    except Exception as error:  # noqa: BLE001 - whatever the client raises, it cannot be used
        return Found(" ".join(str(error).split())[:200])
    finally:
        connection.close()


def _told(error: LurcherError) -> Found:
    return Found(error.message + (f" ({error.hint})" if error.hint else ""))


def _asked(spark: Any) -> Found:
    asked = "SELECT version() AS v, current_timezone() AS z, unix_micros(current_timestamp()) AS c"
    before = datetime.now(UTC).timestamp()
    row = spark.sql(asked).toArrow().to_pylist()[0]
    after = datetime.now(UTC).timestamp()
    there = row["c"] / 1e6
    # It was read at some time in between: a server that is slow is not behind.
    ahead = there - after if there > after else min(0.0, there - before)
    clock = (
        "as here"
        if abs(ahead) <= _CLOCK
        else f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    )
    ansi = str(spark.conf.get("spark.sql.ansi.enabled")).lower() == "true"
    facts = (("version", str(row["v"])), ("time zone", str(row["z"])), ("ANSI mode", "on" if ansi else "off"),
             ("clock", clock), ("Python of its workers", _workers(spark)), ("Delta", _delta(spark)))  # fmt: skip
    problem = f"its time zone is {row['z']}, not UTC" if row["z"] != "UTC" else "" if ansi else "its ANSI mode is off"
    return Found(problem, facts)


def _workers(spark: Any) -> str:
    """What functions of ours would find there: a query that needs them is refused where it is missing."""

    # Within this function, so that it is sent as it is: nothing of lurcher need be there.
    def look_there(batches: Any) -> Any:
        import platform
        from importlib.metadata import PackageNotFoundError, version

        import pyarrow as pa

        for _ in batches:
            pass
        told = [platform.python_version()]
        for name in ("pyarrow", "duckdb", "lurcher"):
            try:
                told.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                told.append(f"no {name}")
        yield pa.RecordBatch.from_pydict({"told": [", ".join(told)]})

    try:
        rows = spark.range(1).mapInArrow(look_there, "told string").toArrow().to_pylist()
    except Exception as error:  # noqa: BLE001 - whatever the client raises, there are none
        said = " ".join(str(error).split())
        if "PYTHON_VERSION_MISMATCH" in said:
            return (
                f"another one than here, which is {platform.python_version()}: it must have the same first two numbers"
            )
        missing = re.search(r"No module named '([\w.]+)'", said)
        return f"no {missing[1]}" if missing else f"does not answer: {said[:160]}"
    return "; ".join(sorted({str(r["told"]) for r in rows}))


def _delta(spark: Any) -> str:
    """Whether it reads tables of Delta by itself. It is not needed for a lake: its log is read here."""
    try:
        spark.read.format("delta").load("/there is no such table").toArrow()
    except Exception as error:  # noqa: BLE001 - it says what it misses: the table, or Delta
        if re.search(r"DATA_SOURCE_NOT_FOUND|[Ff]ailed to find the? ?data source|ClassNotFound", str(error)):
            return "no (not needed: the lake's log is read here)"
    return "yes"
