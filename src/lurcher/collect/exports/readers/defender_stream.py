"""Defender XDR's streaming API, as it arrives in a storage account or from an Event Hub.

JSON lines `{"time", "tenantId", "operationName", "category": "AdvancedHunting-<Table>", "properties": {...}}`; the Event Hub
wraps them as `{"records": [...]}`. What happened when is `properties.Timestamp`; `time` is when it was sent. Events are
delivered at least once, so a row is known by the hash of its `properties`.
Source: "Stream Microsoft Defender XDR events", Microsoft Learn.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from lurcher.collect.exports.assemble import finish, from_json
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import Piece, documents
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.keys import content_hash
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch

_PREFIX = "AdvancedHunting-"
_MARK = re.compile(rb'"category"\s*:\s*"AdvancedHunting-([A-Za-z0-9_]*)')


def _recognise(head: Head) -> bool | str:
    found = head.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") and _MARK.search(head.data)
    return (
        f"category AdvancedHunting-{found[1].decode()} in line {head.data.count(10, 0, found.start()) + 1}"
        if found
        else False
    )


def _rejecter(piece: Piece, at: list[int]) -> Callable[[int, str], Reject]:
    return lambda i, why: piece.reject(at[i], why)


@source_format("defender-streaming", "Defender XDR streaming API (JSON lines)", 20, _recognise)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    tables: dict[str, None] = {}
    for piece in documents(leaf, unwrap="records"):
        yield from piece.rejects
        groups: dict[str, list[Any]] = defaultdict(list)
        places: dict[str, list[int]] = defaultdict(list)
        for i, event in enumerate(piece.values):
            category, row = event.get("category"), event.get("properties")
            if not isinstance(category, str) or not category.startswith(_PREFIX):
                yield piece.reject(i, "its category is not AdvancedHunting-<Table>")
            elif not isinstance(row, dict) or not row:
                yield piece.reject(i, "it has no properties")
            else:
                groups[category].append(row)
                places[category].append(i)
        for category, rows in groups.items():
            table = category.removeprefix(_PREFIX)
            tables[table] = None
            at = places[category]
            hashes = [content_hash(row) for row in rows]
            yield from from_json(table, rows, context, _rejecter(piece, at), hashes)
    for table in tables:
        yield from finish(table, context)
