"""Defender's hunting: Microsoft Graph's `runHuntingQuery`, and the API that it replaces.

Source: "security: runHuntingQuery", "Advanced hunting API", Microsoft Learn.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from lurcher.engines.remote.spans import ticks_of
from lurcher.kql.types import Columns
from lurcher.plan.windows import TimeWindow
from lurcher.server.desk import MOST_HUNTED, Answer, Question, dumps
from lurcher.server.kusto import DOTNET
from lurcher.server.problems import Problem
from lurcher.server.workspace import window

#: How far back they look where the request says nothing.
DAYS = 30


def question_of(body: dict[str, Any]) -> Question:
    """Raises `Problem`."""
    named = {k.lower(): v for k, v in body.items()}
    kql = named.get("query")
    if not isinstance(kql, str):
        raise Problem("request", "the body has no query", 'POST {"Query": "..."}')
    return Question(kql, window=window(named.get("timespan")) or _lately, rows=MOST_HUNTED, texts=True, objects=True)


def _lately(now: datetime) -> TimeWindow:
    return TimeWindow(ticks_of(now - timedelta(days=DAYS)))


def graph(answer: Answer) -> bytes:
    schema = dumps([{"name": n, "type": t} for n, t in _schema(answer)])
    return b'{"schema":' + schema + b',"results":' + answer.tables[0].json() + b"}"


def legacy(answer: Answer) -> bytes:
    stats = {
        "ExecutionTime": round(answer.seconds, 7),
        "dataset_statistics": [
            {"table_row_count": t.rows, "table_size": sum(map(len, t.chunks))} for t in answer.tables
        ],
    }
    schema = dumps([{"Name": n, "Type": t} for n, t in _schema(answer)])
    rows = answer.tables[0].json()
    return b'{"Stats":' + dumps(stats) + b',"Schema":' + schema + b',"Results":' + rows + b"}"


def _schema(answer: Answer) -> list[tuple[str, str]]:
    columns: Columns = answer.tables[0].columns
    return [(c.name, DOTNET[c.type.value]) for c in columns]


_CODES = {
    "busy": "TooManyRequests", "denied": "Forbidden", "error": "InternalServerError", "timeout": "GatewayTimeout",
    "unknown": "NotFound",
}  # fmt: skip


def problem(found: Problem, request_id: str, *, graph: bool = True) -> tuple[int, dict[str, Any]]:
    where = f" Line {found.line}, position {found.column}." if found.line else ""
    fix = {"syntax": "Fix syntax errors in your query.", "semantic": "Fix semantic errors in your query."}
    message = f"{found.text}.{where} {fix.get(found.kind, '')}".strip()
    error: dict[str, Any] = {"code": _CODES.get(found.kind, "BadRequest"), "message": message}
    if graph:
        error["innerError"] = {"request-id": request_id, "client-request-id": request_id}
    else:
        error["target"] = request_id
    return found.status, {"error": error}
