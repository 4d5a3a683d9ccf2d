"""`lurcher serve` as a process, asked by the services' own clients and by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "engines")]
from serving import Service  # noqa: E402
from test_hot import NOW, append  # noqa: E402

from lurcher.lake import Lake  # noqa: E402

AT = "2026-01-10T12:00:00Z"
WORKSPACE = "00000000-1111-2222-3333-444444444444"
EVERYTHING = "A | sort by i asc nulls first | project-reorder n"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake.create(tmp_path_factory.mktemp("lakes") / "case 17")
    append(lake, "one")
    append(lake, "two", count=30, table="B")
    return lake


@pytest.fixture(scope="module")
def service(lake: Lake) -> Iterator[Service]:
    service = Service(lake.path, "--as-of", AT, "--timeout", "20")
    yield service
    assert service.end() == 0
    assert len(service.lines) == 1, "it has told of nothing else"


def here(lake: Lake, query: str) -> list[dict[str, Any]]:
    """The rows as `lurcher query` gives them."""
    return lurcher("query", query, "--lake", str(lake.path), "--as-of", AT)


def lurcher(*words: str, env: dict[str, str] | None = None) -> list[dict[str, Any]]:
    run = subprocess.run(
        [sys.executable, "-m", "lurcher", *words, "--format", "json"],
        capture_output=True, text=True, check=False, env={**os.environ, **(env or {})}, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


# --- both ends of lurcher ---
QUERIES = (
    EVERYTHING,
    "A | summarize count(), sum(n) by Device | sort by Device asc",
    "print x = dynamic({'a': [1, 2.5, null], 'b': 'c'}), m = decimal(1.50), r = real(nan),"
    " g = guid(00000000-0000-0000-0000-00000000000a),"
    " t = datetime(2024-02-29 01:02:03.1234567), s = time(1.02:03:04.5), q = '\"\\\\ \\u00e9'",
)


@pytest.mark.parametrize("query", QUERIES)
def test_the_rows_of_a_query_on_it_are_those_of_the_lake(lake: Lake, service: Service, query: str) -> None:
    for words in (
        ("--on", f"adx:{service.url}/case 17"),
        ("--on", f"sentinel:{WORKSPACE}", "--endpoint", service.url),
        ("--on", "defender", "--endpoint", service.url),
    ):
        rows = lurcher("query", query, *words, env=service.identity)
        expected = here(lake, query)
        if "defender" in words and "A |" in query:
            # It keeps rows by their time: none without one.
            expected = here(lake, query.replace("A |", "A | where isnotnull(Timestamp) |"))
        assert rows == expected


def test_an_error_of_it_is_told_with_its_place(service: Service) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "lurcher", "query", "A | where zz == 1", "--on", f"adx:{service.url}/case 17"],
        capture_output=True, text=True, check=False, env={**os.environ, **service.identity}, timeout=60,
    )  # fmt: skip
    assert run.returncode == 2
    assert "the name 'zz' does not refer" in run.stderr
    assert "line 1, pos 11" in run.stderr


# --- the services' clients ---
def test_the_client_of_azure_data_explorer(lake: Lake, service: Service) -> None:
    from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
    from azure.kusto.data.exceptions import KustoApiError

    builder = KustoConnectionStringBuilder.with_aad_user_token_authentication(service.url, "a token")
    with KustoClient(builder) as client:
        found = client.execute(
            "case 17", "A | summarize c = count(), t = max(Timestamp), s = max(span) by Device | sort by Device asc"
        )
        rows = [row.to_dict() for row in found.primary_results[0]]
        assert [r["Device"] for r in rows] == ["one0", "one1", "one2"]
        assert [r["c"] for r in rows] == [14, 13, 13]
        assert rows[0]["t"] == NOW
        assert rows[0]["s"] == timedelta(microseconds=39_000_003.9)
        assert found.errors_count == 0
        properties = ClientRequestProperties()
        properties.set_parameter("which", "one1")
        properties.set_parameter("least", "10")
        properties.set_option("servertimeout", timedelta(minutes=1))
        text = (
            "declare query_parameters(which: string, least: long = 3); A | where Device == which and n > least | count"
        )
        assert client.execute("case 17", text, properties).primary_results[0][0][0] == 10
        assert client.execute("case 17", ".show tables | project TableName").primary_results[0].to_dict()["data"] == [
            {"TableName": "A"}, {"TableName": "B"}
        ]  # fmt: skip
        assert client.execute_query("", "range c from 1 to 10 step 1 | count").primary_results[0][0][0] == 10
        with pytest.raises(KustoApiError, match="Semantic error: there is no table 'Nowhere'"):
            client.execute("case 17", "Nowhere | count")
        with pytest.raises(KustoApiError, match="Entity not found"):
            client.execute("another", "A | count")


def test_the_client_of_log_analytics(service: Service) -> None:
    from azure.core.credentials import AccessToken
    from azure.core.exceptions import HttpResponseError
    from azure.monitor.query import LogsQueryClient, LogsQueryStatus

    class Credential:
        def get_token(self, *scopes: str, **more: Any) -> AccessToken:
            return AccessToken("a token", int(time.time()) + 3600)

    with LogsQueryClient(Credential(), endpoint=f"{service.url}/v1") as client:
        found = client.query_workspace(
            WORKSPACE, "A | summarize count() by b | sort by b asc | render piechart",
            timespan=(datetime(2026, 1, 9, 12, tzinfo=UTC), NOW), include_statistics=True, include_visualization=True,
            enforce_https=False,
        )  # fmt: skip
        assert found.status == LogsQueryStatus.SUCCESS
        # Four rows, every six hours: of the ends only the first is in it.
        assert sum(row[1] for row in found.tables[0].rows) == 4
        assert found.visualization["visualization"] == "piechart"
        assert found.statistics["query"]["datasetStatistics"][0]["tableRowCount"] == 3
        with pytest.raises(HttpResponseError, match="BadArgumentError"):
            client.query_workspace(WORKSPACE, "A | where", timespan=None, enforce_https=False)


@pytest.mark.parametrize(
    ("span", "rows"), [("P1D", 5), ("PT6H", 2), ("2026-01-09T12:00:00Z/2026-01-09T18:00:00Z", 1), (None, 40)]
)
def test_a_time_span_is_of_the_rows_time_before_anything_else(service: Service, span: str | None, rows: int) -> None:
    body = {"query": "let x = materialize(A); x | join kind=leftouter (A) on n | count", "timespan": span}
    found = service.post(f"/v1/workspaces/{WORKSPACE}/query", body).json()
    assert found["tables"][0]["rows"] == [[rows]]


def test_hunting_looks_back_thirty_days_and_an_answer_has_names_and_types(service: Service, lake: Lake) -> None:
    found = service.post(
        "/v1.0/security/runHuntingQuery", {"Query": "A | where n == 1 | project n, b, bag, span, m"}
    ).json()
    assert found == {
        "schema": [
            {"name": "n", "type": "Int64"}, {"name": "b", "type": "SByte"}, {"name": "bag", "type": "Object"},
            {"name": "span", "type": "TimeSpan"}, {"name": "m", "type": "SqlDecimal"},
        ],
        "results": [{"n": 1, "b": False, "bag": '{"k":[1,"x"],"name":"one"}', "span": "00:00:01.0000001", "m": None}],
    }  # fmt: skip
    old = service.post("/api/advancedhunting/run", {"Query": "A | count", "Timespan": "2025-12-01/2026-01-02"}).json()
    assert old["Schema"] == [{"Name": "Count", "Type": "Int64"}]
    assert old["Results"] == [{"Count": len(here(lake, "A | where Timestamp < datetime(2026-01-02)"))}]


def test_the_first_version_of_kusto_says_what_its_tables_are(service: Service) -> None:
    tables = service.kusto("print a = 1, b = true; print c = 'x'", "/v1/rest/query")["Tables"]
    assert [t["Rows"] for t in tables[:2]] == [[[1, True]], [["x"]]]
    assert tables[0]["Columns"] == [
        {"ColumnName": "a", "DataType": "Int64", "ColumnType": "long"},
        {"ColumnName": "b", "DataType": "SByte", "ColumnType": "bool"},
    ]
    kinds = [row[1] for row in tables[-1]["Rows"]]
    assert kinds == ["QueryResult", "QueryResult", "QueryProperties", "QueryStatus"]


def test_values_of_all_types_in_the_second_version(service: Service) -> None:
    frames = service.kusto(QUERIES[2])
    assert [f["FrameType"] for f in frames] == ["DataSetHeader", *["DataTable"] * 3, "DataSetCompletion"]
    assert list(frames[2]) == ["FrameType", "TableId", "TableKind", "TableName", "Columns", "Rows"]
    assert [c["ColumnType"] for c in frames[2]["Columns"]] == [
        "dynamic", "decimal", "real", "guid", "datetime", "timespan", "string"
    ]  # fmt: skip
    assert frames[2]["Rows"] == [
        [{"a": [1, 2.5, None], "b": "c"}, "1.5", "NaN", "00000000-0000-0000-0000-00000000000a",
         "2024-02-29T01:02:03.1234560Z", "1.02:03:04.5000000", '"\\ é']
    ]  # fmt: skip
    assert service.rows("print x = parse_json('[123456789012345678901234567890]')") == [
        [[123456789012345678901234567890]]
    ]


def test_what_json_has_no_room_for_is_written_all_the_same() -> None:
    from lurcher.server.desk import dumps

    assert dumps([2**80, "\ud83d"]) == b'[1208925819614629174706176,"\\ud83d"]'


COMMANDS = {
    ".show databases | project DatabaseName": [["case 17"]],
    ".show tables": [["A", "case 17", "", ""], ["B", "case 17", "", ""]],
    ".show database ['case 17'] schema | where TableName == 'B' and ColumnName == 'm' | project ColumnType": [
        ["System.Data.SqlTypes.SqlDecimal"]
    ],
    ".show databases schema | where ColumnName == 'n' | count": [[2]],
    ".show table ['A'] cslschema | project s = substring(Schema, 0, 32)": [["Timestamp:datetime,Device:string"]],
    ".show functions": [],
    ".show materialized-views": [],
    ".SHOW  version | project ServiceType": [["Engine"]],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_that_look_around(service: Service, command: str) -> None:
    (table,) = service.kusto(command, "/v1/rest/mgmt")["Tables"]
    assert table["Rows"] == COMMANDS[command]


@pytest.mark.parametrize("command", [".show databases (['case 17']) schema as json", ".show databases schema as json"])
def test_the_schema_as_json(service: Service, command: str) -> None:
    ((text,),) = service.kusto(command, "/v1/rest/mgmt")["Tables"][0]["Rows"]
    tables = json.loads(text)["Databases"]["case 17"]["Tables"]
    assert tables["A"]["OrderedColumns"][3] == {"Name": "n", "Type": "System.Int64", "CslType": "long", "DocString": ""}


def test_the_metadata_of_the_workspace(service: Service) -> None:
    found = httpx.get(f"{service.url}/v1/workspaces/{WORKSPACE}/metadata").json()
    assert [t["name"] for t in found["tables"]] == ["A", "B"]
    assert found["tables"][0]["columns"][0] == {"name": "Timestamp", "type": "datetime"}


def test_the_commands_of_clients_that_change_something_are_refused(service: Service) -> None:
    for command in (".drop table A", ".create table X (a: int)", ".set x <| A", ".show table Nowhere cslschema"):
        response = service.post("/v1/rest/mgmt", {"db": "", "csl": command})
        assert response.status_code == 400, command
        assert response.json()["error"]["@message"]


# --- what is wrong, in the words of each ---
def test_errors_have_the_form_of_each_api(service: Service) -> None:
    kusto = service.post("/v2/rest/query", {"db": "", "csl": "A | whre n"}, headers={"x-ms-client-request-id": "abc"})
    error = kusto.json()["error"]
    assert kusto.status_code == 400
    assert error["@message"].startswith("Syntax error: ")
    assert error["@context"]["clientRequestId"] == "abc" == kusto.headers["x-ms-client-request-id"]
    assert (error["line"], error["pos"]) == (1, 5)
    analytics = service.post(f"/v1/workspaces/{WORKSPACE}/query", {"query": "A | where zz == 1"})
    inner = analytics.json()["error"]["innererror"]
    assert analytics.status_code == 400
    assert inner["code"] == "SemanticError"
    assert (inner["innererror"]["line"], inner["innererror"]["pos"]) == (1, 11)
    graph = service.post("/v1.0/security/runHuntingQuery", {"Query": "A | where zz == 1"})
    assert graph.json()["error"]["code"] == "BadRequest"
    assert "Fix semantic errors" in graph.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/rest/query", {"db": "", "csl": 7}),
        ("/v2/rest/query", {"db": ["x"], "csl": "A"}),
        ("/v2/rest/query", []),
        ("/v2/rest/query", {"csl": "A", "properties": "{"}),
        ("/v2/rest/query", {"csl": "A", "properties": {"Options": [1]}}),
        ("/v2/rest/query", {"csl": "A", "properties": {"options": {"query_datetimescope_from": "2020-01-01"}}}),
        ("/v2/rest/query", {"csl": "A", "properties": {"options": {"query_now": "yesterday"}}}),
        ("/v2/rest/query", {"csl": ".show tables"}),
        ("/v2/rest/query", {"csl": "let x = 1;"}),
        ("/v1/workspaces/x/query", {"query": "A", "timespan": "a day"}),
        ("/v1/workspaces/x/query", {"query": "A", "workspaces": ["y"]}),
        ("/v1/workspaces/x/query", {"kql": "A"}),
        ("/v1.0/security/runHuntingQuery", {"Query": None}),
        ("/v1.0/security/runHuntingQuery", {"Query": "A", "Timespan": "P0D"}),
    ],
)
def test_requests_that_are_none(service: Service, path: str, body: Any) -> None:
    response = service.post(path, body)
    assert response.status_code == 400
    assert response.json()["error"]["message"]
    assert "Traceback" not in response.text


@pytest.mark.parametrize("value", ["x", "1) | take 1", "datetime(2020-01-01)", "1), y = (2"])
def test_a_parameter_that_is_no_value_of_its_type(service: Service, value: str) -> None:
    body = {"csl": "declare query_parameters(p: long); print p", "properties": json.dumps({"Parameters": {"p": value}})}
    response = service.post("/v2/rest/query", body)
    assert response.status_code == 400
    assert "query parameter 'p'" in response.json()["error"]["@message"]


def test_more_rows_than_it_gives_at_once(service: Service) -> None:
    """Where it stops reading the engine is still at work: whoever asks is told of the limit all the same, each time."""
    for _ in range(6):
        found = service.post("/v2/rest/query", {"csl": "range x from 1 to 600000 step 1"})
        assert (found.status_code, found.json()["error"]["code"]) == (400, "LimitsExceeded"), found.text
        assert "more than 500,000 rows" in found.json()["error"]["@message"]


def test_now_is_what_the_client_says_it_is(service: Service) -> None:
    assert service.rows("print now()") == [["2026-01-10T12:00:00.0000000Z"]]
    options = {"properties": {"Options": {"query_now": "2020-01-01T00:00:00.0000000Z"}}}
    assert service.rows("print now()", **options) == [["2020-01-01T00:00:00.0000000Z"]]


# --- who may ask ---
def test_names_origins_and_forms_that_a_page_could_send(service: Service) -> None:
    ask = {"content": b'{"csl": "A | count"}', "url": f"{service.url}/v2/rest/query"}
    kind = {"content-type": "application/json"}
    assert httpx.post(**ask, headers=kind).status_code == 200
    port = service.url.rpartition(":")[2]
    assert httpx.post(**ask, headers={**kind, "host": f"localhost:{port}"}).status_code == 200
    for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", ""):
        assert httpx.post(**ask, headers={**kind, "host": host}).status_code in (400, 403), host
    for more in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert httpx.post(**ask, headers={**kind, **more}).status_code == 403
    for form in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert httpx.post(**ask, headers={"content-type": form}).status_code == 415
    assert httpx.options(f"{service.url}/v2/rest/query").status_code == 405
    assert httpx.put(f"{service.url}/v2/rest/query").status_code == 405
    assert httpx.get(f"{service.url}/v1/rest/auth/metadata").status_code == 404


def test_what_cannot_be_kept_to_is_refused(service: Service) -> None:
    two = service.post("/v1.0/security/runHuntingQuery", {"Query": "print 1; print 2"})
    assert (two.status_code, "2 queries" in two.json()["error"]["message"]) == (400, True), two.text
    options = {"properties": {"Options": {"servertimeout": "xx"}}}
    span = service.post("/v2/rest/query", {"csl": "print 1", **options})
    assert (span.status_code, "servertimeout" in span.text) == (400, True)
    body = {"query": "print 1"}
    none = httpx.post(f"{service.url}/v1/workspaces/w/query", json=body, headers={"prefer": "wait=0"})
    assert (none.status_code, "no time" in none.text) == (400, True)


def test_a_body_without_end(service: Service) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * (1 << 20)

    headers = {"content-type": "application/json"}
    try:
        status = httpx.post(f"{service.url}/v2/rest/query", content=chunks(), headers=headers).status_code
        assert status == 413
    except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        # The connection is cut while the body is being sent: how the client meets it is a matter of moments.
        pass
    declared = httpx.post(f"{service.url}/v2/rest/query", content=b" " * (17 << 20), headers=headers)
    assert declared.status_code == 413
    assert service.rows("print 1") == [[1]]


def test_no_file_of_this_machine_can_be_reached(service: Service) -> None:
    for text in (
        "externaldata(a: string) ['file:///etc/passwd']",
        "externaldata(a: string) ['/etc/passwd']",
        "externaldata(a: string) ['http://127.0.0.1:1/x']",
        "['read_csv(\\'/etc/passwd\\')'] | count",
        "_GetWatchlist('../../etc/passwd')",
    ):
        response = service.post("/v2/rest/query", {"csl": text})
        assert response.status_code == 400, text
        assert "root:" not in response.text


def test_with_a_token(lake: Lake, tmp_path: Path) -> None:
    token = "0123456789abcdef0123456789abcdef"
    file = tmp_path / "token"
    file.write_text(token + "\n")
    file.chmod(0o600)
    service = Service(lake.path, "--token-file", str(file), "--as-of", AT)
    try:
        url, body = f"{service.url}/v2/rest/query", {"csl": "A | count"}
        bearer = {"authorization": f"Bearer {token}"}
        assert httpx.post(url, json=body, headers=bearer).status_code == 200
        for wrong in ({}, {"authorization": "Bearer x"}, {"authorization": token}, {"authorization": f"Basic {token}"}):
            assert httpx.post(url, json=body, headers=wrong).status_code == 401
        assert httpx.get(f"{service.url}/").status_code == 401
        assert httpx.get(f"{service.url}/healthz").status_code == 200
        assert httpx.get(f"{service.url}/msi/token", headers={"x-identity-header": "no"}).status_code == 401
        env = {"IDENTITY_ENDPOINT": f"{service.url}/msi/token", "IDENTITY_HEADER": token}
        assert lurcher("query", "A | count", "--on", f"adx:{service.url}/case 17", env=env) == [{"Count": 40}]
    finally:
        assert service.end() == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--listen", "0.0.0.0:0"), "--token-file"),
        (("--listen", "[::]:0"), "--token-file"),
        (("--listen", "somewhere"), "is no address to listen on"),
        (("--listen", "127.0.0.1:99999"), "is no address to listen on"),
        (("--cache", "much"), "is no size"),
        (("--as-of", "yesterday"), "yesterday"),
        (("--tls-cert", __file__), "--tls-key"),
        (("--token-file", str(Path(__file__).parents[1] / "conftest.py")), "a token is one word"),
        (("--socket", __file__), "which is no socket"),
    ],
)
def test_what_it_does_not_start_with(lake: Lake, options: tuple[str, ...], said: str) -> None:
    service = Service(lake.path, *options)
    assert service.process.wait(30) == 2
    time.sleep(0.1)
    text = "".join(service.lines)
    assert said in text
    assert "Traceback" not in text


# --- at work ---
def test_many_at_once_while_rows_are_added(lake: Lake, tmp_path: Path) -> None:
    import shutil

    other = Lake.open(shutil.copytree(lake.path, tmp_path / "case"))
    service = Service(other.path, "--as-of", AT)
    counts: list[list[int]] = [[] for _ in range(6)]
    done = threading.Event()

    def ask(into: list[int]) -> None:
        while not done.is_set():
            into.append(service.rows("A | summarize count()")[0][0])

    threads = [threading.Thread(target=ask, args=(c,)) for c in counts]
    try:
        for thread in threads:
            thread.start()
        for i in range(5):
            append(other, f"more {i}")
            assert service.rows("A | summarize count()") == [[40 * (i + 2)]], "what was added shows at once"
        done.set()
        for thread in threads:
            thread.join(30)
        for one in counts:
            assert one == sorted(one)
            assert all(c % 40 == 0 for c in one)
            assert len(one) > 3
    finally:
        done.set()
        assert service.end() == 0


#: Takes minutes.
LONG = "range a from 1 to 1000000 step 1 | extend k = 1 | join kind=inner (range b from 1 to 1000000 step 1 | extend k = 1) on k" \
    " | summarize max(a * b % 7)"  # fmt: skip


def test_a_query_ends_when_its_time_is_over_or_whoever_asked_has_gone(lake: Lake) -> None:
    service = Service(lake.path, "--seats", "1", "--as-of", AT)
    try:
        begun = time.monotonic()
        late = service.post("/v2/rest/query", {"csl": LONG, "properties": {"Options": {"servertimeout": "00:00:02"}}})
        assert late.status_code == 400
        assert "took longer" in late.json()["error"]["@message"]
        assert time.monotonic() - begun < 10
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{service.url}/v2/rest/query", json={"csl": LONG}, timeout=1)
        # The one seat is free again, long before the query would have ended.
        begun = time.monotonic()
        assert service.rows("print 1") == [[1]]
        assert time.monotonic() - begun < 10
    finally:
        assert service.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_with_what_it_is_answering(lake: Lake, number: int) -> None:
    service = Service(lake.path, "--as-of", AT)
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(service.post("/v2/rest/query", {"csl": LONG}).status_code)
        except httpx.HTTPError as error:
            answers.append(type(error).__name__)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(1.0)
    begun = time.monotonic()
    assert service.end(number) == 0
    assert time.monotonic() - begun < 8
    thread.join(10)
    assert answers
    assert answers[0] != 200
    assert not [line for line in service.lines[1:] if line.strip()]


def test_on_a_socket_for_this_user_alone(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "s"
    service = Service(lake.path, "--socket", str(path), "--as-of", AT)
    try:
        assert path.stat().st_mode & 0o077 == 0
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
            found = client.post("http://lurcher/v1.0/security/runHuntingQuery", json={"Query": "A | count"}).json()
        assert found["results"] == [{"Count": 39}]
        second = Service(lake.path, "--socket", str(path))
        assert second.process.wait(30) == 2
    finally:
        assert service.end() == 0
    assert not path.exists()


def test_what_is_asked_again_comes_from_memory(lake: Lake, tmp_path: Path) -> None:
    other = Lake.create(tmp_path / "large")
    append(other, "large", count=30_000)
    service = Service(other.path, "--as-of", AT)
    try:
        expected = service.rows("A | summarize count(), max(n) by Device")
        for _ in range(3):
            assert sorted(service.rows("A | summarize count(), max(n) by Device")) == sorted(expected)
        cache = service.about()["cache"]
        assert cache["rows"] >= 20_000
        assert cache["answered"] >= 2
    finally:
        assert service.end() == 0
    without = Service(other.path, "--as-of", AT, "--cache", "0")
    try:
        assert without.about()["cache"] is None
        assert sorted(without.rows("A | summarize count(), max(n) by Device")) == sorted(expected)
    finally:
        assert without.end() == 0


def test_over_https(lake: Lake, tmp_path: Path) -> None:
    import ssl
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    own = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(today - timedelta(days=1)).not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    pem.write_bytes(own.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    service = Service(lake.path, "--tls-cert", str(pem), "--tls-key", str(private), "--as-of", AT)
    try:
        assert service.url.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(pem))
        body = {"query": "A | count", "timespan": None}
        found = httpx.post(f"{service.url}/v1/workspaces/{WORKSPACE}/query", json=body, verify=trusted)
        assert found.json()["tables"][0]["rows"] == [[40]]
    finally:
        assert service.end() == 0
    bad = Service(lake.path, "--tls-cert", str(private), "--tls-key", str(pem))
    assert bad.process.wait(30) == 2
    time.sleep(0.1)
    assert "Traceback" not in "".join(bad.lines)
