"""Windows events as JSON, a line each or in a document: in any of the forms of `events.forms`, mixed as they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from lurcher.collect.events.event import Event, Events
from lurcher.collect.events.forms import form_of, unwrap
from lurcher.collect.events.read import EventParts
from lurcher.collect.events.shapes import alike_of
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import Piece, is_lines, objects, stretches
from lurcher.collect.exports.leaf import Leaf
from lurcher.collect.exports.lines import Lines
from lurcher.collect.exports.partwise import one_after_another
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.schema import known_table

#: Objects of the beginning that are looked at, and places where one is sought.
_LOOKS = 40


def _recognise(head: Head) -> bool:
    text = _text(head.data)
    if text.lstrip("\ufeff \t\r\n[")[:1] != "{":
        return False
    return any(
        form_of(value) is not None or any(form_of(inner) is not None for inner in unwrap(value))
        for value in _objects(text)
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The first objects of a text that may be cut anywhere: whole ones, or, where the outermost is not whole, those in it."""
    decoder = json.JSONDecoder()
    place = 0
    for _ in range(_LOOKS):
        place = text.find("{", place)
        if place < 0:
            return
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 1
            continue
        if isinstance(value, dict):
            yield value


class _Objects(EventParts):
    def cut(self, leaf: Leaf, context: ReadContext) -> Iterator[Lines | Piece]:
        return stretches(leaf)

    def splits(self, leaf: Leaf) -> bool:
        return is_lines(leaf)

    def events(self, part: Lines | Piece, context: ReadContext) -> Iterator[Events | Reject]:
        piece = objects(part)
        yield from piece.rejects
        columns, others = alike_of(piece.values, piece.positions)
        found: list[Event] = []
        places: list[int] = []
        rejects = list(_take(piece, others, found, places))
        if columns and len(set(places)) < len(places):
            # Several events in one object: then a place of the file is not enough to tell events apart.
            columns, found, places = [], [], []
            rejects = list(_take(piece, range(len(piece.values)), found, places))
        yield from rejects
        if not columns:
            yield from _events(found, _raw(piece, places), piece)
        else:
            yield Events(found, _raw(piece, range(len(piece.values))), piece.unit, places=places, columns=columns)


def _events(found: list[Event], raw: Callable[[int], bytes], piece: Piece) -> Iterator[Events]:
    if found:
        yield Events(found, raw, piece.unit)


@source_format("event-json", "Windows events as JSON", 27, _recognise, _Objects)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    return one_after_another(_Objects(), leaf, context)


def events(leaf: Leaf) -> Iterator[Events | Reject]:
    """The events of a file, some at a time."""
    reader, context = _Objects(), ReadContext(known_table, leaf.name)
    for part in reader.cut(leaf, context):
        yield from reader.events(part, context)


def _raw(piece: Piece, places: Sequence[int]) -> Callable[[int], bytes]:
    return lambda place: piece.reject(places[place], "").raw


def _take(piece: Piece, those: Iterable[int], found: list[Event], places: list[int]) -> Iterator[Reject]:
    positions, values = piece.positions, piece.values
    for i in those:
        value = values[i]
        form = form_of(value)
        try:
            if form is not None:
                found.append(form.event(value, positions[i]))
                places.append(i)
                continue
            inside = list(unwrap(value))
            if not inside:
                yield piece.reject(i, "no event of Windows, in no form that is known here")
            for inner in inside:
                form = form_of(inner)
                if form is None:
                    yield piece.reject(i, "it holds what is no event of Windows")
                    continue
                found.append(form.event(inner, positions[i]))
                places.append(i)
        except ValueError as error:
            yield piece.reject(i, str(error))
        except (TypeError, AttributeError, KeyError, IndexError, RecursionError) as error:
            # A shape that no writer of the form makes.
            yield piece.reject(i, f"not as {form.title if form else 'any form'} has it ({type(error).__name__})")
