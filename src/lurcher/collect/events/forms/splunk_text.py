"""An event as the text that Splunk's input `WinEventLog` keeps, in an object: `_raw` of a search."""

from __future__ import annotations

from lurcher.collect.events.event import Event
from lurcher.collect.events.forms import Object, form
from lurcher.collect.events.rendered import START, parse

_NAMES = ("_raw", "raw", "event", "message")


def _text(value: Object) -> str | None:
    for name in _NAMES:
        content = value.get(name)
        if type(content) is str and content[:1].isdigit() and START.match(content) is not None:
            return content
    return None


@form("event-text", "the text of an event: Splunk's WinEventLog", 61, lambda value: _text(value) is not None)
def event(value: Object, position: int) -> Event:
    return parse(_text(value) or "", position)
