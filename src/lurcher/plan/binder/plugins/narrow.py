"""narrow: a row for each cell. How the service writes values of other types than texts and whole numbers is not documented,
nor what it writes for a null; rows are numbered from 0.

Source: "narrow plugin" (Kusto documentation), its columns as Microsoft's parser has them.
"""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS120
from lurcher.kql.types import INTEGER_TYPES, Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, Scope
from lurcher.plan.binder.plugins.registry import plugin
from lurcher.plan.binder.plugins.written import quoted, text_of, written

T = ScalarType
_COLUMNS = (Column("Row", T.LONG), Column("Column", T.STRING), Column("Value", T.STRING))
_NULL = (
    "narrow over a number that is null: what the service writes for it is not documented"
    "\\n  hint: make texts of numbers before: tostring()"
)


@plugin("narrow")
def _narrow(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    name = op.call.name
    if op.call.arguments:
        cx.say(KS120, name.span, name="narrow", counts="no arguments", given=len(op.call.arguments))
    odd = next((c for c in rel.columns if c.type is not T.STRING and c.type not in INTEGER_TYPES), None)
    if odd is not None:
        hint = f"how the service writes it is not published: project a text of '{odd.name}', tostring()"
        cx.refuse(f"evaluate narrow over a column of type {odd.type}", name.span, hint)
    if rel.sorted and not rel.order:
        # The rows are numbered in their order.
        cx.refuse("narrow over rows whose sort keys are no longer columns", op.call.span, "keep them until then")
        return rel
    if rel.open or not rel.columns or odd is not None or op.call.arguments:
        # What the columns are is not known, or wrong.
        plan = n.TableFunction(input=rel.plan, name="evaluate narrow", args=(), columns=_COLUMNS, span=op.span)
        return Rel(plan, open=rel.open)
    names = ", ".join(f"'{text_of(c.name)}'" for c in rel.columns)
    cells = ", ".join(f"tostring({quoted(c.name)})" for c in rel.columns)
    known = "".join(f" and isnotnull({quoted(c.name)})" for c in rel.columns if c.type is not T.STRING)
    text = f"""
    T
    | serialize
    | extend ['$row'] = row_number(0), ['$names'] = pack_array({names}), ['$cells'] = pack_array({cells})
    | where __told(true{known}, "{_NULL}")
    | project Row = ['$row'], ['$names'], ['$cells']
    | mv-expand Column = ['$names'] to typeof(string), Value = ['$cells'] to typeof(string)
    | project Row, Column, Value
    """
    return written(cx, op, text, {"T": rel})
