"""The tables that the tests of plans name: few and narrow, so that a plan can be read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lurcher.kql.types import Column, ScalarType
from lurcher.schema import TableSchema

NOW = datetime(2026, 1, 10, 12)


def _table(text: str, *, open: bool = False) -> TableSchema:
    name, _, columns = text.partition(": ")
    pairs = (pair.split(":") for pair in columns.split(" "))
    return TableSchema(name, tuple(Column(n, ScalarType(t)) for n, t in pairs), open=open)


_TABLES = {
    t.name: t
    for t in (
        _table("Events: Timestamp:datetime Device:string File:string Size:long Extra:dynamic"),
        _table("Devices: Device:string Seen:datetime Build:int Tags:dynamic"),
        _table("Other: Device:string Size:real"),
        _table("Loose: TimeGenerated:datetime Kind:string", open=True),
    )
}


class SmallCatalog:
    def table(self, name: str) -> TableSchema | None:
        return _TABLES.get(name)

    def table_names(self) -> Iterable[str]:
        return list(_TABLES)
