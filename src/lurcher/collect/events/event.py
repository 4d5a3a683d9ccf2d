"""One Windows event, whatever form it was in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class Alike(NamedTuple):
    """Events whose data has the same names, field by field."""

    #: The place of each among the events that are read at once, ascending.
    places: Sequence[int]
    #: Fields of `Event`, other than `data`; one that is not here is None throughout.
    system: Mapping[str, Sequence[Any]]
    #: The names of the data, and for each the values.
    names: tuple[str, ...]
    values: Sequence[Sequence[Any]]


#: The fields of an `Alike`'s `system`.
SYSTEM = tuple(name for name in Event._fields if name != "data")


def alike(events: Sequence[Event], places: Sequence[int] | None = None) -> list[Alike]:
    """Events by the names of their data. `places`: of each, where they are not all that is read at once."""
    at = range(len(events)) if places is None else places
    shapes: dict[tuple[str, ...], list[int]] = {}
    for i, event in enumerate(events):
        shapes.setdefault(tuple(event.data), []).append(i)
    found = []
    for names, rows in shapes.items():
        columns = dict(zip(Event._fields, zip(*[events[i] for i in rows], strict=True), strict=True))
        data = columns.pop("data")
        values = list(zip(*[one.values() for one in data], strict=True))
        found.append(Alike([at[i] for i in rows], columns, names, values))
    return found


#: What a mapping makes the rows of: some events of one file, and the raw text of each for rejects.
class Events(NamedTuple):
    #: In the file's order, or at `places` of it.
    events: list[Event]
    #: The text of the event at a place, for its reject.
    raw: Any  # Callable[[int], bytes]
    #: What a position counts: `line`, `element` or `record`.
    unit: str
    #: What is added to every record time (microseconds): the file's clock was wrong by so much.
    clock_offset: int = 0
    places: Sequence[int] | None = None
    #: Events that are columns already.
    columns: Sequence[Alike] = ()

    @property
    def end(self) -> int:
        """The place behind the last."""
        own = len(self.events) if self.places is None else self.places[-1] + 1 if self.places else 0
        return max([own, *(one.places[-1] + 1 for one in self.columns)])

    def groups(self) -> list[Alike]:
        """All of them, by the names of their data."""
        return [*self.columns, *alike(self.events, self.places)]
