"""Plan -> plan, in order. Each rewrite says in which case it would be wrong.

Constants are computed while the plan is built (`folding`), so that no pass is needed for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lurcher.plan import nodes as n

Rewrite = Callable[[n.Plan], n.Plan]


#: In this order. What an engine's own optimiser does as well (merging filters, dropping columns) is not repeated here: a
#: rewrite that rebuilds a relation which is used twice would hide from the lowering that it is one.
REWRITES: tuple[Rewrite, ...] = ()


def rewrite(query: n.Query) -> n.Query:
    plan = query.plan
    for step in REWRITES:
        plan = step(plan)
    return query if plan is query.plan else replace(query, plan=plan)
