"""Fluent Bit: `winevtlog` and `winlog`. The values of an event's fields, without their names, are under `StringInserts`: their
places tell the names (`positions`); the text of a Sysmon event has them as well.

Source: "Windows Event Log (winevtlog)" and "Windows Event Log (winlog)", Fluent Bit's manual.
"""

from __future__ import annotations

from lurcher.collect.events.event import Event
from lurcher.collect.events.forms import Object, form
from lurcher.collect.events.forms.sysmon_text import SYSMON, fields
from lurcher.collect.events.forms.values import count, event_id, integer, keywords, level, opcode, text, time
from lurcher.collect.events.positions import named


def _takes(value: Object) -> bool:
    return "StringInserts" in value and "EventID" in value and ("ProviderName" in value or "SourceName" in value)


@form("fluent-bit", "Fluent Bit (winevtlog, winlog)", 85, _takes)
def event(value: Object, position: int) -> Event:
    inserts, message = value["StringInserts"], text(value.get("Message"))
    provider = text(value.get("ProviderName")) or text(value.get("SourceName"))
    number = event_id(value["EventID"])
    data: Object = named(provider, number, inserts) if type(inserts) is list else {}
    if provider == SYSMON and message:
        data = dict(fields(message) or data)
    created = value.get("TimeCreated") or value.get("TimeGenerated")
    return Event(
        position,
        time(created),
        provider,
        number,
        text(value.get("Channel")),
        text(value.get("Computer")) or text(value.get("ComputerName")),
        integer(value.get("EventRecordID") or value.get("RecordNumber")),
        data,
        None,
        text(value.get("ProviderGuid")),
        count(value.get("Version")),
        level(value.get("Level"), provider),
        count(value.get("Task")),
        opcode(value.get("Opcode")),
        keywords(value.get("Keywords")),
        count(value.get("ProcessID")),
        count(value.get("ThreadID")),
        text(value.get("UserID")),
        text(value.get("ActivityID")),
        message,
    )
