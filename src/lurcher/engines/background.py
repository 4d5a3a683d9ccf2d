"""Rows read ahead in a thread, so that whoever waits for them can be interrupted.

Ctrl-C reaches Python between two of its own steps: a main thread that is inside of the engine would notice it when the query has
ended.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

#: Items that are ready before anybody asks for them.
_AHEAD = 2
_POLL = 0.1
#: Seconds that a thread is given to end once its items are not wanted. An engine notices an interrupt between two steps, and
#: a step may be the planning of a thousand conditions, or a function in Python over a large value.
GRACE = 0.5
_abandoned: list[threading.Thread] = []


def abandoned() -> bool:
    """Whether there are threads that nobody waits for any more and that have not ended. They hold no lock of Python's for
    long, but must not be met by an interpreter that ends."""
    return any(thread.is_alive() for thread in _abandoned)


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    """One item, none at the end, or what went wrong."""

    value: list[T]
    error: BaseException | None = None


def in_background(
    produce: Callable[[], Iterator[T]],
    interrupt: Callable[[], None],
    watch: Callable[[], Exception | None] = lambda: None,
    left: Callable[[], None] = lambda: None,
) -> Iterator[T]:
    """The items of `produce()`, which runs in a thread of its own. What it raises is raised here. When the items are no longer
    wanted (an exception, Ctrl-C, a reader that has gone), `interrupt` is called and the thread waited for, not for long: then
    it is left alone, and `left` is called. `watch` is asked ten times a second whether that is so: what it gives is raised."""
    ready: queue.Queue[_Item[T]] = queue.Queue(_AHEAD)
    unwanted = threading.Event()

    def put(item: _Item[T]) -> bool:
        while not unwanted.is_set():
            try:
                ready.put(item, timeout=_POLL)
                return True
            except queue.Full:
                continue
        return False

    def run() -> None:
        try:
            for item in produce():
                if not put(_Item([item])):
                    return
            put(_Item([]))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the rows are wanted
            put(_Item([], error))

    thread = threading.Thread(target=run, name="query", daemon=True)
    thread.start()
    try:
        while True:
            reason = watch()
            if reason is not None:
                raise reason
            try:
                item = ready.get(timeout=_POLL)
            except queue.Empty:
                continue
            if item.error is not None:
                raise item.error
            if not item.value:
                return
            yield item.value[0]
    finally:
        unwanted.set()
        until = time.monotonic() + GRACE
        while thread.is_alive() and time.monotonic() < until:
            interrupt()
            thread.join(_POLL)
        if thread.is_alive():
            _abandoned.append(thread)
            left()
