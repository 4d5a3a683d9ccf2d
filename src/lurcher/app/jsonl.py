"""Queries as JSON lines: one object `{"id", "query"}` a line comes in, one a line goes out, in order.

    {"id", "columns": [{"name", "type"}], "rows": [[...]], "render"?: {"kind", "properties"}}
    {"id", "error": {"kind", "message", "construct"?, "diagnostics": [{code, severity, message, line, column, length}]}}

`kind` is syntax, semantic, unsupported, denied or error. Values have the forms of `lurcher.engines.values`. The rows are the first
result's; a text with several results has the others in `"more"`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lurcher.app.session import Session
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Diagnostic, Refused
from lurcher.kql.source import Source

#: A line that is longer is refused, not read: 16 MiB of KQL is no query.
MAX_LINE = 16 * 1024 * 1024


def answers(lines: Iterable[bytes], session: Session) -> Iterator[bytes]:
    """The answer to each line, in order. No query ends the stream, whatever becomes of it."""
    import orjson

    for line in lines:
        if line.strip():
            yield orjson.dumps(answer(line, session), option=orjson.OPT_NON_STR_KEYS) + b"\n"


def answer(line: bytes, session: Session) -> dict[str, Any]:
    import orjson

    request_id: Any = None
    try:
        if len(line) > MAX_LINE:
            raise LurcherError(f"the line is longer than {MAX_LINE:,} bytes")
        try:
            request = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise LurcherError(
                f"this line is no JSON: {error}", 'one object a line: {"id": 1, "query": "print 1"}'
            ) from None
        if not isinstance(request, dict) or not isinstance(request.get("query"), str):
            raise LurcherError("this line has no query", 'one object a line: {"id": 1, "query": "print 1"}')
        request_id = request.get("id")
        return {"id": request_id, **run(request["query"], session)}
    except Refused as refused:
        return {"id": request_id, "error": _refusal(refused)}
    except LurcherError as error:
        message = f"{error.path}: {error.message}" if error.path else error.message
        return {
            "id": request_id,
            "error": {"kind": error.kind, "message": message, "hint": error.hint, "diagnostics": []},
        }
    except Exception as error:  # noqa: BLE001 - one query's defect must not end the others' stream; it is told as what it is
        message = f"unforeseen {type(error).__name__}: {error}; this is a defect of lurcher"
        return {"id": request_id, "error": {"kind": "error", "message": message, "diagnostics": []}}


def run(text: str, session: Session) -> dict[str, Any]:
    """The answer to a query: columns and rows."""
    from lurcher.engines.values import protocol_rows

    results: list[dict[str, Any]] = []
    for result in session.run(Source(text)):
        rows = [row for batch in result.batches for row in protocol_rows(batch, result.columns)]
        found: dict[str, Any] = {
            "columns": [{"name": c.name, "type": c.type.value} for c in result.columns],
            "rows": rows,
        }
        if result.render is not None:
            found["render"] = {"kind": result.render.chart, "properties": result.render.named()}
        results.append(found)
    if not results:
        return {"columns": [], "rows": []}
    return {**results[0], **({"more": results[1:]} if len(results) > 1 else {})}


def _refusal(refused: Refused) -> dict[str, Any]:
    errors = [d for d in refused.diagnostics if d.is_error]
    first = errors[0]
    result: dict[str, Any] = {"kind": refused.kind, "message": first.message}
    if first.construct:
        result["construct"] = first.construct
    result["diagnostics"] = [as_data(d, refused.source) for d in refused.diagnostics]
    return result


def as_data(diagnostic: Diagnostic, source: Source) -> dict[str, Any]:
    line, column = source.position(min(diagnostic.span.start, len(source.text)))
    data: dict[str, Any] = {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "line": line,
        "column": column,
        "length": diagnostic.span.length,
    }
    return data | ({"hint": diagnostic.hint} if diagnostic.hint else {})
