"""A declaration and a frame -> rows of a table of Defender's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lurcher.collect.events.mapping import values
from lurcher.collect.events.mapping.declare import TARGET_FACTS, ByGuid, ByNumber, Declaration, Process
from lurcher.collect.events.mapping.frame import Frame
from lurcher.collect.events.mapping.json_text import dumps
from lurcher.collect.events.mapping.memory import FACTS, Key, ProcessMemory, Recalled
from lurcher.collect.events.mapping.memory import Process as Known
from lurcher.kql.types import ScalarType
from lurcher.schema import known_table

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, "pa.Array"]

#: The columns of a process that tells of itself, by what is remembered of it.
_OF_A_PROCESS = {
    **{fact: fact for fact in ("FileName", "FolderPath", "SHA1", "SHA256", "MD5", "LogonId")},
    **{fact: fact for fact in ("AccountDomain", "AccountName", "AccountSid")},
    **{fact: f"Process{fact}" for fact in FACTS if fact.startswith("VersionInfo")},
    "Id": "ProcessId",
    "CommandLine": "ProcessCommandLine",
    "CreationTime": "ProcessCreationTime",
    "IntegrityLevel": "ProcessIntegrityLevel",
    "TokenElevation": "ProcessTokenElevation",
    "SessionId": "CreatedProcessSessionId",
    "ParentId": "InitiatingProcessId",
    "ParentFileName": "InitiatingProcessFileName",
}


def own_columns(declaration: Declaration, frame: Frame) -> Columns | None:
    """What the events themselves say; None where none of them becomes a row."""
    columns: Columns = {}
    for name, expr in declaration.columns.items():
        built = expr.build(frame)
        if name == "ActionType" and (built is None or built.null_count == len(built)):
            return None
        if built is not None:
            columns[name] = built
    return columns


# --- processes ---


def processes(columns: Columns, frame: Frame) -> list[Known]:
    """The processes that events of `frame` tell of."""
    import pyarrow as pa

    facts = []
    for fact, kind in FACTS.items():
        array = columns.get(_OF_A_PROCESS.get(fact, ""))
        if array is None:
            facts.append([None] * frame.count)
        else:
            facts.append((array.cast(pa.int64()) if kind is ScalarType.DATETIME else array).to_pylist())
    return [Known(n, told) for n, told in zip(numbers(frame), zip(*facts, strict=True), strict=True)]


def numbers(frame: Frame) -> list[int]:
    """The events' numbers in the file."""
    first = frame.batch.first
    return [first + row for row in frame.rows]


def keys(frame: Frame, process: Process) -> list[Key] | None:
    """What a process of each event is known by; None where the events do not name one."""
    if isinstance(process, ByGuid):
        found = frame.convert(process.field, values.guid, ScalarType.STRING, strict=False)
    else:
        found = frame.convert(process.field, values.integer, ScalarType.LONG, strict=False)
    if found is None:
        return None
    hosts = frame.batch.hosts
    return list(zip([hosts[row] for row in frame.rows], found.to_pylist(), strict=True))


def recall(frame: Frame, process: Process | None, memory: ProcessMemory) -> Recalled | None:
    if process is None or (known_by := keys(frame, process)) is None:
        return None
    if isinstance(process, ByGuid):
        found = memory.of_guids(known_by, numbers(frame))
    else:
        found = memory.of_numbers(known_by, numbers(frame))
        if process.image:
            found = _agreeing(frame, process, found)
    recalled = Recalled(found)
    return recalled or None


def _agreeing(frame: Frame, process: ByNumber, found: Sequence[Known | None]) -> list[Known | None]:
    """Without those whose image is not the one that the event names: their number went to another without a word."""
    images = frame.convert(process.image or "", values.file_name, ScalarType.STRING, strict=False)
    named: list[str | None] = [None] * frame.count if images is None else images.to_pylist()
    return [
        None if known is not None and name and name.lower() != (known.facts[0] or "").lower() else known
        for known, name in zip(found, named, strict=True)
    ]


def _fill(columns: Columns, table: str, recalled: Recalled, names: dict[str, str]) -> None:
    """Put what is remembered where the event says nothing. `names`: column -> fact."""
    import pyarrow.compute as pc

    schema = known_table(table)
    assert schema is not None
    known = set(recalled.facts())
    for column, fact in names.items():
        if fact in known and schema.column(column) is not None:
            remembered = recalled.column(fact)
            columns[column] = pc.coalesce(columns[column], remembered) if column in columns else remembered


_INITIATING = {f"InitiatingProcess{fact}": fact for fact in FACTS}


# --- rows ---


def rows(declaration: Declaration, frame: Frame, columns: Columns, memory: ProcessMemory) -> pa.RecordBatch:
    """The rows of a table: what the events say, what is remembered, what all rows have."""
    import pyarrow as pa

    table, batch = declaration.table, frame.batch
    columns = dict(columns)
    if recalled := recall(frame, declaration.initiating, memory):
        _fill(columns, table, recalled, _INITIATING)
    if recalled := recall(frame, declaration.target, memory):
        _fill(columns, table, recalled, TARGET_FACTS)
    time = frame.take(batch.times)
    common: Columns = {
        "Timestamp": time,
        "TimeGenerated": time,
        "DeviceName": frame.take(batch.texts("computer")),
        "DeviceId": frame.take(batch.distinct("computer", values.device_id, ScalarType.STRING)),
        "ReportId": frame.take(batch.integers("record_id", ScalarType.LONG)),
        "Type": pa.repeat(table, frame.count),
    }
    columns = {**common, **columns}
    if declaration.has_bag:
        columns["AdditionalFields"] = pa.array(_bags(declaration, frame), pa.string())
    result = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
    action = columns.get("ActionType")
    return result.filter(action.is_valid()) if action is not None and action.null_count else result


def _bags(declaration: Declaration, frame: Frame) -> Iterator[str]:
    """AdditionalFields: where the event is from, what Defender has there, and the event's own fields that have no column."""
    head: dict[str, Any] = {"Source": declaration.source.name, "EventID": declaration.event_id}
    names: list[str] = []
    parts: list[Sequence[Any]] = []
    for name, expr in declaration.fields.items():
        built = expr.build(frame)
        if built is not None:
            names.append(name)
            parts.append(built.to_pylist())
    made = {*head, *names}
    for name in frame.names:
        if name.lower() not in declaration.own and name not in made:
            names.append(name)
            parts.append(frame.values(name))
    if not names:
        return iter([dumps(head)] * frame.count)
    count = len(made) - len(head)
    if frame.sparse or count:
        bags = [
            {**head, **{n: v for n, v in zip(names, row, strict=True) if v is not None}}
            for row in zip(*parts, strict=True)
        ]
    else:
        keyed = tuple(head.values())
        order = [*head, *names]
        bags = [dict(zip(order, (*keyed, *row), strict=True)) for row in zip(*parts, strict=True)]
    for field, places in frame.misfits.items():
        for name in frame.names:
            if name.lower() == field and name not in made:
                text = frame.values(name)
                for place in places:
                    bags[place][name] = text[place]
    return map(dumps, bags)
