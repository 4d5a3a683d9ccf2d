"""Which days the rows of a scan can be of, read off the predicates above it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from lurcher.engines.lowering.expressions import flatten
from lurcher.functions.registry import FunctionKind
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n

_TICKS_A_DAY = 864_000_000_000
_MAX_DAY = date.max.toordinal() - 1


def day_range(predicates: Sequence[n.Expr], column: str) -> tuple[date, date] | None:
    """The first and last day (both included) on which a row for which all predicates are true can be; None where nothing is said.

    Only comparisons of the column with constants count. Every one of them is false for a row without a time, so that such rows
    are in no range."""
    low: int | None = None
    high: int | None = None
    for predicate in predicates:
        for part in conjuncts(predicate):
            found = _bound(part, column)
            if found is None:
                continue
            op, ticks = found
            if op in (">", ">=", "=="):
                low = ticks if low is None else max(low, ticks)
            if op in ("<", "<=", "=="):
                high = ticks if high is None else min(high, ticks)
    if low is None and high is None:
        return None
    first = _day(low) if low is not None else date.min
    last = _day(high) if high is not None else date.max
    return first, last


def conjuncts(predicate: n.Expr) -> list[n.Expr]:
    """The parts of a conjunction."""
    if (
        isinstance(predicate, n.Call)
        and predicate.function.kind is FunctionKind.OPERATOR
        and predicate.function.name == "and"
    ):
        return flatten(predicate)
    return [predicate]


def _day(ticks: int) -> date:
    return date.min + timedelta(days=max(0, min(ticks // _TICKS_A_DAY, _MAX_DAY)))


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


def _bound(expr: n.Expr, column: str) -> tuple[str, int] | None:
    """A comparison of the column with a constant: (operator, ticks), the column on its left."""
    if not isinstance(expr, n.Call) or expr.function.kind is not FunctionKind.OPERATOR or len(expr.args) != 2:
        return None
    op = expr.function.name
    if op not in _TURNED:
        return None
    left, right = expr.args
    if isinstance(left, n.Lit):
        left, right, op = right, left, _TURNED[op]
    if not (isinstance(left, n.Col) and left.name == column and isinstance(right, n.Lit)):
        return None
    if right.type is not ScalarType.DATETIME or right.value is None:
        return None
    return op, int(right.value)
