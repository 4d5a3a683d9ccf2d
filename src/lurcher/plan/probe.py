"""Columns that are values of the rows: `evaluate bag_unpack(x)` has a column for each key that a bag has, `pivot` one for each
value of a column. To bind what follows, the plan in front of them has to be run.

Whoever compiles a text hands in who runs a plan: the plan of a question is small (it is grouped and limited), its answer too.
The engine's own limits of time and memory hold for it. Where nobody is handed in (a check, an editor), such columns are open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lurcher.plan.nodes import Plan

if TYPE_CHECKING:
    import pyarrow as pa


class Probe(Protocol):
    def __call__(self, plan: Plan, /) -> pa.Table:
        """The rows of a plan. Raises `LurcherError` where it fails."""
        ...
