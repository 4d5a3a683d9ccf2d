"""A query reads the files of the days that it asks for, and no others; and its answer is that of all files."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lurcher.app.session import Session, Tables
from lurcher.kql.types import Column, ScalarType
from lurcher.lake import Lake, SourceId
from lurcher.lake.layout import arrow_type
from lurcher.schema import TableSchema

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
COLUMNS = (
    Column("Timestamp", ScalarType.DATETIME),
    Column("Device", ScalarType.STRING),
    Column("n", ScalarType.LONG),
    Column("Other", ScalarType.DATETIME),
)


def rows(name: str) -> pa.RecordBatch:
    """Ten days with a row every six hours, at the very ends of days as well, and three rows without a time."""
    times: list[datetime | None] = [NOW - timedelta(hours=6 * i) for i in range(40)]
    midnight = NOW.replace(hour=0)
    times += [midnight, midnight - timedelta(microseconds=1), midnight - timedelta(days=3), None, None, None]
    devices = [f"{name}{i % 3}" for i in range(len(times))]
    other = [t - timedelta(days=4) if t else NOW for t in times]
    arrays = [times, devices, list(range(len(times))), other]
    return pa.RecordBatch.from_arrays(
        [pa.array(a, arrow_type(c.type)) for a, c in zip(arrays, COLUMNS, strict=True)], [c.name for c in COLUMNS]
    )


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Session, Session]:
    """The same rows in a lake, and where nothing is left out."""
    lake = Lake.create(tmp_path_factory.mktemp("lakes") / "case")
    loaded = {}
    for name in ("A", "B"):
        schema = TableSchema(name, COLUMNS)
        lake.append(name, [rows(name)], source=SourceId.of_content(name, name.encode(), NOW), schema=schema)
        loaded[name] = (schema, pa.table(rows(name)))
    return Session.open(lake, NOW), Session(Tables(None, loaded), NOW)


def days_read(session: Session, query: str) -> set[str]:
    """The days of the files that the engine's views of a query name, each as `A 2026-01-09`."""
    found = Session(session.tables, session.now)
    plan = found.need(query).queries[0].plan
    found.engine.run(found.need(query).queries[0]).table()
    names = set(re.findall(r'"([AB](?: \d\S+\.\.\S+(?: #\d+)?)?)"', found.engine.sql(plan)))
    result = set()
    for name in names:
        sql = found.engine._connection.execute("SELECT sql FROM duckdb_views() WHERE view_name = ?", [name]).fetchall()
        result |= {f"{name[0]} {day}" for day in re.findall(r"day=([0-9-]+|__HIVE\w+)/", sql[0][0])}
    return result


def days(table: str, first: int, last: int) -> set[str]:
    """Days of January; 0 is the one before."""
    return {f"{table} {date(2025, 12, 31) + timedelta(days=day)}" for day in range(first, last + 1)}


LAST_DAY = days("A", 9, 10)
FROM_SOMETHING_ELSE = [
    # A limit comes before the filter: other rows would be taken.
    "A | sort by n asc | take 12 | where Timestamp > ago(1d)",
    "A | sort by n asc | serialize r = row_number() | where Timestamp > ago(1d)",
    "A | extend Timestamp = Timestamp + 3d | where Timestamp > ago(1d)",
    "A | extend Timestamp = Other | where Timestamp > ago(1d)",
    "A | where Timestamp > ago(1d) or n == 39",
    "A | where isnull(Timestamp) or Timestamp > ago(1d)",
    "A | where Other > ago(1d)",
    "A | summarize Timestamp = max(Timestamp) by Device | where Timestamp > ago(1d)",
    "A | summarize arg_max(n, Timestamp) by Device | where Timestamp > ago(1d) or isnull(Timestamp)",
    "A | summarize n = count() by bin(Timestamp, 1d) | where n > 3",
    "A | mv-expand Timestamp = pack_array(ago(1h), ago(9d)) to typeof(datetime) | where Timestamp > ago(1d)",
    "A | where n in ((A | where Timestamp > ago(1d) | project n)) or n == 30",
    "let t = toscalar(A | summarize max(Timestamp)); A | where Timestamp > t - 1d",
    "A | make-series count() on Timestamp from ago(1d) to now() step 6h by Device",
    "A | where Timestamp > ago(1d) | union (A | where n == 35)",
]
READ = {
    "A | where Timestamp > ago(1d)": LAST_DAY,
    "A | where Timestamp between (ago(1d) .. now()) | count": LAST_DAY,
    "A | where Timestamp between (datetime(2026-01-05) .. 1d)": days("A", 5, 6),
    "A | where Timestamp >= datetime(2026-01-05) and Timestamp < datetime(2026-01-05 23:00)": days("A", 5, 5),
    "let s = ago(1d); let recent = A | where Timestamp > s; recent | summarize count() by Device": LAST_DAY,
    "let f = (from: datetime) { A | where Timestamp > from }; f(ago(1d))": LAST_DAY,
    "A | project t = Timestamp, Device | where t > ago(1d)": LAST_DAY,
    "A | project-rename t = Timestamp | extend m = n + 1 | where m > 2 | where t > ago(1d) and m > 1": LAST_DAY,
    "A | extend Day = startofday(Timestamp) | where Day == datetime(2026-01-09)": LAST_DAY,
    "A | where bin(Timestamp, 1d) >= datetime(2026-01-09)": LAST_DAY,
    "A | where todatetime(Timestamp) between (ago(1d) .. 1d)": LAST_DAY,
    "A | where not(Timestamp < ago(1d))": LAST_DAY,
    "A | where ago(1d) <= Timestamp": LAST_DAY,
    "A | where Timestamp > ago(1d) and Device == 'A1' or Timestamp between (ago(4d) .. 1d)": days("A", 6, 10),
    "A | summarize count() by Device, bin(Timestamp, 1d) | where Timestamp >= datetime(2026-01-09)": LAST_DAY,
    "A | distinct Device, Timestamp | where Timestamp > ago(1d)": LAST_DAY,
    "A | sort by Timestamp desc | where Timestamp > ago(1d)": LAST_DAY,
    "A | mv-expand x = pack_array(1, 2) to typeof(long) | where Timestamp > ago(1d)": LAST_DAY,
    "A | mv-apply x = pack_array(1, 2) to typeof(long) on (where x > 1) | where Timestamp > ago(1d)": LAST_DAY,
    "union A, B | where Timestamp > ago(1d)": LAST_DAY | days("B", 9, 10),
    "union withsource = T A, (B | where Timestamp > ago(1h)) | where Timestamp > ago(1d)": LAST_DAY | days("B", 10, 10),
    "find in (A, B) where Timestamp > ago(1d) and Device has 'A1'": LAST_DAY | days("B", 9, 10),
    "search in (A) 'A1' | where Timestamp > ago(1d)": LAST_DAY,
    "A | join kind=inner (B | extend Device = replace_string(Device, 'B', 'A')) on Device "
    "| where Timestamp > ago(1d) and Timestamp1 > ago(2d)": LAST_DAY | days("B", 8, 10),
    "A | join kind=leftouter (B | where n > 20) on n | where Timestamp > ago(1d)": LAST_DAY
    | days("B", 0, 10)
    | {"B __HIVE_DEFAULT_PARTITION__"},
    "A | join kind=fullouter (B | where n > 2) on n | where Timestamp1 > ago(1d)": days("B", 9, 10)
    | days("A", 0, 10)
    | {"A __HIVE_DEFAULT_PARTITION__"},
    "A | join kind=rightouter (B | where n > 2) on n | where Timestamp > ago(1d)": LAST_DAY
    | days("B", 0, 10)
    | {"B __HIVE_DEFAULT_PARTITION__"},
    "A | join kind=leftanti (B | where n > 20 and Timestamp > ago(2d)) on n | where Timestamp > ago(1d)": LAST_DAY
    | days("B", 8, 10),
    # Used twice: each place has its own filter, or what is shared has both.
    "let T = A; T | where Timestamp > ago(1d) | join kind=inner (T | where Timestamp < ago(8d)) on Device": LAST_DAY
    | days("A", 0, 2),
    "let T = A | extend m = n + 1; union (T | where Timestamp > ago(1d)), (T | where Timestamp between (ago(3d) .. 1d))": days(
        "A", 7, 10
    ),
    "let T = materialize(A | where n > 0); union (T | where Timestamp > ago(1d)), (T | where Timestamp > ago(2d))": days(
        "A", 8, 10
    ),
}


def answer(session: Session, query: str) -> list[Any]:
    return sorted(map(repr, session.run(query)[0].table().to_pylist()))


@pytest.mark.parametrize("query", READ)
def test_only_the_days_that_are_asked_for_are_read(sessions: tuple[Session, Session], query: str) -> None:
    assert days_read(sessions[0], query) == READ[query]


@pytest.mark.parametrize("query", [*READ, *FROM_SOMETHING_ELSE])
def test_what_is_not_read_would_change_nothing(sessions: tuple[Session, Session], query: str) -> None:
    pruned, whole = sessions
    assert answer(pruned, query) == answer(whole, query)
    assert answer(pruned, query)


@pytest.mark.parametrize("query", FROM_SOMETHING_ELSE[:-1])
def test_a_filter_that_says_nothing_of_the_rows_at_rest_leaves_none_out(
    sessions: tuple[Session, Session], query: str
) -> None:
    assert days("A", 0, 10) <= days_read(sessions[0], query)


@pytest.mark.parametrize("end", ["2026-01-09 23:59:59.9999999", "2026-01-10", "2026-01-10 00:00:00.0000001"])
@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "==", "!="])
def test_bounds_at_the_end_of_a_day(sessions: tuple[Session, Session], op: str, end: str) -> None:
    query = f"A | where Timestamp {op} datetime({end}) | project n"
    assert answer(sessions[0], query) == answer(sessions[1], query)


def test_days_of_the_column_that_the_table_is_parted_by(tmp_path: Path) -> None:
    """A Sentinel table that has a `Timestamp` too: it comes behind `TimeGenerated`, and says the day all the same."""
    lake = Lake.create(tmp_path / "case", platform="sentinel")
    columns = (Column("TimeGenerated", ScalarType.DATETIME), Column("Timestamp", ScalarType.DATETIME))
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([NOW], arrow_type(ScalarType.DATETIME)),
            pa.array([NOW - timedelta(days=5)], arrow_type(ScalarType.DATETIME)),
        ],
        ["TimeGenerated", "Timestamp"],
    )
    source = SourceId.of_content("x", b"x", NOW)
    lake.append("SecurityEvent", [batch], source=source, schema=TableSchema("SecurityEvent", columns))
    session = Session.open(lake, NOW)
    assert answer(session, "SecurityEvent | where TimeGenerated > ago(1d) | count") == ["{'Count': 1}"]
    assert answer(session, "SecurityEvent | where Timestamp > ago(1d) | count") == ["{'Count': 0}"]
    assert answer(session, "SecurityEvent | where Timestamp between (ago(6d) .. 2d) | count") == ["{'Count': 1}"]


def test_a_table_of_another_program_is_read_whole(tmp_path: Path) -> None:
    """It may have no days, or days of its own."""
    from deltalake import write_deltalake

    lake = Lake.create(tmp_path / "case")
    table = pa.table({"Timestamp": pa.array([NOW, NOW - timedelta(days=5)], pa.timestamp("us", "UTC")), "n": [1, 2]})
    write_deltalake(lake.path / "tables" / "Theirs", table)
    session = Session.open(lake, NOW)
    assert answer(session, "Theirs | where Timestamp > ago(1d) | project n") == ["{'n': 1}"]
    assert lake.tables()[0].rows == 2


def test_a_column_that_no_file_has(tmp_path: Path) -> None:
    """Whoever gave the table the column was killed before its rows came; or the days that are read are older than it."""
    lake = Lake.create(tmp_path / "case")
    more = (
        *COLUMNS,
        Column("late", ScalarType.STRING),
        Column("later", ScalarType.DECIMAL),
        Column("when", ScalarType.DATETIME),
    )
    types = {c.name: arrow_type(c.type) for c in more}

    def add(content: bytes, columns: tuple[Column, ...], **values: Any) -> None:
        batch = pa.RecordBatch.from_arrays([pa.array([v], types[n]) for n, v in values.items()], list(values))
        lake.append("T", [batch], source=SourceId.of_content("s", content, NOW), schema=TableSchema("T", columns))

    add(b"1", COLUMNS, Timestamp=NOW - timedelta(days=5), n=1)
    table = lake.table("T")
    assert table is not None
    from lurcher.lake import layout

    table._delta.alter.add_columns([layout.delta_field(c, c.name, late=True) for c in more[len(COLUMNS) :]])
    query = "T | project n, late, later, when | where isempty(late) and isnull(later) and isnull(when)"
    empty = "'late': '', 'later': None, 'when': None}"
    assert answer(Session.open(lake, NOW), query) == ["{'n': 1, " + empty]
    add(b"2", more, Timestamp=NOW, n=2, late="x", when=NOW)
    assert answer(Session.open(lake, NOW), query) == ["{'n': 1, " + empty]
    assert answer(Session.open(lake, NOW), "T | where Timestamp < ago(1d) | project n, late, later, when") == [
        "{'n': 1, " + empty
    ]
    assert answer(Session.open(lake, NOW), "T | where Timestamp > ago(1d) | project n, late") == [
        "{'n': 2, 'late': 'x'}"
    ]
