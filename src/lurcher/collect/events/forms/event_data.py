"""An object with the System part by some program's names, and the event's fields under `EventData`: an object, or JSON or XML
as text. Velociraptor's hunts for events, Fluent Bit (`winevtlog`), and rows of other programs.
"""

from __future__ import annotations

from typing import Any

from lurcher.collect.events.event import Event
from lurcher.collect.events.event_xml import parse_event
from lurcher.collect.events.forms import Object, form
from lurcher.collect.events.forms.values import count, event_id, integer, keywords, level, opcode, text, time
from lurcher.collect.events.forms.xml_json import fields_of

_ID = ("EventID", "EventId", "event_id", "EventCode")
_TIME = ("TimeCreated", "EventTime", "SystemTime", "@timestamp")
_PROVIDER = ("ProviderName", "Provider", "SourceName", "Provider_Name")
_COMPUTER = ("Computer", "Hostname", "MachineName", "ComputerName")
_CHANNEL = ("Channel", "LogName")
_RECORD = ("EventRecordID", "EventRecordId", "RecordNumber", "RecordID", "RecordId")


def _takes(value: Object) -> bool:
    return (
        ("EventData" in value or "UserData" in value)
        and "TimeGenerated" not in value
        and _first(value, _ID) is not None
        and (_first(value, _CHANNEL) is not None or _first(value, _PROVIDER) is not None)
    )


@form("event-data", "the event's fields under EventData", 90, _takes)
def event(value: Object, position: int) -> Event:
    inner: Object = {}
    for name in ("EventData", "UserData"):
        content = value.get(name)
        if type(content) is str and content.strip():
            content = _parsed(content, name)
        if content is not None and content != "":
            inner[name] = content
    data, user_data = fields_of(inner)
    provider = text(_first(value, _PROVIDER))
    return Event(
        position,
        time(_first(value, _TIME)),
        provider,
        event_id(_first(value, _ID)),
        text(_first(value, _CHANNEL)),
        text(_first(value, _COMPUTER)),
        integer(_first(value, _RECORD)),
        data,
        user_data,
        text(_first(value, ("ProviderGuid", "ProviderId"))),
        count(value.get("Version")),
        level(value.get("Level"), provider),
        count(value.get("Task")),
        opcode(value.get("Opcode")),
        keywords(value.get("Keywords")),
        count(_first(value, ("ProcessID", "ProcessId", "ExecutionProcessID"))),
        count(_first(value, ("ThreadID", "ThreadId", "ExecutionThreadID"))),
        text(_first(value, ("UserSID", "UserSid", "UserID", "UserId"))),
        text(_first(value, ("ActivityID", "ActivityId"))),
        text(value.get("Message")),
    )


def _first(value: Object, names: tuple[str, ...]) -> Any:
    for name in names:
        found = value.get(name)
        if found is not None:
            return found
    return None


def _parsed(content: str, name: str) -> Any:
    """JSON or XML as text. Raises `ValueError` where it is neither."""
    import orjson

    start = content.lstrip()[:1]
    if start == "<":
        whole = content if content.lstrip().startswith(f"<{name}") else f"<{name}>{content}</{name}>"
        around = f"<Event><System><EventID>0</EventID></System>{whole}</Event>"
        found = parse_event(around.encode("utf-8", "surrogatepass"), 0)
        return found.data if found.user_data is None else {found.user_data: found.data}
    if start in ("{", "["):
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"its {name} is not JSON: {error.msg}") from None
    return content
