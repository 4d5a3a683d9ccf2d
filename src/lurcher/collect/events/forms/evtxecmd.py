"""EvtxECmd's JSON: the System part by names of its own, the event's fields as JSON text in `Payload`.

Source: "EvtxECmd", Eric Zimmerman's tools.
"""

from __future__ import annotations

from lurcher.collect.events.event import Event
from lurcher.collect.events.forms import Object, form
from lurcher.collect.events.forms.values import count, event_id, integer, keywords, level, text, time
from lurcher.collect.events.forms.xml_json import fields_of


def _takes(value: Object) -> bool:
    return "EventId" in value and "Payload" in value and "Channel" in value and "TimeCreated" in value


@form("evtxecmd", "EvtxECmd", 70, _takes)
def event(value: Object, position: int) -> Event:
    import orjson

    payload = value["Payload"]
    data: Object = {}
    user_data: str | None = None
    if type(payload) is str and payload:
        try:
            payload = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"its Payload is not JSON: {error.msg}") from None
    if type(payload) is dict:
        data, user_data = fields_of(payload)
    provider = text(value.get("Provider"))
    return Event(
        position,
        time(value["TimeCreated"]),
        provider,
        event_id(value["EventId"]),
        text(value["Channel"]),
        text(value.get("Computer")),
        integer(value.get("EventRecordId") or value.get("RecordNumber")),
        data,
        user_data,
        level=level({"LogAlways": 0, "Info": 4}.get(str(value.get("Level")), value.get("Level")), provider),
        keywords=keywords(value.get("Keywords")),
        process_id=count(value.get("ProcessId")),
        thread_id=count(value.get("ThreadId")),
        user_sid=text(value.get("UserId")),
    )
