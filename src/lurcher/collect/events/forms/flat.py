"""The System part and the event's fields side by side in one object, as a script of PowerShell makes of `Get-WinEvent`.

    {"SourceName": .., "ProviderGuid": .., "Level": "4", "Keywords": "0x..", "Channel": .., "Hostname": .., "TimeCreated": ..,
     "@timestamp": .., "EventID": 1, "Message": .., "Task": "1", "Image": .., "CommandLine": ..}

The eleven names of the System part are written first, and an event's own fields then: what has another name is a field of the
event, `ProcessID` and `Version` among them.
"""

from __future__ import annotations

from lurcher.collect.events.event import Alike, Event
from lurcher.collect.events.forms import Object, form
from lurcher.collect.events.forms.sysmon_text import SYSMON, fields
from lurcher.collect.events.forms.values import count, event_id, integer, keywords, level, names, text, time
from lurcher.collect.events.shapes import Columns, pairs, together

#: What a pipeline puts beside it.
BESIDE = names("@version host port tags type")


def _takes(value: Object) -> bool:
    return (
        "EventID" in value
        and "Hostname" in value
        and ("SourceName" in value or "Channel" in value)
        and ("TimeCreated" in value or "@timestamp" in value)
        and "TimeGenerated" not in value
    )


@form("event-flat", "fields of System and of the event side by side (Mordor)", 50, _takes)
def event(value: Object, position: int) -> Event:
    data = value.copy()
    pop = data.pop
    provider, channel, computer = pop("SourceName", None), pop("Channel", None), pop("Hostname", None)
    created, taken, message = pop("TimeCreated", None), pop("@timestamp", None), pop("Message", None)
    number, task, severity = pop("EventID"), pop("Task", None), pop("Level", None)
    mask, guid = pop("Keywords", None), pop("ProviderGuid", None)
    if "@version" in data:
        for name in BESIDE:
            pop(name, None)
    record = pop("RecordNumber", None) if "RecordNumber" in data else pop("EventRecordID", None)
    provider = provider if type(provider) is str else text(provider)
    if provider == SYSMON and len(data) < 3 and type(message) is str:
        for name, found in (fields(message) or {}).items():
            data.setdefault(name, found)
    return Event(
        position,
        created if type(created) is str and created else time(created or taken),
        provider,
        event_id(number),
        channel if type(channel) is str else text(channel),
        computer if type(computer) is str else text(computer),
        integer(record),
        data,
        None,
        guid if type(guid) is str else text(guid),
        None,
        level(severity, provider),
        count(task),
        None,
        keywords(mask),
        message=message if type(message) is str else text(message),
    )


#: What is of the System part, by its names here.
_SYSTEM = names("SourceName Channel Hostname TimeCreated @timestamp Message EventID Task Level Keywords ProviderGuid")


@together("event-flat")
def alike(objects: Columns) -> Alike | None:
    """The same for objects with the same names."""
    each, of = objects.each, objects.of
    record = "RecordNumber" if "RecordNumber" in objects else "EventRecordID"
    gone = _SYSTEM | {record} | (BESIDE if "@version" in objects else frozenset())
    data = [name for name in objects.names if name not in gone]
    provider = of("SourceName", str, text)
    if len(data) < 3 and SYSMON in provider:
        return None
    created = objects.get("TimeCreated")
    if objects.kinds("TimeCreated") != {str} or "" in created:
        taken = objects.get("@timestamp")
        created = [c if type(c) is str and c else time(c or t) for c, t in zip(created, taken, strict=True)]
    return objects.alike(
        data,
        {
            "time": created,
            "provider": provider,
            "event_id": each("EventID", event_id),
            "channel": of("Channel", str, text),
            "computer": of("Hostname", str, text),
            "record_id": each(record, integer),
            "provider_guid": of("ProviderGuid", str, text),
            "level": pairs(objects.get("Level"), provider, level),
            "task": each("Task", count),
            "keywords": each("Keywords", keywords),
            "message": of("Message", str, text),
        },
    )
