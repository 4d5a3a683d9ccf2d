"""An event whose XML is a text in an object: Splunk's `_raw` and `event`, Winlogbeat's `xml`, Elastic's `event.original`, and rows
that have it in `EventXML`."""

from __future__ import annotations

import re

from lurcher.collect.events.event import Event
from lurcher.collect.events.event_xml import parse_event
from lurcher.collect.events.forms import Object, form

_NAMES = (
    *("_raw", "EventXML", "EventXml", "xml", "Xml", "XML", "raw", "event", "event.original", "original", "message"),
    "Message",
)
_DECLARATION = re.compile(r"<\?xml[^<>]*\?>\s*")


def _xml(value: Object) -> str | None:
    for name in _NAMES:
        content = value.get(name)
        if type(content) is dict and name == "event":
            content = content.get("original")
        if type(content) is str and content.lstrip()[:1] == "<":
            text = content.strip()
            text = text[found.end() :] if (found := _DECLARATION.match(text)) else text
            if text[:6] == "<Event" and text[6:7] in "> \t\r\n":
                return text
    return None


@form("event-xml-text", "the XML of an event as text: Splunk, Elastic", 60, lambda value: _xml(value) is not None)
def event(value: Object, position: int) -> Event:
    return parse_event((_xml(value) or "").encode("utf-8", "surrogatepass"), position)
