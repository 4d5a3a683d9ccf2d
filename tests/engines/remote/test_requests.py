"""Targets, time spans, answers and waits, without a service."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

import liveserver as live
from lurcher.engines.remote.answers import Table, read
from lurcher.engines.remote.faults import Broken, RemoteError, Throttled, TooLarge
from lurcher.engines.remote.patience import Patience
from lurcher.engines.remote.replies import Reply, bounded, retry_after
from lurcher.engines.remote.spans import Span, parse_span, ticks_of
from lurcher.engines.remote.targets import parse_target
from lurcher.engines.remote.values import arrow_table
from lurcher.errors import LurcherError
from lurcher.kql.types import Column, ScalarType

GUID = "00000000-1111-2222-3333-44444444ABCD"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "endpoint", "name", "address"),
    [
        (f"sentinel:{GUID}", None, f"sentinel:{GUID.lower()}", "https://api.loganalytics.io"),
        (f"sentinel:{GUID}", "https://api.loganalytics.us/v1", f"sentinel:{GUID.lower()}", "https://api.loganalytics.us"),
        ("defender", None, "defender", "https://graph.microsoft.com"),
        ("defender", "https://graph.microsoft.us/", "defender", "https://graph.microsoft.us"),
        ("adx:help.kusto.windows.net/Samples", None, "adx:help.kusto.windows.net/Samples", "https://help.kusto.windows.net"),
        ("adx:help/Samples", None, "adx:help.kusto.windows.net/Samples", "https://help.kusto.windows.net"),
        ("adx:https://c.kusto.windows.net/My DB", None, "adx:c.kusto.windows.net/My DB", "https://c.kusto.windows.net"),
        ("adx:x/Samples", "http://127.0.0.1:8080", "adx:127.0.0.1:8080/Samples", "http://127.0.0.1:8080"),
        ("defender", "http://localhost:1", "defender", "http://localhost:1"),
        ("defender", "http://[::1]:1", "defender", "http://[::1]:1"),
    ],
)  # fmt: skip
def test_a_target_names_a_service(text: str, endpoint: str | None, name: str, address: str) -> None:
    target = parse_target(text, endpoint)
    assert (target.name, target.endpoint) == (name, address)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("sentinel", None),
        ("sentinel:contoso", None),
        ("defender:x", None),
        ("adx:cluster", None),
        ("adx:cluster/", None),
        ("adx:clu ster/db", None),
        ("adx:c/d?e", None),
        ("splunk:x", None),
        ("", None),
        ("defender", "http://graph.microsoft.com"),
        ("defender", "http://127.0.0.1.evil.org"),
        ("defender", "http://localhost.evil.org"),
        ("defender", "http://localhost@evil.org"),
        ("defender", "https://user:pass@graph.microsoft.com"),
        ("defender", "file:///etc/passwd"),
        ("defender", "https://graph.microsoft.com/other"),
        ("defender", "https://graph.microsoft.com?x=1"),
        ("defender", "https://"),
        ("defender", "https://[bad"),
        ("adx:http://evil.org/db", None),
    ],
)
def test_what_is_no_target_or_no_safe_address_is_refused(text: str, endpoint: str | None) -> None:
    with pytest.raises(LurcherError):
        parse_target(text, endpoint)


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("P1D", datetime(2026, 3, 9, 12), datetime(2026, 3, 10, 12)),
        ("PT36H", datetime(2026, 3, 9), datetime(2026, 3, 10, 12)),
        ("P1W", datetime(2026, 3, 3, 12), datetime(2026, 3, 10, 12)),
        ("2026-03-01/2026-03-02", datetime(2026, 3, 1), datetime(2026, 3, 2)),
        ("2026-03-01T06:00:00Z/PT6H", datetime(2026, 3, 1, 6), datetime(2026, 3, 1, 12)),
        ("P2D/2026-03-03", datetime(2026, 3, 1), datetime(2026, 3, 3)),
    ],
)
def test_a_time_span_is_from_then_to_before_then(text: str, start: datetime, stop: datetime) -> None:
    expected = Span(ticks_of(start.replace(tzinfo=UTC)), ticks_of(stop.replace(tzinfo=UTC)))
    assert parse_span(text, NOW) == expected
    assert expected.text.startswith(start.strftime("%Y-%m-%dT%H:%M:%S.0000000Z/"))


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "1d", "2026-03-02/2026-03-01", "2026-03-01", "P1D/P1D", "a/b", "P9999999D"]
)
def test_what_is_no_time_span_is_refused(text: str) -> None:
    with pytest.raises(LurcherError):
        parse_span(text, NOW)


def test_a_part_is_half_open() -> None:
    assert Span(0, 10_000_000).predicate("T") == (
        "['T'] >= datetime(0001-01-01T00:00:00.0000000Z) and ['T'] < datetime(0001-01-01T00:00:01.0000000Z)"
    )
    assert Span(0, None).predicate("T") == "['T'] >= datetime(0001-01-01T00:00:00.0000000Z)"


# --- answers ---
def reply(status: int, document: Any = None, **headers: str) -> Reply:
    return Reply(status, headers, b"" if document is None else json.dumps(document).encode())


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (reply(200), Broken),
        (reply(204), Broken),
        (Reply(200, {}, b'{"tables": ['), Broken),
        (Reply(200, {}, b"[" * 100_000), Broken),
        (reply(429), Throttled),
        (reply(500), Broken),
        (reply(503), Broken),
        (reply(400, {"error": {"code": "x", "message": "Result too large (E_QUERY_RESULT_SET_TOO_LARGE)"}}), TooLarge),
        (reply(400, {"error": {"innererror": {"code": -2133196797, "message": "m"}}}), TooLarge),
        (reply(413), TooLarge),
        (reply(400, {"error": {"code": "BadArgumentError", "message": "m"}}), RemoteError),
        (reply(401), RemoteError),
        (reply(302), RemoteError),
        (reply(418, {"error": ["odd"]}), RemoteError),
    ],
)
def test_an_answer_that_is_none_is_told_by_what_can_be_done(given: Reply, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        given.document("S")


def test_an_error_is_told_from_outside_to_inside_on_one_line() -> None:
    inner = {"code": "SYN0002", "message": "A recognition error\nhas occurred", "line": 1, "pos": 5}
    document = {
        "error": {
            "code": "BadArgumentError",
            "message": "invalid",
            "innererror": {"code": "SyntaxError", "innererror": inner},
        }
    }
    with pytest.raises(RemoteError) as told:
        reply(400, document).document("S")
    assert told.value.message == (
        "S says 400: invalid [BadArgumentError]; [SyntaxError]; A recognition error has occurred [SYN0002]; line 1, pos 5"
    )


def test_what_an_error_says_cannot_steer_a_terminal() -> None:
    with pytest.raises(RemoteError) as told:
        reply(400, {"error": {"message": "\x1b[31mred\u202e"}}).document("S")
    assert "\x1b" not in told.value.message
    assert "\u202e" not in told.value.message


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("", None), ("soon", None), ("-1", None), ("1" * 50, 1e9)])
def test_retry_after_is_read(text: str, seconds: float | None) -> None:
    assert retry_after(text) == seconds


def test_retry_after_may_be_a_date() -> None:
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    ahead = retry_after("Wed, 21 Oct 2099 07:28:00 GMT")
    assert ahead is not None
    assert ahead > 1e9


def test_a_body_without_end_is_not_read() -> None:
    def endless() -> Any:
        while True:
            yield b"x" * 1000

    with pytest.raises(TooLarge):
        bounded(endless(), 60, 10_000)
    with pytest.raises(RemoteError, match="did not end"):
        bounded(endless(), -1)


def test_rows_of_a_cut_answer_are_kept_and_the_cut_is_told() -> None:
    table = {
        "FrameType": "DataTable",
        "TableKind": "PrimaryResult",
        "Columns": [{"ColumnName": "a", "ColumnType": "long"}],
    }
    failure = {"OneApiErrors": [{"error": {"code": "LimitsExceeded", "message": "m", "@message": "cut short"}}]}
    end = {"FrameType": "DataSetCompletion", "HasErrors": True, "OneApiErrors": failure["OneApiErrors"]}
    answer = read([{"FrameType": "DataSetHeader"}, {**table, "Rows": [[1], [2], failure]}, end], "S")
    assert answer.tables[0].rows == [[1], [2]]
    assert answer.partial == "cut short [LimitsExceeded]"
    answer = read([{"FrameType": "DataSetHeader"}, {**table, "Rows": [[1]]}], "S")
    assert answer.partial == "the answer has no end"


def test_kustos_first_version_says_last_what_its_tables_are() -> None:
    columns = (Column("a", ScalarType.LONG), Column("b", ScalarType.BOOL))
    answer = read(live.kusto1([(columns, [[1, True]]), (columns[:1], [[2]])]), "S")
    assert [(t.columns, t.rows) for t in answer.tables] == [(columns, [[1, True]]), (columns[:1], [[2]])]
    answer = read({"Tables": live.kusto1([(columns, [[1, True]])])["Tables"][:1]}, "S")
    assert answer.tables[0].rows == [[1, True]]


def test_a_text_that_becomes_dynamic_is_read_and_no_other() -> None:
    columns = (Column("a", ScalarType.STRING), Column("b", ScalarType.DYNAMIC))
    table = Table(columns, [['{"x":1}', "5"]]).typed({"a": ScalarType.DYNAMIC})
    assert arrow_table(table).to_pylist() == [{"a": '{"x":1}', "b": '"5"'}]


def test_types_of_dotnet_are_those_of_kql() -> None:
    names = [
        "Boolean",
        "SByte",
        "Int32",
        "Int64",
        "Double",
        "DateTime",
        "TimeSpan",
        "Guid",
        "String",
        "Object",
        "SqlDecimal",
    ]
    schema = [{"name": n, "type": n} for n in names]
    (table,) = read({"schema": schema, "results": [{"String": "x", "other": 1}]}, "S").tables
    assert [c.type for c in table.columns] == [
        ScalarType.BOOL, ScalarType.BOOL, ScalarType.INT, ScalarType.LONG, ScalarType.REAL, ScalarType.DATETIME,
        ScalarType.TIMESPAN, ScalarType.GUID, ScalarType.STRING, ScalarType.DYNAMIC, ScalarType.DECIMAL,
    ]  # fmt: skip
    assert table.rows == [[None] * 8 + ["x", None, None]]


@pytest.mark.parametrize(
    "document",
    [
        {}, [], "x", 5, None, [1], [{}], {"tables": []}, {"tables": [1]}, {"schema": [{"name": "a", "type": "Odd"}]},
        {"results": [{"a": 1}]}, {"tables": [{"name": "t", "columns": [{"name": "a", "type": "long"}] * 2, "rows": []}]},
        {"schema": 5}, {"error": {"message": "m"}},
    ],
)  # fmt: skip
def test_a_document_of_no_known_form_is_refused_or_has_no_table(document: Any) -> None:
    try:
        answer = read(document, "S")
    except RemoteError:
        return
    assert answer.tables == ()


# --- waits ---
class Script:
    """Raises these, one a call, then gives 7."""

    def __init__(self, *faults: Exception) -> None:
        self.faults, self.calls = list(faults), 0

    def __call__(self) -> int:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        return 7


def test_a_request_is_made_again_and_each_wait_is_told() -> None:
    told: list[str] = []
    ask = Script(Throttled("busy", 0.0), Broken("gone"))
    assert Patience(first=0.0, told=told.append).get(ask, None, "5 at once") == 7
    assert told == ["busy; its limit: 5 at once; asking again", "gone; asking again"]


def test_it_is_not_asked_for_ever() -> None:
    ask = Script(*[Broken("gone")] * 9)
    with pytest.raises(RemoteError, match="gone"):
        Patience(attempts=3, first=0.0).get(ask, None)
    assert ask.calls == 3


def test_the_service_is_not_waited_for_longer_than_it_makes_sense() -> None:
    with pytest.raises(RemoteError) as told:
        Patience().get(Script(Throttled("busy", 86_400.0)), None, "CPU")
    assert told.value.message == "busy; its limit: CPU"
    assert "86,400 s" in told.value.hint


def test_waits_double_with_jitter() -> None:
    assert [Patience(chance=lambda: 0.0)._backoff(n) for n in (1, 2, 3, 20)] == [0.5, 1.0, 2.0, 60.0]
    assert [Patience(chance=lambda: 1.0)._backoff(n) for n in (1, 2, 3, 20)] == [1.5, 3.0, 6.0, 180.0]
