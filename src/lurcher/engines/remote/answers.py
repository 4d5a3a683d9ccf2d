"""The documents that the services answer with, as tables of plain values.

Kusto's second version is an array of frames, its first and Log Analytics' an object with tables, Graph's a schema with one object a
row. An answer may be cut and say so: beside its tables (`error`), in the middle of its rows (`OneApiErrors`), at its end
(`DataSetCompletion`). What arrived is kept, and what was said goes with it.
Source: "Query V2 HTTP response", "Query V1 HTTP response", "Azure Monitor Log Analytics API response format",
"security: runHuntingQuery", Microsoft Learn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lurcher.engines.remote.faults import RemoteError
from lurcher.engines.remote.replies import error_text
from lurcher.errors import shown
from lurcher.kql.types import TYPE_NAMES, Column, Columns, ScalarType

#: Names of .NET and of SQL that the services use for types, beside KQL's own. A bool was once a signed byte.
_TYPES = {
    **TYPE_NAMES,
    **dict.fromkeys(("sbyte", "byte"), ScalarType.BOOL),
    **dict.fromkeys(("object", "dictionary", "list"), ScalarType.DYNAMIC),
    **dict.fromkeys(("single",), ScalarType.REAL),
    "sqldecimal": ScalarType.DECIMAL,
}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as lists of JSON values, in the order of `columns`. `texts`: dynamic values come as text; `also`: those of these
    columns do."""

    columns: Columns
    rows: list[list[Any]]
    texts: bool = False
    also: frozenset[str] = frozenset()

    def typed(self, types: Mapping[str, ScalarType]) -> Table:
        """With columns of these types, whatever the service calls them; a text that becomes dynamic is read as JSON."""
        columns = tuple(Column(c.name, types.get(c.name, c.type)) for c in self.columns)
        became = (
            c.name
            for c, given in zip(columns, self.columns, strict=True)
            if c.type is ScalarType.DYNAMIC and given.type is ScalarType.STRING
        )
        return Table(columns, self.rows, self.texts, frozenset(became))


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of a text, in order. `partial`: why they are not whole; '' where they are."""

    tables: tuple[Table, ...]
    partial: str = ""
    chart: dict[str, Any] = field(default_factory=dict)


def read(document: Any, service: str) -> Answer:
    """Raises `RemoteError` where the document is none of these."""
    try:
        if isinstance(document, list):
            return _frames(document)
        if isinstance(document, dict) and ("results" in document or "schema" in document):
            return _hunting(document)
        if isinstance(document, dict) and ("tables" in document or "Tables" in document):
            return _tables(document)
        if isinstance(document, dict) and document.get("error"):
            raise RemoteError(f"{service} says: {error_text(document['error'])}")
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError):
        pass
    raise RemoteError(f"the answer of {service} is in no form that is known", "is the address that of the service?")


def _frames(frames: list[Any]) -> Answer:
    tables: list[Table] = []
    said: list[str] = []
    ended = False
    for frame in frames:
        match frame["FrameType"]:
            case "DataTable":
                rows, errors = _sound(frame["Rows"])
                said += errors
                if frame["TableKind"] == "PrimaryResult":
                    tables.append(Table(_columns(frame["Columns"], "ColumnName", "ColumnType", "DataType"), rows))
            case "DataSetCompletion":
                ended = True
                if frame.get("HasErrors") or frame.get("Cancelled"):
                    errors = [_one_api(e) for e in frame.get("OneApiErrors") or []]
                    said += errors or ["the query was cancelled" if frame.get("Cancelled") else "the query failed"]
    if not ended:
        said.append("the answer has no end")
    return Answer(tuple(tables), "; ".join(dict.fromkeys(said)))


def _sound(rows: list[Any]) -> tuple[list[list[Any]], list[str]]:
    """The rows, and the errors that stand among them."""
    if all(type(row) is list for row in rows):
        return rows, []
    errors = [_one_api(e) for row in rows if isinstance(row, dict) for e in row.get("OneApiErrors") or [row]]
    return [row for row in rows if isinstance(row, list)], errors


def _one_api(error: Any) -> str:
    inner = error.get("error", error) if isinstance(error, dict) else error
    return error_text(inner) or "an error without a text"


def _tables(document: dict[str, Any]) -> Answer:
    listed = document.get("tables") or document.get("Tables") or []
    said = [error_text(document["error"]) or "an error without a text"] if document.get("error") else []
    said += [error_text(e) for e in document.get("Exceptions") or []]
    named = [t for t in listed if str(t.get("name") or t.get("TableName") or "").startswith("PrimaryResult")]
    if not named:
        named = list(_results_of_contents(listed)) or listed[:1]
    tables = []
    for table in named:
        rows, errors = _sound(table.get("rows", table.get("Rows")))
        said += errors
        if "columns" in table:
            tables.append(Table(_columns(table["columns"], "name", "type"), rows, texts=True))
        else:
            tables.append(Table(_columns(table["Columns"], "ColumnName", "ColumnType", "DataType"), rows, texts=True))
    return Answer(tuple(tables), "; ".join(dict.fromkeys(said)))


def _results_of_contents(tables: list[Any]) -> Iterator[Any]:
    """Kusto's first version: the last of several tables says what the others are."""
    if len(tables) < 3:
        return
    contents = tables[-1]
    names = [c.get("ColumnName") for c in contents["Columns"]]
    if "Ordinal" not in names or "Kind" not in names:
        return
    for row in contents["Rows"]:
        if row[names.index("Kind")] == "QueryResult":
            yield tables[int(row[names.index("Ordinal")])]


def _hunting(document: dict[str, Any]) -> Answer:
    columns = _columns(document.get("schema") or [], "name", "type")
    names = [c.name for c in columns]
    rows = [[row.get(name) for name in names] for row in document.get("results") or []]
    said = error_text(document["error"]) if document.get("error") else ""
    if not columns and rows:
        raise KeyError("schema")
    return Answer((Table(columns, rows, texts=True),), said)


def _columns(listed: list[Any], name: str, *kinds: str) -> Columns:
    columns = []
    for one in listed:
        kind = next((one[k] for k in kinds if one.get(k)), None) or "string"
        found = _TYPES.get(str(kind).removeprefix("System.").removeprefix("Data.SqlTypes.").lower())
        if found is None:
            raise RemoteError(f"the column {shown(str(one[name]))} is of a type that is not known: {shown(str(kind))}")
        columns.append(Column(str(one[name]).encode("utf-8", "replace").decode(), found))
    if len({c.name for c in columns}) != len(columns):
        raise RemoteError("the answer has two columns of one name")
    return tuple(columns)
