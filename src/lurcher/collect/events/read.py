"""Events of a file -> rows: what the readers of all formats share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lurcher.collect.events.clock import Clock
from lurcher.collect.events.event import Events
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.partwise import Exchange, Parts
from lurcher.collect.exports.rows import Reject, TableBatch

if TYPE_CHECKING:
    from lurcher.collect.events.mapping import ProcessMemory

#: Events that are made into rows at once: a kind of event has its columns built once for all of them.
BATCH = 4096


class EventParts(Parts):
    """Reads a file of events in parts. Other processes' copies tell each other of the processes that events start and end."""

    def __init__(self) -> None:
        self._memory: ProcessMemory | None = None
        self._clock: Clock | None = None

    def events(self, part: Any, context: ReadContext) -> Iterator[Events | Reject]:
        """The events of a part, all of them at once."""
        raise NotImplementedError

    def read(self, part: Any, context: ReadContext) -> Iterator[TableBatch | Reject]:
        from lurcher.collect.events.mapping import ProcessMemory, map_events

        clock = self._clock = self._clock or Clock(context)
        memory = self._memory = self._memory or ProcessMemory()
        for made in self.events(part, context):
            if isinstance(made, Reject):
                yield made
            else:
                yield from map_events(_placed(made, clock), context, memory)

    def join(self, number: int, exchange: Exchange) -> None:
        from lurcher.collect.events.mapping.memory import ProcessMemory, SharedMemory

        if not isinstance(self._memory, SharedMemory):
            self._memory = SharedMemory(exchange, self._memory or ProcessMemory())
        self._memory.begin(number)

    def leave(self) -> None:
        from lurcher.collect.events.mapping.memory import SharedMemory

        if isinstance(self._memory, SharedMemory):
            self._memory.end()

    def learned(self) -> Any:
        return self._clock.learned() if self._clock else None

    def learn(self, learned: Any) -> None:
        if learned is not None and self._clock is not None:
            self._clock.learn(learned)

    def finish(self, context: ReadContext) -> Iterator[TableBatch | Reject]:
        if self._clock is not None:
            self._clock.settle()
        yield from ()


def to_rows(parts: Iterable[Events | Reject], context: ReadContext) -> Iterator[TableBatch | Reject]:
    """The rows of the events of a file, and what could not be taken, in the file's order."""
    from lurcher.collect.events.mapping import ProcessMemory, map_events

    memory, clock = ProcessMemory(), Clock(context)
    for part in parts:
        if isinstance(part, Reject):
            yield part
        else:
            yield from map_events(_placed(part, clock), context, memory)
    clock.settle()


def _placed(made: Events, clock: Clock) -> Events:
    """The events as columns, with what is to be added to their times."""
    groups = made.groups()
    return made._replace(events=[], places=None, columns=groups, clock_offset=clock.offset(groups))
