"""The plugins of `evaluate`: name -> how it is bound. Filled by the modules of this package, each with its family.

A handler takes the relation in front and the call; it makes plan nodes, or refuses. What every handler needs of a call's
arguments stands here too.
"""

from __future__ import annotations

from collections.abc import Callable

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS109, KS142
from lurcher.kql.types import Column
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, Scope, near

Plugin = Callable[[Context, Scope, Rel, sx.EvaluateOp], Rel]
PLUGINS: dict[str, Plugin] = {}


def plugin(*names: str) -> Callable[[Plugin], Plugin]:
    """Declares how `evaluate name(...)` is bound."""

    def register(handler: Plugin) -> Plugin:
        for name in names:
            PLUGINS[name] = handler
        return handler

    return register


def declared(op: sx.EvaluateOp) -> Rel | None:
    """The relation that the text itself declares: `: (a:string, b:long)`."""
    if op.schema is None:
        return None
    columns = tuple(Column(c.name.text, c.type) for c in op.schema)
    plan = n.TableFunction(input=None, name=op.call.name.text, args=(), columns=columns, span=op.span)
    return Rel(plan, open=op.open_schema)


def column(cx: Context, rel: Rel, node: sx.Expression) -> Column | None:
    """The column that an argument names; what is wrong with it is said."""
    if not isinstance(node, sx.NameRef):
        cx.say(KS109, node.span)
        return None
    name = node.name.text
    found = next((c for c in rel.columns if c.name == name), None)
    if found is None and not rel.open:
        cx.say(KS142, node.span, name=name, hint=near(name, [c.name for c in rel.columns], "there is"))
    return found
