"""Functions of the services that are written in KQL: `data/defender.kql`. They see the tables that there are, and nothing of
the query that calls them but what it hands them."""

from __future__ import annotations

from functools import cache

from lurcher.kql import syntax as sx
from lurcher.kql.source import Source, Span
from lurcher.plan.binder.calls import as_table, call_user
from lurcher.plan.binder.context import Context, Env, FunctionValue, Rel, ScalarValue, Scope
from lurcher.plan.nodes import Expr


@cache
def _functions() -> dict[str, sx.Function]:
    from importlib import resources

    from lurcher.kql.parser import parse

    text = (resources.files("lurcher.plan") / "data" / "defender.kql").read_text(encoding="utf-8")
    parsed = parse(Source(text, "defender.kql"))
    assert parsed.ok, parsed.diagnostics
    found = {}
    for statement in parsed.tree.statements:
        if isinstance(statement, sx.LetStatement) and isinstance(statement.value, sx.Function):
            found[statement.name.text] = statement.value
    return found


def call_prelude(cx: Context, name: str, span: Span, *values: Expr, piped: Rel | None = None) -> Rel:
    """The table that a function of the prelude gives. `piped` is its table, `values` are its other arguments."""
    scope = Scope()
    for key, node in _functions().items():
        scope.names[key] = FunctionValue(node, Scope(scope), key)
    arguments = []
    for index, value in enumerate(values):
        hidden = f"$argument{index}"
        scope.names[hidden] = ScalarValue(value)
        arguments.append(sx.NameRef(sx.Name(hidden, span=span), span=span))
    function = scope.names[name]
    assert isinstance(function, FunctionValue)
    said = len(cx.diagnostics)
    outer, cx.outer, aside, cx.aside = cx.outer, None, cx.aside, True
    try:
        return as_table(cx, call_user(cx, Env(scope), function, tuple(arguments), span, piped), span)
    finally:
        cx.outer, cx.aside = outer, aside
        # What is to be said of it is said where it is called.
        cx.diagnostics[said:] = [d for d in cx.diagnostics[said:] if d.is_error]
