"""A query explained: figures that can be worked out by hand, and the lines of the text that steps come of."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from lurcher.app.explain import explain
from lurcher.app.session import Limits, Session
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused
from lurcher.kql.source import Source
from lurcher.lake import Lake, SourceId
from lurcher.report.explained import Explained, Measured, StepPart, as_json, lines_of, plain, short_sql, size
from lurcher.report.explained_html import page
from lurcher.schema import TableSchema, known_table

#: The day after the last row.
NOW = datetime(2026, 3, 11, tzinfo=UTC)
#: Ten days of 100 process events and 10 connections; every tenth event is PowerShell.
DAYS, EVENTS, CONNECTIONS = 10, 100, 10


def put(lake: Lake, name: str, count: int, columns: dict[str, list[object]]) -> None:
    known = known_table(name)
    assert known is not None
    schema = TableSchema(name, tuple(c for c in known.columns if c.name in columns), known.platforms)
    for day in range(DAYS):
        start = datetime(2026, 3, 1 + day, tzinfo=UTC)
        times = [start + timedelta(minutes=i) for i in range(count)]
        rows = {"Timestamp": pa.array(times, pa.timestamp("us", "UTC"))}
        rows |= {k: pa.array(v[:count]) for k, v in columns.items() if k != "Timestamp"}
        table = pa.table({c.name: rows[c.name] for c in schema.columns})
        source = SourceId.of_content(name, f"{name} {day}".encode(), NOW)
        lake.append(name, table.to_batches(), source=source, schema=schema)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake.create(tmp_path_factory.mktemp("explained") / "case")
    put(made, "DeviceProcessEvents", EVENTS, {
        "Timestamp": [], "DeviceId": [f"d{i % 5}" for i in range(EVENTS)],
        "FileName": ["powershell.exe" if i % 10 == 0 else "cmd.exe" for i in range(EVENTS)],
        "ProcessId": [2**40 + i for i in range(EVENTS)],
    })  # fmt: skip
    put(made, "DeviceNetworkEvents", CONNECTIONS, {
        "Timestamp": [], "DeviceId": [f"d{i % 2}" for i in range(CONNECTIONS)], "RemotePort": list(range(CONNECTIONS)),
    })  # fmt: skip
    return made


def explained(lake: Lake | None, text: str, timeout: float | None = None) -> Explained:
    return explain(Session.open(lake, NOW, limits=Limits(timeout)), Source(text))


def measured(lake: Lake, text: str) -> Measured:
    found = explained(lake, text).queries[0].measured
    assert found is not None
    return found


def step(m: Measured, text: str) -> StepPart:
    (found,) = (s for s in m.steps if s.text == text)
    return found


# --- what was read ---
def test_days_outside_of_the_window_are_not_read(lake: Lake) -> None:
    m = measured(lake, "DeviceProcessEvents\n| where Timestamp > ago(3d)\n| summarize n = count()")
    (read,) = m.reads
    assert (read.table, read.days, read.files, read.rows) == ("DeviceProcessEvents", (3, 10), (3, 10), (300, 1000))
    assert (read.first, read.last, read.times) == ("2026-03-08", "2026-03-10", 1)
    assert read.bytes is not None
    assert 0 < read.bytes[0] < read.bytes[1]
    # The first row of the first day is at its very beginning, and not after it.
    assert read.rows_left == 299
    assert m.rows == 1


def test_parts_of_files_left_out_by_statistics_are_told(lake: Lake) -> None:
    # The least and the greatest name of each part are stored beside it: "zsh" is greater than "powershell.exe".
    m = measured(lake, "DeviceProcessEvents | where FileName == 'zsh' | count")
    (read,) = m.reads
    assert read.parts == (0, 10)
    assert read.rows_left == 0
    text = plain(explained(lake, "DeviceProcessEvents | where FileName == 'zsh' | count"))
    assert "left out by statistics: 10 of 10 parts of these files" in text


def test_a_table_that_is_read_in_two_windows_is_told_twice(lake: Lake) -> None:
    m = measured(
        lake,
        "union (DeviceProcessEvents | where Timestamp > ago(1d)), (DeviceProcessEvents | where Timestamp < ago(9d) - 1h)\n| count",
    )
    assert [(r.table, r.rows[0], r.first) for r in m.reads] == [
        ("DeviceProcessEvents", 100, "2026-03-10"), ("DeviceProcessEvents", 100, "2026-03-01"),
    ]  # fmt: skip
    assert [r.rows_left for r in m.reads] == [99, 100]


def test_what_was_not_read_is_not_said_to_be(lake: Lake) -> None:
    doc = explained(lake, "DeviceProcessEvents | where Timestamp > datetime(2030-01-01)")
    m = doc.queries[0].measured
    assert m is not None
    assert [(r.files, r.rows, r.times, r.rows_left) for r in m.reads] == [((0, 10), (0, 1000), 0, None)]
    assert "left out by the days that the query asks for: 10 files, 1,000 rows" in plain(doc)
    # The newest row is told, as it is where no row comes.
    assert "The newest row of DeviceProcessEvents is of 2026-03-10 01:39:00" in plain(doc)
    empty = explained(lake, "DeviceInfo | take 3")
    assert "DeviceInfo: there is no row of it" in plain(empty)


def test_rows_that_were_not_all_looked_at_have_no_number_of_rows_in(lake: Lake) -> None:
    m = measured(lake, "DeviceProcessEvents\n| take 3")
    assert m.rows == 3
    assert step(m, "read DeviceProcessEvents").rows_in is None
    assert m.reads[0].ends_early


def test_files_at_once_are_read_from_memory(tmp_path: Path) -> None:
    path = tmp_path / "DeviceInfo.csv"
    path.write_text("Timestamp,DeviceId\n2026-03-01T10:00:00Z,a\n2026-03-01T11:00:00Z,b\n", encoding="utf-8")
    doc = explain(Session.open(None, NOW, files=[path]), Source("DeviceInfo | where DeviceId == 'a'"))
    m = doc.queries[0].measured
    assert m is not None
    assert (m.reads[0].rows, m.reads[0].files, m.rows) == ((2, 2), None, 1)
    assert "DeviceInfo: 2 rows, from memory" in plain(doc)


# --- steps and lines ---
def test_steps_are_tied_to_the_lines_that_they_come_of(lake: Lake) -> None:
    m = measured(
        lake,
        "DeviceProcessEvents\n| where FileName has 'powershell'\n"
        "| join kind=inner (DeviceNetworkEvents\n  | where RemotePort > 4) on DeviceId\n"
        "| summarize n = count() by DeviceId\n| top 1 by n",
    )
    assert step(m, "read DeviceProcessEvents").lines == (1, 2)
    assert step(m, "read DeviceNetworkEvents").lines == (3, 4)
    assert step(m, "join (inner)").lines == (3,)
    grouped = next(s for s in m.steps if s.text == "group")
    assert grouped.lines == (5,)
    assert step(m, "sort, keep the first 1").lines == (6,)
    # Every tenth of 100 events, at d0; of the ports 5 to 9 those at d0 are 6 and 8, ten days of each.
    assert grouped.rows_in == 100 * 20
    assert (grouped.rows_out, m.rows) == (1, 1)


def test_joins_are_told_apart_by_their_kind(lake: Lake) -> None:
    m = measured(
        lake,
        "DeviceProcessEvents\n| join kind=leftanti (DeviceNetworkEvents | where RemotePort == 0) on DeviceId\n"
        "| join kind=inner (DeviceNetworkEvents | where RemotePort == 1) on DeviceId\n| count",
    )
    joins = {s.text: s.lines for s in m.steps if s.text.startswith("join")}
    assert {k: v for k, v in joins.items() if "anti" in k} == {next(k for k in joins if "anti" in k): (2,)}
    assert joins["join (inner)"] == (3,)


def test_a_step_that_may_be_of_several_lines_has_them_all(lake: Lake) -> None:
    m = measured(
        lake,
        "DeviceProcessEvents\n| where ProcessId > 1099511627778\n| where ProcessId < 1099511627800\n| where FileName != 'a'\n"
        "| count",
    )
    read = next(s for s in m.steps if s.text == "read DeviceProcessEvents")
    assert set(read.lines) == {1, 2, 3, 4}


def test_lines_are_those_of_the_file(lake: Lake) -> None:
    source = Source("DeviceProcessEvents\n| summarize by DeviceId", "rule.yaml", first_line=10, indent=2)
    doc = explain(Session.open(lake, NOW), source)
    assert [line.lines for line in doc.queries[0].plan] == [(10,), (11,)]
    assert "10  DeviceProcessEvents" in plain(doc)


def test_whole_numbers_that_overflow_run_again(lake: Lake) -> None:
    m = measured(lake, "DeviceProcessEvents | extend x = 9223372036854775807 + ProcessId | summarize max(x)")
    assert m.again
    assert m.rows == 1
    assert not measured(lake, "DeviceProcessEvents | summarize max(ProcessId)").again


def test_shared_rows_are_told_once(lake: Lake) -> None:
    doc = explained(
        lake,
        "let p = materialize(DeviceProcessEvents | where FileName has 'powershell');\n"
        "p\n| join kind=inner (p | distinct DeviceId) on DeviceId",
    )
    texts = [x.text for x in doc.queries[0].plan]
    assert texts.count("read DeviceProcessEvents") == 1
    again = next(t for t in texts if t.endswith("again"))
    kept = int(re.findall(r"\d+", again)[0])
    assert texts[kept - 1] == "kept: computed once (materialize)"


# --- words ---
def test_a_plan_reads_as_the_query_does(lake: Lake) -> None:
    doc = explained(
        lake,
        "DeviceProcessEvents\n| where FileName in ('a', 'b')\n| extend Upper = toupper(FileName)\n"
        "| summarize n = count() by Upper\n| sort by n\n| take 2",
    )
    assert [(x.number, x.text, x.lines) for x in doc.queries[0].plan] == [
        (1, "read DeviceProcessEvents", (1,)),
        (2, 'keep rows where FileName in ("a", "b")', (2,)),
        (3, "compute Upper = toupper(FileName)", (3,)),
        (4, "for each Upper: count()", (4,)),
        (5, "sort by n descending", (5,)),
        (6, "the first 2 rows", (6,)),
    ]


@pytest.mark.parametrize(
    ("lines", "said"), [((), ""), ((3,), "3"), ((5, 2, 3), "2-3, 5"), ((1, 2, 3), "1-3"), ((1, 3, 3), "1, 3")]
)
def test_lines_in_words(lines: tuple[int, ...], said: str) -> None:
    assert lines_of(lines) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 KB"), (2_340_000, "2.3 MB"), (5_000_000_000_000, "5,000.0 GB")],
)
def test_sizes_in_words(number: int, said: str) -> None:
    assert size(number) == said


def test_columns_that_are_passed_on_are_counted() -> None:
    columns = ",\n".join(f'  "c{i}"' for i in range(10))
    assert short_sql(f'SELECT\n{columns}\nFROM "T"') == [
        "SELECT", '  "c0",', "  -- 8 columns more", '  "c9"', 'FROM "T"',
    ]  # fmt: skip
    few = 'SELECT\n  "a",\n  "b"\nFROM "T"'
    assert "\n".join(short_sql(few)) == few


# --- forms ---
def test_json_has_every_figure(lake: Lake) -> None:
    doc = explained(lake, "DeviceProcessEvents | where Timestamp > ago(1d) | count")
    told = json.loads(as_json(doc))
    assert told["form"] == 1
    assert told["engine"] == "duckdb"
    (query,) = told["queries"]
    assert query["measured"]["reads"][0]["files"] == [1, 10]
    assert query["measured"]["steps"][-1]["rows_out"] == 1
    assert query["sql"].startswith("SELECT count(*)")


def test_hostile_text_is_shown_and_not_obeyed(lake: Lake) -> None:
    doc = explained(lake, "DeviceProcessEvents\n| where FileName == '<script>alert(1)</script>\x1b[31m\u202e'\n| count")
    text = plain(doc)
    assert "\x1b" not in text
    assert "\u202e" not in text
    whole = page(doc)
    assert "<script" not in whole
    assert html.escape("<script>alert(1)") in whole
    assert "\x1b" not in whole


def test_a_page_asks_for_nothing_and_lets_nothing_run(lake: Lake) -> None:
    whole = page(explained(lake, "DeviceProcessEvents | count"))
    assert "default-src 'none'" in whole
    assert not re.search(r"""(?:src|href)\s*=|url\(|@import""", whole)


def test_several_results_are_each_explained(lake: Lake) -> None:
    doc = explained(lake, "print x = 1; DeviceProcessEvents | count")
    assert len(doc.queries) == 2
    assert "== result 2 of 2 ==" in plain(doc)
    assert whole_titles(page(doc)) == ["result 1 of 2", "result 2 of 2"]


def whole_titles(text: str) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", text)


def test_limits_hold(lake: Lake) -> None:
    with pytest.raises(LurcherError, match="took longer than"):
        explained(lake, "range x from 1 to 100000000000 step 1 | summarize dcount(x)", timeout=0.3)


def test_a_query_that_fails_says_so(lake: Lake) -> None:
    with pytest.raises(Refused):
        explained(lake, "DeviceProcessEvents | where NoSuchColumn == 1")
    with pytest.raises(LurcherError):
        explained(lake, "")


def test_another_engine_tells_its_plan_and_no_figures(lake: Lake) -> None:
    pytest.importorskip("pysail")
    session = Session.open(lake, NOW, engine="spark:sail")
    try:
        doc = explain(session, Source("DeviceProcessEvents | where FileName has 'powershell' | count"))
    finally:
        session.runner.close()
    (query,) = doc.queries
    assert query.measured is None
    assert "DeviceProcessEvents" in query.sql
    assert "Plan" in query.told
    assert "it was not run" in plain(doc)
    assert "it was not run" in page(doc)
