"""What a reader gives: typed rows of tables, and what could not be taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lurcher.schema import TableSchema

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TableBatch:
    """Rows of one table. `batch` has the columns' own names and the types of `lurcher.lake.layout.arrow_type`; `row_hash`
    (16 bytes a row) is given by sources that deliver a row more than once, and by no others. `copies`: they do so only in copies
    of one file, which have its name."""

    schema: TableSchema
    batch: pa.RecordBatch
    row_hash: pa.Array | None = None
    copies: bool = False


@dataclass(frozen=True)
class Reject:
    """A row or a stretch of a file that was not taken. `position` is a line, a row or an element of the file, from 1, and
    `unit` says which."""

    unit: str
    position: int
    reason: str
    raw: bytes
