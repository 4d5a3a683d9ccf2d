"""The System part and the event's fields side by side in one object, as a script of PowerShell makes of `Get-WinEvent`.

    {"SourceName": .., "ProviderGuid": .., "Level": "4", "Keywords": "0x..", "Channel": .., "Hostname": .., "TimeCreated": ..,
     "@timestamp": .., "EventID": 1, "Message": .., "Task": "1", "Image": .., "CommandLine": ..}

The eleven names of the System part are written first, and an event's own fields then: what has another name is a field of the
event, `ProcessID` and `Version` among them.
"""

from __future__ import annotations

from lurcher.collect.events.event import Event
from lurcher.collect.events.forms import Object, form
from lurcher.collect.events.forms.sysmon_text import SYSMON, fields
from lurcher.collect.events.forms.values import count, event_id, integer, keywords, level, names, text, time

#: What the script writes of the System part.
SYSTEM = names("SourceName ProviderGuid Level Keywords Channel Hostname TimeCreated @timestamp EventID Message Task")
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
    provider, message = text(value.get("SourceName")), value.get("Message")
    skip = SYSTEM if "@version" not in value else SYSTEM | BESIDE
    data = {name: v for name, v in value.items() if name not in skip}
    record = data.pop("RecordNumber", None) if "RecordNumber" in data else data.pop("EventRecordID", None)
    if provider == SYSMON and type(message) is str and len(data) < 3:
        for name, found in (fields(message) or {}).items():
            data.setdefault(name, found)
    return Event(
        position,
        time(value.get("TimeCreated") or value.get("@timestamp")),
        provider,
        event_id(value["EventID"]),
        text(value.get("Channel")),
        text(value.get("Hostname")),
        integer(record),
        data,
        None,
        text(value.get("ProviderGuid")),
        None,
        level(value.get("Level"), provider),
        count(value.get("Task")),
        None,
        keywords(value.get("Keywords")),
        message=text(message),
    )
