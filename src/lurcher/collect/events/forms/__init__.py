"""The forms in which programs write a Windows event as a JSON object: each is declared in its own file here.

    object --form_of--> Form --event--> Event | ValueError (the reason of a reject)

A form is told by the names in the object. Which names are the event's own (`System`) and which are its data is a matter of
the form, and is declared in its file: the same `ProcessId` is the process of a Sysmon event in one and the process that
wrote the event in another.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lurcher.collect.events.event import Event

Object = dict[str, Any]
Convert = Callable[[Object, int], Event]


@dataclass(frozen=True)
class Form:
    """One form. `takes` looks at the names of an object; of the forms that say yes the lowest `rank` wins. `event` makes the
    event of an object at a position; it raises `ValueError` with the reason where the object is none."""

    name: str
    title: str
    rank: int
    takes: Callable[[Object], Any]
    event: Convert


#: By rank, filled by the modules beside.
FORMS: list[Form] = []


def form(name: str, title: str, rank: int, takes: Callable[[Object], Any]) -> Callable[[Convert], Convert]:
    """Declare the function as what makes events of a form's objects."""

    def declare(event: Convert) -> Convert:
        if any(name == f.name or rank == f.rank for f in FORMS):
            raise ValueError(f"the form {name}, or the rank {rank}, is declared twice")
        FORMS.append(Form(name, title, rank, takes, event))
        FORMS.sort(key=lambda f: f.rank)
        return event

    return declare


def form_of(value: Object) -> Form | None:
    """The form of an object; None where it is no event."""
    for candidate in FORMS:
        if candidate.takes(value):
            return candidate
    return None


#: What holds an event as a value: Elasticsearch's answers, Splunk's exports, answers of programs over a network.
_WRAPPERS = ("_source", "fields", "result", "event", "payload", "document", "data")
#: What holds a list of them.
_LISTS = ("Events", "events", "hits", "records", "Event", "results", "value", "data")
_DEPTH = 3


def unwrap(value: Object, depth: int = 0) -> Iterator[Object]:
    """The events in an object that is none itself: one in a wrapper, or those of a list; nothing where there are none."""
    for name in _WRAPPERS:
        inner = value.get(name)
        if type(inner) is dict:
            if form_of(inner) is not None:
                yield inner
                return
            if depth < _DEPTH:
                found = list(unwrap(inner, depth + 1))
                if found:
                    yield from found
                    return
    for name in _LISTS:
        inner = value.get(name)
        if type(inner) is dict and depth < _DEPTH:
            found = list(unwrap(inner, depth + 1))
            if found:
                yield from found
                return
        if type(inner) is list and inner and all(type(element) is dict for element in inner):
            for element in inner:
                within = list(unwrap(element, depth + 1)) if depth < _DEPTH and form_of(element) is None else []
                yield from within or [element]
            return


def _load() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


_load()
