"""The plan of `scan`: a state machine over rows in order.

Every step has a state of its own: the values that the steps up to it had in the rows that matched them last. A row is looked
at by the last step first. Where the step before has a state and the condition holds with it, that state moves on to the step;
else, where the condition holds with the step's own state (the first step's may be empty), the row takes the step's place in
it. Either gives a row.
"""

from __future__ import annotations

from lurcher.plan import nodes as n
from lurcher.sql.node import node

#: Name, condition, values of declared columns, output (all, last, none).
Step = tuple[str, n.Expr, tuple[n.Item, ...], str]


def state_name(step: int, column: str) -> str:
    """What a step's value of a column is called in conditions and values: they read it as a column of this name."""
    return f"$state{step}.{column}"


@node
class Machine(n.Plan):
    """Columns: the input's, those declared, then the match id's where there is one. `order` as in `Window`. Rows of each
    value of `partition` are scanned by themselves."""

    input: n.Plan
    steps: tuple[Step, ...]
    #: Name and value where no step gives one; its type is the column's.
    declared: tuple[n.Item, ...] = ()
    match: str | None = None
    partition: tuple[n.Expr, ...] = ()
    order: tuple[n.SortKey, ...] = ()
