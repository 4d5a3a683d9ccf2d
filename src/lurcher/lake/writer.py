"""The rows of one source on their way into the lake."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lurcher.lake import staging
from lurcher.lake.commit import AppendResult, commit
from lurcher.lake.failures import told
from lurcher.lake.sources import SourceId
from lurcher.schema import TableSchema

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.lake.lake import Lake

_AGAIN = "then add it again: each table has all of its rows or none"


class SourceWriter:
    """Takes the rows of one source, for any number of tables, in bounded memory; `commit` puts them into the lake.

    Until then no reader sees any of them. Each table's rows appear at once; a kill between two tables leaves the first
    one's in the lake, and the source, added again, gives its rows to the others alone. Used as a context: what was not
    committed is removed.
    """

    def __init__(self, lake: Lake, source: SourceId, buffers: int = staging.BUFFER_BYTES) -> None:
        self._lake = lake
        self._source = source
        self._buffers = buffers
        with told("nothing can be written into the lake", lake.path):
            self._folder, self._lock = staging.open_folder(lake.path)
        self._stages: dict[str, staging.TableStage] = {}

    def __enter__(self) -> SourceWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """Scratch space that goes away with the writer."""
        return self._folder

    def declare(self, schema: TableSchema) -> None:
        """The columns that rows of a table have from here on; columns that it had stay."""
        self._stage(schema.name).declare(schema.columns)

    def write(
        self,
        schema: TableSchema,
        batch: pa.RecordBatch,
        *,
        row_hash: pa.Array | None = None,
        among: frozenset[str] | None = None,
    ) -> None:
        """Take rows of the table `schema.name`. See `Lake.append` for what a batch is. `row_hash` (16 bytes a row) makes
        the table drop rows that it has already: for sources that deliver at least once, and no others. `among`: only rows
        that came from these sources (digests) count, and none of this source itself."""
        stage = self._stage(schema.name)
        stage.among = among
        stage.declare(schema.columns)
        with told(f"rows of {schema.name} cannot be written", self._lake.path, _AGAIN):
            stage.write(batch, row_hash)
            if sum(s.buffered for s in self._stages.values()) > self._buffers:
                max(self._stages.values(), key=lambda s: s.buffered).flush()

    def rows(self, table: str) -> int:
        """Rows that were written for a table so far."""
        return self._stages[table].rows if table in self._stages else 0

    def commit(self) -> dict[str, AppendResult]:
        """Put what was written into the lake: table -> what came of it."""
        results = {}
        for name, stage in self._stages.items():
            with told(f"rows of {name} cannot be written", self._lake.path, _AGAIN):
                stage.close()
                results[name] = commit(stage, self._source, self._lake, self._folder)
        return results

    def close(self) -> None:
        for stage in self._stages.values():
            stage.abort()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.close()

    def _stage(self, name: str) -> staging.TableStage:
        if name not in self._stages:
            # A source is noted before any of it is committed: of one that is not, no table has rows.
            fresh = self._lake.source(self._source.digest) is None
            self._stages[name] = staging.TableStage(name, self._lake.table(name), self._folder, self._source, fresh)
        return self._stages[name]
