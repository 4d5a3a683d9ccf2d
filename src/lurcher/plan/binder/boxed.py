"""Operators between a dynamic value and a whole number, where the usual conversion of the dynamic would lose something.

A comparison takes both as reals, which is exact while the number is one that a double holds with its neighbours; beyond, the
dynamic is compared in all its digits. Arithmetic takes the dynamic as a long: one with a fraction stops the query.
"""

from __future__ import annotations

from lurcher.functions.operands import ARITHMETIC, EQUALITY, ORDERING
from lurcher.kql.source import Span
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context

T = ScalarType
#: Below this a whole number and those beside it have doubles of their own.
_EXACT = 2**53
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def is_wide(expr: n.Expr) -> bool:
    """Whether a long may be beyond what a double holds exactly."""
    if expr.type is not T.LONG:
        return False
    return not (isinstance(expr, n.Lit) and (expr.value is None or abs(expr.value) < _EXACT))


def with_whole_number(cx: Context, op: str, left: n.Expr, right: n.Expr, span: Span) -> n.Expr | None:
    """`left op right` where one is dynamic and the other a whole number; None where the usual way is exact."""
    from lurcher.plan.binder.expressions import binary, function, operator_call

    if (left.type is T.DYNAMIC) is (right.type is T.DYNAMIC):
        return None
    boxed, number = (left, right) if left.type is T.DYNAMIC else (right, left)
    if op in ARITHMETIC and number.type in (T.INT, T.LONG):
        whole = function(cx, "__whole", (boxed,), boxed.span)
        return binary(cx, op, *((whole, number) if boxed is left else (number, whole)), span)
    if not is_wide(number):
        return None
    if op in EQUALITY:
        same = function(cx, "__same", (boxed, number), span)
        return same if op == "==" else function(cx, "not", (same,), span)
    if op in ORDERING:
        compared = function(cx, "__compared", (boxed, number), span)
        zero = n.Lit(type=T.INT, value=0, span=span)
        return operator_call(cx, op if boxed is left else _TURNED[op], (compared, zero), T.BOOL, span)
    return None
