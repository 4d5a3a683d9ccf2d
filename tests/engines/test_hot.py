"""Tables kept in memory: the rows are those of the lake as it is at that moment, whoever has written to it, of the same types."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from queries import SCHEMAS, rows

from lurcher.app.session import Limits, Session
from lurcher.engines.hot import MISSING, Hot, Worth
from lurcher.engines.values import protocol_rows
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused
from lurcher.kql.types import Column, ScalarType
from lurcher.lake import Lake, SourceId
from lurcher.lake.layout import arrow_type
from lurcher.plan import used
from lurcher.schema import TableSchema

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
COLUMNS = (
    Column("Timestamp", ScalarType.DATETIME), Column("Device", ScalarType.STRING), Column("device", ScalarType.STRING),
    Column("n", ScalarType.LONG), Column("i", ScalarType.INT), Column("r", ScalarType.REAL), Column("b", ScalarType.BOOL),
    Column("m", ScalarType.DECIMAL), Column("span", ScalarType.TIMESPAN), Column("g", ScalarType.GUID),
    Column("bag", ScalarType.DYNAMIC), Column("Other", ScalarType.DATETIME),
)  # fmt: skip
LATE = Column("Late", ScalarType.STRING)
#: A copy of whatever was asked for twice.
AT_ONCE = Worth(asks=2, share=0, rows=1, files=1, chunk=50, first=20)


def batch(name: str, count: int = 40, columns: tuple[Column, ...] = COLUMNS) -> pa.RecordBatch:
    # Many rows in a few days, few rows in ten.
    step = timedelta(hours=6) if count < 100 else timedelta(minutes=1)
    times: list[datetime | None] = [NOW - step * i for i in range(count)]
    times[-1] = None
    values: dict[str, list[Any]] = {
        "Timestamp": times,
        "Device": [f"{name}{i % 3}" for i in range(count)],
        "device": [f"host {name} {i % 5} ninja" if i % 4 else "" for i in range(count)],
        "n": [2**62 if i == 7 else None if i == 8 else i for i in range(count)],
        "i": [None if i == 3 else -i for i in range(count)],
        "r": [float("nan") if i == 2 else i / 4 for i in range(count)],
        "b": [None if i % 3 == 0 else i % 2 == 0 for i in range(count)],
        "m": [None if i == 1 else i for i in range(count)],
        "span": [i * 10_000_001 for i in range(count)],
        "g": [f"00000000-0000-0000-0000-{i:012x}" for i in range(count)],
        "bag": [None if i == 5 else f'{{"k": [{i}, "x"], "name": "{name}"}}' for i in range(count)],
        "Other": [NOW + timedelta(days=i) for i in range(count)],
        "Late": [f"late {i}" for i in range(count)],
    }
    arrays = [pa.array(values[c.name], arrow_type(c.type)) for c in columns]
    return pa.RecordBatch.from_arrays(arrays, [c.name for c in columns])


def append(lake: Lake, name: str, *, count: int = 40, columns: tuple[Column, ...] = COLUMNS, table: str = "A") -> None:
    source = SourceId.of_content(name, f"{table} {name}".encode(), NOW)
    lake.append(table, [batch(name, count, columns)], source=source, schema=TableSchema(table, columns))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "a case")
    append(lake, "one")
    append(lake, "two", count=30, table="B")
    return lake


@pytest.fixture
def hot() -> Any:
    hot = Hot(1 << 30, worth=AT_ONCE)
    yield hot
    hot.close()


def ask(lake: Lake, query: str, hot: Hot | None = None, now: datetime = NOW) -> list[Any]:
    """Columns with their types, then the rows, in an order of their own."""
    session = Session.open(lake, now)
    session.hot = hot
    try:
        found = []
        for result in session.run(query):
            texts = [repr(row) for some in result.batches for row in protocol_rows(some, result.columns)]
            found.append(([(c.name, c.type) for c in result.columns], sorted(texts)))
        return found
    finally:
        session.close()


QUERIES = (
    "A | count",
    "A",
    "A | where Timestamp > ago(3d) | project Timestamp, Device, n",
    "A | where Timestamp > ago(3d) | summarize count(), max(n), min(Timestamp) by Device",
    "A | where device has 'ninja' | extend x = strcat(Device, tostring(i)) | project x, r",
    "A | where Timestamp between (ago(4d) .. ago(1d)) | summarize dcount(g), sum(m), make_set(Device) by bin(Timestamp, 1d)",
    "A | project-away Device, bag | sort by n desc | take 500",
    "A | project-rename d = Device | extend Device = device | distinct d, Device",
    "A | extend k = bag.k[0], name = tostring(bag.name) | where name == 'one' | project k, name, span",
    "A | mv-expand bag.k | project n, bag_k",
    "A | mv-apply x = bag.k to typeof(string) on (summarize c = count()) | project n, c, Other",
    "A | join kind=inner (B | where n > 3 | project n, other = Device) on n | project n, Device, other",
    "A | join kind=leftanti (B | where Timestamp > ago(2d)) on g | project g, device",
    "A | lookup (B | summarize arg_max(Timestamp, *) by Device) on Device",
    "union withsource=T A, B | summarize count() by T, Device",
    "union A, (B | extend more = i * 2) | project Timestamp, more, Device | where more > -100 or isnull(more)",
    "let x = materialize(A | where n > 2 | project n, Device, span); x | summarize sum(span) by Device; x | count",
    "A | summarize arg_max(n, *) by Device",
    "A | where n in ((B | where Timestamp > ago(5d) | project n)) | count",
    "A | extend m = toscalar(B | summarize max(i)) | project m, Device",
    "A | make-series c = count() on Timestamp from ago(5d) to now() step 1d by Device",
    "A | sort by Timestamp asc, n asc | extend before = prev(n), row = row_number() | project Timestamp, before, row",
    "A | where * has 'ninja' | count",
    "search 'ninja' | summarize count() by $table",
    "A | evaluate bag_unpack(bag) | project name, n",
    "A | evaluate pivot(Device, count(), b)",
    "A | top-nested 2 of Device by sum(i), top-nested 1 of device by max(n)",
    "A | partition by Device (top 2 by n | project n, span)",
    "A | extend t = ingestion_time() | summarize count() by t",
    "A | parse device with 'host ' name ' ' rest | project name, rest, n",
    "A | serialize | scan declare (c: long = 0) with (step s: true => c = s.c + 1;) | project n, c | summarize max(c)",
    "A | as x | where Device == 'one1' | union x | count",
    "A | summarize n = n + i by Device, n, i | where n > 2 | project n",
    "A | getschema",
    "A | where Other > ago(1d) and b | project Other, b, m",
    "A | reduce by device",
    "A | where Timestamp >= datetime(2026-01-05) and Timestamp < datetime(2026-01-08) | summarize count() by bin(Timestamp, 1d)",
    "A | find",
    "A | summarize take_any(bag) by n, g",
    "A | extend pack_all() | project Column1 | summarize count() by strlen(tostring(Column1))",
)


@pytest.mark.parametrize("query", QUERIES)
def test_a_kept_table_answers_as_the_lake_does(lake: Lake, hot: Hot, query: str) -> None:
    try:
        expected = ask(lake, query)
    except (LurcherError, Refused) as refused:
        for _ in range(3):
            with pytest.raises(type(refused)):
                ask(lake, query, hot)
        return
    for _ in range(4):
        assert ask(lake, query, hot) == expected
    if "getschema" not in query:
        assert hot.stats()["answered"] >= 1
    assert not any(seen.missed for seen in hot._seen.values()), "it read a column that plan.used does not know of"


def test_one_session_of_copies_answers_all_queries(lake: Lake, hot: Hot) -> None:
    for _ in range(3):
        for query in QUERIES:
            try:
                expected = ask(lake, query)
            except (LurcherError, Refused):  # the other test has it
                continue
            assert ask(lake, query, hot) == expected, query
    assert not any(seen.missed for seen in hot._seen.values())
    assert hot.stats()["answered"] > len(QUERIES)


def test_what_was_added_is_seen_at_once_and_only_the_rest_comes_from_memory(lake: Lake, hot: Hot) -> None:
    query = "A | where Timestamp > ago(4d) | summarize count(), sum(n) by Device"
    for _ in range(3):
        ask(lake, query, hot)
    before = hot.stats()
    assert before["tables"] == 1
    other = Lake.open(lake.path)
    append(other, "three")
    got = ask(lake, query, hot)
    assert got == ask(Lake.open(lake.path), query)
    assert any("three" in row for row in got[0][1])
    # Not copied anew for it: what was kept is still used.
    assert hot.stats()["tables"] == 1
    assert hot.stats()["answered"] == before["answered"] + 1
    for _ in range(3):
        assert ask(lake, query, hot) == got
    assert hot.stats()["rows"] > before["rows"]


def test_an_append_of_another_process_is_seen_at_once(lake: Lake, hot: Hot, tmp_path: Path) -> None:
    query = "A | summarize count() by Device"
    for _ in range(3):
        ask(lake, query, hot)
    assert hot.stats()["tables"] == 1
    text = (
        f"import sys; sys.path[:0] = {sys.path!r}; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"from pathlib import Path; from lurcher.lake import Lake; import test_hot\n"
        f"test_hot.append(Lake.open(Path({str(lake.path)!r})), 'four')"
    )
    subprocess.run([sys.executable, "-c", text], check=True, timeout=120)
    assert any("four" in row for row in ask(lake, query, hot)[0][1])


def test_a_column_that_came_later(lake: Lake, hot: Hot) -> None:
    for _ in range(3):
        ask(lake, "A | project n, Device", hot)
    append(lake, "five", columns=(*COLUMNS, LATE))
    for query in ("A | project n, Device, Late", "A | where Late has 'late' | count", "A | project n, Device", "A"):
        for _ in range(4):
            assert ask(lake, query, hot) == ask(lake, query)


def test_files_that_were_merged_or_removed_are_not_read_from_memory(lake: Lake, hot: Hot) -> None:
    from lurcher.lake.optimize import optimize

    query = "A | summarize count(), sum(i) by Device"
    for name in ("s1", "s2", "s3"):
        append(lake, name)
    for _ in range(3):
        expected = ask(lake, query, hot)
    assert hot.stats()["tables"] == 1
    optimize(lake.path, "A", now=NOW)
    assert ask(lake, query, hot) == expected
    assert hot.stats()["tables"] == 0, "a copy of files that are no longer of the table"
    for _ in range(2):
        assert ask(lake, query, hot) == expected
    assert hot.stats()["tables"] == 1


def test_the_budget_holds_and_what_was_not_asked_for_lately_goes_first(lake: Lake) -> None:
    append(lake, "big", count=3000, table="C")
    append(lake, "big", count=3000, table="D")
    hot = Hot(1 << 30, worth=AT_ONCE)
    for _ in range(3):
        ask(lake, "C | project n, g, device", hot)
    one = hot.bytes
    hot.close()
    assert one > 0
    hot = Hot(one + one // 2, worth=AT_ONCE)
    try:
        for _ in range(3):
            ask(lake, "C | project n, g, device", hot)
        for _ in range(AT_ONCE.idle + 25):
            ask(lake, "D | project n, g, device", hot)
        assert {k.table for k in hot._kept} == {"D"}
        assert hot.bytes <= hot.budget
    finally:
        hot.close()
    none = Hot(1, worth=AT_ONCE)
    for _ in range(4):
        assert ask(lake, "C | count", none) == ask(lake, "C | count")
    assert none.stats()["bytes"] == 0
    none.close()


def test_a_column_that_is_not_kept_is_read_from_the_lake(lake: Lake, hot: Hot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(used, "used_columns", lambda plan: {"A": {"n"}})
    for _ in range(3):
        ask(lake, "A | project n", hot)
    assert ask(lake, "A | where Device == 'one1' | project n, Device", hot) == ask(
        lake, "A | where Device == 'one1' | project n, Device"
    )
    assert hot._seen["A"].missed > 900
    assert MISSING not in repr(ask(lake, "A | project Device", hot))


def test_many_at_once_while_rows_are_added(lake: Lake) -> None:
    hot = Hot(1 << 30, worth=AT_ONCE)
    wrong: list[Any] = []
    done = threading.Event()

    def reader() -> None:
        own, least = Lake.open(lake.path), 40
        while not done.is_set():
            try:
                (_, rows_), *_ = ask(own, "A | summarize n = count(), d = dcount(Device)", hot)
                count = int(rows_[0].strip("[]").split(",")[0])
                if count < least or count % 40:
                    wrong.append((least, count))
                least = count
            except Exception as error:  # noqa: BLE001 - a thread tells what it met
                wrong.append(error)
                return

    threads = [threading.Thread(target=reader) for _ in range(4)]
    for thread in threads:
        thread.start()
    other = Lake.open(lake.path)
    for i in range(8):
        append(other, f"more {i}")
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert not any(seen.missed for seen in hot._seen.values())
    hot.close()
    assert ask(lake, "A | count")[0][1] == [repr([360])]


def test_other_limits_are_another_database(lake: Lake, hot: Hot) -> None:
    session = Session.open(lake, NOW, limits=Limits(threads=1))
    session.hot = hot
    assert session.run_table("A | count").num_rows == 1
    session.close()
    assert hot.stats()["questions"] == 0


def test_random_tables_of_all_types(tmp_path: Path, hot: Hot) -> None:
    lake = Lake.create(tmp_path / "random")
    for name, schema in SCHEMAS.items():
        source = SourceId.of_content(name, name.encode(), NOW)
        lake.append(name, rows(1).select([c.name for c in schema.columns]).to_batches(), source=source, schema=schema)
    for _ in range(3):
        for query in ("A | join kind=fullouter B on l", "union A, B", "A | extend x = d.a | where r > 0 or isnull(r)"):
            assert ask(lake, query, hot) == ask(lake, query)


def test_a_copy_is_made_when_questions_have_taken_their_time(lake: Lake) -> None:
    hot = Hot(1 << 30, worth=Worth(share=1.0, rows=1, files=1))
    hot._pace = 0.01
    for _ in range(3):
        ask(lake, "A | project n", hot)
    # 40 rows of two columns: 0.8 s, of which three questions have taken less.
    assert hot.stats()["tables"] == 0
    hot.spent(["A"], 0.9)
    ask(lake, "A | project n", hot)
    assert hot.stats()["tables"] == 1
    assert hot._seen["A"].seconds == 0.0
    hot.close()
