"""Lines of JSON objects whose values are plain, as columns at once: read by Arrow's parser.

It is used only where it gives exactly what reading line by line gives, and where every line is taken: all keys are known
from a few of the lines, with one type each, and each value is a text, an integer, a truth value or null. Arrow's parser refuses a
key that comes twice, one that it was not told of, a value of another type, an integer beyond 64 bits, half of a surrogate pair; it
takes objects that go on over lines, several of them in a line, NUL and text that is not UTF-8, so that this is looked for
here. Whatever is not so is read line by line, and told there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lurcher.collect.exports.lines import Lines

if TYPE_CHECKING:
    import pyarrow as pa

#: Lines that are looked at for their keys.
_SAMPLE = 48
#: So wide a shape is of rows that have little in common.
_MOST_KEYS = 1500
#: After so many stretches that were not so, only every so many are tried.
_PATIENCE, _RARELY = 3, 16

_Keys = dict[str, type | None]


class Shape:
    """What the lines of one file have in common. `inner`: the key of the object that is a row."""

    def __init__(self, inner: str, without: str) -> None:
        self._inner, self._without = inner, without
        self._outer_keys: _Keys = {}
        self._keys: _Keys = {}
        self._known = False
        self._failed = self._seen = 0

    def read(self, lines: Lines) -> tuple[pa.Table, dict[str, pa.Array]] | None:
        """The lines as columns, and the rows' own: each line is one. None where they have to be read one by one."""
        self._seen += 1
        if self._failed >= _PATIENCE and self._seen % _RARELY:
            return None
        found = self._read(lines)
        self._failed = self._failed + 1 if found is None else 0
        return found

    def _read(self, lines: Lines) -> tuple[pa.Table, dict[str, pa.Array]] | None:
        if lines.text is None or not is_regular(lines.text, lines.lines):
            return None
        table = self._parsed(lines) if self._known else None
        if table is None:
            if not self._learn(lines):
                return None
            table = self._parsed(lines)
        if table is None:
            return None
        column = table.column(self._inner)
        rows = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        if rows.null_count:
            return None
        return table, dict(zip((f.name for f in rows.type), rows.flatten(), strict=True))

    def _learn(self, lines: Lines) -> bool:
        """The keys of some of these lines beside those that are known. False where they are not so."""
        import orjson

        step = max(1, len(lines.lines) // _SAMPLE)
        try:
            values = list(map(orjson.loads, lines.lines[::step]))
        except orjson.JSONDecodeError:
            return False
        for value in values:
            inner = value.get(self._inner) if type(value) is dict else None
            if type(inner) is not dict or self._without in value:
                return False
            del value[self._inner]
            if not (_join(self._outer_keys, value) and _join(self._keys, inner)):
                return False
        self._known = len(self._keys) + len(self._outer_keys) <= _MOST_KEYS
        return self._known

    def _parsed(self, lines: Lines) -> pa.Table | None:
        import pyarrow as pa
        import pyarrow.json as pj

        assert lines.text is not None
        inner = pa.field(self._inner, pa.struct(list(_fields(self._keys))))
        schema = pa.schema([*_fields(self._outer_keys), inner])
        try:
            table = pj.read_json(
                pa.BufferReader(lines.text),
                read_options=pj.ReadOptions(use_threads=False, block_size=len(lines.text) + 1),
                parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
            )
        except (pa.ArrowException, ValueError):
            return None
        return table if table.num_rows == len(lines.lines) else None


def _join(keys: _Keys, value: dict[str, Any]) -> bool:
    for name, found in value.items():
        kind = type(found)
        if kind is type(None):
            keys.setdefault(name, None)
        elif kind not in (str, int, bool) or keys.setdefault(name, kind) not in (kind, None):
            return False
        else:
            keys[name] = kind
    return True


def _fields(keys: _Keys) -> Iterator[tuple[str, pa.DataType]]:
    import pyarrow as pa

    types = {int: pa.int64(), bool: pa.bool_()}
    for name, kind in keys.items():
        yield name, types.get(kind, pa.string()) if kind is not None else pa.string()


def is_regular(text: bytes, lines: Sequence[bytes]) -> bool:
    """Whether each of the lines of a text begins with a brace and ends with one, and holds UTF-8 without letters below U+0010,
    however they are written.

    Where every line end stands between `}` and `{`, no object goes on over one: what follows a `}` in an object is a comma, a
    bracket or a brace that closes. So where there are as many objects as lines, each line is one.
    """
    import numpy as np

    if not all(lines):
        return False
    octets = np.frombuffer(text, np.uint8)
    ends = np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)) + 1) - 1
    if octets[0] != 0x7B or (octets[ends[:-1] + 1] != 0x7B).any():
        return False
    carriage = octets[ends - 1] == 0x0D
    if (octets[ends - 1 - carriage] != 0x7D).any():
        return False
    if np.count_nonzero(octets < 0x20) != len(lines) - 1 + np.count_nonzero(carriage):
        return False
    try:
        return not _escapes_low(text, octets) and (text.isascii() or bool(text.decode()))
    except UnicodeDecodeError:
        return False


def _escapes_low(text: bytes, octets: Any) -> bool:
    """Whether a letter below U+0010 may be written as `\\u000`."""
    import numpy as np

    at = np.flatnonzero(
        octets[:-5] == 0x5C
    )  # behind a backslash there are five more in any JSON text that has such a letter
    for offset, octet in ((1, 0x75), (2, 0x30), (3, 0x30), (4, 0x30)):
        at = at[octets[at + offset] == octet]
    return len(at) > _SAMPLE or any(map(partial(_escaped, text), at.tolist()))


def _escaped(text: bytes, place: int) -> bool:
    """Whether the backslash at a place is none that is escaped itself: an even number of them stands before it."""
    before = text[max(0, place - 4096) : place]
    run = len(before) - len(before.rstrip(b"\\"))
    return run % 2 == 0
