"""A file under several names (hard links) is read once: of a disk of Windows, half of the programs are in WinSxS a second time.

What the system says of a file (device, number, size, time of change) tells that it is the same; how many names it has tells when
nobody asks for what was found any more. The names' ending has to be the same, as it tells what some files are.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from lurcher.collect.examine import FileFacts, NotPe, Rejected
from lurcher.collect.walk import Found, Unreadable

Result = FileFacts | NotPe | Rejected
_Item = Found | Unreadable
_Key = tuple[tuple[int, int, int, int], str]
_Examine = Callable[[Iterator[_Item]], Iterable[tuple[_Item, Result]]]

#: Files of which what was found is kept for their other names: some hundred megabytes at most.
MOST = 50_000


def once(found: Iterable[_Item], examine: _Examine) -> Iterator[tuple[_Item, Result]]:
    """Each file with what it is, in order. `examine` gets those that have to be read, and answers in their order."""
    return _Names().run(found, examine)


@dataclass
class _Read:
    """A file that is read; the names that come behind it before the next one is, each with the file that it is a name of."""

    result: Result | None = None
    left: int = 0
    behind: list[tuple[Found, _Read]] = field(default_factory=list)


class _Names:
    def __init__(self) -> None:
        self._known: dict[_Key, _Read] = {}
        self._waiting: deque[_Read] = deque([_Read()])

    def run(self, found: Iterable[_Item], examine: _Examine) -> Iterator[tuple[_Item, Result]]:
        for item, result in examine(self._first(found)):
            yield from _others(self._waiting.popleft())
            self._waiting[0].result = result
            yield item, result
        yield from _others(self._waiting.popleft())

    def _first(self, found: Iterable[_Item]) -> Iterator[_Item]:
        """The files that no name before led to."""
        for item in found:
            key = _key(item)
            known = self._known.get(key) if key is not None else None
            if known is not None and key is not None and isinstance(item, Found):
                self._waiting[-1].behind.append((item, known))
                known.left -= 1
                if not known.left:
                    del self._known[key]
                continue
            read = _Read(left=item.links - 1 if isinstance(item, Found) else 0)
            self._waiting.append(read)
            if key is not None and len(self._known) < MOST:
                self._known[key] = read
            yield item


def _others(read: _Read) -> Iterator[tuple[_Item, Result]]:
    for item, first in read.behind:
        result = first.result
        assert result is not None  # its name came before
        yield item, replace(result, path=item.path) if isinstance(result, FileFacts) else result


def _key(item: _Item) -> _Key | None:
    """What tells a file that has more names than this one; None where there are none, or nothing tells."""
    if not isinstance(item, Found) or item.links < 2 or not item.stamp[3]:
        return None
    return item.stamp, os.path.splitext(item.path)[1].lower()
