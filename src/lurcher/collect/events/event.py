"""One Windows event, whatever form it was in."""

from __future__ import annotations

from typing import Any, NamedTuple


class Event(NamedTuple):
    """What the `System` part of an event says, as text where a form may have it as text, and its data.

    A value that the form does not have is None, never invented. `data` holds the event's own fields by name, in order
    (`EventData`, `UserData`): a value is text, a number, a bool, None, or a list or object where the form nests; unnamed
    data is a list of texts under the name `Data`. The names are the provider's own (`CommandLine`, `TargetUserName`).
    Source: "Event Schema" (Windows Event Log), Microsoft Learn.
    """

    #: Line, element or record number in the file, from 1: what a reject names.
    position: int
    #: `TimeCreated`, in UTC, as the form writes it (ISO 8601; up to 9 digits of a second), before any repair of the clock.
    time: str | None
    provider: str | None
    event_id: int
    channel: str | None
    computer: str | None
    record_id: int | None
    data: dict[str, Any]
    #: The name of the element that `data` was in where it is no `EventData`: `LogFileCleared` of a `UserData`.
    user_data: str | None = None
    provider_guid: str | None = None
    version: int | None = None
    level: int | None = None
    task: int | None = None
    opcode: int | None = None
    keywords: str | None = None
    process_id: int | None = None
    thread_id: int | None = None
    user_sid: str | None = None
    activity_id: str | None = None
    #: The text that the source's own machine made of the event (`Message`).
    message: str | None = None
    #: Where the file is a log that may come again in a longer copy: 16 bytes that tell the event from all others, in each copy.
    identity: bytes | None = None


#: What a mapping makes the rows of: some events of one file, in the file's order, and the raw text of each for rejects.
class Events(NamedTuple):
    events: list[Event]
    #: The text of the event at a place of the list, for its reject.
    raw: Any  # Callable[[int], bytes]
    #: What a position counts: `line`, `element` or `record`.
    unit: str
    #: What is added to every record time (microseconds): the file's clock was wrong by so much.
    clock_offset: int = 0
