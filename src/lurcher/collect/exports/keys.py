"""Keys that come twice in an object of JSON.

Parsers take the last, or the first, without a word: two programs then see two different events in one line. Such a row is
rejected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, compress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Octets = np.ndarray[Any, Any]

_SPACED = re.compile(rb'"[ \t\r\n]+:')
#: A text of this many octets is looked at as a whole, in stretches of so many.
_LONG = 65_536
_STRETCH = 131_072
#: A longer run of blanks is left to the regular expression.
_RUN = 64
_NESTS = frozenset((dict, list))


class RepeatedKeyError(ValueError):
    """An object has a key twice."""


def all_once(text: bytes, values: Iterable[Any]) -> bool:
    """Whether it is plain that no key of these JSON texts, which are `values` parsed, comes twice; if not, look at each.

    Every key of the text is followed by `":`. Where there are as many of these as keys in the values, none was lost; there may
    be more (a string may hold them), never fewer, so that one text cannot make up for another.
    """
    values = list(values)
    written = _written_at_once(text) if len(text) >= _LONG else _written(text)
    if written < 0:
        return False
    # The keys of the outermost objects, and of the rows in them: where there are at most as many, that is all.
    objects = values if set(map(type, values)) == {dict} else []
    count = sum(map(len, objects))
    if objects and "properties" in objects[0]:
        rows = [value.get("properties") for value in objects]
        count += sum(map(len, rows)) if set(map(type, rows)) == {dict} else 0
    if objects and written == count:
        return True
    # A quote before a colon ends a key, or begins a text (`"::1"`): both are counted, in each text by itself.
    levels = list(_objects(values))
    keys = sum(sum(map(len, objects)) for objects in levels)
    return written == keys or (written > keys and written - _openings_at_once(text) == keys and _tame(levels))


def _written_at_once(text: bytes) -> int:
    """`_written` of a long text: stretches of it that stay close to the processor are compared as a whole, octet by octet."""
    import numpy as np

    found = 0
    for start, part, colon, ends in _stretches(text):
        blank = colon & (part[2:-1] <= 0x20)
        if blank.any():
            places = np.flatnonzero(blank)
            places = places[(part[places + 1] == 0x22) | (part[places + 1] <= 0x20)]
            if _spaced(text, (places + start + 2).tolist()):
                return -1  # a key, blanks, a colon; or text that looks like it
        escaped = ends & (part[1:-2] == 0x5C)
        more = int(np.count_nonzero(escaped))
        if more and (escaped & (part[:-3] == 0x5C)).any():
            return -1  # a backslash that is escaped itself, or a quote behind one
        found += int(np.count_nonzero(ends)) - more
    return found


def _openings_at_once(text: bytes) -> int:
    """The same for `_openings`."""
    import numpy as np

    if len(text) < _LONG:
        return _openings(text)
    found = 0
    for _, part, _, ends in _stretches(text):
        before = part[1:-2]
        found += int(np.count_nonzero(ends & ((before == 0x3A) | (before == 0x5B) | (before == 0x2C))))
    return found


def _stretches(text: bytes) -> Iterator[tuple[int, Octets, Octets, Octets]]:
    """Where a stretch starts, its octets, and from the fourth on whether each is a colon, and one behind a quote. No key ends
    before the fourth octet of a text."""
    import numpy as np

    octets = np.frombuffer(text, np.uint8)
    for start in range(0, len(octets) - 3, _STRETCH):
        part = octets[start : start + _STRETCH + 3]
        colon = part[3:] == 0x3A
        yield start, part, colon, colon & (part[2:-1] == 0x22)


def _spaced(text: bytes, places: list[int]) -> bool:
    """Whether blanks that end at one of these places follow a quote."""
    for place in places:
        at = place
        while text[at] in b" \t\r\n":
            at -= 1
            if place - at > _RUN:
                return _SPACED.search(text) is not None
        if text[at] == 0x22 and at < place:
            return True
    return False


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
        kinds = set(map(type, level))
        objects = level if kinds == {dict} else [value for value in level if type(value) is dict]
        yield objects
        lists = [value for value in level if type(value) is list] if list in kinds else []
        inside = list(chain(chain.from_iterable(map(dict.values, objects)), chain.from_iterable(lists)))
        if _NESTS.isdisjoint(map(type, inside)):
            return
        level = list(compress(inside, map(_NESTS.__contains__, map(type, inside))))


def _tame(levels: Iterable[list[dict[str, Any]]]) -> bool:
    """Whether no key of these objects ends with what stands before a value: such a key looks like one of the above."""
    return not any(
        key[-1:] in (":", "[", ",") for objects in levels for keys in set(map(tuple, objects)) for key in keys
    )


def check_keys(text: bytes, value: Any) -> None:
    """Raise `RepeatedKeyError` where an object of `text`, which is `value` parsed, has a key twice."""
    written = _written(text)
    # Of most objects no value is an object: their own keys are all that there are.
    if type(value) is dict and written == len(value):
        return
    levels = list(_objects([value]))
    keys = sum(sum(map(len, objects)) for objects in levels)
    if written == keys or (written > keys and written - _openings(text) == keys and _tame(levels)):
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
