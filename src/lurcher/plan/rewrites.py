"""Plan -> plan, in order. Each rewrite is a function on one query's plan; a rule says where it would be wrong.

Constants are computed while the plan is built (`folding`), so that no pass is needed for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lurcher.plan.nodes import Plan, Query

Rewrite = Callable[[Plan], Plan]

#: In this order.
REWRITES: tuple[Rewrite, ...] = ()


def rewrite(query: Query) -> Query:
    plan = query.plan
    for step in REWRITES:
        plan = step(plan)
    return query if plan is query.plan else replace(query, plan=plan)
