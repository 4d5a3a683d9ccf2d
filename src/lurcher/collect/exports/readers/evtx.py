"""EVTX: the event log of Windows as it is on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any

from lurcher.collect.events.event import Event, Events
from lurcher.collect.events.evtx import HEADER, Chunk, Header, is_evtx, parsed, read_header, stretches
from lurcher.collect.events.forms.xml_json import of_xml, put
from lurcher.collect.events.integrity import Integrity
from lurcher.collect.events.read import EventParts
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.keys import RepeatedKeyError, check_keys
from lurcher.collect.exports.leaf import Leaf, reading
from lurcher.collect.exports.partwise import one_after_another
from lurcher.collect.exports.registry import source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.errors import LurcherError

_NESTS = {dict, list}


#: Chunks that are read at once: some thousand events.
_CHUNKS = 64


class _Chunks(EventParts):
    unit = "record"

    def __init__(self) -> None:
        super().__init__()
        self._integrity = Integrity(Header(0, 0, False, False))

    def cut(self, leaf: Leaf, context: ReadContext) -> Iterator[list[Chunk]]:
        with reading(leaf.name), closing(leaf.open()) as stream:
            head = _start(stream.read, HEADER)
            if len(head) < HEADER:
                why = f"cut: it ends within its header, after {len(head):,} of {HEADER:,} bytes"
                raise LurcherError(why, path=leaf.name)
            self._integrity = Integrity(read_header(head))
            chunks = stretches(stream)
            while part := list(islice(chunks, _CHUNKS)):
                yield part

    def events(self, part: list[Chunk], context: ReadContext) -> Iterator[Events | Reject]:
        found: list[Event] = []
        texts: list[str] = []
        integrity = Integrity(Header(0, 0, False, False))
        for chunk in part:
            yield from _take(parsed(chunk), found, texts, integrity)
        self.count = integrity.records
        self._integrity.learn(integrity)
        if found:
            yield Events(found, lambda place: texts[place].encode("utf-8", "surrogatepass"), "record")

    def learned(self) -> Any:
        found, self._integrity = self._integrity, Integrity(Header(0, 0, False, False))
        return super().learned(), found

    def learn(self, learned: Any) -> None:
        super().learn(learned[0])
        self._integrity.learn(learned[1])

    def finish(self, context: ReadContext) -> Iterator[TableBatch | Reject]:
        for note in self._integrity.notes():
            context.note(note)
        yield from super().finish(context)


@source_format("evtx", "Windows event log (EVTX)", 5, lambda head: is_evtx(head.data), _Chunks)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    return one_after_another(_Chunks(), leaf, context)


def events(leaf: Leaf, context: ReadContext) -> Iterator[Events | Reject]:
    """The events of a log; notes what is wrong with it."""
    chunks = _Chunks()
    for part in chunks.cut(leaf, context):
        yield from chunks.events(part, context)
    for _ in chunks.finish(context):
        pass


def _start(read_: object, size: int) -> bytes:
    data = b""
    while len(data) < size and (part := read_(size - len(data))):  # type: ignore[operator]
        data += part
    return data


def _take(chunk: Chunk, found: list[Event], texts: list[str], integrity: Integrity) -> Iterator[Reject]:
    """The events of a chunk, and what is none of it: every record is the one or the other."""
    number = integrity.records
    integrity.see(chunk)
    stretches = iter([*chunk.stretches, (len(chunk.data) + 1, 0, "")])
    offset, size, why = next(stretches)
    values = iter(_parsed([record.text for record in chunk.records if record.text is not None]))
    for record in chunk.records:
        while offset < record.offset:
            yield _stretch(chunk, offset, size, why)
            offset, size, why = next(stretches)
        number += 1
        reason, text = record.error, record.text
        if text is not None:
            value = next(values)
            try:
                found.append(of_xml(value["Event"], number, _identity(text)))
                texts.append(text)
                continue
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                reason = str(error) if isinstance(error, ValueError) else "it has no System part"
        raw = (
            text.encode("utf-8", "surrogatepass") if text is not None else _hex(chunk.data, record.offset, record.size)
        )
        yield Reject("record", number, f"record {record.number} of chunk {chunk.number}: {reason}", raw)
    while size:
        yield _stretch(chunk, offset, size, why)
        offset, size, why = next(stretches)


def _identity(text: str) -> bytes:
    """All that a record says: its number, time, computer and channel among it."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _parsed(texts: list[str]) -> list[Any]:
    """The objects of these JSON texts. A provider may have a field twice: the second `LogonGuid` is `LogonGuid_1`, as evtx_dump
    has it. A text that cannot be read is None."""
    import orjson

    whole = f"[{','.join(texts)}]".encode("utf-8", "surrogatepass")
    try:
        values: list[Any] = orjson.loads(whole)
    except orjson.JSONDecodeError:
        return [_alone(text) for text in texts]
    if len(values) != len(texts):
        return [_alone(text) for text in texts]
    return [value if _once(text, value) else _alone(text) for text, value in zip(texts, values, strict=True)]


def _once(text: str, value: Any) -> bool:
    """Whether no name of an object was lost. The parser's JSON has no blanks, so that each name is followed by `":`; what looks
    so within a text only adds to the count."""
    try:
        data = value["Event"]["EventData"]
        names = len(data) if type(data) is dict and _NESTS.isdisjoint(map(type, data.values())) else -1
        if text.count('":', text.index('"EventData":{')) == names + 1:
            return True
    except (KeyError, TypeError, ValueError):
        pass
    try:
        check_keys(text.encode("utf-8", "surrogatepass"), value)
    except RepeatedKeyError:
        return False
    return True


def _alone(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_numbered)
    except (ValueError, RecursionError):
        return None


def _numbered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        put(result, name, value)
    return result


def _stretch(chunk: Chunk, offset: int, size: int, why: str) -> Reject:
    where = f"chunk {chunk.number}" if size == len(chunk.data) else f"chunk {chunk.number}, from byte {offset:,}"
    return Reject("chunk", chunk.number, f"{where}: {why}", _hex(chunk.data, offset, size))


def _hex(data: bytes, offset: int, size: int) -> bytes:
    """Bytes as text; of many the beginning."""
    return data[offset : offset + min(size, 32_768)].hex().encode()
