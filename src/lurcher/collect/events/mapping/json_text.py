"""JSON texts of events' data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lurcher.collect.events.mapping.frame import Frame


def dumps(value: Any) -> str:
    import orjson

    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers beyond 64 bits, nested very deep
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def bags(frame: Frame) -> Iterator[str]:
    """The data of each event as an object of texts."""
    if frame.verbatim:
        data = frame.batch.column("data")
        return (dumps(data[row]) for row in frame.rows)
    columns = [frame.values(name) for name in frame.names]
    if not columns:
        return iter(["{}"] * frame.count)
    rows = zip(*columns, strict=True)
    return (
        dumps({name: value for name, value in zip(frame.names, row, strict=True) if value is not None}) for row in rows
    )
