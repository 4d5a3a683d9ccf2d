"""Staged rows become part of a table: once, whatever happens.

One Delta commit holds the files and, as its application id, the digest of their source. Before it, the table is read and
asked for that id; the commit is made upon that very version, without delta-rs' own retries, so that another process's
commit in between makes it fail, and everything is looked at again: the id, the columns, the repeats.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.kql.types import Column
from lurcher.lake import layout, names, repeats
from lurcher.lake.actions import added, apply, once
from lurcher.lake.failures import failure
from lurcher.lake.sources import SourceId
from lurcher.lake.staging import StagedFile, TableStage, move
from lurcher.lake.table import LakeTable

if TYPE_CHECKING:
    from lurcher.lake.lake import Lake

_ATTEMPTS = 200


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What came of appending a source's rows to a table. `already`: the table had this source, and nothing was added."""

    table: str
    rows: int
    repeated: int
    already: bool
    version: int


class LakeChangedError(Exception):
    """Another process has given the table other columns since the rows were staged: read and stage the source again."""


def open_delta(folder: Path) -> Any:
    """The table at `folder` as it is now. delta-rs takes a path apart as a URL where it can, so it gets an absolute one."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return DeltaTable(folder.absolute())
    except OSError as error:
        denied = "permission denied" in str(error).casefold()
        why = "it may not be read by this user" if denied else " ".join(str(error).split())[:300]
        hint = "look at the folder's owner and permissions" if denied else ""
        raise LurcherError(f"the table cannot be read: {why}", hint, str(folder)) from error
    except DeltaError as error:
        raise LurcherError(f"the table cannot be read: {error}", path=str(folder)) from error


def commit(stage: TableStage, source: SourceId, lake: Lake, scratch: Path) -> AppendResult:
    """Add what is staged to the lake's table (made where it is not there), unless it has the source already.

    Raises `LakeChangedError`, and `LurcherError` where the table never comes to rest.
    """
    from deltalake.exceptions import CommitFailedError

    folder = lake.path / "tables" / stage.name
    staged = sum(f.rows for f in stage.files)
    files = stage.files
    seen: set[str] = set()
    #: What was moved into the table's folder. A conflict may show rows that are repeats: their file is written again.
    moved: set[Path] = set()
    if stage.hashed and stage.among is None:
        files = repeats.drop_within(files, scratch)
    for attempt in range(_ATTEMPTS):
        # Where it is of an older version than the table is now, the commit fails, and it is opened anew.
        table = lake.take(stage.name) or LakeTable(stage.name, folder, _open_or_create(stage, folder))
        delta = table.delta
        if delta.transaction_version(source.digest) is not None:
            return AppendResult(stage.name, 0, 0, True, table.version)
        new = _new_columns(stage, table, files)
        if stage.hashed:
            files = repeats.drop_known(files, _unseen(table, seen), scratch, stage.among)
        try:
            if new:
                fields = [layout.delta_field(c, stage.stored[c.name], late=True) for c in new]
                delta.alter.add_columns(fields, commit_properties=once())
            if files:
                # A move leaves an orphan if this process dies before the commit: invisible, as readers go by the log.
                files = [_moved(f, folder, source, i, scratch.name) for i, f in enumerate(files)]
                moved.update(f.path for f in files)
                _append(delta, LakeTable(stage.name, folder, delta) if new else table, files, source)
            for left in moved - {f.path for f in files}:
                left.unlink(missing_ok=True)
            rows = sum(f.rows for f in files)
            # Each commit was made upon the version before it, or it would have failed.
            version = table.version + bool(new) + bool(files)
            lake.keep(table)
            return AppendResult(stage.name, rows, staged - rows, False, version)
        except CommitFailedError:
            time.sleep(min(0.002 * attempt, 0.1))
    raise LurcherError(
        f"{stage.name} changed {_ATTEMPTS} times while rows were added", "add the file again", str(folder)
    )


def _open_or_create(stage: TableStage, folder: Path) -> Any:
    from deltalake import DeltaTable, Schema
    from deltalake.exceptions import DeltaError

    if DeltaTable.is_deltatable(str(folder.absolute())):
        return open_delta(folder)
    folder.parent.mkdir(exist_ok=True)
    clash = next((f.name for f in folder.parent.iterdir() if f.name.casefold() == stage.name.casefold()), stage.name)
    if clash != stage.name:
        raise LurcherError(
            f"there is a table '{clash}', which differs from '{stage.name}' only in case", "use one name"
        )
    folder.mkdir(exist_ok=True)
    fields = [layout.delta_field(c, stage.stored[c.name], late=c.name in stage.late) for c in stage.columns]
    try:
        return DeltaTable.create(
            folder.absolute(),
            Schema([*fields, *layout.hidden_fields()]),
            mode="error",
            partition_by=[layout.DAY],
            name=stage.name,
            # What a commit says about its source is kept: the log is small, and never thrown away.
            configuration={"delta.logRetentionDuration": "interval 36500 days"},
            commit_properties=once(),
        )
    except DeltaError as error:
        if not DeltaTable.is_deltatable(str(folder.absolute())):
            raise failure(error, f"the table {stage.name} cannot be made", folder) from error
        return open_delta(folder)  # another process was first


def _new_columns(stage: TableStage, table: LakeTable, files: list[StagedFile]) -> list[Column]:
    """The columns that the table does not have. Raises `LakeChangedError` where what is staged does not fit any more."""
    types = {c.name: c.type for c in table.schema.columns}
    for column in stage.columns:
        if column.name in types and (
            types[column.name] is not column.type or table.physical[column.name] != stage.stored[column.name]
        ):
            raise LakeChangedError(f"{stage.name}.{column.name}")
    new = [c for c in stage.columns if c.name not in types]
    taken = {stored.casefold() for stored in table.physical.values()}
    if any(stage.stored[c.name].casefold() in taken for c in new):
        raise LakeChangedError(f"{stage.name}: names")
    # A string column that is in the table and not in these files would be null in them, and nothing says so.
    late = table.nullable_strings
    for c in table.schema.columns:
        if c.name not in late and any(table.physical[c.name] not in f.columns for f in files):
            raise LakeChangedError(f"{stage.name}.{c.name} is not in the staged rows")
    return new


def _unseen(table: LakeTable, seen: set[str]) -> dict[date | None, list[str]]:
    """The table's files that were not looked at before, by day; they count as seen from now on."""
    result: dict[date | None, list[str]] = defaultdict(list)
    for file in table.files:
        if file.path not in seen:
            seen.add(file.path)
            result[file.day].append(file.path)
    return result


def _moved(file: StagedFile, folder: Path, source: SourceId, number: int, writer: str) -> StagedFile:
    if file.path.is_relative_to(folder) and names.parse(file.path.name).ours:
        return file
    name = names.of_source(file.path, file.day, source.digest, number, writer)
    return replace(file, path=move(file, folder, name))


def _append(delta: Any, table: LakeTable, files: list[StagedFile], source: SourceId) -> None:
    from deltalake import Transaction

    root = files[0].path.parents[1]
    apply(
        delta,
        [added(table, root, f, data_change=True) for f in files],
        once(
            custom_metadata={"source": source.name, "digest": source.digest, "taken": source.taken.isoformat()},
            app_transactions=[Transaction(source.digest, 1)],
        ),
    )
