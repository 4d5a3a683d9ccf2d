"""Events of one kind, column by column: what the mapping reads.

events --Batch: the System part, times--> --Frame: the data of one kind, field by field--> expressions
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lurcher.collect.events.event import Event
from lurcher.collect.events.mapping.values import UNKNOWN
from lurcher.kql.types import ScalarType
from lurcher.lake.layout import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

#: A value of an event's data: its text, what nests as it is, None where the event has no such field.
Value = str | list[Any] | dict[str, Any] | None

_FIELDS = {name: i for i, name in enumerate(Event._fields)}


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
    from lurcher.collect.exports.json_values import dumps

    return value if value is None or isinstance(value, str) else dumps(value)


class Batch:
    """Some events of one file, with the columns that all of them have. `times` are microseconds since 1970, repaired."""

    def __init__(self, events: Sequence[Event], times: pa.Array, first: int) -> None:
        self.events = events
        self.columns: tuple[Sequence[Any], ...] = tuple(zip(*events, strict=True))
        self.times = times
        #: The number of the first event in the file, so that "earlier" means something over batches.
        self.first = first
        self._arrays: dict[tuple[str, Any], pa.Array] = {}
        hosts = {computer: (computer or "").strip().lower() for computer in set(self.column("computer"))}
        #: The computers, comparable.
        self.hosts = [hosts[computer] for computer in self.column("computer")]

    def column(self, name: str) -> Sequence[Any]:
        """A part of the events, by the name in `Event`."""
        return self.columns[_FIELDS[name]]

    def made(self, key: tuple[str, Any], make: Callable[[], pa.Array]) -> pa.Array:
        """An array over all events that several tables ask for; made once."""
        if key not in self._arrays:
            self._arrays[key] = make()
        return self._arrays[key]

    def texts(self, name: str) -> pa.Array:
        import pyarrow as pa

        return self.made(("text", name), lambda: pa.array(self.column(name), pa.string()))

    def integers(self, name: str, kind: ScalarType) -> pa.Array:
        import pyarrow as pa

        def make() -> pa.Array:
            values = self.column(name)
            try:
                return pa.array(values, pa.int64()).cast(arrow_type(kind))
            except (pa.ArrowException, OverflowError, TypeError):
                bound = 1 << (31 if kind is ScalarType.INT else 63)
                fits = [v if type(v) is int and -bound <= v < bound else None for v in values]
                return pa.array(fits, arrow_type(kind))

        return self.made(("integer", (name, kind)), make)

    def time_texts(self) -> pa.Array:
        """The times in ISO form, with seven digits of a second as the services write them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        def make() -> pa.Array:
            texts = pc.replace_substring(self.times.cast(pa.timestamp("us")).cast(pa.string()), " ", "T")
            return pc.binary_join_element_wise(texts, "0Z", "")

        return self.made(("text of", "times"), make)

    def distinct(self, name: str, convert: Callable[[str], Any], kind: ScalarType) -> pa.Array:
        """What `convert` makes of each text, each distinct one looked at once."""
        return self.made(("distinct", (name, convert)), lambda: convert_distinct(self.texts(name), convert, kind))


def convert_distinct(texts: pa.Array, convert: Callable[[str], Any], kind: ScalarType) -> pa.Array:
    import pyarrow as pa

    encoded = texts.dictionary_encode()
    values = [None if t is None else convert(t) for t in encoded.dictionary.to_pylist()]
    if kind is ScalarType.DATETIME:
        made = pa.array(values, pa.int64()).cast(arrow_type(kind))
    else:
        made = pa.array(values, arrow_type(kind))
    return made.take(encoded.indices)


class Frame:
    """Events of one kind. `names` are the fields of their data, in order; `sparse` where not every event has each."""

    def __init__(self, batch: Batch, rows: Sequence[int], shapes: Sequence[tuple[str, ...]]) -> None:
        import pyarrow as pa

        self.batch, self.rows = batch, rows
        self.count = len(rows)
        self.provider: str | None = batch.column("provider")[rows[0]]
        self.channel: str | None = batch.column("channel")[rows[0]]
        self._places = pa.array(rows, pa.int64())
        self._whole = self.count == len(batch.events)
        data = batch.column("data")
        self.names: tuple[str, ...]
        self.sparse = len(shapes) > 1
        self._values: dict[str, Sequence[Value]]
        if not self.sparse:
            self.names = shapes[0]
            columns: Sequence[Sequence[Any]] = tuple(zip(*[data[i].values() for i in rows], strict=True))
        else:
            self.names = tuple(dict.fromkeys(name for shape in shapes for name in shape))
            columns = [[data[i].get(name, _ABSENT) for i in rows] for name in self.names]
        #: Whether the forms' own objects hold texts and nothing else, so that they can be written as they are.
        self.verbatim = True
        self._values = {name: self._texts(column) for name, column in zip(self.names, columns, strict=True)}
        #: Spelling without case -> the names there are (one, unless the file is of several minds).
        self._spelled: dict[str, list[str]] = {}
        for name in self.names:
            self._spelled.setdefault(name.lower(), []).append(name)
        self._arrays: dict[str, pa.Array] = {}
        self._encoded: dict[str, Any] = {}
        #: Arrays that several expressions ask for, by a name of their own.
        self.made: dict[str, pa.Array] = {}
        #: Field (in lower case) -> places whose text did not fit its column.
        self.misfits: dict[str, set[int]] = {}

    def _texts(self, column: Sequence[Any]) -> Sequence[Value]:
        kinds = set(map(type, column))
        if kinds <= {str, list, dict}:
            return column
        if not kinds <= {str, list, dict, _Absent}:
            self.verbatim = False
        return [None if value is _ABSENT else as_text(value) for value in column]

    # --- what the events have in common ---

    def take(self, array: pa.Array) -> pa.Array:
        """Of an array over the batch, the rows of this frame."""
        return array if self._whole else array.take(self._places)

    def system(self, name: str) -> list[Any]:
        """A part of the events, by the name in `Event`."""
        column = self.batch.column(name)
        return [column[i] for i in self.rows]

    # --- their data ---

    def values(self, name: str) -> Sequence[Value]:
        """A field by its exact name, which is one of `names`."""
        return self._values[name]

    def has(self, field: str) -> bool:
        return field.lower() in self._spelled

    def texts(self, field: str) -> pa.Array | None:
        """A field as texts, its name without regard to case; None where no event has it. `-` and empty are null."""
        import pyarrow as pa
        import pyarrow.compute as pc

        key = field.lower()
        if key not in self._arrays:
            if key not in self._spelled:
                return None
            array = None
            for name in self._spelled[key]:
                more = _array(self._values[name])
                array = more if array is None else pc.coalesce(array, more)
            for unknown in UNKNOWN:
                same = pc.equal(array, unknown)
                if pc.any(same).as_py():
                    array = pc.if_else(same, pa.scalar(None, pa.string()), array)
            self._arrays[key] = array
        return self._arrays[key]

    def raw(self, name: str) -> pa.Array:
        """A field as it is, by its exact name."""
        return _array(self._values[name])

    def convert(self, field: str, convert: Callable[[str], Any], kind: ScalarType, *, strict: bool) -> pa.Array | None:
        """What `convert` makes of a field's distinct texts. `strict`: where it makes nothing of a text, that is noted, so that
        the text is kept elsewhere."""
        import pyarrow as pa
        import pyarrow.compute as pc

        key = field.lower()
        texts = self.texts(field)
        if texts is None:
            return None
        if key not in self._encoded:
            encoded = texts.dictionary_encode()
            self._encoded[key] = encoded.indices, encoded.dictionary.to_pylist()
        indices, distinct = self._encoded[key]
        values = [convert(text) for text in distinct]
        if kind is ScalarType.DATETIME:
            made = pa.array(values, pa.int64()).cast(arrow_type(kind))
        else:
            made = pa.array(values, arrow_type(kind))
        if strict and made.null_count:
            lost = pa.array([value is None for value in values]).take(indices)
            places = pc.indices_nonzero(lost.fill_null(False)).to_pylist()
            self.misfits.setdefault(key, set()).update(places)
        return made.take(indices)

    def time(self, field: str) -> pa.Array | None:
        """A field of times, all at once where they are in ISO form."""
        import pyarrow as pa

        from lurcher.collect.events.mapping import values
        from lurcher.collect.exports.times import iso_array

        texts = self.texts(field)
        if texts is None:
            return None
        try:
            return iso_array(texts)
        except pa.ArrowInvalid:
            return self.convert(field, values.time, ScalarType.DATETIME, strict=True)


class _Absent:
    pass


_ABSENT = _Absent()


def _array(values: Sequence[Value]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values, pa.string())
    except (pa.ArrowException, TypeError):
        return pa.array([flat(value) for value in values], pa.string())
