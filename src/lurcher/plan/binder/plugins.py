"""evaluate and invoke: plugins, and functions that take the piped table."""

from __future__ import annotations

from collections.abc import Callable

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS109, KS142, KS211, LU009
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder import cloud
from lurcher.plan.binder.calls import as_table, call_user
from lurcher.plan.binder.context import Context, Env, FunctionValue, Rel, Scope, col, near, operator, project, source
from lurcher.plan.binder.expressions import constant_text, convert, operator_call, scalar
from lurcher.plan.binder.names import Sides
from lurcher.plan.binder.tables import NO_ROWS, table

T = ScalarType


@operator(sx.InvokeOp)
def _invoke(cx: Context, scope: Scope, rel: Rel, op: sx.InvokeOp) -> Rel:
    call = op.function
    if not isinstance(call, sx.Call):
        cx.refuse("invoke of a function elsewhere", call.span)
        return Rel(rel.plan, open=True)
    name = call.name.text
    found = scope.find(name)
    if isinstance(found, FunctionValue):
        return as_table(cx, call_user(cx, Env(scope), found, call.arguments, call.span, rel), call.span)
    if cloud.is_function(name):
        return cloud.call(cx, Env(scope), call, rel)
    functions = [k for k, v in scope.all().items() if isinstance(v, FunctionValue)]
    cx.say(KS211, call.name.span, name=name, hint=near(name, functions))
    return Rel(rel.plan, open=True)


_Plugin = Callable[[Context, Scope, Rel, sx.EvaluateOp], Rel]


@operator(sx.EvaluateOp)
def _evaluate(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    name = op.call.name.text
    handler = _PLUGINS.get(name)
    if handler is None:
        cx.refuse(f"evaluate {name}", op.call.name.span)
        return _declared(op) or Rel(rel.plan, open=True)
    return handler(cx, scope, rel, op)


@source(sx.EvaluateOp)
def _evaluate_first(cx: Context, scope: Scope, op: sx.EvaluateOp) -> Rel:
    return _evaluate(cx, scope, Rel(NO_ROWS), op)


def _declared(op: sx.EvaluateOp) -> Rel | None:
    """The relation that the text itself declares: `: (a:string, b:long)`."""
    if op.schema is None:
        return None
    columns = tuple(Column(c.name.text, c.type) for c in op.schema)
    plan = n.TableFunction(input=None, name=op.call.name.text, args=(), columns=columns, span=op.span)
    return Rel(plan, open=op.open_schema)


def _column(cx: Context, scope: Scope, rel: Rel, node: sx.Expression) -> Column | None:
    if not isinstance(node, sx.NameRef):
        cx.say(KS109, node.span)
        return None
    found = next((c for c in rel.columns if c.name == node.name.text), None)
    if found is None and not rel.open:
        cx.say(
            KS142, node.span, name=node.name.text, hint=near(node.name.text, [c.name for c in rel.columns], "there is")
        )
    return found


def _bag_unpack(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """With a schema the columns are known; without one they depend on the rows."""
    args = op.call.arguments
    bag = _column(cx, scope, rel, args[0]) if args else None
    if bag is None:
        return _declared(op) or Rel(rel.plan, open=True)
    if bag.type not in (T.DYNAMIC, T.UNKNOWN):
        cx.say(KS107, args[0].span, expected="dynamic", actual=bag.type)
    prefix = ""
    if len(args) > 1:
        node = args[1].expression if isinstance(args[1], sx.Named) else args[1]
        prefix = constant_text(cx, scope, node, "the prefix") or ""
    rest = [c for c in rel.columns if c.name != bag.name]
    if op.schema is None or len(args) > 2:
        hint = "say the columns: evaluate bag_unpack(x) : (a:string, b:long)"
        cx.refuse("evaluate bag_unpack without a schema", op.call.span, hint)
        kept = project(rel, [(c.name, col(c.name, c.type)) for c in rest])
        return _declared(op) or Rel(kept.plan, open=True)
    types = {c.name: c.type for c in rest}
    items: list[n.Item] = [(c.name, col(c.name, c.type)) for c in rest] if op.open_schema else []
    listed = {name for name, _ in items}
    for decl in op.schema:
        name = decl.name.text
        if name in listed:
            continue
        if name in types:
            items.append((name, convert(col(name, types[name]), decl.type)))
            continue
        key = n.Lit(type=T.STRING, value=name.removeprefix(prefix), span=decl.span)
        member = operator_call(cx, ".", (col(bag.name, T.DYNAMIC), key), T.DYNAMIC, decl.span)
        items.append((name, convert(member, decl.type)))
    return project(rel, items, op.span)


def _pivot(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """Its columns are the values of a column: known only by running."""
    args = op.call.arguments
    pivoted = _column(cx, scope, rel, args[0]) if args else None
    keys: list[Column] = []
    used = {pivoted.name} if pivoted is not None else set()
    if len(args) > 1:
        env = Env(scope, rel, aggs=[])
        value = scalar(cx, env, args[1])
        used |= {
            e.name for _, agg in env.aggs or [] if isinstance(agg, n.Agg) for e in agg.args if isinstance(e, n.Col)
        }
        del value
    if len(args) > 2:
        keys = [c for node in args[2:] if (c := _column(cx, scope, rel, node)) is not None]
    else:
        keys = [c for c in rel.columns if c.name not in used]
    cx.refuse(
        "evaluate pivot", op.call.span, "summarize countif(...) for each value gives the same where they are known"
    )
    kept = project(rel, [(c.name, col(c.name, c.type)) for c in dict.fromkeys(keys)])
    return _declared(op) or Rel(kept.plan, open=True)


def _ip_lookup(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    args = op.call.arguments
    if not args:
        cx.say(LU009, op.call.span, name="LookupTable", function=op.call.name.text, problem="missing")
        return Rel(rel.plan, open=True)
    other = table(cx, scope, args[0])
    for node in args[1:2]:
        scalar(cx, Env(scope, rel), node)
    cx.refuse(f"evaluate {op.call.name.text}", op.call.name.span)
    sides = Sides((c.name for c in rel.columns), (c.name for c in other.columns))
    columns = list(rel.columns)
    for column in other.columns:
        columns.append(Column(sides.add(column.name), column.type))
    plan = n.TableFunction(input=rel.plan, name=op.call.name.text, args=(), columns=tuple(columns), span=op.span)
    return Rel(plan, open=rel.open or other.open)


def _narrow(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    cx.refuse("evaluate narrow", op.call.name.span)
    columns = (Column("Row", T.LONG), Column("Column", T.STRING), Column("Value", T.STRING))
    return Rel(n.TableFunction(input=rel.plan, name="narrow", args=(), columns=columns, span=op.span))


def _activity_counts(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    args = op.call.arguments
    cx.refuse(f"evaluate {op.call.name.text}", op.call.name.span)
    axis = _column(cx, scope, rel, args[1]) if len(args) > 1 else None
    dimensions = [c for node in args[5:] if (c := _column(cx, scope, rel, node)) is not None]
    columns = [axis] if axis is not None else []
    columns += dimensions
    columns += [Column(x, T.LONG) for x in ("count", "dcount", "new_dcount", "aggregated_dcount")]
    plan = n.TableFunction(input=rel.plan, name=op.call.name.text, args=(), columns=tuple(columns), span=op.span)
    return Rel(plan)


def _sliding_window(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    args = op.call.arguments
    cx.refuse(f"evaluate {op.call.name.text}", op.call.name.span)
    axis = _column(cx, scope, rel, args[1]) if len(args) > 1 else None
    dimensions = [c for node in args[6:] if (c := _column(cx, scope, rel, node)) is not None]
    columns = [axis] if axis is not None else []
    columns += [*dimensions, Column("Count", T.LONG), Column("Dcount", T.LONG)]
    plan = n.TableFunction(input=rel.plan, name=op.call.name.text, args=(), columns=tuple(columns), span=op.span)
    return Rel(plan)


_PLUGINS: dict[str, _Plugin] = {
    "bag_unpack": _bag_unpack,
    "pivot": _pivot,
    "ipv4_lookup": _ip_lookup,
    "ipv6_lookup": _ip_lookup,
    "narrow": _narrow,
    "activity_counts_metrics": _activity_counts,
    "sliding_window_counts": _sliding_window,
}
