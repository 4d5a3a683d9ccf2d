"""The commands by which clients of Kusto look around: `.show databases`, `.show tables`, ...; and operators behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lurcher import __version__
from lurcher.kql.types import Columns, ScalarType
from lurcher.schema import TableSchema
from lurcher.server.desk import MOST_BYTES, Table, dumps
from lurcher.server.kusto import DOTNET, columns
from lurcher.server.problems import Problem

if TYPE_CHECKING:
    from lurcher.app.session import Session

Rows = list[list[Any]]
_NAME = r"(?:\['([^']*)'\]|\[\"([^\"]*)\"\]|([\w.-]+))"


@dataclass(frozen=True)
class _Seen:
    """The one database that there is, and its tables."""

    database: str
    tables: Sequence[TableSchema]

    def table(self, name: str) -> TableSchema:
        for one in self.tables:
            if one.name == name:
                return one
        raise Problem("unknown", f"Entity not found: Table '{name}'")


def _databases(seen: _Seen, *names: str) -> tuple[Columns, Rows]:
    kinds = "DatabaseName:string, PersistentStorage:string, Version:string, IsCurrent:bool, DatabaseAccessMode:string"
    return columns(f"{kinds}, PrettyName:string"), [[seen.database, "", "v1.0", True, "ReadOnly", seen.database]]


def _schema(seen: _Seen, *names: str) -> tuple[Columns, Rows]:
    kinds = "DatabaseName:string, TableName:string, ColumnName:string, ColumnType:string, IsDefaultTable:bool, IsDefaultColumn:bool"
    rows: Rows = [[seen.database, "", "", "", False, False]]
    for table in seen.tables:
        rows.append([seen.database, table.name, "", "", False, False])
        rows += [[seen.database, table.name, c.name, _system(c.type), False, False] for c in table.columns]
    return columns(kinds), rows


def _json(seen: _Seen, *names: str) -> tuple[Columns, Rows]:
    whole = {
        "Name": seen.database,
        "Tables": {t.name: _as_json(t) for t in seen.tables},
        "ExternalTables": {}, "MaterializedViews": {}, "EntityGroups": {}, "MajorVersion": 1, "MinorVersion": 0,
        "Functions": {}, "DatabaseAccessMode": "ReadOnly", "PrettyName": seen.database,
    }  # fmt: skip
    return columns("DatabaseSchema:string"), [[dumps({"Databases": {seen.database: whole}}).decode()]]


def _tables(seen: _Seen, *names: str) -> tuple[Columns, Rows]:
    kinds = columns("TableName:string, DatabaseName:string, Folder:string, DocString:string")
    return kinds, [[t.name, seen.database, "", ""] for t in seen.tables]


_OF_TABLE = "TableName:string, Schema:string, DatabaseName:string, Folder:string, DocString:string"


def _table_json(seen: _Seen, *names: str) -> tuple[Columns, Rows]:
    table = seen.table(names[0])
    return columns(_OF_TABLE), [[table.name, dumps(_as_json(table)).decode(), seen.database, "", ""]]


def _table_csl(seen: _Seen, *names: str) -> tuple[Columns, Rows]:
    table = seen.table(names[0])
    text = ",".join(f"{c.name}:{c.type.value}" for c in table.columns)
    return columns(_OF_TABLE), [[table.name, text, seen.database, "", ""]]


def _functions(seen: _Seen, *names: str) -> tuple[Columns, Rows]:
    return columns("Name:string, Parameters:string, Body:string, Folder:string, DocString:string"), []


def _views(seen: _Seen, *names: str) -> tuple[Columns, Rows]:
    return columns("Name:string, SourceTable:string, Query:string, Folder:string, DocString:string"), []


def _version(seen: _Seen, *names: str) -> tuple[Columns, Rows]:
    kinds = "BuildVersion:string, BuildTime:datetime, ServiceType:string, ProductVersion:string, ServiceOffering:string"
    return columns(kinds), [[__version__, None, "Engine", f"lurcher {__version__}", '{"Type":"lurcher"}']]


_COMMANDS: tuple[tuple[str, Callable[..., tuple[Columns, Rows]]], ...] = (
    (r"\.show\s+databases", _databases),
    (r"\.show\s+databases\s+schema", _schema),
    (rf"\.show\s+databases\s*(?:\(\s*{_NAME}\s*\)\s*)?schema\s+as\s+json", _json),
    (rf"\.show\s+(?:database\s+)?(?:{_NAME}\s+)?schema\s+as\s+json", _json),
    (rf"\.show\s+database\s+(?:{_NAME}\s+)?schema", _schema),
    (r"\.show\s+tables", _tables),
    (rf"\.show\s+table\s+{_NAME}\s+schema\s+as\s+json", _table_json),
    (rf"\.show\s+table\s+{_NAME}\s+cslschema", _table_csl),
    (r"\.show\s+functions", _functions),
    (r"\.show\s+materialized-views", _views),
    (r"\.show\s+version", _version),
)


def answer(text: str, database: str, session: Session) -> Table:
    """Raises `Problem` for a command that is none of these."""
    command, pipe, rest = text.strip().rstrip(";").partition("|")
    for pattern, show in _COMMANDS:
        found = re.fullmatch(pattern, command.strip(), re.IGNORECASE)
        if found is not None:
            names = [g for g in found.groups() if g is not None]
            lake = session.tables.lake
            own = lake.table_names() if lake is not None else []
            schemas = [s for name in own if (s := session.tables.table(name)) is not None]
            kinds, rows = show(_Seen(database, schemas), *names)
            return _piped(kinds, rows, rest, session) if pipe else _table(kinds, rows)
    raise Problem(
        "unsupported", f"there is no command '{command.strip()[:80]}' here", "commands that look around: .show tables"
    )


def _table(kinds: Columns, rows: Rows) -> Table:
    return Table(kinds, [dumps(rows)[1:-1]] if rows else [], len(rows))


def _piped(kinds: Columns, rows: Rows, rest: str, session: Session) -> Table:
    """Operators over what a command shows."""
    import pyarrow as pa

    from lurcher.app.session import Session as Own
    from lurcher.app.session import Tables
    from lurcher.engines.base import arrow_type
    from lurcher.engines.values import protocol_rows
    from lurcher.errors import LurcherError
    from lurcher.kql.diagnostics import Refused
    from lurcher.kql.source import Source
    from lurcher.server.problems import of_error, of_refusal

    arrays = [pa.array([row[i] for row in rows], arrow_type(c.type)) for i, c in enumerate(kinds)]
    shown = pa.Table.from_arrays(arrays, names=[c.name for c in kinds])
    own = Own(Tables(None, {"shown": (TableSchema("shown", kinds), shown)}), session.now, session.limits)
    source = Source(f"shown | {rest}")
    try:
        result = own.run(source)[0]
        found = [row for batch in result.batches for row in protocol_rows(batch, result.columns)]
    except Refused as refused:
        raise of_refusal(refused, source) from None
    except LurcherError as error:
        raise of_error(error) from None
    finally:
        own.close()
    table = _table(result.columns, found)
    if sum(map(len, table.chunks)) > MOST_BYTES:
        raise Problem("limit", "the answer is too large")
    return table


def _as_json(table: TableSchema) -> dict[str, Any]:
    ordered = [
        {"Name": c.name, "Type": _system(c.type), "CslType": c.type.value, "DocString": ""} for c in table.columns
    ]
    return {"Name": table.name, "Folder": "", "DocString": "", "OrderedColumns": ordered}


def _system(kind: ScalarType) -> str:
    return "System.Data.SqlTypes.SqlDecimal" if kind is ScalarType.DECIMAL else f"System.{DOTNET[kind.value]}"
