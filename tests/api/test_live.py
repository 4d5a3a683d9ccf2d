"""The live services in Python."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import liveserver as live
import lurcher
from lurcher.app.session import Session
from lurcher.kql.types import Column, ScalarType


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[live.LiveServer]:
    found = live.LiveServer(Session.open(None, datetime(2026, 3, 1, tzinfo=UTC)))
    for name, value in {**found.environment, **found.endpoints}.items():
        monkeypatch.setenv(name, value)
    yield found
    found.close()


@pytest.fixture
def case(tmp_path: Path) -> lurcher.Case:
    return lurcher.init(tmp_path / "case")


def test_a_query_on_a_service_gives_rows_as_any(server: live.LiveServer, case: lurcher.Case) -> None:
    result = case.query("print a=1, t=datetime(2026-01-02)", on="defender", timespan="2026-01-01/2026-01-03")
    assert list(result) == [{"a": 1, "t": datetime(2026, 1, 2, tzinfo=UTC)}]
    assert server.asked[0].timespan.startswith("2026-01-01")
    assert case.query("print a=1 | render columnchart", on="adx:c/d").render is not None


def test_a_part_of_the_rows_is_an_error(server: live.LiveServer, case: lurcher.Case) -> None:
    rows = ((Column("a", ScalarType.LONG),), [[1]])
    server.always = live.document(live.log_analytics([rows], {"code": "PartialError", "message": "cut"}))
    with pytest.raises(lurcher.LurcherError, match="only a part of the rows came: cut"):
        case.query("print a=1", on=f"sentinel:{live.WORKSPACE}")


def test_here_and_there_are_compared(server: live.LiveServer, case: lurcher.Case) -> None:
    assert case.compare("print a=1", "defender").equal
    server.always = live.document({"schema": [{"name": "a", "type": "Int64"}], "results": [{"a": 2}]})
    found = case.compare("print a=1", "defender")
    assert not found.equal
    assert found.differences[0].here == [([1], 1)]
    assert found.differences[0].there == [([2], 1)]


def test_rows_are_pulled_into_the_case(server: live.LiveServer, case: lurcher.Case) -> None:
    event = {"Timestamp": "2026-01-01T05:00:00.1234567Z", "DeviceId": "d1", "AdditionalFields": '{"x":1}'}
    schema = [
        {"name": "Timestamp", "type": "DateTime"},
        {"name": "DeviceId", "type": "String"},
        {"name": "AdditionalFields", "type": "String"},
    ]
    # Two equal rows are two events.
    server.always = live.document({"schema": schema, "results": [event, event]})
    for added in (2, 0):
        report = case.pull("DeviceEvents", "defender", "2026-01-01", datetime(2026, 1, 2, tzinfo=UTC), again=True)
        assert (report.added, report.rows, report.failed) == (added, 2, [])
    # A text at the service is what the table's column is here.
    assert [row["x"] for row in case.query("DeviceEvents | project x = toint(AdditionalFields.x)")] == [1, 1]


def test_rules_run_on_a_service(server: live.LiveServer, tmp_path: Path) -> None:
    case = lurcher.init(tmp_path / "old", as_of="2020-01-01")
    rows = "datatable(Timestamp: datetime, DeviceName: string)[datetime(2026-01-01), 'pc1']"
    hunt = case.hunt(f"{rows} | where DeviceName != 'x'", on="defender")
    assert hunt.not_run == []
    assert [f.device for f in hunt.new] == ["pc1"]
    assert hunt.report.now.year >= 2026
    # An answer of other columns than were asked for.
    server.always = live.document({"schema": [{"name": "a", "type": "Int64"}], "results": [{"a": 2}]})
    (rule,) = case.hunt("DeviceEvents | project Timestamp, DeviceName", on="defender").not_run
    assert "the answer has no column" in rule.run.reason
