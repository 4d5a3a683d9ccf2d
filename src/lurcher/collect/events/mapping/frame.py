"""Events of one kind, column by column: what the mapping reads.

    kinds --Batch: the System part, times--> --Frame: the data of one kind, field by field--> expressions

Columns are lists until all rows of a table are together: a batch has forty kinds of event, most of them a few rows, and an
Arrow array costs as much for one row as for a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lurcher.collect.events.mapping.kinds import ABSENT, Absent, Kind, joined_column
from lurcher.collect.events.mapping.values import UNKNOWN
from lurcher.kql.types import ScalarType
from lurcher.lake.layout import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

#: A value of an event's data: its text, what nests as it is, None where the event has no such field.
Value = str | list[Any] | dict[str, Any] | None


def as_text(value: Any) -> str | list[Any] | dict[str, Any]:
    """A value as the provider writes it. A form may have made a number or a bool of it."""
    if isinstance(value, str | list | dict):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def flat(value: Value) -> str | None:
    """A value as the text of a column."""
    from lurcher.collect.events.mapping.json_text import dumps

    return value if value is None or isinstance(value, str) else dumps(value)


class Batch:
    """Some events of one file, kind after kind, with the columns that all of them have. `times` are microseconds since 1970,
    repaired."""

    def __init__(self, kinds: Sequence[Kind], times: pa.Array, first: int) -> None:
        self.kinds = kinds
        self.count = sum(kind.count for kind in kinds)
        self.times = times
        #: The number in the file of the event at place 0, so that "earlier" means something over batches.
        self.first = first
        self._made: dict[Any, Any] = {}
        hosts = {computer: (computer or "").strip().lower() for computer in set(self.column("computer"))}
        #: The computers, comparable.
        self.hosts = [hosts[computer] for computer in self.column("computer")]

    def column(self, name: str) -> Sequence[Any]:
        """A part of the events, by the name in `Event`."""
        column: Sequence[Any] = self.made(("column", name), lambda: joined_column(self.kinds, name))
        return column

    def made(self, key: Any, make: Callable[[], Any]) -> Any:
        """What several tables ask for; made once."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def texts(self, name: str) -> pa.Array:
        import pyarrow as pa

        return self.made(("text", name), lambda: pa.array(self.column(name), pa.string()))

    def integers(self, name: str, kind: ScalarType) -> pa.Array:
        """Numbers; null where there is none, or one that the column cannot hold."""
        import pyarrow as pa

        def make() -> pa.Array:
            values = self.column(name)
            try:
                return pa.array(values, pa.int64()).cast(arrow_type(kind))
            except (pa.ArrowException, OverflowError, TypeError):
                bound = 1 << (31 if kind is ScalarType.INT else 63)
                fits = [v if type(v) is int and -bound <= v < bound else None for v in values]
                return pa.array(fits, arrow_type(kind))

        return self.made(("integer", name, kind), make)

    def distinct(self, name: str, convert: Callable[[str], str | None]) -> list[str | None]:
        """What `convert` makes of each text, each distinct one looked at once."""

        def make() -> list[str | None]:
            column = self.column(name)
            known = {text: None if text is None else convert(text) for text in set(column)}
            return [known[text] for text in column]

        found: list[str | None] = self.made(("distinct", name, convert), make)
        return found

    def micros(self) -> list[int]:
        import pyarrow as pa

        found: list[int] = self.made("micros", lambda: self.times.cast(pa.int64()).to_pylist())
        return found

    def time_texts(self) -> list[str]:
        """The times in ISO form, with seven digits of a second as the services write them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        def make() -> Any:
            texts = pc.replace_substring(self.times.cast(pa.timestamp("us")).cast(pa.string()), " ", "T")
            return pc.binary_join_element_wise(texts, "0Z", "").to_pylist()

        found: list[str] = self.made("time texts", make)
        return found


class Frame:
    """Events of one kind, which are rows of their batch from `start` on. `names` are the fields of their data, in order;
    `sparse` where not every event has each."""

    def __init__(self, batch: Batch, start: int, kind: Kind) -> None:
        self.batch, self.start, self.kind = batch, start, kind
        self.count, self.places = kind.count, kind.places
        self.provider, self.channel, self.event_id, self.user_data = kind.key
        self._whole = self.count == batch.count
        self.names = kind.names
        self.sparse = len(kind.shapes) > 1
        #: Whether the data holds texts and nothing else, so that it can be written as it is.
        self.verbatim = True
        #: A column that holds texts alone -> all of them in one, to look for a character in.
        self.joined: dict[str, str] = {}
        self._values = {name: self._read(name, column) for name, column in zip(self.names, kind.values, strict=True)}
        #: Spelling without case -> the names there are (one, unless the file is of several minds).
        self._spelled: dict[str, list[str]] = {}
        for name in self.names:
            self._spelled.setdefault(name.lower(), []).append(name)
        self._texts: dict[str, tuple[Sequence[str | None], set[str | None]]] = {}
        #: Lists that several expressions ask for, by a name of their own.
        self.made: dict[str, list[Any]] = {}
        #: Field (in lower case) -> places whose text did not fit its column.
        self.misfits: dict[str, list[int]] = {}

    def _read(self, name: str, column: Sequence[Any]) -> Sequence[Value]:
        try:
            self.joined[name] = "".join(column)
            return column
        except TypeError:
            pass
        if not set(map(type, column)) <= {str, list, dict, Absent}:
            self.verbatim = False
        return [None if value is ABSENT else as_text(value) for value in column]

    # --- what the events have in common ---

    def take(self, column: Sequence[Any]) -> Sequence[Any]:
        """Of a column of the batch, the rows of this frame."""
        return column if self._whole else column[self.start : self.start + self.count]

    def system(self, name: str) -> Sequence[Any]:
        """A part of the events, by the name in `Event`."""
        return self.kind.column(name)

    # --- their data ---

    def values(self, name: str) -> Sequence[Value]:
        """A field by its exact name, which is one of `names`."""
        return self._values[name]

    def has(self, field: str) -> bool:
        return field.lower() in self._spelled

    def spelled(self, field: str) -> str | None:
        """The name of a field as the events have it."""
        names = self._spelled.get(field.lower())
        return names[0] if names else None

    def raw(self, field: str) -> Sequence[str | None] | None:
        """A field as texts, its name without regard to case; None where no event has it."""
        result: Sequence[str | None] | None = None
        for name in self._spelled.get(field.lower(), ()):
            values = self._values[name]
            more: Sequence[Any] = values if name in self.joined else [flat(value) for value in values]
            result = more if result is None else [a if a is not None else b for a, b in zip(result, more, strict=True)]
        return result

    def texts(self, field: str) -> Sequence[str | None] | None:
        """As `raw`, and `-` and empty are None."""
        known = self._known(field)
        return None if known is None else known[0]

    def _known(self, field: str) -> tuple[Sequence[str | None], set[str | None]] | None:
        """The texts, and the distinct ones."""
        key = field.lower()
        if key not in self._texts:
            texts = self.raw(field)
            if texts is None:
                return None
            distinct = set(texts)
            if not distinct.isdisjoint(UNKNOWN):
                texts = [None if text in UNKNOWN else text for text in texts]
                distinct = distinct - UNKNOWN | {None}
            self._texts[key] = texts, distinct
        return self._texts[key]

    def convert(self, field: str, convert: Callable[[str], Any], *, strict: bool = False) -> list[Any] | None:
        """What `convert` makes of a field's distinct texts. `strict`: where it makes nothing of a text, that is noted, so that
        the text is kept elsewhere."""
        known = self._known(field)
        if known is None:
            return None
        texts, distinct = known
        values = {text: None if text is None else convert(text) for text in distinct}
        if strict:
            lost = {text for text, value in values.items() if value is None and text is not None}
            if lost:
                self.misfits[field.lower()] = [place for place, text in enumerate(texts) if text in lost]
        return [values[text] for text in texts]

    def times(self, field: str) -> list[int | None] | None:
        """A field of times, as microseconds since 1970; all at once where they are in ISO form."""
        import pyarrow as pa

        from lurcher.collect.events.mapping import values
        from lurcher.collect.exports.times import iso_array

        texts = self.texts(field)
        if texts is None:
            return None
        try:
            found: list[int | None] = iso_array(pa.array(texts, pa.string())).cast(pa.int64()).to_pylist()
            return found
        except pa.ArrowInvalid:
            return self.convert(field, values.time, strict=True)
