"""NXLog (`im_msvistalog`, JSON): the event's fields and NXLog's own in one object.

- `EventTime` and `EventReceivedTime` are the machine's local time where they have no offset; `@timestamp`, where Logstash
  took the event, is UTC, just after `EventReceivedTime`. So the difference of those two, to the quarter hour, is the offset.
- Names do not differ by case alone there: System's `ProcessID` has taken the place of the event's `ProcessId`, and
  `EventType` is the level (`INFO`). What is lost so comes from the text of a Sysmon event, where there is one; else it stays out.
- Empty fields are left out.

Source: "Windows Event Log (im_msvistalog)", NXLog Reference Manual.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from lurcher.collect.events.event import Alike, Event
from lurcher.collect.events.forms import Object, form
from lurcher.collect.events.forms.sysmon_text import SYSMON, fields
from lurcher.collect.events.forms.values import count, event_id, integer, keywords, level, names, opcode, text
from lurcher.collect.events.shapes import Column, Columns, pairs, together

#: NXLog's names, and those of what came after it (Logstash); all others are the event's fields.
SYSTEM = names(
    "ActivityID Category Channel ERROR_EVT_UNRESOLVED EventID EventReceivedTime EventTime EventTimeWritten EventTypeOrignal "
    "EventTypeOriginal ExecutionProcessID ExecutionThreadID Hostname Keywords Level LevelValue Message MessageSourceAddress "
    "Opcode OpcodeValue ProviderGuid RecordNumber RelatedActivityID Severity SeverityValue SourceModuleName SourceModuleType "
    "SourceName Task TaskValue ThreadID UserID Version @timestamp @version"
)
#: Logstash's: only where it was there.
LOGSTASH = names("host port tags type")
#: Who wrote the event, by name: only with `UserID`; else they are the event's fields.
ACCOUNT = names("AccountName AccountType Domain")
#: What NXLog writes as `EventType`.
TYPES = names("AUDIT_SUCCESS AUDIT_FAILURE CRITICAL ERROR WARNING INFO VERBOSE DEBUG")
#: The level that a type stands for.
_LEVELS = {"AUDIT_SUCCESS": 0, "AUDIT_FAILURE": 0, "CRITICAL": 1, "ERROR": 2, "WARNING": 3, "INFO": 4, "VERBOSE": 5}
#: Events of Sysmon that have an `EventType`, and those that have no `ProcessId`.
_TYPED, _WITHOUT_PROCESS = frozenset((12, 13, 14, 17, 18, 19, 20, 21)), frozenset((4, 6, 8, 10, 16, 19, 20, 21, 255))
_BOTH = SYSTEM | LOGSTASH

_QUARTER = 900


def _takes(value: Object) -> bool:
    return "EventTime" in value and "EventID" in value and ("SourceName" in value or "SourceModuleType" in value)


@form("nxlog", "NXLog", 40, _takes)
def event(value: Object, position: int) -> Event:
    skip = _BOTH if "@version" in value else SYSTEM
    data = {name: v for name, v in value.items() if name not in skip}
    # System's process: a number beside ThreadID in older versions, where newer ones write ExecutionProcessID.
    process = value.get("ExecutionProcessID")
    if process is None and type(value.get("ProcessID")) is int and "ThreadID" in value:
        process = data.pop("ProcessID")
    if "UserID" in value:
        for name in ACCOUNT:
            data.pop(name, None)
    kind = data.get("EventType")
    if type(kind) is str and kind in TYPES:
        del data["EventType"]
    else:
        kind = value.get("EventTypeOrignal") or value.get("EventTypeOriginal")
    number = event_id(value["EventID"])
    provider, message = value.get("SourceName"), value.get("Message")
    provider = provider if type(provider) is str else text(provider)
    if provider == SYSMON and type(message) is str and _lost(number, data):
        for name, found in (fields(message) or {}).items():
            data.setdefault(name, found)
    get = value.get
    thread, channel, computer, record = get("ThreadID"), get("Channel"), get("Hostname"), get("RecordNumber")
    guid, version, task, user = get("ProviderGuid"), get("Version"), get("Task"), get("UserID")
    operation = get("OpcodeValue", get("Opcode"))
    # Most values are of the type that they should have: the functions that look closer are for the others.
    return Event(
        position,
        _time(get("EventTime"), get("@timestamp"), get("EventReceivedTime")),
        provider,
        number,
        channel if type(channel) is str else text(channel),
        computer if type(computer) is str else text(computer),
        record if type(record) is int else integer(record),
        data,
        None,
        guid if type(guid) is str else text(guid),
        version if type(version) is int else count(version),
        level(value["LevelValue"], provider)
        if "LevelValue" in value
        else _LEVELS.get(kind)
        if type(kind) is str
        else None,
        task if type(task) is int else count(task),
        operation if type(operation) is int else opcode(operation),
        keywords(get("Keywords")),
        process if type(process) is int else count(process),
        thread if type(thread) is int else count(thread if thread is not None else get("ExecutionThreadID")),
        user if type(user) is str else text(user),
        text(get("ActivityID")),
        message if type(message) is str else text(message),
    )


@together("nxlog")
def alike(objects: Columns) -> Alike | None:
    """The same for objects with the same names."""
    each, of, get = objects.each, objects.of, objects.get
    skip = _BOTH if "@version" in objects else SYSTEM
    data = [name for name in objects.names if name not in skip]
    gone: set[str] = set()
    process = objects.get("ExecutionProcessID")
    if type(None) in objects.kinds("ExecutionProcessID"):
        return None
    if "ExecutionProcessID" not in objects and "ThreadID" in objects and (kinds := objects.kinds("ProcessID")):
        if kinds == {int}:
            process = objects["ProcessID"]
            gone.add("ProcessID")
        elif int in kinds:
            return None
    if "UserID" in objects:
        gone |= ACCOUNT
    kind: Column = [a or b for a, b in zip(get("EventTypeOrignal"), get("EventTypeOriginal"), strict=True)]
    if str in (kinds := objects.kinds("EventType")):
        said = set(objects["EventType"]) if kinds == {str} else TYPES | {""}
        if said <= TYPES:
            kind = objects["EventType"]
            gone.add("EventType")
        elif not said.isdisjoint(TYPES):
            return None
    data = [name for name in data if name not in gone]
    number, provider = each("EventID", event_id), of("SourceName", str, text)
    if SYSMON in provider and str in objects.kinds("Message"):
        have = dict.fromkeys(data)
        if any(_lost(n, have) for by, n in set(zip(provider, number, strict=True)) if by == SYSMON):
            return None
    if "LevelValue" in objects:
        levels = pairs(objects["LevelValue"], provider, level)
    else:
        levels = [_LEVELS.get(value) if type(value) is str else None for value in kind]
    threads: Column = of("ThreadID", int, count)
    if type(None) in objects.kinds("ThreadID") or "ThreadID" not in objects:
        threads = [
            count(own if own is not None else other)
            for own, other in zip(get("ThreadID"), get("ExecutionThreadID"), strict=True)
        ]
    return objects.alike(
        data,
        {
            "time": list(map(_time, get("EventTime"), get("@timestamp"), get("EventReceivedTime"))),
            "provider": provider,
            "event_id": number,
            "channel": of("Channel", str, text),
            "computer": of("Hostname", str, text),
            "record_id": of("RecordNumber", int, integer),
            "provider_guid": of("ProviderGuid", str, text),
            "version": of("Version", int, count),
            "level": levels,
            "task": of("Task", int, count),
            "opcode": of("OpcodeValue" if "OpcodeValue" in objects else "Opcode", int, opcode),
            "keywords": each("Keywords", keywords),
            "process_id": [value if type(value) is int else count(value) for value in process],
            "thread_id": threads,
            "user_sid": of("UserID", str, text),
            "activity_id": each("ActivityID", text),
            "message": of("Message", str, text),
        },
    )


def _lost(number: int, data: Object) -> bool:
    """Whether a Sysmon event lacks what NXLog takes from it."""
    return ("ProcessId" not in data and number not in _WITHOUT_PROCESS) or (
        "EventType" not in data and number in _TYPED
    )


def _time(own: Any, taken: Any, received: Any) -> str | None:
    """`EventTime` in UTC, as far as that, `@timestamp` and `EventReceivedTime` tell it."""
    if type(own) is not str or len(own) < 19:
        return text(taken) or text(own)
    if len(own) > 19 and (own[-1] == "Z" or own[-6] in "+-" or own[-5] in "+-"):
        return own  # it has an offset
    if type(taken) is not str or type(received) is not str:
        return own
    ahead = _ahead(taken[:19], received[:19])
    if ahead is None:
        return own
    return _moved(own[:16], ahead) + own[16:] + "Z"


@lru_cache(4096)
def _ahead(utc: str, local: str) -> int | None:
    """How many seconds UTC is ahead of the local time, to the quarter hour; None where it is no such number."""
    try:
        seconds = (datetime.fromisoformat(utc) - datetime.fromisoformat(local)).total_seconds()
    except (ValueError, TypeError):
        return None
    quarters = round(seconds / _QUARTER)
    # Logstash has it within minutes; a larger difference is a queue that stood, and says nothing of the zone.
    return quarters * _QUARTER if abs(seconds - quarters * _QUARTER) <= 300 and abs(quarters) <= 60 else None


@lru_cache(4096)
def _moved(minute: str, seconds: int) -> str:
    try:
        return (datetime.fromisoformat(minute) + timedelta(seconds=seconds)).isoformat()[:16]
    except (ValueError, OverflowError):
        return minute
