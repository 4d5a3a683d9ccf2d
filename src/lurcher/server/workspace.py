"""The query API of Log Analytics, as a Sentinel workspace has it.

Source: "Azure Monitor Log Analytics API: request format, response format, errors, Prefer options", Microsoft Learn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from lurcher.engines.remote.spans import parse_span
from lurcher.errors import LurcherError
from lurcher.plan.windows import TimeWindow
from lurcher.schema import TableSchema
from lurcher.server import kusto
from lurcher.server.desk import Answer, Question, dumps
from lurcher.server.problems import Problem

_WAIT = re.compile(r"wait=(\d{1,6})")


def question_of(body: dict[str, Any], prefer: str) -> Question:
    """Raises `Problem`."""
    kql = body.get("query")
    if not isinstance(kql, str):
        raise Problem("request", "the body has no query", 'POST {"query": "...", "timespan": "P1D"}')
    wait = _WAIT.search(prefer)
    old = "ai.response-thinning=false" in prefer
    others = body.get("workspaces") or body.get("additionalWorkspaces")
    if others:
        raise Problem("unsupported", "a query over several workspaces: there is one here")
    return Question(kql, float(wait[1]) if wait else None, window(body.get("timespan")), cut=True, texts=not old)


def window(text: Any) -> Callable[[datetime], TimeWindow] | None:
    """The rows that an API's time span looks at, which may depend on now(): from its start, and before its end; a duration ends
    with now() itself. Raises `Problem` for what is none."""
    if text is None or text == "":
        return None

    def looked_at(now: datetime) -> TimeWindow:
        span = parse_span(str(text), now)
        last = None if span.stop is None else span.stop - ("/" in str(text))
        return TimeWindow(span.start, last)

    try:
        looked_at(datetime.now(UTC))
    except LurcherError as error:
        raise Problem("request", error.message, error.hint) from None
    return looked_at


def document(answer: Answer, prefer: str) -> bytes:
    if "ai.response-thinning=false" in prefer:
        return kusto.first(answer)
    tables = []
    for i, table in enumerate(answer.tables):
        head = {
            "name": "PrimaryResult" if i == 0 else f"PrimaryResult_{i}",
            "columns": [{"name": c.name, "type": c.type.value} for c in table.columns],
        }
        tables.append(dumps(head)[:-1] + b',"rows":' + table.json() + b"}")
    more: dict[str, Any] = {}
    if "include-statistics=true" in prefer:
        size = sum(len(c) for t in answer.tables for c in t.chunks)
        sizes = [{"tableRowCount": t.rows, "tableSize": size} for t in answer.tables]
        more["statistics"] = {"query": {"executionTime": round(answer.seconds, 7), "datasetStatistics": sizes}}
    if "include-render=true" in prefer:
        shown = kusto.visualization(answer)
        more["render"] = {k[0].lower() + k[1:]: v for k, v in shown.items()}
    if answer.cut:
        said = f"Query result set has exceeded the internal record count limit: {answer.cut} (E_QUERY_RESULT_SET_TOO_LARGE)"
        more["error"] = {
            "code": "PartialError",
            "message": "There were some errors when processing your query.",
            "details": [
                {"code": "EngineError", "message": said, "innererror": {"code": "-2133196797", "message": said}}
            ],
        }
    rest = dumps(more)[1:-1]
    return b'{"tables":[' + b",".join(tables) + b"]" + (b"," + rest if rest else b"") + b"}"


_INNER = {
    "syntax": ("SyntaxError", "A recognition error occurred in the query."),
    "semantic": ("SemanticError", "A semantic error occurred."),
    "unsupported": ("SemanticError", "A semantic error occurred."),
}
_OUTER = {
    "timeout": "GatewayTimeout", "busy": "ThrottledError", "denied": "InsufficientAccessError", "unknown": "PathNotFoundError",
    "error": "InternalServerError", "limit": "QueryResourcesExceeded",
}  # fmt: skip


def problem(found: Problem) -> tuple[int, dict[str, Any]]:
    code, message = _OUTER.get(found.kind, "BadArgumentError"), found.text
    if found.kind not in _INNER:
        return found.status, {"error": {"code": code, "message": message}}
    kind, said = _INNER[found.kind]
    inner: dict[str, Any] = {"code": found.code or kind, "message": message}
    if found.line:
        inner |= {"line": found.line, "pos": found.column}
    inner = {"code": kind, "message": said, "innererror": inner}
    return found.status, {
        "error": {"code": code, "message": "The request had some invalid properties", "innererror": inner}
    }


def metadata(workspace: str, tables: Iterable[TableSchema]) -> dict[str, Any]:
    return {
        "tables": [
            {
                "id": f"t/{t.name}",
                "name": t.name,
                "timespanColumn": t.time_column,
                "columns": [{"name": c.name, "type": c.type.value} for c in t.columns],
            }
            for t in tables
        ],
        "workspaces": [{"id": workspace, "name": workspace, "tables": []}],
    }
