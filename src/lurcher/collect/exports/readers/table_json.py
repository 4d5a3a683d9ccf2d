"""Answers that are tables in JSON: columns with types, rows as lists.

Log Analytics' API `{"tables": [{"name", "columns": [{"name", "type"}], "rows": [[...]]}]}`, Kusto's first version
`{"Tables": [{"TableName", "Columns": [{"ColumnName", "DataType"}], "Rows"}]}` and its second
`[..., {"FrameType": "DataTable", "TableKind": "PrimaryResult", "Columns": [{"ColumnName", "ColumnType"}], "Rows"}]`.
Source: "Azure Monitor Log Analytics API response format", "Query V1/V2 HTTP response", Microsoft Learn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import Rejecter, finish, from_json
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import load, repr_json
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.readers.api_json import declare, either
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.errors import LurcherError

_MARK = re.compile(rb'"(?:[Tt]ables)"\s*:\s*\[\s*\{|"FrameType"\s*:\s*"Data')
_COLUMNS = re.compile(rb'"[Cc]olumns"\s*:\s*\[')
_ROWS = 20_000


def _recognise(head: Head) -> bool | str:
    start = head.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start not in (b"{", b"[") or not _MARK.search(head.data):
        return False
    named = re.search(rb'"(?:name|TableName)"\s*:\s*"([A-Za-z0-9_]{1,40})"', head.data)
    if not _COLUMNS.search(head.data) and not head.data.lstrip().startswith(b"[{"):
        return False
    return f'a table "{named[1].decode()}" with columns' if named else "tables with columns"


@source_format("table-json", "Answer of the Log Analytics or Kusto API (JSON)", 25, _recognise)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    document = load(leaf)
    _problems(document, context)
    seen: dict[str, None] = {}
    row_number = 0
    for columns, rows in _tables(document, leaf.name):
        names = list(columns)
        tables = guess.Tables(context)
        tables.columns(names)
        for start in range(0, len(rows), _ROWS):
            batch: list[dict[str, Any]] = []
            numbers: list[int] = []
            for values in rows[start : start + _ROWS]:
                row_number += 1
                if not isinstance(values, list) or len(values) != len(names):
                    yield Reject("row", row_number, f"not a list of {len(names)} values", repr_json(values))
                else:
                    batch.append(dict(zip(names, values, strict=True)))
                    numbers.append(row_number)
            types = [row.get(guess.TYPE) for row in batch] if guess.TYPE in columns else None
            actions = [row.get(guess.ACTION) for row in batch]
            for table, places in tables.of(types, len(batch), actions) if batch else ():
                seen[table] = None
                declare(table, columns, context)
                at = range(len(batch)) if places is None else places.to_pylist()
                chosen, where = [batch[i] for i in at], [numbers[i] for i in at]
                yield from from_json(table, chosen, context, _rejecter(chosen, where))
    for table in seen:
        yield from finish(table, context)


def _rejecter(rows: list[dict[str, Any]], numbers: list[int]) -> Rejecter:
    return lambda i, why: Reject("row", numbers[i], why, repr_json(list(rows[i].values())))


def _tables(document: Any, name: str) -> Iterator[tuple[dict[str, str], list[Any]]]:
    """Columns (name -> type) and rows of each table that holds results, and not what the service says about them."""
    if isinstance(document, list):
        tables = [t for t in document if isinstance(t, dict) and either(t, "TableKind") == "PrimaryResult"]
    else:
        found = either(document, "tables", "Tables")
        tables = [t for t in found if isinstance(t, dict)] if isinstance(found, list) else []
        primary = [t for t in tables if str(either(t, "name", "TableName")).startswith("PrimaryResult")]
        # Kusto's first version: the result first, then how the query went.
        tables = primary or tables[:1]
    if not tables:
        raise LurcherError("an answer without a table of results", "save the whole answer", name)
    for table in tables:
        columns: dict[str, str] = {}
        listed, rows = either(table, "columns", "Columns"), either(table, "rows", "Rows")
        if not isinstance(listed, list) or not isinstance(rows, list):
            raise LurcherError("an answer of the API without columns or rows", "save the whole answer", name)
        for column in listed:
            title = either(column, "name", "ColumnName")
            kind = either(column, "type", "ColumnType", "DataType")
            if not isinstance(title, str) or title in columns:
                raise LurcherError("a column without a name of its own", path=name)
            columns[title] = kind if isinstance(kind, str) else ""
        yield columns, rows


def _problems(document: Any, context: ReadContext) -> None:
    """Answers may be cut, and say so."""
    parts = document if isinstance(document, list) else [document]
    for part in parts:
        error = either(part, "error", "Exceptions", "OneApiErrors")
        if error:
            message = either(error, "message", "code") or repr_json(error)[:200].decode("utf-8", "replace")
            context.note(f"the answer says that it is not whole: {message}")
