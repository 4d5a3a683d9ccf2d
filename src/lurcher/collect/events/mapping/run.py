"""Events -> rows: each kind of event at once, by its declarations."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lurcher.collect.events.event import Alike, Event, Events, alike
from lurcher.collect.events.mapping import families, sentinel, values
from lurcher.collect.events.mapping.assemble import joined
from lurcher.collect.events.mapping.declare import DECLARATIONS, SECURITY, ByGuid, ByNumber, Declaration, source_of
from lurcher.collect.events.mapping.frame import Batch, Frame
from lurcher.collect.events.mapping.json_text import dumps
from lurcher.collect.events.mapping.kinds import Key, Kind, events_of, joined_column, kinds_of, picked
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

    found, rejects = _readable(events.groups(), events)
    yield from rejects
    if found is None:
        return
    groups, batch = found.groups, found.batch(events, memory)
    try:
        tables = _tables(batch, events.end, memory)
    except (UnicodeEncodeError, RecursionError):
        memory.again()
        # Half of a surrogate pair, or data that nests without end: rare enough to look at each event only then.
        groups, lost = _clean(groups, events)
        yield from lost
        found, _ = _readable(groups, events)
        if found is None:
            return
        tables = _tables(found.batch(events, memory), events.end, memory)
    copies = any("identity" in group.system and group.system["identity"][0] is not None for group in groups)
    for table, rows_, identities in tables:
        hashes = pa.array(identities, pa.binary()) if copies else None
        yield TableBatch(context.schema(table), rows_, hashes, copies)


class _Readable(NamedTuple):
    groups: list[Alike]
    kinds: list[Kind]
    #: Microseconds since 1970, kind after kind.
    times: pa.Array

    def batch(self, events: Events, memory: ProcessMemory) -> Batch:
        import pyarrow as pa
        import pyarrow.compute as pc

        times = pc.add(self.times, events.clock_offset) if events.clock_offset else self.times
        return Batch(self.kinds, times.cast(pa.timestamp("us", "UTC")), memory.events)


def _readable(groups: list[Alike], events: Events) -> tuple[_Readable | None, list[Reject]]:
    """The events that have a time and an id, and the others."""
    bad: dict[int, Reject] = {}

    def reject(place: int, position: int, reason: str) -> None:
        bad[place] = Reject(events.unit, position, reason, events.raw(place))

    for group in groups:
        if set(map(type, group.system["event_id"])) - {int}:
            for place, position, number in zip(
                group.places, group.system["position"], group.system["event_id"], strict=True
            ):
                if type(number) is not int:
                    reject(place, position, "the event has no id")
    if bad:
        groups = _without(groups, bad)
    kinds = kinds_of(groups, _is_security)
    times = _times(joined_column(kinds, "time"))
    if times.null_count:
        unread = times.is_null().to_pylist()
        start = 0
        for kind in kinds:
            rows_ = zip(kind.places, kind.column("position"), kind.column("time"), strict=True)
            for late, (place, position, text) in zip(unread[start : start + kind.count], rows_, strict=True):
                if late:
                    said = "the event has no time" if not text else f"'{str(text)[:60]}' is not a time"
                    reject(place, position, said)
            start += kind.count
        groups = _without(groups, bad)
        kinds = kinds_of(groups, _is_security)
        times = _times(joined_column(kinds, "time"))
    found = _Readable(groups, kinds, times) if kinds else None
    return found, [bad[place] for place in sorted(bad)]


def _without(groups: Sequence[Alike], bad: Collection[int]) -> list[Alike]:
    kept = []
    for group in groups:
        rows_ = [row for row, place in enumerate(group.places) if place not in bad]
        if rows_:
            kept.append(group if len(rows_) == len(group.places) else picked(group, rows_))
    return kept


def _is_security(key: Key) -> bool:
    return sentinel.is_security(key[0], key[1])


def _times(texts: Sequence[str | None]) -> pa.Array:
    """Microseconds since 1970; null where there is no time, or none that can be read."""
    import pyarrow as pa

    try:
        return iso_array(pa.array(texts, pa.string())).cast(pa.int64())
    except (pa.ArrowException, UnicodeEncodeError, TypeError):
        return pa.array([_time(text) for text in texts], pa.int64())


def _time(text: Any) -> int | None:
    return values.time(text) if isinstance(text, str) else None


def _tables(batch: Batch, end: int, memory: ProcessMemory) -> list[tuple[str, pa.RecordBatch, Sequence[bytes | None]]]:
    """Table, rows, and the identity of each row's event. `end`: the place behind the last."""
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
    memory.end_of_batch(end)
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
    result, start = [], 0
    for kind in batch.kinds:
        frame = Frame(batch, start, kind)
        start += kind.count
        source = source_of(frame.provider, frame.channel)
        declarations = DECLARATIONS.get((source.name, frame.event_id), []) if source is not None else []
        ends = source is SECURITY and frame.event_id == 4689
        result.append((frame, declarations, ends))
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


def _clean(groups: list[Alike], events: Events) -> tuple[list[Alike], list[Reject]]:
    kept: dict[int, Event] = {}
    rejects = []
    for place, event in events_of(groups).items():
        try:
            kept[place] = event._replace(**{part: _whole(value) for part, value in event._asdict().items()})
            dumps(event.data)
        except RecursionError:
            kept.pop(place, None)
            rejects.append(Reject(events.unit, event.position, "its data nests too deep", events.raw(place)))
    return alike(list(kept.values()), list(kept)), rejects


def _whole(value: Any) -> Any:
    """A value without halves of surrogate pairs, which are no characters: written as `\\udc80`."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_whole(k): _whole(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_whole(v) for v in value]
    return value
