"""What the binder asks of the world: which tables there are, and what time it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from lurcher.schema import TableSchema, known_table, table_names


class Catalog(Protocol):
    """The tables that a query may name."""

    def table(self, name: str) -> TableSchema | None:
        """The schema of a table, known to the services or to the user; None where there is none of that name."""

    def table_names(self) -> Iterable[str]:
        """All names, for wildcards (`union Device*`) and for the nearest name in a message."""


@dataclass(frozen=True, slots=True)
class KnownTables:
    """The services' tables and nothing else: what a query can name where there is no lake."""

    def table(self, name: str) -> TableSchema | None:
        return known_table(name)

    def table_names(self) -> Iterable[str]:
        return table_names()
