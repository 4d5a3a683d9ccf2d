"""What the user allows or supplies beyond tables: addresses, watchlists, a file of places, other workspaces.

The binder only asks what there is; rows are read when a query runs. They come in the types that the text has them in:

| `Supplied.what` | columns |
|---|---|
| `externaldata` of text (csv, txt, ...) | string: the binder's own conversions make the declared types |
| `externaldata` of json | dynamic, likewise |
| `externaldata` of parquet | the declared types |
| `watchlist`, `watchlists` | string |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lurcher.kql.types import Columns

#: Functions that give a database; a path from one names a table there.
PLACES = frozenset({"database", "cluster", "workspace", "app", "resource", "arg", "adx"})


@dataclass(frozen=True, slots=True)
class Watchlist:
    """`columns` are the file's; `key` is the one that `SearchKey` stands for, empty where nobody has said."""

    columns: Columns
    key: str


class Supplies(Protocol):
    def may_read(self, url: str) -> bool:
        """Whether the rows at a URL may be read: fetched, or from the file that it is mapped to."""

    def watchlist(self, alias: str) -> Watchlist | None:
        """None where there is none. Raises `LurcherError` for a file that cannot be read."""

    def watchlists(self) -> Sequence[str]:
        """The aliases there are."""

    def watchlist_place(self, alias: str) -> str:
        """Where the file of a watchlist would have to be; empty where the alias names no file, or there is no lake."""

    def places(self) -> str:
        """The file of places by address; empty where there is none. Raises `LurcherError` for one that cannot be read."""

    def is_here(self, function: str, name: str) -> bool:
        """Whether the tables of `workspace("name")`, `arg("")`, ... are the ones here."""


class Nothing:
    """Nothing is allowed, nothing is supplied."""

    def may_read(self, url: str) -> bool:
        return False

    def watchlist(self, alias: str) -> Watchlist | None:
        return None

    def watchlists(self) -> Sequence[str]:
        return ()

    def watchlist_place(self, alias: str) -> str:
        return ""

    def places(self) -> str:
        return ""

    def is_here(self, function: str, name: str) -> bool:
        return False


def supplies_of(catalog: object) -> Supplies:
    """The supplies of a catalogue that has some."""
    found: Supplies = getattr(catalog, "supplies", None) or Nothing()
    return found
