"""Dynamic values as JSON text: read so that numbers keep their spelling, written without white space."""

from __future__ import annotations

import json
import re
from typing import Any

from lurcher.errors import LurcherError, shown

_STEP = r"""\.([^.\[\]]+)|\['([^']*)'\]|\["([^"]*)"\]"""


class Number:
    """A number as it was written: 1 and 1.0 are two values, and a long one keeps its digits."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


_TEXT = json.JSONEncoder(ensure_ascii=False).encode
#: For values of plain Python types, which is what most parsers give.
dump_plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def load(text: str) -> Any:
    """The value; of a text that is no JSON None (it cannot come from a dynamic column). The first of equal keys counts."""
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_constant)
    except (ValueError, RecursionError):
        return None


def _constant(text: str) -> str:
    return text


def dump(value: Any, *, sort: bool = False) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Number():
            return value.text
        case int() | float():
            return json.dumps(value)
        case str():
            return _TEXT(value)
        case list() | tuple():
            return "[" + ",".join(dump(v, sort=sort) for v in value) + "]"
        case dict():
            items = sorted(value.items()) if sort else value.items()
            return "{" + ",".join(f"{_TEXT(k)}:{dump(v, sort=sort)}" for k, v in items) + "}"
    raise TypeError(type(value).__name__)


def text_of(value: Any) -> str:
    """The value's text, as tostring() has it."""
    return "" if value is None else value if isinstance(value, str) else dump(value)


def number_of(value: Any) -> float | None:
    return float(value.text) if isinstance(value, Number) else None


def path_steps(path: str) -> list[str]:
    """The keys of `$.a.b` or `$['a b'].c`; of anything else the text itself, a plain key. Positions in arrays are none."""
    if not path.startswith(("$.", "$[")):
        return [path]
    if not re.fullmatch(rf"(?:{_STEP})+", path[1:]):
        raise LurcherError(
            f"the path '{shown(path)}' does not lead through keys alone", "it is written $.key.key or $['key']"
        )
    return [m[1] or m[2] or m[3] for m in re.finditer(_STEP, path[1:])]
