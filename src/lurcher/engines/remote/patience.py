"""Asking again: after the time that the service names, or twice the last one; not for ever."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from lurcher.engines.remote.faults import Broken, RemoteError, Throttled

T = TypeVar("T")


@dataclass
class Patience:
    """`attempts` of one request, `first` seconds before the second one where the service names no time, `longest` at most between
    two. `told` hears of each wait. `stop` ends a wait at once."""

    attempts: int = 5
    first: float = 1.0
    longest: float = 120.0
    told: Callable[[str], None] = lambda text: None
    stop: threading.Event = field(default_factory=threading.Event)
    chance: Callable[[], float] = random.random

    def get(self, ask: Callable[[], T], until: float | None, quota: str = "") -> T:
        """What `ask` gives. `until` (of `time.monotonic()`) ends it. Raises `RemoteError`, and what `ask` raises else."""
        for attempt in range(1, self.attempts + 1):
            try:
                return ask()
            except Throttled as error:
                what = f"{error.message}; its limit: {quota}" if quota else error.message
                wait = error.wait if error.wait is not None else self._backoff(attempt)
            except Broken as error:
                what, wait = str(error), self._backoff(attempt)
            if attempt == self.attempts:
                raise RemoteError(what, f"asked {attempt} times; try again later")
            if wait > self.longest:
                raise RemoteError(what, f"the service asks for {wait:,.0f} s of rest; try again then")
            if until is not None and time.monotonic() + wait > until:
                raise RemoteError(what, f"to ask again after {wait:.0f} s would take longer than --timeout allows")
            self.told(f"{what}; asking again in {wait:.0f} s" if wait >= 1 else f"{what}; asking again")
            if self.stop.wait(wait):
                raise RemoteError(what, "it was interrupted")
        raise AssertionError("unreachable")

    def _backoff(self, attempt: int) -> float:
        """With jitter, so that those who were sent away together do not come back together."""
        return min(self.first * 2.0 ** (attempt - 1), self.longest) * (0.5 + self.chance())
