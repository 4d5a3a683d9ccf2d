"""Tests that run again when a file changes. By polling: no dependency, and it works on every file system."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from lurcher.content.loading import SIDECAR
from lurcher.errors import LurcherError

#: Files below a folder that are looked at.
MAX_FILES = 50_000
State = dict[Path, tuple[int, int]]


def state(paths: Iterable[Path]) -> State:
    """The files that paths stand for, with time and size of each. A named file counts with all beside it and below its folder that
    a test of it may read. Raises `LurcherError` where they are too many."""
    found: State = {}
    for path in paths:
        for file in _files(path if path.is_dir() else path.parent):
            try:
                stat = file.stat()
            except OSError:
                continue  # it went while we looked
            found[file] = stat.st_mtime_ns, stat.st_size
            if len(found) > MAX_FILES:
                raise LurcherError(
                    f"more than {MAX_FILES:,} files are below what is to be watched", "name a smaller folder", str(path)
                )
    return found


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith((".partial", "~")):
                yield Path(where, name)


def changed(before: State, after: State) -> set[Path]:
    return {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)}


def concerned(files: Iterable[Path], paths: Sequence[Path]) -> list[Path]:
    """What to run again of `paths` after `files` have changed: the rules that they are, or stand beside; all tests of a folder
    where it is a file of events, which any of them may read."""
    from lurcher.content.formats import suffixes
    from lurcher.content.testing.loading import SUFFIXES

    beside = (*SUFFIXES, SIDECAR, ".exclusions.yml")
    found: dict[Path, None] = {}
    for file in sorted(files):
        end = next((s for s in (*beside, *suffixes()) if file.name.endswith(s)), None)
        if end is None:
            # Events stand in the folder of a test or below it.
            folder = next(
                (f for f in file.parents if any(f.glob(f"*{SUFFIXES[0]}")) or any(f.glob(f"*{SUFFIXES[1]}"))), None
            )
            if folder is not None:
                tests = (t for s in SUFFIXES for t in sorted(folder.glob(f"*{s}")))
                found |= {t: None for t in tests if _within(t, paths)}
            continue
        stem = file.name[: -len(end)]
        rules = [r for s in suffixes() if (r := file.with_name(stem + s)).is_file()]
        found |= {r: None for r in rules if _within(r, paths)}
    return list(found)


def _within(file: Path, paths: Sequence[Path]) -> bool:
    stem = file.name.partition(".")[0]
    return any(
        file.is_relative_to(p) if p.is_dir() else file.parent == p.parent and p.name.partition(".")[0] == stem
        for p in paths
    )


def watch(
    paths: Sequence[Path],
    run: Callable[[Sequence[Path]], None],
    *,
    wait: Callable[[], None],
    rounds: int | None = None,
) -> None:
    """Run all, then again what a change concerns, until the user ends it (`wait` sleeps, and raises KeyboardInterrupt). `rounds`
    is for tests: how often to look."""
    before = state(paths)
    run(paths)
    while rounds is None or rounds > 0:
        wait()
        after = state(paths)
        files = changed(before, after)
        before = after
        todo = concerned(files, paths) if files else []
        if todo:
            run(todo)
        rounds = rounds - 1 if rounds is not None else None
