"""Parts of plans whose rows are known: tables of the engine's own (`lurcher.engines.computed`)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from lurcher.engines.lowering.rel import Cell, Rel, stored_names
from lurcher.functions.registry import Overload
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.sql import tree as t


def written(value: Any) -> str:
    """A part of a plan, written out: equal texts mean the same, to the type of each constant."""
    if isinstance(value, n.Plan | n.Expr | n.SortKey | n.ExpandItem):
        inside = ",".join(written(getattr(value, f.name)) for f in fields(value) if f.compare)
        return f"{type(value).__name__}({inside})"
    if isinstance(value, tuple):
        return f"({','.join(map(written, value))})"
    if isinstance(value, Overload):
        # A row of the registry is one object for as long as the process lives.
        return f"{value.name}@{id(value)}"
    return repr(value)


@dataclass
class Computed:
    """The rows of a plan as a table, its columns named as a SELECT of the plan names them."""

    name: str
    plan: n.Plan
    #: How many places of statements have read it.
    read: int = 0
    physical: dict[str, str] = field(init=False)
    key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.physical = stored_names(c.name for c in self.plan.columns)
        self.key = written(self.plan)

    def is_of(self, plan: n.Plan) -> bool:
        """Whether these are the plan's rows: it is written alike, to the last constant."""
        if plan is self.plan:
            return True
        return plan.__class__ is self.plan.__class__ and plan.columns == self.plan.columns and written(plan) == self.key

    def rel(self) -> Rel:
        self.read += 1
        columns = {
            c.name: Cell(t.Ident(self.physical[c.name]), c.type, c.type is not ScalarType.STRING)
            for c in self.plan.columns
        }
        return Rel(t.Table(self.name), columns)
