"""What a reader is told, and what it learns of a file while it reads.

A type that nobody declared and the order of day and month are decided by a whole column, but a file is read in pieces. So
a reader goes on with what it knows; where a later piece contradicts it, the context is marked as `dirty`: what was read is
thrown away, the rest of the file is read for what it says, and the file is read once more with that in hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from lurcher.errors import LurcherError
from lurcher.kql.types import Column, ScalarType
from lurcher.schema import TableSchema, known_table

DateOrder = Literal["mdy", "dmy"]


@dataclass
class ReadContext:
    """`schema_of` knows tables (the lake's own before the services'); `table` is what the user said the file holds."""

    schema_of: Callable[[str], TableSchema | None]
    name: str
    table: str | None = None
    platform: str = "defender"
    date_order: DateOrder | None = None
    dirty: bool = False
    #: How far the clock of the file's records is ahead of UTC (microseconds), as the user said; None: the file tells it.
    clock_offset: int | None = None
    #: The same, as a whole reading of the file has told it; and as an earlier part of the file had it, for want of anything else.
    clock_known: int | None = None
    clock_before: int = 0
    #: When a report was made that does not say it: what the user said (`made_told`), or when its file was last written.
    made: datetime | None = None
    made_told: bool = False
    #: The device of a report that names none, as the user said.
    device: str = ""
    #: Whether other processes work at the same time, and memory is for all of them.
    shared: bool = False
    #: What a user is told of the file beside its rows: what was repaired, or read in a way that is not plain. In order, each once.
    notes: dict[str, None] = field(default_factory=dict)
    _inferred: dict[str, dict[str, ScalarType | None]] = field(default_factory=dict)
    _declared: set[tuple[str, str]] = field(default_factory=set)
    _orders: set[DateOrder] = field(default_factory=set)
    _ambiguous: bool = False

    def note(self, text: str) -> None:
        """Tell the user something of the file, in a few words: `the clock is 2 h fast, and was put right`."""
        self.notes[text] = None

    # --- types of columns that the table does not have ---

    def declare(self, table: str, column: str, kind: ScalarType) -> None:
        """The file itself says what type a column of a table is: values that do not fit it are rejected."""
        self.inferred(table)[column] = kind
        self._declared.add((table, column))

    def inferred(self, table: str) -> dict[str, ScalarType | None]:
        """Columns of a table that it did not have before this file: type, None while all values are null."""
        return self._inferred.setdefault(table, {})

    def learn(self, table: str, column: str, found: ScalarType | None) -> ScalarType | None:
        """The type of a column, now that a batch of it has the type `found`."""
        from lurcher.collect.exports.infer import join

        types = self.inferred(table)
        before = types.get(column)
        if (table, column) in self._declared:
            return before
        types[column] = after = join(before, found)
        if before is not None and after is not before:
            self.dirty = True
        return after

    def schema(self, table: str) -> TableSchema:
        """The columns of a table as far as they are known."""
        base = self.schema_of(table)
        more = tuple(Column(n, t) for n, t in self.inferred(table).items() if t is not None)
        if base is None:
            return TableSchema(table, more)
        return TableSchema(table, (*base.columns, *more), base.platforms, base.open)

    def new_columns(self, table: str) -> tuple[Column, ...]:
        """The columns that the file adds to a table."""
        base = self.schema_of(table)
        have = {c.name for c in base.columns} if base else set()
        return tuple(Column(n, t) for n, t in self.inferred(table).items() if t is not None and n not in have)

    # --- what others have read of the file ---

    def copy(self) -> ReadContext:
        return replace(
            self,
            notes=dict(self.notes),
            _inferred={table: dict(types) for table, types in self._inferred.items()},
            _declared=set(self._declared),
            _orders=set(self._orders),
        )

    def learned(self) -> ReadContext:
        """What this context has learned, to be sent to another process."""
        return replace(self, schema_of=known_table)

    def join(self, other: ReadContext) -> None:
        """What another process' context has learned of the file."""
        self._declared |= other._declared
        for table, types in other._inferred.items():
            known = self.inferred(table)
            for column, found in types.items():
                before = known.get(column)
                if (table, column) in self._declared:
                    known[column] = found
                elif found is None or before is None:
                    known[column] = found if before is None else before
                else:
                    self.learn(table, column, found)
                    # Values were made that are of another type than those before, or behind.
                    self.dirty = self.dirty or found is not before
        self._orders |= other._orders
        self._ambiguous = self._ambiguous or other._ambiguous
        self.dirty = self.dirty or other.dirty
        self.notes.update(other.notes)

    # --- day and month ---

    def saw_date(self, first: int, second: int) -> None:
        """A date `first/second/year` was seen."""
        if first > 12:
            self._orders.add("dmy")
        elif second > 12:
            self._orders.add("mdy")
        elif first != second:
            self._ambiguous = True

    def order(self) -> DateOrder:
        """The order of day and month in this file. Unsettled while no date has told it: then a guess, and `dirty`."""
        if self.date_order is not None:
            return self.date_order
        if len(self._orders) == 1:
            return next(iter(self._orders))
        if self._ambiguous:
            self.dirty = True
        return "mdy"

    def settle(self) -> None:
        """The file has been read to its end, for what it says. Raises `LurcherError` where it does not say enough."""
        self.dirty = False
        if self.date_order is None and (self._ambiguous or len(self._orders) > 1):
            if len(self._orders) != 1:
                how = "no date tells" if not self._orders else "the dates contradict each other about"
                raise LurcherError(
                    f"{how} which is the day and which the month", "say it: --date-order mdy or dmy", self.name
                )
            self.date_order = next(iter(self._orders))
