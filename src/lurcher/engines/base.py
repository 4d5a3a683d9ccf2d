"""What an engine is: a plan comes in, typed rows go out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lurcher.kql.types import Columns
from lurcher.plan.nodes import Plan, Query, Render

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Result:
    """The rows of a query, streamed as Arrow batches, with their KQL types.

    Arrow has: bool; int32; int64; float64; decimal128; string; timestamp[us, UTC] for datetime; int64 of 100 ns ticks for
    timespan; string for guid; string of JSON text for dynamic. `columns` says which is which; a string is never null.
    """

    columns: Columns
    batches: Iterator[pa.RecordBatch]
    render: Render | None = None

    def table(self) -> pa.Table:
        """All rows at once."""
        raise NotImplementedError


class Engine(Protocol):
    """Runs plans. It cannot reach files, network or settings that its maker did not hand it."""

    def run(self, query: Query) -> Result: ...

    def sql(self, plan: Plan) -> str:
        """The text that `run` would send, for `--sql`, `explain` and golden files."""
