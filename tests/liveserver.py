"""A server on this machine that speaks as the live services do, for tests: Kusto (first and second version, the metadata of a
cloud), Log Analytics, Microsoft Graph's hunting, and a managed identity that gives tokens. Its rows are computed by lurcher's own
engine over a session; its faults are set by the test.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lurcher.app.session import Session
from lurcher.engines.values import protocol_rows
from lurcher.kql.diagnostics import Refused
from lurcher.kql.types import Columns, ScalarType

SECRET = "of-this-machine"
TOKEN = "a-token-of-the-test"
WORKSPACE = "00000000-1111-2222-3333-444444444444"

#: KQL type -> what the services call it: Kusto's first version, Graph.
DOTNET = {
    "bool": "SByte", "int": "Int32", "long": "Int64", "real": "Double", "decimal": "SqlDecimal", "datetime": "DateTime",
    "timespan": "TimeSpan", "guid": "Guid", "string": "String", "dynamic": "Object",
}  # fmt: skip


@dataclass
class Asked:
    """One request for rows."""

    path: str
    kql: str
    timespan: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    host: str = ""


#: What a fault does with a request: True where it has answered.
Fault = Callable[["_Handler", Asked], bool]


class LiveServer:
    """`faults` are taken one a request, first come first served; then requests are answered. `most`: rows that it gives at once."""

    def __init__(self, session: Session | None = None) -> None:
        self.session = session
        self.faults: list[Fault] = []
        self.always: Fault | None = None
        self.asked: list[Asked] = []
        self.most: int | None = None
        self.tokens: list[str] = []
        self.lock = threading.Lock()
        owner = self

        class Handler(_Handler):
            server_ = owner

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """What lets azure-identity's default chain find the managed identity."""
        return {"IDENTITY_ENDPOINT": f"{self.url}/msi/token", "IDENTITY_HEADER": SECRET}

    @property
    def endpoints(self) -> dict[str, str]:
        """What lets lurcher find it in place of the services."""
        return {f"LURCHER_ENDPOINT_{kind}": self.url for kind in ("SENTINEL", "DEFENDER", "ADX")}

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def rows(self, kql: str) -> list[tuple[Columns, list[list[Any]]]]:
        assert self.session is not None
        with self.lock:
            results = []
            for result in self.session.run(kql):
                rows = [row for batch in result.batches for row in protocol_rows(batch, result.columns)]
                results.append((result.columns, rows))
            return results


class _Handler(BaseHTTPRequestHandler):
    server_: LiveServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/msi/token"):
            if self.headers.get("X-IDENTITY-HEADER") != SECRET:
                return self.answer(401, {"error": "no"})
            resource = re.search(r"resource=([^&]*)", self.path)
            self.server_.tokens.append(resource[1] if resource else "")
            return self.answer(
                200,
                {"access_token": TOKEN, "expires_on": str(int(time.time()) + 3600), "resource": "r", "token_type": "Bearer",
                 "client_id": "c"},
            )  # fmt: skip
        return self.answer(404, {"error": {"code": "NotFound", "message": "no"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        kql = body.get("csl") or body.get("query") or body.get("Query") or ""
        span = body.get("timespan") or body.get("Timespan") or ""
        asked = Asked(
            self.path, kql, span, {k.lower(): v for k, v in self.headers.items()}, body, self.headers.get("Host", "")
        )
        server = self.server_
        with server.lock:
            server.asked.append(asked)
            fault = server.faults.pop(0) if server.faults else server.always
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"error": {"code": "Unauthorized", "message": "no token"}})
        if fault is not None and fault(self, asked):
            return None
        try:
            results = server.rows(kql)
        except Refused as refused:
            said = refused.diagnostics[0]
            mark = "Syntax error" if said.kind == "syntax" else "Semantic error"
            return self.answer(400, error("BadRequest", f"{mark}: {said.message}"))
        if server.most is not None and any(len(rows) > server.most for _, rows in results):
            return too_large(self, asked)
        return self.answer(200, self.document(results))

    def document(self, results: list[tuple[Columns, list[list[Any]]]]) -> Any:
        """The rows as the service that was asked writes them."""
        if "/v2/rest/query" in self.path:
            return kusto2(results)
        if "/v1/rest/" in self.path:
            return kusto1(results)
        if self.path.startswith("/v1.0/security/"):
            (columns, rows), *_ = results
            names = [c.name for c in columns]
            texts = [_as_text(row, columns) for row in rows]
            return {
                "schema": [{"name": c.name, "type": DOTNET[c.type.value]} for c in columns],
                "results": [dict(zip(names, row, strict=True)) for row in texts],
            }
        return log_analytics(results)

    def answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        content = b"" if document is None else json.dumps(document).encode()
        packed = "gzip" in self.headers.get("Accept-Encoding", "") and len(content) > 200
        if packed:
            content = gzip.compress(content, 1)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        with contextlib.suppress(ConnectionError):  # whoever asked has gone
            self.end_headers()
            self.wfile.write(content)


def _as_text(row: list[Any], columns: Columns) -> list[Any]:
    """Dynamic values as text, as Log Analytics and Graph write them."""
    return [
        json.dumps(v, separators=(",", ":"))
        if c.type is ScalarType.DYNAMIC and v is not None and not isinstance(v, str)
        else v
        for v, c in zip(row, columns, strict=True)
    ]


def kusto2(results: list[tuple[Columns, list[list[Any]]]], errors: list[Any] | None = None) -> list[Any]:
    tables = [
        {
            "FrameType": "DataTable",
            "TableId": i,
            "TableKind": "PrimaryResult",
            "TableName": "PrimaryResult",
            "Columns": [{"ColumnName": c.name, "ColumnType": c.type.value} for c in columns],
            "Rows": rows,
        }
        for i, (columns, rows) in enumerate(results, 1)
    ]
    properties = {
        "FrameType": "DataTable", "TableId": 0, "TableKind": "QueryProperties", "TableName": "@ExtendedProperties",
        "Columns": [{"ColumnName": "Key", "ColumnType": "string"}], "Rows": [],
    }  # fmt: skip
    end = {
        "FrameType": "DataSetCompletion",
        "HasErrors": bool(errors),
        "Cancelled": False,
        "OneApiErrors": errors or [],
    }
    head = {"FrameType": "DataSetHeader", "IsProgressive": False, "Version": "v2.0"}
    return [head, properties, *tables, end]


def kusto1(results: list[tuple[Columns, list[list[Any]]]]) -> dict[str, Any]:
    tables = [
        {
            "TableName": f"Table_{i}",
            "Columns": [
                {"ColumnName": c.name, "DataType": DOTNET[c.type.value], "ColumnType": c.type.value} for c in columns
            ],
            "Rows": rows,
        }
        for i, (columns, rows) in enumerate(results)
    ]
    names = ("Ordinal", "Kind", "Name", "Id", "PrettyName")
    contents = {
        "TableName": "Table_9",
        "Columns": [{"ColumnName": n, "DataType": "String", "ColumnType": "string"} for n in names],
        "Rows": [[i, "QueryResult", "PrimaryResult", "x", ""] for i in range(len(results))]
        + [[len(results), "QueryStatus", "QueryStatus", "x", ""]],
    }
    status = {
        "TableName": "Table_8",
        "Columns": [{"ColumnName": "S", "DataType": "String", "ColumnType": "string"}],
        "Rows": [],
    }
    return {"Tables": [*tables, status, contents]}


def log_analytics(results: list[tuple[Columns, list[list[Any]]]], problem: Any = None) -> dict[str, Any]:
    tables = [
        {
            "name": "PrimaryResult",
            "columns": [{"name": c.name, "type": c.type.value} for c in columns],
            "rows": [_as_text(row, columns) for row in rows],
        }
        for columns, rows in results
    ]
    return {"tables": tables, **({"error": problem} if problem else {})}


def error(code: str, message: str, inner: Any = None) -> dict[str, Any]:
    return {
        "error": {"code": code, "message": message, "@message": message, **({"innererror": inner} if inner else {})}
    }


# --- faults ---
def status(code: int, message: str = "", headers: dict[str, str] | None = None) -> Fault:
    def fault(handler: _Handler, asked: Asked) -> bool:
        handler.answer(code, error("Error", message) if message else None, headers)
        return True

    return fault


def document(content: Any, code: int = 200) -> Fault:
    def fault(handler: _Handler, asked: Asked) -> bool:
        handler.answer(code, content)
        return True

    return fault


def too_large(handler: _Handler, asked: Asked) -> None:
    """Each service in its own words."""
    said = "Query result set has exceeded the internal record count limit (E_QUERY_RESULT_SET_TOO_LARGE; 0x80DA0003)"
    if "/query" in asked.path and "workspaces" in asked.path:
        handler.answer(200, log_analytics([], error("PartialError", "cut", {"code": "x", "message": said})["error"]) | {
            "tables": [{"name": "PrimaryResult", "columns": [{"name": "a", "type": "long"}], "rows": [[1]]}]})  # fmt: skip
    else:
        handler.answer(400, error("LimitsExceeded", said))


def cut(handler: _Handler, asked: Asked) -> bool:
    """The connection ends in the middle of the answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b'{"tables": [')
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.shutdown(2)
    return True


def slow(seconds: float) -> Fault:
    def fault(handler: _Handler, asked: Asked) -> bool:
        time.sleep(seconds)
        return False

    return fault


def only(mark: str, then: Fault) -> Fault:
    """The fault where the text has a mark in it, else an answer."""

    def fault(handler: _Handler, asked: Asked) -> bool:
        return then(handler, asked) if mark in asked.kql else False

    return fault
