"""Events -> rows: each kind of event at once, by its declarations."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from lurcher.collect.events.event import Event, Events
from lurcher.collect.events.mapping import families, sentinel, values
from lurcher.collect.events.mapping.assemble import joined
from lurcher.collect.events.mapping.declare import DECLARATIONS, SECURITY, ByGuid, ByNumber, Declaration, source_of
from lurcher.collect.events.mapping.frame import Batch, Frame
from lurcher.collect.events.mapping.json_text import dumps
from lurcher.collect.events.mapping.memory import ProcessMemory
from lurcher.collect.events.mapping.rows import IDENTITY, Columns, keys, numbers, own_columns, processes, rows
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.collect.exports.times import iso_array

if TYPE_CHECKING:
    import pyarrow as pa

for _module in pkgutil.iter_modules(families.__path__):
    importlib.import_module(f"{families.__name__}.{_module.name}")

#: An event that ends a process (4689).
_ENDS = ByNumber("ProcessId")


def map_events(events: Events, context: ReadContext, memory: ProcessMemory) -> Iterator[TableBatch | Reject]:
    """The rows that events become, and the events that cannot be taken: those without an id, or a time that can be read.

    `events` are of one file, in its order, and follow what `memory` has seen of it. Every event that is taken is one row of
    WindowsEvent and one of SecurityEvent or Event, whatever else it becomes.
    """
    import pyarrow as pa

    taken, times, rejects = _readable(events)
    yield from rejects
    if not taken:
        return
    try:
        tables = _tables(Batch(taken, times, memory.events), memory)
    except (UnicodeEncodeError, RecursionError):
        memory.again()
        # Half of a surrogate pair, or data that nests without end: rare enough to look at each event only then.
        kept, lost = _clean(taken, events)
        yield from lost
        places = [place for place, event in enumerate(kept) if event is not None]
        clean = [event for event in kept if event is not None]
        if not clean:
            return
        tables = _tables(Batch(clean, times.take(places), memory.events), memory)
    copies = taken[0].identity is not None
    for table, batch, identities in tables:
        hashes = pa.array(identities, pa.binary()) if copies else None
        yield TableBatch(context.schema(table), batch, hashes, copies)


def _readable(events: Events) -> tuple[list[Event], pa.Array, list[Reject]]:
    """The events that have a time and an id, their times, and the others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given = events.events
    try:
        times = iso_array(pa.array([event.time for event in given], pa.string())).cast(pa.int64())
    except (pa.ArrowException, UnicodeEncodeError, TypeError):
        times = pa.array([_time(event.time) for event in given], pa.int64())
    bad: dict[int, str] = {}
    if times.null_count:
        for place, time in enumerate(times.to_pylist()):
            if time is None:
                text = given[place].time
                bad[place] = "the event has no time" if not text else f"'{str(text)[:60]}' is not a time"
    if set(map(type, (event.event_id for event in given))) - {int}:
        for place, event in enumerate(given):
            if type(event.event_id) is not int:
                bad[place] = "the event has no id"
    rejects = [Reject(events.unit, given[place].position, bad[place], events.raw(place)) for place in sorted(bad)]
    if bad:
        keep = [place for place in range(len(given)) if place not in bad]
        given, times = [given[place] for place in keep], times.take(pa.array(keep, pa.int64()))
    repaired = pc.add(times, events.clock_offset) if events.clock_offset else times
    return given, repaired.cast(pa.timestamp("us", "UTC")), rejects


def _time(text: Any) -> int | None:
    return values.time(text) if isinstance(text, str) else None


def _tables(batch: Batch, memory: ProcessMemory) -> list[tuple[str, pa.RecordBatch, Sequence[bytes | None]]]:
    """Table, rows, and the identity of each row's event."""
    frames = _frames(batch)
    built: list[tuple[Declaration, Frame, Columns]] = []
    told: list[tuple[int, Any]] = []
    for frame, declarations, ends in frames:
        for declaration in declarations:
            columns = own_columns(declaration, frame)
            if columns is None:
                continue
            built.append((declaration, frame, columns))
            if declaration.remembers:
                told += _told(declaration, frame, columns)
        if ends and (known_by := keys(frame, _ENDS)) is not None:
            told += [(n, ("number_free", key, n)) for n, key in zip(numbers(frame), known_by, strict=True)]
    memory.tell([word for _, word in sorted(told, key=lambda pair: pair[0])])
    parts: dict[str, list[tuple[int, Columns]]] = defaultdict(list)
    identities: dict[str, list[bytes | None]] = defaultdict(list)
    for declaration, frame, columns in built:
        made = rows(declaration, frame, columns, memory)
        identities[declaration.table] += made.pop(IDENTITY)
        parts[declaration.table].append((len(made["Timestamp"]), made))
    tables: list[tuple[str, pa.RecordBatch, Sequence[bytes | None]]] = [
        (table, joined(table, made), identities[table]) for table, made in parts.items()
    ]
    memory.end_of_batch(len(batch.events))
    every = [frame for frame, _, _ in frames]
    own = batch.column("identity")
    place = sentinel.Place(batch, every)
    tables.append(("WindowsEvent", sentinel.windows_event(place), place.of_list(own)))
    security = [frame for frame in every if sentinel.is_security(frame.provider, frame.channel)]
    others = [frame for frame in every if not sentinel.is_security(frame.provider, frame.channel)]
    if security:
        place = sentinel.Place(batch, security)
        tables.append(("SecurityEvent", sentinel.security_event(place), place.of_list(own)))
    if others:
        place = sentinel.Place(batch, others)
        tables.append(("Event", sentinel.event_rows(place), place.of_list(own)))
    return tables


def _frames(batch: Batch) -> list[tuple[Frame, list[Declaration], bool]]:
    """The events by kind, with what is declared for each and whether it ends a process."""
    kinds: dict[Any, dict[tuple[str, ...], list[int]]] = defaultdict(lambda: defaultdict(list))
    columns = (batch.column(part) for part in ("provider", "channel", "event_id", "user_data", "data"))
    for row, (provider, channel, event_id, user_data, data) in enumerate(zip(*columns, strict=True)):
        kinds[provider, channel, event_id, user_data][tuple(data)].append(row)
    result = []
    for (provider, channel, event_id, _), shapes in kinds.items():
        some = list(shapes.values())
        frame = Frame(batch, some[0] if len(some) == 1 else sorted(chain.from_iterable(some)), list(shapes))
        source = source_of(provider, channel)
        declared = DECLARATIONS.get((source.name, event_id), []) if source else []
        result.append((frame, declared, source is SECURITY and event_id == 4689))
    return result


def _told(declaration: Declaration, frame: Frame, columns: Columns) -> list[tuple[int, Any]]:
    """What is to be remembered of new processes, with the number of each event."""
    guid = declaration.remembers == "guid"
    own = keys(frame, ByGuid("ProcessGuid") if guid else ByNumber("NewProcessId"))
    if own is None or declaration.initiating is None:
        return []
    parents = keys(frame, declaration.initiating) or [("", None)] * frame.count
    tell = "started" if guid else "number_given"
    return [
        (process.event, (tell, key, process, parent))
        for process, key, parent in zip(processes(columns, frame), own, parents, strict=True)
        if key[1] is not None
    ]


# --- events that cannot be written ---


def _clean(taken: list[Event], events: Events) -> tuple[list[Event | None], list[Reject]]:
    kept: list[Event | None] = []
    rejects = []
    for event in taken:
        try:
            kept.append(event._replace(**{part: _whole(value) for part, value in event._asdict().items()}))
            dumps(event.data)
        except RecursionError:
            kept.append(None)
            place = next(i for i, e in enumerate(events.events) if e is event)
            rejects.append(Reject(events.unit, event.position, "its data nests too deep", events.raw(place)))
    return kept, rejects


def _whole(value: Any) -> Any:
    """A value without halves of surrogate pairs, which are no characters: written as `\\udc80`."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_whole(k): _whole(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_whole(v) for v in value]
    return value
