"""Objects with the same names, column by column: what a form makes of many of them at once.

    objects --by shape--> Columns --a form's `alike`--> Alike, or None: each is to be looked at by itself

What is made of them is what the form's `event` makes of each: where a value decides which fields an event has, or something is
wrong with any, the form says None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lurcher.collect.events.event import Alike
from lurcher.collect.events.forms import Object, form_of

Column = Sequence[Any]

#: The names by which forms are told that look at values as well, and come before those that are here. Objects without these
#: names are of one form where they have the same names.
BY_VALUES = frozenset(("Event", "System", "winlog", "winlog.event_id", "event_id"))
#: Fewer objects are looked at one by one in less time.
_FEW = 12


class Columns:
    """Objects that have the same names in the same order, at least one. `places`: where each stood among others."""

    def __init__(
        self, names: tuple[str, ...], objects: Sequence[Object], places: Sequence[int], positions: Column
    ) -> None:
        self.names, self.places, self.positions = names, places, positions
        self.count = len(objects)
        self._columns: dict[str, Column] = dict(
            zip(names, zip(*[one.values() for one in objects], strict=True), strict=True)
        )

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def get(self, name: str) -> Column:
        """A column; None throughout where there is none."""
        found = self._columns.get(name)
        return [None] * self.count if found is None else found

    def kinds(self, name: str) -> set[type]:
        """The types of a column's values; none where there is no column."""
        return set(map(type, self._columns.get(name, ())))

    def of(self, name: str, kind: type, convert: Callable[[Any], Any]) -> Column:
        """A column, with what is not of the type that it should be of converted."""
        found = self._columns.get(name)
        if found is None:
            return [convert(None)] * self.count
        kinds = set(map(type, found))
        return found if kinds == {kind} else each(found, kinds, lambda v: v if type(v) is kind else convert(v))

    def each(self, name: str, convert: Callable[[Any], Any]) -> Column:
        """What `convert` makes of each value."""
        found = self._columns.get(name)
        return [convert(None)] * self.count if found is None else each(found, set(map(type, found)), convert)

    def alike(self, data: Sequence[str], system: dict[str, Column]) -> Alike:
        """The events, whose data has these names."""
        return Alike(
            self.places, {"position": self.positions, **system}, tuple(data), [self._columns[name] for name in data]
        )


def each(column: Column, kinds: set[type], convert: Callable[[Any], Any]) -> Column:
    """What `convert` makes of each value; of texts and numbers it is asked once for each that there is."""
    if kinds in ({str}, {int}):  # of one type: True and 1.0 are as good as 1 for a dictionary
        known = {value: convert(value) for value in set(column)}
        return [known[value] for value in column]
    return [convert(value) for value in column]


def pairs(one: Column, other: Column, convert: Callable[[Any, Any], Any]) -> Column:
    """The same of two columns."""
    if set(map(type, one)) in ({str}, {int}):
        known = {pair: convert(*pair) for pair in set(zip(one, other, strict=True))}
        return [known[pair] for pair in zip(one, other, strict=True)]
    return [convert(a, b) for a, b in zip(one, other, strict=True)]


# --- the forms that do it ---

Together = Callable[[Columns], Alike | None]

#: A form's name -> what makes events of objects of one shape.
TOGETHER: dict[str, Together] = {}


def together(form: str) -> Callable[[Together], Together]:
    """Declare the function as what makes events of objects of a form that have the same names."""

    def declare(alike: Together) -> Together:
        TOGETHER[form] = alike
        return alike

    return declare


def alike_of(objects: Sequence[Object], positions: Sequence[int]) -> tuple[list[Alike], list[int]]:
    """The events of objects that can be made of many at once, and the places of the others."""
    shapes: dict[tuple[str, ...], list[int]] = {}
    for place, value in enumerate(objects):
        shapes.setdefault(tuple(value), []).append(place)
    found: list[Alike] = []
    others: list[int] = []
    for names, places in shapes.items():
        made = None
        if len(places) >= _FEW and BY_VALUES.isdisjoint(names):
            form = form_of(objects[places[0]])
            make = TOGETHER.get(form.name) if form is not None else None
            if make is not None:
                some = [objects[place] for place in places]
                try:
                    made = make(Columns(names, some, places, [positions[place] for place in places]))
                except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
                    made = None  # one of them is not as it should be: it is told by itself
        if made is None:
            others += places
        else:
            found.append(made)
    return found, sorted(others)
