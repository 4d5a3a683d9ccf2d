"""Files that no version of a table needs any more are removed: those that `optimize` and `expire` have replaced, after a time in
which readers that began before may still want them; and those of writers that were killed before their commit.

A file that is in no log is one of three: of a writer that is alive and about to commit it, of a dead one, or of a stranger.
Writers hold the lock of their folder below `staging/` until they are done, and the file's name says whose it is. So: first the
files are listed, then the writers that are alive, then the log is read. What a dead writer has committed is in that log, and
it will commit no more.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from lurcher.lake import names
from lurcher.lake.log import let_go
from lurcher.lake.staging import in_use

#: How long replaced files stay for readers that run.
KEEP = timedelta(hours=24)


@dataclass(slots=True)
class Unused:
    """Files (below the table's folder) that the table does not hold. `removable` may go, `waiting` are kept for readers or are too
    young, `written` belong to writers that are alive, `strange` are no files of ours and are never touched."""

    removable: list[tuple[str, int]] = field(default_factory=list)
    waiting: list[tuple[str, int]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.removable)


def unused(lake: Path, folder: Path, *, now: datetime, keep: timedelta = KEEP) -> Unused:
    """What is in a table's folder and not in its newest version."""
    from lurcher.lake.commit import open_delta
    from lurcher.lake.table import LakeTable

    found = list(_listed(folder))
    alive = {name[: names.WRITER_DIGITS] for name in in_use(lake)}
    held = {f.name for f in LakeTable(folder.name, folder, open_delta(folder)).files}
    recent = let_go(folder, now - keep)
    oldest = (now - keep).timestamp()
    result = Unused()
    for name, size, changed in found:
        if name in held:
            continue
        said = names.parse(name)
        temporary = name.startswith("_delta_log/")
        if not said.ours and not temporary:
            result.strange.append(name)
        elif said.writer in alive:
            result.written.append(name)
        elif name in recent or (changed > oldest and keep > timedelta()):
            result.waiting.append((name, size))
        elif temporary and keep <= timedelta():
            # Not known to be a dead writer's: only age tells.
            result.waiting.append((name, size))
        else:
            result.removable.append((name, size))
    return result


def vacuum(lake: Path, folder: Path, *, now: datetime, keep: timedelta = KEEP) -> Unused:
    """Remove what may go; what is told as `removable` is gone then. `now` is the disk's clock. A file that cannot be removed (a
    reader on Windows has it open) is told as `waiting`."""
    result = unused(lake, folder, now=now, keep=keep)
    gone = []
    for name, size in result.removable:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError:
            result.waiting.append((name, size))
        else:
            gone.append((name, size))
    result.removable = gone
    for day in {(folder / name).parent for name, _ in gone if "/" in name and not name.startswith("_")}:
        with contextlib.suppress(OSError):  # it has files
            day.rmdir()
    return result


def _listed(folder: Path) -> list[tuple[str, int, float]]:
    """(path below the folder with /, size, time of change) of every file but the log's own; of these only what a commit that was
    killed has left."""
    result = []
    for place, _, files in os.walk(folder):
        inside = os.path.relpath(place, folder).replace(os.sep, "/")
        for file in files:
            name = file if inside == "." else f"{inside}/{file}"
            if (
                name.startswith("_delta_log/")
                and not file.endswith((".tmp", ".crc"))
                and not file.startswith(("_commit_", "."))
            ):
                continue
            try:
                stat = os.stat(os.path.join(place, file))
            except OSError:
                continue
            result.append((name, stat.st_size, stat.st_mtime))
    return result
