"""Plugins over rows in their order: rows_near.

Source: "rows_near plugin" (Kusto documentation), its example as measured on Microsoft's emulator.
"""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS120, LU008
from lurcher.kql.types import INTEGER_TYPES, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, keep, project
from lurcher.plan.binder.expressions import predicate, scalar
from lurcher.plan.binder.plugins.registry import plugin
from lurcher.plan.binder.plugins.written import written

T = ScalarType


@plugin("rows_near")
def _rows_near(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """Condition, NumRows, RowsAfter: rows so many before or after one for which the condition is true. How many there are up to
    each row is summed; a row stays where the sums before and after its surroundings differ."""
    args = op.call.arguments
    if not 2 <= len(args) <= 3:
        cx.say(KS120, op.call.name.span, name="rows_near", counts="2 or 3 arguments", given=len(args))
        return rel
    condition = predicate(cx, Env(scope, rel), args[0])
    counts = [_count(cx, scope, node) for node in args[1:]]
    before, after = counts[0], counts[-1]
    if before is None or after is None or condition.type is T.UNKNOWN:
        return rel
    if rel.sorted and not rel.order:
        cx.refuse("rows_near over rows whose sort keys are no longer columns", op.call.span, "keep them until then")
        return rel
    marked = project(rel, [*keep(rel.columns), ("$hit", condition)], op.span)
    shared = marked.over(n.Shared(input=marked.plan, columns=marked.columns, span=op.span))
    # A row is in the surroundings of a later hit within `before` rows, of an earlier one within `after`.
    text = f"""
    T
    | extend ['$sum'] = row_cumsum(iff(['$hit'], 1, 0))
    | extend ['$to'] = next(['$sum'], {before}, long(-1)), ['$from'] = prev(['$sum'], {after + 1}, long(0))
    | where iff(['$to'] < 0, toscalar(T | summarize countif(['$hit'])), ['$to']) > ['$from']
    """
    found = written(cx, op, text, {"T": shared})
    return project(found, [(c.name, col(c.name, c.type)) for c in rel.columns], op.span)


def _count(cx: Context, scope: Scope, node: sx.Expression) -> int | None:
    value = scalar(cx, Env(scope), node)
    if isinstance(value, n.Lit) and value.type in INTEGER_TYPES and isinstance(value.value, int) and value.value >= 0:
        return value.value
    if isinstance(value, n.Lit):
        cx.say(KS107, node.span, expected="a number of rows", actual=value.type)
    else:
        cx.say(LU008, node.span, what="the number of rows")
    return None
