"""`make-series`: groups become arrays along an axis."""

from __future__ import annotations

from lurcher.engines.lowering.context import Context, refuse
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import Rel
from lurcher.plan import nodes as n


@handles(n.Series)
def series(context: Context, plan: n.Series) -> Rel:
    raise refuse("make-series", plan.span)
