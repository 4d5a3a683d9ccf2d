"""The formats of sources: each is declared in its own file of `readers/`, and recognised by what a file begins with."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.partwise import Parts
from lurcher.collect.exports.rows import Reject, TableBatch

Reader = Callable[[Leaf, ReadContext], Iterator[TableBatch | Reject]]


@dataclass(frozen=True)
class Head:
    """How a file begins: its first bytes (64 KiB at most), and its name, which only breaks ties."""

    data: bytes
    name: str


@dataclass(frozen=True)
class SourceFormat:
    """One format. `recognise` looks at the head, and says yes or no, or, for yes, what it has seen (`2 columns`); of those that say
    yes, the lowest `rank` wins: what is told by a signature
    or by names of its own comes before what is told by its shape alone. `read` streams rows and rejects; it raises
    `LurcherError` where the file as a whole cannot be taken. `parts`: the same in two halves, where a file can be read by several
    processes."""

    name: str
    title: str
    rank: int
    recognise: Callable[[Head], bool | str]
    read: Reader
    parts: Callable[[], Parts] | None = None


#: name -> format, filled by the modules of `readers`.
FORMATS: dict[str, SourceFormat] = {}


def source_format(
    name: str,
    title: str,
    rank: int,
    recognise: Callable[[Head], bool | str],
    parts: Callable[[], Parts] | None = None,
) -> Callable[[Reader], Reader]:
    """Declare the function as the reader of a format."""

    def declare(read: Reader) -> Reader:
        if name in FORMATS or any(f.rank == rank for f in FORMATS.values()):
            raise ValueError(f"the format {name}, or the rank {rank}, is declared twice")
        FORMATS[name] = SourceFormat(name, title, rank, recognise, read, parts)
        return read

    return declare


def recognise(leaf: Leaf) -> SourceFormat | None:
    """The format of a file; None where it is of none that is known."""
    return recognised(leaf)[0]


def recognised(leaf: Leaf) -> tuple[SourceFormat | None, str]:
    """The format of a file, and what it was recognised by."""
    head = Head(leaf.head(), leaf.name)
    for kind in sorted(FORMATS.values(), key=lambda f: f.rank):
        if seen := kind.recognise(head):
            return kind, seen if isinstance(seen, str) else "what it begins with"
    return None, ""


def _load() -> None:
    from lurcher.collect.exports import readers

    for module in pkgutil.iter_modules(readers.__path__):
        importlib.import_module(f"{readers.__name__}.{module.name}")


_load()
