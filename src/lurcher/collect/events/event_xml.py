"""Windows events as XML: what the Event Viewer saves, `wevtutil qe` prints and Splunk's forwarder collects.

A file holds `<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event">...</Event>` one after another, in an
`<Events>` element or not, a line each or not. Each is cut out of the stream and parsed alone, so that a broken one costs
itself, and a file of any size is read in little memory. A document type, and with it every entity of one's own, is refused.
Source: "Event Schema" (Windows Event Log), Microsoft Learn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any
from xml.etree import ElementTree

from lurcher.collect.events.event import Event
from lurcher.collect.exports.rows import Reject

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_BLOCK = 1 << 20
#: The longest event: an event of Windows has 64 KiB, a script block's text comes in pieces of less.
MAX_EVENT = 4 * 1024 * 1024
_START = re.compile(rb"<Event(?=[\s>])")
END = b"</Event>"
# What may stand between events: blanks, the declaration, comments, and the element around them.
_BETWEEN = re.compile(rb"(?:\s+|\xef\xbb\xbf|\x00|<\?.*?\?>|<!--.*?-->|</?Events(?:\s[^<>]*)?>)*", re.DOTALL)
# XML has no way to write most control characters, but Windows and its tools write them all the same (a `MinPasswordAge`
# of 3 as the letter 3). They are read as letters of the private use area and put back.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?P<hex>[0-9a-fA-F]{1,2})|0*(?P<dec>[0-9]{1,2}));"
)
_PRIVATE = re.compile("[\ue000-\ue021]")
_LEGAL = {9, 10, 13}
_BACK = {0xE000 + n: n for n in range(32)} | {0xE020: 0xFFFE, 0xE021: 0xFFFF}
_INTEGER = re.compile(r"\s*(?:0[xX][0-9a-fA-F]+|[0-9]+)\s*")


@dataclass(frozen=True)
class Found:
    """An event, with the text that it was."""

    event: Event
    raw: bytes


def is_event_xml(head: bytes) -> bool:
    """Whether a file (of UTF-8, as every text comes here) begins as one of events in XML."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    return text.lstrip()[:1] == b"<" and _START.search(text) is not None and NAMESPACE.encode() in text


def read_events(stream: IO[bytes]) -> Iterator[Found | Reject]:
    """The events of a stream, in order, and what is none. Positions count events and rejects alike, from 1."""
    buffer, number, ended = b"", 0, False
    while not ended:
        block = stream.read(_BLOCK)
        ended = not block
        buffer += block
        at = 0
        while True:
            start = _START.search(buffer, at)
            if start is None:
                break
            if buffer[at : start.start()].strip() and not between(buffer[at : start.start()]):
                number += 1
                yield Reject("event", number, "text that is no event", buffer[at : start.start()].strip())
            end = buffer.find(END, start.end())
            following = _START.search(buffer, start.end())
            if following is not None and (end < 0 or following.start() < end):
                # The end of the first is lost; the next one is whole, or not, by itself.
                number += 1
                yield Reject("event", number, "the event has no end", buffer[start.start() : following.start()].strip())
                at = following.start()
                continue
            if end < 0:
                at = start.start()
                break
            raw = buffer[start.start() : end + len(END)]
            at = end + len(END)
            number += 1
            yield _found(raw, number)
        buffer = buffer[at:]
        if len(buffer) > MAX_EVENT and not ended:
            number += 1
            yield Reject("event", number, f"no event ends within {MAX_EVENT >> 20} MiB", buffer[:65_536])
            # What begins a mark of the next event may be at the end of what is there.
            buffer = buffer[-16:] if _START.search(buffer, len(END)) is None else buffer[len(END) :]
    if buffer.strip() and not between(buffer):
        yield Reject("event", number + 1, "cut off: the event has no end", buffer.strip())


def between(text: bytes) -> bool:
    """Whether this may stand between events."""
    return _BETWEEN.fullmatch(text) is not None


def _found(raw: bytes, number: int) -> Found | Reject:
    try:
        return Found(parse_event(raw, number), raw)
    except ValueError as error:
        return Reject("event", number, str(error), raw)


def parse_event(raw: bytes, position: int) -> Event:
    """The event that an `<Event>` element is. Raises `ValueError` with the reason where it is none."""
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise ValueError("a document type within an event")
    root = _parse(raw)
    system = next((e for e in root if _local(e) == "System"), None)
    if system is None:
        raise ValueError("the event has no System")
    parts = {_local(e): e for e in system}
    provider, execution = parts.get("Provider"), parts.get("Execution")
    security, correlation, created = parts.get("Security"), parts.get("Correlation"), parts.get("TimeCreated")
    event_id = _integer(_text(parts.get("EventID")))
    if event_id is None:
        raise ValueError("the event has no EventID")
    name, data = _data(root)
    rendering = next((e for e in root if _local(e) == "RenderingInfo"), None)
    message = next((e for e in rendering if _local(e) == "Message"), None) if rendering is not None else None
    return Event(
        position=position,
        time=_attribute(created, "SystemTime"),
        provider=_attribute(provider, "Name") or _attribute(provider, "EventSourceName"),
        event_id=event_id,
        channel=_text(parts.get("Channel")),
        computer=_text(parts.get("Computer")),
        record_id=_integer(_text(parts.get("EventRecordID"))),
        data=data,
        user_data=name,
        provider_guid=_attribute(provider, "Guid"),
        version=_integer(_text(parts.get("Version"))),
        level=_integer(_text(parts.get("Level"))),
        task=_integer(_text(parts.get("Task"))),
        opcode=_integer(_text(parts.get("Opcode"))),
        keywords=_text(parts.get("Keywords")),
        process_id=_integer(_attribute(execution, "ProcessID")),
        thread_id=_integer(_attribute(execution, "ThreadID")),
        user_sid=_attribute(security, "UserID"),
        activity_id=_attribute(correlation, "ActivityID"),
        message=message.text if message is not None else None,
    )


def _parse(raw: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(raw)
    except (ElementTree.ParseError, ValueError) as error:
        reason = f"not XML: {error}"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error.reason}") from None
    hidden = _CONTROL.sub(_private, text)
    if hidden == text or _PRIVATE.search(text):
        raise ValueError(reason)
    try:
        root = ElementTree.fromstring(hidden)
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"not XML: {error}") from None
    for element in root.iter():
        element.text = element.text.translate(_BACK) if element.text else element.text
        for name, value in element.items():
            element.set(name, value.translate(_BACK))
    return root


def _private(match: re.Match[str]) -> str:
    if match["hex"] or match["dec"]:
        code = int(match["hex"], 16) if match["hex"] else int(match["dec"])
        return match[0] if code in _LEGAL or code > 31 else chr(0xE000 + code)
    code = ord(match[0])
    return chr(0xE000 + code if code < 32 else 0xE020 + code - 0xFFFE)


def _data(root: ElementTree.Element) -> tuple[str | None, dict[str, Any]]:
    """The name of the element in `UserData`, where the data are there, and the data by name."""
    for element in root:
        kind = _local(element)
        if kind in ("EventData", "ProcessingErrorData", "DebugData"):
            return None, _fields(element)
        if kind == "UserData" and len(element):
            inner = element[0]
            return _local(inner), _nested(inner)
    return None, {}


def _fields(element: ElementTree.Element) -> dict[str, Any]:
    data: dict[str, Any] = {}
    unnamed: list[str] = []
    for child in element:
        name, text = child.get("Name"), child.text or ""
        if _local(child) == "Data" and not name:
            unnamed.append(text)
        elif name or _local(child) != "Data":
            _put(data, name or _local(child), _nested(child) if len(child) else text)
    if unnamed:
        _put(data, "Data", unnamed)
    return data


def _nested(element: ElementTree.Element) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for child in element:
        _put(data, child.get("Name") or _local(child), _nested(child) if len(child) else child.text or "")
    return data


def _put(data: dict[str, Any], name: str, value: Any) -> None:
    """A name that comes again is kept as `Name_1`, as in events of a binary log."""
    key, times = name, 0
    while key in data:
        times += 1
        key = f"{name}_{times}"
    data[key] = value


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _text(element: ElementTree.Element | None) -> str | None:
    return element.text if element is not None else None


def _attribute(element: ElementTree.Element | None, name: str) -> str | None:
    return element.get(name) if element is not None else None


def _integer(text: str | None) -> int | None:
    if not text or _INTEGER.fullmatch(text) is None:
        return None
    value = int(text, 0) if "x" in text.lower() else int(text)
    return value if value < 2**63 else None
