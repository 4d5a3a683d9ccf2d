"""Defender XDR's streaming API, as it arrives in a storage account or from an Event Hub.

JSON lines `{"time", "tenantId", "operationName", "category": "AdvancedHunting-<Table>", "properties": {...}}`; the Event Hub
wraps them as `{"records": [...]}`. What happened when is `properties.Timestamp`; `time` is when it was sent. Events are
delivered at least once, so a row is known by the hash of its `properties`.
Source: "Stream Microsoft Defender XDR events", Microsoft Learn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lurcher.collect.exports import guess
from lurcher.collect.exports.assemble import from_columns, from_json
from lurcher.collect.exports.content import content_hashes, content_hashes_of
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import Piece, objects
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.lines import Lines
from lurcher.collect.exports.object_parts import ObjectParts
from lurcher.collect.exports.partwise import one_after_another
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.collect.exports.shaped import Shape

if TYPE_CHECKING:
    import pyarrow as pa

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

    def __init__(self) -> None:
        super().__init__()
        self._shape = Shape("properties", self.unwrap)

    def read(self, part: Lines | Piece, context: ReadContext) -> Iterator[TableBatch | Reject]:
        found = self._shape.read(part) if isinstance(part, Lines) else None
        groups = _by_table(*found, context) if found is not None else None
        if groups is None or not isinstance(part, Lines):
            yield from self._one_by_one(part, context)
            return
        piece = Piece("line", positions=list(range(part.first, part.first + len(part.lines))), source=part)
        for table, (at, columns, count) in groups.items():
            self.tables[table] = None
            reject = piece.reject if at is None else piece.rejecter(at.to_pylist())
            yield from from_columns(table, columns, count, context, reject, content_hashes(columns, count, tame=True))

    def _one_by_one(self, part: Lines | Piece, context: ReadContext) -> Iterator[TableBatch | Reject]:
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
            named = dict(zip(names, columns, strict=True))
            hashes = content_hashes(named, len(rows))
            yield from from_columns(table, named, len(rows), context, piece.rejecter(at), hashes)
        for table, (rows, at) in mixed.items():
            yield from from_json(table, rows, context, piece.rejecter(at), content_hashes_of(rows))


#: Places of rows (None: all), their columns, and how many they are.
_Group = tuple["pa.Array | None", "dict[str, pa.Array]", int]


def _by_table(table: pa.Table, columns: dict[str, pa.Array], context: ReadContext) -> dict[str, _Group] | None:
    """The rows of each table. None where something is so that rows have to be looked at one by one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "category" not in table.column_names or not pa.types.is_string(table.schema.field("category").type):
        return None
    encoded = table.column("category").combine_chunks().dictionary_encode()
    if encoded.null_count:
        return None
    groups: dict[str, _Group] = {}
    for number, category in enumerate(encoded.dictionary.to_pylist()):
        name = category.removeprefix(_PREFIX)
        at = None if len(encoded.dictionary) == 1 else pc.indices_nonzero(pc.equal(encoded.indices, number))
        rows = columns if at is None else {n: values.take(at) for n, values in columns.items()}
        rows = {n: values for n, values in rows.items() if values.null_count < len(values)}
        schema = context.schema_of(name)
        # One without any value may be `{}`, which is no row. What is null throughout is a column of a table that nobody knows.
        if not category.startswith(_PREFIX) or schema is None or all(v.null_count for v in rows.values()):
            return None
        new = rows.keys() - {c.name for c in schema.columns}
        if any(guess.suffixed(n) for n in new):  # what it is taken for depends on the keys that stand beside it
            return None
        groups[name] = at, rows, table.num_rows if at is None else len(at)
    return groups


@source_format("defender-streaming", "Defender XDR streaming API (JSON lines)", 20, _recognise, _Rows)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    return one_after_another(_Rows(), leaf, context)
