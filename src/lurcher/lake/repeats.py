"""Rows that an at-least-once source delivers again.

Such a source gives each row a hash of its content (16 bytes, stored beside it as `_row_hash`). Of rows with one hash the
first stays: within the source, and against what the table holds. A log that is copied again and again is a source of that
kind only against its earlier copies: its rows are held against theirs (`among`), and not against each other. A repeated row
has the same time, so only files of the same days are looked at; DuckDB joins the hashes and spills to disk, so memory is
bounded whatever the sizes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.lake import layout
from lurcher.lake.staging import StagedFile

if TYPE_CHECKING:
    import pyarrow as pa

_MEMORY = "512MB"
#: Up to so many staged rows, and bytes of stored files beside them, hashes are compared here: a database costs more to open.
_FEW_ROWS = 50_000
_FEW_BYTES = 8 * 1024 * 1024
#: Up to so many rows of a day are looked at here for whether their hashes differ, which they mostly do.
_MANY_ROWS = 1_000_000


def drop_within(files: list[StagedFile], scratch: Path) -> list[StagedFile]:
    """Without the rows whose hash an earlier row of these files has."""
    import pyarrow.compute as pc

    result: list[StagedFile] = []
    left: list[list[StagedFile]] = []
    days: dict[Any, list[StagedFile]] = {}
    for file in sorted(files, key=lambda f: _part(f.path)):
        days.setdefault(file.day, []).append(file)
    for batch in days.values():
        if sum(f.rows for f in batch) <= _MANY_ROWS and _all_differ(batch):
            result += batch
        else:
            left.append(batch)
    if sum(f.rows for batch in left for f in batch) <= _FEW_ROWS:
        for batch in left:
            seen: set[bytes] = set()
            for file in batch:
                result += _without(file, _places_of_seen(file, seen, grow=True))
        return result
    with _connect(scratch) as db:
        for batch in left:
            paths = [str(f.path) for f in batch]
            counts = db.execute(
                f"SELECT count(h), count(DISTINCT h) FROM (SELECT {layout.ROW_HASH} h FROM {_READ})", [paths]
            ).fetchall()
            if counts[0][0] == counts[0][1]:
                result += batch
                continue
            rows = db.sql(
                f"SELECT f, r FROM (SELECT list_position($1, _read_from) f, file_row_number::BIGINT r, row_number() OVER "
                f"(PARTITION BY {layout.ROW_HASH} ORDER BY list_position($1, _read_from), file_row_number) n FROM {_READ} "
                f"WHERE {layout.ROW_HASH} IS NOT NULL) WHERE n > 1",
                params=[paths],
            ).to_arrow_table()
            for i, file in enumerate(batch, 1):
                result += _without(file, rows.filter(pc.equal(rows["f"], i))["r"])
    return result


def drop_known(
    files: list[StagedFile], stored: dict[Any, list[str]], scratch: Path, among: frozenset[str] | None = None
) -> list[StagedFile]:
    """Without the rows whose hash is in the stored files of the same day. `stored`: day -> paths; `among`: rows of these
    sources alone count (digests; None: of all)."""
    if among is not None and not among:
        return files
    old_files = [Path(path) for file in files for path in stored.get(file.day, [])]
    if not old_files:
        return files
    few = sum(f.rows for f in files) <= _FEW_ROWS and sum(p.stat().st_size for p in old_files) <= _FEW_BYTES
    if few and among is None:
        return [part for f in files for part in _without(f, _places_of_seen(f, _hashes(stored.get(f.day, []))))]
    whose = "" if among is None else f" AND {layout.SOURCE} IN (SELECT unnest($3))"
    result: list[StagedFile] = []
    with _connect(scratch) as db:
        for file in files:
            old = stored.get(file.day, [])
            if not old:
                result.append(file)
                continue
            rows = db.sql(
                f"SELECT file_row_number::BIGINT r FROM {_READ} WHERE {layout.ROW_HASH} IN "
                f"(SELECT {layout.ROW_HASH} FROM read_parquet($2, hive_partitioning = false) "
                f"WHERE {layout.ROW_HASH} IS NOT NULL{whose})",
                params=[[str(file.path)], old, *([] if among is None else [sorted(among)])],
            ).to_arrow_table()
            result += _without(file, rows["r"])
    return result


def _all_differ(files: list[StagedFile]) -> bool:
    """Whether no two rows of these files have one hash."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    columns = [pq.ParquetFile(f.path).read([layout.ROW_HASH]).column(0) for f in files]
    hashes = pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.binary())
    return bool(pc.count_distinct(hashes, mode="only_valid").as_py() == len(hashes) - hashes.null_count)


def _hashes(paths: list[str]) -> set[bytes]:
    """The hashes of stored rows."""
    import pyarrow.parquet as pq

    found: set[bytes] = set()
    for path in paths:
        file = pq.ParquetFile(path)
        if layout.ROW_HASH in file.schema_arrow.names:
            found.update(file.read([layout.ROW_HASH]).column(0).to_pylist())
    return found


def _places_of_seen(file: StagedFile, seen: set[bytes], *, grow: bool = False) -> pa.ChunkedArray:
    """The places of rows whose hash was seen before; `grow`: those of the file itself count for the rows behind them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    places = []
    if seen or grow:
        column = pq.ParquetFile(file.path).read([layout.ROW_HASH]).column(0).to_pylist()
        for place, value in enumerate(column):
            if value is None:
                continue
            if value in seen:
                places.append(place)
            elif grow:
                seen.add(value)
    return pa.chunked_array([pa.array(places, pa.int64())])


_READ = "read_parquet($1, filename = '_read_from', file_row_number = true, hive_partitioning = false)"


def _connect(scratch: Path) -> Any:
    import duckdb

    return duckdb.connect(
        ":memory:",
        config={"memory_limit": _MEMORY, "temp_directory": str(scratch / "spill"), "threads": 2},
    )


def _part(path: Path) -> int:
    return int(path.stem.partition("-")[0])


def _without(file: StagedFile, gone: pa.ChunkedArray) -> list[StagedFile]:
    if len(gone) == 0:
        return [file]
    return [_rewrite(file, gone)] if len(gone) < file.rows else []


def _rewrite(file: StagedFile, gone: pa.ChunkedArray) -> StagedFile:
    """The file again, without the rows at these places. Its first and last time stay as they are: what is dropped has a
    twin of the same time in the table."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    source = pq.ParquetFile(file.path)
    target = file.path.with_name(f"{file.path.stem}-{file.rows - len(gone)}.parquet")
    start = 0
    with pq.ParquetWriter(target, source.schema_arrow, compression="zstd", compression_level=1) as writer:
        for batch in source.iter_batches(batch_size=122_880):
            places = pa.array(range(start, start + batch.num_rows), pa.int64())
            start += batch.num_rows
            writer.write_batch(batch.filter(pc.invert(pc.is_in(places, gone))))
    return replace(file, path=target, rows=file.rows - len(gone))
