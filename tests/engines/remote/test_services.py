"""The engine against a server on this machine that speaks as the services do: over a socket, with the services' own libraries."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import liveserver as live
from lurcher.app.session import Session
from lurcher.engines.remote.engine import RemoteEngine
from lurcher.engines.remote.faults import RemoteError
from lurcher.engines.remote.patience import Patience
from lurcher.engines.remote.spans import parse_span
from lurcher.engines.remote.targets import parse_target
from lurcher.errors import LurcherError
from lurcher.kql.types import Column, ScalarType

NOW = datetime(2026, 3, 10, tzinfo=UTC)
TARGETS = (f"sentinel:{live.WORKSPACE}", "defender", "adx:cluster.of.test/Samples")
ONE = ((Column("a", ScalarType.LONG),), [[1], [2]])
ALL_TYPES = (
    "print b=true, i=int(5), l=9223372036854775807, r=2.5, n=real(nan), inf=real(-inf), dec=decimal(1.25), s='x\\n', e='',"
    " t=datetime(2026-01-02T03:04:05.1234567), z=datetime(null), ts=1d+2h+1tick, neg=-1s,"
    " g=guid(74be27de-1e4e-49d9-b579-fe0b331d3642),"
    " d=dynamic({'k':[1,2.5,null]}), dn=dynamic(null), bn=bool(null)"
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[live.LiveServer]:
    for name in list(os.environ):
        if name.startswith(("AZURE_", "MSI_", "IDENTITY_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    found = live.LiveServer(Session.open(None, NOW))
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    yield found
    found.close()


def engine(server: live.LiveServer, target: str, timeout: float | None = None, **more: Any) -> RemoteEngine:
    return RemoteEngine(
        parse_target(target, server.url), timeout=timeout, patience=Patience(attempts=3, first=0.01), **more
    )


@pytest.fixture(params=TARGETS, ids=["sentinel", "defender", "adx"])
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_rows_are_typed_as_those_of_the_lake(server: live.LiveServer, target: str) -> None:
    assert server.session is not None
    here = server.session.run_table(ALL_TYPES)
    there = engine(server, target).table(ALL_TYPES)
    assert there.schema.equals(here.schema, check_metadata=True)
    assert str(there.to_pylist()) == str(here.to_pylist())


def test_no_row_is_no_row(server: live.LiveServer, target: str) -> None:
    there = engine(server, target).table("DeviceEvents | project Timestamp, ActionType")
    assert (len(there), there.column_names) == (0, ["Timestamp", "ActionType"])


def test_several_results_come_in_their_order(server: live.LiveServer) -> None:
    outcome = engine(server, TARGETS[2]).run("print a=1; print b='x'")
    assert [r.table().to_pylist() for r in outcome.results] == [[{"a": 1}], [{"b": "x"}]]


def test_a_mistake_is_told_in_the_services_words_and_not_asked_twice(server: live.LiveServer, target: str) -> None:
    with pytest.raises(RemoteError, match=r"Semantic error: .*nonsense"):
        engine(server, target).run("print nonsense")
    assert len(server.asked) == 1


# --- what is sent ---
def test_the_text_is_sent_as_it_is_with_the_time_span(server: live.LiveServer) -> None:
    span = parse_span("2026-03-01/2026-03-02", NOW)
    for target in TARGETS[:2]:
        engine(server, target).run("print 1 // so", span)
        asked = server.asked[-1]
        assert asked.kql == "print 1 // so"
        assert asked.timespan == "2026-03-01T00:00:00.0000000Z/2026-03-02T00:00:00.0000000Z"


def test_data_explorer_knows_no_time_span(server: live.LiveServer) -> None:
    with pytest.raises(RemoteError, match="no time span"):
        engine(server, TARGETS[2]).run("print 1", parse_span("P1D", NOW))
    assert server.asked == []


def test_the_token_is_for_the_address_that_it_goes_to(server: live.LiveServer, target: str) -> None:
    engine(server, target).run("print 1")
    audience = "https://kusto.kusto.windows.net" if target.startswith("adx") else server.url
    assert server.tokens[0] == audience


def test_a_command_is_sent_as_a_query_and_nothing_else(server: live.LiveServer) -> None:
    with pytest.raises(RemoteError):
        engine(server, TARGETS[2]).run(".drop table T")
    assert [a.path for a in server.asked] == ["/v2/rest/query"]


def test_a_redirect_is_not_followed(server: live.LiveServer, target: str) -> None:
    other = live.LiveServer(server.session)
    try:
        server.always = live.status(302, headers={"Location": f"{other.url}/v2/rest/query"})
        with pytest.raises(RemoteError, match="leads elsewhere"):
            engine(server, target).run("print 1")
        server.always = live.status(307, headers={"Location": f"{other.url}/v2/rest/query"})
        with pytest.raises(RemoteError, match="leads elsewhere"):
            engine(server, target).run("print 1")
        assert other.asked == []
    finally:
        other.close()


def test_who_is_not_logged_in_is_told_so(server: live.LiveServer, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "another")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RemoteError) as told:
        engine(server, target).run("print 1")
    assert "az login" in told.value.hint
    assert server.asked == []


def test_a_library_that_is_not_there_is_named(
    server: live.LiveServer, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in ("azure.identity", "azure.monitor.query", "azure.kusto.data", "httpx"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LurcherError) as told:
        engine(server, target).run("print 1")
    assert "lurcher[azure]" in told.value.hint


# --- faults ---
def test_it_waits_as_long_as_the_service_says(server: live.LiveServer, target: str) -> None:
    server.faults = [live.status(429, "too many", {"Retry-After": "1"})]
    told: list[str] = []
    began = time.monotonic()
    assert len(engine(server, target, told=told.append).table("print 1")) == 1
    assert 1.0 <= time.monotonic() - began < 5
    assert "too many" in told[0]
    assert "its limit: " in told[0]


def test_it_waits_where_the_service_does_not_say_how_long(server: live.LiveServer, target: str) -> None:
    server.faults = [live.status(429, "too many"), live.status(429)]
    assert len(engine(server, target).table("print 1")) == 1
    assert len(server.asked) == 3


def test_a_quota_that_stays_used_up_is_named(server: live.LiveServer) -> None:
    server.always = live.status(429, "CPU quota exceeded")
    with pytest.raises(RemoteError, match=r"CPU quota exceeded.*; its limit: .*share of CPU time"):
        engine(server, "defender").run("print 1")
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    "fault",
    [live.status(500, "oops"), live.status(503), live.document(None), live.document(None, 204), live.cut],
    ids=["500", "503", "empty", "204", "cut"],
)
def test_what_came_to_nothing_is_asked_again(server: live.LiveServer, target: str, fault: live.Fault) -> None:
    server.faults = [fault]
    assert engine(server, target).table("print a=1").to_pylist() == [{"a": 1}]
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "fault", [live.status(500, "oops"), live.document(None), live.cut], ids=["500", "empty", "cut"]
)
def test_what_comes_to_nothing_again_and_again_is_no_empty_answer(
    server: live.LiveServer, target: str, fault: live.Fault
) -> None:
    server.always = fault
    with pytest.raises(RemoteError) as told:
        engine(server, target).run("print 1")
    assert "asked 3 times" in told.value.hint
    assert live.TOKEN not in str(told.value)


def test_a_slow_answer_ends_with_the_timeout(server: live.LiveServer, target: str) -> None:
    engine(server, target).run("print 1")  # imports take their time
    server.always = live.slow(20)
    began = time.monotonic()
    with pytest.raises(RemoteError, match=r"longer than 0\.5 s"):
        engine(server, target, timeout=0.5).run("print 1")
    assert time.monotonic() - began < 3


def partial_answer(target: str) -> Any:
    one = {"code": "LimitsExceeded", "message": "the query ran out of memory"}
    if target.startswith("adx"):
        return live.kusto2([ONE], [{"error": one}])
    if target == "defender":
        return {"schema": [{"name": "a", "type": "Int64"}], "results": [{"a": 1}, {"a": 2}], "error": one}
    return live.log_analytics([ONE], one)


def test_what_came_of_a_partial_answer_is_kept_and_the_rest_is_told(server: live.LiveServer, target: str) -> None:
    server.always = live.document(partial_answer(target))
    outcome = engine(server, target).run("print a=1")
    assert outcome.results[0].table().to_pylist() == [{"a": 1}, {"a": 2}]
    assert outcome.failures == ["the query ran out of memory [LimitsExceeded]"]
    with pytest.raises(RemoteError, match="only a part of the rows came"):
        engine(server, target).table("print a=1")


# --- too large ---
def events(server: live.LiveServer) -> None:
    """Two days of events, one an hour."""
    rows = [(NOW - timedelta(hours=h)).strftime("datetime(%Y-%m-%dT%H:%M:%SZ), 'a") + f"{h}'" for h in range(1, 49)]
    table = f"datatable(Timestamp: datetime, ActionType: string)[{', '.join(rows)}]"
    original = server.rows

    def with_rows(kql: str) -> Any:
        return original(kql.replace("DeviceEvents", f"{table}", 1))

    server.rows = with_rows  # type: ignore[method-assign]


def test_an_answer_that_is_too_large_is_asked_for_in_parts(server: live.LiveServer, target: str) -> None:
    events(server)
    kql = "DeviceEvents | where Timestamp > ago(3d) and Timestamp < now() | project Timestamp, ActionType | sort by Timestamp desc"
    assert server.session is not None
    compiled = server.session.compile(kql)
    whole = engine(server, target).table(kql, compiled=compiled)
    assert len(server.asked) == 1
    server.most = 10
    parts = engine(server, target).run(kql, compiled=compiled)
    assert parts.whole
    assert parts.parts > 4
    assert parts.results[0].table().to_pylist() == whole.to_pylist()
    assert len(whole) == 48


def test_as_many_rows_as_the_service_gives_at_most_are_taken_for_cut(server: live.LiveServer) -> None:
    events(server)
    kql = "DeviceEvents | where Timestamp > ago(3d) and Timestamp < now()"
    assert server.session is not None
    one = engine(server, "defender")
    one.service.most_rows = 20
    outcome = one.run(kql, compiled=server.session.compile(kql))
    assert outcome.whole
    assert len(outcome.results[0].table()) == 48
    outcome = one.run(kql + " | take 20", compiled=server.session.compile(kql + " | take 20"))
    assert outcome.failures[0].startswith("Microsoft Graph gives 20 rows at once")


def test_the_span_that_is_sent_is_of_the_services_own_time_alone(server: live.LiveServer) -> None:
    started = [(NOW - timedelta(days=10, hours=h)).strftime(f"datetime(%Y-%m-%dT%H:%M:%SZ), {h}") for h in range(48)]
    table = f"datatable(ProcessCreationTime: datetime, ReportId: long)[{', '.join(started)}]"
    original = server.rows
    server.rows = lambda kql: original(kql.replace("DeviceProcessEvents", table, 1))  # type: ignore[method-assign]
    kql = "DeviceProcessEvents | where ProcessCreationTime > datetime(2026-01-01) | project ReportId"
    assert server.session is not None
    one = engine(server, "defender")
    one.service.most_rows = 20
    # What was seen in these three days was begun before them.
    outcome = one.run(kql, parse_span("P3D", NOW), server.session.compile(kql))
    assert outcome.whole
    assert sorted(r["ReportId"] for r in outcome.results[0].table().to_pylist()) == list(range(48))


def test_what_counts_rows_is_not_asked_for_in_parts(server: live.LiveServer, target: str) -> None:
    server.always = lambda handler, asked: bool(live.too_large(handler, asked)) or True
    kql = "DeviceEvents | where Timestamp > ago(3d) | summarize count() by DeviceId"
    assert server.session is not None
    try:
        outcome = engine(server, target).run(kql, compiled=server.session.compile(kql))
    except RemoteError as error:
        assert "it groups or counts rows" in error.hint  # noqa: PT017
    else:  # Log Analytics gives what it has
        assert "E_QUERY_RESULT_SET_TOO_LARGE" in outcome.failures[0]
    assert len(server.asked) == 1


def test_a_part_that_fails_is_told_with_its_time_and_the_others_are_kept(server: live.LiveServer, target: str) -> None:
    events(server)
    server.most = 20
    # Of the last half of the second day.
    server.always = live.only("< datetime(2026-03-10T00:00:00.0000001Z)", live.status(400, "no"))
    kql = "DeviceEvents | where Timestamp > datetime(2026-03-08) and Timestamp <= datetime(2026-03-10)"
    assert server.session is not None
    outcome = engine(server, target).run(kql, compiled=server.session.compile(kql))
    assert not outcome.whole
    assert 0 < len(outcome.results[0].table()) < 48
    assert "2026-03-10 00:00:00: " in outcome.failures[0]
    assert "says 400: no" in outcome.failures[0]


def test_without_a_beginning_there_are_no_parts(server: live.LiveServer) -> None:
    events(server)
    server.most = 20
    assert server.session is not None
    with pytest.raises(RemoteError) as told:
        engine(server, "defender").run("DeviceEvents", compiled=server.session.compile("DeviceEvents"))
    assert "--timespan START/END" in told.value.hint
    span = parse_span("2026-03-01/2026-03-11", NOW)
    outcome = engine(server, "defender").run("DeviceEvents", span, server.session.compile("DeviceEvents"))
    assert outcome.whole
    assert len(outcome.results[0].table()) == 48
    # Each part has its own times in the text, and the whole time beside it: what is looked up beside it is not cut.
    assert {a.timespan for a in server.asked[1:]} == {span.text}
