"""pivot: the values of a column become columns, each cell the aggregate of the rows that have the value.

The pivoted columns stand behind the keys, in the order of their values: in the documentation's examples they are in no order.
A cell that no row belongs to is 0 for what counts and sums, null for min, max and take_any; what it is for others is not
published, and refused where there is one.

Source: "pivot plugin" (Kusto documentation).
"""

from __future__ import annotations

from dataclasses import replace

from lurcher.errors import shown
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS120
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, project
from lurcher.plan.binder.expressions import convert, function, scalar
from lurcher.plan.binder.groups import Group, finished
from lurcher.plan.binder.names import Namer
from lurcher.plan.binder.plugins.registry import column, declared, plugin
from lurcher.plan.binder.plugins.written import ask, has_no_row, quoted, text_of, unknown_columns, written

T = ScalarType
MAX_COLUMNS = 1_000
#: Aggregates whose cell of no rows is 0, and those where it is null.
_ZERO = frozenset({"count", "countif", "sum", "sumif", "dcount", "dcountif", "count_distinct", "count_distinctif"})
_NULL = frozenset({"min", "max", "minif", "maxif", "take_any", "any", "take_anyif"})
_TEXTS = (T.STRING, T.LONG, T.INT)


@plugin("pivot")
def _pivot(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    args = op.call.arguments
    if not args:
        cx.say(KS120, op.call.name.span, name="pivot", counts="at least 1 argument", given=0)
        return declared(op) or Rel(rel.plan, open=True)
    pivoted = column(cx, rel, args[0])
    call = args[1] if len(args) > 1 else sx.Call(sx.Name("count"), (), span=op.call.span)
    env = Env(scope, rel, aggs=[])
    env.grouped = frozenset()
    value = scalar(cx, env, call)
    used = {e.name for _, agg in env.aggs or [] if isinstance(agg, n.Agg) for e in agg.args if isinstance(e, n.Col)}
    if len(args) > 2:
        named = [column(cx, rel, node) for node in args[2:]]
        keys = list(dict.fromkeys(c for c in named if c is not None))
    else:
        keys = [c for c in rel.columns if c.name not in used and c != pivoted]
    if pivoted is None or value.type is T.UNKNOWN:
        return declared(op) or Rel(rel.plan, open=True)
    if pivoted.type not in _TEXTS:
        cx.refuse(f"evaluate pivot of a column of type {pivoted.type}", args[0].span, "make a text of it: tostring()")
        return declared(op) or Rel(rel.plan, open=True)
    cells = _cells(cx, rel, op, env, keys, pivoted, value)
    aggregate = call.name.text if isinstance(call, sx.Call) else ""
    if op.schema is not None:
        types = {c.name for c in keys}
        values = [d.name.text for d in op.schema if d.name.text not in types]
        done = _rotated(cx, op, cells, keys, values, value.type, aggregate)
        have = {c.name: c.type for c in done.columns}
        return project(done, [(d.name.text, convert(col(d.name.text, have[d.name.text]), d.type)) for d in op.schema])
    found = _values(cx, op, cells, keys, args[0], aggregate)
    if found is None:
        return unknown_columns(cx, op, rel, tuple(keys))
    rotated = _rotated(cx, op, cells, keys, found, value.type, aggregate)
    return replace(rotated, open=True) if not found and has_no_row(cx, op, cells) else rotated


def _cells(
    cx: Context, rel: Rel, op: sx.EvaluateOp, env: Env, keys: list[Column], pivoted: Column, value: n.Expr
) -> Rel:
    """The aggregate for each combination of the keys `$key0`, ... and the value `$pivot`, as `$value`."""
    by: list[n.Item] = [(f"$key{i}", col(c.name, c.type)) for i, c in enumerate(keys)]
    by.append(("$pivot", function(cx, "tostring", (col(pivoted.name, pivoted.type),), op.span)))
    group = Group(cx, rel, by, set(), env, Namer())
    group.out.append(("$value", value))
    return finished(group, op.span)


def _values(
    cx: Context, op: sx.EvaluateOp, cells: Rel, keys: list[Column], node: sx.Expression, aggregate: str
) -> list[str] | None:
    """The values of the pivoted column, in order; None where they are not known."""
    answer = ask(cx, op, written(cx, op, "T | summarize n = count() by p = ['$pivot']", {"T": cells}), MAX_COLUMNS)
    if answer is None:
        return None
    found = sorted(answer["p"].to_pylist())
    counts = answer["n"].to_pylist()
    if "" in found:
        hint = "leave those rows out, or name them: iff(isempty(x), '(none)', x)"
        cx.refuse("evaluate pivot of a column with empty values", node.span, hint)
    taken = {c.name for c in keys}.intersection(found)
    if taken:
        cx.refuse(f"evaluate pivot of a value that is also the name of a column, '{shown(min(taken))}',", node.span)
    if aggregate not in _ZERO | _NULL and len(found) > 1:
        by = ", ".join(quoted(f"$key{i}") for i in range(len(keys)))
        groups = ask(cx, op, written(cx, op, f"T | summarize by {by} | count", {"T": cells}), 1) if keys else None
        full = groups["Count"].to_pylist()[0] if groups is not None else 1
        if any(count != full for count in counts):
            hint = "what the service puts into a cell that has no rows is not known for it; take count, sum, min or max"
            cx.refuse(
                f"evaluate pivot with {aggregate or 'such an aggregate'}() where a cell has no rows", node.span, hint
            )
    return found


def _rotated(
    cx: Context, op: sx.EvaluateOp, cells: Rel, keys: list[Column], values: list[str], type: ScalarType, aggregate: str
) -> Rel:
    """One row for each combination of the keys, a column for each value."""
    by = ", ".join(quoted(f"$key{i}") for i in range(len(keys)))
    aggs = ", ".join(f"['$v{i}'] = take_anyif(['$value'], ['$pivot'] == '{text_of(v)}')" for i, v in enumerate(values))
    wide = written(cx, op, f"T | summarize {aggs}" + (f" by {by}" if by else ""), {"T": cells})
    items: list[n.Item] = [(c.name, col(f"$key{i}", c.type)) for i, c in enumerate(keys)]
    for i, value in enumerate(values):
        cell: n.Expr = col(f"$v{i}", type)
        if aggregate in _ZERO and type in (T.LONG, T.INT, T.REAL, T.DECIMAL):
            zero = n.Lit(type=type, value=0.0 if type is T.REAL else 0, span=op.span)
            cell = function(cx, "coalesce", (cell, zero), op.span)
        items.append((value, cell))
    return project(wide, items, op.span)
