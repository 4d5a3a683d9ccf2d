"""evaluate and invoke: plugins, and functions that take the piped table.

| module | what it binds |
|---|---|
| `registry` | name -> handler; the arguments that every handler reads |
| `unsupported` | plugins that are known and refused, with the reason |
| `bags`, `pivot` | what depends on the values in the rows |
| `addresses`, `places` | look-ups by address, by place |
| `activity` | counts of who was active when |
| `returning` | who came back |
| `serial` | rows in their order |
| `narrow` | a row for each cell |
| `sets` | what sketches have in common |
| `schemas` | schemas as rows |
| `written` | what they are made with: KQL of our own, questions to the data |
"""

from __future__ import annotations

from lurcher.errors import shown
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS211
from lurcher.plan.binder import cloud
from lurcher.plan.binder.calls import as_table, call_user
from lurcher.plan.binder.context import Context, Env, FunctionValue, Rel, Scope, near, operator, source
from lurcher.plan.binder.plugins import (  # noqa: F401  They declare the plugins.
    activity,
    addresses,
    bags,
    narrow,
    pivot,
    places,
    returning,
    schemas,
    serial,
    sets,
)
from lurcher.plan.binder.plugins.registry import PLUGINS, declared
from lurcher.plan.binder.plugins.unsupported import UNSUPPORTED
from lurcher.plan.binder.tables import NO_ROWS


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


@operator(sx.EvaluateOp)
def _evaluate(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    name = op.call.name.text
    handler = PLUGINS.get(name)
    if handler is None:
        cx.refuse(f"evaluate {name}", op.call.name.span, UNSUPPORTED.get(name, ""))
        return declared(op) or Rel(rel.plan, open=True)
    done = handler(cx, scope, rel, op)
    return done if op.schema is None or name in _BY_THE_ROWS else _as_declared(cx, done, op)


#: Plugins whose columns are values of the rows, or what the text declares.
_BY_THE_ROWS = frozenset({"bag_unpack", "pivot"})


def _as_declared(cx: Context, done: Rel, op: sx.EvaluateOp) -> Rel:
    """The result of a plugin that has columns of its own, where the text declares some: they must be those."""
    said = declared(op)
    assert said is not None
    if done.open or any(d.is_error for d in cx.diagnostics):
        return said
    if op.open_schema or said.columns != done.columns:
        name, gives = op.call.name.text, ", ".join(f"{shown(c.name)}:{c.type}" for c in done.columns)
        hint = f"it gives ({gives}); leave the schema out, and project after it"
        cx.refuse(f"evaluate {name} with other columns than it gives", op.span, hint)
        return said
    return done


@source(sx.EvaluateOp)
def _evaluate_first(cx: Context, scope: Scope, op: sx.EvaluateOp) -> Rel:
    return _evaluate(cx, scope, Rel(NO_ROWS), op)
