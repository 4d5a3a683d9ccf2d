"""What an archive may grow to."""

from __future__ import annotations

from lurcher.errors import LurcherError

#: Archives in archives in archives: no further.
MAX_DEPTH = 3
MAX_MEMBERS = 100_000
#: What a stream may grow by. Exports shrink to a tenth; a bomb to a thousandth.
MAX_RATIO = 250
#: Below this size no ratio is held against a stream: short files of one letter are honest.
FREE_BYTES = 64 * 1024 * 1024
#: The same for all that is in one file on disk, together.
FREE_TOTAL = 1024 * 1024 * 1024
#: What of an archive in an archive is held on disk while it is read: a zip is read from its end.
MAX_SPOOLED = 2 * 1024 * 1024 * 1024
#: Members of a stream are held in memory up to this size, on disk (packed) beyond it.
MAX_IN_MEMORY = 16 * 1024 * 1024


class Budget:
    """What may come out of one file on disk, all in all, and how many members."""

    def __init__(self, size: int) -> None:
        self._left = max(FREE_TOTAL, size * MAX_RATIO)
        self._members = MAX_MEMBERS
        #: Why nothing more is read of the file; '' while there is something left.
        self.spent = ""

    def take(self, count: int, name: str) -> None:
        self._left -= count
        if self._left < 0:
            self.spent = f"it unpacks to more than {MAX_RATIO} times its size in all"
            raise LurcherError(self.spent, "unpack it first", name)

    def member(self, name: str) -> None:
        self._members -= 1
        if self._members < 0:
            self.spent = f"it has more than {MAX_MEMBERS:,} members"
            raise LurcherError(self.spent, "unpack it first", name)


class Meter:
    """The limits of one stream. What is read a second time is not counted again."""

    def __init__(self, packed: int, budget: Budget, name: str) -> None:
        self._most = max(FREE_BYTES, packed * MAX_RATIO)
        self._budget, self._name, self._seen = budget, name, 0

    def reached(self, place: int) -> None:
        """So much of the stream has come out. Raises `LurcherError` where it is too much."""
        if place > self._most:
            raise LurcherError(f"unpacks to more than {MAX_RATIO} times its size", "unpack it first", self._name)
        if place > self._seen:
            new, self._seen = place - self._seen, place
            self._budget.take(new, self._name)
