"""From when to when rows of a table can matter, read off the predicates above it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lurcher.functions.registry import FunctionKind
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Ticks since 0001-01-01, both included; None: open on that side."""

    start: int | None = None
    stop: int | None = None

    def narrowed(self, op: str, ticks: int) -> TimeWindow:
        """With `time op ticks` as well."""
        start, stop = self.start, self.stop
        if op in (">", ">=", "=="):
            start = ticks if start is None else max(start, ticks)
        if op in ("<", "<=", "=="):
            stop = ticks if stop is None else min(stop, ticks)
        return TimeWindow(start, stop)


def window_of(predicates: Iterable[n.Expr], column: str) -> TimeWindow:
    """The window in which a row lies for which all predicates are true. Only comparisons of the column with constants count, alone
    or under `and`; all of them are false for a row without a time."""
    window = TimeWindow()
    for predicate in predicates:
        for part in operands(predicate, "and"):
            bound = _bound(part, column)
            if bound is not None:
                window = window.narrowed(*bound)
    return window


def operands(node: n.Expr, op: str) -> list[n.Expr]:
    """The operands of a chain of one operator, in order; the expression itself where it is none. Without recursion, as chains are
    long."""
    result: list[n.Expr] = []
    stack = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, n.Call) and top.function.kind is FunctionKind.OPERATOR and top.function.name == op:
            stack.extend(reversed(top.args))
        else:
            result.append(top)
    return result


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
