"""`scan`: a state machine over rows in order.

`step.column` in a condition or a value is what the column was in the row that the step took last; a step reads its own and
those of the steps before it. What the documentation leaves open is refused: a step marked optional, the clauses `kind`,
`order by` and `partition by`, a declared column without its step, a step that comes later.

Source: "scan operator" (Kusto documentation).
"""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS142, KS171, KS201
from lurcher.kql.types import NUMERIC_TYPES, Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, near, null, operator
from lurcher.plan.binder.expressions import convert, predicate, scalar
from lurcher.plan.binder.joins import parameter
from lurcher.plan.machine import Machine, Step, state_name

T = ScalarType
#: What a step costs grows with the steps before it.
MAX_STEPS = 16
_WIDER = [T.INT, T.LONG, T.REAL]


@operator(sx.ScanOp)
def _scan(cx: Context, scope: Scope, rel: Rel, op: sx.ScanOp) -> Rel:
    _refused_clauses(cx, op)
    declared = _declared(cx, scope, rel, op)
    types = {c.name: c.type for c in rel.columns} | {name: e.type for name, e in declared.items()}
    steps: list[Step] = []
    names = [step.name.text for step in op.steps]
    for position, step in enumerate(op.steps, 1):
        name = step.name.text
        if name in names[: position - 1]:
            cx.say(KS201, step.name.span, name=name)
        if name in types:
            cx.refuse(f"a step and a column of one name ('{name}')", step.name.span, "give the step another name")
        env = Env(scope, rel, outer=cx.outer)
        env.states = {
            other: {c: n.Col(type=t, name=state_name(i, c)) for c, t in types.items()} if i <= position else {}
            for i, other in enumerate(names, 1)
        }
        bare = _Bare(cx, env, declared, name)
        condition = bare.checked(predicate(cx, bare.env, step.condition))
        values: dict[str, n.Expr] = {}
        for item in step.assignments:
            target = item.name.text
            value = bare.checked(scalar(cx, bare.env, item.value))
            if target not in declared:
                cx.say(KS142, item.name.span, name=target, hint=near(target, declared, "declared are"))
                continue
            if target in values:
                cx.say(KS171, item.name.span, name=target)
            values[target] = _converted(cx, value, declared[target].type)
        steps.append((name, condition, tuple(values.items()), step.output or "all"))
    columns = [*rel.columns, *(Column(name, e.type) for name, e in declared.items())]
    match = parameter(op, "with_match_id") or None
    if match is not None:
        if match in types:
            cx.say(KS171, op.span, name=match)
        columns.append(Column(match, T.LONG))
    if rel.sorted and not rel.order:
        cx.refuse("scan over rows whose sort keys are no longer columns", op.span, "keep the sort keys until then")
    plan = Machine(
        input=rel.plan,
        steps=tuple(steps),
        declared=tuple(declared.items()),
        match=match,
        order=rel.order,
        columns=tuple({c.name: c for c in columns}.values()),
        span=op.span,
    )
    return rel.over(plan)


def _refused_clauses(cx: Context, op: sx.ScanOp) -> None:
    hint = "sort before; partition hint.strategy=native by key (sort by time asc | scan ...)"
    if op.order_by:
        cx.refuse("scan ... order by", op.order_by[0].span, hint)
    if op.partition_by:
        cx.refuse("scan ... partition by", op.partition_by[0].span, hint)
    if parameter(op, "kind"):
        cx.refuse("scan kind=...", op.span)
    if not op.steps:
        cx.refuse("scan without steps", op.span)
    if len(op.steps) > MAX_STEPS:
        cx.refuse(f"scan of more than {MAX_STEPS} steps", op.steps[MAX_STEPS].span)
    for step in op.steps:
        if step.optional:
            cx.refuse("an optional step of scan", step.span, "what it means is not documented")


def _declared(cx: Context, scope: Scope, rel: Rel, op: sx.ScanOp) -> dict[str, n.Expr]:
    """The declared columns, each with its value where no step gives one."""
    found: dict[str, n.Expr] = {}
    taken = {c.name for c in rel.columns}
    for param in op.declare:
        name = param.name.text
        if not isinstance(param.type, ScalarType):
            cx.say(KS107, param.span, expected="a scalar type", actual="a table")
            continue
        if name in taken:
            cx.refuse(f"a declared column that the table has ('{name}')", param.name.span, "give it another name")
        if name in found:
            cx.say(KS171, param.name.span, name=name)
        value = null(param.type)
        found[name] = value
        if param.default is not None:
            default = scalar(cx, Env(scope), param.default)
            found[name] = _converted(cx, default, param.type)
    return found


def _converted(cx: Context, value: n.Expr, type: ScalarType) -> n.Expr:
    """The value in a column of the type: an integer goes where a wider number is."""
    if value.type is type or value.type is T.UNKNOWN:
        return convert(value, type)
    if value.type in _WIDER and type in _WIDER and _WIDER.index(value.type) < _WIDER.index(type):
        return convert(value, type)
    if isinstance(value, n.Lit) and value.type in NUMERIC_TYPES and type in NUMERIC_TYPES and value.type is T.LONG:
        return convert(value, type)
    cx.refuse(f"a value of type {value.type} in a declared column of type {type}", value.span, f"to{type}() converts")
    return null(type)


class _Bare:
    """Sees to it that a declared column is read with its step: what it is without one is not documented."""

    def __init__(self, cx: Context, env: Env, declared: dict[str, n.Expr], step: str) -> None:
        self.cx, self.declared, self.step = cx, declared, step
        self.env = env
        env.types = {**{name: e.type for name, e in declared.items()}, **env.types}

    def checked(self, expr: n.Expr) -> n.Expr:
        stack: list[n.Expr] = [expr]
        while stack:
            node = stack.pop()
            if isinstance(node, n.Col) and node.name in self.declared:
                hint = f"write {self.step}.{node.name}"
                self.cx.refuse(f"the declared column '{node.name}' without a step", node.span, hint)
            elif isinstance(node, n.Call):
                stack += node.args
            elif isinstance(node, n.Convert):
                stack.append(node.operand)
            elif isinstance(node, n.InList):
                stack += (node.operand, *node.values)
            elif isinstance(node, n.InQuery):
                stack.append(node.operand)
        return expr
