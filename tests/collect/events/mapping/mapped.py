"""Events by hand -> rows, for the tests of the mapping."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from lurcher.collect.events.event import Event, Events
from lurcher.collect.events.mapping import ProcessMemory, map_events
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.schema import known_table

TIME = "2024-03-01T12:00:00.1234567Z"
PROVIDERS = {
    "Microsoft-Windows-Sysmon/Operational": "Microsoft-Windows-Sysmon",
    "Security": "Microsoft-Windows-Security-Auditing",
    "System": "Service Control Manager",
    "Microsoft-Windows-PowerShell/Operational": "Microsoft-Windows-PowerShell",
}


def sysmon(event_id: int, **data: Any) -> Event:
    return made("Microsoft-Windows-Sysmon/Operational", event_id, data)


def security(event_id: int, **data: Any) -> Event:
    return made("Security", event_id, data)


def made(channel: str, event_id: int, data: dict[str, Any], **parts: Any) -> Event:
    values = {"position": 1, "time": TIME, "computer": "PC1.contoso.com", "record_id": 7, **parts}
    return Event(provider=PROVIDERS.get(channel), event_id=event_id, channel=channel, data=data, **values)


def mapped(
    events: Sequence[Event], memory: ProcessMemory | None = None, clock_offset: int = 0
) -> tuple[dict[str, list[dict[str, Any]]], list[Reject]]:
    """Table -> rows, with what is null or empty left out and dynamic columns read; and the rejects."""
    given = Events(list(events), lambda i: f"raw {i}".encode(), "line", clock_offset)
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    rejects = []
    for found in map_events(given, ReadContext(known_table, "test"), memory or ProcessMemory()):
        if isinstance(found, Reject):
            rejects.append(found)
            continue
        assert isinstance(found, TableBatch)
        assert found.batch.num_rows > 0
        for row in found.batch.to_pylist():
            kept = {name: value for name, value in row.items() if value not in (None, "")}
            if "AdditionalFields" in kept:
                kept["AdditionalFields"] = json.loads(kept["AdditionalFields"])
            tables[found.schema.name].append(kept)
    return tables, rejects


def row(event: Event, table: str, *before: Event) -> dict[str, Any]:
    """The row of a table that an event becomes, after others of the same file; without what all rows have."""
    tables, rejects = mapped([*before, event])
    assert not rejects
    common = ("Timestamp", "TimeGenerated", "DeviceName", "DeviceId", "ReportId", "Type")
    return {name: value for name, value in tables[table][-1].items() if name not in common}
