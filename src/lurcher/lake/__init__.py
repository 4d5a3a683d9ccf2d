"""Telemetry at rest: Delta tables in a folder, appended atomically, each source once.

    rows of a source --SourceWriter--> staging/ (Parquet, a day a file) --commit--> tables/ --LakeTable--> files

| module | what it is |
|---|---|
| `layout` | how a KQL column is stored: Arrow and Delta types, hidden columns, field metadata |
| `lake` | `Lake`: make, open, find, list |
| `table` | `LakeTable`: one version of a table, for reading |
| `writer` | `SourceWriter`: the rows of one source, of whatever tables, staged and then committed |
| `staging` | the Parquet files of rows that no reader sees yet |
| `commit` | staged files become part of a table, once |
| `repeats` | rows of an at-least-once source that the lake has already |
| `sources` | what has been added |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lurcher.lake.lake import Lake, TableInfo
from lurcher.lake.sources import SourceId, SourceRecord
from lurcher.lake.table import LakeTable

if TYPE_CHECKING:
    from lurcher.lake.commit import AppendResult, LakeChangedError
    from lurcher.lake.writer import SourceWriter

#: What writes is loaded when it is asked for: a query only reads.
_WRITING = {
    "AppendResult": "lurcher.lake.commit",
    "LakeChangedError": "lurcher.lake.commit",
    "SourceWriter": "lurcher.lake.writer",
}

__all__ = [
    "AppendResult",
    "Lake",
    "LakeChangedError",
    "LakeTable",
    "SourceId",
    "SourceRecord",
    "SourceWriter",
    "TableInfo",
]


def __getattr__(name: str) -> Any:
    home = _WRITING.get(name)
    if home is None:
        raise AttributeError(f"module 'lurcher.lake' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
