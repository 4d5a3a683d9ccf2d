"""Whole days are removed for their age: one commit a table, so that a reader sees all of them or none.

That a source was added stays known: adding it again adds nothing, and says that its rows were removed. The commit says how many
rows of which source it removed, so that `verify` can still count, and nobody wonders later where they are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lurcher.errors import LurcherError
from lurcher.lake.actions import apply, once, removed
from lurcher.lake.commit import open_delta
from lurcher.lake.contents import shares
from lurcher.lake.failures import told
from lurcher.lake.log import EXPIRED
from lurcher.lake.table import DataFile, LakeTable

_ATTEMPTS = 200


@dataclass(frozen=True, slots=True)
class Expired:
    """What of a table is, or would be, removed. `kept` are the rows that stay, `undated` those of them that have no time and so no
    age."""

    table: str
    before: date
    rows: int = 0
    bytes: int = 0
    files: int = 0
    days: int = 0
    first: date | None = None
    last: date | None = None
    kept: int = 0
    undated: int = 0
    sources: dict[str, int] = field(default_factory=dict)


def expirable(table: LakeTable, before: date) -> Expired:
    """What is older than the day `before`."""
    return _expired(table, before, _older(table, before), {})


def expire(lake: Path, name: str, before: date, *, now: datetime) -> Expired:
    """Remove the days before `before` from a table. `now` is the disk's clock. Raises `LurcherError` where it cannot be, and then
    the table is as it was."""
    from deltalake.exceptions import CommitFailedError

    folder = lake / "tables" / name
    counted: dict[frozenset[str], dict[str, int]] = {}
    for attempt in range(_ATTEMPTS):
        delta = open_delta(folder)
        table = LakeTable(name, folder, delta)
        old = _older(table, before)
        result = _expired(table, before, old, counted)
        if not old:
            return result
        actions: list[Any] = [removed(f, now, data_change=True) for f in old]
        said = {EXPIRED: {"before": before.isoformat(), "rows": result.sources}}
        try:
            with told(f"rows of {name} cannot be removed", folder, "then try again; the table is as it was"):
                apply(delta, actions, once(custom_metadata=said))
            return result
        except CommitFailedError:
            time.sleep(min(0.002 * attempt, 0.1))
    raise LurcherError(
        f"{name} changed {_ATTEMPTS} times while rows were removed", "try again when less is added", str(folder)
    )


def _older(table: LakeTable, before: date) -> list[DataFile]:
    return [f for f in table.files if f.day is not None and f.day < before]


def _expired(
    table: LakeTable, before: date, old: list[DataFile], counted: dict[frozenset[str], dict[str, int]]
) -> Expired:
    """`counted`: what was found of files before; a conflict does not make them all be read again."""
    key = frozenset(f.name for f in old)
    if key not in counted:
        counted[key] = {source: share.rows for source, share in shares(table, old).items()}
    days = {f.day for f in old if f.day is not None}
    rows = sum(f.rows for f in old)
    return Expired(
        table.name, before, rows, sum(f.bytes for f in old), len(old), len(days), min(days, default=None),
        max(days, default=None), table.row_count - rows, sum(f.rows for f in table.files if f.day is None), counted[key],
    )  # fmt: skip
