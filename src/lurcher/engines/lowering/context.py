"""What the lowering of one statement carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lurcher.engines.lowering.computed import Computed
from lurcher.engines.lowering.rel import INGESTED, Cell, Rel
from lurcher.kql.diagnostics import LU001, Refused
from lurcher.kql.source import Span
from lurcher.plan import nodes as n
from lurcher.plan.covers import Test
from lurcher.plan.windows import Windows
from lurcher.sql import tree as t
from lurcher.sql.dialect import DUCKDB, Dialect


@dataclass(frozen=True, slots=True)
class Stored:
    """How the engine reads a table: a name to put in FROM, where each column is (of those that are looked at), which strings may be
    null there."""

    name: str
    physical: dict[str, str]
    nullable_strings: frozenset[str] = frozenset()
    #: The column that says when a row was added.
    ingested: str = INGESTED
    #: Where a dynamic column is whose text is beside it, under the name that `texts.twin` gives.
    texts: frozenset[str] = frozenset()
    #: Tests whose answers are known: the values of their column, in these rows, for which each is true.
    matched: Mapping[Test, tuple[str, ...]] = field(default_factory=dict)


class Tables(Protocol):
    """What the lowering asks the engine about tables."""

    def stored(self, table: n.Scan, windows: Windows, predicates: Sequence[n.Expr] = ()) -> Stored:
        """`windows`: rows outside of them may be left out, and those without such a time; so may rows for which not all of the
        `predicates` are true. Of the table's columns, those of `table` are all that is looked at."""

    def is_empty(self, table: n.Scan) -> bool:
        """Whether it is known to have no rows."""

    def supplied(self, rows: n.Supplied) -> Stored: ...


@dataclass
class Context:
    tables: Tables
    dialect: Dialect = DUCKDB
    #: Integer arithmetic that wraps around, at the price of 128 bits.
    wrapping: bool = False
    ctes: list[t.Cte] = field(default_factory=list)
    #: Plans that are lowered already, by identity: those that stand in several places.
    shared: dict[int, Rel] = field(default_factory=dict)
    uses: dict[int, int] = field(default_factory=dict)
    #: When rows of a scan matter at all, by its identity.
    windows: dict[int, Windows] = field(default_factory=dict)
    #: The columns of a scan that are looked at, by its identity; of one that is not here, all may be.
    columns: dict[int, frozenset[str]] = field(default_factory=dict)
    #: Parts of plans whose rows are known.
    computed: Sequence[Computed] = ()
    #: Paths of the Python functions that the statement calls.
    udfs: set[str] = field(default_factory=set)
    counter: int = 0
    #: Raises `LurcherError` for what the engine has not, in the SQL of a call; None where it has all.
    check: Callable[[t.SqlExpr], object] | None = None
    #: The nodes that the engine has; None is all.
    nodes: frozenset[type] | None = None
    #: Whether the statement asks for the time at which rows were added: tables then carry it along.
    ingestion_time: bool = False
    #: The relation lowering, set by the driver (expressions hold subqueries).
    relation: Callable[[n.Plan], Rel] = field(default=lambda plan: _unset(plan))
    #: The columns of the row that the body of an `Apply` is lowered for.
    outer: dict[str, Cell] = field(default_factory=dict)
    #: Its elements, where the body makes one row of them however many there are.
    summed: n.Elements | None = None

    def fresh(self) -> int:
        self.counter += 1
        return self.counter


def _unset(plan: n.Plan) -> Rel:
    raise RuntimeError(f"no driver to lower {type(plan).__name__}")


def refuse(construct: str, span: Span, hint: str = "") -> Refused:
    """What cannot be lowered exactly: named, with its place."""
    return Refused((LU001.at(span, construct=construct, hint=hint),))
