"""Answers of the hunting APIs: Defender's `{"Stats", "Schema": [{"Name", "Type"}], "Results": [...]}` and Microsoft Graph's
`{"schema": [{"name", "type"}], "results": [...]}`.

The answer has the columns of the query, not the name of a table.
Source: "Advanced hunting API" (Defender), "security: runHuntingQuery" (Graph), Microsoft Learn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import finish, from_json
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import load, of_values
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.errors import LurcherError
from lurcher.kql.types import TYPE_NAMES

_MARK = re.compile(rb'"[Ss]chema"\s*:\s*\[')
# The names that the APIs give: .NET's (`SByte` is Kusto's bool) and Kusto's.
_TYPES = {"sbyte": "bool", "single": "real", "object": "dynamic", "uint64": "long", "sqldecimal": "decimal"}


def _recognise(head: Head) -> bool:
    return head.data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and _MARK.search(head.data) is not None


@source_format("api-json", "Answer of the Defender or Graph hunting API (JSON)", 24, _recognise)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    document = load(leaf)
    schema = either(document, "Schema", "schema")
    rows = either(document, "Results", "results")
    if not isinstance(rows, list) or not isinstance(schema, list):
        raise LurcherError("an answer of the API without Results", "save the whole answer", leaf.name)
    types: dict[str, str] = {}
    for column in schema:
        name, kind = either(column, "Name", "name"), either(column, "Type", "type")
        if isinstance(name, str) and isinstance(kind, str):
            types[name] = kind
    tables = guess.Tables(context)
    tables.columns(list(types))
    for piece in of_values([_plain(row) for row in rows]):
        yield from piece.rejects
        kinds, actions = ([row.get(name) for row in piece.values] for name in (guess.TYPE, guess.ACTION))
        for table, places in tables.of(None if all(k is None for k in kinds) else kinds, len(kinds), actions):
            declare(table, types, context)
            at = range(len(kinds)) if places is None else places.to_pylist()
            yield from from_json(table, [piece.values[i] for i in at], context, piece.rejecter(at))
    if not rows:
        declare(guess.table_of(list(types), context), types, context)
        tables.seen.setdefault(guess.table_of(list(types), context))
    for table in tables.seen:
        yield from finish(table, context)


def _plain(row: Any) -> Any:
    """A row without what OData writes beside its values (`ProcessId@odata.type`), and out of what Graph's module for PowerShell
    puts it into."""
    if (
        isinstance(row, dict)
        and row.keys() == {"AdditionalProperties"}
        and isinstance(row["AdditionalProperties"], dict)
    ):
        row = row["AdditionalProperties"]
    if isinstance(row, dict) and any("@odata." in name for name in row):
        return {name: value for name, value in row.items() if "@odata." not in name}
    return row


def either(document: Any, *names: str) -> Any:
    """What an object has under the first of these names that it has; None where it is none, or has none."""
    if isinstance(document, dict):
        return next((document[n] for n in names if n in document), None)
    return None


def declare(table: str, types: dict[str, str], context: ReadContext) -> None:
    """Columns that the table does not have are of the type that the answer says."""
    base = context.schema_of(table)
    for name, kind in types.items():
        plain = kind.lower().removeprefix("system.").removeprefix("data.sqltypes.")
        kql = TYPE_NAMES.get(_TYPES.get(plain, plain))
        if kql is not None and (base is None or base.column(name) is None):
            context.declare(table, name, kql)
