"""What a query may use: seconds and memory.

The engine's own limit counts its buffers. The texts and lists of one vector, and what a function in Python makes, are beside
them: the process as a whole is watched as well.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from lurcher.errors import LurcherError

T = TypeVar("T")

#: What a process may grow by beyond the engine's limit: plans, a few vectors, the rows that come out.
_SLACK = 256 << 20
#: Part of the machine's memory that is the limit where none is given: the engine's own measure.
_PART = 0.8
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def memory_bytes(size: str | None) -> int | None:
    """`500MB` and the like in bytes; of None, and of what cannot be read, what the engine takes."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", size.upper()) if size is not None else None
    if found is not None and found[2] in _UNITS:
        return int(float(found[1]) * _UNITS[found[2]])
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _PART)
    except (AttributeError, ValueError, OSError):
        return None


def resident() -> int:
    """Bytes of memory that the process has; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


def too_late(timeout: float | None) -> LurcherError:
    """What is said of a query that has had its time: `timeout` seconds, None where it was stopped otherwise."""
    what = f"the query took longer than {timeout:g} s" if timeout is not None else "the query was interrupted"
    return LurcherError(what, "narrow its time range, or give it longer: --timeout SECONDS")


#: Waits of a thread that is about to be told that it is late: the first is enough.
_STEPS = 100


class _Late(BaseException):
    """Comes to a thread from outside, at any of its steps; never leaves `within`."""


def _raise_in(thread: int, what: type[BaseException]) -> None:
    """Let a thread meet `what` at its next step in Python. It cannot be taken back: Python 3.11 then looks for it at every step
    from there on, and makes none at all under a profiler or a debugger."""
    import ctypes

    api = getattr(ctypes, "pythonapi", None)
    if api is not None:
        api.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(what))


def within(deadline: float | None, late: Callable[[], Exception], work: Callable[[], T]) -> T:
    """What `work()`, in Python alone, gives; what `late()` gives is raised when it is still at work at `deadline` (of
    `time.monotonic()`; None is never). Not by a signal: those come to the main thread only, and a shell's background jobs
    ignore them."""
    if deadline is None:
        return work()
    left = deadline - time.monotonic()
    if left <= 0:
        raise late()
    thread, lock, ended, sent, met = threading.get_ident(), threading.Lock(), False, False, False

    def end() -> None:
        nonlocal sent
        with lock:
            if not ended:
                sent = True
                _raise_in(thread, _Late)

    timer = threading.Timer(min(left, threading.TIMEOUT_MAX), end)
    timer.daemon = True
    try:
        timer.start()
        try:
            return work()
        except _Late:
            met = True
            raise
        finally:
            with lock:
                ended = True
            timer.cancel()
            if sent and not met:
                # It is on its way, and must not meet what comes after.
                for _ in range(_STEPS):
                    time.sleep(0.001)
                raise _Late
    except _Late:
        raise late() from None


def watching(
    deadline: float | None, memory: str | None, late: Callable[[], Exception], large: Callable[[], Exception]
) -> Callable[[], Exception | None]:
    """What says, asked again and again from here on, that a query has had its time or its memory."""
    limit = memory_bytes(memory)
    most = resident() + limit + _SLACK if limit is not None else None

    def watch() -> Exception | None:
        if deadline is not None and time.monotonic() > deadline:
            return late()
        if most is not None and resident() > most:
            return large()
        return None

    return watch
