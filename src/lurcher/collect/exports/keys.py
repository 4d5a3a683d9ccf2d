"""What tells rows of JSON apart: their content; and keys that come twice in an object.

Parsers take the last, or the first, without a word: two programs then see two different events in one line. Such a row is
rejected.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

_COLON, _QUOTE, _BACKSLASH = b':"\\'
_BLANKS = list(b" \t\r\n")
_NESTS = {dict, list}


class RepeatedKeyError(ValueError):
    """An object has a key twice."""


def content_hash(row: dict[str, Any]) -> bytes:
    """16 bytes that two rows share when they say the same, in whatever order."""
    import orjson

    try:
        content = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested deeper than it writes: such a row has a value that is rejected
        content = b""
    return hashlib.blake2b(content, digest_size=16).digest()


def all_once(text: bytes, values: Iterable[Any]) -> bool:
    """Whether it is plain that no key of these JSON texts, which are `values` parsed, comes twice; if not, look at each.

    Every key of the text is followed by `":`. Where there are as many of these as keys in the values, none was lost; there may
    be more (a string may hold them), never fewer, so that one text cannot make up for another.
    """
    return _written(text) == sum(map(_keys, values))


def _written(text: bytes) -> int:
    """How many keys the text has at most; -1 where it is laid out so that this cannot be told at a glance."""
    import numpy as np

    # Three bytes in front, so that there is something before every colon.
    octets = np.frombuffer(b",,," + text, np.uint8)
    colons = np.flatnonzero(octets == _COLON)
    before, second, third = octets[colons - 1], octets[colons - 2], octets[colons - 3]
    if (np.isin(before, _BLANKS) & np.isin(second, [_QUOTE, *_BLANKS])).any():
        return -1  # a key, blanks, a colon; or text that looks like it
    quoted = before == _QUOTE
    escaped = quoted & (second == _BACKSLASH)
    if (escaped & (third == _BACKSLASH)).any():
        return -1  # a backslash that is escaped itself, or a quote behind one
    return int(quoted.sum() - escaped.sum())


def check_keys(text: bytes, value: Any) -> None:
    """Raise `RepeatedKeyError` where an object of `text`, which is `value` parsed, has a key twice."""
    if all_once(text, [value]):
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
