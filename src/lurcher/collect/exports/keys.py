"""A key that comes twice in a JSON object.

Parsers take the last, or the first, without a word: two programs then see two different events in one line. Such a row is
rejected.
"""

from __future__ import annotations

import json
from typing import Any


class RepeatedKeyError(ValueError):
    """An object has a key twice."""


def check_keys(text: bytes, value: Any) -> None:
    """Raise `RepeatedKeyError` where an object of `text`, which is `value` parsed, has a key twice.

    Every key of the text is followed by `":`. Where there are as many of these as keys in the value, none was lost; where
    there are more (a string may hold them) or the text is laid out otherwise, it is parsed once more, slowly.
    """
    plain = b'\\\\":' not in text and not any(blank in text for blank in (b" :", b"\t:", b"\n:", b"\r:"))
    # `\":` is a quote within a string; not so behind a backslash that is escaped itself, as was looked for.
    if plain and text.count(b'":') - text.count(b'\\":') == _keys(value):
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
            waiting += [v for v in value.values() if type(v) is dict or type(v) is list]
        else:
            waiting += [v for v in value if type(v) is dict or type(v) is list] if type(value) is list else ()
    return count


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise RepeatedKeyError(f"the key '{key[:60]}' comes twice in an object")
        result[key] = value
    return result
