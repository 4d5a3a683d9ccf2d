"""Kusto's query API, first and second version.

Source: "Query/management HTTP request", "Query V2 HTTP response", "Query/management HTTP response" (V1), "Response HTTP status
codes", Microsoft Learn; what clients (azure-kusto-data, Grafana, Kqlmagic) send and need.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from lurcher.kql.types import TYPE_NAMES, Column, Columns, ScalarType
from lurcher.kql.values import parse_datetime, parse_timespan
from lurcher.server.desk import MOST_BYTES, MOST_ROWS, MOST_UNBOUNDED, Answer, Question, Table, dumps
from lurcher.server.problems import Problem

#: KQL type -> what the first version calls it beside.
DOTNET: dict[str, str] = {
    "bool": "SByte", "int": "Int32", "long": "Int64", "real": "Double", "decimal": "SqlDecimal", "datetime": "DateTime",
    "timespan": "TimeSpan", "guid": "Guid", "string": "String", "dynamic": "Object",
}  # fmt: skip
_SIMPLE = re.compile(r"(\d{1,9})\s*(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}
_DAYS = re.compile(r"(\d{1,3}) days?, (.*)")


def question_of(body: dict[str, Any]) -> Question:
    """Raises `Problem` for what is no request, and for options that would change the rows and are not known here."""
    kql = body.get("csl")
    if not isinstance(kql, str):
        raise Problem("request", "the body has no query", 'POST {"db": "...", "csl": "..."}')
    options, parameters = _properties(body)
    for name in options:
        if name.lower().startswith("query_datetimescope") or name.lower() in (
            "query_take_max_records",
            "truncationmaxrecords",
        ):
            raise Problem("unsupported", f"the option {name} is not supported", "write it into the query")
    now = options.get("query_now")
    whole = bool(options.get("notruncation"))
    return Question(
        kql,
        _seconds(options.get("servertimeout")),
        now=_moment(now) if now is not None else None,
        parameters=parameters,
        rows=1 << 40 if whole else MOST_ROWS,
        bytes=MOST_UNBOUNDED if whole else MOST_BYTES,
    )


def _properties(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """`properties` is an object, or text of one."""
    found = body.get("properties") or {}
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            raise Problem("request", "the properties of the request are no JSON") from None
    if not isinstance(found, dict):
        raise Problem("request", "the properties of the request are no object")
    named = {k.lower(): v for k, v in found.items()}
    options, parameters = named.get("options") or {}, named.get("parameters") or {}
    if not isinstance(options, dict) or not isinstance(parameters, dict):
        raise Problem("request", "options and parameters of the request are objects")
    return options, {str(k): v if isinstance(v, str) else dumps(v).decode() for k, v in parameters.items()}


def _seconds(value: Any) -> float | None:
    """`0:01:00`, `1 day, 0:00:00`, `00:01:00.000`, `50m`, seconds. Raises `Problem`."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return max(1.0, float(value))
    text = str(value).strip()
    days = 0
    if (found := _DAYS.fullmatch(text)) is not None:
        days, text = int(found[1]), found[2]
    if (simple := _SIMPLE.fullmatch(text)) is not None:
        return max(1.0, int(simple[1]) * _UNITS[simple[2]])
    ticks = parse_timespan(text)
    if ticks is None:
        raise Problem("request", f"servertimeout is no time span: {str(value)[:80]!r}")
    return max(1.0, ticks / 1e7 + days * 86400)


def _moment(value: Any) -> datetime:
    text = re.fullmatch(r"datetime\((.*)\)", str(value).strip())
    ticks = parse_datetime(text[1] if text else str(value))
    if ticks is None:
        raise Problem("request", f"query_now is no time: {str(value)[:80]!r}")
    return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)


# --- answers ---
def visualization(answer: Answer, index: int = 0) -> dict[str, Any]:
    """What `render` asks for, in the names of the services."""
    render = answer.tables[index].render if answer.tables else None
    named = render.named() if render is not None else {}
    many = {k: named.get(k) for k in ("series", "ycolumns", "anomalycolumns")}
    return {
        "Visualization": render.chart if render is not None else None, "Title": named.get("title"),
        "XColumn": named.get("xcolumn"), "Series": many["series"], "YColumns": many["ycolumns"],
        "AnomalyColumns": many["anomalycolumns"], "XTitle": named.get("xtitle"), "YTitle": named.get("ytitle"),
        "XAxis": named.get("xaxis"), "YAxis": named.get("yaxis"), "Legend": named.get("legend"),
        "YSplit": named.get("ysplit"), "Accumulate": bool(named.get("accumulate", False)), "IsQuerySorted": False,
        "Kind": named.get("kind"), "Ymin": named.get("ymin", "NaN"), "Ymax": named.get("ymax", "NaN"),
    }  # fmt: skip


def second(answer: Answer) -> bytes:
    """The second version: an array of frames, never progressive."""
    frames = [dumps({"FrameType": "DataSetHeader", "IsProgressive": False, "Version": "v2.0"})]
    properties = [
        [i, "Visualization", dumps(visualization(answer, i - 1)).decode()] for i in range(1, len(answer.tables) + 1)
    ]
    frames.append(
        _frame(
            0,
            "QueryProperties",
            "@ExtendedProperties",
            _columns("TableId:int, Key:string, Value:dynamic"),
            dumps(properties),
        )
    )
    for i, table in enumerate(answer.tables, 1):
        frames.append(_frame(i, "PrimaryResult", "PrimaryResult", table.columns, table.json()))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    told = [[now, "", 4, "Info", "QueryInfo", 0, "", "QueryResourceConsumption", dumps(_consumption(answer)).decode()]]
    columns = _columns(
        "Timestamp:datetime, ClientRequestId:string, Level:int, LevelName:string, StatusCodeName:string, StatusCode:int,"
        " EventType:string, EventTypeName:string, Payload:string"
    )
    frames.append(
        _frame(len(answer.tables) + 1, "QueryCompletionInformation", "QueryCompletionInformation", columns, dumps(told))
    )
    frames.append(dumps({"FrameType": "DataSetCompletion", "HasErrors": False, "Cancelled": False}))
    return b"[" + b",".join(frames) + b"]"


def _frame(number: int, kind: str, name: str, columns: Columns, rows: bytes) -> bytes:
    # In this order: a reader of the stream skips forward to Rows.
    head = {
        "FrameType": "DataTable", "TableId": number, "TableKind": kind, "TableName": name,
        "Columns": [{"ColumnName": c.name, "ColumnType": c.type.value} for c in columns],
    }  # fmt: skip
    return dumps(head)[:-1] + b',"Rows":' + rows + b"}"


def _consumption(answer: Answer) -> dict[str, Any]:
    return {
        "ExecutionTime": round(answer.seconds, 7),
        "dataset_statistics": [
            {"table_row_count": t.rows, "table_size": sum(map(len, t.chunks))} for t in answer.tables
        ],
    }


def first(answer: Answer) -> bytes:
    """The first version: tables, and a last one that says what the others are."""
    tables = [_table(f"Table_{i}", t.columns, t.json()) for i, t in enumerate(answer.tables)]
    kinds = [("QueryResult", "PrimaryResult")] * len(tables)
    value = [[dumps(visualization(answer)).decode()]]
    tables.append(_table(f"Table_{len(tables)}", _columns("Value:string"), dumps(value)))
    kinds.append(("QueryProperties", "@ExtendedProperties"))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    status = _columns(
        "Timestamp:datetime, Severity:int, SeverityName:string, StatusCode:int, StatusDescription:string, Count:int"
    )
    done = [[now, 4, "Info", 0, "Query completed successfully", 1]]
    tables.append(_table(f"Table_{len(tables)}", status, dumps(done)))
    kinds.append(("QueryStatus", "QueryStatus"))
    contents = _columns("Ordinal:long, Kind:string, Name:string, Id:string, PrettyName:string")
    rows = [[i, kind, name, str(i), ""] for i, (kind, name) in enumerate(kinds)]
    tables.append(_table(f"Table_{len(tables)}", contents, dumps(rows)))
    return b'{"Tables":[' + b",".join(tables) + b"]}"


def of_command(table: Table) -> bytes:
    """What a management command gives: one table."""
    return b'{"Tables":[' + _table("Table_0", table.columns, table.json()) + b"]}"


def _table(name: str, columns: Columns, rows: bytes) -> bytes:
    head = {
        "TableName": name,
        "Columns": [
            {"ColumnName": c.name, "DataType": DOTNET[c.type.value], "ColumnType": c.type.value} for c in columns
        ],
    }
    return dumps(head)[:-1] + b',"Rows":' + rows + b"}"


def _columns(text: str) -> Columns:
    """Columns of a text: `A:string, B:int`."""
    pairs = (part.strip().split(":") for part in text.split(","))
    return tuple(Column(name, TYPE_NAMES[kind]) for name, kind in pairs)


columns = _columns

_CLASSES = {
    "syntax": ("BadRequest_SyntaxError", "Kusto.Data.Exceptions.SyntaxException", "Syntax error: "),
    "semantic": ("BadRequest_SemanticError", "Kusto.Data.Exceptions.SemanticException", "Semantic error: "),
    "unsupported": ("BadRequest_SemanticError", "Kusto.Data.Exceptions.SemanticException", "Semantic error: "),
    "limit": ("LimitsExceeded", "Kusto.Data.Exceptions.KustoServicePartialQueryFailureLimitsExceededException", ""),
    "timeout": ("Timeout", "Kusto.DataNode.Exceptions.QueryTimedOutException", ""),
    "unknown": ("BadRequest_EntityNotFound", "Kusto.Data.Exceptions.EntityNotFoundException", ""),
    "busy": ("Throttled", "Kusto.DataNode.Exceptions.QueryThrottledException", ""),
    "error": ("InternalServiceError", "Kusto.Common.Svc.Exceptions.UnexpectedException", ""),
}
_REQUEST = ("General_BadRequest", "Kusto.Data.Exceptions.KustoBadRequestException", "")


def problem(found: Problem, request_id: str) -> tuple[int, dict[str, Any]]:
    """Status and document. That a query took too long is no server's fault: clients would ask again at once."""
    code, kind, mark = _CLASSES.get(found.kind, _REQUEST)
    status = 400 if found.kind in ("timeout", "unknown") else found.status
    message = mark + found.text
    error: dict[str, Any] = {
        "code": code,
        "message": "Request is invalid and cannot be executed." if status == 400 else message,
        "@type": kind,
        "@message": message,
        "@context": {
            "timestamp": datetime.now(UTC).isoformat(),
            "clientRequestId": request_id,
            "serviceAlias": "LURCHER",
        },
        "@permanent": found.kind not in ("busy", "timeout", "error"),
    }
    if found.line:
        error |= {"line": found.line, "pos": found.column}
    return status, {"error": error}


__all__ = ["ScalarType", "columns", "first", "of_command", "problem", "question_of", "second", "visualization"]
