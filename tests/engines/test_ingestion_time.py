"""When a row was added: known of rows of tables, null of rows that no table has ("otherwise this function produces null values"),
refused where the documentation does not say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lurcher.app.add import add
from lurcher.app.session import Session
from lurcher.kql.diagnostics import Refused
from lurcher.lake import Lake

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("added")
    path = Path(folder / "x.jsonl")
    path.write_text(
        '{"Timestamp":"2026-01-01T00:00:00Z","DeviceId":"a"}\n{"Timestamp":"2026-01-02T00:00:00Z","DeviceId":"b"}\n'
    )
    lake = Lake.create(folder / "lake")
    add(lake, [path], table="DeviceEvents", now=NOW)
    return Session.open(lake, NOW)


@pytest.mark.parametrize(
    ("query", "known", "unknown"),
    [
        ("DeviceEvents", 2, 0),
        ("DeviceEvents | where DeviceId == 'a' | extend x = 1 | project x", 1, 0),
        ("DeviceEvents | top 1 by Timestamp | project-away Timestamp", 1, 0),
        ("DeviceEvents | sort by DeviceId | serialize n = row_number() | where n == 1", 1, 0),
        ("union withsource=T DeviceEvents, DeviceInfo", 2, 0),
        ("union DeviceEvents, DeviceEvents", 4, 0),
        ("union (DeviceEvents | project DeviceId), (print DeviceId = 'c')", 2, 1),
        ("union (DeviceEvents | project DeviceId), (DeviceEvents | distinct DeviceId)", 2, 2),
        ("DeviceEvents | summarize count() by DeviceId", 0, 2),
        ("DeviceEvents | summarize arg_max(Timestamp, *) by DeviceId", 0, 2),
        ("DeviceEvents | distinct DeviceId", 0, 2),
        ("DeviceEvents | count", 0, 1),
        ("print x = 1", 0, 1),
        ("range x from 1 to 3 step 1", 0, 3),
        ("datatable(x:int)[1, 2]", 0, 2),
        (
            "DeviceEvents | make-series count() on Timestamp from datetime(2026-01-01) to datetime(2026-01-03) step 1d",
            0,
            1,
        ),
    ],
)
def test_rows_of_tables_have_it(session: Session, query: str, known: int, unknown: int) -> None:
    found = session.run_table(f"{query} | project when = ingestion_time()").column("when").to_pylist()
    assert (sum(t is not None for t in found), sum(t is None for t in found)) == (known, unknown)


def test_rows_of_files_come_when_the_run_begins(tmp_path: Path) -> None:
    path = tmp_path / "DeviceEvents.jsonl"
    path.write_text('{"Timestamp":"2026-01-01T00:00:00Z","DeviceId":"a"}\n')
    session = Session.open(None, NOW, files=[path], table="DeviceEvents")
    rows = session.run_table(
        "DeviceEvents | where ingestion_time() between (ago(1m) .. now()) | extend i = ingestion_time()"
    )
    assert rows.column("i").to_pylist() == [NOW]
    assert session.run("DeviceEvents")[0].columns == session.tables.table("DeviceEvents").columns  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "query", ["DeviceEvents | join DeviceEvents on DeviceId", "DeviceEvents | mv-expand x = dynamic([1, 2])"]
)
def test_where_it_is_not_sure_it_is_refused(session: Session, query: str) -> None:
    text = f"{query} | extend i = ingestion_time()"
    with pytest.raises(Refused) as caught:
        session.run(text)
    (found,) = caught.value.diagnostics
    assert caught.value.source.text[found.span.start : found.span.end] == "ingestion_time()"
