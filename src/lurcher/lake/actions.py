"""What a commit says of a table's files: added with their statistics, removed with the time at which they were."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lurcher.lake import layout
from lurcher.lake.staging import StagedFile
from lurcher.lake.table import DataFile, LakeTable


def once(**more: Any) -> Any:
    """The properties of a commit that is made upon the version that was read, or fails: delta-rs' own retries are off."""
    from deltalake import CommitProperties

    return CommitProperties(max_commit_retries=0, **more)


def added(table: LakeTable, root: Path, file: StagedFile, *, data_change: bool) -> Any:
    """The action that adds a file which is in the table's folder (`root`) already. Its time column has no null where it has a
    day, and nothing else where it has none. `table`: any version of it that has all of the file's columns."""
    from deltalake.transaction import AddAction

    time = table.schema.time_column
    stats: dict[str, Any] = {"numRecords": file.rows}
    if time is not None and file.first is not None and file.last is not None:
        stored = table.physical[time]
        stats |= {
            "minValues": {stored: text(file.first)},
            "maxValues": {stored: text(file.last)},
            "nullCount": {stored: 0},
        }
    stat = file.path.stat()
    return AddAction(
        file.path.relative_to(root).as_posix(),
        stat.st_size,
        {layout.DAY: file.day.isoformat() if file.day else None},
        int(stat.st_mtime * 1000),
        data_change,
        json.dumps(stats),
    )


def removed(file: DataFile, now: datetime, *, data_change: bool) -> Any:
    """The action that takes a file out of the table; it stays on disk for those who read an older version."""
    from deltalake.transaction import RemoveAction

    day = {layout.DAY: file.day.isoformat() if file.day else None}
    return RemoveAction(file.name, data_change, int(now.timestamp() * 1000), file.bytes, day)


def apply(delta: Any, actions: Sequence[Any], properties: Any) -> None:
    """One commit. Raises deltalake's `CommitFailedError` where another process came first."""
    from deltalake import PostCommitHookProperties

    delta.create_write_transaction(
        list(actions),
        "append",
        delta.schema(),
        [layout.DAY],
        commit_properties=properties,
        # The log is small, and says where every row came from: it is never thrown away.
        post_commithook_properties=PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False),
    )


def text(time: datetime) -> str:
    """A time as Delta's statistics have it. Not by strftime, which writes the year 1 as "1"."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
