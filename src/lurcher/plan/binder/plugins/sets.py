"""dcount_intersect: how many values the first sketch holds, the first two have in common, the first three, ...

A sketch holds its values here, so what they have in common is counted exactly. Whether the service hands on the sketches beside the
counts is told in two ways: a query that does not project the counts shows a sketch, which is refused. So are other columns, and
several rows.

Source: "dcount_intersect plugin" (Kusto documentation).
"""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS120
from lurcher.kql.types import ScalarType
from lurcher.plan.binder.context import Context, Rel, Scope
from lurcher.plan.binder.plugins.registry import column, plugin
from lurcher.plan.binder.plugins.written import quoted, written

T = ScalarType
_ROWS = (
    "dcount_intersect over several rows: what the service makes of them is not documented"
    "\\n  hint: merge the sketches of all rows before: summarize hll_merge()"
)


@plugin("dcount_intersect")
def _dcount_intersect(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    args, name = op.call.arguments, op.call.name
    if not 2 <= len(args) <= 16:
        cx.say(KS120, name.span, name=name.text, counts="2 to 16 arguments", given=len(args))
        return Rel(rel.plan, open=True)
    columns = [column(cx, rel, node) for node in args]
    found = [c for c in columns if c is not None]
    for c, node in zip(columns, args, strict=True):
        if c is not None and c.type is not T.DYNAMIC:
            cx.say(KS107, node.span, expected="a sketch that hll() made", actual=c.type)
            return Rel(rel.plan, open=True)
    if len(found) < len(args):
        return Rel(rel.plan, open=True)
    counts = [f"s{i}" for i in range(len(args))]
    if {c.name for c in rel.columns} - {c.name for c in found} or {c.name for c in found} & set(counts):
        hint = "project the sketches alone, and not as s0, s1, ..., before"
        cx.refuse("dcount_intersect over a table with other columns than its sketches", op.call.span, hint)
        return Rel(rel.plan, open=True)
    names = [quoted(c.name) for c in found]
    items = ", ".join(f"{s} = __dcount_intersect({', '.join(names[: i + 1])})" for i, s in enumerate(counts))
    text = f"""
    T
    | serialize
    | where __told(row_number() == 1, "{_ROWS}")
    | extend {items}
    """
    return written(cx, op, text, {"T": rel})
