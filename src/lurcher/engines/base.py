"""What an engine is: a plan comes in, typed rows go out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from lurcher.kql.types import Columns, ScalarType
from lurcher.plan.nodes import Plan, Query, Render

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_type(type_: ScalarType) -> pa.DataType:
    """How a value of a KQL type comes out: timestamp[us, UTC] for datetime; int64 of 100 ns ticks for timespan; string for guid;
    string of JSON text for dynamic."""
    import pyarrow as pa

    return {
        ScalarType.BOOL: pa.bool_(),
        ScalarType.INT: pa.int32(),
        ScalarType.LONG: pa.int64(),
        ScalarType.REAL: pa.float64(),
        ScalarType.DECIMAL: pa.decimal128(38, 18),
        ScalarType.DATETIME: pa.timestamp("us", "UTC"),
        ScalarType.TIMESPAN: pa.int64(),
    }.get(type_, pa.string())


@dataclass
class Result:
    """The rows of a query, streamed as Arrow batches (`arrow_type`), with their KQL types. A string is never null."""

    columns: Columns
    batches: Iterator[pa.RecordBatch]
    render: Render | None = None

    @property
    def schema(self) -> pa.Schema:
        """Each column's KQL type is in its field's metadata, as `kql`."""
        import pyarrow as pa

        if any(c.type is ScalarType.DECIMAL for c in self.columns):
            # Only the rows tell how many digits a decimal has behind the point.
            first = next(self.batches, None)
            if first is not None:
                self.batches = chain([first], self.batches)
                return first.schema
        return pa.schema([pa.field(c.name, arrow_type(c.type), metadata={"kql": c.type.value}) for c in self.columns])

    def table(self) -> pa.Table:
        """All rows at once."""
        import pyarrow as pa

        schema = self.schema
        return pa.Table.from_batches(list(self.batches), schema)


class Engine(Protocol):
    """Runs plans. It cannot reach files, network or settings that its maker did not hand it."""

    def run(self, query: Query, until: float | None = None) -> Result:
        """The rows. Raises `Refused` for what has no exact form on this engine, `LurcherError` where it fails."""

    def sql(self, plan: Plan) -> str:
        """The text that `run` would send, for `--sql`, `explain` and golden files."""
