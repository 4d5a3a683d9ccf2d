"""A declaration and a frame -> rows of a table of Defender's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from lurcher.collect.events.mapping import values
from lurcher.collect.events.mapping.columns import Column, coalesce
from lurcher.collect.events.mapping.declare import TARGET_FACTS, ByGuid, ByNumber, Declaration, Process
from lurcher.collect.events.mapping.frame import Frame
from lurcher.collect.events.mapping.json_text import dumps, dumps_all
from lurcher.collect.events.mapping.memory import FACTS, Key, ProcessMemory, Recalled
from lurcher.collect.events.mapping.memory import Process as Known
from lurcher.schema import TableSchema, known_table

Columns = dict[str, Column]

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
        if name == "ActionType" and (built is None or not any(built)):
            return None
        if built is not None:
            columns[name] = built
    return columns


# --- processes ---


def processes(columns: Columns, frame: Frame) -> list[Known]:
    """The processes that events of `frame` tell of."""
    nothing = [None] * frame.count
    facts = [columns.get(_OF_A_PROCESS.get(fact, ""), nothing) for fact in FACTS]
    return [Known(n, told) for n, told in zip(numbers(frame), zip(*facts, strict=True), strict=True)]


def numbers(frame: Frame) -> list[int]:
    """The events' numbers in the file."""
    first = frame.batch.first
    return [first + place for place in frame.places]


def keys(frame: Frame, process: Process) -> list[Key] | None:
    """What a process of each event is known by; None where the events do not name one."""
    if isinstance(process, ByGuid):
        found = frame.convert(process.field, values.guid)
    else:
        found = frame.convert(process.field, values.integer)
    return None if found is None else list(zip(frame.take(frame.batch.hosts), found, strict=True))


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
    named = frame.convert(process.image or "", values.file_name) or [None] * frame.count
    return [
        None if known is not None and name and name.lower() != (known.facts[0] or "").lower() else known
        for known, name in zip(found, named, strict=True)
    ]


def _fill(columns: Columns, table: TableSchema, recalled: Recalled, names: dict[str, str]) -> None:
    """Put what is remembered where the event says nothing. `names`: column -> fact."""
    for column, fact in names.items():
        if table.column(column) is None:
            continue
        own, remembered = columns.get(column), recalled.column(fact)
        if remembered is not None:
            columns[column] = coalesce([remembered] if own is None else [own, remembered]) or remembered


#: What a row's event is known by in copies of its log: beside the columns, and no column.
IDENTITY = "_identity"
_INITIATING = {f"InitiatingProcess{fact}": fact for fact in FACTS}


# --- rows ---


def rows(declaration: Declaration, frame: Frame, columns: Columns, memory: ProcessMemory) -> Columns:
    """The rows of a table: what the events say, what is remembered, what all rows have."""
    table, batch = known_table(declaration.table), frame.batch
    assert table is not None
    columns = dict(columns)
    if recalled := recall(frame, declaration.initiating, memory):
        _fill(columns, table, recalled, _INITIATING)
    if recalled := recall(frame, declaration.target, memory):
        _fill(columns, table, recalled, TARGET_FACTS)
    time = frame.take(batch.micros())
    common: Columns = {
        "Timestamp": time,
        "TimeGenerated": time,
        "DeviceName": frame.system("computer"),
        "DeviceId": frame.take(batch.distinct("computer", values.device_id)),
        "ReportId": frame.system("record_id"),
        IDENTITY: frame.system("identity"),
        "Type": [table.name] * frame.count,
    }
    columns = {**common, **columns}
    if declaration.has_bag:
        columns["AdditionalFields"] = _bags(declaration, frame)
    action = columns.get("ActionType")
    if action is None or None not in action:
        return columns
    kept = [place for place, value in enumerate(action) if value is not None]
    return {name: [column[place] for place in kept] for name, column in columns.items()}


def _bags(declaration: Declaration, frame: Frame) -> list[str]:
    """AdditionalFields: where the event is from, what Defender has there, and the event's own fields that have no column."""
    head: dict[str, Any] = {"Source": declaration.source.name, "EventID": declaration.event_id}
    names: list[str] = []
    parts: list[Sequence[Any]] = []
    for name, expr in declaration.fields.items():
        # In the place of a field of that name, where there is something to put there.
        built = coalesce([column for column in (expr.build(frame), frame.raw(name)) if column is not None])
        if built is not None:
            names.append(name)
            parts.append(built)
    made = {*head, *names}
    for name in frame.names:
        if name.lower() not in declaration.own and name not in made:
            names.append(name)
            parts.append(frame.values(name))
    order = (*head, *names)
    columns = [*(repeat(value, frame.count) for value in head.values()), *parts]
    if frame.sparse or any(None in part for part in parts[: len(made) - len(head)]):
        bags = [{n: v for n, v in zip(order, row, strict=True) if v is not None} for row in zip(*columns, strict=True)]
    elif frame.misfits:
        bags = [dict(zip(order, row, strict=True)) for row in zip(*columns, strict=True)]
    else:
        return dumps_all(order, zip(*columns, strict=True))
    for field, places in frame.misfits.items():
        for name in frame.names:
            if name.lower() == field and name not in made:
                text = frame.values(name)
                for place in places:
                    bags[place][name] = text[place]
    return list(map(dumps, bags))
