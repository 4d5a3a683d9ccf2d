"""The one null text there is: substring() of a null position. isnull() of it is true and strlen() null; elsewhere it is refused.

A text is never null here (docs/decisions/0062-nulls.md): what asks for a null is answered from the positions instead.
"""

from __future__ import annotations

from dataclasses import replace

from lurcher.kql.source import Span
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context
from lurcher.plan.binder.expressions import both, function

T = ScalarType
#: Functions that tell a null text from an empty one.
ASKING = frozenset({"isnull", "isnotnull", "notnull", "strlen"})


def asked(cx: Context, name: str, args: tuple[n.Expr, ...], span: Span) -> n.Expr | None:
    """The call, where it is one of `ASKING` and its argument a substring() whose position may be null; else None."""
    if name not in ASKING or len(args) != 1:
        return None
    text = args[0]
    if not isinstance(text, n.Call) or text.function.name != "substring":
        return None
    positions = text.args[1:]
    if all(isinstance(p, n.Lit) and p.value is not None for p in positions):
        return None
    null = both(cx, "or", [function(cx, "isnull", (p,), span) for p in positions], span)
    if name == "isnull":
        return null
    if name != "strlen":
        return function(cx, "not", (null,), span)
    places = tuple(replace(p, value=0) if isinstance(p, n.Lit) and p.value is None else p for p in positions)
    length = function(cx, "strlen", (replace(text, args=(text.args[0], *places)),), span)
    return function(cx, "iff", (null, n.Lit(type=T.LONG, value=None, span=span), length), span)
