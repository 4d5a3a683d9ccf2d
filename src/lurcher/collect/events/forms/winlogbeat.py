"""Winlogbeat: the event under `winlog` (7, 8), or beside the rest (6). `@timestamp` is the event's own time, in UTC.

Source: "Winlogbeat fields", Elastic; `event_data` has the event's fields by name, unnamed ones as `param1`, `param2`, ...
"""

from __future__ import annotations

from typing import Any

from lurcher.collect.events.event import Event
from lurcher.collect.events.forms import Object, form
from lurcher.collect.events.forms.ecs import restored, restored_security
from lurcher.collect.events.forms.sysmon_text import SYSMON
from lurcher.collect.events.forms.values import count, event_id, integer, keywords, level, opcode, text, time

_NONE: Object = {}
_PREFIX = "winlog."
_AUDITING = "Microsoft-Windows-Security-Auditing"


def _is_seven(value: Object) -> bool:
    inner = value.get("winlog")
    return type(inner) is dict and "event_id" in inner


@form("winlogbeat", "Winlogbeat 7 and 8", 30, _is_seven)
def event(value: Object, position: int) -> Event:
    inner = value["winlog"]
    process = _dict(inner.get("process"))
    log = _dict(value.get("log"))
    data, user_data = _data(inner)
    provider, number = text(inner.get("provider_name")), event_id(inner["event_id"])
    if provider == SYSMON:
        data = restored(value, number, data)
    elif provider == _AUDITING:
        data = restored_security(value, number, data)
    return Event(
        position,
        time(inner.get("time_created") or value.get("@timestamp")),
        provider,
        number,
        text(inner.get("channel")),
        text(inner.get("computer_name")),
        integer(inner.get("record_id")),
        data,
        user_data,
        text(inner.get("provider_guid")),
        count(inner.get("version")),
        level(inner.get("level") or log.get("level"), provider),
        count(inner.get("task")),
        opcode(inner.get("opcode")),
        keywords(inner.get("keywords")),
        count(process.get("pid")),
        count(_dict(process.get("thread")).get("id")),
        text(_dict(inner.get("user")).get("identifier")),
        text(inner.get("activity_id")),
        text(value.get("message")),
    )


def _is_dotted(value: Object) -> bool:
    return "winlog.event_id" in value


@form("winlogbeat-dotted", "Winlogbeat 7 and 8, with dotted names", 31, _is_dotted)
def dotted(value: Object, position: int) -> Event:
    """`winlog.event_data.Image` is `Image` in `event_data` in `winlog`: names with a dot are opened up, nothing else."""
    nested: Object = {}
    for name, content in value.items():
        if name.startswith((_PREFIX, "log.")):
            # A field of an event may have a dot in its own name: not opened up below `event_data`.
            path = name.split(".", 2 if name.startswith(("winlog.event_data.", "winlog.user_data.")) else -1)
            if type(content) is list and len(content) == 1:
                content = content[0]  # Kibana's and Elasticsearch's `fields`: each value as a list of one
            place = nested
            for part in path[:-1]:
                below = place.setdefault(part, {})
                if type(below) is not dict:
                    raise ValueError(f"{name} is below a name that holds a value itself")
                place = below
            place[path[-1]] = content
        else:
            nested[name] = content[0] if type(content) is list and len(content) == 1 else content
    return event(nested, position)


def _is_six(value: Object) -> bool:
    return "event_id" in value and ("log_name" in value or "event_data" in value) and "winlog" not in value


@form("winlogbeat-6", "Winlogbeat 5 and 6", 32, _is_six)
def six(value: Object, position: int) -> Event:
    data, user_data = _data(value)
    provider = text(value.get("source_name") or value.get("provider_name"))
    return Event(
        position,
        time(value.get("@timestamp")),
        provider,
        event_id(value["event_id"]),
        text(value.get("log_name")),
        text(value.get("computer_name")),
        integer(value.get("record_number") or value.get("record_id")),
        data,
        user_data,
        text(value.get("provider_guid")),
        count(value.get("version")),
        level(value.get("level"), provider),
        count(value.get("task")),
        opcode(value.get("opcode")),
        keywords(value.get("keywords")),
        count(value.get("process_id")),
        count(value.get("thread_id")),
        text(_dict(value.get("user")).get("identifier")),
        text(value.get("activity_id")),
        text(value.get("message")),
    )


def _dict(value: Any) -> Object:
    return value if type(value) is dict else _NONE


def _data(inner: Object) -> tuple[Object, str | None]:
    data = inner.get("event_data")
    if type(data) is dict and data:
        return data, None
    user = inner.get("user_data")
    if type(user) is dict and user:
        name = user.get("xml_name")
        if type(name) is str:
            return {k: v for k, v in user.items() if k != "xml_name"}, name
        return user, "UserData"
    return {}, None
