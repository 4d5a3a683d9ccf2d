"""`declare pattern`: texts, and a path, that stand for a table.

Source: "pattern statement" (Kusto documentation). A call that no case answers is an error of the service too (SEM0036).
"""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import LU011
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, PatternValue, Rel, Scope


def pattern_of(scope: Scope, node: sx.Expression) -> PatternValue | None:
    """The pattern that `P("a")` or `P("a").path` calls; None where it is no such call."""
    call = node.base if isinstance(node, sx.Path) else node
    found = scope.find(call.name.text) if isinstance(call, sx.Call) else None
    return found if isinstance(found, PatternValue) else None


def applied(cx: Context, scope: Scope, pattern: PatternValue, node: sx.Expression) -> Rel:
    """The table that a call of a pattern stands for."""
    from lurcher.plan.binder.expressions import constant_text
    from lurcher.plan.binder.tables import unknown_table

    call = node.base if isinstance(node, sx.Path) else node
    assert isinstance(call, sx.Call)
    values = [constant_text(cx, scope, a, "an argument of a pattern") for a in call.arguments]
    if None in values:
        return unknown_table(node.span)
    path = _path(cx, scope, node)
    found = pattern.tables.get((*values, path))
    if found is not None:
        return found
    shown = f"{pattern.name}({', '.join(map(repr, values))}){'' if path is None else f'.[{path!r}]'}"
    cx.say(LU011, node.span, message=f"the pattern has no case for {shown}")
    return unknown_table(node.span)


def _path(cx: Context, scope: Scope, node: sx.Expression) -> str | None:
    if not isinstance(node, sx.Path):
        return None
    if isinstance(node.member, sx.NameRef):
        return node.member.name.text
    from lurcher.plan.binder.expressions import scalar

    value = scalar(cx, Env(scope), node.member)
    return value.value if isinstance(value, n.Lit) and isinstance(value.value, str) else ""
