"""Events by kind: those of one provider, channel and number, whose data may have different names.

A batch has its kinds one after the other, so that what all events have is cut for one of them, and not picked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lurcher.collect.events.event import SYSTEM, Alike, Event

#: Provider, channel, number, the element that the data was in.
Key = tuple[str | None, str | None, int, str | None]
_KEY = ("provider", "channel", "event_id", "user_data")
#: Events whose data has ever other names are kinds of their own from so many names on, or values.
_MOST_NAMES, _MOST_VALUES = 250, 4_000_000


class Absent:
    """Stands where an event does not have a field that others of its kind have."""


ABSENT = Absent()


@dataclass
class Kind:
    """Events of one kind in the file's order, field by field. `shapes` are the groups that they are made of, each with the
    places of its events in here (None: one group)."""

    key: Key
    places: Sequence[int]
    names: tuple[str, ...]
    values: Sequence[Sequence[Any]]
    shapes: Sequence[tuple[Alike, Sequence[int] | None]]
    _columns: Mapping[str, Sequence[Any]]

    @property
    def count(self) -> int:
        return len(self.places)

    def column(self, name: str) -> Sequence[Any]:
        """A part of the events, by the name in `Event`."""
        found = self._columns.get(name)
        return [None] * self.count if found is None else found


def kinds_of(groups: Iterable[Alike], first: Callable[[Key], bool]) -> list[Kind]:
    """Groups of events by kind, in the order in which the file has the first of each; before others those that are `first`."""
    found: dict[Key, list[Alike]] = {}
    for group in groups:
        for key, part in _parts(group):
            found.setdefault(key, []).append(part)
    for parts in found.values():
        parts.sort(key=lambda part: part.places[0])
    order = sorted(found, key=lambda key: (not first(key), found[key][0].places[0]))
    return [
        _one(key, parts[0]) if len(parts) == 1 else _merged(key, parts) for key in order for parts in _few(found[key])
    ]


def picked(group: Alike, rows: Sequence[int]) -> Alike:
    """Some events of a group."""
    return Alike(
        [group.places[row] for row in rows],
        {name: [column[row] for row in rows] for name, column in group.system.items()},
        group.names,
        [[column[row] for row in rows] for column in group.values],
    )


def events_of(groups: Iterable[Alike]) -> dict[int, Event]:
    """The events by their places."""
    found = {}
    for group in groups:
        for row, place in enumerate(group.places):
            data = dict(zip(group.names, (column[row] for column in group.values), strict=True))
            found[place] = Event(data=data, **{name: column[row] for name, column in group.system.items()})
    return dict(sorted(found.items()))


def joined_column(kinds: Sequence[Kind], name: str) -> Sequence[Any]:
    """A part of the events of all kinds, one after the other."""
    if len(kinds) == 1:
        return kinds[0].column(name)
    joined: list[Any] = []
    for kind in kinds:
        joined += kind.column(name)
    return joined


def _parts(group: Alike) -> list[tuple[Key, Alike]]:
    columns = [group.system.get(name) for name in _KEY]
    given = [column for column in columns if column is not None]
    count = len(group.places)
    if all(column.count(column[0]) == count for column in given):
        key: Any = tuple(None if column is None else column[0] for column in columns)
        return [(key, group)]
    rows: dict[Any, list[int]] = {}
    nothing = [None] * count
    for row, key in enumerate(zip(*[nothing if column is None else column for column in columns], strict=True)):
        rows.setdefault(key, []).append(row)
    return [(key, picked(group, some)) for key, some in rows.items()]


def _few(parts: list[Alike]) -> Iterator[list[Alike]]:
    """Groups of a kind, so many that together they have no more names and values than a kind of Windows does."""
    some: list[Alike] = []
    names: set[str] = set()
    count = 0
    for part in parts:
        names.update(part.names)
        count += len(part.places)
        if some and (len(names) > _MOST_NAMES or len(names) * count > _MOST_VALUES):
            yield some
            some, names, count = [], set(part.names), len(part.places)
        some.append(part)
    yield some


def _one(key: Key, part: Alike) -> Kind:
    return Kind(key, part.places, part.names, part.values, [(part, None)], part.system)


def _merged(key: Key, parts: Sequence[Alike]) -> Kind:
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    places = [place for part in parts for place in part.places]
    order = sorted(range(len(places)), key=places.__getitem__)
    into = [0] * len(order)
    for row, came in enumerate(order):
        into[came] = row
    shapes, start = [], 0
    for part in parts:
        shapes.append((part, into[start : start + len(part.places)]))
        start += len(part.places)

    def column(of: Sequence[Sequence[Any] | None], nothing: Any) -> list[Any]:
        joined: list[Any] = []
        for part, found in zip(parts, of, strict=True):
            joined += [nothing] * len(part.places) if found is None else found
        return [joined[came] for came in order]

    data = [dict(zip(part.names, part.values, strict=True)) for part in parts]
    values = [column([one.get(name) for one in data], ABSENT) for name in names]
    system = {
        name: column([part.system.get(name) for part in parts], None)
        for name in SYSTEM
        if any(name in part.system for part in parts)
    }
    return Kind(key, [places[came] for came in order], names, values, shapes, system)
