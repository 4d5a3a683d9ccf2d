"""Constants are computed while the plan is built, so that time filters, steps and limits are constants in it.

Only what the service computes exactly the same is computed here: integers, timespans and datetimes in ticks, texts and lists
that were written as literals. Anything else stays a call for the engine.
"""

from __future__ import annotations

from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n

T = ScalarType
_LIMIT = 2**63
#: Ticks of 9999-12-31T23:59:59.9999999.
_LAST_MOMENT = 3155378975999999999


def fold(op: str, left: n.Lit, right: n.Lit, type: ScalarType) -> n.Lit | None:
    """`left op right` where both are constants and the result is sure, else None."""
    a, b = left.value, right.value
    if not (isinstance(a, int) and isinstance(b, int)) or isinstance(a, bool) or isinstance(b, bool):
        return None
    if left.type not in _WHOLE or right.type not in _WHOLE:
        return None
    value: int
    match op:
        case "+":
            value = a + b
        case "-":
            value = a - b
        case "*":
            value = a * b
        case "/" if type in (T.LONG, T.TIMESPAN) and b:
            value = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        case _:
            return None
    if type is T.DATETIME and not 0 <= value <= _LAST_MOMENT:
        return None
    if type not in _WHOLE or not -_LIMIT <= value < _LIMIT:
        return None
    return n.Lit(type=type, value=value, span=left.span.to(right.span))


_WHOLE = frozenset({T.LONG, T.INT, T.TIMESPAN, T.DATETIME})


def negate(operand: n.Lit) -> n.Lit | None:
    """`-x` of a constant."""
    value = operand.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    type = T.LONG if operand.type is T.INT else operand.type
    return n.Lit(type=type, value=-value, span=operand.span)


def convert(operand: n.Lit, type: ScalarType) -> n.Lit | None:
    """A constant as another type, where no text has to be read."""
    value, source = operand.value, operand.type
    if value is None:
        return n.Lit(type=type, value="" if type is T.STRING else None, span=operand.span)
    if type is T.DYNAMIC and source in (T.STRING, T.LONG, T.INT, T.BOOL, T.REAL):
        return n.Lit(type=type, value=value, span=operand.span)
    if source in (T.INT, T.LONG):
        if type in (T.INT, T.LONG) and (type is T.LONG or -(2**31) <= value < 2**31):
            return n.Lit(type=type, value=value, span=operand.span)
        if type is T.REAL and abs(value) <= 2**53:
            return n.Lit(type=type, value=float(value), span=operand.span)
        if type is T.STRING:
            return n.Lit(type=type, value=str(value), span=operand.span)
    if source is T.DYNAMIC:
        if isinstance(value, str) and type is T.STRING:
            return n.Lit(type=type, value=value, span=operand.span)
        if isinstance(value, bool):
            return n.Lit(type=type, value=value, span=operand.span) if type is T.BOOL else None
        if isinstance(value, int) and type in (T.LONG, T.STRING):
            return n.Lit(type=type, value=value if type is T.LONG else str(value), span=operand.span)
    return None
