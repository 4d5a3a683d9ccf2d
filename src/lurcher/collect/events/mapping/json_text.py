"""JSON texts of events' data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from lurcher.collect.events.mapping.frame import Frame


def dumps(value: Any) -> str:
    import orjson

    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers beyond 64 bits, nested very deep
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def dumps_all(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """An object for each row of values."""
    import orjson

    rows = list(rows)
    try:
        return [orjson.dumps(dict(zip(names, row, strict=False))).decode() for row in rows]
    except TypeError:
        return [dumps(dict(zip(names, row, strict=True))) for row in rows]


def bags(frame: Frame) -> Sequence[str]:
    """The data of each event as an object of texts."""
    if not frame.names:
        return ["{}"] * frame.count
    if frame.verbatim:
        found = [""] * frame.count
        for shape, rows in frame.kind.shapes:
            values = zip(*shape.values, strict=True) if shape.names else [()] * len(shape.places)
            texts = dumps_all(shape.names, values)
            if rows is None:
                return texts
            for row, text in zip(rows, texts, strict=True):
                found[row] = text
        return found
    columns = [frame.values(name) for name in frame.names]
    return [
        dumps({name: value for name, value in zip(frame.names, row, strict=True) if value is not None})
        for row in zip(*columns, strict=True)
    ]
