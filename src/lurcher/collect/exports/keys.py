"""What tells rows of JSON apart: their content; and keys that come twice in an object.

Parsers take the last, or the first, without a word: two programs then see two different events in one line. Such a row is
rejected.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

_NESTS = {dict, list}
_SPACED = re.compile(rb'"[ \t\r\n]+:')
#: What stands in any text that the pattern finds something in, and is found sooner.
_BLANK_COLON = (b" :", b"\t:", b"\r:", b"\n:")


class RepeatedKeyError(ValueError):
    """An object has a key twice."""


def content_hashes(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> list[bytes]:
    """16 bytes for each row of these columns (of the same length), which two rows share when they say the same, in whatever
    order their keys are."""
    import orjson

    order = sorted(range(len(names)), key=names.__getitem__)
    start = hashlib.blake2b(orjson.dumps([names[i] for i in order]), digest_size=16)
    found = []
    for values in zip(*(columns[i] for i in order), strict=True):
        state = start.copy()
        with suppress(TypeError):  # nested deeper than it writes: such a row has a value that is rejected
            state.update(orjson.dumps(values, option=orjson.OPT_SORT_KEYS))
        found.append(state.digest())
    return found


def content_hash(row: Mapping[str, Any]) -> bytes:
    """The same for one row."""
    return content_hashes(list(row), [[value] for value in row.values()])[0]


def all_once(text: bytes, values: Iterable[Any]) -> bool:
    """Whether it is plain that no key of these JSON texts, which are `values` parsed, comes twice; if not, look at each.

    Every key of the text is followed by `":`. Where there are as many of these as keys in the values, none was lost; there may
    be more (a string may hold them), never fewer, so that one text cannot make up for another.
    """
    written = _written(text)
    values = list(values)
    # The keys of the outermost objects, and of the rows in them: where there are at most as many, that is all.
    first = sum(len(v) for v in values if type(v) is dict)
    rows = (v.get("properties") for v in values if type(v) is dict)
    if written in (first, first + sum(len(row) for row in rows if type(row) is dict)):
        return True
    return written == sum(map(_keys, values))


def _written(text: bytes) -> int:
    """How many keys the text has at most; -1 where it is laid out so that this cannot be told at a glance."""
    if any(mark in text for mark in _BLANK_COLON) and _SPACED.search(text) is not None:
        return -1  # a key, blanks, a colon; or text that looks like it
    escaped = text.count(b'\\":')
    if escaped and b'\\\\":' in text:
        return -1  # a backslash that is escaped itself, or a quote behind one
    return text.count(b'":') - escaped


def _openings(text: bytes) -> int:
    """How many texts that are values begin with a colon (`"::1"`): they look like the end of a key."""
    return text.count(b':":') + text.count(b'[":') + text.count(b',":')


def _tame(value: Any) -> bool:
    """Whether no key ends with what stands before a value: such a key looks like one of the above."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            if any(key[-1:] in (":", "[", ",") for key in value):
                return False
            value = value.values()
        elif type(value) is not list:
            continue
        waiting += [v for v in value if type(v) in _NESTS]
    return True


def check_keys(text: bytes, value: Any) -> None:
    """Raise `RepeatedKeyError` where an object of `text`, which is `value` parsed, has a key twice."""
    written = _written(text)
    # Of most objects no value is an object: their own keys are all that there are.
    if type(value) is dict and written == len(value):
        return
    keys = _keys(value)
    if written == keys or (written > keys and written - _openings(text) == keys and _tame(value)):
        return
    try:
        # Numbers are left as text: Python refuses to read an integer of very many digits.
        json.loads(text, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except RecursionError:
        raise RepeatedKeyError("nested too deep") from None


def _keys(value: Any) -> int:
    waiting, count = [value], 0
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            count += len(value)
            value = value.values()
        elif type(value) is not list:
            continue
        if not _NESTS.isdisjoint(map(type, value)):
            waiting += [v for v in value if type(v) in _NESTS]
    return count


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise RepeatedKeyError(f"the key '{key[:60]}' comes twice in an object")
        result[key] = value
    return result
