"""An event whose XML is a text in an object: Splunk's `_raw`, Winlogbeat's `xml`, and rows that have it in `EventXML`."""

from __future__ import annotations

from lurcher.collect.events.event import Event
from lurcher.collect.events.event_xml import parse_event
from lurcher.collect.events.forms import Object, form

_NAMES = ("_raw", "EventXML", "EventXml", "xml", "Xml", "XML", "raw")


def _xml(value: Object) -> str | None:
    for name in _NAMES:
        content = value.get(name)
        if type(content) is str and content.lstrip()[:6] == "<Event":
            return content.strip()
    return None


@form("event-xml-text", "the XML of an event as text: Splunk", 60, lambda value: _xml(value) is not None)
def event(value: Object, position: int) -> Event:
    return parse_event((_xml(value) or "").encode("utf-8", "surrogatepass"), position)
