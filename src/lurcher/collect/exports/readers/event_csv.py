"""Windows events as CSV: EvtxECmd's, searches of Splunk with `_raw`, tables of Kibana, and any other CSV whose rows, read as
objects, are of a form of events.

An empty cell is a field that the event does not have, and so is the `-` of a table of Kibana. Such a table writes its times as
its reader's browser does, without a zone: those are rejected, as nobody can tell what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

from lurcher.collect.events.event import Event, Events
from lurcher.collect.events.forms import Form, form_of
from lurcher.collect.events.read import BATCH, to_rows
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.csv_table import CsvRows, read_table, split_line
from lurcher.collect.exports.leaf import Leaf, reading
from lurcher.collect.exports.readers.csv_cells import separator_of
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch

#: Columns without which no form of events is told: what most files of CSV end with, before a row is looked at.
_SIGNS = frozenset(("EventID", "EventId", "Id", "_raw", "event_id", "winlog.event_id", "EventXML", "EventXml", "xml"))
#: Rows that are looked at.
_LOOKS = 5


def _recognise(head: Head) -> bool | str:
    text = head.data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    line = text.partition(b"\n")[0]
    if b"\0" in line or not any(sign.encode() in line for sign in _SIGNS):
        return False
    header = line.decode("utf-8", "replace")
    separator = max(",;\t", key=lambda s: len(split_line(header, s)))
    names = split_line(header, separator)
    if len(names) < 2 or _SIGNS.isdisjoint(names) or any(n.startswith("TimeGenerated") for n in names):
        return False
    from io import BytesIO

    stream = BytesIO(text if len(head.data) < 65_536 else text[: text.rfind(b"\n") + 1])
    for part in islice(read_table(stream, separator), _LOOKS):
        if isinstance(part, CsvRows):
            for row in islice(_objects(part), _LOOKS):
                form = form_of(row)
                if form is not None and _has_time(form, row):
                    return f"{form.title}, in columns"
    return False


def _has_time(form: Form, row: dict[str, Any]) -> bool:
    """Whether a row is an event with a time: columns of a query on a table of events may look like one of them."""
    try:
        return form.event(row, 1).time is not None
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
        return False


@source_format("event-csv", "Windows events as CSV (EvtxECmd, Splunk, Kibana)", 32, _recognise)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    if context.table:
        from lurcher.collect.exports.readers import csv_cells

        return csv_cells.read(leaf, context)
    return to_rows(events(leaf), context)


def events(leaf: Leaf) -> Iterator[Events | Reject]:
    """The events of a file, some at a time."""
    separator = separator_of(leaf)
    with reading(leaf.name), closing(leaf.open()) as stream:
        for part in read_table(stream, separator):
            if isinstance(part, Reject):
                yield part
            elif isinstance(part, CsvRows):
                yield from _events(part)


def _events(part: CsvRows) -> Iterator[Events | Reject]:
    found: list[Event] = []
    places: list[int] = []
    for place, row in enumerate(_objects(part)):
        form = form_of(row)
        if form is None:
            yield part.reject(place, "no event of Windows, in no form that is known here")
            continue
        try:
            found.append(form.event(row, part.first + place))
            places.append(place)
        except ValueError as error:
            yield part.reject(place, str(error))
        except (TypeError, AttributeError, KeyError, IndexError, RecursionError) as error:
            yield part.reject(place, f"not as {form.title} has it ({type(error).__name__})")
        if len(found) >= BATCH:
            yield Events(found, _raw(part, places), "row")
            found, places = [], []
    if found:
        yield Events(found, _raw(part, places), "row")


def _raw(part: CsvRows, places: list[int]) -> Callable[[int], bytes]:
    return lambda i: part.reject(places[i], "").raw


def _objects(part: CsvRows) -> Iterator[dict[str, Any]]:
    """Each row as an object, without its empty cells."""
    names = list(part.columns)
    nothing = ("", "-") if any(name.startswith("winlog.") for name in names) else ("",)
    for cells in zip(*(column.to_pylist() for column in part.columns.values()), strict=True):
        yield {name: cell for name, cell in zip(names, cells, strict=True) if cell not in nothing}
