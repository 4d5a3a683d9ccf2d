"""What tells rows of JSON apart: their content; and keys that come twice in an object.

Parsers take the last, or the first, without a word: two programs then see two different events in one line. Such a row is
rejected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import chain
from typing import Any

_SPACED = re.compile(rb'"[ \t\r\n]+:')
#: For each octet: whether it is a blank; whether it may stand before a text that is a value.
_BLANK = [octet in b" \t\r\n" for octet in range(256)]
_OPENS = [octet in b":[," for octet in range(256)]
#: A text of this many octets is looked at as a whole.
_LONG = 65_536


class RepeatedKeyError(ValueError):
    """An object has a key twice."""


def content_hashes(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> list[bytes]:
    """16 bytes for each row of these columns (of the same length), which two rows share when they say the same, in whatever
    order their keys are."""
    import orjson

    order = sorted(range(len(names)), key=names.__getitem__)
    start = blake2b(orjson.dumps([names[i] for i in order]), digest_size=16).digest()
    rows = zip(*(columns[i] for i in order), strict=True)
    try:
        texts = [orjson.dumps(values, None, orjson.OPT_SORT_KEYS) for values in rows]
    except TypeError:  # one is nested deeper than it writes: such a row has a value that is rejected
        texts = [_text(values) for values in zip(*(columns[i] for i in order), strict=True)]
    return [blake2b(start + text, digest_size=16).digest() for text in texts]


def _text(values: Any) -> bytes:
    import orjson

    try:
        return orjson.dumps(values, None, orjson.OPT_SORT_KEYS)
    except TypeError:
        return b""


def content_hash(row: Mapping[str, Any]) -> bytes:
    """The same for one row."""
    return content_hashes(list(row), [[value] for value in row.values()])[0]


def all_once(text: bytes, values: Iterable[Any]) -> bool:
    """Whether it is plain that no key of these JSON texts, which are `values` parsed, comes twice; if not, look at each.

    Every key of the text is followed by `":`. Where there are as many of these as keys in the values, none was lost; there may
    be more (a string may hold them), never fewer, so that one text cannot make up for another.
    """
    written, openings = _seen(text)
    values = list(values)
    # The keys of the outermost objects, and of the rows in them: where there are at most as many, that is all.
    if written >= 0 and set(map(type, values)) == {dict}:
        count = sum(map(len, values))
        if "properties" in values[0]:
            rows = [value.get("properties") for value in values]
            count += sum(map(len, rows)) if set(map(type, rows)) == {dict} else 0
        if written == count:
            return True
    keys = _keys(values)
    # A quote before a colon ends a key, or begins a text (`"::1"`): both are counted, in each text by itself.
    return written == keys or (written > keys and written - openings == keys and _tame(values))


def _seen(text: bytes) -> tuple[int, int]:
    """`_written` and `_openings` of a text, of a long one by what stands before its colons, which are found at once."""
    import numpy as np

    octets = np.frombuffer(text if len(text) >= _LONG else b"", np.uint8)
    colons = np.flatnonzero(octets == 0x3A)
    if not len(colons) or colons[0] < 3:
        return _written(text), _openings(text)
    one = octets[colons - 1]
    if np.array(_BLANK)[one].any() and _SPACED.search(text) is not None:
        return -1, 0
    quoted = colons[one == 0x22]
    two = octets[quoted - 2]
    escaped = quoted[two == 0x5C]
    if (octets[escaped - 3] == 0x5C).any():
        return -1, 0
    return len(quoted) - len(escaped), int(np.array(_OPENS)[two].sum())


def _written(text: bytes) -> int:
    """How many keys the text has at most; -1 where it is laid out so that this cannot be told at a glance."""
    if _SPACED.search(text) is not None:
        return -1  # a key, blanks, a colon; or text that looks like it
    escaped = text.count(b'\\":')
    if escaped and b'\\\\":' in text:
        return -1  # a backslash that is escaped itself, or a quote behind one
    return text.count(b'":') - escaped


def _openings(text: bytes) -> int:
    """How many texts that are values begin with a colon (`"::1"`): they look like the end of a key."""
    return text.count(b':":') + text.count(b'[":') + text.count(b',":')


def _objects(values: list[Any]) -> Iterator[list[dict[str, Any]]]:
    """The objects among values, those in them, those in these, and so on."""
    level = values
    while level:
        objects = [value for value in level if type(value) is dict]
        yield objects
        inside = chain(
            chain.from_iterable(map(dict.values, objects)),
            chain.from_iterable([value for value in level if type(value) is list]),
        )
        level = [value for value in inside if type(value) is dict or type(value) is list]


def _keys(values: list[Any]) -> int:
    """How many keys all objects have together."""
    return sum(sum(map(len, objects)) for objects in _objects(values))


def _tame(values: list[Any]) -> bool:
    """Whether no key ends with what stands before a value: such a key looks like one of the above."""
    return not any(
        key[-1:] in (":", "[", ",") for objects in _objects(values) for keys in set(map(tuple, objects)) for key in keys
    )


def check_keys(text: bytes, value: Any) -> None:
    """Raise `RepeatedKeyError` where an object of `text`, which is `value` parsed, has a key twice."""
    written = _written(text)
    # Of most objects no value is an object: their own keys are all that there are.
    if type(value) is dict and written == len(value):
        return
    keys = _keys([value])
    if written == keys or (written > keys and written - _openings(text) == keys and _tame([value])):
        return
    try:
        # Numbers are left as text: Python refuses to read an integer of very many digits.
        json.loads(text, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except RecursionError:
        raise RepeatedKeyError("nested too deep") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise RepeatedKeyError(f"the key '{key[:60]}' comes twice in an object")
        result[key] = value
    return result
