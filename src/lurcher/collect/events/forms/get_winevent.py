"""`Get-WinEvent | ConvertTo-Json`: .NET's EventLogRecord. Its `Properties` have the values of the event's fields and not their
names, which their places tell for the events of `positions`; the text of a Sysmon event has the names as well, in the same order.

Source: "EventLogRecord Class", Microsoft Learn.
"""

from __future__ import annotations

from typing import Any

from lurcher.collect.events.event import Event
from lurcher.collect.events.forms import Object, form
from lurcher.collect.events.forms.sysmon_text import SYSMON, fields
from lurcher.collect.events.forms.values import count, event_id, integer, keywords, level, text, time
from lurcher.collect.events.positions import named


def _takes(value: Object) -> bool:
    return "Id" in value and "ProviderName" in value and "LogName" in value and "MachineName" in value


@form("get-winevent", "Get-WinEvent | ConvertTo-Json", 80, _takes)
def event(value: Object, position: int) -> Event:
    provider, message = text(value["ProviderName"]), text(value.get("Message"))
    user, activity = value.get("UserId"), value.get("ActivityId")
    properties = value.get("Properties")
    data: Object = {}
    number = event_id(value["Id"])
    if type(properties) is list:
        data = named(provider, number, [_plain(p.get("Value") if type(p) is dict else p) for p in properties])
    told = fields(message) if provider == SYSMON and message else None
    if told:
        data = dict(told)
    return Event(
        position,
        time(value.get("TimeCreated")),
        provider,
        number,
        text(value["LogName"]),
        text(value["MachineName"]),
        integer(value.get("RecordId")),
        data,
        None,
        _guid(value.get("ProviderId")),
        count(value.get("Version")),
        level(value.get("Level"), provider),
        count(value.get("Task")),
        count(value.get("Opcode")),
        keywords(value.get("Keywords")),
        count(value.get("ProcessId")),
        count(value.get("ThreadId")),
        text(user.get("Value") if type(user) is dict else user),
        _guid(activity),
        message,
    )


def _guid(value: Any) -> str | None:
    return text(value.get("Guid") if type(value) is dict else value)


def _plain(value: Any) -> Any:
    """A SID is an object, where as much depth as that was asked for."""
    return value["Value"] if type(value) is dict and "BinaryLength" in value and "Value" in value else value
