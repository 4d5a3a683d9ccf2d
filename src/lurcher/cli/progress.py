"""Progress on standard error: a line that moves in a terminal, nothing at all where nobody looks."""

from __future__ import annotations

import sys
import time
from types import TracebackType

#: Seconds of quiet: what is done sooner needs no bar.
_PATIENCE = 0.5
_INTERVAL = 0.1


class Bar:
    """A count that grows, with what it is at now: `adding 1,203,000 rows  DeviceProcessEvents.jsonl`."""

    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit = what, unit
        self._next = time.monotonic() + _PATIENCE
        self._visible = sys.stderr.isatty()
        self._drawn = False

    def show(self, count: int, note: str = "") -> None:
        if not self._visible or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _INTERVAL
        self._drawn = True
        note = "".join(c if c.isprintable() else "?" for c in note)[:48]
        sys.stderr.write(f"\r\x1b[K{self._what} {count:,} {self._unit}  {note}")
        sys.stderr.flush()

    def line(self, text: str) -> None:
        """Something that is to stay, above the line that moves."""
        if self._visible:
            text = "".join(c if c.isprintable() else "?" for c in text)
            sys.stderr.write(f"\r\x1b[K{text}\n" if self._drawn else f"{text}\n")
            self._drawn = False

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
