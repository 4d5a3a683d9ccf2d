"""Defender XDR's streaming API, as it arrives in a storage account or from an Event Hub.

JSON lines `{"time", "tenantId", "operationName", "category": "AdvancedHunting-<Table>", "properties": {...}}`; the Event Hub
wraps them as `{"records": [...]}`. What happened when is `properties.Timestamp`; `time` is when it was sent. Events are
delivered at least once, so a row is known by the hash of its `properties`.
Source: "Stream Microsoft Defender XDR events", Microsoft Learn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lurcher.collect.exports.assemble import from_columns, from_json
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import Piece, objects
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.keys import content_hash, content_hashes
from lurcher.collect.exports.lines import Lines
from lurcher.collect.exports.object_parts import ObjectParts
from lurcher.collect.exports.partwise import one_after_another
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch

#: Fewer rows than this with the same keys are taken with others.
_FEW = 200
_PREFIX = "AdvancedHunting-"
_MARK = re.compile(rb'"category"\s*:\s*"AdvancedHunting-([A-Za-z0-9_]*)')


def _recognise(head: Head) -> bool | str:
    found = head.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") and _MARK.search(head.data)
    return (
        f"category AdvancedHunting-{found[1].decode()} in line {head.data.count(10, 0, found.start()) + 1}"
        if found
        else False
    )


class _Rows(ObjectParts):
    unwrap = "records"

    def read(self, part: Lines | Piece, context: ReadContext) -> Iterator[TableBatch | Reject]:
        piece = objects(part, self.unwrap)
        yield from piece.rejects
        # By table, and by the keys that rows have, in their order: the service writes all of a table's, for each row.
        groups: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        events = piece.values
        categories = [event.get("category") for event in events]
        every: list[Any] = [event.get("properties") for event in events]
        for i, (category, row) in enumerate(zip(categories, every, strict=True)):
            if type(category) is not str or not category.startswith(_PREFIX):
                yield piece.reject(i, "its category is not AdvancedHunting-<Table>")
            elif type(row) is not dict or not row:
                yield piece.reject(i, "it has no properties")
            elif (at := groups.get(key := (category, tuple(row)))) is None:
                groups[key] = [i]
            else:
                at.append(i)
        mixed: dict[str, tuple[list[dict[str, Any]], list[int]]] = {}
        for (category, names), at in groups.items():
            rows = every if len(at) == len(every) else [every[i] for i in at]
            table = category.removeprefix(_PREFIX)
            self.tables[table] = None
            if len(rows) < _FEW:
                few = mixed.setdefault(table, ([], []))
                few[0].extend(rows)
                few[1].extend(at)
                continue
            columns = list(zip(*map(dict.values, rows), strict=True))
            hashes = content_hashes(names, columns)
            yield from from_columns(
                table, dict(zip(names, columns, strict=True)), len(rows), context, piece.rejecter(at), hashes
            )
        for table, (rows, at) in mixed.items():
            yield from from_json(table, rows, context, piece.rejecter(at), [content_hash(row) for row in rows])


@source_format("defender-streaming", "Defender XDR streaming API (JSON lines)", 20, _recognise, _Rows)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    return one_after_another(_Rows(), leaf, context)
