"""The server that the tests of the live services use speaks as the services do: their own libraries understand it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import liveserver as live
from lurcher.app.session import Session

KQL = "print a=1, b='x', t=datetime(2026-01-02T03:04:05Z)"
TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[live.LiveServer]:
    found = live.LiveServer(Session.open(None, datetime(2026, 3, 1, tzinfo=UTC)))
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    yield found
    found.close()


def test_azure_monitor_query_reads_it(server: live.LiveServer) -> None:
    from azure.identity import DefaultAzureCredential
    from azure.monitor.query import LogsQueryClient, LogsQueryResult

    client = LogsQueryClient(DefaultAzureCredential(), endpoint=server.url)
    result = client.query_workspace(live.WORKSPACE, KQL, timespan=timedelta(days=1), enforce_https=False)
    assert isinstance(result, LogsQueryResult)
    (table,) = result.tables
    assert list(table.columns) == ["a", "b", "t"]
    assert list(table.rows[0]) == [1, "x", TIME]
    assert server.asked[0].timespan == "PT86400.0S"


def test_azure_kusto_data_reads_it(server: live.LiveServer) -> None:
    from azure.identity import DefaultAzureCredential
    from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
    from azure.kusto.data.exceptions import KustoServiceError

    builder = KustoConnectionStringBuilder.with_azure_token_credential(server.url, DefaultAzureCredential())
    client = KustoClient(builder)
    (row,) = client.execute_query("Samples", KQL).primary_results[0].rows
    assert row.to_dict() == {"a": 1, "b": "x", "t": TIME}
    (row,) = client.execute_mgmt("Samples", KQL).primary_results[0].rows
    assert row["a"] == 1
    with pytest.raises(KustoServiceError, match="Semantic error") as told:
        client.execute_query("Samples", "print nonsense")
    assert told.value.is_semantic_error()


def test_who_has_no_token_gets_nothing(server: live.LiveServer) -> None:
    import httpx

    url = f"{server.url}/v1.0/security/runHuntingQuery"
    assert httpx.post(url, json={"Query": KQL}).status_code == 401
    answer = httpx.post(url, json={"Query": KQL}, headers={"Authorization": f"Bearer {live.TOKEN}"})
    assert answer.json()["results"] == [{"a": 1, "b": "x", "t": "2026-01-02T03:04:05.0000000Z"}]
