"""Names and literals -> text. Nothing else quotes."""

from __future__ import annotations

import math
import re
from typing import Any

from lurcher.kql.syntax import DynamicLiteral, Literal, Name
from lurcher.kql.tokens import DECLARABLE, REFERABLE, RESERVED
from lurcher.kql.types import ScalarType
from lurcher.kql.values import datetime_text, timespan_text

_BARE = re.compile(r"[A-Za-z_$][A-Za-z0-9_]*\Z")
#: Names that would be read as something else.
_TAKEN = (
    RESERVED
    | DECLARABLE
    | REFERABLE
    | {"true", "True", "TRUE", "false", "False", "FALSE", "let", "typeof", "materialize"}
)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


def name(node: Name) -> str:
    """A name, in brackets where it needs them."""
    if node.pattern:
        return node.text
    return node.text if _BARE.match(node.text) and node.text not in _TAKEN else f"[{string(node.text)}]"


def word(node: Name) -> str:
    """The value of a setting: any word stands bare there."""
    return node.text if _BARE.match(node.text) else name(node)


def string(value: str) -> str:
    """A string literal: verbatim where it holds backslashes and nothing that verbatim strings cannot."""
    if "\\" in value and not re.search(r"[\"\r\n\0]", value):
        return f'@"{value}"'
    return '"' + "".join(_ESCAPES.get(c, c) for c in value) + '"'


def literal(node: Literal) -> str:
    if node.raw:
        return node.raw
    value: Any = node.value
    if value is None:
        return f"{node.type}(null)"
    match node.type:
        case ScalarType.STRING:
            return ("h" if node.hidden else "") + string(value)
        case ScalarType.BOOL:
            return "true" if value else "false"
        case ScalarType.LONG:
            return str(value) if value >= 0 else f"long({value})"
        case ScalarType.REAL:
            text = repr(float(value))
            return text if math.copysign(1, value) > 0 and math.isfinite(value) and "e" not in text else f"real({text})"
        case ScalarType.DATETIME:
            return f"datetime({datetime_text(value)})"
        case ScalarType.TIMESPAN:
            return f"time({timespan_text(value)})"
        case _:
            return f"{node.type}({value})"


def dynamic(node: DynamicLiteral) -> str:
    return node.raw or f"dynamic({_json(node.value)})"


def _json(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return string(value)
    if isinstance(value, list):
        return "[" + ", ".join(_json(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{string(k)}: {_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) and "e" not in repr(value) else f"real({value!r})"
    return str(value)
