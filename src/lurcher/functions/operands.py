"""What operators take and give: the types of the operands -> what each is converted to, and the type of the result.

Operators convert more freely than functions: a dynamic operand takes the other's type, a text that is compared with a number
is read as one, numbers widen. The rows in the registry need only stand for operands of the types that come out of here.

Source: Microsoft's operator signatures (Kusto.Language, OperatorSymbol); conversions as the service makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lurcher.functions.resolve import WIDTH, widest
from lurcher.kql.types import INTEGER_TYPES, NUMERIC_TYPES, ScalarType

T = ScalarType


@dataclass(frozen=True, slots=True)
class Operands:
    left: ScalarType
    right: ScalarType
    result: ScalarType


EQUALITY = frozenset({"==", "!="})
ORDERING = frozenset({"<", "<=", ">", ">="})
ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})
LOGIC = frozenset({"and", "or"})

#: Operators whose right side may be dynamic as well as string; the `has` family takes a string alone.
_RIGHT_DYNAMIC = ("contains", "startswith", "endswith", "like", "matches regex", "=~", "!~", ":")

_TIMES: dict[tuple[str, ScalarType, ScalarType], ScalarType] = {
    ("+", T.TIMESPAN, T.TIMESPAN): T.TIMESPAN,
    ("+", T.DATETIME, T.TIMESPAN): T.DATETIME,
    ("+", T.TIMESPAN, T.DATETIME): T.DATETIME,
    ("+", T.DATETIME, T.DATETIME): T.DATETIME,
    ("-", T.TIMESPAN, T.TIMESPAN): T.TIMESPAN,
    ("-", T.DATETIME, T.DATETIME): T.TIMESPAN,
    ("-", T.DATETIME, T.TIMESPAN): T.DATETIME,
    ("-", T.TIMESPAN, T.DATETIME): T.DATETIME,
    ("*", T.TIMESPAN, T.TIMESPAN): T.TIMESPAN,
    ("/", T.TIMESPAN, T.TIMESPAN): T.REAL,
    ("/", T.DATETIME, T.DATETIME): T.REAL,
    ("/", T.DATETIME, T.TIMESPAN): T.REAL,
    ("%", T.TIMESPAN, T.TIMESPAN): T.TIMESPAN,
    ("%", T.DATETIME, T.DATETIME): T.TIMESPAN,
    ("%", T.DATETIME, T.TIMESPAN): T.TIMESPAN,
}
#: time op number
_TIME_NUMBER = {
    ("*", T.TIMESPAN): T.TIMESPAN,
    ("/", T.TIMESPAN): T.TIMESPAN,
    ("%", T.TIMESPAN): T.TIMESPAN,
    ("*", T.DATETIME): T.DATETIME,
    ("/", T.DATETIME): T.DATETIME,
    ("%", T.DATETIME): T.DATETIME,
}


@lru_cache(maxsize=4096)
def operands(op: str, left: ScalarType, right: ScalarType) -> Operands | None:
    """How `left op right` is typed; None where the operator is not defined for these types."""
    if op in LOGIC:
        fits = all(t in (T.BOOL, T.DYNAMIC, T.UNKNOWN) for t in (left, right))
        return Operands(T.BOOL, T.BOOL, T.BOOL) if fits else None
    if op in EQUALITY:
        return _equality(left, right)
    if op in ORDERING:
        return _ordering(left, right)
    if op in ARITHMETIC:
        return _arithmetic(op, left, right)
    return _text(op, left, right)


def _equality(left: ScalarType, right: ScalarType) -> Operands | None:
    if left is right is T.DYNAMIC:
        return None  # "Cannot compare dynamic values without explicit cast", the engine says; the library lets it pass.
    if T.UNKNOWN in (left, right) or left is right:
        return Operands(left, right, T.BOOL)
    if left is T.DYNAMIC or right is T.DYNAMIC:
        kept = right if left is T.DYNAMIC else left
        # A dynamic 1.5 is not the long 1: integers are compared as reals.
        kept = T.REAL if kept in INTEGER_TYPES else kept
        return Operands(kept, kept, T.BOOL)
    if left in WIDTH and right in WIDTH:
        kept = left if WIDTH[left] > WIDTH[right] else right
        return Operands(kept, kept, T.BOOL)
    if left is T.STRING or right is T.STRING:
        kept = right if left is T.STRING else left
        return Operands(kept, kept, T.BOOL)
    if left is T.BOOL or right is T.BOOL:
        kept = right if left is T.BOOL else left
        return Operands(kept, kept, T.BOOL)
    return Operands(left, right, T.BOOL)


def _ordering(left: ScalarType, right: ScalarType) -> Operands | None:
    pair = {left, right}
    if T.UNKNOWN in pair or (left is right and left in (T.TIMESPAN, T.DATETIME, T.BOOL)):
        return Operands(left, right, T.BOOL)
    if left in NUMERIC_TYPES and right in NUMERIC_TYPES:
        kept = left if WIDTH[left] > WIDTH[right] else right
        return Operands(kept, kept, T.BOOL)
    number = next((t for t in (left, right) if t in NUMERIC_TYPES), None)
    if number is not None and (T.DYNAMIC in pair or T.BOOL in pair):
        # A dynamic may hold 1.5 where the other side is a long: it is compared as a number, not cut to one.
        kept = number if T.BOOL in pair else (T.DECIMAL if number is T.DECIMAL else T.REAL)
        return Operands(kept, kept, T.BOOL)
    return None


def _arithmetic(op: str, left: ScalarType, right: ScalarType) -> Operands | None:
    if T.UNKNOWN in (left, right):
        return Operands(left, right, T.UNKNOWN)
    if left in NUMERIC_TYPES and right in NUMERIC_TYPES:
        kept = widest((left, right))
        return Operands(kept, kept, kept)
    if (found := _TIMES.get((op, left, right))) is not None:
        return Operands(left, right, found)
    if right in NUMERIC_TYPES and (found := _TIME_NUMBER.get((op, left))) is not None:
        return Operands(left, T.REAL if right is T.DECIMAL else right, found)
    if op == "*" and left in NUMERIC_TYPES and right in (T.TIMESPAN, T.DATETIME):
        return Operands(T.REAL if left is T.DECIMAL else left, right, right)
    if left is T.DYNAMIC and right is T.DYNAMIC:
        return None  # The library calls the result dynamic; what the engine makes of 2.5 and "1" there nobody has written down.
    if T.DYNAMIC in (left, right):
        other = right if left is T.DYNAMIC else left
        if op == "-" and other is T.DATETIME:
            return Operands(T.DATETIME, T.DATETIME, T.TIMESPAN)
        if other in NUMERIC_TYPES or (op in "+-" and other in (T.TIMESPAN, T.DATETIME)):
            kept = T.LONG if other is T.INT else other
            return Operands(kept, kept, kept)
    return None


def _text(op: str, left: ScalarType, right: ScalarType) -> Operands | None:
    bare = op.removeprefix("!").removeprefix("not").removesuffix("_cs").removesuffix("cs")
    takes = (
        (T.STRING, T.DYNAMIC, T.UNKNOWN) if bare in _RIGHT_DYNAMIC or op in _RIGHT_DYNAMIC else (T.STRING, T.UNKNOWN)
    )
    if left not in (T.STRING, T.DYNAMIC, T.UNKNOWN) or right not in takes:
        return None
    return Operands(T.STRING, T.STRING, T.BOOL)
