"""What a function takes and gives, in one line of text.

Parameters: `name: type`, separated by commas. In front of a name, `*` repeats it (`*arg: scalar`); several starred ones in a
row repeat together (`*predicate: bool, *then: common, else: common`). `?` behind it makes it optional (`limit?: long`).
In front of a type, `literal`, `constant` (known before the query runs), `column` or `star` (a `*` may stand for every column)
say what the argument must be. Types: KQL's scalar types, several joined by `|`, or one of the kinds below.

Results: a type, or one of the rules: `arg N` (type of argument N), `widest` (the widest numeric type), `common` (the common
type of the `common` parameters), `array` / `bag` (both dynamic), `custom` (the binder knows, by name).

Source: the parameter and return kinds of Microsoft's own signatures (Kusto.Language, ParameterTypeKind, ReturnTypeKind).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from functools import cache

from lurcher.kql.types import ScalarType


class TypeKind(enum.StrEnum):
    """A set of types that a parameter takes."""

    SCALAR = "scalar"  # any
    NUMBER = "number"  # int long real decimal
    INTEGER = "integer"  # int long
    REAL_OR_DECIMAL = "real_or_decimal"
    SUMMABLE = "summable"  # numbers, timespan, datetime
    ORDERABLE = "orderable"  # all but dynamic and guid
    NOT_DYNAMIC = "not_dynamic"
    NOT_BOOL = "not_bool"
    NOT_REAL_OR_BOOL = "not_real_or_bool"
    COMMON = "common"  # one type for all parameters of this kind; dynamic gives way to the others
    COMMON_NUMBER = "common_number"
    COMMON_SUMMABLE = "common_summable"
    COMMON_ORDERABLE = "common_orderable"
    TEXT = "text"  # any; what is not a string comes in as its text, as tostring() makes it
    BOXED = "boxed"  # any; what is not dynamic comes in as a dynamic value
    TABULAR = "tabular"
    TYPE = "type"  # typeof(...)


@dataclass(frozen=True, slots=True)
class Param:
    name: str
    types: tuple[ScalarType | TypeKind, ...]
    optional: bool = False
    repeated: bool = False
    argument: str = ""  # "", literal, constant, column, star


@dataclass(frozen=True, slots=True)
class Returns:
    rule: str  # type, arg, widest, common, custom
    type: ScalarType | None = None
    arg: int = 0


_PARAM = re.compile(
    r"(?P<star>\*?)(?P<name>\w+)(?P<optional>\??)\s*:\s*(?:(?P<argument>literal|constant|column|star)\s+)?(?P<types>[\w|]+)$"
)
_KINDS: dict[str, ScalarType | TypeKind] = {**{t.value: t for t in ScalarType}, **{k.value: k for k in TypeKind}}


@cache
def parse_params(text: str) -> tuple[Param, ...]:
    """Read a parameter list; raises ValueError on a malformed one, that is when the package is imported."""
    params = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        match = _PARAM.match(part)
        if match is None:
            raise ValueError(f"parameter {part!r} of {text!r}")
        types = tuple(_KINDS[t] for t in match["types"].split("|"))
        params.append(
            Param(match["name"], types, bool(match["optional"]), bool(match["star"]), match["argument"] or "")
        )
    return tuple(params)


def parse_returns(text: str, params: tuple[Param, ...]) -> Returns:
    if text in ("array", "bag"):
        return Returns("type", ScalarType.DYNAMIC)
    if text in ("widest", "common", "custom"):
        return Returns(text)
    if text.startswith("arg "):
        index = int(text[4:])
        if index >= len(params):
            raise ValueError(f"{text!r}: there are {len(params)} parameters")
        return Returns("arg", arg=index)
    return Returns("type", ScalarType(text))
