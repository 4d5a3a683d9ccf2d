"""Rows of a Log Analytics workspace as its data export writes them, to a storage account or an Event Hub.

JSON lines in `am-<table>/WorkspaceResourceId=/.../m=05/PT05M.json`, or `{"records": [...]}`; `Type` says the table, else the
container does, in lower case. An export that is tried again repeats lines: a row that has an id (`_ItemId`) is known by the
hash of its content; rows without one are all kept, as equal rows are real.
Source: "Log Analytics workspace data export in Azure Monitor", Microsoft Learn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import from_json
from lurcher.collect.exports.content import content_hashes_of
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import Piece, first_object, objects
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.lines import Lines
from lurcher.collect.exports.object_parts import ObjectParts
from lurcher.collect.exports.partwise import one_after_another
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.schema import table_names

if TYPE_CHECKING:
    import pyarrow as pa

_CONTAINER = re.compile(r"(?:^|[/\\])am-([A-Za-z0-9_-]+)[/\\]")


def _recognise(head: Head) -> bool | str:
    row = first_object(head.data, "records")
    if row is None:
        return False
    if "TimeGenerated" in row and guess.is_table(row.get(guess.TYPE)):
        return f'"Type": "{row[guess.TYPE]}" in its first row'
    table = _of_path(head.name)
    return f"its container, am-{table.lower()}" if table and "TimeGenerated" in row else False


@cache
def _by_lower() -> dict[str, str]:
    return {name.lower(): name for name in table_names()}


def _of_path(name: str) -> str:
    found = _CONTAINER.findall(name)
    if not found:
        return ""
    lower = found[-1].lower()
    # A container's name has no `_`: a custom table `X_CL` is exported as `am-x-cl`, and which letters were large is lost.
    return _by_lower().get(lower, "")


class _Rows(ObjectParts):
    unwrap = "records"

    def cut(self, leaf: Leaf, context: ReadContext) -> Iterator[Lines | Piece]:
        context.table = context.table or _of_path(context.name) or None
        return super().cut(leaf, context)

    def read(self, part: Lines | Piece, context: ReadContext) -> Iterator[TableBatch | Reject]:
        piece = objects(part, self.unwrap)
        yield from piece.rejects
        groups: dict[str, list[int]] = {}
        for place, row in enumerate(piece.values):
            named = context.table or row.get(guess.TYPE)
            if guess.is_table(named) or (named and named == context.table):
                groups.setdefault(str(named), []).append(place)
            else:
                yield piece.reject(place, "its Type names no table")
        for table, places in groups.items():
            self.tables[table] = None
            rows = [piece.values[i] for i in places]
            yield from from_json(table, rows, context, piece.rejecter(places), _hashes(rows))


def _hashes(rows: list[dict[str, Any]]) -> pa.Array | None:
    """The hashes of those rows that have an id."""
    import pyarrow as pa
    import pyarrow.compute as pc

    named = pa.array([bool(row.get("_ItemId")) for row in rows])
    if not pc.any(named).as_py():
        return None
    return pc.if_else(named, content_hashes_of(rows), pa.scalar(None, pa.binary()))


@source_format("log-analytics-export", "Log Analytics data export (JSON lines)", 22, _recognise, _Rows)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    return one_after_another(_Rows(), leaf, context)
