"""Numbers inside dynamic values, where an operator meets them with a long: exact, or refused.

A dynamic number may be 2.5, or an integer that no double holds. Neither is cut or rounded on the way to an operator.
"""

from __future__ import annotations

from lurcher.functions.conversion import FROM_DYNAMIC
from lurcher.functions.registry import Nulls, scalar

_LONG, _REAL = FROM_DYNAMIC["tolong"], FROM_DYNAMIC["toreal"]
_IS_LONG = "json_type({value}) IN ('UBIGINT', 'BIGINT')"
_IS_CUT = "json_type({value}) = 'DOUBLE' AND CAST({value} AS DOUBLE) <> trunc(CAST({value} AS DOUBLE))"
_REFUSAL = (
    "error('LurcherError: arithmetic of a whole number with a dynamic value that is none: whether the service cuts it is not"
    " published\n  hint: say what the dynamic is: toreal(x), or tolong(x)')"
)
_MORE = {"nulls": Nulls.MAYBE, "hidden": True}

scalar(
    "__whole",
    "value: dynamic",
    "long",
    "A dynamic as the operand of integer arithmetic; one with a fraction stops the query.",
    f"CASE WHEN {_IS_CUT} THEN CAST({_REFUSAL} AS BIGINT) ELSE {_LONG} END",
    example=("__whole(dynamic(2))", "2"),
    **_MORE,
)
scalar(
    "__exact",
    "value: dynamic",
    "long",
    "A dynamic as an element of a set of longs; one with a fraction is none of them.",
    f"CASE WHEN {_IS_CUT} THEN NULL ELSE {_LONG} END",
    example=("__exact(dynamic(2.5))", "long(null)"),
    **_MORE,
)
scalar(
    "__same",
    "value: dynamic, number: long",
    "bool",
    "Whether a dynamic is that number, in all its digits. Null where both are null.",
    "CASE WHEN {value} IS NULL AND {number} IS NULL THEN NULL WHEN {value} IS NULL OR {number} IS NULL THEN false"
    f" WHEN {_IS_LONG} THEN CAST({{value}} AS HUGEINT) = {{number}}"
    f" ELSE coalesce({_REAL} = CAST({{number}} AS DOUBLE), false) END",
    example=("__same(dynamic(9007199254740993), 9007199254740992)", "false"),
    **_MORE,
)
scalar(
    "__compared",
    "value: dynamic, number: long",
    "int",
    "Less than 0, 0 or more than 0, as a dynamic is less than a number, the same or more; null where one is null.",
    f"CASE WHEN {_IS_LONG} THEN sign(CAST({{value}} AS HUGEINT) - {{number}})::INTEGER"
    f" ELSE sign({_REAL} - CAST({{number}} AS DOUBLE))::INTEGER END",
    example=("__compared(dynamic(9007199254740993), 9007199254740992)", "int(1)"),
    **_MORE,
)
