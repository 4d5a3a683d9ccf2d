"""What a file has told of processes so far: the facts that an event's initiating process has in Defender, and a later event
of Windows does not repeat.

A process is known by Sysmon's ProcessGuid, or, in the Security log, by its number for as long as nothing says that the
number went to another. Only what stands earlier in the file counts, so that the rows do not depend on how a file was cut
into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from lurcher.collect.exports.partwise import Exchange, NotApartError
from lurcher.kql.types import ScalarType as T

#: What is remembered, by the part of the column's name after `InitiatingProcess`.
FACTS: dict[str, T] = {
    "FileName": T.STRING,
    "FolderPath": T.STRING,
    "SHA1": T.STRING,
    "SHA256": T.STRING,
    "MD5": T.STRING,
    "VersionInfoCompanyName": T.STRING,
    "VersionInfoProductName": T.STRING,
    "VersionInfoOriginalFileName": T.STRING,
    "VersionInfoFileDescription": T.STRING,
    "Id": T.LONG,
    "CommandLine": T.STRING,
    "CreationTime": T.DATETIME,
    "AccountDomain": T.STRING,
    "AccountName": T.STRING,
    "AccountSid": T.STRING,
    "LogonId": T.LONG,
    "IntegrityLevel": T.STRING,
    "TokenElevation": T.STRING,
    "SessionId": T.LONG,
    "ParentId": T.LONG,
    "ParentFileName": T.STRING,
    "ParentCreationTime": T.DATETIME,
}
_PLACES = {fact: i for i, fact in enumerate(FACTS)}
_CREATION, _PARENT_CREATION = _PLACES["CreationTime"], _PLACES["ParentCreationTime"]

#: (computer in lower case, ProcessGuid or number)
Key = tuple[str, Any]


class Process(NamedTuple):
    """One process: the number in the file of the event that told of it, and `FACTS` in order."""

    event: int
    facts: tuple[Any, ...]


class ProcessMemory:
    """One a file. Of the processes of each kind the last `limit` are kept."""

    def __init__(self, limit: int = 200_000) -> None:
        self._limit = limit
        #: How many events of the file were seen.
        self.events = 0
        self._by_guid: dict[Key, Process] = {}
        self._by_number: dict[Key, Process] = {}
        #: What this batch says of a number, in the file's order; None from the process' end on.
        self._changes: dict[Key, list[tuple[int, Process | None]]] = {}

    def tell(self, told: Sequence[tuple[Any, ...]]) -> None:
        """What a batch says of processes, in the file's order: the name of a method, and what it is given."""
        for name, *what in told:
            getattr(self, name)(*what)

    def again(self) -> None:
        """The batch is told a second time: it held what cannot be written."""

    # --- Sysmon ---

    def started(self, key: Key, process: Process, parent: Key) -> None:
        """Sysmon 1. The first word on a ProcessGuid stays: it is never given twice, and a repeat says the same."""
        if key in self._by_guid:
            return
        before = self._by_guid.get(parent)
        if before is not None:
            process = _with_parent(process, before)
        self._by_guid[key] = process
        _trim(self._by_guid, self._limit)

    def of_guids(self, keys: Iterable[Key], events: Iterable[int]) -> list[Process | None]:
        """The process of each key, as far as the file told it before the event."""
        get = self._by_guid.get
        return [
            found if (found := get(key)) is not None and found.event < event else None
            for key, event in zip(keys, events, strict=True)
        ]

    # --- the Security log ---

    def number_given(self, key: Key, process: Process, parent: Key) -> None:
        """4688: from here on the number is this process'. To be told in the file's order."""
        before = self._at(parent, process.event)
        if before is not None:
            process = _with_parent(process, before)
        self._changes.setdefault(key, []).append((process.event, process))

    def number_free(self, key: Key, event: int) -> None:
        """4689: the process ended. What the system logs for it afterwards cannot be told from a successor's."""
        self._changes.setdefault(key, []).append((event, None))

    def of_numbers(self, keys: Iterable[Key], events: Iterable[int]) -> list[Process | None]:
        return [self._at(key, event) for key, event in zip(keys, events, strict=True)]

    def _at(self, key: Key, event: int) -> Process | None:
        found = self._by_number.get(key)
        for when, process in self._changes.get(key, ()):
            if when >= event:
                break
            found = process
        return found

    def end_of_batch(self, events: int) -> None:
        self.events += events
        for key, changes in self._changes.items():
            last = changes[-1][1]
            self._by_number.pop(key, None)
            if last is not None:
                self._by_number[key] = last
        self._changes.clear()
        _trim(self._by_number, self._limit)


def _with_parent(process: Process, parent: Process) -> Process:
    facts = list(process.facts)
    facts[_PARENT_CREATION] = parent.facts[_CREATION]
    return Process(process.event, tuple(facts))


def _trim(processes: dict[Key, Process], limit: int) -> None:
    while len(processes) > limit:
        del processes[next(iter(processes))]


class SharedMemory(ProcessMemory):
    """The memory of one of several processes that read a file in parts: each hears what the others' parts tell, in order."""

    #: The number of a part's first event: events are told apart, and which came first.
    _PART = 1 << 32

    def __init__(self, exchange: Exchange, before: ProcessMemory) -> None:
        super().__init__(before._limit)
        self._by_guid, self._by_number = dict(before._by_guid), dict(before._by_number)
        self._exchange = exchange
        self._part = 0
        self._told = True

    def begin(self, part: int) -> None:
        self._part, self._told = part, False
        self.events = part * self._PART

    def end(self) -> None:
        if not self._told:
            self.tell([])
            self.end_of_batch(0)

    def tell(self, told: Sequence[tuple[Any, ...]]) -> None:
        if not self._told:
            self._told = True
            for words in self._exchange.before(self._part):
                super().tell(words)
                self.end_of_batch(0)
            self._exchange.tell(self._part, told)
        super().tell(told)

    def again(self) -> None:
        raise NotApartError


class Recalled:
    """Processes of the rows of a frame, as columns."""

    def __init__(self, found: Sequence[Process | None]) -> None:
        places: dict[int, int] = {id(None): 0}
        self._distinct: list[tuple[Any, ...]] = [(None,) * len(FACTS)]
        for process in found:
            if process is not None and id(process) not in places:
                places[id(process)] = len(self._distinct)
                self._distinct.append(process.facts)
        self._indices = [places[id(process)] for process in found]

    def __bool__(self) -> bool:
        return len(self._distinct) > 1

    def column(self, fact: str) -> list[Any] | None:
        """None where nothing is known."""
        place = _PLACES[fact]
        values = [facts[place] for facts in self._distinct]
        return [values[i] for i in self._indices] if any(v is not None for v in values) else None
